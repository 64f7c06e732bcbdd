//! Filters: who of those who are assigned is let in, by what they are like.
//!
//! A filter is a list of clauses, all of which have to hold; one filter that holds is enough. They
//! are Entra ID's, and so is what they mean: texts compare exactly, and an attribute without a value
//! holds in no clause but `IS NULL`.

use regex::Regex;
use serde::{Serialize, Serializer};

use crate::model::row::AttributeRow;

use super::rules::Rules;

/// Clauses that have to hold together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// What people call it, if it has a name.
    pub name: Option<String>,
    /// At least one.
    pub clauses: Vec<Clause>,
}

/// One condition on one attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clause {
    /// The source attribute.
    pub attribute: String,
    /// What has to be true of its value.
    pub test: Test,
}

/// What has to be true of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// It is this text.
    Equals(String),
    /// It is another text.
    NotEquals(String),
    /// It is `True`.
    IsTrue,
    /// It is `False`.
    IsFalse,
    /// There is none.
    IsNull,
    /// There is one.
    IsNotNull,
    /// The pattern is found in it.
    Matches(Pattern),
    /// The pattern is not found in it.
    NotMatches(Pattern),
    /// It ends with this text.
    EndsWith(String),
    /// It contains this text.
    Includes(String),
    /// It is a whole number above this one.
    GreaterThan(i64),
    /// It is this whole number or one above.
    GreaterOrEqual(i64),
}

/// A regular expression, which is what its text is.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

/// The operators, as Entra ID spells them.
pub const OPERATORS: [&str; 12] = [
    "EQUALS",
    "NOT EQUALS",
    "IS TRUE",
    "IS FALSE",
    "IS NULL",
    "IS NOT NULL",
    "REGEX MATCH",
    "NOT REGEX MATCH",
    "ENDS_WITH",
    "Includes",
    "Greater_Than",
    "Greater_Than_OR_EQUALS",
];

/// What an operator needs besides the attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Nothing.
    None,
    /// A text.
    Text,
    /// A regular expression.
    Pattern,
    /// A whole number.
    Number,
}

/// Returns what an operator needs; `None` if there is no such operator.
pub fn operand(operator: &str) -> Option<Operand> {
    Some(match operator {
        "IS TRUE" | "IS FALSE" | "IS NULL" | "IS NOT NULL" => Operand::None,
        "EQUALS" | "NOT EQUALS" | "ENDS_WITH" | "Includes" => Operand::Text,
        "REGEX MATCH" | "NOT REGEX MATCH" => Operand::Pattern,
        "Greater_Than" | "Greater_Than_OR_EQUALS" => Operand::Number,
        _ => return None,
    })
}

impl Test {
    /// Returns the test that an operator makes with its operand, which is the empty text where it
    /// needs none.
    ///
    /// # Errors
    /// Why the operand does not fit. An operator that does not exist has none that fits.
    pub fn new(operator: &str, value: &str) -> Result<Self, String> {
        let text = || value.to_owned();
        Ok(match operator {
            "EQUALS" => Self::Equals(text()),
            "NOT EQUALS" => Self::NotEquals(text()),
            "IS TRUE" => Self::IsTrue,
            "IS FALSE" => Self::IsFalse,
            "IS NULL" => Self::IsNull,
            "IS NOT NULL" => Self::IsNotNull,
            "REGEX MATCH" => Self::Matches(Pattern::new(value)?),
            "NOT REGEX MATCH" => Self::NotMatches(Pattern::new(value)?),
            "ENDS_WITH" => Self::EndsWith(text()),
            "Includes" => Self::Includes(text()),
            "Greater_Than" => Self::GreaterThan(number(value)?),
            "Greater_Than_OR_EQUALS" => Self::GreaterOrEqual(number(value)?),
            _ => return Err(format!("`{operator}` is no operator")),
        })
    }

    /// Returns whether it holds. A blank value is none, as it is for mappings.
    fn holds(&self, value: Option<&str>) -> bool {
        let value = value.map(str::trim).filter(|value| !value.is_empty());
        let Some(value) = value else {
            return matches!(self, Self::IsNull);
        };
        match self {
            Self::Equals(wanted) => value == wanted,
            Self::NotEquals(other) => value != other,
            Self::IsTrue => value == "True",
            Self::IsFalse => value == "False",
            Self::IsNull => false,
            Self::IsNotNull => true,
            Self::Matches(pattern) => pattern.0.is_match(value),
            Self::NotMatches(pattern) => !pattern.0.is_match(value),
            Self::EndsWith(end) => value.ends_with(end.as_str()),
            Self::Includes(part) => value.contains(part.as_str()),
            Self::GreaterThan(limit) => value.parse::<i64>().is_ok_and(|number| number > *limit),
            Self::GreaterOrEqual(limit) => {
                value.parse::<i64>().is_ok_and(|number| number >= *limit)
            }
        }
    }

    /// Returns the operator with its operand, as the configuration has them.
    fn text(&self) -> String {
        match self {
            Self::Equals(value) => format!("EQUALS {value:?}"),
            Self::NotEquals(value) => format!("NOT EQUALS {value:?}"),
            Self::IsTrue => "IS TRUE".to_owned(),
            Self::IsFalse => "IS FALSE".to_owned(),
            Self::IsNull => "IS NULL".to_owned(),
            Self::IsNotNull => "IS NOT NULL".to_owned(),
            Self::Matches(pattern) => format!("REGEX MATCH {:?}", pattern.text()),
            Self::NotMatches(pattern) => format!("NOT REGEX MATCH {:?}", pattern.text()),
            Self::EndsWith(value) => format!("ENDS_WITH {value:?}"),
            Self::Includes(value) => format!("Includes {value:?}"),
            Self::GreaterThan(limit) => format!("Greater_Than {limit}"),
            Self::GreaterOrEqual(limit) => format!("Greater_Than_OR_EQUALS {limit}"),
        }
    }
}

