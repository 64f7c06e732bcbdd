//! Groups: created, kept in step, held, left.

use std::collections::BTreeMap;

use super::*;
use crate::model::group::{
    GroupLink, GroupLinkState, GroupStanding, Placement, SourceGroup, TargetGroup,
};
use crate::model::leaving::Stage;
use crate::model::plan::{GroupCall, Member, ObjectKind};
use crate::plan::groups::GroupNeeds;
use crate::plan::rules::{Adopt, ExtraMembers, GroupFate, GroupRules, LeaverGroups, Overflow};

/// The groups of a world. All groups that are known are subjects.
#[derive(Clone, Debug, Default)]
pub(super) struct GroupWorld {
    pub(super) source: Vec<SourceGroup>,
    pub(super) links: Vec<GroupStanding>,
    pub(super) placements: Vec<Placement>,
    pub(super) target: Vec<TargetGroup>,
    pub(super) members: BTreeMap<TargetId, Vec<TargetId>>,
    pub(super) subjects: Vec<SourceAnchor>,
    pub(super) verify: Vec<SourceAnchor>,
    pub(super) retired_today: Vec<SourceAnchor>,
}

impl GroupWorld {
    pub(super) fn sort(&mut self) {
        self.source.sort_by_key(|group| group.anchor);
        let key = |standing: &GroupStanding| (standing.link.anchor, standing.link.part);
        let before: Vec<_> = self.links.iter().map(key).collect();
        self.links.sort_by_key(key);
        for placement in &mut self.placements {
            let at = self.links.iter().position(|one| key(one) == before[placement.link as usize]);
            placement.link = u32::try_from(at.expect("still there")).expect("few");
        }
        self.placements.sort_unstable();
        self.subjects.sort_unstable();
        self.subjects.dedup();
    }

    pub(super) fn facts(&self) -> GroupFacts<'_> {
        GroupFacts {
            subjects: &self.subjects,
            verify: &self.verify,
            groups: &self.source,
            links: &self.links,
            placements: &self.placements,
            retired_today: &self.retired_today,
        }
    }

    pub(super) fn answer(&self, needs: &GroupNeeds, view: &mut TargetView) {
        if needs.list {
            view.groups.listed = true;
            for group in &self.target {
                view.groups.add(group.clone());
            }
        }
        for id in &needs.ids {
            match self.target.iter().find(|group| group.id == *id) {
                Some(group) => view.groups.add(group.clone()),
                None => view.groups.note_gone(id),
            }
        }
        for id in &needs.members {
            view.groups.add_members(id.clone(), self.members.get(id).cloned().unwrap_or_default());
        }
    }
}

pub(super) const OTHER: u128 = 0x6001;

pub(super) fn group_rules() -> GroupRules {
    let name = map::Expression::attribute("displayName");
    GroupRules {
        matching: vec![name.clone()],
        name,
        adopt: Adopt::Report,
        on_unassigned: GroupFate::Keep,
        deprovision: GroupFate::Keep,
        overflow: Overflow::Hold,
        extra_members: ExtraMembers::Report,
        filters: Vec::new(),
        leaver_groups: LeaverGroups::Keep,
    }
}

/// A world with groups on, and one assigned group of that name.
pub(super) fn world(name: &str) -> World {
    let mut world = World::new();
    world.rules.groups = Some(group_rules());
    world.rules.group_attributes = vec!["displayName".to_owned()];
    world.rules.guard.removals_per_cycle = Limit { count: 50, percent: 100 };
    world.group(GROUP, name);
    world
}

impl World {
    pub(super) fn group(&mut self, n: u128, name: &str) {
        self.groups.source.push(SourceGroup {
            anchor: anchor(n),
            presence: Presence::Present,
            attributes: AttributeRow::pack([Some(name)]),
        });
        self.groups.subjects.push(anchor(n));
        let kind = PrincipalKind::Group;
        self.assignments.push(Assignment { principal: anchor(n), kind, role: STAFF });
    }

    pub(super) fn member(&mut self, n: u128, group: u128) {
        self.memberships.push(Membership { user: anchor(n), group: anchor(group) });
    }

    /// A person with an account who is in a group at the source.
    pub(super) fn in_group(&mut self, n: u128, group: u128) {
        let mail = format!("p{n}@x.test");
        self.person(n, &mail);
        self.link(n, &mail);
        self.member(n, group);
    }

