//! `check`: the configuration, all problems at once, and what it would make of the snapshot.

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use crate::clock::SystemClock;
use crate::config::{self, Job, Problem};
use crate::cycle::Tried;
use crate::model::trial::Trial;
use crate::store::{Store, StoreError};
use crate::views;

use super::exit::{Exit, Failure};
use super::open::{Place, engine_with};
use super::output;

/// People of the snapshot on whom the rules are tried.
const SAMPLE: u32 = 10_000;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Try the rules on at most so many people of the snapshot
    #[arg(long, value_name = "N", default_value_t = SAMPLE)]
    sample: u32,

    /// Print the JSON Schema of the configuration, with which editors complete its keys
    #[arg(long, conflicts_with_all = ["sample", "json"])]
    schema: bool,

    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

/// Reads the configuration with its secrets, says whether it can be used, and tries its rules on
/// people of the snapshot. Neither end is asked, and nothing is written.
pub async fn check(place: &Place, arguments: &CheckArguments) -> Result<Exit, Failure> {
    if arguments.schema {
        output::json(&config::json_schema());
        return Ok(Exit::Done);
    }
    let job = match place.load() {
        Ok(job) => job,
        Err(errors) if arguments.json => {
            let problems: Vec<Value> = errors.problems.iter().map(problem).collect();
            let unusable = ("unusable", "The configuration cannot be used.".to_owned());
            output::json(&report(place, problems, Err(unusable)));
            return Ok(Exit::Config);
        }
        Err(errors) => return Err(errors.into()),
    };
    let tried = try_rules(&job, arguments.sample).await;
    if arguments.json {
        let exit = tried.as_ref().map_or_else(|failure| failure.exit, |_| Exit::Done);
        let tried = match tried {
            Ok(tried) => tried.map_err(|(reason, message)| (reason, message.to_owned())),
            Err(failure) => Err(("failed", failure.chain.join(": "))),
        };
        output::json(&report(place, Vec::new(), tried));
        return Ok(exit);
    }
    let tried = tried?;
    output::line(&format!("{}: the configuration can be used.", place.config.display()));
    match tried {
        Ok(trial) => output::text(&views::trial::text(&trial)),
        Err((_, why)) => output::line(why),
    }
    Ok(Exit::Done)
}

/// Returns the one object of `--json`: what is wrong with the configuration, what the rules came to,
/// or why they were not tried.
fn report(place: &Place, problems: Vec<Value>, tried: Result<Trial, (&str, String)>) -> Value {
    let (trial, untried) = match tried {
        Ok(trial) => (views::trial::json(&trial), Value::Null),
        Err((reason, message)) => (Value::Null, json!({ "reason": reason, "message": message })),
    };
    json!({
        "configuration": place.config.display().to_string(),
        "usable": problems.is_empty(),
        "problems": problems,
        "trial": trial,
        "untried": untried,
    })
}

fn problem(problem: &Problem) -> Value {
    json!({
        "file": problem.file.as_ref().map(|file| file.display().to_string()),
        "line": problem.line,
        "column": problem.column,
        "key": problem.key,
        "message": problem.message,
        "suggestion": problem.suggestion,
        "excerpt": problem.excerpt,
    })
}

/// What the rules came to, or why they were tried on nobody: in a word, and in a sentence.
type Outcome = Result<Trial, (&'static str, &'static str)>;

/// Tries the rules on the snapshot.
async fn try_rules(job: &Job, most: u32) -> Result<Outcome, Failure> {
    let store = match Store::read_only(&job.store) {
        Err(StoreError::Missing { .. }) => {
            let why = "There is no store yet, so the rules were tried on nobody.";
            return Ok(Err(("no_store", why)));
        }
        store => store?,
    };
    let engine = engine_with(job, store, Arc::new(SystemClock::new()))?;
    Ok(match engine.try_rules(most).await? {
        Tried::Trial(trial) => Ok(trial),
        Tried::Unread => Err((
            "nothing_read",
            "Nothing has been read from Entra ID yet, so the rules were tried on nobody.",
        )),
        Tried::Otherwise => Err((
            "snapshot_differs",
            "The snapshot does not hold what the rules read now, so the rules were tried on \
             nobody. The next cycle reads it; until then `sharefile-provisioner plan`, which keeps \
             nothing, shows what would come of them.",
        )),
    })
}
