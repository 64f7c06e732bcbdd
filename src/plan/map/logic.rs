//! Functions that test and choose. What is not chosen is not evaluated.

use super::datum::{Datum, Decimal, truth_text};
use super::eval::{Outcome, Scope};

/// Returns the truth that a text stands for: a truth value in any letter case, or a number, which
/// is true unless it is zero. An empty text is false.
pub(super) fn truth_of(text: &str) -> Option<bool> {
    if text.is_empty() || text.eq_ignore_ascii_case("false") {
        return Some(false);
    }
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    Decimal::read(text).map(|number| !number.is_zero())
}

/// `IIF(condition, valueIfTrue, valueIfFalse)`
pub(super) fn either<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let holds = match scope.arg(0)? {
        Datum::Bool(holds) => holds,
        Datum::Int(value) => value != 0,
        other => {
            let shown = scope.show(&other);
            let text = scope.one_text(0, other)?.unwrap_or_default();
            truth_of(&text).ok_or_else(|| scope.fault(format!("{shown} is no condition")))?
        }
    };
    scope.arg(if holds { 1 } else { 2 })
}

/// `Switch(source, defaultValue, key1, value1, …)`
pub(super) fn switch<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let source = scope.text_or_empty(0)?;
    for key in (2..scope.count()).step_by(2) {
        if scope.text_or_empty(key)? == source {
            return scope.arg(key + 1);
        }
    }
    scope.arg(1)
}

/// `Coalesce(source1…N, defaultValue)`
///
/// An empty source is passed over as a null one is; the last argument is given as it is.
pub(super) fn coalesce<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let last = scope.count().saturating_sub(1);
    for index in 0..last {
        let value = scope.arg(index)?;
        if value.is_present() {
            return Ok(value);
        }
    }
    scope.arg(last)
}

/// `IgnoreFlowIfNullOrEmpty(expression)`
pub(super) fn ignore_if_empty<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let value = scope.arg(0)?;
    Ok(if value.is_present() { value } else { Datum::IgnoreAttribute })
}

/// `IsNull(expression)`, `IsNothing(source)`
pub(super) fn is_null<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    Ok(Datum::Bool(scope.arg(0)? == Datum::Null))
}

/// `IsNullOrEmpty(expression)`
pub(super) fn is_null_or_empty<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    Ok(Datum::Bool(!scope.arg(0)?.is_present()))
}

/// `IsPresent(expression)`
pub(super) fn is_present<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    Ok(Datum::Bool(scope.arg(0)?.is_present()))
}

/// `IsString(expression)`
pub(super) fn is_string<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let value = scope.arg(0)?;
    Ok(Datum::Bool(matches!(value.into_text(), Ok(Some(_)))))
}

/// `CBool(expression)`
pub(super) fn to_boolean<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    Ok(Datum::Bool(match scope.arg(0)? {
        Datum::Bool(value) => value,
        Datum::Int(value) => value != 0,
        other => truth_of(&scope.one_text(0, other)?.unwrap_or_default()).unwrap_or(false),
    }))
}

/// `Not(source)`: False for exactly the text `True`.
pub(super) fn not<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let text = scope.text_or_empty(0)?;
    Ok(Datum::Bool(text != truth_text(true)))
}

