//! The connector against a stand-in on loopback.

use std::error::Error as _;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use uuid::Uuid;

use super::fake::{ALL_ROLES, Fake, Reply, SECRET, anchor, batch, person, refusal, reply, token};
use super::settings::{AssertionAlgorithm, Credential};
use super::*;
use crate::model::identity::{Membership, Presence, PrincipalKind};
use crate::source::UserChange;

fn row(kind: &str, principal: u128) -> Value {
    json!({"id": "opaque", "principalId": Uuid::from_u128(principal), "principalType": kind,
        "appRoleId": Uuid::nil()})
}

fn whole_chain(error: &SourceError) -> String {
    let mut text = format!("{error} {} {error:?}", error.remedy);
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!(" {next} {next:?}"));
        cause = next.source();
    }
    text
}

fn empty(_: &super::fake::Seen, _: &Fake) -> Reply {
    reply(200, json!({"value": []}))
}

#[tokio::test]
async fn signs_in_once_and_asks_politely() {
    let fake = Fake::graph(empty).await;
    let graph = fake.connect();
    let (one, two) = tokio::join!(graph.assignments(anchor(5)), graph.assignments(anchor(5)));
    assert!(one.unwrap().is_empty() && two.unwrap().is_empty());
    assert_eq!(fake.tokens(), 1);
    assert_eq!(graph.requests(), 2);
    let seen = &fake.seen()[0];
    assert_eq!(
        seen.path,
        format!("/v1.0/servicePrincipals/{}/appRoleAssignedTo", anchor(5))
    );
    assert_eq!(seen.param("$top"), "999");
    assert!(
        seen.authorization.starts_with("Bearer e30."),
        "{}",
        seen.authorization
    );
    fake.advance(3_400);
    graph.assignments(anchor(5)).await.unwrap();
    assert_eq!(fake.tokens(), 2);
}

