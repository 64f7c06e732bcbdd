//! The control API under `/_sandbox`, on the address of Entra ID and Graph. JSON in, JSON out, no
//! sign-in; requests for it are neither counted nor befallen by faults.
//!
//! | Route | Does |
//! |---|---|
//! | `GET /_sandbox` | lists the routes |
//! | `GET /_sandbox/state` | totals, clock, application, permissions, switches; with `?full=true` also people, groups, assignments and accounts |
//! | `GET /_sandbox/people` | people; `enabled`, `guest`, `deleted`, `entitled` = `true` or `false`, `group` = id or name, `query` = part of a name or address, `offset`, `limit` |
//! | `POST /_sandbox/people` | adds one: properties by Graph's names, and if wanted `manager` (who), `groups` (ids or names) and `role` (assigns them) |
//! | `GET`, `PATCH`, `DELETE /_sandbox/people/{who}` | reads, changes (null clears), puts into the recycle bin; `?hard=true` deletes for good. `who` is an id, a user principal name or an address |
//! | `POST /_sandbox/people/{who}/restore` | takes out of the recycle bin |
//! | `GET`, `POST /_sandbox/groups` | groups; adds one, if wanted with `members` and `role` |
//! | `GET`, `PATCH`, `DELETE /_sandbox/groups/{which}` | reads, changes, deletes; `which` is an id or a name |
//! | `POST /_sandbox/groups/{which}/restore` | takes a Microsoft 365 group out of the recycle bin |
//! | `POST /_sandbox/groups/{which}/members` | `{"add": [who…], "remove": [who…]}` |
//! | `GET`, `POST /_sandbox/assignments` | rows; adds one: `{"principal": id, name or address, "role": id, value, name or "default"}` |
//! | `DELETE /_sandbox/assignments/{row or principal}` | takes a row away, or all of a principal |
//! | `GET /_sandbox/scenario` | what happened by itself, with what went wrong, and what is still to come |
//! | `GET`, `PATCH /_sandbox/clock` | the time, and whether it can be moved; `{"advance_secs": n}` moves it |
//! | `POST /_sandbox/clock` | the same as PATCH |
//! | `GET /_sandbox/credentials` | addresses and credentials of both ends |
//! | `PATCH /_sandbox/credentials` | `client_secret`, `expire_secrets`, `certificate_pem`, `remove_certificates`, `enabled` of the app registration |
//!
//! What concerns the emulation of Entra ID and Graph is at [`graph::control`]: its switches,
//! permissions, further credentials, subscriptions, synchronization and throttling.
//!
//! What concerns ShareFile is at [`super::sharefile`]: accounts, mails, settings, groups, zones,
//! policies, devices; and with it what was asked of both ends, and faults.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::clock::{Clock, JumpClock};

use super::counts::Counts;
use super::faults::Faults;
use super::graph::attributes::Attributes;
use super::graph::views::{GroupView, NewGroup, NewPerson, PersonView};
use super::graph::{self, Tenant, TenantError};
use super::reach::{Credentials, Reach};
use super::scenario::Timeline;
use super::sharefile::{Sharefile, control_routes};

/// What the control API works on.
#[derive(Clone)]
pub struct Controls {
    /// The tenant of Entra ID.
    pub entra: Arc<Tenant>,
    /// The tenant of ShareFile.
    pub sharefile: Arc<Sharefile>,
    /// The clock of both ends.
    pub clock: Arc<dyn Clock>,
    /// The same clock, if it can be moved.
    pub jump_clock: Option<Arc<JumpClock>>,
    /// What happens by itself, if a scenario is told.
    pub timeline: Option<Arc<Timeline>>,
    /// Under which names both ends are reached; known once they listen.
    pub reached: Arc<OnceLock<Reach>>,
}

/// Why the control API refuses.
#[derive(Debug)]
pub enum Problem {
    /// The request is not understood.
    Malformed(String),
    /// There is no such thing.
    Missing(String),
    /// It cannot be done now.
    Conflict(String),
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Malformed(text) => (StatusCode::BAD_REQUEST, text),
            Self::Missing(text) => (StatusCode::NOT_FOUND, text),
            Self::Conflict(text) => (StatusCode::CONFLICT, text),
        };
        (status, Json(json!({ "error": text }))).into_response()
    }
}

