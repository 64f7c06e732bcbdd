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

mod guard;
mod moves;
mod names;
mod parts;
mod view;

use std::collections::{BTreeMap, BTreeSet};

pub use moves::{GroupMoves, Moves};
pub use view::{GroupNeeds, GroupView, name_key};

use crate::model::account::Origin;
use crate::model::group::{GroupLinkState, GroupStanding, SourceGroup, TargetGroup};
use crate::model::identity::Presence;
use crate::model::ids::{SourceAnchor, TargetId};
use crate::model::plan::{
    GroupCall, GroupWrite, HeldItem, Hold, HoldKind, LinkAfter, MEMBERS_PER_CALL, Member,
    ModifiedProperty, ObjectKind, PlannedChange, ProvisioningAction, Reason, Write,
};

use super::change::Parts;
use super::decision::held;
use super::input::PlanInput;
use super::protect::Protection;
use super::rules::{Adopt, ExtraMembers, GroupFate, GroupRules, LeaverGroups, Overflow};

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
        owned: input.groups.links.iter().map(|standing| &standing.link.target_id).collect(),
        drafts: Vec::new(),
        needs: GroupNeeds::default(),
    };
    let subjects: BTreeSet<SourceAnchor> =
        input.groups.subjects.iter().copied().chain(moves.keys().copied()).collect();
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
            open: false,
        }
    }
}

