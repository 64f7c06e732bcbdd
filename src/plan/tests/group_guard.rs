//! What waits for a person in groups: too many members out of one, too many groups, changed rules.

use super::groups::{OTHER, calls, details, group_rules, world};
use super::*;
use crate::model::group::{GroupLinkState, Placement};
use crate::model::plan::{GroupCall, Member};
use crate::plan::rules::{Adopt, ExtraMembers, GroupFate, GroupRules, LeaverGroups};

/// Everything that waits, ready to be approved.
fn hashes(plan: &Plan) -> Vec<ContentHash> {
    let items = plan.holds.iter().flat_map(|hold| &hold.items);
    let mut hashes: Vec<ContentHash> = items.map(|item| item.hash).collect();
    hashes.sort();
    hashes
}

/// The same, as it waits in its holds.
fn waiting(plan: &Plan) -> Vec<(ContentHash, HoldKind)> {
    let of =
        |hold: &Hold| -> Vec<_> { hold.items.iter().map(|item| (item.hash, hold.kind)).collect() };
    let mut waiting: Vec<_> = plan.holds.iter().flat_map(of).collect();
    waiting.sort();
    waiting
}

/// Ten people in a group, all assigned directly as well.
fn ten() -> World {
    let mut world = world("Sales");
    for n in 1..=10 {
        world.in_group(n, GROUP);
        world.assign(n, STAFF);
    }
    world.linked_group(GROUP, 1, "Sales", &(1..=10).collect::<Vec<_>>());
    world
}

fn removed(plan: &Plan) -> Vec<Member> {
    let removals = plan.changes.iter().filter_map(|change| match &change.write {
        Write::Group(write) => match &write.call {
            GroupCall::Remove { members } => Some(members.clone()),
            _ => None,
        },
        _ => None,
    });
    removals.flatten().collect()
}

#[test]
fn removals_beyond_the_limit_of_a_group_wait_and_nothing_else_does() {
    let mut world = world("Sales");
    world.group(OTHER, "Other");
    for n in 1..=10 {
        world.in_group(n, GROUP);
        world.assign(n, STAFF);
    }
    world.in_group(11, GROUP);
    world.in_group(12, OTHER);
    world.assign(12, STAFF);
    world.linked_group(GROUP, 1, "Sales", &(1..=10).collect::<Vec<_>>());
    world.linked_group(OTHER, 1, "Other", &[12, 13]);
    world.linked(13, "p13@x.test");
    for n in 1..=6 {
        world.leaves_group(n, GROUP);
    }
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["remove Other.1 [d]", "add Sales.1 [b]"]);
    let detail = "6 of 10 members would be removed; the limits are 100 and 50 percent";
    assert_eq!(details(&plan, HoldKind::TooManyMemberRemovals), [detail; 6]);

    // The day counts as a whole.
    world.member(6, GROUP);
    assert_eq!(calls(&world.plan().0)[0], "remove Other.1 [d]");
    assert_eq!(calls(&world.plan().0)[1], "remove Sales.1 [1 2 3 4 5]");
    world.groups.links[0].removed_today = 3;
    let (plan, _) = world.plan();
    let detail = "5 of 10 members would be removed, after 3 within the last day; the limits are \
                  100 and 50 percent";
    assert_eq!(details(&plan, HoldKind::TooManyMemberRemovals), [detail; 5]);
    world.approved = hashes(&plan);
    assert_eq!(calls(&world.plan().0)[1], "remove Sales.1 [1 2 3 4 5]");
}

#[test]
fn a_group_is_not_emptied_by_itself() {
    let mut world = world("Sales");
    for n in 1..=2 {
        world.in_group(n, GROUP);
        world.assign(n, STAFF);
        world.leaves_group(n, GROUP);
    }
    world.linked_group(GROUP, 1, "Sales", &[1, 2]);
    let (plan, _) = world.plan();
    let detail = "2 of 2 members would be removed, which leaves nobody";
    assert_eq!(details(&plan, HoldKind::TooManyMemberRemovals), [detail; 2]);
    assert!(plan.changes.is_empty());
}

