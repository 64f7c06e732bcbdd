//! EMULATE: both ends of a job over real HTTP on loopback, with a company to try it on.
//!
//! [`Sandbox::start`] listens on two addresses: Entra ID and Graph with the control API on one,
//! ShareFile on the other. The emulators follow the vendors' documentation and share no types with
//! the clients, so that one mistake cannot hide in both.
//!
//! # For clients of others
//!
//! Everything here is as good for any other client of Microsoft Graph or ShareFile, from Rust or as
//! the command `sandbox`, whose `--help` says how to point Microsoft's own clients at it:
//!
//! ```no_run
//! # async fn try_it() -> Result<(), Box<dyn std::error::Error>> {
//! use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
//! use sharefile_provisioner::sandbox::{Sandbox, SandboxOptions};
//!
//! let options = SandboxOptions { users: 50, tls: true, ..SandboxOptions::default() };
//! let sandbox = Sandbox::start(options).await?;
//! let credentials = sandbox.credentials();
//! // Trust this certificate: SSL_CERT_FILE, REQUESTS_CA_BUNDLE or NODE_EXTRA_CA_CERTS name its file.
//! std::fs::write("sandbox-ca.pem", sandbox.authority_pem().unwrap_or_default())?;
//! // The authority is login_url/tenant_id, without instance discovery; the scope is the usual
//! // https://graph.microsoft.com/.default, and Graph is graph_url/v1.0.
//! println!("{}/{}", credentials.login_url, credentials.tenant_id);
//! println!("{}/v1.0/users", credentials.graph_url);
//! // Both tenants can be changed directly, or over HTTP by `control`.
//! sandbox.faults.add(Fault::new(FaultKind::TooManyRequests).at("/users").times(2));
//! sandbox.entra.set_enabled(sandbox.entra.people()[0].id, false)?;
//! # Ok(())
//! # }
//! ```
//!
//! The clock is an option: on a [`JumpClock`], whole weeks take no time, and so do waits.
//!
//! # The parts
//!
//! | Part | Is |
//! |---|---|
//! | [`graph`] | Entra ID's token endpoint and Microsoft Graph |
//! | [`sharefile`] | ShareFile's token endpoint and its REST API |
//! | [`people`], [`names`] | a company made from a seed |
//! | [`scenario`] | a company as told, and what happens to it by the clock |
//! | [`control`] | the control API under `/_sandbox` |
//! | [`server`], [`tls`], [`reach`] | the listener, its certificates, and its names |
//! | [`faults`], [`counts`] | what goes wrong on purpose, what was asked |
//! | [`mutate`] | answers made wrong in one place |
//! | [`observe`] | every exchange, shown to whoever wants to judge it |

mod bodies;
pub mod control;
pub mod counts;
pub mod faults;
pub mod graph;
pub mod moment;
pub mod mutate;
pub mod names;
pub mod observe;
mod odata;
mod pages;
pub mod people;
pub mod reach;
pub mod scenario;
pub mod server;
pub mod sharefile;
pub mod tls;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::clock::{Clock, JumpClock, SystemClock};

