//! DECIDE: a pure function from what is known to a plan.
//!
//! [`plan`] is total, deterministic and cannot ask: what it is missing it names in [`Needs`], the
//! caller answers, and it plans again. The steps are scope, mapping, matching, diff, guard and
//! order; [`check::check`] then seals the plan.
//!
//! Each person is decided alone, with rows that are borrowed in sorted order; only what needs the
//! whole picture is decided afterwards: two people for one account, licences, the guard's limits.
//!
//! # Lifecycles
//!
//! Each is a test over HTTP in `tests/it/lifecycles`. "Disable" stands for what the policy of the
//! event says; a write is one call at the target.
//!
//! | What happened | What is planned | Writes |
//! |---|---|---|
//! | A person joins | create, as employee or client | POST |
//! | A person joins who has an account | adopt; what differs is updated | none, or PATCH |
//! | A person joins who has a client account, and the type says employee | adopt and promote, if there is a licence; else held: `LicenseLimitExceeded`. ShareFile makes the personal folder: no field asks for it | PATCH of `AccountUser` with `IsEmployee` |
//! | A person joins who has an employee account, and the type says client | held: `TypeChange` | none |
//! | A client joins with an address of a domain of employees | held: `EmployeeDomain` | none |
//! | A person joins whose address is a further one of an account | adopt; it becomes the primary one | PATCH |
//! | The same, and the rule says `report` | held: `Adoption`; once approved, adopted, in a first plan with the rest of it | none; as above |
//! | The same, and the rule says `never` | create, if the address is free; else held: `SharedAccount` | POST; none |
//! | A person joins with the address of somebody else's account | held: `SharedAccount` | none |
//! | A person joins with the name of a colleague, and a rule is by name | create, or adopt another account of that name | POST; as above |
//! | A person joins with the address of a leaver's account | held, both named: `Namesake` | none |
//! | One person joins under two ids | both held, both named: `SharedAccount` | none |
//! | A guest joins | as others, by the mail and never by the sign-in name; without mail held: `MissingValues` | POST |
//! | An expression fails on the values of a person | held: `MappingFailed` | none |
//! | A value is too long, or another one than its attribute takes | held: `InvalidValue` | none |
//! | An expression says `IgnoreObjectFlow` of a person | held: `LeftAlone`, groups included, joining or leaving | none |
//! | More people join than `guard.creates_per_cycle` | all held: `TooManyCreates` | none |
//! | A person has another name or address | update | PATCH |
//! | `Active` gives False of a person | as of one who is disabled in Entra ID, naming the expression; never created | PATCH with `IsDisabled` |
//! | That is rejected, and Entra ID disables the person | disable: it is another event | PATCH with `IsDisabled` |
//! | A person is let in by no filter any more | disable, naming filter and clause | PATCH with `IsDisabled` |
//! | A person without an account is let in by no filter | nothing | none |
//! | The same, and `scope.on_leave` says ignore | held: `KeptAsIs`, groups included | none |
//! | A clause on a date becomes true or false by time | as if the date had changed, in the cycle after | as above |
//! | A filter depends on a group that is not assigned or has no known name, or on a clock that is wrong | held: `FilterUndecided` | none |
//! | A filter lets a person in again | enable | PATCH |
//! | The type of a client becomes employee | promote, if there is a licence; what else differs goes in any case | PATCH of `AccountUser` |
//! | The type of an employee becomes client | held: `TypeChange` | none |
//! | The new address is that of another account | the rest is updated, the address held: `SharedAccount` | PATCH for the rest |
//! | The new address is given up by another person | update, after that one | PATCH, PATCH |
//! | Two people swap addresses, in groups or not | held: `AddressSwap`; once approved three updates | three PATCH in order |
//! | A swap is interrupted | what is left of it, unasked | PATCH |
//! | A person is unassigned, leaves the last group, is disabled, soft deleted or hard deleted | disable | PATCH with `IsDisabled` |
//! | A person leaves a group and is in another one still | nothing | none |
//! | The same, with a later stage | disable, with the date of the stage; with `leave` the date alone | PATCH; none |
//! | The date of a stage comes | downgrade or delete | one POST for up to 100 people with the same heirs; DELETE for each to be deleted |
//! | The date comes by a clock that disagrees with the source's | held: `ClockDoubtful` | none |
//! | A policy says `delete` at once | delete | DELETE |
//! | A policy says `downgrade` at once | disable, and in the next cycle downgrade; clients stay disabled | PATCH; POST |
//! | Who should take over is gone, disabled or no employee | disable, and the rest is held: `NoHeir` | PATCH |
//! | Strict licensing forbids the downgrade | held: `MustStayEmployee` | none |
//! | Somebody enabled the account of a leaver by hand | drift, and held: `EnabledElsewhere`; disable if `drift.users` says repair | none; PATCH |
//! | The same, and another event comes | disable | PATCH |
//! | Another event, with a stricter policy | what that says, at once and later | as above |
//! | Another event, with a milder policy | the date of its later stage, beside those that there are | none |
//! | A person leaves while changed rules wait for approval | disable, unless the rules may be why | PATCH |
//! | A leaver's account was disabled by hand | the link is released; never enabled by this job | none |
//! | Return before the next stage, or restored from the recycle bin | enable; the dates are dropped | PATCH |
//! | A return that is held or fails | the dates are dropped | none |
//! | Return after a downgrade | enable, as what the rules say | PATCH |
//! | Return after a deletion | create | POST |
//! | A person restored was taken out of groups | added again, though no feed of groups tells | PATCH; POST of members |
//! | A hundred people change groups at once | two calls for each group of which up to a hundred move | DELETE of members; POST of members |
//! | A protected person left | held: `ProtectedRemoval`, and looked at once an hour | none |
//! | An account was deleted by hand | the link ends; a person in scope is matched, or created anew | none; POST |

