//! What accounts take of a person's values, and the ids of what the values name at the target.

use std::borrow::Cow;

use crate::model::account::{AccountKind, Shadow, TargetAttribute, TargetUser};
use crate::model::attribute::{Named, names, roles_beside, row_of};
use crate::model::ids::SourceAnchor;
use crate::model::plan::HoldKind;
use crate::model::row::AttributeRow;

use super::decision::Decision;
use super::diff::Differ;
use super::fit::Takes;
use super::map::nearest;
use super::map::values::Unmapped;

/// Values that are to be set.
pub type Values = Vec<(TargetAttribute, Option<String>)>;

/// Ids behind the names in values.
pub type Ids = Vec<(TargetAttribute, Named)>;

/// So many names are told of those that exist.
const TOLD: usize = 10;

impl Differ<'_> {
    /// Returns what an account of a kind takes at this tenant.
    pub(super) fn takes(&self, kind: AccountKind) -> Takes {
        let tenant = self.input.target.tenant.as_ref();
        Takes { kind, by_policies: tenant.map(|tenant| tenant.by_policies) }
    }

    /// Withholds everything of a person whose values cannot be told, or asks for the tenant, if it
    /// depends on that whether the values count.
    pub(super) fn unmapped(
        &self,
        anchor: SourceAnchor,
        label: &str,
        unmapped: &Unmapped<'_>,
        out: &mut Decision,
    ) {
        if self.input.target.tenant.is_none() && unmapped.depends_on_tenant() {
            out.tenant = true;
        } else {
            out.hold_unmapped(anchor, label, unmapped);
        }
    }

    /// Returns the ids of what values name. `None` if that has to be asked for, or if a name does not
    /// stand for one object: then the person is held.
    pub(super) fn ids(
        &self,
        anchor: SourceAnchor,
        label: &str,
        set: &[(TargetAttribute, Option<String>)],
        out: &mut Decision,
    ) -> Option<Ids> {
        let mut ids = Ids::new();
        let mut wrong: Vec<String> = Vec::new();
        let naming = set.iter().filter(|(target, _)| target.names_object());
        for (target, value) in naming.filter_map(|(target, value)| Some((*target, value.as_ref()?)))
        {
            let of = target.name();
            let known = match self.input.target.names.get(&target) {
                Some(Ok(known)) => known,
                Some(Err(why)) => {
                    wrong.push(format!("{of}: what there is could not be read: {why}"));
                    continue;
                }
                None => {
                    out.names.insert(target);
                    continue;
                }
            };
            for name in names(value) {
                let mut meant =
                    known.iter().filter(|one| target.agree(Some(&one.name), Some(name)));
                match (meant.next(), meant.next()) {
                    (Some(one), None) => ids.push((target, one.clone())),
                    (Some(_), Some(_)) => {
                        wrong.push(format!("{of} is {name}, and several are called that"));
                    }
                    (None, _) => wrong.push(format!("{of} is {name}, {}", instead(known, name))),
                }
            }
        }
        if !out.names.is_empty() {
            return None;
        }
        if wrong.is_empty() {
            return Some(ids);
        }
        out.hold(HoldKind::InvalidValue, anchor, label, wrong.join("; "));
        None
    }
}

/// Says that there is no object of a name, and which ones there are.
fn instead(known: &[Named], name: &str) -> String {
    if known.is_empty() {
        return "and there is none at all".to_owned();
    }
    let told = known.iter().take(TOLD).map(|one| one.name.as_str());
    let told: Vec<&str> = told.collect();
    let more = known.len().saturating_sub(TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let near = nearest(name, known.iter().map(|one| one.name.as_str()));
    let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    format!("which does not exist; there are {}{more}{near}", told.join(", "))
}

/// Returns what counts as sent to an account that becomes an employee: nothing of what clients do
/// not have.
pub fn sent_to_client(sent: &AttributeRow) -> AttributeRow {
    row_of(|target| match target.is_of_employees() {
        true => None,
        false => sent.get(target.index()),
    })
}

/// Returns what is known of an account that becomes an employee, as [`sent_to_client`]: what is left
/// undone of such a change counts as never sent.
pub fn of_client(known: Shadow) -> Shadow {
    Shadow { sent: sent_to_client(&known.sent), ..known }
}

/// Returns what an account had before some values are set, and what of them differs from what its
/// full record shows: what is there already is not written again. Roles that nobody knows stay. What
/// a client has counts for nothing once it is an employee.
pub fn beside(
    before: &AttributeRow,
    set: Values,
    (account, promote): (Option<&TargetUser>, bool),
) -> (AttributeRow, Values) {
    let shows =
        |target: TargetAttribute| !(target.is_listed() || promote && target.is_of_employees());
    let mut had = Cow::Borrowed(before);
    let mut differing = Values::new();
    for (target, new) in set {
        let now = account.filter(|_| shows(target)).and_then(|account| account.value(target));
        let Some(now) = now else {
            differing.push((target, new));
            continue;
        };
        if target.agree(Some(now), new.as_deref()) {
            continue;
        }
        had = Cow::Owned(had.with(target.index(), Some(now)));
        let new = new.map(|new| match target {
            TargetAttribute::Roles => roles_beside(&new, now),
            _ => new,
        });
        differing.push((target, new));
    }
    (had.into_owned(), differing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::TargetId;

    fn account(values: &[(TargetAttribute, &str)]) -> TargetUser {
        let values = row_of(|target| {
            values.iter().find(|(known, _)| *known == target).map(|(_, value)| *value)
        });
        TargetUser::plain(TargetId::new("a"), AccountKind::Employee, values)
    }

    #[test]
    fn what_is_there_already_is_not_written_and_unknown_roles_stay() {
        use TargetAttribute::{LastName, Roles, StorageQuotaLimitGB};
        let some = |text: &str| Some(text.to_owned());
        let held = account(&[
            (LastName, "King"),
            (StorageQuotaLimitGB, "5"),
            (Roles, "ARoleOfTomorrow\nCanUseFileBox"),
        ]);
        let before = row_of(|_| None);
        let set = vec![
            (LastName, some("King")),
            (StorageQuotaLimitGB, some("5")),
            (Roles, some("CanManageUsers")),
        ];
        let (had, differing) = beside(&before, set.clone(), (Some(&held), false));
        assert_eq!(had.get(Roles.index()), Some("ARoleOfTomorrow\nCanUseFileBox"));
        let roles = some("ARoleOfTomorrow\nCanManageUsers");
        assert_eq!(differing, [(LastName, some("King")), (Roles, roles)]);
        let same = vec![(Roles, some("canusefilebox"))];
        assert_eq!(beside(&before, same.clone(), (Some(&held), false)).1, []);
        let promoted = beside(&before, same.clone(), (Some(&held), true));
        assert_eq!(promoted, (before.clone(), same), "what a client may do says nothing");
        assert_eq!(beside(&before, set.clone(), (None, false)), (before, set));
    }
}
