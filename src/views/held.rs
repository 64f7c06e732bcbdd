//! What a hold withholds, in lines: those who go out of one group, or come into it, share a line.

use std::collections::HashMap;

use crate::model::ids::SourceAnchor;
use crate::model::plan::{GroupCall, HeldItem, ModifiedProperty, ObjectKind, PlannedChange, Write};

use super::counted;
use super::plan::verb;

/// So many members are named in a line at most.
pub(super) const NAMED: usize = 5;

/// Returns items in lines, in their order; `of_person` words one that is about a person.
pub(super) fn lines(items: &[HeldItem], of_person: impl Fn(&HeldItem) -> String) -> Vec<String> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut known: HashMap<Key<'_>, usize> = HashMap::new();
    for item in items {
        let Some(change) = item.change.as_ref().filter(|one| one.object == ObjectKind::Group)
        else {
            lines.push(Line::One(of_person(item)));
            continue;
        };
        let Some(comes) = comes(change) else {
            lines.push(Line::One(with(format!("{} {}", verb(change), item.label), &item.detail)));
            continue;
        };
        let key = (item.anchor, item.label.as_str(), item.detail.as_str(), comes);
        let at = *known.entry(key).or_insert(lines.len());
        if at == lines.len() {
            lines.push(Line::Members {
                label: &item.label,
                detail: &item.detail,
                comes,
                who: vec![],
            });
        }
        if let Some(Line::Members { who, .. }) = lines.get_mut(at) {
            who.extend(members(change));
        }
    }
    lines.into_iter().map(Line::text).collect()
}

/// Whose line it is: the group, its name, what is the matter, and whether members come or go.
type Key<'a> = (SourceAnchor, &'a str, &'a str, bool);

enum Line<'a> {
    One(String),
    Members { label: &'a str, detail: &'a str, comes: bool, who: Vec<&'a str> },
}

impl Line<'_> {
    fn text(self) -> String {
        match self {
            Self::One(text) => text,
            Self::Members { label, detail, comes, mut who } => {
                who.sort_unstable();
                let count = counted(who.len() as u64, "member", "members");
                let (does, at) = if comes { ("add", "to") } else { ("remove", "from") };
                with(format!("{does} {count} {at} {label} ({})", named(&who)), detail)
            }
        }
    }
}

fn with(text: String, detail: &str) -> String {
    if detail.is_empty() { text } else { format!("{text}: {detail}") }
}

/// Returns whether members come by a change (`true`) or go (`false`); `None` if it is about
/// something else.
fn comes(change: &PlannedChange) -> Option<bool> {
    match &change.write {
        Write::Group(write) => match write.call {
            GroupCall::Add { .. } => Some(true),
            GroupCall::Remove { .. } => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Returns who comes into a group or goes out of it by a change.
pub(super) fn members(change: &PlannedChange) -> impl Iterator<Item = &str> {
    let is_member = |one: &&ModifiedProperty| one.name == "Member";
    let members = change.modified.iter().filter(is_member);
    members.filter_map(|one| one.new.as_deref().or(one.old.as_deref()))
}

/// Returns the first of some names, and how many more there are.
pub(super) fn named(names: &[&str]) -> String {
    let mut text = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMED);
    if more > 0 {
        text.push_str(&format!(", … and {more} more"));
    }
    text
}
