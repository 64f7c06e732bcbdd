//! Whether the people found below the assigned groups are as many as the source itself counts there.

use std::collections::{BTreeSet, HashMap};

use crate::cycle::failure::CycleFailure;
use crate::model::group::below;
use crate::model::ids::SourceAnchor;
use crate::source::GroupMembers;

use super::Importer;

impl Importer<'_> {
    /// Notes where a count differs. It comes from an index that may be behind, so that it serves to
    /// tell a person, and for nothing else. Groups above one that hides its members are not counted.
    pub(super) async fn crosscheck(
        &self,
        assigned: &[SourceAnchor],
        list: &GroupMembers,
        notes: &mut Vec<String>,
    ) -> Result<(), CycleFailure> {
        let parents: BTreeSet<SourceAnchor> = list.edges.iter().map(|edge| edge.parent).collect();
        let mut found = HashMap::new();
        for top in assigned.iter().filter(|group| parents.contains(group)) {
            let groups = below([*top], &list.edges);
            if !list.hidden.iter().any(|group| groups.contains(group)) {
                found.insert(*top, people_in(list, &groups));
            }
        }
        let mut tops: Vec<SourceAnchor> = found.keys().copied().collect();
        tops.sort_unstable();
        for (group, count) in self.source.transitive_counts(&tops).await? {
            let people = found.get(&group).copied().unwrap_or_default();
            if people != count {
                notes.push(format!(
                    "Group {group} has {people} people with the groups in it, and Entra ID counts \
                     {count}. Nobody is removed for that; if it stays, check the groups in it."
                ));
            }
        }
        Ok(())
    }
}

fn people_in(list: &GroupMembers, groups: &BTreeSet<SourceAnchor>) -> u64 {
    let rows = list.memberships.iter().filter(|one| groups.contains(&one.group));
    let people: BTreeSet<SourceAnchor> = rows.map(|one| one.user).collect();
    people.len() as u64
}
