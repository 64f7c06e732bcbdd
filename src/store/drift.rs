//! Differences that were found at the target and reported.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use xxhash_rust::xxh3::xxh3_128;

use crate::model::ids::{ContentHash, TargetId, Timestamp};
use crate::model::plan::Drift;

use super::Store;
use super::codec::Json;
use super::error::{StoreError, Trouble};

/// What was compared in a cycle: differences of other objects stay as they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// All accounts, and the names of all groups.
    pub everything: bool,
    /// The members of these groups.
    pub members: Vec<TargetId>,
    /// But not these accounts and groups, which nobody could look at.
    pub except: BTreeSet<TargetId>,
}

impl Store {
    /// Remembers what was found, in place of what was known of the objects that were compared, and
    /// returns what is new.
    pub async fn note_drift(
        &self,
        found: Vec<Drift>,
        compared: Compared,
        at: Timestamp,
    ) -> Result<Vec<Drift>, StoreError> {
        self.write("noting what others changed", move |connection| {
            note(connection, found, &compared, at)
        })
        .await
    }

    /// Returns all differences that are known, each with the time since when; sorted.
    pub async fn drift(&self) -> Result<Vec<(Drift, Timestamp)>, StoreError> {
        self.read("reading what others changed", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT entry, since FROM drift ORDER BY target_key, attribute, hash",
            )?;
            let rows = select
                .query_map([], |row| Ok((row.get::<_, Json<Drift>>(0)?.0, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            Ok(rows)
        })
        .await
    }

    /// Notes that everything at the target is compared as of `at`, and that the members of groups
    /// are to be read from now on.
    pub async fn begin_drift(&self, at: Timestamp) -> Result<(), StoreError> {
        self.write("noting a comparison", move |connection| {
            connection
                .execute("UPDATE job SET last_drift_at = ?1, members_since = ?1", params![at])?;
            Ok(())
        })
        .await
    }

    /// Notes that the members of groups were asked for at `at`, and that those of some are to be read
    /// `again` in the next cycle, because something is to be done there. Once there is none left that
    /// was not asked for since the comparison began, it has ended.
    pub async fn note_members_read(
        &self,
        groups: Vec<TargetId>,
        again: Vec<TargetId>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("noting whose members were read", move |connection| {
            let mut update = connection.prepare_cached(
                "UPDATE group_link SET members_read_at = ?2 WHERE target_key = ?1",
            )?;
            let read = groups.into_iter().map(|group| (group, Some(at)));
            let open = again.into_iter().map(|group| (group, None));
            for (group, at) in read.chain(open) {
                update.execute(params![group.key(), at])?;
            }
            // Since the beginning of time: of those that were read none is due.
            connection.execute(
                "UPDATE job SET members_since = CASE WHEN EXISTS \
                 (SELECT 1 FROM group_link WHERE state = 0 AND \
                  (members_read_at IS NULL OR members_read_at < members_since)) \
                 THEN coalesce(members_since, 0) END",
                [],
            )?;
            Ok(())
        })
        .await
    }
}

fn note(
    connection: &Connection,
    found: Vec<Drift>,
    compared: &Compared,
    at: Timestamp,
) -> Result<Vec<Drift>, Trouble> {
    let members: BTreeSet<String> = compared.members.iter().map(TargetId::key).collect();
    let except: BTreeSet<String> = compared.except.iter().map(TargetId::key).collect();
    let known: BTreeSet<(String, String, ContentHash)> = connection
        .prepare_cached("SELECT target_key, attribute, hash FROM drift")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut gone: BTreeSet<&(String, String, ContentHash)> = known
        .iter()
        .filter(|(key, attribute, _)| match attribute.as_str() {
            "Member" => members.contains(key),
            _ => compared.everything && !except.contains(key),
        })
        .collect();
    let mut new = Vec::new();
    let mut insert = connection.prepare_cached(
        "INSERT INTO drift (target_key, attribute, hash, since, entry) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for drift in found {
        let content = serde_json::to_vec(&(&drift.expected, &drift.found)).unwrap_or_default();
        let hash = ContentHash(xxh3_128(&content));
        let row = (drift.target_id.key(), drift.attribute.clone(), hash);
        gone.remove(&row);
        if !known.contains(&row) {
            insert.execute(params![row.0, row.1, hash, at, Json(&drift)])?;
            new.push(drift);
        }
    }
    let mut delete = connection.prepare_cached(
        "DELETE FROM drift WHERE target_key = ?1 AND attribute = ?2 AND hash = ?3",
    )?;
    for (key, attribute, hash) in gone {
        delete.execute(params![key, attribute, hash])?;
    }
    Ok(new)
}
