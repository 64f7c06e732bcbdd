//! `test`: each check by name, with what it means and what to do, as people and programs read it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sharefile_provisioner::clock::{Clock, JumpClock, SystemClock};
use sharefile_provisioner::sandbox::SandboxOptions;
use sharefile_provisioner::sandbox::sharefile::SharefileOptions;

use super::{Said, World};

/// The names of all checks where nothing is wrong: they are stable.
const NAMES: [&str; 28] = [
    "Entra ID: sign-in",
    "Entra ID: Application.Read.All",
    "Entra ID: User.Read.All",
    "Entra ID: GroupMember.Read.All",
    "Entra ID: credential",
    "Entra ID: application",
    "Entra ID: roles",
    "Entra ID: assignments",
    "Entra ID: group members",
    "Entra ID: Default Access",
    "Entra ID: change feeds",
    "Entra ID: connection",
    "Entra ID: clock",
    "ShareFile: sign-in",
    "ShareFile: AdminManageEmployees",
    "ShareFile: CanManageUsers",
    "ShareFile: plan",
    "ShareFile: licences",
    "ShareFile: lists",
    "ShareFile: protected",
    "ShareFile: guard.protected",
    "ShareFile: single sign-on",
    "ShareFile: two-step verification",
    "ShareFile: employee domains",
    "ShareFile: connection",
    "ShareFile: clock",
    "Store: file",
    "Store: lease",
];

fn checks(said: &Said) -> Vec<Value> {
    said.json().as_array().expect("a list").clone()
}

/// The check of that name.
#[track_caller]
fn check(said: &Said, name: &str) -> Value {
    let checks = checks(said);
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {}", said.out)).clone()
}

#[track_caller]
fn is(said: &Said, name: &str, status: &str, found: &str) -> Value {
    let check = check(said, name);
    let text = check["found"].as_str().expect("text");
    assert!(check["status"] == status && text.contains(found), "{check:#}");
    assert_eq!(check["remedy"] == "", status == "ok", "{check:#}");
    assert_ne!(check["means"], "", "{check:#}");
    check
}

async fn json(world: &World, code: i32) -> Said {
    world.run(&["test", "--json"]).await.exits(code)
}

#[tokio::test]
async fn every_check_is_named_and_writes_nothing() {
    let world = World::real().await;
    let ada = world.join("Ada");
    world.group("Staff", &[ada]);
    let said = json(&world, 0).await;
    let checks = checks(&said);
    let names: Vec<&str> = checks.iter().filter_map(|check| check["name"].as_str()).collect();
    assert_eq!(names, NAMES);
    for check in &checks {
        let keys: Vec<&String> = check.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["found", "means", "name", "remedy", "status"]);
        assert_eq!(check["status"], "ok", "{check:#}");
    }
    assert!(world.written().is_empty() && !world.path("store.db").exists());
    // It stays within what a person waits for.
    assert!(world.graph_requests() <= 8, "{:?}", world.sandbox.counts.by_endpoint());
    assert!(world.sharefile_requests() <= 8, "{:?}", world.sandbox.counts.by_endpoint());
}

