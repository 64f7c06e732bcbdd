//! Tokens of the app registration, or of a managed identity: asked for once for everybody, refreshed early, and never asked
//! for again and again after a refusal (Graph reference, section 1).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use url::Url;

use crate::clock::Clock;
use crate::http::{Answer, Connection, Fetched, PoliteClient, Repeat, TokenCache, is_token};
use crate::model::ids::Timestamp;
use crate::model::outcome::ErrorCategory;
use crate::source::SourceError;

use super::error;
use super::managed_identity::{IdentityService, IdentityToken};
use super::permission;
use super::proof::Proof;
use super::settings::{Credential, GraphSettings};
use super::token_refusal;
use super::wire::{TokenAnswer, TokenRefusal};

/// How long an exact refusal is repeated without asking again (MSAL's habit).
const REFUSAL_KEPT: Duration = Duration::from_secs(60);

const ATTEMPTED: &str = "signing in to Entra ID";

/// An access token, ready to be sent.
#[derive(Clone)]
pub(super) struct Bearer {
    /// The value of the `Authorization` header, marked as sensitive.
    pub(super) header: HeaderValue,
    /// The id of the tenant that issued it, if the token says.
    pub(super) tenant_id: Option<String>,
}

/// Where tokens come from.
pub(super) struct Tokens {
    clock: Arc<dyn Clock>,
    cache: TokenCache<Bearer>,
    way: Way,
    refused: Mutex<Option<(Duration, Refusal)>>,
    granted: Mutex<Option<Granted>>,
}

enum Way {
    /// The token endpoint, for an app registration.
    Endpoint(Box<Endpoint>),
    /// This host, for its managed identity.
    Identity(Box<IdentityService>),
}

/// The token endpoint of one app registration.
struct Endpoint {
    client: PoliteClient,
    url: Url,
    scope: String,
    client_id: String,
    proof: Proof,
}

/// What the last token said about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Granted {
    /// The tenant.
    pub(super) tenant_id: Option<String>,
    /// The client id of whom it was issued to.
    pub(super) client_id: Option<String>,
    /// The application permissions.
    pub(super) roles: Vec<String>,
}

/// What the token endpoint said last, to be said again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) category: ErrorCategory,
    pub(super) message: String,
    pub(super) remedy: String,
}

impl Refusal {
    fn into_error(self) -> SourceError {
        error::failed(ATTEMPTED, self.category, self.message, self.remedy)
    }
}

/// Why there is no token.
pub(super) enum Refused {
    /// For this time.
    Now(Box<SourceError>),
    /// And asking again soon would not help.
    ForGood(Refusal),
}

