//! The values that an account should have.

use crate::model::account::{TargetAttribute, address_key};
use crate::model::identity::SourceUser;
use crate::model::row::AttributeRow;

use super::super::rules::{Apply, Mapping, Rules, WhenNull};

/// Returns the values of a new account, or the required attributes that have none.
///
/// # Errors
/// The mappings whose required target has no value.
pub fn for_create<'a>(
    rules: &'a Rules,
    source_user: &SourceUser,
) -> Result<AttributeRow, Vec<&'a Mapping>> {
    let value = |mapping: &'a Mapping| {
        let default = mapping.default.as_ref().map(|default| default.value.as_str());
        eval(rules, mapping, source_user).or(default)
    };
    let missing: Vec<&Mapping> = rules
        .mappings
        .iter()
        .filter(|mapping| mapping.target.required() && value(mapping).is_none())
        .collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let cell = |target| rules.mapping(target).and_then(value);
    Ok(AttributeRow::pack(TargetAttribute::ALL.map(cell)))
}

/// Returns the values that an existing account should have, given those that count as sent.
///
/// # Errors
/// The mappings whose required target would be cleared.
pub fn for_update<'a>(
    rules: &'a Rules,
    source_user: &SourceUser,
    sent: &AttributeRow,
) -> Result<AttributeRow, Vec<&'a Mapping>> {
    let mut missing = Vec::new();
    let mut cells: [Option<&str>; TargetAttribute::ALL.len()] =
        TargetAttribute::ALL.map(|target| sent.get(target.index()));
    for mapping in rules.mappings.iter().filter(|mapping| mapping.apply == Apply::Always) {
        let default = mapping
            .default
            .as_ref()
            .filter(|default| default.apply == Apply::Always)
            .map(|default| default.value.as_str());
        let Some(cell) = cells.get_mut(mapping.target.index()) else {
            continue;
        };
        match eval(rules, mapping, source_user).or(default) {
            Some(value) => *cell = Some(value),
            None if mapping.when_null == WhenNull::Keep => {}
            None if mapping.target.required() => missing.push(mapping),
            None => *cell = None,
        }
    }
    if missing.is_empty() { Ok(AttributeRow::pack(cells)) } else { Err(missing) }
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

fn eval<'a>(rules: &'a Rules, mapping: &'a Mapping, user: &'a SourceUser) -> Option<&'a str> {
    mapping.source.eval(&rules.source_attributes, &user.attributes)
}
