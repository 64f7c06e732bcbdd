//! One bad object stops only itself, revocation goes first, and what a cycle leaves undone is not
//! forgotten.

use std::time::Duration;

use serde_json::json;
use sharefile_provisioner::cycle::Asked;
use sharefile_provisioner::model::outcome::{CycleState, OutcomeStatus};
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::views::NewPerson;
use sharefile_provisioner::sandbox::sharefile::{AccountKind, NewAccount};

use crate::world::{World, asked, disables, held};

use super::converged;

#[tokio::test]
async fn one_bad_object_stops_only_itself_and_is_tried_again() {
    for (status, reason) in [
        (400, "BadRequest"),
        (403, "EmailBlacklistViolation"),
        (403, "Forbidden"),
        (500, "DatabaseError"),
    ] {
        let (world, people) = converged(6).await;
        for n in 0..4 {
            world.join(&format!("Newcomer{n}"));
        }
        world.sandbox.entra.set_person(people[1], "surname", "Renamed").expect("an edit");
        world.unassign(people[0]);
        // The first create is refused in every attempt of this cycle.
        let times = if status == 500 { 8 } else { 1 };
        let refused = Fault {
            status: Some(status),
            reason: Some(reason.to_owned()),
            ..Fault::new(FaultKind::Unavailable).at("POST /sf/v3/Users/AccountUser").times(times)
        };
        world.sandbox.faults.add(refused);
        let counts = world.cycle().await.report.counts;
        assert_eq!((counts.updated, counts.disabled), (1, 1), "{reason}: {counts:?}");
        assert_eq!(counts.created + counts.failed, 4, "{reason}: {counts:?}");
        assert!(counts.failed >= 1 || status == 500, "{reason}: {counts:?}");
        world.sandbox.faults.clear();
        let counts = world.cycle().await.report.counts;
        assert_eq!(counts.failed, 0, "{reason}: {counts:?}");
        for n in 0..4 {
            world.account(&format!("Newcomer{n}"));
        }
        assert_eq!(world.all_accounts().len(), 4 + 6 + 4);
    }
}

#[tokio::test]
async fn an_address_that_an_unknown_account_takes_meanwhile_is_planned_again() {
    let (world, _) = converged(3).await;
    world.join("Newcomer");
    // The account appears after the look-up and before the create: as an answer that was lost.
    let fault = Fault {
        status: Some(409),
        reason: Some("Conflict".to_owned()),
        ..Fault::new(FaultKind::Unavailable).at("POST /sf/v3/Users/AccountUser").times(1)
    };
    world.sandbox.faults.add(fault);
    assert_eq!(world.did().await, (1, 0, 0), "looked up again and created in the same cycle");
}

#[tokio::test]
async fn disables_come_before_everything_else() {
    let (world, people) = converged(30).await;
    for n in 0..20 {
        world.join(&format!("Newcomer{n}"));
    }
    for person in &people[0..5] {
        world.sandbox.entra.set_person(*person, "surname", "Renamed").expect("an edit");
    }
    for person in &people[25..28] {
        world.unassign(*person);
    }
    assert_eq!(world.did().await, (20, 5, 3));
    let kinds: Vec<&str> = world
        .writes()
        .iter()
        .map(|write| match (disables(write), write.method.as_str()) {
            (Some(true), _) => "disable",
            (_, "PATCH") => "update",
            _ => "create",
        })
        .collect();
    let expected = [vec!["disable"; 3], vec!["update"; 5], vec!["create"; 20]].concat();
    assert_eq!(kinds, expected);
}

/// A company that comes with its accounts: each of them is read in full before it is taken over.
#[tokio::test]
async fn a_cycle_gets_to_its_changes_however_long_reading_takes() {
    let mut world = World::empty().await;
    world.set("sharefile.requests_per_minute", "10");
    for n in 0..60 {
        let name = format!("P{n}");
        world.join(&name);
        world.sandbox.sharefile.add_account(NewAccount {
            email: format!("p{n}@contoso.example"),
            first_name: name,
            last_name: "Another".to_owned(),
            company: String::new(),
            kind: AccountKind::Employee,
            disabled: false,
            roles: Vec::new(),
            confirmed: true,
        });
    }
    let mut updated = Vec::new();
    for _ in 0..3 {
        let asked = Asked { budget: Some(Duration::from_secs(60)), ..asked() };
        let turned = world.turn(asked).await;
        updated.push(turned.report.counts.updated);
        if turned.report.state == CycleState::Complete {
            break;
        }
    }
    assert_eq!(updated.iter().sum::<u64>(), 60, "{updated:?}");
    let reads = world.asked("GET /sf/v3/Users(id)");
    assert!(reads <= 2 * 60, "{reads} reads of 60 accounts");
}

