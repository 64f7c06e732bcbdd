//! Scenarios: what they begin with, what happens by itself, and what is refused.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sharefile_provisioner::sandbox::graph::switches::ExpiredDelta;
use sharefile_provisioner::sandbox::scenario::Scenario;
use sharefile_provisioner::sandbox::{Sandbox, SandboxError, SandboxOptions};

use super::{Caller, started};

const PEOPLE: &str = r#"
[[group]]
displayName = "Inner"
[[group]]
displayName = "Outer"
members = ["Inner", "grace@contoso.com"]
role = "User"
[[person]]
mail = "ada@contoso.com"
givenName = "Ada"
surname = "Byron"
groups = ["Inner"]
role = "Employee"
[[person]]
userPrincipalName = "grace@contoso.com"
displayName = "Grace Hopper"
mail = "Grace@Contoso.com"
[[account]]
email = "grace@contoso.com"
last_name = "Hopper"
"#;

fn read(text: &str) -> Scenario {
    Scenario::read("story.toml", text).unwrap_or_else(|problem| panic!("{problem}"))
}

/// A world with two people and two groups, in which something happens after a minute.
async fn after_a_minute(change: &str) -> (Sandbox, Caller) {
    let text = format!("{PEOPLE}\n[[change]]\nafter = \"1m\"\n{change}\n");
    let (sandbox, clock) = started(SandboxOptions::default().telling(read(&text))).await;
    let caller = Caller::of(&sandbox);
    clock.advance(Duration::from_secs(59));
    let told = scenario(&caller).await;
    assert_eq!(told["happened"], json!([]), "{change}");
    assert_eq!(told["waiting"].as_array().map(Vec::len), Some(1));
    clock.advance(Duration::from_secs(1));
    let told = scenario(&caller).await;
    assert_eq!(told["waiting"], json!([]));
    assert_eq!(told["happened"][0]["problem"], Value::Null, "{change}: {told}");
    (sandbox, caller)
}

async fn scenario(caller: &Caller) -> Value {
    let (status, told) = caller.control(Method::GET, "scenario", None).await;
    assert_eq!(status, 200);
    told
}

fn refused(text: &str) -> String {
    Scenario::read("story.toml", text).map(|_| ()).expect_err("refused").to_string()
}