impl From<TenantError> for Problem {
    fn from(error: TenantError) -> Self {
        let text = error.to_string();
        match error {
            TenantError::NoPerson(_)
            | TenantError::NoGroup(_)
            | TenantError::NoPrincipal(_)
            | TenantError::NoRow(_) => Self::Missing(text),
            TenantError::Taken(_) => Self::Conflict(text),
            TenantError::NoRole(_)
            | TenantError::NoProperty(_)
            | TenantError::Missing(_)
            | TenantError::Certificate(_) => Self::Malformed(text),
        }
    }
}

/// What a route answers.
pub type Reply = Result<Response, Problem>;

/// Returns the routes.
pub fn routes(controls: Controls, faults: Arc<Faults>, counts: Arc<Counts>) -> Router {
    let shared = control_routes(controls.sharefile.clone(), faults, counts);
    Router::new()
        .route("/_sandbox", get(index))
        .route("/_sandbox/state", get(state))
        .route("/_sandbox/people", get(list_people).post(add_person))
        .route("/_sandbox/people/{who}", get(read_person).patch(edit_person).delete(remove_person))
        .route("/_sandbox/people/{who}/restore", post(restore_person))
        .route("/_sandbox/groups", get(list_groups).post(add_group))
        .route("/_sandbox/groups/{which}", get(read_group).patch(edit_group).delete(remove_group))
        .route("/_sandbox/groups/{which}/restore", post(restore_group))
        .route("/_sandbox/groups/{which}/members", post(change_members))
        .route("/_sandbox/assignments", get(list_assignments).post(assign))
        .route("/_sandbox/assignments/{which}", delete(unassign))
        .route("/_sandbox/scenario", get(read_scenario))
        .route("/_sandbox/clock", get(read_clock).post(move_clock).patch(move_clock))
        .route("/_sandbox/credentials", get(read_credentials).patch(change_credentials))
        .with_state(controls.clone())
        .merge(graph::control::routes(controls.entra))
        .merge(shared)
}

/// Answers 200 with a value.
///
/// # Errors
/// When the value cannot be shown as JSON.
pub fn shown(value: &impl Serialize) -> Reply {
    let value = serde_json::to_value(value).map_err(|e| Problem::Malformed(e.to_string()))?;
    Ok(Json(value).into_response())
}

