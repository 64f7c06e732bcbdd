//! People who left: what becomes of their accounts, and when.

use serde::{Deserialize, Serialize};

use super::ids::{SourceAnchor, Timestamp};

/// Why a person left the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveEvent {
    /// No assignment and no membership in an assigned group is left.
    Unassigned,
    /// Assigned, but a filter no longer lets the person in.
    Filtered,
    /// An expression says that the person may not sign in, whom the source lets.
    Inactive,
    /// `accountEnabled` became false.
    Disabled,
    /// In the recycle bin of the source.
    SoftDeleted,
    /// Gone from the source for good.
    HardDeleted,
}

impl LeaveEvent {
    /// All events, the easiest to undo first.
    pub const ALL: [Self; 6] = [
        Self::Unassigned,
        Self::Filtered,
        Self::Inactive,
        Self::Disabled,
        Self::SoftDeleted,
        Self::HardDeleted,
    ];

    /// Returns the word for the event. Those that have a policy of their own have it as a key of the
    /// configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unassigned => "unassigned",
            Self::Filtered => "filtered",
            Self::Inactive => "inactive",
            Self::Disabled => "disabled",
            Self::SoftDeleted => "soft_deleted",
            Self::HardDeleted => "hard_deleted",
        }
    }

    /// Returns whether rules made it of somebody whom the source lets in.
    pub fn is_by_rules(self) -> bool {
        matches!(self, Self::Filtered | Self::Inactive)
    }
}

/// How far the account of somebody who left is taken back, the mildest first. Each stage includes
/// those before it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The account is left as it is.
    Leave,
    /// The account is disabled.
    #[default]
    Disable,
    /// The disabled employee becomes a client, which frees the licence. Clients stay disabled.
    Downgrade,
    /// The account is deleted for good.
    Delete,
}

impl Stage {
    /// All stages, the mildest first.
    pub const ALL: [Self; 4] = [Self::Leave, Self::Disable, Self::Downgrade, Self::Delete];

    /// Returns the word of the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Leave => "leave",
            Self::Disable => "disable",
            Self::Downgrade => "downgrade",
            Self::Delete => "delete",
        }
    }

    /// Returns what happened to an account at this stage: `deleted`.
    pub fn participle(self) -> &'static str {
        match self {
            Self::Leave => "left as it is",
            Self::Disable => "disabled",
            Self::Downgrade => "downgraded",
            Self::Delete => "deleted",
        }
    }
}

/// A stage that is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStage {
    /// The event whose policy says so.
    pub event: LeaveEvent,
    /// What happens.
    pub stage: Stage,
    /// Not before this time.
    pub at: Timestamp,
    /// When the time until then began to run; zero where that was not noted.
    #[serde(default)]
    pub from: Timestamp,
}

/// A stage that is still to come, of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComingStage {
    /// The person.
    pub anchor: SourceAnchor,
    /// The address of the account, or the id of the person.
    pub label: String,
    /// Since when the person is out of scope.
    pub since: Timestamp,
    /// The event whose policy says so.
    pub event: LeaveEvent,
    /// What happens.
    pub stage: Stage,
    /// Not before this time.
    pub at: Timestamp,
}

/// Of a linked person who is out of scope: why, since when, and what is to come. It ends with the
/// return of the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// The strictest event so far.
    pub event: LeaveEvent,
    /// The events that held when this was recorded; sorted, empty where that was not noted. One that
    /// is not among them is news of the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<LeaveEvent>,
    /// When the person was first found to be out of scope.
    pub since: Timestamp,
    /// This job disabled the account on the way, and may enable it again.
    pub disabled: bool,
    /// The person is back, but what the return asks for could not be done yet: nothing of this
    /// counts any more, except `disabled`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub back: bool,
    /// What is to come: later stages are stricter ones.
    pub next: Vec<NextStage>,
}

impl Leaving {
    /// Returns when something is to be done next.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.next.iter().map(|next| next.at).min()
    }

    /// Returns the events that were known when this was recorded.
    pub fn known(&self) -> &[LeaveEvent] {
        if self.events.is_empty() { std::slice::from_ref(&self.event) } else { &self.events }
    }

    /// Returns the same for a person who is back.
    pub fn returned(&self) -> Self {
        Self { events: Vec::new(), back: true, next: Vec::new(), ..self.clone() }
    }

    /// Returns the same without times, which differ from plan to plan until they are recorded, and
    /// with the event alone that decides; beside one of the rules, with what the source says too: an
    /// answer to the one is none to the other.
    pub fn timeless(&self) -> Self {
        let (at, from) = (Timestamp(0), Timestamp(0));
        let next = self.next.iter().map(|next| NextStage { at, from, ..*next });
        let mut events = self.events.clone();
        events.retain(|event| self.event.is_by_rules() && !event.is_by_rules());
        Self { since: at, events, next: next.collect(), ..self.clone() }
    }
}
