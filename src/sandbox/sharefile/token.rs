//! Signing in: `POST /oauth/token` with its four grants, and the bearer tokens of the API calls
//! (ShareFile API reference, sections 1.2 to 1.6).

use std::collections::HashMap;

use axum::response::Response;
use http::StatusCode;
use http::header::AUTHORIZATION;
use secrecy::ExposeSecret;
use serde_json::json;
use uuid::Uuid;

use super::call::{Call, Refusal};
use super::domains::Violation;
use super::host::Site;
use super::record::{Account, AccountKind};
use super::tenant::Tenant;
use super::wire::json_response;
use super::{SharefileOptions, saml};
use crate::model::ids::Timestamp;

/// How long an authorization code lives, in milliseconds.
const CODE_MS: i64 = 300_000;

/// The grant with an assertion of an identity provider.
const SAML_BEARER: &str = "urn:ietf:params:oauth:grant-type:saml2-bearer";

struct Grant {
    account_id: Uuid,
    expires: Timestamp,
}

/// The tokens and codes that are out.
#[derive(Default)]
pub(super) struct Tokens {
    access: HashMap<String, Grant>,
    refresh: HashMap<String, Grant>,
    codes: HashMap<String, Grant>,
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

    /// Ends everything that an account has.
    pub(super) fn revoke_of(&mut self, account_id: Uuid) {
        for grants in [&mut self.access, &mut self.refresh, &mut self.codes] {
            grants.retain(|_, grant| grant.account_id != account_id);
        }
    }

    /// Returns the account that an access token stands for.
    pub(super) fn account_of(&self, token: &str, now: Timestamp) -> Option<Uuid> {
        let grant = self.access.get(token).filter(|grant| now < grant.expires)?;
        Some(grant.account_id)
    }

    /// Returns a new authorization code, which is good once and for five minutes.
    pub(super) fn new_code(&mut self, account_id: Uuid, now: Timestamp) -> String {
        self.codes.retain(|_, grant| now < grant.expires);
        let code = Uuid::new_v4().simple().to_string();
        self.codes.insert(code.clone(), Grant { account_id, expires: now.plus_ms(CODE_MS) });
        code
    }
}

/// Returns the bearer token of a call.
pub(super) fn bearer<'a>(call: &Call<'a>) -> Option<&'a str> {
    let header = call.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// Returns the account that calls.
///
/// # Errors
/// When there is no token, or it is dead, or the account is.
pub(super) fn require_login(tenant: &Tenant, call: &Call<'_>) -> Result<Uuid, Refusal> {
    let token = bearer(call).unwrap_or_default();
    let caller = tenant.tokens.account_of(token, call.now).and_then(|id| tenant.book.get(id));
    let caller = caller.filter(|caller| !caller.deleted && !caller.disabled);
    caller.map(|caller| caller.id).ok_or_else(Refusal::unauthenticated)
}

/// A refusal of the token endpoint, in the words of RFC 6749.
pub(super) struct Denied {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
}

impl Denied {
    /// The grant is worth nothing; the status is a switch.
    fn grant(tenant: &Tenant, description: &'static str) -> Self {
        let status = StatusCode::from_u16(tenant.switches.invalid_grant_status);
        let status = status.unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, error: "invalid_grant", description }
    }

    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "error_description": self.description });
        json_response(self.status, &body)
    }
}

/// Answers a token request whose form is `body`.
pub(super) fn answer(tenant: &mut Tenant, body: &[u8], now: Timestamp, site: &Site) -> Response {
    match grant(tenant, body, now, site) {
        Ok(response) => response,
        Err(denied) => denied.into_response(),
    }
}

/// Reads a form; the names of its fields are compared without regard to case.
pub(super) fn form(body: &[u8]) -> HashMap<String, String> {
    url::form_urlencoded::parse(body)
        .map(|(name, value)| (name.to_ascii_lowercase(), value.into_owned()))
        .collect()
}

fn is_key(options: &SharefileOptions, id: &str, secret: &str) -> bool {
    id == options.client_id && secret == options.client_secret.expose_secret()
}

