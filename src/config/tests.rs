use std::path::{Path, PathBuf};
use std::time::Duration;

use insta::assert_snapshot;
use secrecy::ExposeSecret;

use crate::logging::LogFormat;
use crate::model::account::{AccountKind, TargetAttribute};
use crate::plan::map::Expression;
use crate::plan::rules::{Apply, DeprovisionWord, FirstCycle, Limit, WhenNull};
use crate::source::graph::settings::{AssertionAlgorithm, Credential};

use super::*;

/// The least that a configuration has to say, from line 1 to line 13.
const LEAST: &str = r#"[entra]
tenant = "contoso.onmicrosoft.com"
client_id = "11111111-2222-3333-4444-555555555555"
application = "Citrix ShareFile"
credential = { client_secret = { env = "ENTRA" } }

[sharefile]
subdomain = "contoso"
admin_user = "provisioner@contoso.com"
admin_password = { env = "PASSWORD" }
client_id = "key"
client_secret = { env = "KEY" }

"#;

fn secrets() -> Environment {
    Environment::of([("ENTRA", "entra-hunter2"), ("PASSWORD", "0012345"), ("KEY", "key-hunter2")])
}

fn read(text: &str) -> Result<Job, ConfigErrors> {
    read_with(text, &secrets(), &Overrides::default())
}

fn read_with(
    text: &str,
    environment: &Environment,
    overrides: &Overrides,
) -> Result<Job, ConfigErrors> {
    load_text(text, Path::new("config.toml"), environment, overrides)
}

/// Returns the problems of the least configuration with more text behind it.
fn problems(more: &str) -> String {
    read(&format!("{LEAST}{more}")).expect_err(more).to_string()
}

/// Returns the problems of the least configuration with one line replaced.
fn problems_of_line(line: &str, replacement: &str) -> String {
    assert!(LEAST.contains(line), "{line}");
    read(&LEAST.replace(line, replacement)).expect_err(replacement).to_string()
}

fn fine(more: &str) -> Job {
    read(&format!("{LEAST}{more}")).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_example_loads_and_says_what_the_defaults_say() {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("config.toml"), EXAMPLE).expect("write");
    std::fs::write(folder.path().join("entra-secret"), "s3cret\n").expect("write");
    std::fs::write(folder.path().join("sharefile-password"), "0012345\n").expect("write");
    let environment = Environment::default()
        .with("CREDENTIALS_DIRECTORY", folder.path().to_str().expect("path"))
        .with("SHAREFILE_CLIENT_SECRET", "key");
    let path = folder.path().join("config.toml");
    let job = load(&path, &environment, &Overrides::default()).unwrap_or_else(|e| panic!("{e}"));
    let Credential::ClientSecret(secret) = &job.graph.credential else { panic!("a secret") };
    assert_eq!(secret.expose_secret(), "s3cret");
    assert_eq!(job.sharefile.admin_password.expose_secret(), "0012345");
    assert_eq!(job.sharefile.client_secret.expose_secret(), "key");
    assert_eq!(job.rules.types.roles, [("Client".to_owned(), AccountKind::Client)]);
    assert_eq!(job.rules.guard.protected, ["owner@contoso.com"]);
    // All other keys of the example are the defaults, as it claims.
    let mut least = fine("");
    least.rules.types.roles.clone_from(&job.rules.types.roles);
    least.rules.guard.protected.clone_from(&job.rules.guard.protected);
    assert_eq!(job.rules, least.rules);
    assert_eq!(job.schedule, least.schedule);
    assert_eq!(job.graph.cloud, least.graph.cloud);
    assert_eq!(job.approval_valid, least.approval_valid);
    assert_eq!(job.log, least.log);
    assert_eq!(job.store, least.store);
    assert_eq!(job.sharefile.requests_per_minute, least.sharefile.requests_per_minute);
    assert_eq!(job.sharefile.in_flight, least.sharefile.in_flight);
}

