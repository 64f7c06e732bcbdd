//! Managed identity: the token endpoints of a virtual machine and of App Service (Graph reference,
//! section 1.4). Their numbers are texts, and each has an error shape of its own.
//!
//! A client is pointed here with `AZURE_POD_IDENTITY_AUTHORITY_HOST`, or with `IDENTITY_ENDPOINT`
//! and `IDENTITY_HEADER`; `GET /_sandbox/entra` says with which values.

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Tenant;
use super::login::answer;
use super::switches::ManagedIdentity;
use super::token::{self, Caller};

/// Versions that the metadata service of a virtual machine answers.
const MACHINE_VERSIONS: &[&str] = &[
    "2018-02-01",
    "2018-10-01",
    "2019-02-01",
    "2019-06-01",
    "2019-08-01",
    "2020-06-01",
    "2021-02-01",
];
/// The version that App Service answers.
const APP_SERVICE_VERSION: &str = "2019-08-01";

/// The managed identity of the host that the sandbox plays.
#[derive(Clone, Debug)]
pub struct HostIdentity {
    /// Its client id.
    pub client_id: Uuid,
    /// The object id of its service principal.
    pub object_id: Uuid,
    /// What App Service puts into `IDENTITY_HEADER`.
    pub header: SecretString,
}

impl HostIdentity {
    /// Returns the identity of the host of a tenant.
    pub fn of(tenant_id: Uuid) -> Self {
        let named = |name: &str| Uuid::new_v5(&tenant_id, name.as_bytes());
        Self {
            client_id: named("managed identity"),
            object_id: named("managed identity object"),
            header: SecretString::from(named("identity header").simple().to_string()),
        }
    }

    fn resource_id(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/sandbox/providers/Microsoft.ManagedIdentity/userAssignedIdentities/sandbox",
            self.object_id
        )
    }
}

impl Tenant {
    /// Returns the managed identity of the host.
    pub fn host_identity(&self) -> HostIdentity {
        HostIdentity::of(self.tenant_id)
    }
}

/// Why there is no token.
struct NoToken {
    status: u16,
    error: &'static str,
    text: String,
}

fn none(status: u16, error: &'static str, text: impl Into<String>) -> NoToken {
    NoToken { status, error, text: text.into() }
}

/// Answers `GET /metadata/identity/oauth2/token`.
pub fn virtual_machine(tenant: &Tenant, parts: &Parts, query: &[(String, String)]) -> Response {
    let outcome =
        machine_checks(parts, query).and_then(|()| issue(tenant, parts, query, "msi_res_id"));
    let (status, body) = match outcome {
        Ok(body) => (200, Value::Object(body)),
        Err(no) => (no.status, json!({"error": no.error, "error_description": no.text})),
    };
    answer(status, &body, &HeaderMap::new(), tenant.clock.now())
}

fn machine_checks(parts: &Parts, query: &[(String, String)]) -> Result<(), NoToken> {
    let bad = |text: &str| Err(none(400, "invalid_request", text));
    if parts.method != Method::GET {
        return Err(none(405, "method_not_allowed", "Only GET is allowed."));
    }
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    if header("metadata") != Some("true") {
        return bad("Required metadata header not specified");
    }
    if header("x-forwarded-for").is_some() {
        return bad("Requests must not come through a proxy");
    }
    match option(query, "api-version") {
        Some(version) if MACHINE_VERSIONS.contains(&version) => Ok(()),
        Some(version) => bad(&format!("Invalid api-version '{version}'")),
        None => bad("Required query variable 'api-version' is missing"),
    }
}

/// Answers the identity endpoint of App Service.
pub fn app_service(tenant: &Tenant, parts: &Parts, query: &[(String, String)]) -> Response {
    let outcome = app_service_checks(tenant, parts, query)
        .and_then(|()| issue(tenant, parts, query, "mi_res_id"));
    let (status, body) = match outcome {
        // Only `expires_on` can be relied upon there.
        Ok(mut body) => {
            for name in ["expires_in", "ext_expires_in", "not_before"] {
                body.remove(name);
            }
            (200, Value::Object(body))
        }
        Err(no) => (no.status, json!({"statusCode": no.status, "message": no.text})),
    };
    answer(status, &body, &HeaderMap::new(), tenant.clock.now())
}

fn app_service_checks(
    tenant: &Tenant,
    parts: &Parts,
    query: &[(String, String)],
) -> Result<(), NoToken> {
    if parts.method != Method::GET {
        return Err(none(405, "", "Only GET is allowed."));
    }
    let identity = tenant.host_identity();
    let given = parts.headers.get("x-identity-header").and_then(|value| value.to_str().ok());
    if given != Some(identity.header.expose_secret()) {
        return Err(none(401, "", "The header X-IDENTITY-HEADER is missing or wrong."));
    }
    if option(query, "api-version") != Some(APP_SERVICE_VERSION) {
        return Err(none(400, "", "The api-version is missing or not supported."));
    }
    Ok(())
}

fn issue(
    tenant: &Tenant,
    parts: &Parts,
    query: &[(String, String)],
    resource_id_name: &str,
) -> Result<Map<String, Value>, NoToken> {
    let identity = tenant.host_identity();
    let unknown = || none(400, "invalid_request", "Identity not found");
    match tenant.switches().managed_identity {
        ManagedIdentity::Assigned => {}
        ManagedIdentity::Missing => return Err(unknown()),
        ManagedIdentity::Updating => {
            return Err(none(410, "gone", "The endpoint is being updated; try again later."));
        }
    }
    for (name, wanted) in [
        ("client_id", identity.client_id.to_string()),
        ("object_id", identity.object_id.to_string()),
        (resource_id_name, identity.resource_id()),
    ] {
        if option(query, name).is_some_and(|given| !given.eq_ignore_ascii_case(&wanted)) {
            return Err(unknown());
        }
    }
    let resource = option(query, "resource").ok_or_else(|| {
        none(400, "invalid_request", "Required query variable 'resource' is missing")
    })?;
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !token::is_graph(resource, host) {
        let text = format!(
            "AADSTS500011: The resource principal named {resource} was not found in the tenant."
        );
        return Err(none(400, "invalid_resource", text));
    }
    let caller = Caller {
        client_id: identity.client_id,
        object_id: identity.object_id,
        name: "sandbox-host".to_owned(),
        proof: "2",
    };
    let permissions = tenant.permissions();
    let now = tenant.clock.now();
    let failed = || none(500, "unknown", "Failed to retrieve a token.");
    let issued = token::issue(tenant, &caller, resource.trim_end_matches('/'), &permissions, now)
        .ok_or_else(failed)?;
    let start = now.0.div_euclid(1000);
    let life = issued.life_secs;
    let end = start.saturating_add(i64::try_from(life).unwrap_or(i64::MAX));
    let body = json!({
        "access_token": issued.token,
        "client_id": identity.client_id.to_string(),
        "expires_in": life.to_string(),
        "expires_on": end.to_string(),
        "ext_expires_in": life.to_string(),
        "not_before": start.to_string(),
        "resource": resource,
        "token_type": "Bearer",
    });
    match body {
        Value::Object(body) => Ok(body),
        _ => Err(failed()),
    }
}

fn option<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = query.iter().find(|(known, value)| known == name && !value.is_empty());
    found.map(|(_, value)| value.as_str())
}
