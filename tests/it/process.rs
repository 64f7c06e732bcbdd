//! What only the real process can show: it is started, watched, asked, and killed.

mod approval;
mod check;
mod commands;
mod daemon;
mod demo;
mod eval;
mod import_schema;
mod kill;
mod kill_calls;
mod orphans;
mod saved_plan;
mod shown;
mod stop;
mod test_command;
mod welcome;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sharefile_provisioner::clock::JumpClock;
use sharefile_provisioner::model::outcome::CycleReport;
use sharefile_provisioner::sandbox::SandboxOptions;
use sharefile_provisioner::sandbox::sharefile::{AccountKind, AccountView, NewAccount};
use sharefile_provisioner::store::Store;

use crate::world::{START, World};

/// Nothing here takes so long: whatever does, hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `holds` says so.
///
/// # Panics
/// When it never does.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let polled = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, polled).await.is_ok(), "never happened: {what}");
}

/// A process of the real program; killed when it is dropped.
pub struct Process {
    child: Child,
    out: File,
    err: File,
}

impl Process {
    /// Starts a command. What it says goes into files, so that it never waits for a reader.
    pub fn start(mut command: Command) -> Self {
        let file = || tempfile::tempfile().expect("a file");
        let (out, err) = (file(), file());
        let sink = |file: &File| Stdio::from(file.try_clone().expect("a second handle"));
        let child = command
            .stdin(Stdio::null())
            .stdout(sink(&out))
            .stderr(sink(&err))
            .spawn()
            .expect("a process");
        Self { child, out, err }
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks the process to end, as a service manager does.
    #[cfg(unix)]
    pub fn terminate(&self) {
        let kill = Command::new("kill").arg("-TERM").arg(self.id().to_string()).status();
        assert!(kill.expect("a signal").success());
    }

    /// Ends the process on the spot, as a crash would; it must not have ended by itself.
    pub fn kill(mut self) -> Said {
        assert!(!self.ended(), "ended by itself: {:?}", self.said(None));
        self.child.kill().expect("a kill");
        let status = self.child.wait().expect("an end");
        self.said(Some(status))
    }

    /// Whether the process has ended by itself.
    pub fn ended(&mut self) -> bool {
        self.child.try_wait().expect("a state").is_some()
    }

    /// Waits for the end of the process.
    pub async fn end(mut self) -> Said {
        eventually("the process ends", async || self.ended()).await;
        let status = self.child.wait().expect("an end");
        self.said(Some(status))
    }

    /// What the process has written to its standard output so far.
    pub fn out(&mut self) -> String {
        all_of(&mut self.out)
    }

    fn said(&mut self, status: Option<ExitStatus>) -> Said {
        Said {
            code: status.and_then(|status| status.code()),
            out: all_of(&mut self.out),
            err: all_of(&mut self.err),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already, unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The position is shared with the process, which goes on writing where it was left.
fn all_of(file: &mut File) -> String {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).expect("a beginning");
    file.read_to_string(&mut text).expect("text");
    text
}

/// What a process said, and how it ended.
#[derive(Clone, Debug)]
pub struct Said {
    /// The exit code; `None` if it was killed.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Said {
    /// Makes sure of the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    /// Makes sure that the output names something.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.out.contains(words), "no {words:?} in\n{}\n{}", self.out, self.err);
        self
    }

    /// Makes sure that the error output names something.
    #[track_caller]
    pub fn warns(self, words: &str) -> Self {
        assert!(self.err.contains(words), "no {words:?} in\n{}\n{}", self.out, self.err);
        self
    }

    /// The output, which is one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}\n{}", self.out, self.err))
    }
}

impl World {
    /// An empty company on the clock of this machine, for processes.
    pub async fn real() -> Self {
        let options =
            SandboxOptions { users: 0, groups: 0, existing_accounts: false, ..Default::default() };
        Self::of(options).await
    }

    /// A sandbox as described on the clock of this machine, for processes.
    pub async fn of(options: SandboxOptions) -> Self {
        let mut world = Self::around(options, Arc::new(JumpClock::new(START))).await;
        // A cycle may take what it needs: what is tested is who waits for whom, not how long.
        world.set("sharefile.requests_per_minute", "100000");
        world
    }

