//! People join, move and leave; what is written, and what is asked for it.

use sharefile_provisioner::cycle::Asked;
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::model::plan::CycleKind;

use crate::world::{World, asked};

#[tokio::test]
async fn one_person_is_created_updated_and_disabled() {
    let world = World::empty().await;
    let ada = world.join("Ada");
    // A guard that lets the only account go would be none: somebody stays.
    world.join("Bob");
    let first = world.cycle().await;
    assert_eq!(first.report.kind, CycleKind::Initial);
    assert_eq!(first.report.counts.created, 2);
    assert_eq!(world.account("Ada").last_name, "Tester");

    let patch = serde_json::json!({ "surname": "Byron" });
    world.sandbox.entra.edit_person(ada, patch.as_object().expect("an object")).expect("an edit");
    let second = world.cycle().await;
    assert_eq!((second.report.kind, second.report.counts.updated), (CycleKind::Incremental, 1));
    assert_eq!(world.account("Ada").last_name, "Byron");

    world.unassign(ada);
    let third = world.cycle().await;
    assert_eq!(third.report.counts.disabled, 1);
    assert!(world.account("Ada").disabled && !world.account("Bob").disabled);

    world.assign(ada, "User");
    let fourth = world.cycle().await;
    assert_eq!((fourth.report.state, fourth.report.counts.updated), (CycleState::Complete, 1));
    assert!(!world.account("Ada").disabled);
    assert!(world.sandbox.sharefile.mails().is_empty(), "nobody gets mail");
}

#[tokio::test]
async fn a_second_cycle_finds_nothing_and_asks_three_times() {
    let world = World::company(100, 8, 3).await;
    world.cycle().await;
    world.sandbox.counts.reset();
    let again = world.cycle().await;
    assert_eq!(again.report.counts.done(), 0);
    assert_eq!((world.graph_requests(), world.sharefile_requests()), (3, 0));
    let plan = world.plan().await.plan.expect("a plan");
    assert!(plan.is_empty(), "{plan:?}");
}

#[tokio::test]
async fn somebody_restored_is_back_although_no_feed_mentions_the_membership() {
    let world = World::empty().await;
    let ada = world.person("Ada");
    let bob = world.person("Bob");
    world.group("Staff", &[ada, bob]);
    world.cycle().await;
    world.sandbox.entra.soft_delete_person(ada).expect("a deletion");
    world.cycle().await;
    assert!(world.account("Ada").disabled);
    // A full read in between sees no trace of her in the group.
    world.turn(Asked { full: true, ..asked() }).await;
    world.sandbox.entra.restore_person(ada).expect("a restoration");
    let back = world.cycle().await;
    assert!(!world.account("Ada").disabled, "{back:?}");
}

#[tokio::test]
async fn a_certificate_signs_in_with_either_algorithm() {
    let pem = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/certificate/both.pem");
    for algorithm in ["PS256", "RS256"] {
        let mut world = World::empty().await;
        let text = std::fs::read_to_string(pem).expect("the fixture");
        world.sandbox.entra.add_certificate(&text).expect("a certificate");
        // The fixture is valid from some weeks after the beginning of all stories.
        world.clock.advance(std::time::Duration::from_secs(120 * 86_400));
        let credential =
            format!("{{ certificate = {{ file = \"{pem}\" }}, algorithm = \"{algorithm}\" }}");
        world.set("entra.credential", &credential);
        world.join("Ada");
        assert_eq!(world.cycle().await.report.counts.created, 1, "{algorithm}");
    }
}
