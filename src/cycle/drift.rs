//! What others changed at the target: reading it, and telling it once.

use std::collections::BTreeSet;

use tracing::warn;

use crate::model::group::{GroupLink, GroupLinkState};
use crate::model::ids::{ChangeId, SourceAnchor, TargetId, Timestamp};
use crate::model::outcome::{ErrorCategory, LogEntry, OutcomeStatus, ProvisioningError};
use crate::model::plan::{Drift, ModifiedProperty, Plan, ProvisioningAction, Reason};
use crate::plan::TargetView;
use crate::plan::groups::GroupNeeds;
use crate::store::{Compared, JobState, Subject};

use super::course::Cycle;
use super::failure::CycleFailure;

/// The members of so many groups are read in one cycle at most: the budget of requests is for
/// changes first.
const GROUPS_A_CYCLE: usize = 50;

impl Cycle<'_> {
    /// Returns the groups whose members are read in this cycle, those first that were not read for
    /// the longest time. They are planned as a whole.
    pub(super) async fn groups_to_compare(
        &self,
        job: &JobState,
    ) -> Result<Vec<GroupLink>, CycleFailure> {
        let engine = self.engine;
        if engine.settings.rules.groups.is_none() {
            return Ok(Vec::new());
        }
        let since = if self.report.kind.reads_target() {
            job.members_since.or(Some(engine.clock.now()))
        } else {
            job.members_since
        };
        let Some(since) = since else { return Ok(Vec::new()) };
        let mut links = engine.store.group_links().await?;
        links.retain(|link| link.state == GroupLinkState::Active);
        // Who asks to see everything sees everything at once.
        if !(self.asked.preview && self.asked.full) {
            links.retain(|link| link.members_read_at.is_none_or(|at| at < since));
            links.sort_by_key(|link| (link.members_read_at, link.anchor, link.part));
            links.truncate(GROUPS_A_CYCLE);
        }
        let anchors: BTreeSet<SourceAnchor> = links.iter().map(|link| link.anchor).collect();
        let subjects = anchors.into_iter().map(|anchor| Subject { anchor, verify: false });
        if !self.report.kind.reads_target() {
            engine.store.mark_subjects(subjects.collect()).await?;
        }
        Ok(links)
    }

    /// Reads everything at the target, as far as this cycle does. Returns whose members were read.
    pub(super) async fn read_target(
        &self,
        groups: &[GroupLink],
        view: &mut TargetView,
    ) -> Result<Vec<TargetId>, CycleFailure> {
        if self.report.kind.reads_target() {
            self.read_tenant(view).await?;
            self.lookups().lists(view).await?;
            if self.engine.settings.rules.groups.is_some() {
                let list = GroupNeeds { list: true, ..GroupNeeds::default() };
                self.lookups().groups(&list, view).await?;
            }
        }
        let mut read = Vec::new();
        for link in groups {
            let id = &link.target_id;
            match self.engine.target.group_members(id).await {
                Ok(Some(members)) => {
                    view.groups.add_members(id.clone(), members);
                    read.push(id.clone());
                }
                Ok(None) => view.groups.note_gone(id),
                Err(error) if error.concerns_one_object() => {
                    warn!(target.id = %id, "the members of a group could not be read: {error}");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(read)
    }

    /// Writes to the log what others changed and stays, each difference once for as long as it is
    /// there.
    pub(super) async fn note_drift(
        &mut self,
        plan: &Plan,
        members: Vec<TargetId>,
    ) -> Result<(), CycleFailure> {
        let everything = self.report.kind.reads_target();
        if !everything && members.is_empty() {
            return Ok(());
        }
        let store = &self.engine.store;
        let now = self.engine.clock.now();
        if everything {
            store.begin_drift(self.report.started_at).await?;
        }
        let compared = Compared { everything, members: members.clone() };
        let new = store.note_drift(plan.drift.clone(), compared, now).await?;
        store.note_members_read(members, now).await?;
        self.report.counts.drift += new.len() as u64;
        let entries = new.into_iter().map(|drift| self.entry(drift, now)).collect();
        Ok(store.append_log(entries).await?)
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
