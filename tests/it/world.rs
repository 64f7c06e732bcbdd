//! A world to tell stories in: both clouds, a job between them, and a clock that jumps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sharefile_provisioner::clock::{Clock, JumpClock};
use sharefile_provisioner::config::{self, Environment, Job, Overrides};
use sharefile_provisioner::cycle::{Asked, Engine, EngineSettings, Turned};
use sharefile_provisioner::model::ids::Timestamp;
use sharefile_provisioner::model::outcome::{CycleCounts, CycleState, LogEntry};
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::counts::WriteRecord;
use sharefile_provisioner::sandbox::graph::views::{NewGroup, NewPerson};
use sharefile_provisioner::sandbox::sharefile::{AccountView, SharefileOptions};
use sharefile_provisioner::sandbox::{Sandbox, SandboxOptions};
use sharefile_provisioner::source::graph::Graph;
use sharefile_provisioner::store::{Lease, LogFilter, Store};
use sharefile_provisioner::target::sharefile::Sharefile;
use uuid::Uuid;

use crate::shapes::Court;

/// When every story begins.
pub const START: Timestamp = Timestamp(1_790_000_000_000);

/// Both clouds, a folder with configuration and store, and the clock that all of them share.
///
/// Every exchange with the sandbox is judged; the test fails at its end if one was not as the
/// vendors describe it.
pub struct World {
    pub sandbox: Sandbox,
    pub clock: Arc<JumpClock>,
    pub folder: tempfile::TempDir,
    /// What the environment of engines holds; commands have that of the tests.
    pub environment: Environment,
    overrides: Overrides,
    pub court: Court,
}

impl World {
    /// An empty company: nobody, no groups, and only the tenant's own accounts at ShareFile.
    pub async fn empty() -> Self {
        Self::with(SandboxOptions {
            users: 0,
            groups: 0,
            existing_accounts: false,
            ..SandboxOptions::default()
        })
        .await
    }

    /// A company made from a seed, with as many licences as it could need.
    pub async fn company(users: usize, groups: usize, seed: u64) -> Self {
        let sharefile = SharefileOptions { employee_max: 1_000_000, ..SharefileOptions::default() };
        let options =
            SandboxOptions { users, groups, seed, sharefile, ..SandboxOptions::default() };
        Self::with(options).await
    }

    /// A sandbox as described, with a clock that jumps.
    pub async fn with(options: SandboxOptions) -> Self {
        let clock = Arc::new(JumpClock::new(START));
        Self::around(options.jumping(clock.clone()), clock).await
    }

    /// The same, with its folder in memory where the system has such a place: for many cycles that
    /// write little, which would wait for the disk most of the time.
    pub async fn light(options: SandboxOptions) -> Self {
        let clock = Arc::new(JumpClock::new(START));
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::inside(options.jumping(clock.clone()), clock, folder.expect("a folder")).await
    }

    /// A sandbox exactly as described. With a clock of the machine in it, only processes should be
    /// run against it.
    pub async fn around(options: SandboxOptions, clock: Arc<JumpClock>) -> Self {
        Self::inside(options, clock, tempfile::tempdir().expect("a folder")).await
    }

    async fn inside(
        options: SandboxOptions,
        clock: Arc<JumpClock>,
        folder: tempfile::TempDir,
    ) -> Self {
        let court = Court::new();
        let options = SandboxOptions { observer: Some(court.observer()), ..options };
        let sandbox = Sandbox::start(options).await.expect("a sandbox");
        let (environment, overrides) = (Environment::default(), Overrides::default());
        let world = Self { sandbox, clock, folder, environment, overrides, court };
        world.write_config();
        world
    }

    /// Sets a key of the configuration over the file, for engines and commands alike.
    pub fn set(&mut self, key: &str, value: &str) {
        self.overrides = self.overrides.clone().set(key, value);
    }

