use super::*;
use crate::sandbox::sharefile::{Category, NewDevice, NewPolicy, Tool, Zone, ZoneType};

async fn anonymous(world: &World, path: &str) -> (u16, Value) {
    read(world.http.get(format!("{}/sf/v3/{path}", world.base)).send().await.unwrap()).await
}

#[tokio::test]
async fn some_calls_need_no_login() {
    let world = World::start().await;
    let (status, feed) = anonymous(&world, "Capabilities").await;
    assert_eq!((status, &feed["value"][0]["Name"]), (200, &json!("BulkDelete")));
    assert_eq!(anonymous(&world, "Accounts/Branding").await.1["Subdomain"], "contoso");
    assert_eq!(anonymous(&world, "Accounts/RequireSubdomain?username=a@b").await.0, 200);
    let (status, info) = anonymous(&world, "Accounts/SSOInfo?subdomain=CONTOSO").await;
    let plane = format!("localhost:{}", world.serving.address.port());
    assert_eq!((status, info["ApiControlPlane"].as_str()), (200, Some(plane.as_str())));
    assert_eq!(info["Info"][0]["Value"], "false");
    assert_eq!(anonymous(&world, "Accounts/SSOInfo?subdomain=fabrikam").await.0, 404);
    assert_eq!(anonymous(&world, "Accounts").await.0, 401);
    world.switch(|switches| switches.sso_info_needs_login = true);
    assert_eq!(anonymous(&world, "Accounts/SSOInfo").await.0, 401);
    assert_eq!(world.get("Accounts/SSOInfo").await.0, 200);
}

#[tokio::test]
async fn single_sign_on_is_read_and_changed() {
    let world = World::start().await;
    assert_eq!(world.get("Accounts/SSO").await.0, 403);
    world.sharefile.set_service_roles(&["AdminSSO"]);
    let body = json!({ "LoginUrl": "https://idp/in", "IsActive": true, "forceSSO": true,
        "EntityID": "https://idp", "SFEntityID": "https://sf", "DebugMode": true });
    let (status, sso) = world.patch("Accounts/SSO?provider=saml", body).await;
    assert_eq!((status, &sso["LoginUrl"]), (200, &json!("https://idp/in")));
    assert_eq!(sso["DebugMode"], false);
    let (_, preferences) = world.get("Accounts/Preferences").await;
    assert_eq!((&preferences["EnableSSO"], &preferences["ForceSSO"]), (&json!(true), &json!(true)));
    assert_eq!(world.get("Accounts/SSO?idpEntityId=https://idp").await.0, 200);
    assert_eq!(world.get("Accounts/SSO?idpEntityId=other").await.0, 404);
    assert_eq!(world.get("Accounts/SSO?provider=ldap").await.0, 404);
    assert_eq!(world.get("Accounts?$expand=SSO").await.1["SSO"]["EntityID"], "https://idp");
    assert_eq!(anonymous(&world, "Accounts/SSOInfo").await.1["Info"][2]["Value"], "https://idp");
}

#[tokio::test]
async fn preferences_are_changed_with_the_right_and_have_effect() {
    let world = World::start().await;
    let body = json!({ "RequireCompanyNameWithUserInfo": true, "accountid": "x" });
    let answer = world.patch("Accounts/Preferences", body.clone()).await;
    assert_refused(&answer, 403, "Forbidden", "Forbidden");
    world.sharefile.set_service_roles(&["AdminAccountPolicies", "CanManageUsers"]);
    let (_, before) = world.get("Accounts/Preferences").await;
    let (status, preferences) = world.patch("Accounts/Preferences", body).await;
    assert_eq!((status, &preferences["AccountID"]), (200, &before["AccountID"]));
    let mut nobody = person("g@partner.example");
    nobody["Company"] = Value::Null;
    assert_refused(&world.post("Users", nobody).await, 400, "BadRequest", "BadRequest");
    let wrong = json!({ "EnableSSO": "yes", "LoginFailMaxAttempts": 9 });
    assert_eq!(world.patch("Accounts/Preferences", wrong).await.0, 400);
    assert_eq!(world.get("Accounts/Preferences").await.1["LoginFailMaxAttempts"], 5);
    world.switch(|switches| switches.key_admin_accounts = false);
    let answer = world.patch("Accounts/Preferences", json!({})).await;
    assert_refused(&answer, 403, "Forbidden", "NotAuthorized");
    assert_eq!(world.get("Accounts/ProductDefaults").await.1["DefaultApiVersion"], "v3");
    let (_, mobile) = world.get("Accounts/MobileSecuritySettings").await;
    assert_eq!(mobile["PinLockType"], "UserSelected");
    assert_eq!(world.get("Accounts/Tenants").await.1["odata.count"], 0);
}

