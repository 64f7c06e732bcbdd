//! The connector against small servers on loopback, written from the reference.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};

use super::*;
use crate::clock::JumpClock;
use crate::model::account::{AccountKind, Detail, TargetAttribute};
use crate::model::outcome::ErrorCategory;
use crate::model::row::AttributeRow;
use crate::target::Refusal;

/// A request as the server saw it.
#[derive(Clone, Debug)]
struct Seen {
    line: String,
    headers: HeaderMap,
    body: String,
}

/// What the server answers.
enum Reply {
    Json(u16, Value),
    Text(u16, &'static str),
    /// The head and a part of the body, then the connection breaks.
    Broken(&'static str),
}

type Script = Box<dyn Fn(&Seen, u64) -> Reply + Send + Sync>;

/// A tenant whose token endpoint works, and whose API follows a script. The script is given the
/// request and how many of the same line came before.
struct Tenant {
    clock: Arc<JumpClock>,
    target: Arc<Sharefile>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Tenant {
    async fn start(script: impl Fn(&Seen, u64) -> Reply + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let tokens = Arc::new(AtomicU64::new(0));
        let script: Arc<Script> = Arc::new(Box::new(script));
        let log = seen.clone();
        let handler = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (log, tokens, script) = (log.clone(), tokens.clone(), script.clone());
            async move {
                let body = String::from_utf8(body.to_vec()).unwrap();
                let line = format!("{method} {uri}");
                let request = Seen { line: line.clone(), headers, body };
                let before = {
                    let mut log = log.lock().unwrap();
                    let before = log.iter().filter(|seen| seen.line == line).count() as u64;
                    log.push(request.clone());
                    before
                };
                let reply = match script(&request, before) {
                    // 0: the token endpoint as it should be.
                    Reply::Text(0, _) => {
                        let number = tokens.fetch_add(1, Ordering::SeqCst) + 1;
                        Reply::Json(200, token(port, number))
                    }
                    reply => reply,
                };
                respond(reply)
            }
        };
        let router = axum::Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let clock = Arc::new(JumpClock::new(Default::default()));
        let settings = SharefileSettings {
            subdomain: "acme".to_owned(),
            domain: format!("localhost:{port}"),
            admin_user: "service+1@acme.example".to_owned(),
            admin_password: "p&ss+w%rd".to_owned().into(),
            client_id: "key".to_owned(),
            client_secret: "key-secret".to_owned().into(),
            requests_per_minute: 100_000,
            in_flight: 8,
        };
        let target = Arc::new(Sharefile::new(settings, clock.clone()).unwrap());
        Self { clock, target, seen }
    }

    fn lines(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|seen| seen.line.clone()).collect()
    }

    /// The lines of the API, without the path that all share.
    fn calls(&self) -> Vec<String> {
        let lines = self.lines().into_iter();
        lines.filter(|line| !is_token(line)).map(|line| line.replace("/sf/v3/", "")).collect()
    }

    fn token_forms(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|seen| is_token(&seen.line)).map(|seen| seen.body.clone()).collect()
    }

    fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

fn is_token(line: &str) -> bool {
    line == "POST /oauth/token"
}

const SIGN_IN: Reply = Reply::Text(0, "");

/// The token's answer (ShareFile API reference, section 1.3).
fn token(port: u16, number: u64) -> Value {
    json!({ "access_token": format!("access {number}"), "refresh_token": format!("refresh{number}"),
        "token_type": "bearer", "expires_in": 28800, "appcp": format!("localhost:{port}"),
        "apicp": format!("localhost:{port}"), "subdomain": "acme",
        "access_files_folders": true, "modify_files_folders": true, "admin_users": true,
        "admin_accounts": true, "change_my_settings": true, "web_app_login": true })
}

fn respond(reply: Reply) -> Response {
    let (status, content_type, body) = match reply {
        Reply::Json(status, value) => {
            (status, "application/json", Body::from(serde_json::to_vec(&value).unwrap()))
        }
        Reply::Text(status, text) => (status, "text/plain", Body::from(text)),
        Reply::Broken(part) => {
            // The pause lets the server send the head and the part before it fails.
            let rest = async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut"))
            };
            let pieces = stream::once(async move { Ok(part) }).chain(stream::once(rest));
            (200, "application/json", Body::from_stream(pieces))
        }
    };
    let builder = Response::builder().status(status).header("content-type", content_type);
    builder.body(body).unwrap()
}

