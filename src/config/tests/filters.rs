//! Filters, and whom the job is tried on.

use super::*;
use crate::plan::rules::{Clause, Filter, Test};

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
    let clause = |attribute: &str, test| Clause { attribute: attribute.to_owned(), test };
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
  { operator = "MEMBER OF", value = "Staff" },
]
"#
    ), @r#"
    config.toml:16:8: scope.only: an empty list would let nobody in. Remove the key to let everybody in.
    config.toml:18:11: scope.filter[1].clauses: a filter without clauses would let everybody in. Give clauses, as [ { attribute = "department", operator = "EQUALS", value = "Sales" } ].
    config.toml:19:1: scope.filter[2].clauses: this key is missing. Give clauses, as [ { attribute = "department", operator = "EQUALS", value = "Sales" } ].
    config.toml:20:1: scope.filter[2].nam: unknown key. Did you mean `name`?
    config.toml:23:17: scope.filter[3].clauses[1].attribute: `departmnt` is no attribute of a user that can be read. Did you mean `department`?
    config.toml:24:17: scope.filter[3].clauses[2].attribute: a clause names an attribute, and takes no expression. Write "department".
    config.toml:24:44: scope.filter[3].clauses[2].operator: `EQUAL` is no operator. Did you mean `EQUALS`?
    config.toml:25:17: scope.filter[3].clauses[3].attribute: `proxyAddresses` has many values, and no clause compares them
    config.toml:25:46: scope.filter[3].clauses[3].operator: `not equals` is no operator. Did you mean `NOT EQUALS`?
    config.toml:26:59: scope.filter[3].clauses[4].value: this is no regular expression: unclosed group
    config.toml:27:55: scope.filter[3].clauses[5].value: `IS NULL` takes no value. Remove it.
    config.toml:28:3: scope.filter[3].clauses[6].value: this key is missing. `EQUALS` compares with a value.
    config.toml:29:54: scope.filter[3].clauses[7].value: values are texts. Write the operator "IS TRUE", without a value.
    config.toml:30:60: scope.filter[3].clauses[8].value: expected a whole number
    config.toml:31:3: scope.filter[3].clauses[9].attribute: this key is missing. Name an attribute of the user, as "department".
    config.toml:31:16: scope.filter[3].clauses[9].operator: `MEMBER OF` is no operator. Known are `EQUALS`, `NOT EQUALS`, `IS TRUE`, `IS FALSE`, `IS NULL`, `IS NOT NULL`, `REGEX MATCH`, `NOT REGEX MATCH`, `ENDS_WITH`, `Includes`, `Greater_Than` and `Greater_Than_OR_EQUALS`.
    "#);
}
