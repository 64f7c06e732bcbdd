//! Groups: assigned groups become groups of the target, with the members who have an account.
//!
//! Who joins and who leaves is decided person by person (`moves`), so that the cost grows with who
//! moved; a group that is a subject itself is looked at as a whole. What becomes of one group is
//! decided here:
//!
//! | At the source | At the target |
//! |---|---|
//! | assigned, and there is none of that name | created, shared, with its members |
//! | assigned, and there is one made by hand | held, adopted or created beside it: `groups.adopt` |
//! | two assigned groups of one name | held, both named; one that is linked already goes on |
//! | renamed | one change of the name, by id |
//! | people join | added by id, at most 100 in a call; beyond 2,000 held or in further parts |
//! | people leave | removed by id; beyond the limits held, and nothing else with it |
//! | no longer assigned, or let in by no filter, or deleted | kept, emptied or deleted |
//! | the group of the target is gone | the link ends, and the group is created again |

mod begin;
pub mod check;
mod draft;
mod foreign;
mod guard;
mod members;
mod moves;
mod names;
mod parts;
mod rename;
mod retire;
mod scope;
mod seen;
mod view;

use std::collections::{BTreeMap, BTreeSet};

pub use guard::Drafted;
pub use moves::{GroupMoves, Moves};
pub use scope::GroupScope;
pub use view::{GroupNeeds, GroupView, name_key};

use crate::model::account::Origin;
use crate::model::group::{GroupLinkState, GroupStanding, SourceGroup, TargetGroup};
use crate::model::identity::Presence;
use crate::model::ids::{SourceAnchor, TargetId};
use crate::model::plan::{
    Drift, GroupCall, GroupWrite, HeldItem, Hold, HoldKind, LinkAfter, MEMBERS_PER_CALL, Member,
    ModifiedProperty, ObjectKind, PlannedChange, ProvisioningAction, Reason, Write,
};

use super::change::Parts;
use super::decision::held;
use super::input::PlanInput;
use super::map::{Expression, Given, Single};
use super::protect::Protection;
use super::rules::{Adopt, ExtraMembers, GroupFate, GroupRules, LeaverGroups, Overflow};
use super::sorted::Sorted;

use draft::{Draft, Kind, Making, Out, Part};
use draft::{addition, change, comes, named, note};
use foreign::Foreign;
use moves::Mover;
use names::Names;
use rename::{describe, not_ours};
use retire::{deletion, end};

/// What planning the groups came to.
#[derive(Debug, Default)]
pub struct GroupPlan {
    /// What will happen.
    pub changes: Vec<PlannedChange>,
    /// What waits.
    pub holds: Vec<Hold>,
    /// What has to be asked first.
    pub needs: GroupNeeds,
    /// What others changed, and stays.
    pub drift: Vec<Drift>,
    /// Groups for which nothing remains to be done.
    pub settled: Vec<SourceAnchor>,
}

/// Plans all groups that are subjects or in which somebody moves. `counts` says whether a group is
/// assigned by a row that counts and let in by the filters, whose answers are in `scope`.
pub fn draft<'a>(
    input: &'a PlanInput<'a>,
    rules: &'a GroupRules,
    mut moves: BTreeMap<SourceAnchor, GroupMoves>,
    (counts, scope): (&'a dyn Fn(SourceAnchor) -> bool, &'a GroupScope),
) -> Drafted<'a> {
    let mut planner = Planner {
        input,
        rules,
        counts,
        scope,
        protection: Protection::new(input.target.tenant.as_ref(), &[]),
        names: Names::new(input, rules, counts),
        foreign: Foreign::new(input),
        sources: sources(input, rules),
        claims: BTreeMap::new(),
        placed: placed(input),
        drafts: Vec::new(),
        needs: GroupNeeds::default(),
    };
    planner.claim();
    let mut subjects: BTreeSet<SourceAnchor> =
        input.groups.subjects.iter().copied().chain(moves.keys().copied()).collect();
    // What an interrupted write made of them is not known: they wait to be looked up.
    subjects.retain(|anchor| input.unsettled.binary_search(anchor).is_err());
    for anchor in subjects {
        let moves = moves.remove(&anchor).unwrap_or_default();
        planner.one(anchor, moves);
    }
    Drafted { drafts: planner.drafts, needs: planner.needs }
}

