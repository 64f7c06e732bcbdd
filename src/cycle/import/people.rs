//! Records of people: merged from the feed, read by id where they are new, and asked for once more
//! where a list has something else than what is known.

use std::collections::BTreeSet;

use crate::cycle::failure::CycleFailure;
use crate::model::identity::{Presence, SourceUser};
use crate::model::ids::SourceAnchor;
use crate::model::row::AttributeRow;
use crate::source::{SourceDelta, UserChange};

use super::{Importer, not_yet};

impl Importer<'_> {
    /// Returns the records of all who are `wanted`. `listed` are those that came with lists of
    /// members, in any order.
    ///
    /// Lists and filters may be behind. A record that is not the one of the snapshot, made by the
    /// same query, is therefore asked for by id: what a change feed brought is never taken back.
    pub(super) async fn everybody(
        &self,
        wanted: &BTreeSet<SourceAnchor>,
        listed: Vec<SourceUser>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<SourceUser>, CycleFailure> {
        let have: BTreeSet<SourceAnchor> = listed.iter().map(|user| user.anchor).collect();
        let others: Vec<SourceAnchor> = wanted.difference(&have).copied().collect();
        let mut users = listed;
        users.retain(|user| wanted.contains(&user.anchor));
        users.extend(self.source.users(&others).await?);
        if self.comparable {
            let (read, unlike) = self.store.unlike_snapshot(users).await?;
            users = self.asked_again(read, unlike, notes).await?;
        }
        users.sort_unstable_by_key(|source_user| source_user.anchor);
        self.awaited(users, |_| true).await
    }

    /// Returns people in which those whom nobody finds, although a list shows them, are unread
    /// until somebody does: they are so new that not every part of the directory knows them. This
    /// concerns nobody who has an account, and only those who are `waited_for`.
    async fn awaited(
        &self,
        users: Vec<SourceUser>,
        waited_for: impl Fn(&SourceUser) -> bool,
    ) -> Result<Vec<SourceUser>, CycleFailure> {
        let lost = |user: &SourceUser| user.presence == Presence::HardDeleted && waited_for(user);
        if !users.iter().any(lost) {
            return Ok(users);
        }
        let linked: BTreeSet<SourceAnchor> =
            self.store.linked_anchors().await?.into_iter().collect();
        let found = |user: SourceUser| {
            if lost(&user) && !linked.contains(&user.anchor) { not_yet(user) } else { user }
        };
        Ok(users.into_iter().map(found).collect())
    }

    /// Replaces the records of those who are `unlike` the snapshot by what the directory says.
    async fn asked_again(
        &self,
        users: Vec<SourceUser>,
        unlike: BTreeSet<SourceAnchor>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<SourceUser>, CycleFailure> {
        // Whoever is not present was asked for by id already, or cannot be read.
        let doubtful =
            |user: &SourceUser| user.presence == Presence::Present && unlike.contains(&user.anchor);
        let (doubtful, mut sure): (Vec<_>, Vec<_>) = users.into_iter().partition(doubtful);
        if doubtful.is_empty() {
            return Ok(sure);
        }
        let anchors: Vec<SourceAnchor> = doubtful.iter().map(|user| user.anchor).collect();
        let now = self.source.users_now(&anchors).await?;
        let behind = doubtful.iter().filter(|user| !now.contains(user)).count();
        if behind > 0 {
            notes.push(format!(
                "Lists of people are behind: {behind} records are as the people themselves have \
                 them."
            ));
        }
        sure.extend(now);
        Ok(sure)
    }

    /// Returns the records that change: newcomers and people who reappear are read by id, changes
    /// of known people are merged into what the snapshot has, strangers are left out.
    pub(super) async fn people(
        &self,
        arriving: BTreeSet<SourceAnchor>,
        delta: &SourceDelta,
        just_read: Vec<SourceUser>,
    ) -> Result<Vec<SourceUser>, CycleFailure> {
        let have: BTreeSet<SourceAnchor> = just_read.iter().map(|user| user.anchor).collect();
        let unread = self.store.unread_users().await?;
        let mut ask: BTreeSet<SourceAnchor> =
            delta.users.iter().map(|(anchor, _)| *anchor).collect();
        ask.extend(&arriving);
        ask.extend(&have);
        let led = self.led_by_changed(delta).await?;
        ask.extend(&led);
        let known = if ask.is_empty() {
            Vec::new()
        } else {
            self.store.source_users(ask.into_iter().collect()).await?
        };
        let find = |anchor| {
            let index =
                known.binary_search_by_key(&anchor, |user: &SourceUser| user.anchor).ok()?;
            known.get(index)
        };
        let present = |anchor| find(anchor).is_some_and(|user| user.presence == Presence::Present);
        let mut read: BTreeSet<SourceAnchor> = unread.into_iter().collect();
        read.extend(arriving.into_iter().filter(|anchor| !present(*anchor)));
        read.extend(led.into_iter().filter(|anchor| present(*anchor)));
        let mut users = Vec::new();
        for (anchor, change) in &delta.users {
            let Some(before) = find(*anchor) else { continue };
            match merge(before, change, self.manager) {
                Some(merged) => users.push(merged),
                None => {
                    read.insert(*anchor);
                }
            }
        }
        // A list that came just now is as good as a read for those who are new, and for nobody
        // else: it may be behind what is known. Whom it does not show is asked for in later cycles.
        let listed = |user: &SourceUser| {
            let sure = user.presence != Presence::Present || said(delta, user.anchor).is_none();
            find(user.anchor).is_none() && sure
        };
        let listed: Vec<SourceUser> = just_read.into_iter().filter(listed).collect();
        read.retain(|anchor| listed.binary_search_by_key(anchor, |user| user.anchor).is_err());
        users.extend(listed);
        if !read.is_empty() {
            users.retain(|user| !read.contains(&user.anchor));
            let read: Vec<SourceAnchor> = read.into_iter().collect();
            let now = self.source.users_now(&read).await?;
            let known_as = |anchor| find(anchor).map(|user| user.presence);
            let waited_for = |user: &SourceUser| {
                let new = known_as(user.anchor).is_none_or(|known| known == Presence::Unread);
                new && !matches!(said(delta, user.anchor), Some(UserChange::HardDeleted))
            };
            users.extend(self.awaited(now, waited_for).await?);
        }
        users.sort_unstable_by_key(|source_user| source_user.anchor);
        Ok(users)
    }
}

impl Importer<'_> {
    /// Returns the people whose manager changed: the feed says so of the manager alone.
    async fn led_by_changed(&self, delta: &SourceDelta) -> Result<Vec<SourceAnchor>, CycleFailure> {
        let Some(column) = self.manager.filter(|_| !delta.users.is_empty()) else {
            return Ok(Vec::new());
        };
        let managers = delta.users.iter().map(|(anchor, _)| *anchor).collect();
        Ok(self.store.people_led_by(column, managers).await?)
    }
}

