//! `sandbox`: the emulators alone.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use uuid::Uuid;

use crate::sandbox::sharefile::SharefileOptions;
use crate::sandbox::{Sandbox, SandboxError, SandboxOptions};

use super::exit::{Exit, Failure};
use super::output;

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
#[command(after_help = "The control API under /_sandbox changes people, groups, assignments and \
accounts, counts requests and makes things go wrong; `GET /_sandbox` lists its routes.")]
pub struct SandboxArguments {
    /// How many people the company has
    #[arg(long, default_value_t = 100)]
    users: usize,

    /// How many groups
    #[arg(long, default_value_t = 8)]
    groups: usize,

    /// How many employee licences ShareFile has
    #[arg(long, default_value_t = SharefileOptions::default().employee_max)]
    licences: u32,

    /// What the company is made from: the same seed makes the same company
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Where Entra ID and Graph listen
    #[arg(long, default_value = "127.0.0.1:8428", value_name = "ADDRESS")]
    listen: SocketAddr,

    /// Where ShareFile listens [default: the next port]
    #[arg(long, value_name = "ADDRESS")]
    listen_sharefile: Option<SocketAddr>,

    /// Speak TLS, with certificates made at start by an authority of the sandbox's own
    #[arg(long)]
    tls: bool,

    /// Where to write the certificate of that authority, for clients to trust; no key is ever
    /// written [default: a new file in the folder for temporary files, removed at the end]
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_file: Option<PathBuf>,

    /// A name under which clients reach Entra ID and Graph, for links and certificates; given
    /// twice, the first is Graph and the second the sign-in
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,

    /// The domain under which clients reach ShareFile: the tenant is contoso.DOMAIN
    #[arg(long, value_name = "DOMAIN")]
    sharefile_domain: Option<String>,

    /// A certificate in PEM that the app registration may sign in with
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,

    /// Print addresses and credentials as one JSON object on one line
    #[arg(long)]
    json: bool,
}

/// Starts both emulators, prints how to reach them, and runs until it is asked to end.
pub async fn sandbox(arguments: &SandboxArguments) -> Result<Exit, Failure> {
    let certificate_pem = match &arguments.certificate {
        None => None,
        Some(file) => Some(std::fs::read_to_string(file).map_err(|problem| {
            let what = format!("{} cannot be read: {problem}", file.display());
            Failure::said(Exit::Usage, what, "Name a file with a certificate in PEM.")
        })?),
    };
    let sandbox = Sandbox::start(SandboxOptions {
        users: arguments.users,
        groups: arguments.groups,
        seed: arguments.seed,
        listen: arguments.listen,
        sharefile_listen: arguments.listen_sharefile,
        tls: arguments.tls,
        hosts: arguments.hosts.clone(),
        sharefile_domain: arguments.sharefile_domain.clone(),
        certificate_pem,
        sharefile: SharefileOptions {
            employee_max: arguments.licences,
            ..SharefileOptions::default()
        },
        ..SandboxOptions::default()
    })
    .await
    .map_err(|problem| {
        let (exit, hint) = match &problem {
            SandboxError::Tls(_) => (Exit::Usage, "Name hosts as graph.example.test."),
            _ => (Exit::Unexpected, "Choose another address with --listen."),
        };
        Failure::new(exit, &problem, hint)
    })?;
    let authority = sandbox
        .authority_pem()
        .map(|pem| AuthorityFile::write(arguments.ca_file.as_deref(), pem))
        .transpose()?;
    introduce(arguments, &sandbox, authority.as_ref());
    crate::service::shutdown_requested().await;
    sandbox.stop().await;
    Ok(Exit::Done)
}

fn introduce(arguments: &SandboxArguments, sandbox: &Sandbox, authority: Option<&AuthorityFile>) {
    let mut value = serde_json::to_value(sandbox.credentials()).unwrap_or_default();
    if let (Some(members), Some(authority)) = (value.as_object_mut(), authority) {
        members.insert("ca_file".to_owned(), authority.path.display().to_string().into());
    }
    if arguments.json {
        output::line(&value.to_string());
        return;
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        output::line(&format!("{name:<24}{}", value.as_str().unwrap_or_default()));
    }
    output::line("Ctrl-C ends it.");
}

/// The file with the certificate of the authority. One that nobody named is removed at the end.
struct AuthorityFile {
    path: PathBuf,
    ours: bool,
}

impl AuthorityFile {
    fn write(named: Option<&Path>, pem: &str) -> Result<Self, Failure> {
        let own = || {
            let name = format!("sharefile-provisioner-sandbox-{}.pem", Uuid::new_v4().simple());
            std::env::temp_dir().join(name)
        };
        let file = Self { path: named.map_or_else(own, Path::to_owned), ours: named.is_none() };
        let unwritable = |problem: std::io::Error| {
            let what = format!("{} cannot be written: {problem}", file.path.display());
            Failure::said(Exit::Usage, what, "Name another file with --ca-file.")
        };
        // Nothing is lost but another certificate: a file with anything else is left as it is.
        if let Ok(held) = std::fs::read(&file.path)
            && !held.is_empty()
            && !is_a_certificate(&held)
        {
            let what = format!("{} holds something else than a certificate", file.path.display());
            return Err(Failure::said(Exit::Usage, what, "Name another file with --ca-file."));
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true);
        // A name that nobody could guess must not lead to a file that is there already.
        let options = match file.ours {
            true => options.create_new(true),
            false => options.create(true).truncate(true),
        };
        let mut opened = options.open(&file.path).map_err(unwritable)?;
        opened.write_all(pem.as_bytes()).map_err(unwritable)?;
        Ok(file)
    }
}

impl Drop for AuthorityFile {
    fn drop(&mut self) {
        if self.ours {
            // It holds nothing secret: one that stays does no harm.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn is_a_certificate(held: &[u8]) -> bool {
    let text = String::from_utf8_lossy(held);
    text.trim_start().starts_with("-----BEGIN CERTIFICATE-----") && !text.contains("PRIVATE KEY")
}
