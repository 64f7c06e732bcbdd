//! What was asked of the emulators: requests by endpoint, and a bounded log of every write.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

use crate::model::ids::Timestamp;

/// How many writes the log holds before it drops the oldest.
pub const WRITES_KEPT: usize = 10_000;

/// How many arrivals are kept before the oldest are dropped.
pub const ARRIVALS_KEPT: usize = 10_000;

/// A request that reached an emulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When it came, on the sandbox's clock.
    pub at: Timestamp,
    /// The endpoint label.
    pub label: String,
}

/// A write that reached an emulator.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WriteRecord {
    /// Its number, counted from 1 and never given twice, not even after a reset.
    pub seq: u64,
    /// When it was answered, on the sandbox's clock, in milliseconds since the Unix epoch.
    pub at: Timestamp,
    /// The HTTP method.
    pub method: String,
    /// The path and the query, with ids.
    pub path: String,
    /// The JSON body with passwords and secrets blanked; null if there was none.
    pub body: Value,
    /// The HTTP status of the answer, also if the answer was then withheld.
    pub status: u16,
}

#[derive(Debug, Default)]
struct Counted {
    endpoints: BTreeMap<String, u64>,
    arrivals: VecDeque<Arrival>,
    writes: VecDeque<WriteRecord>,
    last_seq: u64,
    dropped: u64,
}

/// The counters of a sandbox.
#[derive(Debug, Default)]
pub struct Counts {
    counted: Mutex<Counted>,
}

impl Counts {
    /// Starts at zero.
    pub fn new() -> Self {
        Self::default()
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of requests by endpoint label, such as `GET /sf/v3/Users(id)`.
    pub fn by_endpoint(&self) -> BTreeMap<String, u64> {
        self.counted().endpoints.clone()
    }

    /// Returns the number of requests whose label begins with `prefix`; all of them for `""`.
    pub fn total(&self, prefix: &str) -> u64 {
        let counted = self.counted();
        let matching = counted.endpoints.iter().filter(|(label, _)| label.starts_with(prefix));
        matching.map(|(_, count)| count).sum()
    }

    /// Returns the latest requests with the time when each came, oldest first.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.counted().arrivals.iter().cloned().collect()
    }

    /// Returns the largest number of requests that came within any minute, of those whose label
    /// contains one of `labels`. Only the arrivals that are kept count.
    pub fn busiest_minute(&self, labels: &[&str]) -> usize {
        let counted = self.counted();
        let concerns = |arrival: &&Arrival| labels.iter().any(|text| arrival.label.contains(text));
        let mut within: VecDeque<Timestamp> = VecDeque::new();
        let mut busiest = 0;
        for arrival in counted.arrivals.iter().filter(concerns) {
            within.push_back(arrival.at);
            while within.front().is_some_and(|first| arrival.at.ms_since(*first) >= 60_000) {
                within.pop_front();
            }
            busiest = busiest.max(within.len());
        }
        busiest
    }

    /// Returns the logged writes, oldest first.
    pub fn writes(&self) -> Vec<WriteRecord> {
        self.counted().writes.iter().cloned().collect()
    }

    /// Returns how many writes the log has dropped because it was full.
    pub fn writes_dropped(&self) -> u64 {
        self.counted().dropped
    }

    /// Sets every counter to zero and empties the log of writes.
    pub fn reset(&self) {
        let mut counted = self.counted();
        counted.endpoints.clear();
        counted.arrivals.clear();
        counted.writes.clear();
        counted.dropped = 0;
    }

    /// Counts a request.
    pub(super) fn count(&self, at: Timestamp, label: &str) {
        let mut counted = self.counted();
        if counted.arrivals.len() >= ARRIVALS_KEPT {
            counted.arrivals.pop_front();
        }
        counted.arrivals.push_back(Arrival { at, label: label.to_owned() });
        match counted.endpoints.get_mut(label) {
            Some(count) => *count += 1,
            None => {
                counted.endpoints.insert(label.to_owned(), 1);
            }
        }
    }

    /// Logs a write.
    pub(super) fn record(&self, at: Timestamp, method: &str, path: &str, body: &[u8], status: u16) {
        let body = serde_json::from_slice(body).map(without_secrets).unwrap_or(Value::Null);
        let mut counted = self.counted();
        counted.last_seq += 1;
        let seq = counted.last_seq;
        if counted.writes.len() >= WRITES_KEPT {
            counted.writes.pop_front();
            counted.dropped += 1;
        }
        let (method, path) = (method.to_owned(), path.to_owned());
        counted.writes.push_back(WriteRecord { seq, at, method, path, body, status });
    }
}

/// Blanks every member whose name speaks of a password or a secret.
fn without_secrets(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let blanked = members.into_iter().map(|(name, value)| {
                let lower = name.to_ascii_lowercase();
                let secret =
                    value.is_string() && (lower.contains("password") || lower.contains("secret"));
                let value = if secret { Value::from("(withheld)") } else { without_secrets(value) };
                (name, value)
            });
            Value::Object(blanked.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_secrets).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_label() {
        let counts = Counts::new();
        counts.count(Timestamp(0), "GET /a");
        counts.count(Timestamp(0), "GET /a");
        counts.count(Timestamp(0), "POST /a");
        assert_eq!(counts.total(""), 3);
        assert_eq!(counts.total("GET "), 2);
        assert_eq!(counts.by_endpoint().get("POST /a"), Some(&1));
        counts.reset();
        assert_eq!(counts.total(""), 0);
    }

    #[test]
    fn the_busiest_minute_slides() {
        let counts = Counts::new();
        for at in [0, 30_000, 59_999, 60_000, 89_999, 200_000] {
            counts.count(Timestamp(at), "GET /a");
            counts.count(Timestamp(at), "GET /other");
        }
        assert_eq!(counts.busiest_minute(&["/a"]), 4);
        assert_eq!(counts.busiest_minute(&["/a", "/other"]), 8);
        assert_eq!(counts.busiest_minute(&["/none"]), 0);
    }

    #[test]
    fn the_log_of_writes_is_bounded_and_blanks_passwords() {
        let counts = Counts::new();
        for _ in 0..WRITES_KEPT {
            counts.record(Timestamp(1), "POST", "/x", b"", 200);
        }
        counts.record(Timestamp(2), "POST", "/x", br#"{"P":[{"newPassword":"p"}],"A":1}"#, 200);
        let writes = counts.writes();
        assert_eq!(writes.len(), WRITES_KEPT);
        assert_eq!(counts.writes_dropped(), 1);
        let last = writes.last().unwrap();
        assert_eq!(last.seq, 10_001);
        assert_eq!(last.body, serde_json::json!({"P":[{"newPassword":"(withheld)"}],"A":1}));
    }
}
