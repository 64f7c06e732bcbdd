//! Every setting of every switch of both emulators, each with a short history: people join, change,
//! leave and return, and everything is read anew. In the end both sides agree, except where the
//! table says that the setting makes it impossible.
//!
//! The settings are found in the switches themselves: the other value of each boolean, and every
//! other variant of each enumeration. What to try of numbers, lists and what may be absent is said
//! here; a switch of which nothing is said fails the walk.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sharefile_provisioner::cycle::Asked;
use sharefile_provisioner::model::outcome::{CycleState, ErrorCategory};
use sharefile_provisioner::model::plan::HoldKind;
use sharefile_provisioner::sandbox::graph::switches::Switches as GraphSwitches;
use sharefile_provisioner::sandbox::graph::views::NewPerson;
use sharefile_provisioner::sandbox::sharefile::switches::Switches as SharefileSwitches;
use sharefile_provisioner::sandbox::sharefile::{AccountKind, NewAccount};
use sharefile_provisioner::store::{HoldState, Store};
use uuid::Uuid;

use crate::history::truth::{Hand, Truth, Verdict};
use crate::history::ways::Ways;
use crate::world::{World, asked};

/// What is tried of the switches of Graph that are neither boolean nor enumeration.
fn graph_values(switch: &str) -> Option<Value> {
    Some(match switch {
        "delta_page_size" | "delta_members_per_page" => json!([1, 2]),
        // Dead on arrival, within a cycle, and between two.
        "delta_token_secs" => json!([1, 60, 1_300]),
        "access_token_secs" => json!([1, 60, 1_300, 86_400]),
        "recycle_bin_days" => json!([1, 90]),
        "resource_units" => json!([50]),
        "notification_delay_secs" => json!([60]),
        "subscription_quota" => json!([1]),
        // Within a cycle, and from one to the next.
        "delta_lag_secs" | "index_lag_secs" | "assignment_lag_secs" => json!([60, 1_300]),
        _ => return None,
    })
}

/// What is tried of the switches of ShareFile that are neither boolean nor enumeration.
fn sharefile_values(switch: &str) -> Option<Value> {
    Some(match switch {
        // Without name or address nobody could be created at all.
        "ignored_members" => json!([["Company"], ["Security"]]),
        "page_size" => json!([1, 3]),
        "access_token_secs" => json!([1, 60, 1_300]),
        "invalid_grant_status" => json!([401, 403]),
        "licence_status" => json!([400, 409]),
        "rule_status" => json!([403, 409]),
        "group_limit" => json!([1]),
        "group_limit_status" => json!([403, 409]),
        "contacts_per_request" => json!([1, 100]),
        "report_secs" => json!([0]),
        "requests_per_minute" => json!([5, 50]),
        "throttle_status" => json!([403, 503]),
        _ => return None,
    })
}

/// What is set besides, so that a setting can show.
fn besides(switch: &str) -> Value {
    match switch {
        "delta_pages_twice" | "delta_unordered" | "delta_replays" => json!({"delta_page_size": 2}),
        "retry_after" => json!({"resource_units": 50}),
        "lower_case_next_link" | "count_is_of_page" | "top_and_skip" => json!({"page_size": 2}),
        "throttle_hint" => json!({"requests_per_minute": 15}),
        // Without a hint nobody waits as long as a minute: the cycle fails, and the next one goes on.
        "requests_per_minute" => json!({"throttle_hint": "seconds"}),
        "throttle_status" => json!({"requests_per_minute": 15, "throttle_hint": "seconds"}),
        _ => json!({}),
    }
}

/// What a setting makes impossible.
#[derive(Clone, Copy, Debug)]
enum Impossible {
    /// Nothing.
    Nothing,
    /// Every cycle fails for lack of rights, and nothing is written.
    Everything,
    /// What is wrong in the end, each with one of these words; everything else agrees.
    Only(&'static [&'static str]),
}

/// What the settings of ShareFile make impossible.
fn impossible(switch: &str, value: &Value) -> Impossible {
    match (switch, value) {
        // The API key cannot manage anybody, and says so in its token.
        ("key_admin_users", _) => Impossible::Everything,
        // Ivy's address is a further one of an account, which neither list nor look-up shows: what
        // would be made for her is refused as taken, in every cycle.
        ("secondary_address_found", _) => {
            Impossible::Only(&["ivy has no account", "the plan is not empty"])
        }
        // The description knows no such spelling.
        ("lower_case_next_link", _) => Impossible::Only(&["odata.nextlink"]),
        ("numeric_codes", _) => Impossible::Only(&["not as described"]),
        // The old address counts until somebody follows the link in a mail that ShareFile sends.
        ("address_change_waits", _) => Impossible::Only(&["got mail"]),
        // A member that ShareFile ignores is reported once, and not sent again.
        ("ignored_members", value) => match value[0].as_str() {
            Some("Company") => Impossible::Only(&["Company is"]),
            _ => Impossible::Only(&["is not disabled", "EnabledElsewhere"]),
        },
        _ => Impossible::Nothing,
    }
}

