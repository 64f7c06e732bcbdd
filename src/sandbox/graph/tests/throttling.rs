//! Resource units, every form of `Retry-After`, and batches on bad days.

use reqwest::Response;
use serde_json::{Value, json};

use super::World;
use crate::sandbox::graph::switches::{RetryAfter, Switches};

async fn ask(world: &World, path: &str) -> Response {
    world.request(path).send().await.expect("answers")
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().expect("text"))
}

#[tokio::test]
async fn every_request_has_its_price() {
    let world = World::empty().await;
    let ada = world.person("Ada");
    let group = world.group("Sales", &[ada]);
    for (path, units) in [
        ("/users".to_owned(), "2"),
        ("/users?$select=id".to_owned(), "1"),
        ("/users?$top=5&$select=id".to_owned(), "1"),
        ("/users?$expand=manager".to_owned(), "3"),
        (format!("/users/{ada}"), "1"),
        (format!("/groups/{group}/members"), "3"),
        (format!("/groups/{group}/members?$select=id&$top=999"), "2"),
        (format!("/groups/{group}/transitiveMembers"), "5"),
        ("/users/delta".to_owned(), "1"),
        ("/nonsense".to_owned(), "1"),
    ] {
        let answer = ask(&world, &path).await;
        assert_eq!(header(&answer, "x-ms-resource-unit"), Some(units), "{path}");
        assert!(header(&answer, "x-ms-throttle-limit-percentage").is_none());
        assert_eq!(header(&answer, "date"), Some("Fri, 15 Jan 2027 08:00:00 GMT"));
    }
}

#[tokio::test]
async fn who_uses_too_much_is_told_and_then_refused() {
    let world = World::empty().await;
    let limited =
        |retry_after| Switches { resource_units: Some(10), retry_after, ..Switches::default() };
    world.entra().set_switches(limited(RetryAfter::Seconds));
    for share in [None, None, None, Some("0.80"), Some("1.00")] {
        let answer = ask(&world, "/users").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "x-ms-throttle-limit-percentage"), share);
    }
    let refused = ask(&world, "/users").await;
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "retry-after"), Some("2"));
    let scope = format!(
        "Tenant_Application/Read/{}/{}",
        world.credentials().client_id,
        world.credentials().tenant_id
    );
    assert_eq!(header(&refused, "x-ms-throttle-scope"), Some(scope.as_str()));
    assert_eq!(header(&refused, "x-ms-throttle-information"), Some("ResourceUnitLimitExceeded"));
    assert_eq!(header(&refused, "x-ms-throttle-limit-percentage"), Some("1.20"));
    let body: Value = refused.json().await.expect("JSON");
    assert_eq!(body["error"]["code"], "TooManyRequests");
    assert_eq!(body["error"]["innerError"]["status"], "429");
    // Requests that are refused count as well.
    for (form, wanted) in [
        (RetryAfter::Fraction, Some("4.001")),
        (RetryAfter::HttpDate, Some("Fri, 15 Jan 2027 08:00:07 GMT")),
        (RetryAfter::Absent, None),
    ] {
        world.entra().set_switches(limited(form));
        let refused = ask(&world, "/users").await;
        assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (429, wanted));
    }
    world.advance(9);
    assert_eq!(ask(&world, "/users?$select=id").await.status(), 200);
    world.entra().set_switches(Switches::default());
    assert_eq!(ask(&world, "/users").await.status(), 200);
}

#[tokio::test]
async fn reports_have_a_limit_of_their_own() {
    let mut world = World::empty().await;
    let path = "/auditLogs/provisioning";
    assert_eq!(ask(&world, path).await.status(), 403);
    world.entra().set_permissions(["AuditLog.Read.All".to_owned()]);
    world.sign_in().await;
    world.advance(10);
    for _ in 0..5 {
        assert_eq!(ask(&world, path).await.status(), 200);
    }
    assert_eq!(ask(&world, path).await.status(), 429);
    world.advance(10);
    assert_eq!(ask(&world, path).await.status(), 200);
}

#[tokio::test]
async fn requests_of_a_batch_are_charged_on_their_own_and_come_in_any_order() {
    let world = World::empty().await;
    let switches = Switches { resource_units: Some(10), ..Switches::default() };
    world.entra().set_switches(Switches { batch_shuffled: true, ..switches.clone() });
    let requests: Vec<Value> =
        (0..8).map(|id| json!({"id": id.to_string(), "method": "GET", "url": "/users"})).collect();
    let answer = world.batch(json!(requests)).await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.expect("JSON");
    let rows = body["responses"].as_array().expect("a list");
    let status = |wanted: u64| rows.iter().filter(|row| row["status"] == wanted).count();
    assert_eq!((status(200), status(429)), (5, 3));
    for row in rows {
        assert_eq!(row["headers"]["Retry-After"].is_string(), row["status"] == 429);
        assert_eq!(row["headers"]["x-ms-resource-unit"], "2");
    }
    let order: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_ne!(order, sorted);
    assert_eq!(sorted, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    world.entra().set_switches(Switches { batch_fails_when_throttled: true, ..switches });
    let answer = world.batch(json!(requests)).await;
    assert_eq!(answer.status(), 424);
}
