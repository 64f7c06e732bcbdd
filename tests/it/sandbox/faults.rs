//! Each kind of fault, as a client meets it.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use sharefile_provisioner::clock::Clock;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::{Sandbox, SandboxOptions};

use super::{Caller, started};

const USERS: &str = "GET /v1.0/users";

async fn world() -> (Sandbox, Caller) {
    let options = SandboxOptions { users: 25, groups: 4, ..SandboxOptions::default() };
    let (sandbox, _) = started(options).await;
    let caller = Caller::of(&sandbox);
    (sandbox, caller)
}

async fn users(caller: &Caller) -> reqwest::Result<Response> {
    caller.graph(Method::GET, "users?$top=10&$select=id,mail,displayName").await.send().await
}

async fn page(caller: &Caller, path: &str) -> Value {
    let answer = caller.graph(Method::GET, path).await.send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.expect("JSON")
}

fn ids(page: &Value) -> Vec<String> {
    let rows = page["value"].as_array().expect("rows");
    rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

/// Follows the links of a list to its end; returns the ids on each page.
async fn walk(caller: &Caller, path: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next = path.to_owned();
    loop {
        let answer = page(caller, &next).await;
        pages.push(ids(&answer));
        match answer["@odata.nextLink"].as_str() {
            Some(link) => next = link.to_owned(),
            None => return pages,
        }
        assert!(pages.len() < 50, "the list does not end");
    }
}

fn new_account(email: &str) -> Value {
    json!({"Email": email, "FirstName": " Ada  Mary", "LastName": "Byron", "Company": "Analytical"})
}

async fn create(caller: &Caller, email: &str) -> reqwest::Result<Response> {
    let request = caller.sharefile(Method::POST, "Users/AccountUser").await;
    request.json(&new_account(email)).send().await
}

async fn reason(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.expect("JSON");
    let at = |path: &str| body.pointer(path).and_then(Value::as_str).map(str::to_owned);
    (status, at("/reason").or_else(|| at("/error/code")).expect("a reason"))
}

#[tokio::test]
async fn refusals_come_with_every_form_of_retry_after() {
    let (sandbox, caller) = world().await;
    for (text, expected) in [("2", "2"), ("2.128", "2.128"), ("soon", "soon")] {
        sandbox
            .faults
            .add(Fault::new(FaultKind::TooManyRequests).at(USERS).times(1).retry_after(text));
        let answer = users(&caller).await.expect("an answer");
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (429, &expected.parse().expect("a header"))
        );
    }
    sandbox
        .faults
        .add(Fault::new(FaultKind::Unavailable).at(USERS).times(1).retry_after("date+40"));
    let answer = users(&caller).await.expect("an answer");
    assert_eq!(answer.status(), 503);
    // The sandbox lives in September 2026, whatever the machine says.
    assert_eq!(answer.headers()["date"], "Mon, 21 Sep 2026 14:13:20 GMT");
    assert_eq!(answer.headers()["retry-after"], "Mon, 21 Sep 2026 14:14:00 GMT");
    sandbox.faults.add(Fault::new(FaultKind::Unavailable).at(USERS).times(1));
    let answer = users(&caller).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.headers().get("retry-after")), (503, None));
    assert_eq!(users(&caller).await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn throttling_has_other_statuses_and_reasons_too() {
    let (sandbox, caller) = world().await;
    for status in [403, 503] {
        let fault = Fault::new(FaultKind::TooManyRequests).at("/sf/v3/Users").times(1);
        sandbox.faults.add(Fault {
            status: Some(status),
            reason: Some("Throttled".into()),
            ..fault
        });
        let answer = create(&caller, "ada@contoso.com").await.expect("an answer");
        assert_eq!(reason(answer).await, (status, "Throttled".to_owned()));
    }
    sandbox.faults.add(Fault::new(FaultKind::Unauthorized).at("/sf/v3/").times(1));
    let answer = create(&caller, "ada@contoso.com").await.expect("an answer");
    assert_eq!(reason(answer).await, (401, "NotAuthenticated".to_owned()));
    assert!(sandbox.sharefile.account_of("ada@contoso.com").is_none());
}

#[tokio::test]
async fn pages_of_html_have_any_status() {
    let (sandbox, caller) = world().await;
    for status in [None, Some(502)] {
        let fault = Fault::new(FaultKind::Html).at(USERS).times(1);
        sandbox.faults.add(Fault { status, ..fault });
        let answer = users(&caller).await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status.unwrap_or(200));
        assert!(answer.text().await.expect("a text").starts_with("<!DOCTYPE html>"));
    }
}

