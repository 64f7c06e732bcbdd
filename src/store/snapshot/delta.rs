//! An incremental import: what changed is merged into the snapshot.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use crate::model::group::{GroupEdge, SourceGroup};
use crate::model::identity::{Assignment, Membership, Presence, PrincipalKind, SourceUser};
use crate::model::ids::SourceAnchor;

use crate::store::error::Trouble;
use crate::store::links::count;

use super::full::{assigned_groups, last_of_each, of_kind};
use super::groups::{self, Others, Tree};
use super::rows::Place;
use super::{ImportSummary, conclude, drop_if_unrelated, rows};

/// What changed of assignments and groups.
pub(super) struct TreeChanges {
    pub(super) assignments: Option<Vec<Assignment>>,
    pub(super) groups: Vec<SourceGroup>,
    pub(super) edges_added: Vec<GroupEdge>,
    pub(super) edges_removed: Vec<GroupEdge>,
    pub(super) groups_gone: Vec<SourceAnchor>,
    pub(super) plan_groups: bool,
}

impl TreeChanges {
    fn is_empty(&self) -> bool {
        self.assignments.is_none()
            && self.groups.is_empty()
            && self.edges_added.is_empty()
            && self.edges_removed.is_empty()
            && self.groups_gone.is_empty()
    }
}

/// Who was touched so far.
#[derive(Default)]
struct Touched {
    /// People and groups that have to be planned.
    changed: BTreeSet<SourceAnchor>,
    /// People who may have lost the last tie to the job.
    loosened: BTreeSet<SourceAnchor>,
    /// People whose row was made by this import.
    fresh: BTreeSet<SourceAnchor>,
}

/// Merges changes into the snapshot: people, assignments and groups, then memberships that were
/// added and removed.
pub(super) fn import(
    connection: &Connection,
    users: Vec<SourceUser>,
    tree: TreeChanges,
    (mut added, removed): (Vec<Membership>, Vec<Membership>),
) -> Result<ImportSummary, Trouble> {
    let mut touched = Touched::default();
    merge_people(connection, users, &mut touched)?;
    let moved = match tree.is_empty() {
        true => BTreeSet::new(),
        false => merge_tree(connection, tree, &mut touched)?,
    };
    for membership in removed {
        remove(connection, membership, &mut touched)?;
    }
    added.sort_unstable();
    for membership in added {
        add(connection, membership, &mut touched)?;
    }
    if !moved.is_empty() {
        touched.changed.extend(groups::members_of_all(connection, &moved)?);
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

/// Merges what changed of assignments and groups. Returns the groups whose people are to be planned
/// because something changed above them.
fn merge_tree(
    connection: &Connection,
    changes: TreeChanges,
    touched: &mut Touched,
) -> Result<BTreeSet<SourceAnchor>, Trouble> {
    let before = Tree::stored(connection)?;
    let (assigned, mut tops) = match changes.assignments {
        Some(assignments) => merge_assignments(connection, assignments, touched)?,
        None => (before.assigned.clone(), BTreeSet::new()),
    };
    let gone: BTreeSet<SourceAnchor> = changes.groups_gone.into_iter().collect();
    let ended = |group: &SourceGroup| group.presence == Presence::HardDeleted;
    let for_good: BTreeSet<SourceAnchor> =
        changes.groups.iter().filter(|group| ended(group)).map(|group| group.anchor).collect();
    let mut after = Tree { assigned, edges: before.edges.clone() };
    for edge in &changes.edges_removed {
        after.edges.remove(edge);
    }
    after.edges.extend(changes.edges_added);
    // A group in the recycle bin stays where it was: when it is restored, nobody mentions that.
    after.edges.retain(|edge| !gone.contains(&edge.parent) && !for_good.contains(&edge.child));
    after.prune();
    tops.extend(before.moved(&after));
    let below_before = before.below(&tops);
    touched.changed.extend(groups::members_of_all(connection, &below_before)?);
    let reached = after.reached();
    for group in before.reached().iter().filter(|group| !reached.contains(group)).chain(&gone) {
        empty_group(connection, *group, touched)?;
    }
    let changed = groups::replace(connection, &after, changes.groups, Others::Stay)?;
    if changes.plan_groups {
        touched.changed.extend(changed);
    }
    Ok(after.below(&tops))
}

/// Merges the assignment list. Returns the groups in it, and those whose rows changed.
fn merge_assignments(
    connection: &Connection,
    mut assignments: Vec<Assignment>,
    touched: &mut Touched,
) -> Result<(BTreeSet<SourceAnchor>, BTreeSet<SourceAnchor>), Trouble> {
    assignments.sort_unstable();
    assignments.dedup();
    let principals = rows::replace_assignments(connection, &assignments)?;
    for anchor in of_kind(&principals, PrincipalKind::User) {
        ensure_person(connection, anchor, touched)?;
        touched.changed.insert(anchor);
        touched.loosened.insert(anchor);
    }
    let groups = assigned_groups(&assignments).into_iter().collect();
    Ok((groups, of_kind(&principals, PrincipalKind::Group).collect()))
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
