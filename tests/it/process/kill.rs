//! Killed at every point of the journal: the next start settles what was open and converges.
//!
//! The sandbox stalls the k-th write before or after its effect, and the process is killed there;
//! nothing in the program knows of it. A stall before the effect leaves an intent without a call,
//! one after it a call without an outcome; between writes of one class, outcomes are recorded.

use std::collections::BTreeMap;

use serde_json::json;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::views::NewPerson;

use super::{Logged, Process, Said, World, eventually};

/// A cycle that is killed again and again, and what it has to come to.
struct Story {
    world: World,
    /// Changes of accounts come before creates, so that the k-th write is known by its method.
    patches: u32,
    posts: u32,
    accounts: &'static str,
    written: &'static [&'static str],
    log: &'static [(&'static str, &'static str)],
}

const LEFT_AND_CAME: &str = "\
ada@contoso.example: Ada Lovelace, employee, in use
bob@contoso.example: Robert Tester, employee, in use
cy@contoso.example: Cy Tester, employee, disabled
dee@contoso.example: Dee Tester, employee, disabled
eve@contoso.example: Eve Tester, employee, in use
fay@contoso.example: Fay Tester, employee, in use
gus@contoso.example: Gus Tester, employee, in use
hal@contoso.example: Hal Tester, employee, in use
ivy@contoso.example: Ivy Tester, employee, in use
jan@contoso.example: Jan Tester, employee, in use
kim@contoso.example: Kim Tester, client, in use
zoe@contoso.example: Zoe Outside, employee, in use
";

const WRITTEN: [&str; 9] = [
    r#"PATCH ada@contoso.example {"LastName":"Lovelace"} 200"#,
    r#"PATCH bob@contoso.example {"FirstName":"Robert"} 200"#,
    r#"PATCH cy@contoso.example {"Security":{"IsDisabled":true}} 200"#,
    r#"PATCH dee@contoso.example {"Security":{"IsDisabled":true}} 200"#,
    r#"PATCH eve@contoso.example {"Security":{"IsDisabled":false}} 200"#,
    r#"PATCH gus@contoso.example {"LastName":"Tester"} 200"#,
    r#"POST new {"Email":"ivy@contoso.example","FirstName":"Ivy","LastName":"Tester"} 200"#,
    r#"POST new {"Email":"jan@contoso.example","FirstName":"Jan","LastName":"Tester"} 200"#,
    r#"POST new {"Email":"kim@contoso.example","FirstName":"Kim","LastName":"Tester"} 200"#,
];

const LOG: [(&str, &str); 10] = [
    ("ada", "update"),
    ("bob", "update"),
    ("cy", "disable"),
    ("dee", "disable"),
    ("eve", "update"),
    ("gus", "update"),
    ("hal", "other"),
    ("ivy", "create"),
    ("jan", "create"),
    ("kim", "create"),
];

impl Story {
    /// A job in step, and a company that then moves: two leave, two change, one returns, two who
    /// have accounts already and three who have none join. Fay stays, Zoe is none of ours.
    async fn left_and_came() -> Self {
        let mut world = World::real().await;
        world.by_hand("Zoe", "Outside");
        let [ada, bob, cy, dee, eve, _] =
            ["Ada", "Bob", "Cy", "Dee", "Eve", "Fay"].map(|name| world.join(name));
        world.sync().await;
        world.unassign(eve);
        world.sync().await;
        world.by_hand("Gus", "Typo");
        world.by_hand("Hal", "Tester");
        world.edit(ada, json!({ "surname": "Lovelace" }));
        world.edit(bob, json!({ "givenName": "Robert" }));
        world.unassign(cy);
        world.edit(dee, json!({ "accountEnabled": false }));
        world.assign(eve, "User");
        for name in ["Gus", "Hal", "Ivy", "Jan"] {
            world.join(name);
        }
        join_as_guest(&mut world, "Kim");
        Self { world, patches: 6, posts: 3, accounts: LEFT_AND_CAME, written: &WRITTEN, log: &LOG }
    }

    /// The job's very first cycle: three join, and two who have accounts already.
    async fn first_cycle() -> Self {
        let mut world = World::real().await;
        world.by_hand("Zoe", "Outside");
        world.by_hand("Gus", "Typo");
        world.by_hand("Hal", "Tester");
        for name in ["Gus", "Hal", "Ivy", "Jan"] {
            world.join(name);
        }
        join_as_guest(&mut world, "Kim");
        let from_gus = LEFT_AND_CAME.find("gus@").expect("gus");
        Self {
            world,
            patches: 1,
            posts: 3,
            accounts: &LEFT_AND_CAME[from_gus..],
            written: &WRITTEN[5..],
            log: &LOG[5..],
        }
    }

