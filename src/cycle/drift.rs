//! What others changed at the target: reading it, and telling it once.

use std::collections::BTreeSet;

use crate::model::account::Detail;
use crate::model::group::{GroupLink, GroupLinkState};
use crate::model::identity::Presence;
use crate::model::ids::{ChangeId, SourceAnchor, TargetId, Timestamp};
use crate::model::outcome::{ErrorCategory, LogEntry, OutcomeStatus, ProvisioningError};
use crate::model::plan::{
    Drift, HoldKind, ModifiedProperty, ObjectKind, Plan, ProvisioningAction, Reason,
};
use crate::plan::TargetView;
use crate::plan::groups::GroupNeeds;
use crate::store::{Compared, JobState, PlanData, Subject};

use super::course::Cycle;
use super::decide::Decided;
use super::failure::CycleFailure;
use super::lookup::Failing;

/// The members of so many groups are read in one cycle at most: the budget of requests is for
/// changes first.
const GROUPS_A_CYCLE: usize = 50;

/// So many groups are named in a note at most.
const NAMED: usize = 10;

/// Whose members were asked for in a cycle.
#[derive(Default)]
pub(super) struct Inspected {
    /// The links of all these groups.
    tried: Vec<GroupLink>,
    /// Those whose members were read.
    read: Vec<TargetId>,
}

