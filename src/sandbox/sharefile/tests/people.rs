use super::*;
use crate::sandbox::sharefile::switches::{
    BulkFailure, DeletionRight, ExcessRoles, PolicyOverRoles, SettableRoles,
};
use crate::sandbox::sharefile::{Category, NewGroup, NewPolicy};

fn roles(user: &Value) -> Vec<&str> {
    user["Roles"].as_array().unwrap().iter().map(|role| role.as_str().unwrap()).collect()
}

async fn read_roles(world: &World, id: &str) -> Vec<String> {
    world.sharefile.account(id).unwrap().roles
}

fn employed(world: &World, id: &str) -> bool {
    world.sharefile.account(id).unwrap().kind == AccountKind::Employee
}

const ALL: [&str; 6] = [
    "CanChangePassword",
    "CanManageMySettings",
    "CanManageUsers",
    "CanCreateFolders",
    "AdminManageEmployees",
    "AdminBilling",
];

#[tokio::test]
async fn patch_adds_roles_put_replaces_them_and_remove_takes_them_away() {
    let world = World::start().await;
    world.sharefile.set_service_roles(&ALL);
    let id = world.employee("ada@contoso.com");
    let path = format!("Users({id})/Roles");
    let (status, user) = world.patch(&path, json!({ "roles": ["canmanageusers"] })).await;
    assert_eq!(status, 200, "{user}");
    let common = ["Employee", "CanChangePassword", "CanManageMySettings"];
    assert_eq!(roles(&user), [&common[..], &["CanManageUsers"]].concat());
    let body = json!({ "Roles": ["AdminBilling", "Client", "MasterAdmin"] });
    let (status, user) = world.call(Method::PUT, &path, Some(body)).await;
    assert_eq!((status, roles(&user)), (200, vec!["Employee", "AdminBilling"]));
    let remove = format!("Users({id})/RemoveRoles");
    let body = json!(["AdminBilling", "Employee", "CanUseFileBox"]);
    assert_eq!(world.post(&remove, body.clone()).await, (204, Value::Null));
    assert_eq!(read_roles(&world, &id).await, ["Employee"]);
    world.switch(|switches| switches.empty_is_200 = true);
    assert_eq!(world.post(&remove, body).await, (200, Value::Null));
    for (path, body) in [
        (&path, json!({ "Roles": ["CanFly"] })),
        (&path, json!({})),
        (&path, json!(["CanManageUsers"])),
        (&remove, json!({ "Roles": [] })),
    ] {
        let method = if path.ends_with("Roles") && body.is_object() && !path.contains("Remove") {
            Method::PATCH
        } else {
            Method::POST
        };
        let answer = world.call(method, path, Some(body)).await;
        assert!([400, 405].contains(&answer.0), "{answer:?}");
    }
}

#[tokio::test]
async fn nobody_gives_or_takes_what_he_does_not_hold() {
    let world = World::start().await;
    world.sharefile.set_service_roles(&["AdminManageEmployees", "CanManageUsers"]);
    let id = world.employee("ada@contoso.com");
    world.sharefile.edit_account(&id, json!({ "roles": ["AdminBilling"] })).unwrap();
    let path = format!("Users({id})/Roles");
    let body = json!({ "Roles": ["CanManageUsers", "AdminSSO"] });
    let (_, user) = world.call(Method::PUT, &path, Some(body.clone())).await;
    assert_eq!(roles(&user), ["Employee", "CanManageUsers", "AdminBilling"]);
    world.switch(|switches| switches.excess_roles = ExcessRoles::Refuse);
    let answer = world.call(Method::PUT, &path, Some(body)).await;
    assert_refused(&answer, 403, "Forbidden", "Forbidden");
    let answer = world.post(&format!("Users({id})/RemoveRoles"), json!(["AdminBilling"])).await;
    assert_refused(&answer, 403, "Forbidden", "Forbidden");
    // The master administrator holds everything.
    world.sharefile.set_service_roles(&["MasterAdmin"]);
    let body = json!({ "Roles": ["AdminSSO"] });
    let (_, user) = world.call(Method::PUT, &path, Some(body)).await;
    assert_eq!(roles(&user), ["Employee", "AdminSSO"]);
}