    /// Counts from here: what is written now is what the story is about.
    fn begin(&mut self) {
        self.world.sandbox.counts.reset();
    }

    /// Makes the k-th write, from 1, hang.
    fn stall(&self, kind: FaultKind, k: u32) {
        let (method, after) = match k.checked_sub(self.patches + 1) {
            None => ("PATCH", k - 1),
            Some(after) => ("POST", after),
        };
        let fault = Fault::new(kind).at("/sf/v3/Users").on(method).after(after).times(1);
        self.world.sandbox.faults.add(fault);
    }

    /// Starts `sync` and kills it as soon as a request hangs.
    async fn killed(&self, arguments: &[&str]) {
        let process = self.world.start(arguments);
        self.world.hangs().await;
        kill(&self.world, process).await;
    }

    /// Makes sure that everything is as it should be, and was done once.
    async fn converged(&self, when: &str) -> Vec<Logged> {
        let world = &self.world;
        assert_eq!(world.accounts(), self.accounts, "{when}");
        assert_eq!(world.written(), self.written, "{when}: each write once");
        assert!(world.sandbox.sharefile.mails().is_empty(), "{when}: nobody gets mail");
        let log = self.done(when).await;
        let status = world.status().await;
        assert_eq!(status["open_writes"], 0, "{when}: {status}");
        assert_eq!(status["waiting"], 0, "{when}: {status}");
        assert_eq!(status["holds"], json!([0, 0]), "{when}: {status}");
        assert_eq!(status["last_cycle"]["state"], "complete", "{when}: {status}");
        world.run(&["plan"]).await.exits(0).says("Nothing to do.");
        log
    }

    /// Makes sure that the log has each change once, and returns what else it has.
    async fn done(&self, when: &str) -> Vec<Logged> {
        let log = self.world.log().await;
        let (done, other): (Vec<Logged>, Vec<Logged>) =
            log.into_iter().partition(|entry| entry.status == "success");
        let mut counted: BTreeMap<(String, String), usize> = BTreeMap::new();
        for entry in done {
            let name = entry.who.trim_end_matches("@contoso.example").to_owned();
            *counted.entry((name, entry.action)).or_default() += 1;
        }
        for (name, action) in self.log {
            let key = ((*name).to_owned(), (*action).to_owned());
            assert_eq!(counted.get(&key), Some(&1), "{when}: {name} {action} in {counted:?}");
        }
        assert!(other.iter().all(|entry| entry.code == "Interrupted"), "{when}: {other:?}");
        other
    }
}

fn join_as_guest(world: &mut World, name: &str) {
    let mail = format!("{}@contoso.example", name.to_lowercase());
    let person = NewPerson::named(name, "Tester", &mail).with("userType", "Guest");
    let id = world.sandbox.entra.add_person(person).expect("a guest");
    world.assign(id, "User");
}

/// Kills a process with requests that hang, and waits until the sandbox has noticed.
async fn kill(world: &World, process: Process) -> Said {
    let said = process.kill();
    let faults = &world.sandbox.faults;
    faults.clear();
    faults.release();
    eventually("nothing hangs", async || faults.stalled_now() == 0).await;
    said
}

/// Kills the cycle of a story at each write, before and after its effect.
async fn at_each_write(tell: impl AsyncFn() -> Story, in_flight: Option<u32>) {
    let told = tell().await;
    let total = told.patches + told.posts;
    assert_eq!(told.written.len(), total as usize);
    drop(told);
    for kind in [FaultKind::StallBefore, FaultKind::StallAfter] {
        for k in 1..=total {
            let when = format!("{kind:?} of write {k}, {in_flight:?} in flight");
            let mut story = tell().await;
            if let Some(in_flight) = in_flight {
                story.world.set("sharefile.in_flight", &in_flight.to_string());
            }
            story.begin();
            story.stall(kind, k);
            story.killed(&["sync"]).await;
            let open = story.world.status().await["open_writes"].as_u64().unwrap_or_default();
            assert!(open >= 1, "{when}: the write that hung is open");
            let said = story.world.sync().await;
            let rest = story.converged(&when).await;
            let settled = format!("{open} write");
            assert!(said.out.contains(&settled), "{when}: {}", said.out);
            // With one write at a time it is known exactly what a crash leaves open.
            if in_flight == Some(1) {
                assert_eq!(open, 1, "{when}");
                let interrupted = usize::from(kind == FaultKind::StallBefore);
                assert_eq!(rest.len(), interrupted, "{when}: {rest:?}");
            }
        }
    }
}

