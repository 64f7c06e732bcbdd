//! The state of the job.

use serde::Serialize;

use crate::model::account::Seats;
use crate::model::ids::Timestamp;
use crate::model::leaving::{ComingStage, Stage};
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
    /// Accounts of people who left, which somebody else had disabled.
    pub released: u64,
    /// Accounts of employees that this job made clients, because their people left.
    pub downgraded: u64,
    /// What is to come for people who left.
    pub leavers: Leavers,
    /// Objects that the next cycle plans again.
    pub waiting: u64,
    /// Holds that are open, and the objects in them.
    pub holds: (u64, u64),
    /// Differences between ShareFile and what was last written there, which others made and which
    /// stay.
    pub drift: u64,
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
    /// All of it, by person, the soonest first.
    pub people: Vec<ComingStage>,
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
    /// Some of them, by address.
    pub names: Vec<String>,
}

/// So many days are shown.
const DAYS: usize = 5;

/// So many people are named of each day.
const NAMES: usize = 3;

/// So many people are named in a plan.
const LINES: usize = 20;

impl Leavers {
    /// Sums stages up that are sorted by time.
    pub fn of(people: Vec<ComingStage>) -> Self {
        let mut next: Vec<StageDay> = Vec::new();
        for one in &people {
            let day = one.at.date();
            let same = |known: &&mut StageDay| known.day == day && known.stage == one.stage;
            if let Some(known) = next.iter_mut().rev().find(same) {
                known.people += 1;
                if known.names.len() < NAMES {
                    known.names.push(one.label.clone());
                }
            } else if next.len() < DAYS {
                let names = vec![one.label.clone()];
                next.push(StageDay { day, stage: one.stage, people: 1, names });
            } else {
                break;
            }
        }
        Self { scheduled: people.len() as u64, next, people }
    }

    fn sentence(&self) -> String {
        let days: Vec<String> = self
            .next
            .iter()
            .map(|one| {
                let more = match one.people.saturating_sub(one.names.len() as u64) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let (what, names) = (one.stage.participle(), one.names.join(", "));
                format!("{} {what} on {} ({names}{more})", one.people, one.day)
            })
            .collect();
        let shown: u64 = self.next.iter().map(|one| one.people).sum();
        let more = match self.scheduled.saturating_sub(shown) {
            0 => String::new(),
            more => format!(", {more} later"),
        };
        format!("{}{more}", days.join(", "))
    }
}

/// Returns what is to come for people who left, a line for each; empty if nothing is.
pub fn coming(people: &[ComingStage]) -> String {
    if people.is_empty() {
        return String::new();
    }
    let mut text = "To come for people who left:\n".to_owned();
    for one in people.iter().take(LINES) {
        let (what, day, since) = (one.stage.participle(), one.at.date(), one.since.date());
        let (who, event) = (&one.label, one.event.word());
        text.push_str(&format!("  {who}: {what} on {day}; out of scope since {since}: {event}\n"));
    }
    if let Some(more) = people.len().checked_sub(LINES + 1) {
        text.push_str(&format!("  … and {} more\n", more + 1));
    }
    text
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
    let released = match status.released {
        0 => String::new(),
        people => format!(", {people} of leavers by others"),
    };
    let (active, disabled) = (status.active, status.disabled);
    let accounts =
        format!("{active} in use, {disabled} disabled by this job{released}{downgraded}");
    line("Accounts", accounts);
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
    if status.drift > 0 {
        let differences = counted(status.drift, "difference", "differences");
        line("Drift", format!("{differences} that others made: `log --status warning`"));
    }
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
    use crate::model::ids::SourceAnchor;
    use crate::model::leaving::LeaveEvent;

    #[test]
    fn stages_are_summed_up_by_day() {
        let day = |n: i64, stage, name: &str| ComingStage {
            anchor: SourceAnchor(uuid::Uuid::nil()),
            label: name.to_owned(),
            since: Timestamp(1_780_000_000_000),
            event: LeaveEvent::Unassigned,
            stage,
            at: Timestamp(1_790_000_000_000 + n * 86_400_000),
        };
        let mut stages = vec![day(0, Stage::Downgrade, "bob")];
        stages.extend(["ada", "cyd", "dee", "eve"].map(|name| day(0, Stage::Delete, name)));
        let leavers = Leavers::of(stages.clone());
        let said = "1 downgraded on 2026-09-21 (bob), \
                    4 deleted on 2026-09-21 (ada, cyd, dee and 1 more)";
        assert_eq!((leavers.scheduled, leavers.sentence().as_str()), (5, said));
        let line = "  bob: downgraded on 2026-09-21; out of scope since 2026-05-28: unassigned\n";
        assert!(coming(&stages).contains(line), "{}", coming(&stages));
        stages.extend((1..6).map(|n| day(n, Stage::Delete, "x")));
        let leavers = Leavers::of(stages);
        assert_eq!((leavers.scheduled, leavers.next.len()), (10, 5));
        assert!(leavers.sentence().ends_with("1 deleted on 2026-09-24 (x), 2 later"));
    }
}
