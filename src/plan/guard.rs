//! Guard: what looks like an accident waits for a person.

use std::collections::BTreeMap;

use crate::model::account::LinkState;
use crate::model::ids::{ContentHash, SourceAnchor};
use crate::model::plan::{
    HeldItem, Hold, HoldKind, LeaveEvent, ObjectKind, PlannedChange, ProvisioningAction,
};

use super::input::PlanInput;
use super::limits;
use super::rules::{FirstCycle, Limit};

/// Up to so many removals in a cycle pass without regard to percent.
const SMALL: u64 = 5;

/// What the guard let through, and what it withholds.
#[derive(Clone, Debug, Default)]
pub struct Guarded {
    /// Changes that may go.
    pub passed: Vec<PlannedChange>,
    /// Changes that wait, by cause.
    pub holds: Vec<Hold>,
}

/// What the source newly shows of people who left.
pub type News = BTreeMap<SourceAnchor, Vec<LeaveEvent>>;

/// Withholds changes that exceed the limits. Approved changes pass and do not count; rejected ones
/// stay in the hold they were in.
pub fn guard(input: &PlanInput<'_>, changes: Vec<PlannedChange>, news: &News) -> Guarded {
    let mut guarded = Guarded::default();
    let mut open = Vec::new();
    for change in changes {
        if input.approved.binary_search(&change.hash).is_ok() {
            guarded.passed.push(change);
        } else if let Some(kind) = rejected_as(input, &change.hash) {
            guarded.withhold(kind, "A person rejected this.".to_owned(), vec![change]);
        } else {
            open.push(change);
        }
    }
    if input.first_plan && input.rules.guard.first_cycle == FirstCycle::Approve && !open.is_empty()
    {
        // Whoever was adopted with an answer of their own, and leaves, waits for no other.
        let leaves = |change: &PlannedChange| change.action == ProvisioningAction::Disable;
        let (leavers, open): (Vec<_>, Vec<_>) = open.into_iter().partition(leaves);
        guarded.limit_removals(input, leavers);
        if open.is_empty() {
            return guarded;
        }
        let message = format!(
            "The first plan of this job waits for approval as a whole: {}.",
            sentence(&open)
        );
        guarded.withhold(HoldKind::FirstCycle, message, open);
        return guarded;
    }
    let limit = input.rules.guard.removals_per_cycle;
    if input.rules_changed && !input.first_plan {
        let touched = open.iter().filter(|change| rewrites(change)).count() as u64;
        if exceeds(limit, touched, input.active_links) {
            let message = format!(
                "The rules changed, and the plan would rewrite or remove {touched} of {} accounts.",
                input.active_links
            );
            let (leavers, open): (Vec<_>, Vec<_>) =
                open.into_iter().partition(|change| left_by_itself(input, change, news));
            if !open.is_empty() {
                guarded.withhold(HoldKind::RulesChanged, message, open);
            }
            guarded.limit_removals(input, leavers);
            return guarded;
        }
    }
    let (removals, others): (Vec<_>, Vec<_>) = open.into_iter().partition(is_removal);
    limits::limit(input, &mut guarded, others);
    guarded.limit_removals(input, removals);
    guarded
}

/// Returns whether a disable follows from what the source newly says of a person, and not from new
/// rules that wait for approval: nobody keeps access because of them. Deletions, which cannot be
/// undone, wait. Assignments and groups may count otherwise by the new rules, so that who is without
/// them left by that if the new rules were planned with before; filters and expressions are rules.
pub fn left_by_itself(input: &PlanInput<'_>, change: &PlannedChange, news: &News) -> bool {
    let waited = || input.waiting.iter().any(|(_, kind)| *kind == HoldKind::RulesChanged);
    let is_fact = |event: &LeaveEvent| match event {
        LeaveEvent::Disabled | LeaveEvent::SoftDeleted | LeaveEvent::HardDeleted => true,
        LeaveEvent::Unassigned => waited(),
        LeaveEvent::Filtered | LeaveEvent::Inactive => false,
    };
    let waits = || in_hold(input.waiting, &change.hash) == Some(HoldKind::RulesChanged);
    change.action == ProvisioningAction::Disable
        && news.get(&change.anchor).is_some_and(|events| events.iter().any(is_fact))
        && !waits()
}

