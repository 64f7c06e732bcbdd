//! Bad weather on the way to either end while much is to be done: how long is waited, and that
//! nothing is lost, nothing is written twice, and nobody is removed. What each fault does to each
//! kind of request is in the fault table, `trouble`.

use std::time::Duration;

use sharefile_provisioner::clock::Clock;
use sharefile_provisioner::model::ids::Timestamp;
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::model::plan::CycleKind;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::switches::ExpiredDelta;
use uuid::Uuid;

use crate::world::{World, asked};

const CREATE: &str = "POST /sf/v3/Users/AccountUser";
const CHANGE: &str = "PATCH /sf/v3/Users(id)";

/// Seven people with accounts: some will get another name, some will leave, one stays.
async fn converged() -> (World, Vec<Uuid>) {
    let world = World::empty().await;
    let people = (0..7).map(|n| world.join(&format!("Person{n}"))).collect();
    world.cycle().await;
    world.sandbox.counts.reset();
    (world, people)
}

/// One of each: three newcomers, three renamed, three leavers.
fn change(world: &World, people: &[Uuid]) {
    for n in 0..3 {
        world.join(&format!("Newcomer{n}"));
    }
    for person in &people[0..3] {
        world.sandbox.entra.set_person(*person, "surname", "Renamed").expect("an edit");
    }
    for person in &people[3..6] {
        world.unassign(*person);
    }
}

/// What `change` leads to, each written exactly once.
fn settled(world: &World) {
    for n in 0..3 {
        assert!(!world.account(&format!("Newcomer{n}")).disabled);
        assert_eq!(world.account(&format!("Person{n}")).last_name, "Renamed");
        assert!(world.account(&format!("Person{}", n + 3)).disabled);
    }
    assert!(!world.account("Person6").disabled);
    let accounts = world.all_accounts();
    assert_eq!(accounts.len(), 4 + 7 + 3, "{accounts:?}");
    let effects: Vec<_> = world.writes().into_iter().filter(|write| write.status < 300).collect();
    assert_eq!(effects.len(), 9, "{effects:?}");
    assert!(world.sandbox.sharefile.mails().is_empty(), "nobody gets mail");
}

async fn nothing_is_left(world: &World) {
    world.sandbox.counts.reset();
    assert_eq!(world.cycle().await.report.counts.done(), 0);
    assert_eq!(world.sharefile_requests(), 0);
    assert!(world.plan().await.plan.expect("a plan").is_empty());
}

#[tokio::test]
async fn sharefile_is_obeyed_when_it_asks_to_wait() {
    let throttled = |status: u16, retry_after: Option<&str>| Fault {
        status: Some(status),
        reason: Some("Throttled".to_owned()),
        retry_after: retry_after.map(str::to_owned),
        ..Fault::new(FaultKind::TooManyRequests)
    };
    let busy = Fault::new(FaultKind::Unavailable).retry_after("17");
    let busy = Fault { reason: Some("ServiceUnavailable".to_owned()), ..busy };
    let cases = [
        (throttled(429, Some("17")), 17),
        (throttled(429, Some("0.5")), 1),
        (throttled(429, Some("date+40")), 40),
        (throttled(429, None), 0),
        (throttled(429, Some("soon")), 0),
        (throttled(429, Some("-5")), 0),
        (throttled(503, Some("17")), 17),
        (throttled(503, None), 0),
        (throttled(400, Some("17")), 17),
        (throttled(403, None), 0),
        (busy, 17),
    ];
    for (fault, wait) in cases {
        // The forms are told apart by the same code everywhere: reads and tokens need not see all.
        let places: &[&str] = match wait {
            17 => &[CREATE, CHANGE, "GET /sf/v3/Users", "POST /oauth/token"],
            _ => &[CREATE, CHANGE],
        };
        for endpoint in places {
            let (world, people) = converged().await;
            change(&world, &people);
            let fault = fault.clone().at(endpoint).times(2);
            world.sandbox.faults.add(fault.clone());
            let began = world.clock.now();
            assert_eq!(world.did().await, (3, 3, 3), "{fault:?} at {endpoint}");
            let took = Duration::from_millis(world.clock.now().ms_since(began)).as_secs();
            let bounds = wait..=2 * wait + 30;
            assert!(bounds.contains(&took), "{fault:?} at {endpoint}: waited {took} s");
            settled(&world);
            nothing_is_left(&world).await;
        }
    }
}

