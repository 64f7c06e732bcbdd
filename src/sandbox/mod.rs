//! EMULATE: both ends of a job over real HTTP on loopback, with a company to try it on.
//!
//! [`Sandbox::start`] listens on two addresses: Entra ID and Graph with the control API on one,
//! ShareFile on the other. The emulators follow the vendors' documentation and share no types with
//! the clients, so that one mistake cannot hide in both.
//!
//! | Part | Is |
//! |---|---|
//! | [`graph`] | Entra ID's token endpoint and Microsoft Graph |
//! | [`sharefile`] | ShareFile's token endpoint and its REST API |
//! | [`people`], [`names`] | a company made from a seed |
//! | [`control`] | the control API under `/_sandbox` |
//! | [`server`], [`faults`], [`counts`] | the listener, what goes wrong on purpose, what was asked |
//! | [`mutate`] | answers made wrong in one place |
//! | [`observe`] | every exchange, shown to whoever wants to judge it |

pub mod control;
pub mod counts;
pub mod faults;
pub mod graph;
pub mod mutate;
pub mod names;
pub mod observe;
pub mod people;
pub mod server;
pub mod sharefile;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use secrecy::ExposeSecret;
use serde::Serialize;

use crate::clock::{Clock, JumpClock, SystemClock};

use counts::Counts;
use faults::Faults;
use graph::{Tenant, TenantError, TenantOptions};
use observe::Observe;
use people::{Company, CompanyOptions};
use server::{Serving, serve};
use sharefile::{AccountKind, NewAccount, Sharefile, SharefileOptions};

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
    /// Where Entra ID and Graph listen; ShareFile takes the next port, or any if the port is 0.
    pub listen: SocketAddr,
    /// The clock of both ends.
    pub clock: Arc<dyn Clock>,
    /// The same clock if it can be moved through the control API.
    pub jump_clock: Option<Arc<JumpClock>>,
    /// Whether some people have an account at ShareFile already.
    pub existing_accounts: bool,
    /// A certificate that the app registration may sign in with; keys beside it are not read.
    pub certificate_pem: Option<String>,
    /// What the enterprise application is called.
    pub application: String,
    /// What the ShareFile tenant is like; the seed above replaces its own.
    pub sharefile: SharefileOptions,
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
            clock: Arc::new(SystemClock::new()),
            jump_clock: None,
            existing_accounts: true,
            certificate_pem: None,
            application: TenantOptions::default().application,
            sharefile: SharefileOptions::default(),
            observer: None,
        }
    }
}

impl SandboxOptions {
    /// Returns the options with a clock that jumps and can be moved through the control API.
    #[must_use]
    pub fn jumping(mut self, clock: Arc<JumpClock>) -> Self {
        self.clock = clock.clone();
        self.jump_clock = Some(clock);
        self
    }
}

/// What a client needs to use the sandbox. The secrets open nothing but the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Credentials {
    /// Scheme and host of the token endpoint.
    pub login_url: String,
    /// Scheme and host of Graph.
    pub graph_url: String,
    /// The id of the tenant.
    pub tenant_id: String,
    /// The initial domain of the tenant.
    pub tenant_domain: String,
    /// The app registration that reads.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// The name of the enterprise application.
    pub application: String,
    /// The object id of its service principal.
    pub application_id: String,
    /// The domain that the ShareFile tenant lives in, as `localhost:8081`.
    pub sharefile_domain: String,
    /// The first label of the ShareFile tenant.
    pub sharefile_subdomain: String,
    /// Scheme and host of the ShareFile tenant.
    pub sharefile_url: String,
    /// The id of the ShareFile API key.
    pub sharefile_client_id: String,
    /// The secret of the ShareFile API key.
    pub sharefile_client_secret: String,
    /// The ShareFile service user.
    pub admin_user: String,
    /// The password of the ShareFile service user.
    pub admin_password: String,
    /// Where the control API is.
    pub control_url: String,
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
    graph_serving: Serving,
    sharefile_serving: Serving,
}

