//! Stages of leaving beyond the usual ones: left alone for a while, downgraded at once, many together,
//! and those that nobody may take.

use std::time::Duration;

use serde_json::json;
use sharefile_provisioner::model::account::LinkState;
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::sharefile::AccountKind;

use super::NOTHING;
use super::leavers::{DELETED, ENABLED, company, disabled, policy};
use crate::world::held;

#[tokio::test]
async fn an_account_that_is_left_alone_has_its_date_all_the_same() {
    let later = policy("then = \"leave\", after = \"3d\", next = \"delete\"");
    let (world, ada) = company(&[("unassigned", &later)]).await;
    for back in [true, false] {
        world.unassign(ada);
        world.sandbox.counts.reset();
        let plan = world.ran(&["plan"]).await;
        assert!(plan.text.contains("schedule  ada@contoso.example"), "{}", plan.text);
        assert_eq!(world.cycle_wrote().await, NOTHING);
        // Nothing is asked to note a date; the second time everything is compared, as once a day.
        assert_eq!(world.sharefile_requests() == 0, back);
        assert!(!world.account("Ada").disabled);
        assert_eq!(world.state_of(ada).await, Some(LinkState::Active));
        // Who left gets no mail, though the account is in use.
        let said = world.ran(&["welcome", "ada@contoso.example"]).await;
        assert!(said.text.contains("left, and gets no mail"), "{}", said.text);
        world.pass_days(2);
        assert_eq!(world.cycle_wrote().await, NOTHING);
        if back {
            world.assign(ada, "User");
            assert_eq!(world.cycle_wrote().await, NOTHING);
            world.pass_days(2);
        }
    }
    world.pass_days(1);
    assert_eq!(world.cycle_wrote().await, [DELETED]);
}

#[tokio::test]
async fn a_downgrade_at_once_takes_two_cycles() {
    let now = policy("then = \"downgrade\"");
    let (world, ada) = company(&[("disabled", &now)]).await;
    world.sandbox.entra.set_enabled(ada, false).expect("an edit");
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    let downgraded = r#"POST Users/Employees/Downgrade {"ReassignGroupsToId":"archive","ReassignItemsToId":"archive","UserIds":["ada"]}"#;
    assert_eq!(world.cycle_wrote().await, [downgraded]);
    assert_eq!(world.cycle_wrote().await, NOTHING);
    assert_eq!(world.account("Ada").kind, AccountKind::Client);
}

#[tokio::test]
async fn a_hundred_go_in_one_call() {
    let later = policy("then = \"disable\", after = \"10d\", next = \"downgrade\"");
    let (mut world, ada) = company(&[("unassigned", &later)]).await;
    for event in ["removals_per_cycle", "removals_per_day"] {
        world.set(&format!("guard.{event}"), "{ count = 500, percent = 100 }");
    }
    let people: Vec<_> = (0..102).map(|n| world.join(&format!("Many{n}"))).collect();
    // As many stay, or it would look like an accident.
    for n in 0..100 {
        world.join(&format!("More{n}"));
    }
    world.set("guard.creates_per_cycle", "500");
    world.cycle().await;
    people.iter().chain([&ada]).for_each(|person| world.unassign(*person));
    assert_eq!(world.did().await, (0, 0, 103));
    world.pass_days(10);
    world.sandbox.counts.reset();
    assert_eq!(world.cycle().await.report.counts.deleted, 103);
    let mut sizes: Vec<usize> = Vec::new();
    for write in world.writes() {
        assert_eq!(write.path, "/sf/v3/Users/Employees/Downgrade");
        sizes.push(write.body["UserIds"].as_array().expect("a list").len());
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [3, 100]);
}

#[tokio::test]
async fn a_client_takes_nothing_over() {
    let now = policy("then = \"delete\"");
    let (world, ada) = company(&[("unassigned", &now)]).await;
    let archive = world.account("Archive").id;
    let kind = |kind| world.sandbox.sharefile.edit_account(&archive, json!({ "kind": kind }));
    kind(AccountKind::Client).expect("an edit");
    world.unassign(ada);
    let (wrote, turned) = world.cycle_told().await;
    assert_eq!(wrote, [disabled("ada")]);
    assert_eq!(held(&turned), [(HoldKind::NoHeir, "ada".to_owned())]);
    let said = &turned.holds[0].items[0].detail;
    assert!(said.ends_with("archive@contoso.example, who should take over, is no employee"));
    kind(AccountKind::Employee).expect("an edit");
    world.clock.advance(Duration::from_secs(3_700));
    assert_eq!(world.cycle_wrote().await, [DELETED]);
}

#[tokio::test]
async fn a_milder_event_writes_nothing() {
    let (world, ada) = company(&[("unassigned", "\"leave\"")]).await;
    world.sandbox.entra.set_enabled(ada, false).expect("an edit");
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    world.unassign(ada);
    assert_eq!(world.cycle_wrote().await, NOTHING);
    assert_eq!(world.sharefile_requests(), 0);
    world.sandbox.entra.set_enabled(ada, true).expect("an edit");
    assert_eq!(world.cycle_wrote().await, NOTHING, "not in scope yet");
    world.assign(ada, "User");
    assert_eq!(world.cycle_wrote().await, [ENABLED]);
}

#[tokio::test]
async fn a_date_of_somebody_protected_costs_nothing_in_every_cycle() {
    let (mut world, ada) =
        company(&[("unassigned", "{ then = \"leave\", after = \"1d\", next = \"disable\" }")])
            .await;
    world.set("guard.protected", r#"["ada@contoso.example"]"#);
    world.cycle().await;
    world.unassign(ada);
    assert_eq!(world.cycle_wrote().await, NOTHING);
    world.pass_days(1);
    let waits = [(HoldKind::ProtectedRemoval, "ada".to_owned())];
    assert_eq!(held(&world.cycle().await), waits);
    world.sandbox.counts.reset();
    assert_eq!(held(&world.cycle().await), waits);
    assert_eq!(world.sharefile_requests(), 0);
}

#[tokio::test]
async fn an_account_that_somebody_deleted_is_made_again_in_one_write() {
    let (world, ada) = company(&[]).await;
    let before = world.account("Ada").id;
    assert!(world.sandbox.sharefile.remove_account(&before));
    // Nobody looks in between.
    assert_eq!(world.cycle_wrote().await, NOTHING);
    world.sandbox.counts.reset();
    assert_eq!(world.full().await.report.counts.created, 1);
    let wrote: Vec<_> = world.writes().iter().map(|one| one.method.clone()).collect();
    assert_eq!(
        (wrote, world.writes()[0].body["Email"].clone()),
        (vec!["POST".to_owned()], json!("ada@contoso.example"))
    );
    assert_ne!(world.account("Ada").id, before);
    // Of one who left nothing is left to do.
    world.unassign(ada);
    assert_eq!(world.cycle_wrote().await, [disabled("ada")]);
    assert!(world.sandbox.sharefile.remove_account(&world.account("Ada").id));
    world.sandbox.counts.reset();
    assert_eq!(world.full().await.report.counts.unlinked, 1);
    assert!(world.writes().is_empty());
    assert_eq!(world.state_of(ada).await, None);
}
