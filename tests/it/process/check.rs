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
    The rules were tried on 5 people in scope, of 5 people in the snapshot.
      `Company = Item(Split([department],"/"),2)` fails for 1 person: `Item`: there is no value 2: the attribute has 0: dee@contoso.example
      `Company = Item(Split([department],"/"),2)` fails for 1 person: `Item`: there is no value 2: the attribute has 1: eve@contoso.example
      1 person gets a value from `Company = Item(Split([department],"/"),2)` that is not taken, as it has 51 characters where ShareFile takes 50: cy@contoso.example
      2 people get the same value from `Email = IIF([givenName]="Bob","ADA@contoso.example",[mail])`, ada@contoso.example: ada@contoso.example, bob@contoso.example
      1 person gets no value from `LastName = Switch([department],[surname],"Research/Engines","")`, which is required: ada@contoso.example (there is an account already; this is about new ones only)
    "###);
    let json = world.run(&["check", "--json", "--sample", "2"]).await.exits(0).json();
    assert_eq!((&json["usable"], &json["trial"]["lookedAt"]), (&json!(true), &json!(2)));
    assert_eq!((&json["problems"], &json["untried"]), (&json!([]), &json!(null)));
    assert_eq!(world.sandbox.counts.by_endpoint(), requests, "neither end is asked");

    // Whoever has roles that ask for different types is named.
    let kit = NewPerson::named("Kit", "Tester", "kit@contoso.example");
    let kit = kit.with("department", json!("Sales/Asia"));
    let kit = world.sandbox.entra.add_person(kit).expect("a person");
    for (role, kind) in [("Employee", "employee"), ("Client", "client")] {
        world.assign(kit, role);
        world.set(&format!("users.type.roles.{role}"), kind);
    }
    world.run(&["sync"]).await;
    let said = world.run(&["check"]).await.exits(0);
    let told = said.out.lines().find(|line| line.contains("users.type")).expect("a finding");
    insta::assert_snapshot!(told.trim(), @r###"
    `users.type` fails for 1 person: the roles Client and Employee ask for different types: kit@contoso.example
    "###);

    // Who is let out because nobody knows better is counted, and so is whose type nobody can tell.
    let staff = "{ attribute = \"department\", operator = \"NOT EQUALS\", value = \"Guests\" }";
    world.set("scope.filter", &format!("[{{ name = \"Staff\", clauses = [{staff}] }}]"));
    world.set("users.type", r#"'IIF([givenName]="Cy", "boss", "employee")'"#);
    let said = world.run(&["check"]).await.exits(0);
    let shown = said.out.split_once("can be used.\n").expect("the head").1;
    let told = |line: &&str| line.contains("Staff") || line.contains("users.type");
    let told: Vec<&str> = shown.lines().filter(told).map(str::trim).collect();
    insta::assert_snapshot!(told.join("\n"), @r###"
    `users.type` fails for 1 person: it gives "boss", and neither employee nor client: cy@contoso.example
    filter `Staff` wants department NOT EQUALS "Guests", and lets 1 person out of whom nobody knows `department`: dee@contoso.example
    "###);

    // What the snapshot does not hold is not guessed.
    world.set("users.match", "[{ target = \"Email\", source = \"[otherMails]\" }]");
    let said = world.run(&["check"]).await.exits(0);
    insta::assert_snapshot!(said.shown_in(&world), @r###"
    FOLDER/config.toml: the configuration can be used.
    The snapshot does not hold what the rules read now, so the rules were tried on nobody. The next cycle reads it; until then `sharefile-provisioner plan`, which keeps nothing, shows what would come of them.
    "###);
    assert_eq!(untried(&world).await, "snapshot_differs");
}

/// Why `check --json` tried nothing.
async fn untried(world: &World) -> String {
    let json = world.run(&["check", "--json"]).await.exits(0).json();
    assert_eq!((&json["usable"], &json["trial"]), (&json!(true), &json!(null)));
    json["untried"]["reason"].as_str().expect("a reason").to_owned()
}

/// An entry of `users.attribute` or `users.match`, with what else it says.
fn entry(target: &str, source: &str, more: &str) -> String {
    format!("{{ target = \"{target}\", source = '{source}'{more} }}")
}

#[tokio::test]
async fn each_kind_of_finding_is_reached() {
    let mut world = World::real().await.following_groups();
    let sources = ["[mail]", "[givenName]", "[surname]", "[department]"];
    let targets = ["Email", "FirstName", "LastName", "Company"];
    let entries = targets.iter().zip(sources).map(|(target, source)| entry(target, source, ""));
    let entries: Vec<String> = entries.collect();
    world.set("users.attribute", &format!("[{}]", entries.join(", ")));
    let group_name = |source: &str| format!("[{}]", entry("Name", source, ""));
    world.set("groups.attribute", &group_name("Coalesce([description], [displayName])"));
    let person = |name: &str, last: &str, department: &str| {
        let mail = format!("{}@contoso.example", name.to_lowercase());
        let person = NewPerson::named(name, last, &mail).with("department", json!(department));
        let id = world.sandbox.entra.add_person(person).expect("a person");
        world.assign(id, "User");
        id
    };
    let (ada, ben) = (person("Ada", "Byron", "Sales"), person("Ben", "Odd", "Odd"));
    world.group("Sales", &[ada]);
    world.group("Board", &[ben]);
    world.run(&["sync", "--yes"]).await.exits(0);
    // These are known, and have no account yet.
    person("Cyd", "Twin", "Ships");
    person("Dee", "Twin", "Ships");
    person("Eve", "Alone", "Leave");
    person("Fay", "Nameless", "Blank");
    let guest = NewPerson::named("Gus", "Guest", "gus@contoso.example");
    let guest = world.sandbox.entra.add_person(guest).expect("a person");
    world.group("Third", &[guest]);
    world.group("Fourth", &[]);

    let first = "{ all = [{ target = \"LastName\", source = \"[surname]\" }, { target = \"Company\", source = \"[department]\" }] }";
    let second =
        entry("Email", "Switch([department], [mail], \"Blank\", \"\")", ", required = true");
    let third = entry("FirstName", "Item(Split([givenName], \"d\"), 2)", "");
    world.set("users.match", &format!("[{first}, {second}, {third}]"));
    let entries = [
        entry("Email", "SelectUniqueValue(\"one@x.test\", [mail])", ", apply = \"on_create\""),
        entry("FirstName", "IIF([department]=\"Leave\", IgnoreObjectFlow, [givenName])", ""),
        entry("LastName", "[surname]", ""),
        entry("Company", "Item(Split([department], \"S\"), 2)", ", apply = \"on_create\""),
        entry("Active", "Switch([department], \"True\", \"Odd\", \"maybe\")", ""),
    ];
    world.set("users.attribute", &format!("[{}]", entries.join(", ")));
    let staff = "{ operator = \"MEMBER OF\", value = \"Nobody\" }";
    let known = "{ attribute = \"department\", operator = \"IS NOT NULL\" }";
    let clauses = |clause: &str| format!("{{ clauses = [{clause}] }}");
    world.set("scope.filter", &format!("[{}, {}]", clauses(staff), clauses(known)));
    let name =
        r#"Switch([displayName], "One", "Third", "", "Board", Item(Split([displayName], "x"), 2))"#;
    world.set("groups.attribute", &group_name("Coalesce([description], [displayName])"));
    world.set("guard.creates_per_cycle", "0");
    world.run(&["sync"]).await;
    world.set("groups.attribute", &group_name(&format!("IIF([description]=\"x\", \"\", {name})")));
    let said = world.run(&["check"]).await.exits(0);
    let shown = said.out.split_once("can be used.\n").expect("the head").1;
    insta::assert_snapshot!(shown, @r###"
    The rules were tried on 5 people and 4 groups in scope, of 7 people in the snapshot.
      `Active = Switch([department],"True","Odd","maybe")` fails for 1 person: the value is `maybe`, which is neither True nor False: ben@contoso.example
      `Company = Item(Split([department],"S"),2)` fails for 1 person: `Item`: there is no value 2: the attribute has 1: fay@contoso.example
      `users.match: FirstName = Item(Split([givenName],"d"),2)` fails for 1 person: `Item`: there is no value 2: the attribute has 1: dee@contoso.example (if no rule before it finds an account)
      `groups.attribute: Name = IIF([description]="x","",Switch([displayName],"One","Third","","Board",Item(Split([displayName],"x"),2)))` fails for 1 group: `Item`: there is no value 2: the attribute has 1: Board
      1 person gets no value from `users.match: Email = Switch([department],[mail],"Blank","")`, which is required: fay@contoso.example (if no rule before it finds an account)
      1 group gets no value from `groups.attribute: Name = IIF([description]="x","",Switch([displayName],"One","Third","","Board",Item(Split([displayName],"x"),2)))`, which is required: Third
      2 groups get the same value from `groups.attribute: Name = IIF([description]="x","",Switch([displayName],"One","Third","","Board",Item(Split([displayName],"x"),2)))`, one: Fourth, Sales
      2 people match one account by `users.match: LastName = [surname], Company = [department]`, if there is one with twin, ships: cyd@contoso.example, dee@contoso.example
      `scope.filter` cannot tell whether it lets 1 person in, as no assigned group is "Nobody": gus@contoso.example
      `FirstName = IIF([department]="Leave",IgnoreObjectFlow,[givenName])` leaves 1 person alone: eve@contoso.example
      `Company = Item(Split([department],"S"),2)` fails for 1 person: `Item`: there is no value 2: the attribute has 1: ben@contoso.example (there is an account already; this is about new ones only)
      `users.match: FirstName = Item(Split([givenName],"d"),2)` fails for 1 person: `Item`: there is no value 2: the attribute has 1: ben@contoso.example (there is an account already; this is about new ones only) (if no rule before it finds an account)
    "###);
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
    insta::assert_snapshot!(said.shown_in(&world), @r###"
    FOLDER/config.toml: the configuration can be used.
    There is no store yet, so the rules were tried on nobody.
    "###);
    assert_eq!(untried(&world).await, "no_store");
    assert!(!world.path("store.db").exists());
    world.run(&["pause"]).await.exits(0);
    let said = world.run(&["check"]).await.exits(0);
    insta::assert_snapshot!(said.shown_in(&world), @r###"
    FOLDER/config.toml: the configuration can be used.
    Nothing has been read from Entra ID yet, so the rules were tried on nobody.
    "###);
    assert_eq!(untried(&world).await, "nothing_read");
}

#[tokio::test]
async fn programs_read_one_object_also_of_what_cannot_be_used() {
    let mut world = World::real().await;
    world.set("users.attribute", "[{ target = \"Email\", source = \"[mial]\" }]");
    let said = world.run(&["check", "--json"]).await.exits(65);
    assert_eq!(said.err, "");
    let json = said.json();
    assert_eq!((&json["usable"], &json["trial"]), (&json!(false), &json!(null)));
    assert_eq!(json["untried"]["reason"], "unusable");
    let problems = json["problems"].as_array().expect("a list");
    let key = |key: &str| problems.iter().find(|one| one["key"] == key).expect(key);
    let message = key("users.attribute[1].source")["message"].as_str().expect("words");
    assert!(message.contains("`mial` is no attribute"), "{message}");

    // A place in a file is given in numbers, and a file that is not there is a problem like others.
    let file = world.path("config.toml");
    let text = std::fs::read_to_string(&file).expect("a file");
    std::fs::write(&file, format!("{text}\n[shedule]\nevery = \"1h\"\n")).expect("a file");
    let json = world.run(&["check", "--json"]).await.exits(65).json();
    let wrong = &json["problems"][0];
    let line = text.lines().count() + 2;
    assert_eq!((&wrong["line"], &wrong["key"]), (&json!(line), &json!("shedule")), "{json:#}");
    assert_eq!(wrong["suggestion"], "Did you mean `schedule`?");
    std::fs::remove_file(&file).expect("a file");
    let json = world.run(&["check", "--json"]).await.exits(65).json();
    assert_eq!(json["usable"], false, "{json:#}");
    assert!(!json["problems"].as_array().expect("a list").is_empty());
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_said_in_the_object_too() {
    let world = World::real().await;
    std::fs::write(world.path("store.db"), "no store").expect("a file");
    let json = world.run(&["check", "--json"]).await.exits(69).json();
    assert_eq!((&json["usable"], &json["untried"]["reason"]), (&json!(true), &json!("failed")));
    let message = json["untried"]["message"].as_str().expect("words");
    let folder = world.folder.path().display().to_string();
    insta::assert_snapshot!(message.replace(&folder, "FOLDER"), @r###"
    FOLDER/store.db is damaged: it is not an SQLite database
    "###);
}

#[cfg(unix)]
#[tokio::test]
async fn a_configuration_may_have_any_name() {
    use std::os::unix::ffi::OsStrExt;

    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
    program.args(["check", "--json", "--config"]);
    program.arg(std::ffi::OsStr::from_bytes(b"/nowhere/\xff.toml"));
    let json = super::Process::start(program).end().await.exits(65).json();
    assert_eq!(json["configuration"], "/nowhere/\u{fffd}.toml");
    assert_eq!(json["problems"][0]["file"], json["configuration"]);
    assert_eq!(json["untried"]["message"], "The configuration cannot be used.");
}
