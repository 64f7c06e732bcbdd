//! Links between groups, and whom this job put into which group.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::model::group::{GroupLink, GroupStanding, Placement};
use crate::model::ids::{ContentHash, SourceAnchor, TargetId, Timestamp};

use super::Store;
use super::codec::{Coded, Json};
use super::error::{StoreError, Trouble};
use super::snapshot::rows;

/// Removals of members count for so long.
const DAY_MS: i64 = 86_400_000;

/// What becomes of the link of one part of a group, and of who is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupLinkChange {
    /// The link is this from now on.
    pub put: Option<GroupLink>,
    /// The names of a link that exists stay as they are: only members were moved.
    pub keep_names: bool,
    /// Who is in the part from now on.
    pub placed: Vec<SourceAnchor>,
    /// Who is no longer in it.
    pub removed: Vec<SourceAnchor>,
    /// How many members were removed by the rules, for the limit of a day.
    pub counted: u32,
    /// The group was deleted or emptied, for the limit of a day.
    pub retired: bool,
    /// The approvals of single members that were spent.
    pub spent: Vec<ContentHash>,
    /// The link of this group and part ends, and everybody is out of it.
    pub end: Option<(SourceAnchor, u16)>,
}

impl Store {
    /// Returns all live links of groups, sorted by anchor and part.
    pub async fn group_links(&self) -> Result<Vec<GroupLink>, StoreError> {
        self.read("reading the links of groups", |connection| {
            let mut select = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM group_link ORDER BY anchor, part"
            ))?;
            let links = select.query_map([], link_from)?.collect::<Result<_, _>>()?;
            Ok(links)
        })
        .await
    }

    /// Returns the accounts of people who have one, in no particular order.
    pub async fn accounts_of(
        &self,
        people: Vec<SourceAnchor>,
    ) -> Result<Vec<(SourceAnchor, TargetId)>, StoreError> {
        self.read("reading the accounts of members", move |connection| {
            let mut select =
                connection.prepare_cached("SELECT target_id FROM link WHERE anchor = ?1")?;
            let mut accounts = Vec::with_capacity(people.len());
            for person in people {
                let id: Option<String> = select.query_row([person], |row| row.get(0)).optional()?;
                accounts.extend(id.map(|id| (person, TargetId::new(id))));
            }
            Ok(accounts)
        })
        .await
    }

    /// Returns everybody whom this job put into a part of a group, sorted.
    pub async fn placed_in(
        &self,
        group: SourceAnchor,
        part: u16,
    ) -> Result<Vec<SourceAnchor>, StoreError> {
        self.read("reading who is in a group", move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT person.anchor FROM group_link \
                 JOIN placement ON placement.grp = group_link.key \
                 JOIN person ON person.key = placement.person \
                 WHERE group_link.anchor = ?1 AND group_link.part = ?2 ORDER BY person.anchor",
            )?;
            let people = select
                .query_map(params![group, part], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            Ok(people)
        })
        .await
    }
}

/// Returns all anchors that are groups: of the snapshot, or linked; sorted.
pub(super) fn anchors(connection: &Connection) -> rusqlite::Result<BTreeSet<SourceAnchor>> {
    connection
        .prepare_cached("SELECT anchor FROM source_group UNION SELECT anchor FROM group_link")?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Returns all live links of groups with their keys, sorted by anchor and part, each with how many
/// people are in it and how many were removed within the last day.
pub(super) fn standings(
    connection: &Connection,
    now: Timestamp,
) -> rusqlite::Result<Vec<(i64, GroupStanding)>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, key, placed, \
         (SELECT coalesce(sum(members), 0) FROM member_removal \
          WHERE member_removal.grp = group_link.key AND at > ?1) \
         FROM group_link ORDER BY anchor, part"
    ))?;
    select
        .query_map([now.plus_ms(-DAY_MS)], |row| {
            let standing = GroupStanding {
                link: link_from(row)?,
                placed: row.get(10)?,
                removed_today: row.get(11)?,
            };
            Ok((row.get(9)?, standing))
        })?
        .collect()
}

