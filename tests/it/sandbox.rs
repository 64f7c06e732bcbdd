//! The sandbox from outside: what any client of anybody meets.

mod command;
mod faults;
mod scenario;
mod tls;

use std::sync::Arc;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use sharefile_provisioner::clock::JumpClock;
use sharefile_provisioner::sandbox::{Credentials, Sandbox, SandboxOptions};

use crate::world::START;

/// A client that knows nothing of this project, and what it needs.
struct Caller {
    http: Client,
    credentials: Credentials,
}

impl Caller {
    /// A client that reaches every name on this machine, and trusts only what the sandbox says.
    fn of(sandbox: &Sandbox) -> Self {
        // Only fails if another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let credentials = sandbox.credentials();
        let (graph, sharefile) = sandbox.addresses();
        let mut client = Client::builder().no_proxy().tls_built_in_root_certs(false);
        if let Some(pem) = sandbox.authority_pem() {
            let authority = reqwest::Certificate::from_pem(pem.as_bytes()).expect("a certificate");
            client = client.add_root_certificate(authority);
        }
        for (url, address) in [
            (&credentials.graph_url, graph),
            (&credentials.login_url, graph),
            (&credentials.sharefile_url, sharefile),
        ] {
            let url = url::Url::parse(url).expect("a URL");
            client = client.resolve(url.host_str().expect("a name"), address);
        }
        Self { http: client.build().expect("a client"), credentials }
    }

    /// Signs in to Graph and returns the token.
    async fn graph_token(&self) -> String {
        let url = format!(
            "{}/{}/oauth2/v2.0/token",
            self.credentials.login_url, self.credentials.tenant_id
        );
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.credentials.client_id),
            ("client_secret", &self.credentials.client_secret),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let answer = self.http.post(url).form(&form).send().await.expect("an answer");
        token_of(&answer.json().await.expect("JSON"))
    }

    /// Signs in to ShareFile and returns the token.
    async fn sharefile_token(&self) -> String {
        let url = format!("{}/oauth/token", self.credentials.sharefile_url);
        let form = [
            ("grant_type", "password"),
            ("client_id", &self.credentials.sharefile_client_id),
            ("client_secret", &self.credentials.sharefile_client_secret),
            ("username", &self.credentials.admin_user),
            ("password", &self.credentials.admin_password),
        ];
        let answer = self.http.post(url).form(&form).send().await.expect("an answer");
        token_of(&answer.json().await.expect("JSON"))
    }

    /// A request for Graph.
    async fn graph(&self, method: Method, path: &str) -> RequestBuilder {
        let url = match path.starts_with("http") {
            true => path.to_owned(),
            false => format!("{}/v1.0/{path}", self.credentials.graph_url),
        };
        self.http.request(method, url).bearer_auth(self.graph_token().await)
    }

    /// A request for ShareFile.
    async fn sharefile(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/sf/v3/{path}", self.credentials.sharefile_url);
        self.http.request(method, url).bearer_auth(self.sharefile_token().await)
    }

    /// A request for the control API, and its answer.
    async fn control(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}/{path}", self.credentials.control_url);
        let request = self.http.request(method, url);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }
}

fn token_of(answer: &Value) -> String {
    answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
}

/// A small company, on a clock that jumps.
async fn started(options: SandboxOptions) -> (Sandbox, Arc<JumpClock>) {
    let clock = Arc::new(JumpClock::new(START));
    let sandbox = Sandbox::start(options.jumping(clock.clone())).await.expect("a sandbox");
    (sandbox, clock)
}
