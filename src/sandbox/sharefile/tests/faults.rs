use super::*;
use crate::sandbox::faults::{Fault, FaultKind};

async fn create(world: &World, email: &str) -> Result<(u16, Value), reqwest::Error> {
    let request = world.request(Method::POST, "Users/AccountUser", Some(&person(email)));
    Ok(read(request.send().await?).await)
}

fn exists(world: &World, email: &str) -> bool {
    world.sharefile.account_of(email).is_some()
}

#[tokio::test]
async fn throttling_says_so_and_processes_nothing() {
    let world = World::start().await;
    for (kind, status, code, wait) in [
        (FaultKind::TooManyRequests, 429, "TooManyRequests", "1.5"),
        (FaultKind::Unavailable, 503, "ServiceUnavailable", "Sun, 22 Nov 2026 04:20:10 GMT"),
    ] {
        world.faults.add(Fault::new(kind).at("AccountUser").times(1).retry_after(wait));
        let request =
            world.request(Method::POST, "Users/AccountUser", Some(&person("g@contoso.com")));
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["retry-after"], wait);
        assert_refused(&read(response).await, status, code, "Throttled");
        assert!(!exists(&world, "g@contoso.com"));
    }
    let mut fault = Fault::new(FaultKind::Unavailable).times(1);
    fault.status = Some(403);
    fault.reason = Some("MaintenanceMode".to_owned());
    world.faults.add(fault);
    let response = world.request(Method::GET, "Users", None).send().await.unwrap();
    assert!(response.headers().get("retry-after").is_none());
    assert_refused(&read(response).await, 403, "Forbidden", "MaintenanceMode");
    assert_eq!(world.get("Users").await.0, 200);
}

#[tokio::test]
async fn html_and_challenges_come_instead_of_answers() {
    let world = World::start().await;
    world.faults.add(Fault::new(FaultKind::Html).times(1));
    let response = world.request(Method::GET, "Users", None).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    world.faults.add(Fault::new(FaultKind::Unauthorized).times(1));
    let response = world.request(Method::GET, "Users", None).send().await.unwrap();
    assert!(response.headers().contains_key("www-authenticate"));
    assert_refused(&read(response).await, 401, "Unauthorized", "NotAuthenticated");
    assert_eq!(world.get("Users").await.0, 200);
}

#[tokio::test]
async fn a_token_that_expires_stays_dead() {
    let world = World::start().await;
    world.faults.add(Fault::new(FaultKind::ExpiredToken).after(1).times(1));
    assert_eq!(world.get("Users").await.0, 200);
    assert_eq!(world.get("Users").await.0, 401);
    assert_eq!(world.get("Users").await.0, 401);
}

