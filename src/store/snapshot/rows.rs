//! The rows of the snapshot, read and written.

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;
use xxhash_rust::xxh3::Xxh3;

use crate::model::identity::{Assignment, Membership, Presence, PrincipalKind, SourceUser};
use crate::model::ids::{ContentHash, SourceAnchor, Timestamp, Watermark};
use crate::model::row::AttributeRow;

use crate::store::codec::{Code, Coded};
use crate::store::error::{StoreError, Trouble};
use crate::store::links::count;

/// Everybody in the snapshot: `users` sorted by anchor, `keys` sorted by key with the anchor.
pub(in crate::store) struct People {
    pub(in crate::store) users: Vec<SourceUser>,
    pub(in crate::store) keys: Vec<(i64, SourceAnchor)>,
}

/// Returns the hash over everything that is known of a person.
pub(super) fn content_hash(user: &SourceUser) -> ContentHash {
    let mut hasher = Xxh3::new();
    hasher.update(&[user.presence.code() as u8, user.enabled.into(), user.guest.into()]);
    hasher.update(user.attributes.as_bytes());
    ContentHash(hasher.digest128())
}

/// Returns the record of a person who is known to exist and was not read.
pub(super) fn unread_user(anchor: SourceAnchor) -> SourceUser {
    SourceUser {
        anchor,
        presence: Presence::Unread,
        enabled: false,
        guest: false,
        attributes: AttributeRow::default(),
    }
}

const PERSON: &str = "key, anchor, presence, enabled, guest, attributes";

fn person_from(row: &Row<'_>) -> rusqlite::Result<(i64, SourceUser)> {
    let user = SourceUser {
        anchor: row.get(1)?,
        presence: row.get::<_, Coded<_>>(2)?.0,
        enabled: row.get(3)?,
        guest: row.get(4)?,
        attributes: row.get(5)?,
    };
    Ok((row.get(0)?, user))
}

/// Returns a person of the snapshot with the key.
pub(in crate::store) fn person(
    connection: &Connection,
    anchor: SourceAnchor,
) -> rusqlite::Result<Option<(i64, SourceUser)>> {
    connection
        .prepare_cached(&format!("SELECT {PERSON} FROM person WHERE anchor = ?1"))?
        .query_row([anchor], person_from)
        .optional()
}

/// Returns everybody. Rows are read in the order in which they lie in the file, which is nearly
/// the order of anchors, and sorted afterwards: ten times faster than by way of the index.
pub(in crate::store) fn all_people(connection: &Connection) -> rusqlite::Result<People> {
    let size = usize::try_from(count(connection, "SELECT count(*) FROM person")?).unwrap_or(0);
    let mut people = People { users: Vec::with_capacity(size), keys: Vec::with_capacity(size) };
    let mut select =
        connection.prepare_cached(&format!("SELECT {PERSON} FROM person ORDER BY key"))?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (key, user) = person_from(row)?;
        people.keys.push((key, user.anchor));
        people.users.push(user);
    }
    people.users.sort_unstable_by_key(|user| user.anchor);
    Ok(people)
}

/// Writes a person over a row, or as a new row. A new row without a key gets the next one.
/// Returns the key.
pub(super) fn put_person(
    connection: &Connection,
    place: Place,
    user: &SourceUser,
    hash: ContentHash,
) -> rusqlite::Result<i64> {
    let (sql, key) = match place {
        Place::Over(key) => (
            "UPDATE person SET anchor = ?2, presence = ?3, enabled = ?4, guest = ?5, \
             attributes = ?6, hash = ?7 WHERE key = ?1",
            Some(key),
        ),
        Place::New(key) => (
            "INSERT INTO person (key, anchor, presence, enabled, guest, attributes, hash) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            key,
        ),
    };
    connection.prepare_cached(sql)?.execute(params![
        key,
        user.anchor,
        Coded(user.presence),
        user.enabled,
        user.guest,
        user.attributes,
        hash,
    ])?;
    Ok(key.unwrap_or_else(|| connection.last_insert_rowid()))
}

/// Where the row of a person goes.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// Over the row of this key.
    Over(i64),
    /// Into a new row, of this key if there is one.
    New(Option<i64>),
}

