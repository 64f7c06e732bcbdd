//! Histories: people join, move and leave, accounts change by hand, requests fail, the program is
//! killed, and in the end everything is as it should be.
//!
//! A history follows from its seed alone. The cargo test runs a fixed set of short ones, and
//! `tests/simulate` any number of long ones.

mod announced;
mod dice;
mod faults;
mod group_hand;
mod groups;
mod hand;
mod steps;
pub mod truth;
mod watch;
pub mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sharefile_provisioner::cycle::{Asked, Engine, Turned};
use sharefile_provisioner::model::outcome::{CycleState, OutcomeStatus};
use sharefile_provisioner::model::plan::{CycleKind, HoldKind, PlannedChange};
use sharefile_provisioner::sandbox::faults::FaultKind;
use sharefile_provisioner::sandbox::graph::switches::Switches as GraphSwitches;
use sharefile_provisioner::sandbox::sharefile::AccountView;
use sharefile_provisioner::store::{HoldState, LogFilter};
use uuid::Uuid;

use crate::world::{World, asked};
use dice::Dice;
use groups::{GroupVerdict, Ties};
use steps::Directory;
use truth::{Complaints, Hand, Person, Truth, Verdict};
use watch::{Before, Course, Watch};
use ways::Ways;

/// How long, in real time, a cycle may take before the history counts as stuck.
const STUCK: Duration = Duration::from_secs(60);

/// How long a service is silent before it hangs up, on the clock of the history.
const SILENCE: Duration = Duration::from_secs(120);

/// What histories are like.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many things happen.
    pub steps: usize,
    /// How many people there are at most.
    pub people: usize,
    /// In how many of a hundred cycles something goes wrong.
    pub faults: usize,
}

impl fmt::Display for Settings {
    /// As `tests/simulate` takes them, for one history.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, people, faults } = self;
        write!(f, "--seeds 1 --steps {steps} --people {people} --faults {faults}")
    }
}

/// What happened, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub steps: u64,
    pub cycles: u64,
    pub failed: u64,
    pub partial: u64,
    pub faulty: u64,
    pub kills: u64,
    pub restarts: u64,
    pub previews: u64,
    pub created: u64,
    pub updated: u64,
    pub disabled: u64,
    pub deleted: u64,
    pub adopted: u64,
    pub unlinked: u64,
    pub writes: u64,
    pub held: u64,
    pub groups_created: u64,
    pub groups_changed: u64,
    pub groups_deleted: u64,
    pub members_added: u64,
    pub members_removed: u64,
}

impl Figures {
    /// Adds those of another history.
    pub fn add(&mut self, other: &Self) {
        let Self { steps, cycles, failed, partial, faulty, kills, restarts, previews, .. } = other;
        let Self { created, updated, disabled, deleted, adopted, unlinked, writes, held, .. } =
            other;
        self.steps += steps;
        self.cycles += cycles;
        self.failed += failed;
        self.partial += partial;
        self.faulty += faulty;
        self.kills += kills;
        self.restarts += restarts;
        self.previews += previews;
        self.created += created;
        self.updated += updated;
        self.disabled += disabled;
        self.deleted += deleted;
        self.adopted += adopted;
        self.unlinked += unlinked;
        self.writes += writes;
        self.held += held;
        self.groups_created += other.groups_created;
        self.groups_changed += other.groups_changed;
        self.groups_deleted += other.groups_deleted;
        self.members_added += other.members_added;
        self.members_removed += other.members_removed;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} steps, {} cycles ({} with faults, {} failed, {} partial), {} kills, {} restarts, \
             {} previews; {} created, {} updated, {} disabled, {} deleted, {} adopted, \
             {} links ended, {} groups created, {} changed, {} deleted, {} members in, {} out, \
             {} writes; {} objects held in the end",
            self.steps,
            self.cycles,
            self.faulty,
            self.failed,
            self.partial,
            self.kills,
            self.restarts,
            self.previews,
            self.created,
            self.updated,
            self.disabled,
            self.deleted,
            self.adopted,
            self.unlinked,
            self.groups_created,
            self.groups_changed,
            self.groups_deleted,
            self.members_added,
            self.members_removed,
            self.writes,
            self.held,
        )
    }
}

