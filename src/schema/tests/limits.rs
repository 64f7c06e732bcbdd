//! What limits a rule as a whole, and what becomes of whoever leaves it.

use serde_json::{Value, json};

use super::super::{Kind, Vocabulary, import};
use super::shapes::people;
use super::{VOCABULARY, imported, is_sound, said};

/// A schema whose rule has limits of its own.
fn limited(limits: &str, scope: &str) -> String {
    let more = format!(r#""scope": {{"groups": {scope}}},"#);
    people(&more, "").replacen(r#""objectMappings""#, &format!(r#"{limits} "objectMappings""#), 1)
}

#[test]
fn what_limits_the_whole_rule_lets_in_nobody_else() {
    let limits = r#""containerFilter": {"includedContainers": ["OU=A,DC=x", "OU=B,DC=x"]},
        "groupFilter": {"includedGroups": ["cn=Share\\, File,OU=G,DC=x"]},"#;
    let clause = |attribute: &str, operator: &str, value: &str| {
        format!("{{ attribute = \"{attribute}\", operator = \"{operator}\", value = \"{value}\" }}")
    };
    let own = r#"[{"clauses": [{"sourceOperandName": "city", "operatorName": "EQUALS",
        "targetOperand": {"values": ["Oslo"]}}]}]"#;
    for (scope, first) in [("[]", None), (own, Some(clause("city", "EQUALS", "Oslo")))] {
        let imported = imported(&limited(limits, scope));
        let filters = &is_sound(&imported.configuration)["scope"]["filter"];
        let filters = filters.as_array_of_tables().unwrap();
        assert_eq!(filters.len(), 2, "one for each container");
        for (filter, container) in filters.iter().zip(["A", "B"]) {
            let ends = clause(
                "onPremisesDistinguishedName",
                "ENDS_WITH",
                &format!(",OU={container},DC=x"),
            );
            let member = clause("memberOf", "MEMBER OF", "Share, File");
            let clauses: Vec<String> = first.iter().cloned().chain([ends, member]).collect();
            let written = filter["clauses"].as_array().unwrap().iter();
            let written: Vec<String> =
                written.map(|one| one.to_string().trim().to_owned()).collect();
            assert_eq!(written, clauses);
        }
        assert_eq!(imported.left_out(), 0, "{:?}", said(&imported));
    }
    // What a configuration cannot say has to be decided.
    for word in ["ENDS_WITH", "MEMBER OF"] {
        let refuses = |text: &str| text.contains(word).then(|| "not that".to_owned());
        let vocabulary = Vocabulary { refuses: &refuses, ..VOCABULARY };
        let imported = import(limited(limits, "[]").as_bytes(), "x", &vocabulary).unwrap();
        assert!(imported.blocks() && imported.configuration.contains("\"NOT CARRIED OVER\""));
    }
}

/// A mapping of groups with a filter of its own, in the rule of people or in a second one, of which
/// the last rule has limits.
fn with_groups(limits: &Value, apart: bool, enabled: bool) -> String {
    let mut schema: Value = serde_json::from_str(&people("", "")).unwrap();
    let sales = json!({"sourceOperandName": "displayName", "operatorName": "EQUALS",
        "targetOperand": {"values": ["Sales"]}});
    let groups = json!({"sourceObjectName": "Group", "enabled": enabled,
        "scope": {"groups": [{"clauses": [sales]}]}, "attributeMappings": [
        {"targetAttributeName": "Name", "source": {"name": "displayName"}},
        {"targetAttributeName": "Contacts", "source": {"name": "members"}}]});
    let rules = schema["synchronizationRules"].as_array_mut().unwrap();
    if apart {
        let mut second = rules[0].clone();
        second["objectMappings"] = json!([groups]);
        rules.push(second);
    } else {
        rules[0]["objectMappings"].as_array_mut().unwrap().push(groups);
    }
    let limited = rules.last_mut().unwrap().as_object_mut().unwrap();
    limited.extend(limits.as_object().unwrap().clone());
    schema.to_string()
}

#[test]
fn what_limits_the_rule_of_groups_has_to_be_decided() {
    let container = json!({"containerFilter": {"includedContainers": ["OU=A,DC=x"]}});
    let group = json!({"groupFilter": {"includedGroups": ["Sales"]}});
    for (limits, what) in [(&container, "filter by container"), (&group, "filter by group")] {
        for apart in [true, false] {
            let imported = imported(&with_groups(limits, apart, true));
            let document = is_sound(&imported.configuration);
            assert!(imported.blocks());
            let clauses = document["groups"]["filter"].to_string();
            assert!(clauses.contains("\"Sales\"") && clauses.contains("\"NOT CARRIED OVER\""));
            let people = document["scope"].get("filter").map(ToString::to_string);
            assert_eq!(people.is_some(), !apart, "of people if it is their rule");
            assert!(!people.unwrap_or_default().contains("NOT CARRIED OVER"));
            let blocks: Vec<_> =
                imported.findings.iter().filter(|one| one.kind == Kind::Blocks).collect();
            assert_eq!(blocks.len(), 1, "{:?}", said(&imported));
            assert_eq!(blocks[0].subject, format!("{what}, for groups"));
        }
        // Groups that are not brought over keep nothing from loading, and are not forgotten.
        let off = imported(&with_groups(limits, true, false));
        assert!(!off.blocks());
        assert!(!is_sound(&off.configuration)["groups"]["filter"].to_string().contains("CARRIED"));
        let lost = format!("Lost: {what}, for groups: ");
        assert!(said(&off).iter().any(|line| line.starts_with(&lost)), "{:?}", said(&off));
    }
}

