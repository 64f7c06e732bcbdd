//! Groups over HTTP: each story with the exact writes, and with how ShareFile's groups are then.

mod limits;
mod lost;
mod parts;
mod returns;
mod rules;
mod saved;

use std::collections::BTreeMap;

use serde_json::json;
use sharefile_provisioner::clock::Clock;
use sharefile_provisioner::cycle::{Asked, Turned};
use sharefile_provisioner::model::ids::{CycleId, SourceAnchor};
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::SandboxOptions;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::views::NewPerson;
use sharefile_provisioner::sandbox::sharefile::NewGroup as HandMade;
use sharefile_provisioner::store::Intent;
use uuid::Uuid;

use crate::world::{World, asked, held};

/// What the service user needs for people and groups.
pub const ROLES: [&str; 4] =
    ["AdminManageEmployees", "CanManageUsers", "AdminCreateSharedGroups", "AdminSharedDistGroups"];

impl World {
    /// An empty company whose assigned groups become groups of ShareFile.
    pub async fn with_groups() -> Self {
        Self::empty().await.following_groups()
    }

    /// The same, for so many people that the disk would be waited for most of the time.
    pub async fn large_with_groups() -> Self {
        let nobody =
            SandboxOptions { users: 0, groups: 0, existing_accounts: false, ..Default::default() };
        Self::light(nobody).await.following_groups()
    }

    /// The same world, whose assigned groups become groups of ShareFile.
    pub fn following_groups(mut self) -> Self {
        let world = &mut self;
        world.sandbox.sharefile.set_service_roles(&ROLES);
        world.set("groups.enabled", "true");
        world.set("guard.removals_per_cycle", "{ count = 50, percent = 100 }");
        self
    }

    /// The groups of ShareFile but the Super User Group: names with the names of their members.
    pub fn groups(&self) -> BTreeMap<String, Vec<String>> {
        let groups = self.sandbox.sharefile.groups();
        let names = self.names();
        groups
            .into_iter()
            .filter(|group| !group.super_group)
            .map(|group| {
                let mut members: Vec<String> = group
                    .members
                    .iter()
                    .map(|id| names.get(id).cloned().unwrap_or_else(|| id.clone()))
                    .collect();
                members.sort();
                (group.name, members)
            })
            .collect()
    }

    /// Ids of accounts and groups, with the names of people and groups.
    pub fn names(&self) -> BTreeMap<String, String> {
        let people = self.all_accounts().into_iter().map(|account| {
            let name = account.email.split('@').next().unwrap_or_default().to_owned();
            (account.id, name)
        });
        let groups = self.sandbox.sharefile.groups();
        people.chain(groups.into_iter().map(|group| (group.id, group.name))).collect()
    }

    /// The writes to groups and people since the last call, in short.
    pub fn wrote(&self) -> Vec<String> {
        let names = self.names();
        let named = |text: &str| {
            let mut text = text.to_owned();
            for (id, name) in &names {
                text = text.replace(id.as_str(), name);
            }
            text
        };
        let writes = self.writes();
        let wrote = writes.iter().map(|write| {
            let path = write.path.trim_start_matches("/sf/v3/").split('?').next().unwrap_or("");
            let mut who: Vec<String> = match &write.body {
                serde_json::Value::Array(members) => members
                    .iter()
                    .map(|member| member["Id"].as_str().unwrap_or("?").to_owned())
                    .collect(),
                body => {
                    let members = body["Contacts"].as_array().cloned().unwrap_or_default();
                    let ids = members
                        .iter()
                        .map(|member| member["Id"].as_str().unwrap_or("?").to_owned());
                    body["Name"].as_str().map(str::to_owned).into_iter().chain(ids).collect()
                }
            };
            who = who.iter().map(|id| named(id)).collect();
            let mut line = format!("{} {}", write.method, named(path));
            if !who.is_empty() {
                line.push_str(&format!(" {}", who.join(" ")));
            }
            line
        });
        let wrote = wrote.collect();
        self.sandbox.counts.reset();
        wrote
    }

    pub fn call(&self, group: Uuid, name: &str) {
        let patch = json!({ "displayName": name });
        let patch = patch.as_object().expect("an object");
        self.sandbox.entra.edit_group(group, patch).expect("a rename");
    }