#[tokio::test]
async fn a_missing_permission_is_named_before_anything_is_read() {
    let fake = Fake::start(|_, _| token(&["Application.Read.All", "GroupMember.Read.All"])).await;
    let error = fake.connect().describe().await.unwrap_err();
    assert_eq!(error.category, ErrorCategory::Auth);
    assert!(error.message.contains("User.Read.All"), "{error}");
    assert!(!error.message.contains("Application.Read.All"), "{error}");
    assert!(error.remedy.contains("admin consent"));
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn a_refusal_is_remembered_for_a_minute_and_shows_no_secret() {
    let fake = Fake::start(|_, _| {
        reply(
            401,
            json!({"error": "invalid_client", "error_codes": [7000215],
                "error_description": "AADSTS7000215: Invalid client secret provided."}),
        )
    })
    .await;
    let graph = fake.connect();
    for _ in 0..3 {
        let error = graph.describe().await.unwrap_err();
        assert_eq!(error.category, ErrorCategory::Auth);
        assert!(error.message.contains("secret is wrong"), "{error}");
        assert!(!whole_chain(&error).contains(SECRET));
    }
    assert!(!format!("{graph:?} {:?}", fake.settings()).contains(SECRET));
    assert_eq!(fake.tokens(), 1);
    fake.advance(61);
    graph.describe().await.unwrap_err();
    assert_eq!(fake.tokens(), 2);
}

#[tokio::test]
async fn a_certificate_signs_in_with_an_assertion() {
    let fake = Fake::graph(empty).await;
    for algorithm in [AssertionAlgorithm::Ps256, AssertionAlgorithm::Rs256] {
        let mut settings = fake.settings();
        settings.credential = Credential::Certificate {
            pem: super::assertion::tests::PEM.into(),
            algorithm,
        };
        let graph = Graph::new(settings, fake.clock.clone()).unwrap();
        graph.assignments(anchor(5)).await.unwrap();
    }
    assert_eq!(fake.tokens(), 2);
}

#[tokio::test]
async fn a_dead_token_is_replaced_once() {
    let dead = AtomicU32::new(2);
    let fake = Fake::graph(move |_, _| {
        let left = dead.fetch_sub(1, Ordering::SeqCst);
        if left == 2 {
            refusal(401, "InvalidAuthenticationToken")
        } else {
            reply(200, json!({"value": []}))
        }
    })
    .await;
    fake.connect().assignments(anchor(5)).await.unwrap();
    assert_eq!((fake.tokens(), fake.seen().len()), (2, 2));

    let fake = Fake::graph(|_, _| refusal(401, "InvalidAuthenticationToken")).await;
    let error = fake.connect().assignments(anchor(5)).await.unwrap_err();
    assert_eq!(error.category, ErrorCategory::Auth);
    assert_eq!((fake.tokens(), fake.seen().len()), (2, 2));
}

#[tokio::test]
async fn the_application_is_found_by_either_id_or_by_name() {
    let application = json!({"id": Uuid::from_u128(5), "appId": Uuid::from_u128(6),
        "displayName": "ShareFile", "appRoleAssignmentRequired": true,
        "appRoles": [{"id": Uuid::from_u128(9), "value": null, "displayName": "User"}]});
    let fake = Fake::graph(move |seen, _| {
        let by_app_id = format!("/v1.0/servicePrincipals(appId='{}')", Uuid::from_u128(6));
        if seen.path == "/v1.0/servicePrincipals" {
            let found = match seen.param("$filter") {
                "displayName eq 'Ann''s ShareFile'" => vec![application.clone()],
                "displayName eq 'Twice'" => vec![application.clone(), application.clone()],
                _ => vec![],
            };
            reply(200, json!({ "value": found }))
        } else if seen.path.ends_with(&Uuid::from_u128(5).to_string()) || seen.path == by_app_id {
            reply(200, application.clone())
        } else {
            refusal(404, "Request_ResourceNotFound")
        }
    })
    .await;
    for (wanted, requests) in [
        (Uuid::from_u128(5).to_string(), 1),
        (Uuid::from_u128(6).to_string(), 2),
        ("Ann's ShareFile".to_owned(), 1),
    ] {
        let mut settings = fake.settings();
        settings.application = wanted;
        let graph = Graph::new(settings, fake.clock.clone()).unwrap();
        let found = graph.describe().await.unwrap();
        assert_eq!(found.application_id, anchor(5));
        assert_eq!(found.tenant_id, "the-tenant-id");
        assert_eq!(found.display_name, "ShareFile");
        assert!(found.assignment_required);
        assert_eq!(found.roles.len(), 1);
        assert_eq!(graph.requests(), requests);
    }
    for (wanted, said) in [
        ("Twice".to_owned(), "several"),
        ("Nothing".to_owned(), "no enterprise application"),
        (Uuid::from_u128(99).to_string(), "no enterprise application"),
    ] {
        let mut settings = fake.settings();
        settings.application = wanted;
        let graph = Graph::new(settings, fake.clock.clone()).unwrap();
        let error = graph.describe().await.unwrap_err();
        assert!(error.message.contains(said), "{error}");
        assert_eq!(error.category, ErrorCategory::Rejected);
    }
}

#[tokio::test]
async fn assignment_pages_are_followed_to_the_end() {
    let fake = Fake::graph(|seen, fake| match seen.param("$skiptoken") {
        "" => reply(
            200,
            json!({"value": [row("User", 2), row("ServicePrincipal", 9)],
                "@odata.nextLink": fake.link("x?$skiptoken=a")}),
        ),
        "a" => reply(
            200,
            json!({"value": [], "@odata.nextLink": fake.link("x?$skiptoken=b")}),
        ),
        _ => reply(200, json!({"value": [row("Group", 1), row("User", 2)]})),
    })
    .await;
    let graph = fake.connect();
    let rows = graph.assignments(anchor(5)).await.unwrap();
    let found: Vec<_> = rows.iter().map(|one| (one.principal, one.kind)).collect();
    assert_eq!(
        found,
        [
            (anchor(1), PrincipalKind::Group),
            (anchor(2), PrincipalKind::User)
        ]
    );
    assert_eq!(graph.requests(), 3);
}

#[tokio::test]
async fn links_are_followed_at_home_only_and_never_in_circles() {
    let elsewhere = Fake::start(empty).await;
    let away = elsewhere.base.clone();
    let fake = Fake::graph(move |seen, _| {
        let link = match seen.path.contains(&anchor(5).to_string()) {
            true => away.to_string(),
            false => "https://graph.microsoft.com/v1.0/x".to_owned(),
        };
        reply(200, json!({"value": [], "@odata.nextLink": link}))
    })
    .await;
    for application in [5, 6] {
        let error = fake
            .connect()
            .assignments(anchor(application))
            .await
            .unwrap_err();
        assert!(error.message.contains("another host"), "{error}");
    }
    assert!(elsewhere.seen().is_empty());

    let circle = Fake::graph(|_, fake| {
        reply(
            200,
            json!({"value": [], "@odata.nextLink": fake.link("x?$skiptoken=a")}),
        )
    })
    .await;
    let error = circle.connect().assignments(anchor(5)).await.unwrap_err();
    assert!(error.message.contains("no end"), "{error}");
}

#[tokio::test]
async fn failures_say_what_is_the_matter() {
    let page = || Reply {
        status: 200,
        headers: vec![("content-type", "text/html".to_owned())],
        body: "<html>sign in</html>".to_owned(),
    };
    for (make, category, said) in [
        (
            Box::new(page) as Box<dyn Fn() -> Reply + Send + Sync>,
            ErrorCategory::Rejected,
            "web page",
        ),
        (
            Box::new(|| reply(200, json!({"values": 1}))),
            ErrorCategory::Bug,
            "not the JSON",
        ),
        (
            Box::new(|| refusal(403, "Authorization_RequestDenied")),
            ErrorCategory::Auth,
            "Application.Read.All",
        ),
        (
            Box::new(|| refusal(400, "Request_BadRequest")),
            ErrorCategory::Rejected,
            "refuses",
        ),
        (
            Box::new(|| refusal(503, "serviceNotAvailable")),
            ErrorCategory::Transient,
            "not able",
        ),
        (
            Box::new(|| refusal(429, "TooManyRequests")),
            ErrorCategory::Throttled,
            "slow down",
        ),
    ] {
        let fake = Fake::graph(move |_, _| make()).await;
        let error = fake.connect().assignments(anchor(5)).await.unwrap_err();
        assert_eq!(error.category, category, "{error}");
        assert!(error.message.contains(said), "{error}");
        assert!(error.attempted.starts_with("reading the assignments"));
        assert!(!error.remedy.is_empty());
    }
    let fake = Fake::graph(empty).await;
    let mut settings = fake.settings();
    settings.cloud.login = url::Url::parse("http://127.0.0.1:1").unwrap();
    let graph = Graph::new(settings, fake.clock.clone()).unwrap();
    let error = graph.describe().await.unwrap_err();
    assert_eq!(error.category, ErrorCategory::Transient);
    assert!(
        error
            .to_string()
            .contains("127.0.0.1:1 could not be reached"),
        "{error}"
    );
}

#[tokio::test]
async fn wrong_settings_are_refused_before_anything_is_sent() {
    let fake = Fake::graph(empty).await;
    type Change = fn(&mut settings::GraphSettings);
    let changes: [(Change, &str); 6] = [
        (|s| s.tenant = "common".to_owned(), "not a tenant"),
        (|s| s.tenant = "a/../b".to_owned(), "not a tenant"),
        (|s| s.client_id = "me".to_owned(), "client id"),
        (|s| s.attributes = vec!["Mail".to_owned()], "'Mail'"),
        (
            |s| s.cloud.graph = "http://graph.microsoft.com".parse().unwrap(),
            "no address",
        ),
        (
            |s| {
                s.credential = Credential::Certificate {
                    pem: "nothing".into(),
                    algorithm: AssertionAlgorithm::Ps256,
                }
            },
            "certificate cannot be used",
        ),
    ];
    for (change, said) in changes {
        let mut settings = fake.settings();
        change(&mut settings);
        let error = Graph::new(settings, fake.clock.clone()).unwrap_err();
        assert!(error.message.contains(said), "{error}");
    }
}

/// A group of which every member page holds the group's number as its only person.
fn group_page(url: &str) -> (u16, Value, Value) {
    assert!(url.contains("/members/microsoft.graph.user?"), "{url}");
    assert!(
        url.contains("$top=999") && url.contains("$count=true"),
        "{url}"
    );
    let id = url.split('/').nth(2).unwrap();
    let number = Uuid::parse_str(id).unwrap().as_u128();
    match number {
        13 => (
            404,
            json!({}),
            json!({"error": {"code": "Request_ResourceNotFound"}}),
        ),
        _ => (
            200,
            json!({}),
            json!({"value": [person(number), person(1)]}),
        ),
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
        assert_eq!(
            (seen.method.as_str(), seen.path.as_str()),
            ("POST", "/v1.0/$batch")
        );
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
    assert_eq!(
        found.memberships[0],
        Membership {
            user: anchor(1),
            group: anchor(7)
        }
    );
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
    let before = crate::clock::Clock::monotonic(fake.clock.as_ref());
    let groups: Vec<_> = (10..30).map(anchor).collect();
    let found = graph.members(&groups).await.unwrap();
    assert_eq!(found.read.len(), 19);
    let sizes: Vec<usize> = fake.seen().iter().map(|one| one.inner().len()).collect();
    assert_eq!(sizes, [20, 1, 1]);
    let waited = crate::clock::Clock::monotonic(fake.clock.as_ref()) - before;
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
                (
                    format!("/directory/deletedItems/{}?", anchor(2)),
                    json!({"id": anchor(2)}),
                ),
            ];
            match found.iter().find(|(start, _)| url.starts_with(start)) {
                Some((_, body)) => (200, json!({}), body.clone()),
                None => (
                    404,
                    json!({}),
                    json!({"error": {"code": "Request_ResourceNotFound"}}),
                ),
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
        [
            Presence::Present,
            Presence::SoftDeleted,
            Presence::HardDeleted,
            Presence::Present
        ]
    );
    assert_eq!(found[3].attributes.get(0), Some("p4@x.org"));
    assert_eq!(graph.requests(), 2);
    let anchors: Vec<_> = (4..=304).map(anchor).collect();
    graph.users(&anchors).await.unwrap();
    assert_eq!(graph.requests(), 4);
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
    let Changes::Delta(delta) = graph.changes(&mark).await.unwrap() else {
        panic!()
    };
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
    let Changes::Delta(delta) = graph.changes(&delta.watermark).await.unwrap() else {
        panic!()
    };
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
    let Changes::Expired { why } = graph.changes(&mark).await.unwrap() else {
        panic!()
    };
    assert!(why.contains("SyncStateNotFound"), "{why}");
    let asked = graph.requests();

    let mut settings = fake.settings();
    settings.attributes = vec!["department".to_owned()];
    let other = Graph::new(settings, fake.clock.clone()).unwrap();
    for (graph, mark) in [
        (&other, mark.clone()),
        (&graph, Watermark("{}".to_owned())),
        (
            &graph,
            Watermark(mark.0.replace("127.0.0.1", "evil.example")),
        ),
    ] {
        assert!(matches!(
            graph.changes(&mark).await.unwrap(),
            Changes::Expired { .. }
        ));
    }
    assert_eq!(graph.requests() + other.requests(), asked);
}

#[tokio::test]
async fn a_feed_that_stops_without_a_delta_link_is_an_error() {
    let fake = Fake::graph(empty).await;
    let error = fake.connect().start().await.unwrap_err();
    assert_eq!(error.category, ErrorCategory::Bug);
    let fake = Fake::graph(|_, _| refusal(403, "Authorization_RequestDenied")).await;
    let error = fake.connect().start().await.unwrap_err();
    assert!(error.message.contains(".Read.All"), "{error}");
    assert_eq!(ALL_ROLES.len(), 3);
}
