//! The stage of the fault table: a small company behind a wire, scenes that are played on it, and
//! every kind of request that is made in them.

use serde_json::json;
use sharefile_provisioner::cli::Exit;
use sharefile_provisioner::cycle::{Asked, Turned};
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::model::plan::CycleKind;
use sharefile_provisioner::sandbox::SandboxOptions;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::views::NewPerson;
use uuid::Uuid;

use super::wire::{Trouble, Wire};
use crate::world::{World, asked};

/// What happens in a cycle that something goes wrong in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Ada gets another name.
    Rename,
    /// Somebody joins.
    Join,
    /// A guest joins.
    Guest,
    /// Bob leaves.
    Leave,
    /// Bob comes back.
    Return,
    /// Ada gets another name, and everything is read.
    Full,
    /// The same, and the first list of members is cut short, so that it is read by itself.
    Page,
}

impl Scene {
    pub const ALL: [Self; 7] =
        [Self::Rename, Self::Join, Self::Guest, Self::Leave, Self::Return, Self::Full, Self::Page];
}

/// A kind of request.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    pub name: &'static str,
    pub scene: Scene,
    /// What it is on the wire: its label, and how many of the same come before it.
    pub label: &'static str,
    pub nth: u32,
    /// A part of its label in the sandbox.
    pub endpoint: &'static str,
    /// It travels inside a `$batch`.
    pub inner: bool,
    /// It is made while another one is on its way.
    pub beside: bool,
}

const TOKEN: &str = "POST /id/oauth2/v2.0/token";
const BATCH: &str = "POST /v1.0/$batch";
const PATCH: &str = "PATCH /sf/v3/Users(id)";

/// Every kind of request that the client makes, in the order of the table.
pub const ASKS: [Ask; 29] = [
    ask("Entra token", Scene::Rename, TOKEN, 0, "/oauth2/"),
    ask("application", Scene::Full, "GET /v1.0/servicePrincipals", 0, "servicePrincipals"),
    ask("assignments", Scene::Rename, ASSIGNMENTS, 0, "appRoleAssignedTo"),
    ask("users/delta", Scene::Rename, "GET /v1.0/users/delta", 0, "users/delta"),
    beside(ask("groups/delta", Scene::Rename, "GET /v1.0/groups/delta", 0, "groups/delta")),
    ask("users/delta from now", Scene::Full, "GET /v1.0/users/delta latest", 0, "users/delta"),
    beside(ask("groups/delta from now", Scene::Full, GROUPS_FROM_NOW, 0, "groups/delta")),
    ask("$batch of newcomers", Scene::Join, BATCH, 0, BATCH),
    ask("$batch of members", Scene::Full, BATCH, 0, BATCH),
    ask("$batch of people", Scene::Full, BATCH, 1, BATCH),
    ask("$batch of the missing", Scene::Full, BATCH, 3, BATCH),
    ask("page of members", Scene::Page, MEMBERS, 0, "GET /v1.0/groups/{id}/members"),
    inner("members in a $batch", 0, "$batch GET /v1.0/groups/{id}/members"),
    inner("people in a $batch", 1, "$batch GET /v1.0/users"),
    inner("recycle bin in a $batch", 3, "$batch GET /v1.0/directory/deletedItems"),
    ask("ShareFile token", Scene::Rename, "POST /oauth/token", 0, "/oauth/token"),
    ask("service user", Scene::Rename, "GET /sf/v3/Users", 0, "GET /sf/v3/Users"),
    ask("account", Scene::Rename, "GET /sf/v3/Accounts", 0, "GET /sf/v3/Accounts"),
    ask("preferences", Scene::Rename, "GET /sf/v3/Accounts/Preferences", 0, "/Preferences"),
    ask("Super User Group", Scene::Rename, "GET /sf/v3/Groups(id)/Contacts", 0, "/Contacts"),
    ask("list of employees", Scene::Full, "GET /sf/v3/Accounts/Employees", 0, "/Employees"),
    ask("list of clients", Scene::Full, "GET /sf/v3/Accounts/Clients", 0, "/Clients"),
    ask("account by id", Scene::Return, "GET /sf/v3/Users(id)", 0, "GET /sf/v3/Users(id)"),
    // The service user is read by the same endpoint, right before.
    ask("account by address", Scene::Join, BY_ADDRESS, 0, "GET /sf/v3/Users"),
    ask("create employee", Scene::Join, "POST /sf/v3/Users/AccountUser", 0, "/AccountUser"),
    ask("create client", Scene::Guest, "POST /sf/v3/Users", 0, "POST /sf/v3/Users"),
    ask("update", Scene::Rename, PATCH, 0, PATCH),
    ask("disable", Scene::Leave, PATCH, 0, PATCH),
    ask("enable", Scene::Return, PATCH, 0, PATCH),
];

