//! No document makes the importer fail, and what it writes is always sound.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::super::tree::{parse, plain};
use super::super::{Kind, import};
use super::{VOCABULARY, imported, is_sound};

const KEYS: &[&str] = &[
    "synchronizationRules",
    "objectMappings",
    "attributeMappings",
    "source",
    "parameters",
    "key",
    "value",
    "name",
    "type",
    "expression",
    "targetAttributeName",
    "sourceObjectName",
    "defaultValue",
    "matchingPriority",
    "flowType",
    "flowTypes",
    "scope",
    "groups",
    "inputFilterGroups",
    "clauses",
    "sourceOperandName",
    "operatorName",
    "targetOperand",
    "values",
    "enabled",
    "metadata",
    "directories",
    "objects",
    "attributes",
    "schema",
    "schedule",
    "sourceDirectoryName",
    "odd",
];

const WORDS: &[&str] = &[
    "User",
    "Group",
    "Email",
    "FirstName",
    "LastName",
    "Company",
    "Roles",
    "UserType",
    "IsActive",
    "Name",
    "Contacts",
    "mail",
    "displayName",
    "[mail]",
    "Join(\" \", [mail])",
    "Trim",
    "Switch",
    "Function",
    "Constant",
    "Attribute",
    "ObjectAddOnly",
    "Add, Delete",
    "EQUALS",
    "IS NULL",
    "REGEX MATCH",
    "department",
    "Azure Active Directory",
    "\"x\"",
    "a\nb\u{7f}",
    "'",
    "\\",
    "",
];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => select(WORDS).prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(8, 96, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((select(KEYS), inner), 0..8).prop_map(|members| {
                members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            }),
        ]
    })
}

/// Returns every place in a document, as JSON pointers.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                pointers(value, &format!("{at}/{index}"), out);
            }
        }
        Value::Object(members) => {
            for (key, value) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                pointers(value, &format!("{at}/{key}"), out);
            }
        }
        _ => {}
    }
}

fn attempt(bytes: &[u8]) {
    if let Ok(imported) = import(bytes, "x", &VOCABULARY) {
        is_sound(&imported.configuration);
        assert!(imported.findings.iter().all(|finding| !finding.places.is_empty()));
        super::super::report(&imported.findings);
    }
}

/// An expression with its two forms.
#[derive(Clone, Debug)]
struct Both {
    tree: Value,
    text: String,
}

fn expression() -> impl Strategy<Value = Both> {
    let attribute = select(&["mail", "givenName", "department"][..]).prop_map(|name| Both {
        tree: json!({"type": "Attribute", "name": name}),
        text: format!("[{name}]"),
    });
    let constant = "[a-c\"\\\\ ,()\\[\\]0-9äß-]{0,6}".prop_map(|text| Both {
        tree: json!({"type": "Constant", "name": text}),
        text: format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    });
    let call = |name: &str, parts: &[(&str, &Both)], text: String| {
        let parameters: Vec<Value> =
            parts.iter().map(|(key, value)| json!({"key": key, "value": value.tree})).collect();
        Both { tree: json!({"type": "function", "name": name, "parameters": parameters}), text }
    };
    let number = |number: u8| Both {
        tree: json!({"type": "Constant", "name": number.to_string()}),
        text: number.to_string(),
    };
    prop_oneof![3 => attribute, 1 => constant].prop_recursive(5, 24, 3, move |inner| {
        let three = (inner.clone(), inner.clone(), inner.clone());
        (three, 0..8_u8, any::<u8>()).prop_map(move |((a, b, c), which, size)| {
            let size = number(size);
            match which {
                0 => call("Trim", &[("value", &a)], format!("Trim({})", a.text)),
                1 => call(
                    "Join",
                    &[("separator", &size), ("source", &a), ("source", &b)],
                    format!("Join(\"{}\", {},{})", size.text, a.text, b.text),
                ),
                2 => call(
                    "Mid",
                    &[("source", &a), ("start", &number(1)), ("length", &size)],
                    format!("Mid( {}, 1, {})", a.text, size.text),
                ),
                3 => call(
                    "Switch",
                    &[("source", &a), ("x\"y", &b), ("True", &c)],
                    format!("Switch({}, , \"x\\\"y\", {}, \"True\", {})", a.text, b.text, c.text),
                ),
                4 => call(
                    "Switch",
                    &[("source", &a), ("defaultValue", &b), ("z", &c)],
                    format!("Switch({}, {}, \"z\", {})", a.text, b.text, c.text),
                ),
                5 => call(
                    "Coalesce",
                    &[("source", &a), ("source", &b), ("defaultValue", &c)],
                    format!("Coalesce({}, {}, {})", a.text, b.text, c.text),
                ),
                6 => call(
                    "Replace",
                    &[("source", &a), ("Find", &number(7)), ("Replacement", &b)],
                    format!("Replace({}, \"7\", , , {}, , )", a.text, b.text),
                ),
                _ => call(
                    "Append",
                    &[("source", &a), ("suffix", &b)],
                    format!("Append({},\t{})", a.text, b.text),
                ),
            }
        })
    })
}