/// Which position a link has in the list of all links, by its key.
pub(super) struct Positions {
    /// Sorted.
    by_key: Vec<(i64, u32)>,
}

impl Positions {
    /// Makes the positions of links whose keys come in the order of the list.
    pub(super) fn new(keys: &[i64]) -> Self {
        let mut by_key: Vec<(i64, u32)> = keys
            .iter()
            .enumerate()
            .map(|(position, key)| (*key, u32::try_from(position).unwrap_or(u32::MAX)))
            .collect();
        by_key.sort_unstable();
        Self { by_key }
    }

    fn of(&self, key: i64) -> Option<u32> {
        rows::lookup(&self.by_key, key)
    }
}

/// Returns all placements, sorted by person; `people` are the keys of everybody, sorted by key, and
/// `size` is how many placements there may be.
pub(super) fn all_placements(
    connection: &Connection,
    positions: &Positions,
    people: &[(i64, SourceAnchor)],
    size: usize,
) -> rusqlite::Result<Vec<Placement>> {
    let mut placements = Vec::with_capacity(size);
    if positions.by_key.is_empty() {
        return Ok(placements);
    }
    let mut select =
        connection.prepare_cached("SELECT person, grp FROM placement ORDER BY person, grp")?;
    let mut rows = select.query([])?;
    // People come in the order of their keys, so one walk along `people` finds them all.
    let mut walk = people.iter().peekable();
    while let Some(row) = rows.next()? {
        let (person, link): (i64, i64) = (row.get(0)?, row.get(1)?);
        while walk.next_if(|(key, _)| *key < person).is_some() {}
        let user = walk.peek().filter(|(key, _)| *key == person).map(|(_, anchor)| *anchor);
        if let Some((user, link)) = user.zip(positions.of(link)) {
            placements.push(Placement { user, link });
        }
    }
    placements.sort_unstable();
    Ok(placements)
}

/// Adds the placements of a person.
pub(super) fn placements_of(
    connection: &Connection,
    user: SourceAnchor,
    person: i64,
    positions: &Positions,
    placements: &mut Vec<Placement>,
) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached("SELECT grp FROM placement WHERE person = ?1")?;
    let mut rows = select.query([person])?;
    while let Some(row) = rows.next()? {
        let link = positions.of(row.get(0)?);
        placements.extend(link.map(|link| Placement { user, link }));
    }
    Ok(())
}

/// Returns everybody whom this job put into any part of a group.
pub(super) fn placed_people(
    connection: &Connection,
    group: SourceAnchor,
) -> rusqlite::Result<Vec<SourceAnchor>> {
    connection
        .prepare_cached(
            "SELECT person.anchor FROM group_link \
             JOIN placement ON placement.grp = group_link.key \
             JOIN person ON person.key = placement.person WHERE group_link.anchor = ?1",
        )?
        .query_map([group], |row| row.get(0))?
        .collect()
}