use counts::Counts;
use faults::Faults;
use graph::{Tenant, TenantError, TenantOptions};
use observe::Observe;
use people::{Company, CompanyOptions};
pub use reach::Credentials;
use reach::Reach;
use scenario::{Scenario, ScenarioError, Stage, Timeline};
use server::{House, Scheme, Serving, serve_in};
use sharefile::{AccountKind, NewAccount, Sharefile, SharefileOptions};
use tls::{Certificates, TlsError, check_name};

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The company does not fit into the tenant, or the certificate cannot be used.
    #[error("the tenant cannot be set up")]
    Tenant(#[from] TenantError),
    /// The scenario does not fit into the world that it begins with.
    #[error("{0}")]
    Scenario(ScenarioError),
    /// A name is none, or there are no certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What a sandbox should be like.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// How many people the company has.
    pub users: usize,
    /// How many groups.
    pub groups: usize,
    /// What the company is made from, ids included.
    pub seed: u64,
    /// Where Entra ID and Graph listen.
    pub listen: SocketAddr,
    /// Where ShareFile listens; `None` means the next port, or any if the port above is 0.
    pub sharefile_listen: Option<SocketAddr>,
    /// Whether both speak TLS, with certificates made at start.
    pub tls: bool,
    /// Names under which Entra ID and Graph are reached, for links and certificates. The first is
    /// that of Graph, the second, if there is one, that of signing in.
    pub hosts: Vec<String>,
    /// The domain under which the ShareFile tenant is reached; `None` means `localhost`.
    pub sharefile_domain: Option<String>,
    /// The clock of both ends.
    pub clock: Arc<dyn Clock>,
    /// The same clock if it can be moved through the control API.
    pub jump_clock: Option<Arc<JumpClock>>,
    /// Whether some people have an account at ShareFile already.
    pub existing_accounts: bool,
    /// How many of a hundred people have an account that agrees with the directory.
    pub accounts_in_step: u8,
    /// A certificate that the app registration may sign in with; keys beside it are not read.
    pub certificate_pem: Option<String>,
    /// What the enterprise application is called.
    pub application: String,
    /// What the ShareFile tenant is like; the seed above replaces its own.
    pub sharefile: SharefileOptions,
    /// A story to begin with and to go on with. Its company is made only by
    /// [`SandboxOptions::telling`].
    pub scenario: Option<Scenario>,
    /// Who is shown every exchange with either end.
    pub observer: Option<Arc<dyn Observe>>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            users: 100,
            groups: 8,
            seed: 1,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            sharefile_listen: None,
            tls: false,
            hosts: Vec::new(),
            sharefile_domain: None,
            clock: Arc::new(SystemClock::new()),
            jump_clock: None,
            existing_accounts: true,
            accounts_in_step: 0,
            certificate_pem: None,
            application: TenantOptions::default().application,
            sharefile: SharefileOptions::default(),
            scenario: None,
            observer: None,
        }
    }
}

impl SandboxOptions {
    /// Returns the options with a scenario, and with the company and the licences that it has.
    #[must_use]
    pub fn telling(mut self, scenario: Scenario) -> Self {
        let company = scenario.company();
        self.users = company.users;
        self.groups = company.groups;
        self.seed = company.seed.unwrap_or(self.seed);
        self.existing_accounts = company.existing_accounts;
        if let Some(licences) = scenario.licences() {
            self.sharefile.employee_max = licences;
        }
        self.scenario = Some(scenario);
        self
    }

    /// Returns the options with a clock that jumps and can be moved through the control API.
    #[must_use]
    pub fn jumping(mut self, clock: Arc<JumpClock>) -> Self {
        self.clock = clock.clone();
        self.jump_clock = Some(clock);
        self
    }
}

/// A running sandbox; it stops when this is dropped.
pub struct Sandbox {
    /// The tenant of Entra ID.
    pub entra: Arc<Tenant>,
    /// The tenant of ShareFile.
    pub sharefile: Arc<Sharefile>,
    /// What goes wrong on purpose, at either end.
    pub faults: Arc<Faults>,
    /// What was asked of either end.
    pub counts: Arc<Counts>,
    /// What happens by itself, if a scenario is told.
    pub timeline: Option<Arc<Timeline>>,
    reach: Reach,
    authority_pem: Option<String>,
    graph_serving: Serving,
    sharefile_serving: Serving,
}

impl Sandbox {
    /// Makes a company and listens.
    ///
    /// # Errors
    /// When an address is in use, or the certificate cannot be used.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        let counts = Arc::new(Counts::new());
        let clock = options.clock.clone();
        let faults = Arc::new(Faults::with(options.seed, clock.clone()));
        let tenant = TenantOptions {
            seed: options.seed,
            application: options.application.clone(),
            ..TenantOptions::default()
        };
        let entra = Tenant::new(&tenant, clock.clone(), faults.clone());
        if let Some(pem) = &options.certificate_pem {
            entra.add_certificate(pem)?;
        }
        let sharefile_options =
            SharefileOptions { seed: options.seed, ..options.sharefile.clone() };
        let sharefile = Sharefile::new(sharefile_options, clock.clone(), faults.clone());
        let mut company = people::company(&CompanyOptions {
            seed: options.seed,
            users: options.users,
            groups: options.groups,
            tenant_domain: tenant.domain,
            existing_accounts: options.existing_accounts,
            accounts_in_step: options.accounts_in_step,
        });
        add_accounts(&company, &sharefile);
        people::settle(&mut company, &entra)?;
        drop(company);

