//! Subscriptions, and what reaches their receiver.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::World;
use crate::sandbox::graph::switches::Switches;

#[derive(Deserialize)]
struct Handshake {
    #[serde(rename = "validationToken")]
    token: Option<String>,
}

#[derive(Clone)]
struct Ear {
    heard: UnboundedSender<Value>,
    status: Arc<AtomicU16>,
}

/// A receiver of notifications.
struct Receiver {
    url: String,
    heard: UnboundedReceiver<Value>,
    status: Arc<AtomicU16>,
}

impl Receiver {
    async fn listen() -> Self {
        let (sender, heard) = unbounded_channel();
        let status = Arc::new(AtomicU16::new(202));
        let ear = Ear { heard: sender, status: status.clone() };
        let router = Router::new()
            .route("/notify", post(hear))
            .route("/deaf", post(|| async { "something else" }))
            .with_state(ear);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, heard, status }
    }

    async fn next(&mut self) -> Value {
        let waited = tokio::time::timeout(Duration::from_secs(20), self.heard.recv());
        waited.await.expect("comes in time").expect("comes")
    }
}

async fn hear(
    State(ear): State<Ear>,
    Query(handshake): Query<Handshake>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Some(token) = handshake.token {
        let plain = headers.get("content-type").is_some_and(|kind| kind == "text/plain");
        assert!(plain && token.contains(' '), "{token}");
        return token.into_response();
    }
    let status = ear.status.load(Ordering::SeqCst);
    ear.heard.send(serde_json::from_str(&body).expect("JSON")).expect("is heard");
    StatusCode::from_u16(status).expect("a status").into_response()
}

async fn world() -> World {
    let mut world = World::empty().await;
    let switches = Switches { notifications_need_https: false, ..Switches::default() };
    world.entra().set_switches(switches);
    let all = world.entra().permissions();
    world.entra().set_permissions(all.into_iter().chain(["Group.Read.All".to_owned()]));
    world.sign_in().await;
    world
}

async fn ask(world: &World, method: Method, path: &str, body: Value) -> (u16, Value) {
    let mut request = world.http.request(method, world.address(path)).bearer_auth(&world.token);
    if !body.is_null() {
        request = request.json(&body);
    }
    let answer = request.send().await.expect("answers");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("text");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn wanted(receiver: &Receiver, resource: &str) -> Value {
    json!({
        "changeType": "updated,deleted",
        "notificationUrl": format!("{}/notify", receiver.url),
        "lifecycleNotificationUrl": format!("{}/notify", receiver.url),
        "resource": resource,
        "expirationDateTime": "2027-01-16T08:00:00Z",
        "clientState": "only we know",
    })
}

#[tokio::test]
async fn a_subscription_is_validated_renewed_and_ended() {
    let mut world = world().await;
    let receiver = Receiver::listen().await;
    let (status, made) =
        ask(&world, Method::POST, "/subscriptions", wanted(&receiver, "users")).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["applicationId"], world.credentials().client_id);
    assert_eq!(made["expirationDateTime"], "2027-01-16T08:00:00Z");
    let path = format!("/subscriptions/{}", made["id"].as_str().expect("an id"));
    let soon = json!({"expirationDateTime": "2027-01-15T08:05:00Z"});
    let (status, renewed) = ask(&world, Method::PATCH, &path, soon).await;
    assert_eq!((status, &renewed["expirationDateTime"]), (200, &json!("2027-01-15T08:45:00Z")));
    let late = json!({"lifecycleNotificationUrl": "https://a.example"});
    assert_eq!(ask(&world, Method::PATCH, &path, late).await.0, 400);
    assert_eq!(ask(&world, Method::POST, &format!("{path}/reauthorize"), Value::Null).await.0, 204);
    let (_, list) = ask(&world, Method::GET, "/subscriptions", Value::Null).await;
    assert_eq!(list["value"][0]["id"], made["id"]);
    assert_eq!(ask(&world, Method::DELETE, &path, Value::Null).await.0, 204);
    assert_eq!(ask(&world, Method::GET, &path, Value::Null).await.0, 404);
    let (_, made) = ask(&world, Method::POST, "/subscriptions", wanted(&receiver, "users")).await;
    let path = format!("/subscriptions/{}", made["id"].as_str().expect("an id"));
    world.advance(24 * 3600);
    world.sign_in().await;
    assert_eq!(ask(&world, Method::GET, &path, Value::Null).await.0, 404, "it has ended");
}

