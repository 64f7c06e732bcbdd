//! What comes of the rules on people whom the snapshot has, without looking at the target.

use serde::Serialize;

/// What was tried, and on whom something would go wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// People who were tried: in scope, and not left alone by an expression.
    pub tried: u64,
    /// People who were looked at.
    pub looked_at: u64,
    /// People in the snapshot.
    pub people: u64,
    /// What would go wrong, the worst kinds first, and those of most people before others.
    pub findings: Vec<Finding>,
}

/// One thing that would go wrong, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// The rule, as people read it: `Email = [mail]`.
    pub rule: String,
    /// What exactly.
    pub detail: String,
    /// Who, by name; sorted.
    pub people: Vec<String>,
}

/// The kinds of what a trial finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The expression fails on the values of these people: they would be held.
    Failed,
    /// The attribute is required and gets no value: they would be held.
    Missing,
    /// The attribute does not take the value: they would be held.
    Unfit,
    /// Several people get one value of an attribute that is one person's: all would be held.
    Double,
    /// A clause with "not" lets these people out, as nobody knows the value that it is about.
    NullBlind,
}
