//! The connector against small servers on loopback, written from the reference.

mod groups;
mod leavers;
mod reads;
mod sign_in;
mod writes;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};

use super::*;
use crate::clock::JumpClock;
use crate::model::account::{AccountKind, Detail, TargetAttribute};
use crate::model::outcome::ErrorCategory;
use crate::model::row::AttributeRow;
use crate::target::{Reassign, Refusal};

/// A request as the server saw it.
#[derive(Clone, Debug)]
struct Seen {
    line: String,
    headers: HeaderMap,
    body: String,
}

/// What the server answers.
#[derive(Clone)]
enum Reply {
    Json(u16, Value),
    Text(u16, &'static str),
    /// The head and a part of the body, then the connection breaks.
    Broken(&'static str),
}

type Script = Box<dyn Fn(&Seen, u64) -> Reply + Send + Sync>;

/// A tenant whose token endpoint works, and whose API follows a script. The script is given the
/// request and how many of the same line came before.
struct Tenant {
    clock: Arc<JumpClock>,
    target: Arc<Sharefile>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Tenant {
    async fn start(script: impl Fn(&Seen, u64) -> Reply + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let tokens = Arc::new(AtomicU64::new(0));
        let script: Arc<Script> = Arc::new(Box::new(script));
        let log = seen.clone();
        let handler = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (log, tokens, script) = (log.clone(), tokens.clone(), script.clone());
            async move {
                let body = String::from_utf8(body.to_vec()).unwrap();
                let line = format!("{method} {uri}");
                let request = Seen { line: line.clone(), headers, body };
                let before = {
                    let mut log = log.lock().unwrap();
                    let before = log.iter().filter(|seen| seen.line == line).count() as u64;
                    log.push(request.clone());
                    before
                };
                let reply = match script(&request, before) {
                    // 0: the token endpoint as it should be.
                    Reply::Text(0, _) => {
                        let number = tokens.fetch_add(1, Ordering::SeqCst) + 1;
                        Reply::Json(200, token(port, number))
                    }
                    reply => reply,
                };
                respond(reply)
            }
        };
        let router = axum::Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let clock = Arc::new(JumpClock::new(Default::default()));
        let settings = SharefileSettings {
            subdomain: "acme".to_owned(),
            domain: format!("localhost:{port}"),
            admin_user: "service+1@acme.example".to_owned(),
            admin_password: "p&ss+w%rd".to_owned().into(),
            client_id: "key".to_owned(),
            client_secret: "key-secret".to_owned().into(),
            requests_per_minute: 100_000,
            in_flight: 8,
            attributes: Vec::new(),
            network: Default::default(),
        };
        let target = Arc::new(Sharefile::new(settings, clock.clone()).unwrap());
        Self { clock, target, seen }
    }

    fn lines(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|seen| seen.line.clone()).collect()
    }

    /// The lines of the API, without the path that all share.
    fn calls(&self) -> Vec<String> {
        let lines = self.lines().into_iter();
        lines.filter(|line| !is_token(line)).map(|line| line.replace("/sf/v3/", "")).collect()
    }

    fn token_forms(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|seen| is_token(&seen.line)).map(|seen| seen.body.clone()).collect()
    }

    fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

fn is_token(line: &str) -> bool {
    line == "POST /oauth/token"
}

const SIGN_IN: Reply = Reply::Text(0, "");

/// The token's answer (ShareFile API reference, section 1.3).
fn token(port: u16, number: u64) -> Value {
    json!({ "access_token": format!("access {number}"), "refresh_token": format!("refresh{number}"),
        "token_type": "bearer", "expires_in": 28800, "appcp": format!("localhost:{port}"),
        "apicp": format!("localhost:{port}"), "subdomain": "acme",
        "access_files_folders": true, "modify_files_folders": true, "admin_users": true,
        "admin_accounts": true, "change_my_settings": true, "web_app_login": true })
}

fn respond(reply: Reply) -> Response {
    let (status, content_type, body) = match reply {
        Reply::Json(status, value) => {
            (status, "application/json", Body::from(serde_json::to_vec(&value).unwrap()))
        }
        Reply::Text(status, text) => (status, "text/plain", Body::from(text)),
        Reply::Broken(part) => {
            // The pause lets the server send the head and the part before it fails.
            let rest = async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut"))
            };
            let pieces = stream::once(async move { Ok(part) }).chain(stream::once(rest));
            (200, "application/json", Body::from_stream(pieces))
        }
    };
    let builder = Response::builder().status(status).header("content-type", content_type);
    builder.body(body).unwrap()
}

fn ada() -> Value {
    json!({ "Id": "1f2e", "Email": "ada@acme.example", "FirstName": "Ada", "LastName": "Byron",
        "Company": "Acme", "Roles": ["Employee", "CanChangePassword"],
        "Emails": ["ada@acme.example", "a.byron@acme.example"],
        "Security": { "IsDisabled": false },
        "odata.type": "ShareFile.Api.Models.AccountUser", "MemberOfTomorrow": { "a": [1] } })
}

fn refusal(status: u16, reason: &str) -> Reply {
    Reply::Json(
        status,
        json!({ "code": status, "message": { "lang": "en-US", "value": "text" }, "reason": reason }),
    )
}

fn newcomer(kind: AccountKind) -> NewUser {
    let values = AttributeRow::pack([Some("new@acme.example"), Some("Zoë"), Some("O'Neil"), None]);
    NewUser { kind, values, notify: false }
}

fn id(text: &str) -> TargetId {
    TargetId::new(text)
}
