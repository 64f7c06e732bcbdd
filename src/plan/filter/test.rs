//! What a clause asks of one value.

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::model::ids::{SourceAnchor, Timestamp};
use crate::plan::map::{Budget, NetPattern};

use super::dates::{Side, When, instant};

/// What has to be true of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// It is this text.
    Equals(String),
    /// It is another text.
    NotEquals(String),
    /// It is one of these texts.
    In(Vec<String>),
    /// It is none of these texts.
    NotIn(Vec<String>),
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
    /// It begins with this text.
    StartsWith(String),
    /// It ends with this text.
    EndsWith(String),
    /// It contains this text.
    Includes(String),
    /// It is a whole number above this one.
    GreaterThan(i64),
    /// It is this whole number or one above.
    GreaterOrEqual(i64),
    /// It is a whole number that has one of these bits at least.
    AnyBit(i64),
    /// It is a whole number that has none of these bits.
    NoBit(i64),
    /// It is a date on this side.
    Date(Side, When),
    /// The person comes through this assigned group.
    MemberOf(GroupName),
    /// The person does not come through this assigned group.
    NotMemberOf(GroupName),
}

/// An assigned group, as a clause names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupName {
    /// By its object id.
    Id(SourceAnchor),
    /// By its display name, compared without regard to case.
    Named(String),
}

/// What an operator needs besides the attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Nothing.
    None,
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// A regular expression.
    Pattern,
    /// A whole number.
    Number,
    /// An instant, or a distance from now.
    Date,
    /// A group, and no attribute.
    Group,
}

/// An operator.
#[derive(Debug, PartialEq, Eq)]
pub struct Operator {
    /// How we spell it.
    pub name: &'static str,
    /// What it needs.
    pub operand: Operand,
}

const fn operator(name: &'static str, operand: Operand) -> Operator {
    Operator { name, operand }
}

/// The operators: those of Entra ID, and after them ours.
pub const OPERATORS: [Operator; 23] = [
    operator("EQUALS", Operand::Text),
    operator("NOT EQUALS", Operand::Text),
    operator("IS TRUE", Operand::None),
    operator("IS FALSE", Operand::None),
    operator("IS NULL", Operand::None),
    operator("IS NOT NULL", Operand::None),
    operator("REGEX MATCH", Operand::Pattern),
    operator("NOT REGEX MATCH", Operand::Pattern),
    operator("ENDS_WITH", Operand::Text),
    operator("INCLUDES", Operand::Text),
    operator("GREATER_THAN", Operand::Number),
    operator("GREATER_THAN_OR_EQUALS", Operand::Number),
    operator("&", Operand::Number),
    operator("!&", Operand::Number),
    operator("IN", Operand::Texts),
    operator("NOT IN", Operand::Texts),
    operator("STARTS_WITH", Operand::Text),
    operator("BEFORE", Operand::Date),
    operator("ON_OR_BEFORE", Operand::Date),
    operator("AFTER", Operand::Date),
    operator("ON_OR_AFTER", Operand::Date),
    operator("MEMBER OF", Operand::Group),
    operator("NOT MEMBER OF", Operand::Group),
];

impl Operator {
    /// Returns whether it says what a value is not.
    pub fn is_negative(&self) -> bool {
        ["NOT EQUALS", "NOT IN", "NOT REGEX MATCH", "!&"].contains(&self.name)
    }

    /// Finds an operator. Letter case, blanks and underscores make no difference.
    pub fn find(text: &str) -> Option<&'static Self> {
        let key = |text: &str| {
            let kept = text.chars().filter(|c| !c.is_whitespace() && *c != '_');
            kept.collect::<String>().to_uppercase()
        };
        let wanted = key(text);
        OPERATORS.iter().find(|known| key(known.name) == wanted)
    }
}

impl Test {
    /// Returns whether it is about what a value is not, so that one reads it as true of no value.
    pub fn is_negative(&self) -> bool {
        matches!(self, Self::NotEquals(_) | Self::NotIn(_) | Self::NotMatches(_) | Self::NoBit(_))
    }

