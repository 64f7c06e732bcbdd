//! One API call: its query, its body, its refusal.

use axum::body::Bytes;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::host::Site;
use super::switches::Switches;
use super::wire;
use crate::model::ids::Timestamp;
use crate::sandbox::faults::{Fault, FaultKind, Faults};

/// A call, taken apart.
pub(super) struct Call<'a> {
    /// The method that is meant: `X-Http-Method-Override` of a POST counts (section 1.7).
    pub method: Method,
    /// The method that is meant was named by that header.
    pub overridden: bool,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The tenant as the caller addresses it.
    pub site: &'a Site,
    /// The root of the API as the caller spells it, as `http://acme.localhost:4000/sf/v3`.
    pub base: String,
    /// When the call came.
    pub now: Timestamp,
    /// The account that calls; nil where nobody need sign in.
    pub caller_id: Uuid,
    /// The ids in the path, from left to right.
    pub ids: Vec<&'a str>,
    label: String,
    faults: &'a Faults,
    query: Vec<(String, String)>,
    body: &'a Bytes,
}

impl<'a> Call<'a> {
    /// Takes a request apart.
    pub(super) fn new(
        parts: &'a Parts,
        body: &'a Bytes,
        site: &'a Site,
        faults: &'a Faults,
        now: Timestamp,
    ) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        let query = url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let method = meant_method(parts);
        let label = super::route::label(&method, parts.uri.path());
        Self {
            overridden: method != parts.method,
            method,
            headers: &parts.headers,
            site,
            base: site.api(),
            now,
            caller_id: Uuid::nil(),
            ids: Vec::new(),
            label,
            faults,
            query,
            body,
        }
    }

    /// Returns an id of the path by its place, counted from 0.
    pub(super) fn id(&self, place: usize) -> &'a str {
        self.ids.get(place).copied().unwrap_or_default()
    }

    /// Returns a query parameter; names compare without regard to case (section 2).
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns a query parameter unless it is empty.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.parameter(name).filter(|value| !value.is_empty())
    }

    /// Returns the query without the parameters of those names, as it would be sent.
    pub(super) fn query_without(&self, names: &[&str]) -> String {
        let mut query = String::new();
        for (name, value) in &self.query {
            if !names.iter().any(|left_out| left_out.eq_ignore_ascii_case(name)) {
                query.push('&');
                query.push_str(name);
                query.push('=');
                query.extend(url::form_urlencoded::byte_serialize(value.as_bytes()));
            }
        }
        query
    }

    /// Returns a Boolean query parameter, false if absent.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.given(name) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(Refusal::bad_request(&format!("{name} must be true or false"))),
        }
    }

    /// Returns whether `$expand` names a member.
    pub(super) fn expands(&self, member: &str) -> bool {
        self.listed("$expand").any(|name| name.eq_ignore_ascii_case(member))
    }

    /// Returns the names in `$select`, or `None` if everything is wanted.
    pub(super) fn selected(&self) -> Option<Vec<&str>> {
        let names: Vec<_> = self.listed("$select").collect();
        (!names.is_empty()).then_some(names)
    }

    fn listed(&self, parameter: &str) -> impl Iterator<Item = &str> {
        let names = self.parameter(parameter).unwrap_or_default().split(',');
        names.map(str::trim).filter(|name| !name.is_empty())
    }

    /// Returns a number in the query, if there is one.
    pub(super) fn number(&self, name: &str) -> Result<Option<usize>, Refusal> {
        let Some(text) = self.parameter(name) else { return Ok(None) };
        let number = text.parse().map_err(|_| Refusal::bad_request(&format!("{name} is wrong")))?;
        Ok(Some(number))
    }

    /// Returns a header as text.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> Result<Value, Refusal> {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let message = "Only application/json is supported.";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BadRequest", message));
        }
        let malformed = |_| Refusal::bad_request("The request body is not JSON.");
        serde_json::from_slice(self.body).map_err(malformed)
    }

    /// Returns the members of the JSON object in the body, with names in lower case.
    pub(super) fn body(&self) -> Result<Members, Refusal> {
        match self.json()? {
            Value::Object(members) => Ok(Members::new(members)),
            _ => Err(Refusal::bad_request("The request body is not a JSON object.")),
        }
    }

    /// Returns the members of the JSON object in the body, or none where the body is empty.
    pub(super) fn body_if_any(&self) -> Result<Members, Refusal> {
        if self.body.is_empty() { Ok(Members(Map::new())) } else { self.body() }
    }

    /// Returns the items of the bare JSON array in the body.
    pub(super) fn array(&self) -> Result<Vec<Value>, Refusal> {
        match self.json()? {
            Value::Array(items) => Ok(items),
            _ => Err(Refusal::bad_request("The request body is not a JSON array.")),
        }
    }

    /// Returns the texts of the bare JSON array in the body.
    pub(super) fn texts(&self) -> Result<Vec<String>, Refusal> {
        let items = self.array()?;
        let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
        let wrong = || Refusal::bad_request("The request body is not an array of texts.");
        texts.collect::<Option<_>>().ok_or_else(wrong)
    }

    /// Returns the fault that cuts the list of this call short, if one is due.
    pub(super) fn list_cut(&self) -> Option<Fault> {
        self.faults.take(&[FaultKind::CutList], self.method.as_str(), &self.label)
    }

    /// Returns whether a fault lets the access token of this call expire now.
    pub(super) fn token_expires(&self) -> bool {
        let kinds = [FaultKind::ExpiredToken];
        self.faults.take(&kinds, self.method.as_str(), &self.label).is_some()
    }
}

