//! Who is in the assigned groups, and in the groups below them, in a full read. Lists with attributes
//! come from an index that may be behind; where one differs from what is known, the group itself is
//! asked.

use std::collections::BTreeSet;

use crate::cycle::failure::CycleFailure;
use crate::model::group::GroupEdge;
use crate::model::identity::{Membership, Presence, SourceUser};
use crate::model::ids::SourceAnchor;
use crate::source::{GroupMembers, MembersNow};
use crate::store::StoredGroups;

use super::Importer;

/// What the snapshot has of groups and their members.
pub(super) struct Stored {
    pub(super) memberships: Vec<Membership>,
    pub(super) groups: StoredGroups,
}

impl Stored {
    /// Returns the groups in a group that are in the recycle bin, as far as is known.
    fn in_bin(&self, parents: &[SourceAnchor]) -> impl Iterator<Item = GroupEdge> {
        let in_bin = |child: SourceAnchor| {
            let found = self.groups.find(child);
            found.is_some_and(|group| group.presence == Presence::SoftDeleted)
        };
        let of = |edge: &&GroupEdge| parents.binary_search(&edge.parent).is_ok();
        self.groups.edges.iter().filter(of).filter(move |edge| in_bin(edge.child)).copied()
    }
}

impl Importer<'_> {
    /// Reads the members of the assigned groups and, where nested groups count, of the groups below
    /// them: level by level, each group once.
    pub(super) async fn members(
        &self,
        assigned: &[SourceAnchor],
        stored: &Stored,
        notes: &mut Vec<String>,
    ) -> Result<GroupMembers, CycleFailure> {
        let mut reached: BTreeSet<SourceAnchor> = assigned.iter().copied().collect();
        let mut all = GroupMembers::default();
        let mut level = assigned.to_vec();
        let mut otherwise = 0;
        loop {
            let (list, late) = self.level(&level, stored).await?;
            otherwise += late;
            let children = list.edges.iter().map(|edge| edge.child);
            let next: BTreeSet<SourceAnchor> =
                children.filter(|child| reached.insert(*child)).collect();
            merge(&mut all, list);
            if next.is_empty() {
                break;
            }
            level = next.into_iter().collect();
        }
        if otherwise > 0 {
            notes.push(format!(
                "Lists of members are behind: {otherwise} memberships are as the groups themselves \
                 say."
            ));
        }
        note(&all, assigned, notes);
        Ok(all)
    }

    /// Reads the members of some groups. A membership that is known and vanished is gone if the
    /// group itself does not show it either; one that appeared is there if the group shows it. What
    /// is known of groups that hide their members stays. Returns also how many memberships are
    /// otherwise than in the lists.
    async fn level(
        &self,
        groups: &[SourceAnchor],
        stored: &Stored,
    ) -> Result<(GroupMembers, usize), CycleFailure> {
        let mut list = self.source.members(groups).await?;
        let members = Rows { known: &stored.memberships, group: |one| one.group };
        let edges = Rows { known: &stored.groups.edges, group: |one| one.parent };
        let hides = |group: SourceAnchor| list.hidden.binary_search(&group).is_ok();
        let hidden = (members.of(hides), edges.of(hides));
        let mut doubtful = members.differing(&list.memberships, &list.read);
        doubtful.append(&mut edges.differing(&list.edges, &list.read));
        // An index that is behind does not know a group that is new.
        doubtful.extend(std::mem::take(&mut list.gone));
        let mut otherwise = 0;
        if !doubtful.is_empty() {
            let doubtful: Vec<SourceAnchor> = doubtful.into_iter().collect();
            let now = self.source.members_now(&doubtful).await?;
            otherwise += members.settle(&mut list.memberships, &now.memberships, &now);
            otherwise += edges.settle(&mut list.edges, &now.edges, &now);
            list.read.extend(&now.read);
            list.read.retain(|group| now.gone.binary_search(group).is_err());
            list.read.sort_unstable();
            list.read.dedup();
            list.gone = now.gone;
        }
        list.memberships.extend(hidden.0);
        list.edges.extend(hidden.1);
        if self.nested_groups {
            list.edges.extend(stored.in_bin(&list.read));
        } else {
            list.edges.clear();
        }
        list.memberships.sort_unstable();
        list.memberships.dedup();
        list.edges.sort_unstable();
        list.edges.dedup();
        Ok((list, otherwise))
    }
}

