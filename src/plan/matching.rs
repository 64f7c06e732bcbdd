//! Matching: which account belongs to a person who has none yet.

use std::collections::BTreeSet;

use crate::model::account::address_key;

use super::input::{KnownAccount, Lookup, TargetView};
use super::map::{Given, Single};
use super::person::Person;
use super::rules::{MatchRule, Rules};

/// What the matching rules found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match<'a> {
    /// Exactly one account, by the first rule that found any.
    Matched {
        /// The account.
        known: &'a KnownAccount,
        /// The rule, as people read it.
        rule: String,
    },
    /// No rule found an account.
    Unmatched,
    /// A rule found several accounts.
    Ambiguous {
        /// The rule, as people read it.
        rule: String,
        /// What it found.
        candidates: Vec<&'a KnownAccount>,
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
}

/// The matching rules; what does not depend on the person is prepared once.
pub struct Matcher<'a> {
    rules: Vec<(&'a MatchRule, Single)>,
    given: Given<'static>,
}

impl<'a> Matcher<'a> {
    /// Prepares the rules for one plan.
    pub fn new(rules: &'a Rules) -> Self {
        let prepare =
            |rule: &'a MatchRule| (rule, Single::new(&rule.source, &rules.source_attributes));
        Self { rules: rules.matching.iter().map(prepare).collect(), given: Given::default() }
    }

    /// Tries the rules in order. Matching never writes; a null value makes a rule find nothing.
    pub fn find<'t>(&self, source_user: &Person<'_>, target: &'t TargetView) -> Match<'t> {
        for (rule, source) in &self.rules {
            let value = match source.eval(source_user, &self.given) {
                Ok(said) => said.value(),
                Err(why) => return Match::Undecided { rule: rule.text(), why },
            };
            let Some(value) = value else { continue };
            match target.by_address(&value) {
                Lookup::Unknown => return Match::Unknown(BTreeSet::from([address_key(&value)])),
                Lookup::Absent => {}
                Lookup::Failed(why) => return Match::Failed { address: value.into_owned(), why },
                Lookup::Found(candidates) => {
                    let rule = rule.text();
                    return match candidates.as_slice() {
                        [known] => Match::Matched { known, rule },
                        _ => Match::Ambiguous { rule, candidates },
                    };
                }
            }
        }
        Match::Unmatched
    }
}
