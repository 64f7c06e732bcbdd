//! Watching: every exchange with an emulator, shown to whoever wants to judge it.
//!
//! The control API under `/_sandbox` is not part of either service and is not shown.

use std::fmt::Debug;

use axum::body::Bytes;
use http::{HeaderMap, Method, StatusCode};

/// Which of the two emulated services was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Entra ID and Microsoft Graph.
    Entra,
    /// ShareFile.
    Sharefile,
}

/// A request and what became of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Who was asked.
    pub end: End,
    /// The method of the request.
    pub method: Method,
    /// Path and query of the request, as sent.
    pub path_and_query: String,
    /// The headers of the request, credentials included: not for printing.
    pub headers: HeaderMap,
    /// The body of the request.
    pub body: Bytes,
    /// The answer; `None` if a fault keeps the request from being processed and from an answer.
    /// An answer that a fault holds back is here.
    pub answer: Option<Answered>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
    /// Whether a fault made it what the emulated service would never say, such as a page of HTML.
    pub spoilt: bool,
}

/// Somebody who is shown every exchange, in the order in which answers were made.
///
/// It is called between request and answer, on the thread that serves the connection: it must
/// neither block nor panic.
pub trait Observe: Debug + Send + Sync {
    /// Looks at an exchange.
    fn observe(&self, exchange: &Exchange);
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::sandbox::faults::{Fault, FaultKind};
    use crate::sandbox::{Sandbox, SandboxOptions};

    #[derive(Debug, Default)]
    struct Diary(Mutex<Vec<String>>);

    impl Observe for Diary {
        fn observe(&self, exchange: &Exchange) {
            let answer = exchange.answer.as_ref().map_or("nothing".to_owned(), |answer| {
                let spoilt = if answer.spoilt { " spoilt" } else { "" };
                format!("{} with {} bytes{spoilt}", answer.status, answer.body.len().min(1))
            });
            let Exchange { end, method, path_and_query, .. } = exchange;
            self.0.lock().unwrap().push(format!("{end:?} {method} {path_and_query}: {answer}"));
        }
    }

    #[tokio::test]
    async fn every_exchange_is_shown_whether_or_not_the_answer_goes_out() {
        let diary = Arc::new(Diary::default());
        let options = SandboxOptions {
            users: 0,
            observer: Some(diary.clone() as Arc<dyn Observe>),
            ..SandboxOptions::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let faults = [FaultKind::DropBefore, FaultKind::DropAfter, FaultKind::Html];
        for kind in faults {
            sandbox.faults.add(Fault::new(kind).times(1));
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let key = sandbox.credentials();
        for _ in faults {
            let _ = http.get(format!("{}/v1.0/users?$top=1", key.graph_url)).send().await;
        }
        let token = format!("http://{}/oauth/token", key.sharefile_domain);
        let _ = http.post(token).body("x=1").send().await;
        let _ = http.get(format!("{}/counts", key.control_url)).send().await;
        let shown = diary.0.lock().unwrap().join("\n");
        insta::assert_snapshot!(shown, @r"
        Entra GET /v1.0/users?$top=1: nothing
        Entra GET /v1.0/users?$top=1: 401 Unauthorized with 1 bytes
        Entra GET /v1.0/users?$top=1: 200 OK with 1 bytes spoilt
        Sharefile POST /oauth/token: 400 Bad Request with 1 bytes
        ");
    }
}
