//! Spelling, limits, and what an expression says about itself.

use super::super::testing::{NOBODY, given, parsed, run, text, value};
use super::super::{Expression, Flow, MOST_CHARACTERS, MOST_DEPTH, Uses, Value};

#[test]
fn attributes_and_constants_are_expressions() {
    assert_eq!(text(" [mail] ", &[("mail", "a@x")]), "a@x");
    assert_eq!(value("[mail]", &NOBODY), Value::Null);
    assert_eq!(text("\"\"", &NOBODY), "");
    assert_eq!(text("42", &NOBODY), "42");
    assert_eq!(text("-1.50", &NOBODY), "-1.50");
    assert_eq!(text("&HfF", &NOBODY), "255");
    assert_eq!(parsed("[ mail ]").as_attribute(), Some("mail"));
    assert_eq!(parsed("\"x\"").as_constant(), Some("x"));
    assert_eq!(parsed("ToLower([mail])").as_attribute(), None);
    assert_eq!(Expression::attribute("mail"), parsed("[mail]"));
    assert_eq!(Expression::constant("a \"\\"), parsed("\"a \\\"\\\\\""));
    assert_eq!(parsed(Expression::constant("a \"\\").text()).as_constant(), Some("a \"\\"));
}

#[test]
fn quotation_marks_and_backslashes() {
    for (constant, expected) in [
        (r#""a ""b""""#, r#"a "b""#),
        (r#""a \"b\"""#, r#"a "b""#),
        (r#""\\""#, r"\"),
        (r#""\\+\d""#, r"\+\d"),
        (r#""\+""#, r"\+"),
        (r#""\\\\x""#, r"\\x"),
        (r#""\\\"""#, r#"\""#),
        ("\"a\nb\"", "a\nb"),
    ] {
        assert_eq!(text(constant, &NOBODY), expected, "{constant}");
        let canonical = parsed(constant).text().to_owned();
        assert_eq!(text(&canonical, &NOBODY), expected, "{canonical}");
        assert!(canonical.len() <= constant.len(), "{canonical}");
    }
}

#[test]
fn the_canonical_text_has_one_spelling() {
    for (spelling, canonical) in [
        (" Join ( \",\" , [a] ,\t[b] ) ", "Join(\",\",[a],[b])"),
        ("Mid([a], 1, 2, )", "Mid([a],1,2)"),
        ("Switch([a], , \"1\", \"x\",)", "Switch([a],,\"1\",\"x\")"),
        ("IIF([a] <> \"\" , 1, 2)", "IIF([a]<>\"\",1,2)"),
        ("FormatDateTime([a], \"yyyy\", \"MM\")", "FormatDateTime([a],,\"yyyy\",\"MM\")"),
        ("\u{feff}Trim(\u{a0}[a]\r\n)", "Trim([a])"),
    ] {
        let expression = parsed(spelling);
        assert_eq!(expression.text(), canonical);
        assert_eq!(parsed(canonical), expression);
        assert_eq!(parsed(canonical).text(), canonical);
        assert_eq!(expression.source(), spelling);
        assert_eq!(serde_json::to_value(&expression).expect("JSON"), canonical);
        assert_eq!(format!("{expression}"), canonical);
    }
}

#[test]
fn attributes_are_sorted_and_unique() {
    let expression = parsed("Join(\",\", [b], Left([a], 1), IIF([c] = [b], [d], \"\"))");
    assert_eq!(expression.attributes(), ["a", "b", "c", "d"]);
    assert_eq!(parsed("[extension_0f.x-y:z]").attributes(), ["extension_0f.x-y:z"]);
}

#[test]
fn what_an_expression_uses() {
    let uses = |expression| parsed(expression).uses();
    let none = Uses::default();
    assert_eq!(uses("Join(\",\", [a])"), none);
    assert_eq!(uses("IIF(Now() > CDate([a]), 1, 2)"), Uses { now: true, ..none });
    assert_eq!(uses("Len(Guid())"), Uses { randomness: true, ..none });
    assert_eq!(uses("RandomString(1,0,0,0,0)"), Uses { randomness: true, ..none });
    assert_eq!(uses("DefaultDomain()"), Uses { default_domain: true, ..none });
    assert_eq!(uses("SelectUniqueValue([a], [b])"), Uses { uniqueness: true, ..none });
    assert_eq!(uses("Count([appRoleAssignments])"), Uses { roles: true, ..none });
    assert_eq!(uses("Redact([a])"), Uses { redaction: true, ..none });
    assert_eq!(uses("IgnoreFlowIfNullOrEmpty([a])"), Uses { ignores_attribute: true, ..none });
    let uses = uses("IIF([a] = 1, IgnoreAttributeFlow, IgnoreObjectFlow)");
    assert_eq!(uses, Uses { ignores_attribute: true, ignores_object: true, ..none });
}

#[test]
fn the_longest_expression() {
    let longest = format!("\"{}\"", "é".repeat(MOST_CHARACTERS - 2));
    assert!(Expression::parse(&longest).is_ok());
    let error = Expression::parse(&format!("{longest} ")).expect_err("one too many");
    assert!(error.message.contains("10001 characters, and 10000 are the most"), "{error}");
    let backslashes = format!("\"{}\"", "\\".repeat(MOST_CHARACTERS - 2));
    let expression = parsed(&backslashes);
    assert_eq!(parsed(expression.text()), expression);
}

#[test]
fn the_deepest_expression_fits_a_small_stack() {
    let nest =
        |depth: usize| format!("{}[a]{}", "IIF([a]=\"x\",".repeat(depth), ",1)".repeat(depth));
    let deepest = nest(MOST_DEPTH);
    let error = Expression::parse(&nest(MOST_DEPTH + 1)).expect_err("too deep");
    assert!(error.message.contains("more than 128 deep"), "{error}");
    let inner = move || {
        let expression = parsed(&deepest);
        let slots = expression.bind(|_| Some(0));
        let person = super::super::testing::texts("a", &["x"]);
        let given = given();
        assert!(slots.eval(&person, &given).is_ok());
        let (flow, steps) = slots.trace(&person, &given);
        assert_eq!(flow, Ok(Flow::Value(Value::Text("x".into()))));
        assert_eq!(steps.len(), MOST_DEPTH);
        assert_eq!(parsed(expression.text()), expression);
        // The other way round, through the arguments of text functions.
        let nested = format!("{}[a]{}", "Append(".repeat(MOST_DEPTH), ",\"b\")".repeat(MOST_DEPTH));
        assert_eq!(text(&nested, &person).len(), MOST_DEPTH + 1);
        let open = "Join(\",\",".repeat(1000);
        assert!(Expression::parse(&open).is_err());
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(inner).expect("a thread");
    thread.join().expect("no overflow");
}

#[test]
fn bound_expressions_find_their_attributes_by_place() {
    let expression = parsed("Join(\"-\", [b], [a], [unknown])");
    let person = [("a", "1"), ("b", "2")];
    let flow = run(&expression, &person, &given());
    assert_eq!(flow, Ok(Flow::Value(Value::Text("2-1".into()))));
}

#[test]
fn plain_attributes_are_borrowed() {
    use std::borrow::Cow;
    let expression = parsed("Coalesce([no], [a])");
    let person = super::super::testing::texts("a", &["x"]);
    let bound = expression.bind(|name| (name == "a").then_some(0));
    let given = given();
    let flow = bound.eval(&person, &given).expect("a value");
    assert!(matches!(flow, super::super::Flow::Value(Value::Text(Cow::Borrowed("x")))));
}

#[test]
fn candidates_of_a_unique_value() {
    let bound = parsed("SelectUniqueValue([a], [no], \"B\", CDate([a]), \"C\")")
        .bind(|name| (name == "a").then_some(0));
    let person = super::super::testing::texts("a", &["x"]);
    assert_eq!(bound.candidates(&person, &given()), ["x", "B"]);
    let bound = parsed("[a]").bind(|_| Some(0));
    assert!(bound.candidates(&person, &given()).is_empty());
}
