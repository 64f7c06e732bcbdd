//! One cycle, from beginning to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracing::{info, warn};
use xxhash_rust::xxh3::xxh3_128;

use crate::apply::{Applied, Applier, Recovered, apply, recover};
use crate::clock::Clock;
use crate::model::ids::{ContentHash, CycleId, SourceAnchor, Timestamp};
use crate::model::outcome::{CycleCounts, CycleReport, CycleState};
use crate::model::plan::{CheckedPlan, CycleKind, HoldKind, Plan};
use crate::plan::rules::Rules;
use crate::plan::{PlanInput, Planned, TargetView, check, plan};
use crate::source::Source;
use crate::store::{self, Answer, JobState, Pins, PlanData, Store, StoredHold, Subject, Subjects};
use crate::target::Target;

use super::failure::CycleFailure;
use super::import::{Imported, Importer};
use super::lookup::Lookups;
use super::saved::SavedPlan;

/// Rounds of look-ups before planning is given up as endless.
const ROUNDS: u32 = 6;

/// How often a cycle plans objects again that met something else than was planned.
const REPLANS: u32 = 2;

/// What an engine needs to know besides its two ends and its store.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// The compiled rules.
    pub rules: Rules,
    /// Which application and tenant the configuration names: another text makes the application
    /// be looked for again.
    pub application_key: String,
    /// Requests to the target under way at once.
    pub in_flight: usize,
    /// How long an approval is good for.
    pub approval_valid: Duration,
    /// How old the last full read may become.
    pub full_every: Option<Duration>,
}

/// What is asked of a cycle.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Who asks: `schedule`, or a command.
    pub by: String,
    /// Read everything.
    pub full: bool,
    /// Approve what the guard holds, as it is seen in this cycle.
    pub approve: bool,
    /// Plan, and write nothing.
    pub preview: bool,
    /// Apply this plan exactly, or nothing.
    pub saved: Option<SavedPlan>,
    /// Stop at a change boundary when this time has passed since the beginning.
    pub budget: Option<Duration>,
}

/// What came of a cycle.
#[derive(Debug)]
pub struct Turned {
    /// The report, as the store keeps it.
    pub report: CycleReport,
    /// The plan, unless there was none.
    pub plan: Option<Plan>,
    /// What waits for a person, after this cycle.
    pub holds: Vec<StoredHold>,
    /// A saved plan was refused, because of these differences.
    pub refused: Vec<String>,
}

/// A job: a source, a target and a store.
pub struct Engine {
    /// Is read.
    pub source: Arc<dyn Source>,
    /// Is kept in step.
    pub target: Arc<dyn Target>,
    /// Remembers.
    pub store: Store,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What the engine needs to know.
    pub settings: EngineSettings,
    /// Set to stop at the next change boundary.
    pub stop: Arc<AtomicBool>,
    /// Told about progress: how many changes are done, of how many.
    pub progress: Box<dyn Fn(usize, usize) + Send + Sync>,
    target_checked: AtomicBool,
}

impl Engine {
    /// Puts a job together.
    pub fn new(
        source: Arc<dyn Source>,
        target: Arc<dyn Target>,
        store: Store,
        clock: Arc<dyn Clock>,
        settings: EngineSettings,
    ) -> Self {
        Self {
            source,
            target,
            store,
            clock,
            settings,
            stop: Arc::new(AtomicBool::new(false)),
            progress: Box::new(|_, _| {}),
            target_checked: AtomicBool::new(false),
        }
    }