#[tokio::test]
async fn the_sdk_names_eight_settable_roles() {
    let world = World::start().await;
    world.sharefile.set_service_roles(&ALL);
    let id = world.employee("ada@contoso.com");
    world.switch(|switches| switches.settable_roles = SettableRoles::Named);
    let body = json!({ "Roles": ["CanCreateFolders", "AdminBilling"] });
    let (_, user) = world.patch(&format!("Users({id})/Roles"), body).await;
    assert!(roles(&user).contains(&"CanCreateFolders"));
    assert!(!roles(&user).contains(&"AdminBilling"));
}

#[tokio::test]
async fn a_policy_may_govern_roles() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    let name = "Readers".to_owned();
    let new = NewPolicy { name, category: Category::UserAccess, is_default: false };
    let policy = world.sharefile.add_policy(new).id;
    let body = json!({ "Policy": { "Id": policy } });
    assert_eq!(world.post(&format!("Users({id})/Policies"), body).await.0, 200);
    let path = format!("Users({id})/Roles");
    let body = json!({ "Roles": ["CanManageUsers"] });
    world.switch(|switches| switches.policy_over_roles = PolicyOverRoles::Refused);
    let answer = world.patch(&path, body.clone()).await;
    assert_refused(&answer, 403, "Forbidden", "FeatureDisabled");
    world.switch(|switches| switches.policy_over_roles = PolicyOverRoles::Ignored);
    let (status, user) = world.patch(&path, body.clone()).await;
    assert_eq!((status, roles(&user).contains(&"CanManageUsers")), (200, false));
    world.switch(|switches| switches.policy_over_roles = PolicyOverRoles::Made);
    assert!(roles(&world.patch(&path, body).await.1).contains(&"CanManageUsers"));
    world.switch(|switches| switches.policy_over_roles = PolicyOverRoles::Refused);
    let assigned = format!("Users({id})/Policies({policy})");
    assert_eq!(world.patch(&assigned, json!({ "Active": false })).await.0, 200);
    assert_eq!(world.patch(&path, json!({ "Roles": [] })).await.0, 200);
}

#[tokio::test]
async fn a_client_is_promoted_and_keeps_id_and_groups() {
    let world = World::start().await;
    let id = world.client("bob@partner.example");
    let group =
        NewGroup { name: "G".to_owned(), owner: None, shared: true, members: vec![id.clone()] };
    let group = world.sharefile.add_group(&group).unwrap();
    let path = format!("Users/AccountUser({id})");
    let body = json!({ "isEmployee": true, "CanManageUsers": true, "CanUseFileBox": true });
    world.sharefile.set_service_roles(&["AdminManageEmployees"]);
    assert_eq!(world.patch(&path, body.clone()).await.0, 403);
    world.sharefile.set_service_roles(&["AdminManageEmployees", "CanManageUsers"]);
    world.sharefile.set_employee_max(4);
    let answer = world.patch(&path, body.clone()).await;
    assert_refused(&answer, 403, "Forbidden", "EmployeeLicensesExceeded");
    world.switch(|switches| switches.licence_status = 409);
    let answer = world.patch(&path, body.clone()).await;
    assert_refused(&answer, 409, "Conflict", "EmployeeLicensesExceeded");
    world.sharefile.set_employee_max(5);
    let (status, user) = world.patch(&path, body).await;
    assert_eq!((status, user["Id"].as_str()), (200, Some(id.as_str())));
    assert_eq!(user["odata.type"], "ShareFile.Api.Models.AccountUser");
    let held = ["Employee", "CanChangePassword", "CanManageMySettings", "CanManageUsers"];
    assert_eq!(roles(&user), held);
    assert_eq!(world.sharefile.group(&group).unwrap().members, std::slice::from_ref(&id));
    let answer = world.patch(&path, json!({ "IsEmployee": false })).await;
    assert_refused(&answer, 400, "BadRequest", "BadRequest");
    let client = world.client("c@partner.example");
    world.switch(|switches| switches.promotion_keeps_roles = false);
    let lost = world.client("d@partner.example");
    world.sharefile.edit_account(&lost, json!({ "roles": ["CanUseDropBox"] })).unwrap();
    world.sharefile.set_employee_max(6);
    let body = json!({ "isEmployee": true });
    let (_, user) = world.patch(&format!("Users/AccountUser({lost})"), body).await;
    assert_eq!(roles(&user), ["Employee", "CanChangePassword", "CanManageMySettings"]);
    let answer = world.patch(&format!("Users/AccountUser({client})"), json!({})).await;
    assert_refused(&answer, 400, "BadRequest", "BadRequest");
}

