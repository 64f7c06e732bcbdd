//! Functions on text. A character is a Unicode scalar value: no function cuts one in half.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::datum::Datum;
use super::error::Fault;
use super::eval::{Outcome, Scope};

/// `Append(source, suffix)`
pub(super) fn append<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let source = scope.arg(0)?;
    let Some(suffix) = scope.text(1)? else { return Ok(Datum::Null) };
    scope.each_of(0, source, |_, source| Ok(Cow::Owned(format!("{source}{suffix}"))))
}

/// `Prepend(prefix, source)`
pub(super) fn prepend<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let Some(prefix) = scope.text(0)? else { return Ok(Datum::Null) };
    scope.each(1, |_, source| Ok(Cow::Owned(format!("{prefix}{source}"))))
}

/// `CStr(value)`
pub(super) fn to_text<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    Ok(scope.text(0)?.map_or(Datum::Null, Datum::Text))
}

/// `Left(string, numChars)`
pub(super) fn left<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let source = scope.arg(0)?;
    let count = scope.whole(1)?;
    or_empty(scope.each_of(0, source, |_, source| Ok(first(source, count))))
}

/// `Mid(source, start, length)`
///
/// A start outside the text, or a negative length, gives the source.
pub(super) fn middle<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let source = scope.arg(0)?;
    let (start, length) = (scope.whole(1)?, scope.whole(2)?);
    or_empty(scope.each_of(0, source, |_, source| {
        let from = usize::try_from(start).ok().filter(|start| *start > 0);
        let from = from.and_then(|start| source.char_indices().nth(start - 1));
        Ok(match from {
            _ if length < 0 => source,
            _ if length == 0 => Cow::Borrowed(""),
            None => source,
            Some((from, _)) => first(cut(source, |text| text.get(from..)), length),
        })
    }))
}

/// Returns an empty text instead of null.
fn or_empty(outcome: Outcome<'_>) -> Outcome<'_> {
    outcome.map(|datum| if datum == Datum::Null { Datum::text("") } else { datum })
}

/// Returns the first `count` characters; all of them if the number is negative.
fn first(text: Cow<'_, str>, count: i64) -> Cow<'_, str> {
    let Ok(count) = usize::try_from(count) else { return text };
    match text.char_indices().nth(count) {
        None => text,
        Some((end, _)) => cut(text, |text| text.get(..end)),
    }
}

/// Returns a part of a text; borrowed if the text is.
fn cut<'a>(text: Cow<'a, str>, part: impl Fn(&str) -> Option<&str>) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(part(text).unwrap_or("")),
        Cow::Owned(text) => Cow::Owned(part(&text).unwrap_or("").to_owned()),
    }
}

/// `Len(string)`
pub(super) fn length<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let text = scope.text_or_empty(0)?;
    Ok(Datum::Int(i64::try_from(text.chars().count()).unwrap_or(i64::MAX)))
}

/// `InStr(value1, value2, start, compareType)`
pub(super) fn position<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let within = scope.text_or_empty(0)?;
    let wanted = scope.text(1)?;
    let start = scope.whole_or(2, 1)?;
    let folded = matches!(scope.text(3)?.as_deref(), Some("vbTextCompare" | "1"));
    let Some(skip) = usize::try_from(start).ok().and_then(|start| start.checked_sub(1)) else {
        let shown = scope.show(&Datum::Int(start));
        return Err(scope.fault(format!("start counts from 1, and {shown} is before it")));
    };
    let Some(wanted) = wanted.filter(|_| !within.is_empty()) else { return Ok(Datum::Int(0)) };
    let offset = within.char_indices().map(|(at, _)| at).chain([within.len()]).nth(skip);
    let found = offset.and_then(|offset| {
        let rest = within.get(offset..)?;
        let at = if folded { find_folded(rest, &wanted) } else { rest.find(&*wanted) }?;
        Some(within.get(..offset + at)?.chars().count() + 1)
    });
    Ok(Datum::Int(found.and_then(|place| i64::try_from(place).ok()).unwrap_or(0)))
}

/// Returns the byte offset of `wanted` in `text`; letter case makes no difference.
fn find_folded(text: &str, wanted: &str) -> Option<usize> {
    let fold = |text: &str| -> Vec<char> { text.chars().flat_map(char::to_lowercase).collect() };
    let wanted = fold(wanted);
    // The folded characters, each with the offset of the character that it comes from.
    let origin: Vec<(usize, char)> = text
        .char_indices()
        .flat_map(|(at, c)| c.to_lowercase().map(move |folded| (at, folded)))
        .collect();
    if wanted.is_empty() {
        return Some(0);
    }
    // A text as long as the limit must not be compared at each of its places with one half as long.
    let needle: String = wanted.into_iter().collect();
    let hay: String = origin.iter().map(|(_, folded)| *folded).collect();
    let place = hay.get(..hay.find(&needle)?)?.chars().count();
    origin.get(place).map(|(at, _)| *at)
}

