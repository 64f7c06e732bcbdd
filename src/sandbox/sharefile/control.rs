//! The tenant from outside: what tests, the demo and the control API see and change.
//!
//! | Route | Does |
//! |---|---|
//! | `GET`, `POST /_sandbox/accounts` | accounts of ShareFile, removed ones too; adds one: `{"email", "first_name", "last_name", "company", "kind": "employee" or "client", "disabled", "roles", "confirmed"}` |
//! | `GET`, `PATCH`, `DELETE /_sandbox/accounts/{id}` | reads, changes (also `other_addresses`, `super_user`, `files`, `last_login`), removes for good |
//! | `GET`, `DELETE /_sandbox/mails` | the mails that ShareFile would have sent; empties the outbox |
//! | `GET`, `PATCH /_sandbox/sharefile` | settings: `switches`, `service_roles`, `employee_max`, `employee_domains`, `login_domains` and `folder_domains` (`{"allow", "domains"}`), `redirect_uris`, `preferences` of the account by their names in the API |
//! | `GET`, `POST /_sandbox/sharefile/groups` | groups, private ones too; adds one: `{"name", "owner", "shared", "members"}`, people by id or address |
//! | `GET`, `PATCH`, `DELETE /_sandbox/sharefile/groups/{id}` | reads, changes, removes |
//! | `GET`, `POST /_sandbox/sharefile/zones` | zones; adds one: `{"name", "zone_type", "disabled", "id"}` |
//! | `DELETE /_sandbox/sharefile/zones/{id}` | takes one away |
//! | `GET`, `POST /_sandbox/sharefile/policies` | policies; adds one: `{"name", "category": "user_access", "storage" or "file_and_folder", "is_default"}` |
//! | `DELETE /_sandbox/sharefile/policies/{id}` | takes one away |
//! | `GET`, `POST /_sandbox/sharefile/devices` | devices; adds one: `{"account", "name", "tool": "iPhone"}` |
//! | `DELETE /_sandbox/sharefile/devices/{id}` | takes one away |
//! | `POST /_sandbox/sharefile/app-passwords` | `{"account", "password"}`: gives somebody an application-specific password |
//! | `GET`, `DELETE /_sandbox/counts` | requests by endpoint, of both ends; sets them to zero |
//! | `GET /_sandbox/writes` | the writes to both ends, with `?since=SEQ` only later ones; the log is bounded |
//! | `GET`, `POST`, `DELETE /_sandbox/faults` | what is to go wrong; adds a fault; takes all back |
//! | `DELETE /_sandbox/faults/{id}` | takes one back |
//! | `GET /_sandbox/stalled` | how many requests hang |
//! | `POST /_sandbox/release` | lets those that hang end without an answer |

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::domains::DomainList;
use super::record::{AccountKind, AccountView, Mail, NewAccount, roles_of};
use super::roles::{Role, RoleSet};
use super::switches::Switches;
use super::tenant::Tenant;
use super::{Sharefile, SharefileCredentials, outside};
use crate::model::ids::Timestamp;
use crate::sandbox::counts::Counts;
use crate::sandbox::faults::{Fault, Faults};

/// Why a change from outside was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No account has that id.
    #[error("there is no account {0}")]
    Unknown(String),
    /// Another account has that address.
    #[error("the address {0} belongs to another account")]
    Taken(String),
    /// The request cannot be read.
    #[error("the request cannot be read: {0}")]
    Malformed(String),
}

/// A change of an account; what is absent stays.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    email: Option<String>,
    other_addresses: Option<Vec<String>>,
    first_name: Option<String>,
    last_name: Option<String>,
    company: Option<String>,
    kind: Option<AccountKind>,
    disabled: Option<bool>,
    confirmed: Option<bool>,
    last_login: Option<Timestamp>,
    roles: Option<Vec<String>>,
    super_user: Option<bool>,
    storage_quota_gb: Option<i32>,
    can_reset_password: Option<bool>,
    files: Option<u32>,
}

impl Sharefile {
    /// Puts an account in and returns its id; an address that is taken returns its holder's id.
    pub fn add_account(&self, new: NewAccount) -> String {
        self.tenant().add(new, self.clock.now()).to_string()
    }

    /// Returns all accounts, removed ones too, sorted by address without regard to case.
    pub fn accounts(&self) -> Vec<AccountView> {
        self.tenant().views()
    }

    /// Returns how many accounts there are or were.
    pub fn account_total(&self) -> usize {
        self.tenant().book.all().len()
    }

    /// Returns one account, also a removed one.
    pub fn account(&self, id: &str) -> Option<AccountView> {
        let tenant = self.tenant();
        tenant.by_id(id).map(|account| tenant.view(account))
    }

