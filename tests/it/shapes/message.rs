//! Requests and answers as they are judged, whether they went alone or inside a batch.

use std::borrow::Cow;

use http::HeaderMap;
use serde_json::Value;
use sharefile_provisioner::sandbox::observe::{Answered, Exchange};
use url::form_urlencoded;

/// What the program sends as its `User-Agent`.
const OURS: &str = "sharefile-provisioner/";

/// A request.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    /// Decoded, without the query.
    pub path: String,
    /// Decoded, in order.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub content: Content,
    /// Whether our own client made it, which is then held to the description as well.
    pub ours: bool,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub content: Content,
}

/// A body.
#[derive(Debug, PartialEq)]
pub enum Content {
    Nothing,
    Json(Value),
    /// Whatever else there is.
    Text(String),
}

impl Content {
    pub fn of(body: &[u8]) -> Self {
        if body.is_empty() {
            return Self::Nothing;
        }
        match serde_json::from_slice(body) {
            Ok(value) => Self::Json(value),
            Err(_) => Self::Text(String::from_utf8_lossy(body).into_owned()),
        }
    }
}

impl Request {
    pub fn of(exchange: &Exchange) -> Self {
        let (path, query) = split(&exchange.path_and_query);
        let agent = exchange.headers.get("user-agent").and_then(|agent| agent.to_str().ok());
        Self {
            method: exchange.method.to_string(),
            path,
            query,
            headers: exchange.headers.clone(),
            content: Content::of(&exchange.body),
            ours: agent.is_some_and(|agent| agent.starts_with(OURS)),
        }
    }

    /// Path and query for people, with tokens cut short.
    pub fn target(&self) -> String {
        let query: Vec<String> = self
            .query
            .iter()
            .map(|(name, value)| format!("{name}={}", value.get(..60).unwrap_or(value)))
            .collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", self.path, query.join("&"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns an option of the query, whose name is compared without regard to case.
    pub fn option(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the fields of a form, or `None` if the body is no form.
    pub fn form(&self) -> Option<Vec<(String, String)>> {
        let kind = self.header("content-type")?;
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return None;
        }
        // A form of one number would read as JSON.
        let text: Cow<'_, str> = match &self.content {
            Content::Text(text) => text.into(),
            Content::Json(value) => value.to_string().into(),
            Content::Nothing => "".into(),
        };
        Some(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }
}

impl Answer {
    pub fn of(answered: &Answered) -> Self {
        Self {
            status: answered.status.as_u16(),
            headers: answered.headers.clone(),
            content: Content::of(&answered.body),
        }
    }

    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Splits an address at its query and decodes both.
pub fn split(target: &str) -> (String, Vec<(String, String)>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    // A form decodes pluses to spaces, which a path does not.
    let plain = path.replace('+', "%2B");
    let path = form_urlencoded::parse(format!("x={plain}").as_bytes())
        .next()
        .map_or_else(|| path.to_owned(), |(_, decoded)| decoded.into_owned());
    (path, form_urlencoded::parse(query.as_bytes()).into_owned().collect())
}