impl Draft {
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
    owned: BTreeSet<&'a TargetId>,
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
        if !self.unconfirmed(anchor, &live) {
            match group {
                Some(group) if wanted => self.keep_in_step(group, &live, moves, &mut draft),
                _ if !live.is_empty() => self.retire(group, &live, moves, &mut draft),
                _ => {}
            }
        } else {
            draft.open = true;
        }
        self.drafts.push(draft);
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
        let joins = self.welcome(moves.joins);
        let mut taken = self.taken(live, &moves.leaves, &moves.left);
        self.add(live, &mut taken, &joins, draft);
        self.merge(live, taken, joins.len(), &moves.stays, draft);
        self.extras(live, &moves.stays, &moves.leaves, &moves.left, draft);
        self.reactivate(live, draft);
    }

    /// A group that has no group at the target yet: it is created, unless one exists.
    fn begin(&mut self, group: &SourceGroup, moves: GroupMoves, draft: &mut Draft) {
        if group.presence != Presence::Present {
            draft.open = true;
            return;
        }
        let Some(name) = self.names.of(group) else {
            return self.hold_unnamed(group, draft);
        };
        let others = self.names.others(&name, group.anchor);
        if !others.is_empty() {
            let detail = format!("{} in Entra ID have the name {name}", listed(&others));
            return draft.hold(HoldKind::NameClash, detail);
        }
        if !self.input.target.groups.listed {
            self.needs.list = true;
            draft.open = true;
            return;
        }
        let joins = self.welcome(moves.joins);
        let (rule, found) = self.matching(group, &name);
        match (found.as_slice(), self.rules.adopt) {
            ([], _) | (_, Adopt::Never) => {
                let beside = found.iter().map(|found| found.id.clone()).collect();
                self.create(&name, beside, &joins, draft);
            }
            ([found], Adopt::Always) => {
                self.adopt(found, &name, rule, joins, draft);
            }
            (found, adopt) => {
                let names: Vec<String> = found.iter().map(|group| describe(group)).collect();
                let which = names.join(" and ");
                let detail = if adopt == Adopt::Always {
                    format!("`{rule}` matches {which}")
                } else {
                    format!("ShareFile has {which}, which this job did not make")
                };
                draft.hold(HoldKind::NameClash, detail);
            }
        }
    }

    /// Returns the groups of the target that match, and the rule that found them.
    fn matching(&self, group: &SourceGroup, name: &str) -> (String, Vec<&'a TargetGroup>) {
        let attributes = &self.input.rules.group_attributes;
        let view = &self.input.target.groups;
        let tenant = self.input.target.tenant.as_ref();
        let super_group = tenant.and_then(|tenant| tenant.super_group.as_ref());
        let of_name = |key: &str| -> Vec<&'a TargetGroup> {
            view.iter()
                .filter(|found| name_key(&found.name) == key)
                .filter(|found| !self.owned.contains(&found.id) && super_group != Some(&found.id))
                .collect()
        };
        for rule in &self.rules.matching {
            let Some(value) = rule.eval(attributes, &group.attributes) else {
                continue;
            };
            let found = of_name(&name_key(value));
            if !found.is_empty() {
                return (format!("Name = {}", rule.text()), found);
            }
        }
        (format!("Name = {}", self.rules.name.text()), of_name(&name_key(name)))
    }

    fn create(&self, name: &str, beside: Vec<TargetId>, joins: &[Mover], draft: &mut Draft) {
        let seating = parts::seat(joins.len(), &[], self.rules.overflow);
        let mut rest = joins;
        let parts = if seating.parts.is_empty() { vec![(1, 0)] } else { seating.parts };
        for (part, number) in parts {
            let (members, others) = rest.split_at(number.min(rest.len()));
            rest = others;
            let beside = if part == 1 { beside.clone() } else { Vec::new() };
            self.create_part(name, part, beside, members, draft);
        }
        self.full(seating.waiting, draft);
    }

    /// Creates a part with its members: the first ones in the same call.
    fn create_part(
        &self,
        name: &str,
        part: u16,
        beside: Vec<TargetId>,
        movers: &[Mover],
        draft: &mut Draft,
    ) {
        let name = parts::part_name(name, part);
        let (first, more) = movers.split_at(movers.len().min(MEMBERS_PER_CALL));
        let mut modified = vec![named(None, &name)];
        modified.extend(first.iter().map(|mover| comes(&mover.label)));
        let members = first.iter().map(Mover::member).collect();
        let link = || LinkAfter::Group {
            part,
            origin: Origin::Created,
            state: GroupLinkState::Active,
            name: name.clone(),
            found: Vec::new(),
        };
        let call = GroupCall::Create { name: name.clone(), members, beside };
        draft.changes.push(self.change(Making {
            anchor: draft.anchor,
            label: name.clone(),
            target_id: None,
            action: ProvisioningAction::Create,
            reasons: vec![Reason::GroupAssigned],
            modified,
            write: Write::Group(GroupWrite { part, target_id: None, call }),
            link: link(),
        }));
        for chunk in more.chunks(MEMBERS_PER_CALL) {
            draft.changes.push(self.addition(draft.anchor, &name, part, None, chunk, link()));
        }
    }

    fn adopt(
        &mut self,
        found: &TargetGroup,
        name: &str,
        rule: String,
        joins: Vec<Mover>,
        draft: &mut Draft,
    ) {
        let view = &self.input.target.groups;
        let Some(members) = view.members(&found.id) else {
            self.needs.members.insert(found.id.clone());
            draft.open = true;
            return;
        };
        let is_in = |mover: &Mover| {
            mover.account.as_ref().is_some_and(|account| members.binary_search(account).is_ok())
        };
        let (inside, outside): (Vec<Mover>, Vec<Mover>) = joins.into_iter().partition(is_in);
        let origin = Origin::Adopted { rule: rule.clone() };
        let link = |found: Vec<SourceAnchor>| LinkAfter::Group {
            part: 1,
            origin: origin.clone(),
            state: GroupLinkState::Active,
            name: name.to_owned(),
            found,
        };
        let rename = found.name != name || !found.shared;
        let write = GroupWrite {
            part: 1,
            target_id: Some(found.id.clone()),
            call: GroupCall::Rename { name: name.to_owned() },
        };
        draft.changes.push(self.change(Making {
            anchor: draft.anchor,
            label: name.to_owned(),
            target_id: Some(found.id.clone()),
            action: if rename { ProvisioningAction::Update } else { ProvisioningAction::Other },
            reasons: vec![Reason::Matched { rule }, Reason::GroupAssigned],
            modified: if rename { vec![named(Some(&found.name), name)] } else { Vec::new() },
            write: if rename { Write::Group(write) } else { Write::Nothing },
            link: link(inside.iter().map(|mover| mover.person).collect()),
        }));
        let taken = found.members.and_then(|taken| usize::try_from(taken).ok());
        let taken = taken.unwrap_or(members.len()).max(members.len());
        let seating = parts::seat(outside.len(), &[(1, taken)], self.rules.overflow);
        let mut rest = outside.as_slice();
        for (part, number) in &seating.parts {
            let (now, others) = rest.split_at((*number).min(rest.len()));
            rest = others;
            if *part > 1 {
                self.create_part(name, *part, Vec::new(), now, draft);
                continue;
            }
            for chunk in now.chunks(MEMBERS_PER_CALL) {
                let target_id = Some(found.id.clone());
                let link = link(Vec::new());
                draft.changes.push(self.addition(draft.anchor, name, 1, target_id, chunk, link));
            }
        }
        self.full(seating.waiting, draft);
    }

    fn rename(&mut self, group: &SourceGroup, name: &str, live: &[Part<'_>], draft: &mut Draft) {
        let differs = |part: &&Part<'_>| {
            part.standing.link.name_sent != parts::part_name(name, part.standing.link.part)
        };
        let renamed: Vec<&Part<'_>> = live.iter().filter(differs).collect();
        if renamed.is_empty() {
            return;
        }
        let others = self.names.others(name, group.anchor);
        if !others.is_empty() {
            let detail = format!("{} in Entra ID have the name {name}", listed(&others));
            return draft.hold(HoldKind::NameClash, detail);
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
                reasons: vec![Reason::Renamed],
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

    /// Takes out who left the group, and by the rules who left altogether.
    fn remove(&self, live: &[Part<'_>], moves: &GroupMoves, draft: &mut Draft) {
        for part in live {
            let of_part = |movers: &[(u32, Mover)]| -> Vec<Mover> {
                let here = movers.iter().filter(|(position, _)| *position == part.position);
                here.map(|(_, mover)| mover.clone()).collect()
            };
            let leaves = of_part(&moves.leaves);
            let state = GroupLinkState::Active;
            let removals = self.removals(part, &leaves, Reason::MembersLeft, state, draft.anchor);
            draft.removals.extend(removals);
            if self.rules.leaver_groups == LeaverGroups::Remove {
                let left = of_part(&moves.left);
                let removals = self.removals(part, &left, Reason::MembersLeft, state, draft.anchor);
                draft.changes.extend(removals);
            }
        }
    }

    fn removals(
        &self,
        part: &Part<'_>,
        movers: &[Mover],
        reason: Reason,
        state: GroupLinkState,
        anchor: SourceAnchor,
    ) -> Vec<PlannedChange> {
        let link = &part.standing.link;
        let removal = |chunk: &[Mover]| {
            let members = chunk.iter().map(Mover::member).collect();
            let labels = chunk.iter().map(|mover| mover.label.as_str());
            self.removal(part, members, labels.map(goes).collect(), reason.clone(), state, anchor)
        };
        debug_assert_eq!(link.anchor, anchor);
        movers.chunks(MEMBERS_PER_CALL).map(removal).collect()
    }

    fn removal(
        &self,
        part: &Part<'_>,
        members: Vec<Member>,
        modified: Vec<ModifiedProperty>,
        reason: Reason,
        state: GroupLinkState,
        anchor: SourceAnchor,
    ) -> PlannedChange {
        let link = &part.standing.link;
        self.change(Making {
            anchor,
            label: link.name_sent.clone(),
            target_id: Some(link.target_id.clone()),
            action: ProvisioningAction::Update,
            reasons: vec![reason],
            modified,
            write: Write::Group(GroupWrite {
                part: link.part,
                target_id: Some(link.target_id.clone()),
                call: GroupCall::Remove { members },
            }),
            link: part.keep(state),
        })
    }

    /// Returns how many members each part has once those who leave are out.
    fn taken(
        &self,
        live: &[Part<'_>],
        leaves: &[(u32, Mover)],
        left: &[(u32, Mover)],
    ) -> Vec<(u16, usize)> {
        let strips = self.rules.leaver_groups == LeaverGroups::Remove;
        live.iter()
            .map(|part| {
                let here = |movers: &[(u32, Mover)]| {
                    movers.iter().filter(|(position, _)| *position == part.position).count()
                };
                let out = here(leaves) + if strips { here(left) } else { 0 };
                let placed = usize::try_from(part.standing.placed).unwrap_or(usize::MAX);
                let seen = self.input.target.groups.get(part.target_id());
                let seen = seen.and_then(|group| usize::try_from(group.members?).ok());
                let members = placed.max(seen.unwrap_or(0)).saturating_sub(out);
                (part.standing.link.part, members)
            })
            .collect()
    }

    fn add(
        &self,
        live: &[Part<'_>],
        taken: &mut Vec<(u16, usize)>,
        joins: &[Mover],
        draft: &mut Draft,
    ) {
        let seating = parts::seat(joins.len(), taken, self.rules.overflow);
        let mut rest = joins;
        for (number, seats) in &seating.parts {
            let (now, others) = rest.split_at((*seats).min(rest.len()));
            rest = others;
            match taken.iter_mut().find(|(part, _)| part == number) {
                Some((_, members)) => *members += now.len(),
                None => taken.push((*number, now.len())),
            }
            match live.iter().find(|part| part.standing.link.part == *number) {
                Some(part) => self.add_to(part, now, draft),
                None => self.create_part(&draft.name.clone(), *number, Vec::new(), now, draft),
            }
        }
        self.full(seating.waiting, draft);
    }

    fn add_to(&self, part: &Part<'_>, movers: &[Mover], draft: &mut Draft) {
        let link = &part.standing.link;
        for chunk in movers.chunks(MEMBERS_PER_CALL) {
            let target_id = Some(link.target_id.clone());
            let after = part.keep(GroupLinkState::Active);
            let name = &link.name_sent;
            let change = self.addition(draft.anchor, name, link.part, target_id, chunk, after);
            draft.changes.push(change);
        }
    }

    fn addition(
        &self,
        anchor: SourceAnchor,
        name: &str,
        part: u16,
        target_id: Option<TargetId>,
        movers: &[Mover],
        link: LinkAfter,
    ) -> PlannedChange {
        let members = movers.iter().map(Mover::member).collect();
        self.change(Making {
            anchor,
            label: name.to_owned(),
            target_id: target_id.clone(),
            action: ProvisioningAction::Update,
            reasons: vec![Reason::MembersJoined],
            modified: movers.iter().map(|mover| comes(&mover.label)).collect(),
            write: Write::Group(GroupWrite { part, target_id, call: GroupCall::Add { members } }),
            link,
        })
    }

    /// Holds those who find no place.
    fn full(&self, waiting: usize, draft: &mut Draft) {
        if waiting > 0 {
            let detail = format!(
                "{waiting} people wait: ShareFile takes {} members in a group",
                parts::CAPACITY
            );
            draft.hold(HoldKind::GroupFull, detail);
        }
    }

    /// Moves the members of the last part into those before it if there is ample room, and deletes
    /// it. Only when the whole group is looked at: then everybody in it is known.
    fn merge(
        &self,
        live: &[Part<'_>],
        taken: Vec<(u16, usize)>,
        joining: usize,
        stays: &[(u32, Mover)],
        draft: &mut Draft,
    ) {
        let whole = self.input.groups.subjects.binary_search(&draft.anchor).is_ok();
        let Some((last, before)) = live.split_last() else {
            return;
        };
        let created = last.standing.link.origin == Origin::Created;
        if !whole || !created || joining > 0 || !parts::mergeable(&taken) {
            return;
        }
        let earlier: BTreeSet<SourceAnchor> = stays
            .iter()
            .filter(|(position, _)| *position != last.position)
            .map(|(_, mover)| mover.person)
            .collect();
        let movers: Vec<Mover> = stays
            .iter()
            .filter(|(position, mover)| {
                *position == last.position && !earlier.contains(&mover.person)
            })
            .map(|(_, mover)| mover.clone())
            .collect();
        let room: Vec<(u16, usize)> =
            taken.into_iter().filter(|(part, _)| *part != last.standing.link.part).collect();
        let seating = parts::seat(movers.len(), &room, Overflow::Hold);
        if seating.waiting > 0 {
            return;
        }
        let mut rest = movers.as_slice();
        for (number, seats) in seating.parts {
            let (now, others) = rest.split_at(seats.min(rest.len()));
            rest = others;
            if let Some(part) = before.iter().find(|part| part.standing.link.part == number) {
                self.add_to(part, now, draft);
            }
        }
        draft.changes.push(self.deletion(last, Reason::PartsMerged, draft.anchor));
    }

    /// Members whom somebody else put into a group are kept, reported or taken out, whenever the
    /// members of the group were read.
    fn extras(
        &mut self,
        live: &[Part<'_>],
        stays: &[(u32, Mover)],
        leaves: &[(u32, Mover)],
        left: &[(u32, Mover)],
        draft: &mut Draft,
    ) {
        if self.rules.extra_members == ExtraMembers::Keep {
            return;
        }
        for part in live {
            let Some(members) = self.input.target.groups.members(part.target_id()) else {
                continue;
            };
            let ours: BTreeSet<&TargetId> = [stays, leaves, left]
                .into_iter()
                .flatten()
                .filter(|(position, _)| *position == part.position)
                .filter_map(|(_, mover)| mover.account.as_ref())
                .collect();
            let extra: Vec<TargetId> = members
                .iter()
                .filter(|member| !ours.contains(member))
                .filter(|member| self.protection.of_id(member).is_none())
                .cloned()
                .collect();
            if extra.is_empty() {
                continue;
            }
            let names: Vec<String> = extra.iter().map(|id| self.account_name(id)).collect();
            if self.rules.extra_members == ExtraMembers::Report {
                let detail = format!("{} put in by others: {}", count(&names), few(&names));
                draft.hold(HoldKind::ExtraMembers, detail);
                continue;
            }
            for (chunk, names) in extra.chunks(MEMBERS_PER_CALL).zip(names.chunks(MEMBERS_PER_CALL))
            {
                let member = |id: &TargetId| Member { person: None, target_id: Some(id.clone()) };
                let members = chunk.iter().map(member).collect();
                let modified = names.iter().map(|name| goes(name)).collect();
                let state = GroupLinkState::Active;
                let reason = Reason::ExtraMembers;
                let change = self.removal(part, members, modified, reason, state, draft.anchor);
                draft.extras.push(change);
            }
            draft.seen += members.len() as u64;
        }
    }

    /// Returns what an account is called: its address, where it is known.
    fn account_name(&self, id: &TargetId) -> String {
        let known = self.input.target.by_id(id);
        let address = known.map(|known| known.account.address()).filter(|text| !text.is_empty());
        address.map_or_else(|| id.to_string(), str::to_owned)
    }

    /// Notes that a group that was left to others is kept in step again.
    fn reactivate(&self, live: &[Part<'_>], draft: &mut Draft) {
        for part in live {
            let link = &part.standing.link;
            let touched = draft.changes.iter().any(|change| {
                matches!(&change.link, LinkAfter::Group { part, .. } if *part == link.part)
            });
            if link.state == GroupLinkState::Active || touched {
                continue;
            }
            let after = part.keep(GroupLinkState::Active);
            draft.changes.push(self.note(part, Reason::GroupAssigned, after, draft.anchor));
        }
    }

    /// A group that is no longer assigned or no longer exists.
    fn retire(
        &self,
        group: Option<&SourceGroup>,
        live: &[Part<'_>],
        moves: GroupMoves,
        draft: &mut Draft,
    ) {
        let deleted = group.is_some_and(is_deleted);
        let (fate, reason) = if deleted {
            (self.rules.deprovision, Reason::GroupDeleted)
        } else {
            (self.rules.on_unassigned, Reason::GroupUnassigned)
        };
        let whole = self.input.groups.subjects.binary_search(&draft.anchor).is_ok();
        match fate {
            GroupFate::Keep => {
                if self.rules.leaver_groups == LeaverGroups::Remove {
                    let left = GroupMoves { left: moves.left, ..GroupMoves::default() };
                    self.remove(live, &left, draft);
                }
                self.release(live, &reason, draft);
            }
            GroupFate::Empty if whole => {
                for part in live {
                    let everybody = moves.leaves.iter().chain(&moves.left);
                    let here: Vec<Mover> = everybody
                        .filter(|(position, _)| *position == part.position)
                        .map(|(_, mover)| mover.clone())
                        .collect();
                    let state = GroupLinkState::Released;
                    let removals = self.removals(part, &here, reason.clone(), state, draft.anchor);
                    draft.fate.extend(removals);
                }
                if draft.fate.is_empty() {
                    self.release(live, &reason, draft);
                }
            }
            GroupFate::Delete if whole => {
                let delete = |part| self.deletion(part, reason.clone(), draft.anchor);
                draft.fate = live.iter().map(delete).collect();
            }
            // Somebody of the group was planned, not the group itself.
            GroupFate::Empty | GroupFate::Delete => {}
        }
    }

    fn release(&self, live: &[Part<'_>], reason: &Reason, draft: &mut Draft) {
        for part in live.iter().filter(|part| part.standing.link.state == GroupLinkState::Active) {
            let after = part.keep(GroupLinkState::Released);
            draft.changes.push(self.note(part, reason.clone(), after, draft.anchor));
        }
    }

    fn deletion(&self, part: &Part<'_>, reason: Reason, anchor: SourceAnchor) -> PlannedChange {
        let link = &part.standing.link;
        self.change(Making {
            anchor,
            label: link.name_sent.clone(),
            target_id: Some(link.target_id.clone()),
            action: ProvisioningAction::Delete,
            reasons: vec![reason],
            modified: vec![ModifiedProperty {
                name: "Name".to_owned(),
                old: Some(link.name_sent.clone()),
                new: None,
            }],
            write: Write::Group(GroupWrite {
                part: link.part,
                target_id: Some(link.target_id.clone()),
                call: GroupCall::Delete,
            }),
            link: LinkAfter::EndGroup { part: link.part },
        })
    }

    /// The group of a link is gone: the link ends.
    fn end(&self, draft: &Draft, part: &Part<'_>) -> PlannedChange {
        let after = LinkAfter::EndGroup { part: part.standing.link.part };
        self.note(part, Reason::GroupGone, after, draft.anchor)
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
        parts.seal(None)
    }

    /// Returns those who may be put into a group: protected accounts are left alone.
    fn welcome(&self, joins: Vec<Mover>) -> Vec<Mover> {
        let protected = |mover: &Mover| {
            mover.account.as_ref().is_some_and(|id| self.protection.of_id(id).is_some())
        };
        joins.into_iter().filter(|mover| !protected(mover)).collect()
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

fn listed(anchors: &[SourceAnchor]) -> String {
    let names: Vec<String> = anchors.iter().map(|anchor| format!("group {anchor}")).collect();
    names.join(" and ")
}

fn count(names: &[String]) -> String {
    match names.len() {
        1 => "1 member was".to_owned(),
        number => format!("{number} members were"),
    }
}

/// So many names at most are spelled out.
const NAMES: usize = 5;

fn few(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES).map(String::as_str).collect();
    let more = names.len().saturating_sub(NAMES);
    let shown = shown.join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
