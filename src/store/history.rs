//! Cycles and the provisioning log.

use rusqlite::{Connection, ToSql, params};

use crate::model::ids::{CycleId, SourceAnchor, TargetId, Timestamp};
use crate::model::outcome::{CycleCounts, CycleReport, CycleState, LogEntry, OutcomeStatus};
use crate::model::plan::{CycleKind, ProvisioningAction};

use super::Store;
use super::codec::{Json, Word};
use super::error::{StoreError, Trouble};

/// Which entries of the log are asked for: those that agree with all that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// A person's anchor, an account's id, or a part of the label, without regard to case.
    pub who: Option<String>,
    /// The kind of change.
    pub action: Option<ProvisioningAction>,
    /// The outcome.
    pub status: Option<OutcomeStatus>,
    /// The cycle.
    pub cycle: Option<CycleId>,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// At most so many entries; 0 means all.
    pub limit: usize,
}

impl Store {
    /// Records that a cycle begins, and gives it its number. A cycle that never ends, because the
    /// process did, stays `Running`.
    pub async fn begin_cycle(
        &self,
        kind: CycleKind,
        initiated_by: impl Into<String>,
        at: Timestamp,
    ) -> Result<CycleId, StoreError> {
        let mut report = CycleReport {
            id: CycleId(0),
            kind,
            initiated_by: initiated_by.into(),
            started_at: at,
            ended_at: None,
            state: CycleState::Running,
            counts: CycleCounts::default(),
            notes: Vec::new(),
            error: None,
        };
        self.write("beginning a cycle", move |connection| {
            connection
                .execute("INSERT INTO cycle (started_at, report) VALUES (?1, '')", params![at])?;
            report.id = CycleId(connection.last_insert_rowid());
            update(connection, &report)?;
            Ok(report.id)
        })
        .await
    }

    /// Records how a cycle ended, and moves the write-ahead log into the file.
    ///
    /// # Errors
    /// [`StoreError::UnknownCycle`] if it never began.
    pub async fn end_cycle(&self, report: CycleReport) -> Result<(), StoreError> {
        self.write("ending a cycle", move |connection| update(connection, &report)).await?;
        self.alone(|worker| worker.checkpoint()).await
    }

    /// Returns the newest `limit` cycles, newest first; 0 means all.
    pub async fn cycles(&self, limit: usize) -> Result<Vec<CycleReport>, StoreError> {
        self.read("reading cycles", move |connection| newest(connection, limit)).await
    }

    /// Adds entries to the provisioning log.
    pub async fn append_log(&self, entries: Vec<LogEntry>) -> Result<(), StoreError> {
        self.write("writing the provisioning log", move |connection| {
            entries.iter().try_for_each(|entry| append(connection, entry))
        })
        .await
    }

    /// Returns entries of the provisioning log, newest first.
    pub async fn log(&self, filter: LogFilter) -> Result<Vec<LogEntry>, StoreError> {
        self.read("reading the provisioning log", move |connection| select(connection, &filter))
            .await
    }

    /// Removes history from before `before`: log entries, cycles but the newest, settled intents,
    /// requests, and holds that are closed or whose
    /// approval ran out. Returns how many rows went. Links and tombstones stay.
    pub async fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write("removing old history", move |connection| {
            let mut removed = 0;
            for sql in PRUNE {
                removed += connection.execute(sql, params![before])? as u64;
            }
            Ok(removed)
        })
        .await
    }
}

const PRUNE: [&str; 7] = [
    "DELETE FROM log WHERE at < ?1",
    "DELETE FROM cycle WHERE started_at < ?1 AND id < (SELECT max(id) FROM cycle) \
     AND id NOT IN (SELECT cycle FROM intent WHERE settled_at IS NULL)",
    "DELETE FROM intent WHERE settled_at < ?1",
    "DELETE FROM request WHERE at < ?1",
    // Approvals that ran out and were never needed.
    "DELETE FROM hold_item WHERE hold IN (SELECT id FROM hold WHERE approved_until < ?1)",
    "DELETE FROM hold WHERE approved_until < ?1",
    "DELETE FROM hold WHERE closed_at < ?1",
];

