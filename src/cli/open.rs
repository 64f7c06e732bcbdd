//! Opens a job: configuration, both ends, store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use crate::clock::{Clock, SystemClock};
use crate::config::{self, ConfigErrors, Environment, Job, Overrides};
use crate::cycle::{Engine, EngineSettings};
use crate::model::ids::ContentHash;
use crate::source::graph::Graph;
use crate::source::graph::settings::GraphSettings;
use crate::store::{Lease, Store};
use crate::target::sharefile::Sharefile;

use super::exit::{Exit, Failure};

/// Where the configuration is, and what the command line sets over it.
pub struct Place {
    /// The file.
    pub config: PathBuf,
    overrides: Overrides,
}

impl Place {
    /// Reads `KEY=VALUE` pairs.
    ///
    /// # Errors
    /// A pair without `=`.
    pub fn new(config: Option<PathBuf>, sets: &[String]) -> Result<Self, Failure> {
        let mut overrides = Overrides::default();
        for set in sets {
            let Some((key, value)) = set.split_once('=') else {
                let what = format!("`--set {set}` names no value");
                return Err(Failure::said(Exit::Usage, what, "Write --set KEY=VALUE."));
            };
            overrides = overrides.set(key, value);
        }
        Ok(Self { config: config.unwrap_or_else(config::default_path), overrides })
    }

    /// Reads the configuration.
    ///
    /// # Errors
    /// All its problems.
    pub fn load(&self) -> Result<Job, ConfigErrors> {
        config::load(&self.config, &Environment::of_process(), &self.overrides)
    }

    /// Reads the configuration for a command that cannot do without.
    ///
    /// # Errors
    /// All its problems, in words.
    pub fn job(&self) -> Result<Job, Failure> {
        Ok(self.load()?)
    }

    /// Reads what the configuration says about the source; the rest of it may be wrong.
    ///
    /// # Errors
    /// All problems of that part.
    pub fn source(&self) -> Result<GraphSettings, Failure> {
        Ok(config::load_source(&self.config, &Environment::of_process(), &self.overrides)?)
    }
}

/// How the store is opened.
pub enum Access<'a> {
    /// For writing, with the lease; the name of the command is shown to others.
    Write(&'a str),
    /// A private copy: nothing is written anywhere.
    Preview,
}

/// Puts the job of a configuration together.
///
/// # Errors
/// The store's, and settings that neither end can use.
pub fn engine(job: &Job, access: Access<'_>) -> Result<Engine, Failure> {
    let store = match access {
        Access::Write(command) => {
            let lease = Lease::acquire(folder(&job.store), &holder(command))?;
            Store::open(&job.store, lease)?
        }
        Access::Preview => Store::preview(&job.store)?,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    engine_with(job, store, clock)
}

/// Puts a job together with a store that is open already.
///
/// # Errors
/// Settings that neither end can use.
pub fn engine_with(job: &Job, store: Store, clock: Arc<dyn Clock>) -> Result<Engine, Failure> {
    let source = Graph::new(job.graph.clone(), clock.clone())?;
    let target = Sharefile::new(job.sharefile.clone(), clock.clone())?;
    let settings = EngineSettings {
        rules: job.rules.clone(),
        application_key: application_key(job),
        in_flight: job.sharefile.in_flight,
        approval_valid: job.approval_valid,
        full_every: job.schedule.full,
        drift_every: job.schedule.drift,
    };
    Ok(Engine::new(Arc::new(source), Arc::new(target), store, clock, settings))
}

/// Returns the folder that the store and its lease are in.
pub fn folder(store: &Path) -> &Path {
    store.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns how this process is shown to others: the command and the process id.
pub fn holder(command: &str) -> String {
    format!("{command}, process {}", std::process::id())
}

/// Hashes what decides which application is read: other text, another application.
fn application_key(job: &Job) -> String {
    let graph = &job.graph;
    let text = format!(
        "{}\n{}\n{}\n{}",
        graph.cloud.graph, graph.tenant, graph.client_id, graph.application
    );
    ContentHash(xxh3_128(text.as_bytes())).to_string()
}