/// Returns the hold in which everything waits that nobody approved, with its message for changes
/// that come on top; `None` if there is no such hold.
pub fn whole(input: &PlanInput<'_>, guarded: &Guarded) -> Option<(HoldKind, String)> {
    if input.first_plan && input.rules.guard.first_cycle == FirstCycle::Approve {
        let message = "The first plan of this job waits for approval as a whole.";
        return Some((HoldKind::FirstCycle, message.to_owned()));
    }
    let changed = guarded.holds.iter().find(|hold| hold.kind == HoldKind::RulesChanged);
    changed.map(|hold| (hold.kind, hold.message.clone()))
}

/// Decides whether removals together look like an accident.
fn removal_hold(input: &PlanInput<'_>, removals: &[PlannedChange]) -> Option<(HoldKind, String)> {
    let count = removals.len() as u64;
    let active = input.active_links;
    let limit = input.rules.guard.removals_per_cycle;
    // Who was disabled before does not make the job smaller by being deleted.
    let lost = removals.iter().filter(|change| is_active(input, change)).count() as u64;
    if count == 0 {
        None
    } else if !input.anybody_assigned {
        Some((
            HoldKind::SourceEmptied,
            format!(
                "The application shows nobody assigned any more; {count} of {active} accounts \
                 would be removed. Check the assignments in Entra ID."
            ),
        ))
    } else if lost > 0 && lost >= active {
        Some((
            HoldKind::WouldLeaveNobody,
            format!("All {active} accounts of this job would be removed."),
        ))
    } else if lost > SMALL && lost * 2 >= active {
        Some((
            HoldKind::SourceHalved,
            format!(
                "The source shows half of the people or fewer: {lost} of {active} accounts \
                 would be removed."
            ),
        ))
    } else if exceeds(limit, count, active) {
        Some((
            HoldKind::TooManyRemovals,
            format!(
                "{count} of {active} accounts would be removed; the limits are {} and {} percent.",
                limit.count, limit.percent
            ),
        ))
    } else {
        day_hold(input, removals)
    }
}

/// Decides whether there were too many removals within a day, with those that are planned now. Of
/// one person everything counts once.
fn day_hold(input: &PlanInput<'_>, removals: &[PlannedChange]) -> Option<(HoldKind, String)> {
    let before = input.removed_today.len() as u64;
    let counted =
        |change: &&PlannedChange| input.removed_today.binary_search(&change.anchor).is_ok();
    let new = removals.iter().filter(|change| !counted(change)).count() as u64;
    let limit = input.rules.guard.removals_per_day;
    let base = input.active_a_day_ago.max(input.active_links);
    (new > 0 && exceeds(limit, before + new, base)).then(|| {
        let message = format!(
            "{new} of {base} accounts would be removed, after {before} within the last 24 hours; \
             the limits of a day are {} and {} percent.",
            limit.count, limit.percent
        );
        (HoldKind::TooManyRemovalsInDay, message)
    })
}

fn is_active(input: &PlanInput<'_>, change: &PlannedChange) -> bool {
    let index = input.links.binary_search_by_key(&change.anchor, |link| link.anchor);
    let link = index.ok().and_then(|index| input.links.get(index));
    link.is_some_and(|link| link.state == LinkState::Active)
}

/// Returns whether a number of `active` objects exceeds a limit by count or by percent.
pub fn exceeds(limit: Limit, count: u64, active: u64) -> bool {
    // All of them are no limit: more than all may leave, if some left before and are deleted.
    let by_percent = limit.percent < 100
        && count.saturating_mul(100) > active.saturating_mul(u64::from(limit.percent));
    count > u64::from(limit.count) || (count > SMALL && by_percent)
}

