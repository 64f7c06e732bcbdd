//! The client against small servers on loopback.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Mutex;

use axum::response::IntoResponse;
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::clock::JumpClock;
use crate::http::GateLimits;

type Reply = (u16, Option<&'static str>, &'static str);

/// A server that gives prepared answers in turn, and afterwards 200 with "done".
struct Server {
    address: SocketAddr,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    seen: Arc<AtomicU64>,
}

impl Server {
    async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let replies = Arc::new(Mutex::new(replies.into_iter().collect::<VecDeque<_>>()));
        let seen = Arc::new(AtomicU64::new(0));
        let (queue, count) = (replies.clone(), seen.clone());
        let router = axum::Router::new().fallback(move || {
            let (queue, count) = (queue.clone(), count.clone());
            async move {
                count.fetch_add(1, Ordering::SeqCst);
                let next = queue.lock().unwrap().pop_front();
                let (status, retry_after, body) = next.unwrap_or((200, None, "done"));
                let mut response =
                    (StatusCode::from_u16(status).unwrap(), body.to_owned()).into_response();
                if let Some(text) = retry_after {
                    response.headers_mut().insert("retry-after", HeaderValue::from_static(text));
                }
                response
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, replies, seen }
    }

    fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    fn url(&self) -> String {
        format!("http://acme.localhost:{}/x", self.address.port())
    }
}

fn verdict(answer: &Answer) -> Verdict {
    match answer.status.as_u16() {
        429 => Verdict::Wait,
        500.. => Verdict::Retry,
        _ => Verdict::Final,
    }
}

fn client() -> (Arc<JumpClock>, Arc<Gate>, PoliteClient) {
    let clock = Arc::new(JumpClock::new(Default::default()));
    let gate = Gate::new(clock.clone(), GateLimits { per_minute: None, in_flight: 4 });
    let settings = ClientSettings {
        read_timeout: Duration::from_secs(20),
        extra_headers: vec![(HeaderName::from_static("x-tool"), HeaderValue::from_static("t"))],
        ..ClientSettings::default()
    };
    let client = PoliteClient::new(gate.clone(), clock.clone(), settings, verdict).unwrap();
    (clock, gate, client)
}

fn get(client: &PoliteClient, url: &str) -> reqwest::Request {
    client.inner().get(url).build().unwrap()
}

fn post(client: &PoliteClient, url: &str) -> reqwest::Request {
    client.inner().post(url).body("{}").build().unwrap()
}

#[tokio::test]
async fn a_throttled_write_waits_as_told_and_goes_again() {
    let server = Server::start([(429, Some("30"), ""), (429, Some("1.5"), "")]).await;
    let (clock, gate, client) = client();
    let answer = client.execute(post(&client, &server.url()), Repeat::Write).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, b"done");
    assert_eq!((server.seen(), client.sent(), gate.sent()), (3, 3, 3));
    assert_eq!(clock.monotonic(), Duration::from_secs(32));
}

#[tokio::test]
async fn throttling_holds_every_sender_and_ends_with_the_answer() {
    let server = Server::start(std::iter::repeat_n((429, None, "slow"), 5)).await;
    let (clock, gate, client) = client();
    let answer = client.execute(get(&client, &server.url()), Repeat::Read).await.unwrap();
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(server.seen(), 5);
    // The last answer paused the gate as well: the next sender has to wait.
    let before = clock.monotonic();
    drop(gate.enter().await);
    assert!(clock.monotonic() - before >= Duration::from_secs(8));
}

#[tokio::test]
async fn passing_failures_repeat_reads_and_never_writes() {
    let server = Server::start([(503, None, ""), (500, Some("9"), "")]).await;
    let (clock, _, client) = client();
    let answer = client.execute(get(&client, &server.url()), Repeat::Read).await.unwrap();
    assert_eq!((answer.status, server.seen()), (StatusCode::OK, 3));
    assert!(clock.monotonic() >= Duration::from_millis(9_500), "{:?}", clock.monotonic());

    server.replies.lock().unwrap().push_back((500, None, "boom"));
    let answer = client.execute(post(&client, &server.url()), Repeat::Write).await.unwrap();
    assert_eq!((answer.status.as_u16(), server.seen()), (500, 4));
}

