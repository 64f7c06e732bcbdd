//! The one worker that owns cycles: they never overlap, whoever asks for them.
//!
//! Ticks come from tokio-cron-scheduler through a channel that holds one: a tick that finds one
//! waiting is dropped. Requests of commands come from the store; a small task claims them within
//! 250 ms even while a cycle is under way, and asks that cycle to stop at its next boundary.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::model::ids::Timestamp;
use crate::model::outcome::{CycleError, CycleReport, CycleState};
use crate::store::{Answer, HoldState, RequestKind, RequestRow, StoreError};

use super::failure::CycleFailure;
use super::saved::SavedPlan;
use super::schedule::{Now, Rhythm, is_due};
use super::turn::{Asked, Engine, Turned};
use super::welcome;

/// How often the worker looks for requests of commands.
const POLL: Duration = Duration::from_millis(200);

/// How long a cycle may take where no interval is configured: the usual one.
const LONGEST: Duration = Duration::from_secs(20 * 60);

/// The answer to a request, as the command that left it reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestAnswer {
    /// The request was understood and carried out.
    pub ok: bool,
    /// What happened, in a sentence.
    pub message: String,
    /// The cycle that was run for it.
    pub report: Option<CycleReport>,
    /// Why a saved plan was refused.
    pub refused: Vec<String>,
    /// How many changes wait for approval.
    pub waiting: u64,
    /// Why a call outside of a cycle failed.
    #[serde(default)]
    pub error: Option<CycleError>,
}

impl RequestAnswer {
    /// Returns what came of a cycle.
    pub fn of(turned: &Turned) -> Self {
        let open = turned
            .holds
            .iter()
            .filter(|hold| hold.kind.approvable() && hold.state == HoldState::Open);
        Self {
            ok: true,
            message: format!("cycle {} {}", turned.report.id, turned.report.state.word()),
            report: Some(turned.report.clone()),
            refused: turned.refused.clone(),
            waiting: open.map(|hold| hold.items.len() as u64).sum(),
            error: None,
        }
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    pub(super) fn said(message: impl Into<String>) -> Self {
        Self { ok: true, message: message.into(), ..Self::default() }
    }
}

/// How the worker is to turn.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// How often cycles begin.
    pub rhythm: Rhythm,
    /// A cron expression of six fields, in UTC, for the ticks; every second if there is none.
    pub cron: Option<String>,
    /// Spreads instances that were started together; from 0 to 1000.
    pub jitter: u32,
    /// End after so many scheduled cycles.
    pub cycles: Option<u32>,
}

/// Turns until `cancel`, or until as many cycles as the settings allow were taken.
///
/// `after` is called with each cycle's outcome, before the next one begins.
///
/// # Errors
/// The schedule cannot be set up.
pub async fn work(
    engine: Arc<Engine>,
    settings: WorkerSettings,
    cancel: CancellationToken,
    mut after: impl AsyncFnMut(&Turned),
) -> Result<(), JobSchedulerError> {
    let (tick, mut ticks) = mpsc::channel(1);
    let expression = settings.cron.as_deref().unwrap_or("* * * * * *");
    let mut scheduler = JobScheduler::new().await?;
    // The job does nothing but ring: whatever could fail happens in the worker.
    let ring = tick.clone();
    scheduler
        .add(Job::new(expression, move |_, _| {
            let _ = ring.try_send(());
        })?)
        .await?;
    scheduler.start().await?;
    let busy = Arc::new(AtomicBool::new(false));
    let (claimed, mut requests) = mpsc::unbounded_channel();
    let poller = tokio::spawn(poll(engine.clone(), busy.clone(), claimed, cancel.clone()));
    let stopper = tokio::spawn(stop_on_cancel(engine.clone(), cancel.clone()));
    let budget = match settings.rhythm {
        Rhythm::Every(every) => every,
        Rhythm::EachTick => LONGEST,
    };
    let mut desk = Desk { engine, busy, cancel: cancel.clone(), last_began: None, budget };
    let mut taken = 0;
    while !cancel.is_cancelled() {
        tokio::select! {
            // What a person asks goes before a tick that waits too: the cycle under way has made
            // room for it.
            biased;
            () = cancel.cancelled() => break,
            Some(request) = requests.recv() => {
                if let Some(turned) = desk.serve(request).await {
                    after(&turned).await;
                }
            }
            Some(()) = ticks.recv() => {
                if !desk.due(&settings).await {
                    continue;
                }
                let budget = Some(desk.budget);
                let asked = Asked { by: "schedule".to_owned(), budget, ..Asked::default() };
                let turned = desk.turn(asked).await;
                if let Some(turned) = &turned {
                    after(turned).await;
                }
                let partial = |turned: &Turned| turned.report.state == CycleState::Partial;
                taken += u32::from(!turned.as_ref().is_some_and(partial));
                if settings.cycles.is_some_and(|cycles| taken >= cycles) {
                    break;
                }
                if let Rhythm::EachTick = settings.rhythm {
                    desk.continue_partial(&tick).await;
                }
            }
        }
    }
    cancel.cancel();
    let _ = scheduler.shutdown().await;
    let _ = poller.await;
    let _ = stopper.await;
    Ok(())
}

