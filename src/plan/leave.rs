//! Leave: what becomes of the account of a linked person who is out of scope.
//!
//! The strictest event decides by its policy what happens at once and what happens later. Dates of
//! later stages are made when the person leaves and kept with the link; a stricter event adds its
//! own, and what is already done is never undone by a milder one. Only the return of the person
//! drops them.

use crate::model::account::{AccountKind, Detail, Link, LinkState, TargetAttribute, address_key};
use crate::model::ids::{TargetId, Timestamp};
use crate::model::leaving::{LeaveEvent, Leaving, NextStage, Stage};
use crate::model::plan::{
    HoldKind, LinkAfter, ModifiedProperty, ObjectKind, PlannedChange, ProvisioningAction, Reason,
    Write,
};

use super::change::{Parts, disabled_property, label_of};
use super::decision::Decision;
use super::diff::Differ;
use super::input::{KnownAccount, Lookup, PlanInput};
use super::protect::Protection;
use super::rules::Heirs;

/// How far the clocks may differ before nothing is done for the sake of a date: 5 minutes.
const CLOCKS_AGREE_MS: u64 = 300_000;

/// What the policies ask for.
struct Course {
    /// What the link is to remember.
    leaving: Leaving,
    /// What is to be done because of what happened.
    at_once: Option<Stage>,
    /// What is to be done because its time has come, if that is more.
    due: Option<NextStage>,
}

impl Course {
    fn of(link: &Link, kind: AccountKind, event: LeaveEvent, input: &PlanInput<'_>) -> Self {
        let policies = &input.rules.deprovision;
        let before = link.leaving.as_deref();
        let stricter = |earlier: &LeaveEvent| {
            policies.policy(*earlier).strictness() > policies.policy(event).strictness()
        };
        let event = before.map(|before| before.event).filter(stricter).unwrap_or(event);
        let policy = policies.policy(event);
        let open = |stage| reach(stage, kind) > done(link);
        let mut next: Vec<NextStage> = before.map(|before| before.next.clone()).unwrap_or_default();
        // What the rules no longer say is dropped; what they said keeps its date.
        next.retain(|next| open(next.stage) && policies.policy(next.event).names(next.stage));
        if let Some(later) = policy.later.filter(|later| open(later.stage)) {
            let known = |next: &NextStage| (next.event, next.stage) == (event, later.stage);
            if !next.iter().any(known) {
                let at = latest_now(input).plus_ms(later.after_ms);
                next.push(NextStage { event, stage: later.stage, at });
            }
        }
        let at_once = Some(policy.then).filter(|then| open(*then));
        let more = |next: &&NextStage| next.at <= input.now && Some(next.stage) > at_once;
        let due = next.iter().filter(more).max_by_key(|next| next.stage).copied();
        let since = before.map_or(input.now, |before| before.since);
        let leaving =
            Leaving { event, since, disabled: link.disabled_here(), next: without_idle(next) };
        Self { leaving, at_once, due }
    }

    /// Returns what the link is to remember once a stage is reached; `again` has it tried again.
    fn after(&self, reached: Stage, kind: AccountKind, again: Option<NextStage>) -> Leaving {
        let mut leaving = self.leaving.clone();
        leaving.next.extend(again);
        leaving.next.retain(|next| reach(next.stage, kind) > reached);
        leaving.next = without_idle(leaving.next);
        leaving
    }

    /// Returns the event whose policy asks for a stage now.
    fn by(&self, stage: Stage) -> LeaveEvent {
        let due = self.due.filter(|due| due.stage == stage && self.at_once != Some(stage));
        due.map_or(self.leaving.event, |due| due.event)
    }

    /// Returns why something is done, with the date of `stage` if it has one, or else with the date
    /// of what is to come.
    fn reasons(&self, stage: Stage) -> Vec<Reason> {
        let next = &self.leaving.next;
        let scheduled = next.iter().find(|next| next.stage == stage).or(next.first());
        let since = scheduled.map(|_| self.leaving.since);
        let mut reasons = vec![Reason::Left { event: self.leaving.event, since }];
        reasons.extend(scheduled.map(|next| Reason::Scheduled { stage: next.stage, at: next.at }));
        reasons
    }
}

