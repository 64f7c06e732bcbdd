//! Puts the pages of the change feeds together: they repeat, come in any order and split objects,
//! and the last word on each object counts.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::identity::Membership;
use crate::model::ids::{SourceAnchor, Watermark};
use crate::source::{MembershipChange, SourceDelta, UserChange};

use super::attributes::Selection;
use super::wire::{self, GroupDelta, Record};

/// What the pages so far say.
#[derive(Debug, Default)]
pub(super) struct Merge {
    users: BTreeMap<SourceAnchor, UserChange>,
    memberships: BTreeMap<Membership, bool>,
    groups_gone: BTreeSet<SourceAnchor>,
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
    pub(super) fn group(&mut self, object: GroupDelta) {
        let group = SourceAnchor(object.id);
        if object.removed.is_some() {
            self.groups_gone.insert(group);
            return;
        }
        self.groups_gone.remove(&group);
        for member in object.members.into_iter().filter(|member| member.may_be_person()) {
            let membership = Membership { user: SourceAnchor(member.id), group };
            self.memberships.insert(membership, member.removed.is_none());
        }
    }

    /// Adds the other feed.
    pub(super) fn append(&mut self, mut other: Self) {
        self.users.append(&mut other.users);
        self.memberships.append(&mut other.memberships);
        self.groups_gone.append(&mut other.groups_gone);
    }

    /// Returns everything, sorted. Changes to members of a group that is gone mean nothing.
    pub(super) fn finish(self, watermark: Watermark) -> SourceDelta {
        let gone = self.groups_gone;
        SourceDelta {
            users: self.users.into_iter().collect(),
            memberships: self
                .memberships
                .into_iter()
                .filter(|(membership, _)| !gone.contains(&membership.group))
                .map(|(membership, added)| MembershipChange { membership, added })
                .collect(),
            groups_gone: gone.into_iter().collect(),
            watermark,
        }
    }
}

/// Returns what two words on a person say together. Two changes complete each other, the later
/// value winning; after a deletion only what comes later counts. What could not be read once has to
/// be read by id, whatever else is said.
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
        (UserChange::Unreadable, UserChange::Changed { .. }) => UserChange::Unreadable,
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
        let mut merge = Merge::default();
        for object in pages.iter().flatten() {
            if object.get("group").is_some() || object.get("members@delta").is_some() {
                merge.group(serde_json::from_value(object.clone()).unwrap());
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
            (vec![vec![soft, later.clone()]], changed(None, Some(None), text("B"))),
            (vec![vec![plain, hard], vec![later]], changed(None, Some(None), text("B"))),
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
            assert_eq!(memberships(&merged(&pages)), expected, "cut at {cut}");
        }
    }

    #[test]
    fn members_of_other_kinds_are_left_out() {
        let mut group = slice(7, &[(1, true)]);
        group["members@delta"][0]["@odata.type"] = json!("#microsoft.graph.group");
        assert!(merged(&[vec![group]]).memberships.is_empty());
    }

    #[test]
    fn groups_go_and_come_back() {
        let gone = json!({"id": id(7), "group": 1, "@removed": {"reason": "deleted"}});
        let back = slice(7, &[(1, true)]);
        let left = merged(&[vec![back.clone(), gone.clone()]]);
        assert_eq!(left.groups_gone, [anchor(7)]);
        assert!(left.memberships.is_empty());
        let restored = merged(&[vec![gone, back]]);
        assert!(restored.groups_gone.is_empty());
        assert_eq!(memberships(&restored), [(1, 7, true)]);
    }
}
