//! `demo`: a company and both clouds on this machine, and the daemon between them.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::config::{self, Environment, Job, Overrides};
use crate::cycle::worker::work;
use crate::cycle::{Engine, Turned};
use crate::model::outcome::{CycleCounts, CycleState};
use crate::sandbox::{Credentials, Sandbox, SandboxOptions};
use crate::store::{Lease, Store};
use crate::views::report;

use super::company::Company;
use super::exit::{Exit, Failure};
use super::open::{engine_with, holder};
use super::output::line;
use super::run::worker_settings;

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// End after so many cycles, and compare both ends
    #[arg(long, value_name = "N")]
    cycles: Option<u32>,

    /// How many people the company has
    #[arg(long, default_value_t = 120)]
    users: usize,

    /// How many groups
    #[arg(long, default_value_t = 8)]
    groups: usize,

    /// What the company is made from
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// How long after the beginning of a cycle the next one begins
    #[arg(long, default_value = "5s", value_name = "DURATION")]
    every: String,
}

/// What the service user needs for people and groups.
const SERVICE_ROLES: [&str; 4] =
    ["AdminManageEmployees", "CanManageUsers", "AdminCreateSharedGroups", "AdminSharedDistGroups"];

/// Starts the sandbox, runs the daemon against it while the company changes, and compares.
pub async fn demo(arguments: &DemoArguments) -> Result<Exit, Failure> {
    let sandbox = Sandbox::start(SandboxOptions {
        users: arguments.users,
        groups: arguments.groups,
        seed: arguments.seed,
        ..SandboxOptions::default()
    })
    .await
    .map_err(|problem| Failure::new(Exit::Unexpected, &problem, ""))?;
    sandbox.sharefile.set_service_roles(&SERVICE_ROLES);
    let folder = Folder::new()?;
    let credentials = sandbox.credentials();
    let job = demo_job(&credentials, &folder.0, &arguments.every)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let store = Store::open(&job.store, Lease::acquire(&folder.0, &holder("demo"))?)?;
    let engine = Arc::new(engine_with(&job, store, clock)?);
    let mut company = Company::meet(&credentials.control_url).await.map_err(broken)?;
    introduce(arguments, &credentials);
    let ended = turn(arguments, &job, &engine, &mut company).await;
    engine.store.clone().close().await?;
    let exit = match ended {
        Ok(total) => conclude(arguments, &company, &total).await,
        Err(failure) => Err(failure),
    };
    sandbox.stop().await;
    exit
}

fn introduce(arguments: &DemoArguments, credentials: &Credentials) {
    line(&format!(
        "A company of {} people and {} groups (seed {}).",
        arguments.users, arguments.groups, arguments.seed
    ));
    line(&format!("  Entra ID   {}", credentials.graph_url));
    line(&format!("  ShareFile  {}", credentials.sharefile_url));
    line(&format!(
        "  Control    {}/_sandbox",
        credentials.control_url.trim_end_matches("/_sandbox")
    ));
    match arguments.cycles {
        Some(cycles) => line(&format!("It ends after {cycles} cycles.\n")),
        None => line("Ctrl-C ends it.\n"),
    }
}

/// Returns the demo's configuration, completed by what only the running sandbox knows.
fn demo_job(credentials: &Credentials, folder: &Path, every: &str) -> Result<Job, Failure> {
    let environment = Environment::of([
        ("DEMO_ENTRA_SECRET", credentials.client_secret.as_str()),
        ("DEMO_SHAREFILE_PASSWORD", credentials.admin_password.as_str()),
        ("DEMO_SHAREFILE_SECRET", credentials.sharefile_client_secret.as_str()),
    ]);
    let store = folder.join("store.db");
    let overrides = Overrides::default()
        .set("schedule.every", every)
        .set("entra.tenant", &credentials.tenant_id)
        .set("entra.client_id", &credentials.client_id)
        .set("entra.application", &credentials.application)
        .set("entra.cloud.login", &credentials.login_url)
        .set("entra.cloud.graph", &credentials.graph_url)
        .set("sharefile.subdomain", &credentials.sharefile_subdomain)
        .set("sharefile.domain", &credentials.sharefile_domain)
        .set("sharefile.admin_user", &credentials.admin_user)
        .set("sharefile.client_id", &credentials.sharefile_client_id)
        .set("store.path", store.display().to_string());
    Ok(config::load_text(config::DEMO, Path::new("demo.toml"), &environment, &overrides)?)
}

