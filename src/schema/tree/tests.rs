use super::super::findings::{Finding, Place};
use super::super::json::read;
use super::super::read::object_mapping;
use super::*;

/// Reads a source through the whole shape, and returns its expression with what was found.
fn of(source: &str) -> (Result<String, String>, Vec<Finding>) {
    let text =
        format!(r#"{{"attributeMappings": [{{"targetAttributeName": "x", "source": {source}}}]}}"#);
    let json = read(&text).unwrap();
    let mut findings = Findings::default();
    let place = Place { path: String::new(), line: 1 };
    let mapping = object_mapping(&json, place, &mut findings).unwrap();
    let source = mapping.attributes[0].source.as_ref().unwrap();
    let written = express(source, "x", &mut findings);
    let text = written.map(|written| written.text).map_err(|broken| broken.reason);
    (text, findings.finish())
}

fn silent(source: &str) -> String {
    let (text, findings) = of(source);
    assert_eq!(findings, [], "{source}");
    text.unwrap()
}

/// Makes a function of keys and texts; a text in brackets is an attribute, another a constant.
fn call(name: &str, parameters: &[(&str, &str)]) -> String {
    let parameters: Vec<String> = parameters
        .iter()
        .map(|(key, value)| {
            let (kind, name) = match value.strip_prefix('[') {
                Some(name) => ("Attribute", name.trim_end_matches(']')),
                None => ("Constant", *value),
            };
            let (key, name) = (serde_json::json!(key), serde_json::json!(name));
            format!(r#"{{"key": {key}, "value": {{"type": "{kind}", "name": {name}}}}}"#)
        })
        .collect();
    format!(r#"{{"type": "Function", "name": "{name}", "parameters": [{}]}}"#, parameters.join(","))
}

#[test]
fn parameters_find_their_positions_by_key() {
    let cases = [
        (
            call("Replace", &[("source", "[a]"), ("Find", "-"), ("Replacement", "_")]),
            r#"Replace([a], "-", , , "_")"#,
        ),
        (
            call(
                "Replace",
                &[("replacement", ""), ("regularexpression", r"\s"), ("SOURCE", "[a]")],
            ),
            r#"Replace([a], , "\s", , "")"#,
        ),
        (
            call("Join", &[("separator", " "), ("source", "[a]"), ("source", "[b]")]),
            r#"Join(" ", [a], [b])"#,
        ),
        (
            call("Join", &[("separator", " "), ("source1", "[a]"), ("source2", "[b]")]),
            r#"Join(" ", [a], [b])"#,
        ),
        (
            call("Switch", &[("source", "[a]"), ("False", "True"), ("True", "False")]),
            r#"Switch([a], , "False", "True", "True", "False")"#,
        ),
        (
            call(
                "Switch",
                &[
                    ("source", "[a]"),
                    ("defaultValue", "d"),
                    ("switchValue", "k"),
                    ("switchValue", "v"),
                ],
            ),
            r#"Switch([a], "d", "k", "v")"#,
        ),
        (
            call("SelectUniqueValue", &[("rule", "[a]"), ("rule", "[b]"), ("rule", "[c]")]),
            "SelectUniqueValue([a], [b], [c])",
        ),
        (
            call("Coalesce", &[("source", "[a]"), ("source", "[b]"), ("defaultValue", "c")]),
            r#"Coalesce([a], [b], "c")"#,
        ),
        (
            call(
                "FormatDateTime",
                &[("source", "[a]"), ("inputFormat", "yyyy"), ("outputFormat", "yy")],
            ),
            r#"FormatDateTime([a], , "yyyy", "yy")"#,
        ),
        (call("Left", &[("source", "[a]"), ("numChars", "3")]), r#"Left([a], "3")"#),
        (call("Now", &[]), "Now()"),
        (call("Append", &[("source", "[a]"), ("suffix", r#"a"b\"#)]), r#"Append([a], "a\"b\\")"#),
    ];
    for (source, expected) in cases {
        assert_eq!(silent(&source), expected);
    }
}

#[test]
fn parameters_without_a_value_are_empty_positions() {
    let template = |key: &str| {
        format!(
            r#"{{"name": "Replace", "parameters": [{{"key": "source", "value": {{"name": "a"}}}},
            {{"key": "{key}", "value": null}}, {{"key": "Template"}}]}}"#
        )
    };
    assert_eq!(
        of(&template("Find")).0.unwrap_err(),
        of(r#"{"expression": "Replace([a])"}"#).0.unwrap_err()
    );
    let replacement = template("Find").replace(
        r#""value": null"#,
        r#""value": {"type": "Constant", "name": "-"}}, {"key": "Replacement", "value": {"name": "b"}"#,
    );
    assert_eq!(silent(&replacement), r#"Replace([a], "-", , , [b])"#);
}

#[test]
fn plain_sources_are_expressions_too() {
    assert_eq!(silent(r#"{"type": "ATTRIBUTE", "name": "mail"}"#), "[mail]");
    assert_eq!(silent(r#"{"name": "mail"}"#), "[mail]");
    assert_eq!(silent(r#"{"expression": " [mail]\n"}"#), "[mail]");
    assert_eq!(
        silent(r#"{"type": "Constant", "name": " a ", "expression": "\" a \""}"#),
        r#"" a ""#
    );
    assert_eq!(silent(r#"{"type": "Constant", "name": ""}"#), r#""""#);
    assert_eq!(
        silent(r#"{"type": "Function", "name": "Trim", "expression": "Trim( [a] )"}"#),
        "Trim( [a] )"
    );
    let lines = r#"{"expression": "Join(\" \",\n [a],\n [b])"}"#;
    assert_eq!(silent(lines), r#"Join(" ",[a],[b])"#);
}

#[test]
fn a_text_that_says_the_same_is_kept_as_it_is_written() {
    let with = |source: String, text: &str| {
        source.replacen('{', &format!("{{\"expression\": {},", serde_json::json!(text)), 1)
    };
    let replace = call("Replace", &[("source", "[a]"), ("Find", "-"), ("Replacement", "_")]);
    let text = r#"Replace([a], "-", , , "_", , )"#;
    assert_eq!(silent(&with(replace, text)), text);
    let mid = call("Mid", &[("source", "[a]"), ("start", "1"), ("length", "20")]);
    assert_eq!(silent(&with(mid, "Mid([a], 1, 20)")), "Mid([a], 1, 20)");
    let dates = [("source", "[a]"), ("inputFormat", "yyyy"), ("outputFormat", "yy")];
    for text in [r#"FormatDateTime([a], , "yyyy", "yy")"#, r#"FormatDateTime([a],"yyyy","yy")"#] {
        assert_eq!(silent(&with(call("FormatDateTime", &dates), text)), text);
    }
    let (text, findings) = of(&with(call("Trim", &[("source", "[a]")]), "Trim([b])"));
    assert_eq!(text.unwrap(), "Trim([a])");
    assert_eq!(
        findings[0].reason,
        "the tree of functions says `Trim([a])` and the text says `Trim([b])`; the tree counts"
    );
}

#[test]
fn what_is_not_clear_is_taken_from_the_other_form_or_refused() {
    let (text, findings) = of(&call("Trim", &[("sauce", "[a]"), ("pan", "[b]")]));
    assert_eq!(text.unwrap_err(), "the parameter `sauce` of Trim is none of Trim(value)");
    assert_eq!(findings, []);
    let both = call("Trim", &[("sauce", "[a]")]).replacen('{', r#"{"expression": "Trim([a])","#, 1);
    let (text, findings) = of(&both);
    assert_eq!((text.unwrap().as_str(), findings[0].kind), ("Trim([a])", Kind::Changed));
    let broken =
        call("Trim", &[("value", "[a]")]).replacen('{', r#"{"expression": "Trim([a]","#, 1);
    let (text, findings) = of(&broken);
    assert_eq!((text.unwrap().as_str(), findings[0].kind), ("Trim([a])", Kind::Changed));
    let (text, _) = of(&call("Trimm", &[("value", "[a]")]));
    assert!(text.clone().unwrap_err().contains("Trim"), "{text:?}");
    let (text, findings) =
        of(r#"{"type": "Function", "name": "Join", "parameters": "System.Object[]"}"#);
    assert_eq!(text.unwrap_err(), "a part of it could not be read");
    assert!(findings[0].advice.contains("-Depth"));
    let twice = call("Trim", &[("value", "[a]"), ("value", "[b]")]);
    assert_eq!(of(&twice).0.unwrap_err(), "the parameter `value` of Trim is there twice");
    assert_eq!(of(r#"{"name": "a]b"}"#).0.unwrap_err(), "`a]b` is no name of an attribute");
    assert_eq!(of("{}").0.unwrap_err(), "it has neither a name nor a text");
}

#[test]
fn deep_trees_are_refused_and_the_text_is_taken() {
    let nested = |levels: usize| {
        let open =
            r#"{"type": "Function", "name": "Trim", "parameters": [{"key": "value", "value": "#;
        format!("{}{}{}", open.repeat(levels), r#"{"name": "a"}"#, "}]}".repeat(levels))
    };
    assert_eq!(silent(&nested(100)).matches("Trim(").count(), 100);
    for levels in [129, 160, 10_000] {
        let (text, _) = of(&nested(levels));
        let reason = text.unwrap_err();
        let deep = reason.contains("128 deep") || reason.contains("could not be read");
        assert!(deep, "{levels}: {reason}");
        let both = nested(levels).replacen('{', r#"{"expression": "Trim([a])","#, 1);
        assert_eq!(of(&both).0.unwrap(), "Trim([a])");
    }
}
