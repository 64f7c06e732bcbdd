//! What else the tenant has, from outside: groups, zones, policies, devices, lists of domains,
//! application-specific passwords, preferences.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Sharefile;
use super::control::{ControlError, Reply, read_body, shown};
use super::devices::{Device, Tool};
use super::domains::DomainList;
use super::groups::Group;
use super::policies::{Category, Policy};
use super::tenant::Tenant;
use super::zones::Zone;

/// A group to put into the tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// The name.
    pub name: String,
    /// Who owns it, by id or address; the master administrator if absent.
    #[serde(default)]
    pub owner: Option<String>,
    /// Every employee sees it.
    #[serde(default = "yes")]
    pub shared: bool,
    /// Its members, by id or address.
    #[serde(default)]
    pub members: Vec<String>,
}

fn yes() -> bool {
    true
}

/// A group as the control API shows it, whoever may see it in the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupView {
    /// The id; it begins with `g`.
    pub id: String,
    /// The name.
    pub name: String,
    /// The id of the owner.
    pub owner: String,
    /// Every employee sees it.
    pub shared: bool,
    /// The ids of the members, in the order of their coming.
    pub members: Vec<String>,
    /// Is the Super User Group.
    pub super_group: bool,
}

/// A change of a group; what is absent stays.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupEdit {
    name: Option<String>,
    owner: Option<String>,
    shared: Option<bool>,
    members: Option<Vec<String>>,
}

/// A policy to put into the tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPolicy {
    /// The name.
    pub name: String,
    /// What it is about.
    pub category: Category,
    /// The one that its category begins with.
    #[serde(default)]
    pub is_default: bool,
}

/// A device to give somebody.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    /// Whose it is, by id or address.
    pub account: String,
    /// What it is called.
    #[serde(default)]
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub tool: Tool,
}

/// Returns the account that an id or an address means.
fn account_of(tenant: &Tenant, key: &str) -> Result<Uuid, ControlError> {
    let found = tenant.living(key).or_else(|| tenant.book.holder_of(key));
    found.map(|account| account.id).ok_or_else(|| ControlError::Unknown(key.to_owned()))
}

fn members_of(tenant: &Tenant, keys: &[String]) -> Result<Vec<Uuid>, ControlError> {
    let mut members = Vec::new();
    for key in keys {
        let id = account_of(tenant, key)?;
        if !members.contains(&id) {
            members.push(id);
        }
    }
    Ok(members)
}

fn view(tenant: &Tenant, group: &Group) -> GroupView {
    GroupView {
        id: group.id.clone(),
        name: group.name.clone(),
        owner: group.owner_id.to_string(),
        shared: group.shared,
        members: group.members.iter().map(Uuid::to_string).collect(),
        super_group: group.id == tenant.super_group_id,
    }
}

impl Sharefile {
    /// Returns every group in the order of their creation, the Super User Group first.
    pub fn groups(&self) -> Vec<GroupView> {
        let tenant = self.tenant();
        tenant.groups.iter().map(|group| view(&tenant, group)).collect()
    }

    /// Returns one group.
    pub fn group(&self, id: &str) -> Option<GroupView> {
        let tenant = self.tenant();
        tenant.group(id).map(|group| view(&tenant, group))
    }

    /// Puts a group in and returns its id.
    ///
    /// # Errors
    /// When the owner or a member does not exist.
    pub fn add_group(&self, new: &NewGroup) -> Result<String, ControlError> {
        let mut tenant = self.tenant();
        let owner_id = match &new.owner {
            Some(owner) => account_of(&tenant, owner)?,
            None => tenant.master_admin_id,
        };
        let members = members_of(&tenant, &new.members)?;
        let id = tenant.next_group_id();
        let (name, shared) = (new.name.clone(), new.shared);
        tenant.groups.push(Group { id: id.clone(), name, owner_id, shared, members });
        Ok(id)
    }

