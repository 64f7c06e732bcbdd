//! Who came into the groups that count, or left them, since the last cycle: what the change feed says,
//! and who is in groups that are newly reached. Where one contradicts the other, the group itself is
//! asked.

use std::collections::BTreeSet;

use crate::cycle::failure::CycleFailure;
use crate::model::group::{GroupEdge, below};
use crate::model::identity::{Membership, Presence, SourceUser};
use crate::model::ids::SourceAnchor;
use crate::source::{GroupChange, GroupMembers, MembersNow, SourceDelta, UserChange};
use crate::store::StoredGroups;

use super::Importer;
use super::groups::{merge, note};

/// What changed in the groups that count.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Who is in which group now; those who were before may be among them. Sorted, unique.
    pub(super) added: Vec<Membership>,
    /// Who is no longer in which group.
    pub(super) removed: Vec<Membership>,
    /// Which groups are in which now; those that were before may be among them. Sorted, unique.
    pub(super) edges_added: Vec<GroupEdge>,
    /// Which groups are no longer in which.
    pub(super) edges_removed: Vec<GroupEdge>,
    /// Records that came with the lists.
    pub(super) users: Vec<SourceUser>,
    /// Groups that did not count before, and exist.
    pub(super) fresh: BTreeSet<SourceAnchor>,
    /// Groups that count, or counted before, and were deleted.
    pub(super) gone: Vec<SourceAnchor>,
}

/// The assigned groups of the last cycle and of this one, sorted.
#[derive(Clone, Copy)]
pub(super) struct Tops<'a> {
    pub(super) before: &'a [SourceAnchor],
    pub(super) now: &'a [SourceAnchor],
}

impl Importer<'_> {
    /// Returns what changed. Each group is read once in a cycle, however it is reached.
    pub(super) async fn moved(
        &self,
        tops: Tops<'_>,
        stored: &StoredGroups,
        delta: &SourceDelta,
        notes: &mut Vec<String>,
    ) -> Result<Moved, CycleFailure> {
        let known = below(tops.before.iter().copied(), &stored.edges);
        let mut walk = Walk::new(stored, delta);
        let mut fresh = BTreeSet::new();
        // The feed does not mention memberships of those who were in the recycle bin, people or
        // groups.
        let group_reappears = self.nested_groups && walk.anybody_returns;
        let everywhere = group_reappears || self.anybody_reappears(delta).await?;
        loop {
            let reached = below(tops.now.iter().copied(), &walk.edges());
            let (old, new): (Vec<_>, Vec<_>) =
                reached.iter().copied().partition(|group| known.contains(group));
            if everywhere {
                walk.ask.extend(old);
            }
            let new: Vec<SourceAnchor> = new.into_iter().filter(|one| fresh.insert(*one)).collect();
            if !new.is_empty() {
                if self.reread_since.is_none() {
                    self.store.set_reread_since(Some(self.now)).await?;
                }
                walk.listed(self.source.members(&new).await?);
                continue;
            }
            let open: Vec<SourceAnchor> = walk.open().filter(|one| reached.contains(one)).collect();
            if !open.is_empty() {
                walk.told(&open, self.source.members_now(&open).await?);
                continue;
            }
            let Walk { mut list, now, .. } = walk;
            list.gone.clone_from(&now.gone);
            note(&list, tops.now, notes);
            fresh.retain(|group| now.gone.binary_search(group).is_err());
            let counted = |group: &SourceAnchor| known.contains(group) || reached.contains(group);
            let gone = delta.groups_gone().filter(counted).collect();
            return Ok(Moved { fresh, gone, ..changes(delta, &reached, list, &now) });
        }
    }

    /// Returns whether somebody of the snapshot comes back who was deleted or could not be read.
    async fn anybody_reappears(&self, delta: &SourceDelta) -> Result<bool, CycleFailure> {
        let changed = |change: &UserChange| {
            matches!(change, UserChange::Changed { .. } | UserChange::Unreadable)
        };
        let anchors: Vec<SourceAnchor> = delta
            .users
            .iter()
            .filter(|(_, change)| changed(change))
            .map(|(anchor, _)| *anchor)
            .collect();
        if anchors.is_empty() {
            return Ok(false);
        }
        let known = self.store.source_users(anchors).await?;
        Ok(known.iter().any(|user| user.presence != Presence::Present))
    }
}