#[tokio::test]
async fn redirects_are_answers() {
    let server = Server::start([(302, None, "")]).await;
    let (_, _, client) = client();
    let answer = client.execute(get(&client, &server.url()), Repeat::Read).await.unwrap();
    assert_eq!((answer.status.as_u16(), server.seen()), (302, 1));
}

/// Accepts connections, reads what comes, writes `reply`, and hangs up.
async fn hang_up(reply: &'static [u8]) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(AtomicU64::new(0));
    let count = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            if stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(reply).await;
            }
        }
    });
    (address, seen)
}

#[tokio::test]
async fn a_lost_write_is_never_repeated_and_a_lost_read_is() {
    for reply in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"] {
        let (address, seen) = hang_up(reply).await;
        let (_, _, client) = client();
        let url = format!("http://{address}/Users?emailaddress=ada@contoso.com");

        let error = client.execute(post(&client, &url), Repeat::Write).await.unwrap_err();
        assert!(error.maybe_delivered() && error.is_transient(), "{error:?}");
        assert_eq!(seen.load(Ordering::SeqCst), 1);
        assert!(!format!("{error:?}").contains("ada@"), "{error:?}");

        let error = client.execute(get(&client, &url), Repeat::Read).await.unwrap_err();
        assert!(error.maybe_delivered());
        assert_eq!((seen.load(Ordering::SeqCst), client.sent()), (6, 6));
    }
}

#[tokio::test]
async fn a_host_that_does_not_listen_receives_nothing() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (_, _, client) = client();
    let request = post(&client, &format!("http://{free}/x"));
    let error = client.execute(request, Repeat::Write).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSent { .. }), "{error:?}");
    assert!(!error.maybe_delivered() && error.is_transient());
    assert!(error.remedy().contains(&free.to_string()));
    assert_eq!(client.sent(), 0);
}

#[tokio::test]
async fn a_stream_keeps_its_place_until_it_is_dropped() {
    let server = Server::start([(429, Some("3"), ""), (200, None, "[1,2,3]")]).await;
    let clock = Arc::new(JumpClock::new(Default::default()));
    let gate = Gate::new(clock.clone(), GateLimits { per_minute: None, in_flight: 1 });
    let client =
        PoliteClient::new(gate.clone(), clock.clone(), ClientSettings::default(), verdict).unwrap();
    let Streamed::Body(mut response) = client.open(get(&client, &server.url())).await.unwrap()
    else {
        panic!("refused");
    };
    assert_eq!(clock.monotonic(), Duration::from_secs(3));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    assert_eq!(body, b"[1,2,3]");
    let next = tokio::spawn({
        let gate = gate.clone();
        async move { gate.enter().await }
    });
    tokio::task::yield_now().await;
    assert!(!next.is_finished());
    drop(response);
    next.await.unwrap();

    server.replies.lock().unwrap().push_back((404, None, "none"));
    let refused = client.open(get(&client, &server.url())).await.unwrap();
    assert!(matches!(refused, Streamed::Refused(answer) if answer.body == b"none"));
}

/// Answers every connection with the handshake of a certificate that nobody signed.
fn self_signed_server() -> SocketAddr {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(vec!["acme.localhost".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut session = rustls::ServerConnection::new(config.clone()).unwrap();
            let _ = session.complete_io(&mut stream);
            let _ = stream.flush();
        }
    });
    address
}

#[tokio::test]
async fn an_untrusted_certificate_is_told_from_a_lost_connection() {
    let address = self_signed_server();
    let (_, _, client) = client();
    let url = format!("https://acme.localhost:{}/x", address.port());
    let error = client.execute(post(&client, &url), Repeat::Write).await.unwrap_err();
    assert!(matches!(error, HttpError::Certificate { .. }), "{error:?}");
    assert!(!error.maybe_delivered() && !error.is_transient());
    assert_eq!(client.sent(), 0);
}

/// A clock that stands still, sleepers included, until it is moved.
#[derive(Debug)]
struct StillClock {
    now: tokio::sync::watch::Sender<Duration>,
    asleep: Mutex<Vec<Duration>>,
}

impl StillClock {
    fn new() -> Arc<Self> {
        let now = tokio::sync::watch::Sender::new(Duration::ZERO);
        Arc::new(Self { now, asleep: Mutex::default() })
    }

