//! People who leave for good, in stages: dates, heirs, licensing, clocks, and their return.

use super::converge::apply;
use super::*;
use crate::model::leaving::{LeaveEvent, NextStage, Stage};
use crate::plan::rules::{Heirs, Later};

pub(super) const DAY: i64 = 86_400_000;
pub(super) const ARCHIVE: &str = "archive@x.test";

/// Returns a policy with a later stage, whose heir is the archive.
pub(super) fn staged(then: Stage, days: i64, stage: Stage) -> Policy {
    let later = Some(Later { after_ms: days * DAY, stage });
    Policy { later, ..strict(then) }
}

/// Returns a policy of one stage, whose heir is the archive.
pub(super) fn strict(then: Stage) -> Policy {
    let heirs = Heirs { items_to: "Archive@x.test".to_owned(), groups_to: ARCHIVE.to_owned() };
    Policy { then, later: None, heirs: Some(heirs) }
}

/// Ada, Bob and some more, and an archive that takes over.
pub(super) fn world(unassigned: Policy) -> World {
    let mut world = World::new();
    world.rules.deprovision.unassigned = unassigned;
    world.rules.guard.removals_per_cycle = Limit { count: 100, percent: 100 };
    world.rules.guard.removals_per_day = Limit { count: 100, percent: 100 };
    for (n, name) in [(1, "ada"), (2, "bob"), (3, "cy"), (4, "di"), (5, "eve")] {
        world.linked(n, &format!("{name}@x.test"));
    }
    world.account("archive", ARCHIVE, AccountKind::Employee);
    world
}

/// Plans, does what the plan says, and returns what that was.
pub(super) fn turn(world: &mut World) -> Vec<String> {
    let (plan, _) = world.plan();
    apply(world, &plan);
    let changes = plan.changes.iter().map(|change| {
        let reasons: Vec<String> = change.reasons.iter().map(Reason::sentence).collect();
        format!("{} {}: {}", change.action.word(), change.label, reasons.join("; "))
    });
    let held = plan.holds.iter().flat_map(|hold| {
        hold.items.iter().map(|item| format!("held {}: {}", hold.kind.name(), item.detail))
    });
    changes.chain(held).collect()
}

pub(super) fn next_of(world: &World, n: u128) -> Vec<(Stage, i64)> {
    let link = world.links.iter().find(|link| link.anchor == anchor(n)).expect("a link");
    let next = link.leaving.iter().flat_map(|leaving| &leaving.next);
    next.map(|next| (next.stage, (next.at.0 - NOW.0) / DAY)).collect()
}

pub(super) fn pass(world: &mut World, days: i64) {
    world.now = world.now.plus_ms(days * DAY);
}

#[test]
fn stages_follow_each_other_on_dates_that_stay() {
    let mut world = world(staged(Stage::Disable, 30, Stage::Delete));
    world.unassign(1);
    let why = "out of scope since 2026-09-21: unassigned; deleted on 2026-10-21";
    assert_eq!(turn(&mut world), [format!("disable ada@x.test: {why}")]);
    assert_eq!(next_of(&world, 1), [(Stage::Delete, 30)]);
    assert!(turn(&mut world).is_empty(), "the date is recorded");
    pass(&mut world, 29);
    assert!(turn(&mut world).is_empty());
    assert_eq!(next_of(&world, 1), [(Stage::Delete, 30)], "the date stays");
    // A clock that is set back delays.
    pass(&mut world, -300);
    world.clock_ahead_ms = Some(-300 * DAY);
    assert!(turn(&mut world).is_empty());
    pass(&mut world, 301);
    world.clock_ahead_ms = Some(0);
    let plan = world.plan().0;
    let change = &plan.changes[0];
    let heir = TargetId::new("archive");
    let expected = Write::Delete {
        target_id: TargetId::new("acc-1"),
        reassign_items_to: heir.clone(),
        reassign_groups_to: heir,
    };
    assert_eq!((&change.write, &change.link, change.place().0), (&expected, &LinkAfter::End, 2));
    let to: Vec<_> = change.modified.iter().map(|one| (one.name.as_str(), &one.new)).collect();
    let archive = Some("Archive@x.test".to_owned());
    let lower = Some(ARCHIVE.to_owned());
    assert_eq!(to, [("ReassignItemsTo", &archive), ("ReassignGroupsTo", &lower)]);
    assert_eq!(turn(&mut world), [format!("delete ada@x.test: {why}")]);
    assert!(world.links.iter().all(|link| link.anchor != anchor(1)));
    assert!(turn(&mut world).is_empty());
}

