//! Downgrades: many accounts in one call, each with an intent and an outcome of its own.
//!
//! What becomes of a call of which some accounts cannot be served is not known (ShareFile API
//! reference, section 6.4). So every account is read afterwards, whatever the answer was, and a call
//! that was refused is sent again in halves until it is known for whose sake.

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;

use crate::model::account::{AccountKind, TargetUser};
use crate::model::ids::TargetId;
use crate::model::outcome::ErrorCategory;
use crate::model::plan::{CheckedPlan, PlannedChange, Write};
use crate::store::StoreError;
use crate::target::{MOST_PER_CALL, Reassign, Refusal, Target, TargetError};

use super::Applier;
use super::failure::{self, ATTEMPTS, Next};
use super::step::{self, Done, End};

/// Returns what a change leaves to whom, if it is a downgrade.
fn downgrade_of(change: &PlannedChange) -> Option<(&TargetId, Reassign)> {
    match &change.write {
        Write::Downgrade { target_id, reassign_items_to, reassign_groups_to } => Some((
            target_id,
            Reassign { items_to: reassign_items_to.clone(), groups_to: reassign_groups_to.clone() },
        )),
        _ => None,
    }
}

/// Returns which changes of a class are made by one call: downgrades with the same heirs together,
/// and every other change alone. Each starts where the first of its changes stands.
pub fn calls(class: &[PlannedChange]) -> Vec<Vec<&PlannedChange>> {
    let mut calls: Vec<Vec<&PlannedChange>> = Vec::new();
    let mut open: Vec<(Reassign, usize)> = Vec::new();
    for change in class {
        let Some((_, heirs)) = downgrade_of(change) else {
            calls.push(vec![change]);
            continue;
        };
        let known = open.iter_mut().find(|(known, _)| *known == heirs);
        let call = known.and_then(|(_, index)| calls.get_mut(*index));
        if let Some(call) = call.filter(|call| call.len() < MOST_PER_CALL) {
            call.push(change);
            continue;
        }
        open.retain(|(known, _)| *known != heirs);
        open.push((heirs, calls.len()));
        calls.push(vec![change]);
    }
    calls
}

/// Makes clients of several employees who leave to the same people. Returns what came of each, in
/// the order of `changes`; `None` if they are no downgrades.
///
/// # Errors
/// The store's.
pub async fn downgrade(
    applier: &Applier<'_>,
    plan: &CheckedPlan,
    changes: &[&PlannedChange],
) -> Result<Option<Vec<Done>>, StoreError> {
    let Some((_, heirs)) = changes.first().and_then(|change| downgrade_of(change)) else {
        return Ok(None);
    };
    let started = applier.clock.now();
    let mut intents = Vec::new();
    for change in changes {
        intents.push(step::intend(applier, change, started));
    }
    let seqs = join_all(intents).await.into_iter().collect::<Result<Vec<i64>, StoreError>>()?;
    let mut run = Run { applier, heirs, changes, ends: Vec::new() };
    run.ends.resize_with(changes.len(), || None);
    let mut allowed = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        if step::is_protected(plan, change) {
            run.end(index, End::Protected);
        } else {
            allowed.push(index);
        }
    }
    run.send(allowed).await;
    let ends = run.ends;
    let mut records = Vec::new();
    for ((change, seq), end) in changes.iter().zip(seqs).zip(ends) {
        let end = end.unwrap_or_else(|| End::Failed(not_downgraded(change, "nothing was sent")));
        records.push(step::record(applier, change, seq, started, end));
    }
    let recorded = join_all(records).await.into_iter();
    recorded
        .map(|one| one.map(|(done, _)| done))
        .collect::<Result<Vec<Done>, StoreError>>()
        .map(Some)
}

struct Run<'a> {
    applier: &'a Applier<'a>,
    heirs: Reassign,
    changes: &'a [&'a PlannedChange],
    ends: Vec<Option<End>>,
}