    /// Starts a command.
    pub fn start(&self, arguments: &[&str]) -> Process {
        Process::start(self.program(arguments))
    }

    /// Carries a command out and returns what it said.
    pub async fn run(&self, arguments: &[&str]) -> Said {
        self.start(arguments).end().await
    }

    /// `sync`, which must end well.
    pub async fn sync(&self) -> Said {
        self.run(&["sync"]).await.exits(0)
    }

    /// `status --json`.
    pub async fn status(&self) -> Value {
        self.run(&["status", "--json"]).await.exits(0).json()
    }

    /// The whole provisioning log, newest first: who, action, status and error code.
    pub async fn log(&self) -> Vec<Logged> {
        let said = self.run(&["log", "--json", "--limit", "0"]).await.exits(0);
        let rows = said.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rows = rows.as_array().expect("a list").iter();
        rows.map(|row| {
            let info = &row["provisioningStatusInfo"];
            Logged {
                who: text(&row["sourceIdentity"]["displayName"]),
                action: text(&row["provisioningAction"]),
                status: text(&info["status"]),
                code: text(&info["errorInformation"]["errorCode"]),
            }
        })
        .collect()
    }

    /// The last cycle that began, as the store has it; `None` before the first one.
    pub async fn last_cycle(&self) -> Option<CycleReport> {
        let store = Store::read_only(&self.job().store).ok()?;
        store.job().await.ok()?.last_cycle
    }

    /// All cycles, newest first.
    pub async fn cycles(&self) -> Vec<CycleReport> {
        let store = Store::read_only(&self.job().store).expect("a store");
        store.cycles(0).await.expect("cycles")
    }

    /// An account that somebody made by hand.
    pub fn by_hand(&self, first_name: &str, last_name: &str) -> String {
        self.sandbox.sharefile.add_account(NewAccount {
            email: format!("{}@contoso.example", first_name.to_lowercase()),
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            company: String::new(),
            kind: AccountKind::Employee,
            disabled: false,
            roles: Vec::new(),
            confirmed: true,
        })
    }

    /// Changes properties of a person.
    pub fn edit(&self, person: uuid::Uuid, patch: Value) {
        let patch = patch.as_object().expect("an object");
        self.sandbox.entra.edit_person(person, patch).expect("an edit");
    }

    /// Whether somebody has an account.
    pub fn has(&self, name: &str) -> bool {
        let address = format!("{}@contoso.example", name.to_lowercase());
        self.sandbox.sharefile.account_of(&address).is_some()
    }

    /// The accounts that are not the tenant's own, a line each, sorted by address.
    pub fn accounts(&self) -> String {
        let accounts = self.sandbox.sharefile.accounts();
        let line = |account: &AccountView| {
            let kind = match account.kind {
                AccountKind::Employee => "employee",
                AccountKind::Client => "client",
            };
            let state = if account.disabled { "disabled" } else { "in use" };
            let (email, first, last) = (&account.email, &account.first_name, &account.last_name);
            format!("{email}: {first} {last}, {kind}, {state}\n")
        };
        let people = accounts.iter().filter(|account| account.email.ends_with("@contoso.example"));
        people.map(line).collect()
    }

    /// The writes at ShareFile since the last reset, sorted: method, whose account, body, status.
    pub fn written(&self) -> Vec<String> {
        let accounts = self.sandbox.sharefile.accounts();
        let whose = |path: &str| {
            let account = accounts.iter().find(|account| path.contains(account.id.as_str()));
            account.map_or("new".to_owned(), |account| account.email.clone())
        };
        let writes = self.sandbox.counts.writes();
        let mut lines: Vec<String> = writes
            .iter()
            .map(|write| {
                format!("{} {} {} {}", write.method, whose(&write.path), write.body, write.status)
            })
            .collect();
        lines.sort();
        lines
    }
}

/// An entry of the provisioning log, as far as tests compare it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Logged {
    pub who: String,
    pub action: String,
    pub status: String,
    pub code: String,
}
