//! What `test` asks of this end beyond what a cycle reads: what the token grants, when the
//! credential ends, how the connections were.

use graph_http::api_impl::RequestHandler;
use graph_rs_sdk::ODataQuery;
use http::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use crate::http::{CertificateFacts, Connection};
use crate::model::ids::Timestamp;
use crate::source::SourceError;

use super::Graph;
use super::error::{self, Call};
use super::permission::{self, Permission};
use super::proof::Proof;
use super::settings::{Credential, Identity, IdentityHost};

/// Who signed in, and what that allows.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The tenant that issued the token, if the token says.
    pub tenant_id: Option<String>,
    /// The client id of whom it was issued to, if the token says.
    pub client_id: Option<String>,
    /// Every permission that reading needs.
    pub permissions: Vec<PermissionFact>,
}

/// A permission that reading needs.
#[derive(Clone, Debug)]
pub struct PermissionFact {
    /// Its name.
    pub name: &'static str,
    /// What it is for, to follow "needed to read".
    pub purpose: &'static str,
    /// Whether the token grants it; `None` if the token cannot be looked into.
    pub granted: Option<bool>,
    /// What to do if it does not.
    pub remedy: String,
}

/// When a credential ends.
#[derive(Clone, Debug)]
pub enum CredentialEnd {
    /// At a time that is known.
    At(Timestamp),
    /// Somebody else renews it.
    Renewed,
    /// Nobody here can read it, for this reason.
    Unreadable(String),
}

/// The secrets of an app registration, as `servicePrincipals` and `applications` show them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    #[serde(default)]
    password_credentials: Option<Vec<PasswordCredential>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PasswordCredential {
    #[serde(default)]
    hint: Option<String>,
    #[serde(default)]
    end_date_time: Option<String>,
}

impl Graph {
    /// Signs in, and says what that allows: a missing permission is no error here.
    ///
    /// # Errors
    /// When there is no token.
    pub async fn sign_in(&self) -> Result<SignedIn, SourceError> {
        let tokens = self.transport.tokens();
        let outcome = tokens.bearer().await;
        let granted = match (outcome, tokens.granted()) {
            (Ok(_), granted) => granted,
            // Refused for what it lacks, which is said for each permission.
            (Err(_), Some(granted)) => Some(granted),
            (Err(error), None) => return Err(error),
        };
        let missing = granted.as_ref().map(|granted| permission::missing(&granted.roles));
        let managed = matches!(self.credential, Credential::ManagedIdentity { .. });
        let fact = |one: Permission| PermissionFact {
            name: one.name(),
            purpose: one.purpose(),
            granted: missing.as_ref().map(|missing| !missing.contains(&one)),
            remedy: match managed {
                true => permission::remedy_of_identity(&[one]),
                false => one.remedy(),
            },
        };
        let permissions = Permission::ALL.into_iter().map(fact).collect();
        let (tenant_id, client_id) =
            granted.map_or((None, None), |granted| (granted.tenant_id, granted.client_id));
        Ok(SignedIn { tenant_id, client_id, permissions })
    }

    /// Returns what is signed in with, as people call it.
    pub fn credential_name(&self) -> String {
        match &self.credential {
            Credential::ClientSecret(_) => "the client secret".to_owned(),
            Credential::Certificate { .. } => match self.certificate() {
                Some(facts) => format!("the certificate {}", facts.subject),
                None => "the certificate".to_owned(),
            },
            Credential::Federated { file } => {
                format!("the federated token in {}", file.display())
            }
            Credential::ManagedIdentity { host, identity } => {
                let host = match host {
                    IdentityHost::VirtualMachine { .. } => "this machine",
                    IdentityHost::AppService { .. } => "this App Service",
                };
                match identity {
                    Identity::System => format!("the system-assigned identity of {host}"),
                    Identity::ClientId(id) | Identity::ObjectId(id) | Identity::ResourceId(id) => {
                        format!("the identity {id} that is assigned to {host}")
                    }
                }
            }
        }
    }

    /// Returns when the credential ends. For a client secret that takes one request.
    pub async fn credential_end(&self) -> CredentialEnd {
        match &self.credential {
            Credential::ClientSecret(secret) => {
                let hint: String = secret.expose_secret().chars().take(3).collect();
                match self.secret_end(&hint).await {
                    Ok(end) => end,
                    Err(error) => CredentialEnd::Unreadable(error.message),
                }
            }
            Credential::Certificate { .. } => match self.certificate() {
                Some(facts) => CredentialEnd::At(Timestamp(facts.not_after_secs * 1000)),
                None => CredentialEnd::Unreadable("the certificate does not say".to_owned()),
            },
            Credential::Federated { .. } | Credential::ManagedIdentity { .. } => {
                CredentialEnd::Renewed
            }
        }
    }

    /// Returns how the connections were over which answers came so far, signing in included.
    pub fn connections(&self) -> Vec<Connection> {
        let mut connections = self.transport.tokens().connections();
        for other in self.transport.connections() {
            match connections.iter_mut().find(|known| known.host == other.host) {
                Some(known) => *known = other,
                None => connections.push(other),
            }
        }
        connections
    }

    fn certificate(&self) -> Option<CertificateFacts> {
        let der = self.transport.tokens().proof().and_then(Proof::certificate)?;
        CertificateFacts::read(&der)
    }

    /// Looks for the secret where Entra ID lists secrets: at the service principal of the app
    /// registration, and where that does not repeat them, at the registration itself. Which of the
    /// two does is not documented.
    async fn secret_end(&self, hint: &str) -> Result<CredentialEnd, SourceError> {
        let Ok(client_id) = Uuid::try_parse(&self.client_id) else {
            return Ok(CredentialEnd::Unreadable("the client id is not a GUID".to_owned()));
        };
        let mut listed = 0;
        for place in ["servicePrincipals", "applications"] {
            let secrets = self.secrets(place, client_id).await?;
            listed = secrets.len();
            // Of several that begin alike the one that ends first counts.
            if let Some(end) = secrets.iter().filter_map(|secret| secret.end_of(hint)).min() {
                return Ok(CredentialEnd::At(end));
            }
        }
        Ok(CredentialEnd::Unreadable(format!(
            "none of the {listed} secrets of the app registration begins as this one does"
        )))
    }

    async fn secrets(
        &self,
        place: &str,
        client_id: Uuid,
    ) -> Result<Vec<PasswordCredential>, SourceError> {
        let call = Call::new("reading when the client secret ends", Permission::Application);
        let mut handler = self.transport.sdk().custom(Method::GET, None);
        let url: &mut Url = handler.as_mut();
        url.set_path(&format!("/v1.0/{place}(appId='{client_id}')"));
        let handler: RequestHandler = handler.select(&["id", "passwordCredentials"]);
        let answer = self.transport.send(&call, handler).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        if !answer.status.is_success() {
            return Err(error::refused(&call, &answer));
        }
        let registration: Registration =
            answer.json().map_err(|error| error::undecodable(&call.attempted, &answer, error))?;
        Ok(registration.password_credentials.unwrap_or_default())
    }
}

impl PasswordCredential {
    /// Returns when the secret ends, if it is one that begins with `hint`: Entra ID shows the
    /// first three letters.
    fn end_of(&self, hint: &str) -> Option<Timestamp> {
        let end: jiff::Timestamp = self.end_date_time.as_deref()?.parse().ok()?;
        (self.hint.as_deref() == Some(hint)).then(|| Timestamp(end.as_millisecond()))
    }
}
