//! What is laid over the main file: files beside it, the environment, the command line.

use super::*;

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
    grup: unknown key (set on the command line). Did you mean `groups`?
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
