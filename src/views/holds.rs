//! What waits for a person.

use serde::Serialize;

use crate::model::ids::Timestamp;
use crate::model::plan::{HeldItem, HoldKind};

use super::counted;

/// A hold, as commands show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HoldView {
    /// The number, by which it is approved or rejected.
    pub id: i64,
    /// The cause.
    pub kind: HoldKind,
    /// What happened and what to do.
    pub message: String,
    /// Since when.
    pub opened_at: Timestamp,
    /// `open`, `approved` or `rejected`.
    pub state: String,
    /// Who answered it.
    pub answered_by: Option<String>,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// A person can approve it.
    pub approvable: bool,
    /// The objects.
    pub items: Vec<HeldItem>,
}

/// Returns what became of a hold, and through whom.
fn state(hold: &HoldView) -> String {
    match (&hold.answered_by, &hold.answered_at) {
        (Some(by), Some(at)) => format!("{} by {by} at {at}", hold.state),
        _ => hold.state.clone(),
    }
}

/// Returns holds as text, each with its objects: those that wait, and then those that were answered
/// and still withhold something, or were approved and not carried out yet.
pub fn text(holds: &[HoldView]) -> String {
    let (open, answered): (Vec<_>, Vec<_>) = holds.iter().partition(|hold| hold.state == "open");
    let mut text = String::new();
    if open.is_empty() {
        text.push_str("Nothing waits for a person.\n");
    }
    open.into_iter().for_each(|hold| one(hold, &mut text));
    if !answered.is_empty() {
        let gap = if text.ends_with("\n\n") { "" } else { "\n" };
        text.push_str(gap);
        text.push_str("Answered:\n");
        answered.into_iter().for_each(|hold| one(hold, &mut text));
    }
    text
}

fn one(hold: &HoldView, text: &mut String) {
    text.push_str(&format!(
        "Hold {} · {} · {} · {} · since {}\n  {}\n",
        hold.id,
        hold.kind.name(),
        state(hold),
        counted(hold.items.len() as u64, "object", "objects"),
        hold.opened_at,
        hold.message
    ));
    for line in super::held::lines(&hold.items, of_person) {
        text.push_str(&format!("    {line}\n"));
    }
    if hold.approvable && hold.state == "open" {
        text.push_str(&format!(
            "  To let it go: sharefile-provisioner approve {0}    to keep it back: reject {0}\n",
            hold.id
        ));
    }
    text.push('\n');
}

fn of_person(item: &HeldItem) -> String {
    let action = item.change.as_ref().map(super::plan::verb);
    let what = action.map_or(String::new(), |action| format!("{action} "));
    let detail = if item.detail.is_empty() { "" } else { ": " };
    format!("{what}{}{detail}{}", item.label, item.detail)
}