    /// Changes a group and returns it. The patch has the names of [`NewGroup`].
    ///
    /// # Errors
    /// When the group or somebody it names does not exist, or the patch has an unknown name.
    pub fn edit_group(&self, id: &str, patch: Value) -> Result<GroupView, ControlError> {
        let edit: GroupEdit = serde_json::from_value(patch)
            .map_err(|error| ControlError::Malformed(error.to_string()))?;
        let mut tenant = self.tenant();
        let owner = edit.owner.map(|owner| account_of(&tenant, &owner)).transpose()?;
        let members = edit.members.map(|keys| members_of(&tenant, &keys)).transpose()?;
        let unknown = || ControlError::Unknown(id.to_owned());
        let group = tenant.group_mut(id).ok_or_else(unknown)?;
        group.name = edit.name.unwrap_or_else(|| group.name.clone());
        group.shared = edit.shared.unwrap_or(group.shared);
        group.owner_id = owner.unwrap_or(group.owner_id);
        if let Some(members) = members {
            group.members = members;
        }
        tenant.group(id).map(|group| view(&tenant, group)).ok_or_else(unknown)
    }

    /// Removes a group; returns whether it was there. The Super User Group stays.
    pub fn remove_group(&self, id: &str) -> bool {
        let mut tenant = self.tenant();
        let before = tenant.groups.len();
        let super_group_id = tenant.super_group_id.clone();
        tenant
            .groups
            .retain(|group| group.id == super_group_id || !group.id.eq_ignore_ascii_case(id));
        tenant.groups.len() < before
    }

    /// Returns the zones; the first is everybody's unless an account has another.
    pub fn zones(&self) -> Vec<Zone> {
        self.tenant().zones.clone()
    }

    /// Adds a zone, with an id of its own unless it has one, and returns the id.
    pub fn add_zone(&self, mut zone: Zone) -> String {
        let mut tenant = self.tenant();
        if zone.id.is_empty() {
            zone.id = tenant.next_prefixed_id("zp");
        }
        let id = zone.id.clone();
        tenant.zones.push(zone);
        id
    }

    /// Takes a zone away; returns whether it was there.
    pub fn remove_zone(&self, id: &str) -> bool {
        let mut tenant = self.tenant();
        let before = tenant.zones.len();
        tenant.zones.retain(|zone| !zone.id.eq_ignore_ascii_case(id));
        tenant.zones.len() < before
    }

    /// Returns the policies.
    pub fn policies(&self) -> Vec<Policy> {
        self.tenant().policies.clone()
    }

    /// Adds a policy and returns it. The first one turns policy based administration on.
    pub fn add_policy(&self, new: NewPolicy) -> Policy {
        let mut tenant = self.tenant();
        let policy = Policy {
            id: tenant.next_id(),
            name: new.name,
            category: new.category,
            is_default: new.is_default,
            created: self.clock.now(),
        };
        tenant.policies.push(policy.clone());
        tenant.preferences.set("EnablePolicyBasedAdministration", true);
        policy
    }

    /// Takes a policy away, from accounts too; returns whether it was there.
    pub fn remove_policy(&self, id: &str) -> bool {
        let mut tenant = self.tenant();
        let before = tenant.policies.len();
        tenant.policies.retain(|policy| policy.id.to_string() != id.to_ascii_lowercase());
        tenant.policies.len() < before
    }

    /// Returns the devices.
    pub fn devices(&self) -> Vec<Device> {
        self.tenant().devices.clone()
    }

    /// Gives somebody a device and returns it.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn add_device(&self, new: NewDevice) -> Result<Device, ControlError> {
        let mut tenant = self.tenant();
        let user_id = account_of(&tenant, &new.account)?;
        let device = Device {
            id: tenant.next_id(),
            user_id,
            name: new.name,
            tool: new.tool,
            wipe: false,
            locked: false,
            wipe_initiator: None,
            lock_initiator: None,
            created: self.clock.now(),
        };
        tenant.devices.push(device.clone());
        Ok(device)
    }

    /// Takes a device away; returns whether it was there.
    pub fn remove_device(&self, id: &str) -> bool {
        let mut tenant = self.tenant();
        let before = tenant.devices.len();
        tenant.devices.retain(|device| device.id.to_string() != id.to_ascii_lowercase());
        tenant.devices.len() < before
    }

    /// Gives somebody, by id or address, an application-specific password.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn add_app_password(&self, who: &str, password: SecretString) -> Result<(), ControlError> {
        let mut tenant = self.tenant();
        let id = account_of(&tenant, who)?;
        if let Some(account) = tenant.book.get_mut(id) {
            account.more_mut().app_passwords.push(password);
        }
        Ok(())
    }

    /// Sets who may sign in.
    pub fn set_login_domains(&self, list: DomainList) {
        self.tenant().login_domains = list;
    }

    /// Sets who may be given folders, and so who may be in groups.
    pub fn set_folder_domains(&self, list: DomainList) {
        self.tenant().folder_domains = list;
    }

    /// Sets a preference of the account by its name in `AccountPreferences`. A name or a type that
    /// the entity does not have is left alone.
    pub fn set_preference(&self, name: &str, value: impl Into<Value>) {
        self.tenant().preferences.set(name, value);
    }

    /// Sets where a browser may be sent with a code.
    pub fn set_redirect_uris(&self, uris: Vec<String>) {
        self.tenant().options.redirect_uris = uris;
    }
}

