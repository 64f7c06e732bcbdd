//! The section `[network]`: every connection of a job goes through the proxy and trusts the
//! certificates that it names, and what is wrong on that way is said.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sharefile_provisioner::sandbox::SandboxOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::process::Said;
use crate::world::World;

/// A small HTTP proxy. It alone knows where the names of the sandbox lead to.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What a proxy does.
#[derive(Clone)]
struct Rules {
    /// Where Entra ID and Graph are, and where ShareFile is.
    ends: (SocketAddr, SocketAddr),
    /// `user:password`, if it wants to know who asks.
    login: Option<&'static str>,
    /// It lets nobody through.
    closed: bool,
}

impl Rules {
    fn of(world: &World) -> Self {
        Self { ends: world.sandbox.addresses(), login: None, closed: false }
    }

    fn end(&self, host: &str) -> SocketAddr {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        if name.starts_with("contoso.") { self.ends.1 } else { self.ends.0 }
    }
}

impl Proxy {
    async fn start(rules: Rules) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        tokio::spawn(async move {
            while let Ok((peer, _)) = listener.accept().await {
                tokio::spawn(serve(peer, rules.clone(), log.clone()));
            }
        });
        Self { address, asked }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The hosts that were asked for, sorted, once each.
    fn hosts(&self) -> Vec<String> {
        let mut hosts = self.asked.lock().expect("no panic").clone();
        hosts.sort();
        hosts.dedup();
        hosts
    }
}