/// Answers 201 with a value.
///
/// # Errors
/// When the value cannot be shown as JSON.
pub fn made(value: &impl Serialize) -> Reply {
    let mut response = shown(value)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// A JSON body, or why it is none.
pub type Body<T> = Result<Json<T>, JsonRejection>;

/// Returns a body.
///
/// # Errors
/// When it is not what was expected.
pub fn read<T: DeserializeOwned>(body: Body<T>) -> Result<T, Problem> {
    body.map(|body| body.0).map_err(|error| Problem::Malformed(error.body_text()))
}

async fn index() -> Response {
    // The table above is the one place where the routes are described.
    let here = include_str!("control.rs").lines();
    let lines = here.chain(include_str!("graph/control.rs").lines());
    let lines = lines.chain(include_str!("sharefile/control.rs").lines());
    let table = lines.filter_map(|line| line.strip_prefix("//! | `"));
    let routes: Vec<String> = table.map(|line| line.replace('`', "")).collect();
    Json(json!({ "routes": routes })).into_response()
}

#[derive(Deserialize)]
struct StateQuery {
    #[serde(default)]
    full: bool,
}

async fn state(State(on): State<Controls>, Query(query): Query<StateQuery>) -> Reply {
    let Value::Object(mut body) = json!({
        "now": on.clock.now().to_string(),
        "tenant": on.entra.tenant_id(),
        "domain": on.entra.domain(),
        "application": on.entra.application(),
        "permissions": on.entra.permissions(),
        "switches": on.entra.switches(),
        "totals": on.entra.totals(),
        "account_total": on.sharefile.account_total(),
    }) else {
        return Err(Problem::Malformed("the state is no object".to_owned()));
    };
    if query.full {
        body.insert("people".into(), json!(on.entra.people()));
        body.insert("groups".into(), json!(on.entra.groups()));
        body.insert("assignments".into(), json!(on.entra.assignments()));
        body.insert("accounts".into(), json!(on.sharefile.accounts()));
    }
    shown(&body)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PeopleQuery {
    enabled: Option<bool>,
    guest: Option<bool>,
    deleted: Option<bool>,
    entitled: Option<bool>,
    group: Option<String>,
    query: Option<String>,
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
}

async fn list_people(
    State(on): State<Controls>,
    query: Result<Query<PeopleQuery>, axum::extract::rejection::QueryRejection>,
) -> Reply {
    let Query(query) = query.map_err(|error| Problem::Malformed(error.body_text()))?;
    let group = query.group.as_deref().map(|key| group(&on, key)).transpose()?.map(|held| held.id);
    let entitled: Option<BTreeSet<Uuid>> =
        query.entitled.map(|_| on.entra.entitled().into_iter().map(|person| person.id).collect());
    let part = query.query.as_deref().map(str::to_lowercase);
    let fits = |person: &PersonView| {
        let mentions = |part: &String| {
            ["displayName", "mail", "userPrincipalName"]
                .iter()
                .filter_map(|name| person.text(name))
                .any(|text| text.to_lowercase().contains(part))
        };
        query.enabled.is_none_or(|wanted| person.enabled() == wanted)
            && query.guest.is_none_or(|wanted| person.guest() == wanted)
            && query.deleted.is_none_or(|wanted| person.deleted.is_some() == wanted)
            && group.is_none_or(|wanted| person.groups.contains(&wanted))
            && part.as_ref().is_none_or(mentions)
            && query
                .entitled
                .zip(entitled.as_ref())
                .is_none_or(|(wanted, entitled)| entitled.contains(&person.id) == wanted)
    };
    let people = on.entra.people().into_iter().filter(fits).skip(query.offset);
    let people: Vec<PersonView> = people.take(query.limit.unwrap_or(usize::MAX)).collect();
    shown(&people)
}

fn person(on: &Controls, key: &str) -> Result<PersonView, Problem> {
    let found = on.entra.person(key);
    found.ok_or_else(|| Problem::Missing(format!("there is no person `{key}`")))
}

fn group(on: &Controls, key: &str) -> Result<GroupView, Problem> {
    let found = on.entra.group(key);
    found.ok_or_else(|| Problem::Missing(format!("there is no group `{key}`")))
}

/// Returns the id of a person or a group.
fn principal(on: &Controls, key: &str) -> Result<Uuid, Problem> {
    if let Ok(id) = Uuid::try_parse(key) {
        return Ok(id);
    }
    let found = on.entra.person(key).map(|person| person.id);
    let found = found.or_else(|| on.entra.group(key).map(|group| group.id));
    found.ok_or_else(|| Problem::Missing(format!("there is no person or group `{key}`")))
}

/// Takes a list of texts out of a body.
fn take_list(body: &mut Map<String, Value>, name: &str) -> Result<Vec<String>, Problem> {
    let value = body.remove(name).unwrap_or_else(|| json!([]));
    serde_json::from_value(value)
        .map_err(|_| Problem::Malformed(format!("`{name}` must be a list of texts")))
}

fn take_role(on: &Controls, body: &mut Map<String, Value>) -> Result<Option<Uuid>, Problem> {
    match body.remove("role") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(key)) => Ok(Some(on.entra.role(&key)?)),
        Some(_) => Err(Problem::Malformed("`role` must be a text".to_owned())),
    }
}

fn take_id(body: &mut Map<String, Value>) -> Result<Option<Uuid>, Problem> {
    let Some(value) = body.remove("id") else {
        return Ok(None);
    };
    let id = value.as_str().and_then(|text| Uuid::try_parse(text).ok());
    id.map(Some).ok_or_else(|| Problem::Malformed("`id` must be a GUID".to_owned()))
}

