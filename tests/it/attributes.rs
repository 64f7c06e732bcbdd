//! What expressions can read of people, besides plain texts: lists, roles, groups and managers.

use serde_json::{Value, json};
use sharefile_provisioner::cycle::Asked;
use sharefile_provisioner::model::plan::{CycleKind, HoldKind};
use sharefile_provisioner::sandbox::graph::switches::{ManagerRemoval, Switches};
use sharefile_provisioner::sandbox::graph::views::{NewGroup, RoleView};
use sharefile_provisioner::sandbox::sharefile::AccountKind;
use uuid::Uuid;

use crate::world::{World, asked, held};

/// A company in which Company is what an expression says.
async fn with_company(expression: &str) -> World {
    let mut world = World::empty().await;
    map_company(&mut world, expression);
    world
}

fn map_company(world: &mut World, expression: &str) {
    let entry = |(target, source): (&str, &str)| {
        format!("{{ target = \"{target}\", source = '{source}', when_null = \"{}\" }}", {
            if target == "Company" { "clear" } else { "keep" }
        })
    };
    let entries = [
        ("Email", "[mail]"),
        ("FirstName", "[givenName]"),
        ("LastName", "[surname]"),
        ("Company", expression),
    ];
    world.set("users.attribute", &format!("[{}]", entries.map(entry).join(", ")));
}

fn edit(world: &World, person: Uuid, patch: Value) {
    let patch = patch.as_object().cloned().expect("an object");
    world.sandbox.entra.edit_person(person, &patch).expect("an edit");
}

#[tokio::test]
async fn attributes_with_many_values_are_lists_in_any_order() {
    let mut world = with_company("Join(\";\", [proxyAddresses])").await;
    let ada = world.join("Ada");
    edit(&world, ada, json!({"proxyAddresses": ["smtp:b@x.test", "SMTP:a@x.test"]}));
    assert_eq!(world.did().await, (1, 0, 0));
    assert_eq!(world.account("Ada").company, "SMTP:a@x.test;smtp:b@x.test");
    edit(&world, ada, json!({"proxyAddresses": ["SMTP:a@x.test", "smtp:b@x.test"]}));
    assert_eq!(world.did().await, (0, 0, 0), "another order is no change");
    edit(&world, ada, json!({"proxyAddresses": ["smtp:c@x.test", "SMTP:a@x.test"]}));
    assert_eq!(world.did().await, (0, 1, 0), "the change feed has lists too");
    assert_eq!(world.account("Ada").company, "SMTP:a@x.test;smtp:c@x.test");
    assert_eq!(world.full().await.report.counts.done(), 0, "a full read has the same");
    edit(&world, ada, json!({"proxyAddresses": []}));
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(world.account("Ada").company, "", "no values are null");

    // Another attribute is another question: the delta links are void.
    edit(&world, ada, json!({"otherMails": ["y@x.test", "x@x.test"]}));
    map_company(&mut world, "Item([otherMails], 2)");
    let turned = world.cycle().await;
    assert_eq!((turned.report.kind, turned.report.counts.updated), (CycleKind::Initial, 1));
    assert_eq!(world.account("Ada").company, "y@x.test");
    let turned = world.cycle().await;
    assert_eq!((turned.report.kind, turned.report.counts.done()), (CycleKind::Incremental, 0));

    // Several values where one is wanted wait for a person; one of one counts.
    map_company(&mut world, "[otherMails]");
    assert_eq!(held(&world.cycle().await), [(HoldKind::MappingFailed, "ada".to_owned())]);
    edit(&world, ada, json!({"otherMails": ["only@x.test"]}));
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(world.account("Ada").company, "only@x.test");
}

#[tokio::test]
async fn children_of_structured_attributes_are_read() {
    let world =
        with_company("Join(\"/\", [employeeOrgData.division], [extensionAttribute2])").await;
    let ada = world.join("Ada");
    edit(
        &world,
        ada,
        json!({
            "employeeOrgData": {"division": "Sales", "costCenter": "7"},
            "onPremisesExtensionAttributes": {"extensionAttribute2": "North"},
        }),
    );
    assert_eq!(world.did().await, (1, 0, 0));
    assert_eq!(world.account("Ada").company, "Sales/North");
    edit(&world, ada, json!({"employeeOrgData": {"division": "Board", "costCenter": "7"}}));
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(world.account("Ada").company, "Board/North");
}

/// The roles of the application, with another name and value for one of them.
fn with_role_named(world: &World, before: &str, now: &str) -> Vec<RoleView> {
    let mut roles = world.sandbox.entra.application().roles;
    let role = roles.iter_mut().find(|role| role.name == before).expect("a role");
    (role.name, role.value) = (now.to_owned(), Some(now.to_owned()));
    roles
}

