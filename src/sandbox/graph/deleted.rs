//! The recycle bin (Graph reference, section 6).

use serde_json::{Value, json};
use uuid::Uuid;

use super::call::{Answer, Call, Refusal, Reply};
use super::page::{self, Listing, Window};
use super::properties::{GROUP, USER};
use super::route::{DELETED_GROUP_READERS, USER_READERS};
use super::state::{Group, Person};
use super::{Tenant, objects};

/// Answers `GET /directory/deletedItems/microsoft.graph.user`.
pub fn users(tenant: &Tenant, call: &Call) -> Reply {
    call.only(&["$select", "$top", "$count", "$skiptoken"])?;
    let select = with_date(call, page::select(call, USER, "user")?);
    let state = tenant.state();
    let window = Window::of(call, &tenant.sealer, state.switches.large_top)?;
    let rows = || state.people.iter().filter(|(_, person)| person.deleted.is_some());
    let listing = Listing {
        context: "users",
        rows: rows().map(|(id, person)| (id.as_u128(), (*id, person))),
        show: |(id, person): (Uuid, &Person)| {
            Value::Object(objects::person(&state, id, person, &select))
        },
        count: call.counted().then(|| rows().count()),
    };
    page::list(call, &tenant.faults, &tenant.sealer, window, listing)
}

/// Answers `GET /directory/deletedItems/microsoft.graph.group`.
pub fn groups(tenant: &Tenant, call: &Call) -> Reply {
    call.only(&["$select", "$top", "$count", "$skiptoken"])?;
    let select = with_date(call, page::select(call, GROUP, "group")?);
    let state = tenant.state();
    let window = Window::of(call, &tenant.sealer, state.switches.large_top)?;
    let rows = || state.groups.iter().filter(|(_, group)| group.deleted.is_some());
    let listing = Listing {
        context: "groups",
        rows: rows().map(|(id, group)| (id.as_u128(), (*id, group))),
        show: |(id, group): (Uuid, &Group)| Value::Object(objects::group(id, group, &select)),
        count: call.counted().then(|| rows().count()),
    };
    page::list(call, &tenant.faults, &tenant.sealer, window, listing)
}

/// Answers `GET /directory/deletedItems/{id}`.
pub fn one(tenant: &Tenant, call: &Call, key: &str) -> Reply {
    call.only(&["$select"])?;
    let id = Uuid::try_parse(key)
        .map_err(|_| Refusal::bad(format!("Invalid object identifier '{key}'.")))?;
    let state = tenant.state();
    let person = state.people.get(&id).filter(|person| person.deleted.is_some());
    let group = state.groups.get(&id).filter(|group| group.deleted.is_some());
    let readers = if group.is_some() { DELETED_GROUP_READERS } else { USER_READERS };
    if !call.may(readers) {
        return Err(Refusal::denied());
    }
    let (kind, mut shown) = match (person, group) {
        (Some(person), _) => {
            let select = with_date(call, page::select(call, USER, "user")?);
            ("user", objects::person(&state, id, person, &select))
        }
        (None, Some(group)) => {
            let select = with_date(call, page::select(call, GROUP, "group")?);
            ("group", objects::group(id, group, &select))
        }
        (None, None) => return Err(Refusal::missing(key)),
    };
    let context = format!("{}/v1.0/$metadata#directoryObjects/$entity", call.base);
    shown.insert("@odata.context".into(), json!(context));
    shown.insert("@odata.type".into(), json!(format!("#microsoft.graph.{kind}")));
    Ok(Answer::json(Value::Object(shown)))
}

/// Deleted objects come with their date unless the caller selects something else.
fn with_date(call: &Call, mut select: Vec<String>) -> Vec<String> {
    if call.option("$select").is_none() && !select.iter().any(|name| name == "deletedDateTime") {
        select.push("deletedDateTime".to_owned());
    }
    select
}