#[test]
fn a_downgrade_comes_after_the_disable_and_clients_stay_disabled() {
    let mut world = world(strict(Stage::Downgrade));
    world.unassign(1);
    world.unassign(2);
    for link in world.links.iter_mut().filter(|link| link.anchor == anchor(2)) {
        link.shadow.kind = AccountKind::Client;
    }
    world.accounts[1].kind = AccountKind::Client;
    let why = "out of scope: unassigned";
    assert_eq!(
        turn(&mut world),
        [format!("disable ada@x.test: {why}"), format!("disable bob@x.test: {why}")]
    );
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("stagedDelete", "ada@x.test")]);
    assert!(matches!(&plan.changes[0].write, Write::Downgrade { target_id, .. }
        if *target_id == TargetId::new("acc-1")));
    assert_eq!((plan.changes[0].modified[0].name.as_str(), plan.changes[0].place().0), ("Type", 2));
    apply(&mut world, &plan);
    assert_eq!(world.links[4].state, LinkState::Downgraded);
    assert!(turn(&mut world).is_empty(), "bob, a client, stays disabled");

    // Back again, the account is enabled by the job that disabled it.
    world.assign(1, CLIENT);
    let (plan, _) = world.plan();
    assert!(matches!(&plan.changes[0].write, Write::Update { enable: true, .. }));
    apply(&mut world, &plan);
    let ada = world.links.iter().find(|link| link.anchor == anchor(1)).expect("a link");
    assert_eq!((ada.state, &ada.leaving), (LinkState::Active, &None));
    assert!(turn(&mut world).is_empty());
}

#[test]
fn events_escalate_and_never_undo() {
    let mut world = world(staged(Stage::Disable, 30, Stage::Downgrade));
    world.rules.deprovision.soft_deleted = staged(Stage::Leave, 40, Stage::Delete);
    world.rules.deprovision.hard_deleted = staged(Stage::Disable, 5, Stage::Delete);
    world.unassign(1);
    assert_eq!(turn(&mut world).len(), 1);
    assert_eq!(next_of(&world, 1), [(Stage::Downgrade, 30)]);

    // In the bin, which is milder at once: its date is a later one, for more.
    pass(&mut world, 1);
    world.users[0].presence = Presence::SoftDeleted;
    let why = "out of scope since 2026-09-21: unassigned; downgraded on 2026-10-21";
    assert_eq!(turn(&mut world), [format!("other ada@x.test: {why}")]);
    assert_eq!(next_of(&world, 1), [(Stage::Downgrade, 30), (Stage::Delete, 41)]);
    assert!(turn(&mut world).is_empty());

    // Gone for good: the earlier date goes, for the deletion comes before it.
    world.users[0].presence = Presence::HardDeleted;
    let why = "out of scope since 2026-09-21: hard_deleted; deleted on 2026-09-27";
    assert_eq!(turn(&mut world), [format!("other ada@x.test: {why}")]);
    assert_eq!(next_of(&world, 1), [(Stage::Delete, 6)]);
    assert!(turn(&mut world).is_empty());

    // Back among the living, and still not assigned.
    world.users[0].presence = Presence::Present;
    assert_eq!(turn(&mut world), [format!("other ada@x.test: {why}")]);
    assert_eq!(next_of(&world, 1), [(Stage::Delete, 6)]);
    assert!(turn(&mut world).is_empty());
    pass(&mut world, 5);
    assert_eq!(turn(&mut world), [format!("delete ada@x.test: {why}")]);
}

#[test]
fn a_later_date_for_more_stands_beside_a_sooner_one_for_less() {
    let mut world = world(staged(Stage::Disable, 10, Stage::Downgrade));
    world.rules.deprovision.disabled = staged(Stage::Disable, 30, Stage::Delete);
    world.unassign(1);
    turn(&mut world);
    world.users[0].enabled = false;
    pass(&mut world, 1);
    assert_eq!(turn(&mut world).len(), 1);
    assert_eq!(next_of(&world, 1), [(Stage::Downgrade, 10), (Stage::Delete, 31)]);
    pass(&mut world, 9);
    assert_eq!(turn(&mut world).len(), 1);
    assert_eq!(next_of(&world, 1), [(Stage::Delete, 31)]);
    assert!(turn(&mut world).is_empty());
    pass(&mut world, 21);
    assert!(turn(&mut world)[0].starts_with("delete ada@x.test"));
}