async fn unfit(text: &str) -> String {
    let options = SandboxOptions::default().telling(read(text));
    match Sandbox::start(options).await.map(|_| ()) {
        Err(SandboxError::Scenario(problem)) => problem.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_world_begins_as_it_is_told() {
    let (sandbox, _) = started(SandboxOptions::default().telling(read(PEOPLE))).await;
    let ada = sandbox.entra.person("ada@contoso.com").expect("a person");
    assert_eq!(ada.text("displayName"), Some("Ada Byron"));
    let inner = sandbox.entra.group("Inner").expect("a group");
    let outer = sandbox.entra.group("Outer").expect("a group");
    assert_eq!(ada.groups, [inner.id]);
    let grace = sandbox.entra.person("grace@contoso.com").expect("a person");
    let mut members = [inner.id, grace.id];
    members.sort();
    assert_eq!(outer.members, members);
    let rows = sandbox.entra.assignments();
    assert_eq!(rows.len(), 2);
    assert!(
        rows.iter()
            .any(|row| row.principal == ada.id && row.role_value.as_deref() == Some("Employee"))
    );
    assert_eq!(
        sandbox.sharefile.account_of("grace@contoso.com").expect("an account").last_name,
        "Hopper"
    );
    assert_eq!(sandbox.entra.totals().people, 2, "nobody else");
}

#[tokio::test]
async fn the_example_is_read_in_full_and_goes_through() {
    let text = include_str!("../../../config/scenario.toml");
    let scenario_read = read(text);
    assert_eq!((scenario_read.company().users, scenario_read.licences()), (20, Some(60)));
    let (sandbox, clock) = started(SandboxOptions::default().telling(scenario_read)).await;
    let caller = Caller::of(&sandbox);
    assert_eq!(sandbox.entra.totals().people, 23);
    assert_eq!(sandbox.entra.switches().expired_delta, ExpiredDelta::Gone);
    assert!(sandbox.sharefile.switches().normalise_names);
    assert_eq!(sandbox.faults.list().len(), 1);
    clock.advance(Duration::from_secs(3600));
    let told = scenario(&caller).await;
    let happened = told["happened"].as_array().expect("a list");
    assert_eq!(happened.len(), text.matches("[[change]]").count());
    for change in happened {
        assert_eq!(change["problem"], Value::Null, "{change}");
    }
    assert!(sandbox.entra.person("ada.lovelace@contoso.com").is_some());
    assert!(sandbox.entra.group("Everybody").is_none());
    assert!(sandbox.faults.list().is_empty());
}

#[tokio::test]
async fn people_come_change_and_go() {
    let (sandbox, _caller) = after_a_minute(
        r#"join = { mail = "alan@contoso.com", displayName = "Alan", groups = ["Inner"], role = "Client" }"#,
    )
    .await;
    let alan = sandbox.entra.person("alan@contoso.com").expect("a person");
    assert_eq!((alan.groups.len(), sandbox.entra.assignments().len()), (1, 3));

    let (sandbox, _caller) = after_a_minute(r#"leave = "ada@contoso.com""#).await;
    assert!(sandbox.entra.person("ada@contoso.com").expect("a person").groups.is_empty());
    assert_eq!(sandbox.entra.assignments().len(), 1);

    let rename =
        "rename = \"ada@contoso.com\"\nto = \"Ada King Lovelace\"\nmail = \"ada.l@contoso.com\"";
    let (sandbox, _caller) = after_a_minute(rename).await;
    let ada = sandbox.entra.person("ada.l@contoso.com").expect("a person");
    let names = ["givenName", "surname", "displayName", "userPrincipalName"].map(|n| ada.text(n));
    assert_eq!(
        names,
        [Some("Ada King"), Some("Lovelace"), Some("Ada King Lovelace"), Some("ada.l@contoso.com")]
    );

    let edit = "edit = \"ada@contoso.com\"\nset = { department = \"Research\", givenName = \"\" }";
    let (sandbox, _caller) = after_a_minute(edit).await;
    let ada = sandbox.entra.person("ada@contoso.com").expect("a person");
    assert_eq!((ada.text("department"), ada.text("givenName")), (Some("Research"), None));

    let (sandbox, _caller) = after_a_minute(r#"disable = "ada@contoso.com""#).await;
    assert!(!sandbox.entra.person("ada@contoso.com").expect("a person").enabled());
    let (sandbox, _caller) = after_a_minute(r#"delete = "ada@contoso.com""#).await;
    assert_eq!((sandbox.entra.totals().people, sandbox.entra.totals().deleted), (1, 1));
    let (sandbox, _caller) = after_a_minute(r#"purge = "ada@contoso.com""#).await;
    assert_eq!((sandbox.entra.totals().people, sandbox.entra.totals().deleted), (1, 0));
}

#[tokio::test]
async fn people_come_back_in_the_order_of_the_story() {
    let text = format!(
        "{PEOPLE}
        [[change]]
        after = \"3m\"
        enable = \"ada@contoso.com\"
        [[change]]
        after = \"1m\"
        disable = \"ada@contoso.com\"
        [[change]]
        after = \"1m\"
        delete = \"ada@contoso.com\"
        [[change]]
        after = \"2m\"
        restore = \"ada@contoso.com\""
    );
    let (sandbox, clock) = started(SandboxOptions::default().telling(read(&text))).await;
    let caller = Caller::of(&sandbox);
    // All at once: a clock that jumps passes them all.
    clock.advance(Duration::from_secs(600));
    let told = scenario(&caller).await;
    let order: Vec<&str> = told["happened"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|c| c["what"].as_str())
        .collect();
    let verbs: Vec<&str> = order.iter().filter_map(|what| what.split(' ').next()).collect();
    assert_eq!(verbs, ["disable", "delete", "restore", "enable"]);
    for change in told["happened"].as_array().expect("a list") {
        assert_eq!(change["problem"], Value::Null, "{change}");
    }
    assert_eq!(sandbox.entra.totals().deleted, 0);
    assert!(sandbox.entra.person("ada@contoso.com").expect("a person").enabled());
}

#[tokio::test]
async fn groups_and_roles_change() {
    let (sandbox, _caller) = after_a_minute("assign = \"Inner\"\nrole = \"Client\"").await;
    assert_eq!(sandbox.entra.assignments().len(), 3);
    let (sandbox, _caller) = after_a_minute("unassign = \"Outer\"").await;
    assert_eq!(sandbox.entra.assignments().len(), 1);
    let add = r#"add_group = { displayName = "New", members = ["ada@contoso.com", "Outer"], role = "User" }"#;
    let (sandbox, _caller) = after_a_minute(add).await;
    assert_eq!(sandbox.entra.group("New").expect("a group").members.len(), 2);
    let edit = "edit_group = \"Inner\"\nset = { displayName = \"Innermost\" }";
    let (sandbox, _caller) = after_a_minute(edit).await;
    assert!(sandbox.entra.group("Innermost").is_some());
    let (sandbox, _caller) = after_a_minute(r#"delete_group = "Inner""#).await;
    assert!(sandbox.entra.group("Inner").is_none());
    let add = "add_members = \"Inner\"\nmembers = [\"grace@contoso.com\"]";
    let (sandbox, _caller) = after_a_minute(add).await;
    assert_eq!(sandbox.entra.group("Inner").expect("a group").members.len(), 2);
    let remove = "remove_members = \"Outer\"\nmembers = [\"Inner\"]";
    let (sandbox, _caller) = after_a_minute(remove).await;
    assert_eq!(sandbox.entra.group("Outer").expect("a group").members.len(), 1);
}

#[tokio::test]
async fn accounts_faults_and_services_change() {
    let add = r#"add_account = { email = "byhand@contoso.com", kind = "client" }"#;
    let (sandbox, _caller) = after_a_minute(add).await;
    assert!(sandbox.sharefile.account_of("byhand@contoso.com").is_some());
    let edit = "edit_account = \"grace@contoso.com\"\nset = { email = \"g@contoso.com\", disabled = true }";
    let (sandbox, _caller) = after_a_minute(edit).await;
    assert!(sandbox.sharefile.account_of("g@contoso.com").expect("an account").disabled);
    let (sandbox, _caller) = after_a_minute(r#"remove_account = "grace@contoso.com""#).await;
    assert!(sandbox.sharefile.account_of("grace@contoso.com").is_none());
    let fault = r#"fault = { kind = "html", endpoint = "/users", status = 502 }"#;
    let (sandbox, caller) = after_a_minute(fault).await;
    assert_eq!(sandbox.faults.list().len(), 1);
    let answer = caller.graph(Method::GET, "users").await.send().await.expect("an answer");
    assert_eq!(answer.status(), 502);
    let entra =
        r#"entra = { switches = { large_top = "clamp" }, permissions = ["User.Read.All"] }"#;
    let (sandbox, _caller) = after_a_minute(entra).await;
    assert_eq!(sandbox.entra.permissions(), ["User.Read.All"]);
    let (sandbox, _caller) =
        after_a_minute(r#"sharefile = { switches = { page_size = 3 } }"#).await;
    assert_eq!(sandbox.sharefile.switches().page_size, Some(3));
    after_a_minute("end_deltas = true").await;
    after_a_minute("clear_faults = true").await;
    after_a_minute("end_tokens = true").await;
}

#[tokio::test]
async fn a_change_that_cannot_be_made_says_why_and_the_story_goes_on() {
    let text = format!(
        "{PEOPLE}
        [[change]]
        after = \"1m\"
        purge = \"ada@contoso.com\"
        [[change]]
        after = \"2m\"
        disable = \"ada@contoso.com\"
        [[change]]
        after = \"3m\"
        disable = \"grace@contoso.com\""
    );
    let (sandbox, clock) = started(SandboxOptions::default().telling(read(&text))).await;
    let caller = Caller::of(&sandbox);
    clock.advance(Duration::from_secs(180));
    let told = scenario(&caller).await;
    assert_eq!(told["happened"][1]["problem"], "there is no person `ada@contoso.com`");
    assert_eq!(told["happened"][2]["problem"], Value::Null);
    assert!(!sandbox.entra.person("grace@contoso.com").expect("a person").enabled());
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place() {
    let text = r#"
[compny]
[company]
users = -1
[entra.switches]
delta_page_siz = 3
expired_delta = "perhaps"
[[person]]
mail = "ada@contoso.com"
departement = "x"
[[person]]
givenName = "Nameless"
[[assignment]]
role = "User"
[[account]]
email = "a@b.c"
kind = "boss"
[[fault]]
kind = "sloow"
[[change]]
after = "soon"
leave = "ada@contoso.com"
[[change]]
after = "1m"
[[change]]
after = "1m"
leave = "ada@contoso.com"
role = "User"
"#;
    let problems = refused(text);
    let lines: Vec<&str> = problems.lines().collect();
    let expected = [
        "story.toml:2:2: unknown key `compny`. Did you mean `company`?",
        "story.toml:4:9: this must be a whole number that is not negative",
        "story.toml:6:1: unknown key `delta_page_siz`. Did you mean `delta_page_size`?",
        "story.toml:7:17: `expired_delta`: unknown variant `perhaps`, expected one of",
        "story.toml:10:1: Graph has no property `departement`. Did you mean `department`?",
        "story.toml:11:1: `userPrincipalName` is missing",
        "story.toml:13:1: `principal` is missing",
        "story.toml:15:1: unknown variant `boss`, expected `employee` or `client`",
        "story.toml:18:1: unknown variant `sloow`, expected one of `too_many_requests`",
        "story.toml:21:9: `soon` is no length of time",
        "story.toml:23:1: a change does exactly one of these: join, leave",
        "story.toml:28:1: unknown key `role`; known are after, leave",
    ];
    assert_eq!(lines.len(), expected.len(), "{problems}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\nis not\n{expected}");
    }
    assert!(refused("[company\n").starts_with("story.toml:1:9: "), "{}", refused("[company\n"));
}

#[tokio::test]
async fn who_is_not_there_is_missed_before_the_story_begins() {
    let text = format!(
        "{PEOPLE}
[[assignment]]
principal = \"nobody@contoso.com\"
[[change]]
after = \"2m\"
leave = \"alan@contoso.com\"
[[change]]
after = \"1m\"
join = {{ mail = \"alan@contoso.com\", displayName = \"Alan\" }}
[[change]]
after = \"1m\"
leave = \"grcae@contoso.com\"
[[change]]
after = \"1m\"
add_members = \"Inner\"
members = [\"Outermost\"]
[[change]]
after = \"1m\"
assign = \"Inner\"
role = \"Boss\"
"
    );
    let problems = unfit(&text).await;
    let at = |needle: &str| text[..text.find(needle).expect("a place")].matches('\n').count();
    let expected = [
        format!("story.toml:{}:1: there is no person or group `nobody@contoso.com`", at("nobody")),
        format!("story.toml:{}:1: there is no person `grcae@contoso.com` by then", at("grcae") - 1),
        format!(
            "story.toml:{}:1: there is no person or group `Outermost` by then",
            at("Outermost") - 2
        ),
        format!("story.toml:{}:1: there is no role `Boss` by then", at("Boss") - 2),
    ];
    assert_eq!(problems.lines().collect::<Vec<_>>(), expected);
}