/// A history that did not end well.
#[derive(Debug)]
pub struct Broken {
    /// The seed that tells it again, with the same settings.
    pub seed: u64,
    /// What it was like.
    pub settings: Settings,
    /// What happened until then.
    pub steps: Vec<String>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {}:", self.seed, self.settings)?;
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{number:4} {step}")?;
        }
        writeln!(f, "seed {}: {}", self.seed, self.what)?;
        write!(f, "again: cargo test --test simulate -- --seed {} {}", self.seed, self.settings)
    }
}

/// Tells the histories of `count` seeds from `first` on, on all processors. `told` hears of each.
/// Returns the numbers of all that ended well, and those that did not, by seed.
pub fn tell_all(
    first: u64,
    count: u64,
    settings: Settings,
    told: &(dyn Fn(u64, Result<&Figures, &Broken>) + Sync),
) -> (Figures, Vec<Broken>) {
    let next = AtomicU64::new(first);
    let sum = Mutex::new((Figures::default(), Vec::new()));
    let workers = std::thread::available_parallelism().map_or(2, |workers| workers.get());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    let outcome = tell(seed, settings);
                    told(seed, outcome.as_ref());
                    let mut sum = sum.lock().expect("no history panics out of itself");
                    match outcome {
                        Ok(figures) => sum.0.add(&figures),
                        Err(broken) => sum.1.push(broken),
                    }
                }
            });
        }
    });
    let (figures, mut broken) = sum.into_inner().expect("no history panics out of itself");
    broken.sort_by_key(|broken| broken.seed);
    (figures, broken)
}

/// Tells one history. Everything runs on one thread, so that a seed tells the same story again.
///
/// # Errors
/// The first thing that is wrong, with all that led to it.
pub fn tell(seed: u64, settings: Settings) -> Result<Figures, Broken> {
    let trace = Arc::new(Mutex::new(Vec::new()));
    let told = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let mut story = Story::begin(seed, settings, trace.clone()).await?;
            story.go_on().await?;
            story.end().await
        })
    }));
    let what = match told {
        Ok(Ok(figures)) => return Ok(figures),
        Ok(Err(what)) => what,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("panicked: {}", text.unwrap_or("without a word"))
        }
    };
    let steps = std::mem::take(&mut *trace.lock().unwrap_or_else(|lock| lock.into_inner()));
    Err(Broken { seed, settings, steps, what })
}

/// A history under way.
struct Story {
    world: World,
    ways: Ways,
    dice: Dice,
    directory: Directory,
    hand: Hand,
    watch: Watch,
    figures: Figures,
    settings: Settings,
    engine: Option<Engine>,
    /// What the plans of the cycle announced.
    announced: Arc<Mutex<Vec<PlannedChange>>>,
    trace: Arc<Mutex<Vec<String>>>,
}

/// What is done in a cycle besides what always is.
#[derive(Clone, Copy, Debug, Default)]
struct Manner {
    full: bool,
    approve: bool,
    preview: bool,
    faulty: bool,
    kill: bool,
    stop_after: Option<usize>,
}

impl Story {
    async fn begin(
        seed: u64,
        settings: Settings,
        trace: Arc<Mutex<Vec<String>>>,
    ) -> Result<Self, String> {
        let mut dice = Dice::new(seed);
        let ways = Ways::draw(&mut dice);
        let world = ways.world(seed).await;
        let engine = world.engine();
        let directory = Directory::new(settings.people, ways.crowd);
        let mut story = Self {
            world,
            ways,
            dice,
            directory,
            hand: Hand::default(),
            watch: Watch::default(),
            figures: Figures::default(),
            settings,
            engine: Some(engine),
            announced: Arc::default(),
            trace,
        };
        story.say(format!("{:?}", story.ways));
        story.found().await?;
        Ok(story)
    }

