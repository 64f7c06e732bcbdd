//! `orphans` and `reset store`.

use serde_json::{Value, json};
use sharefile_provisioner::sandbox::graph::views::NewPerson;
use sharefile_provisioner::sandbox::sharefile::NewGroup;

use super::{Said, World};

/// Address and reason of each account, and name and reason of each group.
#[allow(clippy::type_complexity)]
fn found(said: &Said) -> (Vec<(String, String)>, Vec<(String, String)>) {
    let json = said.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = |list: &str, name: &str| {
        let rows = json[list].as_array().expect("a list").iter();
        rows.map(|row| (text(&row[name]), text(&row["why"]))).collect()
    };
    (rows("accounts", "address"), rows("groups", "name"))
}

fn account(name: &str, why: &str) -> (String, String) {
    (format!("{name}@contoso.example"), why.to_owned())
}

#[tokio::test]
async fn orphans_are_employees_and_groups_with_nobody_behind_them() {
    let world = World::real().await;
    world.run(&["orphans"]).await.exits(69).warns("there is no store");
    let people = ["Ada", "Bob", "Cid"].map(|name| world.join(name));
    // A client, whose domain is not the company's, and an employee in that domain made by hand.
    let guest = NewPerson::named("Dan", "Guest", "dan@fabrikam.example");
    let guest = world.sandbox.entra.add_person(guest).expect("a person");
    world.assign(guest, "Client");
    let hand = json!({ "email": "eve@fabrikam.example", "first_name": "Eve", "last_name": "Made" });
    world.sandbox.sharefile.add_account(serde_json::from_value(hand).expect("an account"));
    world.sync().await;
    let (accounts, groups) = found(&world.run(&["orphans", "--json"]).await.exits(0));
    assert_eq!((accounts, groups), (vec![], vec![]));

    // Somebody made by hand; somebody of whom only the account is left, because a person enabled
    // it; and somebody who is no employee of the company.
    world.by_hand("Hand", "Made");
    world.unassign(people[1]);
    world.sandbox.entra.hard_delete_person(people[1]).expect("a delete");
    world.sync().await;
    let bob = world.account("Bob").id;
    world.sandbox.sharefile.edit_account(&bob, json!({ "disabled": false })).unwrap();
    let group =
        NewGroup { name: "By hand".to_owned(), owner: None, shared: true, members: vec![bob] };
    world.sandbox.sharefile.add_group(&group).expect("a group");

    world.sandbox.counts.reset();
    let said = world.run(&["orphans", "--json"]).await.exits(0);
    let (accounts, groups) = found(&said);
    assert_eq!(accounts, [account("bob", "gone"), account("hand", "unlinked")]);
    assert_eq!(groups, [("By hand".to_owned(), "unlinked".to_owned())]);
    assert_eq!((world.writes().len(), world.graph_requests()), (0, 0));
    // The list of groups, and who is in the Super User Group.
    assert_eq!((world.asked("Accounts/Employees"), world.asked("GET /sf/v3/Groups")), (1, 2));
    let said = world.run(&["orphans"]).await.exits(0);
    said.says("2 of 4 employees in use in contoso.example, and 1 of 1 group").says("By hand");
    let elsewhere = world.run(&["orphans", "--domain", "@Fabrikam.example"]).await.exits(0);
    elsewhere.says("1 of 1 employee in use in fabrikam.example").says("eve@fabrikam.example");
}

#[tokio::test]
async fn a_group_whose_source_is_gone_has_nobody_behind_it() {
    let mut world = World::real().await;
    world.set("groups.enabled", "true");
    let roles = ["AdminManageEmployees", "CanManageUsers", "AdminCreateSharedGroups"];
    world.sandbox.sharefile.set_service_roles(&roles);
    let ada = world.person("Ada");
    let sales = world.group("Sales", &[ada]);
    world.group("Support", &[ada]);
    world.sync().await;
    let (accounts, groups) = found(&world.run(&["orphans", "--json"]).await.exits(0));
    assert_eq!((accounts, groups), (vec![], vec![]));
    world.sandbox.entra.delete_group(sales).expect("a delete");
    world.sync().await;
    let said = world.run(&["orphans", "--json"]).await.exits(0);
    assert_eq!(found(&said).1, [("Sales".to_owned(), "gone".to_owned())]);
    assert_eq!(said.json()["groups"][0]["own"], true);
    assert_eq!(said.json()["groups_seen"], 2);
}

