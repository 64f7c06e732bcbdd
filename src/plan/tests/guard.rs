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
