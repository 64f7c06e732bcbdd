//! The budget of requests to ShareFile, counted by the sandbox as they arrive: in no sliding minute
//! more than agreed, tokens included, over restarts of every kind.
//!
//! One request at a time: on a clock that jumps, each then arrives when it was let go.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sharefile_provisioner::clock::Clock;
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};

use crate::world::{World, asked};

const BUDGET: usize = 60;

/// Everything that talks to the ShareFile tenant.
const SHAREFILE: [&str; 2] = ["/sf/v3/", "POST /oauth/token"];

async fn world(people: usize) -> World {
    let mut world = World::empty().await;
    world.set("sharefile.requests_per_minute", &BUDGET.to_string());
    world.set("sharefile.in_flight", "1");
    for number in 0..people {
        world.join(&format!("Person{number}"));
    }
    world
}

impl World {
    fn busiest(&self) -> usize {
        self.sandbox.counts.busiest_minute(&SHAREFILE)
    }

    /// A process that is gone after some writes, without a chance to say anything.
    async fn crash_after(&self, writes: usize) {
        let mut engine = self.engine();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        engine.progress = Box::new(move |done, _| {
            let _ = tell.send(done);
        });
        let cycle = tokio::spawn(async move { engine.turn(asked()).await });
        while told.recv().await.is_some_and(|done| done < writes) {}
        cycle.abort();
        assert!(cycle.await.expect_err("no end").is_cancelled());
    }

    /// A process that is asked to stop after some writes.
    async fn stop_after(&self, writes: usize) {
        let mut engine = self.engine();
        let stop = engine.stop.clone();
        engine.progress = Box::new(move |done, _| stop.store(done >= writes, Ordering::Relaxed));
        let turned = engine.turn(asked()).await.expect("a recorded cycle");
        assert_eq!(turned.report.state, CycleState::Partial);
        engine.store.close().await.expect("a closed store");
    }
}

#[tokio::test]
async fn restarts_of_every_kind_stay_within_the_budget() {
    let world = world(240).await;
    let began = world.clock.now();
    world.crash_after(30).await;
    world.crash_after(20).await;
    world.stop_after(25).await;
    world.crash_after(1).await;
    world.stop_after(40).await;
    world.crash_after(60).await;
    assert_eq!(world.cycle().await.report.state, CycleState::Complete);
    assert_eq!(world.all_accounts().len(), 4 + 240, "nobody twice");
    let busiest = world.busiest();
    assert!(busiest <= BUDGET, "{busiest} requests within a minute");
    assert!(busiest > BUDGET * 9 / 10, "only {busiest} requests in the busiest minute");
    let requests = world.sharefile_requests();
    let took = Duration::from_millis(world.clock.now().ms_since(began));
    // What a crash may have sent and did not costs a part of a minute, and not more.
    let ideal = Duration::from_secs(requests * 60 / BUDGET as u64);
    assert!(took < ideal + Duration::from_secs(60), "{requests} requests took {took:?}");
}

#[tokio::test]
async fn the_first_request_after_a_clean_stop_need_not_wait() {
    let world = world(20).await;
    world.stop_after(10).await;
    let before = world.clock.now();
    world.cycle().await;
    assert!(world.clock.now().ms_since(before) < 1_000, "there was room for all");
    assert!(world.busiest() <= BUDGET);
}

#[tokio::test]
async fn a_preview_counts_what_others_sent() {
    let world = world(300).await;
    world.stop_after(50).await;
    // Each look-up is a request: not all of them fit into the same minute.
    for number in 300..340 {
        world.join(&format!("Newcomer{number}"));
    }
    let before = world.clock.now();
    world.plan().await;
    assert!(world.clock.now().ms_since(before) > 30_000);
    assert!(world.busiest() <= BUDGET, "{}", world.busiest());
}

#[tokio::test]
async fn a_wait_that_sharefile_asked_for_outlives_a_crash() {
    let world = world(10).await;
    let fault = Fault::new(FaultKind::TooManyRequests).at("AccountUser").retry_after("600");
    world.sandbox.faults.add(fault.after(4).times(1));
    let engine = world.engine();
    let store = engine.store.clone();
    let cycle = tokio::spawn(async move { engine.turn(asked()).await });
    let paused = async || {
        let window = store.request_window().await.expect("the store").unwrap_or_default();
        window.contains("\"paused_until_ms\":1")
    };
    let mut looks = 0;
    while !paused().await {
        looks += 1;
        assert!(looks < 20_000, "the pause is not kept");
        tokio::task::yield_now().await;
    }
    cycle.abort();
    assert!(cycle.await.is_err(), "the cycle did not wait");
    drop(store);
    let writes = world.writes();
    let refused = writes.iter().find(|write| write.status == 429).expect("a refusal");
    let seen = world.sandbox.counts.arrivals().len();
    world.cycle().await;
    let arrivals = world.sandbox.counts.arrivals();
    let later = arrivals[seen..].iter().find(|arrival| arrival.label.contains("/sf/v3/"));
    let later = later.expect("the next request").at;
    assert!(later >= refused.at.plus_ms(600_000), "{later:?} {:?}", refused.at);
    assert_eq!(world.all_accounts().len(), 4 + 10);
}

/// Another clock than that of the first process.
#[tokio::test]
async fn a_clock_that_was_set_back_does_not_block_the_next_process() {
    let world = world(40).await;
    world.stop_after(30).await;
    let now = world.clock.now();
    Arc::clone(&world.clock).set(now.plus_ms(-86_400_000));
    let before = world.clock.monotonic();
    world.cycle().await;
    assert!(world.clock.monotonic() - before < Duration::from_secs(62));
    assert_eq!(world.all_accounts().len(), 4 + 40);
}