#[tokio::test]
async fn a_downgrade_frees_licences_and_hands_over() {
    let world = World::start().await;
    let (ada, heir) = (world.employee("ada@contoso.com"), world.employee("heir@contoso.com"));
    world.sharefile.edit_account(&ada, json!({ "files": 7, "roles": ["AdminSSO"] })).unwrap();
    let group = NewGroup {
        name: "G".to_owned(),
        owner: Some(ada.clone()),
        shared: true,
        members: Vec::new(),
    };
    let group = world.sharefile.add_group(&group).unwrap();
    let path = "Users/Employees/Downgrade";
    let body = json!({ "UserIds": [ada], "ReassignItemsToId": heir, "ReassignGroupsToId": heir });
    assert_eq!(world.post(path, body).await, (204, Value::Null));
    let view = world.sharefile.account(&ada).unwrap();
    assert_eq!((view.kind, view.files), (AccountKind::Client, 0));
    assert!(!view.roles.contains(&"AdminSSO".to_owned()));
    assert_eq!(world.sharefile.account(&heir).unwrap().files, 7);
    assert_eq!(world.sharefile.group(&group).unwrap().owner, heir);
    let (_, account) = world.get("Accounts?$expand=UserUsage").await;
    assert_eq!(account["UserUsage"]["EmployeeCount"], 5);
    world.sharefile.set_employee_domains(vec!["contoso.com".to_owned()]);
    let answer = world.post(path, json!({ "UserIds": [heir] })).await;
    assert_refused(&answer, 403, "Forbidden", "ClientMustBeCreatedAsEmployee");
    let owner = world.sharefile.account_of("owner@contoso.com").unwrap().id;
    assert_eq!(world.post(path, json!({ "UserIds": [owner] })).await.0, 403);
}

#[tokio::test]
async fn a_hundred_at_once_and_not_one_more() {
    let world = World::start().await;
    let employees: Vec<_> =
        (0..101).map(|n| world.employee(&format!("e{n}@contoso.com"))).collect();
    let path = "Users/Employees/Downgrade";
    for ids in [&employees[..], &[]] {
        let answer = world.post(path, json!({ "UserIds": ids })).await;
        assert_refused(&answer, 400, "BadRequest", "BadRequest");
    }
    assert_eq!(world.post(path, json!({ "UserIds": employees[..100] })).await.0, 204);
    assert!(!employed(&world, &employees[99]) && employed(&world, &employees[100]));
    let path = "Users/Clients/BulkDelete";
    let answer = world.post(path, json!({ "UserIds": employees })).await;
    assert_refused(&answer, 400, "BadRequest", "BadRequest");
    assert_eq!(world.post(path, json!({ "UserIds": employees[..50] })).await.0, 204);
    let listed = Some(json!(employees[50..100]));
    assert_eq!(world.call(Method::DELETE, "Users/Clients", listed).await.0, 204);
    assert_eq!(world.get("Accounts/Clients").await.1["odata.count"], 0);
    let answer = world.post(path, json!({ "UserIds": [employees[100]] })).await;
    assert_refused(&answer, 400, "BadRequest", "BadRequest");
}

