//! The plan: what a cycle is about to do, with nothing left to choose.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::account::{AccountKind, LinkState, Origin, Shadow, TargetAttribute};
use super::attribute::Named;
use super::group::GroupLinkState;
use super::ids::{ChangeId, ContentHash, SourceAnchor, TargetId, Timestamp};
use super::leaving::{Leaving, Stage};
use super::row::AttributeRow;

pub use super::hold::{HeldItem, Hold, HoldKind};
pub use super::leaving::LeaveEvent;

/// What a cycle reads and plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleKind {
    /// The first cycle, or the first after the watermark was lost: everything is read and planned.
    Initial,
    /// Everything is read and planned again, although a watermark exists.
    Full,
    /// Only what changed, is pending, held or failed.
    Incremental,
    /// What changed at the source, and everything at the target, to find what others changed there.
    Drift,
}

impl CycleKind {
    /// Returns the word that people read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Full => "full",
            Self::Incremental => "incremental",
            Self::Drift => "drift",
        }
    }

    /// Returns whether everything is read at the source.
    pub fn reads_source(self) -> bool {
        matches!(self, Self::Initial | Self::Full)
    }

    /// Returns whether everything is read at the target, and everybody is planned.
    pub fn reads_target(self) -> bool {
        self != Self::Incremental
    }
}

/// The kinds of change, in Microsoft Graph's words (`provisioningAction`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProvisioningAction {
    /// An account is created.
    Create,
    /// An account is changed; enabling it again is an update.
    Update,
    /// An account is disabled.
    Disable,
    /// An account is deleted.
    Delete,
    /// A deletion that waits.
    StagedDelete,
    /// Nothing is written at the target: a link is made or ended.
    Other,
}

impl ProvisioningAction {
    /// Returns the name as Graph spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::StagedDelete => "stagedDelete",
            Self::Other => "other",
        }
    }
}

/// What a change, or an entry of the log, is about.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A person and the account.
    #[default]
    User,
    /// A group.
    Group,
}

/// Why a change is planned: for people and the log; no code branches on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Reason {
    /// In scope, and no account matches.
    NoAccount,
    /// In scope, and an account matches.
    Matched {
        /// The rule that matched, as `Email = [mail]`.
        rule: String,
    },
    /// Desired values differ from those last sent.
    ValuesDiffer,
    /// In scope again; this job had disabled the account.
    Returned,
    /// Out of scope.
    Left {
        /// The event.
        event: LeaveEvent,
        /// Since when, where that is known and matters.
        #[serde(default)]
        since: Option<Timestamp>,
    },
    /// The policy for those who left names a stage and its time.
    Scheduled {
        /// The stage.
        stage: Stage,
        /// The time, which may have come.
        at: Timestamp,
    },
    /// No filter lets the person in.
    Filtered {
        /// Which filters there are, and the clause of each that does not hold.
        filters: String,
    },
    /// An expression says that the person may not sign in.
    Inactive {
        /// The target and its expression, as `Active = [x]`.
        rule: String,
    },
    /// The linked account no longer exists at the target.
    AccountGone,
    /// The account was disabled by somebody else, and stays so.
    DisabledElsewhere,
    /// Somebody else enabled the account of a person who left.
    EnabledElsewhere,
    /// The account is a client, and the rules say employee.
    BecomesEmployee,
    /// Two people take over each other's address, in three steps.
    AddressSwap,
    /// The group is assigned.
    GroupAssigned,
    /// The name of the group differs from the one last sent.
    Renamed,
    /// People joined the group.
    MembersJoined,
    /// People left the group.
    MembersLeft,
    /// People who are in it left altogether.
    LeftAltogether,
    /// The group is no longer assigned.
    GroupUnassigned,
    /// The group no longer exists at the source.
    GroupDeleted,
    /// The linked group no longer exists at the target.
    GroupGone,
    /// The members of this part fit into the parts before it.
    PartsMerged,
    /// Somebody else put members into the group.
    ExtraMembers,
    /// Somebody else changed what this job had written.
    Drifted,
}

