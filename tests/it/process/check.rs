//! `check` tries the configuration on the snapshot.

use serde_json::json;
use sharefile_provisioner::sandbox::graph::views::NewPerson;

use super::World;

/// A company with one cycle behind it, whose people have these departments.
async fn company(departments: &[(&str, Option<&str>)]) -> World {
    let mut world = World::real().await;
    let entry =
        |target: &str, source: &str| format!("{{ target = \"{target}\", source = '{source}' }}");
    let entries = [
        entry("Email", "[mail]"),
        entry("FirstName", "[givenName]"),
        entry("LastName", "[surname]"),
        entry("Company", "[department]"),
    ];
    world.set("users.attribute", &format!("[{}]", entries.join(", ")));
    for (name, department) in departments {
        let mail = format!("{}@contoso.example", name.to_lowercase());
        let mut person = NewPerson::named(name, "Tester", &mail);
        if let Some(department) = department {
            person = person.with("department", json!(department));
        }
        let id = world.sandbox.entra.add_person(person).expect("a person");
        world.assign(id, "User");
    }
    world.run(&["sync"]).await;
    world
}

#[tokio::test]
async fn mappings_are_tried_on_the_snapshot_before_they_go_live() {
    let long = "d".repeat(51);
    let mut world = company(&[
        ("Ada", Some("Research/Engines")),
        ("Bob", Some("Sales/Europe")),
        ("Eve", Some("Sales")),
        ("Cy", Some(&format!("Research/{long}"))),
        ("Dee", None),
    ])
    .await;
    let said = world.run(&["check"]).await.exits(0);
    said.says("1 person gets a value from `Company = [department]` that is not taken");
    let entry =
        |target: &str, source: &str| format!("{{ target = \"{target}\", source = '{source}' }}");
    let entries = [
        entry("Email", "IIF([givenName]=\"Bob\", \"ADA@contoso.example\", [mail])"),
        entry("FirstName", "[givenName]"),
        entry("LastName", "Switch([department], [surname], \"Research/Engines\", \"\")"),
        entry("Company", "Item(Split([department], \"/\"), 2)"),
    ];
    world.set("users.attribute", &format!("[{}]", entries.join(", ")));
    let requests = world.sandbox.counts.by_endpoint();
    let said = world.run(&["check"]).await.exits(0);
    let shown = said.out.split_once("can be used.\n").expect("the head").1;
    insta::assert_snapshot!(shown, @r###"
    The mappings were tried on 5 people of the snapshot in scope.
      `Company = Item(Split([department],"/"),2)` fails for 1 person: `Item`: there is no value 2: the attribute has 0: dee@contoso.example
      `Company = Item(Split([department],"/"),2)` fails for 1 person: `Item`: there is no value 2: the attribute has 1: eve@contoso.example
      1 person gets a value from `Company = Item(Split([department],"/"),2)` that is not taken, as it has 51 characters where ShareFile takes 50: cy@contoso.example
      2 people get the same value from `Email = IIF([givenName]="Bob","ADA@contoso.example",[mail])`, ada@contoso.example: ada@contoso.example, bob@contoso.example
    "###);
    let json = world.run(&["check", "--json", "--sample", "2"]).await.exits(0).json();
    assert_eq!((&json["usable"], &json["trial"]["lookedAt"]), (&json!(true), &json!(2)));
    assert_eq!(world.sandbox.counts.by_endpoint(), requests, "neither end is asked");

    // Who is let out because nobody knows better is counted, and so is whose type nobody can tell.
    let staff = "{ attribute = \"department\", operator = \"NOT EQUALS\", value = \"Guests\" }";
    world.set("scope.filter", &format!("[{{ name = \"Staff\", clauses = [{staff}] }}]"));
    world.set("users.type", r#"'IIF([givenName]="Cy", "boss", "employee")'"#);
    let said = world.run(&["check"]).await.exits(0);
    let shown = said.out.split_once("can be used.\n").expect("the head").1;
    let told = |line: &&str| line.contains("Staff") || line.contains("users.type");
    let told: Vec<&str> = shown.lines().filter(told).map(str::trim).collect();
    insta::assert_snapshot!(told.join("\n"), @r###"
    `users.type` fails for 1 person: users.type gives "boss", and neither employee nor client: cy@contoso.example
    filter `Staff` wants department NOT EQUALS "Guests", and lets 1 person out of whom nobody knows `department`: dee@contoso.example
    "###);

    // What the snapshot does not hold is not guessed.
    world.set("users.match", "[{ target = \"Email\", source = \"[otherMails]\" }]");
    let said = world.run(&["check"]).await.exits(0);
    said.says("The snapshot does not hold what the rules read now");
}

#[tokio::test]
async fn the_schema_needs_no_configuration() {
    let world = World::real().await;
    let said = world.run(&["check", "--schema", "--config", "/nowhere/config.toml"]).await.exits(0);
    let schema = said.json();
    assert_eq!(schema["properties"]["schedule"]["properties"]["every"]["type"], "string");
}

#[tokio::test]
async fn without_a_store_it_is_said_that_nobody_was_tried() {
    let world = World::real().await;
    let said = world.run(&["check"]).await.exits(0);
    said.says("There is no store yet, so the mappings were tried on nobody.");
    assert!(!world.path("store.db").exists());
}
