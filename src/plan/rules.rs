//! The rules of a job, compiled: scope, types, matching, mapping, removal and guard.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::model::account::{AccountKind, TargetAttribute};
use crate::model::ids::ContentHash;
use crate::model::plan::LeaveEvent;

use super::map::Expression;

/// The version of the meaning of compiled rules; part of the rules hash.
const RULES_FORMAT: u32 = 1;

/// The compiled rules of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rules {
    /// Names of the source attributes that expressions read; sorted, unique. Rows of source
    /// attributes are in this order.
    pub source_attributes: Vec<String>,
    /// Rows without a role count.
    pub default_access: bool,
    /// Which type a person's account has.
    pub types: TypeRules,
    /// Matching rules, in the order in which they are tried.
    pub matching: Vec<MatchRule>,
    /// One mapping for each target attribute at most, in the order of [`TargetAttribute::ALL`].
    pub mappings: Vec<Mapping>,
    /// What happens to the account of a person who left.
    pub deprovision: Deprovision,
    /// Send the welcome mail to created accounts.
    pub welcome: bool,
    /// Limits.
    pub guard: GuardRules,
}

/// Which type a person's account has: the roles decide, then guests, then the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeRules {
    /// For everybody else.
    pub default: AccountKind,
    /// For guests.
    pub guests: AccountKind,
    /// By the value of an application role; sorted by value.
    pub roles: Vec<(String, AccountKind)>,
}

/// A matching rule: an account matches whose attribute has the value of the expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatchRule {
    /// The attribute of the account.
    pub target: TargetAttribute,
    /// The value to look for.
    pub source: Expression,
}

impl MatchRule {
    /// Returns the rule as people read it: `Email = [mail]`.
    pub fn text(&self) -> String {
        format!("{} = {}", self.target.name(), self.source.text())
    }
}

/// When a mapping applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Apply {
    /// In every cycle.
    #[default]
    Always,
    /// Only when the account is created.
    OnCreate,
}

/// What a null means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenNull {
    /// The account keeps the value it has.
    #[default]
    Keep,
    /// The value is cleared.
    Clear,
}

/// Where the value of one target attribute comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// The attribute of the account.
    pub target: TargetAttribute,
    /// The expression.
    pub source: Expression,
    /// Always, or on creation only.
    pub apply: Apply,
    /// Used when the expression is null; comes before `when_null`.
    pub default: Option<DefaultValue>,
    /// What a null means.
    pub when_null: WhenNull,
}

/// A default for a null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DefaultValue {
    /// The value.
    pub value: String,
    /// On creation only, as in Entra ID, or always.
    pub apply: Apply,
}

/// What happens on an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeprovisionWord {
    /// The account is disabled.
    #[default]
    Disable,
    /// The account is left as it is.
    Leave,
}

/// What happens to the account of a person who left, by event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Deprovision {
    /// No assignment is left.
    pub unassigned: DeprovisionWord,
    /// Disabled at the source.
    pub disabled: DeprovisionWord,
    /// In the recycle bin.
    pub soft_deleted: DeprovisionWord,
    /// Gone for good.
    pub hard_deleted: DeprovisionWord,
}

impl Deprovision {
    /// Returns what the policy says about an event.
    pub fn word(&self, event: LeaveEvent) -> DeprovisionWord {
        match event {
            LeaveEvent::Unassigned => self.unassigned,
            LeaveEvent::Disabled => self.disabled,
            LeaveEvent::SoftDeleted => self.soft_deleted,
            LeaveEvent::HardDeleted => self.hard_deleted,
        }
    }
}

/// What the first plan of the job does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstCycle {
    /// It waits for a person as a whole.
    #[default]
    Approve,
    /// It is applied.
    Apply,
}

/// A limit by count and by percent: exceeding either holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// At most this many.
    pub count: u32,
    /// At most this part of the active links.
    pub percent: u32,
}

/// The limits that hold what looks like an accident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GuardRules {
    /// What the first plan does.
    pub first_cycle: FirstCycle,
    /// Removals in one cycle.
    pub removals_per_cycle: Limit,
    /// Addresses of accounts that are never touched, in the form of
    /// [`address_key`](crate::model::account::address_key); sorted.
    pub protected: Vec<String>,
}

impl Rules {
    /// Returns the hash of the compiled rules, which tells "the rules changed" whatever the text
    /// of the configuration looks like. The limits are part of it: what they held is planned again
    /// when they change.
    pub fn hash(&self) -> ContentHash {
        let text = serde_json::to_vec(&(RULES_FORMAT, self)).unwrap_or_default();
        ContentHash(xxh3_128(&text))
    }

    /// Returns the position of a source attribute in rows.
    pub fn source_index(&self, name: &str) -> Option<usize> {
        self.source_attributes.binary_search_by(|known| known.as_str().cmp(name)).ok()
    }
}
