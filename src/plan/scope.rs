//! Scope: who is let in, and through what.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use hashbrown::HashTable;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use crate::model::account::AccountKind;
use crate::model::group::GroupEdge;
use crate::model::identity::{
    AppRole, Assignment, DEFAULT_ACCESS, Membership, Presence, PrincipalKind, SourceUser,
};
use crate::model::ids::SourceAnchor;
use crate::model::plan::LeaveEvent;

use super::rules::{Deprovision, TypeRules};
use super::sorted::Sorted;

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

/// Assignments and memberships, ready to be asked for one person after the other.
pub struct Entitlements<'a> {
    assignments: &'a [Assignment],
    direct: Sorted<'a, Assignment>,
    memberships: Sorted<'a, Membership>,
    groups: HashTable<(SourceAnchor, Range<usize>)>,
    nesting: Nesting<'a>,
    default_access: bool,
    /// The groups of the person who was asked for last.
    found: Vec<SourceAnchor>,
}

impl<'a> Entitlements<'a> {
    /// Indexes the rows of groups. `assignments` are sorted by principal, `memberships` by person,
    /// `edges` by child. Rows of Default Access count if `default_access` says so.
    pub fn new(
        assignments: &'a [Assignment],
        memberships: &'a [Membership],
        edges: &'a [GroupEdge],
        default_access: bool,
    ) -> Self {
        let mut groups: HashTable<(SourceAnchor, Range<usize>)> = HashTable::new();
        let of_groups = assignments.iter().enumerate();
        for (index, row) in of_groups.filter(|(_, row)| row.kind == PrincipalKind::Group) {
            groups
                .entry(
                    hash(row.principal),
                    |(group, _)| *group == row.principal,
                    |(group, _)| hash(*group),
                )
                .or_insert((row.principal, index..index))
                .get_mut()
                .1
                .end = index + 1;
        }
        Self {
            assignments,
            direct: Sorted::new(assignments, |row| row.principal),
            memberships: Sorted::new(memberships, |row| row.user),
            groups,
            nesting: Nesting::new(edges),
            default_access,
            found: Vec::new(),
        }
    }

    /// Returns what the rows give to a person; people are asked for in rising order.
    pub fn of(&mut self, anchor: SourceAnchor) -> Entitlement {
        let rows_of_person =
            self.direct.run(anchor).iter().filter(|row| row.kind == PrincipalKind::User);
        let memberships = self.memberships.run(anchor);
        self.nesting.climb(memberships);
        let default_access = self.default_access;
        let counts = |row: &Assignment| row.role != DEFAULT_ACCESS || default_access;
        let mut any = false;
        let mut roles: Vec<Uuid> = Vec::new();
        let mut take = |row: &Assignment| {
            any = true;
            let counts = counts(row);
            if counts && !roles.contains(&row.role) {
                roles.push(row.role);
            }
            counts
        };
        for row in rows_of_person {
            take(row);
        }
        // A list of before, emptied: with millions of people each new one costs.
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        for group in memberships.iter().flat_map(|row| self.nesting.above(&row.group)) {
            let rows = self.rows_of_group(*group).unwrap_or_default();
            let mut counts = false;
            for row in rows.iter().filter(|row| row.kind == PrincipalKind::Group) {
                counts |= take(row);
            }
            if counts {
                found.push(*group);
            }
        }
        found.sort_unstable();
        found.dedup();
        self.found = found;
        roles.sort_unstable();
        let entitled = !roles.is_empty();
        Entitlement { entitled, default_access_only: any && !entitled, roles }
    }

    /// Returns the groups through which the person who was asked for last is in scope: assigned
    /// ones, by a row that counts, that the person is in directly or by way of groups in them.
    /// Sorted, unique.
    pub fn groups(&self) -> &[SourceAnchor] {
        &self.found
    }

    /// Returns whether a group is assigned by a row that counts.
    pub fn counts(&self, group: SourceAnchor) -> bool {
        let rows = self.rows_of_group(group).unwrap_or_default();
        let of_groups = || rows.iter().filter(|row| row.kind == PrincipalKind::Group);
        of_groups().any(|row| row.role != DEFAULT_ACCESS || self.default_access)
    }

