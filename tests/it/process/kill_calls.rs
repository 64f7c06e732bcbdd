//! Killed at each of the calls that one change takes: every one is made once.

use serde_json::json;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::views::NewPerson;

use super::{World, eventually};

const MAPPED: &str = "[{ target = 'Email', source = '[mail]' }, \
    { target = 'FirstName', source = '[givenName]' }, \
    { target = 'LastName', source = '[surname]' }, \
    { target = 'Bandwidth', source = '[department]' }, \
    { target = 'CanResetPassword', source = '[country]' }, \
    { target = 'Roles', source = '[jobTitle]' }]";

const CHANGED: [&str; 3] = [
    r#"PATCH ada@contoso.example {"Bandwidth":7,"LastName":"King"} 200"#,
    r#"PATCH ada@contoso.example {"CanResetPassword":false} 200"#,
    r#"PUT ada@contoso.example {"Roles":["CanManageMySettings"]} 200"#,
];

const MADE: [&str; 2] = [
    r#"PATCH ada@contoso.example {"Bandwidth":5} 200"#,
    r#"POST new {"Email":"ada@contoso.example","FirstName":"Ada","LastName":"Tester","Preferences":{"CanResetPassword":true},"Roles":["CanChangePassword"]} 200"#,
];

/// Ada joins; if `in_step`, she has an account and then changes.
async fn story(in_step: bool) -> World {
    let mut world = World::real().await;
    let roles =
        ["AdminManageEmployees", "CanManageUsers", "CanChangePassword", "CanManageMySettings"];
    world.sandbox.sharefile.set_service_roles(&roles);
    world.set("users.attribute", MAPPED);
    let ada = NewPerson::named("Ada", "Tester", "ada@contoso.example")
        .with("department", "5")
        .with("country", "True")
        .with("jobTitle", "CanChangePassword");
    let ada = world.sandbox.entra.add_person(ada).expect("a person");
    world.assign(ada, "User");
    if in_step {
        world.sync().await;
        let edit = json!({ "surname": "King", "department": "7", "country": "False",
            "jobTitle": "CanManageMySettings" });
        world.edit(ada, edit);
    }
    world.sandbox.counts.reset();
    world
}

async fn at_each_call(in_step: bool, calls: &[(&str, u32)], written: &[&str]) {
    for kind in [FaultKind::StallBefore, FaultKind::StallAfter] {
        for (method, after) in calls {
            let when = format!("{kind:?} of {method} after {after}");
            let world = story(in_step).await;
            let faults = &world.sandbox.faults;
            faults.add(Fault::new(kind).at("/sf/v3/Users").on(method).after(*after).times(1));
            let process = world.start(&["sync"]);
            world.hangs().await;
            process.kill();
            faults.clear();
            faults.release();
            eventually("nothing hangs", async || faults.stalled_now() == 0).await;
            world.sync().await;
            assert_eq!(world.written(), written, "{when}: each write once");
            let status = world.status().await;
            assert_eq!(
                (&status["open_writes"], &status["waiting"]),
                (&json!(0), &json!(0)),
                "{when}"
            );
            world.run(&["plan"]).await.exits(0).says("Nothing to do.");
        }
    }
}

#[tokio::test]
async fn of_a_change_of_three_endpoints() {
    at_each_call(true, &[("PATCH", 0), ("PATCH", 1), ("PUT", 0)], &CHANGED).await;
}

#[tokio::test]
async fn of_a_create_that_is_followed_by_a_change() {
    at_each_call(false, &[("POST", 0), ("PATCH", 0)], &MADE).await;
}
