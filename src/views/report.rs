//! A cycle that ended, for people.

use crate::model::outcome::{CycleReport, CycleState};

use super::counted;

/// Returns a report as text: one line of numbers, then notes and the failure, if there was one.
pub fn text(report: &CycleReport) -> String {
    let mut text = format!(
        "Cycle {} ({}) {}: {}.\n",
        report.id,
        report.kind.word(),
        report.state.word(),
        numbers(report)
    );
    for note in &report.notes {
        text.push_str(&format!("  note: {note}\n"));
    }
    if let Some(error) = &report.error {
        text.push_str(&format!("  error: {}\n", error.message));
        text.push_str(&format!("  what to do: {}\n", error.remedy));
    }
    if report.state == CycleState::Failed {
        text.push_str("  Nobody was removed because of it.\n");
    }
    text
}

/// Returns the numbers of a cycle in one line.
pub fn numbers(report: &CycleReport) -> String {
    let counts = &report.counts;
    let done = [
        (counts.created, "created", "created"),
        (counts.updated, "updated", "updated"),
        (counts.disabled, "disabled", "disabled"),
        (counts.deleted, "deleted or downgraded", "deleted or downgraded"),
        (counts.adopted, "adopted", "adopted"),
        (counts.unlinked, "unlinked", "unlinked"),
        (counts.groups_created, "group created", "groups created"),
        (counts.groups_changed, "group changed", "groups changed"),
        (counts.groups_deleted, "group deleted", "groups deleted"),
        (counts.members_added, "member added", "members added"),
        (counts.members_removed, "member removed", "members removed"),
        (counts.drift, "changed by others", "changed by others"),
        (counts.failed, "failed", "failed"),
        (counts.held, "held", "held"),
        (counts.unread, "unread", "unread"),
    ];
    let mut parts: Vec<String> = done
        .into_iter()
        .filter(|(count, _, _)| *count > 0)
        .map(|(count, one, many)| counted(count, one, many))
        .collect();
    if parts.is_empty() {
        parts.push("nothing to do".to_owned());
    }
    let requests = format!(
        "{} to Entra ID, {} to ShareFile",
        counted(counts.source_requests, "request", "requests"),
        counts.target_requests
    );
    format!("{}; {requests}", parts.join(", "))
}