/// Claims requests as they come, and asks the cycle under way to make room.
async fn poll(
    engine: Arc<Engine>,
    busy: Arc<AtomicBool>,
    claimed: mpsc::UnboundedSender<RequestRow>,
    cancel: CancellationToken,
) {
    let mut mails = JoinSet::new();
    while !cancel.is_cancelled() {
        match engine.store.claim_request(engine.clock.now()).await {
            Ok(Some(request)) => {
                info!("a command asks: {:?}", request.kind);
                let cycle = matches!(request.kind, RequestKind::Sync | RequestKind::Apply);
                if request.kind == RequestKind::Welcome {
                    // It asks ShareFile, which may take its time: other commands do not wait.
                    mails.spawn(mail(engine.clone(), request));
                    continue;
                }
                // A decision takes effect at once, and a cycle under way makes room for it.
                if !cycle {
                    let answer =
                        answer_without_cycle(&engine, request.kind, &request.payload).await;
                    reply(&engine, &request, &answer).await;
                }
                let decides = matches!(request.kind, RequestKind::Pause | RequestKind::Reject);
                if (cycle || decides) && busy.load(Ordering::Relaxed) {
                    engine.stop.store(true, Ordering::Relaxed);
                }
                if cycle && claimed.send(request).is_err() {
                    return;
                }
            }
            Ok(None) => {}
            Err(StoreError::Gone) => return,
            Err(problem) => error!("requests of commands cannot be read: {problem}"),
        }
        tokio::select! {
            () = cancel.cancelled() => break,
            () = engine.clock.sleep(POLL) => {}
        }
    }
    // A mail that is under way is recorded before the store is closed.
    while mails.join_next().await.is_some() {}
}

async fn mail(engine: Arc<Engine>, request: RequestRow) {
    let answer = welcome::answer(&engine, &request.payload).await;
    reply(&engine, &request, &answer).await;
}

async fn stop_on_cancel(engine: Arc<Engine>, cancel: CancellationToken) {
    cancel.cancelled().await;
    engine.stop.store(true, Ordering::Relaxed);
}

/// Carries out cycles and requests, one at a time.
struct Desk {
    engine: Arc<Engine>,
    busy: Arc<AtomicBool>,
    cancel: CancellationToken,
    last_began: Option<Timestamp>,
    /// How long a cycle may take before it stops at a change boundary and the source is read again.
    budget: Duration,
}

impl Desk {
    async fn due(&self, settings: &WorkerSettings) -> bool {
        let job = match self.engine.store.job().await {
            Ok(job) => job,
            Err(problem) => {
                error!("the state of the job cannot be read: {problem}");
                return false;
            }
        };
        let last = job.last_cycle.as_ref();
        let now = Now {
            now: self.engine.clock.now(),
            last_began: self.last_began,
            last_state: last.map(|report| report.state),
            paused: job.paused,
            jitter: settings.jitter,
        };
        is_due(&settings.rhythm, now)
    }

    /// With a cron rhythm the next tick may be hours away; a partial cycle goes on at once.
    async fn continue_partial(&self, tick: &mpsc::Sender<()>) {
        if let Ok(job) = self.engine.store.job().await
            && job.last_cycle.is_some_and(|report| report.state == CycleState::Partial)
        {
            let _ = tick.try_send(());
        }
    }

    /// Takes one turn in a task of its own, so that a panic ends the cycle and nothing else.
    async fn turn(&mut self, asked: Asked) -> Option<Turned> {
        self.last_began = Some(self.engine.clock.now());
        self.engine.stop.store(self.cancel.is_cancelled(), Ordering::Relaxed);
        self.busy.store(true, Ordering::Relaxed);
        let engine = self.engine.clone();
        let joined = tokio::spawn(async move { engine.turn(asked).await }).await;
        self.busy.store(false, Ordering::Relaxed);
        match joined {
            Ok(Ok(turned)) => Some(turned),
            Ok(Err(problem)) => {
                error!("the cycle could not be recorded: {problem}");
                None
            }
            Err(problem) => {
                let failure = CycleFailure::Panicked { problem: problem.to_string() };
                error!("the cycle ended by a mistake of this program: {problem}");
                self.record(failure).await;
                None
            }
        }
    }

