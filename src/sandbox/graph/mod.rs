//! Entra ID and Microsoft Graph, as far as a provisioning job needs them.
//!
//! Written from the Graph reference; it shares no types with the client. Everything lives in
//! memory behind one lock. The identity platform and Graph share one address. Absolute links are
//! made from the scheme and the host that a request used.
//!
//! # Signing in
//!
//! | Way | How |
//! |---|---|
//! | OpenID | `GET /{tenant}/v2.0/.well-known/openid-configuration`, `/common/discovery/instance`, `/{tenant}/discovery/v2.0/keys` |
//! | client credentials | `POST /{tenant}/oauth2/v2.0/token` with a secret (in the form or as Basic), or with an assertion signed by a registered certificate (RS256 or PS256; `x5t` or `x5t#S256`) |
//! | federated | the same, with a token of another issuer that fits a registered credential; the control API mints such tokens |
//! | managed identity | `GET /metadata/identity/oauth2/token` as on a virtual machine, `GET /msi/token` as on App Service |
//!
//! Tokens live for `access_token_secs` on the sandbox's clock and keep the permissions that were
//! granted when they were issued; `PUT /_sandbox/permissions` changes what is granted.
//!
//! # What Graph answers, under `/v1.0`
//!
//! | Path | Notes |
//! |---|---|
//! | `users`, `groups`, `servicePrincipals` | `$select`, `$filter`, `$orderby`, `$search`, `$top`, `$count`, `/$count` by the rules of advanced queries; `$skip` is refused; `users` also `$expand=manager` |
//! | `users/{id or name}`, `/manager`, `/memberOf`, `/transitiveMemberOf` | |
//! | `groups/{id}`, `/members`, `/transitiveMembers`, `/memberOf` | with and without a cast, and `/$count` |
//! | `servicePrincipals/{id}` or `(appId='…')`, `/appRoleAssignedTo` | |
//! | `servicePrincipals/{id}/synchronization/…` | jobs, schema, filterOperators, functions, templates, secrets; read-only |
//! | `applications…` | the app registration: when its credentials end, federatedIdentityCredentials |
//! | `users/delta`, `groups/delta` | `$select`, `$filter` of up to 50 ids, `$deltatoken=latest`, `Prefer: return=minimal` |
//! | `directory/deletedItems/…`, `directoryObjects/getByIds` | |
//! | `subscriptions…` | validated, delivered, renewed; lifecycle events by the control API |
//! | `auditLogs/provisioning` | entries that the control API puts there |
//! | `$batch` | up to 20 requests, `dependsOn`, each charged on its own |
//!
//! Every answer has `request-id`, `client-request-id`, `Date` on the sandbox's clock and
//! `x-ms-resource-unit`; who uses too many resource units gets 429. Everything else, and every
//! option that the directory does not take, is refused as it refuses it.
//!
//! # Bad days
//!
//! What the reference calls likely or unknown is a field of [`switches::Switches`], read and changed at
//! `/_sandbox/switches`; what goes wrong on purpose is a fault at `/_sandbox/faults`. Both take
//! effect with the next request.
//!
//! # Files
//!
//! | File | Holds |
//! |---|---|
//! | `state` | people, groups, applications, assignments, and how they change |
//! | `log`, `history`, `index` | the changes that delta queries replay; the index that lags |
//! | `registration`, `token` | the app registration and the token endpoint |
//! | `login` | OpenID configuration and discovery |
//! | `federation`, `managed` | tokens of other issuers; managed identity |
//! | `route` | paths, permissions, labels |
//! | `users`, `groups`, `members`, `applications`, `registrations`, `deleted`, `delta`, `batch` | the endpoints |
//! | `call`, `page`, `query`, `filter`, `objects`, `properties` | requests, lists, filters, shapes |
//! | `control` | its part of the control API |
//! | `subscriptions`, `synchronization`, `provisioning`, `throttle` | notifications; the synchronization API; the provisioning log; resource units |
//! | `switches` | what the reference marks as likely or unknown |

pub mod attributes;
pub mod control;
pub mod dice;
pub mod federation;
pub mod managed;
pub mod properties;
pub mod registration;
pub mod subscriptions;
pub mod switches;
pub mod synchronization;
pub mod views;

mod applications;
mod batch;
mod call;
mod deleted;
mod delta;
mod edit;
mod filter;
mod groups;
mod history;
mod index;
mod log;
mod login;
mod members;
mod objects;
mod page;
mod provisioning;
mod query;
mod registrations;
mod route;
mod state;
mod throttle;
mod token;
mod users;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use crate::clock::Clock;
use crate::sandbox::faults::{FaultKind, Faults};
use crate::sandbox::observe::End;
use crate::sandbox::server::Emulator;

