//! Course: what the policies ask for, given the events that hold and what was done before.

use crate::model::account::{AccountKind, Link, LinkState};
use crate::model::ids::Timestamp;
use crate::model::leaving::{LeaveEvent, Leaving, NextStage, Stage};
use crate::model::plan::Reason;

use crate::plan::input::PlanInput;
use crate::plan::rules::{Deprovision, Later};

/// How far the clocks may differ before nothing is done for the sake of a date: 5 minutes.
const CLOCKS_AGREE_MS: u64 = 300_000;

/// What the policies ask for.
pub(super) struct Course {
    /// What the link is to remember.
    pub leaving: Leaving,
    /// What is to be done because of what happened.
    pub at_once: Option<Stage>,
    /// What is to be done because its time has come, if that is more.
    pub due: Option<NextStage>,
    /// The events that the source did not show before.
    pub news: Vec<LeaveEvent>,
    /// One of them wants an account that cannot be used.
    pub ordered: bool,
}

impl Course {
    /// `events` are those that hold, the strictest first.
    pub fn of(
        link: &Link,
        kind: AccountKind,
        events: &[LeaveEvent],
        input: &PlanInput<'_>,
    ) -> Self {
        let policies = &input.rules.deprovision;
        let noted = link.leaving.as_deref();
        let before = noted.filter(|noted| !noted.back);
        let known = before.map(|before| before.event);
        // Of several that are equally strict the last one counts: that of now, the first of them.
        let all = known.into_iter().chain(events.iter().rev().copied());
        let strictest = all.clone().max_by_key(|event| policies.policy(*event).strictness());
        let event = strictest.unwrap_or(LeaveEvent::Unassigned);
        let open = |stage| reach(stage, kind) > done(link);
        let mut next: Vec<NextStage> = before.map(|before| before.next.clone()).unwrap_or_default();
        // What the rules no longer say is dropped; what they said keeps its date.
        next.retain(|next| open(next.stage) && policies.policy(next.event).names(next.stage));
        next.iter_mut().for_each(|next| *next = dated(*next, policies, input));
        for event in all {
            let later = policies.policy(event).later.filter(|later| open(later.stage));
            let is_known = |next: &NextStage| {
                next.event == event && later.is_some_and(|later| later.stage == next.stage)
            };
            if !next.iter().any(is_known) {
                next.extend(later.map(|later| begin(event, later, input)));
            }
        }
        let at_once = Some(policies.policy(event).then).filter(|then| open(*then));
        let more = |next: &&NextStage| next.at <= input.now && Some(next.stage) > at_once;
        let due = next.iter().filter(more).max_by_key(|next| next.stage).copied();
        let since = before.map_or(input.now, |before| before.since);
        let since = if is_ahead(since, input) { input.now } else { since };
        let news = news(link, events);
        let ordered = news.iter().any(|event| policies.policy(*event).then >= Stage::Disable);
        let mut events = events.to_vec();
        events.sort_unstable();
        let (disabled, next) = (link.disabled_here(), without_idle(next));
        let leaving = Leaving { event, events, since, disabled, back: false, next };
        Self { leaving, at_once, due, news, ordered }
    }

    /// Returns what the link is to remember once a stage is reached; `again` has it tried again.
    pub fn after(&self, reached: Stage, kind: AccountKind, again: Option<NextStage>) -> Leaving {
        let mut leaving = self.leaving.clone();
        leaving.next.extend(again);
        leaving.next.retain(|next| reach(next.stage, kind) > reached);
        leaving.next = without_idle(leaving.next);
        leaving
    }

    /// Returns whether the link does not remember yet what it is to remember.
    pub fn is_new_to(&self, link: &Link) -> bool {
        match link.leaving.as_deref() {
            // A link of old that was never asked to remember anything goes on like that.
            None if link.state != LinkState::Active => !self.leaving.next.is_empty(),
            None => true,
            Some(noted) => {
                let now = &self.leaving;
                let parts = |one: &Leaving| (one.event, one.since, one.back);
                parts(noted) != parts(now) || noted.known() != now.events || noted.next != now.next
            }
        }
    }

    /// Returns the event whose policy asks for a stage now.
    pub fn by(&self, stage: Stage) -> LeaveEvent {
        let due = self.due.filter(|due| due.stage == stage && self.at_once != Some(stage));
        due.map_or(self.leaving.event, |due| due.event)
    }

