//! Signing in: `POST /oauth/token`, and the bearer tokens of the API calls (ShareFile API
//! reference, sections 1.2 to 1.5).

use std::collections::HashMap;

use axum::response::Response;
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;

use super::record::AccountKind;
use super::tenant::Tenant;
use super::wire::json_response;
use crate::model::ids::Timestamp;

/// How long an access token lives, in seconds (section 1.3).
const ACCESS_SECS: i64 = 28_800;

struct Grant {
    account_id: String,
    expires: Timestamp,
}

/// The tokens that are out.
#[derive(Default)]
pub(super) struct Tokens {
    access: HashMap<String, Grant>,
    refresh: HashMap<String, Grant>,
}

impl Tokens {
    /// Ends an access token.
    pub(super) fn revoke(&mut self, token: &str) {
        self.access.remove(token);
    }

    /// Ends all access tokens, and with `refresh` all refresh tokens too.
    pub(super) fn revoke_all(&mut self, refresh: bool) {
        self.access.clear();
        if refresh {
            self.refresh.clear();
        }
    }

    /// Returns the account that an access token stands for.
    pub(super) fn account_of(&self, token: &str, now: Timestamp) -> Option<&str> {
        let grant = self.access.get(token).filter(|grant| now < grant.expires)?;
        Some(&grant.account_id)
    }
}

/// A refusal of the token endpoint, in the words of RFC 6749.
struct Denied(StatusCode, &'static str, &'static str);

/// Answers a token request whose form is `body`.
pub(super) fn answer(tenant: &mut Tenant, body: &[u8], now: Timestamp, domain: &str) -> Response {
    match grant(tenant, body, now, domain) {
        Ok(response) => response,
        Err(Denied(status, error, description)) => {
            let body = json!({ "error": error, "error_description": description });
            json_response(status, &body)
        }
    }
}

fn grant(
    tenant: &mut Tenant,
    body: &[u8],
    now: Timestamp,
    domain: &str,
) -> Result<Response, Denied> {
    let form: HashMap<String, String> = url::form_urlencoded::parse(body)
        .map(|(name, value)| (name.to_ascii_lowercase(), value.into_owned()))
        .collect();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let known_grants = ["password", "refresh_token"];
    if !known_grants.contains(&field("grant_type")) {
        let description = "The grant type is not offered.";
        return Err(Denied(StatusCode::BAD_REQUEST, "unsupported_grant_type", description));
    }
    let key_is_right = field("client_id") == tenant.options.client_id
        && field("client_secret") == tenant.options.client_secret.expose_secret();
    if !key_is_right {
        let description = "The API key is unknown or its secret is wrong.";
        return Err(Denied(StatusCode::UNAUTHORIZED, "invalid_client", description));
    }
    let account_id = match field("grant_type") {
        "password" => sign_in(tenant, field("username"), field("password")),
        _ => refresh(tenant, field("refresh_token"), now),
    };
    let description = "The user name, the password or the refresh token is wrong.";
    let account_id =
        account_id.ok_or(Denied(StatusCode::BAD_REQUEST, "invalid_grant", description))?;
    if let Some(account) = tenant.by_id_mut(&account_id) {
        account.last_login = Some(now);
    }
    Ok(issue(tenant, account_id, now, domain))
}

fn sign_in(tenant: &Tenant, username: &str, password: &str) -> Option<String> {
    let account = tenant.holder_of(username)?;
    let right = account
        .password
        .as_ref()
        .is_some_and(|known: &SecretString| known.expose_secret() == password);
    (right && !account.disabled).then(|| account.id.clone())
}

fn refresh(tenant: &mut Tenant, token: &str, now: Timestamp) -> Option<String> {
    let grant = tenant.tokens.refresh.get(token).filter(|grant| now < grant.expires)?;
    let account_id = grant.account_id.clone();
    if tenant.living(&account_id)?.disabled {
        return None;
    }
    if tenant.switches.refresh_rotation {
        tenant.tokens.refresh.remove(token);
    }
    Some(account_id)
}

fn issue(tenant: &mut Tenant, account_id: String, now: Timestamp, domain: &str) -> Response {
    let employee = tenant.by_id(&account_id).is_some_and(|a| a.kind == AccountKind::Employee);
    let admin_users = employee && tenant.switches.key_admin_users;
    let refresh_ms = tenant.options.refresh_lifetime_mins.saturating_mul(60_000);
    let tokens = &mut tenant.tokens;
    tokens.access.retain(|_, grant| now < grant.expires);
    tokens.refresh.retain(|_, grant| now < grant.expires);
    let access_token = Uuid::new_v4().simple().to_string();
    let refresh_token = Uuid::new_v4().simple().to_string();
    let grant = |expires| Grant { account_id: account_id.clone(), expires };
    tokens.access.insert(access_token.clone(), grant(now.plus_ms(ACCESS_SECS * 1000)));
    tokens.refresh.insert(refresh_token.clone(), grant(now.plus_ms(refresh_ms)));
    let body = json!({
        "access_token": access_token,
        "refresh_token": refresh_token,
        "token_type": "bearer",
        "expires_in": ACCESS_SECS,
        "appcp": domain,
        "apicp": domain,
        "subdomain": tenant.options.subdomain,
        "access_files_folders": true,
        "modify_files_folders": true,
        "admin_users": admin_users,
        "admin_accounts": employee,
        "change_my_settings": true,
        "web_app_login": true,
    });
    json_response(StatusCode::OK, &body)
}