    fn rows_of_group(&self, group: SourceAnchor) -> Option<&'a [Assignment]> {
        let (_, range) = self.groups.find(hash(group), |(known, _)| *known == group)?;
        self.assignments.get(range.clone())
    }
}

/// Which groups are above which.
struct Nesting<'a> {
    /// Sorted.
    edges: &'a [GroupEdge],
    /// What was found so far, by the group at the bottom, which is among them; none for a group that
    /// is in no other.
    above: HashMap<SourceAnchor, Vec<SourceAnchor>>,
}

impl<'a> Nesting<'a> {
    fn new(edges: &'a [GroupEdge]) -> Self {
        Self { edges, above: HashMap::new() }
    }

    /// Finds the groups above those of some memberships, each once in a plan.
    fn climb(&mut self, memberships: &[Membership]) {
        if self.edges.is_empty() {
            return;
        }
        for membership in memberships {
            let edges = self.edges;
            self.above.entry(membership.group).or_insert_with_key(|group| all_above(edges, *group));
        }
    }

    /// Returns a group and the groups above it, which were climbed to.
    fn above<'b>(&'b self, group: &'b SourceAnchor) -> &'b [SourceAnchor] {
        let found = self.above.get(group).filter(|found| !found.is_empty());
        found.map_or(std::slice::from_ref(group), Vec::as_slice)
    }
}

/// Returns a group and all groups above it, each once; nothing if it is in no other. Groups may
/// contain each other in a circle.
fn all_above(edges: &[GroupEdge], group: SourceAnchor) -> Vec<SourceAnchor> {
    let mut seen = HashSet::from([group]);
    let mut found = vec![group];
    let mut next = 0;
    while let Some(&child) = found.get(next) {
        next += 1;
        let first = edges.partition_point(|edge| edge.child < child);
        let parents = edges.iter().skip(first).take_while(|edge| edge.child == child);
        found.extend(parents.map(|edge| edge.parent).filter(|parent| seen.insert(*parent)));
    }
    if found.len() == 1 { Vec::new() } else { found }
}

/// There are many more memberships than anything else, so the hash is a fast one.
fn hash(group: SourceAnchor) -> u64 {
    xxh3_64(group.0.as_bytes())
}

/// Whether a person is in scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In scope.
    In,
    /// Not in scope: the events that hold, the strictest first; never empty.
    Out(Vec<LeaveEvent>),
    /// Left alone: the person could not be read.
    Unread,
}

/// Decides whether a person is in scope; `by_rules` are the events that the rules make of who is
/// assigned and may sign in: no filter lets the person in, or an expression does not. Of several
/// events that hold the one that the policy treats most strictly comes first, among equals what the
/// source says, and among these the one that is hardest to undo.
pub fn scope(
    source_user: Option<&SourceUser>,
    entitlement: &Entitlement,
    by_rules: &[LeaveEvent],
    policy: &Deprovision,
) -> Scope {
    let Some(source_user) = source_user else {
        return Scope::Unread;
    };
    let own = match source_user.presence {
        Presence::Unread => return Scope::Unread,
        Presence::HardDeleted => Some(LeaveEvent::HardDeleted),
        Presence::SoftDeleted => Some(LeaveEvent::SoftDeleted),
        Presence::Present if !source_user.enabled => Some(LeaveEvent::Disabled),
        Presence::Present => None,
    };
    let unassigned = (!entitlement.entitled).then_some(LeaveEvent::Unassigned);
    let by_rules = by_rules.iter().copied();
    let mut events: Vec<LeaveEvent> = own.into_iter().chain(by_rules).chain(unassigned).collect();
    if events.is_empty() {
        return Scope::In;
    }
    // An answer to what rules say is none to what the source says: that goes first.
    let rank = |event: LeaveEvent| (policy.policy(event).strictness(), !event.is_by_rules(), event);
    events.sort_by_key(|event| Reverse(rank(*event)));
    Scope::Out(events)
}

