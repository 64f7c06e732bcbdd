//! What goes wrong outside: each has its own message with the remedy and its own exit code, and
//! removes nobody. All through the real program.
//!
//! ShareFile behind TLS is not among them: its domain takes a port, and plain HTTP, for localhost
//! alone, and port 443 is not a test's to listen on. The client that both ends share is the same.

use std::net::{Ipv4Addr, TcpListener};

use sharefile_provisioner::sandbox::SandboxOptions;
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::sharefile::AccountView;
use uuid::Uuid;

use crate::world::{Ran, START, World};

const CONFIG: i32 = 65;
const CREDENTIALS: i32 = 66;
const SOURCE: i32 = 67;
const TARGET: i32 = 68;
const STORE: i32 = 69;
const REFUSED: i32 = 70;
const WRITER: i32 = 71;
const SOME_FAILED: i32 = 72;

/// People whom a mistaken reading would disable: a converged job, from which one person has just
/// been unassigned.
pub struct Danger {
    pub world: World,
    pub leaver: Uuid,
    pub before: Vec<AccountView>,
}

impl Danger {
    /// Twelve people in a group, one directly assigned, all of them with an account; the last one
    /// has left since.
    pub async fn new() -> Self {
        Self::with(SandboxOptions::default()).await
    }

    async fn with(options: SandboxOptions) -> Self {
        let world = with_the_clock_of_the_machine(options).await;
        let members: Vec<Uuid> = (0..12).map(|n| world.person(&format!("Member{n}"))).collect();
        world.group("Everybody", &members);
        let leaver = world.join("Leaver");
        let first = world.ran(&["sync"]).await;
        assert_eq!(first.code, 0, "{first:?}");
        assert_eq!(world.all_accounts().iter().filter(|account| !account.disabled).count(), 13 + 4);
        world.unassign(leaver);
        world.sandbox.counts.reset();
        let before = world.all_accounts();
        Self { world, leaver, before }
    }

    /// Runs `sync`, which has to fail with this code and these words and to write nothing.
    pub async fn fails(&self, code: i32, words: &[&str]) {
        self.fails_by(&["sync"], code, words).await;
    }

    async fn fails_by(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let ran = self.world.ran(arguments).await;
        says(&ran, code, words);
        self.untouched(&ran);
    }

    /// Nobody was disabled, and nothing else was written either.
    fn untouched(&self, ran: &Ran) {
        assert!(self.world.removals().is_empty(), "{ran:?}: {:?}", self.world.removals());
        assert_eq!(self.world.all_accounts(), self.before, "{ran:?}");
    }

    /// Once the trouble is over the next cycle does what was due, and only that: the danger was
    /// real, and the job is none the worse for it.
    pub async fn heals(&self) {
        self.world.sandbox.faults.clear();
        let ran = self.world.ran(&["sync"]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let removals = self.world.removals();
        assert_eq!(removals.len(), 1, "{removals:?}");
        for (is, was) in self.world.all_accounts().iter().zip(&self.before) {
            let leaver = is.email.starts_with("leaver@");
            assert_eq!((is.disabled, &is.id), (leaver, &was.id), "{ran:?}");
        }
    }
}

async fn with_the_clock_of_the_machine(options: SandboxOptions) -> World {
    let options = SandboxOptions { users: 0, groups: 0, existing_accounts: false, ..options };
    let clock = std::sync::Arc::new(sharefile_provisioner::clock::JumpClock::new(START));
    World::around(options, clock).await
}

fn says(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, code, "{}", ran.text);
    for word in words {
        assert!(ran.text.contains(word), "`{word}` is missing in: {}", ran.text);
    }
}

/// A port of this machine on which nobody listens.
fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

