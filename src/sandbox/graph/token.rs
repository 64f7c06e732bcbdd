//! The token endpoint of the identity platform (Graph reference, section 1).

use axum::body::Bytes;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};
use uuid::Uuid;

use crate::model::ids::Timestamp;
use crate::sandbox::faults::FaultKind;

use super::call::{Call, Refusal};
use super::login::answer;
use super::registration::{Registration, SecretProblem, numeric_date};
use super::{Tenant, federation};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Clocks may differ by five minutes.
const SKEW_MS: i64 = 300_000;
/// Hosts of Graph in all clouds (Graph reference, section 1.6).
const GRAPH_HOSTS: &[&str] = &[
    "graph.microsoft.com",
    "graph.microsoft.us",
    "dod-graph.microsoft.us",
    "microsoftgraph.chinacloudapi.cn",
];
/// Hosts of the identity platform in all clouds.
const LOGIN_HOSTS: &[&str] = &[
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.chinacloudapi.cn",
    "sts.windows.net",
];

/// A refusal in the shape of the identity platform (Graph reference, section 1.5).
struct Denied {
    status: u16,
    error: &'static str,
    code: u32,
    text: String,
}

fn denied(status: u16, error: &'static str, code: u32, text: impl Into<String>) -> Denied {
    Denied { status, error, code, text: text.into() }
}

/// The fields of a token request.
struct Form {
    pairs: Vec<(String, String)>,
    basic: Option<(String, String)>,
}

impl Form {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    fn required(&self, name: &str) -> Result<&str, Denied> {
        self.get(name).ok_or_else(|| {
            let text = format!("The request body must contain the following parameter: '{name}'.");
            denied(400, "invalid_request", 900_144, text)
        })
    }
}

/// Answers the token endpoint.
pub fn token(
    tenant: &Tenant,
    name: &str,
    base: Option<&Url>,
    parts: &Parts,
    body: &Bytes,
) -> Response {
    let now = tenant.clock.now();
    let headers = &parts.headers;
    let pairs = form_urlencoded::parse(body).into_owned().collect();
    let form = Form { pairs, basic: basic(headers) };
    let host = base.map(authority).unwrap_or_default();
    let outcome = if parts.method == Method::POST {
        grant(tenant, name, &host, &form, now)
    } else {
        let text = "Endpoint only accepts POST requests. Received a GET request.";
        Err(denied(400, "invalid_request", 900_561, text))
    };
    let (status, body) = match outcome {
        Ok(body) => (200, body),
        Err(refusal) => (refusal.status, refusal_body(&refusal, headers, now)),
    };
    answer(status, &body, headers, now)
}

/// Refuses a request for a tenant that is not here.
pub fn unknown_tenant(name: &str, headers: &HeaderMap, now: Timestamp) -> Response {
    let refusal = no_tenant(name);
    answer(refusal.status, &refusal_body(&refusal, headers, now), headers, now)
}

/// Returns the refusal of a fault at the token endpoint (Graph reference, section 1.5).
pub fn refuse(kind: FaultKind, headers: &HeaderMap, now: Timestamp) -> Response {
    let again = |status, text| denied(status, "temporarily_unavailable", 90_033, text);
    let refusal = match kind {
        FaultKind::Unauthorized => {
            denied(401, "invalid_client", 7_000_215, "Invalid client secret provided.")
        }
        FaultKind::TooManyRequests => again(429, "Too many requests. Please try again later."),
        _ => again(503, "A transient error has occurred. Please try again."),
    };
    answer(refusal.status, &refusal_body(&refusal, headers, now), headers, now)
}

/// Returns host and port of an address, as a `Host` header has them.
fn authority(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or_default())
}

fn refusal_body(refusal: &Denied, headers: &HeaderMap, now: Timestamp) -> Value {
    let trace = Uuid::new_v4().to_string();
    let given = headers.get("client-request-id").and_then(|value| value.to_str().ok());
    let correlation = given.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
    let stamp = now.to_string().replace('T', " ");
    let Denied { error, code, text, .. } = refusal;
    json!({
        "error": error,
        "error_description": format!(
            "AADSTS{code}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {stamp}"
        ),
        "error_codes": [code],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    })
}

