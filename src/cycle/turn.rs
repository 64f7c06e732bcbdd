//! The engine of a job, and what is asked of a cycle and comes of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tracing::{info, warn};
use xxhash_rust::xxh3::xxh3_128;

use crate::clock::Clock;
use crate::model::ids::{ContentHash, Timestamp};
use crate::model::outcome::{CycleCounts, CycleReport, CycleState};
use crate::model::plan::{CycleKind, Plan};
use crate::plan::rules::Rules;
use crate::source::Source;
use crate::store::{JobState, Store, StoreError, StoredHold};
use crate::target::Target;

use super::course::Cycle;
use super::saved::SavedPlan;
use super::schedule::{FullReads, full_read_due};
use super::window::KeptInStore;

/// How long history is kept, in milliseconds: two years.
const KEEP_HISTORY_MS: i64 = 730 * 86_400_000;

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
    /// How old the last read of everything at the target may become.
    pub drift_every: Option<Duration>,
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
    /// Stop at a change boundary when applying has taken this long, and not less than what came
    /// before it.
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
    /// Told every plan right before it is applied: nothing is written at the target that is not in
    /// one of them.
    pub announce: Box<dyn Fn(&Plan) + Send + Sync>,
    /// The tenant was read by this process: its pins hold, and its protected people are known.
    pub(super) target_checked: AtomicBool,
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
        target.keep_window(Arc::new(KeptInStore { store: store.clone() }));
        Self {
            source,
            target,
            store,
            clock,
            settings,
            stop: Arc::new(AtomicBool::new(false)),
            progress: Box::new(|_, _| {}),
            announce: Box::new(|_| {}),
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
    pub async fn turn(&self, asked: Asked) -> Result<Turned, StoreError> {
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
                notes: self.unforeseen(kind, &job, &asked, started_at),
                error: None,
            },
            plan: None,
            refused: Vec::new(),
            unsettled: Vec::new(),
            open: BTreeSet::new(),
            repairs: Vec::new(),
            freed: false,
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
        self.target.settle_window().await;
        report.counts.source_requests = self.source.requests() - sent.0;
        report.counts.target_requests = self.target.requests() - sent.1;
        report.ended_at = Some(self.clock.now());
        self.store.end_cycle(report.clone()).await?;
        if report.kind != CycleKind::Incremental {
            self.store.prune(self.clock.now().plus_ms(-KEEP_HISTORY_MS)).await?;
        }
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
        let plan = plan.map(Arc::unwrap_or_clone);
        Ok(Turned { report, plan, holds, refused })
    }

    /// Returns the hash of what is asked of the source, to which the watermark is bound.
    pub(super) fn query_hash(&self) -> String {
        let rules = &self.settings.rules;
        let query = (
            &rules.source_attributes,
            &rules.group_attributes,
            rules.nested_groups,
            &self.settings.application_key,
        );
        let text = serde_json::to_vec(&query).unwrap_or_default();
        ContentHash(xxh3_128(&text)).to_string()
    }

    fn kind(&self, job: &JobState, asked: &Asked, now: Timestamp) -> CycleKind {
        let bound = job.watermark.as_ref().is_some_and(|(_, hash)| *hash == self.query_hash());
        let reads = FullReads { last: job.last_full_at, reread_since: job.reread_since };
        let due = full_read_due(self.settings.full_every, reads, now).is_some_and(|at| at <= now);
        if !bound {
            CycleKind::Initial
        } else if asked.full || due || asked.saved.as_ref().is_some_and(|saved| saved.full) {
            CycleKind::Full
        } else if !plans_on_request(asked) && self.drift_due(job, now) {
            CycleKind::Drift
        } else {
            CycleKind::Incremental
        }
    }

    /// Returns whether everything is to be read at the target.
    fn drift_due(&self, job: &JobState, now: Timestamp) -> bool {
        let reads = FullReads { last: job.last_drift_at, reread_since: None };
        let due = full_read_due(self.settings.drift_every, reads, now);
        due.is_some_and(|at| at <= now)
    }

    /// Says that the next cycle will look at more than a preview of it does.
    fn unforeseen(
        &self,
        kind: CycleKind,
        job: &JobState,
        asked: &Asked,
        now: Timestamp,
    ) -> Vec<String> {
        let more = asked.preview && kind == CycleKind::Incremental && self.drift_due(job, now);
        let note = "The next cycle also compares all of ShareFile with what was written there. This \
                    plan does not: `plan --full` shows what comes of it.";
        if more { vec![note.to_owned()] } else { Vec::new() }
    }
}

/// Returns whether a person asked for a plan: it is for what changed at the source, unless they ask
/// for everything.
fn plans_on_request(asked: &Asked) -> bool {
    asked.preview || asked.saved.is_some()
}
