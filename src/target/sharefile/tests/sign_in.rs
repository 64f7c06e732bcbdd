//! Signing in.

use super::*;

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
                let change =
                    UserChange { values: Vec::new(), disabled: Some(true), promote: false };
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
    let change = UserChange { values: Vec::new(), disabled: Some(true), promote: false };
    let error = tenant.target.change_user(&id("1f2e"), &change).await.unwrap_err();
    assert_eq!((error.category, error.maybe_applied), (ErrorCategory::Auth, false));
    assert_eq!(tenant.lines().len(), 4);
}

#[tokio::test]
async fn useless_tokens_are_refused_and_sent_nowhere() {
    for (member, value, category, word) in [
        ("admin_users", json!(false), ErrorCategory::Auth, "admin_users"),
        ("admin_users", Value::Null, ErrorCategory::Auth, "admin_users"),
        ("access_token", json!(" "), ErrorCategory::Bug, "expected"),
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
            attributes: Vec::new(),
            network: Default::default(),
        };
        let clock = Arc::new(JumpClock::new(Default::default()));
        let error = Sharefile::new(settings, clock).unwrap_err();
        assert!(error.remedy.contains("sharefile.subdomain"), "{subdomain} {domain}");
    }
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
        attributes: Vec::new(),
        network: Default::default(),
    };
    let clock = Arc::new(JumpClock::new(Default::default()));
    let target = Sharefile::new(settings, clock).unwrap();
    let error = target.create_user(&newcomer(AccountKind::Client)).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.category), ("Unreachable", ErrorCategory::Transient));
    assert!(!error.maybe_applied && error.remedy.contains("acme.localhost"));
    assert!(error.cause.is_some());
    assert_eq!(target.requests(), 0);
}
