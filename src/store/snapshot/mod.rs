//! The source as last imported, in one transaction with its watermark.
//!
//! People stay in the snapshot for as long as they have an assignment, a membership in an assigned
//! group, or a live link. Whoever of these was not handed over is kept as *unread*: nobody is
//! absent because nobody read them.

mod delta;
mod full;
pub(super) mod groups;
pub(super) mod rows;

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::model::identity::{Assignment, Membership, SourceUser};
use crate::model::ids::{SourceAnchor, Timestamp, Watermark};

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
        /// Everybody in the assigned groups.
        memberships: Vec<Membership>,
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
        /// Memberships that were added, all of newly assigned groups among them.
        added: Vec<Membership>,
        /// Memberships that were removed.
        removed: Vec<Membership>,
        /// Groups that no longer exist.
        groups_gone: Vec<SourceAnchor>,
        /// Where reading resumes.
        watermark: Watermark,
    },
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// People in the snapshot now.
    pub people: u64,
    /// People whose record, assignment rows or memberships changed: they are to be planned now.
    pub changed: u64,
}

impl Store {
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
                SnapshotUpdate::Full { users, assignments, memberships, watermark, query_hash } => {
                    rows::set_watermark(connection, &watermark, Some(&query_hash))?;
                    full::import(connection, users, assignments, memberships)
                }
                SnapshotUpdate::Delta {
                    users,
                    assignments,
                    added,
                    removed,
                    groups_gone,
                    watermark,
                } => {
                    rows::set_watermark(connection, &watermark, None)?;
                    let changes =
                        delta::Changes { users, assignments, added, removed, groups_gone };
                    delta::import(connection, changes)
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
