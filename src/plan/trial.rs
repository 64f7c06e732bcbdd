//! A trial: what the mappings give for people of the snapshot, without looking at the target.

use std::collections::BTreeMap;

use crate::model::account::{TargetAttribute, address_key};
use crate::model::row::AttributeRow;
use crate::model::trial::{Finding, FindingKind, Trial};

use super::diff::Differ;
use super::input::PlanInput;
use super::map::values::Unmapped;
use super::rules::Mapping;
use super::scope::Entitlements;
use super::sorted::Sorted;

/// Maps everybody in scope of the input, as for a new account or for the one they have, and says
/// what would go wrong. Nothing is asked of the target.
pub fn trial(input: &PlanInput<'_>) -> Trial {
    let differ = Differ::new(input);
    let mut entitlements = Entitlements::new(
        input.assignments,
        input.memberships,
        input.edges,
        input.rules.default_access,
    );
    let mut users = Sorted::new(input.users, |source_user| source_user.anchor);
    let mut links = Sorted::new(input.links, |link| link.anchor);
    let mut draft = Draft::default();
    for &anchor in input.subjects {
        let entitlement = entitlements.of(anchor);
        let link = links.find(anchor);
        let Some(user) = users.find(anchor) else { continue };
        draft.trial.looked_at += 1;
        let given = (&entitlement, entitlements.groups());
        let Some((label, values)) = differ.values_of(given, user, link) else { continue };
        draft.trial.tried += 1;
        match values {
            Ok(values) => draft.note_address(&values, label),
            Err(unmapped) => draft.note_unmapped(&unmapped, &label),
        }
    }
    draft.finish(input)
}

/// A trial in the making.
#[derive(Default)]
struct Draft {
    trial: Trial,
    /// Who, by what would go wrong.
    found: BTreeMap<(FindingKind, String, String), Vec<String>>,
    /// Who gets an address, by the form in which addresses are compared.
    addresses: BTreeMap<String, Vec<String>>,
}

impl Draft {
    fn note(&mut self, kind: FindingKind, rule: String, detail: &str, label: &str) {
        self.found.entry((kind, rule, detail.to_owned())).or_default().push(label.to_owned());
    }

    fn note_unmapped(&mut self, unmapped: &Unmapped<'_>, label: &str) {
        for mapping in &unmapped.missing {
            self.note(FindingKind::Missing, mapping.text(), "", label);
        }
        let kinds =
            [(FindingKind::Failed, &unmapped.failed), (FindingKind::Unfit, &unmapped.unfit)];
        for (kind, mappings) in kinds {
            for (mapping, why) in mappings {
                self.note(kind, mapping.text(), why, label);
            }
        }
    }

    fn note_address(&mut self, values: &AttributeRow, label: String) {
        if let Some(address) = values.get(TargetAttribute::Email.index()) {
            self.addresses.entry(address_key(address)).or_default().push(label);
        }
    }

    fn finish(mut self, input: &PlanInput<'_>) -> Trial {
        let email = |mapping: &&Mapping| mapping.target == TargetAttribute::Email;
        let rule = input.rules.mappings.iter().find(email).map(Mapping::text).unwrap_or_default();
        for (address, people) in std::mem::take(&mut self.addresses) {
            if people.len() > 1 {
                self.found.insert((FindingKind::Double, rule.clone(), address), people);
            }
        }
        let findings = self.found.into_iter().map(|((kind, rule, detail), mut people)| {
            people.sort_unstable();
            Finding { kind, rule, detail, people }
        });
        let mut findings: Vec<Finding> = findings.collect();
        findings.sort_by_key(|one| (one.kind, std::cmp::Reverse(one.people.len())));
        Trial { findings, ..self.trial }
    }
}
