//! A full import: what was read replaces the snapshot, row by row where they differ.
//!
//! Everything is merged in memory along sorted lists and written in the order of keys: a million
//! rows in random order take seven times as long.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::model::group::{GroupEdge, SourceGroup};
use crate::model::identity::{Assignment, Membership, PrincipalKind, SourceUser};
use crate::model::ids::{ContentHash, SourceAnchor};

use crate::store::error::Trouble;
use crate::store::links;

use super::groups::{self, Others, Tree};
use super::rows::Place;
use super::{ImportSummary, conclude, rows};

/// Keys of people with their anchors, sorted by key.
type Keys = Vec<(i64, SourceAnchor)>;

/// What was read.
pub(super) struct Read {
    pub(super) users: Vec<SourceUser>,
    pub(super) assignments: Vec<Assignment>,
    pub(super) memberships: Vec<Membership>,
    pub(super) groups: Vec<SourceGroup>,
    pub(super) edges: Vec<GroupEdge>,
    pub(super) plan_groups: bool,
}

/// Replaces the snapshot.
pub(super) fn import(connection: &Connection, read: Read) -> Result<ImportSummary, Trouble> {
    let Read { mut users, mut assignments, mut memberships, .. } = read;
    assignments.sort_unstable();
    assignments.dedup();
    let assigned = assigned_groups(&assignments).into_iter().collect();
    let mut tree = Tree { assigned, edges: read.edges.into_iter().collect() };
    tree.prune();
    let reached: Vec<SourceAnchor> = tree.reached().into_iter().collect();
    memberships.retain(|membership| reached.binary_search(&membership.group).is_ok());
    memberships.sort_unstable();
    memberships.dedup();
    last_of_each(&mut users);

    let principals = rows::replace_assignments(connection, &assignments)?;
    let mut changed: Vec<SourceAnchor> = of_kind(&principals, PrincipalKind::User).collect();
    let changed_groups = of_kind(&principals, PrincipalKind::Group).collect();
    let before = rows::groups(connection)?;
    let moved = moved(&Tree::stored(connection)?, &tree, changed_groups);
    let changed_groups = groups::replace(connection, &tree, read.groups, Others::Unread)?;
    if read.plan_groups {
        changed.extend(changed_groups);
    }

    let related = related(connection, &assignments, &memberships)?;
    let keys = replace_people(connection, &related, users, &mut changed)?;
    let after = rows::groups(connection)?;
    let key = |group| [rows::lookup(&before, group), rows::lookup(&after, group)];
    let mut watched: Vec<i64> = moved.into_iter().flat_map(key).flatten().collect();
    watched.sort_unstable();
    watched.dedup();
    let wanted = pairs(memberships, &keys, &after);
    replace_memberships(connection, &wanted, &watched, &keys, &mut changed)?;
    changed.sort_unstable();
    changed.dedup();
    conclude(connection, related.len() as u64, &changed)
}

/// Returns the groups among the principals of sorted assignment rows; sorted, unique.
pub(super) fn assigned_groups(assignments: &[Assignment]) -> Vec<SourceAnchor> {
    let mut groups: Vec<SourceAnchor> = assignments
        .iter()
        .filter(|assignment| assignment.kind == PrincipalKind::Group)
        .map(|assignment| assignment.principal)
        .collect();
    groups.dedup();
    groups
}

/// Returns the principals of one kind.
pub(super) fn of_kind(
    principals: &[(SourceAnchor, PrincipalKind)],
    wanted: PrincipalKind,
) -> impl Iterator<Item = SourceAnchor> + '_ {
    principals.iter().filter(move |(_, kind)| *kind == wanted).map(|(anchor, _)| *anchor)
}

/// Sorts by anchor, and keeps the last entry of each person.
pub(super) fn last_of_each(users: &mut Vec<SourceUser>) {
    users.reverse();
    users.sort_by_key(|user| user.anchor);
    users.dedup_by_key(|user| user.anchor);
}

/// Returns everybody who belongs into the snapshot; sorted, unique.
fn related(
    connection: &Connection,
    assignments: &[Assignment],
    memberships: &[Membership],
) -> Result<Vec<SourceAnchor>, Trouble> {
    let mut related = links::linked(connection)?;
    related.extend(
        assignments
            .iter()
            .filter(|assignment| assignment.kind == PrincipalKind::User)
            .map(|assignment| assignment.principal),
    );
    let mut members: Vec<SourceAnchor> =
        memberships.iter().map(|membership| membership.user).collect();
    members.dedup();
    related.append(&mut members);
    related.sort_unstable();
    related.dedup();
    Ok(related)
}

