//! Reads that are behind, and lists that lose rows: nobody is removed for either, nothing that was
//! brought over is taken back, and what was missed is found later.

use std::time::Duration;

use serde_json::json;
use sharefile_provisioner::cycle::Turned;
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::model::plan::CycleKind;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::switches::{HiddenMembers, Switches};
use sharefile_provisioner::sandbox::graph::views::NewGroup;
use uuid::Uuid;

use crate::world::{World, asked};

const MINUTE: Duration = Duration::from_secs(60);

/// How far the index is behind.
const LAG: u64 = 900;

const ROWS: &str = "appRoleAssignedTo";

impl World {
    fn switch(&self, change: impl FnOnce(&mut Switches)) {
        let mut switches = self.sandbox.entra.switches();
        change(&mut switches);
        self.sandbox.entra.set_switches(switches);
    }

    fn minutes(&self, minutes: u32) {
        self.clock.advance(MINUTE * minutes);
    }

    fn rename(&self, person: Uuid, surname: &str) {
        self.sandbox.entra.set_person(person, "surname", surname).expect("an edit");
    }

    fn add(&self, group: Uuid, person: Uuid) {
        self.sandbox.entra.add_member(group, person).expect("a member");
    }

    fn leave(&self, group: Uuid, person: Uuid) {
        self.sandbox.entra.remove_member(group, person).expect("no member");
    }

    fn exists(&self, name: &str) -> bool {
        let address = format!("{}@contoso.example", name.to_lowercase());
        self.sandbox.sharefile.account_of(&address).is_some()
    }
}

/// People in a group, none of them linked yet; the index is behind from now on.
async fn company(names: &[&str]) -> (World, Uuid, Vec<Uuid>) {
    let world = World::empty().await;
    let people: Vec<Uuid> = names.iter().map(|name| world.person(name)).collect();
    let group = world.group("Staff", &people);
    world.switch(|switches| switches.index_lag_secs = LAG);
    (world, group, people)
}

fn says(turned: &Turned, words: &str) {
    let said = turned.report.notes.iter().any(|note| note.contains(words));
    assert!(said, "`{words}` is missing in {:?}", turned.report.notes);
}

fn quiet(turned: &Turned) {
    assert!(turned.report.notes.is_empty(), "{:?}", turned.report.notes);
}

#[tokio::test]
async fn who_joined_just_before_the_first_read_is_found_by_the_second() {
    let (world, group, _) = company(&["Ada", "Bob"]).await;
    let late = world.person("Late");
    world.add(group, late);
    world.minutes(5);
    assert_eq!(world.did().await, (2, 0, 0), "the index does not know everybody");
    world.minutes(20);
    // Who joins later is reported by the change feed.
    world.add(group, world.person("Later"));
    assert_eq!(world.did().await, (1, 0, 0));
    world.minutes(20);
    assert_eq!(world.did().await, (0, 0, 0));
    assert!(!world.exists("Late"));
    world.minutes(17);
    world.add(group, world.person("Latest"));
    assert_eq!(world.did().await, (1, 0, 0));
    world.minutes(3);
    let second = world.cycle().await;
    assert_eq!(second.report.kind, CycleKind::Full);
    assert_eq!((second.report.counts.created, second.report.counts.disabled), (1, 0));
    assert!(world.exists("Late") && !world.account("Latest").disabled);
    says(&second, "Lists of members are behind: 1 memberships");
    world.minutes(20);
    let quiet_again = world.full().await;
    quiet(&quiet_again);
    assert_eq!(quiet_again.report.counts.done(), 0);
    assert!(world.removals().is_empty());
}

