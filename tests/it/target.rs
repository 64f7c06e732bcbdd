//! Every call of the target on the sandbox, so that each is judged by what the vendor describes.

use sharefile_provisioner::model::account::{AccountKind, TargetAttribute};
use sharefile_provisioner::model::ids::TargetId;
use sharefile_provisioner::sandbox::sharefile::switches::DeleteBodies;
use sharefile_provisioner::sandbox::sharefile::{AccountKind as EmulatedKind, NewAccount};
use sharefile_provisioner::target::{Reassign, Refusal, UserChange};

use crate::world::World;

/// An empty company whose service user may do whatever there is to do.
async fn world() -> World {
    let world = World::empty().await;
    world.sandbox.sharefile.set_service_roles(&[
        "AdminManageEmployees",
        "CanManageUsers",
        "AdminCreateSharedGroups",
        "AdminSharedDistGroups",
    ]);
    world
}

fn add(world: &World, name: &str, kind: EmulatedKind) -> TargetId {
    TargetId::new(world.sandbox.sharefile.add_account(NewAccount {
        email: format!("{name}@fabrikam.example"),
        first_name: name.to_owned(),
        last_name: "Tester".to_owned(),
        company: String::new(),
        kind,
        disabled: false,
        roles: Vec::new(),
        confirmed: false,
    }))
}

fn client(world: &World, name: &str) -> TargetId {
    add(world, name, EmulatedKind::Client)
}

fn employee(world: &World, name: &str) -> TargetId {
    add(world, name, EmulatedKind::Employee)
}

#[tokio::test]
async fn a_group_lives_from_its_create_to_its_delete() {
    let world = world().await;
    let engine = world.engine();
    let target = &engine.target;
    let [ada, bob, cid] = ["ada", "bob", "cid"].map(|name| client(&world, name));

    let made = target.create_group("Sales", std::slice::from_ref(&ada)).await.expect("a group");
    assert_eq!((made.name.as_str(), made.shared, made.members), ("Sales", true, Some(1)));
    assert!(made.id.as_str().starts_with('g'), "{}", made.id);
    let both = [bob.clone(), cid.clone()];
    let added = target.add_members(&made.id, &both).await.expect("members");
    let mut all = vec![ada.clone(), bob.clone(), cid.clone()];
    all.sort();
    assert_eq!(added, all);
    let renamed = target.rename_group(&made.id, "Verkauf").await.expect("a rename");
    assert_eq!((renamed.id, renamed.name.as_str()), (made.id.clone(), "Verkauf"));
    assert_eq!(
        target.remove_members(&made.id, &both).await.expect("members"),
        std::slice::from_ref(&ada)
    );

    let account = target.account().await.expect("the tenant");
    let listed = target.list_groups().await.expect("groups");
    let found = listed.iter().find(|group| group.id == made.id).expect("listed");
    assert_eq!(found.owner.as_ref(), Some(&account.service_user));
    let read = target.read_group(&made.id).await.expect("a read");
    assert_eq!(read.as_ref(), Some(found));
    assert_eq!(target.group_members(&made.id).await.expect("a read"), Some(vec![ada.clone()]));

    // Whoever is unknown makes the whole call fail, and adds nobody.
    let nobody = TargetId::new("00000000-0000-4000-8000-00000000dead");
    let error = target.add_members(&made.id, &[bob, nobody]).await.expect_err("nobody");
    assert_eq!((error.refusal, error.maybe_applied), (Refusal::NotFound, false));
    assert_eq!(target.group_members(&made.id).await.expect("a read"), Some(vec![ada]));

    target.delete_group(&made.id).await.expect("a delete");
    target.delete_group(&made.id).await.expect("gone already");
    assert_eq!(target.read_group(&made.id).await.expect("a read"), None);
    assert_eq!(target.group_members(&made.id).await.expect("a read"), None);
    assert!(world.sandbox.sharefile.mails().is_empty());
}

#[tokio::test]
async fn lists_that_come_in_pages_are_read_to_the_end_after_a_change_too() {
    let world = world().await;
    let mut switches = world.sandbox.sharefile.switches();
    switches.page_size = Some(2);
    world.sandbox.sharefile.set_switches(switches);
    let engine = world.engine();
    let target = &engine.target;
    let mut people: Vec<TargetId> = (0..5).map(|n| client(&world, &format!("p{n}"))).collect();
    people.sort();
    let made = target.create_group("Sales", &people[..1]).await.expect("a group");
    for n in 0..4 {
        target.create_group(&format!("G{n}"), &[]).await.expect("a group");
    }
    assert_eq!(target.add_members(&made.id, &people[1..]).await.expect("members"), people);
    let left = target.remove_members(&made.id, &people[..2]).await.expect("members");
    assert_eq!(left, people[2..]);
    assert_eq!(target.list_groups().await.expect("groups").len(), 5);
}