use attributes::Attributes;
use call::{Call, Refusal, Reply, RequestIds, base_url, respond};
use dice::Dice;
use login::Door;
use page::Sealer;
use registration::{Registration, Secret};
use route::Endpoint;
use state::{Application, State};
use subscriptions::Subscriptions;
use switches::Switches;
use synchronization::Synchronization;
use throttle::{Buckets, Charge};
use views::RoleView;

/// The largest request body, in bytes.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// How many pages of deltas are remembered as asked for.
const PAGES_SEEN_KEPT: usize = 10_000;

/// The permissions that are granted at first (Graph reference, section 1.7, "Core set").
pub const CORE_PERMISSIONS: [&str; 3] =
    ["Application.Read.All", "GroupMember.Read.All", "User.Read.All"];

/// Why the tenant cannot be changed as asked.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// There is no such person.
    #[error("there is no person or group {0}")]
    NoPerson(Uuid),
    /// There is no such group.
    #[error("there is no group {0}")]
    NoGroup(Uuid),
    /// There is no such person, group or application.
    #[error("there is no person, group or application {0}")]
    NoPrincipal(Uuid),
    /// The application has no such role.
    #[error("the application has no role `{0}`")]
    NoRole(String),
    /// There is no such assignment.
    #[error("there is no assignment {0}")]
    NoRow(String),
    /// Graph's metadata has no such property, or it cannot be set.
    #[error("there is no property `{0}` that could be set")]
    NoProperty(String),
    /// A property that every object has is missing or is no text.
    #[error("`{0}` is missing or is not a text")]
    Missing(&'static str),
    /// It exists already.
    #[error("`{0}` exists already")]
    Taken(String),
    /// The certificate cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Certificate(String),
}

/// Who the tenant is.
#[derive(Clone, Debug)]
pub struct TenantOptions {
    /// All ids, secrets included, follow from it.
    pub seed: u64,
    /// The initial domain, as `contoso.onmicrosoft.com`.
    pub domain: String,
    /// What the enterprise application is called.
    pub application: String,
}

impl Default for TenantOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            domain: "contoso.onmicrosoft.com".to_owned(),
            application: "Citrix ShareFile".to_owned(),
        }
    }
}

/// A tenant of Entra ID with one enterprise application and one app registration.
#[derive(Debug)]
pub struct Tenant {
    state: Mutex<State>,
    registration: Mutex<Registration>,
    clock: Arc<dyn Clock>,
    faults: Arc<Faults>,
    sealer: Sealer,
    signing_key: [u8; 32],
    tenant_id: Uuid,
    domain: String,
    application: Uuid,
    epoch: AtomicU32,
    nonce: AtomicU64,
    pages_seen: Mutex<BTreeSet<u64>>,
    buckets: Mutex<Buckets>,
    subscriptions: Mutex<Subscriptions>,
    documents: Mutex<Synchronization>,
}

impl Tenant {
    /// Makes a tenant without people, groups and assignments. The registration has one secret
    /// and the [`CORE_PERMISSIONS`].
    pub fn new(options: &TenantOptions, clock: Arc<dyn Clock>, faults: Arc<Faults>) -> Arc<Self> {
        let mut dice = Dice::new(options.seed);
        let tenant_id = dice.uuid();
        let client_id = dice.uuid();
        let client_secret = SecretString::from(format!("8Q~{}", dice.letters(37)));
        let registration = Registration {
            client_id,
            name: "sharefile-provisioner".to_owned(),
            enabled: true,
            secrets: vec![Secret { value: client_secret, expires: None }],
            certificates: Vec::new(),
            federated: vec![federation::usual_credential()],
            permissions: CORE_PERMISSIONS.iter().map(|&name| name.to_owned()).collect(),
            revoked: BTreeSet::new(),
        };
        let roles = ["User", "Client", "Employee"].map(|name| RoleView {
            id: dice.uuid(),
            name: name.to_owned(),
            // The role of gallery applications that everybody uses has no value.
            value: (name != "User").then(|| name.to_owned()),
        });
        let app_id = dice.uuid();
        let mut state = State::new(dice);
        let application = new_application(&mut state, &options.application, app_id, &roles);
        new_application(&mut state, "sharefile-provisioner", client_id, &[]);
        Arc::new(Self {
            state: Mutex::new(state),
            registration: Mutex::new(registration),
            clock,
            faults,
            sealer: Sealer::new(random_key()),
            signing_key: random_key(),
            tenant_id,
            domain: options.domain.clone(),
            application,
            epoch: AtomicU32::new(0),
            nonce: AtomicU64::new(0),
            pages_seen: Mutex::default(),
            buckets: Mutex::default(),
            subscriptions: Mutex::default(),
            documents: Mutex::new(Synchronization::usual(tenant_id, &options.application)),
        })
    }

    /// Returns the emulator that answers for this tenant.
    pub fn emulator(self: &Arc<Self>) -> Emulator {
        Emulator {
            end: End::Entra,
            router: Router::new().fallback(attend).with_state(self.clone()),
            label: route::label,
            refuse: route::refuse,
        }
    }

