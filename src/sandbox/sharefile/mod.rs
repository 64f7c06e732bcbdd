//! An emulator of a ShareFile tenant: OAuth and the REST API v3, written from the ShareFile API
//! reference and from nothing that our own client knows.
//!
//! The tenant is reached as `http://{subdomain}.localhost:PORT`. A bare `localhost` or an IP
//! address means the same tenant, for tools that cannot choose the name. What the reference does
//! not settle is a switch in [`switches`].

mod accounts;
mod call;
mod control;
mod record;
mod route;
pub mod switches;
mod tenant;
mod token;
mod users;
mod wire;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use secrecy::SecretString;
use serde_json::Value;

use self::call::{Call, Refusal};
pub use self::control::{ControlError, control_routes};
use self::record::AccountKind as Kind;
pub use self::record::{AccountKind, AccountView, Mail, NewAccount};
use self::route::Route;
use self::switches::Switches;
use self::tenant::Tenant;
use super::faults::Faults;
use super::observe::End;
use super::server::{Emulator, html_page};
use crate::clock::Clock;

/// The largest request body, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// What the tenant looks like when it is founded.
#[derive(Clone, Debug)]
pub struct SharefileOptions {
    /// The first label of the tenant's host name.
    pub subdomain: String,
    /// The name of the company.
    pub company_name: String,
    /// The domain of the addresses of the tenant's own people.
    pub mail_domain: String,
    /// The name of the plan.
    pub plan_name: String,
    /// The address of the service user.
    pub admin_user: String,
    /// The password of the service user.
    pub admin_password: SecretString,
    /// The id of the API key.
    pub client_id: String,
    /// The secret of the API key.
    pub client_secret: SecretString,
    /// How many employee licences there are.
    pub employee_max: u32,
    /// Addresses in `employee_domains` can only belong to employees.
    pub strict_employee_definition: bool,
    /// The domains of the company's own addresses.
    pub employee_domains: Vec<String>,
    /// A company is demanded of every user.
    pub require_company: bool,
    /// The account demands two-step verification.
    pub two_factor: bool,
    /// Single sign-on is configured.
    pub single_sign_on: bool,
    /// Single sign-on is demanded of employees.
    pub force_single_sign_on: bool,
    /// How long refresh tokens live, in minutes.
    pub refresh_lifetime_mins: i64,
    /// Ids are derived from it.
    pub seed: u64,
    /// The switches to begin with.
    pub switches: Switches,
}

impl Default for SharefileOptions {
    fn default() -> Self {
        Self {
            subdomain: "contoso".to_owned(),
            company_name: "Contoso".to_owned(),
            mail_domain: "contoso.com".to_owned(),
            plan_name: "Advanced".to_owned(),
            admin_user: "provisioner@contoso.com".to_owned(),
            // Made up; the odd characters show whether a client encodes its forms.
            admin_password: SecretString::from("sandbox & 100% pure+fun"),
            client_id: "sandbox-key".to_owned(),
            client_secret: SecretString::from("sandbox=secret&+%"),
            employee_max: 100_000,
            strict_employee_definition: false,
            employee_domains: Vec::new(),
            require_company: false,
            two_factor: false,
            single_sign_on: false,
            force_single_sign_on: false,
            refresh_lifetime_mins: 60 * 24 * 30,
            seed: 1,
            switches: Switches::default(),
        }
    }
}

/// What a client needs to sign in as the service user.
#[derive(Clone, Debug)]
pub struct SharefileCredentials {
    /// The first label of the tenant's host name.
    pub subdomain: String,
    /// The id of the API key.
    pub client_id: String,
    /// The secret of the API key.
    pub client_secret: SecretString,
    /// The address of the service user.
    pub admin_user: String,
    /// The password of the service user.
    pub admin_password: SecretString,
}

/// The tenant. Changes made here need no rights, no licence and no token.
pub struct Sharefile {
    tenant: Mutex<Tenant>,
    clock: Arc<dyn Clock>,
    faults: Arc<Faults>,
}

impl Sharefile {
    /// Founds a tenant with an owner, a billing contact, a super user and the service user.
    pub fn new(options: SharefileOptions, clock: Arc<dyn Clock>, faults: Arc<Faults>) -> Arc<Self> {
        let tenant = Mutex::new(Tenant::found(options, clock.now()));
        Arc::new(Self { tenant, clock, faults })
    }

    /// Returns what [`super::server::serve`] needs.
    pub fn emulator(self: &Arc<Self>) -> Emulator {
        let router = Router::new().fallback(attend).with_state(self.clone());
        Emulator { end: End::Sharefile, router, label: route::label, refuse: wire::refuse }
    }