mod addresses;
mod change;
pub mod check;
mod decision;
mod diff;
mod drift;
mod filter;
pub mod fit;
pub mod groups;
mod guard;
mod index;
mod input;
mod join;
mod leave;
mod licences;
mod limits;
pub mod map;
mod matching;
mod named;
mod order;
pub mod outside;
mod person;
pub mod protect;
pub mod rules;
mod scope;
mod sorted;
pub mod trial;

#[cfg(test)]
mod tests;
mod unique;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

pub use input::{GroupFacts, KnownAccount, Lookup, Needs, PlanInput, TargetView};

use crate::model::account::TargetAttribute;
use crate::model::ids::{SourceAnchor, TargetId, Timestamp};
use crate::model::plan::{
    Drift, HeldItem, Hold, HoldKind, LeaveEvent, LinkAfter, Plan, PlanCounts, PlannedChange, Write,
};

use decision::{Contested, Decision};
use diff::Differ;
use groups::{GroupScope, Moves};
use scope::Entitlements;
use sorted::Sorted;

/// What planning came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Planned {
    /// A plan; it still has to be checked.
    Plan(Plan),
    /// Look-ups that are missing.
    Needs(Needs),
}

/// Plans all subjects of the input.
pub fn plan(input: &PlanInput<'_>) -> Planned {
    let differ = Differ::new(input);
    let mut draft = Draft::default();
    let mut entitlements = Entitlements::new(
        input.assignments,
        input.memberships,
        input.edges,
        input.rules.default_access,
    );
    let mut users = Sorted::new(input.users, |source_user| source_user.anchor);
    let mut links = Sorted::new(input.links, |link| link.anchor);
    let group_scope = input.rules.groups.as_ref().map(|rules| GroupScope::new(input, rules));
    let mut moves = group_scope.as_ref().map(|_| Moves::new(input));
    let mut kept = Vec::new();
    for &anchor in input.subjects {
        let entitlement = entitlements.of(anchor);
        let link = links.find(anchor);
        let source_user = users.find(anchor);
        let decision = if input.unsettled.binary_search(&anchor).is_ok() {
            Decision::of_unsettled()
        } else {
            differ.decide((&entitlement, entitlements.groups()), source_user, link)
        };
        if let Some(moves) = &mut moves {
            let groups = match &group_scope {
                Some(scope) => scope.of_person(entitlements.groups(), &mut kept),
                None => entitlements.groups(),
            };
            moves.look_at(anchor, groups, &decision, link);
        }
        draft.take(anchor, decision);
    }
    if input.target.tenant.is_none() && draft.looks_at_target(input) {
        draft.needs.tenant = true;
    }
    draft.separate_rivals(input);
    draft.clear_addresses(input);
    draft.ask_about_adoptions(input);
    let guarded = guard::guard(input, std::mem::take(&mut draft.changes), &draft.news);
    let whole = guard::whole(input, &guarded);
    draft.changes = guarded.passed;
    for hold in guarded.holds {
        draft.holds.insert(hold.kind, hold);
    }
    draft.confirm_removals(&differ);
    draft.limit_by_licences(input);
    draft.hold_unready(input);
    if let (Some(rules), Some(moves), Some(scope)) = (&input.rules.groups, moves, group_scope) {
        let moves = moves.finish(&draft.passing(whole.as_ref()));
        let counts = |group| entitlements.counts(group) && scope.why_out(group).is_none();
        draft.look_again.extend(&scope.look_again);
        let drafted = groups::draft(input, rules, moves, (&counts, &scope));
        let whole = whole.or_else(|| draft.wait_for_groups(input, &drafted));
        draft.add_groups(input, drafted.finish(input, whole));
    } else {
        // They are subjects for the sake of their members.
        let unsettled = |group: &&SourceAnchor| input.unsettled.binary_search(group).is_err();
        draft.settled.extend(input.groups.subjects.iter().filter(unsettled));
    }
    if !draft.needs.is_empty() {
        return Planned::Needs(draft.needs);
    }
    Planned::Plan(draft.finish(input))
}

