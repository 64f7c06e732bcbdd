//! What others change in ShareFile is told once, put right, or left alone.

use std::time::Duration;

use serde_json::json;
use sharefile_provisioner::clock::Clock;
use sharefile_provisioner::cycle::{Asked, Turned};
use sharefile_provisioner::model::outcome::LogEntry;
use sharefile_provisioner::model::plan::{CycleKind, HoldKind};
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::sharefile::GroupView;
use sharefile_provisioner::store::Answer;
use uuid::Uuid;

use crate::groups::ROLES;
use crate::world::{World, asked, held};

const DAY: Duration = Duration::from_secs(86_400);

impl World {
    fn overwrite(&self, name: &str, patch: serde_json::Value) {
        let id = self.account(name).id;
        self.sandbox.sharefile.edit_account(&id, patch).expect("an edit");
    }

    /// A day later, by the schedule.
    async fn next_day(&self) -> Turned {
        self.clock.advance(DAY);
        self.sandbox.counts.reset();
        self.cycle().await
    }

    async fn drift_entries(&self) -> Vec<LogEntry> {
        let mut entries = self.entries().await;
        entries.retain(|entry| entry.error.as_ref().is_some_and(|error| error.code == "Drift"));
        entries
    }
}

/// Ada and Bob in the group Sales, all in step.
async fn sales() -> World {
    sales_and_ada().await.0
}

/// The same, with Ada.
async fn sales_and_ada() -> (World, Uuid) {
    let mut world = World::empty().await;
    world.sandbox.sharefile.set_service_roles(&ROLES);
    world.set("groups.enabled", "true");
    world.set("schedule.full", "never");
    let [ada, bob] = ["Ada", "Bob"].map(|name| world.person(name));
    world.group("Sales", &[ada, bob]);
    world.cycle().await;
    // The read that follows an initial one.
    world.clock.advance(Duration::from_secs(4_000));
    world.cycle().await;
    (world, ada)
}

#[tokio::test]
async fn what_others_changed_is_told_once_and_stays() {
    let world = sales().await;
    world.overwrite("Ada", json!({ "first_name": "Countess" }));
    let id = world
        .sandbox
        .sharefile
        .groups()
        .into_iter()
        .find(|one| one.name == "Sales")
        .expect("made")
        .id;
    let stranger = world.account("Bob").id;
    let patch = json!({ "name": "Vertrieb", "members": [stranger] });
    world.sandbox.sharefile.edit_group(&id, patch).expect("an edit");

    let turned = world.next_day().await;
    assert_eq!(turned.report.kind, CycleKind::Drift);
    assert_eq!(turned.report.counts.drift, 3);
    let mut told: Vec<String> = world
        .drift_entries()
        .await
        .iter()
        .flat_map(|entry| &entry.modified)
        .map(|one| format!("{} {:?} {:?}", one.name, one.old.as_deref(), one.new.as_deref()))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "FirstName Some(\"Ada\") Some(\"Countess\")",
            "Member Some(\"ada@contoso.example\") None",
            "Name Some(\"Sales\") Some(\"Vertrieb\")",
        ]
    );
    assert!(world.writes().is_empty());
    // Told once, for as long as it is there.
    assert_eq!(world.next_day().await.report.counts.drift, 0);
    assert_eq!(world.drift_entries().await.len(), 3);
    world.overwrite("Ada", json!({ "first_name": "Ada" }));
    world.next_day().await;
    world.overwrite("Ada", json!({ "first_name": "Countess" }));
    assert_eq!(world.next_day().await.report.counts.drift, 1);
    // `plan --full` shows all of it, and writes nothing.
    let plan = world.plan_of_everything().await;
    assert_eq!(plan.plan.expect("a plan").drift.len(), 3);
    // Between two days nothing is asked, and once the next one has come, a plan says what it leaves
    // out.
    assert_eq!(world.plan().await.report.notes, Vec::<String>::new());
    world.clock.advance(DAY);
    let notes = world.plan().await.report.notes;
    assert!(notes.iter().any(|note| note.contains("`plan --full` shows")), "{notes:?}");
    assert_eq!(world.cycle().await.report.kind, CycleKind::Drift);
    world.sandbox.counts.reset();
    world.cycle().await;
    assert_eq!(world.sharefile_requests(), 0);
}

