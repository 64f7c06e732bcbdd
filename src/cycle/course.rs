//! The course of one cycle: settle what was open, import, decide, apply, record.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::apply::{Applied, Applier, Recovered, apply, recover};
use crate::model::account::{Origin, TargetAttribute};
use crate::model::group::GroupLink;
use crate::model::ids::{CycleId, SourceAnchor, Timestamp};
use crate::model::outcome::{CycleCounts, CycleReport, CycleState};
use crate::model::plan::{
    CheckedPlan, CycleKind, HeldItem, HoldKind, LinkAfter, ObjectKind, Plan, PlannedChange, Write,
};
use crate::plan::TargetView;
use crate::store::{JobState, Pins, PlanData, Subject, Subjects};

use super::decide::Known;
use super::failure::CycleFailure;
use super::import::{Imported, Importer};
use super::schedule::{FullReads, reread_after_full};
use super::turn::{Asked, Engine};

/// How often a cycle plans objects again that met something else than was planned.
const REPLANS: u32 = 2;

/// How long a stage that is due and held, or a newcomer who costs the lists of accounts each time, is
/// left alone before it is looked at again, in milliseconds: an hour.
const PUT_OFF_MS: i64 = 3_600_000;

/// A cycle under way.
pub(super) struct Cycle<'a> {
    pub engine: &'a Engine,
    pub asked: &'a Asked,
    pub id: CycleId,
    pub started: Duration,
    pub report: CycleReport,
    pub plan: Option<Arc<Plan>>,
    pub refused: Vec<String>,
    /// People of interrupted writes that nobody could look up: they wait for the next cycle.
    pub unsettled: Vec<SourceAnchor>,
    /// Groups of which an earlier pass of this cycle left something to do.
    pub open: BTreeSet<SourceAnchor>,
    /// Groups in which a comparison of members found something that is to be done.
    pub repairs: Vec<GroupLink>,
    /// An account or an address may have become free.
    pub freed: bool,
}