/// A plan in the making.
#[derive(Default)]
struct Draft {
    changes: Vec<PlannedChange>,
    holds: BTreeMap<HoldKind, Hold>,
    settled: Vec<SourceAnchor>,
    contested: HashMap<SourceAnchor, Contested>,
    /// Who matches which account, whether or not anything comes of it.
    wants: Vec<(SourceAnchor, TargetId)>,
    /// Whose account is taken over only if a person says so, with what to tell them.
    asks: HashMap<SourceAnchor, String>,
    /// What remains to be noted of those whose change is withheld.
    otherwise: Vec<PlannedChange>,
    /// Events of linked people that the source did not show before.
    news: BTreeMap<SourceAnchor, Vec<LeaveEvent>>,
    drift: Vec<Drift>,
    /// When somebody has to be looked at again, though nothing changes but the time.
    look_again: Vec<(SourceAnchor, Timestamp)>,
    /// For whom the lists were looked through.
    listed: HashSet<SourceAnchor>,
    counts: PlanCounts,
    needs: Needs,
}

impl Draft {
    fn take(&mut self, anchor: SourceAnchor, decision: Decision) {
        self.counts.subjects += 1;
        self.counts.in_scope += u64::from(decision.in_scope);
        self.counts.default_access_only += u64::from(decision.default_access_only);
        self.counts.unread += u64::from(decision.unread);
        let asks = decision.asks();
        self.needs.tenant |= decision.tenant;
        self.needs.names.extend(decision.names);
        self.needs.lists |= decision.lists;
        self.wants.extend(decision.wants.map(|target_id| (anchor, target_id)));
        self.asks.extend(decision.ask.map(|detail| (anchor, detail)));
        self.needs.addresses.extend(decision.addresses);
        self.needs.target_ids.extend(decision.target_ids);
        self.counts.left_out += u64::from(decision.left_out);
        let idle = decision.change.is_none() && decision.held.is_empty() && !asks;
        self.counts.in_step += u64::from(idle && decision.in_scope);
        if idle && !decision.unread && !decision.unsettled {
            self.settled.push(anchor);
        }
        for (kind, item) in decision.held {
            self.hold(kind, item);
        }
        self.contested.extend(decision.contested.map(|contested| (anchor, contested)));
        self.changes.extend(decision.change);
        self.otherwise.extend(decision.otherwise);
        if !decision.news.is_empty() {
            self.news.insert(anchor, decision.news);
        }
        self.drift.extend(decision.drift);
        self.look_again.extend(decision.look_again.map(|at| (anchor, at)));
        self.listed.extend(decision.listed.then_some(anchor));
    }

