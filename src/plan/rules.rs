//! The rules of a job, compiled: scope, types, matching, mapping, removal and guard.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::model::account::{AccountKind, TargetAttribute, address_key};
use crate::model::ids::ContentHash;
use crate::model::leaving::{LeaveEvent, Stage};
use crate::model::plan::{ObjectKind, PlannedChange, ProvisioningAction, Reason, Write};

pub use super::filter::{
    Clause, Filter, GroupName, MEMBER_OF, Many, Nulls, OPERATORS, Operand, Operator, Side, Test,
    When,
};
use super::filter::{DISPLAY_NAME, name_groups};
pub use super::fit::fault;
use super::fit::governed;
use super::map::Expression;

/// The version of the meaning of compiled rules; part of the rules hash.
const RULES_FORMAT: u32 = 3;

/// The compiled rules of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rules {
    /// Names of the source attributes that expressions read; sorted, unique. Rows of source
    /// attributes are in this order.
    pub source_attributes: Vec<String>,
    /// Rows without a role count.
    pub default_access: bool,
    /// Who of the assigned people is let in: whom one of these lets in, or everybody.
    pub filters: Vec<Filter>,
    /// What a missing value means in a filter, of people and of groups.
    pub nulls: Nulls,
    /// What becomes of people whom no filter lets in any more.
    pub on_leave: OnLeave,
    /// The job is tried on these people, and leaves all others as they are: ids, sign-in names and
    /// addresses in lower case, sorted. Empty for everybody.
    pub only: Vec<String>,
    /// Which type a person's account has.
    pub types: TypeRules,
    /// Matching rules, in the order in which they are tried.
    pub matching: Vec<MatchRule>,
    /// One mapping for each target attribute at most, in the order of [`TargetAttribute::ALL`].
    pub mappings: Vec<Mapping>,
    /// Whoever this gives `False` for counts as disabled at the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<Expression>,
    /// What happens to the account of a person who left.
    pub deprovision: Deprovision,
    /// Send the welcome mail to created accounts.
    pub welcome: bool,
    /// Members of groups that are in assigned groups, however deep, count as members of these.
    pub nested_groups: bool,
    /// Names of the source attributes of groups that expressions read; sorted, unique. Rows of
    /// attributes of groups are in this order. Empty if groups are left alone and nothing reads
    /// their names.
    pub group_attributes: Vec<String>,
    /// What becomes of assigned groups; `None` leaves groups alone.
    pub groups: Option<GroupRules>,
    /// What becomes of what others changed at the target.
    pub drift: DriftRules,
    /// Limits.
    pub guard: GuardRules,
}

/// What becomes of people whom no filter lets in any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLeave {
    /// What the policy for that event says.
    #[default]
    Deprovision,
    /// Nothing: the account stays as it is.
    Ignore,
}

/// Which type a person's account has: an expression says so, or the roles decide, then guests, then
/// the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeRules {
    /// For everybody else.
    pub default: AccountKind,
    /// For guests.
    pub guests: AccountKind,
    /// By the value of an application role; sorted by value.
    pub roles: Vec<(String, AccountKind)>,
    /// Gives `employee` or `client`, in place of all of the above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<Expression>,
}

/// A matching rule: an account matches whose attributes have the values of the expressions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatchRule {
    /// What is compared; at least one, each attribute once. All have to agree.
    pub parts: Vec<MatchPart>,
    /// What becomes of the account that is found.
    pub adopt: Adopt,
    /// A person for whom an expression gives no value is held, and no further rule is tried.
    pub required: bool,
}

/// One comparison of a matching rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatchPart {
    /// The attribute of the account.
    pub target: TargetAttribute,
    /// The value to look for.
    pub source: Expression,
}

impl MatchRule {
    /// Returns the rule that takes over the account with one value.
    pub fn of(target: TargetAttribute, source: Expression) -> Self {
        Self { parts: vec![MatchPart { target, source }], adopt: Adopt::Always, required: false }
    }

    /// Returns whether the rule looks through the lists of accounts: ShareFile finds them by address
    /// alone.
    pub fn needs_lists(&self) -> bool {
        self.parts.iter().all(|part| part.target != TargetAttribute::Email)
    }

