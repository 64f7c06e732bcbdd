//! `reset store`: start over.

use std::io::{IsTerminal, Write};
use std::path::Path;

use clap::{Args, ValueEnum};

use crate::clock::{Clock, SystemClock};
use crate::store::{Lease, set_aside};

use super::exit::{Exit, Failure};
use super::open::{Place, folder, holder};
use super::output;

/// Arguments of `reset`.
#[derive(Debug, Args)]
pub struct ResetArguments {
    /// What to reset
    what: What,

    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What can be reset.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Everything that is remembered: it is moved aside, never deleted
    Store,
}

/// Moves the store aside. No other process may be using it, a daemon least of all.
pub fn reset(place: &Place, arguments: &ResetArguments) -> Result<Exit, Failure> {
    let job = place.job()?;
    let What::Store = arguments.what;
    let lease = Lease::acquire(folder(&job.store), &holder("reset"))?;
    if !arguments.yes {
        agreed(&job.store)?;
    }
    let aside = set_aside(&job.store, &lease, SystemClock::new().now())?;
    output::line(&format!("The store is kept as {}.", aside.display()));
    output::line(
        "The next cycle is initial: it finds accounts again by the matching rules. Who left before or \
         meanwhile is found by nothing but `sharefile-provisioner orphans`, after that cycle: dates \
         of downgrades and deletions are forgotten.",
    );
    Ok(Exit::Done)
}

/// Asks whether to go on.
fn agreed(store: &Path) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::said(
            Exit::Refused,
            "nobody is there to be asked, and nothing was moved",
            "Add --yes to start over without being asked.",
        ));
    }
    eprint!(
        "{} is moved aside. This job then forgets which accounts it made and adopted, what it \
         disabled, when accounts of leavers are to be downgraded or deleted, what waits for \
         approval, and its log. Start over? [y/N] ",
        store.display()
    );
    let _ = std::io::stderr().flush();
    let mut said = String::new();
    let read = std::io::stdin().read_line(&mut said);
    if read.is_ok() && matches!(said.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::said(Exit::Refused, "nothing was moved", ""))
}