#[tokio::test]
async fn what_others_changed_is_put_right_if_the_rules_say_so() {
    let mut world = sales().await;
    world.set("drift", "{ users = \"repair\", attributes = { LastName = \"ignore\" }, groups = \"repair\", members = \"repair\" }");
    world.set("groups.extra_members", "remove");
    world.cycle().await;
    let mallory = world.join("Mallory");
    world.cycle().await;
    let _ = mallory;
    let stranger = world.account("Mallory").id;
    let bob = world.account("Bob").id;
    world.overwrite("Ada", json!({ "first_name": "Countess", "last_name": "King" }));
    let id = world
        .sandbox
        .sharefile
        .groups()
        .into_iter()
        .find(|one| one.name == "Sales")
        .expect("made")
        .id;
    let patch = json!({ "name": "Vertrieb", "members": [bob, stranger] });
    world.sandbox.sharefile.edit_group(&id, patch).expect("an edit");
    let turned = world.next_day().await;
    assert_eq!(turned.report.counts.drift, 0, "{:?}", world.drift_entries().await);
    assert_eq!(world.account("Ada").first_name, "Ada");
    assert_eq!(world.account("Ada").last_name, "King");
    let group = world.sandbox.sharefile.group(&id).expect("there");
    let mut members = group.members;
    members.sort();
    let mut expected = vec![world.account("Ada").id, bob];
    expected.sort();
    assert_eq!((group.name.as_str(), members), ("Sales", expected));
    assert!(world.next_day().await.plan.expect("a plan").is_empty());
    assert!(world.writes().is_empty());
}

#[tokio::test]
async fn members_of_many_groups_are_read_a_part_in_each_cycle() {
    let mut world = World::empty().await;
    world.sandbox.sharefile.set_service_roles(&ROLES);
    world.set("groups.enabled", "true");
    world.set("schedule.full", "never");
    let ada = world.person("Ada");
    for n in 0..60 {
        world.group(&format!("Group {n}"), &[ada]);
    }
    world.cycle().await;
    world.clock.advance(Duration::from_secs(4_000));
    world.cycle().await;
    world.cycle().await;
    let lists = |world: &World| world.asked("GET /sf/v3/Groups(");
    world.next_day().await;
    let first = lists(&world);
    world.sandbox.counts.reset();
    world.cycle().await;
    let second = lists(&world);
    world.sandbox.counts.reset();
    world.cycle().await;
    // The Super User Group is read with the account, once.
    assert_eq!((first, second, lists(&world)), (51, 10, 0));
    assert_eq!(world.sharefile_requests(), 0);
}

/// What was told is what it was told to be for as long as it is there, whatever else is written, and
/// is not told again because nobody could look one day.
#[tokio::test]
async fn what_was_told_stays_known() {
    let (world, ada) = sales_and_ada().await;
    world.overwrite("Ada", json!({ "first_name": "Countess" }));
    assert_eq!(world.next_day().await.report.counts.drift, 1);
    world.sandbox.entra.set_person(ada, "surname", "King").expect("an edit");
    assert_eq!(world.cycle().await.report.counts.updated, 1);
    assert_eq!(world.next_day().await.report.counts.drift, 0);
    let plan = world.plan_of_everything().await.plan.expect("a plan");
    let known: Vec<_> = plan.drift.iter().map(|one| one.found.as_deref()).collect();
    assert_eq!(known, [Some("Countess")]);
    let status = world.ran(&["status"]).await;
    assert!(status.text.contains("1 difference that others made"), "{}", status.text);
    // A list that shows nothing but ids is no list of empty values.
    let nulls = Fault::new(FaultKind::Nulls).at("GET /sf/v3/Accounts/Employees");
    world.sandbox.faults.add(nulls);
    let turned = world.next_day().await;
    assert_eq!((turned.report.kind, turned.report.counts.drift), (CycleKind::Drift, 0));
    assert!(world.writes().is_empty());
    world.sandbox.faults.clear();
    assert_eq!(world.next_day().await.report.counts.drift, 0);
    assert_eq!(world.drift_entries().await.len(), 1);
}

#[tokio::test]
async fn a_group_that_somebody_made_private_is_told_or_shared_again() {
    let mut world = sales().await;
    world.edit_sales(json!({ "shared": false }));
    let turned = world.next_day().await;
    assert_eq!(turned.report.counts.drift, 1);
    let told = world.drift_entries().await;
    assert_eq!(told[0].modified[0].name, "IsShared");
    assert!(!world.sales_group().shared);
    world.set("drift.groups", "repair");
    world.cycle().await;
    world.next_day().await;
    assert!(world.sales_group().shared);
    world.next_day().await;
    assert!(world.writes().is_empty());
}

