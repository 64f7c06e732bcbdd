//! A daemon that goes on for years: when it reads everything again, what a mistake of its own does
//! to it, and what it knows of the tenant that it writes to.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use sharefile_provisioner::clock::{Clock, SystemClock};
use sharefile_provisioner::cycle::Asked;
use sharefile_provisioner::cycle::schedule::Rhythm;
use sharefile_provisioner::cycle::worker::{WorkerSettings, work};
use sharefile_provisioner::model::group::SourceGroup;
use sharefile_provisioner::model::identity::{Assignment, Presence, SourceUser};
use sharefile_provisioner::model::ids::{SourceAnchor, Timestamp, Watermark};
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::model::plan::{CycleKind, HoldKind};
use sharefile_provisioner::model::row::AttributeRow;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::source::{
    Changes, CountedAssignments, GroupMembers, MembersNow, Source, SourceApplication, SourceError,
};
use sharefile_provisioner::store::Store;
use tokio_util::sync::CancellationToken;

use crate::world::{START, World, asked, held};

const HOUR: Duration = Duration::from_secs(3_600);

impl World {
    async fn kind(&self) -> CycleKind {
        self.cycle().await.report.kind
    }
}

#[tokio::test]
async fn everything_is_read_again_after_an_hour_and_then_each_week() {
    let world = World::empty().await;
    world.join("Ada");
    assert_eq!(world.kind().await, CycleKind::Initial);
    world.clock.advance(HOUR / 2);
    // One that is asked for earlier does not count as the second one.
    assert_eq!(world.full().await.report.kind, CycleKind::Full);
    world.clock.advance(HOUR / 2 - Duration::from_secs(60));
    assert_eq!(world.kind().await, CycleKind::Incremental);
    world.clock.advance(Duration::from_secs(120));
    assert_eq!(world.kind().await, CycleKind::Full, "an hour after the first");
    world.clock.advance(HOUR);
    assert_eq!(world.kind().await, CycleKind::Incremental, "once is enough");
    for _ in 0..6 {
        world.clock.advance(HOUR * 24);
        assert_eq!(world.kind().await, CycleKind::Drift, "each day at the target");
    }
    world.clock.advance(HOUR * 24);
    assert_eq!(world.kind().await, CycleKind::Full, "a week later");
    assert_eq!(world.kind().await, CycleKind::Incremental);
}

#[tokio::test]
async fn a_full_read_that_failed_is_made_up_for() {
    let world = World::empty().await;
    world.join("Ada");
    world.cycle().await;
    world.clock.advance(HOUR);
    // Both ends: the source, and the lists of the target, after the import.
    for endpoint in ["appRoleAssignedTo", "Accounts/Employees"] {
        world.sandbox.faults.add(Fault::new(FaultKind::Html).at(endpoint));
        let turned = world.turn(asked()).await;
        let ended = (turned.report.kind, turned.report.state);
        assert_eq!(ended, (CycleKind::Full, CycleState::Failed), "{endpoint}");
        world.sandbox.faults.clear();
    }
    assert_eq!(world.kind().await, CycleKind::Full);
    assert_eq!(world.kind().await, CycleKind::Incremental);
}

#[tokio::test]
async fn a_clock_that_was_wrong_does_not_put_off_full_reads_for_ever() {
    let world = World::empty().await;
    world.join("Ada");
    // The host begins in the future, and learns the time later.
    world.clock.set(START.plus_ms(400 * 86_400_000));
    assert_eq!(world.kind().await, CycleKind::Initial);
    world.clock.set(START.plus_ms(400 * 86_400_000 - 5_000));
    assert_eq!(world.kind().await, CycleKind::Full, "rather now than never");
    assert_eq!(world.kind().await, CycleKind::Incremental);
    world.clock.advance(HOUR * 24 * 7);
    assert_eq!(world.kind().await, CycleKind::Full);
}

#[tokio::test]
async fn status_says_when_everything_is_read_next() {
    let world = World::empty().await;
    world.join("Ada");
    world.cycle().await;
    let ran = world.ran(&["status", "--json"]).await;
    let status: serde_json::Value = serde_json::from_str(&ran.text).expect("JSON");
    // The program knows the time of the machine, which may be before or after that of the story.
    let last = status["last_full_at"].as_i64().expect("a time");
    let next = status["next_full_at"].as_i64().expect("a time");
    let now = SystemClock::new().now();
    let expected = if last > now.0 { next <= now.0 } else { next == last + 3_600_000 };
    assert!(expected, "{status}");
    let ran = world.ran(&["status"]).await;
    assert!(ran.text.contains(&format!(", the next from {} on", Timestamp(next))) || last > now.0);
}

/// A source with a mistake in it, once, or one that does not find everybody whom it lists.
struct Mistaken {
    source: Arc<dyn Source>,
    due: AtomicBool,
    nobody_finds: Mutex<BTreeSet<SourceAnchor>>,
    /// Whose row the next read of the list loses.
    loses: Mutex<Option<SourceAnchor>>,
    /// What an index that is behind shows of the list, with a count of its own.
    behind: Mutex<Option<Vec<Assignment>>>,
}

