use super::*;

#[tokio::test]
async fn users_without_a_query_is_the_caller_not_a_list() {
    let world = World::start().await;
    let (status, me) = world.get("Users").await;
    assert_eq!(status, 200);
    assert_eq!(me["Email"], "provisioner@contoso.com");
    assert_eq!(me["odata.type"], "ShareFile.Api.Models.AccountUser");
    let roles = me["Roles"].as_array().unwrap();
    for role in ["Employee", "AdminManageEmployees", "CanManageUsers"] {
        assert!(roles.contains(&json!(role)), "{role}");
    }
    assert!(me["url"].as_str().unwrap().starts_with("http://contoso.localhost:"));
    assert!(me.get("value").is_none());
}

#[tokio::test]
async fn look_up_by_id_and_address_ignores_case() {
    let world = World::start().await;
    let id = world.employee("Ada+Test@Contoso.com");
    let upper = id.to_uppercase();
    for path in [
        format!("Users({upper})"),
        format!("Users?ID={upper}"),
        "Users?emailAddress=ada%2Btest@contoso.COM".to_owned(),
    ] {
        let (status, user) = world.get(&path).await;
        assert_eq!((status, user["Id"].as_str()), (200, Some(id.as_str())), "{path}");
        assert_eq!(user["Email"], "Ada+Test@Contoso.com");
        assert_eq!(user["Username"], "Ada+Test@Contoso.com");
    }
    let unencoded = world.get("Users?emailaddress=ada+test@contoso.com").await;
    assert_refused(&unencoded, 404, "NotFound", "NotFound");
    assert_refused(&world.get("Users(nope)").await, 404, "NotFound", "NotFound");
}

#[tokio::test]
async fn expand_and_select_shape_the_record() {
    let world = World::start().await;
    let id = world.client("c@partner.example");
    let (_, plain) = world.get(&format!("Users({id})")).await;
    assert_eq!(plain["odata.type"], "ShareFile.Api.Models.User");
    assert_eq!(plain["Roles"], json!(["Client", "CanChangePassword", "CanManageMySettings"]));
    assert_eq!(plain["DateCreated"], "2026-11-22T04:20:00.25Z");
    assert_eq!(plain["FullNameShort"], "A. Lovelace");
    assert!(plain.get("Security").is_none() && plain.get("Preferences").is_none());
    let (_, full) = world.get(&format!("Users({id})?$EXPAND=security,Preferences")).await;
    assert_eq!(full["Security"]["IsDisabled"], false);
    assert_eq!(full["Security"]["LastAnyLogin"], "1900-01-01T00:00:00Z");
    assert_eq!(full["Preferences"]["CanResetPassword"], true);
    let (_, thin) = world.get(&format!("Users({id})?$select=email")).await;
    assert_eq!(thin["Email"], "c@partner.example");
    assert!(thin.get("FirstName").is_none() && thin.get("Id").is_some());
    let (status, security) = world.get(&format!("Users({id})/Security")).await;
    assert_eq!((status, &security["IsLocked"]), (200, &json!(false)));
}

#[tokio::test]
async fn an_employee_is_created_without_a_mail() {
    let world = World::start().await;
    let path = "Users/AccountUser?pushCreatorDefaultSettings=false&notify=false&ifNecessary=false";
    let body = json!({
        "email": "Grace@contoso.com", "FirstName": "Grace", "LASTNAME": "Hopper",
        "Company": "Navy", "Frobnicate": { "x": 1 }, "StorageQuotaLimitGB": 50,
        "Preferences": { "CanResetPassword": false },
    });
    let (status, user) = world.post(path, body).await;
    assert_eq!(status, 200, "{user}");
    assert_eq!(user["Email"], "Grace@contoso.com");
    assert_eq!(user["LastName"], "Hopper");
    assert_eq!(user["IsConfirmed"], false);
    assert_eq!(user["StorageQuotaLimitGB"], 50);
    assert_eq!(user["ReferredBy"], world.sharefile.service_id().as_str());
    assert!(world.sharefile.mails().is_empty());
    let view = world.sharefile.account_of("grace@contoso.com").unwrap();
    assert_eq!(view.kind, AccountKind::Employee);
    let (_, read) = world.get(&format!("Users({})?$expand=Preferences", view.id)).await;
    assert_eq!(read["Preferences"]["CanResetPassword"], false);
    assert_eq!(read["Preferences"]["TimeZone"], "Eastern Standard Time");
}