    /// Returns the rule as people read it: `FirstName = [givenName], LastName = [surname]`.
    pub fn text(&self) -> String {
        let text = |part: &MatchPart| format!("{} = {}", part.target.name(), part.source.text());
        self.parts.iter().map(text).collect::<Vec<_>>().join(", ")
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

impl Mapping {
    /// Returns the mapping as people read it: `Email = [mail]`.
    pub fn text(&self) -> String {
        format!("{} = {}", self.target.name(), self.source.shown())
    }

    /// Returns the expression with what else decides about the value.
    fn rule(&self) -> String {
        let mut text = self.source.shown();
        if let Some(default) = &self.default {
            let new = default.apply == Apply::OnCreate;
            let when = if new { ", for a new account" } else { "" };
            text.push_str(&format!(", otherwise \"{}\"{when}", default.value));
        }
        if self.apply == Apply::OnCreate {
            text.push_str(" (when the account is created)");
        }
        text
    }
}

/// A default for a null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DefaultValue {
    /// The value.
    pub value: String,
    /// On creation only, as in Entra ID, or always.
    pub apply: Apply,
}

/// What becomes of the account of a person who left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// At once.
    pub then: Stage,
    /// Later, if the person has not come back.
    pub later: Option<Later>,
    /// Who takes over; given if anybody is to be downgraded or deleted.
    pub heirs: Option<Heirs>,
}

/// A stage that follows after a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Later {
    /// How long after the person left, in milliseconds.
    pub after_ms: i64,
    /// What happens then; stricter than what happened at once.
    pub stage: Stage,
}

/// Addresses of the people who take over what a leaver leaves behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Heirs {
    /// Who gets files and folders.
    pub items_to: String,
    /// Who gets the groups.
    pub groups_to: String,
}

impl Policy {
    /// Returns a policy of one stage.
    pub fn of(then: Stage) -> Self {
        Self { then, ..Self::default() }
    }

    /// Returns how strict the policy is: what happens at once counts first, then what happens
    /// later, then how soon.
    pub fn strictness(&self) -> (Stage, Option<Stage>, Reverse<i64>) {
        let later = self.later.as_ref();
        let after_ms = later.map_or(i64::MAX, |later| later.after_ms);
        (self.then, later.map(|later| later.stage), Reverse(after_ms))
    }

    /// Returns whether the policy names a stage.
    pub fn names(&self, stage: Stage) -> bool {
        self.then == stage || self.later.is_some_and(|later| later.stage == stage)
    }
}

/// What becomes of the accounts of people who left, by event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deprovision {
    /// No assignment is left.
    pub unassigned: Policy,
    /// A filter does not let the person in any more.
    pub filtered: Policy,
    /// Disabled at the source, or by an expression.
    pub disabled: Policy,
    /// In the recycle bin.
    pub soft_deleted: Policy,
    /// Gone for good.
    pub hard_deleted: Policy,
}

impl Deprovision {
    /// Returns what is done about an event.
    pub fn policy(&self, event: LeaveEvent) -> &Policy {
        match event {
            LeaveEvent::Unassigned => &self.unassigned,
            LeaveEvent::Filtered => &self.filtered,
            LeaveEvent::Inactive | LeaveEvent::Disabled => &self.disabled,
            LeaveEvent::SoftDeleted => &self.soft_deleted,
            LeaveEvent::HardDeleted => &self.hard_deleted,
        }
    }

    /// Returns the addresses of everybody who takes over, in the form of
    /// [`address_key`]; sorted, unique.
    pub fn heirs(&self) -> Vec<String> {
        let policies = LeaveEvent::ALL.into_iter().map(|event| self.policy(event));
        let heirs = policies.filter_map(|policy| policy.heirs.as_ref());
        let mut addresses: Vec<String> = heirs
            .flat_map(|heirs| [&heirs.items_to, &heirs.groups_to])
            .map(|address| address_key(address))
            .collect();
        addresses.sort();
        addresses.dedup();
        addresses
    }
}