        let stage = Stage { entra, sharefile, faults, clock };
        Self::open(options, stage, counts).await
    }

    /// Begins the story, if there is one, and listens.
    async fn open(
        options: SandboxOptions,
        stage: Stage,
        counts: Arc<Counts>,
    ) -> Result<Self, SandboxError> {
        let timeline = options.scenario.as_ref().map(|scenario| scenario.begin(stage.clone()));
        let timeline = timeline.transpose().map_err(SandboxError::Scenario)?.map(Arc::new);
        let Stage { entra, sharefile, faults, clock } = stage;
        let certificates = certificates(&options, &sharefile.credentials().subdomain)?;
        let house = House {
            faults: faults.clone(),
            counts: counts.clone(),
            clock: clock.clone(),
            tls: certificates.as_ref().map(|made| made.acceptor.clone()),
            observer: options.observer.clone(),
            timeline: timeline.clone(),
        };
        let second = options.sharefile_listen.unwrap_or_else(|| after(options.listen));
        let sharefile_serving = listen(second, sharefile.emulator(), house.clone()).await?;
        let controls = control::Controls {
            entra: entra.clone(),
            sharefile: sharefile.clone(),
            clock,
            jump_clock: options.jump_clock.clone(),
            timeline: timeline.clone(),
            reached: Arc::default(),
        };
        let reached = controls.reached.clone();
        let mut emulator = entra.emulator();
        emulator.router = control::routes(controls, faults.clone(), counts.clone())
            .fallback_service(emulator.router);
        let graph_serving = listen(options.listen, emulator, house).await?;
        let reach = Reach::new(
            if options.tls { Scheme::Https } else { Scheme::Http },
            (graph_serving.address, sharefile_serving.address),
            &options.hosts,
            options.sharefile_domain.as_deref(),
        );
        // Set here and nowhere else: it cannot be set already.
        let _ = reached.set(reach.clone());
        Ok(Self {
            entra,
            sharefile,
            faults,
            counts,
            timeline,
            reach,
            authority_pem: certificates.map(|made| made.authority_pem),
            graph_serving,
            sharefile_serving,
        })
    }

    /// Returns what a client needs.
    pub fn credentials(&self) -> Credentials {
        Credentials::of(&self.entra, &self.sharefile, &self.reach)
    }

    /// Returns the certificate, in PEM, that clients have to trust if TLS is spoken. It holds no
    /// key, and the authority can only sign for the names of this sandbox.
    pub fn authority_pem(&self) -> Option<&str> {
        self.authority_pem.as_deref()
    }

    /// Returns where Entra ID and Graph listen, and where ShareFile does.
    pub fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.graph_serving.address, self.sharefile_serving.address)
    }

    /// Closes both listeners and every connection.
    pub async fn stop(self) {
        self.graph_serving.stop().await;
        self.sharefile_serving.stop().await;
    }
}

async fn listen(
    address: SocketAddr,
    emulator: server::Emulator,
    house: House,
) -> Result<Serving, SandboxError> {
    let serving = serve_in(address, emulator, house).await;
    serving.map_err(|source| SandboxError::Listen { address, source })
}

/// Returns the same address with the next port; any port stays any port.
fn after(mut address: SocketAddr) -> SocketAddr {
    if address.port() != 0 {
        address.set_port(address.port().wrapping_add(1));
    }
    address
}

/// Checks the names, and makes certificates for them if TLS is spoken.
fn certificates(
    options: &SandboxOptions,
    subdomain: &str,
) -> Result<Option<Certificates>, SandboxError> {
    let mut names = options.hosts.clone();
    names.extend(options.sharefile_domain.clone());
    for name in &names {
        check_name(name)?;
    }
    let domain = options.sharefile_domain.as_deref().unwrap_or("localhost");
    // There is no star above `localhost`, and some clients take none at all.
    names.extend([format!("*.{domain}"), format!("{subdomain}.{domain}")]);
    let listening = [Some(options.listen), options.sharefile_listen];
    let addresses = listening.into_iter().flatten().map(|address| address.ip());
    names.extend(addresses.filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string()));
    // Clients judge certificates by the time of the machine, whatever the clock of the sandbox.
    let now = SystemClock::new().now();
    Ok(options.tls.then(|| Certificates::make(&names, now)).transpose()?)
}

fn add_accounts(company: &Company, sharefile: &Sharefile) {
    for account in &company.accounts {
        sharefile.add_account(NewAccount {
            email: account.email.clone(),
            first_name: account.first_name.clone(),
            last_name: account.last_name.clone(),
            company: account.company.clone(),
            kind: if account.client { AccountKind::Client } else { AccountKind::Employee },
            disabled: account.disabled,
            roles: Vec::new(),
            confirmed: true,
        });
    }
}