/// Why it is not known which type of account a person has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untyped {
    /// The values of the roles that ask for different types.
    Roles(Vec<String>),
    /// What is wrong with what the expression gives.
    Expression(String),
}

impl Untyped {
    /// Returns the reason in words.
    pub fn why(&self) -> String {
        match self {
            Self::Roles(roles) => {
                format!("the roles {} ask for different types", roles.join(" and "))
            }
            Self::Expression(why) => why.clone(),
        }
    }
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
) -> Result<AccountKind, Untyped> {
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
        Some(_) => {
            Err(Untyped::Roles(asked.into_iter().map(|(value, _)| value.to_owned()).collect()))
        }
    }
}

/// Returns the type that an expression names, in any letter case.
///
/// # Errors
/// What is wrong with what it gives.
pub fn kind_said(said: Option<&str>) -> Result<AccountKind, Untyped> {
    let wrong = |what: String| {
        Untyped::Expression(format!("users.type gives {what}, and neither employee nor client"))
    };
    match said {
        None => Err(wrong("no value".to_owned())),
        Some(word) if word.eq_ignore_ascii_case("employee") => Ok(AccountKind::Employee),
        Some(word) if word.eq_ignore_ascii_case("client") => Ok(AccountKind::Client),
        Some(other) => Err(wrong(format!("{other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::leaving::Stage;
    use crate::model::row::AttributeRow;
    use crate::plan::rules::{Later, Policy};

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

    fn policy() -> Deprovision {
        Deprovision {
            unassigned: Policy::default(),
            filtered: Policy::default(),
            disabled: Policy::default(),
            soft_deleted: Policy::default(),
            hard_deleted: Policy::default(),
        }
    }

    #[test]
    fn the_strictest_event_counts() {
        let entitled = Entitlement { entitled: true, ..Entitlement::default() };
        let left = Entitlement::default();
        let lenient = || Deprovision { disabled: Policy::of(Stage::Leave), ..policy() };
        use LeaveEvent::{Disabled, Filtered, HardDeleted, Inactive, SoftDeleted, Unassigned};
        let out = |events: &[LeaveEvent]| Scope::Out(events.to_vec());
        let later = |stage, after_ms| Policy {
            later: Some(Later { after_ms, stage }),
            ..Policy::default()
        };
        let slow = Deprovision {
            unassigned: later(Stage::Delete, 2),
            disabled: later(Stage::Delete, 3),
            ..policy()
        };
        let cases = [
            (person(Presence::Present, true), &entitled, policy(), Scope::In),
            (person(Presence::Present, true), &left, policy(), out(&[Unassigned])),
            (person(Presence::Present, false), &entitled, policy(), out(&[Disabled])),
            (person(Presence::Present, false), &left, policy(), out(&[Disabled, Unassigned])),
            (person(Presence::Present, false), &left, lenient(), out(&[Unassigned, Disabled])),
            (person(Presence::Present, false), &entitled, lenient(), out(&[Disabled])),
            (person(Presence::SoftDeleted, true), &left, policy(), out(&[SoftDeleted, Unassigned])),
            (person(Presence::HardDeleted, true), &left, policy(), out(&[HardDeleted, Unassigned])),
            // What comes later, and how soon, tells policies apart that begin alike.
            (person(Presence::Present, false), &left, slow, out(&[Unassigned, Disabled])),
            (person(Presence::Unread, false), &left, policy(), Scope::Unread),
        ];
        for (source_user, entitlement, policy, expected) in cases {
            assert_eq!(
                scope(Some(&source_user), entitlement, &[], &policy),
                expected,
                "{source_user:?}"
            );
        }
        assert_eq!(scope(None, &left, &[Filtered], &policy()), Scope::Unread);
        let present = person(Presence::Present, true);
        let lenient = Deprovision { filtered: Policy::of(Stage::Leave), ..policy() };
        let cases = [
            (&entitled, &[Filtered][..], policy(), out(&[Filtered])),
            (&entitled, &[Filtered], lenient.clone(), out(&[Filtered])),
            (&left, &[Filtered], lenient.clone(), out(&[Unassigned, Filtered])),
            (&entitled, &[Filtered, Inactive], policy(), out(&[Inactive, Filtered])),
            (&left, &[Inactive, Filtered], lenient, out(&[Unassigned, Inactive, Filtered])),
            (&left, &[Inactive], policy(), out(&[Unassigned, Inactive])),
        ];
        for (entitlement, by_rules, policy, expected) in cases {
            assert_eq!(scope(Some(&present), entitlement, by_rules, &policy), expected);
        }
    }

    #[test]
    fn members_of_groups_in_groups_get_what_is_assigned_above_them() {
        let row = |principal, kind, role| Assignment {
            principal: anchor(principal),
            kind,
            role: Uuid::from_u128(role),
        };
        let group = PrincipalKind::Group;
        // 10 holds 20, which holds 30; 30 holds 10 again. 11 holds 30 as well, by Default Access. 40
        // is in 41, and nothing is assigned there.
        let assignments = [
            row(1, PrincipalKind::User, 7),
            row(10, group, 5),
            row(11, group, 0),
            row(12, group, 6),
        ];
        let edge = |child, parent| GroupEdge { child: anchor(child), parent: anchor(parent) };
        let edges = [edge(10, 30), edge(20, 10), edge(30, 11), edge(30, 20), edge(40, 41)];
        let member = |user, group| Membership { user: anchor(user), group: anchor(group) };
        let memberships =
            [member(1, 30), member(2, 10), member(3, 40), member(4, 12), member(4, 20)];
        let found = |edges: &[GroupEdge], default_access| {
            let mut entitlements =
                Entitlements::new(&assignments, &memberships, edges, default_access);
            let of = |n| {
                let roles = entitlements.of(anchor(n)).roles;
                let roles: Vec<u128> = roles.iter().map(Uuid::as_u128).collect();
                let groups = entitlements.groups();
                (roles, groups.iter().map(|group| group.0.as_u128()).collect::<Vec<u128>>())
            };
            (1..=4).map(of).collect::<Vec<_>>()
        };
        assert_eq!(
            found(&edges, false),
            [
                (vec![5, 7], vec![10]),
                (vec![5], vec![10]),
                (vec![], vec![]),
                (vec![5, 6], vec![10, 12])
            ]
        );
        assert_eq!(
            found(&edges, true),
            [
                (vec![0, 5, 7], vec![10, 11]),
                (vec![0, 5], vec![10, 11]),
                (vec![], vec![]),
                (vec![0, 5, 6], vec![10, 11, 12])
            ]
        );
        assert_eq!(
            found(&[], false),
            [(vec![7], vec![]), (vec![5], vec![10]), (vec![], vec![]), (vec![6], vec![12])],
            "without nesting"
        );
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
            expression: None,
        };
        let ids = |list: &[u128]| list.iter().map(|n| Uuid::from_u128(*n)).collect::<Vec<_>>();
        let kind = |list: &[u128], guest| account_kind(&types, &app_roles, &ids(list), guest);
        assert_eq!(kind(&[3], false), Ok(AccountKind::Employee));
        assert_eq!(kind(&[3], true), Ok(AccountKind::Client));
        assert_eq!(kind(&[2], true), Ok(AccountKind::Employee));
        assert_eq!(kind(&[1, 3], false), Ok(AccountKind::Client));
        let both = vec!["Client".to_owned(), "Staff".to_owned()];
        assert_eq!(kind(&[1, 2], false), Err(Untyped::Roles(both)));
    }

    #[test]
    fn an_expression_names_the_type_or_nobody_does() {
        assert_eq!(kind_said(Some("Employee")), Ok(AccountKind::Employee));
        assert_eq!(kind_said(Some("CLIENT")), Ok(AccountKind::Client));
        let why = |said| match kind_said(said) {
            Err(Untyped::Expression(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            why(Some("guest")),
            "users.type gives \"guest\", and neither employee nor client"
        );
        assert_eq!(why(None), "users.type gives no value, and neither employee nor client");
    }
}
