//! `orphans`: accounts and groups without anybody behind them.

use std::sync::Arc;

use clap::Args;

use crate::clock::SystemClock;
use crate::store::Store;
use crate::views;

use super::exit::{Exit, Failure};
use super::open::{Place, engine_with};
use super::output;

/// Arguments of `orphans`.
#[derive(Debug, Args)]
pub struct OrphansArguments {
    /// Look at employees of this domain instead of the company's own; may be repeated
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<String>,

    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

/// Compares the lists of ShareFile with what is known of Entra ID, and changes nothing.
pub async fn orphans(place: &Place, arguments: &OrphansArguments) -> Result<Exit, Failure> {
    let job = place.job()?;
    let store = Store::read_only(&job.store)?;
    let engine = engine_with(&job, store, Arc::new(SystemClock::new()))?;
    let orphans = crate::cycle::orphans(&engine, &arguments.domains).await?;
    if arguments.json {
        output::json(&orphans);
    } else {
        output::text(&views::orphans::text(&orphans, output::width()));
    }
    Ok(Exit::Done)
}
