//! Bodies that do not arrive as they should, and bodies of writes that are not taken as they came.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream;
use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use serde_json::Value;

use super::faults::{Fault, FaultKind};
use crate::clock::Clock;

/// Lets the connection end in the middle of the body, whose length is told truly.
pub async fn cut(response: Response) -> Response {
    let (response, body) = opened(response).await;
    let half = body.slice(..body.len() / 2);
    let steps = stream::unfold(Some(half), async |half| match half {
        Some(half) => Some((Ok(half), None)),
        None => {
            // What was written so far is sent on only if there is nothing to do for a moment.
            tokio::task::yield_now().await;
            Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), None))
        }
    });
    response.map(|_| Body::from_stream(steps))
}

/// Lets the body come one byte at a time, `apart` from each other.
pub async fn trickle(response: Response, apart: Duration, clock: Arc<dyn Clock>) -> Response {
    let (response, body) = opened(response).await;
    let steps = stream::unfold((0, body, clock), move |(at, body, clock)| async move {
        if at >= body.len() {
            return None;
        }
        if apart.is_zero() {
            // Long enough for the byte before to leave on its own.
            tokio::task::yield_now().await;
        } else {
            clock.sleep(apart).await;
        }
        Some((Ok::<_, io::Error>(body.slice(at..=at)), (at + 1, body, clock)))
    });
    response.map(|_| Body::from_stream(steps))
}

/// Takes the body out, and writes its length into the head.
async fn opened(response: Response) -> (Response, Bytes) {
    let (mut parts, body) = response.into_parts();
    // The emulators make their bodies in memory; reading one cannot fail.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    (Response::from_parts(parts, Body::empty()), body)
}

/// Returns the body of a write as a service takes it that ignores or normalises what it is told;
/// `None` if it is no JSON object, which nothing can be done to.
pub fn taken(body: &[u8], fault: &Fault) -> Option<Bytes> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    let members = value.as_object_mut()?;
    match fault.kind {
        FaultKind::Ignored => {
            let ignored = |name: &str| fault.members.iter().any(|n| n.eq_ignore_ascii_case(name));
            members.retain(|name, _| !ignored(name));
        }
        _ => normalise(&mut value),
    }
    Some(Bytes::from(value.to_string()))
}

/// Trims texts, leaves single spaces in them, and writes addresses in lower case.
fn normalise(value: &mut Value) {
    match value {
        Value::String(text) => {
            let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
            *text = if plain.contains('@') { plain.to_lowercase() } else { plain };
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| {
            if !name.to_ascii_lowercase().contains("password") {
                normalise(value);
            }
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_taken_without_what_is_ignored_or_with_what_is_normalised() {
        let body =
            br#"{"Email":"Ada@X.com","LastName":" de  la Cruz ","Company":"C","Password":" p "}"#;
        let read = |fault: &Fault| -> Value {
            serde_json::from_slice(&taken(body, fault).unwrap()).unwrap()
        };
        let left = read(&Fault::new(FaultKind::Ignored).members(&["company", "LastName"]));
        assert_eq!(left, serde_json::json!({"Email": "Ada@X.com", "Password": " p "}));
        let plain = read(&Fault::new(FaultKind::Normalised));
        assert_eq!(plain["Email"], "ada@x.com");
        assert_eq!(plain["LastName"], "de la Cruz");
        assert_eq!(plain["Password"], " p ");
        assert_eq!(taken(b"[]", &Fault::new(FaultKind::Normalised)), None);
    }
}
