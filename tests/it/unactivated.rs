//! Who never signed in although their link has run out.

use std::time::Duration;

use serde_json::json;
use sharefile_provisioner::clock::Clock;
use sharefile_provisioner::cycle::worker::answer_without_cycle;
use sharefile_provisioner::cycle::{LINK_LIVES_MS, unactivated, welcome_payload};
use sharefile_provisioner::store::RequestKind;

use crate::world::World;

async fn waiting(world: &World) -> Vec<String> {
    let engine = world.preview_engine();
    let people = unactivated(&engine).await.expect("the lists");
    let mut names: Vec<String> = people.into_iter().map(|person| person.name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_link_runs_out_unless_somebody_signs_in_or_gets_another() {
    let world = World::empty().await;
    for name in ["Ada", "Bob", "Cid", "Dan", "Eve"] {
        world.join(name);
    }
    world.cycle().await;
    let edit = |name: &str, patch: serde_json::Value| {
        let id = world.account(name).id;
        world.sandbox.sharefile.edit_account(&id, patch).expect("an edit");
    };
    edit("Bob", json!({ "confirmed": true }));
    edit("Dan", json!({ "disabled": true }));
    // Somebody else's account is not this job's affair.
    world.sandbox.sharefile.add_account(
        serde_json::from_value(json!({ "email": "other@contoso.example", "first_name": "Other" }))
            .expect("an account"),
    );
    let life = Duration::from_millis(LINK_LIVES_MS as u64);
    world.clock.advance(life - Duration::from_secs(60));
    assert_eq!(waiting(&world).await, [""; 0]);
    world.clock.advance(Duration::from_secs(120));
    assert_eq!(waiting(&world).await, ["Ada Tester", "Cid Tester", "Eve Tester"]);

    // Cid gets another link, and Eve signs in through single sign-on: she confirms nothing.
    let engine = world.engine();
    let payload = welcome_payload("cid@contoso.example");
    let answer = answer_without_cycle(&engine, RequestKind::Welcome, &payload).await;
    assert!(answer.ok, "{answer:?}");
    engine.store.close().await.expect("a closed store");
    edit("Eve", json!({ "last_login": world.clock.now().0 }));
    assert_eq!(waiting(&world).await, ["Ada Tester"]);
    world.clock.advance(life);
    assert_eq!(waiting(&world).await, ["Ada Tester", "Cid Tester"]);
}