/// Adds what was read of other groups.
pub(super) fn merge(all: &mut GroupMembers, mut list: GroupMembers) {
    if all.read.is_empty() && all.gone.is_empty() && all.hidden.is_empty() {
        *all = list;
        return;
    }
    all.read.append(&mut list.read);
    all.read.sort_unstable();
    all.gone.append(&mut list.gone);
    all.gone.sort_unstable();
    all.hidden.append(&mut list.hidden);
    all.hidden.sort_unstable();
    all.memberships.append(&mut list.memberships);
    all.memberships.sort_unstable();
    all.edges.append(&mut list.edges);
    all.edges.sort_unstable();
    all.users.append(&mut list.users);
    // One record of each person, and one that could be read before one that could not.
    all.users.sort_by_key(|user| (user.anchor, user.presence != Presence::Present));
    all.users.dedup_by_key(|user| user.anchor);
}

/// Adds the memberships of people in the recycle bin. They keep them, but no list shows them; and
/// when they are restored, no change feed mentions them (Graph reference, sections 2 and 4).
pub(super) fn with_deleted(
    mut memberships: Vec<Membership>,
    stored: &[Membership],
    users: &[SourceUser],
) -> Vec<Membership> {
    let in_bin = |anchor: SourceAnchor| {
        let index = users.binary_search_by_key(&anchor, |user| user.anchor).ok();
        index
            .and_then(|index| users.get(index))
            .is_some_and(|user| user.presence == Presence::SoftDeleted)
    };
    memberships.extend(stored.iter().filter(|membership| in_bin(membership.user)));
    memberships.sort_unstable();
    memberships.dedup();
    memberships
}

/// Says which groups could not be read as they should.
pub(super) fn note(list: &GroupMembers, assigned: &[SourceAnchor], notes: &mut Vec<String>) {
    let gone = list.gone.iter().filter(|group| assigned.binary_search(group).is_ok()).count();
    if gone > 0 {
        notes.push(format!("{gone} assigned groups no longer exist."));
    }
    if !list.hidden.is_empty() {
        let names: Vec<String> = list.hidden.iter().map(ToString::to_string).collect();
        notes.push(format!(
            "Groups that hide their members show none, and whoever was known to be in them stays: \
             {}. Grant Member.Read.Hidden to the app registration, then `sync --full`.",
            names.join(", ")
        ));
    }
}

/// What is known of the members of groups, of one kind: people, or groups. Sorted.
struct Rows<'a, T> {
    known: &'a [T],
    /// Returns the group that has the member.
    group: fn(&T) -> SourceAnchor,
}

