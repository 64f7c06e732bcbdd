//! Limits on what is not taken away: new accounts, and new addresses.

use crate::model::ids::ContentHash;
use crate::model::plan::{HoldKind, ObjectKind, PlannedChange, ProvisioningAction, Reason, Write};

use super::addresses::{current, link_of};
use super::change::{address_only, without_address};
use super::guard::{Guarded, in_hold};
use super::input::PlanInput;
use super::new_address;

/// Withholds creates, with accounts that are taken over, and changes of addresses, where there are
/// more in one cycle than the limits allow. Those that waited already go on waiting, and do not count
/// for those who come later. The first plan, until it is carried out, has an answer of its own.
pub fn limit(input: &PlanInput<'_>, guarded: &mut Guarded, changes: Vec<PlannedChange>) {
    if input.first_plan || input.catching_up {
        return guarded.passed.extend(changes);
    }
    let (joins, others): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|change| joins(input, change));
    let limit = input.rules.guard.creates_per_cycle;
    let message = format!(
        "{} people would get an account in one cycle, created or taken over; the limit is {limit}.",
        joins.len()
    );
    let kind = HoldKind::TooManyCreates;
    let (held, free) = beyond(input, kind, limit, joins, |change| change.hash);
    guarded.passed.extend(free);
    if !held.is_empty() {
        guarded.withhold(kind, message, held);
    }
    limit_addresses(input, guarded, others);
}

fn limit_addresses(input: &PlanInput<'_>, guarded: &mut Guarded, changes: Vec<PlannedChange>) {
    let kind = HoldKind::TooManyAddressChanges;
    let mut moves = Vec::new();
    for change in changes {
        match Move::of(input, &change) {
            None => guarded.passed.push(change),
            Some(moved) if input.approved.binary_search(&moved.step.hash).is_ok() => {
                moved.pass(guarded);
            }
            Some(moved) => match in_hold(input.rejected, &moved.step.hash) {
                Some(kind) => moved.withhold(guarded, kind, "A person rejected this.".to_owned()),
                None => moves.push((change, moved)),
            },
        }
    }
    let limit = input.rules.guard.address_changes_per_cycle;
    let message = format!(
        "{} accounts would get another address in one cycle; the limit is {limit}.",
        moves.len()
    );
    let (held, free) = beyond(input, kind, limit, moves, |(_, moved)| moved.step.hash);
    guarded.passed.extend(free.into_iter().map(|(change, _)| change));
    for (_, moved) in held {
        moved.withhold(guarded, kind, message.clone());
    }
}

/// Returns what is withheld, and what may go.
fn beyond<T>(
    input: &PlanInput<'_>,
    kind: HoldKind,
    limit: u32,
    changes: Vec<T>,
    hash: impl Fn(&T) -> ContentHash,
) -> (Vec<T>, Vec<T>) {
    let exceeds = |changes: &[T]| changes.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if !exceeds(&changes) {
        return (Vec::new(), changes);
    }
    let waits = |change: &T| in_hold(input.waiting, &hash(change)) == Some(kind);
    let (mut waiting, new): (Vec<_>, Vec<_>) = changes.into_iter().partition(waits);
    if exceeds(&new) {
        waiting.extend(new);
        return (waiting, Vec::new());
    }
    (waiting, new)
}

/// Returns whether a person gets an account by a change.
fn joins(input: &PlanInput<'_>, change: &PlannedChange) -> bool {
    let adopts = || change.target_id.is_some() && link_of(input, change).is_none();
    let of_person = change.object == ObjectKind::User;
    let brings = matches!(change.action, ProvisioningAction::Update | ProvisioningAction::Other);
    of_person && (change.action == ProvisioningAction::Create || (brings && adopts()))
}

/// A change of an address, apart from what else its person needs.
struct Move {
    step: PlannedChange,
    rest: Option<PlannedChange>,
}

impl Move {
    fn of(input: &PlanInput<'_>, change: &PlannedChange) -> Option<Self> {
        let link = link_of(input, change)?;
        let mut step = address_only(change, current(change)?, new_address(change)?)?;
        step.reasons = vec![Reason::ValuesDiffer];
        let rest = without_address(change, link);
        // What is about the address alone is approved and done as it is.
        let alone = rest.as_ref().is_none_or(|rest| rest.write == Write::Nothing);
        let step = if alone { change.clone() } else { step };
        Some(Self { step, rest: rest.filter(|_| !alone) })
    }

    /// Lets an approved change go: in two writes, if more is to be done than was approved.
    fn pass(self, guarded: &mut Guarded) {
        let Self { mut step, rest } = self;
        if let Some(mut rest) = rest {
            rest.unfinished = true;
            step.phase = step.phase.max(1);
            guarded.passed.push(rest);
        }
        guarded.passed.push(step);
    }

    fn withhold(self, guarded: &mut Guarded, kind: HoldKind, message: String) {
        guarded.passed.extend(self.rest);
        guarded.withhold(kind, message, vec![self.step]);
    }
}
