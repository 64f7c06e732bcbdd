//! People leave, in every way there is, and some come back.

use std::sync::Arc;
use std::time::Duration;

use sharefile_provisioner::clock::{Clock, JumpClock};
use sharefile_provisioner::model::account::LinkState;
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::sharefile::AccountKind;
use sharefile_provisioner::sandbox::sharefile::switches::{BulkFailure, Switches};
use sharefile_provisioner::store::Store;
use sharefile_provisioner::views;
use uuid::Uuid;

use super::NOTHING;
use crate::world::{World, asked, held};

pub(super) const DELETED: &str = "DELETE Users(ada)?completely=true&itemsReassignTo=archive\
                       &groupsReassignTo=archive";
pub(super) const ENABLED: &str = r#"PATCH Users(ada) {"Security":{"IsDisabled":false}}"#;

pub(super) fn disabled(name: &str) -> String {
    format!(r#"PATCH Users({name}) {{"Security":{{"IsDisabled":true}}}}"#)
}

/// A policy with later stages or without, whose heir is the archive.
pub(super) fn policy(text: &str) -> String {
    let to = "archive@contoso.example";
    format!("{{ {text}, reassign_items_to = \"{to}\", reassign_groups_to = \"{to}\" }}")
}

/// A company in step: Ada and nine others, assigned each for themselves, and an archive that is none
/// of ours. `policies` are those for leavers.
pub(super) async fn company(policies: &[(&str, &str)]) -> (World, Uuid) {
    let mut world = World::empty().await;
    for (event, policy) in policies {
        world.set(&format!("users.deprovision.{event}"), policy);
    }
    world.account_by_hand("Archive", AccountKind::Employee);
    let ada = world.join("Ada");
    for n in 0..9 {
        world.join(&format!("Stays{n}"));
    }
    assert_eq!(world.did().await, (10, 0, 0));
    (world, ada)
}

impl World {
    pub(super) fn pass_days(&self, days: u64) {
        self.clock.advance(Duration::from_secs(days * 86_400));
    }

    /// What the store remembers of a person's link.
    pub(super) async fn state_of(&self, person: Uuid) -> Option<LinkState> {
        let store = Store::read_only(&self.job().store).expect("the store");
        let links = store.links().await.expect("the links");
        links.into_iter().find(|link| link.anchor.0 == person).map(|link| link.state)
    }
}

#[tokio::test]
async fn whoever_leaves_is_disabled_whatever_the_way() {
    let world = World::empty().await;
    let [ada, bob, cy, dee, eve] =
        ["Ada", "Bob", "Cy", "Dee", "Eve"].map(|name| world.person(name));
    for person in [ada, cy, dee, eve] {
        world.assign(person, "User");
    }
    let group = world.group("Group", &[bob, world.person("Stays")]);
    let other = world.group("Other", &[bob]);
    for n in 0..6 {
        world.join(&format!("Stays{n}"));
    }
    assert_eq!(world.did().await, (12, 0, 0));
    let entra = &world.sandbox.entra;

    world.unassign(ada);
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    // In another group still: nothing happens.
    entra.remove_member(group, bob).expect("a member");
    assert_eq!(world.cycle_wrote().await, NOTHING);
    entra.remove_member(other, bob).expect("a member");
    assert_eq!(world.cycle_wrote().await, [disabled("bob")]);
    entra.set_enabled(cy, false).expect("an edit");
    assert_eq!(world.cycle_wrote().await, [disabled("cy")]);
    entra.soft_delete_person(dee).expect("a deletion");
    assert_eq!(world.cycle_wrote().await, [disabled("dee")]);
    entra.hard_delete_person(eve).expect("a deletion");
    assert_eq!(world.cycle_wrote().await, [disabled("eve")]);
    assert_eq!(world.cycle_wrote().await, NOTHING);

    // And back, those who can.
    entra.restore_person(dee).expect("a restoration");
    entra.set_enabled(cy, true).expect("an edit");
    entra.add_member(group, bob).expect("a group");
    world.assign(ada, "User");
    let enabled = |name: &str| disabled(name).replace("true", "false");
    assert_eq!(world.cycle_wrote().await, ["ada", "bob", "cy", "dee"].map(enabled));
}

#[tokio::test]
async fn an_expression_that_is_rejected_keeps_nobody_whom_entra_id_disables() {
    let (mut world, ada) = company(&[]).await;
    let attribute = |(target, source)| format!("{{ target = \"{target}\", source = '{source}' }}");
    let attributes = [
        ("Email", "[mail]"),
        ("FirstName", "[givenName]"),
        ("LastName", "[surname]"),
        ("Active", r#"IIF([department]="Leave", "False", "True")"#),
    ];
    world.set("users.attribute", &format!("[{}]", attributes.map(attribute).join(", ")));
    world.set("guard.removals_per_cycle.count", "0");
    assert_eq!(world.cycle_wrote().await, NOTHING);
    world.sandbox.entra.set_person(ada, "department", "Leave").expect("an edit");
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, NOTHING);
    assert_eq!(held(&turned), [(HoldKind::TooManyRemovals, "ada".to_owned())]);
    let ran = world.ran(&["reject", &turned.holds[0].id.to_string()]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    world.set("guard.removals_per_cycle.count", "50");
    assert_eq!(world.cycle_wrote().await, NOTHING);
    world.sandbox.entra.set_enabled(ada, false).expect("an edit");
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    // Back in Entra ID, the expression still says no; somebody enables the account meanwhile.
    world.sandbox.entra.set_enabled(ada, true).expect("an edit");
    assert_eq!(world.cycle_wrote().await, NOTHING);
    let id = world.account("Ada").id;
    world
        .sandbox
        .sharefile
        .edit_account(&id, serde_json::json!({ "disabled": false }))
        .expect("an edit");
    assert_eq!(world.cycle_wrote().await, NOTHING, "nobody looks");
    world.sandbox.entra.set_enabled(ada, false).expect("an edit");
    assert_eq!(world.cycle_wrote().await, [disabled("ada")], "a new order");
}

#[tokio::test]
async fn what_somebody_disabled_by_hand_is_never_enabled() {
    let (world, ada) = company(&[]).await;
    let sharefile = &world.sandbox.sharefile;
    let id = world.account("Ada").id;
    sharefile.edit_account(&id, serde_json::json!({ "disabled": true })).expect("an edit");
    world.unassign(ada);
    assert_eq!(world.cycle_wrote().await, NOTHING);
    assert_eq!(world.state_of(ada).await, Some(LinkState::Released));
    world.assign(ada, "User");
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, NOTHING);
    assert_eq!(held(&turned), [(HoldKind::DisabledElsewhere, "ada".to_owned())]);
}

#[tokio::test]
async fn dates_outlive_restarts_and_clocks_that_jump() {
    let later = policy("then = \"disable\", after = \"30d\", next = \"delete\"");
    let (world, ada) = company(&[("unassigned", &later)]).await;
    world.unassign(ada);
    let plan =
        views::plan::text(&world.plan().await.plan.expect("a plan"), &[], views::Look::default());
    let why = "out of scope since 2026-09-21: unassigned; deleted on 2026-10-21";
    assert!(plan.contains(why), "{plan}");
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    let status = world.ran(&["status"]).await;
    let said = "Leavers       1 deleted on 2026-10-21 (ada@contoso.example)\n";
    assert!(status.text.contains(said), "{}", status.text);
    let plan = world.ran(&["plan"]).await;
    let said = "  ada@contoso.example: deleted on 2026-10-21; out of scope since 2026-09-21: \
                unassigned\n";
    assert!(plan.text.contains(said), "{}", plan.text);
    let status = world.ran(&["status", "--json"]).await;
    let status: serde_json::Value = serde_json::from_str(&status.text).expect("JSON");
    let names = ["ada@contoso.example"];
    let day =
        serde_json::json!({ "day": "2026-10-21", "stage": "delete", "people": 1, "names": names });
    assert_eq!(status["leavers"]["next"], serde_json::json!([day]));
    assert_eq!(status["leavers"]["people"][0]["label"], names[0]);

    world.pass_days(29);
    assert_eq!(world.cycle_wrote().await, NOTHING);
    // The clock of this host jumps a year ahead, and the one of Entra ID does not.
    let jumped = Arc::new(JumpClock::new(world.clock.now().plus_ms(365 * 86_400_000)));
    for _ in 0..2 {
        let turned = world.cycle_by(jumped.clone()).await;
        assert_eq!(turned.report.counts.deleted, 0);
        assert_eq!(held(&turned), [(HoldKind::ClockDoubtful, "ada".to_owned())]);
    }
    // It is set back too far, and then right.
    let jumped = Arc::new(JumpClock::new(world.clock.now().plus_ms(-365 * 86_400_000)));
    assert!(held(&world.cycle_by(jumped).await).is_empty());
    assert_eq!(world.cycle_wrote().await, NOTHING);
    world.pass_days(1);
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, [DELETED]);
    assert_eq!((turned.report.counts.deleted, turned.report.counts.failed), (1, 0));
    assert_eq!(world.state_of(ada).await, None);
    assert!(world.sandbox.sharefile.account_of("ada@contoso.example").is_none());
    assert_eq!(world.cycle_wrote().await, NOTHING);

    // Back after the deletion: created anew.
    world.assign(ada, "User");
    let created = r#"POST Users/AccountUser {"Email":"ada@contoso.example","FirstName":"Ada","LastName":"Tester"}"#;
    assert_eq!(world.cycle_wrote().await, [created]);
    assert_eq!(world.cycle_wrote().await, NOTHING);
}

