//! Messages that no other story reaches, each as people read it.

use super::*;

#[test]
fn expressions_are_refused_where_they_cannot_be() {
    assert_snapshot!(problems(r#"
[users]
match = [{ target = "Bandwidth", source = "[mail]" }]
attribute = [
  { target = "Email", source = "[mail]" },
  { target = "FirstName", source = 'AppRoleAssignmentsComplex([appRoleAssignments])' },
  { target = "LastName", source = "[contoso_course.level]" },
  { target = "Bandwidth", source = "Redact([city])" },
  { target = "DefaultZone", source = 'SelectUniqueValue("Frankfurt", "Dublin")', apply = "on_create" },
  { target = "Active", source = 'IIF([city]=Guid(), "False", "True")' },
  { target = "Active", source = 'SelectUniqueValue("True", "False")', apply = "always" },
]
[groups]
match = [{ source = "[displayName]" }]
attribute = []
"#), @r###"
    config.toml:16:21: users.match[1].target: accounts cannot be looked up by Bandwidth. Known are `Email`, `FirstName`, `LastName` and `Company`.
    config.toml:19:36: users.attribute[2].source: `AppRoleAssignmentsComplex` gives structured roles, and here a text is wanted. Use `SingleAppRoleAssignment([appRoleAssignments])`, or `Join` the names that `AppRoleAssignments([appRoleAssignments])` gives.
        1 | AppRoleAssignmentsComplex([appRoleAssignments])
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    config.toml:20:35: users.attribute[3].source: `contoso_course.level` would be a schema extension, which is not read
        1 | [contoso_course.level]
          | ^^^^^^^^^^^^^^^^^^^^^^
    config.toml:21:36: users.attribute[4].source: `Redact` hides the values of FirstName, LastName and Company; all others are what plans and the log are about. Leave it out.
        1 | Redact([city])
          | ^^^^^^^^^^^^^^
    config.toml:22:38: users.attribute[5].source: `SelectUniqueValue` cannot tell which values of DefaultZone are taken: no list of accounts shows them. Choose values of Email, FirstName, LastName or Company.
    config.toml:23:33: users.attribute[6].source: `Guid` gives another value each time, so that people would lose their accounts by chance. Let attributes of the person say it.
        1 | IIF([city]=Guid(), "False", "True")
          |            ^^^^^^
    config.toml:24:3: users.attribute[7]: Active is mapped a second time. Keep one of the entries.
    config.toml:24:33: users.attribute[7].source: `SelectUniqueValue` chooses values of new accounts alone. Decide by attributes, as `[accountEnabled]`.
        1 | SelectUniqueValue("True", "False")
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    config.toml:24:79: users.attribute[7].apply: Active has a source and nothing else: it always counts. Remove it.
    config.toml:27:10: groups.match[1].target: this key is missing. Name an attribute of the group: "Name".
    config.toml:28:13: groups.attribute: no group can be created without Name: not mapped. Name it, as target = "Name", source = "[displayName]".
    "###);
    let domain = "tenant = \"contoso.onmicrosoft.com\"\ndefault_domain = ";
    let line = "tenant = \"contoso.onmicrosoft.com\"";
    let least = LEAST.replace(line, &format!("{domain}\"contoso.example\""));
    let typed = format!("{least}[users]\ntype = 'Left([mail], DefaultDomain())'\n");
    let found = read(&typed).expect_err("no number").to_string();
    let found = [found, problems_of_line(line, &format!("{domain}\"contoso\""))];
    assert_snapshot!(found.join("\n"), @r###"
    config.toml:16:8: users.type: with `contoso.example` as the default domain, numChars of `Left` is a whole number, and `contoso.example` is none
    config.toml:3:18: entra.default_domain: this is no domain. Give the domain as Entra ID has it, as `contoso.com`.
    "###);
}

#[test]
fn values_are_refused_in_words() {
    assert_snapshot!(problems(r#"
[schedule]
every = "m"
full = "99999999999999999999w"
[[scope.filter]]
clauses = [
  { attribute = "department" },
  { attribute = "department", operator = "IN" },
  { attribute = "employeeHireDate", operator = "BEFORE", value = "now-99999999999999999w" },
]
"#), @r###"
    config.toml:16:9: schedule.every: expected a whole number with a unit, as `20m` or `1h 30m`
    config.toml:17:8: schedule.full: the duration is too long
    config.toml:20:3: scope.filter[1].clauses[1].operator: this key is missing. Name an operator, as "EQUALS".
    config.toml:21:3: scope.filter[1].clauses[2].values: this key is missing. `IN` compares with a list of values.
    config.toml:22:66: scope.filter[1].clauses[3].value: the distance is too long
    "###);
    let cloud = "tenant = \"x\"\ncloud = { login = \"nowhere\", graph = \"ftp://graph.example\" }";
    assert_snapshot!(problems_of_line("tenant = \"contoso.onmicrosoft.com\"", cloud), @r###"
    config.toml:3:19: entra.cloud.login: expected a URL. Give scheme and host, as `https://graph.microsoft.com`.
    config.toml:3:38: entra.cloud.graph: expected `https`. Give scheme and host, as `https://graph.microsoft.com`.
    "###);
    let text = LEAST
        .replace("{ client_secret = { env = \"ENTRA\" } }", "{ managed_identity = \"system\" }");
    let environment = secrets().with("IDENTITY_ENDPOINT", "nowhere").with("IDENTITY_HEADER", "x");
    let found = read_with(&text, &environment, &Overrides::default()).expect_err("no URL");
    assert_snapshot!(found, @r###"
    config.toml:5:35: entra.credential.managed_identity: the environment variable `IDENTITY_ENDPOINT` is no URL
    "###);
}

#[test]
fn files_are_refused_in_words() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("config.toml");
    let long = vec![b'x'; (1 << 20) + 1];
    for (name, bytes) in [("long", &long[..]), ("binary", b"\xff"), ("empty", b" \n")] {
        std::fs::write(folder.path().join(name), bytes).expect("write");
    }
    let text = LEAST
        .replace(
            "{ client_secret = { env = \"ENTRA\" } }",
            "{ client_secret = { file = \"long\" } }",
        )
        .replace("{ env = \"PASSWORD\" }", "{ file = \"binary\" }")
        .replace("{ env = \"KEY\" }", "{ file = \"empty\" }");
    std::fs::write(&path, format!("{text}[network]\nca_file = \"long\"\n")).expect("write");
    let shown = |path: &Path| {
        let errors = load(path, &secrets(), &Overrides::default()).expect_err("wrong").to_string();
        errors.replace(&folder.path().display().to_string(), "DIR").replace('\\', "/")
    };
    assert_snapshot!(shown(&path), @r###"
    DIR/config.toml:5:41: entra.credential.client_secret.file: the file DIR/long is too long for a secret. Name the file of the secret.
    DIR/config.toml:10:27: sharefile.admin_password.file: the file DIR/binary is no UTF-8 text. Save it as UTF-8, or PEM.
    DIR/config.toml:12:26: sharefile.client_secret.file: the file DIR/empty is empty. Put the secret there.
    DIR/config.toml:15:11: network.ca_file: the file DIR/long is too long. Name a PEM file with the certificates of your own authorities, readable by the account that runs the daemon. Relative paths start at the folder of the configuration.
    "###);
}
