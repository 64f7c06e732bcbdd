//! A trial of the rules on what the snapshot has: neither end is asked, and nothing is written.

use crate::model::ids::SourceAnchor;
use crate::model::plan::CycleKind;
use crate::model::trial::Trial;
use crate::plan::{GroupFacts, PlanInput, TargetView, trial};
use crate::store::Subject;

use super::failure::CycleFailure;
use super::turn::Engine;

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// Nothing has been read yet, or what the rules read now is not what the snapshot holds.
    Otherwise,
    /// The rules were tried.
    Trial(Trial),
}

impl Engine {
    /// Tries the rules on at most `most` people of the snapshot. Object ids are random, so that the
    /// first ones by id are a sample.
    ///
    /// # Errors
    /// The store's.
    pub async fn try_rules(&self, most: u32) -> Result<Tried, CycleFailure> {
        let job = self.store.job().await?;
        let bound = job.watermark.as_ref().is_some_and(|(_, hash)| *hash == self.query_hash());
        if !bound {
            return Ok(Tried::Otherwise);
        }
        let now = self.clock.now();
        let sample = self.store.first_people(most).await?;
        let subjects = sample.anchors.iter().map(|&anchor| Subject { anchor, verify: false });
        let data = self.store.plan_data_of(subjects.collect(), now).await?;
        let roles =
            job.application.as_ref().map(|known| known.roles.as_slice()).unwrap_or_default();
        let subjects: Vec<SourceAnchor> = data.subjects.iter().map(|one| one.anchor).collect();
        let input = PlanInput {
            kind: CycleKind::Full,
            now,
            clock_ahead_ms: None,
            rules: &self.settings.rules,
            roles,
            subjects: &subjects,
            verify: &[],
            verify_all: false,
            unsettled: &[],
            users: &data.users,
            assignments: &data.assignments,
            memberships: &data.memberships,
            edges: &data.edges,
            links: &data.links,
            groups: GroupFacts { groups: &data.groups, ..GroupFacts::default() },
            target: &TargetView::default(),
            companions: false,
            active_links: data.active_links,
            removed_today: &[],
            active_a_day_ago: 0,
            anybody_assigned: true,
            first_plan: false,
            catching_up: false,
            rules_changed: false,
            reserved: &[],
            approved: &[],
            waiting: &[],
            rejected: &[],
        };
        Ok(Tried::Trial(Trial { people: sample.of, ..trial::trial(&input) }))
    }
}
