//! The schema says what the readers take.

use std::collections::BTreeSet;

use figment::Figment;
use figment::providers::{Format, Toml};
use serde_json::Value;

use super::*;

/// A key that nobody has.
const NOBODY: &str = "zzzzzzzzzzzz";

/// A place in a configuration.
#[derive(Clone)]
enum Step {
    Key(String),
    Entry,
}

/// Returns every table of the schema with the way to it.
fn tables(schema: &Value, way: &[Step], found: &mut Vec<(Vec<Step>, BTreeSet<String>)>) {
    for alternative in schema["anyOf"].as_array().into_iter().flatten() {
        tables(alternative, way, found);
    }
    if schema["items"].is_object() {
        tables(&schema["items"], &[way, &[Step::Entry]].concat(), found);
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    found.push((way.to_vec(), properties.keys().cloned().collect()));
    for (key, value) in properties {
        tables(value, &[way, &[Step::Key(key.clone())]].concat(), found);
    }
}

/// Returns the key and the value that put the key of nobody into the table at the end of a way.
fn intruder(way: &[Step]) -> (String, String) {
    let keys = way.iter().map_while(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Entry => None,
    });
    let keys: Vec<&str> = keys.collect();
    let rest = way.get(keys.len()..).unwrap_or_default();
    if rest.is_empty() {
        let key = keys.iter().chain(&[NOBODY]).copied().collect::<Vec<_>>().join(".");
        return (key, "1".to_owned());
    }
    let inner = format!("{{ {NOBODY} = 1 }}");
    let value = rest.iter().rev().fold(inner, |inner, step| match step {
        Step::Key(key) => format!("{{ {key} = {inner} }}"),
        Step::Entry => format!("[{inner}]"),
    });
    (keys.join("."), value)
}

#[test]
fn every_table_has_the_keys_that_its_reader_knows() {
    // What is only read beside something else needs that.
    let text = LEAST.to_owned() + "[network]\nproxy = \"http://proxy:1\"\nproxy_user = \"ada\"\n";
    let mut found = Vec::new();
    tables(&json_schema(), &[], &mut found);
    assert!(found.len() > 25, "{}", found.len());
    let mut wrong = Vec::new();
    for (way, keys) in found {
        let (key, value) = intruder(&way);
        let overrides = Overrides::default().set(&key, &value);
        let problems = read_with(&text, &secrets(), &overrides).expect_err(&key).to_string();
        let known = problems.lines().filter(|line| line.contains(NOBODY));
        let known = known.filter_map(|line| line.split_once(" Known ")).next();
        let known = known.map_or("", |(_, known)| known).split('`').skip(1).step_by(2);
        let known: BTreeSet<String> = known.map(str::to_owned).collect();
        if known != keys {
            wrong.push(format!("{key} = {value}: {known:?}, not {keys:?}; {problems}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_configurations_of_this_project_are_as_it_says() {
    let schema = json_schema();
    jsonschema::meta::validate(&schema).expect("a schema");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors = |text: &str| -> Vec<String> {
        let value: Value = Figment::from(Toml::string(text)).extract().expect("TOML");
        let says =
            |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
        validator.iter_errors(&value).map(says).collect()
    };
    for text in [EXAMPLE, DEMO, include_str!("../defaults.toml")] {
        assert_eq!(errors(text), Vec::<String>::new());
    }
    for wrong in [
        "[scope]\nusrs = \"assigned\"",
        "[users]\nwelcome = \"always\"",
        "[guard]\ncreates_per_cycle = -1",
        "[[users.attribute]]\ntarget = \"Firstname\"",
        "[drift]\nattributes = { Company = \"mend\" }",
    ] {
        assert_eq!(errors(wrong).len(), 1, "{wrong}");
    }
}

#[test]
fn examples_of_expressions_are_taken_where_they_stand() {
    let schema = json_schema();
    let (users, groups) = (&schema["properties"]["users"], &schema["properties"]["groups"]);
    let source = |list: &Value| list["items"]["properties"]["source"]["examples"].clone();
    let attributes = |section: &Value| section["properties"]["attribute"].clone();
    let matching = |section: &Value| section["properties"]["match"].clone();
    let kinds = &users["properties"]["type"]["anyOf"][1]["examples"];
    let quoted = |source: &Value| format!("'{}'", source.as_str().expect("a text"));
    let cases = [
        ("users.attribute", "Company", source(&attributes(users))),
        ("users.match", "Email", source(&matching(users))),
        ("groups.attribute", "Name", source(&attributes(groups))),
        ("groups.match", "Name", source(&matching(groups))),
        ("users.type", "", kinds.clone()),
    ];
    for (key, target, examples) in cases {
        let examples = examples.as_array().cloned().unwrap_or_default();
        assert!(!examples.is_empty(), "{key}");
        for source in examples.iter().map(quoted) {
            let entry = format!("{{ target = \"{target}\", source = {source} }}");
            let others = ["[mail]", "[givenName]", "[surname]"].iter().zip([
                "Email",
                "FirstName",
                "LastName",
            ]);
            let others = others.map(|(source, target)| {
                format!("{{ target = \"{target}\", source = \"{source}\" }}")
            });
            let value = match key {
                "users.type" => source,
                "users.attribute" => {
                    format!("[{}, {entry}]", others.collect::<Vec<_>>().join(", "))
                }
                _ => format!("[{entry}]"),
            };
            let overrides = Overrides::default().set(key, &value);
            let read = read_with(LEAST, &secrets(), &overrides);
            assert!(
                read.is_ok(),
                "{key} = {value}: {}",
                read.err().map(|one| one.to_string()).unwrap_or_default()
            );
        }
    }
}
