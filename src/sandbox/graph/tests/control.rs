//! The control API and the company that it shows.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::World;
use crate::clock::JumpClock;
use crate::model::ids::Timestamp;
use crate::sandbox::people::{CompanyOptions, company};
use crate::sandbox::{Sandbox, SandboxOptions};

async fn ask(world: &World, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let address = format!("{}{path}", world.credentials().control_url);
    let mut request = world.http.request(method, address);
    if !body.is_null() {
        request = request.json(&body);
    }
    let answer = request.send().await.expect("answers");
    let status = answer.status();
    let text = answer.text().await.expect("text");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

async fn read(world: &World, path: &str) -> Value {
    let (status, body) = ask(world, Method::GET, path, Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

#[tokio::test]
async fn people_are_added_changed_and_removed() {
    let world = World::empty().await;
    world.group("Sales", &[]);
    let new = json!({
        "userPrincipalName": "ada@contoso.com", "mail": "Ada@contoso.com", "givenName": "Ada",
        "groups": ["sales"], "role": "Employee",
    });
    let (status, ada) = ask(&world, Method::POST, "/people", new.clone()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(ada["groups"].as_array().map(Vec::len), Some(1));
    assert_eq!(ask(&world, Method::POST, "/people", new).await.0, StatusCode::CONFLICT);
    let bad = json!({"userPrincipalName": "b@contoso.com", "nonsense": 1});
    assert_eq!(ask(&world, Method::POST, "/people", bad).await.0, StatusCode::BAD_REQUEST);
    let patch = json!({"department": "Sales", "accountEnabled": false});
    let (_, changed) = ask(&world, Method::PATCH, "/people/ADA@contoso.com", patch).await;
    assert_eq!(changed["department"], "Sales");
    assert_eq!(
        read(&world, "/people?enabled=false&query=ada").await.as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(read(&world, "/people?enabled=true").await, json!([]));
    assert_eq!(read(&world, "/people?group=Sales&entitled=true").await[0]["id"], ada["id"]);
    let rows = read(&world, "/assignments").await;
    assert_eq!(rows[0]["role_value"], "Employee");
    let who = format!("/people/{}", ada["id"].as_str().expect("an id"));
    ask(&world, Method::DELETE, &who, Value::Null).await;
    assert!(read(&world, &who).await["deleted"].is_string());
    let (status, back) = ask(&world, Method::POST, &format!("{who}/restore"), Value::Null).await;
    assert_eq!((status, &back["deleted"]), (StatusCode::OK, &Value::Null));
    ask(&world, Method::DELETE, &format!("{who}?hard=true"), Value::Null).await;
    assert_eq!(ask(&world, Method::GET, &who, Value::Null).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn groups_assignments_and_settings_are_changed() {
    let mut world = World::empty().await;
    world.person("Ada");
    let new = json!({"displayName": "Sales", "members": ["ada@contoso.com"], "role": "default"});
    let (status, sales) = ask(&world, Method::POST, "/groups", new).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(read(&world, "/people?entitled=true").await, json!([]), "Default Access only");
    let assignment = json!({"principal": "Sales", "role": "Client"});
    assert_eq!(ask(&world, Method::POST, "/assignments", assignment).await.0, StatusCode::CREATED);
    assert_eq!(read(&world, "/people?entitled=true").await.as_array().map(Vec::len), Some(1));
    let change = json!({"remove": ["ada@contoso.com"]});
    let (_, left) = ask(&world, Method::POST, "/groups/Sales/members", change).await;
    assert_eq!(left["members"], json!([]));
    let name = json!({"displayName": "Sales & More"});
    ask(&world, Method::PATCH, "/groups/sales", name).await;
    assert_eq!(read(&world, "/groups").await[0]["displayName"], "Sales & More");
    let which = format!("/assignments/{}", sales["id"].as_str().expect("an id"));
    assert_eq!(ask(&world, Method::DELETE, &which, Value::Null).await.1, json!({"removed": 2}));
    assert_eq!(ask(&world, Method::DELETE, &which, Value::Null).await.0, StatusCode::NOT_FOUND);

    let before = read(&world, "/clock").await;
    assert_eq!(before, json!({"now": "2027-01-15T08:00:00Z", "movable": true}));
    let (_, after) = ask(&world, Method::POST, "/clock", json!({"advance_secs": 60})).await;
    assert_eq!(after["now"], "2027-01-15T08:01:00Z");
    ask(&world, Method::PUT, "/permissions", json!(["User.Read.All"])).await;
    world.sign_in().await;
    assert_eq!(world.refused("/groups").await.0, 403);
    let (_, switches) =
        ask(&world, Method::PATCH, "/switches", json!({"delta_page_size": 3})).await;
    assert_eq!(switches["delta_page_size"], 3);
    let bad = json!({"nonsense": 3});
    assert_eq!(ask(&world, Method::PATCH, "/switches", bad).await.0, StatusCode::BAD_REQUEST);
    ask(&world, Method::PATCH, "/credentials", json!({"expire_secrets": true})).await;
    assert_eq!(world.ask_token(&world.secret_form()).await.status(), 401);
    assert_eq!(read(&world, "/credentials").await["application"], "Citrix ShareFile");
    assert!(read(&world, "").await["routes"].as_array().is_some_and(|routes| routes.len() > 15));
    assert!(read(&world, "/accounts").await.is_array());
    assert!(read(&world, "/counts").await.is_object());
}

#[tokio::test]
async fn a_company_lives_in_both_tenants() {
    let options = || {
        let clock = Arc::new(JumpClock::new(Timestamp(1_800_000_000_000)));
        SandboxOptions { users: 200, ..SandboxOptions::default() }.jumping(clock)
    };
    let sandbox = Sandbox::start(options()).await.expect("starts");
    let totals = sandbox.entra.totals();
    assert_eq!((totals.people, totals.groups), (200, 8));
    assert!(totals.guests > 0 && totals.memberships > 150);
    let entitled = sandbox.entra.entitled().len();
    assert!(entitled > 150 && entitled < 200);
    let first = sandbox.entra.people().into_iter().max_by_key(|person| person.groups.len());
    assert_eq!(first.map(|person| person.groups.len()), Some(7));
    let kinds: Vec<_> =
        sandbox.entra.assignments().iter().map(|row| row.principal_type.name()).collect();
    for kind in ["User", "Group", "ServicePrincipal"] {
        assert!(kinds.contains(&kind), "{kind}");
    }
    let accounts = sandbox.sharefile.accounts();
    assert!(accounts.len() > 10);
    assert!(accounts.iter().any(|account| account.disabled));
    assert!(accounts.iter().any(|account| account.email.contains("@CONTOSO.COM")));
    let credentials = sandbox.credentials();
    let twin = Sandbox::start(options()).await.expect("starts");
    assert_eq!(twin.entra.people(), sandbox.entra.people());
    assert_eq!(twin.credentials().client_secret, credentials.client_secret);
    twin.stop().await;
    sandbox.stop().await;
}

#[test]
fn ten_thousand_people_are_made_at_once() {
    let options = CompanyOptions {
        seed: 1,
        users: 10_000,
        groups: 200,
        tenant_domain: "contoso.onmicrosoft.com".to_owned(),
        existing_accounts: true,
        accounts_in_step: 0,
    };
    let company = company(&options);
    assert_eq!(company.people.len(), 10_000);
    assert!(company.members.len() > 15_000 && company.members.len() < 25_000);
}