// Credentials and permissions.

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_entra_secret() {
    let danger = Danger::new().await;
    let secret = std::fs::read_to_string(danger.world.path("entra-secret")).expect("a secret");
    std::fs::write(danger.world.path("entra-secret"), "8Q~mistyped").expect("a file");
    danger
        .fails(CREDENTIALS, &["AADSTS7000215", "client secret is wrong", "Certificates & secrets"])
        .await;
    std::fs::write(danger.world.path("entra-secret"), secret).expect("a file");
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_entra_secret() {
    let danger = Danger::new().await;
    danger.world.sandbox.entra.expire_secrets();
    danger.fails(CREDENTIALS, &["AADSTS7000222", "has expired", "Make a new client secret"]).await;
    let secret = danger.world.sandbox.entra.client_secret();
    danger.world.sandbox.entra.set_secret(secret, None);
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_missing_permission() {
    let danger = Danger::new().await;
    for permission in ["Application.Read.All", "User.Read.All", "GroupMember.Read.All"] {
        let granted = danger.world.sandbox.entra.permissions();
        assert!(danger.world.sandbox.entra.revoke_permission(permission));
        for arguments in [&["sync"][..], &["sync", "--full"], &["plan"], &["test"]] {
            danger.fails_by(arguments, CREDENTIALS, &[permission, "admin consent"]).await;
        }
        danger.world.sandbox.entra.set_permissions(granted);
    }
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_sharefile_subdomain() {
    let mut danger = Danger::new().await;
    danger.world.set("sharefile.subdomain", "fabrikam");
    danger
        .fails(TARGET, &["fabrikam.localhost", "no ShareFile sign-in", "sharefile.subdomain"])
        .await;
    danger.world.set("sharefile.subdomain", "contoso");
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_sharefile_password() {
    let danger = Danger::new().await;
    let password = std::fs::read_to_string(danger.world.path("sharefile-password")).expect("one");
    std::fs::write(danger.world.path("sharefile-password"), "mistyped").expect("a file");
    danger.fails(CREDENTIALS, &["invalid_grant", "sharefile.admin_password", "two-step"]).await;
    std::fs::write(danger.world.path("sharefile-password"), password).expect("a file");
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_api_key() {
    let mut danger = Danger::new().await;
    let secret = std::fs::read_to_string(danger.world.path("sharefile-secret")).expect("a secret");
    let words = ["invalid_client", "sharefile.client_secret", "apikeys"];
    std::fs::write(danger.world.path("sharefile-secret"), "mistyped").expect("a file");
    danger.fails(CREDENTIALS, &words).await;
    std::fs::write(danger.world.path("sharefile-secret"), secret).expect("a file");
    danger.world.set("sharefile.client_id", "another-key");
    danger.fails(CREDENTIALS, &words).await;
    let key = danger.world.sandbox.credentials().sharefile_client_id;
    danger.world.set("sharefile.client_id", &key);
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_user_without_rights() {
    let danger = Danger::new().await;
    let all = ["AdminManageEmployees", "CanManageUsers"];
    for missing in all {
        let held: Vec<&str> = all.into_iter().filter(|role| *role != missing).collect();
        danger.world.sandbox.sharefile.set_service_roles(&held);
        // The service user's own record is not part of what must not change here.
        for arguments in [&["sync"][..], &["sync", "--full"], &["plan"], &["test"]] {
            let ran = danger.world.ran(arguments).await;
            says(&ran, CREDENTIALS, &[missing, "service user", "Give the service user"]);
            assert!(danger.world.writes().is_empty(), "{ran:?}");
        }
    }
    danger.world.sandbox.sharefile.set_service_roles(&all);
    let mut switches = danger.world.sandbox.sharefile.switches();
    switches.key_admin_users = false;
    danger.world.sandbox.sharefile.set_switches(switches.clone());
    let ran = danger.world.ran(&["sync"]).await;
    says(&ran, CREDENTIALS, &["admin_users", "API key that may manage users"]);
    assert!(danger.world.writes().is_empty(), "{ran:?}");
    switches.key_admin_users = true;
    danger.world.sandbox.sharefile.set_switches(switches);
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_entra_does_not_know() {
    let mut danger = Danger::new().await;
    let pem = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/certificate/both.pem");
    danger.world.set("entra.credential", &format!("{{ certificate = {{ file = \"{pem}\" }} }}"));
    danger.fails(CREDENTIALS, &["AADSTS700027", "certificate is not accepted", "Upload"]).await;
    let pem = std::fs::read_to_string(pem).expect("a certificate");
    danger.world.sandbox.entra.add_certificate(&pem).expect("registered");
    danger.heals().await;
}

// Networks and what lies on the way.

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_hosts() {
    let mut danger = Danger::new().await;
    let credentials = danger.world.sandbox.credentials();
    let port = closed_port();
    let nowhere = format!("http://127.0.0.1:{port}");
    let words = [format!("127.0.0.1:{port}"), "firewall".to_owned()];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();

    danger.world.set("entra.cloud.login", &nowhere);
    danger.fails(SOURCE, &words).await;
    danger.world.set("entra.cloud.login", &credentials.login_url);
    danger.world.set("entra.cloud.graph", &nowhere);
    danger.fails(SOURCE, &words).await;
    danger.world.set("entra.cloud.graph", &credentials.graph_url);

    danger.world.set("sharefile.domain", &format!("localhost:{port}"));
    danger.fails(TARGET, &[&format!("contoso.localhost:{port}"), "firewall"]).await;
    danger.world.set("sharefile.domain", &credentials.sharefile_domain);
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_certificate() {
    let mut danger = Danger::new().await;
    let (port, _) = tls::listen("localhost").await;
    let credentials = danger.world.sandbox.credentials();
    let address = format!("https://localhost:{port}");
    for key in ["entra.cloud.login", "entra.cloud.graph"] {
        danger.world.set(key, &address);
        let words = [&format!("localhost:{port}"), "certificate", "root certificate"];
        danger.fails(SOURCE, &words).await;
        danger.world.set(key, &credentials.login_url);
    }
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_certificate_of_another_host() {
    let mut danger = Danger::new().await;
    let (port, pem) = tls::listen("elsewhere.example").await;
    let file = danger.world.folder.path().join("elsewhere.pem");
    std::fs::write(&file, pem).expect("a file");
    let credentials = danger.world.sandbox.credentials();
    danger.world.set("network.ca_file", &format!("{:?}", file.display().to_string()));
    let address = format!("https://localhost:{port}");
    for key in ["entra.cloud.login", "entra.cloud.graph"] {
        danger.world.set(key, &address);
        danger
            .fails(SOURCE, &[&format!("localhost:{port}"), "certificate", "not valid for name"])
            .await;
        danger.world.set(key, &credentials.login_url);
    }
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn html_instead_of_json_at_entra() {
    let danger = Danger::new().await;
    let faults = &danger.world.sandbox.faults;
    let lists = ["oauth2", "appRoleAssignedTo", "users/delta", "groups/delta"];
    for endpoint in lists {
        let fault = faults.add(Fault::new(FaultKind::Html).at(endpoint));
        danger.fails(SOURCE, &["web page", "JSON", "proxy"]).await;
        faults.remove(fault);
    }
    for endpoint in ["servicePrincipals", "$batch", "users/delta"] {
        let fault = faults.add(Fault::new(FaultKind::Html).at(endpoint));
        danger.fails_by(&["sync", "--full"], SOURCE, &["web page", "JSON", "proxy"]).await;
        faults.remove(fault);
    }
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn html_instead_of_json_at_sharefile() {
    let danger = Danger::new().await;
    let faults = &danger.world.sandbox.faults;
    let reads =
        ["/oauth/token", "GET /sf/v3/Users", "GET /sf/v3/Accounts", "GET /sf/v3/Groups(id)"];
    for endpoint in reads {
        let fault = faults.add(Fault::new(FaultKind::Html).at(endpoint));
        danger.fails(TARGET, &["web page", "proxy"]).await;
        faults.remove(fault);
    }
    for endpoint in ["Accounts/Employees", "Accounts/Clients", "Accounts/Preferences"] {
        let fault = faults.add(Fault::new(FaultKind::Html).at(endpoint));
        danger.fails_by(&["sync", "--full"], TARGET, &["web page", "proxy"]).await;
        faults.remove(fault);
    }
    danger.heals().await;
}

// Lists cut short.

#[tokio::test(flavor = "multi_thread")]
async fn a_sharefile_list_cut_short() {
    let danger = Danger::new().await;
    // Nobody of the list's end may be taken for deleted: most are beyond the cut.
    for endpoint in ["Accounts/Employees", "Groups(id)/Contacts"] {
        let fault = Fault::new(FaultKind::CutList).at(endpoint);
        danger.world.sandbox.faults.add(fault.keep(0));
        let words = ["cut short", "Nobody was removed"];
        danger.fails_by(&["sync", "--full"], TARGET, &words).await;
        danger.world.sandbox.faults.clear();
    }
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_list_cut_short_once() {
    for arguments in [&["sync"][..], &["sync", "--full"]] {
        let danger = Danger::new().await;
        let cut = Fault::new(FaultKind::CutList).at("appRoleAssignedTo").keep(0).times(1);
        danger.world.sandbox.faults.add(cut);
        let ran = danger.world.ran(arguments).await;
        says(&ran, 0, &["Two reads of the assignment list differ"]);
        // The leaver has left in every whole read; nobody else has.
        let removals = danger.world.removals();
        assert_eq!(removals.len(), 1, "{removals:?}");
        assert!(danger.world.account("Leaver").disabled);
        assert!(!danger.world.account("Member0").disabled);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_list_cut_short_in_every_read() {
    let danger = Danger::new().await;
    danger.world.sandbox.faults.add(Fault::new(FaultKind::CutList).at("appRoleAssignedTo").keep(0));
    for arguments in [&["sync"][..], &["sync"], &["sync", "--full"]] {
        danger.fails_by(arguments, SOURCE, &["list was cut short", "Nobody was removed"]).await;
    }
    danger.heals().await;
}

/// What the source itself shows can only be held: it may be true.
#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_list_that_is_empty_in_truth() {
    let danger = Danger::new().await;
    let everybody = danger.world.sandbox.entra.group("Everybody").expect("a group").id;
    danger.world.unassign(everybody);
    for arguments in [&["sync"][..], &["sync"], &["sync", "--full"]] {
        danger.fails_by(arguments, REFUSED, &["13 changes wait for approval"]).await;
    }
    let holds = danger.world.ran(&["holds"]).await;
    says(&holds, 0, &["SourceEmptied", "Check the assignments in Entra ID"]);
    danger.world.assign(everybody, "User");
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_list_cut_short() {
    let danger = Danger::new().await;
    danger.world.sandbox.faults.add(Fault::new(FaultKind::CutList).at("/members").keep(3));
    let words = ["list ended early", "Nobody was removed"];
    danger.fails_by(&["sync", "--full"], SOURCE, &words).await;
    // The same for a group that is assigned only now: its people are not there yet, but those of
    // another group move into it.
    let people = danger.world.sandbox.entra.people();
    let members: Vec<Uuid> =
        people.iter().map(|person| person.id).filter(|id| *id != danger.leaver).collect();
    let before = danger.world.sandbox.entra.group("Everybody").expect("a group").id;
    danger.world.group("Successor", &members);
    danger.world.unassign(before);
    danger.fails(SOURCE, &words).await;
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn null_filled_members() {
    let danger = Danger::new().await;
    danger.world.sandbox.faults.add(Fault::new(FaultKind::NullPeople).at("/members"));
    let ran = danger.world.ran(&["sync", "--full"]).await;
    says(&ran, SOME_FAILED, &["12 people could not be read", "left as they are", "User.Read.All"]);
    // The one who left could be read, and nobody else was touched.
    assert_eq!(danger.world.removals().len(), 1, "{ran:?}");
    let enabled = danger.world.all_accounts().iter().filter(|account| !account.disabled).count();
    assert_eq!(enabled, 4 + 12, "{ran:?}");
    // Whoever is unread is asked for in each cycle.
    says(&danger.world.ran(&["sync"]).await, 0, &["nothing to do"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_feed_cut_short() {
    let danger = Danger::new().await;
    for endpoint in ["users/delta", "groups/delta"] {
        danger.world.sandbox.faults.add(Fault::new(FaultKind::CutList).at(endpoint).keep(0));
        danger.fails(SOURCE, &["change feed", "cut short", "Nothing was removed"]).await;
        danger.world.sandbox.faults.clear();
    }
    danger.heals().await;
}

// The configuration.

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_read() {
    let danger = Danger::new().await;
    let config = danger.world.config();
    let good = std::fs::read_to_string(&config).expect("a configuration");
    let hint = "sharefile-provisioner check";

    std::fs::write(&config, good.replace("[users]", "[users")).expect("a file");
    danger.fails(CONFIG, &["config.toml:21:7", "cannot be used", hint]).await;

    let mistyped = good.replace("subdomain =", "subdomian =").replace("[guard]", "[gaurd]");
    std::fs::write(&config, mistyped).expect("a file");
    // All problems at once, each with its place and the nearest known key.
    let words = ["subdomian", "`subdomain`", "gaurd", "`guard`", "config.toml:"];
    danger.fails(CONFIG, &words).await;

    std::fs::write(&config, good.replace("every = \"20m\"", "every = 20")).expect("a file");
    danger.fails(CONFIG, &["schedule.every", "has no unit"]).await;

    std::fs::write(&config, &good).expect("a file");
    for secret in ["entra-secret", "sharefile-password", "sharefile-secret"] {
        let hidden = danger.world.path("hidden");
        std::fs::rename(danger.world.path(secret), &hidden).expect("a file");
        danger.fails(CONFIG, &[secret, "cannot be read"]).await;
        std::fs::rename(&hidden, danger.world.path(secret)).expect("a file");
    }

    let hidden = danger.world.path("hidden.toml");
    std::fs::rename(&config, &hidden).expect("a file");
    danger.fails(CONFIG, &["config.toml", "--config"]).await;
    std::fs::rename(&hidden, &config).expect("a file");
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_command_line() {
    let world = with_the_clock_of_the_machine(SandboxOptions::default()).await;
    for arguments in [&["snyc"][..], &["sync", "--ful"], &[], &["apply"]] {
        let ran = world.ran(arguments).await;
        says(&ran, 64, &["Usage"]);
    }
    says(&world.ran(&["apply", "nowhere.json"]).await, 64, &["nowhere.json", "plan --out"]);
}

// The store.

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_a_newer_version() {
    let danger = Danger::new().await;
    let store = danger.world.path("store.db");
    let version = |version: i64| {
        let connection = rusqlite::Connection::open(&store).expect("a database");
        connection.pragma_update(None, "user_version", version).expect("a version");
    };
    version(99);
    let bytes = std::fs::read(&store).expect("a store");
    for command in ["sync", "plan", "status", "run"] {
        let words = ["schema version 99", "knows versions up to 6", "Install the version"];
        danger.fails_by(&[command], STORE, &words).await;
    }
    assert!(std::fs::read(&store).expect("a store") == bytes, "the store was written to");
    version(6);
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store() {
    let danger = Danger::new().await;
    let store = danger.world.path("store.db");
    let good = std::fs::read(&store).expect("a store");
    let middle = good.len() / 2;
    let mut holed = good.clone();
    holed[4096..].fill(0x5a);
    let cases = [
        b"no database at all, but long enough to be looked at as one: ".repeat(20),
        good[..middle].to_vec(),
        Vec::new(),
        holed,
    ];
    for damaged in cases {
        std::fs::write(&store, &damaged).expect("a file");
        for command in ["sync", "plan", "run"] {
            let words = ["store.db is damaged", "Restore the store from a backup"];
            danger.fails_by(&[command], STORE, &words).await;
        }
        assert!(std::fs::read(&store).expect("a store") == damaged, "the store was written to");
    }
    std::fs::write(&store, &good).expect("a file");
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_program() {
    let danger = Danger::new().await;
    let store = danger.world.path("store.db");
    std::fs::rename(&store, danger.world.path("aside.db")).expect("a file");
    let other = rusqlite::Connection::open(&store).expect("a database");
    other.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1);").expect("a table");
    drop(other);
    danger.fails(STORE, &["not a store of this program", "another directory"]).await;
    std::fs::rename(danger.world.path("aside.db"), &store).expect("a file");
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_tenant_application_or_account() {
    let mut danger = Danger::new().await;
    let home = danger.world.sandbox.credentials();
    let options = SandboxOptions { seed: 2, ..SandboxOptions::default() };
    let other = with_the_clock_of_the_machine(options).await;
    let away = other.sandbox.credentials();

    danger.world.set("sharefile.domain", &away.sharefile_domain);
    let words = ["belongs to the ShareFile account", "Check the configuration"];
    danger.fails(STORE, &words).await;
    danger.fails_by(&["sync", "--full"], STORE, &words).await;
    danger.world.set("sharefile.domain", &home.sharefile_domain);

    danger.world.sandbox.entra.add_application("Another application");
    danger.world.set("entra.application", "Another application");
    danger.fails(STORE, &["belongs to the application", "Check the configuration"]).await;
    danger.world.set("entra.application", &home.application);

    danger.world.set("entra.tenant", &away.tenant_id);
    danger.world.set("entra.client_id", &away.client_id);
    danger.world.set("entra.cloud.login", &away.login_url);
    danger.world.set("entra.cloud.graph", &away.graph_url);
    std::fs::write(danger.world.path("entra-secret"), &away.client_secret).expect("a file");
    danger.fails(STORE, &["belongs to the tenant", "Check the configuration"]).await;

    danger.world.set("entra.tenant", &home.tenant_id);
    danger.world.set("entra.client_id", &home.client_id);
    danger.world.set("entra.cloud.login", &home.login_url);
    danger.world.set("entra.cloud.graph", &home.graph_url);
    std::fs::write(danger.world.path("entra-secret"), &home.client_secret).expect("a file");
    assert!(other.writes().is_empty(), "{:?}", other.writes());
    danger.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_another_process_writes_to() {
    let danger = Danger::new().await;
    let lease = sharefile_provisioner::store::Lease::acquire(danger.world.folder.path(), "backup");
    let lease = lease.expect("the lease");
    danger.fails_by(&["run"], WRITER, &["another process writes", "backup", "Wait"]).await;
    // A command asks the other process, and gives up when nobody takes the request.
    danger.fails(WRITER, &["in use by `backup`", "takes no requests", "Wait"]).await;
    drop(lease);
    danger.heals().await;
}

// What a person has to see, although the cycle worked.

#[tokio::test(flavor = "multi_thread")]
async fn some_objects_failed() {
    let danger = Danger::new().await;
    danger.world.join("Unlucky");
    let refused = Fault {
        status: Some(400),
        reason: Some("BadRequest".to_owned()),
        ..Fault::new(FaultKind::Unavailable).at("POST /sf/v3/Users/AccountUser").times(1)
    };
    danger.world.sandbox.faults.add(refused);
    let ran = danger.world.ran(&["sync"]).await;
    says(&ran, SOME_FAILED, &["1 failed", "1 disabled"]);
    let log = danger.world.ran(&["log", "--status", "failure"]).await;
    says(&log, 0, &["unlucky@contoso.example", "400 BadRequest"]);
    says(&danger.world.ran(&["sync"]).await, 0, &["1 created"]);
}

/// A listener whose certificate nobody has reason to trust, or that is meant for another host.
mod tls {
    use std::sync::Arc;

    use tokio::net::TcpListener;

    /// Listens until the test ends, as the host of that name; returns the port, and the certificate
    /// in PEM.
    pub async fn listen(name: &str) -> (u16, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]);
        let made = made.expect("a certificate");
        let pem = made.cert.pem();
        let key = rustls_pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a configuration");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                // A client that does not trust us hangs up during the handshake.
                tokio::spawn(async move { acceptor.accept(stream).await.is_ok() });
            }
        });
        (port, pem)
    }
}
