//! `subscriptions` and their notifications (Graph reference, section 7).
//!
//! Both addresses of a subscription are asked to repeat a token first. While there are
//! subscriptions, a task looks for changes and posts them; what is due is decided by the clock of
//! the tenant. Receivers with TLS need a certificate that this host trusts.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

use crate::model::ids::Timestamp;

use super::Tenant;
use super::call::{Answer, Call, Content, Refusal, Reply};
use super::log::Summary;
use super::route::{DELETED_GROUP_READERS, USER_READERS};
use super::state::State;

const MINUTE_MS: i64 = 60_000;
/// The longest life, in minutes.
const LONGEST_MINUTES: i64 = 41_760;
/// A shorter life is made this long, in minutes.
const SHORTEST_MINUTES: i64 = 45;
/// The longest `clientState`.
const LONGEST_STATE: usize = 128;
/// How long the answer to a validation may take.
const VALIDATION: Duration = Duration::from_secs(10);
/// How long the answer to a notification may take.
const DELIVERY: Duration = Duration::from_secs(3);
/// For how long a notification is tried again.
const RETRIED_MS: i64 = 4 * 3600 * 1000;
/// How often the task looks for changes.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    Users(Option<Uuid>),
    Groups(Option<Uuid>),
    Members(Uuid),
}

/// A notification that waits to be sent.
#[derive(Clone, Debug)]
struct Parcel {
    url: String,
    body: Value,
    made: Timestamp,
    due: Timestamp,
    tries: u32,
}

/// A subscription.
#[derive(Clone, Debug)]
struct Subscription {
    id: Uuid,
    asked: Asked,
    watched: Watched,
    expires: Timestamp,
    /// Changes up to this one are told.
    told: u64,
    parcels: Vec<Parcel>,
}

/// The subscriptions of a tenant.
#[derive(Debug, Default)]
pub struct Subscriptions {
    held: BTreeMap<Uuid, Subscription>,
    /// Whether the task runs.
    watched: bool,
    http: Option<reqwest::Client>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    change_type: String,
    notification_url: String,
    #[serde(default)]
    lifecycle_notification_url: Option<String>,
    resource: String,
    expiration_date_time: String,
    #[serde(default)]
    client_state: Option<String>,
    #[serde(default)]
    latest_supported_tls_version: Option<String>,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "InvalidRequest", message)
}

/// Answers `POST /subscriptions`.
pub async fn create(tenant: &Arc<Tenant>, call: &Call) -> Reply {
    let asked: Asked = serde_json::from_slice(&call.body)
        .map_err(|problem| invalid(format!("The subscription is not valid: {problem}")))?;
    let watched = watched(&asked.resource)?;
    check(tenant, call, &asked, watched)?;
    let now = tenant.clock.now();
    let expires = lifetime(&asked.expiration_date_time, now)?;
    let http = tenant.subscriptions().client()?;
    let urls = [Some(&asked.notification_url), asked.lifecycle_notification_url.as_ref()];
    for url in urls.into_iter().flatten() {
        validate(&http, url).await?;
    }
    let told = tenant.state().sequence;
    let id = Uuid::new_v4();
    let subscription = Subscription { id, asked, watched, expires, told, parcels: Vec::new() };
    let mut body = shown(tenant, &subscription);
    let mut subscriptions = tenant.subscriptions();
    subscriptions.held.insert(id, subscription);
    if !subscriptions.watched {
        subscriptions.watched = true;
        tokio::spawn(watch(Arc::downgrade(tenant)));
    }
    drop(subscriptions);
    let context = format!("{}/v1.0/$metadata#subscriptions/$entity", call.base);
    body.insert("@odata.context".into(), context.into());
    Ok(Answer { status: 201, content: Content::Json(Value::Object(body)) })
}

