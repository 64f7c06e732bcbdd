//! Who joins and who leaves which group, person by person.

use std::collections::{BTreeMap, HashSet};

use crate::model::account::{Link, LinkState, TargetAttribute};
use crate::model::group::{GroupStanding, Placement};
use crate::model::ids::{SourceAnchor, TargetId};
use crate::model::plan::{LinkAfter, Member, PlannedChange, Write};

use crate::plan::decision::Decision;
use crate::plan::input::{PlanInput, TargetView};
use crate::plan::sorted::Sorted;

/// A person who joins or leaves a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mover {
    /// The person.
    pub person: SourceAnchor,
    /// What the person is called.
    pub label: String,
    /// The account; `None` if this plan creates it.
    pub account: Option<TargetId>,
    /// The person's own change has to pass first: the account is created, adopted or disabled.
    pub(super) awaits: bool,
}

impl Mover {
    /// Returns the person as the calls name members.
    pub fn member(&self) -> Member {
        let target_id = self.account.clone();
        Member { person: Some(self.person), target_id, counted: false, approval: None }
    }
}

/// Who moves in one group; each list in rising order of people.
#[derive(Clone, Debug, Default)]
pub struct GroupMoves {
    /// Who belongs into the group and is not in it.
    pub joins: Vec<Mover>,
    /// Who is in scope and no longer belongs into the group, with the position of the link of the
    /// part they are in.
    pub leaves: Vec<(u32, Mover)>,
    /// Who is out of scope and still in the group.
    pub left: Vec<(u32, Mover)>,
    /// Who stays, if the group is looked at as a whole.
    pub stays: Vec<(u32, Mover)>,
    /// The accounts of people who belong into the group and cannot be put into it yet, if the group is
    /// looked at as a whole.
    pub expected: Vec<TargetId>,
}

/// How a person stands to groups.
enum Standing<'a> {
    /// The groups of the source count.
    Follows { account: Option<&'a TargetId>, awaits: bool },
    /// The person left.
    Left { account: &'a TargetId, awaits: bool },
    /// Nothing changes.
    Rests,
}

/// What placements are in: one part of a group.
struct Seats {
    group: SourceAnchor,
    /// The group is gone: nobody is in it any more.
    void: bool,
    /// Those who stay matter as well.
    watched: bool,
}

/// Collects who moves. People are looked at in rising order.
pub struct Moves<'a> {
    view: &'a TargetView,
    /// One for each link, in their order.
    seats: Vec<Seats>,
    /// Groups of which those who stay matter as well; sorted.
    watched: Vec<SourceAnchor>,
    placements: Sorted<'a, Placement>,
    by_group: BTreeMap<SourceAnchor, GroupMoves>,
}

impl<'a> Moves<'a> {
    /// Begins with the first person.
    pub fn new(input: &PlanInput<'a>) -> Self {
        let seats = seats(input);
        let mut watched: Vec<SourceAnchor> =
            seats.iter().filter(|seats| seats.watched).map(|seats| seats.group).collect();
        watched.dedup();
        Self {
            view: input.target,
            seats,
            watched,
            placements: Sorted::new(input.groups.placements, |placement| placement.user),
            by_group: BTreeMap::new(),
        }
    }

    /// Compares the groups that a person is in at the source (`groups`, sorted) with those that
    /// this job put the account into.
    pub fn look_at(
        &mut self,
        anchor: SourceAnchor,
        groups: &[SourceAnchor],
        decision: &Decision,
        link: Option<&Link>,
    ) {
        let placed = self.placements.run(anchor);
        if placed.is_empty() && groups.is_empty() {
            return;
        }
        let live = link.filter(|link| !self.view.is_gone(&link.target_id));
        let standing = standing(decision, live);
        if matches!(standing, Standing::Follows { .. })
            && live.is_some()
            && self.agree(groups, placed)
        {
            return;
        }
        // An account that is gone is in no group, and neither is anybody in a group that is gone.
        let held_in: Vec<(u32, SourceAnchor)> = placed
            .iter()
            .filter(|_| live.is_some())
            .filter_map(|placement| {
                let seats = self.seats(placement).filter(|seats| !seats.void)?;
                Some((placement.link, seats.group))
            })
            .collect();
        let mover = |account: Option<&TargetId>, awaits| Mover {
            person: anchor,
            label: label(decision, link, anchor),
            account: account.cloned(),
            awaits,
        };
        match standing {
            Standing::Follows { account, awaits } => {
                for group in groups {
                    if held_in.binary_search_by_key(group, |(_, held)| *held).is_err() {
                        self.group(*group).joins.push(mover(account, awaits));
                    }
                }
                for (link, group) in held_in {
                    if groups.binary_search(&group).is_err() {
                        self.group(group).leaves.push((link, mover(account, false)));
                    } else if self.is_watched(link) {
                        self.group(group).stays.push((link, mover(account, false)));
                    }
                }
            }
            Standing::Left { account, awaits } => {
                for (link, group) in held_in {
                    self.group(group).left.push((link, mover(Some(account), awaits)));
                }
            }
            Standing::Rests => {
                let Some(account) = live.map(|link| &link.target_id) else { return };
                let watched = |group: &&SourceAnchor| self.watched.binary_search(group).is_ok();
                let watched: Vec<SourceAnchor> = groups.iter().filter(watched).copied().collect();
                for group in watched {
                    self.group(group).expected.push(account.clone());
                }
            }
        }
    }

