//! What a failed call means: repeat, look, plan again, give up, or stop. Pure.

use std::time::Duration;

use crate::model::account::TargetAttribute;
use crate::model::outcome::{ErrorCategory, ProvisioningError};
use crate::model::plan::Write;
use crate::target::{Refusal, TargetError};

/// How often one change is tried within a cycle.
pub const ATTEMPTS: u32 = 4;

/// What to do after a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing was written: call again after a wait.
    Repeat(Duration),
    /// It may have been written: look first, and call again only if it was not.
    Look(Duration),
    /// The target is not as the plan saw it: plan this object again.
    Replan {
        /// The account has to be read by id first.
        verify: bool,
    },
    /// Give up until the next cycle.
    Fail,
    /// Give up for lack of rights: the caller decides whether that concerns everything.
    Deny,
}

/// Decides what follows after `attempt` (from 1) failed.
pub fn next(write: &Write, error: &TargetError, attempt: u32) -> Next {
    let wait = Duration::from_secs(1 << attempt.clamp(1, 6));
    let last = attempt >= ATTEMPTS;
    if error.maybe_applied {
        return if last { Next::Fail } else { Next::Look(wait) };
    }
    match (error.category, error.refusal) {
        (ErrorCategory::Transient, _) if !last => Next::Repeat(wait),
        (ErrorCategory::Auth, _) => Next::Deny,
        (ErrorCategory::Rejected, Refusal::Conflict) if matches!(write, Write::Create { .. }) => {
            Next::Replan { verify: false }
        }
        // The new address is somebody's: perhaps of one who leaves it in this very plan.
        (ErrorCategory::Rejected, Refusal::Conflict) if moves_address(write) => {
            Next::Replan { verify: true }
        }
        (ErrorCategory::Rejected, Refusal::NotFound) if !matches!(write, Write::Create { .. }) => {
            Next::Replan { verify: true }
        }
        _ => Next::Fail,
    }
}

fn moves_address(write: &Write) -> bool {
    match write {
        Write::Update { values, .. } => {
            values.iter().any(|(target, _)| *target == TargetAttribute::Email)
        }
        _ => false,
    }
}

/// Returns a failure as the provisioning log shows it.
pub fn explain(error: &TargetError) -> ProvisioningError {
    let mut reason = error.to_string();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(inner) = cause {
        reason.push_str(": ");
        reason.push_str(&inner.to_string());
        cause = inner.source();
    }
    ProvisioningError {
        code: match error.refusal {
            Refusal::Conflict => "Conflict".to_owned(),
            Refusal::LicensesExceeded => "LicenseLimitExceeded".to_owned(),
            _ if error.code.is_empty() => format!("{:?}", error.category),
            _ => error.code.clone(),
        },
        reason,
        recommended_action: error.remedy.clone(),
        category: error.category,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::account::AccountKind;
    use crate::model::ids::TargetId;
    use crate::model::row::AttributeRow;

    fn error(category: ErrorCategory, refusal: Refusal, maybe_applied: bool) -> TargetError {
        TargetError {
            attempted: "creating an employee".to_owned(),
            message: "no".to_owned(),
            remedy: String::new(),
            category,
            refusal,
            code: String::new(),
            maybe_applied,
            cause: None,
        }
    }

    #[test]
    fn every_failure_has_one_consequence() {
        let create = Write::Create { kind: AccountKind::Client, values: AttributeRow::default() };
        let disable = Write::Disable { target_id: TargetId::new("a") };
        let secs = Duration::from_secs;
        let moved = Write::Update {
            target_id: TargetId::new("a"),
            values: vec![(TargetAttribute::Email, Some("new@x.test".to_owned()))],
            enable: false,
            promote: false,
        };
        use ErrorCategory::{Auth, Bug, Rejected, Throttled, Transient};
        use Refusal::{Conflict, LicensesExceeded, NotFound, Other};
        let cases = [
            (&create, error(Transient, Other, false), 1, Next::Repeat(secs(2))),
            (&create, error(Transient, Other, false), 4, Next::Fail),
            (&create, error(Transient, Other, true), 2, Next::Look(secs(4))),
            (&create, error(Bug, Other, true), 1, Next::Look(secs(2))),
            (&create, error(Transient, Other, true), 4, Next::Fail),
            (&create, error(Rejected, Conflict, false), 1, Next::Replan { verify: false }),
            (&disable, error(Rejected, Conflict, false), 1, Next::Fail),
            (&moved, error(Rejected, Conflict, false), 1, Next::Replan { verify: true }),
            (&disable, error(Rejected, NotFound, false), 1, Next::Replan { verify: true }),
            (&create, error(Rejected, LicensesExceeded, false), 1, Next::Fail),
            (&create, error(Throttled, Other, false), 1, Next::Fail),
            (&disable, error(Auth, Other, false), 1, Next::Deny),
        ];
        for (write, error, attempt, expected) in cases {
            assert_eq!(next(write, &error, attempt), expected, "{error:?} {attempt}");
        }
    }
}
