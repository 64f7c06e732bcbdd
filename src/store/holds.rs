//! What waits for a person, and what was answered.
//!
//! An item is one held object, known by kind, hash and person. It belongs to one hold for as long
//! as plans keep bringing it; a hold without items is closed. Approvals are spent by the change
//! that they approved, or run out.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use crate::model::ids::{ContentHash, SourceAnchor, Timestamp};
use crate::model::plan::{HeldItem, Hold, HoldKind};

use super::Store;
use super::codec::{Json, Word};
use super::error::{StoreError, Trouble};
use super::planning::{self, Subject};

/// What became of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum HoldState {
    /// It waits for an answer, or for its cause to go away.
    Open,
    /// A person approved it.
    Approved {
        /// When the approval runs out.
        until: Timestamp,
    },
    /// A person rejected it: its items stay withheld for as long as they are the same.
    Rejected,
}

/// A hold as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoredHold {
    /// The number, by which people answer it.
    pub id: i64,
    /// The cause.
    pub kind: HoldKind,
    /// What happened and what to do.
    pub message: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// What became of it.
    pub state: HoldState,
    /// Who answered it, and when.
    pub answered: Option<(String, Timestamp)>,
    /// What it withholds, ordered by label and anchor.
    pub items: Vec<HeldItem>,
    /// The call that returned it has opened it.
    pub is_new: bool,
}

/// An answer to a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What it withholds may be done.
    Approve {
        /// When the approval runs out.
        until: Timestamp,
    },
    /// What it withholds must not be done.
    Reject,
}

/// What was answered so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Hashes of items that may be done now; sorted, unique.
    pub approved: Vec<ContentHash>,
    /// Hashes of items that must not be done; sorted, unique.
    pub rejected: Vec<ContentHash>,
    /// Hashes of items that wait for an answer, each with the kind of hold that it is in; sorted by
    /// hash.
    pub waiting_in: Vec<(ContentHash, HoldKind)>,
    /// The same as `rejected`, each with the kind of hold that it is in; sorted by hash.
    pub rejected_in: Vec<(ContentHash, HoldKind)>,
}

/// Who was planned when holds are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Planned {
    /// Everybody.
    All,
    /// These people, in any order.
    These(Vec<SourceAnchor>),
}

impl Store {
    /// Records what a plan withholds, and returns the holds that are open afterwards, oldest first.
    ///
    /// An item that is in a hold already stays there, also if that was rejected; the new items of
    /// one kind form a new hold. Items of people who were planned and that the plan no longer
    /// withholds are withdrawn, except those that are approved. Items whose approval ran out by
    /// `at` are open again, in a new hold.
    pub async fn record_holds(
        &self,
        holds: Vec<Hold>,
        planned: Planned,
        at: Timestamp,
    ) -> Result<Vec<StoredHold>, StoreError> {
        self.write("recording holds", move |connection| {
            let new = record(connection, holds, &planned, at)?;
            let mut open = open(connection)?;
            for hold in &mut open {
                hold.is_new = new.contains(&hold.id);
            }
            Ok(open)
        })
        .await
    }

    /// Returns the open holds, oldest first.
    pub async fn holds(&self) -> Result<Vec<StoredHold>, StoreError> {
        self.read("reading holds", open).await
    }

    /// Returns the holds that still withhold something or were approved and not yet used, whatever
    /// was answered, oldest first.
    pub async fn live_holds(&self) -> Result<Vec<StoredHold>, StoreError> {
        self.read("reading holds", |connection| select(connection, "closed_at IS NULL")).await
    }

    /// Answers an open hold for `by`, and marks its people to be planned.
    ///
    /// # Errors
    /// [`StoreError::UnknownHold`], [`StoreError::HoldNotOpen`], or [`StoreError::NotAnswerable`]
    /// if no finished change waits in it.
    pub async fn answer_hold(
        &self,
        id: i64,
        answer: Answer,
        by: String,
        at: Timestamp,
    ) -> Result<StoredHold, StoreError> {
        self.write("answering a hold", move |connection| {
            self::answer(connection, id, answer, &by, at)
        })
        .await
    }

    /// Returns what may be done and what must not be done at `now`.
    pub async fn answered(&self, now: Timestamp) -> Result<Answered, StoreError> {
        self.read("reading answers to holds", move |connection| answered(connection, now)).await
    }
}