const ASSIGNMENTS: &str = "GET /v1.0/servicePrincipals/id/appRoleAssignedTo";
const MEMBERS: &str = "GET /v1.0/groups/id/members/microsoft.graph.user";
const GROUPS_FROM_NOW: &str = "GET /v1.0/groups/delta latest";
const BY_ADDRESS: &str = "GET /sf/v3/Users emailaddress";

const fn ask(
    name: &'static str,
    scene: Scene,
    label: &'static str,
    nth: u32,
    endpoint: &'static str,
) -> Ask {
    Ask { name, scene, label, nth, endpoint, inner: false, beside: false }
}

const fn inner(name: &'static str, nth: u32, endpoint: &'static str) -> Ask {
    Ask { inner: true, ..ask(name, Scene::Full, BATCH, nth, endpoint) }
}

const fn beside(ask: Ask) -> Ask {
    Ask { beside: true, ..ask }
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Wrong {
    /// On the wire.
    Wire(Trouble),
    /// In the sandbox.
    Sandbox(Box<Fault>),
    /// Nobody listens any more, from this request on.
    Refused,
}

/// Often enough to have no end.
const ALWAYS: u32 = 1_000_000;

/// A company of six, their accounts, and the wire to both.
pub struct Stage {
    pub world: World,
    pub wire: Wire,
    bob: Uuid,
    ada: Uuid,
    number: u32,
    /// The labels of a cycle in which nothing goes wrong, by scene.
    clean: Vec<(Scene, Vec<String>)>,
}

impl Stage {
    /// Sets the stage for some scenes, with further lines of configuration.
    pub async fn set(scenes: &[Scene], config: &str) -> Self {
        let mut world = World::light(SandboxOptions {
            users: 0,
            groups: 0,
            existing_accounts: false,
            ..SandboxOptions::default()
        })
        .await;
        let credentials = world.sandbox.credentials();
        let graph =
            credentials.graph_url.trim_start_matches("http://").parse().expect("an address");
        let (_, port) = credentials.sharefile_domain.rsplit_once(':').expect("a port");
        let sharefile = ([127, 0, 0, 1], port.parse().expect("a port")).into();
        let wire = Wire::to(graph, sharefile).await;
        for key in ["entra.cloud.login", "entra.cloud.graph"] {
            world.set(key, &format!("http://{}", wire.address));
        }
        world.set("sharefile.domain", &format!("localhost:{}", wire.address.port()));
        world.set("sharefile.in_flight", "1");
        let folder = world.folder.path().join("config.d");
        std::fs::create_dir(&folder).expect("a folder");
        // The guard must not hide what a cycle would do.
        let guard = "[guard]\nremovals_per_cycle = { count = 1000, percent = 100 }\n\
                     removals_per_day = { count = 1000, percent = 100 }\n";
        std::fs::write(folder.join("stage.toml"), format!("{guard}{config}")).expect("a file");
        let (ada, bob) = (world.join("Ada"), world.join("Bob"));
        let (cyd, dan, eve) = (world.person("Cyd"), world.person("Dan"), world.join("Eve"));
        world.group("Staff", &[cyd, dan]);
        world.cycle().await;
        // Linked, in the recycle bin, and no longer in any list.
        world.sandbox.entra.soft_delete_person(eve).expect("a person");
        world.cycle().await;
        let mut stage = Self { world, wire, ada, bob, number: 0, clean: Vec::new() };
        for &scene in scenes {
            stage.prepare(scene).await;
            let turned = stage.play(scene).await;
            let labels = stage.wire.labels();
            assert_eq!(turned.report.state, CycleState::Complete, "{scene:?}: {turned:?}");
            stage.clean.push((scene, labels));
            stage.settle(scene, "a clean cycle", true, false).await;
        }
        stage
    }

    /// Plays the scene of a request with something wrong; returns what came of it, or `None` if
    /// what is wrong never befalls such a request.
    ///
    /// Afterwards a clean cycle has converged: nobody was removed who did not leave, and nothing
    /// was written twice.
    pub async fn suffer(&mut self, ask: &Ask, wrong: &Wrong, times: Option<u32>) -> Option<String> {
        if ask.beside && matches!(wrong, Wrong::Refused) {
            return None;
        }
        self.prepare(ask.scene).await;
        self.strike(ask, wrong, times).await;
        let turned = self.play(ask.scene).await;
        let labels = self.wire.labels();
        let left = self.world.sandbox.faults.list();
        self.world.sandbox.faults.clear();
        self.wire.heal().await;
        let what = format!("{wrong:?} {times:?} at {}", ask.name);
        // A web page in the place of an answer shows as an answer in the log of writes.
        let veiled = matches!(wrong, Wrong::Sandbox(fault) if fault.kind == FaultKind::Html);
        // A change feed that loses a row cannot be told from one that has nothing to say: what was
        // missed is found when everything is read.
        let missed = matches!(wrong, Wrong::Sandbox(fault) if fault.kind == FaultKind::LostRows);
        self.settle(ask.scene, &what, !veiled, missed).await;
        let struck = match wrong {
            Wrong::Sandbox(fault) => {
                let left = left.iter().find(|other| other.kind == fault.kind);
                left.is_none_or(|left| left.times < Some(times.unwrap_or(ALWAYS)))
            }
            _ => true,
        };
        struck.then(|| format!("{}, asked {}", outcome(&turned), self.asked(ask, &labels, &turned)))
    }

    async fn strike(&self, ask: &Ask, wrong: &Wrong, times: Option<u32>) {
        match wrong {
            Wrong::Wire(trouble) => {
                let times = times.map(|times| times as usize);
                self.wire.trouble(*trouble, ask.label, ask.nth as usize, times);
            }
            Wrong::Sandbox(fault) => {
                let mut fault = fault.clone().at(ask.endpoint).after(self.before(ask, fault.kind));
                fault.times = Some(times.unwrap_or(ALWAYS));
                self.world.sandbox.faults.add(fault);
            }
            Wrong::Refused => {
                let labels = self.clean_labels(ask.scene);
                let mut places = (0..labels.len()).filter(|at| labels[*at] == ask.label);
                let at = places.nth(ask.nth as usize).expect("such a request");
                self.wire.close_after(at).await;
            }
        }
    }

    /// Returns how many requests with the same part in their label the sandbox sees before.
    fn before(&self, ask: &Ask, kind: FaultKind) -> u32 {
        use FaultKind::{NullPeople, TooManyRequests, Unauthorized, Unavailable};
        let inside = [TooManyRequests, Unavailable, Unauthorized, NullPeople].contains(&kind);
        match ask.label {
            BY_ADDRESS => 1,
            // These befall requests inside a batch as well, and the members are in one first.
            MEMBERS if inside || FaultKind::PAGE.contains(&kind) => 1,
            _ if ask.inner => 0,
            _ => ask.nth,
        }
    }

    fn clean_labels(&self, scene: Scene) -> &[String] {
        let clean = self.clean.iter().find(|(clean, _)| *clean == scene);
        clean.map(|(_, labels)| labels.as_slice()).expect("every scene was played")
    }

    /// Returns how often the request was made: all of its label, less those that are due anyway;
    /// some of them may not be due any more after what went wrong.
    fn asked(&self, ask: &Ask, labels: &[String], turned: &Turned) -> usize {
        let count = |labels: &[String]| labels.iter().filter(|label| *label == ask.label).count();
        let due = match turned.report.state {
            CycleState::Failed => ask.nth as usize,
            _ => count(self.clean_labels(ask.scene)) - 1,
        };
        match turned.report.state {
            CycleState::Failed => count(labels) - due,
            _ if count(labels) == 0 => 0,
            _ => count(labels).saturating_sub(due).max(1),
        }
    }

    /// Brings everybody to where the scene begins.
    async fn prepare(&mut self, scene: Scene) {
        if scene == Scene::Return {
            self.world.unassign(self.bob);
            self.world.cycle().await;
        }
        self.number += 1;
        self.wire.labels();
        self.world.sandbox.counts.reset();
    }

    /// Lets happen what happens in a scene, and takes the turn.
    async fn play(&self, scene: Scene) -> Turned {
        let entra = &self.world.sandbox.entra;
        match scene {
            Scene::Rename | Scene::Full | Scene::Page => {
                entra.set_person(self.ada, "surname", self.name().as_str()).expect("an edit");
            }
            Scene::Join => {
                self.world.join(&self.name());
            }
            Scene::Guest => {
                let mail = format!("{}@contoso.example", self.name().to_lowercase());
                let guest = NewPerson::named(&self.name(), "Tester", &mail);
                let guest = entra.add_person(guest.with("userType", json!("Guest")));
                self.world.assign(guest.expect("a person"), "User");
            }
            Scene::Leave => self.world.unassign(self.bob),
            Scene::Return => self.world.assign(self.bob, "User"),
        }
        if scene == Scene::Page {
            let cut = Fault::new(FaultKind::CutList).at("$batch GET /v1.0/groups");
            self.world.sandbox.faults.add(cut.keep(1).times(1));
        }
        let full = matches!(scene, Scene::Full | Scene::Page);
        let turn = self.world.turn(Asked { full, ..asked() });
        tokio::pin!(turn);
        loop {
            tokio::select! {
                turned = &mut turn => return turned,
                // Who hangs does not do so for ever: the other end gives up in the end.
                () = self.world.sandbox.faults.stalled() => self.world.hang_up().await,
            }
        }
    }

    fn name(&self) -> String {
        format!("New{}", self.number)
    }

    /// A clean cycle: whatever the last one left undone is done, once, and nothing else was.
    async fn settle(&mut self, scene: Scene, what: &str, counted: bool, full: bool) {
        let turned = self.world.turn(Asked { full, ..asked() }).await;
        let report = &turned.report;
        let clean = report.state == CycleState::Complete && report.counts.failed == 0;
        assert!(clean && turned.holds.is_empty(), "after {what}: {turned:?}");
        let done = match scene {
            Scene::Rename | Scene::Full | Scene::Page => {
                self.world.account("Ada").last_name == self.name()
            }
            Scene::Join | Scene::Guest => !self.world.account(&self.name()).disabled,
            Scene::Leave => self.world.account("Bob").disabled,
            Scene::Return => !self.world.account("Bob").disabled,
        };
        assert!(done, "after {what}: {:?}", self.world.writes());
        let leavers = if scene == Scene::Leave { vec!["bob", "eve"] } else { vec!["eve"] };
        let accounts = self.world.all_accounts();
        let out = accounts.iter().filter(|account| account.disabled || account.deleted);
        let out: Vec<&str> = out.filter_map(|account| account.email.split('@').next()).collect();
        assert_eq!(out, leavers, "after {what}");
        let writes = self.world.writes();
        let made: Vec<_> = writes.iter().filter(|write| write.status < 300).collect();
        assert!(!counted || made.len() == 1, "after {what}: {made:?}");
        assert!(self.world.sandbox.sharefile.mails().is_empty(), "after {what}: somebody got mail");
        if scene == Scene::Leave {
            self.world.assign(self.bob, "User");
            self.world.cycle().await;
        }
    }
}

/// Returns how a cycle ended, in a few words.
fn outcome(turned: &Turned) -> String {
    let report = &turned.report;
    let code = Exit::of_cycle(report, false, report.counts.held) as u8;
    let mut said = match report.state {
        CycleState::Failed => format!("the cycle stops ({code})"),
        CycleState::Complete if report.counts.failed > 0 => {
            format!("one object fails ({code})")
        }
        CycleState::Complete if !turned.holds.is_empty() => {
            let kinds: Vec<&str> = turned.holds.iter().map(|hold| hold.kind.name()).collect();
            format!("one object waits as {} ({code})", kinds.join(" and "))
        }
        CycleState::Complete if report.counts.unread > 0 => {
            format!("people stay unread ({code})")
        }
        CycleState::Complete if report.counts.done() == 0 => format!("nothing is done ({code})"),
        CycleState::Complete => "done".to_owned(),
        CycleState::Partial | CycleState::Running => format!("{:?} ({code})", report.state),
    };
    if report.kind == CycleKind::Initial {
        said.push_str(" after reading everything anew");
    }
    said
}
