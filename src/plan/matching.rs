//! Matching: which account belongs to a person who has none yet.

use std::collections::BTreeSet;

use crate::model::account::address_key;
use crate::model::identity::SourceUser;

use super::input::{KnownAccount, Lookup, TargetView};
use super::rules::Rules;

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
    /// These addresses have to be looked up first.
    Unknown(BTreeSet<String>),
}

/// Tries the rules in order. Matching never writes; a null value makes a rule find nothing.
pub fn find<'a>(rules: &Rules, source_user: &SourceUser, target: &'a TargetView) -> Match<'a> {
    for rule in &rules.matching {
        let Some(value) = rule.source.eval(&rules.source_attributes, &source_user.attributes)
        else {
            continue;
        };
        match target.by_address(value) {
            Lookup::Unknown => return Match::Unknown(BTreeSet::from([address_key(value)])),
            Lookup::Absent => {}
            Lookup::Failed(why) => return Match::Failed { address: value.to_owned(), why },
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
