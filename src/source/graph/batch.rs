//! Several reads in one request (Graph reference, section 3). Graph throttles and fails each of
//! them on its own, so those that may succeed later are sent again in a smaller batch.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use crate::http::retry_after::retry_after;
use crate::model::outcome::ErrorCategory;
use crate::source::SourceError;

use super::error::{self, Call};
use super::request::{CONSISTENCY, Transport};
use super::wire::{BatchAnswer, BatchAnswers, BatchRequest};

/// Reads in one batch at most.
pub(super) const BATCH_SIZE: usize = 20;

/// A read is sent so often at most.
const ROUNDS: u32 = 6;

/// A read within a batch.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    /// The address, relative to the version.
    pub(super) url: String,
    /// Whether it is an advanced query.
    pub(super) eventual: bool,
}

/// The answer to a read within a batch.
#[derive(Debug)]
pub(super) struct InnerAnswer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    request_id: Option<String>,
    wait: Option<Duration>,
}

impl InnerAnswer {
    /// Returns the error that a refusal is.
    pub(super) fn refused(&self, call: &Call) -> SourceError {
        error::refused_within(call, self.status, &self.body, self.request_id.as_deref())
    }
}

/// Sends up to [`BATCH_SIZE`] reads and returns one final answer for each, in order.
///
/// # Errors
/// When the batch as a whole is refused, or a read keeps failing.
pub(super) async fn run(
    transport: &Transport,
    call: &Call,
    inners: &[Inner],
) -> Result<Vec<InnerAnswer>, SourceError> {
    let mut answers: Vec<Option<InnerAnswer>> = inners.iter().map(|_| None).collect();
    let mut renewed = false;
    for round in 1..=ROUNDS {
        let open: Vec<usize> = answers
            .iter()
            .enumerate()
            .filter(|(_, answer)| answer.as_ref().is_none_or(|one| may_pass(one.status)))
            .map(|(index, _)| index)
            .collect();
        if open.is_empty() {
            break;
        }
        if round > 1 {
            wait(transport, &answers, round - 1).await;
        }
        let generation = send(transport, call, inners, &open, &mut answers).await?;
        let dead = |one: &InnerAnswer| one.status == StatusCode::UNAUTHORIZED;
        if !renewed && answers.iter().flatten().any(dead) {
            transport.tokens().invalidate(generation).await;
            answers.iter_mut().for_each(|answer| {
                answer.take_if(|one| dead(one));
            });
            renewed = true;
        }
    }
    answers
        .into_iter()
        .map(|answer| match answer {
            Some(answer) if !may_pass(answer.status) => Ok(answer),
            Some(answer) => Err(answer.refused(call)),
            None => Err(call.failed(
                ErrorCategory::Transient,
                "Graph left out the answer to a part of a batch",
                "Nothing to do: the next cycle reads again.",
            )),
        })
        .collect()
}

/// Sends the open reads once, puts their answers in place, and returns the generation of the
/// token that was used at the beginning.
async fn send(
    transport: &Transport,
    call: &Call,
    inners: &[Inner],
    open: &[usize],
    answers: &mut [Option<InnerAnswer>],
) -> Result<u64, SourceError> {
    let requests: Vec<BatchRequest> = open
        .iter()
        .filter_map(|&index| Some((index, inners.get(index)?)))
        .map(|(index, inner)| BatchRequest {
            id: index.to_string(),
            method: "GET",
            url: inner.url.clone(),
            headers: inner.eventual.then_some(CONSISTENCY).into_iter().collect(),
        })
        .collect();
    let (_, generation) = transport.tokens().bearer().await?;
    let handler = transport.sdk().batch(&json!({ "requests": requests }));
    let answer = transport.send(call, handler).await?;
    if !answer.status.is_success() {
        return Err(error::refused(call, &answer));
    }
    let batch: BatchAnswers =
        answer.json().map_err(|error| error::undecodable(&call.attempted, &answer, error))?;
    let now_ms = transport.clock().now().0;
    for one in batch.responses {
        let index = one.id.parse().ok().filter(|index| open.contains(index));
        if let Some(place) = index.and_then(|index: usize| answers.get_mut(index)) {
            *place = Some(understood(call, one, now_ms)?);
        }
    }
    Ok(generation)
}

fn understood(call: &Call, one: BatchAnswer, now_ms: i64) -> Result<InnerAnswer, SourceError> {
    let status = StatusCode::from_u16(one.status)
        .map_err(|_| call.unexpected(format!("the status {} in a batch", one.status)))?;
    let headers = headers(&one.headers);
    let request_id = headers.get("request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let wait = retry_after(&headers, now_ms);
    Ok(InnerAnswer { status, body: one.body, request_id, wait })
}

/// Returns the headers of an answer within a batch, which are JSON: texts, or numbers.
fn headers(wire: &Map<String, Value>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in wire {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => continue,
        };
        if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::try_from(text))
        {
            headers.insert(name, value);
        }
    }
    headers
}

/// Returns whether a read with that status may succeed if it is sent again.
fn may_pass(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::FAILED_DEPENDENCY
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Waits as long as the slowest of the refused reads asks for; a throttled one stops everybody.
async fn wait(transport: &Transport, answers: &[Option<InnerAnswer>], failed: u32) {
    let refused = || answers.iter().flatten().filter(|one| may_pass(one.status));
    let asked = refused().filter_map(|one| one.wait).max().filter(|wait| !wait.is_zero());
    let wait = asked.unwrap_or_else(|| Duration::from_secs(1 << failed.min(5)));
    if refused().any(|one| one.status == StatusCode::TOO_MANY_REQUESTS) {
        transport.gate().pause_for(wait);
    } else if refused().next().is_some() {
        transport.clock().sleep(wait).await;
    }
}
