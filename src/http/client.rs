//! The client: sends through the gate, waits when told to, repeats what may be repeated.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::answer::{Answer, Repeat, Streamed, Verdict};
use super::backoff;
use super::connection::{Connection, Connections};
use super::error::{HttpError, host_of};
use super::gate::{Gate, Permit};
use super::network::{LoopbackAware, NetworkSettings, Routes, directly, with_proxies};
use super::retry_after::retry_after;
use super::roots::with_trusted;
use crate::clock::Clock;

/// No whole answer is larger; lists that may be are read with [`PoliteClient::open`].
const LARGEST_BODY: usize = 64 << 20;

/// A host that cannot be reached is asked so often at most: it seldom comes back within seconds,
/// and a person may be waiting for the message.
const UNREACHED_ATTEMPTS: u32 = 3;

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The `User-Agent`.
    pub user_agent: String,
    /// Headers of every request.
    pub extra_headers: Vec<(HeaderName, HeaderValue)>,
    /// How often a request is sent at most.
    pub attempts: u32,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long the service may be silent, where the network's settings do not say it.
    pub read_timeout: Duration,
    /// Which way connections take, and whom they trust.
    pub network: NetworkSettings,
    /// Never go through a proxy: for what only this host can reach.
    pub direct: bool,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            user_agent: concat!("sharefile-provisioner/", env!("CARGO_PKG_VERSION")).to_owned(),
            extra_headers: Vec::new(),
            attempts: 5,
            connect_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(120),
            network: NetworkSettings::default(),
            direct: false,
        }
    }
}

/// A client that stays within the gate's limits. Clones share everything, counts included.
#[derive(Clone)]
pub struct PoliteClient {
    client: reqwest::Client,
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    attempts: u32,
    verdict: fn(&Answer) -> Verdict,
    sent: Arc<AtomicU64>,
    routes: Arc<Routes>,
    connections: Arc<Connections>,
}

impl PoliteClient {
    /// Builds a client. `verdict` says what to make of an answer.
    ///
    /// # Errors
    /// When certificates or proxies, of the system or of the settings, cannot be used.
    pub fn new(
        gate: Arc<Gate>,
        clock: Arc<dyn Clock>,
        settings: ClientSettings,
        verdict: fn(&Answer) -> Verdict,
    ) -> Result<Self, HttpError> {
        // The binary installs it first thing; tests and other users of the library do not.
        // "Already installed" is what is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let attempts = settings.attempts.max(1);
        let (client, routes) = build(settings).map_err(|error| HttpError::Setup {
            what: "setting up the HTTP client".to_owned(),
            source: error.into(),
        })?;
        Ok(Self {
            client,
            gate,
            clock,
            attempts,
            verdict,
            sent: Arc::new(AtomicU64::new(0)),
            routes: Arc::new(routes),
            connections: Arc::default(),
        })
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// Throttled requests wait with everybody else and go again. Reads also go again after a
    /// lost connection or a passing failure; a write only if nothing of it was delivered.
    ///
    /// # Errors
    /// When no complete answer came. After the last attempt an answer is returned as it is.
    pub async fn execute(
        &self,
        request: reqwest::Request,
        repeat: Repeat,
    ) -> Result<Answer, HttpError> {
        let mut failed = 0;
        loop {
            let sent = match self.send_once(&request).await {
                Ok((response, permit)) => {
                    let answer = read_whole(response).await;
                    drop(permit);
                    answer
                }
                Err(error) => Err(error),
            };
            failed += 1;
            match self.settle(sent, failed, repeat).await {
                Settled::Again => {}
                Settled::Done(outcome) => return outcome,
            }
        }
    }

    /// Sends a read and returns the response of a success with its body unread. Anything else is
    /// treated as [`execute`](Self::execute) treats it.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn open(&self, request: reqwest::Request) -> Result<Streamed, HttpError> {
        let mut failed = 0;
        loop {
            let sent = match self.send_once(&request).await {
                Ok((mut response, permit)) => {
                    if response.status().is_success() {
                        // The place in flight is given back when the response is dropped.
                        response.extensions_mut().insert(Arc::new(permit));
                        return Ok(Streamed::Body(response));
                    }
                    let answer = read_whole(response).await;
                    drop(permit);
                    answer
                }
                Err(error) => Err(error),
            };
            failed += 1;
            match self.settle(sent, failed, Repeat::Read).await {
                Settled::Again => {}
                Settled::Done(outcome) => return outcome.map(Streamed::Refused),
            }
        }
    }

    /// Returns the client that builds requests. What it sends itself passes no gate.
    pub fn inner(&self) -> &reqwest::Client {
        &self.client
    }

    /// Waits as long as is due after `failed` failed attempts at something that [`open`] cannot
    /// repeat by itself, and returns whether there is another attempt.
    ///
    /// [`open`]: Self::open
    pub async fn back_off(&self, failed: u32) -> bool {
        if failed >= self.attempts {
            return false;
        }
        self.clock.sleep(backoff_delay(failed)).await;
        true
    }

