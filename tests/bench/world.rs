//! A sandbox in a process of its own, and a job for it in a folder.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::grown::Grown;
use crate::process::{Program, Used, run};

/// A company of some size at both ends of a job.
pub struct World<'a> {
    program: &'a Program,
    sandbox: Child,
    credentials: Value,
    folder: TempDir,
    pub size: Size,
}

/// How large a company is, and what is done for it.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub people: usize,
    /// So many of a hundred have an account already that agrees with the directory.
    pub in_step: u8,
    /// Groups come along.
    pub groups: bool,
}

/// What a cycle did, asked and used.
pub struct Cycle {
    pub report: Value,
    /// Requests by endpoint.
    pub requests: BTreeMap<String, u64>,
    pub used: Used,
    /// The size of the store afterwards, and the largest of its write-ahead log meanwhile, in bytes.
    pub store: u64,
    pub log: u64,
}

impl Cycle {
    /// How many requests went to endpoints whose label contains `label`.
    pub fn asked(&self, label: &str) -> u64 {
        self.requests.iter().filter(|(name, _)| name.contains(label)).map(|(_, count)| count).sum()
    }

    /// A number of the report.
    pub fn count(&self, name: &str) -> u64 {
        self.report["counts"][name].as_u64().unwrap_or_default()
    }
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        // It has ended already, or it ends now.
        let _ = self.sandbox.kill();
        let _ = self.sandbox.wait();
    }
}

impl<'a> World<'a> {
    /// Starts a sandbox with a company, and configures a job for it.
    pub fn found(program: &'a Program, size: Size) -> Result<Self> {
        let people = size.people;
        let groups = (people / 50).max(8);
        let accounts = size.in_step.to_string();
        let accounts: &[&str] = if size.in_step > 0 { &["--accounts", &accounts] } else { &[] };
        let mut sandbox = program
            .command()
            .args(["sandbox", "--json", "--listen", "127.0.0.1:0", "--seed", "1"])
            .args(["--users", &people.to_string(), "--groups", &groups.to_string()])
            .args(["--licences", "2000000"])
            .args(accounts)
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the sandbox")?;
        let mut line = String::new();
        if let Some(stdout) = sandbox.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).context("reading the credentials")?;
        }
        let credentials = serde_json::from_str(&line).context("reading the credentials")?;
        let folder = tempfile::tempdir().context("making a folder")?;
        let world = Self { program, sandbox, credentials, folder, size };
        world.write_config()?;
        // What the service user needs for people and groups.
        let roles = json!([
            "AdminManageEmployees",
            "CanManageUsers",
            "AdminCreateSharedGroups",
            "AdminSharedDistGroups"
        ]);
        world.change("PATCH", "/sharefile", &json!({ "service_roles": roles }))?;
        Ok(world)
    }

    fn credential(&self, name: &str) -> &str {
        self.credentials[name].as_str().unwrap_or_default()
    }

    fn write_config(&self) -> Result<()> {
        let credential = |name| self.credential(name);
        let config = format!(
            r#"
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

[[users.attribute]]
target = "Email"
source = "[mail]"

[[users.attribute]]
target = "FirstName"
source = "[givenName]"

[[users.attribute]]
target = "LastName"
source = "[surname]"

[[users.attribute]]
target = "Company"
source = "[companyName]"

[groups]
enabled = {groups}
overflow = "split"

[guard]
first_cycle = "apply"

[store]
path = "store.db"
"#,
            tenant = credential("tenant_id"),
            client_id = credential("client_id"),
            application = credential("application"),
            login = credential("login_url"),
            graph = credential("graph_url"),
            subdomain = credential("sharefile_subdomain"),
            domain = credential("sharefile_domain"),
            admin_user = credential("admin_user"),
            key = credential("sharefile_client_id"),
            groups = self.size.groups,
        );
        for (name, text) in [
            ("config.toml", config.as_str()),
            ("entra-secret", credential("client_secret")),
            ("sharefile-password", credential("admin_password")),
            ("sharefile-secret", credential("sharefile_client_secret")),
        ] {
            std::fs::write(self.folder.path().join(name), text)
                .with_context(|| format!("writing {name}"))?;
        }
        Ok(())
    }

    /// Host and port of the token endpoint.
    pub fn login(&self) -> &str {
        self.credential("login_url").trim_start_matches("http://")
    }

    /// The command that takes one cycle in a process of its own.
    pub fn sync_command(&self) -> Command {
        let mut command = self.program.command();
        command.arg("--config").arg(self.folder.path().join("config.toml"));
        command.args(["sync", "--json"]);
        command
    }

    /// One cycle in a process of its own.
    pub fn sync(&self) -> Result<Cycle> {
        self.control("DELETE", "/counts")?;
        let store = self.folder.path().join("store.db");
        let log = Grown::watch(self.folder.path().join("store.db-wal"));
        let (status, written, used) = run(&mut self.sync_command())?;
        let log = log.largest();
        let answer: Value = serde_json::from_str(&written)
            .with_context(|| format!("`sync` ended with {status} and wrote {written:?}"))?;
        let report = answer["report"].clone();
        ensure!(report["state"] == "complete", "the cycle did not complete: {report:#}");
        let counts = self.control("GET", "/counts")?;
        let requests = serde_json::from_value(counts["by_endpoint"].clone())
            .with_context(|| format!("reading the counts of {counts}"))?;
        let store = std::fs::metadata(&store).context("looking at the store")?.len();
        Ok(Cycle { report, requests, used, store, log })
    }

    /// How many rows the application's assignment list has.
    pub fn assignments(&self) -> Result<u64> {
        let state = self.control("GET", "/state")?;
        state["totals"]["assignments"].as_u64().context("the sandbox tells no totals")
    }

    /// Asks the control API. An empty answer is null.
    fn control(&self, method: &str, path: &str) -> Result<Value> {
        self.exchange(method, path, "")
    }

    /// Changes something through the control API.
    pub fn change(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        self.exchange(method, path, &body.to_string())
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let url = self.credential("control_url").trim_start_matches("http://");
        let (host, prefix) = url.split_once('/').context("an address without a path")?;
        let what = || format!("{method} /{prefix}{path}");
        let mut stream = TcpStream::connect(host).with_context(what)?;
        let request = format!(
            "{method} /{prefix}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).with_context(what)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).with_context(what)?;
        let (head, body) = answer.split_once("\r\n\r\n").with_context(what)?;
        if !head.starts_with("HTTP/1.1 2") {
            bail!("{} answered {answer}", what());
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(body).with_context(what)
    }
}
