//! Groups in groups: everybody below an assigned group is in scope, through circles and at any depth;
//! edges come and go, and nobody is removed because a group could not be read.

use std::time::Duration;

use serde_json::json;
use sharefile_provisioner::cycle::Turned;
use sharefile_provisioner::model::plan::CycleKind;
use sharefile_provisioner::sandbox::graph::switches::HiddenMembers;
use sharefile_provisioner::sandbox::graph::views::NewGroup;
use uuid::Uuid;

use crate::world::World;

const ASSIGNED: &str = "appRoleAssignedTo";
const DELTAS: &str = "/delta";
const BATCH: &str = "$batch";

impl World {
    /// A new group with members, not assigned.
    fn unassigned_group(&self, name: &str, members: &[Uuid]) -> Uuid {
        let group = self.sandbox.entra.add_group(NewGroup::named(name)).expect("a group");
        for member in members {
            self.put_into(group, *member);
        }
        group
    }

    fn put_into(&self, group: Uuid, member: Uuid) {
        self.sandbox.entra.add_member(group, member).expect("a member");
    }

    fn take_out(&self, group: Uuid, member: Uuid) {
        self.sandbox.entra.remove_member(group, member).expect("no member");
    }

    fn is_enabled(&self, name: &str) -> bool {
        let address = format!("{}@contoso.example", name.to_lowercase());
        self.sandbox.sharefile.account_of(&address).is_some_and(|account| !account.disabled)
    }

    /// Requests to Graph: the assignment list, the change feeds, batches, and all.
    fn graph_counts(&self) -> [u64; 4] {
        let asked = [self.asked(ASSIGNED), self.asked(DELTAS), self.asked(BATCH)];
        let [rows, deltas, batches] = asked;
        [rows, deltas, batches, self.graph_requests()]
    }
}

/// A circle three groups deep, of which the top is assigned.
struct Circle {
    world: World,
    top: Uuid,
    middle: Uuid,
    bottom: Uuid,
}

impl Circle {
    async fn new() -> Self {
        let mut world = World::empty().await;
        world.set("scope.nested_groups", "true");
        let bottom = world.unassigned_group("Bottom", &[world.person("Low")]);
        let middle = world.unassigned_group("Middle", &[world.person("Mid"), bottom]);
        let top = world.group("Top", &[world.person("High"), middle]);
        world.put_into(bottom, top);
        Self { world, top, middle, bottom }
    }
}

fn says(turned: &Turned, words: &str) -> bool {
    turned.report.notes.iter().any(|note| note.contains(words))
}

#[tokio::test]
async fn everybody_below_an_assigned_group_is_in_scope() {
    let Circle { world, top, bottom, .. } = Circle::new().await;
    let both = world.person("Both");
    world.put_into(top, both);
    world.put_into(bottom, both);
    let first = world.cycle().await;
    assert_eq!(first.report.counts.created, 4);
    assert!(first.report.notes.is_empty(), "{:?}", first.report.notes);
    // Each of the three groups once, level by level; then Graph's own count of the top.
    assert_eq!(world.graph_counts(), [1, 2, 3 + 1, 8]);
    // A cycle without changes costs no more than without groups in groups.
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.graph_counts(), [1, 2, 0, 3]);
    assert_eq!(world.sharefile_requests(), 0);

    // In scope by two ways: losing either does nothing.
    world.take_out(bottom, both);
    assert_eq!(world.did().await, (0, 0, 0));
    world.put_into(bottom, both);
    world.take_out(top, both);
    assert_eq!(world.did().await, (0, 0, 0));
    world.take_out(bottom, both);
    assert_eq!(world.did().await, (0, 0, 1));
    world.put_into(bottom, both);
    assert_eq!(world.did().await, (0, 1, 0));
    let full = world.full().await;
    assert_eq!(full.report.counts.done(), 0);
    assert!(full.report.notes.is_empty(), "{:?}", full.report.notes);
}

#[tokio::test]
async fn edges_that_come_and_go_move_everybody_below() {
    let Circle { world, top, middle, bottom } = Circle::new().await;
    assert_eq!(world.did().await, (3, 0, 0));
    // A whole tree of groups comes below the bottom.
    let leaf = world.unassigned_group("Leaf", &[world.person("Leaf")]);
    let branch = world.unassigned_group("Branch", &[world.person("Branch"), leaf]);
    assert_eq!(world.did().await, (0, 0, 0), "nobody assigned it");
    world.sandbox.counts.reset();
    world.put_into(bottom, branch);
    assert_eq!(world.did().await, (2, 0, 0));
    // The two groups are read one after the other; their people come with them.
    assert_eq!(world.graph_counts(), [1, 2, 2, 5]);
    // What happens below is followed from now on.
    world.put_into(leaf, world.person("Later"));
    assert_eq!(world.did().await, (1, 0, 0));

    // The edge above all that goes: whoever has no other way leaves.
    let (mid, low) = (world.person("MidToo"), world.person("LowToo"));
    world.put_into(middle, mid);
    world.put_into(bottom, low);
    world.assign(low, "User");
    assert_eq!(world.did().await, (2, 0, 0));
    world.take_out(middle, bottom);
    assert_eq!(world.did().await, (0, 0, 4), "Low, Branch, Leaf and Later");
    assert!(world.is_enabled("LowToo") && world.is_enabled("MidToo"));
    // Nobody asks for groups that are no longer reached.
    world.sandbox.counts.reset();
    world.put_into(leaf, world.person("Nobody"));
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.graph_counts(), [1, 2, 0, 3]);
    // And back by another way.
    world.put_into(top, branch);
    assert_eq!(world.did().await, (1, 3, 0), "Nobody is new; Branch, Leaf and Later return");
    let full = world.full().await;
    assert_eq!(full.report.counts.done(), 0, "{:?}", full.report);
}

