//! Filters, and whom the job is tried on.

use super::*;
use crate::plan::rules::{Clause, Filter, GroupName, Many, Nulls, OnLeave, Side, Test, When};

#[test]
fn filters_are_compiled_and_their_attributes_read() {
    let rules = fine(
        r#"
[scope]
only = ["Ada@Contoso.com", "11111111-2222-3333-4444-555555555555", "ada@contoso.com"]
[[scope.filter]]
name = "Staff"
clauses = [
  { attribute = "department", operator = "NOT EQUALS", value = "External" },
  { attribute = "accountEnabled", operator = "IS TRUE" },
]
[[scope.filter]]
clauses = [{ attribute = "extensionAttribute3", operator = "Greater_Than", value = 7 }]
[users.deprovision]
filtered = "leave"
"#,
    )
    .rules;
    assert_eq!(rules.only, ["11111111-2222-3333-4444-555555555555", "ada@contoso.com"]);
    let read = ["accountEnabled", "department", "extensionAttribute3", "givenName", "mail"];
    assert_eq!(rules.source_attributes[..5], read);
    let clause = |attribute: &str, test: Test| {
        // NOT is about all values.
        let many = if test.is_negative() { Many::All } else { Many::Any };
        Clause { attribute: attribute.to_owned(), test, many }
    };
    let staff = vec![
        clause("department", Test::NotEquals("External".to_owned())),
        clause("accountEnabled", Test::IsTrue),
    ];
    let expected = [
        Filter { name: Some("Staff".to_owned()), clauses: staff },
        Filter { name: None, clauses: vec![clause("extensionAttribute3", Test::GreaterThan(7))] },
    ];
    assert_eq!(rules.filters, expected);
    assert_ne!(rules.hash(), fine("").rules.hash(), "other rules");
    let other = fine("[guard]\ncreates_per_cycle = 7\naddress_changes_per_cycle = 0\n").rules.guard;
    assert_eq!((other.creates_per_cycle, other.address_changes_per_cycle), (7, 0));
}

