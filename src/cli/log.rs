//! `log`: the provisioning log.

use clap::{Args, ValueEnum};

use crate::model::ids::{CycleId, Timestamp};
use crate::model::outcome::OutcomeStatus;
use crate::model::plan::ProvisioningAction;
use crate::store::{LogFilter, Store};
use crate::views::{self, log::Application};

use super::exit::{Exit, Failure};
use super::open::Place;
use super::output;

/// Arguments of `log`.
#[derive(Debug, Args)]
pub struct LogArguments {
    /// Only this person: an address, or an id at either end
    #[arg(long, value_name = "WHO")]
    who: Option<String>,

    /// Only this action
    #[arg(long, value_enum)]
    action: Option<Action>,

    /// Only this outcome
    #[arg(long, value_enum)]
    status: Option<Status>,

    /// Only this cycle, as `c12` or `12`
    #[arg(long, value_name = "CYCLE", value_parser = cycle)]
    cycle: Option<i64>,

    /// Only since this time, as 2026-11-22T04:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<i64>,

    /// At most so many entries, the newest
    #[arg(long, default_value_t = 100)]
    limit: usize,

    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// The same as --format json
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Action {
    Create,
    Update,
    Disable,
    Other,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Status {
    Success,
    Failure,
    Skipped,
    Warning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
}

fn cycle(text: &str) -> Result<i64, String> {
    text.trim_start_matches('c').parse().map_err(|_| "expected a number, as c12".to_owned())
}

fn time(text: &str) -> Result<i64, String> {
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(|time| time.as_millisecond())
        .map_err(|_| "expected a time in UTC, as 2026-11-22T04:00:00Z".to_owned())
}

/// Shows entries, the newest first.
pub async fn log(place: &Place, arguments: &LogArguments) -> Result<Exit, Failure> {
    let job = place.job()?;
    let store = Store::read_only(&job.store)?;
    let filter = LogFilter {
        who: arguments.who.clone(),
        action: arguments.action.map(|action| match action {
            Action::Create => ProvisioningAction::Create,
            Action::Update => ProvisioningAction::Update,
            Action::Disable => ProvisioningAction::Disable,
            Action::Other => ProvisioningAction::Other,
        }),
        status: arguments.status.map(|status| match status {
            Status::Success => OutcomeStatus::Success,
            Status::Failure => OutcomeStatus::Failure,
            Status::Skipped => OutcomeStatus::Skipped,
            Status::Warning => OutcomeStatus::Warning,
        }),
        cycle: arguments.cycle.map(CycleId),
        since: arguments.since.map(Timestamp),
        limit: arguments.limit,
    };
    let entries = store.log(filter).await?;
    match if arguments.json { Format::Json } else { arguments.format } {
        Format::Table => output::text(&views::log::table(&entries, output::width())),
        Format::Csv => output::text(&views::log::csv(&entries)),
        Format::Json => {
            let state = store.job().await?;
            let id = state.pins.as_ref().map(|pins| pins.application_id.to_string());
            let application = Application {
                tenant_id: state.pins.as_ref().map_or("", |pins| pins.tenant_id.as_str()),
                id: id.as_deref().unwrap_or(""),
                name: state.application.as_ref().map_or("", |known| known.display_name.as_str()),
            };
            let rows: Vec<_> =
                entries.iter().map(|entry| views::log::json(entry, &application)).collect();
            output::json(&rows);
        }
    }
    Ok(Exit::Done)
}
