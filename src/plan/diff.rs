//! Diff: one person, desired against shadow, to a change with its reasons.

use std::borrow::Cow;

use crate::model::account::{
    AccountKind, Detail, Link, LinkState, Shadow, TargetAttribute, address_key,
};
use crate::model::identity::{Presence, SourceUser};
use crate::model::ids::{SourceAnchor, TargetId, Timestamp};
use crate::model::plan::{
    HoldKind, LeaveEvent, LinkAfter, ObjectKind, PlannedChange, ProvisioningAction, Reason, Write,
};
use crate::model::row::AttributeRow;

use super::change::{
    Parts, describe, differences, disabled_property, fingerprint, keep, label_of, modified, naming,
    promoted_property, shadow_of, tell_apart,
};
use super::decision::Decision;
use super::drift::{self, Drifted};
use super::filter::{Assigned, Filters, Time, Verdict};
use super::fit::governed;
use super::input::{KnownAccount, Lookup, PlanInput};
use super::leave::doubt;
use super::map::values::Mapper;
use super::map::{Said, Single};
use super::matching::Matcher;
use super::named::{beside, of_client, sent_to_client};
use super::person::{Facts, Person};
use super::protect::Protection;
use super::rules::OnLeave;
use super::scope::{self, Entitlement, Scope, Untyped};
use super::unique::Unique;

/// Decides person by person; borrowed from the input of one plan.
pub struct Differ<'a> {
    pub(super) input: &'a PlanInput<'a>,
    pub(super) mapper: Mapper<'a>,
    /// What the rules say by the source's clock, and why this host's is doubted, if it is.
    other_day: Option<(Mapper<'a>, &'static str)>,
    pub(super) matcher: Matcher<'a>,
    pub(super) unique: Unique<'a>,
    pub(super) protection: Protection<'a>,
    pub(super) filters: Filters<'a>,
    /// What says which type an account has, if an expression does.
    kind: Option<Single>,
    pub(super) facts: Facts<'a>,
    /// Addresses of those who take over what leavers leave behind; sorted.
    pub(super) heirs: Vec<String>,
}

/// How a linked account stands.
#[derive(Clone, Copy)]
struct Now {
    /// This job disabled it, and its person is in scope again.
    returned: bool,
    /// Somebody else disabled it.
    elsewhere: bool,
    /// It is a client, and the rules say employee.
    promote: bool,
    /// What somebody else changed is put right.
    repairs: bool,
}

impl<'a> Differ<'a> {
    /// Prepares the input.
    pub fn new(input: &'a PlanInput<'a>) -> Self {
        let mapper = Mapper::new(input.rules, input.now);
        let doubt = doubt(input.clock_ahead_ms).zip(input.clock_ahead_ms);
        let other_day =
            doubt.map(|(why, ahead)| (Mapper::new(input.rules, input.now.plus_ms(-ahead)), why));
        let matcher = Matcher::new(input);
        let protected = &input.rules.guard.protected;
        let protection = Protection::new(input.target.tenant.as_ref(), protected);
        let known = Assigned { assignments: input.assignments, groups: input.groups.groups };
        let time = Time { now: input.now, ahead_ms: input.clock_ahead_ms };
        let filters = Filters::of_people(input.rules, known, time);
        let heirs = input.rules.deprovision.heirs();
        let kind = input.rules.types.expression.as_ref();
        let kind = kind.map(|kind| Single::new(kind, &input.rules.source_attributes));
        let facts = Facts::new(input.rules, input.roles, input.groups.groups);
        let unique = Unique::new(input);
        Self { input, mapper, other_day, matcher, unique, protection, filters, kind, facts, heirs }
    }

