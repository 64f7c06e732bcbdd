//! How things were before they changed, for queries that are answered from an index that lags.

use std::collections::{BTreeMap, VecDeque};

use crate::model::ids::Timestamp;

/// Earlier states, oldest first. `None` stands for "was not there".
#[derive(Clone, Debug)]
pub struct History<K, V>(VecDeque<(Timestamp, K, Option<V>)>);

impl<K, V> Default for History<K, V> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<K: Ord + Copy, V> History<K, V> {
    /// Notes what `key` was until `at`.
    pub fn note(&mut self, at: Timestamp, key: K, before: Option<V>) {
        self.0.push_back((at, key, before));
    }

    /// Forgets changes that happened before `horizon`.
    pub fn forget_before(&mut self, horizon: Timestamp) {
        while self.0.front().is_some_and(|(at, ..)| *at < horizon) {
            self.0.pop_front();
        }
    }

    /// Returns what was different at `at`: the state that each thing changed since then had.
    pub fn as_of(&self, at: Timestamp) -> BTreeMap<K, Option<&V>> {
        let mut earlier = BTreeMap::new();
        let start = self.0.partition_point(|(changed, ..)| *changed <= at);
        for (_, key, before) in self.0.range(start..) {
            earlier.entry(*key).or_insert(before.as_ref());
        }
        earlier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_change_since_then_tells_how_it_was() {
        let mut history = History::default();
        history.note(Timestamp(10), 1, Some("a"));
        history.note(Timestamp(20), 1, Some("b"));
        history.note(Timestamp(20), 2, None);
        assert_eq!(history.as_of(Timestamp(5)), [(1, Some(&"a")), (2, None)].into());
        assert_eq!(history.as_of(Timestamp(10)), [(1, Some(&"b")), (2, None)].into());
        assert!(history.as_of(Timestamp(20)).is_empty());
        history.forget_before(Timestamp(15));
        assert_eq!(history.as_of(Timestamp(0)), [(1, Some(&"b")), (2, None)].into());
    }
}
