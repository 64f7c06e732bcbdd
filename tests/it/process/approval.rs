//! What waits for a person: the first plan of a job, and what looks like an accident.

use serde_json::json;

use super::World;

async fn careful() -> World {
    let mut world = World::real().await;
    world.set("guard.first_cycle", "approve");
    world
}

#[tokio::test]
async fn the_first_plan_waits_as_a_whole() {
    let world = careful().await;
    world.by_hand("Cy", "Typo");
    for name in ["Ada", "Bob", "Cy"] {
        world.join(name);
    }
    world.run(&["sync"]).await.exits(70).says("3 held").says("3 changes wait for approval");
    // Asked again before anybody has answered, it says so again.
    world.run(&["sync"]).await.exits(70).says("3 changes wait for approval");
    assert!(world.written().is_empty());
    let holds = world.run(&["holds", "--json"]).await.exits(0).json();
    assert_eq!(holds.as_array().map(Vec::len), Some(1), "{holds}");
    assert_eq!(holds[0]["kind"], "first_cycle");
    assert_eq!(holds[0]["items"].as_array().map(Vec::len), Some(3));
    world.run(&["approve", "1"]).await.exits(0).says("hold 1 (FirstCycle) approved: 3 changes");
    assert!(world.written().is_empty(), "an approval alone does nothing");
    world.sync().await.says("2 created, 1 updated, 1 adopted");
    assert_eq!(world.written().len(), 3);

    // From now on the job is trusted.
    world.join("Dee");
    world.sync().await.says("1 created");
}

#[tokio::test]
async fn an_approval_is_for_what_was_seen() {
    let world = careful().await;
    let [ada, _] = ["Ada", "Bob"].map(|name| world.join(name));
    world.run(&["sync"]).await.exits(70);
    world.run(&["approve", "1"]).await.exits(0);
    world.edit(ada, json!({ "surname": "Byron" }));
    world.join("Cy");
    world.run(&["sync"]).await.exits(70).says("1 created, 2 held");
    assert!(world.has("Bob") && !world.has("Ada") && !world.has("Cy"));
    // Something was approved and done, so the job is trusted and the rest goes by itself.
    world.sync().await.says("2 created");
    assert_eq!(world.account("Ada").last_name, "Byron");
}

#[tokio::test]
async fn a_rejected_first_plan_is_kept_back() {
    let world = careful().await;
    world.join("Ada");
    world.join("Bob");
    world.run(&["sync"]).await.exits(70);
    world.run(&["reject", "1"]).await.exits(0).says("hold 1 (FirstCycle) rejected: 2 changes");
    for full in [&["sync"][..], &["sync", "--full"], &["sync", "--yes"]] {
        world.run(full).await.exits(0);
        assert!(world.written().is_empty(), "{full:?}");
    }
    // Who comes later is asked for anew.
    world.join("Cy");
    world.run(&["sync"]).await.exits(70).says("1 change waits for approval");
    world.run(&["sync", "--yes"]).await.exits(0).says("1 created");
    assert_eq!((world.has("Cy"), world.has("Ada")), (true, false));
}

/// The number of the open hold of a kind.
async fn hold_of(world: &World, kind: &str) -> String {
    let holds = world.run(&["holds", "--json"]).await.exits(0).json();
    let holds = holds.as_array().expect("a list").iter();
    let hold = holds.into_iter().find(|hold| hold["kind"] == kind && hold["state"] == "open");
    hold.unwrap_or_else(|| panic!("no {kind}"))["id"].to_string()
}

const ASK: &str = "[{ target = \"Email\", source = \"[mail]\", adopt = \"report\" }]";

#[tokio::test]
async fn an_adoption_that_is_approved_opens_nothing_else_of_the_first_plan() {
    let mut world = careful().await;
    world.set("users.match", ASK);
    world.by_hand("Cy", "Typo");
    let ada = world.join("Ada");
    world.join("Bob");
    world.join("Cy");
    world.run(&["sync"]).await.exits(70).says("3 held");
    world.run(&["approve", &hold_of(&world, "adoption").await]).await.exits(0).says("1 change");
    world.run(&["sync"]).await.exits(70).says("1 updated, 1 adopted;");
    // Nobody has said anything of the others, whatever happens to them.
    for full in [&["sync"][..], &["sync"], &["sync", "--full"]] {
        world.run(full).await.exits(70);
        assert_eq!(world.written().len(), 1, "{full:?}: {:?}", world.written());
    }
    world.edit(ada, json!({ "surname": "Byron" }));
    world.run(&["sync"]).await.exits(70);
    world.run(&["sync"]).await.exits(70);
    assert_eq!(world.written().len(), 1, "{:?}", world.written());
    // Nor has whoever deletes the account that was adopted.
    let cy = world.account("Cy").id;
    assert!(world.sandbox.sharefile.remove_account(&cy));
    world.run(&["sync", "--full"]).await.exits(70);
    world.run(&["sync"]).await.exits(70);
    assert_eq!(world.written().len(), 1, "{:?}", world.written());
    // With the answer they go, and nobody is asked again.
    while world.run(&["holds", "--json"]).await.json().as_array().expect("a list").iter().any(first)
    {
        world.run(&["approve", &hold_of(&world, "first_cycle").await]).await.exits(0);
    }
    world.sync().await.says("3 created");
    assert_eq!((world.has("Ada"), world.written().len()), (true, 4));
    world.join("Dee");
    world.sync().await.says("1 created");
}

fn first(hold: &serde_json::Value) -> bool {
    hold["kind"] == "first_cycle" && hold["state"] == "open"
}

