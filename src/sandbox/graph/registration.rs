//! The app registration: its credentials and what it was granted.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::ids::Timestamp;

use super::TenantError;
use super::views::FederatedCredential;

/// A client secret.
#[derive(Clone, Debug)]
pub struct Secret {
    /// The secret itself.
    pub value: SecretString,
    /// When it ends, or `None`.
    pub expires: Option<Timestamp>,
}

impl Secret {
    /// Returns the first three letters, which administrators see.
    pub fn hint(&self) -> String {
        self.value.expose_secret().chars().take(3).collect()
    }
}

/// A certificate that client assertions may be signed with.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// SHA-1 over the DER, as `x5t` spells it.
    pub sha1: String,
    /// SHA-256 over the DER, as `x5t#S256` spells it.
    pub sha256: String,
    /// The RSA public key as PKCS#1.
    pub public_key: Vec<u8>,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
}

impl Certificate {
    /// Returns the SHA-1 as Graph shows it.
    pub fn sha1_hex(&self) -> String {
        let bytes = URL_SAFE_NO_PAD.decode(&self.sha1).unwrap_or_default();
        bytes.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// Reads the first certificate of a PEM; keys beside it are left alone.
    ///
    /// # Errors
    /// When there is none, or its key is not an RSA key.
    pub fn from_pem(pem: &str) -> Result<Self, TenantError> {
        let invalid = |why: &str| TenantError::Certificate(why.to_owned());
        let found = x509_parser::pem::Pem::iter_from_buffer(pem.as_bytes())
            .filter_map(Result::ok)
            .find(|part| part.label == "CERTIFICATE")
            .ok_or_else(|| invalid("the PEM holds no certificate"))?;
        let parsed = found.parse_x509().map_err(|_| invalid("it does not parse"))?;
        let key = parsed.public_key();
        if !matches!(key.parsed(), Ok(x509_parser::public_key::PublicKey::RSA(_))) {
            return Err(invalid("its key is not an RSA key"));
        }
        Ok(Self {
            sha1: URL_SAFE_NO_PAD.encode(Sha1::digest(&found.contents)),
            sha256: URL_SAFE_NO_PAD.encode(Sha256::digest(&found.contents)),
            public_key: key.subject_public_key.data.to_vec(),
            not_before: Timestamp(parsed.validity().not_before.timestamp() * 1000),
            not_after: Timestamp(parsed.validity().not_after.timestamp() * 1000),
        })
    }
}

/// The app registration that reads the directory.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The client id.
    pub client_id: Uuid,
    /// What it is called.
    pub name: String,
    /// Whether it may sign in at all.
    pub enabled: bool,
    /// Its secrets.
    pub secrets: Vec<Secret>,
    /// Its certificates.
    pub certificates: Vec<Certificate>,
    /// Tokens of other issuers that sign it in.
    pub federated: Vec<FederatedCredential>,
    /// The application permissions that were granted.
    pub permissions: BTreeSet<String>,
    /// Tokens that ended before their time, by their `uti`.
    pub revoked: BTreeSet<String>,
}

/// What is wrong with a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretProblem {
    /// There is no such secret.
    Wrong,
    /// It has ended.
    Expired,
}

impl Registration {
    /// Checks a secret.
    pub fn check_secret(&self, given: &str, now: Timestamp) -> Result<(), SecretProblem> {
        let held = self.secrets.iter().find(|secret| secret.value.expose_secret() == given);
        match held {
            None => Err(SecretProblem::Wrong),
            Some(secret) if secret.expires.is_some_and(|end| end <= now) => {
                Err(SecretProblem::Expired)
            }
            Some(_) => Ok(()),
        }
    }

    /// Returns the certificate that an assertion's header names, or `None`.
    pub fn certificate(&self, x5t: Option<&str>, x5t_s256: Option<&str>) -> Option<&Certificate> {
        // MSAL for Python writes the padding that JWTs do without, and Entra ID takes both.
        let bare = |thumbprint: &str| thumbprint.trim_end_matches('=').to_owned();
        let (x5t, x5t_s256) = (x5t.map(bare), x5t_s256.map(bare));
        self.certificates.iter().find(|certificate| match (&x5t_s256, &x5t) {
            (Some(thumbprint), _) => certificate.sha256 == *thumbprint,
            (None, Some(thumbprint)) => certificate.sha1 == *thumbprint,
            (None, None) => false,
        })
    }
}

/// Returns the time that a numeric date means; fractions are allowed (Graph reference, section 1.2).
pub fn numeric_date(claims: &Value, name: &str) -> Option<Timestamp> {
    let seconds = claims.get(name)?.as_f64()?;
    // Dates within the years that matter fit by far; the cast saturates beyond them.
    #[allow(clippy::cast_possible_truncation)]
    Some(Timestamp((seconds * 1000.0) as i64))
}