/// Returns the control routes of what is below `/_sandbox/sharefile`.
pub(super) fn routes(sharefile: Arc<Sharefile>) -> Router {
    Router::new()
        .route("/_sandbox/sharefile/groups", get(list_groups).post(add_group))
        .route(
            "/_sandbox/sharefile/groups/{id}",
            get(read_group).patch(edit_group).delete(remove_group),
        )
        .route("/_sandbox/sharefile/zones", get(list_zones).post(add_zone))
        .route("/_sandbox/sharefile/zones/{id}", delete(remove_zone))
        .route("/_sandbox/sharefile/policies", get(list_policies).post(add_policy))
        .route("/_sandbox/sharefile/policies/{id}", delete(remove_policy))
        .route("/_sandbox/sharefile/devices", get(list_devices).post(add_device))
        .route("/_sandbox/sharefile/devices/{id}", delete(remove_device))
        .route("/_sandbox/sharefile/app-passwords", post(add_app_password))
        .with_state(sharefile)
}

type On = State<Arc<Sharefile>>;
type Body<T> = Result<Json<T>, JsonRejection>;

fn removed(there: bool, id: String) -> Reply {
    if there { shown(&json!({ "removed": id })) } else { Err(ControlError::Unknown(id)) }
}

async fn list_groups(State(on): On) -> Reply {
    shown(&on.groups())
}

async fn add_group(State(on): On, body: Body<NewGroup>) -> Reply {
    let id = on.add_group(&read_body(body)?)?;
    shown(&on.group(&id))
}

async fn read_group(State(on): On, Path(id): Path<String>) -> Reply {
    shown(&on.group(&id).ok_or(ControlError::Unknown(id))?)
}

async fn edit_group(State(on): On, Path(id): Path<String>, body: Body<Value>) -> Reply {
    shown(&on.edit_group(&id, read_body(body)?)?)
}

async fn remove_group(State(on): On, Path(id): Path<String>) -> Reply {
    removed(on.remove_group(&id), id)
}

async fn list_zones(State(on): On) -> Reply {
    shown(&on.zones())
}

async fn add_zone(State(on): On, body: Body<Zone>) -> Reply {
    shown(&json!({ "id": on.add_zone(read_body(body)?) }))
}

async fn remove_zone(State(on): On, Path(id): Path<String>) -> Reply {
    removed(on.remove_zone(&id), id)
}

async fn list_policies(State(on): On) -> Reply {
    shown(&on.policies())
}

async fn add_policy(State(on): On, body: Body<NewPolicy>) -> Reply {
    shown(&on.add_policy(read_body(body)?))
}

async fn remove_policy(State(on): On, Path(id): Path<String>) -> Reply {
    removed(on.remove_policy(&id), id)
}

async fn list_devices(State(on): On) -> Reply {
    shown(&on.devices())
}

async fn add_device(State(on): On, body: Body<NewDevice>) -> Reply {
    shown(&on.add_device(read_body(body)?)?)
}

async fn remove_device(State(on): On, Path(id): Path<String>) -> Reply {
    removed(on.remove_device(&id), id)
}

/// `{"account": id or address, "password": …}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    account: String,
    password: SecretString,
}

async fn add_app_password(State(on): On, body: Body<NewPassword>) -> Reply {
    let new = read_body(body)?;
    on.add_app_password(&new.account, new.password)?;
    shown(&json!({}))
}
