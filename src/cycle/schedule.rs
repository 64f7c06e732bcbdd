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

/// How long after a read from an index everything is read once more: nothing has been seen to lag
/// longer.
const REREAD_AFTER_MS: i64 = 3_600_000;

/// When the source was read in full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FullReads {
    /// The last time, if what came of it was planned.
    pub last: Option<Timestamp>,
    /// Since when something in the snapshot rests on an index that may have been behind.
    pub reread_since: Option<Timestamp>,
}

/// Returns from when on a cycle reads everything, or `None` for never. `every` is how old the last
/// full read may become.
///
/// A read from an index is followed by another one an hour later, whatever `every` is. A time that
/// lies in the future means that the clock was set back: the read is due now, rather than never.
pub fn full_read_due(
    every: Option<Duration>,
    reads: FullReads,
    now: Timestamp,
) -> Option<Timestamp> {
    let after = |since: Timestamp, wait_ms: i64| {
        if since > now { now } else { since.plus_ms(wait_ms) }
    };
    let again = reads.reread_since.map(|since| after(since, REREAD_AFTER_MS));
    let regular = every.map(|every| {
        let every_ms = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
        // Without a last time, a full read began and did not come to its plan.
        reads.last.map_or(now, |last| after(last, every_ms))
    });
    again.into_iter().chain(regular).min()
}

/// Returns since when something rests on an index that may have been behind, after a full read
/// that began at `began`.
pub fn reread_after_full(reads: FullReads, began: Timestamp) -> Option<Timestamp> {
    reads.reread_since.filter(|since| *since <= began && began < since.plus_ms(REREAD_AFTER_MS))
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

    const HOUR: i64 = 3_600_000;

    #[test]
    fn everything_is_read_again_an_hour_after_an_index_and_then_regularly() {
        let week = Some(Duration::from_secs(7 * 86_400));
        let due = |every, last: Option<i64>, since: Option<i64>, now| {
            let reads = FullReads { last: last.map(Timestamp), reread_since: since.map(Timestamp) };
            full_read_due(every, reads, Timestamp(now)).map(|at| at.0)
        };
        assert_eq!(due(week, Some(0), None, 5), Some(168 * HOUR));
        assert_eq!(due(week, Some(9), Some(9), 10), Some(9 + HOUR));
        assert_eq!(due(None, Some(9), Some(9), 10), Some(9 + HOUR), "the second read comes anyway");
        assert_eq!(due(None, Some(9), None, 10), None);
        assert_eq!(due(week, None, None, 10), Some(10), "no full read came to its plan");
        let often = Some(Duration::from_secs(60));
        assert_eq!(due(often, Some(0), Some(0), 10), Some(60_000));
        for (last, since) in [(Some(99), None), (Some(0), Some(99))] {
            assert_eq!(due(week, last, since, 10), Some(10), "the clock was set back");
        }
    }

    #[test]
    fn a_full_read_counts_as_the_second_one_from_an_hour_on() {
        let after = |since: Option<i64>, began| {
            let reads = FullReads { last: None, reread_since: since.map(Timestamp) };
            reread_after_full(reads, Timestamp(began)).map(|at| at.0)
        };
        assert_eq!(after(Some(5), 5 + HOUR - 1), Some(5), "too early");
        assert_eq!(after(Some(5), 5 + HOUR), None);
        assert_eq!(after(None, 5), None);
        assert_eq!(after(Some(99), 5), None, "the clock was set back: it would never come");
    }
}