/// Returns how far an account has been taken back.
fn done(link: &Link) -> Stage {
    match link.state {
        LinkState::Active => Stage::Leave,
        LinkState::Disabled | LinkState::Released => Stage::Disable,
        LinkState::Downgraded => Stage::Downgrade,
    }
}

/// Returns how far a stage reaches: a client is one already.
fn reach(stage: Stage, kind: AccountKind) -> Stage {
    match (stage, kind) {
        (Stage::Downgrade, AccountKind::Client) => Stage::Disable,
        _ => stage,
    }
}

/// Returns stages sorted by time, without those that come no sooner than one that goes as far.
pub(super) fn without_idle(mut stages: Vec<NextStage>) -> Vec<NextStage> {
    stages.sort_by_key(|next| (next.at, std::cmp::Reverse(next.stage), next.event));
    let mut kept: Vec<NextStage> = Vec::new();
    for next in stages {
        if kept.last().is_none_or(|last| next.stage > last.stage) {
            kept.push(next);
        }
    }
    kept
}

/// Returns the time by the clock that is ahead, ours or the source's: dates that are made from it
/// are never too early.
fn latest_now(input: &PlanInput<'_>) -> Timestamp {
    let behind_ms = input.clock_ahead_ms.unwrap_or(0).min(0).saturating_neg();
    input.now.plus_ms(behind_ms)
}

/// Returns why dates do not count now, if they do not. A clock that jumped must not delete anybody.
fn doubt(clock_ahead_ms: Option<i64>) -> Option<&'static str> {
    match clock_ahead_ms {
        None => Some("and no answer of the source told the time"),
        Some(ahead_ms) if ahead_ms.unsigned_abs() <= CLOCKS_AGREE_MS => None,
        Some(ahead_ms) if ahead_ms > 0 => Some("which is over 5 minutes ahead of the source's"),
        Some(_) => Some("which is over 5 minutes behind the source's"),
    }
}

/// What a leaver's stage is planned from.
struct Leaver<'a> {
    link: &'a Link,
    known: Option<&'a KnownAccount>,
    label: String,
    kind: AccountKind,
    course: Course,
}

impl<'a> Differ<'a> {
    /// A linked person who left.
    pub(super) fn left(&self, link: &Link, event: LeaveEvent, out: &mut Decision) {
        let target = self.input.target;
        if target.is_gone(&link.target_id) {
            out.change = Some(self.end(link, vec![Reason::Left { event, since: None }]));
            return;
        }
        let known = target.by_id(&link.target_id);
        if self.must_read(link, target.complete && known.is_none()) {
            out.target_ids.insert(link.target_id.clone());
            return;
        }
        let kind = known.map_or(link.shadow.kind, |known| known.account.kind);
        let leaver = Leaver {
            link,
            known,
            label: label_of(&link.shadow.sent, link.anchor),
            kind,
            course: Course::of(link, kind, event, self.input),
        };
        let mut stage = leaver.course.at_once;
        if let Some(due) = leaver.course.due {
            match doubt(self.input.clock_ahead_ms) {
                None => stage = Some(due.stage),
                Some(why) => {
                    let (id, then) = (&link.target_id, due.stage.participle());
                    let day = due.at.date();
                    let detail = format!(
                        "account {id} is to be {then} on {day} by the clock of this host, {why}"
                    );
                    out.hold(HoldKind::ClockDoubtful, link.anchor, &leaver.label, detail);
                }
            }
        }
        match stage {
            None => out.change = self.noted(&leaver),
            Some(stage) => self.take_back(&leaver, stage, out),
        }
    }

