//! Matching in whole cycles: rules of several attributes, rules that ask, and values that are free.

use serde_json::{Value, json};
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::graph::views::NewPerson;
use sharefile_provisioner::sandbox::sharefile::NewAccount;
use uuid::Uuid;

use crate::world::{World, held};

const BY_NAME: &str = "{ all = [{ target = \"FirstName\", source = \"[givenName]\" }, \
                       { target = \"LastName\", source = \"[surname]\" }]";

impl World {
    /// Somebody assigned, with an address of the company.
    fn hires(&self, first: &str, last: &str, mail: &str) -> Uuid {
        let person = NewPerson::named(first, last, mail);
        let id = self.sandbox.entra.add_person(person).expect("a person");
        self.assign(id, "User");
        id
    }

    /// Approves what waits, as a person does.
    async fn says_yes(&self) {
        let store = sharefile_provisioner::store::Store::read_only(&self.job().store);
        let holds = store.expect("the store").holds().await.expect("holds");
        for hold in holds.iter().filter(|hold| hold.kind.approvable()) {
            let ran = self.ran(&["approve", &hold.id.to_string()]).await;
            assert_eq!(ran.code, 0, "{}", ran.text);
        }
    }
}

fn account(first: &str, last: &str, mail: &str) -> NewAccount {
    let text = str::to_owned;
    let (first_name, last_name, email) = (text(first), text(last), text(mail));
    serde_json::from_value(json!({
        "email": email, "first_name": first_name, "last_name": last_name, "kind": "employee",
    }))
    .expect("an account")
}

#[tokio::test]
async fn an_account_is_found_by_its_name_where_the_address_is_another() {
    let mut world = World::empty().await;
    world.set(
        "users.match",
        &format!(
            "[{{ target = \"Email\", source = \"[mail]\" }}, {BY_NAME}, adopt = \"always\" }}]"
        ),
    );
    let id =
        world.sandbox.sharefile.add_account(account("ZOE\u{308}", "Müller", "old@other.example"));
    world.hires("Zo\u{eb}", "Mu\u{308}ller", "zoe@contoso.example");
    world.hires("Bob", "Builder", "bob@contoso.example");
    world.sandbox.counts.reset();
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.created, turned.report.counts.updated), (1, 1));
    assert_eq!(world.account("Zoe").id, id, "taken over, with the new address");
    assert_eq!(world.did().await, (0, 0, 0));
    // Lists are for those whom no address finds.
    world.sandbox.sharefile.add_account(account("Cyd", "Known", "cyd@contoso.example"));
    world.hires("Cyd", "Known", "cyd@contoso.example");
    world.sandbox.counts.reset();
    world.cycle().await;
    assert_eq!(world.asked("Accounts/Employees"), 0);
}

#[tokio::test]
async fn two_of_one_name_are_held_and_neither_gets_the_account() {
    let mut world = World::empty().await;
    world.set("users.match", &format!("[{BY_NAME} }}]"));
    world.sandbox.sharefile.add_account(account("Ada", "Twin", "ada@other.example"));
    world.hires("Ada", "Twin", "ada.one@contoso.example");
    world.hires("Ada", "Twin", "ada.two@contoso.example");
    world.sandbox.counts.reset();
    let turned = world.cycle().await;
    let shared = |name: &str| (HoldKind::SharedAccount, name.to_owned());
    assert_eq!(held(&turned), [shared("ada.one"), shared("ada.two")]);
    assert!(world.writes().is_empty());
}

#[tokio::test]
async fn a_colleague_of_that_name_keeps_nobody_from_an_account() {
    let mut world = World::empty().await;
    let by_address = "{ target = \"Email\", source = \"[mail]\" }";
    world.set("users.match", &format!("[{by_address}, {BY_NAME}, adopt = \"always\" }}]"));
    let first = world.hires("Ada", "Twin", "ada.one@contoso.example");
    assert_eq!(world.did().await, (1, 0, 0));
    world.hires("Ada", "Twin", "ada.two@contoso.example");
    assert_eq!(world.did().await, (1, 0, 0), "one of her own");
    // One that is nobody's is taken over, with as many colleagues as there are.
    let id = world.sandbox.sharefile.add_account(account("Ada", "Twin", "ada@other.example"));
    world.hires("ADA", "Twin", "ada.three@contoso.example");
    assert_eq!(world.did().await, (0, 1, 0));
    let adopted = world.sandbox.sharefile.account_of("ada.three@contoso.example");
    assert_eq!(adopted.expect("an account").id, id);
    // That of somebody who left may be the newcomer's own.
    world.unassign(first);
    assert_eq!(world.did().await, (0, 0, 1));
    world.hires("Ada", "Twin", "ada.four@contoso.example");
    let waits = [(HoldKind::Namesake, "ada.four".to_owned())];
    assert_eq!(held(&world.cycle().await), waits);
}