/// `Redact(value)`
pub(super) fn redact<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    scope.hidden_arg(0)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{error, flow, list, text, texts, value};
    use super::super::{Flow, Value};

    #[test]
    fn branches_that_are_not_taken_raise_nothing() {
        assert_eq!(text("IIF([a]=\"1\",\"x\",CDate([a]))", &[("a", "1")]), "x");
        assert_eq!(text("IIF([a]=\"2\",CDate([a]),\"y\")", &[("a", "1")]), "y");
        assert_eq!(text("Switch([a],CDate([a]),\"1\",\"x\",CDate([a]),\"y\")", &[("a", "1")]), "x");
        assert_eq!(text("Coalesce([a],CDate([a]))", &[("a", "1")]), "1");
        assert!(error("IIF([a]=\"2\",\"x\",CDate([a]))", &[("a", "1")]).contains("`CDate`"));
    }

    #[test]
    fn conditions() {
        for (condition, expected) in [
            ("[one]=1", "y"),
            ("[one]=\"01\"", "y"),
            ("[a]=\"X\"", "n"),
            ("[a]<>\"X\"", "y"),
            ("[no]=\"\"", "y"),
            ("[no]<>\"\"", "n"),
            ("[no]<5", "n"),
            ("[e]=[no]", "y"),
            ("IsPresent([a])", "y"),
            ("IsPresent([a])=\"True\"", "y"),
            ("Not([a]=\"x\")", "n"),
            ("CBool([a]=\"x\")", "y"),
            ("[yes]", "y"),
            ("[no]", "n"),
            ("[zero]", "n"),
            ("1", "y"),
            ("Len([a])>=1", "y"),
            ("Now()>CDate(\"2000-01-01\")", "y"),
            ("CDate(\"2000-01-01\")=\"2000-01-01T00:00:00Z\"", "y"),
        ] {
            let person = [("a", "x"), ("e", ""), ("one", "1"), ("yes", "true"), ("zero", "0")];
            let expression = format!("IIF({condition},\"y\",\"n\")");
            assert_eq!(text(&expression, &person), expected, "{expression}");
        }
        assert!(error("IIF([a],\"y\",\"n\")", &[("a", "USA")]).contains("\"USA\" is no condition"));
        let two = texts("m", &["a", "b"]);
        assert!(error("IIF([m]=\"a\",\"y\",\"n\")", &two).contains("works on one value"));
    }

    #[test]
    fn switch_compares_text() {
        let person = [("s", "True"), ("e", "")];
        for (expression, expected) in [
            ("Switch([s], \"0\", \"true\", \"1\")", "0"),
            ("Switch([e], \"d\", \"\", \"z\")", "z"),
            ("Switch([no], \"d\", \"\", \"z\")", "z"),
            ("Switch([no], \"d\", , \"z\")", "z"),
            ("Switch([s], \"d\", \"True\", \"1\", \"True\", \"2\", )", "1"),
            ("Switch(IsPresent([s]), \"d\", \"True\", [s])", "True"),
            ("Switch(1, \"d\", \"1.0\", \"no\", \"1\", \"yes\")", "yes"),
            ("Switch(Len([s]), \"d\", 4, \"four\")", "four"),
        ] {
            assert_eq!(text(expression, &person), expected, "{expression}");
        }
        assert_eq!(value("Switch([s], , \"k\", \"v\")", &person), Value::Null);
        assert_eq!(value("Switch([s], , \"True\", )", &person), Value::Null);
        let two = texts("m", &["a", "b"]);
        assert!(error("Switch([m], \"d\", \"a\", \"1\")", &two).contains("source is one value"));
        assert_eq!(list("Switch(\"x\", [m], \"a\", \"1\")", &two), ["a", "b"]);
    }

    #[test]
    fn coalesce_passes_over_what_is_empty() {
        let person = [("a", "x"), ("e", "")];
        assert_eq!(text("Coalesce([no], [e], [a], \"d\")", &person), "x");
        assert_eq!(text("Coalesce([no], \"\")", &person), "");
        assert_eq!(text("Coalesce([no], [e])", &person), "");
        assert_eq!(value("Coalesce([e], [no])", &person), Value::Null);
        assert_eq!(value("Coalesce([no])", &person), Value::Null);
        assert_eq!(list("Coalesce([no], [m])", &texts("m", &["1", "2"])), ["1", "2"]);
    }

    #[test]
    fn leaving_alone() {
        let person = [("a", "x"), ("e", "")];
        assert_eq!(flow("IgnoreFlowIfNullOrEmpty([no])", &person), Flow::IgnoreAttribute);
        assert_eq!(flow("IgnoreFlowIfNullOrEmpty([e])", &person), Flow::IgnoreAttribute);
        assert_eq!(text("IgnoreFlowIfNullOrEmpty([a])", &person), "x");
        let ignore = |word: &str| flow(&format!("IIF([a]=\"x\",{word},[a])"), &person);
        assert_eq!(ignore("IgnoreAttributeFlow"), Flow::IgnoreAttribute);
        assert_eq!(ignore("IgnoreObjectFlow"), Flow::IgnoreObject);
        assert_eq!(flow("Coalesce([no],IgnoreAttributeFlow)", &person), Flow::IgnoreAttribute);
        assert_eq!(flow("Switch([a],IgnoreObjectFlow,\"k\",\"v\")", &person), Flow::IgnoreObject);
        assert_eq!(flow("IgnoreFlowIfNullOrEmpty(IgnoreObjectFlow)", &person), Flow::IgnoreObject);
    }

    #[test]
    fn tests_for_values() {
        let person = [("a", "x"), ("e", "")];
        for (expression, expected) in [
            ("IsNull([no])", "True"),
            ("IsNull([e])", "False"),
            ("IsNothing([no])", "True"),
            ("IsNullOrEmpty([e])", "True"),
            ("IsNullOrEmpty([a])", "False"),
            ("IsPresent([a])", "True"),
            ("IsPresent([e])", "False"),
            ("IsString([a])", "True"),
            ("IsString([no])", "False"),
            ("IsString(5)", "True"),
            ("CBool(5)", "True"),
            ("CBool(0)", "False"),
            ("CBool(\"-0.0\")", "False"),
            ("CBool(\"TRUE\")", "True"),
            ("CBool([no])", "False"),
            ("CBool([a])", "False"),
            ("CBool(\"x\")", "False"),
            ("CBool(Len([a]))", "True"),
            ("Not(\"True\")", "False"),
            ("Not(\"true\")", "True"),
            ("Not(1)", "True"),
            ("Not(CBool(1))", "False"),
            ("Not([a])", "True"),
            ("Not([no])", "True"),
            ("Not(IsNull([no]))", "False"),
        ] {
            assert_eq!(text(expression, &person), expected, "{expression}");
        }
        let m = texts("m", &["a", "b"]);
        assert_eq!(text("IsString([m])", &m), "False");
        assert_eq!(text("IsPresent([m])", &m), "True");
        assert_eq!(text("IsPresent([m])", &texts("m", &["", ""])), "False");
    }
}
