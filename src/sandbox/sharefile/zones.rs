//! `Zones`: where files are stored (ShareFile API reference, section 5).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::{Call, Refusal};
use super::feed::{self, Answer, Rows};
use super::rights;
use super::tenant::Tenant;
use super::wire;

/// What a zone is asked for unless a call says otherwise: the SDK's default.
const SERVICE: &str = "StorageZone";

/// A zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// The id; one is made if it is empty.
    #[serde(default)]
    pub id: String,
    /// The name.
    pub name: String,
    /// A value of `ZoneType`.
    #[serde(default = "managed")]
    pub zone_type: ZoneType,
    /// It is left out of lists unless they ask for it.
    #[serde(default)]
    pub disabled: bool,
}

/// The kinds of zones (enumeration `ZoneType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ZoneType {
    /// On the customer's own storage.
    Private,
    /// On the vendor's storage.
    Public,
    /// On the customer's storage, with keys that the vendor does not have.
    PrivateZeroKnowledge,
    /// Run by the vendor.
    CitrixManaged,
    /// The customer's, run by the vendor.
    PrivateCitrixManaged,
}

fn managed() -> ZoneType {
    ZoneType::CitrixManaged
}

impl Zone {
    /// A zone that the vendor runs.
    pub(super) fn managed(id: String, name: &str) -> Self {
        Self { id, name: name.to_owned(), zone_type: managed(), disabled: false }
    }
}

/// Returns the zone of an account: the one it was given, or the first.
pub(super) fn of<'t>(tenant: &'t Tenant, id: Option<&str>) -> Option<&'t Zone> {
    match id {
        Some(id) => tenant.zones.iter().find(|zone| zone.id.eq_ignore_ascii_case(id)),
        None => tenant.zones.first(),
    }
}

/// Returns the entity.
pub(super) fn entity(call: &Call<'_>, zone: &Zone) -> Value {
    let members = json!({
        "Name": zone.name,
        "ZoneType": zone.zone_type,
        "ZoneServices": SERVICE,
        "Version": "5.4.0",
        "HeartBeatTolerance": 10,
        "PingBackInterval": 5,
        "IsHIPAAZone": false,
        "IsMultiTenant": zone.zone_type == ZoneType::CitrixManaged,
    });
    wire::entity(&call.base, "Zones", "Zone", &zone.id, members)
}

/// `GET /Zones`.
pub(super) fn list(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_employee(tenant, call)?;
    let with_disabled = call.flag("includedisabled")?;
    let services = call.given("services").unwrap_or(SERVICE);
    let serves = services.split(',').any(|service| service.trim().eq_ignore_ascii_case(SERVICE));
    let zones = tenant.zones.iter().filter(|zone| serves && (with_disabled || !zone.disabled));
    let rows = zones.map(|zone| entity(call, zone)).collect();
    feed::feed(tenant, call, "Zones", "Zones", Rows::Ready(rows))
}

/// `GET /Zones(id)`.
pub(super) fn read(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_employee(tenant, call)?;
    let zone = of(tenant, Some(call.id(0))).ok_or_else(Refusal::not_found)?;
    Ok(Answer::Json(entity(call, zone)))
}
