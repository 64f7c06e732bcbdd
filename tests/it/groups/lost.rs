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
