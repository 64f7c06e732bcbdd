//! Mapping: from the attributes of a person to the values of an account.

mod parse;
pub mod values;

use serde::Serialize;

pub use parse::{ParseError, parse};

use crate::model::row::AttributeRow;

/// An expression that yields the value of a target attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expression {
    /// The value of a source attribute: `[mail]`.
    Attribute(String),
    /// A constant: `"Contoso"`.
    Constant(String),
}

impl Expression {
    /// Returns the expression as the configuration spells it.
    pub fn text(&self) -> String {
        match self {
            Self::Attribute(name) => format!("[{name}]"),
            Self::Constant(value) => format!("\"{}\"", value.replace('"', "\"\"")),
        }
    }

    /// Returns the source attributes that the expression reads.
    pub fn attributes(&self) -> Vec<&str> {
        match self {
            Self::Attribute(name) => vec![name],
            Self::Constant(_) => Vec::new(),
        }
    }

    /// Returns the value for a person whose attributes are `row`, in the order of `names` (sorted).
    pub fn eval<'a>(&'a self, names: &[String], row: &'a AttributeRow) -> Option<&'a str> {
        let place = match self {
            Self::Attribute(name) => names.binary_search_by(|known| known.as_str().cmp(name)).ok(),
            Self::Constant(_) => None,
        };
        self.eval_at(place, row)
    }

    /// Returns the value for a person whose attributes are `row`, given the place in it of the
    /// attribute that the expression reads. Surrounding white space is dropped; a blank text is
    /// null, as ShareFile would not keep it.
    pub fn eval_at<'a>(&'a self, place: Option<usize>, row: &'a AttributeRow) -> Option<&'a str> {
        let value = match self {
            Self::Attribute(_) => row.get(place?)?,
            Self::Constant(value) => value,
        };
        let value = value.trim();
        (!value.is_empty()).then_some(value)
    }
}
