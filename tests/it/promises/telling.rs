//! Secrets never appear, every change can be explained, the plan is what happens, and nobody gets
//! mail unless the configuration says so.

use std::path::Path;

use secrecy::ExposeSecret;
use sharefile_provisioner::model::outcome::OutcomeStatus;
use sharefile_provisioner::model::plan::CycleKind;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};

use crate::process::{Process, eventually};
use crate::world::World;

use super::converged;

#[tokio::test(flavor = "multi_thread")]
async fn secrets_never_appear() {
    let mut world = World::real().await;
    world
        .set("log.level", "trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace,h2=trace");
    let ada = world.join("Ada");
    world.join("Bob");
    let mut said = Vec::new();
    let listen = async |world: &World, arguments: &[&str]| {
        let mut command = world.program(arguments);
        command.env("RUST_LOG", "trace").current_dir(world.folder.path());
        let said = Process::start(command).end().await;
        said.out + &said.err
    };
    for arguments in [&["test"][..], &["plan", "--json"], &["sync", "--json"], &["check"]] {
        said.push(listen(&world, arguments).await);
    }
    world.sandbox.entra.set_person(ada, "surname", "Renamed").expect("an edit");
    said.push(listen(&world, &["plan", "--out", "plan.json"]).await);
    let daemon = world.start(&["run"]);
    let renamed = async || world.account("Ada").last_name == "Renamed";
    eventually("the daemon takes a cycle", renamed).await;
    let daemon = daemon.kill();
    said.push(daemon.out + &daemon.err);
    for arguments in [&["log", "--json"][..], &["status", "--json"], &["holds", "--json"]] {
        said.push(listen(&world, arguments).await);
    }
    // With wrong secrets of the right kind the refusals are told as well.
    let entra_secret = world.sandbox.entra.client_secret();
    for file in ["entra-secret", "sharefile-secret", "sharefile-password"] {
        let path = world.path(file);
        let right = std::fs::read_to_string(&path).expect("a secret");
        std::fs::write(&path, "a mistyped secret").expect("a file");
        said.push(listen(&world, &["sync"]).await);
        said.push(listen(&world, &["test", "--json"]).await);
        std::fs::write(&path, right).expect("a file");
    }
    let credentials = world.sandbox.credentials();
    let mut secrets = vec![
        entra_secret.expose_secret().to_owned(),
        credentials.sharefile_client_secret.clone(),
        credentials.admin_password.clone(),
        "a mistyped secret".to_owned(),
        "Bearer ey".to_owned(),
        "access_token\":\"".to_owned(),
        "client_secret=".to_owned(),
        "password=".to_owned(),
        "refresh_token=".to_owned(),
    ];
    let encoded: Vec<String> = secrets
        .iter()
        .map(|secret| url::form_urlencoded::byte_serialize(secret.as_bytes()).collect())
        .collect();
    secrets.extend(encoded);
    secrets.sort();
    secrets.dedup();
    assert!(said.iter().any(|text| text.contains("TRACE")), "the daemon logged at trace level");
    let mut places: Vec<(String, Vec<u8>)> = said
        .into_iter()
        .enumerate()
        .map(|(n, text)| (format!("output {n}"), text.into_bytes()))
        .collect();
    for name in ["store.db", "store.db-wal", "plan.json", "store.holder"] {
        if let Ok(bytes) = std::fs::read(world.path(name)) {
            places.push((name.to_owned(), bytes));
        }
    }
    assert!(places.iter().any(|(name, bytes)| name == "store.db" && !bytes.is_empty()));
    for (place, bytes) in &places {
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "`{secret}` is in {place}: {}", String::from_utf8_lossy(bytes));
        }
    }
    assert!(Path::new(&world.path("plan.json")).exists());
}

#[tokio::test]
async fn every_write_is_in_the_log_with_its_reason_and_values() {
    let (world, people) = converged(4).await;
    world.sandbox.entra.set_person(people[0], "surname", "Renamed").expect("an edit");
    world.unassign(people[1]);
    world.join("Newcomer");
    let cycle = world.cycle().await.report.id;
    let log = world.entries().await;
    let of = |name: &str| {
        let label = format!("{name}@contoso.example");
        let found = log.iter().find(|entry| entry.label == label && entry.cycle == cycle);
        found.unwrap_or_else(|| panic!("no entry for {name}: {log:?}"))
    };
    let renamed = of("p0");
    assert_eq!(renamed.status, OutcomeStatus::Success);
    assert_eq!(renamed.reasons, ["the values differ from those last sent"]);
    let property = &renamed.modified[0];
    let values = (property.name.as_str(), property.old.as_deref(), property.new.as_deref());
    assert_eq!(values, ("LastName", Some("Tester"), Some("Renamed")));
    assert_eq!(of("p1").reasons, ["out of scope: unassigned"]);
    assert_eq!(of("newcomer").reasons, ["in scope, and no account matches"]);
    assert!(of("newcomer").target_id.is_some());
    for entry in [of("p0"), of("p1"), of("newcomer")] {
        assert_eq!((entry.initiated_by.as_str(), entry.cycle), ("schedule", cycle));
    }
}

