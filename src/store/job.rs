//! What the job is about and how it stands: one row.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use crate::model::account::TargetAccount;
use crate::model::identity::AppRole;
use crate::model::ids::{ContentHash, SourceAnchor, Timestamp, Watermark};
use crate::model::outcome::CycleReport;

use super::codec::Json;
use super::error::{StoreError, Trouble};
use super::{Store, history};

/// What a store belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pins {
    /// The tenant of the source.
    pub tenant_id: String,
    /// The service principal whose assignments count.
    pub application_id: SourceAnchor,
    /// The account of the target, once it has been read.
    pub account_id: Option<String>,
}

/// The application as last read, so that cycles need not read it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct KnownApplication {
    /// A hash over the configuration that led to it.
    pub key: String,
    /// The roles that it declares.
    pub roles: Vec<AppRole>,
    /// The name that administrators see.
    pub display_name: String,
}

/// How the job stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JobState {
    /// What the store belongs to; `None` before the first cycle.
    pub pins: Option<Pins>,
    /// The application as last read.
    pub application: Option<KnownApplication>,
    /// Where reading resumes, with the hash of the query that it is bound to.
    pub watermark: Option<(Watermark, String)>,
    /// When the source was last read in full.
    pub last_full_at: Option<Timestamp>,
    /// Since when something in the snapshot rests on an index that may have been behind, until
    /// everything is read once more.
    pub reread_since: Option<Timestamp>,
    /// When everything was last read at the target and compared.
    pub last_drift_at: Option<Timestamp>,
    /// Since when the members of groups are being read for it, until all were.
    pub members_since: Option<Timestamp>,
    /// A person paused the job.
    pub paused: bool,
    /// The hash of the rules of the last plan that was applied.
    pub rules_hash: Option<ContentHash>,
    /// A plan of this job has been applied.
    pub first_plan_done: bool,
    /// What the first plan began has been carried out to its end.
    pub caught_up: bool,
    /// The target tenant as last read, and when that was.
    pub target_account: Option<(TargetAccount, Timestamp)>,
    /// The newest cycle.
    pub last_cycle: Option<CycleReport>,
}

impl Store {
    /// Returns how the job stands.
    pub async fn job(&self) -> Result<JobState, StoreError> {
        self.read("reading the state of the job", |connection| {
            let last_cycle = history::newest(connection, 1)?.pop();
            Ok(JobState { last_cycle, ..connection.query_row(SELECT_JOB, [], job_from)? })
        })
        .await
    }

    /// Binds the store to a tenant, an application and an account, or checks that it is bound to
    /// them. An account that is not known yet is neither stored nor checked. Ids compare without
    /// regard to ASCII case.
    ///
    /// # Errors
    /// [`StoreError::Pinned`] if the store is bound to something else; nothing is changed then.
    pub async fn pin(&self, pins: Pins) -> Result<(), StoreError> {
        self.write("pinning the store", move |connection| pin(connection, &pins)).await
    }

    /// Remembers the application; `key` is a hash over the configuration that led to it. Where its
    /// roles are others than before, everybody is planned again: nothing else tells whom it concerns.
    pub async fn set_application(
        &self,
        key: String,
        roles: Vec<AppRole>,
        display_name: String,
    ) -> Result<(), StoreError> {
        self.write("storing the application", move |connection| {
            let select = "SELECT application FROM job";
            let before: Option<Json<KnownApplication>> =
                connection.query_row(select, [], |row| row.get(0))?;
            if before.is_some_and(|Json(before)| before.roles != roles) {
                connection.execute(
                    "INSERT INTO subject (anchor, verify) SELECT anchor, 0 FROM person WHERE true \
                     ON CONFLICT (anchor) DO NOTHING",
                    [],
                )?;
            }
            let known = Json(KnownApplication { key, roles, display_name });
            connection.execute("UPDATE job SET application = ?1", params![known])?;
            Ok(())
        })
        .await
    }

    /// Remembers the target tenant as read at `at`.
    pub async fn set_target_account(
        &self,
        account: TargetAccount,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("storing the account of the target", move |connection| {
            connection.execute(
                "UPDATE job SET target_account = ?1, target_account_at = ?2",
                params![Json(account), at],
            )?;
            Ok(())
        })
        .await
    }

    /// Pauses or resumes the job.
    pub async fn set_paused(&self, paused: bool) -> Result<(), StoreError> {
        self.write("storing the pause", move |connection| {
            connection.execute("UPDATE job SET paused = ?1", params![paused])?;
            Ok(())
        })
        .await
    }

    /// Remembers the rules of the plan that was applied.
    pub async fn set_rules(&self, rules_hash: ContentHash) -> Result<(), StoreError> {
        self.write("storing the hash of the rules", move |connection| {
            connection.execute("UPDATE job SET rules_hash = ?1", params![rules_hash])?;
            Ok(())
        })
        .await
    }

