//! The command: its help is enough, and what it is told it does.

use std::process::Stdio;

use serde_json::Value;
use sharefile_provisioner::sandbox::faults::Fault;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

fn help() -> String {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
    let done = command.args(["sandbox", "--help"]).assert().success();
    String::from_utf8(done.get_output().stdout.clone()).expect("text")
}

/// Starts the command; returns it, and what it says of itself.
async fn started(arguments: &[&str]) -> (Child, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
    command.args(["sandbox", "--json", "--listen", "127.0.0.1:0"]).args(arguments);
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("a start");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("an output");
    BufReader::new(stdout).read_line(&mut line).await.expect("a line");
    (child, serde_json::from_str(&line).expect("JSON"))
}

async fn control(shown: &Value, path: &str) -> Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tls_built_in_root_certs(false);
    let url = format!("{}/{path}", shown["control_url"].as_str().expect("a URL"));
    let answer = client.build().expect("a client").get(url).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

fn refused(arguments: &[&str]) -> String {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
    command.args(["sandbox", "--listen", "127.0.0.1:0", "--users", "1"]).args(arguments);
    let refused = command.assert().code(64);
    String::from_utf8_lossy(&refused.get_output().stderr).into_owned()
}

#[test]
fn the_help_says_how_to_point_a_client_at_it() {
    let help = help();
    for part in [
        "SSL_CERT_FILE=",
        "REQUESTS_CA_BUNDLE=",
        "NODE_EXTRA_CA_CERTS=",
        "instance_discovery=False",
        "disable_instance_discovery=True",
        "allowed_hosts=[\"localhost\"]",
        "adapter.base_url = \"GRAPH_URL/v1.0\"",
        "customHosts: new Set([\"localhost\"])",
        "/oauth/token",
        "--sharefile-domain sharefile.com",
    ] {
        assert!(help.contains(part), "nothing about {part}:\n{help}");
    }
}

#[test]
fn the_help_names_every_kind_of_fault() {
    let help = help();
    let known = "kind=?".parse::<Fault>().expect_err("no kind").to_string();
    let known = known.split("expected one of ").nth(1).expect("a list");
    for kind in known.split(", ").map(|kind| kind.trim_matches('`')) {
        assert!(help.contains(kind), "nothing about {kind}");
    }
}

#[tokio::test]
async fn faults_and_switches_are_taken_from_the_command_line() {
    let (_child, shown) = started(&[
        "--users",
        "3",
        "--fault",
        "kind=slow,endpoint=/users,delay_ms=5,probability=0.5",
        "--switch",
        "graph.expired_delta=gone",
        "--switch",
        "sharefile.page_size=2",
    ])
    .await;
    let faults = control(&shown, "faults").await;
    assert_eq!((&faults[0]["kind"], &faults[0]["delay_ms"]), (&"slow".into(), &5.into()));
    assert!(faults[0]["seed"].as_u64().expect("a seed") > 0, "the seed is shown");
    assert_eq!(control(&shown, "switches").await["expired_delta"], "gone");
    assert_eq!(control(&shown, "sharefile").await["switches"]["page_size"], 2);
}

#[tokio::test]
async fn a_scenario_is_told_and_the_command_line_has_the_last_word() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/scenario.toml");
    let (_child, shown) =
        started(&["--scenario", example, "--users", "5", "--licences", "70"]).await;
    let state = control(&shown, "state").await;
    assert_eq!(state["totals"]["people"], 8);
    assert_eq!(control(&shown, "sharefile").await["employee_max"], 70);
    assert!(control(&shown, "scenario").await["waiting"].as_array().expect("a list").len() > 10);
}

#[test]
fn what_cannot_be_understood_ends_with_what_can() {
    for (arguments, part) in [
        (["--fault", "kind=htlm"], "expected one of `too_many_requests`"),
        (["--fault", "kind=html,keep=2"], "`keep` says nothing about html; it goes with cut_list"),
        (["--switch", "graph.expired=gone"], "unknown field `expired`, expected one of"),
        (["--switch", "graph.expired_delta=maybe"], "unknown variant `maybe`"),
        (["--switch", "entra.x=1"], "`entra` has no switches"),
        (["--switch", "x"], "`x` is no switch"),
        (["--scenario", "/nowhere.toml"], "/nowhere.toml cannot be read"),
    ] {
        let said = refused(&arguments);
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("story.toml");
    std::fs::write(&file, "[[person]]\nmial = \"a@b.c\"\n").expect("a file");
    let said = refused(&["--scenario", file.to_str().expect("a path")]);
    assert!(
        said.contains("story.toml:2:1: Graph has no property `mial`. Did you mean `mail`?"),
        "{said}"
    );
}
