//! Import: what the source holds, into the snapshot, in one transaction with the watermark.
//!
//! Nothing is taken for absent because it was not read, and nothing old for new because an index
//! was behind:
//!
//! - rows that vanished from the assignment list are confirmed by another read with a count
//!   (`rows`);
//! - where a list of members differs from what is known, the group itself is asked (`groups`, and
//!   `moved` for what changed since the last cycle);
//! - groups in groups are read from the assigned ones downwards, each once, and what is known of those
//!   that cannot be read stays; the source's own count is compared (`crosscheck`);
//! - a group is gone only if neither the directory nor its recycle bin has it (`records`);
//! - where a record differs from what is known, the person is asked for by id (`people`);
//! - people who are no longer in any list are read by id, so that "unassigned", "soft deleted" and
//!   "deleted" are told apart;
//! - after an initial read, and after a group was read that is newly assigned, there is nothing to
//!   compare with: everything is read once more an hour later.

mod crosscheck;
mod groups;
mod moved;
mod people;
mod records;
mod rows;

use std::collections::BTreeSet;

use crate::model::group::{SourceGroup, below};
use crate::model::identity::{Assignment, DEFAULT_ACCESS, Presence, PrincipalKind, SourceUser};
use crate::model::ids::{SourceAnchor, Timestamp, Watermark};
use crate::model::plan::CycleKind;
use crate::source::{Changes, Source, SourceDelta};
use crate::store::{SnapshotUpdate, Store, StoredGroups};

use super::failure::CycleFailure;

use self::groups::Stored;
use self::moved::Tops;

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
    /// The snapshot was made by the same query, so that records can be compared with it.
    pub comparable: bool,
    /// Members of groups in assigned groups count.
    pub nested_groups: bool,
    /// Groups themselves are planned, so that their attributes are read.
    pub plan_groups: bool,
    /// Where in the attributes of a person the id of the manager is, if the rules read any of them.
    pub manager: Option<usize>,
    /// Since when something in the snapshot rests on an index that may have been behind.
    pub reread_since: Option<Timestamp>,
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

impl Imported {
    fn new(kind: CycleKind, notes: Vec<String>, assignments: &[Assignment]) -> Self {
        let mut roles: BTreeSet<uuid::Uuid> = assignments.iter().map(|row| row.role).collect();
        let default_access = roles.remove(&DEFAULT_ACCESS);
        Self { kind, notes, roles, default_access }
    }
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
        if let (false, Some(watermark)) = (kind.reads_source(), watermark) {
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
        let kind = if kind.reads_source() { kind } else { CycleKind::Initial };
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
        let stored = self.stored(&groups).await?;
        let mut members = self.members(&groups, &stored, &mut notes).await?;
        if self.nested_groups {
            self.crosscheck(&groups, &members, &mut notes).await?;
        }
        let records = self.group_records(&groups, &stored.groups, &members).await?;
        let ended = |group: &&SourceGroup| group.presence == Presence::HardDeleted;
        let ended: BTreeSet<SourceAnchor> =
            records.iter().filter(ended).map(|group| group.anchor).collect();
        members.edges.retain(|edge| !ended.contains(&edge.child));
        let linked = self.store.linked_anchors().await?;
        let direct = principals(&assignments, PrincipalKind::User);
        let wanted = members.memberships.iter().map(|membership| membership.user);
        let wanted: BTreeSet<SourceAnchor> = wanted.chain(direct).chain(linked).collect();
        let users = self.everybody(&wanted, members.users, &mut notes).await?;
        let memberships = groups::with_deleted(members.memberships, &stored.memberships, &users);
        let imported = Imported::new(kind, notes, &assignments);
        let update = SnapshotUpdate::Full {
            users,
            assignments,
            memberships,
            groups: records,
            edges: members.edges,
            plan_groups: self.plan_groups,
            watermark,
            query_hash: self.query_hash.to_owned(),
        };
        self.store.commit_import(update).await?;
        Ok(imported)
    }

    async fn incremental(
        &self,
        stored: Vec<Assignment>,
        assignments: Vec<Assignment>,
        delta: SourceDelta,
        mut notes: Vec<String>,
    ) -> Result<Imported, CycleFailure> {
        let before = principals(&stored, PrincipalKind::Group);
        let groups = principals(&assignments, PrincipalKind::Group);
        let known = self.stored_groups().await?;
        let tops = Tops { before: &before, now: &groups };
        let moved = self.moved(tops, &known, &delta, &mut notes).await?;
        let records = self.changed_groups(tops, &known, &delta, &moved).await?;
        let direct_before = principals(&stored, PrincipalKind::User);
        let direct = principals(&assignments, PrincipalKind::User);
        let new = |one: &&SourceAnchor| direct_before.binary_search(one).is_err();
        let mut arriving: BTreeSet<SourceAnchor> = direct.iter().filter(new).copied().collect();
        arriving.extend(moved.added.iter().map(|membership| membership.user));
        let users = self.people(arriving, &delta, moved.users).await?;
        let imported = Imported::new(CycleKind::Incremental, notes, &assignments);
        let update = SnapshotUpdate::Delta {
            users,
            assignments: (assignments != stored).then_some(assignments),
            added: moved.added,
            removed: moved.removed,
            groups: records,
            edges_added: moved.edges_added,
            edges_removed: moved.edges_removed,
            groups_gone: moved.gone,
            plan_groups: self.plan_groups,
            watermark: delta.watermark,
        };
        self.store.commit_import(update).await?;
        Ok(imported)
    }
}

impl Importer<'_> {
    /// Returns what the snapshot has of groups; nothing where no records of them are kept.
    async fn stored_groups(&self) -> Result<StoredGroups, CycleFailure> {
        if !self.keeps_groups() {
            return Ok(StoredGroups::default());
        }
        Ok(self.store.stored_groups().await?)
    }

    /// Returns what the snapshot has of groups and their members, `assigned` ones among them.
    async fn stored(&self, assigned: &[SourceAnchor]) -> Result<Stored, CycleFailure> {
        let mut groups = self.stored_groups().await?;
        if !self.nested_groups {
            groups.edges.clear();
        }
        let below = below(assigned.iter().copied(), &groups.edges);
        let memberships = self.store.group_members(below.into_iter().collect()).await?;
        Ok(Stored { memberships, groups })
    }
}

fn principals(assignments: &[Assignment], kind: PrincipalKind) -> Vec<SourceAnchor> {
    let mut anchors: Vec<SourceAnchor> =
        assignments.iter().filter(|row| row.kind == kind).map(|row| row.principal).collect();
    anchors.sort_unstable();
    anchors.dedup();
    anchors
}

/// Returns what is known of somebody who is in a list and whom nobody finds yet: the person is
/// unread, and asked for in each cycle.
fn not_yet(source_user: SourceUser) -> SourceUser {
    SourceUser { presence: Presence::Unread, ..source_user }
}
