//! People who leave for good: downgrades and deletes (ShareFile API reference, sections 3.5 and
//! 3.7). Neither is ever sent without saying who takes over what is left behind.

use http::{Method, StatusCode};

use super::api::{Api, Call};
use super::error::{Attempt, AttemptKind};
use super::users::{checked_id, encode, path_of, read};
use super::wire::DowngradeBody;
use crate::model::ids::TargetId;
use crate::model::outcome::ErrorCategory;
use crate::target::{MOST_PER_CALL, Reassign, Refusal, TargetError};

/// Turns employees into clients, all in one call (section 3.5).
pub(super) async fn downgrade(
    api: &Api,
    target_ids: &[TargetId],
    reassign: &Reassign,
) -> Result<(), TargetError> {
    let what = match target_ids {
        [one] => format!("downgrading the account {one}"),
        more => format!("downgrading {} accounts", more.len()),
    };
    let attempt = Attempt { what, kind: AttemptKind::Remove };
    check_number(&attempt, target_ids.len(), 1)?;
    check_heirs(&attempt, target_ids, reassign)?;
    let ids = target_ids.iter().map(|id| checked_id(&attempt, id));
    let body = DowngradeBody {
        user_ids: ids.collect::<Result<_, _>>()?,
        reassign_items_to_id: reassign.items_to.as_str(),
        reassign_groups_to_id: reassign.groups_to.as_str(),
    };
    let call = Call::write(Method::POST, "Users/Employees/Downgrade", encode(&attempt, &body)?);
    match api.call(&attempt, &call).await {
        Ok(_) => Ok(()),
        Err(mut error) => {
            // Whether those before the one that it was refused for were served is unknown
            // (section 6.4).
            let refused = error.category == ErrorCategory::Rejected
                && !matches!(error.code.as_str(), "UntrustedCertificate" | "ProxyRefused");
            if target_ids.len() > 1 && (refused || error.refusal == Refusal::Forbidden) {
                error.maybe_applied = true;
            }
            Err(error)
        }
    }
}

/// Deletes an account for good (section 3.7): without `completely=true` it would only be disabled.
pub(super) async fn delete(
    api: &Api,
    target_id: &TargetId,
    reassign: &Reassign,
) -> Result<(), TargetError> {
    let attempt =
        Attempt { what: format!("deleting the account {target_id}"), kind: AttemptKind::Remove };
    check_heirs(&attempt, std::slice::from_ref(target_id), reassign)?;
    let call = Call::bare(Method::DELETE, path_of(&attempt, target_id)?)
        .with("completely", "true")
        .with("itemsReassignTo", reassign.items_to.as_str())
        .with("groupsReassignTo", reassign.groups_to.as_str());
    let answer = api.answer(&attempt, &call).await?;
    if answer.succeeded() {
        return Ok(());
    }
    let refused = api.refused(&attempt, &answer);
    // It may be one of those who take over that does not exist.
    if answer.status == StatusCode::NOT_FOUND
        && refused.refusal == Refusal::NotFound
        && read(api, target_id).await?.is_none()
    {
        return Ok(());
    }
    Err(refused)
}

/// Makes sure that a call names as many accounts as it can.
pub(super) fn check_number(
    attempt: &Attempt,
    number: usize,
    least: usize,
) -> Result<(), TargetError> {
    if (least..=MOST_PER_CALL).contains(&number) {
        return Ok(());
    }
    Err(attempt.error(
        ErrorCategory::Bug,
        "WrongNumber",
        format!("a call names {least} to {MOST_PER_CALL} accounts, not {number}"),
        "Report this.",
    ))
}

/// Makes sure that those who take over can be named, and that none of them leaves.
fn check_heirs(
    attempt: &Attempt,
    leavers: &[TargetId],
    reassign: &Reassign,
) -> Result<(), TargetError> {
    for heir in [&reassign.items_to, &reassign.groups_to] {
        checked_id(attempt, heir)?;
        if leavers.contains(heir) {
            return Err(attempt.error(
                ErrorCategory::Bug,
                "HeirLeaves",
                format!("the account {heir} cannot take over what it leaves behind itself"),
                "Name another account in reassign_items_to and reassign_groups_to.",
            ));
        }
    }
    Ok(())
}
