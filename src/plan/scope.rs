//! Scope: who is let in, and through what.

use std::collections::HashMap;
use std::ops::Range;

use uuid::Uuid;

use crate::model::account::AccountKind;
use crate::model::identity::{
    AppRole, Assignment, DEFAULT_ACCESS, Membership, Presence, PrincipalKind, SourceUser,
};
use crate::model::ids::SourceAnchor;
use crate::model::plan::LeaveEvent;

use super::rules::{Deprovision, DeprovisionWord, Rules, TypeRules};

/// What the assignments give a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entitlement {
    /// At least one row counts.
    pub entitled: bool,
    /// There are rows, but only Default Access ones, which the rules leave out.
    pub default_access_only: bool,
    /// The roles of the rows that count; sorted, unique.
    pub roles: Vec<Uuid>,
}

/// Assignments and memberships, ready to be asked for one person at a time.
pub struct Entitlements<'a> {
    assignments: &'a [Assignment],
    memberships: &'a [Membership],
    groups: HashMap<SourceAnchor, Range<usize>>,
    default_access: bool,
}

impl<'a> Entitlements<'a> {
    /// Indexes the rows of groups. `assignments` are sorted by principal, `memberships` by person.
    pub fn new(
        assignments: &'a [Assignment],
        memberships: &'a [Membership],
        rules: &Rules,
    ) -> Self {
        let mut groups: HashMap<SourceAnchor, Range<usize>> = HashMap::new();
        for (index, row) in assignments.iter().enumerate() {
            if row.kind == PrincipalKind::Group {
                groups.entry(row.principal).or_insert(index..index).end = index + 1;
            }
        }
        Self { assignments, memberships, groups, default_access: rules.default_access }
    }

    /// Returns what the rows give to a person.
    pub fn of(&self, anchor: SourceAnchor) -> Entitlement {
        let direct = self.assignments.partition_point(|row| row.principal < anchor);
        let rows_of_person = self
            .assignments
            .iter()
            .skip(direct)
            .take_while(|row| row.principal == anchor)
            .filter(|row| row.kind == PrincipalKind::User);
        let member = self.memberships.partition_point(|row| row.user < anchor);
        let rows_of_groups = self
            .memberships
            .iter()
            .skip(member)
            .take_while(|row| row.user == anchor)
            .filter_map(|row| self.assignments.get(self.groups.get(&row.group)?.clone()))
            .flatten()
            .filter(|row| row.kind == PrincipalKind::Group);
        let mut any = false;
        let mut roles = Vec::new();
        for row in rows_of_person.chain(rows_of_groups) {
            any = true;
            if row.role != DEFAULT_ACCESS || self.default_access {
                roles.push(row.role);
            }
        }
        roles.sort_unstable();
        roles.dedup();
        let entitled = !roles.is_empty();
        Entitlement { entitled, default_access_only: any && !entitled, roles }
    }
}

/// Whether a person is in scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In scope.
    In,
    /// Not in scope: the events that hold, the strictest first.
    Out(LeaveEvent),
    /// Left alone: the person could not be read.
    Unread,
}

/// Decides whether a person is in scope. When several events hold, the one that the policy treats
/// most strictly counts, and among equals the one that is hardest to undo.
pub fn scope(
    source_user: Option<&SourceUser>,
    entitlement: &Entitlement,
    policy: &Deprovision,
) -> Scope {
    let Some(source_user) = source_user else {
        return Scope::Unread;
    };
    let mut events = Vec::with_capacity(2);
    match source_user.presence {
        Presence::Unread => return Scope::Unread,
        Presence::HardDeleted => events.push(LeaveEvent::HardDeleted),
        Presence::SoftDeleted => events.push(LeaveEvent::SoftDeleted),
        Presence::Present if !source_user.enabled => events.push(LeaveEvent::Disabled),
        Presence::Present => {}
    }
    if !entitlement.entitled {
        events.push(LeaveEvent::Unassigned);
    }
    let strictest = events
        .iter()
        .find(|event| policy.word(**event) == DeprovisionWord::Disable)
        .or_else(|| events.first());
    strictest.map_or(Scope::In, |event| Scope::Out(*event))
}