/// Groups being read, from the assigned ones downwards.
struct Walk<'a> {
    stored: &'a StoredGroups,
    delta: &'a SourceDelta,
    list: GroupMembers,
    now: MembersNow,
    /// Groups that have to be asked themselves.
    ask: BTreeSet<SourceAnchor>,
    asked: BTreeSet<SourceAnchor>,
    /// A group comes back.
    anybody_returns: bool,
}

impl<'a> Walk<'a> {
    /// Begins with the groups that come back, of which the feed may not say all, and with those of which
    /// it says two things.
    fn new(stored: &'a StoredGroups, delta: &'a SourceDelta) -> Self {
        let deleted = |group: SourceAnchor| {
            let presence = stored.find(group).map(|group| group.presence);
            matches!(presence, Some(Presence::SoftDeleted | Presence::HardDeleted))
        };
        let living = delta.groups.iter().filter(|(_, change)| !change.is_gone());
        let back = living.map(|(group, _)| *group).filter(|group| deleted(*group));
        let mut ask: BTreeSet<SourceAnchor> = back.collect();
        let anybody_returns = !ask.is_empty();
        ask.extend(&delta.contradicted);
        let (list, now) = (GroupMembers::default(), MembersNow::default());
        Self { stored, delta, list, now, ask, asked: BTreeSet::new(), anybody_returns }
    }

    fn listed(&mut self, mut list: GroupMembers) {
        self.ask.extend(contradicted(self.delta, &list));
        // An index that is behind does not know a group that is new.
        self.ask.extend(std::mem::take(&mut list.gone));
        merge(&mut self.list, list);
    }

    fn told(&mut self, asked: &[SourceAnchor], mut now: MembersNow) {
        self.asked.extend(asked);
        self.now.read.append(&mut now.read);
        self.now.read.sort_unstable();
        self.now.gone.append(&mut now.gone);
        self.now.gone.sort_unstable();
        self.now.memberships.append(&mut now.memberships);
        self.now.memberships.sort_unstable();
        self.now.edges.append(&mut now.edges);
        self.now.edges.sort_unstable();
    }

    /// Returns the groups that are still to be asked.
    fn open(&self) -> impl Iterator<Item = SourceAnchor> {
        self.ask.difference(&self.asked).copied()
    }

    /// Returns which groups are in which, as far as is known now.
    fn edges(&self) -> BTreeSet<GroupEdge> {
        let (added, removed) = edge_changes(self.delta, |_| true, &self.list, &self.now);
        let mut edges: BTreeSet<GroupEdge> = self.stored.edges.iter().copied().collect();
        edges.extend(added);
        for edge in removed {
            edges.remove(&edge);
        }
        let said = |group| self.delta.group(group);
        let is_gone = |group| said(group).is_some_and(GroupChange::is_gone);
        // A group in the recycle bin stays where it was.
        let for_good = |group| matches!(said(group), Some(GroupChange::HardDeleted));
        edges.retain(|edge| !is_gone(edge.parent) && !for_good(edge.child));
        edges
    }
}

/// Returns what changed in the groups that are reached.
fn changes(
    delta: &SourceDelta,
    reached: &BTreeSet<SourceAnchor>,
    list: GroupMembers,
    now: &MembersNow,
) -> Moved {
    let counts = |group: SourceAnchor| reached.contains(&group);
    let said = Said { list: &list.memberships, shown: &now.memberships, asked: &now.read };
    let feed = delta.memberships.iter().map(|change| (change.membership, change.added));
    let (added, removed) = said.changes(feed, |one| one.group, counts);
    let (edges_added, edges_removed) = edge_changes(delta, counts, &list, now);
    Moved { added, removed, edges_added, edges_removed, users: list.users, ..Moved::default() }
}

fn edge_changes(
    delta: &SourceDelta,
    counts: impl Fn(SourceAnchor) -> bool,
    list: &GroupMembers,
    now: &MembersNow,
) -> (Vec<GroupEdge>, Vec<GroupEdge>) {
    let said = Said { list: &list.edges, shown: &now.edges, asked: &now.read };
    let feed = delta.edges.iter().map(|change| (change.edge, change.added));
    said.changes(feed, |one| one.parent, counts)
}

