//! Tests of whole documents.

mod arbitrary;
mod broken;
mod limits;
mod samples;
mod shapes;

use super::{Imported, Vocabulary, import};

/// Every name that a configuration is meant to know.
pub(super) const VOCABULARY: Vocabulary = Vocabulary {
    user_targets: &[
        "Email",
        "FirstName",
        "LastName",
        "Company",
        "StorageQuotaLimitGB",
        "Bandwidth",
        "DefaultZone",
        "Roles",
        "Policies",
        "Preferences.CanResetPassword",
    ],
    required: &[("Email", "[mail]"), ("FirstName", "[givenName]"), ("LastName", "[surname]")],
    matchable: &["Email"],
    group_targets: &["Name"],
    is_user_attribute: &|name| USER.contains(&name) || name.starts_with("extensionAttribute"),
    user_attributes: USER,
    is_group_attribute: &|name| GROUP.contains(&name),
    group_attributes: GROUP,
    operators: &[
        "EQUALS",
        "NOT EQUALS",
        "IS TRUE",
        "IS FALSE",
        "IS NULL",
        "IS NOT NULL",
        "REGEX MATCH",
        "NOT REGEX MATCH",
        "&",
        "!&",
        "ENDS_WITH",
        "Greater_Than",
        "Greater_Than_OR_EQUALS",
        "Includes",
    ],
    on_leave: true,
    group_filters: true,
    type_expression: true,
    refuses: &|_| None,
    read: &|_| Vec::new(),
};

const USER: &[&str] = &[
    "accountEnabled",
    "appRoleAssignments",
    "city",
    "companyName",
    "country",
    "department",
    "displayName",
    "employeeId",
    "faxNumber",
    "givenName",
    "jobTitle",
    "mail",
    "manager",
    "objectId",
    "preferredLanguage",
    "showInAddressList",
    "surname",
    "userPrincipalName",
    "userType",
];

const GROUP: &[&str] = &["description", "displayName", "mail", "objectId"];

/// Imports a document that has a schema in it.
pub(super) fn imported(text: &str) -> Imported {
    import(text.as_bytes(), "sample.json", &VOCABULARY).unwrap()
}

/// Returns the findings as kind and text.
pub(super) fn said(imported: &Imported) -> Vec<String> {
    let line = |finding: &super::Finding| {
        format!("{:?}: {}: {}", finding.kind, finding.subject, finding.reason)
    };
    imported.findings.iter().map(line).collect()
}

/// Fails unless the configuration is TOML and every source in it an expression.
pub(super) fn is_sound(configuration: &str) -> toml_edit::DocumentMut {
    let document: toml_edit::DocumentMut = configuration.parse().unwrap();
    let sources = |value: Option<&toml_edit::Item>| -> Vec<String> {
        let text = |table: &dyn toml_edit::TableLike| {
            table.get("source").and_then(|item| item.as_str()).map(str::to_owned)
        };
        match value {
            Some(toml_edit::Item::ArrayOfTables(tables)) => {
                tables.iter().filter_map(|table| text(table)).collect()
            }
            Some(toml_edit::Item::Value(toml_edit::Value::Array(values))) => values
                .iter()
                .filter_map(|value| value.as_inline_table())
                .filter_map(|table| text(table))
                .collect(),
            _ => Vec::new(),
        }
    };
    for section in ["users", "groups"] {
        let section = &document[section];
        for source in [sources(section.get("attribute")), sources(section.get("match"))].concat() {
            assert!(super::tree::parse(&source).is_ok(), "{source}");
        }
        if let Some(text) = section.get("type").and_then(|item| item.as_str()) {
            assert!(super::tree::parse(text).is_ok(), "{text}");
        }
    }
    document
}