#[tokio::test]
async fn lists_of_domains_are_kept_and_obeyed() {
    let world = World::start().await;
    let roles = ["AdminAccountPolicies", "CanManageUsers", "AdminManageEmployees"];
    for list in ["Login", "Folder"] {
        let path = format!("Accounts/{list}AccessControlDomains");
        world.sharefile.set_service_roles(&["CanManageUsers"]);
        assert_eq!(world.get(&path).await.1["Domains"], json!([]));
        let body = json!({ "AccessControlType": "AllowedDomains", "Domains": ["contoso.com"] });
        assert_eq!(world.post(&path, body.clone()).await.0, 403);
        world.sharefile.set_service_roles(&roles);
        let (status, made) = world.post(&path, body).await;
        assert_eq!((status, &made["AccessControlType"]), (200, &json!("AllowDomains")));
        let more = json!({ "Domains": ["CONTOSO.com", "a.example", "b.example"] });
        let (_, merged) = world.patch(&path, more).await;
        assert_eq!(merged["Domains"], json!(["contoso.com", "a.example", "b.example"]));
        let less = json!({ "Domains": ["B.example"] });
        assert_eq!(world.call(Method::DELETE, &path, Some(less)).await.0, 204);
        assert_eq!(world.get(&path).await.1["Domains"], json!(["contoso.com", "a.example"]));
        for wrong in [json!({}), json!({ "AccessControlType": "Some" })] {
            assert_eq!(world.patch(&path, wrong).await.0, 400);
        }
    }
    let answer = world.post("Users", person("g@c.example")).await;
    assert_refused(&answer, 400, "BadRequest", "EmailWhitelistViolation");
    world.switch(|switches| switches.creation_checks_domains = false);
    assert_eq!(world.post("Users", person("g@c.example")).await.0, 200);
    world.switch(|switches| switches.creation_checks_domains = true);
    assert_eq!(world.post("Users", person("g@a.example")).await.0, 200);
    // Whoever has an address in the wrong domain cannot sign in, whichever of them it is.
    assert_eq!(world.ask_token(&world.password_form()).await.0, 200);
    let me = world.sharefile.service_id();
    world.sharefile.edit_account(&me, json!({ "other_addresses": ["me@c.example"] })).unwrap();
    let (status, body) = world.ask_token(&world.password_form()).await;
    assert_eq!((status, &body["error_description"]), (400, &json!("LoginWhitelistViolation")));
}

#[tokio::test]
async fn zones_are_listed_and_read() {
    let world = World::start().await;
    let name = "Cellar".to_owned();
    let zone = Zone { id: String::new(), name, zone_type: ZoneType::Private, disabled: true };
    let id = world.sharefile.add_zone(zone);
    let (status, feed) = world.get("Zones").await;
    assert_eq!((status, &feed["odata.count"]), (200, &json!(1)));
    assert_eq!(feed["value"][0]["ZoneType"], "CitrixManaged");
    assert_eq!(world.get("Zones?includeDisabled=True").await.1["odata.count"], 2);
    assert_eq!(world.get("Zones?services=NetworkShareConnector").await.1["odata.count"], 0);
    let (_, read) = world.get(&format!("Zones({id})")).await;
    assert_eq!((&read["Name"], &read["ZoneType"]), (&json!("Cellar"), &json!("Private")));
    assert_eq!(world.get("Zones(zp0)").await.0, 404);
    let path = format!("sharefile/zones/{id}");
    assert_eq!(world.control(Method::DELETE, &path, None).await.0, 200);
    let body = json!({ "name": "Attic" });
    assert_eq!(world.control(Method::POST, "sharefile/zones", Some(body)).await.0, 200);
    let (_, zones) = world.control(Method::GET, "sharefile/zones", None).await;
    assert_eq!(zones[1]["zone_type"], "CitrixManaged");
}

