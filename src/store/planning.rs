//! What is handed to planning: who has to be planned, and all that is known of them.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use crate::model::account::{Link, LinkState};
use crate::model::group::{GroupEdge, GroupStanding, Placement, SourceGroup};
use crate::model::identity::{Assignment, Membership, PrincipalKind, SourceUser};
use crate::model::ids::{SourceAnchor, Timestamp};

use super::error::{StoreError, Trouble};
use super::groups::{self as group_links, Positions};
use super::snapshot::{groups, rows};
use super::{Store, journal, links};

/// Who is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subjects {
    /// Everybody in the snapshot, everybody with a live link, and everybody who waits.
    All,
    /// Everybody who waits: changed, not settled, left open by a crash, or due.
    Waiting,
}

/// A person who has to be planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The person.
    pub anchor: SourceAnchor,
    /// Read the account by id before planning.
    pub verify: bool,
}

/// What planning needs to know. A subject may have neither a user nor a link: a person who left
/// the snapshot and never had an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanData {
    /// Who is planned; sorted, unique.
    pub subjects: Vec<Subject>,
    /// Those of them who are in the snapshot; sorted by anchor.
    pub users: Vec<SourceUser>,
    /// Assignment rows of these people and of all assigned groups; sorted.
    pub assignments: Vec<Assignment>,
    /// Memberships of these people; sorted.
    pub memberships: Vec<Membership>,
    /// All groups that count, with those that are linked; sorted by anchor.
    pub groups: Vec<SourceGroup>,
    /// Which of them are direct members of which; sorted.
    pub edges: Vec<GroupEdge>,
    /// Live links of these people; sorted by anchor.
    pub links: Vec<Link>,
    /// Groups that have to be planned as a whole: their members, and all who were put into them,
    /// are among the subjects. Sorted, unique.
    pub group_subjects: Vec<Subject>,
    /// All live links of groups; sorted by anchor and part.
    pub group_links: Vec<GroupStanding>,
    /// Which groups this job put these people into; sorted.
    pub placements: Vec<Placement>,
    /// Active links of the whole job.
    pub active_links: u64,
    /// People in the snapshot.
    pub people: u64,
}

impl Store {
    /// Returns everything that planning needs as of now.
    pub async fn plan_data(&self, scope: Subjects, now: Timestamp) -> Result<PlanData, StoreError> {
        self.read("reading what is planned", move |connection| match scope {
            Subjects::All => everybody(connection, now),
            Subjects::Waiting => waiting(connection, now),
        })
        .await
    }

    /// Returns everything that planning these people needs.
    pub async fn plan_data_of(
        &self,
        mut subjects: Vec<Subject>,
        now: Timestamp,
    ) -> Result<PlanData, StoreError> {
        subjects = unique(subjects);
        self.read("reading what else is planned", move |connection| {
            those(connection, subjects, now)
        })
        .await
    }

    /// Marks people to be planned in the next cycle. A person who was to be verified stays so.
    pub async fn mark_subjects(&self, subjects: Vec<Subject>) -> Result<(), StoreError> {
        self.write("marking people to be planned", move |connection| {
            mark(connection, subjects.iter().copied())?;
            Ok(())
        })
        .await
    }

    /// Notes when people and groups have to be planned again, though nothing else may change. What
    /// was due before stays due.
    pub async fn look_again(&self, due: Vec<(SourceAnchor, Timestamp)>) -> Result<(), StoreError> {
        self.write("noting who is to be looked at again", move |connection| {
            let mut insert = connection.prepare_cached(
                "INSERT INTO look_again (anchor, at) VALUES (?1, ?2) \
                 ON CONFLICT (anchor) DO UPDATE SET at = min(at, excluded.at)",
            )?;
            for (anchor, at) in due {
                insert.execute(params![anchor, at])?;
            }
            Ok(())
        })
        .await
    }

