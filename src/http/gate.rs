//! The gate: when a request may go.
//!
//! Vendors count requests in any sliding minute, so the gate does the same: request *k* waits
//! until 60.5 s after request *k − N*. The half second covers the way to the service. A token
//! bucket would not do: its burst comes on top of its rate (dependencies reference, "Rate
//! limiting and retry").
//!
//! A vendor does not care which process sent a request. A [`WindowKeeper`] therefore keeps what was
//! sent lately: before each tenth of the budget is used, that tenth is noted as sent, so that
//! whoever comes after a crash knows more requests than there were and never fewer; at a clean end
//! the exact times are noted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::window::{GateWindow, WindowKeeper};
use crate::clock::Clock;

/// The span in which at most the budget is sent: a minute, and what the way may take.
pub(super) const WINDOW: Duration = Duration::from_millis(60_500);

/// What a service allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateLimits {
    /// Requests in any sliding minute; `None` for no limit.
    pub per_minute: Option<u32>,
    /// Requests in flight at once; 0 counts as 1.
    pub in_flight: usize,
}

/// Decides when a request may go. One gate stands before one service, for all who talk to it.
pub struct Gate {
    clock: Arc<dyn Clock>,
    per_minute: Option<usize>,
    slots: Arc<Semaphore>,
    state: Mutex<State>,
    sent: AtomicU64,
    keeper: OnceLock<Arc<dyn WindowKeeper>>,
    /// Held while the keeper works; whether it was asked what a process before this one sent.
    recalled: tokio::sync::Mutex<bool>,
}

#[derive(Debug, Default)]
struct State {
    /// When the last requests went, oldest first, on the gate's own time; at most as many as the
    /// budget.
    went: VecDeque<Duration>,
    /// Nobody goes before.
    paused_until: Duration,
    /// So many may go before the keeper has to note more.
    noted_ahead: u32,
    /// The keeper knows of the pause.
    pause_noted: bool,
    /// What the keeper has is not exact.
    inexact: bool,
}

/// What somebody who wants to go has to do.
enum Step {
    Go,
    Wait(Duration),
    Note,
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
            state: Mutex::new(State { pause_noted: true, ..State::default() }),
            sent: AtomicU64::new(0),
            keeper: OnceLock::new(),
            recalled: tokio::sync::Mutex::new(false),
        })
    }

    /// Lets `keeper` keep what was sent lately; it is asked for what came before when the first
    /// request wants to go. Only the first keeper counts.
    pub fn keep_with(&self, keeper: Arc<dyn WindowKeeper>) {
        // A second keeper would know less than the first.
        let _ = self.keeper.set(keeper);
    }

    /// Returns once a request may go; it counts as sent from now on.
    ///
    /// # Guarantees
    /// No more than the budget return within any sliding minute, and nobody returns during a
    /// pause: both are looked at again after every wait, with the place in flight already held.
    /// With a keeper, this holds over restarts as well.
    pub async fn enter(&self) -> Permit {
        // The semaphore is never closed; were it, a missing place must not stop the work.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        loop {
            match self.step() {
                Step::Go => return Permit { _slot: slot },
                Step::Wait(wait) => self.clock.sleep(wait).await,
                Step::Note => self.note_ahead().await,
            }
        }
    }

    /// Lets nobody go for `duration` from now. Of several pauses the later end counts.
    pub fn pause_for(&self, duration: Duration) {
        let until = self.now().saturating_add(duration);
        let mut state = self.lock();
        if until > state.paused_until {
            state.paused_until = until;
            state.pause_noted = false;
        }
    }

    /// Returns how many requests went through.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Lets the keeper have the exact window, if requests went since it last had it. To be called
    /// when nothing more is to be sent for a while.
    pub async fn settle(&self) {
        let Some(keeper) = self.keeper.get() else { return };
        let _noting = self.recalled.lock().await;
        {
            let mut state = self.lock();
            if !state.inexact {
                return;
            }
            state.noted_ahead = 0;
            state.inexact = false;
        }
        keeper.keep(self.window(0)).await;
    }

    /// Takes a place in the window, or says what comes first.
    fn step(&self) -> Step {
        let mut state = self.lock();
        // Read under the lock, so that the recorded times never go back.
        let now = self.now();
        let kept = self.keeper.get().is_some();
        if let Some(wait) = left(state.paused_until, now) {
            return if kept && !state.pause_noted { Step::Note } else { Step::Wait(wait) };
        }
        if let Some(budget) = self.per_minute {
            if state.went.len() >= budget {
                let oldest = state.went.front().copied().unwrap_or_default();
                if let Some(wait) = left(oldest.saturating_add(WINDOW), now) {
                    return Step::Wait(wait);
                }
            }
            if kept {
                let Some(ahead) = state.noted_ahead.checked_sub(1) else { return Step::Note };
                state.noted_ahead = ahead;
            }
            if state.went.len() >= budget {
                state.went.pop_front();
            }
            state.went.push_back(now);
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        Step::Go
    }

    /// Lets the keeper note the next requests before they go, and a pause before it is waited for.
    async fn note_ahead(&self) {
        let (Some(keeper), Some(budget)) = (self.keeper.get(), self.per_minute) else {
            self.lock().pause_noted = true;
            return;
        };
        let mut recalled = self.recalled.lock().await;
        if !*recalled {
            if let Some(window) = keeper.recall().await {
                self.take_over(&window, budget);
            }
            *recalled = true;
        }
        let ahead = {
            let mut state = self.lock();
            if state.noted_ahead > 0 && state.pause_noted {
                // Somebody else has seen to it meanwhile.
                return;
            }
            state.pause_noted = true;
            state.inexact = true;
            match state.noted_ahead {
                0 => u32::try_from(budget / 10).unwrap_or(u32::MAX).max(1),
                left => left,
            }
        };
        keeper.keep(self.window(ahead)).await;
        // Nobody went meanwhile who was not noted: where some were left, they are in the note.
        let mut state = self.lock();
        if state.noted_ahead == 0 {
            state.noted_ahead = ahead;
        }
    }

    /// Returns what was sent within the window, on the wall clock.
    fn window(&self, owed: u32) -> GateWindow {
        let state = self.lock();
        let pause = left(state.paused_until, self.now());
        GateWindow::new(self.clock.now().0, self.now(), &state.went, owed, pause)
    }

    /// Counts what a process before this one sent, or may have sent.
    fn take_over(&self, window: &GateWindow, budget: usize) {
        let now = self.now();
        let before = window.seen_at(self.clock.now().0);
        let mut state = self.lock();
        state.went.extend(before.ages.iter().map(|age| now.saturating_sub(*age)));
        let excess = state.went.len().saturating_sub(budget);
        state.went.drain(..excess);
        state.paused_until = state.paused_until.max(now.saturating_add(before.pause));
    }

    /// The gate's own time: as monotonic as the clock's, and with room for what was sent before
    /// the clock began.
    fn now(&self) -> Duration {
        self.clock.monotonic().saturating_add(WINDOW)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("per_minute", &self.per_minute)
            .field("sent", &self.sent())
            .finish_non_exhaustive()
    }
}

fn left(until: Duration, now: Duration) -> Option<Duration> {
    until.checked_sub(now).filter(|wait| !wait.is_zero())
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
