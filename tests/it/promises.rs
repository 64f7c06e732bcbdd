//! The promises of the design, each with a test that fails if it breaks. Those about people and
//! groups are in `people`, those about the network in `weather`, those about a crash elsewhere.

use std::path::Path;

use secrecy::ExposeSecret;
use serde_json::json;
use sharefile_provisioner::model::outcome::{CycleState, OutcomeStatus};
use sharefile_provisioner::model::plan::{CycleKind, HoldKind};
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::views::NewPerson;
use sharefile_provisioner::sandbox::sharefile::AccountView;
use sharefile_provisioner::store::Answer;
use uuid::Uuid;

use crate::process::{Process, eventually};
use crate::world::{World, asked, disables, held};

/// People with accounts, none of them at risk yet.
async fn converged(count: usize) -> (World, Vec<Uuid>) {
    let world = World::empty().await;
    let people = (0..count).map(|n| world.join(&format!("P{n}"))).collect();
    world.cycle().await;
    world.sandbox.counts.reset();
    (world, people)
}

fn named(hold: HoldKind, name: &str) -> (HoldKind, String) {
    (hold, name.to_owned())
}

// 1. Nothing is removed because something was not read.

#[tokio::test]
async fn vanished_rows_are_confirmed_by_a_second_read() {
    let (world, people) = converged(8).await;
    world.unassign(people[0]);
    assert_eq!(world.did().await, (0, 0, 1));
    assert_eq!(world.asked("appRoleAssignedTo"), 2, "the list was read twice");

    world.sandbox.counts.reset();
    let cut = Fault::new(FaultKind::CutList).at("appRoleAssignedTo").keep(3);
    world.sandbox.faults.add(cut.clone().times(1));
    let turned = world.cycle().await;
    assert_eq!(turned.report.counts.done(), 0);
    assert!(turned.report.notes.iter().any(|note| note.contains("differ")), "{turned:?}");

    // Reads that never agree are an error, not a choice.
    for keep in [6, 5, 4, 3] {
        world.sandbox.faults.add(cut.clone().keep(keep).times(1));
    }
    let turned = world.turn(asked()).await;
    assert_eq!(turned.report.state, CycleState::Failed);
    let error = turned.report.error.expect("an error");
    assert!(error.message.contains("no two reads agree"), "{error:?}");
    assert!(error.remedy.contains("Nobody was removed"), "{error:?}");
    assert!(world.removals().is_empty());
    assert_eq!(world.did().await, (0, 0, 0));
}

#[tokio::test]
async fn an_emptied_or_halved_source_is_held() {
    for (leave, kind) in [
        (0..20, HoldKind::SourceEmptied),
        (0..12, HoldKind::SourceHalved),
        (0..6, HoldKind::TooManyRemovals),
    ] {
        let (world, people) = converged(20).await;
        for person in &people[leave.clone()] {
            world.unassign(*person);
        }
        let joined = world.person("Newcomer");
        if kind != HoldKind::SourceEmptied {
            world.assign(joined, "User");
        }
        let turned = world.cycle().await;
        assert_eq!(turned.report.counts.disabled, 0, "{kind:?}");
        assert_eq!(held(&turned).len(), leave.len(), "{kind:?}");
        assert!(held(&turned).iter().all(|(held, _)| *held == kind), "{:?}", held(&turned));
        // Everything else goes on.
        assert_eq!(turned.report.counts.created, u64::from(kind != HoldKind::SourceEmptied));
    }
}

#[tokio::test]
async fn removals_that_would_leave_nobody_are_held() {
    let (world, people) = converged(2).await;
    world.sandbox.entra.set_enabled(people[0], false).expect("an edit");
    world.sandbox.entra.set_enabled(people[1], false).expect("an edit");
    let turned = world.cycle().await;
    assert_eq!(turned.report.counts.disabled, 0);
    assert!(held(&turned).iter().all(|(kind, _)| *kind == HoldKind::WouldLeaveNobody));
}

#[tokio::test]
async fn what_the_guard_holds_goes_by_itself_once_the_source_is_whole_again() {
    let (world, people) = converged(13).await;
    world.unassign(people[0]);
    let cut = Fault::new(FaultKind::CutList).at("appRoleAssignedTo").keep(0);
    world.sandbox.faults.add(cut);
    let turned = world.cycle().await;
    assert_eq!((held(&turned).len(), turned.report.counts.disabled), (13, 0));
    world.sandbox.faults.clear();
    let turned = world.cycle().await;
    assert_eq!((held(&turned).len(), turned.report.counts.disabled), (0, 1));
    assert!(world.account("P0").disabled);
}