/// Returns every setting but the default of every switch.
fn settings<S>(values: fn(&str) -> Option<Value>) -> Vec<(String, Value, S)>
where
    S: Default + Serialize + DeserializeOwned,
{
    let Value::Object(defaults) = serde_json::to_value(S::default()).expect("switches as JSON")
    else {
        panic!("switches are no object");
    };
    let with = |name: &str, value: &Value| {
        let mut switches = defaults.clone();
        let besides = besides(name);
        let besides = besides.as_object().into_iter().flatten();
        switches.extend(besides.map(|(name, value)| (name.clone(), value.clone())));
        switches.insert(name.to_owned(), value.clone());
        serde_json::from_value::<S>(Value::Object(switches))
    };
    let mut found = Vec::new();
    for (name, default) in &defaults {
        let tried = match (values(name), default) {
            (Some(Value::Array(said)), _) => said,
            (None, Value::Bool(on)) => vec![Value::Bool(!on)],
            (None, Value::String(_)) => {
                let refused = with(name, &json!("no such variant")).err();
                let refused = refused.unwrap_or_else(|| panic!("{name} takes any text: {SAY}"));
                variants(&refused.to_string())
            }
            _ => panic!("{name}: {SAY}"),
        };
        let tried: Vec<Value> = tried.into_iter().filter(|value| value != default).collect();
        assert!(!tried.is_empty(), "{name} has one setting only");
        for value in tried {
            let switches = with(name, &value).unwrap_or_else(|why| panic!("{name}: {why}"));
            found.push((name.clone(), value, switches));
        }
    }
    found
}

const SAY: &str = "say what to try of it in tests/it/switches.rs";

/// Returns the variants that serde names when it refuses one.
fn variants(refused: &str) -> Vec<Value> {
    let (_, expected) = refused.split_once("expected ").unwrap_or_else(|| panic!("{refused}"));
    let quoted = expected.split('`').skip(1).step_by(2);
    quoted.map(|variant| Value::from(variant.to_owned())).collect()
}