/// Returns the groups of a list that shows somebody whom the change feed says to have left: one of
/// them is older than the other.
fn contradicted(delta: &SourceDelta, list: &GroupMembers) -> BTreeSet<SourceAnchor> {
    let people = delta.memberships.iter().filter(|change| !change.added);
    let people = people.map(|change| change.membership);
    let groups = delta.edges.iter().filter(|change| !change.added).map(|change| change.edge);
    let people = people.filter(|one| list.memberships.binary_search(one).is_ok());
    let groups = groups.filter(|one| list.edges.binary_search(one).is_ok());
    people.map(|one| one.group).chain(groups.map(|one| one.parent)).collect()
}

/// What was said of the members of groups, of one kind: people, or groups. Sorted.
struct Said<'a, T> {
    /// By lists, which may be behind.
    list: &'a [T],
    /// By groups themselves.
    shown: &'a [T],
    /// Groups that were asked themselves.
    asked: &'a [SourceAnchor],
}

impl<T: Ord + Copy> Said<'_, T> {
    /// Returns what was added to groups that count, sorted and unique, and what was removed. What a
    /// group itself says counts before all; then the feed, which goes on from where it is; then a
    /// list.
    fn changes(
        &self,
        feed: impl Iterator<Item = (T, bool)>,
        group: fn(&T) -> SourceAnchor,
        counts: impl Fn(SourceAnchor) -> bool,
    ) -> (Vec<T>, Vec<T>) {
        let asked = |one: &T| self.asked.binary_search(&group(one)).is_ok();
        let mut added = self.shown.to_vec();
        added.extend(self.list.iter().filter(|one| !asked(one)));
        let mut removed = Vec::new();
        for (one, is_added) in feed.filter(|(one, _)| counts(group(one))) {
            if is_added && !asked(&one) {
                added.push(one);
            } else if !is_added && self.shown.binary_search(&one).is_err() {
                removed.push(one);
            }
        }
        added.sort_unstable();
        added.dedup();
        (added, removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::Watermark;
    use crate::source::MembershipChange;

    fn anchor(n: u128) -> SourceAnchor {
        SourceAnchor(uuid::Uuid::from_u128(n))
    }

    fn pair(user: u128, group: u128) -> Membership {
        Membership { user: anchor(user), group: anchor(group) }
    }

    fn sorted(mut memberships: Vec<Membership>) -> Vec<Membership> {
        memberships.sort_unstable();
        memberships
    }

    #[test]
    fn only_assigned_groups_count_and_a_group_itself_knows_best() {
        let change = |user, group, added| MembershipChange { membership: pair(user, group), added };
        let delta = SourceDelta {
            users: Vec::new(),
            memberships: vec![
                change(1, 10, true),
                change(2, 10, false),
                change(3, 11, false),
                change(4, 99, true),
                change(5, 11, false),
                change(6, 11, true),
                change(7, 12, true),
                change(8, 12, false),
            ],
            groups: Vec::new(),
            edges: Vec::new(),
            contradicted: Vec::new(),
            watermark: Watermark(String::new()),
        };
        let groups = BTreeSet::from([anchor(10), anchor(11), anchor(12)]);
        let list = GroupMembers {
            read: vec![anchor(11), anchor(12)],
            memberships: sorted(vec![pair(3, 11), pair(9, 12)]),
            ..GroupMembers::default()
        };
        assert_eq!(contradicted(&delta, &list), BTreeSet::from([anchor(11)]));
        let now = MembersNow {
            read: vec![anchor(11)],
            memberships: vec![pair(3, 11)],
            ..MembersNow::default()
        };
        let said = Said { list: &list.memberships, shown: &now.memberships, asked: &now.read };
        let feed = delta.memberships.iter().map(|change| (change.membership, change.added));
        let (added, removed) = said.changes(feed, |one| one.group, |group| groups.contains(&group));
        // 6 came after the group was asked, or left again: the next round of the feed says.
        assert_eq!(added, [pair(1, 10), pair(3, 11), pair(7, 12), pair(9, 12)]);
        assert_eq!(removed, [pair(2, 10), pair(5, 11), pair(8, 12)]);
    }
}
