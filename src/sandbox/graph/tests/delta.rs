//! Delta queries.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{World, ids, link};
use crate::sandbox::faults::{Fault, FaultKind};
use crate::sandbox::graph::switches::{ExpiredDelta, Switches};
use crate::sandbox::graph::views::NewPerson;

/// Follows a round to its end and returns the rows and the delta link.
async fn round(world: &World, start: &str) -> (Vec<Value>, String) {
    let mut rows = Vec::new();
    let mut page = world.get(start).await;
    loop {
        rows.extend(page["value"].as_array().expect("a list").iter().cloned());
        assert_ne!(link(&page, "next").is_some(), link(&page, "delta").is_some());
        match link(&page, "next") {
            Some(next) => page = world.get(next).await,
            None => return (rows, link(&page, "delta").expect("a link").to_owned()),
        }
    }
}

const USERS: &str = "/users/delta?$select=id,mail,department,accountEnabled";

#[tokio::test]
async fn people_are_followed_from_now() {
    let world = World::empty().await;
    let (ada, bob, cid) = (world.person("Ada"), world.person("Bob"), world.person("Cid"));
    let (rows, from_now) = round(&world, &format!("{USERS}&$deltatoken=latest")).await;
    assert!(rows.is_empty());
    let (rows, again) = round(&world, &from_now).await;
    assert!(rows.is_empty());
    assert_ne!(from_now, again);
    world.entra().set_person(ada, "department", "Sales").expect("changes");
    world.entra().set_person(ada, "department", Value::Null).expect("changes");
    world.entra().set_person(bob, "jobTitle", "Engineer").expect("changes");
    world.entra().soft_delete_person(cid).expect("deletes");
    let dan = world.person("Dan");
    let (rows, next) = round(&world, &again).await;
    let by_id: BTreeMap<&str, &Value> =
        rows.iter().map(|row| (row["id"].as_str().expect("an id"), row)).collect();
    let row = |id: Uuid| by_id.get(id.to_string().as_str()).copied();
    assert_eq!(rows.len(), 3, "only selected properties count");
    let wanted = json!({
        "id": ada, "mail": "ada@contoso.com", "department": null, "accountEnabled": true
    });
    assert_eq!(row(ada), Some(&wanted));
    assert_eq!(row(cid), Some(&json!({"id": cid, "@removed": {"reason": "changed"}})));
    // A property that never had a value is absent.
    assert!(row(dan).is_some_and(|row| row.get("department").is_none()));
    world.entra().restore_person(cid).expect("restores");
    world.entra().hard_delete_person(bob).expect("deletes");
    let (rows, _) = round(&world, &next).await;
    let removed: Vec<&Value> = rows.iter().filter(|row| row.get("@removed").is_some()).collect();
    assert_eq!(removed, [&json!({"id": bob, "@removed": {"reason": "deleted"}})]);
    assert!(rows.iter().any(|row| row["id"] == json!(cid) && row["mail"] == "cid@contoso.com"));
    // Any token can be used again.
    assert_eq!(round(&world, &again).await.0.len(), 4);
}

#[tokio::test]
async fn minimal_answers_have_only_what_changed() {
    let world = World::empty().await;
    let ada = world.person("Ada");
    let (_, from_now) = round(&world, &format!("{USERS}&$deltatoken=latest")).await;
    world.entra().set_enabled(ada, false).expect("disables");
    let request = world.request(&from_now).header("Prefer", "return=minimal");
    let page: Value = request.send().await.expect("answers").json().await.expect("JSON");
    assert_eq!(page["value"], json!([{"id": ada, "accountEnabled": false}]));
}