/// Returns what the change feed says about a person.
fn said(delta: &SourceDelta, anchor: SourceAnchor) -> Option<&UserChange> {
    let index = delta.users.binary_search_by_key(&anchor, |(changed, _)| *changed).ok()?;
    delta.users.get(index).map(|(_, change)| change)
}

/// Merges a change into a known record. `None` means that the record has to be read: the person
/// was not readable or was deleted before, so that what the change does not mention is unknown, or
/// has another `manager`, of whom it says no more than the id.
fn merge(before: &SourceUser, change: &UserChange, manager: Option<usize>) -> Option<SourceUser> {
    let gone = |presence| Some(SourceUser { presence, ..before.clone() });
    match change {
        UserChange::SoftDeleted => gone(Presence::SoftDeleted),
        UserChange::HardDeleted => gone(Presence::HardDeleted),
        UserChange::Unreadable => None,
        UserChange::Changed { .. } if before.presence != Presence::Present => None,
        UserChange::Changed { attributes, .. } if is_led_anew(before, attributes, manager) => None,
        UserChange::Changed { enabled, guest, attributes } => {
            let cells = attributes.iter().enumerate().map(|(index, mentioned)| match mentioned {
                Some(value) => value.as_deref(),
                None => before.attributes.kept(index),
            });
            Some(SourceUser {
                anchor: before.anchor,
                presence: Presence::Present,
                enabled: enabled.unwrap_or(before.enabled),
                guest: guest.unwrap_or(before.guest),
                attributes: AttributeRow::pack_kept(cells),
            })
        }
    }
}

/// Returns whether a change names a manager who is not the one of before.
fn is_led_anew(
    before: &SourceUser,
    attributes: &[Option<Option<String>>],
    manager: Option<usize>,
) -> bool {
    let named = |column: usize| attributes.get(column)?.as_ref()?.as_deref();
    manager.is_some_and(|column| {
        named(column).is_some_and(|now| before.attributes.kept(column) != Some(now))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(presence: Presence) -> SourceUser {
        SourceUser {
            anchor: SourceAnchor(uuid::Uuid::from_u128(1)),
            presence,
            enabled: true,
            guest: false,
            attributes: AttributeRow::pack([Some("Ada"), Some("ada@x.test")]),
        }
    }

    #[test]
    fn what_a_change_does_not_mention_stays() {
        let change = UserChange::Changed {
            enabled: Some(false),
            guest: None,
            attributes: vec![None, Some(None)],
        };
        let merged = merge(&person(Presence::Present), &change, None).expect("merged");
        assert_eq!(merged.attributes, AttributeRow::pack([Some("Ada"), None]));
        assert!(!merged.enabled);
        for presence in [Presence::SoftDeleted, Presence::HardDeleted, Presence::Unread] {
            assert_eq!(merge(&person(presence), &change, None), None, "{presence:?} is read again");
        }
        let deleted = merge(&person(Presence::Present), &UserChange::SoftDeleted, None);
        let deleted = deleted.expect("merged");
        assert_eq!(deleted.presence, Presence::SoftDeleted);
        assert_eq!(deleted.attributes, person(Presence::Present).attributes);
    }

    #[test]
    fn another_manager_has_to_be_read_and_none_is_known_at_once() {
        let change = |manager: Option<Option<&str>>| UserChange::Changed {
            enabled: None,
            guest: None,
            attributes: vec![None, manager.map(|id| id.map(str::to_owned))],
        };
        let before = person(Presence::Present);
        let merged = |manager| merge(&before, &change(manager), Some(1));
        assert_eq!(merged(Some(Some("ada@x.test"))).as_ref(), Some(&before), "the one of before");
        assert_eq!(merged(None).as_ref(), Some(&before));
        assert_eq!(merged(Some(Some("somebody else"))), None);
        let alone = merged(Some(None)).expect("merged");
        assert_eq!(alone.attributes, AttributeRow::pack([Some("Ada"), None]));
    }
}