    pub fn enter(&self, group: Uuid, person: Uuid) {
        self.sandbox.entra.add_member(group, person).expect("a member");
    }

    pub fn exit(&self, group: Uuid, person: Uuid) {
        self.sandbox.entra.remove_member(group, person).expect("no member");
    }
}

pub fn is(groups: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let strings = |members: &[&str]| members.iter().map(|name| (*name).to_owned()).collect();
    groups.iter().map(|(name, members)| ((*name).to_owned(), strings(members))).collect()
}

pub fn moved(turned: &Turned) -> (u64, u64) {
    (turned.report.counts.members_added, turned.report.counts.members_removed)
}

#[tokio::test]
async fn an_assigned_group_comes_with_its_members_and_follows_every_change() {
    let world = World::with_groups().await;
    let [ada, bob] = ["Ada", "Bob"].map(|name| world.person(name));
    let sales = world.group("Sales", &[ada, bob]);
    let first = world.cycle().await;
    assert_eq!((first.report.counts.created, first.report.counts.groups_created), (2, 1));
    let wrote = world.wrote();
    assert_eq!(wrote.len(), 3, "{wrote:?}");
    assert_eq!(wrote[2].split(' ').take(3).collect::<Vec<_>>(), ["POST", "Groups", "Sales"]);
    assert_eq!(world.groups(), is(&[("Sales", &["ada", "bob"])]));
    let made = world.sandbox.sharefile.groups().into_iter().find(|group| group.name == "Sales");
    assert!(made.expect("made").shared, "administrators have to see it");

    // Nothing changed: nothing is asked.
    world.cycle().await;
    assert_eq!(world.sharefile_requests(), 0);

    // A member who is new gets the account and the membership in the same cycle.
    let cleo = world.person("Cleo");
    world.enter(sales, cleo);
    world.exit(sales, bob);
    world.assign(bob, "User");
    let turned = world.cycle().await;
    assert_eq!(moved(&turned), (1, 1));
    assert_eq!(
        world.wrote(),
        [
            "DELETE Groups(Sales)/Contacts bob",
            "POST Users/AccountUser",
            "POST Groups(Sales)/Contacts cleo"
        ]
    );

    world.call(sales, "Verkauf");
    assert_eq!(world.cycle().await.report.counts.groups_changed, 1);
    assert_eq!(world.wrote(), ["PATCH Groups(Verkauf) Verkauf"]);
    assert_eq!(world.groups(), is(&[("Verkauf", &["ada", "cleo"])]));
    world.full().await;
    assert!(world.writes().is_empty(), "{:?}", world.wrote());
}

#[tokio::test]
async fn whoever_gets_an_account_later_comes_into_the_group_then() {
    let world = World::with_groups().await;
    let ada = world.person("Ada");
    let late =
        world.sandbox.entra.add_person(NewPerson::named("Late", "Tester", "")).expect("a person");
    world.group("Sales", &[ada, late]);
    let turned = world.cycle().await;
    assert_eq!(held(&turned).len(), 1, "{:?}", turned.holds);
    assert_eq!(world.groups(), is(&[("Sales", &["ada"])]));
    world.wrote();
    world.sandbox.entra.set_person(late, "mail", "late@contoso.example").expect("an edit");
    world.cycle().await;
    assert_eq!(world.wrote(), ["POST Users/AccountUser", "POST Groups(Sales)/Contacts late"]);
}

#[tokio::test]
async fn members_move_a_hundred_in_a_call_and_two_calls_a_group() {
    let world = World::with_groups().await;
    let people: Vec<Uuid> = (0..230).map(|n| world.person(&format!("P{n}"))).collect();
    let sales = world.group("Sales", &people[..200]);
    let other = world.group("Other", &people[200..]);
    world.cycle().await;
    let wrote = world.wrote();
    assert_eq!(wrote.iter().filter(|one| one.starts_with("POST Groups")).count(), 3);
    for person in &people[..100] {
        world.exit(sales, *person);
        world.enter(other, *person);
    }
    let turned = world.cycle().await;
    assert_eq!(moved(&turned), (100, 100));
    let wrote = world.wrote();
    assert_eq!(wrote.len(), 2, "{wrote:?}");
    assert!(wrote[0].starts_with("DELETE Groups(Sales)/Contacts "));
    assert!(wrote[1].starts_with("POST Groups(Other)/Contacts "));
}

