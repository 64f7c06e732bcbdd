//! `groups`, `groups/{id}` and members (Graph reference, section 5).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::sandbox::faults::FaultKind;

use super::call::{Answer, Call, Content, Refusal, Reply};
use super::filter::Filter;
use super::page::{self, Listing, Window};
use super::properties::{GROUP, USER};
use super::route::USER_READERS;
use super::state::{Group, State};
use super::{Tenant, objects, users};

const FILTERABLE: &[&str] =
    &["id", "displayName", "mail", "mailNickname", "mailEnabled", "securityEnabled"];

/// Answers `GET /groups`.
pub fn list(tenant: &Tenant, call: &Call) -> Reply {
    call.only(&["$select", "$filter", "$top", "$count", "$skiptoken"])?;
    let filter = filter(call)?;
    let select = page::select(call, GROUP, "group")?;
    let state = tenant.state();
    let window = Window::of(call, &tenant.sealer, state.switches.large_top)?;
    let rows = |filter: Option<Filter>| {
        let fits = move |id: Uuid, group: &Group| {
            let value = |name: &str| objects::group_property(id, group, name);
            filter.as_ref().is_none_or(|filter| filter.fits(&value))
        };
        state
            .groups
            .iter()
            .filter(|(_, group)| group.deleted.is_none())
            .filter(move |(id, group)| fits(**id, group))
            .map(|(id, group)| (id.as_u128(), (*id, group)))
    };
    let listing = Listing {
        context: "groups",
        rows: rows(filter.clone()),
        show: |(id, group): (Uuid, &Group)| Value::Object(objects::group(id, group, &select)),
        count: call.counted().then(|| rows(filter).count()),
    };
    page::list(call, &tenant.faults, &tenant.sealer, window, listing)
}

fn filter(call: &Call) -> Result<Option<Filter>, Refusal> {
    let Some(text) = call.option("$filter") else {
        return Ok(None);
    };
    let filter = Filter::parse(text)?;
    let mut odd = filter.advanced() && !call.counted();
    filter.properties(&mut |name, _| odd |= !FILTERABLE.contains(&name));
    if odd {
        return Err(Refusal::unsupported(
            "Unsupported or invalid query filter clause specified for resource 'Group'.",
        ));
    }
    Ok(Some(filter))
}

/// Answers `GET /groups/{id}`.
pub fn one(tenant: &Tenant, call: &Call, key: &str) -> Reply {
    call.only(&["$select"])?;
    let select = page::select(call, GROUP, "group")?;
    let state = tenant.state();
    let (id, group) = living(&state, key)?;
    let mut shown = objects::group(id, group, &select);
    let context = format!("{}/v1.0/$metadata#groups/$entity", call.base);
    shown.insert("@odata.context".into(), context.into());
    Ok(Answer::json(Value::Object(shown)))
}

/// Returns a group outside the recycle bin.
fn living<'a>(state: &'a State, key: &str) -> Result<(Uuid, &'a Group), Refusal> {
    let id = Uuid::try_parse(key)
        .map_err(|_| Refusal::bad(format!("Invalid object identifier '{key}'.")))?;
    match state.groups.get(&id) {
        Some(group) if group.deleted.is_none() => Ok((id, group)),
        _ => Err(Refusal::missing(key)),
    }
}