    /// Returns the test that an operator makes with its operands: none, one, or a list.
    ///
    /// # Errors
    /// Why they do not fit.
    pub fn new(operator: &Operator, values: &[String]) -> Result<Self, String> {
        let value = values.first().map(String::as_str).unwrap_or_default();
        let text = || value.to_owned();
        Ok(match operator.name {
            "EQUALS" => Self::Equals(text()),
            "NOT EQUALS" => Self::NotEquals(text()),
            "IS TRUE" => Self::IsTrue,
            "IS FALSE" => Self::IsFalse,
            "IS NULL" => Self::IsNull,
            "IS NOT NULL" => Self::IsNotNull,
            "REGEX MATCH" => Self::Matches(Pattern::new(value)?),
            "NOT REGEX MATCH" => Self::NotMatches(Pattern::new(value)?),
            "ENDS_WITH" => Self::EndsWith(text()),
            "INCLUDES" => Self::Includes(text()),
            "GREATER_THAN" => Self::GreaterThan(number(value)?),
            "GREATER_THAN_OR_EQUALS" => Self::GreaterOrEqual(number(value)?),
            "&" => Self::AnyBit(number(value)?),
            "!&" => Self::NoBit(number(value)?),
            "IN" => Self::In(values.to_vec()),
            "NOT IN" => Self::NotIn(values.to_vec()),
            "STARTS_WITH" => Self::StartsWith(text()),
            "BEFORE" => Self::Date(Side::Before, When::parse(value)?),
            "ON_OR_BEFORE" => Self::Date(Side::OnOrBefore, When::parse(value)?),
            "AFTER" => Self::Date(Side::After, When::parse(value)?),
            "ON_OR_AFTER" => Self::Date(Side::OnOrAfter, When::parse(value)?),
            "MEMBER OF" => Self::MemberOf(GroupName::new(value)),
            "NOT MEMBER OF" => Self::NotMemberOf(GroupName::new(value)),
            other => return Err(format!("`{other}` is no operator")),
        })
    }

    /// Returns the group that the test is about, if it is about one.
    pub fn group(&self) -> Option<&GroupName> {
        match self {
            Self::MemberOf(group) | Self::NotMemberOf(group) => Some(group),
            _ => None,
        }
    }