    /// Writes `config.toml` and its secrets for the sandbox into the folder.
    fn write_config(&self) {
        let credentials = self.sandbox.credentials();
        let write = |name: &str, text: &str| {
            std::fs::write(self.folder.path().join(name), text).expect("a file");
        };
        write("entra-secret", &credentials.client_secret);
        write("sharefile-password", &credentials.admin_password);
        write("sharefile-secret", &credentials.sharefile_client_secret);
        write(
            "config.toml",
            &format!(
                r#"
[schedule]
every = "20m"

[entra]
tenant = "{tenant}"
client_id = "{client_id}"
application = "{application}"
cloud = {{ login = "{login}", graph = "{graph}" }}
credential = {{ client_secret = {{ file = "entra-secret" }} }}

[sharefile]
subdomain = "{subdomain}"
domain = "{domain}"
admin_user = "{admin_user}"
admin_password = {{ file = "sharefile-password" }}
client_id = "{key}"
client_secret = {{ file = "sharefile-secret" }}
requests_per_minute = 100000

[users]
type = {{ default = "employee", guests = "client", roles = {{ Client = "client" }} }}
match = [{{ target = "Email", source = "[mail]" }}]

[guard]
first_cycle = "apply"

[store]
path = "store.db"
"#,
                tenant = credentials.tenant_id,
                client_id = credentials.client_id,
                application = credentials.application,
                login = credentials.login_url,
                graph = credentials.graph_url,
                subdomain = credentials.sharefile_subdomain,
                domain = credentials.sharefile_domain,
                admin_user = credentials.admin_user,
                key = credentials.sharefile_client_id,
            ),
        );
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    /// The job as configured.
    pub fn job(&self) -> Job {
        config::load(&self.config(), &self.environment, &self.overrides).expect("a job")
    }

    /// A fresh engine, as a new process would have it, on the store of this world.
    pub fn engine(&self) -> Engine {
        let job = self.job();
        let lease = Lease::acquire(self.folder.path(), "test").expect("the lease");
        self.engine_on(&job, Store::open(&job.store, lease).expect("the store"))
    }

    /// A fresh engine on a private copy of the store.
    pub fn preview_engine(&self) -> Engine {
        let job = self.job();
        self.engine_on(&job, Store::preview(&job.store).expect("a copy of the store"))
    }

    fn engine_on(&self, job: &Job, store: Store) -> Engine {
        Self::engine_by(job, store, self.clock.clone())
    }

    fn engine_by(job: &Job, store: Store, clock: Arc<dyn Clock>) -> Engine {
        let source = Graph::new(job.graph.clone(), clock.clone()).expect("a source");
        let target = Sharefile::new(job.sharefile.clone(), clock.clone()).expect("a target");
        let settings = EngineSettings {
            rules: job.rules.clone(),
            application_key: "test".to_owned(),
            in_flight: job.sharefile.in_flight,
            approval_valid: job.approval_valid,
            full_every: job.schedule.full,
            drift_every: job.schedule.drift,
        };
        Engine::new(Arc::new(source), Arc::new(target), store, clock, settings)
    }

    /// One cycle by a fresh engine.
    pub async fn turn(&self, asked: Asked) -> Turned {
        let engine = self.engine();
        let turned = engine.turn(asked).await.expect("a recorded cycle");
        engine.store.close().await.expect("a closed store");
        turned
    }

    /// One scheduled cycle that must not fail.
    pub async fn cycle(&self) -> Turned {
        let turned = self.turn(asked()).await;
        assert_ne!(turned.report.state, CycleState::Failed, "{:?}", turned.report.error);
        turned
    }

    /// One scheduled cycle by an engine whose clock is not the one of both clouds.
    pub async fn cycle_by(&self, clock: Arc<dyn Clock>) -> Turned {
        let job = self.job();
        let lease = Lease::acquire(self.folder.path(), "test").expect("the lease");
        let store = Store::open(&job.store, lease).expect("the store");
        let engine = Self::engine_by(&job, store, clock);
        let turned = engine.turn(asked()).await.expect("a recorded cycle");
        engine.store.close().await.expect("a closed store");
        assert_ne!(turned.report.state, CycleState::Failed, "{:?}", turned.report.error);
        turned
    }

    /// One scheduled cycle that must not fail; returns how many accounts it created, updated and
    /// disabled.
    pub async fn did(&self) -> (u64, u64, u64) {
        let CycleCounts { created, updated, disabled, .. } = self.cycle().await.report.counts;
        (created, updated, disabled)
    }

    /// Plans without writing.
    pub async fn plan(&self) -> Turned {
        let engine = self.preview_engine();
        engine.turn(Asked { preview: true, ..asked() }).await.expect("a plan")
    }

    /// A process that is gone once a write hangs, after it took effect.
    pub async fn crash_in_write(&self) {
        let engine = self.engine();
        let cycle = tokio::spawn(async move { engine.turn(asked()).await });
        while self.sandbox.faults.stalled_now() == 0 {
            assert!(!cycle.is_finished(), "nothing hangs");
            tokio::task::yield_now().await;
        }
        cycle.abort();
        assert!(cycle.await.expect_err("no end").is_cancelled());
        self.hang_up().await;
    }

    /// Ends all requests that hang in the sandbox; some may begin to while others end.
    pub async fn hang_up(&self) {
        while self.sandbox.faults.stalled_now() > 0 {
            self.sandbox.faults.release();
            tokio::task::yield_now().await;
        }
    }

    /// Runs a command of the real program against this world.
    pub fn command(&self, arguments: &[&str]) -> assert_cmd::Command {
        assert_cmd::Command::from_std(self.program(arguments))
    }

    /// A command of the real program against this world, to be started by the caller.
    pub fn program(&self, arguments: &[&str]) -> std::process::Command {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
        program.arg("--config").arg(self.config());
        for (key, value) in &self.overrides.sets {
            program.arg("--set").arg(format!("{key}={value}"));
        }
        program.args(arguments).env("NO_COLOR", "1").env_remove("RUST_LOG");
        program
    }

    /// Runs a command of the real program to its end, while the sandbox goes on.
    pub async fn ran(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        let ended = tokio::task::spawn_blocking(move || command.output());
        let output = ended.await.expect("a thread").expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            code: output.status.code().unwrap_or(-1),
            text: text(&output.stdout) + &text(&output.stderr),
        }
    }

