//! `Devices`: what people use the product on, and what becomes of it when they leave (ShareFile
//! API reference, section 5).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::call::{Call, Refusal};
use super::feed::{self, Answer, Rows};
use super::rights;
use super::tenant::{Tenant, parse_id};
use super::{user_entity, wire};
use crate::model::ids::Timestamp;

/// A device of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// The id.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub tool: Tool,
    /// It is to be wiped when it next calls.
    pub wipe: bool,
    /// It is locked.
    pub locked: bool,
    /// Who last asked for it to be wiped.
    pub wipe_initiator: Option<String>,
    /// Who last locked it.
    pub lock_initiator: Option<String>,
    /// When it was registered, in milliseconds since the Unix epoch.
    pub created: Timestamp,
}

/// Kinds of devices (enumeration `SFTool`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tool {
    /// A phone.
    #[default]
    #[serde(rename = "iPhone")]
    IPhone,
    /// A tablet.
    #[serde(rename = "iPad")]
    IPad,
    /// A phone with Android.
    AndroidPhone,
    /// A tablet with Android.
    AndroidTablet,
    /// The client that keeps a folder in step.
    Sync,
    /// The client that shows files as a drive.
    DriveMapping,
    /// The plug-in for mail.
    Outlook,
}

fn entity(tenant: &Tenant, call: &Call<'_>, device: &Device) -> Value {
    let mut members = json!({
        "IsOwner": true,
        "FriendlyName": device.name,
        "DeviceType": device.tool,
        "Wipe": device.wipe,
        "IsLocked": device.locked,
        "IsDeleted": false,
        "Created": wire::date(device.created),
        "LastLogin": wire::date(device.created),
    });
    if let Some(initiator) = &device.wipe_initiator {
        wire::put(&mut members, "WipeInitiator", initiator.as_str());
    }
    if let Some(initiator) = &device.lock_initiator {
        wire::put(&mut members, "LockInitiator", initiator.as_str());
    }
    if let Some(owner) = tenant.book.get(device.user_id).filter(|_| call.expands("User")) {
        wire::put(&mut members, "User", user_entity::principal(tenant, call, owner));
    }
    wire::entity(&call.base, "DeviceUsers", "DeviceUser", device.id, members)
}

/// Returns the devices of an account.
pub(super) fn of_account(tenant: &Tenant, call: &Call<'_>, account_id: Uuid) -> Vec<Value> {
    let devices = tenant.devices.iter().filter(|device| device.user_id == account_id);
    devices.map(|device| entity(tenant, call, device)).collect()
}

/// `GET /Devices`: the caller's own.
pub(super) fn list_own(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let rows = of_account(tenant, call, call.caller_id);
    feed::feed(tenant, call, "DeviceUsers", "Devices", Rows::Ready(rows))
}

/// `GET /Users(id)/Devices`.
pub(super) fn list(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = tenant.living(call.id(0)).ok_or_else(Refusal::not_found)?;
    rights::require_self_or_manager(tenant, call, account)?;
    let path = format!("Users({})/Devices", account.id);
    let rows = of_account(tenant, call, account.id);
    feed::feed(tenant, call, "DeviceUsers", &path, Rows::Ready(rows))
}

/// Returns the place of a device in the list, if the caller may control it. With `user_id` it
/// must be that account's.
fn controlled(
    tenant: &Tenant,
    call: &Call<'_>,
    device_id: &str,
    user_id: Option<&str>,
) -> Result<usize, Refusal> {
    let id = parse_id(device_id).ok_or_else(Refusal::not_found)?;
    let fits = |device: &Device| {
        device.id == id && user_id.is_none_or(|user| parse_id(user) == Some(device.user_id))
    };
    let place = tenant.devices.iter().position(fits).ok_or_else(Refusal::not_found)?;
    let owner = tenant.devices.get(place).and_then(|device| tenant.book.get(device.user_id));
    rights::require_self_or_manager(tenant, call, owner.ok_or_else(Refusal::not_found)?)?;
    Ok(place)
}

/// `GET /Devices(id)`.
pub(super) fn read(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let place = controlled(tenant, call, call.id(0), None)?;
    let device = tenant.devices.get(place).ok_or_else(Refusal::not_found)?;
    let members = json!({
        "Tool": device.tool,
        "ToolRaw": device.tool,
        "ToolVersion": "1.0",
        "Created": wire::date(device.created),
        "JustRegistered": false,
        "IsRemoteWipeReady": true,
    });
    let entity = wire::entity(&call.base, "Devices", "Device", device.id, members);
    Ok(Answer::Json(entity))
}

/// `DELETE /Users(id)/Devices(id)`.
pub(super) fn delete(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    tenant.living(call.id(0)).ok_or_else(Refusal::not_found)?;
    let place = controlled(tenant, call, call.id(1), Some(call.id(0)))?;
    tenant.devices.remove(place);
    Ok(Answer::Nothing)
}

fn act(
    tenant: &mut Tenant,
    call: &Call<'_>,
    change: impl FnOnce(&mut Device, String),
) -> Result<Answer, Refusal> {
    let place = controlled(tenant, call, call.id(0), call.given("userid"))?;
    let initiator = rights::caller(tenant, call)?.email.to_string();
    if let Some(device) = tenant.devices.get_mut(place) {
        change(device, initiator);
    }
    Ok(Answer::Done)
}

/// `POST /Devices(id)/Wipe`.
pub(super) fn wipe(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    act(tenant, call, |device, initiator| {
        device.wipe = true;
        device.wipe_initiator = Some(initiator);
    })
}

/// `POST /Devices(id)/Lock`.
pub(super) fn lock(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    act(tenant, call, |device, initiator| {
        device.locked = true;
        device.lock_initiator = Some(initiator);
    })
}

/// `POST /Devices(id)/Unlock`.
pub(super) fn unlock(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    act(tenant, call, |device, _| {
        device.locked = false;
        device.lock_initiator = None;
    })
}
