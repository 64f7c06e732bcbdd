//! People who left: dates that come due, and what was taken back within a day.

use crate::model::leaving::{LeaveEvent, Leaving, NextStage, Stage};
use crate::model::plan::{HeldItem, Hold, HoldKind};

use super::*;

fn leaver(person: u128, account: &str, dates: &[i64]) -> Link {
    let stage = |time: &i64| NextStage {
        event: LeaveEvent::Unassigned,
        stage: Stage::Delete,
        at: at(*time),
        from: at(5),
    };
    let leaving = Leaving {
        event: LeaveEvent::Unassigned,
        events: vec![LeaveEvent::Unassigned],
        back: false,
        since: at(5),
        disabled: true,
        next: dates.iter().map(stage).collect(),
    };
    Link { state: LinkState::Disabled, leaving: Some(Box::new(leaving)), ..link(person, account) }
}

async fn due(store: &Store, time: i64) -> Vec<Subject> {
    store.plan_data(Subjects::Waiting, at(time)).await.unwrap().subjects
}

#[tokio::test]
async fn whoever_is_due_is_planned_and_dates_outlive_a_restart() {
    let home = Home::new();
    let store = home.open();
    let links = [leaver(1, "a", &[100]), leaver(2, "b", &[90, 120]), leaver(3, "c", &[])];
    for link in &links {
        put(&store, link.clone()).await;
    }
    store.close().await.unwrap();
    let store = home.open();
    assert_eq!(store.links().await.unwrap(), links);
    let dates: Vec<i64> = store.next_stages().await.unwrap().iter().map(|one| one.at.0).collect();
    assert_eq!(dates, [90, 100, 120]);
    assert!(due(&store, 89).await.is_empty());
    assert_eq!(due(&store, 90).await, [subject(2, false)]);
    assert_eq!(due(&store, 100).await, [subject(1, false), subject(2, false)]);

    // What is put off keeps its date.
    let people = [1, 2, 3].map(anchor).to_vec();
    store.put_off(people, at(110)).await.unwrap();
    assert!(due(&store, 109).await.is_empty());
    assert_eq!(due(&store, 110).await.len(), 2);
    assert_eq!(store.links().await.unwrap(), links);
    // And with the next change of the link the date counts again.
    put(&store, leaver(1, "a", &[100])).await;
    assert_eq!(due(&store, 109).await, [subject(1, false)]);
    put(&store, link(1, "a")).await;
    assert_eq!(due(&store, 200).await, [subject(2, false)]);
}

/// Records a change of a person, and what came of it unless that is not known.
async fn removed(
    store: &Store,
    person: u128,
    object: ObjectKind,
    settled: Option<(i64, OutcomeStatus)>,
) {
    let mut intent = intent(person, person);
    intent.change.action = ProvisioningAction::Disable;
    intent.change.object = object;
    let seq = store.intend(intent).await.unwrap();
    if let Some((time, status)) = settled {
        let action = ProvisioningAction::Disable;
        let log = LogEntry { at: at(time), action, object, ..entry(person, status) };
        let link = LinkChange::None;
        let settlement = Settlement { log, link, settled: true, verify: false };
        store.settle(seq, settlement).await.unwrap();
    }
}

#[tokio::test]
async fn removals_are_counted_by_person_crashes_included() {
    let home = Home::new();
    let store = home.open();
    put(&store, link(50, "a")).await;
    let none = store.removals(at(0)).await.unwrap();
    assert_eq!((none.people.len(), none.active_then), (0, 1));
    let (user, group) = (ObjectKind::User, ObjectKind::Group);
    let success = OutcomeStatus::Success;
    removed(&store, 1, user, Some((99, success))).await;
    removed(&store, 2, user, Some((100, success))).await;
    removed(&store, 2, user, Some((101, OutcomeStatus::Warning))).await;
    removed(&store, 3, user, Some((101, OutcomeStatus::Failure))).await;
    removed(&store, 4, group, Some((101, success))).await;
    removed(&store, 5, group, None).await;
    removed(&store, 6, user, None).await;

    // What a person approved does not count, before its outcome is known or after.
    let item = |person| HeldItem {
        anchor: anchor(person),
        label: String::new(),
        detail: String::new(),
        hash: hash(person),
        change: Some(change(person, person)),
    };
    let kind = HoldKind::TooManyRemovals;
    let hold = Hold { kind, message: String::new(), items: [7, 8].map(item).to_vec() };
    let holds = store.record_holds(vec![hold], Planned::All, at(1)).await.unwrap();
    let answer = Answer::Approve { until: at(1_000) };
    store.answer_hold(holds[0].id, answer, "ada".to_owned(), at(2)).await.unwrap();
    removed(&store, 7, user, Some((102, success))).await;
    removed(&store, 8, user, None).await;
    assert!(store.log(LogFilter::default()).await.unwrap()[0].approved);

    let lately = store.removals(at(100)).await.unwrap();
    assert_eq!(lately.people, [2, 6].map(anchor));
    // One is as it was, and two were there a day ago.
    assert_eq!(lately.active_then, 3);
}
