//! From the mapping of people to `[scope]`, `[users]` and `[users.deprovision]`.

use super::draft::{Draft, Entry, Rule as MatchRule};
use super::filters::{filters, leavers};
use super::findings::{Findings, Kind, Place};
use super::limits::limit_people;
use super::mapping::{Of, Value, entry, lost_entry, origin, subject, unknown_attribute, value};
use super::targets::{UserTarget, distance, user_target};
use super::tree::{Broken, Written, parse};
use super::vocabulary::Vocabulary;
use super::wire::{AttributeMapping, ObjectMapping, Rule, Schema};

/// What the parts of the conversion share.
pub(super) struct Users<'c> {
    pub schema: &'c Schema,
    pub rule: &'c Rule,
    pub mapping: &'c ObjectMapping,
    pub vocabulary: &'c Vocabulary<'c>,
    pub findings: &'c mut Findings,
}

impl Users<'_> {
    /// Converts the mapping of people.
    pub fn convert(&mut self, draft: &mut Draft) {
        let mapping = self.mapping;
        let mut active = false;
        let targets: Vec<UserTarget> = mapping
            .attributes
            .iter()
            .map(|attribute| user_target(&attribute.target, self.vocabulary))
            .collect();
        let chosen = self.choose(&targets);
        for (index, (attribute, target)) in mapping.attributes.iter().zip(targets).enumerate() {
            match target {
                UserTarget::Attribute(target) => {
                    self.matching(attribute, target, draft);
                    if chosen.contains(&index) {
                        let entry = self.attribute(attribute, target);
                        draft.attributes.push(entry);
                    } else {
                        let reason = format!("{target} is mapped by another entry as well");
                        let mut advice =
                            "Only one can be: that of the nearer name, else the first.".to_owned();
                        if attribute.matching_priority > 0 {
                            advice.push_str(" Its matching rule is there.");
                        }
                        self.lost(attribute, &reason, &advice);
                    }
                    continue;
                }
                UserTarget::Active { disabled } => {
                    active = true;
                    self.active(attribute, disabled, draft);
                }
                UserTarget::Type => self.account_type(attribute, false, draft),
                UserTarget::IsEmployee => self.account_type(attribute, true, draft),
                UserTarget::None { reason, nearest } => {
                    let advice = match nearest {
                        Some(near) => format!("The nearest attribute of accounts is {near}."),
                        None => String::new(),
                    };
                    self.lost(attribute, reason, &advice);
                }
            }
            if attribute.matching_priority > 0 {
                self.no_match(attribute);
            }
        }
        draft.matching.sort_by_key(|(priority, _)| *priority);
        self.flows(active, draft);
        if let Some(scope) = &mapping.scope {
            draft.scope = filters(scope, Of::Users, self.vocabulary, self.findings);
        }
        limit_people(&mut draft.scope, self.rule, self.vocabulary, self.findings);
        leavers(&mut draft.scope, Of::Users, self.vocabulary, self.findings);
    }

    /// Reports what has no counterpart.
    pub(super) fn lost(&mut self, mapping: &AttributeMapping, reason: &str, advice: &str) {
        self.findings.add(Kind::Lost, &mapping.place, subject(mapping), reason, advice);
    }

    /// Returns which mapping is taken for each target, by its place in the list.
    fn choose(&self, targets: &[UserTarget]) -> Vec<usize> {
        let mut best: Vec<(&str, usize, usize)> = Vec::new();
        for (index, mapping) in self.mapping.attributes.iter().enumerate() {
            let Some(UserTarget::Attribute(target)) = targets.get(index) else {
                continue;
            };
            let distance = distance(&mapping.target, target);
            match best.iter_mut().find(|(known, _, _)| known == target) {
                Some(known) if distance < known.1 => *known = (target, distance, index),
                Some(_) => {}
                None => best.push((target, distance, index)),
            }
        }
        best.into_iter().map(|(_, _, index)| index).collect()
    }

    fn attribute(&mut self, mapping: &AttributeMapping, target: &str) -> Entry {
        let required = self.vocabulary.required.iter().any(|(name, _)| *name == target);
        let (written, constant) = match value(mapping, Of::Users, self.vocabulary, self.findings) {
            Value::Expression(written) => (written, false),
            Value::Constant(written) => (written, true),
            Value::Nothing => {
                let text = None;
                let reason = "it has neither a source nor a default".to_owned();
                return self.broken(mapping, target, required, &Broken { text, reason });
            }
            Value::Broken(broken) => return self.broken(mapping, target, required, &broken),
        };
        if target == "Email" && written.expression.attributes().is_empty() {
            let reason = "everybody would get one and the same address".to_owned();
            let broken = Broken { text: Some(written.text), reason };
            return self.broken(mapping, target, required, &broken);
        }
        let written = if target == "Roles" { self.roles(mapping, written) } else { written };
        // A constant is never null, unless there is nothing in it.
        let given = written.expression.as_constant().is_some_and(|text| !text.trim().is_empty());
        let clear = !given && !constant && self.null_flows(&mapping.target);
        if clear && required {
            let reason = format!("null values flow to it, and {target} cannot be cleared");
            self.findings.add(Kind::Changed, &mapping.place, subject(mapping), reason, "");
        }
        let mut entry =
            entry(mapping, target, (written, constant), clear && !required, self.findings);
        if target == "Email" && entry.default.take().is_some() {
            let reason = "its default would give several people one address, and was left out";
            self.lost(mapping, reason, "People without an address are held.");
            entry.comments.push("Changed: the default was left out.".to_owned());
        }
        self.asked(mapping, target, required, entry)
    }

    /// Returns the entry if the reader of configurations takes it, else one that is a comment.
    fn asked(
        &mut self,
        mapping: &AttributeMapping,
        target: &str,
        required: bool,
        entry: Entry,
    ) -> Entry {
        let Some(reason) = self.vocabulary.refuses_entry(Of::Users, &entry) else {
            return entry;
        };
        let text = entry.source.map(|written| written.text).ok();
        self.broken(mapping, target, required, &Broken { text, reason })
    }

    fn broken(
        &mut self,
        mapping: &AttributeMapping,
        target: &str,
        required: bool,
        broken: &Broken,
    ) -> Entry {
        let (kind, advice) = if required {
            (Kind::Blocks, "No account can be created without it: write a source for it.")
        } else {
            (Kind::Lost, "The entry is written as a comment: put its source right.")
        };
        self.findings.add(kind, &mapping.place, subject(mapping), &broken.reason, advice);
        lost_entry(mapping, target, broken)
    }

    /// Returns whether the target's description says that null values flow to an attribute.
    fn null_flows(&self, attribute: &str) -> bool {
        self.schema.null_flows.iter().any(|(directory, object, name)| {
            directory.eq_ignore_ascii_case(&self.rule.target)
                && object.eq_ignore_ascii_case(&self.mapping.target)
                && name.eq_ignore_ascii_case(attribute)
        })
    }

    fn no_match(&mut self, mapping: &AttributeMapping) {
        let reason = "accounts cannot be found by it, and the matching rule was left out";
        let advice = format!("Accounts are found by {}.", self.vocabulary.matchable.join(", "));
        self.lost(mapping, reason, &advice);
    }

    fn matching(&mut self, mapping: &AttributeMapping, target: &str, draft: &mut Draft) {
        if mapping.matching_priority <= 0 {
            return;
        }
        if !self.vocabulary.matchable.contains(&target) {
            return self.no_match(mapping);
        }
        // What is wrong with the source is said where the attribute is mapped.
        let mut quiet = Findings::default();
        let value = value(mapping, Of::Users, self.vocabulary, &mut quiet);
        let source = match value {
            Value::Expression(source) if !source.expression.attributes().is_empty() => source,
            _ => {
                let reason = "its source does not tell people apart, so nobody is found by it";
                return self.lost(mapping, reason, "Write a matching rule with another source.");
            }
        };
        let comment = format!(
            "{}, precedence {}.",
            origin(mapping).trim_end_matches('.'),
            mapping.matching_priority
        );
        let rule = MatchRule { target: target.to_owned(), source, comments: vec![comment] };
        if let Some(reason) = self.vocabulary.refuses_match(Of::Users, &rule) {
            let reason = format!("nobody can be found by it: {reason}");
            return self.lost(mapping, &reason, "Write a matching rule with another source.");
        }
        draft.matching.push((mapping.matching_priority, rule));
    }

    /// Which changes flow.
    fn flows(&mut self, active: bool, draft: &mut Draft) {
        let (flows, place) = (self.mapping.flows, &self.mapping.place);
        let what = "object mapping of people";
        if !flows.add {
            let reason = "it creates no accounts (no Add), which cannot be switched off here";
            let advice = "guard.creates_per_cycle = 0 was written: every new account, also one \
                          that is taken over, waits for approval.";
            self.findings.add(Kind::Changed, place, what, reason, advice);
            draft.no_creates = true;
        }
        if !flows.update {
            let reason = "it changes no accounts (no Update)";
            let advice = "Every entry became apply = \"on_create\". Accounts of people who come \
                          back are still enabled again.";
            self.findings.add(Kind::Changed, place, what, reason, advice);
            for entry in &mut draft.attributes {
                if !entry.on_create {
                    entry.on_create = true;
                    entry.comments.push("On creation only: the mapping has no Update.".to_owned());
                }
            }
        }
        if !flows.delete {
            draft.leave_alone = true;
            let comment = "The mapping has no Delete: whoever leaves keeps the account.";
            draft.deprovision = vec![comment.to_owned()];
        } else if !active {
            let reason = "no attribute says whether an account is active, so that Entra ID could \
                          not disable anybody";
            let advice = "Here whoever leaves is disabled: see [users.deprovision].";
            self.findings.add(Kind::Decide, place, what, reason, advice);
        }
    }
}

