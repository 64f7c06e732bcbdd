//! The listener of an emulator, and what happens to every request before and after the emulator
//! sees it: counting, faults, and the log of writes.
//!
//! Connections are served by an accept loop of our own, so that a connection can be closed without
//! an answer: the service then returns an error, which is how hyper is told to hang up.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::counts::Counts;
use super::faults::{Fault, FaultKind, Faults, http_date};
use super::observe::{Answered, End, Exchange, Observe};
use super::scenario::Timeline;
use super::{bodies, mutate, pages};
use crate::clock::Clock;
use crate::model::ids::Timestamp;

/// The largest request body that is read, in bytes.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// Where the control API lives: neither counted nor befallen by faults.
pub const CONTROL_PREFIX: &str = "/_sandbox";

/// How a request came. It travels with the request as an extension, so that links can say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    #[default]
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// Returns how a request came; without TLS if it does not say.
    pub fn of(extensions: &http::Extensions) -> Self {
        extensions.get().copied().unwrap_or_default()
    }

    /// Returns the beginning of a URL, as `https`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// An emulated service.
#[derive(Clone, Debug)]
pub struct Emulator {
    /// Which service it is.
    pub end: End,
    /// Answers the requests.
    pub router: Router,
    /// Returns the endpoint label of a request: the method, and the path with ids replaced.
    pub label: fn(&Method, &str) -> String,
    /// Returns the refusal of a fault (429, 503 or 401) in the vendor's error shape, to a request
    /// of this path with these headers, at this time. The server adds `Retry-After`.
    pub refuse: fn(&Fault, &str, &HeaderMap, Timestamp) -> Response,
}

/// A running emulator; it stops when this is dropped.
#[derive(Debug)]
pub struct Serving {
    /// Where it listens.
    pub address: SocketAddr,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Serving {
    /// Closes the listener and every connection, and returns when they are closed.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            // The accept loop neither panics nor is aborted; there is nothing to report.
            let _ = task.await;
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What both emulators share.
#[derive(Clone)]
pub struct House {
    /// What goes wrong.
    pub faults: Arc<Faults>,
    /// What was asked.
    pub counts: Arc<Counts>,
    /// The time in the sandbox.
    pub clock: Arc<dyn Clock>,
    /// Speaks TLS, if that is spoken.
    pub tls: Option<TlsAcceptor>,
    /// Who is shown every exchange.
    pub observer: Option<Arc<dyn Observe>>,
    /// What happens by itself.
    pub timeline: Option<Arc<Timeline>>,
}

/// Serves an emulator without TLS on `listen`, where port 0 means any free port.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(
    listen: SocketAddr,
    emulator: Emulator,
    faults: Arc<Faults>,
    counts: Arc<Counts>,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observe>>,
) -> io::Result<Serving> {
    serve_in(listen, emulator, House { faults, counts, clock, tls: None, observer, timeline: None })
        .await
}

/// Serves an emulator on `listen`, where port 0 means any free port.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve_in(listen: SocketAddr, emulator: Emulator, house: House) -> io::Result<Serving> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let desk = Arc::new(Desk { emulator, house });
    let task = tokio::spawn(accept(listener, desk, stop.clone()));
    Ok(Serving { address, stop, task: Some(task) })
}

async fn accept(listener: TcpListener, desk: Arc<Desk>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, desk.clone()));
                }
                // Out of file descriptors, for example: let some connections end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn converse(stream: TcpStream, desk: Arc<Desk>) {
    // Without this, small answers wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    match desk.house.tls.clone() {
        None => speak(stream, desk, Scheme::Http).await,
        // A peer that does not trust us, or does not speak TLS, goes away: nobody is told.
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                speak(stream, desk, Scheme::Https).await;
            }
        }
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin, desk: Arc<Desk>, scheme: Scheme) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        let desk = desk.clone();
        request.extensions_mut().insert(scheme);
        async move { desk.attend(request).await }
    });
    // An error here is a peer that went away, or a connection that we hung up on purpose.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Tells hyper to close the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox closed the connection without an answer")]
struct HangUp;

/// What every connection shares.
struct Desk {
    emulator: Emulator,
    house: House,
}

/// What of a request is needed after the emulator has consumed it.
struct Envelope {
    method: Method,
    path_and_query: String,
    label: String,
    headers: HeaderMap,
    body: Bytes,
    scheme: Scheme,
    /// It asks for a page that was put off.
    marked: bool,
}

impl Desk {
    /// Answers a request, by the sandbox's own clock.
    async fn attend(&self, request: Request<Incoming>) -> Result<Response, HangUp> {
        let mut response = self.serve(request).await?;
        if !response.headers().contains_key(DATE)
            && let Ok(date) = HeaderValue::from_str(&http_date(self.house.clock.now()))
        {
            response.headers_mut().insert(DATE, date);
        }
        Ok(response)
    }