#[test]
fn the_return_drops_the_dates_and_another_leave_makes_new_ones() {
    let mut world = world(staged(Stage::Leave, 3, Stage::Disable));
    world.unassign(1);
    let why = "out of scope since 2026-09-21: unassigned; disabled on 2026-09-24";
    assert_eq!(turn(&mut world), [format!("other ada@x.test: {why}")]);
    assert_eq!(world.links[4].state, LinkState::Active);
    pass(&mut world, 2);
    world.assign(1, STAFF);
    assert_eq!(turn(&mut world), ["other ada@x.test: in scope again"]);
    assert_eq!(next_of(&world, 1), []);
    pass(&mut world, 2);
    assert!(turn(&mut world).is_empty());
    world.unassign(1);
    turn(&mut world);
    assert_eq!(next_of(&world, 1), [(Stage::Disable, 7)]);
}

#[test]
fn a_return_that_is_held_drops_the_dates_as_well() {
    let mut world = world(staged(Stage::Disable, 3, Stage::Delete));
    world.unassign(1);
    turn(&mut world);
    world.assign(1, CLIENT);
    world.assign(1, OFFICE);
    world.accounts[0].detail = Detail::Reduced;
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("other", "ada@x.test")]);
    apply(&mut world, &plan);
    assert_eq!(next_of(&world, 1), []);
    assert_eq!(world.links[4].state, LinkState::Disabled);
    pass(&mut world, 2);
    world.unassign(1);
    turn(&mut world);
    assert_eq!(next_of(&world, 1), [(Stage::Delete, 5)], "from the second time on");
}

#[test]
fn what_the_rules_no_longer_say_is_dropped_and_what_they_newly_say_begins_now() {
    let mut world = world(Policy::default());
    world.unassign(1);
    assert_eq!(turn(&mut world), ["disable ada@x.test: out of scope: unassigned"]);
    assert!(turn(&mut world).is_empty());
    pass(&mut world, 100);
    world.rules.deprovision.unassigned = staged(Stage::Disable, 30, Stage::Delete);
    assert_eq!(turn(&mut world).len(), 1);
    assert_eq!(next_of(&world, 1), [(Stage::Delete, 130)]);
    // A shorter period is for those who leave from now on, a longer one for everybody.
    world.rules.deprovision.unassigned = staged(Stage::Disable, 1, Stage::Delete);
    assert!(turn(&mut world).is_empty());
    world.rules.deprovision.unassigned = staged(Stage::Disable, 365, Stage::Delete);
    let why = "out of scope since 2026-09-21: unassigned; deleted on 2027-12-30";
    assert_eq!(turn(&mut world), [format!("other ada@x.test: {why}")]);
    assert_eq!(next_of(&world, 1), [(Stage::Delete, 465)]);
    world.rules.deprovision.unassigned = staged(Stage::Disable, 30, Stage::Delete);
    assert!(turn(&mut world).is_empty(), "and what it was put off to stays");
    world.rules.deprovision.unassigned = Policy::default();
    assert_eq!(turn(&mut world), ["other ada@x.test: out of scope: unassigned"]);
    assert_eq!(next_of(&world, 1), []);
    pass(&mut world, 100);
    assert!(turn(&mut world).is_empty());
}

#[test]
fn a_clock_that_jumped_deletes_nobody() {
    let mut world = world(staged(Stage::Disable, 30, Stage::Delete));
    world.unassign(1);
    turn(&mut world);
    pass(&mut world, 400);
    world.clock_ahead_ms = Some(400 * DAY);
    let said = |how: &str| {
        [format!(
            "held ClockDoubtful: account acc-1 is to be deleted on 2026-10-21 by the clock of this \
             host, {how}"
        )]
    };
    assert_eq!(turn(&mut world), said("which is over 5 minutes ahead of the source's"));
    world.clock_ahead_ms = None;
    assert_eq!(turn(&mut world), said("and no answer of the source told the time"));
    world.clock_ahead_ms = Some(-300_001);
    assert_eq!(turn(&mut world), said("which is over 5 minutes behind the source's"));
    // What happens at once does not ask for the time. Its date is made by the clock that is ahead.
    world.unassign(2);
    world.clock_ahead_ms = Some(-20 * DAY);
    assert!(turn(&mut world)[0].starts_with("disable bob@x.test"));
    assert_eq!(next_of(&world, 2), [(Stage::Delete, 450)]);
    world.clock_ahead_ms = Some(300_000);
    assert!(turn(&mut world)[0].starts_with("delete ada@x.test"));
}