/// Adds what no account can be created without and the schema does not map, and a matching rule if
/// there is none.
pub(super) fn complete(
    draft: &mut Draft,
    place: &Place,
    vocabulary: &Vocabulary,
    findings: &mut Findings,
) {
    for (target, source) in vocabulary.required {
        if draft.attributes.iter().any(|entry| entry.target == *target) {
            continue;
        }
        let Ok(expression) = parse(source) else {
            continue;
        };
        let reason = format!("{target} is not mapped, and no account can be created without it");
        let advice = format!("It was written as {source}.");
        findings.add(Kind::Changed, place, "attribute mappings", reason, advice);
        let written = Written { text: (*source).to_owned(), expression };
        draft.attributes.push(Entry {
            target: (*target).to_owned(),
            source: Ok(written),
            on_create: false,
            default: None,
            clear: false,
            comments: vec!["Not in the schema: this is what it is by itself.".to_owned()],
            commented: false,
        });
    }
    if !draft.matching.is_empty() {
        return;
    }
    let entry =
        draft.attributes.iter().find(|entry| vocabulary.matchable.contains(&&*entry.target));
    let Some((target, Ok(source))) = entry.map(|entry| (&entry.target, &entry.source)) else {
        return;
    };
    if unknown_attribute(source, Of::Users, vocabulary).is_some() {
        return;
    }
    let reason = "no attribute finds the accounts that exist already";
    let advice = format!("A rule for {target} was written.");
    findings.add(Kind::Changed, place, "matching", reason, advice);
    let comments = vec!["Not in the schema: without a rule nobody could be found.".to_owned()];
    draft
        .matching
        .push((1, MatchRule { target: target.clone(), source: source.clone(), comments }));
}
