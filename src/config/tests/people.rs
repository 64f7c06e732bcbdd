//! What the configuration says about people: matching, mappings, types, removals, the guard.

use crate::model::account::TargetAttribute;
use crate::plan::map::Expression;
use crate::plan::rules::{Apply, Later, WhenNull};

use super::*;

#[test]
fn rules_are_compiled() {
    let job = fine(
        r#"
[users]
type = { default = "client", roles = { Staff = "employee", Extern = "client" } }
welcome = "on_create"
[[users.attribute]]
target = "Company"
source = '"Contoso ""Ltd"""'
when_null = "clear"
[[users.attribute]]
target = "LastName"
source = "[surname]"
default = "Unknown"
default_apply = "always"
[[users.attribute]]
target = "FirstName"
source = "[givenName]"
default = "12"
[[users.attribute]]
target = "Email"
source = "[userPrincipalName]"
apply = "on_create"
[users.deprovision]
hard_deleted = "leave"
[guard]
removals_per_cycle = { percent = 100 }
protected = ["Owner@Contoso.com", "a@b.c", "owner@contoso.com"]
"#,
    );
    let rules = job.rules;
    let targets: Vec<_> = rules.mappings.iter().map(|mapping| mapping.target).collect();
    assert_eq!(targets, TargetAttribute::ALL[..4]);
    assert_eq!(rules.mappings[0].apply, Apply::OnCreate);
    let first = rules.mappings[1].default.clone().expect("a default");
    assert_eq!((first.value.as_str(), first.apply), ("12", Apply::OnCreate));
    assert_eq!(rules.mappings[2].default.clone().expect("a default").apply, Apply::Always);
    assert_eq!(rules.mappings[3].source, Expression::constant("Contoso \"Ltd\""));
    assert_eq!(rules.mappings[3].when_null, WhenNull::Clear);
    assert_eq!(rules.source_attributes, ["givenName", "mail", "surname", "userPrincipalName"]);
    let roles = [("Extern".into(), AccountKind::Client), ("Staff".into(), AccountKind::Employee)];
    assert_eq!(rules.types.roles, roles);
    assert_eq!(rules.types.default, AccountKind::Client);
    assert!(rules.welcome);
    assert_eq!(rules.deprovision.hard_deleted, Policy::of(Stage::Leave));
    assert_eq!(rules.guard.removals_per_cycle, Limit { count: 50, percent: 100 });
    assert_eq!(rules.guard.protected, ["a@b.c", "owner@contoso.com"]);
}