fn number(value: &str) -> Result<i64, String> {
    value.parse().map_err(|_| "expected a whole number".to_owned())
}

impl Pattern {
    /// Compiles a regular expression.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn new(text: &str) -> Result<Self, String> {
        Regex::new(text).map(Self).map_err(|error| {
            let said = error.to_string();
            let why = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(&said);
            let why = why.trim().trim_start_matches("error: ");
            format!("this is no regular expression: {why}")
        })
    }

    /// Returns its text.
    pub fn text(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Pattern {}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

/// The filters of the rules, with the places of their attributes looked up once.
pub struct Filters<'a> {
    filters: Vec<(&'a Filter, Vec<Option<usize>>)>,
}

impl<'a> Filters<'a> {
    /// Prepares the filters.
    pub fn new(rules: &'a Rules) -> Self {
        let place = |clause: &Clause| rules.source_index(&clause.attribute);
        let places = |filter: &'a Filter| (filter, filter.clauses.iter().map(place).collect());
        Self { filters: rules.filters.iter().map(places).collect() }
    }

    /// Returns whether a person is let in: by one filter, or because there is none.
    pub fn let_in(&self, row: &AttributeRow) -> bool {
        let holds = |(filter, places): &(&Filter, Vec<_>)| failing(filter, places, row).is_none();
        self.filters.is_empty() || self.filters.iter().any(holds)
    }

    /// Returns why nobody lets a person in: of each filter its name, or its number, and the first
    /// clause that does not hold.
    pub fn why_out(&self, row: &AttributeRow) -> String {
        let one = |(number, (filter, places)): (usize, &(&Filter, Vec<Option<usize>>))| {
            let clause = failing(filter, places, row)?;
            let name = match &filter.name {
                Some(name) => format!("`{name}`"),
                None => (number + 1).to_string(),
            };
            Some(format!("filter {name} wants {} {}", clause.attribute, clause.test.text()))
        };
        self.filters.iter().enumerate().filter_map(one).collect::<Vec<_>>().join(", ")
    }
}

fn failing<'a>(
    filter: &'a Filter,
    places: &[Option<usize>],
    row: &AttributeRow,
) -> Option<&'a Clause> {
    let mut clauses = filter.clauses.iter().zip(places);
    let found = clauses.find(|(clause, place)| {
        let values = place.map(|place| row.cell(place).texts()).unwrap_or_default();
        let holds = match values.as_slice() {
            [] => clause.test.holds(None),
            // One of several that fits is enough.
            values => values.iter().any(|value| clause.test.holds(Some(value))),
        };
        !holds
    });
    found.map(|(clause, _)| clause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_mean_what_they_mean_in_entra() {
        let cases = [
            ("EQUALS", "Sales", vec!["Sales", " Sales "], vec!["sales", "Sale"]),
            ("NOT EQUALS", "Sales", vec!["sales", "IT"], vec!["Sales"]),
            ("IS TRUE", "", vec!["True"], vec!["False", "true", "yes"]),
            ("IS FALSE", "", vec!["False"], vec!["True", "0"]),
            ("IS NOT NULL", "", vec!["x"], vec![]),
            ("REGEX MATCH", "[1-9][0-9]", vec!["10", "a99"], vec!["1", "ten"]),
            ("REGEX MATCH", "^s", vec!["sales"], vec!["Sales"]),
            ("NOT REGEX MATCH", "^[A-C]", vec!["Dee"], vec!["Ada"]),
            ("ENDS_WITH", "@contoso.com", vec!["a@contoso.com"], vec!["a@contoso.COM"]),
            ("Includes", "ont", vec!["Contoso"], vec!["CONTOSO"]),
            ("Greater_Than", "9", vec!["10"], vec!["9", "-1", "ten", "10.5"]),
            ("Greater_Than_OR_EQUALS", "9", vec!["9", "10"], vec!["8"]),
        ];
        for (operator, value, yes, no) in cases {
            assert!(OPERATORS.contains(&operator) && operand(operator).is_some());
            let test = Test::new(operator, value).expect("a test");
            yes.into_iter().for_each(|one| assert!(test.holds(Some(one)), "{operator} {one}"));
            no.into_iter().for_each(|one| assert!(!test.holds(Some(one)), "{operator} {one}"));
            for nothing in [None, Some(""), Some("  ")] {
                assert!(!test.holds(nothing), "{operator}: no value holds in no clause");
            }
        }
        let null = Test::new("IS NULL", "").expect("a test");
        assert!(null.holds(None) && null.holds(Some(" ")) && !null.holds(Some("x")));
        assert!(OPERATORS.iter().all(|operator| operand(operator).is_some()));
        assert_eq!(operand("equals"), None);
        let bad = Test::new("REGEX MATCH", "(a").expect_err("no pattern");
        assert_eq!(bad, "this is no regular expression: unclosed group");
        assert_eq!(Test::new("Greater_Than", "x").expect_err("no"), "expected a whole number");
    }
}
