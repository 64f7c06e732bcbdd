//! The rows of groups, and of groups in groups.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use crate::model::group::{self, GroupEdge, SourceGroup};
use crate::model::identity::Presence;
use crate::model::ids::SourceAnchor;
use crate::model::row::AttributeRow;
use crate::store::codec::Coded;

use super::rows;

/// The groups that count: which are assigned, and which are direct members of which.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) assigned: BTreeSet<SourceAnchor>,
    pub(super) edges: BTreeSet<GroupEdge>,
}

impl Tree {
    /// Returns the tree of the snapshot.
    pub(super) fn stored(connection: &Connection) -> rusqlite::Result<Self> {
        let assigned = connection
            .prepare_cached("SELECT anchor FROM source_group WHERE assigned")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(Self { assigned, edges: edges(connection)?.into_iter().collect() })
    }

    /// Returns the assigned groups and all groups below them.
    pub(super) fn reached(&self) -> BTreeSet<SourceAnchor> {
        self.below(&self.assigned)
    }

    /// Returns some groups and all groups below them.
    pub(super) fn below(&self, tops: &BTreeSet<SourceAnchor>) -> BTreeSet<SourceAnchor> {
        group::below(tops.iter().copied(), &self.edges)
    }

    /// Drops the edges of groups that are not reached: nothing comes of them.
    pub(super) fn prune(&mut self) {
        let reached = self.reached();
        self.edges.retain(|edge| reached.contains(&edge.parent));
    }

    /// Returns the groups at the lower ends of edges that only one of two trees has.
    pub(super) fn moved<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = SourceAnchor> + 'a {
        self.edges.symmetric_difference(&other.edges).map(|edge| edge.child)
    }
}

/// Returns all groups that are assigned, nested in an assigned one, or linked; sorted by anchor.
pub(in crate::store) fn source_groups(
    connection: &Connection,
) -> rusqlite::Result<Vec<SourceGroup>> {
    connection
        .prepare_cached("SELECT anchor, presence, attributes FROM source_group ORDER BY anchor")?
        .query_map([], |row| {
            Ok(SourceGroup {
                anchor: row.get(0)?,
                presence: row.get::<_, Coded<_>>(1)?.0,
                attributes: row.get(2)?,
            })
        })?
        .collect()
}

/// Returns which groups are direct members of which, sorted.
pub(in crate::store) fn edges(connection: &Connection) -> rusqlite::Result<Vec<GroupEdge>> {
    connection
        .prepare_cached(
            "SELECT child.anchor, parent.anchor FROM group_edge \
             JOIN source_group AS child ON child.key = group_edge.child \
             JOIN source_group AS parent ON parent.key = group_edge.parent \
             ORDER BY child.anchor, parent.anchor",
        )?
        .query_map([], |row| Ok(GroupEdge { child: row.get(0)?, parent: row.get(1)? }))?
        .collect()
}

/// Returns the groups that are linked.
pub(super) fn linked(connection: &Connection) -> rusqlite::Result<BTreeSet<SourceAnchor>> {
    connection
        .prepare_cached("SELECT DISTINCT anchor FROM group_link")?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Returns everybody who is in one of these groups, directly or by way of groups in them.
pub(in crate::store) fn people_below(
    connection: &Connection,
    groups: &BTreeSet<SourceAnchor>,
) -> rusqlite::Result<BTreeSet<SourceAnchor>> {
    members_of_all(connection, &Tree::stored(connection)?.below(groups))
}

/// Returns the direct members of some groups.
pub(super) fn members_of_all(
    connection: &Connection,
    groups: &BTreeSet<SourceAnchor>,
) -> rusqlite::Result<BTreeSet<SourceAnchor>> {
    let mut people = BTreeSet::new();
    for group in groups {
        people.extend(rows::members_of(connection, *group)?);
    }
    Ok(people)
}

/// What becomes of a row that nobody handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// It stays.
    Stay,
    /// It is unread.
    Unread,
}