    /// Takes an account back as far as a stage says, if nothing speaks against it.
    fn take_back(&self, leaver: &Leaver<'_>, stage: Stage, out: &mut Decision) {
        let Leaver { link, known, label, course, .. } = leaver;
        let target_id = &link.target_id;
        if let Some(why) = self.protection_of(link, *known).or_else(|| self.heir(link, *known)) {
            let (event, not) = (course.leaving.event.word(), stage.participle());
            let detail =
                format!("the person left ({event}), but account {target_id} is not {not}: {why}");
            return out.hold(HoldKind::ProtectedRemoval, link.anchor, label, detail);
        }
        if let Some(why) = self.input.target.unreadable(target_id) {
            return out.hold_unread(link.anchor, label, target_id, why);
        }
        if known.is_some_and(|known| known.account.detail == Detail::Reduced) {
            let detail = format!("account {target_id} shows only a reduced record");
            return out.hold(HoldKind::NotReadable, link.anchor, label, detail);
        }
        let disabled = known.map_or(link.shadow.disabled, |known| known.account.disabled);
        match reach(stage, leaver.kind) {
            Stage::Leave => {}
            Stage::Disable => out.change = Some(self.disable(leaver, None)),
            _ if done(link) >= Stage::Disable && !disabled => {
                let not = stage.participle();
                let detail =
                    format!("somebody else enabled account {target_id}, so that it is not {not}");
                out.hold(HoldKind::EnabledElsewhere, link.anchor, label, detail);
            }
            // Nobody may sign in while a client is made of the account.
            Stage::Downgrade if done(link) < Stage::Disable => {
                out.change = Some(self.disable(leaver, Some(stage)));
            }
            Stage::Downgrade => self.downgrade(leaver, out),
            Stage::Delete => self.delete(leaver, out),
        }
    }

    /// The account is disabled, or was already by somebody else. What could not be done yet is
    /// tried again from now on.
    fn disable(&self, leaver: &Leaver<'_>, again: Option<Stage>) -> PlannedChange {
        let Leaver { link, known, course, .. } = leaver;
        let already = known.is_some_and(|known| known.account.disabled);
        let at = self.input.now;
        let again = again.map(|stage| NextStage { event: course.by(stage), stage, at });
        let mut reasons = course.reasons(Stage::Disable);
        if already {
            reasons.push(Reason::DisabledElsewhere);
        }
        let leaving =
            Leaving { disabled: !already, ..course.after(Stage::Disable, leaver.kind, again) };
        let state = if already { LinkState::Released } else { LinkState::Disabled };
        let target_id = link.target_id.clone();
        let parts = self.parts(leaver, reasons, kept(link, state, leaving));
        self.change(if already {
            parts
        } else {
            Parts {
                action: ProvisioningAction::Disable,
                modified: vec![disabled_property(false, true)],
                write: Write::Disable { target_id },
                ..parts
            }
        })
    }

    /// A disabled employee becomes a client, where licensing lets that be.
    fn downgrade(&self, leaver: &Leaver<'_>, out: &mut Decision) {
        let Leaver { link, label, course, kind, .. } = leaver;
        if let Some(domain) = self.company_domain(leaver) {
            let detail = format!(
                "account {} cannot become a client: {domain} is a domain of employees only",
                link.target_id
            );
            return out.hold(HoldKind::MustStayEmployee, link.anchor, label, detail);
        }
        let Some((items_to, groups_to, mut modified)) =
            self.heirs_of(leaver, Stage::Downgrade, out)
        else {
            return;
        };
        let client = Some(AccountKind::Client.word().to_owned());
        let employee = Some(AccountKind::Employee.word().to_owned());
        let change = ModifiedProperty { name: "Type".to_owned(), old: employee, new: client };
        modified.insert(0, change);
        let leaving = course.after(Stage::Downgrade, *kind, None);
        let link_after = kept(link, LinkState::Downgraded, leaving);
        out.change = Some(self.change(Parts {
            action: ProvisioningAction::StagedDelete,
            modified,
            write: Write::Downgrade {
                target_id: link.target_id.clone(),
                reassign_items_to: items_to,
                reassign_groups_to: groups_to,
            },
            ..self.parts(leaver, course.reasons(Stage::Downgrade), link_after)
        }));
    }

