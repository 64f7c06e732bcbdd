//! Time, injected: nothing below the command line asks the system for it.

use std::fmt::Debug;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

use crate::model::ids::Timestamp;

/// Now, and sleep.
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// Returns the wall-clock time.
    fn now(&self) -> Timestamp;

    /// Returns the time since an arbitrary start; it never goes back, whatever the wall clock does.
    fn monotonic(&self) -> Duration;

    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}

/// The clock of the machine.
#[derive(Debug)]
pub struct SystemClock {
    started: std::time::Instant,
}

impl SystemClock {
    /// Starts a clock whose monotonic time begins now.
    pub fn new() -> Self {
        Self { started: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that stands still, and jumps instead of waiting: `sleep` moves it to the end of the
/// wait and returns. Tests and simulations use it; whole histories then take no time.
#[derive(Debug)]
pub struct JumpClock {
    elapsed: Mutex<(Timestamp, Duration)>,
}

impl JumpClock {
    /// Starts at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self { elapsed: Mutex::new((start, Duration::ZERO)) }
    }

    /// Sets the wall clock to another time; the monotonic one does not notice.
    pub fn set(&self, now: Timestamp) {
        let mut elapsed = self.elapsed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let since_ms = i64::try_from(elapsed.1.as_millis()).unwrap_or(i64::MAX);
        elapsed.0 = now.plus_ms(-since_ms);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut elapsed = self.elapsed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        elapsed.1 += by;
    }
}

#[async_trait]
impl Clock for JumpClock {
    fn now(&self) -> Timestamp {
        let elapsed = self.elapsed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        elapsed.0.plus_ms(i64::try_from(elapsed.1.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.elapsed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).1
    }

    async fn sleep(&self, duration: Duration) {
        let end = self.monotonic() + duration;
        tokio::task::yield_now().await;
        let mut elapsed = self.elapsed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        elapsed.1 = elapsed.1.max(end);
    }
}