/// Makes the rows of groups those that the tree reaches and those that are linked, and their edges
/// those of the tree. Returns the groups to be planned anew: those whose rows changed, if they were
/// assigned or are, or are linked. The memberships of groups that go must have gone before, or go
/// afterwards.
pub(super) fn replace(
    connection: &Connection,
    tree: &Tree,
    read: Vec<SourceGroup>,
    others: Others,
) -> rusqlite::Result<Vec<SourceAnchor>> {
    let linked = linked(connection)?;
    let mut wanted = tree.reached();
    wanted.extend(&linked);
    let mut read: BTreeMap<SourceAnchor, SourceGroup> =
        read.into_iter().map(|group| (group.anchor, group)).collect();
    let mut changed = Vec::new();
    for (key, was_assigned, known) in stored_rows(connection)? {
        let anchor = known.anchor;
        let assigned = tree.assigned.contains(&anchor);
        let planned = was_assigned || assigned || linked.contains(&anchor);
        if !wanted.remove(&anchor) {
            drop_row(connection, key)?;
            changed.extend(planned.then_some(anchor));
            continue;
        }
        let now = read.remove(&anchor).unwrap_or_else(|| match others {
            Others::Stay => known.clone(),
            Others::Unread => unread_group(anchor),
        });
        if now != known || assigned != was_assigned {
            connection
                .prepare_cached(
                    "UPDATE source_group SET assigned = ?2, presence = ?3, attributes = ?4 \
                     WHERE key = ?1",
                )?
                .execute(params![key, assigned, Coded(now.presence), now.attributes])?;
            changed.extend(planned.then_some(anchor));
        }
    }
    for anchor in wanted {
        let assigned = tree.assigned.contains(&anchor);
        let group = read.remove(&anchor).unwrap_or_else(|| unread_group(anchor));
        connection
            .prepare_cached(
                "INSERT INTO source_group (anchor, assigned, presence, attributes) \
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![anchor, assigned, Coded(group.presence), group.attributes])?;
        changed.extend((assigned || linked.contains(&anchor)).then_some(anchor));
    }
    replace_edges(connection, &tree.edges)?;
    Ok(changed)
}

/// Returns all rows: key, whether it is assigned, and the group.
fn stored_rows(connection: &Connection) -> rusqlite::Result<Vec<(i64, bool, SourceGroup)>> {
    connection
        .prepare_cached("SELECT key, assigned, anchor, presence, attributes FROM source_group")?
        .query_map([], |row| {
            let group = SourceGroup {
                anchor: row.get(2)?,
                presence: row.get::<_, Coded<_>>(3)?.0,
                attributes: row.get(4)?,
            };
            Ok((row.get(0)?, row.get(1)?, group))
        })?
        .collect()
}

/// Returns the record of a group that is known to exist and was not read.
fn unread_group(anchor: SourceAnchor) -> SourceGroup {
    SourceGroup { anchor, presence: Presence::Unread, attributes: AttributeRow::default() }
}

/// Drops a row with its edges: another group may get its key.
fn drop_row(connection: &Connection, key: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM group_edge WHERE child = ?1 OR parent = ?1")?
        .execute([key])?;
    connection.prepare_cached("DELETE FROM source_group WHERE key = ?1")?.execute([key])?;
    Ok(())
}

fn replace_edges(connection: &Connection, wanted: &BTreeSet<GroupEdge>) -> rusqlite::Result<()> {
    let known: BTreeSet<GroupEdge> = edges(connection)?.into_iter().collect();
    let key = "(SELECT key FROM source_group WHERE anchor =";
    let delete = format!("DELETE FROM group_edge WHERE child = {key} ?1) AND parent = {key} ?2)");
    for edge in known.difference(wanted) {
        connection.prepare_cached(&delete)?.execute(params![edge.child, edge.parent])?;
    }
    let insert = format!("INSERT INTO group_edge (child, parent) SELECT {key} ?1), {key} ?2)");
    for edge in wanted.difference(&known) {
        connection.prepare_cached(&insert)?.execute(params![edge.child, edge.parent])?;
    }
    Ok(())
}
