//! Groups over HTTP: what a day allows, what goes in one call, and groups of every kind.

use std::time::Duration;

use serde_json::json;
use sharefile_provisioner::cycle::Asked;
use sharefile_provisioner::sandbox::graph::views::NewGroup;
use uuid::Uuid;

use super::is;
use crate::world::{World, asked, held};

/// A day, and what the clock of a test does not show.
const DAY: Duration = Duration::from_secs(86_460);

#[tokio::test]
async fn a_day_has_a_limit_for_each_group() {
    let mut world = World::with_groups().await;
    world.set("guard.removals_per_group", "{ count = 3, percent = 100 }");
    let people: Vec<Uuid> = (0..10).map(|n| world.join(&format!("P{n}"))).collect();
    let [sales, other] = ["Sales", "Other"].map(|name| world.group(name, &people));
    world.cycle().await;
    let mut leave = people.iter();
    for left in [8, 8] {
        for _ in 0..2 {
            world.exit(sales, *leave.next().expect("somebody"));
        }
        world.cycle().await;
        assert_eq!(world.groups()["Sales"].len(), left);
    }
    let turned = world.cycle().await;
    let detail = "2 of 8 members would be removed, after 2 within the last day; the limits are 3 \
                  and 100 percent";
    assert_eq!(turned.holds[0].items[0].detail, detail);
    // Another group has a day of its own, and the day ends.
    world.exit(other, people[0]);
    world.cycle().await;
    assert_eq!(world.groups()["Other"].len(), 9);
    world.clock.advance(DAY);
    assert!(world.cycle().await.holds.is_empty());
    assert_eq!(world.groups()["Sales"].len(), 6);
}

#[tokio::test]
async fn a_day_has_a_limit_for_groups_that_end() {
    let mut world = World::with_groups().await;
    world.set("groups.on_unassigned", "delete");
    world.set("guard.removals_per_day", "{ count = 3, percent = 100 }");
    let ada = world.join("Ada");
    let groups: Vec<Uuid> = (0..8).map(|n| world.group(&format!("G{n}"), &[ada])).collect();
    world.cycle().await;
    let end = |some: std::ops::Range<usize>| some.for_each(|n| world.unassign(groups[n]));
    end(0..2);
    assert!(world.cycle().await.holds.is_empty());
    end(2..4);
    let turned = world.cycle().await;
    assert_eq!(
        turned.holds[0].message,
        "2 of 6 groups would be deleted or emptied, after 2 within the last 24 hours; the limits \
         of a day are 3 and 100 percent."
    );
    assert_eq!(world.groups().len(), 6);
    world.turn(Asked { approve: true, ..asked() }).await;
    assert_eq!(world.groups().len(), 4);
    end(4..5);
    assert!(world.cycle().await.holds.is_empty(), "what was approved does not count");
    end(5..6);
    assert_eq!(held(&world.cycle().await).len(), 1);
    world.clock.advance(DAY);
    assert!(world.cycle().await.holds.is_empty());
    assert_eq!(world.groups().len(), 2);
}

#[tokio::test]
async fn a_member_who_leaves_altogether_and_one_who_only_leaves_the_group_go_in_one_call() {
    let mut world = World::with_groups().await;
    world.set("groups.leaver_groups", "remove");
    let [ada, bob, cleo, dora] = ["Ada", "Bob", "Cleo", "Dora"].map(|name| world.join(name));
    let sales = world.group("Sales", &[ada, bob, dora]);
    world.cycle().await;
    world.wrote();
    world.exit(sales, ada);
    world.sandbox.entra.set_enabled(bob, false).expect("an edit");
    world.enter(sales, cleo);
    world.cycle().await;
    let wrote = world.wrote();
    assert_eq!(wrote.len(), 3, "{wrote:?}");
    let mut out: Vec<&str> = wrote[1].split(' ').skip(2).collect();
    out.sort();
    assert_eq!(
        (wrote[1].starts_with("DELETE Groups(Sales)/Contacts"), out),
        (true, vec!["ada", "bob"])
    );
    assert_eq!(wrote[2], "POST Groups(Sales)/Contacts cleo");
    let _ = dora;
}

#[tokio::test]
async fn a_group_that_is_gone_in_entra_is_emptied_and_then_left_alone() {
    let mut world = World::with_groups().await;
    world.set("groups.deprovision", "empty");
    let [ada, bob] = ["Ada", "Bob"].map(|name| world.join(name));
    let sales = world.group("Sales", &[ada, bob]);
    world.group("Other", &[ada]);
    world.cycle().await;
    world.wrote();
    world.sandbox.entra.delete_group(sales).expect("a deletion");
    world.cycle().await;
    world.full().await;
    let wrote = world.wrote();
    assert_eq!(wrote.len(), 1, "{wrote:?}");
    assert_eq!(world.groups(), is(&[("Other", &["ada"]), ("Sales", &[])]));
}

#[tokio::test]
async fn dynamic_and_mail_enabled_groups_and_their_nested_people_become_groups_as_others_do() {
    let mut world = World::with_groups().await;
    world.set("scope.nested_groups", "true");
    let [ada, bob, cleo] = ["Ada", "Bob", "Cleo"].map(|name| world.person(name));
    let kinds = [
        ("Dynamic", json!(["DynamicMembership"]), false, true),
        ("Mail", json!([]), true, true),
        ("Team", json!(["Unified"]), true, false),
        ("Sales", json!([]), false, true),
    ];
    let groups = kinds.map(|(name, types, mail, security)| {
        let group = NewGroup::named(name)
            .with("groupTypes", types)
            .with("mailEnabled", mail)
            .with("securityEnabled", security);
        world.sandbox.entra.add_group(group).expect("a group")
    });
    for group in groups {
        world.enter(group, ada);
        world.assign(group, "User");
    }
    // Whoever is in a group within a group is a member of it at ShareFile.
    let inner = world.sandbox.entra.add_group(NewGroup::named("Inner")).expect("a group");
    world.enter(inner, bob);
    world.sandbox.entra.add_member(groups[3], inner).expect("a nested group");
    world.cycle().await;
    let one: &[&str] = &["ada"];
    let is_now =
        |sales: &[&str]| is(&[("Dynamic", one), ("Mail", one), ("Sales", sales), ("Team", one)]);
    assert_eq!(world.groups(), is_now(&["ada", "bob"]));
    world.enter(inner, cleo);
    world.cycle().await;
    assert_eq!(world.groups(), is_now(&["ada", "bob", "cleo"]));
    world.exit(inner, bob);
    world.assign(bob, "User");
    world.cycle().await;
    assert_eq!(world.groups(), is_now(&["ada", "cleo"]));
}

#[tokio::test]
async fn members_put_in_by_hand_stay_where_the_rules_keep_them() {
    let mut world = World::with_groups().await;
    world.set("groups.extra_members", "keep");
    let ada = world.join("Ada");
    world.join("Bob");
    world.group("Sales", &[ada]);
    world.cycle().await;
    let groups = world.sandbox.sharefile.groups();
    let id = &groups.iter().find(|one| one.name == "Sales").expect("made").id;
    let members = json!({ "members": [world.account("Ada").id, world.account("Bob").id] });
    world.sandbox.sharefile.edit_group(id, members).expect("an edit");
    world.sandbox.counts.reset();
    let turned = world.full().await;
    assert_eq!((turned.report.counts.drift, world.writes().len()), (0, 0));
    assert_eq!(world.groups(), is(&[("Sales", &["ada", "bob"])]));
}