fn watched(resource: &str) -> Result<Watched, Refusal> {
    let odd = || invalid(format!("Resource '{resource}' is not supported for subscriptions."));
    let parts: Vec<&str> = resource.trim_matches('/').split('/').collect();
    let id = |text: &str| Uuid::try_parse(text).map_err(|_| odd());
    Ok(match parts.as_slice() {
        ["users"] => Watched::Users(None),
        ["users", one] => Watched::Users(Some(id(one)?)),
        ["groups"] => Watched::Groups(None),
        ["groups", one] => Watched::Groups(Some(id(one)?)),
        ["groups", one, "members"] => Watched::Members(id(one)?),
        _ => return Err(odd()),
    })
}

fn check(tenant: &Tenant, call: &Call, asked: &Asked, watched: Watched) -> Result<(), Refusal> {
    let readers = match watched {
        Watched::Users(_) => USER_READERS,
        Watched::Groups(_) | Watched::Members(_) => DELETED_GROUP_READERS,
    };
    if !call.may(readers) {
        return Err(Refusal::denied());
    }
    let known = |kind: &str| kind == "updated" || kind == "deleted";
    if !asked.change_type.split(',').map(str::trim).all(known) {
        let message = format!(
            "changeType '{}' is not supported: only 'updated' and 'deleted' are, for this resource.",
            asked.change_type
        );
        return Err(invalid(message));
    }
    if asked.client_state.as_ref().is_some_and(|text| text.chars().count() > LONGEST_STATE) {
        return Err(invalid("The clientState is longer than 128 characters."));
    }
    let switches = tenant.switches();
    let urls = [Some(&asked.notification_url), asked.lifecycle_notification_url.as_ref()];
    for url in urls.into_iter().flatten() {
        let scheme = Url::parse(url).map(|url| url.scheme().to_owned()).unwrap_or_default();
        let right = scheme == "https" || (scheme == "http" && !switches.notifications_need_https);
        if !right {
            return Err(invalid(format!("The address '{url}' must be a valid HTTPS address.")));
        }
    }
    if tenant.subscriptions().held.len() >= switches.subscription_quota {
        let message =
            "The number of subscriptions for this application and tenant has been exceeded.";
        return Err(Refusal::new(403, "ExtensionError", message));
    }
    Ok(())
}

/// Returns when a subscription ends: at least 45 minutes from now, at most 41,760.
fn lifetime(text: &str, now: Timestamp) -> Result<Timestamp, Refusal> {
    let asked: jiff::Timestamp =
        text.parse().map_err(|_| invalid("The expirationDateTime is no date."))?;
    let asked = Timestamp(asked.as_millisecond());
    if asked <= now {
        return Err(invalid("The expirationDateTime must be in the future."));
    }
    if asked > now.plus_ms(LONGEST_MINUTES * MINUTE_MS) {
        let message = "Subscription expiration can only be 41760 minutes in the future.";
        return Err(invalid(message));
    }
    Ok(asked.max(now.plus_ms(SHORTEST_MINUTES * MINUTE_MS)))
}

/// Asks an address to repeat a token, as plain text, within ten seconds.
async fn validate(http: &reqwest::Client, url: &str) -> Result<(), Refusal> {
    let failed = |why: String| invalid(format!("Subscription validation request failed. {why}"));
    let token = format!(
        "Validation: Testing client application reachability for subscription Request-Id: {}",
        Uuid::new_v4()
    );
    let mut address = Url::parse(url).map_err(|problem| failed(problem.to_string()))?;
    address.query_pairs_mut().append_pair("validationToken", &token);
    let request = http.post(address).timeout(VALIDATION).header("Content-Type", "text/plain");
    let answer = request.send().await.map_err(|_| {
        failed("Notification endpoint must respond with 200 OK to validation request.".to_owned())
    })?;
    let status = answer.status();
    let plain = answer
        .headers()
        .get("content-type")
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/plain"));
    let text = answer.text().await.unwrap_or_default();
    if status != reqwest::StatusCode::OK {
        return Err(failed(format!("HTTP status code is '{}'.", status.as_u16())));
    }
    if !plain {
        return Err(failed("The content type is not 'text/plain'.".to_owned()));
    }
    if text != token {
        return Err(failed("The validation token in the answer is another one.".to_owned()));
    }
    Ok(())
}

