//! Commands and their exit codes, which scripts rely on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;

use super::{Process, Said, World, eventually};

/// The program without a job.
async fn bare(arguments: &[&str]) -> Said {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
    program.args(arguments).env("NO_COLOR", "1").env_remove("SHAREFILE_PROVISIONER_CONFIG");
    Process::start(program).end().await
}

#[tokio::test]
async fn a_wrong_command_line_is_64() {
    bare(&["frobnicate"]).await.exits(64).warns("frobnicate");
    bare(&[]).await.exits(64).warns("Usage");
    bare(&["sync", "--fulll"]).await.exits(64).warns("--full");
    bare(&["approve", "first"]).await.exits(64).warns("first");
    bare(&["log", "--status", "great"]).await.exits(64).warns("success");
    bare(&["log", "--since", "yesterday"]).await.exits(64).warns("2026-11-22T04:00:00Z");
    bare(&["--set", "schedule", "check"]).await.exits(64).warns("Write --set KEY=VALUE.");
    let help = bare(&["--help"]).await.exits(0);
    for command in ["demo", "run", "plan", "apply", "sync", "pause", "resume", "status", "log"] {
        assert!(help.out.contains(&format!("\n  {command} ")), "{command} in {}", help.out);
    }
    help.says("Exit codes: 0 done or nothing to do").says("71 another writer");
    bare(&["--version"]).await.exits(0).says("sharefile-provisioner 0.");
}

#[tokio::test]
async fn check_reports_every_problem_at_once() {
    let world = World::real().await;
    let config = world.config();
    world.run(&["check"]).await.exits(0).says("the configuration can be used.");
    let good = std::fs::read_to_string(&config).expect("a configuration");
    let bad = good
        .replace("every = \"20m\"", "evry = \"20m\"")
        .replace("{ file = \"sharefile-password\" }", "{ file = \"nowhere\" }")
        .replace("requests_per_minute = 100000", "in_flight = \"many\"")
        .replace("first_cycle = \"apply\"", "first_cycle = \"aply\"");
    std::fs::write(&config, bad).expect("a file");
    let said = world.run(&["check"]).await.exits(65);
    assert_eq!(said.out, "");
    for problem in [
        "config.toml:3:1: schedule.evry: unknown key. Did you mean `every`?",
        "nowhere",
        "sharefile.in_flight",
        "guard.first_cycle",
        "Did you mean `apply`?",
    ] {
        assert!(said.err.contains(problem), "{problem} in {}", said.err);
    }
    // Every other command says the same, and does nothing.
    for command in ["run", "sync", "plan", "status", "log", "holds", "test", "pause"] {
        let other = world.run(&[command]).await.exits(65);
        assert_eq!((other.out.as_str(), &other.err), ("", &said.err), "{command}");
    }
    assert!(!world.path("store.db").exists());
    std::fs::remove_file(&config).expect("a removal");
    world.run(&["check"]).await.exits(65).warns("there is no configuration file here");
}

#[tokio::test]
async fn reading_a_job_that_never_ran_says_so() {
    let world = World::real().await;
    for command in ["status", "log", "holds"] {
        let said = world.run(&[command]).await.exits(69);
        said.warns("there is no store").warns("what to do:");
    }
    assert!(!world.path("store.db").exists());
}

