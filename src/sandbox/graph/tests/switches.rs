//! Switches in their other position, where no other test meets them.

use serde_json::{Value, json};

use super::{World, ids, link};
use crate::sandbox::graph::switches::{LargeTop, Switches};

fn switched(world: &World, change: impl FnOnce(&mut Switches)) {
    let mut switches = Switches::default();
    change(&mut switches);
    world.entra().set_switches(switches);
}

#[tokio::test]
async fn tokens_live_as_long_as_they_are_told() {
    let mut world = World::empty().await;
    switched(&world, |switches| switches.access_token_secs = 60);
    world.sign_in().await;
    world.advance(59);
    world.get("/users").await;
    world.advance(1);
    assert_eq!(world.refused("/users").await.0, 401);
}

#[tokio::test]
async fn delta_tokens_live_as_long_as_they_are_told() {
    let world = World::empty().await;
    let start = world.get("/users/delta?$deltatoken=latest").await;
    let start = link(&start, "delta").expect("a link").to_owned();
    world.advance(601);
    world.get(&start).await;
    switched(&world, |switches| switches.delta_token_secs = 600);
    assert_eq!(world.refused(&start).await, (400, "syncStateNotFound".to_owned()));
}

#[tokio::test]
async fn a_large_top_is_refused_or_cut() {
    let world = World::empty().await;
    world.person("Ada");
    assert_eq!(world.refused("/users?$top=1000").await.0, 400);
    switched(&world, |switches| switches.large_top = LargeTop::Clamp);
    assert_eq!(ids(&world.get("/users?$top=1000").await).len(), 1);
    assert_eq!(world.refused("/users?$top=0").await.0, 400);
}

#[tokio::test]
async fn a_cast_may_be_had_without_more_words() {
    let world = World::empty().await;
    let ada = world.person("Ada");
    let group = world.group("Sales", &[ada]);
    let path = format!("/groups/{group}/members/microsoft.graph.user?$select=id");
    assert_eq!(world.refused(&path).await.0, 400);
    switched(&world, |switches| switches.cast_needs_eventual = false);
    assert_eq!(ids(&world.get(&path).await).len(), 1);
}

#[tokio::test]
async fn assignments_of_the_recycle_bin_may_be_listed() {
    let world = World::empty().await;
    let ada = world.person("Ada");
    let role = world.entra().role("User").expect("a role");
    world.entra().assign(ada, role).expect("assigns");
    world.entra().soft_delete_person(ada).expect("deletes");
    let path = format!("/servicePrincipals/{}/appRoleAssignedTo", world.application());
    assert!(ids(&world.get(&path).await).is_empty());
    switched(&world, |switches| switches.assignments_of_deleted = true);
    assert_eq!(ids(&world.get(&path).await).len(), 1);
}

#[tokio::test]
async fn what_the_recycle_bin_shows_and_keeps_is_told() {
    let mut world = World::empty().await;
    let ada = world.person("Ada");
    let group = world.group("Sales", &[]);
    world.entra().soft_delete_person(ada).expect("deletes");
    switched(&world, |switches| {
        switches.deleted_upn_prefixed = false;
        switches.security_groups_recycled = true;
        switches.recycle_bin_days = 2;
    });
    world.entra().delete_group(group).expect("deletes");
    assert!(world.entra().group("Sales").is_some_and(|sales| sales.deleted.is_some()));
    let item = world.get(&format!("/directory/deletedItems/{ada}")).await;
    assert_eq!(item["userPrincipalName"], "ada@contoso.com");
    world.advance(2 * 24 * 3600 - 1);
    assert_eq!(world.entra().people().len(), 1);
    world.advance(1);
    assert!(world.entra().people().is_empty() && world.entra().groups().is_empty());
    switched(&world, |_| {});
    let other = world.group("Other", &[]);
    world.entra().delete_group(other).expect("deletes");
    assert!(world.entra().group("Other").is_none());
    world.sign_in().await;
    assert_eq!(world.refused(&format!("/groups/{other}")).await.0, 404);
}

#[tokio::test]
async fn a_round_may_go_in_a_circle() {
    let world = World::empty().await;
    for number in 0..6 {
        world.person(&format!("P{number}"));
    }
    switched(&world, |switches| {
        switches.delta_page_size = 2;
        switches.delta_link_loops = true;
    });
    let first = world.get("/users/delta").await;
    let next = link(&first, "next").expect("more").to_owned();
    let second = world.get(&next).await;
    assert_eq!(link(&second, "next"), Some(next.as_str()), "the same link again");
    switched(&world, |switches| switches.delta_page_size = 2);
    let second = world.get(&next).await;
    assert_ne!(link(&second, "next"), Some(next.as_str()));
    assert_eq!(second["value"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn unknown_switches_are_refused_and_known_ones_are_listed() {
    let world = World::empty().await;
    let address = format!("{}/switches", world.credentials().control_url);
    let patch = |body: Value| {
        let request = world.http.patch(&address).json(&body);
        async move { request.send().await.expect("answers") }
    };
    assert_eq!(patch(json!({"index_lag": 3})).await.status(), 400);
    let shown: Value = patch(json!({"retry_after": "fraction", "resource_units": 9}))
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!((&shown["retry_after"], &shown["resource_units"]), (&json!("fraction"), &json!(9)));
    let switches = world.entra().switches();
    assert_eq!(switches.resource_units, Some(9));
    assert_eq!(shown, json!(switches));
}