#[tokio::test]
async fn policies_are_one_of_a_category() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    let client = world.client("bob@partner.example");
    let path = format!("Users({id})/Policies");
    let answer = world.get("Policies").await;
    assert_refused(&answer, 403, "Forbidden", "FeatureDisabled");
    let add = |name: &str, category| {
        let new = NewPolicy { name: name.to_owned(), category, is_default: false };
        world.sharefile.add_policy(new).id.to_string()
    };
    let (a, b) = (add("A", Category::UserAccess), add("B", Category::UserAccess));
    let c = add("C", Category::Storage);
    assert_eq!(world.get("Policies").await.1["odata.count"], 3);
    assert_eq!(world.get(&format!("Policies({c})")).await.1["Name"], "C");
    let assign = |id: &str| json!({ "Active": true, "Policy": { "Id": id } });
    let (status, made) = world.post(&path, assign(&a)).await;
    assert_eq!((status, &made["UserId"]), (200, &json!(id)));
    assert_eq!(made["Policy"]["Name"], "A");
    assert_refused(&world.post(&path, assign(&b)).await, 409, "Conflict", "Conflict");
    let both = Some(json!([assign(&a), assign(&b)]));
    assert_eq!(world.call(Method::PUT, &path, both).await.0, 400);
    let (status, feed) =
        world.call(Method::PUT, &path, Some(json!([assign(&b), assign(&c)]))).await;
    assert_eq!((status, &feed["odata.count"]), (200, &json!(2)));
    let one = format!("{path}({b})");
    assert_eq!(world.patch(&one, json!({ "Active": false })).await.1["Active"], false);
    let (_, user) = world.get(&format!("Users({id})?$expand=Policies")).await;
    assert_eq!(user["Policies"][0]["Active"], false);
    assert_eq!(world.call(Method::DELETE, &one, None).await.0, 204);
    assert_eq!(world.call(Method::DELETE, &one, None).await.0, 404);
    assert_eq!(world.call(Method::DELETE, &path, None).await.0, 204);
    let (_, user) = world.get(&format!("Users({id})?$expand=Policies")).await;
    assert_eq!(user["Policies"], json!([]));
    let answer = world.post(&format!("Users({client})/Policies"), assign(&a)).await;
    assert_eq!(answer.0, 400);
    world.sharefile.set_service_roles(&["CanManageUsers"]);
    assert_eq!(world.post(&path, assign(&a)).await.0, 403);
}

#[tokio::test]
async fn devices_are_wiped_and_locked() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    let name = "Ada's phone".to_owned();
    let new = NewDevice { account: id.clone(), name, tool: Tool::IPhone };
    let device = world.sharefile.add_device(new).unwrap().id;
    let (_, feed) = world.get(&format!("Users({id})/Devices")).await;
    assert_eq!(feed["value"][0]["DeviceType"], "iPhone");
    assert_eq!(feed["value"][0]["odata.type"], "ShareFile.Api.Models.DeviceUser");
    assert_eq!(world.get("Devices").await.1["odata.count"], 0);
    assert_eq!(world.get(&format!("Devices({device})")).await.1["Tool"], "iPhone");
    let post =
        async |action: &str| world.post(&format!("Devices({device})/{action}"), json!({})).await;
    assert_eq!(post(&format!("Wipe?userid={id}")).await, (204, Value::Null));
    assert_eq!(post("Lock").await.0, 204);
    let seen = world.sharefile.devices();
    assert!(seen[0].wipe && seen[0].locked);
    assert_eq!(seen[0].wipe_initiator.as_deref(), Some("provisioner@contoso.com"));
    assert_eq!(post("Unlock").await.0, 204);
    assert!(!world.sharefile.devices()[0].locked);
    assert_eq!(post(&format!("Wipe?userid={}", world.sharefile.service_id())).await.0, 404);
    world.sharefile.set_service_roles(&["CanManageUsers"]);
    assert_eq!(post("Lock").await.0, 403);
    world.sharefile.set_service_roles(&["AdminManageEmployees"]);
    let path = format!("Users({id})/Devices({device})");
    assert_eq!(world.call(Method::DELETE, &path, None).await.0, 204);
    assert_eq!(world.call(Method::DELETE, &path, None).await.0, 404);
    let body = json!({ "account": "ada@contoso.com", "tool": "iPad" });
    let (status, made) = world.control(Method::POST, "sharefile/devices", Some(body)).await;
    assert_eq!((status, &made["tool"]), (200, &json!("iPad")));
}