#[tokio::test]
async fn connections_are_dropped_before_or_after_the_write() {
    let (sandbox, caller) = world().await;
    for (kind, there) in [(FaultKind::DropBefore, false), (FaultKind::DropAfter, true)] {
        sandbox.faults.add(Fault::new(kind).at("POST /sf/v3/Users").times(1));
        create(&caller, "ada@contoso.com").await.expect_err("no answer");
        assert_eq!(sandbox.sharefile.account_of("ada@contoso.com").is_some(), there, "{kind:?}");
    }
}

#[tokio::test]
async fn requests_hang_before_or_after_the_write() {
    let (sandbox, caller) = world().await;
    for (kind, there) in [(FaultKind::StallBefore, false), (FaultKind::StallAfter, true)] {
        sandbox.faults.add(Fault::new(kind).at("POST /sf/v3/Users").times(1));
        let (answer, ()) = tokio::join!(create(&caller, "ada@contoso.com"), async {
            sandbox.faults.stalled().await;
            assert_eq!(sandbox.sharefile.account_of("ada@contoso.com").is_some(), there);
            sandbox.faults.release();
        });
        answer.expect_err("no answer");
    }
}

#[tokio::test]
async fn slow_answers_take_their_time_on_the_clock_of_the_sandbox() {
    let (sandbox, clock) = started(SandboxOptions { users: 3, ..SandboxOptions::default() }).await;
    let caller = Caller::of(&sandbox);
    sandbox.faults.add(Fault::new(FaultKind::Slow).at(USERS).delay_ms(90_000));
    let before = clock.now();
    assert_eq!(users(&caller).await.expect("an answer").status(), 200);
    assert_eq!(clock.now().ms_since(before), 90_000);
}

#[tokio::test]
async fn a_body_that_is_cut_is_no_answer() {
    let (sandbox, caller) = world().await;
    sandbox.faults.add(Fault::new(FaultKind::CutBody).at(USERS).times(1));
    let answer = users(&caller).await.expect("a head");
    let length = answer.content_length().expect("a length");
    let mut answer = answer;
    let mut got = 0;
    let ended = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => got += chunk.len() as u64,
            other => break other,
        }
    };
    assert!(ended.is_err(), "{ended:?}");
    assert_eq!(got, length / 2);
}

#[tokio::test]
async fn one_byte_at_a_time_is_the_same_answer() {
    let (sandbox, caller) = world().await;
    let plain = users(&caller).await.expect("an answer").text().await.expect("a text");
    sandbox.faults.add(Fault::new(FaultKind::Trickle).at(USERS).times(1));
    let mut answer = users(&caller).await.expect("an answer");
    let (mut text, mut chunks) = (Vec::new(), 0);
    while let Some(chunk) = answer.chunk().await.expect("a chunk") {
        text.extend_from_slice(&chunk);
        chunks += 1;
    }
    assert_eq!(String::from_utf8(text).expect("a text"), plain);
    assert!(chunks > 50, "{chunks} chunks of {} bytes", plain.len());
}

#[tokio::test]
async fn malformed_answers_differ_from_seed_to_seed() {
    let (sandbox, caller) = world().await;
    let plain = users(&caller).await.expect("an answer").bytes().await.expect("a body");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..2 {
        sandbox.faults.add(Fault::new(FaultKind::Malformed).at(USERS).times(20).seed(300));
        for _ in 0..20 {
            let body = users(&caller).await.expect("an answer").bytes().await.expect("a body");
            assert_ne!(body, plain);
            seen.insert(body);
        }
    }
    assert!((15..=20).contains(&seen.len()), "{} different ones", seen.len());
}

#[tokio::test]
async fn pages_are_empty_repeated_reordered_or_lack_rows() {
    let (sandbox, caller) = world().await;
    const LIST: &str = "users?$top=10&$select=id";
    let whole = walk(&caller, LIST).await;
    assert_eq!(whole.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
    let with = |kind| {
        sandbox.faults.clear();
        sandbox.faults.add(Fault::new(kind).at(USERS).lose(2))
    };

    with(FaultKind::EmptyPage);
    let pages = walk(&caller, LIST).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [0, 10, 0, 10, 0, 5]);
    assert_eq!(pages.concat(), whole.concat());

    with(FaultKind::RepeatedPage);
    let pages = walk(&caller, LIST).await;
    assert_eq!(pages.len(), 6);
    assert_eq!(pages[2], pages[3]);

    with(FaultKind::ReorderedPage);
    let mut pages = walk(&caller, LIST).await;
    assert_ne!(pages, whole);
    pages.iter_mut().for_each(|page| page.sort());
    assert_eq!(pages, whole);

    with(FaultKind::LostRows);
    let pages = walk(&caller, LIST).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 3]);
}

