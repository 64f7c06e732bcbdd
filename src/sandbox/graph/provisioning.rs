//! `auditLogs/provisioning` (Graph reference, section 9). The control API puts entries into it.

use serde_json::{Value, json};

use crate::model::ids::Timestamp;

use super::Tenant;
use super::call::{Call, Refusal, Reply};
use super::filter::{Filter, Operator};
use super::page;
use super::switches::LargeTop;

/// Paths that can be compared with `eq`; names are compared without regard to case.
const FILTERABLE: &[&str] = &[
    "id",
    "activityDateTime",
    "tenantId",
    "jobId",
    "changeId",
    "cycleId",
    "provisioningAction",
    "durationInMilliseconds",
    "provisioningStatusInfo/status",
    "sourceSystem/displayName",
    "targetSystem/displayName",
    "sourceIdentity/identityType",
    "sourceIdentity/id",
    "sourceIdentity/displayName",
    "targetIdentity/identityType",
    "targetIdentity/id",
    "targetIdentity/displayName",
    "initiatedBy/displayName",
    "servicePrincipal/id",
    "servicePrincipal/displayName",
];

/// Answers `GET /auditLogs/provisioning`: the latest first, or as `$orderby` says.
pub fn list(tenant: &Tenant, call: &Call) -> Reply {
    call.only(&["$filter", "$top", "$skiptoken", "$orderby"])?;
    let filter = call.option("$filter").map(checked).transpose()?;
    let rising = match call.option("$orderby") {
        None | Some("activityDateTime desc") => false,
        Some("activityDateTime" | "activityDateTime asc") => true,
        Some(other) => return Err(Refusal::bad(format!("Unsupported sort property '{other}'."))),
    };
    let mut entries = tenant.synchronization().log;
    entries.retain(|entry| filter.as_ref().is_none_or(|filter| fits(filter, entry)));
    entries.sort_by_key(|entry| instant(entry.get("activityDateTime").unwrap_or(&Value::Null)));
    if !rising {
        entries.reverse();
    }
    let window = page::Window::of(call, &tenant.sealer, LargeTop::Clamp)?;
    let listing = page::Listing {
        context: "auditLogs/provisioning",
        rows: (1_u128..).zip(entries),
        show: |entry: Value| entry,
        count: None,
    };
    page::list(call, &tenant.faults, &tenant.sealer, window, listing)
}

fn instant(value: &Value) -> Option<Timestamp> {
    let at: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(Timestamp(at.as_millisecond()))
}

fn checked(text: &str) -> Result<Filter, Refusal> {
    let filter = Filter::parse(text)?;
    let mut odd = None;
    filter.properties(&mut |name, clause| {
        let known = FILTERABLE.iter().any(|known| known.eq_ignore_ascii_case(name));
        let dated = name.eq_ignore_ascii_case("activityDateTime");
        let fits = match clause {
            Filter::Compare(_, Operator::Equals, _) => true,
            Filter::Compare(_, Operator::Above | Operator::Below, _) => dated,
            _ => false,
        };
        if !(known && fits) {
            odd.get_or_insert_with(|| name.to_owned());
        }
    });
    match odd {
        None => Ok(filter),
        Some(name) => Err(Refusal::bad(format!("Invalid filter clause: '{name}'"))),
    }
}

/// Values are compared with their case, but for the status.
fn fits(filter: &Filter, entry: &Value) -> bool {
    match filter {
        Filter::And(parts) => parts.iter().all(|part| fits(part, entry)),
        Filter::Or(parts) => parts.iter().any(|part| fits(part, entry)),
        Filter::Not(part) => !fits(part, entry),
        Filter::Compare(name, operator, literal) => {
            let held = at(entry, name);
            if name.eq_ignore_ascii_case("activityDateTime") {
                let order = instant(held).cmp(&instant(literal));
                return match operator {
                    Operator::Equals => order.is_eq(),
                    Operator::Above => order.is_gt(),
                    _ => order.is_lt(),
                };
            }
            match (held, literal) {
                (Value::String(held), Value::String(literal))
                    if name.eq_ignore_ascii_case("provisioningStatusInfo/status") =>
                {
                    held.eq_ignore_ascii_case(literal)
                }
                _ => held == literal,
            }
        }
        _ => false,
    }
}

fn at<'a>(entry: &'a Value, path: &str) -> &'a Value {
    path.split('/').fold(entry, |value, step| {
        let members = value.as_object();
        let found = members
            .and_then(|members| members.iter().find(|(name, _)| name.eq_ignore_ascii_case(step)));
        found.map_or(&Value::Null, |(_, value)| value)
    })
}

/// Completes an entry with what every entry has: ids, time, tenant, application.
pub fn completed(tenant: &Tenant, entry: Value) -> Option<Value> {
    let Value::Object(given) = entry else {
        return None;
    };
    let application = tenant.application();
    let job = tenant.synchronization().job;
    let job_id = job.as_ref().and_then(|job| job.get("id")).cloned().unwrap_or(Value::Null);
    let id = || uuid::Uuid::new_v4().to_string();
    let mut whole = json!({
        "id": id(),
        "activityDateTime": tenant.clock.now().to_string(),
        "tenantId": tenant.tenant_id,
        "jobId": job_id,
        "cycleId": id(),
        "changeId": id(),
        "durationInMilliseconds": 0,
        "provisioningAction": "other",
        "provisioningStatusInfo": {"status": "success", "errorInformation": Value::Null},
        "provisioningSteps": [],
        "modifiedProperties": [],
        "servicePrincipal": {"id": application.id, "displayName": application.name},
        "sourceSystem":
            {"id": id(), "displayName": "Azure Active Directory", "details": {}},
        "targetSystem": {"id": id(), "displayName": application.name, "details": {}},
        "sourceIdentity":
            {"id": "", "displayName": "", "identityType": "User", "details": {}},
        "targetIdentity":
            {"id": "", "displayName": "", "identityType": "User", "details": {}},
        "initiatedBy":
            {"id": "", "displayName": "Azure AD Provisioning Service", "initiatorType": "system"},
    });
    if let Some(members) = whole.as_object_mut() {
        members.extend(given);
    }
    Some(whole)
}
