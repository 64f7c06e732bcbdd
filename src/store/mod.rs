//! REMEMBER: SQLite behind one thread.
//!
//! [`Store`] is a handle: what is asked of it travels to the one thread that owns the connection,
//! so that SQLite never runs on an async worker. What was asked is carried out even if nobody waits
//! for the answer any more.
//!
//! # What belongs together
//!
//! - The snapshot and its watermark are one transaction ([`Store::commit_import`]).
//! - Outcome, link and shadow are one transaction ([`Store::settle`]).
//! - Everything survives the loss of power once it is answered, except an import: what is lost of
//!   that is lost together with its watermark, and read again. Waiting journal entries share a
//!   transaction, and so a flush.
//!
//! # Who may write
//!
//! The holder of the [`Lease`], and nobody else; commands leave [`Requests`] beside it.

mod aside;
mod codec;
mod drift;
mod error;
mod groups;
mod history;
mod holds;
mod job;
mod journal;
mod lease;
mod links;
mod open;
mod people;
mod planning;
mod removals;
mod requests;
mod rest;
mod snapshot;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

pub use aside::set_aside;
pub use drift::Compared;
pub use error::StoreError;
pub use groups::GroupLinkChange;
pub use history::LogFilter;
pub use holds::{Answer, Answered, HoldState, Planned, StoredHold};
pub use job::{JobState, KnownApplication, Pins};
pub use journal::{Intent, LinkChange, Settlement};
pub use lease::Lease;
pub use links::{Owner, Seen, StoreCounts};
pub use people::{AccountTie, GroupTie, KnownPerson};
pub use planning::{PlanData, Subject, Subjects};
pub use removals::Removals;
pub use requests::{RequestKind, RequestRow, Requests};
pub use snapshot::{ImportSummary, SnapshotUpdate, StoredGroups};

use error::Trouble;
use worker::{Durability, Mode, Task, Worker};

/// A handle to a store. Clones share the thread; it ends when the store is closed or the last
/// clone is dropped, and gives the lease back then.
#[derive(Clone, Debug)]
pub struct Store {
    thread: Arc<Thread>,
}

#[derive(Debug)]
struct Thread {
    path: PathBuf,
    /// `None` only while the last handle is being dropped.
    tasks: Option<mpsc::Sender<Task>>,
    handle: Option<JoinHandle<()>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        // The thread ends with its channel; wait, so that the lease is free afterwards.
        self.tasks.take();
        if let Some(handle) = self.handle.take() {
            let _ = handle.join();
        }
    }
}

impl Store {
    /// Opens the store at `path` for writing. A missing one is created, an older one migrated.
    ///
    /// # Errors
    /// Refuses stores of a newer version, databases of other programs and damaged files, and does
    /// not touch them.
    pub fn open(path: &Path, lease: Lease) -> Result<Self, StoreError> {
        let note = lease.note();
        Self::start(path, Mode::Writer, Some(lease), move |path| open::writer(path, &note))
    }

    /// Opens a private copy in memory: every method works, and nothing is written anywhere. A
    /// missing store counts as an empty one.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn preview(path: &Path) -> Result<Self, StoreError> {
        Self::start(path, Mode::Preview, None, open::copy)
    }

    /// Opens the store for reading, beside a running daemon or without one. Methods that write
    /// answer [`StoreError::ReadOnly`].
    ///
    /// # Errors
    /// [`StoreError::Missing`] if there is no store; otherwise as [`Store::open`].
    pub fn read_only(path: &Path) -> Result<Self, StoreError> {
        Self::start(path, Mode::ReadOnly, None, open::reader)
    }

    /// Flushes everything into the file, ends the thread and gives the lease back. Other handles
    /// answer [`StoreError::Gone`] from then on.
    ///
    /// # Errors
    /// If the file could not be brought up to date; nothing is lost then: the write-ahead log stays.
    pub async fn close(self) -> Result<(), StoreError> {
        self.ask(Task::Close).await
    }

    fn start(
        path: &Path,
        mode: Mode,
        lease: Option<Lease>,
        open: impl FnOnce(&Path) -> Result<Connection, StoreError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (tasks, receiver) = mpsc::channel();
        let (opened, wait) = mpsc::channel();
        let own_path = path.to_owned();
        let handle = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || match open(&own_path) {
                Ok(connection) => {
                    let worker = Worker::new(connection, own_path, mode, lease);
                    let _ = opened.send(Ok(()));
                    worker.run(&receiver);
                }
                Err(error) => {
                    drop(lease);
                    let _ = opened.send(Err(error));
                }
            })
            .map_err(|source| StoreError::io("starting the thread of", path, source))?;
        wait.recv().unwrap_or(Err(StoreError::Gone))?;
        let thread = Thread { path: path.to_owned(), tasks: Some(tasks), handle: Some(handle) };
        Ok(Self { thread: Arc::new(thread) })
    }

    /// Sends a task that answers once, and waits for the answer.
    async fn ask<T>(
        &self,
        task: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Task,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let tasks = self.thread.tasks.as_ref().ok_or(StoreError::Gone)?;
        tasks.send(task(answer)).map_err(|_| StoreError::Gone)?;
        answered.await.unwrap_or(Err(StoreError::Gone))
    }

    /// Lets the thread do something with all of its state.
    async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Worker) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(|answer| {
            Task::Alone(Box::new(move |worker| {
                let _ = answer.send(work(worker));
            }))
        })
        .await
    }

    /// Reads in one transaction.
    async fn read<T: Send + 'static>(
        &self,
        attempted: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.alone(move |worker| worker.read(attempted, work)).await
    }

    /// Writes in a transaction of its own, which survives the loss of power.
    async fn write<T: Send + 'static>(
        &self,
        attempted: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.alone(move |worker| worker.write(attempted, Durability::Power, work)).await
    }

    /// Writes in a transaction that is shared with what else waits, and survives the loss of power.
    async fn write_grouped<T: Send + 'static>(
        &self,
        attempted: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.thread.path.clone();
        self.ask(|answer| Task::Grouped(worker::grouped(attempted, path, answer, work))).await
    }
}

#[cfg(test)]
mod tests;
