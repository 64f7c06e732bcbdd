//! People join: without an account, with one, and with one that is or was somebody else's.

use serde_json::json;
use sharefile_provisioner::cycle::Turned;
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::graph::views::NewPerson;
use sharefile_provisioner::sandbox::sharefile::AccountKind;
use uuid::Uuid;

use super::NOTHING;
use crate::world::{World, held};

/// A job in step, with somebody in it.
async fn in_step() -> World {
    let world = World::empty().await;
    world.join("Stays");
    world.cycle().await;
    world
}

impl World {
    /// Somebody whose address is another one's too, or who has none.
    fn join_as(&self, name: &str, upn: &str, mail: Option<&str>) -> Uuid {
        let person = NewPerson::named(name, "Tester", "x@contoso.example")
            .with("userPrincipalName", upn)
            .with("mail", mail.map_or(json!(null), |mail| json!(mail)));
        let id = self.sandbox.entra.add_person(person).expect("a person");
        self.assign(id, "User");
        id
    }

    fn employees(&self) -> u32 {
        let accounts = self.all_accounts();
        let employee = |one: &&_| is_employee(one);
        u32::try_from(accounts.iter().filter(employee).count()).expect("not that many")
    }
}

fn is_employee(account: &sharefile_provisioner::sandbox::sharefile::AccountView) -> bool {
    account.kind == AccountKind::Employee && !account.deleted
}

/// All that the holds say.
fn said(turned: &Turned) -> String {
    let items = turned.holds.iter().flat_map(|hold| &hold.items);
    let details: Vec<&str> = items.map(|item| item.detail.as_str()).collect();
    let messages: Vec<&str> = turned.holds.iter().map(|hold| hold.message.as_str()).collect();
    format!("{}\n{}", messages.join("\n"), details.join("\n"))
}

#[tokio::test]
async fn whoever_joins_gets_an_account_of_the_type_that_the_rules_say() {
    let world = in_step().await;
    world.join("Ada");
    world.assign(world.person("Bob"), "Client");
    let values = |name: &str| {
        let mail = name.to_lowercase();
        format!(r#"{{"Email":"{mail}@contoso.example","FirstName":"{name}","LastName":"Tester"}}"#)
    };
    let expected = [
        format!("POST Users {}", values("Bob")),
        format!("POST Users/AccountUser {}", values("Ada")),
    ];
    assert_eq!(world.cycle_wrote().await, expected);
    assert_eq!(world.cycle_wrote().await, NOTHING);
}

#[tokio::test]
async fn whoever_has_a_client_account_is_promoted_in_the_write_that_takes_it_over() {
    let world = in_step().await;
    world.account_by_hand("Ada", AccountKind::Client);
    let bob = world.account_by_hand("Bob", AccountKind::Client);
    let old = json!({ "last_name": "Old" });
    world.sandbox.sharefile.edit_account(&bob, old).expect("an edit");
    world.join("Ada");
    world.join("Bob");
    let expected = [
        r#"PATCH Users/AccountUser(ada) {"IsEmployee":true}"#,
        r#"PATCH Users/AccountUser(bob) {"IsEmployee":true,"LastName":"Tester"}"#,
    ];
    assert_eq!(world.cycle_wrote().await, expected);
    assert_eq!(world.account("Ada").kind, AccountKind::Employee);
    assert_eq!(world.account("Bob").id, bob);
    assert_eq!(world.cycle_wrote().await, NOTHING);
    let log = world.entries().await;
    let entry = log.iter().find(|entry| entry.label.starts_with("ada@")).expect("an entry");
    let raised = "the account is a client, and the rules say employee";
    assert!(entry.reasons.iter().any(|reason| reason == raised), "{entry:?}");
    assert_eq!(entry.modified[0].name, "IsEmployee");
}

#[tokio::test]
async fn a_promotion_waits_for_a_licence_and_says_who_has_one_without_need() {
    let world = in_step().await;
    world.join("Other");
    let idle = world.join("Idle");
    world.cycle().await;
    world.unassign(idle);
    world.cycle().await;
    world.sandbox.sharefile.set_employee_max(world.employees());
    world.account_by_hand("Ada", AccountKind::Client);
    world.join("Ada");
    world.join("Bob");
    for _ in 0..2 {
        let (wrote, turned) = world.cycle_told().await;
        assert_eq!(wrote, NOTHING);
        let waits = ["ada", "bob"].map(|name| (HoldKind::LicenseLimitExceeded, name.to_owned()));
        assert_eq!(held(&turned), waits);
        let text = said(&turned);
        assert!(text.contains("2 employee licences are missing"), "{text}");
        assert!(text.contains("disabled: idle@contoso.example."), "{text}");
    }
    assert_eq!(world.account("Ada").kind, AccountKind::Client);
    world.sandbox.sharefile.set_employee_max(world.employees() + 2);
    let wrote = world.cycle_wrote().await;
    assert_eq!(wrote[0], r#"PATCH Users/AccountUser(ada) {"IsEmployee":true}"#);
    assert!(wrote.len() == 2 && wrote[1].starts_with("POST Users/AccountUser"), "{wrote:?}");
}

#[tokio::test]
async fn no_client_is_asked_for_where_strict_licensing_wants_employees() {
    let world = World::empty().await;
    world.sandbox.sharefile.set_employee_domains(vec!["Contoso.Example".to_owned()]);
    world.join("Stays");
    world.assign(world.person("Ada"), "Client");
    let (wrote, turned) = world.cycle_told().await;
    assert!(wrote.len() == 1 && wrote[0].contains("stays"), "{wrote:?}");
    assert_eq!(held(&turned), [(HoldKind::EmployeeDomain, "ada".to_owned())]);
    assert!(world.writes().iter().all(|write| write.status < 300), "nothing was refused");
}

#[tokio::test]
async fn an_address_may_be_the_further_one_of_an_account() {
    let world = in_step().await;
    let old = world.account_by_hand("Old", AccountKind::Employee);
    let edit = |id: &str, address: &str| {
        let patch = json!({ "other_addresses": [address] });
        world.sandbox.sharefile.edit_account(id, patch).expect("an edit");
    };
    edit(&old, "ada@contoso.example");
    // That of somebody who has an account already is not taken.
    edit(&world.account("Stays").id, "bob@contoso.example");
    world.join("Ada");
    world.join("Bob");
    let (wrote, turned) = world.cycle_told().await;
    let taken = r#"PATCH Users(old) {"Email":"ada@contoso.example","FirstName":"Ada"}"#;
    assert_eq!(wrote, [taken]);
    assert_eq!(held(&turned), [(HoldKind::SharedAccount, "bob".to_owned())]);
    assert_eq!(world.account("Ada").id, old);
}

#[tokio::test]
async fn a_leavers_address_may_be_that_of_a_namesake() {
    let world = in_step().await;
    let ada = world.join("Ada");
    world.cycle().await;
    world.unassign(ada);
    world.cycle().await;
    world.join_as("Adele", "adele@contoso.example", Some("ada@contoso.example"));
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, NOTHING);
    assert_eq!(held(&turned), [(HoldKind::Namesake, "ada".to_owned())]);
    let text = said(&turned);
    for part in ["Ada Tester", "adele@contoso.example", "same person, or namesake?"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.contains(&ada.to_string()), "{text}");
    // The account is given another address by hand: the new person gets one of their own.
    let id = world.account("Ada").id;
    let patch = json!({ "email": "ada.old@contoso.example" });
    world.sandbox.sharefile.edit_account(&id, patch).expect("an edit");
    world.full().await;
    assert_eq!(world.account("Ada").first_name, "Adele");
    assert!(world.account("Ada.Old").disabled);
}

#[tokio::test]
async fn one_person_with_two_ids_gets_no_account_twice() {
    let world = in_step().await;
    let first = world.join_as("Ada", "ada@contoso.example", Some("ada@contoso.example"));
    let second = world.join_as("Ada", "ada.l@contoso.example", Some("Ada@contoso.example"));
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, NOTHING);
    assert_eq!(turned.holds[0].items.len(), 2);
    assert_eq!(turned.holds[0].kind, HoldKind::SharedAccount);
    for item in &turned.holds[0].items {
        let named = [first.to_string(), second.to_string(), "ada.l@contoso.example".to_owned()];
        assert!(named.iter().all(|name| item.detail.contains(name)), "{item:?}");
    }
}

