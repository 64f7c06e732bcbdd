//! Configurations as text, and what becomes of them.

mod access;
mod examples;
mod expressions;
mod filters;
mod groups;
mod json_schema;
mod layers;
mod messages;
mod people;
mod problems;
mod secrets;
mod targets;

use std::path::{Path, PathBuf};
use std::time::Duration;

use insta::assert_snapshot;
use secrecy::ExposeSecret;

use crate::model::account::AccountKind;
use crate::model::leaving::Stage;
use crate::plan::rules::{Limit, Policy};
use crate::source::graph::settings::Credential;

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