    /// A group at the target that is linked, with these people in it.
    pub(super) fn linked_group(&mut self, n: u128, part: u16, name: &str, people: &[u128]) {
        let id = TargetId::new(format!("g-{n:x}-{part}"));
        let link = u32::try_from(self.groups.links.len()).expect("few");
        self.groups.links.push(GroupStanding {
            link: GroupLink {
                anchor: anchor(n),
                part,
                target_id: id.clone(),
                origin: Origin::Created,
                state: GroupLinkState::Active,
                linked_at: Timestamp(0),
                name_sent: name.to_owned(),
                name_read_back: name.to_owned(),
                members_read_at: None,
            },
            placed: u32::try_from(people.len()).expect("few"),
            removed_today: 0,
        });
        let placed = people.iter().map(|person| Placement { user: anchor(*person), link });
        self.groups.placements.extend(placed);
        self.at_target(id.as_str(), name);
    }

    pub(super) fn at_target(&mut self, id: &str, name: &str) {
        self.groups.target.push(TargetGroup {
            id: TargetId::new(id),
            name: name.to_owned(),
            shared: true,
            owner: None,
            members: None,
        });
    }

    pub(super) fn leaves_group(&mut self, n: u128, group: u128) {
        self.memberships.retain(|row| (row.user, row.group) != (anchor(n), anchor(group)));
    }
}

/// Returns each call of a plan in short: `create Sales [1 2]`.
pub(super) fn calls(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(call).collect()
}

fn call(change: &PlannedChange) -> String {
    let who = |members: &[Member]| -> String {
        let names = members.iter().map(|member| match (&member.person, &member.target_id) {
            (Some(person), Some(_)) => format!("{:x}", person.0.as_u128()),
            (Some(person), None) => format!("{:x}?", person.0.as_u128()),
            (None, id) => id.as_ref().expect("an account").to_string(),
        });
        names.collect::<Vec<_>>().join(" ")
    };
    match &change.write {
        Write::Group(write) => match &write.call {
            GroupCall::Create { name, members, .. } => format!("create {name} [{}]", who(members)),
            GroupCall::Rename { name } => {
                format!("rename {} {name}", write.target_id.as_ref().expect("id"))
            }
            GroupCall::Add { members } => {
                format!("add {}.{} [{}]", change.label, write.part, who(members))
            }
            GroupCall::Remove { members } => {
                format!("remove {}.{} [{}]", change.label, write.part, who(members))
            }
            GroupCall::Delete => format!("delete {}", change.label),
        },
        Write::Nothing if change.object == ObjectKind::Group => match &change.link {
            LinkAfter::EndGroup { part } => format!("end {}.{part}", change.label),
            LinkAfter::Group { state, .. } => format!("{state:?} {}", change.label).to_lowercase(),
            _ => panic!("{change:?}"),
        },
        _ => format!("{} {}", change.action.word(), change.label),
    }
}

pub(super) fn details(plan: &Plan, kind: HoldKind) -> Vec<String> {
    let holds = plan.holds.iter().filter(|hold| hold.kind == kind);
    holds.flat_map(|hold| &hold.items).map(|item| item.detail.clone()).collect()
}

#[test]
fn a_group_is_created_with_its_members_also_with_those_who_join_in_the_same_plan() {
    let mut world = world("Sales");
    world.in_group(1, GROUP);
    world.person(2, "new@x.test");
    world.member(2, GROUP);
    world.person(3, "");
    world.member(3, GROUP);
    world.at_target("g-super", "sales");
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["create new@x.test", "create Sales [1 2?]"]);
    assert_eq!(held(&plan), [(HoldKind::MissingValues, 1)]);
    assert!(!plan.settled.contains(&anchor(GROUP)));
}

#[test]
fn nothing_is_planned_for_groups_unless_the_rules_say_so() {
    let mut world = world("Sales");
    world.rules.groups = None;
    world.in_group(1, GROUP);
    let (plan, view) = world.plan();
    assert!(plan.is_empty() && !view.groups.listed, "{plan:?}");
}

#[test]
fn members_beyond_a_hundred_come_in_further_calls() {
    let mut world = world("Sales");
    for n in 1..=250 {
        world.in_group(n, GROUP);
    }
    let (plan, _) = world.plan();
    let sizes: Vec<usize> = plan
        .changes
        .iter()
        .map(|change| change.modified.iter().filter(|one| one.name == "Member").count())
        .collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert!(calls(&plan)[0].starts_with("create Sales [1 2 3"));
    assert!(calls(&plan)[1].starts_with("add Sales.1 [65 66"));
}

