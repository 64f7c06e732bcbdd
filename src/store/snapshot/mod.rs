//! The source as last imported, in one transaction with its watermark.
//!
//! People stay in the snapshot for as long as they have an assignment, a membership in a group that
//! counts, or a live link; groups, while they are assigned, below an assigned one, or linked.
//! Whoever of these was not handed over is kept as *unread*: nobody is
//! absent because nobody read them.

mod delta;
mod full;
pub(super) mod groups;
pub(super) mod rows;

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::model::group::{GroupEdge, SourceGroup};
use crate::model::identity::{Assignment, Membership, SourceUser};
use crate::model::ids::{SourceAnchor, Timestamp, Watermark};
use crate::model::row::AttributeRow;

use super::Store;
use super::error::{StoreError, Trouble};
use super::planning::{self, Subject};
use super::worker::Durability;

/// What an import brings. Lists may be in any order; the last of several entries for one person
/// counts.
#[derive(Clone, Debug)]
pub enum SnapshotUpdate {
    /// Everything was read: replaces the snapshot.
    Full {
        /// Everybody who was read.
        users: Vec<SourceUser>,
        /// The complete assignment list.
        assignments: Vec<Assignment>,
        /// Everybody in the assigned groups, and in the groups below them.
        memberships: Vec<Membership>,
        /// What is known of the groups; those that are left out are unread.
        groups: Vec<SourceGroup>,
        /// Which groups are direct members of which.
        edges: Vec<GroupEdge>,
        /// Groups that change are to be planned.
        plan_groups: bool,
        /// Where reading resumes.
        watermark: Watermark,
        /// The hash of the query that the watermark is bound to.
        query_hash: String,
    },
    /// What changed since the last watermark.
    Delta {
        /// People who changed or are new; people who are of no concern are left out.
        users: Vec<SourceUser>,
        /// The complete assignment list; `None` if it did not change.
        assignments: Option<Vec<Assignment>>,
        /// Memberships that were added, all of newly reached groups among them.
        added: Vec<Membership>,
        /// Memberships that were removed.
        removed: Vec<Membership>,
        /// Groups that changed or are new.
        groups: Vec<SourceGroup>,
        /// Groups that came into groups.
        edges_added: Vec<GroupEdge>,
        /// Groups that left groups.
        edges_removed: Vec<GroupEdge>,
        /// Groups that no longer exist.
        groups_gone: Vec<SourceAnchor>,
        /// Groups that change are to be planned.
        plan_groups: bool,
        /// Where reading resumes.
        watermark: Watermark,
    },
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// People in the snapshot now.
    pub people: u64,
    /// People and groups of whom something changed: they are to be planned now.
    pub changed: u64,
}

/// What the snapshot has of groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredGroups {
    /// Groups that are assigned, nested in an assigned one, or linked; sorted by anchor.
    pub groups: Vec<SourceGroup>,
    /// Which of them are direct members of which; sorted.
    pub edges: Vec<GroupEdge>,
    /// Those that are linked; sorted.
    pub linked: Vec<SourceAnchor>,
}

impl StoredGroups {
    /// Returns a group.
    pub fn find(&self, group: SourceAnchor) -> Option<&SourceGroup> {
        let index = self.groups.binary_search_by_key(&group, |known| known.anchor).ok()?;
        self.groups.get(index)
    }

    /// Returns whether a group is linked.
    pub fn is_linked(&self, group: SourceAnchor) -> bool {
        self.linked.binary_search(&group).is_ok()
    }
}

impl Store {
    /// Returns what the snapshot has of groups, their members left out.
    pub async fn stored_groups(&self) -> Result<StoredGroups, StoreError> {
        self.read("reading the groups", |connection| {
            Ok(StoredGroups {
                groups: groups::source_groups(connection)?,
                edges: groups::edges(connection)?,
                linked: groups::linked(connection)?.into_iter().collect(),
            })
        })
        .await
    }

    /// Returns all assignment rows, sorted.
    pub async fn assignments(&self) -> Result<Vec<Assignment>, StoreError> {
        self.read("reading the assignments", |connection| Ok(rows::assignments(connection)?)).await
    }

    /// Returns those of `anchors` who are in the snapshot, sorted by anchor.
    pub async fn source_users(
        &self,
        mut anchors: Vec<SourceAnchor>,
    ) -> Result<Vec<SourceUser>, StoreError> {
        self.read("reading people", move |connection| {
            anchors.sort_unstable();
            anchors.dedup();
            let mut users = Vec::with_capacity(anchors.len());
            for anchor in anchors {
                users.extend(rows::person(connection, anchor)?.map(|(_, user)| user));
            }
            Ok(users)
        })
        .await
    }

    /// Returns the people whose manager, whose id is the attribute at `column`, is one of
    /// `managers`; sorted.
    pub async fn people_led_by(
        &self,
        column: usize,
        managers: BTreeSet<SourceAnchor>,
    ) -> Result<Vec<SourceAnchor>, StoreError> {
        self.read("reading whom some people lead", move |connection| {
            let mut select = connection.prepare_cached("SELECT anchor, attributes FROM person")?;
            let mut people = select.query([])?;
            let mut led = Vec::new();
            // Row by row: only a few of very many are led by them.
            while let Some(row) = people.next()? {
                let attributes: AttributeRow = row.get(1)?;
                let manager = attributes.get(column).and_then(SourceAnchor::parse);
                if manager.is_some_and(|manager| managers.contains(&manager)) {
                    led.push(row.get(0)?);
                }
            }
            led.sort_unstable();
            Ok(led)
        })
        .await
    }