/// Returns whether a change takes the account of a person back.
pub fn is_removal(change: &PlannedChange) -> bool {
    let removes = matches!(
        change.action,
        ProvisioningAction::Disable | ProvisioningAction::Delete | ProvisioningAction::StagedDelete
    );
    removes && change.object == ObjectKind::User
}

fn rewrites(change: &PlannedChange) -> bool {
    is_removal(change) || change.action == ProvisioningAction::Update
}

/// Returns the hold that a rejected change was in.
pub fn rejected_as(input: &PlanInput<'_>, hash: &ContentHash) -> Option<HoldKind> {
    in_hold(input.rejected, hash)
}

/// Returns the hold on removals that a change waits in already.
pub fn waits_as(input: &PlanInput<'_>, hash: &ContentHash) -> Option<HoldKind> {
    in_hold(input.waiting, hash).filter(|kind| kind.withholds_removals())
}

pub(super) fn in_hold(items: &[(ContentHash, HoldKind)], hash: &ContentHash) -> Option<HoldKind> {
    let index = items.binary_search_by(|(known, _)| known.cmp(hash)).ok()?;
    items.get(index).map(|(_, kind)| *kind)
}

/// Returns changes as items of a hold whose message says it all.
pub fn items(changes: Vec<PlannedChange>) -> Vec<HeldItem> {
    let item = |change: PlannedChange| HeldItem {
        anchor: change.anchor,
        label: change.label.clone(),
        detail: String::new(),
        hash: change.hash,
        change: Some(change),
    };
    changes.into_iter().map(item).collect()
}

/// Returns changes in words: `2 to create, 1 to disable`.
fn sentence(changes: &[PlannedChange]) -> String {
    let count = |action| changes.iter().filter(|change| change.action == action).count();
    [
        (ProvisioningAction::Create, "to create"),
        (ProvisioningAction::Update, "to update"),
        (ProvisioningAction::Other, "to link"),
        (ProvisioningAction::Disable, "to disable"),
        (ProvisioningAction::StagedDelete, "to downgrade"),
        (ProvisioningAction::Delete, "to delete"),
    ]
    .into_iter()
    .map(|(action, words)| (count(action), words))
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{count} {words}"))
    .collect::<Vec<_>>()
    .join(", ")
}

impl Guarded {
    fn limit_removals(&mut self, input: &PlanInput<'_>, removals: Vec<PlannedChange>) {
        match removal_hold(input, &removals) {
            Some(cause) => self.withhold_removals(input, cause, removals),
            None => self.passed.extend(removals),
        }
    }

    /// Withholds removals that together look like an accident. Those that waited already go on
    /// waiting; whoever left since then is judged alone, so that nobody keeps access because a
    /// hold was not answered yet.
    fn withhold_removals(
        &mut self,
        input: &PlanInput<'_>,
        (kind, message): (HoldKind, String),
        removals: Vec<PlannedChange>,
    ) {
        let (waiting, new): (Vec<_>, Vec<_>) =
            removals.into_iter().partition(|change| waits_as(input, &change.hash).is_some());
        if waiting.is_empty() {
            return self.withhold(kind, message, new);
        }
        let message = removal_hold(input, &waiting).map_or(message, |(_, message)| message);
        for change in waiting {
            let kind = waits_as(input, &change.hash).unwrap_or(kind);
            self.withhold(kind, message.clone(), vec![change]);
        }
        match removal_hold(input, &new) {
            Some((kind, message)) => self.withhold(kind, message, new),
            None => self.passed.extend(new),
        }
    }

    pub(super) fn withhold(
        &mut self,
        kind: HoldKind,
        message: String,
        changes: Vec<PlannedChange>,
    ) {
        let items = items(changes);
        match self.holds.iter_mut().find(|hold| hold.kind == kind) {
            Some(hold) => {
                hold.message = message;
                hold.items.extend(items);
            }
            None => self.holds.push(Hold { kind, message, items }),
        }
    }
}