    /// Decides for one person, given the rows that belong to the person, and the groups `through`
    /// which the person is in scope.
    pub fn decide(
        &self,
        (entitlement, through): (&Entitlement, &[SourceAnchor]),
        source_user: Option<&SourceUser>,
        link: Option<&Link>,
    ) -> Decision {
        let mut decision = Decision {
            default_access_only: entitlement.default_access_only,
            ..Decision::default()
        };
        if self.is_left_out(source_user, link) {
            decision.left_out = true;
            return decision;
        }
        let present = source_user.filter(|user| user.presence == Presence::Present);
        let verdict =
            present.map_or(Verdict::In, |user| self.filters.verdict(&user.attributes, through));
        let counts = entitlement.entitled && present.is_some();
        let day = self.next_day(link.is_none()).filter(|_| counts);
        let dates = present.and_then(|user| self.filters.next_change(&user.attributes));
        decision.look_again = day.into_iter().chain(dates).min();
        let filtered = present.filter(|_| verdict == Verdict::Out);
        let policy = &self.input.rules.deprovision;
        let ignored = filtered.is_some() && self.input.rules.on_leave == OnLeave::Ignore;
        let leaves = filtered.is_some() && !ignored;
        let given = (entitlement.roles.as_slice(), through);
        let person = source_user.map(|user| Person::new(user, given, self.facts));
        let asked = person.as_ref().filter(|one| one.presence == Presence::Present && one.enabled);
        let says = asked.map_or(Ok(true), |person| self.mapper.is_active(person));
        let by_rules = [(leaves, LeaveEvent::Filtered), (says == Ok(false), LeaveEvent::Inactive)];
        let by_rules = by_rules.into_iter().filter(|(holds, _)| *holds).map(|(_, event)| event);
        let by_rules: Vec<LeaveEvent> = by_rules.collect();
        match (scope::scope(source_user, entitlement, &by_rules, policy), &person) {
            (Scope::In, Some(person)) if ignored => {
                if let Some(link) = link {
                    let label = label_of(&link.shadow.sent, person.anchor);
                    let why = self.filters.why_out(&person.attributes, through);
                    decision.keep_as_it_is(person.anchor, &label, why);
                }
            }
            (Scope::In, Some(person))
                if let Some(why) = self.doubts_day(person, link.is_none()) =>
            {
                decision.in_scope = true;
                decision.cannot_tell(person.anchor, &self.called(person, link), &why);
            }
            (Scope::Out(events), Some(person))
                if link.is_some()
                    && events == [LeaveEvent::Inactive]
                    && let Some(why) = self.doubts_activity(person) =>
            {
                decision.in_scope = true;
                decision.cannot_tell(person.anchor, &self.called(person, link), &why);
            }
            (Scope::In, Some(person)) if let Verdict::Unknown(why) = &verdict => {
                decision.in_scope = true;
                decision.cannot_tell(person.anchor, &self.called(person, link), why);
            }
            (Scope::In, Some(source_user)) => {
                decision.in_scope = true;
                let live = link.filter(|link| !self.input.target.is_gone(&link.target_id));
                if self.is_let_alone(source_user, live, &mut decision) {
                    return decision;
                }
                if let Err((kind, why)) = says {
                    self.hold_inactive(kind, &why, source_user, live, &mut decision);
                    return decision;
                }
                match live {
                    Some(live) => {
                        self.linked(source_user, entitlement, live, &mut decision);
                        decision.otherwise = self.back(live);
                    }
                    None => {
                        self.unlinked(source_user, entitlement, link, &mut decision);
                        decision.otherwise = link.map(|gone| self.end(gone, Vec::new()));
                    }
                }
            }
            (Scope::Out(events), _) => {
                if let Some(link) = link {
                    // Of those who cannot be read any more no expression says anything.
                    let stays = link.state != LinkState::Active && link.leaving.is_none();
                    let asked = person.as_ref().filter(|_| present.is_some() && !stays);
                    if asked.is_some_and(|user| self.is_let_alone(user, Some(link), &mut decision))
                    {
                        return decision;
                    }
                    self.left(link, &events, &mut decision);
                    if let Some(change) = &mut decision.change {
                        change.reasons.extend(self.rule_behind(&events, filtered, through));
                        tell_apart(change, &events);
                    }
                }
            }
            // Nobody any more: dropped from the snapshot, and never had an account.
            (Scope::Unread, None) if link.is_none() => {}
            (Scope::Unread, _) | (Scope::In, None) => {
                decision.unread = true;
                if let Some(link) = link {
                    self.unread(link, &mut decision);
                }
            }
        }
        decision
    }

