//! However the pages of the change feeds come, the snapshot is that of a clean read of everything.
//!
//! A story follows from its seed: people and groups change in every way, pages are small, empty,
//! repeated, in another order and replayed, reads fail half-way, and delta links expire between two
//! cycles or in the middle of a read. After each round the snapshot is compared with that of a job
//! that begins then.
//!
//! One thing no change feed tells: what somebody is in who comes back from the recycle bin, and whom
//! the job never saw before. That is left to the next full read, and does not happen here.

use std::collections::BTreeSet;

use serde_json::json;
use sharefile_provisioner::cycle::{Asked, Engine};
use sharefile_provisioner::model::group::{GroupEdge, SourceGroup};
use sharefile_provisioner::model::identity::{
    Assignment, Membership, Presence, PrincipalKind, SourceUser,
};
use sharefile_provisioner::model::ids::{SourceAnchor, Timestamp};
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::model::plan::CycleKind;
use sharefile_provisioner::model::row::AttributeRow;
use sharefile_provisioner::sandbox::SandboxOptions;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::dice::Dice;
use sharefile_provisioner::sandbox::graph::switches::{ExpiredDelta, Switches};
use sharefile_provisioner::sandbox::graph::views::{NewGroup, NewPerson};
use sharefile_provisioner::store::{PlanData, Store, Subjects};
use uuid::Uuid;

use crate::world::{World, asked};

/// In the last one a group comes back of which one edge is known, and another is not.
const STORIES: [u64; 13] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 126];
const ROUNDS: usize = 8;
const PEOPLE: usize = 14;
const GROUPS: usize = 6;

/// Where something goes wrong.
const FEEDS: [&str; 2] = ["users/delta", "groups/delta"];

/// What the snapshot holds of those who are there.
#[derive(Debug, PartialEq)]
struct Snapshot {
    users: Vec<SourceUser>,
    assignments: Vec<Assignment>,
    memberships: Vec<Membership>,
    groups: Vec<SourceGroup>,
    edges: Vec<GroupEdge>,
}

impl Snapshot {
    /// Reads a store. Who is in the recycle bin is left out, people and groups: a job that begins
    /// then does not know what they were in, and another one has to.
    async fn of(store: &Store) -> Self {
        let data = store.plan_data(Subjects::All, Timestamp(0)).await.expect("a snapshot");
        let bin = bin(&data);
        let there = |anchor: &SourceAnchor| !bin.contains(anchor);
        let of_group = |row: &&Assignment| row.kind == PrincipalKind::Group;
        let assigned: BTreeSet<SourceAnchor> =
            data.assignments.iter().filter(of_group).map(|row| row.principal).collect();
        // Names matter only while a group is assigned.
        let named = |group: SourceGroup| match assigned.contains(&group.anchor) {
            true => group,
            false => SourceGroup { attributes: AttributeRow::default(), ..group },
        };
        Self {
            users: data.users.into_iter().filter(|user| there(&user.anchor)).collect(),
            memberships: data.memberships.into_iter().filter(|one| there(&one.user)).collect(),
            groups: data.groups.into_iter().filter(|one| there(&one.anchor)).map(named).collect(),
            edges: data.edges.into_iter().filter(|edge| there(&edge.child)).collect(),
            assignments: data.assignments,
        }
    }
}

/// Returns the people and groups of a snapshot that are in the recycle bin.
fn bin(data: &PlanData) -> BTreeSet<SourceAnchor> {
    let in_bin = |presence| presence == Presence::SoftDeleted;
    let people = data.users.iter().filter(|user| in_bin(user.presence)).map(|user| user.anchor);
    let groups = data.groups.iter().filter(|one| in_bin(one.presence)).map(|group| group.anchor);
    people.chain(groups).collect()
}

/// A directory, and a job that follows it without writing anything.
struct Story {
    world: World,
    engine: Engine,
    people: Vec<Uuid>,
    groups: Vec<Uuid>,
    dice: Dice,
    /// What is in the recycle bin as far as the snapshot knows, and which groups it has.
    in_bin: BTreeSet<SourceAnchor>,
    reached: BTreeSet<SourceAnchor>,
    /// How often everything was read anew after the first time.
    reset: u32,
}

