//! How the tenant spells its answers: entities, dates and errors (ShareFile API reference,
//! sections 2 and 6.1).

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::call::Call;
use crate::model::ids::Timestamp;
use crate::sandbox::faults::{Fault, FaultKind};

/// How the tenant spells "never" (section 2).
pub(super) const NEVER: &str = "1900-01-01T00:00:00Z";

/// Returns an answer without a body.
pub(super) fn empty_response(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Returns a JSON answer.
pub(super) fn json_response(status: StatusCode, body: &Value) -> Response {
    json_body(status, Body::from(body.to_string()))
}

/// Returns an answer whose body is JSON already.
pub(super) fn json_body(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// What an error says.
pub(super) struct Error<'a> {
    /// For programs.
    pub reason: &'a str,
    /// For people.
    pub message: &'a str,
}

/// Returns an error: `code` is the name of the status, or its number; a 401 challenges.
pub(super) fn error_response(
    status: StatusCode,
    error: Error<'_>,
    with_reason: bool,
    as_number: bool,
) -> Response {
    let name = status.canonical_reason().unwrap_or("Unspecified").replace(' ', "");
    let code = if as_number { Value::from(status.as_u16()) } else { Value::from(name) };
    let mut body = json!({
        "code": code,
        "message": { "lang": "en-US", "value": error.message },
    });
    if with_reason {
        put(&mut body, "reason", error.reason);
    }
    let mut response = json_response(status, &body);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Returns the answer of a transport fault.
pub(super) fn refuse(fault: &Fault, _: &str, _: &HeaderMap, _: Timestamp) -> Response {
    let (status, reason, message) = match fault.kind {
        FaultKind::TooManyRequests => {
            (StatusCode::TOO_MANY_REQUESTS, "Throttled", "Too many requests were sent.")
        }
        FaultKind::Unauthorized => {
            (StatusCode::UNAUTHORIZED, "NotAuthenticated", "The access token has expired.")
        }
        FaultKind::DuplicateAddress => {
            (StatusCode::NOT_FOUND, "NotFound", "The item could not be found in the system.")
        }
        FaultKind::NoLicence => {
            (StatusCode::FORBIDDEN, "EmployeeLicensesExceeded", "All employee licenses are in use.")
        }
        _ => (StatusCode::SERVICE_UNAVAILABLE, "Throttled", "The service is busy."),
    };
    let status =
        fault.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(status);
    let reason = fault.reason.as_deref().unwrap_or(reason);
    error_response(status, Error { reason, message }, true, false)
}

/// Writes a time as ISO 8601 in UTC with as many fraction digits as it needs.
pub(super) fn date(time: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(time.0) {
        Ok(time) => time.to_string(),
        Err(_) => NEVER.to_owned(),
    }
}

/// Writes a time, or the one that stands for never.
pub(super) fn date_or_never(time: Option<Timestamp>) -> String {
    time.map_or_else(|| NEVER.to_owned(), date)
}

/// Sets a member of a JSON object.
pub(super) fn put(record: &mut Value, member: &str, value: impl Into<Value>) {
    if let Some(members) = record.as_object_mut() {
        members.insert(member.to_owned(), value.into());
    }
}

/// Adds what every entity carries: type, metadata, id and url (section 2.1).
pub(super) fn entity(
    base: &str,
    set: &str,
    kind: &str,
    id: impl std::fmt::Display,
    members: Value,
) -> Value {
    let mut entity = match members {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let metadata = format!("{base}/$metadata#{set}/ShareFile.Api.Models.{kind}@Element");
    entity.insert("odata.metadata".to_owned(), metadata.into());
    entity.insert("odata.type".to_owned(), format!("ShareFile.Api.Models.{kind}").into());
    entity.insert("Id".to_owned(), id.to_string().into());
    entity.insert("url".to_owned(), format!("{base}/{set}({id})").into());
    Value::Object(entity)
}

/// Keeps the members that `$select` names, and those that every entity carries.
pub(super) fn select(call: &Call<'_>, mut entity: Value) -> Value {
    if let Some(names) = call.selected() {
        keep_members(&mut entity, &names);
    }
    entity
}

/// Keeps the members of those names, and those that every entity carries.
pub(super) fn keep_members<S: AsRef<str>>(entity: &mut Value, names: &[S]) {
    if let Some(members) = entity.as_object_mut() {
        members.retain(|member, _| {
            member.starts_with("odata.")
                || ["Id", "url"].contains(&member.as_str())
                || names.iter().any(|name| name.as_ref().eq_ignore_ascii_case(member))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_as_many_fraction_digits_as_they_need() {
        assert_eq!(date(Timestamp(0)), "1970-01-01T00:00:00Z");
        assert_eq!(date(Timestamp(920)), "1970-01-01T00:00:00.92Z");
        assert_eq!(date(Timestamp(1_487)), "1970-01-01T00:00:01.487Z");
    }
}
