//! Import: what the source holds, into the snapshot, in one transaction with the watermark.
//!
//! Nothing is taken for absent because it was not read: rows that vanished from the assignment
//! list, and members that vanished from a group, are confirmed by a second read; people who are no
//! longer in any list are read by id, so that "unassigned", "soft deleted" and "deleted" are told
//! apart.

use std::collections::BTreeSet;

use crate::model::identity::{
    Assignment, DEFAULT_ACCESS, Membership, Presence, PrincipalKind, SourceUser,
};
use crate::model::ids::{SourceAnchor, Timestamp, Watermark};
use crate::model::plan::CycleKind;
use crate::model::row::AttributeRow;
use crate::source::{Changes, GroupMembers, Source, SourceDelta, UserChange};
use crate::store::{SnapshotUpdate, Store};

use super::failure::CycleFailure;

/// What import works with.
pub struct Importer<'a> {
    /// Is read.
    pub source: &'a dyn Source,
    /// Remembers.
    pub store: &'a Store,
    /// The application whose assignments count.
    pub application: SourceAnchor,
    /// Binds the watermark to what was asked for.
    pub query_hash: &'a str,
    /// The time of the import.
    pub now: Timestamp,
}

/// What was imported.
#[derive(Debug)]
pub struct Imported {
    /// What was read in the end: an expired watermark turns an incremental import into an initial one.
    pub kind: CycleKind,
    /// What a person should know.
    pub notes: Vec<String>,
    /// The roles that the assignment list names, Default Access left out.
    pub roles: BTreeSet<uuid::Uuid>,
    /// The assignment list has rows of Default Access.
    pub default_access: bool,
}

