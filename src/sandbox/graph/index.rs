//! The directory as a query sees it: as it is, or as an index that lags still has it (Graph
//! reference, section 3, "These reads come from an index that lags").

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::model::ids::Timestamp;

use super::call::Call;
use super::state::{Group, Person, Row, State};

/// People, groups and rows at one moment.
pub struct View<'a> {
    /// The directory as it is now.
    pub state: &'a State,
    people: BTreeMap<Uuid, Option<&'a Person>>,
    groups: BTreeMap<Uuid, Option<&'a Group>>,
    rows: BTreeMap<u64, Option<&'a Row>>,
}

impl<'a> View<'a> {
    /// Returns the directory as it is.
    pub fn current(state: &'a State) -> Self {
        Self { state, people: BTreeMap::new(), groups: BTreeMap::new(), rows: BTreeMap::new() }
    }

    /// Returns the directory as the index has it at `now`.
    pub fn indexed(state: &'a State, now: Timestamp) -> Self {
        let lag_ms = seconds(state.switches.index_lag_secs);
        if lag_ms == 0 {
            return Self::current(state);
        }
        let at = now.plus_ms(-lag_ms);
        Self {
            state,
            people: state.past_people.as_of(at),
            groups: state.past_groups.as_of(at),
            rows: BTreeMap::new(),
        }
    }

    /// Returns what a request reads: the index if it filters, sorts, searches, casts or accepts
    /// the index by its header; otherwise the directory itself.
    pub fn for_call(state: &'a State, call: &Call, cast: bool, now: Timestamp) -> Self {
        let asks =
            ["$filter", "$orderby", "$search"].iter().any(|name| call.option(name).is_some());
        if asks || cast || call.eventual() {
            Self::indexed(state, now)
        } else {
            Self::current(state)
        }
    }

    /// Returns the directory with assignment rows as they were a while ago.
    pub fn of_rows(state: &'a State, now: Timestamp) -> Self {
        let lag_ms = seconds(state.switches.assignment_lag_secs);
        let mut view = Self::current(state);
        if lag_ms > 0 {
            view.rows = state.past_rows.as_of(now.plus_ms(-lag_ms));
        }
        view
    }

    /// Returns a person, the recycle bin included.
    pub fn person(&self, id: Uuid) -> Option<&'a Person> {
        match self.people.get(&id) {
            Some(earlier) => *earlier,
            None => self.state.people.get(&id),
        }
    }

    /// Returns a group, the recycle bin included.
    pub fn group(&self, id: Uuid) -> Option<&'a Group> {
        match self.groups.get(&id) {
            Some(earlier) => *earlier,
            None => self.state.groups.get(&id),
        }
    }

    /// Returns people from an id on, sorted by id, the recycle bin included.
    pub fn people(&self, from: Uuid) -> impl Iterator<Item = (Uuid, &'a Person)> {
        overlaid(self.state.people.range(from..), &self.people, from)
    }

    /// Returns groups sorted by id, the recycle bin included.
    pub fn groups(&self) -> impl Iterator<Item = (Uuid, &'a Group)> {
        overlaid(self.state.groups.iter(), &self.groups, Uuid::nil())
    }

    /// Returns the rows of an application that a reader sees, with their keys.
    pub fn rows_of(&self, application: Uuid) -> impl Iterator<Item = (u64, &'a Row)> {
        let state = self.state;
        overlaid(state.rows.iter(), &self.rows, 0)
            .filter(move |(_, row)| row.application == application && state.row_shown(row))
    }
}

fn seconds(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}

/// Returns what is there now, with what was there earlier in its place; both are sorted.
fn overlaid<'a, 'b, K: Ord + Copy + 'a, V>(
    now: impl Iterator<Item = (&'a K, &'a V)>,
    earlier: &'b BTreeMap<K, Option<&'a V>>,
    from: K,
) -> impl Iterator<Item = (K, &'a V)>
where
    V: 'a,
{
    let mut now = now.peekable();
    let mut earlier = earlier.range(from..).peekable();
    std::iter::from_fn(move || {
        loop {
            let first_is_now = match (now.peek(), earlier.peek()) {
                (None, None) => return None,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((left, _)), Some((right, _))) => {
                    if left == right {
                        now.next();
                        continue;
                    }
                    left < right
                }
            };
            if first_is_now {
                return now.next().map(|(key, value)| (*key, value));
            }
            if let Some((key, Some(value))) = earlier.next() {
                return Some((*key, *value));
            }
        }
    })
}