    /// A company to begin with: two groups, some people, and an application among the assigned.
    async fn found(&mut self) -> Result<(), String> {
        let sandbox = &self.world.sandbox;
        let other = sandbox.entra.add_application("Another application");
        let role = sandbox.entra.role("User").expect("a role");
        sandbox.entra.assign(other, role).expect("an assignment");
        for _ in 0..2 {
            let said = self.directory.found_group(&self.world.sandbox, &mut self.dice);
            self.say(said);
        }
        for _ in 0..self.settings.people / 2 {
            let said = self.directory.join(&self.world.sandbox, &mut self.dice);
            said.into_iter().for_each(|said| self.say(said));
        }
        for _ in 0..self.settings.people / 5 {
            self.happen().await?;
        }
        Ok(())
    }

    async fn go_on(&mut self) -> Result<(), String> {
        for _ in 0..self.settings.steps {
            self.figures.steps += 1;
            self.happen().await?;
            if self.dice.chance(40) {
                let manner = self.manner();
                self.cycle(manner).await?;
            }
        }
        Ok(())
    }

    /// Lets something happen at either end, or time pass.
    async fn happen(&mut self) -> Result<(), String> {
        self.watch.something_else_changed();
        let hands = self.ways.hands;
        let said = match self.dice.below(100) {
            number if number < hands => {
                let store = &self.engine()?.store;
                let links = store.links().await.map_err(text)?;
                let groups = store.group_links().await.map_err(text)?;
                let (sandbox, dice) = (&self.world.sandbox, &mut self.dice);
                let (directory, hand) = (&mut self.directory, &mut self.hand);
                if self.ways.groups.is_some() && dice.chance(50) {
                    let open = self.watch.open();
                    group_hand::step(sandbox, dice, directory, &groups, &open, hand)
                } else {
                    hand::step(sandbox, dice, directory, &links, &self.watch, hand)
                }
            }
            96.. => {
                let hours = self.dice.weighed(&[(4, 2), (3, 30), (1, 8 * 24), (1, 31 * 24)]);
                self.world.clock.advance(Duration::from_secs(hours * 3600));
                Some(format!("{hours} hours pass"))
            }
            _ => Some(self.directory.step(&self.world.sandbox, &mut self.dice)),
        };
        if let Some(said) = said {
            self.say(said);
        }
        Ok(())
    }

    fn manner(&mut self) -> Manner {
        let faults = self.settings.faults;
        let dice = &mut self.dice;
        let faulty = dice.chance(faults);
        Manner {
            full: dice.chance(12),
            approve: dice.chance(60),
            preview: dice.chance(20),
            faulty,
            kill: faults > 0 && dice.chance(faults / 3),
            stop_after: dice.chance(6).then(|| dice.below(3)),
        }
    }

    fn engine(&self) -> Result<&Engine, String> {
        self.engine.as_ref().ok_or_else(|| "there is no engine".to_owned())
    }

    fn say(&self, what: String) {
        self.trace.lock().unwrap_or_else(|lock| lock.into_inner()).push(what);
    }

    fn truth(&self) -> Truth {
        Truth::of(&self.world.sandbox, &self.ways)
    }

    /// Ends the process, as it were, and begins another one on the same store.
    async fn restart(&mut self) -> Result<(), String> {
        if let Some(engine) = self.engine.take() {
            engine.store.close().await.map_err(text)?;
        }
        self.engine = Some(self.world.engine());
        self.figures.restarts += 1;
        Ok(())
    }

