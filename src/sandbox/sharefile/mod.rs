//! An emulator of a ShareFile tenant: OAuth and the REST API v3, written from the ShareFile API
//! reference and from nothing that our own client knows. Other people's scripts and SDKs can be
//! tried on it.
//!
//! # Where it is
//! The tenant is reached as `http://{subdomain}.localhost:PORT`, or under the names that the
//! sandbox was started with. A bare `localhost` or an IP address means the same tenant, for tools
//! that cannot choose the name; `secure.localhost` is the control plane, where browsers sign in.
//! Any other name is a page that does not exist. Absolute addresses in answers, and `apicp` and
//! `appcp` in tokens, follow the scheme and the `Host` of the request.
//!
//! # Signing in
//! `POST /oauth/token` knows four grants: `password`, `refresh_token`, `authorization_code` and
//! `urn:ietf:params:oauth:grant-type:saml2-bearer`; the query is ignored. The key, the service
//! user and its password are in `GET /_sandbox/credentials` of the sandbox.
//! - `GET /oauth/authorize` redirects at once with a code for the service user, or shows a page
//!   with a name and a password ([`switches::Switches::browser_signed_in`]). The redirect carries
//!   `h`: HMAC-SHA-256 under the client secret over path and query without `h`, in base64. Redirect
//!   addresses must be registered (`redirect_uris` of `PATCH /_sandbox/sharefile`).
//! - Assertions are looked at for issuer, `NameID` and validity; their signature is not verified.
//! - Where two-step verification is on, only application-specific passwords work
//!   (`POST /_sandbox/sharefile/app-passwords`).
//! - A call without a live token is 401 with `WWW-Authenticate: Bearer`.
//!
//! # What it answers
//! | Under | Is offered |
//! |---|---|
//! | `Users` | the caller, look-up by `id` or `emailaddress`, clients (`POST`), employees (`Users/AccountUser`), PATCH with promotion, DELETE both ways, `Security`, `Preferences`, `Roles`, `RemoveRoles`, `ResetPassword`, `ResendWelcome`, `WelcomeNotification`, `Groups` (one's own), `Devices`, `Policies` |
//! | | `Users/Employees/Downgrade`, `Users/Clients` (DELETE), `Users/Clients/BulkDelete`: a hundred ids at most |
//! | | `Users/ForgotPassword`, `MakePrimary`, `DeleteEmailAddress`, `SendConfirmationEmail`, `SendEmailVerificationCode`, `VerifyEmailAddress`, `Confirm` |
//! | `Groups` | list, read, create, change, delete; `Groups(id)/Contacts` with GET, POST and DELETE |
//! | `Accounts` | the account, `Employees`, `Clients`, `AddressBook`, `Preferences`, `SSO`, `SSOInfo`, `ProductDefaults`, `MobileSecuritySettings`, `Branding`, `Tenants`, `RequireSubdomain`, `LoginAccessControlDomains`, `FolderAccessControlDomains` |
//! | `Zones`, `Policies` | list and read |
//! | `Devices` | list, read, `Wipe`, `Lock`, `Unlock` |
//! | `Reports` | create, list, read, `Run`, `Records`, `Record(id)`, `Records(id)/JsonData`, delete |
//! | `Sessions` | read, `Login`, end |
//! | `Capabilities` | to anybody |
//!
//! Everything else is 404, or 405 where another method is offered, in the error shape of the API.
//! Items, folders, shares, webhooks and access controls are not emulated; how many files somebody
//! owns is a number, so that reassignment shows.
//!
//! Names of query parameters and of JSON members, ids, roles and addresses are compared without
//! regard to case. `X-Http-Method-Override` counts in a POST. Unknown members are ignored.
//! `$select` works everywhere, `$expand` for the navigation properties, `$filter`, `$orderby`,
//! `$top` and `$skip` on feeds.
//!
//! # Who may call what
//! Roles of the caller decide: `AdminManageEmployees` for employees, `CanManageUsers` for clients,
//! `AdminCreateSharedGroups` and `AdminSharedDistGroups` for groups, `AdminSuperGroup` for the
//! Super User Group, `AdminAccountPolicies` for preferences and domains, `AdminSSO`,
//! `AdminReporting`. The service user begins with the first two; `service_roles` of
//! `PATCH /_sandbox/sharefile` gives it others. The master administrator holds every role.
//!
//! # What the reference leaves open
//! Each such behaviour is a switch in [`switches`], set with
//! `PATCH /_sandbox/sharefile {"switches": {…}}`. Throttling, licences, lists of domains, groups,
//! zones, policies and devices are set under `/_sandbox` too; `GET /_sandbox` lists the routes.
//!
//! # Size
//! An account takes about half a kilobyte, and long lists are written while they are sent: a
//! million accounts need no more than the accounts themselves.