#[tokio::test]
async fn a_round_from_the_start_lists_everybody_in_pages() {
    let world = World::empty().await;
    let switches = Switches { delta_page_size: 4, delta_empty_page: true, ..Switches::default() };
    world.entra().set_switches(switches);
    let all: BTreeSet<String> =
        (0..10).map(|number| world.person(&format!("P{number}")).to_string()).collect();
    let gone = world.person("Gone");
    world.entra().soft_delete_person(gone).expect("deletes");
    let first = world.get("/users/delta()").await;
    assert_eq!(first["value"], json!([]));
    let second = world.get(link(&first, "next").expect("more")).await;
    assert_eq!(ids(&second).len(), 4);
    // Somebody comes while the round is under way: the next round tells.
    let late = world.person("Late");
    let (rows, delta) = round(&world, link(&second, "next").expect("more")).await;
    let mut seen: BTreeSet<String> = ids(&second).into_iter().collect();
    seen.extend(rows.iter().filter_map(|row| row["id"].as_str().map(str::to_owned)));
    assert!(seen.is_superset(&all) && !seen.contains(&gone.to_string()));
    let (rows, _) = round(&world, &delta).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["id"], late.to_string());
}

#[tokio::test]
async fn groups_tell_their_members() {
    let world = World::empty().await;
    let people: Vec<Uuid> = (0..7).map(|number| world.person(&format!("P{number}"))).collect();
    let group = world.group("Sales", &people[..5]);
    let empty = world.group("Empty", &[]);
    let path = "/groups/delta?$select=id,displayName,members";
    world.entra().set_switches(Switches { delta_members_per_page: 2, ..Switches::default() });
    let (rows, delta) = round(&world, path).await;
    let slices: Vec<&Value> = rows.iter().filter(|row| row["id"] == json!(group)).collect();
    assert_eq!(slices.len(), 3, "a large group repeats over pages");
    let members: usize =
        slices.iter().map(|row| row["members@delta"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(members, 5);
    let bare = rows.iter().find(|row| row["id"] == json!(empty)).expect("is listed");
    assert!(bare.get("members@delta").is_none());

    world.entra().set_switches(Switches::default());
    world.entra().add_member(group, people[5]).expect("joins");
    world.entra().remove_member(group, people[0]).expect("leaves");
    world.entra().soft_delete_person(people[1]).expect("deletes");
    world.entra().hard_delete_person(people[2]).expect("deletes");
    let (rows, delta) = round(&world, &delta).await;
    assert_eq!(rows.len(), 1);
    let changes: BTreeMap<String, bool> = rows[0]["members@delta"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| {
            assert_eq!(row["@odata.type"], "#microsoft.graph.user");
            (row["id"].as_str().expect("an id").to_owned(), row.get("@removed").is_none())
        })
        .collect();
    let wanted = [(people[0], false), (people[2], false), (people[5], true)];
    let wanted: BTreeMap<String, bool> =
        wanted.into_iter().map(|(id, added)| (id.to_string(), added)).collect();
    assert_eq!(changes, wanted, "a soft-deleted member keeps the membership");

    world.entra().restore_person(people[1]).expect("restores");
    assert!(round(&world, &delta).await.0.is_empty());
    world.entra().delete_group(group).expect("deletes");
    let (rows, _) = round(&world, &delta).await;
    assert_eq!(rows, [json!({"id": group, "@removed": {"reason": "deleted"}})]);
}

#[tokio::test]
async fn membership_counts_only_if_selected() {
    let world = World::empty().await;
    let ada = world.person("Ada");
    let group = world.group("Sales", &[]);
    let (_, named) = round(&world, "/groups/delta?$select=displayName&$deltatoken=latest").await;
    let (_, usual) = round(&world, "/groups/delta?$deltatoken=latest").await;
    world.entra().add_member(group, ada).expect("joins");
    assert!(round(&world, &named).await.0.is_empty());
    let (rows, _) = round(&world, &usual).await;
    assert_eq!(rows[0]["members@delta"][0]["id"], ada.to_string());
    assert_eq!(rows[0]["displayName"], "Sales");
}

#[tokio::test]
async fn tokens_expire_and_can_be_reset() {
    let mut world = World::empty().await;
    let (_, delta) = round(&world, &format!("{USERS}&$deltatoken=latest")).await;
    world.advance(7 * 24 * 3600 - 60);
    world.sign_in().await;
    round(&world, &delta).await;
    world.advance(120);
    assert_eq!(world.refused(&delta).await, (400, "syncStateNotFound".to_owned()));
    let switches =
        Switches { expired_delta: ExpiredDelta::GoneWithLocation, ..Switches::default() };
    world.entra().set_switches(switches);
    let answer = world.request(&delta).send().await.expect("answers");
    assert_eq!(answer.status(), 410);
    let again = answer.headers()["location"].to_str().expect("text").to_owned();
    let ada = world.person("Ada");
    let (rows, delta) = round(&world, &again).await;
    assert_eq!(rows[0]["id"], ada.to_string());
    assert!(rows[0].get("displayName").is_none(), "the selection is kept");
    world.entra().set_switches(Switches::default());
    world.entra().reset_deltas();
    assert_eq!(world.refused(&delta).await.1, "syncStateNotFound");
    let (_, delta) = round(&world, USERS).await;
    world.sandbox.faults.add(Fault::new(FaultKind::ExpiredDelta).at("users/delta").times(1));
    // A request without a token cannot have one that expired.
    round(&world, USERS).await;
    assert_eq!(world.refused(&delta).await, (400, "syncStateNotFound".to_owned()));
    round(&world, &delta).await;
    let gone = Fault { status: Some(410), ..Fault::new(FaultKind::ExpiredDelta).times(1) };
    world.sandbox.faults.add(gone);
    assert_eq!(world.refused(&delta).await.0, 410);
}

#[tokio::test]
async fn deltas_refuse_what_they_cannot_do() {
    let world = World::empty().await;
    let ada = world.person("Ada");
    world.person("Bob");
    for option in ["$top=5", "$expand=manager", "$orderby=mail", "$filter=mail%20eq%20'x'"] {
        let (status, code) = world.refused(&format!("/users/delta?{option}")).await;
        assert_eq!((status, code.as_str()), (400, "Request_UnsupportedQuery"), "{option}");
    }
    assert_eq!(world.refused("/users/delta?$select=nonsense").await.0, 400);
    assert_eq!(world.refused("/users/delta?$select=skills").await.0, 501);
    assert_eq!(world.refused("/users/delta?$deltatoken=nonsense").await.0, 400);
    let (_, groups) = round(&world, "/groups/delta").await;
    let crossed = groups.replace("/groups/delta", "/users/delta");
    assert_eq!(world.refused(&crossed).await.0, 400);
    let only = |ids: &[Uuid]| {
        let clauses: Vec<String> = ids.iter().map(|id| format!("id eq '{id}'")).collect();
        format!("/users/delta?$filter={}", clauses.join(" or ").replace(' ', "%20"))
    };
    let (rows, delta) = round(&world, &only(&[ada])).await;
    assert_eq!(rows.len(), 1);
    world.person("Cid");
    assert!(round(&world, &delta).await.0.is_empty());
    assert_eq!(round(&world, &only(&[ada; 50])).await.0.len(), 1);
    assert_eq!(world.refused(&only(&[ada; 51])).await.0, 400);
}

#[tokio::test]
async fn a_cut_page_has_no_link_at_all() {
    let world = World::empty().await;
    for number in 0..3 {
        let mail = format!("p{number}@contoso.com");
        world.entra().add_person(NewPerson::named("P", "T", &mail)).expect("is added");
    }
    world.sandbox.faults.add(Fault::new(FaultKind::CutList).keep(1).times(1));
    let page = world.get(USERS).await;
    assert_eq!(ids(&page).len(), 1);
    assert_eq!((link(&page, "next"), link(&page, "delta")), (None, None));
}
