//! Signing in to Entra ID: with a managed identity, with a token of another issuer, with a
//! certificate that is replaced; and what is refused is not asked for again and again.

use std::time::Duration;

use secrecy::SecretString;
use sharefile_provisioner::clock::Clock;
use sharefile_provisioner::config::Environment;
use sharefile_provisioner::cycle::{Engine, Turned};
use sharefile_provisioner::model::outcome::{CycleState, ErrorCategory};
use sharefile_provisioner::sandbox::faults::{Fault, FaultKind};
use sharefile_provisioner::sandbox::graph::federation::FederatedToken;
use sharefile_provisioner::sandbox::graph::switches::{ManagedIdentity, Switches};

use crate::world::{World, asked};

const MACHINE: &str = "/metadata/identity/oauth2/token";
const SERVICE: &str = "/msi/token";
const TOKEN: &str = "/oauth2/v2.0/token";

impl World {
    /// Signs in with this credential instead of the client secret. The app registration's client
    /// id goes with it for a managed identity.
    pub fn instead_of_the_secret(&self, credential: &str) {
        let text = std::fs::read_to_string(self.config()).expect("a configuration");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let end = lines.iter().position(|line| line == "[sharefile]").expect("a section");
        let managed = credential.contains("managed_identity");
        let mut entra = lines.drain(..end).collect::<Vec<_>>();
        entra.retain(|line| !line.starts_with("credential = "));
        entra.retain(|line| !(managed && line.starts_with("client_id = ")));
        entra.push(format!("credential = {credential}\n"));
        entra.append(&mut lines);
        std::fs::write(self.config(), entra.join("\n")).expect("a file");
    }
}

/// One more cycle of the same process.
async fn turn(engine: &Engine) -> Turned {
    engine.turn(asked()).await.expect("a recorded cycle")
}

#[track_caller]
fn fails(turned: &Turned, category: ErrorCategory, words: &str) {
    let error = turned.report.error.as_ref().expect("an error");
    assert_eq!(error.category, category, "{error:?}");
    assert!(error.message.contains(words), "{error:?}");
    assert!(!error.remedy.is_empty());
}

#[track_caller]
fn complete(turned: &Turned) {
    assert_eq!(turned.report.state, CycleState::Complete, "{:?}", turned.report.error);
}

async fn a_machine(more: &str) -> World {
    let world = World::empty().await;
    world.join("Ada");
    let endpoint = world.sandbox.credentials().graph_url;
    let more = if more.is_empty() { String::new() } else { format!(", {more}") };
    world.instead_of_the_secret(&format!(
        "{{ managed_identity = {{ endpoint = \"{endpoint}\"{more} }} }}"
    ));
    world
}

#[tokio::test]
async fn the_identity_of_a_machine_reads() {
    let known = World::empty().await.sandbox.entra.host_identity();
    for more in [
        String::new(),
        format!("client_id = \"{}\"", known.client_id),
        format!("object_id = \"{}\"", known.object_id),
    ] {
        let world = a_machine(&more).await;
        let engine = world.engine();
        complete(&turn(&engine).await);
        assert!(!world.account("Ada").disabled);
        assert_eq!((world.asked(MACHINE), world.asked(TOKEN)), (1, 0));
        // Its numbers are texts: the token is kept for as long as they say.
        world.clock.advance(Duration::from_secs(3_000));
        complete(&turn(&engine).await);
        assert_eq!(world.asked(MACHINE), 1);
        world.clock.advance(Duration::from_secs(600));
        complete(&turn(&engine).await);
        assert_eq!(world.asked(MACHINE), 2);
    }
}

