//! From a request that the SDK builds to an answer: moved to the configured cloud, signed, sent
//! by our own client.
//!
//! The SDK knows Graph's paths and options, but only Microsoft's hosts; its paging, its retry and
//! its tokens are not used. The bearer is put on here, after the address is known to be the
//! configured Graph.

use std::sync::Arc;

use graph_http::api_impl::RequestHandler;
use graph_rs_sdk::{GraphClient, GraphClientConfiguration};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use url::{Host, Url};
use uuid::Uuid;

use crate::clock::Clock;
use crate::http::{
    Answer, ClientSettings, Connection, Gate, GateLimits, HttpError, NetworkSettings, PoliteClient,
    Repeat, Verdict,
};
use crate::model::outcome::ErrorCategory;
use crate::source::SourceError;

use super::error::{self, Call};
use super::settings::GraphSettings;
use super::token::Tokens;
use super::token_refusal;

/// Requests in flight at once.
const IN_FLIGHT: usize = 8;

/// The header that advanced queries need on every page (Graph reference, section 3).
pub(super) const CONSISTENCY: (&str, &str) = ("ConsistencyLevel", "eventual");

/// The way to Graph.
pub(super) struct Transport {
    sdk: GraphClient,
    client: PoliteClient,
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    tokens: Tokens,
    base: Url,
}

impl Transport {
    /// Prepares the way; nothing is sent yet.
    pub(super) fn new(
        settings: &GraphSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SourceError> {
        for url in [&settings.cloud.login, &settings.cloud.graph] {
            check_address(url)?;
        }
        let (gate, client) = polite(&clock, &settings.network)?;
        // Tokens have a client of their own, so that requests to Graph can be counted alone.
        let (_, signing_in) = polite(&clock, &settings.network)?;
        let tokens = Tokens::new(settings, signing_in, clock.clone())?;
        // The SDK never sends, so it gets no token.
        let sdk = GraphClient::from(GraphClientConfiguration::new().access_token(""));
        Ok(Self { sdk, client, gate, clock, tokens, base: settings.cloud.graph.clone() })
    }

    /// Returns the builder of requests.
    pub(super) fn sdk(&self) -> &GraphClient {
        &self.sdk
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Returns how the connections to Graph were.
    pub(super) fn connections(&self) -> Vec<Connection> {
        self.client.connections()
    }

    /// Returns how many requests were sent to Graph, repeated ones included.
    pub(super) fn sent(&self) -> u64 {
        self.client.sent()
    }

    /// Sends what the SDK built and returns the whole answer, whatever its status. A token that
    /// is refused is replaced once.
    pub(super) async fn send(
        &self,
        call: &Call,
        mut handler: RequestHandler,
    ) -> Result<Answer, SourceError> {
        let url: &mut Url = handler.as_mut();
        *url = self.placed(url);
        let request_id = HeaderValue::from_str(&Uuid::new_v4().to_string());
        if let Ok(request_id) = request_id {
            handler = handler.header(HeaderName::from_static("client-request-id"), request_id);
        }
        let built = handler.build().await.map(reqwest::RequestBuilder::build);
        let Ok(Ok(request)) = built else {
            return Err(unbuildable(call));
        };
        self.send_signed(call, request).await
    }

    async fn send_signed(
        &self,
        call: &Call,
        mut request: reqwest::Request,
    ) -> Result<Answer, SourceError> {
        let mut renewed = false;
        loop {
            let (bearer, generation) = self.tokens.bearer().await?;
            request.headers_mut().insert(AUTHORIZATION, bearer.header);
            let attempt = request.try_clone().ok_or_else(|| unbuildable(call))?;
            let answer = self
                .client
                .execute(attempt, Repeat::Read)
                .await
                .map_err(|error| error::unanswered(&call.attempted, error))?;
            if answer.status != StatusCode::UNAUTHORIZED || renewed {
                return Ok(answer);
            }
            self.tokens.invalidate(generation).await;
            renewed = true;
        }
    }

    /// Returns a request for a link that Graph gave.
    ///
    /// # Errors
    /// When the link leads elsewhere: the bearer is for the configured Graph alone.
    pub(super) fn follow(&self, call: &Call, link: &str) -> Result<RequestHandler, SourceError> {
        let target = Url::parse(link).ok().filter(|url| self.leads_home(url));
        let Some(target) = target else {
            return Err(call.failed(
                ErrorCategory::Bug,
                "Graph gave a link that leads to another host, which was not followed",
                "Check that the configured cloud is right and that nothing on the way rewrites \
                 answers.",
            ));
        };
        let mut handler = self.sdk.custom(Method::GET, None);
        let url: &mut Url = handler.as_mut();
        *url = target;
        Ok(handler)
    }

    /// Returns whether an address has scheme, host and port of the configured Graph.
    pub(super) fn leads_home(&self, url: &Url) -> bool {
        url.scheme() == self.base.scheme()
            && url.host_str() == self.base.host_str()
            && url.port_or_known_default() == self.base.port_or_known_default()
            && url.username().is_empty()
            && url.password().is_none()
    }

    /// Returns the address of a built request as a `$batch` wants it: relative to the version.
    pub(super) fn relative(&self, handler: &RequestHandler) -> String {
        let url: &Url = handler.as_ref();
        let placed = self.placed(url);
        let path = placed.path();
        let path = path.strip_prefix("/v1.0").unwrap_or(path);
        match placed.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        }
    }

    /// Returns an address moved to the configured Graph, in the spelling of Graph's pages: no
    /// `()` after a function, and nothing encoded in the query that need not be. Links that Graph
    /// gave stay as they are.
    fn placed(&self, url: &Url) -> Url {
        if self.leads_home(url) {
            return url.clone();
        }
        let mut placed = self.base.clone();
        placed.set_path(url.path().strip_suffix("()").unwrap_or(url.path()));
        placed.set_query(url.query().map(plain_query).as_deref());
        placed
    }
}

/// Undoes the form encoding of the SDK where it is not needed: it makes addresses longer, which
/// are limited to 2,048 characters in advanced queries, and `+` means a space only to some.
fn plain_query(query: &str) -> String {
    query
        .replace('+', "%20")
        .replace("%24", "$")
        .replace("%2C", ",")
        .replace("%27", "'")
        .replace("%28", "(")
        .replace("%29", ")")
}

fn polite(
    clock: &Arc<dyn Clock>,
    network: &NetworkSettings,
) -> Result<(Arc<Gate>, PoliteClient), SourceError> {
    let gate = Gate::new(clock.clone(), GateLimits { per_minute: None, in_flight: IN_FLIGHT });
    let settings = ClientSettings { network: network.clone(), ..ClientSettings::default() };
    let client = PoliteClient::new(gate.clone(), clock.clone(), settings, verdict)
        .map_err(|error: HttpError| error::unanswered("preparing to read from Graph", error))?;
    Ok((gate, client))
}

/// Says what to do about an answer (Graph reference, section 8): 429 stops everybody; failures of
/// the service, time-outs, failed batches and passing refusals of the token endpoint are repeated.
fn verdict(answer: &Answer) -> Verdict {
    let status = answer.status;
    let told_to_wait = answer.headers.contains_key(http::header::RETRY_AFTER);
    if status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::SERVICE_UNAVAILABLE && told_to_wait)
    {
        return Verdict::Wait;
    }
    let passes = matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::FAILED_DEPENDENCY
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    );
    let refused = matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED);
    if passes || (refused && token_refusal::passes(answer)) {
        return Verdict::Retry;
    }
    Verdict::Final
}

