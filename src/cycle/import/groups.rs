//! Who is in the assigned groups. Lists with attributes come from an index that may be behind; where
//! one differs from what is known, the group itself is asked.

use std::collections::BTreeSet;

use crate::cycle::failure::CycleFailure;
use crate::model::identity::{Membership, Presence, SourceUser};
use crate::model::ids::SourceAnchor;
use crate::source::{GroupMembers, MembersNow, SourceDelta, UserChange};

use super::Importer;

/// Memberships of assigned groups that changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Moved {
    /// Who is in which group now; those who were before may be among them. Sorted, unique.
    pub(super) added: Vec<Membership>,
    /// Who is no longer in which group.
    pub(super) removed: Vec<Membership>,
    /// Records that came with the lists.
    pub(super) users: Vec<SourceUser>,
}

impl Importer<'_> {
    /// Reads the members of all assigned groups. A membership that is known and vanished is gone if
    /// the group itself does not show it either; one that appeared is there if the group shows it.
    pub(super) async fn members(
        &self,
        groups: &[SourceAnchor],
        stored: &[Membership],
        notes: &mut Vec<String>,
    ) -> Result<GroupMembers, CycleFailure> {
        let mut list = self.source.members(groups).await?;
        let hides = |group: &SourceAnchor| list.hidden.binary_search(group).is_ok();
        let hidden: Vec<Membership> =
            stored.iter().filter(|known| hides(&known.group)).copied().collect();
        let mut doubtful = differing(&list, stored);
        // An index that is behind does not know a group that is new.
        doubtful.append(&mut list.gone);
        if !doubtful.is_empty() {
            let now = self.source.members_now(&doubtful).await?;
            let (settled, otherwise) = settled(list.memberships, stored, &now);
            list.memberships = settled;
            list.read.extend(&now.read);
            list.read.retain(|group| now.gone.binary_search(group).is_err());
            list.read.sort_unstable();
            list.read.dedup();
            list.gone = now.gone;
            if otherwise > 0 {
                notes.push(format!(
                    "Lists of members are behind: {otherwise} memberships are as the groups \
                     themselves say."
                ));
            }
        }
        note(&list, notes);
        list.memberships.extend(hidden);
        list.memberships.sort_unstable();
        list.memberships.dedup();
        Ok(list)
    }

    /// Returns what changed in the assigned groups: what the change feed says, and who is in groups
    /// that are newly assigned.
    pub(super) async fn moved(
        &self,
        before: &[SourceAnchor],
        groups: &[SourceAnchor],
        delta: &SourceDelta,
        notes: &mut Vec<String>,
    ) -> Result<Moved, CycleFailure> {
        let new = |group: &&SourceAnchor| before.binary_search(group).is_err();
        let (new, old): (Vec<_>, Vec<_>) = groups.iter().copied().partition(|one| new(&one));
        let mut list = if new.is_empty() {
            GroupMembers::default()
        } else {
            if self.reread_since.is_none() {
                self.store.set_reread_since(Some(self.now)).await?;
            }
            self.source.members(&new).await?
        };
        let mut ask = contradicted(delta, &list);
        ask.extend(std::mem::take(&mut list.gone));
        if self.anybody_reappears(delta).await? {
            // The feed does not mention memberships of those who were in the recycle bin.
            ask.extend(old);
        }
        let ask: Vec<SourceAnchor> = ask.into_iter().collect();
        let now = if ask.is_empty() {
            MembersNow::default()
        } else {
            self.source.members_now(&ask).await?
        };
        list.gone.clone_from(&now.gone);
        note(&list, notes);
        Ok(moved(delta, groups, list, &now))
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

fn note(list: &GroupMembers, notes: &mut Vec<String>) {
    if !list.gone.is_empty() {
        notes.push(format!("{} assigned groups no longer exist.", list.gone.len()));
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

/// Returns the groups whose list differs from what is known; those of which nothing is known do
/// not differ from it.
fn differing(list: &GroupMembers, stored: &[Membership]) -> Vec<SourceAnchor> {
    let known: BTreeSet<SourceAnchor> = stored.iter().map(|membership| membership.group).collect();
    let is_read = |group: &SourceAnchor| list.read.binary_search(group).is_ok();
    let vanished = stored.iter().filter(|one| list.memberships.binary_search(one).is_err());
    let appeared = list.memberships.iter().filter(|one| stored.binary_search(one).is_err());
    let differing: BTreeSet<SourceAnchor> = vanished
        .chain(appeared)
        .map(|membership| membership.group)
        .filter(|group| known.contains(group) && is_read(group))
        .collect();
    differing.into_iter().collect()
}

/// Returns the memberships of a list in which those of some groups are as the groups themselves
/// say, and how many are otherwise than in the list. What is known and in the list is there, even
/// if the group does not show it: its own list is not counted.
fn settled(
    list: Vec<Membership>,
    stored: &[Membership],
    now: &MembersNow,
) -> (Vec<Membership>, usize) {
    let asked = |group: &SourceAnchor| {
        now.read.binary_search(group).is_ok() || now.gone.binary_search(group).is_ok()
    };
    let gone = |group: &SourceAnchor| now.gone.binary_search(group).is_ok();
    let (doubtful, mut settled): (Vec<_>, Vec<_>) =
        list.into_iter().partition(|membership| asked(&membership.group));
    let shown = |one: &Membership| now.memberships.binary_search(one).is_ok();
    let (kept, dropped): (Vec<_>, Vec<_>) = doubtful
        .iter()
        .copied()
        .partition(|one| shown(one) || (stored.binary_search(one).is_ok() && !gone(&one.group)));
    let late = now.memberships.iter().filter(|one| doubtful.binary_search(one).is_err());
    let otherwise = dropped.len() + late.clone().count();
    settled.extend(late.copied());
    settled.extend(kept);
    (settled, otherwise)
}

/// Returns the groups of a list that shows somebody whom the change feed says to have left: one of
/// them is older than the other.
fn contradicted(delta: &SourceDelta, list: &GroupMembers) -> BTreeSet<SourceAnchor> {
    let removed = delta.memberships.iter().filter(|change| !change.added);
    let shown = removed.filter(|change| list.memberships.binary_search(&change.membership).is_ok());
    shown.map(|change| change.membership.group).collect()
}

/// Returns the memberships of assigned groups that were added and removed. What a group itself
/// says counts before all; then the feed, which goes on from where it is; then a list, which may be
/// behind.
fn moved(
    delta: &SourceDelta,
    groups: &[SourceAnchor],
    list: GroupMembers,
    now: &MembersNow,
) -> Moved {
    let asked = |group: &SourceAnchor| now.read.binary_search(group).is_ok();
    let mut added = now.memberships.clone();
    added.extend(list.memberships.into_iter().filter(|one| !asked(&one.group)));
    let mut removed = Vec::new();
    for change in &delta.memberships {
        let membership = change.membership;
        if groups.binary_search(&membership.group).is_err() {
            continue;
        }
        let shown = now.memberships.binary_search(&membership).is_ok();
        if change.added && !asked(&membership.group) {
            added.push(membership);
        } else if !change.added && !shown {
            removed.push(membership);
        }
    }
    added.sort_unstable();
    added.dedup();
    Moved { added, removed, users: list.users }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::Watermark;
    use crate::model::row::AttributeRow;
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
        let ask = |memberships| differing(&list(memberships), &stored);
        assert!(ask(vec![pair(1, 10), pair(2, 10)]).is_empty());
        assert!(ask(vec![pair(1, 10), pair(2, 10), pair(1, 11)]).is_empty(), "a new group");
        assert_eq!(ask(vec![pair(1, 10)]), [anchor(10)], "somebody vanished");
        assert_eq!(ask(vec![pair(1, 10), pair(2, 10), pair(5, 10)]), [anchor(10)], "appeared");
    }

    #[test]
    fn who_is_known_goes_only_if_neither_list_shows_them() {
        let stored = sorted(vec![pair(1, 10), pair(2, 10), pair(3, 10), pair(9, 13)]);
        // 1 is in both, 2 only in the list, 3 in neither; 4 only in the list, 5 only in the group.
        let list = sorted(vec![pair(1, 10), pair(2, 10), pair(4, 10), pair(8, 11), pair(9, 13)]);
        let now = MembersNow {
            read: vec![anchor(10)],
            gone: vec![anchor(13)],
            memberships: vec![pair(1, 10), pair(5, 10)],
        };
        let (settled, otherwise) = settled(list, &stored, &now);
        assert_eq!(sorted(settled), [pair(1, 10), pair(2, 10), pair(5, 10), pair(8, 11)]);
        assert_eq!(otherwise, 3);
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
            groups_gone: Vec::new(),
            watermark: Watermark(String::new()),
        };
        let groups = [anchor(10), anchor(11), anchor(12)];
        let list = GroupMembers {
            read: vec![anchor(11), anchor(12)],
            memberships: sorted(vec![pair(3, 11), pair(9, 12)]),
            ..GroupMembers::default()
        };
        assert_eq!(contradicted(&delta, &list), BTreeSet::from([anchor(11)]));
        let now =
            MembersNow { read: vec![anchor(11)], gone: Vec::new(), memberships: vec![pair(3, 11)] };
        let moved = moved(&delta, &groups, list, &now);
        // 6 came after the group was asked, or left again: the next round of the feed says.
        assert_eq!(moved.added, sorted(vec![pair(1, 10), pair(3, 11), pair(7, 12), pair(9, 12)]));
        assert_eq!(moved.removed, [pair(2, 10), pair(5, 11), pair(8, 12)]);
    }
}