/// Spends the approval of a change that has been made; returns whether there was one.
pub(super) fn spend(
    connection: &Connection,
    hash: ContentHash,
    anchor: SourceAnchor,
    at: Timestamp,
) -> Result<bool, Trouble> {
    let spent = connection
        .prepare_cached(
            "DELETE FROM hold_item WHERE hash = ?1 AND anchor = ?2 \
             AND EXISTS (SELECT 1 FROM hold WHERE id = hold_item.hold AND state = 'approved')",
        )?
        .execute(params![hash, anchor])?;
    if spent > 0 {
        close_empty(connection, at)?;
    }
    Ok(spent > 0)
}

/// What identifies an item from plan to plan.
type ItemKey = (HoldKind, ContentHash, SourceAnchor);

/// Where an item is now.
struct Known {
    hold: i64,
    state: HoldState,
}

fn record(
    connection: &Connection,
    holds: Vec<Hold>,
    planned: &Planned,
    at: Timestamp,
) -> Result<HashSet<i64>, Trouble> {
    let mut known = live_items(connection)?;
    let mut new_holds = HashSet::new();
    let mut held = HashSet::new();
    for Hold { kind, message, items } in holds {
        let mut new_items = Vec::new();
        let mut refreshed = HashSet::new();
        for item in items {
            let key = (kind, item.hash, item.anchor);
            match known.get(&key) {
                Some(Known { hold, state: HoldState::Approved { until } }) if *until <= at => {
                    take_out(connection, *hold, &key)?;
                    new_items.push(item);
                }
                Some(Known { hold, state: HoldState::Open }) => {
                    refreshed.insert(*hold);
                }
                Some(_) => {}
                None if held.contains(&key) => {}
                None => new_items.push(item),
            }
            held.insert(key);
        }
        for hold in refreshed {
            connection
                .prepare_cached("UPDATE hold SET message = ?2 WHERE id = ?1 AND message <> ?2")?
                .execute(params![hold, message])?;
        }
        if !new_items.is_empty() {
            new_holds.insert(insert(connection, kind, &message, &new_items, at)?);
        }
    }
    let planned: Option<HashSet<SourceAnchor>> = match planned {
        Planned::All => None,
        Planned::These(anchors) => Some(anchors.iter().copied().collect()),
    };
    known.retain(|key, item| {
        let was_planned = planned.as_ref().is_none_or(|planned| planned.contains(&key.2));
        let approved = matches!(item.state, HoldState::Approved { until } if until > at);
        was_planned && !approved && !held.contains(key)
    });
    for (key, item) in &known {
        take_out(connection, item.hold, key)?;
    }
    close_empty(connection, at)?;
    Ok(new_holds)
}

fn live_items(connection: &Connection) -> Result<HashMap<ItemKey, Known>, Trouble> {
    let mut select = connection.prepare_cached(
        "SELECT id, kind, state, approved_until, hash, anchor FROM hold \
         JOIN hold_item ON hold_item.hold = hold.id WHERE closed_at IS NULL",
    )?;
    let mut rows = select.query([])?;
    let mut known = HashMap::new();
    while let Some(row) = rows.next()? {
        let Word(kind) = row.get("kind")?;
        let item = Known { hold: row.get("id")?, state: state_from(row)? };
        known.insert((kind, row.get("hash")?, row.get("anchor")?), item);
    }
    Ok(known)
}

fn insert(
    connection: &Connection,
    kind: HoldKind,
    message: &str,
    items: &[HeldItem],
    at: Timestamp,
) -> Result<i64, Trouble> {
    connection
        .prepare_cached(
            "INSERT INTO hold (kind, message, opened_at, state) VALUES (?1, ?2, ?3, 'open')",
        )?
        .execute(params![Word(kind), message, at])?;
    let id = connection.last_insert_rowid();
    let mut insert = connection.prepare_cached(
        "INSERT OR IGNORE INTO hold_item (hold, hash, anchor, label, detail, change) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for item in items {
        let change = item.change.as_ref().map(Json);
        insert.execute(params![id, item.hash, item.anchor, item.label, item.detail, change])?;
    }
    Ok(id)
}

fn take_out(connection: &Connection, hold: i64, key: &ItemKey) -> Result<(), Trouble> {
    connection
        .prepare_cached("DELETE FROM hold_item WHERE hold = ?1 AND hash = ?2 AND anchor = ?3")?
        .execute(params![hold, key.1, key.2])?;
    Ok(())
}

fn close_empty(connection: &Connection, at: Timestamp) -> Result<(), Trouble> {
    connection
        .prepare_cached(
            "UPDATE hold SET closed_at = ?1 WHERE closed_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM hold_item WHERE hold_item.hold = hold.id)",
        )?
        .execute([at])?;
    Ok(())
}

const HOLD: &str = "id, kind, message, opened_at, state, approved_until, answered_by, answered_at";

fn open(connection: &Connection) -> Result<Vec<StoredHold>, Trouble> {
    select(connection, "closed_at IS NULL AND state = 'open'")
}

