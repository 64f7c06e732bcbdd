//! The daemon, and commands beside it: they ask it through the table of requests.

use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::store::Lease;

use super::{Process, World, eventually};

impl World {
    /// Starts the daemon, and waits until as many cycles as it has to take at once have ended.
    pub async fn daemon(&self, cycles: usize) -> Process {
        let mut daemon = self.start(&["run"]);
        eventually("the daemon works", async || {
            assert!(!daemon.ended(), "the daemon ended");
            self.leased() && self.ended_cycles().await >= cycles
        })
        .await;
        daemon
    }

    /// Whether a process holds the lease.
    pub fn leased(&self) -> bool {
        Lease::holder(self.folder.path()).is_some()
    }

    /// How many cycles have ended.
    pub async fn ended_cycles(&self) -> usize {
        match self.last_cycle().await {
            None => 0,
            Some(_) => {
                let cycles = self.cycles().await;
                cycles.iter().filter(|cycle| cycle.state != CycleState::Running).count()
            }
        }
    }

    /// Makes the k-th write of a kind, from 1, hang.
    pub fn stall(&self, kind: FaultKind, method: &str, k: u32) {
        let fault = Fault::new(kind).at("/sf/v3/Users").on(method).after(k - 1).times(1);
        self.sandbox.faults.add(fault);
    }

    /// Waits until a request hangs.
    pub async fn hangs(&self) {
        eventually("a request hangs", async || self.sandbox.faults.stalled_now() > 0).await;
    }

    /// How many requests of commands there are, and how many of them nobody has claimed.
    fn requests(&self) -> (u32, u32) {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let store = Connection::open_with_flags(self.job().store, flags).expect("a store");
        let sql = "SELECT count(*), count(*) FILTER (WHERE claimed_at IS NULL) FROM request";
        store.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("counts")
    }

    /// Waits until the daemon has claimed so many requests.
    async fn claimed(&self, count: u32) {
        eventually("the daemon claims requests", async || self.requests() == (count, 0)).await;
    }

    /// Keeps asking the daemon for something that it refuses, until a tick before must have been
    /// looked at: the daemon serves one thing after the other, and an idle one serves at once.
    async fn idle(&self) {
        for _ in 0..2 {
            self.run(&["approve", "4711"]).await.exits(70);
        }
    }
}

#[tokio::test]
async fn commands_ask_the_running_daemon() {
    let world = World::real().await;
    let ada = world.join("Ada");
    let daemon = world.daemon(1).await;
    assert!(world.has("Ada"), "the first cycle begins at once");

    world.join("Bob");
    let said = world.run(&["sync"]).await.exits(0).says("Cycle c2 (incremental) complete");
    said.says("1 created; ");
    assert!(world.has("Bob"));
    let answer = world.run(&["sync", "--full", "--json"]).await.exits(0).json();
    assert_eq!(answer["report"]["kind"], "full");
    assert_eq!(answer["report"]["initiated_by"], "sync");

    world.run(&["pause"]).await.exits(0).says("paused");
    assert_eq!(world.status().await["paused"], true);
    let refused = world.run(&["sync"]).await.exits(70);
    refused.says("refused: the job is paused: `sharefile-provisioner resume` first");
    world.run(&["resume"]).await.exits(0).says("resumed");
    assert_eq!(world.status().await["paused"], false);

    world.edit(ada, json!({ "surname": "Byron" }));
    let file = world.path("saved.json");
    let file = file.to_str().expect("a path");
    world.run(&["plan", "--out", file]).await.exits(2).says("1 to update");
    world.run(&["apply", file]).await.exits(0).says("1 updated");
    assert_eq!(world.account("Ada").last_name, "Byron");
    let refused = world.run(&["apply", file]).await.exits(70);
    refused.says("refused: ada@contoso.example: the plan said update (LastName = Byron)");

    let said = end(&world, daemon).await;
    for asked in ["Sync", "Pause", "Resume", "Apply"] {
        assert!(said.contains(&format!("a command asks: {asked}")), "{asked} in {said}");
    }
}

