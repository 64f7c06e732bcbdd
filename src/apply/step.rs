//! One change: intent, call, outcome.

use std::borrow::Cow;

use crate::model::account::{AccountKind, Link, Shadow, TargetAttribute, TargetUser, address_key};
use crate::model::ids::Timestamp;
use crate::model::outcome::{
    CycleCounts, ErrorCategory, LogEntry, OutcomeStatus, ProvisioningError,
};
use crate::model::plan::{
    CheckedPlan, LinkAfter, ObjectKind, PlannedChange, ProvisioningAction, Reason, Write,
};
use crate::store::{Intent, LinkChange, Settlement, StoreError};
use crate::target::{NewUser, Reassign, TargetError, UserChange};

use super::failure::{self, Next};
use super::recover::{find, took_effect};
use super::roles::{self, Roles};
use super::{Applier, parts};

/// What came of one change.
#[derive(Debug)]
pub struct Done {
    /// The status in the log.
    pub status: OutcomeStatus,
    /// The object has to be planned again.
    pub replan: bool,
    /// The target refused for lack of rights, or of valid credentials.
    pub denied: Option<TargetError>,
    /// Members who were added to a group.
    pub members_added: u64,
    /// Members who were removed from a group.
    pub members_removed: u64,
    /// Something is left to do for the group.
    pub unfinished: bool,
    /// Of several calls the first one was made, whatever came of the others.
    pub begun: bool,
}

impl Done {
    /// Nothing was done, unless something is added to it.
    pub fn failed() -> Self {
        Self {
            status: OutcomeStatus::Failure,
            replan: false,
            denied: None,
            members_added: 0,
            members_removed: 0,
            unfinished: false,
            begun: false,
        }
    }

    /// Adds the outcome to the numbers of the cycle.
    pub fn count(&self, change: &PlannedChange, counts: &mut CycleCounts) {
        let done = matches!(self.status, OutcomeStatus::Success | OutcomeStatus::Warning);
        if change.object == ObjectKind::Group {
            return self.count_group(change, done, counts);
        }
        let adopted = change.reasons.iter().any(|reason| matches!(reason, Reason::Matched { .. }));
        let done = done || self.begun;
        counts.failed += u64::from(!self.replan && self.status == OutcomeStatus::Failure);
        match change.action {
            _ if !done || (self.replan && !self.begun) => {}
            ProvisioningAction::Create => counts.created += 1,
            ProvisioningAction::Update => counts.updated += 1,
            ProvisioningAction::Disable => counts.disabled += 1,
            ProvisioningAction::Delete | ProvisioningAction::StagedDelete
                if change.object == ObjectKind::User =>
            {
                counts.deleted += 1;
            }
            ProvisioningAction::Other if change.link == LinkAfter::End => counts.unlinked += 1,
            _ => {}
        }
        counts.adopted += u64::from(done && adopted);
    }

    fn count_group(&self, change: &PlannedChange, done: bool, counts: &mut CycleCounts) {
        counts.members_added += self.members_added;
        counts.members_removed += self.members_removed;
        counts.failed += u64::from(self.status == OutcomeStatus::Failure);
        if !done {
            return;
        }
        match change.action {
            ProvisioningAction::Create => counts.groups_created += 1,
            ProvisioningAction::Delete => counts.groups_deleted += 1,
            ProvisioningAction::Update if !change.moves_members() => counts.groups_changed += 1,
            ProvisioningAction::Other => counts.groups_changed += 1,
            _ => {}
        }
    }
}

impl Done {
    /// Returns what came of this call and the one after it.
    fn and(self, next: Self) -> Self {
        let status = match next.status {
            OutcomeStatus::Success => self.status,
            status => status,
        };
        Self { status, begun: true, ..next }
    }
}

/// Applies one change: a call for each endpoint that it needs, each with an intent and an outcome of
/// its own, until one fails.
///
/// # Errors
/// The store's.
pub async fn step(
    applier: &Applier<'_>,
    plan: &CheckedPlan,
    change: &PlannedChange,
) -> Result<Done, StoreError> {
    let (first, mut later) = parts::split(change);
    let (mut done, mut made) = one(applier, plan, &first, false).await?;
    let new = matches!(&change.write, Write::Create { .. } | Write::Update { promote: true, .. });
    if let Some(Made { owed: Some(roles), .. }) = &mut made {
        later.push_back(std::mem::take(roles));
    }
    while let (Some(last), Some(values)) = (made.take(), later.pop_front()) {
        let part = parts::next(change, &last.link, values, !later.is_empty());
        let (next, then) = one(applier, plan, &part, new).await?;
        done = done.and(next);
        made = then;
    }
    Ok(done)
}

