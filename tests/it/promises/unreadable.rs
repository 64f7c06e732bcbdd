//! An account that ShareFile does not show stops only itself, whatever else has to be done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sharefile_provisioner::model::account::{
    Activation, Seats, TargetAccount, TargetAttribute, TargetUser,
};
use sharefile_provisioner::model::attribute::{Endpoint, Named};
use sharefile_provisioner::model::group::TargetGroup;
use sharefile_provisioner::model::ids::TargetId;
use sharefile_provisioner::model::outcome::{CycleState, ErrorCategory};
use sharefile_provisioner::model::plan::{CycleKind, HoldKind};
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::target::{NewUser, Reassign, Refusal, Target, TargetError, UserChange};

use sharefile_provisioner::cycle::Turned;

use uuid::Uuid;

use crate::groups::ROLES;
use crate::world::{World, asked, held};

use super::converged;

/// The tenant of the sandbox, except that some reads fail.
struct Stubborn {
    tenant: Arc<dyn Target>,
    /// Whose record is not shown, and whose address is not looked up.
    broken: Vec<String>,
    /// How many reads of theirs still succeed.
    good: AtomicU32,
    /// What the reads fail with.
    code: &'static str,
}

impl Stubborn {
    fn fails(&self, what: &str) -> Option<TargetError> {
        if !self.broken.iter().any(|broken| broken == what) {
            return None;
        }
        let spend = |good: u32| good.checked_sub(1);
        if self.good.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend).is_ok() {
            return None;
        }
        let category = match self.code {
            "Http500" | "Unreachable" => ErrorCategory::Transient,
            "Forbidden" => ErrorCategory::Auth,
            _ => ErrorCategory::Bug,
        };
        let refused = self.code == "Forbidden";
        Some(TargetError {
            attempted: format!("reading {what}"),
            message: format!("it fails with {}", self.code),
            remedy: String::new(),
            category,
            refusal: if refused { Refusal::Forbidden } else { Refusal::Other },
            code: self.code.to_owned(),
            maybe_applied: false,
            cause: None,
        })
    }
}

#[async_trait]
impl Target for Stubborn {
    async fn account(&self) -> Result<TargetAccount, TargetError> {
        self.tenant.account().await
    }

    async fn seats(&self) -> Result<Seats, TargetError> {
        self.tenant.seats().await
    }

    async fn list_users(
        &self,
        sink: &mut (dyn FnMut(TargetUser) + Send),
    ) -> Result<(), TargetError> {
        self.tenant.list_users(sink).await
    }

    async fn list_activations(
        &self,
        sink: &mut (dyn FnMut(Activation) + Send),
    ) -> Result<(), TargetError> {
        self.tenant.list_activations(sink).await
    }

    async fn find_by_address(&self, address: &str) -> Result<Option<TargetUser>, TargetError> {
        match self.fails(address) {
            Some(error) => Err(error),
            None => self.tenant.find_by_address(address).await,
        }
    }

    async fn read_user(&self, target_id: &TargetId) -> Result<Option<TargetUser>, TargetError> {
        match self.fails(target_id.as_str()) {
            Some(error) => Err(error),
            None => self.tenant.read_user(target_id).await,
        }
    }

    async fn create_user(&self, user: &NewUser) -> Result<TargetUser, TargetError> {
        self.tenant.create_user(user).await
    }

    async fn change_user(
        &self,
        target_id: &TargetId,
        change: &UserChange,
    ) -> Result<TargetUser, TargetError> {
        self.tenant.change_user(target_id, change).await
    }

    async fn set_values(
        &self,
        target_id: &TargetId,
        endpoint: Endpoint,
        values: &[(TargetAttribute, Option<String>)],
    ) -> Result<Vec<(TargetAttribute, Option<String>)>, TargetError> {
        self.tenant.set_values(target_id, endpoint, values).await
    }

    async fn names(&self, target: TargetAttribute) -> Result<Vec<Named>, TargetError> {
        self.tenant.names(target).await
    }

