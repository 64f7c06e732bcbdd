//! A trial of the rules on what the snapshot has: neither end is asked, and nothing is written.

use std::collections::BTreeMap;

use crate::model::identity::SourceUser;
use crate::model::ids::SourceAnchor;
use crate::model::trial::Trial;
use crate::plan::{GroupFacts, PlanInput, TargetView, trial};
use crate::store::{JobState, Subject};

use super::failure::CycleFailure;
use super::turn::Engine;

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// Nothing has been read yet.
    Unread,
    /// What the rules read now is not what the snapshot holds.
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
        match &job.watermark {
            None => return Ok(Tried::Unread),
            Some((_, hash)) if *hash != self.query_hash() => return Ok(Tried::Otherwise),
            Some(_) => {}
        }
        let sample = self.store.first_people(most).await?;
        let trial = self.offline(&job, &sample.anchors, trial::trial).await?;
        Ok(Tried::Trial(Trial { people: sample.of, ..trial }))
    }

    /// Returns what the assignments, as last read, give expressions to read of somebody, by the name
    /// of the input.
    ///
    /// # Errors
    /// The store's.
    pub async fn inputs_of(
        &self,
        user: &SourceUser,
    ) -> Result<BTreeMap<&'static str, Vec<String>>, CycleFailure> {
        let job = self.store.job().await?;
        let asked = |input: &PlanInput<'_>| trial::inputs(input, user);
        self.offline(&job, &[user.anchor], asked).await
    }

    /// Hands over what planning would know of some people without looking at the target.
    async fn offline<T>(
        &self,
        job: &JobState,
        people: &[SourceAnchor],
        ask: impl FnOnce(&PlanInput<'_>) -> T,
    ) -> Result<T, CycleFailure> {
        let now = self.clock.now();
        let subjects = people.iter().map(|&anchor| Subject { anchor, verify: false });
        let data = self.store.plan_data_of(subjects.collect(), now).await?;
        let roles =
            job.application.as_ref().map(|known| known.roles.as_slice()).unwrap_or_default();
        let subjects: Vec<SourceAnchor> = data.subjects.iter().map(|one| one.anchor).collect();
        // Nobody is asked what time it is elsewhere.
        let target = TargetView::default();
        let input = PlanInput {
            roles,
            subjects: &subjects,
            users: &data.users,
            assignments: &data.assignments,
            memberships: &data.memberships,
            edges: &data.edges,
            links: &data.links,
            groups: GroupFacts {
                groups: &data.groups,
                links: &data.group_links,
                ..GroupFacts::default()
            },
            active_links: data.active_links,
            ..PlanInput::of_nobody(&self.settings.rules, &target, now)
        };
        Ok(ask(&input))
    }
}
