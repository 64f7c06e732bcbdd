//! What a trial found so far.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::account::TargetAttribute;
use crate::model::ids::SourceAnchor;
use crate::model::plan::ObjectKind;
use crate::model::row::AttributeRow;
use crate::model::trial::{Finding, FindingKind, Trial};
use crate::plan::input::PlanInput;
use crate::plan::map::values::Unmapped;
use crate::plan::matching::match_key;
use crate::plan::rules::Mapping;

/// Whom a finding is about.
#[derive(Clone)]
pub struct Who {
    kind: ObjectKind,
    name: String,
    for_new_only: bool,
    if_reached: bool,
}

impl Who {
    /// Returns a person, by name.
    pub fn person(name: String) -> Self {
        Self { kind: ObjectKind::User, name, for_new_only: false, if_reached: false }
    }

    /// Returns a group, by name.
    pub fn group(name: String) -> Self {
        Self { kind: ObjectKind::Group, name, for_new_only: false, if_reached: false }
    }

    /// Says whether something has an account, or a group, already and is about new ones only.
    pub fn for_new_only(self, for_new_only: bool) -> Self {
        Self { for_new_only, ..self }
    }

    /// Says that it is about a matching rule that is reached only if none before it finds anything.
    pub fn if_reached(self) -> Self {
        Self { if_reached: true, ..self }
    }
}

/// What is found: of which objects, about new ones only or not, reached for certain or not, by which
/// rule, with which detail.
type What = (FindingKind, ObjectKind, (bool, bool), String, String);

/// Not about new ones only, and reached.
const CERTAIN: (bool, bool) = (false, false);

/// A trial in the making.
pub struct Draft<'a> {
    trial: Trial,
    /// Where the addresses of accounts come from.
    email: Option<&'a Mapping>,
    /// Who, by what would go wrong.
    found: BTreeMap<What, Vec<String>>,
    /// Who gets an address, by the form in which addresses are compared.
    addresses: BTreeMap<String, Vec<String>>,
    /// What has to be unique, and who has or gets it.
    claims: BTreeMap<(TargetAttribute, String), SourceAnchor>,
    /// The attributes whose mapping chooses what nobody else has.
    unique: Vec<TargetAttribute>,
    /// Who looks for what, by rule, and whether one of them has no account yet.
    sought: BTreeMap<(String, Vec<String>), (Vec<String>, bool)>,
    /// Which groups get a name, by the form in which names are compared, with the rule.
    group_names: BTreeMap<(String, String), Vec<String>>,
}

impl<'a> Draft<'a> {
    /// Begins; what accounts have already is taken.
    pub fn new(input: &PlanInput<'a>) -> Self {
        let mappings = &input.rules.mappings;
        let chooses = mappings.iter().filter(|one| one.source.uses().uniqueness);
        let mut draft = Self {
            trial: Trial::default(),
            email: mappings.iter().find(|one| one.target == TargetAttribute::Email),
            found: BTreeMap::new(),
            addresses: BTreeMap::new(),
            claims: BTreeMap::new(),
            unique: chooses.map(|mapping| mapping.target).collect(),
            sought: BTreeMap::new(),
            group_names: BTreeMap::new(),
        };
        for link in input.links {
            draft.claim(link.anchor, &link.shadow.sent);
        }
        draft
    }

    /// Counts somebody who is looked at.
    pub fn look_at(&mut self) {
        self.trial.looked_at += 1;
    }

    /// Counts somebody on whom the rules are tried.
    pub fn count_person(&mut self) {
        self.trial.tried += 1;
    }

    /// Counts a group on which the rules are tried.
    pub fn count_group(&mut self) {
        self.trial.groups += 1;
    }

    /// Notes one thing about somebody.
    pub fn note(&mut self, kind: FindingKind, rule: impl Into<String>, detail: &str, who: &Who) {
        let when = (who.for_new_only, who.if_reached);
        let what = (kind, who.kind, when, rule.into(), detail.to_owned());
        self.found.entry(what).or_default().push(who.name.clone());
    }

    /// Notes the mappings that give somebody no values.
    pub fn note_unmapped(&mut self, unmapped: &Unmapped<'_>, who: &Who) {
        for mapping in &unmapped.missing {
            self.note(FindingKind::Missing, mapping.text(), "", who);
        }
        let kinds =
            [(FindingKind::Failed, &unmapped.failed), (FindingKind::Unfit, &unmapped.unfit)];
        for (kind, mappings) in kinds {
            for (mapping, why) in mappings {
                self.note(kind, mapping.text(), why, who);
            }
        }
    }

    /// Notes the values that somebody gets or has.
    pub fn give(&mut self, anchor: SourceAnchor, values: &AttributeRow, who: &Who) {
        self.claim(anchor, values);
        if let Some(address) = values.get(TargetAttribute::Email.index()) {
            let key = match_key(TargetAttribute::Email, address);
            self.addresses.entry(key).or_default().push(who.name.clone());
        }
    }

    /// Notes what the first matching rule looks for, or would find of somebody who has an account.
    pub fn looks_for(&mut self, rule: String, key: Vec<String>, who: &Who, new: bool) {
        let (people, any_new) = self.sought.entry((rule, key)).or_default();
        people.push(who.name.clone());
        *any_new |= new;
    }

    /// Notes the name that a group gets.
    pub fn name_group(&mut self, rule: String, key: String, who: &Who) {
        self.group_names.entry((rule, key)).or_default().push(who.name.clone());
    }

    /// Returns whether somebody else has or gets a value that has to be unique.
    pub fn is_taken(&self, target: TargetAttribute, value: &str, anchor: SourceAnchor) -> bool {
        let claim = self.claims.get(&(target, match_key(target, value)));
        claim.is_some_and(|who| *who != anchor)
    }

    fn claim(&mut self, anchor: SourceAnchor, values: &AttributeRow) {
        for target in &self.unique {
            if let Some(value) = values.get(target.index()) {
                self.claims.entry((*target, match_key(*target, value))).or_insert(anchor);
            }
        }
    }

    /// Notes what is double, and returns all that was found.
    pub fn finish(mut self) -> Trial {
        let email = self.email.map(Mapping::text).unwrap_or_default();
        let of_person = |kind, rule, detail| (kind, ObjectKind::User, CERTAIN, rule, detail);
        // Whom one address keeps apart is not told again by what finds accounts.
        let mut rivals = BTreeSet::new();
        for (address, people) in self.addresses.into_iter().filter(|(_, who)| who.len() > 1) {
            rivals.insert(people.clone());
            self.found.insert(of_person(FindingKind::Double, email.clone(), address), people);
        }
        for ((rule, key), (people, any_new)) in self.sought {
            if people.len() > 1 && any_new && !rivals.contains(&people) {
                let what = of_person(FindingKind::SameMatch, rule, key.join(", "));
                self.found.insert(what, people);
            }
        }
        for ((rule, name), groups) in self.group_names {
            if groups.len() > 1 {
                let what = (FindingKind::Double, ObjectKind::Group, CERTAIN, rule, name);
                self.found.insert(what, groups);
            }
        }
        let finding = |((kind, of, when, rule, detail), mut names): (What, Vec<String>)| {
            let (for_new_only, if_reached) = when;
            names.sort_unstable();
            Finding { kind, of, for_new_only, if_reached, rule, detail, names }
        };
        let mut findings: Vec<Finding> = self.found.into_iter().map(finding).collect();
        let rank = |one: &Finding| (one.for_new_only, one.kind, std::cmp::Reverse(one.names.len()));
        findings.sort_by_key(rank);
        Trial { findings, ..self.trial }
    }
}