impl Mistaken {
    fn around(source: Arc<dyn Source>) -> Arc<Self> {
        Arc::new(Self {
            source,
            due: AtomicBool::new(false),
            nobody_finds: Mutex::default(),
            loses: Mutex::default(),
            behind: Mutex::default(),
        })
    }

    fn found(&self, mut users: Vec<SourceUser>) -> Vec<SourceUser> {
        let missing = self.nobody_finds.lock().expect("no panic");
        for user in users.iter_mut().filter(|user| missing.contains(&user.anchor)) {
            user.presence = Presence::HardDeleted;
            user.attributes = AttributeRow::default();
        }
        users
    }
}

#[async_trait]
impl Source for Mistaken {
    async fn describe(&self) -> Result<SourceApplication, SourceError> {
        self.source.describe().await
    }

    async fn start(&self) -> Result<Watermark, SourceError> {
        self.source.start().await
    }

    async fn assignments(&self, application: SourceAnchor) -> Result<Vec<Assignment>, SourceError> {
        assert!(!self.due.swap(false, Ordering::SeqCst), "an assumption that does not hold");
        let mut rows = self.source.assignments(application).await?;
        if let Some(lost) = self.loses.lock().expect("no panic").take() {
            rows.retain(|row| row.principal != lost);
        }
        Ok(rows)
    }

    async fn counted_assignments(
        &self,
        application: SourceAnchor,
    ) -> Result<CountedAssignments, SourceError> {
        if let Some(rows) = self.behind.lock().expect("no panic").take() {
            return Ok(CountedAssignments { rows, complete: Some(true) });
        }
        self.source.counted_assignments(application).await
    }

    async fn members_now(&self, groups: &[SourceAnchor]) -> Result<MembersNow, SourceError> {
        self.source.members_now(groups).await
    }

    async fn users_now(&self, anchors: &[SourceAnchor]) -> Result<Vec<SourceUser>, SourceError> {
        Ok(self.found(self.source.users_now(anchors).await?))
    }

    async fn members(&self, groups: &[SourceAnchor]) -> Result<GroupMembers, SourceError> {
        self.source.members(groups).await
    }

    async fn users(&self, anchors: &[SourceAnchor]) -> Result<Vec<SourceUser>, SourceError> {
        Ok(self.found(self.source.users(anchors).await?))
    }

    async fn groups(&self, groups: &[SourceAnchor]) -> Result<Vec<SourceGroup>, SourceError> {
        self.source.groups(groups).await
    }

    async fn transitive_counts(
        &self,
        groups: &[SourceAnchor],
    ) -> Result<Vec<(SourceAnchor, u64)>, SourceError> {
        self.source.transitive_counts(groups).await
    }

    async fn changes(&self, watermark: &Watermark) -> Result<Changes, SourceError> {
        self.source.changes(watermark).await
    }

    fn requests(&self) -> u64 {
        self.source.requests()
    }

    fn clock_ahead_ms(&self) -> Option<i64> {
        Some(0)
    }
}

#[tokio::test]
async fn a_panic_ends_its_cycle_and_not_the_schedule() {
    let world = World::empty().await;
    world.join("Ada");
    let mut engine = world.engine();
    let source = Mistaken::around(engine.source.clone());
    source.due.store(true, Ordering::SeqCst);
    engine.source = source;
    // The worker looks for requests again and again, which would let a clock that jumps race.
    engine.clock = Arc::new(SystemClock::new());
    let engine = Arc::new(engine);
    let settings =
        WorkerSettings { rhythm: Rhythm::EachTick, cron: None, jitter: 0, cycles: Some(2) };
    work(engine.clone(), settings, CancellationToken::new(), async |_| {}).await.expect("work");
    let cycles = engine.store.cycles(0).await.expect("the cycles");
    let states: Vec<CycleState> = cycles.iter().rev().map(|report| report.state).collect();
    assert_eq!(states, [CycleState::Failed, CycleState::Complete]);
    let error = cycles[1].error.as_ref().expect("an error");
    assert!(error.message.contains("an assumption that does not hold"), "{error:?}");
    assert!(error.remedy.contains("mistake of this program") && cycles[1].ended_at.is_some());
    assert!(!world.account("Ada").disabled);
}

/// A list that lost a row, and a count that comes from before the row was made.
#[tokio::test]
async fn a_count_that_is_behind_confirms_nothing() {
    let world = World::empty().await;
    for number in 0..6 {
        world.join(&format!("P{number}"));
    }
    let mut engine = world.engine();
    let source = Mistaken::around(engine.source.clone());
    engine.source = source.clone();
    let turn = async || engine.turn(asked()).await.expect("a recorded cycle").report.counts;
    turn().await;
    let old = engine.store.assignments().await.expect("the rows");
    let new = world.join("New");
    assert_eq!(turn().await.created, 1);
    world.join("Newer");
    *source.loses.lock().expect("no panic") = Some(SourceAnchor(new));
    *source.behind.lock().expect("no panic") = Some(old);
    let counts = turn().await;
    assert_eq!((counts.created, counts.disabled), (1, 0));
    assert!(!world.account("New").disabled);
    assert_eq!(turn().await.done(), 0);
    engine.store.close().await.expect("a closed store");
}

