//! READ: where people and assignments come from.
//!
//! A connector is a folder that implements [`Source`]. It answers with complete reads or with an
//! error; it never leaves out what it could not read.

pub mod graph;

use async_trait::async_trait;

use crate::model::group::{GroupEdge, SourceGroup};
use crate::model::identity::{AppRole, Assignment, Membership, SourceUser};
use crate::model::ids::{SourceAnchor, Watermark};
use crate::model::outcome::ErrorCategory;

/// The application whose assignments count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceApplication {
    /// The id of the tenant, pinned with the store.
    pub tenant_id: String,
    /// The id of the service principal, pinned with the store.
    pub application_id: SourceAnchor,
    /// The name that administrators see.
    pub display_name: String,
    /// The roles that the application declares.
    pub roles: Vec<AppRole>,
    /// Whether Entra ID lets only assigned people sign in.
    pub assignment_required: bool,
}

/// The members of some groups. Every group that was asked for is in `read`, in `gone` or in
/// `hidden`.
#[derive(Clone, Debug, Default)]
pub struct GroupMembers {
    /// Groups that were read to the end; sorted.
    pub read: Vec<SourceAnchor>,
    /// Groups that no longer exist; sorted.
    pub gone: Vec<SourceAnchor>,
    /// Groups that hide their members and showed none: who is in them is not known; sorted.
    pub hidden: Vec<SourceAnchor>,
    /// The people in them, once each, sorted by anchor. Members that are no people are left out.
    pub users: Vec<SourceUser>,
    /// Who is in which group; sorted, unique.
    pub memberships: Vec<Membership>,
    /// Which groups are in them; sorted, unique. Empty unless nested groups count.
    pub edges: Vec<GroupEdge>,
}

/// The assignment list, read together with the source's own count of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountedAssignments {
    /// The rows that came; sorted, unique.
    pub rows: Vec<Assignment>,
    /// Whether as many rows came as the source counts; `None` if it did not count.
    pub complete: Option<bool>,
}

/// Who is in some groups now. A group that was asked for and is neither in `read` nor in `gone` hides
/// its members: nothing is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembersNow {
    /// Groups that were read to the end; sorted.
    pub read: Vec<SourceAnchor>,
    /// Groups that no longer exist; sorted.
    pub gone: Vec<SourceAnchor>,
    /// Who is in which group; sorted, unique. Only people.
    pub memberships: Vec<Membership>,
    /// Which groups are in them; sorted, unique. Empty unless nested groups count.
    pub edges: Vec<GroupEdge>,
}

/// What is known of one person from a change feed. Absent attributes are unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// Something changed, or the person is new or restored.
    Changed {
        /// `accountEnabled`, if mentioned.
        enabled: Option<bool>,
        /// Guest or member, if mentioned.
        guest: Option<bool>,
        /// The selected attributes as a row keeps them: `None` if not mentioned, `Some(None)` if
        /// null.
        attributes: Vec<Option<Option<String>>>,
    },
    /// Something changed, and what it is cannot be read here: the person has to be read by id.
    Unreadable,
    /// In the recycle bin.
    SoftDeleted,
    /// Gone for good.
    HardDeleted,
}

/// A membership that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MembershipChange {
    /// Who, in which group.
    pub membership: Membership,
    /// Added, or removed.
    pub added: bool,
}

/// What is known of one group from a change feed, its members left out. Absent attributes are
/// unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// Something changed, or the group is new or restored.
    Changed {
        /// The selected attributes as a row keeps them: `None` if not mentioned, `Some(None)` if
        /// null.
        attributes: Vec<Option<Option<String>>>,
    },
    /// Something changed, and what it is cannot be read here: the group has to be read by id.
    Unreadable,
    /// In the recycle bin.
    SoftDeleted,
    /// Gone for good.
    HardDeleted,
}

impl GroupChange {
    /// Returns whether the group can no longer be read.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::SoftDeleted | Self::HardDeleted)
    }
}

/// A group that became, or ceased to be, a direct member of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EdgeChange {
    /// Which group, in which other.
    pub edge: GroupEdge,
    /// Added, or removed.
    pub added: bool,
}

