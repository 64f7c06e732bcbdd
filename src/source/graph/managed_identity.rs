//! Tokens of a managed identity: from the metadata service of a virtual machine, or from App
//! Service (Graph reference, section 1.4). Neither is ever asked through a proxy.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::clock::Clock;
use crate::http::{
    Answer, ClientSettings, Gate, GateLimits, HttpError, PoliteClient, Repeat, Verdict,
};
use crate::model::outcome::ErrorCategory;
use crate::source::SourceError;

use super::error;
use super::settings::{Identity, IdentityHost};
use super::token::{Refusal, Refused};

const ATTEMPTED: &str = "asking for a token of the managed identity";

/// Waits between attempts: five in all, at about 0, 2, 6, 14 and 30 s.
const WAITS: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

/// While the service is being updated it answers 410, for up to 70 s.
const UPDATING: Duration = Duration::from_secs(70);

/// How long to wait while it is.
const UPDATING_WAIT: Duration = Duration::from_secs(10);

/// A service that nobody reaches is asked so often: it may be starting with this host.
const UNREACHED: usize = 3;

/// The longest text of a refusal that is shown.
const LONGEST_TEXT: usize = 200;

/// The service on this host that has the tokens.
pub(super) struct IdentityService {
    client: PoliteClient,
    clock: Arc<dyn Clock>,
    url: Url,
    header: (HeaderName, HeaderValue),
    machine: bool,
}

/// An answer with a token. Numbers are texts; of App Service only `expires_on` can be relied upon.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    expires_on: Value,
}

/// A refusal, in the shape of either service.
#[derive(Default, Deserialize)]
struct RefusalAnswer {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    message: String,
}

/// A token, and how long it is good for.
pub(super) struct IdentityToken {
    pub(super) access_token: String,
    pub(super) expires_in: Duration,
}

