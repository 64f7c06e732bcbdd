//! Lists, single objects, the recycle bin and batches.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{World, ids, link};
use crate::sandbox::faults::{Fault, FaultKind};
use crate::sandbox::graph::switches::Switches;
use crate::sandbox::graph::views::{NewGroup, NewPerson};

#[tokio::test]
async fn every_answer_carries_its_ids_and_errors_have_the_shape() {
    let world = World::empty().await;
    let answer = world
        .request("/users/nobody@contoso.com")
        .header("client-request-id", "8b1d3c1e-0000-4000-8000-000000000001")
        .send()
        .await
        .expect("answers");
    assert_eq!(answer.status(), 404);
    let id = answer.headers().get("request-id").expect("an id").to_str().expect("text").to_owned();
    assert_eq!(answer.headers()["client-request-id"], "8b1d3c1e-0000-4000-8000-000000000001");
    let body: Value = answer.json().await.expect("JSON");
    let error = &body["error"];
    assert_eq!(error["code"], "Request_ResourceNotFound");
    assert_eq!(error["innerError"]["request-id"], id);
    assert_eq!(error["innerError"]["client-request-id"], "8b1d3c1e-0000-4000-8000-000000000001");
    assert_eq!(error["innerError"]["date"], "2027-01-15T08:00:00");
    assert_eq!(world.refused("/nonsense").await, (400, "BadRequest".to_owned()));
    assert_eq!(world.refused(&format!("{}/beta/users", world.base())).await.0, 400);
    let post = world.http.post(world.address("/users")).bearer_auth(&world.token);
    assert_eq!(post.send().await.expect("answers").status(), 405);
}

#[tokio::test]
async fn applications_are_found_by_id_app_id_and_name() {
    let world = World::empty().await;
    let application = world.entra().application();
    let by_id = world.get(&format!("/servicePrincipals/{}", application.id)).await;
    assert_eq!(by_id["displayName"], "Citrix ShareFile");
    assert_eq!(by_id["appRoles"].as_array().map(Vec::len), Some(3));
    assert_eq!(by_id["appRoles"][0]["value"], Value::Null);
    let by_app = world.get(&format!("/servicePrincipals(appId='{}')", application.app_id)).await;
    assert_eq!(by_app["id"], by_id["id"]);
    let filter =
        "/servicePrincipals?$filter=displayName%20eq%20'citrix%20sharefile'&$select=id&$top=5";
    assert_eq!(world.get(filter).await["value"], json!([{"id": application.id}]));
    world.entra().add_application("Citrix ShareFile");
    assert_eq!(ids(&world.get(filter).await).len(), 2);
    let nobody = Uuid::from_u128(1);
    assert_eq!(world.refused(&format!("/servicePrincipals/{nobody}")).await.0, 404);
    assert_eq!(world.refused("/servicePrincipals/x").await.0, 400);
    assert_eq!(world.refused("/servicePrincipals?$filter=tags%20eq%20'x'").await.0, 400);
}

#[tokio::test]
async fn assignments_come_in_pages() {
    let world = World::empty().await;
    let role = world.entra().role("User").expect("a role");
    for number in 0..1100 {
        let person = world.person(&format!("p{number}"));
        world.entra().assign(person, role).expect("assigns");
    }
    let path = format!("/servicePrincipals/{}/appRoleAssignedTo", world.application());
    let first = world.get(&path).await;
    assert_eq!(ids(&first).len(), 100);
    assert_eq!(first["value"][0]["principalType"], "User");
    assert_eq!(first["value"][0]["appRoleId"], role.to_string());
    assert!(Uuid::try_parse(&ids(&first)[0]).is_err());
    let large = world.get(&format!("{path}?$top=5000")).await;
    assert_eq!(ids(&large).len(), 999);
    let rest = world.get(link(&large, "next").expect("more")).await;
    assert_eq!(ids(&rest).len(), 101);
    assert!(link(&rest, "next").is_none());
    let named = format!("{path}?$filter=principalDisplayName%20eq%20'P7%20test'");
    assert_eq!(ids(&world.get(&named).await).len(), 1);
    for filter in ["principalType eq 'User'", "appRoleId eq 'x'", "principalDisplayName ne 'x'"] {
        let path = format!("{path}?$filter={}", filter.replace(' ', "%20"));
        assert_eq!(world.refused(&path).await, (400, "Request_BadRequest".to_owned()));
    }
    let cut = Fault::new(FaultKind::CutList).at("appRoleAssignedTo").keep(10).times(1);
    world.sandbox.faults.add(cut);
    let cut = world.get(&format!("{path}?$top=999")).await;
    assert_eq!((ids(&cut).len(), link(&cut, "next")), (10, None));
    world
        .entra()
        .set_switches(Switches { assignments_lost_without_top: true, ..Switches::default() });
    let lost = world.get(&path).await;
    assert_eq!((ids(&lost).len(), link(&lost, "next")), (100, None));
}