    /// Notes that nothing remains to be done for these people until they change, and for whom of
    /// `looked_at`, sorted, what was due at `planned` has been planned: for them only the times that
    /// are given now count.
    pub async fn settle_looked_at(
        &self,
        settled: Vec<SourceAnchor>,
        looked_at: Vec<SourceAnchor>,
        due: Vec<(SourceAnchor, Timestamp)>,
        planned: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("noting who is done", move |connection| {
            settle(connection, &settled)?;
            let past = "SELECT anchor FROM look_again WHERE at <= ?1";
            let past: Vec<SourceAnchor> = connection
                .prepare_cached(past)?
                .query_map([planned], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let mut delete =
                connection.prepare_cached("DELETE FROM look_again WHERE anchor = ?1")?;
            for anchor in past.iter().filter(|anchor| looked_at.binary_search(anchor).is_ok()) {
                delete.execute([anchor])?;
            }
            let mut insert = connection
                .prepare_cached("INSERT OR REPLACE INTO look_again (anchor, at) VALUES (?1, ?2)")?;
            for (anchor, at) in due {
                if looked_at.binary_search(&anchor).is_ok() {
                    insert.execute(params![anchor, at])?;
                }
            }
            Ok(())
        })
        .await
    }
}

/// Returns who has to be planned again at `now`, though nothing else may have changed.
fn looked_at_again(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<SourceAnchor>> {
    connection
        .prepare_cached("SELECT anchor FROM look_again WHERE at <= ?1")?
        .query_map([now], |row| row.get(0))?
        .collect()
}

/// Adds subjects; whoever was to be verified stays so.
pub(super) fn mark(
    connection: &Connection,
    subjects: impl Iterator<Item = Subject>,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO subject (anchor, verify) VALUES (?1, ?2) \
         ON CONFLICT (anchor) DO UPDATE SET verify = 1 WHERE excluded.verify AND NOT verify",
    )?;
    for subject in subjects {
        insert.execute(params![subject.anchor, subject.verify])?;
    }
    Ok(())
}

/// Adds a subject, or changes whether it is to be verified.
pub(super) fn set(connection: &Connection, subject: &Subject) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO subject (anchor, verify) VALUES (?1, ?2) \
             ON CONFLICT (anchor) DO UPDATE SET verify = max(verify, excluded.verify)",
        )?
        .execute(params![subject.anchor, subject.verify])?;
    Ok(())
}

/// Removes subjects.
pub(super) fn settle(connection: &Connection, anchors: &[SourceAnchor]) -> Result<(), Trouble> {
    let mut delete = connection.prepare_cached("DELETE FROM subject WHERE anchor = ?1")?;
    for anchor in anchors {
        delete.execute([anchor])?;
    }
    Ok(())
}

/// Returns who waits, with the people of open intents; sorted, unique.
pub(super) fn waiting_subjects(connection: &Connection) -> rusqlite::Result<Vec<Subject>> {
    let mut subjects: Vec<Subject> = connection
        .prepare_cached("SELECT anchor, verify FROM subject ORDER BY anchor")?
        .query_map([], |row| Ok(Subject { anchor: row.get(0)?, verify: row.get(1)? }))?
        .collect::<Result<_, _>>()?;
    let open = journal::open_anchors(connection)?;
    // What became of the account is not known, so it is read before anything is planned for it.
    subjects.extend(open.into_iter().map(|anchor| Subject { anchor, verify: true }));
    Ok(unique(subjects))
}

/// Sorts, and keeps the strictest entry of each person.
fn unique(mut subjects: Vec<Subject>) -> Vec<Subject> {
    subjects.sort_unstable_by_key(|subject| (subject.anchor, !subject.verify));
    subjects.dedup_by_key(|subject| subject.anchor);
    subjects
}

/// Splits those who wait into people and groups.
fn split(
    connection: &Connection,
    subjects: Vec<Subject>,
) -> rusqlite::Result<(Vec<Subject>, Vec<Subject>)> {
    if subjects.is_empty() {
        return Ok((subjects, Vec::new()));
    }
    let known = group_links::anchors(connection)?;
    Ok(subjects.into_iter().partition(|subject| !known.contains(&subject.anchor)))
}

fn everybody(connection: &Connection, now: Timestamp) -> Result<PlanData, Trouble> {
    let people = rows::all_people(connection)?;
    let links = links::all(connection)?;
    let (mut subjects, mut group_subjects) = split(connection, waiting_subjects(connection)?)?;
    subjects.reserve(people.users.len() + links.len());
    let unverified = |anchor| Subject { anchor, verify: false };
    subjects.extend(people.users.iter().map(|user| unverified(user.anchor)));
    subjects.extend(links.iter().map(|link| unverified(link.anchor)));
    group_subjects.extend(group_links::anchors(connection)?.into_iter().map(unverified));
    let standings = group_links::standings(connection, now)?;
    let (keys, group_links): (Vec<i64>, Vec<GroupStanding>) = standings.into_iter().unzip();
    let positions = Positions::new(&keys);
    let placed: u64 = group_links.iter().map(|standing| u64::from(standing.placed)).sum();
    let placed = usize::try_from(placed).unwrap_or(0);
    Ok(PlanData {
        subjects: unique(subjects),
        group_subjects: unique(group_subjects),
        placements: group_links::all_placements(connection, &positions, &people.keys, placed)?,
        group_links,
        assignments: rows::assignments(connection)?,
        memberships: rows::all_memberships(connection, &people)?,
        groups: groups::source_groups(connection)?,
        edges: groups::edges(connection)?,
        active_links: links::with_state(connection, LinkState::Active)?,
        people: people.users.len() as u64,
        users: people.users,
        links,
    })
}

