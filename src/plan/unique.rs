//! Values that have to be unique: which of them are taken at the target, or will be.
//!
//! `SelectUniqueValue` chooses the first value that no account has, that nobody gets in the same plan,
//! and that nobody waits for whose account is held. People choose in the order of the plan, so that it
//! comes to the same each time.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::model::account::{TargetAttribute, address_key};
use crate::model::ids::SourceAnchor;
use crate::model::row::AttributeRow;

use super::fit::Takes;
use super::input::{Lookup, PlanInput};
use super::map::values::{Mapper, Unmapped};
use super::matching::match_key;
use super::person::Person;

/// What is taken, and by whom.
pub struct Unique<'a> {
    input: &'a PlanInput<'a>,
    /// The attributes whose mapping chooses.
    targets: Vec<TargetAttribute>,
    /// The values that accounts have, of attributes by which they cannot be looked up; if the lists
    /// were read.
    listed: BTreeMap<TargetAttribute, HashSet<String>>,
    /// Who gets a value in this plan, or waits for it.
    claims: RefCell<BTreeMap<(TargetAttribute, String), SourceAnchor>>,
}

/// What a person's choice came to.
pub enum Chosen<'m> {
    /// These are the values of the new account.
    Values(AttributeRow),
    /// Mappings give no values.
    Unmapped(Unmapped<'m>),
    /// All values are taken, as this says.
    NoneLeft(String),
    /// This has to be looked up first.
    Asks {
        /// Addresses.
        addresses: BTreeSet<String>,
        /// The lists of accounts.
        lists: bool,
    },
    /// Nobody could tell who has an address.
    Failed {
        /// The address.
        address: String,
        /// The reason.
        why: String,
    },
}

/// What was asked while one person chose.
#[derive(Default)]
struct Asked {
    taken: BTreeSet<TargetAttribute>,
    free: BTreeSet<TargetAttribute>,
    addresses: BTreeSet<String>,
    lists: bool,
    failed: Option<(String, String)>,
}

impl<'a> Unique<'a> {
    /// Begins with the first person of a plan.
    pub fn new(input: &'a PlanInput<'a>) -> Self {
        let chooses = input.rules.mappings.iter().filter(|one| one.source.uses().uniqueness);
        let targets: Vec<TargetAttribute> = chooses.map(|mapping| mapping.target).collect();
        let of_lists = targets.iter().filter(|target| **target != TargetAttribute::Email);
        let of_lists = of_lists.filter(|_| input.target.complete);
        let listed = of_lists.map(|target| {
            let own = input.target.accounts();
            let own = own.filter_map(|known| known.account.values.get(target.index()));
            (*target, own.map(|value| match_key(*target, value)).collect())
        });
        let mut claims = BTreeMap::new();
        for (anchor, values) in input.reserved {
            for target in &targets {
                if let Some(value) = values.get(target.index()) {
                    claims.entry((*target, match_key(*target, value))).or_insert(*anchor);
                }
            }
        }
        let listed = listed.collect();
        Self { input, targets, listed, claims: RefCell::new(claims) }
    }

    /// Returns whether any mapping chooses.
    pub fn is_used(&self) -> bool {
        !self.targets.is_empty()
    }

    /// Returns whether one of them chooses among values by which accounts cannot be looked up.
    pub fn needs_lists(&self) -> bool {
        self.targets.iter().any(|target| *target != TargetAttribute::Email)
    }

    /// Chooses for a person, whose choice then is taken for those who come later.
    pub fn choose<'m>(&self, mapper: &Mapper<'m>, user: &Person<'_>, takes: Takes) -> Chosen<'m> {
        let asked = RefCell::new(Asked::default());
        let taken = |target: TargetAttribute, value: &str| {
            self.is_taken(target, value, user.anchor, &mut asked.borrow_mut())
        };
        let created = mapper.for_create(user, (takes, &taken));
        let asked = asked.into_inner();
        if let Some((address, why)) = asked.failed {
            return Chosen::Failed { address, why };
        }
        if asked.lists || !asked.addresses.is_empty() {
            return Chosen::Asks { addresses: asked.addresses, lists: asked.lists };
        }
        match created {
            Ok(values) => {
                self.claim(user.anchor, &values);
                Chosen::Values(values)
            }
            Err(unmapped) => match asked.none_left(&unmapped) {
                Some(detail) => Chosen::NoneLeft(detail),
                None => Chosen::Unmapped(unmapped),
            },
        }
    }

    fn claim(&self, anchor: SourceAnchor, values: &AttributeRow) {
        let mut claims = self.claims.borrow_mut();
        for target in &self.targets {
            if let Some(value) = values.get(target.index()) {
                claims.insert((*target, match_key(*target, value)), anchor);
            }
        }
    }

    /// Returns whether a value is taken for a person. Of several that nobody was asked about the
    /// first alone is looked up, which is free most of the time; if it is not, all others.
    fn is_taken(
        &self,
        target: TargetAttribute,
        value: &str,
        anchor: SourceAnchor,
        asked: &mut Asked,
    ) -> bool {
        let key = match_key(target, value);
        let protected = &self.input.rules.guard.protected;
        let claimed = self.claims.borrow().get(&(target, key.clone())).copied();
        let taken = match target {
            _ if claimed.is_some_and(|who| who != anchor) => true,
            TargetAttribute::Email if protected.binary_search(&key).is_ok() => true,
            TargetAttribute::Email => match self.input.target.by_address(value) {
                Lookup::Found(_) => true,
                Lookup::Absent => false,
                Lookup::Unknown => {
                    asked.addresses.insert(address_key(value));
                    return asked.taken.contains(&target);
                }
                Lookup::Failed(why) => {
                    asked.failed = Some((value.to_owned(), why.to_owned()));
                    return false;
                }
            },
            _ => match self.listed.get(&target) {
                Some(known) => known.contains(&key),
                None => {
                    asked.lists = true;
                    return false;
                }
            },
        };
        if taken {
            asked.taken.insert(target)
        } else {
            asked.free.insert(target)
        };
        taken
    }
}

impl Asked {
    /// Returns what to say if nothing but values that are taken stands in the way.
    fn none_left(&self, unmapped: &Unmapped<'_>) -> Option<String> {
        let none = |target| self.taken.contains(target) && !self.free.contains(target);
        let failed = &unmapped.failed;
        let only = unmapped.missing.is_empty() && unmapped.unfit.is_empty() && !failed.is_empty();
        let all = only && failed.iter().all(|(mapping, _)| none(&mapping.target));
        let say = || {
            let each = failed.iter().map(|(one, why)| format!("{}: {why}", one.target.name()));
            each.collect::<Vec<_>>().join("; ")
        };
        all.then(say)
    }
}