    /// Returns whether it holds of a value.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub(super) fn holds(&self, value: &str, now: Timestamp) -> Result<bool, String> {
        let number = || value.parse::<i64>().ok();
        Ok(match self {
            Self::Equals(wanted) => value == wanted,
            Self::NotEquals(other) => value != other,
            Self::In(wanted) => wanted.iter().any(|one| one == value),
            Self::NotIn(others) => others.iter().all(|one| one != value),
            Self::IsTrue => value == "True",
            Self::IsFalse => value == "False",
            Self::IsNull => false,
            Self::IsNotNull => true,
            Self::Matches(pattern) => pattern.is_found_in(value)?,
            Self::NotMatches(pattern) => !pattern.is_found_in(value)?,
            Self::StartsWith(start) => value.starts_with(start.as_str()),
            Self::EndsWith(end) => value.ends_with(end.as_str()),
            Self::Includes(part) => value.contains(part.as_str()),
            Self::GreaterThan(limit) => number().is_some_and(|number| number > *limit),
            Self::GreaterOrEqual(limit) => number().is_some_and(|number| number >= *limit),
            Self::AnyBit(bits) => number().is_some_and(|number| number & bits != 0),
            Self::NoBit(bits) => number().is_some_and(|number| number & bits == 0),
            Self::Date(side, when) => {
                instant(value).is_some_and(|date| side.holds(date, *when, now))
            }
            // Asked of the person, not of a value.
            Self::MemberOf(_) | Self::NotMemberOf(_) => false,
        })
    }

    /// Returns whether the answer changes with time.
    pub(super) fn moves(&self) -> bool {
        matches!(self, Self::Date(_, When::Now(_)))
    }

    /// Returns the first instant after `now` at which the answer for a value is another one.
    pub(super) fn changes(&self, value: &str, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Date(side, when) => side.changes(instant(value)?, *when, now),
            _ => None,
        }
    }

    /// Returns the operator with its operand, as the configuration has them.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Equals(value) => format!("EQUALS {value:?}"),
            Self::NotEquals(value) => format!("NOT EQUALS {value:?}"),
            Self::In(values) => format!("IN {values:?}"),
            Self::NotIn(values) => format!("NOT IN {values:?}"),
            Self::IsTrue => "IS TRUE".to_owned(),
            Self::IsFalse => "IS FALSE".to_owned(),
            Self::IsNull => "IS NULL".to_owned(),
            Self::IsNotNull => "IS NOT NULL".to_owned(),
            Self::Matches(pattern) => format!("REGEX MATCH {:?}", pattern.text()),
            Self::NotMatches(pattern) => format!("NOT REGEX MATCH {:?}", pattern.text()),
            Self::StartsWith(value) => format!("STARTS_WITH {value:?}"),
            Self::EndsWith(value) => format!("ENDS_WITH {value:?}"),
            Self::Includes(value) => format!("INCLUDES {value:?}"),
            Self::GreaterThan(limit) => format!("GREATER_THAN {limit}"),
            Self::GreaterOrEqual(limit) => format!("GREATER_THAN_OR_EQUALS {limit}"),
            Self::AnyBit(bits) => format!("& {bits}"),
            Self::NoBit(bits) => format!("!& {bits}"),
            Self::Date(side, when) => format!("{} {when}", side.name()),
            Self::MemberOf(group) => format!("MEMBER OF {}", group.text()),
            Self::NotMemberOf(group) => format!("NOT MEMBER OF {}", group.text()),
        }
    }
}

impl GroupName {
    fn new(text: &str) -> Self {
        match Uuid::parse_str(text) {
            Ok(id) => Self::Id(SourceAnchor(id)),
            Err(_) => Self::Named(text.to_owned()),
        }
    }

    /// Returns the name in quotation marks, or the id.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Id(anchor) => anchor.to_string(),
            Self::Named(name) => format!("{name:?}"),
        }
    }
}

fn number(value: &str) -> Result<i64, String> {
    value.parse().map_err(|_| "expected a whole number".to_owned())
}

/// A regular expression of .NET, which is what its text is.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    compiled: NetPattern,
}