#[test]
fn a_limit_that_cannot_be_read_lets_nobody_in() {
    for (key, list) in
        [("containerFilter", "includedContainers"), ("groupFilter", "includedGroups")]
    {
        let names = json!(["OU=A,DC=x"]);
        for damaged in [
            json!(7),
            json!("@{included=System.Object[]}"),
            json!({list: "System.Object[]"}),
            json!({list: 7, "excluded": names}),
            json!({list: {"name": "OU=A,DC=x"}}),
            json!({list: [{"name": "OU=A,DC=x"}]}),
            json!({list: ["OU=A,DC=x", null]}),
            json!({list: [" "]}),
            json!({list: names, "excludedOnes": names}),
            json!({"excludedOnes": names}),
        ] {
            let imported = imported(&limited(&format!("{:?}: {damaged},", key), "[]"));
            assert!(imported.blocks(), "{key}: {damaged}");
            let filters = &is_sound(&imported.configuration)["scope"]["filter"];
            assert!(filters.to_string().contains("\"NOT CARRIED OVER\""), "{key}: {damaged}");
            let groups = super::imported(&with_groups(&json!({key: damaged}), true, true));
            assert!(groups.blocks(), "{key}: {damaged}");
        }
        for none in [
            json!(null),
            json!({}),
            json!({list: null, "@odata.type": "x", "more": null}),
            json!({list: [], "additionalProperties": {}, "others": []}),
        ] {
            let imported = imported(&limited(&format!("{:?}: {none},", key), "[]"));
            assert!(!imported.blocks(), "{key}: {none}");
            assert!(is_sound(&imported.configuration)["scope"].get("filter").is_none(), "{none}");
            assert_eq!(imported.left_out(), 0, "{:?}", said(&imported));
        }
    }
}

#[test]
fn whoever_leaves_another_limit_than_filters_of_input_is_named() {
    let clause = json!({"sourceOperandName": "city", "operatorName": "EQUALS",
        "targetOperand": {"values": ["Oslo"]}});
    let set = json!([{"clauses": [clause]}]);
    let container = r#""containerFilter": {"includedContainers": ["OU=A,DC=x"]},"#;
    let group = r#""groupFilter": {"includedGroups": ["Sales"]},"#;
    for (limits, scope, words) in [
        ("", json!({"inputFilterGroups": set, "groups": set}), "whoever leaves `groups` is"),
        (
            "",
            json!({"inputFilterGroups": set, "categoryFilterGroups": set}),
            "whoever leaves `categoryFilterGroups` is",
        ),
        (container, json!({"inputFilterGroups": set}), "whoever leaves `containerFilter` is"),
        (group, json!({"inputFilterGroups": set}), "whoever leaves `groupFilter` is"),
        (
            container,
            json!({"inputFilterGroups": set, "groups": set, "categoryFilterGroups": set}),
            "whoever leaves `groups`, `categoryFilterGroups` or `containerFilter` is",
        ),
    ] {
        let text = people(&format!(r#""scope": {scope},"#), "");
        let text =
            text.replacen(r#""objectMappings""#, &format!(r#"{limits} "objectMappings""#), 1);
        let imported = imported(&text);
        let document = is_sound(&imported.configuration);
        assert_eq!(document["scope"]["on_leave"].as_str(), Some("ignore"));
        let told = said(&imported).join("\n");
        assert!(told.contains(&format!("Changed: filter: {words} deprovisioned")), "{told}");
        let counts = imported.configuration.contains("# Changed: the same now counts for ");
        assert!(counts, "{}", imported.configuration);
    }
}

#[test]
fn a_group_by_its_distinguished_name_is_asked_for_by_its_name() {
    for (written, name) in [
        (r"CN=Share\\2C File\\C3\\A9,OU=G", "Share, Fileé"),
        (r"CN=Share\\, File,OU=G", "Share, File"),
        ("CN=Staff", "Staff"),
        ("Plain, name", "Plain, name"),
    ] {
        let limits = format!(r#""groupFilter": {{"includedGroups": ["{written}"]}},"#);
        let imported = imported(&limited(&limits, "[]"));
        let filters = is_sound(&imported.configuration)["scope"]["filter"].to_string();
        assert!(filters.contains(&format!("value = \"{name}\"")), "{filters}");
        let told = said(&imported).join("\n");
        assert!(told.contains(&format!("by the name `{name}` alone")), "{told}");
    }
}
