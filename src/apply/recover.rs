//! Settles intents that a crash left open, by looking at the target.

use tracing::warn;

use crate::model::account::{AccountKind, TargetAttribute, TargetUser, address_key};
use crate::model::ids::SourceAnchor;
use crate::model::outcome::{ErrorCategory, OutcomeStatus, ProvisioningError};
use crate::model::plan::{PlannedChange, Write};
use crate::store::{Intent, LinkChange, Settlement, StoreError};
use crate::target::{Target, TargetError};

use super::step::{link_change, log_entry};
use super::{Applier, group, parts};

/// Why recovery could not finish.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The target could not be read; the intents stay open, and nothing is planned for them.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// So many failures before anything was settled mean that the target fails, not some objects.
const ALL_FAIL: usize = 3;

/// What became of open intents.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// How many were settled.
    pub settled: usize,
    /// Whose intent stays open, because the target does not tell what became of it; sorted, unique.
    /// Nothing may be planned for them.
    pub unsettled: Vec<SourceAnchor>,
}

/// Settles all open intents.
///
/// What took effect is recorded as done, with link and shadow; what did not is planned again. A
/// create is ours if the account exists now, because the intent proves that the look-up before it
/// was empty.
///
/// # Errors
/// The target's, unless it concerns one object, or the store's; everything settled so far stays
/// settled.
pub async fn recover(applier: &Applier<'_>) -> Result<Recovered, RecoverError> {
    let mut recovered = Recovered::default();
    for (seq, intent) in applier.store.open_intents().await? {
        match settle(applier, &intent).await {
            Ok(settlement) => {
                applier.store.settle(seq, settlement).await?;
                recovered.settled += 1;
            }
            Err(RecoverError::Target(error)) if error.concerns_one_object() => {
                recovered.unsettled.push(intent.change.anchor);
                if recovered.settled == 0 && recovered.unsettled.len() >= ALL_FAIL {
                    return Err(error.into());
                }
                let who = intent.change.anchor;
                warn!(source.id = %who, "an interrupted write cannot be looked up: {error}");
            }
            Err(error) => return Err(error),
        }
    }
    recovered.unsettled.sort_unstable();
    recovered.unsettled.dedup();
    Ok(recovered)
}

async fn settle(applier: &Applier<'_>, intent: &Intent) -> Result<Settlement, RecoverError> {
    let change = &intent.change;
    if let Write::Group(write) = &change.write {
        let mut log = log_entry(applier, change, intent.at, applier.clock.now());
        log.cycle = intent.cycle;
        return group::recover(applier, intent, write, log).await;
    }
    let account = find(applier.target, change).await?;
    let now = applier.clock.now();
    let mut log = log_entry(applier, change, intent.at, now);
    log.cycle = intent.cycle;
    let ours = match &account {
        // What is found by an address is ours only if nobody had it right before the call.
        Some(_) if change.target_id.is_none() && !intent.lookup_was_empty => false,
        Some(account) => {
            took_effect(change, Some(account)) && !owned_by_other(applier, change, account).await?
        }
        None => took_effect(change, None),
    };
    if ours {
        log.status = OutcomeStatus::Success;
        log.target_id = log.target_id.or(account.as_ref().map(|account| account.id.clone()));
        let link = link_change(change, account.as_ref(), now);
        let settled = parts::is_last(change, account.as_ref());
        return Ok(Settlement { log, link, settled, verify: !settled });
    }
    log.status = OutcomeStatus::Skipped;
    log.error = Some(interrupted());
    Ok(Settlement { log, link: LinkChange::None, settled: false, verify: true })
}

/// Says that a write did not take place.
pub fn interrupted() -> ProvisioningError {
    ProvisioningError {
        code: "Interrupted".to_owned(),
        reason: "the program ended before the call took effect; it is planned again".to_owned(),
        recommended_action: "Nothing.".to_owned(),
        category: ErrorCategory::Transient,
    }
}

async fn owned_by_other(
    applier: &Applier<'_>,
    change: &PlannedChange,
    account: &TargetUser,
) -> Result<bool, StoreError> {
    let owners = applier.store.owners(vec![account.id.clone()]).await?;
    Ok(owners.iter().any(|owner| owner.live.is_some_and(|anchor| anchor != change.anchor)))
}

/// Looks for the account that a change wrote to; `None` if there is none, or nothing was written.
pub async fn find(
    target: &dyn Target,
    change: &PlannedChange,
) -> Result<Option<TargetUser>, TargetError> {
    match &change.write {
        Write::Create { values, .. } => {
            let address = values.get(TargetAttribute::Email.index()).unwrap_or("");
            target.find_by_address(address).await
        }
        Write::Update { target_id, .. }
        | Write::Disable { target_id }
        | Write::Downgrade { target_id, .. }
        | Write::Delete { target_id, .. } => target.read_user(target_id).await,
        Write::Group(_) | Write::Nothing => Ok(None),
    }
}

/// Returns whether an account, as found, shows that a change took effect. A value that differs
/// both from what was sent and from what was there before was normalised, and counts.
pub fn took_effect(change: &PlannedChange, account: Option<&TargetUser>) -> bool {
    let Some(account) = account else {
        return matches!(change.write, Write::Delete { .. });
    };
    let before = change.before.as_ref().map(|before| &before.read_back);
    let written = |target: TargetAttribute, wanted: Option<&str>| {
        let was = before.and_then(|before| before.get(target.index()));
        parts::is_written(target, wanted, account.value(target), was)
    };
    match &change.write {
        // A look-up finds secondary addresses as well, which lists do not show.
        Write::Create { kind, values } => {
            let sent = values.get(TargetAttribute::Email.index()).unwrap_or("");
            account.kind == *kind && address_key(account.address()) == address_key(sent)
        }
        Write::Update { values, enable, promote, .. } => {
            values.iter().all(|(target, wanted)| written(*target, wanted.as_deref()))
                && !(*enable && account.disabled)
                && !(*promote && account.kind != AccountKind::Employee)
        }
        Write::Disable { .. } => account.disabled,
        Write::Downgrade { .. } => account.kind == AccountKind::Client,
        Write::Delete { .. } => false,
        Write::Group(_) | Write::Nothing => false,
    }
}
