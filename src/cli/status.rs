//! `status`: the state of the job.

use clap::Args;

use crate::clock::{Clock, SystemClock};
use crate::cycle::schedule::{FullReads, full_read_due};
use crate::store::{HoldState, Lease, Store};
use crate::views;
use crate::views::status::{Leavers, Status};

use super::exit::{Exit, Failure};
use super::open::{Place, folder};
use super::output;

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArguments {
    /// Print the state as JSON
    #[arg(long)]
    json: bool,
}

/// Shows the state of the job, beside a running daemon as well.
pub async fn status(place: &Place, arguments: &StatusArguments) -> Result<Exit, Failure> {
    let job = place.job()?;
    let store = Store::read_only(&job.store)?;
    let state = store.job().await?;
    let counts = store.counts().await?;
    let holds = store.holds().await?;
    let open: Vec<_> = holds.iter().filter(|hold| hold.state == HoldState::Open).collect();
    let objects: usize = open.iter().map(|hold| hold.items.len()).sum();
    let read = FullReads { last: state.last_full_at, reread_since: state.reread_since };
    let next_full_at = full_read_due(job.schedule.full, read, SystemClock::new().now());
    let tenant = state.target_account.map(|(tenant, _)| tenant);
    let status = Status {
        daemon: Lease::holder(folder(&job.store)),
        paused: state.paused,
        application: state.application.map(|known| known.display_name),
        account: tenant.as_ref().map(|tenant| tenant.name.clone()),
        seats: tenant.map(|tenant| tenant.seats),
        people: counts.people,
        active: counts.links_active,
        disabled: counts.links_disabled,
        released: counts.links_released,
        downgraded: counts.links_downgraded,
        leavers: Leavers::of(store.next_stages().await?),
        waiting: counts.subjects,
        holds: (open.len() as u64, objects as u64),
        drift: store.drift().await?.len() as u64,
        open_writes: counts.open_intents,
        last_full_at: state.last_full_at,
        next_full_at,
        last_cycle: state.last_cycle,
    };
    if arguments.json {
        output::json(&status);
    } else {
        output::text(&views::status::text(&status));
    }
    Ok(Exit::Done)
}
