//! The state of the job.

use serde::Serialize;

use crate::model::account::Seats;
use crate::model::ids::Timestamp;
use crate::model::leaving::{NextStage, Stage};
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
    /// Accounts of employees that this job made clients, because their people left.
    pub downgraded: u64,
    /// What is to come for people who left.
    pub leavers: Leavers,
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

/// What is to come for people who left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Leavers {
    /// How many stages are to come.
    pub scheduled: u64,
    /// The next days on which something is to come, the soonest first.
    pub next: Vec<StageDay>,
}

/// What is to come on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageDay {
    /// The day, in UTC, as `2026-11-22`.
    pub day: String,
    /// What happens.
    pub stage: Stage,
    /// To how many people.
    pub people: u64,
}

/// So many days are shown.
const DAYS: usize = 5;

impl Leavers {
    /// Sums stages up that are sorted by time.
    pub fn of(stages: &[NextStage]) -> Self {
        let mut next: Vec<StageDay> = Vec::new();
        for one in stages {
            let day = one.at.date();
            let same = |known: &&mut StageDay| known.day == day && known.stage == one.stage;
            if let Some(known) = next.iter_mut().rev().find(same) {
                known.people += 1;
            } else if next.len() < DAYS {
                next.push(StageDay { day, stage: one.stage, people: 1 });
            } else {
                break;
            }
        }
        Self { scheduled: stages.len() as u64, next }
    }

    fn sentence(&self) -> String {
        let days: Vec<String> = self
            .next
            .iter()
            .map(|one| format!("{} {} on {}", one.people, one.stage.participle(), one.day))
            .collect();
        let shown: u64 = self.next.iter().map(|one| one.people).sum();
        let more = match self.scheduled.saturating_sub(shown) {
            0 => String::new(),
            more => format!(", {more} later"),
        };
        format!("{}{more}", days.join(", "))
    }
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
    let downgraded = match status.downgraded {
        0 => String::new(),
        people => format!(", {people} downgraded by it"),
    };
    let (active, disabled) = (status.active, status.disabled);
    line("Accounts", format!("{active} in use, {disabled} disabled by this job{downgraded}"));
    if status.leavers.scheduled > 0 {
        line("Leavers", status.leavers.sentence());
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::leaving::LeaveEvent;

    #[test]
    fn stages_are_summed_up_by_day() {
        let day = |n: i64, stage| NextStage {
            event: LeaveEvent::Unassigned,
            stage,
            at: Timestamp(1_790_000_000_000 + n * 86_400_000),
        };
        let mut stages =
            vec![day(0, Stage::Delete), day(0, Stage::Downgrade), day(0, Stage::Delete)];
        let leavers = Leavers::of(&stages);
        let said = "2 deleted on 2026-09-21, 1 downgraded on 2026-09-21";
        assert_eq!((leavers.scheduled, leavers.sentence().as_str()), (3, said));
        stages.extend((1..6).map(|n| day(n, Stage::Delete)));
        let leavers = Leavers::of(&stages);
        assert_eq!((leavers.scheduled, leavers.next.len()), (8, 5));
        assert!(leavers.sentence().ends_with("1 deleted on 2026-09-24, 2 later"));
    }
}
