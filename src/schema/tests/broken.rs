//! Files with mistakes in them: what can be read is read, and the rest has a place.

use super::super::{Finding, Kind, SchemaError, import};
use super::shapes::people;
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
        // A part of the values, and keys that are in no documentation.
        r#"{"groups": [{"clauses": [{"sourceOperandName": "department", "operatorName":
            "NOT EQUALS", "targetOperand": {"values": ["External", {"x": 1}]}}]}]}"#,
        r#"{"groups": [{"clauses": [{"sourceOperandName": "department", "operatorName":
            "NOT EQUALS", "targetOperand": {"values": "System.Object[]"}}]}]}"#,
        r#"{"groups": [{"clauses": [{"sourceOperandName": "department", "operatorName":
            "EQUALS", "targetOperand": {"values": ["x"], "negated": true}}]}]}"#,
        r#"{"groups": [{"clauses": [{"sourceOperandName": "department", "operatorName":
            "EQUALS", "negated": true, "targetOperand": {"values": ["x"]}}]}]}"#,
        r#"{"groups": [{"operator": "Any", "clauses": [{"sourceOperandName": "mail",
            "operatorName": "IS NOT NULL"}]}]}"#,
        r#"{"outputFilterGroups": [{"clauses": []}]}"#,
        r#"{"groups": [{"clauses": [{"sourceOperandName": "mail", "operatorName": "IS NULL"}],
            "Clauses": []}]}"#,
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
fn a_group_that_lets_everybody_in_decides_also_beside_one_that_cannot_be_read() {
    let scope = r#""scope": {"groups": ["@{name=a}", {"clauses": []}]},"#;
    let imported = imported(&people(scope, ""));
    assert!(is_sound(&imported.configuration)["scope"].get("filter").is_none());
    assert!(!imported.blocks(), "there is nothing to decide: {:?}", said(&imported));
}

#[test]
fn several_values_in_one_text_are_pointed_out() {
    let scope = r#""scope": {"groups": [{"clauses": [{"sourceOperandName": "department",
        "operatorName": "NOT EQUALS", "targetOperand": {"values": "External Partner"}}]}]},"#;
    let said = said(&imported(&people(scope, "")));
    assert!(
        said.iter().any(|line| line.starts_with("Decide: operand, key `values`: ")),
        "{said:?}"
    );
}

#[test]
fn flows_that_cannot_be_read_are_reported_one_by_one() {
    let imported = imported(&people(r#""flowTypes": ["Add", {"name": "Update"}, 5],"#, ""));
    let unreadable = said(&imported).into_iter().filter(|line| line.starts_with("Unreadable: "));
    assert_eq!(
        unreadable.collect::<Vec<_>>(),
        [
            "Unreadable: object mapping, key `flowTypes`: expected a text and found an object, so it was left out",
            "Unreadable: object mapping, key `flowTypes`: expected a text and found a number, so it was left out",
        ]
    );
}

#[test]
fn unknown_keys_are_kept_with_their_values_where_no_secret_can_be() {
    let text = people(r#""scope": null, "review": "by\nEve", "none": null, "empty": [],"#, "");
    let text =
        text.replacen("\"synchronizationRules\"", "\"flavour\": 7, \"synchronizationRules\"", 1);
    let text = text.replacen(
        "\"objectMappings\"",
        "\"stage\": 2, \"apiToken\": \"s3cret\", \"list\": [1], \"objectMappings\"",
        1,
    );
    let imported = imported(&text);
    let mut unknown = said(&imported);
    unknown.retain(|line| line.starts_with("Unknown: "));
    unknown.sort();
    let not_carried = |line: &str, says: &str| {
        format!("Unknown: {line}: the format has no such key, and {says} is not carried over")
    };
    assert_eq!(
        unknown,
        [
            not_carried("object mapping, key `review`", "its value `by Eve`"),
            not_carried("schema, key `flavour`", "what it says"),
            not_carried("synchronization rule, key `apiToken`", "what it says"),
            not_carried("synchronization rule, key `list`", "what it says"),
            not_carried("synchronization rule, key `stage`", "its value `2`"),
        ]
    );
    assert_eq!(imported.left_out(), 5, "keys without a value leave nothing out");
    is_sound(&imported.configuration);
    assert!(imported.configuration.contains("`by Eve`"), "{}", imported.configuration);
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
