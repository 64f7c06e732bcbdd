//! What the source holds: people, assignments, memberships.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::SourceAnchor;
use super::row::AttributeRow;

/// Whether an object can be read at the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Read, with its attributes.
    Present,
    /// Known to exist, but its attributes could not be read: it is never empty and never absent.
    Unread,
    /// In the recycle bin of the source.
    SoftDeleted,
    /// Gone for good.
    HardDeleted,
}

/// A person at the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceUser {
    /// The immutable id.
    pub anchor: SourceAnchor,
    /// Whether the person could be read; the other fields mean something only when `Present`.
    pub presence: Presence,
    /// `accountEnabled`.
    pub enabled: bool,
    /// `userType` is `Guest`.
    pub guest: bool,
    /// The selected attributes, in the order of the attribute list of the rules.
    pub attributes: AttributeRow,
}

/// What kind of object is assigned. Service principals among the assignments are not people and
/// never leave the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person, assigned directly.
    User,
    /// A group, whose direct members are assigned.
    Group,
}

/// One row of the assignment list: a principal in one role. A principal may hold several rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Assignment {
    /// Who is assigned.
    pub principal: SourceAnchor,
    /// User or group.
    pub kind: PrincipalKind,
    /// The application role; [`DEFAULT_ACCESS`] means "no role".
    pub role: Uuid,
}

/// The role id that means Default Access (Graph reference, section 2).
pub const DEFAULT_ACCESS: Uuid = Uuid::nil();

/// A role that the enterprise application declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRole {
    /// The id that assignment rows name.
    pub id: Uuid,
    /// The value, which configurations name; roles of gallery applications often have none.
    pub value: Option<String>,
    /// The name that administrators see.
    pub display_name: Option<String>,
}

/// A direct membership: `user` is a member of `group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Membership {
    /// The person. First, so that sorted memberships are grouped by person.
    pub user: SourceAnchor,
    /// The assigned group.
    pub group: SourceAnchor,
}
