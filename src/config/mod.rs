//! CONFIGURE: layers, checks and secrets.
//!
//! A configuration is laid together from layers, later ones winning: built-in defaults, the file,
//! `config.d/*.toml` beside it, environment variables `SHAREFILE_PROVISIONER__SECTION__KEY`, and
//! what the command line says. Lists are replaced as a whole, tables key by key.
//!
//! Reading it finds every problem at once, each with its place and with what to do. Keys of
//! features that do not exist are unknown keys: nothing is accepted and then ignored.

mod attributes;
mod connectors;
mod credential;
mod deprovision;
mod document;
mod drift;
mod duration;
mod environment;
mod expressions;
mod filters;
mod groups;
mod job;
mod json_schema;
mod layers;
mod matching;
mod network;
mod problem;
mod reader;
mod rules;
mod secret;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use environment::Environment;
pub use job::{Every, Job, ScheduleSettings};
pub use json_schema::json_schema;
pub use problem::{ConfigErrors, Problem, why_unreadable};

use crate::source::graph::settings::GraphSettings;

use layers::{Layers, Node};
use reader::Reader;

/// The annotated example, which names every key.
pub const EXAMPLE: &str = include_str!("../../config/config.toml");

/// The configuration of the demo. Its endpoints are placeholders for [`Overrides`], and its
/// secrets are the variables `DEMO_ENTRA_SECRET`, `DEMO_SHAREFILE_PASSWORD` and
/// `DEMO_SHAREFILE_SECRET` of the [`Environment`].
pub const DEMO: &str = include_str!("../../config/demo.toml");

/// The environment variable that names the file.
pub const CONFIG_VARIABLE: &str = "SHAREFILE_PROVISIONER_CONFIG";

/// What the variables that set single keys start with.
const VARIABLE_PREFIX: &str = "SHAREFILE_PROVISIONER__";

/// Both ends, for rules that are looked at alone.
const ENDS: &str = r#"
[entra]
tenant = "contoso.onmicrosoft.com"
client_id = "11111111-2222-3333-4444-555555555555"
application = "Citrix ShareFile"
credential = { client_secret = { file = "entra-secret" } }

[sharefile]
subdomain = "contoso"
admin_user = "provisioner@contoso.com"
admin_password = { file = "sharefile-password" }
client_id = "aBcDeFgHiJkLmNoPqRsTuVwXyZ012345"
client_secret = { file = "sharefile-client-secret" }
"#;

/// Keys that are set from outside, over every other layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Dotted keys, as `schedule.every`, with their values: bare text, or as TOML spells them.
    pub sets: Vec<(String, String)>,
}

impl Overrides {
    /// Returns the overrides with one more key, which wins over those before it.
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.sets.push((key.into(), value.into()));
        self
    }
}

/// Reads the configuration in a file, with the layers over it.
///
/// # Errors
/// All problems at once, unreadable secrets among them.
pub fn load(
    path: &Path,
    environment: &Environment,
    overrides: &Overrides,
) -> Result<Job, ConfigErrors> {
    read(files(path), path, environment, overrides, true)
}

/// Reads a configuration whose main file is already here as `text`. `name` stands for it in
/// problems, and its folder is where relative paths start; there is no `config.d`.
///
/// # Errors
/// As [`load`].
pub fn load_text(
    text: &str,
    name: &Path,
    environment: &Environment,
    overrides: &Overrides,
) -> Result<Job, ConfigErrors> {
    let mut layers = Layers::new(name);
    layers.add_main_text(text);
    read(layers, name, environment, overrides, true)
}

/// Checks the configuration in a file without reading the secrets, which an administrator at a
/// prompt often may not: only whether each says where it is.
///
/// # Errors
/// All problems at once.
pub fn check_only(
    path: &Path,
    environment: &Environment,
    overrides: &Overrides,
) -> Result<(), ConfigErrors> {
    read(files(path), path, environment, overrides, false).map(|_| ())
}

/// Reads what a configuration says about the source, and checks nothing else of it: the target may
/// not be set up yet.
///
/// # Errors
/// All problems of the sections `[entra]` and `[network]` at once, unreadable secrets among them.
pub fn load_source(
    path: &Path,
    environment: &Environment,
    overrides: &Overrides,
) -> Result<GraphSettings, ConfigErrors> {
    read_by(files(path), path, environment, overrides, true, |reader, tree| reader.source(tree))
}

/// Returns what is wrong with the rules in a text, which has no sections `[entra]` and
/// `[sharefile]`: they are taken to be right. Nothing outside the text is read.
pub fn problems_of_rules(text: &str) -> Vec<Problem> {
    let name = Path::new("config.toml");
    let mut layers = Layers::new(name);
    layers.add_main_text(&format!("{text}\n{ENDS}"));
    let (nothing, nobody) = (Environment::default(), Overrides::default());
    match read(layers, name, &nothing, &nobody, false) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.problems,
    }
}

/// Returns the file to read unless the command line names one: what `SHAREFILE_PROVISIONER_CONFIG`
/// says, or `/etc/sharefile-provisioner/config.toml` (below `%ProgramData%` on Windows).
pub fn default_path() -> PathBuf {
    let environment = Environment::of_process();
    match environment.get(CONFIG_VARIABLE).filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => system_folder(&environment, "/etc").join("config.toml"),
    }
}

/// Returns our folder below `unix`, or below `%ProgramData%`, a variable that Windows sets for
/// every process and nothing else does.
fn system_folder(environment: &Environment, unix: &str) -> PathBuf {
    let windows = environment.get("ProgramData").filter(|folder| !folder.is_empty());
    PathBuf::from(windows.unwrap_or(unix)).join("sharefile-provisioner")
}

fn files(path: &Path) -> Layers {
    let mut layers = Layers::new(path);
    layers.add_main();
    layers.add_folder();
    layers
}

fn read(
    layers: Layers,
    path: &Path,
    environment: &Environment,
    overrides: &Overrides,
    secrets: bool,
) -> Result<Job, ConfigErrors> {
    read_by(layers, path, environment, overrides, secrets, |reader, tree| reader.job(tree))
}

fn read_by<T>(
    mut layers: Layers,
    path: &Path,
    environment: &Environment,
    overrides: &Overrides,
    secrets: bool,
    part: impl FnOnce(&mut Reader<'_>, Node) -> Option<T>,
) -> Result<T, ConfigErrors> {
    layers.add_environment(environment);
    layers.add_overrides(overrides);
    let mut problems = std::mem::take(&mut layers.problems);
    if layers.broken {
        return Err(ConfigErrors::sorted(problems));
    }
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let tree = layers.tree();
    let mut reader = Reader {
        layers: &layers,
        environment,
        folder,
        secrets,
        default_domain: None,
        problems: Vec::new(),
    };
    let found = part(&mut reader, tree);
    problems.append(&mut reader.problems);
    match found {
        Some(found) if problems.is_empty() => Ok(found),
        _ => Err(ConfigErrors::sorted(problems)),
    }
}
