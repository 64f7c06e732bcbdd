//! The provisioning log: as a table, as CSV, and as JSON in the shape of Microsoft Graph's
//! `provisioningObjectSummary` (Graph reference, section 9).

use serde_json::{Value, json};

use crate::model::outcome::{ErrorCategory, LogEntry};
use crate::model::plan::ModifiedProperty;

use super::plan::modification;
use super::trimmed;

/// Returns entries as a table, in the order given.
pub fn table(entries: &[LogEntry], width: Option<u16>) -> String {
    if entries.is_empty() {
        return "No entries.\n".to_owned();
    }
    let mut table = super::table(["WHEN", "CYCLE", "ACTION", "STATUS", "WHO", "WHAT"], width);
    for entry in entries {
        table.add_row([
            entry.at.to_string(),
            entry.cycle.to_string(),
            entry.action.word().to_owned(),
            entry.status.word().to_owned(),
            entry.label.clone(),
            what(entry),
        ]);
    }
    trimmed(&table)
}

fn what(entry: &LogEntry) -> String {
    let mut parts: Vec<String> = entry.modified.iter().map(modification).collect();
    if let Some(error) = &entry.error {
        let reason = error.reason.trim_end_matches('.');
        parts.push(format!("{}: {reason}. {}", error.code, error.recommended_action));
    } else if parts.is_empty() {
        parts.extend(entry.reasons.iter().cloned());
    }
    parts.join("; ")
}

/// Returns entries as CSV with a head line, quoted as RFC 4180 says.
pub fn csv(entries: &[LogEntry]) -> String {
    let mut text = "time,cycle,change,action,status,source_id,name,target_id,modified,reasons,error_code,error\r\n".to_owned();
    for entry in entries {
        let error = entry.error.as_ref();
        let cells = [
            entry.at.to_string(),
            entry.cycle.to_string(),
            entry.change.0.to_string(),
            entry.action.word().to_owned(),
            entry.status.word().to_owned(),
            entry.anchor.to_string(),
            entry.label.clone(),
            entry.target_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            entry.modified.iter().map(modification).collect::<Vec<_>>().join("; "),
            entry.reasons.join("; "),
            error.map(|error| error.code.clone()).unwrap_or_default(),
            error.map(|error| error.reason.clone()).unwrap_or_default(),
        ];
        text.push_str(&cells.map(|cell| quoted(&cell)).join(","));
        text.push_str("\r\n");
    }
    text
}

/// A cell that a spreadsheet would take for a formula is defused with a leading quote mark.
fn quoted(cell: &str) -> String {
    let defused = match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{cell}"),
        _ => cell.to_owned(),
    };
    if defused.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", defused.replace('"', "\"\""))
    } else {
        defused
    }
}

/// Returns an entry as Graph would show it. `application` is the enterprise application.
pub fn json(entry: &LogEntry, application: &Application<'_>) -> Value {
    json!({
        "id": format!("{}-{}", entry.cycle, entry.change.0),
        "activityDateTime": entry.at.to_string(),
        "tenantId": application.tenant_id,
        "jobId": "sharefile-provisioner",
        "cycleId": entry.cycle.to_string(),
        "changeId": format!("{}-{}", entry.cycle, entry.change.0),
        "durationInMilliseconds": entry.duration_ms,
        "provisioningAction": entry.action.word(),
        "provisioningStatusInfo": {
            "status": entry.status.word(),
            "errorInformation": entry.error.as_ref().map(|error| json!({
                "errorCode": error.code,
                "reason": error.reason,
                "additionalDetails": null,
                "recommendedAction": error.recommended_action,
                "errorCategory": match error.category {
                    ErrorCategory::Transient | ErrorCategory::Throttled => "nonServiceFailure",
                    _ => "failure",
                },
            })),
        },
        "provisioningSteps": steps(entry),
        "modifiedProperties": entry.modified.iter().map(|property: &ModifiedProperty| json!({
            "displayName": property.name,
            "oldValue": property.old,
            "newValue": property.new,
        })).collect::<Vec<_>>(),
        "servicePrincipal": { "id": application.id, "displayName": application.name },
        "sourceSystem": { "displayName": "Microsoft Entra ID", "details": {} },
        "targetSystem": { "displayName": "ShareFile", "details": {} },
        "sourceIdentity": {
            "id": entry.anchor.to_string(),
            "displayName": entry.label,
            "identityType": "User",
            "details": {},
        },
        "targetIdentity": {
            "id": entry.target_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            "displayName": entry.label,
            "identityType": "User",
            "details": {},
        },
        "initiatedBy": {
            "id": "",
            "displayName": entry.initiated_by,
            "initiatorType": if entry.initiated_by == "schedule" { "system" } else { "user" },
        },
    })
}

/// The application, as entries name it.
#[derive(Clone, Copy, Debug)]
pub struct Application<'a> {
    /// The id of the tenant.
    pub tenant_id: &'a str,
    /// The id of the service principal.
    pub id: &'a str,
    /// The name.
    pub name: &'a str,
}

fn steps(entry: &LogEntry) -> Value {
    let status = entry.status.word();
    json!([
        { "name": "EntrySynchronizationScoping", "provisioningStepType": "scoping", "status": "success",
          "description": entry.reasons.join("; "), "details": {} },
        { "name": "EntryExport", "provisioningStepType": "export", "status": status,
          "description": entry.error.as_ref().map(|error| error.reason.as_str()).unwrap_or("done"), "details": {} },
    ])
}
