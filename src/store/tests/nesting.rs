//! Groups in the snapshot: how long they stay, and who has to be planned when they change.

use super::*;

/// Group 1 is assigned and holds group 2, which holds group 3. Ada is in 1, Ben in 2, Cy in 3, and Dee
/// in 3 and directly assigned. Everybody is settled.
async fn company() -> (Home, Store) {
    let home = Home::new();
    let store = home.open();
    store
        .commit_import(SnapshotUpdate::Full {
            users: (1..=4).map(|number| person(number, "Somebody")).collect(),
            assignments: vec![by_group(1), direct(4)],
            memberships: vec![member(1, 1), member(2, 2), member(3, 3), member(4, 3)],
            groups: vec![named(1, "Staff"), present(2), present(3)],
            edges: vec![edge(2, 1), edge(3, 2), edge(9, 8)],
            plan_groups: true,
            watermark: Watermark("full".to_owned()),
            query_hash: "query".to_owned(),
        })
        .await
        .unwrap();
    settle_all(&store).await;
    (home, store)
}

fn edge(child: u128, parent: u128) -> GroupEdge {
    GroupEdge { child: group(child), parent: group(parent) }
}

fn present(number: u128) -> SourceGroup {
    SourceGroup {
        anchor: group(number),
        presence: Presence::Present,
        attributes: AttributeRow::default(),
    }
}

fn named(number: u128, name: &str) -> SourceGroup {
    SourceGroup { attributes: AttributeRow::pack([Some(name)]), ..present(number) }
}

/// Makes a group linked.
async fn link_group(store: &Store, number: u128) {
    let key = format!("g{number}");
    store
        .write("linking a group", move |connection| {
            connection.execute(
                "INSERT INTO group_link (anchor, part, target_key, target_id, origin, state, \
                 linked_at, name_sent, name_read_back) VALUES (?1, 1, ?2, ?2, '{\"how\":\"created\"}', 0, 0, '', '')",
                rusqlite::params![group(number), key],
            )?;
            Ok(())
        })
        .await
        .unwrap();
}

/// A delta, which people and groups have to be planned after it, and which groups are kept then.
struct Case(&'static str, Delta, &'static [u128], &'static [u128], &'static [u128]);

fn cases() -> Vec<Case> {
    let delta = || Delta { plan_groups: true, ..Delta::default() };
    let deleted = |presence| SourceGroup { presence, ..present(2) };
    vec![
        Case("nothing", delta(), &[], &[], &[1, 2, 3]),
        Case(
            "a name, and nobody in the group",
            Delta { groups: vec![named(1, "Crew")], ..delta() },
            &[],
            &[1],
            &[1, 2, 3],
        ),
        Case(
            "a name, where groups are not planned",
            Delta { groups: vec![named(1, "Crew")], plan_groups: false, ..delta() },
            &[],
            &[],
            &[1, 2, 3],
        ),
        Case(
            "a group further down changes by itself",
            Delta { groups: vec![named(3, "Whatever")], ..delta() },
            &[],
            &[],
            &[1, 2, 3],
        ),
        Case(
            "an edge goes, and with it all below",
            Delta { edges_removed: vec![edge(2, 1), edge(7, 1)], ..delta() },
            &[2, 3, 4],
            &[],
            &[1],
        ),
        Case(
            "an edge goes, and there is another way",
            Delta { edges_removed: vec![edge(3, 2)], edges_added: vec![edge(3, 1)], ..delta() },
            &[3, 4],
            &[],
            &[1, 2, 3],
        ),
        Case(
            "an edge comes, with a group",
            Delta {
                edges_added: vec![edge(5, 3)],
                groups: vec![present(5)],
                users: vec![person(6, "Flo")],
                added: vec![member(6, 5), member(1, 5)],
                ..delta()
            },
            &[1, 6],
            &[],
            &[1, 2, 3, 5],
        ),
        Case(
            "a circle closes: everybody in it is in it anew",
            Delta { edges_added: vec![edge(1, 3)], ..delta() },
            &[1, 2, 3, 4],
            &[],
            &[1, 2, 3],
        ),
        Case(
            "edges of groups that do not count",
            Delta { edges_added: vec![edge(2, 7), edge(6, 7)], ..delta() },
            &[],
            &[],
            &[1, 2, 3],
        ),
        Case(
            "a group below is in the recycle bin, and stays in its place",
            Delta {
                groups: vec![deleted(Presence::SoftDeleted)],
                groups_gone: vec![group(2)],
                ..delta()
            },
            &[2, 3, 4],
            &[],
            &[1, 2],
        ),
        Case(
            "a group below is gone for good",
            Delta {
                groups: vec![deleted(Presence::HardDeleted)],
                groups_gone: vec![group(2)],
                ..delta()
            },
            &[2, 3, 4],
            &[],
            &[1],
        ),
        Case(
            "a group below is assigned as well",
            Delta {
                assignments: Some(vec![by_group(1), by_group(2), direct(4)]),
                groups: vec![named(2, "Two")],
                ..delta()
            },
            &[2, 3, 4],
            &[2],
            &[1, 2, 3],
        ),
        Case(
            "no longer assigned",
            Delta { assignments: Some(vec![direct(4)]), ..delta() },
            &[1, 2, 3, 4],
            &[1],
            &[],
        ),
    ]
}

