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

/// Two people, each with the address that the other one should have.
fn swapped() -> World {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.linked(2, "bob@x.test");
    world.moves(1, "bob@x.test");
    world.moves(2, "Ada@x.test");
    world
}

/// What a plan writes: whose account gets which address.
fn addresses(plan: &Plan) -> Vec<(String, String)> {
    let given = |change: &PlannedChange| {
        let id = change.target_id.as_ref().map(ToString::to_string).unwrap_or_default();
        Some((id, new_address(change)?.to_owned()))
    };
    plan.changes.iter().filter_map(given).collect()
}

const TEMPORARY: &str = "provisioner-swap-00000000000000000000000000000001@x.test";

#[test]
fn two_who_swap_addresses_wait_for_a_person() {
    let mut world = swapped();
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty(), "{:?}", plan.changes);
    assert_eq!(held(&plan), [(HoldKind::AddressSwap, 3)]);
    let hashes: Vec<ContentHash> = plan.holds[0].items.iter().map(|item| item.hash).collect();
    for one in &hashes {
        world.approved = vec![*one];
        assert_eq!(held(&world.plan().0), [(HoldKind::AddressSwap, 3)], "a part is not enough");
    }
    world.approved = hashes.clone();
    world.approved.sort();
    let (plan, _) = world.plan();
    let steps = [("acc-1", TEMPORARY), ("acc-2", "Ada@x.test"), ("acc-1", "bob@x.test")];
    assert_eq!(addresses(&plan), steps.map(|(id, to)| (id.to_owned(), to.to_owned())));
    assert!(plan.holds.is_empty());
    let after: Vec<_> = plan.changes.iter().map(|change| change.after).collect();
    assert_eq!(after, [None, Some(anchor(1)), Some(anchor(2))]);

    // Nobody waits for the names: and no approval is lost by them.
    world.approved.clear();
    world.users[1].attributes = AttributeRow::pack([Some("B"), Some("ada@x.test"), Some("King")]);
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "bob@x.test")]);
    assert_eq!(held(&plan), [(HoldKind::AddressSwap, 3)]);
    world.approved = hashes;
    world.approved.sort();
    assert_eq!(held(&world.plan().0), [(HoldKind::AddressSwap, 3)], "not as it was seen");
}

#[test]
fn an_interrupted_swap_goes_on_without_asking() {
    // After the first write: the temporary address is there, the old one is free.
    let mut world = swapped();
    world.accounts[0].values = values(TEMPORARY, "Ada", "Lovelace");
    world.links[0].shadow.sent = values(TEMPORARY, "Ada", "Lovelace");
    let (plan, _) = world.plan();
    assert!(plan.holds.is_empty());
    let steps = [("acc-2", "Ada@x.test"), ("acc-1", "bob@x.test")];
    assert_eq!(addresses(&plan), steps.map(|(id, to)| (id.to_owned(), to.to_owned())));
    assert_eq!(plan.changes[1].after, Some(anchor(2)));

    // After the second one.
    world.accounts[1].values = values("Ada@x.test", "Ada", "Lovelace");
    world.links[1].shadow.sent = values("Ada@x.test", "Ada", "Lovelace");
    let (plan, _) = world.plan();
    assert_eq!(addresses(&plan), [("acc-1".to_owned(), "bob@x.test".to_owned())]);
}

#[test]
fn a_swap_that_cannot_be_is_undone() {
    // ShareFile kept the old address with the account, where nobody else can have it.
    let mut world = swapped();
    world.accounts[0].values = values(TEMPORARY, "Ada", "Lovelace");
    world.accounts[0].other_addresses = vec!["ada@x.test".to_owned()];
    world.links[0].shadow.sent = values(TEMPORARY, "Ada", "Lovelace");
    let (plan, _) = world.plan();
    assert_eq!(addresses(&plan), [("acc-1".to_owned(), "Ada@x.test".to_owned())]);
    assert!(plan.changes[0].unfinished);
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 1)]);
}

#[test]
fn three_who_go_round_wait_for_better_addresses() {
    let mut world = World::new();
    let round = [(1, "ada@x.test"), (2, "bob@x.test"), (3, "cyd@x.test")];
    round.iter().for_each(|(n, mail)| world.linked(*n, mail));
    for ((n, _), (_, next)) in round.iter().zip(round.iter().cycle().skip(1)) {
        world.moves(*n, next);
    }
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty(), "{:?}", plan.changes);
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 3)]);
}

#[test]
fn whoever_has_the_address_is_planned_as_well() {
    let mut world = swapped();
    world.companions = true;
    let (plan, _) = world.plan();
    assert_eq!(held(&plan), [(HoldKind::AddressSwap, 3)]);
    // Only one of them changed: the other one is asked for.
    world.subjects = Some(vec![anchor(1)]);
    let (plan, _) = world.plan();
    assert_eq!(held(&plan), [(HoldKind::AddressSwap, 3)]);
    assert_eq!(plan.counts.subjects, 2);
    world.companions = false;
    assert_eq!(held(&world.plan().0), [(HoldKind::SharedAccount, 1)]);
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
    // Each in its turn: nobody takes an address that is not free yet.
    let expected = [("update", "free@x.test"), ("update", "cyd@x.test"), ("update", "bob@x.test")];
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
    let write = Write::Update { target_id, values: king, enable: true, promote: false };
    assert_eq!(plan.changes[0].write, write);
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 1)]);

    // The same if somebody else wants the address as well.
    world.linked(2, "cyd@x.test");
    world.moves(2, "bob@x.test");
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "ada@x.test")]);
    assert_eq!(held(&plan), [(HoldKind::SharedAccount, 2)]);
}
