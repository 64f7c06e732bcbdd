//! Groups: at the source, at the target, and the ties between them.
//!
//! A group of the source becomes one group at the target, or several *parts* where it has more
//! members than one group of the target takes. Parts are numbered from 1.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::account::Origin;
use super::identity::Presence;
use super::ids::{SourceAnchor, TargetId, Timestamp};
use super::row::AttributeRow;

/// A group at the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceGroup {
    /// The immutable id.
    pub anchor: SourceAnchor,
    /// Whether the group could be read; the attributes mean something only when `Present`.
    pub presence: Presence,
    /// The selected attributes, in the order of the group attribute list of the rules.
    pub attributes: AttributeRow,
}

/// One group is a direct member of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupEdge {
    /// The group that is a member.
    pub child: SourceAnchor,
    /// The group that contains it.
    pub parent: SourceAnchor,
}

/// Returns `tops` and all groups below them. Groups may contain each other in a circle.
pub fn below<'a>(
    tops: impl IntoIterator<Item = SourceAnchor>,
    edges: impl IntoIterator<Item = &'a GroupEdge>,
) -> BTreeSet<SourceAnchor> {
    let mut children: BTreeMap<SourceAnchor, Vec<SourceAnchor>> = BTreeMap::new();
    for edge in edges {
        children.entry(edge.parent).or_default().push(edge.child);
    }
    let mut reached: BTreeSet<SourceAnchor> = tops.into_iter().collect();
    let mut open: Vec<SourceAnchor> = reached.iter().copied().collect();
    while let Some(parent) = open.pop() {
        let below = children.get(&parent).into_iter().flatten().copied();
        open.extend(below.filter(|child| reached.insert(*child)));
    }
    reached
}

/// A distribution group at the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// The immutable id.
    pub id: TargetId,
    /// The name, which the target does not keep unique.
    pub name: String,
    /// Every employee sees it; otherwise only its owner does.
    pub shared: bool,
    /// Who made it, if the target says.
    pub owner: Option<TargetId>,
    /// How many members it has, if the target says.
    pub members: Option<u32>,
}

/// What this job last made of a linked group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupLinkState {
    /// Kept in step.
    Active,
    /// The group is no longer assigned or no longer exists at the source: left as it is.
    Released,
}

/// The tie between a group of the source and one group at the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupLink {
    /// The group at the source.
    pub anchor: SourceAnchor,
    /// Which part, from 1.
    pub part: u16,
    /// The group at the target.
    pub target_id: TargetId,
    /// How the link came to be.
    pub origin: Origin,
    /// What this job last made of it.
    pub state: GroupLinkState,
    /// When it was made.
    pub linked_at: Timestamp,
    /// The name that was last sent.
    pub name_sent: String,
    /// The name that was last read back.
    pub name_read_back: String,
    /// When the members were last read; `None` if never.
    pub members_read_at: Option<Timestamp>,
}

/// A live link of a group, with how many are in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStanding {
    /// The link.
    pub link: GroupLink,
    /// How many accounts this job put into it.
    pub placed: u32,
    /// How many it took out of it within the last day.
    pub removed_today: u32,
}

/// This job put the account of a person into a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Placement {
    /// The person. First, so that sorted placements are grouped by person.
    pub user: SourceAnchor,
    /// The position of the group's link in the list of links that comes with the placements.
    pub link: u32,
}
