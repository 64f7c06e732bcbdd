//! `eval`: expressions from the command line.

use std::process::Command;

use serde_json::{Value, json};
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::views::NewPerson;

use super::{Process, Said, World};

/// The program without a job.
async fn eval(arguments: &[&str]) -> Said {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
    program.arg("eval").args(arguments).env("NO_COLOR", "1");
    program.env_remove("SHAREFILE_PROVISIONER_CONFIG");
    Process::start(program).end().await
}

/// What `--json` printed: exactly one object.
fn object(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"))
}

/// The arguments that give a case its values and its surroundings.
fn arguments(case: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut arguments = vec![text(&case["expression"]), "--json".to_owned()];
    for (name, value) in case["source"].as_object().into_iter().flatten() {
        let values = match value {
            Value::Null => Vec::new(),
            Value::Array(values) => values.iter().map(text).collect(),
            one => vec![text(one)],
        };
        for value in values {
            arguments.extend(["--set".to_owned(), format!("{name}={value}")]);
        }
    }
    let context = &case["context"];
    for (name, option) in [("now", "--now"), ("default_domain", "--default-domain")] {
        if let Some(value) = context[name].as_str() {
            arguments.extend([option.to_owned(), value.to_owned()]);
        }
    }
    for value in context["target_values_taken"].as_array().into_iter().flatten() {
        arguments.extend(["--taken".to_owned(), text(value)]);
    }
    arguments
}