    /// Takes one turn. A failure of the cycle is part of its report.
    ///
    /// # Errors
    /// The store's, when not even the report can be kept.
    ///
    /// # Guarantees
    /// After a crash at any instant the next turn settles what was open, and converges.
    pub async fn turn(&self, asked: Asked) -> Result<Turned, store::StoreError> {
        let started_at = self.clock.now();
        let job = self.store.job().await?;
        let kind = self.kind(&job, &asked, started_at);
        let id = self.store.begin_cycle(kind, asked.by.clone(), started_at).await?;
        let sent = (self.source.requests(), self.target.requests());
        let mut cycle = Cycle {
            engine: self,
            asked: &asked,
            id,
            started: self.clock.monotonic(),
            report: CycleReport {
                id,
                kind,
                initiated_by: asked.by.clone(),
                started_at,
                ended_at: None,
                state: CycleState::Running,
                counts: CycleCounts::default(),
                notes: Vec::new(),
                error: None,
            },
            plan: None,
            refused: Vec::new(),
        };
        let ended = cycle.run(job).await;
        let Cycle { mut report, plan, refused, .. } = cycle;
        match ended {
            Ok(state) => report.state = state,
            Err(failure) => {
                let error = failure.report();
                warn!(cycle.id = %id, "the cycle failed: {}", error.message);
                report.state = CycleState::Failed;
                report.error = Some(error);
            }
        }
        report.counts.source_requests = self.source.requests() - sent.0;
        report.counts.target_requests = self.target.requests() - sent.1;
        report.ended_at = Some(self.clock.now());
        self.store.end_cycle(report.clone()).await?;
        info!(
            cycle.id = %id,
            created = report.counts.created,
            updated = report.counts.updated,
            disabled = report.counts.disabled,
            failed = report.counts.failed,
            "{} cycle {}",
            report.kind.word(),
            report.state.word()
        );
        let holds = self.store.holds().await?;
        Ok(Turned { report, plan, holds, refused })
    }

    /// Returns the hash of what is asked of the source, to which the watermark is bound.
    fn query_hash(&self) -> String {
        let query = (&self.settings.rules.source_attributes, &self.settings.application_key);
        let text = serde_json::to_vec(&query).unwrap_or_default();
        ContentHash(xxh3_128(&text)).to_string()
    }

    fn kind(&self, job: &JobState, asked: &Asked, now: Timestamp) -> CycleKind {
        let bound = job.watermark.as_ref().is_some_and(|(_, hash)| *hash == self.query_hash());
        let age = job.last_full_at.map(|at| Duration::from_millis(now.ms_since(at)));
        let due = match (self.settings.full_every, age) {
            (Some(every), Some(age)) => age >= every,
            _ => false,
        };
        if !bound {
            CycleKind::Initial
        } else if asked.full || due || asked.saved.as_ref().is_some_and(|saved| saved.full) {
            CycleKind::Full
        } else {
            CycleKind::Incremental
        }
    }
}

/// A cycle under way.
struct Cycle<'a> {
    engine: &'a Engine,
    asked: &'a Asked,
    id: CycleId,
    started: Duration,
    report: CycleReport,
    plan: Option<Plan>,
    refused: Vec<String>,
}

/// How planning of one cycle ended.
struct Decided {
    checked: CheckedPlan,
    view: TargetView,
}

