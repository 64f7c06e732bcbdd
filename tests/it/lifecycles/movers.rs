//! People move: other names, addresses, departments and types.

use serde_json::{Value, json};
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::views::NewPerson;
use sharefile_provisioner::sandbox::sharefile::AccountKind;
use sharefile_provisioner::sandbox::sharefile::switches::Switches;
use uuid::Uuid;

use super::NOTHING;
use crate::world::{World, asked, held};

impl World {
    fn moves(&self, person: Uuid, patch: Value) {
        let patch = patch.as_object().expect("an object").clone();
        self.sandbox.entra.edit_person(person, &patch).expect("an edit");
    }

    /// Approves everything that waits, as a person does.
    async fn approve_all(&self) {
        let store = sharefile_provisioner::store::Store::read_only(&self.job().store);
        let holds = store.expect("the store").holds().await.expect("holds");
        for hold in holds.iter().filter(|hold| hold.kind.approvable()) {
            let ran = self.ran(&["approve", &hold.id.to_string()]).await;
            assert_eq!(ran.code, 0, "{}", ran.text);
        }
    }

    /// The addresses that were given since the last reset, in order: by account, of before.
    fn given(&self) -> Vec<Value> {
        let writes = self.writes().into_iter().filter(|write| write.status < 300);
        writes.map(|write| write.body["Email"].clone()).collect()
    }
}

async fn two() -> (World, [Uuid; 2]) {
    let world = World::empty().await;
    let people = ["Ada", "Bob"].map(|name| world.join(name));
    world.join("Stays");
    world.cycle().await;
    (world, people)
}

fn address(name: &str) -> Value {
    json!(format!("{name}@contoso.example"))
}

fn temporary(person: Uuid) -> Value {
    address(&format!("provisioner-swap-{}", person.simple()))
}

#[tokio::test]
async fn names_and_addresses_are_one_write() {
    let (world, [ada, bob]) = two().await;
    world.moves(ada, json!({ "surname": "Byron", "mail": "ada.byron@contoso.example" }));
    world.moves(bob, json!({ "surname": "Moved" }));
    let expected = [
        r#"PATCH Users(ada) {"Email":"ada.byron@contoso.example","LastName":"Byron"}"#,
        r#"PATCH Users(bob) {"LastName":"Moved"}"#,
    ];
    assert_eq!(world.cycle_wrote().await, expected);
}

#[tokio::test]
async fn a_department_leaves_a_filter_and_comes_back() {
    let mut world = World::empty().await;
    let clause = "{ attribute = \"department\", operator = \"NOT EQUALS\", value = \"External\" }";
    world.set("scope.filter", &format!("[{{ name = \"Staff\", clauses = [{clause}] }}]"));
    let join = |name: &str, department: Value| {
        let mail = format!("{}@contoso.example", name.to_lowercase());
        let person = NewPerson::named(name, "Tester", &mail).with("department", department);
        let id = world.sandbox.entra.add_person(person).expect("a person");
        world.assign(id, "User");
        id
    };
    let ada = join("Ada", json!("Sales"));
    join("Stays", json!("Sales"));
    // Never let in, and nobody knows: nothing happens to them.
    join("Extern", json!("External"));
    join("Unknown", json!(null));
    assert_eq!(world.did().await, (2, 0, 0));

    world.moves(ada, json!({ "department": "External" }));
    let disabled = r#"PATCH Users(ada) {"Security":{"IsDisabled":true}}"#;
    assert_eq!(world.cycle_wrote().await, [disabled]);
    let log = world.entries().await;
    let why = "filter `Staff` wants department NOT EQUALS \"External\"";
    assert!(log[0].reasons.iter().any(|reason| reason == why), "{:?}", log[0]);
    world.moves(ada, json!({ "department": "IT" }));
    assert_eq!(world.cycle_wrote().await, [disabled.replace("true", "false")]);
}

