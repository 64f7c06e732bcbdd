//! Puts the pages of the change feeds together: they repeat, come in any order and split objects,
//! and the last word on each object counts.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::group::GroupEdge;
use crate::model::identity::Membership;
use crate::model::ids::{SourceAnchor, Watermark};
use crate::source::{EdgeChange, GroupChange, MembershipChange, SourceDelta, UserChange};

use super::attributes::Selection;
use super::group_selection::GroupSelection;
use super::wire::{self, GroupDelta, Record};

/// What the pages so far say.
#[derive(Debug, Default)]
pub(super) struct Merge {
    users: BTreeMap<SourceAnchor, UserChange>,
    memberships: BTreeMap<Membership, bool>,
    groups: BTreeMap<SourceAnchor, GroupChange>,
    edges: BTreeMap<GroupEdge, bool>,
    /// Groups of whose members one thing is said and then another.
    contradicted: BTreeSet<SourceAnchor>,
}

impl Merge {
    /// Adds an object of `users/delta`.
    ///
    /// # Errors
    /// When it has no id.
    pub(super) fn user(&mut self, record: &Record, selection: &Selection) -> Result<(), String> {
        let (anchor, change) = wire::user_change(record, selection)?;
        let merged = match self.users.remove(&anchor) {
            Some(known) => later(known, change),
            None => change,
        };
        self.users.insert(anchor, merged);
        Ok(())
    }

    /// Adds an object of `groups/delta`: a slice of the changes to its members, or its end.
    pub(super) fn group(&mut self, object: GroupDelta, selection: &GroupSelection) {
        let group = SourceAnchor(object.id);
        let change = wire::group_change(&object.rest, selection);
        let merged = match self.groups.remove(&group) {
            Some(known) => later_of_group(known, change),
            None => change,
        };
        self.groups.insert(group, merged);
        for member in object.members {
            let (anchor, added) = (SourceAnchor(member.id), member.removed.is_none());
            let before = if member.may_be_person() {
                self.memberships.insert(Membership { user: anchor, group }, added)
            } else if member.is_group() {
                self.edges.insert(GroupEdge { child: anchor, parent: group }, added)
            } else {
                None
            };
            if before.is_some_and(|before| before != added) {
                self.contradicted.insert(group);
            }
        }
    }

    /// Adds the other feed.
    pub(super) fn append(&mut self, mut other: Self) {
        self.users.append(&mut other.users);
        self.memberships.append(&mut other.memberships);
        self.groups.append(&mut other.groups);
        self.edges.append(&mut other.edges);
        self.contradicted.append(&mut other.contradicted);
    }

    /// Returns everything, sorted. Changes to members of a group that is gone mean nothing.
    pub(super) fn finish(self, watermark: Watermark) -> SourceDelta {
        let groups = self.groups;
        let is_gone = |group: &SourceAnchor| groups.get(group).is_some_and(GroupChange::is_gone);
        SourceDelta {
            users: self.users.into_iter().collect(),
            memberships: self
                .memberships
                .into_iter()
                .filter(|(membership, _)| !is_gone(&membership.group))
                .map(|(membership, added)| MembershipChange { membership, added })
                .collect(),
            edges: self
                .edges
                .into_iter()
                .filter(|(edge, _)| !is_gone(&edge.parent))
                .map(|(edge, added)| EdgeChange { edge, added })
                .collect(),
            contradicted: self.contradicted.into_iter().filter(|group| !is_gone(group)).collect(),
            groups: groups.into_iter().collect(),
            watermark,
        }
    }
}

/// Returns what two words on a person say together. Two changes complete each other, the later
/// value winning. A change after a deletion is a return, or the page before once more: then, as where
/// something could not be read, the person has to be read by id, whatever else is said.
fn later(known: UserChange, change: UserChange) -> UserChange {
    match (known, change) {
        (
            UserChange::Changed { enabled: was_enabled, guest: was_guest, attributes: known },
            UserChange::Changed { enabled, guest, attributes },
        ) => UserChange::Changed {
            enabled: enabled.or(was_enabled),
            guest: guest.or(was_guest),
            attributes: attributes.into_iter().zip(known).map(|(new, old)| new.or(old)).collect(),
        },
        (UserChange::Unreadable, _) => UserChange::Unreadable,
        (UserChange::SoftDeleted | UserChange::HardDeleted, UserChange::Changed { .. }) => {
            UserChange::Unreadable
        }
        (_, change) => change,
    }
}

