//! `users`, `users/{id}` and managers (Graph reference, section 3).

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::call::{Answer, Call, Content, Refusal, Reply};
use super::index::View;
use super::page::{self, Listing, Rows, Window};
use super::properties::USER;
use super::query::{Expand, LIST_OPTIONS, Query, Rules, expand_manager};
use super::state::{Person, State};
use super::{Tenant, objects};

/// What people can be asked.
pub const RULES: Rules = Rules {
    resource: "User",
    filterable: &[
        "id",
        "userPrincipalName",
        "mail",
        "accountEnabled",
        "displayName",
        "givenName",
        "surname",
        "mailNickname",
        "jobTitle",
        "department",
        "userType",
        "employeeId",
        "city",
        "country",
        "state",
        "usageLocation",
        "onPremisesImmutableId",
        "onPremisesSyncEnabled",
        "creationType",
        "createdDateTime",
        "externalUserState",
        "preferredLanguage",
    ],
    filterable_when_advanced: &[
        "companyName",
        "officeLocation",
        "mobilePhone",
        "employeeType",
        "postalCode",
        "streetAddress",
        "faxNumber",
        "onPremisesSamAccountName",
        "employeeHireDate",
    ],
    lists: &["proxyAddresses", "otherMails", "imAddresses", "identities", "businessPhones"],
    endings: &["mail", "userPrincipalName"],
    sortable: &["displayName", "userPrincipalName"],
    sortable_when_advanced: &["createdDateTime", "mail", "givenName", "surname", "jobTitle"],
    searchable: &[
        "displayName",
        "givenName",
        "mail",
        "mailNickname",
        "surname",
        "userPrincipalName",
    ],
};

/// Answers `GET /users`.
pub fn list(tenant: &Tenant, call: &Call) -> Reply {
    let query = Query::of(call, &RULES)?;
    call.only(LIST_OPTIONS)?;
    let select = page::select(call, USER, "user")?;
    let expand = expand_manager(call)?;
    let state = tenant.state();
    let expands = state.switches.manager_expands_with_filter;
    if expand.is_some() && query.filter().is_some() && !expands {
        return Err(Refusal::unsupported(
            "The query option '$expand' is not supported together with '$filter'.",
        ));
    }
    let view = View::for_call(&state, call, false, tenant.clock.now());
    let window = Window::of(call, &tenant.sealer, state.switches.large_top)?;
    let count = window.counts(call).then(|| living(&view, &query, None).count());
    let rows = living(&view, &query, window.after);
    let listing = Listing {
        context: "users",
        rows: page::ordered(rows, &query, |(id, person), name| {
            objects::person_property(&state, *id, person, name)
        }),
        show: |(id, person): (Uuid, &Person)| {
            let mut shown = objects::person(&state, id, person, &select);
            put_manager(&state, person, expand.as_ref(), &mut shown);
            Value::Object(shown)
        },
        count,
    };
    page::list(call, &tenant.faults, &tenant.sealer, window, listing)
}

/// Answers `GET /users/$count`.
pub fn count(tenant: &Tenant, call: &Call) -> Reply {
    refuse_plain_count(call)?;
    let query = Query::of(call, &RULES)?;
    let state = tenant.state();
    let view = View::indexed(&state, tenant.clock.now());
    let count = living(&view, &query, None).count();
    Ok(Answer { status: 200, content: Content::Text(count.to_string()) })
}

/// Answers `GET /users/{id}`, where the id may be a user principal name.
pub fn one(tenant: &Tenant, call: &Call, key: &str) -> Reply {
    call.only(&["$select", "$expand", "$count"])?;
    let select = page::select(call, USER, "user")?;
    let expand = expand_manager(call)?;
    let state = tenant.state();
    let (id, person) = found(&state, key)?;
    let mut shown = objects::person(&state, id, person, &select);
    put_manager(&state, person, expand.as_ref(), &mut shown);
    let context = format!("{}/v1.0/$metadata#users/$entity", call.base);
    shown.insert("@odata.context".into(), context.into());
    Ok(Answer::json(Value::Object(shown)))
}

/// Answers `GET /users/{id}/manager`.
pub fn manager(tenant: &Tenant, call: &Call, key: &str) -> Reply {
    call.only(&["$select"])?;
    let select = page::select(call, USER, "user")?;
    let state = tenant.state();
    let (_, person) = found(&state, key)?;
    let (id, manager) = state.manager(person).ok_or_else(|| Refusal::missing("manager"))?;
    let mut shown = objects::person(&state, id, manager, &select);
    let context = format!("{}/v1.0/$metadata#directoryObjects/$entity", call.base);
    shown.insert("@odata.context".into(), context.into());
    shown.insert("@odata.type".into(), json!("#microsoft.graph.user"));
    Ok(Answer::json(Value::Object(shown)))
}

/// Returns a person outside the recycle bin, by id or user principal name.
pub fn found<'a>(state: &'a State, key: &str) -> Result<(Uuid, &'a Person), Refusal> {
    let id = Uuid::try_parse(key).ok().or_else(|| state.person_by_upn(key));
    let person = id.and_then(|id| state.people.get(&id).map(|person| (id, person)));
    person.filter(|(_, person)| person.deleted.is_none()).ok_or_else(|| Refusal::missing(key))
}

/// Puts the manager beside a person's properties; who has none has no such member.
fn put_manager(
    state: &State,
    person: &Person,
    expand: Option<&Expand>,
    shown: &mut Map<String, Value>,
) {
    let Some((expand, (id, manager))) = expand.zip(state.manager(person)) else {
        return;
    };
    let mut inner = objects::person(state, id, manager, &expand.select);
    inner.insert("@odata.type".into(), json!("#microsoft.graph.user"));
    shown.insert("manager".into(), Value::Object(inner));
}

/// Refuses `/$count` without `ConsistencyLevel: eventual` (Graph reference, section 3).
pub fn refuse_plain_count(call: &Call) -> Result<(), Refusal> {
    if call.eventual() {
        return Ok(());
    }
    Err(Refusal::bad("$count is not currently supported."))
}

/// Returns people outside the recycle bin that fit, after a key unless they are to be sorted.
fn living<'a>(
    view: &'a View<'a>,
    query: &'a Query,
    after: Option<u128>,
) -> Rows<'a, (Uuid, &'a Person)> {
    let fits = |id: Uuid, person: &Person| {
        person.deleted.is_none()
            && query.fits(&|name| objects::person_property(view.state, id, person, name))
    };
    if let Some(mut ids) = query.filter().and_then(|filter| filter.ids()) {
        ids.sort_unstable();
        ids.dedup();
        let found = ids.into_iter().filter_map(|id| view.person(id).map(|held| (id, held)));
        return Box::new(
            found
                .filter(move |(id, person)| fits(*id, person))
                .map(|(id, person)| (id.as_u128(), (id, person))),
        );
    }
    let from = if query.order.is_some() { 0 } else { after.unwrap_or(0) };
    Box::new(
        view.people(Uuid::from_u128(from))
            .filter(move |(id, person)| fits(*id, person))
            .map(|(id, person)| (id.as_u128(), (id, person))),
    )
}