fn ada() -> Value {
    json!({ "Id": "1f2e", "Email": "ada@acme.example", "FirstName": "Ada", "LastName": "Byron",
        "Company": "Acme", "Roles": ["Employee", "CanChangePassword"],
        "Emails": ["ada@acme.example", "a.byron@acme.example"],
        "Security": { "IsDisabled": false },
        "odata.type": "ShareFile.Api.Models.AccountUser", "MemberOfTomorrow": { "a": [1] } })
}

fn refusal(status: u16, reason: &str) -> Reply {
    Reply::Json(
        status,
        json!({ "code": status, "message": { "lang": "en-US", "value": "text" }, "reason": reason }),
    )
}

fn newcomer(kind: AccountKind) -> NewUser {
    let values = AttributeRow::pack([Some("new@acme.example"), Some("Zoë"), Some("O'Neil"), None]);
    NewUser { kind, values, notify: false }
}

fn id(text: &str) -> TargetId {
    TargetId::new(text)
}

#[tokio::test]
async fn signs_in_once_and_finds_an_account() {
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        line if line.contains("ada%2Btest%40acme.example") => {
            let mut user = ada();
            user["Emails"] = json!(["ADA+test@acme.example"]);
            Reply::Json(200, user)
        }
        _ => refusal(404, "NotFound"),
    })
    .await;
    let found = tenant.target.find_by_address("ada+test@acme.example").await.unwrap().unwrap();
    assert_eq!(
        (found.detail, found.kind, found.disabled),
        (Detail::Full, AccountKind::Employee, false)
    );
    assert_eq!(found.roles, ["Employee", "CanChangePassword"]);
    assert_eq!(
        tenant.calls(),
        ["GET Users?emailaddress=ada%2Btest%40acme.example&$expand=Security"]
    );
    let headers = tenant.last().headers;
    for (name, value) in [
        ("authorization", "Bearer access 1"),
        ("x-sfapi-tool", "sharefile-provisioner"),
        ("x-sfapi-toolversion", env!("CARGO_PKG_VERSION")),
        ("accept", "application/json"),
        ("accept-language", "en-US"),
        ("user-agent", concat!("sharefile-provisioner/", env!("CARGO_PKG_VERSION"))),
    ] {
        assert_eq!(headers.get(name).unwrap(), value, "{name}");
    }
    assert_eq!(tenant.target.find_by_address("nobody@acme.example").await.unwrap(), None);
    assert_eq!(tenant.target.find_by_address(" ").await.unwrap(), None);
    assert_eq!(
        tenant.token_forms(),
        ["grant_type=password&username=service%2B1%40acme.example&password=p%26ss%2Bw%25rd\
          &client_id=key&client_secret=key-secret"]
    );
    assert_eq!(tenant.target.requests(), 3);
}

#[tokio::test]
async fn tokens_are_refreshed_with_rotation_and_the_password_is_the_way_back() {
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" if seen.body.contains("refresh_token=refresh2") => {
            Reply::Json(400, json!({ "error": "invalid_grant" }))
        }
        "POST /oauth/token" => SIGN_IN,
        _ => Reply::Json(200, ada()),
    })
    .await;
    for _ in 0..3 {
        tenant.target.read_user(&id("1f2e")).await.unwrap().unwrap();
        tenant.clock.advance(Duration::from_secs(28_800));
    }
    let grants: Vec<String> = tenant
        .token_forms()
        .iter()
        .map(|form| form.split("&client_id").next().unwrap().to_owned())
        .collect();
    let password =
        "grant_type=password&username=service%2B1%40acme.example&password=p%26ss%2Bw%25rd";
    assert_eq!(
        grants,
        [
            password,
            "grant_type=refresh_token&refresh_token=refresh1",
            "grant_type=refresh_token&refresh_token=refresh2",
            password,
        ]
    );
    assert_eq!(tenant.last().headers.get("authorization").unwrap(), "Bearer access 3");
}

