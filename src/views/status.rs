//! The state of the job.

use serde::Serialize;

use crate::model::account::Seats;
use crate::model::ids::Timestamp;
use crate::model::outcome::CycleReport;

use super::{counted, report};

/// The state of the job, as commands show it.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The process that holds the lease, if one does.
    pub daemon: Option<String>,
    /// A person paused the job.
    pub paused: bool,
    /// The enterprise application.
    pub application: Option<String>,
    /// The ShareFile tenant.
    pub account: Option<String>,
    /// Licences, as last read.
    pub seats: Option<Seats>,
    /// People in the snapshot.
    pub people: u64,
    /// Accounts in use.
    pub active: u64,
    /// Accounts that this job disabled.
    pub disabled: u64,
    /// Objects that the next cycle plans again.
    pub waiting: u64,
    /// Holds that are open, and the objects in them.
    pub holds: (u64, u64),
    /// Writes whose outcome is not known yet.
    pub open_writes: u64,
    /// When everything was last read.
    pub last_full_at: Option<Timestamp>,
    /// When everything is read again: with the first cycle from then on.
    pub next_full_at: Option<Timestamp>,
    /// The last cycle.
    pub last_cycle: Option<CycleReport>,
}

/// Returns the state as text.
pub fn text(status: &Status) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<14}{value}\n"));
    let daemon = match (&status.daemon, status.paused) {
        (_, true) => "paused".to_owned(),
        (Some(holder), false) => format!("running ({holder})"),
        (None, false) => "no daemon is running".to_owned(),
    };
    line("Provisioning", daemon);
    line("Application", status.application.clone().unwrap_or_else(|| "not read yet".to_owned()));
    line("ShareFile", status.account.clone().unwrap_or_else(|| "not read yet".to_owned()));
    if let Some(seats) = &status.seats {
        let max = seats.employee_max.map_or_else(|| "?".to_owned(), |max| max.to_string());
        line("Licences", format!("{} of {max} taken", seats.employee_count));
    }
    line("People", format!("{} in the snapshot", status.people));
    line("Accounts", format!("{} in use, {} disabled by this job", status.active, status.disabled));
    line(
        "Waiting",
        format!(
            "{} for the next cycle, {} in {}",
            status.waiting,
            counted(status.holds.1, "object", "objects"),
            counted(status.holds.0, "hold", "holds"),
        ),
    );
    if status.open_writes > 0 {
        line(
            "Open writes",
            format!("{}: the next cycle looks what became of them", status.open_writes),
        );
    }
    if let Some(at) = status.last_full_at {
        let next = status.next_full_at.map(|next| format!(", the next from {next} on"));
        line("Full read", format!("{at}{}", next.unwrap_or_default()));
    }
    match &status.last_cycle {
        None => line("Last cycle", "none yet".to_owned()),
        Some(last) => {
            let when = last.ended_at.unwrap_or(last.started_at);
            line(
                "Last cycle",
                format!(
                    "{} ({}) {} {when}: {}",
                    last.id,
                    last.kind.word(),
                    last.state.word(),
                    report::numbers(last)
                ),
            );
            if let Some(error) = &last.error {
                line("Error", error.message.clone());
                line("What to do", error.remedy.clone());
            }
        }
    }
    text
}
