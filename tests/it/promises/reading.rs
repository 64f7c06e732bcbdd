//! Nothing is removed because something was not read, and what the guard holds.

use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::store::Answer;
use uuid::Uuid;

use crate::world::{World, asked, held};

use super::converged;

#[tokio::test]
async fn vanished_rows_are_confirmed_by_a_second_read() {
    let (world, people) = converged(8).await;
    world.unassign(people[0]);
    assert_eq!(world.did().await, (0, 0, 1));
    assert_eq!(world.asked("appRoleAssignedTo"), 2, "the list was read twice");

    world.sandbox.counts.reset();
    let cut = Fault::new(FaultKind::CutList).at("appRoleAssignedTo").keep(3);
    world.sandbox.faults.add(cut.clone().times(1));
    let turned = world.cycle().await;
    assert_eq!(turned.report.counts.done(), 0);
    assert!(turned.report.notes.iter().any(|note| note.contains("differ")), "{turned:?}");

    // Reads that are never complete are an error, not a choice.
    for keep in [6, 5, 4, 3] {
        world.sandbox.faults.add(cut.clone().keep(keep).times(1));
    }
    let turned = world.turn(asked()).await;
    assert_eq!(turned.report.state, CycleState::Failed);
    let error = turned.report.error.expect("an error");
    assert!(error.message.contains("was cut short"), "{error:?}");
    assert!(error.remedy.contains("Nobody was removed"), "{error:?}");
    assert!(world.removals().is_empty());
    assert_eq!(world.did().await, (0, 0, 0));
}

#[tokio::test]
async fn an_emptied_or_halved_source_is_held() {
    for (leave, kind) in [
        (0..20, HoldKind::SourceEmptied),
        (0..12, HoldKind::SourceHalved),
        (0..6, HoldKind::TooManyRemovals),
    ] {
        let (world, people) = converged(20).await;
        for person in &people[leave.clone()] {
            world.unassign(*person);
        }
        let joined = world.person("Newcomer");
        if kind != HoldKind::SourceEmptied {
            world.assign(joined, "User");
        }
        let turned = world.cycle().await;
        assert_eq!(turned.report.counts.disabled, 0, "{kind:?}");
        assert_eq!(held(&turned).len(), leave.len(), "{kind:?}");
        assert!(held(&turned).iter().all(|(held, _)| *held == kind), "{:?}", held(&turned));
        // Everything else goes on.
        assert_eq!(turned.report.counts.created, u64::from(kind != HoldKind::SourceEmptied));
    }
}

#[tokio::test]
async fn removals_that_would_leave_nobody_are_held() {
    let (world, people) = converged(2).await;
    world.sandbox.entra.set_enabled(people[0], false).expect("an edit");
    world.sandbox.entra.set_enabled(people[1], false).expect("an edit");
    let turned = world.cycle().await;
    assert_eq!(turned.report.counts.disabled, 0);
    assert!(held(&turned).iter().all(|(kind, _)| *kind == HoldKind::WouldLeaveNobody));
}

#[tokio::test]
async fn what_the_guard_holds_goes_by_itself_once_the_source_is_whole_again() {
    let (world, people) = converged(13).await;
    for person in &people {
        world.unassign(*person);
    }
    let turned = world.cycle().await;
    assert_eq!((held(&turned).len(), turned.report.counts.disabled), (13, 0));
    for person in &people[1..] {
        world.assign(*person, "User");
    }
    let turned = world.cycle().await;
    assert_eq!((held(&turned).len(), turned.report.counts.disabled), (0, 1));
    assert!(world.account("P0").disabled);
}

#[tokio::test]
async fn a_leaver_does_not_wait_behind_a_hold() {
    let (world, people) = converged(40).await;
    for person in &people[0..10] {
        world.unassign(*person);
    }
    let turned = world.cycle().await;
    assert_eq!((held(&turned).len(), turned.report.counts.disabled), (10, 0));
    // Days later nobody has answered, and somebody else leaves.
    world.unassign(people[20]);
    let turned = world.cycle().await;
    assert_eq!((held(&turned).len(), turned.report.counts.disabled), (10, 1));
    assert!(world.account("P20").disabled);
    assert_eq!(turned.holds.len(), 1, "one hold, which somebody may be looking at");
    // What is approved goes, as it was seen.
    let engine = world.engine();
    let now = sharefile_provisioner::clock::Clock::now(world.clock.as_ref());
    let answer = Answer::Approve { until: now.plus_ms(1_000_000) };
    let hold = turned.holds[0].id;
    engine.store.answer_hold(hold, answer, "test".to_owned(), now).await.expect("approved");
    engine.store.close().await.expect("closed");
    assert_eq!(world.did().await, (0, 0, 10));
}

#[tokio::test]
async fn rejected_removals_stay_rejected() {
    let (world, people) = converged(20).await;
    for person in &people[0..8] {
        world.unassign(*person);
    }
    let turned = world.cycle().await;
    let engine = world.engine();
    let now = sharefile_provisioner::clock::Clock::now(world.clock.as_ref());
    let hold = turned.holds[0].id;
    let by = "test".to_owned();
    engine.store.answer_hold(hold, Answer::Reject, by, now).await.expect("rejected");
    engine.store.close().await.expect("closed");
    for turned in [world.cycle().await, world.full().await] {
        assert_eq!((turned.report.counts.disabled, turned.report.counts.held), (0, 8));
        assert!(turned.holds.is_empty(), "nothing waits for an answer: {:?}", turned.holds);
    }
}

#[tokio::test]
async fn people_without_anything_but_an_id_are_left_alone() {
    let world = World::empty().await;
    let members: Vec<Uuid> = (0..8).map(|n| world.person(&format!("M{n}"))).collect();
    world.group("Group", &members);
    world.cycle().await;
    world.sandbox.counts.reset();
    let null = Fault::new(FaultKind::NullPeople).at("members");
    world.sandbox.faults.add(null);
    let before = world.all_accounts();
    let turned = world.full().await;
    assert_eq!((turned.report.counts.unread, turned.report.counts.done()), (8, 0));
    assert_eq!(world.all_accounts(), before);

    // Newcomers wait until they can be read, and are asked for in each cycle.
    world.group("Another", &[world.person("Newcomer")]);
    let turned = world.cycle().await;
    assert_eq!(turned.report.counts.created, 0, "{:?}", turned.report);
    assert!(turned.report.counts.unread >= 1, "{:?}", turned.report);
    world.sandbox.faults.clear();
    let turned = world.cycle().await;
    assert_eq!((turned.report.counts.created, turned.report.counts.unread), (1, 0));
    // Somebody who left meanwhile has left.
    world.sandbox.faults.add(Fault::new(FaultKind::NullPeople).at("members"));
    world.full().await;
    world.sandbox.faults.clear();
    world.sandbox.entra.set_enabled(members[0], false).expect("an edit");
    assert_eq!(world.did().await, (0, 0, 1));
}