#[tokio::test]
async fn types_change_upwards_alone() {
    let (world, [ada, bob]) = two().await;
    world.unassign(ada);
    world.assign(ada, "Client");
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, NOTHING, "never by itself");
    assert_eq!(held(&turned), [(HoldKind::TypeChange, "ada".to_owned())]);
    world.unassign(ada);
    world.assign(ada, "User");
    assert_eq!(world.cycle_wrote().await, NOTHING);

    // A client whose role goes becomes an employee, in one write with what else differs.
    let cyd = world.person("Cyd");
    world.assign(cyd, "Client");
    world.cycle().await;
    assert_eq!(world.account("Cyd").kind, AccountKind::Client);
    world.unassign(cyd);
    world.assign(cyd, "User");
    world.moves(cyd, json!({ "surname": "Raised" }));
    world.moves(bob, json!({ "surname": "Moved" }));
    let employees = world.all_accounts();
    let employees =
        employees.iter().filter(|one| one.kind == AccountKind::Employee && !one.deleted);
    let employees = u32::try_from(employees.count()).expect("not that many");
    world.sandbox.sharefile.set_employee_max(employees);
    let (wrote, turned) = world.cycle_told().await;
    let names =
        [r#"PATCH Users(bob) {"LastName":"Moved"}"#, r#"PATCH Users(cyd) {"LastName":"Raised"}"#];
    assert_eq!(wrote, names, "nothing else waits for the licence");
    assert_eq!(held(&turned), [(HoldKind::LicenseLimitExceeded, "cyd".to_owned())]);
    world.sandbox.sharefile.set_employee_max(employees + 1);
    let raised = r#"PATCH Users/AccountUser(cyd) {"IsEmployee":true}"#;
    assert_eq!(world.cycle_wrote().await, [raised]);
    assert_eq!(world.account("Cyd").kind, AccountKind::Employee);
}

#[tokio::test]
async fn an_address_is_free_given_up_or_somebody_elses() {
    let (world, [ada, bob]) = two().await;
    world.account_by_hand("Stranger", AccountKind::Client);
    world.moves(ada, json!({ "mail": "stranger@contoso.example", "surname": "Renamed" }));
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, [r#"PATCH Users(ada) {"LastName":"Renamed"}"#]);
    assert_eq!(held(&turned), [(HoldKind::SharedAccount, "ada".to_owned())]);
    // Bob gives his up in the same cycle, and first.
    world.moves(ada, json!({ "mail": "bob@contoso.example" }));
    world.moves(bob, json!({ "mail": "zoe@contoso.example" }));
    let (wrote, turned) = world.cycle_told().await;
    let expected = [
        r#"PATCH Users(ada) {"Email":"bob@contoso.example"}"#,
        r#"PATCH Users(bob) {"Email":"zoe@contoso.example"}"#,
    ];
    assert_eq!(wrote, expected);
    assert_eq!(world.given(), [address("zoe"), address("bob")]);
    assert!(turned.holds.is_empty() && world.writes().len() == 2, "nothing was refused");
}

/// Two people who want each other's address, in which order their changes came to light.
async fn swapping(at_once: bool) -> (World, [Uuid; 2]) {
    let (world, [ada, bob]) = two().await;
    world.moves(ada, json!({ "mail": "bob@contoso.example" }));
    if !at_once {
        let turned = world.cycle().await;
        assert_eq!(held(&turned), [(HoldKind::SharedAccount, "ada".to_owned())]);
    }
    world.moves(bob, json!({ "mail": "ada@contoso.example" }));
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, NOTHING);
    let kinds: Vec<HoldKind> = held(&turned).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [HoldKind::AddressSwap; 3]);
    assert_eq!(world.cycle_wrote().await, NOTHING, "nobody answered");
    let (first, second) = if ada < bob { (ada, bob) } else { (bob, ada) };
    (world, [first, second])
}

#[tokio::test]
async fn two_who_swap_addresses_do_so_in_three_writes_once_a_person_agrees() {
    for at_once in [true, false] {
        let (world, [first, _]) = swapping(at_once).await;
        let ids = ["Ada", "Bob"].map(|name| world.account(name).id);
        world.approve_all().await;
        let (wrote, turned) = world.cycle_told().await;
        assert_eq!((wrote.len(), turned.report.counts.updated), (3, 3));
        let given = world.given();
        assert_eq!(given[0], temporary(first));
        assert_ne!(given[1], given[2]);
        assert!(turned.holds.is_empty());
        assert_eq!(["Bob", "Ada"].map(|name| world.account(name).id), ids);
        assert_eq!(world.cycle_wrote().await, NOTHING);
    }
}

#[tokio::test]
async fn a_swap_that_a_crash_interrupts_goes_on_without_asking_again() {
    for writes in 0..3 {
        let (world, _) = swapping(true).await;
        let ids = ["Ada", "Bob"].map(|name| world.account(name).id);
        world.approve_all().await;
        world.sandbox.counts.reset();
        let stall = Fault::new(FaultKind::StallAfter).at("PATCH /sf/v3/Users(id)");
        world.sandbox.faults.add(stall.after(writes).times(1));
        let engine = world.engine();
        let cycle = tokio::spawn(async move { engine.turn(asked()).await });
        while world.sandbox.faults.stalled_now() == 0 {
            assert!(!cycle.is_finished(), "nothing hangs");
            tokio::task::yield_now().await;
        }
        cycle.abort();
        assert!(cycle.await.expect_err("no end").is_cancelled());
        world.hang_up().await;

        let turned = world.cycle().await;
        assert!(turned.holds.is_empty(), "after {writes}: {:?}", turned.holds);
        assert_eq!(["Bob", "Ada"].map(|name| world.account(name).id), ids, "after {writes}");
        assert_eq!(world.given().len(), 3, "after {writes}: {:?}", world.writes());
    }
}

