//! The journal: an intent before each write, its outcome after it.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::model::account::{Link, TargetAttribute};
use crate::model::ids::{CycleId, SourceAnchor, Timestamp};
use crate::model::outcome::{LogEntry, OutcomeStatus};
use crate::model::plan::{LinkAfter, PlannedChange};

use super::codec::{Json, Word};
use super::error::{StoreError, Trouble};
use super::groups::{self, GroupLinkChange};
use super::planning::Subject;
use super::{Store, history, holds, links, planning, snapshot};

/// What is about to be written at the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The cycle.
    pub cycle: CycleId,
    /// The change.
    pub change: PlannedChange,
    /// No account had the address right before: what is found after a crash is ours.
    pub lookup_was_empty: bool,
    /// When the write begins.
    pub at: Timestamp,
}

/// What came of an intent, recorded in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The entry of the provisioning log.
    pub log: LogEntry,
    /// What becomes of the link.
    pub link: LinkChange,
    /// Nothing remains to be done for the person; otherwise the person is planned again.
    pub settled: bool,
    /// Read the account by id before the person is planned again; means nothing if `settled`.
    pub verify: bool,
}

/// What becomes of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// It stays as it is.
    None,
    /// The link is this from now on. A link of the same person to another account ends.
    Put(Box<Link>),
    /// The same, after a call that set only some values: what was read back of the others is kept,
    /// so that what somebody else changed there is not taken for what this job wrote.
    PutWritten {
        /// The link.
        link: Box<Link>,
        /// What the call set.
        written: Vec<TargetAttribute>,
    },
    /// The link of a person ends and becomes a tombstone.
    End {
        /// The person.
        anchor: SourceAnchor,
        /// When.
        at: Timestamp,
    },
    /// What becomes of one part of a group.
    Group {
        /// The group.
        anchor: SourceAnchor,
        /// The part.
        part: u16,
        /// What becomes of it.
        change: Box<GroupLinkChange>,
    },
}

impl Store {
    /// Records what is about to be written, and returns the number of the intent. Whoever it is to
    /// bring back is back from now on, whatever becomes of the write: dates of before do not count.
    ///
    /// # Guarantees
    /// Once this answers, the intent survives the loss of power.
    pub async fn intend(&self, intent: Intent) -> Result<i64, StoreError> {
        self.write_grouped("recording an intent", move |connection| intend(connection, &intent))
            .await
    }

    /// Records what came of an intent: outcome, link, shadow, tombstone, log entry and what is
    /// left to plan, all or nothing. A success spends the approval of its change.
    ///
    /// # Errors
    /// [`StoreError::IntentNotOpen`] if it was settled before, [`StoreError::LinkTaken`] if another
    /// person has the account; nothing is recorded then.
    ///
    /// # Guarantees
    /// Once this answers, the outcome survives the loss of power.
    pub async fn settle(&self, seq: i64, settlement: Settlement) -> Result<(), StoreError> {
        self.write_grouped("recording an outcome", move |connection| {
            settle(connection, seq, &settlement)
        })
        .await
    }

    /// Returns the intents whose outcome is not known, in the order in which they were recorded.
    pub async fn open_intents(&self) -> Result<Vec<(i64, Intent)>, StoreError> {
        self.read("reading open intents", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT seq, body FROM intent WHERE settled_at IS NULL ORDER BY seq",
            )?;
            let intents = select
                .query_map([], |row| Ok((row.get(0)?, row.get::<_, Json<Intent>>(1)?.0)))?
                .collect::<Result<_, _>>()?;
            Ok(intents)
        })
        .await
    }
}

/// Returns the people of open intents, sorted and unique.
pub(super) fn open_anchors(connection: &Connection) -> rusqlite::Result<Vec<SourceAnchor>> {
    connection
        .prepare_cached(
            "SELECT DISTINCT anchor FROM intent WHERE settled_at IS NULL ORDER BY anchor",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}

fn intend(connection: &Connection, intent: &Intent) -> Result<i64, Trouble> {
    let change = &intent.change;
    if let LinkAfter::Keep { target_id: Some(_), leaving: None, .. } = &change.link {
        links::note_back(connection, change.anchor)?;
    }
    connection
        .prepare_cached(
            "INSERT INTO intent (cycle, change, anchor, target_key, action, change_hash, at, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            intent.cycle.0,
            change.id.0,
            change.anchor,
            change.target_id.as_ref().map(|target_id| target_id.key()),
            Word(change.action),
            change.hash,
            intent.at,
            Json(intent),
        ])?;
    Ok(connection.last_insert_rowid())
}

fn settle(connection: &Connection, seq: i64, settlement: &Settlement) -> Result<(), Trouble> {
    let at = settlement.log.at;
    // Two statements: one that answers what it wrote makes a table for that each time.
    let intent = connection
        .prepare_cached(
            "SELECT anchor, change_hash FROM intent WHERE seq = ?1 AND settled_at IS NULL",
        )?
        .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((anchor, change_hash)) = intent else {
        return Err(StoreError::IntentNotOpen { seq }.into());
    };
    connection
        .prepare_cached("UPDATE intent SET settled_at = ?2, body = NULL WHERE seq = ?1")?
        .execute(params![seq, at])?;
    match &settlement.link {
        LinkChange::None => {}
        LinkChange::Put(link) => links::put(connection, link, at)?,
        LinkChange::PutWritten { link, written } => {
            links::put_written(connection, link, written, at)?;
        }
        LinkChange::End { anchor, at } => {
            links::end(connection, *anchor, *at)?;
            snapshot::drop_if_unrelated(connection, *anchor)?;
        }
        LinkChange::Group { anchor, part, change } => {
            groups::change(connection, *anchor, *part, change, at)?;
        }
    }
    let done = matches!(settlement.log.status, OutcomeStatus::Success | OutcomeStatus::Warning);
    let mut log = settlement.log.clone();
    log.approved = done && holds::spend(connection, change_hash, anchor, at)?;
    if let LinkChange::Group { change, .. } = &settlement.link {
        for hash in &change.spent {
            log.approved |= holds::spend(connection, *hash, anchor, at)?;
        }
    }
    history::append(connection, &log)?;
    if settlement.settled {
        planning::settle(connection, &[anchor])?;
    } else {
        planning::set(connection, &Subject { anchor, verify: settlement.verify })?;
    }
    Ok(())
}