#[test]
fn wrong_attributes_are_reported() {
    assert_snapshot!(problems(r#"
[users]
match = [{ target = "Disabled", source = "[givenName]" }, { target = "Email", source = '"x"' }]
[[users.attribute]]
target = "Email"
source = "mail"
[[users.attribute]]
target = "FirstName"
source = "[givenname]"
when_null = "clear"
[[users.attribute]]
target = "Firstname"
source = "[otherMails]"
defualt = "x"
[[users.attribute]]
source = "[shoeSize]"
[[users.attribute]]
target = "FirstName"
default_apply = "always"
"#), @r#"
    config.toml:16:21: users.match[1].target: `Disabled` is no attribute of an account. Known are `Email`, `FirstName`, `LastName` and `Company`.
    config.toml:16:88: users.match[2].source: a constant would match everybody with one and the same account. Give an attribute, as `[mail]`.
    config.toml:19:10: users.attribute[1].source: `mail` is neither an attribute nor a text nor a function. Did you mean `[mail]`?
        1 | mail
          | ^^^^
    config.toml:22:10: users.attribute[2].source: `givenname` is no attribute of a user that can be read. Did you mean `[givenName]`?
        1 | [givenname]
          | ^^^^^^^^^^^
    config.toml:25:10: users.attribute[3].target: `Firstname` is no attribute of an account. Did you mean `FirstName`?
    config.toml:27:1: users.attribute[3].defualt: unknown key. Did you mean `default`?
    config.toml:28:1: users.attribute[4].target: this key is missing. Name an attribute of the account, as "Email".
    config.toml:29:10: users.attribute[4].source: `shoeSize` is no attribute of a user that can be read
        1 | [shoeSize]
          | ^^^^^^^^^^
    config.toml:30:1: users.attribute[5]: FirstName is mapped a second time. Keep one of the entries.
    config.toml:30:1: users.attribute[5].source: this key is missing. Give an expression, as "[mail]".
    config.toml:32:17: users.attribute[5].default_apply: there is no `default` that it could apply to. Add `default`, or remove it.
    "#);
    assert_snapshot!(problems(r#"
[[users.attribute]]
target = "Email"
source = "[mail]"
default = "nobody@contoso.com"
when_null = "clear"
"#), @r#"
    config.toml:15:1: users.attribute: no account can be created without FirstName, LastName: not mapped. The built-in entries are gone once one of your own is given: name all.
    config.toml:18:11: users.attribute[1].default: everybody would get one and the same address, which only one account can have. Remove `default`.
    "#);
    assert_snapshot!(problems(r#"
[[users.attribute]]
target = "FirstName"
source = "[givenName]"
when_null = "clear"
[[users.attribute]]
target = "LastName"
source = "[surname]"
[[users.attribute]]
target = "Email"
source = '"shared@contoso.com"'
"#), @r#"
    config.toml:18:13: users.attribute[1].when_null: FirstName cannot be cleared: no account is without it. Write "keep".
    config.toml:24:10: users.attribute[3].source: everybody would get one and the same address, which only one account can have. Map an attribute.
    "#);
}

#[test]
fn policies_for_leavers_are_compiled() {
    let rules = fine(
        r#"
[users.deprovision]
unassigned = { then = "leave", after = "14d", next = "disable" }
disabled = { after = "1h 30m", next = "downgrade", reassign_items_to = "Archive@contoso.com", reassign_groups_to = "groups@contoso.com" }
soft_deleted = { then = "disable" }
hard_deleted = { then = "delete", reassign_items_to = "archive@contoso.com", reassign_groups_to = "archive@contoso.com" }
"#,
    );
    let policies = rules.rules.deprovision;
    let later = |after_ms, stage| Some(Later { after_ms, stage });
    assert_eq!(policies.unassigned.then, Stage::Leave);
    assert_eq!(policies.unassigned.later, later(14 * 86_400_000, Stage::Disable));
    assert_eq!(policies.disabled.then, Stage::Disable);
    assert_eq!(policies.disabled.later, later(5_400_000, Stage::Downgrade));
    let heirs = policies.disabled.heirs.clone().expect("heirs");
    assert_eq!(
        (heirs.items_to.as_str(), heirs.groups_to.as_str()),
        ("Archive@contoso.com", "groups@contoso.com")
    );
    assert_eq!(policies.soft_deleted, Policy::of(Stage::Disable));
    assert_eq!(policies.filtered, Policy::of(Stage::Disable));
    assert_eq!((policies.hard_deleted.then, policies.hard_deleted.later), (Stage::Delete, None));
    assert_eq!(policies.heirs(), ["archive@contoso.com", "groups@contoso.com"]);

    // One key of a table can come from another layer.
    let one = Overrides::default().set("users.deprovision.hard_deleted", "leave").set(
        "users.deprovision.unassigned",
        "{ after = \"1d\", next = \"delete\", reassign_items_to = \"a@b.c\", reassign_groups_to = \"a@b.c\" }",
    );
    let job = read_with(LEAST, &secrets(), &one).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(job.rules.deprovision.hard_deleted, Policy::of(Stage::Leave));
    assert_eq!(job.rules.deprovision.unassigned.later, later(86_400_000, Stage::Delete));
}

#[test]
fn policies_that_cannot_be_are_reported() {
    assert_snapshot!(problems(r#"
[users.deprovision]
unassigned = "delete"
filtered = { then = "downgrade", reassign_items_to = "archive@contoso.com" }
disabled = { then = "disable", after = "30d" }
soft_deleted = { next = "delete", reassign_items_to = "a@b.c", reassign_groups_to = "a@b.c" }
hard_deleted = { then = "delete", after = "1d", next = "disable", reassign_items_to = "me", reassign_groups_to = "a@b.c" }
"#), @r#"
    config.toml:16:14: users.deprovision.unassigned: "delete" needs somebody who takes over: what nobody takes over is lost for good. Give reassign_items_to and reassign_groups_to, as { then = "disable", after = "30d", next = "delete", reassign_items_to = "archive@contoso.com", reassign_groups_to = "archive@contoso.com" }.
    config.toml:17:54: users.deprovision.filtered.reassign_items_to: `reassign_items_to` without `reassign_groups_to`. Add reassign_groups_to = "archive@contoso.com": it may be the same.
    config.toml:18:40: users.deprovision.disabled.after: `after` without `next`. Say what happens then, as next = "delete".
    config.toml:19:25: users.deprovision.soft_deleted.next: `next` without `after`. Say when, as after = "30d".
    config.toml:20:56: users.deprovision.hard_deleted.next: "disable" does not go further than "delete". Remove `after` and `next`: nothing is left of the account.
    config.toml:20:87: users.deprovision.hard_deleted.reassign_items_to: expected a mail address. Give the address of an employee in ShareFile.
    "#);
    assert_snapshot!(problems(r#"
[users.deprovision]
unassigned = "downgrade"
filtered = { then = "disable", after = "30d", next = "delete" }
disabled = { then = "disable", after = "30d", next = "disable" }
soft_deleted = { reassign_items_to = "a@b.c", reassign_groups_to = "a@b.c" }
hard_deleted = { then = "removed", after = "10s", next = "delete" }
"#), @r#"
    config.toml:16:14: users.deprovision.unassigned: "downgrade" needs somebody who takes over: what nobody takes over is lost for good. Give reassign_items_to and reassign_groups_to, as { then = "disable", after = "30d", next = "delete", reassign_items_to = "archive@contoso.com", reassign_groups_to = "archive@contoso.com" }.
    config.toml:17:12: users.deprovision.filtered: "delete" needs somebody who takes over: what nobody takes over is lost for good. Give reassign_items_to and reassign_groups_to, as { then = "disable", after = "30d", next = "delete", reassign_items_to = "archive@contoso.com", reassign_groups_to = "archive@contoso.com" }.
    config.toml:18:54: users.deprovision.disabled.next: "disable" does not go further than "disable". Write `downgrade` or `delete`.
    config.toml:19:16: users.deprovision.soft_deleted: nobody is downgraded or deleted here, so nobody takes over. Remove reassign_items_to and reassign_groups_to, or add `after` and `next`.
    config.toml:20:25: users.deprovision.hard_deleted.then: expected `leave`, `disable`, `downgrade` or `delete`
    "#);
    assert_snapshot!(problems(r#"
[users.deprovision]
unassigned = 3
filtered = { then = "leave", after = "10s", next = "disable", with = "x" }
disabled = "delet"
"#), @r#"
    config.toml:16:14: users.deprovision.unassigned: expected `leave`, `disable`, `downgrade` or `delete`, found a number
    config.toml:17:38: users.deprovision.filtered.after: expected a duration from 1 minute to 10 years
    config.toml:17:63: users.deprovision.filtered.with: unknown key. Known are `then`, `after`, `next`, `reassign_items_to` and `reassign_groups_to`.
    config.toml:18:12: users.deprovision.disabled: expected `leave`, `disable`, `downgrade` or `delete`. Did you mean `delete`?
    "#);
}

#[test]
fn matching_rules_compare_one_attribute_or_several() {
    let rules = fine(
        r#"
[users]
match = [
  { target = "Email", source = "[mail]", required = true },
  { all = [{ target = "FirstName", source = "[givenName]" }, { target = "Company", source = '"Contoso"' }], adopt = "report" },
]
"#,
    )
    .rules
    .matching;
    let said: Vec<_> = rules
        .iter()
        .map(|rule| (rule.text(), rule.adopt, rule.required, rule.needs_lists()))
        .collect();
    let (always, report) = (crate::plan::rules::Adopt::Always, crate::plan::rules::Adopt::Report);
    let expected = [
        ("Email = [mail]".to_owned(), always, true, false),
        ("FirstName = [givenName], Company = \"Contoso\"".to_owned(), report, false, true),
    ];
    assert_eq!(said, expected);
    assert_snapshot!(problems(
        r#"
[users]
match = [
  { all = [] },
  { all = [{ target = "Email", source = "[mail]" }], target = "Email" },
  { all = [{ target = "Email", source = "[mail]" }, { target = "Email", source = "[givenName]" }] },
  { all = [{ target = "Company", source = '"Contoso"' }] },
  { all = [{ target = "Name", source = "[mail]" }, { target = "LastName" }] },
  { target = "Email", source = "[mail]", adopt = "ask", required = "yes" },
]
"#
    ), @r#"
    config.toml:17:11: users.match[1].all: without anything to compare, everybody would match every account. Give at least one, as { target = "Email", source = "[mail]" }.
    config.toml:18:63: users.match[2].target: a rule has either `all` or `target`. Put it into the list.
    config.toml:19:53: users.match[3].all[2]: Email is compared a second time. Keep one of the entries.
    config.toml:20:11: users.match[4].all: a constant would match everybody with one and the same account. Give an attribute, as `[mail]`.
    config.toml:21:23: users.match[5].all[1].target: `Name` is no attribute of an account. Known are `Email`, `FirstName`, `LastName` and `Company`.
    config.toml:21:52: users.match[5].all[2].source: this key is missing. Give an expression, as "[mail]".
    config.toml:22:50: users.match[6].adopt: expected `always`, `report` or `never`
    config.toml:22:68: users.match[6].required: expected `true` or `false`, found text
    "#);
}

#[test]
fn a_name_alone_takes_no_account_over_unasked() {
    let rule = |target: &str, adopt: &str| {
        format!("[users]\nmatch = [{{ target = \"{target}\", source = \"[surname]\"{adopt} }}]\n")
    };
    for (target, adopt) in [
        ("LastName", ""),
        ("Company", ", adopt = \"report\""),
        ("FirstName", ", adopt = \"never\""),
        ("Email", ", adopt = \"always\""),
    ] {
        fine(&rule(target, adopt));
    }
    assert_snapshot!(problems(&rule("Company", ", adopt = \"always\"")), @r###"
    config.toml:15:62: users.match[1].adopt: Company alone says nothing of who somebody is: accounts of others would be taken over. Compare more with `all`, or write "report", so that a person is asked.
    "###);
    let both = "[users]\nmatch = [{ adopt = \"always\", all = [\
        { target = \"LastName\", source = \"[surname]\" }, \
        { target = \"Company\", source = \"[companyName]\" }] }]\n";
    fine(both);
}

#[test]
fn nobody_chooses_among_values_that_no_list_shows() {
    let entry = |target: &str| {
        let source = r#"SelectUniqueValue("a", [city])"#;
        format!("{{ target = \"{target}\", source = '{source}', apply = \"on_create\" }}")
    };
    let names = ["Email", "FirstName", "LastName"].map(entry).join(", ");
    let with = |target: &str| format!("[users]\nattribute = [{names}, {}]\n", entry(target));
    fine(&with("Company"));
    let others = TargetAttribute::ALL.into_iter().filter(|target| !target.is_listed());
    for target in others.map(TargetAttribute::name) {
        let told = problems(&with(target));
        let says = format!("cannot tell which values of {target} are taken: no list of accounts");
        assert!(told.contains(&says) && told.lines().count() == 1, "{told}");
    }
}
