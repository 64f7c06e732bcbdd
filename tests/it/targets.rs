//! What can be written of an account besides its names: types, limits, and an endpoint each.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use sharefile_provisioner::clock::{Clock, JumpClock};
use sharefile_provisioner::cycle::Turned;
use sharefile_provisioner::model::ids::Timestamp;
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::views::NewPerson;
use sharefile_provisioner::sandbox::sharefile::NewAccount;
use sharefile_provisioner::sandbox::sharefile::{AccountKind, AccountView, Category, NewPolicy};
use sharefile_provisioner::sandbox::sharefile::{Zone, ZoneType};

use crate::world::{World, held};

/// The entries of `users.attribute` for the names, and further ones.
fn with(more: &[(&str, &str)]) -> String {
    let names = [("Email", "[mail]"), ("FirstName", "[givenName]"), ("LastName", "[surname]")];
    let entry = |(target, source): &(&str, &str)| {
        format!("{{ target = \"{target}\", source = '{source}' }}")
    };
    let entries: Vec<String> = names.iter().chain(more).map(entry).collect();
    format!("[{}]", entries.join(", "))
}

impl World {
    /// Every write that reached ShareFile since the last reset, with whom it concerned and what was
    /// sent; what creates always send is left out.
    fn sent(&self) -> Vec<String> {
        let writes = self.writes().into_iter().filter(|write| write.method != "GET");
        let mut sent: Vec<String> = writes
            .map(|write| {
                let mut path = write.path.trim_start_matches("/sf/v3/").to_owned();
                for AccountView { id, email, .. } in self.all_accounts() {
                    path = path.replace(&id, email.split('@').next().unwrap_or_default());
                }
                let mut body = write.body;
                if let Value::Object(members) = &mut body {
                    for usual in ["Email", "FirstName", "LastName"] {
                        members.remove(usual);
                    }
                }
                format!("{} {path} {body}", write.method)
            })
            .collect();
        sent.sort();
        sent
    }
}

#[tokio::test]
async fn a_value_that_sharefile_would_not_take_holds_its_person_and_is_never_sent() {
    let mut world = World::empty().await;
    world.set("users.attribute", &with(&[("Company", "[companyName]")]));
    let [ada, bob, cy] = ["Ada", "Bob", "Cy"].map(|name| world.join(name));
    let entra = &world.sandbox.entra;
    entra.set_person(ada, "companyName", "x".repeat(50)).expect("an edit");
    entra.set_person(bob, "companyName", "x".repeat(51)).expect("an edit");
    entra.set_person(cy, "companyName", "Contoso\u{7}").expect("an edit");
    let first = world.cycle().await;
    assert_eq!(first.report.counts.created, 1);
    let wrong = HoldKind::InvalidValue;
    assert_eq!(held(&first), [(wrong, "bob".to_owned()), (wrong, "cy".to_owned())]);
    assert_eq!(world.writes().len(), 1);
    let shown = world.ran(&["holds"]).await.text;
    let why = "Company has 51 characters where ShareFile takes 50";
    assert!(shown.contains(why) && shown.contains("U+0007"), "{shown}");

    // Of somebody who has an account nothing else is changed either, until it is right.
    entra.set_person(ada, "companyName", "y".repeat(60)).expect("an edit");
    entra.set_person(ada, "surname", "King").expect("an edit");
    entra.set_person(bob, "companyName", "Contoso").expect("an edit");
    let second = world.cycle().await;
    assert_eq!((second.report.counts.created, second.report.counts.updated), (1, 0));
    assert_eq!(world.account("Ada").last_name, "Tester");
    entra.set_person(ada, "companyName", json!(null)).expect("an edit");
    assert_eq!(world.did().await, (0, 1, 0));
    let kept = world.account("Ada");
    assert_eq!((kept.last_name.as_str(), kept.company.len()), ("King", 50));
    // And whoever leaves does so all the same.
    entra.set_person(bob, "companyName", "z".repeat(60)).expect("an edit");
    world.unassign(bob);
    assert_eq!(world.did().await, (0, 0, 1));
}

/// What the service user may do, so that it can give it.
const SERVICE: [&str; 7] = [
    "AdminManageEmployees",
    "CanManageUsers",
    "CanChangePassword",
    "CanManageMySettings",
    "CanUseFileBox",
    "CanCreateFolders",
    "CanSelectFolderZone",
];