#[tokio::test]
async fn who_comes_back_before_the_next_stage_stays() {
    let later = policy("then = \"disable\", after = \"30d\", next = \"delete\"");
    let (world, ada) = company(&[("unassigned", &later)]).await;
    world.unassign(ada);
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    world.pass_days(29);
    world.assign(ada, "User");
    assert_eq!(world.cycle_wrote().await, [ENABLED]);
    world.pass_days(2);
    assert_eq!(world.cycle_wrote().await, NOTHING);
    // The next time counts from then.
    world.unassign(ada);
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    world.pass_days(29);
    assert_eq!(world.cycle_wrote().await, NOTHING);
    world.pass_days(1);
    assert_eq!(world.cycle_wrote().await, [DELETED]);
}

#[tokio::test]
async fn later_events_escalate_also_after_an_unassignment() {
    let soon = policy("then = \"disable\", after = \"5d\", next = \"delete\"");
    let now = policy("then = \"delete\"");
    let (world, ada) = company(&[("soft_deleted", &soon), ("hard_deleted", &now)]).await;
    world.unassign(ada);
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    world.pass_days(3);
    world.sandbox.entra.soft_delete_person(ada).expect("a deletion");
    assert_eq!(world.cycle_wrote().await, NOTHING);
    world.pass_days(3);
    assert_eq!(world.cycle_wrote().await, NOTHING);
    world.sandbox.entra.hard_delete_person(ada).expect("a deletion");
    assert_eq!(world.cycle_wrote().await, [DELETED]);
    assert_eq!(world.cycle_wrote().await, NOTHING);
    assert_eq!(world.full().await.report.counts.done(), 0);
}

