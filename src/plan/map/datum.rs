//! Values while an expression is evaluated: typed, and text where text is asked for.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::civil::DateTime;

use super::flow::Role;
use super::format_date::{self, write_general};
use super::syntax::Operator;

/// A value with its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Datum<'a> {
    Null,
    Text(Cow<'a, str>),
    /// The values of a multi-valued attribute; never of length 0.
    List(Vec<Cow<'a, str>>),
    Int(i64),
    Bool(bool),
    /// A date in UTC, between the years 1 and 9999.
    Date(DateTime),
    /// Never of length 0.
    Roles(Vec<Role>),
    IgnoreAttribute,
    IgnoreObject,
}

/// A multi-valued value where one text is asked for; says how many values there are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Several(pub usize);

impl<'a> Datum<'a> {
    /// Returns a text.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// Returns a list; null if it is empty.
    pub fn list(values: Vec<Cow<'a, str>>) -> Self {
        if values.is_empty() { Self::Null } else { Self::List(values) }
    }

    /// Returns whether there is a value that is not empty.
    pub fn is_present(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Text(text) => !text.is_empty(),
            Self::List(values) => values.iter().any(|value| !value.is_empty()),
            _ => true,
        }
    }

    /// Returns the one text of the value; null is `None`. A list of one value is that value.
    ///
    /// # Errors
    /// Several values are no text.
    pub fn into_text(self) -> Result<Option<Cow<'a, str>>, Several> {
        match self {
            Self::Null | Self::IgnoreAttribute | Self::IgnoreObject => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::List(mut values) if values.len() == 1 => Ok(values.pop()),
            Self::List(values) => Err(Several(values.len())),
            Self::Int(value) => Ok(Some(Cow::Owned(value.to_string()))),
            Self::Bool(value) => Ok(Some(Cow::Borrowed(truth_text(value)))),
            Self::Date(date) => Ok(Some(Cow::Owned(write_general(date)))),
            Self::Roles(mut roles) if roles.len() == 1 => {
                Ok(roles.pop().map(|role| Cow::Owned(role.value)))
            }
            Self::Roles(roles) => Err(Several(roles.len())),
        }
    }

    /// Returns the value as a message or a trace shows it.
    pub fn show(&self) -> String {
        let quoted = |text: &str| match text.char_indices().nth(60) {
            None => format!("\"{text}\""),
            Some((end, _)) => format!("\"{}…\"", text.get(..end).unwrap_or("")),
        };
        let several = |texts: Vec<String>| {
            let more = if texts.len() > 5 {
                format!(", … {} in all", texts.len())
            } else {
                String::new()
            };
            let first: Vec<String> = texts.into_iter().take(5).collect();
            format!("[{}{more}]", first.join(", "))
        };
        match self {
            Self::Null => "null".to_owned(),
            Self::Text(text) => quoted(text),
            Self::List(values) => several(values.iter().map(|value| quoted(value)).collect()),
            Self::Int(value) => value.to_string(),
            Self::Bool(value) => truth_text(*value).to_owned(),
            Self::Date(date) => write_general(*date),
            Self::Roles(roles) => several(roles.iter().map(|role| quoted(&role.value)).collect()),
            Self::IgnoreAttribute => "IgnoreAttributeFlow".to_owned(),
            Self::IgnoreObject => "IgnoreObjectFlow".to_owned(),
        }
    }

    /// Returns how many bytes of text the value holds.
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::List(values) => values.iter().map(|value| value.len()).sum(),
            _ => 0,
        }
    }
}

/// Returns a truth value as text.
pub(super) fn truth_text(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// Returns whether a comparison holds.
///
/// Two texts that look like numbers compare as numbers, a date and the text of a date compare as
/// dates, a truth value and its text in any letter case are equal; everything else compares as
/// text, character by character, and letter case matters. Null and an empty text are equal to each
/// other and neither greater nor less than anything.
///
/// # Errors
/// Several values cannot be compared.
pub(super) fn compare(
    operator: Operator,
    left: Datum<'_>,
    right: Datum<'_>,
) -> Result<bool, Several> {
    let order = match (left.is_present(), right.is_present()) {
        (false, false) => Some(Ordering::Equal),
        (true, true) => order(left, right)?,
        _ => None,
    };
    Ok(match (operator, order) {
        (Operator::Equal, order) => order == Some(Ordering::Equal),
        (Operator::NotEqual, order) => order != Some(Ordering::Equal),
        (_, None) => false,
        (Operator::Greater, Some(order)) => order.is_gt(),
        (Operator::GreaterOrEqual, Some(order)) => order.is_ge(),
        (Operator::Less, Some(order)) => order.is_lt(),
        (Operator::LessOrEqual, Some(order)) => order.is_le(),
    })
}

/// Returns the order of two values that are there; none if they are of kinds without one.
fn order(left: Datum<'_>, right: Datum<'_>) -> Result<Option<Ordering>, Several> {
    match (&left, &right) {
        (Datum::Int(left), Datum::Int(right)) => return Ok(Some(left.cmp(right))),
        (Datum::Date(left), Datum::Date(right)) => return Ok(Some(left.cmp(right))),
        (Datum::Date(date), Datum::Text(text)) => {
            return Ok(format_date::parse_any(text).map(|other| date.cmp(&other)));
        }
        (Datum::Text(text), Datum::Date(date)) => {
            return Ok(format_date::parse_any(text).map(|other| other.cmp(date)));
        }
        _ => {}
    }
    let truth = matches!(left, Datum::Bool(_)) || matches!(right, Datum::Bool(_));
    let left = left.into_text()?.unwrap_or_default();
    let right = right.into_text()?.unwrap_or_default();
    if truth && left.eq_ignore_ascii_case(&right) {
        return Ok(Some(Ordering::Equal));
    }
    Ok(Some(match (Decimal::read(&left), Decimal::read(&right)) {
        (Some(left), Some(right)) => left.order(&right),
        _ => left.cmp(&right),
    }))
}

/// A text that looks like a decimal number; compared without turning it into one, so that no
/// digit is lost.
#[derive(Debug)]
pub(super) struct Decimal<'t> {
    negative: bool,
    /// The digits before the point, without leading zeros.
    whole: &'t str,
    /// The digits behind the point, without zeros at the end.
    fraction: &'t str,
}

