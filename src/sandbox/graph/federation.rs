//! Federated credentials: tokens of another issuer that sign the registration in (Graph reference,
//! section 1.3).
//!
//! The sandbox is that other issuer too: it holds one key and mints tokens with any issuer,
//! subject and audience. Its key is no secret; it opens nothing but a sandbox.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::model::ids::Timestamp;

use super::registration::{Registration, numeric_date};
use super::views::FederatedCredential;
use super::{Tenant, TenantError};

/// The issuer that is registered at first.
pub const ISSUER: &str = "https://oidc.sandbox.example/";
/// The subject that is registered at first.
pub const SUBJECT: &str = "system:serviceaccount:provisioning:sharefile-provisioner";
/// The audience that is registered at first, and the usual one (section 1.3).
pub const AUDIENCE: &str = "api://AzureADTokenExchange";

const KEY: &str = include_str!("issuer-key.pem");
const KEY_ID: &str = "sandbox-issuer-1";
const MODULUS: &str = "l1W27gfs8ztSxzo07tOr2iIFAWRKNBfNP-pK4aWTO1woqZlc9SCXttaNrT1-1a9-5CJGZSHT-3UVDglSjJocWg7aEF7Yc_r9MP3S7hJT2A1DrHseik4C9TbJnRHwGEVr1P10GIaL5n8eEXljGgqEfAcTOykFtdxU0o94ahtbeRXFkIx2Ojxn-qNB-0-K9IRrpfeQGlx96JtMTcbqTXoj279haXU6M9-STemuP6QbMHmBp-WMXPqoP2mZuI0ad5Uayo0U5IEA5OtycI21ZlPV0_1Zg-U0lEQ3N87CsSOq3A_Rc3YJcNB12aUySklS4sAxG9k0cCK3wJWRVahNz0DSiQ";
const EXPONENT: &str = "AQAB";
/// How long a token lives when nobody says otherwise, in seconds.
const LIFE_SECS: i64 = 3600;
/// Clocks may differ by five minutes.
const SKEW_MS: i64 = 300_000;

/// A token to be minted. What is left out fits the credential that is registered at first.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FederatedToken {
    /// The issuer.
    pub issuer: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// The audience.
    pub audience: Option<String>,
    /// How long it lives from now, in seconds; negative for one that has ended.
    pub lifetime_secs: Option<i64>,
}

/// Returns the credential that is registered at first.
pub fn usual_credential() -> FederatedCredential {
    FederatedCredential {
        name: "sandbox".to_owned(),
        issuer: ISSUER.to_owned(),
        subject: SUBJECT.to_owned(),
        audiences: vec![AUDIENCE.to_owned()],
    }
}

/// Returns the public keys as a set that OpenID clients read.
pub fn key_set() -> Value {
    json!({"keys": [{
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": KEY_ID,
        "n": MODULUS,
        "e": EXPONENT,
    }]})
}

impl Tenant {
    /// Mints a token of the issuer that the sandbox plays.
    ///
    /// # Errors
    /// When the token cannot be signed.
    pub fn federated_token(&self, wanted: FederatedToken) -> Result<String, TenantError> {
        let now = self.clock.now().0.div_euclid(1000);
        let claims = json!({
            "iss": wanted.issuer.unwrap_or_else(|| ISSUER.to_owned()),
            "sub": wanted.subject.unwrap_or_else(|| SUBJECT.to_owned()),
            "aud": [wanted.audience.unwrap_or_else(|| AUDIENCE.to_owned())],
            "iat": now,
            "nbf": now,
            "exp": now.saturating_add(wanted.lifetime_secs.unwrap_or(LIFE_SECS)),
            "jti": Uuid::new_v4().to_string(),
        });
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(KEY_ID.to_owned());
        EncodingKey::from_rsa_pem(KEY.as_bytes())
            .and_then(|key| jsonwebtoken::encode(&header, &claims, &key))
            .map_err(|_| TenantError::Certificate("the issuer's key does not sign".to_owned()))
    }

    /// Returns the federated credentials of the registration.
    pub fn federated_credentials(&self) -> Vec<FederatedCredential> {
        self.registration().federated.clone()
    }

    /// Replaces the federated credentials of the registration.
    pub fn set_federated_credentials(&self, credentials: Vec<FederatedCredential>) {
        self.registration().federated = credentials;
    }
}

/// Returns the claims of a token that nobody has verified yet, or `None` if it is none.
pub fn unverified_claims(token: &str) -> Option<Value> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// Checks a token of another issuer: issuer, subject and audience must be those of one registered
/// credential, exactly. Returns the code of the refusal and its text otherwise.
pub fn check(
    registration: &Registration,
    token: &str,
    claims: &Value,
    now: Timestamp,
) -> Result<(), (u32, String)> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let (issuer, subject) = (text("iss"), text("sub"));
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    };
    let mut held: Vec<&FederatedCredential> = registration.federated.iter().collect();
    let mut narrow = |code: u32,
                      what: &str,
                      value: &str,
                      fits: &dyn Fn(&FederatedCredential) -> bool| {
        held.retain(|credential| fits(credential));
        if held.is_empty() {
            Err((
                code,
                format!(
                    "No matching federated identity record found for presented assertion {what} '{value}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion."
                ),
            ))
        } else {
            Ok(())
        }
    };
    narrow(700_211, "issuer", issuer, &|credential| credential.issuer == issuer)?;
    narrow(700_213, "subject", subject, &|credential| credential.subject == subject)?;
    narrow(700_212, "audience", &audiences.join(","), &|credential| {
        credential.audiences.iter().any(|known| audiences.contains(&known.as_str()))
    })?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let key = DecodingKey::from_rsa_components(MODULUS, EXPONENT);
    let verified =
        key.and_then(|key| jsonwebtoken::decode::<Value>(token, &key, &validation)).is_ok();
    if !verified {
        let text = "Client assertion failed signature validation. [Reason - The key was not found in the keys of the issuer.]";
        return Err((50_012, text.to_owned()));
    }
    let begun = numeric_date(claims, "nbf").is_none_or(|begin| begin <= now.plus_ms(SKEW_MS));
    let living = numeric_date(claims, "exp").is_some_and(|end| end.plus_ms(SKEW_MS) > now);
    if begun && living {
        return Ok(());
    }
    Err((700_024, "Client assertion is not within its valid time range.".to_owned()))
}
