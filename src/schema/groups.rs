//! From the mapping of groups to `[groups]`.

use super::draft::{Draft, Rule as MatchRule};
use super::filters::{filters, leavers};
use super::findings::{Findings, Kind};
use super::limits::limit_groups;
use super::mapping::{Of, Value, entry, lost_entry, origin, subject, value};
use super::targets::{GroupTarget, group_target};
use super::tree::{Broken, Written, express};
use super::vocabulary::Vocabulary;
use super::wire::{AttributeMapping, FlowType, ObjectMapping, Rule};

/// What the parts of the conversion share.
pub(super) struct Groups<'c> {
    pub rule: &'c Rule,
    pub mapping: &'c ObjectMapping,
    pub vocabulary: &'c Vocabulary<'c>,
    pub findings: &'c mut Findings,
}

impl Groups<'_> {
    /// Converts the mapping of groups.
    pub fn convert(&mut self, draft: &mut Draft) {
        let mapping = self.mapping;
        draft.groups.enabled = mapping.enabled && (mapping.flows.add || mapping.flows.update);
        if !draft.groups.enabled {
            let line = mapping.place.line;
            let comment =
                format!("The mapping of groups is not enabled in Entra ID (line {line}).");
            draft.groups.comments.push(comment);
        }
        let mut members = false;
        for attribute in &mapping.attributes {
            match group_target(&attribute.target, self.vocabulary) {
                GroupTarget::Attribute(target) => {
                    self.attribute(attribute, target, draft);
                    continue;
                }
                GroupTarget::Members => {
                    members = true;
                    self.members(attribute);
                }
                GroupTarget::None { reason, nearest } => {
                    let near =
                        nearest.map(|near| format!("The nearest attribute of groups is {near}."));
                    self.lost(attribute, reason, &near.unwrap_or_default());
                }
            }
            if attribute.matching_priority > 0 {
                let reason = "groups cannot be found by it, and the matching rule was left out";
                self.lost(attribute, reason, "Groups are found by their name.");
            }
        }
        draft.groups.matching.sort_by_key(|(priority, _)| *priority);
        if !members {
            let reason = "the members are not mapped, and here they always come with their group";
            let advice = "Look whether groups should be brought over at all.";
            self.say(Kind::Changed, reason, advice);
        }
        self.flows(draft);
        self.scope(draft);
        limit_groups(&mut draft.groups, self.rule, self.vocabulary, self.findings);
    }

    fn lost(&mut self, mapping: &AttributeMapping, reason: &str, advice: &str) {
        self.findings.add(Kind::Lost, &mapping.place, subject(mapping), reason, advice);
    }

    fn say(&mut self, kind: Kind, reason: &str, advice: &str) {
        self.findings.add(kind, &self.mapping.place, "object mapping of groups", reason, advice);
    }

    fn attribute(&mut self, mapping: &AttributeMapping, target: &str, draft: &mut Draft) {
        if draft.groups.attributes.iter().any(|entry| entry.target == target) {
            let reason =
                format!("{target} is mapped by another entry as well; the first one counts");
            return self.lost(mapping, &reason, "");
        }
        let broken = match value(mapping, Of::Groups, self.vocabulary, self.findings) {
            Value::Expression(written) if !written.expression.attributes().is_empty() => {
                self.matching(mapping, target, &written, draft);
                let text = written.text.clone();
                let mut entry = entry(mapping, target, (written, false), false, self.findings);
                self.plain(mapping, &mut entry.on_create, &mut entry.default, &mut entry.comments);
                match self.vocabulary.refuses_entry(Of::Groups, &entry) {
                    None => {
                        draft.groups.attributes.push(entry);
                        return;
                    }
                    Some(reason) => Broken { text: Some(text), reason },
                }
            }
            Value::Expression(written) | Value::Constant(written) => {
                let reason = "all groups would get one and the same name".to_owned();
                Broken { text: Some(written.text), reason }
            }
            Value::Nothing => {
                Broken { text: None, reason: "it has neither a source nor a default".to_owned() }
            }
            Value::Broken(broken) => broken,
        };
        let advice = "The entry is written as a comment, and groups keep [displayName].";
        self.findings.add(Kind::Lost, &mapping.place, subject(mapping), &broken.reason, advice);
        draft.groups.attributes.push(lost_entry(mapping, target, &broken));
    }

    fn matching(
        &mut self,
        mapping: &AttributeMapping,
        target: &str,
        source: &Written,
        draft: &mut Draft,
    ) {
        if mapping.matching_priority <= 0 {
            return;
        }
        let comments = vec![origin(mapping)];
        let rule = MatchRule { target: target.to_owned(), source: source.clone(), comments };
        if let Some(reason) = self.vocabulary.refuses_match(Of::Groups, &rule) {
            let reason = format!("no group can be found by it: {reason}");
            return self.lost(mapping, &reason, "Write a matching rule with another source.");
        }
        draft.groups.matching.push((mapping.matching_priority, rule));
    }

    /// Takes away what an entry of groups cannot say.
    fn plain(
        &mut self,
        mapping: &AttributeMapping,
        on_create: &mut bool,
        default: &mut Option<String>,
        comments: &mut Vec<String>,
    ) {
        if std::mem::take(on_create) {
            let reason = "a name that is only given on creation has no counterpart";
            self.lost(mapping, reason, "Groups are renamed when their source is.");
            comments.push("Changed: also when the source changes.".to_owned());
        }
        if default.take().is_some() {
            let reason = "names of groups have no default, and it was left out";
            self.lost(mapping, reason, "Groups without a name are held.");
            comments.push("Changed: the default was left out.".to_owned());
        }
    }

    fn members(&mut self, mapping: &AttributeMapping) {
        let source = mapping.source.as_ref();
        let written = source.map(|source| express(source, &subject(mapping), self.findings));
        let members = matches!(&written, Some(Ok(written))
            if written.expression.as_attribute().is_some_and(|name| name.eq_ignore_ascii_case("members")));
        if !members {
            let reason = "its source is not [members], and here it always is";
            self.lost(mapping, reason, "Look at who would be in the group.");
        }
        match mapping.flow {
            FlowType::Always => {}
            flow => {
                let reason = format!(
                    "its flow is {}, and here members come and go at any time",
                    flow.name()
                );
                let advice = "What others put into a group stays: see groups.extra_members.";
                self.findings.add(Kind::Changed, &mapping.place, subject(mapping), reason, advice);
            }
        }
        if mapping.missing_references {
            let reason = "exportMissingReferences: members who have no account are written";
            let advice = "Here they are added as soon as they have one.";
            self.findings.add(Kind::Changed, &mapping.place, subject(mapping), reason, advice);
        }
    }

    fn flows(&mut self, draft: &mut Draft) {
        let flows = self.mapping.flows;
        if flows.delete {
            let reason =
                "Entra ID deletes the group when its assignment ends; \"keep\" was written";
            let advice = "A deleted group loses its rights to folders for good. If it should be \
                          deleted, write \"delete\" for on_unassigned and deprovision in [groups].";
            self.say(Kind::Changed, reason, advice);
            draft.groups.leaving =
                vec!["Changed: Entra ID deletes the group, with its rights to folders.".to_owned()];
        } else {
            draft.groups.leaving = vec!["The mapping has no Delete.".to_owned()];
        }
        if !flows.add && self.mapping.enabled {
            let reason = "it creates no groups (no Add), which cannot be switched off here";
            self.say(Kind::Lost, reason, "Assign no group that should not exist in ShareFile.");
        }
        if !flows.update && self.mapping.enabled {
            let reason = "it changes no groups (no Update), which cannot be switched off here";
            self.say(Kind::Lost, reason, "Names and members are kept in step.");
        }
    }

    fn scope(&mut self, draft: &mut Draft) {
        let Some(scope) = &self.mapping.scope else {
            return;
        };
        if self.vocabulary.group_filters {
            let (vocabulary, findings) = (self.vocabulary, &mut *self.findings);
            draft.groups.scope = filters(scope, Of::Groups, vocabulary, findings);
            leavers(&mut draft.groups.scope, Of::Groups, vocabulary, findings);
            return;
        }
        for group in scope.groups.iter().chain(&scope.input).chain(&scope.category) {
            let reason = "groups have no scoping filter here: each that is assigned is in scope";
            let advice = "Assign only groups that should exist in ShareFile.";
            self.findings.add(Kind::Lost, &group.place, "filter group", reason, advice);
        }
    }
}
