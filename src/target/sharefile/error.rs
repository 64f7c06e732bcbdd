//! What a refusal means, and what to do about it (ShareFile API reference, section 6).

use std::error::Error;

use http::StatusCode;

use super::wire::{ErrorBody, TokenRefusal};
use crate::http::{Answer, HttpError, Verdict};
use crate::model::outcome::ErrorCategory;
use crate::target::{Refusal, TargetError};

/// The text of a refusal is cut to so many characters.
const LONGEST_TEXT: usize = 300;

const GATEWAY: &str = "A proxy, gateway or firewall answers in ShareFile's place: check what lies \
    between this host and ShareFile, and whether ShareFile is under maintenance.";

const ROLES: &str = "Give the service user the permissions to manage employees \
    (AdminManageEmployees) and to manage clients (CanManageUsers).";

const GROUP_ROLES: &str = "Give the service user the permissions to create shared groups \
    (AdminCreateSharedGroups) and to edit the shared groups of others (AdminSharedDistGroups).";

/// A call, as far as errors need to know it.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// As "creating an employee"; no addresses.
    pub what: String,
    /// What kind of call.
    pub kind: AttemptKind,
}

/// The kinds of calls whose errors differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttemptKind {
    Read,
    Create,
    Change {
        address: bool,
    },
    /// An account is deleted or downgraded.
    Remove,
    /// A mail is sent.
    Mail,
    /// A group or its members are changed.
    Group,
}

impl Attempt {
    /// A read.
    pub fn read(what: impl Into<String>) -> Self {
        Self { what: what.into(), kind: AttemptKind::Read }
    }

    /// Returns whether the call writes.
    pub fn writes(&self) -> bool {
        self.kind != AttemptKind::Read
    }

    /// Returns whether a 404 can mean that an address is taken (section 3.4).
    fn gives_address(&self) -> bool {
        matches!(self.kind, AttemptKind::Create | AttemptKind::Change { address: true })
    }