impl Tokens {
    /// Prepares signing in; asks nothing yet.
    ///
    /// # Errors
    /// Says what is wrong with tenant, client id or certificate.
    pub(super) fn new(
        settings: &GraphSettings,
        client: PoliteClient,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SourceError> {
        let resource = origin(&settings.cloud.graph);
        let way = match (&settings.credential, Proof::new(&settings.credential)?) {
            (_, Some(proof)) => {
                let url = endpoint(settings)?;
                if uuid::Uuid::try_parse(&settings.client_id).is_err() {
                    return Err(configuration(
                        "the client id is not a GUID",
                        "Copy the Application (client) ID from the app registration's overview.",
                    ));
                }
                let client_id = settings.client_id.clone();
                let scope = format!("{resource}.default");
                Way::Endpoint(Box::new(Endpoint { client, url, scope, client_id, proof }))
            }
            (Credential::ManagedIdentity { host, identity }, None) => {
                let resource = resource.trim_end_matches('/');
                let service = IdentityService::new(host, identity, resource, clock.clone())?;
                Way::Identity(Box::new(service))
            }
            (_, None) => return Err(configuration("there is no credential", "Give one.")),
        };
        Ok(Self {
            cache: TokenCache::new(clock.clone()),
            clock,
            way,
            refused: Mutex::new(None),
            granted: Mutex::new(None),
        })
    }

    /// Returns a token that is good for some minutes at least, with the generation that
    /// [`Tokens::invalidate`] wants back.
    ///
    /// # Errors
    /// Names what Entra ID does not accept, or the permissions that the token lacks.
    pub(super) async fn bearer(&self) -> Result<(Bearer, u64), SourceError> {
        self.cache.get(|| self.fetch()).await
    }

    /// Drops the token of that generation, if it is still the current one.
    pub(super) async fn invalidate(&self, generation: u64) {
        self.cache.invalidate(generation).await;
    }

    /// Returns what the last token said about itself, whether or not it was accepted.
    pub(super) fn granted(&self) -> Option<Granted> {
        self.granted.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Returns the proof of an app registration, if there is one.
    pub(super) fn proof(&self) -> Option<&Proof> {
        match &self.way {
            Way::Endpoint(endpoint) => Some(&endpoint.proof),
            Way::Identity(_) => None,
        }
    }

    /// Returns how the connections to the token endpoint were.
    pub(super) fn connections(&self) -> Vec<Connection> {
        match &self.way {
            Way::Endpoint(endpoint) => endpoint.client.connections(),
            Way::Identity(_) => Vec::new(),
        }
    }

    async fn fetch(&self) -> Result<Fetched<Bearer>, SourceError> {
        if let Some(proof) = self.proof()
            && proof.renew().await?
        {
            // What was refused before was said about another proof.
            *self.refused.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
        }
        if let Some(refusal) = self.remembered() {
            return Err(refusal.into_error());
        }
        let asked = match &self.way {
            Way::Endpoint(endpoint) => endpoint.ask(self.clock.now()).await,
            Way::Identity(service) => service.token().await,
        };
        match asked {
            Ok(token) => self.accept(token),
            Err(Refused::Now(error)) => Err(*error),
            Err(Refused::ForGood(refusal)) => Err(self.remember(refusal)),
        }
    }

    /// Turns a token into a header after a look at what it allows. A token whose claims cannot be
    /// read is accepted: it is opaque to everybody but Graph.
    fn accept(&self, token: IdentityToken) -> Result<Fetched<Bearer>, SourceError> {
        let granted = claims(&token.access_token).map(|claims| granted(&claims));
        self.granted.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone_from(&granted);
        if let Some(granted) = &granted {
            let missing = permission::missing(&granted.roles);
            if !missing.is_empty() {
                return Err(self.remember(Refusal {
                    category: ErrorCategory::Auth,
                    message: permission::message(&missing),
                    remedy: match &self.way {
                        Way::Endpoint(_) => permission::remedy(&missing),
                        Way::Identity(_) => permission::remedy_of_identity(&missing),
                    },
                }));
            }
        }
        if !is_token(&token.access_token) {
            return Err(error::failed(
                ATTEMPTED,
                ErrorCategory::Bug,
                "the answer holds no token",
                "Check that the login address is right and that nothing on the way rewrites \
                 answers.",
            ));
        }
        let mut header =
            HeaderValue::from_str(&format!("Bearer {}", token.access_token)).map_err(|_| {
                error::failed(
                    ATTEMPTED,
                    ErrorCategory::Bug,
                    "the token holds characters that no header can carry",
                    "Check that the login address is right.",
                )
            })?;
        header.set_sensitive(true);
        let tenant_id = granted.and_then(|granted| granted.tenant_id);
        Ok(Fetched { value: Bearer { header, tenant_id }, expires_in: token.expires_in })
    }

    fn remember(&self, refusal: Refusal) -> SourceError {
        let mut refused = self.refused.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *refused = Some((self.clock.monotonic() + REFUSAL_KEPT, refusal.clone()));
        refusal.into_error()
    }

    fn remembered(&self) -> Option<Refusal> {
        let mut refused = self.refused.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (until, refusal) = refused.as_ref()?;
        if self.clock.monotonic() < *until {
            return Some(refusal.clone());
        }
        *refused = None;
        None
    }
}

impl Endpoint {
    async fn ask(&self, now: Timestamp) -> Result<IdentityToken, Refused> {
        let request = self.request(now).map_err(|error| Refused::Now(Box::new(error)))?;
        let answer = self.client.execute(request, Repeat::Read).await;
        let answer =
            answer.map_err(|error| Refused::Now(Box::new(error::unanswered(ATTEMPTED, error))))?;
        if !answer.status.is_success() {
            return Err(refuse(&answer));
        }
        let token: TokenAnswer = answer.json().map_err(|error| {
            Refused::Now(Box::new(error::undecodable(ATTEMPTED, &answer, error)))
        })?;
        let expires_in =
            Duration::try_from_secs_f64(token.expires_in).unwrap_or(Duration::from_secs(60));
        Ok(IdentityToken { access_token: token.access_token, expires_in })
    }

    fn request(&self, now: Timestamp) -> Result<reqwest::Request, SourceError> {
        let mut form = vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", self.client_id.clone()),
            ("scope", self.scope.clone()),
        ];
        form.extend(self.proof.fields(self.url.as_str(), &self.client_id, now)?);
        self.client.inner().post(self.url.clone()).form(&form).build().map_err(|_| {
            error::failed(
                ATTEMPTED,
                ErrorCategory::Bug,
                "the request could not be built",
                "Report this with the log.",
            )
        })
    }
}

/// Returns what an answer other than a success means. An exact 400 or 401 is remembered.
fn refuse(answer: &Answer) -> Refused {
    let refusal = match answer.json::<TokenRefusal>() {
        Ok(body) => token_refusal::explain(answer.status, &body),
        Err(_) => match answer.json::<Value>() {
            Err(error) => {
                return Refused::Now(Box::new(error::undecodable(ATTEMPTED, answer, error)));
            }
            Ok(_) => token_refusal::unexplained(answer.status),
        },
    };
    let exact = matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED)
        && matches!(refusal.category, ErrorCategory::Auth | ErrorCategory::Rejected);
    if exact || refusal.category == ErrorCategory::Auth {
        Refused::ForGood(refusal)
    } else {
        Refused::Now(Box::new(refusal.into_error()))
    }
}

