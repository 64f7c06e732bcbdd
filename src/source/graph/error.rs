//! What a failed call means: message, remedy and category, never a secret.

use http::StatusCode;
use serde_json::Value;

use crate::http::{Answer, HttpError};
use crate::model::outcome::ErrorCategory;
use crate::source::SourceError;

use super::permission::Permission;
use super::wire::{ErrorBody, ErrorDetail};

/// A call: what people are told that it was for, and the permission that it needs.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) attempted: String,
    pub(super) permission: Permission,
}

impl Call {
    pub(super) fn new(attempted: impl Into<String>, permission: Permission) -> Self {
        Self { attempted: attempted.into(), permission }
    }

    /// Returns an error of this call.
    pub(super) fn failed(
        &self,
        category: ErrorCategory,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> SourceError {
        failed(&self.attempted, category, message, remedy)
    }

    /// Returns the error for an answer that was understood as JSON, but not as what it should be.
    pub(super) fn unexpected(&self, what: impl Into<String>) -> SourceError {
        self.failed(
            ErrorCategory::Bug,
            format!("Graph answered with {}", what.into()),
            "Check that the Graph address is right; if it is, report this with the log.",
        )
    }
}

/// Returns an error without a cause.
pub(super) fn failed(
    attempted: &str,
    category: ErrorCategory,
    message: impl Into<String>,
    remedy: impl Into<String>,
) -> SourceError {
    SourceError {
        attempted: attempted.to_owned(),
        message: message.into(),
        remedy: remedy.into(),
        category,
        cause: None,
    }
}

/// Returns the error for a request that got no answer.
pub(super) fn unanswered(attempted: &str, error: HttpError) -> SourceError {
    let category = match &error {
        HttpError::NotSent { .. } | HttpError::Lost { .. } => ErrorCategory::Transient,
        HttpError::Certificate { .. } | HttpError::ProxyRefused { .. } => ErrorCategory::Rejected,
        HttpError::Setup { .. } => ErrorCategory::Bug,
    };
    SourceError {
        attempted: attempted.to_owned(),
        message: error.to_string(),
        remedy: error.remedy(),
        category,
        cause: Some(Box::new(error)),
    }
}

/// Returns the error for an answer that is no JSON, or JSON of another shape.
pub(super) fn undecodable(
    attempted: &str,
    answer: &Answer,
    error: serde_json::Error,
) -> SourceError {
    if answer.looks_like_html() {
        return web_page(attempted, answer.status);
    }
    SourceError {
        attempted: attempted.to_owned(),
        message: format!(
            "the answer (HTTP {}) is not the JSON that was expected{}",
            answer.status.as_u16(),
            request_id(answer.request_id())
        ),
        remedy: "Check that the address belongs to Microsoft's service and that nothing on the \
                 way rewrites answers; if both are right, report this with the log."
            .to_owned(),
        category: ErrorCategory::Bug,
        cause: Some(Box::new(error)),
    }
}

fn web_page(attempted: &str, status: StatusCode) -> SourceError {
    let category =
        if status.is_server_error() { ErrorCategory::Transient } else { ErrorCategory::Rejected };
    failed(
        attempted,
        category,
        format!("a web page came back instead of JSON (HTTP {})", status.as_u16()),
        "A proxy, a firewall or a sign-in page answered in the service's place: let this host \
         reach login and Graph addresses directly, and check the configured cloud.",
    )
}

/// Returns the error for an answer of Graph that is no success.
pub(super) fn refused(call: &Call, answer: &Answer) -> SourceError {
    if answer.looks_like_html() {
        return web_page(&call.attempted, answer.status);
    }
    let detail = answer.json::<ErrorBody>().ok().map(|body| body.error);
    refusal(call, answer.status, detail.as_ref(), answer.request_id())
}

/// Returns the error for a refused request within a batch.
pub(super) fn refused_within(
    call: &Call,
    status: StatusCode,
    body: &Value,
    request_id: Option<&str>,
) -> SourceError {
    let detail = serde_json::from_value::<ErrorBody>(body.clone()).ok().map(|body| body.error);
    refusal(call, status, detail.as_ref(), request_id)
}

fn refusal(
    call: &Call,
    status: StatusCode,
    detail: Option<&ErrorDetail>,
    id: Option<&str>,
) -> SourceError {
    let said = match detail {
        Some(detail) if !detail.message.is_empty() => {
            format!("{}: {}", detail.code, detail.message)
        }
        Some(detail) if !detail.code.is_empty() => detail.code.clone(),
        _ => "no explanation".to_owned(),
    };
    let (category, message, remedy) = if status == StatusCode::FORBIDDEN {
        let message =
            format!("Graph refuses it; the permission {} is missing", call.permission.name());
        (ErrorCategory::Auth, message, call.permission.remedy())
    } else {
        let (category, message, remedy) = meaning(status);
        (category, message.to_owned(), remedy.to_owned())
    };
    let said = format!("HTTP {}, {said}{}", status.as_u16(), request_id(id));
    failed(&call.attempted, category, format!("{message} ({said})"), remedy)
}

/// Returns category, message and remedy for a status (Graph reference, section 8).
fn meaning(status: StatusCode) -> (ErrorCategory, &'static str, &'static str) {
    match status {
        StatusCode::UNAUTHORIZED => (
            ErrorCategory::Auth,
            "Graph does not accept the token",
            "Check that tenant and cloud belong together, and that the clock of this host is \
             right.",
        ),
        StatusCode::NOT_FOUND => (
            ErrorCategory::Rejected,
            "Graph does not know the object",
            "Check the configured id; an object that was just made can take minutes to appear.",
        ),
        StatusCode::TOO_MANY_REQUESTS => (
            ErrorCategory::Throttled,
            "Graph keeps asking to slow down",
            "Nothing to do: the next cycle tries again. If it stays, look for other programs \
             that read with the same app registration.",
        ),
        other if other.is_server_error() || transient(other) => (
            ErrorCategory::Transient,
            "Graph is not able to answer at the moment",
            "Nothing to do: the next cycle tries again. The service's state is shown in the \
             Microsoft 365 admin center.",
        ),
        _ => (
            ErrorCategory::Rejected,
            "Graph refuses the request",
            "Check the selected attributes and the configured ids; if they are right, report \
             this with the log.",
        ),
    }
}

/// Returns whether a status below 500 may pass: a time-out, or a failed dependency in a batch.
fn transient(status: StatusCode) -> bool {
    status == StatusCode::REQUEST_TIMEOUT || status == StatusCode::FAILED_DEPENDENCY
}

fn request_id(id: Option<&str>) -> String {
    id.map(|id| format!(", request-id {id}")).unwrap_or_default()
}