    fn tenant(&self) -> MutexGuard<'_, Tenant> {
        self.tenant.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, parts: &Parts, body: &Bytes) -> Response {
        let mut tenant = self.tenant();
        let named = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = named.or(parts.uri.authority().map(|a| a.as_str())).unwrap_or("localhost");
        let Some(domain) = domain_of(host, &tenant.options.subdomain) else {
            return html_page(StatusCode::NOT_FOUND, "The page you requested was not found");
        };
        let path = parts.uri.path();
        let now = self.clock.now();
        if route::is_token(path) {
            return match parts.method {
                Method::POST => token::answer(&mut tenant, body, now, &domain),
                _ => Refusal::method_not_allowed().into_response(),
            };
        }
        if !route::is_api(path) {
            return html_page(StatusCode::NOT_FOUND, "The page you requested was not found");
        }
        let call = Call::new(parts, body, host, &self.faults, now);
        match dispatch(&mut tenant, call, path) {
            Ok(Some(body)) => wire::json_response(StatusCode::OK, &body),
            Ok(None) => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
            Err(refusal) => refusal.into_response(),
        }
    }
}

async fn attend(State(sharefile): State<Arc<Sharefile>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    match axum::body::to_bytes(body, BODY_LIMIT).await {
        Ok(body) => sharefile.answer(&parts, &body),
        Err(_) => {
            let message = "The request body is too large.";
            wire::error_response(StatusCode::PAYLOAD_TOO_LARGE, "BadRequest", message)
        }
    }
}

/// Returns the control plane of a host, without the tenant's label; `None` if another tenant is
/// meant. An IP address or a single label cannot carry a tenant's label: it means this one.
fn domain_of(host: &str, subdomain: &str) -> Option<String> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, format!(":{port}")),
        _ => (host, String::new()),
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    match name.split_once('.') {
        _ if address.parse::<IpAddr>().is_ok() => Some(format!("localhost{port}")),
        None => Some(format!("{name}{port}")),
        Some((label, rest)) if label.eq_ignore_ascii_case(subdomain) => {
            Some(format!("{rest}{port}"))
        }
        Some(_) => None,
    }
}

/// Finds out who calls, and lets the resource answer.
fn dispatch(tenant: &mut Tenant, mut call: Call<'_>, path: &str) -> Result<Option<Value>, Refusal> {
    let token = bearer(&call).unwrap_or_default().to_owned();
    if call.token_expires() {
        tenant.tokens.revoke(&token);
    }
    let caller = tenant.tokens.account_of(&token, call.now).and_then(|id| tenant.living(id));
    let caller = caller.filter(|caller| !caller.disabled);
    call.caller_id = caller.ok_or_else(Refusal::unauthenticated)?.id.clone();
    let route = Route::parse(path).ok_or_else(Refusal::not_found)?;
    match call.method {
        Method::GET => get(tenant, &call, route).map(Some),
        Method::POST => match route {
            Route::Users => users::create(tenant, &call, Kind::Client).map(Some),
            Route::AccountUsers => users::create(tenant, &call, Kind::Employee).map(Some),
            _ => Err(Refusal::method_not_allowed()),
        },
        Method::PATCH => match route {
            Route::User(id) => users::change(tenant, &call, id, false).map(Some),
            Route::AccountUser(id) => users::change(tenant, &call, id, true).map(Some),
            _ => Err(Refusal::method_not_allowed()),
        },
        Method::DELETE => match route {
            Route::User(id) => users::delete(tenant, &call, id).map(|()| None),
            Route::Sessions => {
                tenant.tokens.revoke(&token);
                Ok(None)
            }
            _ => Err(Refusal::method_not_allowed()),
        },
        _ => Err(Refusal::method_not_allowed()),
    }
}

fn get(tenant: &Tenant, call: &Call<'_>, route: Route<'_>) -> Result<Value, Refusal> {
    match route {
        Route::Users => users::look_up(tenant, call),
        Route::User(id) => users::read(tenant, call, id),
        Route::UserSecurity(id) => users::read_part(tenant, call, id, wire::security),
        Route::UserPreferences(id) => users::read_part(tenant, call, id, |base, account| {
            wire::preferences(base, &account.id, &account.preferences)
        }),
        Route::Account(id) => accounts::account(tenant, call, id),
        Route::Employees => accounts::list(tenant, call, Kind::Employee),
        Route::Clients => accounts::list(tenant, call, Kind::Client),
        Route::AccountPreferences => accounts::preferences(tenant, call),
        Route::Group(id) => accounts::group(tenant, call, id),
        Route::GroupContacts(id) => accounts::group_contacts(tenant, call, id),
        Route::Sessions => accounts::session(tenant, call),
        Route::AccountUsers | Route::AccountUser(_) => Err(Refusal::method_not_allowed()),
    }
}

fn bearer<'a>(call: &Call<'a>) -> Option<&'a str> {
    let header = call.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}