/// Decides the type of a person's account: mapped roles first, then guests, then the default.
///
/// # Errors
/// The values of the roles that ask for different types.
pub fn account_kind(
    types: &TypeRules,
    app_roles: &[AppRole],
    roles: &[Uuid],
    guest: bool,
) -> Result<AccountKind, Vec<String>> {
    let mut asked: Vec<(&str, AccountKind)> = Vec::new();
    for role in app_roles.iter().filter(|role| roles.contains(&role.id)) {
        let Some(value) = role.value.as_deref() else {
            continue;
        };
        if let Some((_, kind)) = types.roles.iter().find(|(known, _)| known == value) {
            asked.push((value, *kind));
        }
    }
    match asked.first() {
        None if guest => Ok(types.guests),
        None => Ok(types.default),
        Some((_, first)) if asked.iter().all(|(_, kind)| kind == first) => Ok(*first),
        Some(_) => Err(asked.into_iter().map(|(value, _)| value.to_owned()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::row::AttributeRow;

    fn anchor(n: u128) -> SourceAnchor {
        SourceAnchor(Uuid::from_u128(n))
    }

    fn person(presence: Presence, enabled: bool) -> SourceUser {
        SourceUser {
            anchor: anchor(1),
            presence,
            enabled,
            guest: false,
            attributes: AttributeRow::default(),
        }
    }

    const POLICY: Deprovision = Deprovision {
        unassigned: DeprovisionWord::Disable,
        disabled: DeprovisionWord::Disable,
        soft_deleted: DeprovisionWord::Disable,
        hard_deleted: DeprovisionWord::Disable,
    };

    #[test]
    fn the_strictest_event_counts() {
        let entitled = Entitlement { entitled: true, ..Entitlement::default() };
        let left = Entitlement::default();
        let lenient = Deprovision { disabled: DeprovisionWord::Leave, ..POLICY };
        let cases = [
            (person(Presence::Present, true), &entitled, POLICY, Scope::In),
            (person(Presence::Present, true), &left, POLICY, Scope::Out(LeaveEvent::Unassigned)),
            (person(Presence::Present, false), &entitled, POLICY, Scope::Out(LeaveEvent::Disabled)),
            (person(Presence::Present, false), &left, lenient, Scope::Out(LeaveEvent::Unassigned)),
            (
                person(Presence::Present, false),
                &entitled,
                lenient,
                Scope::Out(LeaveEvent::Disabled),
            ),
            (
                person(Presence::SoftDeleted, true),
                &left,
                POLICY,
                Scope::Out(LeaveEvent::SoftDeleted),
            ),
            (
                person(Presence::HardDeleted, true),
                &left,
                POLICY,
                Scope::Out(LeaveEvent::HardDeleted),
            ),
            (person(Presence::Unread, false), &left, POLICY, Scope::Unread),
        ];
        for (source_user, entitlement, policy, expected) in cases {
            assert_eq!(
                scope(Some(&source_user), entitlement, &policy),
                expected,
                "{source_user:?}"
            );
        }
        assert_eq!(scope(None, &left, &POLICY), Scope::Unread);
    }

    #[test]
    fn roles_decide_before_guests_and_conflicts_are_named() {
        let role = |n: u128, value: Option<&str>| AppRole {
            id: Uuid::from_u128(n),
            value: value.map(str::to_owned),
            display_name: None,
        };
        let app_roles = [role(1, Some("Client")), role(2, Some("Staff")), role(3, None)];
        let types = TypeRules {
            default: AccountKind::Employee,
            guests: AccountKind::Client,
            roles: vec![
                ("Client".into(), AccountKind::Client),
                ("Staff".into(), AccountKind::Employee),
            ],
        };
        let ids = |list: &[u128]| list.iter().map(|n| Uuid::from_u128(*n)).collect::<Vec<_>>();
        let kind = |list: &[u128], guest| account_kind(&types, &app_roles, &ids(list), guest);
        assert_eq!(kind(&[3], false), Ok(AccountKind::Employee));
        assert_eq!(kind(&[3], true), Ok(AccountKind::Client));
        assert_eq!(kind(&[2], true), Ok(AccountKind::Employee));
        assert_eq!(kind(&[1, 3], false), Ok(AccountKind::Client));
        assert_eq!(kind(&[1, 2], false), Err(vec!["Client".to_owned(), "Staff".to_owned()]));
    }
}
