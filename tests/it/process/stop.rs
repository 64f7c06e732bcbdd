//! A clean stop: the write in flight finishes, nothing new begins, and the next start goes on.

use serde_json::json;
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};

use super::{World, eventually};

const NAMES: [&str; 4] = ["Ada", "Bob", "Cy", "Dee"];

/// A job whose first cycle creates four accounts, one at a time.
async fn four() -> World {
    let mut world = World::real().await;
    world.set("sharefile.in_flight", "1");
    for name in NAMES {
        world.join(name);
    }
    world
}

fn created(world: &World) -> usize {
    NAMES.iter().filter(|name| world.has(name)).count()
}

#[cfg(unix)]
#[tokio::test]
async fn a_stop_lets_the_write_in_flight_finish() {
    for kind in [FaultKind::StallBefore, FaultKind::StallAfter] {
        let world = four().await;
        world.stall(kind, "POST", 2);
        let daemon = world.daemon(0).await;
        world.hangs().await;
        daemon.terminate();
        // Nothing comes back before the write does: the release is what ends the daemon.
        world.sandbox.faults.release();
        daemon.end().await.exits(0);
        assert!(!world.leased());
        assert_eq!(created(&world), 2, "{kind:?}: the one in flight, and none after it");
        let status = world.status().await;
        assert_eq!((&status["open_writes"], &status["waiting"]), (&json!(0), &json!(2)));
        assert_eq!(status["last_cycle"]["state"], "partial");

        let said = world.sync().await;
        assert!(!said.out.contains("interruption"), "{kind:?}: nothing was open: {}", said.out);
        assert_eq!((created(&world), world.written().len()), (4, 4), "{kind:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_write_that_takes_longer_than_the_grace_is_settled_by_the_next_start() {
    let mut world = four().await;
    world.set("schedule.grace", "1s");
    world.stall(FaultKind::StallAfter, "POST", 2);
    let daemon = world.daemon(0).await;
    world.hangs().await;
    daemon.terminate();
    let said = daemon.end().await.exits(0);
    assert!(said.err.contains("did not end in time; the next start settles it"), "{}", said.err);
    assert_eq!(world.status().await["open_writes"], 1);
    world.sync().await.says("1 write that an interruption left open was settled.");
    assert_eq!((created(&world), world.written().len()), (4, 4));
}

#[cfg(unix)]
#[tokio::test]
async fn a_stop_does_not_wait_for_a_source_that_hangs() {
    let mut world = four().await;
    world.set("schedule.grace", "1s");
    let fault = Fault::new(FaultKind::StallBefore).at("appRoleAssignedTo").times(1);
    world.sandbox.faults.add(fault);
    let daemon = world.daemon(0).await;
    world.hangs().await;
    daemon.terminate();
    daemon.end().await.exits(0);
    assert!(world.written().is_empty());
    world.sync().await.says("4 created");
}

#[cfg(unix)]
#[tokio::test]
async fn an_interrupted_sync_stops_at_the_next_change() {
    let world = four().await;
    world.stall(FaultKind::StallBefore, "POST", 3);
    let sync = world.start(&["sync"]);
    world.hangs().await;
    sync.terminate();
    world.sandbox.faults.release();
    let said = sync.end().await;
    assert_eq!(created(&world), 3, "{said:?}");
    said.exits(0).says("Cycle c1 (initial) partial: 3 created");
    assert_eq!(world.status().await["open_writes"], 0);
    world.sync().await.says("1 created");
}

#[tokio::test]
async fn a_daemon_that_was_killed_is_taken_up_by_the_next_one() {
    let world = four().await;
    world.stall(FaultKind::StallAfter, "POST", 2);
    let daemon = world.daemon(0).await;
    world.hangs().await;
    let held = world.run(&["run"]).await.exits(71);
    held.warns("run, process");
    daemon.kill();
    world.sandbox.faults.release();
    let daemon = world.start(&["run"]);
    eventually("the next daemon goes on", async || created(&world) == 4).await;
    eventually("the cycle ends", async || {
        world.last_cycle().await.is_some_and(|cycle| cycle.state == CycleState::Complete)
    })
    .await;
    assert_eq!(world.written().len(), 4);
    super::daemon::end(&world, daemon).await;
    let states: Vec<CycleState> = world.cycles().await.iter().map(|cycle| cycle.state).collect();
    assert_eq!(states, [CycleState::Complete, CycleState::Running], "one ended without a word");
}
