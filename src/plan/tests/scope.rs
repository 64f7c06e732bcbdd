//! Who is in scope, who left it, and who came back.

use super::*;

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
    let clause = |operator: &str, value: &str| filter::Clause {
        attribute: "surname".to_owned(),
        test: filter::Test::new(operator, value).expect("a test"),
    };
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