#[tokio::test]
async fn a_full_read_takes_nothing_back_that_the_change_feed_brought() {
    let (world, group, people) =
        company(&["Ada", "Bob", "Cyd", "Dee", "Eve", "Fay", "Gus", "Hal"]).await;
    let direct = world.join("Direct");
    world.minutes(120);
    world.cycle().await;
    world.minutes(61);
    world.cycle().await;
    // Everything in the last minutes, and all of it is in ShareFile before the index knows.
    world.leave(group, people[0]);
    world.rename(people[1], "Other");
    world.sandbox.entra.set_enabled(people[2], false).expect("an edit");
    world.rename(direct, "Other");
    world.add(group, world.person("New"));
    world.sandbox.entra.soft_delete_person(people[3]).expect("a deletion");
    assert_eq!(world.did().await, (1, 2, 3));
    let after = world.all_accounts();
    for minutes in [1, 5, 20] {
        world.minutes(minutes);
        let full = world.full().await;
        assert_eq!(full.report.counts.done(), 0, "{minutes}: {:?}", full.report);
        assert_eq!(world.all_accounts(), after, "{minutes}");
        if minutes < 20 {
            says(&full, "Lists of members are behind");
            says(&full, "Lists of people are behind: 4 records");
        } else {
            quiet(&full);
        }
        // What the full read put into the snapshot does not come out later either.
        assert_eq!(world.did().await, (0, 0, 0), "{minutes}");
    }
    assert!(world.account("Ada").disabled && !world.account("New").disabled);
}

#[tokio::test]
async fn a_newcomer_is_read_as_the_directory_has_them() {
    let (world, group, _) = company(&["Ada"]).await;
    let (direct, member) = (world.person("Direct"), world.person("Member"));
    world.minutes(60);
    world.cycle().await;
    world.minutes(1);
    // The feed reports these before anybody is interested in them.
    world.rename(direct, "Married");
    world.rename(member, "Married");
    world.cycle().await;
    world.assign(direct, "User");
    world.add(group, member);
    assert_eq!(world.did().await, (2, 0, 0));
    for name in ["Direct", "Member"] {
        assert_eq!(world.account(name).last_name, "Married");
    }
}

#[tokio::test]
async fn a_group_that_is_assigned_right_after_it_was_filled_is_complete_within_the_hour() {
    let (world, _, _) = company(&["Ada"]).await;
    world.minutes(120);
    world.cycle().await;
    world.minutes(61);
    world.cycle().await;
    // Filled in one cycle, assigned in another: the feed reported it to nobody.
    let people = ["Bob", "Cyd"].map(|name| world.person(name));
    let group = world.sandbox.entra.add_group(NewGroup::named("Fresh")).expect("a group");
    people.iter().for_each(|person| world.add(group, *person));
    world.cycle().await;
    world.minutes(20);
    let late = world.person("Late");
    world.add(group, late);
    world.cycle().await;
    world.assign(group, "User");
    let turned = world.cycle().await;
    assert_eq!((turned.report.kind, turned.report.counts.created), (CycleKind::Incremental, 2));
    world.minutes(61);
    let turned = world.cycle().await;
    assert_eq!((turned.report.kind, turned.report.counts.created), (CycleKind::Full, 1));
    assert!(world.exists("Late"));

    // Filled and assigned between two cycles, the feed knows what the index does not.
    let known = world.sandbox.entra.add_group(NewGroup::named("Known")).expect("a group");
    world.minutes(20);
    world.cycle().await;
    world.add(known, world.person("Dee"));
    world.assign(known, "User");
    assert_eq!(world.did().await, (1, 0, 0));
}

/// The index knows neither the group nor who is in it.
#[tokio::test]
async fn a_group_that_is_new_is_asked_itself() {
    let (world, _, _) = company(&["Ada", "Bob"]).await;
    world.minutes(120);
    world.cycle().await;
    world.minutes(61);
    world.cycle().await;
    let people = ["Cyd", "Dee"].map(|name| world.person(name));
    let group = world.group("Instant", &people);
    let turned = world.cycle().await;
    assert_eq!(turned.report.counts.created, 2);
    quiet(&turned);
    for _ in 0..2 {
        let full = world.full().await;
        assert_eq!(full.report.counts.done(), 0, "{:?}", full.report);
        assert!(!world.account("Cyd").disabled && !world.account("Dee").disabled);
        world.minutes(5);
    }
    // One that is gone for good is gone, whatever the index still shows.
    world.minutes(20);
    world.sandbox.entra.delete_group(group).expect("a group");
    assert_eq!(world.did().await, (0, 0, 2));
    assert_eq!(world.full().await.report.counts.done(), 0);
}

