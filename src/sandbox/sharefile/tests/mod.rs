//! The tenant over real HTTP, asked by a client that knows nothing but the reference.

mod account;
mod api;
mod faults;
mod groups;
mod lists;
mod people;
mod rules;
mod signing_in;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::switches::Switches;
use super::{AccountKind, NewAccount, Sharefile, SharefileOptions, control_routes};
use crate::clock::{Clock, JumpClock};
use crate::model::ids::Timestamp;
use crate::sandbox::counts::Counts;
use crate::sandbox::faults::Faults;
use crate::sandbox::server::{Serving, serve};

/// 2026-11-22T04:20:00.25Z.
const START: Timestamp = Timestamp(1_795_321_200_250);

struct World {
    sharefile: Arc<Sharefile>,
    faults: Arc<Faults>,
    counts: Arc<Counts>,
    clock: Arc<JumpClock>,
    http: reqwest::Client,
    base: String,
    token: String,
    serving: Serving,
}

/// A client that resolves the tenant's name to loopback and never reuses a connection, so that
/// nothing is repeated behind the test's back.
fn client(address: SocketAddr) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .tls_built_in_root_certs(false)
        .no_proxy()
        .pool_max_idle_per_host(0)
        .resolve("contoso.localhost", address)
        .resolve("fabrikam.localhost", address)
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

impl World {
    async fn start() -> Self {
        Self::with(SharefileOptions::default()).await
    }

    /// Founds a tenant, serves it with its control API, and signs in.
    async fn with(options: SharefileOptions) -> Self {
        let clock = Arc::new(JumpClock::new(START));
        let faults = Arc::new(Faults::new());
        let counts = Arc::new(Counts::new());
        let sharefile = Sharefile::new(options, clock.clone(), faults.clone());
        let mut emulator = sharefile.emulator();
        let control = control_routes(sharefile.clone(), faults.clone(), counts.clone());
        emulator.router = emulator.router.merge(control);
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let on = clock.clone() as Arc<dyn Clock>;
        let serving =
            serve(listen, emulator, faults.clone(), counts.clone(), on, None).await.unwrap();
        let http = client(serving.address);
        let base = format!("http://contoso.localhost:{}", serving.address.port());
        let token = String::new();
        let mut world = Self { sharefile, faults, counts, clock, http, base, token, serving };
        world.token = world.sign_in().await["access_token"].as_str().unwrap().to_owned();
        world.counts.reset();
        world
    }

    fn password_form(&self) -> Vec<(&'static str, String)> {
        let credentials = self.sharefile.credentials();
        vec![
            ("grant_type", "password".to_owned()),
            ("client_id", credentials.client_id),
            ("client_secret", credentials.client_secret.expose_secret().to_owned()),
            ("username", credentials.admin_user),
            ("password", credentials.admin_password.expose_secret().to_owned()),
        ]
    }

    /// Posts a form to the token endpoint.
    async fn ask_token(&self, form: &[(&str, String)]) -> (u16, Value) {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(format!("{}/oauth/token?requirev3=true", self.base));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        read(request.body(body).send().await.unwrap()).await
    }

    async fn sign_in(&self) -> Value {
        let (status, body) = self.ask_token(&self.password_form()).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/sf/v3/{path}", self.base));
        let request = request.bearer_auth(&self.token);
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        read(self.request(method, path, body.as_ref()).send().await.unwrap()).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// Calls the control API.
    async fn control(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.http.request(method, format!("{}/_sandbox/{path}", self.base));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        read(request.send().await.unwrap()).await
    }

    fn add(&self, kind: AccountKind, email: &str) -> String {
        self.sharefile.add_account(NewAccount {
            email: email.to_owned(),
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            company: "Contoso".to_owned(),
            kind,
            disabled: false,
            roles: Vec::new(),
            confirmed: false,
        })
    }

    fn employee(&self, email: &str) -> String {
        self.add(AccountKind::Employee, email)
    }

    fn client(&self, email: &str) -> String {
        self.add(AccountKind::Client, email)
    }

    fn switch(&self, change: impl FnOnce(&mut Switches)) {
        let mut switches = self.sharefile.switches();
        change(&mut switches);
        self.sharefile.set_switches(switches);
    }
}

/// Returns status and JSON body; a body that is no JSON becomes a text.
async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let value = match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    };
    (status, value)
}

fn person(email: &str) -> Value {
    json!({ "Email": email, "FirstName": "Grace", "LastName": "Hopper", "Company": "Navy" })
}

/// Asserts a refusal of the API by status and reason, and its shape.
#[track_caller]
fn assert_refused(answer: &(u16, Value), status: u16, code: &str, reason: &str) {
    let (got, body) = answer;
    assert_eq!(*got, status, "{body}");
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["reason"], reason, "{body}");
    assert_eq!(body["message"]["lang"], "en-US");
    assert!(body["message"]["value"].as_str().is_some_and(|text| !text.is_empty()));
}
