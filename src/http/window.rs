//! What was sent lately, as one process hands it to the next.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::gate::WINDOW;
use super::retry_after::CAP;

/// Requests are noted by the quarter of a second in which they went, rounded up.
const GRAIN_MS: i64 = 250;

/// Keeps the window of a gate beyond the end of the process.
#[async_trait]
pub trait WindowKeeper: Send + Sync {
    /// Returns the window that was kept last, by this process or by one before it; `None` if there
    /// is none.
    async fn recall(&self) -> Option<GateWindow>;

    /// Keeps a window in place of the last one. Returns when it would survive the end of the
    /// process. A keeper that cannot says so in the log: nobody waits for it for ever.
    async fn keep(&self, window: GateWindow);
}

/// What was sent lately. Times are of the wall clock, in milliseconds since the Unix epoch: those
/// of the monotonic clock mean nothing to another process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateWindow {
    /// When this was noted.
    pub noted_ms: i64,
    /// When requests went, and how many each time; oldest first.
    pub went: Vec<(i64, u32)>,
    /// Requests that may have gone after this was noted.
    pub owed: u32,
    /// Until when the service asked everybody to wait.
    pub paused_until_ms: Option<i64>,
}

/// A window as it counts at a later time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// How long ago requests went, the oldest first, one entry each; none beyond the window.
    pub(super) ages: Vec<Duration>,
    /// How long nobody goes.
    pub(super) pause: Duration,
}

impl GateWindow {
    /// Notes what `went`, which is on the same time as `now`, at `now_ms` of the wall clock.
    pub(super) fn new(
        now_ms: i64,
        now: Duration,
        went: &VecDeque<Duration>,
        owed: u32,
        pause: Option<Duration>,
    ) -> Self {
        let mut grouped: Vec<(i64, u32)> = Vec::new();
        for age in went.iter().map(|at| now.saturating_sub(*at)).filter(|age| *age < WINDOW) {
            let at_ms = now_ms.saturating_sub(millis(age));
            let at_ms = at_ms.div_euclid(GRAIN_MS).saturating_add(1).saturating_mul(GRAIN_MS);
            match grouped.last_mut() {
                Some((last, count)) if *last == at_ms => *count = count.saturating_add(1),
                _ => grouped.push((at_ms, 1)),
            }
        }
        let paused_until_ms = pause.map(|left| now_ms.saturating_add(millis(left)));
        Self { noted_ms: now_ms, went: grouped, owed, paused_until_ms }
    }

    /// Returns what the window means at `now_ms` of the wall clock.
    ///
    /// # Guarantees
    /// A clock that was set back makes requests younger, but nobody waits longer than they would
    /// have waited when the window was noted.
    pub(super) fn seen_at(&self, now_ms: i64) -> Seen {
        let set_back = now_ms < self.noted_ms;
        let mut ages = Vec::new();
        for (at_ms, count) in &self.went {
            let age = if set_back { Duration::ZERO } else { between(*at_ms, now_ms) };
            if age < WINDOW {
                ages.extend(std::iter::repeat_n(age, usize::try_from(*count).unwrap_or(0)));
            }
        }
        // Nobody knows when these went: perhaps just now.
        let owed = usize::try_from(self.owed).unwrap_or(0);
        ages.extend(std::iter::repeat_n(Duration::ZERO, owed));
        let from_ms = now_ms.max(self.noted_ms);
        let until_ms = self.paused_until_ms.unwrap_or(from_ms);
        Seen { ages, pause: between(from_ms, until_ms).min(CAP) }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Returns the time from one to a later one; zero if it is not later.
fn between(from_ms: i64, to_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(to_ms.saturating_sub(from_ms)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_790_000_000_100;

    fn noted(owed: u32, pause: Option<Duration>) -> GateWindow {
        let second = Duration::from_secs;
        let went = [second(10), second(10), second(50), second(70)].into_iter().collect();
        GateWindow::new(NOW_MS, second(71), &went, owed, pause)
    }

    fn ages(window: &GateWindow, later_ms: i64) -> Vec<u64> {
        window.seen_at(NOW_MS + later_ms).ages.iter().map(Duration::as_secs).collect()
    }

    #[test]
    fn requests_are_remembered_for_as_long_as_they_count() {
        let window = noted(2, None);
        assert_eq!(window.went.len(), 2, "what is older than a minute counts no more: {window:?}");
        assert_eq!(ages(&window, 1_000), [21, 1, 0, 0], "never older than they are");
        assert_eq!(ages(&window, 45_000), [45, 0, 0]);
        assert_eq!(ages(&window, 86_400_000), [0, 0], "a crash is remembered until it was counted");
        assert_eq!(ages(&noted(0, None), 86_400_000), [0; 0]);
    }

    #[test]
    fn a_clock_that_was_set_back_delays_by_a_minute_at_most() {
        let pause = Some(Duration::from_secs(600));
        let seen = noted(0, pause).seen_at(NOW_MS - 86_400_000);
        assert_eq!(seen, Seen { ages: vec![Duration::ZERO; 2], pause: Duration::from_secs(600) });
        let seen = noted(0, pause).seen_at(NOW_MS + 500_000);
        assert_eq!(seen.pause, Duration::from_secs(100));
        assert_eq!(noted(0, pause).seen_at(NOW_MS + 601_000).pause, Duration::ZERO);
        let absurd = GateWindow { paused_until_ms: Some(i64::MAX), ..GateWindow::default() };
        assert_eq!(absurd.seen_at(0).pause, CAP);
    }
}