impl Reason {
    /// Returns the reason in a few words.
    pub fn sentence(&self) -> String {
        match self {
            Self::NoAccount => "in scope, and no account matches".to_owned(),
            Self::Matched { rule } => format!("in scope, and an account matches by {rule}"),
            Self::ValuesDiffer => "the values differ from those last sent".to_owned(),
            Self::Returned => "in scope again".to_owned(),
            Self::Left { event, since: None } => format!("out of scope: {}", event.word()),
            Self::Left { event, since: Some(since) } => {
                format!("out of scope since {}: {}", since.date(), event.word())
            }
            Self::Scheduled { stage, at } => format!("{} on {}", stage.participle(), at.date()),
            Self::Filtered { filters } => filters.clone(),
            Self::Inactive { rule } => format!("`{rule}` gives False"),
            Self::AccountGone => "the linked account no longer exists".to_owned(),
            Self::DisabledElsewhere => "somebody else disabled the account".to_owned(),
            Self::EnabledElsewhere => "somebody else enabled the account".to_owned(),
            Self::BecomesEmployee => {
                "the account is a client, and the rules say employee".to_owned()
            }
            Self::AddressSwap => "two people swap their addresses".to_owned(),
            Self::GroupAssigned => "the group is assigned".to_owned(),
            Self::Renamed => "the name differs from the one last sent".to_owned(),
            Self::MembersJoined => "people joined the group".to_owned(),
            Self::MembersLeft => "people left the group".to_owned(),
            Self::LeftAltogether => "its people left altogether".to_owned(),
            Self::GroupUnassigned => "the group is no longer assigned".to_owned(),
            Self::GroupDeleted => "the group no longer exists in Entra ID".to_owned(),
            Self::GroupGone => "the linked group no longer exists".to_owned(),
            Self::ExtraMembers => "somebody else put members into the group".to_owned(),
            Self::Drifted => "somebody else changed it".to_owned(),
            Self::PartsMerged => "its members fit into the other parts".to_owned(),
        }
    }
}

/// One attribute that a change modifies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModifiedProperty {
    /// The name of the attribute, or `Disabled`.
    pub name: String,
    /// The value before, if known.
    pub old: Option<String>,
    /// The value after.
    pub new: Option<String>,
}

/// The one call that a change makes at the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "call")]
pub enum Write {
    /// Create an account with these values.
    Create {
        /// Employee or client.
        kind: AccountKind,
        /// All target values.
        values: AttributeRow,
    },
    /// Change some values of an account, and enable it if `enable`.
    Update {
        /// The account.
        target_id: TargetId,
        /// What to set; `None` clears.
        values: Vec<(TargetAttribute, Option<String>)>,
        /// Enable the account in the same call.
        enable: bool,
        /// Make an employee of a client in the same call.
        #[serde(default)]
        promote: bool,
    },
    /// Disable an account.
    Disable {
        /// The account.
        target_id: TargetId,
    },
    /// Make a client of an employee. Those with the same heirs go in one call.
    Downgrade {
        /// The account.
        target_id: TargetId,
        /// Who gets its files and folders.
        reassign_items_to: TargetId,
        /// Who gets its groups.
        reassign_groups_to: TargetId,
    },
    /// Delete an account for good.
    Delete {
        /// The account.
        target_id: TargetId,
        /// Who gets its files and folders.
        reassign_items_to: TargetId,
        /// Who gets its groups.
        reassign_groups_to: TargetId,
    },
    /// Change a group.
    Group(GroupWrite),
    /// No call: only the link changes.
    Nothing,
}

impl Write {
    /// Returns whether the call adds members to a group that exists, or removes some.
    pub fn moves_members(&self) -> bool {
        match self {
            Self::Group(write) => {
                matches!(write.call, GroupCall::Add { .. } | GroupCall::Remove { .. })
            }
            _ => false,
        }
    }
}

/// A member of a group, by the account; never by address, which might make a new account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The person; `None` for an account that somebody else put into the group.
    pub person: Option<SourceAnchor>,
    /// The account; `None` if the same plan creates it.
    pub target_id: Option<TargetId>,
    /// The removal counts for the limit of the group in a day.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counted: bool,
    /// The approval that the removal rests on, and spends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ContentHash>,
}

impl Member {
    /// Returns an account that somebody else put into a group.
    pub fn of_account(target_id: TargetId) -> Self {
        Self { person: None, target_id: Some(target_id), counted: false, approval: None }
    }
}

