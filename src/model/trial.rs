//! What comes of the rules on people and groups whom the snapshot has, without looking at the target.

use serde::Serialize;

use super::plan::ObjectKind;

/// What was tried, and on whom something would go wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// People who were tried: in scope, and not left alone by an expression.
    pub tried: u64,
    /// Groups that were tried: assigned, and let in by the filters.
    pub groups: u64,
    /// People who were looked at.
    pub looked_at: u64,
    /// People in the snapshot.
    pub people: u64,
    /// What would go wrong: what is about new accounts only comes last, then the worst kinds come
    /// first, and those of most people before others.
    pub findings: Vec<Finding>,
}

/// One thing that would go wrong, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// Whether it is about people or groups.
    pub of: ObjectKind,
    /// All of them have an account, and it is not about that: it would go wrong for a new one.
    pub for_new_only: bool,
    /// It is about a matching rule that is reached only if none before it finds anything.
    pub if_reached: bool,
    /// The rule, as people read it: `Email = [mail]`.
    pub rule: String,
    /// What exactly.
    pub detail: String,
    /// Who, by name; sorted.
    pub names: Vec<String>,
}

/// The kinds of what a trial finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The expression fails on the values of these people: they would be held.
    Failed,
    /// The attribute, or the matching rule, is required and gets no value: they would be held.
    Missing,
    /// The attribute does not take the value: they would be held.
    Unfit,
    /// Several get one value of what is one person's, or one group's: all would be held.
    Double,
    /// The first matching rule finds one account for several people, if there is such an account:
    /// those of them who have none would be held.
    SameMatch,
    /// Whether a filter lets them in depends on what is not known: they would be held.
    Undecided,
    /// An expression says that they are to be left alone.
    LeftAlone,
    /// A clause with "not" lets these people out, as nobody knows the value that it is about.
    NullBlind,
}