#[tokio::test]
async fn deleted_principals_are_not_listed() {
    let world = World::empty().await;
    let role = world.entra().role("Client").expect("a role");
    let ada = world.person("Ada");
    world.entra().assign(ada, role).expect("assigns");
    assert!(world.entra().assign(ada, role).is_err());
    world.entra().assign(ada, Uuid::nil()).expect("takes a second role");
    let path = format!("/servicePrincipals/{}/appRoleAssignedTo?$top=999", world.application());
    assert_eq!(ids(&world.get(&path).await).len(), 2);
    world.entra().soft_delete_person(ada).expect("deletes");
    assert_eq!(ids(&world.get(&path).await).len(), 0);
    world.entra().restore_person(ada).expect("restores");
    assert_eq!(ids(&world.get(&path).await).len(), 2);
    assert_eq!(world.entra().unassign_principal(ada), 2);
    assert_eq!(ids(&world.get(&path).await).len(), 0);
}

#[tokio::test]
async fn people_are_read_by_id_and_name() {
    let world = World::empty().await;
    let guest = NewPerson::named("Zoë", "O'Neill", "zoe.o'neill@fabrikam.com")
        .with("userPrincipalName", "zoe.o'neill_fabrikam.com#EXT#@contoso.onmicrosoft.com")
        .with("userType", "Guest")
        .with("extension_0123456789abcdef0123456789abcdef_badge", "B-7");
    let zoe = world.entra().add_person(guest).expect("is added");
    let usual = world.get(&format!("/users/{zoe}")).await;
    assert_eq!(usual["givenName"], "Zoë");
    assert!(usual.get("accountEnabled").is_none() && usual.get("businessPhones").is_some());
    let upn = "zoe.o'neill_fabrikam.com%23EXT%23@contoso.onmicrosoft.com";
    assert_eq!(world.get(&format!("/users/{upn}?$select=id")).await["id"], zoe.to_string());
    let select = "id,accountEnabled,department,otherMails,extension_0123456789abcdef0123456789abcdef_badge,onPremisesExtensionAttributes";
    let chosen = world.get(&format!("/users/{zoe}?$select={select}")).await;
    assert_eq!(chosen["accountEnabled"], true);
    assert_eq!(chosen["department"], Value::Null);
    assert_eq!(chosen["otherMails"], json!([]));
    assert_eq!(chosen["extension_0123456789abcdef0123456789abcdef_badge"], "B-7");
    let wide = chosen["onPremisesExtensionAttributes"].as_object().map(serde_json::Map::len);
    assert_eq!(wide, Some(15));
    assert_eq!(world.refused(&format!("/users/{zoe}?$select=nonsense")).await.0, 400);
    assert_eq!(world.refused(&format!("/users/{zoe}?$select=skills")).await.0, 501);
    assert_eq!(world.refused(&format!("/users/{zoe}?$select=signInActivity")).await.0, 403);
}