/// Returns what two words on a group say together, as [`later`] does for people.
fn later_of_group(known: GroupChange, change: GroupChange) -> GroupChange {
    match (known, change) {
        (GroupChange::Changed { attributes: known }, GroupChange::Changed { attributes }) => {
            let both = attributes.into_iter().zip(known);
            GroupChange::Changed { attributes: both.map(|(new, old)| new.or(old)).collect() }
        }
        (GroupChange::Unreadable, _) => GroupChange::Unreadable,
        (gone, GroupChange::Changed { .. }) if gone.is_gone() => GroupChange::Unreadable,
        (_, change) => change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use uuid::Uuid;

    fn id(number: u128) -> String {
        Uuid::from_u128(number).to_string()
    }

    fn anchor(number: u128) -> SourceAnchor {
        SourceAnchor(Uuid::from_u128(number))
    }

    fn merged(pages: &[Vec<Value>]) -> SourceDelta {
        let selection = Selection::new(&["mail".to_owned(), "surname".to_owned()]).unwrap();
        let of_groups = GroupSelection::new(&["description".into(), "displayName".into()]).unwrap();
        let mut merge = Merge::default();
        for object in pages.iter().flatten() {
            if object.get("group").is_some() || object.get("members@delta").is_some() {
                merge.group(serde_json::from_value(object.clone()).unwrap(), &of_groups);
            } else {
                merge.user(object.as_object().unwrap(), &selection).unwrap();
            }
        }
        merge.finish(Watermark("next".to_owned()))
    }

    fn text(value: &str) -> Option<Option<String>> {
        Some(Some(value.to_owned()))
    }

    fn changed(
        enabled: Option<bool>,
        mail: Option<Option<String>>,
        surname: Option<Option<String>>,
    ) -> UserChange {
        UserChange::Changed { enabled, guest: None, attributes: vec![mail, surname] }
    }

    #[test]
    fn the_last_word_on_a_person_counts() {
        let plain = json!({"id": id(1), "accountEnabled": true, "mail": "a"});
        let later = json!({"id": id(1), "mail": null, "surname": "B"});
        let soft = json!({"id": id(1), "@removed": {"reason": "changed"}});
        let hard = json!({"id": id(1), "@removed": {"reason": "deleted"}});
        for (pages, expected) in [
            (vec![vec![plain.clone()]], changed(Some(true), text("a"), None)),
            (vec![vec![plain.clone(), plain.clone()]], changed(Some(true), text("a"), None)),
            (
                vec![vec![plain.clone()], vec![], vec![later.clone()]],
                changed(Some(true), Some(None), text("B")),
            ),
            (
                vec![vec![later.clone()], vec![plain.clone()]],
                changed(Some(true), text("a"), text("B")),
            ),
            (vec![vec![plain.clone()], vec![soft.clone()]], UserChange::SoftDeleted),
            (vec![vec![soft.clone()], vec![hard.clone()]], UserChange::HardDeleted),
            // A return, or an older page once more: only the person can tell.
            (vec![vec![soft.clone(), later.clone()]], UserChange::Unreadable),
            (vec![vec![soft.clone(), later.clone()], vec![soft]], UserChange::Unreadable),
            (vec![vec![plain, hard], vec![later]], UserChange::Unreadable),
        ] {
            assert_eq!(merged(&pages).users, [(anchor(1), expected)], "{pages:?}");
        }
    }

    fn slice(group: u128, members: &[(u128, bool)]) -> Value {
        let members: Vec<Value> = members
            .iter()
            .map(|&(user, added)| {
                let mut member = json!({"@odata.type": "#microsoft.graph.user", "id": id(user)});
                if !added {
                    member["@removed"] = json!({"reason": "deleted"});
                }
                member
            })
            .collect();
        json!({"id": id(group), "members@delta": members})
    }

    fn memberships(delta: &SourceDelta) -> Vec<(u128, u128, bool)> {
        delta
            .memberships
            .iter()
            .map(|one| {
                let Membership { user, group } = one.membership;
                (user.0.as_u128(), group.0.as_u128(), one.added)
            })
            .collect()
    }

    #[test]
    fn slices_of_a_large_group_add_up_in_any_page_split() {
        let slices = [
            slice(7, &[(1, true), (2, true)]),
            slice(8, &[(1, true)]),
            slice(7, &[(3, true), (1, false)]),
            slice(7, &[]),
            slice(7, &[(3, true)]),
        ];
        let expected = [(1, 7, false), (1, 8, true), (2, 7, true), (3, 7, true)];
        for cut in 0..=slices.len() {
            let pages = [slices[..cut].to_vec(), vec![], slices[cut..].to_vec()];
            let delta = merged(&pages);
            assert_eq!(memberships(&delta), expected, "cut at {cut}");
            assert_eq!(delta.contradicted, [anchor(7)], "one came and went, or went and came");
        }
    }

    #[test]
    fn groups_are_told_from_people_and_other_members_left_out() {
        let mut group = slice(7, &[(1, true), (2, true), (3, false), (4, true)]);
        for (index, kind) in [(0, "group"), (1, "device"), (2, "group")] {
            let kind = format!("#microsoft.graph.{kind}");
            group["members@delta"][index]["@odata.type"] = json!(kind);
        }
        let mut later = slice(7, &[(3, true)]);
        later["members@delta"][0]["@odata.type"] = json!("#microsoft.graph.group");
        let delta = merged(&[vec![group], vec![later]]);
        assert_eq!(memberships(&delta), [(4, 7, true)]);
        let edge = |child, added| {
            let edge = GroupEdge { child: anchor(child), parent: anchor(7) };
            EdgeChange { edge, added }
        };
        assert_eq!(delta.edges, [edge(1, true), edge(3, true)]);
    }

    #[test]
    fn what_is_said_of_a_group_adds_up() {
        let named = json!({"id": id(7), "group": 1, "displayName": "Staff"});
        let described = json!({"id": id(7), "group": 1, "description": null});
        let renamed = json!({"id": id(7), "group": 1, "displayName": "Crew"});
        let hidden = json!({"id": id(7), "group": 1, "displayName": null});
        let gone = json!({"id": id(7), "group": 1, "@removed": {"reason": "changed"}});
        let changed =
            |description, name| GroupChange::Changed { attributes: vec![description, name] };
        for (objects, expected) in [
            (vec![&named, &described], changed(Some(None), text("Staff"))),
            (vec![&named, &renamed, &described], changed(Some(None), text("Crew"))),
            (vec![&hidden, &named], GroupChange::Unreadable),
            (vec![&named, &gone], GroupChange::SoftDeleted),
            (vec![&gone, &renamed], GroupChange::Unreadable),
        ] {
            let pages: Vec<Vec<Value>> = objects.into_iter().map(|one| vec![one.clone()]).collect();
            assert_eq!(merged(&pages).groups, [(anchor(7), expected)], "{pages:?}");
        }
    }

    #[test]
    fn groups_go_and_come_back() {
        let gone = json!({"id": id(7), "group": 1, "@removed": {"reason": "deleted"}});
        let back = slice(7, &[(1, true)]);
        let left = merged(&[vec![back.clone(), gone.clone()]]);
        assert_eq!(left.groups_gone().collect::<Vec<_>>(), [anchor(7)]);
        assert!(left.memberships.is_empty());
        let restored = merged(&[vec![gone, back]]);
        assert_eq!(restored.groups_gone().count(), 0);
        assert_eq!(memberships(&restored), [(1, 7, true)]);
    }
}