#[test]
fn who_joins_and_who_leaves_is_found_person_by_person() {
    let mut world = world("Sales");
    for n in 1..=3 {
        world.in_group(n, GROUP);
    }
    world.linked_group(GROUP, 1, "Sales", &[1, 2]);
    world.linked(4, "p4@x.test");
    world.groups.placements.push(Placement { user: anchor(4), link: 0 });
    world.groups.subjects.clear();
    let (plan, view) = world.plan();
    assert_eq!(calls(&plan), ["remove Sales.1 [4]", "add Sales.1 [3]"]);
    assert!(!view.groups.listed, "members are known by id");
}

#[test]
fn a_rename_is_one_call_by_id() {
    let mut world = world("Sales and more");
    world.in_group(1, GROUP);
    world.linked_group(GROUP, 1, "Sales", &[1]);
    assert_eq!(calls(&world.plan().0), ["rename g-6000-1 Sales and more"]);
}

#[test]
fn a_group_that_is_no_longer_assigned_is_kept_emptied_or_deleted() {
    let mut world = world("Sales");
    world.group(OTHER, "Other");
    world.linked_group(OTHER, 1, "Other", &[]);
    for n in 1..=3 {
        world.in_group(n, GROUP);
        world.assign(n, STAFF);
    }
    world.linked_group(GROUP, 1, "Sales", &[1, 2, 3]);
    world.unassign(GROUP);
    assert_eq!(calls(&world.plan().0), ["released sales"]);
    let rules = |world: &mut World, fate| {
        world.rules.groups = Some(GroupRules { on_unassigned: fate, ..group_rules() });
    };
    rules(&mut world, GroupFate::Empty);
    assert_eq!(calls(&world.plan().0), ["remove Sales.1 [1 2 3]"]);
    rules(&mut world, GroupFate::Delete);
    assert_eq!(calls(&world.plan().0), ["delete Sales"]);

    // A group that is deleted at the source follows another rule.
    world.groups.source[0].presence = Presence::SoftDeleted;
    assert_eq!(calls(&world.plan().0), ["released sales"]);
    world.rules.groups = Some(GroupRules { deprovision: GroupFate::Delete, ..group_rules() });
    assert_eq!(calls(&world.plan().0), ["delete Sales"]);

    // The last group of all is not deleted by itself.
    world.unassign(OTHER);
    world.groups.source.retain(|group| group.anchor != anchor(OTHER));
    world.groups.links.retain(|standing| standing.link.anchor != anchor(OTHER));
    world.groups.placements.iter_mut().for_each(|placement| placement.link = 0); // the only link
    let (plan, _) = world.plan();
    assert_eq!((calls(&plan), held(&plan)), (vec![], vec![(HoldKind::TooManyGroupRemovals, 1)]));
    world.approved = vec![plan.holds[0].items[0].hash];
    assert_eq!(calls(&world.plan().0), ["delete Sales"]);
}

#[test]
fn a_group_that_is_assigned_again_is_kept_in_step_again() {
    let mut world = world("Sales");
    world.in_group(1, GROUP);
    world.linked_group(GROUP, 1, "Sales", &[1]);
    world.groups.links[0].link.state = GroupLinkState::Released;
    assert_eq!(calls(&world.plan().0), ["active sales"]);
}

#[test]
fn memberships_of_leavers_stay_or_end_with_the_account() {
    let mut world = world("Sales");
    for n in 1..=3 {
        world.in_group(n, GROUP);
    }
    world.linked_group(GROUP, 1, "Sales", &[1, 2, 3]);
    world.users[0].enabled = false;
    assert_eq!(calls(&world.plan().0), ["disable p1@x.test"]);
    world.rules.groups = Some(GroupRules { leaver_groups: LeaverGroups::Remove, ..group_rules() });
    assert_eq!(calls(&world.plan().0), ["disable p1@x.test", "remove Sales.1 [1]"]);

    // Where the account stays in use, so do the memberships.
    world.rules.deprovision.disabled = Policy::of(Stage::Leave);
    let (plan, _) = world.plan();
    assert!(plan.changes.iter().all(|change| change.write == Write::Nothing), "{plan:?}");

    // Whoever left before is taken out as well, once the rules say so.
    world.rules.deprovision.disabled = Policy::default();
    world.links[0].state = LinkState::Disabled;
    world.links[0].shadow.disabled = true;
    assert_eq!(calls(&world.plan().0), ["remove Sales.1 [1]"]);
}

