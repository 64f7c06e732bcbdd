//! Parts: groups with more members than one group of the target takes.

use super::groups::{calls, details, group_rules, world};
use super::*;
use crate::model::group::Placement;
use crate::model::plan::GroupCall;
use crate::plan::rules::{Adopt, GroupRules, Overflow};

fn split() -> GroupRules {
    GroupRules { overflow: Overflow::Split, ..group_rules() }
}

#[test]
fn members_beyond_the_capacity_wait_or_come_into_a_second_part() {
    let mut world = world("Sales");
    for n in 1..=2_003 {
        world.in_group(n, GROUP);
    }
    world.linked_group(GROUP, 1, "Sales", &(1..=1_999).collect::<Vec<_>>());
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["add Sales.1 [7d0]"]);
    assert_eq!(
        details(&plan, HoldKind::GroupFull),
        ["3 people wait: ShareFile takes 2000 members in a group"]
    );

    let split = GroupRules { overflow: Overflow::Split, ..group_rules() };
    world.rules.groups = Some(split);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["create Sales (2) [7d1 7d2 7d3]", "add Sales.1 [7d0]"]);
    assert!(plan.holds.is_empty());
}

#[test]
fn parts_stay_as_they_are_until_there_is_ample_room() {
    let mut world = world("Sales");
    world.rules.groups = Some(GroupRules { overflow: Overflow::Split, ..group_rules() });
    for n in 1..=1_803 {
        world.in_group(n, GROUP);
    }
    world.linked_group(GROUP, 1, "Sales", &(1..=1_800).collect::<Vec<_>>());
    world.linked_group(GROUP, 2, "Sales (2)", &[1_801, 1_802, 1_803]);
    assert!(world.plan().0.is_empty(), "nobody wanders");
    for n in 1..=3 {
        world.leaves_group(n, GROUP);
        world.assign(n, STAFF);
    }
    let (plan, _) = world.plan();
    assert_eq!(
        calls(&plan),
        ["remove Sales.1 [1 2 3]", "add Sales.1 [709 70a 70b]", "delete Sales (2)"]
    );
    world.groups.subjects.clear();
    let (plan, _) = world.plan();
    assert_eq!(
        calls(&plan),
        ["remove Sales.1 [1 2 3]"],
        "only a group that is looked at as a whole"
    );
}

/// Two parts with ample room, three people in the second one.
fn parted() -> World {
    let mut world = world("Sales");
    world.rules.groups = Some(split());
    for n in 1..=5 {
        world.in_group(n, GROUP);
    }
    world.linked_group(GROUP, 1, "Sales", &[1, 2]);
    world.linked_group(GROUP, 2, "Sales (2)", &[3, 4, 5]);
    world
}

#[test]
fn a_part_is_deleted_once_everybody_in_it_is_in_another() {
    let (plan, view) = parted().plan();
    assert_eq!(calls(&plan), ["add Sales.1 [3 4 5]", "delete Sales (2)"]);
    assert!(view.groups.members(&TargetId::new("g-6000-2")).is_some(), "it was looked into first");
    assert_eq!(plan.changes[1].after, Some(anchor(GROUP)), "whatever fails keeps the part");

    // Whoever was moved before a crash is in both.
    let mut world = parted();
    world.groups.placements.push(Placement { user: anchor(3), link: 0 });
    assert_eq!(calls(&world.plan().0), ["add Sales.1 [4 5]", "delete Sales (2)"]);
}

#[test]
fn a_part_with_somebody_who_does_not_move_stays() {
    let stays = |arrange: fn(&mut World)| {
        let mut world = parted();
        arrange(&mut world);
        let calls = calls(&world.plan().0);
        assert!(!calls.iter().any(|call| call.starts_with("delete")), "{calls:?}");
    };
    stays(|world| world.users[2].presence = Presence::Unread);
    stays(|world| world.unsettled = vec![anchor(4)]);
    stays(|world| world.rules.only = vec!["p1@x.test".to_owned()]);
    stays(|world| world.users[2].enabled = false);
    stays(|world| {
        world.users[2].enabled = false;
        world.rules.guard.removals_per_cycle = Limit { count: 0, percent: 100 };
    });
    stays(|world| {
        let members = ["acc-3", "acc-4", "acc-5", "stranger"].map(TargetId::new).to_vec();
        world.groups.members.insert(TargetId::new("g-6000-2"), members);
    });
}

#[test]
fn a_further_part_follows_the_rules_for_names() {
    let full = |rules: GroupRules| {
        let mut world = world("Sales");
        world.rules.groups = Some(rules);
        for n in 1..=2_001 {
            world.in_group(n, GROUP);
        }
        world.linked_group(GROUP, 1, "Sales", &(1..=2_000).collect::<Vec<_>>());
        world
    };
    let mut world = full(split());
    world.at_target("g-hand", "sales (2)");
    let (plan, _) = world.plan();
    assert_eq!((calls(&plan), held(&plan)), (vec![], vec![(HoldKind::NameClash, 1)]));
    assert!(details(&plan, HoldKind::NameClash)[0].contains("sales (2) (g-hand)"));

    world.rules.groups = Some(GroupRules { adopt: Adopt::Never, ..split() });
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["create Sales (2) [7d1]"]);
    let Write::Group(write) = &plan.changes[0].write else { panic!("{plan:?}") };
    let GroupCall::Create { beside, .. } = &write.call else { panic!("{plan:?}") };
    assert_eq!(*beside, [TargetId::new("g-hand")], "so that it is not taken for a lost create");

    world.rules.groups = Some(GroupRules { adopt: Adopt::Always, ..split() });
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["rename g-hand Sales (2)", "add Sales (2).2 [7d1]"]);

    // A group of Entra ID may have the name as well, and is held where the part is there first.
    let mut world = full(split());
    world.group(groups::OTHER, "Sales (2)");
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["create Sales (2) []"], "{:?}", plan.holds);
    assert_eq!(held(&plan), [(HoldKind::NameClash, 1)]);
    world.linked_group(GROUP, 2, "Sales (2)", &[2_001]);
    let (plan, _) = world.plan();
    assert_eq!((calls(&plan), held(&plan)), (vec![], vec![(HoldKind::NameClash, 1)]));
}

#[test]
fn a_part_that_somebody_deleted_comes_back_with_its_number() {
    let mut world = parted();
    world.groups.links.remove(0);
    world.groups.target.remove(0);
    world.groups.placements.clear();
    for n in 3..=5 {
        world.groups.placements.push(Placement { user: anchor(n), link: 0 });
    }
    assert_eq!(calls(&world.plan().0), ["create Sales [1 2]"]);
}

#[test]
fn a_part_is_merged_once_those_who_leave_it_are_out() {
    let mut world = parted();
    world.leaves_group(3, GROUP);
    world.assign(3, STAFF);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["remove Sales (2).2 [3]"]);
    assert!(plan.changes[0].unfinished, "so that the group is looked at again");
    let mut world = parted();
    world.leaves_group(1, GROUP);
    world.assign(1, STAFF);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["remove Sales.1 [1]", "add Sales.1 [3 4 5]", "delete Sales (2)"]);
}