#[tokio::test]
async fn names_that_clash_are_held_with_both_named() {
    let mut world = World::with_groups().await;
    let [ada, bob] = ["Ada", "Bob"].map(|name| world.person(name));
    let by_hand = |name: &str| HandMade {
        name: name.to_owned(),
        owner: None,
        shared: true,
        members: Vec::new(),
    };
    let sales = world.group("Sales", &[ada]);
    world.group("Twin", &[ada]);
    world.group("twin", &[bob]);
    let hand = world.sandbox.sharefile.add_group(&by_hand("SALES")).expect("a group");
    let turned = world.cycle().await;
    let names: Vec<String> = held(&turned).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["Sales", "Twin", "twin"]);
    assert!(turned.holds.iter().all(|hold| hold.kind == HoldKind::NameClash));
    let details: Vec<&str> =
        turned.holds[0].items.iter().map(|item| item.detail.as_str()).collect();
    assert!(details.iter().any(|detail| detail.contains(&hand)), "{details:?}");
    assert_eq!(world.groups(), is(&[("SALES", &[])]), "nothing was touched");

    world.set("groups.adopt", "always");
    world.wrote();
    world.cycle().await;
    assert_eq!(world.wrote(), ["PATCH Groups(Sales) Sales", "POST Groups(Sales)/Contacts ada"]);
    world.call(sales, "Field sales");
    world.cycle().await;
    assert_eq!(world.wrote(), ["PATCH Groups(Field sales) Field sales"]);
}

#[tokio::test]
async fn a_group_whose_namesake_is_assigned_no_longer_comes_with_all_its_members() {
    let world = World::with_groups().await;
    let [ada, bob] = ["Ada", "Bob"].map(|name| world.person(name));
    world.group("Twin", &[ada, bob]);
    // Whoever is in this one is planned when it goes, and the others of the first one are not.
    let other = world.group("twin", &[bob]);
    let turned = world.cycle().await;
    assert!(turned.holds.iter().all(|hold| hold.kind == HoldKind::NameClash));
    assert_eq!(world.groups(), is(&[]));
    world.unassign(other);
    let turned = world.cycle().await;
    assert_eq!(held(&turned), []);
    assert_eq!(world.groups(), is(&[("Twin", &["ada", "bob"])]));
}

#[tokio::test]
async fn a_group_whose_create_was_not_answered_is_found_and_not_made_twice() {
    for (kind, restart) in
        [(FaultKind::DropAfter, false), (FaultKind::DropAfter, true), (FaultKind::DropBefore, true)]
    {
        let world = World::with_groups().await;
        let ada = world.person("Ada");
        world.group("Sales", &[ada]);
        let times = if restart { 20 } else { 1 };
        world.sandbox.faults.add(Fault::new(kind).at("POST /sf/v3/Groups").times(times));
        if restart {
            // Nor can anybody look, until the next cycle.
            world.sandbox.faults.add(
                Fault { status: Some(500), ..Fault::new(FaultKind::Unavailable) }
                    .at("GET /sf/v3/Groups")
                    .after(1)
                    .times(40),
            );
        }
        world.turn(asked()).await;
        world.sandbox.faults.clear();
        world.cycle().await;
        world.cycle().await;
        assert_eq!(world.groups(), is(&[("Sales", &["ada"])]), "{kind:?} {restart}");
        let groups = world.sandbox.sharefile.groups();
        assert_eq!(groups.iter().filter(|group| group.name == "Sales").count(), 1);
        world.sandbox.counts.reset();
        world.full().await;
        assert!(world.writes().is_empty());
    }
}

#[tokio::test]
async fn a_group_is_renamed_once_while_its_members_move() {
    let world = World::with_groups().await;
    let [ada, bob, cleo] = ["Ada", "Bob", "Cleo"].map(|name| world.join(name));
    let sales = world.group("Sales", &[ada, bob]);
    world.cycle().await;
    world.wrote();
    world.call(sales, "Verkauf");
    world.exit(sales, bob);
    world.enter(sales, cleo);
    world.cycle().await;
    assert_eq!(
        world.wrote(),
        [
            "DELETE Groups(Verkauf)/Contacts bob",
            "PATCH Groups(Verkauf) Verkauf",
            "POST Groups(Verkauf)/Contacts cleo"
        ]
    );
    world.full().await;
    assert!(world.writes().is_empty(), "{:?}", world.wrote());
}