#[test]
fn what_the_example_comments_out_loads_as_well() {
    let mut text = EXAMPLE.to_owned();
    for (shown, instead) in [
        ("every = \"20m\"\n", ""),
        ("# cron = ", "cron = "),
        ("cloud = \"global\"\n", ""),
        ("# cloud = ", "cloud = "),
        ("credential = { client_secret = { file = \"entra-secret\" } }\n", ""),
        ("# credential = { certificate", "credential = { certificate"),
        ("# path = ", "path = "),
    ] {
        assert!(text.contains(shown), "{shown}");
        text = text.replacen(shown, instead, 1);
    }
    let start = text.find("# [[users.attribute]]").expect("the entry");
    let end = text[start..].find("\n\n").expect("its end") + start;
    let entry = text[start..end].replace("# ", "");
    text.replace_range(start..end, &entry);
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).expect("write");
    let checked = check_only(&path, &Environment::default(), &Overrides::default());
    assert!(checked.is_ok(), "{checked:?}");
}

#[test]
fn the_demo_loads_with_what_the_sandbox_knows() {
    let environment = Environment::of([
        ("DEMO_ENTRA_SECRET", "a"),
        ("DEMO_SHAREFILE_PASSWORD", "b"),
        ("DEMO_SHAREFILE_SECRET", "c"),
    ]);
    let overrides = Overrides::default()
        .set("schedule.every", "1s")
        .set("entra.cloud.login", "http://127.0.0.1:1234")
        .set("entra.cloud.graph", "http://127.0.0.1:1234")
        .set("sharefile.domain", "localhost:1235")
        .set("store.path", "/tmp/demo/store.db");
    let job = load_text(DEMO, Path::new("demo.toml"), &environment, &overrides)
        .unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(job.schedule.every, Every::Interval(Duration::from_secs(1)));
    assert_eq!(job.graph.cloud.graph.as_str(), "http://127.0.0.1:1234/");
    assert_eq!(job.sharefile.domain, "localhost:1235");
    assert_eq!(job.rules.guard.first_cycle, FirstCycle::Apply);
    assert_eq!(job.store, PathBuf::from("/tmp/demo/store.db"));
    assert!(load_text(DEMO, Path::new("demo.toml"), &environment, &Overrides::default()).is_ok());
}

#[test]
fn the_least_configuration_gets_the_defaults() {
    let job = fine("");
    assert_eq!(job.schedule.every, Every::Interval(Duration::from_secs(1_200)));
    assert_eq!(job.schedule.full, Some(Duration::from_secs(7 * 86_400)));
    assert_eq!(job.schedule.grace, Duration::from_secs(30));
    assert_eq!(job.graph.cloud.login.as_str(), "https://login.microsoftonline.com/");
    assert_eq!(job.graph.attributes, ["givenName", "mail", "surname", "userPrincipalName"]);
    assert_eq!(job.sharefile.domain, "sharefile.com");
    assert_eq!(job.sharefile.requests_per_minute, 420);
    assert_eq!(job.sharefile.in_flight, 8);
    assert_eq!(job.rules.source_attributes, job.graph.attributes);
    assert_eq!(job.rules.matching[0].text(), "Email = [mail]");
    assert_eq!(job.rules.mappings.len(), 3);
    assert!(!job.rules.welcome && !job.rules.default_access);
    assert_eq!(job.rules.types.default, AccountKind::Employee);
    assert_eq!(job.rules.types.guests, AccountKind::Client);
    assert_eq!(job.rules.deprovision.hard_deleted, DeprovisionWord::Disable);
    assert_eq!(job.rules.guard.first_cycle, FirstCycle::Approve);
    assert_eq!(job.rules.guard.removals_per_cycle, Limit { count: 50, percent: 10 });
    assert_eq!(job.approval_valid, Duration::from_secs(86_400));
    assert_eq!(job.log.format, LogFormat::Auto);
    assert_eq!(job.store, PathBuf::from("/var/lib/sharefile-provisioner/store.db"));
}

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
    assert_eq!(targets, TargetAttribute::ALL);
    assert_eq!(rules.mappings[0].apply, Apply::OnCreate);
    let first = rules.mappings[1].default.clone().expect("a default");
    assert_eq!((first.value.as_str(), first.apply), ("12", Apply::OnCreate));
    assert_eq!(rules.mappings[2].default.clone().expect("a default").apply, Apply::Always);
    assert_eq!(rules.mappings[3].source, Expression::Constant("Contoso \"Ltd\"".into()));
    assert_eq!(rules.mappings[3].when_null, WhenNull::Clear);
    assert_eq!(rules.source_attributes, ["givenName", "mail", "surname", "userPrincipalName"]);
    let roles = [("Extern".into(), AccountKind::Client), ("Staff".into(), AccountKind::Employee)];
    assert_eq!(rules.types.roles, roles);
    assert_eq!(rules.types.default, AccountKind::Client);
    assert!(rules.welcome);
    assert_eq!(rules.deprovision.hard_deleted, DeprovisionWord::Leave);
    assert_eq!(rules.guard.removals_per_cycle, Limit { count: 50, percent: 100 });
    assert_eq!(rules.guard.protected, ["a@b.c", "owner@contoso.com"]);
}