#[tokio::test]
async fn mail_goes_to_created_people_alone_and_only_if_wanted() {
    let mut world = World::empty().await;
    world.set("groups.enabled", "true");
    world.sandbox.sharefile.set_service_roles(&[
        "AdminManageEmployees",
        "CanManageUsers",
        "AdminCreateSharedGroups",
        "AdminSharedDistGroups",
    ]);
    let known = world.person("Known");
    world.sandbox.sharefile.add_account(sharefile_provisioner::sandbox::sharefile::NewAccount {
        email: "known@contoso.example".to_owned(),
        first_name: "Known".to_owned(),
        last_name: "Before".to_owned(),
        company: String::new(),
        kind: Default::default(),
        disabled: false,
        roles: Vec::new(),
        confirmed: false,
    });
    world.assign(known, "User");
    // A client who is to be an employee, and people who come into a group.
    world.sandbox.sharefile.add_account(sharefile_provisioner::sandbox::sharefile::NewAccount {
        email: "riser@contoso.example".to_owned(),
        first_name: "Riser".to_owned(),
        last_name: "Tester".to_owned(),
        company: String::new(),
        kind: sharefile_provisioner::sandbox::sharefile::AccountKind::Client,
        disabled: false,
        roles: Vec::new(),
        confirmed: false,
    });
    world.join("Riser");
    let silent = world.join("Silent");
    let grouped = world.person("Grouped");
    world.group("Everybody", &[known, grouped]);
    world.join("Other");
    assert_eq!(world.did().await.0, 3);
    world.unassign(silent);
    world.cycle().await;
    world.assign(silent, "User");
    world.cycle().await;
    assert_eq!(world.sandbox.sharefile.mails(), [], "none without a word in the configuration");
    let groups = world.sandbox.sharefile.groups();
    let everybody = groups.iter().find(|group| group.name == "Everybody").expect("a group");
    assert_eq!(everybody.members.len(), 2, "there were additions");
    assert!(
        world.writes().iter().any(|write| write.path.contains("Users/AccountUser(")),
        "somebody was promoted"
    );

    world.set("users.welcome", "on_create");
    let welcomed = [world.join("Welcome0"), world.join("Welcome1"), world.join("Welcome2")];
    // One whose answer is lost, and one that is throttled, get theirs once.
    let create = "POST /sf/v3/Users/AccountUser";
    world.sandbox.faults.add(Fault::new(FaultKind::DropAfter).at(create).times(1));
    world.sandbox.faults.add(Fault::new(FaultKind::TooManyRequests).at(create).times(1));
    assert_eq!(world.did().await.0, 3);
    world.sandbox.entra.set_person(welcomed[0], "surname", "Renamed").expect("an edit");
    world.unassign(welcomed[1]);
    world.cycle().await;
    world.assign(welcomed[1], "User");
    world.unassign(silent);
    world.cycle().await;
    world.assign(silent, "User");
    world.full().await;
    let mut to: Vec<String> = world.sandbox.sharefile.mails().into_iter().map(|m| m.to).collect();
    to.sort();
    let expected = ["welcome0", "welcome1", "welcome2"].map(|n| format!("{n}@contoso.example"));
    assert_eq!(to, expected);
}

#[tokio::test]
async fn a_plan_says_what_the_next_cycle_does_and_writes_nothing() {
    let world = World::company(60, 6, 5).await;
    let store_before = std::fs::read(world.path("store.db")).ok();
    let plan = world.plan().await.plan.expect("a plan");
    assert!(world.writes().is_empty());
    assert_eq!(std::fs::read(world.path("store.db")).ok(), store_before);
    let turned = world.cycle().await;
    let done = turned.plan.expect("a plan");
    assert_eq!(turned.report.kind, CycleKind::Initial);
    let words = |plan: &sharefile_provisioner::model::plan::Plan| -> Vec<_> {
        plan.changes.iter().map(|change| (change.anchor, change.hash)).collect()
    };
    assert_eq!(words(&plan), words(&done));
    assert_eq!(turned.report.counts.failed, 0);
}