    /// Returns how many requests this client sent, repeated ones included.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns how the connections were over which answers came so far, sorted by host.
    pub fn connections(&self) -> Vec<Connection> {
        self.connections.all()
    }

    async fn send_once(
        &self,
        request: &reqwest::Request,
    ) -> Result<(reqwest::Response, Permit), HttpError> {
        let Some(request) = request.try_clone() else {
            return Err(HttpError::Setup {
                what: "sending a request whose body is a stream".to_owned(),
                source: "such a request cannot be repeated".into(),
            });
        };
        let url = request.url().clone();
        let proxy = self.routes.proxy_of(&url);
        let permit = self.gate.enter().await;
        self.sent.fetch_add(1, Ordering::Relaxed);
        let sent_ms = self.clock.now().0;
        match self.client.execute(request).await {
            Ok(response) if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                self.sent.fetch_sub(1, Ordering::Relaxed);
                Err(HttpError::proxy_refused(host_of(&url), proxy, None))
            }
            Ok(response) => {
                self.connections.note(&url, proxy, &response, (sent_ms, self.clock.now().0));
                Ok((response, permit))
            }
            Err(error) => {
                let error = HttpError::sort(host_of(&url), proxy, error);
                if !error.maybe_delivered() {
                    self.sent.fetch_sub(1, Ordering::Relaxed);
                }
                Err(error)
            }
        }
    }

    /// Decides what follows the `failed`th attempt, and waits if the answer is "again".
    async fn settle(
        &self,
        sent: Result<Answer, HttpError>,
        failed: u32,
        repeat: Repeat,
    ) -> Settled {
        let next = match &sent {
            Ok(answer) => match (self.verdict)(answer) {
                Verdict::Final => Next::Stop,
                Verdict::Wait => Next::Pause(self.asked(&answer.headers)),
                Verdict::Retry if repeat == Repeat::Read => {
                    Next::Sleep(self.asked(&answer.headers))
                }
                Verdict::Retry => Next::Stop,
            },
            Err(HttpError::NotSent { .. }) if failed < UNREACHED_ATTEMPTS => Next::Sleep(None),
            Err(HttpError::Lost { .. }) if repeat == Repeat::Read => Next::Sleep(None),
            Err(_) => Next::Stop,
        };
        let last = failed >= self.attempts;
        match next {
            Next::Stop => return Settled::Done(sent),
            Next::Pause(asked) => {
                // Even after the last attempt: the service spoke to all of us.
                self.gate.pause_for(asked.unwrap_or_else(|| backoff_delay(failed)));
                if last {
                    return Settled::Done(sent);
                }
            }
            Next::Sleep(_) if last => return Settled::Done(sent),
            Next::Sleep(asked) => {
                self.clock.sleep(asked.unwrap_or_else(|| backoff_delay(failed))).await;
            }
        }
        tracing::debug!(attempt = failed, "a request is sent again");
        Settled::Again
    }

    /// Returns the wait that the service asked for; zero says nothing of use.
    fn asked(&self, headers: &HeaderMap) -> Option<Duration> {
        retry_after(headers, self.clock.now().0).filter(|wait| !wait.is_zero())
    }
}

impl std::fmt::Debug for PoliteClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoliteClient").field("sent", &self.sent()).finish_non_exhaustive()
    }
}

enum Next {
    Stop,
    Pause(Option<Duration>),
    Sleep(Option<Duration>),
}

enum Settled {
    Again,
    Done(Result<Answer, HttpError>),
}

fn backoff_delay(failed: u32) -> Duration {
    backoff::delay(failed, &mut rand::rng())
}

fn build(settings: ClientSettings) -> Result<(reqwest::Client, Routes), reqwest::Error> {
    let headers: HeaderMap = settings.extra_headers.into_iter().collect();
    let builder = reqwest::Client::builder()
        .user_agent(settings.user_agent)
        .default_headers(headers)
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.network.timeout.unwrap_or(settings.read_timeout))
        .redirect(reqwest::redirect::Policy::none())
        // Repeating is decided here alone: what reqwest repeats by itself passes no gate.
        .retry(reqwest::retry::never())
        // Shorter than gateways keep a connection, so that a write seldom meets a dead one.
        .pool_idle_timeout(Duration::from_secs(30))
        // Certificates that end soon are told before they end.
        .tls_info(true)
        .dns_resolver(Arc::new(LoopbackAware));
    let builder = with_trusted(builder, &settings.network.trusted)?;
    let (builder, routes) = match settings.direct {
        true => directly(builder),
        false => with_proxies(builder, &settings.network)?,
    };
    Ok((builder.build()?, routes))
}

async fn read_whole(mut response: reqwest::Response) -> Result<Answer, HttpError> {
    let host = host_of(response.url());
    let status = response.status();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_BODY => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => {
                let source = format!("the answer is larger than {LARGEST_BODY} bytes").into();
                return Err(HttpError::Lost { host, source });
            }
            Ok(None) => return Ok(Answer { status, headers, body }),
            Err(error) => return Err(HttpError::interrupted(host, error)),
        }
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
