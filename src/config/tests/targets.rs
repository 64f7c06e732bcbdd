//! What can be set of an account besides its names.

use super::*;
use crate::model::account::TargetAttribute;

const NAMES: &str = r#"
[[users.attribute]]
target = "Email"
source = "[mail]"
[[users.attribute]]
target = "FirstName"
source = "[givenName]"
[[users.attribute]]
target = "LastName"
source = "[surname]"
"#;

fn with(entry: &str) -> String {
    format!("{NAMES}[[users.attribute]]\n{entry}")
}

#[test]
fn further_targets_are_read_and_asked_for_in_full_records() {
    let entries = [
        "target = \"Roles\"\nsource = 'Split([department], \",\")'",
        "target = \"Active\"\nsource = '[extensionAttribute1]'",
        "target = \"StorageQuotaLimitGB\"\nsource = '\"50\"'\ndefault = \"-1\"\nwhen_null = \"clear\"",
    ];
    let text = entries.map(|entry| format!("[[users.attribute]]\n{entry}\n")).concat();
    let job = fine(&format!("{NAMES}{text}"));
    let further = [TargetAttribute::StorageQuotaLimitGB, TargetAttribute::Roles];
    assert_eq!(job.sharefile.attributes, further);
    assert_eq!(job.rules.active.expect("an expression").text(), "[extensionAttribute1]");
    assert!(job.rules.source_attributes.contains(&"department".to_owned()));
    let read = job.rules.source_attributes.iter().any(|name| name.contains("xtensionAttribute1"));
    assert!(read, "{:?}", job.rules.source_attributes);
}

#[test]
fn what_no_account_takes_is_refused() {
    for (entry, wrong) in [
        (
            "target = \"Roles\"\nsource = \"[department]\"\ndefault = \"AdminSSO\"",
            "Roles has AdminSSO, which administers the tenant",
        ),
        (
            "target = \"Bandwidth\"\nsource = \"[department]\"\ndefault = \"much\"",
            "Bandwidth is `much`, which is no whole number",
        ),
        (
            "target = \"DefaultZone\"\nsource = \"[country]\"\nwhen_null = \"clear\"",
            "DefaultZone cannot be cleared",
        ),
        ("target = \"Role\"\nsource = \"[department]\"", "Did you mean `Roles`?"),
        ("target = \"Actve\"\nsource = \"[department]\"", "Did you mean `Active`?"),
        (
            "target = \"Active\"\nsource = \"[department]\"\napply = \"always\"",
            "Active has a source and nothing else",
        ),
        ("target = \"Active\"\nsource = 'IIF(Guid()=\"x\", \"True\", \"False\")'", "by chance"),
        ("target = \"Active\"\nsource = 'Left(Now(), 4)'", "it can only be compared with"),
        (
            "target = \"Company\"\nsource = \
             'IIF([city]=\"x\", AppRoleAssignmentsComplex([appRoleAssignments]), \"\")'",
            "gives structured roles, and here a text is wanted. Use `SingleAppRoleAssignment",
        ),
        (
            "target = \"Active\"\nsource = \
             'AssertiveAppRoleAssignmentsComplex([appRoleAssignments])'",
            "gives structured roles",
        ),
    ] {
        let said = problems(&with(entry));
        assert!(said.contains(wrong), "{entry}: {said}");
    }
    let twice = "target = \"Active\"\nsource = \"[department]\"\n";
    let said = problems(&with(&format!("{twice}[[users.attribute]]\n{twice}")));
    assert!(said.contains("Active is mapped a second time"), "{said}");
}