    /// Returns why something is done, with the date of `stage` if it has one, or else with the date
    /// of what is to come.
    pub fn reasons(&self, stage: Stage) -> Vec<Reason> {
        let next = &self.leaving.next;
        let scheduled = next.iter().find(|next| next.stage == stage).or(next.first());
        let since = scheduled.map(|_| self.leaving.since);
        let mut reasons = vec![Reason::Left { event: self.leaving.event, since }];
        reasons.extend(scheduled.map(|next| Reason::Scheduled { stage: next.stage, at: next.at }));
        reasons
    }
}

/// Returns which events are news. Of a link of old that remembers none nobody can tell.
fn news(link: &Link, events: &[LeaveEvent]) -> Vec<LeaveEvent> {
    let known = match link.leaving.as_deref() {
        None if link.state != LinkState::Active => return Vec::new(),
        Some(noted) if !noted.back => noted.known(),
        _ => &[],
    };
    events.iter().copied().filter(|event| !known.contains(event)).collect()
}

/// Returns how far an account has been taken back.
pub(super) fn done(link: &Link) -> Stage {
    match link.state {
        LinkState::Active => Stage::Leave,
        LinkState::Disabled | LinkState::Released => Stage::Disable,
        LinkState::Downgraded => Stage::Downgrade,
    }
}

/// Returns how far a stage reaches: a client is one already.
pub(super) fn reach(stage: Stage, kind: AccountKind) -> Stage {
    match (stage, kind) {
        (Stage::Downgrade, AccountKind::Client) => Stage::Disable,
        _ => stage,
    }
}

/// Returns stages sorted by time, without those that come no sooner than one that goes as far.
pub(in crate::plan) fn without_idle(mut stages: Vec<NextStage>) -> Vec<NextStage> {
    stages.sort_by_key(|next| (next.at, std::cmp::Reverse(next.stage), next.event));
    let mut kept: Vec<NextStage> = Vec::new();
    for next in stages {
        if kept.last().is_none_or(|last| next.stage > last.stage) {
            kept.push(next);
        }
    }
    kept
}

/// Returns a later stage of an event that begins to hold.
fn begin(event: LeaveEvent, later: Later, input: &PlanInput<'_>) -> NextStage {
    let from = latest_now(input);
    NextStage { event, stage: later.stage, at: from.plus_ms(later.after_ms), from }
}

/// Returns a stage with the date that it has by the rules of now: a longer period holds for those
/// who left before as well, a shorter one for nobody but those who leave from now on. A date that
/// was made by a clock far ahead is made anew once the clocks agree.
fn dated(known: NextStage, policies: &Deprovision, input: &PlanInput<'_>) -> NextStage {
    let later = policies.policy(known.event).later;
    let Some(later) = later.filter(|later| later.stage == known.stage) else {
        return known;
    };
    if is_ahead(known.from, input) {
        return begin(known.event, later, input);
    }
    NextStage { at: known.at.max(known.from.plus_ms(later.after_ms)), ..known }
}

/// Returns whether a time that was noted has yet to come, by clocks that agree.
fn is_ahead(noted: Timestamp, input: &PlanInput<'_>) -> bool {
    let ahead = noted.0.saturating_sub(latest_now(input).0);
    doubt(input.clock_ahead_ms).is_none() && ahead > CLOCKS_AGREE_MS.cast_signed()
}

/// Returns the time by the clock that is ahead, ours or the source's: dates that are made from it
/// are never too early.
fn latest_now(input: &PlanInput<'_>) -> Timestamp {
    let behind_ms = input.clock_ahead_ms.unwrap_or(0).min(0).saturating_neg();
    input.now.plus_ms(behind_ms)
}

/// Returns why dates do not count now, if they do not. A clock that jumped must not delete anybody.
pub(in crate::plan) fn doubt(clock_ahead_ms: Option<i64>) -> Option<&'static str> {
    match clock_ahead_ms {
        None => Some("and no answer of the source told the time"),
        Some(ahead_ms) if ahead_ms.unsigned_abs() <= CLOCKS_AGREE_MS => None,
        Some(ahead_ms) if ahead_ms > 0 => Some("which is over 5 minutes ahead of the source's"),
        Some(_) => Some("which is over 5 minutes behind the source's"),
    }
}