#[tokio::test]
async fn nobody_is_deleted_without_those_who_take_over() {
    let now = policy("then = \"delete\"");
    let (world, ada) = company(&[("unassigned", &now)]).await;
    let sharefile = &world.sandbox.sharefile;
    let archive = world.account("Archive").id;
    let disable = |disabled: bool| {
        let patch = serde_json::json!({ "disabled": disabled });
        sharefile.edit_account(&archive, patch).expect("an edit");
    };
    disable(true);
    world.unassign(ada);
    let waits = [(HoldKind::NoHeir, "ada".to_owned())];
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!((wrote, held(&turned)), (vec![disabled("ada")], waits.to_vec()));
    // It is not asked for again in each cycle.
    world.sandbox.counts.reset();
    world.cycle().await;
    world.sandbox.counts.reset();
    let again = world.cycle().await;
    assert_eq!((world.sharefile_requests(), held(&again)), (0, waits.to_vec()));
    world.clock.advance(Duration::from_secs(3_600));
    assert!(sharefile.remove_account(&archive));
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!((wrote, held(&turned)), (Vec::new(), waits.to_vec()));
    let said = &turned.holds[0].items[0].detail;
    let words = "is not deleted: archive@contoso.example, who should take over, has no account in \
                 ShareFile";
    assert!(said.ends_with(words), "{said}");

    world.account_by_hand("Archive", AccountKind::Employee);
    world.clock.advance(Duration::from_secs(3_600));
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote.len(), 1, "{wrote:?}");
    assert!(wrote[0].starts_with("DELETE Users(ada)?completely=true&itemsReassignTo="));
    assert!(held(&turned).is_empty());
}

