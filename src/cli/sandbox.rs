//! `sandbox`: the emulators alone.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::sandbox::sharefile::SharefileOptions;
use crate::sandbox::{Sandbox, SandboxOptions};

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

    /// Where Entra ID and Graph listen; ShareFile takes the next port
    #[arg(long, default_value = "127.0.0.1:8428")]
    listen: SocketAddr,

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
        certificate_pem,
        sharefile: SharefileOptions {
            employee_max: arguments.licences,
            ..SharefileOptions::default()
        },
        ..SandboxOptions::default()
    })
    .await
    .map_err(|problem| {
        Failure::new(Exit::Unexpected, &problem, "Choose another address with --listen.")
    })?;
    let credentials = sandbox.credentials();
    let value = serde_json::to_value(&credentials).unwrap_or_default();
    if arguments.json {
        output::line(&value.to_string());
    } else {
        for (name, value) in value.as_object().into_iter().flatten() {
            output::line(&format!("{name:<24}{}", value.as_str().unwrap_or_default()));
        }
        output::line("Ctrl-C ends it.");
    }
    crate::service::shutdown_requested().await;
    sandbox.stop().await;
    Ok(Exit::Done)
}
