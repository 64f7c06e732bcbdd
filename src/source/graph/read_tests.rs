//! The bulk reads and the change feeds against a stand-in on loopback.

use serde_json::{Value, json};
use uuid::Uuid;

use super::fake::{Fake, Reply, Seen, anchor, batch, person, refusal, reply};
use super::*;
use crate::clock::Clock as _;
use crate::model::identity::{Membership, Presence};
use crate::source::UserChange;

fn empty(_: &Seen, _: &Fake) -> Reply {
    reply(200, json!({"value": []}))
}

/// A group of which every member page holds the group's number as its only person.
fn group_page(url: &str) -> (u16, Value, Value) {
    assert!(url.contains("/members/microsoft.graph.user?"), "{url}");
    assert!(url.contains("$top=999") && url.contains("$count=true"), "{url}");
    let id = url.split('/').nth(2).unwrap();
    let number = Uuid::parse_str(id).unwrap().as_u128();
    match number {
        13 => (404, json!({}), json!({"error": {"code": "Request_ResourceNotFound"}})),
        _ => (200, json!({}), json!({"value": [person(number), person(1)]})),
    }
}

#[tokio::test]
async fn the_members_of_twenty_groups_cost_one_request() {
    let fake = Fake::graph(|seen, _| batch(seen, group_page)).await;
    let graph = fake.connect();
    let groups: Vec<_> = (10..210).map(anchor).collect();
    let found = graph.members(&groups).await.unwrap();
    assert_eq!(graph.requests(), 10);
    assert_eq!(found.gone, [anchor(13)]);
    assert_eq!(found.read.len(), 199);
    assert_eq!(found.users.len(), 200);
    assert_eq!(found.memberships.len(), 2 * 199);
    assert!(found.users.is_sorted_by_key(|user| user.anchor));
    assert!(found.memberships.is_sorted());
    for seen in fake.seen() {
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1.0/$batch"));
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        for inner in body["requests"].as_array().unwrap() {
            assert_eq!(inner["headers"]["ConsistencyLevel"], "eventual");
        }
    }
    assert!(graph.members(&[]).await.unwrap().read.is_empty());
}

#[tokio::test]
async fn large_groups_go_on_by_get_with_the_header_on_every_page() {
    let fake = Fake::graph(|seen, fake| match seen.method.as_str() {
        "POST" => batch(seen, |_| {
            (
                200,
                json!({}),
                json!({"@odata.count": 3, "value": [person(1), person(2)],
                    "@odata.nextLink": fake.link("x?$skiptoken=a")}),
            )
        }),
        _ => reply(200, json!({"value": [person(2), person(3)]})),
    })
    .await;
    let graph = fake.connect();
    let found = graph.members(&[anchor(7)]).await.unwrap();
    assert_eq!(found.users.len(), 3);
    assert_eq!(found.memberships.len(), 3);
    assert_eq!(found.memberships[0], Membership { user: anchor(1), group: anchor(7) });
    assert_eq!(graph.requests(), 2);
    assert_eq!(fake.seen()[1].consistency, "eventual");
}

#[tokio::test]
async fn a_member_list_cut_short_is_an_error() {
    let fake = Fake::graph(|seen, _| {
        let page = json!({"@odata.count": 3, "value": [person(1), person(2)]});
        match seen.method.as_str() {
            "POST" => batch(seen, |_| (200, json!({}), page.clone())),
            _ => reply(200, page),
        }
    })
    .await;
    let graph = fake.connect();
    let error = graph.members(&[anchor(7)]).await.unwrap_err();
    assert!(error.message.contains("ended early"), "{error}");
    assert_eq!(error.category, ErrorCategory::Transient);
    assert_eq!(graph.requests(), 2);
}

#[tokio::test]
async fn null_filled_members_are_not_readable() {
    let fake = Fake::graph(|seen, _| {
        batch(seen, |_| {
            let hidden = json!({"@odata.type": "#microsoft.graph.user",
                "id": anchor(1).to_string(), "userPrincipalName": null, "accountEnabled": null});
            (200, json!({}), json!({"value": [hidden]}))
        })
    })
    .await;
    let found = fake.connect().members(&[anchor(7)]).await.unwrap();
    assert_eq!(found.users[0].presence, Presence::Unread);
    assert_eq!(found.memberships.len(), 1);
}

#[tokio::test]
async fn refused_parts_of_a_batch_are_sent_again_alone() {
    let fake = Fake::graph(|seen, fake| {
        let attempt = fake.count("/v1.0/$batch");
        batch(seen, |url| {
            let first_group = url.contains(&anchor(10).to_string());
            match (attempt, first_group) {
                (1, true) => (429, json!({"Retry-After": "7.2"}), json!({})),
                (2, true) => (424, json!({}), json!({})),
                _ => group_page(url),
            }
        })
    })
    .await;
    let graph = fake.connect();
    let before = fake.clock.monotonic();
    let groups: Vec<_> = (10..30).map(anchor).collect();
    let found = graph.members(&groups).await.unwrap();
    assert_eq!(found.read.len(), 19);
    let sizes: Vec<usize> = fake.seen().iter().map(|one| one.inner().len()).collect();
    assert_eq!(sizes, [20, 1, 1]);
    let waited = fake.clock.monotonic() - before;
    assert!(waited.as_secs() >= 8, "{waited:?}");
}