    /// One cycle, and all that must hold afterwards.
    async fn cycle(&mut self, manner: Manner) -> Result<(), String> {
        self.world.clock.advance(Duration::from_secs(20 * 60));
        if self.dice.chance(20) {
            self.restart().await?;
        }
        let foreseen = if manner.preview { Some(self.preview(manner).await?) } else { None };
        let veiled = self.set_faults(manner);
        let store = &self.engine()?.store;
        let before = Before {
            truth: self.truth(),
            links: store.links().await.map_err(text)?,
            groups: store.group_links().await.map_err(text)?,
        };
        let asked = Asked { full: manner.full, approve: manner.approve, ..asked() };
        let turned = self.turn(asked, manner).await?;
        self.world.sandbox.faults.clear();
        self.figures.cycles += 1;
        self.figures.faulty += u64::from(manner.faulty);
        match &turned {
            Some(turned) => self.note(turned),
            None => self.say("- killed".to_owned()),
        }
        let now = self.truth();
        let (sandbox, store) = (&self.world.sandbox, &self.engine()?.store.clone());
        let hand = &mut self.hand;
        let announced =
            std::mem::take(&mut *self.announced.lock().unwrap_or_else(|lock| lock.into_inner()));
        let course = Course { ways: &self.ways, announced: &announced, veiled };
        let mut wrong = self.watch.look(sandbox, store, &before, &now, hand, &course).await?;
        if let Some(turned) = turned {
            let quiet = !manner.faulty && manner.stop_after.is_none();
            self.judge(&turned, quiet, &now, &mut wrong).await?;
            // A preview does not compare everything at the target.
            let like = turned.report.kind != CycleKind::Drift;
            if let Some(foreseen) = foreseen.filter(|_| quiet && like && !manner.approve) {
                compare(&foreseen, turned.plan.as_ref().map(|plan| &plan.changes), &mut wrong);
            }
        }
        complain(wrong)
    }

    /// Sets the faults of a cycle, and returns whether web pages are among them.
    fn set_faults(&mut self, manner: Manner) -> bool {
        let faults = &self.world.sandbox.faults;
        let mut said = format!("- cycle {manner:?}");
        if manner.faulty {
            for fault in faults::draw(&mut self.dice) {
                said.push_str(&format!("; {}", faults::words(&fault)));
                faults.add(fault);
            }
        }
        if manner.kill {
            let fault = faults::stall(&mut self.dice);
            said.push_str(&format!("; {}", faults::words(&fault)));
            faults.add(fault);
        }
        let drawn = faults.list();
        self.hand.normalised |= drawn.iter().any(|fault| fault.kind == FaultKind::Normalised);
        let veiled = drawn.iter().any(|fault| fault.kind == FaultKind::Html);
        self.say(said);
        veiled
    }

    /// Takes a turn; `None` if the process was killed in it. Another one runs then.
    async fn turn(&mut self, asked: Asked, manner: Manner) -> Result<Option<Turned>, String> {
        let faults = self.world.sandbox.faults.clone();
        if let Some(engine) = &mut self.engine {
            engine.stop.store(false, Ordering::Relaxed);
            let stop = engine.stop.clone();
            engine.progress = match manner.stop_after {
                Some(after) => Box::new(move |done, _| {
                    stop.fetch_or(done > after, Ordering::Relaxed);
                }),
                None => Box::new(|_, _| {}),
            };
            let announced = self.announced.clone();
            engine.announce = Box::new(move |plan| {
                let mut announced = announced.lock().unwrap_or_else(|lock| lock.into_inner());
                announced.extend(plan.changes.iter().cloned());
            });
        }
        let engine = self.engine()?;
        let turned = {
            let cycle = tokio::time::timeout(STUCK, engine.turn(asked));
            tokio::pin!(cycle);
            loop {
                tokio::select! {
                    turned = &mut cycle => match turned {
                        Ok(turned) => break Some(turned.map_err(text)?),
                        Err(_) => return Err("the cycle is stuck".to_owned()),
                    },
                    () = faults.stalled() => {
                        if manner.kill {
                            break None;
                        }
                        // Nobody waits for real: the other end hangs up as late as a time-out comes.
                        self.world.clock.advance(SILENCE);
                        self.world.hang_up().await;
                    }
                }
            }
        };
        if turned.is_none() {
            self.figures.kills += 1;
            // Dropping the engine waits for its store, but nothing else is brought to an end.
            self.engine = None;
            faults.clear();
            self.world.hang_up().await;
            self.engine = Some(self.world.engine());
        }
        Ok(turned)
    }

