//! `users` and `users/{id}` (Graph reference, section 3).

use serde_json::Value;
use uuid::Uuid;

use super::call::{Answer, Call, Content, Refusal, Reply};
use super::filter::Filter;
use super::page::{self, Listing, Window};
use super::properties::USER;
use super::state::{Person, State};
use super::{Tenant, objects};

const FILTERABLE: &[&str] = &[
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
];
/// Properties that can only be filtered by an advanced query.
const FILTERABLE_WHEN_ADVANCED: &[&str] =
    &["companyName", "officeLocation", "mobilePhone", "employeeType", "postalCode"];

/// Answers `GET /users`.
pub fn list(tenant: &Tenant, call: &Call) -> Reply {
    call.only(&["$select", "$filter", "$top", "$count", "$skiptoken"])?;
    let filter = filter(call)?;
    let select = page::select(call, USER, "user")?;
    let state = tenant.state();
    let window = Window::of(call, &tenant.sealer, state.switches.large_top)?;
    let count = call.counted().then(|| living(&state, filter.as_ref(), None).count());
    let listing = Listing {
        context: "users",
        rows: living(&state, filter.as_ref(), window.after),
        show: |(id, person): (Uuid, &Person)| {
            Value::Object(objects::person(&state, id, person, &select))
        },
        count,
    };
    page::list(call, &tenant.faults, &tenant.sealer, window, listing)
}

/// Answers `GET /users/$count`.
pub fn count(tenant: &Tenant, call: &Call) -> Reply {
    refuse_plain_count(call)?;
    let filter = filter(call)?;
    let count = living(&tenant.state(), filter.as_ref(), None).count();
    Ok(Answer { status: 200, content: Content::Text(count.to_string()) })
}

/// Answers `GET /users/{id}`, where the id may be a user principal name.
pub fn one(tenant: &Tenant, call: &Call, key: &str) -> Reply {
    call.only(&["$select"])?;
    let select = page::select(call, USER, "user")?;
    let state = tenant.state();
    let id = Uuid::try_parse(key).ok().or_else(|| state.person_by_upn(key));
    let person = id.and_then(|id| state.people.get(&id).map(|person| (id, person)));
    match person {
        Some((id, person)) if person.deleted.is_none() => {
            let mut shown = objects::person(&state, id, person, &select);
            let context = format!("{}/v1.0/$metadata#users/$entity", call.base);
            shown.insert("@odata.context".into(), context.into());
            Ok(Answer::json(Value::Object(shown)))
        }
        _ => Err(Refusal::missing(key)),
    }
}

/// Refuses `/$count` without `ConsistencyLevel: eventual` (Graph reference, section 3).
pub fn refuse_plain_count(call: &Call) -> Result<(), Refusal> {
    if call.eventual() {
        return Ok(());
    }
    Err(Refusal::bad("$count is not currently supported."))
}

/// Reads `$filter` of a list of people.
pub fn filter(call: &Call) -> Result<Option<Filter>, Refusal> {
    let Some(text) = call.option("$filter") else {
        return Ok(None);
    };
    let filter = Filter::parse(text)?;
    let advanced = call.counted();
    if filter.advanced() && !advanced {
        return Err(Refusal::unsupported(
            "Operator is not supported because the required parameters might be missing: ConsistencyLevel: eventual and $count=true.",
        ));
    }
    let mut odd = None;
    filter.properties(&mut |name, _| {
        let known =
            FILTERABLE.contains(&name) || (advanced && FILTERABLE_WHEN_ADVANCED.contains(&name));
        if !known {
            odd.get_or_insert_with(|| name.to_owned());
        }
    });
    match odd {
        None => Ok(Some(filter)),
        Some(name) => Err(Refusal::unsupported(format!(
            "Unsupported or invalid query filter clause specified for property '{name}' of resource 'User'."
        ))),
    }
}

/// Returns people outside the recycle bin that fit, after a key, sorted by id.
fn living<'a>(
    state: &'a State,
    filter: Option<&'a Filter>,
    after: Option<u128>,
) -> Box<dyn Iterator<Item = (u128, (Uuid, &'a Person))> + 'a> {
    let named = filter.and_then(Filter::ids);
    if let Some(mut ids) = named {
        ids.sort_unstable();
        ids.dedup();
        let found = ids.into_iter().filter_map(|id| state.people.get(&id).map(|held| (id, held)));
        return Box::new(
            found
                .filter(|(_, person)| person.deleted.is_none())
                .map(|(id, person)| (id.as_u128(), (id, person))),
        );
    }
    let from = Uuid::from_u128(after.unwrap_or(0));
    let fits = move |id: Uuid, person: &Person| {
        filter.is_none_or(|filter| {
            filter.fits(&|name| objects::person_property(state, id, person, name))
        })
    };
    Box::new(
        state
            .people
            .range(from..)
            .filter(|(_, person)| person.deleted.is_none())
            .filter(move |(id, person)| fits(**id, person))
            .map(|(id, person)| (id.as_u128(), (*id, person))),
    )
}