    async fn downgrade_users(
        &self,
        target_ids: &[TargetId],
        reassign: &Reassign,
    ) -> Result<(), TargetError> {
        self.tenant.downgrade_users(target_ids, reassign).await
    }

    async fn delete_user(
        &self,
        target_id: &TargetId,
        reassign: &Reassign,
    ) -> Result<(), TargetError> {
        self.tenant.delete_user(target_id, reassign).await
    }

    async fn welcome(&self, target_id: &TargetId) -> Result<(), TargetError> {
        self.tenant.welcome(target_id).await
    }

    async fn list_groups(&self) -> Result<Vec<TargetGroup>, TargetError> {
        let mut groups = self.tenant.list_groups().await?;
        groups.retain(|group| !self.broken.iter().any(|broken| broken == group.id.as_str()));
        Ok(groups)
    }

    async fn read_group(&self, target_id: &TargetId) -> Result<Option<TargetGroup>, TargetError> {
        match self.fails(target_id.as_str()) {
            Some(error) => Err(error),
            None => self.tenant.read_group(target_id).await,
        }
    }

    async fn group_members(
        &self,
        target_id: &TargetId,
    ) -> Result<Option<Vec<TargetId>>, TargetError> {
        match self.fails(&members_of(target_id.as_str())) {
            Some(error) if error.code == "NoList" => Ok(None),
            Some(error) => Err(error),
            None => self.tenant.group_members(target_id).await,
        }
    }

    async fn create_group(
        &self,
        name: &str,
        members: &[TargetId],
    ) -> Result<TargetGroup, TargetError> {
        self.tenant.create_group(name, members).await
    }

    async fn rename_group(
        &self,
        target_id: &TargetId,
        name: &str,
    ) -> Result<TargetGroup, TargetError> {
        self.tenant.rename_group(target_id, name).await
    }

    async fn add_members(
        &self,
        target_id: &TargetId,
        members: &[TargetId],
    ) -> Result<Vec<TargetId>, TargetError> {
        self.tenant.add_members(target_id, members).await
    }

    async fn remove_members(
        &self,
        target_id: &TargetId,
        members: &[TargetId],
    ) -> Result<Vec<TargetId>, TargetError> {
        self.tenant.remove_members(target_id, members).await
    }

    async fn delete_group(&self, target_id: &TargetId) -> Result<(), TargetError> {
        self.tenant.delete_group(target_id).await
    }

    fn requests(&self) -> u64 {
        self.tenant.requests()
    }
}

/// One cycle in which reads of `broken` fail with `code` after `good` successes.
async fn turn(world: &World, broken: &[String], good: u32, code: &'static str) -> Turned {
    let mut engine = world.engine();
    engine.target = Arc::new(Stubborn {
        tenant: engine.target.clone(),
        broken: broken.to_vec(),
        good: AtomicU32::new(good),
        code,
    });
    let turned = engine.turn(asked()).await.expect("a recorded cycle");
    engine.store.close().await.expect("a closed store");
    turned
}

/// How the list of the members of a group is called among what is broken.
fn members_of(group: &str) -> String {
    format!("{group}/Contacts")
}

fn address(name: &str) -> String {
    format!("{name}@contoso.example")
}

#[tokio::test]
async fn an_account_that_is_never_shown_holds_only_its_own_person() {
    for code in ["Http500", "OtherAccount"] {
        let (world, people) = converged(6).await;
        world.sandbox.entra.set_person(people[0], "surname", "Renamed").expect("an edit");
        for person in &people[1..4] {
            world.unassign(*person);
        }
        let broken = [world.account("p1").id];
        for _ in 0..2 {
            let turned = turn(&world, &broken, 0, code).await;
            assert_eq!(turned.report.state, CycleState::Complete, "{:?}", turned.report.error);
            assert_eq!(held(&turned), [(HoldKind::NotReadable, "p1".to_owned())]);
            assert!(turned.holds[0].items[0].detail.contains(code), "{:?}", turned.holds);
            assert!(!world.account("p1").disabled, "nobody is removed unseen");
        }
        assert_eq!(world.account("p0").last_name, "Renamed");
        assert!(world.account("p2").disabled && world.account("p3").disabled);
        assert_eq!(world.did().await, (0, 0, 1), "it is tried again in each cycle");
        assert!(world.account("p1").disabled);
        assert_eq!(world.did().await, (0, 0, 0));
    }
}

