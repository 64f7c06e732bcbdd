//! Guard for groups: what looks like an accident waits for a person, group by group.

use std::collections::{BTreeMap, HashSet};

use crate::model::group::GroupLinkState;
use crate::model::ids::SourceAnchor;
use crate::model::plan::{HeldItem, Hold, HoldKind, PlannedChange};

use crate::plan::change::fingerprint_of_group;
use crate::plan::guard::{exceeds, rejected_as, waits_as};
use crate::plan::input::PlanInput;

use super::draft::{Draft, In, Kind, Out};
use super::{GroupNeeds, GroupPlan};

/// What is planned for groups, before the guard judges it.
#[derive(Debug)]
pub struct Drafted<'a> {
    pub(super) drafts: Vec<Draft<'a>>,
    pub(super) needs: GroupNeeds,
}

impl Drafted<'_> {
    /// Returns the hold in which everything waits, people as well, because the rules changed and
    /// more groups would be rewritten, or more members removed, than the limits allow.
    pub fn whole(&self, input: &PlanInput<'_>) -> Option<(HoldKind, String)> {
        if !input.rules_changed || input.first_plan {
            return None;
        }
        let open = |change: &PlannedChange| !answered(input, change);
        let mut touched = 0;
        for draft in &self.drafts {
            // Whoever leaves in this very plan was judged as a person.
            let outs = draft.outs.iter().filter(|out| out.kind != Kind::Left && open(&out.alone));
            let count = outs.count() as u64;
            let members = draft.placed.max(draft.seen);
            if exceeds(input.rules.guard.removals_per_group, count, members) {
                let message = format!(
                    "The rules changed, and the plan would take {count} of {members} members out \
                     of the group {}.",
                    draft.name
                );
                return Some((HoldKind::RulesChanged, message));
            }
            let mut rewrites = draft.rewrites.iter().chain(&draft.fate).chain(&draft.merged);
            touched += u64::from(count > 0 || rewrites.any(open));
        }
        let linked: HashSet<SourceAnchor> =
            input.groups.links.iter().map(|standing| standing.link.anchor).collect();
        let linked = linked.len() as u64;
        exceeds(input.rules.guard.removals_per_cycle, touched, linked).then(|| {
            let message = format!(
                "The rules changed, and the plan would rename, take over, delete or take members \
                 out of {touched} groups; {linked} are linked."
            );
            (HoldKind::RulesChanged, message)
        })
    }

    /// Withholds what exceeds the limits, and gathers the rest. `whole` is the hold in which
    /// everything waits that nobody approved, if there is one.
    ///
    /// Removals of members are judged in each group alone, over a day; groups that are deleted or
    /// emptied are judged together. Memberships that end because their person left are not judged:
    /// the person was.
    pub fn finish(self, input: &PlanInput<'_>, whole: Option<(HoldKind, String)>) -> GroupPlan {
        let mut gathered =
            Gathered { input, whole, plan: GroupPlan::default(), holds: BTreeMap::new() };
        gathered.plan.needs = self.needs;
        let fates = gathered.fates(&self.drafts);
        for draft in self.drafts {
            let fate = fates.get(&draft.anchor).map(String::as_str);
            gathered.one(draft, fate);
        }
        // What a saved plan was made for.
        for change in gathered.plan.changes.iter_mut().filter(|_| input.verify_all) {
            let known = change.target_id.as_ref().and_then(|id| input.target.groups.get(id));
            change.seen = known.map(fingerprint_of_group);
        }
        gathered.plan.holds = gathered.holds.into_values().collect();
        gathered.plan.settled.sort_unstable();
        gathered.plan
    }
}

fn answered(input: &PlanInput<'_>, change: &PlannedChange) -> bool {
    input.approved.binary_search(&change.hash).is_ok() || rejected_as(input, &change.hash).is_some()
}