#[tokio::test]
async fn after_a_reset_leavers_are_found_among_the_orphans() {
    let world = World::real().await;
    let people: Vec<_> = (0..4).map(|n| world.join(&format!("P{n}"))).collect();
    world.run(&["reset", "store", "--yes"]).await.exits(69).warns("there is no store");
    world.sync().await;
    world.run(&["pause"]).await.exits(0);
    world.run(&["reset", "store"]).await.exits(70).warns("Add --yes");
    world.run(&["reset", "links", "--yes"]).await.exits(64);
    assert_eq!(world.status().await["active"], 4, "nothing was moved yet");

    let said = world.run(&["reset", "store", "--yes"]).await.exits(0);
    said.says("The next cycle is initial");
    let names = std::fs::read_dir(world.folder.path()).expect("a folder");
    let names =
        names.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
    let kept: Vec<String> = names.filter(|name| name.starts_with("store-2")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(world.status().await["paused"], true);
    world.run(&["resume"]).await.exits(0);

    world.unassign(people[3]);
    let said = world.sync().await;
    said.says("Cycle c1 (initial) complete").says("3 adopted");
    assert!(!world.account("P3").disabled, "nobody knows that it was this job's");
    let (accounts, _) = found(&world.run(&["orphans", "--json"]).await.exits(0));
    assert_eq!(accounts, [account("p3", "unlinked")]);
}

#[tokio::test]
async fn after_a_reset_leavers_who_are_still_assigned_are_found_as_well() {
    let mut world = World::real().await;
    let clause = "{ attribute = \"department\", operator = \"NOT EQUALS\", value = \"External\" }";
    world.set("scope.filter", &format!("[{{ clauses = [{clause}] }}]"));
    let [ada, bob, cyd, dee] = ["Ada", "Bob", "Cyd", "Dee"].map(|name| {
        let mail = format!("{}@contoso.example", name.to_lowercase());
        let person = NewPerson::named(name, "Tester", &mail).with("department", json!("Sales"));
        let id = world.sandbox.entra.add_person(person).expect("a person");
        world.assign(id, "User");
        id
    });
    world.sync().await;
    // Taken back before, and enabled by hand.
    world.sandbox.entra.set_enabled(dee, false).expect("an edit");
    world.sync().await;
    let id = world.account("Dee").id;
    world.sandbox.sharefile.edit_account(&id, json!({ "disabled": false })).unwrap();
    let (accounts, _) = found(&world.run(&["orphans", "--json"]).await.exits(0));
    assert_eq!(accounts, [account("dee", "out_of_scope")]);

    world.run(&["reset", "store", "--yes"]).await.exits(0).says("deletions are forgotten");
    world.sandbox.entra.set_enabled(bob, false).expect("an edit");
    let moved = json!({ "department": "External" });
    world.sandbox.entra.edit_person(cyd, moved.as_object().unwrap()).expect("an edit");
    world.sync().await.says("1 adopted");
    let said = world.run(&["orphans", "--json"]).await.exits(0);
    let expected = ["bob", "cyd", "dee"].map(|name| account(name, "out_of_scope"));
    assert_eq!(found(&said).0, expected);
    let events: Vec<_> = (0..3).map(|n| said.json()["accounts"][n]["event"].clone()).collect();
    assert_eq!(events, ["disabled", "filtered", "disabled"]);
    let said = world.run(&["orphans"]).await.exits(0);
    said.says("the person is out of scope: filtered").says("3 of 4 employees in use");
    let _ = ada;
}

#[tokio::test]
async fn a_store_in_use_is_not_reset() {
    let world = World::real().await;
    world.join("Ada");
    let daemon = world.daemon(1).await;
    world.run(&["reset", "store", "--yes"]).await.exits(71).warns("another process writes");
    // What only reads goes beside it.
    world.run(&["orphans"]).await.exits(0).says("0 of 1 employee in use");
    world.run(&["welcome"]).await.exits(0);
    drop(daemon);
    assert_eq!(world.status().await["active"], 1);
}