/// Returns everybody who is unread, sorted.
pub(super) fn unread(connection: &Connection) -> rusqlite::Result<Vec<SourceAnchor>> {
    connection
        .prepare_cached("SELECT anchor FROM person WHERE presence = 1 ORDER BY anchor")?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Returns all assignment rows, sorted.
pub(in crate::store) fn assignments(connection: &Connection) -> rusqlite::Result<Vec<Assignment>> {
    let size = usize::try_from(count(connection, "SELECT count(*) FROM assignment")?).unwrap_or(0);
    let mut assignments = Vec::with_capacity(size);
    let mut select = connection.prepare_cached(
        "SELECT principal, kind, role FROM assignment ORDER BY principal, kind, role",
    )?;
    for assignment in select.query_map([], assignment_from)? {
        assignments.push(assignment?);
    }
    Ok(assignments)
}

/// Returns the rows that are missing without being gone, with the time since when; sorted.
pub(super) fn missing_assignments(
    connection: &Connection,
) -> rusqlite::Result<Vec<(Assignment, Timestamp)>> {
    connection
        .prepare_cached(
            "SELECT principal, kind, role, since FROM missing_assignment \
             ORDER BY principal, kind, role",
        )?
        .query_map([], |row| Ok((assignment_from(row)?, row.get("since")?)))?
        .collect()
}

/// Makes the rows that are missing `missing`.
pub(super) fn replace_missing_assignments(
    connection: &Connection,
    missing: &[Assignment],
    at: Timestamp,
) -> rusqlite::Result<()> {
    let known = missing_assignments(connection)?;
    connection.execute("DELETE FROM missing_assignment", [])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO missing_assignment (principal, kind, role, since) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for row in missing {
        let known = known.iter().find(|(known, _)| known == row).map(|(_, since)| *since);
        let since = known.filter(|since| *since <= at).unwrap_or(at);
        insert.execute(params![row.principal, Coded(row.kind), row.role.as_bytes(), since])?;
    }
    Ok(())
}

/// Returns the assignment rows of groups, sorted.
pub(in crate::store) fn assignments_of_groups(
    connection: &Connection,
) -> rusqlite::Result<Vec<Assignment>> {
    connection
        .prepare_cached(
            "SELECT principal, kind, role FROM assignment WHERE kind = 1 ORDER BY principal, role",
        )?
        .query_map([], assignment_from)?
        .collect()
}

fn assignment_from(row: &Row<'_>) -> rusqlite::Result<Assignment> {
    Ok(Assignment {
        principal: row.get(0)?,
        kind: row.get::<_, Coded<_>>(1)?.0,
        role: Uuid::from_bytes(row.get(2)?),
    })
}

/// Returns the roles that a person is assigned directly.
pub(in crate::store) fn roles_of(
    connection: &Connection,
    anchor: SourceAnchor,
) -> rusqlite::Result<Vec<Uuid>> {
    connection
        .prepare_cached("SELECT role FROM assignment WHERE principal = ?1 AND kind = 0")?
        .query_map([anchor], |row| row.get(0).map(Uuid::from_bytes))?
        .collect()
}

/// Adds and removes assignment rows so that they become `wanted` (sorted, unique). Returns the
/// principals whose rows changed, sorted and unique.
pub(super) fn replace_assignments(
    connection: &Connection,
    wanted: &[Assignment],
) -> rusqlite::Result<Vec<(SourceAnchor, PrincipalKind)>> {
    let mut insert = connection
        .prepare_cached("INSERT INTO assignment (principal, kind, role) VALUES (?1, ?2, ?3)")?;
    let mut delete = connection.prepare_cached(
        "DELETE FROM assignment WHERE principal = ?1 AND kind = ?2 AND role = ?3",
    )?;
    let known = assignments(connection)?;
    let mut changed = Vec::new();
    let mut write = |statement: &mut rusqlite::Statement<'_>, row: &Assignment| {
        changed.push((row.principal, row.kind));
        statement.execute(params![row.principal, Coded(row.kind), row.role.as_bytes()])
    };
    for gone in known.iter().filter(|row| wanted.binary_search(row).is_err()) {
        write(&mut delete, gone)?;
    }
    for new in wanted.iter().filter(|row| known.binary_search(row).is_err()) {
        write(&mut insert, new)?;
    }
    changed.sort_unstable();
    changed.dedup();
    Ok(changed)
}

