//! What came back, and what to make of it.

use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

/// A complete answer.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Returns the body as JSON.
    ///
    /// # Errors
    /// When the body is no JSON or has another shape. The error says where and why, and quotes no
    /// text of the body.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body).map_err(unquoted)
    }

    /// Returns whether the body is a web page: what gateways, proxies and wrong addresses answer
    /// where a service answers JSON.
    pub fn looks_like_html(&self) -> bool {
        let declared = self
            .headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.to_ascii_lowercase().contains("html"));
        declared || self.body.trim_ascii_start().first() == Some(&b'<')
    }

    /// Returns whether the service says that it did what was asked: a web page is no word of its
    /// own, whatever the status.
    pub fn succeeded(&self) -> bool {
        self.status.is_success() && !self.looks_like_html()
    }

    /// Returns the id by which the service's support finds the request, if the answer names one.
    pub fn request_id(&self) -> Option<&str> {
        ["request-id", "x-ms-request-id", "x-request-id"]
            .into_iter()
            .find_map(|name| self.headers.get(name))
            .and_then(|value| value.to_str().ok())
    }
}

/// Takes the text out of an error that quotes one: it may be a token, or a person's address.
pub fn unquoted(error: serde_json::Error) -> serde_json::Error {
    let text = error.to_string();
    let Some((before, rest)) = text.split_once("string \"") else {
        return error;
    };
    let after = rest.rsplit_once('"').map_or("", |(_, after)| after);
    serde::de::Error::custom(format!("{before}string{after}"))
}

impl std::fmt::Debug for Answer {
    /// Leaves the body and the headers out: they may hold tokens and people's data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The answer to a read whose body is consumed piece by piece.
#[derive(Debug)]
pub enum Streamed {
    /// A success. The response keeps its place among the requests in flight until it is dropped:
    /// read it with `chunk`, which borrows it.
    Body(reqwest::Response),
    /// Anything else, read to the end.
    Refused(Answer),
}

/// What a connector makes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The caller deals with it.
    Final,
    /// Throttled: nothing was processed. All senders pause, then the request is repeated, even a
    /// write.
    Wait,
    /// A failure that may pass. Reads are repeated after a back-off; writes never.
    Retry,
}

/// Whether a request may be repeated when nobody knows what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Repeating is harmless.
    Read,
    /// Repeating could do something twice.
    Write,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(content_type: &'static str, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
        Answer { status: StatusCode::OK, headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn tells_web_pages_from_json() {
        assert!(answer("text/html; charset=utf-8", "").looks_like_html());
        assert!(answer("application/json", "  <!DOCTYPE html>").looks_like_html());
        assert!(!answer("application/json", "{\"a\":\"<b>\"}").looks_like_html());
        assert!(!answer("application/json", "").looks_like_html());
    }

    #[test]
    fn errors_quote_no_text_of_the_body() {
        #[derive(Debug, serde::Deserialize)]
        #[allow(dead_code)]
        struct Token {
            expires_in: u64,
        }
        for (body, words) in [
            ("\"eyJ.secret \\\" more\"", "invalid type: string, expected struct Token at line 1"),
            ("{\"expires_in\": \"secret\"}", "invalid type: string, expected u64 at line 1"),
            ("{\"expires_in\": 1", "EOF while parsing an object at line 1"),
        ] {
            let error = answer("application/json", body).json::<Token>().unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_body() {
        let text = format!("{:?}", answer("application/json", "{\"access_token\":\"secret\"}"));
        assert!(!text.contains("secret"), "{text}");
    }
}
