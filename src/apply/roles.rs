//! Roles, of which a call replaces all. What was planned from a reading that is not of this minute is
//! held against the account as it is right before the call.

use std::borrow::Cow;
use std::time::Duration;

use super::Applier;
use crate::model::account::{AccountKind, Detail, TargetAttribute, TargetUser};
use crate::model::attribute::roles_beside;
use crate::model::ids::TargetId;
use crate::model::outcome::ErrorCategory;
use crate::model::plan::{PlannedChange, Write};
use crate::target::{Refusal, TargetError};

/// So long after a cycle began what it read counts as what there is: an account that was read a
/// moment ago is not read again.
const READ_LATELY: Duration = Duration::from_secs(60);

/// What a change of roles meets.
pub enum Roles<'c> {
    /// The call is to be made: as planned, and with the roles that cannot be given and are there.
    Differ(Cow<'c, PlannedChange>),
    /// The account has them already, and the rest of the change is done.
    Agree(Box<TargetUser>, Cow<'c, PlannedChange>),
    /// Somebody made an administrator or the billing contact of the account: it is protected.
    Protected,
}

/// Looks at the account whose roles a change sets, unless it was read within a minute; in any case if
/// it is `new`, made or promoted by the call before. Other changes are as planned.
///
/// # Errors
/// The target's, or that the account is not what it was when the change was planned: nothing was
/// written.
pub async fn as_they_are<'c>(
    applier: &Applier<'_>,
    change: &'c PlannedChange,
    new: bool,
) -> Result<Roles<'c>, TargetError> {
    let as_planned = Ok(Roles::Differ(Cow::Borrowed(change)));
    let Write::Update { target_id, values, .. } = &change.write else { return as_planned };
    let set = values.iter().position(|(target, _)| *target == TargetAttribute::Roles);
    let Some(place) = set else { return as_planned };
    let since = applier.clock.monotonic().saturating_sub(applier.read_since);
    if since < READ_LATELY && !new {
        return as_planned;
    }
    let account = applier.target.read_user(target_id).await?;
    let gone = || moved(target_id, "it is gone", Refusal::NotFound);
    against(change, place, account.ok_or_else(gone)?)
}

/// Holds a change, whose roles are at a place among its values, against the account.
fn against(
    change: &PlannedChange,
    place: usize,
    account: TargetUser,
) -> Result<Roles<'_>, TargetError> {
    if account.administers() || account.billing_contact {
        return Ok(Roles::Protected);
    }
    if account.detail == Detail::Reduced {
        let what = "it shows only a reduced record, without the roles that it has";
        return Err(moved(&account.id, what, Refusal::Other));
    }
    if account.kind != AccountKind::Employee {
        return Err(moved(&account.id, "it is a client by now", Refusal::NotFound));
    }
    let roles = TargetAttribute::Roles;
    let mut went = change.clone();
    let (Write::Update { values, .. }, Some(held)) = (&mut went.write, account.value(roles)) else {
        return Ok(Roles::Differ(Cow::Owned(went)));
    };
    let Some((_, Some(wanted))) = values.get_mut(place) else {
        return Ok(Roles::Differ(Cow::Owned(went)));
    };
    if roles.agree(Some(held), Some(wanted)) {
        went.modified.retain(|property| property.name != roles.name());
        return Ok(Roles::Agree(Box::new(account), Cow::Owned(went)));
    }
    *wanted = roles_beside(wanted, held);
    let told = went.modified.iter_mut().find(|property| property.name == roles.name());
    if let Some(property) = told {
        property.old = Some(roles.shown(held).into_owned());
        property.new = Some(roles.shown(wanted).into_owned());
    }
    Ok(Roles::Differ(Cow::Owned(went)))
}

/// Says that the account is not as the plan saw it.
fn moved(target_id: &TargetId, what: &str, refusal: Refusal) -> TargetError {
    TargetError {
        attempted: format!("looking at the roles of the account {target_id} before they are set"),
        message: what.to_owned(),
        remedy: "Nothing: the person is planned again.".to_owned(),
        category: ErrorCategory::Rejected,
        refusal,
        code: String::new(),
        maybe_applied: false,
        cause: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parts::tests::update;
    use super::*;
    use crate::model::attribute::row_of;
    use TargetAttribute::{LastName, Roles as Set};

    fn account(roles: &[&str]) -> TargetUser {
        let held = roles.join("\n");
        let values = row_of(|target| (target == Set).then_some(held.as_str()));
        let account = TargetUser::plain(TargetId::new("a"), AccountKind::Employee, values);
        TargetUser { roles: roles.iter().map(|role| (*role).to_owned()).collect(), ..account }
    }

    /// What becomes of a change to `CanCreateFolders`: what is sent and told, or why it is not.
    fn meets(account: TargetUser) -> String {
        let change = update(&[(LastName, "King"), (Set, "CanCreateFolders")], false);
        let told = |went: &PlannedChange| {
            let property = went.modified.iter().find(|property| property.name == "Roles");
            property.map(|one| format!("{:?} to {:?}", one.old, one.new)).unwrap_or_default()
        };
        match against(&change, 1, account) {
            Ok(Roles::Differ(went)) => match &went.write {
                Write::Update { values, .. } => format!("{:?}, {}", values[1].1, told(&went)),
                other => panic!("{other:?}"),
            },
            Ok(Roles::Agree(_, went)) => format!("agrees{}", told(&went)),
            Ok(Roles::Protected) => "protected".to_owned(),
            Err(error) => format!("{:?}: {}", error.refusal, error.message),
        }
    }

    #[test]
    fn what_cannot_be_given_stays_and_nothing_is_written_twice() {
        let client = TargetUser { kind: AccountKind::Client, ..account(&[]) };
        let billing = TargetUser { billing_contact: true, ..account(&[]) };
        let reduced = TargetUser { detail: Detail::Reduced, ..client.clone() };
        let unknown = TargetUser { values: row_of(|_| None), ..account(&[]) };
        let cases = [
            (
                account(&["CanUseFileBox"]),
                r#"Some("CanCreateFolders"), Some("CanUseFileBox") to Some("CanCreateFolders")"#,
            ),
            (
                account(&["CanUseFileBox", "ARoleOfTomorrow"]),
                "Some(\"ARoleOfTomorrow\\nCanCreateFolders\"), \
                 Some(\"CanUseFileBox, ARoleOfTomorrow\") to \
                 Some(\"ARoleOfTomorrow, CanCreateFolders\")",
            ),
            (account(&["cancreatefolders", "Employee"]), "agrees"),
            (account(&["CanCreateFolders", "AdminSSO"]), "protected"),
            (billing, "protected"),
            (client, "NotFound: it is a client by now"),
            (reduced, "Other: it shows only a reduced record, without the roles that it has"),
            (unknown, r#"Some("CanCreateFolders"), None to None"#),
        ];
        for (account, expected) in cases {
            let shown = format!("{account:?}");
            assert_eq!(meets(account), expected, "{shown}");
        }
    }
}
