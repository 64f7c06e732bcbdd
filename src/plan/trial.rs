//! A trial: what the rules give for people and groups of the snapshot, without looking at the target.

mod draft;
mod groups;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::model::account::{AccountKind, Link, TargetAttribute};
use crate::model::identity::SourceUser;
use crate::model::ids::SourceAnchor;
use crate::model::trial::{FindingKind, Trial};

use super::diff::Differ;
use super::filter::Verdict;
use super::input::PlanInput;
use super::map::values::Unmapped;
use super::map::{Attribute, Attributes, INPUTS, input_place};
use super::matching::match_key;
use super::person::{Facts, Person};
use super::rules::Adopt;
use super::scope::{self, Entitlement, Entitlements, Scope};
use super::sorted::Sorted;

use draft::{Draft, Who};

/// Tries the rules on everybody in scope of the input, as for a new account and, of those who have
/// one, for that; and on the groups; and says what would go wrong. Nothing is asked of the target.
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
    let mut draft = Draft::new(input);
    for &anchor in input.subjects {
        let entitlement = entitlements.of(anchor);
        let link = links.find(anchor);
        let Some(user) = users.find(anchor) else { continue };
        draft.look_at();
        let given = (&entitlement, entitlements.groups());
        differ.try_on(user, given, link, &mut draft);
    }
    if let Some(rules) = &input.rules.groups {
        groups::try_all(input, rules, &|group| entitlements.counts(group), &mut draft);
    }
    draft.finish()
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

impl Differ<'_> {
    /// Tries the rules on one person.
    fn try_on(
        &self,
        user: &SourceUser,
        (entitlement, through): (&Entitlement, &[SourceAnchor]),
        link: Option<&Link>,
        draft: &mut Draft<'_>,
    ) {
        let policy = &self.input.rules.deprovision;
        let person = Person::new(user, (entitlement.roles.as_slice(), through), self.facts);
        let scope = scope::scope(Some(user), entitlement, &[], policy);
        if scope != Scope::In || self.is_left_out(Some(user), link) {
            return;
        }
        let active = self.mapper.is_active(&person);
        if active == Ok(false) {
            return;
        }
        let who = Who::person(self.name_of(&person));
        match self.filters.verdict(&user.attributes, through) {
            Verdict::In => {}
            Verdict::Out => {
                for (clause, attribute) in self.filters.blind(&user.attributes, through) {
                    draft.note(FindingKind::NullBlind, clause, attribute, &who);
                }
                return;
            }
            Verdict::Unknown(why) => {
                return draft.note(FindingKind::Undecided, "scope.filter", &why, &who);
            }
        }
        if let Some(mapping) = self.mapper.leaves_alone(&person, link.is_none()) {
            return draft.note(FindingKind::LeftAlone, mapping.text(), "", &who);
        }
        draft.count_person();
        if let (Err((_, why)), Some(active)) = (active, &self.input.rules.active) {
            let rule = format!("Active = {}", active.text());
            draft.note(FindingKind::Failed, rule, &why, &who);
        }
        self.try_matching(&person, link, &who, draft);
        match self.kind_of(&person, entitlement) {
            Ok(kind) => self.try_values(&person, kind, link, &who, draft),
            Err(untyped) => {
                // The rule is named already.
                let why = untyped.why().replacen("users.type gives", "it gives", 1);
                let why = why.strip_prefix("users.type: ").unwrap_or(&why);
                draft.note(FindingKind::Failed, "users.type", why, &who);
            }
        }
    }

    /// Tries the matching rules, which look for accounts of those who have none, up to one that holds
    /// the person. Of the first of them it is noted what it looks for: whoever shares that gets nothing
    /// that it finds. Those behind one that looks for something are not reached if it finds that.
    fn try_matching(
        &self,
        person: &Person<'_>,
        link: Option<&Link>,
        who: &Who,
        draft: &mut Draft<'_>,
    ) {
        let mut searcher = who.clone().for_new_only(link.is_some());
        for (number, (rule, wants)) in self.matcher.wants(person).enumerate() {
            let text = || format!("users.match: {}", rule.text());
            let shared = number == 0 && rule.adopt != Adopt::Never;
            // An account that has an owner is found by its address.
            if let Some(link) = link.filter(|_| shared && !rule.needs_lists()) {
                let own = |target: TargetAttribute| link.shadow.sent.get(target.index());
                let parts = rule.parts.iter().map(|part| part.target);
                let key = parts.map(|target| Some(match_key(target, own(target)?)));
                if let Some(key) = key.collect::<Option<Vec<String>>>() {
                    draft.looks_for(text(), key, who, false);
                }
            }
            match wants {
                Err(why) => return draft.note(FindingKind::Failed, text(), &why, &searcher),
                Ok((_, missing)) if !missing.is_empty() => {
                    if rule.required {
                        let whole = rule.parts.len() == missing.len();
                        let detail = if whole { String::new() } else { missing.join(", ") };
                        return draft.note(FindingKind::Missing, text(), &detail, &searcher);
                    }
                }
                Ok((wanted, _)) => {
                    if shared && link.is_none() {
                        let key = wanted.iter().map(|(target, value)| match_key(*target, value));
                        draft.looks_for(text(), key.collect(), who, true);
                    }
                    searcher = searcher.if_reached();
                }
            }
        }
    }

    /// Tries the mappings.
    fn try_values(
        &self,
        person: &Person<'_>,
        kind: AccountKind,
        link: Option<&Link>,
        who: &Who,
        draft: &mut Draft<'_>,
    ) {
        let takes = self.takes(kind);
        let taken = |target, value: &str| draft.is_taken(target, value, person.anchor);
        let created = self.mapper.for_create(person, (takes, &taken));
        let Some(link) = link else {
            return match created {
                Ok(values) => draft.give(person.anchor, &values, who),
                Err(unmapped) => draft.note_unmapped(&unmapped, who),
            };
        };
        let known = match self.mapper.for_update(person, &link.shadow.sent, takes) {
            Ok(values) => {
                draft.give(person.anchor, &values, who);
                Unmapped::default()
            }
            Err(unmapped) => {
                draft.note_unmapped(&unmapped, who);
                unmapped
            }
        };
        if let Err(mut unmapped) = created {
            unmapped.missing.retain(|one| !known.missing.contains(one));
            unmapped.failed.retain(|one| !known.failed.contains(one));
            unmapped.unfit.retain(|one| !known.unfit.contains(one));
            draft.note_unmapped(&unmapped, &who.clone().for_new_only(true));
        }
    }
}