    /// Returns people as they were handed over, and those of them whose record is not the one of the
    /// snapshot, or who are not in it.
    pub async fn unlike_snapshot(
        &self,
        users: Vec<SourceUser>,
    ) -> Result<(Vec<SourceUser>, BTreeSet<SourceAnchor>), StoreError> {
        self.read("comparing people with the snapshot", move |connection| {
            let known = full::known_people(connection)?;
            let same = |user: &SourceUser| {
                let index = known.binary_search_by_key(&user.anchor, |(anchor, ..)| *anchor).ok();
                let hash = index.and_then(|index| known.get(index)).map(|(.., hash)| *hash);
                hash == Some(rows::content_hash(user))
            };
            let unlike = users.iter().filter(|user| !same(user)).map(|user| user.anchor).collect();
            Ok((users, unlike))
        })
        .await
    }

    /// Returns the assignment rows that were missing without being gone, each with the time since
    /// when; sorted.
    pub async fn missing_assignments(&self) -> Result<Vec<(Assignment, Timestamp)>, StoreError> {
        self.read("reading which assignments are missing", |connection| {
            Ok(rows::missing_assignments(connection)?)
        })
        .await
    }

    /// Remembers which assignment rows are missing without being gone, in place of those of before.
    /// Rows that were missing already keep their time, unless it lies in the future.
    pub async fn note_missing_assignments(
        &self,
        missing: Vec<Assignment>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("noting which assignments are missing", move |connection| {
            Ok(rows::replace_missing_assignments(connection, &missing, at)?)
        })
        .await
    }

    /// Returns everybody who is known to exist but could not be read, sorted.
    pub async fn unread_users(&self) -> Result<Vec<SourceAnchor>, StoreError> {
        self.read("reading who is unread", |connection| Ok(rows::unread(connection)?)).await
    }

    /// Returns the memberships in these groups, sorted by person, then by group. Groups that are
    /// not assigned have none.
    pub async fn group_members(
        &self,
        mut groups: Vec<SourceAnchor>,
    ) -> Result<Vec<Membership>, StoreError> {
        self.read("reading the members of groups", move |connection| {
            groups.sort_unstable();
            groups.dedup();
            let mut memberships = Vec::new();
            for group in groups {
                let members = rows::members_of(connection, group)?;
                memberships.extend(members.into_iter().map(|user| Membership { user, group }));
            }
            memberships.sort_unstable();
            Ok(memberships)
        })
        .await
    }

    /// Brings the snapshot up to date, marks everybody who changed to be planned, and moves the
    /// watermark: all or nothing. Rows that did not change are not written.
    ///
    /// # Errors
    /// [`StoreError::NoSnapshot`] for a delta before the first full import.
    ///
    /// # Guarantees
    /// Survives a crash of the process. What the loss of power takes, it takes with the watermark.
    pub async fn commit_import(&self, update: SnapshotUpdate) -> Result<ImportSummary, StoreError> {
        self.alone(move |worker| {
            worker.write("importing", Durability::Process, |connection| match update {
                SnapshotUpdate::Full {
                    users,
                    assignments,
                    memberships,
                    groups,
                    edges,
                    plan_groups,
                    watermark,
                    query_hash,
                } => {
                    rows::set_watermark(connection, &watermark, Some(&query_hash))?;
                    let read =
                        full::Read { users, assignments, memberships, groups, edges, plan_groups };
                    full::import(connection, read)
                }
                SnapshotUpdate::Delta {
                    users,
                    assignments,
                    added,
                    removed,
                    groups,
                    edges_added,
                    edges_removed,
                    groups_gone,
                    plan_groups,
                    watermark,
                } => {
                    rows::set_watermark(connection, &watermark, None)?;
                    let tree = delta::TreeChanges {
                        assignments,
                        groups,
                        edges_added,
                        edges_removed,
                        groups_gone,
                        plan_groups,
                    };
                    delta::import(connection, users, tree, (added, removed))
                }
            })
        })
        .await
    }
}

/// Drops a person from the snapshot who has no assignment, membership or live link; returns
/// whether one was dropped.
pub(super) fn drop_if_unrelated(
    connection: &Connection,
    anchor: SourceAnchor,
) -> rusqlite::Result<bool> {
    let dropped = connection
        .prepare_cached(
            "DELETE FROM person WHERE anchor = ?1 \
             AND NOT EXISTS (SELECT 1 FROM assignment WHERE principal = ?1 AND kind = 0) \
             AND NOT EXISTS (SELECT 1 FROM membership WHERE membership.person = person.key) \
             AND NOT EXISTS (SELECT 1 FROM link WHERE link.anchor = ?1)",
        )?
        .execute([anchor])?;
    Ok(dropped > 0)
}

/// Marks everybody who changed; `changed` is sorted and unique.
fn conclude(
    connection: &Connection,
    people: u64,
    changed: &[SourceAnchor],
) -> Result<ImportSummary, Trouble> {
    let subjects = changed.iter().map(|&anchor| Subject { anchor, verify: false });
    planning::mark(connection, subjects)?;
    Ok(ImportSummary { people, changed: changed.len() as u64 })
}
