//! `check`: the configuration, all problems at once, and what it would make of the snapshot.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use crate::clock::SystemClock;
use crate::config::{self, Job};
use crate::cycle::Tried;
use crate::store::{Store, StoreError};
use crate::views;

use super::exit::{Exit, Failure};
use super::open::{Place, engine_with};
use super::output;

/// People of the snapshot on whom mappings are tried.
const SAMPLE: u32 = 10_000;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Try the mappings on at most so many people of the snapshot
    #[arg(long, value_name = "N", default_value_t = SAMPLE)]
    sample: u32,

    /// Print the JSON Schema of the configuration, with which editors complete its keys
    #[arg(long, conflicts_with_all = ["sample", "json"])]
    schema: bool,

    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

/// Reads the configuration with its secrets, says whether it can be used, and tries its mappings on
/// people of the snapshot. Neither end is asked, and nothing is written.
pub async fn check(place: &Place, arguments: &CheckArguments) -> Result<Exit, Failure> {
    if arguments.schema {
        output::json(&config::json_schema());
        return Ok(Exit::Done);
    }
    let job = place.job()?;
    let tried = try_rules(&job, arguments.sample).await?;
    if arguments.json {
        let trial = match &tried {
            Some(Tried::Trial(trial)) => views::trial::json(trial),
            Some(Tried::Otherwise) | None => json!(null),
        };
        output::json(&json!({ "configuration": place.config, "usable": true, "trial": trial }));
        return Ok(Exit::Done);
    }
    output::line(&format!("{}: the configuration can be used.", place.config.display()));
    match &tried {
        None => output::line("There is no store yet, so the mappings were tried on nobody."),
        Some(Tried::Otherwise) => output::line(
            "The snapshot does not hold what the rules read now, so the mappings were tried on \
             nobody. `sharefile-provisioner plan` reads it, and shows what would come of it.",
        ),
        Some(Tried::Trial(trial)) => output::text(&views::trial::text(trial)),
    }
    Ok(Exit::Done)
}

/// Tries the rules on the snapshot; `None` if there is no store.
async fn try_rules(job: &Job, most: u32) -> Result<Option<Tried>, Failure> {
    let store = match Store::read_only(&job.store) {
        Err(StoreError::Missing { .. }) => return Ok(None),
        store => store?,
    };
    let engine = engine_with(job, store, Arc::new(SystemClock::new()))?;
    Ok(Some(engine.try_rules(most).await?))
}
