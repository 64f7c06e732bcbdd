//! What commands ask of the daemon: the side door that needs no lease.
//!
//! A command leaves a row and polls it; the daemon claims each row once and answers in the same
//! row. A command that nobody claims withdraws its row and does the work itself.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::ids::Timestamp;

use super::codec::{Json, Word};
use super::error::{StoreError, Trouble};
use super::worker::{Durability, Worker};
use super::{Store, open};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// A cycle now.
    Sync,
    /// Apply a saved plan.
    Apply,
    /// Pause the job.
    Pause,
    /// Resume the job.
    Resume,
    /// Approve a hold.
    Approve,
    /// Reject a hold.
    Reject,
    /// Send the welcome mail to somebody again.
    Welcome,
}

/// A request with what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestRow {
    /// The number.
    pub id: i64,
    /// What is asked.
    pub kind: RequestKind,
    /// The particulars, as command and daemon agree.
    pub payload: Value,
    /// When it was left.
    pub at: Timestamp,
    /// When the daemon took it on.
    pub claimed_at: Option<Timestamp>,
    /// When the daemon answered.
    pub answered_at: Option<Timestamp>,
    /// The answer.
    pub answer: Option<Value>,
}

/// A small connection of its own for commands. It blocks, for 30 seconds at most while the daemon
/// commits a large import, and writes nothing but requests.
#[derive(Debug)]
pub struct Requests {
    connection: Connection,
    path: PathBuf,
}

impl Requests {
    /// Opens the side door of the store at `path`.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if there is no store, [`StoreError::OlderVersion`] if no daemon of
    /// this version has opened it yet; otherwise as [`Store::open`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: open::side_door(path)?, path: path.to_owned() })
    }

    /// Leaves a request and returns its number.
    pub fn leave(
        &self,
        kind: RequestKind,
        payload: Value,
        at: Timestamp,
    ) -> Result<i64, StoreError> {
        self.connection
            .execute(
                "INSERT INTO request (kind, payload, at) VALUES (?1, ?2, ?3)",
                params![Word(kind), Json(payload), at],
            )
            .map(|_| self.connection.last_insert_rowid())
            .map_err(|source| StoreError::sqlite("leaving a request", &self.path, source))
    }

    /// Returns what became of a request.
    ///
    /// # Errors
    /// [`StoreError::UnknownRequest`] if it was withdrawn.
    pub fn read(&self, id: i64) -> Result<RequestRow, StoreError> {
        self.connection
            .prepare_cached(&format!("SELECT {REQUEST} FROM request WHERE id = ?1"))
            .and_then(|mut select| select.query_row([id], request_from).optional())
            .map_err(|source| StoreError::sqlite("reading a request", &self.path, source))?
            .ok_or(StoreError::UnknownRequest { id })
    }

    /// Withdraws a request that nobody has claimed; returns whether it was still there to withdraw.
    pub fn withdraw_unclaimed(&self, id: i64) -> Result<bool, StoreError> {
        self.connection
            .execute("DELETE FROM request WHERE id = ?1 AND claimed_at IS NULL", [id])
            .map(|deleted| deleted > 0)
            .map_err(|source| StoreError::sqlite("withdrawing a request", &self.path, source))
    }
}

impl Store {
    /// Claims the oldest request that nobody has claimed; each is handed out once, also across
    /// restarts. Requests that waited for more than twelve seconds are withdrawn: nobody waits for
    /// them any more. Costs next to nothing for as long as no other process has written.
    pub async fn claim_request(&self, at: Timestamp) -> Result<Option<RequestRow>, StoreError> {
        self.alone(move |worker| claim_if_any(worker, at)).await
    }

    /// Answers a claimed request.
    ///
    /// # Errors
    /// [`StoreError::UnknownRequest`] if it is not there any more.
    pub async fn answer_request(
        &self,
        id: i64,
        answer: Value,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("answering a request", move |connection| {
            let answered = connection.execute(
                "UPDATE request SET answer = ?2, answered_at = ?3 WHERE id = ?1",
                params![id, Json(answer), at],
            )?;
            if answered == 0 { Err(StoreError::UnknownRequest { id }.into()) } else { Ok(()) }
        })
        .await
    }
}

const REQUEST: &str = "id, kind, payload, at, claimed_at, answered_at, answer";

fn request_from(row: &Row<'_>) -> rusqlite::Result<RequestRow> {
    Ok(RequestRow {
        id: row.get(0)?,
        kind: row.get::<_, Word<_>>(1)?.0,
        payload: row.get::<_, Json<_>>(2)?.0,
        at: row.get(3)?,
        claimed_at: row.get(4)?,
        answered_at: row.get(5)?,
        answer: row.get::<_, Option<Json<_>>>(6)?.map(|Json(answer)| answer),
    })
}

fn claim_if_any(worker: &mut Worker, at: Timestamp) -> Result<Option<RequestRow>, StoreError> {
    const ATTEMPTED: &str = "looking for requests";
    // Taken before the look, so that what comes meanwhile is seen the next time.
    let version = worker.data_version(ATTEMPTED)?;
    if worker.quiet_at == Some(version) {
        return Ok(None);
    }
    let waits: bool = worker.read(ATTEMPTED, |connection| {
        let mut select = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM request WHERE claimed_at IS NULL)")?;
        Ok(select.query_row([], |row| row.get(0))?)
    })?;
    if !waits {
        worker.quiet_at = Some(version);
        return Ok(None);
    }
    worker.write("claiming a request", Durability::Power, |connection| claim(connection, at))
}

/// How long a request may wait for somebody to claim it, in milliseconds. Its command withdraws it
/// after ten seconds; one that is older was left by a command that has ended.
const STALE_MS: i64 = 12_000;

fn claim(connection: &Connection, at: Timestamp) -> Result<Option<RequestRow>, Trouble> {
    connection
        .prepare_cached("DELETE FROM request WHERE claimed_at IS NULL AND at < ?1")?
        .execute([at.plus_ms(-STALE_MS)])?;
    Ok(connection
        .prepare_cached(&format!(
            "UPDATE request SET claimed_at = ?1 \
             WHERE id = (SELECT min(id) FROM request WHERE claimed_at IS NULL) \
             RETURNING {REQUEST}"
        ))?
        .query_row([at], request_from)
        .optional()?)
}