#[tokio::test]
async fn roles_are_told_and_followed_without_a_request() {
    let world = with_company("Join(\", \", [appRoleValue])").await;
    world.sandbox.entra.set_roles(with_role_named(&world, "User", "User"));
    let (ada, ben) = (world.person("Ada"), world.join("Ben"));
    world.assign(ada, "Client");
    let staff = world.group("Staff", &[ben]);
    assert_eq!(world.did().await, (2, 0, 0));
    assert_eq!(world.account("Ada").company, "Client");
    assert_eq!(world.account("Ben").company, "User");

    // Somebody who is linked already comes into a role by way of a group, and leaves it again.
    world.sandbox.counts.reset();
    world.assign(staff, "Client");
    assert_eq!(world.did().await.1, 1);
    assert_eq!(world.account("Ben").company, "Client, User");
    assert_eq!(world.graph_requests(), 3, "no request but those of every cycle");
    world.unassign(staff);
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(world.account("Ben").company, "User");

    // The application calls a role otherwise: with the next look at it.
    world.sandbox.entra.set_roles(with_role_named(&world, "User", "Worker"));
    assert_eq!(world.full().await.report.counts.updated, 1);
    assert_eq!(world.account("Ben").company, "Worker");
    assert_eq!(world.did().await, (0, 0, 0));
}

#[tokio::test]
async fn a_new_role_shows_what_the_others_are_called_now() {
    let world = with_company("SingleAppRoleAssignment([appRoleAssignments])").await;
    world.join("Ben");
    assert_eq!(world.did().await, (1, 0, 0));
    assert_eq!(world.account("Ben").company, "User");
    let mut roles = with_role_named(&world, "User", "Worker");
    let boss = RoleView { id: Uuid::new_v4(), name: "Bosses".into(), value: Some("Boss".into()) };
    roles.push(boss);
    world.sandbox.entra.set_roles(roles);
    assert_eq!(world.did().await, (0, 0, 0), "nothing tells of it");
    let ada = world.person("Ada");
    world.assign(ada, "Boss");
    assert_eq!(world.did().await, (1, 1, 0), "Ben is planned again, to whom nothing happened");
    assert_eq!(world.account("Ada").company, "Boss");
    assert_eq!(world.account("Ben").company, "Worker");
}

#[tokio::test]
async fn names_of_assigned_groups_are_told_and_followed() {
    let mut world = World::empty().await;
    world.set("scope.nested_groups", "true");
    map_company(&mut world, "Join(\", \", [assignedThrough])");
    let (ada, ben) = (world.person("Ada"), world.join("Ben"));
    let sales = world.group("Sales", &[ada]);
    let below = world.sandbox.entra.add_group(NewGroup::named("Below")).expect("a group");
    world.sandbox.entra.add_member(below, ada).expect("a member");
    let board = world.group("Board", &[below]);
    assert_eq!(world.did().await, (2, 0, 0));
    assert_eq!(world.account("Ada").company, "Board, Sales", "not the one below");
    assert_eq!(world.account("Ben").company, "");
    assert_eq!(world.did().await, (0, 0, 0));
    let plan = world.plan().await.plan.expect("a plan");
    assert!(plan.is_empty() && plan.counts.subjects == 0, "nobody waits: {plan:?}");

    let rename = json!({"displayName": "Trade"}).as_object().cloned().expect("an object");
    world.sandbox.entra.edit_group(sales, &rename).expect("an edit");
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(world.account("Ada").company, "Board, Trade");
    assert_eq!(world.did().await, (0, 0, 0));

    world.sandbox.entra.add_member(sales, ben).expect("a member");
    world.unassign(board);
    assert_eq!(world.did().await, (0, 2, 0));
    assert_eq!(world.account("Ada").company, "Trade");
    assert_eq!(world.account("Ben").company, "Trade");
    let unit = world.group("Unit", &[ben]);
    assert_eq!(world.did().await, (0, 1, 0), "a group that is assigned later has a name as well");
    assert_eq!(world.account("Ben").company, "Trade, Unit");
    world.unassign(unit);
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(world.full().await.report.counts.done(), 0);
    assert!(world.writes().iter().all(|write| !write.path.contains("Groups")), "none is made");
}

#[tokio::test]
async fn an_expression_gives_the_type_and_holds_whom_it_cannot_place() {
    let mut world = World::empty().await;
    let source = r#"Switch([department], "", "Sales", "Employee", "Partners", "CLIENT")"#;
    world.set("users.type", &format!("'{source}'"));
    let people = ["Ada", "Ben", "Cyd"].map(|name| world.join(name));
    edit(&world, people[0], json!({"department": "Sales"}));
    edit(&world, people[1], json!({"department": "Partners"}));
    let turned = world.cycle().await;
    assert_eq!(turned.report.counts.created, 2);
    assert_eq!(held(&turned), [(HoldKind::MappingFailed, "cyd".to_owned())]);
    let why = &turned.holds[0].items[0].detail;
    assert_eq!(why, "users.type gives no value, and neither employee nor client");
    assert_eq!(world.account("Ada").kind, AccountKind::Employee);
    assert_eq!(world.account("Ben").kind, AccountKind::Client);

    edit(&world, people[2], json!({"department": "Partners"}));
    edit(&world, people[1], json!({"department": "Sales"}));
    assert_eq!(world.did().await, (1, 1, 0));
    assert_eq!(world.account("Ben").kind, AccountKind::Employee, "promoted");
    edit(&world, people[0], json!({"department": "Partners", "surname": "Other"}));
    let turned = world.cycle().await;
    assert_eq!(turned.report.counts.updated, 1, "the rest goes on");
    assert_eq!(held(&turned), [(HoldKind::TypeChange, "ada".to_owned())]);
}