impl Sandbox {
    /// Makes a company and listens.
    ///
    /// # Errors
    /// When an address is in use, or the certificate cannot be used.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        let faults = Arc::new(Faults::new());
        let counts = Arc::new(Counts::new());
        let clock = options.clock.clone();
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
        let company = people::company(&CompanyOptions {
            seed: options.seed,
            users: options.users,
            groups: options.groups,
            tenant_domain: tenant.domain,
            existing_accounts: options.existing_accounts,
        });
        people::settle(&company, &entra)?;
        add_accounts(&company, &sharefile);

        let mut second = options.listen;
        if second.port() != 0 {
            second.set_port(second.port().wrapping_add(1));
        }
        let emulator = sharefile.emulator();
        let desk = Desk { faults: &faults, counts: &counts, clock, observer: options.observer };
        let sharefile_serving = desk.listen(second, emulator).await?;
        let mut emulator = entra.emulator();
        let controls = control::Controls {
            entra: entra.clone(),
            sharefile: sharefile.clone(),
            clock: desk.clock.clone(),
            jump_clock: options.jump_clock.clone(),
            addresses: Arc::new(control::Addresses::default()),
        };
        let addresses = controls.addresses.clone();
        emulator.router = control::routes(controls, faults.clone(), counts.clone())
            .fallback_service(emulator.router);
        let graph_serving = desk.listen(options.listen, emulator).await?;
        addresses.set(graph_serving.address, sharefile_serving.address);
        Ok(Self { entra, sharefile, faults, counts, graph_serving, sharefile_serving })
    }

    /// Returns what a client needs.
    pub fn credentials(&self) -> Credentials {
        let addresses = (self.graph_serving.address, self.sharefile_serving.address);
        credentials(&self.entra, &self.sharefile, addresses)
    }

    /// Closes both listeners and every connection.
    pub async fn stop(self) {
        self.graph_serving.stop().await;
        self.sharefile_serving.stop().await;
    }
}

/// What both listeners share.
struct Desk<'a> {
    faults: &'a Arc<Faults>,
    counts: &'a Arc<Counts>,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observe>>,
}

impl Desk<'_> {
    async fn listen(
        &self,
        address: SocketAddr,
        emulator: server::Emulator,
    ) -> Result<Serving, SandboxError> {
        let (faults, counts) = (self.faults.clone(), self.counts.clone());
        serve(address, emulator, faults, counts, self.clock.clone(), self.observer.clone())
            .await
            .map_err(|source| SandboxError::Listen { address, source })
    }
}

fn add_accounts(company: &Company, sharefile: &Sharefile) {
    for account in &company.accounts {
        sharefile.add_account(NewAccount {
            email: account.email.clone(),
            first_name: account.first_name.clone(),
            last_name: account.last_name.clone(),
            company: "Contoso".to_owned(),
            kind: if account.client { AccountKind::Client } else { AccountKind::Employee },
            disabled: account.disabled,
            roles: Vec::new(),
            confirmed: true,
        });
    }
}

fn credentials(
    entra: &Tenant,
    sharefile: &Sharefile,
    (graph, target): (SocketAddr, SocketAddr),
) -> Credentials {
    let application = entra.application();
    let base = format!("http://{graph}");
    let key = sharefile.credentials();
    let domain = format!("localhost:{}", target.port());
    Credentials {
        login_url: base.clone(),
        graph_url: base.clone(),
        tenant_id: entra.tenant_id().to_string(),
        tenant_domain: entra.domain().to_owned(),
        client_id: entra.client_id().to_string(),
        client_secret: entra.client_secret().expose_secret().to_owned(),
        application: application.name,
        application_id: application.id.to_string(),
        sharefile_url: format!("http://{}.{domain}", key.subdomain),
        sharefile_domain: domain,
        sharefile_subdomain: key.subdomain,
        sharefile_client_id: key.client_id,
        sharefile_client_secret: key.client_secret.expose_secret().to_owned(),
        admin_user: key.admin_user,
        admin_password: key.admin_password.expose_secret().to_owned(),
        control_url: format!("{base}{}", server::CONTROL_PREFIX),
    }
}
