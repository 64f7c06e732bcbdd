//! Expressions: what their results, words and failures become in a plan.

use super::groups::{calls, details, world as group_world};
use super::*;

fn expression(text: &str) -> map::Expression {
    map::Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A world that maps Company, too.
fn world(company: &str) -> World {
    let mut world = World::new();
    world.rules.mappings.push(Mapping {
        target: TargetAttribute::Company,
        source: expression(company),
        apply: Apply::Always,
        default: None,
        when_null: WhenNull::Clear,
    });
    world
}

/// The Company of each account that is created or updated; `None` if it is not sent.
fn companies(plan: &Plan) -> Vec<Option<String>> {
    let at = TargetAttribute::Company;
    let sent = |change: &PlannedChange| match &change.write {
        Write::Create { values, .. } => values.get(at.index()).map(str::to_owned),
        Write::Update { values, .. } => {
            values.iter().find(|(target, _)| *target == at).and_then(|(_, value)| value.clone())
        }
        other => panic!("{other:?}"),
    };
    plan.changes.iter().map(sent).collect()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn functions_make_the_values() {
    let mut world = world(r#"Join(" & ", ToUpper([givenName], ), Word([mail], 2, "@"))"#);
    world.rules.matching[0].parts[0].source = expression(r#"Replace([mail], "y", , , "x", , )"#);
    world.assigned(1, "ada@y.test");
    world.account("acc", "ada@x.test", AccountKind::Employee);
    world.assigned(2, "bob@y.test");
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "ada@y.test"), ("create", "bob@y.test")]);
    assert_eq!(companies(&plan), [some("ADA & y.test"), some("ADA & y.test")]);
    let rule = r#"Email = Replace([mail],"y",,,"x")"#.to_owned();
    assert_eq!(plan.changes[0].reasons[0], Reason::Matched { rule });
}

#[test]
fn a_failure_holds_the_person_and_nobody_else() {
    let mut world = world("Item(Split([givenName], \" \"), 2)");
    world.assigned(1, "ada@x.test");
    world.linked(2, "bob@x.test");
    world.assigned(3, "cy@x.test");
    world.users[2].attributes =
        AttributeRow::pack([Some("Cy Ann"), Some("cy@x.test"), Some("Lovelace")]);
    world.linked(4, "di@x.test");
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("create", "cy@x.test")]);
    assert_eq!(companies(&plan), [some("Ann")]);
    assert_eq!(held(&plan), [(HoldKind::MappingFailed, 3)]);
    for detail in details(&plan, HoldKind::MappingFailed) {
        assert!(detail.starts_with("Company: `Item`: "), "{detail}");
    }
    // Whoever leaves does so all the same.
    world.unassign(2);
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan)[0], ("disable", "bob@x.test"));
}

#[test]
fn what_is_missing_is_told_beside_what_failed() {
    let mut world = world("CDate([givenName])");
    world.rules.mappings[2].source = expression("Left([surname], 0)");
    world.assigned(1, "ada@x.test");
    let (plan, _) = world.plan();
    assert_eq!(held(&plan), [(HoldKind::MissingValues, 1), (HoldKind::MappingFailed, 1)]);
}

#[test]
fn a_matching_rule_that_fails_finds_nobody_and_creates_nobody() {
    let mut world = World::new();
    world.rules.matching[0].parts[0].source = expression("Item(Split([mail], \",\"), 2)");
    world.assigned(1, "ada@x.test");
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty(), "{plan:?}");
    let details = details(&plan, HoldKind::MappingFailed);
    assert!(details[0].starts_with("`Email = Item(Split([mail],\",\"),2)`: `Item`"), "{details:?}");
}

