//! What the connector for Microsoft Graph needs to know, with secrets already resolved.

use secrecy::SecretString;
use url::Url;

/// Where to sign in and where to read (Graph reference, section 1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Scheme and host of the token endpoint, as `https://login.microsoftonline.com`.
    pub login: Url,
    /// Scheme and host of Graph, as `https://graph.microsoft.com`.
    pub graph: Url,
}

/// How the app registration proves who it is.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A client secret.
    ClientSecret(SecretString),
    /// A certificate: the PEM holds the certificate and its RSA private key.
    Certificate {
        /// Certificate and private key.
        pem: SecretString,
        /// Which thumbprint and algorithm to use.
        algorithm: AssertionAlgorithm,
    },
}

/// How a client assertion is signed (Graph reference, section 1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AssertionAlgorithm {
    /// PS256 with `x5t#S256`.
    #[default]
    Ps256,
    /// RS256 with `x5t`, for older clouds.
    Rs256,
}

/// Settings of the connector.
#[derive(Clone, Debug)]
pub struct GraphSettings {
    /// Tenant: a GUID or a verified domain.
    pub tenant: String,
    /// The app registration that reads: a GUID.
    pub client_id: String,
    /// The enterprise application whose assignments count: its name, app id or object id.
    pub application: String,
    /// Where to sign in and read.
    pub cloud: Cloud,
    /// How to sign in.
    pub credential: Credential,
    /// The source attributes that the rules need, as the rules list them.
    pub attributes: Vec<String>,
}