/// Everything that can be mapped, from attributes that can be edited.
const ALL: [(&str, &str); 6] = [
    ("StorageQuotaLimitGB", r#"Switch([department], "-1", "Sales", "50", "Odd", "lots")"#),
    ("Bandwidth", r#"Switch([department], , "Sales", "500")"#),
    ("DefaultZone", "[officeLocation]"),
    ("CanResetPassword", r#"IIF([country]="DE", "true", "false")"#),
    ("CanViewMySettings", "\"True\""),
    ("Roles", r#"Split([jobTitle], ",")"#),
];

impl World {
    /// A company whose service user can give what is mapped, with a second zone.
    async fn with_everything() -> Self {
        let mut world = Self::empty().await;
        world.sandbox.sharefile.set_service_roles(&SERVICE);
        world.sandbox.sharefile.add_zone(zone("Europe"));
        world.set("users.attribute", &with(&ALL));
        world
    }

    /// Somebody assigned who has further values.
    fn joins(&self, name: &str, values: &[(&str, &str)]) -> uuid::Uuid {
        let id = self.join(name);
        self.becomes(id, values);
        id
    }

    fn becomes(&self, id: uuid::Uuid, values: &[(&str, &str)]) {
        for (attribute, value) in values {
            let attribute: &'static str = attribute.to_string().leak();
            self.sandbox.entra.set_person(id, attribute, *value).expect("an edit");
        }
    }
}

fn zone(name: &str) -> Zone {
    let zone_type = ZoneType::Private;
    Zone { id: String::new(), name: name.to_owned(), zone_type, disabled: false }
}

fn roles(account: &AccountView) -> Vec<&str> {
    let markers = ["Client", "Employee"];
    account.roles.iter().map(String::as_str).filter(|role| !markers.contains(role)).collect()
}

#[tokio::test]
async fn everything_goes_into_the_create_and_later_one_write_an_endpoint() {
    let world = World::with_everything().await;
    let ada = world.joins(
        "Ada",
        &[
            ("department", "Sales"),
            ("officeLocation", "europe"),
            ("country", "DE"),
            ("jobTitle", "CanUseFileBox,canchangepassword"),
        ],
    );
    assert_eq!(world.did().await, (1, 0, 0));
    let zone = world.sandbox.sharefile.zones()[1].id.clone();
    let create = format!(
        r#"POST Users/AccountUser?pushCreatorDefaultSettings=false&ifNecessary=false&notify=false {{"DefaultZone":{{"Id":"{zone}"}},"Preferences":{{"CanResetPassword":true,"CanViewMySettings":true}},"Roles":["CanChangePassword","CanUseFileBox"],"StorageQuotaLimitGB":50}}"#
    );
    assert_eq!(world.sent(), [r#"PATCH Users/AccountUser(ada) {"Bandwidth":500}"#, &create]);
    let made = world.account("Ada");
    assert_eq!((made.storage_quota_gb, made.bandwidth), (50, 500));
    assert_eq!((made.can_reset_password, made.zone.as_deref()), (true, Some("Europe")));
    assert_eq!(roles(&made), ["CanChangePassword", "CanUseFileBox"]);
    // No zone is read twice, and nothing at all if nothing happened.
    assert_eq!(world.asked("GET /sf/v3/Zones"), 1);
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.sharefile_requests(), 0);
    assert_eq!(world.full().await.report.counts.updated, 0);
    assert_eq!(world.sent(), [""; 0]);

    world.becomes(
        ada,
        &[
            ("department", "Research"),
            ("surname", "King"),
            ("country", "US"),
            ("jobTitle", "CanUseFileBox,CanCreateFolders,Employee"),
        ],
    );
    world.sandbox.counts.reset();
    let second = world.cycle().await;
    assert_eq!(second.report.counts.updated, 1);
    let modified = &second.plan.as_ref().expect("a plan").changes[0].modified;
    let roles_then = modified.iter().find(|one| one.name == "Roles").expect("roles");
    assert_eq!(roles_then.old.as_deref(), Some("CanChangePassword, CanUseFileBox"));
    assert_eq!(roles_then.new.as_deref(), Some("CanCreateFolders, CanUseFileBox"));
    assert_eq!(
        world.sent(),
        [
            r#"PATCH Users(ada)/Preferences {"CanResetPassword":false}"#,
            r#"PATCH Users/AccountUser(ada) {"StorageQuotaLimitGB":-1}"#,
            r#"PUT Users(ada)/Roles {"Roles":["CanCreateFolders","CanUseFileBox"]}"#,
        ]
    );
    // Once, for the plan: a minute later the roles would be read again right before.
    assert_eq!(world.asked("GET /sf/v3/Users(") + world.asked("GET /sf/v3/Zones"), 1);
    let changed = world.account("Ada");
    assert_eq!((changed.storage_quota_gb, changed.can_reset_password), (-1, false));
    assert_eq!(roles(&changed), ["CanUseFileBox", "CanCreateFolders"]);
    assert_eq!(changed.last_name, "King");
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.sharefile_requests(), 0);
}

#[tokio::test]
async fn what_is_wrong_with_one_value_holds_its_person_and_names_what_there_is() {
    let world = World::with_everything().await;
    world.sandbox.sharefile.add_zone(zone("Twin"));
    world.sandbox.sharefile.add_zone(zone("twin"));
    world.joins("Ada", &[("officeLocation", "Europa")]);
    world.joins("Bob", &[("officeLocation", "Twin")]);
    world.joins("Cy", &[("jobTitle", "CanUseFileBoks")]);
    world.joins("Dee", &[("jobTitle", "CanUseFileBox,AdminSSO")]);
    world.joins("Eve", &[("department", "Odd")]);
    world.joins("Fay", &[]);
    let first = world.cycle().await;
    assert_eq!(first.report.counts.created, 1);
    let names = ["ada", "bob", "cy", "dee", "eve"];
    let expected = names.map(|name| (HoldKind::InvalidValue, name.to_owned()));
    assert_eq!(held(&first), expected);
    let shown = world.ran(&["holds"]).await.text;
    for why in [
        "DefaultZone is Europa, which does not exist; there are Europe",
        "did you mean Europe?",
        "DefaultZone is Twin, and several are called that",
        "Roles has CanUseFileBoks, which is no role; did you mean CanUseFileBox?",
        "Roles has AdminSSO, which administers the tenant",
        "StorageQuotaLimitGB is `lots`, which is no whole number",
    ] {
        assert!(shown.contains(why), "{why}: {shown}");
    }
}

#[tokio::test]
async fn clients_get_what_clients_have_in_calls_that_are_documented_for_them() {
    let world = World::with_everything().await;
    let guest = NewPerson::named("Gil", "Tester", "gil@contoso.example").with("userType", "Guest");
    let gil = world.sandbox.entra.add_person(guest).expect("a guest");
    world.assign(gil, "User");
    world.becomes(
        gil,
        &[("officeLocation", "Europe"), ("jobTitle", "CanUseFileBox"), ("department", "Sales")],
    );
    assert_eq!(world.did().await, (1, 0, 0));
    let zone = world.sandbox.sharefile.zones()[1].id.clone();
    let sent = world.sent();
    assert_eq!(
        sent[0],
        r#"PATCH Users(gil)/Preferences {"CanResetPassword":false,"CanViewMySettings":true}"#
    );
    assert!(sent[1].ends_with(&format!(r#" {{"DefaultZone":{{"Id":"{zone}"}}}}"#)), "{sent:?}");
    assert_eq!(sent.len(), 2);
    assert_eq!(world.account("Gil").zone.as_deref(), Some("Europe"));
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.sharefile_requests(), 0);

    // As an employee the same person gets the rest, promotion included, in as many calls.
    world.sandbox.entra.set_person(gil, "userType", "Member").expect("an edit");
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(
        world.sent(),
        [
            r#"PATCH Users/AccountUser(gil) {"Bandwidth":500,"IsEmployee":true,"StorageQuotaLimitGB":50}"#,
            r#"PUT Users(gil)/Roles {"Roles":["CanUseFileBox"]}"#,
        ]
    );
    assert_eq!(world.did().await, (0, 0, 0));
}

#[tokio::test]
async fn accounts_that_are_taken_over_get_what_differs_and_administrators_nothing() {
    let world = World::with_everything().await;
    let by_hand = |name: &str, roles: &[&str]| {
        world.sandbox.sharefile.add_account(NewAccount {
            email: format!("{}@contoso.example", name.to_lowercase()),
            first_name: name.to_owned(),
            last_name: "Tester".to_owned(),
            company: String::new(),
            kind: Default::default(),
            disabled: false,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            confirmed: true,
        })
    };
    by_hand("Ada", &["CanChangePassword", "CanUseFileBox"]);
    by_hand("Bob", &["CanChangePassword", "CanCreateFolders"]);
    by_hand("Root", &["AdminSSO"]);
    let same = [("jobTitle", "CanUseFileBox,CanChangePassword"), ("country", "DE")];
    for name in ["Ada", "Bob", "Root"] {
        world.joins(name, &same);
    }
    let ids = ["Ada", "Bob"].map(|name| world.account(name).id);
    for id in &ids {
        let patch = json!({ "can_reset_password": true });
        world.sandbox.sharefile.edit_account(id, patch).expect("an edit");
    }
    let first = world.cycle().await;
    assert_eq!(held(&first), [(HoldKind::Protected, "root".to_owned())]);
    assert_eq!(first.report.counts.adopted, 2);
    let sent = world.sent();
    assert_eq!(
        sent,
        [r#"PUT Users(bob)/Roles {"Roles":["CanChangePassword","CanUseFileBox"]}"#],
        "the quota is -1 and the rest is there already"
    );
    assert_eq!(world.did().await, (0, 0, 0));
}

#[tokio::test]
async fn what_sharefile_ignores_is_told_once_and_what_it_gives_late_is_put_after() {
    let world = World::with_everything().await;
    let mut switches = world.sandbox.sharefile.switches();
    switches.creation_takes_roles = false;
    world.sandbox.sharefile.set_switches(switches);
    let ada = world.joins("Ada", &[("jobTitle", "CanUseFileBox")]);
    assert_eq!(world.did().await, (1, 0, 0));
    assert_eq!(roles(&world.account("Ada")), ["CanUseFileBox"], "by a call of its own");

    // The service user may give what it holds, and nothing else.
    world.becomes(ada, &[("jobTitle", "CanUseFileBox,CanUseDropBox,CanCreateFolders")]);
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(roles(&world.account("Ada")), ["CanUseFileBox", "CanCreateFolders"]);
    let told = |entries: Vec<sharefile_provisioner::model::outcome::LogEntry>| {
        let codes = entries.into_iter().filter_map(|entry| entry.error);
        codes
            .filter(|error| error.code == "NotApplied")
            .map(|error| error.reason)
            .collect::<Vec<String>>()
    };
    let expected = ["ShareFile reported success, but left Roles as it was".to_owned()];
    assert_eq!(told(world.entries().await), Vec::from(expected.clone()));
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.full().await.report.counts.updated, 0);
    assert_eq!(told(world.entries().await), Vec::from(expected), "once");
}

/// A clock during whose first wait somebody does something.
struct Meanwhile<F> {
    clock: Arc<JumpClock>,
    act: Mutex<Option<F>>,
}

impl<F> std::fmt::Debug for Meanwhile<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meanwhile").finish_non_exhaustive()
    }
}

#[async_trait]
impl<F: FnOnce() + Send> Clock for Meanwhile<F> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        if let Some(act) = self.act.lock().expect("no panic").take() {
            act();
        }
        self.clock.sleep(duration).await;
    }
}

/// Somebody whose name and roles change, and what is done to her account by hand after the name was
/// planned, and minutes before the roles are written.
async fn edited_meanwhile(
    act: impl FnOnce(&sharefile_provisioner::sandbox::sharefile::Sharefile, &str) + Send + 'static,
) -> (World, Turned) {
    let world = World::with_everything().await;
    let ada = world.joins("Ada", &[("jobTitle", "CanUseFileBox"), ("department", "Sales")]);
    assert_eq!(world.did().await, (1, 0, 0));
    world.becomes(ada, &[("surname", "King"), ("jobTitle", "CanCreateFolders")]);
    let busy = Fault::new(FaultKind::TooManyRequests).on("PATCH").at("/sf/v3/Users");
    world.sandbox.faults.add(busy.times(1).retry_after("90"));
    let (sharefile, id) = (world.sandbox.sharefile.clone(), world.account("Ada").id);
    world.sandbox.counts.reset();
    let act = Mutex::new(Some(move || act(&sharefile, &id)));
    let turned = world.cycle_by(Arc::new(Meanwhile { clock: world.clock.clone(), act })).await;
    (world, turned)
}

/// As [`edited_meanwhile`], with the roles that somebody gives her.
async fn given_meanwhile(given: &'static [&str]) -> (World, Turned) {
    edited_meanwhile(move |sharefile, id| {
        sharefile.edit_account(id, json!({ "roles": given })).expect("an edit");
    })
    .await
}

/// What the log tells of roles: old and new value, or why not.
async fn told_of_roles(world: &World) -> Vec<String> {
    let entries = world.entries().await.into_iter().filter(|entry| entry.cycle.0 == 2);
    let told = entries.map(|entry| {
        let of_roles = entry.modified.iter().find(|property| property.name == "Roles");
        let values = of_roles.map(|one| format!("{:?} to {:?}", one.old, one.new));
        let failed = entry.error.map(|error| format!("{}: {}", error.code, error.reason));
        [values, failed].into_iter().flatten().collect::<Vec<String>>().join("; ")
    });
    told.filter(|told| !told.is_empty()).collect()
}

#[tokio::test]
async fn roles_are_replaced_by_what_the_account_has_right_before() {
    let (world, turned) = given_meanwhile(&["CanManageUsers"]).await;
    assert_eq!((turned.report.counts.updated, turned.report.counts.failed), (1, 0));
    assert_eq!(roles(&world.account("Ada")), ["CanCreateFolders"]);
    let told = r#"Some("CanManageUsers") to Some("CanCreateFolders")"#;
    assert_eq!(told_of_roles(&world).await, [told]);
    assert_eq!(world.asked("GET /sf/v3/Users("), 2, "for the plan, and before the roles");
}

#[tokio::test]
async fn roles_that_somebody_gave_meanwhile_are_not_written_again() {
    let (world, turned) = given_meanwhile(&["CanCreateFolders"]).await;
    assert_eq!((turned.report.counts.updated, turned.report.counts.failed), (1, 0));
    let patch = r#"PATCH Users(ada) {}"#;
    assert_eq!(world.sent(), [patch, patch], "once refused, and no roles");
    assert_eq!(told_of_roles(&world).await, [""; 0]);
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.sharefile_requests(), 0);
}

#[tokio::test]
async fn whoever_becomes_an_administrator_meanwhile_keeps_the_roles() {
    let (world, _) = given_meanwhile(&["CanUseFileBox", "AdminSSO"]).await;
    assert_eq!(roles(&world.account("Ada")), ["CanUseFileBox", "AdminSSO"]);
    let told = told_of_roles(&world).await;
    assert!(told.len() == 1 && told[0].contains("Protected"), "{told:?}");
    let next = world.cycle().await;
    assert_eq!(held(&next), [(HoldKind::Protected, "ada".to_owned())]);
    assert_eq!(roles(&world.account("Ada")), ["CanUseFileBox", "AdminSSO"]);
}

#[tokio::test]
async fn no_roles_are_written_to_an_account_that_is_gone_or_a_client_by_now() {
    let (world, _) = edited_meanwhile(|sharefile, id| {
        sharefile.edit_account(id, json!({ "kind": "client" })).expect("an edit");
    })
    .await;
    let told = told_of_roles(&world).await.join(" ");
    assert!(told.contains("it is a client by now"), "{told}");
    // She is planned again at once: the rules say employee.
    let ada = world.account("Ada");
    assert_eq!((ada.kind, roles(&ada)), (AccountKind::Employee, vec!["CanCreateFolders"]));

    let (world, _) = edited_meanwhile(|sharefile, id| {
        assert!(sharefile.remove_account(id), "an account");
    })
    .await;
    let sent = world.sent();
    assert!(sent.iter().all(|sent| !sent.starts_with("PUT")), "{sent:?}");
    // The link ends, and she gets another account.
    world.cycle().await;
    assert_eq!(roles(&world.account("Ada")), ["CanCreateFolders"]);
}

#[tokio::test]
async fn nobody_is_read_for_roles_that_the_tenant_does_not_take() {
    let mut world = World::with_everything().await;
    world.sandbox.sharefile.add_policy(NewPolicy {
        name: "Staff".to_owned(),
        category: Category::UserAccess,
        is_default: false,
    });
    let roles = ALL.iter().filter(|(target, _)| *target == "Roles").copied();
    world.set("users.attribute", &with(&roles.collect::<Vec<_>>()));
    let people = ["Ada", "Bob", "Cy"].map(|name| world.joins(name, &[("jobTitle", "")]));
    assert_eq!(world.did().await, (3, 0, 0));
    assert_eq!(world.did().await, (0, 0, 0));
    // A new process does not know the tenant, and it depends on that whether roles are given.
    for id in people {
        world.becomes(id, &[("jobTitle", "CanUseFileBox")]);
    }
    world.sandbox.counts.reset();
    let third = world.cycle().await;
    assert_eq!((third.report.counts.updated, held(&third)), (0, Vec::new()));
    assert_eq!(world.asked("GET /sf/v3/Accounts"), 2, "the tenant and its preferences");
    assert_eq!(world.asked("GET /sf/v3/Users("), 0, "nobody is read");
}

/// A client whom the rules make an employee with the one role that it has as a client, in a tenant
/// that gives new employees others.
async fn becomes_an_employee() -> World {
    let world = World::with_everything().await;
    let mut switches = world.sandbox.sharefile.switches();
    switches.promotion_keeps_roles = false;
    world.sandbox.sharefile.set_switches(switches);
    world.sandbox.sharefile.add_account(NewAccount {
        email: "ada@contoso.example".to_owned(),
        first_name: "Ada".to_owned(),
        last_name: "Tester".to_owned(),
        company: String::new(),
        kind: AccountKind::Client,
        disabled: false,
        roles: vec!["CanChangePassword".to_owned()],
        confirmed: true,
    });
    world.joins("Ada", &[("jobTitle", "CanChangePassword"), ("country", "US")]);
    world
}

#[tokio::test]
async fn what_a_client_may_do_says_nothing_of_what_it_may_do_as_an_employee() {
    let world = becomes_an_employee().await;
    let first = world.cycle().await;
    assert_eq!((first.report.counts.adopted, held(&first)), (1, Vec::new()));
    assert_eq!(roles(&world.account("Ada")), ["CanChangePassword"]);
    let planned = &first.plan.as_ref().expect("a plan").changes[0].modified;
    let of_roles = planned.iter().find(|property| property.name == "Roles").expect("roles");
    assert_eq!(
        (of_roles.old.as_deref(), of_roles.new.as_deref()),
        (None, Some("CanChangePassword"))
    );
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.sharefile_requests(), 0);
}