#[tokio::test]
async fn bulk_calls_fail_whole_in_part_or_in_silence() {
    let world = World::start().await;
    let path = "Users/Clients/BulkDelete";
    let unknown = "00000000-0000-0000-0000-000000000000";
    let mut left = Vec::new();
    for failure in [BulkFailure::Refuse, BulkFailure::Stop, BulkFailure::Skip] {
        world.switch(|switches| switches.bulk_failure = failure);
        let (a, b) = (world.client("a@partner.example"), world.client("b@partner.example"));
        let (status, _) = world.post(path, json!({ "UserIds": [a, unknown, b] })).await;
        let (_, feed) = world.get("Accounts/Clients").await;
        left.push((status, feed["odata.count"].as_u64().unwrap()));
    }
    assert_eq!(left, [(404, 2), (404, 1), (204, 0)]);
}

#[tokio::test]
async fn what_a_deleted_account_owned_goes_to_its_heirs_or_is_lost() {
    let world = World::start().await;
    let heir = world.employee("heir@contoso.com");
    for (kept, query) in
        [(true, format!("&itemsReassignTo={heir}&groupsReassignTo={heir}")), (false, String::new())]
    {
        let ada = world.employee("ada@contoso.com");
        world.sharefile.edit_account(&ada, json!({ "files": 5 })).unwrap();
        let group = NewGroup {
            name: "G".to_owned(),
            owner: Some(ada.clone()),
            shared: true,
            members: vec![ada.clone(), heir.clone()],
        };
        let group = world.sharefile.add_group(&group).unwrap();
        let path = format!("Users({ada})?completely=true{query}");
        assert_eq!(world.call(Method::DELETE, &path, None).await.0, 204);
        let group = world.sharefile.group(&group);
        assert_eq!(group.is_some(), kept);
        if let Some(group) = group {
            assert_eq!((group.owner, group.members), (heir.clone(), vec![heir.clone()]));
        }
        assert_eq!(world.sharefile.account(&heir).unwrap().files, 5);
    }
    let (_, read) = world.get(&format!("Users({heir})")).await;
    assert_eq!(read["TotalSharedFiles"], 5);
    let client = world.client("c@partner.example");
    let path = format!("Users({heir})?completely=true&itemsReassignTo={client}");
    assert_eq!(world.call(Method::DELETE, &path, None).await.0, 400);
}

#[tokio::test]
async fn deleting_may_need_an_account_administrator() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    let path = format!("Users({id})?completely=true");
    world.switch(|switches| switches.deletion_right = DeletionRight::AccountAdministrator);
    assert_refused(&world.call(Method::DELETE, &path, None).await, 403, "Forbidden", "Forbidden");
    assert_eq!(world.call(Method::DELETE, &format!("Users({id})"), None).await.0, 204);
    world.switch(|switches| switches.deletion_right = DeletionRight::Manager);
    assert_eq!(world.call(Method::DELETE, &path, None).await.0, 204);
}

#[tokio::test]
async fn a_soft_delete_may_mark_and_hide() {
    let world = World::start().await;
    let id = world.client("c@partner.example");
    let path = format!("Users({id})");
    world.call(Method::DELETE, &path, None).await;
    assert!(world.get(&path).await.1.get("IsDeleted").is_none());
    assert_eq!(world.get("Accounts/Clients").await.1["odata.count"], 1);
    world.switch(|switches| {
        switches.soft_delete_marks = true;
        switches.soft_deleted_listed = false;
    });
    assert_eq!(world.get(&path).await.1["IsDeleted"], true);
    assert_eq!(world.get("Accounts/Clients").await.1["odata.count"], 0);
    let enable = json!({ "Security": { "IsDisabled": false } });
    let (status, user) = world.patch(&path, enable).await;
    assert_eq!((status, user.get("IsDeleted")), (200, None));
    assert_eq!(world.get("Accounts/Clients").await.1["odata.count"], 1);
}

