//! What histories brought to light, told as short stories.

use serde_json::json;
use sharefile_provisioner::cycle::Asked;
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::model::plan::{CycleKind, HoldKind};
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::sharefile::{AccountKind, NewAccount};
use sharefile_provisioner::store::StoredHold;
use uuid::Uuid;

use crate::world::{World, asked};

fn held(holds: &[StoredHold]) -> Vec<(HoldKind, Uuid)> {
    let items = |hold: &StoredHold| {
        let kind = hold.kind;
        hold.items.iter().map(move |item| (kind, item.anchor.0)).collect::<Vec<_>>()
    };
    holds.iter().flat_map(items).collect()
}

fn rename(world: &World, person: Uuid, name: &str) {
    world.sandbox.entra.set_person(person, "surname", name).expect("an edit");
}

fn full() -> Asked {
    Asked { full: true, ..asked() }
}

#[tokio::test]
async fn an_approval_given_with_a_cycle_is_carried_out_by_that_cycle() {
    let mut world = World::empty().await;
    world.set("guard.first_cycle", "approve");
    world.join("Ada");
    let first = world.cycle().await;
    assert_eq!((first.report.counts.created, first.holds.len()), (0, 1));
    // Nothing about Ada changes, so that the next plan is not about her.
    world.join("Bob");
    let second = world.turn(Asked { approve: true, ..asked() }).await;
    assert_eq!((second.report.counts.created, second.holds.len()), (2, 0));
    assert!(!world.account("Ada").disabled);
}

#[tokio::test]
async fn what_a_stop_leaves_of_a_full_cycle_is_done_by_the_next() {
    let world = World::empty().await;
    world.join("Ada");
    world.join("Bob");
    world.join("Cyd");
    world.cycle().await;
    for name in ["Bob", "Cyd"] {
        assert!(world.sandbox.sharefile.remove_account(&world.account(name).id));
    }
    // Only a full read shows that their accounts are gone.
    let engine = world.engine();
    engine.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let stopped = engine.turn(full()).await.expect("a recorded cycle");
    assert_eq!((stopped.report.state, stopped.report.counts.done()), (CycleState::Partial, 0));
    engine.store.close().await.expect("a closed store");
    let next = world.cycle().await;
    assert_eq!((next.report.kind, next.report.counts.created), (CycleKind::Incremental, 2));
}

#[tokio::test]
async fn who_comes_back_from_the_recycle_bin_is_in_the_groups_of_before() {
    let world = World::empty().await;
    let (ada, bob) = (world.person("Ada"), world.person("Bob"));
    let staff = world.group("Staff", &[ada, bob]);
    world.join("Cyd");
    world.cycle().await;
    world.sandbox.entra.soft_delete_person(ada).expect("a person");
    // The group is read without her when it is assigned again, and no feed says it later.
    world.unassign(staff);
    world.cycle().await;
    world.assign(staff, "User");
    world.cycle().await;
    assert!(world.account("Ada").disabled && !world.account("Bob").disabled);
    world.sandbox.entra.restore_person(ada).expect("a person in the bin");
    let back = world.cycle().await;
    assert_eq!(back.report.counts.updated, 1);
    assert!(!world.account("Ada").disabled);
}

#[tokio::test]
async fn an_account_that_somebody_disabled_stays_on_hold_when_its_values_change() {
    let world = World::empty().await;
    let ada = world.join("Ada");
    world.cycle().await;
    let id = world.account("Ada").id;
    world.sandbox.sharefile.edit_account(&id, json!({ "disabled": true })).expect("an edit");
    let waits = [(HoldKind::DisabledElsewhere, ada)];
    assert_eq!(held(&world.turn(full()).await.holds), waits);
    for name in ["Byron", "King"] {
        rename(&world, ada, name);
        assert_eq!(held(&world.cycle().await.holds), waits);
        assert_eq!(world.account("Ada").last_name, name);
    }
    assert!(world.account("Ada").disabled);
    world.sandbox.sharefile.edit_account(&id, json!({ "disabled": false })).expect("an edit");
    assert!(world.turn(full()).await.holds.is_empty());
}

#[tokio::test]
async fn a_type_that_somebody_changed_as_asked_ends_the_hold_for_good() {
    let world = World::empty().await;
    let ada = world.join("Ada");
    world.cycle().await;
    world.assign(ada, "Client");
    let waits = [(HoldKind::TypeChange, ada)];
    assert_eq!(held(&world.cycle().await.holds), waits);
    let id = world.account("Ada").id;
    world.sandbox.sharefile.edit_account(&id, json!({ "kind": "client" })).expect("an edit");
    assert!(world.turn(full()).await.holds.is_empty());
    rename(&world, ada, "Byron");
    assert!(world.cycle().await.holds.is_empty());
}

