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
    /// A person can approve it.
    pub approvable: bool,
    /// The objects.
    pub items: Vec<HeldItem>,
}

/// Returns holds as text, each with its objects.
pub fn text(holds: &[HoldView]) -> String {
    if holds.is_empty() {
        return "Nothing waits for a person.\n".to_owned();
    }
    let mut text = String::new();
    for hold in holds {
        text.push_str(&format!(
            "Hold {} · {} · {} · {} · since {}\n  {}\n",
            hold.id,
            hold.kind.name(),
            hold.state,
            counted(hold.items.len() as u64, "object", "objects"),
            hold.opened_at,
            hold.message
        ));
        for item in &hold.items {
            let action = item.change.as_ref().map(|change| change.action.word());
            match (action, item.detail.is_empty()) {
                (Some(action), _) => text.push_str(&format!("    {action} {}\n", item.label)),
                (None, true) => text.push_str(&format!("    {}\n", item.label)),
                (None, false) => text.push_str(&format!("    {}: {}\n", item.label, item.detail)),
            }
        }
        if hold.approvable && hold.state == "open" {
            text.push_str(&format!(
                "  To let it go: sharefile-provisioner approve {0}    to keep it back: reject {0}\n",
                hold.id
            ));
        }
        text.push('\n');
    }
    text
}
