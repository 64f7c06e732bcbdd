//! Leavers of whom the source tells something new, whose accounts somebody enabled by hand, or who
//! were back in between.

use super::converge::apply;
use super::leave::{ARCHIVE, DAY, next_of, pass, staged, strict, turn, world};
use super::*;
use crate::model::leaving::LeaveEvent::Inactive;
use crate::model::leaving::{LeaveEvent, Stage};

const ENABLED: &str =
    "held EnabledElsewhere: the person left (unassigned), but somebody else enabled account acc-1";

fn link_of(world: &World, n: u128) -> &Link {
    world.links.iter().find(|link| link.anchor == anchor(n)).expect("a link")
}

/// Ada, who left and was disabled, with her account in use again.
fn enabled_by_hand() -> World {
    let mut world = world(Policy::default());
    world.unassign(1);
    assert_eq!(turn(&mut world), ["disable ada@x.test: out of scope: unassigned"]);
    world.accounts[0].disabled = false;
    assert!(turn(&mut world).is_empty(), "nobody looks");
    world
}

#[test]
fn a_leavers_account_in_use_is_told_and_left_alone() {
    let mut world = enabled_by_hand();
    world.complete = true;
    for _ in 0..2 {
        let (plan, _) = world.plan();
        assert_eq!((plan.changes.len(), held(&plan)), (0, vec![(HoldKind::EnabledElsewhere, 1)]));
        let drift: Vec<_> = plan.drift.iter().map(|one| (&*one.attribute, &one.found)).collect();
        assert_eq!(drift, [("Disabled", &Some("False".to_owned()))]);
    }
    // What the store noted is not believed for ever: somebody may have disabled it again.
    world.complete = false;
    world.links.iter_mut().for_each(|link| link.shadow.disabled = false);
    assert_eq!(turn(&mut world), [ENABLED]);
    world.accounts[0].disabled = true;
    assert!(turn(&mut world).is_empty());
}

#[test]
fn a_leavers_account_in_use_is_put_right_if_the_rules_say_so() {
    let mut world = enabled_by_hand();
    world.complete = true;
    world.rules.drift.users = DriftWord::Repair;
    let why = "out of scope: unassigned; somebody else enabled the account";
    assert_eq!(turn(&mut world), [format!("disable ada@x.test: {why}")]);
    assert!(world.accounts[0].disabled && turn(&mut world).is_empty());
    // Who has the word for ignoring is told all the same, but it is no drift.
    world.rules.drift.users = DriftWord::Ignore;
    world.accounts[0].disabled = false;
    let (plan, _) = world.plan();
    assert_eq!((plan.drift.len(), held(&plan)), (0, vec![(HoldKind::EnabledElsewhere, 1)]));
    // Nobody touches it once it is protected.
    world.rules.drift.users = DriftWord::Repair;
    world.accounts[0].roles.push("AdminAccountPolicies".to_owned());
    assert_eq!(held(&world.plan().0), [(HoldKind::ProtectedRemoval, 1)]);
}

#[test]
fn news_of_the_source_disable_anew_whoever_enabled_it() {
    let mut world = enabled_by_hand();
    world.users[0].enabled = false;
    let why = "out of scope: disabled; somebody else enabled the account";
    assert_eq!(turn(&mut world), [format!("disable ada@x.test: {why}")]);
    assert!(turn(&mut world).is_empty());
    // The same event another time, after it was gone.
    world.users[0].enabled = true;
    assert_eq!(turn(&mut world), ["other ada@x.test: out of scope: unassigned"]);
    world.accounts[0].disabled = false;
    assert!(turn(&mut world).is_empty(), "no news");
    world.users[0].enabled = false;
    assert_eq!(turn(&mut world), [format!("disable ada@x.test: {why}")]);

    // Somebody else disabled it first; then the person left, and later it was enabled.
    world.accounts[1].disabled = true;
    world.unassign(2);
    assert_eq!(turn(&mut world).len(), 1);
    assert_eq!(link_of(&world, 2).state, LinkState::Released);
    world.accounts[1].disabled = false;
    world.users[1].presence = Presence::SoftDeleted;
    assert!(turn(&mut world)[0].starts_with("disable bob@x.test: out of scope: soft_deleted"));
    assert!(link_of(&world, 2).disabled_here());

    // What the policy leaves alone is no order.
    world.rules.deprovision.hard_deleted = Policy::of(Stage::Leave);
    world.accounts[1].disabled = false;
    world.users[1].presence = Presence::HardDeleted;
    assert_eq!(turn(&mut world), ["other bob@x.test: out of scope: unassigned"]);
    assert!(!world.accounts[1].disabled);
}

