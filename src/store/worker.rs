//! The one thread that owns the connection, and how work gets to it.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::error::{StoreError, Trouble};
use super::lease::Lease;
use super::rest;

/// At most so many pieces of work share a transaction.
const LARGEST_GROUP: usize = 256;

/// What a commit has to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// A crash of the process. What is lost with the power is read from the source again.
    Process,
    /// Loss of power.
    Power,
}

impl Durability {
    fn pragma(self) -> &'static str {
        match self {
            Self::Process => "NORMAL",
            Self::Power => "FULL",
        }
    }
}

/// What the connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It writes the file.
    Writer,
    /// It writes a copy in memory.
    Preview,
    /// It reads the file.
    ReadOnly,
}

/// Called with the result of the commit that a piece of grouped work was part of.
pub(super) type AfterCommit = Box<dyn FnOnce(Result<(), Arc<rusqlite::Error>>) + Send>;

/// Work inside a shared transaction, or the reason why there is none.
pub(super) type Grouped =
    Box<dyn FnOnce(Result<&Connection, Arc<rusqlite::Error>>) -> AfterCommit + Send>;

/// Something for the thread to do.
pub(super) enum Task {
    /// Work that needs the thread for itself.
    Alone(Box<dyn FnOnce(&mut Worker) + Send>),
    /// Work that shares a durable transaction with its neighbours in the queue.
    Grouped(Grouped),
    /// Flush, give the lease back and end.
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// The state of the thread.
#[derive(Debug)]
pub(super) struct Worker {
    connection: Connection,
    path: PathBuf,
    mode: Mode,
    durability: Durability,
    /// The data version at which no request waited.
    pub(super) quiet_at: Option<i64>,
    /// After the connection, so that it is given back last.
    lease: Option<Lease>,
}

impl Worker {
    pub(super) fn new(
        connection: Connection,
        path: PathBuf,
        mode: Mode,
        lease: Option<Lease>,
    ) -> Self {
        let durability = Durability::Power;
        Self { connection, path, mode, durability, quiet_at: None, lease }
    }

    /// Works until the store is closed or nobody holds a handle any more.
    pub(super) fn run(mut self, tasks: &mpsc::Receiver<Task>) {
        while let Ok(task) = tasks.recv() {
            let mut next = Some(task);
            while let Some(task) = next.take() {
                match task {
                    Task::Alone(work) => work(&mut self),
                    Task::Grouped(first) => {
                        let (group, other) = gather(first, tasks);
                        self.commit_group(group);
                        next = other;
                    }
                    Task::Close(answer) => {
                        let closed = self.close();
                        let _ = answer.send(closed);
                        return;
                    }
                }
            }
        }
    }

