//! The values that an account should have.

use std::borrow::Cow;

use crate::model::account::{TargetAttribute, address_key};
use crate::model::identity::SourceUser;
use crate::model::row::AttributeRow;

use super::super::rules::{Apply, Mapping, Rules, WhenNull};
use super::Expression;

/// Maps person after person; what does not depend on the person is looked up once.
pub struct Mapper<'a> {
    /// The mappings, and where in a row of source values the expression finds its own.
    mappings: Vec<(&'a Mapping, Option<usize>)>,
}

impl<'a> Mapper<'a> {
    /// Prepares the mappings of the rules.
    pub fn new(rules: &'a Rules) -> Self {
        let place = |mapping: &'a Mapping| match &mapping.source {
            Expression::Attribute(name) => (mapping, rules.source_index(name)),
            Expression::Constant(_) => (mapping, None),
        };
        Self { mappings: rules.mappings.iter().map(place).collect() }
    }

    /// Returns the values of a new account, or the required attributes that have none.
    ///
    /// # Errors
    /// The mappings whose required target has no value.
    pub fn for_create(&self, source_user: &SourceUser) -> Result<AttributeRow, Vec<&'a Mapping>> {
        let mut missing = Vec::new();
        let mut cells: Cells<'_> = [None; TargetAttribute::ALL.len()];
        for &(mapping, place) in &self.mappings {
            let default = mapping.default.as_ref().map(|default| default.value.as_str());
            let value = mapping.source.eval_at(place, &source_user.attributes).or(default);
            if value.is_none() && mapping.target.required() {
                missing.push(mapping);
            }
            set(&mut cells, mapping.target, value);
        }
        if missing.is_empty() { Ok(AttributeRow::pack(cells)) } else { Err(missing) }
    }

    /// Returns the values that an existing account should have, given those that count as sent:
    /// the same row if nothing differs.
    ///
    /// # Errors
    /// The mappings whose required target would be cleared.
    pub fn for_update<'s>(
        &self,
        source_user: &SourceUser,
        sent: &'s AttributeRow,
    ) -> Result<Cow<'s, AttributeRow>, Vec<&'a Mapping>> {
        let mut missing = Vec::new();
        let mut cells: Cells<'_> = [None; TargetAttribute::ALL.len()];
        for (cell, value) in cells.iter_mut().zip(sent.iter()) {
            *cell = value;
        }
        let before = cells;
        let always = |apply: Apply| apply == Apply::Always;
        for &(mapping, place) in self.mappings.iter().filter(|(one, _)| always(one.apply)) {
            let default = mapping.default.as_ref().filter(|default| always(default.apply));
            let default = default.map(|default| default.value.as_str());
            match mapping.source.eval_at(place, &source_user.attributes).or(default) {
                None if mapping.when_null == WhenNull::Keep => {}
                None if mapping.target.required() => missing.push(mapping),
                value => set(&mut cells, mapping.target, value),
            }
        }
        match missing.is_empty() {
            true if cells == before => Ok(Cow::Borrowed(sent)),
            true => Ok(Cow::Owned(AttributeRow::pack(cells))),
            false => Err(missing),
        }
    }
}

/// The values of an account, in the order of [`TargetAttribute::ALL`].
type Cells<'a> = [Option<&'a str>; TargetAttribute::ALL.len()];

fn set<'a>(cells: &mut Cells<'a>, target: TargetAttribute, value: Option<&'a str>) {
    if let Some(cell) = cells.get_mut(target.index()) {
        *cell = value;
    }
}

/// Returns whether two values of an attribute mean the same to the target: addresses are compared
/// without regard to case.
pub fn agree(target: TargetAttribute, left: Option<&str>, right: Option<&str>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) if target == TargetAttribute::Email => {
            address_key(left) == address_key(right)
        }
        _ => left.unwrap_or("") == right.unwrap_or(""),
    }
}