#[test]
fn nothing_goes_without_somebody_who_takes_over() {
    #[allow(clippy::type_complexity)]
    let arrange: [(fn(&mut World), &str); 5] = [
        (|w| w.accounts.retain(|one| one.address() != ARCHIVE), "has no account in ShareFile"),
        (|w| w.accounts[5].disabled = true, "is disabled"),
        (|w| w.accounts[5].kind = AccountKind::Client, "is no employee"),
        (|w| w.accounts[5].detail = Detail::Reduced, "shows only a reduced record"),
        (
            |w| {
                w.account("other", ARCHIVE, AccountKind::Employee);
            },
            "is the address of several accounts",
        ),
    ];
    for (arrange, why) in arrange {
        let mut world = world(strict(Stage::Delete));
        arrange(&mut world);
        world.unassign(1);
        let held = format!(
            "held NoHeir: account acc-1 is not deleted: Archive@x.test, who should take over, {why}"
        );
        // Until then nobody signs in with it.
        let disabled = "disable ada@x.test: out of scope: unassigned".to_owned();
        assert_eq!(turn(&mut world), [disabled, held.clone()], "{why}");
        assert_eq!(turn(&mut world), [held], "{why}");
        world.accounts.retain(|one| one.address() != ARCHIVE);
        world.account("archive", ARCHIVE, AccountKind::Employee);
        assert_eq!(actions(&world.plan().0), [("delete", "ada@x.test")], "{why}");
    }
}

#[test]
fn those_who_take_over_are_not_taken_away() {
    let mut world = world(strict(Stage::Delete));
    world.linked(9, ARCHIVE);
    world.accounts.retain(|one| one.id != TargetId::new("archive"));
    world.unassign(9);
    let (plan, _) = world.plan();
    assert_eq!(held(&plan), [(HoldKind::ProtectedRemoval, 1)]);
    assert!(plan.changes.is_empty());
    // By another address as well, which only the full record shows.
    world.links.last_mut().expect("a link").shadow.read_back = values("old@x.test", "A", "B");
    world.accounts[5].values = values("old@x.test", "A", "B");
    world.accounts[5].other_addresses = vec![ARCHIVE.to_owned()];
    assert_eq!(held(&world.plan().0), [(HoldKind::ProtectedRemoval, 1)]);
    // And yet they are changed like everybody else.
    world.assign(9, STAFF);
    world.links.last_mut().expect("a link").shadow.sent = values(ARCHIVE, "Old", "Name");
    assert_eq!(actions(&world.plan().0), [("update", ARCHIVE)]);
}

#[test]
fn strict_licensing_keeps_employees() {
    let mut world = world(staged(Stage::Disable, 1, Stage::Downgrade));
    world.employee_domains = vec!["X.test".to_owned()];
    world.unassign(1);
    turn(&mut world);
    pass(&mut world, 1);
    let why = "account acc-1 cannot become a client: x.test is a domain of employees only";
    assert_eq!(turn(&mut world), [format!("held MustStayEmployee: {why}")]);
    world.employee_domains = vec!["y.test".to_owned()];
    assert_eq!(actions(&world.plan().0), [("stagedDelete", "ada@x.test")]);
    world.accounts[0].other_addresses = vec!["ada@Y.TEST".to_owned()];
    let (plan, _) = world.plan();
    assert_eq!((held(&plan), plan.changes.len()), (vec![(HoldKind::MustStayEmployee, 1)], 0));
}

#[test]
fn an_account_that_somebody_enabled_again_is_not_deleted() {
    let mut world = world(staged(Stage::Disable, 1, Stage::Delete));
    world.unassign(1);
    turn(&mut world);
    world.accounts[0].disabled = false;
    pass(&mut world, 1);
    let (plan, _) = world.plan();
    assert_eq!((held(&plan), plan.changes.len()), (vec![(HoldKind::EnabledElsewhere, 1)], 0));
    world.accounts[0].disabled = true;
    assert_eq!(actions(&world.plan().0), [("delete", "ada@x.test")]);
}