#[tokio::test]
async fn notify_mails_and_pushed_settings_show() {
    let world = World::start().await;
    let (_, created) = world
        .post(
            "Users/AccountUser?NOTIFY=True&pushcreatordefaultsettings=true",
            person("g@contoso.com"),
        )
        .await;
    assert!(created["Roles"].as_array().unwrap().contains(&json!("CanManageUsers")));
    let (_, read) =
        world.get(&format!("Users({})?$expand=Preferences", created["Id"].as_str().unwrap())).await;
    assert_eq!(read["Preferences"]["TimeZone"], "W. Europe Standard Time");
    let mails = world.sharefile.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!((mails[0].to.as_str(), mails[0].occasion.as_str()), ("g@contoso.com", "welcome"));
    let (_, shown) = world.control(Method::GET, "mails", None).await;
    assert_eq!(shown[0]["to"], "g@contoso.com");
    let wrong = world.post("Users?notify=perhaps", person("h@partner.example")).await;
    assert_refused(&wrong, 400, "BadRequest", "BadRequest");
}

#[tokio::test]
async fn if_necessary_returns_what_is_there_unchanged() {
    let world = World::start().await;
    let id = world.client("Grace@contoso.com");
    let (status, user) = world
        .post("Users/AccountUser?ifNecessary=true&notify=true", person("grace@contoso.com"))
        .await;
    assert_eq!((status, user["Id"].as_str()), (200, Some(id.as_str())));
    assert_eq!(user["FirstName"], "Ada");
    assert_eq!(user["odata.type"], "ShareFile.Api.Models.User");
    assert!(world.sharefile.mails().is_empty());
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    let body =
        json!({ "security": { "isDisabled": true }, "Email": "Ada.King@contoso.com", "Id": "x" });
    let (status, user) = world.patch(&format!("Users({id})?$expand=Security"), body).await;
    assert_eq!(status, 200, "{user}");
    assert_eq!(user["Id"], id.as_str());
    assert_eq!(user["Username"], "Ada.King@contoso.com");
    assert_eq!(user["FirstName"], "Ada");
    assert_eq!(user["Security"]["IsDisabled"], true);
    assert_eq!(world.get("Users?emailaddress=ada@contoso.com").await.0, 404);
    assert_eq!(world.get("Users?emailaddress=ada.king@contoso.com").await.0, 200);
    let body = json!({ "Security": { "IsDisabled": false }, "Company": "", "LastName": "King" });
    let (status, user) = world.patch(&format!("Users/AccountUser({id})"), body).await;
    assert_eq!((status, &user["LastName"], &user["Company"]), (200, &json!("King"), &json!("")));
    let view = world.sharefile.account(&id).unwrap();
    assert!(!view.disabled && view.other_addresses.is_empty());
    world.switch(|switches| switches.keep_old_address = true);
    world.patch(&format!("Users({id})"), json!({ "Email": "a.king@contoso.com" })).await;
    let view = world.sharefile.account(&id).unwrap();
    assert_eq!(view.other_addresses, ["Ada.King@contoso.com"]);
}

#[tokio::test]
async fn delete_disables_unless_told_completely() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    assert_eq!(world.call(Method::DELETE, &format!("Users({id})"), None).await.0, 204);
    let view = world.sharefile.account(&id).unwrap();
    assert!(view.disabled && !view.deleted);
    let path = format!("Users({id})?completely=true&itemsReassignTo=nobody");
    assert_eq!(world.call(Method::DELETE, &path, None).await.0, 404);
    let path = format!("Users({id})?completely=true");
    assert_eq!(world.call(Method::DELETE, &path, None).await, (204, Value::Null));
    assert_eq!(world.get(&format!("Users({id})")).await.0, 404);
    assert_eq!(world.patch(&format!("Users({id})"), json!({})).await.0, 404);
    world.switch(|switches| switches.deleted_stay_readable = true);
    let (status, user) = world.get(&format!("Users({id})")).await;
    assert_eq!((status, &user["IsDeleted"]), (200, &json!(true)));
    let (status, again) = world.post("Users/AccountUser", person("ada@contoso.com")).await;
    assert_eq!(status, 200);
    assert_ne!(again["Id"], id.as_str());
}