#[tokio::test]
async fn if_necessary_may_promote_and_enable() {
    let world = World::start().await;
    let id = world.client("Grace@contoso.com");
    world.sharefile.edit_account(&id, json!({ "disabled": true })).unwrap();
    let path = "Users/AccountUser?ifNecessary=True";
    let ask = async || {
        assert_eq!(world.post(path, person("grace@contoso.com")).await.0, 200);
        let view = world.sharefile.account(&id).unwrap();
        (view.kind, view.disabled)
    };
    assert_eq!(ask().await, (AccountKind::Client, true));
    world.switch(|switches| switches.if_necessary_enables = true);
    assert_eq!(ask().await, (AccountKind::Client, false));
    world.switch(|switches| switches.if_necessary_promotes = true);
    assert_eq!(ask().await, (AccountKind::Employee, false));
}

#[tokio::test]
async fn an_address_change_may_wait_and_the_old_one_stay() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    let path = format!("Users({id})");
    world.switch(|switches| switches.address_change_waits = true);
    let (status, user) = world.patch(&path, json!({ "Email": "a.king@contoso.com" })).await;
    assert_eq!((status, &user["Email"]), (200, &json!("ada@contoso.com")));
    let mails = world.sharefile.mails();
    assert_eq!(
        (mails[0].to.as_str(), mails[0].occasion.as_str()),
        ("a.king@contoso.com", "confirm_address")
    );
    world.switch(|switches| {
        switches.address_change_waits = false;
        switches.keep_old_address = true;
    });
    world.sharefile.set_preference("DisableSecondaryEmails", true);
    world.patch(&path, json!({ "Email": "b.king@contoso.com" })).await;
    assert!(world.sharefile.account(&id).unwrap().other_addresses.is_empty());
    world.sharefile.set_preference("DisableSecondaryEmails", false);
    let (_, user) = world.patch(&path, json!({ "Email": "c.king@contoso.com" })).await;
    assert_eq!(user["Emails"], json!(["c.king@contoso.com", "b.king@contoso.com"]));
}

#[tokio::test]
async fn ones_own_addresses_move() {
    let world = World::start().await;
    let me = world.sharefile.service_id();
    let other = json!({ "other_addresses": ["second@contoso.com"] });
    world.sharefile.edit_account(&me, other).unwrap();
    let (_, read) = world.get("Users?$expand=EmailAddresses").await;
    assert_eq!(read["EmailAddresses"][1]["IsPrimary"], false);
    let none = json!({});
    let post = async |path: &str| world.post(path, none.clone()).await;
    assert_eq!(post("Users/SendConfirmationEmail?email=Second@contoso.com").await.0, 204);
    assert_eq!(world.sharefile.mails()[0].to, "second@contoso.com");
    let (status, user) = post("Users/MakePrimary?EMAIL=second@contoso.com").await;
    assert_eq!((status, &user["Email"]), (200, &json!("second@contoso.com")));
    assert_eq!(user["Emails"][1], "provisioner@contoso.com");
    assert_eq!(post("Users/DeleteEmailAddress?email=second@contoso.com").await.0, 400);
    assert_eq!(post("Users/DeleteEmailAddress?email=owner@contoso.com").await.0, 404);
    let (status, user) = post("Users/DeleteEmailAddress?email=provisioner@contoso.com").await;
    assert_eq!((status, &user["Emails"]), (200, &json!(["second@contoso.com"])));
    world.switch(|switches| switches.key_change_my_settings = false);
    let answer = post("Users/MakePrimary?email=second@contoso.com").await;
    assert_refused(&answer, 403, "Forbidden", "NotAuthorized");
}

