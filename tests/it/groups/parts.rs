//! Groups with more members than one group of ShareFile takes, over HTTP.

use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use uuid::Uuid;

use super::moved;
use crate::world::{World, held};

#[tokio::test]
async fn members_beyond_two_thousand_wait_or_come_into_a_part_that_is_merged_again() {
    let mut world = World::large_with_groups().await;
    world.set("guard.creates_per_cycle", "10000");
    world.set("guard.removals_per_group", "{ count = 1000, percent = 100 }");
    world.set("guard.removals_per_cycle", "{ count = 1000, percent = 100 }");
    world.set("guard.removals_per_day", "{ count = 5000, percent = 100 }");
    let people: Vec<Uuid> = (0..2_003).map(|n| world.person(&format!("P{n}"))).collect();
    let sales = world.group("Sales", &people);
    let turned = world.cycle().await;
    assert_eq!(held(&turned), [(HoldKind::GroupFull, "Sales".to_owned())]);
    let detail = &turned.holds[0].items[0].detail;
    assert_eq!(detail, "3 people wait: ShareFile takes 2000 members in a group");
    let sizes = |world: &World| -> Vec<(String, usize)> {
        world.groups().into_iter().map(|(name, members)| (name, members.len())).collect()
    };
    let two = |first, second| [("Sales".to_owned(), first), ("Sales (2)".to_owned(), second)];
    assert_eq!(sizes(&world), two(2_000, 0)[..1]);

    world.set("groups.overflow", "split");
    world.wrote();
    assert!(world.cycle().await.holds.is_empty());
    assert_eq!(sizes(&world), two(2_000, 3));
    assert_eq!(world.wrote().len(), 1, "the part comes with its members");

    // Whoever is in a part stays there, and the first room is taken by the next who joins.
    let second = world.groups()["Sales (2)"].clone();
    let in_first = |number: usize| !second.contains(&format!("p{number}"));
    let mut leavers = (0..2_003).filter(|number| in_first(*number)).map(|number| people[number]);
    let leave = |person: Uuid| {
        world.assign(person, "User");
        world.exit(sales, person);
    };
    leave(leavers.next().expect("somebody"));
    world.cycle().await;
    assert_eq!(world.groups()["Sales (2)"], second);
    let newcomer = world.person("Newcomer");
    world.enter(sales, newcomer);
    world.cycle().await;
    assert_eq!(sizes(&world), two(2_000, 3));
    assert!(world.groups()["Sales"].contains(&"newcomer".to_owned()));

    // Ample room: but nobody is lost if one of them cannot be moved, and the part waits.
    leavers.take(300).for_each(leave);
    world.cycle().await;
    assert_eq!(sizes(&world), two(1_700, 3), "only a group that is looked at as a whole");
    let refused = Fault { status: Some(400), ..Fault::new(FaultKind::Unavailable) };
    world.sandbox.faults.add(refused.at("POST /sf/v3/Groups").times(20));
    world.wrote();
    world.full().await;
    assert!(world.wrote().iter().all(|one| !one.starts_with("DELETE")));
    assert_eq!(sizes(&world), two(1_700, 3));
    world.sandbox.faults.clear();
    let turned = world.cycle().await;
    assert_eq!(moved(&turned), (3, 0));
    let wrote = world.wrote();
    assert!(wrote[0].starts_with("POST Groups(Sales)/Contacts "), "{wrote:?}");
    assert_eq!(wrote.len(), 2, "and the part is deleted");
    assert_eq!(sizes(&world), two(1_703, 0)[..1]);
    world.full().await;
    assert!(world.writes().is_empty());
}
