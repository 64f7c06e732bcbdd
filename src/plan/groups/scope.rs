//! Scope of groups: which of the assigned groups the filters let in.

use std::collections::BTreeMap;

use crate::model::identity::Presence;
use crate::model::ids::{SourceAnchor, Timestamp};
use crate::plan::filter::{Filters, Time, Verdict};
use crate::plan::input::PlanInput;
use crate::plan::rules::GroupRules;

/// What the filters say of groups. Of one that could not be read they say nothing.
#[derive(Debug, Default)]
pub struct GroupScope {
    /// Groups that no filter lets in, with what the filters want.
    out: BTreeMap<SourceAnchor, String>,
    /// Groups of which the filters cannot tell, with the reason.
    unknown: BTreeMap<SourceAnchor, String>,
    /// When groups have to be looked at again, though nothing changes but the time.
    pub look_again: Vec<(SourceAnchor, Timestamp)>,
}

impl GroupScope {
    /// Asks the filters about all groups.
    pub fn new(input: &PlanInput<'_>, rules: &GroupRules) -> Self {
        let mut scope = Self::default();
        if rules.filters.is_empty() {
            return scope;
        }
        let time = Time { now: input.now, ahead_ms: input.clock_ahead_ms };
        let filters = Filters::of_groups(input.rules, rules, time);
        for group in input.groups.groups.iter().filter(|one| one.presence == Presence::Present) {
            let (anchor, row) = (group.anchor, &group.attributes);
            match filters.verdict(row, &[]) {
                Verdict::In => {}
                Verdict::Out => {
                    scope.out.insert(anchor, filters.why_out(row, &[]));
                }
                Verdict::Unknown(why) => {
                    scope.unknown.insert(anchor, why);
                }
            }
            scope.look_again.extend(filters.next_change(row).map(|at| (anchor, at)));
        }
        scope
    }

    /// Returns those of a person's groups that are let in, or of which the filters cannot tell; the
    /// same list if that is all of them.
    pub fn of_person<'g>(
        &self,
        groups: &'g [SourceAnchor],
        kept: &'g mut Vec<SourceAnchor>,
    ) -> &'g [SourceAnchor] {
        if self.out.is_empty() {
            return groups;
        }
        kept.clear();
        kept.extend(groups.iter().filter(|group| !self.out.contains_key(group)));
        kept
    }

    /// Returns what the filters want of a group that they do not let in.
    pub fn why_out(&self, group: SourceAnchor) -> Option<&str> {
        self.out.get(&group).map(String::as_str)
    }

    /// Returns why the filters cannot tell of a group.
    pub fn why_unknown(&self, group: SourceAnchor) -> Option<&str> {
        self.unknown.get(&group).map(String::as_str)
    }
}
