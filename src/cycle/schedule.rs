//! When the next cycle is due: pure, from the state of the job and the time.

use std::time::Duration;

use crate::model::ids::Timestamp;
use crate::model::outcome::CycleState;

/// How often cycles begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// So long after the last one began.
    Every(Duration),
    /// At each tick: the ticks themselves come at the right times.
    EachTick,
}

/// What the decision is made from.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The time.
    pub now: Timestamp,
    /// When the last scheduled cycle began, if any did.
    pub last_began: Option<Timestamp>,
    /// How the last cycle ended, if any did.
    pub last_state: Option<CycleState>,
    /// A person paused the job.
    pub paused: bool,
    /// Spreads instances that were started together; from 0 to 1000.
    pub jitter: u32,
}

/// Returns whether a cycle is due.
///
/// A cycle that stopped half-way is continued at once. A last beginning that lies in the future
/// means that the clock was set back: a cycle is due, rather than never again.
pub fn is_due(rhythm: &Rhythm, now: Now) -> bool {
    if now.paused {
        return false;
    }
    let Some(last) = now.last_began else { return true };
    if now.last_state == Some(CycleState::Partial) {
        return true;
    }
    match rhythm {
        Rhythm::EachTick => true,
        Rhythm::Every(every) => {
            let every_ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
            let spread = (every_ms / 20).min(30_000).saturating_mul(u64::from(now.jitter)) / 1000;
            let set_back = last > now.now;
            set_back || now.now.ms_since(last) >= every_ms.saturating_add(spread)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(now: i64, last: Option<i64>) -> Now {
        Now {
            now: Timestamp(now),
            last_began: last.map(Timestamp),
            last_state: Some(CycleState::Complete),
            paused: false,
            jitter: 0,
        }
    }

    #[test]
    fn due_is_decided_from_state_and_time() {
        let rhythm = Rhythm::Every(Duration::from_secs(1200));
        assert!(is_due(&rhythm, at(0, None)), "the first cycle begins at once");
        assert!(!is_due(&rhythm, at(1_199_999, Some(0))));
        assert!(is_due(&rhythm, at(1_200_000, Some(0))));
        assert!(is_due(&rhythm, at(0, Some(5_000))), "the clock was set back");
        assert!(!is_due(&rhythm, Now { paused: true, ..at(9_999_999, Some(0)) }));
        let partial = Now { last_state: Some(CycleState::Partial), ..at(1, Some(0)) };
        assert!(is_due(&rhythm, partial), "a partial cycle is continued at once");
        assert!(is_due(&Rhythm::EachTick, at(1, Some(0))));
    }

    #[test]
    fn jitter_spreads_by_a_twentieth_and_half_a_minute_at_most() {
        let short = Rhythm::Every(Duration::from_secs(100));
        let jittered = |now| Now { jitter: 1000, ..at(now, Some(0)) };
        assert!(!is_due(&short, jittered(104_999)));
        assert!(is_due(&short, jittered(105_000)));
        let long = Rhythm::Every(Duration::from_secs(36_000));
        assert!(is_due(&long, jittered(36_030_000)));
    }
}