    /// Takes out what a person has to allow first. Whoever allows it has said nothing of the rest of
    /// a first plan, which goes on waiting.
    fn ask_about_adoptions(&mut self, input: &PlanInput<'_>) {
        if self.asks.is_empty() {
            return;
        }
        let (asked, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.changes)
            .into_iter()
            .partition(|change| self.asks.contains_key(&change.anchor));
        self.changes = others;
        for change in asked {
            if input.approved.binary_search(&change.hash).is_ok() {
                self.changes.push(change);
                continue;
            }
            let detail = self.asks.get(&change.anchor).cloned().unwrap_or_default();
            let item = HeldItem {
                anchor: change.anchor,
                label: change.label.clone(),
                detail,
                hash: change.hash,
                change: Some(change),
            };
            self.hold(HoldKind::Adoption, item);
        }
    }

    fn hold(&mut self, kind: HoldKind, item: HeldItem) {
        let hold = self.holds.entry(kind).or_insert_with(|| Hold {
            kind,
            message: message(kind).to_owned(),
            items: Vec::new(),
        });
        hold.items.push(item);
    }

    /// Returns whether the tenant itself has to be known: anything is changed or looked up there, or
    /// a link is made or ended.
    fn looks_at_target(&self, input: &PlanInput<'_>) -> bool {
        let notes = |change: &PlannedChange| {
            let stays = matches!(change.link, LinkAfter::Keep { .. });
            change.write == Write::Nothing && stays && addresses::link_of(input, change).is_some()
        };
        !self.needs.is_empty() || !self.changes.iter().all(notes)
    }

    /// Before an account is taken back its full record is read: it may have become protected, and
    /// somebody may have disabled it already. Removals that wait anyway cost nothing.
    fn confirm_removals(&mut self, differ: &Differ<'_>) {
        let removals = self.changes.iter().filter(|change| guard::is_removal(change));
        for target_id in removals.filter_map(|change| change.target_id.as_ref()) {
            if !differ.is_read(target_id) {
                self.needs.target_ids.insert(target_id.clone());
            }
        }
    }

    /// Returns who has a change that passes, or that waits with everything else.
    fn passing(&self, whole: Option<&(HoldKind, String)>) -> HashSet<SourceAnchor> {
        let waiting = whole.and_then(|(kind, _)| self.holds.get(kind));
        let waiting = waiting.into_iter().flat_map(|hold| &hold.items).map(|item| item.anchor);
        self.changes.iter().map(|change| change.anchor).chain(waiting).collect()
    }

    /// Returns the hold in which everything waits because of what is planned for groups, if there is
    /// one: people wait in it as well.
    fn wait_for_groups(
        &mut self,
        input: &PlanInput<'_>,
        drafted: &groups::Drafted<'_>,
    ) -> Option<(HoldKind, String)> {
        let (kind, message) = drafted.whole(input)?;
        let passes = |change: &PlannedChange| {
            input.approved.binary_search(&change.hash).is_ok()
                || guard::left_by_itself(input, change, &self.news)
        };
        let changes = std::mem::take(&mut self.changes);
        let (passing, waiting): (Vec<_>, Vec<_>) = changes.into_iter().partition(passes);
        self.changes = passing;
        if !waiting.is_empty() {
            let hold = self.holds.entry(kind);
            let new = || Hold { kind, message: message.clone(), items: Vec::new() };
            let hold = hold.or_insert_with(new);
            hold.message.clone_from(&message);
            hold.items.extend(guard::items(waiting));
        }
        Some((kind, message))
    }

