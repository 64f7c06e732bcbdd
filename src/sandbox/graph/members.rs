//! Members of groups, direct and transitive, with and without a cast; groups of somebody; objects
//! by their ids (Graph reference, sections 3 and 5).

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::sandbox::faults::FaultKind;

use super::call::{Answer, Call, Content, Refusal, Reply};
use super::groups::living_group;
use super::index::View;
use super::page::{self, Listing, Window};
use super::properties::{self, DEVICE, GROUP, Property, SERVICE_PRINCIPAL, USER};
use super::query::Query;
use super::route::{APPLICATION_READERS, DEVICE_READERS, GROUP_READERS, USER_READERS};
use super::state::Group;
use super::switches::HiddenMembers;
use super::{Tenant, objects, users};

/// Ids in one `getByIds`, at most.
const MOST_IDS: usize = 1000;

/// A kind of directory object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person.
    User,
    /// A group.
    Group,
    /// A device.
    Device,
    /// An application.
    ServicePrincipal,
}

impl Kind {
    /// Returns the kind with a name of the metadata, as `user`.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "user" => Self::User,
            "group" => Self::Group,
            "device" => Self::Device,
            "servicePrincipal" => Self::ServicePrincipal,
            _ => return None,
        })
    }

    /// Returns the name of the metadata.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Device => "device",
            Self::ServicePrincipal => "servicePrincipal",
        }
    }

    fn set(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Group => "groups",
            Self::Device => "devices",
            Self::ServicePrincipal => "servicePrincipals",
        }
    }

    fn table(self) -> &'static [Property] {
        match self {
            Self::User => USER,
            Self::Group => GROUP,
            Self::Device => DEVICE,
            Self::ServicePrincipal => SERVICE_PRINCIPAL,
        }
    }

    fn readers(self) -> &'static [&'static str] {
        match self {
            Self::User => USER_READERS,
            Self::Group => GROUP_READERS,
            Self::Device => DEVICE_READERS,
            Self::ServicePrincipal => APPLICATION_READERS,
        }
    }

    /// Returns the kind of an object outside the recycle bin, or `None`.
    fn of(view: &View<'_>, id: Uuid) -> Option<Self> {
        if let Some(person) = view.person(id) {
            return person.deleted.is_none().then_some(Self::User);
        }
        if let Some(group) = view.group(id) {
            return group.deleted.is_none().then_some(Self::Group);
        }
        if view.state.devices.contains_key(&id) {
            return Some(Self::Device);
        }
        view.state.applications.contains_key(&id).then_some(Self::ServicePrincipal)
    }
}

/// Answers the member lists. Members in the recycle bin are left out, members that the caller may
/// not read have nothing but an id.
pub fn list(
    tenant: &Tenant,
    call: &Call,
    key: &str,
    transitive: bool,
    cast: Option<Kind>,
) -> Reply {
    call.only(&["$select", "$filter", "$top", "$count", "$skiptoken"])?;
    let query = checked_query(tenant, call, cast)?;
    let select = select(call, cast)?;
    let state = tenant.state();
    let view = View::for_call(&state, call, cast.is_some(), tenant.clock.now());
    let (id, group) = living_group(&view, key)?;
    let all = below(&view, call, id, group, transitive)?;
    let window = Window::of(call, &tenant.sealer, state.switches.large_top)?;
    let null = tenant.faults.take(&[FaultKind::NullPeople], call.method.as_str(), &call.label);
    let listed = |member: &Uuid| seen(&view, *member, cast, &query);
    let listing = Listing {
        context: cast.map_or("directoryObjects", Kind::set),
        rows: all.iter().filter(|member| listed(member)).map(|id| (id.as_u128(), *id)),
        show: |member: Uuid| {
            element(&view, call, member, select.as_deref(), null.is_some(), cast.is_some())
        },
        count: window.counts(call).then(|| all.iter().filter(|member| listed(member)).count()),
    };
    page::list(call, &tenant.faults, &tenant.sealer, window, listing)
}

