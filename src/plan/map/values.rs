//! The values that an account should have.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::model::account::TargetAttribute;
use crate::model::attribute::row_of;
use crate::model::ids::{SourceAnchor, Timestamp};
use crate::model::plan::HoldKind;
use crate::model::row::AttributeRow;

use super::super::fit::{Takes, fit, flag, governed};
use super::super::person::Person;
use super::super::rules::{Apply, Mapping, Rules, WhenNull};
use super::{Given, Said, Single};

/// Maps person after person; what does not depend on the person is prepared once.
pub struct Mapper<'a> {
    mappings: Vec<Prepared<'a>>,
    active: Option<Single>,
    given: Given<'static>,
}

/// Says whether a value of an attribute is taken at the target.
pub type Taken<'t> = &'t dyn Fn(TargetAttribute, &str) -> bool;

/// A mapping that knows where in a row of source values its attributes are.
struct Prepared<'a> {
    mapping: &'a Mapping,
    source: Single,
    /// It draws from chance.
    random: bool,
    /// It chooses a value that is free.
    unique: bool,
    /// It may say that the person is to be left alone.
    may_leave: bool,
}

/// The mappings that give a person no values; at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unmapped<'a> {
    /// Required attributes without a value.
    pub missing: Vec<&'a Mapping>,
    /// Expressions that failed on the person's values, with the reason.
    pub failed: Vec<(&'a Mapping, String)>,
    /// Values that the attribute does not take, with the reason.
    pub unfit: Vec<(&'a Mapping, String)>,
}

impl<'a> Mapper<'a> {
    /// Prepares the mappings of the rules for one plan.
    pub fn new(rules: &'a Rules, now: Timestamp) -> Self {
        let prepare = |mapping: &'a Mapping| {
            let uses = mapping.source.uses();
            Prepared {
                mapping,
                source: Single::new(&mapping.source, &rules.source_attributes),
                random: uses.randomness,
                unique: uses.uniqueness,
                may_leave: uses.ignores_object,
            }
        };
        let now = jiff::Timestamp::from_millisecond(now.0).ok();
        Self {
            mappings: rules.mappings.iter().map(prepare).collect(),
            active: rules.active.as_ref().map(|one| Single::new(one, &rules.source_attributes)),
            given: Given { now, ..Given::default() },
        }
    }

    /// Returns the mapping that says that a person is to be left alone, if one does: of those for a
    /// new account, or of those that apply in every cycle. An expression that fails says nothing.
    pub fn leaves_alone(&self, source_user: &Person<'_>, new: bool) -> Option<&'a Mapping> {
        let applies = |one: &&Prepared<'_>| one.may_leave && (new || always(one.mapping.apply));
        let mut candidates = self.mappings.iter().filter(applies);
        let leaves =
            |one: &&Prepared<'_>| self.say(one, source_user, FREE) == Ok(Said::LeaveObject);
        candidates.find(leaves).map(|one| one.mapping)
    }

    /// Returns whether a person may sign in, as far as the rules say; null says yes.
    ///
    /// # Errors
    /// The cause to hold the person for, with the reason.
    pub fn is_active(&self, source_user: &Person<'_>) -> Result<bool, (HoldKind, String)> {
        let Some(active) = &self.active else { return Ok(true) };
        let said = active.eval(source_user, &self.given);
        match said.map_err(|why| (HoldKind::MappingFailed, why))?.value() {
            None => Ok(true),
            Some(value) => flag(&value).ok_or_else(|| {
                let why = format!("the value is `{value}`, which is neither True nor False");
                (HoldKind::InvalidValue, why)
            }),
        }
    }

    /// Returns the values of a new account; `taken` says what mappings that choose may not choose.
    ///
    /// # Errors
    /// The mappings that give none.
    pub fn for_create(
        &self,
        source_user: &Person<'_>,
        (takes, taken): (Takes, Taken<'_>),
    ) -> Result<AttributeRow, Unmapped<'a>> {
        let mut unmapped = Unmapped::default();
        let mut cells = Cells::default();
        for one in self.mappings.iter().filter(|one| takes.takes(one.mapping.target)) {
            let mapping = one.mapping;
            let value = match self.say(one, source_user, taken) {
                Ok(Said::Value(value)) => value.or_else(|| default(mapping, true)),
                Ok(Said::KeepAttribute) => None,
                Ok(Said::LeaveObject) => {
                    unmapped.leaves(mapping);
                    continue;
                }
                Err(why) => {
                    unmapped.failed.push((mapping, why));
                    continue;
                }
            };
            let Some(value) = unmapped.fit(mapping, value) else { continue };
            if value.is_none() && mapping.target.required() {
                unmapped.missing.push(mapping);
            }
            set(&mut cells, mapping.target, value);
        }
        unmapped.or(pack(&cells))
    }

    /// Returns the values that an existing account should have, given those that count as sent:
    /// the same row if nothing differs.
    ///
    /// # Errors
    /// The mappings whose required target would be cleared, and those that fail.
    pub fn for_update<'s>(
        &'s self,
        source_user: &'s Person<'s>,
        sent: &'s AttributeRow,
        takes: Takes,
    ) -> Result<Cow<'s, AttributeRow>, Unmapped<'a>> {
        let mut unmapped = Unmapped::default();
        let mut cells = Cells::default();
        for (cell, value) in cells.iter_mut().zip(sent.iter()) {
            *cell = value.map(Cow::Borrowed);
        }
        let before = cells.clone();
        let applies = |mapping: &Mapping| always(mapping.apply) && takes.takes(mapping.target);
        for one in self.mappings.iter().filter(|one| applies(one.mapping)) {
            let mapping = one.mapping;
            let value = match self.say(one, source_user, FREE) {
                Ok(Said::Value(value)) => value.or_else(|| default(mapping, false)),
                Ok(Said::KeepAttribute) => continue,
                Ok(Said::LeaveObject) => {
                    unmapped.leaves(mapping);
                    continue;
                }
                Err(why) => {
                    unmapped.failed.push((mapping, why));
                    continue;
                }
            };
            let Some(value) = unmapped.fit(mapping, value) else { continue };
            match value {
                None if mapping.when_null == WhenNull::Keep => {}
                None if mapping.target.required() => unmapped.missing.push(mapping),
                None if !mapping.target.is_listed() => {
                    let cleared = mapping.target.cleared().map(Cow::Borrowed);
                    set(&mut cells, mapping.target, cleared);
                }
                value => set(&mut cells, mapping.target, value),
            }
        }
        if cells == before {
            unmapped.or(Cow::Borrowed(sent))
        } else {
            unmapped.or(Cow::Owned(pack(&cells)))
        }
    }

    fn say<'s>(
        &'s self,
        one: &'s Prepared<'_>,
        source_user: &'s Person<'s>,
        taken: Taken<'_>,
    ) -> Result<Said<'s>, String> {
        let set = one.mapping.target.is_set();
        if !one.random && !one.unique {
            return match set {
                true => one.source.eval_set(source_user, &self.given),
                false => one.source.eval(source_user, &self.given),
            };
        }
        let seed = one.random.then(|| seed(source_user.anchor, one.mapping));
        let taken = |value: &str| taken(one.mapping.target, value);
        let given = Given { seed, taken: &taken, ..self.given };
        let said = match set {
            true => one.source.eval_set(source_user, &given),
            false => one.source.eval(source_user, &given),
        };
        said.map(Said::into_owned)
    }
}

