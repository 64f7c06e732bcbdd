//! The synchronization API and the provisioning log.

use reqwest::Method;
use serde_json::{Value, json};

use super::{World, ids, link};

async fn world() -> World {
    let mut world = World::empty().await;
    let all = world.entra().permissions();
    let more = ["Synchronization.Read.All", "AuditLog.Read.All"].map(str::to_owned);
    world.entra().set_permissions(all.into_iter().chain(more));
    world.sign_in().await;
    world
}

async fn put(world: &World, method: Method, path: &str, body: Value) -> u16 {
    let address = format!("{}{path}", world.credentials().control_url);
    let answer = world.http.request(method, address).json(&body).send().await.expect("answers");
    answer.status().as_u16()
}

#[tokio::test]
async fn the_job_and_its_schema_are_read() {
    let world = world().await;
    let root = format!("/servicePrincipals/{}/synchronization", world.application());
    let jobs = world.get(&format!("{root}/jobs")).await;
    let job = ids(&jobs).pop().expect("a job");
    let tenant = world.entra().tenant_id().simple().to_string();
    assert!(job.starts_with(&format!("ShareFile.{tenant}.")));
    let one = world.get(&format!("{root}/jobs/{job}")).await;
    assert_eq!(one["schedule"]["state"], "Disabled");
    assert_eq!(one["status"]["code"], "Paused");
    let schema = world.get(&format!("{root}/jobs/{job}/schema")).await;
    let rule = &schema["synchronizationRules"][0];
    assert_eq!(rule["targetDirectoryName"], schema["directories"][1]["name"]);
    let mappings = rule["objectMappings"][0]["attributeMappings"].as_array().expect("a list");
    let keys = mappings.iter().filter(|one| one["matchingPriority"] == 1).count();
    assert_eq!(keys, 1);
    let operators = world.get(&format!("{root}/jobs/{job}/schema/filterOperators")).await;
    assert!(operators["value"].as_array().is_some_and(|all| all.len() == 8));
    let functions = world.get(&format!("{root}/jobs/{job}/schema/functions")).await;
    assert!(functions["value"].as_array().is_some_and(|all| all.len() > 5));
    let templates = world.get(&format!("{root}/templates")).await;
    let template = ids(&templates).pop().expect("a template");
    let again = world.get(&format!("{root}/templates/{template}/schema")).await;
    assert_eq!(again["synchronizationRules"], schema["synchronizationRules"]);
    let secrets = world.get(&format!("{root}/secrets")).await;
    assert_eq!(secrets["value"][0]["value"], Value::Null);
    assert_eq!(world.refused(&format!("{root}/jobs/other")).await.0, 404);
    let other = world.entra().add_application("Other");
    let none = world.get(&format!("/servicePrincipals/{other}/synchronization/jobs")).await;
    assert!(ids(&none).is_empty());
    let start = world.http.post(world.address(&format!("{root}/jobs/{job}/schema")));
    let start = start.bearer_auth(&world.token).send().await.expect("answers");
    assert_eq!(start.status(), 405, "it is read-only");

    let own = json!({"id": "own", "synchronizationRules": [], "directories": []});
    assert_eq!(put(&world, Method::PUT, "/entra/synchronization/schema", own).await, 200);
    let schema = world.get(&format!("{root}/jobs/{job}/schema")).await;
    assert_eq!(schema["id"], "own");
    assert_eq!(put(&world, Method::PUT, "/entra/synchronization/job", json!({})).await, 400);
    assert_eq!(put(&world, Method::PUT, "/entra/synchronization/job", Value::Null).await, 200);
    assert!(ids(&world.get(&format!("{root}/jobs")).await).is_empty());
}

#[tokio::test]
async fn the_synchronization_api_needs_its_permission() {
    let world = World::empty().await;
    let root = format!("/servicePrincipals/{}/synchronization", world.application());
    assert_eq!(world.refused(&format!("{root}/jobs")).await.0, 403);
}

#[tokio::test]
async fn the_provisioning_log_is_filtered() {
    let world = world().await;
    let entries = json!([
        {"id": "a", "activityDateTime": "2027-01-15T07:00:00Z", "provisioningAction": "create",
         "sourceIdentity": {"id": "x", "displayName": "Ada", "identityType": "User", "details": {}}},
        {"id": "b", "activityDateTime": "2027-01-15T07:30:00Z", "provisioningAction": "update",
         "provisioningStatusInfo": {"status": "failure", "errorInformation": null}},
        {"id": "c"},
    ]);
    assert_eq!(put(&world, Method::POST, "/entra/provisioning-log", entries).await, 200);
    let all = world.get("/auditLogs/provisioning?$top=2").await;
    assert_eq!(ids(&all), ["c", "b"], "the latest first");
    assert_eq!(all["value"][0]["initiatedBy"]["initiatorType"], "system");
    assert_eq!(ids(&world.get(link(&all, "next").expect("more")).await), ["a"]);
    world.advance(10);
    let list =
        |filter: &str| format!("/auditLogs/provisioning?$filter={}", filter.replace(' ', "%20"));
    for (filter, wanted) in [
        ("provisioningStatusInfo/status eq 'FAILURE'", "b"),
        ("sourceIdentity/displayName eq 'Ada'", "a"),
        ("activityDateTime gt 2027-01-15T07:45:00Z", "c"),
        ("activityDateTime lt 2027-01-15T07:10:00Z and provisioningAction eq 'create'", "a"),
    ] {
        assert_eq!(ids(&world.get(&list(filter)).await), [wanted], "{filter}");
    }
    world.advance(10);
    assert!(ids(&world.get(&list("sourceIdentity/displayName eq 'ada'")).await).is_empty());
    assert_eq!(world.refused(&list("provisioningAction ne 'create'")).await.0, 400);
    assert_eq!(world.refused(&list("modifiedProperties eq 'x'")).await.0, 400);
}
