//! Service principals and who is assigned to them (Graph reference, section 2).

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::call::{Answer, Call, Refusal, Reply};
use super::filter::{Filter, Function, Operator};
use super::groups::refuse_expand;
use super::index::View;
use super::page::{self, Listing, Rows, Window};
use super::properties::SERVICE_PRINCIPAL;
use super::query::{LIST_OPTIONS, Query, Rules};
use super::route::ApplicationKey;
use super::state::{Application, Row, State};
use super::switches::LargeTop;
use super::{Tenant, objects, registrations};

/// What service principals can be asked.
const RULES: Rules = Rules {
    resource: "ServicePrincipal",
    filterable: &["id", "appId", "displayName", "servicePrincipalType", "accountEnabled"],
    filterable_when_advanced: &["homepage", "appOwnerOrganizationId"],
    lists: &["tags", "servicePrincipalNames", "alternativeNames"],
    endings: &[],
    sortable: &["displayName"],
    sortable_when_advanced: &[],
    searchable: &["displayName"],
};
/// Rows of an expanded relation: the rest is left out without a word.
const EXPANDED: usize = 20;
/// Rows of the first page when the reported defect is switched on.
const KEPT_BY_DEFECT: usize = 100;

/// Answers `GET /servicePrincipals`.
pub fn list(tenant: &Tenant, call: &Call) -> Reply {
    let query = Query::of(call, &RULES)?;
    call.only(LIST_OPTIONS)?;
    refuse_expand(call, "servicePrincipal")?;
    let select = page::select(call, SERVICE_PRINCIPAL, "servicePrincipal")?;
    let state = tenant.state();
    let window = Window::of(call, &tenant.sealer, state.switches.large_top)?;
    let fits = |(id, held): &(Uuid, &Application)| {
        query.fits(&|name| objects::application_property(*id, held, name))
    };
    let rows = || -> Rows<'_, (Uuid, &Application)> {
        let all = state.applications.iter().map(|(id, held)| (*id, held)).filter(fits);
        Box::new(all.map(|(id, held)| (id.as_u128(), (id, held))))
    };
    let listing = Listing {
        context: "servicePrincipals",
        rows: page::ordered(rows(), &query, |(id, held), name| {
            objects::application_property(*id, held, name)
        }),
        show: |(id, held): (Uuid, &Application)| {
            Value::Object(objects::application(id, held, &select))
        },
        count: window.counts(call).then(|| rows().count()),
    };
    page::list(call, &tenant.faults, &tenant.sealer, window, listing)
}

/// Answers `GET /servicePrincipals/{id}`.
pub fn one(tenant: &Tenant, call: &Call, key: &ApplicationKey) -> Reply {
    call.only(&["$select", "$expand"])?;
    let select = page::select(call, SERVICE_PRINCIPAL, "servicePrincipal")?;
    let context = format!("{}/v1.0/$metadata#servicePrincipals/$entity", call.base);
    if let Some(mut shown) = registrations::principal(tenant, key, &select) {
        shown.insert("@odata.context".into(), context.into());
        return Ok(Answer::json(Value::Object(shown)));
    }
    let state = tenant.state();
    let (id, held) = found(&state, key)?;
    let mut shown = objects::application(id, held, &select);
    shown.insert("@odata.context".into(), context.into());
    match call.option("$expand") {
        None => {}
        Some("appRoleAssignedTo") => {
            let rows = state.rows_of(id).take(EXPANDED);
            let rows = rows.map(|(_, row)| Value::Object(assignment(&state, row))).collect();
            shown.insert("appRoleAssignedTo".into(), Value::Array(rows));
        }
        Some(other) => {
            let message = format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{other}' on type 'microsoft.graph.servicePrincipal'."
            );
            return Err(Refusal::new(400, "BadRequest", message));
        }
    }
    Ok(Answer::json(Value::Object(shown)))
}