/// What becomes of what others changed at the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DriftRules {
    /// Of values of accounts, unless `attributes` says otherwise.
    pub users: DriftWord,
    /// Of single attributes.
    pub attributes: Vec<(TargetAttribute, DriftWord)>,
    /// Of names of groups.
    pub groups: DriftWord,
    /// Of members whom this job put into a group and somebody took out.
    pub members: DriftWord,
}

impl DriftRules {
    /// Returns what becomes of an attribute of accounts.
    pub fn of(&self, target: TargetAttribute) -> DriftWord {
        let own = self.attributes.iter().find(|(known, _)| *known == target);
        own.map_or(self.users, |(_, word)| *word)
    }
}

/// What becomes of a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftWord {
    /// It stays, and is reported once.
    #[default]
    Report,
    /// It is put right.
    Repair,
    /// It stays.
    Ignore,
}

/// What becomes of assigned groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupRules {
    /// Which of the assigned groups become groups of the target: those that one of these lets in,
    /// or all.
    pub filters: Vec<Filter>,
    /// Names of groups that count as the group itself; tried in order. Compared without regard to
    /// case.
    pub matching: Vec<Expression>,
    /// The name of the group at the target.
    pub name: Expression,
    /// What becomes of a group of that name which this job did not make.
    pub adopt: Adopt,
    /// What becomes of a group that is no longer assigned.
    pub on_unassigned: GroupFate,
    /// What becomes of a group that no longer exists at the source.
    pub deprovision: GroupFate,
    /// What becomes of members beyond what one group takes.
    pub overflow: Overflow,
    /// What becomes of members whom somebody else put into a group.
    pub extra_members: ExtraMembers,
    /// What becomes of the memberships of people who left.
    pub leaver_groups: LeaverGroups,
}

impl GroupRules {
    /// Returns the source attributes that expressions and filters read; sorted, unique.
    pub fn attributes(&self) -> Vec<String> {
        let sources = self.matching.iter().chain([&self.name]).flat_map(Expression::attributes);
        let filters = self.filters.iter().flat_map(Filter::attributes);
        let mut names: Vec<String> = sources.chain(filters).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Returns the attributes that are read of groups, given the rules for them, whether their names are
/// read, and the filters for people, which may name groups; sorted, unique.
pub fn group_attributes(
    groups: Option<&GroupRules>,
    named: bool,
    filters: &[Filter],
) -> Vec<String> {
    let mut names = groups.map(GroupRules::attributes).unwrap_or_default();
    if named || name_groups(filters) {
        names.push(DISPLAY_NAME.to_owned());
    }
    names.sort();
    names.dedup();
    names
}

/// What becomes of an account that a rule finds, or of a group of the wanted name, which this job did
/// not make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adopt {
    /// The newcomer is held, and both are named.
    #[default]
    Report,
    /// It is taken over.
    Always,
    /// It is left alone, and another one is created, if that can be.
    Never,
}

/// What becomes of a group that is no longer wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupFate {
    /// It stays as it is.
    #[default]
    Keep,
    /// Whom this job put into it is taken out.
    Empty,
    /// It is deleted.
    Delete,
}

/// What becomes of members beyond what one group of the target takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// They wait, and their number is named.
    #[default]
    Hold,
    /// They come into further groups: "Name (2)", "Name (3)", …
    Split,
}

/// What becomes of members whom somebody else put into a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtraMembers {
    /// They stay.
    Keep,
    /// They are taken out.
    Remove,
    /// They stay, and are reported.
    #[default]
    Report,
}

/// What becomes of the memberships of people who left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaverGroups {
    /// They stay: the account cannot sign in.
    #[default]
    Keep,
    /// They end together with the account's use.
    Remove,
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
    /// Removals within any day.
    pub removals_per_day: Limit,
    /// Removals of members of one group in a day, by count or by percent of its members.
    pub removals_per_group: Limit,
    /// People who get an account in one cycle, created or taken over.
    pub creates_per_cycle: u32,
    /// Accounts that get another address in one cycle.
    pub address_changes_per_cycle: u32,
    /// Addresses of accounts that are never touched, in the form of
    /// [`address_key`]; sorted.
    pub protected: Vec<String>,
}