#[test]
fn variants_are_those_that_serde_knows() {
    let names = |found: Vec<(String, Value, GraphSwitches)>, name: &str| -> Vec<String> {
        let of = found.into_iter().filter(|(switch, ..)| switch == name);
        of.map(|(_, value, _)| value.as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(settings(graph_values), "expired_delta"), ["gone_with_location", "gone"]);
    assert_eq!(names(settings(graph_values), "large_top"), ["clamp"]);
}

#[tokio::test]
async fn the_client_stands_every_setting_of_graph() {
    let mut problems = Vec::new();
    for (switch, value, graph) in settings::<GraphSwitches>(graph_values) {
        // What one cycle does not see yet the next one does.
        // A row that vanished from a list without a count is believed by the next cycle only.
        let lags = switch.ends_with("_lag_secs") || switch == "assignments_counted";
        let wrong = Walk::take(Ways { graph, ..Ways::plain() }, lags).await;
        problems.extend(unexpected(&switch, &value, Impossible::Nothing, wrong));
    }
    assert_eq!(problems, [""; 0]);
}

#[tokio::test]
async fn the_client_stands_every_setting_of_sharefile() {
    let mut problems = Vec::new();
    for (switch, value, sharefile) in settings::<SharefileSwitches>(sharefile_values) {
        let ways = Ways { sharefile, ..Ways::plain() };
        let impossible = impossible(&switch, &value);
        match impossible {
            Impossible::Everything => refused(&switch, ways).await,
            _ => {
                let wrong = Walk::take(ways, false).await;
                problems.extend(unexpected(&switch, &value, impossible, wrong));
            }
        }
    }
    assert_eq!(problems, [""; 0]);
}

/// Returns what is wrong although it is possible, and what the table calls impossible in vain.
fn unexpected(
    switch: &str,
    value: &Value,
    impossible: Impossible,
    wrong: Vec<String>,
) -> Vec<String> {
    let words = match impossible {
        Impossible::Only(words) => words,
        _ => &[],
    };
    let excused = |one: &String| words.iter().any(|word| one.contains(word));
    let mut problems: Vec<String> = wrong.iter().filter(|one| !excused(one)).cloned().collect();
    for word in words {
        if !wrong.iter().any(|one| one.contains(word)) {
            problems.push(format!("`{word}` is possible after all"));
        }
    }
    problems.into_iter().map(|problem| format!("{switch} = {value}: {problem}")).collect()
}

/// The service refuses the job as a whole: that is said, and nothing is written.
async fn refused(switch: &str, ways: Ways) {
    let walk = Walk::begin(ways, false).await;
    walk.found();
    let turned = walk.world.turn(asked()).await;
    let error = turned.report.error.unwrap_or_else(|| panic!("{switch}: no error"));
    assert_eq!(error.category, ErrorCategory::Auth, "{switch}: {error:?}");
    assert_eq!(walk.world.writes(), [], "{switch}");
}

/// Who leaves at some time.
const LEAVERS: [&str; 4] = ["bob", "cyd", "dan", "eve"];

/// A short history.
struct Walk {
    world: World,
    ways: Ways,
    /// What is read is not of now.
    lags: bool,
}

impl Walk {
    /// Goes the whole way and returns what is wrong.
    async fn take(ways: Ways, lags: bool) -> Vec<String> {
        let walk = Self::begin(ways, lags).await;
        let mut wrong = Vec::new();
        walk.found();
        walk.cycle("those who join", false, &[], &mut wrong).await;
        walk.change();
        walk.cycle("those who leave", false, &["cyd", "dan", "eve"], &mut wrong).await;
        walk.come_back();
        walk.cycle("those who return", false, &[], &mut wrong).await;
        walk.unassign("Bob");
        walk.cycle("everybody", true, &["bob"], &mut wrong).await;
        walk.cycle("what was late", false, &[], &mut wrong).await;
        walk.cycle("nobody", true, &[], &mut wrong).await;
        walk.judge(&mut wrong).await;
        wrong
    }

    async fn begin(ways: Ways, lags: bool) -> Self {
        let world = ways.world(1).await;
        Self { world, ways, lags }
    }

    /// Some directly assigned, some through a group, a guest, and one who has an account already.
    fn found(&self) {
        let world = &self.world;
        for name in ["Ada", "Bob", "Cyd", "Fay"] {
            world.join(name);
        }
        let members: Vec<Uuid> = ["Dan", "Eve", "Kim"].map(|name| world.person(name)).to_vec();
        world.group("Staff", &members);
        let guest = NewPerson::named("Gus", "Visitor", "gus@contoso.example");
        let guest = guest.with("userType", "Guest").with("companyName", "Fabrikam");
        let guest = world.sandbox.entra.add_person(guest).expect("a person");
        world.assign(guest, "Client");
        self.account("Fay", "fay@contoso.example", &[]);
    }

    /// Names, an address and a company change; three leave, each in another way; somebody joins.
    fn change(&self) {
        let entra = &self.world.sandbox.entra;
        self.set("Ada", "surname", json!("King  Noel"));
        self.set("Bob", "mail", json!("robert@contoso.example"));
        self.set("Gus", "companyName", Value::Null);
        self.set("Kim", "companyName", json!("Contoso"));
        self.unassign("Cyd");
        entra.soft_delete_person(self.id("Dan")).expect("a person");
        entra.set_enabled(self.id("Eve"), false).expect("a person");
        self.world.join("Hal");
    }

    /// All who left come back, and somebody joins whose address an account has besides its own.
    fn come_back(&self) {
        let entra = &self.world.sandbox.entra;
        self.world.assign(self.id("Cyd"), "User");
        entra.restore_person(self.id("Dan")).expect("a person in the bin");
        entra.set_enabled(self.id("Eve"), true).expect("a person");
        self.set("Ada", "surname", json!("Byron"));
        self.account("Ivy", "old@contoso.example", &["ivy@contoso.example"]);
        self.world.join("Ivy");
    }

    fn account(&self, name: &str, address: &str, others: &[&str]) {
        let id = self.world.sandbox.sharefile.add_account(NewAccount {
            email: address.to_owned(),
            first_name: name.to_owned(),
            last_name: "By hand".to_owned(),
            company: String::new(),
            kind: AccountKind::Employee,
            disabled: false,
            roles: Vec::new(),
            confirmed: true,
        });
        if !others.is_empty() {
            let patch = json!({ "other_addresses": others });
            self.world.sandbox.sharefile.edit_account(&id, patch).expect("an edit");
        }
    }

    fn id(&self, name: &str) -> Uuid {
        let people = self.world.sandbox.entra.people();
        let known = |person: &&_| named(person) == name.to_lowercase();
        people.iter().find(known).unwrap_or_else(|| panic!("no {name}")).id
    }

    fn set(&self, name: &str, property: &str, value: Value) {
        let patch = Map::from_iter([(property.to_owned(), value)]);
        self.world.sandbox.entra.edit_person(self.id(name), &patch).expect("an edit");
    }

    fn unassign(&self, name: &str) {
        self.world.unassign(self.id(name));
    }

    /// One cycle, which must end, and removes whom it must and nobody else.
    async fn cycle(&self, about: &str, full: bool, leavers: &[&str], wrong: &mut Vec<String>) {
        let world = &self.world;
        world.clock.advance(Duration::from_secs(20 * 60));
        world.sandbox.counts.reset();
        let turned = world.turn(Asked { full, ..asked() }).await;
        if turned.report.state != CycleState::Complete {
            wrong.push(format!("the cycle about {about} failed: {:?}", turned.report.error));
        }
        let store = Store::read_only(&world.job().store).expect("the store");
        let links = store.links().await.expect("links");
        let mut removed = BTreeSet::new();
        for write in world.removals().iter().filter(|write| write.status < 300) {
            let of = |id: &str| write.path.to_lowercase().contains(&id.to_lowercase());
            let link = links.iter().find(|link| of(link.target_id.as_str()));
            removed.insert(link.map_or(write.path.clone(), |link| self.name(link.anchor.0)));
        }
        let wanted: BTreeSet<String> = leavers.iter().map(|name| (*name).to_owned()).collect();
        let late = |name: &String| LEAVERS.contains(&name.as_str());
        let right = if self.lags { removed.iter().all(late) } else { removed == wanted };
        if !right {
            wrong.push(format!("in the cycle about {about} {removed:?} were removed"));
        }
        if let Some(mail) = world.sandbox.sharefile.mails().first() {
            wrong.push(format!("{} got mail: {}", mail.to, mail.occasion));
        }
    }

    fn name(&self, anchor: Uuid) -> String {
        let person = self.world.sandbox.entra.person(&anchor.to_string());
        person.map_or_else(|| anchor.to_string(), |person| named(&person))
    }

    /// Compares both ends, and what waits with what has to.
    async fn judge(&self, wrong: &mut Vec<String>) {
        let store = Store::read_only(&self.world.job().store).expect("the store");
        let links = store.links().await.expect("links");
        let truth = Truth::of(&self.world.sandbox, &self.ways);
        let Verdict { held, wrong: found, .. } =
            truth.verdict(&links, &self.ways, &Hand::default());
        let mut names: Vec<(String, String)> = Vec::new();
        for person in self.world.sandbox.entra.people() {
            names.push((person.id.to_string(), named(&person)));
        }
        let told = |mut text: String| {
            names.iter().for_each(|(id, name)| text = text.replace(id, name));
            text.replace(" (account ", " has no account (").to_owned()
        };
        wrong.extend(found.into_iter().map(told));
        let holds = store.holds().await.expect("holds").into_iter();
        let waiting: BTreeSet<(HoldKind, Uuid)> = holds
            .filter(|hold| hold.state == HoldState::Open)
            .flat_map(|hold| {
                let kind = hold.kind;
                hold.items.into_iter().map(move |item| (kind, item.anchor.0)).collect::<Vec<_>>()
            })
            .collect();
        for (kind, person) in held.symmetric_difference(&waiting) {
            let is = if waiting.contains(&(*kind, *person)) { "held" } else { "not held" };
            wrong.push(format!("{} is {is} as {}", self.name(*person), kind.name()));
        }
        if !store.open_intents().await.expect("intents").is_empty() {
            wrong.push("intents are open".to_owned());
        }
        for violation in self.world.court.dismiss() {
            wrong.push(format!("not as described: {violation}"));
        }
        let turned = self.world.plan().await;
        self.world.court.dismiss();
        let Some(plan) = turned.plan else {
            return wrong.push(format!("there is no plan: {:?}", turned.report.error));
        };
        if !plan.changes.is_empty() {
            let labels: Vec<&String> = plan.changes.iter().map(|change| &change.label).collect();
            wrong.push(format!("the plan is not empty: {labels:?}"));
        }
    }
}

/// Returns the given name of somebody, in lower case.
fn named(person: &sharefile_provisioner::sandbox::graph::views::PersonView) -> String {
    person.text("givenName").unwrap_or_default().to_lowercase()
}