    /// The account is deleted for good, and the link ends with it. Until that can be done nobody
    /// signs in with it.
    fn delete(&self, leaver: &Leaver<'_>, out: &mut Decision) {
        let Leaver { link, course, .. } = leaver;
        let Some((items_to, groups_to, modified)) = self.heirs_of(leaver, Stage::Delete, out)
        else {
            let asks = !out.addresses.is_empty();
            if !asks && done(link) < Stage::Disable {
                out.change = Some(self.disable(leaver, Some(Stage::Delete)));
            }
            return;
        };
        out.change = Some(self.change(Parts {
            action: ProvisioningAction::Delete,
            modified,
            write: Write::Delete {
                target_id: link.target_id.clone(),
                reassign_items_to: items_to,
                reassign_groups_to: groups_to,
            },
            ..self.parts(leaver, course.reasons(Stage::Delete), LinkAfter::End)
        }));
    }

    /// Returns what a link is to remember that it does not yet: dates that were made or dropped.
    fn noted(&self, leaver: &Leaver<'_>) -> Option<PlannedChange> {
        let Leaver { link, course, .. } = leaver;
        let before = link.leaving.as_deref().map(|before| before.next.as_slice());
        if course.leaving.next == before.unwrap_or_default() {
            return None;
        }
        let reasons = course.reasons(Stage::Leave);
        let link_after = kept(link, link.state, course.leaving.clone());
        Some(self.change(self.parts(leaver, reasons, link_after)))
    }

    /// Whoever is back in scope has no dates any more, also while the return itself is held.
    pub(super) fn forget_dates(&self, link: &Link, out: &mut Decision) {
        let asks = !out.addresses.is_empty() || !out.target_ids.is_empty();
        let Some(leaving) = link.leaving.as_deref().filter(|leaving| !leaving.next.is_empty())
        else {
            return;
        };
        if asks || out.change.is_some() {
            return;
        }
        let leaving = Leaving { next: Vec::new(), ..leaving.clone() };
        out.change = Some(self.change(Parts {
            object: ObjectKind::User,
            anchor: link.anchor,
            label: label_of(&link.shadow.sent, link.anchor),
            target_id: Some(link.target_id.clone()),
            action: ProvisioningAction::Other,
            reasons: vec![Reason::Returned],
            modified: Vec::new(),
            write: Write::Nothing,
            link: kept(link, link.state, leaving),
            before: Some(self.shadow_now(link)),
        }));
    }

    /// Returns a change of the link alone.
    fn parts(&self, leaver: &Leaver<'_>, reasons: Vec<Reason>, link: LinkAfter) -> Parts {
        Parts {
            object: ObjectKind::User,
            anchor: leaver.link.anchor,
            label: leaver.label.clone(),
            target_id: Some(leaver.link.target_id.clone()),
            action: ProvisioningAction::Other,
            reasons,
            modified: Vec::new(),
            write: Write::Nothing,
            link,
            before: Some(self.shadow_now(leaver.link)),
        }
    }