#[tokio::test]
async fn twenty_workers_with_one_dead_token_refresh_once() {
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        _ if seen.headers.get("authorization").unwrap() == "Bearer access 1" => {
            refusal(401, "NotAuthenticated")
        }
        _ => Reply::Json(200, ada()),
    })
    .await;
    let workers: Vec<_> = (0..20)
        .map(|_| {
            let target = tenant.target.clone();
            tokio::spawn(async move {
                let change = UserChange { values: Vec::new(), disabled: Some(true) };
                target.change_user(&id("1F2E"), &change).await.unwrap()
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(tenant.token_forms().len(), 2);
}

#[tokio::test]
async fn a_token_that_stays_refused_is_an_error_of_credentials() {
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        _ => refusal(401, "NotAuthenticated"),
    })
    .await;
    let change = UserChange { values: Vec::new(), disabled: Some(true) };
    let error = tenant.target.change_user(&id("1f2e"), &change).await.unwrap_err();
    assert_eq!((error.category, error.maybe_applied), (ErrorCategory::Auth, false));
    assert_eq!(tenant.lines().len(), 4);
}

#[tokio::test]
async fn useless_tokens_are_refused_and_sent_nowhere() {
    for (member, value, category, word) in [
        ("admin_users", json!(false), ErrorCategory::Auth, "admin_users"),
        ("admin_users", Value::Null, ErrorCategory::Auth, "admin_users"),
        ("apicp", json!("localhost:1/x"), ErrorCategory::Bug, "API host"),
        ("subdomain", json!("evil.example/"), ErrorCategory::Bug, "API host"),
    ] {
        let given = value.clone();
        let tenant = Tenant::start(move |_, _| {
            let mut answer = token(1, 1);
            answer[member] = given.clone();
            Reply::Json(200, answer)
        })
        .await;
        let error = tenant.target.account().await.unwrap_err();
        assert_eq!(error.category, category, "{member} {value}");
        assert!(error.message.contains(word), "{}", error.message);
        assert_eq!(tenant.lines(), ["POST /oauth/token"]);
        for secret in ["p&ss", "key-secret", "access 1", "refresh1"] {
            assert!(!format!("{error:?}").contains(secret), "{error:?}");
        }
    }
}

#[tokio::test]
async fn sign_in_failures_name_their_remedy() {
    for (status, body, code) in [
        (400, r#"{"error":"invalid_grant"}"#, "invalid_grant"),
        (401, r#"{"error":"invalid_client"}"#, "invalid_client"),
        (404, "<html>", "WrongSubdomain"),
        (200, "<html>", "HtmlAnswer"),
        (502, "<html>", "HtmlAnswer"),
    ] {
        let tenant = Tenant::start(move |_, _| Reply::Text(status, body)).await;
        let error = tenant.target.create_user(&newcomer(AccountKind::Client)).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.maybe_applied), (code, false));
        assert!(error.remedy.contains("sharefile.") || error.remedy.contains("proxy"));
    }
}

#[tokio::test]
async fn settings_that_make_no_host_are_refused() {
    for (subdomain, domain) in [
        ("acme.x", "sharefile.com"),
        ("", "sharefile.com"),
        ("a/b", "sharefile.com"),
        ("acme", "x"),
    ] {
        let settings = SharefileSettings {
            subdomain: subdomain.to_owned(),
            domain: domain.to_owned(),
            admin_user: String::new(),
            admin_password: String::new().into(),
            client_id: String::new(),
            client_secret: String::new().into(),
            requests_per_minute: 1,
            in_flight: 1,
        };
        let clock = Arc::new(JumpClock::new(Default::default()));
        let error = Sharefile::new(settings, clock).unwrap_err();
        assert!(error.remedy.contains("sharefile.subdomain"), "{subdomain} {domain}");
    }
}

/// The answers that `account` needs; `change` may alter each.
fn account_script(
    change: impl Fn(&str, &mut Value) + Send + Sync + 'static,
) -> impl Fn(&Seen, u64) -> Reply + Send + Sync {
    move |seen, _| {
        let mut value = match seen.line.trim_start_matches("GET /sf/v3/") {
            "POST /oauth/token" => return SIGN_IN,
            "Users" => json!({ "Id": "5e5e", "Email": "service@acme.example",
                "Roles": ["Employee", "AdminManageEmployees", "CanManageUsers"] }),
            "Accounts?$expand=UserUsage,Preferences"
            | "Accounts?$expand=UserUsage%2CPreferences" => {
                json!({ "Id": "acc1", "Subdomain": "acme", "PlanName": "Advanced",
                    "MasterAdminId": "aaaa", "BillingContactId": "bbbb",
                    "UserUsage": { "EmployeeMax": 50, "EmployeeCount": 12, "ClientCount": 3 },
                    "Preferences": { "ForceSSO": true } })
            }
            "Accounts/Preferences" => json!({ "UseStrictEmployeeDefinition": true,
                "EmployeeEmailDomains": "acme.example", "EnableTwoFactorAuth": true,
                "SuperGroupId": "g00d" }),
            "Groups(g00d)/Contacts" => json!({ "value": [{ "Id": "bbbb" }, { "Id": "aaaa" }] }),
            _ => return refusal(404, "NotFound"),
        };
        change(&seen.line, &mut value);
        if value.is_null() { refusal(404, "NotFound") } else { Reply::Json(200, value) }
    }
}

#[tokio::test]
async fn reads_the_tenant_in_four_reads() {
    let tenant = Tenant::start(account_script(|_, _| {})).await;
    let account = tenant.target.account().await.unwrap();
    assert_eq!(account.account_id, "acc1");
    assert_eq!(account.name, "acme");
    assert_eq!(account.service_user, id("5e5e"));
    assert_eq!(account.master_admin, Some(id("AAAA")));
    assert_eq!(account.billing_contact, Some(id("bbbb")));
    assert_eq!(account.super_users, [id("aaaa"), id("bbbb")]);
    assert_eq!((account.seats.employee_max, account.seats.employee_count), (Some(50), 12));
    assert_eq!(account.employee_domains, ["acme.example"]);
    assert!(account.force_sso && account.two_factor);
    assert_eq!(tenant.calls().len(), 4);
}

#[tokio::test]
async fn without_a_super_user_group_none_is_read() {
    let tenant = Tenant::start(account_script(|line, value| {
        if line.ends_with("Accounts/Preferences") {
            value["SuperGroupId"] = Value::Null;
        }
    }))
    .await;
    assert!(tenant.target.account().await.unwrap().super_users.is_empty());
    assert_eq!(tenant.calls().len(), 3);
}

#[tokio::test]
async fn protected_people_must_be_known_and_roles_held() {
    let hidden = Tenant::start(account_script(|line, value| {
        if line.contains("Groups(") {
            *value = Value::Null;
        }
    }))
    .await;
    let error = hidden.target.account().await.unwrap_err();
    assert!(error.remedy.contains("AdminSuperGroup"), "{}", error.remedy);

    let weak = Tenant::start(account_script(|line, value| {
        if line.ends_with("/Users") {
            value["Roles"] = json!(["Employee", "CanManageUsers"]);
        }
    }))
    .await;
    let error = weak.target.account().await.unwrap_err();
    assert_eq!((error.category, error.code.as_str()), (ErrorCategory::Auth, "MissingRole"));
    assert!(error.message.contains("AdminManageEmployees"), "{}", error.message);
    assert!(!error.message.contains("CanManageUsers"), "{}", error.message);
}

fn contact(number: u32) -> Value {
    json!({ "Id": format!("{number:04x}"), "Email": format!("p{number}@acme.example"),
        "FirstName": "P", "LastName": "Q", "Company": "", "Name": "Q, P",
        "IsConfirmed": true, "IsDisabled": number % 2 == 1,
        "LastAnyLogin": "2021-02-09T13:18:39.487Z",
        "odata.type": "ShareFile.Api.Models.Contact" })
}

/// Lists of employees by pages, and one client.
fn lists(count: u64, last_page: Reply) -> impl Fn(&Seen, u64) -> Reply + Send + Sync {
    let last_page = Mutex::new(Some(last_page));
    move |seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        "GET /sf/v3/Accounts/Employees" => Reply::Json(
            200,
            json!({ "odata.nextLink": "/sf/v3/Accounts/Employees?$skip=2", "odata.count": count,
                "value": [contact(1), contact(2)] }),
        ),
        "GET /sf/v3/Accounts/Employees?$skip=2" => last_page.lock().unwrap().take().unwrap(),
        _ => Reply::Json(200, json!({ "odata.count": 1, "value": [contact(9)] })),
    }
}