    fn note(&mut self, turned: &Turned) {
        let report = &turned.report;
        let counts = &report.counts;
        self.figures.failed += u64::from(report.state == CycleState::Failed);
        self.figures.partial += u64::from(report.state == CycleState::Partial);
        self.figures.created += counts.created;
        self.figures.updated += counts.updated;
        self.figures.disabled += counts.disabled;
        self.figures.deleted += counts.deleted;
        self.figures.adopted += counts.adopted;
        self.figures.unlinked += counts.unlinked;
        self.figures.groups_created += counts.groups_created;
        self.figures.groups_changed += counts.groups_changed;
        self.figures.groups_deleted += counts.groups_deleted;
        self.figures.members_added += counts.members_added;
        self.figures.members_removed += counts.members_removed;
        let error = report.error.as_ref().map(|error| error.message.as_str()).unwrap_or("");
        let mut said = format!(
            "- {} {}: {} created, {} updated, {} disabled, {} adopted, {} ended, {} failed {error}",
            report.kind.word(),
            report.state.word(),
            counts.created,
            counts.updated,
            counts.disabled,
            counts.adopted,
            counts.unlinked,
            counts.failed,
        );
        if self.ways.groups.is_some() {
            said.push_str(&format!(
                "; groups {} created, {} changed, {} deleted, {} members in, {} out",
                counts.groups_created,
                counts.groups_changed,
                counts.groups_deleted,
                counts.members_added,
                counts.members_removed,
            ));
        }
        for hold in &turned.holds {
            let who: Vec<String> =
                hold.items.iter().map(|item| steps::short(item.anchor.0)).collect();
            said.push_str(&format!(" [{} {}]", hold.kind.name(), who.join(" ")));
        }
        for note in &report.notes {
            said.push_str(&format!(" ({note})"));
        }
        self.say(said);
    }

    /// Plans on a copy of the store, and returns what would be done. Nothing is written anywhere.
    async fn preview(&mut self, manner: Manner) -> Result<Option<Vec<PlannedChange>>, String> {
        self.figures.previews += 1;
        let counts = &self.world.sandbox.counts;
        let last = |counts: &sharefile_provisioner::sandbox::counts::Counts| {
            counts.writes().last().map(|write| write.seq)
        };
        let wrote = last(counts);
        let engine = self.world.preview_engine();
        let asked = Asked { preview: true, full: manner.full, ..asked() };
        let turned = engine.turn(asked).await.map_err(text)?;
        if last(counts) != wrote {
            return Err("a preview wrote to ShareFile".to_owned());
        }
        // What was changed by hand shows to a preview, which reads more than a cycle does.
        let comparable = !self.hand.unseen && turned.report.state == CycleState::Complete;
        Ok(turned.plan.filter(|_| comparable).map(|plan| plan.changes))
    }