#[tokio::test]
async fn roles_that_a_new_employee_did_not_get_are_given_later() {
    let world = becomes_an_employee().await;
    world.sandbox.faults.add(Fault::new(FaultKind::Unavailable).on("PUT").at("/Roles"));
    world.cycle().await;
    world.sandbox.faults.clear();
    let common = ["CanChangePassword", "CanManageMySettings"];
    assert_eq!(roles(&world.account("Ada")), common, "promoted, and no more");
    world.cycle().await;
    assert_eq!(roles(&world.account("Ada")), ["CanChangePassword"]);
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.sharefile_requests(), 0);
}

#[tokio::test]
async fn values_that_are_ignored_are_told_once_whatever_endpoint_they_have() {
    let world = World::with_everything().await;
    let ada = world.joins("Ada", &[("department", "Research"), ("country", "US")]);
    assert_eq!(world.did().await, (1, 0, 0));
    let mut switches = world.sandbox.sharefile.switches();
    switches.ignored_members =
        ["StorageQuotaLimitGB", "DefaultZone", "CanResetPassword"].map(str::to_owned).to_vec();
    world.sandbox.sharefile.set_switches(switches);
    world.becomes(ada, &[("department", "Sales"), ("country", "DE"), ("officeLocation", "Europe")]);
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(world.account("Ada").bandwidth, 500, "the rest is taken");
    // The zone is in no answer to a write, so that the account is read once more.
    assert_eq!(world.asked("GET /sf/v3/Users("), 2);
    let told = || async {
        let entries = world.entries().await.into_iter().filter_map(|entry| entry.error);
        let mut told: Vec<String> = entries.map(|error| error.reason).collect();
        told.sort();
        told
    };
    let expected = ["CanResetPassword", "StorageQuotaLimitGB, DefaultZone"]
        .map(|what| format!("ShareFile reported success, but left {what} as it was"));
    assert_eq!(told().await, expected);
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.full().await.report.counts.updated, 0);
    assert_eq!((world.sent(), told().await), (Vec::new(), expected.to_vec()), "once");
}