/// A call that changes one part of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupWrite {
    /// Which part, from 1.
    pub part: u16,
    /// The group at the target; `None` if the same plan creates it.
    pub target_id: Option<TargetId>,
    /// The call.
    #[serde(rename = "change")]
    pub call: GroupCall,
}

/// The calls that change a group. Members come in lists of at most [`MEMBERS_PER_CALL`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum GroupCall {
    /// Create the group, shared, with its first members.
    Create {
        /// The name.
        name: String,
        /// The members.
        members: Vec<Member>,
        /// Groups of that name that others made: a group of that name which is none of these is
        /// the one that this call made.
        beside: Vec<TargetId>,
    },
    /// Change the name, and share the group.
    Rename {
        /// The name.
        name: String,
    },
    /// Add members.
    Add {
        /// Who.
        members: Vec<Member>,
    },
    /// Remove members.
    Remove {
        /// Who.
        members: Vec<Member>,
    },
    /// Delete the group.
    Delete,
}

/// So many members in one call at most (ShareFile API reference, section 4).
pub const MEMBERS_PER_CALL: usize = 100;

/// What becomes of the link once the call succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "link")]
pub enum LinkAfter {
    /// The link exists and looks like this.
    Keep {
        /// The account; `None` if the answer to the create names it.
        target_id: Option<TargetId>,
        /// How the link came to be.
        origin: Origin,
        /// Its state.
        state: LinkState,
        /// The values that count as sent.
        sent: AttributeRow,
        /// Of a person who is out of scope.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leaving: Option<Box<Leaving>>,
    },
    /// The link ends and becomes a tombstone.
    End,
    /// The link of one part of a group exists and looks like this; members that the call adds or
    /// removes are placed or no longer placed.
    Group {
        /// Which part, from 1.
        part: u16,
        /// How the link came to be.
        origin: Origin,
        /// Its state.
        state: GroupLinkState,
        /// The name that counts as sent.
        name: String,
        /// Members who are in an adopted group already.
        found: Vec<SourceAnchor>,
    },
    /// The link of one part of a group ends.
    EndGroup {
        /// Which part, from 1.
        part: u16,
    },
}

/// One change of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// The position in the plan.
    pub id: ChangeId,
    /// A person, or a group.
    #[serde(default)]
    pub object: ObjectKind,
    /// The person or the group.
    pub anchor: SourceAnchor,
    /// What people call the object: its address, or its name.
    pub label: String,
    /// The account; `None` before it is created.
    pub target_id: Option<TargetId>,
    /// The kind of change.
    pub action: ProvisioningAction,
    /// Why; at least one.
    pub reasons: Vec<Reason>,
    /// What is modified, in the order of the target's attributes.
    pub modified: Vec<ModifiedProperty>,
    /// The call.
    pub write: Write,
    /// The link afterwards.
    pub link: LinkAfter,
    /// More remains to be done for the object than this change: it is planned again next.
    #[serde(default)]
    pub unfinished: bool,
    /// Further calls of the same change follow this one.
    #[serde(default)]
    pub more: bool,
    /// What the values name that calls want the id of: zones, policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<(TargetAttribute, Named)>,
    /// A group is deleted or emptied by it, which counts for the limit of a day.
    #[serde(default)]
    pub counted: bool,
    /// The step within the class: a change that needs an address which another one gives up comes
    /// a step later.
    #[serde(default)]
    pub phase: u8,
    /// Whose change has to succeed first, in an earlier step.
    #[serde(default)]
    pub after: Option<SourceAnchor>,
    /// The account as it was known when the change was planned; `None` if it does not exist yet.
    pub before: Option<Shadow>,
    /// Hash over object, action and values: what an approval covers.
    pub hash: ContentHash,
    /// Hash over the account as it was read for this plan; a saved plan is refused if it differs.
    pub seen: Option<ContentHash>,
}

impl PlannedChange {
    /// Returns whether the change adds members to a group that exists, or removes some.
    pub fn moves_members(&self) -> bool {
        self.write.moves_members()
    }

    /// Returns the place of the change in the order of application, the lowest first: its class, and
    /// the step within the class.
    pub fn place(&self) -> (u8, u8) {
        (self.class(), self.phase)
    }

