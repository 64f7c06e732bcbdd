//! Who is in scope, who left it, and who came back.

use super::*;
use crate::plan::rules::{GroupFate, GroupRules};

fn clause(attribute: &str, operator: &str, value: &str) -> filter::Clause {
    let operator = filter::Operator::find(operator).expect("an operator");
    let test = filter::Test::new(operator, &[value.to_owned()]).expect("a test");
    let many = if operator.is_negative() { filter::Many::All } else { filter::Many::Any };
    filter::Clause { attribute: attribute.to_owned(), test, many }
}

/// Gives a person another family name.
fn called(world: &mut World, n: usize, name: &str) {
    let mail = world.users[n].attributes.get(1).map(str::to_owned);
    world.users[n].attributes = AttributeRow::pack([Some("Ada"), mail.as_deref(), Some(name)]);
}

fn filter_of(clauses: Vec<filter::Clause>) -> filter::Filter {
    filter::Filter { name: None, clauses }
}

#[test]
fn a_joiner_is_created_and_somebody_outside_is_not() {
    let mut world = World::new();
    world.assigned(1, "ada@x.test");
    world.person(2, "out@x.test");
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("create", "ada@x.test")]);
    assert_eq!(plan.settled, [anchor(2)]);
}

#[test]
fn default_access_is_out_unless_the_rules_let_it_in() {
    let mut world = World::new();
    world.person(1, "ada@x.test");
    world.assign(1, DEFAULT_ACCESS);
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(plan.counts.default_access_only, 1);
    world.rules.default_access = true;
    assert_eq!(actions(&world.plan().0), [("create", "ada@x.test")]);
}

#[test]
fn members_of_an_assigned_group_are_in_scope_with_its_role() {
    let mut world = World::new();
    world.person(1, "ada@x.test");
    world.assign(GROUP, CLIENT);
    world.memberships.push(Membership { user: anchor(1), group: anchor(GROUP) });
    let (plan, _) = world.plan();
    let kind = AccountKind::Client;
    assert!(matches!(plan.changes[0].write, Write::Create { kind: k, .. } if k == kind));
}

#[test]
fn leavers_go_first_and_a_disabled_person_is_never_created() {
    let mut world = World::new();
    for n in 1..=8 {
        world.linked(n, &format!("p{n}@x.test"));
    }
    world.unassign(3);
    world.users[4].enabled = false;
    world.users[5].presence = Presence::SoftDeleted;
    world.assigned(20, "new@x.test");
    world.person(21, "off@x.test").enabled = false;
    world.assign(21, STAFF);
    let (plan, _) = world.plan();
    let expected = [
        ("disable", "p3@x.test"),
        ("disable", "p5@x.test"),
        ("disable", "p6@x.test"),
        ("create", "new@x.test"),
    ];
    assert_eq!(actions(&plan), expected);
}

#[test]
fn a_leaver_somebody_else_disabled_is_released_without_a_write() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.linked(2, "bob@x.test");
    world.accounts[0].disabled = true;
    world.unassign(1);
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("other", "ada@x.test")]);
    let released =
        matches!(&plan.changes[0].link, LinkAfter::Keep { state: LinkState::Released, .. });
    assert!(released);
}

#[test]
fn a_protected_leaver_raises_an_alarm_and_is_not_touched() {
    for arrange in [
        (|w: &mut World| w.accounts[0].roles.push("AdminSSO".to_owned())) as fn(&mut World),
        |w| w.accounts[0].billing_contact = true,
        |w| {
            w.links[0].target_id = TargetId::new("SUPER");
            w.accounts[0].id = TargetId::new("super");
        },
        |w| w.links[0].shadow.read_back = values("Owner@x.test", "A", "B"),
    ] {
        let mut world = World::new();
        world.linked(1, "ada@x.test");
        world.linked(2, "bob@x.test");
        arrange(&mut world);
        world.unassign(1);
        let (plan, _) = world.plan();
        assert!(plan.changes.is_empty());
        assert_eq!(held(&plan), [(HoldKind::ProtectedRemoval, 1)]);
    }
}

