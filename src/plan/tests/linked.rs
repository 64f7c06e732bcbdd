//! Accounts that are linked: what differs in them, and what became of them by hand.

use super::*;

#[test]
fn a_null_keeps_or_clears_as_the_mapping_says() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.users[0].attributes = AttributeRow::pack([None, Some("ada@x.test"), Some("Byron")]);
    let (plan, _) = world.plan();
    let set = vec![(TargetAttribute::LastName, Some("Byron".to_owned()))];
    assert!(matches!(&plan.changes[0].write, Write::Update { values, .. } if *values == set));
    world.rules.mappings[1].when_null = WhenNull::Clear;
    assert_eq!(held(&world.plan().0), [(HoldKind::MissingValues, 1)], "a required value stays");
}

#[test]
fn a_type_that_was_changed_by_hand_counts_as_read() {
    let mut world = World::new();
    world.complete = true;
    world.linked(1, "ada@x.test");
    world.accounts[0].kind = AccountKind::Client;
    let (plan, _) = world.plan();
    assert!(matches!(plan.changes[0].write, Write::Update { promote: true, .. }), "{plan:?}");
    world.assignments.clear();
    world.assign(1, CLIENT);
    assert!(world.plan().0.is_empty());
    world.accounts[0].kind = AccountKind::Employee;
    assert_eq!(held(&world.plan().0), [(HoldKind::TypeChange, 1)], "never by itself");
}

#[test]
fn a_vanished_account_is_believed_only_after_a_read_by_id() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.linked(2, "bob@x.test");
    world.complete = true;
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty(), "both are listed");
    world.accounts.remove(0);
    let (plan, view) = world.plan();
    assert!(view.is_gone(&TargetId::new("acc-1")));
    assert_eq!(actions(&plan), [("create", "ada@x.test")]);
    assert_eq!(plan.changes[0].reasons, [Reason::AccountGone, Reason::NoAccount]);
}

#[test]
fn whoever_lost_the_account_and_cannot_have_another_is_no_longer_linked() {
    let mut world = World::new();
    world.complete = true;
    world.linked(1, "ada@x.test");
    world.accounts.clear();
    world.linked(2, "other@x.test");
    world.moves(1, "OTHER@x.test");
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("other", "ada@x.test")]);
    assert_eq!(plan.changes[0].link, LinkAfter::End);
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 1)]);

    // The same for two who want one address, one of whom had it.
    world.moves(1, "free@x.test");
    world.assigned(3, "free@x.test");
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("other", "ada@x.test")]);
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 2)]);
}
