//! Creating and changing accounts.

use super::*;

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
    let change = UserChange { values: Vec::new(), disabled: Some(false), promote: false };
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
    let change = UserChange { values, disabled: Some(true), promote: false };
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