#[tokio::test]
async fn whoever_takes_over_is_not_taken_away() {
    let later = policy("then = \"disable\", after = \"30d\", next = \"delete\"");
    let (world, _) = company(&[("unassigned", &later)]).await;
    // The archive is a person of the company, and leaves.
    let archive = world.join("Archive");
    world.cycle().await;
    world.unassign(archive);
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, NOTHING);
    assert_eq!(held(&turned), [(HoldKind::ProtectedRemoval, "archive".to_owned())]);
    assert!(!world.account("Archive").disabled);
}

#[tokio::test]
async fn employees_are_downgraded_together_and_come_back() {
    let later = policy("then = \"disable\", after = \"10d\", next = \"downgrade\"");
    let (world, ada) = company(&[("unassigned", &later)]).await;
    let bob = world.join("Bob");
    let kim = world.person("Kim");
    world.assign(kim, "Client");
    world.cycle().await;
    for person in [ada, bob, kim] {
        world.unassign(person);
    }
    assert_eq!(world.cycle_wrote().await, ["ada", "bob", "kim"].map(disabled));
    world.pass_days(10);
    let downgraded = r#"POST Users/Employees/Downgrade {"ReassignGroupsToId":"archive","ReassignItemsToId":"archive","UserIds":["ada","bob"]}"#;
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, [downgraded]);
    assert_eq!(turned.report.counts.deleted, 2);
    let account = world.account("Ada");
    assert_eq!((account.kind, account.disabled), (AccountKind::Client, true));
    assert_eq!(world.state_of(ada).await, Some(LinkState::Downgraded));
    assert_eq!(world.state_of(kim).await, Some(LinkState::Disabled));
    assert_eq!(world.cycle_wrote().await, NOTHING);

    // Back as an employee, and as a client.
    world.assign(ada, "User");
    world.assign(bob, "Client");
    let promoted =
        r#"PATCH Users/AccountUser(ada) {"IsEmployee":true,"Security":{"IsDisabled":false}}"#;
    let enabled = ENABLED.replace("ada", "bob");
    assert_eq!(world.cycle_wrote().await, [enabled.as_str(), promoted]);
    assert_eq!(world.state_of(ada).await, Some(LinkState::Active));
    assert_eq!(world.state_of(bob).await, Some(LinkState::Active));
    let kind = |name: &str| world.account(name).kind;
    assert_eq!((kind("Ada"), kind("Bob")), (AccountKind::Employee, AccountKind::Client));
    assert_eq!(world.cycle_wrote().await, NOTHING);
}