impl<T: Ord + Copy> Rows<'_, T> {
    /// Returns what is known of some groups.
    fn of(&self, wanted: impl Fn(SourceAnchor) -> bool) -> Vec<T> {
        self.known.iter().filter(|one| wanted((self.group)(one))).copied().collect()
    }

    /// Returns the groups whose list differs from what is known; those of which nothing is known do
    /// not differ from it. `list` and `read` are sorted.
    fn differing(&self, list: &[T], read: &[SourceAnchor]) -> BTreeSet<SourceAnchor> {
        let known: BTreeSet<SourceAnchor> = self.known.iter().map(self.group).collect();
        let vanished = self.known.iter().filter(|one| list.binary_search(one).is_err());
        let appeared = list.iter().filter(|one| self.known.binary_search(one).is_err());
        vanished
            .chain(appeared)
            .map(self.group)
            .filter(|group| known.contains(group) && read.binary_search(group).is_ok())
            .collect()
    }

    /// Makes the members of some groups in a list what the groups themselves say, and returns how
    /// many are otherwise than in the list. What is known and in the list is there, even if the
    /// group does not show it: its own list is not counted. `shown` is what the groups say.
    fn settle(&self, list: &mut Vec<T>, shown: &[T], now: &MembersNow) -> usize {
        let gone = |one: &T| now.gone.binary_search(&(self.group)(one)).is_ok();
        let asked = |one: &T| now.read.binary_search(&(self.group)(one)).is_ok() || gone(one);
        let (doubtful, mut settled): (Vec<T>, Vec<T>) =
            std::mem::take(list).into_iter().partition(asked);
        let is_shown = |one: &T| shown.binary_search(one).is_ok();
        let (kept, dropped): (Vec<T>, Vec<T>) = doubtful.iter().copied().partition(|one| {
            is_shown(one) || (self.known.binary_search(one).is_ok() && !gone(one))
        });
        let late = shown.iter().filter(|one| doubtful.binary_search(one).is_err());
        let otherwise = dropped.len() + late.clone().count();
        settled.extend(late);
        settled.extend(kept);
        *list = settled;
        otherwise
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::row::AttributeRow;

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
    fn people_in_the_recycle_bin_keep_their_memberships() {
        let person = |n, presence| SourceUser {
            anchor: anchor(n),
            presence,
            enabled: true,
            guest: false,
            attributes: AttributeRow::default(),
        };
        let users = [person(1, Presence::SoftDeleted), person(2, Presence::HardDeleted)];
        let kept = with_deleted(vec![pair(3, 10)], &[pair(1, 10), pair(2, 10)], &users);
        assert_eq!(kept, [pair(1, 10), pair(3, 10)]);
    }

    #[test]
    fn a_group_is_asked_where_its_list_differs_from_what_is_known() {
        let list = |memberships: Vec<Membership>| GroupMembers {
            read: vec![anchor(10), anchor(11)],
            hidden: vec![anchor(12)],
            memberships: sorted(memberships),
            ..GroupMembers::default()
        };
        let stored = sorted(vec![pair(1, 10), pair(2, 10), pair(3, 12)]);
        let rows = Rows { known: &stored, group: |one: &Membership| one.group };
        let ask = |memberships| {
            let list = list(memberships);
            Vec::from_iter(rows.differing(&list.memberships, &list.read))
        };
        assert!(ask(vec![pair(1, 10), pair(2, 10)]).is_empty());
        assert!(ask(vec![pair(1, 10), pair(2, 10), pair(1, 11)]).is_empty(), "a new group");
        assert_eq!(ask(vec![pair(1, 10)]), [anchor(10)], "somebody vanished");
        assert_eq!(ask(vec![pair(1, 10), pair(2, 10), pair(5, 10)]), [anchor(10)], "appeared");
    }

    #[test]
    fn who_is_known_goes_only_if_neither_list_shows_them() {
        let stored = sorted(vec![pair(1, 10), pair(2, 10), pair(3, 10), pair(9, 13)]);
        // 1 is in both, 2 only in the list, 3 in neither; 4 only in the list, 5 only in the group.
        let mut list =
            sorted(vec![pair(1, 10), pair(2, 10), pair(4, 10), pair(8, 11), pair(9, 13)]);
        let now = MembersNow {
            read: vec![anchor(10)],
            gone: vec![anchor(13)],
            memberships: vec![pair(1, 10), pair(5, 10)],
            edges: Vec::new(),
        };
        let rows = Rows { known: &stored, group: |one: &Membership| one.group };
        let otherwise = rows.settle(&mut list, &now.memberships, &now);
        assert_eq!(sorted(list), [pair(1, 10), pair(2, 10), pair(5, 10), pair(8, 11)]);
        assert_eq!(otherwise, 3);
    }
}