/// A cast with options and every filter are advanced queries.
fn checked_query(tenant: &Tenant, call: &Call, cast: Option<Kind>) -> Result<Query, Refusal> {
    let has_options = call.query.iter().any(|(name, _)| name.starts_with('$'));
    let strict = tenant.switches().cast_needs_eventual;
    if cast.is_some() && has_options && strict && !call.counted() {
        return Err(Refusal::unsupported(
            "A cast with query options requires the header 'ConsistencyLevel: eventual' and '$count=true'.",
        ));
    }
    if call.option("$filter").is_some() && !call.counted() {
        return Err(Refusal::unsupported(
            "A filter on members requires the header 'ConsistencyLevel: eventual' and '$count=true'.",
        ));
    }
    let rules = if cast == Some(Kind::Group) { &super::groups::RULES } else { &users::RULES };
    Query::of(call, rules)
}

/// Answers `/$count` behind a member list.
pub fn count(
    tenant: &Tenant,
    call: &Call,
    key: &str,
    transitive: bool,
    cast: Option<Kind>,
) -> Reply {
    users::refuse_plain_count(call)?;
    let query = checked_query(tenant, call, cast)?;
    let state = tenant.state();
    let view = View::indexed(&state, tenant.clock.now());
    let (id, group) = living_group(&view, key)?;
    let all = below(&view, call, id, group, transitive)?;
    let count = all.iter().filter(|member| seen(&view, **member, cast, &query)).count();
    Ok(Answer { status: 200, content: Content::Text(count.to_string()) })
}

/// Returns whether the caller sees the members of a group.
pub fn sees_members(call: &Call, hidden: HiddenMembers, group: &Group) -> bool {
    !group.hides_members() || hidden == HiddenMembers::Shown || call.may(&["Member.Read.Hidden"])
}

/// Returns the ids below a group that the caller may see: direct, or with those of nested groups.
fn below<'a>(
    view: &View<'a>,
    call: &Call,
    id: Uuid,
    group: &'a Group,
    transitive: bool,
) -> Result<Cow<'a, BTreeSet<Uuid>>, Refusal> {
    let hidden = view.state.switches.hidden_members;
    if !sees_members(call, hidden, group) {
        if hidden == HiddenMembers::Refused {
            return Err(Refusal::denied());
        }
        return Ok(Cow::Owned(BTreeSet::new()));
    }
    if !transitive {
        return Ok(Cow::Borrowed(&group.members));
    }
    let mut found = BTreeSet::new();
    let mut open = vec![id];
    while let Some(next) = open.pop() {
        let held = view.group(next).filter(|held| held.deleted.is_none());
        let Some(held) = held.filter(|held| sees_members(call, hidden, held)) else {
            continue;
        };
        for member in &held.members {
            if found.insert(*member) && view.group(*member).is_some() {
                open.push(*member);
            }
        }
    }
    // A group that contains itself in a circle is no member of its own.
    found.remove(&id);
    Ok(Cow::Owned(found))
}

fn select(call: &Call, cast: Option<Kind>) -> Result<Option<Vec<String>>, Refusal> {
    if let Some(kind) = cast {
        return page::select(call, kind.table(), kind.name()).map(Some);
    }
    let Some(text) = call.option("$select") else {
        return Ok(None);
    };
    let names = page::split(text);
    for name in &names {
        // Members are directory objects of any kind: a property of one kind will do.
        let others = [Kind::Group, Kind::Device, Kind::ServicePrincipal];
        let other = others.iter().any(|kind| properties::find(kind.table(), name).is_some());
        page::check(call, USER, "user", name).or_else(
            |refusal| {
                if other { Ok(()) } else { Err(refusal) }
            },
        )?;
    }
    Ok(Some(names))
}

fn seen(view: &View<'_>, id: Uuid, cast: Option<Kind>, query: &Query) -> bool {
    let Some(kind) = Kind::of(view, id) else {
        return false;
    };
    cast.is_none_or(|wanted| wanted == kind) && query.fits(&|name| property(view, id, kind, name))
}

fn property(view: &View<'_>, id: Uuid, kind: Kind, name: &str) -> Value {
    let found = match kind {
        Kind::User => {
            view.person(id).map(|person| objects::person_property(view.state, id, person, name))
        }
        Kind::Group => view.group(id).map(|group| objects::group_property(id, group, name)),
        Kind::ServicePrincipal => {
            let held = view.state.applications.get(&id);
            held.map(|held| objects::application_property(id, held, name))
        }
        Kind::Device if name == "id" => Some(json!(id.to_string())),
        Kind::Device => {
            let held = view.state.devices.get(&id);
            held.map(|held| properties::shown(DEVICE, held, name))
        }
    };
    found.unwrap_or(Value::Null)
}

