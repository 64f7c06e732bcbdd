//! A request as the handlers see it, and what they answer. A `$batch` makes its own from JSON.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use crate::model::ids::Timestamp;
use crate::sandbox::server::Scheme;

use super::throttle::Charge;

/// Returns scheme and host that a request used; every absolute link is made from them.
pub fn base_url(parts: &Parts) -> String {
    let scheme = Scheme::of(&parts.extensions).name();
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok());
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}

/// Returns a time as a `Date` header has it.
pub fn http_date(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .ok()
        .and_then(|at| {
            jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
        })
        .unwrap_or_default()
}

/// A request for Graph, signed in.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path with the version, as it was sent.
    pub path: String,
    /// The query options, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Scheme and host that the caller used, for links.
    pub base: String,
    /// The endpoint, for faults.
    pub label: String,
    /// The permissions in the token.
    pub roles: Vec<String>,
}

impl Call {
    /// Returns a query option by its name, in any case, or `None`.
    pub fn option(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns a header as text, or `None`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns whether the caller accepts reads from the index that lags.
    pub fn eventual(&self) -> bool {
        self.header("consistencylevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"))
    }

    /// Returns whether the caller asks for the count and may have it (Graph reference, section 3).
    pub fn counted(&self) -> bool {
        self.eventual() && (self.asks_count() || self.path.ends_with("/$count"))
    }

    /// Returns whether `$count=true` is given.
    pub fn asks_count(&self) -> bool {
        self.option("$count").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Returns whether the token carries one of `permissions`.
    pub fn may(&self, permissions: &[&str]) -> bool {
        self.roles.iter().any(|role| permissions.contains(&role.as_str()))
    }

    /// Returns the address of the same list, going on at `token`.
    pub fn next_link(&self, token: &str) -> String {
        let mut link = format!("{}{}?", self.base, self.path);
        for (name, value) in &self.query {
            if !name.eq_ignore_ascii_case("$skiptoken") {
                let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
                link.push_str(&format!("{name}={value}&"));
            }
        }
        link.push_str(&format!("$skiptoken={token}"));
        link
    }

    /// Refuses every OData option that is not among `allowed`.
    pub fn only(&self, allowed: &[&str]) -> Result<(), Refusal> {
        let odd = self.query.iter().find(|(name, _)| {
            name.starts_with('$') && !allowed.iter().any(|known| name.eq_ignore_ascii_case(known))
        });
        match odd {
            None => Ok(()),
            Some((name, _)) => Err(Refusal::unsupported(format!(
                "The query option '{name}' is not supported for this request."
            ))),
        }
    }
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub enum Content {
    /// JSON.
    Json(Value),
    /// Plain text, as `/$count` answers.
    Text(String),
    /// No body.
    Nothing,
}

/// An answer that is no refusal.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub content: Content,
}

impl Answer {
    /// Answers 200 with JSON.
    pub fn json(body: Value) -> Self {
        Self { status: 200, content: Content::Json(body) }
    }
}

/// A refusal in Graph's shape (Graph reference, section 8, "Error body").
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The code.
    pub code: String,
    /// The message.
    pub message: String,
    /// Headers that belong to it.
    pub headers: Vec<(&'static str, String)>,
    /// What the inner error says besides date and ids.
    pub inner: Map<String, Value>,
}

/// What a handler returns.
pub type Reply = Result<Answer, Refusal>;

impl Refusal {
    /// Makes a refusal.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            headers: Vec::new(),
            inner: Map::new(),
        }
    }

    /// Returns the refusal with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Refuses a malformed request.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "Request_BadRequest", message)
    }

    /// Refuses a query that the directory cannot answer.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(400, "Request_UnsupportedQuery", message)
    }

    /// Refuses because a permission is missing.
    pub fn denied() -> Self {
        let message = "Insufficient privileges to complete the operation.";
        Self::new(403, "Authorization_RequestDenied", message)
    }

    /// Refuses because there is no such object.
    pub fn missing(what: &str) -> Self {
        let message = format!(
            "Resource '{what}' does not exist or one of its queried reference-property objects are not present."
        );
        Self::new(404, "Request_ResourceNotFound", message)
    }

    /// Refuses because the path means nothing.
    pub fn no_segment(segment: &str) -> Self {
        let message = format!("Resource not found for the segment '{segment}'.");
        Self::new(400, "BadRequest", message)
    }

    /// Refuses a token, and says how to get another one.
    pub fn unauthenticated(message: &str) -> Self {
        Self::new(401, "InvalidAuthenticationToken", message).header(
            "WWW-Authenticate",
            "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", client_id=\"00000003-0000-0000-c000-000000000000\"",
        )
    }

    /// Returns the body.
    pub fn body(&self, ids: &RequestIds, now: Option<Timestamp>) -> Value {
        let mut inner = self.inner.clone();
        if let Some(now) = now {
            let date = now.to_string();
            inner.insert("date".into(), json!(date.trim_end_matches('Z')));
        }
        inner.insert("request-id".into(), json!(ids.request));
        inner.insert("client-request-id".into(), json!(ids.client));
        json!({"error": {"code": self.code, "message": self.message, "innerError": inner}})
    }
}

/// The ids that every answer carries.
#[derive(Clone, Debug)]
pub struct RequestIds {
    /// Made by the service.
    pub request: String,
    /// Given by the caller, or else the same.
    pub client: String,
}

impl RequestIds {
    /// Takes the caller's id from the headers and makes one of our own.
    pub fn of(headers: &HeaderMap) -> Self {
        let request = Uuid::new_v4().to_string();
        let client = headers.get("client-request-id").and_then(|value| value.to_str().ok());
        Self { client: client.unwrap_or(&request).to_owned(), request }
    }
}

/// Turns a reply into an HTTP response.
pub fn respond(reply: Reply, ids: &RequestIds, now: Option<Timestamp>, charge: Charge) -> Response {
    let (status, headers, content) = match reply {
        Ok(answer) => (answer.status, Vec::new(), answer.content),
        Err(refusal) => {
            let body = Content::Json(refusal.body(ids, now));
            (refusal.status, refusal.headers, body)
        }
    };
    let (body, kind) = match content {
        Content::Json(value) => (
            Body::from(value.to_string()),
            "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
        ),
        Content::Text(text) => (Body::from(text), "text/plain"),
        Content::Nothing => (Body::empty(), ""),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let to = response.headers_mut();
    if !kind.is_empty() {
        to.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    put(to, "request-id", &ids.request);
    put(to, "client-request-id", &ids.client);
    put(to, "x-ms-ags-diagnostic", "{\"ServerInfo\":{\"DataCenter\":\"Sandbox\",\"Ring\":\"0\"}}");
    for (name, value) in charge.headers() {
        put(to, name, &value);
    }
    put(to, "odata-version", "4.0");
    if let Some(now) = now {
        put(to, "date", &http_date(now));
    }
    for (name, value) in headers {
        put(to, name, &value);
    }
    response
}

/// Sets a header, if name and value can be sent.
pub fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}