    /// After a cycle in which nothing went wrong, everybody is where they belong, or held.
    async fn judge(
        &mut self,
        turned: &Turned,
        quiet: bool,
        now: &Truth,
        wrong: &mut Complaints,
    ) -> Result<(), String> {
        let report = &turned.report;
        if quiet && report.state == CycleState::Failed {
            wrong.push(format!("a cycle without faults failed: {:?}", report.error));
        }
        if report.state != CycleState::Complete {
            return Ok(());
        }
        if report.kind.reads_target() {
            self.hand.unseen = false;
        }
        if report.kind.reads_source() {
            self.directory.restored.clear();
        }
        if !quiet || self.hand.unseen {
            return Ok(());
        }
        let lost = self.hand.lost.clone();
        if report.kind == CycleKind::Incremental {
            self.hand.lost.clear();
        }
        let store = &self.engine()?.store;
        let filter = LogFilter {
            cycle: Some(report.id),
            status: Some(OutcomeStatus::Failure),
            ..LogFilter::default()
        };
        let failed = store.log(filter).await.map_err(text)?;
        let held = turned.holds.iter().flat_map(|hold| &hold.items).map(|item| item.anchor.0);
        let excused: BTreeSet<Uuid> =
            held.chain(failed.iter().map(|entry| entry.anchor.0)).collect();
        let links = store.links().await.map_err(text)?;
        let (hand, ways) = (&self.hand, &self.ways);
        let by_person: BTreeMap<Uuid, &str> =
            links.iter().map(|link| (link.anchor.0, link.target_id.as_str())).collect();
        let waits = |person: &Person, account: &AccountView| {
            let holder = person.mail.as_deref().and_then(|mail| now.holder(mail));
            let holder = holder.filter(|holder| holder.id != account.id);
            let owner = holder
                .and_then(|holder| links.iter().find(|link| link.target_id.as_str() == holder.id));
            owner.is_some_and(|owner| failed.iter().any(|entry| entry.anchor == owner.anchor))
        };
        for person in now.people.values().filter(|person| person.inside) {
            if excused.contains(&person.id) {
                continue;
            }
            match by_person.get(&person.id).and_then(|id| now.accounts.get(*id)) {
                // Whom the job never knew it does not miss when they come back into a group: the
                // change feed does not tell them from strangers. The next full read finds them.
                None if self.directory.restored.contains(&person.id) => {}
                None => wrong.push(format!("{} is inside, and has no account", person.id)),
                Some(account) if account.disabled || account.deleted => {
                    let how = if account.deleted { "gone" } else { "disabled" };
                    wrong.push(format!("{}: {} is inside, and is {how}", person.id, account.email));
                }
                // With an address that somebody fails to give up everything else waits.
                Some(account) if waits(person, account) => {}
                Some(account) => wrong.extend(now.differences(person, account, ways, hand)),
            }
        }
        let group_links = store.group_links().await.map_err(text)?;
        let ties = Ties { links: &links, groups: &group_links };
        let verdict = groups::verdict(now, &ties, ways, &hand.groups);
        let held_as = |anchor: Uuid, kind: HoldKind| {
            let mut holds = turned.holds.iter().filter(|hold| hold.kind == kind);
            holds.any(|hold| hold.items.iter().any(|item| item.anchor.0 == anchor))
        };
        for one in verdict.wrong {
            // Nor is anybody missed in a group whom the job did not know when they came back.
            let person = one.person.is_some_and(|person| {
                excused.contains(&person) || self.directory.restored.contains(&person)
            });
            // A group waits for a name no longer than another one has it.
            let in_vain = held_as(one.group, HoldKind::NameClash)
                && !verdict.held.contains(&(HoldKind::NameClash, one.group));
            let group = excused.contains(&one.group) && !in_vain;
            if !group && !person && !lost.contains(&one.group) {
                wrong.push(format!("{}: {}", one.group, one.what));
            }
        }
        for (person, id) in by_person {
            let Some(account) = now.accounts.get(id) else { continue };
            let open = !account.disabled && !account.deleted && !hand.enabled.contains(id);
            if open && now.inside(person).is_none() && !excused.contains(&person) {
                wrong.push(format!("{} left, and is not disabled", account.email));
            }
        }
        Ok(())
    }

