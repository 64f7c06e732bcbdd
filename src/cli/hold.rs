//! `holds`, `approve`, `reject`, `pause` and `resume`: a person decides.

use clap::Args;
use serde_json::{Value, json};

use crate::cycle::worker::{RequestAnswer, answer_without_cycle, hold_payload};
use crate::store::{HoldState, RequestKind, Store, StoredHold};
use crate::views::{self, holds::HoldView};

use super::exit::{Exit, Failure};
use super::open::{Access, Place, engine};
use super::{ask, output};

/// Arguments of `holds`.
#[derive(Debug, Args)]
pub struct HoldsArguments {
    /// Print the holds as JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `approve` and `reject`.
#[derive(Debug, Args)]
pub struct AnswerArguments {
    /// The number of the hold, as `holds` shows it
    hold: i64,
}

/// Shows what waits for a person, and what a person rejected, or approved and was not done yet.
pub async fn holds(place: &Place, arguments: &HoldsArguments) -> Result<Exit, Failure> {
    let job = place.job()?;
    let store = Store::read_only(&job.store)?;
    let holds: Vec<HoldView> = store.live_holds().await?.into_iter().map(view).collect();
    if arguments.json {
        output::json(&holds);
    } else {
        output::text(&views::holds::text(&holds));
    }
    Ok(Exit::Done)
}

fn view(hold: StoredHold) -> HoldView {
    let (answered_by, answered_at) = hold.answered.unzip();
    HoldView {
        id: hold.id,
        kind: hold.kind,
        message: hold.message,
        opened_at: hold.opened_at,
        state: match hold.state {
            HoldState::Open => "open".to_owned(),
            HoldState::Approved { .. } => "approved".to_owned(),
            HoldState::Rejected => "rejected".to_owned(),
        },
        answered_by,
        answered_at,
        approvable: hold.kind.approvable(),
        items: hold.items,
    }
}

/// Approves or rejects a hold, as it was seen.
pub async fn answer(
    place: &Place,
    arguments: &AnswerArguments,
    approve: bool,
) -> Result<Exit, Failure> {
    let by = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER"));
    let payload = hold_payload(arguments.hold, &by.unwrap_or_else(|_| "a command".to_owned()));
    let kind = if approve { RequestKind::Approve } else { RequestKind::Reject };
    let answer = decide(place, kind, payload).await?;
    if answer.ok && approve {
        output::line(&format!("{}, to go with the next cycle.", answer.message));
        return Ok(Exit::Done);
    }
    if !answer.ok {
        return Err(Failure::said(
            Exit::Refused,
            answer.message,
            "See `sharefile-provisioner holds` for what can be approved.",
        ));
    }
    Ok(ask::conclude(&answer, false))
}

/// Pauses the job, or resumes it.
pub async fn pause(place: &Place, paused: bool) -> Result<Exit, Failure> {
    let kind = if paused { RequestKind::Pause } else { RequestKind::Resume };
    let answer = decide(place, kind, json!({})).await?;
    Ok(ask::conclude(&answer, false))
}

async fn decide(
    place: &Place,
    kind: RequestKind,
    payload: Value,
) -> Result<RequestAnswer, Failure> {
    let job = place.job()?;
    match engine(&job, Access::Write("decide")) {
        Ok(engine) => {
            let answer = answer_without_cycle(&engine, kind, &payload).await;
            engine.store.close().await?;
            Ok(answer)
        }
        Err(failure) => match failure.holder() {
            Some(holder) => ask::ask(&job.store, &holder, kind, payload).await,
            None => Err(failure),
        },
    }
}