/// What a call made.
struct Made {
    /// The link afterwards.
    link: Link,
    /// Roles that a new account was to have and did not get.
    owed: Option<parts::Values>,
}

/// Makes one call; returns what it made, if it succeeded. The account may be `new`.
async fn one(
    applier: &Applier<'_>,
    plan: &CheckedPlan,
    change: &PlannedChange,
    new: bool,
) -> Result<(Done, Option<Made>), StoreError> {
    let started = applier.clock.now();
    let seq = intend(applier, change, started).await?;
    let (end, change) = if is_protected(plan, change) {
        (End::Protected, Cow::Borrowed(change))
    } else {
        call_until_settled(applier, change, new).await
    };
    let change = change.as_ref();
    let owed = match &end {
        End::Written(Some(account)) => parts::owed(change, account),
        _ => None,
    };
    let (done, link) = record(applier, change, seq, started, end).await?;
    Ok((done, link.map(|link| Made { link, owed })))
}

/// Records what is about to be written; returns the number of the intent.
pub async fn intend(
    applier: &Applier<'_>,
    change: &PlannedChange,
    started: Timestamp,
) -> Result<i64, StoreError> {
    let intent = Intent {
        cycle: applier.cycle,
        change: change.clone(),
        lookup_was_empty: matches!(change.write, Write::Create { .. }),
        at: started,
    };
    applier.store.intend(intent).await
}

/// Returns whether a change would touch an account that must not be touched.
pub fn is_protected(plan: &CheckedPlan, change: &PlannedChange) -> bool {
    let protected = change.target_id.as_ref().is_some_and(|id| plan.is_protected(id));
    protected && change.write != Write::Nothing
}

/// Records how a change ended; returns the link that it left.
pub async fn record(
    applier: &Applier<'_>,
    change: &PlannedChange,
    seq: i64,
    started: Timestamp,
    end: End,
) -> Result<(Done, Option<Link>), StoreError> {
    // What may have been written stays open: the next cycle looks before it plans the object.
    let unclear = matches!(&end, End::Failed(error) if error.maybe_applied);
    let (settlement, done) = conclude(applier, change, started, end);
    if unclear {
        applier.store.append_log(vec![settlement.log]).await?;
    } else {
        let link = match &settlement.link {
            LinkChange::PutWritten { link, .. } => Some(Link::clone(link)),
            _ => None,
        };
        applier.store.settle(seq, settlement).await?;
        return Ok((done, link));
    }
    Ok((done, None))
}

/// How the calls for one change ended.
pub enum End {
    /// The account is as it now is; `None` if nothing was called.
    Written(Option<Box<TargetUser>>),
    /// The target is not as the plan saw it.
    Replan { error: TargetError, verify: bool },
    /// Failed for this cycle.
    Failed(TargetError),
    /// Refused for lack of rights.
    Denied(TargetError),
    /// The account is protected: not touched.
    Protected,
}

/// Returns how the calls ended, and the change as it was made.
async fn call_until_settled<'c>(
    applier: &Applier<'_>,
    change: &'c PlannedChange,
    new: bool,
) -> (End, Cow<'c, PlannedChange>) {
    let mut attempt = 1;
    loop {
        let (called, went) = match roles::as_they_are(applier, change, new).await {
            Ok(Roles::Differ(went)) => (call(applier, &went).await, went),
            Ok(Roles::Agree(account, went)) => return (End::Written(Some(account)), went),
            Ok(Roles::Protected) => return (End::Protected, Cow::Borrowed(change)),
            Err(error) => (Err(error), Cow::Borrowed(change)),
        };
        let error = match called {
            Ok(account) => return (End::Written(account.map(Box::new)), went),
            Err(error) => error,
        };
        let wait = match failure::next(&change.write, &error, attempt) {
            Next::Repeat(wait) => wait,
            Next::Look(wait) => {
                applier.clock.sleep(wait).await;
                match find(applier.target, change).await {
                    Ok(account) if took_effect(change, account.as_ref()) => {
                        return (End::Written(account.map(Box::new)), went);
                    }
                    Ok(_) => std::time::Duration::ZERO,
                    // The look failed as well: the intent stays a question for the next cycle.
                    Err(_) => return (End::Failed(error), went),
                }
            }
            Next::Replan { verify } => return (End::Replan { error, verify }, went),
            Next::Fail => return (End::Failed(error), went),
            Next::Deny => return (End::Denied(error), went),
        };
        applier.clock.sleep(wait).await;
        attempt += 1;
    }
}