#[test]
fn an_account_that_somebody_disabled_goes_its_way_and_is_not_enabled() {
    let mut world = world(staged(Stage::Disable, 1, Stage::Downgrade));
    world.accounts[0].disabled = true;
    world.unassign(1);
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("other", "ada@x.test")]);
    apply(&mut world, &plan);
    pass(&mut world, 1);
    assert_eq!(turn(&mut world).len(), 1);
    let ada = world.links.iter().find(|link| link.anchor == anchor(1)).expect("a link");
    assert_eq!((ada.state, ada.disabled_here()), (LinkState::Downgraded, false));
    world.assign(1, CLIENT);
    let (plan, _) = world.plan();
    assert!(plan.changes.iter().all(|change| change.write == Write::Nothing));
    assert_eq!(held(&plan), [(HoldKind::DisabledElsewhere, 1)]);
}

#[test]
fn a_deletion_frees_the_address_for_whoever_is_to_have_it() {
    let mut world = world(strict(Stage::Delete));
    world.unassign(1);
    world.moves(2, "ada@x.test");
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("delete", "ada@x.test"), ("update", "ada@x.test")]);
}

#[test]
fn a_change_that_waits_is_the_same_one_tomorrow() {
    let mut world = world(staged(Stage::Disable, 30, Stage::Delete));
    world.unassign(1);
    let today = world.plan().0.changes[0].hash;
    pass(&mut world, 1);
    assert_eq!(world.plan().0.changes[0].hash, today);
    world.rules.deprovision.unassigned = staged(Stage::Disable, 30, Stage::Downgrade);
    assert_ne!(world.plan().0.changes[0].hash, today);
}

#[test]
fn deletes_count_as_removals_but_leave_as_many_in_use() {
    let mut world = world(staged(Stage::Disable, 1, Stage::Delete));
    for n in 3..=5 {
        world.unassign(n);
    }
    assert_eq!(turn(&mut world).len(), 3);
    pass(&mut world, 1);
    // Two are in use, and three are deleted: that leaves as many.
    assert_eq!(world.plan().0.changes.len(), 3);
    world.rules.guard.removals_per_cycle.count = 2;
    assert_eq!(held(&world.plan().0), [(HoldKind::TooManyRemovals, 3)]);
}

#[test]
fn the_day_has_a_limit_and_counts_everybody_once() {
    let mut world = world(staged(Stage::Disable, 1, Stage::Delete));
    world.rules.guard.removals_per_day = Limit { count: 3, percent: 100 };
    world.unassign(1);
    world.removed_today = [70, 71].map(anchor).to_vec();
    assert_eq!(world.plan().0.changes.len(), 1);
    world.removed_today = [70, 71, 72].map(anchor).to_vec();
    let (plan, _) = world.plan();
    assert_eq!(held(&plan), [(HoldKind::TooManyRemovalsInDay, 1)]);
    let said = "1 of 5 accounts would be removed, after 3 within the last 24 hours; the limits of \
                a day are 3 and 100 percent.";
    assert_eq!(plan.holds[0].message, said);
    // Who is counted already goes on.
    world.removed_today = [1, 71, 72].map(anchor).to_vec();
    assert_eq!(world.plan().0.changes.len(), 1);
    // By percent: of those who were there a day ago.
    world.rules.guard.removals_per_day = Limit { count: 100, percent: 25 };
    world.removed_today = (70..76).map(anchor).collect();
    assert_eq!(held(&world.plan().0), [(HoldKind::TooManyRemovalsInDay, 1)]);
    world.active_a_day_ago = 28;
    assert_eq!(world.plan().0.changes.len(), 1);
    // A person's word goes before all limits.
    world.active_a_day_ago = 0;
    world.approved = vec![world.plan().0.holds[0].items[0].hash];
    assert_eq!(world.plan().0.changes.len(), 1);
}

#[test]
fn stages_that_come_no_sooner_than_stricter_ones_are_left_out() {
    let next = |event, stage, at| {
        let (at, from) = (Timestamp(at), Timestamp(0));
        NextStage { event, stage, at, from }
    };
    use LeaveEvent::{Disabled, Unassigned};
    let all = vec![
        next(Unassigned, Stage::Delete, 90),
        next(Disabled, Stage::Downgrade, 50),
        next(Disabled, Stage::Delete, 40),
        next(Unassigned, Stage::Disable, 40),
        next(Unassigned, Stage::Disable, 10),
    ];
    let kept = [next(Unassigned, Stage::Disable, 10), next(Disabled, Stage::Delete, 40)];
    assert_eq!(crate::plan::leave::without_idle(all), kept);
}
