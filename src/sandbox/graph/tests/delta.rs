//! Delta queries.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{World, ids, link};
use crate::sandbox::faults::{Fault, FaultKind};
use crate::sandbox::graph::switches::{ExpiredDelta, ManagerRemoval, Switches};
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

fn switched(world: &World, change: impl FnOnce(&mut Switches)) {
    let mut switches = Switches::default();
    change(&mut switches);
    world.entra().set_switches(switches);
}

fn row_ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row["id"].as_str()).collect()
}

#[tokio::test]
async fn managers_are_followed_by_their_ids() {
    let world = World::empty().await;
    let (ada, bob, cid) = (world.person("Ada"), world.person("Bob"), world.person("Cid"));
    world.entra().set_manager(cid, Some(ada)).expect("is led");
    let path = "/users/delta?$select=id,manager";
    let (rows, first) = round(&world, path).await;
    let led = rows.iter().find(|row| row["id"] == json!(cid)).expect("is listed");
    let one = |id: Uuid| json!({"@odata.type": "#microsoft.graph.user", "id": id});
    assert_eq!(led["manager@delta"], json!([one(ada)]));
    assert_eq!(rows.iter().filter(|row| row.get("manager@delta").is_some()).count(), 1);
    world.entra().set_manager(cid, Some(bob)).expect("is led");
    world.entra().set_person(ada, "jobTitle", "Head").expect("changes");
    let (rows, second) = round(&world, &first).await;
    let mut former = one(ada);
    former["@removed"] = json!({"reason": "deleted"});
    assert_eq!(rows, [json!({"id": cid, "manager@delta": [former, one(bob)]})]);
    world.entra().set_manager(cid, None).expect("is free");
    let (rows, _) = round(&world, &second).await;
    assert_eq!(rows[0]["manager@delta"][0]["@removed"]["reason"], "deleted");
    switched(&world, |switches| switches.manager_removal = ManagerRemoval::EmptyList);
    let (rows, _) = round(&world, &second).await;
    assert_eq!(rows, [json!({"id": cid, "manager@delta": []})]);
}

#[tokio::test]
async fn changes_surface_late() {
    let world = World::empty().await;
    let ada = world.person("Ada");
    switched(&world, |switches| switches.delta_lag_secs = 120);
    world.advance(200);
    let (_, start) = round(&world, &format!("{USERS}&$deltatoken=latest")).await;
    world.entra().set_enabled(ada, false).expect("disables");
    world.advance(60);
    let (rows, later) = round(&world, &start).await;
    assert!(rows.is_empty(), "a read shows it already, the delta does not");
    world.advance(61);
    let (rows, _) = round(&world, &later).await;
    assert_eq!(row_ids(&rows), [ada.to_string()]);
}

#[tokio::test]
async fn pages_repeat_and_come_in_any_order() {
    let world = World::empty().await;
    let mut all: Vec<String> =
        (0..5).map(|number| world.person(&format!("P{number}")).to_string()).collect();
    all.sort();
    switched(&world, |switches| {
        switches.delta_page_size = 2;
        switches.delta_pages_twice = true;
    });
    let (rows, delta) = round(&world, USERS).await;
    let twice = [&all[..2], &all[..2], &all[2..4], &all[2..4], &all[4..], &all[4..]].concat();
    assert_eq!(row_ids(&rows), twice);
    let (rows, _) = round(&world, &delta).await;
    assert!(rows.is_empty());
    switched(&world, |switches| switches.delta_unordered = true);
    let (rows, _) = round(&world, USERS).await;
    all.reverse();
    assert_eq!(row_ids(&rows), all);
}

#[tokio::test]
async fn a_round_replays_the_one_before_once() {
    let world = World::empty().await;
    let (ada, bob) = (world.person("Ada"), world.person("Bob"));
    switched(&world, |switches| switches.delta_replays = true);
    let (_, start) = round(&world, &format!("{USERS}&$deltatoken=latest")).await;
    world.entra().set_enabled(ada, false).expect("disables");
    let (rows, second) = round(&world, &start).await;
    assert_eq!(row_ids(&rows), [ada.to_string()]);
    world.entra().set_enabled(bob, false).expect("disables");
    let (rows, third) = round(&world, &second).await;
    assert_eq!(rows.len(), 2, "that of the round before comes again");
    let (rows, fourth) = round(&world, &third).await;
    assert_eq!(row_ids(&rows), [bob.to_string()]);
    let (rows, _) = round(&world, &fourth).await;
    assert!(rows.is_empty(), "replays end");
}

#[tokio::test]
async fn first_rounds_may_mention_the_recycle_bin() {
    let world = World::empty().await;
    let ada = world.person("Ada");
    world.entra().soft_delete_person(ada).expect("deletes");
    assert!(round(&world, USERS).await.0.is_empty());
    switched(&world, |switches| switches.delta_initial_removals = true);
    let wanted = json!({"id": ada, "@removed": {"reason": "changed"}});
    assert_eq!(round(&world, USERS).await.0, [wanted]);
}

#[tokio::test]
async fn links_of_a_repeated_request_may_be_lost() {
    let world = World::empty().await;
    for number in 0..6 {
        world.person(&format!("P{number}"));
    }
    switched(&world, |switches| {
        switches.delta_page_size = 2;
        switches.delta_stray_links_lost = true;
    });
    let first = world.get(USERS).await;
    let next = link(&first, "next").expect("more");
    let good = world.get(next).await;
    let stray = world.get(next).await;
    assert_eq!(good["value"], stray["value"], "the page itself can be had again");
    let lost = link(&stray, "next").expect("more");
    let wanted = (400, "DirectoryPageTokenNotFoundException".to_owned());
    assert_eq!(world.refused(lost).await, wanted);
    let rest = world.get(link(&good, "next").expect("more")).await;
    assert!(link(&rest, "delta").is_some());
    switched(&world, |_| {});
    world.get(lost).await;
}

#[tokio::test]
async fn fifty_ids_can_be_followed_and_a_reset_says_where_to_start_again() {
    let world = World::empty().await;
    let ada = world.person("Ada");
    world.person("Bob");
    let clauses = |count: u128| {
        let others = (1..count).map(Uuid::from_u128).map(|id| format!("id eq '{id}'"));
        let all: Vec<String> = others.chain([format!("id eq '{ada}'")]).collect();
        format!("/users/delta?$select=id&$filter={}", all.join(" or ").replace(' ', "%20"))
    };
    let (rows, delta) = round(&world, &clauses(50)).await;
    assert_eq!(row_ids(&rows), [ada.to_string()]);
    assert_eq!(world.refused(&clauses(51)).await.0, 400);
    switched(&world, |switches| switches.expired_delta = ExpiredDelta::GoneWithLocation);
    world.entra().reset_deltas();
    let answer = world.request(&delta).send().await.expect("answers");
    assert_eq!(answer.status(), 410);
    let location = answer.headers()["location"].to_str().expect("text").to_owned();
    assert_eq!(row_ids(&round(&world, &location).await.0), [ada.to_string()]);
}
