//! Deciding: planning with look-ups until nothing is missing, and what a person says to it.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use crate::model::account::Detail;
use crate::model::ids::{SourceAnchor, Timestamp};
use crate::model::plan::{CheckedPlan, Plan, PlannedChange, Reason, Write};
use crate::model::row::AttributeRow;
use crate::plan::{GroupFacts, PlanInput, Planned, TargetView, check, plan};
use crate::store::{self, Answer, JobState, PlanData, Seen, StoredHold, Subject};

use super::course::Cycle;
use super::failure::CycleFailure;
use super::import::Imported;
use super::lookup::Lookups;

/// Rounds of look-ups before planning is given up as endless.
const ROUNDS: u32 = 9;

/// Rounds in which further people are planned because of those who are.
const COMPANION_ROUNDS: u32 = 3;

/// How old what is known of the tenant may be when anything is written: 10 minutes.
const TENANT_KNOWN_FOR_MS: u64 = 600_000;

/// The window in which removals are counted, in milliseconds: a day.
const DAY_MS: i64 = 86_400_000;

/// What planning starts from, besides the target.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub job: &'a JobState,
    pub imported: &'a Imported,
    pub data: &'a PlanData,
    /// Others may be planned as well, if it depends on them what somebody gets.
    pub companions: bool,
}

/// How planning of one cycle ended.
pub(super) struct Decided {
    pub checked: CheckedPlan,
    /// Who was planned.
    pub planned: Vec<SourceAnchor>,
    pub view: TargetView,
}

