//! What fails while groups are written is done later, whatever else goes on.

use super::*;
use sharefile_provisioner::sandbox::sharefile::{AccountKind, NewAccount};

fn failing(status: u16, reason: &str) -> Fault {
    let reason = Some(reason.to_owned());
    Fault { status: Some(status), reason, ..Fault::new(FaultKind::Unavailable) }
}

#[tokio::test]
async fn a_member_whose_create_was_not_answered_comes_in_once_it_is_settled() {
    let world = World::with_groups().await;
    let ada = world.person("Ada");
    let sales = world.group("Sales", &[ada]);
    world.cycle().await;
    for name in ["Bob", "Cleo"] {
        world.enter(sales, world.person(name));
    }
    // One of the two is lost, and nobody can look for it until the next cycle.
    let lost = Fault::new(FaultKind::DropAfter).at("POST /sf/v3/Users/AccountUser");
    world.sandbox.faults.add(lost.times(1));
    world.sandbox.faults.add(failing(500, "Unspecified").at("GET /sf/v3/Users").after(3).times(40));
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.created, moved(&turned)), (1, (1, 0)));
    world.sandbox.faults.clear();
    world.cycle().await;
    assert_eq!(world.groups(), is(&[("Sales", &["ada", "bob", "cleo"])]));
    world.cycle().await;
    world.wrote();
    world.full().await;
    assert!(world.writes().is_empty(), "{:?}", world.wrote());
}

#[tokio::test]
async fn a_member_who_was_refused_is_tried_again_although_others_were_planned_anew() {
    let world = World::with_groups().await;
    let [ada, quinn] = ["Ada", "Quinn"].map(|name| world.join(name));
    let sales = world.group("Sales", &[ada]);
    world.cycle().await;
    world.enter(sales, quinn);
    world.enter(sales, world.person("Paul"));
    let refused = failing(403, "Forbidden").at("POST /sf/v3/Groups(id)/Contacts");
    world.sandbox.faults.add(refused.times(1));
    // Paul is planned anew in the same cycle.
    let taken = Fault::new(FaultKind::DuplicateAddress).at("POST /sf/v3/Users/AccountUser");
    world.sandbox.faults.add(taken.times(1));
    world.cycle().await;
    assert_eq!(world.groups(), is(&[("Sales", &["ada", "paul"])]));
    world.cycle().await;
    assert_eq!(world.groups(), is(&[("Sales", &["ada", "paul", "quinn"])]));
    world.cycle().await;
    world.sandbox.counts.reset();
    world.cycle().await;
    assert_eq!(world.sharefile_requests(), 0);
}

#[tokio::test]
async fn an_account_that_could_not_be_adopted_is_put_into_no_group() {
    let world = World::with_groups().await;
    let ada = world.person("Ada");
    let sales = world.group("Sales", &[ada]);
    world.cycle().await;
    world.sandbox.sharefile.add_account(NewAccount {
        email: "bob@contoso.example".to_owned(),
        first_name: "Robert".to_owned(),
        last_name: "Tester".to_owned(),
        company: String::new(),
        kind: AccountKind::Employee,
        disabled: false,
        roles: Vec::new(),
        confirmed: true,
    });
    world.enter(sales, world.person("Bob"));
    world.sandbox.faults.add(failing(403, "Forbidden").at("PATCH /sf/v3/Users(id)").times(1));
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.adopted, moved(&turned)), (0, (0, 0)));
    assert_eq!(world.groups(), is(&[("Sales", &["ada"])]));
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.adopted, moved(&turned)), (1, (1, 0)));
    assert_eq!(world.groups(), is(&[("Sales", &["ada", "bob"])]));
}

#[tokio::test]
async fn a_group_whose_create_was_not_answered_is_found_as_sharefile_spells_it() {
    let world = World::with_groups().await;
    let mut switches = world.sandbox.sharefile.switches();
    switches.normalise_names = true;
    world.sandbox.sharefile.set_switches(switches);
    let ada = world.person("Ada");
    world.group("Sales  North", &[ada]);
    let lost = Fault::new(FaultKind::DropAfter).at("POST /sf/v3/Groups");
    world.sandbox.faults.add(lost.times(1));
    world.cycle().await;
    world.sandbox.faults.clear();
    world.cycle().await;
    assert_eq!(world.groups(), is(&[("Sales North", &["ada"])]));
    assert_eq!(world.sandbox.sharefile.groups().len(), 2, "with the Super User Group");
}

/// The rows of a deleted group are gone before the feed says that it was deleted: what becomes of it
/// is what the rules say of deleted groups all the same.
#[tokio::test]
async fn a_group_that_was_deleted_is_not_taken_for_one_that_was_unassigned() {
    let mut world = World::with_groups().await;
    world.set("groups.on_unassigned", "delete");
    world.set("groups.deprovision", "keep");
    let ada = world.join("Ada");
    let groups = ["North", "South", "West"].map(|name| world.group(name, &[ada]));
    world.cycle().await;
    world.wrote();
    let late = Fault::new(FaultKind::LostRows).at("GET /v1.0/groups/delta").lose(9);
    world.sandbox.faults.add(late);
    world.sandbox.entra.delete_group(groups[0]).expect("no group");
    world.cycle().await;
    world.sandbox.faults.clear();
    assert!(world.writes().is_empty(), "{:?}", world.wrote());
    world.unassign(groups[1]);
    world.cycle().await;
    assert_eq!(world.groups(), is(&[("North", &["ada"]), ("West", &["ada"])]));
}
