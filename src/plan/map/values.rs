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
    /// The same at the midnight with which the day began, for what counts in every cycle.
    by_day: Given<'static>,
    /// When the next day begins, if that counts: for everybody, and for whoever would be new.
    next_day: [Option<Timestamp>; 2],
}

/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

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
        let given = |now: i64| {
            let now = jiff::Timestamp::from_millisecond(now).ok();
            Given { now, ..Given::default() }
        };
        let midnight = now.0 - now.0.rem_euclid(DAY_MS);
        let of_mappings = |apply: Apply| {
            let mappings = rules.mappings.iter().filter(move |one| one.apply == apply);
            mappings.map(|one| &one.source)
        };
        let steady = of_mappings(Apply::Always).chain(&rules.active);
        let by_day = steady.chain(&rules.types.expression).any(|one| one.uses().now);
        let new_by_day = by_day || of_mappings(Apply::OnCreate).any(|one| one.uses().now);
        let next_day = Timestamp(midnight + DAY_MS);
        Self {
            mappings: rules.mappings.iter().map(prepare).collect(),
            active: rules.active.as_ref().map(|one| Single::new(one, &rules.source_attributes)),
            given: given(now.0),
            by_day: given(midnight),
            next_day: [by_day, new_by_day].map(|counts| counts.then_some(next_day)),
        }
    }

    /// Returns when people have to be mapped again though nothing changes but the day: those who have
    /// an account, or would be `new`.
    pub fn next_day(&self, new: bool) -> Option<Timestamp> {
        let [known, for_new] = self.next_day;
        if new { for_new } else { known }
    }

    /// Returns whether another mapper, of another day, says something else of a person in what counts
    /// in every cycle; of who would be `new`, also whether there is a value at all in the rest.
    pub fn differs(&self, other: &Self, source_user: &Person<'_>, new: bool) -> bool {
        let mut pairs = self.mappings.iter().zip(&other.mappings);
        self.is_active(source_user) != other.is_active(source_user)
            || pairs.any(|(one, of_other)| {
                let said = self.say(one, source_user, FREE);
                let by_other = other.say(of_other, source_user, FREE);
                match always(one.mapping.apply) {
                    true => said != by_other,
                    false => new && has_value(&said) != has_value(&by_other),
                }
            })
    }

    /// Returns what expressions are given that count in every cycle.
    pub fn by_day(&self) -> &Given<'static> {
        &self.by_day
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
        let said = active.eval(source_user, &self.by_day);
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
            let Some(said) = self.tell(one, source_user, (true, taken), &mut unmapped) else {
                continue;
            };
            let value = said.value();
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
            let said = self.tell(one, source_user, (false, FREE), &mut unmapped);
            let Some(Said::Value(value)) = said else { continue };
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

    /// Returns what a mapping says, with its default and as its attribute spells it; `None`, and
    /// notes why, if that is no value that an account could have.
    fn tell<'s>(
        &'s self,
        one: &'s Prepared<'a>,
        source_user: &'s Person<'s>,
        (new, taken): (bool, Taken<'_>),
        unmapped: &mut Unmapped<'a>,
    ) -> Option<Said<'s>> {
        let mapping = one.mapping;
        match self.say(one, source_user, taken) {
            Ok(Said::Value(value)) => {
                let value = value.or_else(|| default(mapping, new));
                unmapped.fit(mapping, value).map(Said::Value)
            }
            Ok(Said::KeepAttribute) => Some(Said::KeepAttribute),
            Ok(Said::LeaveObject) => {
                unmapped.leaves(mapping);
                None
            }
            Err(why) => {
                unmapped.failed.push((mapping, why));
                None
            }
        }
    }

    fn say<'s>(
        &'s self,
        one: &'s Prepared<'_>,
        source_user: &'s Person<'s>,
        taken: Taken<'_>,
    ) -> Result<Said<'s>, String> {
        let given = if always(one.mapping.apply) { &self.by_day } else { &self.given };
        if !one.random && !one.unique {
            return one.eval(source_user, given);
        }
        let seed = one.random.then(|| seed(source_user.anchor, one.mapping));
        let taken = |value: &str| taken(one.mapping.target, value);
        let given = Given { seed, taken: &taken, ..*given };
        one.eval(source_user, &given).map(Said::into_owned)
    }
}

impl Prepared<'_> {
    fn eval<'s>(
        &'s self,
        source_user: &'s Person<'s>,
        given: &'s Given<'s>,
    ) -> Result<Said<'s>, String> {
        match self.mapping.target.is_set() {
            true => self.source.eval_set(source_user, given),
            false => self.source.eval(source_user, given),
        }
    }
}

/// Returns whether a mapping gives a value; `Err` if it leaves the person alone or fails.
fn has_value(said: &Result<Said<'_>, String>) -> Result<bool, bool> {
    match said {
        Ok(Said::Value(value)) => Ok(value.is_some()),
        Ok(Said::KeepAttribute) => Ok(false),
        Ok(Said::LeaveObject) => Err(true),
        Err(_) => Err(false),
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