    fn add_groups(&mut self, input: &PlanInput<'_>, planned: groups::GroupPlan) {
        // Whom the tenant protects is left out of lists of members.
        let names = |hold: &Hold| hold.kind.approvable();
        let acts = !planned.changes.is_empty()
            || !planned.drift.is_empty()
            || planned.holds.iter().any(names);
        if input.target.tenant.is_none() && (acts || planned.needs.tenant) {
            self.needs.tenant = true;
        }
        self.needs.groups = planned.needs;
        self.changes.extend(planned.changes);
        self.drift.extend(planned.drift);
        self.settled.extend(planned.settled);
        for hold in planned.holds {
            match self.holds.get_mut(&hold.kind) {
                Some(known)
                    if matches!(hold.kind, HoldKind::FirstCycle | HoldKind::RulesChanged) =>
                {
                    known.message.push_str(&match hold.items.len() {
                        1 => " One change of a group waits with it.".to_owned(),
                        changes => format!(" {changes} changes of groups wait with it."),
                    });
                    known.items.extend(hold.items);
                }
                Some(known) => known.items.extend(hold.items),
                None => {
                    self.holds.insert(hold.kind, hold);
                }
            }
        }
    }

    /// Whoever has to wait for another account no longer has the one of before, which is gone; and
    /// whoever has to wait to be enabled is back all the same.
    fn note_otherwise(&mut self) {
        if self.otherwise.is_empty() {
            return;
        }
        let changing: HashSet<SourceAnchor> =
            self.changes.iter().map(|change| change.anchor).collect();
        let mut notes = std::mem::take(&mut self.otherwise);
        notes.retain(|note| !changing.contains(&note.anchor));
        // A note is not what the person waits for.
        notes.iter_mut().for_each(|note| note.unfinished = true);
        self.changes.extend(notes);
    }

    fn finish(mut self, input: &PlanInput<'_>) -> Plan {
        self.note_otherwise();
        order::order(&mut self.changes);
        let mut holds: Vec<Hold> = self.holds.into_values().collect();
        for hold in &mut holds {
            hold.items.sort_by(|left, right| {
                (&left.label, left.anchor, left.hash).cmp(&(&right.label, right.anchor, right.hash))
            });
        }
        self.settled.sort_unstable();
        self.drift.sort();
        let costly = |anchor: &SourceAnchor| self.listed.contains(anchor);
        let returning = holds.iter().filter(|hold| returns_by_itself(hold.kind));
        let returning = returning.flat_map(|hold| &hold.items).map(|item| item.anchor);
        let put_off: BTreeSet<SourceAnchor> = returning.filter(costly).collect();
        Plan {
            kind: input.kind,
            rules_hash: input.rules.hash(),
            changes: self.changes,
            holds,
            settled: self.settled,
            drift: self.drift,
            look_again: self.look_again,
            put_off: put_off.into_iter().collect(),
            counts: self.counts,
        }
    }
}

/// Returns whether somebody waits for what comes back by itself, and tells nobody that it did.
fn returns_by_itself(kind: HoldKind) -> bool {
    matches!(kind, HoldKind::LicenseLimitExceeded | HoldKind::NotReadable)
}

/// Returns the address that a change gives to an account.
fn new_address(change: &PlannedChange) -> Option<&str> {
    match &change.write {
        Write::Create { values, .. } => values.get(TargetAttribute::Email.index()),
        Write::Update { values, .. } => {
            let moves = values.iter().find(|(target, _)| *target == TargetAttribute::Email);
            moves.and_then(|(_, address)| address.as_deref())
        }
        Write::Disable { .. }
        | Write::Downgrade { .. }
        | Write::Delete { .. }
        | Write::Group(_)
        | Write::Nothing => None,
    }
}