#[tokio::test]
async fn parts_that_keep_failing_end_in_an_error() {
    let fake =
        Fake::graph(|seen, _| batch(seen, |_| (503, json!({"Retry-After": 3}), json!({})))).await;
    let error = fake.connect().members(&[anchor(7)]).await.unwrap_err();
    assert_eq!(error.category, ErrorCategory::Transient);
    assert_eq!(fake.seen().len(), 6);

    let fake = Fake::graph(|seen, _| batch(seen, |_| (401, json!({}), json!({})))).await;
    let error = fake.connect().members(&[anchor(7)]).await.unwrap_err();
    assert_eq!(error.category, ErrorCategory::Auth);
    assert_eq!((fake.tokens(), fake.seen().len()), (2, 2));
}

#[tokio::test]
async fn three_hundred_people_cost_one_request_and_missing_ones_are_looked_for() {
    let fake = Fake::graph(|seen, _| {
        batch(seen, |url| {
            if let Some(filter) = url.strip_prefix("/users?$filter=id%20in%20(") {
                let ids: Vec<&str> = filter.split("%27").skip(1).step_by(2).collect();
                assert!(ids.len() <= 15 && url.len() < 2_000, "{url}");
                let people: Vec<Value> = ids
                    .iter()
                    .map(|id| Uuid::parse_str(id).unwrap().as_u128())
                    .filter(|&number| number > 3)
                    .map(person)
                    .collect();
                return (200, json!({}), json!({ "value": people }));
            }
            let found = [
                (format!("/users/{}?", anchor(1)), person(1)),
                (format!("/directory/deletedItems/{}?", anchor(2)), json!({"id": anchor(2)})),
            ];
            match found.iter().find(|(start, _)| url.starts_with(start)) {
                Some((_, body)) => (200, json!({}), body.clone()),
                None => (404, json!({}), json!({"error": {"code": "Request_ResourceNotFound"}})),
            }
        })
    })
    .await;
    let graph = fake.connect();
    let anchors: Vec<_> = (1..=300).rev().map(anchor).collect();
    let found = graph.users(&anchors).await.unwrap();
    assert_eq!(found.len(), 300);
    assert!(found.is_sorted_by_key(|user| user.anchor));
    let presence: Vec<_> = found.iter().take(4).map(|user| user.presence).collect();
    assert_eq!(
        presence,
        [Presence::Present, Presence::SoftDeleted, Presence::HardDeleted, Presence::Present]
    );
    assert_eq!(found[3].attributes.get(0), Some("p4@x.org"));
    // One for the filters, one for those who are missing, and one for the recycle bin.
    assert_eq!(graph.requests(), 3);
    let anchors: Vec<_> = (4..=304).map(anchor).collect();
    graph.users(&anchors).await.unwrap();
    assert_eq!(graph.requests(), 5);
}

#[tokio::test]
async fn the_change_feeds_start_from_now_and_go_on() {
    let fake = Fake::graph(|seen, fake| {
        let users = seen.path == "/v1.0/users/delta";
        let kind = if users { "users" } else { "groups" };
        let done = |value: Value, token: &str| {
            let link = fake.link(&format!("{kind}/delta?$deltatoken={token}"));
            reply(200, json!({"value": value, "@odata.deltaLink": link}))
        };
        match (users, seen.param("$deltatoken"), seen.param("$skiptoken")) {
            (true, "latest", _) => {
                assert_eq!(
                    seen.param("$select"),
                    "id,userPrincipalName,mail,accountEnabled,userType,surname"
                );
                done(json!([]), "1")
            }
            (false, "latest", _) => {
                assert_eq!(seen.param("$select"), "id,displayName,members");
                done(json!([]), "1")
            }
            (true, "1", _) => reply(
                200,
                json!({"value": [{"id": anchor(1), "accountEnabled": false}],
                    "@odata.nextLink": fake.link("users/delta?$skiptoken=s")}),
            ),
            (true, _, "s") => done(json!([{"id": anchor(1), "mail": "n@x.org"}]), "2"),
            (false, "1", _) => done(
                json!([{"id": anchor(7), "members@delta": [
                    {"@odata.type": "#microsoft.graph.user", "id": anchor(1)}]}]),
                "2",
            ),
            _ => done(json!([]), "3"),
        }
    })
    .await;
    let graph = fake.connect();
    let mark = graph.start().await.unwrap();
    assert_eq!(graph.requests(), 2);
    let Changes::Delta(delta) = graph.changes(&mark).await.unwrap() else { panic!() };
    assert_eq!(graph.requests(), 5);
    assert_eq!(
        delta.users,
        [(
            anchor(1),
            UserChange::Changed {
                enabled: Some(false),
                guest: None,
                attributes: vec![Some(Some("n@x.org".to_owned())), None],
            }
        )]
    );
    assert_eq!(delta.memberships.len(), 1);
    let Changes::Delta(delta) = graph.changes(&delta.watermark).await.unwrap() else { panic!() };
    assert_eq!(graph.requests(), 7);
    assert!(delta.users.is_empty() && delta.memberships.is_empty());
    assert!(delta.watermark.0.contains("deltatoken=3"));
}

