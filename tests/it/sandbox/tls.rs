//! TLS, and names other than localhost.

use std::process::Stdio;

use reqwest::Method;
use serde_json::Value;
use sharefile_provisioner::sandbox::{Sandbox, SandboxOptions};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::{Caller, started};

fn named() -> SandboxOptions {
    SandboxOptions {
        users: 130,
        tls: true,
        hosts: vec!["graph.example.test".to_owned(), "login.example.test".to_owned()],
        sharefile_domain: Some("files.example.test".to_owned()),
        ..SandboxOptions::default()
    }
}

#[tokio::test]
async fn both_ends_speak_tls_under_their_names_and_link_to_them() {
    let (sandbox, _) = started(named()).await;
    let caller = Caller::of(&sandbox);
    let (graph, sharefile) = sandbox.addresses();
    let credentials = &caller.credentials;
    assert_eq!(credentials.graph_url, format!("https://graph.example.test:{}", graph.port()));
    assert_eq!(credentials.login_url, format!("https://login.example.test:{}", graph.port()));
    assert_eq!(
        credentials.sharefile_url,
        format!("https://contoso.files.example.test:{}", sharefile.port())
    );
    let first = caller.graph(Method::GET, "users?$top=100").await.send().await.expect("a page");
    assert_eq!(first.version(), reqwest::Version::HTTP_11);
    let first: Value = first.json().await.expect("JSON");
    let next = first["@odata.nextLink"].as_str().expect("a link");
    assert!(next.starts_with(&format!("{}/v1.0/users", credentials.graph_url)), "{next}");
    let second = caller.graph(Method::GET, next).await.send().await.expect("a page");
    let second: Value = second.json().await.expect("JSON");
    assert_eq!(second["value"].as_array().map(Vec::len), Some(30));

    let account = caller.sharefile(Method::GET, "Accounts").await.send().await.expect("an answer");
    let account: Value = account.json().await.expect("JSON");
    let url = account["url"].as_str().expect("a link");
    assert!(url.starts_with(&format!("{}/sf/v3/", credentials.sharefile_url)), "{url}");
    let (status, shown) = caller.control(Method::GET, "credentials", None).await;
    assert_eq!((status, &shown["graph_url"]), (200, &Value::from(&*credentials.graph_url)));
}

#[tokio::test]
async fn the_authority_of_another_sandbox_is_not_trusted() {
    let (sandbox, _) = started(named()).await;
    let (other, _) = started(named()).await;
    let stranger = Caller::of(&other);
    let url = format!("https://localhost:{}/_sandbox", sandbox.addresses().0.port());
    let refused = stranger.http.get(url).send().await.expect_err("no trust");
    assert!(format!("{refused:?}").contains("UnknownIssuer"), "{refused:?}");
}

#[tokio::test]
async fn without_names_tls_is_for_localhost_and_what_is_below_it() {
    let options = SandboxOptions { users: 3, tls: true, ..SandboxOptions::default() };
    let (sandbox, _) = started(options).await;
    let caller = Caller::of(&sandbox);
    let (graph, sharefile) = sandbox.addresses();
    assert_eq!(caller.credentials.graph_url, format!("https://localhost:{}", graph.port()));
    let users = caller.graph(Method::GET, "users").await.send().await.expect("an answer");
    assert_eq!(users.status(), 200);
    let account = caller.sharefile(Method::GET, "Accounts").await.send().await.expect("an answer");
    assert_eq!(account.status(), 200);
    for host in ["127.0.0.1".to_owned(), format!("contoso.localhost:{}", sharefile.port())] {
        let url = format!("https://127.0.0.1:{}/oauth/token", sharefile.port());
        let answer = caller.http.post(url).header("Host", &host).send().await.expect("TLS");
        assert_eq!(answer.status(), 400, "{host}");
    }
}

#[tokio::test]
async fn without_tls_links_have_the_scheme_and_the_name_that_were_used() {
    let options = SandboxOptions {
        users: 130,
        hosts: vec!["graph.example.test".to_owned()],
        ..SandboxOptions::default()
    };
    let (sandbox, _) = started(options).await;
    let caller = Caller::of(&sandbox);
    assert!(sandbox.authority_pem().is_none());
    let page = caller.graph(Method::GET, "users").await.send().await.expect("a page");
    let page: Value = page.json().await.expect("JSON");
    let next = page["@odata.nextLink"].as_str().expect("a link");
    assert!(next.starts_with("http://graph.example.test:"), "{next}");
}

#[tokio::test]
async fn who_does_not_speak_tls_keeps_nobody_from_it() {
    let (sandbox, _) = started(SandboxOptions { users: 3, tls: true, ..named() }).await;
    let address = sandbox.addresses().0;
    let mut plain = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let _silent = tokio::net::TcpStream::connect(address).await.expect("a connection");
    plain.write_all(b"GET /_sandbox HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("a request");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    let (status, _) = Caller::of(&sandbox).control(Method::GET, "counts", None).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() {
    for name in ["https://graph.test", "graph.test:443", ""] {
        let hosts = vec![name.to_owned()];
        let started = Sandbox::start(SandboxOptions { hosts, ..SandboxOptions::default() }).await;
        let problem = started.map(|_| ()).expect_err("no name").to_string();
        assert!(problem.contains("is not the name of a host"), "{problem}");
    }
}

#[tokio::test]
async fn the_command_writes_the_certificate_alone_and_takes_it_away_again() {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
    command.args(["sandbox", "--tls", "--json", "--users", "1", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("a start");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("an output");
    BufReader::new(stdout).read_line(&mut line).await.expect("a line");
    let shown: Value = serde_json::from_str(&line).expect("JSON");
    let file = std::path::PathBuf::from(shown["ca_file"].as_str().expect("a file"));
    let pem = std::fs::read_to_string(&file).expect("the certificate");
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----") && !pem.contains("PRIVATE"), "{pem}");
    let authority = reqwest::Certificate::from_pem(pem.as_bytes()).expect("a certificate");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().add_root_certificate(authority);
    let client = client.tls_built_in_root_certs(false).build().expect("a client");
    let url = shown["control_url"].as_str().expect("a URL");
    assert_eq!(client.get(url).send().await.expect("an answer").status(), 200);

    let pid = child.id().expect("a process").to_string();
    let killed = std::process::Command::new("kill").arg(&pid).status().expect("kill");
    assert!(killed.success());
    child.wait().await.expect("an end");
    assert!(!file.exists(), "{} is left", file.display());
}

#[test]
fn a_file_that_holds_something_else_is_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("precious");
    std::fs::write(&file, "-----BEGIN PRIVATE KEY-----\n").expect("a file");
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_sharefile-provisioner"));
    command.args(["sandbox", "--tls", "--listen", "127.0.0.1:0", "--users", "1"]);
    let refused = command.arg("--ca-file").arg(&file).assert().code(64);
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(said.contains("holds something else than a certificate"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), "-----BEGIN PRIVATE KEY-----\n");
}