#[tokio::test]
async fn a_delta_tells_who_has_to_be_planned() {
    for Case(name, delta, people, groups, kept) in cases() {
        let (_home, store) = company().await;
        store.commit_import(delta.into()).await.unwrap();
        let people = people.iter().map(|number| anchor(*number));
        let mut planned: Vec<SourceAnchor> =
            people.chain(groups.iter().map(|number| group(*number))).collect();
        planned.sort_unstable();
        let waiting: Vec<SourceAnchor> =
            waiting(&store).await.iter().map(|subject| subject.anchor).collect();
        assert_eq!(waiting, planned, "{name}");
        let stored = store.stored_groups().await.unwrap();
        let found: Vec<SourceAnchor> = stored.groups.iter().map(|group| group.anchor).collect();
        assert_eq!(found, kept.iter().map(|number| group(*number)).collect::<Vec<_>>(), "{name}");
    }
}

#[tokio::test]
async fn linked_groups_stay_and_are_planned_when_they_go() {
    let (_home, store) = company().await;
    for number in [1, 3] {
        link_group(&store, number).await;
    }
    let unassigned =
        || Delta { assignments: Some(vec![direct(4)]), plan_groups: true, ..Delta::default() };
    store.commit_import(unassigned().into()).await.unwrap();
    let stored = store.stored_groups().await.unwrap();
    assert_eq!(stored.groups, [named(1, "Staff"), present(3)]);
    assert_eq!((stored.edges, stored.linked), (vec![], vec![group(1), group(3)]));
    assert!(waiting(&store).await.contains(&Subject { anchor: group(1), verify: false }));
    settle_all(&store).await;

    // Nobody is in a group that no longer counts.
    let late = Delta { added: vec![member(1, 1), member(4, 3)], ..Delta::default() };
    store.commit_import(late.into()).await.unwrap();
    assert!(store.group_members(vec![group(1), group(3)]).await.unwrap().is_empty());
    assert!(waiting(&store).await.is_empty());

    let gone = SourceGroup { presence: Presence::HardDeleted, ..named(1, "Staff") };
    let deleted = Delta { groups: vec![gone.clone()], plan_groups: true, ..Delta::default() };
    store.commit_import(deleted.into()).await.unwrap();
    assert_eq!(store.stored_groups().await.unwrap().find(group(1)), Some(&gone));
    assert_eq!(waiting(&store).await, [Subject { anchor: group(1), verify: false }]);
    settle_all(&store).await;

    // A full read that says nothing of them keeps them, unread.
    store.commit_import(full(vec![], vec![direct(4)], vec![])).await.unwrap();
    let unread = SourceGroup { presence: Presence::Unread, ..present(1) };
    assert_eq!(store.stored_groups().await.unwrap().find(group(1)), Some(&unread));
}
