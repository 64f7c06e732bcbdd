//! What a schema may say, point by point.

use super::super::{Kind, Refusal, Vocabulary, import};
use super::{VOCABULARY, imported, is_sound, said};

/// Makes a schema of object mappings.
fn schema(mappings: &str) -> String {
    format!(
        r#"{{"synchronizationRules": [{{"sourceDirectoryName": "Azure Active Directory",
        "targetDirectoryName": "ShareFile", "objectMappings": [{mappings}]}}]}}"#
    )
}

/// Makes a mapping of people with what is asked for besides the usual attributes.
pub(super) fn people(more: &str, attributes: &str) -> String {
    schema(&format!(
        r#"{{"sourceObjectName": "User", {more} "attributeMappings": [
        {{"targetAttributeName": "Email", "source": {{"name": "mail"}}, "matchingPriority": 1}},
        {{"targetAttributeName": "FirstName", "source": {{"name": "givenName"}}}},
        {{"targetAttributeName": "LastName", "source": {{"name": "surname"}}}},
        {{"targetAttributeName": "IsActive", "source": {{"expression": "Not([IsSoftDeleted])"}}}}
        {attributes}]}}"#
    ))
}

fn reasons(text: &str, kind: Kind) -> Vec<String> {
    let imported = imported(text);
    is_sound(&imported.configuration);
    let of_kind = imported.findings.into_iter().filter(|finding| finding.kind == kind);
    of_kind.map(|finding| format!("{}: {}", finding.subject, finding.reason)).collect()
}

#[test]
fn a_plain_schema_is_carried_over_without_a_word() {
    let imported = imported(&people("", ""));
    assert_eq!(
        said(&imported),
        ["Decide: scope: whether only assigned people are provisioned is not in a schema"]
    );
}