    /// Remembers that both ends were read in full at `at`, and that what came of it waits to be
    /// done: a cycle that failed before that does not count.
    pub async fn note_full(&self, at: Timestamp) -> Result<(), StoreError> {
        self.write("storing when everything was read", move |connection| {
            connection.execute("UPDATE job SET last_full_at = ?1", [at])?;
            Ok(())
        })
        .await
    }

    /// Remembers since when something in the snapshot rests on an index that may be behind; `None`
    /// once everything was read again late enough.
    pub async fn set_reread_since(&self, since: Option<Timestamp>) -> Result<(), StoreError> {
        self.write("storing what has to be read again", move |connection| {
            connection.execute("UPDATE job SET reread_since = ?1", [since])?;
            Ok(())
        })
        .await
    }

    /// Returns what was last kept of the requests to the target, as it was handed over.
    pub async fn request_window(&self) -> Result<Option<String>, StoreError> {
        self.read("reading what was sent lately", |connection| {
            Ok(connection.query_row("SELECT request_window FROM job", [], |row| row.get(0))?)
        })
        .await
    }

    /// Keeps a text about the requests to the target, for the next process to read.
    pub async fn keep_request_window(&self, window: String) -> Result<(), StoreError> {
        self.write("keeping what was sent lately", move |connection| {
            connection.execute("UPDATE job SET request_window = ?1", [window])?;
            Ok(())
        })
        .await
    }

    /// Remembers that a plan of this job has been applied.
    pub async fn set_first_plan_done(&self) -> Result<(), StoreError> {
        self.write("storing that a plan was applied", |connection| {
            connection.execute("UPDATE job SET first_plan_done = 1", [])?;
            Ok(())
        })
        .await
    }
}

impl Store {
    /// Remembers that what the first plan began has been carried out to its end.
    pub async fn set_caught_up(&self) -> Result<(), StoreError> {
        self.write("storing that the first plan was carried out", |connection| {
            connection.execute("UPDATE job SET caught_up = 1", [])?;
            Ok(())
        })
        .await
    }
}

const SELECT_JOB: &str = "SELECT tenant_id, application_id, account_id, application, watermark, \
     query_hash, last_full_at, reread_since, last_drift_at, members_since, paused, rules_hash, \
     first_plan_done, caught_up, target_account, target_account_at FROM job";

fn job_from(row: &Row<'_>) -> rusqlite::Result<JobState> {
    let watermark: Option<String> = row.get("watermark")?;
    let query_hash: Option<String> = row.get("query_hash")?;
    let account: Option<Json<TargetAccount>> = row.get("target_account")?;
    let account_at: Option<Timestamp> = row.get("target_account_at")?;
    let application: Option<Json<KnownApplication>> = row.get("application")?;
    Ok(JobState {
        pins: pins_from(row)?,
        application: application.map(|Json(known)| known),
        watermark: watermark.map(Watermark).zip(query_hash),
        last_full_at: row.get("last_full_at")?,
        reread_since: row.get("reread_since")?,
        last_drift_at: row.get("last_drift_at")?,
        members_since: row.get("members_since")?,
        paused: row.get("paused")?,
        rules_hash: row.get("rules_hash")?,
        first_plan_done: row.get("first_plan_done")?,
        caught_up: row.get("caught_up")?,
        target_account: account.map(|Json(account)| account).zip(account_at),
        last_cycle: None,
    })
}

fn pins_from(row: &Row<'_>) -> rusqlite::Result<Option<Pins>> {
    let tenant_id: Option<String> = row.get("tenant_id")?;
    let application_id: Option<SourceAnchor> = row.get("application_id")?;
    let account_id = row.get("account_id")?;
    Ok(tenant_id.zip(application_id).map(|(tenant_id, application_id)| Pins {
        tenant_id,
        application_id,
        account_id,
    }))
}

fn pin(connection: &Connection, pins: &Pins) -> Result<(), Trouble> {
    let stored = connection.query_row(SELECT_JOB, [], pins_from).optional()?.flatten();
    if let Some(stored) = stored {
        agree("tenant", &stored.tenant_id, &pins.tenant_id)?;
        agree("application", &stored.application_id.to_string(), &pins.application_id.to_string())?;
        if let (Some(stored), Some(found)) = (&stored.account_id, &pins.account_id) {
            agree("ShareFile account", stored, found)?;
        }
    }
    connection.execute(
        "UPDATE job SET tenant_id = coalesce(tenant_id, ?1), \
         application_id = coalesce(application_id, ?2), account_id = coalesce(account_id, ?3)",
        params![pins.tenant_id, pins.application_id, pins.account_id],
    )?;
    Ok(())
}

fn agree(what: &'static str, stored: &str, found: &str) -> Result<(), StoreError> {
    if stored.eq_ignore_ascii_case(found) {
        Ok(())
    } else {
        Err(StoreError::Pinned { what, stored: stored.to_owned(), found: found.to_owned() })
    }
}