#[test]
fn an_answer_stays_good_whoever_else_leaves() {
    let mut world = ten();
    for n in 1..=6 {
        world.leaves_group(n, GROUP);
    }
    let (seen, _) = world.plan();
    assert_eq!(held(&seen), [(HoldKind::TooManyMemberRemovals, 6)]);
    let who = |item: &HeldItem| item.change.as_ref().expect("a change").modified[0].old.clone();
    let who: Vec<Option<String>> = seen.holds[0].items.iter().map(who).collect();
    assert!(who.contains(&Some("p1@x.test".to_owned())), "{who:?}");

    // Whoever leaves while they wait is judged alone, also after the group was renamed.
    world.waiting = waiting(&seen);
    world.leaves_group(7, GROUP);
    world.groups.source[0].attributes = AttributeRow::pack([Some("Field sales")]);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan)[0], "remove Sales.1 [7]");
    assert_eq!(hashes(&plan), hashes(&seen));

    // What was approved goes, together with who left since; what was rejected stays.
    world.waiting.clear();
    world.approved = hashes(&seen);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan)[0], "remove Sales.1 [1 2 3 4 5 6 7]", "in one call");
    let members = removed(&plan);
    assert!(members[..6].iter().all(|one| !one.counted && one.approval.is_some()));
    assert!(members[6].counted && members[6].approval.is_none());
    world.approved.clear();
    world.rejected = waiting(&seen);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan)[0], "remove Sales.1 [7]");
    assert_eq!(hashes(&plan), hashes(&seen));
}

#[test]
fn what_goes_out_of_a_group_goes_in_one_call_and_only_the_rules_count() {
    let mut world = ten();
    world.rules.groups = Some(GroupRules {
        leaver_groups: LeaverGroups::Remove,
        extra_members: ExtraMembers::Remove,
        ..group_rules()
    });
    world.rules.drift.members = DriftWord::Repair;
    world.leaves_group(1, GROUP);
    world.users[1].enabled = false;
    world.in_group(11, GROUP);
    let mut view = TargetView::default();
    let ids: Vec<String> = (1..=9).map(|n| format!("acc-{n}")).collect();
    let ids = ids.iter().map(String::as_str).chain(["stranger"]).map(TargetId::new);
    view.groups.add_members(TargetId::new("g-6000-1"), ids.collect());
    let (plan, _) = world.plan_from(view);
    assert_eq!(
        calls(&plan),
        ["disable p2@x.test", "remove Sales.1 [stranger 1 2]", "add Sales.1 [a b]"]
    );
    let counted: Vec<bool> = removed(&plan).iter().map(|member| member.counted).collect();
    assert_eq!(counted, [false, true, false]);
    let reasons = |change: usize| -> Vec<String> {
        plan.changes[change].reasons.iter().map(Reason::sentence).collect()
    };
    assert_eq!(
        reasons(1),
        [
            "somebody else put members into the group",
            "people left the group",
            "its people left altogether"
        ]
    );
}

/// Ten groups with one member each.
fn groups() -> World {
    let mut world = world("Group 0");
    for n in 0..10 {
        let group = GROUP + n;
        if n > 0 {
            world.group(group, &format!("Group {n}"));
        }
        world.in_group(100 + n, group);
        world.assign(100 + n, STAFF);
        world.linked_group(group, 1, &format!("Group {n}"), &[100 + n]);
    }
    world
}

#[test]
fn groups_that_end_are_limited_in_a_cycle_and_in_a_day() {
    let mut world = groups();
    let delete = GroupRules { on_unassigned: GroupFate::Delete, ..group_rules() };
    world.rules.groups = Some(delete);
    world.rules.guard.removals_per_cycle = Limit { count: 2, percent: 100 };
    world.rules.guard.removals_per_day = Limit { count: 3, percent: 100 };
    let end = |world: &mut World, n: u128| {
        world.assignments.retain(|row| row.principal != anchor(GROUP + n));
    };
    (0..2).for_each(|n| end(&mut world, n));
    assert_eq!(calls(&world.plan().0), ["delete Group 0", "delete Group 1"]);
    assert!(world.plan().0.changes.iter().all(|change| change.counted));

    // Two of other groups were deleted today already.
    world.groups.retired_today = [1, 2].map(anchor).to_vec();
    let (plan, _) = world.plan();
    assert_eq!((calls(&plan), held(&plan)), (vec![], vec![(HoldKind::TooManyGroupRemovals, 2)]));
    let message = "2 of 10 groups would be deleted or emptied, after 2 within the last 24 hours; \
                   the limits of a day are 3 and 100 percent.";
    assert_eq!(plan.holds[0].message, message);

    // They wait, and one more is judged alone; what a person approved does not count.
    world.waiting = waiting(&plan);
    end(&mut world, 2);
    assert_eq!(calls(&world.plan().0), ["delete Group 2"]);
    world.waiting.clear();
    world.approved = hashes(&plan);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["delete Group 0", "delete Group 1", "delete Group 2"]);
    let counted: Vec<bool> = plan.changes.iter().map(|change| change.counted).collect();
    assert_eq!(counted, [false, false, true]);
}