#[tokio::test]
async fn members_go_although_the_body_of_a_delete_is_lost_or_refused() {
    for (lost, refused, requests) in [
        (DeleteBodies::Kept, false, 1),
        (DeleteBodies::Dropped, false, 2),
        (DeleteBodies::Refused, true, 3),
    ] {
        let world = world().await;
        let mut switches = world.sandbox.sharefile.switches();
        switches.delete_bodies = lost;
        world.sandbox.sharefile.set_switches(switches);
        let engine = world.engine();
        let target = &engine.target;
        let mut people: Vec<TargetId> = (0..3).map(|n| client(&world, &format!("p{n}"))).collect();
        people.sort();
        let made = target.create_group("Sales", &people[..2]).await.expect("a group");
        let before = target.requests();
        // The third is no member, and does not become one.
        let left = target.remove_members(&made.id, &people[1..]).await.expect("members");
        assert_eq!(
            (left, target.requests() - before),
            (people[..1].to_vec(), requests),
            "{lost:?}"
        );
        let refusals = world.writes().iter().filter(|write| write.status == 405).count();
        assert_eq!(refusals, usize::from(refused));
    }
}

#[tokio::test]
async fn a_group_takes_no_more_than_it_holds() {
    let world = world().await;
    let mut switches = world.sandbox.sharefile.switches();
    switches.group_limit = 2;
    world.sandbox.sharefile.set_switches(switches);
    let engine = world.engine();
    let people: Vec<TargetId> = (0..3).map(|n| client(&world, &format!("p{n}"))).collect();
    let made = engine.target.create_group("Sales", &people[..2]).await.expect("a group");
    let error = engine.target.add_members(&made.id, &people[2..]).await.expect_err("full");
    assert_eq!((error.code.as_str(), error.maybe_applied), ("BadRequest", false));
    assert!(error.remedy.contains("as many members"), "{}", error.remedy);
}

#[tokio::test]
async fn clients_rise_and_employees_fall_and_leave() {
    let world = world().await;
    let engine = world.engine();
    let target = &engine.target;
    let ada = client(&world, "ada");
    let archive = employee(&world, "archive");
    let reassign = Reassign { items_to: archive.clone(), groups_to: archive.clone() };

    let values = vec![(TargetAttribute::Company, Some("Contoso".to_owned()))];
    let change = UserChange { values, disabled: Some(false), promote: true };
    let risen = target.change_user(&ada, &change).await.expect("a promotion");
    assert_eq!((risen.id.clone(), risen.kind), (ada.clone(), AccountKind::Employee));
    assert_eq!(risen.value(TargetAttribute::Company), Some("Contoso"));

    target.downgrade_users(std::slice::from_ref(&ada), &reassign).await.expect("a downgrade");
    let read = target.read_user(&ada).await.expect("a read").expect("an account");
    assert_eq!(read.kind, AccountKind::Client);
    // A client cannot be downgraded, nor can who takes over.
    let error = target.downgrade_users(&[ada.clone(), archive], &reassign).await;
    assert_eq!(error.expect_err("an heir leaves").code, "HeirLeaves");
    let refused = target.downgrade_users(std::slice::from_ref(&ada), &reassign).await;
    assert!(!refused.expect_err("a client").maybe_applied);

    target.delete_user(&ada, &reassign).await.expect("a delete");
    target.delete_user(&ada, &reassign).await.expect("gone already");
    assert_eq!(target.read_user(&ada).await.expect("a read"), None);
    let gone = Reassign { items_to: ada.clone(), groups_to: ada };
    let bob = employee(&world, "bob");
    let error = target.delete_user(&bob, &gone).await.expect_err("nobody takes over");
    assert_eq!(error.refusal, Refusal::NotFound);
    assert!(target.read_user(&bob).await.expect("a read").is_some());
    assert!(world.sandbox.sharefile.mails().is_empty());
}

#[tokio::test]
async fn a_welcome_is_one_mail_to_one_person() {
    let world = world().await;
    let engine = world.engine();
    let bob = employee(&world, "bob");
    engine.target.welcome(&bob).await.expect("a mail");
    let mails = world.sandbox.sharefile.mails();
    let sent: Vec<_> = mails.iter().map(|mail| (&*mail.occasion, &*mail.to)).collect();
    assert_eq!(sent, [("welcome", "bob@fabrikam.example")]);
    assert_eq!(world.asked("ResendWelcome"), 1);
    assert_eq!(world.asked("WelcomeNotification"), 0);
    let error = engine.target.welcome(&TargetId::new("dead")).await.expect_err("nobody");
    assert_eq!(error.refusal, Refusal::NotFound);
    assert_eq!(world.sandbox.sharefile.mails().len(), 1);

    let mut switches = world.sandbox.sharefile.switches();
    switches.resend_welcome = false;
    world.sandbox.sharefile.set_switches(switches);
    engine.target.welcome(&bob).await.expect("a mail");
    assert_eq!(world.sandbox.sharefile.mails().len(), 2, "by the successor of the call");
}