#[tokio::test]
async fn guests_are_known_by_their_mail_and_never_by_their_name_here() {
    let world = in_step().await;
    let guest = |name: &str, mail: Option<&str>| {
        let upn = format!("{name}_fabrikam.example#EXT#@contoso.onmicrosoft.com");
        let person = NewPerson::named(name, "Guest", "x@contoso.example")
            .with("userPrincipalName", upn)
            .with("userType", "Guest")
            .with("mail", mail.map_or(json!(null), |mail| json!(mail)));
        let id = world.sandbox.entra.add_person(person).expect("a person");
        world.assign(id, "User");
    };
    guest("Vera", Some("vera@fabrikam.example"));
    guest("Walt", None);
    let (wrote, turned) = world.cycle_told().await;
    let vera =
        r#"POST Users {"Email":"vera@fabrikam.example","FirstName":"Vera","LastName":"Guest"}"#;
    assert_eq!(wrote, [vera]);
    assert_eq!(held(&turned), [(HoldKind::MissingValues, "Walt".to_owned())]);
    assert!(!world.all_accounts().iter().any(|account| account.email.contains("EXT")));
}

#[tokio::test]
async fn more_people_than_usual_wait_for_an_answer_after_the_first_plan() {
    let mut world = World::empty().await;
    world.set("guard.creates_per_cycle", "1");
    for name in ["Stays0", "Stays1", "Stays2"] {
        world.join(name);
    }
    assert_eq!(world.did().await, (3, 0, 0), "the first plan has an answer of its own");
    world.join("Ada");
    world.account_by_hand("Bob", AccountKind::Employee);
    world.join("Bob");
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, NOTHING);
    assert_eq!(held(&turned).len(), 2);
    assert_eq!(turned.holds[0].kind, HoldKind::TooManyCreates);
    // Who comes later does not wait for that answer.
    world.join("Cyd");
    assert_eq!(world.did().await, (1, 0, 0));
    let id = turned.holds[0].id.to_string();
    let ran = world.ran(&["approve", &id]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.created, turned.report.counts.adopted), (1, 1));
    assert!(turned.holds.is_empty());
}

#[tokio::test]
async fn a_job_is_tried_on_a_few_people_first() {
    let mut world = World::empty().await;
    world.set("scope.only", "[\"Ada@contoso.example\"]");
    world.join("Ada");
    let bob = world.join("Bob");
    assert_eq!(world.did().await, (1, 0, 0));
    world.set("scope.only", "[\"ada@contoso.example\", \"bob@contoso.example\"]");
    assert_eq!(world.did().await, (1, 0, 0));
    world.set("scope.only", "[\"Ada@contoso.example\"]");
    world.unassign(bob);
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, NOTHING, "the rest is not removed either");
    assert_eq!(turned.plan.expect("a plan").counts.left_out, 1);
    assert!(!world.account("Bob").disabled);
}
