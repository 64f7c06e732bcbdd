//! The log of changes that delta queries replay.

use std::collections::{BTreeMap, VecDeque};

use uuid::Uuid;

use crate::model::ids::Timestamp;

use super::attributes::Name;

/// What happened to an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It came into being.
    Created,
    /// A property got another value, or lost it.
    Property(Name),
    /// Somebody else leads them; who led them before.
    Manager(Option<Uuid>),
    /// It went to the recycle bin.
    SoftDeleted,
    /// It came back from the recycle bin.
    Restored,
    /// It is gone.
    HardDeleted,
    /// Somebody became a direct member.
    MemberAdded(Uuid),
    /// Somebody ceased to be a direct member.
    MemberRemoved(Uuid),
}

#[derive(Clone, Debug)]
struct Entry {
    sequence: u64,
    at: Timestamp,
    object: Uuid,
    change: Change,
}

/// Changes in the order in which they happened. Entries that no living token can reach are dropped.
#[derive(Clone, Debug, Default)]
pub struct Log(VecDeque<Entry>);

/// What happened to one object within a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// It appeared, disappeared, or came back.
    pub existence: bool,
    /// It was made, or came back.
    pub appeared: bool,
    /// Properties that changed, sorted, once each.
    pub properties: Vec<Name>,
    /// Who led them at the beginning, if that changed.
    pub manager: Option<Option<Uuid>>,
    /// Memberships by their last change: true if added.
    pub members: BTreeMap<Uuid, bool>,
}

impl Log {
    /// Notes a change. `sequence` rises from call to call.
    pub fn note(&mut self, sequence: u64, at: Timestamp, object: Uuid, change: Change) {
        self.0.push_back(Entry { sequence, at, object, change });
    }

    /// Forgets what happened before `horizon`.
    pub fn forget_before(&mut self, horizon: Timestamp) {
        while self.0.front().is_some_and(|entry| entry.at < horizon) {
            self.0.pop_front();
        }
    }

    /// Forgets everything and gives the memory back.
    pub fn clear(&mut self) {
        self.0 = VecDeque::new();
    }

    /// Returns the number of the last change until `at`; `last` is that of the last change of all.
    pub fn last_until(&self, at: Timestamp, last: u64) -> u64 {
        let surfaced = self.0.partition_point(|entry| entry.at <= at);
        match self.0.get(surfaced) {
            // Nothing is held back.
            None => last,
            Some(next) => next.sequence.saturating_sub(1),
        }
    }

    /// Returns what happened after `from`, up to and including `to`, by object.
    pub fn between(&self, from: u64, to: u64) -> BTreeMap<Uuid, Summary> {
        let start = self.0.partition_point(|entry| entry.sequence <= from);
        let mut summaries: BTreeMap<Uuid, Summary> = BTreeMap::new();
        for entry in self.0.range(start..).take_while(|entry| entry.sequence <= to) {
            let summary = summaries.entry(entry.object).or_default();
            match &entry.change {
                Change::Created | Change::Restored => {
                    summary.existence = true;
                    summary.appeared = true;
                }
                Change::SoftDeleted | Change::HardDeleted => summary.existence = true,
                Change::Property(name) => {
                    if let Err(at) = summary.properties.binary_search(name) {
                        summary.properties.insert(at, name.clone());
                    }
                }
                Change::Manager(before) => {
                    summary.manager.get_or_insert(*before);
                }
                Change::MemberAdded(member) => {
                    summary.members.insert(*member, true);
                }
                Change::MemberRemoved(member) => {
                    summary.members.insert(*member, false);
                }
            }
        }
        summaries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_what_happened_in_it() {
        let mut log = Log::default();
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        log.note(1, Timestamp(0), one, Change::Created);
        log.note(2, Timestamp(5), one, Change::Property("mail".into()));
        log.note(3, Timestamp(9), two, Change::MemberAdded(one));
        log.note(4, Timestamp(9), two, Change::MemberRemoved(one));
        let window = log.between(1, 3);
        assert_eq!(window[&one].properties, vec![Name::from("mail")]);
        assert!(!window[&one].appeared);
        assert!(window[&two].members[&one]);
        assert!(!log.between(0, 4)[&two].members[&one]);
        assert_eq!((log.last_until(Timestamp(5), 7), log.last_until(Timestamp(9), 7)), (2, 7));
        log.forget_before(Timestamp(5));
        assert!(!log.between(0, 4)[&one].appeared);
    }
}