const BOSS: &str = r#"Join("/", [manager.displayName], [manager.department])"#;

#[tokio::test]
async fn managers_are_followed_whoever_they_are() {
    for removal in [ManagerRemoval::Element, ManagerRemoval::EmptyList] {
        let world = with_company(BOSS).await;
        let switches = Switches { manager_removal: removal, ..world.sandbox.entra.switches() };
        world.sandbox.entra.set_switches(switches);
        let entra = &world.sandbox.entra;
        let (boss, other) = (world.person("Boss"), world.person("Other"));
        entra.set_person(boss, "department", "Board").expect("an edit");
        let (ada, ben) = (world.join("Ada"), world.join("Ben"));
        entra.set_manager(ada, Some(boss)).expect("a manager");
        assert_eq!(world.did().await, (2, 0, 0));
        let company = |name: &str| world.account(name).company;
        assert_eq!(company("Ada"), "Boss Tester/Board");
        assert_eq!(company("Ben"), "");
        world.sandbox.counts.reset();
        assert_eq!(world.did().await, (0, 0, 0));
        assert_eq!(world.graph_requests(), 3, "no change costs what it costs without managers");

        // The manager, who has no account here, has another department.
        entra.set_person(boss, "department", "Council").expect("an edit");
        assert_eq!(world.did().await, (0, 1, 0));
        assert_eq!(company("Ada"), "Boss Tester/Council");
        // Nothing of this concerns the manager's values.
        entra.set_person(ada, "surname", "Byron").expect("an edit");
        world.sandbox.counts.reset();
        assert_eq!(world.did().await, (0, 1, 0));
        assert_eq!(world.graph_requests(), 3, "the manager is the one of before");

        // Somebody else leads, late for one of them.
        entra.set_manager(ada, Some(other)).expect("a manager");
        entra.set_manager(ben, Some(ada)).expect("a manager");
        assert_eq!(world.did().await, (0, 2, 0));
        assert_eq!(company("Ada"), "Other Tester");
        assert_eq!(company("Ben"), "Ada Tester");
        // Nobody leads any more, or somebody who is gone.
        entra.set_manager(ada, None).expect("no manager");
        assert_eq!(world.did().await, (0, 1, 0));
        assert_eq!(company("Ada"), "");
        entra.set_manager(ada, Some(boss)).expect("a manager");
        assert_eq!(world.did().await, (0, 1, 0));
        entra.soft_delete_person(boss).expect("a deletion");
        assert_eq!(world.did().await, (0, 1, 0));
        assert_eq!(company("Ada"), "");
        assert_eq!(world.full().await.report.counts.done(), 0, "a full read has the same");
    }
}

#[tokio::test]
async fn managers_of_many_cost_a_request_for_three_hundred_where_they_expand() {
    for (expands, requests) in [(true, 1), (false, 3)] {
        let mut world = World::empty().await;
        let switches = world.sandbox.entra.switches();
        let switches = Switches { manager_expands_with_filter: expands, ..switches };
        world.sandbox.entra.set_switches(switches);
        let boss = world.person("Boss");
        let led: Vec<Uuid> = (0..30).map(|number| world.person(&format!("P{number}"))).collect();
        for person in &led {
            world.sandbox.entra.set_manager(*person, Some(boss)).expect("a manager");
        }
        world.group("Everybody", &led);
        map_company(&mut world, "[department]");
        assert_eq!(world.did().await, (30, 0, 0));
        world.sandbox.counts.reset();
        world.full().await;
        let before = world.graph_requests();

        // The delta links of before do not tell of managers.
        map_company(&mut world, "[manager.mail]");
        world.sandbox.counts.reset();
        // So many rewritten values wait for approval.
        let turned = world.turn(Asked { approve: true, ..asked() }).await;
        assert_eq!((turned.report.kind, turned.report.counts.updated), (CycleKind::Initial, 30));
        assert_eq!(world.account("P7").company, "boss@contoso.example");
        assert_eq!(world.graph_requests(), before + requests, "expands: {expands}");
        let turned = world.cycle().await;
        assert_eq!((turned.report.kind, turned.report.counts.done()), (CycleKind::Incremental, 0));
    }
}