    /// Returns whether an expression says that a person is to be left alone, and notes that.
    fn is_let_alone(&self, user: &Person<'_>, live: Option<&Link>, out: &mut Decision) -> bool {
        let Some(mapping) = self.mapper.leaves_alone(user, live.is_none()) else {
            return false;
        };
        out.leave_alone(user.anchor, &self.called(user, live), mapping);
        true
    }

    /// Returns what a person is called: by the account, if there is one.
    fn called(&self, user: &Person<'_>, live: Option<&Link>) -> String {
        match live {
            Some(link) => label_of(&link.shadow.sent, user.anchor),
            None => self.name_of(user),
        }
    }

    /// Withholds everything of a person of whom it cannot be told whether they may sign in.
    fn hold_inactive(
        &self,
        kind: HoldKind,
        why: &str,
        user: &Person<'_>,
        live: Option<&Link>,
        out: &mut Decision,
    ) {
        out.let_alone = true;
        out.hold(kind, user.anchor, &self.called(user, live), format!("Active: {why}"));
    }

    /// Returns when people have to be mapped again though nothing changes but the day, by the clock
    /// that is behind: in each cycle, where that has passed by the other one.
    fn next_day(&self, new: bool) -> Option<Timestamp> {
        let other = self.other_day.as_ref().and_then(|(other, _)| other.next_day(new));
        self.mapper.next_day(new).into_iter().chain(other).min()
    }