/// Nobody changes at the source when the rules do: what a cycle leaves undone has to be remembered.
#[tokio::test]
async fn a_cycle_under_new_rules_that_ends_early_is_finished_by_the_next_one() {
    for (ends, state) in
        [("is stopped", CycleState::Partial), ("loses its credentials", CycleState::Failed)]
    {
        let (mut world, people) = converged(8).await;
        world.set("users.match", r#"[{ target = "Email", source = "[userPrincipalName]" }]"#);
        world.set("guard.removals_per_cycle.percent", "100");
        world.set("users.type.guests", "employee");
        let mut mapping = std::fs::read_to_string(world.config()).expect("a configuration");
        for (target, source) in [
            ("Email", "[mail]"),
            ("FirstName", "[givenName]"),
            ("LastName", "[surname]"),
            ("Company", "\"Contoso\""),
        ] {
            mapping +=
                &format!("\n[[users.attribute]]\ntarget = \"{target}\"\nsource = '{source}'\n");
        }
        std::fs::write(world.config(), mapping).expect("a file");
        world.set("sharefile.in_flight", "1");
        let mut engine = world.engine();
        if state == CycleState::Partial {
            let stop = engine.stop.clone();
            engine.progress = Box::new(move |done, _| {
                stop.store(done >= 3, std::sync::atomic::Ordering::Relaxed);
            });
        } else {
            let refused = Fault::new(FaultKind::Unauthorized).at("/sf/v3/Users(id)").on("PATCH");
            world.sandbox.faults.add(refused.after(3));
        }
        let turned = engine.turn(asked()).await.expect("a cycle");
        engine.store.close().await.expect("closed");
        assert_eq!(turned.report.state, state, "{ends}: {:?}", turned.report);
        assert_eq!(turned.report.counts.updated, 3, "{ends}: {:?}", turned.report);
        world.sandbox.faults.clear();
        world.cycle().await;
        let companies: Vec<String> =
            (0..people.len()).map(|n| world.account(&format!("P{n}")).company).collect();
        assert!(companies.iter().all(|company| company == "Contoso"), "{ends}: {companies:?}");
    }
}

/// Only lists that are read in full tell that accounts were deleted at ShareFile.
#[tokio::test]
async fn a_full_cycle_that_ends_early_is_finished_by_the_next_one() {
    let (mut world, _) = converged(8).await;
    for n in 0..6 {
        let id = world.account(&format!("P{n}")).id;
        assert!(world.sandbox.sharefile.remove_account(&id));
    }
    world.set("sharefile.in_flight", "1");
    let mut engine = world.engine();
    let stop = engine.stop.clone();
    engine.progress = Box::new(move |done, _| {
        stop.store(done >= 2, std::sync::atomic::Ordering::Relaxed);
    });
    let full = sharefile_provisioner::cycle::Asked { full: true, ..asked() };
    let turned = engine.turn(full).await.expect("a cycle");
    engine.store.close().await.expect("closed");
    assert_eq!((turned.report.state, turned.report.counts.created), (CycleState::Partial, 2));
    assert_eq!(world.did().await, (4, 0, 0));
}

#[tokio::test]
async fn what_was_open_is_never_settled_by_another_account() {
    let (mut world, people) = converged(4).await;
    // A create and a change whose answers were lost, as was every look at what became of them.
    world.join("Newcomer");
    world.sandbox.entra.set_person(people[0], "surname", "Renamed").expect("an edit");
    world.sandbox.faults.add(Fault::new(FaultKind::DropAfter).on("POST").at("/sf/v3/Users"));
    world.sandbox.faults.add(Fault::new(FaultKind::DropBefore).on("PATCH").at("/sf/v3/Users"));
    // The service user, the newcomer's address and the account are read before the writes.
    world.sandbox.faults.add(Fault::new(FaultKind::DropBefore).at("GET /sf/v3/Users").after(3));
    world.turn(asked()).await;
    world.sandbox.faults.clear();
    let home = world.sandbox.credentials().sharefile_domain;
    let other = World::with(sharefile_provisioner::sandbox::SandboxOptions {
        users: 0,
        groups: 0,
        seed: 7,
        existing_accounts: false,
        ..Default::default()
    })
    .await;
    // The other tenant happens to have the same people.
    for name in ["newcomer", "p0"] {
        other.sandbox.sharefile.add_account(
            sharefile_provisioner::sandbox::sharefile::NewAccount {
                email: format!("{name}@contoso.example"),
                first_name: name.to_owned(),
                last_name: "Renamed".to_owned(),
                company: String::new(),
                kind: Default::default(),
                disabled: false,
                roles: Vec::new(),
                confirmed: true,
            },
        );
    }
    world.set("sharefile.domain", &other.sandbox.credentials().sharefile_domain);
    let turned = world.turn(asked()).await;
    let error = turned.report.error.expect("an error");
    assert!(error.message.contains("belongs to the ShareFile account"), "{error:?}");
    world.set("sharefile.domain", &home);
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.adopted, turned.report.counts.created), (0, 0));
    assert!(turned.report.notes.iter().any(|note| note.starts_with("2 writes")), "{turned:?}");
    assert_eq!(world.account("P0").last_name, "Renamed");
    assert_eq!(world.all_accounts().len(), 4 + 4 + 1);
    world.sandbox.entra.unassign_principal(people[1]);
    assert_eq!(world.did().await, (0, 0, 1), "and the job goes on");
}