impl Cycle<'_> {
    pub(super) async fn run(&mut self, job: JobState) -> Result<CycleState, CycleFailure> {
        let engine = self.engine;
        if job.paused && !self.asked.preview {
            self.refused.push("the job is paused: `sharefile-provisioner resume` first".to_owned());
            return Ok(CycleState::Complete);
        }
        let job = self.application(job).await?;
        let job = self.recover(job).await?;
        let imported = self.import(&job).await?;
        if self.asked.approve {
            // Approval in advance is for what is held as it is seen in this cycle.
            self.plan_again(HoldKind::approvable).await?;
        }
        let everybody = self.report.kind.reads_target() || self.rules_changed(&job);
        let compare = self.groups_to_compare(&job).await?;
        let subjects = if everybody { Subjects::All } else { Subjects::Waiting };
        let mut data = engine.store.plan_data(subjects, engine.clock.now()).await?;
        if self.frees_names(&data).await? {
            self.plan_again(|kind| kind == HoldKind::NameClash).await?;
            data = engine.store.plan_data(subjects, engine.clock.now()).await?;
        }
        self.look_at_held(&mut data).await?;
        let rivals = self.rivals().await?;
        let mut view = self.first_view(&job);
        let inspected = self.read_target(compare, &mut view).await?;
        let known = Known { job: &job, imported: &imported, data: &data, companions: true };
        let decided = self.decide(known, view).await?;
        let seen = decided.checked.plan().clone();
        let except = self.not_compared(&data, &decided).await?;
        let checked = self.with_approval(known, decided).await?;
        self.note_unread();
        if !self.asked.preview {
            self.note_drift(&job, &seen, inspected, except).await?;
        }
        let Some(checked) = checked else {
            return Ok(CycleState::Complete);
        };
        // What was read for the plan is of no use any more.
        drop(data);
        let state = self.apply(&job, &imported, checked).await;
        self.reopen_rivals(&rivals).await?;
        state
    }

    fn note_unread(&mut self) {
        let unread = self.report.counts.unread;
        if unread > 0 {
            let (people, they) =
                if unread == 1 { ("person", "it is") } else { ("people", "they are") };
            self.report.notes.push(format!(
                "{unread} {people} could not be read, and {they} left as they are: Entra ID shows \
                 nothing but the id. Check that User.Read.All is granted; members of a group with \
                 hidden membership need Member.Read.Hidden as well."
            ));
        }
    }

    /// Returns whether a group waits for a name that another group may just have given up: nothing
    /// happened to itself.
    async fn frees_names(&self, data: &PlanData) -> Result<bool, CycleFailure> {
        let known = |subject: &Subject| {
            data.users.binary_search_by_key(&subject.anchor, |user| user.anchor).is_ok()
        };
        // What is unknown may be a group that is assigned no longer.
        if data.group_subjects.is_empty() && data.subjects.iter().all(known) {
            return Ok(false);
        }
        let holds = self.engine.store.holds().await?;
        let clashes = holds.iter().filter(|hold| hold.kind == HoldKind::NameClash);
        let planned = |item: &HeldItem| {
            let subjects = &data.group_subjects;
            subjects.binary_search_by_key(&item.anchor, |subject| subject.anchor).is_ok()
        };
        Ok(clashes.flat_map(|hold| &hold.items).any(|item| !planned(item)))
    }

    /// Lets the accounts be read of those for whom a change waits, whatever they are planned for: a
    /// change that puts right what somebody else did is there only for whoever sees that.
    async fn look_at_held(&self, data: &mut PlanData) -> Result<(), CycleFailure> {
        if data.subjects.is_empty() {
            return Ok(());
        }
        let holds = self.engine.store.live_holds().await?;
        let changes =
            holds.iter().flat_map(|hold| &hold.items).filter_map(|item| item.change.as_ref());
        let updates = changes.filter(|change| matches!(change.write, Write::Update { .. }));
        for change in updates {
            let found =
                data.subjects.binary_search_by_key(&change.anchor, |subject| subject.anchor);
            if let Some(subject) = found.ok().and_then(|index| data.subjects.get_mut(index)) {
                subject.verify = true;
            }
        }
        Ok(())
    }

    /// Returns who waits because somebody else has or wants the same account.
    async fn rivals(&self) -> Result<Vec<SourceAnchor>, CycleFailure> {
        let holds = self.engine.store.holds().await?;
        let shared = holds.iter().filter(|hold| waits_for_address(hold.kind));
        let items = shared.flat_map(|hold| &hold.items);
        Ok(items.map(|item| item.anchor).collect())
    }

    /// Plans those anew who waited for an account or an address that may have become free: nothing
    /// happened to themselves.
    async fn reopen_rivals(&self, before: &[SourceAnchor]) -> Result<(), CycleFailure> {
        let rivals = self.rivals().await?;
        if self.freed || before.iter().any(|anchor| !rivals.contains(anchor)) {
            let subjects = rivals.iter().map(|&anchor| Subject { anchor, verify: true });
            self.engine.store.mark_subjects(subjects.collect()).await?;
        }
        Ok(())
    }

    /// Settles what an interruption left open. An account that this job made shows that a plan of it
    /// was applied, whether or not the cycle lived to note it; one that it took over does not, as a
    /// person may have been asked about that alone.
    async fn recover(&mut self, job: JobState) -> Result<JobState, CycleFailure> {
        let store = &self.engine.store;
        if !store.open_intents().await?.is_empty() {
            // Another tenant may have the same addresses: what is open is not settled by it.
            self.read_tenant(&mut TargetView::default()).await?;
        }
        let Recovered { settled, unsettled } = recover(&self.applier(&|| false, &|_| {})).await?;
        self.leave_out(unsettled);
        if settled > 0 {
            let (writes, were) = if settled == 1 { ("write", "was") } else { ("writes", "were") };
            self.report
                .notes
                .push(format!("{settled} {writes} that an interruption left open {were} settled."));
            // What was written may have set an account or an address free.
            self.plan_again(waits_for_address).await?;
        }
        if job.first_plan_done {
            return Ok(job);
        }
        if !store.origins().await?.contains(&Origin::Created) {
            return Ok(job);
        }
        // What waited is marked before it is noted, so that an interruption in between forgets nobody.
        self.plan_again(|kind| kind == HoldKind::FirstCycle).await?;
        store.set_first_plan_done().await?;
        Ok(store.job().await?)
    }

    /// Leaves people out of this cycle whose interrupted write could not be looked up.
    fn leave_out(&mut self, unsettled: Vec<SourceAnchor>) {
        if !unsettled.is_empty() {
            self.report.counts.failed += unsettled.len() as u64;
            self.report.notes.push(format!(
                "What became of {} interrupted writes could not be looked up: nothing is done for \
                 these people until it can. The log of the program says why.",
                unsettled.len()
            ));
        }
        self.unsettled = unsettled;
    }

    /// Marks what earlier cycles held to be planned in this one.
    async fn plan_again(&self, held: impl Fn(HoldKind) -> bool) -> Result<(), CycleFailure> {
        let store = &self.engine.store;
        let holds = store.holds().await?;
        let items = holds.iter().filter(|hold| held(hold.kind)).flat_map(|hold| &hold.items);
        let subjects = items.map(|item| Subject { anchor: item.anchor, verify: true });
        store.mark_subjects(subjects.collect()).await?;
        Ok(())
    }

    /// Finds the application, unless it is known already, and pins it.
    async fn application(&mut self, job: JobState) -> Result<JobState, CycleFailure> {
        let key = &self.engine.settings.application_key;
        let known = job.application.as_ref().is_some_and(|known| known.key == *key);
        if known && job.pins.is_some() && !self.report.kind.reads_source() {
            return Ok(job);
        }
        self.describe().await?;
        Ok(self.engine.store.job().await?)
    }

    async fn describe(&self) -> Result<Pins, CycleFailure> {
        let engine = self.engine;
        let found = engine.source.describe().await?;
        let pins = Pins {
            tenant_id: found.tenant_id,
            application_id: found.application_id,
            account_id: None,
        };
        engine.store.pin(pins.clone()).await?;
        let key = engine.settings.application_key.clone();
        engine.store.set_application(key, found.roles, found.display_name).await?;
        Ok(pins)
    }

    async fn import(&mut self, job: &JobState) -> Result<Imported, CycleFailure> {
        let engine = self.engine;
        let pins = match &job.pins {
            Some(pins) => pins.clone(),
            None => self.describe().await?,
        };
        let query_hash = engine.query_hash();
        let importer = Importer {
            source: engine.source.as_ref(),
            store: &engine.store,
            application: pins.application_id,
            query_hash: &query_hash,
            comparable: job.watermark.as_ref().is_some_and(|(_, hash)| *hash == query_hash),
            nested_groups: engine.settings.rules.nested_groups,
            plan_groups: !engine.settings.rules.group_attributes.is_empty(),
            manager: engine.settings.rules.source_index("manager"),
            reread_since: job.reread_since,
            now: engine.clock.now(),
        };
        let watermark = job.watermark.as_ref().map(|(watermark, _)| watermark);
        let mut imported = importer.import(self.report.kind, watermark).await?;
        // What is read at the target does not depend on how the source was read.
        if imported.kind.reads_source() || !self.report.kind.reads_target() {
            self.report.kind = imported.kind;
        }
        self.report.notes.append(&mut imported.notes);
        let declared = job.application.as_ref().map(|known| &known.roles);
        let unknown = |role: &uuid::Uuid| {
            !declared.is_some_and(|roles| roles.iter().any(|known| known.id == *role))
        };
        if !self.report.kind.reads_source() && imported.roles.iter().any(unknown) {
            self.describe().await?;
        }
        Ok(imported)
    }

    pub(super) fn rules_changed(&self, job: &JobState) -> bool {
        job.rules_hash.is_some_and(|hash| hash != self.engine.settings.rules.hash())
    }

    async fn apply(
        &mut self,
        job: &JobState,
        imported: &Imported,
        checked: CheckedPlan,
    ) -> Result<CycleState, CycleFailure> {
        let mut checked = checked;
        let mut replanned = 0;
        let began = self.engine.clock.monotonic();
        self.queue(checked.plan()).await?;
        if self.report.kind.reads_source() {
            self.note_full(job).await?;
        }
        loop {
            (self.engine.announce)(checked.plan());
            let applied = self.apply_once(&checked, began).await?;
            let passed = checked.plan().changes.iter().filter(|change| {
                // What met something else moved nothing.
                !applied.replan.contains(&change.anchor)
            });
            self.freed |= passed.into_iter().any(sets_free);
            self.add(&applied.counts);
            self.settle(job, &checked, &applied).await?;
            if let Some(fatal) = applied.fatal {
                return Err(fatal.into());
            }
            if applied.stopped {
                return Ok(CycleState::Partial);
            }
            if applied.replan.is_empty() || replanned >= REPLANS || self.asked.saved.is_some() {
                self.report.counts.failed += applied.replan.len() as u64;
                let store = &self.engine.store;
                if !job.caught_up && store.job().await?.first_plan_done {
                    store.set_caught_up().await?;
                }
                return Ok(CycleState::Complete);
            }
            replanned += 1;
            // Only the objects that met something else are planned again, with fresh look-ups.
            let data = self.plan_data().await?;
            let data = only(data, &applied.replan);
            let job = self.engine.store.job().await?;
            let view = self.first_view(&job);
            let companions = !applied.in_vain;
            let known = Known { job: &job, imported, data: &data, companions };
            let decided = self.decide(known, view).await?;
            self.record_holds(decided.planned, decided.checked.plan()).await?;
            self.queue(decided.checked.plan()).await?;
            checked = decided.checked;
        }
    }

    /// Lets everybody wait whom the plan leaves something to do for: where all were planned, they
    /// are not among those who wait already, and a stop or a crash must not lose them.
    async fn queue(&self, plan: &Plan) -> Result<(), CycleFailure> {
        // Only a full read shows that a linked account is gone, or that somebody else changed it: who
        // is planned once more is read by id first, as is everybody who is written to.
        let changing = plan.changes.iter().map(|change| Subject {
            anchor: change.anchor,
            verify: change.object == ObjectKind::User,
        });
        let returning = plan.holds.iter().filter(|hold| !waits_for_an_event(hold.kind));
        let returning = returning.flat_map(|hold| {
            // What these wait for is at the source.
            let at_source = matches!(hold.kind, HoldKind::FilterUndecided | HoldKind::LeftAlone);
            hold.items.iter().map(move |item| Subject { anchor: item.anchor, verify: !at_source })
        });
        let subjects: Vec<Subject> = changing.chain(returning).collect();
        if !subjects.is_empty() {
            self.engine.store.mark_subjects(subjects).await?;
        }
        // What is applied may be interrupted, and nothing else would tell that their time has come.
        if !plan.look_again.is_empty() {
            self.engine.store.look_again(plan.look_again.clone()).await?;
        }
        Ok(())
    }

    /// Notes that everything was read. The read that follows an initial one has to come an hour
    /// later at least, by when no index is behind any more.
    async fn note_full(&self, job: &JobState) -> Result<(), CycleFailure> {
        let store = &self.engine.store;
        let began = self.report.started_at;
        if self.report.kind == CycleKind::Full && job.reread_since.is_some() {
            let reads = FullReads { last: job.last_full_at, reread_since: job.reread_since };
            store.set_reread_since(reread_after_full(reads, began)).await?;
        }
        Ok(store.note_full(began).await?)
    }

    async fn plan_data(&self) -> Result<PlanData, CycleFailure> {
        let now = self.engine.clock.now();
        Ok(self.engine.store.plan_data(Subjects::Waiting, now).await?)
    }

    /// Applies a plan, since `began`, until the time for it is over. It is never shorter than what
    /// came before it took: a cycle that stops reads anew what is left to do, and where reading alone
    /// takes longer than the budget, no cycle would ever get to a change.
    async fn apply_once(
        &self,
        checked: &CheckedPlan,
        began: Duration,
    ) -> Result<Applied, CycleFailure> {
        let total = checked.plan().changes.len();
        let before = began.saturating_sub(self.started);
        let stop = || {
            let spent = self.engine.clock.monotonic().saturating_sub(began);
            let over = self.asked.budget.is_some_and(|budget| spent >= budget.max(before));
            over || self.engine.stop.load(Ordering::Relaxed)
        };
        let progress = |done| (self.engine.progress)(done, total);
        Ok(apply(&self.applier(&stop, &progress), checked).await?)
    }

    fn applier<'b>(
        &'b self,
        stop: &'b (dyn Fn() -> bool + Sync),
        progress: &'b (dyn Fn(usize) + Sync),
    ) -> Applier<'b> {
        Applier {
            store: &self.engine.store,
            target: self.engine.target.as_ref(),
            clock: self.engine.clock.as_ref(),
            cycle: self.id,
            read_since: self.started,
            initiated_by: &self.asked.by,
            in_flight: self.engine.settings.in_flight,
            welcome: self.engine.settings.rules.welcome,
            stop,
            progress,
        }
    }

    fn add(&mut self, counts: &CycleCounts) {
        let total = &mut self.report.counts;
        total.created += counts.created;
        total.updated += counts.updated;
        total.disabled += counts.disabled;
        total.adopted += counts.adopted;
        total.unlinked += counts.unlinked;
        total.deleted += counts.deleted;
        total.failed += counts.failed;
        total.groups_created += counts.groups_created;
        total.groups_changed += counts.groups_changed;
        total.groups_deleted += counts.groups_deleted;
        total.members_added += counts.members_added;
        total.members_removed += counts.members_removed;
    }

    /// Records what need not be planned again until it changes, and that the plan was a plan.
    async fn settle(
        &mut self,
        job: &JobState,
        checked: &CheckedPlan,
        applied: &Applied,
    ) -> Result<(), CycleFailure> {
        let store = &self.engine.store;
        let plan = checked.plan();
        // A later pass plans some people anew, and of groups only what concerns these: what an earlier
        // one left to do stays.
        self.open.extend(&applied.unfinished);
        let mut settled = plan.settled.clone();
        let mut reopen = Vec::new();
        let rules = &self.engine.settings.rules;
        let allowed = plan.changes.iter().any(|change| rules.begins(change));
        let begun = !job.first_plan_done && allowed && applied.counts.done() > 0;
        let changing: HashSet<SourceAnchor> =
            plan.changes.iter().map(|change| change.anchor).collect();
        for hold in plan.holds.iter().filter(|hold| waits_for_an_event(hold.kind)) {
            for item in &hold.items {
                let changes = changing.contains(&item.anchor);
                if begun && hold.kind == HoldKind::FirstCycle {
                    reopen.push(Subject { anchor: item.anchor, verify: true });
                } else if !changes {
                    settled.push(item.anchor);
                }
            }
        }
        if !applied.stopped && applied.fatal.is_none() {
            let of_groups = plan.changes.iter().filter(|change| change.object == ObjectKind::Group);
            settled.extend(of_groups.map(|change| change.anchor));
        }
        let put_off = |anchor: &SourceAnchor| plan.put_off.binary_search(anchor).is_ok();
        let waiting: HashSet<SourceAnchor> = plan
            .holds
            .iter()
            .filter(|hold| !waits_for_an_event(hold.kind))
            .flat_map(|hold| hold.items.iter().map(|item| item.anchor))
            .filter(|anchor| !put_off(anchor))
            .collect();
        settled.extend(plan.put_off.iter().filter(|anchor| !changing.contains(anchor)));
        settled.retain(|anchor| !self.open.contains(anchor) && !waiting.contains(anchor));
        // Whoever is planned once more is judged by that.
        let again = |anchor: &SourceAnchor| applied.replan.binary_search(anchor).is_ok();
        self.open.extend(waiting.into_iter().filter(|anchor| !again(anchor)));
        settled.sort_unstable();
        settled.dedup();
        let planned = plan.changes.iter().map(|change| change.anchor);
        let held = plan.holds.iter().flat_map(|hold| &hold.items).map(|item| item.anchor);
        let mut looked_at: Vec<SourceAnchor> =
            settled.iter().copied().chain(planned).chain(held).collect();
        looked_at.sort_unstable();
        let began = self.report.started_at;
        store.settle_looked_at(settled.clone(), looked_at, self.due_again(plan), began).await?;
        self.note_repaired(plan, &settled).await?;
        let put_off = plan.holds.iter().filter(|hold| waits_for_somebody(hold.kind));
        let put_off: Vec<SourceAnchor> =
            put_off.flat_map(|hold| &hold.items).map(|item| item.anchor).collect();
        if !put_off.is_empty() {
            store.put_off(put_off, self.engine.clock.now().plus_ms(PUT_OFF_MS)).await?;
        }
        if begun {
            store.mark_subjects(reopen).await?;
            store.set_first_plan_done().await?;
        }
        if !plan.holds.iter().any(|hold| hold.kind == HoldKind::RulesChanged) {
            store.set_rules(plan.rules_hash).await?;
        }
        Ok(())
    }

    /// Returns who has to be planned again at a time: by a filter, or because the lists of accounts
    /// are not read for somebody in every cycle.
    fn due_again(&self, plan: &Plan) -> Vec<(SourceAnchor, Timestamp)> {
        let soon = self.engine.clock.now().plus_ms(PUT_OFF_MS);
        let mut due: BTreeMap<SourceAnchor, Timestamp> = plan.look_again.iter().copied().collect();
        for &anchor in &plan.put_off {
            let at = due.entry(anchor).or_insert(soon);
            *at = soon.min(*at);
        }
        due.into_iter().collect()
    }
}

