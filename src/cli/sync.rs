//! `sync`: one cycle now.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::cycle::worker::RequestAnswer;
use crate::cycle::{Asked, Engine};
use crate::model::outcome::CycleState;
use crate::store::{RequestKind, StoreError};

use super::exit::{Exit, Failure};
use super::open::{Access, Place, engine};
use super::{ask, output};

/// How long a cycle may take before the source is read again: whoever leaves meanwhile goes first.
const BUDGET: Duration = Duration::from_secs(20 * 60);

/// Arguments of `sync`.
#[derive(Debug, Args)]
pub struct SyncArguments {
    /// Read everything again
    #[arg(long)]
    full: bool,

    /// Approve what is held now
    #[arg(long)]
    yes: bool,

    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// Takes cycles until nothing is left to do, here or in the running daemon.
pub async fn sync(place: &Place, arguments: &SyncArguments) -> Result<Exit, Failure> {
    let job = place.job()?;
    let asked = Asked {
        by: "sync".to_owned(),
        full: arguments.full,
        approve: arguments.yes,
        budget: Some(BUDGET),
        ..Asked::default()
    };
    let answer = match engine(&job, Access::Write("sync")) {
        Ok(engine) => here(engine, asked, !arguments.json).await?,
        Err(failure) => match failure.holder() {
            Some(holder) => {
                let payload = json!({ "full": arguments.full, "yes": arguments.yes });
                ask::ask(&job.store, &holder, RequestKind::Sync, payload).await?
            }
            None => return Err(failure),
        },
    };
    Ok(ask::conclude(&answer, arguments.json))
}

/// Takes cycles in this process until one is not partial.
pub async fn here(
    mut engine: Engine,
    asked: Asked,
    progress: bool,
) -> Result<RequestAnswer, StoreError> {
    if progress {
        engine.progress = output::progress();
    }
    let stop = engine.stop.clone();
    let interrupt = tokio::spawn(async move {
        crate::service::shutdown_requested().await;
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let turned = loop {
        let turned = engine.turn(asked.clone()).await?;
        let stopped = engine.stop.load(std::sync::atomic::Ordering::Relaxed);
        let partial = turned.report.state == CycleState::Partial;
        if !partial || stopped || asked.saved.is_some() {
            break turned;
        }
    };
    interrupt.abort();
    let answer = RequestAnswer::of(&turned);
    engine.store.close().await?;
    Ok(answer)
}