struct Planner<'a> {
    input: &'a PlanInput<'a>,
    rules: &'a GroupRules,
    counts: &'a dyn Fn(SourceAnchor) -> bool,
    scope: &'a GroupScope,
    protection: Protection<'a>,
    names: Names,
    foreign: Foreign<'a>,
    /// The matching rules, prepared.
    sources: Vec<(&'a Expression, Single)>,
    /// Which groups that begin match which group of the target.
    claims: BTreeMap<&'a TargetId, BTreeSet<SourceAnchor>>,
    /// The accounts that this job put into the parts whose members were read, by their position.
    placed: BTreeMap<u32, Vec<&'a TargetId>>,
    drafts: Vec<Draft<'a>>,
    needs: GroupNeeds,
}

impl<'a> Planner<'a> {
    fn one(&mut self, anchor: SourceAnchor, moves: GroupMoves) {
        let facts = &self.input.groups;
        let group = facts.groups.binary_search_by_key(&anchor, |group| group.anchor).ok();
        let group = group.and_then(|index| facts.groups.get(index));
        let (live, gone) = self.parts(anchor);
        let wanted = (self.counts)(anchor) && !group.is_some_and(is_deleted);
        let known = live.first().or(gone.first());
        let name = group
            .and_then(|group| self.names.of(group))
            .or_else(|| known.map(|part| part.standing.link.name_sent.clone()))
            .unwrap_or_else(|| anchor.to_string());
        let mut draft = Draft::new(anchor, live.clone(), name);
        for part in &gone {
            draft.changes.push(end(part));
            // Whoever was in it is planned with the whole group, now or in the next cycle.
            draft.open = true;
        }
        if let Some(why) = self.scope.why_unknown(anchor) {
            draft.hold(HoldKind::FilterUndecided, why.to_owned());
        } else if let Some((id, why)) = self.unreadable(&live) {
            let detail = format!("group {id} could not be read: {why}");
            draft.hold(HoldKind::NotReadable, detail);
        } else if !self.unconfirmed(anchor, &live) {
            match group {
                Some(group) if wanted => self.keep_in_step(group, &live, moves, &mut draft),
                _ if !live.is_empty() => self.retire(group, &live, moves, &mut draft),
                _ => {}
            }
            self.look_at_changed(&live, &mut draft);
        } else {
            draft.open = true;
        }
        self.drafts.push(draft);
    }

