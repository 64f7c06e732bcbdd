//! How much the sandbox answers, and what a million people cost.
//!
//! Requests go over a few connections that stay open, written and read by hand so that what is
//! measured is the sandbox. Both share the cores of the machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use wait4::Wait4;

use crate::process::Program;
use crate::verdict;

/// How many connections ask at the same time.
const CONNECTIONS: usize = 4;

/// How long each kind of request is asked.
const ASKED: Duration = Duration::from_secs(3);

/// People in the company that is asked about.
const PEOPLE: usize = 10_000;

/// Gigabytes for a million people.
const MEMORY_BAR: f64 = 4.0;

/// Shows requests a second, and with `large` a million people.
pub fn show(program: &Program, large: bool) -> Result<()> {
    let sandbox = Running::start(program, PEOPLE)?;
    println!("{PEOPLE} people, {CONNECTIONS} connections, {} s each:", ASKED.as_secs());
    for (what, request) in sandbox.requests()? {
        let (count, bytes) = ask(&request)?;
        let seconds = ASKED.as_secs_f64();
        println!(
            "  {what:<42} {:>9.0} requests/s {:>9.1} MB/s",
            count as f64 / seconds,
            bytes as f64 / 1e6 / seconds
        );
    }
    let (started, peak) = sandbox.stop()?;
    println!("{PEOPLE:>9} people: start {started:.2?}, memory at most {:.0} MB", peak / 1e6);
    if large {
        let (started, peak) = Running::start(program, 1_000_000)?.stop()?;
        println!(
            "{:>9} people: start {started:.2?}, memory at most {:.2} GB, bar < {MEMORY_BAR} GB {}",
            1_000_000,
            peak / 1e9,
            verdict(peak / 1e9, MEMORY_BAR)
        );
    }
    Ok(())
}

/// A sandbox in a process of its own.
struct Running {
    child: Option<Child>,
    credentials: Value,
    started: Duration,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, or it ends now.
        if let Some(child) = &mut self.child {
            let _ = child.kill();
        }
    }
}

/// A request as it is sent, and where to.
struct Request {
    host: String,
    text: String,
}

impl Running {
    /// Starts it, and waits until it listens.
    fn start(program: &Program, people: usize) -> Result<Self> {
        let began = Instant::now();
        let mut child = program
            .command()
            .args(["sandbox", "--json", "--listen", "127.0.0.1:0", "--licences", "10000000"])
            .args(["--users", &people.to_string(), "--groups", &(people / 50).to_string()])
            // What is measured is how fast it is, not when it says that it was enough.
            .args(["--switch", "graph.resource_units=4000000000"])
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the sandbox")?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("an output")?;
        BufReader::new(stdout).read_line(&mut line).context("reading the credentials")?;
        let credentials = serde_json::from_str(&line).context("reading the credentials")?;
        Ok(Self { child: Some(child), credentials, started: began.elapsed() })
    }

    /// Ends it; returns how long it took to start, and the peak of its memory in bytes.
    fn stop(mut self) -> Result<(Duration, f64)> {
        let mut child = self.child.take().context("it runs")?;
        child.kill().context("ending the sandbox")?;
        let ended = child.wait4().context("waiting for the sandbox")?;
        Ok((self.started, ended.rusage.maxrss as f64))
    }

    fn credential(&self, name: &str) -> &str {
        self.credentials[name].as_str().unwrap_or_default()
    }

    /// Host and port of a URL among the credentials.
    fn host(&self, name: &str) -> String {
        self.credential(name).trim_start_matches("http://").to_owned()
    }

    /// The kinds of requests that are measured.
    fn requests(&self) -> Result<Vec<(&'static str, Request)>> {
        let graph = self.host("graph_url");
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
            self.credential("client_id"),
            encoded(self.credential("client_secret")),
            encoded("https://graph.microsoft.com/.default")
        );
        let path = format!("/{}/oauth2/v2.0/token", self.credential("tenant_id"));
        let token = token_at(&graph, &path, &form)?;
        let read = |path: &str| written(&graph, "GET", path, &token, "");
        let page = read("/v1.0/users?$top=1")?.once()?;
        let person = page["value"][0]["id"].as_str().context("a person")?.to_owned();
        let latest = read("/v1.0/users/delta?$deltatoken=latest")?.once()?;
        let link = latest["@odata.deltaLink"].as_str().context("a delta link")?.to_owned();
        let link = link.split_once(&graph).map_or(link.as_str(), |(_, path)| path).to_owned();