#[test]
fn what_no_filter_can_mean_is_reported() {
    assert_snapshot!(problems(
        r#"
[scope]
only = []
nulls = "none"
on_leave = "keep"
[[scope.filter]]
clauses = []
[[scope.filter]]
nam = "Staff"
[[scope.filter]]
clauses = [
  { attribute = "departmnt", operator = "EQUALS", value = "Sales" },
  { attribute = "[department]", operator = "EQUAL", value = "Sales" },
  { attribute = "proxyAddresses", operator = "not equals", value = "Sales" },
  { attribute = "city", operator = "REGEX MATCH", value = "(Bonn" },
  { attribute = "city", operator = "IS NULL", value = "x" },
  { attribute = "city", operator = "EQUALS" },
  { attribute = "city", operator = "EQUALS", value = true },
  { attribute = "city", operator = "Greater_Than", value = "many" },
  { operator = "MATCHES", value = "Staff" },
  { attribute = "city", operator = "IN", value = "Bonn" },
  { attribute = "city", operator = "in", values = [] },
  { attribute = "city", operator = "equals", values = ["Bonn", "Rome"] },
  { attribute = "city", operator = "BEFORE" },
  { attribute = "city", operator = "BEFORE", value = "next week" },
  { attribute = "city", operator = "AFTER", value = "now-3y" },
  { attribute = "city", operator = "MEMBER OF", value = "Staff" },
  { operator = "NOT MEMBER OF" },
  { operator = "MEMBER OF", value = "Staff", match = "all" },
  { attribute = "city", operator = "EQUALS", value = "Bonn", match = "most" },
]
[[groups.filter]]
clauses = [
  { attribute = "department", operator = "EQUALS", value = "Sales" },
  { operator = "MEMBER OF", value = "Staff" },
]
"#
    ), @r#"
    config.toml:16:8: scope.only: an empty list would let nobody in. Remove the key to let everybody in.
    config.toml:17:9: scope.nulls: expected `entra` or `empty`
    config.toml:18:12: scope.on_leave: expected `deprovision` or `ignore`
    config.toml:20:11: scope.filter[1].clauses: a filter without clauses would let everybody in. Give clauses, as [ { attribute = "department", operator = "EQUALS", value = "Sales" } ].
    config.toml:21:1: scope.filter[2].clauses: this key is missing. Give clauses, as [ { attribute = "department", operator = "EQUALS", value = "Sales" } ].
    config.toml:22:1: scope.filter[2].nam: unknown key. Did you mean `name`?
    config.toml:25:17: scope.filter[3].clauses[1].attribute: `departmnt` is no attribute of a user that can be read. Did you mean `department`?
    config.toml:26:17: scope.filter[3].clauses[2].attribute: a clause names an attribute, and takes no expression. Write "department".
    config.toml:26:44: scope.filter[3].clauses[2].operator: `EQUAL` is no operator. Did you mean `EQUALS`?
    config.toml:28:59: scope.filter[3].clauses[4].value: this is no regular expression: a `(` is not closed
    config.toml:29:55: scope.filter[3].clauses[5].value: `IS NULL` takes no value. Remove it.
    config.toml:30:3: scope.filter[3].clauses[6].value: this key is missing. `EQUALS` compares with a value.
    config.toml:31:54: scope.filter[3].clauses[7].value: values are texts. Write the operator "IS TRUE", without a value.
    config.toml:32:60: scope.filter[3].clauses[8].value: expected a whole number
    config.toml:33:3: scope.filter[3].clauses[9].attribute: this key is missing. Name an attribute of a user, as "department".
    config.toml:33:16: scope.filter[3].clauses[9].operator: `MATCHES` is no operator. Known are `EQUALS`, `NOT EQUALS`, `IS TRUE`, `IS FALSE`, `IS NULL`, `IS NOT NULL`, `REGEX MATCH`, `NOT REGEX MATCH`, `ENDS_WITH`, `INCLUDES`, `GREATER_THAN`, `GREATER_THAN_OR_EQUALS`, `&`, `!&`, `IN`, `NOT IN`, `STARTS_WITH`, `BEFORE`, `ON_OR_BEFORE`, `AFTER`, `ON_OR_AFTER`, `MEMBER OF` and `NOT MEMBER OF`.
    config.toml:34:50: scope.filter[3].clauses[10].value: `IN` compares with a list. Write values = ["…", "…"].
    config.toml:35:51: scope.filter[3].clauses[11].values: an empty list is the same for everybody. Name at least one value.
    config.toml:36:55: scope.filter[3].clauses[12].values: `EQUALS` compares with one value. Write value = "…"; a list is for `IN` and `NOT IN`.
    config.toml:37:3: scope.filter[3].clauses[13].value: this key is missing. `BEFORE` compares with `now`, a distance from it as `now-30d`, or a date.
    config.toml:38:54: scope.filter[3].clauses[14].value: expected `now`, a distance from it as `now-30d` or `now+2w`, or a date as `2026-01-31`
    config.toml:39:53: scope.filter[3].clauses[15].value: a distance has the units `s`, `m` (minutes), `h`, `d` and `w`
    config.toml:40:17: scope.filter[3].clauses[16].attribute: a clause that asks for a group takes no attribute. Remove it.
    config.toml:41:3: scope.filter[3].clauses[17].value: this key is missing. `NOT MEMBER OF` compares with an assigned group, by its name or its id.
    config.toml:42:54: scope.filter[3].clauses[18].match: a person comes through a group, or does not: there are no values. Remove it.
    config.toml:43:70: scope.filter[3].clauses[19].match: expected `any` or `all`
    config.toml:47:17: groups.filter[1].clauses[1].attribute: `department` is no attribute of a group that can be read
    config.toml:48:16: groups.filter[1].clauses[2].operator: a group comes through no other group. Let a filter of [scope] ask this.
    "#);
}

#[test]
fn what_entra_cannot_ask_is_compiled() {
    let rules = fine(
        r#"
[scope]
nulls = "empty"
on_leave = "ignore"
[[scope.filter]]
clauses = [
  { attribute = "userType", operator = "not equals", value = "Guest" },
  { attribute = "department", operator = "in", values = ["Sales", "IT"] },
  { attribute = "employeeHireDate", operator = "on or before", value = "now+2w" },
  { attribute = "extensionAttribute1", operator = "!&", value = 2 },
  { operator = "MEMBER OF", value = "Staff" },
  { operator = "not_member_of", value = "11111111-2222-3333-4444-555555555555" },
  { attribute = "displayName", operator = "starts with", value = "A", match = "all" },
]
[groups]
enabled = true
[[groups.filter]]
name = "Mail"
clauses = [{ attribute = "mail", operator = "IS NOT NULL" }]
"#,
    )
    .rules;
    assert_eq!((rules.nulls, rules.on_leave), (Nulls::Empty, OnLeave::Ignore));
    let tests: Vec<Test> =
        rules.filters[0].clauses.iter().map(|clause| clause.test.clone()).collect();
    let id = crate::model::ids::SourceAnchor::parse("11111111-2222-3333-4444-555555555555");
    let expected = [
        Test::NotEquals("Guest".to_owned()),
        Test::In(vec!["Sales".to_owned(), "IT".to_owned()]),
        Test::Date(Side::OnOrBefore, When::Now(14 * 86_400_000)),
        Test::NoBit(2),
        Test::MemberOf(GroupName::Named("Staff".to_owned())),
        Test::NotMemberOf(GroupName::Id(id.expect("an id"))),
        Test::StartsWith("A".to_owned()),
    ];
    assert_eq!(tests, expected);
    assert_eq!(rules.filters[0].clauses[6].many, Many::All);
    assert!(!rules.source_attributes.contains(&"memberOf".to_owned()), "it is no attribute");
    assert_eq!(rules.group_attributes, ["displayName", "mail"]);
    let groups = rules.groups.expect("rules for groups");
    assert_eq!(groups.filters[0].name.as_deref(), Some("Mail"));

    let named = "[[scope.filter]]\nclauses = [{ operator = \"MEMBER OF\", value = \"Staff\" }]\n";
    assert_eq!(fine(named).rules.group_attributes, ["displayName"], "names have to be read");
    assert!(fine("").rules.group_attributes.is_empty());
}
