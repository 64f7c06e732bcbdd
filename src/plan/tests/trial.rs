//! A trial of the rules: what is double, and what only looks so.

use super::*;
use crate::model::trial::{Finding, FindingKind};

/// What a trial of the world finds: kind, detail, how many, and whether it is about new accounts.
fn found(world: &World) -> Vec<(FindingKind, String, usize, bool)> {
    let target = TargetView::default();
    let mut world = world.clone();
    world.assignments.sort();
    let subjects: Vec<_> = world.users.iter().map(|user| user.anchor).collect();
    let input = PlanInput {
        subjects: &subjects,
        users: &world.users,
        assignments: &world.assignments,
        links: &world.links,
        ..PlanInput::of_nobody(&world.rules, &target, world.now)
    };
    let of = |one: Finding| (one.kind, one.detail, one.names.len(), one.for_new_only);
    crate::plan::trial::trial(&input).findings.into_iter().map(of).collect()
}

fn expression(text: &str) -> map::Expression {
    map::Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn one_address_of_two_people_is_told_once() {
    let mut world = World::new();
    world.assigned(1, "ada@x.test");
    world.assigned(2, "ADA@x.test");
    world.linked(3, "bob@x.test");
    let double = (FindingKind::Double, "ada@x.test".to_owned(), 2, false);
    assert_eq!(found(&world), [double], "the matching rule says the same");
}

#[test]
fn a_newcomer_who_looks_for_an_account_that_has_an_owner_is_found() {
    let mut world = World::new();
    // New accounts get another address than the one by which accounts are found.
    world.rules.mappings[0].source = expression("Append([givenName], [mail])");
    world.rules.mappings[0].apply = Apply::OnCreate;
    world.assigned(1, "bob@x.test");
    world.linked(2, "bob@x.test");
    let same = (FindingKind::SameMatch, "bob@x.test".to_owned(), 2, false);
    assert_eq!(found(&world), [same]);
    // Two who have an account look for none.
    world.links.clear();
    world.accounts.clear();
    world.users.clear();
    world.assignments.clear();
    world.linked(1, "bob@x.test");
    world.linked(2, "bob@x.test");
    world.links[1].shadow.sent = values("eve@x.test", "Ada", "Lovelace");
    assert_eq!(found(&world), []);
}

#[test]
fn namesakes_who_have_accounts_are_no_double_and_values_that_are_chosen_differ() {
    let mut world = World::new();
    let part = |target, name| rules::MatchPart { target, source: map::Expression::attribute(name) };
    world.rules.matching[0].parts = vec![
        part(TargetAttribute::FirstName, "givenName"),
        part(TargetAttribute::LastName, "surname"),
    ];
    world.rules.mappings[0].source = expression("SelectUniqueValue(\"one@x.test\", [mail])");
    world.rules.mappings[0].apply = Apply::OnCreate;
    world.linked(1, "bob@x.test");
    world.assigned(2, "eve@x.test");
    assert_eq!(found(&world), [], "all are called Ada Lovelace; one of them has no account");
    world.assigned(3, "fay@x.test");
    let same = (FindingKind::SameMatch, "ada, lovelace".to_owned(), 2, false);
    assert_eq!(found(&world), [same], "and nobody gets the value of another");
    // Of somebody for whom none is left it is told.
    world.assigned(4, "fay@x.test");
    let kinds: Vec<_> =
        found(&world).into_iter().map(|(kind, _, people, _)| (kind, people)).collect();
    assert_eq!(kinds, [(FindingKind::Failed, 1), (FindingKind::SameMatch, 3)]);
    // What is for new accounts is tried on those who have one as well, and told apart.
    world.rules.mappings[0].source = expression("Item(Split([mail], \"v\"), 2)");
    let told: Vec<_> =
        found(&world).into_iter().map(|(kind, _, people, new)| (kind, people, new)).collect();
    let failed = |people, new| (FindingKind::Failed, people, new);
    assert_eq!(told, [failed(2, false), (FindingKind::SameMatch, 3, false), failed(1, true)]);
}

#[test]
fn matching_rules_are_tried_as_far_as_they_are_reached() {
    let rule = |source: &str, required| rules::MatchRule {
        parts: vec![rules::MatchPart {
            target: TargetAttribute::Email,
            source: expression(source),
        }],
        adopt: rules::Adopt::Always,
        required,
    };
    let told = |matching: Vec<rules::MatchRule>| {
        let mut world = World::new();
        world.assigned(1, "ada@x.test");
        world.rules.matching = matching;
        let target = TargetView::default();
        let input = PlanInput {
            subjects: &[world.users[0].anchor],
            users: &world.users,
            assignments: &world.assignments,
            ..PlanInput::of_nobody(&world.rules, &target, world.now)
        };
        let found = crate::plan::trial::trial(&input).findings.into_iter();
        let of = |one: Finding| (one.kind, one.rule.replace("users.match: ", ""), one.if_reached);
        found.map(of).collect::<Vec<_>>()
    };
    let (fails, none) = ("Item([mail], 2)", "Switch([mail], \"\", \"z\", \"\")");
    let failed = |reached| (FindingKind::Failed, "Email = Item([mail],2)".to_owned(), reached);
    // Nobody gets beyond a rule that holds.
    assert_eq!(told(vec![rule(fails, false), rule("Item([mail], 3)", false)]), [failed(false)]);
    let missing =
        (FindingKind::Missing, "Email = Switch([mail],\"\",\"z\",\"\")".to_owned(), false);
    assert_eq!(told(vec![rule(none, true), rule(fails, false)]), [missing]);
    // One without a value finds nothing, and one with a value may find something.
    assert_eq!(told(vec![rule(none, false), rule(fails, false)]), [failed(false)]);
    assert_eq!(told(vec![rule("[mail]", false), rule(fails, false)]), [failed(true)]);
}
