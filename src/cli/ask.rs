//! Asks the running daemon, through the table of requests.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::clock::{Clock, SystemClock};
use crate::cycle::worker::RequestAnswer;
use crate::store::{Lease, RequestKind, Requests};

use super::exit::{Exit, Failure};
use super::open::folder;

/// How long a request may stay unclaimed.
const CLAIM: Duration = Duration::from_secs(10);

/// How often the answer is looked for.
const POLL: Duration = Duration::from_millis(200);

/// Leaves a request and waits for its answer. `holder` is who holds the lease.
///
/// # Errors
/// Nobody claimed the request in ten seconds, and it was withdrawn; or the store's.
pub async fn ask(
    store: &Path,
    holder: &str,
    kind: RequestKind,
    payload: Value,
) -> Result<RequestAnswer, Failure> {
    let clock = SystemClock::new();
    let requests = Requests::open(store)?;
    let id = requests.leave(kind, payload, clock.now())?;
    let mut waited = Duration::ZERO;
    loop {
        clock.sleep(POLL).await;
        waited += POLL;
        let row = requests.read(id)?;
        if let Some(answer) = row.answer {
            return serde_json::from_value(answer).map_err(|problem| {
                Failure::new(Exit::Unexpected, &problem, "Look into the log of the daemon.")
            });
        }
        if row.claimed_at.is_some() && Lease::holder(folder(store)).is_none() {
            return Err(Failure::said(
                Exit::Unexpected,
                format!("`{holder}` ended before it answered"),
                "Look into its log, and at `sharefile-provisioner status`.",
            ));
        }
        if row.claimed_at.is_none() && waited >= CLAIM && requests.withdraw_unclaimed(id)? {
            return Err(Failure::said(
                Exit::AnotherWriter,
                format!("the store is in use by `{holder}`, which takes no requests"),
                "Wait until it has ended, or end it.",
            ));
        }
    }
}

/// Prints what an answer says, and returns how the command ends.
pub fn conclude(answer: &RequestAnswer, json: bool) -> Exit {
    if json {
        super::output::json(answer);
    } else {
        match &answer.report {
            Some(report) => super::output::text(&crate::views::report::text(report)),
            None => super::output::line(&answer.message),
        }
        for difference in &answer.refused {
            super::output::line(&format!("refused: {difference}"));
        }
        if answer.waiting > 0 {
            let wait = if answer.waiting == 1 { "change waits" } else { "changes wait" };
            super::output::line(&format!(
                "{} {wait} for approval: see `sharefile-provisioner holds`.",
                answer.waiting
            ));
        }
    }
    match &answer.report {
        Some(report) => Exit::of_cycle(report, !answer.refused.is_empty(), answer.waiting),
        None if answer.ok => Exit::Done,
        None => Exit::Unexpected,
    }
}
