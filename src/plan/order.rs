//! Order: revocation first, then changes of what exists, then creates.

use crate::model::ids::ChangeId;
use crate::model::plan::PlannedChange;

/// Sorts changes into the order in which they are applied, and numbers them. Within a class the
/// order is that of the labels, so that it is the same in every plan.
pub fn order(changes: &mut [PlannedChange]) {
    changes.sort_by(|left, right| {
        (left.place(), &left.label, left.anchor).cmp(&(right.place(), &right.label, right.anchor))
    });
    for (number, change) in changes.iter_mut().enumerate() {
        change.id = ChangeId(u32::try_from(number).unwrap_or(u32::MAX));
    }
}
