//! What the connector for ShareFile needs to know, with secrets already resolved.

use secrecy::SecretString;

use crate::http::NetworkSettings;
use crate::model::attribute::TargetAttribute;

/// Settings of the connector.
#[derive(Clone, Debug)]
pub struct SharefileSettings {
    /// The first label of the tenant's host name.
    pub subdomain: String,
    /// Where sign-in happens: `sharefile.com`, `sharefile.eu`, …. `localhost:PORT` is the sandbox,
    /// and the only value that is spoken to without TLS.
    pub domain: String,
    /// The service user's address.
    pub admin_user: String,
    /// The service user's ShareFile password, or an application-specific one.
    pub admin_password: SecretString,
    /// The id of the API key.
    pub client_id: String,
    /// The secret of the API key.
    pub client_secret: SecretString,
    /// The budget: requests in any sliding minute, tokens included.
    pub requests_per_minute: u32,
    /// Requests in flight at once.
    pub in_flight: usize,
    /// Attributes that only full records show and that are wanted of them.
    pub attributes: Vec<TargetAttribute>,
    /// Which way connections take, and whom they trust.
    pub network: NetworkSettings,
}