/// What changed since a watermark, merged over all pages: the last word on each object counts.
#[derive(Clone, Debug)]
pub struct SourceDelta {
    /// Changed people, of the whole tenant, sorted by anchor, once each.
    pub users: Vec<(SourceAnchor, UserChange)>,
    /// Changed memberships of any group, once for each pair, sorted. Only people.
    pub memberships: Vec<MembershipChange>,
    /// Changed groups, of the whole tenant, sorted by anchor, once each. Those of which only the
    /// members changed may be among them.
    pub groups: Vec<(SourceAnchor, GroupChange)>,
    /// Groups that came into groups or left them, once for each pair, sorted. Empty unless nested
    /// groups count.
    pub edges: Vec<EdgeChange>,
    /// Groups that exist and of whose members one thing is said and then another, which may be an older
    /// page once more: the group itself has to be asked. Sorted.
    pub contradicted: Vec<SourceAnchor>,
    /// Where to go on.
    pub watermark: Watermark,
}

impl SourceDelta {
    /// Returns what the feed says about a group.
    pub fn group(&self, group: SourceAnchor) -> Option<&GroupChange> {
        let index = self.groups.binary_search_by_key(&group, |(changed, _)| *changed).ok()?;
        self.groups.get(index).map(|(_, change)| change)
    }

    /// Returns the groups that were deleted, sorted.
    pub fn groups_gone(&self) -> impl Iterator<Item = SourceAnchor> {
        self.groups.iter().filter(|(_, change)| change.is_gone()).map(|(group, _)| *group)
    }
}

/// An answer to [`Source::changes`].
#[derive(Clone, Debug)]
pub enum Changes {
    /// All that changed, up to the new watermark.
    Delta(SourceDelta),
    /// The watermark is no longer accepted: everything has to be read again.
    Expired {
        /// What the source said.
        why: String,
    },
}

/// The source of people. All methods read; none writes.
///
/// Lists of people and members may come from an index that is some minutes behind. The methods
/// whose names end in `now` ask the directory itself; they cost more requests, and serve to settle
/// what the index says otherwise than what is known already.
#[async_trait]
pub trait Source: Send + Sync {
    /// Finds the application and checks what the credentials may do.
    ///
    /// # Errors
    /// Names the missing permission, or says that no or several applications fit.
    async fn describe(&self) -> Result<SourceApplication, SourceError>;

    /// Returns a watermark that means "from now".
    async fn start(&self) -> Result<Watermark, SourceError>;

    /// Returns the complete assignment list of `application`, sorted, unique; service principals
    /// are left out. One read to the end of the list; confirming what vanished is up to the caller.
    async fn assignments(&self, application: SourceAnchor) -> Result<Vec<Assignment>, SourceError>;

    /// Returns the assignment list in another read than [`Source::assignments`], with its count,
    /// so that a list that was cut short or lost rows is told from one that became shorter.
    async fn counted_assignments(
        &self,
        application: SourceAnchor,
    ) -> Result<CountedAssignments, SourceError>;

    /// Returns the direct members of groups, with their attributes.
    async fn members(&self, groups: &[SourceAnchor]) -> Result<GroupMembers, SourceError>;

    /// Returns the direct members of groups as they are now.
    async fn members_now(&self, groups: &[SourceAnchor]) -> Result<MembersNow, SourceError>;

    /// Returns one entry for each of `anchors`, sorted by anchor, whatever became of the person.
    async fn users(&self, anchors: &[SourceAnchor]) -> Result<Vec<SourceUser>, SourceError>;

    /// Returns one entry for each of `anchors` as they are now, sorted by anchor.
    async fn users_now(&self, anchors: &[SourceAnchor]) -> Result<Vec<SourceUser>, SourceError>;

    /// Returns one entry for each of these groups as they are now, sorted by anchor.
    async fn groups(&self, groups: &[SourceAnchor]) -> Result<Vec<SourceGroup>, SourceError>;

    /// Returns how many people the source itself finds in each of these groups, those in groups in
    /// them included; sorted. Groups that it does not count are left out.
    async fn transitive_counts(
        &self,
        groups: &[SourceAnchor],
    ) -> Result<Vec<(SourceAnchor, u64)>, SourceError>;

    /// Returns what changed since `watermark`.
    async fn changes(&self, watermark: &Watermark) -> Result<Changes, SourceError>;

    /// Returns how many requests were sent so far, tokens excluded.
    fn requests(&self) -> u64;

    /// Returns how many milliseconds the clock of this host is ahead of the source's, negative if
    /// it is behind, by the last answer; `None` if that told no time.
    fn clock_ahead_ms(&self) -> Option<i64>;
}

/// Why the source could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{attempted}: {message}")]
pub struct SourceError {
    /// What was attempted, as "reading the assignments of …".
    pub attempted: String,
    /// What happened, without secrets.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// The category.
    pub category: ErrorCategory,
    /// The cause.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}