#[tokio::test]
async fn subscriptions_are_refused_by_the_rules() {
    let mut world = world().await;
    let receiver = Receiver::listen().await;
    let usual = wanted(&receiver, "users");
    let with = |name: &str, value: Value| {
        let mut wanted = usual.clone();
        wanted[name] = value;
        wanted
    };
    let url = |path: &str| json!(format!("{}/{path}", receiver.url));
    for (wanted, status) in [
        (with("changeType", json!("created")), 400),
        (with("resource", json!("servicePrincipals")), 400),
        (with("expirationDateTime", json!("2027-02-13T08:01:00Z")), 400),
        (with("expirationDateTime", json!("2027-01-15T07:00:00Z")), 400),
        (with("expirationDateTime", Value::Null), 400),
        (with("clientState", json!("x".repeat(129))), 400),
        (with("notificationUrl", url("deaf")), 400),
        (with("lifecycleNotificationUrl", url("nowhere")), 400),
        (with("notificationUrl", json!("ftp://a.example")), 400),
        (with("expirationDateTime", json!("2027-02-13T07:59:00Z")), 201),
    ] {
        let answer = ask(&world, Method::POST, "/subscriptions", wanted.clone()).await;
        assert_eq!(answer.0, status, "{wanted}: {}", answer.1);
    }
    let switches =
        Switches { notifications_need_https: false, subscription_quota: 1, ..Switches::default() };
    world.entra().set_switches(switches);
    assert_eq!(ask(&world, Method::POST, "/subscriptions", usual.clone()).await.0, 403);
    world.entra().set_switches(Switches::default());
    assert_eq!(ask(&world, Method::POST, "/subscriptions", usual.clone()).await.0, 400);
    let batched = json!([{"id": "1", "method": "POST", "url": "/subscriptions", "body": usual}]);
    let body: Value = world.batch(batched).await.json().await.expect("JSON");
    assert_eq!(body["responses"][0]["status"], 400);
    world.entra().revoke_permission("Group.Read.All");
    world.sign_in().await;
    let groups = wanted(&receiver, "groups");
    assert_eq!(ask(&world, Method::POST, "/subscriptions", groups).await.0, 403);
}

#[tokio::test]
async fn changes_reach_the_receiver() {
    let world = world().await;
    let mut receiver = Receiver::listen().await;
    let ada = world.person("Ada");
    let group = world.group("Sales", &[]);
    let (_, people) = ask(&world, Method::POST, "/subscriptions", wanted(&receiver, "users")).await;
    world.entra().set_enabled(ada, false).expect("disables");
    let item = &receiver.next().await["value"][0];
    assert_eq!(item["subscriptionId"], people["id"]);
    assert_eq!(item["changeType"], "updated");
    assert_eq!(item["clientState"], "only we know");
    assert_eq!(item["resource"], format!("Users/{ada}"));
    assert_eq!(item["resourceData"]["@odata.type"], "#Microsoft.Graph.User");
    assert_eq!(item["tenantId"], world.credentials().tenant_id);
    world.entra().hard_delete_person(ada).expect("deletes");
    assert_eq!(receiver.next().await["value"][0]["changeType"], "deleted");
    let bob = world.person("Bob");
    assert_eq!(receiver.next().await["value"][0]["changeType"], "updated", "as creation arrives");
    let members = wanted(&receiver, &format!("groups/{group}/members"));
    ask(&world, Method::POST, "/subscriptions", members).await;
    world.entra().set_person(bob, "jobTitle", "Head").expect("changes");
    receiver.next().await;
    world.entra().add_member(group, bob).expect("joins");
    let item = receiver.next().await["value"][0].clone();
    assert_eq!(item["resourceData"]["members@delta"], json!([{"id": bob}]));
}

#[tokio::test]
async fn notifications_are_tried_again_and_missed_after_four_hours() {
    let world = world().await;
    let mut receiver = Receiver::listen().await;
    let ada = world.person("Ada");
    ask(&world, Method::POST, "/subscriptions", wanted(&receiver, "users")).await;
    receiver.status.store(503, Ordering::SeqCst);
    world.entra().set_enabled(ada, false).expect("disables");
    let first = receiver.next().await;
    world.advance(11);
    assert_eq!(receiver.next().await, first);
    world.advance(4 * 3600);
    assert_eq!(receiver.next().await, first);
    // The last one was too late: now the subscription is told that something was missed.
    let told = receiver.next().await;
    assert_eq!(told["value"][0]["lifecycleEvent"], "missed");
    receiver.status.store(202, Ordering::SeqCst);
    world.advance(11);
    assert_eq!(receiver.next().await, told);
    let control = format!("{}/entra/lifecycle", world.credentials().control_url);
    let order = world.http.post(control).json(&json!({"event": "subscriptionRemoved"}));
    let answer: Value = order.send().await.expect("answers").json().await.expect("JSON");
    assert_eq!(answer, json!({"subscriptions": 1}));
    assert_eq!(receiver.next().await["value"][0]["lifecycleEvent"], "subscriptionRemoved");
}

#[tokio::test]
async fn notifications_may_be_late() {
    let world = world().await;
    let mut receiver = Receiver::listen().await;
    let ada = world.person("Ada");
    world.entra().set_switches(Switches {
        notifications_need_https: false,
        notification_delay_secs: 120,
        ..Switches::default()
    });
    ask(&world, Method::POST, "/subscriptions", wanted(&receiver, "users")).await;
    world.advance(1);
    world.entra().set_enabled(ada, false).expect("disables");
    world.advance(119);
    let control = format!("{}/entra/lifecycle", world.credentials().control_url);
    let order = world.http.post(&control).json(&json!({"event": "reauthorizationRequired"}));
    order.send().await.expect("answers");
    let first = receiver.next().await;
    assert_eq!(first["value"][0]["lifecycleEvent"], "reauthorizationRequired", "not yet");
    world.advance(1);
    assert_eq!(receiver.next().await["value"][0]["changeType"], "updated");
}