/// Reads RFC 6749's Basic credentials, whose parts are form-encoded.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
    let (name, secret) = text.split_once(':')?;
    let plain = |part: &str| {
        let pairs = form_urlencoded::parse(part.as_bytes());
        pairs.map(|(key, _)| key.into_owned()).next().unwrap_or_default()
    };
    Some((plain(name), plain(secret)))
}

fn grant(
    tenant: &Tenant,
    name: &str,
    host: &str,
    form: &Form,
    now: Timestamp,
) -> Result<Value, Denied> {
    check_tenant(tenant, name)?;
    let kind = form.required("grant_type")?;
    if kind != "client_credentials" {
        let text = format!("The app requested an unsupported grant type '{kind}'.");
        return Err(denied(400, "unsupported_grant_type", 70_003, text));
    }
    let client = match (&form.basic, form.get("client_id")) {
        (Some((client, _)), None) => client.as_str(),
        _ => form.required("client_id")?,
    };
    let resource = resource(form.required("scope")?, host)?;
    let registration = tenant.registration();
    if Uuid::try_parse(client).ok() != Some(registration.client_id) {
        let text = format!(
            "Application with identifier '{client}' was not found in the directory '{name}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
        );
        return Err(denied(400, "unauthorized_client", 700_016, text));
    }
    if !registration.enabled {
        let text = format!("Application '{client}'({}) is disabled.", registration.name);
        return Err(denied(400, "unauthorized_client", 7_000_112, text));
    }
    let secret =
        form.get("client_secret").or(form.basic.as_ref().map(|(_, secret)| secret.as_str()));
    match (secret, form.get("client_assertion")) {
        (_, Some(assertion)) => {
            let kind = form.required("client_assertion_type")?;
            if kind != ASSERTION_TYPE {
                let text =
                    format!("The value '{kind}' of 'client_assertion_type' is not supported.");
                return Err(denied(400, "invalid_request", 50_027, text));
            }
            check_assertion(tenant, &registration, client, host, assertion, now)?;
        }
        (Some(secret), None) => check_secret(&registration, client, secret, now)?,
        (None, None) => {
            let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            return Err(denied(401, "invalid_client", 7_000_218, text));
        }
    }
    let permissions: Vec<String> = registration.permissions.iter().cloned().collect();
    let caller = Caller {
        client_id: registration.client_id,
        object_id: Uuid::new_v5(&Uuid::NAMESPACE_OID, client.as_bytes()),
        name: registration.name.clone(),
        proof: if form.get("client_assertion").is_some() { "2" } else { "1" },
    };
    drop(registration);
    let issued = issue(tenant, &caller, &resource, &permissions, now).ok_or_else(|| {
        denied(500, "server_error", 90_033, "A transient error has occurred. Please try again.")
    })?;
    Ok(json!({
        "token_type": "Bearer",
        "expires_in": issued.life_secs,
        "ext_expires_in": issued.life_secs,
        "access_token": issued.token,
    }))
}

fn check_tenant(tenant: &Tenant, name: &str) -> Result<(), Denied> {
    if tenant.is_called(name) {
        return Ok(());
    }
    if ["common", "consumers", "organizations"].contains(&name) {
        let text = format!(
            "The endpoint '{name}' does not support the client credentials grant. Use a tenant-specific endpoint."
        );
        return Err(denied(400, "invalid_request", 9_001_023, text));
    }
    Err(no_tenant(name))
}

fn no_tenant(name: &str) -> Denied {
    let text = format!(
        "Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
    );
    denied(400, "invalid_request", 90_002, text)
}

/// Returns the resource that a scope asks for: Graph, in any cloud or right here.
fn resource(scope: &str, host: &str) -> Result<String, Denied> {
    let scopes: Vec<&str> = scope.split_whitespace().collect();
    let [one] = scopes.as_slice() else {
        let text = "The provided value for the input parameter 'scope' is not valid because it contains more than one resource.";
        return Err(denied(400, "invalid_request", 28_002, text));
    };
    let Some(resource) = one.strip_suffix("/.default") else {
        let text = format!(
            "The provided value for the input parameter 'scope' is not valid. The scope {one} is not valid: it must end with '/.default'."
        );
        return Err(denied(400, "invalid_scope", 70_011, text));
    };
    if is_graph(resource, host) {
        return Ok(resource.trim_end_matches('/').to_owned());
    }
    let text = format!("The resource principal named {resource} was not found in the tenant.");
    Err(denied(400, "invalid_resource", 500_011, text))
}