#[test]
fn nobody_is_taken_out_of_a_group_whose_disabling_waits() {
    let mut world = world("Sales");
    world.rules.groups = Some(GroupRules { leaver_groups: LeaverGroups::Remove, ..group_rules() });
    world.rules.guard.removals_per_cycle = Limit { count: 0, percent: 100 };
    for n in 1..=3 {
        world.in_group(n, GROUP);
    }
    world.linked_group(GROUP, 1, "Sales", &[1, 2, 3]);
    world.users[0].enabled = false;
    let (plan, _) = world.plan();
    assert_eq!((calls(&plan), held(&plan)), (vec![], vec![(HoldKind::TooManyRemovals, 1)]));
}

#[test]
fn a_group_that_is_gone_is_created_again() {
    let mut world = world("Sales");
    for n in 1..=2 {
        world.in_group(n, GROUP);
    }
    world.linked_group(GROUP, 1, "Sales", &[1, 2]);
    world.groups.target.clear();
    assert!(world.plan().0.is_empty(), "nobody asked");
    world.groups.verify = vec![anchor(GROUP)];
    assert_eq!(calls(&world.plan().0), ["end Sales.1", "create Sales [1 2]"]);
}

#[test]
fn the_first_plan_waits_as_a_whole_with_its_groups() {
    let mut world = world("Sales");
    world.first_plan = true;
    world.rules.guard.first_cycle = FirstCycle::Approve;
    world.person(2, "new@x.test");
    world.member(2, GROUP);
    let (plan, _) = world.plan();
    assert_eq!((calls(&plan), held(&plan)), (vec![], vec![(HoldKind::FirstCycle, 2)]));
    assert!(
        plan.holds[0].message.ends_with("1 to create. One change of a group waits with it."),
        "{}",
        plan.holds[0].message
    );
    world.approved = plan.holds[0].items.iter().map(|item| item.hash).collect();
    world.approved.sort();
    assert_eq!(calls(&world.plan().0), ["create new@x.test", "create Sales [2?]"]);
}

#[test]
fn members_put_in_by_others_are_reported_or_taken_out_when_they_are_seen() {
    let mut world = world("Sales");
    world.rules.groups = Some(GroupRules { adopt: Adopt::Always, ..group_rules() });
    world.in_group(1, GROUP);
    world.in_group(2, GROUP);
    world.linked_group(GROUP, 1, "Sales", &[1, 2]);
    let mut view = TargetView::default();
    let members = ["acc-1", "acc-2", "stranger", "super"].map(TargetId::new).to_vec();
    view.groups.add_members(TargetId::new("g-6000-1"), members);
    let plan = world.plan_from(view.clone()).0;
    assert!(calls(&plan).is_empty());
    let found: Vec<_> = plan.drift.iter().map(|drift| drift.found.as_deref()).collect();
    assert_eq!(found, [Some("stranger")]);
    let rules = GroupRules { extra_members: ExtraMembers::Remove, ..group_rules() };
    world.rules.groups = Some(rules);
    let plan = world.plan_from(view).0;
    assert_eq!(calls(&plan), ["remove Sales.1 [stranger]"], "{:?}", plan.holds);
}

#[test]
fn what_others_changed_of_a_group_is_reported_or_put_right() {
    let mut world = world("Sales");
    world.in_group(1, GROUP);
    world.in_group(2, GROUP);
    world.in_group(3, GROUP);
    world.linked_group(GROUP, 1, "Sales", &[1, 2, 3]);
    // Nobody knows whether they are still in the group at the source: they are no strangers in it.
    world.users[2].presence = Presence::Unread;
    let mut view = TargetView::default();
    view.groups.listed = true;
    let renamed = TargetGroup { name: "Vertrieb".to_owned(), ..world.groups.target[0].clone() };
    view.groups.add(renamed);
    let members = ["acc-1", "acc-3"].map(TargetId::new).to_vec();
    view.groups.add_members(TargetId::new("g-6000-1"), members);
    let (plan, _) = world.plan_from(view.clone());
    let drift: Vec<_> = plan
        .drift
        .iter()
        .map(|one| (one.attribute.as_str(), one.expected.as_deref(), one.found.as_deref()))
        .collect();
    assert_eq!(
        drift,
        [("Member", Some("p2@x.test"), None), ("Name", Some("Sales"), Some("Vertrieb"))]
    );
    assert!(calls(&plan).is_empty());
    world.rules.drift.groups = DriftWord::Repair;
    world.rules.drift.members = DriftWord::Repair;
    let (plan, _) = world.plan_from(view);
    assert!(plan.drift.is_empty());
    assert_eq!(calls(&plan), ["rename g-6000-1 Sales", "add Sales.1 [2]"]);
    assert!(plan.changes.iter().all(|change| change.reasons == [Reason::Drifted]));
}