async fn collect(tenant: &Tenant) -> Result<Vec<TargetUser>, TargetError> {
    let mut found = Vec::new();
    tenant.target.list_users(&mut |user| found.push(user)).await?;
    Ok(found)
}

#[tokio::test]
async fn lists_are_read_over_all_pages() {
    let last = Reply::Json(200, json!({ "value": [contact(3)], "odata.count": 3 }));
    let tenant = Tenant::start(lists(3, last)).await;
    let found = collect(&tenant).await.unwrap();
    let expected = [
        ("0001", AccountKind::Employee, true),
        ("0002", AccountKind::Employee, false),
        ("0003", AccountKind::Employee, true),
        ("0009", AccountKind::Client, true),
    ];
    assert_eq!(found.len(), expected.len());
    for (user, (text, kind, disabled)) in found.iter().zip(expected) {
        assert_eq!((&user.id, user.kind, user.disabled), (&id(text), kind, disabled));
        assert_eq!(user.detail, Detail::Listed);
        assert_eq!(user.value(TargetAttribute::Company), None);
    }
    assert_eq!(tenant.calls().len(), 3);
}

#[tokio::test]
async fn lists_that_are_not_whole_are_errors() {
    for (last, code) in [
        (Reply::Json(200, json!({ "odata.count": 4, "value": [contact(3)] })), "ListCutShort"),
        (Reply::Text(200, r#"{"odata.count":3,"value":[{"Id":"0003"}"#), "ListCutShort"),
        (Reply::Broken(r#"{"odata.count":3,"value":[{"Id":"0003"},"#), "ListCutShort"),
        (Reply::Text(200, "<html>"), "HtmlAnswer"),
        (Reply::Text(404, "<html>"), "HtmlAnswer"),
        (Reply::Json(200, json!({ "value": [{ "Email": "x" }] })), "UnreadableAnswer"),
        (Reply::Json(200, json!({ "value": null })), "UnreadableAnswer"),
        (
            Reply::Json(
                200,
                json!({ "value": [], "odata.nextLink": "https://evil.example/sf/v3/x" }),
            ),
            "WrongNextLink",
        ),
        (
            Reply::Json(
                200,
                json!({ "value": [], "odata.nextlink": "/sf/v3/Accounts/Employees?$skip=2" }),
            ),
            "ListCutShort",
        ),
        (refusal(403, "Forbidden"), "Forbidden"),
    ] {
        let tenant = Tenant::start(lists(3, last)).await;
        let error = collect(&tenant).await.unwrap_err();
        assert_eq!(error.code, code, "{error:?}");
        assert_eq!(error.attempted, "reading the list of employees");
    }
}

#[tokio::test]
async fn creates_employees_and_clients() {
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        line => {
            let mut user: Value = serde_json::from_str(&seen.body).unwrap();
            let kind = if line.contains("AccountUser") { "AccountUser" } else { "User" };
            user["Id"] = json!("ne01");
            user["Roles"] = json!(["CanChangePassword"]);
            user["odata.type"] = json!(format!("ShareFile.Api.Models.{kind}"));
            Reply::Json(200, user)
        }
    })
    .await;
    let mut user = newcomer(AccountKind::Employee);
    let created = tenant.target.create_user(&user).await.unwrap();
    assert_eq!((created.kind, created.detail), (AccountKind::Employee, Detail::Full));
    assert_eq!(
        (created.id, created.values, created.disabled),
        (id("ne01"), user.values.clone(), false)
    );
    assert_eq!(
        tenant.last().body,
        r#"{"Email":"new@acme.example","FirstName":"Zoë","LastName":"O'Neil"}"#
    );
    assert_eq!(tenant.last().headers.get("content-type").unwrap(), "application/json");
    user.kind = AccountKind::Client;
    user.notify = true;
    assert_eq!(tenant.target.create_user(&user).await.unwrap().kind, AccountKind::Client);
    assert_eq!(
        tenant.calls(),
        [
            "POST Users/AccountUser?pushCreatorDefaultSettings=false&ifNecessary=false&notify=false",
            "POST Users?pushCreatorDefaultSettings=false&ifNecessary=false&notify=true",
        ]
    );
}

#[tokio::test]
async fn failed_creates_say_whether_they_may_have_taken_effect() {
    for (reply, category, refused, maybe_applied) in [
        (refusal(409, "Conflict"), ErrorCategory::Rejected, Refusal::Conflict, false),
        (refusal(404, "NotFound"), ErrorCategory::Rejected, Refusal::Conflict, false),
        (
            refusal(403, "EmployeeLicensesExceeded"),
            ErrorCategory::Rejected,
            Refusal::LicensesExceeded,
            false,
        ),
        (refusal(500, "DatabaseError"), ErrorCategory::Transient, Refusal::Other, true),
        (Reply::Text(502, "<html>"), ErrorCategory::Transient, Refusal::Other, true),
        (Reply::Text(200, "<html>"), ErrorCategory::Transient, Refusal::Other, true),
        (Reply::Text(200, ""), ErrorCategory::Bug, Refusal::Other, true),
        (Reply::Broken(r#"{"Id":"#), ErrorCategory::Transient, Refusal::Other, true),
    ] {
        let reply = Mutex::new(Some(reply));
        let tenant = Tenant::start(move |seen, _| match seen.line.as_str() {
            "POST /oauth/token" => SIGN_IN,
            // A second attempt finds nothing left and panics: no write is repeated.
            _ => reply.lock().unwrap().take().unwrap(),
        })
        .await;
        let error = tenant.target.create_user(&newcomer(AccountKind::Employee)).await.unwrap_err();
        let found = (error.category, error.refusal, error.maybe_applied);
        assert_eq!(found, (category, refused, maybe_applied), "{error:?}");
        assert_eq!(tenant.calls().len(), 1);
    }
}

#[tokio::test]
async fn a_throttled_write_goes_again_whatever_its_status() {
    let tenant = Tenant::start(|seen, before| match (seen.line.as_str(), before) {
        ("POST /oauth/token", _) => SIGN_IN,
        (_, 0..2) => refusal(403, "Throttled"),
        _ => Reply::Json(200, ada()),
    })
    .await;
    let change = UserChange { values: Vec::new(), disabled: Some(false) };
    tenant.target.change_user(&id("1f2e"), &change).await.unwrap();
    assert_eq!((tenant.calls().len(), tenant.target.requests()), (3, 4));
}

#[tokio::test]
async fn changes_only_what_changes_and_takes_the_state_as_sent() {
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        "PATCH /sf/v3/Users(0000)" => Reply::Text(204, ""),
        line => {
            let mut user = ada();
            if line.starts_with("PATCH") {
                user["Security"] = Value::Null;
            }
            if line.contains("0000") {
                user["Id"] = json!("0000");
            }
            Reply::Json(200, user)
        }
    })
    .await;
    let values = vec![
        (TargetAttribute::Company, None),
        (TargetAttribute::LastName, Some("King".to_owned())),
    ];
    let change = UserChange { values, disabled: Some(true) };
    let changed = tenant.target.change_user(&id("1F2E"), &change).await.unwrap();
    assert_eq!((changed.disabled, changed.detail), (true, Detail::Full));
    assert_eq!(
        tenant.last().body,
        r#"{"LastName":"King","Company":"","Security":{"IsDisabled":true}}"#
    );
    assert_eq!(tenant.last().line, "PATCH /sf/v3/Users(1F2E)");

    // An answer without a body is read back, an answer about somebody else is refused.
    let read_back = tenant.target.change_user(&id("0000"), &change).await.unwrap();
    assert_eq!((read_back.id, read_back.disabled), (id("0000"), false));
    let error = tenant.target.change_user(&id("ffff"), &change).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.maybe_applied), ("OtherAccount", true));
    let error = tenant.target.change_user(&id("../x"), &change).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.maybe_applied), ("WrongId", false));
}

