//! An incremental import: what changed is merged into the snapshot.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use crate::model::identity::{Assignment, Membership, PrincipalKind, SourceUser};
use crate::model::ids::SourceAnchor;

use crate::store::error::Trouble;
use crate::store::links::count;

use super::full::{assigned_groups, last_of_each, of_kind};
use super::rows::Place;
use super::{ImportSummary, conclude, drop_if_unrelated, rows};

/// What changed at the source.
pub(super) struct Changes {
    pub(super) users: Vec<SourceUser>,
    pub(super) assignments: Option<Vec<Assignment>>,
    pub(super) added: Vec<Membership>,
    pub(super) removed: Vec<Membership>,
    pub(super) groups_gone: Vec<SourceAnchor>,
}

/// Who was touched so far.
#[derive(Default)]
struct Touched {
    /// People who have to be planned.
    changed: BTreeSet<SourceAnchor>,
    /// People who may have lost the last tie to the job.
    loosened: BTreeSet<SourceAnchor>,
    /// People whose row was made by this import.
    fresh: BTreeSet<SourceAnchor>,
}

/// Merges changes into the snapshot.
pub(super) fn import(connection: &Connection, changes: Changes) -> Result<ImportSummary, Trouble> {
    let mut touched = Touched::default();
    merge_people(connection, changes.users, &mut touched)?;
    if let Some(assignments) = changes.assignments {
        merge_assignments(connection, assignments, &mut touched)?;
    }
    for group in changes.groups_gone {
        empty_group(connection, group, &mut touched)?;
    }
    for membership in changes.removed {
        remove(connection, membership, &mut touched)?;
    }
    let mut added = changes.added;
    added.sort_unstable();
    for membership in added {
        add(connection, membership, &mut touched)?;
    }
    for anchor in touched.loosened {
        if drop_if_unrelated(connection, anchor)? && touched.fresh.contains(&anchor) {
            // A person of no concern, before as after.
            touched.changed.remove(&anchor);
        }
    }
    let changed: Vec<SourceAnchor> = touched.changed.into_iter().collect();
    conclude(connection, count(connection, "SELECT count(*) FROM person")?, &changed)
}

fn merge_people(
    connection: &Connection,
    mut users: Vec<SourceUser>,
    touched: &mut Touched,
) -> Result<(), Trouble> {
    last_of_each(&mut users);
    for user in &users {
        let anchor = user.anchor;
        let place = match rows::person(connection, anchor)? {
            Some((_, known)) if known == *user => continue,
            Some((key, _)) => Place::Over(key),
            None => {
                touched.fresh.insert(anchor);
                Place::New(None)
            }
        };
        touched.changed.insert(anchor);
        touched.loosened.insert(anchor);
        rows::put_person(connection, place, user, rows::content_hash(user))?;
    }
    Ok(())
}

fn merge_assignments(
    connection: &Connection,
    mut assignments: Vec<Assignment>,
    touched: &mut Touched,
) -> Result<(), Trouble> {
    assignments.sort_unstable();
    assignments.dedup();
    let principals = rows::replace_assignments(connection, &assignments)?;
    for anchor in of_kind(&principals, PrincipalKind::User) {
        ensure_person(connection, anchor, touched)?;
        touched.changed.insert(anchor);
        touched.loosened.insert(anchor);
    }
    let groups = assigned_groups(&assignments);
    for group in of_kind(&principals, PrincipalKind::Group) {
        if groups.binary_search(&group).is_ok() {
            touched.changed.extend(rows::members_of(connection, group)?);
        } else {
            empty_group(connection, group, touched)?;
        }
    }
    rows::replace_groups(connection, &groups)?;
    Ok(())
}

/// Returns the key of a person; one who is not known is added as unread.
fn ensure_person(
    connection: &Connection,
    anchor: SourceAnchor,
    touched: &mut Touched,
) -> Result<i64, Trouble> {
    if let Some((key, _)) = rows::person(connection, anchor)? {
        return Ok(key);
    }
    touched.fresh.insert(anchor);
    let user = rows::unread_user(anchor);
    Ok(rows::put_person(connection, Place::New(None), &user, rows::content_hash(&user))?)
}

fn empty_group(
    connection: &Connection,
    group: SourceAnchor,
    touched: &mut Touched,
) -> Result<(), Trouble> {
    let Some(key) = rows::group_key(connection, group)? else { return Ok(()) };
    let members = rows::members_of(connection, group)?;
    touched.changed.extend(&members);
    touched.loosened.extend(&members);
    connection.prepare_cached("DELETE FROM membership WHERE grp = ?1")?.execute([key])?;
    Ok(())
}

fn remove(
    connection: &Connection,
    membership: Membership,
    touched: &mut Touched,
) -> Result<(), Trouble> {
    let removed = connection
        .prepare_cached(
            "DELETE FROM membership WHERE person = (SELECT key FROM person WHERE anchor = ?1) \
             AND grp = (SELECT key FROM source_group WHERE anchor = ?2)",
        )?
        .execute(params![membership.user, membership.group])?;
    if removed > 0 {
        touched.changed.insert(membership.user);
        touched.loosened.insert(membership.user);
    }
    Ok(())
}

fn add(
    connection: &Connection,
    membership: Membership,
    touched: &mut Touched,
) -> Result<(), Trouble> {
    let Some(group) = rows::group_key(connection, membership.group)? else { return Ok(()) };
    let person = ensure_person(connection, membership.user, touched)?;
    let added = connection
        .prepare_cached("INSERT OR IGNORE INTO membership (person, grp) VALUES (?1, ?2)")?
        .execute([person, group])?;
    if added > 0 {
        touched.changed.insert(membership.user);
    }
    Ok(())
}
