//! Advanced queries, managers, members of every kind, and the index that lags.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{World, ids, link};
use crate::sandbox::graph::switches::{HiddenMembers, Switches};
use crate::sandbox::graph::views::{NewGroup, NewPerson};

async fn eventual_status(world: &World, path: &str) -> u16 {
    let request = world.request(path).header("ConsistencyLevel", "eventual");
    request.send().await.expect("answers").status().as_u16()
}

async fn text(world: &World, path: &str) -> String {
    let request = world.request(path).header("ConsistencyLevel", "eventual");
    request.send().await.expect("answers").text().await.expect("text")
}

fn names(body: &Value) -> Vec<&str> {
    let rows = body["value"].as_array().expect("a list");
    rows.iter().map(|row| row["displayName"].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn people_are_sorted_searched_and_counted_by_the_rules() {
    let world = World::empty().await;
    for name in ["Cid", "Ada", "Bob"] {
        world.person(name);
    }
    let sorted = world.get("/users?$orderby=displayName&$select=displayName&$top=2").await;
    assert_eq!(names(&sorted), ["Ada Test", "Bob Test"]);
    let rest = world.get(link(&sorted, "next").expect("more")).await;
    assert_eq!(names(&rest), ["Cid Test"]);
    assert!(link(&rest, "next").is_none());
    let both = "/users?$orderby=displayName%20desc&$filter=startswith(givenName,'a')%20or%20startswith(givenName,'b')&$count=true";
    assert_eq!(world.refused(both).await, (400, "Request_UnsupportedQuery".to_owned()));
    let page = world.eventual(both).await;
    assert_eq!((names(&page), &page["@odata.count"]), (vec!["Bob Test", "Ada Test"], &json!(2)));
    assert_eq!(world.refused("/users?$orderby=mail").await.0, 400);
    assert_eq!(world.eventual("/users?$orderby=mail&$count=true").await["@odata.count"], 3);
    assert_eq!(world.refused("/users?$skip=1").await.0, 400);
    let search = "/users?$search=%22displayName:te%22%20AND%20%22mail:b%22";
    assert_eq!(world.refused(search).await, (400, "Request_UnsupportedQuery".to_owned()));
    assert_eq!(names(&world.eventual(search).await), ["Bob Test"]);
    assert_eq!(eventual_status(&world, "/users?$search=ada").await, 400);
    let ending = "endswith(mail,'@contoso.com')";
    let path = format!("/users?$filter={ending}&$count=true");
    assert_eq!(world.refused(&path).await.0, 400);
    assert_eq!(ids(&world.eventual(&path).await).len(), 3);
    assert_eq!(text(&world, "/users/$count?$filter=givenName%20ne%20'Ada'").await, "2");
    // Without the header a count is not refused but left out.
    assert!(world.get("/users?$count=true").await.get("@odata.count").is_none());
    let by_address = "/users?$filter=proxyAddresses/any(a:a%20eq%20'SMTP:ada@contoso.com')";
    assert_eq!(names(&world.get(by_address).await), ["Ada Test"]);
}

#[tokio::test]
async fn groups_are_asked_in_the_same_way() {
    let world = World::empty().await;
    world.group("Sales", &[]);
    let unified = NewGroup::named("Team").with("groupTypes", json!(["Unified"]));
    world.entra().add_group(unified).expect("is added");
    let path = "/groups?$filter=groupTypes/any(c:c%20eq%20'Unified')&$select=displayName";
    assert_eq!(names(&world.get(path).await), ["Team"]);
    assert_eq!(names(&world.get("/groups?$orderby=displayName%20desc").await), ["Team", "Sales"]);
    assert_eq!(text(&world, "/groups/$count").await, "2");
    assert_eq!(world.refused("/groups/$count").await.0, 400);
    let none = "/groups?$filter=NOT%20groupTypes/any(c:c%20eq%20'Unified')&$count=true";
    assert_eq!(eventual_status(&world, none).await, 400, "operators are written small");
    assert_eq!(names(&world.eventual(&none.replace("NOT", "not")).await), ["Sales"]);
    assert_eq!(world.refused("/groups?$expand=members").await.0, 400);
}

#[tokio::test]
async fn everybody_has_a_manager_or_none() {
    let world = World::empty().await;
    let (ada, bob) = (world.person("Ada"), world.person("Bob"));
    world.entra().set_manager(bob, Some(ada)).expect("is led");
    let manager = world.get(&format!("/users/{bob}/manager?$select=id,displayName")).await;
    assert_eq!(manager["id"], ada.to_string());
    assert_eq!(manager["@odata.type"], "#microsoft.graph.user");
    let path = format!("/users/{ada}/manager");
    assert_eq!(world.refused(&path).await, (404, "Request_ResourceNotFound".to_owned()));
    let list = world.get("/users?$expand=manager&$select=id").await;
    for row in list["value"].as_array().expect("a list") {
        let wanted = (row["id"] == json!(bob)).then(|| json!(ada));
        assert_eq!(row["manager"].get("id"), wanted.as_ref());
    }
    let nested = format!("/users/{bob}?$expand=manager($levels=1;$select=id)&$count=true");
    assert_eq!(world.refused(&nested).await.0, 400);
    let shown = world.eventual(&nested).await;
    assert_eq!(shown["manager"], json!({"id": ada, "@odata.type": "#microsoft.graph.user"}));
    assert_eq!(world.refused("/users?$expand=memberOf").await.0, 400);
    world.entra().soft_delete_person(ada).expect("deletes");
    assert_eq!(world.refused(&format!("/users/{bob}/manager")).await.0, 404);
    world.entra().hard_delete_person(ada).expect("deletes");
    assert_eq!(world.entra().person(&bob.to_string()).and_then(|bob| bob.manager), None);
}

#[tokio::test]
async fn members_of_every_kind_are_flattened_without_going_round() {
    let mut world = World::empty().await;
    let ada = world.person("Ada");
    let device = world.entra().add_device("LAPTOP-1");
    let robot = world.entra().add_application("Robot");
    let inner = world.group("Inner", &[ada, device]);
    let outer = world.group("Outer", &[inner, robot]);
    world.entra().add_member(inner, outer).expect("goes round");
    let deep =
        world.get(&format!("/groups/{outer}/transitiveMembers?$select=id,displayName")).await;
    let mut seen: Vec<(&str, &str)> = deep["value"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default();
            (text("displayName"), text("@odata.type"))
        })
        .collect();
    seen.sort_unstable();
    let wanted = [
        ("", "#microsoft.graph.device"),
        ("Ada Test", "#microsoft.graph.user"),
        ("Inner", "#microsoft.graph.group"),
        ("Robot", "#microsoft.graph.servicePrincipal"),
    ];
    assert_eq!(seen, wanted, "devices cannot be read without their permission");
    let cast = format!("/groups/{outer}/transitiveMembers/microsoft.graph.user");
    assert_eq!(ids(&world.get(&cast).await), [ada.to_string()]);
    assert_eq!(text(&world, &format!("{cast}/$count")).await, "1");
    assert_eq!(text(&world, &format!("/groups/{outer}/members/$count")).await, "2");
    let groups = format!("/groups/{outer}/members/graph.group");
    assert_eq!(ids(&world.get(&groups).await), [inner.to_string()]);
    assert_eq!(world.refused(&format!("/groups/{outer}/members/graph.mailbox")).await.0, 400);
    assert_eq!(ids(&world.get(&format!("/users/{ada}/memberOf")).await), [inner.to_string()]);
    let above = world.get(&format!("/users/{ada}/transitiveMemberOf")).await;
    assert_eq!(ids(&above).len(), 2);
    let all = world.entra().permissions();
    world.entra().set_permissions(all.into_iter().chain(["Device.Read.All".to_owned()]));
    world.sign_in().await;
    let devices = world.get(&format!("/groups/{inner}/members/microsoft.graph.device")).await;
    assert_eq!(devices["value"][0]["displayName"], "LAPTOP-1");
}

#[tokio::test]
async fn hidden_memberships_need_a_permission_of_their_own() {
    let mut world = World::empty().await;
    let ada = world.person("Ada");
    let hidden = NewGroup::named("Board").with("visibility", "HiddenMembership");
    let board = world.entra().add_group(hidden).expect("is added");
    world.entra().add_member(board, ada).expect("joins");
    let outer = world.group("Outer", &[board]);
    let path = format!("/groups/{board}/members");
    assert!(ids(&world.get(&path).await).is_empty());
    assert_eq!(ids(&world.get(&format!("/groups/{outer}/transitiveMembers")).await).len(), 1);
    let delta = format!("/groups/delta?$filter=id%20eq%20'{board}'");
    assert!(world.get(&delta).await["value"][0].get("members@delta").is_none());
    for (hidden_members, status) in [(HiddenMembers::Refused, 403), (HiddenMembers::Shown, 200)] {
        world.entra().set_switches(Switches { hidden_members, ..Switches::default() });
        assert_eq!(world.request(&path).send().await.expect("answers").status(), status);
    }
    world.entra().set_switches(Switches::default());
    let all = world.entra().permissions();
    world.entra().set_permissions(all.into_iter().chain(["Member.Read.Hidden".to_owned()]));
    world.sign_in().await;
    assert_eq!(ids(&world.get(&path).await), [ada.to_string()]);
    let row = &world.get(&delta).await["value"][0];
    assert_eq!(row["members@delta"][0]["id"], ada.to_string());
}

#[tokio::test]
async fn objects_are_read_by_their_ids() {
    let mut world = World::empty().await;
    let (ada, sales) = (world.person("Ada"), world.group("Sales", &[]));
    let ask = |world: &World, body: Value| {
        let request = world.http.post(world.address("/directoryObjects/getByIds?$select=id,mail"));
        let request = request.bearer_auth(&world.token).json(&body);
        async move {
            let answer = request.send().await.expect("answers");
            (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
        }
    };
    let wanted = json!({"ids": [sales, ada, Uuid::from_u128(7)], "types": ["user"]});
    assert_eq!(ask(&world, wanted.clone()).await.0, 403);
    let all = world.entra().permissions();
    world.entra().set_permissions(all.into_iter().chain(["Directory.Read.All".to_owned()]));
    world.sign_in().await;
    let (status, body) = ask(&world, wanted).await;
    let row = json!({"@odata.type": "#microsoft.graph.user", "id": ada, "mail": "ada@contoso.com"});
    assert_eq!((status, &body["value"]), (200, &json!([row])));
    assert_eq!(ids(&ask(&world, json!({"ids": [sales, ada]})).await.1).len(), 2);
    assert_eq!(ask(&world, json!({"ids": vec![ada; 1001]})).await.0, 400);
    assert_eq!(ask(&world, json!({"ids": ["x"]})).await.0, 400);
    let writes = world.sandbox.counts.writes();
    assert!(writes.is_empty(), "it is a question: {writes:?}");
}

#[tokio::test]
async fn the_index_lags_behind_the_directory() {
    let world = World::empty().await;
    world.entra().set_switches(Switches { index_lag_secs: 60, ..Switches::default() });
    let ada = world.person("Ada");
    let group = world.group("Sales", &[ada]);
    let cast = format!("/groups/{group}/members/microsoft.graph.user");
    let filter = "/users?$filter=givenName%20eq%20'Ada'";
    assert!(ids(&world.get(filter).await).is_empty());
    assert_eq!(ids(&world.get("/users").await).len(), 1, "without a filter nothing lags");
    assert_eq!(ids(&world.get(&format!("/groups/{group}/members")).await).len(), 1);
    assert_eq!(world.refused(&cast).await.0, 404);
    world.advance(61);
    assert_eq!(ids(&world.get(filter).await).len(), 1);
    assert_eq!(ids(&world.get(&cast).await).len(), 1);
    world.entra().remove_member(group, ada).expect("leaves");
    world.entra().set_person(ada, "givenName", "Adele").expect("changes");
    let bob = world.person("Bob");
    assert_eq!(ids(&world.get(filter).await).len(), 1);
    assert_eq!(ids(&world.get(&cast).await).len(), 1);
    assert_eq!(text(&world, "/users/$count").await, "1");
    world.entra().hard_delete_person(ada).expect("deletes");
    assert_eq!(ids(&world.get(filter).await).len(), 1, "the index still has what is gone");
    let everybody = world.eventual("/users?$count=true&$filter=startswith(mail,'a')").await;
    assert_eq!(ids(&everybody), [ada.to_string()]);
    world.advance(61);
    assert_eq!(ids(&world.eventual("/users?$count=true").await), [bob.to_string()]);
    assert_eq!(text(&world, &format!("/groups/{group}/members/$count")).await, "0");
}

#[tokio::test]
async fn assignments_may_be_late() {
    let world = World::empty().await;
    let role = world.entra().role("User").expect("a role");
    let ada = world.person("Ada");
    let path = format!("/servicePrincipals/{}/appRoleAssignedTo?$top=999", world.application());
    world.entra().assign(ada, role).expect("assigns");
    assert_eq!(ids(&world.get(&path).await).len(), 1, "by default nothing is late");
    world.entra().set_switches(Switches { assignment_lag_secs: 30, ..Switches::default() });
    world.entra().unassign_principal(ada);
    let bob = world.person("Bob");
    let row = world.entra().assign(bob, role).expect("assigns");
    let late = world.get(&path).await;
    assert_eq!(late["value"][0]["principalId"], ada.to_string());
    assert_eq!(ids(&late).len(), 1);
    world.advance(31);
    assert_eq!(ids(&world.get(&path).await), [row]);
}

#[tokio::test]
async fn the_ends_of_credentials_can_be_read() {
    let world = World::empty().await;
    let client = world.credentials().client_id;
    let path =
        format!("/applications(appId='{client}')?$select=id,passwordCredentials,keyCredentials");
    let application = world.get(&path).await;
    assert_eq!(application["passwordCredentials"][0]["endDateTime"], "2299-12-31T00:00:00Z");
    assert_eq!(application["passwordCredentials"][0]["secretText"], Value::Null);
    assert!(application["keyCredentials"][0]["endDateTime"].is_string());
    world.entra().expire_secrets();
    let again = world.get(&path).await;
    assert_eq!(again["passwordCredentials"][0]["endDateTime"], "2027-01-15T08:00:00Z");
    let id = application["id"].as_str().expect("an id");
    let held = world.get(&format!("/applications/{id}/federatedIdentityCredentials")).await;
    assert_eq!(held["value"][0]["audiences"], json!(["api://AzureADTokenExchange"]));
    let found = world.get(&format!("/applications?$filter=appId%20eq%20'{client}'")).await;
    assert_eq!(ids(&found), [id]);
    assert_eq!(world.refused(&format!("/applications/{}", Uuid::from_u128(9))).await.0, 404);
    let guest = NewPerson::named("A", "B", "a@b.c");
    world.entra().add_person(guest).expect("is added");
}
