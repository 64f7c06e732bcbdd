//! Matching: which account belongs to a person who has none yet.
//!
//! A rule compares one attribute of accounts, or several together, with what its expressions give.
//! ShareFile finds accounts by address alone; a rule without one looks through the lists, which are
//! asked for when the first person reaches it. Addresses and names compare without regard to letter
//! case, in the composed form of Unicode ([`match_key`]).
//!
//! An address is one person's; a name is not. A rule without an address passes over the accounts of
//! colleagues: those that are linked to others who have not left, and do not leave at this moment.

use std::borrow::Cow;
use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

use crate::model::account::{Detail, TargetAttribute, address_key};
use crate::model::identity::Presence;
use crate::model::ids::SourceAnchor;

use super::index::Index;
use super::input::{KnownAccount, Lookup, PlanInput, TargetView};
use super::map::{Given, Single};
use super::person::Person;
use super::rules::{Adopt, MatchRule};

/// What the matching rules found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match<'a> {
    /// Exactly one account, by the first rule that found any.
    Matched {
        /// The account.
        known: &'a KnownAccount,
        /// The rule, as people read it.
        rule: String,
        /// A person is to be asked before it is taken over.
        ask: bool,
    },
    /// No rule found an account.
    Unmatched,
    /// A rule found accounts that it does not take over.
    Others {
        /// The rule, as people read it.
        rule: String,
        /// What it found.
        candidates: Vec<&'a KnownAccount>,
    },
    /// A rule found several accounts.
    Ambiguous {
        /// The rule, as people read it.
        rule: String,
        /// What it found.
        candidates: Vec<&'a KnownAccount>,
    },
    /// A rule that has to have values has not.
    Missing {
        /// The rule, as people read it.
        rule: String,
        /// The expressions without a value.
        sources: Vec<String>,
    },
    /// An address could not be looked up.
    Failed {
        /// The address.
        address: String,
        /// The reason.
        why: &'a str,
    },
    /// A rule cannot be evaluated on the values of the person: who matches is not known.
    Undecided {
        /// The rule, as people read it.
        rule: String,
        /// The reason.
        why: String,
    },
    /// These addresses have to be looked up first.
    Unknown(BTreeSet<String>),
    /// The lists of accounts have to be read first.
    Unlisted,
}

/// Returns the form in which values of accounts are compared by rules: composed, and in small
/// letters; addresses as everywhere.
pub fn match_key(target: TargetAttribute, value: &str) -> String {
    if target == TargetAttribute::Email {
        return address_key(value);
    }
    let small: String = value.trim().nfc().flat_map(char::to_lowercase).collect();
    small.nfc().collect()
}

/// The matching rules; what does not depend on the person is prepared once.
pub struct Matcher<'a> {
    input: &'a PlanInput<'a>,
    rules: Vec<Prepared<'a>>,
    given: Given<'static>,
}

struct Prepared<'a> {
    rule: &'a MatchRule,
    sources: Vec<(TargetAttribute, Single)>,
    /// Accounts by the values of the rule, if it needs the lists and they were read.
    listed: Option<Index>,
}

/// What an account has to have.
pub(super) type Wanted<'v> = Vec<(TargetAttribute, Cow<'v, str>)>;

impl<'a> Matcher<'a> {
    /// Prepares the rules for one plan.
    pub fn new(input: &'a PlanInput<'a>) -> Self {
        let PlanInput { rules, target, .. } = *input;
        let prepare = |rule: &'a MatchRule| {
            let bind = |source| Single::new(source, &rules.source_attributes);
            let sources = rule.parts.iter().map(|part| (part.target, bind(&part.source))).collect();
            let listed = (rule.needs_lists() && target.complete).then(|| index(rule, target));
            Prepared { rule, sources, listed }
        };
        let prepared = rules.matching.iter().map(prepare).collect();
        Self { input, rules: prepared, given: Given::default() }
    }

    /// Tries the rules in order; the first that finds anything decides. Matching never writes; a
    /// null value makes a rule find nothing. Notes in `listed` whether the lists were looked through.
    pub fn find(&self, source_user: &Person<'_>, listed: &mut bool) -> Match<'a> {
        for one in &self.rules {
            let rule = || one.rule.text();
            let (wanted, missing) = match self.wanted(one, source_user) {
                Ok(both) => both,
                Err(why) => return Match::Undecided { rule: rule(), why },
            };
            if !missing.is_empty() {
                if one.rule.required {
                    return Match::Missing { rule: rule(), sources: missing };
                }
                continue;
            }
            let mut candidates = match one.candidates(&wanted, self.input.target) {
                Ok(candidates) => candidates,
                Err(unknown) => return unknown,
            };
            if one.rule.needs_lists() {
                *listed = true;
                candidates.retain(|known| !self.is_of_colleague(known, source_user.anchor));
            }
            let found = match (candidates.len(), one.rule.adopt) {
                (0, _) => continue,
                (_, Adopt::Never) => Match::Others { rule: rule(), candidates },
                (1, adopt) => match candidates.pop() {
                    Some(known) => {
                        Match::Matched { known, rule: rule(), ask: adopt == Adopt::Report }
                    }
                    None => continue,
                },
                _ => Match::Ambiguous { rule: rule(), candidates },
            };
            return found;
        }
        Match::Unmatched
    }

    /// Returns what each rule looks for, in their order, with the expressions that give no value; or
    /// why the rule cannot be evaluated.
    pub fn wants<'s>(
        &'s self,
        source_user: &'s Person<'s>,
    ) -> impl Iterator<Item = (&'a MatchRule, Result<(Wanted<'s>, Vec<String>), String>)> {
        self.rules.iter().map(move |one| (one.rule, self.wanted(one, source_user)))
    }

    /// Returns whether an account is that of somebody else who stays.
    fn is_of_colleague(&self, known: &KnownAccount, anchor: SourceAnchor) -> bool {
        let stays = |owner| !known.owner_left && !leaves(self.input, owner);
        known.linked_to.filter(|owner| *owner != anchor).is_some_and(stays)
    }

    /// Returns what an account has to have, and the expressions that give no value.
    fn wanted<'s>(
        &'s self,
        one: &'s Prepared<'_>,
        source_user: &'s Person<'s>,
    ) -> Result<(Wanted<'s>, Vec<String>), String> {
        let (mut wanted, mut missing) = (Vec::new(), Vec::new());
        for ((target, source), part) in one.sources.iter().zip(&one.rule.parts) {
            match source.eval(source_user, &self.given)?.value() {
                Some(value) => wanted.push((*target, value)),
                None => missing.push(part.source.text().to_owned()),
            }
        }
        Ok((wanted, missing))
    }
}