#[tokio::test]
async fn a_cut_list_still_counts_right() {
    let world = World::start().await;
    world.faults.add(Fault::new(FaultKind::CutList).at("Accounts/Employees").times(1).keep(1));
    assert_eq!(world.get("Accounts/Clients").await.1["odata.count"], 0);
    let (_, feed) = world.get("Accounts/Employees").await;
    assert_eq!(feed["odata.count"], 4);
    assert_eq!(feed["value"].as_array().unwrap().len(), 1);
    assert!(feed.get("odata.nextLink").is_none());
    let (_, feed) = world.get("Accounts/Employees").await;
    assert_eq!(feed["value"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn connections_drop_before_and_after_the_effect() {
    let world = World::start().await;
    world.faults.add(Fault::new(FaultKind::DropBefore).on("POST").times(1));
    assert!(create(&world, "before@contoso.com").await.is_err());
    assert!(!exists(&world, "before@contoso.com"));
    world.faults.add(Fault::new(FaultKind::DropAfter).on("POST").times(1));
    assert!(create(&world, "after@contoso.com").await.is_err());
    assert!(exists(&world, "after@contoso.com"));
    assert_eq!(create(&world, "before@contoso.com").await.unwrap().0, 200);
    assert_eq!(world.counts.total("POST /sf/v3/Users/AccountUser"), 3);
    let statuses: Vec<_> = world.counts.writes().iter().map(|write| write.status).collect();
    assert_eq!(statuses, [200, 200]);
}

#[tokio::test]
async fn stalled_requests_hang_until_released() {
    let world = Arc::new(World::start().await);
    for (kind, effect) in [(FaultKind::StallBefore, false), (FaultKind::StallAfter, true)] {
        let email = format!("{effect}@contoso.com");
        world.faults.add(Fault::new(kind).at("AccountUser").times(1));
        let hanging = tokio::spawn({
            let (world, email) = (world.clone(), email.clone());
            async move { create(&world, &email).await.is_err() }
        });
        world.faults.stalled().await;
        assert_eq!(exists(&world, &email), effect);
        assert!(!hanging.is_finished());
        assert_eq!(world.control(Method::GET, "stalled", None).await.1["stalled"], 1);
        assert_eq!(world.control(Method::POST, "release", None).await.0, 200);
        assert!(hanging.await.unwrap());
        assert_eq!(world.faults.stalled_now(), 0);
    }
}

#[tokio::test]
async fn a_peer_that_goes_away_ends_its_stall() {
    let world = Arc::new(World::start().await);
    world.faults.add(Fault::new(FaultKind::StallAfter).at("AccountUser").times(1));
    let hanging = tokio::spawn({
        let world = world.clone();
        async move { create(&world, "gone@contoso.com").await.is_err() }
    });
    world.faults.stalled().await;
    hanging.abort();
    let _ = hanging.await;
    while world.faults.stalled_now() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(exists(&world, "gone@contoso.com"));
}

#[tokio::test]
async fn requests_are_counted_and_writes_logged() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    world.get("Users").await;
    world.patch(&format!("Users({id})?$expand=Security"), json!({ "LastName": "King" })).await;
    world.get(&format!("Users({id})")).await;
    world.sign_in().await;
    world.control(Method::GET, "accounts", None).await;
    let counted = world.counts.by_endpoint();
    let expected = [
        ("GET /sf/v3/Users", 1),
        ("GET /sf/v3/Users(id)", 1),
        ("PATCH /sf/v3/Users(id)", 1),
        ("POST /oauth/token", 1),
    ];
    let expected = expected.map(|(label, count)| (label.to_owned(), count));
    assert_eq!(counted.into_iter().collect::<Vec<_>>(), expected);
    let (_, log) = world.control(Method::GET, "writes?since=0", None).await;
    assert_eq!(log["writes"].as_array().unwrap().len(), 1);
    let write = &log["writes"][0];
    assert_eq!(write["path"], format!("/sf/v3/Users({id})?$expand=Security").as_str());
    assert_eq!((&write["method"], &write["status"]), (&json!("PATCH"), &json!(200)));
    assert_eq!(write["body"], json!({ "LastName": "King" }));
    assert_eq!(write["at"], START.0);
}

#[tokio::test]
async fn the_control_api_reads_and_changes_everything() {
    let world = World::start().await;
    let body = json!({ "email": "New@contoso.com", "first_name": "N", "kind": "client" });
    let (status, account) = world.control(Method::POST, "accounts", Some(body.clone())).await;
    assert_eq!((status, &account["kind"]), (200, &json!("client")));
    assert_eq!(world.control(Method::POST, "accounts", Some(body)).await.0, 409);
    let path = format!("accounts/{}", account["id"].as_str().unwrap());
    let edit = json!({ "kind": "employee", "disabled": true, "super_user": true });
    let (status, account) = world.control(Method::PATCH, &path, Some(edit)).await;
    assert_eq!((status, &account["super_user"]), (200, &json!(true)));
    assert_eq!(account["roles"][0], "Employee");
    let wrong = world.control(Method::PATCH, &path, Some(json!({ "emial": "x" }))).await;
    assert_eq!(wrong.0, 400);
    let taken = json!({ "email": "owner@contoso.com" });
    assert_eq!(world.control(Method::PATCH, &path, Some(taken)).await.0, 409);
    assert_eq!(world.control(Method::DELETE, &path, None).await.0, 200);
    assert_eq!(world.control(Method::DELETE, &path, None).await.0, 404);
    assert_eq!(world.control(Method::GET, &path, None).await.1["deleted"], true);

    let fault = json!({ "kind": "too_many_requests", "times": 1 });
    let (_, added) = world.control(Method::POST, "faults", Some(fault)).await;
    assert_eq!(world.control(Method::GET, "faults", None).await.1[0]["times"], 1);
    let path = format!("faults/{}", added["id"]);
    assert_eq!(world.control(Method::DELETE, &path, None).await.0, 200);
    assert!(world.faults.list().is_empty());

    let settings = json!({
        "switches": { "page_size": 7 }, "employee_max": 9, "service_roles": ["CanManageUsers"],
    });
    let (status, settings) = world.control(Method::PATCH, "sharefile", Some(settings)).await;
    assert_eq!((status, &settings["switches"]["page_size"]), (200, &json!(7)));
    assert_eq!(settings["switches"]["protect_owners"], true);
    assert_eq!(settings["service_roles"], json!(["Employee", "CanManageUsers"]));
    let unknown = json!({ "switches": { "page_sise": 7 } });
    assert_eq!(world.control(Method::PATCH, "sharefile", Some(unknown)).await.0, 400);
}

#[tokio::test]
async fn stopping_closes_listener_and_connections() {
    let world = World::start().await;
    let World { serving, http, base, .. } = world;
    serving.stop().await;
    assert!(http.get(format!("{base}/sf/v3/Users")).send().await.unwrap_err().is_connect());
}
