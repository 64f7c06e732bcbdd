//! Expressions: what is right loads, and what is wrong is shown with its place.

use super::*;
use crate::model::account::TargetAttribute;
use crate::plan::rules::Apply;

/// Returns the configuration of a mapping of Company, with further keys.
fn company(expression: &str, more: &str) -> String {
    assert!(!expression.contains('\''), "it stands in a text of TOML");
    format!(
        "users.attribute = [{{ target = \"Email\", source = \"[mail]\" }}, \
         {{ target = \"FirstName\", source = \"[givenName]\" }}, \
         {{ target = \"LastName\", source = \"[surname]\" }}, \
         {{ target = \"Company\", source = '{expression}'{more} }}]\n"
    )
}

/// Returns the problems of a mapping, without the file.
fn wrong(expression: &str, more: &str) -> String {
    let text = company(expression, more);
    let text = format!("{text}{LEAST}");
    let problems = read(&text).expect_err(expression).to_string();
    problems.replace("config.toml:1:", "") + "\n"
}

fn right(expression: &str, more: &str) -> Job {
    read(&format!("{}{LEAST}", company(expression, more)))
        .unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn functions_load_and_what_they_read_is_asked_for() {
    let job = right(r#"Join(" ", [department], ToUpper([city], ), "A ""b"" \"c\"")"#, "");
    let expression = &job.rules.mappings[3].source;
    assert_eq!(expression.attributes(), ["city", "department"]);
    let names = ["city", "department", "givenName", "mail", "surname", "userPrincipalName"];
    assert_eq!(job.rules.source_attributes, names);
    let job = right(r#"Join(",", [otherMails], [employeeOrgData.division])"#, "");
    let read = job.rules.source_attributes;
    assert!(
        ["employeeOrgData.division", "otherMails"]
            .iter()
            .all(|name| read.contains(&name.to_string()))
    );
    for once in ["Now()", "Guid()", r#"RandomString(8, 1, 1, 1, 1, "x")"#] {
        let job = right(once, ", apply = \"on_create\"");
        assert_eq!(job.rules.mappings[3].apply, Apply::OnCreate);
    }
}

#[test]
fn the_rules_are_others_if_an_expression_is_and_the_same_if_only_its_spaces_are() {
    let hash = |expression| right(expression, "").rules.hash();
    assert_eq!(hash("Join( \",\",[city] , [state])"), hash("Join(\",\", [city], [state])"));
    assert_ne!(hash("Join(\",\", [city], [state])"), hash("Join(\",\", [state], [city])"));
}

#[test]
fn mistakes_are_shown_with_their_place() {
    let found = [
        "mail",
        "givenname",
        "Jion(\" \", [givenName], [surname])",
        "join(\" \", [givenName])",
        "Left([companyName], \"abc\")",
        "Left([companyName])",
        "Join(\" \", [givenName], [surname]",
        "Switch([country], \"Other\", \"DE\")",
        "Replace([mail], , \"(\", , \"\", , )",
        "DateAdd(\"q\", 1, CDate([employeeHireDate]))",
        "[department] [city]",
        "Join(\" \", [departmnt], [otherMails])",
        "IIF(IsPresent([department]), Trim([shoeSize]), \"x\")",
    ]
    .map(|expression| wrong(expression, ""));
    assert_snapshot!(found.concat(), @r###"
    189: users.attribute[4].source: `mail` is neither an attribute nor a text nor a function. Did you mean `[mail]`?
        1 | mail
          | ^^^^
    189: users.attribute[4].source: `givenname` is neither an attribute nor a text nor a function. Did you mean `[givenName]`?
        1 | givenname
          | ^^^^^^^^^
    189: users.attribute[4].source: there is no function `Jion`. Did you mean `Join`?
        1 | Jion(" ", [givenName], [surname])
          | ^^^^
    189: users.attribute[4].source: there is no function `join`: letter case matters. Did you mean `Join`?
        1 | join(" ", [givenName])
          | ^^^^
    189: users.attribute[4].source: numChars of `Left` is a whole number, and `abc` is none
        1 | Left([companyName], "abc")
          |                     ^^^^^
    189: users.attribute[4].source: `Left` takes 2 arguments, this has 1. Expected `Left(string, numChars)`.
        1 | Left([companyName])
          |                   ^
    189: users.attribute[4].source: `Join(` is not closed. Expected `)` behind its last argument.
        1 | Join(" ", [givenName], [surname]
          | ^^^^
    189: users.attribute[4].source: `Switch` takes an even number of arguments, as keys and values come in pairs; this has 3. Expected `Switch(source, defaultValue?, key?, value, …)`.
        1 | Switch([country], "Other", "DE")
          |                            ^^^^
    189: users.attribute[4].source: this is no regular expression: a `(` is not closed
        1 | Replace([mail], , "(", , "", , )
          |                   ^^^
    189: users.attribute[4].source: there is no interval `q`. Expected `yyyy` years, `m` months, `ww` weeks, `d` days, `h` hours, `n` minutes or `s` seconds.
        1 | DateAdd("q", 1, CDate([employeeHireDate]))
          |         ^^^
    189: users.attribute[4].source: the expression has ended here. Expected nothing; several values are put together by `Join` or `Append`.
        1 | [department] [city]
          |              ^^^^^^
    189: users.attribute[4].source: `departmnt` is no attribute of a user that can be read. Did you mean `[department]`?
        1 | Join(" ", [departmnt], [otherMails])
          |           ^^^^^^^^^^^
    189: users.attribute[4].source: `shoeSize` is no attribute of a user that can be read
        1 | IIF(IsPresent([department]), Trim([shoeSize]), "x")
          |                                   ^^^^^^^^^^
    "###);
}

#[test]
fn what_would_rewrite_accounts_in_every_cycle_is_refused() {
    let found = [
        ("FormatDateTime(Now(), , \"yyyy\", \"yyyy\")", ""),
        ("Join(\"-\", [department], Guid())", ", apply = \"always\""),
        ("RandomString(8, 1, 1, 1, 1, \"x\")", ""),
    ]
    .map(|(expression, more)| wrong(expression, more));
    assert_snapshot!(found.concat(), @r###"
    189: users.attribute[4].source: `Now` gives another value each time: here it can only be compared with, and is the day. Compare, as in `IIF(DateDiff("d", Now(), CDate([employeeHireDate])) > 0, "False", "True")`. Or write apply = "on_create".
        1 | FormatDateTime(Now(), , "yyyy", "yyyy")
          |                ^^^^^
    189: users.attribute[4].source: `Guid` gives another value each time, so that accounts would be rewritten in every cycle. Write apply = "on_create", so that it counts for new accounts only.
        1 | Join("-", [department], Guid())
          |                         ^^^^^^
    189: users.attribute[4].source: `RandomString` gives another value each time, so that accounts would be rewritten in every cycle. Write apply = "on_create", so that it counts for new accounts only.
        1 | RandomString(8, 1, 1, 1, 1, "x")
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "###);
}

#[test]
fn a_value_that_nobody_may_see_is_one_that_nothing_is_told_by() {
    assert!(right("Redact([department])", "").rules.hides(TargetAttribute::Company));
    let typed = format!("users.type = 'Redact([userType])'\n{LEAST}");
    let said = read(&typed).expect_err("a type").to_string();
    assert!(
        said.contains("`Redact` hides the values of FirstName, LastName and Company"),
        "{said}"
    );
    let extension = wrong("[contoso_course.level]", "");
    assert!(extension.contains("would be a schema extension, which is not read"), "{extension}");
}

#[test]
fn values_may_be_compared_with_the_day() {
    for compared in [
        "IIF(DateDiff(\"d\", Now(), CDate([employeeHireDate])) > 5, \"Soon\", \"Contoso\")",
        "Switch([city], , \"1\", IIF(Now() >= CDate([employeeHireDate]), \"True\", \"False\"))",
    ] {
        let job = right(compared, "");
        assert!(job.rules.mappings[3].source.uses().now);
        let typed = format!("users.type = 'Coalesce({compared}, \"client\")'\n{LEAST}");
        assert!(read(&typed).is_ok(), "{compared}");
    }
    let shown = "DateDiff(\"d\", Now(), CDate([employeeHireDate]))";
    assert!(wrong(shown, "").contains("it can only be compared with"));
}

#[test]
fn without_a_default_domain_there_is_none() {
    let found = wrong("Append([mailNickname], DefaultDomain())", "");
    assert_snapshot!(found, @r###"
    189: users.attribute[4].source: `DefaultDomain` asks for the default domain of the directory, which is not given. Write `entra.default_domain = "contoso.com"`.
        1 | Append([mailNickname], DefaultDomain())
          |                        ^^^^^^^^^^^^^^^
    "###);
}

#[test]
fn the_default_domain_is_the_one_that_the_configuration_says() {
    let rules = |domain: &str| {
        let entry = "[[users.attribute]]\ntarget = \"Company\"\n\
                     source = 'Append([mailNickname], DefaultDomain())'\n";
        let overrides = Overrides::default().set("entra.default_domain", domain);
        let others = "[[users.attribute]]\ntarget = \"Email\"\nsource = \"[mail]\"\n\
                      [[users.attribute]]\ntarget = \"FirstName\"\nsource = \"[givenName]\"\n\
                      [[users.attribute]]\ntarget = \"LastName\"\nsource = \"[surname]\"\n";
        read_with(&format!("{LEAST}{others}{entry}"), &secrets(), &overrides)
    };
    let job = rules("contoso.com").expect("a job").rules;
    let sources: Vec<&str> = job.mappings.iter().map(|one| one.source.text()).collect();
    assert!(sources.contains(&r#"Append([mailNickname],"contoso.com")"#), "{sources:?}");
    assert_ne!(job.hash(), rules("fabrikam.com").expect("a job").rules.hash());
    assert!(rules("contoso").expect_err("no domain").to_string().contains("this is no domain"));
}

#[test]
fn matching_rules_and_names_of_groups_give_values_that_stay() {
    assert_snapshot!(problems(
        r#"
[users]
match = [
  { target = "Email", source = 'Append([mailNickname], Guid())' },
  { target = "Email", source = 'IgnoreFlowIfNullOrEmpty([mail])' },
  { target = "Email", source = 'IIF(IsNull([mail]), IgnoreObjectFlow, [mail])' },
]
[groups]
match = [{ target = "Name", source = 'Append([displayName], Now())' }]
attribute = [{ target = "Name", source = 'IIF([displayName]="x", IgnoreObjectFlow, [displayname])' }]
"#
    ), @r###"
    config.toml:17:32: users.match[1].source: `Guid` gives another value each time, by which nothing can be found again. Match by attributes that stay, as `[mail]`.
        1 | Append([mailNickname], Guid())
          |                        ^^^^^^
    config.toml:18:32: users.match[2].source: `IgnoreFlowIfNullOrEmpty` leaves something as it is, which only a mapping of `users.attribute` can do. Let the expression give a value, or null.
        1 | IgnoreFlowIfNullOrEmpty([mail])
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    config.toml:19:32: users.match[3].source: `IgnoreObjectFlow` leaves something as it is, which only a mapping of `users.attribute` can do. Let the expression give a value, or null.
        1 | IIF(IsNull([mail]), IgnoreObjectFlow, [mail])
          |                     ^^^^^^^^^^^^^^^^
    config.toml:22:38: groups.match[1].source: `Now` gives another value each time, so that groups would be renamed in every cycle. Name groups by their attributes, as `[displayName]`.
        1 | Append([displayName], Now())
          |                       ^^^^^
    config.toml:23:42: groups.attribute[1].source: `IgnoreObjectFlow` leaves something as it is, which only a mapping of `users.attribute` can do. Let the expression give a value, or null.
        1 | IIF([displayName]="x", IgnoreObjectFlow, [displayname])
          |                        ^^^^^^^^^^^^^^^^
    config.toml:23:42: groups.attribute[1].source: `displayname` is no attribute of a group that can be read. Did you mean `[displayName]`?
        1 | …([displayName]="x", IgnoreObjectFlow, [displayname])
          |                                        ^^^^^^^^^^^^^
    "###);
}

#[test]
fn one_address_for_everybody_is_refused_and_one_by_chance_is_not() {
    let text = |source: &str| {
        company("x", "")
            .replace("'x'", "'\"x\"'")
            .replace("source = \"[mail]\"", &format!("source = '{source}', apply = \"on_create\""))
    };
    let everybody = read(&format!("{}{LEAST}", text("Append(\"a@\", \"b.c\")")));
    let everybody = everybody.expect_err("one address").to_string();
    assert!(everybody.contains("one and the same address"), "{everybody}");
    assert!(read(&format!("{}{LEAST}", text("Append(Guid(), \"@b.c\")"))).is_ok());
}

#[test]
fn roles_and_groups_can_be_read_besides_attributes() {
    let job = right(r#"Join(",", [appRoleValue], [assignedThrough], [IsSoftDeleted])"#, "");
    assert!(!job.rules.source_attributes.iter().any(|name| name.starts_with("app")));
    assert_eq!(job.rules.group_attributes, ["displayName"], "their names are read");
    let job = right("SingleAppRoleAssignment([appRoleAssignments])", "");
    assert!(job.rules.group_attributes.is_empty(), "roles cost nothing");
    assert_snapshot!(wrong("[appRoleValues]", ""), @r"
    189: users.attribute[4].source: `appRoleValues` is no attribute of a user that can be read. Did you mean `[appRoleValue]`?
        1 | [appRoleValues]
          | ^^^^^^^^^^^^^^^
    ");
    let wrong = problems("[groups]\nmatch = [{ target = \"Name\", source = \"[appRoleName]\" }]\n");
    assert!(wrong.contains("`appRoleName` is no attribute of a group"), "{wrong}");
}

#[test]
fn the_type_of_accounts_may_be_an_expression() {
    let typed = |expression: &str| {
        read(&format!("users.type = '{expression}'\n{LEAST}")).map(|job| job.rules)
    };
    let rules = typed(r#"IIF([userType]="Guest", "client", "employee")"#).expect("right");
    assert!(rules.source_attributes.iter().any(|name| name == "userType"));
    assert_eq!(rules.types.expression.expect("one").attributes(), ["userType"]);
    let roles = typed("SingleAppRoleAssignment([appRoleAssignments])").expect("right");
    assert!(roles.types.roles.is_empty() && roles.types.expression.is_some());
    let found = ["employee", "IIF([usertype]=\"Guest\", IgnoreObjectFlow, \"x\")", "Guid()"]
        .map(|expression| typed(expression).expect_err(expression).to_string() + "\n");
    assert_snapshot!(found.concat(), @r#"
    config.toml:1:14: users.type: `employee` is neither an attribute nor a text nor a function. Did you mean `[employeeId]`?
        1 | employee
          | ^^^^^^^^
    config.toml:1:14: users.type: `IgnoreObjectFlow` leaves something as it is, which only a mapping of `users.attribute` can do. Let the expression give a value, or null.
        1 | IIF([usertype]="Guest", IgnoreObjectFlow, "x")
          |                         ^^^^^^^^^^^^^^^^
    config.toml:1:14: users.type: `usertype` is no attribute of a user that can be read. Did you mean `[userType]`?
        1 | IIF([usertype]="Guest", IgnoreObjectFlow, "x")
          |     ^^^^^^^^^^
    config.toml:1:14: users.type: `Guid` gives another value each time, so that accounts would change their type. Decide by attributes or roles, as `[userType]`.
        1 | Guid()
          | ^^^^^^
    "#);
    assert!(read(&format!("users.type = 7\n{LEAST}")).is_err());
}

#[test]
fn values_are_chosen_for_new_accounts_alone() {
    let choice = "SelectUniqueValue([mail], [userPrincipalName])";
    assert!(right(choice, ", apply = \"on_create\"").rules.mappings.len() > 3);
    assert_snapshot!(problems(&format!(
        r#"
[users]
type = '{choice}'
match = [{{ target = "Email", source = '{choice}' }}]
[[users.attribute]]
target = "Email"
source = '{choice}'
[[users.attribute]]
target = "FirstName"
source = "[givenName]"
[[users.attribute]]
target = "LastName"
source = "[surname]"
[groups]
match = [{{ target = "Name", source = '{choice}' }}]
"#
    )), @r#"
    config.toml:16:8: users.type: `SelectUniqueValue` chooses values of new accounts alone. Decide by attributes or roles, as `[userType]`.
        1 | SelectUniqueValue([mail], [userPrincipalName])
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    config.toml:17:39: users.match[1].source: `SelectUniqueValue` gives a value that no account has, by which none can be found. Match by what the account has, as `[mail]`.
        1 | SelectUniqueValue([mail], [userPrincipalName])
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    config.toml:20:10: users.attribute[1].source: `SelectUniqueValue` chooses for new accounts: later the account itself has the value. Write apply = "on_create".
        1 | SelectUniqueValue([mail], [userPrincipalName])
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    config.toml:28:38: groups.match[1].source: `SelectUniqueValue` chooses values of new accounts alone. Name groups by their attributes, as `[displayName]`.
        1 | SelectUniqueValue([mail], [userPrincipalName])
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    config.toml:28:38: groups.match[1].source: `userPrincipalName` is no attribute of a group that can be read
        1 | SelectUniqueValue([mail], [userPrincipalName])
          |                           ^^^^^^^^^^^^^^^^^^^
    "#);
}