/// Returns the address of the token endpoint of the tenant.
fn endpoint(settings: &GraphSettings) -> Result<Url, SourceError> {
    let tenant = settings.tenant.trim();
    let plain = !tenant.is_empty()
        && tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
        && !tenant.starts_with('.')
        && !tenant.contains("..");
    let shared = ["common", "consumers", "organizations"];
    if !plain || shared.iter().any(|name| tenant.eq_ignore_ascii_case(name)) {
        return Err(configuration(
            format!("'{tenant}' is not a tenant"),
            "Give the Directory (tenant) ID, or a verified domain of the tenant.",
        ));
    }
    let mut endpoint = settings.cloud.login.clone();
    endpoint.set_path(&format!("/{tenant}/oauth2/v2.0/token"));
    endpoint.set_query(None);
    Ok(endpoint)
}

/// Returns scheme, host and port with a slash at the end.
fn origin(url: &Url) -> String {
    let mut url = url.clone();
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

fn configuration(message: impl Into<String>, remedy: &str) -> SourceError {
    error::failed("preparing to read from Entra ID", ErrorCategory::Auth, message, remedy)
}

/// Returns the claims of a token, or `None` if it is not a JWT.
fn claims(token: &str) -> Option<serde_json::Map<String, Value>> {
    let payload = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Returns what claims grant; a token without any permission has none.
fn granted(claims: &serde_json::Map<String, Value>) -> Granted {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let roles = claims.get("roles").and_then(Value::as_array).into_iter().flatten();
    Granted {
        tenant_id: text("tid"),
        client_id: text("appid").or_else(|| text("azp")),
        roles: roles.filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}