fn grant(
    tenant: &mut Tenant,
    body: &[u8],
    now: Timestamp,
    site: &Site,
) -> Result<Response, Denied> {
    let form = form(body);
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let kind = field("grant_type");
    if !["password", "refresh_token", "authorization_code", SAML_BEARER].contains(&kind) {
        return Err(Denied {
            status: StatusCode::BAD_REQUEST,
            error: "unsupported_grant_type",
            description: "The grant type is not offered.",
        });
    }
    if !is_key(&tenant.options, field("client_id"), field("client_secret")) {
        return Err(Denied {
            status: StatusCode::UNAUTHORIZED,
            error: "invalid_client",
            description: "The API key is unknown or its secret is wrong.",
        });
    }
    let account_id = match kind {
        "password" => sign_in(tenant, field("username"), field("password"), now)?,
        "refresh_token" => refresh(tenant, field("refresh_token"), now)?,
        "authorization_code" => redeem(tenant, field("code"), now)?,
        _ => by_assertion(tenant, field("assertion"), field("idpentityid"), now)?,
    };
    if let Some(account) = tenant.book.get_mut(account_id) {
        account.last_login = Some(now);
    }
    if kind != "refresh_token" {
        tenant.note(now, "Login", account_id);
    }
    Ok(issue(tenant, account_id, now, site))
}

/// Returns until when an account is locked, if it is.
pub(super) fn locked_until(
    tenant: &Tenant,
    account: &Account,
    now: Timestamp,
) -> Option<Timestamp> {
    let most = tenant.preferences.number("LoginFailMaxAttempts");
    let failed = i64::from(account.more().failed_logins);
    if !tenant.switches.wrong_passwords_lock || most <= 0 || failed < most {
        return None;
    }
    let secs = tenant.preferences.number("LoginFailLockoutSecs");
    let until = account.more().last_failed_login?.plus_ms(secs.saturating_mul(1_000));
    (now < until).then_some(until)
}

/// Checks a user name and a password.
///
/// # Errors
/// When they are wrong, or the account may not sign in that way.
pub(super) fn sign_in(
    tenant: &mut Tenant,
    username: &str,
    password: &str,
    now: Timestamp,
) -> Result<Uuid, Denied> {
    let wrong = "The user name or the password is wrong.";
    let Some(account) = tenant.book.holder_of(username) else {
        return Err(Denied::grant(tenant, wrong));
    };
    let id = account.id;
    if locked_until(tenant, account, now).is_some() {
        tenant.note(now, "LoginLocked", id);
        return Err(Denied::grant(tenant, "The account is locked for a while."));
    }
    let more = account.more();
    let two_factor = tenant.preferences.flag("EnableTwoFactorAuth");
    let ordinary = more.password.as_ref().filter(|_| !two_factor);
    let mut known = ordinary.into_iter().chain(&more.app_passwords);
    if account.disabled || !known.any(|known| known.expose_secret() == password) {
        if let Some(account) = tenant.book.get_mut(id) {
            let more = account.more_mut();
            more.failed_logins = more.failed_logins.saturating_add(1);
            more.last_failed_login = Some(now);
        }
        tenant.note(now, "LoginFail", id);
        return Err(Denied::grant(tenant, wrong));
    }
    check_way(tenant, account)?;
    if more.failed_logins > 0
        && let Some(account) = tenant.book.get_mut(id)
    {
        account.more_mut().failed_logins = 0;
    }
    Ok(id)
}

/// Refuses who may not sign in with a password, or not at all because of a domain.
fn check_way(tenant: &Tenant, account: &Account) -> Result<(), Denied> {
    let forced = tenant.preferences.flag("ForceSSO")
        && tenant.switches.forced_sign_on_bars_passwords
        && account.kind == AccountKind::Employee
        && account.id != tenant.service_id;
    if forced {
        return Err(Denied::grant(tenant, "Employees sign in at their identity provider."));
    }
    check_domains(tenant, account)
}