#[tokio::test]
async fn who_left_a_group_just_before_it_was_assigned_gets_no_account() {
    let (world, _, _) = company(&["Ada", "Bob"]).await;
    let leaver = world.person("Leaver");
    let group = world.sandbox.entra.add_group(NewGroup::named("Fresh")).expect("a group");
    world.add(group, leaver);
    world.add(group, world.person("Stays"));
    world.minutes(60);
    world.cycle().await;
    world.minutes(1);
    world.leave(group, leaver);
    world.assign(group, "User");
    assert_eq!(world.did().await, (1, 0, 0), "the index still shows both");
    assert!(!world.exists("Leaver"));
}

#[tokio::test]
async fn who_comes_back_from_the_recycle_bin_is_back_at_once_although_the_index_is_behind() {
    let (world, staff, people) = company(&["Ada", "Bob"]).await;
    world.join("Cyd");
    world.minutes(60);
    world.cycle().await;
    world.sandbox.entra.soft_delete_person(people[0]).expect("a deletion");
    world.unassign(staff);
    world.cycle().await;
    world.minutes(20);
    world.assign(staff, "User");
    world.cycle().await;
    assert!(world.account("Ada").disabled && !world.account("Bob").disabled);
    world.sandbox.entra.restore_person(people[0]).expect("a restoration");
    world.cycle().await;
    assert!(!world.account("Ada").disabled);
}

#[tokio::test]
async fn who_was_in_the_bin_at_the_first_read_is_found_by_the_next_full_one() {
    let world = World::empty().await;
    let (ada, bob) = (world.person("Ada"), world.person("Bob"));
    world.group("Staff", &[ada, bob]);
    let direct = world.join("Direct");
    for person in [ada, direct] {
        world.sandbox.entra.soft_delete_person(person).expect("a deletion");
    }
    assert_eq!(world.did().await, (1, 0, 0));
    for person in [ada, direct] {
        world.sandbox.entra.restore_person(person).expect("a restoration");
    }
    assert_eq!(world.did().await, (1, 0, 0), "the row of an assignment comes back by itself");
    assert!(world.exists("Direct") && !world.exists("Ada"));
    world.minutes(61);
    assert_eq!(world.did().await, (1, 0, 0), "no feed mentions the membership; the list does");
    assert!(world.exists("Ada"));
}

#[tokio::test]
async fn a_change_feed_that_is_late_loses_nothing() {
    let world = World::empty().await;
    let people: Vec<Uuid> = (0..6).map(|n| world.person(&format!("P{n}"))).collect();
    let group = world.group("Staff", &people);
    world.switch(|switches| switches.delta_lag_secs = 300);
    world.minutes(10);
    world.cycle().await;
    // Around a full read, so that the feed tells old things after it.
    for full in [false, true] {
        let name = if full { "Full" } else { "Usual" };
        world.minutes(1);
        world.rename(people[0], name);
        world.add(group, world.person(name));
        world.leave(group, people[if full { 2 } else { 1 }]);
        world.minutes(1);
        let turned = if full { world.full().await } else { world.cycle().await };
        assert_eq!(turned.report.counts.done() > 0, full, "{:?}", turned.report);
        for _ in 0..4 {
            world.minutes(2);
            world.cycle().await;
        }
        assert_eq!(world.account("P0").last_name, name);
        assert!(world.exists(name));
    }
    let disabled = |n: usize| world.account(&format!("P{n}")).disabled;
    let disabled: Vec<bool> = (0..6).map(disabled).collect();
    assert_eq!(disabled, [false, true, true, false, false, false]);
    assert_eq!(world.removals().len(), 2, "{:?}", world.removals());
    assert_eq!(world.full().await.report.counts.done(), 0);
}

