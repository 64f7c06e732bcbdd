//! Tokens of the app registration: asked for once for everybody, refreshed early, and never asked
//! for again and again after a refusal (Graph reference, section 1).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::clock::Clock;
use crate::http::{Answer, Fetched, PoliteClient, Repeat, TokenCache};
use crate::model::outcome::ErrorCategory;
use crate::source::SourceError;

use super::assertion::Signer;
use super::error;
use super::permission;
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

/// The token endpoint of one app registration.
pub(super) struct Tokens {
    client: PoliteClient,
    clock: Arc<dyn Clock>,
    cache: TokenCache<Bearer>,
    endpoint: Url,
    scope: String,
    client_id: String,
    proof: Proof,
    refused: Mutex<Option<(Duration, Refusal)>>,
}

enum Proof {
    Secret(SecretString),
    Certificate(Box<Signer>),
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
        let endpoint = endpoint(settings)?;
        if uuid::Uuid::try_parse(&settings.client_id).is_err() {
            return Err(configuration(
                "the client id is not a GUID",
                "Copy the Application (client) ID from the app registration's overview.",
            ));
        }
        let proof = proof(&settings.credential)?;
        let scope = format!("{}.default", origin(&settings.cloud.graph));
        Ok(Self {
            cache: TokenCache::new(clock.clone()),
            client,
            clock,
            endpoint,
            scope,
            client_id: settings.client_id.clone(),
            proof,
            refused: Mutex::new(None),
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

    async fn fetch(&self) -> Result<Fetched<Bearer>, SourceError> {
        if let Some(refusal) = self.remembered() {
            return Err(refusal.into_error());
        }
        let request = self.request()?;
        let answer = self
            .client
            .execute(request, Repeat::Read)
            .await
            .map_err(|error| error::unanswered(ATTEMPTED, error))?;
        if !answer.status.is_success() {
            return Err(self.refuse(&answer));
        }
        let token: TokenAnswer =
            answer.json().map_err(|error| error::undecodable(ATTEMPTED, &answer, error))?;
        self.accept(token)
    }

    fn request(&self) -> Result<reqwest::Request, SourceError> {
        let mut form = vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", self.client_id.clone()),
            ("scope", self.scope.clone()),
        ];
        match &self.proof {
            Proof::Secret(secret) => {
                form.push(("client_secret", secret.expose_secret().to_owned()));
            }
            Proof::Certificate(signer) => {
                let assertion = signer
                    .sign(self.endpoint.as_str(), &self.client_id, self.clock.now())
                    .map_err(|why| configuration(format!("the certificate: {why}"), ""))?;
                form.push((
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned(),
                ));
                form.push(("client_assertion", assertion));
            }
        }
        self.client.inner().post(self.endpoint.clone()).form(&form).build().map_err(|_| {
            error::failed(
                ATTEMPTED,
                ErrorCategory::Bug,
                "the request could not be built",
                "Report this with the log.",
            )
        })
    }

    /// Turns a token into a header after a look at what it allows. A token whose claims cannot be
    /// read is accepted: it is opaque to everybody but Graph.
    fn accept(&self, token: TokenAnswer) -> Result<Fetched<Bearer>, SourceError> {
        let claims = claims(&token.access_token);
        if let Some(claims) = &claims {
            let missing = permission::missing(&roles(claims));
            if !missing.is_empty() {
                return Err(self.remember(Refusal {
                    category: ErrorCategory::Auth,
                    message: permission::message(&missing),
                    remedy: permission::remedy(&missing),
                }));
            }
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
        let tenant_id =
            claims.and_then(|claims| claims.get("tid").and_then(Value::as_str).map(str::to_owned));
        let expires_in =
            Duration::try_from_secs_f64(token.expires_in).unwrap_or(Duration::from_secs(60));
        Ok(Fetched { value: Bearer { header, tenant_id }, expires_in })
    }

    fn refuse(&self, answer: &Answer) -> SourceError {
        let Ok(body) = answer.json::<TokenRefusal>() else {
            return match answer.json::<Value>() {
                Err(error) => error::undecodable(ATTEMPTED, answer, error),
                Ok(_) => token_refusal::unexplained(answer.status).into_error(),
            };
        };
        let refusal = token_refusal::explain(answer.status, &body);
        if refusal.category == ErrorCategory::Auth {
            self.remember(refusal)
        } else {
            refusal.into_error()
        }
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

/// Prepares the proof that `credential` gives.
fn proof(credential: &Credential) -> Result<Proof, SourceError> {
    match credential {
        Credential::ClientSecret(secret) => Ok(Proof::Secret(secret.clone())),
        Credential::Certificate { pem, algorithm } => {
            let signer = Signer::new(pem, *algorithm).map_err(|why| {
                configuration(
                    format!("the certificate cannot be used: {why}"),
                    "Give one PEM text with the certificate and its RSA private key, both \
                     unencrypted.",
                )
            })?;
            Ok(Proof::Certificate(Box::new(signer)))
        }
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

/// Returns the application permissions in the claims; a token without any has none.
fn roles(claims: &serde_json::Map<String, Value>) -> Vec<String> {
    let roles = claims.get("roles").and_then(Value::as_array);
    roles
        .map(|roles| roles.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default()
}