mod accounts;
mod authorize;
mod book;
mod call;
mod change;
mod control;
mod devices;
mod domains;
mod feed;
mod filter;
mod groups;
mod host;
mod limit;
mod mails;
mod members;
mod outside;
mod policies;
mod record;
mod removal;
mod reports;
mod rights;
mod roles;
mod route;
mod saml;
mod sessions;
pub mod switches;
mod tables;
mod tenant;
mod token;
mod user_entity;
mod users;
mod values;
mod wire;
mod zones;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use http::request::Parts;
use http::{Method, Request, StatusCode};
use secrecy::SecretString;

use self::call::{Call, Refusal};
pub use self::control::{ControlError, control_routes};
pub use self::devices::{Device, Tool};
pub use self::domains::DomainList;
use self::feed::Answer;
use self::host::Site;
pub use self::outside::{GroupView, NewDevice, NewGroup, NewPolicy};
pub use self::policies::{Category, Policy};
pub use self::record::{AccountKind, AccountView, Mail, NewAccount};
use self::route::Route;
use self::switches::Switches;
use self::tenant::Tenant;
pub use self::zones::{Zone, ZoneType};
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
    /// Where a browser may be sent with a code; registered with the API key.
    pub redirect_uris: Vec<String>,
    /// How many employee licences there are.
    pub employee_max: u32,
    /// Addresses in `employee_domains` can only belong to employees.
    pub strict_employee_definition: bool,
    /// The domains of the company's own addresses.
    pub employee_domains: Vec<String>,
    /// A company is demanded of every user.
    pub require_company: bool,
    /// The account demands two-step verification; the password of the service user is then an
    /// application-specific one.
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
            redirect_uris: vec![
                "https://localhost/callback".to_owned(),
                "https://secure.sharefile.com/oauth/oauthcomplete.aspx".to_owned(),
            ],
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

    fn answer(self: &Arc<Self>, parts: &Parts, body: &Bytes) -> Response {
        let missing = || html_page(StatusCode::NOT_FOUND, "The page you requested was not found");
        let mut tenant = self.tenant();
        let tenant = &mut *tenant;
        let Some(site) = Site::of(parts, &tenant.options.subdomain) else { return missing() };
        let path = parts.uri.path();
        let now = self.clock.now();
        if let Some(throttled) = tenant.window.turn_away(&tenant.switches, now) {
            return throttled;
        }
        if route::is_token(path) {
            return match parts.method {
                Method::POST => token::answer(tenant, body, now, &site),
                _ => Refusal::method_not_allowed().into_response(&tenant.switches),
            };
        }
        if route::is_authorize(path) {
            return authorize::answer(tenant, parts, body, &site, now);
        }
        if site.secure || !route::is_api(path) {
            return missing();
        }
        let call = Call::new(parts, body, &site, &self.faults, now);
        match dispatch(tenant, call, path) {
            Ok(answer) => answer.into_response(self, tenant.switches.empty_is_200),
            Err(refusal) => refusal.into_response(&tenant.switches),
        }
    }
}

async fn attend(State(sharefile): State<Arc<Sharefile>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    match axum::body::to_bytes(body, BODY_LIMIT).await {
        Ok(body) => sharefile.answer(&parts, &body),
        Err(_) => {
            let message = "The request body is too large.";
            let error = wire::Error { reason: "BadRequest", message };
            wire::error_response(StatusCode::PAYLOAD_TOO_LARGE, error, true, false)
        }
    }
}

/// Finds out who calls, and lets the resource answer.
fn dispatch<'a>(tenant: &mut Tenant, mut call: Call<'a>, path: &'a str) -> Result<Answer, Refusal> {
    let route = Route::parse(path);
    if call.token_expires() {
        tenant.tokens.revoke(token::bearer(&call).unwrap_or_default());
    }
    if !route.as_ref().is_some_and(Route::is_open) {
        call.caller_id = token::require_login(tenant, &call)?;
    }
    let route = route.ok_or_else(Refusal::not_found)?;
    let handler = route.handler(&call.method).ok_or_else(Refusal::method_not_allowed)?;
    call.ids = route.ids;
    match handler(tenant, &call)? {
        // The rows of a feed are selected one by one when it is made.
        Answer::Json(body) if body.get("value").is_none() => {
            Ok(Answer::Json(wire::select(&call, body)))
        }
        answer => Ok(answer),
    }
}