    /// The provisioning log as the store has it, the newest entry first.
    pub async fn entries(&self) -> Vec<LogEntry> {
        let store = Store::read_only(&self.job().store).expect("the store");
        let filter = LogFilter { limit: 10_000, ..LogFilter::default() };
        store.log(filter).await.expect("the log")
    }

    /// One cycle that reads everything and must not fail.
    pub async fn full(&self) -> Turned {
        let turned = self.turn(Asked { full: true, ..asked() }).await;
        assert_ne!(turned.report.state, CycleState::Failed, "{:?}", turned.report.error);
        turned
    }

    /// Every account of the tenant as it is now.
    pub fn all_accounts(&self) -> Vec<AccountView> {
        self.sandbox.sharefile.accounts()
    }

    /// Every write that reached ShareFile since the last reset, oldest first.
    pub fn writes(&self) -> Vec<WriteRecord> {
        let mut writes = self.sandbox.counts.writes();
        writes.retain(|write| write.path.starts_with("/sf/v3/"));
        writes
    }

    /// The writes that disable or delete somebody, as asked for, whatever became of them.
    pub fn removals(&self) -> Vec<WriteRecord> {
        let mut writes = self.writes();
        writes.retain(|write| write.method == "DELETE" || disables(write) == Some(true));
        writes
    }

    /// Somebody new with an address of their own, assigned directly.
    pub fn join(&self, name: &str) -> Uuid {
        let id = self.person(name);
        self.assign(id, "User");
        id
    }

    /// Somebody new, not assigned.
    pub fn person(&self, name: &str) -> Uuid {
        let mail = format!("{}@contoso.example", name.to_lowercase());
        let person = NewPerson::named(name, "Tester", &mail);
        self.sandbox.entra.add_person(person).expect("a person")
    }

    /// Assigns a person or a group to the application.
    pub fn assign(&self, principal: Uuid, role: &str) {
        let role = self.sandbox.entra.role(role).expect("a role");
        self.sandbox.entra.assign(principal, role).expect("an assignment");
    }

    /// Takes all assignments of a principal away.
    pub fn unassign(&self, principal: Uuid) {
        assert!(self.sandbox.entra.unassign_principal(principal) > 0, "was assigned");
    }

    /// A new group with members, assigned.
    pub fn group(&self, name: &str, members: &[Uuid]) -> Uuid {
        let group = self.sandbox.entra.add_group(NewGroup::named(name)).expect("a group");
        for member in members {
            self.sandbox.entra.add_member(group, *member).expect("a member");
        }
        self.assign(group, "User");
        group
    }

    /// The account with an address, which must exist.
    pub fn account(&self, name: &str) -> AccountView {
        let address = format!("{}@contoso.example", name.to_lowercase());
        self.sandbox.sharefile.account_of(&address).unwrap_or_else(|| panic!("no {address}"))
    }

    /// How many requests went to endpoints whose label contains `label`, since the last reset.
    pub fn asked(&self, label: &str) -> u64 {
        let counts = self.sandbox.counts.by_endpoint();
        counts.iter().filter(|(name, _)| name.contains(label)).map(|(_, count)| count).sum()
    }

    /// Graph requests, tokens excluded.
    pub fn graph_requests(&self) -> u64 {
        self.asked("/v1.0/")
    }

    /// ShareFile requests, tokens included.
    pub fn sharefile_requests(&self) -> u64 {
        self.asked("/sf/v3/") + self.asked("POST /oauth/token")
    }

    /// The path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join(name)
    }
}

/// What waits after a cycle: kinds of holds with the names of the people, sorted.
pub fn held(turned: &Turned) -> Vec<(HoldKind, String)> {
    let items = turned.holds.iter().flat_map(|hold| {
        hold.items.iter().map(|item| {
            let name = item.label.split('@').next().unwrap_or_default();
            (hold.kind, name.to_owned())
        })
    });
    let mut held: Vec<_> = items.collect();
    held.sort();
    held
}

/// How a command ended, and all that it said.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub text: String,
}

/// Whether a write disables (`true`) or enables (`false`) somebody; `None` if neither.
pub fn disables(write: &WriteRecord) -> Option<bool> {
    write.body.get("Security")?.get("IsDisabled")?.as_bool()
}

/// A scheduled cycle.
pub fn asked() -> Asked {
    Asked { by: "schedule".to_owned(), ..Asked::default() }
}