#[tokio::test]
async fn one_account_that_cannot_be_downgraded_stops_only_itself() {
    for failure in [BulkFailure::Refuse, BulkFailure::Stop, BulkFailure::Skip] {
        let later = policy("then = \"disable\", after = \"10d\", next = \"downgrade\"");
        let (world, ada) = company(&[("unassigned", &later)]).await;
        let sharefile = &world.sandbox.sharefile;
        let switches = Switches { bulk_failure: failure, ..Switches::default() };
        sharefile.set_switches(switches);
        let leavers = ["Bob", "Cy", "Dee"].map(|name| world.join(name));
        world.cycle().await;
        world.unassign(ada);
        leavers.into_iter().for_each(|person| world.unassign(person));
        world.cycle().await;
        // The rule comes right after this process has read what the tenant's rules are.
        world.clock.advance(Duration::from_secs(10 * 86_400 - 60));
        let engine = world.engine();
        let turn = async || engine.turn(asked()).await.expect("a cycle");
        world.join("Eve");
        assert_eq!(turn().await.report.counts.created, 1);
        sharefile.set_employee_domains(vec!["staff.example".to_owned()]);
        let further = serde_json::json!({ "other_addresses": ["bob@staff.example"] });
        sharefile.edit_account(&world.account("Bob").id, further).expect("an edit");
        world.clock.advance(Duration::from_secs(120));
        let counts = turn().await.report.counts;
        assert_eq!((counts.deleted, counts.failed), (3, 1), "{failure:?}: {counts:?}");
        let kind = |name: &str| world.account(name).kind;
        assert_eq!(["Ada", "Cy", "Dee"].map(kind), [AccountKind::Client; 3], "{failure:?}");
        assert_eq!(kind("Bob"), AccountKind::Employee);
        // Once the rule is known, it is told.
        world.clock.advance(Duration::from_secs(900));
        let turned = turn().await;
        assert_eq!(turned.report.counts.failed, 0);
        assert_eq!(held(&turned), [(HoldKind::MustStayEmployee, "bob".to_owned())]);
        engine.store.close().await.expect("a closed store");
    }
}

#[tokio::test]
async fn strict_licensing_holds_a_downgrade() {
    let now = policy("then = \"downgrade\"");
    let (world, ada) = company(&[("unassigned", &now)]).await;
    world.sandbox.sharefile.set_employee_domains(vec!["contoso.example".to_owned()]);
    // Whom the tenant names, and which rules it has, is read again after a while.
    world.clock.advance(Duration::from_secs(3_600));
    world.unassign(ada);
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, NOTHING);
    assert_eq!(held(&turned), [(HoldKind::MustStayEmployee, "ada".to_owned())]);
    assert_eq!(world.account("Ada").kind, AccountKind::Employee);
}