/// Above this part of the snapshot, reading everybody in order is faster than looking people up.
const LOOKUP_PART: u64 = 8;

fn waiting(connection: &Connection, now: Timestamp) -> Result<PlanData, Trouble> {
    let mut subjects = waiting_subjects(connection)?;
    let mut due = links::due(connection, now)?;
    due.extend(looked_at_again(connection, now)?);
    subjects.extend(due.into_iter().map(|anchor| Subject { anchor, verify: false }));
    those(connection, unique(subjects), now)
}

/// Returns what concerns `subjects`, people and groups: with a group, everybody who is in it at
/// the source or was put into it.
fn those(
    connection: &Connection,
    subjects: Vec<Subject>,
    now: Timestamp,
) -> Result<PlanData, Trouble> {
    let totals = totals(connection)?;
    if subjects.is_empty() {
        // Nobody waits: what else there is to know of groups is of no use.
        return Ok(totals);
    }
    let (mut subjects, group_subjects) = split(connection, subjects)?;
    let unverified = |anchor| Subject { anchor, verify: false };
    for Subject { anchor, .. } in &group_subjects {
        let placed = group_links::placed_people(connection, *anchor)?;
        subjects.extend(placed.into_iter().map(unverified));
    }
    if !group_subjects.is_empty() {
        let tops: BTreeSet<SourceAnchor> = group_subjects.iter().map(|one| one.anchor).collect();
        subjects.extend(groups::people_below(connection, &tops)?.into_iter().map(unverified));
    }
    let subjects = unique(subjects);
    if subjects.len() as u64 > totals.people / LOOKUP_PART {
        let everybody = everybody(connection, now)?;
        Ok(PlanData { group_subjects, ..narrowed(everybody, subjects) })
    } else {
        let data = looked_up(connection, subjects, now)?;
        Ok(PlanData { group_subjects, ..data })
    }
}

/// Returns how much there is, and nothing else.
fn totals(connection: &Connection) -> Result<PlanData, Trouble> {
    Ok(PlanData {
        active_links: links::with_state(connection, LinkState::Active)?,
        people: links::count(connection, "SELECT count(*) FROM person")?,
        ..PlanData::default()
    })
}

/// Returns what concerns `subjects`.
fn narrowed(mut data: PlanData, subjects: Vec<Subject>) -> PlanData {
    let concerns = |anchor: SourceAnchor| {
        subjects.binary_search_by_key(&anchor, |subject| subject.anchor).is_ok()
    };
    data.users.retain(|user| concerns(user.anchor));
    data.assignments.retain(|row| row.kind == PrincipalKind::Group || concerns(row.principal));
    data.memberships.retain(|membership| concerns(membership.user));
    data.links.retain(|link| concerns(link.anchor));
    data.placements.retain(|placement| concerns(placement.user));
    data.group_subjects.clear();
    PlanData { subjects, ..data }
}