#[test]
fn a_deletion_by_news_disables_first() {
    let mut world = enabled_by_hand();
    world.rules.deprovision.hard_deleted = strict(Stage::Delete);
    world.users[0].presence = Presence::HardDeleted;
    assert!(turn(&mut world)[0].starts_with("disable ada@x.test"));
    assert!(turn(&mut world)[0].starts_with("delete ada@x.test"));
}

#[test]
fn an_account_that_cannot_be_read_is_asked_for_again() {
    let mut world = enabled_by_hand();
    world.users[0].enabled = false;
    world.accounts[0].detail = Detail::Reduced;
    let reduced = "held NotReadable: account acc-1 shows only a reduced record";
    assert_eq!(turn(&mut world), [reduced]);
    world.accounts[0].detail = Detail::Full;
    assert!(turn(&mut world)[0].starts_with("disable ada@x.test"), "still news");
}

#[test]
fn events_that_hold_together_each_have_a_date() {
    for unassigned_first in [true, false] {
        let mut world = world(staged(Stage::Leave, 30, Stage::Delete));
        if unassigned_first {
            world.unassign(1)
        } else {
            world.users[0].enabled = false
        }
        turn(&mut world);
        world.unassign(1);
        world.users[0].enabled = false;
        turn(&mut world);
        assert_eq!(next_of(&world, 1), [(Stage::Delete, 30)], "{unassigned_first}");
        assert_eq!(link_of(&world, 1).state, LinkState::Disabled);
        assert!(turn(&mut world).is_empty());
        pass(&mut world, 30);
        assert!(turn(&mut world)[0].starts_with("delete ada@x.test"));
    }
}

#[test]
fn nothing_of_before_counts_after_a_return_that_waits() {
    for withheld in [true, false] {
        let mut world = world(Policy::default());
        world.rules.deprovision.soft_deleted = staged(Stage::Disable, 5, Stage::Delete);
        world.rules.deprovision.hard_deleted = strict(Stage::Delete);
        world.users[0].presence = Presence::SoftDeleted;
        turn(&mut world);
        assert_eq!(next_of(&world, 1), [(Stage::Delete, 5)]);
        world.rules.deprovision.soft_deleted = strict(Stage::Delete);
        world.users[0].presence = Presence::Present;
        if withheld {
            // A person rejected that she is enabled.
            let hash = world.plan().0.changes[0].hash;
            world.rejected = vec![(hash, HoldKind::RulesChanged)];
        } else {
            world.rules.mappings[1].when_null = WhenNull::Clear;
            world.users[0].attributes = AttributeRow::pack([None, Some("ada@x.test"), Some("L")]);
        }
        assert_eq!(turn(&mut world)[0], "other ada@x.test: in scope again");
        assert!(link_of(&world, 1).disabled_here());
        let (again, _) = world.plan();
        assert_eq!((again.changes.len(), again.holds.len()), (0, 1));
        // Gone again, in the mildest way there is.
        world.unassign(1);
        pass(&mut world, 10);
        assert_eq!(turn(&mut world), ["other ada@x.test: out of scope: unassigned"]);
        assert_eq!((next_of(&world, 1).len(), world.accounts.len()), (0, 6));
        assert!(turn(&mut world).is_empty());
    }
}

#[test]
fn a_date_by_a_clock_that_was_ahead_comes_right_with_it() {
    let mut world = world(staged(Stage::Disable, 30, Stage::Delete));
    pass(&mut world, 400);
    world.clock_ahead_ms = Some(400 * DAY);
    world.unassign(1);
    turn(&mut world);
    assert_eq!(next_of(&world, 1), [(Stage::Delete, 430)]);
    assert!(turn(&mut world).is_empty());
    // Some days later somebody sets the clock.
    pass(&mut world, -395);
    world.clock_ahead_ms = Some(0);
    let why = "out of scope since 2026-09-26: unassigned; deleted on 2026-10-26";
    assert_eq!(turn(&mut world), [format!("other ada@x.test: {why}")]);
    assert_eq!(next_of(&world, 1), [(Stage::Delete, 35)]);
    assert!(turn(&mut world).is_empty());
}

