//! Outside: who of those whom the source shows is out of scope, and why, for those who ask about
//! everybody and plan nothing.

use std::collections::HashMap;

use crate::model::group::{GroupEdge, SourceGroup};
use crate::model::identity::{Assignment, Membership, Presence, SourceUser};
use crate::model::ids::SourceAnchor;
use crate::model::plan::LeaveEvent;

pub use super::filter::Time;
use super::filter::{Assigned, Filters, Verdict};
use super::rules::{OnLeave, Rules};
use super::scope::{Entitlements, Scope, scope};

/// What the snapshot holds, each sorted as [`PlanInput`](super::PlanInput) has it.
#[derive(Clone, Copy, Debug)]
pub struct Everybody<'a> {
    /// All people.
    pub users: &'a [SourceUser],
    /// All assignment rows.
    pub assignments: &'a [Assignment],
    /// All memberships.
    pub memberships: &'a [Membership],
    /// Which groups are in which.
    pub edges: &'a [GroupEdge],
    /// All groups.
    pub groups: &'a [SourceGroup],
    /// What time it is.
    pub time: Time,
}

/// Returns who is out of scope, with the strictest event that holds. Who cannot be read is not among
/// them.
pub fn outside(rules: &Rules, everybody: Everybody<'_>) -> HashMap<SourceAnchor, LeaveEvent> {
    let Everybody { users, assignments, memberships, edges, groups, time } = everybody;
    let filters = Filters::of_people(rules, Assigned { assignments, groups }, time);
    let mut entitlements = Entitlements::new(assignments, memberships, edges, rules.default_access);
    let mut found = HashMap::new();
    for user in users {
        let entitlement = entitlements.of(user.anchor);
        let verdict = || filters.verdict(&user.attributes, entitlements.groups());
        let filtered = user.presence == Presence::Present && verdict() == Verdict::Out;
        let leaves = filtered && rules.on_leave == OnLeave::Deprovision;
        let by_rules = leaves.then_some(LeaveEvent::Filtered);
        let scope = scope(Some(user), &entitlement, by_rules.as_slice(), &rules.deprovision);
        if let Scope::Out(events) = scope {
            found.extend(events.first().map(|event| (user.anchor, *event)));
        }
    }
    found
}
