//! Guard for groups: what looks like an accident waits for a person, group by group.

use std::collections::{BTreeMap, HashSet};

use crate::model::group::GroupLinkState;
use crate::model::ids::SourceAnchor;
use crate::model::plan::{GroupCall, HeldItem, Hold, HoldKind, PlannedChange, Write};

use crate::plan::guard::{exceeds, rejected_as};
use crate::plan::input::PlanInput;

use super::{Draft, GroupNeeds, GroupPlan};

/// Withholds what exceeds the limits, and gathers the rest. `whole` is the hold in which everything
/// waits that nobody approved, if there is one.
///
/// Removals of members are judged in each group alone, over a day; groups that are deleted or
/// emptied are judged together. Memberships that end because their person left are not judged:
/// the person was.
pub fn finish(
    input: &PlanInput<'_>,
    drafts: Vec<Draft>,
    needs: GroupNeeds,
    whole: Option<(HoldKind, String)>,
) -> GroupPlan {
    let mut gathered =
        Gathered { input, whole, plan: GroupPlan::default(), holds: BTreeMap::new() };
    gathered.plan.needs = needs;
    let fates = gathered.fates(&drafts);
    for draft in drafts {
        gathered.one(draft, fates.as_deref());
    }
    gathered.plan.holds = gathered.holds.into_values().collect();
    gathered.plan.settled.sort_unstable();
    gathered.plan
}

struct Gathered<'a> {
    input: &'a PlanInput<'a>,
    whole: Option<(HoldKind, String)>,
    plan: GroupPlan,
    holds: BTreeMap<HoldKind, Hold>,
}

impl Gathered<'_> {
    /// Returns why groups may not be deleted or emptied, if they are too many.
    fn fates(&self, drafts: &[Draft]) -> Option<String> {
        let asked = |draft: &&Draft| draft.fate.iter().any(|change| !self.answered(change));
        let count = drafts.iter().filter(asked).count() as u64;
        let links = self.input.groups.links.iter();
        let active: HashSet<SourceAnchor> = links
            .filter(|standing| standing.link.state == GroupLinkState::Active)
            .map(|standing| standing.link.anchor)
            .collect();
        let active = active.len() as u64;
        let limit = self.input.rules.guard.removals_per_cycle;
        if count == 0 {
            None
        } else if count >= active {
            Some(format!("All {active} groups of this job would be deleted or emptied."))
        } else if exceeds(limit, count, active) {
            Some(format!(
                "{count} of {active} groups would be deleted or emptied; the limits are {} and {} \
                 percent.",
                limit.count, limit.percent
            ))
        } else {
            None
        }
    }

    fn answered(&self, change: &PlannedChange) -> bool {
        self.input.approved.binary_search(&change.hash).is_ok()
            || rejected_as(self.input, &change.hash).is_some()
    }

    fn one(&mut self, draft: Draft, fates: Option<&str>) {
        let removals = draft.removals.len() + draft.extras.len();
        let planned = draft.changes.len() + removals + draft.fate.len();
        let subject = self.input.groups.subjects.binary_search(&draft.anchor).is_ok();
        if planned == 0 && !draft.open && draft.held.is_empty() && subject {
            self.plan.settled.push(draft.anchor);
        }
        let limit = self.member_limit(&draft);
        let extra_limit = self.extra_limit(&draft);
        self.plan.drift.extend(draft.drift);
        for (kind, item) in draft.held {
            self.hold(kind, super::super::message(kind).to_owned(), item);
        }
        for change in draft.changes {
            self.pass(change, None);
        }
        for change in draft.removals {
            self.pass(change, limit.as_ref().map(|detail| (MEMBERS, detail.clone())));
        }
        for change in draft.extras {
            self.pass(change, extra_limit.as_ref().map(|detail| (MEMBERS, detail.clone())));
        }
        for change in draft.fate {
            self.pass(change, fates.map(|message| (GROUPS, message.to_owned())));
        }
    }

    /// Returns why members may not be removed from a group, if they are too many.
    fn member_limit(&self, draft: &Draft) -> Option<String> {
        let open = draft.removals.iter().filter(|change| !self.answered(change));
        let count: u64 = open.map(removed).sum();
        let placed = draft.placed;
        let today = draft.removed_today;
        let limit = self.input.rules.guard.removals_per_group;
        let of = |what: &str| {
            let before = if today > 0 {
                format!(", after {today} within the last day")
            } else {
                String::new()
            };
            format!("{count} of {placed} members would be removed{before}{what}")
        };
        if count == 0 {
            None
        } else if count >= placed && placed > 1 {
            Some(of(", which leaves nobody"))
        } else if exceeds(limit, count + today, placed + today) {
            Some(of(&format!("; the limits are {} and {} percent", limit.count, limit.percent)))
        } else {
            None
        }
    }

    /// Returns why members whom others put in may not be removed, if they are too many.
    fn extra_limit(&self, draft: &Draft) -> Option<String> {
        let open = draft.extras.iter().filter(|change| !self.answered(change));
        let count: u64 = open.map(removed).sum();
        let limit = self.input.rules.guard.removals_per_group;
        exceeds(limit, count, draft.seen).then(|| {
            format!(
                "{count} of {} members were put in by others and would be removed; the limits are \
                 {} and {} percent",
                draft.seen, limit.count, limit.percent
            )
        })
    }

    /// Lets a change pass, unless a person rejected it or it has to wait.
    fn pass(&mut self, change: PlannedChange, limit: Option<(HoldKind, String)>) {
        if self.input.approved.binary_search(&change.hash).is_ok() {
            return self.plan.changes.push(change);
        }
        if let Some(kind) = rejected_as(self.input, &change.hash) {
            let message = "A person rejected this.".to_owned();
            return self.hold(kind, message, item(change, String::new()));
        }
        if let Some((kind, message)) = self.whole.clone() {
            return self.hold(kind, message, item(change, String::new()));
        }
        match limit {
            Some((kind @ MEMBERS, detail)) => {
                let message = "More members would be removed from a group than the limits allow. \
                               Check the group in Entra ID."
                    .to_owned();
                self.hold(kind, message, item(change, detail));
            }
            Some((kind, message)) => self.hold(kind, message, item(change, String::new())),
            None => self.plan.changes.push(change),
        }
    }

    fn hold(&mut self, kind: HoldKind, message: String, item: HeldItem) {
        let hold =
            self.holds.entry(kind).or_insert_with(|| Hold { kind, message, items: Vec::new() });
        hold.items.push(item);
    }
}

const MEMBERS: HoldKind = HoldKind::TooManyMemberRemovals;

const GROUPS: HoldKind = HoldKind::TooManyGroupRemovals;

/// Returns how many members a change removes.
fn removed(change: &PlannedChange) -> u64 {
    match &change.write {
        Write::Group(write) => match &write.call {
            GroupCall::Remove { members } => members.len() as u64,
            _ => 0,
        },
        _ => 0,
    }
}

fn item(change: PlannedChange, detail: String) -> HeldItem {
    HeldItem {
        anchor: change.anchor,
        label: change.label.clone(),
        detail,
        hash: change.hash,
        change: Some(change),
    }
}