#[tokio::test]
async fn an_address_that_nobody_can_find_is_a_failure_that_is_told() {
    let (world, _) = converged(2).await;
    let mut switches = world.sandbox.sharefile.switches();
    switches.secondary_address_found = false;
    world.sandbox.sharefile.set_switches(switches.clone());
    let id = world.account("P0").id;
    let patch = json!({ "other_addresses": ["hidden@contoso.example"] });
    world.sandbox.sharefile.edit_account(&id, patch).expect("an edit");
    world.join("Hidden");
    for _ in 0..2 {
        let counts = world.cycle().await.report.counts;
        assert_eq!((counts.created, counts.failed), (0, 1), "{counts:?}");
    }
    let log = world.entries().await;
    assert_eq!(log[0].error.as_ref().expect("an error").code, "Conflict");
    world.sandbox.sharefile.edit_account(&id, json!({ "other_addresses": [] })).expect("an edit");
    assert_eq!(world.did().await, (1, 0, 0));
}

/// The service user loses its rights while the daemon runs.
#[tokio::test]
async fn rights_that_are_taken_away_stop_the_cycle_and_lose_nobody() {
    let (world, people) = converged(8).await;
    let engine = world.engine();
    world.sandbox.entra.set_person(people[7], "surname", "Renamed").expect("an edit");
    engine.turn(asked()).await.expect("a cycle");
    assert_eq!(world.account("P7").last_name, "Renamed");
    world.sandbox.sharefile.set_service_roles::<&str>(&[]);
    for n in 0..5 {
        world.join(&format!("Newcomer{n}"));
    }
    world.unassign(people[0]);
    world.sandbox.counts.reset();
    let turned = engine.turn(asked()).await.expect("a cycle");
    let error = turned.report.error.expect("an error");
    assert!(error.remedy.contains("AdminManageEmployees"), "{error:?}");
    assert!(world.writes().iter().all(|write| write.status == 403), "{:?}", world.writes());
    let all = ["AdminManageEmployees", "CanManageUsers"];
    world.sandbox.sharefile.set_service_roles(&all);
    let counts = engine.turn(asked()).await.expect("a cycle").report.counts;
    assert_eq!((counts.created, counts.disabled, counts.failed), (5, 1, 0), "{counts:?}");
    engine.store.close().await.expect("closed");
}

#[tokio::test]
async fn employees_beyond_the_licences_wait_for_some() {
    let (world, _) = converged(3).await;
    world.sandbox.sharefile.set_employee_max(4 + 3 + 2);
    for n in 0..5 {
        world.join(&format!("Newcomer{n}"));
    }
    let guest = world.person("Guest");
    world.assign(guest, "Client");
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.created, turned.report.counts.failed), (3, 0));
    let waits = held(&turned);
    assert_eq!(waits.len(), 3);
    assert!(waits.iter().all(|(kind, _)| *kind == HoldKind::LicenseLimitExceeded), "{waits:?}");
    assert!(turned.holds[0].message.contains("3 employee licences are missing"), "{turned:?}");
    world.sandbox.sharefile.set_employee_max(100);
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.created, held(&turned).len()), (3, 0));
}

#[tokio::test]
async fn values_that_sharefile_changes_or_ignores_are_written_once() {
    let mut world = World::empty().await;
    let mut switches = world.sandbox.sharefile.switches();
    switches.normalise_names = true;
    switches.ignored_members = vec!["LastName".to_owned()];
    let person = NewPerson::named("  Ada   Mary ", "Tester", "ada@contoso.example");
    let ada = world.sandbox.entra.add_person(person).expect("a person");
    world.assign(ada, "User");
    world.join("Bob");
    world.set("users.welcome", "none");
    world.sandbox.sharefile.set_switches(switches.clone());
    switches.ignored_members.clear();
    world.sandbox.sharefile.set_switches(switches.clone());
    assert_eq!(world.did().await, (2, 0, 0));
    assert_eq!(world.account("Ada").first_name, "Ada Mary");
    switches.ignored_members = vec!["LastName".to_owned()];
    world.sandbox.sharefile.set_switches(switches);
    world.sandbox.entra.set_person(ada, "surname", "Lovelace").expect("an edit");
    assert_eq!(world.did().await, (0, 1, 0));
    let log = world.entries().await;
    let error = log[0].error.as_ref().expect("a warning");
    assert_eq!((log[0].status, error.code.as_str()), (OutcomeStatus::Warning, "NotApplied"));
    assert!(error.reason.contains("LastName"), "{error:?}");
    world.sandbox.counts.reset();
    for turned in [world.cycle().await, world.full().await] {
        assert_eq!(turned.report.counts.done(), 0);
    }
    assert!(world.writes().is_empty());
}
