//! The connector against a stand-in on loopback.

use std::error::Error as _;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use uuid::Uuid;

use super::fake::{Fake, Reply, SECRET, Seen, anchor, refusal, reply, token};
use super::settings::{AssertionAlgorithm, Credential};
use super::*;
use crate::model::identity::PrincipalKind;

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

fn empty(_: &Seen, _: &Fake) -> Reply {
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
    assert_eq!(seen.path, format!("/v1.0/servicePrincipals/{}/appRoleAssignedTo", anchor(5)));
    assert_eq!(seen.param("$top"), "999");
    assert!(seen.authorization.starts_with("Bearer e30."), "{}", seen.authorization);
    fake.advance(3_400);
    graph.assignments(anchor(5)).await.unwrap();
    assert_eq!(fake.tokens(), 2);
}

#[tokio::test]
async fn an_answer_without_a_token_is_told_and_quoted_nowhere() {
    for (answer, words) in [
        (json!({"expires_in": 3599, "access_token": ""}), "holds no token"),
        (json!({"expires_in": 3599, "access_token": "eyJ\u{202e}"}), "holds no token"),
        (json!("eyJ.a-token"), "not the JSON that was expected"),
        (json!({"expires_in": "eyJ.a-token", "access_token": "x"}), "not the JSON"),
    ] {
        let fake = Fake::start(move |_, _| reply(200, answer.clone())).await;
        let error = fake.connect().describe().await.unwrap_err();
        let text = whole_chain(&error);
        assert!(text.contains(words) && !text.contains("eyJ"), "{text}");
        assert!(fake.seen().is_empty(), "nothing is asked without a token");
    }
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
            file: None,
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
                // Pages repeat: the same application twice is still one.
                "displayName eq 'Ann''s Repeated'" => {
                    vec![application.clone(), application.clone()]
                }
                "displayName eq 'Twice'" => {
                    let mut other = application.clone();
                    other["id"] = json!(Uuid::from_u128(7));
                    vec![application.clone(), other]
                }
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
        ("Ann's Repeated".to_owned(), 1),
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
        "a" => reply(200, json!({"value": [], "@odata.nextLink": fake.link("x?$skiptoken=b")})),
        _ => reply(200, json!({"value": [row("Group", 1), row("User", 2)]})),
    })
    .await;
    let graph = fake.connect();
    let rows = graph.assignments(anchor(5)).await.unwrap();
    let found: Vec<_> = rows.iter().map(|one| (one.principal, one.kind)).collect();
    assert_eq!(found, [(anchor(1), PrincipalKind::Group), (anchor(2), PrincipalKind::User)]);
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
        let error = fake.connect().assignments(anchor(application)).await.unwrap_err();
        assert!(error.message.contains("another host"), "{error}");
    }
    assert!(elsewhere.seen().is_empty());

    let circle = Fake::graph(|_, fake| {
        reply(200, json!({"value": [], "@odata.nextLink": fake.link("x?$skiptoken=a")}))
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
        (Box::new(|| reply(200, json!({"values": 1}))), ErrorCategory::Bug, "not the JSON"),
        (
            Box::new(|| refusal(403, "Authorization_RequestDenied")),
            ErrorCategory::Auth,
            "Application.Read.All",
        ),
        (Box::new(|| refusal(400, "Request_BadRequest")), ErrorCategory::Rejected, "refuses"),
        (Box::new(|| refusal(503, "serviceNotAvailable")), ErrorCategory::Transient, "not able"),
        (Box::new(|| refusal(429, "TooManyRequests")), ErrorCategory::Throttled, "slow down"),
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
    assert!(error.to_string().contains("127.0.0.1:1 could not be reached"), "{error}");
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
        (|s| s.cloud.graph = "http://graph.microsoft.com".parse().unwrap(), "no address"),
        (
            |s| {
                s.credential = Credential::Certificate {
                    pem: "nothing".into(),
                    algorithm: AssertionAlgorithm::Ps256,
                    file: None,
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

#[tokio::test]
async fn when_the_secret_ends_is_looked_up_by_how_it_begins() {
    let begins: String = SECRET.chars().take(3).collect();
    let secret = |hint: &str, end: &str| json!({"hint": hint, "endDateTime": end});
    let ours = secret(&begins, "2027-01-02T00:00:00Z");
    let later = secret(&begins, "2028-01-02T00:00:00Z");
    let other = secret("xyz", "2026-01-02T00:00:00Z");
    for (principal, registration, asked) in [
        (json!([later, other, ours]), json!([]), 1),
        (json!([other]), json!([later, ours]), 2),
        (Value::Null, json!([ours]), 2),
        (json!([other]), json!([other]), 2),
    ] {
        let found = principal.to_string() + &registration.to_string();
        let fake = Fake::graph(move |seen, _| {
            let listed = match seen.path.contains("servicePrincipals") {
                true => principal.clone(),
                false => registration.clone(),
            };
            reply(200, json!({"id": Uuid::from_u128(1), "passwordCredentials": listed}))
        })
        .await;
        let end = fake.connect().credential_end().await;
        assert_eq!(fake.seen().len(), asked);
        match end {
            CredentialEnd::At(end) => assert_eq!(end.to_string(), "2027-01-02T00:00:00Z"),
            CredentialEnd::Unreadable(why) => {
                assert!(why.contains("none of the 1 secrets") && !found.contains("2027"), "{why}");
                assert!(!why.contains(&begins));
            }
            CredentialEnd::Renewed => panic!("a secret ends"),
        }
    }
}