/// Returns whether a held object need not be planned again before something happens to it: it
/// changes at the source, a person answers, or everything is read. Licences and rights come back
/// by themselves, who is left alone may be so until a date, a group that a filter names may become
/// assigned, and what looked like an accident may look like one no longer.
fn waits_for_an_event(kind: HoldKind) -> bool {
    let returns = matches!(
        kind,
        HoldKind::LicenseLimitExceeded
            | HoldKind::NotReadable
            | HoldKind::GroupFull
            | HoldKind::LeftAlone
            | HoldKind::FilterUndecided
    );
    !returns && !kind.withholds_removals()
}

/// Returns whether somebody waits for an account or an address that another one has.
fn waits_for_address(kind: HoldKind) -> bool {
    matches!(kind, HoldKind::SharedAccount | HoldKind::AddressSwap | HoldKind::Namesake)
}

/// Returns whether a stage that is due waits until somebody does something at ShareFile, which no
/// feed tells, or for a filter.
fn waits_for_somebody(kind: HoldKind) -> bool {
    matches!(
        kind,
        HoldKind::EnabledElsewhere
            | HoldKind::NoHeir
            | HoldKind::MustStayEmployee
            | HoldKind::ProtectedRemoval
            | HoldKind::KeptAsIs
    )
}

/// Returns whether an account or an address may be free after a change, or belongs to somebody who
/// left, or to a colleague again.
fn sets_free(change: &PlannedChange) -> bool {
    let moves = |values: &[(TargetAttribute, Option<String>)]| {
        values.iter().any(|(target, _)| *target == TargetAttribute::Email)
    };
    let moved = matches!(&change.write, Write::Update { values, .. } if moves(values));
    let enabled = matches!(&change.write, Write::Update { enable: true, .. });
    let disabled = matches!(&change.write, Write::Disable { .. });
    moved || enabled || disabled || change.link == LinkAfter::End
}

/// Reduces plan data to some people; `anchors` is sorted.
fn only(mut data: PlanData, anchors: &[SourceAnchor]) -> PlanData {
    let keep = |anchor: &SourceAnchor| anchors.binary_search(anchor).is_ok();
    data.subjects.retain(|subject| keep(&subject.anchor));
    data.users.retain(|source_user| keep(&source_user.anchor));
    data.links.retain(|link| keep(&link.anchor));
    data.memberships.retain(|membership| keep(&membership.user));
    data.placements.retain(|placement| keep(&placement.user));
    data.group_subjects.clear();
    data
}