#[tokio::test]
async fn an_assignment_list_that_is_late_is_believed_when_it_says_so() {
    let world = World::empty().await;
    let people: Vec<Uuid> = (0..6).map(|n| world.join(&format!("P{n}"))).collect();
    world.cycle().await;
    world.switch(|switches| switches.assignment_lag_secs = 600);
    world.minutes(20);
    world.join("New");
    world.unassign(people[0]);
    for full in [false, true] {
        let turned = if full { world.full().await } else { world.cycle().await };
        assert_eq!(turned.report.counts.done(), 0);
        quiet(&turned);
    }
    world.minutes(11);
    assert_eq!(world.did().await, (1, 0, 1));
    assert!(world.account("P0").disabled && !world.account("New").disabled);
}

/// More rows than fit on one page: people who hold two roles.
async fn two_pages() -> (World, Vec<Uuid>) {
    let world = World::empty().await;
    let people: Vec<Uuid> = (0..510).map(|n| world.join(&format!("P{n}"))).collect();
    people.iter().for_each(|person| world.assign(*person, "Employee"));
    assert_eq!(world.did().await.0, 510);
    world.sandbox.counts.reset();
    (world, people)
}

#[tokio::test]
async fn a_list_that_loses_rows_or_its_end_removes_nobody() {
    let (world, people) = two_pages().await;
    let lost = |rows| Fault::new(FaultKind::LostRows).at(ROWS).lose(rows);
    let cut = |rows| Fault::new(FaultKind::CutList).at(ROWS).keep(rows);
    for (fault, cycles) in [
        (lost(3).seed(1), 1),
        (lost(3).seed(2), 2),
        (lost(40).probability(0.5).seed(3), 6),
        (lost(998).seed(4), 2),
        (cut(900), 1),
        (cut(900), 2),
        (cut(0), 2),
        (cut(10).after(1), 2),
    ] {
        world.sandbox.faults.add(fault.clone());
        for _ in 0..cycles {
            world.minutes(20);
            let turned = world.turn(asked()).await;
            let report = &turned.report;
            assert_eq!(report.counts.done(), 0, "{fault:?}: {report:?}");
            if report.state == CycleState::Failed {
                let error = report.error.as_ref().expect("an error");
                assert!(error.message.contains("list was cut short"), "{fault:?}: {error:?}");
            }
            // A full read is a second one, not a better one.
            let full = world.turn(sharefile_provisioner::cycle::Asked { full: true, ..asked() });
            assert_eq!(full.await.report.counts.done(), 0, "{fault:?}");
        }
        world.sandbox.faults.clear();
        assert_eq!(world.did().await, (0, 0, 0), "{fault:?}");
    }
    assert!(world.writes().is_empty(), "{:?}", world.writes());

    // Somebody who leaves meanwhile goes as soon as one read is whole, and nobody else.
    world.unassign(people[7]);
    world.sandbox.faults.add(lost(2).seed(5).times(3));
    assert_eq!(world.did().await, (0, 0, 1));
    assert!(world.account("P7").disabled);
    assert_eq!(world.removals().len(), 1);
}

#[tokio::test]
async fn a_row_that_vanished_costs_one_more_read() {
    let (world, people) = two_pages().await;
    world.unassign(people[0]);
    assert_eq!(world.did().await, (0, 0, 1));
    assert_eq!(world.asked(ROWS), 4, "two pages, twice");
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.asked(ROWS), 2, "and nothing more when nothing vanished");
}

