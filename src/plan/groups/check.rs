//! Check of what is planned for groups: nobody is lost, and no group has two owners.

use std::collections::{HashMap, HashSet};

use crate::model::ids::{SourceAnchor, TargetId};
use crate::model::plan::{
    GroupCall, GroupWrite, LinkAfter, MEMBERS_PER_CALL, Member, Plan, PlannedChange,
    ProvisioningAction, Write,
};

use crate::plan::input::PlanInput;

/// Which group of the source, and which part of it.
type Owner = (SourceAnchor, u16);

/// The changes of groups of one plan, looked at one after the other.
pub struct Checking<'a> {
    plan: &'a Plan,
    input: &'a PlanInput<'a>,
    owners: HashMap<&'a TargetId, Owner>,
}

impl<'a> Checking<'a> {
    /// Begins with the groups that are linked.
    pub fn new(plan: &'a Plan, input: &'a PlanInput<'a>) -> Self {
        let links = input.groups.links.iter().map(|standing| &standing.link);
        let owners = links.map(|link| (&link.target_id, (link.anchor, link.part))).collect();
        Self { plan, input, owners }
    }

    /// Returns what is wrong with a change of a group.
    pub fn violations(&mut self, change: &'a PlannedChange) -> Vec<&'static str> {
        let mut found = Vec::new();
        let part = part_of(change);
        if !self.is_known(change.anchor) {
            found.push("concerns a group that is not known");
        }
        if change.write != Write::Nothing && self.is_super_group(change) {
            found.push("touches the Super User Group");
        }
        if let Some(target_id) = &change.target_id {
            let owner = (change.anchor, part);
            if *self.owners.entry(target_id).or_insert(owner) != owner {
                found.push("is about a group of the target that belongs to another group");
            }
        }
        if change.after.is_some_and(|first| first != change.anchor) {
            found.push("waits for a change of another object");
        }
        let Write::Group(write) = &change.write else { return found };
        match &write.call {
            GroupCall::Remove { members } if self.evicts(change.anchor, part, members) => {
                found.push("takes somebody for a stranger whom this job put in");
            }
            GroupCall::Delete if change.after.is_some() && self.strands(change.anchor, part) => {
                found.push("deletes a part with members who come into no other one");
            }
            _ => {}
        }
        found
    }

    fn is_known(&self, anchor: SourceAnchor) -> bool {
        let groups = &self.input.groups;
        groups.groups.binary_search_by_key(&anchor, |group| group.anchor).is_ok()
            || groups.links.binary_search_by_key(&anchor, |one| one.link.anchor).is_ok()
    }

    fn is_super_group(&self, change: &PlannedChange) -> bool {
        let tenant = self.input.target.tenant.as_ref();
        let super_group = tenant.and_then(|tenant| tenant.super_group.as_ref());
        super_group.is_some() && super_group == change.target_id.as_ref()
    }

    /// Returns who is in a part.
    fn placed(&self, owner: Owner) -> HashSet<SourceAnchor> {
        let links = self.input.groups.links.iter();
        let position = links.zip(0..).find(|(one, _)| (one.link.anchor, one.link.part) == owner);
        let Some((_, position)) = position else { return HashSet::new() };
        let placements = self.input.groups.placements.iter();
        placements.filter(|one| one.link == position).map(|one| one.user).collect()
    }

    /// Returns whether members who are removed as strangers are accounts of people in the part.
    fn evicts(&self, group: SourceAnchor, part: u16, members: &[Member]) -> bool {
        let strangers = members.iter().filter(|member| member.person.is_none());
        let strangers: HashSet<&TargetId> =
            strangers.filter_map(|member| member.target_id.as_ref()).collect();
        if strangers.is_empty() {
            return false;
        }
        let placed = self.placed((group, part));
        self.input
            .links
            .iter()
            .any(|link| strangers.contains(&link.target_id) && placed.contains(&link.anchor))
    }

    /// Returns whether somebody is in a part, in no other part of the group, and comes into none.
    fn strands(&self, group: SourceAnchor, part: u16) -> bool {
        let mut placed = self.placed((group, part));
        let links = self.input.groups.links.iter().map(|standing| &standing.link);
        for other in links.filter(|link| link.anchor == group && link.part != part) {
            for person in self.placed((group, other.part)) {
                placed.remove(&person);
            }
        }
        for change in self.plan.changes.iter().filter(|change| change.anchor == group) {
            let Write::Group(write) = &change.write else { continue };
            let GroupCall::Add { members } = &write.call else { continue };
            for person in members.iter().filter_map(|member| member.person) {
                if write.part != part {
                    placed.remove(&person);
                }
            }
        }
        !placed.is_empty()
    }
}

/// Returns which part of a group a change is about.
fn part_of(change: &PlannedChange) -> u16 {
    match &change.link {
        LinkAfter::Group { part, .. } | LinkAfter::EndGroup { part } => *part,
        LinkAfter::Keep { .. } | LinkAfter::End => 0,
    }
}

/// Returns what is wrong with a call in itself.
pub fn shape_violations(
    write: &GroupWrite,
    action: ProvisioningAction,
    named: Option<&TargetId>,
) -> Vec<&'static str> {
    let mut found = Vec::new();
    if write.target_id.as_ref() != named {
        found.push("writes to another group than it names");
    }
    let (members, expected) = match &write.call {
        GroupCall::Create { members, .. } => (members.as_slice(), ProvisioningAction::Create),
        GroupCall::Add { members } => (members.as_slice(), ProvisioningAction::Update),
        GroupCall::Remove { members } => {
            if members.iter().any(|member| member.target_id.is_none()) {
                found.push("removes a member who has no account");
            }
            (members.as_slice(), ProvisioningAction::Update)
        }
        GroupCall::Rename { .. } => (&[][..], ProvisioningAction::Update),
        GroupCall::Delete => (&[][..], ProvisioningAction::Delete),
    };
    if action != expected {
        found.push("calls something else than its action says");
    }
    if members.len() > MEMBERS_PER_CALL {
        found.push("names more members than one call takes");
    }
    if members.iter().any(|member| member.person.is_none() && member.target_id.is_none()) {
        found.push("names nobody as a member");
    }
    found
}