impl Subscriptions {
    fn client(&mut self) -> Result<reqwest::Client, Refusal> {
        if let Some(http) = &self.http {
            return Ok(http.clone());
        }
        // The only provider that is compiled in; installing it twice is harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .build()
            .map_err(|problem| Refusal::new(500, "InternalServerError", problem.to_string()))?;
        self.http = Some(http.clone());
        Ok(http)
    }

    fn forget_expired(&mut self, now: Timestamp) {
        self.held.retain(|_, subscription| subscription.expires > now);
    }
}

fn shown(tenant: &Tenant, subscription: &Subscription) -> Map<String, Value> {
    let asked = &subscription.asked;
    let Value::Object(shown) = json!({
        "id": subscription.id,
        "resource": asked.resource,
        "applicationId": tenant.client_id(),
        "changeType": asked.change_type,
        "clientState": asked.client_state,
        "notificationUrl": asked.notification_url,
        "lifecycleNotificationUrl": asked.lifecycle_notification_url,
        "expirationDateTime": subscription.expires.to_string(),
        "creatorId": Uuid::new_v5(&Uuid::NAMESPACE_OID, tenant.client_id().to_string().as_bytes()),
        "includeResourceData": Value::Null,
        "latestSupportedTlsVersion": asked.latest_supported_tls_version.as_deref().unwrap_or("v1_2"),
        "encryptionCertificate": Value::Null,
        "encryptionCertificateId": Value::Null,
        "notificationQueryOptions": Value::Null,
        "notificationUrlAppId": Value::Null,
    }) else {
        return Map::new();
    };
    shown
}

/// Answers `GET /subscriptions`.
pub fn list(tenant: &Tenant, call: &Call) -> Reply {
    call.only(&["$top", "$skiptoken"])?;
    let mut subscriptions = tenant.subscriptions();
    subscriptions.forget_expired(tenant.clock.now());
    let rows: Vec<Value> =
        subscriptions.held.values().map(|held| Value::Object(shown(tenant, held))).collect();
    let context = format!("{}/v1.0/$metadata#subscriptions", call.base);
    Ok(Answer::json(json!({"@odata.context": context, "value": rows})))
}

/// Answers `GET`, `PATCH` and `DELETE /subscriptions/{id}`.
pub fn one(tenant: &Tenant, call: &Call, key: &str) -> Reply {
    let missing = || Refusal::new(404, "ResourceNotFound", "The object was not found.");
    let id = Uuid::try_parse(key).map_err(|_| missing())?;
    let now = tenant.clock.now();
    let mut subscriptions = tenant.subscriptions();
    subscriptions.forget_expired(now);
    if call.method == Method::DELETE {
        subscriptions.held.remove(&id).ok_or_else(missing)?;
        return Ok(Answer { status: 204, content: Content::Nothing });
    }
    let held = subscriptions.held.get_mut(&id).ok_or_else(missing)?;
    if call.method == Method::PATCH {
        let change: Map<String, Value> = serde_json::from_slice(&call.body)
            .map_err(|problem| invalid(format!("The change is not valid: {problem}")))?;
        if let Some(odd) = change.keys().find(|name| *name != "expirationDateTime") {
            return Err(invalid(format!("The property '{odd}' cannot be changed.")));
        }
        let text = change.get("expirationDateTime").and_then(Value::as_str).unwrap_or_default();
        held.expires = lifetime(text, now)?;
    }
    let mut body = shown(tenant, held);
    let context = format!("{}/v1.0/$metadata#subscriptions/$entity", call.base);
    body.insert("@odata.context".into(), context.into());
    Ok(Answer::json(Value::Object(body)))
}

