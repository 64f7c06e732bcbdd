//! The gate under a clock that jumps: nothing waits, and everything is late or early on purpose.

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::clock::JumpClock;
use crate::model::ids::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);

fn gate(per_minute: Option<u32>, in_flight: usize) -> (Arc<JumpClock>, Arc<Gate>) {
    let clock = Arc::new(JumpClock::new(Default::default()));
    let gate = Gate::new(clock.clone(), GateLimits { per_minute, in_flight });
    (clock, gate)
}

/// Sends `count` requests from `workers` tasks, whose answers come after up to `latency_ms`, and
/// returns when each went.
async fn send(
    clock: &Arc<JumpClock>,
    gate: &Arc<Gate>,
    workers: usize,
    count: usize,
    latency_ms: u64,
) -> Vec<Duration> {
    let mut tasks = Vec::new();
    for worker in 0..workers {
        let (clock, gate) = (clock.clone(), gate.clone());
        let mut dice = StdRng::seed_from_u64(worker as u64);
        tasks.push(tokio::spawn(async move {
            let mut went = Vec::new();
            for _ in 0..count / workers {
                let permit = gate.enter().await;
                went.push(clock.monotonic());
                clock.sleep(Duration::from_millis(dice.random_range(0..=latency_ms))).await;
                drop(permit);
            }
            went
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort();
    all
}

/// Makes sure that no sliding minute holds more than `budget`.
fn within(went: &[Duration], budget: usize) {
    for (earlier, later) in went.iter().zip(went.iter().skip(budget)) {
        assert!(*later - *earlier > MINUTE, "{earlier:?} {later:?}");
    }
}

#[tokio::test]
async fn two_thousand_writes_stay_within_the_budget_and_use_it() {
    for (budget, in_flight, latency_ms) in
        [(420, 8, 0), (420, 8, 40), (420, 8, 600), (420, 8, 999), (420, 16, 999), (100, 1, 400)]
    {
        let (clock, gate) = gate(Some(budget), in_flight);
        let went = send(&clock, &gate, 20, 2_000, latency_ms).await;
        assert_eq!((went.len(), gate.sent()), (2_000, 2_000));
        let case = format!("{budget} a minute, {in_flight} in flight, {latency_ms} ms");
        within(&went, budget as usize);
        let took = (*went.last().unwrap() - *went.first().unwrap()).as_secs_f64();
        let used = 2_000.0 / (f64::from(budget) * took / 60.0);
        assert!(used >= 0.98, "{case}: only {used} of the budget from first to last");
        // The first burst does not hide a slow rest: each budget follows the one before at once.
        for chunk in went.windows(budget as usize + 1).step_by(budget as usize) {
            let used = 60.0 / (*chunk.last().unwrap() - *chunk.first().unwrap()).as_secs_f64();
            assert!(used >= 0.98, "{case}: only {used} of the budget at {chunk:?}");
        }
    }
}

#[tokio::test]
async fn a_pause_stops_everybody_and_the_later_end_wins() {
    let (clock, gate) = gate(None, 4);
    drop(gate.enter().await);
    gate.pause_for(Duration::from_secs(30));
    gate.pause_for(Duration::from_secs(5));
    let went = send(&clock, &gate, 10, 40, 0).await;
    assert!(went.iter().all(|at| *at >= Duration::from_secs(30)), "{went:?}");
}

#[tokio::test]
async fn a_pause_that_begins_while_others_wait_for_a_place_holds_them_too() {
    let (clock, gate) = gate(None, 1);
    let held = gate.enter().await;
    let waiting = {
        let (clock, gate) = (clock.clone(), gate.clone());
        tokio::spawn(async move {
            let _permit = gate.enter().await;
            clock.monotonic()
        })
    };
    tokio::task::yield_now().await;
    gate.pause_for(Duration::from_secs(7));
    drop(held);
    assert_eq!(waiting.await.unwrap(), Duration::from_secs(7));
}

#[tokio::test]
async fn no_more_in_flight_than_allowed() {
    let (_, gate) = gate(None, 2);
    let (first, second) = (gate.enter().await, gate.enter().await);
    let third = tokio::spawn({
        let gate = gate.clone();
        async move { gate.enter().await }
    });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!third.is_finished());
    drop(first);
    third.await.unwrap();
    drop(second);
    assert_eq!(gate.sent(), 3);
}

#[tokio::test]
async fn the_wall_clock_may_jump_as_it_likes() {
    let (clock, gate) = gate(Some(10), 1);
    let mut went = Vec::new();
    for day in [0_i64, -400, 3, 9_000, -9_000, 1] {
        clock.set(Timestamp(day * 86_400_000));
        for _ in 0..7 {
            drop(gate.enter().await);
            went.push(clock.monotonic());
        }
    }
    within(&went, 10);
    assert!(*went.last().unwrap() < Duration::from_secs(4 * 61), "{went:?}");
}

/// Remembers the window that it was last given.
#[derive(Default)]
struct Memory {
    window: Mutex<Option<GateWindow>>,
    kept: AtomicU64,
}

impl Memory {
    fn last(&self) -> Option<GateWindow> {
        self.window.lock().unwrap().clone()
    }
}

#[async_trait]
impl WindowKeeper for Memory {
    async fn recall(&self) -> Option<GateWindow> {
        self.last()
    }

    async fn keep(&self, window: GateWindow) {
        tokio::task::yield_now().await;
        self.kept.fetch_add(1, Ordering::SeqCst);
        *self.window.lock().unwrap() = Some(window);
    }
}

/// A process after the other, with a wall clock that goes on and what was kept.
struct Machine {
    memory: Arc<Memory>,
    clock: Arc<JumpClock>,
    gate: Arc<Gate>,
    budget: u32,
    /// When requests went, since the beginning of all.
    went: Vec<Duration>,
    up_for: Duration,
}

impl Machine {
    fn new(budget: u32) -> Self {
        let clock = Arc::new(JumpClock::new(Timestamp(1_790_000_000_123)));
        let memory = Arc::new(Memory::default());
        let limits = GateLimits { per_minute: Some(budget), in_flight: 4 };
        let gate = Gate::new(clock.clone(), limits);
        gate.keep_with(memory.clone());
        Self { memory, clock, gate, budget, went: Vec::new(), up_for: Duration::ZERO }
    }

    /// The next process: its monotonic clock begins anew.
    fn restart(&mut self) {
        self.up_for += self.clock.monotonic();
        self.clock = Arc::new(JumpClock::new(self.clock.now()));
        let limits = GateLimits { per_minute: Some(self.budget), in_flight: 4 };
        self.gate = Gate::new(self.clock.clone(), limits);
        self.gate.keep_with(self.memory.clone());
    }

    async fn send(&mut self, count: usize) {
        let went = send(&self.clock, &self.gate, 1, count, 90).await;
        self.went.extend(went.into_iter().map(|at| self.up_for + at));
    }

    fn waited(&self) -> Duration {
        self.clock.monotonic()
    }
}

#[tokio::test]
async fn a_clean_restart_goes_on_where_the_last_process_stopped() {
    let mut machine = Machine::new(420);
    machine.send(400).await;
    machine.gate.settle().await;
    machine.restart();
    machine.send(19).await;
    assert!(machine.waited() < Duration::from_secs(3), "there was room for twenty");
    machine.send(400).await;
    assert!(machine.waited() > Duration::from_secs(40), "{:?}", machine.waited());
    within(&machine.went, 420);
    // Settled anew without a request in between, nothing is kept anew.
    machine.gate.settle().await;
    let kept = machine.memory.kept.load(Ordering::SeqCst);
    machine.gate.settle().await;
    assert_eq!(machine.memory.kept.load(Ordering::SeqCst), kept);
    assert!(kept <= 2 + 820 / 42 + 2, "{kept} times for 819 requests");
}

#[tokio::test]
async fn a_crash_is_assumed_to_have_used_what_was_noted() {
    let mut machine = Machine::new(420);
    machine.send(100).await;
    machine.restart();
    machine.send(1).await;
    assert!(machine.waited() < Duration::from_secs(1), "one request is never too many then");
    machine.send(419).await;
    assert!(machine.waited() > Duration::from_secs(40), "{:?}", machine.waited());
    within(&machine.went, 420);
    // One that crashes again and again finds the budget used up, and comes to an end all the same.
    for _ in 0..15 {
        machine.restart();
        machine.send(1).await;
        assert!(machine.waited() < Duration::from_secs(62), "{:?}", machine.waited());
    }
    within(&machine.went, 420);
}

#[tokio::test]
async fn no_history_of_restarts_exceeds_the_budget() {
    for seed in 0..200 {
        let mut dice = StdRng::seed_from_u64(seed);
        let budget = dice.random_range(1..40);
        let mut machine = Machine::new(budget);
        for _ in 0..12 {
            machine.send(dice.random_range(0..30)).await;
            match dice.random_range(0..4) {
                0 => machine.restart(),
                1 => {
                    machine.gate.settle().await;
                    machine.clock.advance(Duration::from_millis(dice.random_range(0..90_000)));
                    machine.restart();
                }
                2 => machine.gate.settle().await,
                _ => machine.clock.advance(Duration::from_secs(dice.random_range(0..90))),
            }
        }
        let budget = budget as usize;
        for (earlier, later) in machine.went.iter().zip(machine.went.iter().skip(budget)) {
            assert!(*later - *earlier > MINUTE, "seed {seed}: {earlier:?} {later:?}");
        }
    }
}

#[tokio::test]
async fn a_pause_outlives_the_process() {
    for crash in [true, false] {
        let mut machine = Machine::new(420);
        machine.send(1).await;
        machine.gate.pause_for(Duration::from_secs(600));
        // Somebody is about to wait for the end of the pause when the process ends.
        let waiting = tokio::spawn({
            let gate = machine.gate.clone();
            async move { gate.enter().await }
        });
        while machine.memory.last().unwrap().paused_until_ms.is_none() {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        if !crash {
            machine.gate.settle().await;
        }
        let until = machine.memory.last().unwrap().paused_until_ms.unwrap();
        assert!(machine.waited() < Duration::from_secs(1), "the pause has hardly begun");
        machine.restart();
        let before = machine.clock.now();
        drop(machine.gate.enter().await);
        let went = machine.clock.now();
        assert!(went.0 >= until && went.ms_since(before) <= 600_000, "{went:?}, {until}");
    }
}

#[tokio::test]
async fn a_wall_clock_that_jumps_between_two_processes_blocks_nobody_for_long() {
    for days in [-4_000_i64, -1, 1, 4_000] {
        let mut machine = Machine::new(10);
        machine.send(10).await;
        machine.gate.settle().await;
        let now = machine.clock.now();
        machine.clock.set(now.plus_ms(days * 86_400_000));
        machine.restart();
        machine.send(1).await;
        assert!(machine.waited() < Duration::from_secs(62), "{days}: {:?}", machine.waited());
        assert!(days > 0 || machine.waited() > Duration::from_secs(59), "{days}");
    }
}