impl Pattern {
    /// Compiles a regular expression.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn new(text: &str) -> Result<Self, String> {
        let compiled = NetPattern::compile(text)
            .map_err(|why| format!("this is no regular expression: {why}"))?;
        Ok(Self { text: text.to_owned(), compiled })
    }

    /// Returns its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn is_found_in(&self, value: &str) -> Result<bool, String> {
        self.compiled.find_first(value, &mut Budget::default()).map(|found| found.is_some())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn test(name: &str, value: &str) -> Test {
        let operator = Operator::find(name).expect(name);
        let values: Vec<String> = match operator.operand {
            Operand::Texts => value.split(',').map(str::to_owned).collect(),
            _ => vec![value.to_owned()],
        };
        Test::new(operator, &values).expect("a test")
    }

    #[test]
    fn operators_mean_what_they_mean_in_entra() {
        let cases = [
            ("EQUALS", "Sales", vec!["Sales"], vec!["sales", "Sale"]),
            ("NOT EQUALS", "Sales", vec!["sales", "IT"], vec!["Sales"]),
            ("IS TRUE", "", vec!["True"], vec!["False", "true", "yes"]),
            ("IS FALSE", "", vec!["False"], vec!["True", "0"]),
            ("IS NOT NULL", "", vec!["x"], vec![]),
            ("IS NULL", "", vec![], vec!["x"]),
            ("REGEX MATCH", "[1-9][0-9]", vec!["10", "a99"], vec!["1", "ten"]),
            ("REGEX MATCH", "^s", vec!["sales"], vec!["Sales"]),
            ("REGEX MATCH", "^(?!ext-)", vec!["ada", "x-ext-"], vec!["ext-ada"]),
            ("NOT REGEX MATCH", "^[A-C]", vec!["Dee"], vec!["Ada"]),
            ("ENDS_WITH", "@contoso.com", vec!["a@contoso.com"], vec!["a@contoso.COM"]),
            ("INCLUDES", "ont", vec!["Contoso"], vec!["CONTOSO"]),
            ("GREATER_THAN", "9", vec!["10"], vec!["9", "-1", "ten", "10.5"]),
            ("GREATER_THAN_OR_EQUALS", "9", vec!["9", "10"], vec!["8"]),
            ("&", "6", vec!["2", "4", "7"], vec!["0", "1", "9", "two"]),
            ("!&", "2", vec!["0", "1", "5"], vec!["2", "514", "none"]),
            ("IN", "Sales,IT", vec!["Sales", "IT"], vec!["it", "Sales,IT", ""]),
            ("NOT IN", "Sales,IT", vec!["it", ""], vec!["Sales", "IT"]),
            ("STARTS_WITH", "Con", vec!["Contoso"], vec!["contoso"]),
            ("BEFORE", "now", vec!["2026-09-01", "1 Sep 2026"], vec!["2026-10-01", "soon"]),
            ("ON_OR_BEFORE", "2026-09-01", vec!["2026-09-01"], vec!["2026-09-01T00:01Z"]),
            ("AFTER", "now-30d", vec!["2026-09-01T08:00:00Z"], vec!["2026-08-01", ""]),
            ("ON_OR_AFTER", "2026-09-01", vec!["2026-09-01T02:00+02:00"], vec!["2026-08-31"]),
        ];
        for (name, value, yes, no) in cases {
            let test = test(name, value);
            for (values, expected) in [(yes, true), (no, false)] {
                for one in values {
                    assert_eq!(test.holds(one, NOW), Ok(expected), "{name} {value}: {one}");
                }
            }
        }
    }

    #[test]
    fn spellings_of_operators_do_not_matter_and_their_texts_are_read_again() {
        for (spelled, name) in [
            ("equals", "EQUALS"),
            ("Not_Equals", "NOT EQUALS"),
            ("IS_NOT_NULL", "IS NOT NULL"),
            ("regex match", "REGEX MATCH"),
            ("Greater_Than_OR_EQUALS", "GREATER_THAN_OR_EQUALS"),
            ("GreaterThan", "GREATER_THAN"),
            ("Includes", "INCLUDES"),
            ("ends with", "ENDS_WITH"),
            ("! &", "!&"),
            ("not member  of", "NOT MEMBER OF"),
            ("on or before", "ON_OR_BEFORE"),
        ] {
            assert_eq!(Operator::find(spelled).map(|known| known.name), Some(name), "{spelled}");
        }
        assert_eq!(Operator::find("EQUAL"), None);
        for known in &OPERATORS {
            assert_eq!(Operator::find(known.name), Some(known));
            let value = match known.operand {
                Operand::Date | Operand::Group => "now",
                _ => "7",
            };
            assert!(test(known.name, value).text().starts_with(known.name), "{}", known.name);
        }
    }

    #[test]
    fn operands_that_do_not_fit_are_refused() {
        let refused = |name: &str, value: &str| {
            let operator = Operator::find(name).expect(name);
            Test::new(operator, &[value.to_owned()]).expect_err(value)
        };
        assert!(refused("REGEX MATCH", "(a").starts_with("this is no regular expression: "));
        assert_eq!(refused("GREATER_THAN", "x"), "expected a whole number");
        assert!(refused("BEFORE", "soon").starts_with("expected `now`"));
        let text = "a".repeat(crate::plan::map::MOST_SEARCHED + 1);
        assert!(test("REGEX MATCH", "b").holds(&text, NOW).is_err(), "nobody can tell");
    }
}
