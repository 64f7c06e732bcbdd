//! What Entra ID means when it refuses a token: branches on codes, never on text (Graph
//! reference, section 1.5).

use http::StatusCode;

use crate::http::Answer;
use crate::model::outcome::ErrorCategory;

use super::token::Refusal;
use super::wire::TokenRefusal;

/// Codes that pass by themselves.
const TRANSIENT: &[i64] = &[50033, 90006, 90012, 90024, 90033, 90055, 90090];

/// Codes with what they mean and what to do about it.
const MEANINGS: &[(&[i64], &str, &str)] = &[
    (
        &[7000215, 70002],
        "the client secret is wrong",
        "Configure the value of the client secret, not its id: it is shown once, when the \
         secret is made under Certificates & secrets of the app registration.",
    ),
    (
        &[7000222],
        "the client secret has expired",
        "Make a new client secret under Certificates & secrets of the app registration, and \
         configure its value.",
    ),
    (
        &[700027, 50012, 50027, 700021, 700030],
        "the certificate is not accepted",
        "Upload this certificate (its public part) under Certificates & secrets of the app \
         registration, check that it has not expired and that the clock of this host is right.",
    ),
    (
        &[700023],
        "the certificate's assertion is meant for another address",
        "Check that tenant is right and that the login address belongs to the configured cloud.",
    ),
    (
        &[700024],
        "the certificate's assertion is outside its time",
        "Set the clock of this host right.",
    ),
    (
        &[700016, 700011],
        "the tenant does not know this client id",
        "Check client_id (the Application (client) ID of the app registration) and tenant: \
         one of them belongs to another directory.",
    ),
    (
        &[7000112, 70001],
        "the app registration is disabled",
        "Enable the app registration's enterprise application (Properties, Enabled for users \
         to sign in).",
    ),
    (
        &[90002],
        "there is no such tenant",
        "Check tenant, and that cloud is the one that the tenant lives in.",
    ),
    (
        &[90038, 900382],
        "the tenant lives in another national cloud",
        "Set cloud to the one that the tenant lives in.",
    ),
    (
        &[9001023],
        "the tenant is missing",
        "Give the Directory (tenant) ID, or a verified domain of the tenant.",
    ),
    (
        &[70011, 28002, 700022],
        "the address of Graph is not accepted as a scope",
        "Check that login and Graph addresses belong to the same cloud.",
    ),
    (
        &[500011],
        "Microsoft Graph is not available in this tenant",
        "Check that login and Graph addresses belong to the same cloud.",
    ),
    (
        &[53003],
        "a conditional access policy for workload identities blocks the sign-in",
        "Allow this host's address for the app registration in the policy.",
    ),
    (&[7000218, 900144], "the sign-in request lacks a field", "Report this with the log."),
    (
        &[700229],
        "a user's token was given as proof",
        "Use a client secret or a certificate of the app registration.",
    ),
];

/// Returns whether an answer is a refusal of the token endpoint that passes by itself, although
/// its status says otherwise.
pub(super) fn passes(answer: &Answer) -> bool {
    answer.json::<TokenRefusal>().is_ok_and(|refusal| is_transient(&refusal))
}

fn is_transient(refusal: &TokenRefusal) -> bool {
    refusal.error == "temporarily_unavailable"
        || refusal.error_codes.iter().any(|code| TRANSIENT.contains(code))
}

/// Returns what a refusal means, with what to do.
pub(super) fn explain(status: StatusCode, refusal: &TokenRefusal) -> Refusal {
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Refusal {
            category: ErrorCategory::Throttled,
            message: "Entra ID keeps asking to slow down (HTTP 429)".to_owned(),
            remedy: "Nothing to do: the next cycle tries again.".to_owned(),
        };
    }
    if status.is_server_error() || is_transient(refusal) {
        return Refusal { category: ErrorCategory::Transient, ..unexplained(status) };
    }
    let code = code(refusal);
    let (message, remedy) = match code {
        Some(code) => meaning(code),
        None => None,
    }
    .unwrap_or_else(|| by_name(&refusal.error));
    let label = match code {
        Some(code) => format!("AADSTS{code}"),
        None if refusal.error.is_empty() => format!("HTTP {}", status.as_u16()),
        None => refusal.error.clone(),
    };
    Refusal {
        category: ErrorCategory::Auth,
        message: format!("{message} ({label})"),
        remedy: remedy.to_owned(),
    }
}