#[tokio::test]
async fn where_nobody_counts_a_row_is_gone_when_the_next_cycle_lacks_it_too() {
    let world = World::empty().await;
    let people: Vec<Uuid> = (0..12).map(|n| world.join(&format!("P{n}"))).collect();
    world.cycle().await;
    world.switch(|switches| switches.assignments_counted = false);
    // The whole cycle sees a list without its end, and without a count that says so.
    world.sandbox.faults.add(Fault::new(FaultKind::CutList).at(ROWS).keep(9));
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.done(), turned.report.state), (0, CycleState::Complete));
    says(&turned, "3 rows of the assignment list vanished");
    world.sandbox.faults.clear();
    world.minutes(20);
    assert_eq!(world.did().await, (0, 0, 0));

    world.unassign(people[0]);
    says(&world.cycle().await, "1 rows of the assignment list vanished");
    // At once is no later: what a person asks for twice in a row is one look.
    assert_eq!(world.did().await, (0, 0, 0));
    assert!(!world.account("P0").disabled);
    world.minutes(20);
    assert_eq!(world.did().await, (0, 0, 1));
    assert!(world.account("P0").disabled);
    // A time that lies in the future counts from now on.
    world.unassign(people[1]);
    world.cycle().await;
    let now = sharefile_provisioner::clock::Clock::now(world.clock.as_ref());
    world.clock.set(now.plus_ms(-86_400_000));
    world.cycle().await;
    assert!(!world.account("P1").disabled);
    world.minutes(20);
    world.cycle().await;
    assert!(world.account("P1").disabled);
}

#[tokio::test]
async fn groups_that_hide_their_members_lose_nobody_and_stop_nothing() {
    for hidden in [HiddenMembers::Empty, HiddenMembers::Refused] {
        let world = World::empty().await;
        let people: Vec<Uuid> = (0..8).map(|n| world.person(&format!("P{n}"))).collect();
        let secret = world.group("Secret", &people);
        world.join("Direct");
        world.cycle().await;
        world.switch(|switches| switches.hidden_members = hidden);
        let patch = json!({ "visibility": "HiddenMembership" });
        let patch = patch.as_object().expect("an object").clone();
        world.sandbox.entra.edit_group(secret, &patch).expect("an edit");
        world.join("Other");
        let full = world.full().await;
        assert_eq!((full.report.counts.created, full.report.counts.disabled), (1, 0), "{hidden:?}");
        says(&full, "Member.Read.Hidden");
        assert!(full.report.notes.iter().any(|note| note.contains(&secret.to_string())));
        // One that is assigned while it hides its members brings nobody, and says so.
        let another = NewGroup::named("Another").with("visibility", "HiddenMembership");
        let another = world.sandbox.entra.add_group(another).expect("a group");
        world.add(another, world.person("Hidden"));
        world.assign(another, "User");
        let turned = world.cycle().await;
        assert_eq!(turned.report.counts.done(), 0, "{hidden:?}");
        says(&turned, "Member.Read.Hidden");
        // Whoever comes back from the recycle bin is in the groups of before; those that hide their
        // members are asked as well.
        world.sandbox.entra.soft_delete_person(people[7]).expect("a leaver");
        assert_eq!(world.did().await, (0, 0, 1), "{hidden:?}");
        world.sandbox.entra.restore_person(people[7]).expect("a return");
        assert_eq!(world.did().await, (0, 1, 0), "{hidden:?}");
        // Who leaves the company leaves, hidden or not.
        world.sandbox.entra.set_enabled(people[0], false).expect("an edit");
        assert_eq!(world.did().await, (0, 0, 1), "{hidden:?}");
        // With the permission the groups are as any other.
        world.switch(|switches| switches.hidden_members = HiddenMembers::Shown);
        world.leave(secret, people[1]);
        let full = world.full().await;
        assert_eq!((full.report.counts.created, full.report.counts.disabled), (1, 1), "{hidden:?}");
        quiet(&full);
    }
}