    /// Ends the record of a cycle that could not do so itself.
    async fn record(&self, failure: CycleFailure) {
        let store = &self.engine.store;
        let ended = match store.cycles(1).await {
            Ok(mut newest) => match newest.pop() {
                Some(mut report) if report.state == CycleState::Running => {
                    report.state = CycleState::Failed;
                    report.ended_at = Some(self.engine.clock.now());
                    report.error = Some(failure.report());
                    store.end_cycle(report).await
                }
                _ => Ok(()),
            },
            Err(problem) => Err(problem),
        };
        if let Err(problem) = ended {
            error!("the cycle could not be recorded: {problem}");
        }
    }

    async fn serve(&mut self, request: RequestRow) -> Option<Turned> {
        let (answer, turned) = match asked_of(&request, self.budget) {
            Err(message) => (RequestAnswer::failed(message), None),
            Ok(asked) => match self.turn_to_the_end(asked).await {
                Some(turned) => (RequestAnswer::of(&turned), Some(turned)),
                None => (RequestAnswer::failed("the cycle failed; see the log"), None),
            },
        };
        reply(&self.engine, &request, &answer).await;
        turned
    }

    /// A command waits for the whole of it: partial cycles are repeated until done. A saved plan
    /// is not, because what is left of it is another plan.
    async fn turn_to_the_end(&mut self, asked: Asked) -> Option<Turned> {
        loop {
            let turned = self.turn(asked.clone()).await?;
            let partial = turned.report.state == CycleState::Partial;
            if !partial || asked.saved.is_some() || self.cancel.is_cancelled() {
                return Some(turned);
            }
        }
    }
}

async fn reply(engine: &Engine, request: &RequestRow, answer: &RequestAnswer) {
    let value = serde_json::to_value(answer).unwrap_or(Value::Null);
    let now = engine.clock.now();
    if let Err(problem) = engine.store.answer_request(request.id, value, now).await {
        error!("the answer to a command cannot be stored: {problem}");
    }
}

fn asked_of(request: &RequestRow, budget: Duration) -> Result<Asked, String> {
    let flag = |name: &str| request.payload.get(name).and_then(Value::as_bool).unwrap_or(false);
    let by = match request.kind {
        RequestKind::Apply => "apply",
        _ => "sync",
    };
    let mut asked =
        Asked { by: by.to_owned(), full: flag("full"), approve: flag("yes"), ..Asked::default() };
    if request.kind != RequestKind::Apply {
        // Whoever leaves meanwhile waits no longer than for a scheduled cycle.
        asked.budget = Some(budget);
    } else {
        let plan = request.payload.get("plan").and_then(Value::as_str).unwrap_or_default();
        asked.saved = Some(SavedPlan::parse(plan).map_err(|problem| problem.to_string())?);
    }
    Ok(asked)
}

/// Carries out what needs no cycle: for the daemon, and for commands that hold the lease.
pub async fn answer_without_cycle(
    engine: &Engine,
    kind: RequestKind,
    payload: &Value,
) -> RequestAnswer {
    let done = match kind {
        RequestKind::Pause => engine.store.set_paused(true).await.map(|()| "paused".to_owned()),
        RequestKind::Resume => engine.store.set_paused(false).await.map(|()| "resumed".to_owned()),
        RequestKind::Approve | RequestKind::Reject => answer_hold(engine, kind, payload).await,
        RequestKind::Welcome => return welcome::answer(engine, payload).await,
        RequestKind::Sync | RequestKind::Apply => return RequestAnswer::failed("needs a cycle"),
    };
    match done {
        Ok(message) => RequestAnswer::said(message),
        Err(problem) => RequestAnswer::failed(problem.to_string()),
    }
}

async fn answer_hold(
    engine: &Engine,
    kind: RequestKind,
    payload: &Value,
) -> Result<String, StoreError> {
    let id = payload.get("hold").and_then(Value::as_i64).unwrap_or_default();
    let by = payload.get("by").and_then(Value::as_str).unwrap_or("a command").to_owned();
    let now = engine.clock.now();
    let valid = i64::try_from(engine.settings.approval_valid.as_millis()).unwrap_or(i64::MAX);
    let (answer, word) = match kind {
        RequestKind::Approve => (Answer::Approve { until: now.plus_ms(valid) }, "approved"),
        _ => (Answer::Reject, "rejected"),
    };
    let hold = engine.store.answer_hold(id, answer, by, now).await?;
    let count = hold.items.len();
    let changes = if count == 1 { "change" } else { "changes" };
    Ok(format!("hold {id} ({}) {word}: {count} {changes}", hold.kind.name()))
}

/// Returns the payload of a request to approve or reject a hold.
pub fn hold_payload(id: i64, by: &str) -> Value {
    json!({ "hold": id, "by": by })
}