impl<'t> Decimal<'t> {
    /// Returns the number that the text looks like.
    pub fn read(text: &'t str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').or_else(|| text.strip_prefix('+')).unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Self { negative: text.starts_with('-') && !zero, whole, fraction })
    }

    /// Returns whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn order(&self, other: &Decimal<'_>) -> Ordering {
        let size = |one: &Self, other: &Decimal<'_>| {
            let whole = one.whole.len().cmp(&other.whole.len()).then(one.whole.cmp(other.whole));
            whole.then(one.fraction.cmp(other.fraction))
        };
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(self, other).reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(left: &str, sign: &str, right: &str) -> bool {
        let operator = Operator::ALL.into_iter().find(|one| one.sign() == sign).expect("a sign");
        compare(operator, Datum::text(left), Datum::text(right)).expect("one value")
    }

    #[test]
    fn numbers_compare_as_numbers() {
        assert!(holds("10", ">", "9") && holds("007", "=", "7") && holds("1.50", "=", "1.5"));
        assert!(holds("-2", "<", "-1") && holds("-0", "=", "0") && holds("+3", "=", "3"));
        assert!(holds("-1", "<", "0.5") && holds("2", ">", "-3") && holds("1.05", "<", "1.5"));
        assert!(holds("9007199254740993", ">", "9007199254740992"));
        assert!(holds(&"9".repeat(400), "<", &format!("1{}", "0".repeat(400))));
    }

    #[test]
    fn other_texts_compare_by_character() {
        assert!(holds("10", "<", "9a") && holds("a", "<>", "A") && holds("1.", "<>", "1"));
        assert!(holds("b", ">=", "a") && !holds(" 1", "=", "1"));
    }

    #[test]
    fn what_is_missing_equals_only_what_is_missing() {
        let null = |sign: &str, right: Datum<'static>| {
            let operator = Operator::ALL.into_iter().find(|one| one.sign() == sign);
            compare(operator.expect("a sign"), Datum::Null, right).expect("one value")
        };
        assert!(null("=", Datum::text("")) && null("=", Datum::Null) && null(">=", Datum::Null));
        assert!(
            null("<>", Datum::Int(0)) && !null("<", Datum::Int(5)) && !null(">", Datum::Int(5))
        );
        assert!(!null("<>", Datum::text("")) && !null("<", Datum::text("")));
    }

    #[test]
    fn dates_compare_with_the_text_of_a_date() {
        let date = || Datum::Date(DateTime::constant(2025, 7, 30, 0, 0, 0, 0));
        let says = |operator, right| compare(operator, date(), right).expect("one value");
        assert!(says(Operator::Greater, Datum::text("2025-07-29")));
        assert!(says(Operator::Equal, Datum::text("7/30/2025 12:00:00 AM")));
        assert!(says(Operator::NotEqual, Datum::text("never")));
        assert!(!says(Operator::Less, Datum::text("never")));
        assert!(compare(Operator::Less, Datum::text("2025-07-29"), date()).expect("one value"));
    }

    #[test]
    fn truth_values_equal_their_text() {
        assert_eq!(compare(Operator::Equal, Datum::Bool(true), Datum::text("true")), Ok(true));
        assert_eq!(compare(Operator::Equal, Datum::Bool(true), Datum::text("False")), Ok(false));
    }

    #[test]
    fn several_values_are_no_text() {
        let two = Datum::List(vec!["a".into(), "b".into()]);
        assert_eq!(compare(Operator::Equal, two.clone(), Datum::text("a")), Err(Several(2)));
        assert_eq!(Datum::List(vec!["a".into()]).into_text(), Ok(Some("a".into())));
        assert_eq!(two.show(), "[\"a\", \"b\"]");
    }

    #[test]
    fn long_values_are_shown_shortened() {
        assert_eq!(Datum::text("é".repeat(80)).show(), format!("\"{}…\"", "é".repeat(60)));
    }
}