/// Returns whether a resource is Graph, in any cloud or right here.
pub fn is_graph(resource: &str, host: &str) -> bool {
    Url::parse(resource).is_ok_and(|url| {
        url.host_str().is_some_and(|name| GRAPH_HOSTS.contains(&name)) || is_here(&url, host)
    })
}

/// Returns whether a URL points to this emulator.
fn is_here(url: &Url, host: &str) -> bool {
    let name = url.host_str().unwrap_or_default();
    authority(url) == host || ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

fn check_secret(
    registration: &Registration,
    client: &str,
    secret: &str,
    now: Timestamp,
) -> Result<(), Denied> {
    registration.check_secret(secret, now).map_err(|problem| match problem {
        SecretProblem::Wrong => {
            let text = format!("Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'.");
            denied(401, "invalid_client", 7_000_215, text)
        }
        SecretProblem::Expired => {
            let text = format!("The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new keys for your app, or consider using certificate credentials for added security.");
            denied(401, "invalid_client", 7_000_222, text)
        }
    })
}

/// Checks a client assertion: signed with a registered certificate, or a token of another issuer
/// that a federated credential names. The same assertion may be used again until it ends, as MSAL does.
fn check_assertion(
    tenant: &Tenant,
    registration: &Registration,
    client: &str,
    host: &str,
    assertion: &str,
    now: Timestamp,
) -> Result<(), Denied> {
    let refuse = |code, text: &str| denied(401, "invalid_client", code, text);
    let header = jsonwebtoken::decode_header(assertion)
        .map_err(|_| refuse(50_027, "JWT token is invalid or malformed."))?;
    if !matches!(header.alg, Algorithm::RS256 | Algorithm::PS256) {
        return Err(refuse(50_027, "JWT token is signed with an algorithm that is not supported."));
    }
    let claims = federation::unverified_claims(assertion)
        .ok_or_else(|| refuse(50_027, "JWT token is invalid or malformed."))?;
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    let named = header.x5t.is_some() || header.x5t_s256.is_some();
    if !named && !issuer.eq_ignore_ascii_case(client) {
        if issued_by_entra(tenant, issuer, host) {
            return Err(refuse(
                700_229,
                "Only app-only tokens can be used as Federated Identity Credentials for this issuer.",
            ));
        }
        return federation::check(registration, assertion, &claims, now)
            .map_err(|(code, text)| refuse(code, &text));
    }
    let certificate = registration
        .certificate(header.x5t.as_deref(), header.x5t_s256.as_deref())
        .ok_or_else(|| refuse(700_027, "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]"))?;
    if now < certificate.not_before || now > certificate.not_after {
        return Err(refuse(
            700_027,
            "The certificate with identifier used to sign the client assertion is expired on application. [Reason - The key used is expired.]",
        ));
    }
    let mut validation = Validation::new(header.alg);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let key = DecodingKey::from_rsa_der(&certificate.public_key);
    let claims: Value = jsonwebtoken::decode(assertion, &key, &validation)
        .map_err(|_| refuse(50_012, "Client assertion failed signature validation. [Reason - The key was found, but the signature does not fit.]"))?
        .claims;
    check_claims(tenant, client, host, &claims, now)
}

fn check_claims(
    tenant: &Tenant,
    client: &str,
    host: &str,
    claims: &Value,
    now: Timestamp,
) -> Result<(), Denied> {
    let refuse = |code, text: &str| denied(401, "invalid_client", code, text);
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if !text("iss").eq_ignore_ascii_case(client) || !text("sub").eq_ignore_ascii_case(client) {
        return Err(refuse(
            700_021,
            "Client assertion application identifier doesn't match 'client_id' parameter.",
        ));
    }
    if !is_our_audience(tenant, text("aud"), host) {
        return Err(refuse(
            700_023,
            "Client assertion audience claim does not match Realm issuer.",
        ));
    }
    let Some(end) = numeric_date(claims, "exp") else {
        return Err(refuse(50_027, "JWT token is invalid: the claim 'exp' is missing."));
    };
    let begun = numeric_date(claims, "nbf").is_none_or(|begin| begin <= now.plus_ms(SKEW_MS));
    if end.plus_ms(SKEW_MS) <= now || !begun {
        return Err(refuse(700_024, "Client assertion is not within its valid time range."));
    }
    Ok(())
}

/// The audience is the token endpoint, or the issuer, by the name or the id of the tenant.
fn is_our_audience(tenant: &Tenant, audience: &str, host: &str) -> bool {
    let Ok(url) = Url::parse(audience) else {
        return false;
    };
    let at_home = url.host_str().is_some_and(|name| LOGIN_HOSTS.contains(&name));
    let mut segments = url.path().trim_matches('/').splitn(2, '/');
    let ours = segments.next().is_some_and(|name| tenant.is_called(name));
    let rest = segments.next().unwrap_or_default();
    (at_home || is_here(&url, host)) && ours && ["oauth2/v2.0/token", "v2.0", ""].contains(&rest)
}

fn issued_by_entra(tenant: &Tenant, issuer: &str, host: &str) -> bool {
    Url::parse(issuer).is_ok_and(|url| {
        url.host_str().is_some_and(|name| LOGIN_HOSTS.contains(&name))
            || (is_here(&url, host)
                && url
                    .path_segments()
                    .and_then(|mut path| path.next())
                    .is_some_and(|name| tenant.is_called(name)))
    })
}

/// Who signed in.
pub struct Caller {
    /// The application id.
    pub client_id: Uuid,
    /// The object id of the service principal.
    pub object_id: Uuid,
    /// What administrators see.
    pub name: String,
    /// The claim `appidacr`: 1 for a secret, 2 for anything better.
    pub proof: &'static str,
}

/// A token, made.
pub struct Issued {
    /// The token.
    pub token: String,
    /// How long it lives, in seconds.
    pub life_secs: u64,
}

/// Makes an access token, or `None` if it cannot be signed. Its life counts on the clock of the
/// tenant.
pub fn issue(
    tenant: &Tenant,
    caller: &Caller,
    resource: &str,
    permissions: &[String],
    now: Timestamp,
) -> Option<Issued> {
    let life_secs = tenant.switches().access_token_secs;
    let start = now.0.div_euclid(1000);
    let end = start.saturating_add(i64::try_from(life_secs).unwrap_or(i64::MAX));
    let claims = json!({
        "aud": resource,
        "iss": format!("https://sts.windows.net/{}/", tenant.tenant_id()),
        "iat": start,
        "nbf": start,
        "exp": end,
        "app_displayname": caller.name,
        "appid": caller.client_id.to_string(),
        "appidacr": caller.proof,
        "idtyp": "app",
        "oid": caller.object_id.to_string(),
        "roles": permissions,
        "sub": caller.object_id.to_string(),
        "tid": tenant.tenant_id().to_string(),
        "uti": Uuid::new_v4().simple().to_string(),
        "ver": "1.0",
    });
    let token = jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &claims,
        &EncodingKey::from_secret(tenant.signing_key()),
    );
    Some(Issued { token: token.ok()?, life_secs })
}