    /// Returns the class of the change: revocation, links, changes of what exists, creates, groups,
    /// their new members.
    fn class(&self) -> u8 {
        if let Write::Group(write) = &self.write {
            return match write.call {
                GroupCall::Remove { .. } => 1,
                // Its members come into another part first.
                GroupCall::Delete if self.after.is_some() => 9,
                GroupCall::Delete => 2,
                GroupCall::Create { .. } | GroupCall::Rename { .. } => 7,
                GroupCall::Add { .. } => 8,
            };
        }
        match (self.action, &self.write) {
            (ProvisioningAction::Disable, _) => 0,
            (ProvisioningAction::Delete | ProvisioningAction::StagedDelete, _) => 2,
            (_, Write::Nothing) => 3,
            (ProvisioningAction::Update | ProvisioningAction::Other, _) => 4,
            (ProvisioningAction::Create, _) => 6,
        }
    }
}

/// What was looked at, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCounts {
    /// Objects that were planned.
    pub subjects: u64,
    /// People in scope among them.
    pub in_scope: u64,
    /// People who have nothing but Default Access, which the rules leave out.
    pub default_access_only: u64,
    /// People who could not be read and were left as they are.
    pub unread: u64,
    /// People on whom the job is not tried yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// People whose account agrees already.
    pub in_step: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What a cycle is about to do. Changes are in the order in which they are applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What was read for it.
    pub kind: CycleKind,
    /// Hash of the compiled rules.
    pub rules_hash: ContentHash,
    /// What will happen: disables, updates, creates.
    pub changes: Vec<PlannedChange>,
    /// What waits, ordered by kind.
    pub holds: Vec<Hold>,
    /// Objects for which nothing remains to be done, so that they need not be planned again until
    /// they change; sorted.
    pub settled: Vec<SourceAnchor>,
    /// What others changed at the target and stays as it is, by object and attribute; only where
    /// the target was read.
    #[serde(default)]
    pub drift: Vec<Drift>,
    /// Objects that have to be planned again at a time, though nothing may have changed but that, by
    /// anchor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub look_again: Vec<(SourceAnchor, Timestamp)>,
    /// People who wait for what comes back by itself, and for whom the lists of accounts have to be
    /// read each time; sorted. Once an hour is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub put_off: Vec<SourceAnchor>,
    /// What was looked at.
    pub counts: PlanCounts,
}

/// A difference between an object as it was last read back after a write, and as it is now: somebody
/// else changed it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Drift {
    /// A person's account, or a group.
    pub object: ObjectKind,
    /// The person or the group.
    pub anchor: SourceAnchor,
    /// What people call the object.
    pub label: String,
    /// The object at the target.
    pub target_id: TargetId,
    /// The attribute, or `Member`.
    pub attribute: String,
    /// What was there; for members, who is missing.
    pub expected: Option<String>,
    /// What is there now; for members, who is there besides.
    pub found: Option<String>,
}

impl Plan {
    /// Returns whether nothing would happen and nothing waits for a person.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.holds.iter().all(|hold| !hold.kind.approvable())
    }
}

/// A plan that passed its checks: all that `apply` accepts. It cannot be changed any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedPlan {
    plan: Arc<Plan>,
    protected: Vec<TargetId>,
}

impl CheckedPlan {
    /// Seals a plan. Only `plan::check` may call it, which `tests/it/architecture.rs` enforces.
    pub(crate) fn seal(plan: Plan, mut protected: Vec<TargetId>) -> Self {
        protected.sort();
        Self { plan: Arc::new(plan), protected }
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the plan to be kept as well: the first one of a large company is not held twice.
    pub fn shared(&self) -> Arc<Plan> {
        self.plan.clone()
    }

    /// Returns this plan with the changes of some people only, sorted by anchor.
    pub fn only(&self, people: &[SourceAnchor]) -> Self {
        let mut plan = Plan::clone(&self.plan);
        plan.changes.retain(|change| people.binary_search(&change.anchor).is_ok());
        for (number, change) in plan.changes.iter_mut().enumerate() {
            change.id = ChangeId(u32::try_from(number).unwrap_or(u32::MAX));
        }
        Self { plan: Arc::new(plan), protected: self.protected.clone() }
    }

    /// Returns whether an account must not be touched, whatever the plan says.
    pub fn is_protected(&self, target_id: &TargetId) -> bool {
        self.protected.binary_search(target_id).is_ok()
    }
}