impl Cycle<'_> {
    async fn run(&mut self, job: JobState) -> Result<CycleState, CycleFailure> {
        let engine = self.engine;
        let job = self.application(job).await?;
        let job = self.recover(job).await?;
        let imported = self.import(&job).await?;
        if self.asked.approve {
            // Approval in advance is for what is held as it is seen in this cycle.
            self.plan_again(HoldKind::approvable).await?;
        }
        let everybody = self.report.kind != CycleKind::Incremental || self.rules_changed(&job);
        let subjects = if everybody { Subjects::All } else { Subjects::Waiting };
        let data = engine.store.plan_data(subjects).await?;
        let mut view = self.first_view(&job);
        if self.report.kind != CycleKind::Incremental {
            self.read_tenant(&mut view).await?;
            self.lookups().lists(&mut view).await?;
        }
        let Decided { checked, view } = self.decide(&job, &imported, &data, view).await?;
        let checked = match self.with_approval(&job, &imported, &data, view, checked).await? {
            Some(checked) => checked,
            None => return Ok(CycleState::Complete),
        };
        self.apply(&job, &imported, checked).await
    }

    /// Settles what an interruption left open. What had taken effect of the job's first plan makes
    /// it a plan that was applied, as it would have been without the interruption.
    async fn recover(&mut self, job: JobState) -> Result<JobState, CycleFailure> {
        let Recovered { settled, done } = recover(&self.applier(&|| false, &|_| {})).await?;
        if settled > 0 {
            let (writes, were) = if settled == 1 { ("write", "was") } else { ("writes", "were") };
            self.report
                .notes
                .push(format!("{settled} {writes} that an interruption left open {were} settled."));
        }
        if done == 0 || job.first_plan_done {
            return Ok(job);
        }
        let store = &self.engine.store;
        store.set_first_plan_done().await?;
        self.plan_again(|kind| kind == HoldKind::FirstCycle).await?;
        Ok(store.job().await?)
    }

    /// Marks what earlier cycles held to be planned in this one.
    async fn plan_again(&self, held: impl Fn(HoldKind) -> bool) -> Result<(), CycleFailure> {
        let store = &self.engine.store;
        let holds = store.holds().await?;
        let items = holds.iter().filter(|hold| held(hold.kind)).flat_map(|hold| &hold.items);
        let subjects = items.map(|item| Subject { anchor: item.anchor, verify: false });
        store.mark_subjects(subjects.collect()).await?;
        Ok(())
    }

    /// Finds the application, unless it is known already, and pins it.
    async fn application(&mut self, job: JobState) -> Result<JobState, CycleFailure> {
        let key = &self.engine.settings.application_key;
        let known = job.application.as_ref().is_some_and(|known| known.key == *key);
        if known && job.pins.is_some() && self.report.kind == CycleKind::Incremental {
            return Ok(job);
        }
        self.describe().await?;
        Ok(self.engine.store.job().await?)
    }

    async fn describe(&self) -> Result<Pins, CycleFailure> {
        let engine = self.engine;
        let found = engine.source.describe().await?;
        let pins = Pins {
            tenant_id: found.tenant_id,
            application_id: found.application_id,
            account_id: None,
        };
        engine.store.pin(pins.clone()).await?;
        let key = engine.settings.application_key.clone();
        engine.store.set_application(key, found.roles, found.display_name).await?;
        Ok(pins)
    }

    async fn import(&mut self, job: &JobState) -> Result<Imported, CycleFailure> {
        let engine = self.engine;
        let pins = match &job.pins {
            Some(pins) => pins.clone(),
            None => self.describe().await?,
        };
        let query_hash = engine.query_hash();
        let importer = Importer {
            source: engine.source.as_ref(),
            store: &engine.store,
            application: pins.application_id,
            query_hash: &query_hash,
            now: engine.clock.now(),
        };
        let watermark = job.watermark.as_ref().map(|(watermark, _)| watermark);
        let mut imported = importer.import(self.report.kind, watermark).await?;
        self.report.kind = imported.kind;
        self.report.notes.append(&mut imported.notes);
        let declared = job.application.as_ref().map(|known| &known.roles);
        let unknown = |role: &uuid::Uuid| {
            !declared.is_some_and(|roles| roles.iter().any(|known| known.id == *role))
        };
        if self.report.kind == CycleKind::Incremental && imported.roles.iter().any(unknown) {
            self.describe().await?;
        }
        Ok(imported)
    }

    fn rules_changed(&self, job: &JobState) -> bool {
        job.rules_hash.is_some_and(|hash| hash != self.engine.settings.rules.hash())
    }

    /// The tenant as last read serves within one process; a new process reads it before it writes.
    fn first_view(&self, job: &JobState) -> TargetView {
        let mut view = TargetView::default();
        if self.engine.target_checked.load(Ordering::Relaxed) {
            view.tenant = job.target_account.as_ref().map(|(tenant, _)| tenant.clone());
        }
        view
    }

    async fn read_tenant(&self, view: &mut TargetView) -> Result<(), CycleFailure> {
        let engine = self.engine;
        let tenant = engine.target.account().await?;
        if let Some(mut pins) = engine.store.job().await?.pins {
            pins.account_id = Some(tenant.account_id.clone());
            engine.store.pin(pins).await?;
        }
        engine.store.set_target_account(tenant.clone(), engine.clock.now()).await?;
        engine.target_checked.store(true, Ordering::Relaxed);
        view.tenant = Some(tenant);
        view.seats_fresh = true;
        Ok(())
    }

    fn lookups(&self) -> Lookups<'_> {
        Lookups {
            target: self.engine.target.as_ref(),
            store: &self.engine.store,
            in_flight: self.engine.settings.in_flight,
        }
    }

    /// Plans, answering look-ups until nothing is missing, and checks the plan.
    async fn decide(
        &self,
        job: &JobState,
        imported: &Imported,
        data: &PlanData,
        mut view: TargetView,
    ) -> Result<Decided, CycleFailure> {
        let engine = self.engine;
        let job = if imported.roles.is_empty() { job.clone() } else { engine.store.job().await? };
        let answered = engine.store.answered(engine.clock.now()).await?;
        let subjects: Vec<SourceAnchor> =
            data.subjects.iter().map(|subject| subject.anchor).collect();
        let verify: Vec<SourceAnchor> = data
            .subjects
            .iter()
            .filter(|subject| subject.verify)
            .map(|subject| subject.anchor)
            .collect();
        let roles =
            job.application.as_ref().map(|known| known.roles.as_slice()).unwrap_or_default();
        for _ in 0..ROUNDS {
            let input = PlanInput {
                kind: self.report.kind,
                rules: &engine.settings.rules,
                roles,
                subjects: &subjects,
                verify: &verify,
                verify_all: self.asked.preview || self.asked.saved.is_some(),
                users: &data.users,
                assignments: &data.assignments,
                memberships: &data.memberships,
                links: &data.links,
                target: &view,
                active_links: data.active_links,
                anybody_assigned: !imported.roles.is_empty()
                    || (imported.default_access && engine.settings.rules.default_access),
                first_plan: !job.first_plan_done,
                rules_changed: self.rules_changed(&job),
                approved: &answered.approved,
                rejected: &answered.rejected_in,
            };
            let needs = match plan(&input) {
                Planned::Plan(plan) => {
                    let checked = check::check(plan, &input)
                        .map_err(|violations| CycleFailure::Unsound { violations })?;
                    return Ok(Decided { checked, view });
                }
                Planned::Needs(needs) => needs,
            };
            if needs.tenant {
                self.read_tenant(&mut view).await?;
            } else if needs.seats {
                let seats = engine.target.seats().await?;
                if let Some(tenant) = &mut view.tenant {
                    tenant.seats = seats;
                }
                view.seats_fresh = true;
            }
            self.lookups().answer(&needs, &mut view).await?;
        }
        Err(CycleFailure::Endless { rounds: ROUNDS })
    }

    /// Records what waits. With approval given in advance, approves it as seen and plans again; a
    /// saved plan is reduced to what was saved. `None` means that nothing is to be applied.
    async fn with_approval(
        &mut self,
        job: &JobState,
        imported: &Imported,
        data: &PlanData,
        view: TargetView,
        checked: CheckedPlan,
    ) -> Result<Option<CheckedPlan>, CycleFailure> {
        let engine = self.engine;
        self.plan = Some(checked.plan().clone());
        self.count(checked.plan());
        let holds = self.record_holds(data, checked.plan()).await?;
        if self.asked.preview {
            return Ok(None);
        }
        if let Some(saved) = &self.asked.saved {
            return match saved.reduce(checked.plan().clone()) {
                Ok(reduced) => {
                    self.plan = Some(reduced.clone());
                    Ok(Some(checked.reduced_to(&reduced)))
                }
                Err(differences) => {
                    self.refused = differences;
                    Ok(None)
                }
            };
        }
        let waiting: Vec<&StoredHold> = holds
            .iter()
            .filter(|hold| hold.kind.approvable() && hold.state == store::HoldState::Open)
            .collect();
        if !self.asked.approve || waiting.is_empty() {
            return Ok(Some(checked));
        }
        let now = engine.clock.now();
        let valid = i64::try_from(engine.settings.approval_valid.as_millis()).unwrap_or(i64::MAX);
        for hold in waiting {
            let until = now.plus_ms(valid);
            let answer = Answer::Approve { until };
            engine.store.answer_hold(hold.id, answer, self.asked.by.clone(), now).await?;
        }
        let decided = self.decide(job, imported, data, view).await?;
        self.plan = Some(decided.checked.plan().clone());
        self.count(decided.checked.plan());
        self.record_holds(data, decided.checked.plan()).await?;
        Ok(Some(decided.checked))
    }

    fn count(&mut self, plan: &Plan) {
        self.report.counts.held = plan.holds.iter().map(|hold| hold.items.len() as u64).sum();
        self.report.counts.unread = plan.counts.unread;
    }

    async fn record_holds(
        &self,
        data: &PlanData,
        plan: &Plan,
    ) -> Result<Vec<StoredHold>, CycleFailure> {
        let planned = data.subjects.iter().map(|subject| subject.anchor).collect();
        let planned = store::Planned::These(planned);
        let now = self.engine.clock.now();
        Ok(self.engine.store.record_holds(plan.holds.clone(), planned, now).await?)
    }

    async fn apply(
        &mut self,
        job: &JobState,
        imported: &Imported,
        checked: CheckedPlan,
    ) -> Result<CycleState, CycleFailure> {
        let mut checked = checked;
        let mut replanned = 0;
        loop {
            let applied = self.apply_once(&checked).await?;
            self.add(&applied.counts);
            self.settle(job, &checked, &applied).await?;
            if let Some(fatal) = applied.fatal {
                return Err(fatal.into());
            }
            if applied.stopped {
                return Ok(CycleState::Partial);
            }
            if applied.replan.is_empty() || replanned >= REPLANS || self.asked.saved.is_some() {
                return Ok(CycleState::Complete);
            }
            replanned += 1;
            // Only the objects that met something else are planned again, with fresh look-ups.
            let data = self.engine.store.plan_data(Subjects::Waiting).await?;
            let data = only(data, &applied.replan);
            let job = self.engine.store.job().await?;
            let view = self.first_view(&job);
            let decided = self.decide(&job, imported, &data, view).await?;
            self.record_holds(&data, decided.checked.plan()).await?;
            checked = decided.checked;
        }
    }

    async fn apply_once(&self, checked: &CheckedPlan) -> Result<Applied, CycleFailure> {
        let total = checked.plan().changes.len();
        let stop = || {
            let spent = self.engine.clock.monotonic().saturating_sub(self.started);
            let over = self.asked.budget.is_some_and(|budget| spent >= budget);
            over || self.engine.stop.load(Ordering::Relaxed)
        };
        let progress = |done| (self.engine.progress)(done, total);
        Ok(apply(&self.applier(&stop, &progress), checked).await?)
    }

    fn applier<'b>(
        &'b self,
        stop: &'b (dyn Fn() -> bool + Sync),
        progress: &'b (dyn Fn(usize) + Sync),
    ) -> Applier<'b> {
        Applier {
            store: &self.engine.store,
            target: self.engine.target.as_ref(),
            clock: self.engine.clock.as_ref(),
            cycle: self.id,
            initiated_by: &self.asked.by,
            in_flight: self.engine.settings.in_flight,
            welcome: self.engine.settings.rules.welcome,
            stop,
            progress,
        }
    }

    fn add(&mut self, counts: &CycleCounts) {
        let total = &mut self.report.counts;
        total.created += counts.created;
        total.updated += counts.updated;
        total.disabled += counts.disabled;
        total.adopted += counts.adopted;
        total.unlinked += counts.unlinked;
        total.failed += counts.failed;
    }

    /// Records what need not be planned again until it changes, and that the plan was a plan.
    async fn settle(
        &self,
        job: &JobState,
        checked: &CheckedPlan,
        applied: &Applied,
    ) -> Result<(), CycleFailure> {
        let store = &self.engine.store;
        let plan = checked.plan();
        let mut settled = plan.settled.clone();
        let mut reopen = Vec::new();
        let did = applied.counts.done();
        let first = !job.first_plan_done;
        for hold in plan.holds.iter().filter(|hold| waits_for_an_event(hold.kind)) {
            for item in &hold.items {
                let changes = plan.changes.iter().any(|change| change.anchor == item.anchor);
                if first && did > 0 && hold.kind == HoldKind::FirstCycle {
                    reopen.push(Subject { anchor: item.anchor, verify: false });
                } else if !changes {
                    settled.push(item.anchor);
                }
            }
        }
        settled.sort_unstable();
        settled.dedup();
        store.settle_subjects(settled).await?;
        if first && did > 0 {
            store.set_first_plan_done().await?;
            store.mark_subjects(reopen).await?;
        }
        if !plan.holds.iter().any(|hold| hold.kind == HoldKind::RulesChanged) {
            store.set_rules(plan.rules_hash).await?;
        }
        Ok(())
    }
}

/// Returns whether a held object need not be planned again before something happens to it: it
/// changes at the source, a person answers, or everything is read. Only licences come back by
/// themselves.
fn waits_for_an_event(kind: HoldKind) -> bool {
    kind != HoldKind::LicenseLimitExceeded
}

/// Reduces plan data to some people; `anchors` is sorted.
fn only(mut data: PlanData, anchors: &[SourceAnchor]) -> PlanData {
    let keep = |anchor: &SourceAnchor| anchors.binary_search(anchor).is_ok();
    data.subjects.retain(|subject| keep(&subject.anchor));
    data.users.retain(|source_user| keep(&source_user.anchor));
    data.links.retain(|link| keep(&link.anchor));
    data.memberships.retain(|membership| keep(&membership.user));
    data
}