/// Somebody so new that the lists have them, and nobody else: neither people nor recycle bin.
#[tokio::test]
async fn whom_nobody_finds_yet_is_asked_for_in_each_cycle() {
    let world = World::empty().await;
    let known = world.join("Known");
    world.join("Other");
    let mut engine = world.engine();
    let source = Mistaken::around(engine.source.clone());
    engine.source = source.clone();
    let turn = async |full| {
        let turned = engine.turn(Asked { full, ..asked() }).await.expect("a recorded cycle");
        assert_eq!(turned.report.state, CycleState::Complete, "{:?}", turned.report);
        let counts = turned.report.counts;
        (counts.created, counts.disabled, counts.unread)
    };
    assert_eq!(turn(false).await, (2, 0, 0));
    let (row, member) = (world.join("Row"), world.person("Member"));
    world.group("Group", &[]);
    let late = world.group("Late", &[]);
    world.sandbox.entra.add_member(late, member).expect("a member");
    let missing = [row, member].map(SourceAnchor);
    source.nobody_finds.lock().expect("no panic").extend(missing);
    assert_eq!(turn(false).await, (0, 0, 2), "in a row, and in a list");
    assert_eq!(turn(false).await, (0, 0, 2));
    assert_eq!(turn(true).await, (0, 0, 2), "a full read knows no more");
    source.nobody_finds.lock().expect("no panic").clear();
    assert_eq!(turn(false).await, (2, 0, 0), "and now they are found");
    // Who has an account, and is nowhere any more, has left.
    world.sandbox.entra.hard_delete_person(known).expect("a person");
    assert_eq!(turn(true).await, (0, 1, 0));
    engine.store.close().await.expect("a closed store");
}

/// Whom the tenant protects may change between two full reads, in a daemon that knows the tenant.
#[tokio::test]
async fn a_running_daemon_learns_who_is_protected_before_it_writes() {
    let world = World::empty().await;
    let people: Vec<_> = (0..8).map(|n| world.join(&format!("P{n}"))).collect();
    let engine = world.engine();
    let turn = async || engine.turn(asked()).await.expect("a recorded cycle");
    turn().await;
    for (person, event) in [(0, "renamed"), (1, "unassigned")] {
        let id = world.account(&format!("P{person}")).id;
        let patch = json!({ "super_user": true });
        world.sandbox.sharefile.edit_account(&id, patch).expect("an edit");
        match event {
            "renamed" => {
                world.sandbox.entra.set_person(people[0], "surname", "Other").expect("an edit");
            }
            _ => world.unassign(people[1]),
        }
        world.clock.advance(Duration::from_secs(900));
        world.sandbox.counts.reset();
        let turned = turn().await;
        let kind = if person == 0 { HoldKind::Protected } else { HoldKind::ProtectedRemoval };
        assert!(held(&turned).contains(&(kind, format!("p{person}"))), "{event}: {turned:?}");
        assert!(world.writes().is_empty(), "{event}");
        // Once read, the tenant is known for some minutes; without a change nobody asks.
        assert_eq!(world.asked("Contacts"), 1, "{event}");
    }
    world.clock.advance(Duration::from_secs(900));
    world.sandbox.counts.reset();
    turn().await;
    assert_eq!(world.sharefile_requests(), 0, "nothing to do, nothing to ask");
}

#[tokio::test]
async fn holds_that_were_answered_are_shown_with_their_answer() {
    let mut world = World::empty().await;
    world.set("guard.first_cycle", "approve");
    world.join("Ada");
    world.cycle().await;
    let rejected = world.ran(&["reject", "1"]).await;
    assert_eq!(rejected.code, 0, "{rejected:?}");
    let holds = world.ran(&["holds"]).await;
    assert!(holds.text.starts_with("Nothing waits for a person.\n\nAnswered:"), "{holds:?}");
    assert!(holds.text.contains("Hold 1 · FirstCycle · rejected by "), "{holds:?}");
    assert!(holds.text.contains("create ada@contoso.example"), "{holds:?}");
    let json = world.ran(&["holds", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.text).expect("JSON");
    assert_eq!((&json[0]["state"], json.as_array().map(Vec::len)), (&json!("rejected"), Some(1)));
    assert!(json[0]["answered_at"].is_i64() && json[0]["answered_by"].is_string(), "{json}");
    // It waits for nobody any more.
    let store = Store::read_only(&world.job().store).expect("the store");
    assert!(store.holds().await.expect("the holds").is_empty());
}
