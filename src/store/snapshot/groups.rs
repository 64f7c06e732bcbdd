//! The rows of groups, and of groups in groups.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::model::group::{GroupEdge, SourceGroup};
use crate::model::ids::SourceAnchor;
use crate::store::codec::Coded;

use super::rows;

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

/// Returns everybody who is in one of these groups, directly or by way of groups in them.
#[allow(dead_code)]
pub(in crate::store) fn people_below(
    connection: &Connection,
    groups: &[SourceAnchor],
) -> rusqlite::Result<BTreeSet<SourceAnchor>> {
    let edges = edges(connection)?;
    let mut people = BTreeSet::new();
    for group in reached(groups, &edges) {
        people.extend(rows::members_of(connection, group)?);
    }
    Ok(people)
}

/// Returns `tops` and all groups below them, each once, in no particular order. Groups may contain
/// each other in a circle. `edges` may be in any order.
#[allow(dead_code)]
pub(super) fn reached(tops: &[SourceAnchor], edges: &[GroupEdge]) -> BTreeSet<SourceAnchor> {
    let mut downward: Vec<GroupEdge> = edges.to_vec();
    downward.sort_unstable_by_key(|edge| (edge.parent, edge.child));
    let mut reached: BTreeSet<SourceAnchor> = tops.iter().copied().collect();
    let mut open: Vec<SourceAnchor> = reached.iter().copied().collect();
    while let Some(parent) = open.pop() {
        let first = downward.partition_point(|edge| edge.parent < parent);
        let children = downward.iter().skip(first).take_while(|edge| edge.parent == parent);
        open.extend(children.map(|edge| edge.child).filter(|child| reached.insert(*child)));
    }
    reached
}