impl Rules {
    /// Returns whether a change that was made shows that the first plan was allowed. An account that
    /// a person was asked about alone says nothing of the rest, nor does who leaves or is gone.
    pub fn begins(&self, change: &PlannedChange) -> bool {
        if self.guard.first_cycle == FirstCycle::Apply {
            return true;
        }
        let mut matched = change.reasons.iter().filter_map(|reason| match reason {
            Reason::Matched { rule } if change.object == ObjectKind::User => Some(rule),
            _ => None,
        });
        match matched.next() {
            Some(rule) => {
                let known = self.matching.iter().find(|one| one.text() == *rule);
                known.is_some_and(|one| one.adopt == Adopt::Always)
            }
            None => change.write != Write::Nothing && change.action != ProvisioningAction::Disable,
        }
    }

    /// Returns the hash of the compiled rules, which tells "the rules changed" whatever the text
    /// of the configuration looks like. The limits are part of it: what they held is planned again
    /// when they change.
    pub fn hash(&self) -> ContentHash {
        let text = serde_json::to_vec(&(RULES_FORMAT, self)).unwrap_or_default();
        ContentHash(xxh3_128(&text))
    }

    /// Returns where the values of each attribute of accounts and groups come from, as people read
    /// it: `[mail]`.
    pub fn sources(&self) -> Vec<(ObjectKind, String, String)> {
        let of_user = |mapping: &Mapping| {
            (ObjectKind::User, mapping.target.name().to_owned(), mapping.rule())
        };
        let of_group = |groups: &GroupRules| {
            (ObjectKind::Group, "Name".to_owned(), groups.name.text().to_owned())
        };
        self.mappings.iter().map(of_user).chain(self.groups.iter().map(of_group)).collect()
    }

    /// Returns whether nobody may see the values of an attribute: its mapping says `Redact`.
    pub fn hides(&self, target: TargetAttribute) -> bool {
        let mut mappings = self.mappings.iter();
        mappings.any(|one| one.target == target && one.source.uses().redaction)
    }

    /// Returns the mapped attributes that only the full record of an account shows.
    pub fn further_targets(&self) -> Vec<TargetAttribute> {
        let targets = self.mappings.iter().map(|mapping| mapping.target);
        targets.filter(|target| !target.is_listed()).collect()
    }

    /// Returns whether accounts are to be compared with what only their full records show: where the
    /// rules say by name what becomes of a difference.
    pub fn compares_records(&self) -> bool {
        let named = |target| {
            let mut own = self.drift.attributes.iter().filter(|(known, _)| *known == target);
            own.any(|(_, word)| *word != DriftWord::Ignore)
        };
        let kept = self.mappings.iter().filter(|mapping| mapping.apply == Apply::Always);
        kept.map(|mapping| mapping.target).any(|target| !target.is_listed() && named(target))
    }

    /// Returns which mapped attributes a tenant does not take, whoever the account is, in a sentence;
    /// `None` if it takes all.
    pub fn not_taken(&self, by_policies: bool) -> Option<String> {
        let targets = self.mappings.iter().map(|mapping| mapping.target);
        let off = targets.filter(|target| governed(*target) == Some(!by_policies));
        let off: Vec<&str> = off.map(TargetAttribute::name).collect();
        let why = match by_policies {
            true => "this ShareFile account is administered by policies. Map Policies instead.",
            false => {
                "this ShareFile account is not administered by policies. Map Roles, \
                 StorageQuotaLimitGB or DefaultZone instead."
            }
        };
        let are = if matches!(off.as_slice(), [_]) { "is mapped and" } else { "are mapped and" };
        (!off.is_empty()).then(|| format!("{} {are} not set: {why}", off.join(", ")))
    }

    /// Returns the position of a source attribute in rows.
    pub fn source_index(&self, name: &str) -> Option<usize> {
        self.source_attributes.binary_search_by(|known| known.as_str().cmp(name)).ok()
    }
}
