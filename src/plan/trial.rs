//! A trial: what the mappings give for people of the snapshot, without looking at the target.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::model::account::{Link, TargetAttribute, address_key};
use crate::model::identity::SourceUser;
use crate::model::ids::SourceAnchor;
use crate::model::row::AttributeRow;
use crate::model::trial::{Finding, FindingKind, Trial};

use super::diff::Differ;
use super::filter::Verdict;
use super::input::PlanInput;
use super::map::values::{FREE, Unmapped};
use super::map::{Attribute, Attributes, INPUTS, input_place};
use super::person::{Facts, Person};
use super::rules::Mapping;
use super::scope::{self, Entitlement, Entitlements, Scope};
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
        match differ.tried(given, user, link) {
            Tried::Nothing => {}
            Tried::LetOut { label, blind } => {
                for (clause, attribute) in blind {
                    draft.note(FindingKind::NullBlind, clause, attribute, &label);
                }
            }
            Tried::Untyped { label, why } => {
                draft.trial.tried += 1;
                let why = why.strip_prefix("users.type: ").unwrap_or(&why);
                draft.note(FindingKind::Failed, "users.type".to_owned(), why, &label);
            }
            Tried::Values { label, values } => {
                draft.trial.tried += 1;
                match values {
                    Ok(values) => draft.note_address(&values, label),
                    Err(unmapped) => draft.note_unmapped(&unmapped, &label),
                }
            }
        }
    }
    draft.finish(input)
}

/// Returns what the assignments give expressions to read of somebody, by the name of the input.
pub fn inputs(input: &PlanInput<'_>, user: &SourceUser) -> BTreeMap<&'static str, Vec<String>> {
    let mut entitlements = Entitlements::new(
        input.assignments,
        input.memberships,
        input.edges,
        input.rules.default_access,
    );
    let entitlement = entitlements.of(user.anchor);
    let facts = Facts::new(input.rules, input.roles, input.groups.groups);
    let given = (entitlement.roles.as_slice(), entitlements.groups());
    let person = Person::new(user, given, facts);
    let texts = |name: &&'static str| {
        let texts = match person.attribute(input_place(name)?) {
            Attribute::Null => Vec::new(),
            Attribute::Text(text) => vec![text.into_owned()],
            Attribute::Texts(texts) => texts.into_iter().map(Cow::into_owned).collect(),
        };
        Some((*name, texts))
    };
    INPUTS.iter().filter_map(texts).collect()
}

/// What comes of the rules for one person.
enum Tried<'a> {
    /// Nothing: out of scope, or left alone by an expression.
    Nothing,
    /// No filter lets the person in.
    LetOut {
        /// What the person is called.
        label: String,
        /// The clauses that are about what nobody knows of the person, with the attribute.
        blind: Vec<(String, &'a str)>,
    },
    /// An account whose type nobody can tell.
    Untyped {
        /// What the person is called.
        label: String,
        /// Why.
        why: String,
    },
    /// An account.
    Values {
        /// What the person is called.
        label: String,
        /// The values.
        values: Result<AttributeRow, Unmapped<'a>>,
    },
}

impl<'a> Differ<'a> {
    fn tried(
        &self,
        (entitlement, through): (&Entitlement, &[SourceAnchor]),
        user: &SourceUser,
        link: Option<&Link>,
    ) -> Tried<'a> {
        let policy = &self.input.rules.deprovision;
        let person = Person::new(user, (entitlement.roles.as_slice(), through), self.facts);
        let scope = scope::scope(Some(user), entitlement, &[], policy);
        let alone = self.mapper.leaves_alone(&person, link.is_none()).is_some();
        let out = scope != Scope::In || self.is_left_out(Some(user), link) || alone;
        if out || self.mapper.is_active(&person) == Ok(false) {
            return Tried::Nothing;
        }
        let label = self.name_of(&person);
        match self.filters.verdict(&user.attributes, through) {
            Verdict::In => {}
            Verdict::Out => {
                return Tried::LetOut { label, blind: self.filters.blind(&user.attributes) };
            }
            Verdict::Unknown(_) => return Tried::Nothing,
        }
        let kind = match self.kind_of(&person, entitlement) {
            Ok(kind) => kind,
            Err(untyped) => return Tried::Untyped { label, why: untyped.why() },
        };
        let takes = self.takes(kind);
        let values = match link {
            Some(link) => {
                let values = self.mapper.for_update(&person, &link.shadow.sent, takes);
                values.map(Cow::into_owned)
            }
            None => self.mapper.for_create(&person, (takes, FREE)),
        };
        Tried::Values { label, values }
    }
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