#[tokio::test]
async fn an_account_deleted_by_hand_is_dropped_and_its_person_goes_on() {
    let later = policy("then = \"disable\", after = \"30d\", next = \"delete\"");
    let (world, ada) = company(&[("unassigned", &later)]).await;
    let sharefile = &world.sandbox.sharefile;
    let gone = |name: &str| assert!(sharefile.remove_account(&world.account(name).id));
    // One who left, one who did not, and one who has another account now.
    world.unassign(ada);
    world.cycle().await;
    ["Ada", "Stays0", "Stays1"].into_iter().for_each(gone);
    let other = world.account_by_hand("Stays1", AccountKind::Employee);
    let turned = world.full().await;
    let counts = turned.report.counts;
    assert_eq!((counts.created, counts.unlinked, counts.deleted), (1, 1, 0), "{counts:?}");
    assert_eq!(world.state_of(ada).await, None);
    assert!(!world.account("Stays0").disabled);
    let stays1 = world.sandbox.entra.person("stays1@contoso.example").expect("a person").id;
    assert_eq!(world.state_of(stays1).await, Some(LinkState::Active));
    assert_eq!(world.account("Stays1").id, other);
    world.pass_days(40);
    assert_eq!(world.full().await.report.counts.done(), 0);
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_a_crash_is_settled() {
    for stage in ["delete", "downgrade"] {
        let later = policy(&format!("then = \"disable\", after = \"10d\", next = \"{stage}\""));
        let (world, ada) = company(&[("unassigned", &later)]).await;
        let method = if stage == "delete" { "DELETE" } else { "POST" };
        let bob = world.join("Bob");
        world.cycle().await;
        world.unassign(ada);
        world.cycle().await;
        world.pass_days(10);
        let fault = Fault::new(FaultKind::DropAfter).at("/sf/v3/Users").on(method).times(1);
        world.sandbox.faults.add(fault);
        let (wrote, turned) = world.cycle_told().await;
        assert_eq!((wrote.len(), turned.report.counts.deleted), (1, 1), "{stage}: {wrote:?}");
        assert!(turned.holds.is_empty() && turned.report.counts.failed == 0);

        // The same with a process that does not live to see the answer.
        world.unassign(bob);
        world.cycle().await;
        world.pass_days(10);
        let fault = Fault::new(FaultKind::StallAfter).at("/sf/v3/Users").on(method).times(1);
        world.sandbox.faults.add(fault);
        world.sandbox.counts.reset();
        world.crash_in_write().await;
        assert_eq!(world.writes().len(), 1);
        let turned = world.cycle().await;
        assert_eq!((world.writes().len(), turned.report.counts.failed), (1, 0), "{stage}");
        assert_eq!(turned.report.notes.len(), 1, "{:?}", turned.report.notes);
        let expected = (stage == "downgrade").then_some(LinkState::Downgraded);
        assert_eq!(world.state_of(bob).await, expected);
        assert_eq!(world.full().await.report.counts.done(), 0);
    }
}

#[tokio::test]
async fn the_limit_of_a_day_counts_what_a_crashed_process_did() {
    let (mut world, ada) = company(&[]).await;
    world.set("guard.removals_per_day", "{ count = 3, percent = 100 }");
    let person = |n: usize| {
        let mail = format!("stays{n}@contoso.example");
        world.sandbox.entra.person(&mail).expect("a person").id
    };
    world.unassign(ada);
    // Another limit is another set of rules.
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    world.unassign(person(0));
    world.unassign(person(1));
    let fault = Fault::new(FaultKind::StallAfter).on("PATCH").after(1).times(1);
    world.sandbox.faults.add(fault);
    world.crash_in_write().await;
    // Three are gone: one as ever, two by a process that did not note at least one of them.
    world.unassign(person(2));
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, NOTHING);
    assert_eq!(held(&turned), [(HoldKind::TooManyRemovalsInDay, "stays2".to_owned())]);
    let said = "1 of 7 accounts would be removed, after 3 within the last 24 hours; the limits of \
                a day are 3 and 100 percent.";
    assert_eq!(turned.holds[0].message, said);

    // A day later it goes by itself.
    world.clock.advance(Duration::from_secs(86_400 + 60));
    assert_eq!(world.cycle_wrote().await, [disabled("stays2")]);
}

#[tokio::test]
async fn what_a_person_approves_does_not_count_for_the_day() {
    let (mut world, ada) = company(&[]).await;
    world.set("guard.removals_per_day", "{ count = 1, percent = 100 }");
    let person = |n: usize| {
        let mail = format!("stays{n}@contoso.example");
        world.sandbox.entra.person(&mail).expect("a person").id
    };
    world.unassign(ada);
    world.unassign(person(0));
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.disabled, held(&turned).len()), (0, 2));
    let approve = sharefile_provisioner::cycle::Asked { approve: true, ..asked() };
    assert_eq!(world.turn(approve).await.report.counts.disabled, 2);
    world.unassign(person(1));
    assert_eq!(world.cycle_wrote().await, [disabled("stays1")]);
    world.unassign(person(2));
    assert_eq!(held(&world.cycle().await).len(), 1);
}
