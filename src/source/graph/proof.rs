//! What an app registration proves itself with. Files are read anew whenever a token is needed, so
//! that what replaces them counts without a restart.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use tracing::{info, warn};

use crate::model::ids::Timestamp;
use crate::model::outcome::ErrorCategory;
use crate::source::SourceError;

use super::assertion::Signer;
use super::error;
use super::settings::{AssertionAlgorithm, Credential};

/// The longest file that is taken for a token or a certificate.
const LONGEST_BYTES: u64 = 1 << 20;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Fields of a token request.
pub(super) type Fields = Vec<(&'static str, String)>;

/// The proof of an app registration.
pub(super) enum Proof {
    /// A client secret.
    Secret(SecretString),
    /// A certificate, and the file that it is renewed from.
    Certificate(Box<Certificate>),
    /// A token of another issuer.
    Federated(Federated),
}

/// A certificate that may be replaced on disk.
pub(super) struct Certificate {
    file: Option<PathBuf>,
    algorithm: AssertionAlgorithm,
    held: Mutex<Held>,
}

struct Held {
    pem: SecretString,
    signer: Signer,
    /// A text that could not be used, so that it is told once.
    broken: Option<SecretString>,
}

/// A file that somebody else keeps filled with a fresh token.
pub(super) struct Federated {
    file: PathBuf,
    last: Mutex<Option<SecretString>>,
}

impl Proof {
    /// Prepares the proof that `credential` gives; `None` for one that has no app registration.
    pub(super) fn new(credential: &Credential) -> Result<Option<Self>, SourceError> {
        Ok(match credential {
            Credential::ClientSecret(secret) => Some(Self::Secret(secret.clone())),
            Credential::Certificate { pem, algorithm, file } => {
                let signer = Signer::new(pem, *algorithm).map_err(|why| {
                    error::failed(
                        "preparing to read from Entra ID",
                        ErrorCategory::Auth,
                        format!("the certificate cannot be used: {why}"),
                        "Give one PEM text with the certificate and its RSA private key, both \
                         unencrypted.",
                    )
                })?;
                let held = Mutex::new(Held { pem: pem.clone(), signer, broken: None });
                let (file, algorithm) = (file.clone(), *algorithm);
                Some(Self::Certificate(Box::new(Certificate { file, algorithm, held })))
            }
            Credential::Federated { file } => {
                Some(Self::Federated(Federated { file: file.clone(), last: Mutex::new(None) }))
            }
            Credential::ManagedIdentity { .. } => None,
        })
    }

    /// Reads the file behind the proof, if there is one; returns whether it brought another proof.
    /// A new certificate that cannot be used leaves the old one in use, and says so.
    ///
    /// # Errors
    /// A federated token that cannot be read.
    pub(super) async fn renew(&self) -> Result<bool, SourceError> {
        match self {
            Self::Secret(_) => Ok(false),
            Self::Certificate(certificate) => Ok(certificate.renew().await),
            Self::Federated(federated) => federated.renew().await,
        }
    }

    /// Returns the fields that prove who asks at the token endpoint `audience`.
    ///
    /// # Errors
    /// When nothing can be signed, or no federated token was read.
    pub(super) fn fields(
        &self,
        audience: &str,
        client_id: &str,
        now: Timestamp,
    ) -> Result<Fields, SourceError> {
        let assertion = match self {
            Self::Secret(secret) => {
                return Ok(vec![("client_secret", secret.expose_secret().to_owned())]);
            }
            Self::Certificate(certificate) => {
                let signed = certificate.held().signer.sign(audience, client_id, now);
                signed.map_err(|why| refused(format!("the certificate: {why}"), ""))?
            }
            Self::Federated(federated) => federated.token()?,
        };
        Ok(vec![
            ("client_assertion_type", ASSERTION_TYPE.to_owned()),
            ("client_assertion", assertion),
        ])
    }

    /// Returns the certificate in use, in DER, if the proof is one.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        match self {
            Self::Certificate(certificate) => Some(certificate.held().signer.certificate.clone()),
            Self::Secret(_) | Self::Federated(_) => None,
        }
    }
}

impl Certificate {
    async fn renew(&self) -> bool {
        let Some(file) = &self.file else { return false };
        let read = read(file).await;
        let mut held = self.held();
        let text = match read {
            Ok(text) if text.expose_secret() == held.pem.expose_secret() => {
                held.broken = None;
                return false;
            }
            Ok(text) => text,
            Err(why) => {
                warn!("the certificate's file {} {why}: the one from before stays", file.display());
                return false;
            }
        };
        match Signer::new(&text, self.algorithm) {
            Ok(signer) => {
                info!("the certificate in {} was replaced: the new one is used", file.display());
                *held = Held { pem: text, signer, broken: None };
                true
            }
            Err(why) => {
                let told = held
                    .broken
                    .as_ref()
                    .is_some_and(|known| known.expose_secret() == text.expose_secret());
                if !told {
                    warn!(
                        "the new certificate in {} cannot be used ({why}): the one from before stays",
                        file.display()
                    );
                }
                held.broken = Some(text);
                false
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Federated {
    async fn renew(&self) -> Result<bool, SourceError> {
        let read = read(&self.file).await;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let token = read.map_err(|why| {
            *last = None;
            refused(
                format!("the federated token's file {} {why}", self.file.display()),
                "Check that the workload identity is set up: the webhook of Azure Workload \
                 Identity, or whatever else writes the token, keeps this file filled \
                 (AZURE_FEDERATED_TOKEN_FILE names it), readable by this daemon.",
            )
        })?;
        let same = |known: &SecretString| known.expose_secret() == token.expose_secret();
        let other = !last.as_ref().is_some_and(same);
        *last = Some(token);
        Ok(other)
    }

    fn token(&self) -> Result<String, SourceError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let token = last.as_ref().map(|token| token.expose_secret().trim().to_owned());
        token.ok_or_else(|| refused("no federated token was read", ""))
    }
}

/// Reads a small text file; the reason for not doing so follows its name.
async fn read(file: &Path) -> Result<SecretString, String> {
    let path = file.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let size = std::fs::metadata(&path)?.len();
        if size > LONGEST_BYTES {
            return Err(std::io::Error::other("it is too long"));
        }
        std::fs::read_to_string(&path)
    });
    let read = reading.await.map_err(|_| "could not be read".to_owned())?;
    match read {
        Ok(text) if text.trim().is_empty() => Err("is empty".to_owned()),
        // As the configuration reads secrets: one newline at the end does not count.
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            let text = text.strip_suffix('\n').unwrap_or(text);
            Ok(SecretString::from(text.strip_suffix('\r').unwrap_or(text)))
        }
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

fn refused(message: impl Into<String>, remedy: &str) -> SourceError {
    error::failed("signing in to Entra ID", ErrorCategory::Auth, message, remedy)
}