#[tokio::test]
async fn reads_tell_gone_from_unreadable() {
    let tenant = Tenant::start(|seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        "GET /sf/v3/Users(dead)?$expand=Security" => {
            let mut user = ada();
            (user["Id"], user["IsDeleted"]) = (json!("dead"), json!(true));
            Reply::Json(200, user)
        }
        "GET /sf/v3/Users(0ff0)?$expand=Security" => {
            Reply::Json(200, json!({ "Id": "0ff0", "FirstName": "Only", "LastName": "Names" }))
        }
        "GET /sf/v3/Users(4444)?$expand=Security" => refusal(404, "NotFound"),
        "GET /sf/v3/Users(4445)?$expand=Security" => Reply::Text(404, "<html>"),
        "GET /sf/v3/Users(1f2e)?$expand=Security" => Reply::Json(200, ada()),
        // A look-up by address that ignores `$expand`, and one that answers with somebody else.
        line if line.contains("ada%40") => {
            let mut user = ada();
            user["Security"] = Value::Null;
            Reply::Json(200, user)
        }
        _ => Reply::Json(200, ada()),
    })
    .await;
    let read = async |text: &str| tenant.target.read_user(&id(text)).await;
    assert_eq!(read("dead").await.unwrap(), None);
    assert_eq!(read("4444").await.unwrap(), None);
    assert_eq!(read("0ff0").await.unwrap().unwrap().detail, Detail::Reduced);
    assert_eq!(read("4445").await.unwrap_err().code, "HtmlAnswer");
    assert_eq!(read("beef").await.unwrap_err().code, "OtherAccount");

    let found = tenant.target.find_by_address("ada@acme.example").await.unwrap().unwrap();
    assert_eq!(
        (found.detail, found.other_addresses.as_slice()),
        (Detail::Full, ["a.byron@acme.example".to_owned()].as_slice())
    );
    let error = tenant.target.find_by_address("grace@acme.example").await.unwrap_err();
    assert_eq!((error.code.as_str(), error.category), ("OtherAccount", ErrorCategory::Bug));
}

#[tokio::test]
async fn a_tenant_that_cannot_be_reached_says_so() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let settings = SharefileSettings {
        subdomain: "acme".to_owned(),
        domain: format!("localhost:{}", free.port()),
        admin_user: "service@acme.example".to_owned(),
        admin_password: "secret".to_owned().into(),
        client_id: "key".to_owned(),
        client_secret: "secret".to_owned().into(),
        requests_per_minute: 420,
        in_flight: 8,
    };
    let clock = Arc::new(JumpClock::new(Default::default()));
    let target = Sharefile::new(settings, clock).unwrap();
    let error = target.create_user(&newcomer(AccountKind::Client)).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.category), ("Unreachable", ErrorCategory::Transient));
    assert!(!error.maybe_applied && error.remedy.contains("acme.localhost"));
    assert!(error.cause.is_some());
    assert_eq!(target.requests(), 0);
}
