//! Names of groups: who has one, who wants one, who keeps one.

use super::groups::{OTHER, calls, details, group_rules, world};
use super::*;
use crate::model::plan::GroupCall;
use crate::plan::rules::{Adopt, GroupRules};

#[test]
fn two_groups_of_one_name_are_held_and_a_linked_one_goes_on() {
    let mut world = world("Sales");
    world.group(OTHER, "sales ");
    world.in_group(1, GROUP);
    world.in_group(2, OTHER);
    let (plan, view) = world.plan();
    assert_eq!((calls(&plan), held(&plan)), (vec![], vec![(HoldKind::NameClash, 2)]));
    assert!(!view.groups.listed);
    let detail = &details(&plan, HoldKind::NameClash)[0];
    assert!(detail.contains(&anchor(GROUP).to_string()), "{detail}");
    assert!(detail.contains(&anchor(OTHER).to_string()), "{detail}");

    world.linked_group(GROUP, 1, "Sales", &[]);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["add Sales.1 [1]"]);
    assert_eq!(held(&plan), [(HoldKind::NameClash, 1)]);
}

#[test]
fn a_group_made_by_hand_is_held_adopted_or_left_alone() {
    let mut world = world("Sales");
    world.in_group(1, GROUP);
    world.in_group(2, GROUP);
    world.at_target("g-hand", "SALES");
    let (plan, _) = world.plan();
    assert_eq!((calls(&plan), held(&plan)), (vec![], vec![(HoldKind::NameClash, 1)]));
    let detail = &details(&plan, HoldKind::NameClash)[0];
    assert!(detail.contains("SALES (g-hand)"), "{detail}");

    let rules = |world: &mut World, adopt| {
        world.rules.groups = Some(GroupRules { adopt, ..group_rules() });
    };
    rules(&mut world, Adopt::Never);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["create Sales [1 2]"]);
    let Write::Group(write) = &plan.changes[0].write else { panic!("{plan:?}") };
    let GroupCall::Create { beside, .. } = &write.call else { panic!("{plan:?}") };
    assert_eq!(*beside, [TargetId::new("g-hand")]);

    rules(&mut world, Adopt::Always);
    world.groups.members.insert(TargetId::new("g-hand"), vec![TargetId::new("acc-2")]);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["rename g-hand Sales", "add Sales.1 [1]"]);
    let LinkAfter::Group { found, origin, .. } = &plan.changes[0].link else { panic!() };
    assert_eq!(*found, [anchor(2)]);
    assert!(matches!(origin, Origin::Adopted { rule } if rule == "Name = [displayName]"));

    world.at_target("g-second", "sales");
    let (plan, _) = world.plan();
    assert_eq!((calls(&plan), held(&plan)), (vec![], vec![(HoldKind::NameClash, 1)]));
}

#[test]
fn a_group_that_two_would_take_over_is_taken_over_by_neither() {
    let mut world = world("Sales");
    world.group(OTHER, "Vertrieb");
    world.rules.group_attributes = vec!["displayName".to_owned(), "mailNickname".to_owned()];
    world.rules.groups = Some(GroupRules {
        adopt: Adopt::Always,
        matching: vec![map::Expression::attribute("mailNickname")],
        ..group_rules()
    });
    for group in &mut world.groups.source {
        let name = group.attributes.get(0).map(str::to_owned);
        group.attributes = AttributeRow::pack([name.as_deref(), Some("sales")]);
    }
    world.at_target("g-hand", "sales");
    let (plan, _) = world.plan();
    assert_eq!((calls(&plan), held(&plan)), (vec![], vec![(HoldKind::NameClash, 2)]));
    let detail = &details(&plan, HoldKind::NameClash)[0];
    assert!(detail.contains("Vertrieb (") && detail.contains("(g-hand)"), "{detail}");

    // One of them alone, also if the other one is no subject.
    world.groups.subjects.retain(|one| *one == anchor(GROUP));
    assert_eq!(calls(&world.plan().0), Vec::<String>::new());
    world.unassign(OTHER);
    assert_eq!(calls(&world.plan().0), ["rename g-hand Sales"]);
}

#[test]
fn a_group_is_not_renamed_onto_a_group_of_others() {
    let mut world = world("Field sales");
    world.in_group(1, GROUP);
    world.linked_group(GROUP, 1, "Sales", &[]);
    world.at_target("g-hand", "FIELD sales");
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["add Sales.1 [1]"], "members go on");
    assert_eq!(held(&plan), [(HoldKind::NameClash, 1)]);
    world.rules.groups = Some(GroupRules { adopt: Adopt::Never, ..group_rules() });
    assert_eq!(calls(&world.plan().0)[0], "rename g-6000-1 Field sales");
    // A name that differs by case alone was there before.
    world.rules.groups = Some(group_rules());
    world.groups.links[0].link.name_sent = "Field SALES".to_owned();
    assert_eq!(calls(&world.plan().0)[0], "rename g-6000-1 Field sales");
}

#[test]
fn the_name_of_the_super_user_group_can_be_had_beside_it() {
    let mut world = world("Super User Group");
    world.at_target("g-super", "Super User Group");
    let (plan, view) = world.plan();
    assert_eq!(calls(&plan), ["create Super User Group []"], "{:?}", plan.holds);
    assert!(view.tenant.is_some(), "which group it is has to be asked");
}

#[test]
fn nothing_is_planned_for_a_group_whose_interrupted_write_was_not_looked_up() {
    let mut world = world("Sales");
    world.in_group(1, GROUP);
    world.unsettled = vec![anchor(GROUP)];
    let (plan, _) = world.plan();
    assert!(plan.is_empty() && !plan.settled.contains(&anchor(GROUP)), "{plan:?}");
    world.unsettled = vec![anchor(1)];
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), ["create Sales []"]);
    assert!(!plan.settled.contains(&anchor(1)));
}