#[tokio::test]
async fn people_answer_holds_through_the_daemon() {
    let mut world = World::real().await;
    world.set("guard.removals_per_cycle.count", "0");
    let [ada, bob, _] = ["Ada", "Bob", "Cy"].map(|name| world.join(name));
    let daemon = world.daemon(1).await;
    world.unassign(ada);
    world.run(&["sync"]).await.exits(70).says("1 change waits for approval");
    world.run(&["holds"]).await.exits(0).says("Hold 1 · TooManyRemovals · open · 1 object");
    world.run(&["approve", "1"]).await.exits(0).says("1 change, to go with the next cycle.");
    world.run(&["approve", "1"]).await.exits(70).warns("hold 1 is not open: it was approved");
    world.run(&["sync"]).await.exits(0).says("1 disabled");
    assert!(world.account("Ada").disabled);

    world.unassign(bob);
    world.run(&["sync"]).await.exits(70);
    world.run(&["reject", "2"]).await.exits(0).says("rejected");
    world.run(&["sync"]).await.exits(0);
    assert!(!world.account("Bob").disabled, "kept back for good");
    world.run(&["holds"]).await.exits(0).says("Nothing waits for a person.");
    world.run(&["reject", "99"]).await.exits(70).warns("there is no hold 99");
    end(&world, daemon).await;
}

#[tokio::test]
async fn reading_needs_no_daemon_and_disturbs_none() {
    let world = World::real().await;
    world.join("Ada");
    let daemon = world.daemon(1).await;
    let id = daemon.id();
    let status = world.status().await;
    assert_eq!(status["daemon"], format!("run, process {id}"));
    assert_eq!(status["last_cycle"]["state"], "complete");
    world.run(&["status"]).await.exits(0).says("Provisioning  running (run, process");
    world.run(&["log"]).await.exits(0).says("ada@contoso.example");
    world.run(&["holds"]).await.exits(0).says("Nothing waits for a person.");
    world.run(&["plan"]).await.exits(0).says("Nothing to do.");
    world.run(&["test"]).await.exits(0);
    world.run(&["check"]).await.exits(0);
    world.run(&["run"]).await.exits(71).warns(&format!("run, process {id}"));
    end(&world, daemon).await;
    assert_eq!(world.status().await["daemon"], json!(null));
    world.run(&["status"]).await.exits(0).says("no daemon is running");
}

/// Ten seconds is how long a request may stay unclaimed.
#[tokio::test]
async fn a_request_that_nobody_claims_is_withdrawn() {
    let world = World::real().await;
    world.join("Ada");
    world.stall(FaultKind::StallBefore, "POST", 1);
    let busy = world.start(&["sync"]);
    world.hangs().await;
    let said = world.run(&["pause"]).await.exits(71);
    let holder = format!("the store is in use by `sync, process {}`", busy.id());
    said.warns(&holder).warns("takes no requests").warns("Wait until it has ended, or end it.");
    assert_eq!(world.status().await["open_writes"], 1);
    world.sandbox.faults.release();
    busy.end().await.exits(0);

    let daemon = world.daemon(2).await;
    world.idle().await;
    assert_eq!(world.status().await["paused"], false, "withdrawn, not postponed");
    end(&world, daemon).await;
}

#[tokio::test]
async fn pause_holds_over_a_restart() {
    let world = World::real().await;
    world.join("Ada");
    let daemon = world.daemon(1).await;
    world.run(&["pause"]).await.exits(0);
    end(&world, daemon).await;
    world.join("Bob");
    let daemon = world.daemon(0).await;
    world.idle().await;
    assert_eq!((world.ended_cycles().await, world.has("Bob")), (1, false));
    world.run(&["status"]).await.exits(0).says("Provisioning  paused");
    world.run(&["resume"]).await.exits(0);
    eventually("the daemon goes on", async || world.has("Bob")).await;
    end(&world, daemon).await;

    // Without a daemon the command itself takes the lease.
    world.run(&["pause"]).await.exits(0).says("paused");
    assert_eq!(world.status().await["paused"], true);
}