    /// Returns the account that an address belongs to, as primary or secondary one.
    pub fn account_of(&self, address: &str) -> Option<AccountView> {
        let tenant = self.tenant();
        tenant.book.holder_of(address).map(|account| tenant.view(account))
    }

    /// Changes an account and returns it. The patch has the names of [`AccountView`]: `email`,
    /// `other_addresses`, `first_name`, `last_name`, `company`, `kind`, `disabled`, `confirmed`,
    /// `roles`, `super_user`, `files`; and `last_login`, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// When the account does not exist, an address is taken, or the patch has an unknown name.
    pub fn edit_account(&self, id: &str, patch: Value) -> Result<AccountView, ControlError> {
        let edit: Edit = serde_json::from_value(patch)
            .map_err(|error| ControlError::Malformed(error.to_string()))?;
        apply_edit(&mut self.tenant(), id, edit)
    }

    /// Removes an account for good, with its groups; returns whether it was there.
    pub fn remove_account(&self, id: &str) -> bool {
        let mut tenant = self.tenant();
        let there = tenant.living(id).map(|account| account.id);
        if let Some(id) = there {
            tenant.remove(id, None, None);
        }
        there.is_some()
    }

    /// Returns what a client needs to sign in.
    pub fn credentials(&self) -> SharefileCredentials {
        let tenant = self.tenant();
        let options = &tenant.options;
        SharefileCredentials {
            subdomain: options.subdomain.clone(),
            client_id: options.client_id.clone(),
            client_secret: options.client_secret.clone(),
            admin_user: options.admin_user.clone(),
            admin_password: options.admin_password.clone(),
        }
    }

    /// Returns the id of the account that clients sign in with.
    pub fn service_id(&self) -> String {
        self.tenant().service_id.to_string()
    }

    /// Gives the service user exactly these roles, besides the one that marks employees.
    pub fn set_service_roles<R: AsRef<str>>(&self, roles: &[R]) {
        let mut tenant = self.tenant();
        let service_id = tenant.service_id;
        if let Some(service) = tenant.book.get_mut(service_id) {
            service.roles = RoleSet::known(roles).with(Role::Employee);
        }
    }

    /// Sets the number of employee licences.
    pub fn set_employee_max(&self, employee_max: u32) {
        self.tenant().options.employee_max = employee_max;
    }

    /// Reserves domains for employees, or for nobody if the list is empty.
    pub fn set_employee_domains(&self, domains: Vec<String>) {
        let mut tenant = self.tenant();
        tenant.preferences.set("UseStrictEmployeeDefinition", !domains.is_empty());
        tenant.preferences.set("EmployeeEmailDomains", domains.join(","));
    }

    /// Returns the switches.
    pub fn switches(&self) -> Switches {
        self.tenant().switches.clone()
    }

    /// Sets the switches.
    pub fn set_switches(&self, switches: Switches) {
        self.tenant().switches = switches;
    }

    /// Returns the mails that the tenant would have sent, oldest first; the log is bounded.
    pub fn mails(&self) -> Vec<Mail> {
        self.tenant().mails.iter().cloned().collect()
    }

    /// Empties the outbox.
    pub fn clear_mails(&self) {
        self.tenant().mails.clear();
    }

    /// Ends every access token, and with `refresh` every refresh token too.
    pub fn revoke_tokens(&self, refresh: bool) {
        self.tenant().tokens.revoke_all(refresh);
    }
}

