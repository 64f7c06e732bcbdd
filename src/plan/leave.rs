//! Leave: what becomes of the account of a linked person who is out of scope.
//!
//! Of the events that hold the strictest decides by its policy what happens at once; each makes the
//! date of its own later stage when it begins to hold. Dates are kept with the link, and what is
//! already done is never undone by a milder event. Only the return of the person drops them.
//!
//! An account that was taken back and is in use again, because somebody enabled it at the target, is
//! reported and left alone until a person decides. But an event that is news is a new order of the
//! source: the account is read, and disabled anew.

mod course;

use crate::model::account::{AccountKind, Detail, Link, LinkState, TargetAttribute, address_key};
use crate::model::ids::TargetId;
use crate::model::leaving::{LeaveEvent, Leaving, NextStage, Stage};
use crate::model::plan::{
    HoldKind, LinkAfter, ModifiedProperty, ObjectKind, PlannedChange, ProvisioningAction, Reason,
    Write,
};

use super::change::{Parts, disabled_property, label_of};
use super::decision::Decision;
use super::diff::Differ;
use super::drift;
use super::input::{KnownAccount, Lookup};
use super::protect::Protection;
use super::rules::{DriftWord, Heirs};
pub(super) use course::doubt;
#[cfg(test)]
pub(super) use course::without_idle;
use course::{Course, done, reach};

/// What a leaver's stage is planned from.
struct Leaver<'a> {
    link: &'a Link,
    known: Option<&'a KnownAccount>,
    label: String,
    kind: AccountKind,
    course: Course,
    /// It was taken back, and is in use again.
    in_use_again: bool,
}

impl<'a> Differ<'a> {
    /// A linked person who left; `events` are those that hold, the strictest first.
    pub(super) fn left(&self, link: &Link, events: &[LeaveEvent], out: &mut Decision) {
        let target = self.input.target;
        if target.is_gone(&link.target_id) {
            let event = events.first().copied();
            let left = event.map(|event| Reason::Left { event, since: None });
            out.change = Some(self.end(link, left.into_iter().collect()));
            return;
        }
        let known = target.by_id(&link.target_id);
        let kind = known.map_or(link.shadow.kind, |known| known.account.kind);
        let course = Course::of(link, kind, events, self.input);
        out.news.clone_from(&course.news);
        let disabled = known.map_or(link.shadow.disabled, |known| known.account.disabled);
        let taken_back = done(link) >= Stage::Disable;
        let in_use_again = taken_back && !disabled;
        let suspect = target.misses(&link.target_id);
        let unsure = in_use_again || (taken_back && course.ordered && known.is_none());
        if self.must_read(link, suspect || unsure) {
            out.target_ids.insert(link.target_id.clone());
            return;
        }
        let label = label_of(&link.shadow.sent, link.anchor);
        if let Some(why) = target.unreadable(&link.target_id).filter(|_| unsure) {
            return out.hold_unread(link.anchor, &label, &link.target_id, why);
        }
        let leaver = Leaver { link, known, label, kind, course, in_use_again };
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
        match stage.or(in_use_again.then_some(Stage::Disable)) {
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
        match reach(stage, leaver.kind) {
            Stage::Leave => {}
            _ if leaver.in_use_again => self.in_use_again(leaver, stage, out),
            Stage::Disable => out.change = Some(self.disable(leaver, None)),
            // Nobody may sign in while a client is made of the account.
            Stage::Downgrade if done(link) < Stage::Disable => {
                out.change = Some(self.disable(leaver, Some(stage)));
            }
            Stage::Downgrade => self.downgrade(leaver, out),
            Stage::Delete => self.delete(leaver, out),
        }
    }

    /// Somebody enabled the account at the target. What the source says anew goes before that, and so
    /// do rules that have such things put right.
    fn in_use_again(&self, leaver: &Leaver<'_>, stage: Stage, out: &mut Decision) {
        let Leaver { link, label, course, .. } = leaver;
        let word = self.input.rules.drift.users;
        if course.ordered || word == DriftWord::Repair {
            let again = Some(stage).filter(|stage| *stage > Stage::Disable);
            let mut change = self.disable(leaver, again);
            change.reasons.push(Reason::EnabledElsewhere);
            out.change = Some(change);
            return;
        }
        if word == DriftWord::Report && self.input.target.complete {
            out.drift.push(drift::of_value(link, "Disabled", Some("True"), Some("False")));
        }
        let (id, event) = (&link.target_id, course.leaving.event.word());
        let detail = match stage {
            Stage::Leave | Stage::Disable => {
                format!("the person left ({event}), but somebody else enabled account {id}")
            }
            _ => {
                let not = stage.participle();
                format!("somebody else enabled account {id}, so that it is not {not}")
            }
        };
        out.hold(HoldKind::EnabledElsewhere, link.anchor, label, detail);
        out.change = self.noted(leaver);
    }

    /// The account is disabled, or was already by somebody else. What could not be done yet is
    /// tried again from now on.
    fn disable(&self, leaver: &Leaver<'_>, again: Option<Stage>) -> PlannedChange {
        let Leaver { link, known, course, .. } = leaver;
        let already = known.is_some_and(|known| known.account.disabled);
        let at = self.input.now;
        let again = again.map(|stage| NextStage { event: course.by(stage), stage, at, from: at });
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
            let asks = !out.addresses.is_empty() || !out.target_ids.is_empty();
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

    /// Returns what a link is to remember that it does not yet: events that hold, and dates.
    fn noted(&self, leaver: &Leaver<'_>) -> Option<PlannedChange> {
        let Leaver { link, course, .. } = leaver;
        if !course.is_new_to(link) {
            return None;
        }
        let reasons = course.reasons(Stage::Leave);
        let link_after = kept(link, link.state, course.leaving.clone());
        Some(self.change(self.parts(leaver, reasons, link_after)))
    }

    /// Returns what is noted of a person who is back in scope while the return itself waits: no date
    /// and no event of before counts any more.
    pub(super) fn back(&self, link: &Link) -> Option<PlannedChange> {
        let leaving = link.leaving.as_deref().filter(|leaving| !leaving.back)?;
        Some(self.change(Parts {
            object: ObjectKind::User,
            anchor: link.anchor,
            label: label_of(&link.shadow.sent, link.anchor),
            target_id: Some(link.target_id.clone()),
            action: ProvisioningAction::Other,
            reasons: vec![Reason::Returned],
            modified: Vec::new(),
            write: Write::Nothing,
            link: kept(link, link.state, leaving.returned()),
            before: Some(self.shadow_now(link)),
        }))
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
        // A list leaves out what does not suit it; so much is not left to somebody on its word.
        if account.detail == Detail::Listed {
            if let Some(why) = self.input.target.unreadable(&account.id) {
                return cannot(&format!("could not be read: {why}"));
            }
            out.target_ids.insert(account.id.clone());
            return None;
        }
        if account.id == *leaver {
            cannot("is the one who leaves")
        } else if account.detail == Detail::Reduced {
            cannot("shows only a reduced record")
        } else if account.kind != AccountKind::Employee {
            cannot("is no employee")
        } else if account.disabled || account.deleted {
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