#[test]
fn only_what_this_job_disabled_is_enabled_again() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.linked(2, "bob@x.test");
    for link in &mut world.links {
        link.shadow.disabled = true;
    }
    world.links[0].state = LinkState::Disabled;
    world.links[1].state = LinkState::Released;
    world.accounts[0].disabled = true;
    world.accounts[1].disabled = true;
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("other", "bob@x.test"), ("update", "ada@x.test")]);
    assert!(matches!(plan.changes[1].write, Write::Update { enable: true, .. }));
    assert_eq!(held(&plan), [(HoldKind::DisabledElsewhere, 1)]);
}

#[test]
fn somebody_unread_is_left_alone() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.linked(2, "bob@x.test");
    world.users[0].presence = Presence::Unread;
    world.users[0].attributes = AttributeRow::default();
    world.unassign(1);
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty() && plan.holds.is_empty());
    assert_eq!(plan.counts.unread, 1);
    assert_eq!(plan.settled, [anchor(2)]);

    // But an account that is gone is gone, whoever had it.
    world.complete = true;
    assert!(world.plan().0.changes.is_empty());
    world.accounts.retain(|account| account.id != TargetId::new("acc-1"));
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("other", "ada@x.test")]);
    assert_eq!(plan.changes[0].link, LinkAfter::End);
    assert_eq!(plan.counts.unread, 1);
}

#[test]
fn a_filter_lets_in_removes_and_brings_back() {
    let mut world = World::new();
    let clause = |operator: &str, value: &str| clause("surname", operator, value);
    for (n, mail) in [(1, "ada@x.test"), (2, "bob@x.test"), (4, "dee@x.test")] {
        world.linked(n, mail);
    }
    world.assigned(3, "cyd@x.test");
    world.linked(5, "eve@x.test");
    world.links[1].state = LinkState::Disabled;
    world.accounts[1].disabled = true;
    let named = |n: usize, surname| (n, AttributeRow::pack([Some("Ada"), Some("x"), surname]));
    for (n, row) in [named(0, Some("Extern")), named(3, Some("Extern")), named(2, None)] {
        world.users[n].attributes = row;
    }
    world.rules.mappings.retain(|mapping| mapping.target != TargetAttribute::Email);
    world.rules.filters = vec![filter::Filter {
        name: Some("Staff".to_owned()),
        clauses: vec![clause("NOT EQUALS", "Extern"), clause("IS NOT NULL", "")],
    }];
    // One leaves, one comes back, one never was, and of one nothing is known: a null is no answer.
    let (plan, _) = world.plan();
    let did: Vec<_> = plan.changes.iter().map(|one| (one.action.word(), one.anchor)).collect();
    assert_eq!(did, [("disable", anchor(1)), ("disable", anchor(4)), ("update", anchor(2))]);
    let why: Vec<String> = plan.changes[0].reasons.iter().map(Reason::sentence).collect();
    let wants = "filter `Staff` wants surname NOT EQUALS \"Extern\"";
    assert_eq!(why, ["out of scope: filtered", wants]);

    // A second filter that holds is enough.
    let other = filter::Filter { name: None, clauses: vec![clause("IS NULL", "")] };
    world.rules.filters.push(other);
    let (plan, _) = world.plan();
    assert_eq!(plan.changes.len(), 2);
    let why = plan.changes[0].reasons[1].sentence();
    assert_eq!(why, format!("{wants}, filter 2 wants surname IS NULL"));
}

#[test]
fn a_job_that_is_tried_on_a_few_leaves_the_rest_alone() {
    let mut world = World::new();
    world.assigned(1, "ada@x.test");
    world.assigned(2, "bob@x.test");
    world.linked(3, "cyd@x.test");
    world.unassign(3);
    world.linked(4, "dee@x.test");
    world.unassign(4);
    world.rules.only = vec![anchor(4).to_string(), "ada@x.test".to_owned()];
    world.rules.only.sort();
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("disable", "dee@x.test"), ("create", "ada@x.test")]);
    assert_eq!(plan.counts.left_out, 2);
}

