//! The section `[groups]`, compiled into rules.

use crate::plan::map::Expression;
use crate::plan::rules::{Adopt, ExtraMembers, GroupFate, GroupRules, LeaverGroups, Overflow};

use super::expressions::{OF_GROUPS, Purpose};
use super::layers::Node;
use super::problem::suggest;
use super::reader::{Reader, Section};

/// The only attribute of a group at the target that can be looked up and set.
const NAME: &str = "Name";

const ADOPT: [(&str, Adopt); 3] =
    [("report", Adopt::Report), ("always", Adopt::Always), ("never", Adopt::Never)];

const FATE: [(&str, GroupFate); 3] =
    [("keep", GroupFate::Keep), ("empty", GroupFate::Empty), ("delete", GroupFate::Delete)];

const OVERFLOW: [(&str, Overflow); 2] = [("hold", Overflow::Hold), ("split", Overflow::Split)];

const EXTRA_MEMBERS: [(&str, ExtraMembers); 3] = [
    ("report", ExtraMembers::Report),
    ("keep", ExtraMembers::Keep),
    ("remove", ExtraMembers::Remove),
];

const LEAVER_GROUPS: [(&str, LeaverGroups); 2] =
    [("keep", LeaverGroups::Keep), ("remove", LeaverGroups::Remove)];

/// The keys of the section.
const KEYS: &[&str] = &[
    "enabled",
    "match",
    "attribute",
    "adopt",
    "on_unassigned",
    "deprovision",
    "overflow",
    "extra_members",
    "leaver_groups",
    "filter",
];

impl Reader<'_> {
    /// Reads what becomes of assigned groups; `Some(None)` if they are left alone. Everything is
    /// checked, whether or not it is used.
    pub(super) fn groups(&mut self, root: &mut Section) -> Option<Option<GroupRules>> {
        let mut section = self.section(root, "groups", KEYS);
        let enabled = section.take("enabled");
        let enabled = self.flag(enabled, false);
        let matching = self.group_matching(&mut section);
        let name = self.group_name(&mut section);
        let adopt = section.take("adopt");
        let adopt = self.word(adopt, Adopt::Report, &ADOPT);
        let on_unassigned = section.take("on_unassigned");
        let on_unassigned = self.word(on_unassigned, GroupFate::Keep, &FATE);
        let deprovision = section.take("deprovision");
        let deprovision = self.word(deprovision, GroupFate::Keep, &FATE);
        let overflow = section.take("overflow");
        let overflow = self.word(overflow, Overflow::Hold, &OVERFLOW);
        let extra_members = section.take("extra_members");
        let extra_members = self.word(extra_members, ExtraMembers::Report, &EXTRA_MEMBERS);
        let leaver_groups = section.take("leaver_groups");
        let leaver_groups = self.word(leaver_groups, LeaverGroups::Keep, &LEAVER_GROUPS);
        let filters = self.filters(&mut section, &OF_GROUPS);
        let rules = GroupRules {
            filters: filters?,
            matching: matching?,
            name: name?,
            adopt: adopt?,
            on_unassigned: on_unassigned?,
            deprovision: deprovision?,
            overflow: overflow?,
            extra_members: extra_members?,
            leaver_groups: leaver_groups?,
        };
        Some(enabled?.then_some(rules))
    }

    fn group_matching(&mut self, groups: &mut Section) -> Option<Vec<Expression>> {
        let hint = "Give at least one rule, as { target = \"Name\", source = \"[displayName]\" }.";
        let Some(node) = groups.take("match") else {
            self.missing(groups, "match", hint);
            return None;
        };
        let entries = self.list(node.clone())?;
        if entries.is_empty() {
            let message = "without a matching rule, groups that exist could not be found";
            self.wrong(&node, message, Some(hint.to_owned()));
            return None;
        }
        let count = entries.len();
        let rules: Vec<Expression> =
            entries.into_iter().filter_map(|entry| self.group_source(entry)).collect();
        (rules.len() == count).then_some(rules)
    }

    fn group_name(&mut self, groups: &mut Section) -> Option<Expression> {
        let hint = "Name it, as target = \"Name\", source = \"[displayName]\".";
        let Some(node) = groups.take("attribute") else {
            self.missing(groups, "attribute", hint);
            return None;
        };
        let mut entries = self.list(node.clone())?;
        if entries.len() > 1 {
            let message = format!("{NAME} is mapped a second time");
            self.wrong(&node, &message, Some("Keep one of the entries.".to_owned()));
            return None;
        }
        let Some(entry) = entries.pop() else {
            let message = format!("no group can be created without {NAME}: not mapped");
            self.wrong(&node, &message, Some(hint.to_owned()));
            return None;
        };
        self.group_source(entry)
    }

    /// Reads one entry of either list.
    fn group_source(&mut self, entry: Node) -> Option<Expression> {
        let mut section = self.table(entry, &["target", "source"]);
        let hint = "Name an attribute of the group: \"Name\".";
        let target = self.required_text(&mut section, "target", hint);
        let source = self.expression(&mut section, &OF_GROUPS, Purpose::Name);
        let (target, node) = target?;
        if target != NAME {
            let message = format!("`{target}` is no attribute of a group");
            self.wrong(&node, &message, Some(suggest(&target, &[NAME])));
            return None;
        }
        let (source, node) = source?;
        if source.attributes().is_empty() {
            let message = "a constant would give all groups one and the same name";
            self.wrong(&node, message, Some("Give an attribute, as `[displayName]`.".to_owned()));
            return None;
        }
        Some(source)
    }
}
