//! `sandbox`: the emulators alone.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use uuid::Uuid;

use crate::clock::{Clock, SystemClock};
use crate::sandbox::faults::Fault;
use crate::sandbox::scenario::{Scenario, Timeline};
use crate::sandbox::{Sandbox, SandboxError, SandboxOptions};

use super::exit::{Exit, Failure};
use super::output;

const HELP: &str = r#"WHAT IS PRINTED
It prints addresses and credentials, as text or with --json as one line, and then waits. They open
nothing but the sandbox. Entra ID and Graph share one address; the control API is below it, under
/_sandbox, without sign-in: it changes people, groups, assignments, accounts, switches and the app
registration, counts requests, and makes things go wrong. `GET /_sandbox` lists its routes.

POINTING A CLIENT AT IT
Any client serves that can be told the address of the sign-in and of Graph. Most insist on https:

    sharefile-provisioner sandbox --tls --ca-file /tmp/sandbox-ca.pem

and then trust the certificate in that file, by one of
    SSL_CERT_FILE=/tmp/sandbox-ca.pem           OpenSSL, Python's ssl and httpx, Go, Ruby
    REQUESTS_CA_BUNDLE=/tmp/sandbox-ca.pem      Python's requests, msal, azure-identity
    NODE_EXTRA_CA_CERTS=/tmp/sandbox-ca.pem     Node.js
    curl --cacert /tmp/sandbox-ca.pem

Clients that sign in ask Microsoft first whether an address is one of theirs: switch that off, it is
called instance discovery. The authority is LOGIN_URL/TENANT_ID, the scope as ever
https://graph.microsoft.com/.default. With msal for Python:

    msal.ConfidentialClientApplication(CLIENT_ID, client_credential=CLIENT_SECRET,
        authority="LOGIN_URL/TENANT_ID", instance_discovery=False)

With azure-identity and msgraph-sdk:

    credential = ClientSecretCredential(TENANT_ID, CLIENT_ID, CLIENT_SECRET,
        authority="LOGIN_URL", disable_instance_discovery=True)
    provider = AzureIdentityAuthenticationProvider(credential,
        scopes=["https://graph.microsoft.com/.default"], allowed_hosts=["localhost"])
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = "GRAPH_URL/v1.0"
    client = GraphServiceClient(request_adapter=adapter)

(AzureIdentityAuthenticationProvider is in kiota_authentication_azure.
azure_identity_authentication_provider, GraphRequestAdapter and GraphServiceClient in msgraph.)
With @microsoft/microsoft-graph-client:

    Client.init({ baseUrl: "GRAPH_URL", customHosts: new Set(["localhost"]), authProvider })

The ShareFile tenant is SHAREFILE_URL: sign in by POST to /oauth/token, the API is below /sf/v3. It
answers to contoso.localhost and to plain localhost.

OTHER NAMES
With --host and --sharefile-domain, links and certificates have other names, so that a client needs
no other setting than in production: let the names lead to this machine, and listen where clients
expect it. On two addresses, both ends can have port 443:

    sharefile-provisioner sandbox --tls --ca-file /tmp/sandbox-ca.pem \
        --listen 127.0.0.1:443 --host graph.microsoft.com --host login.microsoftonline.com \
        --listen-sharefile 127.0.0.2:443 --sharefile-domain sharefile.com

SIGNING IN WITH A CERTIFICATE
--certificate FILE registers one; a self-signed certificate with an RSA key is enough.

WHAT GOES WRONG
--fault says what, and where and when: endpoint (a part of a label that `GET /_sandbox/counts`
shows, as /users), method, after (so many go through first), times, probability (0 to 1, drawn from
seed), from and until (5m, or a date). The kinds:
    too_many_requests, unavailable, unauthorized    429, 503, 401; with retry_after (2, 2.128,
                                                    date+40, or anything), status, reason
    html                                            a page instead of JSON; with status
    drop_before, drop_after                         no answer; before and after it took effect
    stall_before, stall_after                       the same, but hanging until released
    slow, trickle                                   late by delay_ms; one byte at a time
    cut_body, malformed                             ends in the middle; damaged, drawn from seed
    empty_page, repeated_page, reordered_page       lists that are right in an odd way
    lost_rows (lose), cut_list (keep)               lists that are wrong
    nulls (members), null_people                    as if a permission were missing
    ignored (members), normalised                   writes that are not taken as they came
    expired_token, expired_delta                    over before their time
    duplicate_address, no_licence                   at ShareFile: taken; none left