impl Prepared<'_> {
    /// Returns the accounts that have what is wanted, or what has to be known first.
    fn candidates<'t>(
        &self,
        wanted: &Wanted<'_>,
        target: &'t TargetView,
    ) -> Result<Vec<&'t KnownAccount>, Match<'t>> {
        let email = wanted.iter().find(|(attribute, _)| *attribute == TargetAttribute::Email);
        let mut found = match (email, &self.listed) {
            (Some((_, address)), _) => match target.by_address(address) {
                Lookup::Unknown => {
                    return Err(Match::Unknown(BTreeSet::from([address_key(address)])));
                }
                Lookup::Failed(why) => {
                    return Err(Match::Failed { address: address.to_string(), why });
                }
                Lookup::Absent => Vec::new(),
                Lookup::Found(found) => found,
            },
            (None, None) => return Err(Match::Unlisted),
            (None, Some(index)) => {
                let parts = wanted.iter().map(|(attribute, value)| (*attribute, value.as_ref()));
                let mut positions: Vec<usize> = index.positions(&joined(parts)).collect();
                positions.sort_unstable();
                positions.dedup();
                let accounts = positions.into_iter().filter_map(|at| target.account_at(at));
                accounts.filter(|known| !target.is_gone(&known.account.id)).collect()
            }
        };
        found.retain(|known| has(known, wanted));
        Ok(found)
    }
}

/// Returns whether the source shows that somebody goes, or shows nothing of somebody whom it did. To
/// whom nothing happened is not planned, and stays.
fn leaves(input: &PlanInput<'_>, owner: SourceAnchor) -> bool {
    if input.subjects.binary_search(&owner).is_err() {
        return false;
    }
    let found = input.users.binary_search_by_key(&owner, |user| user.anchor).ok();
    let user = found.and_then(|place| input.users.get(place));
    let there = user.is_some_and(|user| user.presence == Presence::Present && user.enabled);
    let direct = input.assignments.binary_search_by_key(&owner, |row| row.principal).is_ok();
    let member = input.memberships.binary_search_by_key(&owner, |row| row.user).is_ok();
    !there || !(direct || member)
}

/// Returns whether an account has what is wanted. The address found it; of a reduced record nobody
/// can tell more, and it is not readable rather than another one.
fn has(known: &KnownAccount, wanted: &Wanted<'_>) -> bool {
    known.account.detail == Detail::Reduced
        || wanted.iter().filter(|(attribute, _)| *attribute != TargetAttribute::Email).all(
            |(attribute, value)| {
                let own = known.account.values.get(attribute.index());
                own.is_some_and(|own| match_key(*attribute, own) == match_key(*attribute, value))
            },
        )
}

/// Returns where accounts are that have values for all parts of a rule.
fn index(rule: &MatchRule, target: &TargetView) -> Index {
    let mut index = Index::default();
    for (position, known) in target.accounts().enumerate() {
        let own = |part: TargetAttribute| known.account.values.get(part.index());
        let parts: Option<Vec<_>> =
            rule.parts.iter().map(|part| Some((part.target, own(part.target)?))).collect();
        if let Some(parts) = parts {
            index.insert(&joined(parts.into_iter()), position);
        }
    }
    index
}

/// Returns the name of an account in the index of a rule.
fn joined<'v>(parts: impl Iterator<Item = (TargetAttribute, &'v str)>) -> String {
    parts.map(|(target, value)| match_key(target, value) + "\u{1f}").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_composed_and_without_regard_to_case() {
        let key = |value| match_key(TargetAttribute::LastName, value);
        for (left, right) in [
            ("Müller", "mu\u{308}LLER"),
            ("ÅSE", "a\u{30a}se"),
            ("Łukasz", "łUKASZ"),
            (" Nguyễn ", "NGUYÊ\u{303}N"),
            ("ΑΘΗΝΑ", "αθηνα"),
        ] {
            assert_eq!(key(left), key(right));
        }
        for (left, right) in
            [("Müller", "Muller"), ("Strauß", "Strauss"), ("de la Cruz", "delacruz")]
        {
            assert_ne!(key(left), key(right), "nothing is guessed");
        }
        assert_eq!(match_key(TargetAttribute::Email, " Ada@X.Test"), "ada@x.test");
    }
}