    /// Reads in one transaction, so that a writer in another process cannot come between.
    pub(super) fn read<T>(
        &mut self,
        attempted: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        let read = || {
            let transaction = self.connection.transaction()?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        read().map_err(|trouble: Trouble| trouble.place(attempted, &self.path))
    }

    /// Writes in one transaction: all of it, or nothing.
    pub(super) fn write<T>(
        &mut self,
        attempted: &'static str,
        durability: Durability,
        work: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        if self.mode == Mode::ReadOnly {
            return Err(StoreError::ReadOnly { attempted });
        }
        let write = || {
            self.set_durability(durability)?;
            let behavior = TransactionBehavior::Immediate;
            let transaction = self.connection.transaction_with_behavior(behavior)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        let written: Result<T, Trouble> = write();
        written.map_err(|trouble| trouble.place(attempted, &self.path))
    }

    /// Returns a number that changes when another connection commits.
    pub(super) fn data_version(&self, attempted: &'static str) -> Result<i64, StoreError> {
        self.connection
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .map_err(|source| StoreError::sqlite(attempted, &self.path, source))
    }

    /// Moves the write-ahead log into the file and empties it, unless a reader is in the way.
    pub(super) fn checkpoint(&mut self) -> Result<(), StoreError> {
        if self.mode != Mode::Writer {
            return Ok(());
        }
        let mut checkpoint = || -> rusqlite::Result<()> {
            self.set_durability(Durability::Power)?;
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        };
        checkpoint().map_err(|source| StoreError::sqlite("checkpointing", &self.path, source))
    }

    /// Does a group of work in one transaction with one flush. A member that fails is undone
    /// alone; if the commit fails, all have failed.
    fn commit_group(&mut self, group: Vec<Grouped>) {
        let begun = self
            .set_durability(Durability::Power)
            .and_then(|()| self.connection.execute_batch("BEGIN IMMEDIATE"))
            .map_err(Arc::new);
        let mut verdicts = Vec::with_capacity(group.len());
        for work in group {
            let connection = match &begun {
                Ok(()) if self.connection.is_autocommit() => Err(Arc::new(lost_transaction())),
                Ok(()) => Ok(&self.connection),
                Err(cause) => Err(Arc::clone(cause)),
            };
            verdicts.push(work(connection));
        }
        let committed = match begun {
            Ok(()) if self.connection.is_autocommit() => Err(Arc::new(lost_transaction())),
            Ok(()) => self.connection.execute_batch("COMMIT").map_err(Arc::new),
            Err(cause) => Err(cause),
        };
        if committed.is_err() && !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        for verdict in verdicts {
            verdict(committed.clone());
        }
    }

    fn set_durability(&mut self, durability: Durability) -> rusqlite::Result<()> {
        if self.durability != durability && self.mode == Mode::Writer {
            self.connection.pragma_update(None, "synchronous", durability.pragma())?;
            self.durability = durability;
        }
        Ok(())
    }

    fn close(mut self) -> Result<(), StoreError> {
        self.connection
            .busy_timeout(Duration::ZERO)
            .map_err(|source| StoreError::sqlite("closing", &self.path, source))?;
        self.checkpoint()?;
        let Self { connection, path, lease, .. } = self;
        connection.close().map_err(|(_, source)| StoreError::sqlite("closing", &path, source))?;
        if let Some(lease) = lease {
            lease.leave_note(&rest::lay(&path));
        }
        Ok(())
    }
}

/// Collects the grouped work that waits right behind `first`, and the task that ended the row.
fn gather(first: Grouped, tasks: &mpsc::Receiver<Task>) -> (Vec<Grouped>, Option<Task>) {
    let mut group = vec![first];
    while group.len() < LARGEST_GROUP {
        match tasks.try_recv() {
            Ok(Task::Grouped(work)) => group.push(work),
            Ok(other) => return (group, Some(other)),
            Err(_) => break,
        }
    }
    (group, None)
}

/// SQLite ends a transaction by itself when the disk is full or cannot be read.
fn lost_transaction() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK),
        Some("SQLite gave the transaction up after an earlier failure".to_owned()),
    )
}

/// Makes a piece of grouped work that answers through `answer` after the commit.
pub(super) fn grouped<T: Send + 'static>(
    attempted: &'static str,
    path: PathBuf,
    answer: oneshot::Sender<Result<T, StoreError>>,
    work: impl FnOnce(&Connection) -> Result<T, Trouble> + Send + 'static,
) -> Grouped {
    Box::new(move |connection| {
        let done = connection
            .map_err(|source| StoreError::Sqlite { attempted, path: path.clone(), source })
            .and_then(|connection| {
                within_savepoint(connection, work)
                    .map_err(|trouble| trouble.place(attempted, &path))
            });
        Box::new(move |committed| {
            let answered = match committed {
                Ok(()) => done,
                Err(source) => done.and(Err(StoreError::Sqlite { attempted, path, source })),
            };
            let _ = answer.send(answered);
        })
    })
}

fn within_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    connection.execute_batch("SAVEPOINT one")?;
    match work(connection) {
        Ok(value) => {
            connection.execute_batch("RELEASE one")?;
            Ok(value)
        }
        Err(trouble) => {
            // Fails only if the whole transaction is gone, which the group notices.
            let _ = connection.execute_batch("ROLLBACK TO one; RELEASE one");
            Err(trouble)
        }
    }
}
