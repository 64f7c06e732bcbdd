//! `groups` and `groups/{id}` (Graph reference, section 5).

use serde_json::Value;
use uuid::Uuid;

use super::call::{Answer, Call, Content, Refusal, Reply};
use super::index::View;
use super::page::{self, Listing, Rows, Window};
use super::properties::GROUP;
use super::query::{LIST_OPTIONS, Query, Rules};
use super::state::Group;
use super::users::refuse_plain_count;
use super::{Tenant, objects};

/// What groups can be asked.
pub const RULES: Rules = Rules {
    resource: "Group",
    filterable: &[
        "id",
        "displayName",
        "mail",
        "mailNickname",
        "mailEnabled",
        "securityEnabled",
        "createdDateTime",
        "description",
        "onPremisesSyncEnabled",
        "uniqueName",
    ],
    filterable_when_advanced: &["visibility", "onPremisesSamAccountName", "membershipRule"],
    lists: &["groupTypes", "proxyAddresses"],
    endings: &["mail"],
    sortable: &["displayName"],
    sortable_when_advanced: &["createdDateTime", "mail", "mailNickname"],
    searchable: &["description", "displayName", "mail", "mailNickname"],
};

/// Answers `GET /groups`.
pub fn list(tenant: &Tenant, call: &Call) -> Reply {
    let query = Query::of(call, &RULES)?;
    call.only(LIST_OPTIONS)?;
    refuse_expand(call, "group")?;
    let select = page::select(call, GROUP, "group")?;
    let state = tenant.state();
    let view = View::for_call(&state, call, false, tenant.clock.now());
    let window = Window::of(call, &tenant.sealer, state.switches.large_top)?;
    let value =
        |(id, group): &(Uuid, &Group), name: &str| objects::group_property(*id, group, name);
    let listing = Listing {
        context: "groups",
        rows: page::ordered(living(&view, &query), &query, value),
        show: |(id, group): (Uuid, &Group)| Value::Object(objects::group(id, group, &select)),
        count: window.counts(call).then(|| living(&view, &query).count()),
    };
    page::list(call, &tenant.faults, &tenant.sealer, window, listing)
}

/// Answers `GET /groups/$count`.
pub fn count(tenant: &Tenant, call: &Call) -> Reply {
    refuse_plain_count(call)?;
    let query = Query::of(call, &RULES)?;
    let state = tenant.state();
    let view = View::indexed(&state, tenant.clock.now());
    let count = living(&view, &query).count();
    Ok(Answer { status: 200, content: Content::Text(count.to_string()) })
}

fn living<'a>(view: &'a View<'a>, query: &'a Query) -> Rows<'a, (Uuid, &'a Group)> {
    let fits = |id: Uuid, group: &Group| {
        group.deleted.is_none() && query.fits(&|name| objects::group_property(id, group, name))
    };
    Box::new(
        view.groups()
            .filter(move |(id, group)| fits(*id, group))
            .map(|(id, group)| (id.as_u128(), (id, group))),
    )
}

/// Refuses every relation: none of this kind of object is shown with it.
pub fn refuse_expand(call: &Call, kind: &str) -> Result<(), Refusal> {
    match call.option("$expand") {
        None => Ok(()),
        Some(text) => {
            let message = format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{text}' on type 'microsoft.graph.{kind}' that can be expanded here."
            );
            Err(Refusal::new(400, "BadRequest", message))
        }
    }
}

/// Answers `GET /groups/{id}`.
pub fn one(tenant: &Tenant, call: &Call, key: &str) -> Reply {
    call.only(&["$select"])?;
    let select = page::select(call, GROUP, "group")?;
    let state = tenant.state();
    let (id, group) = living_group(&View::current(&state), key)?;
    let mut shown = objects::group(id, group, &select);
    let context = format!("{}/v1.0/$metadata#groups/$entity", call.base);
    shown.insert("@odata.context".into(), context.into());
    Ok(Answer::json(Value::Object(shown)))
}

/// Returns a group outside the recycle bin.
pub fn living_group<'a>(view: &View<'a>, key: &str) -> Result<(Uuid, &'a Group), Refusal> {
    let id = Uuid::try_parse(key)
        .map_err(|_| Refusal::bad(format!("Invalid object identifier '{key}'.")))?;
    match view.group(id) {
        Some(group) if group.deleted.is_none() => Ok((id, group)),
        _ => Err(Refusal::missing(key)),
    }
}