/// Answers `POST /subscriptions/{id}/reauthorize`.
pub fn reauthorize(tenant: &Tenant, key: &str) -> Reply {
    let id = Uuid::try_parse(key).ok();
    match id.and_then(|id| tenant.subscriptions().held.get(&id).map(|_| ())) {
        Some(()) => Ok(Answer { status: 204, content: Content::Nothing }),
        None => Err(Refusal::new(404, "ResourceNotFound", "The object was not found.")),
    }
}

/// What happens to a subscription besides changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Lifecycle {
    /// Notifications were lost.
    Missed,
    /// The subscription ends now.
    SubscriptionRemoved,
    /// The subscription must be renewed or authorised again.
    ReauthorizationRequired,
}

impl Lifecycle {
    fn name(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::SubscriptionRemoved => "subscriptionRemoved",
            Self::ReauthorizationRequired => "reauthorizationRequired",
        }
    }
}

impl Tenant {
    /// Tells the lifecycle address of every subscription that something happened to it. Returns
    /// how many were told.
    pub fn send_lifecycle(&self, event: Lifecycle) -> usize {
        let now = self.clock.now();
        let tenant_id = self.tenant_id;
        let mut subscriptions = self.subscriptions();
        let mut count = 0;
        subscriptions.held.retain(|_, held| {
            let told = held.tell(event, tenant_id, now);
            count += usize::from(told);
            if event == Lifecycle::SubscriptionRemoved {
                // It lives until the task has told it, and tells nothing else.
                held.told = u64::MAX;
                return told;
            }
            true
        });
        count
    }
}

impl Subscription {
    fn item(&self, tenant_id: Uuid) -> Map<String, Value> {
        let mut item = Map::new();
        item.insert("subscriptionId".into(), json!(self.id));
        item.insert("subscriptionExpirationDateTime".into(), json!(self.expires.to_string()));
        item.insert("clientState".into(), json!(self.asked.client_state));
        item.insert("tenantId".into(), json!(tenant_id));
        item
    }

    fn tell(&mut self, event: Lifecycle, tenant_id: Uuid, now: Timestamp) -> bool {
        let Some(url) = self.asked.lifecycle_notification_url.clone() else {
            return false;
        };
        let mut item = self.item(tenant_id);
        item.insert("lifecycleEvent".into(), json!(event.name()));
        self.post(url, vec![Value::Object(item)], now);
        true
    }

    fn post(&mut self, url: String, items: Vec<Value>, now: Timestamp) {
        let body = json!({ "value": items });
        self.parcels.push(Parcel { url, body, made: now, due: now, tries: 0 });
    }

    /// Puts what changed since the last time into a parcel.
    fn gather(&mut self, state: &State, until: u64, tenant_id: Uuid, now: Timestamp) {
        if until <= self.told {
            return;
        }
        let (log, set, kind, only) = match self.watched {
            Watched::Users(only) => (&state.people_log, "Users", "User", only),
            Watched::Groups(only) => (&state.groups_log, "Groups", "Group", only),
            Watched::Members(group) => (&state.groups_log, "Groups", "Group", Some(group)),
        };
        let changed = log.between(self.told, until);
        self.told = until;
        let mut items = Vec::new();
        for (id, summary) in changed {
            if only.is_some_and(|only| only != id) {
                continue;
            }
            let there = match self.watched {
                Watched::Users(_) => state.people.contains_key(&id),
                _ => state.groups.contains_key(&id),
            };
            let change = if there { "updated" } else { "deleted" };
            if self.asked.change_type.split(',').any(|wanted| wanted.trim() == change) {
                items.extend(self.notification(id, (set, kind), change, &summary, tenant_id));
            }
        }
        if !items.is_empty() {
            self.post(self.asked.notification_url.clone(), items, now);
        }
    }