#[tokio::test]
async fn a_name_that_another_group_gives_up_is_taken_in_the_same_cycle() {
    let world = World::with_groups().await;
    let [ada, bob] = ["Ada", "Bob"].map(|name| world.join(name));
    world.group("Twin", &[ada]);
    let second = world.group("twin", &[bob]);
    assert_eq!(held(&world.cycle().await).len(), 2);
    world.call(second, "Other");
    let turned = world.cycle().await;
    assert!(turned.holds.is_empty(), "{:?}", turned.holds);
    assert_eq!(world.groups(), is(&[("Other", &["bob"]), ("Twin", &["ada"])]));
}

#[tokio::test]
async fn a_group_that_somebody_made_meanwhile_is_not_taken_for_one_that_was_lost() {
    let world = World::with_groups().await;
    let ada = world.join("Ada");
    world.group("Sales", &[ada]);
    let lost = Fault::new(FaultKind::DropBefore).at("POST /sf/v3/Groups");
    world.sandbox.faults.add(lost.times(20));
    let blind = Fault { status: Some(500), ..Fault::new(FaultKind::Unavailable) };
    world.sandbox.faults.add(blind.at("GET /sf/v3/Groups").after(1).times(40));
    world.turn(asked()).await;
    world.sandbox.faults.clear();
    let (name, members) = ("Sales".to_owned(), Vec::new());
    let by_hand = HandMade { name, owner: None, shared: true, members };
    world.sandbox.sharefile.add_group(&by_hand).expect("a group");
    let turned = world.cycle().await;
    assert_eq!(held(&turned), [(HoldKind::NameClash, "Sales".to_owned())]);
    assert_eq!(world.groups(), is(&[("Sales", &[])]), "it is somebody else's");
}

#[tokio::test]
async fn one_member_who_is_refused_keeps_nobody_else_out() {
    let world = World::with_groups().await;
    let people: Vec<Uuid> = (0..9).map(|n| world.person(&format!("P{n}"))).collect();
    let sales = world.group("Sales", &people[..1]);
    for person in &people[1..] {
        world.assign(*person, "User");
    }
    world.cycle().await;
    // Somebody deleted the account of one of those who are about to join.
    let gone = world.account("P4").id;
    assert!(world.sandbox.sharefile.remove_account(&gone));
    for person in &people[1..] {
        world.enter(sales, *person);
    }
    world.cycle().await;
    let expected = ["p0", "p1", "p2", "p3", "p5", "p6", "p7", "p8"];
    assert_eq!(world.groups(), is(&[("Sales", &expected)]));
    // Everything is read: the account is made again, and comes into the group.
    world.full().await;
    assert_eq!(world.groups()["Sales"].len(), 9);
}

#[tokio::test]
async fn a_group_deleted_by_hand_is_made_again_with_everybody() {
    let world = World::with_groups().await;
    let [ada, bob] = ["Ada", "Bob"].map(|name| world.person(name));
    let sales = world.group("Sales", &[ada, bob]);
    world.cycle().await;
    let id = world
        .sandbox
        .sharefile
        .groups()
        .into_iter()
        .find(|one| one.name == "Sales")
        .expect("made")
        .id;
    assert!(world.sandbox.sharefile.remove_group(&id));
    let cleo = world.person("Cleo");
    world.enter(sales, cleo);
    // The first cycle finds out, the next one mends it.
    world.cycle().await;
    world.cycle().await;
    assert_eq!(world.groups(), is(&[("Sales", &["ada", "bob", "cleo"])]));
    world.sandbox.counts.reset();
    world.full().await;
    assert!(world.writes().is_empty());
}