#[tokio::test]
async fn an_account_that_nobody_shows_is_held_also_when_nothing_else_is_to_do() {
    let (world, people) = converged(2).await;
    world.sandbox.entra.set_person(people[0], "surname", "Renamed").expect("an edit");
    let turned = turn(&world, &[world.account("p0").id], 0, "Http500").await;
    assert_eq!(turned.report.state, CycleState::Complete);
    assert_eq!(held(&turned), [(HoldKind::NotReadable, "p0".to_owned())]);
    assert_eq!(world.did().await, (0, 1, 0));
}

#[tokio::test]
async fn an_address_that_cannot_be_looked_up_holds_only_its_own_person() {
    let (world, people) = converged(2).await;
    for name in ["Newcomer0", "Newcomer1"] {
        world.join(name);
    }
    let moved = serde_json::json!({ "mail": "moved@contoso.example", "surname": "Renamed" });
    let moved = moved.as_object().expect("an object").clone();
    world.sandbox.entra.edit_person(people[0], &moved).expect("an edit");
    let broken = [address("newcomer0"), address("moved")];
    let turned = turn(&world, &broken, 0, "Http500").await;
    let names = ["newcomer0", "p0"].map(|name| (HoldKind::NotReadable, name.to_owned()));
    assert_eq!(held(&turned), names);
    assert_eq!((turned.report.counts.created, turned.report.counts.updated), (1, 1));
    assert_eq!(world.account("p0").email, address("p0"));
    assert_eq!(world.account("p0").last_name, "Renamed", "nothing else waits for the address");
    assert_eq!(world.did().await, (1, 1, 0));
    world.account("Newcomer0");
    world.account("moved");
}

/// Three who fail before anybody is shown: that is ShareFile, and nothing is decided without it.
#[tokio::test]
async fn a_target_that_shows_nobody_fails_the_cycle() {
    for (code, people_who_leave) in [("Http500", 3), ("Unreachable", 1)] {
        let (world, people) = converged(8).await;
        for person in &people[..people_who_leave] {
            world.unassign(*person);
        }
        let broken: Vec<String> = (0..8).map(|n| world.account(&format!("p{n}")).id).collect();
        let turned = turn(&world, &broken, 0, code).await;
        assert_eq!(turned.report.state, CycleState::Failed, "{code}");
        assert!(world.removals().is_empty());
        assert_eq!(world.did().await, (0, 0, people_who_leave as u64));
    }
}

#[tokio::test]
async fn an_interrupted_write_that_cannot_be_looked_up_holds_up_nobody_else() {
    let (world, people) = converged(4).await;
    world.unassign(people[0]);
    let broken = [world.account("p0").id];
    // The disable takes effect, but its answer is lost, and then the account is shown no more.
    let fault = Fault::new(FaultKind::DropAfter).at("PATCH /sf/v3/Users(id)").times(1);
    world.sandbox.faults.add(fault);
    turn(&world, &broken, 1, "Http500").await;
    assert!(world.account("p0").disabled);

    world.unassign(people[1]);
    let turned = turn(&world, &broken, 0, "Http500").await;
    assert_eq!(turned.report.state, CycleState::Complete, "{:?}", turned.report.error);
    assert_eq!((turned.report.counts.disabled, turned.report.counts.failed), (1, 1));
    assert!(world.account("p1").disabled);
    let engine = world.engine();
    assert_eq!(engine.store.counts().await.expect("counts").open_intents, 1, "still a question");
    engine.store.close().await.expect("a closed store");

    let turned = world.cycle().await;
    assert_eq!(turned.report.counts.failed, 0);
    assert_eq!(world.removals().len(), 2, "one each: {:?}", world.removals());
    let counts = world.engine().store.counts().await.expect("counts");
    assert_eq!((counts.open_intents, counts.links_disabled), (0, 2));
}

