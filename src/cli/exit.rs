//! Exit codes, documented and stable, and failures with their remedy.

use std::fmt;
use std::process::ExitCode;

use crate::config::ConfigErrors;
use crate::cycle::CycleFailure;
use crate::model::outcome::{CycleError, CycleReport, CycleState, ErrorCategory, FailedAt};
use crate::source::SourceError;
use crate::store::StoreError;
use crate::target::TargetError;

/// What the help says about exit codes.
pub const HELP: &str = "Exit codes: 0 done or nothing to do, 1 unexpected, 2 `plan` found changes, \
64 usage, 65 configuration, 66 credentials or permissions, 67 source not reachable, 68 target not \
reachable, 69 store, 70 refused (stale plan, approval needed), 71 another writer, 72 done but some \
objects failed.";

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Something that should not happen.
    Unexpected = 1,
    /// `plan` found changes.
    Changes = 2,
    /// The command line is wrong.
    Usage = 64,
    /// The configuration is wrong.
    Config = 65,
    /// Credentials or permissions.
    Credentials = 66,
    /// The source cannot be read.
    Source = 67,
    /// The target cannot be read or written.
    Target = 68,
    /// The store.
    Store = 69,
    /// Refused: a stale plan, or an approval is needed.
    Refused = 70,
    /// Another process writes.
    AnotherWriter = 71,
    /// Done, but some objects failed.
    SomeFailed = 72,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// Returns how a command ends whose cycle ended like this. `waiting` changes need approval.
    pub fn of_cycle(report: &CycleReport, refused: bool, waiting: u64) -> Self {
        match &report.error {
            Some(error) => Self::of_error(error),
            None if refused => Self::Refused,
            None if report.counts.failed + report.counts.unread > 0 => Self::SomeFailed,
            None if waiting > 0 => Self::Refused,
            None if report.state == CycleState::Failed => Self::Unexpected,
            None => Self::Done,
        }
    }

    /// Returns the code for a cycle that failed as a whole.
    pub fn of_error(error: &CycleError) -> Self {
        match (error.category, error.at) {
            (ErrorCategory::Auth, _) => Self::Credentials,
            (_, FailedAt::Source) => Self::Source,
            (_, FailedAt::Target) => Self::Target,
            (_, FailedAt::Store) => Self::Store,
            (_, FailedAt::Plan) => Self::Unexpected,
        }
    }
}

/// A command that could not be carried out: what happened, why, and what to do.
#[derive(Debug)]
pub struct Failure {
    /// How the command ends.
    pub exit: Exit,
    /// What happened, with its causes.
    pub chain: Vec<String>,
    /// What to do; may be empty.
    pub remedy: String,
    holder: Option<String>,
}

impl Failure {
    /// Describes a failure by its whole chain of causes.
    pub fn new(exit: Exit, error: &dyn std::error::Error, remedy: impl Into<String>) -> Self {
        let mut chain = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(inner) = cause {
            chain.push(inner.to_string());
            cause = inner.source();
        }
        Self { exit, chain, remedy: remedy.into(), holder: None }
    }

    /// Returns who holds the lease, if that is why the command failed: it can be asked instead.
    pub fn holder(&self) -> Option<String> {
        self.holder.clone()
    }

    /// Describes a failure in words.
    pub fn said(exit: Exit, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { exit, chain: vec![what.into()], remedy: remedy.into(), holder: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, what) in self.chain.iter().enumerate() {
            let head = if depth == 0 { "error" } else { "caused by" };
            writeln!(f, "{head}: {what}")?;
        }
        if !self.remedy.is_empty() {
            writeln!(f, "what to do: {}", self.remedy)?;
        }
        Ok(())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (exit, holder) = match &error {
            StoreError::AnotherWriter { holder } => (Exit::AnotherWriter, Some(holder.clone())),
            _ => (Exit::Store, None),
        };
        let remedy = error.remedy();
        Self { holder, ..Self::new(exit, &error, remedy) }
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self {
            exit: Exit::Config,
            chain: vec![format!("the configuration cannot be used\n{errors}")],
            remedy: "Correct the keys above; `sharefile-provisioner check` shows them again."
                .to_owned(),
            holder: None,
        }
    }
}

impl From<CycleFailure> for Failure {
    fn from(failure: CycleFailure) -> Self {
        let error = failure.report();
        Self::new(Exit::of_error(&error), &failure, error.remedy)
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let exit = match error.category {
            ErrorCategory::Auth => Exit::Credentials,
            _ => Exit::Source,
        };
        Self::new(exit, &error, error.remedy.clone())
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        let exit = match error.category {
            ErrorCategory::Auth => Exit::Credentials,
            _ => Exit::Target,
        };
        Self::new(exit, &error, error.remedy.clone())
    }
}