#[tokio::test]
async fn a_watermark_that_no_longer_holds_says_so() {
    let fake = Fake::graph(|seen, fake| {
        if seen.param("$deltatoken") == "latest" {
            let link = fake.link("users/delta?$deltatoken=1");
            return reply(200, json!({"value": [], "@odata.deltaLink": link}));
        }
        refusal(400, "SyncStateNotFound")
    })
    .await;
    let graph = fake.connect();
    let mark = graph.start().await.unwrap();
    let Changes::Expired { why } = graph.changes(&mark).await.unwrap() else { panic!() };
    assert!(why.contains("SyncStateNotFound"), "{why}");
    let asked = graph.requests();

    let mut settings = fake.settings();
    settings.attributes = vec!["department".to_owned()];
    let other = Graph::new(settings, fake.clock.clone()).unwrap();
    for (graph, mark) in [
        (&other, mark.clone()),
        (&graph, Watermark("{}".to_owned())),
        (&graph, Watermark(mark.0.replace("127.0.0.1", "evil.example"))),
    ] {
        assert!(matches!(graph.changes(&mark).await.unwrap(), Changes::Expired { .. }));
    }
    assert_eq!(graph.requests() + other.requests(), asked);
}

#[tokio::test]
async fn a_feed_that_stops_without_a_delta_link_is_an_error() {
    let fake = Fake::graph(empty).await;
    let error = fake.connect().start().await.unwrap_err();
    assert_eq!(error.category, ErrorCategory::Transient);
    let fake = Fake::graph(|_, _| refusal(403, "Authorization_RequestDenied")).await;
    let error = fake.connect().start().await.unwrap_err();
    assert!(error.message.contains(".Read.All"), "{error}");
}

#[tokio::test]
async fn managers_come_by_filters_or_one_by_one_and_hidden_ones_leave_people_unread() {
    for expands in [true, false] {
        let fake = Fake::graph(move |seen, _| {
            batch(seen, |url| {
                let ok = |body| (200, json!({}), body);
                let manager = |number: u128| match number {
                    1 => Some(json!({"id": anchor(7).to_string(), "mail": "boss@x.org",
                        "userPrincipalName": "boss@x.org"})),
                    // The app registration may not read this one.
                    2 => Some(json!({"@odata.type": "#microsoft.graph.user",
                        "id": anchor(8).to_string(), "mail": null, "userPrincipalName": null})),
                    3 => Some(json!({"@odata.type": "#microsoft.graph.orgContact",
                        "id": anchor(9).to_string(), "mail": "outside@y.org"})),
                    _ => None,
                };
                if let Some(rest) = url.strip_prefix("/users/") {
                    let (id, rest) = rest.split_once('/').expect("a manager");
                    assert_eq!(rest, "manager?$select=id,mail,userPrincipalName");
                    let number = Uuid::parse_str(id).unwrap().as_u128();
                    return match manager(number) {
                        Some(manager) => ok(manager),
                        None => (404, json!({}), json!({"error": {"code": "ResourceNotFound"}})),
                    };
                }
                if !url.contains("$expand=manager(") {
                    return ok(json!({"value": (1..=4).map(person).collect::<Vec<_>>()}));
                }
                if !expands {
                    let error = json!({"error": {"code": "Request_UnsupportedQuery"}});
                    return (400, json!({}), error);
                }
                let shown = (1..=4).map(|number| match manager(number) {
                    Some(manager) => json!({"id": anchor(number).to_string(), "manager": manager}),
                    None => json!({"id": anchor(number).to_string()}),
                });
                ok(json!({"value": shown.collect::<Vec<_>>()}))
            })
        })
        .await;
        let mut settings = fake.settings();
        settings.attributes = ["mail", "manager", "manager.mail"].map(str::to_owned).to_vec();
        let graph = Graph::new(settings, fake.clock.clone()).unwrap();
        let found = graph.users(&(1..=4).map(anchor).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(graph.requests(), if expands { 2 } else { 3 });
        let cells: Vec<_> =
            found.iter().map(|user| (user.attributes.get(1), user.attributes.get(2))).collect();
        let (boss, outside) = (anchor(7).to_string(), anchor(9).to_string());
        let expected = [
            (Some(boss.as_str()), Some("boss@x.org")),
            (None, None),
            (Some(outside.as_str()), Some("outside@y.org")),
            (None, None),
        ];
        assert_eq!(cells, expected);
        let presence: Vec<_> = found.iter().map(|user| user.presence).collect();
        let (present, unread) = (Presence::Present, Presence::Unread);
        assert_eq!(presence, [present, unread, present, present]);
    }
}