#[test]
fn an_ignored_attribute_is_left_as_it_is() {
    let mut world = world(r#"IIF([givenName]="Ada", IgnoreAttributeFlow, [givenName])"#);
    let default = super::super::rules::DefaultValue { value: "D".into(), apply: Apply::Always };
    world.rules.mappings[3].default = Some(default);
    world.linked(1, "ada@x.test");
    let values = [Some("ada@x.test"), Some("Ada"), Some("Lovelace"), Some("By hand")];
    world.links[0].shadow.sent = AttributeRow::pack(values);
    assert!(world.plan().0.is_empty(), "neither cleared nor set to the default");
    world.assigned(2, "new@x.test");
    let (plan, _) = world.plan();
    assert_eq!(companies(&plan), [None], "and a new account goes without");
    for user in &mut world.users {
        let mail = user.attributes.get(1).map(str::to_owned);
        user.attributes = AttributeRow::pack([Some("Bo"), mail.as_deref(), Some("Lovelace")]);
    }
    assert_eq!(companies(&world.plan().0), [some("Bo"), some("Bo")]);

    // What is required cannot be left out of a new account, and stays where there is one.
    world.rules.mappings[2].source = expression("IgnoreFlowIfNullOrEmpty(Left([surname], 0))");
    let (plan, _) = world.plan();
    assert_eq!((actions(&plan).len(), held(&plan)), (1, vec![(HoldKind::MissingValues, 1)]));
    assert_eq!(actions(&plan), [("update", "ada@x.test")]);
}

const LEAVE: &str = r#"IIF([givenName]="Ada", IgnoreObjectFlow, "Contoso")"#;

#[test]
fn an_ignored_person_is_neither_created_nor_changed_nor_removed() {
    let mut world = world(LEAVE);
    world.assigned(1, "new@x.test");
    world.linked(2, "changed@x.test");
    world.links[0].shadow.sent = values("before@x.test", "Ada", "Lovelace");
    world.linked(3, "gone@x.test");
    world.unassign(3);
    let (plan, _) = world.plan();
    assert!(plan.changes.is_empty(), "{plan:?}");
    assert_eq!(held(&plan), [(HoldKind::LeftAlone, 3)]);
    let detail = &details(&plan, HoldKind::LeftAlone)[0];
    let text = r#"left alone by Company = IIF([givenName]="Ada",IgnoreObjectFlow,"Contoso")"#;
    assert_eq!(detail, text);
    assert!(plan.settled.is_empty(), "they are looked at again");

    // Nobody can tell of those who are gone, and who left before is nobody's concern.
    world.users[2].presence = Presence::HardDeleted;
    assert_eq!(actions(&world.plan().0), [("disable", "gone@x.test")]);
    world.users[2].presence = Presence::Present;
    world.links[1].state = LinkState::Disabled;
    world.links[1].shadow.disabled = true;
    assert_eq!(held(&world.plan().0), [(HoldKind::LeftAlone, 2)]);

    // Once they are not ignored any more, all that waited happens.
    world.links[1].state = LinkState::Active;
    world.links[1].shadow.disabled = false;
    for user in &mut world.users {
        let mail = user.attributes.get(1).map(str::to_owned);
        user.attributes = AttributeRow::pack([Some("Bo"), mail.as_deref(), Some("Lovelace")]);
    }
    let (plan, _) = world.plan();
    let expected =
        [("disable", "gone@x.test"), ("update", "changed@x.test"), ("create", "new@x.test")];
    assert_eq!((actions(&plan), held(&plan).len()), (expected.to_vec(), 0));
}

#[test]
fn what_ignores_on_creation_is_for_people_without_an_account() {
    let mut world = world(LEAVE);
    world.rules.mappings[3].apply = Apply::OnCreate;
    world.assigned(1, "new@x.test");
    world.linked(2, "changed@x.test");
    world.links[0].shadow.sent = values("changed@x.test", "Ada", "Byron");
    let (plan, _) = world.plan();
    assert_eq!(actions(&plan), [("update", "changed@x.test")]);
    assert_eq!(held(&plan), [(HoldKind::LeftAlone, 1)]);
}

#[test]
fn an_ignored_person_stays_in_the_groups_and_comes_into_none() {
    let mut world = group_world("Sales");
    world.rules.mappings[2].source = expression(r#"IIF([givenName]="Ada", IgnoreObjectFlow, "L")"#);
    world.in_group(1, GROUP);
    world.in_group(2, GROUP);
    world.memberships.retain(|membership| membership.user != anchor(2));
    world.assign(2, STAFF);
    world.linked_group(GROUP, 1, "Sales", &[2]);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), Vec::<String>::new(), "{plan:?}");
    world.rules.mappings[2].source = expression("[surname]");
    assert_eq!(calls(&world.plan().0), ["remove Sales.1 [2]", "add Sales.1 [1]"]);
}

#[test]
fn time_and_chance_are_given_and_chance_is_the_persons_own() {
    let format = r#"FormatDateTime(Now(), , "M/d/yyyy h:mm:ss tt", "yyyy-MM-dd")"#;
    let mut world = world(format);
    world.rules.mappings[3].apply = Apply::OnCreate;
    world.assigned(1, "ada@x.test");
    assert_eq!(companies(&world.plan().0), [some("2026-09-21")]);
    world.rules.mappings[3].source = expression(r#"RandomString(12, 3, 0, 0, 0, "x")"#);
    world.assigned(2, "bob@x.test");
    let first = world.plan().0;
    let made = companies(&first);
    assert!(made.iter().all(|one| one.as_ref().is_some_and(|text| text.len() == 12)), "{made:?}");
    assert_ne!(made[0], made[1]);
    world.now = world.now.plus_ms(1_200_000);
    assert_eq!(world.plan().0.changes, first.changes, "so that an approval holds");
}

#[test]
fn groups_are_named_by_expressions_and_held_if_these_fail() {
    let mut world = group_world("Sales, field");
    let mut rules = world.rules.groups.clone().expect("groups");
    rules.name = expression(r#"Append("SF ", Item(Split([displayName], ","), 2))"#);
    rules.matching = vec![expression(r#"Item(Split([displayName], ","), 1)"#)];
    rules.adopt = super::super::rules::Adopt::Always;
    world.rules.groups = Some(rules);
    assert_eq!(calls(&world.plan().0), ["create SF field []"]);
    world.at_target("g-hand", "sales");
    assert_eq!(calls(&world.plan().0), ["rename g-hand SF field"]);

    world.groups.source[0].attributes = AttributeRow::pack([Some("Sales")]);
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), Vec::<String>::new());
    assert!(details(&plan, HoldKind::MappingFailed)[0].starts_with("Name: `Item`"), "{plan:?}");

    // And so if only the rule that would find one fails.
    if let Some(rules) = &mut world.rules.groups {
        rules.name = expression("[displayName]");
        rules.matching = vec![expression(r#"Item(Split([displayName], ","), 2)"#)];
    }
    let (plan, _) = world.plan();
    assert_eq!(calls(&plan), Vec::<String>::new());
    let details = details(&plan, HoldKind::MappingFailed);
    assert!(details[0].starts_with("`Name = Item("), "{details:?}");
}