#[tokio::test]
async fn a_request_interrupts_a_long_cycle_at_the_next_change() {
    let mut world = World::real().await;
    world.set("sharefile.in_flight", "1");
    world.join("Ada");
    let daemon = world.daemon(1).await;
    for name in ["Bob", "Cy", "Dee", "Eve"] {
        world.join(name);
    }
    world.stall(FaultKind::StallAfter, "POST", 2);
    let sync = world.start(&["sync"]);
    world.hangs().await;
    let pause = world.start(&["pause"]);
    world.claimed(2).await;
    world.sandbox.faults.release();
    pause.end().await.exits(0).says("paused");
    // A pause holds for the one that asked for the cycle as well.
    sync.end().await.exits(70).says("the job is paused");
    assert!(world.has("Bob") && world.has("Cy") && !world.has("Eve"));
    let states: Vec<CycleState> = world.cycles().await.iter().map(|cycle| cycle.state).collect();
    assert_eq!(states[..2], [CycleState::Complete, CycleState::Partial]);
    world.run(&["resume"]).await.exits(0);
    world.run(&["sync"]).await.exits(0).says("2 created");
    assert_eq!(world.written().len(), 5, "nothing twice: {:#?}", world.written());
    end(&world, daemon).await;
}

/// A daemon whose first cycle creates four accounts one at a time, and hangs at the second.
async fn busy() -> (World, Process) {
    let mut world = World::real().await;
    world.set("sharefile.in_flight", "1");
    // A tick waits whenever a cycle ends: requests go first all the same.
    world.set("schedule.cron", "* * * * * *");
    for name in NAMES {
        world.join(name);
    }
    world.stall(FaultKind::StallBefore, "POST", 2);
    let daemon = world.daemon(0).await;
    world.hangs().await;
    (world, daemon)
}

const NAMES: [&str; 4] = ["Ada", "Bob", "Cy", "Dee"];

fn created(world: &World) -> usize {
    NAMES.iter().filter(|name| world.has(name)).count()
}

#[tokio::test]
async fn what_is_asked_goes_before_the_rest_of_a_scheduled_cycle() {
    let (world, daemon) = busy().await;
    let sync = world.start(&["sync"]);
    world.claimed(1).await;
    world.sandbox.faults.release();
    sync.end().await.exits(0).says("2 created");
    assert_eq!((created(&world), world.written().len()), (4, 4));
    let cycles = world.cycles().await;
    let first: Vec<(&str, CycleState)> = cycles
        .iter()
        .rev()
        .take(2)
        .map(|cycle| (cycle.initiated_by.as_str(), cycle.state))
        .collect();
    assert_eq!(first, [("schedule", CycleState::Partial), ("sync", CycleState::Complete)]);
    end(&world, daemon).await;
}

#[tokio::test]
async fn a_pause_stops_a_scheduled_cycle_and_resume_takes_it_up() {
    let (world, daemon) = busy().await;
    let pause = world.start(&["pause"]);
    world.claimed(1).await;
    world.sandbox.faults.release();
    pause.end().await.exits(0).says("paused");
    eventually("the cycle stops", async || world.ended_cycles().await == 1).await;
    assert_eq!(created(&world), 2);
    assert_eq!(world.status().await["last_cycle"]["state"], "partial");
    world.run(&["resume"]).await.exits(0);
    eventually("the cycle goes on", async || created(&world) == 4).await;
    assert_eq!(world.written().len(), 4);
    end(&world, daemon).await;
}

#[tokio::test]
async fn the_daemon_turns_at_the_times_of_a_cron_expression() {
    let mut world = World::real().await;
    // On the command line it stands above `every` of the file.
    world.set("schedule.cron", "* * * * * *");
    world.join("Ada");
    let daemon = world.daemon(1).await;
    world.join("Bob");
    eventually("a later tick", async || world.has("Bob")).await;
    assert!(world.cycles().await.iter().all(|cycle| cycle.initiated_by == "schedule"));
    end(&world, daemon).await;
}

#[tokio::test]
async fn the_daemon_turns_at_its_interval() {
    let mut world = World::real().await;
    world.set("schedule.every", "1s");
    let ada = world.join("Ada");
    world.join("Bob");
    let daemon = world.daemon(1).await;
    world.unassign(ada);
    eventually("a later tick", async || world.account("Ada").disabled).await;
    end(&world, daemon).await;
}

/// Ends the daemon cleanly and returns what it logged.
#[cfg(unix)]
pub async fn end(world: &World, daemon: Process) -> String {
    daemon.terminate();
    let said = daemon.end().await.exits(0);
    assert!(!world.leased());
    said.err
}

/// Elsewhere a process cannot be asked from outside; it is ended.
#[cfg(not(unix))]
pub async fn end(_: &World, daemon: Process) -> String {
    daemon.kill().err
}