#[tokio::test]
async fn a_report_is_made_runs_and_is_read() {
    let world = World::start().await;
    let body = json!({
        "Title": "Who was here", "ReportType": "Activity", "ObjectType": "Account",
        "DateOption": "Today", "ActivityTypes": "Login,LoginFail",
    });
    assert_eq!(world.post("Reports", body.clone()).await.0, 403);
    world.sharefile.set_service_roles(&["AdminReporting"]);
    let mut form = world.password_form();
    form[4].1 = "wrong".to_owned();
    world.ask_token(&form).await;
    let (status, report) = world.post("Reports?runOnCreate=true", body).await;
    assert_eq!((status, &report["DateOption"]), (200, &json!("Today")));
    let path = format!("Reports({})", report["Id"].as_str().unwrap());
    let status_now = async || {
        let (_, feed) = world.get(&format!("{path}/Records")).await;
        feed["value"][0].clone()
    };
    let first = status_now().await;
    assert_eq!((&first["Status"], &first["HasData"]), (&json!("Pending"), &json!(false)));
    let data = format!("Reports/Records({})/JsonData", first["Id"].as_str().unwrap());
    assert_eq!(world.get(&data).await.0, 404);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(status_now().await["Status"], "Running");
    world.clock.advance(Duration::from_secs(1));
    let done = status_now().await;
    assert_eq!((&done["Status"], &done["HasData"]), (&json!("Success"), &json!(true)));
    let (_, rows) = world.get(&data).await;
    let seen: Vec<_> = rows.as_array().unwrap().iter().map(|row| &row["Activity"]).collect();
    assert_eq!(seen, ["Login", "LoginFail"]);
    world.switch(|switches| switches.report_secs = 0);
    let (_, again) = world.get(&format!("{path}/Run")).await;
    assert_eq!(again["Status"], "Success");
    let record = format!("Reports/Record({})", again["Id"].as_str().unwrap());
    assert_eq!(world.get(&record).await.1["Id"], again["Id"]);
    let (_, listed) = world.get("Reports?$expand=Records").await;
    assert_eq!(listed["value"][0]["Records"].as_array().unwrap().len(), 2);
    assert_eq!(world.call(Method::DELETE, &path, None).await.0, 204);
    assert_eq!(world.get(&path).await.0, 404);
    assert_eq!(world.post("Reports", json!({ "ReportType": "Gossip" })).await.0, 400);
}

#[tokio::test]
async fn a_summary_of_users_is_filtered() {
    let world = World::start().await;
    world.sharefile.set_service_roles(&["AdminReporting"]);
    world.switch(|switches| switches.report_secs = 0);
    world.client("c@partner.example");
    let id = world.client("d@partner.example");
    world.sharefile.edit_account(&id, json!({ "disabled": true })).unwrap();
    let body = json!({
        "ReportType": "UserSummary",
        "Filter": { "IncludeEmployees": false, "IncludeDisabledUsers": false },
    });
    let (_, report) = world.post("Reports?runOnCreate=true&$expand=Records", body).await;
    let record = report["Records"][0]["Id"].as_str().unwrap();
    let (_, rows) = world.get(&format!("Reports/Records({record})/JsonData")).await;
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["Email"], "c@partner.example");
}

#[tokio::test]
async fn settings_are_changed_from_outside() {
    let world = World::start().await;
    let body = json!({
        "preferences": { "EnableTwoFactorAuth": true },
        "login_domains": { "allow": false, "domains": ["x.example"] },
        "redirect_uris": ["https://app.example/back"],
    });
    let (status, settings) = world.control(Method::PATCH, "sharefile", Some(body)).await;
    assert_eq!((status, &settings["preferences"]["EnableTwoFactorAuth"]), (200, &json!(true)));
    assert_eq!(settings["login_domains"]["domains"], json!(["x.example"]));
    assert_eq!(settings["redirect_uris"], json!(["https://app.example/back"]));
}

#[tokio::test]
async fn clients_see_neither_account_nor_groups() {
    let world = World::start().await;
    let me = world.sharefile.service_id();
    world.sharefile.edit_account(&me, json!({ "kind": "client" })).unwrap();
    for path in ["Accounts", "Accounts/Preferences", "Groups", "Zones", "Accounts/AddressBook"] {
        assert_refused(&world.get(path).await, 403, "Forbidden", "Forbidden");
    }
    assert_eq!(world.get("Users").await.0, 200);
    assert_eq!(world.get("Sessions/Login").await.0, 200);
}