/// The domains of all addresses count (section 5).
fn check_domains(tenant: &Tenant, account: &Account) -> Result<(), Denied> {
    for address in account.addresses() {
        match tenant.login_domains.violation(address) {
            None => {}
            Some(Violation::NotAllowed) => {
                return Err(Denied::grant(tenant, "LoginWhitelistViolation"));
            }
            Some(Violation::Blocked) => {
                return Err(Denied::grant(tenant, "LoginBlacklistViolation"));
            }
        }
    }
    Ok(())
}

fn living(tenant: &Tenant, id: Uuid) -> bool {
    tenant.book.get(id).is_some_and(|account| !account.deleted && !account.disabled)
}

fn refresh(tenant: &mut Tenant, token: &str, now: Timestamp) -> Result<Uuid, Denied> {
    let wrong = "The refresh token is wrong or has expired.";
    let grant = tenant.tokens.refresh.get(token).filter(|grant| now < grant.expires);
    let Some(id) = grant.map(|grant| grant.account_id).filter(|id| living(tenant, *id)) else {
        return Err(Denied::grant(tenant, wrong));
    };
    if tenant.switches.refresh_rotation {
        tenant.tokens.refresh.remove(token);
    }
    Ok(id)
}

fn redeem(tenant: &mut Tenant, code: &str, now: Timestamp) -> Result<Uuid, Denied> {
    let grant = tenant.tokens.codes.remove(code).filter(|grant| now < grant.expires);
    let id = grant.map(|grant| grant.account_id).filter(|id| living(tenant, *id));
    id.ok_or_else(|| Denied::grant(tenant, "The code is wrong or has expired."))
}

fn by_assertion(
    tenant: &Tenant,
    assertion: &str,
    issuer: &str,
    now: Timestamp,
) -> Result<Uuid, Denied> {
    if !tenant.preferences.flag("EnableSSO") {
        return Err(Denied::grant(tenant, "Single sign-on is not configured."));
    }
    let wrong = || Denied::grant(tenant, "The assertion cannot be accepted.");
    let assertion = saml::Assertion::read(assertion).ok_or_else(wrong)?;
    let configured = tenant.single_sign_on.text("EntityID");
    let expected = if issuer.is_empty() { assertion.issuer.as_str() } else { issuer };
    if assertion.issuer != configured || expected != configured || !assertion.holds_at(now) {
        return Err(wrong());
    }
    let holder = tenant.book.holder_of(&assertion.subject).filter(|holder| !holder.disabled);
    let holder = holder.ok_or_else(wrong)?;
    check_domains(tenant, holder)?;
    Ok(holder.id)
}

fn issue(tenant: &mut Tenant, account_id: Uuid, now: Timestamp, site: &Site) -> Response {
    let employee = tenant.book.get(account_id).is_some_and(|a| a.kind == AccountKind::Employee);
    let switches = &tenant.switches;
    let access_secs = i64::from(switches.access_token_secs);
    let refresh_mins = tenant.preferences.number("OAuth2RefreshTokenLifetimeMinutes");
    let tokens = &mut tenant.tokens;
    tokens.access.retain(|_, grant| now < grant.expires);
    tokens.refresh.retain(|_, grant| now < grant.expires);
    let access_token = Uuid::new_v4().simple().to_string();
    let refresh_token = Uuid::new_v4().simple().to_string();
    let grant = |expires| Grant { account_id, expires };
    tokens.access.insert(access_token.clone(), grant(now.plus_ms(access_secs * 1000)));
    let refresh_ms = refresh_mins.saturating_mul(60_000);
    tokens.refresh.insert(refresh_token.clone(), grant(now.plus_ms(refresh_ms)));
    let body = json!({
        "access_token": access_token,
        "refresh_token": refresh_token,
        "token_type": "bearer",
        "expires_in": access_secs,
        "appcp": site.domain,
        "apicp": site.domain,
        "subdomain": tenant.options.subdomain,
        "access_files_folders": switches.key_access_files_folders,
        "modify_files_folders": switches.key_modify_files_folders,
        "admin_users": employee && switches.key_admin_users,
        "admin_accounts": employee && switches.key_admin_accounts,
        "change_my_settings": switches.key_change_my_settings,
        "web_app_login": switches.key_web_app_login,
    });
    json_response(StatusCode::OK, &body)
}