impl Cycle<'_> {
    /// Returns the groups whose members are read in this cycle. They are planned as a whole.
    ///
    /// Those first where an earlier comparison found something that is still to be done; then those
    /// that were not asked for the longest time, a part of them.
    pub(super) async fn groups_to_compare(
        &self,
        job: &JobState,
    ) -> Result<Vec<GroupLink>, CycleFailure> {
        let engine = self.engine;
        if engine.settings.rules.groups.is_none() {
            return Ok(Vec::new());
        }
        let begins = self.report.kind.reads_target().then_some(self.report.started_at);
        let Some(since) = begins.or(job.members_since) else { return Ok(Vec::new()) };
        let mut links = engine.store.group_links().await?;
        links.retain(|link| link.state == GroupLinkState::Active);
        if !self.asks_for_everything() {
            let (open, mut others): (Vec<_>, Vec<_>) =
                links.into_iter().partition(|link| link.members_read_at.is_none());
            others.retain(|link| link.members_read_at.is_some_and(|at| at < since));
            others.sort_by_key(|link| (link.members_read_at, link.anchor, link.part));
            others.truncate(GROUPS_A_CYCLE);
            links = open;
            links.append(&mut others);
        }
        let anchors: BTreeSet<SourceAnchor> = links.iter().map(|link| link.anchor).collect();
        let subjects = anchors.into_iter().map(|anchor| Subject { anchor, verify: false });
        if !self.report.kind.reads_target() {
            engine.store.mark_subjects(subjects.collect()).await?;
        }
        Ok(links)
    }

    /// Returns whether somebody asks to see everything, or to do what was seen that way: then
    /// everything is read at once.
    fn asks_for_everything(&self) -> bool {
        self.asked.full || self.asked.saved.as_ref().is_some_and(|saved| saved.full)
    }

    /// Reads everything at the target, as far as this cycle does, and the members of some groups.
    pub(super) async fn read_target(
        &mut self,
        groups: Vec<GroupLink>,
        view: &mut TargetView,
    ) -> Result<Inspected, CycleFailure> {
        if self.report.kind.reads_target() {
            self.read_tenant(view).await?;
            self.lookups().lists(view).await?;
            if self.engine.settings.rules.groups.is_some() {
                let list = GroupNeeds { list: true, ..GroupNeeds::default() };
                self.lookups().groups(&list, view).await?;
            }
        }
        let mut asked = Inspected::default();
        let mut unread = Vec::new();
        let mut failing = Failing::default();
        for link in groups {
            // Where nothing is answered at all, the others are asked in the next cycle.
            if failing.is_mute() {
                break;
            }
            let id = &link.target_id;
            self.lookups().members(id, view, &mut failing).await?;
            if view.groups.members(id).is_some() {
                asked.read.push(id.clone());
            } else if !view.groups.is_gone(id) {
                unread.push(link.name_sent.clone());
            }
            asked.tried.push(link);
        }
        self.note_members_unread(&unread);
        Ok(asked)
    }

    fn note_members_unread(&mut self, names: &[String]) {
        if names.is_empty() {
            return;
        }
        let more = names.len().saturating_sub(NAMED);
        let named = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        self.report.notes.push(format!(
            "The members of these groups could not be read in ShareFile and were not compared: \
             {named}{more}. They are asked for again with the next comparison; look at the groups, \
             and at the roles of the service user."
        ));
    }

    /// Returns the accounts and groups of known differences that could not be looked at in a plan of
    /// everything: what was found of them before is all that is known.
    pub(super) async fn not_compared(
        &self,
        data: &PlanData,
        decided: &Decided,
    ) -> Result<BTreeSet<TargetId>, CycleFailure> {
        if !self.report.kind.reads_target() {
            return Ok(BTreeSet::new());
        }
        let unread = data.users.iter().filter(|user| user.presence == Presence::Unread);
        let mut alone: BTreeSet<SourceAnchor> = unread.map(|user| user.anchor).collect();
        let holds = decided.checked.plan().holds.iter();
        let holds = holds.filter(|hold| keeps_from_looking(hold.kind));
        alone.extend(holds.flat_map(|hold| &hold.items).map(|item| item.anchor));
        alone.extend(&self.unsettled);
        let view = &decided.view;
        let hidden = |drift: &Drift| {
            let id = &drift.target_id;
            let shown = match drift.object {
                ObjectKind::User => {
                    let known = view.by_id(id);
                    view.is_gone(id)
                        || known.is_some_and(|known| known.account.detail != Detail::Reduced)
                }
                ObjectKind::Group => view.groups.is_gone(id) || view.groups.get(id).is_some(),
            };
            !shown || alone.contains(&drift.anchor)
        };
        let known = self.engine.store.drift().await?;
        let hidden = known.into_iter().map(|(drift, _)| drift).filter(hidden);
        Ok(hidden.map(|drift| drift.target_id).collect())
    }

    /// Writes to the log what others changed and stays, each difference once for as long as it is
    /// there.
    pub(super) async fn note_drift(
        &mut self,
        job: &JobState,
        plan: &Plan,
        asked: Inspected,
        except: BTreeSet<TargetId>,
    ) -> Result<(), CycleFailure> {
        let everything = self.report.kind.reads_target();
        if !everything && asked.tried.is_empty() && job.members_since.is_none() {
            return Ok(());
        }
        let store = &self.engine.store;
        let now = self.engine.clock.now();
        if everything {
            store.begin_drift(self.report.started_at).await?;
        }
        let compared = Compared { everything, members: asked.read, except };
        let new = store.note_drift(plan.drift.clone(), compared, now).await?;
        // Where something is to be done, the next cycle has to see the same again: a repair may
        // fail, or wait for a person.
        let changes = plan.changes.iter().map(|change| change.anchor);
        let busy: BTreeSet<SourceAnchor> = changes.chain(held(plan)).collect();
        let (again, done): (Vec<_>, Vec<_>) =
            asked.tried.into_iter().partition(|link| busy.contains(&link.anchor));
        let ids = |links: &[GroupLink]| links.iter().map(|link| link.target_id.clone()).collect();
        store.note_members_read(ids(&done), ids(&again), now).await?;
        self.repairs = again;
        self.report.counts.drift += new.len() as u64;
        let entries = new.into_iter().map(|drift| self.entry(drift, now)).collect();
        Ok(store.append_log(entries).await?)
    }

    /// Notes that what a comparison of members found is done, in those groups that are `settled`
    /// (sorted) and where nothing waits.
    pub(super) async fn note_repaired(
        &mut self,
        plan: &Plan,
        settled: &[SourceAnchor],
    ) -> Result<(), CycleFailure> {
        let waiting: BTreeSet<SourceAnchor> = held(plan).collect();
        let done = |link: &GroupLink| {
            settled.binary_search(&link.anchor).is_ok() && !waiting.contains(&link.anchor)
        };
        let repairs = std::mem::take(&mut self.repairs);
        let (done, open): (Vec<_>, Vec<_>) = repairs.into_iter().partition(done);
        self.repairs = open;
        if done.is_empty() {
            return Ok(());
        }
        let done = done.into_iter().map(|link| link.target_id).collect();
        let now = self.engine.clock.now();
        Ok(self.engine.store.note_members_read(done, Vec::new(), now).await?)
    }

    fn entry(&self, drift: Drift, now: Timestamp) -> LogEntry {
        LogEntry {
            cycle: self.id,
            change: ChangeId::default(),
            at: now,
            duration_ms: 0,
            action: ProvisioningAction::Other,
            status: OutcomeStatus::Warning,
            object: drift.object,
            anchor: drift.anchor,
            label: drift.label,
            target_id: Some(drift.target_id),
            reasons: vec![Reason::Drifted.sentence()],
            modified: vec![ModifiedProperty {
                name: drift.attribute,
                old: drift.expected,
                new: drift.found,
            }],
            error: Some(ProvisioningError {
                code: "Drift".to_owned(),
                reason: "somebody else changed this in ShareFile".to_owned(),
                recommended_action: "Change it in Entra ID instead, or let `[drift]` say what to \
                                     do with such changes."
                    .to_owned(),
                category: ErrorCategory::Rejected,
            }),
            approved: false,
            initiated_by: self.asked.by.clone(),
        }
    }
}

/// Returns whether what is held for that cause was not compared.
fn keeps_from_looking(kind: HoldKind) -> bool {
    matches!(
        kind,
        HoldKind::NotReadable
            | HoldKind::Protected
            | HoldKind::MissingValues
            | HoldKind::MappingFailed
            | HoldKind::LeftAlone
            | HoldKind::FilterUndecided
            | HoldKind::KeptAsIs
    )
}

/// Returns whom a plan withholds something from that somebody may let go: it must be seen again to
/// be done. What no answer lets go is seen again when its cause does.
fn held(plan: &Plan) -> impl Iterator<Item = SourceAnchor> {
    let waits = plan.holds.iter().filter(|hold| hold.kind.approvable());
    waits.flat_map(|hold| &hold.items).map(|item| item.anchor)
}