/// Returns the source of the company in a configuration, and whether a disagreement was found.
fn company(source: &Value) -> (String, bool) {
    let document = json!({"synchronizationRules": [{"objectMappings": [{"sourceObjectName": "User",
        "attributeMappings": [{"targetAttributeName": "Company", "source": source}]}]}]});
    let imported = imported(&document.to_string());
    let document = is_sound(&imported.configuration);
    let entries = document["users"]["attribute"].as_array_of_tables().unwrap();
    let entry = entries.iter().find(|entry| entry["target"].as_str() == Some("Company"));
    let text =
        entry.unwrap_or_else(|| panic!("{:?}", imported.findings))["source"].as_str().unwrap();
    let apart = imported.findings.iter().any(|finding| finding.subject.contains("`Company`"));
    (text.to_owned(), apart)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        attempt(&bytes);
    }

    #[test]
    fn any_document(document in document()) {
        attempt(document.to_string().as_bytes());
        attempt(json!({"synchronizationRules": [{"objectMappings": [document]}]}).to_string().as_bytes());
        let mapping = json!({"attributeMappings": [document], "scope": document});
        attempt(json!({"synchronizationRules": [{"objectMappings": mapping}]}).to_string().as_bytes());
    }

    #[test]
    fn any_part_of_a_schema_replaced(place in any::<prop::sample::Index>(), value in document()) {
        let text = include_str!("../../../tests/data/schemas/everything.json");
        let mut schema: Value = serde_json::from_str(text).unwrap();
        let mut places = Vec::new();
        pointers(&schema, "", &mut places);
        *schema.pointer_mut(&places[place.index(places.len())]).unwrap() = value;
        attempt(schema.to_string().as_bytes());
    }

    #[test]
    fn any_byte_of_a_schema_replaced(place in any::<prop::sample::Index>(), byte: u8) {
        let text = include_str!("../../../tests/data/schemas/text-only.json");
        let mut bytes = text.as_bytes().to_vec();
        let at = place.index(bytes.len());
        bytes[at] = byte;
        attempt(&bytes);
    }

    #[test]
    fn tree_and_text_are_one_expression(expression in expression()) {
        let same = |text: &str| plain(parse(text).unwrap().text());
        let (from_tree, _) = company(&expression.tree);
        prop_assert_eq!(same(&from_tree), same(&expression.text));
        let mut both = expression.tree.clone();
        both["expression"] = expression.text.clone().into();
        let (_, apart) = company(&both);
        prop_assert!(!apart, "{}", both);
    }
}

#[test]
fn the_kinds_have_headings_of_their_own() {
    let mut headings: Vec<&str> = Kind::ALL.iter().map(|kind| kind.heading()).collect();
    headings.sort_unstable();
    headings.dedup();
    assert_eq!(headings.len(), Kind::ALL.len());
}