/// Takes the manager out of a body; the inner `None` stands for null, nobody.
fn take_manager(
    on: &Controls,
    body: &mut Map<String, Value>,
) -> Result<Option<Option<Uuid>>, Problem> {
    match body.remove("manager") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::String(key)) => Ok(Some(Some(person(on, &key)?.id))),
        Some(_) => Err(Problem::Malformed("`manager` must be a text or null".to_owned())),
    }
}

async fn add_person(State(on): State<Controls>, body: Body<Map<String, Value>>) -> Reply {
    let mut body = read(body)?;
    let groups = take_list(&mut body, "groups")?;
    let groups: Result<Vec<GroupView>, Problem> =
        groups.iter().map(|key| group(&on, key)).collect();
    let groups = groups?;
    let role = take_role(&on, &mut body)?;
    let id = take_id(&mut body)?;
    let manager = take_manager(&on, &mut body)?.flatten();
    let list = body.into_iter().map(|(name, value)| (name.into(), value)).collect();
    let attributes = Attributes::from_list(list);
    let id = on.entra.add_person(NewPerson { id, attributes, manager })?;
    for group in groups {
        on.entra.add_member(group.id, id)?;
    }
    if let Some(role) = role {
        on.entra.assign(id, role)?;
    }
    made(&person(&on, &id.to_string())?)
}

async fn read_person(State(on): State<Controls>, Path(who): Path<String>) -> Reply {
    shown(&person(&on, &who)?)
}

async fn edit_person(
    State(on): State<Controls>,
    Path(who): Path<String>,
    body: Body<Map<String, Value>>,
) -> Reply {
    let id = person(&on, &who)?.id;
    let mut body = read(body)?;
    if let Some(manager) = take_manager(&on, &mut body)? {
        on.entra.set_manager(id, manager)?;
    }
    on.entra.edit_person(id, &body)?;
    shown(&person(&on, &id.to_string())?)
}

#[derive(Deserialize)]
struct RemoveQuery {
    #[serde(default)]
    hard: bool,
}

