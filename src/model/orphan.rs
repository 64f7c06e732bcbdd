//! What is in use at the target without anybody behind it at the source.

use serde::Serialize;

use super::ids::{SourceAnchor, TargetId};
use super::leaving::LeaveEvent;

/// Accounts and groups without anybody behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Orphans {
    /// The domains whose employees were looked at, sorted.
    pub domains: Vec<String>,
    /// How many employees in these domains can sign in.
    pub employees: u64,
    /// The employees among them whom nobody is behind, sorted by address.
    pub accounts: Vec<OrphanAccount>,
    /// How many groups the service user sees, without the Super User Group.
    pub groups_seen: u64,
    /// The groups that no group of the source stands behind, sorted by name.
    pub groups: Vec<OrphanGroup>,
}

/// An employee who can sign in and whom nobody is behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrphanAccount {
    /// The account.
    pub target_id: TargetId,
    /// The primary address.
    pub address: String,
    /// Given and family name.
    pub name: String,
    /// Why nobody is.
    pub why: OrphanReason,
    /// How the person left who is known to the source.
    pub event: Option<LeaveEvent>,
    /// The person that the account is linked to, or who has its address, and who left.
    pub anchor: Option<SourceAnchor>,
    /// Why this job would not touch it, if it would not.
    pub protected: Option<&'static str>,
}

/// A group that no group of the source stands behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrphanGroup {
    /// The group.
    pub target_id: TargetId,
    /// The name.
    pub name: String,
    /// Why none does.
    pub why: OrphanReason,
    /// The group of the source that it is linked to, which is gone.
    pub anchor: Option<SourceAnchor>,
    /// The service user owns it: this job made it, or did so before its store was reset.
    pub own: bool,
    /// How many members it has, if the target says.
    pub members: Option<u32>,
}

/// Why nobody is behind an account or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OrphanReason {
    /// No link names it, and nobody in the snapshot has its address.
    Unlinked,
    /// Whoever it is linked to is gone from the source.
    Gone,
    /// Whoever it belonged to is known to the source and out of scope. If the account is linked, this
    /// job took it back before.
    OutOfScope,
}