#[tokio::test]
async fn a_leaver_does_not_wait_behind_a_hold() {
    let (world, people) = converged(40).await;
    for person in &people[0..10] {
        world.unassign(*person);
    }
    let turned = world.cycle().await;
    assert_eq!((held(&turned).len(), turned.report.counts.disabled), (10, 0));
    // Days later nobody has answered, and somebody else leaves.
    world.unassign(people[20]);
    let turned = world.cycle().await;
    assert_eq!((held(&turned).len(), turned.report.counts.disabled), (10, 1));
    assert!(world.account("P20").disabled);
    assert_eq!(turned.holds.len(), 1, "one hold, which somebody may be looking at");
    // What is approved goes, as it was seen.
    let engine = world.engine();
    let now = sharefile_provisioner::clock::Clock::now(world.clock.as_ref());
    let answer = Answer::Approve { until: now.plus_ms(1_000_000) };
    let hold = turned.holds[0].id;
    engine.store.answer_hold(hold, answer, "test".to_owned(), now).await.expect("approved");
    engine.store.close().await.expect("closed");
    assert_eq!(world.did().await, (0, 0, 10));
}

#[tokio::test]
async fn rejected_removals_stay_rejected() {
    let (world, people) = converged(20).await;
    for person in &people[0..8] {
        world.unassign(*person);
    }
    let turned = world.cycle().await;
    let engine = world.engine();
    let now = sharefile_provisioner::clock::Clock::now(world.clock.as_ref());
    let hold = turned.holds[0].id;
    let by = "test".to_owned();
    engine.store.answer_hold(hold, Answer::Reject, by, now).await.expect("rejected");
    engine.store.close().await.expect("closed");
    for turned in [world.cycle().await, world.full().await] {
        assert_eq!((turned.report.counts.disabled, turned.report.counts.held), (0, 8));
        assert!(turned.holds.is_empty(), "nothing waits for an answer: {:?}", turned.holds);
    }
}

#[tokio::test]
async fn people_without_anything_but_an_id_are_left_alone() {
    let world = World::empty().await;
    let members: Vec<Uuid> = (0..8).map(|n| world.person(&format!("M{n}"))).collect();
    world.group("Group", &members);
    world.cycle().await;
    world.sandbox.counts.reset();
    let null = Fault::new(FaultKind::NullPeople).at("members");
    world.sandbox.faults.add(null);
    let before = world.all_accounts();
    let turned = world.full().await;
    assert_eq!((turned.report.counts.unread, turned.report.counts.done()), (8, 0));
    assert_eq!(world.all_accounts(), before);

    // Newcomers wait until they can be read, and are asked for in each cycle.
    world.group("Another", &[world.person("Newcomer")]);
    let turned = world.cycle().await;
    assert_eq!(turned.report.counts.created, 0, "{:?}", turned.report);
    assert!(turned.report.counts.unread >= 1, "{:?}", turned.report);
    world.sandbox.faults.clear();
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.created, turned.report.counts.unread), (1, 0));
    // Somebody who left meanwhile has left.
    world.sandbox.faults.add(Fault::new(FaultKind::NullPeople).at("members"));
    world.full().await;
    world.sandbox.faults.clear();
    world.sandbox.entra.set_enabled(members[0], false).expect("an edit");
    assert_eq!(world.did().await, (0, 0, 1));
}

// 3. Only accounts that this job created or adopted are changed.

