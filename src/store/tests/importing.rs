//! The snapshot, and who has to be planned after an import.

use crate::model::identity::AppRole;

use super::*;

/// Ada is assigned directly; Ben and Cy through group 1; Dee through groups 1 and 2; Eve is linked
/// and no longer assigned. Everybody is settled.
async fn company() -> (Home, Store) {
    let home = Home::new();
    let store = home.open();
    let users = vec![
        person(4, "Dee"),
        person(1, "Ada"),
        person(3, "Cy"),
        person(2, "Ben"),
        person(5, "Eve"),
    ];
    put(&store, link(5, "e")).await;
    let summary = store.commit_import(full(users, assigned(), members())).await.unwrap();
    assert_eq!(summary, ImportSummary { people: 5, changed: 5 });
    assert_eq!(waiting(&store).await.len(), 5);
    settle_all(&store).await;
    (home, store)
}

fn assigned() -> Vec<Assignment> {
    vec![by_group(2), direct(1), by_group(1)]
}

fn members() -> Vec<Membership> {
    vec![member(4, 2), member(2, 1), member(3, 1), member(4, 1)]
}

#[tokio::test]
async fn reads_back_what_was_imported_in_order() {
    let (_home, store) = company().await;
    assert_eq!(store.assignments().await.unwrap(), [direct(1), by_group(1), by_group(2)]);
    let asked = vec![anchor(9), anchor(3), anchor(1), anchor(3)];
    assert_eq!(store.source_users(asked).await.unwrap(), [person(1, "Ada"), person(3, "Cy")]);
    let both = store.group_members(vec![group(2), group(1), group(7)]).await.unwrap();
    assert_eq!(both, [member(2, 1), member(3, 1), member(4, 1), member(4, 2)]);
    assert_eq!(store.group_members(vec![group(2)]).await.unwrap(), [member(4, 2)]);
    let job = store.job().await.unwrap();
    assert_eq!(job.watermark, Some((Watermark("full".to_owned()), "query".to_owned())));
    assert_eq!(job.last_full_at, None, "the target may not have been read");
}

#[tokio::test]
async fn a_delta_needs_something_to_continue() {
    let home = Home::new();
    let store = home.open();
    let refused = store.commit_import(Delta::default().into()).await;
    assert!(matches!(refused, Err(StoreError::NoSnapshot)));
    assert_eq!(store.job().await.unwrap().watermark, None);
}

#[tokio::test]
async fn a_delta_moves_the_watermark_and_keeps_the_query() {
    let (_home, store) = company().await;
    let summary = store.commit_import(Delta::default().into()).await.unwrap();
    assert_eq!(summary, ImportSummary { people: 5, changed: 0 });
    let job = store.job().await.unwrap();
    assert_eq!(job.watermark, Some((Watermark("delta".to_owned()), "query".to_owned())));
    assert_eq!(job.last_full_at, None);
    store.note_full(at(1_000)).await.unwrap();
    assert_eq!(store.job().await.unwrap().last_full_at, Some(at(1_000)));
}