impl Run<'_> {
    fn end(&mut self, index: usize, end: End) {
        if let Some(slot) = self.ends.get_mut(index) {
            *slot = Some(end);
        }
    }

    async fn send(&mut self, all: Vec<usize>) {
        let mut work = vec![(all, 1)];
        while let Some((part, attempt)) = work.pop() {
            if !part.is_empty() {
                work.extend(self.send_part(part, attempt).await);
            }
        }
    }

    /// Sends one call, looks what came of it, and returns what has to be sent again.
    async fn send_part(&mut self, part: Vec<usize>, attempt: u32) -> Vec<(Vec<usize>, u32)> {
        let ids: Vec<TargetId> =
            part.iter().filter_map(|index| self.changes.get(*index)?.target_id.clone()).collect();
        let sent = self.applier.target.downgrade_users(&ids, &self.heirs).await;
        let Err(error) = sent else {
            let rest = self.look(&part, None).await;
            for index in rest {
                let failed = self.still_employee(index);
                self.end(index, End::Failed(failed));
            }
            return Vec::new();
        };
        let Some(first) = part.first().and_then(|index| self.changes.get(*index)) else {
            return Vec::new();
        };
        match failure::next(&first.write, &error, attempt) {
            Next::Repeat(wait) => {
                self.applier.clock.sleep(wait).await;
                return vec![(part, attempt + 1)];
            }
            Next::Deny if !error.maybe_applied => {
                part.iter().for_each(|index| self.end(*index, End::Denied(copy(&error))));
                return Vec::new();
            }
            Next::Replan { verify } if part.len() == 1 => {
                part.iter().for_each(|index| {
                    self.end(*index, End::Replan { error: copy(&error), verify })
                });
                return Vec::new();
            }
            Next::Look(wait) => self.applier.clock.sleep(wait).await,
            _ => {}
        }
        let rest = self.look(&part, Some(&error)).await;
        self.again(rest, part.len(), attempt, &error)
    }

    /// Returns what is sent again of accounts that a failed call left as they were.
    fn again(
        &mut self,
        rest: Vec<usize>,
        of: usize,
        attempt: u32,
        error: &TargetError,
    ) -> Vec<(Vec<usize>, u32)> {
        let refused =
            error.category == ErrorCategory::Rejected || error.refusal == Refusal::Forbidden;
        if refused && of > 1 {
            let (left, right) = rest.split_at(rest.len().div_ceil(2));
            return vec![(right.to_vec(), 1), (left.to_vec(), 1)];
        }
        if !refused && attempt < ATTEMPTS {
            return vec![(rest, attempt + 1)];
        }
        for index in rest {
            // It was looked at: nothing was done.
            let failed = TargetError { maybe_applied: false, ..copy(error) };
            self.end(index, End::Failed(failed));
        }
        Vec::new()
    }

    /// Reads accounts after a call; returns those that are still employees.
    async fn look(&mut self, part: &[usize], error: Option<&TargetError>) -> Vec<usize> {
        let (applier, changes) = (self.applier, self.changes);
        let mut read = Vec::new();
        let mut running = FuturesUnordered::new();
        let mut asked = part.iter().copied();
        loop {
            while running.len() < applier.in_flight.max(1)
                && let Some(index) = asked.next()
            {
                let target_id = changes.get(index).and_then(|change| change.target_id.clone());
                running.push(read_one(applier.target, index, target_id));
            }
            let Some(answer) = running.next().await else { break };
            read.push(answer);
        }
        drop(running);
        read.sort_by_key(|(index, _)| *index);
        let mut rest = Vec::new();
        for (index, answer) in read {
            match answer {
                Ok(Some(account)) if account.kind == AccountKind::Client => {
                    self.end(index, End::Written(Some(Box::new(account))));
                }
                Ok(Some(_)) => rest.push(index),
                Ok(None) => {
                    let gone = self.changes.get(index).map(|change| {
                        let error = not_downgraded(change, "the account no longer exists");
                        End::Replan { error, verify: true }
                    });
                    gone.into_iter().for_each(|end| self.end(index, end));
                }
                // What became of it stays a question for the next cycle.
                Err(look) => {
                    let failed = copy(error.unwrap_or(&look));
                    self.end(index, End::Failed(TargetError { maybe_applied: true, ..failed }));
                }
            }
        }
        rest
    }

    fn still_employee(&self, index: usize) -> TargetError {
        let why = "ShareFile reported success, but the account is still an employee";
        match self.changes.get(index) {
            Some(change) => TargetError {
                code: "NotApplied".to_owned(),
                category: ErrorCategory::Rejected,
                ..not_downgraded(change, why)
            },
            None => unexpected(why),
        }
    }
}

/// Reads one account.
async fn read_one(
    target: &dyn Target,
    index: usize,
    target_id: Option<TargetId>,
) -> (usize, Result<Option<TargetUser>, TargetError>) {
    match target_id {
        Some(target_id) => (index, target.read_user(&target_id).await),
        None => (index, Ok(None)),
    }
}

fn not_downgraded(change: &PlannedChange, why: &str) -> TargetError {
    let target_id = change.target_id.as_ref().map(ToString::to_string).unwrap_or_default();
    TargetError { attempted: format!("downgrading the account {target_id}"), ..unexpected(why) }
}

fn unexpected(why: &str) -> TargetError {
    TargetError {
        attempted: "downgrading".to_owned(),
        message: why.to_owned(),
        remedy: "Look at the account in ShareFile.".to_owned(),
        category: ErrorCategory::Bug,
        refusal: Refusal::Other,
        code: String::new(),
        maybe_applied: false,
        cause: None,
    }
}

/// Returns the failure of one call for one of its accounts.
fn copy(error: &TargetError) -> TargetError {
    let mut message = error.message.clone();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        message.push_str(": ");
        message.push_str(&inner.to_string());
        cause = inner.source();
    }
    TargetError {
        attempted: error.attempted.clone(),
        message,
        remedy: error.remedy.clone(),
        category: error.category,
        refusal: error.refusal,
        code: error.code.clone(),
        maybe_applied: error.maybe_applied,
        cause: None,
    }
}