#[tokio::test]
async fn people_are_filtered_and_paged() {
    let world = World::empty().await;
    let all: Vec<Uuid> = (0..20).map(|number| world.person(&format!("P{number}"))).collect();
    world.entra().set_enabled(all[3], false).expect("disables");
    let list = |values: &[Uuid]| {
        let values: Vec<String> = values.iter().map(|id| format!("'{id}'")).collect();
        format!("/users?$select=id&$filter=id%20in%20({})", values.join(","))
    };
    assert_eq!(ids(&world.get(&list(&all[..15])).await).len(), 15);
    assert_eq!(world.refused(&list(&all[..16])).await.0, 400);
    for (filter, count) in [
        ("accountEnabled eq false", 1),
        ("mail eq 'P7@CONTOSO.COM'", 1),
        ("userPrincipalName eq 'p7@contoso.com' or mail eq 'p8@contoso.com'", 2),
        ("startswith(displayName,'P1')", 11),
        ("id eq '00000000-0000-4000-8000-000000000000'", 0),
    ] {
        let path = format!("/users?$filter={}", filter.replace(' ', "%20"));
        assert_eq!(ids(&world.get(&path).await).len(), count, "{filter}");
    }
    for filter in ["companyName eq 'x'", "mail ne null", "skills eq 'x'", "mail eq"] {
        let path = format!("/users?$filter={}", filter.replace(' ', "%20"));
        assert_eq!(world.refused(&path).await.0, 400, "{filter}");
    }
    let advanced = world.eventual("/users?$filter=mail%20ne%20null&$count=true").await;
    assert_eq!(advanced["@odata.count"], 20);
    let mut seen = Vec::new();
    let mut page = world.get("/users?$select=id,mail&$top=7").await;
    loop {
        seen.extend(ids(&page));
        assert!(page["value"][0].get("displayName").is_none());
        match link(&page, "next") {
            Some(next) => page = world.get(next).await,
            None => break,
        }
    }
    let mut wanted: Vec<String> = all.iter().map(Uuid::to_string).collect();
    wanted.sort();
    assert_eq!(seen, wanted);
    for top in ["0", "1000", "x"] {
        assert_eq!(world.refused(&format!("/users?$top={top}")).await.0, 400);
    }
    assert_eq!(world.refused("/users?$orderby=mail").await.0, 400);
    assert_eq!(world.refused("/users?$skiptoken=nonsense").await.0, 400);
    assert_eq!(world.refused("/users/$count").await.1, "Request_BadRequest");
    let count = world.request("/users/$count").header("ConsistencyLevel", "eventual");
    let count = count.send().await.expect("answers").text().await.expect("text");
    assert_eq!(count, "20");
}

#[tokio::test]
async fn members_come_with_their_type_and_the_cast_has_its_rules() {
    let world = World::empty().await;
    let people: Vec<Uuid> = (0..5).map(|number| world.person(&format!("P{number}"))).collect();
    let inner = world.group("Inner", &people[3..]);
    let outer = world.group("Outer", &people[..3]);
    world.entra().add_member(outer, inner).expect("nests");
    let group = world.get(&format!("/groups/{outer}?$select=id,displayName,securityEnabled")).await;
    assert_eq!(group["displayName"], "Outer");
    let members = world.get(&format!("/groups/{outer}/members?$top=999")).await;
    let kinds: Vec<&Value> = members["value"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| &row["@odata.type"])
        .collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "#microsoft.graph.user").count(), 3);
    assert_eq!(kinds.iter().filter(|kind| **kind == "#microsoft.graph.group").count(), 1);
    let cast = format!("/groups/{outer}/members/microsoft.graph.user");
    assert_eq!(ids(&world.get(&cast).await).len(), 3);
    let options = format!("{cast}?$select=id,mail&$top=2&$count=true");
    assert_eq!(world.refused(&options).await, (400, "Request_UnsupportedQuery".to_owned()));
    let page = world.eventual(&options).await;
    assert_eq!(page["@odata.count"], 3);
    assert!(page["value"][0].get("@odata.type").is_none());
    let next = link(&page, "next").expect("more");
    assert_eq!(world.refused(next).await.0, 400);
    let rest = world.eventual(next).await;
    assert_eq!(ids(&rest).len(), 1);
    assert!(rest.get("@odata.count").is_none());
    let deep = world.get(&format!("/groups/{outer}/transitiveMembers")).await;
    assert_eq!(ids(&deep).len(), 6);
    world.entra().soft_delete_person(people[0]).expect("deletes");
    assert_eq!(ids(&world.get(&cast).await).len(), 2);
    world.entra().restore_person(people[0]).expect("restores");
    assert_eq!(ids(&world.get(&cast).await).len(), 3);
    assert_eq!(world.refused("/groups/x/members").await.0, 400);
    world.entra().delete_group(outer).expect("deletes");
    assert_eq!(world.refused(&cast).await, (404, "Request_ResourceNotFound".to_owned()));
}