    /// Returns why it cannot be told what the rules say of a person, where the clocks disagree about
    /// the day and that makes a difference.
    fn doubts_day(&self, person: &Person<'_>, new: bool) -> Option<String> {
        let (other, why) = self.other_day.as_ref()?;
        let said = |mapper: &Mapper<'_>| {
            let kind = self.kind.as_ref()?;
            Some(kind.eval(person, mapper.by_day()).map(Said::into_owned))
        };
        let differs = self.mapper.differs(other, person, new) || said(&self.mapper) != said(other);
        differs.then(|| doubted(why))
    }

    /// Returns why it cannot be told whether a person may sign in, as [`doubts_day`](Self::doubts_day).
    fn doubts_activity(&self, person: &Person<'_>) -> Option<String> {
        let (other, why) = self.other_day.as_ref()?;
        (self.mapper.is_active(person) != other.is_active(person)).then(|| doubted(why))
    }

    /// Returns the rule that takes an account back, if it is one, and nothing that the source says.
    fn rule_behind(
        &self,
        events: &[LeaveEvent],
        filtered: Option<&SourceUser>,
        through: &[SourceAnchor],
    ) -> Option<Reason> {
        match events.first()? {
            LeaveEvent::Filtered => {
                let filters = self.filters.why_out(&filtered?.attributes, through);
                Some(Reason::Filtered { filters })
            }
            LeaveEvent::Inactive => {
                let rule = format!("Active = {}", self.input.rules.active.as_ref()?.text());
                Some(Reason::Inactive { rule })
            }
            _ => None,
        }
    }

    /// Returns whether the job is tried on others only.
    pub(super) fn is_left_out(&self, user: Option<&SourceUser>, link: Option<&Link>) -> bool {
        let rules = self.input.rules;
        if rules.only.is_empty() {
            return false;
        }
        let anchor = user.map(|user| user.anchor).or(link.map(|link| link.anchor));
        let of_user = |name| user?.attributes.get(rules.source_index(name)?);
        let of_link = || link?.shadow.sent.get(TargetAttribute::Email.index());
        let names = [of_user("userPrincipalName"), of_user("mail"), of_link()];
        let names = names.into_iter().flatten().map(address_key);
        let mut names = names.chain(anchor.map(|anchor| anchor.to_string()));
        !names.any(|name| rules.only.binary_search(&name).is_ok())
    }

    /// A linked person of whom nothing is known in this cycle. Whether there still is an account
    /// does not depend on that, and only full reads of both ends ask.
    fn unread(&self, link: &Link, out: &mut Decision) {
        let target_id = &link.target_id;
        if self.input.target.is_gone(target_id) {
            out.otherwise = Some(self.end(link, Vec::new()));
        } else if self.input.target.misses(target_id) && !self.is_read(target_id) {
            out.target_ids.insert(target_id.clone());
        }
    }

    /// A person in scope whose account is linked: values are compared with those last sent.
    fn linked(
        &self,
        user: &Person<'_>,
        entitlement: &Entitlement,
        link: &Link,
        out: &mut Decision,
    ) {
        let target_id = &link.target_id;
        let known = self.input.target.by_id(target_id);
        let suspect = self.input.target.misses(target_id);
        let doubtful = link.shadow.disabled && !link.disabled_here();
        let compared = self.input.kind.reads_target() && self.input.rules.compares_records();
        if self.must_read(link, suspect || doubtful || compared) {
            out.target_ids.insert(target_id.clone());
            return;
        }
        let label = || label_of(&link.shadow.sent, user.anchor);
        if let Some(why) = self.input.target.unreadable(target_id) {
            return out.hold_unread(user.anchor, &label(), target_id, why);
        }
        if let Some(why) = self.protection_of(link, known) {
            let detail = format!("account {target_id} is not changed: {why}");
            out.hold(HoldKind::Protected, user.anchor, &label(), detail);
            return;
        }
        let readable = known.filter(|known| known.account.detail != Detail::Reduced);
        let kind_now = readable.map_or(link.shadow.kind, |known| known.account.kind);
        let promote = match self.kind_of(user, entitlement) {
            Ok(kind) if kind == kind_now => false,
            Ok(AccountKind::Employee) => true,
            Ok(kind) => {
                out.hold_type(user.anchor, &label(), target_id, kind_now, kind);
                false
            }
            Err(untyped) => {
                out.hold_untyped(user.anchor, &label(), &untyped);
                false
            }
        };
        let kind = if promote { AccountKind::Employee } else { kind_now };
        let as_sent = match promote {
            true => Cow::Owned(sent_to_client(&link.shadow.sent)),
            false => Cow::Borrowed(&link.shadow.sent),
        };
        let sent = match self.mapper.for_update(user, &as_sent, self.takes(kind)) {
            Ok(sent) => sent,
            Err(unmapped) => return self.unmapped(user.anchor, &label(), &unmapped, out),
        };
        let drifted = self.drifted(link, readable);
        let repairs = drifted.repair.is_some();
        let before = drifted.repair.as_ref().unwrap_or(&as_sent);
        out.drift = drifted.report;
        let set = differences(before, &sent);
        if self.input.target.tenant.is_none()
            && set.iter().any(|(target, _)| governed(*target).is_some())
        {
            // The tenant may take none of it: it is asked for before anybody's account is read.
            out.tenant = true;
            return;
        }
        let returned = link.disabled_here();
        // Whoever holds an administrator's role is protected, and only the full record tells.
        let writes = returned || promote || !set.is_empty();
        if writes && !self.is_read(target_id) {
            out.target_ids.insert(target_id.clone());
        }
        let client = kind_now == AccountKind::Client && !promote;
        self.contest(user.anchor, target_id, &label(), (&set, client), out);
        let full = readable.map(|known| &known.account);
        let full = full.filter(|account| account.detail == Detail::Full);
        let (had, set) = beside(before, set, (full, promote));
        let Some(ids) = self.ids(user.anchor, &label(), &set, out) else { return };
        if out.asks() {
            return;
        }
        if writes && known.is_some() && readable.is_none() {
            let detail = format!("account {target_id} shows only a reduced record");
            return out.hold(HoldKind::NotReadable, user.anchor, &label(), detail);
        }
        let disabled_now = readable.map_or(link.shadow.disabled, |known| known.account.disabled);
        let elsewhere = disabled_now && !returned;
        if elsewhere {
            out.hold_disabled(user.anchor, &label(), target_id);
        }
        let now = Now { returned, elsewhere, promote, repairs };
        let change = self.update(link, (&had, set), sent.into_owned(), now);
        out.change = change.map(|change| naming(change, ids));
    }

    /// Compares an account with what was read back of it, where the target was read as a whole; and
    /// where the person was to be verified, so that a repair that failed or waits is planned again.
    fn drifted(&self, link: &Link, readable: Option<&KnownAccount>) -> Drifted {
        let complete = self.input.target.complete;
        let verified = || self.input.verify.binary_search(&link.anchor).is_ok();
        let Some(known) = readable.filter(|_| complete || verified()) else {
            return Drifted::default();
        };
        let mut drifted = drift::of_account(self.input.rules, link, &known.account);
        if !complete {
            // It is told when everything is compared.
            drifted.report.clear();
        }
        drifted
    }

    /// Returns what brings a linked account from what it has to `sent`, of which `set` differs;
    /// `None` if nothing has to be done.
    fn update(
        &self,
        link: &Link,
        (before, set): (&AttributeRow, Vec<(TargetAttribute, Option<String>)>),
        sent: AttributeRow,
        Now { returned, elsewhere, promote, repairs }: Now,
    ) -> Option<PlannedChange> {
        let target_id = &link.target_id;
        let mut reasons = Vec::new();
        if returned {
            reasons.push(Reason::Returned);
        }
        if promote {
            reasons.push(Reason::BecomesEmployee);
        }
        if repairs {
            reasons.push(Reason::Drifted);
        }
        if !differences(&link.shadow.sent, &sent).is_empty() {
            reasons.push(Reason::ValuesDiffer);
        }
        let away = link.state != LinkState::Active || link.leaving.is_some();
        if reasons.is_empty() && away {
            reasons.push(if elsewhere { Reason::DisabledElsewhere } else { Reason::Returned });
        }
        if reasons.is_empty() {
            return None;
        }
        let mut modified = modified(before, &set, |target| self.input.rules.hides(target));
        if returned {
            modified.push(disabled_property(true, false));
        }
        modified.extend(promote.then(promoted_property));
        let nothing = set.is_empty() && !returned && !promote;
        Some(self.change(Parts {
            object: ObjectKind::User,
            anchor: link.anchor,
            label: label_of(&sent, link.anchor),
            target_id: Some(target_id.clone()),
            action: if nothing { ProvisioningAction::Other } else { ProvisioningAction::Update },
            reasons,
            modified,
            write: if nothing {
                Write::Nothing
            } else {
                Write::Update {
                    target_id: target_id.clone(),
                    values: set,
                    enable: returned,
                    promote,
                }
            },
            link: keep(Some(target_id.clone()), link.origin.clone(), LinkState::Active, sent),
            before: Some(match promote {
                true => of_client(self.shadow_now(link)),
                false => self.shadow_now(link),
            }),
        }))
    }

    /// The account is gone: its link becomes a tombstone.
    pub(super) fn end(&self, link: &Link, mut reasons: Vec<Reason>) -> PlannedChange {
        reasons.insert(0, Reason::AccountGone);
        self.change(Parts {
            object: ObjectKind::User,
            anchor: link.anchor,
            label: label_of(&link.shadow.sent, link.anchor),
            target_id: Some(link.target_id.clone()),
            action: ProvisioningAction::Other,
            reasons,
            modified: Vec::new(),
            write: Write::Nothing,
            link: LinkAfter::End,
            before: Some(link.shadow.clone()),
        })
    }

    /// Returns whether the account has to be read in full before anything is planned for it.
    pub(super) fn must_read(&self, link: &Link, suspect: bool) -> bool {
        let asked = self.input.verify.binary_search(&link.anchor).is_ok();
        (suspect || asked) && !self.is_read(&link.target_id)
    }

    /// Notes that the new address of an account belongs to another one, or that nobody can tell, or
    /// that a client cannot have it, or asks whether it is free.
    pub(super) fn contest(
        &self,
        anchor: SourceAnchor,
        target_id: &TargetId,
        label: &str,
        (set, client): (&[(TargetAttribute, Option<String>)], bool),
        out: &mut Decision,
    ) {
        let moves = set.iter().find(|(target, _)| *target == TargetAttribute::Email);
        let Some(address) = moves.and_then(|(_, address)| address.as_deref()) else {
            return;
        };
        if client && self.employees_only(address) {
            return out.contest_domain(anchor, label, address);
        }
        match self.input.target.by_address(address) {
            Lookup::Absent => {}
            Lookup::Unknown => {
                out.addresses.insert(address_key(address));
            }
            Lookup::Failed(why) => out.contest_unanswered(anchor, label, address, why),
            Lookup::Found(found) => {
                if let Some(other) = found.iter().find(|known| known.account.id != *target_id) {
                    let detail =
                        format!("the new address {address} belongs to {}", describe(other));
                    out.contest(anchor, label, other.account.id.clone(), detail);
                }
            }
        }
    }

    /// Returns whether the full record of an account is at hand, or known to be out of reach.
    pub fn is_read(&self, target_id: &TargetId) -> bool {
        let read = |known: &KnownAccount| known.account.detail != Detail::Listed;
        let out_of_reach = self.input.target.unreadable(target_id).is_some();
        out_of_reach
            || self.input.target.is_gone(target_id)
            || self.input.target.by_id(target_id).is_some_and(read)
    }

    /// Returns the shadow of a link, with what was read of the account in this cycle.
    pub(super) fn shadow_now(&self, link: &Link) -> Shadow {
        match self.input.target.by_id(&link.target_id) {
            Some(known) => shadow_of(&known.account, link.shadow.sent.clone()),
            None => link.shadow.clone(),
        }
    }

    /// Returns why the account of a link is protected, if it is; `known` is what was read of it.
    pub(super) fn protection_of(
        &self,
        link: &Link,
        known: Option<&KnownAccount>,
    ) -> Option<&'static str> {
        let address = link.shadow.read_back.get(TargetAttribute::Email.index()).unwrap_or("");
        self.protection
            .of_id(&link.target_id)
            .or_else(|| self.protection.of_address(address))
            .or_else(|| self.protection.of_account(&known?.account))
    }

    pub(super) fn kind_of(
        &self,
        user: &Person<'_>,
        entitlement: &Entitlement,
    ) -> Result<AccountKind, Untyped> {
        let Some(kind) = &self.kind else {
            let types = &self.input.rules.types;
            let roles = self.input.roles;
            return scope::account_kind(types, roles, &entitlement.roles, user.guest);
        };
        match kind.eval(user, self.mapper.by_day()) {
            Ok(said) => scope::kind_said(said.value().as_deref()),
            Err(why) => Err(Untyped::Expression(format!("users.type: {why}"))),
        }
    }

    /// Returns whether strict licensing lets nobody but employees have an address.
    pub(super) fn employees_only(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain).trim();
        let tenant = self.input.target.tenant.as_ref();
        tenant.is_some_and(|tenant| {
            tenant.employee_domains.iter().any(|known| known.eq_ignore_ascii_case(domain))
        })
    }

    pub(super) fn change(&self, parts: Parts) -> PlannedChange {
        let known = parts.target_id.as_ref().and_then(|id| self.input.target.by_id(id));
        let seen = known.filter(|_| self.input.verify_all);
        parts.seal(seen.map(|known| fingerprint(&known.account)))
    }
}

fn doubted(why: &str) -> String {
    format!("what the rules say of the day, by the clock of this host, {why}")
}