/// A delta, who has to be planned after it, and who is in the snapshot then.
struct Case(&'static str, Delta, &'static [u128], &'static [u128]);

fn cases() -> Vec<Case> {
    let gone = SourceUser { presence: Presence::SoftDeleted, ..person(2, "Ben") };
    let deltas = Delta::default;
    vec![
        Case(
            "a record that is the same changes nobody",
            Delta { users: vec![person(1, "Ada")], ..deltas() },
            &[],
            &[1, 2, 3, 4, 5],
        ),
        Case(
            "a record that differs changes its person; the last word counts",
            Delta { users: vec![person(1, "A."), person(1, "Adele")], ..deltas() },
            &[1],
            &[1, 2, 3, 4, 5],
        ),
        Case(
            "people of no concern are not kept",
            Delta { users: vec![person(8, "Zoe")], ..deltas() },
            &[],
            &[1, 2, 3, 4, 5],
        ),
        Case(
            "the deleted stay while they have a tie",
            Delta { users: vec![gone], ..deltas() },
            &[2],
            &[1, 2, 3, 4, 5],
        ),
        Case(
            "a member who leaves the last group is planned and dropped",
            Delta { removed: vec![member(3, 1)], ..deltas() },
            &[3],
            &[1, 2, 4, 5],
        ),
        Case(
            "a member who leaves one of two groups stays",
            Delta { removed: vec![member(4, 1)], ..deltas() },
            &[4],
            &[1, 2, 3, 4, 5],
        ),
        Case(
            "a membership that is known or unknown already changes nobody",
            Delta { added: vec![member(3, 1)], removed: vec![member(3, 2)], ..deltas() },
            &[],
            &[1, 2, 3, 4, 5],
        ),
        Case(
            "a newcomer is planned",
            Delta { users: vec![person(6, "Flo")], added: vec![member(6, 2)], ..deltas() },
            &[6],
            &[1, 2, 3, 4, 5, 6],
        ),
        Case(
            "memberships of groups that are not assigned are dropped",
            Delta { users: vec![person(6, "Flo")], added: vec![member(6, 7)], ..deltas() },
            &[],
            &[1, 2, 3, 4, 5],
        ),
        Case(
            "a group that is assigned brings its members",
            Delta {
                users: vec![person(6, "Flo")],
                assignments: Some([assigned(), vec![by_group(3)]].concat()),
                added: vec![member(6, 3), member(1, 3)],
                ..deltas()
            },
            &[1, 6],
            &[1, 2, 3, 4, 5, 6],
        ),
        Case(
            "a group that is no longer assigned loses its members",
            Delta { assignments: Some(vec![direct(1), by_group(2)]), ..deltas() },
            &[2, 3, 4],
            &[1, 4, 5],
        ),
        Case(
            "a group in another role changes its members",
            Delta {
                assignments: Some(vec![direct(1), by_group(1), in_role(by_group(2), 9)]),
                ..deltas()
            },
            &[4],
            &[1, 2, 3, 4, 5],
        ),
        Case(
            "a group that no longer exists loses its members before its assignment",
            Delta { groups_gone: vec![group(1), group(7)], ..deltas() },
            &[2, 3, 4],
            &[1, 4, 5],
        ),
        Case(
            "direct assignments come and go",
            Delta {
                users: vec![person(6, "Flo")],
                assignments: Some(vec![by_group(1), by_group(2), direct(6), direct(3)]),
                ..deltas()
            },
            &[1, 3, 6],
            &[2, 3, 4, 5, 6],
        ),
        Case(
            "an unassigned person with a link stays",
            Delta { users: vec![person(5, "Eva")], ..deltas() },
            &[5],
            &[1, 2, 3, 4, 5],
        ),
    ]
}

#[tokio::test]
async fn a_delta_tells_who_has_to_be_planned() {
    for Case(name, delta, planned, people) in cases() {
        let (_home, store) = company().await;
        let summary = store.commit_import(delta.into()).await.unwrap();
        let planned: Vec<Subject> = planned.iter().map(|&number| subject(number, false)).collect();
        assert_eq!(waiting(&store).await, planned, "{name}");
        assert_eq!(summary.changed, planned.len() as u64, "{name}");
        assert_eq!(summary.people, people.len() as u64, "{name}");
        let everybody = (0..10).map(anchor).collect();
        let kept: Vec<SourceAnchor> = store
            .source_users(everybody)
            .await
            .unwrap()
            .into_iter()
            .map(|source_user| source_user.anchor)
            .collect();
        let people: Vec<SourceAnchor> = people.iter().map(|&number| anchor(number)).collect();
        assert_eq!(kept, people, "{name}");
    }
}

#[tokio::test]
async fn nobody_is_absent_because_nobody_read_them() {
    let (_home, store) = company().await;
    // Assigned and a member, but the record is missing.
    let delta = Delta {
        assignments: Some([assigned(), vec![direct(6)]].concat()),
        added: vec![member(7, 2)],
        ..Delta::default()
    };
    store.commit_import(delta.into()).await.unwrap();
    assert_eq!(store.unread_users().await.unwrap(), [anchor(6), anchor(7)]);
    // In a full import, the linked count as well.
    let users = vec![person(1, "Ada"), person(2, "Ben"), person(3, "Cy"), person(7, "Gil")];
    store.commit_import(full(users, assigned(), members())).await.unwrap();
    assert_eq!(store.unread_users().await.unwrap(), [anchor(4), anchor(5)]);
    let read = Delta { users: vec![person(4, "Dee"), person(5, "Eve")], ..Delta::default() };
    store.commit_import(read.into()).await.unwrap();
    assert!(store.unread_users().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_full_import_changes_only_what_differs() {
    let (_home, store) = company().await;
    let users = || {
        vec![
            person(1, "Ada"),
            person(2, "Ben"),
            person(3, "Cy"),
            person(4, "Dee"),
            person(5, "Eve"),
        ]
    };
    let same = store.commit_import(full(users(), assigned(), members())).await.unwrap();
    assert_eq!(same, ImportSummary { people: 5, changed: 0 });

    let mut renamed = users();
    renamed.push(person(3, "Cyd"));
    let assignments = vec![direct(1), by_group(1), in_role(by_group(2), 9)];
    let memberships = vec![member(2, 1), member(3, 1), member(4, 2), member(1, 1)];
    let summary = store.commit_import(full(renamed, assignments, memberships)).await.unwrap();
    assert_eq!(summary, ImportSummary { people: 5, changed: 3 });
    let planned = [subject(1, false), subject(3, false), subject(4, false)];
    assert_eq!(waiting(&store).await, planned);

    settle_all(&store).await;
    let emptied = store.commit_import(full(users(), vec![], vec![])).await.unwrap();
    assert_eq!(emptied, ImportSummary { people: 1, changed: 4 });
    assert_eq!(waiting(&store).await.len(), 4);
    assert!(store.group_members(vec![group(1), group(2)]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_link_that_ends_lets_its_person_go() {
    let (_home, store) = company().await;
    let seq = store.intend(intent(5, 1)).await.unwrap();
    let end = LinkChange::End { anchor: anchor(5), at: at(300) };
    store.settle(seq, success(5, end)).await.unwrap();
    assert!(store.source_users(vec![anchor(5)]).await.unwrap().is_empty());
    assert_eq!(store.counts().await.unwrap().people, 4);
}

#[tokio::test]
async fn hands_everything_to_planning() {
    let (_home, store) = company().await;
    let seq = store.intend(intent(9, 1)).await.unwrap();
    store.mark_subjects(vec![subject(3, true), subject(8, false)]).await.unwrap();
    store.mark_subjects(vec![subject(3, false)]).await.unwrap();

    let all = store.plan_data(Subjects::All, at(0)).await.unwrap();
    let verified: Vec<(SourceAnchor, bool)> =
        all.subjects.iter().map(|subject| (subject.anchor, subject.verify)).collect();
    let expected =
        [(1, false), (2, false), (3, true), (4, false), (5, false), (8, false), (9, true)];
    assert_eq!(verified, expected.map(|(number, verify)| (anchor(number), verify)));
    assert_eq!(all.users.len(), 5);
    assert!(all.users.is_sorted_by_key(|user| user.anchor));
    assert_eq!(all.assignments, [direct(1), by_group(1), by_group(2)]);
    assert_eq!(all.memberships, [member(2, 1), member(3, 1), member(4, 1), member(4, 2)]);
    assert_eq!(all.links, [link(5, "e")]);
    assert_eq!((all.active_links, all.people), (1, 5));

    let some = store.plan_data(Subjects::Waiting, at(0)).await.unwrap();
    assert_eq!(some.subjects, [subject(3, true), subject(8, false), subject(9, true)]);
    assert_eq!(some.users, [person(3, "Cy")]);
    assert_eq!(some.assignments, [by_group(1), by_group(2)]);
    assert_eq!(some.memberships, [member(3, 1)]);
    assert!(some.links.is_empty());
    assert_eq!((some.active_links, some.people), (1, 5));

    let failed = Settlement { settled: false, ..success(9, LinkChange::None) };
    store.settle(seq, failed).await.unwrap();
    let done = vec![anchor(3), anchor(8)];
    store.settle_looked_at(done, vec![], vec![], Timestamp(0)).await.unwrap();
    assert_eq!(waiting(&store).await, [subject(9, false)]);
}

#[tokio::test]
async fn whose_time_has_come_is_due_until_they_were_looked_at() {
    let home = Home::new();
    let store = home.open();
    let at = Timestamp;
    let due = async |now| -> Vec<SourceAnchor> {
        let data = store.plan_data(Subjects::Waiting, at(now)).await.unwrap();
        data.subjects.iter().map(|subject| subject.anchor).collect()
    };
    let look = async |rows: &[(u128, i64)]| {
        let rows = rows.iter().map(|(n, when)| (anchor(*n), at(*when))).collect();
        store.look_again(rows).await.unwrap();
    };
    look(&[(1, 10), (2, 10), (3, 50)]).await;
    assert_eq!((due(9).await, due(10).await), (vec![], vec![anchor(1), anchor(2)]));
    // A later time does not take away that the first one has come.
    look(&[(1, 90), (3, 40)]).await;
    assert_eq!(due(10).await, [anchor(1), anchor(2)]);
    // Who was left out of a plan stays due; for the others the new times count.
    let rows = vec![(anchor(1), at(90)), (anchor(2), at(70))];
    store.settle_looked_at(vec![anchor(1)], vec![anchor(1)], rows, at(10)).await.unwrap();
    assert_eq!((due(10).await, due(40).await), (vec![anchor(2)], vec![anchor(2), anchor(3)]));
    assert_eq!(due(90).await, [anchor(1), anchor(2), anchor(3)]);
}

#[tokio::test]
async fn people_are_found_by_who_leads_them() {
    let (_home, store) = company().await;
    let led = |number, manager: &str| SourceUser {
        attributes: AttributeRow::pack([None, Some(manager)]),
        ..person(number, "")
    };
    let (ada, stranger) = (anchor(1), anchor(99));
    let users = vec![
        led(4, &ada.to_string()),
        led(2, &stranger.to_string().to_uppercase()),
        led(3, "nobody"),
        led(5, &ada.to_string()),
    ];
    store.commit_import(Delta { users, ..Delta::default() }.into()).await.unwrap();
    let found = async |managers: &[SourceAnchor]| {
        store.people_led_by(1, managers.iter().copied().collect()).await.unwrap()
    };
    assert_eq!(found(&[ada]).await, [anchor(4), anchor(5)]);
    assert_eq!(found(&[stranger, ada]).await, [anchor(2), anchor(4), anchor(5)]);
    assert!(found(&[anchor(4)]).await.is_empty());
}

#[tokio::test]
async fn everybody_is_planned_again_if_roles_are_called_otherwise() {
    let (_home, store) = company().await;
    let declare = async |value: &str| {
        let role =
            AppRole { id: Uuid::from_u128(4), value: Some(value.to_owned()), display_name: None };
        store.set_application("key".to_owned(), vec![role], "App".to_owned()).await.unwrap();
        waiting(&store).await.len()
    };
    assert_eq!(declare("User").await, 0, "nothing was known before");
    assert_eq!(declare("User").await, 0);
    assert_eq!(declare("Worker").await, 5);
}