    /// Returns the first part that could not be read, with the reason: while that is so, nothing is
    /// done to any of them.
    fn unreadable(&self, live: &[Part<'a>]) -> Option<(&'a TargetId, &'a str)> {
        let view = &self.input.target.groups;
        live.iter().map(|part| &part.standing.link.target_id).find_map(|id| {
            let why = view.unreadable(id)?;
            Some((id, why))
        })
    }

    /// Where a plan is saved: asks for the groups that it changes, so that it can tell later whether
    /// somebody edited them in between.
    fn look_at_changed(&mut self, live: &[Part<'_>], draft: &mut Draft<'a>) {
        if !self.input.verify_all || draft.plans_nothing() {
            return;
        }
        for part in live {
            if self.input.target.groups.get(part.target_id()).is_none() {
                self.needs.ids.insert(part.target_id().clone());
                draft.open = true;
            }
        }
    }

    /// Returns the links of a group: those whose group may still exist, and those whose group is
    /// gone.
    fn parts(&self, anchor: SourceAnchor) -> (Vec<Part<'a>>, Vec<Part<'a>>) {
        let links = self.input.groups.links;
        let from = links.partition_point(|standing| standing.link.anchor < anchor);
        let parts = links.iter().enumerate().skip(from).map_while(|(index, standing)| {
            let position = u32::try_from(index).unwrap_or(u32::MAX);
            (standing.link.anchor == anchor).then_some(Part { position, standing })
        });
        parts.partition(|part| !self.input.target.groups.is_gone(part.target_id()))
    }

    /// Asks for the groups that may be gone; returns whether there are any.
    fn unconfirmed(&mut self, anchor: SourceAnchor, live: &[Part<'_>]) -> bool {
        let view = &self.input.target.groups;
        let verify = self.input.groups.verify.binary_search(&anchor).is_ok();
        let before = self.needs.ids.len();
        for part in live {
            if (view.listed || verify) && view.get(part.target_id()).is_none() {
                self.needs.ids.insert(part.target_id().clone());
            }
        }
        self.needs.ids.len() > before
    }

    /// A group that is assigned and exists.
    fn keep_in_step(
        &mut self,
        group: &SourceGroup,
        live: &[Part<'a>],
        moves: GroupMoves,
        draft: &mut Draft<'a>,
    ) {
        if live.is_empty() {
            return self.begin(group, moves, draft);
        }
        match self.names.of(group) {
            Some(name) => self.rename(group, &name, live, draft),
            None if group.presence == Presence::Present => self.hold_unnamed(group, draft),
            None => {}
        }
        self.remove(live, &moves, draft);
        let joins = self.welcome(&moves.joins, draft);
        let mut taken = self.taken(live, &moves.leaves, &moves.left);
        self.add(live, &mut taken, &joins, draft);
        let merged = self.merge(live, taken, joins.len(), &moves.stays, draft);
        let seen = if merged { live.split_last().map_or(live, |(_, before)| before) } else { live };
        self.compare_members(seen, &moves, &joins, draft);
        self.reactivate(live, draft);
    }

    /// Notes that a group that was left to others is kept in step again.
    fn reactivate(&self, live: &[Part<'a>], draft: &mut Draft<'a>) {
        for part in live {
            let link = &part.standing.link;
            let active = GroupLinkState::Active;
            let renamed = draft.rewrites.iter().any(|change| {
                matches!(&change.link, LinkAfter::Group { part, state, .. }
                    if *part == link.part && *state == active)
            });
            let joined = draft.ins.iter();
            let mut joined = joined.filter(|one| one.kind == Kind::Joins).map(|one| one.position);
            if link.state == active || renamed || joined.any(|at| at == part.position) {
                continue;
            }
            draft.changes.push(note(part, Reason::GroupAssigned, part.keep(active)));
        }
    }

    /// Returns those who may be put into a group: protected accounts are left alone, and named.
    fn welcome(&self, joins: &[Mover], draft: &mut Draft<'a>) -> Vec<Mover> {
        self.without_protected(joins.iter(), draft)
    }

    fn without_protected<'m>(
        &self,
        movers: impl Iterator<Item = &'m Mover>,
        draft: &mut Draft<'a>,
    ) -> Vec<Mover> {
        let mut free = Vec::new();
        for mover in movers {
            match mover.account.as_ref().and_then(|id| self.protection.of_id(id)) {
                None => free.push(mover.clone()),
                Some(why) => draft.hold(
                    HoldKind::Protected,
                    format!("{} is neither put in nor taken out: {why}", mover.label),
                ),
            }
        }
        free
    }

    fn hold_unnamed(&self, group: &SourceGroup, draft: &mut Draft<'a>) {
        debug_assert_eq!(group.anchor, draft.anchor);
        match self.names.failure(group) {
            Some(why) => draft.hold(HoldKind::MappingFailed, format!("Name: {why}")),
            None => {
                let detail = format!("no value for Name = {}", self.rules.name.text());
                draft.hold(HoldKind::MissingValues, detail);
            }
        }
    }
}

fn sources<'a>(input: &PlanInput<'_>, rules: &'a GroupRules) -> Vec<(&'a Expression, Single)> {
    let attributes = &input.rules.group_attributes;
    rules.matching.iter().map(|rule| (rule, Single::new(rule, attributes))).collect()
}

fn is_deleted(group: &SourceGroup) -> bool {
    matches!(group.presence, Presence::SoftDeleted | Presence::HardDeleted)
}

/// Returns the accounts that this job put into the parts whose members were read.
fn placed<'a>(input: &PlanInput<'a>) -> BTreeMap<u32, Vec<&'a TargetId>> {
    let view = &input.target.groups;
    let links = input.groups.links.iter().zip(0..);
    let read = links.filter(|(part, _)| view.members(&part.link.target_id).is_some());
    let mut placed: BTreeMap<u32, Vec<&TargetId>> =
        read.map(|(_, position)| (position, Vec::new())).collect();
    if placed.is_empty() {
        return placed;
    }
    let mut links = Sorted::new(input.links, |link| link.anchor);
    for placement in input.groups.placements {
        if let Some(accounts) = placed.get_mut(&placement.link) {
            accounts.extend(links.find(placement.user).map(|link| &link.target_id));
        }
    }
    placed
}
