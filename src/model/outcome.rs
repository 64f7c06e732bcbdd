//! What came of it: outcomes of changes, entries of the provisioning log, reports of cycles.

use serde::{Deserialize, Serialize};

use super::ids::{ChangeId, CycleId, SourceAnchor, TargetId, Timestamp};
use super::plan::{CycleKind, ModifiedProperty, ObjectKind, ProvisioningAction};

/// What drives retries and stops; message text never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCategory {
    /// May succeed if asked again: no answer, or a failure of the service.
    Transient,
    /// Told to wait.
    Throttled,
    /// Refused for what was asked: the same request would be refused again.
    Rejected,
    /// Credentials or permissions.
    Auth,
    /// An answer that should not exist, or a mistake of this program.
    Bug,
}

/// Graph's `provisioningStatusInfo.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeStatus {
    /// Done, and recorded.
    Success,
    /// Failed; tried again in the next cycle.
    Failure,
    /// Left alone, for the reason given.
    Skipped,
    /// Done, but not quite as asked.
    Warning,
}

impl OutcomeStatus {
    /// Returns the name as Graph spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
        }
    }
}

/// Why a change failed or was left alone: Graph's `errorInformation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisioningError {
    /// A stable name such as `Conflict` or `NotApplied`.
    pub code: String,
    /// What happened.
    pub reason: String,
    /// What to do.
    pub recommended_action: String,
    /// The category.
    pub category: ErrorCategory,
}

/// One entry of the provisioning log, in the shape of Graph's `provisioningObjectSummary`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The cycle.
    pub cycle: CycleId,
    /// The change within the cycle.
    pub change: ChangeId,
    /// When it ended.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The kind of change.
    pub action: ProvisioningAction,
    /// What came of it.
    pub status: OutcomeStatus,
    /// A person, or a group.
    #[serde(default)]
    pub object: ObjectKind,
    /// The person or the group.
    pub anchor: SourceAnchor,
    /// What people call the object.
    pub label: String,
    /// The account or the group at the target, once there is one.
    pub target_id: Option<TargetId>,
    /// Why it was planned, one short sentence for each reason.
    pub reasons: Vec<String>,
    /// What was modified.
    pub modified: Vec<ModifiedProperty>,
    /// What went wrong.
    pub error: Option<ProvisioningError>,
    /// Who asked: `schedule`, or a command.
    pub initiated_by: String,
    /// A person approved the change.
    #[serde(default)]
    pub approved: bool,
}

/// How a cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleState {
    /// Still going on, or the process ended without a word.
    Running,
    /// Everything planned was tried.
    Complete,
    /// Stopped at a change boundary; the next cycle goes on.
    Partial,
    /// Could not read or plan; nothing was removed.
    Failed,
}

impl CycleState {
    /// Returns the word that people read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// What a cycle did, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleCounts {
    /// Accounts created.
    pub created: u64,
    /// Accounts changed, re-enabled ones included.
    pub updated: u64,
    /// Accounts disabled.
    pub disabled: u64,
    /// Links made to accounts that existed.
    pub adopted: u64,
    /// Links ended.
    pub unlinked: u64,
    /// Accounts deleted, or made clients because their people left.
    #[serde(default)]
    pub deleted: u64,
    /// Differences found at the target that were not known before.
    #[serde(default)]
    pub drift: u64,
    /// Groups created.
    #[serde(default)]
    pub groups_created: u64,
    /// Groups renamed, adopted, or left to others.
    #[serde(default)]
    pub groups_changed: u64,
    /// Groups deleted.
    #[serde(default)]
    pub groups_deleted: u64,
    /// Members added to groups.
    #[serde(default)]
    pub members_added: u64,
    /// Members removed from groups.
    #[serde(default)]
    pub members_removed: u64,
    /// Changes that failed.
    pub failed: u64,
    /// Objects withheld.
    pub held: u64,
    /// People who could not be read.
    pub unread: u64,
    /// HTTP requests to the source, tokens excluded.
    pub source_requests: u64,
    /// HTTP requests to the target, tokens included.
    pub target_requests: u64,
}

impl CycleCounts {
    /// Returns how many changes were made.
    pub fn done(&self) -> u64 {
        let people = self.created + self.updated + self.disabled + self.adopted + self.unlinked;
        let groups = self.groups_created + self.groups_changed + self.groups_deleted;
        people + self.deleted + groups + self.members_added + self.members_removed
    }
}

/// Why a cycle failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleError {
    /// The room that failed, which decides the exit code.
    pub at: FailedAt,
    /// The category.
    pub category: ErrorCategory,
    /// The whole chain of what happened.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// Where a cycle failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedAt {
    /// Reading the source.
    Source,
    /// Reading or writing the target.
    Target,
    /// The store.
    Store,
    /// The plan did not pass its checks.
    Plan,
}

/// One cycle, from beginning to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleReport {
    /// The number.
    pub id: CycleId,
    /// What was read.
    pub kind: CycleKind,
    /// Who asked: `schedule`, or a command.
    pub initiated_by: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub state: CycleState,
    /// What it did.
    pub counts: CycleCounts,
    /// What a person should know, such as a fall-back to an initial read.
    pub notes: Vec<String>,
    /// Why it failed, if it did.
    pub error: Option<CycleError>,
}