fn apply_edit(tenant: &mut Tenant, key: &str, edit: Edit) -> Result<AccountView, ControlError> {
    let unknown = || ControlError::Unknown(key.to_owned());
    let account = tenant.living(key).ok_or_else(unknown)?;
    let id = account.id;
    let email = edit.email.unwrap_or_else(|| account.email.to_string());
    let others = edit.other_addresses.unwrap_or_else(|| account.more().other_addresses.clone());
    for address in std::iter::once(&email).chain(&others) {
        if tenant.book.holder_of(address).is_some_and(|holder| holder.id != id) {
            return Err(ControlError::Taken(address.clone()));
        }
    }
    tenant.book.set_addresses(id, &email, others);
    if let Some(kind) = edit.kind {
        tenant.book.set_kind(id, kind);
    }
    let super_group_id = tenant.super_group_id.clone();
    if let (Some(super_user), Some(group)) = (edit.super_user, tenant.group_mut(&super_group_id)) {
        group.members.retain(|member| *member != id);
        if super_user {
            group.members.push(id);
        }
    }
    let company = edit.company.map(|company| tenant.book.company(&company));
    let account = tenant.book.get_mut(id).ok_or_else(unknown)?;
    if let Some(first_name) = edit.first_name {
        account.first_name = first_name.into();
    }
    if let Some(last_name) = edit.last_name {
        account.last_name = last_name.into();
    }
    if let Some(company) = company {
        account.company = company;
    }
    account.disabled = edit.disabled.unwrap_or(account.disabled);
    account.soft_deleted &= account.disabled;
    account.confirmed = edit.confirmed.unwrap_or(account.confirmed);
    account.last_login = edit.last_login.or(account.last_login);
    if let Some(roles) = edit.roles {
        account.roles = roles_of(account.kind, RoleSet::known(&roles));
    }
    account.storage_quota_gb = edit.storage_quota_gb.unwrap_or(account.storage_quota_gb);
    if let Some(allowed) = edit.can_reset_password {
        account.more_mut().preferences.set("CanResetPassword", allowed);
    }
    if let Some(files) = edit.files {
        account.more_mut().files = files;
    }
    tenant.book.get(id).map(|account| tenant.view(account)).ok_or_else(unknown)
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::Taken(_) => StatusCode::CONFLICT,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
        };
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}

/// What the control routes work on.
#[derive(Clone)]
struct Controls {
    sharefile: Arc<Sharefile>,
    faults: Arc<Faults>,
    counts: Arc<Counts>,
}

/// Returns the control routes of ShareFile, counts, writes and faults, all under `/_sandbox`, to be
/// merged into the control API, whose table describes them.
pub fn control_routes(
    sharefile: Arc<Sharefile>,
    faults: Arc<Faults>,
    counts: Arc<Counts>,
) -> Router {
    let others = outside::routes(sharefile.clone());
    Router::new()
        .route("/_sandbox/accounts", get(list_accounts).post(add_account))
        .route(
            "/_sandbox/accounts/{id}",
            get(read_account).patch(edit_account).delete(remove_account),
        )
        .route("/_sandbox/mails", get(list_mails).delete(clear_mails))
        .route("/_sandbox/sharefile", get(read_settings).patch(change_settings))
        .route("/_sandbox/counts", get(read_counts).delete(reset_counts))
        .route("/_sandbox/writes", get(list_writes))
        .route("/_sandbox/faults", get(list_faults).post(add_fault).delete(clear_faults))
        .route("/_sandbox/faults/{id}", axum::routing::delete(remove_fault))
        .route("/_sandbox/stalled", get(read_stalled))
        .route("/_sandbox/release", post(release))
        .with_state(Controls { sharefile, faults, counts })
        .merge(others)
}

/// What a control route answers.
pub(super) type Reply = Result<Json<Value>, ControlError>;

/// Answers with a value.
pub(super) fn shown<T: serde::Serialize>(value: &T) -> Reply {
    let value = serde_json::to_value(value);
    value.map(Json).map_err(|error| ControlError::Malformed(error.to_string()))
}

/// Takes a value out of a request.
pub(super) fn read_body<T: DeserializeOwned>(
    body: Result<Json<T>, JsonRejection>,
) -> Result<T, ControlError> {
    let body = body.map_err(|error| ControlError::Malformed(error.body_text()))?;
    Ok(body.0)
}

async fn list_accounts(State(controls): State<Controls>) -> Reply {
    shown(&controls.sharefile.accounts())
}

async fn add_account(
    State(controls): State<Controls>,
    body: Result<Json<NewAccount>, JsonRejection>,
) -> Reply {
    let new = read_body(body)?;
    if controls.sharefile.account_of(&new.email).is_some() {
        return Err(ControlError::Taken(new.email));
    }
    let id = controls.sharefile.add_account(new);
    shown(&controls.sharefile.account(&id))
}

async fn read_account(State(controls): State<Controls>, Path(id): Path<String>) -> Reply {
    let account = controls.sharefile.account(&id);
    shown(&account.ok_or(ControlError::Unknown(id))?)
}

async fn edit_account(
    State(controls): State<Controls>,
    Path(id): Path<String>,
    body: Result<Json<Value>, JsonRejection>,
) -> Reply {
    shown(&controls.sharefile.edit_account(&id, read_body(body)?)?)
}

async fn remove_account(State(controls): State<Controls>, Path(id): Path<String>) -> Reply {
    if controls.sharefile.remove_account(&id) {
        shown(&json!({ "removed": id }))
    } else {
        Err(ControlError::Unknown(id))
    }
}

async fn list_mails(State(controls): State<Controls>) -> Reply {
    shown(&controls.sharefile.mails())
}