impl Story {
    async fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let options = SandboxOptions {
            users: 0,
            groups: 0,
            seed,
            existing_accounts: false,
            ..SandboxOptions::default()
        };
        let mut world = World::light(options).await;
        world.set("scope.nested_groups", "true");
        world.set("groups.enabled", "true");
        world.sandbox.entra.set_switches(switches(&mut dice));
        let entra = &world.sandbox.entra;
        let group = |number: usize| {
            let new = NewGroup::named(&format!("Group {number}"));
            let new = if number.is_multiple_of(2) {
                new
            } else {
                new.with("groupTypes", json!(["Unified"]))
            };
            entra.add_group(new).expect("a group")
        };
        let person = |number: usize| {
            let mail = format!("p{number}@contoso.example");
            entra.add_person(NewPerson::named("Person", "Zero", &mail)).expect("a person")
        };
        let groups: Vec<Uuid> = (0..GROUPS).map(group).collect();
        let people: Vec<Uuid> = (0..PEOPLE).map(person).collect();
        for person in &people {
            entra.add_member(groups[dice.below(GROUPS)], *person).expect("a member");
        }
        for (parent, child) in [(0, 2), (2, 3), (1, 4), (4, 2)] {
            entra.add_member(groups[parent], groups[child]).expect("a member");
        }
        world.assign(groups[0], "User");
        world.assign(groups[1], "User");
        let engine = world.preview_engine();
        let (in_bin, reached) = (BTreeSet::new(), BTreeSet::new());
        Self { world, engine, people, groups, dice, in_bin, reached, reset: 0 }
    }

    fn somebody(&mut self) -> Uuid {
        self.people[self.dice.below(PEOPLE)]
    }

    fn some_group(&mut self) -> Uuid {
        self.groups[self.dice.below(GROUPS)]
    }

    /// Returns whether the snapshot knows what somebody or a group in the recycle bin was in.
    fn is_known(&self, id: Uuid) -> bool {
        let groups = self.world.sandbox.entra.groups();
        let of = groups.iter().filter(|group| group.members.contains(&id));
        self.in_bin.contains(&SourceAnchor(id))
            || !of.map(|group| SourceAnchor(group.id)).any(|group| self.reached.contains(&group))
    }

    /// Changes something. What the directory refuses, as adding a member twice, does not happen.
    fn change(&mut self) {
        let (person, group, other) = (self.somebody(), self.some_group(), self.some_group());
        let name = format!("Name {}", self.dice.below(9));
        let entra = self.world.sandbox.entra.clone();
        let in_bin = |id: Uuid| {
            let person = entra.person(&id.to_string()).is_none_or(|one| one.deleted.is_some());
            let group = entra.group(&id.to_string()).is_none_or(|one| one.deleted.is_some());
            person && group
        };
        let patch = json!({ "displayName": name });
        let happened = match self.dice.below(19) {
            0 | 1 => entra.set_person(person, "surname", name.as_str()),
            2 => entra.set_enabled(person, self.dice.chance(500)),
            3 => entra.soft_delete_person(person),
            4 | 5 if self.is_known(person) => entra.restore_person(person),
            6..=8 if !in_bin(person) && !in_bin(group) => entra.add_member(group, person),
            9 | 10 if !in_bin(person) && !in_bin(group) => entra.remove_member(group, person),
            11 | 17 | 18 if !in_bin(group) && !in_bin(other) => entra.add_member(group, other),
            12 if !in_bin(group) && !in_bin(other) => entra.remove_member(group, other),
            13 => entra.edit_group(group, patch.as_object().expect("an object")),
            14 => entra.delete_group(group),
            15 if self.is_known(group) => entra.restore_group(group),
            16 if in_bin(group) => Ok(()),
            16 => {
                let role = entra.role("User").expect("a role");
                match entra.unassign_principal(group) {
                    0 => entra.assign(group, role).map(|_| ()),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        };
        drop(happened);
    }

    /// Lets something go wrong in the next read.
    fn trouble(&mut self) {
        let feed = FEEDS[self.dice.below(2)];
        let page = |kind, times: usize| {
            Fault::new(kind).at(feed).times(u32::try_from(times).expect("a few"))
        };
        let few = 1 + self.dice.below(3);
        let after = u32::try_from(self.dice.below(4)).expect("a few");
        let fault = match self.dice.below(12) {
            0 => page(FaultKind::EmptyPage, few),
            1 => page(FaultKind::RepeatedPage, few),
            2 => page(FaultKind::ReorderedPage, few),
            3 => page(FaultKind::Unavailable, few).after(after),
            4 => page(FaultKind::DropAfter, few).after(after),
            5 => page(FaultKind::CutBody, few).after(after),
            6 => page(FaultKind::Html, 1).after(after),
            7 => page(FaultKind::ExpiredDelta, 1),
            8 => {
                let gone = page(FaultKind::Unavailable, 1).after(after);
                Fault { status: Some(410), reason: Some("resyncRequired".to_owned()), ..gone }
            }
            9 => {
                let lost = page(FaultKind::Unavailable, 1).after(after);
                let reason = Some("Directory_ExpiredPageToken".to_owned());
                Fault { status: Some(400), reason, ..lost }
            }
            10 => return self.world.sandbox.entra.reset_deltas(),
            _ => return,
        };
        self.world.sandbox.faults.add(fault);
    }

    /// Imports until a cycle is complete. A cycle that fails leaves the snapshot as it was.
    async fn import(&mut self, told: &str) {
        for _ in 0..6 {
            let turned = self.engine.turn(preview()).await.expect("a recorded cycle");
            let initial = turned.report.kind == CycleKind::Initial;
            self.reset += u32::from(initial);
            if initial {
                // A preview does not note that everything was read.
                let read_at = turned.report.started_at;
                self.engine.store.note_full(read_at).await.expect("a note");
            }
            if turned.report.state != CycleState::Failed {
                self.world.sandbox.faults.clear();
                let data = self
                    .engine
                    .store
                    .plan_data(Subjects::All, Timestamp(0))
                    .await
                    .expect("a snapshot");
                self.in_bin = bin(&data);
                self.reached = data.groups.iter().map(|group| group.anchor).collect();
                return;
            }
        }
        panic!("{told}: no cycle is complete");
    }
}

fn preview() -> Asked {
    Asked { preview: true, ..asked() }
}

fn switches(dice: &mut Dice) -> Switches {
    Switches {
        delta_page_size: 1 + dice.below(4),
        delta_members_per_page: 1 + dice.below(3),
        delta_empty_page: dice.chance(300),
        delta_pages_twice: dice.chance(300),
        delta_unordered: dice.chance(500),
        delta_replays: dice.chance(300),
        delta_initial_removals: dice.chance(300),
        expired_delta: [
            ExpiredDelta::SyncStateNotFound,
            ExpiredDelta::GoneWithLocation,
            ExpiredDelta::Gone,
        ][dice.below(3)],
        security_groups_recycled: dice.chance(300),
        batch_shuffled: dice.chance(300),
        ..Switches::default()
    }
}

/// What a job finds that begins now.
async fn clean(world: &World) -> Snapshot {
    let engine = world.preview_engine();
    let turned = engine.turn(preview()).await.expect("a recorded cycle");
    assert_eq!(turned.report.state, CycleState::Complete, "{:?}", turned.report.error);
    let snapshot = Snapshot::of(&engine.store).await;
    engine.store.close().await.expect("a closed store");
    snapshot
}

async fn tell(seed: u64) -> (u32, usize) {
    let mut story = Story::new(seed).await;
    let mut largest = 0;
    for round in 0..ROUNDS {
        let told = format!("seed {seed}, round {round}");
        if round > 0 {
            for _ in 0..=story.dice.below(8) {
                story.change();
            }
            story.trouble();
        }
        story.import(&told).await;
        let (found, expected) =
            (Snapshot::of(&story.engine.store).await, clean(&story.world).await);
        assert_eq!(found, expected, "{told}");
        largest = largest.max(found.edges.len());
    }
    (story.reset - 1, largest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_snapshot_is_that_of_a_clean_read() {
    let (mut resets, mut edges) = (0, 0);
    for seed in STORIES {
        let (reset, largest) = tell(seed).await;
        resets += reset;
        edges += largest;
    }
    // The stories are not trivial.
    assert!(resets > 10 && edges > 40, "{resets} fresh starts, {edges} edges");
}
