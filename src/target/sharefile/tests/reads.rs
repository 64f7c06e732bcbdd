//! Reading the tenant, lists and accounts.

use super::*;

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
    assert_eq!(account.super_group, Some(id("g00d")));
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
    let account = tenant.target.account().await.unwrap();
    assert_eq!((account.super_users, account.super_group), (Vec::new(), None));
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
    move |seen, _| match seen.line.as_str() {
        "POST /oauth/token" => SIGN_IN,
        "GET /sf/v3/Accounts/Employees" => Reply::Json(
            200,
            json!({ "odata.nextLink": "/sf/v3/Accounts/Employees?$skip=2", "odata.count": count,
                "value": [contact(1), contact(2)] }),
        ),
        "GET /sf/v3/Accounts/Employees?$skip=2" => last_page.clone(),
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
