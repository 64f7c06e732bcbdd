//! Only accounts that this job created or adopted are changed, by immutable id, and protected ones
//! never.

use serde_json::json;
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::graph::views::NewPerson;
use sharefile_provisioner::sandbox::sharefile::AccountView;

use crate::world::{World, disables, held};

use super::converged;

fn named(hold: HoldKind, name: &str) -> (HoldKind, String) {
    (hold, name.to_owned())
}

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