#[test]
fn changes_that_do_not_flow() {
    let imported = imported(&people(r#""flowTypes": "update","#, ""));
    let document = is_sound(&imported.configuration);
    assert_eq!(document["users"]["deprovision"]["hard_deleted"].as_str(), Some("leave"));
    assert_eq!(document["guard"]["creates_per_cycle"].as_integer(), Some(0));
    assert!(imported.findings.iter().any(|finding| finding.reason.contains("no Add")));
    let added = super::imported(&people(r#""flowTypes": ["Add", " DELETE"],"#, ""));
    let document = is_sound(&added.configuration);
    assert_eq!(document["users"]["deprovision"]["hard_deleted"].as_str(), Some("disable"));
    let entries = document["users"]["attribute"].as_array_of_tables().unwrap();
    assert!(entries.iter().all(|entry| entry["apply"].as_str() == Some("on_create")));
    let odd = reasons(&people(r#""flowTypes": "Add, Updat","#, ""), Kind::Unreadable);
    assert_eq!(
        odd,
        ["object mapping, key `flowTypes`: `Updat` is none of Add, Update, Delete and None"]
    );
}

#[test]
fn what_would_change_at_every_cycle_is_for_creation_only() {
    let company = r#",{"targetAttributeName": "Company", "source": {"expression": "CStr(Now())"}}"#;
    let imported = imported(&people("", company));
    let document = is_sound(&imported.configuration);
    let entries = document["users"]["attribute"].as_array_of_tables().unwrap();
    assert_eq!(entries.iter().last().unwrap()["apply"].as_str(), Some("on_create"));
    assert_eq!(imported.findings[0].kind, Kind::Changed);
}

#[test]
fn matching_rules_keep_their_order_and_constants_find_nobody() {
    let more = r#",{"targetAttributeName": "mail", "matchingPriority": 3,
            "source": {"name": "userPrincipalName"}},
        {"targetAttributeName": "emailAddress", "matchingPriority": 2, "defaultValue": "a@b.c"},
        {"targetAttributeName": "Company", "matchingPriority": 4, "source": {"name": "companyName"}}"#;
    let imported = imported(&people("", more));
    let document = is_sound(&imported.configuration);
    let sources: Vec<&str> = document["users"]["match"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule.as_inline_table().unwrap()["source"].as_str().unwrap())
        .collect();
    assert_eq!(sources, ["[mail]", "[userPrincipalName]"]);
    let said = said(&imported).join("\n");
    assert!(said.contains("`emailAddress`: its source does not tell people apart"), "{said}");
    assert!(said.contains("`Company`: accounts cannot be found by it"), "{said}");
}

#[test]
fn names_of_another_protocol_are_known() {
    let text = schema(
        r#"{"sourceObjectName": "User", "attributeMappings": [
        {"targetAttributeName": "userName", "source": {"name": "userPrincipalName"}, "matchingPriority": 1},
        {"targetAttributeName": "emails[type eq \"work\"].value", "source": {"name": "mail"}},
        {"targetAttributeName": "name.givenName", "source": {"name": "givenName"}},
        {"targetAttributeName": "name.familyName", "source": {"name": "surname"}},
        {"targetAttributeName": "active", "source": {"name": "accountEnabled"}},
        {"targetAttributeName": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization",
         "source": {"name": "companyName"}}]}"#,
    );
    let imported = imported(&text);
    let document = is_sound(&imported.configuration);
    let entries = document["users"]["attribute"].as_array_of_tables().unwrap();
    let pairs: Vec<(&str, &str)> = entries
        .iter()
        .map(|entry| (entry["target"].as_str().unwrap(), entry["source"].as_str().unwrap()))
        .collect();
    assert_eq!(
        pairs,
        [
            ("Email", "[mail]"),
            ("FirstName", "[givenName]"),
            ("LastName", "[surname]"),
            ("Company", "[companyName]")
        ]
    );
    let said = said(&imported);
    assert_eq!(
        said[0],
        "Lost: attribute mapping `userName`: Email is mapped by another entry as well"
    );
}

#[test]
fn what_no_account_is_without_is_added_if_the_schema_lacks_it() {
    let text = schema(
        r#"{"sourceObjectName": "user", "attributeMappings":
        [{"targetAttributeName": "Email", "source": {"name": "mail"}}]}"#,
    );
    let changed = reasons(&text, Kind::Changed);
    assert_eq!(
        changed,
        [
            "attribute mappings: FirstName is not mapped, and no account can be created without it",
            "attribute mappings: LastName is not mapped, and no account can be created without it",
            "matching: no attribute finds the accounts that exist already",
        ]
    );
    let nothing = imported(r#"{"synchronizationRules": []}"#);
    assert!(is_sound(&nothing.configuration)["users"]["match"].is_array());
    assert!(said(&nothing)[0].contains("it maps no people"), "{:?}", said(&nothing));
}

#[test]
fn who_is_active_becomes_deprovisioning_and_other_tests_are_reported() {
    let lost = |expression: &str| {
        let text = people("", "").replace("Not([IsSoftDeleted])", expression);
        reasons(&text, Kind::Lost)
    };
    for expression in [
        "[accountEnabled]",
        r#"Switch([IsSoftDeleted], , \"False\", \"True\", \"True\", \"False\")"#,
        "Not( [isSoftDeleted] )",
    ] {
        assert_eq!(lost(expression), [""; 0], "{expression}");
    }
    let reason = "attribute mapping `IsActive`: who is active is decided here by assignment and \
                  scope, not by `[IsSoftDeleted]`";
    assert_eq!(lost("[IsSoftDeleted]"), [reason]);
    assert_eq!(lost(r#"IIF([department] = \"Sales\", \"True\", \"False\")"#).len(), 1);
}

#[test]
fn a_type_is_an_expression() {
    let of = |mapping: &str| {
        let imported = imported(&people("", &format!(",{{{mapping}}}")));
        is_sound(&imported.configuration)["users"]["type"].as_str().map(str::to_owned)
    };
    let typed = of(r#""targetAttributeName": "UserType", "source": {"name": "userType"}"#);
    assert_eq!(typed.as_deref(), Some("ToLower([userType])"));
    let flagged =
        of(r#""targetAttributeName": "IsEmployee", "source": {"name": "accountEnabled"}"#);
    assert_eq!(
        flagged.as_deref(),
        Some(r#"Switch([accountEnabled], "client", "True", "employee")"#)
    );
    let constant = of(r#""targetAttributeName": "UserType", "defaultValue": "Client""#);
    assert_eq!(constant.as_deref(), Some(r#""client""#));
}

#[test]
fn filters_that_cannot_be_carried_over_make_a_configuration_not_load() {
    let filter = |clauses: &str| {
        let scope = format!(r#""scope": {{"groups": [{{"name": "F", "clauses": [{clauses}]}}]}},"#);
        let imported = imported(&people(&scope, ""));
        is_sound(&imported.configuration);
        let reasons = imported.findings.iter().filter(|one| one.kind == Kind::Blocks);
        let reasons: Vec<String> = reasons.map(|one| one.reason.clone()).collect();
        assert_eq!(imported.configuration.contains("NOT CARRIED OVER\""), !reasons.is_empty());
        reasons
    };
    let clause = |attribute: &str, operator: &str, values: &str| {
        format!(
            r#"{{"sourceOperandName": "{attribute}", "operatorName": "{operator}",
            "targetOperand": {{"values": {values}}}}}"#
        )
    };
    assert_eq!(filter(&clause("[department]", "equals", r#""Sales""#)), [""; 0]);
    assert_eq!(filter(&clause("accountEnabled", "IsTrue", "null")), [""; 0]);
    let odd = filter(&clause("department", "SOUNDS LIKE", r#"["x"]"#));
    assert_eq!(odd, ["`SOUNDS LIKE` is no operator of this project"]);
    let unknown = filter(&clause("departmnt", "EQUALS", r#"["x"]"#));
    assert_eq!(
        unknown,
        ["`departmnt` is no attribute of a person that can be read; the nearest is `department`"]
    );
    let empty = filter(&clause("department", "EQUALS", "[]"));
    assert_eq!(empty, ["there is no value to compare with"]);
    let number = filter(&clause("employeeId", "Greater_Than", r#"["many"]"#));
    assert_eq!(number, ["the operator compares with a whole number, and `many` is none"]);
    let damaged = filter(r#"{"operatorName": "EQUALS"}"#);
    assert_eq!(damaged, ["a part of it is unreadable or unknown, so that it might let in others"]);
    let many: Vec<String> = (0..300).map(|number| format!("\"{number}\"")).collect();
    let many = filter(&clause("department", "EQUALS", &format!("[{}]", many.join(","))));
    assert_eq!(many, ["it would become more than 200 filters"]);
}

#[test]
fn a_configuration_that_knows_less_gets_less_and_says_so() {
    let text = include_str!("../../../tests/data/schemas/everything.json");
    let vocabulary = Vocabulary {
        user_targets: &["Email", "FirstName", "LastName", "Company"],
        on_leave: false,
        group_filters: false,
        type_expression: false,
        ..VOCABULARY
    };
    let imported = import(text.as_bytes(), "everything.json", &vocabulary).unwrap();
    let document = is_sound(&imported.configuration);
    assert!(document["scope"].get("on_leave").is_none());
    assert!(document["groups"].get("filter").is_none());
    assert!(document["users"]["type"].is_inline_table());
    let said = said(&imported).join("\n");
    for lost in [
        "Lost: filter of input: whoever leaves inputFilterGroups is left alone",
        "Lost: filter group: groups have no scoping filter here",
        "Lost: attribute mapping `UserType`: the type of an account is no expression here",
        "Lost: attribute mapping `Roles`: accounts have no such attribute that can be set",
    ] {
        assert!(said.contains(lost), "{lost} is not in {said}");
    }
}

#[test]
fn a_group_without_clauses_lets_everybody_in() {
    let scope = r#""scope": {"groups": [{"name": "A", "clauses": [{"sourceOperandName": "department",
        "operatorName": "IS NOT NULL"}]}, {"name": "B", "clauses": []}]},"#;
    let imported = imported(&people(scope, ""));
    assert!(is_sound(&imported.configuration)["scope"].get("filter").is_none());
    assert!(said(&imported)[0].contains("a group without clauses lets everybody in"));
}

#[test]
fn input_filters_alone_leave_people_alone() {
    let scope = r#""scope": {"inputFilterGroups": [{"clauses": [{"sourceOperandName": "mail",
        "operatorName": "IS NOT NULL", "targetOperand": null}]}]},"#;
    let imported = imported(&people(scope, ""));
    let document = is_sound(&imported.configuration);
    assert_eq!(document["scope"]["on_leave"].as_str(), Some("ignore"));
    assert_eq!(said(&imported).len(), 1, "{:?}", said(&imported));
}

#[test]
fn the_schema_of_another_application_is_read_with_a_word_about_it() {
    let text = people("", "").replace("\"ShareFile\"", "\"salesforce.com\"");
    let decide = reasons(&text, Kind::Decide);
    assert_eq!(
        decide[0],
        "synchronization rule: its target is `salesforce.com`, which is not ShareFile by its name"
    );
    let part = r#"{"sourceObjectName": "User", "attributeMappings": []}"#;
    assert!(said(&imported(part)).iter().any(|line| line.contains("part of a schema")));
}

#[test]
fn what_the_reader_of_configurations_refuses_is_a_comment_with_its_reason() {
    let refuses = |text: &str| {
        let company = text.contains("companyName").then(|| "no companies today".to_owned());
        company.or_else(|| text.contains("displayName").then(|| "nothing is found so".to_owned()))
    };
    let vocabulary = Vocabulary { refuses: &refuses, ..VOCABULARY };
    let more = r#",{"targetAttributeName": "Company", "source": {"name": "companyName"}},
        {"targetAttributeName": "mail", "matchingPriority": 2, "source": {"name": "displayName"}}"#;
    let refused = import(people("", more).as_bytes(), "x", &vocabulary).unwrap();
    let document = is_sound(&refused.configuration);
    assert!(!refused.blocks());
    assert_eq!(document["users"]["match"].as_array().unwrap().len(), 1);
    let written = &refused.configuration;
    assert!(written.contains("# Not carried over: no companies today.\n# [[users.attribute]]"));
    let told = said(&refused).join("\n");
    assert!(told.contains("Lost: attribute mapping `Company`: no companies today"), "{told}");
    assert!(told.contains("nobody can be found by it: nothing is found so"), "{told}");
    // Without a name there are no accounts, so that nothing is planned.
    let refuses = |text: &str| text.contains("jobTitle").then(|| "no titles".to_owned());
    let vocabulary = Vocabulary { refuses: &refuses, ..VOCABULARY };
    let title = people("", "").replace("surname", "jobTitle");
    let required = import(title.as_bytes(), "x", &vocabulary).unwrap();
    assert_eq!(said(&required)[0], "Blocks: attribute mapping `LastName`: no titles");
    assert!(required.left_out() == 1, "{:?}", said(&required));
    let document = is_sound(&required.configuration);
    assert_eq!(document["users"]["attribute"].as_array_of_tables().unwrap().len(), 2);
}

#[test]
fn what_is_refused_of_the_whole_is_to_be_decided() {
    let read = |text: &str| {
        let of =
            |key: &str, message: &str| Refusal { key: key.to_owned(), message: message.to_owned() };
        assert!(is_sound(text).contains_key("users"));
        vec![
            of("scope.filter[1].clauses[1].operator", "`NOT CARRIED OVER` is no operator"),
            of("users.match", "not like this"),
        ]
    };
    let vocabulary = Vocabulary { read: &read, ..VOCABULARY };
    let imported = import(people("", "").as_bytes(), "x", &vocabulary).unwrap();
    assert_eq!(said(&imported)[0], "Blocks: the configuration, `users.match`: not like this");
    assert_eq!(imported.left_out(), 1, "what was written on purpose is no news");
    assert!(imported.configuration.contains("# - TO DECIDE: the configuration, `users.match`"));
}

#[test]
fn filters_by_category_hold_besides_the_others() {
    let group = |city: &str| {
        format!(
            r#"[{{"clauses": [{{"sourceOperandName": "city", "operatorName": "EQUALS",
            "targetOperand": {{"values": ["{city}"]}}}}]}}]"#
        )
    };
    let (oslo, rome) = (group("Oslo"), group("Rome"));
    for (scope, clauses) in [
        (format!(r#"{{"categoryFilterGroups": {oslo}}}"#), 1),
        (format!(r#"{{"groups": {rome}, "categoryFilterGroups": {oslo}}}"#), 2),
        (
            format!(
                r#"{{"groups": {rome}, "inputFilterGroups": {rome}, "categoryFilterGroups": {oslo}}}"#
            ),
            3,
        ),
    ] {
        let imported = imported(&people(&format!(r#""scope": {scope},"#), ""));
        let filters = &is_sound(&imported.configuration)["scope"]["filter"];
        let filters = filters.as_array_of_tables().unwrap();
        let written = filters.iter().map(|filter| filter["clauses"].as_array().unwrap().len());
        assert_eq!(written.collect::<Vec<_>>(), [clauses], "{scope}");
        assert!(said(&imported).iter().any(|line| line.starts_with("Changed: category filter: ")));
    }
    let odd = oslo.replace("EQUALS", "SOUNDS LIKE");
    let odd = imported(&people(&format!(r#""scope": {{"categoryFilterGroups": {odd}}},"#), ""));
    assert!(odd.blocks());
}

#[test]
fn a_value_that_has_to_be_free_is_chosen_once() {
    let company = r#",{"targetAttributeName": "Company", "matchingPriority": -1,
        "source": {"expression": "SelectUniqueValue([mail], [companyName])"}}"#;
    assert_eq!(
        reasons(&people("", company), Kind::Changed),
        [
            "attribute mapping `Company`: its matchingPriority is -1: taken as 0, so that nobody is found by it",
            "attribute mapping `Company`: it chooses a value that is free, which is done once",
        ]
    );
}

#[test]
fn a_constant_is_not_cleared_unless_it_is_empty() {
    let directories = r#"{"directories": [{"name": "ShareFile", "objects": [{"name": "",
        "attributes": [{"name": "Company", "flowNullValues": true}]}]}], "#;
    for (source, clears) in [
        (r#"{"type": "Constant", "name": "Contoso"}"#, false),
        (r#"{"name": "companyName"}"#, true),
        // What is empty each time empties the attribute in Entra ID.
        (r#"{"type": "Constant", "name": ""}"#, true),
        (r#"{"expression": "\"\""}"#, true),
        (r#"{"expression": "Trim(\" \")"}"#, true),
    ] {
        let company = format!(r#",{{"targetAttributeName": "Company", "source": {source}}}"#);
        let schema = people("", &company).replacen('{', directories, 1);
        let imported = imported(&schema);
        is_sound(&imported.configuration);
        assert_eq!(imported.configuration.contains("flowNullValues"), clears, "{source}");
        assert_eq!(imported.configuration.contains("when_null = \"clear\""), clears, "{source}");
    }
}

#[test]
fn what_the_creation_of_accounts_takes_besides_is_said_where_it_belongs() {
    let lost = |target: &str| {
        let more =
            format!(r#",{{"targetAttributeName": "{target}", "source": {{"name": "city"}}}}"#);
        reasons(&people("", &more), Kind::Lost).join("\n")
    };
    for role in ["CanCreateFolders", "CanUseFileBox", "canManageUsers"] {
        let said = lost(role);
        assert!(said.ends_with("it is a role here: one of the names that `Roles` gives"), "{said}");
    }
    assert!(lost("IsAdministrator").ends_with("accounts of administrators are protected"));
    assert!(lost("Password").contains("accounts are made without a password"));
}

#[test]
fn a_job_that_runs_is_told_at_the_head() {
    for (status, schedule, active) in [
        ("Active", "Active", true),
        ("Quarantine", "Disabled", true),
        ("NotRun", "active", true),
        ("Paused", "Disabled", false),
        ("NotConfigured", "Paused", false),
    ] {
        let job = format!(
            r#"{{"status": {{"code": "{status}"}}, "schedule": {{"state": "{schedule}"}}, "schema": {}}}"#,
            people("", "")
        );
        let imported = imported(&job);
        assert_eq!(imported.active_job, active, "{status}, {schedule}");
        assert_eq!(imported.configuration.contains("# WARNING: the job is active"), active);
    }
}