#[test]
fn members_of_a_group_that_is_emptied_wait_one_by_one() {
    let mut world = ten();
    world.group(OTHER, "Other");
    world.linked_group(OTHER, 1, "Other", &[]);
    world.rules.groups = Some(GroupRules { on_unassigned: GroupFate::Empty, ..group_rules() });
    world.rules.guard.removals_per_cycle = Limit { count: 0, percent: 100 };
    world.unassign(GROUP);
    let (plan, _) = world.plan();
    assert_eq!(held(&plan), [(HoldKind::TooManyGroupRemovals, 10)]);
    world.approved = hashes(&plan);
    world.leaves_group(1, GROUP);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["remove Sales.1 [1 2 3 4 5 6 7 8 9 a]"]);
    let LinkAfter::Group { state, .. } = &plan.changes[0].link else { panic!("{plan:?}") };
    assert_eq!(*state, GroupLinkState::Released);
}

#[test]
fn changed_rules_that_rewrite_many_groups_wait_as_a_whole() {
    let wait = |arrange: fn(&mut World)| {
        let mut world = groups();
        world.rules.guard.removals_per_cycle = Limit { count: 5, percent: 10 };
        world.person(1, "new@x.test");
        world.assign(1, STAFF);
        arrange(&mut world);
        let before = calls(&world.plan().0);
        world.rules_changed = true;
        let (plan, _) = world.plan();
        assert!(plan.changes.is_empty(), "{:?}", calls(&plan));
        let kinds: Vec<HoldKind> = plan.holds.iter().map(|hold| hold.kind).collect();
        assert_eq!(kinds, [HoldKind::RulesChanged]);
        world.approved = hashes(&plan);
        assert_eq!(calls(&world.plan().0), before, "once a person agrees");
    };
    // Another attribute gives the names.
    wait(|world| {
        for (n, group) in world.groups.source.iter_mut().enumerate().take(6) {
            group.attributes = AttributeRow::pack([Some(format!("Name {n}").as_str())]);
        }
    });
    // Groups of others are taken over.
    wait(|world| {
        world.rules.groups = Some(GroupRules { adopt: Adopt::Always, ..group_rules() });
        world.groups.links.truncate(1);
        world.groups.placements.retain(|one| one.link == 0);
    });
    // Whoever left long ago leaves the groups as well.
    wait(|world| {
        let rules = GroupRules { leaver_groups: LeaverGroups::Remove, ..group_rules() };
        world.rules.groups = Some(rules);
        for n in 0..6 {
            world.users[n].enabled = false;
            world.links[n].state = LinkState::Disabled;
            world.links[n].shadow.disabled = true;
            world.accounts[n].disabled = true;
        }
    });
    // Or all of one group.
    wait(|world| {
        let rules = GroupRules { leaver_groups: LeaverGroups::Remove, ..group_rules() };
        world.rules.groups = Some(rules);
        for n in 200..206 {
            world.in_group(n, GROUP);
            world.groups.placements.push(Placement { user: anchor(n), link: 0 });
            world.users.last_mut().expect("one").enabled = false;
            let link = world.links.last_mut().expect("one");
            (link.state, link.shadow.disabled) = (LinkState::Disabled, true);
            world.accounts.last_mut().expect("one").disabled = true;
        }
        world.groups.links[0].placed = 7;
    });
}

#[test]
fn a_few_rewrites_pass_under_changed_rules() {
    let mut world = groups();
    world.rules_changed = true;
    world.groups.source[0].attributes = AttributeRow::pack([Some("Renamed")]);
    assert_eq!(calls(&world.plan().0), ["rename g-6000-1 Renamed"]);
}

#[test]
fn protected_accounts_neither_come_nor_go_and_are_named() {
    let mut world = ten();
    world.users[9].enabled = false;
    world.links[0].target_id = TargetId::new("super");
    world.accounts[0].id = TargetId::new("super");
    world.leaves_group(1, GROUP);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["disable p10@x.test"]);
    let detail =
        "p1@x.test is neither put in nor taken out: it is a member of the Super User Group";
    assert_eq!(details(&plan, HoldKind::Protected)[0], detail);
}