#[tokio::test]
async fn every_case_with_a_gate_comes_out_the_same_on_the_command_line() {
    let cases: Value =
        serde_json::from_str(include_str!("../../data/expression-cases.json")).expect("cases");
    let mut wrong = Vec::new();
    let gated = cases.as_array().expect("a list").iter().filter(|case| case["gate"] == true);
    for case in gated {
        let arguments = arguments(case);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let said = eval(&arguments).await;
        let (is, code) = (object(&said), said.code.unwrap_or(-1));
        let expected = &case["expected"];
        let right = match (expected.get("error"), expected.get("matches"), expected.get("flow")) {
            (Some(_), _, _) => {
                let error = &is["error"];
                let placed =
                    error["line"].as_u64() >= Some(1) && error["column"].as_u64() >= Some(1);
                code == 65 && placed && error["message"].is_string() && is.get("value").is_none()
            }
            (_, Some(pattern), _) => {
                let pattern = fancy_regex::Regex::new(pattern.as_str().expect("a pattern"));
                let fits = |text| pattern.expect("a pattern").is_match(text).unwrap_or(false);
                code == 0 && is["value"].as_str().is_some_and(fits)
            }
            (_, _, Some(flow)) => code == 0 && is == json!({ "flow": flow }),
            _ => code == 0 && is == json!({ "value": expected }),
        };
        if !right {
            wrong.push(format!("{}: {code} {is}, expected {expected}", case["id"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn values_are_printed_for_people_and_for_programs() {
    let name = r#"Join(" ", [givenName], [surname])"#;
    let given = ["--set", "givenName=Ada", "--set", "surname=Byron"];
    let said = eval(&[&[name], &given[..]].concat()).await.exits(0);
    assert_eq!((said.out.as_str(), said.err.as_str()), ("Ada Byron\n", ""));
    let said = eval(&["[mail]", "--json"]).await.exits(0);
    assert_eq!(object(&said), json!({ "value": null }));
    assert_eq!(eval(&["[mail]"]).await.exits(0).out, "(null)\n");
    let several = ["--set", "otherMails=a@x.test", "--set", "otherMails=b@x.test"];
    let said = eval(&[&["[otherMails]", "--json"], &several[..]].concat()).await.exits(0);
    assert_eq!(object(&said), json!({ "value": ["a@x.test", "b@x.test"] }));
    let said = eval(&[&["[otherMails]"], &several[..]].concat()).await.exits(0);
    assert_eq!(said.out, "a@x.test\nb@x.test\n");
    let said = eval(&["IgnoreFlowIfNullOrEmpty([mail])", "--json"]).await.exits(0);
    assert_eq!(object(&said), json!({ "flow": "ignore-attribute" }));
    let said = eval(&[
        "FormatDateTime(Now(), , \"M/d/yyyy h:mm:ss tt\", \"yyyy-MM-dd\")",
        "--now",
        "2026-11-22",
    ]);
    assert_eq!(said.await.exits(0).out, "2026-11-22\n");
    // The configuration is neither needed nor set.
    eval(&["\"x\"", "--config", "/nowhere/config.toml"]).await.exits(0);
}

#[tokio::test]
async fn mistakes_show_their_place() {
    let said = eval(&["Jion(\" \", [givenName])"]).await.exits(65);
    assert_eq!(said.out, "");
    insta::assert_snapshot!(said.err, @r###"
    error: the expression cannot be read
    1 | Jion(" ", [givenName])
      | ^^^^ there is no function `Jion`
      = did you mean `Join`?
    "###);
    let said = eval(&["Item(Split([department], \"/\"), 2)", "--set", "department=Sales"]);
    let said = said.await.exits(65);
    insta::assert_snapshot!(said.err, @r###"
    error: the expression cannot be evaluated on these values
    1 | Item(Split([department], "/"), 2)
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `Item`: there is no value 2: the attribute has 1
    "###);
    let said = eval(&["Left([mail],\n  \"x\")", "--json"]).await.exits(65);
    assert_eq!((object(&said)["error"]["line"].clone(), said.err.as_str()), (json!(2), ""));
    eval(&["[mail]", "--set", "mail"]).await.exits(64).warns("Write --set NAME=VALUE");
    eval(&["[mail]", "--now", "soon"]).await.exits(64).warns("2026-11-22T04:00:00Z");
}

#[tokio::test]
async fn a_trace_shows_each_call() {
    let expression =
        r#"IIF(IsPresent([companyName]), ToUpper(Trim([companyName])), Left([mail], "2"))"#;
    let said = eval(&[expression, "--set", "companyName= Contoso ", "--trace"]).await.exits(0);
    insta::assert_snapshot!(said.out, @r###"
      IsPresent([companyName] = " Contoso ") → True
        Trim([companyName] = " Contoso ") → "Contoso"
      ToUpper(Trim([companyName]) = "Contoso") → "CONTOSO"
    IIF(IsPresent([companyName]) = True, ToUpper(Trim([companyName])) = "CONTOSO", Left([mail],"2") not evaluated) → "CONTOSO"
    CONTOSO
    "###);
    let said = eval(&[expression, "--set", "mail=ada", "--trace", "--json"]).await.exits(0);
    let is = object(&said);
    assert_eq!((&is["value"], is["trace"][1]["function"].as_str()), (&json!("ad"), Some("Left")));
    // What fails is traced up to where it does.
    let failing = ["Item(Split([department], \"/\"), 2)", "--set", "department=Sales", "--trace"];
    let is = object(&eval(&[&failing[..], &["--json"]].concat()).await.exits(65));
    assert_eq!((&is["trace"][0]["function"], &is["error"]["line"]), (&json!("Split"), &json!(1)));
    let said = eval(&failing).await.exits(65);
    assert!(said.out.contains("Split(") && said.out.contains("fails: "), "{said:?}");
}

#[tokio::test]
async fn a_value_that_nobody_reads_is_told_with_the_nearest_name() {
    let expression = "Join(\" \", [givenName], [surname])";
    let set = ["--set", "givenname=Ada", "--set", "surname=Byron", "--set", "mail=x"];
    let said = eval(&[&[expression, "--json"], &set[..]].concat()).await.exits(0);
    assert_eq!(object(&said), json!({ "value": "Byron" }));
    let said = [said.err, eval(&["\"x\"", "--set", "mail=y"]).await.exits(0).err].concat();
    insta::assert_snapshot!(said, @r###"
    note: `--set givenname` changes nothing in the expression: it has no [givenname]; did you mean `--set givenName=…`?
    note: `--set mail` changes nothing in the expression: it reads [givenName], [surname]
    note: `--set mail` changes nothing in the expression: it reads no attributes
    "###);
}

#[tokio::test]
async fn somebody_of_the_directory_is_read_whatever_the_configuration_asks_for() {
    let world = World::real().await;
    let ada = world.person("Ada");
    world.person("Bob");
    let entra = &world.sandbox.entra;
    entra.set_person(ada, "officeLocation", "2/34").expect("an edit");
    let expression = r#"Join(" in ", [displayName], [officeLocation])"#;
    let id = ada.to_string();
    for who in [id.as_str(), "ADA@contoso.example", "Ada Tester"] {
        let said = world.run(&["eval", expression, "--for", who]).await.exits(0);
        assert!(said.out.starts_with("Ada") && said.out.ends_with(" in 2/34\n"), "{said:?}");
    }
    let set = ["eval", expression, "--for", &id, "--set", "displayName=Countess"];
    assert_eq!(world.run(&set).await.exits(0).out, "Countess in 2/34\n");
    world.run(&["eval", expression, "--for", "nobody@x.test"]).await.exits(64).warns("nobody@x");
    let said = world.run(&["eval", "[offceLocation]", "--for", &id]).await.exits(65);
    said.warns("did you mean `[officeLocation]`?");
    assert!(!world.path("store.db").exists(), "nothing is written");

    // What the last cycle knew of the assignments is there as well.
    let roles = ["eval", "[appRoleValue]", "--for", &id, "--json"];
    assert_eq!(object(&world.run(&roles).await.exits(0)), json!({ "value": null }));
    world.assign(ada, "Client");
    world.sync().await;
    assert_eq!(object(&world.run(&roles).await.exits(0)), json!({ "value": "Client" }));
}

#[tokio::test]
async fn programs_read_one_object_also_of_what_was_not_evaluated() {
    let world = World::real().await;
    for mail in ["one@contoso.example", "two@contoso.example"] {
        world.sandbox.entra.add_person(NewPerson::named("Twin", "Tester", mail)).expect("a person");
    }
    let mut told = String::new();
    let mut tell = |said: Said| {
        let error = object(&said)["error"].clone();
        assert_eq!((&error["line"], &error["column"]), (&json!(null), &json!(null)), "{said:?}");
        let message = error["message"].as_str().expect("words");
        assert!(said.err.contains(message.lines().last().expect("a line")), "{said:?}");
        told.push_str(&format!("{}: {message}\n", said.code.unwrap_or(-1)));
    };
    tell(eval(&["[mail]", "--json", "--now", "soon"]).await);
    tell(eval(&["[mail]", "--json", "--set", "mail"]).await);
    tell(eval(&["[mail]", "--json", "--for", "ada", "--config", "/nowhere/config.toml"]).await);
    tell(world.run(&["eval", "[mail]", "--json", "--for", "nobody@x.test"]).await);
    insta::assert_snapshot!(told, @r###"
    64: `--now soon` is no time
    64: `--set mail` names no attribute and value
    65: the configuration cannot be used
    /nowhere/config.toml: there is no configuration file here. Copy the annotated example `config/config.toml` there and fill it in, or name another file with `--config` or `SHAREFILE_PROVISIONER_CONFIG`.
    64: nobody in Entra ID is called `nobody@x.test`
    "###);
    let twins = world.run(&["eval", "[mail]", "--json", "--for", "Twin Tester"]).await.exits(64);
    let message = object(&twins)["error"]["message"].as_str().expect("words").to_owned();
    assert!(message.starts_with("`Twin Tester` is the name of several people"), "{message}");
    world.sandbox.faults.add(Fault::new(FaultKind::Unauthorized).at("/v1.0/users"));
    let refused = world.run(&["eval", "[mail]", "--json", "--for", "one@contoso.example"]).await;
    assert_eq!(object(&refused.exits(66))["error"]["line"], json!(null));
}