#[tokio::test]
async fn the_end_of_a_round_of_changes_can_be_put_off() {
    let (sandbox, caller) = world().await;
    sandbox.faults.add(Fault::new(FaultKind::RepeatedPage).at("users/delta"));
    let first = page(&caller, "users/delta?$select=mail").await;
    assert_eq!(first.get("@odata.deltaLink"), None);
    let again = page(&caller, first["@odata.nextLink"].as_str().expect("a link")).await;
    assert_eq!(again["value"], first["value"]);
    assert!(again["@odata.deltaLink"].is_string(), "the round ends");
}

#[tokio::test]
async fn lists_of_sharefile_and_pages_in_a_batch_are_spoilt_as_well() {
    let (sandbox, caller) = world().await;
    let employees = async || -> Value {
        let request = caller.sharefile(Method::GET, "Accounts/Employees").await;
        request.send().await.expect("an answer").json().await.expect("JSON")
    };
    let whole = employees().await["value"].as_array().expect("rows").len();
    sandbox.faults.add(Fault::new(FaultKind::LostRows).at("Accounts/Employees").times(1));
    assert_eq!(employees().await["value"].as_array().expect("rows").len(), whole - 1);
    sandbox
        .faults
        .add(Fault::new(FaultKind::Nulls).at("Accounts/Employees").members(&["Email"]).times(1));
    let veiled = employees().await;
    assert!(veiled["value"].as_array().expect("rows").iter().all(|row| row["Email"].is_null()));
    assert!(veiled["value"][0]["FirstName"].is_string() && veiled["value"][0]["Id"].is_string());

    sandbox.faults.add(Fault::new(FaultKind::EmptyPage).at("$batch GET /v1.0/users"));
    let batch = json!({"requests": [
        {"id": "a", "method": "GET", "url": "/users?$top=5"},
        {"id": "b", "method": "GET", "url": "/groups?$top=2"},
    ]});
    let request = caller.graph(Method::POST, "$batch").await.json(&batch);
    let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    let part = |id: &str| {
        let parts = answer["responses"].as_array().expect("answers");
        parts.iter().find(|part| part["id"] == id).expect("an answer")["body"].clone()
    };
    assert_eq!(part("a")["value"], json!([]));
    assert_eq!(part("b")["value"].as_array().map(Vec::len), Some(2));
    sandbox.faults.clear();
    let next = page(&caller, part("a")["@odata.nextLink"].as_str().expect("a link")).await;
    assert_eq!(ids(&next).len(), 5);
}

#[tokio::test]
async fn nulls_stand_for_missing_permissions() {
    let (sandbox, caller) = world().await;
    sandbox.faults.add(Fault::new(FaultKind::Nulls).at(USERS).members(&["mail"]));
    let listed = page(&caller, "users?$select=id,mail,displayName").await;
    assert!(listed["value"].as_array().expect("rows").iter().all(|row| row["mail"].is_null()));
    assert!(listed["value"][0]["displayName"].is_string());
    let id = listed["value"][0]["id"].as_str().expect("an id");
    let one = page(&caller, &format!("users/{id}?$select=id,mail,displayName")).await;
    assert!(one["mail"].is_null() && one["displayName"].is_string(), "{one}");
}

#[tokio::test]
async fn writes_are_ignored_in_part_or_normalised() {
    let (sandbox, caller) = world().await;
    sandbox
        .faults
        .add(Fault::new(FaultKind::Ignored).at("/sf/v3/Users").members(&["Company"]).times(1));
    assert_eq!(create(&caller, "ada@contoso.com").await.expect("an answer").status(), 200);
    let ada = sandbox.sharefile.account_of("ada@contoso.com").expect("an account");
    assert_eq!((&*ada.company, &*ada.first_name), ("", " Ada  Mary"));
    sandbox.faults.add(Fault::new(FaultKind::Normalised).at("/sf/v3/Users").times(1));
    assert_eq!(create(&caller, "GRACE@contoso.com").await.expect("an answer").status(), 200);
    let grace = sandbox.sharefile.account_of("grace@contoso.com").expect("an account");
    assert_eq!((&*grace.email, &*grace.first_name), ("grace@contoso.com", "Ada Mary"));
}