#[tokio::test]
async fn the_recycle_bin_tells_deleted_from_gone() {
    let world = World::empty().await;
    let (ada, bob) = (world.person("Ada"), world.person("Bob"));
    let unified = NewGroup::named("Team").with("groupTypes", json!(["Unified"]));
    let team = world.entra().add_group(unified).expect("is added");
    world.entra().soft_delete_person(ada).expect("deletes");
    world.entra().hard_delete_person(bob).expect("deletes");
    world.entra().delete_group(team).expect("deletes");
    for id in [ada, bob] {
        assert_eq!(world.refused(&format!("/users/{id}")).await.0, 404);
    }
    let item = world.get(&format!("/directory/deletedItems/{ada}")).await;
    assert_eq!(item["deletedDateTime"], "2027-01-15T08:00:00Z");
    assert_eq!(item["@odata.type"], "#microsoft.graph.user");
    assert_eq!(item["userPrincipalName"], format!("{}ada@contoso.com", ada.simple()));
    assert_eq!(world.refused(&format!("/directory/deletedItems/{bob}")).await.0, 404);
    assert_eq!(world.refused(&format!("/directory/deletedItems/{team}")).await.0, 403);
    let list = world.get("/directory/deletedItems/microsoft.graph.user?$select=id").await;
    assert_eq!(ids(&list), [ada.to_string()]);
    world.advance(3000);
    assert_eq!(world.entra().people().len(), 1);
    world.advance(30 * 24 * 3600);
    assert_eq!(world.entra().people().len(), 0);
    assert!(world.entra().group("Team").is_none());
}

#[tokio::test]
async fn a_batch_answers_each_request_on_its_own() {
    let world = World::empty().await;
    let ada = world.person("Ada");
    let answer = world
        .batch(json!([
            {"id": "1", "method": "GET", "url": format!("/users/{ada}?$select=id")},
            {"id": "2", "method": "GET", "url": "users/nobody@contoso.com"},
            {"id": "3", "method": "GET", "url": "/users?$filter=mail ne null&$count=true",
             "headers": {"ConsistencyLevel": "eventual"}},
            {"id": "4", "method": "GET", "url": "/groups/delta", "dependsOn": ["2"]},
            {"id": "5", "method": "POST", "url": "/$batch"},
        ]))
        .await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.expect("JSON");
    let statuses: Vec<u64> = body["responses"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["status"].as_u64().expect("a number"))
        .collect();
    assert_eq!(statuses, [200, 404, 200, 424, 400]);
    assert_eq!(body["responses"][0]["body"]["id"], ada.to_string());
    assert_eq!(body["responses"][1]["body"]["error"]["code"], "Request_ResourceNotFound");
    let one = |id: usize| json!({"id": id.to_string(), "method": "GET", "url": "/users"});
    assert_eq!(world.batch((0..20).map(one).collect()).await.status(), 200);
    assert_eq!(world.batch((0..21).map(one).collect()).await.status(), 400);
    assert_eq!(world.batch(json!([one(1), one(1)])).await.status(), 400);
    assert_eq!(world.batch(json!("x")).await.status(), 400);
}

#[tokio::test]
async fn requests_in_a_batch_are_throttled_on_their_own() {
    let world = World::empty().await;
    let fault = Fault::new(FaultKind::TooManyRequests).at("/users").after(1).times(1);
    world.sandbox.faults.add(fault.retry_after("2.128"));
    world.entra().set_switches(Switches { batch_reversed: true, ..Switches::default() });
    let one = |id: usize| json!({"id": id.to_string(), "method": "GET", "url": "/users"});
    let answer = world.batch((0..3).map(one).collect()).await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["responses"][0]["id"], "2");
    assert_eq!(body["responses"][1]["status"], 429);
    assert_eq!(body["responses"][1]["headers"]["Retry-After"], "2.128");
    assert_eq!(body["responses"][2]["status"], 200);
    let labels = world.sandbox.counts.by_endpoint();
    assert_eq!(labels.get("POST /v1.0/$batch"), Some(&1));
}

#[tokio::test]
async fn transport_faults_have_the_shape_of_graph() {
    let world = World::empty().await;
    let fault = Fault::new(FaultKind::TooManyRequests).times(1).retry_after("1");
    world.sandbox.faults.add(fault);
    let answer = world.request("/users").send().await.expect("answers");
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "1");
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["error"]["code"], "TooManyRequests");
    assert_eq!(body["error"]["innerError"]["code"], "429");
}