fn meant_method(parts: &Parts) -> Method {
    let named = parts.headers.get("x-http-method-override");
    let named = named.and_then(|name| name.to_str().ok()).map(str::to_ascii_uppercase);
    let named = named.and_then(|name| Method::from_bytes(name.as_bytes()).ok());
    match named {
        Some(method) if parts.method == Method::POST => method,
        _ => parts.method.clone(),
    }
}

/// The members of a JSON object, found without regard to the case of their names (section 2).
pub(super) struct Members(Map<String, Value>);

impl Members {
    fn new(members: Map<String, Value>) -> Self {
        Self(members.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
    }

    /// Returns the members of a JSON object; none for any other value.
    pub(super) fn of(value: &Value) -> Self {
        Self::new(value.as_object().cloned().unwrap_or_default())
    }

    /// Returns a member's value, null included. `name` is in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Returns a text; a null counts as absent.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::wrong_type(name)),
        }
    }

    /// Returns a Boolean; a null counts as absent.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(Refusal::wrong_type(name)),
        }
    }

    /// Returns a whole number; a null counts as absent.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| Refusal::wrong_type(name)),
        }
    }

    /// Returns a nested object; a null counts as absent.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, Refusal> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Self::new(members.clone()))),
            Some(_) => Err(Refusal::wrong_type(name)),
        }
    }

    /// Returns an array of texts; absent and null are empty.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().ok_or_else(|| Refusal::wrong_type(name))
            }
            Some(_) => Err(Refusal::wrong_type(name)),
        }
    }

    /// Returns an array; absent and null are empty.
    pub(super) fn items(&self, name: &str) -> Result<Vec<Value>, Refusal> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items.clone()),
            Some(_) => Err(Refusal::wrong_type(name)),
        }
    }
}

/// A refused call (section 6.1): status, reason, and a text for people.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    reason: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, reason: &'static str, message: &str) -> Self {
        Self { status, reason, message: message.to_owned() }
    }

    pub(super) fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn wrong_type(member: &str) -> Self {
        Self::bad_request(&format!("The member {member} has a value of the wrong type."))
    }

    pub(super) fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    pub(super) fn not_found() -> Self {
        let message = "The item could not be found in the system.";
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "The resource does not support this method.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "NotAllowed", message)
    }

    pub(super) fn unauthenticated() -> Self {
        let message = "The access token is missing or has expired.";
        Self::new(StatusCode::UNAUTHORIZED, "NotAuthenticated", message)
    }

    pub(super) fn conflict(message: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", message)
    }

    /// Returns the answer in the shape that the switches ask for.
    pub(super) fn into_response(self, switches: &Switches) -> Response {
        let error = wire::Error { reason: self.reason, message: &self.message };
        wire::error_response(self.status, error, switches.error_reasons, switches.numeric_codes)
    }
}
