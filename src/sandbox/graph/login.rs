//! The paths of the identity platform, and what it publishes about itself: OpenID configuration,
//! instance discovery and keys (Graph reference, section 1; OpenID Connect Discovery 1.0).

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use url::Url;

use crate::model::ids::Timestamp;

use super::call::{base_url, http_date, put};
use super::{Tenant, federation, managed, route, token};

/// What a path outside Graph means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// `/{tenant}/oauth2/v2.0/token`
    Token(String),
    /// `/{tenant}/v2.0/.well-known/openid-configuration`
    Configuration(String),
    /// `/{tenant}/discovery/v2.0/keys`
    Keys(String),
    /// `/common/discovery/instance`
    Instance,
    /// `/metadata/identity/oauth2/token`: the metadata service of a virtual machine.
    VirtualMachine,
    /// `/msi/token`: the identity endpoint of App Service.
    AppService,
}

impl Door {
    /// Returns what a path means, or `None` if it is one of Graph or of nobody.
    pub fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        Some(match parts.as_slice() {
            [tenant, "oauth2", "v2.0", "token"] => Self::Token((*tenant).to_owned()),
            [tenant, "v2.0", ".well-known", "openid-configuration"] => {
                Self::Configuration((*tenant).to_owned())
            }
            [tenant, "discovery", "v2.0", "keys"] => Self::Keys((*tenant).to_owned()),
            [_, "discovery", "instance"] => Self::Instance,
            ["metadata", "identity", "oauth2", "token"] => Self::VirtualMachine,
            [msi, token]
                if msi.eq_ignore_ascii_case("msi") && token.eq_ignore_ascii_case("token") =>
            {
                Self::AppService
            }
            _ => return None,
        })
    }

    /// Returns the path with ids replaced.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Token(_) => "/{tenant}/oauth2/v2.0/token",
            Self::Configuration(_) => "/{tenant}/v2.0/.well-known/openid-configuration",
            Self::Keys(_) => "/{tenant}/discovery/v2.0/keys",
            Self::Instance => "/common/discovery/instance",
            Self::VirtualMachine => "/metadata/identity/oauth2/token",
            Self::AppService => "/msi/token",
        }
    }
}

/// Answers a request outside Graph.
pub fn attend(tenant: &Tenant, door: &Door, parts: &Parts, body: &Bytes) -> Response {
    let now = tenant.clock.now();
    let base = base_url(parts);
    let query = || route::query_pairs(parts.uri.query().unwrap_or_default());
    match door {
        Door::Token(name) => {
            let base = Url::parse(&base).ok();
            return token::token(tenant, name, base.as_ref(), parts, body);
        }
        Door::VirtualMachine => return managed::virtual_machine(tenant, parts, &query()),
        Door::AppService => return managed::app_service(tenant, parts, &query()),
        _ if parts.method != Method::GET => {}
        Door::Configuration(name) | Door::Keys(name) if !served(tenant, name) => {
            return token::unknown_tenant(name, &parts.headers, now);
        }
        Door::Configuration(name) => {
            return answer(200, &configuration(tenant, name, &base), &parts.headers, now);
        }
        Door::Keys(_) => return answer(200, &federation::key_set(), &parts.headers, now),
        Door::Instance => return answer(200, &instance(&base, &query()), &parts.headers, now),
    }
    answer(405, &json!({"error": "method_not_allowed"}), &parts.headers, now)
}

/// The tenant, and the names that stand for any tenant.
fn served(tenant: &Tenant, name: &str) -> bool {
    tenant.is_called(name) || ["common", "organizations", "consumers"].contains(&name)
}

fn configuration(tenant: &Tenant, name: &str, base: &str) -> Value {
    // The names that stand for any tenant keep standing for it; a domain is answered with the id.
    let (path, issuer) = if tenant.is_called(name) {
        let id = tenant.tenant_id().to_string();
        (id.clone(), id)
    } else {
        (name.to_owned(), "{tenantid}".to_owned())
    };
    json!({
        "token_endpoint": format!("{base}/{path}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{base}/{path}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": format!("{base}/{issuer}/v2.0"),
        "request_uri_parameter_supported": false,
        "userinfo_endpoint": format!("{base}/oidc/userinfo"),
        "authorization_endpoint": format!("{base}/{path}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/{path}/oauth2/v2.0/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{base}/{path}/oauth2/v2.0/logout"),
        "claims_supported": [
            "sub", "iss", "cloud_instance_name", "cloud_instance_host_name",
            "cloud_graph_host_name", "msgraph_host", "aud", "exp", "iat", "auth_time", "acr",
            "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email",
        ],
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    })
}

/// Says that this host is an authority of its own, and where its configuration is.
fn instance(base: &str, query: &[(String, String)]) -> Value {
    let asked = query.iter().find(|(name, _)| name == "authorization_endpoint");
    let url = asked.and_then(|(_, address)| Url::parse(address).ok());
    let name = url
        .as_ref()
        .and_then(|url| url.path_segments()?.next())
        .filter(|name| !name.is_empty())
        .unwrap_or("common");
    let host = base.split_once("://").map_or(base, |(_, host)| host);
    json!({
        "tenant_discovery_endpoint": format!("{base}/{name}/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    })
}

/// Makes a JSON answer of the identity platform.
pub fn answer(status: u16, body: &Value, asked: &HeaderMap, now: Timestamp) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let to = response.headers_mut();
    to.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    put(to, "cache-control", "no-store, no-cache");
    put(to, "date", &http_date(now));
    put(to, "x-ms-request-id", &uuid::Uuid::new_v4().to_string());
    if let Some(id) = asked.get("client-request-id").and_then(|id| id.to_str().ok()) {
        put(to, "client-request-id", id);
    }
    response
}
