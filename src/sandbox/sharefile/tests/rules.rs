use super::*;
use crate::sandbox::sharefile::switches::{DuplicateAnswer, ExcessRoles, UnprivilegedRead};

#[tokio::test]
async fn what_does_not_exist_is_404_and_what_is_not_offered_405() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    for path in ["Items(allshared)", "Nothing", "Groups(g)/Contacts(u)", "Users/Info/More"] {
        assert_refused(&world.get(path).await, 404, "NotFound", "NotFound");
    }
    for (method, path) in [
        (Method::PATCH, format!("Users({id})/Security")),
        (Method::POST, format!("Users({id})")),
        (Method::DELETE, "Accounts".to_owned()),
        (Method::PUT, format!("Users({id})")),
        (Method::GET, "Users/AccountUser".to_owned()),
        (Method::POST, "Accounts/Preferences".to_owned()),
    ] {
        let answer = world.call(method, &path, Some(json!({}))).await;
        assert_refused(&answer, 405, "MethodNotAllowed", "NotAllowed");
    }
    let root = world.http.get(format!("{}/index.html", world.base)).send().await.unwrap();
    assert_eq!(root.status(), 404);
}

#[tokio::test]
async fn bodies_must_be_json_objects_with_the_right_members() {
    let world = World::start().await;
    let request = world.request(Method::POST, "Users", None).body("Email=a");
    let form = request.header("content-type", "application/x-www-form-urlencoded");
    assert_refused(
        &read(form.send().await.unwrap()).await,
        415,
        "UnsupportedMediaType",
        "BadRequest",
    );
    for body in [
        json!([1]),
        json!({ "FirstName": "G", "LastName": "H" }),
        json!({ "Email": "g@x.example", "LastName": "H" }),
        json!({ "Email": "g@x.example", "FirstName": " ", "LastName": "H" }),
        json!({ "Email": "g@x.example", "FirstName": 1, "LastName": "H" }),
        json!({ "Email": "no address", "FirstName": "G", "LastName": "H" }),
    ] {
        assert_refused(&world.post("Users", body).await, 400, "BadRequest", "BadRequest");
    }
    let id = world.employee("ada@contoso.com");
    for body in [json!({ "LastName": "" }), json!({ "Security": { "IsDisabled": "yes" } })] {
        let answer = world.patch(&format!("Users({id})"), body).await;
        assert_refused(&answer, 400, "BadRequest", "BadRequest");
    }
}

#[tokio::test]
async fn an_address_belongs_to_one_account_secondary_ones_too() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    world
        .sharefile
        .edit_account(&id, json!({ "other_addresses": ["Countess@contoso.com"] }))
        .unwrap();
    let other = world.client("bob@partner.example");
    for address in ["ADA@contoso.com", "countess@contoso.com"] {
        for path in ["Users", "Users/AccountUser"] {
            let answer = world.post(path, person(address)).await;
            assert_refused(&answer, 409, "Conflict", "Conflict");
        }
        let answer = world.patch(&format!("Users({other})"), json!({ "Email": address })).await;
        assert_refused(&answer, 409, "Conflict", "Conflict");
    }
    assert_eq!(world.get("Users?emailaddress=countess@contoso.com").await.0, 200);
    world.switch(|switches| {
        switches.duplicates = DuplicateAnswer::NotFound;
        switches.secondary_address_found = false;
    });
    let answer = world.post("Users", person("ada@contoso.com")).await;
    assert_refused(&answer, 404, "NotFound", "NotFound");
    assert_eq!(world.get("Users?emailaddress=countess@contoso.com").await.0, 404);
    let promoted =
        world.patch(&format!("Users({id})"), json!({ "Email": "countess@contoso.com" })).await;
    assert_eq!(promoted.0, 200);
}

#[tokio::test]
async fn licences_run_out_and_disabled_employees_keep_theirs() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    world.sharefile.set_employee_max(5);
    world.patch(&format!("Users({id})"), json!({ "Security": { "IsDisabled": true } })).await;
    let answer = world.post("Users/AccountUser", person("g@contoso.com")).await;
    assert_refused(&answer, 403, "Forbidden", "EmployeeLicensesExceeded");
    assert_eq!(world.post("Users", person("g@contoso.com")).await.0, 200);
    world.call(Method::DELETE, &format!("Users({id})?completely=true"), None).await;
    assert_eq!(world.post("Users/AccountUser", person("h@contoso.com")).await.0, 200);
}

#[tokio::test]
async fn company_domains_are_for_employees_where_that_is_strict() {
    let options = SharefileOptions {
        strict_employee_definition: true,
        employee_domains: vec!["contoso.com".to_owned(), "contoso.de".to_owned()],
        ..SharefileOptions::default()
    };
    let world = World::with(options).await;
    let answer = world.post("Users", person("g@CONTOSO.de")).await;
    assert_refused(&answer, 403, "Forbidden", "ClientMustBeCreatedAsEmployee");
    let (status, client) = world.post("Users", person("g@partner.example")).await;
    assert_eq!(status, 200);
    let path = format!("Users({})", client["Id"].as_str().unwrap());
    let answer = world.patch(&path, json!({ "Email": "g@contoso.com" })).await;
    assert_refused(&answer, 403, "Forbidden", "ClientMustBeCreatedAsEmployee");
    assert_eq!(world.post("Users/AccountUser", person("g@contoso.com")).await.0, 200);
    let (_, preferences) = world.get("Accounts/Preferences").await;
    assert_eq!(preferences["EmployeeEmailDomains"], "contoso.com,contoso.de");
}

