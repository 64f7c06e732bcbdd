//! What waits for a person though it could be done: accidents, first plans, licences.

use super::*;

#[test]
fn the_guard_holds_accidents_and_nothing_else() {
    let count_of = |leavers: u128, of: u128, arrange: fn(&mut World)| {
        let mut world = World::new();
        for n in 1..=of {
            world.linked(n, &format!("p{n}@x.test"));
        }
        for n in 1..=leavers {
            world.unassign(n);
        }
        world.assigned(1000, "new@x.test");
        arrange(&mut world);
        let (plan, _) = world.plan();
        let disables = plan.changes.iter().filter(|c| c.action == ProvisioningAction::Disable);
        (
            disables.count(),
            held(&plan),
            plan.changes.iter().any(|c| c.action == ProvisioningAction::Create),
        )
    };
    let none = |_: &mut World| {};
    assert_eq!(count_of(5, 12, none), (5, vec![], true), "a few pass without regard to percent");
    assert_eq!(count_of(6, 100, none), (6, vec![], true));
    assert_eq!(count_of(11, 100, none), (0, vec![(HoldKind::TooManyRemovals, 11)], true));
    assert_eq!(count_of(6, 12, none), (0, vec![(HoldKind::SourceHalved, 6)], true));
    assert_eq!(count_of(2, 2, none), (0, vec![(HoldKind::WouldLeaveNobody, 2)], true));
    let emptied = |w: &mut World| w.assignments.clear();
    assert_eq!(count_of(3, 3, emptied), (0, vec![(HoldKind::SourceEmptied, 3)], false));
    let strict = |w: &mut World| w.rules.guard.removals_per_cycle.count = 2;
    assert_eq!(count_of(3, 100, strict), (0, vec![(HoldKind::TooManyRemovals, 3)], true));
}

#[test]
fn the_first_plan_waits_as_a_whole_and_approval_is_for_what_was_seen() {
    let mut world = World::new();
    world.first_plan = true;
    world.rules.guard.first_cycle = FirstCycle::Approve;
    world.assigned(1, "ada@x.test");
    world.assigned(2, "bob@x.test");
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(held(&plan), [(HoldKind::FirstCycle, 2)]);
    world.approved = plan.holds[0].items.iter().map(|item| item.hash).collect();
    world.approved.sort();
    world.users[1].attributes = AttributeRow::pack([Some("Bo"), Some("bob@x.test"), Some("B")]);
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("create", "ada@x.test")], "bob was approved with other values");
    assert_eq!(held(&plan), [(HoldKind::FirstCycle, 1)]);
}

#[test]
fn a_rejected_change_stays_in_its_hold() {
    let mut world = World::new();
    world.linked(1, "ada@x.test");
    world.linked(2, "bob@x.test");
    world.unassign(1);
    let hash = world.plan().0.changes[0].hash;
    world.rejected = vec![(hash, HoldKind::SourceHalved)];
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(held(&plan), [(HoldKind::SourceHalved, 1)]);
}

#[test]
fn changed_rules_that_rewrite_everything_wait() {
    let mut world = World::new();
    for n in 1..=20 {
        world.linked(n, &format!("p{n}@x.test"));
        world.links[n as usize - 1].shadow.sent = values(&format!("p{n}@x.test"), "Old", "Name");
    }
    assert_eq!(world.plan().0.changes.len(), 20);
    world.rules_changed = true;
    assert_eq!(held(&world.plan().0), [(HoldKind::RulesChanged, 20)]);
}

#[test]
fn employees_beyond_the_licences_wait_in_a_stable_order() {
    let mut world = World::new();
    world.seats = Some(2);
    for n in [5, 3, 4, 1] {
        world.assigned(n, &format!("p{n}@x.test"));
    }
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("create", "p1@x.test"), ("create", "p3@x.test")]);
    assert_eq!(held(&plan), [(HoldKind::LicenseLimitExceeded, 2)]);
}

/// A client account whose person should be an employee, and one that is linked already.
fn promotions() -> World {
    let mut world = World::new();
    world.assigned(1, "joins@x.test");
    world.account("old", "joins@x.test", AccountKind::Client);
    world.linked(2, "raised@x.test");
    world.links[0].shadow.kind = AccountKind::Client;
    world.links[0].shadow.sent = values("raised@x.test", "Ada", "Byron");
    world.accounts[1].kind = AccountKind::Client;
    world
}

#[test]
fn clients_become_employees_in_the_same_write() {
    let mut world = promotions();
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "joins@x.test"), ("update", "raised@x.test")]);
    let id = |id: &str| TargetId::new(id);
    let name = vec![(TargetAttribute::LastName, Some("Lovelace".to_owned()))];
    let [joins, raised] = [0, 1].map(|n: usize| plan.changes[n].write.clone());
    let promote =
        |target_id, values| Write::Update { target_id, values, enable: false, promote: true };
    assert_eq!(joins, promote(id("old"), Vec::new()));
    assert_eq!(raised, promote(id("acc-2"), name.clone()));

    // Back from leaving, in one write too.
    world.links[0].state = LinkState::Disabled;
    world.accounts[1].disabled = true;
    let (plan, _) = world.plan();
    let write = Write::Update { target_id: id("acc-2"), values: name, enable: true, promote: true };
    assert_eq!(plan.changes[1].write, write);
}