#[tokio::test]
async fn protected_accounts_are_never_adopted() {
    let mut world = World::empty().await;
    let owner = world.sandbox.sharefile.add_account(
        sharefile_provisioner::sandbox::sharefile::NewAccount {
            email: "listed@contoso.com".to_owned(),
            first_name: "Listed".to_owned(),
            last_name: "Owner".to_owned(),
            company: String::new(),
            kind: Default::default(),
            disabled: false,
            roles: Vec::new(),
            confirmed: true,
        },
    );
    world.set("guard.protected", r#"["Listed@contoso.com", "nobody@contoso.com"]"#);
    world.join("Ada");
    let names = ["owner", "billing", "super", "provisioner", "listed", "nobody"];
    let mut people = Vec::new();
    for name in names {
        let person = NewPerson::named("New", "Name", &format!("{name}@contoso.com"));
        let id = world.sandbox.entra.add_person(person).expect("a person");
        world.assign(id, "User");
        people.push(id);
    }
    let before = world.all_accounts();
    let first = world.cycle().await;
    assert_eq!(first.report.counts.created, 1);
    let mut waits: Vec<_> = names.map(|name| named(HoldKind::Protected, name)).into();
    waits.sort();
    assert_eq!(held(&first), waits);
    for person in people {
        world.unassign(person);
    }
    world.cycle().await;
    let untouched: Vec<AccountView> =
        world.all_accounts().into_iter().filter(|one| one.email != "ada@contoso.example").collect();
    assert_eq!(untouched, before);
    assert!(world.sandbox.sharefile.account(&owner).is_some());
    assert_eq!(world.writes().len(), 1);
}

/// Accounts become protected after they were created: their person is renamed and moves, goes and
/// comes back, and nothing is written.
#[tokio::test]
async fn accounts_that_became_protected_are_never_written_to() {
    type Protect = fn(&mut World, &str);
    let ways: [(&str, Protect); 4] = [
        ("an administrator role", |world, id| {
            let patch = json!({ "roles": ["AdminAccountPolicies"] });
            world.sandbox.sharefile.edit_account(id, patch).expect("an edit");
        }),
        ("another administrator role", |world, id| {
            let patch = json!({ "roles": ["CanManageMySettings", "AdminSSO"] });
            world.sandbox.sharefile.edit_account(id, patch).expect("an edit");
        }),
        ("the Super User Group", |world, id| {
            let patch = json!({ "super_user": true });
            world.sandbox.sharefile.edit_account(id, patch).expect("an edit");
        }),
        ("guard.protected", |world, _| {
            world.set("guard.protected", r#"["p0@contoso.example"]"#);
        }),
    ];
    for (what, protect) in ways {
        let (mut world, people) = converged(8).await;
        let id = world.account("P0").id;
        protect(&mut world, &id);
        let protected = world.account("P0");
        let person = people[0];
        let entra = world.sandbox.entra.clone();

        entra.set_person(person, "surname", "Renamed").expect("an edit");
        let turned = world.cycle().await;
        assert!(held(&turned).contains(&named(HoldKind::Protected, "p0")), "{what}: {turned:?}");
        entra.set_person(person, "mail", "elsewhere@contoso.example").expect("an edit");
        world.cycle().await;
        entra.set_person(person, "mail", "p0@contoso.example").expect("an edit");
        world.cycle().await;

        // The alarm stays until a person deals with it.
        world.unassign(person);
        let turned = world.cycle().await;
        let alarm = named(HoldKind::ProtectedRemoval, "p0");
        assert!(held(&turned).contains(&alarm), "{what}: {:?}", held(&turned));
        assert_eq!(turned.report.counts.disabled, 0, "{what}");
        for turned in [world.cycle().await, world.full().await] {
            assert!(held(&turned).contains(&alarm), "{what}: {:?}", held(&turned));
        }
        world.assign(person, "User");
        world.cycle().await;
        assert_eq!(world.sandbox.sharefile.account(&id), Some(protected), "{what}");
        assert!(world.writes().iter().all(|write| !write.path.contains(&id)), "{what}");
    }
}

/// Nor is an account enabled again that got an administrator's role while it was disabled.
#[tokio::test]
async fn a_disabled_account_that_became_an_administrator_stays_as_it_is() {
    let (world, people) = converged(8).await;
    world.unassign(people[0]);
    assert_eq!(world.did().await, (0, 0, 1));
    let id = world.account("P0").id;
    let patch = json!({ "roles": ["AdminAccountPolicies"] });
    world.sandbox.sharefile.edit_account(&id, patch).expect("an edit");
    world.sandbox.counts.reset();
    world.assign(people[0], "User");
    let turned = world.cycle().await;
    assert_eq!(held(&turned), [named(HoldKind::Protected, "p0")]);
    assert!(world.writes().is_empty() && world.account("P0").disabled);
}

#[tokio::test]
async fn accounts_outside_the_job_never_change() {
    let world = World::company(120, 8, 11).await;
    let entra = world.sandbox.entra.clone();
    let mails: Vec<String> =
        entra.people().iter().filter_map(|person| person.mail().map(str::to_lowercase)).collect();
    let strangers = |world: &World| {
        let mut all = world.all_accounts();
        all.retain(|account| !mails.contains(&account.email.to_lowercase()));
        all
    };
    let before = strangers(&world);
    assert!(before.len() >= 4, "{before:?}");
    let not_entitled: Vec<AccountView> = {
        let entitled: Vec<String> = entra
            .entitled()
            .iter()
            .filter_map(|person| person.mail().map(str::to_lowercase))
            .collect();
        let outside = |account: &AccountView| !entitled.contains(&account.email.to_lowercase());
        world.all_accounts().into_iter().filter(outside).collect()
    };
    world.cycle().await;
    let entitled = entra.entitled();
    for person in entitled.iter().take(3) {
        entra.unassign_principal(person.id);
        entra.set_enabled(person.id, false).expect("an edit");
    }
    for person in entitled.iter().skip(3).take(3) {
        entra.set_person(person.id, "surname", "Renamed").expect("an edit");
    }
    world.cycle().await;
    world.full().await;
    assert_eq!(strangers(&world), before);
    for account in not_entitled {
        assert_eq!(world.sandbox.sharefile.account(&account.id).as_ref(), Some(&account));
    }
}

#[tokio::test]
async fn only_what_this_job_disabled_is_enabled_again() {
    let (world, people) = converged(8).await;
    let id = |name: &str| world.account(name).id;
    let disable = |name: &str| {
        let patch = json!({ "disabled": true });
        world.sandbox.sharefile.edit_account(&id(name), patch).expect("an edit");
    };
    // Disabled by an administrator while in scope; the person then goes and comes back.
    disable("P0");
    world.unassign(people[0]);
    assert_eq!(world.did().await, (0, 0, 0));
    world.assign(people[0], "User");
    let turned = world.cycle().await;
    assert_eq!(held(&turned), [named(HoldKind::DisabledElsewhere, "p0")]);
    assert!(world.account("P0").disabled);

    // Disabled by an administrator while in scope; a change of name goes, the state stays.
    disable("P1");
    world.sandbox.entra.set_person(people[1], "surname", "Renamed").expect("an edit");
    world.cycle().await;
    assert_eq!(world.account("P1").last_name, "Renamed");
    assert!(world.account("P1").disabled);
    world.full().await;
    assert!(world.account("P1").disabled);

    // Disabled by this job: enabled again.
    world.unassign(people[2]);
    assert_eq!(world.did().await, (0, 0, 1));
    world.assign(people[2], "User");
    assert_eq!(world.did().await, (0, 1, 0));
    assert!(!world.account("P2").disabled);
    let enabled: Vec<_> =
        world.writes().into_iter().filter(|write| disables(write) == Some(false)).collect();
    assert!(enabled.iter().all(|write| write.path.contains(&id("P2"))), "{enabled:?}");
}

// 5. Links are by immutable id.

#[tokio::test]
async fn a_rename_is_one_write_to_the_same_account() {
    let (world, people) = converged(3).await;
    let before = world.account("P0");
    let patch = json!({
        "givenName": "Augusta", "surname": "King", "mail": "king@contoso.example",
        "userPrincipalName": "king@contoso.example"
    });
    let patch = patch.as_object().expect("an object");
    world.sandbox.entra.edit_person(people[0], patch).expect("an edit");
    assert_eq!(world.did().await, (0, 1, 0));
    let writes = world.writes();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert_eq!((writes[0].method.as_str(), disables(&writes[0])), ("PATCH", None));
    let after = world.account("King");
    assert_eq!((&after.id, after.first_name.as_str()), (&before.id, "Augusta"));
    assert!(world.sandbox.sharefile.account_of("p0@contoso.example").is_none());

    // A rename at the other end is none of the job's business, and no reason to create anybody.
    let patch = json!({ "email": "renamed@elsewhere.example" });
    world.sandbox.sharefile.edit_account(&after.id, patch).expect("an edit");
    world.sandbox.counts.reset();
    for turned in [world.cycle().await, world.full().await] {
        assert_eq!(turned.report.counts.done(), 0, "{:?}", turned.plan);
    }
    assert!(world.writes().is_empty());
}

#[tokio::test]
async fn an_account_deleted_at_sharefile_is_made_again_and_not_guessed() {
    let (world, people) = converged(4).await;
    let was = world.account("P0").id;
    assert!(world.sandbox.sharefile.remove_account(&was));
    world.sandbox.entra.set_person(people[0], "surname", "Renamed").expect("an edit");
    assert_eq!(world.did().await, (1, 0, 0));
    let now = world.account("P0");
    assert_ne!(now.id, was);
    assert_eq!(now.last_name, "Renamed");
    // Found by a full read as well, and somebody who left meanwhile is only unlinked.
    assert!(world.sandbox.sharefile.remove_account(&world.account("P1").id));
    assert!(world.sandbox.sharefile.remove_account(&world.account("P2").id));
    world.unassign(people[2]);
    let turned = world.full().await;
    let counts = turned.report.counts;
    assert_eq!((counts.created, counts.unlinked, counts.failed), (1, 1, 0), "{counts:?}");
}

// 6. One bad object stops only itself.

#[tokio::test]
async fn one_bad_object_stops_only_itself_and_is_tried_again() {
    for (status, reason) in [
        (400, "BadRequest"),
        (403, "EmailBlacklistViolation"),
        (403, "Forbidden"),
        (500, "InternalServerError"),
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

// 7. Revocation goes first.

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

// 9. Secrets never appear.

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

// 10. Every change can be explained.

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

// 11. Nobody gets mail unless the configuration says so.

#[tokio::test]
async fn mail_goes_to_created_people_alone_and_only_if_wanted() {
    let mut world = World::empty().await;
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
    let silent = world.join("Silent");
    world.join("Other");
    assert_eq!(world.did().await, (2, 1, 0));
    world.unassign(silent);
    world.cycle().await;
    world.assign(silent, "User");
    world.cycle().await;
    assert_eq!(world.sandbox.sharefile.mails(), [], "none without a word in the configuration");

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

// 2. The plan is what happens.

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