/// Returns what an answer means that says nothing about itself.
pub(super) fn unexplained(status: StatusCode) -> Refusal {
    let category = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorCategory::Auth,
        StatusCode::REQUEST_TIMEOUT => ErrorCategory::Transient,
        other if other.is_client_error() => ErrorCategory::Rejected,
        _ => ErrorCategory::Transient,
    };
    Refusal {
        category,
        message: format!("Entra ID is not able to issue a token (HTTP {})", status.as_u16()),
        remedy: "Nothing to do at first: the next cycle tries again. If it stays, check that the \
                 login address belongs to the configured cloud."
            .to_owned(),
    }
}

/// Returns the code that says most. `error_description` starts with one where `error_codes` is
/// missing.
fn code(refusal: &TokenRefusal) -> Option<i64> {
    let listed = || refusal.error_codes.iter().copied();
    listed().find(|&code| meaning(code).is_some()).or_else(|| listed().next()).or_else(|| {
        let digits = refusal.error_description.strip_prefix("AADSTS")?;
        digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    })
}

/// Returns message and remedy for a known code.
fn meaning(code: i64) -> Option<(&'static str, &'static str)> {
    let known = MEANINGS.iter().find(|(codes, _, _)| codes.contains(&code));
    known.map(|&(_, message, remedy)| (message, remedy))
}

/// Returns message and remedy by OAuth's error name, for codes nobody has met yet.
fn by_name(error: &str) -> (&'static str, &'static str) {
    match error {
        "invalid_client" => (
            "Entra ID does not accept the credential",
            "Check client id and client secret or certificate; look the code up at \
             https://login.microsoftonline.com/error.",
        ),
        "unauthorized_client" => (
            "the app registration may not sign in by itself",
            "Check client id and tenant, and that the app registration is enabled.",
        ),
        _ => (
            "Entra ID refuses to issue a token",
            "Look the code up at https://login.microsoftonline.com/error.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(error: &str, codes: &[i64], description: &str) -> TokenRefusal {
        TokenRefusal {
            error: error.to_owned(),
            error_description: description.to_owned(),
            error_codes: codes.to_vec(),
        }
    }

    #[test]
    fn codes_decide() {
        for (error, codes, description, expected) in [
            ("invalid_client", &[7000215][..], "", "secret is wrong"),
            ("invalid_client", &[7000222][..], "", "expired"),
            ("invalid_client", &[][..], "AADSTS7000222: The provided", "expired"),
            ("invalid_client", &[700027][..], "", "certificate is not accepted"),
            ("unauthorized_client", &[700016][..], "", "does not know this client id"),
            ("invalid_request", &[90002][..], "", "no such tenant"),
            ("invalid_client", &[123456][..], "", "does not accept the credential"),
            ("weird", &[][..], "", "refuses to issue"),
        ] {
            let explained = explain(StatusCode::UNAUTHORIZED, &refusal(error, codes, description));
            assert_eq!(explained.category, ErrorCategory::Auth);
            assert!(explained.message.contains(expected), "{explained:?}");
            assert!(!explained.remedy.is_empty());
        }
    }

    #[test]
    fn what_passes_is_not_an_auth_error() {
        for passing in
            [refusal("invalid_request", &[90033], ""), refusal("temporarily_unavailable", &[], "")]
        {
            let explained = explain(StatusCode::BAD_REQUEST, &passing);
            assert_eq!(explained.category, ErrorCategory::Transient);
        }
    }
}