async fn call(
    applier: &Applier<'_>,
    change: &PlannedChange,
) -> Result<Option<TargetUser>, TargetError> {
    match &change.write {
        Write::Create { kind, values } => {
            let values = parts::row_by_id(change, values)?;
            let user = NewUser { kind: *kind, values, notify: applier.welcome };
            applier.target.create_user(&user).await.map(Some)
        }
        Write::Update { target_id, values, enable: false, promote: false }
            if let Some(endpoint) = parts::beside(values) =>
        {
            let wanted = parts::by_id(change, values)?;
            let shown = applier.target.set_values(target_id, endpoint, &wanted).await?;
            Ok(parts::shown(change, &shown))
        }
        Write::Update { target_id, values, enable, promote } => {
            let change = UserChange {
                values: parts::by_id(change, values)?,
                disabled: enable.then_some(false),
                promote: *promote,
            };
            applier.target.change_user(target_id, &change).await.map(Some)
        }
        Write::Disable { target_id } => {
            let change = UserChange { values: Vec::new(), disabled: Some(true), promote: false };
            applier.target.change_user(target_id, &change).await.map(Some)
        }
        Write::Delete { target_id, reassign_items_to, reassign_groups_to } => {
            let reassign = Reassign {
                items_to: reassign_items_to.clone(),
                groups_to: reassign_groups_to.clone(),
            };
            applier.target.delete_user(target_id, &reassign).await.map(|()| None)
        }
        // Downgrades go together, elsewhere.
        Write::Downgrade { .. } | Write::Group(_) | Write::Nothing => Ok(None),
    }
}

fn conclude(
    applier: &Applier<'_>,
    change: &PlannedChange,
    started: Timestamp,
    end: End,
) -> (Settlement, Done) {
    let now = applier.clock.now();
    let mut log = log_entry(applier, change, started, now);
    let mut settlement =
        Settlement { log: log.clone(), link: LinkChange::None, settled: false, verify: false };
    let mut done = Done::failed();
    match end {
        End::Written(account) => {
            log.error = account.as_deref().and_then(|account| not_applied(change, account));
            let refused = change.action == ProvisioningAction::Disable && log.error.is_some();
            if !refused {
                log.target_id = log.target_id.or(account.as_deref().map(|new| new.id.clone()));
                settlement.link = link_change(change, account.as_deref(), now);
                settlement.settled = parts::is_last(change, account.as_deref());
                settlement.verify = !settlement.settled;
                done.status = match log.error {
                    Some(_) => OutcomeStatus::Warning,
                    None => OutcomeStatus::Success,
                };
            }
        }
        End::Replan { error, verify } => {
            log.error = Some(failure::explain(&error));
            settlement.verify = verify;
            done.replan = true;
        }
        End::Failed(error) => {
            log.error = Some(failure::explain(&error));
        }
        End::Denied(error) => {
            log.error = Some(failure::explain(&error));
            done.denied = Some(error);
        }
        End::Protected => {
            done.status = OutcomeStatus::Skipped;
            log.error = Some(ProvisioningError {
                code: "Protected".to_owned(),
                reason: "the account is protected and was not touched".to_owned(),
                recommended_action: "Deal with the account in ShareFile by hand.".to_owned(),
                category: ErrorCategory::Rejected,
            });
        }
    }
    log.status = done.status;
    settlement.log = log;
    (settlement, done)
}

/// Returns the entry of the log for a change, before its outcome is known.
pub fn log_entry(
    applier: &Applier<'_>,
    change: &PlannedChange,
    started: Timestamp,
    now: Timestamp,
) -> LogEntry {
    LogEntry {
        cycle: applier.cycle,
        change: change.id,
        at: now,
        duration_ms: now.ms_since(started),
        action: change.action,
        status: OutcomeStatus::Failure,
        object: change.object,
        anchor: change.anchor,
        label: change.label.clone(),
        target_id: change.target_id.clone(),
        reasons: change.reasons.iter().map(Reason::sentence).collect(),
        modified: change.modified.clone(),
        error: None,
        initiated_by: applier.initiated_by.to_owned(),
        approved: false,
    }
}