    async fn serve(&self, request: Request<Incoming>) -> Result<Response, HangUp> {
        if let Some(timeline) = &self.house.timeline {
            timeline.settle();
        }
        if is_control(request.uri().path()) {
            return Ok(self.ask(request.map(Body::new)).await);
        }
        let (mut parts, body) = request.into_parts();
        let marked = pages::unmark(&mut parts.uri);
        let label = (self.emulator.label)(&parts.method, parts.uri.path());
        self.house.counts.count(self.house.clock.now(), &label);
        let body = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(_) => return Err(HangUp),
        };
        let envelope = Envelope {
            method: parts.method.clone(),
            path_and_query: parts.uri.to_string(),
            label,
            headers: parts.headers.clone(),
            body,
            scheme: Scheme::of(&parts.extensions),
            marked,
        };
        let fault = self.take(&envelope, &self.kinds(&envelope));
        let request = Request::from_parts(parts, Body::from(self.taken(&envelope)));
        match fault {
            Some(fault) => self.misbehave(fault, request, &envelope).await,
            None => Ok(self.process(request, &envelope).await),
        }
    }

    fn take(&self, envelope: &Envelope, kinds: &[FaultKind]) -> Option<Fault> {
        self.house.faults.take(kinds, envelope.method.as_str(), &envelope.label)
    }

    /// Returns the faults that can befall a request before its answer is known.
    fn kinds(&self, envelope: &Envelope) -> Vec<FaultKind> {
        let mut kinds = FaultKind::TRANSPORT.to_vec();
        let label = envelope.label.strip_suffix("/AccountUser").unwrap_or(&envelope.label);
        let creates = label == "POST /sf/v3/Users";
        if self.emulator.end == End::Sharefile && creates {
            kinds.push(FaultKind::NoLicence);
        }
        let changes = label.starts_with("PATCH /sf/v3/Users") && mentions(&envelope.body, "email");
        if self.emulator.end == End::Sharefile && (creates || changes) {
            kinds.push(FaultKind::DuplicateAddress);
        }
        kinds
    }

    /// Returns the body of a request as the service takes it.
    fn taken(&self, envelope: &Envelope) -> Bytes {
        let kinds = FaultKind::BODY;
        let write = is_write(&envelope.method, &envelope.label) && !envelope.body.is_empty();
        if !write || !self.house.faults.await_some(&kinds) {
            return envelope.body.clone();
        }
        let fault = self.take(envelope, &kinds);
        let taken = fault.and_then(|fault| bodies::taken(&envelope.body, &fault));
        taken.unwrap_or_else(|| envelope.body.clone())
    }

    async fn misbehave(
        &self,
        fault: Fault,
        request: Request<Body>,
        envelope: &Envelope,
    ) -> Result<Response, HangUp> {
        match fault.kind {
            FaultKind::DropBefore => {
                self.show(envelope, None);
                Err(HangUp)
            }
            FaultKind::DropAfter => {
                self.process(request, envelope).await;
                Err(HangUp)
            }
            FaultKind::StallBefore => {
                self.show(envelope, None);
                self.house.faults.stall().await;
                Err(HangUp)
            }
            FaultKind::StallAfter => {
                self.process(request, envelope).await;
                self.house.faults.stall().await;
                Err(HangUp)
            }
            FaultKind::Slow => {
                let response = self.process(request, envelope).await;
                self.house.clock.sleep(delay(&fault)).await;
                Ok(response)
            }
            FaultKind::CutBody => Ok(bodies::cut(self.process(request, envelope).await).await),
            FaultKind::Trickle => {
                let response = self.process(request, envelope).await;
                Ok(bodies::trickle(response, delay(&fault), self.house.clock.clone()).await)
            }
            FaultKind::Malformed => {
                let response = self.ask(request).await;
                self.log(envelope, response.status());
                let response = malformed(response, fault.seed).await;
                Ok(self.shown(envelope, response, true).await)
            }
            kind => {
                let now = self.house.clock.now();
                let path = envelope.path_and_query.split('?').next().unwrap_or_default();
                let mut response = match kind {
                    FaultKind::Html => html_page(StatusCode::OK, "Please sign in to the network"),
                    _ => (self.emulator.refuse)(&fault, path, &envelope.headers, now),
                };
                adorn(&mut response, &fault, now);
                self.log(envelope, response.status());
                Ok(self.shown(envelope, response, kind == FaultKind::Html).await)
            }
        }
    }

    async fn process(&self, request: Request<Body>, envelope: &Envelope) -> Response {
        let before = self.house.faults.shapeless();
        let response = self.ask(request).await;
        self.log(envelope, response.status());
        let response = self.paged(envelope, response).await;
        self.shown(envelope, response, self.house.faults.shapeless() > before).await
    }

    /// Lets faults befall an answer that is a page of a list, or the pages in a batch.
    async fn paged(&self, envelope: &Envelope, response: Response) -> Response {
        let faults = &self.house.faults;
        if response.status() != StatusCode::OK || !faults.await_some(&FaultKind::PAGE) {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else {
            return Response::from_parts(parts, Body::from(body));
        };
        let host = envelope.headers.get(HOST).and_then(|host| host.to_str().ok());
        let base = format!("{}://{}", envelope.scheme.name(), host.unwrap_or("localhost"));
        if envelope.label.ends_with("/$batch") {
            self.spoil_batch(envelope, &mut answer, &base);
        } else if let Some(fault) = self.take(envelope, pages::possible(&answer, envelope.marked)) {
            let path = &envelope.path_and_query;
            let path = path.strip_prefix(&base).unwrap_or(path);
            pages::spoil(&mut answer, &fault, self.emulator.end, &format!("{base}{path}"));
        }
        parts.headers.remove(CONTENT_LENGTH);
        Response::from_parts(parts, Body::from(answer.to_string()))
    }

    /// The requests in a batch have labels of their own, which begin with `$batch`.
    fn spoil_batch(&self, envelope: &Envelope, answer: &mut Value, base: &str) {
        let asked: Value = serde_json::from_slice(&envelope.body).unwrap_or_default();
        let asked: Vec<&Value> =
            asked.get("requests").and_then(Value::as_array).into_iter().flatten().collect();
        let answers = answer.get_mut("responses").and_then(Value::as_array_mut);
        for part in answers.into_iter().flatten().filter(|part| *member(part, "status") == 200) {
            let request = asked.iter().find(|request| member(request, "id") == member(part, "id"));
            let (Some(request), Some(body)) = (request, part.get_mut("body")) else {
                continue;
            };
            let url = member(request, "url").as_str().unwrap_or_default().trim_start_matches('/');
            let path = url.split('?').next().unwrap_or_default();
            let label = (self.emulator.label)(&Method::GET, &format!("/v1.0/{path}"));
            let kinds = pages::possible(body, url.contains("sandbox-page"));
            let fault = self.house.faults.take(kinds, "GET", &format!("$batch {label}"));
            if let Some(fault) = fault {
                pages::spoil(body, &fault, self.emulator.end, &format!("{base}/v1.0/{url}"));
            }
        }
    }

    async fn ask(&self, request: Request<Body>) -> Response {
        match self.emulator.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Shows an answer to the observer, if there is one, and returns it.
    async fn shown(&self, envelope: &Envelope, response: Response, spoilt: bool) -> Response {
        if self.house.observer.is_none() {
            return response;
        }
        let (parts, body) = response.into_parts();
        // The emulators make their bodies in memory; reading one cannot fail.
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let (status, headers) = (parts.status, parts.headers.clone());
        self.show(envelope, Some(Answered { status, headers, body: body.clone(), spoilt }));
        Response::from_parts(parts, Body::from(body))
    }

    fn show(&self, envelope: &Envelope, answer: Option<Answered>) {
        if let Some(observer) = &self.house.observer {
            observer.observe(&Exchange {
                end: self.emulator.end,
                method: envelope.method.clone(),
                path_and_query: envelope.path_and_query.clone(),
                headers: envelope.headers.clone(),
                body: envelope.body.clone(),
                answer,
            });
        }
    }

    fn log(&self, envelope: &Envelope, status: StatusCode) {
        if is_write(&envelope.method, &envelope.label) {
            let method = envelope.method.as_str();
            let path = &envelope.path_and_query;
            self.house.counts.record(
                self.house.clock.now(),
                method,
                path,
                &envelope.body,
                status.as_u16(),
            );
        }
    }
}

fn is_control(path: &str) -> bool {
    path.strip_prefix(CONTROL_PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Signing in, asking for a batch of reads and asking by ids are POSTs, but they change nothing.
fn is_write(method: &Method, label: &str) -> bool {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS];
    let questions = ["/$batch", "/getByIds"];
    !reads.contains(method)
        && !label.contains("/oauth")
        && !questions.iter().any(|end| label.ends_with(end))
}

/// Damages the body of an answer. An answer that should have none says 200 with one.
async fn malformed(response: Response, seed: u64) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = if body.is_empty() { Bytes::from_static(b"{\"value\":[]}") } else { body };
    if parts.status == StatusCode::NO_CONTENT {
        parts.status = StatusCode::OK;
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(mutate::damage(&body, seed).body))
}

/// Returns a member of an object, or null.
fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

fn delay(fault: &Fault) -> Duration {
    Duration::from_millis(fault.delay_ms.unwrap_or(0))
}

/// Returns whether a JSON object has a member of that name, in any case.
fn mentions(body: &[u8], name: &str) -> bool {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    value.as_object().is_some_and(|members| members.keys().any(|k| k.eq_ignore_ascii_case(name)))
}

/// Gives a refusal what its fault asks for: another status, and `Retry-After`.
fn adorn(response: &mut Response, fault: &Fault, now: Timestamp) {
    if let Some(status) = fault.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        *response.status_mut() = status;
    }
    let Some((text, dated)) = fault.wait(now) else { return };
    if let Ok(text) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(RETRY_AFTER, text);
    }
    if let (true, Ok(date)) = (dated, HeaderValue::from_str(&http_date(now))) {
        response.headers_mut().insert(DATE, date);
    }
}

/// Returns a small HTML page, as gateways and web servers answer that know nothing of JSON.
pub fn html_page(status: StatusCode, title: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><h1>{title}</h1></body></html>\n"
    );
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