#[tokio::test]
async fn a_group_that_is_no_longer_assigned_is_kept_emptied_or_deleted() {
    for (fate, left) in [("keep", Some(2)), ("empty", Some(0)), ("delete", None)] {
        let mut world = World::with_groups().await;
        world.set("groups.on_unassigned", fate);
        let [ada, bob] = ["Ada", "Bob"].map(|name| world.join(name));
        let sales = world.group("Sales", &[ada, bob]);
        world.group("Other", &[ada]);
        world.cycle().await;
        world.sandbox.counts.reset();
        world.unassign(sales);
        world.cycle().await;
        assert_eq!(world.groups().get("Sales").map(Vec::len), left, "{fate}");
        assert_eq!(world.groups()["Other"], ["ada"], "{fate}");
        world.sandbox.counts.reset();
        world.full().await;
        assert!(world.writes().is_empty(), "{fate}: {:?}", world.wrote());
        // Assigned again, it is as it was.
        world.assign(sales, "User");
        world.cycle().await;
        assert_eq!(world.groups()["Sales"], ["ada", "bob"], "{fate}");
    }
}

#[tokio::test]
async fn whoever_is_held_while_a_group_is_emptied_leaves_it_when_released() {
    let mut world = World::with_groups().await;
    world.set("groups.on_unassigned", "empty");
    world.set("guard.removals_per_cycle", "{ count = 2, percent = 100 }");
    let people = ["Ada", "Bob", "Cleo"].map(|name| world.person(name));
    let sales = world.group("Sales", &people);
    world.group("Other", &[world.join("Dora")]);
    world.cycle().await;
    world.unassign(sales);
    let turned = world.cycle().await;
    assert_eq!(held(&turned).len(), 3, "{:?}", turned.holds);
    assert_eq!(world.groups()["Sales"].len(), 3, "nobody is taken for a leaver yet");
    world.turn(Asked { approve: true, ..asked() }).await;
    assert!(world.account("Ada").disabled);
    assert_eq!(world.groups(), is(&[("Other", &["dora"]), ("Sales", &[])]));
}

#[tokio::test]
async fn a_group_deleted_in_entra_follows_a_rule_of_its_own() {
    for (fate, left) in [("keep", Some(1)), ("delete", None)] {
        let mut world = World::with_groups().await;
        world.set("groups.deprovision", fate);
        let ada = world.join("Ada");
        let sales = world.group("Sales", &[ada]);
        world.group("Other", &[ada]);
        world.cycle().await;
        world.sandbox.entra.delete_group(sales).expect("a deletion");
        world.cycle().await;
        world.full().await;
        assert_eq!(world.groups().get("Sales").map(Vec::len), left, "{fate}");
        assert!(!world.account("Ada").disabled);
    }
}

#[tokio::test]
async fn the_memberships_of_a_leaver_stay_or_end() {
    for (leavers, left) in [("keep", vec!["ada", "bob"]), ("remove", vec!["bob"])] {
        let mut world = World::with_groups().await;
        world.set("groups.leaver_groups", leavers);
        let [ada, bob] = ["Ada", "Bob"].map(|name| world.person(name));
        let sales = world.group("Sales", &[ada, bob]);
        world.cycle().await;
        world.sandbox.entra.set_enabled(ada, false).expect("an edit");
        world.cycle().await;
        assert!(world.account("Ada").disabled);
        assert_eq!(world.groups(), is(&[("Sales", &left)]), "{leavers}");
        // Whoever comes back is in the group again.
        world.sandbox.entra.set_enabled(ada, true).expect("an edit");
        world.cycle().await;
        assert_eq!(world.groups(), is(&[("Sales", &["ada", "bob"])]), "{leavers}");

        // The recycle bin: the group itself never mentions that somebody is back.
        world.sandbox.entra.soft_delete_person(ada).expect("a deletion");
        world.cycle().await;
        assert_eq!(world.groups(), is(&[("Sales", &left)]), "{leavers}");
        world.sandbox.entra.restore_person(ada).expect("a restore");
        world.cycle().await;
        assert_eq!(world.groups(), is(&[("Sales", &["ada", "bob"])]), "{leavers}");
        assert!(!world.account("Ada").disabled);
        let _ = sales;
    }
}