/// Returns what becomes of the link, given the account as it now is.
pub fn link_change(
    change: &PlannedChange,
    account: Option<&TargetUser>,
    now: Timestamp,
) -> LinkChange {
    let LinkAfter::Keep { target_id, origin, state, sent, leaving } = &change.link else {
        return LinkChange::End { anchor: change.anchor, at: now };
    };
    let Some(target_id) = target_id.clone().or_else(|| Some(account?.id.clone())) else {
        return LinkChange::None;
    };
    let shadow = match (account, &change.before) {
        (Some(account), before) => Shadow {
            sent: parts::sent(change, Some(account), sent),
            read_back: parts::read_back(change, account),
            kind: account.kind,
            // The answer to a change of values does not tell the state, which stays as it was.
            disabled: match (&change.write, before) {
                (Write::Update { enable: false, .. }, Some(before)) => before.disabled,
                _ => account.disabled,
            },
        },
        (None, Some(before)) => Shadow { sent: sent.clone(), ..before.clone() },
        (None, None) => return LinkChange::None,
    };
    let written = match &change.write {
        Write::Create { .. } => TargetAttribute::ALL.to_vec(),
        Write::Update { values, .. } => values.iter().map(|(target, _)| *target).collect(),
        _ => Vec::new(),
    };
    let link = Box::new(Link {
        anchor: change.anchor,
        target_id,
        origin: origin.clone(),
        state: *state,
        linked_at: now,
        state_since: now,
        shadow,
        leaving: leaving.clone(),
    });
    LinkChange::PutWritten { link, written }
}

/// Returns whether an account still has the address that it should have given up.
fn keeps_address(change: &PlannedChange, account: &TargetUser) -> bool {
    let email = TargetAttribute::Email;
    let Some(before) = change.before.as_ref().and_then(|one| one.read_back.get(email.index()))
    else {
        return false;
    };
    let moves = match &change.write {
        Write::Update { values, .. } => values.iter().any(|(target, _)| *target == email),
        _ => false,
    };
    let kept = |address: &String| address_key(address) == address_key(before);
    moves && account.other_addresses.iter().any(kept)
}

/// Returns what the target ignored of a change that it reported as done.
fn not_applied(change: &PlannedChange, account: &TargetUser) -> Option<ProvisioningError> {
    let mut ignored: Vec<&str> = Vec::new();
    let before = change.before.as_ref().map(|before| &before.read_back);
    let mut value_ignored = |target: TargetAttribute, wanted: Option<&str>| {
        let was = before.and_then(|before| before.get(target.index()));
        if parts::is_ignored(target, wanted, account.value(target), was) {
            ignored.push(target.name());
        }
    };
    let owed = parts::owed(change, account).is_some();
    match &change.write {
        Write::Create { values, .. } => TargetAttribute::ALL
            .into_iter()
            .filter(|target| !(owed && *target == TargetAttribute::Roles))
            .for_each(|target| value_ignored(target, values.get(target.index()))),
        Write::Update { values, .. } => {
            values.iter().for_each(|(target, wanted)| value_ignored(*target, wanted.as_deref()))
        }
        Write::Disable { .. }
        | Write::Downgrade { .. }
        | Write::Delete { .. }
        | Write::Group(_)
        | Write::Nothing => {}
    }
    let state_ignored = match &change.write {
        Write::Disable { .. } => !account.disabled,
        Write::Update { enable, .. } => *enable && account.disabled,
        _ => false,
    };
    if state_ignored {
        ignored.push("IsDisabled");
    }
    if matches!(change.write, Write::Update { promote: true, .. })
        && account.kind != AccountKind::Employee
    {
        ignored.push("IsEmployee");
    }
    if ignored.is_empty() && change.unfinished && keeps_address(change, account) {
        ignored.push("the address of before, which the account keeps as a further one");
    }
    (!ignored.is_empty()).then(|| ProvisioningError {
        code: "NotApplied".to_owned(),
        reason: format!("ShareFile reported success, but left {} as it was", ignored.join(", ")),
        recommended_action: "Check whether the account's policies allow the change.".to_owned(),
        category: ErrorCategory::Rejected,
    })
}