/// Answers the member lists. Members in the recycle bin are left out, members that the caller may
/// not read have nothing but an id.
pub fn members(tenant: &Tenant, call: &Call, key: &str, transitive: bool, people: bool) -> Reply {
    call.only(&["$select", "$filter", "$top", "$count", "$skiptoken"])?;
    let state = tenant.state();
    let has_options = call.query.iter().any(|(name, _)| name.starts_with('$'));
    let advanced = call.eventual() && call.asks_count();
    if people && has_options && state.switches.cast_needs_eventual && !advanced {
        return Err(Refusal::unsupported(
            "A cast with query options requires the header 'ConsistencyLevel: eventual' and '$count=true'.",
        ));
    }
    if call.option("$filter").is_some() && !advanced {
        return Err(Refusal::unsupported(
            "A filter on members requires the header 'ConsistencyLevel: eventual' and '$count=true'.",
        ));
    }
    let filter = users::filter(call)?;
    let select = member_select(call, people)?;
    let (id, group) = living(&state, key)?;
    let all = if transitive { closure(&state, id) } else { group.members.clone() };
    let window = Window::of(call, &tenant.sealer, state.switches.large_top)?;
    let null = tenant.faults.take(&[FaultKind::NullPeople], call.method.as_str(), &call.label);
    let readable = call.may(USER_READERS) && null.is_none();
    let shown = |member: &Uuid| seen(&state, *member, people, filter.as_ref());
    let count = advanced.then(|| all.iter().filter(|member| shown(member)).count());
    let context = if people { "users" } else { "directoryObjects" };
    let listing = Listing {
        context,
        rows: all.iter().filter(|member| shown(member)).map(|id| (id.as_u128(), *id)),
        show: |member: Uuid| element(&state, member, select.as_deref(), readable, people),
        count,
    };
    page::list(call, &tenant.faults, &tenant.sealer, window, listing)
}

/// Answers `GET /groups/{id}/members/$count`.
pub fn members_count(tenant: &Tenant, call: &Call, key: &str) -> Reply {
    users::refuse_plain_count(call)?;
    let state = tenant.state();
    let (_, group) = living(&state, key)?;
    let count = group.members.iter().filter(|member| seen(&state, **member, false, None)).count();
    Ok(Answer { status: 200, content: Content::Text(count.to_string()) })
}

fn member_select(call: &Call, people: bool) -> Result<Option<Vec<String>>, Refusal> {
    if people {
        return page::select(call, USER, "user").map(Some);
    }
    let Some(text) = call.option("$select") else {
        return Ok(None);
    };
    let names = page::split(text);
    for name in &names {
        // Members are directory objects of any kind: a property of one kind will do.
        let of_group = page::check(call, GROUP, "group", name);
        page::check(call, USER, "user", name).or(of_group)?;
    }
    Ok(Some(names))
}

fn seen(state: &State, member: Uuid, people: bool, filter: Option<&Filter>) -> bool {
    match (state.people.get(&member), state.groups.get(&member)) {
        (Some(person), _) => {
            let value = |name: &str| objects::person_property(state, member, person, name);
            person.deleted.is_none() && filter.is_none_or(|filter| filter.fits(&value))
        }
        (None, Some(group)) => !people && filter.is_none() && group.deleted.is_none(),
        (None, None) => false,
    }
}

fn element(
    state: &State,
    member: Uuid,
    select: Option<&[String]>,
    readable: bool,
    cast: bool,
) -> Value {
    let names = |table| select.map_or_else(|| page::defaults(table), <[String]>::to_vec);
    let (kind, mut shown): (_, Map<String, Value>) =
        match (state.people.get(&member), state.groups.get(&member)) {
            (Some(person), _) if readable => {
                ("user", objects::person(state, member, person, &names(USER)))
            }
            (Some(_), _) => ("user", objects::unreadable_person(member, &names(USER))),
            (None, Some(group)) => ("group", objects::group(member, group, &names(GROUP))),
            (None, None) => return Value::Null,
        };
    if !cast || !readable {
        shown.insert("@odata.type".into(), json!(format!("#microsoft.graph.{kind}")));
    }
    Value::Object(shown)
}

/// Returns everybody below a group, nested groups included.
fn closure(state: &State, group: Uuid) -> BTreeSet<Uuid> {
    let mut found = BTreeSet::new();
    let mut open = vec![group];
    while let Some(next) = open.pop() {
        let members = state.groups.get(&next).filter(|held| held.deleted.is_none());
        for member in members.into_iter().flat_map(|held| &held.members) {
            if found.insert(*member) && state.groups.contains_key(member) {
                open.push(*member);
            }
        }
    }
    found.remove(&group);
    found
}
