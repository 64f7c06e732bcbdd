//! Requests of commands to the daemon.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_request_is_claimed_once_and_answered_in_its_row() {
    let home = Home::new();
    let missing = Requests::open(&home.path()).unwrap_err();
    assert!(matches!(missing, StoreError::Missing { .. }));
    let store = home.open();
    assert_eq!(store.claim_request(at(1)).await.unwrap(), None);

    let requests = Requests::open(&home.path()).unwrap();
    let first = requests.leave(RequestKind::Sync, json!({ "full": true }), at(5)).unwrap();
    let second = requests.leave(RequestKind::Pause, json!(null), at(6)).unwrap();
    let row = requests.read(first).unwrap();
    assert_eq!((row.kind, row.claimed_at, row.answer), (RequestKind::Sync, None, None));

    let claimed = store.claim_request(at(7)).await.unwrap().unwrap();
    assert_eq!((claimed.id, claimed.at, claimed.claimed_at), (first, at(5), Some(at(7))));
    assert_eq!(claimed.payload, json!({ "full": true }));
    let next = store.claim_request(at(8)).await.unwrap().unwrap();
    assert_eq!((next.id, next.kind), (second, RequestKind::Pause));
    assert_eq!(store.claim_request(at(9)).await.unwrap(), None);
    assert_eq!(store.claim_request(at(10)).await.unwrap(), None);

    store.answer_request(first, json!("done"), at(11)).await.unwrap();
    let row = requests.read(first).unwrap();
    assert_eq!((row.answered_at, row.answer), (Some(at(11)), Some(json!("done"))));
    assert!(!requests.withdraw_unclaimed(first).unwrap());

    // After a quiet time, and after a restart.
    let third = requests.leave(RequestKind::Approve, json!([1]), at(12)).unwrap();
    drop(store);
    let store = home.open();
    assert_eq!(store.claim_request(at(13)).await.unwrap().map(|row| row.id), Some(third));
    assert_eq!(store.claim_request(at(14)).await.unwrap(), None);
}

#[tokio::test]
async fn a_request_that_nobody_claims_can_be_withdrawn() {
    let home = Home::new();
    let store = home.open();
    let requests = Requests::open(&home.path()).unwrap();
    let id = requests.leave(RequestKind::Reject, json!({}), at(5)).unwrap();
    assert!(requests.withdraw_unclaimed(id).unwrap());
    assert!(!requests.withdraw_unclaimed(id).unwrap());
    assert!(matches!(requests.read(id), Err(StoreError::UnknownRequest { .. })));
    assert_eq!(store.claim_request(at(6)).await.unwrap(), None);
    let refused = store.answer_request(id, json!(1), at(7)).await;
    assert!(matches!(refused, Err(StoreError::UnknownRequest { .. })));
}

#[tokio::test]
async fn a_request_whose_command_is_gone_is_not_carried_out_later() {
    let home = Home::new();
    let store = home.open();
    let requests = Requests::open(&home.path()).unwrap();
    let old = requests.leave(RequestKind::Sync, json!({}), at(5)).unwrap();
    let young = requests.leave(RequestKind::Sync, json!({}), at(10_000)).unwrap();
    let claimed = store.claim_request(at(12_006)).await.unwrap().unwrap();
    assert_eq!(claimed.id, young);
    assert!(matches!(requests.read(old), Err(StoreError::UnknownRequest { .. })));
}

#[tokio::test]
async fn the_side_door_refuses_what_the_front_door_refuses() {
    let home = Home::new();
    std::fs::write(home.path(), "not a store").unwrap();
    let refused = Requests::open(&home.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Damaged { .. }));
}
