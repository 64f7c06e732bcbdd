//! `$batch`: several requests in one (Graph reference, section 3).

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::sandbox::faults::{Fault, FaultKind};

use super::Tenant;
use super::call::{Answer, Call, Content, Refusal, Reply, RequestIds};
use super::dice::Dice;
use super::route;
use super::throttle::Charge;

const MOST_REQUESTS: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    requests: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    id: String,
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    depends_on: Vec<String>,
}

/// Answers a batch: each request by the handler that answers it alone.
pub fn batch(tenant: &Tenant, call: &Call) -> Reply {
    let envelope: Envelope = serde_json::from_slice(&call.body).map_err(|problem| {
        Refusal::new(400, "BadRequest", format!("Invalid batch payload format: {problem}"))
    })?;
    if envelope.requests.len() > MOST_REQUESTS {
        let message = "Number of batch request steps exceeds the maximum value of 20.";
        return Err(Refusal::new(400, "BadRequest", message));
    }
    let mut ids = BTreeSet::new();
    for item in &envelope.requests {
        if item.id.is_empty() || !ids.insert(item.id.clone()) {
            let message = format!("Request id '{}' is empty or not unique.", item.id);
            return Err(Refusal::new(400, "BadRequest", message));
        }
        if let Some(unknown) = item.depends_on.iter().find(|id| !ids.contains(*id)) {
            let message = format!("Request '{}' depends on '{unknown}'.", item.id);
            return Err(Refusal::new(400, "BadRequest", message));
        }
    }
    let mut throttled = false;
    let mut failed = BTreeSet::new();
    let mut responses = Vec::new();
    for item in envelope.requests {
        let outcome = if item.depends_on.iter().any(|id| failed.contains(id)) {
            let message = "A request that this one needs has failed.";
            (Charge::default(), Err(Refusal::new(424, "FailedDependency", message)))
        } else {
            one(tenant, call, &item)
        };
        let (charge, outcome) = outcome;
        if let Err(refusal) = &outcome {
            throttled |= refusal.status == 429;
            failed.insert(item.id.clone());
        }
        responses.push(written(tenant, call, &item.id, charge, outcome));
    }
    let switches = tenant.switches();
    if throttled && switches.batch_fails_when_throttled {
        let message = "A request of the batch was throttled.";
        return Err(Refusal::new(424, "FailedDependency", message));
    }
    if switches.batch_reversed {
        responses.reverse();
    }
    if switches.batch_shuffled {
        let mut dice = Dice::new(tenant.nonce());
        for end in (1..responses.len()).rev() {
            responses.swap(end, dice.below(end + 1));
        }
    }
    Ok(Answer::json(json!({ "responses": responses })))
}

/// Answers one request, and says what it cost.
fn one(tenant: &Tenant, outer: &Call, item: &Item) -> (Charge, Reply) {
    let full = tenant.switches().batch_takes_full_urls;
    let inner = match inner(outer, item, full) {
        Ok(inner) => inner,
        Err(refusal) => return (Charge::default(), Err(refusal)),
    };
    match inner_fault(tenant, &inner) {
        Some(refusal) => (Charge { units: 1, share: None }, Err(refusal)),
        None => route::metered(tenant, &inner),
    }
}

fn inner(outer: &Call, item: &Item, full_urls: bool) -> Result<Call, Refusal> {
    let method = Method::from_bytes(item.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| Refusal::new(400, "BadRequest", "Invalid HTTP method."))?;
    let relative = relative(&item.url, &outer.base, full_urls)?;
    let (path, query) = relative.split_once('?').unwrap_or((relative, ""));
    if path.eq_ignore_ascii_case("$batch") {
        return Err(Refusal::new(400, "BadRequest", "Batch requests cannot be nested."));
    }
    let path = format!("/v1.0/{path}");
    let plain = route::label(&method, &path);
    Ok(Call {
        query: route::query_pairs(query),
        headers: headers(item),
        body: item.body.as_ref().map(|body| Bytes::from(body.to_string())).unwrap_or_default(),
        base: outer.base.clone(),
        label: format!("$batch {plain}"),
        roles: outer.roles.clone(),
        method,
        path,
    })
}

/// Returns the address of a request without version, as it is documented. Microsoft's clients for
/// JavaScript and Python send the version as well, and the latter scheme and host.
fn relative<'a>(url: &'a str, base: &str, lenient: bool) -> Result<&'a str, Refusal> {
    let ours = [base, "https://graph.microsoft.com"];
    let path = ours.iter().find_map(|host| url.strip_prefix(host).filter(|_| lenient));
    let path = path.unwrap_or(url);
    if path.contains("://") {
        return Err(Refusal::new(400, "BadRequest", "The url of a request must be relative."));
    }
    let path = path.trim_start_matches('/');
    Ok(path.strip_prefix("v1.0/").filter(|_| lenient).unwrap_or(path))
}

fn headers(item: &Item) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &item.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    headers
}

/// Faults that name an endpoint also befall requests inside a batch; the others befall the batch.
fn inner_fault(tenant: &Tenant, inner: &Call) -> Option<Refusal> {
    let kinds = [FaultKind::TooManyRequests, FaultKind::Unavailable, FaultKind::Unauthorized];
    let meant = |fault: &Fault| {
        kinds.contains(&fault.kind)
            && fault.endpoint.as_deref().is_some_and(|text| inner.label.contains(text))
    };
    if !tenant.faults.list().iter().any(meant) {
        return None;
    }
    let fault = tenant.faults.take(&kinds, inner.method.as_str(), &inner.label)?;
    let mut refusal = route::refusal(fault.kind, &fault);
    if let Some((text, _)) = fault.wait(tenant.clock.now()) {
        refusal = refusal.header("Retry-After", text);
    }
    Some(refusal)
}

fn written(tenant: &Tenant, outer: &Call, id: &str, charge: Charge, outcome: Reply) -> Value {
    let ids = RequestIds::of(&outer.headers);
    let mut headers = Map::new();
    headers.insert("request-id".into(), json!(ids.request));
    for (name, value) in charge.headers() {
        headers.insert(name.to_owned(), json!(value));
    }
    let (status, body) = match outcome {
        Ok(Answer { status, content: Content::Json(body) }) => (status, body),
        Ok(Answer { status, content: Content::Text(text) }) => {
            headers.insert("Content-Type".into(), json!("text/plain"));
            return json!({"id": id, "status": status, "headers": headers, "body": text});
        }
        Ok(Answer { status, content: Content::Nothing }) => {
            return json!({"id": id, "status": status, "headers": headers});
        }
        Err(refusal) => {
            for (name, value) in &refusal.headers {
                headers.insert((*name).to_owned(), json!(value));
            }
            (refusal.status, refusal.body(&ids, Some(tenant.clock.now())))
        }
    };
    headers.insert("Content-Type".into(), json!("application/json"));
    json!({"id": id, "status": status, "headers": headers, "body": body})
}