#[tokio::test]
async fn a_rule_may_ask_before_it_takes_an_account_over() {
    let mut world = World::empty().await;
    world.set("users.match", "[{ target = \"Email\", source = \"[mail]\", adopt = \"report\" }]");
    let id = world.sandbox.sharefile.add_account(account("Ada", "Older", "ada@contoso.example"));
    world.join("Ada");
    world.join("Bob");
    let turned = world.cycle().await;
    assert_eq!(held(&turned), [(HoldKind::Adoption, "ada".to_owned())]);
    let detail = &turned.holds[0].items[0].detail;
    assert!(detail.starts_with("`Email = [mail]` matches") && detail.contains(&id), "{detail}");
    assert_eq!(world.account("Ada").last_name, "Older", "untouched");
    assert_eq!(world.did().await, (0, 0, 0));
    world.says_yes().await;
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(world.account("Ada").last_name, "Tester");
    assert!(held(&world.cycle().await).is_empty());
}

#[tokio::test]
async fn a_rule_may_leave_accounts_alone_for_good() {
    let mut world = World::empty().await;
    world.set("users.match", &format!("[{BY_NAME}, adopt = \"never\" }}]"));
    world.sandbox.sharefile.add_account(account("Ada", "Tester", "ada@other.example"));
    world.sandbox.sharefile.add_account(account("Bob", "Tester", "bob@contoso.example"));
    world.join("Ada");
    world.join("Bob");
    let turned = world.cycle().await;
    assert_eq!(turned.report.counts.created, 1, "Ada's address is free");
    assert_eq!(held(&turned), [(HoldKind::SharedAccount, "bob".to_owned())]);
}

const UNIQUE: &str = "[{ target = \"Email\", apply = \"on_create\", source = 'SelectUniqueValue(\
    Join(\"\", [givenName], \"@contoso.example\"), \
    Join(\"\", [givenName], \".\", [surname], \"@contoso.example\"), \
    Join(\"\", [givenName], \".\", [surname], \"2@contoso.example\"))' }, \
    { target = \"FirstName\", source = \"[givenName]\" }, { target = \"LastName\", source = \"[surname]\" }]";

fn addresses(world: &World) -> Vec<String> {
    let mut found: Vec<String> = world.all_accounts().into_iter().map(|one| one.email).collect();
    found.retain(|address| address.ends_with("@contoso.example") && address.starts_with("ada"));
    found.sort();
    found
}

#[tokio::test]
async fn new_accounts_get_the_first_address_that_is_free() {
    let mut world = World::empty().await;
    world.set("users.attribute", UNIQUE);
    world.sandbox.sharefile.add_account(account("Ada", "Elder", "ADA@contoso.example"));
    for n in 0..3 {
        world.hires("ada", "Twin", &format!("n{n}@elsewhere.example"));
    }
    let turned = world.cycle().await;
    assert_eq!(turned.report.counts.created, 2);
    assert_eq!(addresses(&world), ["ada.Twin2@contoso.example", "ada.Twin@contoso.example"]);
    let left: Vec<HoldKind> = held(&turned).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(left, [HoldKind::SharedAccount], "none is left for the third");
    let detail = &turned.holds[0].items[0].detail;
    assert!(detail.contains("ada.Twin@contoso.example") && detail.contains("all 3"), "{detail}");
    assert_eq!(world.did().await, (0, 0, 0), "and the others keep theirs");
}

#[tokio::test]
async fn an_address_that_waits_for_approval_is_not_given_to_others() {
    let mut world = World::empty().await;
    world.set("users.attribute", UNIQUE);
    world.set("guard.creates_per_cycle", "1");
    world.join("Stays");
    world.cycle().await;
    let first: Vec<Uuid> =
        (0..2).map(|n| world.hires("ada", "Twin", &format!("n{n}@elsewhere.example"))).collect();
    let turned = world.cycle().await;
    assert_eq!(held(&turned).len(), 2, "too many at once");
    let planned: Vec<Value> = turned.holds[0].items.iter().map(|one| json!(one.label)).collect();
    world.hires("ada", "Twin", "n9@elsewhere.example");
    assert_eq!(world.did().await, (1, 0, 0));
    assert_eq!(addresses(&world), ["ada.Twin2@contoso.example"], "the first two are spoken for");
    world.says_yes().await;
    assert_eq!(world.did().await, (2, 0, 0), "as approved");
    for address in planned {
        let address = address.as_str().expect("an address");
        assert!(world.sandbox.sharefile.account_of(address).is_some(), "{address} {first:?}");
    }
}