#[test]
fn who_takes_over_is_read_in_full() {
    let mut world = world(strict(Stage::Delete));
    world.complete = true;
    world.unassign(1);
    let (plan, view) = world.plan();
    assert_eq!(actions(&plan), [("delete", "ada@x.test")]);
    let Lookup::Found(heirs) = view.by_address(ARCHIVE) else { panic!("the archive") };
    assert_eq!(heirs[0].account.detail, Detail::Full);
}

/// Ten people whose values the new rules rewrite, and Ada and Bob, who leave.
fn under_new_rules() -> World {
    let mut world = world(Policy::default());
    for n in 10..20 {
        let mail = format!("p{n}@x.test");
        world.linked(n, &mail);
        world.links.last_mut().expect("a link").shadow.sent = values(&mail, "Old", "Name");
    }
    world.rules.guard.removals_per_cycle = Limit { count: 5, percent: 100 };
    world.rules_changed = true;
    world
}

#[test]
fn new_rules_that_wait_keep_nobodys_access() {
    let mut world = under_new_rules();
    world.users[0].enabled = false;
    world.unassign(2);
    let (plan, _) = world.plan();
    // That Bob is not assigned may be the doing of the rules.
    assert_eq!(actions(&plan), [("disable", "ada@x.test")]);
    assert_eq!(held(&plan), [(HoldKind::RulesChanged, 11)]);
    apply(&mut world, &plan);
    let items = plan.holds[0].items.iter();
    world.waiting = items.map(|item| (item.hash, HoldKind::RulesChanged)).collect();
    world.waiting.sort();

    // From now on it is not.
    world.unassign(3);
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("disable", "cy@x.test")]);
    assert_eq!(held(&plan), [(HoldKind::RulesChanged, 11)]);
    // Within the usual limits, and never what cannot be undone.
    world.rules.deprovision.soft_deleted = strict(Stage::Delete);
    world.users[3].presence = Presence::SoftDeleted;
    let (plan, _) = world.plan();
    assert_eq!((actions(&plan).len(), held(&plan)), (1, vec![(HoldKind::RulesChanged, 12)]));
    world.rules.guard.removals_per_cycle.count = 3;
    (10..13).for_each(|n| world.unassign(n));
    let (plan, _) = world.plan();
    let waits = vec![(HoldKind::RulesChanged, 9), (HoldKind::TooManyRemovals, 4)];
    assert_eq!((actions(&plan).len(), held(&plan)), (0, waits));
}

#[test]
fn what_the_new_rules_make_of_those_who_left_before_waits_with_them() {
    let mut world = under_new_rules();
    world.rules_changed = false;
    world.rules.deprovision.disabled = Policy::of(Stage::Leave);
    for link in &mut world.links {
        link.shadow.sent = values(link.shadow.sent.get(0).unwrap_or(""), "Ada", "Lovelace");
    }
    world.users[0].enabled = false;
    assert_eq!(turn(&mut world), ["other ada@x.test: out of scope: disabled"]);
    assert!(link_of(&world, 1).left());
    assert_eq!(
        link_of(&world, 1).leaving.as_ref().map(|one| &*one.events),
        Some(&[LeaveEvent::Disabled][..])
    );
    for link in world.links.iter_mut().filter(|link| link.anchor >= anchor(10)) {
        link.shadow.sent = values(link.shadow.sent.get(0).unwrap_or(""), "Old", "Name");
    }
    world.rules_changed = true;
    world.rules.deprovision.disabled = Policy::default();
    assert_eq!(held(&world.plan().0), [(HoldKind::RulesChanged, 11)]);
}

/// Ada alone may not sign in, as an expression says.
fn taken_out_by_an_expression() -> World {
    let mut world = world(Policy::default());
    let text = r#"Switch([mail], "True", "ada@x.test", "False")"#;
    world.rules.active = Some(map::Expression::parse(text).expect("an expression"));
    world
}