#[test]
fn whoever_leaves_a_filter_may_keep_the_account_as_it_is() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.moves(1, "byron@x.test");
    world.assigned(2, "bob@x.test");
    world.linked(3, "cyd@x.test");
    world.unassign(3);
    world.linked(4, "dee@x.test");
    called(&mut world, 3, "Byron");
    world.rules.mappings.retain(|mapping| mapping.target != TargetAttribute::LastName);
    world.rules.filters = vec![filter_of(vec![clause("surname", "EQUALS", "Byron")])];
    world.rules.on_leave = OnLeave::Ignore;
    // One is kept without the new address, one has none to keep, and one is not assigned either.
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("disable", "cyd@x.test")]);
    assert_eq!(plan.changes[0].reasons[0].sentence(), "out of scope: unassigned");
    assert_eq!(held(&plan), [(HoldKind::KeptAsIs, 1)]);
    assert_eq!(plan.holds[0].items[0].detail, "filter 1 wants surname EQUALS \"Byron\"");
    assert_eq!(plan.settled, [anchor(2), anchor(4)]);
    world.rules.on_leave = OnLeave::Deprovision;
    assert_eq!(world.plan().0.changes.len(), 2);
}

#[test]
fn whoever_depends_on_a_group_that_is_not_assigned_is_left_alone() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.assigned(2, "bob@x.test");
    world.linked(3, "cyd@x.test");
    world.unassign(3);
    world.linked(4, "dee@x.test");
    world.rules.filters =
        vec![filter_of(vec![clause(filter::MEMBER_OF, "MEMBER OF", &anchor(GROUP).to_string())])];
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("disable", "cyd@x.test")], "by another cause");
    assert_eq!(held(&plan), [(HoldKind::FilterUndecided, 3)]);
    world.assign(GROUP, STAFF);
    for n in [2, 4] {
        world.memberships.push(Membership { user: anchor(n), group: anchor(GROUP) });
    }
    let (plan, _) = world.plan();
    let did = [("disable", "ada@x.test"), ("disable", "cyd@x.test"), ("create", "bob@x.test")];
    assert_eq!(actions(&plan), did);
}

#[test]
fn a_date_is_looked_at_again_when_it_is_reached() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.linked(2, "bob@x.test");
    called(&mut world, 0, "2026-09-25");
    called(&mut world, 1, "2026-09-20");
    world.rules.mappings.retain(|mapping| mapping.target != TargetAttribute::LastName);
    world.rules.filters = vec![
        filter_of(vec![clause("surname", "AFTER", "now")]),
        filter_of(vec![clause("surname", "EQUALS", "2026-09-20")]),
    ];
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty() && plan.settled == [anchor(1), anchor(2)]);
    let [(who, at)] = plan.look_again.as_slice() else { panic!("{:?}", plan.look_again) };
    assert_eq!((*who, at.date().to_string().as_str()), (anchor(1), "2026-09-25"));
    world.now = *at;
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("disable", "ada@x.test")]);
    assert!(plan.look_again.is_empty());
}

#[test]
fn a_group_that_no_filter_lets_in_counts_as_unassigned() {
    let mut world = groups::world("Sales");
    world.rules.guard.removals_per_group = Limit { count: 100, percent: 100 };
    world.rules.guard.removals_per_day = Limit { count: 100, percent: 100 };
    world.group(groups::OTHER, "Staff");
    world.in_group(1, GROUP);
    world.in_group(2, groups::OTHER);
    world.linked_group(GROUP, 1, "Sales", &[1]);
    world.linked_group(groups::OTHER, 1, "Staff", &[2]);
    let name = |operator: &str| clause("displayName", operator, "Staff");
    let rules = |fate, operator: &str| GroupRules {
        on_unassigned: fate,
        filters: vec![filter_of(vec![name(operator)])],
        ..groups::group_rules()
    };
    world.rules.groups = Some(rules(GroupFate::Empty, "EQUALS"));
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "Sales")]);
    let why = plan.changes[0].reasons[0].sentence();
    assert_eq!(why, "filter 1 wants displayName EQUALS \"Staff\"");
    assert_eq!(plan.counts.in_scope, 2, "its people have their accounts all the same");
    world.rules.groups = Some(rules(GroupFate::Keep, "NOT EQUALS"));
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("other", "Staff")], "Sales is in step");
}