    /// The ends of all waits so far.
    fn asleep(&self) -> Vec<Duration> {
        self.asleep.lock().unwrap().clone()
    }

    async fn until_asleep(&self, count: usize) {
        while self.asleep().len() < count {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait::async_trait]
impl Clock for StillClock {
    fn now(&self) -> crate::model::ids::Timestamp {
        crate::model::ids::Timestamp(self.now.borrow().as_millis() as i64)
    }

    fn monotonic(&self) -> Duration {
        *self.now.borrow()
    }

    async fn sleep(&self, duration: Duration) {
        let end = self.monotonic() + duration;
        self.asleep.lock().unwrap().push(end);
        let _ = self.now.subscribe().wait_for(|now| *now >= end).await;
    }
}

/// Answers the first of eight requests that are all under way with 429, the others only once they
/// are let go, and everything later with 200.
struct Crowded {
    arrived: tokio::sync::watch::Sender<u32>,
    let_go: tokio::sync::watch::Sender<bool>,
}

impl Crowded {
    async fn start(retry_after: Option<&'static str>) -> (SocketAddr, Arc<Self>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let crowded = Arc::new(Self {
            arrived: tokio::sync::watch::Sender::new(0),
            let_go: tokio::sync::watch::Sender::new(false),
        });
        let shared = crowded.clone();
        let router = axum::Router::new().fallback(move || {
            let crowded = shared.clone();
            async move { crowded.answer(retry_after).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        (address, crowded)
    }

    async fn answer(&self, retry_after: Option<&'static str>) -> axum::response::Response {
        let mut number = 0;
        self.arrived.send_modify(|arrived| {
            *arrived += 1;
            number = *arrived;
        });
        let _ = self.arrived.subscribe().wait_for(|arrived| *arrived >= 8).await;
        if number != 1 {
            let _ = self.let_go.subscribe().wait_for(|let_go| *let_go).await;
            return StatusCode::OK.into_response();
        }
        let mut response = StatusCode::TOO_MANY_REQUESTS.into_response();
        let headers = response.headers_mut();
        headers.insert("date", HeaderValue::from_static("Wed, 21 Oct 2015 09:00:00 GMT"));
        if let Some(text) = retry_after {
            headers.insert("retry-after", HeaderValue::from_static(text));
        }
        response
    }

    fn seen(&self) -> u32 {
        *self.arrived.borrow()
    }
}

#[tokio::test]
async fn one_refusal_stops_all_eight_senders_for_as_long_as_it_says() {
    let ms = Duration::from_millis;
    for (retry_after, least, most) in [
        (Some("2.128"), ms(2_128), ms(3_000)),
        (Some("Wed, 21 Oct 2015 09:00:40 GMT"), ms(40_000), ms(40_000)),
        (None, ms(500), ms(1_000)),
        (Some("600"), ms(600_000), ms(600_000)),
    ] {
        let (address, crowded) = Crowded::start(retry_after).await;
        let clock = StillClock::new();
        let gate = Gate::new(clock.clone(), GateLimits { per_minute: Some(420), in_flight: 8 });
        let client =
            PoliteClient::new(gate, clock.clone(), ClientSettings::default(), verdict).unwrap();
        let senders: Vec<_> = (0..8)
            .map(|_| {
                let client = client.clone();
                let url = format!("http://{address}/x");
                tokio::spawn(async move {
                    for _ in 0..2 {
                        let request = post(&client, &url);
                        let answer = client.execute(request, Repeat::Write).await.unwrap();
                        assert_eq!(answer.status, StatusCode::OK);
                    }
                })
            })
            .collect();
        // The refused one waits, and now the others come back for more.
        clock.until_asleep(1).await;
        crowded.let_go.send_replace(true);
        clock.until_asleep(8).await;
        let ends = clock.asleep();
        assert_eq!(crowded.seen(), 8, "{retry_after:?}: nobody went");
        assert!(ends.iter().all(|end| *end == ends[0]), "{retry_after:?}: {ends:?}");
        assert!(ends[0] >= least && ends[0] <= most, "{retry_after:?}: {:?}", ends[0]);
        clock.now.send_replace(ends[0]);
        for sender in senders {
            sender.await.unwrap();
        }
        assert_eq!(crowded.seen(), 17, "{retry_after:?}");
    }
}
