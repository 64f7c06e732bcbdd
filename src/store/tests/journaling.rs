//! Intents, outcomes, links and tombstones.

use super::*;

#[tokio::test]
async fn an_intent_is_open_until_it_is_settled_once() {
    let home = Home::new();
    let store = home.open();
    let first = store.intend(intent(1, 11)).await.unwrap();
    let second = store.intend(intent(2, 12)).await.unwrap();
    assert!(first < second);
    let open = store.open_intents().await.unwrap();
    assert_eq!(open, [(first, intent(1, 11)), (second, intent(2, 12))]);
    assert_eq!(waiting(&store).await, [subject(1, true), subject(2, true)]);

    store.settle(first, success(1, LinkChange::Put(Box::new(link(1, "A"))))).await.unwrap();
    let repeated = store.settle(first, success(1, LinkChange::None)).await;
    assert!(matches!(repeated, Err(StoreError::IntentNotOpen { .. })));
    assert_eq!(store.open_intents().await.unwrap().len(), 1);
    assert_eq!(store.log(LogFilter::default()).await.unwrap().len(), 1, "nothing is logged twice");

    let failed = Settlement {
        log: entry(2, OutcomeStatus::Failure),
        link: LinkChange::None,
        settled: false,
        verify: true,
    };
    store.settle(second, failed).await.unwrap();
    assert_eq!(waiting(&store).await, [subject(2, true)]);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.open_intents, counts.links_active, counts.subjects), (0, 1, 1));
}

#[tokio::test]
async fn an_account_belongs_to_one_person_and_leaves_traces() {
    let home = Home::new();
    let store = home.open();
    put(&store, link(1, "Acc-A")).await;
    assert_eq!(store.links().await.unwrap(), [link(1, "Acc-A")]);

    // Another person cannot have it, and nothing of the attempt is kept.
    let seq = store.intend(intent(2, 2)).await.unwrap();
    let taken = success(2, LinkChange::Put(Box::new(link(2, "acc-a"))));
    let refused = store.settle(seq, taken).await;
    assert!(matches!(refused, Err(StoreError::LinkTaken { owner, .. }) if owner == anchor(1)));
    assert_eq!(store.open_intents().await.unwrap().len(), 1);
    assert_eq!(store.log(LogFilter::default()).await.unwrap().len(), 1);
    store.settle(seq, success(2, LinkChange::None)).await.unwrap();

    // The same person with another account leaves the first behind.
    put(&store, link(1, "Acc-B")).await;
    assert_eq!(store.linked_anchors().await.unwrap(), [anchor(1)]);
    put(&store, link(2, "Acc-A")).await;
    let asked = ["ACC-A", "acc-b", "acc-c"].map(TargetId::new).to_vec();
    let owners = store.owners(asked).await.unwrap();
    let expected = [("acc-a", 2, vec![anchor(1)]), ("acc-b", 1, vec![])];
    let expected = expected.map(|(id, live, before)| Owner {
        target_id: TargetId::new(id),
        live: Some(anchor(live)),
        left: false,
        before,
    });
    assert_eq!(owners, expected);

    let seq = store.intend(intent(2, 3)).await.unwrap();
    let end = LinkChange::End { anchor: anchor(2), at: at(300) };
    store.settle(seq, success(2, end)).await.unwrap();
    let owners = store.owners(vec![TargetId::new("acc-a")]).await.unwrap();
    assert_eq!(owners.first().unwrap().live, None);
    assert_eq!(owners.first().unwrap().before, [anchor(1), anchor(2)]);
    assert_eq!(store.linked_anchors().await.unwrap(), [anchor(1)]);

    // Who gets an account back is no longer a former owner.
    put(&store, link(2, "Acc-A")).await;
    let owners = store.owners(vec![TargetId::new("acc-a")]).await.unwrap();
    assert_eq!(owners.first().unwrap().before, [anchor(1)]);
}

#[tokio::test]
async fn links_change_in_place() {
    let home = Home::new();
    let store = home.open();
    put(&store, link(1, "a")).await;
    let disabled = Link { state: LinkState::Disabled, state_since: at(50), ..link(1, "a") };
    put(&store, disabled.clone()).await;
    put(&store, Link { state: LinkState::Released, ..link(2, "b") }).await;
    assert_eq!(store.links().await.unwrap().first(), Some(&disabled));
    let later = Link { linked_at: at(70), state_since: at(70), ..disabled.clone() };
    put(&store, later).await;
    assert_eq!(store.links().await.unwrap().first(), Some(&disabled), "it was made at 10");
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.links_active, counts.links_disabled), (0, 1));
    assert!(store.owners(vec![TargetId::new("c")]).await.unwrap().is_empty());
}

#[tokio::test]
async fn neighbours_share_a_commit_and_not_a_failure() {
    let home = Home::new();
    let store = home.open();
    put(&store, link(1, "a")).await;
    let mut seqs = Vec::new();
    for person in 2..40 {
        seqs.push((person, store.intend(intent(person, person)).await.unwrap()));
    }
    // Every third one wants the account of somebody else.
    let settled = seqs.iter().map(|&(person, seq)| {
        let account = if person % 3 == 0 { "a".to_owned() } else { format!("account-{person}") };
        let store = store.clone();
        async move {
            let put = LinkChange::Put(Box::new(link(person, &account)));
            (person, store.settle(seq, success(person, put)).await)
        }
    });
    for (person, result) in futures_util::future::join_all(settled).await {
        assert_eq!(result.is_err(), person % 3 == 0, "{person}: {result:?}");
    }
    assert_eq!(store.links().await.unwrap().len(), 26);
    assert_eq!(store.open_intents().await.unwrap().len(), 13);
    drop(store);
    assert_eq!(home.open().links().await.unwrap().len(), 26);
}