#[tokio::test]
async fn the_log_comes_as_table_json_and_csv() {
    let world = World::real().await;
    let ada = world.join("Ada");
    world.join("Bob");
    world.sync().await;
    world.edit(ada, serde_json::json!({ "surname": "Byron, \"Ada\"" }));
    world.sync().await;

    let table = world.run(&["log"]).await.exits(0);
    let rows: Vec<&str> = table.out.lines().collect();
    assert!(rows[0].starts_with("WHEN") && rows.len() == 4, "{}", table.out);
    assert!(rows[1].contains("update") && rows[1].contains("ada@"), "newest first: {}", table.out);

    let csv = world.run(&["log", "--format", "csv"]).await.exits(0);
    let lines: Vec<&str> = csv.out.split("\r\n").collect();
    assert!(lines[0].starts_with("time,cycle,change,action,status,"), "{}", csv.out);
    assert_eq!(lines.len(), 5, "{}", csv.out);
    assert!(lines[1].contains(r#""LastName Tester → Byron, ""Ada""""#), "{}", csv.out);

    let json = world.run(&["log", "--format", "json"]).await.exits(0).json();
    let newest = &json[0];
    assert_eq!(newest["provisioningAction"], "update");
    assert_eq!(newest["provisioningStatusInfo"]["status"], "success");
    assert_eq!(newest["servicePrincipal"]["displayName"], "Citrix ShareFile");
    assert_eq!(newest["sourceIdentity"]["id"], ada.to_string());
    assert_eq!(newest["targetIdentity"]["id"], world.account("Ada").id);
    assert_eq!(newest["modifiedProperties"][0]["newValue"], "Byron, \"Ada\"");
    assert_eq!(newest["initiatedBy"]["displayName"], "sync");
}

#[tokio::test]
async fn the_log_can_be_narrowed() {
    let world = World::real().await;
    let ada = world.join("Ada");
    world.join("Bob");
    world.sync().await;
    world.unassign(ada);
    world.sync().await;
    let count = async |filter: &[&str]| {
        let arguments = [&["log", "--json"], filter].concat();
        let rows = world.run(&arguments).await.exits(0).json();
        rows.as_array().map_or(0, Vec::len)
    };
    assert_eq!(count(&[]).await, 3);
    assert_eq!(count(&["--who", "ADA@contoso"]).await, 2);
    assert_eq!(count(&["--who", &ada.to_string()]).await, 2);
    assert_eq!(count(&["--who", &world.account("Bob").id]).await, 1);
    assert_eq!(count(&["--action", "disable"]).await, 1);
    assert_eq!(count(&["--status", "failure"]).await, 0);
    assert_eq!(count(&["--cycle", "c1"]).await, 2);
    assert_eq!(count(&["--since", "2999-01-01T00:00:00Z"]).await, 0);
    assert_eq!(count(&["--limit", "1"]).await, 1);
    world.run(&["log", "--who", "nobody"]).await.exits(0).says("No entries.");
}

#[tokio::test]
async fn long_work_tells_how_far_it_is() {
    let world = World::real().await;
    for number in 0..60 {
        world.join(&format!("Person{number}"));
    }
    world.sync().await.says("60 created").warns("50 of 60 changes").warns("60 of 60 changes");
}

/// A sandbox in a process of its own is all that a stranger needs.
#[tokio::test]
async fn a_sandbox_of_its_own_can_be_used() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
    program.args([
        "sandbox",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--users",
        "20",
        "--groups",
        "2",
    ]);
    let mut sandbox = Process::start(program);
    eventually("the sandbox says where it is", async || sandbox.out().ends_with('\n')).await;
    let line = sandbox.out();
    assert_eq!(line.lines().count(), 1, "{line}");
    let known: Value = serde_json::from_str(&line).expect("JSON");
    let text = |name: &str| known[name].as_str().unwrap_or_else(|| panic!("{name} in {line}"));

    let index = get(text("control_url"));
    assert!(index.contains("200 OK") && index.contains("/_sandbox/people"), "{index}");
    assert!(get(&format!("{}/state", text("control_url"))).contains("200 OK"));

    let home = tempfile::tempdir().expect("a folder");
    let store = home.path().join("store.db").display().to_string();
    let ask = async |command: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
        program.arg("--config").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/config/demo.toml"));
        for (key, value) in [
            // The service user of a sandbox of its own begins without the permissions for groups.
            ("groups.enabled", "false"),
            ("entra.tenant", text("tenant_id")),
            ("entra.client_id", text("client_id")),
            ("entra.application", text("application")),
            ("entra.cloud.login", text("login_url")),
            ("entra.cloud.graph", text("graph_url")),
            ("sharefile.subdomain", text("sharefile_subdomain")),
            ("sharefile.domain", text("sharefile_domain")),
            ("sharefile.admin_user", text("admin_user")),
            ("sharefile.client_id", text("sharefile_client_id")),
            ("store.path", &store),
        ] {
            program.arg("--set").arg(format!("{key}={value}"));
        }
        program
            .arg(command)
            .env("DEMO_ENTRA_SECRET", text("client_secret"))
            .env("DEMO_SHAREFILE_PASSWORD", text("admin_password"))
            .env("DEMO_SHAREFILE_SECRET", text("sharefile_client_secret"));
        Process::start(program).end().await
    };
    ask("test").await.exits(0);
    ask("sync").await.exits(0).says("created");
    ask("plan").await.exits(0);
    assert!(get(&format!("{}/writes", text("control_url"))).contains("POST"));

    #[cfg(unix)]
    {
        sandbox.terminate();
        sandbox.end().await.exits(0);
    }
}

#[tokio::test]
async fn a_sandbox_says_how_to_reach_it() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
    program.args(["sandbox", "--listen", "127.0.0.1:0", "--users", "3", "--groups", "1"]);
    let mut sandbox = Process::start(program);
    eventually("the sandbox is there", async || sandbox.out().contains("Ctrl-C ends it.")).await;
    let out = sandbox.out();
    for name in ["graph_url", "tenant_id", "client_secret", "sharefile_url", "control_url"] {
        assert!(out.lines().any(|line| line.starts_with(name)), "{name} in {out}");
    }
    let taken = out.lines().find_map(|line| line.strip_prefix("graph_url"));
    let taken = taken.expect("an address").trim().trim_start_matches("http://");
    let said = bare(&["sandbox", "--listen", taken]).await.exits(1);
    said.warns("cannot listen on").warns("Choose another address with --listen.");
}

/// The answer to a GET, head and body.
fn get(url: &str) -> String {
    let rest = url.strip_prefix("http://").expect("plain HTTP");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).expect("a connection");
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
