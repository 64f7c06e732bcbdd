//! Problems, by what is wrong: keys unknown or missing, and values.

use super::*;

#[test]
fn every_unknown_key_is_named_with_the_nearest() {
    assert_snapshot!(problems(r#"
[schedule]
drift = "daly"
evry = "20m"
[users]
mach = []
[users.deprovision]
filterd = "disable"
[scope]
nested = false
[groups]
enabeld = false
[web]
listen = "127.0.0.1:8427"
[guard]
removals_per_week = { count = 200, percent = 25 }
removals_per_cycle = { cout = 1 }
"#), @r#"
    config.toml:16:9: schedule.drift: expected `weekly`, `daily`, `never` or a duration. Did you mean `daily`?
    config.toml:17:1: schedule.evry: unknown key. Did you mean `every`?
    config.toml:19:1: users.mach: unknown key. Did you mean `match`?
    config.toml:21:1: users.deprovision.filterd: unknown key. Did you mean `filtered`?
    config.toml:23:1: scope.nested: unknown key. Known are `users`, `default_access`, `nested_groups`, `filter`, `nulls`, `on_leave` and `only`.
    config.toml:25:1: groups.enabeld: unknown key. Did you mean `enabled`?
    config.toml:26:2: web: unknown key. Known are `schedule`, `entra`, `sharefile`, `network`, `scope`, `users`, `groups`, `drift`, `guard`, `store` and `log`.
    config.toml:29:1: guard.removals_per_week: unknown key. Did you mean `removals_per_day`?
    config.toml:30:24: guard.removals_per_cycle.cout: unknown key. Did you mean `count`?
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
unassigned = "forget"
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
    config.toml:27:14: users.deprovision.unassigned: expected `leave`, `disable`, `downgrade` or `delete`
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