#[tokio::test]
async fn another_address_is_added_with_a_code() {
    let world = World::start().await;
    world.employee("ada@contoso.com");
    let post = async |path: &str| world.post(path, json!({})).await;
    let send = "Users/SendEmailVerificationCode?email=me@contoso.com";
    assert_eq!(post("Users/SendEmailVerificationCode?email=ada@contoso.com").await.0, 409);
    assert_eq!(post(send).await.0, 204);
    let mail = world.sharefile.mails().pop().unwrap();
    assert_eq!((mail.to.as_str(), mail.occasion.as_str()), ("me@contoso.com", "verification_code"));
    let wrong = post("Users/VerifyEmailAddress?email=me@contoso.com&verificationCode=0").await;
    assert_refused(&wrong, 400, "BadRequest", "InvalidValidationCode");
    let code = mail.message.unwrap();
    let verify = format!("Users/VerifyEmailAddress?email=ME@contoso.com&verificationCode={code}");
    assert_eq!(post(&verify).await.0, 204);
    assert_eq!(world.get("Users").await.1["Emails"][1], "me@contoso.com");
    assert_eq!(post(&verify).await.0, 400);
    world.sharefile.set_preference("DisableSecondaryEmails", true);
    let answer = post("Users/SendEmailVerificationCode?email=two@contoso.com").await;
    assert_refused(&answer, 403, "Forbidden", "FeatureDisabled");
}

#[tokio::test]
async fn mails_are_sent_on_request() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    let path = format!("Users({id})/ResendWelcome?customMessage=Hello&notifySender=true");
    assert_eq!(world.post(&path, json!({})).await.0, 200);
    let path = format!("Users({id})/WelcomeNotification");
    let body = json!({ "CustomMessage": "Again", "NotifySender": false });
    assert_eq!(world.post(&path, body).await.0, 200);
    let forgot = format!("{}/sf/v3/Users/ForgotPassword?email=", world.base);
    for email in ["ada@contoso.com", "nobody@contoso.com"] {
        let response = world.http.post(format!("{forgot}{email}")).send().await.unwrap();
        assert_eq!(response.status(), 204);
    }
    let told: Vec<_> =
        world.sharefile.mails().into_iter().map(|m| (m.occasion, m.message)).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        told,
        [
            ("welcome".to_owned(), text("Hello")),
            ("welcome_copy".to_owned(), text("Hello")),
            ("welcome".to_owned(), text("Again")),
            ("forgotten_password".to_owned(), None),
        ]
    );
}

#[tokio::test]
async fn passwords_are_reset_within_the_policy() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    world.sharefile.set_service_roles(&["AdminManageEmployees", "AdminAccountPolicies"]);
    let policy = json!({ "PasswordPolicy": { "MinimumNumeric": 1, "MinimumLength": 10 } });
    let (status, preferences) = world.patch("Accounts/Preferences", policy).await;
    assert_eq!((status, &preferences["MinimumLength"]), (200, &json!(10)));
    assert_eq!(preferences["PasswordPolicy"]["MinimumNumeric"], 1);
    let path = format!("Users({id})/ResetPassword?notify=true");
    let reset = |password: &str| json!({ "NewPassword": password });
    for weak in ["only letters", "short1"] {
        let answer = world.post(&path, reset(weak)).await;
        assert_refused(&answer, 400, "BadRequest", "InvalidPassword");
    }
    world.switch(|switches| switches.rule_status = 422);
    assert_eq!(world.post(&path, reset("short1")).await.0, 422);
    assert_eq!(world.post(&path, reset("long enough 1")).await.0, 200);
    assert_eq!(world.sharefile.mails()[0].occasion, "password_reset");
    let mut form = world.password_form();
    form[3].1 = "ada@contoso.com".to_owned();
    form[4].1 = "long enough 1".to_owned();
    assert_eq!(world.ask_token(&form).await.0, 200);
    // Without the right to manage, one's own needs the old one.
    world.sharefile.set_service_roles(&["CanManageMySettings"]);
    let own = format!("Users({})/ResetPassword", world.sharefile.service_id());
    assert_eq!(world.post(&own, reset("long enough 2")).await.0, 403);
    let old = world.sharefile.credentials().admin_password;
    let body = json!({ "NewPassword": "long enough 2", "OldPassword": old.expose_secret() });
    assert_eq!(world.post(&own, body).await.0, 200);
    assert_eq!(world.post(&path, reset("long enough 3")).await.0, 403);
}

