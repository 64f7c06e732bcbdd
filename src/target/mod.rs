//! WRITE: where accounts are kept in step.
//!
//! A connector is a folder that implements [`Target`]. It makes exactly the call it is asked for,
//! and says what became of it: in particular whether a failed write may have taken effect.

pub mod sharefile;

use std::sync::Arc;

use async_trait::async_trait;

pub use crate::http::{GateWindow, WindowKeeper};

use crate::model::account::{
    AccountKind, Activation, Seats, TargetAccount, TargetAttribute, TargetUser,
};
use crate::model::attribute::{Endpoint, Named};
use crate::model::group::TargetGroup;
use crate::model::ids::TargetId;
use crate::model::outcome::ErrorCategory;
use crate::model::row::AttributeRow;

/// An account to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// Employee or client.
    pub kind: AccountKind,
    /// The values, in the order of [`TargetAttribute::ALL`]; a zone by its id.
    pub values: AttributeRow,
    /// Send the welcome mail.
    pub notify: bool,
}

/// A change of an account: all in one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChange {
    /// What to set of what [`Endpoint::Account`] has; `None` clears. A zone is given by its id.
    pub values: Vec<(TargetAttribute, Option<String>)>,
    /// Disable (`true`), enable (`false`) or leave alone.
    pub disabled: Option<bool>,
    /// Make an employee of a client; id, folders and groups are kept.
    pub promote: bool,
}

/// Who takes over what somebody leaves behind. What nobody takes over is lost for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reassign {
    /// Who gets files and folders.
    pub items_to: TargetId,
    /// Who gets the groups that the leaver owns.
    pub groups_to: TargetId,
}

/// A call names so many accounts at most.
pub const MOST_PER_CALL: usize = 100;

/// The target tenant.
///
/// Reads are retried inside; writes are sent once, and retried inside only when it is certain
/// that the request was not processed (never connected, or refused with a throttling answer).
#[async_trait]
pub trait Target: Send + Sync {
    /// Reads the tenant: ids, licences, protected people, and what the service user may do.
    ///
    /// # Errors
    /// Names the missing role or flag if the service user may not manage people.
    async fn account(&self) -> Result<TargetAccount, TargetError>;

    /// Reads how many licences there are and how many are taken: one request.
    async fn seats(&self) -> Result<Seats, TargetError>;

    /// Reads all employees and clients to the end, calling `sink` for each; twice for some, where a
    /// list broke off and was read again.
    ///
    /// # Errors
    /// Also when a list is shorter than it says it is.
    async fn list_users(
        &self,
        sink: &mut (dyn FnMut(TargetUser) + Send),
    ) -> Result<(), TargetError>;

    /// Reads all employees and clients to the end, for whether anybody ever got in, calling `sink`
    /// for each; twice for some, as [`list_users`](Self::list_users).
    async fn list_activations(
        &self,
        sink: &mut (dyn FnMut(Activation) + Send),
    ) -> Result<(), TargetError>;

    /// Looks an account up by an address; `None` means that the tenant has no such account.
    async fn find_by_address(&self, address: &str) -> Result<Option<TargetUser>, TargetError>;

    /// Reads an account by id; `None` means that it does not exist or is deleted.
    async fn read_user(&self, target_id: &TargetId) -> Result<Option<TargetUser>, TargetError>;

    /// Creates an account and returns it as the tenant now has it.
    async fn create_user(&self, user: &NewUser) -> Result<TargetUser, TargetError>;

    /// Changes an account and returns it as the tenant now has it.
    async fn change_user(
        &self,
        target_id: &TargetId,
        change: &UserChange,
    ) -> Result<TargetUser, TargetError>;

    /// Sets values of an account that an endpoint of their own has, and returns those that the answer
    /// shows. Policies are given by their ids, and a set replaces what there was.
    async fn set_values(
        &self,
        target_id: &TargetId,
        endpoint: Endpoint,
        values: &[(TargetAttribute, Option<String>)],
    ) -> Result<Vec<(TargetAttribute, Option<String>)>, TargetError>;

    /// Reads what the values of an attribute can name: the zones, or the policies; sorted by name.
    async fn names(&self, target: TargetAttribute) -> Result<Vec<Named>, TargetError>;

    /// Turns employees, at most [`MOST_PER_CALL`], into clients: their licences are free at once,
    /// and nothing brings their own folders back.
    ///
    /// Success says that the call was taken, not that each account is a client now: what becomes
    /// of a call of which some accounts cannot be served is unknown. Read them afterwards.
    ///
    /// # Errors
    /// With `maybe_applied` also when several were named and the call was refused.
    async fn downgrade_users(
        &self,
        target_ids: &[TargetId],
        reassign: &Reassign,
    ) -> Result<(), TargetError>;

