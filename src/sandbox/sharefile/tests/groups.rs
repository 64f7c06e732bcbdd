use super::*;
use crate::sandbox::sharefile::switches::{PrivateGroups, UnknownMember};
use crate::sandbox::sharefile::{DomainList, NewGroup};

const GROUP_ROLES: [&str; 4] =
    ["AdminManageEmployees", "CanManageUsers", "AdminCreateSharedGroups", "AdminSharedDistGroups"];

async fn world() -> World {
    let world = World::start().await;
    world.sharefile.set_service_roles(&GROUP_ROLES);
    world
}

fn group(world: &World, name: &str, owner: Option<&str>, shared: bool, members: &[&str]) -> String {
    let owner = owner.map(str::to_owned);
    let members = members.iter().map(|member| (*member).to_owned()).collect();
    world.sharefile.add_group(&NewGroup { name: name.to_owned(), owner, shared, members }).unwrap()
}

async fn names(world: &World) -> Vec<String> {
    let (status, feed) = world.get("Groups").await;
    assert_eq!(status, 200, "{feed}");
    let names = feed["value"].as_array().unwrap().iter();
    names.map(|group| group["Name"].as_str().unwrap().to_owned()).collect()
}

fn emails(feed: &Value) -> Vec<&str> {
    feed["value"].as_array().unwrap().iter().map(|c| c["Email"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_group_is_made_changed_and_deleted() {
    let world = world().await;
    world.employee("ada@contoso.com");
    let body = json!({
        "Name": "Engines", "IsShared": true,
        "Contacts": [{ "Email": "ADA@contoso.com" }, { "Email": "ada@contoso.com" }],
    });
    let (status, made) = world.post("Groups?$expand=Owner,Contacts", body).await;
    assert_eq!(status, 200, "{made}");
    let id = made["Id"].as_str().unwrap();
    assert!(id.starts_with('g') && id.len() == 36);
    assert_eq!(made["odata.type"], "ShareFile.Api.Models.Group");
    assert_eq!((&made["IsShared"], &made["NumberOfContacts"]), (&json!(true), &json!(1)));
    assert_eq!(made["Owner"]["Id"], world.sharefile.service_id().as_str());
    assert_eq!(made["Contacts"][0]["Email"], "ada@contoso.com");

    let path = format!("Groups({})", id.to_uppercase());
    let body = json!({ "Name": "Looms", "Contacts": [] });
    let (status, changed) = world.patch(&path, body).await;
    assert_eq!((status, &changed["Name"]), (200, &json!("Looms")));
    assert_eq!((&changed["IsShared"], &changed["NumberOfContacts"]), (&json!(true), &json!(1)));
    assert!(changed.get("Contacts").is_none() && changed.get("Owner").is_none());
    assert_eq!(names(&world).await, ["Looms"]);
    assert_eq!(world.call(Method::DELETE, &path, None).await, (204, Value::Null));
    assert_eq!(world.get(&path).await.0, 404);
    assert!(names(&world).await.is_empty());
    let nameless = world.post("Groups", json!({ "Name": " " })).await;
    assert_refused(&nameless, 400, "BadRequest", "BadRequest");
}

#[tokio::test]
async fn contacts_come_and_go_by_id_first_then_by_address() {
    let world = world().await;
    let (ada, bob) = (world.employee("ada@contoso.com"), world.client("bob@partner.example"));
    let id = group(&world, "G", None, true, &[]);
    let path = format!("Groups({id})/Contacts");
    // The id wins over an address of somebody else, and nobody is in twice.
    let body = json!([
        { "Id": ada.to_uppercase(), "Email": "bob@partner.example" },
        { "Id": "00000000-0000-0000-0000-000000000000", "email": "Bob@partner.example" },
        { "Email": "bob@partner.example" },
    ]);
    let (status, feed) = world.post(&path, body).await;
    assert_eq!(status, 200, "{feed}");
    assert_eq!(emails(&feed), ["ada@contoso.com", "bob@partner.example"]);
    assert_eq!(feed["odata.count"], 2);
    let body = json!([{ "Id": bob }, { "Email": "nobody@contoso.com" }, { "Id": "g1" }]);
    let (status, feed) = world.call(Method::DELETE, &path, Some(body)).await;
    assert_eq!((status, emails(&feed)), (200, vec!["ada@contoso.com"]));
    // The SDK's way around a DELETE with a body.
    let body = json!([{ "Email": "ada@contoso.com" }]);
    let request = world.request(Method::POST, &path, Some(&body));
    let request = request.header("X-Http-Method-Override", "delete");
    let (status, feed) = read(request.send().await.unwrap()).await;
    assert_eq!((status, feed["odata.count"].as_u64()), (200, Some(0)));
    for body in [json!({ "Id": ada }), json!(["x"]), json!([{}]), json!([{ "Id": 7 }])] {
        assert_refused(&world.post(&path, body).await, 400, "BadRequest", "BadRequest");
    }
    let nested = world.post(&path, json!([{ "Id": id }])).await;
    assert_refused(&nested, 400, "BadRequest", "BadRequest");
}

#[tokio::test]
async fn an_unknown_address_becomes_a_client_or_is_refused() {
    let world = world().await;
    let id = group(&world, "G", None, true, &[]);
    let path = format!("Groups({id})/Contacts");
    let body = json!([{ "Email": "new@partner.example", "FirstName": "New" }]);
    assert_eq!(world.post(&path, body.clone()).await.0, 200);
    let made = world.sharefile.account_of("new@partner.example").unwrap();
    assert_eq!((made.kind, made.first_name.as_str()), (AccountKind::Client, "New"));
    world.sharefile.set_employee_domains(vec!["contoso.com".to_owned()]);
    let own = world.post(&path, json!([{ "Email": "own@contoso.com" }])).await;
    assert_refused(&own, 403, "Forbidden", "ClientMustBeCreatedAsEmployee");
    world.sharefile.set_service_roles(&["AdminSharedDistGroups"]);
    let other = json!([{ "Email": "other@partner.example" }]);
    assert_refused(&world.post(&path, other.clone()).await, 403, "Forbidden", "Forbidden");
    world.sharefile.set_service_roles(&GROUP_ROLES);
    world.switch(|switches| switches.unknown_member = UnknownMember::Refuse);
    assert_refused(&world.post(&path, other).await, 404, "NotFound", "NotFound");
    assert!(world.sharefile.account_of("other@partner.example").is_none());
    let known = json!([{ "Id": "00000000-0000-0000-0000-000000000000" }]);
    assert_eq!(world.post(&path, known).await.0, 404);
}

#[tokio::test]
async fn a_full_group_takes_nobody_and_changes_nothing() {
    let world = world().await;
    assert_eq!(Switches::default().group_limit, 2_000);
    world.switch(|switches| switches.group_limit = 2);
    let ada = world.employee("ada@contoso.com");
    let id = group(&world, "G", None, true, &[&ada]);
    let path = format!("Groups({id})/Contacts");
    let two = json!([{ "Email": "b@partner.example" }, { "Email": "c@partner.example" }]);
    assert_refused(&world.post(&path, two).await, 400, "BadRequest", "BadRequest");
    assert!(world.sharefile.account_of("b@partner.example").is_none());
    world.switch(|switches| switches.group_limit_status = 409);
    let two = json!([{ "Email": "b@partner.example" }, { "Email": "c@partner.example" }]);
    assert_refused(&world.post(&path, two).await, 409, "Conflict", "BadRequest");
    let one = json!([{ "Email": "b@partner.example" }, { "Id": ada }]);
    assert_eq!(world.post(&path, one.clone()).await.0, 200);
    world.switch(|switches| switches.contacts_per_request = Some(1));
    assert_refused(&world.post(&path, one).await, 400, "BadRequest", "BadRequest");
}

#[tokio::test]
async fn private_groups_of_others_are_invisible() {
    let world = world().await;
    let ada = world.employee("ada@contoso.com");
    let secret = group(&world, "Secret", Some("ada@contoso.com"), false, &[&ada]);
    group(&world, "Open", Some("ada@contoso.com"), true, &[]);
    group(&world, "Mine", Some(&world.sharefile.service_id()), false, &[]);
    assert_eq!(names(&world).await, ["Open", "Mine"]);
    for path in [format!("Groups({secret})"), format!("Groups({secret})/Contacts")] {
        assert_refused(&world.get(&path).await, 404, "NotFound", "NotFound");
    }
    assert_eq!(world.patch(&format!("Groups({secret})"), json!({ "Name": "x" })).await.0, 404);
    assert_eq!(world.call(Method::DELETE, &format!("Groups({secret})"), None).await.0, 404);
    world.switch(|switches| switches.private_groups = PrivateGroups::GroupAdministrators);
    assert_eq!(names(&world).await, ["Secret", "Open", "Mine"]);
    world.sharefile.set_service_roles(&["CanManageUsers"]);
    assert_eq!(names(&world).await, ["Open", "Mine"]);
    world.sharefile.set_service_roles(&["MasterAdmin"]);
    world.switch(|switches| switches.private_groups = PrivateGroups::Hidden);
    assert_eq!(names(&world).await, ["Secret", "Open", "Mine"]);
}

#[tokio::test]
async fn groups_ask_for_permissions() {
    let world = world().await;
    world.employee("ada@contoso.com");
    let shared = group(&world, "Shared", Some("ada@contoso.com"), true, &[]);
    world.sharefile.set_service_roles(&["CanManageUsers"]);
    let make = |shared: bool| json!({ "Name": "New", "IsShared": shared });
    let answer = world.post("Groups", make(true)).await;
    assert_refused(&answer, 403, "Forbidden", "Forbidden");
    let (status, own) = world.post("Groups", make(false)).await;
    assert_eq!(status, 200);
    let own = format!("Groups({})", own["Id"].as_str().unwrap());
    assert_eq!(world.patch(&own, json!({ "Name": "Newer" })).await.0, 200);
    let answer = world.patch(&own, json!({ "IsShared": true })).await;
    assert_refused(&answer, 403, "Forbidden", "Forbidden");
    let contacts = format!("Groups({shared})/Contacts");
    let shared = format!("Groups({shared})");
    assert_eq!(world.get(&shared).await.0, 200);
    for answer in [
        world.patch(&shared, json!({ "Name": "x" })).await,
        world.call(Method::DELETE, &shared, None).await,
        world.post(&contacts, json!([])).await,
        world.call(Method::DELETE, &contacts, Some(json!([]))).await,
    ] {
        assert_refused(&answer, 403, "Forbidden", "Forbidden");
    }
    world.sharefile.set_service_roles(&["AdminSharedDistGroups"]);
    assert_eq!(world.patch(&shared, json!({ "Name": "x" })).await.0, 200);
    assert_eq!(world.call(Method::DELETE, &shared, None).await.0, 204);
}

#[tokio::test]
async fn only_ones_own_groups_are_listed_by_user() {
    let world = world().await;
    let (me, ada) = (world.sharefile.service_id(), world.employee("ada@contoso.com"));
    group(&world, "Ours", None, true, &[&me, &ada]);
    group(&world, "Theirs", None, true, &[&ada]);
    let (status, feed) = world.get(&format!("Users({me})/Groups")).await;
    assert_eq!((status, &feed["odata.count"]), (200, &json!(1)));
    assert_eq!(feed["value"][0]["Name"], "Ours");
    let answer = world.get(&format!("Users({ada})/Groups")).await;
    assert_refused(&answer, 403, "Forbidden", "Forbidden");
    let (_, own) = world.get("Users?$expand=Groups").await;
    assert_eq!(own["Groups"][0]["Name"], "Ours");
}

#[tokio::test]
async fn the_super_user_group_is_listed_by_a_switch_and_kept() {
    let world = world().await;
    assert!(names(&world).await.is_empty());
    let (_, preferences) = world.get("Accounts/Preferences").await;
    let path = format!("Groups({})", preferences["SuperGroupId"].as_str().unwrap());
    assert_eq!(world.get(&path).await.0, 200);
    assert_eq!(world.patch(&path, json!({ "Name": "x" })).await.0, 403);
    world.sharefile.set_service_roles(&["AdminSuperGroup", "AdminSharedDistGroups"]);
    let ada = world.employee("ada@contoso.com");
    let contacts = format!("{path}/Contacts");
    assert_eq!(world.post(&contacts, json!([{ "Id": ada }])).await.0, 200);
    assert!(world.sharefile.account(&ada).unwrap().super_user);
    assert_eq!(world.call(Method::DELETE, &path, None).await.0, 403);
    world.switch(|switches| switches.super_group_listed = true);
    assert_eq!(names(&world).await, ["Super User Group"]);
}

#[tokio::test]
async fn names_are_unique_and_owners_shown_by_a_switch() {
    let world = world().await;
    group(&world, "Engines", None, true, &[]);
    let body = json!({ "Name": "ENGINES" });
    assert_eq!(world.post("Groups", body.clone()).await.0, 200);
    world.switch(|switches| {
        switches.unique_group_names = true;
        switches.owner_needs_expand = false;
    });
    assert_refused(&world.post("Groups", body).await, 409, "Conflict", "Conflict");
    let (_, feed) = world.get("Groups").await;
    assert_eq!(feed["value"][0]["Owner"]["Email"], "owner@contoso.com");
    world.switch(|switches| switches.owner_needs_expand = true);
    assert!(world.get("Groups").await.1["value"][0].get("Owner").is_none());
}

#[tokio::test]
async fn the_folder_list_keeps_people_out_of_groups() {
    let world = world().await;
    let id = group(&world, "G", None, true, &[]);
    let path = format!("Groups({id})/Contacts");
    let bob = world.client("bob@blocked.example");
    let blocked = DomainList { allow: false, domains: vec!["BLOCKED.example".to_owned()] };
    world.sharefile.set_folder_domains(blocked);
    for reference in [json!({ "Id": bob }), json!({ "Email": "new@blocked.example" })] {
        let answer = world.post(&path, json!([reference])).await;
        assert_refused(&answer, 400, "BadRequest", "EmailBlacklistViolation");
    }
    let allowed = DomainList { allow: true, domains: vec!["contoso.com".to_owned()] };
    world.sharefile.set_folder_domains(allowed);
    let answer = world.post(&path, json!([{ "Id": bob }])).await;
    assert_refused(&answer, 400, "BadRequest", "EmailWhitelistViolation");
    let ada = world.employee("ada@contoso.com");
    assert_eq!(world.post(&path, json!([{ "Id": ada }])).await.0, 200);
}

#[tokio::test]
async fn the_address_book_has_three_types() {
    let world = world().await;
    world.post("Users", person("g@partner.example")).await;
    world.client("other@partner.example");
    group(&world, "Engines", None, true, &[]);
    let (_, own) = world.get("Accounts/AddressBook").await;
    assert_eq!(emails(&own), ["g@partner.example"]);
    let (_, all) = world.get("Accounts/AddressBook?type=shared&searchTerm=PARTNER.example").await;
    assert_eq!(emails(&all), ["g@partner.example", "other@partner.example"]);
    let (_, groups) = world.get("Accounts/AddressBook?TYPE=Group&searchterm=eng").await;
    assert_eq!(
        (&groups["value"][0]["Name"], &groups["odata.count"]),
        (&json!("Engines"), &json!(1))
    );
    assert_eq!(groups["value"][0]["Count"], 0);
    assert!(groups["value"][0]["Id"].as_str().unwrap().starts_with('g'));
    assert_eq!(world.get("Accounts/AddressBook?type=secret").await.0, 400);
}

#[tokio::test]
async fn groups_are_changed_from_outside() {
    let world = world().await;
    let ada = world.employee("ada@contoso.com");
    let body = json!({ "name": "G", "owner": "ada@contoso.com", "shared": false });
    let (status, made) = world.control(Method::POST, "sharefile/groups", Some(body)).await;
    assert_eq!((status, made["owner"].as_str()), (200, Some(ada.as_str())));
    let path = format!("sharefile/groups/{}", made["id"].as_str().unwrap());
    let edit = json!({ "members": ["ada@contoso.com", ada] });
    let (_, edited) = world.control(Method::PATCH, &path, Some(edit)).await;
    assert_eq!(edited["members"], json!([ada]));
    let unknown = world.control(Method::PATCH, &path, Some(json!({ "members": ["x"] }))).await;
    assert_eq!(unknown.0, 404);
    let (_, all) = world.control(Method::GET, "sharefile/groups", None).await;
    assert_eq!((&all[0]["super_group"], &all[1]["name"]), (&json!(true), &json!("G")));
    assert_eq!(world.control(Method::DELETE, &path, None).await.0, 200);
    assert_eq!(world.control(Method::GET, &path, None).await.0, 404);
}
