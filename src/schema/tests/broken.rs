//! Files with mistakes in them: what can be read is read, and the rest has a place.

use super::super::{Finding, Kind, SchemaError, import};
use super::{VOCABULARY, imported, is_sound, said};

fn refused(text: &str) -> SchemaError {
    import(text.as_bytes(), "x", &VOCABULARY).unwrap_err()
}

#[test]
fn no_schema_is_an_error_that_says_so() {
    assert_eq!(refused("[]"), SchemaError::NoSchema);
    assert_eq!(refused("{\"value\": {\"value\": 1}}"), SchemaError::NoSchema);
    assert_eq!(
        refused("{\n  \"a\": tru\n}").to_string(),
        "the file is no JSON: line 2, column 8: expected a value"
    );
    let cut = include_str!("../../../tests/data/schemas/trees-only.json");
    let error = refused(&cut[..cut.len() / 2]).to_string();
    assert!(error.starts_with("the file is no JSON: line "), "{error}");
    assert!(refused(&"[".repeat(2_000_000)).to_string().contains("cut off"));
}

#[test]
fn wrong_kinds_are_left_out_with_their_place() {
    let text = r#"{"synchronizationRules": [{"objectMappings": [
        {"sourceObjectName": "User", "enabled": "perhaps", "metadata": "@{key=a}", "scope": 7,
         "attributeMappings": [5, null, {"source": {"name": "mail"}},
          {"targetAttributeName": "Email", "source": "[mail]"},
          {"targetAttributeName": "FirstName", "source": {"name": ["givenName"]}, "flowType": "Now"},
          {"targetAttributeName": "Company", "source": {"name": "companyName"}, "matchingPriority": []}
        ]}]}]}"#;
    let imported = imported(text);
    is_sound(&imported.configuration);
    let place = |finding: &Finding| finding.places[0].path.replace("synchronizationRules[0].", "");
    let unreadable: Vec<String> = imported
        .findings
        .iter()
        .filter(|finding| matches!(finding.kind, Kind::Unreadable | Kind::Blocks))
        .map(|finding| format!("{}: {}", place(finding), finding.reason))
        .collect();
    insta::assert_snapshot!(unreadable.join("\n"));
}

#[test]
fn a_scope_that_cannot_be_read_lets_nobody_in() {
    for scope in [
        "7",
        r#""@{groups=System.Object[]}""#,
        r#"{"groups": "System.Object[]"}"#,
        r#"{"inputFilterGroups": ["@{name=a}"]}"#,
        r#"{"groups": [{"clauses": "System.Object[]"}]}"#,
        r#"{"groups": [{"clauses": [{"sourceOperandName": "mail", "operatorName": "EQUALS",
            "targetOperand": "@{values=System.Object[]}"}]}]}"#,
    ] {
        let text = format!(
            r#"{{"synchronizationRules": [{{"objectMappings": [{{"sourceObjectName": "User",
            "scope": {scope}, "attributeMappings": []}}]}}]}}"#
        );
        let imported = imported(&text);
        assert!(imported.blocks(), "{scope}");
        let filters = &is_sound(&imported.configuration)["scope"]["filter"];
        assert!(filters.to_string().contains("\"NOT CARRIED OVER\""), "{scope}");
    }
    let cut = imported(r#"{"synchronizationRules": [{"objectMappings": "System.Object[]"}]}"#);
    assert!(cut.blocks() && cut.configuration.contains("operator = \"NOT CARRIED OVER\""));
}

#[test]
fn equal_keys_are_reported_and_the_last_one_counts() {
    let text = r#"{"synchronizationRules": [], "synchronizationRules": [{"objectMappings": [
        {"sourceObjectName": "User", "attributeMappings": [{"targetAttributeName": "Company",
         "TargetAttributeName": "Email", "source": {"name": "mail"}}]}]}]}"#;
    let imported = imported(text);
    let said = said(&imported);
    assert_eq!(
        said[..2],
        [
            "Unreadable: schema, key `synchronizationRules`: the key is there twice, and the last one counts",
            "Unreadable: attribute mapping, key `TargetAttributeName`: the key is there twice, and the last one counts",
        ]
    );
    assert!(imported.configuration.contains("target = \"Email\""));
    assert!(!imported.configuration.contains("target = \"Company\""));
}

#[test]
fn values_that_may_be_secrets_are_not_shown() {
    let text = r#"{"synchronizationRules": [], "token": "s3cret", "metadata": {"x": "s3cret"},
        "secrets": [{"key": "Password", "value": "s3cret"}]}"#;
    let job = format!(
        r#"{{"schedule": {{"state": "Paused"}}, "schema": {text},
        "synchronizationJobSettings": [{{"name": "Token", "value": "s3cret"}}]}}"#
    );
    let imported = imported(&job);
    let shown = format!("{:?}{}", imported.findings, imported.configuration);
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(said(&imported).iter().any(|line| line.contains("key `token`")));
}

#[test]
fn a_file_of_ten_megabytes_is_read() {
    let mapping = r#"{"targetAttributeName": "Nothing", "source": {"type": "Function",
        "name": "Trim", "parameters": [{"key": "value", "value": {"name": "mail"}}]}, "odd": 1}"#;
    let count = 10_000_000 / mapping.len();
    let text = format!(
        r#"{{"synchronizationRules": [{{"objectMappings": [{{"sourceObjectName": "User",
        "attributeMappings": [{}]}}]}}]}}"#,
        vec![mapping; count].join(",\n")
    );
    let imported = imported(&text);
    is_sound(&imported.configuration);
    let nothing = imported.findings.iter().find(|one| one.subject.contains("Nothing")).unwrap();
    assert_eq!(nothing.places.len(), count);
}
