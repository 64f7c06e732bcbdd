//! How much is asked of either end, counted exactly: every request of a cycle is accounted for.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use sharefile_provisioner::cycle::{Engine, Turned};
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::model::plan::{CycleKind, HoldKind, PlannedChange};
use sharefile_provisioner::sandbox::graph::views::{NewGroup, NewPerson};
use sharefile_provisioner::sandbox::sharefile::{AccountKind, NewAccount, NewGroup as HandMade};
use uuid::Uuid;

use crate::world::{World, asked, held};

/// Rows of one page of the assignment list, and members of one page of a group.
const PAGE: u64 = 999;

const ASSIGNED: &str = "GET /v1.0/servicePrincipals/{id}/appRoleAssignedTo";
const MEMBERS: &str = "GET /v1.0/groups/{id}/members/microsoft.graph.user";
const BATCH: &str = "POST /v1.0/$batch";
const ENTRA_TOKEN: &str = "POST /{tenant}/oauth2/v2.0/token";
const SHAREFILE_TOKEN: &str = "POST /oauth/token";
/// The caller, or a look-up by address.
const USERS: &str = "GET /sf/v3/Users";
const READ: &str = "GET /sf/v3/Users(id)";
const SEATS: &str = "GET /sf/v3/Accounts";
const EMPLOYEE: &str = "POST /sf/v3/Users/AccountUser";
const CLIENT: &str = "POST /sf/v3/Users";
const PROMOTE: &str = "PATCH /sf/v3/Users/AccountUser(id)";
const CHANGE: &str = "PATCH /sf/v3/Users(id)";
/// The list of groups.
const GROUPS: &str = "GET /sf/v3/Groups";
const GROUP: &str = "POST /sf/v3/Groups";
const RENAME: &str = "PATCH /sf/v3/Groups(id)";
/// The members of a group: read, added and removed.
const INSIDE: &str = "GET /sf/v3/Groups(id)/Contacts";
const ADD: &str = "POST /sf/v3/Groups(id)/Contacts";
const REMOVE: &str = "DELETE /sf/v3/Groups(id)/Contacts";

/// What every cycle asks of Graph, and with one exception all that a cycle without changes asks of
/// anybody.
const DELTAS: [(&str, u64); 2] = [("GET /v1.0/users/delta", 1), ("GET /v1.0/groups/delta", 1)];

/// What finding the application asks of Graph.
const DESCRIBED: [(&str, u64); 1] = [("GET /v1.0/servicePrincipals", 1)];

/// What knowing the ShareFile tenant costs: its token, four reads and the Super User Group.
const TENANT: [(&str, u64); 5] = [
    (SHAREFILE_TOKEN, 1),
    (USERS, 1),
    (SEATS, 1),
    ("GET /sf/v3/Accounts/Preferences", 1),
    (INSIDE, 1),
];

/// The two lists of people.
const LISTS: [(&str, u64); 2] =
    [("GET /sf/v3/Accounts/Employees", 1), ("GET /sf/v3/Accounts/Clients", 1)];

/// Requests by endpoint. Parts with the same endpoint are added up, and zeros left out.
fn sum(parts: &[&[(&str, u64)]]) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for (endpoint, count) in parts.iter().copied().flatten().filter(|(_, count)| *count > 0) {
        *all.entry((*endpoint).to_owned()).or_default() += count;
    }
    all
}

/// Pages of the assignment list as it is now.
fn pages(world: &World) -> u64 {
    (world.sandbox.entra.assignments().len() as u64).div_ceil(PAGE).max(1)
}

/// One more cycle of a process that goes on, with everything that it asked.
async fn turn(world: &World, engine: &Engine) -> (Turned, BTreeMap<String, u64>) {
    world.sandbox.counts.reset();
    let turned = engine.turn(asked()).await.expect("a recorded cycle");
    assert_eq!(turned.report.state, CycleState::Complete, "{:?}", turned.report.error);
    (turned, world.sandbox.counts.by_endpoint())
}

/// One cycle of a new process, with everything that it asked.
async fn fresh(world: &World) -> (Turned, BTreeMap<String, u64>) {
    let engine = world.engine();
    let turned = turn(world, &engine).await;
    engine.store.close().await.expect("a closed store");
    turned
}

