//! Addresses that two want, give up or swap.

use super::*;

#[test]
fn two_newcomers_with_one_address_are_both_held() {
    let mut world = World::new();
    world.assigned(1, "same@x.test");
    world.assigned(2, "SAME@x.test");
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 2)]);
}

#[test]
fn two_who_want_one_new_address_are_both_held() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.linked(2, "bob@x.test");
    world.assigned(3, "Free@x.test");
    world.moves(1, "free@x.test");
    world.moves(2, "FREE@x.test");
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty(), "{:?}", plan.changes);
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 3)]);
}

#[test]
fn two_who_swap_addresses_wait_for_a_person() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.linked(2, "bob@x.test");
    world.moves(1, "bob@x.test");
    world.moves(2, "ada@x.test");
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty(), "{:?}", plan.changes);
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 2)]);
}

#[test]
fn an_address_that_another_account_keeps_is_not_taken() {
    for complete in [false, true] {
        let mut world = World::new();
        world.complete = complete;
        world.linked(1, "ada@x.test");
        world.account("other", "BOB@x.test", AccountKind::Client);
        world.moves(1, "bob@x.test");
        let (plan, _) = world.plan();
        assert!(plan.changes.is_empty(), "{:?}", plan.changes);
        assert_eq!(held(&plan), [(HoldKind::SharedAccount, 1)]);
    }
}

#[test]
fn an_address_that_is_given_up_in_the_same_plan_is_taken() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.linked(2, "bob@x.test");
    world.linked(3, "cyd@x.test");
    world.moves(1, "bob@x.test");
    world.moves(2, "cyd@x.test");
    world.moves(3, "free@x.test");
    let (plan, _) = world.plan();
    let expected = [("update", "bob@x.test"), ("update", "cyd@x.test"), ("update", "free@x.test")];
    assert_eq!(actions(&plan), expected);
    assert!(plan.holds.is_empty());
}

#[test]
fn nothing_else_waits_for_an_address_that_is_taken() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.links[0].state = LinkState::Disabled;
    world.account("other", "bob@x.test", AccountKind::Client);
    world.users[0].attributes = AttributeRow::pack([Some("Ada"), Some("bob@x.test"), Some("King")]);
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "ada@x.test")]);
    let king = vec![(TargetAttribute::LastName, Some("King".to_owned()))];
    let target_id = TargetId::new("acc-1");
    assert_eq!(plan.changes[0].write, Write::Update { target_id, values: king, enable: true });
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 1)]);

    // The same if somebody else wants the address as well.
    world.linked(2, "cyd@x.test");
    world.moves(2, "bob@x.test");
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "ada@x.test")]);
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 2)]);
}
