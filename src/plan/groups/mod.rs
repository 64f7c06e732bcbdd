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
//! | no longer assigned, or deleted | kept, emptied or deleted |
//! | the group of the target is gone | the link ends, and the group is created again |

mod begin;
pub mod check;
mod foreign;
mod guard;
mod members;
mod moves;
mod names;
mod parts;
mod retire;
mod seen;
mod view;

use std::collections::{BTreeMap, BTreeSet};

pub use moves::{GroupMoves, Moves};
pub use view::{GroupNeeds, GroupView, name_key};

use crate::model::account::Origin;
use crate::model::group::{GroupLinkState, GroupStanding, SourceGroup, TargetGroup};
use crate::model::identity::Presence;
use crate::model::ids::{SourceAnchor, TargetId};
use crate::model::plan::{
    Drift, GroupCall, GroupWrite, HeldItem, Hold, HoldKind, LinkAfter, MEMBERS_PER_CALL, Member,
    ModifiedProperty, ObjectKind, PlannedChange, ProvisioningAction, Reason, Write,
};

use super::change::{Parts, fingerprint_of_group};
use super::decision::held;
use super::input::PlanInput;
use super::protect::Protection;
use super::rules::{Adopt, ExtraMembers, GroupFate, GroupRules, LeaverGroups, Overflow};
use super::sorted::Sorted;

use foreign::Foreign;
use moves::Mover;
use names::Names;

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
/// assigned by a row that counts; `whole` is the hold in which everything waits, if it does.
pub fn plan(
    input: &PlanInput<'_>,
    rules: &GroupRules,
    mut moves: BTreeMap<SourceAnchor, GroupMoves>,
    counts: &dyn Fn(SourceAnchor) -> bool,
    whole: Option<(HoldKind, String)>,
) -> GroupPlan {
    let mut planner = Planner {
        input,
        rules,
        counts,
        protection: Protection::new(input.target.tenant.as_ref(), &[]),
        names: Names::new(input, rules, counts),
        foreign: Foreign::new(input),
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
    guard::finish(input, planner.drafts, planner.needs, whole)
}

/// What is planned for one group.
#[derive(Debug)]
struct Draft {
    anchor: SourceAnchor,
    name: String,
    /// Changes that pass unless everything waits.
    changes: Vec<PlannedChange>,
    /// Removals of members who are still in scope.
    removals: Vec<PlannedChange>,
    /// How many members the group has, and how many were removed within the last day.
    placed: u64,
    removed_today: u64,
    /// Removals of members whom others put in, and how many members were seen.
    extras: Vec<PlannedChange>,
    seen: u64,
    /// The group is deleted or emptied.
    fate: Vec<PlannedChange>,
    /// What is withheld.
    held: Vec<(HoldKind, HeldItem)>,
    /// What others changed, and stays.
    drift: Vec<Drift>,
    /// Something has to be asked: the group is not done.
    open: bool,
}

impl Draft {
    fn new(anchor: SourceAnchor, live: &[Part<'_>], name: String) -> Self {
        let sum = |number: fn(&GroupStanding) -> u32| {
            live.iter().map(|part| u64::from(number(part.standing))).sum()
        };
        Self {
            anchor,
            name,
            changes: Vec::new(),
            removals: Vec::new(),
            placed: sum(|standing| standing.placed),
            removed_today: sum(|standing| standing.removed_today),
            extras: Vec::new(),
            seen: 0,
            fate: Vec::new(),
            held: Vec::new(),
            drift: Vec::new(),
            open: false,
        }
    }
}

impl Draft {
    /// Returns whether nothing is done, whether at once or later.
    fn is_idle(&self) -> bool {
        let parts = [&self.changes, &self.removals, &self.extras, &self.fate];
        parts.into_iter().all(Vec::is_empty)
    }

    fn hold(&mut self, kind: HoldKind, detail: String) {
        self.held.push((kind, held(kind, self.anchor, &self.name, detail)));
    }
}

/// A live link of the group, with its position among all links.
#[derive(Clone, Copy)]
struct Part<'a> {
    position: u32,
    standing: &'a GroupStanding,
}

impl Part<'_> {
    fn target_id(&self) -> &TargetId {
        &self.standing.link.target_id
    }

    /// Returns the link as it is, in a state.
    fn keep(&self, state: GroupLinkState) -> LinkAfter {
        let link = &self.standing.link;
        LinkAfter::Group {
            part: link.part,
            origin: link.origin.clone(),
            state,
            name: link.name_sent.clone(),
            found: Vec::new(),
        }
    }
}