/// A cycle without changes: 2 + ⌈A/999⌉ requests to Graph and none to ShareFile, by a new process
/// and by one that goes on.
async fn nothing_to_do(world: &World) {
    let (turned, requests) = fresh(world).await;
    assert_eq!((turned.report.kind, turned.report.counts.done()), (CycleKind::Incremental, 0));
    assert_eq!(requests, sum(&[&[(ENTRA_TOKEN, 1), (ASSIGNED, pages(world))], &DELTAS]));
    assert_eq!(world.graph_requests(), 2 + pages(world));
    let engine = world.engine();
    turn(world, &engine).await;
    let (turned, requests) = turn(world, &engine).await;
    assert_eq!(requests, sum(&[&[(ASSIGNED, pages(world))], &DELTAS]));
    assert_eq!(turned.report.counts.source_requests, 2 + pages(world));
    assert_eq!(turned.report.counts.target_requests, 0);
    engine.store.close().await.expect("a closed store");
    let plan = world.plan().await.plan.expect("a plan");
    assert!(plan.is_empty(), "{plan:?}");
}

fn mail(number: usize) -> String {
    format!("person{number}@contoso.example")
}

/// People with addresses of their own, not assigned.
fn people(world: &World, numbers: std::ops::Range<usize>) -> Vec<Uuid> {
    let named = |number| NewPerson::named("Person", &format!("Number{number}"), &mail(number));
    let add = |number| world.sandbox.entra.add_person(named(number)).expect("a person");
    numbers.map(add).collect()
}

fn groups(world: &World, count: usize) -> Vec<Uuid> {
    let name = |number| NewGroup::named(&format!("Group {number}"));
    (0..count).map(|n| world.sandbox.entra.add_group(name(n)).expect("a group")).collect()
}

fn edit(world: &World, person: Uuid, patch: Value) {
    let patch: Map<String, Value> = patch.as_object().cloned().expect("an object");
    world.sandbox.entra.edit_person(person, &patch).expect("an edit");
}

/// People through assigned groups; everybody is in two of them, and all groups are as large. With
/// `follow`, groups become groups of ShareFile.
async fn through_groups(
    number_of_people: usize,
    number_of_groups: usize,
    follow: bool,
) -> (World, Vec<Uuid>, Vec<Uuid>) {
    let mut world = World::empty().await;
    if follow {
        world.sandbox.sharefile.set_service_roles(&crate::groups::ROLES);
        world.set("groups.enabled", "true");
        world.set("groups.adopt", "always");
    }
    let people = people(&world, 0..number_of_people);
    let groups = groups(&world, number_of_groups);
    let half = number_of_groups / 2;
    for (number, person) in people.iter().enumerate() {
        for group in [number % half, half + number / (number_of_people / half)] {
            world.sandbox.entra.add_member(groups[group], *person).expect("a member");
        }
    }
    for group in &groups {
        world.assign(*group, "User");
    }
    (world, people, groups)
}