impl IdentityService {
    /// Prepares asking for tokens for `resource`; nothing is sent yet.
    pub(super) fn new(
        host: &IdentityHost,
        identity: &Identity,
        resource: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SourceError> {
        let (mut url, version, header, machine) = match host {
            IdentityHost::VirtualMachine { endpoint } => {
                let mut url = endpoint.clone();
                url.set_path("/metadata/identity/oauth2/token");
                let header = HeaderValue::from_static("true");
                (url, "2018-02-01", (HeaderName::from_static("metadata"), header), true)
            }
            IdentityHost::AppService { endpoint, header } => {
                let secret = HeaderValue::from_str(header.expose_secret());
                let mut header = secret.map_err(|_| {
                    let message = "IDENTITY_HEADER holds what no header can carry";
                    failed(ErrorCategory::Auth, message, "App Service sets it: leave it as it is.")
                })?;
                header.set_sensitive(true);
                let header = (HeaderName::from_static("x-identity-header"), header);
                (endpoint.clone(), "2019-08-01", header, false)
            }
        };
        let mut query = url.query_pairs_mut();
        query.append_pair("api-version", version).append_pair("resource", resource);
        match identity {
            Identity::System => {}
            Identity::ClientId(id) => drop(query.append_pair("client_id", id)),
            Identity::ObjectId(id) => drop(query.append_pair("object_id", id)),
            Identity::ResourceId(id) => {
                query.append_pair(if machine { "msi_res_id" } else { "mi_res_id" }, id);
            }
        }
        drop(query);
        let gate = Gate::new(clock.clone(), GateLimits { per_minute: None, in_flight: 1 });
        let settings = ClientSettings {
            attempts: 1,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
            direct: true,
            ..ClientSettings::default()
        };
        // When to ask again is decided here, by the rules of these services.
        let client = PoliteClient::new(gate, clock.clone(), settings, |_| Verdict::Final)
            .map_err(|error| error::unanswered(ATTEMPTED, error))?;
        Ok(Self { client, clock, url, header, machine })
    }

    /// Asks for a token, again where the service says that it may pass.
    ///
    /// # Errors
    /// A refusal for good is one that may be remembered.
    pub(super) async fn token(&self) -> Result<IdentityToken, Refused> {
        let began = self.clock.monotonic();
        let mut waits = WAITS.into_iter();
        let mut unreached = 0;
        loop {
            let wait = match self.ask().await {
                Ok(answer) if answer.status.is_success() => return self.read(&answer),
                Ok(answer) if answer.status == StatusCode::GONE && self.machine => {
                    let spent = self.clock.monotonic().saturating_sub(began);
                    (spent < UPDATING).then_some(UPDATING_WAIT).ok_or_else(|| refuse(&answer))?
                }
                Ok(answer) if passes(answer.status, self.machine) => {
                    waits.next().ok_or_else(|| refuse(&answer))?
                }
                Ok(answer) => return Err(refuse(&answer)),
                Err(error) => {
                    unreached += 1;
                    let again = unreached < UNREACHED && error.is_transient();
                    let wait = if again { waits.next() } else { None };
                    wait.ok_or_else(|| Refused::Now(Box::new(self.absent(error))))?
                }
            };
            self.clock.sleep(wait).await;
        }
    }

    async fn ask(&self) -> Result<Answer, HttpError> {
        let (name, value) = &self.header;
        let request = self.client.inner().get(self.url.clone()).header(name, value).build();
        self.client.execute(request.map_err(HttpError::from_reqwest)?, Repeat::Read).await
    }

    fn read(&self, answer: &Answer) -> Result<IdentityToken, Refused> {
        let read: TokenAnswer = answer.json().map_err(|error| {
            Refused::Now(Box::new(error::undecodable(ATTEMPTED, answer, error)))
        })?;
        let now_secs = self.clock.now().0 as f64 / 1000.0;
        let left = number(&read.expires_in)
            .or_else(|| number(&read.expires_on).map(|until_secs| until_secs - now_secs));
        let left = left.and_then(|secs| Duration::try_from_secs_f64(secs).ok());
        // Asked for again soon if the service does not say how long it is good for.
        let expires_in = left.unwrap_or(Duration::from_secs(600));
        Ok(IdentityToken { access_token: read.access_token, expires_in })
    }

    fn absent(&self, error: HttpError) -> SourceError {
        let mut made = error::unanswered(ATTEMPTED, error);
        made.remedy = match self.machine {
            true => "Managed identity works on a machine in Azure only: give client_secret, \
                     certificate or federated elsewhere. On such a machine, check that nothing \
                     on it blocks the metadata service (169.254.169.254)."
                .to_owned(),
            false => "IDENTITY_ENDPOINT names a service that does not answer: App Service sets \
                      it, so leave it as it is, and restart the app."
                .to_owned(),
        };
        made
    }
}

/// Returns whether an answer may pass by itself.
fn passes(status: StatusCode, machine: bool) -> bool {
    let starting = machine && status == StatusCode::NOT_FOUND;
    starting || status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

fn refuse(answer: &Answer) -> Refused {
    let status = answer.status;
    let said: RefusalAnswer = answer.json().unwrap_or_default();
    let text = [&said.error_description, &said.message, &said.error];
    let text = text.into_iter().find(|text| !text.is_empty()).map_or("", String::as_str);
    let text = text.lines().next().unwrap_or_default();
    let end = text.char_indices().nth(LONGEST_TEXT).map_or(text.len(), |(end, _)| end);
    let text = text.get(..end).unwrap_or_default();
    let detail = match text.is_empty() {
        true => format!("HTTP {}", status.as_u16()),
        false => format!("HTTP {}: {text}", status.as_u16()),
    };
    let passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    if passing || status == StatusCode::GONE {
        let message = format!("the identity service of this host gives no token ({detail})");
        let remedy = "Nothing to do: the next cycle tries again.";
        return Refused::Now(Box::new(failed(ErrorCategory::Transient, message, remedy)));
    }
    Refused::ForGood(Refusal {
        category: ErrorCategory::Auth,
        message: format!("this host gives no token of the configured managed identity ({detail})"),
        remedy: "Assign the identity to this host (its page Identity in the Azure portal), and \
                 check what managed_identity names: \"system\", or the client_id, object_id or \
                 resource_id of a user-assigned one."
            .to_owned(),
    })
}

fn failed(
    category: ErrorCategory,
    message: impl Into<String>,
    remedy: impl Into<String>,
) -> SourceError {
    error::failed(ATTEMPTED, category, message, remedy)
}

/// Reads a number, which these services write as text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_what_the_reference_says() {
        for (status, of_machine, of_service) in [
            (404, true, false),
            (429, true, true),
            (500, true, true),
            (503, true, true),
            (400, false, false),
            (401, false, false),
            (403, false, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!((passes(status, true), passes(status, false)), (of_machine, of_service));
        }
    }

    #[test]
    fn numbers_are_texts() {
        for (value, expected) in [
            (Value::from("86399"), Some(86_399.0)),
            (Value::from(3599), Some(3_599.0)),
            (Value::from("soon"), None),
            (Value::Null, None),
        ] {
            assert_eq!(number(&value), expected, "{value}");
        }
    }
}
