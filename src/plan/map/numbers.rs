//! Whole numbers.

use super::datum::Datum;
use super::eval::{Outcome, Scope};

/// Returns the whole number that a text says: decimal with or without sign, or the hexadecimal of
/// Visual Basic. Zeros behind a point do not matter, nor does white space around the number.
pub(super) fn parse_whole(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(digits) = text.strip_prefix("&H").or_else(|| text.strip_prefix("&h")) {
        let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
        return plain.then(|| i64::from_str_radix(digits, 16).ok()).flatten();
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let zeros = fraction.bytes().all(|b| b == b'0') && !text.ends_with('.');
    zeros.then(|| whole.parse().ok()).flatten()
}

/// `BitAnd(value1, value2)`
pub(super) fn bit_and<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let left = scope.whole(0)?;
    let right = scope.whole(1)?;
    Ok(Datum::Int(left & right))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOBODY, error, text};
    use super::*;

    #[test]
    fn whole_numbers_in_every_spelling() {
        let numbers = ["7", "-10", "+3", " 12 ", "&HF7", "&hff", "5.00", "9223372036854775807"];
        let read = [7, -10, 3, 12, 247, 255, 5, i64::MAX];
        assert_eq!(numbers.map(parse_whole), read.map(Some));
        for none in ["", "abc", "1.5", "1.", "&H", "&H-1", "1e3", "9223372036854775808", "0x10"] {
            assert_eq!(parse_whole(none), None, "{none}");
        }
    }

    #[test]
    fn bits_in_both() {
        assert_eq!(text("BitAnd(&HF, &HF7)", &NOBODY), "7");
        assert_eq!(text("BitAnd([flags], \"2\")", &[("flags", "514")]), "2");
        assert_eq!(text("BitAnd(-1, 6)", &NOBODY), "6");
        assert_eq!(text("Join(\"\", &HF, 007)", &NOBODY), "15007");
        assert!(error("BitAnd([flags], 2)", &NOBODY).contains("null is none"));
        assert!(error("BitAnd(\"x\", 2)", &NOBODY).contains("value1"));
    }
}