/// Refuses an address that would carry secrets in the clear; the sandbox listens on loopback.
fn check_address(url: &Url) -> Result<(), SourceError> {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && loopback) {
        return Ok(());
    }
    Err(error::failed(
        "preparing to read from Graph",
        ErrorCategory::Auth,
        format!("{url} is no address that a secret may be sent to"),
        "Give https addresses; only the sandbox on this host is spoken to without TLS.",
    ))
}

fn unbuildable(call: &Call) -> SourceError {
    call.failed(ErrorCategory::Bug, "the request could not be built", "Report this with the log.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn answer(status: u16, retry_after: Option<&str>, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn verdicts() {
        let passing = r#"{"error":"invalid_request","error_codes":[90033]}"#;
        let wrong = r#"{"error":"invalid_client","error_codes":[7000215]}"#;
        for (status, retry_after, body, expected) in [
            (200, None, "{}", Verdict::Final),
            (429, None, "", Verdict::Wait),
            (503, Some("3"), "", Verdict::Wait),
            (503, None, "", Verdict::Retry),
            (424, None, "", Verdict::Retry),
            (500, None, "", Verdict::Retry),
            (501, None, "", Verdict::Final),
            (410, None, "", Verdict::Final),
            (400, None, passing, Verdict::Retry),
            (401, None, wrong, Verdict::Final),
        ] {
            assert_eq!(verdict(&answer(status, retry_after, body)), expected, "{status}");
        }
    }

    #[test]
    fn secrets_travel_by_tls_or_stay_on_this_host() {
        for good in ["https://graph.microsoft.com", "http://127.0.0.1:5", "http://localhost"] {
            assert!(check_address(&Url::parse(good).unwrap()).is_ok(), "{good}");
        }
        for bad in ["http://graph.microsoft.com", "ftp://127.0.0.1", "http://localhost.example"] {
            assert!(check_address(&Url::parse(bad).unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn queries_are_spelled_plainly() {
        assert_eq!(
            plain_query("%24filter=id+in+%28%27a%27%2C%27b%27%29&x=a%2Bb%26"),
            "$filter=id%20in%20('a','b')&x=a%2Bb%26"
        );
    }
}