#[tokio::test]
async fn too_many_removals_from_one_group_hold_nothing_else() {
    let world = World::with_groups().await;
    let people: Vec<Uuid> = (0..10).map(|n| world.join(&format!("P{n}"))).collect();
    let sales = world.group("Sales", &people);
    let other = world.group("Other", &people);
    world.cycle().await;
    for person in &people[..6] {
        world.exit(sales, *person);
    }
    world.exit(other, people[0]);
    let newcomer = world.person("Newcomer");
    world.enter(sales, newcomer);
    let turned = world.cycle().await;
    let waits = (HoldKind::TooManyMemberRemovals, "Sales".to_owned());
    assert_eq!(held(&turned), vec![waits; 6], "each of them");
    let shown = world.ran(&["holds"]).await.text;
    let line = "remove 6 members from Sales (p0@contoso.example, p1@contoso.example, \
                p2@contoso.example, p3@contoso.example, p4@contoso.example, … and 1 more): \
                6 of 10 members would be removed; the limits are 100 and 50 percent";
    assert!(shown.contains(line), "{shown}");
    assert_eq!(world.groups()["Sales"].len(), 11);
    assert_eq!(world.groups()["Other"].len(), 9);
    // It goes on waiting, and goes when a person says so.
    assert_eq!(held(&world.cycle().await).len(), 6);
    // Whoever leaves meanwhile goes, and an answer is for those who were seen.
    world.exit(sales, people[6]);
    assert_eq!(held(&world.cycle().await).len(), 6);
    assert_eq!(world.groups()["Sales"].len(), 10);
    let turned = world.turn(Asked { approve: true, ..asked() }).await;
    assert!(turned.holds.is_empty(), "{:?}", turned.holds);
    assert_eq!(world.groups()["Sales"].len(), 4);
    // What a person approved does not count for the day: one in four may go.
    world.exit(sales, people[7]);
    assert!(world.cycle().await.holds.is_empty());
    assert_eq!(world.groups()["Sales"].len(), 3);
}

#[tokio::test]
async fn groups_of_others_and_the_super_user_group_are_never_touched() {
    let mut world = World::with_groups().await;
    world.set("groups.adopt", "always");
    let ada = world.person("Ada");
    let names: Vec<String> =
        world.sandbox.sharefile.groups().into_iter().map(|one| one.name).collect();
    assert_eq!(names.len(), 1, "the Super User Group alone");
    world.group(&names[0], &[ada]);
    let by_hand =
        HandMade { name: "Board".to_owned(), owner: None, shared: true, members: Vec::new() };
    world.sandbox.sharefile.add_group(&by_hand).expect("a group");
    world.cycle().await;
    world.full().await;
    let all = world.sandbox.sharefile.groups();
    let super_group = all.iter().find(|group| group.super_group).expect("there is one");
    let account = world.account("Ada").id;
    assert!(!super_group.members.contains(&account));
    let twins: Vec<_> = all.iter().filter(|group| group.name == names[0]).collect();
    assert_eq!(twins.len(), 2, "a group of that name beside it");
    assert!(all.iter().any(|group| group.name == "Board" && group.members.is_empty()));
}

#[tokio::test]
async fn without_the_switch_nothing_is_asked_about_groups() {
    let world = World::empty().await;
    let ada = world.person("Ada");
    world.group("Sales", &[ada]);
    world.cycle().await;
    world.full().await;
    // The members of the Super User Group are read in any case: they are protected.
    let asked = world.sandbox.counts.by_endpoint();
    assert!(asked.iter().all(|(name, _)| *name != "GET /sf/v3/Groups"), "{asked:?}");
    assert!(world.groups().is_empty());
}

#[tokio::test]
async fn a_group_that_another_one_got_meanwhile_is_not_taken_by_an_interrupted_write() {
    let mut world = World::with_groups().await;
    world.set("groups.adopt", "always");
    let ada = world.join("Ada");
    let by_hand =
        HandMade { name: "SALES".to_owned(), owner: None, shared: true, members: Vec::new() };
    world.sandbox.sharefile.add_group(&by_hand).expect("a group");
    world.group("Sales", &[ada]);
    let plan = world.cycle().await.plan.expect("a plan");
    let other = world.group("Other", &[ada]);
    let mut change = plan.changes.iter().find(|one| one.label == "Sales").expect("taken").clone();
    change.anchor = SourceAnchor(other);
    let engine = world.engine();
    let at = world.clock.now();
    let intent = Intent { cycle: CycleId(1), change, lookup_was_empty: true, at };
    engine.store.intend(intent).await.expect("an intent");
    engine.store.close().await.expect("a closed store");
    world.cycle().await;
    assert_eq!(world.groups(), is(&[("Other", &["ada"]), ("Sales", &["ada"])]));
}