/// Returns what a hold of one object means, and what to do.
fn message(kind: HoldKind) -> &'static str {
    match kind {
        HoldKind::Ambiguous => {
            "Several accounts match. Remove or rename all but one in ShareFile, or add a matching rule."
        }
        HoldKind::Adoption => {
            "An account that this job did not make matches, and the rule asks before it is taken over. Approve it if it is the person's own; otherwise give it another address in ShareFile."
        }
        HoldKind::SharedAccount => {
            "Two people want one account or one address. Give each of them an address of their own in Entra ID."
        }
        HoldKind::AddressSwap => {
            "Two people swap their addresses, and neither can go first. After approval the first one has a temporary address for a moment: three writes."
        }
        HoldKind::EmployeeDomain => {
            "ShareFile's strict licensing wants employees in this domain, and the rules say client. Let the rules make employees of these people, or give them another address."
        }
        HoldKind::Namesake => {
            "The account belongs or once belonged to another person, and is not handed over by itself. Delete it in ShareFile or give it another address, and the new person gets one of their own."
        }
        HoldKind::TypeChange => {
            "The account is an employee's and the rules say client: that would cost its folder and file box, and is not done by itself. Change the type in ShareFile, or the rules."
        }
        HoldKind::ConflictingRoles => {
            "The roles of the person ask for different types. Take one of the roles away in Entra ID."
        }
        HoldKind::MissingValues => {
            "A required attribute has no value. Fill it in Entra ID, or give the mapping a default."
        }
        HoldKind::MappingFailed => {
            "An expression cannot be evaluated on the values of the person or the group. Correct the value in Entra ID, or the expression."
        }
        HoldKind::InvalidValue => {
            "ShareFile would not take a value, so nothing is sent. Correct the value in Entra ID, or the mapping."
        }
        HoldKind::LeftAlone => {
            "An expression says `IgnoreObjectFlow`: nothing is created, changed or taken back."
        }
        HoldKind::FilterUndecided => {
            "A filter depends on what is not known: nothing is created, changed or taken back. A group that a clause names has to be assigned to the application, by that name; a pattern has to be simple enough; and dates need clocks that agree."
        }
        HoldKind::KeptAsIs => {
            "No filter lets the person in any more, and `scope.on_leave = \"ignore\"` leaves the account as it is: neither updated nor taken back."
        }
        HoldKind::Protected => "The account is protected and is not touched.",
        HoldKind::ProtectedRemoval => {
            "A protected account belongs to somebody who left. Nobody but a person may deal with it."
        }
        HoldKind::DisabledElsewhere => {
            "The account was disabled by somebody else. Enable it in ShareFile if that is right."
        }
        HoldKind::EnabledElsewhere => {
            "Somebody else enabled the account of a person who left. Disable it in ShareFile, or let `drift.users = \"repair\"` do that, and the policy goes on; or assign the person again."
        }
        HoldKind::NoHeir => {
            "Nobody can take over what the person leaves behind. Correct `users.deprovision`, or give the people whom it names enabled employee accounts in ShareFile."
        }
        HoldKind::MustStayEmployee => {
            "Strict licensing does not let people of the company's domains become clients. Let `users.deprovision` say \"delete\" or \"disable\" instead."
        }
        HoldKind::ClockDoubtful => {
            "A date is reached by the clock of this host alone. Set the clock right: nothing is taken back until the clocks agree within 5 minutes."
        }
        HoldKind::LicenseLimitExceeded => "No employee licence is left.",
        HoldKind::NotReadable => {
            "The account or the group could not be read, or shows only a reduced record. It is asked for again, in each cycle or once an hour; if that does not help, look at it in ShareFile and at the roles of the service user."
        }
        HoldKind::NameClash => "Two groups cannot have one name. Rename one of them.",
        HoldKind::GroupFull => {
            "ShareFile takes no more members in the group. Make the group smaller in Entra ID, or set `groups.overflow = \"split\"`."
        }
        HoldKind::FirstCycle
        | HoldKind::RulesChanged
        | HoldKind::TooManyRemovals
        | HoldKind::TooManyRemovalsInDay
        | HoldKind::WouldLeaveNobody
        | HoldKind::SourceEmptied
        | HoldKind::SourceHalved
        | HoldKind::TooManyMemberRemovals
        | HoldKind::TooManyGroupRemovals
        | HoldKind::TooManyCreates
        | HoldKind::TooManyAddressChanges => "Waits for approval.",
    }
}
