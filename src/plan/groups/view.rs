//! What is known of the groups of the target in this cycle, and what has to be asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::group::TargetGroup;
use crate::model::ids::{SourceAnchor, TargetId};

/// Compares names of groups as people do: without regard to case and surrounding white space.
pub fn name_key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// What is known of the groups of the target.
#[derive(Clone, Debug, Default)]
pub struct GroupView {
    groups: BTreeMap<TargetId, TargetGroup>,
    gone: BTreeSet<TargetId>,
    members: BTreeMap<TargetId, Vec<TargetId>>,
    /// Groups that could not be read, with the reason.
    unreadable: BTreeMap<TargetId, String>,
    /// Groups whose members could not be read, with the reason.
    members_unread: BTreeMap<TargetId, String>,
    /// All groups that the service user sees were listed.
    pub listed: bool,
}

impl GroupView {
    /// Adds a group that was read, alone or in the list.
    pub fn add(&mut self, group: TargetGroup) {
        self.gone.remove(&group.id);
        self.unreadable.remove(&group.id);
        self.groups.insert(group.id.clone(), group);
    }

    /// Notes that a group no longer exists: it was read by id, and is not there.
    pub fn note_gone(&mut self, id: &TargetId) {
        self.groups.remove(id);
        self.gone.insert(id.clone());
    }

    /// Notes that a group could not be read by id: nothing is known of it, its absence least.
    pub fn note_unreadable(&mut self, id: &TargetId, why: String) {
        self.unreadable.insert(id.clone(), why);
    }

    /// Notes that the members of a group could not be read.
    pub fn note_members_unread(&mut self, id: &TargetId, why: String) {
        self.members_unread.insert(id.clone(), why);
    }

    /// Adds the members of a group, read to the end.
    pub fn add_members(&mut self, id: TargetId, mut members: Vec<TargetId>) {
        self.members_unread.remove(&id);
        members.sort_unstable();
        members.dedup();
        self.members.insert(id, members);
    }

    /// Returns a group, if it was read.
    pub fn get(&self, id: &TargetId) -> Option<&TargetGroup> {
        self.groups.get(id)
    }

    /// Returns whether a group was read by id and does not exist.
    pub fn is_gone(&self, id: &TargetId) -> bool {
        self.gone.contains(id)
    }

    /// Returns why a group could not be read by id in this cycle, if that was tried.
    pub fn unreadable(&self, id: &TargetId) -> Option<&str> {
        self.unreadable.get(id).map(String::as_str)
    }

    /// Returns why the members of a group could not be read in this cycle, if that was tried.
    pub fn members_unread(&self, id: &TargetId) -> Option<&str> {
        self.members_unread.get(id).map(String::as_str)
    }

    /// Returns the members of a group, sorted, if they were read.
    pub fn members(&self, id: &TargetId) -> Option<&[TargetId]> {
        self.members.get(id).map(Vec::as_slice)
    }

    /// Iterates over the groups that were read, by id.
    pub fn iter(&self) -> impl Iterator<Item = &TargetGroup> {
        self.groups.values()
    }
}

/// The look-ups about groups that a plan is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupNeeds {
    /// The list of all groups.
    pub list: bool,
    /// The tenant, which names the Super User Group.
    pub tenant: bool,
    /// Groups to read by id: they may be gone.
    pub ids: BTreeSet<TargetId>,
    /// Groups whose members have to be read.
    pub members: BTreeSet<TargetId>,
    /// Groups of the source to plan as a whole, with everybody who is in them.
    pub whole: BTreeSet<SourceAnchor>,
}

impl GroupNeeds {
    /// Returns whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        let asks = self.list || self.tenant || !self.ids.is_empty() || !self.members.is_empty();
        !asks && self.whole.is_empty()
    }
}