    /// Nothing goes wrong any more: after three cycles everything is as it should be, and stays.
    async fn end(mut self) -> Result<Figures, String> {
        self.directory.repair_addresses(&self.world.sandbox);
        self.watch.something_else_changed();
        self.say("the end begins".to_owned());
        for full in [false, true, false] {
            self.cycle(Manner { full, approve: true, ..Manner::default() }).await?;
        }
        let now = self.truth();
        let store = self.engine()?.store.clone();
        let links = store.links().await.map_err(text)?;
        let Verdict { held: mut expected, mut wrong, unclear } =
            now.verdict(&links, &self.ways, &self.hand);
        let groups = store.group_links().await.map_err(text)?;
        let ties = Ties { links: &links, groups: &groups };
        let of_groups = groups::verdict(&now, &ties, &self.ways, &self.hand.groups);
        let GroupVerdict { held: held_groups, wrong: wrong_groups } = of_groups;
        expected.extend(held_groups);
        let told = |one: groups::Wrong| format!("{}: {}", one.group, one.what);
        wrong.extend(wrong_groups.into_iter().map(told));
        let mut held = BTreeSet::new();
        for hold in store.holds().await.map_err(text)? {
            if hold.state == HoldState::Open {
                held.extend(hold.items.iter().map(|item| (hold.kind, item.anchor.0)));
            }
        }
        let is_held = |person: &Uuid| held.iter().any(|(_, held)| held == person);
        for (kind, person) in expected.difference(&held) {
            // Somebody else got the account in the same cycle that found another reason.
            let otherwise = *kind == HoldKind::SharedAccount || unclear.contains(person);
            if !otherwise || !is_held(person) {
                wrong.push(format!("{person} is not held as {}", kind.name()));
            }
        }
        for (kind, person) in held.difference(&expected) {
            let shared = expected.contains(&(HoldKind::SharedAccount, *person));
            // Whether a deletion is due already is not for the truth to know.
            let due = *kind == HoldKind::ProtectedRemoval
                && self.ways.deletes
                && now.inside(*person).is_none();
            // Whom a group tells of, they are protected, and moved at some time.
            let group = *kind == HoldKind::Protected && now.groups.teams.contains_key(person);
            if !shared && !due && !group && !unclear.contains(person) {
                wrong.push(format!("{person} is held as {}", kind.name()));
            }
        }
        for orphan in &self.watch.orphans {
            wrong.push(format!("the job made {orphan}, and does not know it"));
        }
        let open = store.open_intents().await.map_err(text)?;
        if !open.is_empty() {
            wrong.push(format!("{} intents are open", open.len()));
        }
        complain(wrong)?;
        self.figures.held = held.len() as u64;
        self.figures.writes = self.watch.writes;
        // Who waits for a licence is looked at in every cycle.
        if !held.iter().any(|(kind, _)| *kind == HoldKind::LicenseLimitExceeded) {
            self.rest().await?;
        }
        Ok(self.figures)
    }

    /// Where nothing changes, a plan is empty, and a cycle asks Graph three times and ShareFile
    /// nothing.
    async fn rest(&mut self) -> Result<(), String> {
        let plan = self.world.plan().await.plan.ok_or("there is no plan")?;
        if !plan.is_empty() {
            return Err(format!("the plan is not empty: {:?} {:?}", plan.changes, plan.holds));
        }
        // An empty first page, where the change feed has one, is one more request.
        let graph = GraphSwitches { delta_empty_page: false, ..self.ways.graph.clone() };
        self.world.sandbox.entra.set_switches(graph);
        self.world.sandbox.counts.reset();
        let turned = self.turn(asked(), Manner::default()).await?;
        let asked = (self.world.graph_requests(), self.world.sharefile_requests());
        if asked != (3, 0) {
            let counts = self.world.sandbox.counts.by_endpoint();
            return Err(format!("a cycle at rest asked {counts:?}: {turned:?}"));
        }
        Ok(())
    }
}

/// Complains if what was done is not what a preview showed right before.
fn compare(
    foreseen: &Option<Vec<PlannedChange>>,
    done: Option<&Vec<PlannedChange>>,
    wrong: &mut Complaints,
) {
    let (Some(foreseen), Some(done)) = (foreseen, done) else { return };
    let hashes = |changes: &[PlannedChange]| -> BTreeSet<_> {
        changes.iter().map(|change| (change.anchor, change.hash)).collect()
    };
    if hashes(foreseen) != hashes(done) {
        wrong.push(format!("the preview showed {foreseen:?}, and the plan was {done:?}"));
    }
}

fn complain(wrong: Complaints) -> Result<(), String> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n     ")) }
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}