/// A person is back with another name and address; the address is approved.
#[tokio::test]
async fn an_address_waits_for_what_else_its_person_needs() {
    let (mut world, [ada, _]) = two().await;
    world.set("guard.address_changes_per_cycle", "0");
    world.unassign(ada);
    assert_eq!(world.did().await, (0, 0, 1));
    world.assign(ada, "User");
    world.moves(ada, json!({ "surname": "Byron", "mail": "ada.byron@contoso.example" }));
    let fail = || {
        let fault = Fault::new(FaultKind::Unavailable).at("/sf/v3/Users").on("PATCH");
        world.sandbox.faults.add(fault.times(5));
    };
    fail();
    let turned = world.cycle().await;
    assert_eq!(held(&turned), [(HoldKind::TooManyAddressChanges, "ada.byron".to_owned())]);
    assert_eq!(turned.report.counts.failed, 1);
    world.approve_all().await;
    fail();
    world.sandbox.counts.reset();
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.updated, turned.report.counts.failed), (0, 1));
    assert!(world.given().is_empty(), "the address would take for granted what failed");
    let account = world.account("Ada");
    assert_eq!((account.disabled, account.last_name.as_str()), (true, "Tester"));

    // What was approved still is.
    let expected = [
        r#"PATCH Users(ada) {"Email":"ada.byron@contoso.example"}"#,
        r#"PATCH Users(ada) {"LastName":"Byron","Security":{"IsDisabled":false}}"#,
    ];
    assert_eq!(world.cycle_wrote().await, expected);
    assert_eq!(world.cycle_wrote().await, NOTHING);
}

/// A person is back with an address that another one should give up, and cannot.
#[tokio::test]
async fn nobody_stays_outside_for_an_address_that_another_one_keeps() {
    let (world, [ada, bob]) = two().await;
    world.unassign(ada);
    assert_eq!(world.did().await, (0, 0, 1));
    world.assign(ada, "User");
    world.moves(ada, json!({ "mail": "bob@contoso.example" }));
    world.moves(bob, json!({ "mail": "zoe@contoso.example" }));
    let fault = Fault::new(FaultKind::Unavailable).at("/sf/v3/Users").on("PATCH");
    world.sandbox.faults.add(fault.times(5));
    world.sandbox.counts.reset();
    let turned = world.cycle().await;
    assert_eq!(held(&turned), [(HoldKind::SharedAccount, "ada".to_owned())]);
    assert_eq!((turned.report.counts.updated, turned.report.counts.failed), (1, 1));
    assert!(!world.account("Ada").disabled && world.given() == [json!(null)]);
    let expected = [
        r#"PATCH Users(ada) {"Email":"bob@contoso.example"}"#,
        r#"PATCH Users(bob) {"Email":"zoe@contoso.example"}"#,
    ];
    assert_eq!(world.cycle_wrote().await, expected);
    assert_eq!(world.cycle_wrote().await, NOTHING);
}

#[tokio::test]
async fn a_swap_is_undone_where_old_addresses_stay_with_their_accounts() {
    let (world, [first, _]) = swapping(true).await;
    let was = ["Ada", "Bob"].map(|name| world.account(name));
    let switches = Switches { keep_old_address: true, ..Switches::default() };
    world.sandbox.sharefile.set_switches(switches);
    world.approve_all().await;
    world.sandbox.counts.reset();
    world.cycle().await;
    assert_eq!(world.given(), [temporary(first)]);
    assert_eq!(world.writes().len(), 1, "the second write is not even tried");
    for _ in 0..2 {
        world.cycle().await;
    }
    assert_eq!(world.given().len(), 2);
    for account in was {
        let now = world.sandbox.sharefile.account(&account.id).expect("an account");
        assert_eq!(now.email, account.email);
    }
    let turned = world.full().await;
    let waits = ["ada", "bob"].map(|name| (HoldKind::SharedAccount, name.to_owned()));
    assert_eq!(held(&turned), waits, "nobody is asked again for what cannot be");
}