#[tokio::test]
async fn what_people_read_when_all_is_well() {
    let world = World::real().await;
    world.join("Ada");
    world.sync().await;
    let said = world.run(&["test"]).await.exits(0);
    insta::assert_snapshot!(said.shown_in(&world), @"
    STATUS  CHECK                             FOUND
    ok      Entra ID: sign-in                 tenant ID, with the client secret
                                              Everything that is read from Entra ID is read with this identity.
    ok      Entra ID: Application.Read.All    granted
                                              Needed to read the enterprise application and its assignments.
    ok      Entra ID: User.Read.All           granted
                                              Needed to read people, their attributes and what changes about them.
    ok      Entra ID: GroupMember.Read.All    granted
                                              Needed to read the members of assigned groups and what changes about them.
    ok      Entra ID: credential              the client secret ends on 0000-00-00, in N days
                                              When it ends, nothing can be read any more, and accounts stay as they are.
    ok      Entra ID: application             Citrix ShareFile (ID); only assigned people may sign in to it
                                              People get accounts by being assigned to this enterprise application.
    ok      Entra ID: roles                   Client, Employee
                                              Roles decide who becomes a client and who an employee.
    ok      Entra ID: assignments             1 person and 0 groups in 1 row
                                              Who is assigned gets an account, directly or as a member of a group.
    ok      Entra ID: group members           0 people in 0 groups
                                              Direct members of assigned groups get accounts.
    ok      Entra ID: Default Access          nobody has nothing else
                                              Entra ID gives Default Access when an application with roles is assigned without one.
    ok      Entra ID: change feeds            people and groups
                                              Between full reads only what changed is asked for.
    ok      Entra ID: connection              127.0.0.1:PORT: plain HTTP, on this host
                                              Names, passwords and people's data travel this way.
    ok      Entra ID: clock                   the clocks agree
                                              Tokens, certificates and signed statements count only within their time; the log and the schedule tell the time of this host.
    ok      ShareFile: sign-in                contoso as provisioner@contoso.com
                                              Everything that is written to ShareFile is written with this user.
    ok      ShareFile: AdminManageEmployees   held
                                              Needed to read and to write employees.
    ok      ShareFile: CanManageUsers         held
                                              Needed to read and to write clients.
    ok      ShareFile: plan                   Advanced
                                              The plan decides how many employees there can be, and what the API offers.
    ok      ShareFile: licences               5 of 100000 taken, 99995 left
                                              Each employee takes a licence, also one who is disabled; clients take none.
    ok      ShareFile: lists                  5 employees and 0 clients, 0 of them disabled
                                              A full cycle finds everybody who has an account already in these lists.
    ok      ShareFile: protected              the service user provisioner@contoso.com; the master administrator owner@contoso.com; the billing contact billing@contoso.com; the super users super@contoso.com
                                              These accounts are never touched. Holders of roles that begin with Admin are protected as well: the lists do not show roles, so each account is looked at before it changes.
    ok      ShareFile: guard.protected        0 addresses
                                              guard.protected names accounts that are never touched besides.
    ok      ShareFile: single sign-on         not required
                                              The API cannot go through the sign-in page of another service: the service user signs in with a ShareFile password, whatever everybody else does.
    ok      ShareFile: two-step verification  not required
                                              The API cannot answer a second step: where it is required, the service user needs an application-specific password (Personal Settings, Personal Security, Two-Step Verification).
    ok      ShareFile: employee domains       no strict rule
                                              Where the strict rule is on, ShareFile takes addresses of the company's own domains for employees alone.
    ok      ShareFile: connection             contoso.localhost:PORT: plain HTTP, on this host
                                              Names, passwords and people's data travel this way.
    ok      ShareFile: clock                  the clocks agree
                                              Tokens, certificates and signed statements count only within their time; the log and the schedule tell the time of this host.
    ok      Store: file                       FOLDER/store.db can be read
                                              It holds which account is whose: without it nothing is written to ShareFile.
    ok      Store: lease                      free
                                              One process at a time writes to the store; commands ask the one that does.
    ok      Store: belongs to                 tenant ID, application ID, ShareFile account ID
                                              A store counts for one tenant, one application and one ShareFile account: with another one, everybody would seem to have left.

    All 29 checks are ok.
    ");
}

#[tokio::test]
async fn what_people_read_when_much_is_wrong() {
    let sharefile = SharefileOptions {
        employee_max: 4,
        strict_employee_definition: true,
        employee_domains: vec!["contoso.example".to_owned()],
        two_factor: true,
        single_sign_on: true,
        force_single_sign_on: true,
        ..SharefileOptions::default()
    };
    // Both clouds are ten minutes ahead, or this host is behind.
    let ahead = SystemClock::new().now().plus_ms(600_000);
    let options = SandboxOptions {
        users: 0,
        groups: 0,
        existing_accounts: false,
        sharefile,
        ..SandboxOptions::default()
    };
    let mut world = World::of(options.jumping(Arc::new(JumpClock::new(ahead)))).await;
    let soon = SystemClock::new().now().plus_ms(12 * 86_400_000 + 3_600_000);
    let secret = world.sandbox.entra.client_secret();
    world.sandbox.entra.set_secret(secret, Some(soon));
    world.set("guard.protected", "owner@contoso.com, nobody@contoso.com");
    world.set("users.type.roles.Partner", "client");
    world.join("Ada");
    let bob = world.person("Bob");
    world.sandbox.entra.assign(bob, uuid::Uuid::nil()).expect("an assignment");
    world.sandbox.sharefile.set_service_roles(&["AdminManageEmployees"]);
    let said = world.run(&["test"]).await.exits(67);
    insta::assert_snapshot!(said.shown_in(&world), @"
    STATUS   CHECK                             FOUND
    ok       Entra ID: sign-in                 tenant ID, with the client secret
                                               Everything that is read from Entra ID is read with this identity.
    ok       Entra ID: Application.Read.All    granted
                                               Needed to read the enterprise application and its assignments.
    ok       Entra ID: User.Read.All           granted
                                               Needed to read people, their attributes and what changes about them.
    ok       Entra ID: GroupMember.Read.All    granted
                                               Needed to read the members of assigned groups and what changes about them.
    WARNING  Entra ID: credential              the client secret ends on 0000-00-00, in N days
                                               When it ends, nothing can be read any more, and accounts stay as they are.
                                               what to do: Make a new one under Certificates & secrets of the app registration, and configure it before the old one ends; both count until then.
    ok       Entra ID: application             Citrix ShareFile (ID); only assigned people may sign in to it
                                               People get accounts by being assigned to this enterprise application.
    WARNING  Entra ID: roles                   Client, Employee; users.type.roles names Partner, which is none of them
                                               Roles decide who becomes a client and who an employee.
                                               what to do: Write the value of a role as the application declares it (App roles of its registration).
    ok       Entra ID: assignments             2 people and 0 groups in 2 rows
                                               Who is assigned gets an account, directly or as a member of a group.
    ok       Entra ID: group members           0 people in 0 groups
                                               Direct members of assigned groups get accounts.
    WARNING  Entra ID: Default Access          1 person has nothing else: no account for them
                                               Entra ID gives Default Access when an application with roles is assigned without one.
                                               what to do: Assign them in a role of the application, or set scope.default_access = true if everybody who is assigned should have an account.
    ok       Entra ID: change feeds            people and groups
                                               Between full reads only what changed is asked for.
    ok       Entra ID: connection              127.0.0.1:PORT: plain HTTP, on this host
                                               Names, passwords and people's data travel this way.
    FAILED   Entra ID: clock                   this host is N s behind the service
                                               Tokens, certificates and signed statements count only within their time; the log and the schedule tell the time of this host.
                                               what to do: Let this host keep time with a time server (timedatectl set-ntp true).
    ok       ShareFile: sign-in                contoso as provisioner@contoso.com
                                               Everything that is written to ShareFile is written with this user.
    ok       ShareFile: AdminManageEmployees   held
                                               Needed to read and to write employees.
    FAILED   ShareFile: CanManageUsers         the service user lacks it
                                               Needed to read and to write clients.
                                               what to do: Give the service user the permissions to manage employees (AdminManageEmployees) and to manage clients (CanManageUsers).
    ok       ShareFile: plan                   Advanced
                                               The plan decides how many employees there can be, and what the API offers.
    WARNING  ShareFile: licences               4 of 4 taken, 0 left
                                               Each employee takes a licence, also one who is disabled; clients take none.
                                               what to do: Buy licences, or free some: a disabled employee keeps a licence until the account is deleted or becomes a client. New employees wait until there are some.
    FAILED   ShareFile: lists                  reading the list of clients: 403 Forbidden: The permission CanManageUsers is required.
                                               A full cycle finds everybody who has an account already in these lists.
                                               what to do: Give the service user the permissions to manage employees (AdminManageEmployees) and to manage clients (CanManageUsers).
    ok       ShareFile: protected              the service user provisioner@contoso.com; the master administrator owner@contoso.com; the billing contact billing@contoso.com; the super users super@contoso.com
                                               These accounts are never touched. Holders of roles that begin with Admin are protected as well: the lists do not show roles, so each account is looked at before it changes.
    ok       ShareFile: single sign-on         required; the service user signs in nevertheless
                                               The API cannot go through the sign-in page of another service: the service user signs in with a ShareFile password, whatever everybody else does.
    ok       ShareFile: two-step verification  required; the service user signs in nevertheless
                                               The API cannot answer a second step: where it is required, the service user needs an application-specific password (Personal Settings, Personal Security, Two-Step Verification).
    WARNING  ShareFile: employee domains       contoso.example; the rules make clients too, who cannot have an address there
                                               Where the strict rule is on, ShareFile takes addresses of the company's own domains for employees alone.
                                               what to do: Let users.type make employees of everybody whose address is in these domains: otherwise ShareFile refuses them (ClientMustBeCreatedAsEmployee).
    ok       ShareFile: connection             contoso.localhost:PORT: plain HTTP, on this host
                                               Names, passwords and people's data travel this way.
    FAILED   ShareFile: clock                  this host is N s behind the service
                                               Tokens, certificates and signed statements count only within their time; the log and the schedule tell the time of this host.
                                               what to do: Let this host keep time with a time server (timedatectl set-ntp true).
    ok       Store: file                       FOLDER/store.db is not there yet: the first cycle makes it
                                               It holds which account is whose: without it nothing is written to ShareFile.
    ok       Store: lease                      free
                                               One process at a time writes to the store; commands ask the one that does.

    27 checks: 4 failed, 5 with a warning.
    ");
}

#[tokio::test]
async fn each_permission_and_role_is_a_check_of_its_own() {
    let world = World::real().await;
    world.join("Ada");
    let granted = world.sandbox.entra.permissions();
    assert!(world.sandbox.entra.revoke_permission("User.Read.All"));
    let said = json(&world, 66).await;
    is(&said, "Entra ID: sign-in", "ok", "with the client secret");
    is(&said, "Entra ID: Application.Read.All", "ok", "granted");
    let missing = is(&said, "Entra ID: User.Read.All", "failed", "missing");
    assert!(missing["remedy"].as_str().expect("text").contains("admin consent"));
    assert!(missing["means"].as_str().expect("text").contains("people, their attributes"));
    is(&said, "ShareFile: sign-in", "ok", "contoso");
    world.sandbox.entra.set_permissions(granted);
    world.sandbox.sharefile.set_service_roles(&["CanManageUsers"]);
    let said = json(&world, 66).await;
    is(&said, "ShareFile: AdminManageEmployees", "failed", "lacks it");
    is(&said, "ShareFile: CanManageUsers", "ok", "held");
}

#[tokio::test]
async fn when_the_credential_ends_is_told() {
    let mut world = World::real().await;
    world.join("Ada");
    let secret = world.sandbox.entra.client_secret();
    let now = SystemClock::new().now();
    for (days, status, words) in [(400, "ok", "in 399 days"), (12, "warning", "in 11 days")] {
        let end = now.plus_ms(days * 86_400_000);
        world.sandbox.entra.set_secret(secret.clone(), Some(end));
        is(&json(&world, 0).await, "Entra ID: credential", status, words);
    }
    world.sandbox.entra.set_secret(secret, Some(now));
    let said = json(&world, 66).await;
    let refused = check(&said, "Entra ID: sign-in");
    assert!(refused["found"].as_str().expect("text").contains("AADSTS7000222"), "{refused:#}");

    // A certificate tells its end itself, whether or not it signs in.
    let pem = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/certificate/both.pem");
    world.set("entra.credential", &format!("{{ certificate = {{ file = \"{pem}\" }} }}"));
    for code in [66, 0] {
        let said = json(&world, code).await;
        let words = "the certificate CN=sharefile-provisioner sandbox ends on 2126-10-29";
        is(&said, "Entra ID: credential", "ok", words);
        let pem = std::fs::read_to_string(pem).expect("a certificate");
        world.sandbox.entra.add_certificate(&pem).expect("registered");
    }
    let endpoint = world.sandbox.credentials().graph_url;
    let credential = format!("{{ managed_identity = {{ endpoint = \"{endpoint}\" }} }}");
    world.set("entra.credential", &credential);
    let said = json(&world, 0).await;
    is(&said, "Entra ID: credential", "ok", "the system-assigned identity of this machine");
    is(&said, "Entra ID: sign-in", "warning", "not of entra.client_id");
}

#[tokio::test]
async fn what_fails_at_one_end_hides_nothing_of_the_other() {
    let mut world = World::real().await;
    world.join("Ada");
    world.sync().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let absent = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let graph = world.sandbox.credentials().graph_url;
    world.set("entra.cloud.graph", &absent);
    let said = json(&world, 67).await;
    is(&said, "Entra ID: application", "failed", "could not be reached");
    is(&said, "ShareFile: licences", "ok", "left");
    world.set("entra.cloud.graph", &graph);
    world.set("sharefile.domain", &absent.replace("http://127.0.0.1", "localhost"));
    let said = json(&world, 68).await;
    is(&said, "ShareFile: sign-in", "failed", "could not be reached");
    is(&said, "Entra ID: change feeds", "ok", "people");
    is(&said, "Store: belongs to", "ok", "tenant");
}

#[tokio::test]
async fn the_store_and_who_holds_it_are_looked_at() {
    let mut world = World::real().await;
    world.join("Ada");
    world.sync().await;
    let daemon = world.start(&["run"]);
    super::eventually("the daemon holds the lease", async || {
        let said = json(&world, 0).await;
        check(&said, "Store: lease")["found"].as_str().is_some_and(|text| text.contains("run"))
    })
    .await;
    drop(daemon);
    // The store of another company, under this configuration.
    let other = SandboxOptions {
        users: 0,
        groups: 0,
        existing_accounts: false,
        seed: 2,
        ..SandboxOptions::default()
    };
    let other = World::of(other).await;
    other.join("Bob");
    world.set("store.path", &other.path("store.db").display().to_string());
    other.sync().await;
    let said = json(&world, 69).await;
    is(&said, "Store: belongs to", "failed", "but the configuration leads to");
    std::fs::write(world.path("damaged.db"), "nothing that a database begins with, at all")
        .expect("a file");
    world.set("store.path", "damaged.db");
    let said = json(&world, 69).await;
    is(&said, "Store: file", "failed", "damaged.db");
    is(&said, "ShareFile: sign-in", "ok", "contoso");
}

/// Both clocks are asked, by the dates of the answers.
#[tokio::test]
async fn clocks_that_differ_are_told() {
    for (ahead_secs, status, code) in [(0, "ok", 0), (90, "warning", 0), (600, "failed", 67)] {
        let now = SystemClock::new().now().plus_ms(ahead_secs * 1000);
        let clock = Arc::new(JumpClock::new(now));
        let options = SandboxOptions { users: 3, groups: 1, ..SandboxOptions::default() };
        let world = World::of(options.jumping(clock.clone())).await;
        clock.advance(Duration::from_secs(1));
        let said = json(&world, code).await;
        let words = if status == "ok" { "" } else { "behind the service" };
        is(&said, "Entra ID: clock", status, words);
    }
}

#[tokio::test]
async fn what_groups_need_is_tested_where_groups_are_kept() {
    let mut world = World::real().await;
    world.set("groups.enabled", "true");
    world.join("Ada");
    let roles = ["AdminManageEmployees", "CanManageUsers", "AdminCreateSharedGroups"];
    world.sandbox.sharefile.set_service_roles(&roles);
    let said = world.run(&["test", "--json"]).await.exits(0);
    is(&said, "ShareFile: AdminCreateSharedGroups", "ok", "held");
    is(&said, "ShareFile: AdminSharedDistGroups", "warning", "the service user lacks it");
    world.sandbox.sharefile.set_service_roles(&roles[..2]);
    let said = world.run(&["test", "--json"]).await.exits(66);
    is(&said, "ShareFile: AdminCreateSharedGroups", "failed", "the service user lacks it");
}
