//! Filters at work: what Entra's can say and what they cannot, in whole cycles.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sharefile_provisioner::clock::{Clock, JumpClock};
use sharefile_provisioner::cycle::saved::SavedPlan;
use sharefile_provisioner::cycle::{Asked, Tried};
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::views::NewPerson;
use uuid::Uuid;

use crate::world::{World, asked, held};

impl World {
    fn lets_in(&mut self, clauses: &str) {
        self.set("scope.filter", &format!("[{{ name = \"Test\", clauses = [{clauses}] }}]"));
    }

    fn joins_with(&self, name: &str, values: &[(&'static str, Value)]) -> Uuid {
        let mail = format!("{}@contoso.example", name.to_lowercase());
        let mut person = NewPerson::named(name, "Tester", &mail);
        for (attribute, value) in values {
            person = person.with(*attribute, value.clone());
        }
        let id = self.sandbox.entra.add_person(person).expect("a person");
        self.assign(id, "User");
        id
    }

    fn edits(&self, person: Uuid, patch: Value) {
        let patch = patch.as_object().expect("an object").clone();
        self.sandbox.entra.edit_person(person, &patch).expect("an edit");
    }

    fn can_sign_in(&self, names: &[&str]) -> Vec<bool> {
        names.iter().map(|name| !self.account(name).disabled).collect()
    }

    /// Lets time pass, for both clouds and the job.
    fn later(&self, days: u64) {
        self.clock.advance(Duration::from_secs(days * 86_400));
    }
}

fn day(world: &World, days: i64) -> Value {
    json!(world.clock.now().plus_ms(days * 86_400_000).to_string())
}

#[tokio::test]
async fn a_date_is_reached_without_any_change_at_the_source() {
    let mut world = World::empty().await;
    world.lets_in(
        "{ attribute = \"employeeHireDate\", operator = \"ON_OR_BEFORE\", value = \"now+7d\" }, \
         { attribute = \"employeeHireDate\", operator = \"AFTER\", value = \"now-60d\" }",
    );
    world.joins_with("Ada", &[("employeeHireDate", day(&world, 10))]);
    world.joins_with("Bob", &[("employeeHireDate", day(&world, -50))]);
    world.joins_with("Cyd", &[("employeeHireDate", day(&world, 90))]);
    world.joins_with("Dee", &[]);
    assert_eq!(world.did().await, (1, 0, 0), "Bob alone");
    world.later(2);
    assert_eq!(world.did().await, (0, 0, 0));
    world.later(1);
    assert_eq!(world.did().await, (1, 0, 0), "a week before the first day");
    assert_eq!(world.did().await, (0, 0, 0), "once");
    world.later(7);
    assert_eq!(world.did().await, (0, 0, 1), "Bob has been here for sixty days");
    assert_eq!(world.can_sign_in(&["Ada", "Bob"]), [true, false]);
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.sharefile_requests(), 0, "nobody is looked at for nothing");
}

/// Ada, who has been here for almost a month, Bob, who comes in ten days, and two who stay.
async fn about_a_month() -> World {
    let mut world = World::empty().await;
    world.lets_in(
        "{ attribute = \"employeeHireDate\", operator = \"AFTER\", value = \"now-30d\" }, \
         { attribute = \"employeeHireDate\", operator = \"ON_OR_BEFORE\", value = \"now\" }",
    );
    for (name, days) in [("Ada", -20), ("Bob", 10), ("Cyd", -1), ("Dee", -1)] {
        world.joins_with(name, &[("employeeHireDate", day(&world, days))]);
    }
    assert_eq!(world.did().await, (3, 0, 0));
    world
}

#[tokio::test]
async fn by_a_clock_that_is_wrong_nobody_comes_and_nobody_goes() {
    let world = about_a_month().await;
    let jumped = Arc::new(JumpClock::new(world.clock.now().plus_ms(15 * 86_400_000)));
    let waits = ["ada", "bob"].map(|name| (HoldKind::FilterUndecided, name.to_owned()));
    world.sandbox.counts.reset();
    for _ in 0..2 {
        let turned = world.cycle_by(jumped.clone()).await;
        assert_eq!(held(&turned), waits);
        let details = turned.holds[0].items.iter().map(|item| item.detail.as_str());
        let told = |detail: &str| detail.ends_with("which is over 5 minutes ahead of the source's");
        assert!(details.into_iter().all(told), "{:?}", turned.holds);
    }
    assert!(world.writes().is_empty());
    // Set right again, it tells the same as ever, and neither came too early nor is forgotten.
    assert_eq!(world.did().await, (0, 0, 0));
    assert!(held(&world.cycle().await).is_empty());
    world.later(11);
    assert_eq!(world.did().await, (1, 0, 1));
    assert_eq!(world.can_sign_in(&["Ada", "Bob", "Cyd"]), [false, true, true]);
}

#[tokio::test]
async fn a_crash_forgets_nobody_whose_time_has_come() {
    for kind in [FaultKind::StallBefore, FaultKind::StallAfter] {
        for method in ["PATCH", "POST"] {
            let mut world = about_a_month().await;
            world.set("sharefile.in_flight", "1");
            world.later(11);
            world.sandbox.counts.reset();
            let fault = Fault::new(kind).at("/sf/v3/Users").on(method).times(1);
            world.sandbox.faults.add(fault);
            world.crash_in_write().await;
            world.cycle().await;
            let done = (world.can_sign_in(&["Ada", "Bob", "Cyd"]), world.writes().len());
            assert_eq!(done, (vec![false, true, true], 2), "{kind:?} of {method}");
            assert_eq!(world.did().await, (0, 0, 0), "{kind:?} of {method}");
        }
    }
}

#[tokio::test]
async fn a_saved_plan_is_applied_with_those_whose_time_has_come() {
    let world = about_a_month().await;
    world.later(11);
    let plan = world.plan().await.plan.expect("a plan");
    let saved = SavedPlan::new(&plan, world.clock.now());
    assert_eq!(saved.changes.len(), 2);
    world.sandbox.counts.reset();
    let turned = world.turn(Asked { saved: Some(saved.clone()), ..asked() }).await;
    assert!(turned.refused.is_empty(), "{:?}", turned.refused);
    assert_eq!((turned.report.counts.created, turned.report.counts.disabled), (1, 1));
    assert_eq!(world.can_sign_in(&["Ada", "Bob", "Cyd"]), [false, true, true]);
    assert_eq!((world.did().await, world.writes().len()), ((0, 0, 0), 2));

    // Who is due since is not in it, and waits for the next cycle.
    let world = about_a_month().await;
    world.joins_with("Eve", &[("employeeHireDate", day(&world, -2))]);
    let saved = SavedPlan::new(&world.plan().await.plan.expect("a plan"), world.clock.now());
    assert_eq!(saved.changes.len(), 1);
    world.later(11);
    let turned = world.turn(Asked { saved: Some(saved), ..asked() }).await;
    assert_eq!((turned.report.counts.created, turned.report.counts.disabled), (1, 0));
    assert_eq!(world.did().await, (1, 0, 1), "Bob and Ada");
}

#[tokio::test]
async fn a_trial_is_made_as_of_the_clock_that_is_given() {
    let world = about_a_month().await;
    let tried = async || {
        let engine = world.engine();
        let tried = engine.try_rules(100).await.expect("a trial");
        engine.store.close().await.expect("a closed store");
        let Tried::Trial(trial) = tried else { panic!("{tried:?}") };
        (trial.looked_at, trial.tried)
    };
    assert_eq!(tried().await, (4, 3));
    world.later(40);
    assert_eq!(tried().await, (4, 0), "all have been here for long");
}

#[tokio::test]
async fn groups_are_asked_for_by_name_and_a_new_name_harms_nobody() {
    let mut world = World::empty().await;
    world.lets_in("{ operator = \"MEMBER OF\", value = \"Staff\" }");
    let [ada, bob, cyd] = ["Ada", "Bob", "Cyd"].map(|name| world.person(name));
    let staff = world.group("Staff", &[ada]);
    world.group("Everybody", &[ada, bob, cyd]);
    assert_eq!(world.did().await, (1, 0, 0));
    world.sandbox.entra.add_member(staff, bob).expect("a member");
    assert_eq!(world.did().await, (1, 0, 0));
    world.sandbox.entra.remove_member(staff, ada).expect("a member");
    assert_eq!(world.did().await, (0, 0, 1));
    assert_eq!(world.did().await, (0, 0, 0));

    let name = |text: &str| {
        let patch = json!({ "displayName": text });
        patch.as_object().expect("an object").clone()
    };
    world.sandbox.entra.edit_group(staff, &name("Crew")).expect("an edit");
    world.sandbox.counts.reset();
    let turned = world.cycle().await;
    assert_eq!(held(&turned), [(HoldKind::FilterUndecided, "bob".to_owned())]);
    assert!(world.writes().is_empty(), "Bob stays, and so does Ada: who is a member is not known");
    let detail = &turned.holds[0].items[0].detail;
    assert_eq!(detail, "no assigned group is \"Staff\"");
    world.sandbox.counts.reset();
    let turned = world.cycle().await;
    assert_eq!(held(&turned), [(HoldKind::FilterUndecided, "bob".to_owned())]);
    world.sandbox.entra.edit_group(staff, &name("staff")).expect("an edit");
    assert!(held(&world.cycle().await).is_empty());
    assert_eq!(world.sharefile_requests(), 0, "what they waited for is at the source");
}

#[tokio::test]
async fn guests_are_let_out_by_their_type_and_kept_if_the_rules_say_so() {
    let mut world = World::empty().await;
    world.lets_in("{ attribute = \"userType\", operator = \"not equals\", value = \"Guest\" }");
    world.set("scope.on_leave", "ignore");
    let ada = world.joins_with("Ada", &[]);
    world.joins_with("Guest", &[("userType", json!("Guest"))]);
    world.join("Stays");
    assert_eq!(world.did().await, (2, 0, 0));
    world.edits(ada, json!({ "userType": "Guest", "surname": "Other" }));
    let turned = world.cycle().await;
    assert_eq!(held(&turned), [(HoldKind::KeptAsIs, "ada".to_owned())]);
    let account = world.account("Ada");
    assert_eq!((account.last_name.as_str(), account.disabled), ("Tester", false));
    world.sandbox.counts.reset();
    let turned = world.cycle().await;
    assert_eq!(world.sharefile_requests(), 0);
    assert_eq!(held(&turned), [(HoldKind::KeptAsIs, "ada".to_owned())]);
    let ran = world.ran(&["holds"]).await;
    assert!(
        ran.text.contains("KeptAsIs") && ran.text.contains("filter `Test` wants"),
        "{}",
        ran.text
    );
    world.edits(ada, json!({ "userType": "Member" }));
    assert_eq!(world.did().await, (0, 1, 0), "let in again, and brought up to date");
    assert_eq!(world.account("Ada").last_name, "Other");
    world.set("scope.on_leave", "deprovision");
    world.edits(ada, json!({ "userType": "Guest" }));
    assert_eq!(world.did().await, (0, 0, 1));
}

#[tokio::test]
async fn of_all_assigned_groups_some_become_groups_and_all_give_accounts() {
    let mut world = World::with_groups().await;
    world.set(
        "groups.filter",
        "[{ clauses = [{ attribute = \"description\", operator = \"INCLUDES\", value = \"[share]\" }] }]",
    );
    world.set("groups.on_unassigned", "delete");
    world.set("guard.removals_per_day", "{ count = 50, percent = 100 }");
    let [ada, bob] = ["Ada", "Bob"].map(|name| world.person(name));
    let describe = |group: Uuid, text: &str| {
        let patch = json!({ "description": text });
        let patch = patch.as_object().expect("an object").clone();
        world.sandbox.entra.edit_group(group, &patch).expect("an edit");
    };
    let sales = world.group("Sales", &[ada]);
    describe(sales, "People who sell [share]");
    let shared = world.group("Shared", &[bob]);
    describe(shared, "[share]");
    world.group("Staff", &[ada, bob]);
    assert_eq!(world.did().await, (2, 0, 0));
    assert_eq!(world.groups().into_keys().collect::<Vec<_>>(), ["Sales", "Shared"]);
    describe(sales, "People who sell");
    assert_eq!(world.did().await, (0, 0, 0), "they keep their accounts");
    assert!(!world.groups().contains_key("Sales"), "as if it were assigned no longer");
    describe(sales, "[share]");
    world.cycle().await;
    assert_eq!(world.groups()["Sales"], ["ada"]);
}

#[tokio::test]
async fn members_of_nested_groups_come_through_the_group_above() {
    let mut world = World::empty().await;
    world.set("scope.nested_groups", "true");
    world.lets_in("{ operator = \"MEMBER OF\", value = \"Top\" }");
    let [ada, bob] = ["Ada", "Bob"].map(|name| world.person(name));
    let inner = sharefile_provisioner::sandbox::graph::views::NewGroup::named("Inner");
    let inner = world.sandbox.entra.add_group(inner).expect("a group");
    world.sandbox.entra.add_member(inner, ada).expect("a member");
    world.group("Top", &[inner]);
    world.group("Others", &[bob]);
    assert_eq!(world.did().await, (1, 0, 0));
    assert_eq!(world.can_sign_in(&["Ada"]), [true]);
}

#[tokio::test]
async fn missing_values_count_as_empty_texts_if_the_rules_say_so() {
    let mut world = World::empty().await;
    world
        .lets_in("{ attribute = \"department\", operator = \"NOT EQUALS\", value = \"External\" }");
    world.joins_with("Ada", &[("department", json!("Sales"))]);
    world.joins_with("Bob", &[("department", json!(null))]);
    world.joins_with("Cyd", &[("department", json!("External"))]);
    assert_eq!(world.did().await, (1, 0, 0), "as in Entra ID");
    world.set("scope.nulls", "empty");
    assert_eq!(world.did().await, (1, 0, 0));
    assert_eq!(world.can_sign_in(&["Ada", "Bob"]), [true, true]);
}

#[tokio::test]
async fn of_many_values_one_is_enough_unless_all_have_to_pass() {
    let mut world = World::empty().await;
    let clause = "attribute = \"otherMails\", operator = \"ENDS_WITH\", value = \"@contoso.com\"";
    world.lets_in(&format!("{{ {clause} }}"));
    let mails = |mails: &[&str]| [("otherMails", json!(mails))];
    let ada = world.joins_with("Ada", &mails(&["ada@contoso.com", "ada@home.example"]));
    world.joins_with("Bob", &mails(&["bob@contoso.com"]));
    world.joins_with("Cyd", &mails(&["cyd@home.example"]));
    world.joins_with("Dee", &mails(&[]));
    assert_eq!(world.did().await, (2, 0, 0));
    world.edits(ada, json!({ "otherMails": ["ada@home.example"] }));
    assert_eq!(world.did().await, (0, 0, 1));
    world.edits(ada, json!({ "otherMails": ["ada@home.example", "a@contoso.com"] }));
    assert_eq!(world.did().await, (0, 1, 0));
    world.lets_in(&format!("{{ {clause}, match = \"all\" }}"));
    assert_eq!(world.did().await, (0, 0, 1), "one of Ada's is another");
    assert_eq!(world.can_sign_in(&["Ada", "Bob"]), [false, true]);
}
