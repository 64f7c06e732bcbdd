//! The gate: when a request may go.
//!
//! Vendors count requests in any sliding minute, so the gate does the same: request *k* waits
//! until 60.5 s after request *k − N*. The half second covers the way to the service. A token
//! bucket would not do: its burst comes on top of its rate (dependencies reference, "Rate
//! limiting and retry").

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::Clock;

/// The span in which at most the budget is sent: a minute, and what the way may take.
const WINDOW: Duration = Duration::from_millis(60_500);

/// What a service allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateLimits {
    /// Requests in any sliding minute; `None` for no limit.
    pub per_minute: Option<u32>,
    /// Requests in flight at once; 0 counts as 1.
    pub in_flight: usize,
}

/// Decides when a request may go. One gate stands before one service, for all who talk to it.
#[derive(Debug)]
pub struct Gate {
    clock: Arc<dyn Clock>,
    per_minute: Option<usize>,
    slots: Arc<Semaphore>,
    state: Mutex<State>,
    sent: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// When the last requests went, oldest first, on the clock's monotonic time; at most as many
    /// as the budget.
    went: VecDeque<Duration>,
    /// Nobody goes before.
    paused_until: Duration,
}

/// A place among the requests in flight; dropping it gives it back.
#[derive(Debug)]
pub struct Permit {
    _slot: Option<OwnedSemaphorePermit>,
}

impl Gate {
    /// Opens a gate with nothing sent yet.
    pub fn new(clock: Arc<dyn Clock>, limits: GateLimits) -> Arc<Self> {
        Arc::new(Self {
            clock,
            per_minute: limits.per_minute.map(|n| usize::try_from(n.max(1)).unwrap_or(usize::MAX)),
            slots: Arc::new(Semaphore::new(limits.in_flight.clamp(1, Semaphore::MAX_PERMITS))),
            state: Mutex::new(State::default()),
            sent: AtomicU64::new(0),
        })
    }

    /// Returns once a request may go; it counts as sent from now on.
    ///
    /// # Guarantees
    /// No more than the budget return within any sliding minute, and nobody returns during a
    /// pause: both are looked at again after every wait, with the place in flight already held.
    pub async fn enter(&self) -> Permit {
        // The semaphore is never closed; were it, a missing place must not stop the work.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        while let Some(wait) = self.take_or_wait() {
            self.clock.sleep(wait).await;
        }
        Permit { _slot: slot }
    }

    /// Lets nobody go for `duration` from now. Of several pauses the later end counts.
    pub fn pause_for(&self, duration: Duration) {
        let until = self.clock.monotonic().saturating_add(duration);
        let mut state = self.lock();
        state.paused_until = state.paused_until.max(until);
    }

    /// Returns how many requests went through.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Takes a place in the window and returns `None`, or returns how long to wait before asking
    /// again.
    fn take_or_wait(&self) -> Option<Duration> {
        let mut state = self.lock();
        // Read under the lock, so that the recorded times never go back.
        let now = self.clock.monotonic();
        if let Some(wait) = left(state.paused_until, now) {
            return Some(wait);
        }
        if let Some(budget) = self.per_minute {
            if state.went.len() >= budget {
                let oldest = state.went.front().copied().unwrap_or_default();
                if let Some(wait) = left(oldest.saturating_add(WINDOW), now) {
                    return Some(wait);
                }
                state.went.pop_front();
            }
            state.went.push_back(now);
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn left(until: Duration, now: Duration) -> Option<Duration> {
    until.checked_sub(now).filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::JumpClock;

    fn gate(per_minute: Option<u32>, in_flight: usize) -> (Arc<JumpClock>, Arc<Gate>) {
        let clock = Arc::new(JumpClock::new(Default::default()));
        let gate = Gate::new(clock.clone(), GateLimits { per_minute, in_flight });
        (clock, gate)
    }

    /// Sends `count` requests from `workers` tasks and returns when each went.
    async fn send(
        clock: &Arc<JumpClock>,
        gate: &Arc<Gate>,
        workers: usize,
        count: usize,
    ) -> Vec<Duration> {
        let mut tasks = Vec::new();
        for _ in 0..workers {
            let (clock, gate) = (clock.clone(), gate.clone());
            tasks.push(tokio::spawn(async move {
                let mut went = Vec::new();
                for k in 0..count / workers {
                    let permit = gate.enter().await;
                    went.push(clock.monotonic());
                    if k % 3 == 0 {
                        // An uneven load: some answers take a while.
                        clock.advance(Duration::from_millis(40));
                    }
                    tokio::task::yield_now().await;
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

    #[tokio::test]
    async fn two_thousand_requests_stay_within_the_budget_and_use_it() {
        let (clock, gate) = gate(Some(420), 8);
        let went = send(&clock, &gate, 20, 2_000).await;
        assert_eq!(went.len(), 2_000);
        assert_eq!(gate.sent(), 2_000);
        for (earlier, later) in went.iter().zip(went.iter().skip(420)) {
            assert!(*later - *earlier > Duration::from_secs(60), "{earlier:?} {later:?}");
        }
        // Each full window of 420 may take a minute; what lies between first and last of them.
        for chunk in went.windows(421).step_by(420) {
            let (first, last) = (chunk.first().unwrap(), chunk.last().unwrap());
            let used = 60.0 / (*last - *first).as_secs_f64();
            assert!(used >= 0.98, "only {used} of the budget");
        }
    }

    #[tokio::test]
    async fn a_pause_stops_everybody_and_the_later_end_wins() {
        let (clock, gate) = gate(None, 4);
        drop(gate.enter().await);
        gate.pause_for(Duration::from_secs(30));
        gate.pause_for(Duration::from_secs(5));
        let went = send(&clock, &gate, 10, 40).await;
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
}