/// Answers `GET /servicePrincipals/{id}/appRoleAssignedTo`. A page has 100 rows, or up to 999.
pub fn assignments(tenant: &Tenant, call: &Call, key: &ApplicationKey) -> Reply {
    call.only(&["$select", "$filter", "$top", "$count", "$skiptoken"])?;
    let filter = assignment_filter(call)?;
    let select = assignment_select(call)?;
    let state = tenant.state();
    let (id, _) = found(&state, key)?;
    let window = Window::of(call, &tenant.sealer, LargeTop::Clamp)?;
    let lost = state.switches.assignments_lost_without_top && call.option("$top").is_none();
    let most = if lost { KEPT_BY_DEFECT } else { usize::MAX };
    let fits = |row: &Row| {
        let shown = assignment(&state, row);
        let value = |name: &str| shown.get(name).cloned().unwrap_or(Value::Null);
        filter.as_ref().is_none_or(|filter| filter.fits(&value))
    };
    let view = View::of_rows(&state, tenant.clock.now());
    let rows = || view.rows_of(id).filter(|(_, row)| filter.is_none() || fits(row));
    let listing = Listing {
        context: "appRoleAssignments",
        rows: rows().take(most).map(|(key, row)| (u128::from(key), row)),
        show: |row: &Row| {
            let mut shown = assignment(&state, row);
            if let Some(select) = &select {
                shown.retain(|name, _| select.iter().any(|wanted| wanted == name));
            }
            Value::Object(shown)
        },
        count: (call.counted() && state.switches.assignments_counted).then(|| rows().count()),
    };
    page::list(call, &tenant.faults, &tenant.sealer, window, listing)
}

/// Reads the few filters that assignments know; `principalType` and `appRoleId` are refused.
fn assignment_filter(call: &Call) -> Result<Option<Filter>, Refusal> {
    let Some(text) = call.option("$filter") else {
        return Ok(None);
    };
    let filter = Filter::parse(text).map_err(|_| Refusal::bad("Invalid filter clause"))?;
    let mut odd = false;
    filter.properties(&mut |name, clause| {
        odd |= !match clause {
            Filter::Compare(_, Operator::Equals, _) => {
                name == "principalDisplayName" || name == "resourceId"
            }
            Filter::Call(Function::StartsWith, ..) => name == "principalDisplayName",
            _ => false,
        };
    });
    if odd { Err(Refusal::bad("Invalid filter clause")) } else { Ok(Some(filter)) }
}

fn assignment_select(call: &Call) -> Result<Option<Vec<String>>, Refusal> {
    const NAMES: &[&str] = &[
        "id",
        "deletedDateTime",
        "appRoleId",
        "createdDateTime",
        "principalDisplayName",
        "principalId",
        "principalType",
        "resourceDisplayName",
        "resourceId",
    ];
    let names = call.option("$select").map(page::split);
    let odd = names.iter().flatten().find(|name| !NAMES.contains(&name.as_str()));
    if let Some(name) = odd {
        let message = format!(
            "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type 'microsoft.graph.appRoleAssignment'."
        );
        return Err(Refusal::new(400, "BadRequest", message));
    }
    Ok(names)
}

fn assignment(state: &State, row: &Row) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("id", json!(row.id));
    put("deletedDateTime", Value::Null);
    put("appRoleId", json!(row.role.to_string()));
    put("createdDateTime", json!(row.created.to_string()));
    put("principalDisplayName", json!(state.display_name(row.principal)));
    put("principalId", json!(row.principal.to_string()));
    put("principalType", json!(row.principal_type.name()));
    put("resourceDisplayName", json!(state.display_name(row.application)));
    put("resourceId", json!(row.application.to_string()));
    shown
}

fn found<'a>(state: &'a State, key: &ApplicationKey) -> Result<(Uuid, &'a Application), Refusal> {
    match key {
        ApplicationKey::Object(text) => {
            let id = Uuid::try_parse(text)
                .map_err(|_| Refusal::bad(format!("Invalid object identifier '{text}'.")))?;
            let held = state.applications.get(&id).ok_or_else(|| Refusal::missing(text))?;
            Ok((id, held))
        }
        ApplicationKey::AppId(text) => state
            .applications
            .iter()
            .find(|(_, held)| {
                held.attributes.text("appId").is_some_and(|id| id.eq_ignore_ascii_case(text))
            })
            .map(|(id, held)| (*id, held))
            .ok_or_else(|| Refusal::missing(text)),
    }
}