    /// Returns the id of the tenant.
    pub fn tenant_id(&self) -> Uuid {
        self.tenant_id
    }

    /// Returns the initial domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Returns the secret of the registration; empty if it has none.
    pub fn client_secret(&self) -> SecretString {
        let registration = self.registration();
        let first = registration.secrets.first().map(|secret| secret.value.clone());
        first.unwrap_or_else(|| SecretString::from(""))
    }

    fn is_called(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(&self.domain)
            || Uuid::try_parse(name).ok() == Some(self.tenant_id)
    }

    fn signing_key(&self) -> &[u8] {
        &self.signing_key
    }

    /// Locks the directory after letting time do its work.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle(self.clock.now());
        state
    }

    fn registration(&self) -> MutexGuard<'_, Registration> {
        self.registration.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscriptions(&self) -> MutexGuard<'_, Subscriptions> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn documents(&self) -> MutexGuard<'_, Synchronization> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the choices.
    pub fn switches(&self) -> Switches {
        self.state().switches.clone()
    }

    fn epoch(&self) -> u32 {
        self.epoch.load(Ordering::SeqCst)
    }

    fn nonce(&self) -> u64 {
        self.nonce.fetch_add(1, Ordering::SeqCst)
    }

    /// Notes that the page with this number was asked for. Returns whether it was before.
    fn page_seen(&self, nonce: u64) -> bool {
        let mut seen = self.pages_seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody repeats a request for a page of long ago.
        while seen.len() > PAGES_SEEN_KEPT {
            seen.pop_first();
        }
        !seen.insert(nonce)
    }

    /// Returns whether a fault ends the token of this request.
    fn ends_now(&self, call: &Call) -> bool {
        let kinds = [FaultKind::ExpiredToken];
        self.faults.take(&kinds, call.method.as_str(), &call.label).is_some()
    }
}

fn new_application(state: &mut State, name: &str, app_id: Uuid, roles: &[RoleView]) -> Uuid {
    let attributes = Attributes::from_list(vec![
        ("displayName".into(), json!(name)),
        ("appDisplayName".into(), json!(name)),
        ("appId".into(), json!(app_id.to_string())),
        ("accountEnabled".into(), json!(true)),
        ("appRoleAssignmentRequired".into(), json!(true)),
        ("servicePrincipalType".into(), json!("Application")),
        ("servicePrincipalNames".into(), json!([app_id.to_string()])),
        ("signInAudience".into(), json!("AzureADMyOrg")),
        ("tags".into(), json!(["WindowsAzureActiveDirectoryIntegratedApp"])),
    ]);
    state.add_application(Application { attributes, roles: roles.to_vec() })
}

fn random_key() -> [u8; 32] {
    let mut key = [0; 32];
    let (left, right) = key.split_at_mut(16);
    left.copy_from_slice(Uuid::new_v4().as_bytes());
    right.copy_from_slice(Uuid::new_v4().as_bytes());
    key
}

/// Answers every request that reaches the emulator.
async fn attend(Shared(tenant): Shared<Arc<Tenant>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let ids = RequestIds::of(&parts.headers);
    let now = Some(tenant.clock.now());
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        let refusal = Refusal::new(413, "RequestEntityTooLarge", "The request is too large.");
        return respond(Err(refusal), &ids, now, Charge::default());
    };
    let path = parts.uri.path();
    if let Some(door) = Door::of(path) {
        return login::attend(&tenant, &door, &parts, &body);
    }
    let base = base_url(&parts);
    let mut call = Call {
        label: route::label(&parts.method, path),
        path: path.to_owned(),
        query: route::query_pairs(parts.uri.query().unwrap_or_default()),
        base,
        method: parts.method,
        headers: parts.headers,
        body,
        roles: Vec::new(),
    };
    let (charge, reply) = match token::sign_in(&tenant, &call) {
        Ok(roles) => {
            call.roles = roles;
            answered(&tenant, &call).await
        }
        Err(refusal) => (Charge { units: 1, share: None }, Err(refusal)),
    };
    let head = call.method == axum::http::Method::HEAD;
    let mut response = respond(reply, &ids, now, charge);
    if head {
        *response.body_mut() = Body::empty();
    }
    response
}

/// Answers a signed-in request. Whoever subscribes must be asked first whether they listen, which
/// is why this waits.
async fn answered(tenant: &Arc<Tenant>, call: &Call) -> (Charge, Reply) {
    let subscribes = call.method == axum::http::Method::POST
        && Endpoint::of(&call.path).is_ok_and(|endpoint| endpoint == Endpoint::Subscriptions);
    if !subscribes {
        return route::metered(tenant, call);
    }
    match throttle::charge(tenant, call, &Endpoint::Subscriptions) {
        (charge, Ok(())) => (charge, subscriptions::create(tenant, call).await),
        (charge, Err(refusal)) => (charge, Err(refusal)),
    }
}
