//! `test`: the connection to both ends, each check with what it means and what to do. Reads only.
//!
//! Each end has a file: it asks, and hands what came to functions that judge it and ask nothing.

mod connection;
mod entra;
mod sharefile;
mod store;

use std::sync::Arc;

use clap::Args;

use crate::clock::{Clock, SystemClock};
use crate::model::ids::{SourceAnchor, Timestamp};
use crate::source::graph::Graph;
use crate::target::sharefile::Sharefile;
use crate::views::checks::{self, Check, CheckStatus};

use super::exit::{Exit, Failure};
use super::open::Place;
use super::output;

/// Arguments of `test`.
#[derive(Debug, Args)]
pub struct TestArguments {
    /// Print the checks as JSON
    #[arg(long)]
    json: bool,
}

/// A check, and how the command ends if it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Judged {
    check: Check,
    exit: Exit,
}

impl Judged {
    fn new(name: impl Into<String>, status: CheckStatus, found: impl Into<String>) -> Self {
        let (means, remedy) = (String::new(), String::new());
        let check = Check { name: name.into(), status, found: found.into(), means, remedy };
        Self { check, exit: Exit::Done }
    }

    fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, CheckStatus::Ok, found)
    }

    fn warning(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, CheckStatus::Warning, found)
    }

    fn failed(name: impl Into<String>, exit: Exit, found: impl Into<String>) -> Self {
        Self { exit, ..Self::new(name, CheckStatus::Failed, found) }
    }

    /// A check that came to nothing because asking failed.
    fn of(name: impl Into<String>, failure: impl Into<Failure>) -> Self {
        let failure: Failure = failure.into();
        Self::failed(name, failure.exit, failure.chain.join(": ")).todo(failure.remedy)
    }

    fn means(mut self, means: &str) -> Self {
        self.check.means = means.to_owned();
        self
    }

    fn todo(mut self, remedy: impl Into<String>) -> Self {
        self.check.remedy = remedy.into();
        self
    }
}

/// What was found of what the store is pinned to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ends {
    tenant_id: Option<String>,
    application_id: Option<SourceAnchor>,
    account_id: Option<String>,
}

/// Tries everything that a cycle needs, reading only.
pub async fn test(place: &Place, arguments: &TestArguments) -> Result<Exit, Failure> {
    let job = place.job()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let source = Graph::new(job.graph.clone(), clock.clone())?;
    let target = Sharefile::new(job.sharefile.clone(), clock.clone())?;
    let ((mut judged, of_source), (at_target, of_target)) =
        tokio::join!(entra::checks(&job, &source, clock.now()), sharefile::checks(&job, &target),);
    let ends = Ends { account_id: of_target.account_id, ..of_source };
    judged.extend(at_target);
    judged.extend(store::checks(&job.store, &ends).await);
    let exit = judged.iter().find(|one| one.check.status == CheckStatus::Failed);
    let exit = exit.map_or(Exit::Done, |failed| failed.exit);
    let checks: Vec<Check> = judged.into_iter().map(|judged| judged.check).collect();
    if arguments.json {
        output::json(&checks);
    } else {
        output::text(&checks::text(&checks, output::width()));
    }
    Ok(exit)
}

/// Returns `1 person` or `2 people`.
fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Returns the day of a time, as `2026-11-22`.
fn day(at: Timestamp) -> String {
    at.to_string().split('T').next().unwrap_or_default().to_owned()
}
