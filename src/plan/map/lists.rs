//! Functions on multi-valued attributes. A single text is a list of one, null is a list of none.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::datum::Datum;
use super::eval::{Bounded, Outcome, Scope};

impl<'a> Scope<'_, 'a> {
    /// Returns the values of an argument.
    fn values(&mut self, index: usize) -> Result<Vec<Cow<'a, str>>, super::error::Fault> {
        Ok(match self.arg(index)? {
            Datum::List(values) => values,
            Datum::Roles(roles) => roles.into_iter().map(|role| Cow::Owned(role.value)).collect(),
            other => self.one_text(index, other)?.into_iter().collect(),
        })
    }
}

/// `Count(attribute)`
pub(super) fn count<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let count = match scope.arg(0)? {
        Datum::Null => 0,
        Datum::List(values) => values.len(),
        Datum::Roles(roles) => roles.len(),
        _ => 1,
    };
    Ok(Datum::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// `Item(attribute, index)`
pub(super) fn item<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    // What is shown of the index does not depend on whether the values may be seen.
    let index = scope.whole(1)?;
    let shown = scope.show(&Datum::Int(index));
    let values = scope.values(0)?;
    let count = values.len();
    let place = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
    let Some(place) = place else {
        return Err(scope.fault(format!("index counts from 1, and {shown} is before it")));
    };
    match values.into_iter().nth(place) {
        Some(value) => Ok(Datum::Text(value)),
        None => Err(scope.fault(format!("there is no value {shown}: the attribute has {count}"))),
    }
}

/// `Join(separator, source1…N)`
///
/// Empty sources are left out, and so are null ones.
pub(super) fn join<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let separator = scope.text_or_empty(0)?;
    let mut joined = Bounded::default();
    let mut first = true;
    for index in 1..scope.count() {
        // One text is the most frequent source by far, and needs no list.
        let values = match scope.arg(index)? {
            Datum::List(values) => values,
            Datum::Roles(roles) => roles.into_iter().map(|role| Cow::Owned(role.value)).collect(),
            other => match scope.one_text(index, other)? {
                Some(text) if !text.is_empty() => {
                    let between = if first { "" } else { &*separator };
                    first = false;
                    let pushed = joined.push(between).and_then(|()| joined.push(&text));
                    pushed.ok_or_else(|| scope.too_long())?;
                    continue;
                }
                _ => continue,
            },
        };
        for value in values.iter().filter(|value| !value.is_empty()) {
            let between = if first { "" } else { &*separator };
            first = false;
            let pushed = joined.push(between).and_then(|()| joined.push(value));
            pushed.ok_or_else(|| scope.too_long())?;
        }
    }
    Ok(Datum::text(joined.finish()))
}

/// `RemoveDuplicates(attribute)`
pub(super) fn distinct<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    match scope.arg(0)? {
        Datum::List(values) => {
            let mut seen = BTreeSet::new();
            let first: Vec<bool> = values.iter().map(|value| seen.insert(&**value)).collect();
            let kept = values.iter().zip(first).filter(|(_, first)| *first);
            Ok(Datum::list(kept.map(|(value, _)| value.clone()).collect()))
        }
        other => Ok(other),
    }
}

/// `Split(source, delimiter)`
pub(super) fn split<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let source = scope.text_or_empty(0)?;
    let delimiter = scope.text_or_empty(1)?;
    let mut chars = delimiter.chars();
    let (Some(delimiter), None) = (chars.next(), chars.next()) else {
        let shown = scope.quote(&delimiter);
        return Err(scope.fault(format!("the delimiter is one character, and {shown} is not")));
    };
    if source.is_empty() {
        return Ok(Datum::Null);
    }
    Ok(Datum::list(match source {
        Cow::Borrowed(source) => {
            source.split(delimiter).map(|part| Cow::Borrowed(part.trim())).collect()
        }
        Cow::Owned(source) => {
            source.split(delimiter).map(|part| Cow::Owned(part.trim().to_owned())).collect()
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::super::testing::{NOBODY, error, list, text, texts, value};

    #[test]
    fn counting() {
        assert_eq!(text("Count([m])", &texts("m", &["a", "b"])), "2");
        assert_eq!(text("Count([m])", &[("m", "a")]), "1");
        assert_eq!(text("Count([no])", &NOBODY), "0");
        assert_eq!(text("Count([m])", &texts("m", &[])), "0");
        assert_eq!(text("Count(Split(\"a,b,c\", \",\"))", &NOBODY), "3");
    }

    #[test]
    fn items_count_from_one() {
        let m = texts("m", &["a", "b"]);
        assert_eq!(text("Item([m], 1)", &m), "a");
        assert_eq!(text("Item([m], \"2\")", &m), "b");
        assert_eq!(text("Item([m], 1)", &[("m", "one")]), "one");
        assert!(error("Item([m], 3)", &m).contains("no value 3: the attribute has 2"));
        assert!(error("Item([no], 1)", &m).contains("has 0"));
        assert!(error("Item([m], 0)", &m).contains("counts from 1"));
        assert!(error("Item([m], -1)", &m).contains("counts from 1"));
        assert!(error("Item([m], [n])", &[("m", "a"), ("n", "0")]).contains("counts from 1"));
        let message = error("Item(Redact([m]), 3)", &m);
        assert!(message.contains("no value 3: "), "{message}");
    }

    #[test]
    fn joining_leaves_out_what_is_empty() {
        let person = [("a", "x"), ("e", "")];
        assert_eq!(text("Join(\", \", [a], [e], [no], \"y\", , 5)", &person), "x, y, 5");
        assert_eq!(text("Join(\"-\", [no], [e])", &person), "");
        assert_eq!(text("Join([no], \"a\", \"b\")", &person), "ab");
        let m = texts("m", &["a", "", "b"]);
        assert_eq!(text("Join(\",\", \"s\", [m])", &m), "s,a,b");
        assert_eq!(text("Join(\",\", [a], [b], )", &[("a", "1"), ("b", "2")]), "1,2");
    }

    #[test]
    fn duplicates() {
        let m = texts("m", &["b", "a", "b", "B"]);
        assert_eq!(list("RemoveDuplicates([m])", &m), ["b", "a", "B"]);
        assert_eq!(text("RemoveDuplicates([m])", &[("m", "a")]), "a");
        assert_eq!(value("RemoveDuplicates([no])", &NOBODY), Value::Null);
    }

    #[test]
    fn splitting() {
        assert_eq!(list("Split([s], \",\")", &[("s", "a, b ,,c")]), ["a", "b", "", "c"]);
        assert_eq!(list("Split([s], \" \")", &[("s", "a b")]), ["a", "b"]);
        assert_eq!(list("Split(\"a\", \";\")", &NOBODY), ["a"]);
        assert_eq!(value("Split([no], \",\")", &NOBODY), Value::Null);
        assert_eq!(value("Split(\"\", \",\")", &NOBODY), Value::Null);
        assert!(error("Split(\"a\", \"ab\")", &NOBODY).contains("one character"));
        assert!(error("Split(\"a\", [d])", &[("d", "")]).contains("one character"));
    }

    #[test]
    fn results_are_bounded() {
        let long = "x".repeat(100_000);
        let message = error("Join(\"\", [a], [a], [a])", &[("a", &long)]);
        assert!(message.contains("longer than 256 KiB"), "{message}");
    }
}