    fn seats(&self, placement: &Placement) -> Option<&Seats> {
        self.seats.get(usize::try_from(placement.link).ok()?)
    }

    fn is_watched(&self, link: u32) -> bool {
        let seats = usize::try_from(link).ok().and_then(|index| self.seats.get(index));
        seats.is_some_and(|seats| seats.watched)
    }

    /// Returns whether a person is in these groups already, in no others, and of no concern to those
    /// who look at a group as a whole: so it is for nearly everybody.
    fn agree(&self, groups: &[SourceAnchor], placed: &[Placement]) -> bool {
        groups.len() == placed.len()
            && groups.iter().zip(placed).all(|(group, placement)| {
                let seats = self.seats(placement);
                seats.is_some_and(|seats| seats.group == *group && !seats.void && !seats.watched)
            })
    }

    fn group(&mut self, group: SourceAnchor) -> &mut GroupMoves {
        self.by_group.entry(group).or_default()
    }

    /// Returns who moves in which group, given who has a change of their own that passes.
    pub fn finish(self, passing: &HashSet<SourceAnchor>) -> BTreeMap<SourceAnchor, GroupMoves> {
        let goes = |mover: &Mover| !mover.awaits || passing.contains(&mover.person);
        let mut by_group = self.by_group;
        for (group, moves) in &mut by_group {
            if self.watched.binary_search(group).is_ok() {
                let waiting = moves.joins.iter().filter(|mover| !goes(mover));
                moves.expected.extend(waiting.filter_map(|mover| mover.account.clone()));
            }
            moves.joins.retain(goes);
            moves.left.retain(|(_, mover)| goes(mover));
        }
        by_group
    }
}

/// Returns the parts of all groups. Those who stay matter only where the group is looked at as a
/// whole and either its members were read or it has parts that might be merged: anywhere else they
/// would fill the memory for nothing.
fn seats(input: &PlanInput<'_>) -> Vec<Seats> {
    let view = &input.target.groups;
    let of_one_group =
        |left: &GroupStanding, right: &GroupStanding| left.link.anchor == right.link.anchor;
    let mut seats = Vec::with_capacity(input.groups.links.len());
    for parts in input.groups.links.chunk_by(of_one_group) {
        let read = |part: &GroupStanding| view.members(&part.link.target_id).is_some();
        let watched = parts.len() > 1 || parts.iter().any(read);
        for part in parts {
            let group = part.link.anchor;
            let whole = || input.groups.subjects.binary_search(&group).is_ok();
            let void = view.is_gone(&part.link.target_id);
            seats.push(Seats { group, void, watched: watched && whole() });
        }
    }
    seats
}

fn standing<'d>(decision: &'d Decision, live: Option<&'d Link>) -> Standing<'d> {
    let change = decision.change.as_ref();
    match (decision.in_scope, live) {
        _ if decision.rests() => Standing::Rests,
        (true, Some(link)) => Standing::Follows { account: Some(&link.target_id), awaits: false },
        (true, None) => match change {
            Some(change) if gives_account(change) => {
                Standing::Follows { account: change.target_id.as_ref(), awaits: true }
            }
            _ => Standing::Rests,
        },
        (false, Some(link)) => {
            let account = &link.target_id;
            if link.state != LinkState::Active {
                return Standing::Left { account, awaits: false };
            }
            match change {
                Some(change) if takes_account(change) => Standing::Left { account, awaits: true },
                _ => Standing::Rests,
            }
        }
        (false, None) => Standing::Rests,
    }
}

/// Returns whether a change leads to an account in use.
fn gives_account(change: &PlannedChange) -> bool {
    matches!(change.link, LinkAfter::Keep { .. })
}

/// Returns whether a change ends the use of an account that goes on existing.
fn takes_account(change: &PlannedChange) -> bool {
    match &change.link {
        LinkAfter::Keep { state, .. } => *state != LinkState::Active,
        _ => false,
    }
}

/// Returns what a person is called in the lists of members.
fn label(decision: &Decision, link: Option<&Link>, anchor: SourceAnchor) -> String {
    let planned = decision.change.as_ref().filter(|change| change.write != Write::Nothing);
    if let Some(change) = planned {
        return change.label.clone();
    }
    let address = link.and_then(|link| link.shadow.sent.get(TargetAttribute::Email.index()));
    address.map_or_else(|| anchor.to_string(), str::to_owned)
}
