//! What says who is active, who is an employee, and who has which roles.

use super::draft::Draft;
use super::findings::{Findings, Kind};
use super::mapping::{Of, Value, entry, origin, subject, unknown_attribute, value};
use super::tree::{Written, express, parse, quote};
use super::users::Users;
use super::wire::AttributeMapping;

/// The attribute that says whether an account may be used.
pub(super) const ACTIVE: &str = "Active";

/// Expressions that are true for whoever is there and enabled, in canonical spelling and small
/// letters.
const LIVING: [&str; 5] = [
    "not([issoftdeleted])",
    "switch([issoftdeleted],,\"false\",\"true\",\"true\",\"false\")",
    "switch([issoftdeleted],,\"true\",\"false\",\"false\",\"true\")",
    "iif([issoftdeleted]=\"true\",\"false\",\"true\")",
    "[accountenabled]",
];

/// Expressions that are true for whoever is deleted or disabled.
const GONE: [&str; 4] = [
    "[issoftdeleted]",
    "switch([issoftdeleted],,\"false\",\"false\",\"true\",\"true\")",
    "switch([issoftdeleted],,\"true\",\"true\",\"false\",\"false\")",
    "not([accountenabled])",
];

impl Users<'_> {
    /// What says whether an account is active becomes `[users.deprovision]`.
    pub(super) fn active(&mut self, mapping: &AttributeMapping, disabled: bool, draft: &mut Draft) {
        let known: &[&str] = if disabled { &GONE } else { &LIVING };
        let written = mapping.source.as_ref();
        let written = written.map(|source| express(source, &subject(mapping), self.findings));
        if let Some(Ok(written)) = &written {
            let text = written.expression.text().to_lowercase();
            if known.contains(&text.as_str()) {
                let line = mapping.place.line;
                draft
                    .deprovision
                    .push(format!("In place of the mapping of {} (line {line}).", mapping.target));
                return;
            }
        }
        if let Some(Ok(written)) = &written
            && self.active_attribute(mapping, disabled, written, draft)
        {
            return;
        }
        let text = match &written {
            Some(Ok(written)) => format!("`{}`", written.text),
            Some(Err(broken)) => format!("something unreadable ({})", broken.reason),
            None => "a constant".to_owned(),
        };
        let reason =
            format!("who is active is decided here by assignment and scope, not by {text}");
        let advice = "Write what it tests as a [[scope.filter]], with filtered = \"disable\" in \
                      [users.deprovision].";
        self.lost(mapping, &reason, advice);
    }

    /// Maps what says whether an account is active as an attribute, if a configuration can. Returns
    /// whether it was mapped.
    fn active_attribute(
        &mut self,
        mapping: &AttributeMapping,
        disabled: bool,
        written: &Written,
        draft: &mut Draft,
    ) -> bool {
        let free = draft.attributes.iter().all(|entry| entry.target != ACTIVE);
        let known = unknown_attribute(written, Of::Users, self.vocabulary).is_none();
        if !self.vocabulary.user_targets.contains(&ACTIVE) || !free || !known {
            return false;
        }
        let text = if disabled { format!("Not({})", written.text) } else { written.text.clone() };
        let Ok(expression) = parse(&text) else {
            return false;
        };
        let made = (Written { text, expression }, false);
        let entry = entry(mapping, ACTIVE, made, false, &mut Findings::default());
        if self.vocabulary.refuses_entry(Of::Users, &entry).is_some() {
            return false;
        }
        let reason = "it became the attribute Active, besides assignment and scope, which also \
                      decide here who is disabled";
        let advice = "Look at who would be disabled in what `plan` shows.";
        self.findings.add(Kind::Decide, &mapping.place, subject(mapping), reason, advice);
        draft.attributes.push(entry);
        true
    }

    /// What says whether somebody is an employee becomes `users.type`.
    pub(super) fn account_type(
        &mut self,
        mapping: &AttributeMapping,
        flag: bool,
        draft: &mut Draft,
    ) {
        let written = match value(mapping, Of::Users, self.vocabulary, self.findings) {
            Value::Expression(written) | Value::Constant(written) => written,
            Value::Nothing => {
                return self.lost(mapping, "it has neither a source nor a default", "");
            }
            Value::Broken(broken) => {
                let advice = "Write users.type: a default, and a type for each application role.";
                return self.lost(mapping, &broken.reason, advice);
            }
        };
        if !self.vocabulary.type_expression {
            let reason =
                format!("the type of an account is no expression here: `{}`", written.text);
            let advice = "Write users.type: a default, and a type for each application role.";
            return self.lost(mapping, &reason, advice);
        }
        if draft.account_type.is_some() {
            return self.lost(
                mapping,
                "the type of accounts is mapped by another entry as well",
                "",
            );
        }
        let text = match (written.expression.as_constant(), flag) {
            (Some(value), false) => quote(&value.to_lowercase()),
            (_, false) => format!("ToLower({})", written.text),
            (_, true) => format!("Switch({}, \"client\", \"True\", \"employee\")", written.text),
        };
        let written = match parse(&text) {
            Ok(expression) => Written { text, expression },
            Err(_) => written,
        };
        if let Some(reason) = self.vocabulary.refuses_type(&written.text) {
            let advice = "Write users.type: a default, and a type for each application role.";
            return self.lost(mapping, &reason, advice);
        }
        let reason = "it became users.type, which has to be \"employee\" or \"client\"";
        let advice = "Look at each value that it can give.";
        self.findings.add(Kind::Decide, &mapping.place, subject(mapping), reason, advice);
        draft.account_type = Some((written, vec![origin(mapping)]));
    }

    /// ShareFile's roles are names. What Entra ID sends as objects becomes the list of their values.
    pub(super) fn roles(&mut self, mapping: &AttributeMapping, written: Written) -> Written {
        let reason = "roles are compared as a set: those that were given by hand are taken away";
        let advice = "Look at what `plan` shows. They are not changed on accounts with policies.";
        self.findings.add(Kind::Decide, &mapping.place, subject(mapping), reason, advice);
        let text = written.expression.text();
        let of = text.strip_prefix("Assertive").unwrap_or(text);
        let Some(of) = of.strip_prefix("AppRoleAssignmentsComplex(") else {
            return written;
        };
        let text = format!("AppRoleAssignments({of}");
        let Ok(expression) = parse(&text) else {
            return written;
        };
        let reason = "it gives objects, and the roles of an account are names: it became \
                      AppRoleAssignments, the values of the roles";
        let advice = "The values of the application's roles have to be names of ShareFile's.";
        self.findings.add(Kind::Changed, &mapping.place, subject(mapping), reason, advice);
        Written { text, expression }
    }
}