#[test]
fn nobody_whom_this_job_put_in_is_taken_for_a_stranger() {
    let members = |rules: ExtraMembers, arrange: fn(&mut World)| {
        let mut world = world("Sales");
        world.rules.groups = Some(GroupRules { extra_members: rules, ..group_rules() });
        for n in 1..=3 {
            world.in_group(n, GROUP);
        }
        world.linked_group(GROUP, 1, "Sales", &[1, 2, 3]);
        // Whoever is in it by hand and belongs into it is no stranger either.
        world.in_group(4, GROUP);
        arrange(&mut world);
        let mut view = TargetView::default();
        let ids = ["acc-1", "acc-2", "acc-3", "acc-4", "stranger"].map(TargetId::new).to_vec();
        view.groups.add_members(TargetId::new("g-6000-1"), ids);
        let plan = world.plan_from(view).0;
        let removed = calls(&plan).into_iter().filter(|call| call.starts_with("remove")).collect();
        let told: Vec<_> = plan.drift.iter().filter_map(|drift| drift.found.clone()).collect();
        (removed, told)
    };
    let waits = |arrange: fn(&mut World)| {
        let removed: (Vec<String>, _) = members(ExtraMembers::Remove, arrange);
        assert_eq!(removed, (vec!["remove Sales.1 [stranger]".to_owned()], vec![]));
        assert_eq!(members(ExtraMembers::Report, arrange), (vec![], vec!["stranger".to_owned()]));
    };
    waits(|world| {
        world.users[0].enabled = false;
        world.rules.guard.removals_per_cycle = Limit { count: 0, percent: 100 };
    });
    waits(|world| {
        world.users[0].enabled = false;
        world.rules.deprovision.disabled = Policy::of(Stage::Leave);
    });
    waits(|world| world.rules.only = vec!["p2@x.test".to_owned()]);
    waits(|world| world.unsettled = [1, 4].map(anchor).to_vec());
    waits(|world| world.users[3].presence = Presence::Unread);
}

#[test]
fn whoever_leaves_a_group_that_is_left_alone_leaves_it_as_it_is() {
    let mut world = world("Sales");
    world.rules.groups = Some(GroupRules { leaver_groups: LeaverGroups::Remove, ..group_rules() });
    for n in 1..=2 {
        world.in_group(n, GROUP);
    }
    world.linked_group(GROUP, 1, "Sales", &[1, 2]);
    world.groups.links[0].link.state = GroupLinkState::Released;
    world.unassign(GROUP);
    world.assign(2, STAFF);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["disable p1@x.test", "remove Sales.1 [1]"]);
    let LinkAfter::Group { state, .. } = &plan.changes[1].link else { panic!("{plan:?}") };
    assert_eq!(*state, GroupLinkState::Released);
}

#[test]
fn of_a_group_whose_write_is_a_question_nothing_is_planned() {
    let mut world = world("Sales");
    world.in_group(1, GROUP);
    assert_eq!(calls(&world.plan().0), ["create Sales [1]"]);
    world.unsettled = vec![anchor(GROUP)];
    let plan = world.plan().0;
    assert!(calls(&plan).is_empty() && !plan.settled.contains(&anchor(GROUP)));
}

#[test]
fn a_group_that_is_not_shown_is_left_alone() {
    let mut world = world("Sales");
    world.in_group(1, GROUP);
    world.in_group(2, GROUP);
    world.linked_group(GROUP, 1, "Other", &[1]);
    assert_eq!(calls(&world.plan().0), ["rename g-6000-1 Sales", "add Other.1 [2]"]);
    let mut view = TargetView::default();
    view.groups.note_unreadable(&TargetId::new("g-6000-1"), "HTTP 403".to_owned());
    let plan = world.plan_from(view).0;
    assert!(calls(&plan).is_empty() && !plan.settled.contains(&anchor(GROUP)));
    let details: Vec<_> =
        plan.holds.iter().map(|hold| (hold.kind, &hold.items[0].detail)).collect();
    let detail = "group g-6000-1 could not be read: HTTP 403".to_owned();
    assert_eq!(details, [(HoldKind::NotReadable, &detail)]);
}
