//! Cycles, the provisioning log, what is remembered of the ends, and retention.

use crate::model::account::{Seats, TargetAccount};
use crate::model::identity::AppRole;
use crate::model::outcome::{CycleCounts, CycleReport, CycleState};
use crate::model::plan::CycleKind;

use super::*;

#[tokio::test]
async fn cycles_begin_and_end() {
    let home = Home::new();
    let store = home.open();
    let first = store.begin_cycle(CycleKind::Initial, "schedule".to_owned(), at(10)).await.unwrap();
    let second = store.begin_cycle(CycleKind::Full, "sync", at(20)).await.unwrap();
    assert!(first < second);
    let report = CycleReport {
        id: first,
        kind: CycleKind::Initial,
        initiated_by: "schedule".to_owned(),
        started_at: at(10),
        ended_at: Some(at(15)),
        state: CycleState::Complete,
        counts: CycleCounts { created: 3, ..CycleCounts::default() },
        notes: vec!["a note".to_owned()],
        error: None,
    };
    store.end_cycle(report.clone()).await.unwrap();
    let cycles = store.cycles(0).await.unwrap();
    assert_eq!(cycles.get(1), Some(&report));
    assert_eq!(cycles.first().map(|cycle| cycle.state), Some(CycleState::Running));
    assert_eq!(store.cycles(1).await.unwrap().len(), 1);
    assert_eq!(store.job().await.unwrap().last_cycle.map(|cycle| cycle.id), Some(second));
    let unknown = store.end_cycle(CycleReport { id: CycleId(77), ..report }).await;
    assert!(matches!(unknown, Err(StoreError::UnknownCycle { id: 77 })));
}

fn entries() -> Vec<LogEntry> {
    let disable = LogEntry {
        cycle: CycleId(2),
        at: at(300),
        action: ProvisioningAction::Disable,
        target_id: Some(TargetId::new("Acc-2")),
        label: "Ben 100%".to_owned(),
        ..entry(2, OutcomeStatus::Failure)
    };
    vec![entry(1, OutcomeStatus::Success), disable, entry(3, OutcomeStatus::Warning)]
}

#[tokio::test]
async fn the_log_answers_questions() {
    let home = Home::new();
    let store = home.open();
    store.append_log(entries()).await.unwrap();
    let all = LogFilter::default;
    let who = |who: &str| LogFilter { who: Some(who.to_owned()), ..all() };
    let cases = [
        (all(), vec![3, 2, 1]),
        (LogFilter { limit: 2, ..all() }, vec![3, 2]),
        (who(" ada ØR"), vec![3, 1]),
        (who("100%"), vec![2]),
        (who("ACC-2"), vec![2]),
        (who(&anchor(1).to_string()), vec![1]),
        (who("nobody"), vec![]),
        (LogFilter { action: Some(ProvisioningAction::Disable), ..all() }, vec![2]),
        (LogFilter { status: Some(OutcomeStatus::Warning), ..all() }, vec![3]),
        (LogFilter { cycle: Some(CycleId(1)), ..all() }, vec![3, 1]),
        (LogFilter { since: Some(at(300)), ..all() }, vec![2]),
        (LogFilter { cycle: Some(CycleId(1)), since: Some(at(300)), ..who("ada") }, vec![]),
    ];
    for (filter, expected) in cases {
        let found: Vec<u128> = store
            .log(filter.clone())
            .await
            .unwrap()
            .iter()
            .map(|entry| entry.anchor.0.as_u128())
            .collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    let entry = store.log(who("ben")).await.unwrap();
    assert_eq!(entry.first(), entries().get(1));
}

#[tokio::test]
async fn old_history_goes_and_the_present_stays() {
    let home = Home::new();
    let store = home.open();
    for time in [10, 20, 1_000] {
        store.begin_cycle(CycleKind::Full, "sync", at(time)).await.unwrap();
    }
    store.append_log(entries()).await.unwrap();
    put(&store, link(1, "a")).await;
    let open = Intent { cycle: CycleId(2), ..intent(2, 2) };
    store.intend(open).await.unwrap();

    // Two entries and the intent of the link with its entry, and the first cycle.
    assert_eq!(store.prune(at(300)).await.unwrap(), 5);
    let cycles: Vec<i64> = store.cycles(0).await.unwrap().iter().map(|cycle| cycle.id.0).collect();
    assert_eq!(cycles, [3, 2], "the cycle of an open intent stays");
    assert_eq!(store.log(LogFilter::default()).await.unwrap().len(), 1);
    assert_eq!(store.links().await.unwrap().len(), 1);
    assert_eq!(store.open_intents().await.unwrap().len(), 1);
    store.prune(at(9_000)).await.unwrap();
    assert_eq!(store.cycles(0).await.unwrap().len(), 2, "the newest cycle stays");
}

#[tokio::test]
async fn remembers_both_ends() {
    let home = Home::new();
    let store = home.open();
    let roles = vec![AppRole { id: Uuid::from_u128(4), value: None, display_name: None }];
    store.set_application("key".to_owned(), roles.clone(), "ShareFile".to_owned()).await.unwrap();
    let account = TargetAccount {
        account_id: "acc".to_owned(),
        name: "contoso".to_owned(),
        plan_name: None,
        service_user: TargetId::new("service"),
        service_roles: vec!["AdminManageEmployees".to_owned()],
        master_admin: None,
        billing_contact: None,
        super_users: Vec::new(),
        super_group: None,
        seats: Seats { employee_max: None, employee_count: 4 },
        employee_domains: Vec::new(),
        force_sso: false,
        by_policies: false,
        two_factor: true,
    };
    store.set_target_account(account.clone(), at(44)).await.unwrap();
    let job = store.job().await.unwrap();
    let known =
        KnownApplication { key: "key".to_owned(), roles, display_name: "ShareFile".to_owned() };
    assert_eq!(job.application, Some(known));
    assert_eq!(job.target_account, Some((account, at(44))));
}
