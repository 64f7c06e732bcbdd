//! The signed statement by which a certificate proves who asks (Graph reference, section 1.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::ids::Timestamp;

use super::settings::AssertionAlgorithm;

/// How long an assertion holds, in seconds.
const LIFETIME_SECS: i64 = 600;

/// A certificate with its private key, ready to sign.
pub(super) struct Signer {
    header: Header,
    key: EncodingKey,
    /// The certificate, in DER.
    pub(super) certificate: Vec<u8>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("header", &self.header).finish_non_exhaustive()
    }
}

/// The claims of an assertion.
#[derive(Debug, Serialize)]
struct Claims<'a> {
    aud: &'a str,
    iss: &'a str,
    sub: &'a str,
    jti: String,
    nbf: i64,
    iat: i64,
    exp: i64,
}

impl Signer {
    /// Reads certificate and key from PEM, in any order; of a chain the first certificate counts.
    ///
    /// # Errors
    /// Returns what is wrong with the PEM, without any of its content.
    pub(super) fn new(pem: &SecretString, algorithm: AssertionAlgorithm) -> Result<Self, String> {
        let text = pem.expose_secret();
        let certificate = CertificateDer::from_pem_slice(text.as_bytes())
            .map_err(|_| "it holds no readable CERTIFICATE section".to_owned())?;
        let key = private_key(text)?;
        let header = match algorithm {
            AssertionAlgorithm::Ps256 => Header {
                x5t_s256: Some(URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate))),
                ..Header::new(Algorithm::PS256)
            },
            AssertionAlgorithm::Rs256 => Header {
                x5t: Some(URL_SAFE_NO_PAD.encode(Sha1::digest(&certificate))),
                ..Header::new(Algorithm::RS256)
            },
        };
        let signer = Self { header, key, certificate: certificate.to_vec() };
        // A key that cannot sign (too short, damaged) shows here instead of at the first cycle.
        signer.sign("check", "check", Timestamp(0))?;
        Ok(signer)
    }

    /// Returns a signed assertion of `client_id` for the token endpoint `audience`.
    pub(super) fn sign(
        &self,
        audience: &str,
        client_id: &str,
        now: Timestamp,
    ) -> Result<String, String> {
        let seconds = now.0.div_euclid(1000);
        let claims = Claims {
            aud: audience,
            iss: client_id,
            sub: client_id,
            jti: Uuid::new_v4().to_string(),
            nbf: seconds,
            iat: seconds,
            exp: seconds + LIFETIME_SECS,
        };
        jsonwebtoken::encode(&self.header, &claims, &self.key).map_err(|_| {
            "its private key cannot sign: an RSA key of 2048 bits or more is needed".to_owned()
        })
    }
}

/// Returns the private key in `text`. The section is cut out first, because the certificate may
/// stand before it.
fn private_key(text: &str) -> Result<EncodingKey, String> {
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY"] {
        let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
        let section = text.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end));
        if let Some((body, _)) = section {
            let section = SecretString::from(format!("{begin}{body}{end}\n"));
            return EncodingKey::from_rsa_pem(section.expose_secret().as_bytes())
                .map_err(|_| "its private key is no RSA key".to_owned());
        }
    }
    Err(if text.contains("ENCRYPTED PRIVATE KEY") {
        "its private key is protected by a passphrase: store it without one".to_owned()
    } else {
        "it holds no PRIVATE KEY section".to_owned()
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A self-signed certificate made for these tests alone.
    pub(crate) const PEM: &str = include_str!("testdata/client.pem");

    fn decoded(part: &str) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn header_and_claims_are_what_entra_asks_for() {
        let der = CertificateDer::from_pem_slice(PEM.as_bytes()).unwrap();
        for (algorithm, header) in [
            (
                AssertionAlgorithm::Ps256,
                json!({"alg": "PS256", "typ": "JWT",
                    "x5t#S256": URL_SAFE_NO_PAD.encode(Sha256::digest(&der))}),
            ),
            (
                AssertionAlgorithm::Rs256,
                json!({"alg": "RS256", "typ": "JWT",
                    "x5t": URL_SAFE_NO_PAD.encode(Sha1::digest(&der))}),
            ),
        ] {
            let signer = Signer::new(&SecretString::from(PEM), algorithm).unwrap();
            let token = signer.sign("https://login/t", "me", Timestamp(5_000_500)).unwrap();
            let parts: Vec<&str> = token.split('.').collect();
            assert_eq!(decoded(parts[0]), header);
            let mut claims = decoded(parts[1]);
            let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
            assert!(Uuid::try_parse(jti.as_str().unwrap()).is_ok());
            assert_eq!(
                claims,
                json!({"aud": "https://login/t", "iss": "me", "sub": "me", "nbf": 5000,
                    "iat": 5000, "exp": 5600})
            );
            assert!(!format!("{signer:?}").contains("content"));
        }
    }

    #[test]
    fn the_order_of_sections_does_not_matter() {
        let at = PEM.find("-----BEGIN CERTIFICATE").unwrap();
        let turned = format!("{}\n{}", &PEM[at..], &PEM[..at]);
        assert!(Signer::new(&SecretString::from(turned), AssertionAlgorithm::Ps256).is_ok());
    }

    #[test]
    fn what_is_wrong_with_a_pem_is_said() {
        let certificate = &PEM[PEM.find("-----BEGIN CERTIFICATE").unwrap()..];
        let locked = format!("{certificate}\n-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA\n");
        for (pem, expected) in
            [("", "CERTIFICATE"), (certificate, "no PRIVATE KEY"), (locked.as_str(), "passphrase")]
        {
            let error =
                Signer::new(&SecretString::from(pem), AssertionAlgorithm::Ps256).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