#[tokio::test]
async fn a_pause_stops_all_senders() {
    let (world, people) = converged().await;
    change(&world, &people);
    let fault = Fault::new(FaultKind::TooManyRequests).at(CHANGE).times(1).retry_after("300");
    world.sandbox.faults.add(fault);
    let began = world.clock.now();
    world.cycle().await;
    settled(&world);
    let refused = world.writes().into_iter().find(|write| write.status == 429).expect("a refusal");
    let resumed = refused.at.plus_ms(300_000);
    // Whoever was on the way already arrives; nobody sets out before the end of the pause.
    let arrivals = world.sandbox.counts.arrivals();
    let early = arrivals.iter().filter(|arrival| {
        arrival.label.contains("/sf/v3/") && arrival.at > refused.at && arrival.at < resumed
    });
    assert_eq!(early.count(), 0, "{arrivals:?}");
    assert!(world.clock.now() >= resumed && refused.at >= began);
}

/// Graph has a gate of its own: what one part of a batch is told holds for all that are under way.
#[tokio::test]
async fn a_pause_stops_all_readers_of_graph_and_nobody_at_sharefile() {
    for batched in [false, true] {
        let (world, _) = converged().await;
        // Many groups, read in several batches at once, each with pages to follow.
        for number in 0..70 {
            let member = world.person(&format!("Member{number}"));
            world.group(&format!("Group {number}"), &[member]);
        }
        let at = if batched { "members/microsoft.graph.user" } else { "$batch" };
        let fault = Fault::new(FaultKind::TooManyRequests).at(at).times(1).retry_after("2.128");
        world.sandbox.faults.add(fault);
        world.sandbox.counts.reset();
        let began = world.clock.monotonic();
        assert_eq!(world.did().await.0, 70, "{at}");
        let paused = world.clock.monotonic() - began;
        assert!(paused >= Duration::from_millis(2_128), "{at}: {paused:?}");
        assert!(paused < Duration::from_secs(10), "{at}: {paused:?}");
        // Two batches may be on the way when one is refused; the others wait for the end.
        let arrivals = world.sandbox.counts.arrivals();
        let batches: Vec<_> =
            arrivals.iter().filter(|arrival| arrival.label.contains("$batch")).collect();
        let first = batches.first().expect("a batch").at;
        let early = batches.iter().filter(|arrival| arrival.at.ms_since(first) < 2_128).count();
        assert!(early <= 2 && batches.len() >= 4, "{at}: {early} of {}", batches.len());
    }
}

#[tokio::test]
async fn entra_is_obeyed_when_it_asks_to_wait() {
    for (kind, retry_after, wait) in [
        (FaultKind::TooManyRequests, Some("23"), 23),
        (FaultKind::TooManyRequests, None, 0),
        (FaultKind::Unavailable, Some("23"), 23),
        (FaultKind::Unavailable, None, 0),
    ] {
        for endpoint in ["appRoleAssignedTo", "users/delta", "groups/delta", "$batch", "oauth2"] {
            let (world, people) = converged().await;
            change(&world, &people);
            let fault = Fault::new(kind).at(endpoint).times(2);
            let retry_after = retry_after.map(str::to_owned);
            world.sandbox.faults.add(Fault { retry_after, ..fault });
            let began = world.clock.now();
            assert_eq!(world.did().await, (3, 3, 3), "{kind:?} at {endpoint}");
            let took = Duration::from_millis(world.clock.now().ms_since(began)).as_secs();
            assert!(took >= wait, "{kind:?} at {endpoint}: waited {took} s");
            settled(&world);
            nothing_is_left(&world).await;
        }
    }
}

#[tokio::test]
async fn a_lost_connection_loses_nothing_and_repeats_nothing() {
    for kind in [FaultKind::DropBefore, FaultKind::DropAfter] {
        for endpoint in [CREATE, CHANGE] {
            for after in 0..3 {
                let (world, people) = converged().await;
                change(&world, &people);
                world.sandbox.faults.add(Fault::new(kind).at(endpoint).after(after).times(1));
                assert_eq!(world.did().await, (3, 3, 3), "{kind:?} at {endpoint}, {after}");
                settled(&world);
                nothing_is_left(&world).await;
            }
        }
    }
}

#[tokio::test]
async fn connections_that_stay_lost_are_settled_by_the_next_cycle() {
    for kind in [FaultKind::DropBefore, FaultKind::DropAfter] {
        for look_lost_too in [false, true] {
            let (world, people) = converged().await;
            change(&world, &people);
            world.sandbox.faults.add(Fault::new(kind).at(CREATE));
            world.sandbox.faults.add(Fault::new(kind).at(CHANGE));
            if look_lost_too {
                // The tenant and the accounts are read once before anything is written.
                let reads = Fault::new(FaultKind::DropBefore);
                world.sandbox.faults.add(reads.at("GET /sf/v3/Users").after(10));
            }
            let turned = world.turn(asked()).await;
            let report = turned.report;
            assert_eq!(report.counts.done() + report.counts.failed, 9, "{kind:?}: {report:?}");
            world.sandbox.faults.clear();
            world.cycle().await;
            settled(&world);
            nothing_is_left(&world).await;
        }
    }
}