/// `StripSpaces(source)`
pub(super) fn strip_spaces<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    scope.each(0, |_, source| {
        Ok(if source.contains(' ') { Cow::Owned(source.replace(' ', "")) } else { source })
    })
}

/// `Trim(value)`
pub(super) fn trim<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    scope.each(0, |_, source| Ok(cut(source, |text| Some(text.trim()))))
}

/// `Word(string, number, delimiters)`
///
/// Delimiters that follow each other have no word between them.
pub(super) fn word<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let source = scope.arg(0)?;
    let number = scope.whole(1)?;
    let delimiters: BTreeSet<char> = scope.text_or_empty(2)?.chars().collect();
    or_empty(scope.each_of(0, source, |_, source| {
        let Some(skip) = usize::try_from(number).ok().and_then(|number| number.checked_sub(1))
        else {
            return Ok(Cow::Borrowed(""));
        };
        Ok(cut(source, |text| {
            let mut words = text.split(|c| delimiters.contains(&c)).filter(|word| !word.is_empty());
            words.nth(skip)
        }))
    }))
}

impl<'a> Scope<'_, 'a> {
    /// Applies `f` to the one text of a value that was the argument at `index`, or to each of
    /// several; null stays null.
    pub fn each_of(
        &mut self,
        index: usize,
        datum: Datum<'a>,
        mut f: impl FnMut(&mut Self, Cow<'a, str>) -> Result<Cow<'a, str>, Fault>,
    ) -> Outcome<'a> {
        let Datum::List(values) = datum else {
            return match self.one_text(index, datum)? {
                None => Ok(Datum::Null),
                Some(text) => f(self, text).map(Datum::Text),
            };
        };
        let mut size = 0;
        let mut out = Vec::with_capacity(values.len());
        for value in values {
            let value = f(self, value)?;
            size += value.len();
            self.check_size(size)?;
            out.push(value);
        }
        Ok(Datum::List(out))
    }

    /// As [`Scope::each_of`], for an argument that is not evaluated yet.
    pub fn each(
        &mut self,
        index: usize,
        f: impl FnMut(&mut Self, Cow<'a, str>) -> Result<Cow<'a, str>, Fault>,
    ) -> Outcome<'a> {
        let datum = self.arg(index)?;
        self.each_of(index, datum, f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::super::testing::{NOBODY, error, list, text, texts, value};

    #[test]
    fn append_and_prepend() {
        let person = [("a", "John"), ("e", "")];
        assert_eq!(text("Append([a], \".test\")", &person), "John.test");
        assert_eq!(text("Append(\"SMTP:\", [a])", &person), "SMTP:John");
        assert_eq!(text("Append([e], \"x\")", &person), "x");
        assert_eq!(text("Prepend(\"smtp:\", [a])", &person), "smtp:John");
        for null in ["Append([no], \"x\")", "Append(\"x\", [no])", "Prepend(\"x\", [no])"] {
            assert_eq!(value(null, &person), Value::Null, "{null}");
        }
    }

    #[test]
    fn several_values_are_worked_on_one_by_one() {
        assert_eq!(list("Append([m], \"!\")", &texts("m", &["a", "b"])), ["a!", "b!"]);
        assert_eq!(list("Prepend(\"smtp:\", [m])", &texts("m", &["a", "b"])), ["smtp:a", "smtp:b"]);
        assert_eq!(list("Left([m], 1)", &texts("m", &["ab", "cd"])), ["a", "c"]);
        assert_eq!(list("Trim([m])", &texts("m", &[" a ", "b\t"])), ["a", "b"]);
        let message = error("Append(\"smtp:\", [m])", &texts("m", &["a", "b"]));
        assert!(message.contains("suffix is one value, and this has 2"), "{message}");
    }

    #[test]
    fn left_and_mid_at_their_edges() {
        let s = [("s", "Jonathan")];
        for (expression, expected) in [
            ("Left([s], 3)", "Jon"),
            ("Left([s], 0)", ""),
            ("Left([s], -1)", "Jonathan"),
            ("Left([s], 99)", "Jonathan"),
            ("Left([no], 3)", ""),
            ("Left(\"\", 3)", ""),
            ("Mid([s], \"1\", \"3\")", "Jon"),
            ("Mid([s], 8, 5)", "n"),
            ("Mid([s], 9, 5)", "Jonathan"),
            ("Mid([s], 0, 5)", "Jonathan"),
            ("Mid([s], -3, 5)", "Jonathan"),
            ("Mid([s], 2, 0)", ""),
            ("Mid([s], 99, 0)", ""),
            ("Mid([s], 2, -1)", "Jonathan"),
            ("Mid([no], 1, 1)", ""),
            ("Mid([s], 2, 3, )", "ona"),
            ("Mid([s], 9223372036854775807, 9223372036854775807)", "Jonathan"),
            ("Left(ToUpper([s]), 2)", "JO"),
        ] {
            assert_eq!(text(expression, &s), expected, "{expression}");
        }
    }

    #[test]
    fn characters_are_never_cut() {
        let s = [("s", "a😀é")];
        assert_eq!(text("Left([s], 2)", &s), "a😀");
        assert_eq!(text("Mid([s], 3, 1)", &s), "é");
        assert_eq!(text("Len([s])", &s), "3");
        assert_eq!(text("InStr([s], \"é\")", &s), "3");
    }

    #[test]
    fn numbers_must_be_numbers() {
        assert!(error("Left([s], [n])", &[("s", "x"), ("n", "two")]).contains("\"two\" is none"));
        assert!(error("Left([s], [n])", &[("s", "x")]).contains("null is none"));
    }

    #[test]
    fn lengths() {
        assert_eq!(text("Len(42568.75)", &NOBODY), "8");
        assert_eq!(text("Len(100)", &NOBODY), "3");
        assert_eq!(text("Len([no])", &NOBODY), "0");
        assert_eq!(text("Len(IsNull([no]))", &NOBODY), "4");
    }

    #[test]
    fn positions() {
        for (expression, expected) in [
            ("InStr(\"The quick brown fox\",\"quick\")", "5"),
            ("InStr(\"repEated\",\"e\",3,vbBinaryCompare)", "7"),
            ("InStr(\"repEated\",\"e\",3,vbTextCompare)", "4"),
            ("InStr(\"repEated\",\"e\", ,vbTextCompare)", "2"),
            ("InStr(\"repEated\",\"e\",\"3\")", "7"),
            ("InStr(\"ab\",\"b\",99)", "0"),
            ("InStr(\"ab\",\"\",2)", "2"),
            ("InStr([no],\"b\")", "0"),
            ("InStr(\"ab\",[no])", "0"),
            ("InStr(\"\",\"\")", "0"),
            ("InStr(\"ab\",\"B\")", "0"),
            ("InStr(\"İİx\",\"X\",1,vbTextCompare)", "3"),
        ] {
            assert_eq!(text(expression, &NOBODY), expected, "{expression}");
        }
        assert!(error("InStr(\"a\", \"b\", [n])", &[("n", "0")]).contains("counts from 1"));
        assert!(error("InStr(\"a\", \"b\", 0)", &NOBODY).contains("counts from 1"));
        assert!(error("InStr(\"a\", \"b\", 1, sloppy)", &NOBODY).contains("sloppy"));
    }

    #[test]
    fn blanks() {
        assert_eq!(text("StripSpaces(\" a b \")", &NOBODY), "ab");
        assert_eq!(text("StripSpaces([s])", &[("s", "a\tb")]), "a\tb");
        assert_eq!(text("Trim([s])", &[("s", "\u{a0} a b\n")]), "a b");
        assert_eq!(value("Trim([no])", &NOBODY), Value::Null);
        assert_eq!(value("StripSpaces([no])", &NOBODY), Value::Null);
    }

    #[test]
    fn words() {
        for (expression, expected) in [
            ("Word(\"The quick brown fox\",3,\" \")", "brown"),
            ("Word(\"This,string!has&many separators\",3,\",!&#\")", "has"),
            ("Word(\"a  b\",2,\" \")", "b"),
            ("Word(\"a b\",3,\" \")", ""),
            ("Word(\"a b\",-1,\" \")", ""),
            ("Word(\"a b\",\"2\",\" \")", "b"),
            ("Word(\"a b\",1,\"\")", "a b"),
            ("Word([no],1,\" \")", ""),
            ("Word(ToUpper(\"a b\"),2,\" \")", "B"),
        ] {
            assert_eq!(text(expression, &NOBODY), expected, "{expression}");
        }
    }
}