async fn remove_person(
    State(on): State<Controls>,
    Path(who): Path<String>,
    Query(query): Query<RemoveQuery>,
) -> Reply {
    let id = person(&on, &who)?.id;
    if query.hard {
        on.entra.hard_delete_person(id)?;
    } else {
        on.entra.soft_delete_person(id)?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn restore_person(State(on): State<Controls>, Path(who): Path<String>) -> Reply {
    let id = person(&on, &who)?.id;
    on.entra.restore_person(id)?;
    shown(&person(&on, &id.to_string())?)
}

async fn list_groups(State(on): State<Controls>) -> Reply {
    shown(&on.entra.groups())
}

async fn add_group(State(on): State<Controls>, body: Body<Map<String, Value>>) -> Reply {
    let mut body = read(body)?;
    let members = take_list(&mut body, "members")?;
    let members: Result<Vec<Uuid>, Problem> =
        members.iter().map(|key| principal(&on, key)).collect();
    let members = members?;
    let role = take_role(&on, &mut body)?;
    let id = take_id(&mut body)?;
    let attributes = body.into_iter().map(|(name, value)| (name.into(), value)).collect();
    let id = on.entra.add_group(NewGroup { id, attributes })?;
    for member in members {
        on.entra.add_member(id, member)?;
    }
    if let Some(role) = role {
        on.entra.assign(id, role)?;
    }
    made(&group(&on, &id.to_string())?)
}

async fn read_group(State(on): State<Controls>, Path(which): Path<String>) -> Reply {
    shown(&group(&on, &which)?)
}

async fn edit_group(
    State(on): State<Controls>,
    Path(which): Path<String>,
    body: Body<Map<String, Value>>,
) -> Reply {
    let id = group(&on, &which)?.id;
    on.entra.edit_group(id, &read(body)?)?;
    shown(&group(&on, &id.to_string())?)
}

async fn remove_group(State(on): State<Controls>, Path(which): Path<String>) -> Reply {
    on.entra.delete_group(group(&on, &which)?.id)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn restore_group(State(on): State<Controls>, Path(which): Path<String>) -> Reply {
    let id = group(&on, &which)?.id;
    on.entra.restore_group(id)?;
    shown(&group(&on, &id.to_string())?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberChange {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

async fn change_members(
    State(on): State<Controls>,
    Path(which): Path<String>,
    body: Body<MemberChange>,
) -> Reply {
    let id = group(&on, &which)?.id;
    let change = read(body)?;
    for key in &change.add {
        on.entra.add_member(id, principal(&on, key)?)?;
    }
    for key in &change.remove {
        on.entra.remove_member(id, principal(&on, key)?)?;
    }
    shown(&group(&on, &id.to_string())?)
}

async fn list_assignments(State(on): State<Controls>) -> Reply {
    shown(&on.entra.assignments())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAssignment {
    principal: String,
    #[serde(default)]
    role: Option<String>,
}

async fn assign(State(on): State<Controls>, body: Body<NewAssignment>) -> Reply {
    let new = read(body)?;
    let role = on.entra.role(new.role.as_deref().unwrap_or("User"))?;
    let id = on.entra.assign(principal(&on, &new.principal)?, role)?;
    made(&json!({ "id": id }))
}

async fn unassign(State(on): State<Controls>, Path(which): Path<String>) -> Reply {
    let removed = match on.entra.unassign(&which) {
        Ok(()) => 1,
        Err(_) => on.entra.unassign_principal(principal(&on, &which)?),
    };
    if removed == 0 {
        return Err(Problem::Missing(format!("nothing is assigned to `{which}`")));
    }
    shown(&json!({ "removed": removed }))
}

async fn read_scenario(State(on): State<Controls>) -> Reply {
    let Some(timeline) = &on.timeline else {
        return Err(Problem::Missing("no scenario is told here".to_owned()));
    };
    let waiting: Vec<Value> = timeline
        .waiting()
        .into_iter()
        .map(|(at, what)| json!({ "at": at, "what": what }))
        .collect();
    shown(&json!({ "happened": timeline.happened(0), "waiting": waiting }))
}

async fn read_clock(State(on): State<Controls>) -> Reply {
    shown(&json!({ "now": on.clock.now().to_string(), "movable": on.jump_clock.is_some() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    advance_secs: u64,
}

async fn move_clock(State(on): State<Controls>, body: Body<ClockChange>) -> Reply {
    let change = read(body)?;
    let Some(clock) = &on.jump_clock else {
        return Err(Problem::Conflict("this sandbox lives on the machine's time".to_owned()));
    };
    clock.advance(Duration::from_secs(change.advance_secs));
    if let Some(timeline) = &on.timeline {
        timeline.settle();
    }
    read_clock(State(on)).await
}

async fn read_credentials(State(on): State<Controls>) -> Reply {
    let Some(reach) = on.reached.get() else {
        return Err(Problem::Conflict("the sandbox is still starting".to_owned()));
    };
    shown(&Credentials::of(&on.entra, &on.sharefile, reach))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialsChange {
    client_secret: Option<SecretString>,
    #[serde(default)]
    expire_secrets: bool,
    certificate_pem: Option<String>,
    #[serde(default)]
    remove_certificates: bool,
    enabled: Option<bool>,
}

async fn change_credentials(State(on): State<Controls>, body: Body<CredentialsChange>) -> Reply {
    let change = read(body)?;
    if change.remove_certificates {
        on.entra.remove_certificates();
    }
    if let Some(pem) = &change.certificate_pem {
        on.entra.add_certificate(pem)?;
    }
    if let Some(secret) = change.client_secret {
        on.entra.set_secret(secret, None);
    }
    if change.expire_secrets {
        on.entra.expire_secrets();
    }
    if let Some(enabled) = change.enabled {
        on.entra.set_registration_enabled(enabled);
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
