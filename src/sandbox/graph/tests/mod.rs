//! The emulator over real HTTP, as a client meets it.

mod control;
mod delta;
mod identity;
mod queries;
mod reads;
mod subscriptions;
mod switches;
mod synchronization;
mod throttling;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::JumpClock;
use crate::model::ids::Timestamp;
use crate::sandbox::graph::Tenant;
use crate::sandbox::graph::views::{NewGroup, NewPerson};
use crate::sandbox::{Credentials, Sandbox, SandboxOptions};

const PEM: &str = include_str!("../../../../tests/fixtures/certificate/both.pem");

/// A sandbox and a client that has signed in.
struct World {
    sandbox: Sandbox,
    clock: Arc<JumpClock>,
    http: reqwest::Client,
    token: String,
}

impl World {
    async fn empty() -> Self {
        Self::of(0, 0).await
    }

    async fn of(users: usize, groups: usize) -> Self {
        let clock = Arc::new(JumpClock::new(Timestamp(1_800_000_000_000)));
        let options = SandboxOptions {
            users,
            groups,
            existing_accounts: false,
            certificate_pem: Some(PEM.to_owned()),
            ..SandboxOptions::default()
        };
        let sandbox = Sandbox::start(options.jumping(clock.clone())).await.expect("starts");
        // The ring provider is the only one that is compiled in; installing it twice is harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().expect("builds");
        let mut world = Self { sandbox, clock, http, token: String::new() };
        world.sign_in().await;
        world
    }

    fn entra(&self) -> &Tenant {
        &self.sandbox.entra
    }

    fn credentials(&self) -> Credentials {
        self.sandbox.credentials()
    }

    fn application(&self) -> Uuid {
        self.entra().application().id
    }

    fn base(&self) -> String {
        self.credentials().graph_url
    }

    async fn sign_in(&mut self) {
        let body = self.ask_token(&self.secret_form()).await.json::<Value>().await.expect("JSON");
        self.token = body["access_token"].as_str().expect("a token").to_owned();
    }

    fn secret_form(&self) -> Vec<(&'static str, String)> {
        let key = self.credentials();
        vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", key.client_id),
            ("client_secret", key.client_secret),
            ("scope", "https://graph.microsoft.com/.default".to_owned()),
        ]
    }

    fn token_url(&self) -> String {
        let key = self.credentials();
        format!("{}/{}/oauth2/v2.0/token", key.login_url, key.tenant_id)
    }

    async fn ask_token(&self, form: &[(&'static str, String)]) -> Response {
        self.http.post(self.token_url()).form(form).send().await.expect("answers")
    }

    fn request(&self, path: &str) -> RequestBuilder {
        self.http.get(self.address(path)).bearer_auth(&self.token)
    }

    fn address(&self, path: &str) -> String {
        if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}/v1.0{path}", self.base())
        }
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.request(path).send().await.expect("answers");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.expect("JSON")
    }

    async fn eventual(&self, path: &str) -> Value {
        let request = self.request(path).header("ConsistencyLevel", "eventual");
        let response = request.send().await.expect("answers");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.expect("JSON")
    }

    async fn refused(&self, path: &str) -> (u16, String) {
        let response = self.request(path).send().await.expect("answers");
        let status = response.status().as_u16();
        let body: Value = response.json().await.expect("JSON");
        (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
    }

    async fn batch(&self, requests: Value) -> Response {
        self.http
            .post(self.address("/$batch"))
            .bearer_auth(&self.token)
            .json(&json!({ "requests": requests }))
            .send()
            .await
            .expect("answers")
    }

    fn person(&self, given: &str) -> Uuid {
        let mail = format!("{}@contoso.com", given.to_lowercase());
        self.entra().add_person(NewPerson::named(given, "Test", &mail)).expect("is added")
    }

    fn group(&self, name: &str, members: &[Uuid]) -> Uuid {
        let group = self.entra().add_group(NewGroup::named(name)).expect("is added");
        for member in members {
            self.entra().add_member(group, *member).expect("joins");
        }
        group
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// Returns the claims of a token.
fn decoded(token: &str) -> Value {
    let claims = token.split('.').nth(1).expect("three parts");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
    serde_json::from_slice(&claims).expect("JSON")
}

fn ids(body: &Value) -> Vec<String> {
    let rows = body["value"].as_array().expect("a list");
    rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

fn link<'a>(body: &'a Value, kind: &str) -> Option<&'a str> {
    body[format!("@odata.{kind}Link")].as_str()
}