/// Where nothing is chosen, or it does not matter what: nothing is taken.
pub const FREE: Taken<'static> = &|_, _| false;

impl<'a> Unmapped<'a> {
    /// Notes an expression that leaves the person alone, although that was asked before.
    fn leaves(&mut self, mapping: &'a Mapping) {
        self.failed.push((mapping, "the expression leaves the person alone".to_owned()));
    }

    /// Returns whether something is wrong with a value that this tenant may not take at all.
    pub fn depends_on_tenant(&self) -> bool {
        let failed = self.failed.iter().chain(&self.unfit);
        failed.into_iter().any(|(mapping, _)| governed(mapping.target).is_some())
    }

    /// Returns a value as its attribute spells it; `None`, and notes why, if it does not fit.
    fn fit<'v>(
        &mut self,
        mapping: &'a Mapping,
        value: Option<Cow<'v, str>>,
    ) -> Option<Option<Cow<'v, str>>> {
        match value.map(|value| fit(mapping.target, value)).transpose() {
            Ok(value) => Some(value),
            Err(why) => {
                self.unfit.push((mapping, why));
                None
            }
        }
    }

    fn or<T>(self, values: T) -> Result<T, Self> {
        let whole = self.missing.is_empty() && self.failed.is_empty() && self.unfit.is_empty();
        if whole { Ok(values) } else { Err(self) }
    }
}

/// Returns what chance is drawn from: the same for a person in every plan, so that what a person
/// approved is what is done. It is no secret, so what comes of it is no password.
fn seed(anchor: SourceAnchor, mapping: &Mapping) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(anchor.0.as_bytes());
    hash.update(mapping.target.name());
    hash.update([0]);
    hash.update(mapping.source.text());
    hash.finalize().into()
}

fn always(apply: Apply) -> bool {
    apply == Apply::Always
}

/// Returns the default for a new account, or for one that exists.
fn default(mapping: &Mapping, new: bool) -> Option<Cow<'_, str>> {
    let default = mapping.default.as_ref().filter(|one| new || always(one.apply));
    default.map(|default| Cow::Borrowed(default.value.as_str()))
}

/// The values of an account, in the order of [`TargetAttribute::ALL`].
type Cells<'a> = [Option<Cow<'a, str>>; TargetAttribute::ALL.len()];

fn set<'a>(cells: &mut Cells<'a>, target: TargetAttribute, value: Option<Cow<'a, str>>) {
    if let Some(cell) = cells.get_mut(target.index()) {
        *cell = value;
    }
}

fn pack(cells: &Cells<'_>) -> AttributeRow {
    row_of(|target| cells.get(target.index()).and_then(Option::as_deref))
}