#[tokio::test]
async fn a_daemon_outlives_its_tokens() {
    let world = World::empty().await;
    let ada = world.join("Ada");
    world.join("Bob");
    let engine = world.engine();
    engine.turn(asked()).await.expect("a cycle");
    for day in 0..3 {
        world.clock.advance(Duration::from_secs(24 * 3600));
        world.sandbox.sharefile.revoke_tokens(day > 0);
        let name = format!("Name{day}");
        world.sandbox.entra.set_person(ada, "surname", name.as_str()).expect("an edit");
        let turned = engine.turn(asked()).await.expect("a cycle");
        assert_eq!(turned.report.state, CycleState::Complete, "{:?}", turned.report.error);
        assert_eq!(world.account("Ada").last_name, name);
    }
    engine.store.close().await.expect("a closed store");
}

#[tokio::test]
async fn an_expired_delta_link_makes_the_cycle_initial_and_says_so() {
    for (how, feed) in [
        (ExpiredDelta::SyncStateNotFound, "users/delta"),
        (ExpiredDelta::SyncStateNotFound, "groups/delta"),
        (ExpiredDelta::GoneWithLocation, "users/delta"),
        (ExpiredDelta::Gone, "groups/delta"),
    ] {
        let (world, people) = converged().await;
        change(&world, &people);
        let mut switches = world.sandbox.entra.switches();
        switches.expired_delta = how;
        world.sandbox.entra.set_switches(switches);
        world.sandbox.faults.add(Fault::new(FaultKind::ExpiredDelta).at(feed).times(1));
        falls_back(&world).await;
    }
    // All links at once, and by age.
    let (world, people) = converged().await;
    change(&world, &people);
    world.sandbox.entra.reset_deltas();
    falls_back(&world).await;
    let (mut world, people) = converged().await;
    world.set("schedule.full", "never");
    // The read that follows an initial one comes all the same.
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(world.cycle().await.report.kind, CycleKind::Full);
    world.sandbox.counts.reset();
    world.clock.advance(Duration::from_secs(8 * 24 * 3600));
    change(&world, &people);
    falls_back(&world).await;
}

async fn falls_back(world: &World) {
    let report = world.cycle().await.report;
    assert_eq!(report.kind, CycleKind::Initial);
    let said = report.notes.iter().any(|note| note.contains("delta link is no longer accepted"));
    assert!(said, "{:?}", report.notes);
    settled(world);
    nothing_is_left(world).await;
}

#[tokio::test]
async fn no_minute_sees_more_requests_than_the_budget() {
    let mut world = World::empty().await;
    world.set("sharefile.requests_per_minute", "60");
    // The clock jumps while somebody waits: a request on the way meanwhile would arrive late.
    world.set("sharefile.in_flight", "1");
    let people: Vec<Uuid> = (0..150).map(|n| world.join(&format!("Person{n}"))).collect();
    let engine = world.engine();
    engine.turn(asked()).await.expect("a cycle");
    for person in &people[0..40] {
        world.sandbox.entra.set_person(*person, "surname", "Renamed").expect("an edit");
    }
    for person in &people[40..55] {
        world.unassign(*person);
    }
    world.sandbox.faults.add(Fault::new(FaultKind::ExpiredToken).at(CHANGE).after(20).times(1));
    let wait = Fault::new(FaultKind::TooManyRequests).at(CHANGE).after(30).times(1);
    world.sandbox.faults.add(wait.retry_after("3"));
    engine.turn(asked()).await.expect("a cycle");
    engine.store.close().await.expect("a closed store");
    assert!(world.account("Person54").disabled && !world.account("Person55").disabled);
    assert_eq!(world.account("Person39").last_name, "Renamed");

    let times = sharefile_times(&world);
    assert!(times.len() > 220, "{}", times.len());
    within_budget(&times, 60);
    // And the budget is used: what has to be sent takes no longer than it must.
    let took = times.last().expect("requests").ms_since(times[0]);
    let must = (times.len() as u64 - 1) / 60 * 60_500;
    assert!(took <= must + 60_500 + 3_000, "{took} ms for {} requests", times.len());
}

fn sharefile_times(world: &World) -> Vec<Timestamp> {
    let arrivals = world.sandbox.counts.arrivals();
    let sharefile = |label: &str| label.contains("/sf/v3/") || label.contains("POST /oauth/token");
    arrivals.into_iter().filter(|arrival| sharefile(&arrival.label)).map(|one| one.at).collect()
}

fn within_budget(times: &[Timestamp], budget: usize) {
    for window in times.windows(budget + 1) {
        let span = window[budget].ms_since(window[0]);
        assert!(span >= 60_000, "{} requests within {span} ms", budget + 1);
    }
}