#[test]
fn promotions_take_licences_and_those_who_hold_idle_ones_are_named() {
    let mut world = promotions();
    world.seats = Some(1);
    for n in 10..20 {
        world.linked(n, &format!("idle{n}@x.test"));
        world.unassign(n);
    }
    for link in &mut world.links[1..8] {
        link.state = LinkState::Disabled;
        link.shadow.disabled = true;
    }
    world.links.truncate(8);
    world.users.truncate(9);
    let (plan, _) = world.plan();
    // The one with the lower id has the licence; what else the other one needs goes on.
    assert_eq!(actions(&plan), [("update", "joins@x.test"), ("update", "raised@x.test")]);
    assert!(matches!(plan.changes[0].write, Write::Update { promote: true, .. }));
    assert!(
        matches!(&plan.changes[1].write, Write::Update { promote: false, values, .. } if values.len() == 1)
    );
    assert!(plan.changes[1].unfinished, "the licence is asked for again");
    assert_eq!(plan.changes[1].reasons, [Reason::ValuesDiffer]);
    assert_eq!(held(&plan), [(HoldKind::LicenseLimitExceeded, 1)]);
    let message = &plan.holds[0].message;
    assert!(message.starts_with("1 employee licence is missing"), "{message}");
    let named = "7 are held by employees who are disabled: idle10@x.test, idle11@x.test, \
                 idle12@x.test, idle13@x.test, idle14@x.test, and 2 more.";
    assert!(message.ends_with(named), "{message}");

    // Nobody is adopted without the licence that the rules ask for.
    world.seats = Some(0);
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "raised@x.test")]);
    assert_eq!(held(&plan), [(HoldKind::LicenseLimitExceeded, 2)]);
}

#[test]
fn a_client_does_not_move_into_a_domain_of_employees() {
    let mut world = World::new();
    world.linked(1, "ada@y.test");
    world.assignments.clear();
    world.assign(1, CLIENT);
    world.accounts[0].kind = AccountKind::Client;
    world.links[0].shadow.kind = AccountKind::Client;
    world.employee_domains = vec!["x.test".to_owned()];
    world.users[0].attributes = AttributeRow::pack([Some("Ada"), Some("ada@X.test"), Some("King")]);
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "ada@y.test")], "the name alone");
    assert_eq!(held(&plan), [(HoldKind::EmployeeDomain, 1)]);
}

#[test]
fn more_joins_than_the_limit_wait_and_nothing_else_does() {
    let mut world = World::new();
    world.rules.guard.creates_per_cycle = 2;
    world.linked(1, "ada@x.test");
    world.moves(1, "lovelace@x.test");
    world.assigned(2, "two@x.test");
    world.assigned(3, "three@x.test");
    world.account("old", "three@x.test", AccountKind::Employee);
    assert_eq!(world.plan().0.changes.len(), 3, "as many as may");
    world.assigned(4, "four@x.test");
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "lovelace@x.test")]);
    assert_eq!(held(&plan), [(HoldKind::TooManyCreates, 3)]);
    assert!(plan.holds[0].message.starts_with("3 people"), "{:?}", plan.holds);
    // Those who wait do so without the others: who comes later is judged alone.
    let mut waiting: Vec<_> =
        plan.holds[0].items.iter().map(|item| (item.hash, HoldKind::TooManyCreates)).collect();
    waiting.sort();
    world.waiting = waiting;
    world.assigned(5, "five@x.test");
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "lovelace@x.test"), ("create", "five@x.test")]);
    assert_eq!(held(&plan), [(HoldKind::TooManyCreates, 3)]);
    world.approved = world.waiting.iter().map(|(hash, _)| *hash).collect();
    assert_eq!(world.plan().0.changes.len(), 5);
    // The first plan has an answer of its own.
    world.approved.clear();
    world.first_plan = true;
    assert!(world.plan().0.holds.is_empty());
}

#[test]
fn more_new_addresses_than_the_limit_wait_and_nothing_else_does() {
    let mut world = World::new();
    world.rules.guard.address_changes_per_cycle = 1;
    for (n, mail) in [(1, "ada@x.test"), (2, "bob@x.test"), (3, "cyd@x.test")] {
        world.linked(n, mail);
    }
    world.moves(2, "new@x.test");
    assert_eq!(actions(&world.plan().0), [("update", "new@x.test")], "as many as may");
    // Ada needs Bob's address, and has another name as well.
    world.users[0].attributes = AttributeRow::pack([Some("A"), Some("bob@x.test"), Some("L")]);
    world.moves(3, "cy@x.test");
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "ada@x.test")], "the name alone");
    assert_eq!(held(&plan), [(HoldKind::TooManyAddressChanges, 3)]);

    // Approved while the name is not done yet: exactly what was approved, and the name.
    world.approved = plan.holds[0].items.iter().map(|item| item.hash).collect();
    world.approved.sort();
    let (plan, _) = world.plan();
    assert!(plan.holds.is_empty(), "{:?}", plan.holds);
    let places: Vec<_> = plan.changes.iter().map(|change| change.place().1).collect();
    assert_eq!((actions(&plan).len(), places), (4, vec![0, 0, 0, 1]));
    // Without Bob's part, Ada cannot have hers.
    let bob = plan.changes.iter().find(|change| change.anchor == anchor(2)).expect("Bob's").hash;
    world.approved.retain(|hash| *hash != bob);
    world.rejected = vec![(bob, HoldKind::TooManyAddressChanges)];
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "ada@x.test"), ("update", "cy@x.test")]);
    let waits = [(HoldKind::SharedAccount, 1), (HoldKind::TooManyAddressChanges, 1)];
    assert_eq!(held(&plan), waits);
}
