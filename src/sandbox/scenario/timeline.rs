//! What happens later, on the sandbox's clock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::model::ids::Timestamp;

use super::{Change, Stage};

/// A change whose time had come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Happened {
    /// Its line in the file.
    pub line: usize,
    /// When it was due.
    pub at: String,
    /// What it does.
    pub what: String,
    /// Why it was not done, or nothing if it was.
    pub problem: Option<String>,
}

/// The changes of a scenario.
pub struct Timeline {
    stage: Stage,
    started: Timestamp,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The next one last.
    waiting: Vec<Change>,
    happened: Vec<Happened>,
}

impl Timeline {
    /// Begins now. Changes that are due at the same time keep their order.
    pub(super) fn new(mut changes: Vec<Change>, stage: Stage) -> Self {
        changes.sort_by_key(|change| change.after);
        changes.reverse();
        let started = stage.clock.now();
        let state = Mutex::new(State { waiting: changes, happened: Vec::new() });
        Self { stage, started, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn due(&self, change: &Change) -> Timestamp {
        self.started.plus_ms(i64::try_from(change.after.as_millis()).unwrap_or(i64::MAX))
    }

    /// Carries out what is due. One that cannot be carried out is noted with its reason, and the
    /// others go on.
    pub fn settle(&self) {
        let mut state = self.state();
        let now = self.stage.clock.now();
        while let Some(change) = state.waiting.pop_if(|change| self.due(change) <= now) {
            let problem = change.deed.perform(&self.stage).err();
            state.happened.push(Happened {
                line: change.place.line,
                at: self.due(&change).to_string(),
                what: change.deed.to_string(),
                problem,
            });
        }
    }

    /// Returns what has happened so far, in its order, beginning with number `from`.
    pub fn happened(&self, from: usize) -> Vec<Happened> {
        self.state().happened.iter().skip(from).cloned().collect()
    }

    /// Returns how long it is until the next change, if there is one.
    pub fn next(&self) -> Option<Duration> {
        let state = self.state();
        let due = self.due(state.waiting.last()?);
        Some(Duration::from_millis(due.ms_since(self.stage.clock.now())))
    }

    /// Returns what is still to come, the next first: when, and what.
    pub fn waiting(&self) -> Vec<(String, String)> {
        let state = self.state();
        let waiting = state.waiting.iter().rev();
        waiting.map(|change| (self.due(change).to_string(), change.deed.to_string())).collect()
    }
}