        let port = self.host("sharefile_domain");
        let port = port.rsplit_once(':').context("a port")?.1.to_owned();
        let sharefile = format!("127.0.0.1:{port}");
        let form = format!(
            "grant_type=password&client_id={}&client_secret={}&username={}&password={}",
            encoded(self.credential("sharefile_client_id")),
            encoded(self.credential("sharefile_client_secret")),
            encoded(self.credential("admin_user")),
            encoded(self.credential("admin_password"))
        );
        let key = token_at(&sharefile, "/oauth/token", &form)?;
        let address = encoded("former.colleague@contoso.com");
        let found = format!("/sf/v3/Users?emailaddress={address}");
        let found = written(&sharefile, "GET", &found, &key, "")?.once()?;
        let account = format!("/sf/v3/Users({})", found["Id"].as_str().context("an account")?);
        Ok(vec![
            ("GET users, 999 a page", read("/v1.0/users?$top=999")?),
            ("GET users, 100 a page, two properties", read("/v1.0/users?$select=id,mail")?),
            ("GET users/{id}", read(&format!("/v1.0/users/{person}"))?),
            ("GET users/delta, the first page", read("/v1.0/users/delta?$select=mail,surname")?),
            ("GET users/delta, nothing new", read(&link)?),
            ("GET Users(id) of ShareFile", written(&sharefile, "GET", &account, &key, "")?),
            (
                "PATCH Users(id) of ShareFile",
                written(&sharefile, "PATCH", &account, &key, r#"{"LastName":"Colleague"}"#)?,
            ),
        ])
    }
}

/// Asks for three seconds over all connections; returns how many answers came, and their bytes.
fn ask(request: &Request) -> Result<(u64, u64)> {
    let end = Instant::now() + ASKED;
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| -> Result<(u64, u64)> {
                    let mut line = Line::open(&request.host)?;
                    let (mut count, mut bytes) = (0, 0);
                    while Instant::now() < end {
                        bytes += line.exchange(request)?.len() as u64;
                        count += 1;
                    }
                    Ok((count, bytes))
                })
            })
            .collect();
        let mut total = (0, 0);
        for one in asking {
            let (count, bytes) =
                one.join().map_err(|_| anyhow::anyhow!("a connection broke"))??;
            total = (total.0 + count, total.1 + bytes);
        }
        Ok(total)
    })
}

/// A connection that stays open.
struct Line(BufReader<TcpStream>);

impl Line {
    fn open(host: &str) -> Result<Self> {
        let stream = TcpStream::connect(host).with_context(|| format!("connecting to {host}"))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::with_capacity(64 * 1024, stream)))
    }

    /// Sends a request and returns the body of its answer.
    fn exchange(&mut self, request: &Request) -> Result<Vec<u8>> {
        self.0.get_mut().write_all(request.text.as_bytes())?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let status = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = None;
        loop {
            line.clear();
            ensure!(self.0.read_line(&mut line)? > 0, "the connection ended");
            let head = line.trim_end().to_ascii_lowercase();
            if head.is_empty() {
                break;
            }
            if let Some(text) = head.strip_prefix("content-length:") {
                length = Some(text.trim().parse::<usize>()?);
            }
        }
        let mut body = vec![0; length.context("an answer without a length")?];
        self.0.read_exact(&mut body)?;
        if !status.starts_with('2') {
            let asked = request.text.lines().next().unwrap_or_default();
            bail!("{asked} answered {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }
}

impl Request {
    /// Asks once, over a connection of its own.
    fn once(&self) -> Result<Value> {
        let body = Line::open(&self.host)?.exchange(self)?;
        serde_json::from_slice(&body).context("reading an answer")
    }
}

fn written(host: &str, method: &str, path: &str, token: &str, body: &str) -> Result<Request> {
    ensure!(path.starts_with('/'), "{path} is no path");
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Ok(Request { host: host.to_owned(), text })
}

/// Signs in and returns the token.
fn token_at(host: &str, path: &str, form: &str) -> Result<String> {
    let text = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = Request { host: host.to_owned(), text }.once()?;
    answer["access_token"].as_str().map(str::to_owned).context("no token")
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