/// Makes the rows of people those of `related`, and returns the keys of all old and new rows. Old
/// rows that go are deleted, but their memberships are left to the caller.
fn replace_people(
    connection: &Connection,
    related: &[SourceAnchor],
    users: Vec<SourceUser>,
    changed: &mut Vec<SourceAnchor>,
) -> Result<Keys, Trouble> {
    let known = known_people(connection)?;
    let mut keys: Keys = known.iter().map(|(anchor, key, _)| (*key, *anchor)).collect();
    let mut known = known.into_iter().peekable();
    let mut users = users.into_iter().peekable();
    let mut gone = Vec::new();
    // New rows get the keys above all that are in use, so that they are written in order.
    let mut next_key = keys.iter().map(|(key, _)| *key).max().unwrap_or(0);
    for &anchor in related {
        while let Some(row) = known.next_if(|(known, ..)| *known < anchor) {
            gone.push(row);
        }
        while users.next_if(|user| user.anchor < anchor).is_some() {}
        let user = users
            .next_if(|user| user.anchor == anchor)
            .unwrap_or_else(|| rows::unread_user(anchor));
        let hash = rows::content_hash(&user);
        match known.next_if(|(known, ..)| *known == anchor) {
            Some((_, _, same)) if same == hash => continue,
            Some((_, key, _)) => rows::put_person(connection, Place::Over(key), &user, hash)?,
            None => {
                next_key += 1;
                keys.push((next_key, anchor));
                rows::put_person(connection, Place::New(Some(next_key)), &user, hash)?
            }
        };
        changed.push(anchor);
    }
    gone.extend(known);
    let mut delete = connection.prepare_cached("DELETE FROM person WHERE key = ?1")?;
    for (anchor, key, _) in gone {
        delete.execute([key])?;
        changed.push(anchor);
    }
    keys.sort_unstable();
    Ok(keys)
}

/// Returns everybody of the snapshot with key and hash, sorted by anchor.
pub(super) fn known_people(
    connection: &Connection,
) -> rusqlite::Result<Vec<(SourceAnchor, i64, ContentHash)>> {
    let mut known: Vec<(SourceAnchor, i64, ContentHash)> = connection
        .prepare_cached("SELECT anchor, key, hash FROM person ORDER BY key")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    known.sort_unstable_by_key(|(anchor, ..)| *anchor);
    Ok(known)
}

/// Returns the groups whose people are to be planned because something changed above them: those in
/// another role than before, and those below edges that came or went.
fn moved(before: &Tree, after: &Tree, mut tops: BTreeSet<SourceAnchor>) -> BTreeSet<SourceAnchor> {
    tops.extend(before.moved(after));
    let mut moved = before.below(&tops);
    moved.extend(after.below(&tops));
    moved
}

/// Makes the rows of memberships those that are wanted, and adds the people of those that changed
/// and of all rows of watched groups to `changed`.
fn replace_memberships(
    connection: &Connection,
    wanted: &[(i64, i64)],
    watched: &[i64],
    keys: &Keys,
    changed: &mut Vec<SourceAnchor>,
) -> Result<(), Trouble> {
    let difference = compare(connection, wanted, watched)?;
    let mut delete =
        connection.prepare_cached("DELETE FROM membership WHERE person = ?1 AND grp = ?2")?;
    for (person, group) in &difference.gone {
        delete.execute([person, group])?;
    }
    let mut insert =
        connection.prepare_cached("INSERT INTO membership (person, grp) VALUES (?1, ?2)")?;
    for (person, group) in &difference.new {
        insert.execute([person, group])?;
    }
    let concerned = difference.concerned.iter().filter_map(|key| rows::lookup(keys, *key));
    changed.extend(concerned);
    Ok(())
}

/// Returns memberships as pairs of keys, sorted.
fn pairs(
    memberships: Vec<Membership>,
    keys: &Keys,
    groups: &[(SourceAnchor, i64)],
) -> Vec<(i64, i64)> {
    let mut by_anchor: Vec<(SourceAnchor, i64)> =
        keys.iter().map(|(key, anchor)| (*anchor, *key)).collect();
    by_anchor.sort_unstable();
    let mut walk = by_anchor.iter().peekable();
    let mut pairs = Vec::with_capacity(memberships.len());
    for membership in memberships {
        while walk.next_if(|(anchor, _)| *anchor < membership.user).is_some() {}
        let person = walk.peek().filter(|(anchor, _)| *anchor == membership.user);
        if let Some(((_, person), group)) = person.zip(rows::lookup(groups, membership.group)) {
            pairs.push((*person, group));
        }
    }
    pairs.sort_unstable();
    pairs
}

#[derive(Default)]
struct Difference {
    gone: Vec<(i64, i64)>,
    new: Vec<(i64, i64)>,
    /// People of these rows and of all rows of watched groups; unsorted, with repetitions.
    concerned: Vec<i64>,
}

/// Compares the rows of memberships with what is wanted, both in the order of keys.
fn compare(
    connection: &Connection,
    wanted: &[(i64, i64)],
    watched: &[i64],
) -> rusqlite::Result<Difference> {
    let mut difference = Difference::default();
    let mut select =
        connection.prepare_cached("SELECT person, grp FROM membership ORDER BY person, grp")?;
    let mut rows = select.query([])?;
    let mut wanted = wanted.iter().copied().peekable();
    let mut known = next_pair(&mut rows)?;
    loop {
        let order = match (known, wanted.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(known), Some(wanted)) => known.cmp(wanted),
        };
        let pair = if order == Ordering::Less { known } else { wanted.next() };
        let Some(pair) = pair else { break };
        match order {
            Ordering::Less => difference.gone.push(pair),
            Ordering::Greater => difference.new.push(pair),
            Ordering::Equal => {}
        }
        if order != Ordering::Equal || watched.binary_search(&pair.1).is_ok() {
            difference.concerned.push(pair.0);
        }
        if order != Ordering::Greater {
            known = next_pair(&mut rows)?;
        }
    }
    Ok(difference)
}

fn next_pair(rows: &mut rusqlite::Rows<'_>) -> rusqlite::Result<Option<(i64, i64)>> {
    rows.next()?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}