#[tokio::test]
async fn lists_are_whole_feeds_of_contacts() {
    let world = World::start().await;
    let id = world.client("Bob.Smith@partner.example");
    world.sharefile.edit_account(&id, json!({ "disabled": true, "company": "Acme" })).unwrap();
    let (status, feed) = world.get("Accounts/Clients").await;
    assert_eq!((status, &feed["odata.count"]), (200, &json!(1)));
    assert!(feed.get("odata.nextLink").is_none());
    assert!(feed["odata.metadata"].as_str().unwrap().ends_with("$metadata#Contacts"));
    let contact = &feed["value"][0];
    assert_eq!(contact["Name"], "Lovelace, Ada");
    assert_eq!(contact["Email"], "Bob.Smith@partner.example");
    assert_eq!(contact["IsDisabled"], true);
    assert_eq!(contact["odata.type"], "ShareFile.Api.Models.Contact");
    assert!(contact["url"].as_str().unwrap().ends_with(&format!("/sf/v3/Contacts({id})")));
    for absent in ["Roles", "Emails", "Security", "Username"] {
        assert!(contact.get(absent).is_none(), "{absent}");
    }
    let (_, employees) = world.get("Accounts/Employees?$select=Id,Email").await;
    assert_eq!(employees["odata.count"], 4);
    assert!(employees["value"][0].get("FirstName").is_none());
    let (_, tail) = world.get("Accounts/Employees?$skip=1&$top=2").await;
    assert_eq!(tail["value"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn pages_cover_a_list_when_switched_on() {
    let world = World::start().await;
    for number in 0..5 {
        world.client(&format!("c{number}@partner.example"));
    }
    world.switch(|switches| switches.page_size = Some(2));
    let mut next = Some(format!("{}/sf/v3/Accounts/Clients?$select=Email", world.base));
    let mut sizes = Vec::new();
    while let Some(url) = next {
        let response = world.http.get(url).bearer_auth(&world.token).send().await.unwrap();
        let (_, feed) = read(response).await;
        assert_eq!(feed["odata.count"], 5);
        sizes.push(feed["value"].as_array().unwrap().len());
        next = feed["odata.nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(sizes, [2, 2, 1]);
}

#[tokio::test]
async fn the_account_names_its_owners_and_counts_licences() {
    let world = World::start().await;
    world.client("c@partner.example");
    let (_, plain) = world.get("Accounts").await;
    assert!(plain.get("UserUsage").is_none());
    let (status, account) = world.get("Accounts?$expand=UserUsage,Preferences").await;
    assert_eq!(status, 200);
    assert_eq!(account["UserUsage"]["EmployeeCount"], 4);
    assert_eq!(account["UserUsage"]["ClientCount"], 1);
    assert_eq!(account["UserUsage"]["EmployeeMax"], 100_000);
    assert_eq!(account["PlanName"], "Advanced");
    let owner = world.sharefile.account_of("owner@contoso.com").unwrap();
    assert_eq!(account["MasterAdminId"], owner.id.as_str());
    let billing = world.sharefile.account_of("billing@contoso.com").unwrap();
    assert_eq!(account["BillingContactId"], billing.id.as_str());
    let id = account["Id"].as_str().unwrap();
    assert_eq!(world.get(&format!("Accounts({id})")).await.0, 200);
    assert_eq!(world.get("Accounts(other)").await.0, 404);
    let (_, preferences) = world.get("Accounts/Preferences").await;
    assert_eq!(preferences["UseStrictEmployeeDefinition"], false);
    assert_eq!(preferences["OAuth2RefreshTokenLifetimeMinutes"], 43_200);
    assert_eq!(account["Preferences"]["SuperGroupId"], preferences["SuperGroupId"]);
}

#[tokio::test]
async fn the_super_user_group_has_its_members() {
    let world = World::start().await;
    let (_, preferences) = world.get("Accounts/Preferences").await;
    let id = preferences["SuperGroupId"].as_str().unwrap();
    assert!(id.starts_with('g') && id.len() == 36);
    let (status, group) = world.get(&format!("Groups({id})?$expand=Contacts")).await;
    assert_eq!((status, &group["NumberOfContacts"]), (200, &json!(1)));
    assert_eq!(group["Contacts"][0]["Email"], "super@contoso.com");
    let (_, members) = world.get(&format!("Groups({id})/Contacts")).await;
    assert_eq!(members["value"][0]["Email"], "super@contoso.com");
    assert_eq!(world.get("Groups(g0)/Contacts").await.0, 404);
}

#[tokio::test]
async fn a_post_may_stand_for_another_method() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    let request =
        world.request(Method::POST, &format!("Users({id})"), Some(&json!({ "LastName": "K" })));
    let request = request.header("X-Http-Method-Override", "PATCH");
    let (status, user) = read(request.send().await.unwrap()).await;
    assert_eq!((status, &user["LastName"]), (200, &json!("K")));
}