/// Divides what together exceeds a limit into what is held, with the reason, and what may go: what
/// waited already goes on waiting, and what came since then is judged alone.
fn divide<T>(
    open: Vec<T>,
    waits: impl Fn(&T) -> bool,
    limit: impl Fn(&[T]) -> Option<String>,
) -> (Vec<(T, String)>, Vec<T>) {
    let Some(reason) = limit(&open) else { return (Vec::new(), open) };
    let with = |reason: String| move |one: T| (one, reason.clone());
    let (waiting, new): (Vec<T>, Vec<T>) = open.into_iter().partition(waits);
    if waiting.is_empty() {
        return (new.into_iter().map(with(reason)).collect(), Vec::new());
    }
    let before = limit(&waiting).unwrap_or(reason);
    let mut held: Vec<(T, String)> = waiting.into_iter().map(with(before)).collect();
    match limit(&new) {
        Some(reason) => held.extend(new.into_iter().map(with(reason))),
        None => return (held, new),
    }
    (held, Vec::new())
}

struct Gathered<'a> {
    input: &'a PlanInput<'a>,
    whole: Option<(HoldKind, String)>,
    plan: GroupPlan,
    holds: BTreeMap<HoldKind, Hold>,
}

impl Gathered<'_> {
    /// Returns which groups may not be deleted, emptied or merged, and why: they are too many.
    fn fates(&self, drafts: &[Draft<'_>]) -> BTreeMap<SourceAnchor, String> {
        let asks = |draft: &&Draft<'_>| ends(draft).any(|change| !answered(self.input, change));
        let asked: Vec<&Draft<'_>> = drafts.iter().filter(asks).collect();
        let waits = |draft: &&Draft<'_>| {
            ends(draft).any(|change| waits_as(self.input, &change.hash).is_some())
        };
        let (held, _) = divide(asked, waits, |some| self.fate_limit(some));
        held.into_iter().map(|(draft, reason)| (draft.anchor, reason)).collect()
    }

    fn fate_limit(&self, drafts: &[&Draft<'_>]) -> Option<String> {
        let links = self.input.groups.links.iter().map(|standing| &standing.link);
        let links = links.filter(|link| link.state == GroupLinkState::Active);
        let active: HashSet<SourceAnchor> = links.map(|link| link.anchor).collect();
        let is_lost =
            |draft: &&&Draft<'_>| draft.merged.is_empty() && active.contains(&draft.anchor);
        let lost = drafts.iter().filter(is_lost).count() as u64;
        let (active, count) = (active.len() as u64, drafts.len() as u64);
        let planned = |anchor: &SourceAnchor| drafts.iter().any(|draft| draft.anchor == *anchor);
        let today = self.input.groups.retired_today.iter().filter(|anchor| !planned(anchor));
        let today = today.count() as u64;
        let (cycle, day) =
            (self.input.rules.guard.removals_per_cycle, self.input.rules.guard.removals_per_day);
        if count == 0 {
            None
        } else if lost > 0 && lost >= active {
            Some(format!("All {active} groups of this job would be deleted or emptied."))
        } else if exceeds(cycle, count, active) {
            Some(format!(
                "{count} of {active} groups would be deleted or emptied; the limits are {} and {} \
                 percent.",
                cycle.count, cycle.percent
            ))
        } else if today > 0 && exceeds(day, today + count, active + today) {
            Some(format!(
                "{count} of {active} groups would be deleted or emptied, after {today} within the \
                 last 24 hours; the limits of a day are {} and {} percent.",
                day.count, day.percent
            ))
        } else {
            None
        }
    }

    fn one(&mut self, mut draft: Draft<'_>, fate: Option<&str>) {
        let subject = self.input.groups.subjects.binary_search(&draft.anchor).is_ok();
        if draft.is_idle() && subject {
            self.plan.settled.push(draft.anchor);
        }
        self.plan.drift.append(&mut draft.drift);
        for (kind, item) in std::mem::take(&mut draft.held) {
            self.hold(kind, crate::plan::message(kind), item);
        }
        let outs = std::mem::take(&mut draft.outs);
        let going = self.going(&draft, outs, fate);
        self.plan.changes.extend(draft.removals(going));
        let ins = std::mem::take(&mut draft.ins);
        let (merges, joins): (Vec<In>, Vec<In>) =
            ins.into_iter().partition(|one| one.kind == Kind::Merges);
        let free = draft.additions(joins);
        let judged = draft.additions(merges);
        for change in draft.changes.into_iter().chain(draft.rewrites).chain(free) {
            self.pass(change, None);
        }
        for change in judged.into_iter().chain(draft.fate).chain(draft.merged) {
            self.pass(change, fate);
        }
    }

    /// Returns who may go out of a group; holds the others, each alone.
    fn going(&mut self, draft: &Draft<'_>, outs: Vec<Out>, fate: Option<&str>) -> Vec<Out> {
        let (mut going, mut leaves, mut strangers) = (Vec::new(), Vec::new(), Vec::new());
        for mut out in outs {
            let hash = out.alone.hash;
            if self.input.approved.binary_search(&hash).is_ok() {
                (out.member.counted, out.member.approval) = (false, Some(hash));
                going.push(out);
            } else if let Some(kind) = rejected_as(self.input, &hash) {
                self.hold(kind, REJECTED, item(out.alone, String::new()));
            } else if let Some((kind, message)) = self.whole.clone() {
                self.hold(kind, &message, item(out.alone, String::new()));
            } else {
                match (out.kind, fate) {
                    (Kind::Leaves, _) => leaves.push(out),
                    (Kind::Stranger, _) => strangers.push(out),
                    (Kind::Emptied, Some(reason)) => {
                        self.hold(GROUPS, reason, item(out.alone, String::new()));
                    }
                    _ => going.push(out),
                }
            }
        }
        let left = |some: &[Out]| self.member_limit(draft, some.len() as u64);
        let put_in = |some: &[Out]| self.stranger_limit(draft, some.len() as u64);
        let waits = |out: &Out| waits_as(self.input, &out.alone.hash).is_some();
        let (mut held, free) = divide(leaves, waits, left);
        let (further, others) = divide(strangers, waits, put_in);
        held.extend(further);
        going.extend(free);
        going.extend(others);
        for (out, detail) in held {
            self.hold(MEMBERS, TOO_MANY, item(out.alone, detail));
        }
        going
    }

    /// Returns why members may not be removed from a group, if they are too many.
    fn member_limit(&self, draft: &Draft<'_>, count: u64) -> Option<String> {
        let (placed, today) = (draft.placed, draft.removed_today);
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
    fn stranger_limit(&self, draft: &Draft<'_>, count: u64) -> Option<String> {
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
    fn pass(&mut self, mut change: PlannedChange, fate: Option<&str>) {
        if self.input.approved.binary_search(&change.hash).is_ok() {
            change.counted = false;
            self.plan.changes.push(change);
        } else if let Some(kind) = rejected_as(self.input, &change.hash) {
            self.hold(kind, REJECTED, item(change, String::new()));
        } else if let Some((kind, message)) = self.whole.clone() {
            self.hold(kind, &message, item(change, String::new()));
        } else if let Some(reason) = fate {
            self.hold(GROUPS, reason, item(change, String::new()));
        } else {
            self.plan.changes.push(change);
        }
    }

    fn hold(&mut self, kind: HoldKind, message: &str, item: HeldItem) {
        let hold = self.holds.entry(kind).or_insert_with(|| Hold {
            kind,
            message: message.to_owned(),
            items: Vec::new(),
        });
        hold.items.push(item);
    }
}

const MEMBERS: HoldKind = HoldKind::TooManyMemberRemovals;

const GROUPS: HoldKind = HoldKind::TooManyGroupRemovals;

const REJECTED: &str = "A person rejected this.";

const TOO_MANY: &str = "More members would be removed from a group than the limits allow. Check the \
                        group in Entra ID.";

/// Returns what ends a group, or a part of it.
fn ends<'d>(draft: &'d Draft<'_>) -> impl Iterator<Item = &'d PlannedChange> {
    let emptied = draft.outs.iter().filter(|out| out.kind == Kind::Emptied);
    draft.fate.iter().chain(&draft.merged).chain(emptied.map(|out| &out.alone))
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