    fn notification(
        &self,
        id: Uuid,
        (set, kind): (&str, &str),
        change: &str,
        summary: &Summary,
        tenant_id: Uuid,
    ) -> Option<Value> {
        let members = matches!(self.watched, Watched::Members(_));
        if members && summary.members.is_empty() {
            return None;
        }
        let mut data = Map::new();
        data.insert("@odata.type".into(), json!(format!("#Microsoft.Graph.{kind}")));
        data.insert("@odata.id".into(), json!(format!("{set}/{id}")));
        data.insert("id".into(), json!(id));
        if set == "Groups" && !summary.members.is_empty() {
            let elements = summary.members.iter().map(|(member, added)| match added {
                true => json!({"id": member}),
                false => json!({"id": member, "@removed": "deleted"}),
            });
            data.insert("members@delta".into(), elements.collect());
        }
        let mut item = self.item(tenant_id);
        item.insert("id".into(), json!(Uuid::new_v4()));
        item.insert("changeType".into(), json!(change));
        item.insert("resource".into(), json!(format!("{set}/{id}")));
        item.insert("resourceData".into(), Value::Object(data));
        Some(Value::Object(item))
    }
}

/// Looks for changes and posts them until there are no subscriptions, or no tenant.
async fn watch(tenant: Weak<Tenant>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(tenant) = tenant.upgrade() else {
            return;
        };
        let Some((http, parcels)) = gather(&tenant) else {
            return;
        };
        for (id, parcel) in parcels {
            deliver(&tenant, &http, id, parcel).await;
        }
    }
}

/// Returns what is due, or `None` when there is nothing to watch any more.
fn gather(tenant: &Tenant) -> Option<(reqwest::Client, Vec<(Uuid, Parcel)>)> {
    let now = tenant.clock.now();
    let state = tenant.state();
    let delay = i64::try_from(state.switches.notification_delay_secs).unwrap_or(0);
    let until = match delay {
        0 => state.sequence,
        _ => {
            let surfaced = now.plus_ms(-delay.saturating_mul(1000));
            let people = state.people_log.last_until(surfaced, state.sequence);
            people.min(state.groups_log.last_until(surfaced, state.sequence))
        }
    };
    let mut subscriptions = tenant.subscriptions();
    subscriptions.forget_expired(now);
    if subscriptions.held.is_empty() {
        subscriptions.watched = false;
        return None;
    }
    let mut due = Vec::new();
    for held in subscriptions.held.values_mut() {
        held.gather(&state, until, tenant.tenant_id, now);
        let (ready, waiting): (Vec<_>, Vec<_>) =
            held.parcels.drain(..).partition(|parcel| parcel.due <= now);
        held.parcels = waiting;
        due.extend(ready.into_iter().map(|parcel| (held.id, parcel)));
    }
    Some((subscriptions.client().ok()?, due))
}

/// Posts a parcel; what is not accepted is tried again, each time twice as late, for four hours.
async fn deliver(tenant: &Tenant, http: &reqwest::Client, id: Uuid, mut parcel: Parcel) {
    // Times count from the attempt, not from its end.
    let now = tenant.clock.now();
    let request = http.post(&parcel.url).timeout(DELIVERY).json(&parcel.body);
    let accepted = request.send().await.is_ok_and(|answer| answer.status().is_success());
    let mut subscriptions = tenant.subscriptions();
    let Some(held) = subscriptions.held.get_mut(&id) else {
        return;
    };
    let event = parcel.body.pointer("/value/0/lifecycleEvent").and_then(Value::as_str);
    let late = now.ms_since(parcel.made) > RETRIED_MS.unsigned_abs();
    match event {
        Some(event) if accepted || late => {
            if event == Lifecycle::SubscriptionRemoved.name() {
                subscriptions.held.remove(&id);
            }
            return;
        }
        None if accepted => return,
        None if late => {
            held.tell(Lifecycle::Missed, tenant.tenant_id, now);
            return;
        }
        _ => {}
    }
    parcel.due = now.plus_ms(10_000_i64 << parcel.tries.min(10));
    parcel.tries += 1;
    held.parcels.push(parcel);
}
