//! A scripted stand-in for the login and Graph hosts, on loopback, for the tests of this room.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::clock::JumpClock;
use crate::model::ids::{SourceAnchor, Timestamp};

use super::Graph;
use super::settings::{Cloud, Credential, GraphSettings};

pub(super) const SECRET: &str = "s3cr3t-value";
pub(super) const ALL_ROLES: &[&str] =
    &["Application.Read.All", "User.Read.All", "GroupMember.Read.All"];

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    /// Decoded pairs.
    pub(super) query: Vec<(String, String)>,
    pub(super) authorization: String,
    pub(super) consistency: String,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn is_token(&self) -> bool {
        self.path.ends_with("/oauth2/v2.0/token")
    }

    pub(super) fn param(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Returns the inner requests of a batch as `(id, url)`.
    pub(super) fn inner(&self) -> Vec<(String, String)> {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        let requests = body["requests"].as_array().unwrap();
        assert!(requests.len() <= 20);
        requests
            .iter()
            .map(|one| {
                assert_eq!(one["method"], "GET");
                let text = |name: &str| one[name].as_str().unwrap().to_owned();
                (text("id"), text("url"))
            })
            .collect()
    }
}

/// An answer to give.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

pub(super) fn reply(status: u16, body: Value) -> Reply {
    let headers = vec![("content-type", "application/json".to_owned())];
    Reply { status, headers, body: body.to_string() }
}

pub(super) fn refusal(status: u16, code: &str) -> Reply {
    reply(status, json!({"error": {"code": code, "message": "no"}}))
}

/// Answers a batch by a function of the inner url.
pub(super) fn batch(seen: &Seen, answer: impl Fn(&str) -> (u16, Value, Value)) -> Reply {
    let responses: Vec<Value> = seen
        .inner()
        .iter()
        .rev()
        .map(|(id, url)| {
            let (status, headers, body) = answer(url);
            json!({"id": id, "status": status, "headers": headers, "body": body})
        })
        .collect();
    reply(200, json!({ "responses": responses }))
}

/// A token with these roles, signed by nobody.
pub(super) fn token(roles: &[&str]) -> Reply {
    let claims = json!({"roles": roles, "tid": "the-tenant-id"}).to_string();
    let jwt = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims));
    reply(200, json!({"token_type": "Bearer", "expires_in": 3599, "access_token": jwt}))
}

type Script = dyn Fn(&Seen, &Fake) -> Reply + Send + Sync;

/// The stand-in.
pub(super) struct Fake {
    pub(super) base: Url,
    pub(super) clock: Arc<JumpClock>,
    seen: Mutex<Vec<Seen>>,
    script: Box<Script>,
}

impl Fake {
    /// Starts a stand-in that answers by `script`.
    pub(super) async fn start(
        script: impl Fn(&Seen, &Self) -> Reply + Send + Sync + 'static,
    ) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let fake = Arc::new(Self {
            base,
            clock: Arc::new(JumpClock::new(Timestamp(1_700_000_000_000))),
            seen: Mutex::new(Vec::new()),
            script: Box::new(script),
        });
        let router = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    /// Starts a stand-in that signs everybody in, and answers the rest by `script`.
    pub(super) async fn graph(
        script: impl Fn(&Seen, &Self) -> Reply + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::start(
            move |seen, fake| {
                if seen.is_token() { token(ALL_ROLES) } else { script(seen, fake) }
            },
        )
        .await
    }

    pub(super) fn settings(&self) -> GraphSettings {
        GraphSettings {
            tenant: "contoso.onmicrosoft.com".to_owned(),
            client_id: Uuid::from_u128(77).to_string(),
            application: Uuid::from_u128(5).to_string(),
            cloud: Cloud { login: self.base.clone(), graph: self.base.clone() },
            credential: Credential::ClientSecret(SecretString::from(SECRET)),
            network: Default::default(),
            attributes: vec!["mail".to_owned(), "surname".to_owned()],
            group_attributes: Vec::new(),
            nested_groups: false,
        }
    }

    pub(super) fn connect(&self) -> Graph {
        Graph::new(self.settings(), self.clock.clone()).unwrap()
    }

    pub(super) fn advance(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    /// Returns what arrived so far, sign-ins left out.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|one| !one.is_token()).cloned().collect()
    }

    /// Returns how often somebody signed in.
    pub(super) fn tokens(&self) -> usize {
        self.seen.lock().unwrap().iter().filter(|one| one.is_token()).count()
    }

    /// Returns how many requests of that path arrived so far.
    pub(super) fn count(&self, path: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|one| one.path == path).count()
    }

    pub(super) fn link(&self, rest: &str) -> String {
        format!("{}v1.0/{rest}", self.base)
    }
}

async fn answer(State(fake): State<Arc<Fake>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name: &str| {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let query = parts.uri.query().unwrap_or_default().as_bytes().to_vec();
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(&query).into_owned().collect(),
        authorization: header("authorization"),
        consistency: header("consistencylevel"),
        body: String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap(),
    };
    fake.seen.lock().unwrap().push(seen.clone());
    let reply = (fake.script)(&seen, &fake);
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).unwrap()
}

pub(super) fn anchor(number: u128) -> SourceAnchor {
    SourceAnchor(Uuid::from_u128(number))
}

pub(super) fn person(number: u128) -> Value {
    json!({"id": anchor(number).to_string(), "userPrincipalName": format!("p{number}@x.org"),
        "mail": format!("p{number}@x.org"), "accountEnabled": true, "userType": "Member",
        "surname": null})
}