    /// Deletes an account for good; one that is gone already counts as done.
    async fn delete_user(
        &self,
        target_id: &TargetId,
        reassign: &Reassign,
    ) -> Result<(), TargetError>;

    /// Sends the welcome mail again, with a new link to activate the account; older ones die.
    /// Nothing else but [`create_user`](Self::create_user) with `notify` sends mail.
    async fn welcome(&self, target_id: &TargetId) -> Result<(), TargetError>;

    /// Reads all groups that the service user sees, sorted by id. The Super User Group may be among
    /// them: [`TargetAccount::super_group`] names it.
    async fn list_groups(&self) -> Result<Vec<TargetGroup>, TargetError>;

    /// Reads a group by id; `None` means that the service user sees no such group.
    async fn read_group(&self, target_id: &TargetId) -> Result<Option<TargetGroup>, TargetError>;

    /// Reads the members of a group to the end, sorted; `None` means that the service user sees no
    /// such group.
    async fn group_members(
        &self,
        target_id: &TargetId,
    ) -> Result<Option<Vec<TargetId>>, TargetError>;

    /// Creates a shared group with at most [`MOST_PER_CALL`] members and returns it as the tenant
    /// now has it.
    ///
    /// Names need not be unique, so the call cannot be repeated: after a failure with
    /// `maybe_applied` the group has to be looked for first.
    async fn create_group(
        &self,
        name: &str,
        members: &[TargetId],
    ) -> Result<TargetGroup, TargetError>;

    /// Gives a group another name, shares it and returns it as the tenant now has it.
    async fn rename_group(
        &self,
        target_id: &TargetId,
        name: &str,
    ) -> Result<TargetGroup, TargetError>;

    /// Adds 1 to [`MOST_PER_CALL`] members and returns all that the group has then, sorted: who was
    /// to be added and is not among them was not.
    async fn add_members(
        &self,
        target_id: &TargetId,
        members: &[TargetId],
    ) -> Result<Vec<TargetId>, TargetError>;

    /// Removes 1 to [`MOST_PER_CALL`] members and returns all that the group has then, sorted: who
    /// was to be removed and is among them was not.
    async fn remove_members(
        &self,
        target_id: &TargetId,
        members: &[TargetId],
    ) -> Result<Vec<TargetId>, TargetError>;

    /// Deletes a group; one that is gone already counts as done.
    async fn delete_group(&self, target_id: &TargetId) -> Result<(), TargetError>;

    /// Returns how many requests were sent so far, tokens included.
    fn requests(&self) -> u64;

    /// Lets `keeper` keep what was sent lately, so that the budget holds from one process to the
    /// next. To be called before the first request. A target without a budget keeps nothing.
    fn keep_window(&self, _keeper: Arc<dyn WindowKeeper>) {}

    /// Lets the keeper have exactly what was sent lately. To be called when nothing more is to be
    /// sent for a while.
    async fn settle_window(&self) {}
}

/// What a refusal means to the job, beyond its category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The address is taken.
    Conflict,
    /// No such account.
    NotFound,
    /// No employee licence is left.
    LicensesExceeded,
    /// The service user lacks a right: for this object, or for all of them.
    Forbidden,
    /// Anything else.
    Other,
}

/// Why a call to the target failed.
#[derive(Debug, thiserror::Error)]
#[error("{attempted}: {message}")]
pub struct TargetError {
    /// What was attempted, as "creating an employee".
    pub attempted: String,
    /// What happened, without secrets.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// The category.
    pub category: ErrorCategory,
    /// What the refusal means, for `Rejected`.
    pub refusal: Refusal,
    /// The machine-readable code of the target, such as `EmployeeLicensesExceeded`.
    pub code: String,
    /// A write may have taken effect although no success was reported: look before repeating.
    pub maybe_applied: bool,
    /// The cause.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Codes of failures on the way to the target, which befall whatever is asked for.
const ON_THE_WAY: [&str; 4] = ["Unreachable", "UntrustedCertificate", "ProxyRefused", "Setup"];

impl TargetError {
    /// Returns whether nothing but the object that was asked for need be at fault: the target was
    /// reached, took the credentials, and did not ask to wait.
    pub fn concerns_one_object(&self) -> bool {
        let entitled = self.category != ErrorCategory::Auth || self.refusal == Refusal::Forbidden;
        let waits = self.category == ErrorCategory::Throttled;
        entitled && !waits && !ON_THE_WAY.contains(&self.code.as_str())
    }
}