fn select(connection: &Connection, which: &str) -> Result<Vec<StoredHold>, Trouble> {
    let mut holds = connection
        .prepare_cached(&format!("SELECT {HOLD} FROM hold WHERE {which} ORDER BY id"))?
        .query_map([], hold_from)?
        .collect::<Result<Vec<StoredHold>, _>>()?;
    for hold in &mut holds {
        hold.items = items_of(connection, hold.id)?;
    }
    Ok(holds)
}

fn hold_from(row: &Row<'_>) -> rusqlite::Result<StoredHold> {
    Ok(StoredHold {
        id: row.get("id")?,
        kind: row.get::<_, Word<_>>("kind")?.0,
        message: row.get("message")?,
        opened_at: row.get("opened_at")?,
        state: state_from(row)?,
        answered: Option::zip(row.get("answered_by")?, row.get("answered_at")?),
        items: Vec::new(),
        is_new: false,
    })
}

fn state_from(row: &Row<'_>) -> rusqlite::Result<HoldState> {
    let state: String = row.get("state")?;
    Ok(match state.as_str() {
        "approved" => HoldState::Approved { until: row.get("approved_until")? },
        "rejected" => HoldState::Rejected,
        _ => HoldState::Open,
    })
}

fn items_of(connection: &Connection, hold: i64) -> Result<Vec<HeldItem>, Trouble> {
    let mut select = connection.prepare_cached(
        "SELECT anchor, label, detail, hash, change FROM hold_item WHERE hold = ?1 \
         ORDER BY label, anchor, hash",
    )?;
    let items = select
        .query_map([hold], |row| {
            Ok(HeldItem {
                anchor: row.get(0)?,
                label: row.get(1)?,
                detail: row.get(2)?,
                hash: row.get(3)?,
                change: row.get::<_, Option<Json<_>>>(4)?.map(|Json(change)| change),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(items)
}

fn answer(
    connection: &Connection,
    id: i64,
    answer: Answer,
    by: &str,
    at: Timestamp,
) -> Result<StoredHold, Trouble> {
    let found = connection
        .prepare_cached(&format!("SELECT {HOLD}, closed_at FROM hold WHERE id = ?1"))?
        .query_row([id], |row| Ok((hold_from(row)?, row.get::<_, Option<Timestamp>>("closed_at")?)))
        .optional()?;
    let Some((mut hold, closed_at)) = found else {
        return Err(StoreError::UnknownHold { id }.into());
    };
    let became = match hold.state {
        HoldState::Approved { .. } => Some("was approved"),
        HoldState::Rejected => Some("was rejected"),
        HoldState::Open => closed_at.map(|_| "was withdrawn"),
    };
    if let Some(became) = became {
        return Err(StoreError::HoldNotOpen { id, became }.into());
    }
    if !hold.kind.approvable() {
        return Err(StoreError::NotAnswerable { id, kind: hold.kind.name() }.into());
    }
    let (word, until) = match answer {
        Answer::Approve { until } => ("approved", Some(until)),
        Answer::Reject => ("rejected", None),
    };
    hold.state = until.map_or(HoldState::Rejected, |until| HoldState::Approved { until });
    hold.answered = Some((by.to_owned(), at));
    connection
        .prepare_cached(
            "UPDATE hold SET state = ?2, approved_until = ?3, answered_by = ?4, answered_at = ?5 \
             WHERE id = ?1",
        )?
        .execute(params![id, word, until, by, at])?;
    hold.items = items_of(connection, id)?;
    let subjects = hold.items.iter().map(|item| Subject { anchor: item.anchor, verify: true });
    planning::mark(connection, subjects)?;
    Ok(hold)
}

fn answered(connection: &Connection, now: Timestamp) -> Result<Answered, Trouble> {
    let mut answered = Answered::default();
    for ((kind, hash, _), item) in live_items(connection)? {
        match item.state {
            HoldState::Approved { until } if until > now => answered.approved.push(hash),
            HoldState::Rejected => answered.rejected_in.push((hash, kind)),
            HoldState::Open => answered.waiting_in.push((hash, kind)),
            HoldState::Approved { .. } => {}
        }
    }
    answered.waiting_in.sort_unstable();
    answered.waiting_in.dedup_by_key(|(hash, _)| *hash);
    answered.approved.sort_unstable();
    answered.approved.dedup();
    answered.rejected_in.sort_unstable();
    answered.rejected_in.dedup_by_key(|(hash, _)| *hash);
    answered.rejected = answered.rejected_in.iter().map(|(hash, _)| *hash).collect();
    Ok(answered)
}