#[tokio::test]
async fn the_callers_roles_decide() {
    let world = World::start().await;
    let employee = world.employee("ada@contoso.com");
    let client = world.client("bob@partner.example");
    world.sharefile.set_service_roles(&["CanManageUsers"]);
    assert_eq!(world.get("Accounts/Clients").await.0, 200);
    assert_refused(&world.get("Accounts/Employees").await, 403, "Forbidden", "Forbidden");
    let disable = json!({ "Security": { "IsDisabled": true } });
    let answer = world.patch(&format!("Users({employee})"), disable.clone()).await;
    assert_refused(&answer, 403, "Forbidden", "Forbidden");
    assert_eq!(world.patch(&format!("Users({client})"), disable).await.0, 200);
    let answer = world.post("Users/AccountUser", person("g@contoso.com")).await;
    assert_refused(&answer, 403, "Forbidden", "Forbidden");
    assert_eq!(world.call(Method::DELETE, &format!("Users({employee})"), None).await.0, 403);
    assert_eq!(world.get(&format!("Users({employee})/Security")).await.0, 403);

    let (status, reduced) = world.get(&format!("Users({employee})?$expand=Security")).await;
    assert_eq!((status, reduced["Id"].as_str()), (200, Some(employee.as_str())));
    for absent in ["Roles", "Security", "IsConfirmed", "Emails", "DateCreated"] {
        assert!(reduced.get(absent).is_none(), "{absent}");
    }
    world.switch(|switches| switches.unprivileged_read = UnprivilegedRead::Forbidden);
    let answer = world.get("Users?emailaddress=ada@contoso.com").await;
    assert_refused(&answer, 403, "Forbidden", "Forbidden");
    assert!(world.get("Users").await.1.get("Roles").is_some());
}

#[tokio::test]
async fn owners_are_protected() {
    let world = World::start().await;
    let disable = json!({ "Security": { "IsDisabled": true } });
    for address in ["owner@contoso.com", "billing@contoso.com"] {
        let id = world.sharefile.account_of(address).unwrap().id;
        let answer = world.patch(&format!("Users({id})"), disable.clone()).await;
        assert_refused(&answer, 403, "Forbidden", "Forbidden");
        for query in ["", "?completely=true"] {
            let answer = world.call(Method::DELETE, &format!("Users({id}){query}"), None).await;
            assert_refused(&answer, 403, "Forbidden", "Forbidden");
        }
        assert!(!world.sharefile.account(&id).unwrap().disabled);
    }
    world.switch(|switches| {
        switches.protect_owners = false;
        switches.self_removal = false;
    });
    let owner = world.sharefile.account_of("owner@contoso.com").unwrap().id;
    assert_eq!(world.patch(&format!("Users({owner})"), disable.clone()).await.0, 200);
    let own = world.sharefile.service_id();
    assert_eq!(world.patch(&format!("Users({own})"), disable).await.0, 403);
    let billing = world.sharefile.account_of("billing@contoso.com").unwrap().id;
    let path = format!("Users({billing})?completely=true");
    assert_eq!(world.call(Method::DELETE, &path, None).await.0, 403);
}

#[tokio::test]
async fn roles_beyond_the_callers_own_are_trimmed_or_refused() {
    let world = World::start().await;
    let mut body = person("g@contoso.com");
    body["Roles"] = json!(["CanManageUsers", "AdminBilling"]);
    let (_, user) = world.post("Users/AccountUser", body.clone()).await;
    assert_eq!(user["Roles"], json!(["Employee", "CanManageUsers"]));
    world.switch(|switches| switches.creation_takes_roles = false);
    body["Email"] = json!("i@contoso.com");
    let (_, user) = world.post("Users/AccountUser", body.clone()).await;
    assert_eq!(user["Roles"], json!(["Employee", "CanChangePassword", "CanManageMySettings"]));
    world.switch(|switches| switches.creation_takes_roles = true);
    world.switch(|switches| switches.excess_roles = ExcessRoles::Refuse);
    body["Email"] = json!("h@contoso.com");
    let answer = world.post("Users/AccountUser", body).await;
    assert_refused(&answer, 403, "Forbidden", "Forbidden");
}

#[tokio::test]
async fn values_may_be_normalised_or_ignored() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    world.switch(|switches| {
        switches.normalise_names = true;
        switches.ignored_members = vec!["Company".to_owned()];
    });
    let body = json!({ "FirstName": "  Ada   Mary ", "Company": "Engines Ltd", "LastName": null });
    let (status, user) = world.patch(&format!("Users({id})"), body).await;
    assert_eq!((status, &user["FirstName"]), (200, &json!("Ada Mary")));
    assert_eq!((&user["Company"], &user["LastName"]), (&json!("Contoso"), &json!("Lovelace")));
    world.switch(|switches| {
        switches.null_clears = true;
        switches.ignored_members.clear();
    });
    let (_, user) = world.patch(&format!("Users({id})"), json!({ "Company": null })).await;
    assert_eq!(user["Company"], "");
}

#[tokio::test]
async fn short_passwords_are_refused_and_never_logged() {
    let world = World::start().await;
    let mut body = person("g@contoso.com");
    body["Password"] = json!("short");
    let answer = world.post("Users/AccountUser", body.clone()).await;
    assert_refused(&answer, 400, "BadRequest", "InvalidPassword");
    body["Password"] = json!("long enough");
    assert_eq!(world.post("Users/AccountUser", body).await.0, 200);
    for write in world.counts.writes() {
        assert_eq!(write.body["Password"], "(withheld)");
    }
}

#[tokio::test]
async fn ten_thousand_accounts_are_no_burden() {
    let world = World::start().await;
    for number in 0..10_000 {
        world.employee(&format!("e{number}@contoso.com"));
    }
    let (_, feed) = world.get("Accounts/Employees").await;
    assert_eq!(feed["odata.count"], 10_004);
    assert_eq!(feed["value"].as_array().unwrap().len(), 10_004);
}