#[tokio::test]
async fn the_identity_of_an_app_service_reads() {
    let mut world = World::empty().await;
    world.join("Ada");
    let header = world.sandbox.entra.host_identity().header;
    let endpoint = format!("{}{SERVICE}", world.sandbox.credentials().graph_url);
    let environment = |header: &str| {
        Environment::of([("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", header)])
    };
    world.instead_of_the_secret("{ managed_identity = \"system\" }");
    world.environment = environment(secrecy::ExposeSecret::expose_secret(&header));
    let engine = world.engine();
    complete(&turn(&engine).await);
    world.clock.advance(Duration::from_secs(3_000));
    complete(&turn(&engine).await);
    assert_eq!((world.asked(SERVICE), world.asked(MACHINE)), (1, 0), "`expires_on` counts");
    engine.store.close().await.expect("a closed store");

    world.environment = environment("mistyped");
    let engine = world.engine();
    world.clock.advance(Duration::from_secs(3_600));
    fails(&turn(&engine).await, ErrorCategory::Auth, "HTTP 401");
}

#[tokio::test]
async fn an_identity_that_the_host_does_not_have_is_named_and_not_asked_for_again_at_once() {
    let stranger = "client_id = \"99999999-2222-3333-4444-555555555555\"";
    let world = a_machine(stranger).await;
    let engine = world.engine();
    for _ in 0..3 {
        fails(&turn(&engine).await, ErrorCategory::Auth, "Identity not found");
    }
    assert_eq!(world.asked(MACHINE), 1);
    world.clock.advance(Duration::from_secs(61));
    fails(&turn(&engine).await, ErrorCategory::Auth, "no token of the configured managed identity");
    assert_eq!(world.asked(MACHINE), 2);
}

#[tokio::test]
async fn the_metadata_service_is_asked_again_as_its_rules_say() {
    // Five times in all, with waits of 2, 4, 8 and 16 s; a refusal that passes costs nothing else.
    for (kind, status) in [(FaultKind::Unavailable, 500), (FaultKind::TooManyRequests, 429)] {
        let fault = |times: u32| {
            let fault = Fault::new(kind).at(MACHINE).times(times);
            Fault { status: Some(status), ..fault }
        };
        let world = a_machine("").await;
        world.sandbox.faults.add(fault(2));
        complete(&world.cycle().await);
        assert_eq!(world.asked(MACHINE), 3, "{status}");
        world.sandbox.counts.reset();
        world.sandbox.faults.add(fault(100));
        let began = world.clock.now();
        let turned = world.turn(asked()).await;
        assert_eq!(turned.report.state, CycleState::Failed);
        assert_eq!((world.asked(MACHINE), world.clock.now().ms_since(began)), (5, 30_000));
    }
    // While it is being updated, for 70 s.
    let world = a_machine("").await;
    let switches = Switches { managed_identity: ManagedIdentity::Updating, ..Switches::default() };
    world.sandbox.entra.set_switches(switches);
    let began = world.clock.now();
    fails(&world.turn(asked()).await, ErrorCategory::Transient, "HTTP 410");
    assert_eq!((world.asked(MACHINE), world.clock.now().ms_since(began)), (8, 70_000));
    world.sandbox.entra.set_switches(Switches::default());
    complete(&world.cycle().await);
}

#[tokio::test]
async fn a_host_without_a_metadata_service_says_what_to_do() {
    let world = World::empty().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let credential = format!("{{ managed_identity = {{ endpoint = \"{endpoint}\" }} }}");
    world.instead_of_the_secret(&credential);
    let turned = world.turn(asked()).await;
    fails(&turned, ErrorCategory::Transient, "could not be reached");
    let error = turned.report.error.expect("an error");
    assert!(error.remedy.contains("on a machine in Azure only"), "{error:?}");
}

#[tokio::test]
async fn permissions_of_a_managed_identity_are_granted_elsewhere() {
    let world = a_machine("").await;
    world.sandbox.entra.revoke_permission("User.Read.All");
    let turned = world.turn(asked()).await;
    fails(&turned, ErrorCategory::Auth, "User.Read.All");
    let error = turned.report.error.expect("an error");
    assert!(error.remedy.contains("New-MgServicePrincipalAppRoleAssignment"), "{error:?}");
}