async fn clear_mails(State(controls): State<Controls>) -> Reply {
    controls.sharefile.clear_mails();
    shown(&json!({}))
}

/// A change of the tenant's settings; what is absent stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    switches: Option<serde_json::Map<String, Value>>,
    service_roles: Option<Vec<String>>,
    employee_max: Option<u32>,
    employee_domains: Option<Vec<String>>,
    login_domains: Option<DomainList>,
    folder_domains: Option<DomainList>,
    redirect_uris: Option<Vec<String>>,
    preferences: Option<serde_json::Map<String, Value>>,
}

async fn read_settings(State(controls): State<Controls>) -> Reply {
    let service_id = controls.sharefile.service_id();
    let service = controls.sharefile.account(&service_id);
    let tenant = controls.sharefile.tenant();
    shown(&json!({
        "switches": tenant.switches,
        "service_roles": service.map(|service| service.roles),
        "employee_max": tenant.options.employee_max,
        "employees": tenant.book.count(AccountKind::Employee),
        "clients": tenant.book.count(AccountKind::Client),
        "employee_domains": tenant.employee_domains(),
        "login_domains": tenant.login_domains,
        "folder_domains": tenant.folder_domains,
        "redirect_uris": tenant.options.redirect_uris,
        "preferences": tenant.preferences.members(),
    }))
}

async fn change_settings(
    State(controls): State<Controls>,
    body: Result<Json<Settings>, JsonRejection>,
) -> Reply {
    let settings = read_body(body)?;
    let sharefile = &controls.sharefile;
    if let Some(changed) = settings.switches {
        let malformed = |error: serde_json::Error| ControlError::Malformed(error.to_string());
        let mut switches = serde_json::to_value(sharefile.switches()).map_err(malformed)?;
        if let Some(members) = switches.as_object_mut() {
            members.extend(changed);
        }
        sharefile.set_switches(serde_json::from_value(switches).map_err(malformed)?);
    }
    if let Some(roles) = settings.service_roles {
        sharefile.set_service_roles(&roles);
    }
    if let Some(employee_max) = settings.employee_max {
        sharefile.set_employee_max(employee_max);
    }
    if let Some(domains) = settings.employee_domains {
        sharefile.set_employee_domains(domains);
    }
    if let Some(list) = settings.login_domains {
        sharefile.set_login_domains(list);
    }
    if let Some(list) = settings.folder_domains {
        sharefile.set_folder_domains(list);
    }
    if let Some(uris) = settings.redirect_uris {
        sharefile.set_redirect_uris(uris);
    }
    for (name, value) in settings.preferences.unwrap_or_default() {
        sharefile.set_preference(&name, value);
    }
    read_settings(State(controls)).await
}

async fn read_counts(State(controls): State<Controls>) -> Reply {
    let counts = &controls.counts;
    shown(&json!({ "total": counts.total(""), "by_endpoint": counts.by_endpoint() }))
}

async fn reset_counts(State(controls): State<Controls>) -> Reply {
    controls.counts.reset();
    shown(&json!({}))
}

/// `GET /_sandbox/writes?since=SEQ`: only writes with a greater number.
async fn list_writes(
    State(controls): State<Controls>,
    Query(query): Query<HashMap<String, String>>,
) -> Reply {
    let since = query.get("since").map_or(Ok(0), |text| text.parse::<u64>());
    let since = since.map_err(|_| ControlError::Malformed("since must be a number".to_owned()))?;
    let mut writes = controls.counts.writes();
    writes.retain(|write| write.seq > since);
    shown(&json!({ "dropped": controls.counts.writes_dropped(), "writes": writes }))
}

async fn list_faults(State(controls): State<Controls>) -> Reply {
    shown(&controls.faults.list())
}

async fn add_fault(
    State(controls): State<Controls>,
    body: Result<Json<Fault>, JsonRejection>,
) -> Reply {
    let id = controls.faults.add(read_body(body)?);
    shown(&json!({ "id": id }))
}

async fn remove_fault(State(controls): State<Controls>, Path(id): Path<u64>) -> Reply {
    if controls.faults.remove(id) {
        shown(&json!({ "removed": id }))
    } else {
        Err(ControlError::Malformed(format!("there is no fault {id}")))
    }
}

async fn clear_faults(State(controls): State<Controls>) -> Reply {
    controls.faults.clear();
    shown(&json!({}))
}

async fn read_stalled(State(controls): State<Controls>) -> Reply {
    shown(&json!({ "stalled": controls.faults.stalled_now() }))
}

async fn release(State(controls): State<Controls>) -> Reply {
    controls.faults.release();
    shown(&json!({}))
}