/// Answers one request of a connection: a tunnel to the end of it, or one plain exchange.
async fn serve(mut peer: TcpStream, rules: Rules, log: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = peer.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let (line, fields) = head.split_once("\r\n").expect("a line");
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let expected = rules.login.map(|login| format!("Basic {}", STANDARD.encode(login)));
    let given = fields.lines().find_map(|field| {
        let (name, value) = field.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization").then(|| value.to_owned())
    });
    let refusal = if expected.is_some() && given != expected {
        Some("407 Proxy Authentication Required")
    } else if rules.closed {
        Some("502 Bad Gateway")
    } else {
        None
    };
    if let Some(refusal) = refusal {
        let answer = format!(
            "HTTP/1.1 {refusal}\r\nProxy-Authenticate: Basic realm=\"contoso\"\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let _ = peer.write_all(answer.as_bytes()).await;
        return;
    }
    let (host, path) = if method == "CONNECT" {
        (target, None)
    } else {
        let rest = target.strip_prefix("http://").unwrap_or(target);
        let at = rest.find('/').unwrap_or(rest.len());
        let (host, path) = rest.split_at(at);
        (host, Some(path))
    };
    log.lock().expect("no panic").push(format!("{method} {host}"));
    let Ok(mut end) = TcpStream::connect(rules.end(host)).await else { return };
    let first = match path {
        None => peer.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await,
        Some(path) => {
            // One exchange for each connection keeps the proxy small.
            let fields = fields.replace("connection: keep-alive\r\n", "");
            let head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n{fields}");
            end.write_all(head.as_bytes()).await
        }
    };
    if first.is_ok() {
        let _ = copy_bidirectional(&mut peer, &mut end).await;
    }
}

/// A sandbox that speaks TLS under names that nobody but the proxy can resolve.
async fn behind_a_proxy() -> World {
    let mut world = World::of(SandboxOptions {
        users: 0,
        groups: 0,
        existing_accounts: false,
        tls: true,
        hosts: vec!["graph.example.test".to_owned()],
        sharefile_domain: Some("files.example.test".to_owned()),
        ..SandboxOptions::default()
    })
    .await;
    world.set("entra.cloud.login", "https://graph.example.test");
    world.set("entra.cloud.graph", "https://graph.example.test");
    world.set("sharefile.domain", "files.example.test");
    let authority = world.sandbox.authority_pem().expect("an authority");
    std::fs::write(world.path("ca.pem"), authority).expect("a file");
    world
}

/// Runs a command of a process that knows no proxy of the environment's.
async fn run(world: &World, arguments: &[&str]) -> Said {
    let mut program = world.program(arguments);
    for name in ["HTTPS_PROXY", "https_proxy", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY"] {
        program.env_remove(name);
    }
    crate::process::Process::start(program).end().await
}

#[tokio::test]
async fn every_connection_goes_through_the_proxy_and_trusts_the_ca_file() {
    let mut world = behind_a_proxy().await;
    let proxy = Proxy::start(Rules::of(&world)).await;
    world.set("network.proxy", &proxy.url());
    world.set("network.ca_file", "ca.pem");
    world.join("Ada");
    run(&world, &["sync"]).await.exits(0).says("1 created");
    assert!(world.has("Ada"));
    // Nobody else can resolve these names: what arrived came this way.
    let ends = ["contoso.files", "graph"];
    assert_eq!(proxy.hosts(), ends.map(|end| format!("CONNECT {end}.example.test:443")));
    assert!(world.graph_requests() > 0 && world.sharefile_requests() > 0);
    // `test` tells the way. Inside a tunnel the library does not show whose certificate it is.
    let said = run(&world, &["test", "--json"]).await.exits(0).json();
    for end in ["Entra ID: connection", "ShareFile: connection"] {
        let checks = said.as_array().expect("a list");
        let way = checks.iter().find(|check| check["name"] == end).expect("a check");
        let found = way["found"].as_str().expect("text");
        assert!(found.contains(&format!("TLS, through the proxy {}", proxy.url())), "{found}");
    }

    // What made TLS work was the file: without it nothing is sent.
    world.sandbox.counts.reset();
    world.set("network.ca_file", "other.pem");
    let other = include_str!("../fixtures/certificate/certificate.pem");
    std::fs::write(world.path("other.pem"), other).expect("a file");
    run(&world, &["sync"])
        .await
        .exits(67)
        .says("the certificate of graph.example.test is not trusted")
        .says("network.ca_file");
    assert_eq!(world.sandbox.counts.by_endpoint().values().sum::<u64>(), 0);
}

#[tokio::test]
async fn a_proxy_that_asks_who_is_there_is_told_or_named() {
    let mut world = behind_a_proxy().await;
    let rules = Rules { login: Some("ada:hunter 2"), ..Rules::of(&world) };
    let proxy = Proxy::start(rules).await;
    world.set("network.proxy", &proxy.url());
    world.set("network.ca_file", "ca.pem");
    world.join("Ada");
    let refused = format!("the proxy {} refuses to connect to graph.example.test", proxy.url());
    run(&world, &["sync"])
        .await
        .exits(67)
        .says(&refused)
        .says("(407)")
        .says("network.proxy_user and network.proxy_password");
    assert!(proxy.hosts().is_empty());
    std::fs::write(world.path("proxy-password"), "hunter 2\n").expect("a file");
    world.set("network.proxy_user", "ada");
    world.set("network.proxy_password", "{ file = \"proxy-password\" }");
    let said = run(&world, &["sync"]).await.exits(0).says("1 created");
    assert!(!format!("{}{}", said.out, said.err).contains("hunter"));
    assert_eq!(proxy.hosts().len(), 2);
}

#[tokio::test]
async fn a_proxy_that_fails_is_named() {
    let mut world = behind_a_proxy().await;
    world.set("network.ca_file", "ca.pem");
    let closed = Proxy::start(Rules { closed: true, ..Rules::of(&world) }).await;
    // A port where nobody listens any more.
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let absent = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    for url in [closed.url(), absent] {
        world.set("network.proxy", &url);
        let words = format!("graph.example.test could not be reached through the proxy {url}");
        run(&world, &["sync"]).await.exits(67).says(&words).says("network.no_proxy");
    }
    assert!(world.all_accounts().len() <= 4);
}

#[tokio::test]
async fn plain_requests_go_through_the_proxy_as_well_unless_they_are_exempt() {
    let mut world = World::real().await;
    let proxy = Proxy::start(Rules::of(&world)).await;
    world.set("network.proxy", &proxy.url());
    world.join("Ada");
    run(&world, &["sync"]).await.exits(0).says("1 created");
    let (graph, sharefile) = world.sandbox.addresses();
    let seen = proxy.hosts();
    for end in [
        format!("POST {graph}"),
        format!("GET {graph}"),
        format!("POST contoso.localhost:{}", sharefile.port()),
        format!("GET contoso.localhost:{}", sharefile.port()),
    ] {
        assert!(seen.contains(&end), "{end} in {seen:?}");
    }
    let asked = proxy.asked.lock().expect("no panic").len() as u64;
    let arrived: u64 = world.sandbox.counts.by_endpoint().values().sum();
    assert_eq!(asked, arrived, "whatever arrived went through the proxy");

    let demanding = Rules { login: Some("ada:x"), ..Rules::of(&world) };
    let demanding = Proxy::start(demanding).await;
    world.set("network.proxy", &demanding.url());
    run(&world, &["sync"]).await.exits(67).says(&demanding.url()).says("(407)");
    world.set("network.no_proxy", "127.0.0.1, localhost");
    run(&world, &["sync"]).await.exits(0);
    assert!(demanding.hosts().is_empty());
}

/// The identity of this host is nobody else's business.
#[tokio::test]
async fn the_metadata_service_is_never_asked_through_a_proxy() {
    let mut world = World::real().await;
    let proxy = Proxy::start(Rules::of(&world)).await;
    world.set("network.proxy", &proxy.url());
    let endpoint = world.sandbox.credentials().graph_url;
    let credential = format!("{{ managed_identity = {{ endpoint = \"{endpoint}\" }} }}");
    world.instead_of_the_secret(&credential);
    run(&world, &["sync"]).await.exits(0);
    assert_eq!(world.asked("/metadata/identity/oauth2/token"), 1);
    let asked = proxy.asked.lock().expect("no panic").len() as u64;
    let arrived: u64 = world.sandbox.counts.by_endpoint().values().sum();
    assert_eq!(asked, arrived - 1, "everything else went through it");
}
