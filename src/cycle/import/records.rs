//! Records of groups: their attributes, where groups are planned, and whether they still exist.

use std::collections::BTreeSet;

use crate::cycle::failure::CycleFailure;
use crate::model::group::SourceGroup;
use crate::model::identity::Presence;
use crate::model::ids::SourceAnchor;
use crate::model::row::AttributeRow;
use crate::source::{GroupChange, GroupMembers, SourceDelta};
use crate::store::StoredGroups;

use super::Importer;
use super::moved::{Moved, Tops};

impl Importer<'_> {
    /// Returns whether records of groups are kept at all.
    pub(super) fn keeps_groups(&self) -> bool {
        self.nested_groups || self.plan_groups
    }

    /// Returns the records of all groups in a full read. Names are read of assigned and of linked
    /// groups; of the others only that they are there.
    pub(super) async fn group_records(
        &self,
        assigned: &[SourceAnchor],
        stored: &StoredGroups,
        list: &GroupMembers,
    ) -> Result<Vec<SourceGroup>, CycleFailure> {
        if !self.keeps_groups() {
            return Ok(Vec::new());
        }
        let mut ask: BTreeSet<SourceAnchor> = list.gone.iter().copied().collect();
        if self.plan_groups {
            ask.extend(assigned);
            ask.extend(&stored.linked);
        }
        let mut groups = self.read_groups(&ask, assigned, stored).await?;
        let there = list.read.iter().chain(&list.hidden).filter(|group| !ask.contains(group));
        groups.extend(there.map(|group| present(*group)));
        Ok(groups)
    }

    /// Returns the records of groups that changed or are new.
    pub(super) async fn changed_groups(
        &self,
        tops: Tops<'_>,
        stored: &StoredGroups,
        delta: &SourceDelta,
        moved: &Moved,
    ) -> Result<Vec<SourceGroup>, CycleFailure> {
        if !self.keeps_groups() {
            return Ok(Vec::new());
        }
        let assigned = |group: SourceAnchor| tops.now.binary_search(&group).is_ok();
        let named =
            |group: SourceAnchor| self.plan_groups && (assigned(group) || stored.is_linked(group));
        let mut groups = Vec::new();
        let mut ask = BTreeSet::new();
        for (anchor, change) in &delta.groups {
            let Some(known) = stored.find(*anchor) else { continue };
            match merge(known, change) {
                Some(merged) if change.is_gone() => groups.push(merged),
                Some(merged) if named(*anchor) => groups.push(merged),
                None if named(*anchor) => {
                    ask.insert(*anchor);
                }
                _ if known.presence != Presence::Present => groups.push(present(*anchor)),
                _ => {}
            }
        }
        groups.extend(moved.fresh.iter().filter(|group| !named(**group)).map(|one| present(*one)));
        if self.plan_groups {
            let new = tops.now.iter().filter(|group| tops.before.binary_search(group).is_err());
            ask.extend(new);
            // The rows of a group that is deleted are gone before the feed says why: what becomes of
            // a group depends on whether it still exists.
            let gone = tops.before.iter().filter(|group| !assigned(**group));
            ask.extend(gone.filter(|group| stored.is_linked(**group)));
            let unread = stored.groups.iter().filter(|group| group.presence == Presence::Unread);
            ask.extend(unread.map(|group| group.anchor).filter(|group| named(*group)));
        }
        groups.retain(|group| !ask.contains(&group.anchor));
        groups.extend(self.read_groups(&ask, tops.now, stored).await?);
        groups.retain(|group| stored.find(group.anchor) != Some(group));
        Ok(groups)
    }

    /// Reads groups by id. One that is assigned and that nobody finds is so new that not every part
    /// of the directory knows it, unless it is linked: it is unread, and asked for in each cycle.
    async fn read_groups(
        &self,
        ask: &BTreeSet<SourceAnchor>,
        assigned: &[SourceAnchor],
        stored: &StoredGroups,
    ) -> Result<Vec<SourceGroup>, CycleFailure> {
        let ask: Vec<SourceAnchor> = ask.iter().copied().collect();
        let mut groups = self.source.groups(&ask).await?;
        for group in groups.iter_mut().filter(|group| group.presence == Presence::HardDeleted) {
            let is_assigned = assigned.binary_search(&group.anchor).is_ok();
            if is_assigned && !stored.is_linked(group.anchor) {
                group.presence = Presence::Unread;
            }
        }
        Ok(groups)
    }
}

/// Returns a group that is there, and of which nothing else is needed.
fn present(anchor: SourceAnchor) -> SourceGroup {
    SourceGroup { anchor, presence: Presence::Present, attributes: AttributeRow::default() }
}

/// Merges a change into a known record. `None` means that the record has to be read: what the change
/// does not mention is unknown.
fn merge(known: &SourceGroup, change: &GroupChange) -> Option<SourceGroup> {
    let gone = |presence| Some(SourceGroup { presence, ..known.clone() });
    match change {
        GroupChange::SoftDeleted => gone(Presence::SoftDeleted),
        GroupChange::HardDeleted => gone(Presence::HardDeleted),
        GroupChange::Unreadable => None,
        GroupChange::Changed { .. } if known.presence != Presence::Present => None,
        GroupChange::Changed { attributes } => {
            let cells = attributes.iter().enumerate().map(|(index, mentioned)| match mentioned {
                Some(value) => value.as_deref(),
                None => known.attributes.kept(index),
            });
            Some(SourceGroup { attributes: AttributeRow::pack_kept(cells), ..known.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_does_not_mention_stays() {
        let known = |presence| SourceGroup {
            anchor: SourceAnchor(uuid::Uuid::from_u128(7)),
            presence,
            attributes: AttributeRow::pack([Some("all of them"), Some("Staff")]),
        };
        let staff = known(Presence::Present);
        let renamed =
            GroupChange::Changed { attributes: vec![None, Some(Some("Crew".to_owned()))] };
        let merged = merge(&staff, &renamed).expect("merged");
        assert_eq!(merged.attributes, AttributeRow::pack([Some("all of them"), Some("Crew")]));
        for presence in [Presence::SoftDeleted, Presence::HardDeleted, Presence::Unread] {
            assert_eq!(merge(&known(presence), &renamed), None, "{presence:?} is read again");
        }
        assert_eq!(merge(&staff, &GroupChange::Unreadable), None);
        let deleted = merge(&staff, &GroupChange::SoftDeleted).expect("merged");
        assert_eq!(deleted, known(Presence::SoftDeleted));
    }
}