#[tokio::test]
async fn a_federated_token_is_read_anew_for_each_sign_in() {
    let world = World::empty().await;
    world.join("Ada");
    let mint = |wanted: FederatedToken| {
        let token = world.sandbox.entra.federated_token(wanted).expect("a token");
        std::fs::write(world.path("token"), token + "\n").expect("a file");
    };
    mint(FederatedToken::default());
    world.instead_of_the_secret("{ federated = { file = \"token\" } }");
    let engine = world.engine();
    complete(&turn(&engine).await);
    assert!(!world.account("Ada").disabled);

    // Two hours later the first token has ended; whoever keeps the file has replaced it.
    world.clock.advance(Duration::from_secs(7_200));
    fails(&turn(&engine).await, ErrorCategory::Auth, "AADSTS700024");
    fails(&turn(&engine).await, ErrorCategory::Auth, "AADSTS700024");
    assert_eq!(world.asked(TOKEN), 2, "what is refused is remembered");
    mint(FederatedToken::default());
    complete(&turn(&engine).await);
    assert_eq!(world.asked(TOKEN), 3, "another token is tried at once");

    // A file that is away for a moment is said, and costs no request.
    std::fs::remove_file(world.path("token")).expect("a removal");
    complete(&turn(&engine).await);
    world.clock.advance(Duration::from_secs(7_200));
    fails(&turn(&engine).await, ErrorCategory::Auth, "cannot be read");
    assert_eq!(world.asked(TOKEN), 3);
    mint(FederatedToken { subject: Some("somebody:else".to_owned()), ..Default::default() });
    fails(&turn(&engine).await, ErrorCategory::Auth, "AADSTS700213");
    mint(FederatedToken::default());
    complete(&turn(&engine).await);
}

#[tokio::test]
async fn a_certificate_is_replaced_without_a_restart() {
    let first = include_str!("../fixtures/certificate/both.pem");
    let second = include_str!("../../src/source/graph/testdata/client.pem");
    let world = World::empty().await;
    // These certificates begin after the day on which stories do.
    world.clock.advance(Duration::from_secs(100 * 86_400));
    let write = |pem: &str| std::fs::write(world.path("entra.pem"), pem).expect("a file");
    write(first);
    world.sandbox.entra.add_certificate(first).expect("registered");
    world.instead_of_the_secret("{ certificate = { file = \"entra.pem\" } }");
    let engine = world.engine();
    complete(&turn(&engine).await);

    // The token is good for a while; the new certificate counts when the next one is needed.
    write(second);
    complete(&turn(&engine).await);
    assert_eq!(world.asked(TOKEN), 1);
    world.clock.advance(Duration::from_secs(3_600));
    fails(&turn(&engine).await, ErrorCategory::Auth, "AADSTS700027");
    world.sandbox.entra.add_certificate(second).expect("registered");
    world.clock.advance(Duration::from_secs(61));
    complete(&turn(&engine).await);

    // Half a file, an empty one, none: the certificate from before stays in use.
    let half = second.get(..second.len() / 2).expect("a half");
    for broken in [Some(half), Some(""), None] {
        match broken {
            Some(text) => write(text),
            None => std::fs::remove_file(world.path("entra.pem")).expect("a removal"),
        }
        world.clock.advance(Duration::from_secs(3_600));
        complete(&turn(&engine).await);
    }
    // When Graph refuses the token, the file is looked into as well.
    write(first);
    world.clock.advance(Duration::from_secs(60));
    let expired = Fault::new(FaultKind::Unauthorized).at("appRoleAssignedTo").times(1);
    world.sandbox.faults.add(expired);
    world.sandbox.counts.reset();
    complete(&turn(&engine).await);
    assert_eq!(world.asked(TOKEN), 1);
}

#[tokio::test]
async fn a_wrong_secret_does_not_hammer_the_token_endpoint() {
    let world = World::empty().await;
    let right = world.sandbox.entra.client_secret();
    world.sandbox.entra.set_secret(SecretString::from("another"), None);
    let engine = world.engine();
    for _ in 0..5 {
        fails(&turn(&engine).await, ErrorCategory::Auth, "AADSTS7000215");
        world.clock.advance(Duration::from_secs(10));
    }
    assert_eq!(world.asked(TOKEN), 1);
    world.sandbox.entra.set_secret(right, None);
    world.clock.advance(Duration::from_secs(10));
    complete(&turn(&engine).await);
    assert_eq!(world.asked(TOKEN), 2);
}