#[tokio::test]
async fn preferences_are_patched_and_security_is_not() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    let path = format!("Users({id})/Preferences");
    let body = json!({
        "timezone": "Tokyo Standard Time", "UserNotificationLocale": "german", "Unknown": 1,
    });
    let (status, preferences) = world.patch(&path, body).await;
    assert_eq!((status, &preferences["TimeZone"]), (200, &json!("Tokyo Standard Time")));
    assert_eq!(world.get(&path).await.1["UserNotificationLocale"], "German");
    let answer = world.patch(&path, json!({ "CanResetPassword": "no" })).await;
    assert_refused(&answer, 400, "BadRequest", "BadRequest");
    world.sharefile.set_service_roles(&["CanChangePassword"]);
    assert_eq!(world.patch(&path, json!({})).await.0, 403);
    let own = format!("Users({})/Preferences", world.sharefile.service_id());
    assert_eq!(world.patch(&own, json!({})).await.0, 403);
    world.sharefile.set_service_roles(&["CanManageMySettings"]);
    assert_eq!(world.patch(&own, json!({ "TimeFormat": "HH:mm" })).await.0, 200);
}

#[tokio::test]
async fn the_first_login_confirms() {
    let world = World::start().await;
    let body = json!({ "FirstName": "Pro", "Password": "a new password" });
    assert_eq!(world.post("Users/Confirm", body).await.0, 204);
    let me = world.sharefile.account(&world.sharefile.service_id()).unwrap();
    assert_eq!((me.first_name.as_str(), me.confirmed), ("Pro", true));
}

#[tokio::test]
async fn a_zone_must_exist_and_a_quota_be_offered() {
    let world = World::start().await;
    let mut body = person("g@contoso.com");
    body["DefaultZone"] = json!({ "Id": "zp-nowhere" });
    let answer = world.post("Users/AccountUser", body.clone()).await;
    assert_refused(&answer, 400, "BadRequest", "ZoneUnavailable");
    let zone = world.get("Zones").await.1["value"][0]["Id"].clone();
    body["DefaultZone"]["Id"] = zone.clone();
    body["StorageQuotaLimitGB"] = json!(5);
    world.sharefile.set_preference("IsQuotaLimitAvailable", false);
    let answer = world.post("Users/AccountUser", body.clone()).await;
    assert_refused(&answer, 400, "BadRequest", "FeatureDisabled");
    world.sharefile.set_preference("IsQuotaLimitAvailable", true);
    let (status, user) = world.post("Users/AccountUser?$expand=DefaultZone", body).await;
    assert_eq!((status, &user["DefaultZone"]["Id"]), (200, &zone));
    let path = format!("Users/AccountUser({})", user["Id"].as_str().unwrap());
    let body = json!({ "StorageQuotaLimitGB": -1, "Bandwidth": 100 });
    let (_, user) = world.patch(&path, body).await;
    assert_eq!((&user["StorageQuotaLimitGB"], &user["Bandwidth"]), (&json!(-1), &json!(100)));
}

#[tokio::test]
async fn a_key_without_rights_refuses_what_concerns_people() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    world.switch(|switches| switches.key_admin_users = false);
    let answer = world.patch(&format!("Users({id})"), json!({ "LastName": "K" })).await;
    assert_refused(&answer, 403, "Forbidden", "NotAuthorized");
    let answer = world.get("Accounts/Employees").await;
    assert_refused(&answer, 403, "Forbidden", "NotAuthorized");
    assert!(world.get(&format!("Users({id})")).await.1.get("Roles").is_none());
    assert_eq!(world.get("Users").await.0, 200);
}