/// Checks the bearer of a Graph request and returns the permissions that it carries.
///
/// # Errors
/// 401 with the reason.
pub fn sign_in(tenant: &Tenant, call: &Call) -> Result<Vec<String>, Refusal> {
    let given = call.header("authorization").unwrap_or_default();
    let token = given.strip_prefix("Bearer ").or_else(|| given.strip_prefix("bearer "));
    let Some(token) = token.map(str::trim).filter(|token| !token.is_empty()) else {
        return Err(Refusal::unauthenticated("Access token is empty."));
    };
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let key = DecodingKey::from_secret(tenant.signing_key());
    let claims: Value = match jsonwebtoken::decode(token, &key, &validation) {
        Ok(token) => token.claims,
        Err(_) if token.split('.').count() != 3 => {
            return Err(Refusal::unauthenticated(
                "IDX14100: JWT is not well formed, there are no dots (.).",
            ));
        }
        Err(_) => {
            return Err(Refusal::unauthenticated(
                "Access token validation failure. Invalid signature.",
            ));
        }
    };
    let uti = claims.get("uti").and_then(Value::as_str).unwrap_or_default();
    if tenant.ends_now(call) {
        tenant.registration().revoked.insert(uti.to_owned());
    }
    let over = numeric_date(&claims, "exp").is_none_or(|end| end <= tenant.clock.now());
    if over || tenant.registration().revoked.contains(uti) {
        let message = "Lifetime validation failed, the token is expired.";
        return Err(Refusal::unauthenticated(message));
    }
    let roles = claims.get("roles").and_then(Value::as_array);
    Ok(roles.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
}
