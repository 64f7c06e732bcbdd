//! Groups over HTTP: names that are wanted twice, rules that change, and people who are left alone.

use serde_json::json;
use sharefile_provisioner::cycle::Asked;
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::graph::views::NewGroup;
use sharefile_provisioner::sandbox::sharefile::NewGroup as HandMade;
use uuid::Uuid;

use super::is;
use crate::world::{World, asked, held};

impl World {
    /// Makes a shared group in ShareFile by hand.
    fn hand_made(&self, name: &str) -> String {
        let (name, members) = (name.to_owned(), Vec::new());
        let group = HandMade { name, owner: None, shared: true, members };
        self.sandbox.sharefile.add_group(&group).expect("a group")
    }
}

#[tokio::test]
async fn a_group_that_two_match_is_taken_over_by_neither() {
    let mut world = World::with_groups().await;
    world.set("groups.adopt", "always");
    world.set("groups.match", "[{ target = \"Name\", source = \"[mailNickname]\" }]");
    world.hand_made("sales");
    let ada = world.join("Ada");
    let [_, second] = ["Sales", "Vertrieb"].map(|name| {
        let group = NewGroup::named(name).with("mailNickname", "sales");
        let group = world.sandbox.entra.add_group(group).expect("a group");
        world.enter(group, ada);
        world.assign(group, "User");
        group
    });
    let turned = world.cycle().await;
    let clash = |name: &str| (HoldKind::NameClash, name.to_owned());
    assert_eq!(held(&turned), [clash("Sales"), clash("Vertrieb")]);
    let detail = &turned.holds[0].items[0].detail;
    assert!(detail.contains("Vertrieb ("), "the other one is named: {detail}");
    assert_eq!(world.groups(), is(&[("sales", &[])]));
    world.unassign(second);
    assert!(world.cycle().await.holds.is_empty());
    assert_eq!(world.groups(), is(&[("Sales", &["ada"])]));
}

#[tokio::test]
async fn a_group_keeps_its_name_while_others_have_the_new_one() {
    let world = World::with_groups().await;
    let [ada, bob] = ["Ada", "Bob"].map(|name| world.join(name));
    let sales = world.group("Sales", &[ada]);
    world.cycle().await;
    let hand = world.hand_made("FIELD sales");
    world.call(sales, "Field sales");
    world.enter(sales, bob);
    let turned = world.cycle().await;
    assert_eq!(held(&turned), [(HoldKind::NameClash, "Field sales".to_owned())]);
    assert_eq!(world.groups(), is(&[("FIELD sales", &[]), ("Sales", &["ada", "bob"])]));
    assert!(world.sandbox.sharefile.remove_group(&hand));
    assert!(world.full().await.holds.is_empty());
    assert_eq!(world.groups(), is(&[("Field sales", &["ada", "bob"])]));
}

#[tokio::test]
async fn rules_that_would_take_over_many_groups_wait_as_a_whole() {
    let mut world = World::with_groups().await;
    world.set("guard.removals_per_cycle", "{ count = 5, percent = 100 }");
    let ada = world.join("Ada");
    for n in 0..6 {
        world.hand_made(&format!("G{n}"));
        world.group(&format!("G{n}"), &[ada]);
    }
    assert_eq!(held(&world.cycle().await).len(), 6, "others made them");
    world.set("groups.adopt", "always");
    world.join("Bob");
    world.sandbox.counts.reset();
    let turned = world.cycle().await;
    assert!(turned.holds.iter().all(|hold| hold.kind == HoldKind::RulesChanged));
    let message = "The rules changed, and the plan would rename, take over, delete or take members \
                   out of 6 groups; 0 are linked.";
    assert!(turned.holds[0].message.starts_with(message), "{}", turned.holds[0].message);
    assert!(world.writes().is_empty(), "nor does anybody join by the new rules");
    let turned = world.turn(Asked { approve: true, ..asked() }).await;
    assert!(turned.holds.is_empty());
    assert!(world.groups().values().all(|members| *members == ["ada"]));
    assert_eq!(world.account("Bob").email, "bob@contoso.example");
}

#[tokio::test]
async fn people_whose_removal_waits_are_no_strangers_in_their_group() {
    let mut world = World::with_groups().await;
    world.set("groups.extra_members", "remove");
    world.set("guard.removals_per_cycle", "{ count = 1, percent = 100 }");
    let [ada, bob, cleo, _] = ["Ada", "Bob", "Cleo", "Mallory"].map(|name| world.join(name));
    world.group("Sales", &[ada, bob, cleo]);
    world.cycle().await;
    let groups = world.sandbox.sharefile.groups();
    let id = &groups.iter().find(|one| one.name == "Sales").expect("made").id;
    let members = ["Ada", "Bob", "Cleo", "Mallory"].map(|name| world.account(name).id);
    let members = json!({ "members": members });
    world.sandbox.sharefile.edit_group(id, members).expect("an edit");
    for person in [ada, bob] {
        world.sandbox.entra.set_enabled(person, false).expect("an edit");
    }
    world.wrote();
    let turned = world.full().await;
    assert_eq!(held(&turned).len(), 2, "{:?}", turned.holds);
    assert_eq!(world.wrote(), ["DELETE Groups(Sales)/Contacts mallory"]);
    assert_eq!(world.groups(), is(&[("Sales", &["ada", "bob", "cleo"])]));
}

#[tokio::test]
async fn where_the_target_takes_fewer_members_those_for_whom_there_is_room_come_in() {
    let world = World::with_groups().await;
    let switches = world.sandbox.sharefile.switches();
    let mut fewer = switches.clone();
    fewer.group_limit = 3;
    world.sandbox.sharefile.set_switches(fewer);
    let people: Vec<Uuid> = (0..5).map(|n| world.person(&format!("P{n}"))).collect();
    world.group("Sales", &people);
    world.cycle().await;
    assert_eq!(world.groups()["Sales"].len(), 3);
    let entries = world.entries().await;
    let told = entries.iter().filter_map(|entry| entry.error.as_ref());
    assert!(told.into_iter().any(|error| error.reason.contains("at most 3 members")));
    world.sandbox.sharefile.set_switches(switches);
    world.cycle().await;
    assert_eq!(world.groups()["Sales"].len(), 5);
}