    /// Returns why an account stays although it may be changed: it takes over what others leave.
    fn heir(&self, link: &Link, known: Option<&KnownAccount>) -> Option<&'static str> {
        match known {
            Some(known) => Protection::of_heir(&known.account, &self.heirs),
            None => {
                let address = link.shadow.read_back.get(TargetAttribute::Email.index());
                let listed = self.heirs.binary_search(&address_key(address.unwrap_or("")));
                listed.is_ok().then_some("it takes over what leavers leave behind")
            }
        }
    }

    /// Returns the domain for whose sake an account has to stay an employee.
    fn company_domain(&self, leaver: &Leaver<'_>) -> Option<String> {
        let domains = &self.input.target.tenant.as_ref()?.employee_domains;
        let mut addresses = vec![address_of(leaver.link)];
        if let Some(known) = leaver.known {
            addresses.push(known.account.address());
            addresses.extend(known.account.other_addresses.iter().map(String::as_str));
        }
        let of_account = addresses.into_iter().filter_map(|address| address.rsplit_once('@'));
        let mut of_account = of_account.map(|(_, domain)| domain.trim());
        let domain = of_account
            .find(|domain| domains.iter().any(|company| company.eq_ignore_ascii_case(domain)));
        domain.map(str::to_lowercase)
    }

    /// Returns who takes over, with the properties that tell it. Otherwise it was asked for, or the
    /// stage is held because nobody can.
    fn heirs_of(
        &self,
        leaver: &Leaver<'_>,
        stage: Stage,
        out: &mut Decision,
    ) -> Option<(TargetId, TargetId, Vec<ModifiedProperty>)> {
        let Leaver { link, label, .. } = leaver;
        let policies = &self.input.rules.deprovision;
        let by = leaver.course.by(stage);
        // A policy that names such a stage has heirs; the configuration sees to it.
        let Some(Heirs { items_to, groups_to }) = &policies.policy(by).heirs else {
            let detail = format!("the policy for {} names nobody who takes over", by.word());
            out.hold(HoldKind::NoHeir, link.anchor, label, detail);
            return None;
        };
        let mut found = Vec::new();
        let mut modified = Vec::new();
        for (address, name) in [(items_to, "ReassignItemsTo"), (groups_to, "ReassignGroupsTo")] {
            match self.heir_at(address, &link.target_id, out) {
                None => {}
                Some(Ok(target_id)) => found.push(target_id),
                Some(Err(why)) => {
                    let (id, not) = (&link.target_id, stage.participle());
                    let detail = format!("account {id} is not {not}: {address}, {why}");
                    out.hold(HoldKind::NoHeir, link.anchor, label, detail);
                    return None;
                }
            }
            let new = Some(address.clone());
            modified.push(ModifiedProperty { name: name.to_owned(), old: None, new });
        }
        let mut found = found.into_iter();
        Some((found.next()?, found.next()?, modified))
    }

    /// Returns the account of one who takes over, or why it cannot; `None` if it is not known yet.
    fn heir_at(
        &self,
        address: &str,
        leaver: &TargetId,
        out: &mut Decision,
    ) -> Option<Result<TargetId, String>> {
        let cannot = |why: &str| Some(Err(format!("who should take over, {why}")));
        let known = match self.input.target.by_address(address) {
            Lookup::Unknown => {
                out.addresses.insert(address_key(address));
                return None;
            }
            Lookup::Absent => return cannot("has no account in ShareFile"),
            Lookup::Failed(why) => return cannot(&format!("could not be looked up: {why}")),
            Lookup::Found(found) => match found.as_slice() {
                [known] => *known,
                _ => return cannot("is the address of several accounts"),
            },
        };
        let account = &known.account;
        if account.id == *leaver {
            cannot("is the one who leaves")
        } else if account.detail == Detail::Reduced {
            cannot("shows only a reduced record")
        } else if account.kind != AccountKind::Employee {
            cannot("is no employee")
        } else if account.disabled {
            cannot("is disabled")
        } else {
            Some(Ok(account.id.clone()))
        }
    }
}

fn address_of(link: &Link) -> &str {
    link.shadow.read_back.get(TargetAttribute::Email.index()).unwrap_or("")
}

/// Returns a link that stays with a person who left.
fn kept(link: &Link, state: LinkState, leaving: Leaving) -> LinkAfter {
    LinkAfter::Keep {
        target_id: Some(link.target_id.clone()),
        origin: link.origin.clone(),
        state,
        sent: link.shadow.sent.clone(),
        leaving: Some(Box::new(leaving)),
    }
}