/// Shows one directory object. Whom the caller may not read has an id and nothing else (Graph
/// reference, section 1.7).
fn element(
    view: &View<'_>,
    call: &Call,
    id: Uuid,
    select: Option<&[String]>,
    null_people: bool,
    cast: bool,
) -> Value {
    let Some(kind) = Kind::of(view, id) else {
        return Value::Null;
    };
    let readable = call.may(kind.readers()) && !(null_people && kind == Kind::User);
    let names = match select {
        None => page::defaults(kind.table()),
        // What a kind does not have is not shown for it.
        Some(names) => names
            .iter()
            .filter(|name| {
                properties::find(kind.table(), name).is_some() || properties::is_extension(name)
            })
            .cloned()
            .collect(),
    };
    let mut shown: Map<String, Value> = if readable {
        names.iter().map(|name| (name.clone(), property(view, id, kind, name))).collect()
    } else {
        names.iter().map(|name| (name.clone(), properties::hidden(kind.table(), name))).collect()
    };
    shown.insert("id".into(), json!(id.to_string()));
    if !cast || !readable {
        shown.insert("@odata.type".into(), json!(format!("#microsoft.graph.{}", kind.name())));
    }
    Value::Object(shown)
}

/// Answers `memberOf` and `transitiveMemberOf` of a person or a group: groups that contain it.
pub fn member_of(tenant: &Tenant, call: &Call, of: (Kind, &str), transitive: bool) -> Reply {
    call.only(&["$select", "$top", "$count", "$skiptoken"])?;
    let select = select(call, None)?;
    let state = tenant.state();
    let view = View::for_call(&state, call, false, tenant.clock.now());
    let (kind, key) = of;
    let start = match kind {
        Kind::User => users::found(&state, key)?.0,
        _ => living_group(&view, key)?.0,
    };
    let window = Window::of(call, &tenant.sealer, state.switches.large_top)?;
    let hidden = state.switches.hidden_members;
    let mut found = BTreeSet::new();
    let mut open = vec![start];
    while let Some(next) = open.pop() {
        for (id, group) in view.groups() {
            let holds = group.deleted.is_none()
                && group.members.contains(&next)
                && sees_members(call, hidden, group);
            if holds && found.insert(id) && transitive {
                open.push(id);
            }
        }
    }
    found.remove(&start);
    let listing = Listing {
        context: "directoryObjects",
        rows: found.iter().map(|id| (id.as_u128(), *id)),
        show: |id: Uuid| element(&view, call, id, select.as_deref(), false, false),
        count: window.counts(call).then_some(found.len()),
    };
    page::list(call, &tenant.faults, &tenant.sealer, window, listing)
}

#[derive(Deserialize)]
struct ByIds {
    ids: Vec<String>,
    #[serde(default)]
    types: Vec<String>,
}

/// Answers `POST /directoryObjects/getByIds`: what is there, sorted by id; the rest is left out
/// without a word.
pub fn by_ids(tenant: &Tenant, call: &Call) -> Reply {
    call.only(&["$select"])?;
    let asked: ByIds = serde_json::from_slice(&call.body)
        .map_err(|problem| Refusal::bad(format!("Invalid request body: {problem}")))?;
    if asked.ids.len() > MOST_IDS {
        return Err(Refusal::bad("The number of ids must not exceed 1000."));
    }
    let ids: Result<BTreeSet<Uuid>, _> = asked.ids.iter().map(|id| Uuid::try_parse(id)).collect();
    let ids = ids.map_err(|_| Refusal::bad("Invalid object identifier."))?;
    let any = asked.types.is_empty() || asked.types.iter().any(|name| name == "directoryObject");
    let kinds: Vec<Kind> = asked.types.iter().filter_map(|name| Kind::named(name)).collect();
    let select = select(call, None)?;
    let state = tenant.state();
    let view = View::current(&state);
    let wanted = |id: &Uuid| Kind::of(&view, *id).is_some_and(|kind| any || kinds.contains(&kind));
    let values = ids
        .into_iter()
        .filter(wanted)
        .map(|id| element(&view, call, id, select.as_deref(), false, false))
        .collect();
    let mut body = Map::new();
    let context = format!("{}/v1.0/$metadata#directoryObjects", call.base);
    body.insert("@odata.context".into(), context.into());
    body.insert("value".into(), Value::Array(values));
    Ok(Answer::json(Value::Object(body)))
}