    /// Returns an error of this call.
    pub fn error(
        &self,
        category: ErrorCategory,
        code: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> TargetError {
        TargetError {
            attempted: self.what.clone(),
            message: message.into(),
            remedy: remedy.into(),
            category,
            refusal: Refusal::Other,
            code: code.to_owned(),
            maybe_applied: false,
            cause: None,
        }
    }

    /// Returns the error for a request without a complete answer.
    pub fn no_answer(&self, error: HttpError) -> TargetError {
        let (category, code) = match &error {
            HttpError::NotSent { .. } => (ErrorCategory::Transient, "Unreachable"),
            HttpError::Certificate { .. } => (ErrorCategory::Rejected, "UntrustedCertificate"),
            HttpError::ProxyRefused { .. } => (ErrorCategory::Rejected, "ProxyRefused"),
            HttpError::Lost { .. } => (ErrorCategory::Transient, "ConnectionLost"),
            HttpError::Setup { .. } => (ErrorCategory::Bug, "Setup"),
        };
        let mut made = self.error(category, code, error.to_string(), error.remedy());
        made.maybe_applied = self.writes() && error.maybe_delivered();
        // The message says what the error itself says; the chain goes on below it.
        made.cause = match error {
            HttpError::NotSent { source, .. }
            | HttpError::Certificate { source, .. }
            | HttpError::Lost { source, .. }
            | HttpError::Setup { source, .. } => Some(source),
            HttpError::ProxyRefused { source, .. } => source,
        };
        made
    }

    /// Returns the error for a success whose body cannot be understood. A write took effect then,
    /// or may have.
    pub fn unreadable(
        &self,
        answer: &Answer,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> TargetError {
        let mut made = if answer.looks_like_html() {
            self.html(answer.status)
        } else {
            self.error(
                ErrorCategory::Bug,
                "UnreadableAnswer",
                format!("the answer ({}) has an unexpected shape", answer.status.as_u16()),
                "Report this, with the cause named here: ShareFile answers differently than it \
                 used to.",
            )
        };
        made.maybe_applied = self.writes();
        made.cause = Some(cause.into());
        made
    }

    /// Returns the error that an answer other than a success stands for.
    pub fn refused(&self, answer: &Answer) -> TargetError {
        let status = answer.status;
        if verdict(answer) == Verdict::Wait {
            return self.error(
                ErrorCategory::Throttled,
                "Throttled",
                "ShareFile asks to wait, and went on asking",
                "Nothing, usually. If it stays, lower sharefile.requests_per_minute: other \
                 programs may be using the same budget.",
            );
        }
        if answer.looks_like_html() || status.is_redirection() {
            let mut made = self.html(status);
            made.maybe_applied = self.writes();
            return made;
        }
        let body: ErrorBody = answer.json().unwrap_or_default();
        let reason = body.reason().unwrap_or("");
        let (category, refusal) = self.meaning(status, reason);
        let code = body.reason().or(body.code()).map_or_else(|| status_name(status), str::to_owned);
        let message = match body.text() {
            Some(text) => format!("{} {code}: {}", status.as_u16(), shorten(text)),
            None => format!("{} {code}", status.as_u16()),
        };
        let remedy = match self.own_remedy(category, refusal, reason) {
            Some(own) => own,
            None => remedy(category, refusal, reason),
        };
        let mut made = self.error(category, &code, message, remedy);
        made.refusal = refusal;
        made.maybe_applied = self.writes() && may_have_been_processed(status);
        made
    }

    /// Returns what to do about a refusal that means something else here than elsewhere.
    fn own_remedy(
        &self,
        category: ErrorCategory,
        refusal: Refusal,
        reason: &str,
    ) -> Option<&'static str> {
        let other = refusal == Refusal::Other && category == ErrorCategory::Rejected;
        Some(match (self.kind, refusal) {
            (AttemptKind::Group, Refusal::Conflict) => {
                "A group of that name exists already, perhaps one that the service user does not \
                 see: look it up in ShareFile."
            }
            (AttemptKind::Group, Refusal::NotFound) => {
                "The group, or an account that belongs in it, was deleted in ShareFile; the next \
                 cycle deals with it."
            }
            (AttemptKind::Group, Refusal::Forbidden) => GROUP_ROLES,
            (AttemptKind::Group, _) if other && matches!(reason, "" | "BadRequest") => {
                "Look at the group in ShareFile: its name may not be accepted, or it has as many \
                 members as a group can have."
            }
            (AttemptKind::Remove, Refusal::NotFound) => {
                "The account, or one of those who take over, was deleted in ShareFile: check \
                 reassign_items_to and reassign_groups_to."
            }
            (AttemptKind::Remove, _) if other => {
                "Look at the account in ShareFile: an address in a domain of your company stays an \
                 employee, the billing contact has to be replaced first, and who takes over must \
                 be another employee."
            }
            _ => return None,
        })
    }

    fn html(&self, status: StatusCode) -> TargetError {
        self.error(
            ErrorCategory::Transient,
            "HtmlAnswer",
            format!("a web page or redirect came ({}) where JSON was expected", status.as_u16()),
            GATEWAY,
        )
    }

    /// Sorts a refusal by status and reason; never by its text, which is localised (section 0).
    fn meaning(&self, status: StatusCode, reason: &str) -> (ErrorCategory, Refusal) {
        use ErrorCategory::{Auth, Rejected, Transient};
        match reason {
            "EmployeeLicensesExceeded" => return (Rejected, Refusal::LicensesExceeded),
            "Conflict" => return (Rejected, Refusal::Conflict),
            "NotAuthenticated" | "LoginWhitelistViolation" | "LoginBlacklistViolation" => {
                return (Auth, Refusal::Other);
            }
            "MaintenanceMode"
            | "ServiceUnavailable"
            | "TemporaryConnectivityFailure"
            | "DatabaseError"
            | "ZoneUnavailable" => return (Transient, Refusal::Other),
            _ => {}
        }
        match status.as_u16() {
            409 => (Rejected, Refusal::Conflict),
            // Some duplicates are answered with 404 (section 3.4).
            404 if self.gives_address() => (Rejected, Refusal::Conflict),
            404 => (Rejected, Refusal::NotFound),
            401 => (Auth, Refusal::Other),
            // Other reasons are rules about this one object.
            403 if matches!(reason, "" | "Unspecified" | "Forbidden" | "NotAuthorized") => {
                (Auth, Refusal::Forbidden)
            }
            408 | 500.. => (Transient, Refusal::Other),
            _ => (Rejected, Refusal::Other),
        }
    }

    /// Returns the error for an answer of the token endpoint other than a success (section 1.5).
    pub fn sign_in_refused(&self, answer: &Answer, host: &str) -> TargetError {
        use ErrorCategory::{Auth, Rejected};
        let status = answer.status;
        let said: Option<TokenRefusal> = answer.json().ok();
        if verdict(answer) == Verdict::Wait || status.is_server_error() {
            return self.refused(answer);
        }
        if said.is_none() && (status == StatusCode::NOT_FOUND || status.is_redirection()) {
            return self.error(
                Rejected,
                "WrongSubdomain",
                format!("{host} has no ShareFile sign-in ({})", status.as_u16()),
                "Check sharefile.subdomain and sharefile.domain: together they are the address at \
                 which people of your company sign in to ShareFile.",
            );
        }
        if answer.looks_like_html() {
            return self.sign_in_html(status, host);
        }
        let error = said.as_ref().map_or("", |said| said.error.as_str());
        let description = said.as_ref().and_then(|said| said.error_description.as_deref());
        let code = if error.is_empty() { status_name(status) } else { error.to_owned() };
        let message = match description {
            Some(text) => format!("{} {code}: {}", status.as_u16(), shorten(text)),
            None => format!("{} {code}", status.as_u16()),
        };
        let key = "Check sharefile.client_id and sharefile.client_secret: the API key of this \
                   program, as https://api.sharefile.com/apikeys shows it.";
        let remedy = match (error, status.as_u16()) {
            ("invalid_grant", _) => {
                "Check sharefile.admin_user and sharefile.admin_password. Where two-step \
                 verification is on, the service user needs an application-specific password. It \
                 has to be a ShareFile password even where single sign-on is forced."
            }
            ("invalid_client" | "unauthorized_client", _) | ("", 401) => key,
            ("unsupported_grant_type", _) => {
                "Check that the API key may sign in with user name and password (the password \
                 grant)."
            }
            _ => "Check the service user, its password and the API key in the section sharefile.",
        };
        self.error(Auth, &code, message, remedy)
    }

    /// Returns the error for a web page in place of a token.
    pub fn sign_in_html(&self, status: StatusCode, host: &str) -> TargetError {
        self.error(
            ErrorCategory::Rejected,
            "HtmlAnswer",
            format!("{host} answered with a web page ({}) instead of a token", status.as_u16()),
            format!("Check sharefile.subdomain and sharefile.domain. If they are right: {GATEWAY}"),
        )
    }
}

/// Says what the client should make of an answer (section 6.3): 429, reason `Throttled` with any
/// status, and 503 that says when to come back are refusals before any work.
pub(super) fn verdict(answer: &Answer) -> Verdict {
    let status = answer.status.as_u16();
    if answer.status.is_success() {
        return Verdict::Final;
    }
    let asked = status == 503 && answer.headers.contains_key(http::header::RETRY_AFTER);
    if status == 429 || asked || is_throttled(answer) {
        return Verdict::Wait;
    }
    match status {
        408 | 500 | 502 | 503 | 504 => Verdict::Retry,
        _ => Verdict::Final,
    }
}

fn is_throttled(answer: &Answer) -> bool {
    answer.json::<ErrorBody>().is_ok_and(|body| body.reason() == Some("Throttled"))
}

/// Returns whether the service may have done the work in spite of the status.
fn may_have_been_processed(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT || status.is_success()
}

fn remedy(category: ErrorCategory, refusal: Refusal, reason: &str) -> &'static str {
    match (refusal, reason) {
        (Refusal::Conflict, _) => {
            return "The address is in use already, perhaps as a secondary address or by a \
                    deleted account: look the account up in ShareFile.";
        }
        (Refusal::LicensesExceeded, _) => {
            return "Buy employee licences, or free some: disabled employees hold theirs until \
                    they are deleted or made clients.";
        }
        (Refusal::NotFound, _) => {
            return "The account was deleted in ShareFile; the next cycle deals with it.";
        }
        (_, "ClientMustBeCreatedAsEmployee") => {
            return "Addresses in a domain of your company must be employees in this tenant: \
                    change users.type for this person.";
        }
        (_, "EmailWhitelistViolation" | "EmailBlacklistViolation") => {
            return "The tenant does not allow addresses of this domain: change its domain list, \
                    or leave the person out.";
        }
        (_, "LoginWhitelistViolation" | "LoginBlacklistViolation") => {
            return "The tenant does not allow sign-in from this host: add its address to the \
                    tenant's IP restrictions.";
        }
        (_, "MaintenanceMode") => return "ShareFile is under maintenance: it is tried again.",
        _ => {}
    }
    match category {
        ErrorCategory::Transient | ErrorCategory::Throttled => {
            "Usually this passes, and it is tried again. If it stays, look at ShareFile's status \
             page."
        }
        ErrorCategory::Auth if reason != "NotAuthenticated" => ROLES,
        ErrorCategory::Auth => {
            "The token was refused: check that the API key belongs to this tenant, and that the \
             service user may sign in."
        }
        ErrorCategory::Rejected | ErrorCategory::Bug => {
            "Look at the values of this account: ShareFile does not accept what was sent."
        }
    }
}

/// Returns what to do about a token that the API refuses although it was just issued.
pub(super) fn dead_token_remedy() -> &'static str {
    remedy(ErrorCategory::Auth, Refusal::Other, "NotAuthenticated")
}

/// Returns what to do about missing roles.
pub(super) fn roles_remedy() -> &'static str {
    ROLES
}

fn status_name(status: StatusCode) -> String {
    let words = status.canonical_reason().unwrap_or("Http");
    let name: String = words.chars().filter(char::is_ascii_alphanumeric).collect();
    if name == "Http" { format!("Http{}", status.as_u16()) } else { name }
}

/// Returns the text on one line, cut if it is long.
fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