/// Records what became of a link and of who is in it.
pub(super) fn change(
    connection: &Connection,
    group: SourceAnchor,
    part: u16,
    change: &GroupLinkChange,
    at: Timestamp,
) -> Result<(), Trouble> {
    if let Some(link) = &change.put {
        put(connection, link, change.keep_names)?;
    }
    let key: Option<i64> = connection
        .prepare_cached("SELECT key FROM group_link WHERE anchor = ?1 AND part = ?2")?
        .query_row(params![group, part], |row| row.get(0))
        .optional()?;
    if let Some(key) = key {
        let mut find = connection.prepare_cached("SELECT key FROM person WHERE anchor = ?1")?;
        let mut insert = connection
            .prepare_cached("INSERT OR IGNORE INTO placement (person, grp) VALUES (?1, ?2)")?;
        for person in &change.placed {
            let person: Option<i64> = find.query_row([person], |row| row.get(0)).optional()?;
            if let Some(person) = person {
                insert.execute([person, key])?;
            }
        }
        let mut delete = connection.prepare_cached(
            "DELETE FROM placement WHERE grp = ?2 \
             AND person = (SELECT key FROM person WHERE anchor = ?1)",
        )?;
        for person in &change.removed {
            delete.execute(params![person, key])?;
        }
        if change.counted > 0 {
            connection
                .prepare_cached("DELETE FROM member_removal WHERE grp = ?1 AND at < ?2")?
                .execute(params![key, at.plus_ms(-2 * DAY_MS)])?;
            connection
                .prepare_cached(
                    "INSERT INTO member_removal (grp, at, members) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![key, at, change.counted])?;
        }
    }
    if change.retired {
        connection
            .prepare_cached("DELETE FROM group_removal WHERE at < ?1")?
            .execute([at.plus_ms(-2 * DAY_MS)])?;
        connection
            .prepare_cached("INSERT INTO group_removal (anchor, at) VALUES (?1, ?2)")?
            .execute(params![group, at])?;
    }
    if let Some((anchor, part)) = change.end {
        for sql in [
            "DELETE FROM placement WHERE grp = \
             (SELECT key FROM group_link WHERE anchor = ?1 AND part = ?2)",
            "DELETE FROM member_removal WHERE grp = \
             (SELECT key FROM group_link WHERE anchor = ?1 AND part = ?2)",
            "DELETE FROM group_link WHERE anchor = ?1 AND part = ?2",
        ] {
            connection.prepare_cached(sql)?.execute(params![anchor, part])?;
        }
    }
    Ok(())
}

fn put(connection: &Connection, link: &GroupLink, keep_names: bool) -> Result<(), Trouble> {
    let key = link.target_id.key();
    let owner: Option<(SourceAnchor, u16)> = connection
        .prepare_cached("SELECT anchor, part FROM group_link WHERE target_key = ?1")?
        .query_row([&key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((owner, _)) = owner.filter(|owner| *owner != (link.anchor, link.part)) {
        let (target_id, anchor) = (link.target_id.clone(), link.anchor);
        return Err(StoreError::LinkTaken { target_id, owner, anchor }.into());
    }
    connection
        .prepare_cached(&format!(
            "INSERT INTO group_link ({COLUMNS}, target_key) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
             ON CONFLICT (anchor, part) DO UPDATE SET target_id = excluded.target_id, \
             target_key = excluded.target_key, origin = excluded.origin, state = excluded.state, \
             name_sent = CASE WHEN ?11 THEN name_sent ELSE excluded.name_sent END, \
             name_read_back = \
             CASE WHEN ?11 THEN name_read_back ELSE excluded.name_read_back END"
        ))?
        .execute(params![
            link.anchor,
            link.part,
            link.target_id.as_str(),
            Json(&link.origin),
            Coded(link.state),
            link.linked_at,
            link.name_sent,
            link.name_read_back,
            link.members_read_at,
            key,
            keep_names,
        ])?;
    Ok(())
}

/// Takes a person out of all groups: the account is gone.
pub(super) fn forget(connection: &Connection, anchor: SourceAnchor) -> rusqlite::Result<()> {
    // Most are in none, and looking costs less than deleting nothing.
    let placed: Option<i64> = connection
        .prepare_cached(
            "SELECT person.key FROM person JOIN placement ON placement.person = person.key \
             WHERE person.anchor = ?1 LIMIT 1",
        )?
        .query_row([anchor], |row| row.get(0))
        .optional()?;
    if let Some(person) = placed {
        connection.prepare_cached("DELETE FROM placement WHERE person = ?1")?.execute([person])?;
    }
    Ok(())
}

const COLUMNS: &str = "anchor, part, target_id, origin, state, linked_at, name_sent, \
     name_read_back, members_read_at";

fn link_from(row: &Row<'_>) -> rusqlite::Result<GroupLink> {
    let target_id: String = row.get(2)?;
    Ok(GroupLink {
        anchor: row.get(0)?,
        part: row.get(1)?,
        target_id: TargetId::new(target_id),
        origin: row.get::<_, Json<_>>(3)?.0,
        state: row.get::<_, Coded<_>>(4)?.0,
        linked_at: row.get(5)?,
        name_sent: row.get(6)?,
        name_read_back: row.get(7)?,
        members_read_at: row.get(8)?,
    })
}
