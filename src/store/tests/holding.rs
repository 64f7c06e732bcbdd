//! Holds: identity from plan to plan, answers, expiry.

use crate::model::plan::{HeldItem, Hold, HoldKind};

use super::*;

fn item(person: u128, number: u128) -> HeldItem {
    HeldItem {
        anchor: anchor(person),
        label: format!("person {person}"),
        detail: String::new(),
        hash: hash(number),
        change: Some(change(person, number)),
    }
}

fn hold(kind: HoldKind, items: &[(u128, u128)]) -> Hold {
    let items = items.iter().map(|&(person, number)| item(person, number)).collect();
    Hold { kind, message: format!("{kind:?}"), items }
}

fn removals(items: &[(u128, u128)]) -> Vec<Hold> {
    if items.is_empty() { Vec::new() } else { vec![hold(HoldKind::TooManyRemovals, items)] }
}

async fn record(store: &Store, items: &[(u128, u128)], time: i64) -> Vec<StoredHold> {
    store.record_holds(removals(items), Planned::All, at(time)).await.unwrap()
}

/// Numbers, hashes and newness of holds.
fn outline(holds: &[StoredHold]) -> Vec<(i64, Vec<u128>, bool)> {
    holds
        .iter()
        .map(|hold| (hold.id, hold.items.iter().map(|item| item.hash.0).collect(), hold.is_new))
        .collect()
}

#[tokio::test]
async fn items_stay_in_their_hold_and_new_ones_form_another() {
    let home = Home::new();
    let store = home.open();
    let first = record(&store, &[(2, 22), (1, 11)], 1).await;
    assert_eq!(outline(&first), [(1, vec![11, 22], true)]);
    assert_eq!(first.first().unwrap().items.first(), Some(&item(1, 11)));
    assert_eq!(first.first().unwrap().opened_at, at(1));

    let again = record(&store, &[(1, 11), (2, 22)], 2).await;
    assert_eq!(outline(&again), [(1, vec![11, 22], false)]);
    let more = record(&store, &[(1, 11), (2, 22), (3, 33), (4, 44)], 3).await;
    assert_eq!(outline(&more), [(1, vec![11, 22], false), (2, vec![33, 44], true)]);
    // The object is the same, but what would be done to it is not.
    let other = record(&store, &[(1, 12), (3, 33)], 4).await;
    assert_eq!(outline(&other), [(2, vec![33], false), (3, vec![12], true)]);
    assert_eq!(
        outline(&store.holds().await.unwrap()),
        [(2, vec![33], false), (3, vec![12], false)]
    );
    assert!(record(&store, &[], 5).await.is_empty());
}

#[tokio::test]
async fn only_those_who_were_planned_are_withdrawn() {
    let home = Home::new();
    let store = home.open();
    record(&store, &[(1, 11), (2, 22)], 1).await;
    let planned = Planned::These(vec![anchor(2), anchor(3)]);
    let left = store.record_holds(removals(&[(3, 33)]), planned, at(2)).await.unwrap();
    assert_eq!(outline(&left), [(1, vec![11], false), (2, vec![33], true)]);
    let nobody = store.record_holds(vec![], Planned::These(vec![]), at(3)).await.unwrap();
    assert_eq!(nobody.len(), 2);
}

#[tokio::test]
async fn kinds_are_kept_apart() {
    let home = Home::new();
    let store = home.open();
    let holds =
        vec![hold(HoldKind::FirstCycle, &[(1, 11)]), hold(HoldKind::MissingValues, &[(2, 22)])];
    let stored = store.record_holds(holds, Planned::All, at(1)).await.unwrap();
    let kinds: Vec<HoldKind> = stored.iter().map(|hold| hold.kind).collect();
    assert_eq!(kinds, [HoldKind::FirstCycle, HoldKind::MissingValues]);
    let moved = record(&store, &[(1, 11)], 2).await;
    assert_eq!(outline(&moved), [(3, vec![11], true)]);
}