/// Returns the newest cycles, newest first; 0 means all.
pub(super) fn newest(connection: &Connection, limit: usize) -> Result<Vec<CycleReport>, Trouble> {
    let mut select =
        connection.prepare_cached("SELECT report FROM cycle ORDER BY id DESC LIMIT ?1")?;
    let reports = select
        .query_map([limit_column(limit)], |row| Ok(row.get::<_, Json<_>>(0)?.0))?
        .collect::<Result<_, _>>()?;
    Ok(reports)
}

/// Adds an entry to the log.
pub(super) fn append(connection: &Connection, entry: &LogEntry) -> Result<(), Trouble> {
    connection
        .prepare_cached(
            "INSERT INTO log (at, cycle, action, status, anchor, target_key, label_key, entry) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            entry.at,
            entry.cycle.0,
            Word(entry.action),
            Word(entry.status),
            entry.anchor,
            entry.target_id.as_ref().map(TargetId::key),
            entry.label.to_lowercase(),
            Json(entry),
        ])?;
    Ok(())
}

fn update(connection: &Connection, report: &CycleReport) -> Result<(), Trouble> {
    let updated = connection.execute(
        "UPDATE cycle SET report = ?2 WHERE id = ?1",
        params![report.id.0, Json(report)],
    )?;
    if updated == 0 {
        return Err(StoreError::UnknownCycle { id: report.id.0 }.into());
    }
    Ok(())
}

/// SQLite takes a negative limit as "no limit".
fn limit_column(limit: usize) -> i64 {
    match limit {
        0 => -1,
        limit => i64::try_from(limit).unwrap_or(-1),
    }
}

fn select(connection: &Connection, filter: &LogFilter) -> Result<Vec<LogEntry>, Trouble> {
    let (clauses, mut values) = conditions(filter);
    let mut sql = "SELECT entry FROM log".to_owned();
    if !clauses.is_empty() {
        sql.push_str(" WHERE ");
        sql.push_str(&clauses.join(" AND "));
    }
    sql.push_str(" ORDER BY id DESC LIMIT ?");
    values.push(Box::new(limit_column(filter.limit)));
    let mut select = connection.prepare(&sql)?;
    let entries = select
        .query_map(rusqlite::params_from_iter(values), |row| Ok(row.get::<_, Json<_>>(0)?.0))?
        .collect::<Result<_, _>>()?;
    Ok(entries)
}

/// Returns the conditions of a filter with their values, in the order of the question marks.
fn conditions(filter: &LogFilter) -> (Vec<&'static str>, Vec<Box<dyn ToSql>>) {
    let mut clauses = Vec::new();
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    if let Some(who) = filter.who.as_deref().map(str::trim) {
        // An account's id may have the form of a GUID as well, so it is always looked for.
        match SourceAnchor::parse(who) {
            Some(anchor) => {
                clauses.push("(anchor = ? OR target_key = ?)");
                values.push(Box::new(anchor));
            }
            None => {
                clauses.push("(instr(label_key, ?) > 0 OR target_key = ?)");
                values.push(Box::new(who.to_lowercase()));
            }
        }
        values.push(Box::new(who.to_ascii_lowercase()));
    }
    if let Some(action) = filter.action {
        clauses.push("action = ?");
        values.push(Box::new(Word(action)));
    }
    if let Some(status) = filter.status {
        clauses.push("status = ?");
        values.push(Box::new(Word(status)));
    }
    if let Some(cycle) = filter.cycle {
        clauses.push("cycle = ?");
        values.push(Box::new(cycle.0));
    }
    if let Some(since) = filter.since {
        clauses.push("at >= ?");
        values.push(Box::new(since));
    }
    (clauses, values)
}