#[tokio::test]
async fn assigning_in_the_middle_of_a_circle_keeps_who_is_below() {
    let Circle { world, top, middle, bottom } = Circle::new().await;
    assert_eq!(world.did().await, (3, 0, 0));
    world.assign(bottom, "User");
    assert_eq!(world.did().await, (0, 0, 0));
    world.unassign(top);
    assert_eq!(world.did().await, (0, 0, 0), "the circle leads back to all of them");
    world.take_out(bottom, top);
    assert_eq!(world.did().await, (0, 0, 2));
    assert!(world.is_enabled("Low"));
    world.assign(middle, "User");
    world.unassign(bottom);
    assert_eq!(world.did().await, (0, 1, 0), "Mid returns, and Low has another way");
    assert_eq!(world.full().await.report.counts.done(), 0);
}

#[tokio::test]
async fn a_group_that_hides_its_members_keeps_those_that_are_known() {
    for hidden in [HiddenMembers::Empty, HiddenMembers::Refused] {
        let Circle { world, middle, .. } = Circle::new().await;
        assert_eq!(world.did().await, (3, 0, 0));
        let mut switches = world.sandbox.entra.switches();
        switches.hidden_members = hidden;
        world.sandbox.entra.set_switches(switches);
        let patch = json!({ "visibility": "HiddenMembership" });
        let patch = patch.as_object().expect("an object");
        world.sandbox.entra.edit_group(middle, patch).expect("an edit");
        let full = world.full().await;
        // Mid is known to be in it, and so is the group with Low below.
        assert_eq!(full.report.counts.done(), 0, "{hidden:?}: {:?}", full.report);
        assert!(says(&full, "Member.Read.Hidden"), "{:?}", full.report.notes);
        assert!(!says(&full, "Entra ID counts"), "{:?}", full.report.notes);
        assert_eq!(world.did().await, (0, 0, 0));
        assert!(["High", "Mid", "Low"].iter().all(|name| world.is_enabled(name)));
    }
}

#[tokio::test]
async fn a_group_in_a_group_is_deleted_and_comes_back() {
    for recycled in [true, false] {
        let Circle { world, middle, bottom, .. } = Circle::new().await;
        let mut switches = world.sandbox.entra.switches();
        switches.security_groups_recycled = recycled;
        world.sandbox.entra.set_switches(switches);
        assert_eq!(world.did().await, (3, 0, 0));
        world.sandbox.entra.delete_group(middle).expect("a deletion");
        assert_eq!(world.did().await, (0, 0, 2));
        assert_eq!(world.full().await.report.counts.done(), 0);
        if recycled {
            let late = world.person("Late");
            world.sandbox.entra.restore_group(middle).expect("a restoration");
            assert_eq!(world.did().await, (0, 2, 0), "nobody mentions where the group is");
            world.put_into(bottom, late);
            assert_eq!(world.did().await, (1, 0, 0));
        }
        let full = world.full().await;
        assert_eq!(full.report.counts.done(), 0, "{:?}", full.report);
        assert!(!says(&full, "Entra ID counts"), "{:?}", full.report.notes);
    }
}

#[tokio::test]
async fn without_nested_groups_only_direct_members_count() {
    let Circle { mut world, .. } = Circle::new().await;
    world.set("scope.nested_groups", "false");
    assert_eq!(world.did().await, (1, 0, 0));
    assert_eq!(world.graph_counts(), [1, 2, 1, 5]);
    // Another way of reading makes the next cycle read everything.
    world.set("scope.nested_groups", "true");
    let on = world.cycle().await;
    assert_eq!((on.report.kind, on.report.counts.created), (CycleKind::Initial, 2));
    world.set("scope.nested_groups", "false");
    let off = world.cycle().await;
    assert_eq!((off.report.kind, off.report.counts.disabled), (CycleKind::Initial, 2));
    assert!(world.is_enabled("High"));
}

#[tokio::test]
async fn another_count_than_ours_is_noted_and_removes_nobody() {
    let Circle { world, top, bottom, .. } = Circle::new().await;
    assert_eq!(world.did().await, (3, 0, 0));
    world.clock.advance(Duration::from_secs(7_200));
    world.cycle().await;
    let mut switches = world.sandbox.entra.switches();
    switches.index_lag_secs = 900;
    world.sandbox.entra.set_switches(switches);
    let new = world.person("New");
    world.put_into(bottom, new);
    assert_eq!(world.did().await, (1, 0, 0));
    let full = world.full().await;
    assert_eq!(full.report.counts.done(), 0);
    let note = format!("Group {top} has 4 people with the groups in it, and Entra ID counts 3");
    assert!(says(&full, &note), "{:?}", full.report.notes);
    world.clock.advance(Duration::from_secs(1_200));
    let full = world.full().await;
    assert!(full.report.notes.is_empty(), "{:?}", full.report.notes);
}
