//! What the connector for Microsoft Graph needs to know, with secrets already resolved.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use crate::http::NetworkSettings;

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
        /// The file that `pem` came from, which is looked into again whenever a token is needed;
        /// `None` if it came from elsewhere.
        file: Option<PathBuf>,
    },
    /// A token of another issuer, which somebody keeps in a file (workload identity).
    Federated {
        /// The file, read anew whenever a token is needed.
        file: PathBuf,
    },
    /// The identity that Azure gives to this host.
    ManagedIdentity {
        /// What kind of host this is.
        host: IdentityHost,
        /// Which of its identities.
        identity: Identity,
    },
}

/// Where a managed identity gets its tokens (Graph reference, section 1.4).
#[derive(Clone, Debug)]
pub enum IdentityHost {
    /// A virtual machine, with a metadata service.
    VirtualMachine {
        /// Scheme and host of the service, as `http://169.254.169.254`.
        endpoint: Url,
    },
    /// App Service, Functions and what is like them.
    AppService {
        /// What `IDENTITY_ENDPOINT` says.
        endpoint: Url,
        /// What `IDENTITY_HEADER` says.
        header: SecretString,
    },
}

/// One of the managed identities of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The one that belongs to the host itself.
    System,
    /// A user-assigned one, by its client id.
    ClientId(String),
    /// A user-assigned one, by the object id of its service principal.
    ObjectId(String),
    /// A user-assigned one, by its Azure resource id.
    ResourceId(String),
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
    /// The app registration that reads: a GUID. With a managed identity it may be empty, and
    /// signs nobody in.
    pub client_id: String,
    /// The enterprise application whose assignments count: its name, app id or object id.
    pub application: String,
    /// Where to sign in and read.
    pub cloud: Cloud,
    /// How to sign in.
    pub credential: Credential,
    /// The source attributes that the rules need, as the rules list them.
    pub attributes: Vec<String>,
    /// The attributes of groups that the rules need, as the rules list them; none if groups are left
    /// alone.
    pub group_attributes: Vec<String>,
    /// Groups in groups are read too.
    pub nested_groups: bool,
    /// Which way connections take, and whom they trust.
    pub network: NetworkSettings,
}