/// Repairs that wait for a person are there until the person answers, and are done then.
#[tokio::test]
async fn repairs_that_are_held_can_be_approved() {
    let mut world = sales().await;
    world.set("drift", "{ users = \"repair\", members = \"repair\" }");
    world.set("groups.extra_members", "remove");
    world.set("guard.removals_per_group", "{ count = 1, percent = 100 }");
    world.set("guard.address_changes_per_cycle", "0");
    world.cycle().await;
    for name in ["Mallory", "Oscar"] {
        world.join(name);
    }
    world.cycle().await;
    let [ada, bob, mallory, oscar] =
        ["Ada", "Bob", "Mallory", "Oscar"].map(|name| world.account(name).id);
    world.edit_sales(json!({ "members": [ada, bob, mallory, oscar] }));
    world.overwrite("Ada", json!({ "email": "countess@contoso.example" }));
    world.next_day().await;
    for _ in 0..2 {
        let turned = world.cycle().await;
        assert_eq!(
            held(&turned),
            [
                (HoldKind::TooManyMemberRemovals, "Sales".to_owned()),
                (HoldKind::TooManyMemberRemovals, "Sales".to_owned()),
                (HoldKind::TooManyAddressChanges, "ada".to_owned())
            ]
        );
    }
    assert!(world.writes().is_empty());
    world.approve_what_waits().await;
    world.cycle().await;
    assert_eq!(world.account("Ada").id, ada);
    let mut members = world.sales_members();
    members.sort();
    let mut expected = vec![ada, bob];
    expected.sort();
    assert_eq!(members, expected);
    world.sandbox.counts.reset();
    assert!(world.cycle().await.holds.is_empty());
    assert_eq!(world.sharefile_requests(), 0);
}

/// Repairs that fail are tried again in the next cycle, and not a day later.
#[tokio::test]
async fn repairs_that_fail_are_tried_again() {
    let mut world = sales().await;
    world.set("drift", "{ users = \"repair\", members = \"repair\" }");
    world.cycle().await;
    let bob = world.account("Bob").id;
    world.edit_sales(json!({ "members": [bob] }));
    world.overwrite("Ada", json!({ "first_name": "Countess" }));
    for endpoint in ["POST /sf/v3/Groups(id)/Contacts", "PATCH /sf/v3/Users(id)"] {
        let (status, reason) = (Some(403), Some("Forbidden".to_owned()));
        let fault = Fault { status, reason, ..Fault::new(FaultKind::Unavailable) };
        world.sandbox.faults.add(fault.at(endpoint).times(1));
    }
    assert_eq!(world.next_day().await.report.counts.failed, 2);
    assert_eq!(
        (world.account("Ada").first_name.as_str(), world.sales_members().len()),
        ("Countess", 1)
    );
    world.cycle().await;
    assert_eq!((world.account("Ada").first_name.as_str(), world.sales_members().len()), ("Ada", 2));
    world.sandbox.counts.reset();
    world.cycle().await;
    assert_eq!(world.sharefile_requests(), 0);
}

impl World {
    fn sales_group(&self) -> GroupView {
        let groups = self.sandbox.sharefile.groups();
        groups.into_iter().find(|group| group.name == "Sales").expect("made")
    }

    fn edit_sales(&self, patch: serde_json::Value) {
        self.sandbox.sharefile.edit_group(&self.sales_group().id, patch).expect("an edit");
    }

    fn sales_members(&self) -> Vec<String> {
        self.sales_group().members
    }

    /// Approves everything that waits.
    async fn approve_what_waits(&self) {
        let engine = self.engine();
        let now = self.clock.now();
        let answer = Answer::Approve { until: now.plus_ms(86_400_000) };
        for hold in engine.store.holds().await.expect("holds") {
            let by = "somebody".to_owned();
            engine.store.answer_hold(hold.id, answer, by, now).await.expect("an answer");
        }
        engine.store.close().await.expect("a closed store");
    }

    async fn plan_of_everything(&self) -> Turned {
        let engine = self.preview_engine();
        let asked = Asked { preview: true, full: true, ..asked() };
        engine.turn(asked).await.expect("a plan")
    }
}