struct Planner<'a> {
    input: &'a PlanInput<'a>,
    rules: &'a GroupRules,
    counts: &'a dyn Fn(SourceAnchor) -> bool,
    protection: Protection<'a>,
    names: Names,
    foreign: Foreign<'a>,
    /// Which groups that begin match which group of the target.
    claims: BTreeMap<&'a TargetId, BTreeSet<SourceAnchor>>,
    /// The accounts that this job put into the parts whose members were read, by their position.
    placed: BTreeMap<u32, Vec<&'a TargetId>>,
    drafts: Vec<Draft>,
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
        let mut draft = Draft::new(anchor, &live, name);
        for part in &gone {
            draft.changes.push(self.end(&draft, part));
            // Whoever was in it is planned with the whole group, now or in the next cycle.
            draft.open = true;
        }
        if let Some((id, why)) = self.unreadable(&live) {
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
    fn look_at_changed(&mut self, live: &[Part<'_>], draft: &mut Draft) {
        if !self.input.verify_all || draft.is_idle() {
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
        draft: &mut Draft,
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
        let joins = self.welcome(&moves.joins);
        let mut taken = self.taken(live, &moves.leaves, &moves.left);
        self.add(live, &mut taken, &joins, draft);
        self.merge(live, taken, joins.len(), &moves.stays, draft);
        self.compare_members(live, &moves, &joins, draft);
        self.reactivate(live, draft);
    }

    /// Returns whether no group of others has the names that parts are to have; asks, and holds. A
    /// name that differs by case alone is no new one.
    fn is_free(&mut self, name: &str, renamed: &[&Part<'_>], draft: &mut Draft) -> bool {
        for part in renamed {
            let link = &part.standing.link;
            let name = parts::part_name(name, link.part);
            if self.rules.adopt == Adopt::Never || name_key(&name) == name_key(&link.name_sent) {
                continue;
            }
            match self.of_name(&name, draft) {
                Some(found) if found.is_empty() => {}
                Some(found) => {
                    draft.hold(HoldKind::NameClash, not_ours(&found));
                    return false;
                }
                None => return false,
            }
        }
        true
    }

    fn rename(&mut self, group: &SourceGroup, name: &str, live: &[Part<'_>], draft: &mut Draft) {
        let repair = self.renamed_by_others(live, draft);
        let differs = |part: &&Part<'_>| {
            let link = &part.standing.link;
            link.name_sent != parts::part_name(name, link.part) || repair.contains(&link.part)
        };
        let renamed: Vec<&Part<'_>> = live.iter().filter(differs).collect();
        if renamed.is_empty() {
            return;
        }
        let others = self.names.others(name, group.anchor);
        if !others.is_empty() {
            return draft.hold(HoldKind::NameClash, self.names.clash(&others, name));
        }
        if !self.is_free(name, &renamed, draft) {
            return;
        }
        for part in renamed {
            let link = &part.standing.link;
            let name = parts::part_name(name, link.part);
            let write = GroupWrite {
                part: link.part,
                target_id: Some(link.target_id.clone()),
                call: GroupCall::Rename { name: name.clone() },
            };
            draft.changes.push(self.change(Making {
                anchor: draft.anchor,
                label: name.clone(),
                target_id: Some(link.target_id.clone()),
                action: ProvisioningAction::Update,
                reasons: vec![if link.name_sent == name {
                    Reason::Drifted
                } else {
                    Reason::Renamed
                }],
                modified: vec![named(Some(&link.name_sent), &name)],
                write: Write::Group(write),
                link: LinkAfter::Group {
                    part: link.part,
                    origin: link.origin.clone(),
                    state: GroupLinkState::Active,
                    name,
                    found: Vec::new(),
                },
            }));
        }
    }

    /// Notes that a group that was left to others is kept in step again.
    fn reactivate(&self, live: &[Part<'_>], draft: &mut Draft) {
        for part in live {
            let link = &part.standing.link;
            let touched = draft.changes.iter().any(|change| {
                let active = GroupLinkState::Active;
                matches!(&change.link, LinkAfter::Group { part, state, .. }
                    if *part == link.part && *state == active)
            });
            if link.state == GroupLinkState::Active || touched {
                continue;
            }
            let after = part.keep(GroupLinkState::Active);
            draft.changes.push(self.note(part, Reason::GroupAssigned, after, draft.anchor));
        }
    }

    /// Changes nothing but the link.
    fn note(
        &self,
        part: &Part<'_>,
        reason: Reason,
        link: LinkAfter,
        anchor: SourceAnchor,
    ) -> PlannedChange {
        self.change(Making {
            anchor,
            label: part.standing.link.name_sent.clone(),
            target_id: Some(part.target_id().clone()),
            action: ProvisioningAction::Other,
            reasons: vec![reason],
            modified: Vec::new(),
            write: Write::Nothing,
            link,
        })
    }

    fn change(&self, making: Making) -> PlannedChange {
        let parts = Parts {
            object: ObjectKind::Group,
            anchor: making.anchor,
            label: making.label,
            target_id: making.target_id,
            action: making.action,
            reasons: making.reasons,
            modified: making.modified,
            write: making.write,
            link: making.link,
            before: None,
        };
        let known = parts.target_id.as_ref().and_then(|id| self.input.target.groups.get(id));
        let seen = known.filter(|_| self.input.verify_all).map(fingerprint_of_group);
        parts.seal(seen)
    }

    /// Returns those who may be put into a group: protected accounts are left alone.
    fn welcome(&self, joins: &[Mover]) -> Vec<Mover> {
        let protected = |mover: &Mover| {
            mover.account.as_ref().is_some_and(|id| self.protection.of_id(id).is_some())
        };
        joins.iter().filter(|mover| !protected(mover)).cloned().collect()
    }

    fn hold_unnamed(&self, group: &SourceGroup, draft: &mut Draft) {
        debug_assert_eq!(group.anchor, draft.anchor);
        let detail = format!("no value for Name = {}", self.rules.name.text());
        draft.hold(HoldKind::MissingValues, detail);
    }
}

/// What a change of a group is made of.
struct Making {
    anchor: SourceAnchor,
    label: String,
    target_id: Option<TargetId>,
    action: ProvisioningAction,
    reasons: Vec<Reason>,
    modified: Vec<ModifiedProperty>,
    write: Write,
    link: LinkAfter,
}

fn is_deleted(group: &SourceGroup) -> bool {
    matches!(group.presence, Presence::SoftDeleted | Presence::HardDeleted)
}

fn named(old: Option<&str>, new: &str) -> ModifiedProperty {
    let old = old.map(str::to_owned);
    ModifiedProperty { name: "Name".to_owned(), old, new: Some(new.to_owned()) }
}

fn comes(label: &str) -> ModifiedProperty {
    ModifiedProperty { name: "Member".to_owned(), old: None, new: Some(label.to_owned()) }
}

fn goes(label: &str) -> ModifiedProperty {
    ModifiedProperty { name: "Member".to_owned(), old: Some(label.to_owned()), new: None }
}

/// Returns a group of the target in words, for the details of a hold.
fn describe(group: &TargetGroup) -> String {
    let shared = if group.shared { "the shared group" } else { "the private group" };
    format!("{shared} {} ({})", group.name, group.id)
}

/// Says which groups of others have the name that a group wants.
fn not_ours(found: &[&TargetGroup]) -> String {
    let names: Vec<String> = found.iter().map(|group| describe(group)).collect();
    format!(
        "ShareFile has {}, which this job did not make; see `groups.adopt`",
        names.join(" and ")
    )
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
