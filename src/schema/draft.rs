//! The configuration before it is written.

use super::findings::Place;
use super::tree::Written;

/// What is written into a configuration.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// What the schema is of, for the head of the file.
    pub about: Vec<String>,
    /// What has to be read before anything else.
    pub warnings: Vec<String>,
    /// The scope of people.
    pub scope: ScopeDraft,
    /// `users.type`, with comments.
    pub account_type: Option<(Written, Vec<String>)>,
    /// `users.match`, with the precedence in the schema.
    pub matching: Vec<(i64, Rule)>,
    /// `[[users.attribute]]`
    pub attributes: Vec<Entry>,
    /// `[users.deprovision]`: whether whoever leaves is left alone, with comments.
    pub leave_alone: bool,
    /// Comments of `[users.deprovision]`.
    pub deprovision: Vec<String>,
    /// `[groups]`
    pub groups: GroupDraft,
    /// `guard.creates_per_cycle = 0`
    pub no_creates: bool,
    /// `guard.removals_per_cycle`, as a count.
    pub removals: Option<u32>,
}

/// Who is let in.
#[derive(Debug, Default)]
pub(super) struct ScopeDraft {
    /// The filters; one that holds is enough.
    pub filters: Vec<FilterDraft>,
    /// Where the filters are whose leavers are left alone, if there are such.
    pub input: Option<Place>,
    /// What else people leave, by its key in the schema.
    pub others: Vec<&'static str>,
    /// Whether leaving them means nothing.
    pub ignore_leavers: bool,
    /// Comments in front of the filters.
    pub comments: Vec<String>,
}

/// Clauses that hold together.
#[derive(Clone, Debug, Default)]
pub(super) struct FilterDraft {
    /// What it is called in reasons.
    pub name: String,
    /// Attribute, operator and value.
    pub clauses: Vec<ClauseDraft>,
    /// Where it comes from, and what was changed.
    pub comments: Vec<String>,
}

/// One test of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClauseDraft {
    pub attribute: String,
    pub operator: String,
    pub value: Option<String>,
}

/// An entry of `users.match` or `groups.match`.
#[derive(Debug)]
pub(super) struct Rule {
    pub target: String,
    pub source: Written,
    pub comments: Vec<String>,
}

/// An entry of `[[users.attribute]]` or `[[groups.attribute]]`.
#[derive(Debug)]
pub(super) struct Entry {
    pub target: String,
    /// An expression, or the text that is none.
    pub source: Result<Written, String>,
    pub on_create: bool,
    pub default: Option<String>,
    pub clear: bool,
    /// Where it comes from, and what was changed.
    pub comments: Vec<String>,
    /// Whether it is written as a comment.
    pub commented: bool,
}

/// What `[groups]` says.
#[derive(Debug, Default)]
pub(super) struct GroupDraft {
    /// Whether groups are brought over.
    pub enabled: bool,
    /// Comments in front of the section.
    pub comments: Vec<String>,
    /// Comments of what becomes of groups that leave.
    pub leaving: Vec<String>,
    /// `groups.match`, with the precedence in the schema.
    pub matching: Vec<(i64, Rule)>,
    /// `[[groups.attribute]]`
    pub attributes: Vec<Entry>,
    /// Which groups are let in.
    pub scope: ScopeDraft,
}
