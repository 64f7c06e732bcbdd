//! The cases of the reference of the expression language.
//!
//! Cases with a gate are a requirement. Each of the others is in the table below with what the
//! engine does and why, so that none is passed over in silence.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use sharefile_provisioner::plan::map::{
    Attribute, Attributes, EvalError, Expression, Flow, Given, ParseError, unique_key,
};

#[derive(Deserialize)]
struct Case {
    id: String,
    expression: String,
    source: Map<String, Json>,
    expected: Json,
    #[serde(default)]
    context: Context,
    gate: bool,
}

#[derive(Default, Deserialize)]
struct Context {
    now: Option<String>,
    default_domain: Option<String>,
    #[serde(default)]
    target_values_taken: Vec<String>,
}

/// The cases without a gate: what is settled by them, and why we do as they say.
const SETTLED: &[(&str, &str)] = &[
    ("cdate-004", "the sibling's spelling is a date like others"),
    ("dateadd-010", "a day that the month does not have becomes its last, as in .NET"),
    ("fdt-003", "a date of another format is an error, not a guess"),
    ("ignore-008", "refused when the configuration is loaded"),
    ("iif-009", "null equals an empty text"),
    ("iif-010", "a test for a value works on any value"),
    ("item-004", "positions count from 1; refused when the configuration is loaded"),
    ("join-004", "null is left out as an empty source is"),
    ("mid-006", "a start outside the text gives the source, as in the sibling engine"),
    ("replace-015", "the printed output is of another identifier"),
    ("complex-001", "the shape of the printed request"),
    ("complex-002", "the shape of the printed request, which names the display name otherwise"),
    ("switch-016", "the source is compared as text, and True is the text of true"),
    ("switch-017", "the same"),
    ("trim-001", "we have the function of the sibling engine"),
    ("fromb64-001", "we have the function of the sibling engine"),
    ("wd-009", "nothing in the expression makes letters small"),
    ("wd-011", "nothing in the expression makes letters small"),
    ("wd-013", "nothing in the expression makes letters small"),
    ("wd-025", "the second date minus the first"),
    ("wd-034", "the second date minus the first"),
    ("wd-039", "a date that was not text is written without being read"),
    ("wd-041", "the second date minus the first"),
    ("wd-043", "the word leaves the object alone"),
    ("wd-051", "random; these letters are there with this seed"),
    ("wd-052", "random; four digits in a row are there with this seed"),
    ("sf-007", "nothing in the expression makes letters small"),
    ("sf-008", "nothing in the expression makes letters small"),
    ("sf-013", "nothing in the expression makes letters small"),
    ("sf-021", "the instant that the page names, not the number that it prints"),
    ("sf-024", "the instant that the page names, not the number that it prints"),
    ("sf-027", "the instant that the page names, not the number that it prints"),
    ("sf-028", "the instant that the page names, not the number that it prints"),
    ("sf-041", "`Coalesce` passes over an empty source"),
    ("sf-046", "nothing in the expression makes letters small or removes the hyphen"),
    ("sf-047", "nothing in the expression makes letters small"),
    ("sf-049", "nothing in the expression makes letters small"),
    ("sf-050", "nothing in the expression makes letters small or removes the hyphen"),
    ("sf-059", "nothing in the expression makes letters small"),
    ("sf-061", "nothing in the expression makes letters small"),
    ("sf-071", "nothing in the expression makes letters small or adds the dot"),
    ("sf-085", "nothing in the expression makes letters small"),
    ("sf-087", "nothing in the expression makes letters small"),
    ("sf-089", "nothing in the expression makes letters small"),
    ("sf-090", "nothing in the expression makes letters small or removes the hyphen"),
    ("sf-091", "the second date minus the first"),
    ("sf-094", "the second date minus the first"),
];

struct Person(BTreeMap<String, Vec<String>>);

impl Attributes for Person {
    fn attribute(&self, place: usize) -> Attribute<'_> {
        match self.0.values().nth(place).map(Vec::as_slice) {
            None => Attribute::Null,
            Some([one]) => Attribute::Text(Cow::Borrowed(one)),
            Some(several) => {
                Attribute::Texts(several.iter().map(|text| Cow::Borrowed(&**text)).collect())
            }
        }
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("../data/expression-cases.json");
    serde_json::from_str(text).expect("the file of cases")
}

fn person(source: &Map<String, Json>) -> Person {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let values = |value: &Json| match value {
        Json::Null => None,
        Json::Array(values) => Some(values.iter().map(text).collect()),
        one => Some(vec![text(one)]),
    };
    Person(source.iter().filter_map(|(name, value)| Some((name.clone(), values(value)?))).collect())
}

fn outcome(case: &Case) -> Json {
    let expression = match Expression::parse(&case.expression) {
        Ok(expression) => expression,
        Err(ParseError { message, .. }) => return serde_json::json!({ "error": message }),
    };
    let again = Expression::parse(expression.text()).expect("the canonical text");
    assert_eq!((&again, again.text()), (&expression, expression.text()), "{}", case.id);
    let person = person(&case.source);
    let taken = |value: &str| {
        case.context.target_values_taken.iter().any(|one| unique_key(one) == unique_key(value))
    };
    let now = case.context.now.as_deref().map(|now| now.parse().expect("a time"));
    let given = Given {
        now,
        default_domain: case.context.default_domain.as_deref(),
        taken: &taken,
        seed: Some([9; 32]),
    };
    let bound = expression.bind(|name| person.0.keys().position(|other| other == name));
    match bound.eval(&person, &given) {
        Ok(Flow::Value(value)) => serde_json::to_value(&value).expect("JSON"),
        Ok(Flow::IgnoreAttribute) => serde_json::json!({ "flow": "ignore-attribute" }),
        Ok(Flow::IgnoreObject) => serde_json::json!({ "flow": "ignore-object" }),
        Err(EvalError { message, .. }) => serde_json::json!({ "error": message }),
    }
}

fn agrees(expected: &Json, outcome: &Json) -> bool {
    if let Some(pattern) = expected["matches"].as_str() {
        let pattern = fancy_regex::Regex::new(pattern).expect("a pattern of the cases");
        return outcome.as_str().is_some_and(|text| pattern.is_match(text).unwrap_or(false));
    }
    match expected.get("error") {
        Some(_) => outcome.get("error").is_some(),
        None => expected == outcome,
    }
}

#[test]
fn cases_with_a_gate() {
    let cases = cases();
    let gated: Vec<&Case> = cases.iter().filter(|case| case.gate).collect();
    assert_eq!(gated.len(), 193);
    let mut wrong = Vec::new();
    for case in gated {
        let outcome = outcome(case);
        if !agrees(&case.expected, &outcome) {
            wrong.push(format!("{}: expected {}, got {outcome}", case.id, case.expected));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn cases_without_a_gate_are_settled() {
    let cases = cases();
    let open: Vec<&Case> = cases.iter().filter(|case| !case.gate).collect();
    let ids: Vec<&str> = open.iter().map(|case| &*case.id).collect();
    let settled: Vec<&str> = SETTLED.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, settled);
    let mut wrong = Vec::new();
    for case in open {
        let outcome = outcome(case);
        if !agrees(&case.expected, &outcome) {
            wrong.push(format!("{}: expected {}, got {outcome}", case.id, case.expected));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}
