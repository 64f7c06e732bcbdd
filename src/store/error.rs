//! What can go wrong with the store, and what to do about it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::model::ids::{SourceAnchor, TargetId};
use crate::model::outcome::ErrorCategory;

/// Why the store could not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The lease is held by somebody else.
    #[error("another process writes to this store: {holder}")]
    AnotherWriter {
        /// What the other process calls itself.
        holder: String,
    },
    /// The store was written by a newer version of this program.
    #[error(
        "{} has schema version {found}, and this program knows versions up to {known}",
        path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// The version of the file.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The store is of an older version, and this handle may not migrate it.
    #[error("{} has the older schema version {found}; {known} is needed", path.display())]
    OlderVersion {
        /// The file.
        path: PathBuf,
        /// The version of the file.
        found: i64,
        /// The version that is needed.
        known: i64,
    },
    /// The file is a database of another program.
    #[error("{} is a database, but not a store of this program", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a database, or does not hold together.
    #[error("{} is damaged: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The store belongs to another tenant, application or account.
    #[error("the store belongs to the {what} {stored}, but {found} was found")]
    Pinned {
        /// What is pinned: `tenant`, `application` or `ShareFile account`.
        what: &'static str,
        /// What the store remembers.
        stored: String,
        /// What was found now.
        found: String,
    },
    /// There is no store.
    #[error("there is no store at {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("{attempted} {} failed", path.display())]
    Io {
        /// What was attempted, as "locking".
        attempted: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// SQLite refused.
    #[error("{attempted} in {} failed", path.display())]
    Sqlite {
        /// What was attempted, as "reading the links".
        attempted: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// Another process kept the store locked for too long.
    #[error("{attempted} in {} waited too long for another process", path.display())]
    Busy {
        /// What was attempted.
        attempted: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Something was to be written through a handle that only reads.
    #[error("{attempted} needs a store that may be written")]
    ReadOnly {
        /// What was attempted.
        attempted: &'static str,
    },
    /// A delta was to be imported, but there is nothing that it could continue.
    #[error("the store has no snapshot that a delta could continue")]
    NoSnapshot,
    /// A link would give an account to a second person.
    #[error("account {target_id} is linked to {owner} and cannot be linked to {anchor} as well")]
    LinkTaken {
        /// The account.
        target_id: TargetId,
        /// Who has it.
        owner: SourceAnchor,
        /// Who should have got it.
        anchor: SourceAnchor,
    },
    /// An intent is settled already, or was never recorded.
    #[error("intent {seq} is not open")]
    IntentNotOpen {
        /// The number.
        seq: i64,
    },
    /// There is no cycle of that number.
    #[error("there is no cycle {id} in the store")]
    UnknownCycle {
        /// The number.
        id: i64,
    },
    /// There is no hold of that number.
    #[error("there is no hold {id}")]
    UnknownHold {
        /// The number.
        id: i64,
    },
    /// The hold was answered before, or withdrawn.
    #[error("hold {id} is not open: it {became}")]
    HoldNotOpen {
        /// The number.
        id: i64,
        /// What became of it, as "was approved".
        became: &'static str,
    },
    /// Nothing finished waits in the hold: its cause has to be removed.
    #[error("hold {id} ({kind}) cannot be approved or rejected")]
    NotAnswerable {
        /// The number.
        id: i64,
        /// The kind of hold.
        kind: &'static str,
    },
    /// There is no request of that number, or it was withdrawn.
    #[error("there is no request {id}")]
    UnknownRequest {
        /// The number.
        id: i64,
    },
    /// The thread of the store has ended: the store was closed.
    #[error("the store is closed")]
    Gone,
}

impl StoreError {
    /// Returns what to do about it, in a sentence.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::AnotherWriter { .. } => {
                "Wait until the other process is done, or stop it; a running daemon takes requests."
            }
            Self::NewerVersion { .. } => {
                "Install the version of this program that wrote the store, or a later one; \
                 nothing was changed."
            }
            Self::OlderVersion { .. } => "Start the daemon once: it brings the store up to date.",
            Self::NotOurs { .. } => {
                "Point the configuration at another directory; the file was not touched."
            }
            Self::Damaged { .. } => {
                "Restore the store from a backup. Without one, move the file away: the next cycle \
                 reads everything again and finds the accounts by the matching rules."
            }
            Self::Pinned { .. } => {
                "Check the configuration. Another tenant, application or account needs a state \
                 directory of its own."
            }
            Self::Missing { .. } => "Start the daemon first, or check the state directory.",
            Self::Io { .. } => "Check that the directory exists and who may write to it.",
            Self::Sqlite { .. } => {
                "Check free space and permissions of the state directory; nothing half-done was \
                 kept."
            }
            Self::Busy { .. } => "Try again when the other process is done.",
            Self::ReadOnly { .. } => "Run the command without a daemon, or leave it a request.",
            Self::NoSnapshot => "Run a full cycle first.",
            Self::LinkTaken { .. } => {
                "Two people want one account: change the matching rules or the addresses."
            }
            Self::UnknownHold { .. } | Self::HoldNotOpen { .. } => {
                "List what waits with the command holds."
            }
            Self::NotAnswerable { .. } => {
                "Remove the cause that the hold names; the hold then goes away by itself."
            }
            Self::UnknownRequest { .. } => "Leave the request again.",
            Self::IntentNotOpen { .. } | Self::UnknownCycle { .. } => {
                "This is a mistake of the program: report it."
            }
            Self::Gone => "Start the program again.",
        }
    }

    /// Returns the category, which decides whether trying again may help.
    pub fn category(&self) -> ErrorCategory {
        match self {
            Self::AnotherWriter { .. } | Self::Busy { .. } | Self::Io { .. } => {
                ErrorCategory::Transient
            }
            Self::IntentNotOpen { .. } | Self::UnknownCycle { .. } | Self::Gone => {
                ErrorCategory::Bug
            }
            _ => ErrorCategory::Rejected,
        }
    }

    /// Wraps an error of the file system.
    pub(super) fn io(attempted: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { attempted, path: path.to_owned(), source: Arc::new(source) }
    }

    /// Wraps an error of SQLite, told apart by its code.
    pub(super) fn sqlite(attempted: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match &source {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..) => {
                Self::Damaged { path, detail: format!("{attempted}: {source}") }
            }
            other => match other.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    Self::Damaged { path, detail: source.to_string() }
                }
                Some(ErrorCode::ReadOnly) => Self::ReadOnly { attempted },
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    Self::Busy { attempted, path }
                }
                _ => Self::Sqlite { attempted, path, source: Arc::new(source) },
            },
        }
    }
}

/// What stops a piece of work on the store's thread; what was attempted is added outside.
#[derive(Debug)]
pub(super) enum Trouble {
    /// SQLite refused.
    Sqlite(rusqlite::Error),
    /// The store itself refused.
    Refused(StoreError),
}

impl Trouble {
    /// Returns the error for the outside.
    pub(super) fn place(self, attempted: &'static str, path: &Path) -> StoreError {
        match self {
            Self::Sqlite(source) => StoreError::sqlite(attempted, path, source),
            Self::Refused(error) => error,
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite(source)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}