impl Cycle<'_> {
    /// The tenant as last read serves within one process, and for some minutes; a new process reads
    /// it before it writes. Whom it names as protected may change at any time.
    pub(super) fn first_view(&self, job: &JobState) -> TargetView {
        let mut view = TargetView::default();
        if self.engine.target_checked.load(Ordering::Relaxed) {
            let now = self.engine.clock.now();
            let fresh = |at: Timestamp| at <= now && now.ms_since(at) < TENANT_KNOWN_FOR_MS;
            let known = job.target_account.as_ref().filter(|(_, at)| fresh(*at));
            view.tenant = known.map(|(tenant, _)| tenant.clone());
        }
        view
    }

    pub(super) async fn read_tenant(&self, view: &mut TargetView) -> Result<(), CycleFailure> {
        let engine = self.engine;
        let tenant = engine.target.account().await?;
        if let Some(mut pins) = engine.store.job().await?.pins {
            pins.account_id = Some(tenant.account_id.clone());
            engine.store.pin(pins).await?;
        }
        engine.store.set_target_account(tenant.clone(), engine.clock.now()).await?;
        engine.target_checked.store(true, Ordering::Relaxed);
        view.tenant = Some(tenant);
        view.seats_fresh = true;
        view.tenant_fresh = true;
        Ok(())
    }

    pub(super) fn lookups(&self) -> Lookups<'_> {
        Lookups {
            target: self.engine.target.as_ref(),
            store: &self.engine.store,
            in_flight: self.engine.settings.in_flight,
        }
    }

    /// Plans, answering look-ups until nothing is missing, and checks the plan.
    pub(super) async fn decide(
        &self,
        known: Known<'_>,
        mut view: TargetView,
    ) -> Result<Decided, CycleFailure> {
        let engine = self.engine;
        let Known { job, imported, data, companions } = known;
        let job = if imported.roles.is_empty() { job.clone() } else { engine.store.job().await? };
        let now = engine.clock.now();
        let answered = engine.store.answered(now).await?;
        let lately = engine.store.removals(now.plus_ms(-DAY_MS)).await?;
        let mut subjects: Vec<SourceAnchor> =
            data.subjects.iter().map(|subject| subject.anchor).collect();
        let verify: Vec<SourceAnchor> = data
            .subjects
            .iter()
            .filter(|subject| subject.verify)
            .map(|subject| subject.anchor)
            .collect();
        let mut extended: Option<PlanData> = None;
        let mut extensions = 0;
        let mut group_subjects: Vec<SourceAnchor> =
            data.group_subjects.iter().map(|subject| subject.anchor).collect();
        let group_verify: Vec<SourceAnchor> = data
            .group_subjects
            .iter()
            .filter(|subject| subject.verify)
            .map(|subject| subject.anchor)
            .collect();
        let roles =
            job.application.as_ref().map(|known| known.roles.as_slice()).unwrap_or_default();
        let unsettled = self.unsettled_now(data);
        let reserved = self.reserved().await?;
        for _ in 0..ROUNDS {
            let data = extended.as_ref().unwrap_or(data);
            let input = PlanInput {
                kind: self.report.kind,
                now,
                clock_ahead_ms: engine.source.clock_ahead_ms(),
                rules: &engine.settings.rules,
                roles,
                subjects: &subjects,
                verify: &verify,
                verify_all: self.asked.preview || self.asked.saved.is_some(),
                unsettled: &unsettled,
                users: &data.users,
                assignments: &data.assignments,
                memberships: &data.memberships,
                edges: &data.edges,
                links: &data.links,
                groups: GroupFacts {
                    subjects: &group_subjects,
                    verify: &group_verify,
                    groups: &data.groups,
                    links: &data.group_links,
                    placements: &data.placements,
                    retired_today: &lately.groups,
                },
                target: &view,
                companions: companions && extensions < COMPANION_ROUNDS,
                active_links: data.active_links,
                removed_today: &lately.people,
                active_a_day_ago: lately.active_then,
                anybody_assigned: !imported.roles.is_empty()
                    || (imported.default_access && engine.settings.rules.default_access),
                first_plan: !job.first_plan_done,
                catching_up: !job.caught_up,
                rules_changed: self.rules_changed(&job),
                reserved: &reserved,
                approved: &answered.approved,
                waiting: &answered.waiting_in,
                rejected: &answered.rejected_in,
            };
            let needs = match plan(&input) {
                // Somebody may have been given rights since the tenant was read: what nobody may
                // touch must not be adopted in the meantime.
                Planned::Plan(plan) if !view.tenant_fresh && plan.changes.iter().any(adopts) => {
                    self.read_tenant(&mut view).await?;
                    continue;
                }
                Planned::Plan(plan) => {
                    let checked = check::check(plan, &input)
                        .map_err(|violations| CycleFailure::Unsound { violations })?;
                    let seen = seen_otherwise(data, &view);
                    if !seen.is_empty() {
                        engine.store.note_seen(seen).await?;
                    }
                    subjects.extend(group_subjects);
                    subjects.retain(|anchor| self.unsettled.binary_search(anchor).is_err());
                    return Ok(Decided { checked, planned: subjects, view });
                }
                Planned::Needs(needs) => needs,
            };
            if needs.tenant {
                self.read_tenant(&mut view).await?;
            } else if needs.seats {
                let seats = engine.target.seats().await?;
                if let Some(tenant) = &mut view.tenant {
                    tenant.seats = seats;
                }
                view.seats_fresh = true;
            }
            if needs.idle_employees {
                view.idle_employees = Some(engine.store.idle_employees().await?);
            }
            if !needs.people.is_empty() || !needs.groups.whole.is_empty() {
                extensions += 1;
                let further = needs.people.iter().chain(&needs.groups.whole).copied();
                let more = self.with_companions(data, &group_subjects, further).await?;
                subjects = more.subjects.iter().map(|subject| subject.anchor).collect();
                group_subjects = more.group_subjects.iter().map(|one| one.anchor).collect();
                extended = Some(more);
            }
            self.lookups().answer(&needs, &mut view).await?;
        }
        Err(CycleFailure::Endless { rounds: ROUNDS })
    }

    /// Returns the values of accounts whose creation waits for a person, where mappings choose values
    /// that are free: who comes meanwhile must not take them.
    async fn reserved(&self) -> Result<Vec<(SourceAnchor, AttributeRow)>, CycleFailure> {
        let mappings = &self.engine.settings.rules.mappings;
        if !mappings.iter().any(|mapping| mapping.source.uses().uniqueness) {
            return Ok(Vec::new());
        }
        let holds = self.engine.store.live_holds().await?;
        let changes = holds.into_iter().flat_map(|hold| hold.items).filter_map(|item| item.change);
        let creates = changes.filter_map(|change| match change.write {
            Write::Create { values, .. } => Some((change.anchor, values)),
            _ => None,
        });
        Ok(creates.collect())
    }

    /// Returns people and groups of whom nothing may be planned: an interrupted write could not be
    /// looked up, or an earlier pass of this cycle tried to make the group, and what came of it is
    /// not known yet.
    fn unsettled_now(&self, data: &PlanData) -> Vec<SourceAnchor> {
        let unmade = |anchor: &&SourceAnchor| {
            let links = &data.group_links;
            data.groups.binary_search_by_key(*anchor, |group| group.anchor).is_ok()
                && links.binary_search_by_key(*anchor, |standing| standing.link.anchor).is_err()
        };
        let unmade = self.open.iter().filter(unmade);
        let both: BTreeSet<SourceAnchor> = self.unsettled.iter().chain(unmade).copied().collect();
        both.into_iter().collect()
    }

    /// Returns what is planned together with further people and groups, except those whose
    /// interrupted write could not be looked up.
    async fn with_companions(
        &self,
        data: &PlanData,
        groups: &[SourceAnchor],
        further: impl Iterator<Item = SourceAnchor>,
    ) -> Result<PlanData, CycleFailure> {
        let free = further.filter(|anchor| self.unsettled.binary_search(anchor).is_err());
        let companions = free.chain(groups.iter().copied());
        let companions = companions.map(|anchor| Subject { anchor, verify: false });
        let subjects = data.subjects.iter().copied().chain(companions).collect();
        Ok(self.engine.store.plan_data_of(subjects, self.engine.clock.now()).await?)
    }

    /// Records what waits. With approval given in advance, approves it as seen and plans again; a
    /// saved plan is reduced to what was saved. `None` means that nothing is to be applied.
    pub(super) async fn with_approval(
        &mut self,
        known: Known<'_>,
        decided: Decided,
    ) -> Result<Option<CheckedPlan>, CycleFailure> {
        let engine = self.engine;
        let Decided { checked, planned, view } = decided;
        self.plan = Some(checked.shared());
        self.count(checked.plan());
        self.note_not_taken(&view);
        let holds = self.record_holds(planned, checked.plan()).await?;
        if self.asked.preview {
            return Ok(None);
        }
        if let Some(saved) = &self.asked.saved {
            return match saved.compare(checked.plan()) {
                Ok(people) => {
                    let reduced = checked.only(&people);
                    self.plan = Some(reduced.shared());
                    Ok(Some(reduced))
                }
                Err(differences) => {
                    self.refused = differences;
                    Ok(None)
                }
            };
        }
        let waiting: Vec<&StoredHold> = holds
            .iter()
            .filter(|hold| hold.kind.approvable() && hold.state == store::HoldState::Open)
            .collect();
        if !self.asked.approve || waiting.is_empty() {
            return Ok(Some(checked));
        }
        let now = engine.clock.now();
        let valid = i64::try_from(engine.settings.approval_valid.as_millis()).unwrap_or(i64::MAX);
        for hold in waiting {
            let until = now.plus_ms(valid);
            let answer = Answer::Approve { until };
            engine.store.answer_hold(hold.id, answer, self.asked.by.clone(), now).await?;
        }
        let decided = self.decide(known, view).await?;
        self.plan = Some(decided.checked.shared());
        self.count(decided.checked.plan());
        self.record_holds(decided.planned, decided.checked.plan()).await?;
        Ok(Some(decided.checked))
    }

    /// Says which mapped attributes the tenant does not take.
    fn note_not_taken(&mut self, view: &TargetView) {
        let rules = &self.engine.settings.rules;
        let tenant = view.tenant.as_ref();
        self.report.notes.extend(tenant.and_then(|tenant| rules.not_taken(tenant.by_policies)));
    }

    fn count(&mut self, plan: &Plan) {
        self.report.counts.held = plan.holds.iter().map(|hold| hold.items.len() as u64).sum();
        self.report.counts.unread = plan.counts.unread;
        if plan.counts.unread > 0 {
            let note = "Some people came without values and were left as they are. Check that the \
                        app registration still has User.Read.All, with admin consent.";
            if !self.report.notes.iter().any(|known| known == note) {
                self.report.notes.push(note.to_owned());
            }
        }
    }

    pub(super) async fn record_holds(
        &self,
        planned: Vec<SourceAnchor>,
        plan: &Plan,
    ) -> Result<Vec<StoredHold>, CycleFailure> {
        let planned = store::Planned::These(planned);
        let now = self.engine.clock.now();
        Ok(self.engine.store.record_holds(plan.holds.clone(), planned, now).await?)
    }
}

/// Returns whether a change takes an account that the job did not have.
fn adopts(change: &PlannedChange) -> bool {
    change.reasons.iter().any(|reason| matches!(reason, Reason::Matched { .. }))
}

/// Returns the linked accounts that were read and are of another kind, or in another state, than
/// the store remembers.
fn seen_otherwise(data: &PlanData, view: &TargetView) -> Vec<Seen> {
    let read = data.links.iter().filter_map(|link| Some((link, view.by_id(&link.target_id)?)));
    read.filter(|(link, known)| {
        let account = &known.account;
        let same = (account.kind, account.disabled) == (link.shadow.kind, link.shadow.disabled);
        account.detail != Detail::Reduced && !same
    })
    .map(|(link, known)| Seen {
        target_id: link.target_id.clone(),
        kind: known.account.kind,
        disabled: known.account.disabled,
    })
    .collect()
}
