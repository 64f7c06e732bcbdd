//! ACT: walks a checked plan, and nothing else.
//!
//! Each write is an intent (durable), a call, and an outcome (durable, together with link and
//! shadow). Classes of changes are finished one after the other, disables first; within a class
//! several calls are under way at once. Apply chooses nothing, and may repeat any step.

mod downgrade;
mod failure;
mod group;
mod parts;
mod recover;
mod roles;
mod step;

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

pub use failure::explain;
pub use recover::{RecoverError, Recovered, recover};

use crate::clock::Clock;
use crate::model::ids::{CycleId, SourceAnchor};
use crate::model::outcome::{CycleCounts, OutcomeStatus};
use crate::model::plan::{CheckedPlan, ObjectKind, PlannedChange};
use crate::store::{Store, StoreError};
use crate::target::{Refusal, Target, TargetError};

/// So many refusals for lack of rights, before anything succeeded, end the cycle.
const DENIED: u32 = 3;

/// What apply works with.
pub struct Applier<'a> {
    /// Remembers.
    pub store: &'a Store,
    /// Is written to.
    pub target: &'a dyn Target,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// The cycle that applies.
    pub cycle: CycleId,
    /// When the reading began that the plan was made from, by the monotonic clock.
    pub read_since: Duration,
    /// Who asked for the cycle.
    pub initiated_by: &'a str,
    /// Writes under way at once.
    pub in_flight: usize,
    /// Let ShareFile send its welcome mail to created accounts.
    pub welcome: bool,
    /// Asked before each change: return `true` to stop at this boundary.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Told after each change, with how many are done.
    pub progress: &'a (dyn Fn(usize) + Sync),
}

/// What came of applying a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// What was done, in numbers.
    pub counts: CycleCounts,
    /// People whose change met something else than was planned: planned again in this cycle.
    pub replan: Vec<SourceAnchor>,
    /// Some of them waited for an address that its holder could not give up: they are planned again
    /// without counting on the holder.
    pub in_vain: bool,
    /// Groups of which something is left to do; sorted.
    pub unfinished: Vec<SourceAnchor>,
    /// Changes that were refused for lack of rights.
    pub denied: u32,
    /// Stopped at a change boundary before the end.
    pub stopped: bool,
    /// Credentials or permissions failed: nothing more was tried.
    pub fatal: Option<TargetError>,
}

/// Applies a plan to its end, to a stop, or to a failure of credentials.
///
/// # Errors
/// Only the store's: without a durable record nothing is written.
///
/// # Guarantees
/// After a crash at any instant, [`recover()`] settles what was open.
pub async fn apply(applier: &Applier<'_>, plan: &CheckedPlan) -> Result<Applied, StoreError> {
    let run = Run::default();
    let changes = &plan.plan().changes;
    for class in changes.chunk_by(|left, right| left.place() == right.place()) {
        let mut running = FuturesUnordered::new();
        for changes in downgrade::calls(class) {
            if running.len() >= applier.in_flight.max(1)
                && let Some(done) = running.next().await
            {
                done?;
            }
            running.push(run.call(applier, plan, changes));
        }
        while let Some(done) = running.next().await {
            done?;
        }
    }
    Ok(run.finish())
}

/// What the steps of one plan share.
#[derive(Default)]
struct Run {
    applied: Mutex<Applied>,
    /// Whose change did not do what was planned: what waits for it stays for the next cycle.
    undone: Mutex<HashSet<SourceAnchor>>,
    halted: AtomicBool,
}

impl Run {
    /// Makes the changes of one call.
    async fn call(
        &self,
        applier: &Applier<'_>,
        plan: &CheckedPlan,
        changes: Vec<&PlannedChange>,
    ) -> Result<(), StoreError> {
        if self.halted.load(Ordering::Relaxed) {
            return Ok(());
        }
        // A later step of one person takes for granted what the steps before it did.
        let goes_on = |change: &PlannedChange| {
            let later = change.object == ObjectKind::User && change.phase > 0;
            !later || self.is_done(change.anchor)
        };
        let ready = |change: &&PlannedChange| {
            goes_on(change) && change.after.is_none_or(|first| self.is_done(first))
        };
        let (changes, waiting): (Vec<_>, Vec<_>) = changes.into_iter().partition(ready);
        for change in waiting {
            // What else the person needs must not wait for what another one cannot do.
            let in_vain = goes_on(change) && change.object == ObjectKind::User;
            self.note_undone(change.anchor);
            if in_vain {
                self.with(|applied| {
                    applied.replan.push(change.anchor);
                    applied.in_vain = true;
                });
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        if (applier.stop)() {
            self.halted.store(true, Ordering::Relaxed);
            self.with(|applied| applied.stopped = true);
            return Ok(());
        }
        if let Some(done) = downgrade::downgrade(applier, plan, &changes).await? {
            changes
                .into_iter()
                .zip(done)
                .for_each(|(change, done)| self.note(applier, change, done));
            return Ok(());
        }
        for change in changes {
            let done = match change.object {
                ObjectKind::User => step::step(applier, plan, change).await?,
                ObjectKind::Group => group::step(applier, plan, change).await?,
            };
            self.note(applier, change, done);
        }
        Ok(())
    }

    fn note(&self, applier: &Applier<'_>, change: &PlannedChange, done: step::Done) {
        if done.status != OutcomeStatus::Success {
            self.note_undone(change.anchor);
        }
        let tried = self.with(|applied| {
            done.count(change, &mut applied.counts);
            if done.replan {
                applied.replan.push(change.anchor);
            }
            if done.unfinished {
                applied.unfinished.push(change.anchor);
            }
            applied.counts.done() + applied.counts.failed
        });
        if let Some(denied) = done.denied {
            self.with(|applied| {
                // One refused object stops only itself; credentials, or a run of refusals before
                // anything succeeded, stop everything.
                applied.denied += 1;
                let one_object = denied.refusal == Refusal::Forbidden;
                if !one_object || (applied.denied >= DENIED && applied.counts.done() == 0) {
                    self.halted.store(true, Ordering::Relaxed);
                    applied.fatal = Some(denied);
                }
            });
        }
        (applier.progress)(usize::try_from(tried).unwrap_or(usize::MAX));
    }

    fn is_done(&self, anchor: SourceAnchor) -> bool {
        !self.undone.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).contains(&anchor)
    }

    fn note_undone(&self, anchor: SourceAnchor) {
        self.undone.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(anchor);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Applied) -> T) -> T {
        act(&mut self.applied.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    fn finish(self) -> Applied {
        let mut applied =
            self.applied.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        applied.replan.sort_unstable();
        applied.unfinished.sort_unstable();
        applied
    }
}