#[tokio::test]
async fn an_approval_lasts_until_it_is_spent_or_runs_out() {
    let home = Home::new();
    let store = home.open();
    record(&store, &[(1, 11), (2, 22)], 1).await;
    let approve = Answer::Approve { until: at(100) };
    let held = store.answer_hold(1, approve, "ada".to_owned(), at(2)).await.unwrap();
    assert_eq!(held.state, HoldState::Approved { until: at(100) });
    assert_eq!(held.items.len(), 2);
    assert!(store.holds().await.unwrap().is_empty());
    assert_eq!(waiting(&store).await, [subject(1, true), subject(2, true)]);
    let answered = store.answered(at(99)).await.unwrap();
    assert_eq!(answered.approved, [hash(11), hash(22)]);
    assert!(answered.rejected.is_empty());
    assert!(store.answered(at(100)).await.unwrap().approved.is_empty());

    // The plan lets approved changes pass; the approval must outlive a cycle that fails.
    assert!(record(&store, &[], 3).await.is_empty());
    assert_eq!(store.answered(at(4)).await.unwrap().approved.len(), 2);

    // A failure spends nothing, a success does.
    for (status, left) in [(OutcomeStatus::Failure, 2), (OutcomeStatus::Success, 1)] {
        let seq = store.intend(intent(1, 11)).await.unwrap();
        let settlement = Settlement { log: entry(1, status), ..success(1, LinkChange::None) };
        store.settle(seq, settlement).await.unwrap();
        assert_eq!(store.answered(at(5)).await.unwrap().approved.len(), left, "{status:?}");
    }

    // What is left when the approval runs out waits again.
    let again = record(&store, &[(2, 22)], 100).await;
    assert_eq!(outline(&again), [(2, vec![22], true)]);
    assert!(store.answered(at(100)).await.unwrap().approved.is_empty());
}

#[tokio::test]
async fn a_rejection_lasts_while_the_item_is_the_same() {
    let home = Home::new();
    let store = home.open();
    record(&store, &[(1, 11), (2, 22)], 1).await;
    store.answer_hold(1, Answer::Reject, "ada".to_owned(), at(2)).await.unwrap();
    let next = record(&store, &[(1, 11), (2, 22), (3, 33)], 3).await;
    assert_eq!(outline(&next), [(2, vec![33], true)]);
    let answered = store.answered(at(4)).await.unwrap();
    assert_eq!(answered.rejected, [hash(11), hash(22)]);
    let kind = HoldKind::TooManyRemovals;
    assert_eq!(answered.rejected_in, [(hash(11), kind), (hash(22), kind)]);

    // The first object is to be changed otherwise, the second not at all.
    let changed = record(&store, &[(1, 12), (3, 33)], 5).await;
    assert_eq!(outline(&changed), [(2, vec![33], false), (3, vec![12], true)]);
    assert!(store.answered(at(6)).await.unwrap().rejected.is_empty());
}

#[tokio::test]
async fn only_open_holds_with_finished_changes_are_answered() {
    let home = Home::new();
    let store = home.open();
    let holds =
        vec![hold(HoldKind::FirstCycle, &[(1, 11)]), hold(HoldKind::MissingValues, &[(2, 22)])];
    store.record_holds(holds, Planned::All, at(1)).await.unwrap();
    let reject = |id| store.answer_hold(id, Answer::Reject, "ada".to_owned(), at(2));
    assert!(matches!(reject(9).await, Err(StoreError::UnknownHold { id: 9 })));
    assert!(matches!(reject(2).await, Err(StoreError::NotAnswerable { id: 2, .. })));
    reject(1).await.unwrap();
    assert!(matches!(reject(1).await, Err(StoreError::HoldNotOpen { id: 1, .. })));
    record(&store, &[], 3).await;
    assert!(matches!(reject(2).await, Err(StoreError::HoldNotOpen { id: 2, .. })));
}

#[tokio::test]
async fn holds_survive_a_restart() {
    let home = Home::new();
    let store = home.open();
    let before = record(&store, &[(1, 11)], 1).await;
    drop(store);
    let store = home.open();
    let after = store.holds().await.unwrap();
    assert_eq!(after.first().map(|hold| &hold.items), before.first().map(|hold| &hold.items));
    assert_eq!(outline(&record(&store, &[(1, 11)], 2).await), [(1, vec![11], false)]);
}
