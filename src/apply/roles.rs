//! Roles, of which a call replaces all. What was planned from a reading that may be minutes old is
//! held against the account as it is right before the call.

use std::borrow::Cow;

use crate::model::account::{Detail, TargetAttribute, TargetUser};
use crate::model::attribute::roles_beside;
use crate::model::outcome::ErrorCategory;
use crate::model::plan::{PlannedChange, Write};
use crate::target::{Refusal, Target, TargetError};

/// What a change of roles meets.
pub enum Roles<'c> {
    /// The call is to be made: as planned, and with the roles that cannot be given and are there.
    Differ(Box<Cow<'c, PlannedChange>>),
    /// The account has them already.
    Agree(Box<TargetUser>),
    /// Somebody made an administrator of the account: it is protected.
    Administers,
}

/// Reads the account whose roles a change sets. Of other changes, and where the account is gone,
/// nothing is read, or learned: the call tells.
///
/// # Errors
/// The target's: then nothing was written.
pub async fn as_they_are<'c>(
    target: &dyn Target,
    change: &'c PlannedChange,
) -> Result<Roles<'c>, TargetError> {
    let Write::Update { target_id, values, .. } = &change.write else {
        return Ok(differ(Cow::Borrowed(change)));
    };
    let wanted = values.iter().position(|(target, _)| *target == TargetAttribute::Roles);
    let Some(place) = wanted else { return Ok(differ(Cow::Borrowed(change))) };
    Ok(match target.read_user(target_id).await? {
        Some(account) if account.detail == Detail::Reduced => return Err(unreadable(change)),
        Some(account) => against(change, place, account),
        None => differ(Cow::Borrowed(change)),
    })
}

fn against(change: &PlannedChange, place: usize, account: TargetUser) -> Roles<'_> {
    if account.administers() {
        return Roles::Administers;
    }
    let mut change = change.clone();
    if let (Write::Update { values, .. }, Some(held)) =
        (&mut change.write, account.value(TargetAttribute::Roles))
        && let Some((target, Some(wanted))) = values.get_mut(place)
    {
        if target.agree(Some(held), Some(wanted)) {
            return Roles::Agree(Box::new(account));
        }
        *wanted = roles_beside(wanted, held);
    }
    differ(Cow::Owned(change))
}

fn differ(change: Cow<'_, PlannedChange>) -> Roles<'_> {
    Roles::Differ(Box::new(change))
}

fn unreadable(change: &PlannedChange) -> TargetError {
    TargetError {
        attempted: format!("setting Roles of {}", change.label),
        message: "the account shows only a reduced record, without the roles that it has"
            .to_owned(),
        remedy: "Give the service user the permission to manage employees and clients.".to_owned(),
        category: ErrorCategory::Rejected,
        refusal: Refusal::Other,
        code: "NotReadable".to_owned(),
        maybe_applied: false,
        cause: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parts::tests::update;
    use super::*;
    use crate::model::account::AccountKind;
    use crate::model::attribute::row_of;
    use crate::model::ids::TargetId;
    use TargetAttribute::{LastName, Roles as Set};

    fn account(roles: &[&str]) -> TargetUser {
        let held = roles.join("\n");
        let values = row_of(|target| (target == Set).then_some(held.as_str()));
        let account = TargetUser::plain(TargetId::new("a"), AccountKind::Employee, values);
        TargetUser { roles: roles.iter().map(|role| (*role).to_owned()).collect(), ..account }
    }

    fn meets(held: &[&str]) -> Option<Vec<(TargetAttribute, Option<String>)>> {
        let change = update(&[(LastName, "King"), (Set, "CanCreateFolders")], false);
        match against(&change, 1, account(held)) {
            Roles::Differ(change) => match &change.write {
                Write::Update { values, .. } => Some(values.clone()),
                other => panic!("{other:?}"),
            },
            Roles::Agree(account) => {
                assert_eq!(account.roles, held);
                Some(Vec::new())
            }
            Roles::Administers => None,
        }
    }

    #[test]
    fn what_cannot_be_given_stays_and_nothing_is_written_twice() {
        let sets = |roles: &str| {
            Some(vec![(LastName, Some("King".to_owned())), (Set, Some(roles.to_owned()))])
        };
        assert_eq!(meets(&["CanUseFileBox"]), sets("CanCreateFolders"));
        let tomorrow = "ARoleOfTomorrow\nCanCreateFolders";
        assert_eq!(meets(&["CanUseFileBox", "ARoleOfTomorrow"]), sets(tomorrow));
        assert_eq!(meets(&["cancreatefolders", "Employee"]), Some(Vec::new()));
        assert_eq!(meets(&["CanCreateFolders", "AdminSSO"]), None);
    }
}
