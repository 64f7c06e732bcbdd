//! `run`: the daemon.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::config::{Every, Job};
use crate::cycle::Turned;
use crate::cycle::schedule::Rhythm;
use crate::cycle::worker::{WorkerSettings, work};
use crate::service::{self, Notice};
use crate::views::report;

use super::exit::{Exit, Failure};
use super::open::{Access, Place, engine};

/// Turns until the process is asked to end, then finishes the write in flight.
pub async fn run(place: &Place) -> Result<Exit, Failure> {
    let job = place.job()?;
    crate::logging::init(&job.log);
    let engine = Arc::new(engine(&job, Access::Write("run"))?);
    let cancel = CancellationToken::new();
    let settings = worker_settings(&job, None);
    info!("provisioning {} into {}", job.graph.application, job.sharefile.subdomain);
    service::notify(&Notice::Ready);
    let signal = tokio::spawn({
        let cancel = cancel.clone();
        async move {
            service::shutdown_requested().await;
            service::notify(&Notice::Stopping);
            cancel.cancel();
        }
    });
    let grace = async {
        cancel.cancelled().await;
        engine.clock.sleep(job.schedule.grace).await;
    };
    let ended = tokio::select! {
        ended = work(engine.clone(), settings, cancel.clone(), async |turned: &Turned| tell(turned)) => ended,
        () = grace => {
            warn!("the write in flight did not end in time; the next start settles it");
            Ok(())
        }
    };
    signal.abort();
    engine.store.clone().close().await?;
    match ended {
        Ok(()) => Ok(Exit::Done),
        Err(problem) => {
            let remedy = "Check `schedule.cron`.";
            Err(Failure::new(Exit::Unexpected, &problem, remedy))
        }
    }
}

/// Returns how the worker is to turn.
pub fn worker_settings(job: &Job, cycles: Option<u32>) -> WorkerSettings {
    let (rhythm, cron) = match &job.schedule.every {
        Every::Interval(every) => (Rhythm::Every(*every), None),
        Every::Cron(expression) => (Rhythm::EachTick, Some(expression.clone())),
    };
    WorkerSettings { rhythm, cron, jitter: std::process::id() % 1000, cycles }
}

fn tell(turned: &Turned) {
    let line = report::numbers(&turned.report);
    let status = format!("cycle {} {}: {line}", turned.report.id, turned.report.state.word());
    service::notify(&Notice::Status(status));
    for note in &turned.report.notes {
        info!("{note}");
    }
    if let Some(problem) = &turned.report.error {
        error!("{} What to do: {}", problem.message, problem.remedy);
    }
}