/// Returns all groups with their keys, sorted by anchor.
pub(super) fn groups(connection: &Connection) -> rusqlite::Result<Vec<(SourceAnchor, i64)>> {
    connection
        .prepare_cached("SELECT anchor, key FROM source_group ORDER BY anchor")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Returns the key of a group that is assigned or below an assigned one.
pub(super) fn group_key(
    connection: &Connection,
    group: SourceAnchor,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT key FROM source_group WHERE anchor = ?1 \
             AND (assigned OR EXISTS (SELECT 1 FROM group_edge WHERE child = key))",
        )?
        .query_row([group], |row| row.get(0))
        .optional()
}

/// Returns the members of a group.
pub(super) fn members_of(
    connection: &Connection,
    group: SourceAnchor,
) -> rusqlite::Result<Vec<SourceAnchor>> {
    connection
        .prepare_cached(
            "SELECT person.anchor FROM source_group \
             JOIN membership ON membership.grp = source_group.key \
             JOIN person ON person.key = membership.person \
             WHERE source_group.anchor = ?1",
        )?
        .query_map([group], |row| row.get(0))?
        .collect()
}

/// Returns the groups that a person is in directly.
pub(in crate::store) fn groups_of(
    connection: &Connection,
    person: i64,
) -> rusqlite::Result<Vec<SourceAnchor>> {
    connection
        .prepare_cached(
            "SELECT source_group.anchor FROM membership \
             JOIN source_group ON source_group.key = membership.grp \
             WHERE membership.person = ?1",
        )?
        .query_map([person], |row| row.get(0))?
        .collect()
}

/// Returns all memberships, sorted.
pub(in crate::store) fn all_memberships(
    connection: &Connection,
    people: &People,
) -> Result<Vec<Membership>, Trouble> {
    let size = usize::try_from(count(connection, "SELECT count(*) FROM membership")?).unwrap_or(0);
    let mut memberships = Vec::with_capacity(size);
    let mut groups: Vec<(i64, SourceAnchor)> =
        groups(connection)?.into_iter().map(|(anchor, key)| (key, anchor)).collect();
    groups.sort_unstable();
    let mut select =
        connection.prepare_cached("SELECT person, grp FROM membership ORDER BY person, grp")?;
    let mut rows = select.query([])?;
    // People come in the order of their keys, so one walk along `people.keys` finds them all.
    let mut walk = people.keys.iter().peekable();
    while let Some(row) = rows.next()? {
        let (person, group): (i64, i64) = (row.get(0)?, row.get(1)?);
        while walk.peek().is_some_and(|(key, _)| *key < person) {
            walk.next();
        }
        let user = walk.peek().filter(|(key, _)| *key == person).map(|(_, anchor)| *anchor);
        let group = lookup(&groups, group);
        if let Some((user, group)) = user.zip(group) {
            memberships.push(Membership { user, group });
        }
    }
    memberships.sort_unstable();
    Ok(memberships)
}

/// Returns what belongs to a key in a list that is sorted by key.
pub(in crate::store) fn lookup<K: Ord + Copy, V: Copy>(sorted: &[(K, V)], key: K) -> Option<V> {
    let index = sorted.binary_search_by_key(&key, |(known, _)| *known).ok()?;
    sorted.get(index).map(|(_, value)| *value)
}

/// Moves the watermark; a full import also binds it to a query.
pub(super) fn set_watermark(
    connection: &Connection,
    watermark: &Watermark,
    query_hash: Option<&str>,
) -> Result<(), Trouble> {
    let moved = match query_hash {
        Some(query_hash) => connection.execute(
            "UPDATE job SET watermark = ?1, query_hash = ?2",
            params![watermark.0, query_hash],
        )?,
        None => connection.execute(
            "UPDATE job SET watermark = ?1 WHERE watermark IS NOT NULL",
            params![watermark.0],
        )?,
    };
    if moved == 0 { Err(StoreError::NoSnapshot.into()) } else { Ok(()) }
}
