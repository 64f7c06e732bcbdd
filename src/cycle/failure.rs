//! Why a cycle failed as a whole, whatever room the failure came from.

use crate::apply::RecoverError;
use crate::model::outcome::{CycleError, ErrorCategory, FailedAt};
use crate::plan::check::Violation;
use crate::source::SourceError;
use crate::store::StoreError;
use crate::target::TargetError;

/// Why a cycle failed as a whole. Nothing was removed.
#[derive(Debug, thiserror::Error)]
pub enum CycleFailure {
    /// The source could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The target could not be read or written.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The source contradicts itself.
    #[error("{message}")]
    ListCutShort {
        /// Which list, and what was missing.
        message: String,
    },
    /// Planning asked for more look-ups than it may.
    #[error("planning did not come to an end after {rounds} rounds of look-ups")]
    Endless {
        /// How many rounds there were.
        rounds: u32,
    },
    /// The cycle ended by a panic. What it left open is settled by the next one.
    #[error("the cycle ended by a mistake of this program: {problem}")]
    Panicked {
        /// What the task says about its end.
        problem: String,
    },
    /// The plan broke its own rules; nothing of it was applied.
    #[error("the plan did not pass its checks: {}", list(violations))]
    Unsound {
        /// What it broke.
        violations: Vec<Violation>,
    },
}

fn list(violations: &[Violation]) -> String {
    violations.iter().take(5).map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl From<RecoverError> for CycleFailure {
    fn from(error: RecoverError) -> Self {
        match error {
            RecoverError::Target(error) => Self::Target(error),
            RecoverError::Store(error) => Self::Store(error),
        }
    }
}

impl CycleFailure {
    /// Returns the failure as reports keep it, with the whole chain of causes.
    pub fn report(&self) -> CycleError {
        let mut message = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(inner) = cause {
            message.push_str(": ");
            message.push_str(&inner.to_string());
            cause = inner.source();
        }
        let (at, category, remedy) = match self {
            Self::Source(error) => (FailedAt::Source, error.category, error.remedy.clone()),
            Self::Target(error) => (FailedAt::Target, error.category, error.remedy.clone()),
            Self::Store(error) => (FailedAt::Store, ErrorCategory::Bug, error.remedy().to_owned()),
            Self::ListCutShort { .. } => (
                FailedAt::Source,
                ErrorCategory::Transient,
                "Nobody was removed. The next cycle reads the list again; if this goes on, report \
                 the request to Microsoft."
                    .to_owned(),
            ),
            Self::Endless { .. } | Self::Unsound { .. } | Self::Panicked { .. } => (
                FailedAt::Plan,
                ErrorCategory::Bug,
                "This is a mistake of this program: please report it with the log.".to_owned(),
            ),
        };
        CycleError { at, category, message, remedy }
    }
}