const INACTIVE: &str = "disable ada@x.test: out of scope: inactive; \
    `Active = Switch([mail],\"True\",\"ada@x.test\",\"False\")` gives False";

#[test]
fn whoever_rejects_what_an_expression_says_does_not_reject_what_the_source_says() {
    let mut world = taken_out_by_an_expression();
    let (plan, _) = world.plan();
    world.rejected = vec![(plan.changes[0].hash, HoldKind::TooManyRemovals)];
    assert_eq!(held(&world.plan().0), [(HoldKind::TooManyRemovals, 1)]);
    world.users[0].enabled = false;
    assert_eq!(turn(&mut world), ["disable ada@x.test: out of scope: disabled"]);
}

#[test]
fn an_answer_to_what_rules_say_is_none_to_what_the_source_says() {
    let unassigned = "disable ada@x.test: out of scope: unassigned";
    for kind in [HoldKind::TooManyRemovals, HoldKind::RulesChanged] {
        let mut world = taken_out_by_an_expression();
        let (plan, _) = world.plan();
        world.rejected = vec![(plan.changes[0].hash, kind)];
        assert_eq!(held(&world.plan().0), [(kind, 1)]);
        world.unassign(1);
        assert_eq!(turn(&mut world), [unassigned]);
    }
    // Also where the policy for what the rules say is the stricter one.
    let mut world = taken_out_by_an_expression();
    world.rules.deprovision.disabled = strict(Stage::Delete);
    let (plan, _) = world.plan();
    world.rejected = vec![(plan.changes[0].hash, HoldKind::TooManyRemovals)];
    assert_eq!(held(&world.plan().0), [(HoldKind::TooManyRemovals, 1)]);
    world.unassign(1);
    let (plan, _) = world.plan();
    assert_eq!((held(&plan), actions(&plan)), (vec![], vec![("delete", "ada@x.test")]));
    // And where an account is deleted either way.
    let mut world = taken_out_by_an_expression();
    world.rules.deprovision.disabled = strict(Stage::Delete);
    world.rules.deprovision.unassigned = strict(Stage::Delete);
    let (plan, _) = world.plan();
    world.rejected = vec![(plan.changes[0].hash, HoldKind::TooManyRemovals)];
    world.unassign(1);
    let (plan, _) = world.plan();
    assert_eq!((held(&plan), actions(&plan)), (vec![], vec![("delete", "ada@x.test")]));
}

#[test]
fn what_the_source_says_of_somebody_inactive_is_news() {
    let mut world = taken_out_by_an_expression();
    assert_eq!(turn(&mut world), [INACTIVE]);
    assert_eq!(link_of(&world, 1).leaving.as_ref().map(|one| one.event), Some(Inactive));
    assert!(turn(&mut world).is_empty());
    // Somebody enables the account by hand; then the person is disabled in earnest.
    world.accounts[0].disabled = false;
    world.users[0].enabled = false;
    let again = "disable ada@x.test: out of scope: disabled; somebody else enabled the account";
    assert_eq!(turn(&mut world), [again]);
    assert!(world.accounts[0].disabled && turn(&mut world).is_empty());

    // A stricter policy of another event holds besides.
    let mut world = taken_out_by_an_expression();
    world.rules.deprovision.unassigned = strict(Stage::Delete);
    turn(&mut world);
    world.unassign(1);
    assert_eq!(turn(&mut world), ["delete ada@x.test: out of scope: unassigned"]);
}

#[test]
fn an_expression_is_a_rule_and_waits_with_the_other_rules() {
    let mut world = under_new_rules();
    world.rules.active = taken_out_by_an_expression().rules.active;
    let (plan, _) = world.plan();
    assert_eq!((actions(&plan).len(), held(&plan)), (0, vec![(HoldKind::RulesChanged, 11)]));
    // And while it waits, the source goes first.
    let items = plan.holds[0].items.iter();
    world.waiting = items.map(|item| (item.hash, HoldKind::RulesChanged)).collect();
    world.waiting.sort();
    world.users[0].enabled = false;
    assert_eq!(actions(&world.plan().0), [("disable", "ada@x.test")]);
}
