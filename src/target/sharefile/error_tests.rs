//! Refusals, sorted.

use http::{HeaderMap, HeaderValue};

use super::*;

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.as_bytes().to_vec(),
    }
}

fn because(reason: &str) -> String {
    format!(r#"{{"code":"X","message":{{"lang":"en-US","value":"text"}},"reason":"{reason}"}}"#)
}

fn attempt(kind: AttemptKind) -> Attempt {
    Attempt { what: "trying".to_owned(), kind }
}

#[test]
fn refusals_are_sorted_by_status_and_reason() {
    use AttemptKind::{Change, Create, Read};
    use ErrorCategory::{Auth, Rejected, Throttled, Transient};
    const RENAME: AttemptKind = Change { address: true };
    const EDIT: AttemptKind = Change { address: false };
    for (kind, status, reason, category, refusal, maybe_applied) in [
        (Create, 409, "Conflict", Rejected, Refusal::Conflict, false),
        (Create, 404, "NotFound", Rejected, Refusal::Conflict, false),
        (Create, 400, "Conflict", Rejected, Refusal::Conflict, false),
        (RENAME, 404, "NotFound", Rejected, Refusal::Conflict, false),
        (EDIT, 404, "NotFound", Rejected, Refusal::NotFound, false),
        (Read, 404, "NotFound", Rejected, Refusal::NotFound, false),
        (Create, 403, "EmployeeLicensesExceeded", Rejected, Refusal::LicensesExceeded, false),
        (Create, 400, "EmployeeLicensesExceeded", Rejected, Refusal::LicensesExceeded, false),
        (Create, 403, "ClientMustBeCreatedAsEmployee", Rejected, Refusal::Other, false),
        (EDIT, 403, "NotAllowed", Rejected, Refusal::Other, false),
        (EDIT, 403, "Forbidden", Auth, Refusal::Forbidden, false),
        (Read, 403, "", Auth, Refusal::Forbidden, false),
        (Read, 401, "NotAuthenticated", Auth, Refusal::Other, false),
        (Create, 400, "BadRequest", Rejected, Refusal::Other, false),
        (Create, 500, "Unspecified", Transient, Refusal::Other, true),
        (Read, 500, "Unspecified", Transient, Refusal::Other, false),
        (EDIT, 503, "MaintenanceMode", Transient, Refusal::Other, true),
        (Create, 403, "Throttled", Throttled, Refusal::Other, false),
        (Create, 503, "Throttled", Throttled, Refusal::Other, false),
        (Create, 429, "", Throttled, Refusal::Other, false),
    ] {
        let error = attempt(kind).refused(&answer(status, &because(reason)));
        let found = (error.category, error.refusal, error.maybe_applied);
        assert_eq!(found, (category, refusal, maybe_applied), "{kind:?} {status} {reason}");
        assert!(!error.remedy.is_empty());
    }
}

#[test]
fn a_missing_role_is_named() {
    let error = attempt(AttemptKind::Read).refused(&answer(403, &because("Forbidden")));
    assert!(error.remedy.contains("AdminManageEmployees"), "{}", error.remedy);
    assert!(error.remedy.contains("CanManageUsers"), "{}", error.remedy);
    assert_eq!(error.to_string(), "trying: 403 Forbidden: text");
}

#[test]
fn bodies_without_json_fall_back_to_the_status() {
    let error = attempt(AttemptKind::Create).refused(&answer(400, ""));
    assert_eq!((error.code.as_str(), error.category), ("BadRequest", ErrorCategory::Rejected));
    for status in [404, 403, 502, 302] {
        let error = attempt(AttemptKind::Create).refused(&answer(status, "<html></html>"));
        assert_eq!(error.code, "HtmlAnswer");
        assert_eq!((error.category, error.maybe_applied), (ErrorCategory::Transient, true));
        assert!(error.remedy.contains("proxy"));
    }
}

#[test]
fn a_success_that_cannot_be_read_may_have_taken_effect() {
    for body in ["<html>", "{}", ""] {
        let error = attempt(AttemptKind::Create).unreadable(&answer(200, body), "cause");
        assert!(error.maybe_applied);
        assert!(!attempt(AttemptKind::Read).unreadable(&answer(200, body), "cause").maybe_applied);
    }
}

#[test]
fn throttling_is_seen_with_any_status() {
    for status in [400, 403, 429, 503] {
        assert_eq!(verdict(&answer(status, &because("Throttled"))), Verdict::Wait);
    }
    let mut asked = answer(503, "busy");
    asked.headers.insert("retry-after", HeaderValue::from_static("5"));
    assert_eq!(verdict(&asked), Verdict::Wait);
    assert_eq!(verdict(&answer(503, "busy")), Verdict::Retry);
    assert_eq!(verdict(&answer(404, &because("NotFound"))), Verdict::Final);
    assert_eq!(verdict(&answer(200, &because("Throttled"))), Verdict::Final);
}

#[test]
fn sign_in_refusals_say_what_to_do() {
    let oauth = |error: &str| format!(r#"{{"error":"{error}","error_description":"no"}}"#);
    for (status, body, code, word) in [
        (400, oauth("invalid_grant"), "invalid_grant", "application-specific password"),
        (401, oauth("invalid_client"), "invalid_client", "sharefile.client_id"),
        (401, String::new(), "Unauthorized", "sharefile.client_id"),
        (400, oauth("unsupported_grant_type"), "unsupported_grant_type", "password grant"),
        (404, "<html>no such site</html>".to_owned(), "WrongSubdomain", "sharefile.subdomain"),
        (404, String::new(), "WrongSubdomain", "sharefile.subdomain"),
        (302, String::new(), "WrongSubdomain", "sharefile.subdomain"),
        (403, "<html>".to_owned(), "HtmlAnswer", "proxy"),
        (502, "<html>".to_owned(), "HtmlAnswer", "proxy"),
        (429, String::new(), "Throttled", "requests_per_minute"),
    ] {
        let attempt = Attempt::read("signing in");
        let error = attempt.sign_in_refused(&answer(status, &body), "acme.sharefile.com");
        assert_eq!(error.code, code, "{status}");
        assert!(error.remedy.contains(word), "{status}: {}", error.remedy);
        assert!(!error.maybe_applied);
    }
}

#[test]
fn long_texts_are_cut() {
    let text = shorten(&"é \n".repeat(1_000));
    assert_eq!(text.chars().count(), LONGEST_TEXT + 1);
    assert!(!text.contains('\n'));
}