/// Runs the daemon's worker; between cycles the company changes.
async fn turn(
    arguments: &DemoArguments,
    job: &Job,
    engine: &Arc<Engine>,
    company: &mut Company,
) -> Result<CycleCounts, Failure> {
    let cancel = CancellationToken::new();
    let signal = tokio::spawn({
        let cancel = cancel.clone();
        async move {
            crate::service::shutdown_requested().await;
            cancel.cancel();
        }
    });
    let mut settings = worker_settings(job, arguments.cycles);
    settings.jitter = 0;
    let mut total = CycleCounts::default();
    let mut taken = 0;
    let mut trouble = None;
    let worked = work(engine.clone(), settings, cancel.clone(), async |turned: &Turned| {
        line(report::text(&turned.report).trim_end());
        add(&mut total, &turned.report.counts);
        if turned.report.state == CycleState::Failed {
            trouble = Some(Failure::said(Exit::Unexpected, "a cycle of the demo failed", ""));
            cancel.cancel();
        }
        if turned.report.state != CycleState::Complete {
            return;
        }
        taken += 1;
        let last = arguments.cycles.is_some_and(|cycles| taken >= cycles);
        let next = async {
            company.observe().await?;
            if last { Ok(Vec::new()) } else { company.change().await }
        };
        match next.await {
            Ok(events) => events.iter().for_each(|event| line(&format!("    {event}"))),
            Err(problem) => {
                trouble = Some(broken(problem));
                cancel.cancel();
            }
        }
    })
    .await;
    signal.abort();
    worked.map_err(|problem| Failure::new(Exit::Unexpected, &problem, ""))?;
    match trouble {
        Some(trouble) => Err(trouble),
        None => Ok(total),
    }
}

fn add(total: &mut CycleCounts, counts: &CycleCounts) {
    total.created += counts.created;
    total.updated += counts.updated;
    total.disabled += counts.disabled;
    total.adopted += counts.adopted;
    total.groups_created += counts.groups_created;
    total.groups_changed += counts.groups_changed;
    total.members_added += counts.members_added;
    total.members_removed += counts.members_removed;
    total.failed += counts.failed;
    total.source_requests += counts.source_requests;
    total.target_requests += counts.target_requests;
}

async fn conclude(
    arguments: &DemoArguments,
    company: &Company,
    total: &CycleCounts,
) -> Result<Exit, Failure> {
    line(&format!(
        "\nIn all: {} people created, {} updated, {} disabled, {} adopted; {} groups created, {} changed, {} members added, {} removed; {} requests to Entra ID, {} to ShareFile.",
        total.created,
        total.updated,
        total.disabled,
        total.adopted,
        total.groups_created,
        total.groups_changed,
        total.members_added,
        total.members_removed,
        total.source_requests,
        total.target_requests
    ));
    if arguments.cycles.is_none() {
        return Ok(Exit::Done);
    }
    let differences = company.differences().await.map_err(broken)?;
    if differences.is_empty() {
        line(&format!("ShareFile agrees with Entra ID: {}.", company.agreement()));
        return Ok(Exit::Done);
    }
    for difference in &differences {
        line(&format!("differs: {difference}"));
    }
    Err(Failure::said(
        Exit::Unexpected,
        format!("ShareFile differs from what should be there in {} places", differences.len()),
        "This is a mistake of this program: please report it with the seed.",
    ))
}

fn broken(problem: anyhow::Error) -> Failure {
    Failure::new(Exit::Unexpected, problem.as_ref(), "")
}

/// A folder of its own for the store, removed at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        let name = format!("sharefile-provisioner-demo-{}", uuid::Uuid::new_v4().simple());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).map_err(|problem| {
            let what = format!("{} cannot be made: {problem}", folder.display());
            Failure::said(Exit::Store, what, "Point TMPDIR at a folder that you may write to.")
        })?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