impl Importer<'_> {
    /// Imports what changed since `watermark`, or everything if there is none.
    ///
    /// # Errors
    /// The source's or the store's; the snapshot is then unchanged.
    pub async fn import(
        &self,
        kind: CycleKind,
        watermark: Option<&Watermark>,
    ) -> Result<Imported, CycleFailure> {
        let mut notes = Vec::new();
        let stored = self.store.assignments().await?;
        if let (CycleKind::Incremental, Some(watermark)) = (kind, watermark) {
            let assignments = self.assignments(&stored, &mut notes).await?;
            match self.source.changes(watermark).await? {
                Changes::Delta(delta) => {
                    return self.incremental(stored, assignments, delta, notes).await;
                }
                Changes::Expired { why } => notes.push(format!(
                    "The delta link is no longer accepted ({why}): everything was read again."
                )),
            }
        }
        let kind = if kind == CycleKind::Incremental { CycleKind::Initial } else { kind };
        self.full(kind, stored, notes).await
    }

    async fn full(
        &self,
        kind: CycleKind,
        stored: Vec<Assignment>,
        mut notes: Vec<String>,
    ) -> Result<Imported, CycleFailure> {
        if kind == CycleKind::Initial {
            // Before anything is stored, so that a crash cannot forget the read that follows.
            self.store.set_reread_since(Some(self.now)).await?;
        }
        // The delta links come first: what changes while the lists are read is reported again.
        let watermark = self.source.start().await?;
        let assignments = self.assignments(&stored, &mut notes).await?;
        let groups = principals(&assignments, PrincipalKind::Group);
        let stored_members = self.store.group_members(groups.clone()).await?;
        let members = self.members(&groups, &stored_members, &mut notes).await?;
        note_gone(&members.gone, &mut notes);
        let have: BTreeSet<SourceAnchor> = members.users.iter().map(|user| user.anchor).collect();
        let mut others: BTreeSet<SourceAnchor> =
            principals(&assignments, PrincipalKind::User).into_iter().collect();
        others.extend(self.store.linked_anchors().await?);
        let others: Vec<SourceAnchor> = others.difference(&have).copied().collect();
        let mut users = members.users;
        users.extend(self.source.users(&others).await?);
        users.sort_unstable_by_key(|source_user| source_user.anchor);
        let memberships = with_deleted(members.memberships, &stored_members, &users);
        let roles = roles_of(&assignments);
        let default_access = assignments.iter().any(|row| row.role == DEFAULT_ACCESS);
        let update = SnapshotUpdate::Full {
            users,
            assignments,
            memberships,
            watermark,
            query_hash: self.query_hash.to_owned(),
        };
        self.store.commit_import(update).await?;
        Ok(Imported { kind, notes, roles, default_access })
    }

    async fn incremental(
        &self,
        stored: Vec<Assignment>,
        assignments: Vec<Assignment>,
        delta: SourceDelta,
        mut notes: Vec<String>,
    ) -> Result<Imported, CycleFailure> {
        let groups_before = principals(&stored, PrincipalKind::Group);
        let groups = principals(&assignments, PrincipalKind::Group);
        let read: Vec<SourceAnchor> = if self.anybody_reappears(&delta).await? {
            // A group that was assigned in the meantime was read without those in the recycle bin.
            groups.clone()
        } else {
            let new = |group: &&SourceAnchor| groups_before.binary_search(group).is_err();
            groups.iter().filter(new).copied().collect()
        };
        let members = if read.is_empty() {
            GroupMembers::default()
        } else {
            self.source.members(&read).await?
        };
        note_gone(&members.gone, &mut notes);
        let (added, removed) = moved(&delta, &groups, &members);
        let direct_before = principals(&stored, PrincipalKind::User);
        let direct = principals(&assignments, PrincipalKind::User);
        let mut arriving: BTreeSet<SourceAnchor> = direct
            .iter()
            .filter(|one| direct_before.binary_search(one).is_err())
            .copied()
            .collect();
        arriving.extend(added.iter().map(|membership| membership.user));
        let users = self.people(arriving, &delta, members.users).await?;
        let roles = roles_of(&assignments);
        let default_access = assignments.iter().any(|row| row.role == DEFAULT_ACCESS);
        let update = SnapshotUpdate::Delta {
            users,
            assignments: (assignments != stored).then_some(assignments),
            added,
            removed,
            groups_gone: delta.groups_gone,
            watermark: delta.watermark,
        };
        self.store.commit_import(update).await?;
        Ok(Imported { kind: CycleKind::Incremental, notes, roles, default_access })
    }

    /// Returns whether somebody of the snapshot comes back who was deleted or could not be read.
    async fn anybody_reappears(&self, delta: &SourceDelta) -> Result<bool, CycleFailure> {
        let changed = |change: &UserChange| matches!(change, UserChange::Changed { .. });
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

    /// Returns the records that change: newcomers and people who reappear are read by id, changes
    /// of known people are merged into what the snapshot has, strangers are left out.
    async fn people(
        &self,
        arriving: BTreeSet<SourceAnchor>,
        delta: &SourceDelta,
        just_read: Vec<SourceUser>,
    ) -> Result<Vec<SourceUser>, CycleFailure> {
        let have: BTreeSet<SourceAnchor> = just_read.iter().map(|user| user.anchor).collect();
        let unread = self.store.unread_users().await?;
        let mut ask: BTreeSet<SourceAnchor> =
            delta.users.iter().map(|(anchor, _)| *anchor).collect();
        ask.extend(&arriving);
        let known = if ask.is_empty() {
            Vec::new()
        } else {
            self.store.source_users(ask.into_iter().collect()).await?
        };
        let find = |anchor| {
            let index =
                known.binary_search_by_key(&anchor, |user: &SourceUser| user.anchor).ok()?;
            known.get(index)
        };
        let mut read: BTreeSet<SourceAnchor> = unread.into_iter().collect();
        read.extend(
            arriving.iter().filter(|anchor| {
                find(**anchor).is_none_or(|user| user.presence != Presence::Present)
            }),
        );
        let mut users = just_read;
        for (anchor, change) in delta.users.iter().filter(|(anchor, _)| !have.contains(anchor)) {
            let Some(before) = find(*anchor) else { continue };
            match merge(before, change) {
                Some(merged) => users.push(merged),
                None => {
                    read.insert(*anchor);
                }
            }
        }
        let read: Vec<SourceAnchor> = read.difference(&have).copied().collect();
        if !read.is_empty() {
            users.retain(|user| read.binary_search(&user.anchor).is_err());
            users.extend(self.source.users(&read).await?);
        }
        users.sort_unstable_by_key(|source_user| source_user.anchor);
        Ok(users)
    }

    /// Reads the assignment list. Rows that vanished are believed when two reads in a row agree.
    async fn assignments(
        &self,
        stored: &[Assignment],
        notes: &mut Vec<String>,
    ) -> Result<Vec<Assignment>, CycleFailure> {
        let mut last = self.source.assignments(self.application).await?;
        let complete =
            |list: &[Assignment]| stored.iter().all(|row| list.binary_search(row).is_ok());
        for _ in 0..3 {
            if complete(&last) {
                return Ok(last);
            }
            let again = self.source.assignments(self.application).await?;
            if again == last {
                return Ok(again);
            }
            notes.push(format!(
                "Two reads of the assignment list differ ({} and {} rows): it was read once more.",
                last.len(),
                again.len()
            ));
            last = again;
        }
        if complete(&last) {
            return Ok(last);
        }
        Err(CycleFailure::ListCutShort {
            message: "the assignment list was read four times, and no two reads agree".to_owned(),
        })
    }

    /// Reads the members of groups. Members who vanished are believed after a second read.
    async fn members(
        &self,
        groups: &[SourceAnchor],
        stored: &[Membership],
        notes: &mut Vec<String>,
    ) -> Result<GroupMembers, CycleFailure> {
        let mut first = self.source.members(groups).await?;
        let lacking: BTreeSet<SourceAnchor> = stored
            .iter()
            .filter(|known| first.read.binary_search(&known.group).is_ok())
            .filter(|known| first.memberships.binary_search(known).is_err())
            .map(|known| known.group)
            .collect();
        if lacking.is_empty() {
            return Ok(first);
        }
        let again: Vec<SourceAnchor> = lacking.into_iter().collect();
        let second = self.source.members(&again).await?;
        let reappeared: Vec<Membership> = second
            .memberships
            .iter()
            .filter(|membership| first.memberships.binary_search(membership).is_err())
            .copied()
            .collect();
        if !reappeared.is_empty() {
            notes.push(format!(
                "A list of members was cut short: {} memberships came back in a second read.",
                reappeared.len()
            ));
        }
        first.memberships.extend(reappeared);
        first.memberships.sort_unstable();
        first.users.extend(second.users);
        first.users.sort_by_key(|source_user| source_user.anchor);
        first.users.dedup_by_key(|source_user| source_user.anchor);
        Ok(first)
    }
}

