//! Order: revocation first, then changes of what exists, then creates.

use crate::model::ids::ChangeId;
use crate::model::plan::{PlannedChange, ProvisioningAction, Write};

/// Sorts changes into the order in which they are applied, and numbers them. Within a class the
/// order is that of the labels, so that it is the same in every plan.
pub fn order(changes: &mut [PlannedChange]) {
    changes.sort_by(|left, right| {
        (rank(left), &left.label, left.anchor).cmp(&(rank(right), &right.label, right.anchor))
    });
    for (number, change) in changes.iter_mut().enumerate() {
        change.id = ChangeId(u32::try_from(number).unwrap_or(u32::MAX));
    }
}

/// Returns the class of a change: lower classes are finished before higher ones begin.
pub fn rank(change: &PlannedChange) -> u8 {
    match (change.action, &change.write) {
        (ProvisioningAction::Disable, _) => 0,
        (ProvisioningAction::Delete | ProvisioningAction::StagedDelete, _) => 1,
        (_, Write::Nothing) => 2,
        (ProvisioningAction::Update | ProvisioningAction::Other, _) => 3,
        (ProvisioningAction::Create, _) => 4,
    }
}