#[tokio::test]
async fn killed_at_each_write_of_a_cycle_one_at_a_time() {
    at_each_write(Story::left_and_came, Some(1)).await;
}

#[tokio::test]
async fn killed_at_each_write_of_a_cycle_several_at_once() {
    at_each_write(Story::left_and_came, None).await;
}

#[tokio::test]
async fn killed_at_each_write_of_the_first_cycle() {
    at_each_write(Story::first_cycle, Some(1)).await;
    at_each_write(Story::first_cycle, None).await;
}

/// Reads count as well: in the import, between two pages of it, before a token, while planning.
#[tokio::test]
async fn killed_at_each_request_whatever_it_is() {
    let mut killed = 0;
    loop {
        let mut story = Story::first_cycle().await;
        story.world.set("sharefile.in_flight", "1");
        story.begin();
        let faults = &story.world.sandbox.faults;
        faults.add(Fault::new(FaultKind::StallBefore).after(killed).times(1));
        let mut process = story.world.start(&["sync"]);
        eventually("a request hangs, or there is none", async || {
            faults.stalled_now() > 0 || process.ended()
        })
        .await;
        if process.ended() {
            process.end().await.exits(0);
            break;
        }
        kill(&story.world, process).await;
        killed += 1;
        story.world.sync().await;
        story.converged(&format!("request {killed}")).await;
    }
    assert!(killed > 15, "only {killed} requests");
}

/// The look at what became of a write may be interrupted too, and so may the cycle that follows.
#[tokio::test]
async fn killed_again_while_the_last_crash_is_settled() {
    for kind in [FaultKind::StallBefore, FaultKind::StallAfter] {
        for k in [1, 4, 7] {
            let when = format!("{kind:?} of write {k}");
            let mut story = Story::left_and_came().await;
            story.begin();
            story.stall(kind, k);
            story.killed(&["sync"]).await;
            for method in ["GET", "PATCH", "POST"] {
                let fault = Fault::new(FaultKind::StallBefore).at("/sf/v3/Users").on(method);
                story.world.sandbox.faults.add(fault.times(1));
                let mut process = story.world.start(&["sync"]);
                eventually("a request hangs, or there is none", async || {
                    story.world.sandbox.faults.stalled_now() > 0 || process.ended()
                })
                .await;
                // With several writes at once all of a class may have gone out by now.
                match process.ended() {
                    true => drop(process.end().await.exits(0)),
                    false => drop(kill(&story.world, process).await),
                }
            }
            story.world.sandbox.faults.clear();
            story.world.sync().await;
            story.converged(&when).await;
        }
    }
}

/// An approval covers what it was given for until that is done, crash or not.
#[tokio::test]
async fn killed_after_an_approval_nobody_is_asked_again() {
    for kind in [FaultKind::StallBefore, FaultKind::StallAfter] {
        let mut story = Story::first_cycle().await;
        story.world.set("guard.first_cycle", "approve");
        story.begin();
        story.stall(kind, 3);
        story.killed(&["sync", "--yes"]).await;
        story.world.sync().await;
        story.converged(&format!("{kind:?}")).await;
    }
}

/// The last write of the first plan may be the one that the crash left open.
#[tokio::test]
async fn killed_at_the_end_of_the_first_plan_the_job_is_trusted_all_the_same() {
    let mut world = World::real().await;
    world.set("guard.first_cycle", "approve");
    world.join("Ada");
    world.stall(FaultKind::StallAfter, "POST", 1);
    let process = world.start(&["sync", "--yes"]);
    world.hangs().await;
    kill(&world, process).await;
    world.sync().await;
    world.join("Bob");
    world.sync().await.says("1 created");
}

/// What waited for an approval when the process died waits for it still.
#[tokio::test]
async fn killed_while_something_is_held_it_stays_held() {
    let mut world = World::real().await;
    world.set("guard.removals_per_cycle.count", "0");
    let [ada, bob, _] = ["Ada", "Bob", "Cy"].map(|name| world.join(name));
    world.sync().await;
    world.unassign(ada);
    world.edit(bob, json!({ "surname": "Builder" }));
    world.stall(FaultKind::StallAfter, "PATCH", 1);
    let process = world.start(&["sync"]);
    world.hangs().await;
    kill(&world, process).await;
    world.run(&["sync"]).await.exits(70).says("1 change waits for approval");
    assert!(!world.account("Ada").disabled);
    assert_eq!(world.account("Bob").last_name, "Builder");
    world.run(&["approve", "1"]).await.exits(0);
    world.sync().await;
    assert!(world.account("Ada").disabled);
}