fn principals(assignments: &[Assignment], kind: PrincipalKind) -> Vec<SourceAnchor> {
    let mut anchors: Vec<SourceAnchor> =
        assignments.iter().filter(|row| row.kind == kind).map(|row| row.principal).collect();
    anchors.sort_unstable();
    anchors.dedup();
    anchors
}

fn roles_of(assignments: &[Assignment]) -> BTreeSet<uuid::Uuid> {
    assignments.iter().map(|row| row.role).filter(|role| *role != DEFAULT_ACCESS).collect()
}

/// Adds the memberships of people in the recycle bin. They keep them, but no list shows them; and
/// when they are restored, no change feed mentions them (Graph reference, sections 2 and 4).
fn with_deleted(
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

fn note_gone(gone: &[SourceAnchor], notes: &mut Vec<String>) {
    if !gone.is_empty() {
        notes.push(format!("{} assigned groups no longer exist.", gone.len()));
    }
}

/// Returns the memberships of assigned groups that were added and removed. Where a group was just
/// read, its list is newer than what the delta adds, and nobody in it is removed.
fn moved(
    delta: &SourceDelta,
    groups: &[SourceAnchor],
    members: &GroupMembers,
) -> (Vec<Membership>, Vec<Membership>) {
    let mut added = members.memberships.clone();
    let mut removed = Vec::new();
    for change in &delta.memberships {
        let membership = change.membership;
        if groups.binary_search(&membership.group).is_err() {
            continue;
        }
        let fresh = members.read.binary_search(&membership.group).is_ok();
        if change.added && !fresh {
            added.push(membership);
        } else if !change.added && members.memberships.binary_search(&membership).is_err() {
            removed.push(membership);
        }
    }
    added.sort_unstable();
    added.dedup();
    (added, removed)
}

/// Merges a change into a known record. `None` means that the record has to be read: the person
/// was not readable or was deleted before, so that what the change does not mention is unknown.
fn merge(before: &SourceUser, change: &UserChange) -> Option<SourceUser> {
    let gone = |presence| Some(SourceUser { presence, ..before.clone() });
    match change {
        UserChange::SoftDeleted => gone(Presence::SoftDeleted),
        UserChange::HardDeleted => gone(Presence::HardDeleted),
        UserChange::Changed { .. } if before.presence != Presence::Present => None,
        UserChange::Changed { enabled, guest, attributes } => {
            let cells = attributes.iter().enumerate().map(|(index, mentioned)| match mentioned {
                Some(value) => value.as_deref(),
                None => before.attributes.get(index),
            });
            Some(SourceUser {
                anchor: before.anchor,
                presence: Presence::Present,
                enabled: enabled.unwrap_or(before.enabled),
                guest: guest.unwrap_or(before.guest),
                attributes: AttributeRow::pack(cells),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MembershipChange;

    fn anchor(n: u128) -> SourceAnchor {
        SourceAnchor(uuid::Uuid::from_u128(n))
    }

    fn person(presence: Presence) -> SourceUser {
        SourceUser {
            anchor: anchor(1),
            presence,
            enabled: true,
            guest: false,
            attributes: AttributeRow::pack([Some("Ada"), Some("ada@x.test")]),
        }
    }

    #[test]
    fn what_a_change_does_not_mention_stays() {
        let change = UserChange::Changed {
            enabled: Some(false),
            guest: None,
            attributes: vec![None, Some(None)],
        };
        let merged = merge(&person(Presence::Present), &change).expect("merged");
        assert_eq!(merged.attributes, AttributeRow::pack([Some("Ada"), None]));
        assert!(!merged.enabled);
        for presence in [Presence::SoftDeleted, Presence::HardDeleted, Presence::Unread] {
            assert_eq!(merge(&person(presence), &change), None, "{presence:?} is read again");
        }
        let deleted = merge(&person(Presence::Present), &UserChange::SoftDeleted).expect("merged");
        assert_eq!(deleted.presence, Presence::SoftDeleted);
        assert_eq!(deleted.attributes, person(Presence::Present).attributes);
    }

    #[test]
    fn people_in_the_recycle_bin_keep_their_memberships() {
        let pair = |user| Membership { user: anchor(user), group: anchor(10) };
        let deleted = person(Presence::SoftDeleted);
        let gone = SourceUser { anchor: anchor(2), ..person(Presence::HardDeleted) };
        let kept = with_deleted(vec![pair(3)], &[pair(1), pair(2)], &[deleted, gone]);
        assert_eq!(kept, [pair(1), pair(3)]);
    }

    #[test]
    fn only_assigned_groups_count_and_a_fresh_list_wins() {
        let pair = |user, group| Membership { user: anchor(user), group: anchor(group) };
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
            ],
            groups_gone: Vec::new(),
            watermark: Watermark(String::new()),
        };
        let groups = [anchor(10), anchor(11)];
        let members = GroupMembers {
            read: vec![anchor(11)],
            memberships: vec![pair(3, 11)],
            ..GroupMembers::default()
        };
        let (added, removed) = moved(&delta, &groups, &members);
        assert_eq!(added, [pair(1, 10), pair(3, 11)]);
        assert_eq!(removed, [pair(2, 10), pair(5, 11)]);
    }
}