#[tokio::test]
async fn addresses_seem_taken_and_licences_gone() {
    let (sandbox, caller) = world().await;
    sandbox.faults.add(Fault::new(FaultKind::DuplicateAddress).times(1));
    let answer = create(&caller, "ada@contoso.com").await.expect("an answer");
    assert_eq!(reason(answer).await, (404, "NotFound".to_owned()));
    let fault = Fault::new(FaultKind::DuplicateAddress).times(1);
    sandbox.faults.add(Fault { status: Some(409), reason: Some("Conflict".into()), ..fault });
    let answer = create(&caller, "ada@contoso.com").await.expect("an answer");
    assert_eq!(reason(answer).await, (409, "Conflict".to_owned()));
    sandbox.faults.add(Fault::new(FaultKind::NoLicence).times(1));
    let answer = create(&caller, "ada@contoso.com").await.expect("an answer");
    assert_eq!(reason(answer).await, (403, "EmployeeLicensesExceeded".to_owned()));
    assert_eq!(create(&caller, "ada@contoso.com").await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn tokens_and_delta_links_expire() {
    let (sandbox, caller) = world().await;
    sandbox.faults.add(Fault::new(FaultKind::ExpiredToken).at(USERS).times(1));
    let answer = users(&caller).await.expect("an answer");
    assert_eq!(reason(answer).await, (401, "InvalidAuthenticationToken".to_owned()));
    let round = page(&caller, "users/delta?$deltatoken=latest").await;
    sandbox.faults.add(Fault::new(FaultKind::ExpiredDelta).times(1));
    let link = round["@odata.deltaLink"].as_str().expect("a link");
    let answer = caller.graph(Method::GET, link).await.send().await.expect("an answer");
    assert_eq!(reason(answer).await, (400, "syncStateNotFound".to_owned()));
}

#[tokio::test]
async fn faults_are_limited_by_method_count_chance_and_time() {
    let options = SandboxOptions { users: 3, ..SandboxOptions::default() };
    let (sandbox, clock) = started(options).await;
    let caller = Caller::of(&sandbox);
    let add = async |fault: Value| {
        let (status, answer) = caller.control(Method::POST, "faults", Some(fault)).await;
        assert_eq!(status, 200, "{answer}");
    };
    let statuses = async |count: usize| {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(users(&caller).await.expect("an answer").status().as_u16());
        }
        statuses
    };
    add(json!({"kind": "unavailable", "endpoint": "/users", "method": "POST"})).await;
    assert_eq!(statuses(2).await, [200, 200]);
    add(json!({"kind": "unavailable", "endpoint": "/users", "after": 1, "times": 2})).await;
    assert_eq!(statuses(4).await, [200, 503, 503, 200]);
    add(json!({"kind": "unavailable", "endpoint": "/users", "from": "1m", "until": "2m"})).await;
    assert_eq!(statuses(1).await, [200]);
    clock.advance(Duration::from_secs(60));
    assert_eq!(statuses(1).await, [503]);
    clock.advance(Duration::from_secs(60));
    assert_eq!(statuses(1).await, [200]);
    sandbox.faults.clear();
    add(json!({"kind": "unavailable", "endpoint": "/users", "probability": 0.5, "seed": 4})).await;
    let first = statuses(20).await;
    assert!(first.contains(&200) && first.contains(&503), "{first:?}");
    sandbox.faults.clear();
    add(json!({"kind": "unavailable", "endpoint": "/users", "probability": 0.5, "seed": 4})).await;
    assert_eq!(statuses(20).await, first, "the same seed, the same luck");
}

#[tokio::test]
async fn a_fault_that_cannot_be_understood_is_refused_with_what_is_known() {
    let (_sandbox, caller) = world().await;
    for (fault, part) in [
        (json!({"kind": "htlm"}), "expected one of `too_many_requests`"),
        (json!({"kind": "html", "tmies": 3}), "unknown field `tmies`"),
        (json!({"kind": "html", "keep": 3}), "`keep` says nothing about html"),
    ] {
        let (status, answer) = caller.control(Method::POST, "faults", Some(fault)).await;
        assert_eq!(status, 400);
        assert!(answer["error"].as_str().expect("a text").contains(part), "{answer}");
    }
    let (_, listed) = caller.control(Method::GET, "faults", None).await;
    assert_eq!(listed, json!([]));
}