#[tokio::test]
async fn an_adoption_that_is_approved_goes_though_the_rest_is_rejected() {
    let mut world = careful().await;
    world.set("users.match", ASK);
    world.by_hand("Cy", "Typo");
    for name in ["Ada", "Bob", "Cy"] {
        world.join(name);
    }
    world.run(&["sync"]).await.exits(70);
    world.run(&["reject", &hold_of(&world, "first_cycle").await]).await.exits(0);
    world.run(&["approve", &hold_of(&world, "adoption").await]).await.exits(0);
    world.sync().await.says("1 updated, 1 adopted");
    for full in [&["sync"][..], &["sync", "--full"]] {
        world.run(full).await.exits(0);
        assert_eq!(world.written().len(), 1, "{full:?}: {:?}", world.written());
    }
}

#[tokio::test]
async fn a_first_plan_of_adoptions_alone_says_nothing_of_creates() {
    let mut world = careful().await;
    world.set("users.match", ASK);
    let people = ["Cy", "Dan", "Eli", "Fay"].map(|name| {
        world.by_hand(name, "Typo");
        world.join(name)
    });
    world.run(&["sync"]).await.exits(70).says("4 held");
    world.run(&["approve", &hold_of(&world, "adoption").await]).await.exits(0);
    world.sync().await.says("4 updated, 4 adopted");
    world.join("Dee");
    world.run(&["sync"]).await.exits(70).says("1 held");
    // Whoever leaves meanwhile waits for no answer.
    world.unassign(people[0]);
    world.run(&["sync"]).await.exits(70).says("1 disabled");
    world.run(&["approve", &hold_of(&world, "first_cycle").await]).await.exits(0);
    world.sync().await.says("1 created");
    world.join("Eve");
    world.sync().await.says("1 created");
    // In advance all of it is approved at once.
    let mut world = careful().await;
    world.set("users.match", ASK);
    world.by_hand("Cy", "Typo");
    world.join("Ada");
    world.join("Cy");
    world.run(&["sync", "--yes"]).await.exits(0).says("1 created, 1 updated, 1 adopted");
}

#[tokio::test]
async fn approval_in_advance_applies_at_once() {
    let world = careful().await;
    world.join("Ada");
    world.join("Bob");
    world.run(&["sync", "--yes"]).await.exits(0).says("2 created");
    assert_eq!(world.written().len(), 2);
    world.run(&["holds"]).await.exits(0).says("Nothing waits for a person.");
}

#[tokio::test]
async fn what_an_earlier_cycle_held_can_be_approved_by_the_next() {
    let world = careful().await;
    let ada = world.join("Ada");
    world.join("Bob");
    world.run(&["sync"]).await.exits(70).says("2 held");
    // What is approved is what is held now, not what was held then.
    world.edit(ada, json!({ "surname": "Byron" }));
    world.run(&["sync", "--yes"]).await.exits(0).says("2 created");
    assert_eq!(world.account("Ada").last_name, "Byron");
    world.run(&["holds"]).await.exits(0).says("Nothing waits for a person.");
}

#[tokio::test]
async fn too_many_removals_wait_and_an_approval_releases_exactly_them() {
    let world = World::real().await;
    let names: Vec<String> = (0..30).map(|number| format!("Person{number}")).collect();
    let people: Vec<_> = names.iter().map(|name| world.join(name)).collect();
    world.sync().await;
    world.sandbox.counts.reset();
    let disabled = |range: std::ops::Range<usize>| {
        names[range].iter().filter(|name| world.account(name).disabled).count()
    };

    // Six of thirty is more than ten percent; a new colleague does not wait with them.
    people[..6].iter().for_each(|person| world.unassign(*person));
    world.join("Ada");
    world.run(&["sync"]).await.exits(70).says("1 created, 6 held");
    assert_eq!((disabled(0..30), world.has("Ada")), (0, true));
    world.run(&["holds"]).await.exits(0).says("Hold 1 · TooManyRemovals · open · 6 objects");

    // One comes back before the answer, and one more leaves after it.
    world.assign(people[0], "User");
    world.run(&["approve", "1"]).await.exits(0);
    world.unassign(people[6]);
    world.sync().await.says("6 disabled");
    assert_eq!((disabled(0..1), disabled(1..7), disabled(7..30)), (0, 6, 0));
    assert_eq!(world.written().len(), 7);
    world.run(&["plan"]).await.exits(0);
}

#[tokio::test]
async fn another_accident_is_another_hold() {
    let mut world = World::real().await;
    world.set("guard.removals_per_cycle.count", "0");
    let [ada, bob, cy, _] = ["Ada", "Bob", "Cy", "Dee"].map(|name| world.join(name));
    world.sync().await;
    world.unassign(ada);
    world.unassign(bob);
    world.run(&["sync"]).await.exits(70).says("2 held");
    world.run(&["approve", "1"]).await.exits(0).says("2 changes");
    world.unassign(cy);
    world.run(&["sync"]).await.exits(70).says("2 disabled, 1 held");
    assert!(world.account("Ada").disabled && world.account("Bob").disabled);
    assert!(!world.account("Cy").disabled, "nobody has agreed to that");
    world.run(&["holds"]).await.exits(0).says("Hold 2 · TooManyRemovals · open · 1 object");

    // What is held goes away by itself when its cause does.
    world.assign(cy, "User");
    world.sync().await.says("nothing to do");
    world.run(&["holds"]).await.exits(0).says("Nothing waits for a person.");
    world.run(&["approve", "2"]).await.exits(70).warns("it was withdrawn");
}
