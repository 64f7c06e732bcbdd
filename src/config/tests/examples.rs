//! The configurations that come along, and what the defaults are.

use crate::logging::LogFormat;
use crate::plan::rules::FirstCycle;

use super::*;

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
    for entry in ["# only = ", "# [[scope.filter]]", "# [[users.attribute]]"] {
        let start = text.find(entry).expect("the entry");
        let end = text[start..].find("\n\n").expect("its end") + start;
        let entry = text[start..end].replace("# ", "");
        text.replace_range(start..end, &entry);
    }
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
    assert_eq!(job.rules.deprovision.hard_deleted, Policy::of(Stage::Disable));
    assert_eq!(job.rules.guard.first_cycle, FirstCycle::Approve);
    assert_eq!(job.rules.guard.removals_per_cycle, Limit { count: 50, percent: 10 });
    assert_eq!(job.rules.guard.removals_per_day, Limit { count: 200, percent: 25 });
    assert_eq!(job.approval_valid, Duration::from_secs(86_400));
    assert_eq!(job.log.format, LogFormat::Auto);
    assert_eq!(job.store, PathBuf::from("/var/lib/sharefile-provisioner/store.db"));
}