#[test]
fn every_unknown_key_is_named_with_the_nearest() {
    assert_snapshot!(problems(r#"
[schedule]
drift = "daily"
evry = "20m"
[users]
mach = []
[users.deprovision]
filtered = "disable"
[scope]
nested_groups = false
[groups]
enabled = false
[web]
listen = "127.0.0.1:8427"
[guard]
removals_per_day = { count = 200, percent = 25 }
removals_per_cycle = { cout = 1 }
"#), @r#"
    config.toml:16:1: schedule.drift: unknown key. Known are `every`, `cron`, `full` and `grace`.
    config.toml:17:1: schedule.evry: unknown key. Did you mean `every`?
    config.toml:19:1: users.mach: unknown key. Did you mean `match`?
    config.toml:21:1: users.deprovision.filtered: unknown key. Known are `unassigned`, `disabled`, `soft_deleted` and `hard_deleted`.
    config.toml:23:1: scope.nested_groups: unknown key. Known are `users` and `default_access`.
    config.toml:24:2: groups: unknown key. Known are `schedule`, `entra`, `sharefile`, `network`, `scope`, `users`, `guard`, `store` and `log`.
    config.toml:26:2: web: unknown key. Known are `schedule`, `entra`, `sharefile`, `network`, `scope`, `users`, `guard`, `store` and `log`.
    config.toml:29:1: guard.removals_per_day: unknown key. Did you mean `removals_per_cycle`?
    config.toml:30:24: guard.removals_per_cycle.cout: unknown key. Did you mean `count`?
    "#);
}

#[test]
fn every_wrong_value_is_reported_at_once() {
    assert_snapshot!(problems(r#"
[schedule]
every = "20 minutes"
full = "wekly"
grace = "2h"
[scope]
users = "all"
default_access = "yes"
[users]
type = { default = "employe", guests = 1, roles = { A = "admin" } }
match = []
welcome = "always"
[users.deprovision]
unassigned = "delete"
[guard]
first_cycle = true
removals_per_cycle = { count = -1, percent = 101 }
protected = ["Ada"]
approval_valid = "1s"
[log]
level = "inof"
format = "xml"
[store]
path = "/var/lib/"
"#), @r#"
    config.toml:16:9: schedule.every: `minutes` is no unit: expected `s`, `m`, `h` or `d`
    config.toml:17:8: schedule.full: expected `weekly`, `daily`, `never` or a duration. Did you mean `weekly`?
    config.toml:18:9: schedule.grace: expected a duration from 1s to 1h
    config.toml:20:9: scope.users: expected `assigned`
    config.toml:21:18: scope.default_access: expected `true` or `false`, found text
    config.toml:23:20: users.type.default: expected `client` or `employee`. Did you mean `employee`?
    config.toml:23:40: users.type.guests: expected `client` or `employee`, found a number
    config.toml:23:57: users.type.roles.A: expected `client` or `employee`
    config.toml:24:9: users.match: without a matching rule, people who have an account could not be found. Give at least one rule, as { target = "Email", source = "[mail]" }.
    config.toml:25:11: users.welcome: expected `none` or `on_create`
    config.toml:27:14: users.deprovision.unassigned: expected `disable` or `leave`
    config.toml:29:15: guard.first_cycle: expected `approve` or `apply`, found `true` or `false`
    config.toml:30:32: guard.removals_per_cycle.count: expected a whole number from 0 to 1000000
    config.toml:30:46: guard.removals_per_cycle.percent: expected a whole number from 0 to 100
    config.toml:31:14: guard.protected[1]: expected a mail address: an account that is not found is not protected
    config.toml:32:18: guard.approval_valid: expected a duration from 1m to 31d
    config.toml:34:9: log.level: expected a level, or levels by module as `info,module=debug`. Did you mean `info`?
    config.toml:35:10: log.format: expected `auto`, `text`, `json` or `journald`
    config.toml:37:8: store.path: this names a folder. Name the file, as `store.db`.
    "#);
}

#[test]
fn wrong_attributes_are_reported() {
    assert_snapshot!(problems(r#"
[users]
match = [{ target = "FirstName", source = "[givenName]" }, { target = "Email", source = '"x"' }]
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
    config.toml:16:21: users.match[1].target: accounts cannot be looked up by FirstName. Known is `Email`.
    config.toml:16:89: users.match[2].source: a constant would match everybody with one and the same account. Give an attribute, as `[mail]`.
    config.toml:19:10: users.attribute[1].source: at character 1 of `mail`: expected an attribute as `[mail]`, or a constant as `"Contoso"` in its own quotes. Did you mean `[mail]`?
    config.toml:22:10: users.attribute[2].source: `givenname` is no attribute of a user that can be read. Did you mean `[givenName]`?
    config.toml:25:10: users.attribute[3].target: `Firstname` is no attribute of an account. Did you mean `FirstName`?
    config.toml:26:10: users.attribute[3].source: `otherMails` has many values, which make no single text
    config.toml:27:1: users.attribute[3].defualt: unknown key. Did you mean `default`?
    config.toml:28:1: users.attribute[4].target: this key is missing. Name an attribute of the account, as "Email".
    config.toml:29:10: users.attribute[4].source: `shoeSize` is no attribute of a user that can be read
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
fn missing_keys_point_to_their_section() {
    assert_snapshot!(read("[entra]\ntenant = 12\n").expect_err("missing"), @r#"
    config.toml: sharefile.admin_password: this key is missing. Say where the service user's ShareFile password is, as { file = "PATH" }.
    config.toml: sharefile.admin_user: this key is missing. Give the address with which the service user signs in to ShareFile.
    config.toml: sharefile.client_id: this key is missing. Give the id of the API key that was made at `https://api.sharefile.com/apikeys`.
    config.toml: sharefile.client_secret: this key is missing. Say where the secret of the API key is, as { file = "PATH" }.
    config.toml: sharefile.subdomain: this key is missing. Give the first label of the address at which people sign in: `contoso` of `contoso.sharefile.com`.
    config.toml:1:2: entra.application: this key is missing. Give the name, the application id or the object id of the enterprise application whose assignments count.
    config.toml:1:2: entra.client_id: this key is missing. Give the application (client) id of the app registration that reads.
    config.toml:1:2: entra.credential: this key is missing. Give { client_secret = … }, { certificate = … } or { federated = … }, each with where it is, or { managed_identity = "system" }.
    config.toml:2:10: entra.tenant: expected text, found a number. Write it in quotes.
    "#);
}

#[test]
fn wrong_ends_are_reported() {
    let cases = [
        ("client_id = \"11111111-2222-3333-4444-555555555555\"", "client_id = \"hunter2\""),
        ("tenant = \"contoso.onmicrosoft.com\"", "tenant = \"common\""),
        ("tenant = \"contoso.onmicrosoft.com\"", "tenant = \"https://contoso\""),
        ("subdomain = \"contoso\"", "subdomain = \"contoso.sharefile.com\""),
        ("subdomain = \"contoso\"", "subdomain = \"https://contoso.sharefile.com/\""),
        ("subdomain = \"contoso\"", "subdomain = \"contoso\"\ndomain = \"https://sharefile.eu\""),
        ("subdomain = \"contoso\"", "subdomain = \"contoso\"\ndomain = \"sharefile.eu:443\""),
        ("subdomain = \"contoso\"", "subdomain = \"contoso\"\ndomain = \"localhost:0\""),
        ("subdomain = \"contoso\"", "subdomain = \"contoso\"\nrequests_per_minute = 0"),
        ("subdomain = \"contoso\"", "subdomain = \"contoso\"\nin_flight = 65"),
        ("admin_user = \"provisioner@contoso.com\"", "admin_user = \"provisioner\""),
        ("client_id = \"key\"", "client_id = \"a key\""),
        ("application = \"Citrix ShareFile\"", "application = \" \""),
        ("application = \"Citrix ShareFile\"", "application = \"A\"\ncloud = \"us-gvo\""),
        (
            "application = \"Citrix ShareFile\"",
            "application = \"A\"\ncloud = { login = \"http://example.com\", graph = \"https://a/b\" }",
        ),
    ];
    let found = cases.map(|(line, replacement)| problems_of_line(line, replacement));
    assert_snapshot!(found.join("\n"), @r#"
    config.toml:3:13: entra.client_id: expected a GUID, as `00000000-0000-0000-0000-000000000000`. Give the application (client) id of the app registration that reads.
    config.toml:2:10: entra.tenant: this names no single tenant. Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.
    config.toml:2:10: entra.tenant: expected the id of a tenant or one of its domains. Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.
    config.toml:8:13: sharefile.subdomain: expected one label of letters, digits and hyphens. Did you mean `contoso`?
    config.toml:8:13: sharefile.subdomain: expected one label of letters, digits and hyphens. Did you mean `contoso`?
    config.toml:9:10: sharefile.domain: expected a domain without scheme and path. Give the domain at which people sign in, as `sharefile.com` or `sharefile.eu`.
    config.toml:9:10: sharefile.domain: only `localhost` takes a port. Give the domain at which people sign in, as `sharefile.com` or `sharefile.eu`.
    config.toml:9:10: sharefile.domain: expected a port from 1 to 65535
    config.toml:9:23: sharefile.requests_per_minute: expected a whole number from 1 to 100000
    config.toml:9:13: sharefile.in_flight: expected a whole number from 1 to 64
    config.toml:9:14: sharefile.admin_user: expected a mail address. Give the address with which the service user signs in to ShareFile.
    config.toml:11:13: sharefile.client_id: expected the id of an API key, without spaces. Give the id of the API key that was made at `https://api.sharefile.com/apikeys`.
    config.toml:4:15: entra.application: the text is empty
    config.toml:5:9: entra.cloud: expected `global`, `us-gov`, `us-dod`, `china`, or a table with `login` and `graph`. Did you mean `us-gov`?
    config.toml:5:19: entra.cloud.login: secrets and people would travel without encryption: `http` is for loopback hosts only. Write `https`.
    config.toml:5:49: entra.cloud.graph: expected nothing but scheme and host. Give scheme and host, as `https://graph.microsoft.com`.
    "#);
}

#[test]
fn schedules_are_checked() {
    let cases = [
        "[schedule]\nevery = \"59s\"\n",
        "[schedule]\nevery = 20\n",
        "[schedule]\nevery = \"20m\"\ncron = \"0 */20 * * * *\"\n",
        "[schedule]\ncron = \"*/20 * * * *\"\n",
        "[schedule]\ncron = \"0 99 * * * *\"\n",
        "[schedule]\ncron = \"* * * * * *\"\n",
        "[schedule]\nfull = \"1s\"\n",
        "schedule = 2020-01-01\n",
    ];
    assert_snapshot!(cases.map(problems).join("\n"), @r#"
    config.toml:15:9: schedule.every: expected a duration from 1 minute to a year. Shorter ones are for the sandbox only.
    config.toml:15:9: schedule.every: the number 20 has no unit: expected `s`, `m`, `h` or `d`
    config.toml:16:1: schedule.cron: only one of `every` and `cron` can be given. Remove the others.
    config.toml:15:8: schedule.cron: expected six fields, found 5. Write second, minute, hour, day, month and weekday, in UTC: `0 */20 * * * *`.
    config.toml:15:8: schedule.cron: this is no cron expression. Write second, minute, hour, day, month and weekday, in UTC: `0 */20 * * * *`.
    config.toml:15:8: schedule.cron: cycles would start more often than once a minute. Give one number in the first field, which is the second.
    config.toml:15:8: schedule.full: expected a duration from 1 minute to a year
    config.toml:14:12: sharefile.schedule: a date was not expected here. If it is meant as text, write it in quotes.
    "#);
    let cron = fine("[schedule]\ncron = \"0  */20 * * * *\"\nfull = \"never\"\n").schedule;
    assert_eq!(cron.every, Every::Cron("0 */20 * * * *".into()));
    assert_eq!(cron.full, None);
    let sandbox = LEAST.replace("[sharefile]", "[sharefile]\ndomain = \"localhost:8428\"");
    let job = read(&format!("{sandbox}[schedule]\nevery = \"1s\"")).expect("the sandbox");
    assert_eq!(job.schedule.every, Every::Interval(Duration::from_secs(1)));
}

#[test]
fn secrets_are_named_and_never_written() {
    let passwords = [
        "\"hunter2\"",
        "12345",
        "{}",
        "{ value = \"hunter2\" }",
        "{ env = \"PASSWORD\", file = \"x\" }",
        "{ env = \"UNSET\" }",
        "{ credential = \"sharefile\" }",
        "{ credential = \"../shadow\" }",
    ];
    let found = passwords.map(|password| {
        let line = format!("admin_password = {password}");
        problems_of_line("admin_password = { env = \"PASSWORD\" }", &line)
    });
    let found = found.join("\n");
    assert!(!found.contains("hunter2") && !found.contains("12345"), "{found}");
    assert_snapshot!(found, @r#"
    config.toml:10:18: sharefile.admin_password: a secret does not belong into the configuration itself. Write { file = "PATH" }, { env = "VARIABLE" } or { credential = "NAME" }.
    config.toml:10:18: sharefile.admin_password: a secret does not belong into the configuration itself. Write { file = "PATH" }, { env = "VARIABLE" } or { credential = "NAME" }.
    config.toml:10:18: sharefile.admin_password: it does not say where the secret is. Write { file = "PATH" }, { env = "VARIABLE" } or { credential = "NAME" }.
    config.toml:10:18: sharefile.admin_password: it does not say where the secret is. Write { file = "PATH" }, { env = "VARIABLE" } or { credential = "NAME" }.
    config.toml:10:20: sharefile.admin_password.value: unknown key. Known are `env`, `file` and `credential`.
    config.toml:10:38: sharefile.admin_password.file: only one of `env` and `file` can be given. Remove the others.
    config.toml:10:26: sharefile.admin_password.env: the environment variable `UNSET` is not set. Set it for the daemon, or name a file instead.
    config.toml:10:33: sharefile.admin_password.credential: the systemd credential `sharefile` is not here: `CREDENTIALS_DIRECTORY` is not set, and there is no such file in /run/credstore or /etc/credstore. Put it there for `LoadCredential=` in the unit to find, or start the daemon through systemd.
    config.toml:10:33: sharefile.admin_password.credential: expected the name of a systemd credential, not a path. For a path, write { file = "PATH" }.
    "#);
    let credentials = [
        "\"hunter2\"",
        "{ client_secret = \"hunter2\" }",
        "{ client_secret = { env = \"ENTRA\" }, algorithm = \"RS256\" }",
        "{ certificate = { env = \"ENTRA\" } }",
        "{ certificate = { env = \"ENTRA\" }, client_secret = { env = \"ENTRA\" } }",
        "{ algorithm = \"RS256\" }",
    ];
    let found = credentials.map(|credential| {
        let line = format!("credential = {credential}");
        problems_of_line("credential = { client_secret = { env = \"ENTRA\" } }", &line)
    });
    let found = found.join("\n");
    assert!(!found.contains("hunter2"), "{found}");
    assert_snapshot!(found, @r#"
    config.toml:5:14: entra.credential: a secret does not belong into the configuration itself. Write { client_secret = { file = "PATH" } }, or `certificate` for it.
    config.toml:5:32: entra.credential.client_secret: a secret does not belong into the configuration itself. Write { file = "PATH" }, { env = "VARIABLE" } or { credential = "NAME" }.
    config.toml:5:63: entra.credential.algorithm: an algorithm belongs to a certificate alone. Remove it.
    config.toml:5:30: entra.credential.certificate: there is no certificate in it. Expected PEM with both the certificate and its private key.
    config.toml:5:16: entra.credential.certificate: only one of `client_secret` and `certificate` can be given. Remove the others.
    config.toml:5:14: entra.credential: it does not say how to sign in. Give { client_secret = … }, { certificate = … } or { federated = … }, each with where it is, or { managed_identity = "system" }.
    "#);
}

#[test]
fn a_certificate_is_read_with_its_key() {
    let pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n\
               -----BEGIN PRIVATE KEY-----\ny\n-----END PRIVATE KEY-----\n";
    let text = LEAST.replace(
        "{ client_secret = { env = \"ENTRA\" } }",
        "{ certificate = { env = \"PEM\" }, algorithm = \"RS256\" }",
    );
    let environment = secrets().with("PEM", pem);
    let job = read_with(&text, &environment, &Overrides::default()).expect("a certificate");
    let Credential::Certificate { pem: read, algorithm, file: None } = job.graph.credential else {
        panic!("a certificate")
    };
    assert_eq!(read.expose_secret(), pem.trim_end());
    assert_eq!(algorithm, AssertionAlgorithm::Rs256);
}

#[test]
fn nothing_prints_a_secret() {
    let environment = secrets();
    let job = read_with(LEAST, &environment, &Overrides::default()).expect("valid");
    let shown = format!("{job:?} {job:#?} {environment:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("0012345"), "{shown}");
    assert!(shown.contains("PASSWORD"), "{shown}");
}

#[test]
fn the_environment_is_a_layer_whose_values_stay_text() {
    let environment = secrets()
        .with("SHAREFILE_PROVISIONER__ENTRA__TENANT", "0012345")
        .with("SHAREFILE_PROVISIONER__ENTRA__APPLICATION", "true")
        .with("SHAREFILE_PROVISIONER__SHAREFILE__REQUESTS_PER_MINUTE", "1000")
        .with("SHAREFILE_PROVISIONER__SHAREFILE__CLIENT_SECRET__ENV", "PASSWORD")
        .with("SHAREFILE_PROVISIONER__SHAREFILE__ADMIN_PASSWORD", "{ env = \"KEY\" }")
        .with("SHAREFILE_PROVISIONER__SCOPE__DEFAULT_ACCESS", "true")
        .with("SHAREFILE_PROVISIONER__USERS__TYPE__ROLES__Staff", "employee")
        .with("SHAREFILE_PROVISIONER__GUARD__PROTECTED", "a@b.c, d@e.f")
        .with("SHAREFILE_PROVISIONER__GUARD__REMOVALS_PER_CYCLE__COUNT", "7")
        .with("SHAREFILE_PROVISIONER__SCHEDULE__CRON", "0 0 * * * *")
        .with("SHAREFILE_PROVISIONER_CONFIG", "/elsewhere")
        .with("STATE_DIRECTORY", "/var/lib/a:/var/lib/b");
    let text = format!("{LEAST}[schedule]\nevery = \"5m\"\n");
    let job = read_with(&text, &environment, &Overrides::default()).expect("valid");
    assert_eq!(job.graph.tenant, "0012345");
    assert_eq!(job.graph.application, "true");
    assert_eq!(job.sharefile.requests_per_minute, 1000);
    assert_eq!(job.sharefile.client_secret.expose_secret(), "0012345");
    assert_eq!(job.sharefile.admin_password.expose_secret(), "key-hunter2");
    assert!(job.rules.default_access);
    assert_eq!(job.rules.types.roles, [("Staff".to_owned(), AccountKind::Employee)]);
    assert_eq!(job.rules.guard.protected, ["a@b.c", "d@e.f"]);
    assert_eq!(job.rules.guard.removals_per_cycle, Limit { count: 7, percent: 10 });
    assert_eq!(job.schedule.every, Every::Cron("0 0 * * * *".into()));
    assert_eq!(job.store, PathBuf::from("/var/lib/a/store.db"));
}

#[test]
fn problems_in_the_environment_name_the_variable() {
    let environment = secrets()
        .with("SHAREFILE_PROVISIONER__SCHEDUL__EVERY", "5m")
        .with("SHAREFILE_PROVISIONER__SCHEDULE__EVERY", "5")
        .with("SHAREFILE_PROVISIONER__SHAREFILE__IN_FLIGHT", "many")
        .with("SHAREFILE_PROVISIONER__SHAREFILE__CLIENT_SECRET", "hunter2")
        .with("SHAREFILE_PROVISIONER__USERS__MATCH", "[{ target = \"Email\" }]");
    let overrides = Overrides::default().set("log.format", "yaml").set("grup", "1");
    assert_snapshot!(read_with(LEAST, &environment, &overrides).expect_err("wrong"), @r#"
    grup: unknown key (set on the command line). Known are `schedule`, `entra`, `sharefile`, `network`, `scope`, `users`, `guard`, `store` and `log`.
    log.format: expected `auto`, `text`, `json` or `journald` (set on the command line)
    schedul: unknown key (set by the environment variable `SHAREFILE_PROVISIONER__SCHEDUL__EVERY`). Did you mean `schedule`?
    schedule.every: the number 5 has no unit: expected `s`, `m`, `h` or `d` (set by the environment variable `SHAREFILE_PROVISIONER__SCHEDULE__EVERY`)
    sharefile.client_secret: a secret does not belong into the configuration itself (set by the environment variable `SHAREFILE_PROVISIONER__SHAREFILE__CLIENT_SECRET`). Write { file = "PATH" }, { env = "VARIABLE" } or { credential = "NAME" }.
    sharefile.in_flight: expected a whole number from 1 to 64, found text (set by the environment variable `SHAREFILE_PROVISIONER__SHAREFILE__IN_FLIGHT`)
    users.match[1].source: this key is missing (set by the environment variable `SHAREFILE_PROVISIONER__USERS__MATCH`). Give an expression, as "[mail]".
    "#);
}

#[test]
fn the_command_line_wins_and_may_quote() {
    let environment = secrets().with("SHAREFILE_PROVISIONER__SCHEDULE__EVERY", "5m");
    let overrides = Overrides::default()
        .set("schedule.every", "6m")
        .set("entra.tenant", "\"0012345\"")
        .set("entra.application", "0012345")
        .set("sharefile.in_flight", "3")
        .set("users.match", "[{ target = \"Email\", source = \"[userPrincipalName]\" }]")
        .set("entra.credential", "{ client_secret = { env = \"KEY\" } }");
    let job = read_with(LEAST, &environment, &overrides).expect("valid");
    assert_eq!(job.schedule.every, Every::Interval(Duration::from_secs(360)));
    assert_eq!(job.graph.tenant, "0012345");
    assert_eq!(job.graph.application, "0012345");
    assert_eq!(job.sharefile.in_flight, 3);
    assert_eq!(job.rules.matching[0].text(), "Email = [userPrincipalName]");
}

#[test]
fn files_beside_the_main_one_are_laid_over_it() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("config.toml");
    let more = folder.path().join("config.d");
    std::fs::create_dir(&more).expect("folder");
    let main = format!("{LEAST}[schedule]\nevery = \"1m\"\n[store]\npath = \"data/store.db\"\n");
    std::fs::write(&path, main).expect("write");
    std::fs::write(more.join("20-late.toml"), "[schedule]\nevery = \"3m\"\n").expect("write");
    std::fs::write(more.join("10-early.toml"), "schedule.every = \"2m\"\nlog.level = \"warn\"\n")
        .expect("write");
    std::fs::write(more.join("notes.txt"), "not TOML").expect("write");
    std::fs::write(more.join(".30-hidden.toml"), "not TOML").expect("write");
    let job = load(&path, &secrets(), &Overrides::default()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(job.schedule.every, Every::Interval(Duration::from_secs(180)));
    assert_eq!(job.log.level, "warn");
    assert_eq!(job.store, folder.path().join("data/store.db"));

    std::fs::write(more.join("20-late.toml"), "[schedule]\n\n  evry = \"3m\"\n").expect("write");
    std::fs::write(more.join("30-secret.toml"), "[sharefile]\nclient_secret = { file = \"no\" }\n")
        .expect("write");
    let errors = load(&path, &secrets(), &Overrides::default()).expect_err("wrong");
    let shown = errors.to_string().replace(&folder.path().display().to_string(), "DIR");
    let shown = shown.replace('\\', "/");
    assert_snapshot!(shown, @r#"
    DIR/config.d/20-late.toml:3:3: schedule.evry: unknown key. Did you mean `every`?
    DIR/config.d/30-secret.toml:2:26: sharefile.client_secret.file: the file DIR/no cannot be read: it does not exist. Put the secret there, readable by the account that runs the daemon and by nobody else. Relative paths start at the folder of the configuration.
    "#);
    let checked = check_only(&path, &Environment::default(), &Overrides::default());
    assert_eq!(checked.expect_err("wrong").problems.len(), 1);
}

#[test]
fn files_that_cannot_be_read_are_reported_alone() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("config.toml");
    let shown = |errors: ConfigErrors| {
        errors.to_string().replace(&folder.path().display().to_string(), "DIR").replace('\\', "/")
    };
    let missing = load(&path, &secrets(), &Overrides::default()).expect_err("missing");
    assert_snapshot!(shown(missing), @"DIR/config.toml: there is no configuration file here. Copy the annotated example `config/config.toml` there and fill it in, or name another file with `--config` or `SHAREFILE_PROVISIONER_CONFIG`.");
    std::fs::write(&path, "[entra]\ntenant = \"contoso\napplication = 1\n").expect("write");
    let broken = load(&path, &secrets(), &Overrides::default()).expect_err("broken");
    assert_snapshot!(shown(broken), @r#"DIR/config.toml:2:18: this is no TOML: invalid basic string, expected `"`"#);
    std::fs::write(&path, b"a = \"\xff\"").expect("write");
    let binary = load(&path, &secrets(), &Overrides::default()).expect_err("binary");
    assert_snapshot!(shown(binary), @"DIR/config.toml: the file is no UTF-8 text. Save it as UTF-8.");
}