const DAY: Duration = Duration::from_secs(86_400);

/// Five groups with Ada and Bob in each, in step and compared; returns the ids of the groups.
async fn five_groups() -> (World, [Uuid; 2], Vec<String>) {
    let mut world = World::empty().await;
    world.sandbox.sharefile.set_service_roles(&ROLES);
    world.set("groups.enabled", "true");
    world.set("schedule.full", "never");
    world.set("guard.removals_per_cycle", "{ count = 50, percent = 100 }");
    let people = ["Ada", "Bob"].map(|name| world.person(name));
    for n in 0..5 {
        world.group(&format!("Group {n}"), &people);
    }
    world.cycle().await;
    // The read that follows an initial one.
    world.clock.advance(Duration::from_secs(4_000));
    world.cycle().await;
    world.sandbox.counts.reset();
    let groups = world.sandbox.sharefile.groups();
    let mut groups: Vec<_> = groups.into_iter().filter(|group| !group.super_group).collect();
    groups.sort_by(|left, right| left.name.cmp(&right.name));
    (world, people, groups.into_iter().map(|group| group.id).collect())
}

/// Groups that are neither listed nor shown are left alone, and stop nobody else's change.
#[tokio::test]
async fn groups_that_are_not_shown_hold_only_themselves() {
    for (code, many) in [("Forbidden", 1), ("Http500", 1), ("Forbidden", 4), ("Http500", 4)] {
        let (world, [ada, _], groups) = five_groups().await;
        world.sandbox.entra.set_enabled(ada, false).expect("an edit");
        world.clock.advance(DAY);
        let broken = &groups[..many];
        for kind in [CycleKind::Drift, CycleKind::Incremental] {
            let turned = turn(&world, broken, 0, code).await;
            assert_eq!(turned.report.state, CycleState::Complete, "{:?}", turned.report.error);
            assert_eq!(turned.report.kind, kind, "{code} {many}");
            assert_eq!(held(&turned).len(), many, "{:?}", turned.holds);
            assert!(held(&turned).iter().all(|(kind, _)| *kind == HoldKind::NotReadable));
            assert!(world.account("Ada").disabled);
        }
        assert_eq!(world.writes().len(), 1, "{:?}", world.writes());
        let turned = world.cycle().await;
        assert!(turned.holds.is_empty(), "{:?}", turned.holds);
        assert_eq!(turned.report.counts.groups_created, 0);
    }
}

/// Groups whose members are not shown are said to be so, and are not asked for once more before the
/// others had their turn.
#[tokio::test]
async fn groups_whose_members_are_not_shown_keep_no_other_from_being_compared() {
    for code in ["Forbidden", "Http500", "NoList"] {
        let (world, _, groups) = five_groups().await;
        let broken = [members_of(&groups[0])];
        for day in 1..4 {
            world.clock.advance(DAY);
            let nobody = if day % 2 == 1 { 1 } else { 2 };
            let members = [world.account(["", "Ada", "Bob"][nobody]).id];
            let patch = serde_json::json!({ "members": members });
            world.sandbox.sharefile.edit_group(&groups[4], patch).expect("an edit");
            let turned = turn(&world, &broken, 0, code).await;
            assert_eq!(turned.report.state, CycleState::Complete, "{:?}", turned.report.error);
            assert_eq!(turned.report.counts.drift, 1, "{code}, day {day}");
            let said = |note: &String| note.contains("Group 0") && !note.contains("Group 1");
            assert!(turned.report.notes.iter().any(said), "{:?}", turned.report.notes);
            assert!(turned.holds.is_empty() && turned.plan.expect("a plan").is_empty());
            let turned = turn(&world, &broken, 0, code).await;
            assert_eq!(turned.report.counts.target_requests, 0, "{code}, day {day}");
            assert!(turned.report.notes.is_empty(), "{:?}", turned.report.notes);
        }
        assert_eq!(world.sandbox.sharefile.groups().len(), 6);
    }
}