#[tokio::test]
async fn drift_of_what_lists_do_not_show_is_found_where_the_rules_name_it() {
    let mut world = World::with_everything().await;
    world.set("schedule.full", "never");
    world.joins("Ada", &[("jobTitle", "CanUseFileBox"), ("department", "Sales")]);
    world.cycle().await;
    let id = world.account("Ada").id;
    let patch = json!({ "roles": ["CanCreateFolders"], "storage_quota_gb": 7 });
    world.sandbox.sharefile.edit_account(&id, patch).expect("an edit");
    // The read that follows an initial one, and then a day.
    world.clock.advance(std::time::Duration::from_secs(4_000));
    world.cycle().await;
    world.clock.advance(std::time::Duration::from_secs(86_400));
    world.sandbox.counts.reset();
    assert_eq!(world.cycle().await.report.counts.drift, 0);
    assert_eq!(world.asked("GET /sf/v3/Users("), 0, "no record is read for it");
    world.set("drift", r#"{ attributes = { Roles = "repair", StorageQuotaLimitGB = "report" } }"#);
    world.cycle().await;
    world.clock.advance(std::time::Duration::from_secs(86_400));
    world.cycle().await;
    let drift = world.entries().await;
    let drift: Vec<_> = drift.iter().filter(|one| one.error.is_some()).collect();
    assert_eq!(drift.len(), 1, "{drift:?}");
    let told = &drift[0].modified[0];
    assert_eq!((told.name.as_str(), told.new.as_deref()), ("StorageQuotaLimitGB", Some("7")));
    assert_eq!(roles(&world.account("Ada")), ["CanUseFileBox"]);
    assert_eq!(world.account("Ada").storage_quota_gb, 7);
}

#[tokio::test]
async fn policies_take_the_place_of_roles_quota_and_zone_where_the_tenant_has_them() {
    let mut world = World::with_everything().await;
    let mapped = [&ALL[..], &[("Policies", r#"Split([department], ",")"#)]].concat();
    world.set("users.attribute", &with(&mapped));
    let ada = world.joins("Ada", &[("department", "Staff,Big"), ("officeLocation", "Nowhere")]);
    let first = world.cycle().await;
    assert_eq!(held(&first).len(), 1, "the zone does not exist");
    let note = |turned: &sharefile_provisioner::cycle::Turned| turned.report.notes.join(" ");
    assert!(note(&first).contains("Policies is mapped and not set"), "{}", note(&first));

    let policy = |name: &str, category| {
        let new = NewPolicy { name: name.to_owned(), category, is_default: false };
        world.sandbox.sharefile.add_policy(new).id
    };
    let [staff, big, _] = [
        policy("Staff", Category::UserAccess),
        policy("Big", Category::Storage),
        policy("Guests", Category::UserAccess),
    ];
    world.clock.advance(std::time::Duration::from_secs(1_000));
    world.becomes(ada, &[("jobTitle", "CanUseFileBox")]);
    world.sandbox.counts.reset();
    let second = world.cycle().await;
    assert_eq!(second.report.counts.created, 1, "{:?}", held(&second));
    let told = note(&second);
    assert!(
        told.contains("StorageQuotaLimitGB, DefaultZone, Roles are mapped and not set"),
        "{told}"
    );
    let sent = world.sent();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(
        sent[0]
            .ends_with(r#" {"Preferences":{"CanResetPassword":false,"CanViewMySettings":true}}"#)
    );
    let policies = format!(
        r#"PUT Users(ada)/Policies [{{"Active":true,"Policy":{{"Id":"{big}"}}}},{{"Active":true,"Policy":{{"Id":"{staff}"}}}}]"#
    );
    assert_eq!(sent[1], policies);
    assert_eq!(world.account("Ada").policies, ["Big", "Staff"]);
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.sharefile_requests(), 0);

    world.becomes(ada, &[("department", "Guests")]);
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(world.account("Ada").policies, ["Guests"]);
    // Two of one category is for ShareFile to refuse; the rest goes on.
    world.becomes(ada, &[("department", "Guests,Staff"), ("givenName", "Adele")]);
    let refused = world.cycle().await;
    assert_eq!(refused.report.counts.failed, 1);
    assert_eq!(world.account("Ada").first_name, "Adele");
    world.becomes(ada, &[("department", "Nobody")]);
    assert_eq!(held(&world.cycle().await)[0].0, HoldKind::InvalidValue);
    let test = world.ran(&["test"]).await.text;
    assert!(test.contains("Map Policies instead"), "{test}");
}

#[tokio::test]
async fn an_expression_says_who_is_disabled() {
    let mut world = World::empty().await;
    let active = r#"Switch([department], , "Leave", "False", "Work", "true", "Odd", "perhaps")"#;
    world.set("users.attribute", &with(&[("Active", active)]));
    let [ada, bob, cy, _] = ["Ada", "Bob", "Cy", "Dee"].map(|name| world.join(name));
    world.becomes(bob, &[("department", "Leave")]);
    world.becomes(cy, &[("department", "Odd")]);
    let first = world.cycle().await;
    assert_eq!(first.report.counts.created, 2, "neither Bob nor Cy");
    assert_eq!(held(&first), [(HoldKind::InvalidValue, "cy".to_owned())]);
    let shown = world.ran(&["holds"]).await.text;
    assert!(shown.contains("Active: the value is `perhaps`"), "{shown}");

    world.becomes(ada, &[("department", "Leave")]);
    world.becomes(bob, &[("department", "Work")]);
    assert_eq!(world.did().await, (1, 0, 1));
    assert!(world.account("Ada").disabled);
    let entries = world.entries().await;
    let reasons = &entries.iter().find(|one| one.label.starts_with("ada")).expect("Ada").reasons;
    assert!(reasons.iter().any(|why| why.contains("`Active = Switch(")), "{reasons:?}");
    // Nobody else's doing: this job enables it again. One that is disabled in Entra ID stays out.
    world.becomes(ada, &[("department", "Work")]);
    world.sandbox.entra.set_person(bob, "accountEnabled", false).expect("an edit");
    assert_eq!(world.did().await, (0, 1, 1));
    assert!(!world.account("Ada").disabled && world.account("Bob").disabled);
    // Who was disabled by hand stays so, whatever the expression says.
    let id = world.account("Ada").id;
    world.sandbox.sharefile.edit_account(&id, json!({ "disabled": true })).expect("an edit");
    world.becomes(ada, &[("department", "Work"), ("surname", "King")]);
    world.full().await;
    assert!(world.account("Ada").disabled);
}

#[tokio::test]
async fn a_value_that_is_redacted_reaches_sharefile_and_nobody_else() {
    let mut world = World::empty().await;
    world.set("users.attribute", &with(&[("Company", "Redact(Append([companyName], \"-c0de\"))")]));
    world.set("drift.users", "report");
    let [ada, bob] = ["Ada", "Bob"].map(|name| world.join(name));
    let entra = &world.sandbox.entra;
    entra.set_person(ada, "companyName", "s3cret").expect("an edit");
    entra.set_person(bob, "companyName", "s3cret".repeat(10)).expect("an edit");
    let mut shown = world.ran(&["plan"]).await.text;
    assert!(shown.contains("Company") && shown.contains("[Redact]"), "{shown}");
    shown += &world.ran(&["plan", "--json"]).await.text;
    assert_eq!(world.did().await, (1, 0, 0), "Bob's is too long");
    assert_eq!(world.account("Ada").company, "s3cret-c0de");
    entra.set_person(ada, "companyName", "s3cret2").expect("an edit");
    shown += &world.ran(&["plan"]).await.text;
    assert_eq!(world.did().await, (0, 1, 0));
    let id = world.account("Ada").id;
    world.sandbox.sharefile.edit_account(&id, json!({ "company": "s3cret3" })).expect("an edit");
    world.full().await;
    for arguments in [&["log"][..], &["log", "--json"], &["holds"], &["status"], &["check"]] {
        shown += &world.ran(arguments).await.text;
    }
    assert!(shown.contains("Company has 65 characters where ShareFile takes 50"), "{shown}");
    shown += &format!("{:?}", world.entries().await);
    assert!(!shown.contains("s3cret") && !shown.contains("c0de"), "{shown}");
    assert!(shown.contains("[Redact]"), "{shown}");
}

#[tokio::test]
async fn a_first_day_comes_without_any_change_at_the_source() {
    let mut world = World::empty().await;
    let active = r#"Switch([accountEnabled], , "True", IIF(DateDiff("d", Now(), CDate([employeeHireDate])) > 0, "False", "True"), "False", "False")"#;
    let company = r#"IIF(CDate([employeeHireDate]) > Now(), "Soon", "Contoso")"#;
    world.set("users.attribute", &with(&[("Active", active), ("Company", company)]));
    const DAY: i64 = 86_400_000;
    let hour = Duration::from_secs(3_600);
    let day = |days: i64| json!(world.clock.now().plus_ms(days * DAY).to_string());
    let [ada, bob] = ["Ada", "Bob"].map(|name| world.join(name));
    let entra = &world.sandbox.entra;
    // The midnight behind the read that follows an initial one; none comes between.
    let first = Timestamp((world.clock.now().plus_ms(DAY / 12).0 / DAY + 1) * DAY);
    entra.set_person(ada, "employeeHireDate", json!(first.to_string())).expect("an edit");
    entra.set_person(bob, "employeeHireDate", day(-100)).expect("an edit");
    assert_eq!(world.did().await, (1, 0, 0), "Bob alone");
    assert_eq!(world.account("Bob").company, "Contoso");
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.sharefile_requests(), 0, "nobody is looked at for nothing");
    world.clock.advance(2 * hour);
    assert_eq!(world.did().await, (0, 0, 0));
    let left = u64::try_from(first.0 - world.clock.now().0).expect("in the future");
    world.clock.advance(Duration::from_millis(left - 1));
    assert_eq!(world.did().await, (0, 0, 0));
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.did().await, (1, 0, 0), "the day has come");
    assert!(!world.account("Ada").disabled);
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.sharefile_requests(), 0);
    // A day that is put off disables, and its coming enables again.
    entra.set_person(ada, "employeeHireDate", day(2)).expect("an edit");
    assert_eq!(world.did().await, (0, 0, 1));
    world.clock.advance(24 * hour);
    assert_eq!(world.did().await, (0, 0, 0));
    world.clock.advance(48 * hour);
    assert_eq!(world.did().await, (0, 1, 0));
    assert!(!world.account("Ada").disabled);
}

#[tokio::test]
async fn a_clock_that_is_wrong_hires_nobody() {
    let mut world = World::empty().await;
    let active = r#"IIF(DateDiff("d", Now(), CDate([employeeHireDate])) > 0, "False", "True")"#;
    let company = r#"IIF(CDate([employeeLeaveDateTime]) > Now(), "Contoso", "Gone")"#;
    world.set("users.attribute", &with(&[("Active", active), ("Company", company)]));
    world.set("schedule.full", "never");
    const DAY: i64 = 86_400_000;
    let day = |days: i64| json!(world.clock.now().plus_ms(days * DAY).to_string());
    let entra = &world.sandbox.entra;
    let people = [("Ada", 10, 90), ("Bob", -10, 90), ("Cy", -10, 20), ("Dee", -9, 90)];
    let mut dee = None;
    for (name, hired, leaves) in people {
        let id = world.join(name);
        dee = Some(id);
        entra.set_person(id, "employeeHireDate", day(hired)).expect("an edit");
        entra.set_person(id, "employeeLeaveDateTime", day(leaves)).expect("an edit");
    }
    assert_eq!(world.did().await, (3, 0, 0), "all but Ada");
    assert_eq!(world.did().await, (0, 0, 0));
    // This host's clock is a month ahead of the source's.
    let ahead = Arc::new(JumpClock::new(world.clock.now().plus_ms(30 * DAY)));
    world.unassign(dee.expect("the last one"));
    let turned = world.cycle_by(ahead).await;
    let undecided = HoldKind::FilterUndecided;
    assert_eq!(held(&turned), [(undecided, "ada".to_owned()), (undecided, "cy".to_owned())]);
    assert_eq!(turned.report.counts.disabled, 1, "whoever leaves goes");
    assert_eq!(world.account("Cy").company, "Contoso");
    // Once it is right again nothing is left of it, and the days come as they would have.
    assert_eq!(held(&world.cycle().await), []);
    assert_eq!(world.did().await, (0, 0, 0));
    world.clock.advance(Duration::from_secs(10 * 86_400));
    assert_eq!(world.did().await, (1, 0, 0), "Ada's first day");
    world.clock.advance(Duration::from_secs(11 * 86_400));
    assert_eq!(world.did().await, (0, 1, 0));
    assert_eq!(world.account("Cy").company, "Gone");
}

#[tokio::test]
async fn whoever_waits_for_a_day_to_join_joins_when_it_has_come() {
    let mut world = World::empty().await;
    let name = r#"{ target = "LastName", source = 'IIF(CDate([employeeHireDate]) > Now(), "", [surname])', apply = "on_create" }"#;
    let names = with(&[]).replace("{ target = \"LastName\", source = '[surname]' }", name);
    world.set("users.attribute", &names);
    world.set("schedule.full", "never");
    let ada = world.join("Ada");
    // The midnight behind the read that follows an initial one; none comes between.
    const DAY: i64 = 86_400_000;
    let day = Timestamp((world.clock.now().plus_ms(DAY / 12).0 / DAY + 1) * DAY);
    let hired = json!(day.to_string());
    world.sandbox.entra.set_person(ada, "employeeHireDate", hired).expect("an edit");
    assert_eq!(held(&world.cycle().await), [(HoldKind::MissingValues, "ada".to_owned())]);
    let ahead = Arc::new(JumpClock::new(world.clock.now().plus_ms(30 * DAY)));
    let undecided = HoldKind::FilterUndecided;
    assert_eq!(held(&world.cycle_by(ahead).await), [(undecided, "ada".to_owned())]);
    world.clock.advance(Duration::from_secs(2 * 3_600));
    world.cycle().await;
    world.cycle().await;
    let left = u64::try_from(day.0 - world.clock.now().0).expect("in the future");
    world.clock.advance(Duration::from_millis(left - 1));
    assert_eq!(world.did().await, (0, 0, 0));
    world.clock.advance(Duration::from_millis(2));
    assert_eq!(world.did().await, (1, 0, 0));
    world.sandbox.counts.reset();
    assert_eq!(world.did().await, (0, 0, 0));
    assert_eq!(world.sharefile_requests(), 0);
}

#[tokio::test]
async fn new_rules_of_who_is_active_wait_like_all_others() {
    let mut world = World::empty().await;
    for n in 0..12 {
        world.join(&format!("P{n}"));
    }
    world.cycle().await;
    world.set("users.attribute", &with(&[("Active", "\"False\"")]));
    let turned = world.cycle().await;
    assert_eq!(turned.report.counts.disabled, 0, "{:?}", held(&turned));
    assert!(world.all_accounts().iter().all(|account| !account.disabled));
}