/// Ten of the ten thousand have an account already; one of them under another name.
fn ten_accounts(world: &World) {
    for number in 0..10 {
        let surname = if number == 9 { "Renamed".to_owned() } else { format!("Number{number}") };
        world.sandbox.sharefile.add_account(NewAccount {
            email: mail(number).to_uppercase(),
            first_name: "Person".to_owned(),
            last_name: surname,
            company: String::new(),
            kind: AccountKind::Employee,
            disabled: false,
            roles: Vec::new(),
            confirmed: true,
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_people_cost_what_they_may() {
    let (world, people, groups) = through_groups(10_000, 200, true).await;
    ten_accounts(&world);
    let (turned, requests) = fresh(&world).await;
    let counts = &turned.report.counts;
    assert_eq!(turned.report.kind, CycleKind::Initial);
    assert_eq!((counts.created, counts.adopted, counts.failed), (9_990, 10, 0));
    assert_eq!((counts.groups_created, counts.members_added), (200, 20_000));
    // The first pages of the members of twenty groups come in a batch, and so do twenty names.
    let reads = [(ENTRA_TOKEN, 1), (ASSIGNED, 1), (BATCH, 10 + 10), (GROUPS, 1)];
    // One record of each adopted account is read, and the one that differs is changed. Each group
    // has a hundred members: they are in the one call that creates it.
    let writes = [(READ, 10), (CHANGE, 1), (EMPLOYEE, 9_990), (GROUP, 200)];
    assert_eq!(requests, sum(&[&DESCRIBED, &DELTAS, &reads, &TENANT, &LISTS, &writes]));
    assert!(world.graph_requests() <= 40, "{} requests to Graph", world.graph_requests());
    assert_eq!(world.sandbox.sharefile.accounts().len(), 4 + 10_000);
    nothing_to_do(&world).await;

    // More than 999 rows, of people who are in scope already: another page, and nothing to do.
    let role = world.sandbox.entra.role("User").expect("a role");
    for person in &people[..2_000] {
        world.sandbox.entra.assign(*person, role).expect("a row");
    }
    let (turned, requests) = fresh(&world).await;
    assert_eq!((pages(&world), turned.report.counts.done()), (3, 0));
    assert_eq!(requests, sum(&[&[(ENTRA_TOKEN, 1), (ASSIGNED, 3)], &DELTAS]));
    nothing_to_do(&world).await;

    // Some of everything at once, in a process that knows the tenant already.
    let engine = world.engine();
    world.join("Warm");
    turn(&world, &engine).await;
    changes_of_each_kind(&world, &engine, &people, &groups).await;
    engine.store.close().await.expect("a closed store");
    nothing_to_do(&world).await;
}

/// 30 new names, 5 new addresses, 4 people disabled, 3 who leave their groups, 2 deleted, and 45
/// newcomers, 20 of them assigned directly.
async fn changes_of_each_kind(world: &World, engine: &Engine, old: &[Uuid], groups: &[Uuid]) {
    let entra = &world.sandbox.entra;
    for person in &old[3_000..3_030] {
        edit(world, *person, json!({ "surname": "Married", "givenName": "Just" }));
    }
    for (number, person) in old[3_030..3_035].iter().enumerate() {
        edit(world, *person, json!({ "mail": format!("moved{number}@contoso.example") }));
    }
    for person in &old[3_035..3_039] {
        entra.set_enabled(*person, false).expect("an edit");
    }
    for (number, person) in (3_039..).zip(&old[3_039..3_042]) {
        for group in [number % 100, 100 + number / 100] {
            entra.remove_member(groups[group], *person).expect("no member");
        }
    }
    for person in &old[3_042..3_044] {
        entra.soft_delete_person(*person).expect("a deletion");
    }
    let newcomers = people(world, 20_000..20_045);
    for (number, person) in newcomers.iter().enumerate() {
        match number {
            0..20 => world.assign(*person, "User"),
            _ => entra.add_member(groups[number % 7], *person).expect("a member"),
        }
    }
    let (turned, requests) = turn(world, engine).await;
    let counts = &turned.report.counts;
    assert_eq!((counts.created, counts.updated, counts.disabled), (45, 35, 9));
    assert_eq!((counts.members_added, counts.members_removed), (25, 0));
    // 45 newcomers are read by id, twenty in a batch, because a filter may be behind. Each has one
    // look-up, and so has each of the five new addresses; who is changed or disabled is read first:
    // they may have become administrators meanwhile. Seven groups have new members.
    let graph = [(ASSIGNED, pages(world)), (BATCH, 3)];
    let sharefile = [(USERS, 45 + 5), (SEATS, 1), (READ, 35 + 9), (EMPLOYEE, 45), (CHANGE, 35 + 9)];
    assert_eq!(requests, sum(&[&DELTAS, &graph, &sharefile, &[(ADD, 7)]]));
}

/// The same company once without groups of ShareFile and once with them: what groups cost is what
/// the second one costs more.
#[tokio::test]
async fn a_group_costs_one_write_and_one_for_each_further_hundred_members() {
    let reads = [(ENTRA_TOKEN, 1), (ASSIGNED, 1), (BATCH, 1)];
    let people = [&DESCRIBED[..], &DELTAS, &reads, &TENANT, &LISTS, &[(EMPLOYEE, 600)]];
    let (world, ..) = through_groups(600, 6, false).await;
    let (_, requests) = fresh(&world).await;
    assert_eq!(requests, sum(&people));
    nothing_to_do(&world).await;

    // One of the six groups of two hundred was made by hand, and is adopted: its members are read.
    let (world, members, groups) = through_groups(600, 6, true).await;
    let made = HandMade { name: "Group 0".into(), owner: None, shared: true, members: Vec::new() };
    world.sandbox.sharefile.add_group(&made).expect("a group");
    let (turned, requests) = fresh(&world).await;
    let counts = &turned.report.counts;
    assert_eq!((counts.groups_created, counts.members_added), (5, 1_200));
    let more = [(BATCH, 1), (GROUPS, 1), (INSIDE, 1), (GROUP, 5), (ADD, 5 + 2)];
    assert_eq!(requests, sum(&[&people[..], &[&more]].concat()));
    nothing_to_do(&world).await;

    // A hundred people change from one group into another, and two groups are renamed.
    let engine = world.engine();
    turn(&world, &engine).await;
    let entra = &world.sandbox.entra;
    for person in members.iter().step_by(3).take(100) {
        entra.remove_member(groups[0], *person).expect("no member");
        entra.add_member(groups[1], *person).expect("a member");
    }
    for (group, name) in [(groups[2], "Third"), (groups[3], "Fourth")] {
        let patch = json!({ "displayName": name });
        entra.edit_group(group, patch.as_object().expect("an object")).expect("a rename");
    }
    let (turned, requests) = turn(&world, &engine).await;
    let counts = &turned.report.counts;
    assert_eq!((counts.members_added, counts.members_removed), (100, 100));
    let writes = [(REMOVE, 1), (ADD, 1), (RENAME, 2)];
    // The first writes of this process: whom the tenant protects has to be known. Whether others have
    // the new names is looked up once for all of them.
    let looks = [(ASSIGNED, 1), (GROUPS, 1)];
    assert_eq!(requests, sum(&[&DELTAS, &looks, &TENANT, &writes]));
    engine.store.close().await.expect("a closed store");
    nothing_to_do(&world).await;
}

#[tokio::test]
async fn people_assigned_directly_cost_a_batch_of_three_hundred() {
    let world = World::empty().await;
    for person in people(&world, 0..1_000) {
        world.assign(person, "User");
    }
    let (turned, requests) = fresh(&world).await;
    assert_eq!(turned.report.counts.created, 1_000);
    let reads = [(ENTRA_TOKEN, 1), (ASSIGNED, 2), (BATCH, 4)];
    assert_eq!(
        requests,
        sum(&[&DESCRIBED, &DELTAS, &reads, &TENANT, &LISTS, &[(EMPLOYEE, 1_000)]])
    );
    nothing_to_do(&world).await;

    // A large group of people who are known: its first page in a batch, the second on its own.
    let everybody = world.sandbox.entra.people();
    let group = groups(&world, 1)[0];
    for person in &everybody {
        world.sandbox.entra.add_member(group, person.id).expect("a member");
    }
    // The feed of groups shows five hundred members a page; nobody assigned this one yet.
    let (_, requests) = fresh(&world).await;
    let more = [(ENTRA_TOKEN, 1), (ASSIGNED, 2), ("GET /v1.0/groups/delta", 1)];
    assert_eq!(requests, sum(&[&DELTAS, &more]));
    world.assign(group, "User");
    let (turned, requests) = fresh(&world).await;
    assert_eq!(turned.report.counts.done(), 0);
    let reads = [(ENTRA_TOKEN, 1), (ASSIGNED, 2), (BATCH, 1), (MEMBERS, 1)];
    assert_eq!(requests, sum(&[&DELTAS, &reads]));
}

#[tokio::test]
async fn a_company_of_a_hundred_costs_what_it_may() {
    let world = World::company(100, 8, 7).await;
    let (turned, requests) = fresh(&world).await;
    let counts = &turned.report.counts;
    let wanted = world.sandbox.entra.entitled();
    let matched = wanted.iter().filter(|person| person.enabled()).filter_map(|person| {
        let account = world.sandbox.sharefile.account_of(person.mail()?)?;
        account.confirmed.then_some(account)
    });
    let matched = matched.count() as u64;
    let direct = world.sandbox.entra.assignments();
    let direct = direct.iter().filter(|row| row.principal_type.name() == "User").count() as u64;
    assert!(matched > 2 && counts.adopted > 0 && direct > 0, "{counts:?}");
    let plan = turned.plan.as_ref().expect("a plan");
    let raised = "the account is a client, and the rules say employee";
    let promotes =
        |change: &&PlannedChange| change.reasons.iter().any(|reason| reason.sentence() == raised);
    let promoted = plan.changes.iter().filter(promotes).count() as u64;
    let created = |endpoint: &str| requests.get(endpoint).copied().unwrap_or_default();
    assert_eq!(created(EMPLOYEE) + created(CLIENT), counts.created);
    let reads = [(ENTRA_TOKEN, 1), (ASSIGNED, 1), (BATCH, 1 + direct.div_ceil(300))];
    let writes = [
        (READ, matched),
        (EMPLOYEE, created(EMPLOYEE)),
        (CLIENT, created(CLIENT)),
        (CHANGE, counts.updated - promoted),
        (PROMOTE, promoted),
    ];
    assert_eq!(requests, sum(&[&DESCRIBED, &DELTAS, &reads, &TENANT, &LISTS, &writes]));
    nothing_to_do(&world).await;
}

#[tokio::test]
async fn each_change_costs_its_own() {
    let world = World::empty().await;
    let people = people(&world, 0..40);
    let staff = groups(&world, 2);
    for (number, person) in people.iter().enumerate() {
        world.sandbox.entra.add_member(staff[number % 2], *person).expect("a member");
    }
    world.assign(staff[0], "User");
    world.assign(staff[1], "User");
    let engine = world.engine();
    turn(&world, &engine).await;
    let read = [(ASSIGNED, 1)];

    for person in &people[..7] {
        edit(&world, *person, json!({ "surname": "Married", "companyName": "Contoso" }));
    }
    let (_, requests) = turn(&world, &engine).await;
    let changes = [(READ, 7), (CHANGE, 7)];
    assert_eq!(requests, sum(&[&DELTAS, &read, &changes]), "one write per changed person");

    edit(&world, people[8], json!({ "jobTitle": "Baker" }));
    let (_, requests) = turn(&world, &engine).await;
    assert_eq!(requests, sum(&[&DELTAS, &read]), "nobody asked for job titles");

    edit(&world, people[9], json!({ "mail": "moved@contoso.example" }));
    let (_, requests) = turn(&world, &engine).await;
    assert_eq!(
        requests,
        sum(&[&DELTAS, &read, &[(USERS, 1), (READ, 1), (CHANGE, 1)]]),
        "an address moves: is it free?"
    );

    world.sandbox.entra.set_enabled(people[10], false).expect("an edit");
    let (_, requests) = turn(&world, &engine).await;
    assert_eq!(requests, sum(&[&DELTAS, &read, &[(READ, 1), (CHANGE, 1)]]), "somebody leaves");

    world.sandbox.entra.set_enabled(people[10], true).expect("an edit");
    let (_, requests) = turn(&world, &engine).await;
    assert_eq!(requests, sum(&[&DELTAS, &read, &[(READ, 1), (CHANGE, 1)]]), "and comes back");

    let guest = NewPerson::named("Gus", "Guest", "gus@partner.example").with("userType", "Guest");
    let guest = world.sandbox.entra.add_person(guest).expect("a person");
    world.assign(guest, "User");
    let (_, requests) = turn(&world, &engine).await;
    let writes = [(BATCH, 1), (USERS, 1), (CLIENT, 1)];
    assert_eq!(requests, sum(&[&DELTAS, &read, &writes]), "clients take no seat");

    // A row that vanished is believed when a second read agrees.
    world.unassign(guest);
    let (_, requests) = turn(&world, &engine).await;
    let twice = [(ASSIGNED, 2), (READ, 1), (CHANGE, 1)];
    assert_eq!(requests, sum(&[&DELTAS, &twice]), "a row vanishes");
    engine.store.close().await.expect("a closed store");
}

#[tokio::test]
async fn a_newcomer_who_waits_for_a_licence_costs_the_lists_once_an_hour() {
    let mut world = World::empty().await;
    let part = |(target, source)| format!("{{ target = \"{target}\", source = \"[{source}]\" }}");
    let names = [("FirstName", "givenName"), ("LastName", "surname")].map(part).join(", ");
    let address = part(("Email", "mail"));
    world.set("users.match", &format!("[{address}, {{ all = [{names}], adopt = \"always\" }}]"));
    world.join("Ada");
    fresh(&world).await;
    // The second read of a new job is over.
    world.clock.advance(Duration::from_secs(7_200));
    world.full().await;
    let employees =
        world.all_accounts().into_iter().filter(|one| one.kind == AccountKind::Employee);
    let taken = u32::try_from(employees.count()).expect("not that many");
    world.sandbox.sharefile.set_employee_max(taken);
    let engine = world.engine();
    world.join("Bob");
    let (turned, requests) = turn(&world, &engine).await;
    let waits = [(HoldKind::LicenseLimitExceeded, "bob".to_owned())];
    assert_eq!(held(&turned), waits);
    assert_eq!(requests["GET /sf/v3/Accounts/Employees"], 1, "{requests:?}");
    for _ in 0..2 {
        let (turned, requests) = turn(&world, &engine).await;
        assert_eq!(held(&turned), waits);
        assert_eq!(requests, sum(&[&DELTAS, &[(ASSIGNED, 1)]]), "nobody is looked at");
    }
    world.clock.advance(Duration::from_secs(3_601));
    let (turned, requests) = turn(&world, &engine).await;
    assert_eq!((turned.report.kind, held(&turned)), (CycleKind::Incremental, waits.to_vec()));
    assert_eq!(requests["GET /sf/v3/Accounts/Employees"], 1, "{requests:?}");
    world.sandbox.sharefile.set_employee_max(taken + 1);
    world.clock.advance(Duration::from_secs(3_601));
    let (turned, _) = turn(&world, &engine).await;
    assert_eq!((turned.report.kind, turned.report.counts.created), (CycleKind::Incremental, 1));
    assert!(held(&turned).is_empty());
    engine.store.close().await.expect("a closed store");
}