fn looked_up(
    connection: &Connection,
    subjects: Vec<Subject>,
    now: Timestamp,
) -> Result<PlanData, Trouble> {
    let standings = group_links::standings(connection, now)?;
    let (keys, group_links): (Vec<i64>, Vec<GroupStanding>) = standings.into_iter().unzip();
    let positions = Positions::new(&keys);
    let mut data = PlanData {
        assignments: rows::assignments_of_groups(connection)?,
        groups: groups::source_groups(connection)?,
        edges: groups::edges(connection)?,
        group_links,
        ..totals(connection)?
    };
    for &Subject { anchor, .. } in &subjects {
        if let Some((key, user)) = rows::person(connection, anchor)? {
            data.users.push(user);
            let of_person = rows::groups_of(connection, key)?;
            data.memberships
                .extend(of_person.into_iter().map(|group| Membership { user: anchor, group }));
            let placements = &mut data.placements;
            group_links::placements_of(connection, anchor, key, &positions, placements)?;
        }
        let roles = rows::roles_of(connection, anchor)?;
        let kind = PrincipalKind::User;
        data.assignments.extend(roles.into_iter().map(|role| Assignment {
            principal: anchor,
            kind,
            role,
        }));
        data.links.extend(links::of(connection, anchor)?);
    }
    data.assignments.sort_unstable();
    data.memberships.sort_unstable();
    data.placements.sort_unstable();
    Ok(PlanData { subjects, ..data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::account::Origin;
    use crate::model::group::{GroupLink, GroupLinkState};
    use crate::model::identity::{DEFAULT_ACCESS, Presence};
    use crate::model::ids::{TargetId, Watermark};
    use crate::model::row::AttributeRow;
    use crate::store::{GroupLinkChange, Lease, SnapshotUpdate};
    use uuid::Uuid;

    fn anchor(number: u128) -> SourceAnchor {
        SourceAnchor(Uuid::from_u128(number))
    }

    fn snapshot() -> SnapshotUpdate {
        let group = anchor(1_000);
        let row = |principal, kind| Assignment { principal, kind, role: DEFAULT_ACCESS };
        let mut assignments = vec![row(group, PrincipalKind::Group)];
        assignments.extend((0..20).map(|number| row(anchor(number), PrincipalKind::User)));
        SnapshotUpdate::Full {
            users: (0..40)
                .map(|number| SourceUser {
                    anchor: anchor(number),
                    presence: Presence::Present,
                    enabled: number % 3 == 0,
                    guest: false,
                    attributes: AttributeRow::default(),
                })
                .collect(),
            assignments,
            memberships: (10..40)
                .map(|number| Membership { user: anchor(number), group })
                .collect(),
            groups: Vec::new(),
            edges: Vec::new(),
            plan_groups: false,
            watermark: Watermark(String::new()),
            query_hash: String::new(),
        }
    }

    #[tokio::test]
    async fn both_ways_of_reading_agree() {
        let home = tempfile::tempdir().unwrap();
        let lease = Lease::acquire(home.path(), "a test").unwrap();
        let store = Store::open(&home.path().join("store.db"), lease).unwrap();
        store.commit_import(snapshot()).await.unwrap();
        store.write("placing", place).await.unwrap();
        for step in [1, 3, 7, 39] {
            let subjects: Vec<Subject> = (0..50)
                .step_by(step)
                .map(|number| Subject { anchor: anchor(number), verify: number % 2 == 0 })
                .collect();
            store
                .read("comparing", move |connection| {
                    let narrowed = narrowed(everybody(connection, Timestamp(0))?, subjects.clone());
                    assert_eq!(looked_up(connection, subjects, Timestamp(0))?, narrowed);
                    Ok(())
                })
                .await
                .unwrap();
        }
    }

    /// Two parts of a group with ten people each, of whom some go again.
    fn place(connection: &Connection) -> Result<(), Trouble> {
        let placed = |connection: &Connection| -> Vec<u32> {
            let standings = group_links::standings(connection, Timestamp(0)).unwrap();
            standings.iter().map(|(_, standing)| standing.placed).collect()
        };
        let group = anchor(1_000);
        let change = |part: u16, placed, removed| {
            let put = Some(GroupLink {
                anchor: group,
                part,
                target_id: TargetId::new(format!("part {part}")),
                origin: Origin::Created,
                state: GroupLinkState::Active,
                linked_at: Timestamp(0),
                name_sent: String::new(),
                name_read_back: String::new(),
                members_read_at: None,
            });
            GroupLinkChange { put, placed, removed, ..GroupLinkChange::default() }
        };
        let people = |range: std::ops::Range<u128>| range.map(anchor).collect::<Vec<_>>();
        let put = |part, placed, removed| {
            let change = change(part, placed, removed);
            group_links::change(connection, group, part, &change, Timestamp(0)).unwrap();
        };
        put(2, people(20..30), Vec::new());
        put(1, people(10..20), Vec::new());
        assert_eq!(placed(connection), [10, 10]);
        put(1, people(18..20), people(10..12));
        assert_eq!(placed(connection), [8, 10], "whoever is in it already counts once");
        group_links::forget(connection, anchor(25))?;
        group_links::forget(connection, anchor(35))?;
        assert_eq!(placed(connection), [8, 9]);
        let data = everybody(connection, Timestamp(0))?;
        let counted = |link| data.placements.iter().filter(|one| one.link == link).count();
        assert_eq!([0, 1].map(counted), [8, 9]);
        Ok(())
    }
}