"#;

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub struct SandboxArguments {
    /// How many people the company has [default: 100, or as the scenario says]
    #[arg(long)]
    users: Option<usize>,

    /// How many groups [default: 8, or as the scenario says]
    #[arg(long)]
    groups: Option<usize>,

    /// How many of a hundred people have an account that agrees with the directory, instead of a few
    /// of every kind
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    accounts: Option<u8>,

    /// How many employee licences ShareFile has [default: 100000, or as the scenario says]
    #[arg(long)]
    licences: Option<u32>,

    /// What the company is made from, and chance is drawn from: the same seed makes the same
    /// company and the same luck [default: 1, or as the scenario says]
    #[arg(long)]
    seed: Option<u64>,

    /// A story to begin with and to go on with, in TOML: people, groups, accounts, switches, faults,
    /// and changes by the clock; config/scenario.toml shows all of it
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// Something that goes wrong, as kind=slow,endpoint=/users,delay_ms=500; may be given again
    #[arg(long = "fault", value_name = "NAME=VALUE,...")]
    faults: Vec<Fault>,

    /// A choice of one of the emulators, as graph.expired_delta=gone or sharefile.page_size=50; may
    /// be given again
    #[arg(long = "switch", value_name = "END.NAME=VALUE")]
    switches: Vec<String>,

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
    let mut options = SandboxOptions {
        listen: arguments.listen,
        sharefile_listen: arguments.listen_sharefile,
        tls: arguments.tls,
        hosts: arguments.hosts.clone(),
        sharefile_domain: arguments.sharefile_domain.clone(),
        certificate_pem,
        ..SandboxOptions::default()
    };
    if let Some(file) = &arguments.scenario {
        options = options.telling(scenario(file)?);
    }
    options.users = arguments.users.unwrap_or(options.users);
    options.groups = arguments.groups.unwrap_or(options.groups);
    options.seed = arguments.seed.unwrap_or(options.seed);
    if let Some(percent) = arguments.accounts {
        options.existing_accounts = false;
        options.accounts_in_step = percent;
    }
    let sharefile = &mut options.sharefile;
    sharefile.employee_max = arguments.licences.unwrap_or(sharefile.employee_max);
    let sandbox = Sandbox::start(options).await.map_err(|problem| {
        let (exit, hint) = match &problem {
            SandboxError::Tls(_) => (Exit::Usage, "Name hosts as graph.example.test."),
            SandboxError::Scenario(_) => (Exit::Usage, "Correct the scenario."),
            _ => (Exit::Unexpected, "Choose another address with --listen."),
        };
        Failure::new(exit, &problem, hint)
    })?;
    let authority = sandbox
        .authority_pem()
        .map(|pem| AuthorityFile::write(arguments.ca_file.as_deref(), pem))
        .transpose()?;
    if let Some(licences) = arguments.licences {
        sandbox.sharefile.set_employee_max(licences);
    }
    for switch in &arguments.switches {
        turn(&sandbox, switch)?;
    }
    for fault in &arguments.faults {
        sandbox.faults.add(fault.clone());
    }
    introduce(arguments, &sandbox, authority.as_ref());
    tokio::select! {
        () = crate::service::shutdown_requested() => {}
        () = narrate(sandbox.timeline.clone(), arguments.json) => {}
    }
    sandbox.stop().await;
    Ok(Exit::Done)
}

fn scenario(file: &Path) -> Result<Scenario, Failure> {
    let text = std::fs::read_to_string(file).map_err(|problem| {
        let what = format!("{} cannot be read: {problem}", file.display());
        Failure::said(Exit::Usage, what, "Name a file with a scenario in TOML.")
    })?;
    Scenario::read(&file.display().to_string(), &text)
        .map_err(|problem| Failure::new(Exit::Usage, &problem, "Correct the scenario."))
}

/// Turns one switch, as `graph.expired_delta=gone`.
fn turn(sandbox: &Sandbox, text: &str) -> Result<(), Failure> {
    let wrong = |what: String| {
        Failure::said(Exit::Usage, what, "Say it as graph.NAME=VALUE or sharefile.NAME=VALUE.")
    };
    let parts = text.split_once('=').and_then(|(name, value)| Some((name.split_once('.')?, value)));
    let Some(((end, name), value)) = parts else {
        return Err(wrong(format!("`{text}` is no switch")));
    };
    // Numbers, truth and lists are said as in JSON, everything else is a text.
    let value = serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::from(value));
    let problem = |problem: serde_json::Error| wrong(format!("--switch {text}: {problem}"));
    match end {
        "graph" => {
            let switches = turned(&sandbox.entra.switches(), name, value).map_err(problem)?;
            sandbox.entra.set_switches(switches);
        }
        "sharefile" => {
            let switches = turned(&sandbox.sharefile.switches(), name, value).map_err(problem)?;
            sandbox.sharefile.set_switches(switches);
        }
        other => return Err(wrong(format!("`{other}` has no switches"))),
    }
    Ok(())
}

fn turned<T>(switches: &T, name: &str, value: serde_json::Value) -> Result<T, serde_json::Error>
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let mut all = serde_json::to_value(switches)?;
    if let Some(members) = all.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    serde_json::from_value(all)
}

/// Carries out a scenario and tells it as it goes; never returns.
async fn narrate(timeline: Option<Arc<Timeline>>, quiet: bool) {
    let mut told = 0;
    while let Some(wait) = timeline.as_ref().and_then(|timeline| timeline.next()) {
        SystemClock::new().sleep(wait).await;
        let Some(timeline) = &timeline else { break };
        timeline.settle();
        for happened in timeline.happened(told) {
            told += 1;
            if quiet {
                continue;
            }
            let outcome = happened.problem.map(|problem| format!(": NOT DONE, {problem}"));
            let outcome = outcome.unwrap_or_default();
            output::line(&format!("{}  {}{outcome}", happened.at, happened.what));
        }
    }
    std::future::pending().await
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
    for fault in sandbox.faults.list() {
        let fault = serde_json::to_value(fault).unwrap_or_default();
        let said = fault.as_object().into_iter().flatten();
        let said = said.filter(|(_, value)| !value.is_null() && **value != serde_json::json!([]));
        let said: Vec<String> = said.map(|(name, value)| format!("{name}={value}")).collect();
        output::line(&format!("{:<24}{}", "fault", said.join(",").replace('"', "")));
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