#[tokio::test]
async fn an_address_that_somebody_else_has_is_held_and_not_tried_again() {
    let world = World::empty().await;
    let (ada, bob) = (world.join("Ada"), world.join("Bob"));
    world.cycle().await;
    let set = |person, mail: &str| {
        world.sandbox.entra.set_person(person, "mail", mail).expect("an edit");
    };
    set(ada, "bob@contoso.example");
    let second = world.cycle().await;
    assert_eq!(held(&second.holds), [(HoldKind::SharedAccount, ada)]);
    assert_eq!(second.report.counts.failed, 0);
    world.sandbox.counts.reset();
    world.cycle().await;
    assert_eq!(world.sharefile_requests(), 0);

    // Where everybody moves on by one, everybody gets there in one cycle.
    let (cyd, dan) = (world.join("Cyd"), world.join("Dan"));
    world.cycle().await;
    set(dan, "cyd@contoso.example");
    set(cyd, "bob@contoso.example");
    set(bob, "free@contoso.example");
    let moved = world.cycle().await;
    assert_eq!((moved.report.counts.updated, moved.report.counts.failed), (3, 0));
    assert_eq!(held(&moved.holds), [(HoldKind::SharedAccount, ada)]);
}

#[tokio::test]
async fn an_account_that_was_given_rights_a_moment_ago_is_not_adopted() {
    let world = World::empty().await;
    world.join("Ada");
    // One process: it knows the tenant from its first cycle.
    let engine = world.engine();
    engine.turn(asked()).await.expect("a cycle");
    let account = NewAccount {
        email: "Bob@Contoso.example".to_owned(),
        first_name: "Robert".to_owned(),
        last_name: "Tester".to_owned(),
        company: String::new(),
        kind: AccountKind::Employee,
        disabled: false,
        roles: Vec::new(),
        confirmed: true,
    };
    let account = world.sandbox.sharefile.add_account(account);
    world.sandbox.sharefile.edit_account(&account, json!({ "super_user": true })).expect("an edit");
    let bob = world.join("Bob");
    let turned = engine.turn(asked()).await.expect("a cycle");
    engine.store.close().await.expect("a closed store");
    assert_eq!(held(&turned.holds), [(HoldKind::Protected, bob)]);
    assert_eq!(world.account("Bob").first_name, "Robert");
}

#[tokio::test]
async fn a_change_that_shows_nothing_is_read_by_id() {
    let world = World::empty().await;
    let ada = world.join("Ada");
    world.join("Bob");
    world.cycle().await;
    rename(&world, ada, "Byron");
    world.sandbox.faults.add(Fault::new(FaultKind::Nulls).at("users/delta").times(1));
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(world.account("Ada").last_name, "Byron");
}

#[tokio::test]
async fn the_application_is_found_on_any_page() {
    for kind in [FaultKind::EmptyPage, FaultKind::RepeatedPage] {
        let world = World::empty().await;
        world.join("Ada");
        world.sandbox.faults.add(Fault::new(kind).at("GET /v1.0/servicePrincipals").times(1));
        assert_eq!(world.did().await, (1, 0, 0));
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_is_read_again() {
    let world = World::empty().await;
    world.join("Ada");
    world.cycle().await;
    for list in ["/Accounts/Employees", "/Accounts/Clients", "/Contacts"] {
        world.sandbox.faults.add(Fault::new(FaultKind::CutBody).at(list).times(2));
        world.sandbox.counts.reset();
        world.full().await;
        assert_eq!(world.asked(list), 3, "{list}");
    }
}

#[tokio::test]
async fn an_account_that_has_the_address_besides_its_own_was_not_made_by_a_lost_call() {
    let world = World::empty().await;
    let account = NewAccount {
        email: "owner-of-two@contoso.example".to_owned(),
        first_name: "Hand".to_owned(),
        last_name: "Made".to_owned(),
        company: String::new(),
        kind: AccountKind::Employee,
        disabled: false,
        roles: Vec::new(),
        confirmed: true,
    };
    let account = world.sandbox.sharefile.add_account(account);
    let others = json!({ "other_addresses": ["bob@contoso.example"] });
    world.sandbox.sharefile.edit_account(&account, others).expect("an edit");
    world.join("Bob");
    // The lists of the first cycle show no secondary addresses, so that it tries to create Bob.
    let create = "POST /sf/v3/Users/AccountUser";
    world.sandbox.faults.add(Fault::new(FaultKind::DropBefore).at(create).times(9));
    let first = world.cycle().await.report.counts;
    assert_eq!((first.created, first.adopted), (0, 0));
    // Once looked up, it is found by the matching rule, in a plan that shows it.
    world.sandbox.faults.clear();
    let second = world.cycle().await.report.counts;
    assert_eq!((second.created, second.adopted, second.updated), (0, 1, 1));
}
