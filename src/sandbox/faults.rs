//! Faults: what goes wrong on purpose, until it has happened often enough.
//!
//! The middleware of [`super::server`] acts out the faults that concern the transport; the
//! emulators ask for those that concern their own state.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 429 in the vendor's error shape; the request is not processed.
    TooManyRequests,
    /// 503 in the vendor's error shape; the request is not processed.
    Unavailable,
    /// The connection is closed without an answer before the request is processed.
    DropBefore,
    /// The request is processed, then the connection is closed without an answer.
    DropAfter,
    /// The request hangs before it is processed, until it is released or the peer goes away.
    StallBefore,
    /// The request is processed, then hangs until it is released or the peer goes away.
    StallAfter,
    /// 401 in the vendor's error shape, whatever the token; the request is not processed.
    Unauthorized,
    /// An HTML page instead of JSON, as from a gateway; the request is not processed.
    Html,
    /// The request is processed, and its answer is damaged in one place: see [`super::mutate`].
    Malformed,
    /// The access token of the request ends there and then.
    ExpiredToken,
    /// The delta token of the request has expired.
    ExpiredDelta,
    /// A list is cut short without a next link, while its count still tells the truth.
    CutList,
    /// The people in a list of members have nothing but an id, as for a caller who may not read
    /// them.
    NullPeople,
}

impl FaultKind {
    /// The faults that the middleware acts out for every emulator.
    pub const TRANSPORT: [Self; 9] = [
        Self::TooManyRequests,
        Self::Unavailable,
        Self::DropBefore,
        Self::DropAfter,
        Self::StallBefore,
        Self::StallAfter,
        Self::Unauthorized,
        Self::Html,
        Self::Malformed,
    ];
}

/// A fault that waits for its requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only for endpoints whose label contains this text; `None` means any endpoint.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Only for this HTTP method; `None` means any method.
    #[serde(default)]
    pub method: Option<String>,
    /// How many matching requests go through first.
    #[serde(default)]
    pub after: u32,
    /// How often it happens; `None` means until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// The text of the `Retry-After` header, verbatim; `None` means no such header.
    #[serde(default)]
    pub retry_after: Option<String>,
    /// For [`FaultKind::CutList`]: how many rows are kept; `None` keeps none.
    #[serde(default)]
    pub keep: Option<usize>,
    /// Another HTTP status than the usual one of the kind.
    #[serde(default)]
    pub status: Option<u16>,
    /// Another machine-readable reason than the usual one of the kind.
    #[serde(default)]
    pub reason: Option<String>,
    /// For [`FaultKind::Malformed`]: what the damage is drawn from. The next answer that the fault
    /// befalls is damaged by the next number.
    #[serde(default)]
    pub seed: u64,
}

impl Fault {
    /// Returns a fault that befalls every request until it is cleared.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            endpoint: None,
            method: None,
            after: 0,
            times: None,
            retry_after: None,
            keep: None,
            status: None,
            reason: None,
            seed: 0,
        }
    }

    /// Returns the fault, limited to endpoints whose label contains `text`.
    pub fn at(mut self, text: &str) -> Self {
        self.endpoint = Some(text.to_owned());
        self
    }

    /// Returns the fault, limited to a method.
    pub fn on(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Returns the fault, beginning after `requests` matching requests.
    pub fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }

    /// Returns the fault, ending after it has happened `times` times.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Returns the fault with a `Retry-After` header.
    pub fn retry_after(mut self, text: &str) -> Self {
        self.retry_after = Some(text.to_owned());
        self
    }

    /// Returns the fault, keeping `rows` rows of a list.
    pub fn keep(mut self, rows: usize) -> Self {
        self.keep = Some(rows);
        self
    }

    /// Returns the fault, damaging answers by the numbers from `seed` on.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    fn matches(&self, kinds: &[FaultKind], method: &str, endpoint: &str) -> bool {
        kinds.contains(&self.kind)
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.endpoint.as_deref().is_none_or(|wanted| endpoint.contains(wanted))
    }
}

#[derive(Debug, Default)]
struct Listed {
    faults: Vec<(u64, Fault)>,
    last_id: u64,
}

/// The faults of a sandbox, and the requests that hang in it.
#[derive(Debug)]
pub struct Faults {
    listed: Mutex<Listed>,
    stalled: watch::Sender<u32>,
    released: watch::Sender<u64>,
}

impl Default for Faults {
    fn default() -> Self {
        Self::new()
    }
}

impl Faults {
    /// Starts without faults.
    pub fn new() -> Self {
        Self {
            listed: Mutex::default(),
            stalled: watch::Sender::new(0),
            released: watch::Sender::new(0),
        }
    }

    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault and returns its number.
    pub fn add(&self, fault: Fault) -> u64 {
        let mut listed = self.listed();
        listed.last_id += 1;
        let id = listed.last_id;
        if fault.times != Some(0) {
            listed.faults.push((id, fault));
        }
        id
    }

    /// Takes one fault back; returns whether it was still there.
    pub fn remove(&self, id: u64) -> bool {
        let mut listed = self.listed();
        let before = listed.faults.len();
        listed.faults.retain(|(listed_id, _)| *listed_id != id);
        listed.faults.len() < before
    }

    /// Takes all faults back. Requests that hang stay hanging until [`Faults::release`].
    pub fn clear(&self) {
        self.listed().faults.clear();
    }

    /// Returns what is still to come, in the order in which it was added.
    pub fn list(&self) -> Vec<Fault> {
        self.listed().faults.iter().map(|(_, fault)| fault.clone()).collect()
    }

    /// Returns the fault that befalls a request, and counts it as happened.
    ///
    /// The first fault in order of addition whose turn has come is taken. Those before it that
    /// still let requests pass count this one; those behind it do not see it.
    pub fn take(&self, kinds: &[FaultKind], method: &str, endpoint: &str) -> Option<Fault> {
        let mut listed = self.listed();
        let mut due = None;
        for (position, (_, fault)) in listed.faults.iter_mut().enumerate() {
            if !fault.matches(kinds, method, endpoint) {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            if let Some(times) = fault.times.as_mut() {
                *times = times.saturating_sub(1);
            }
            due = Some((position, fault.clone()));
            fault.seed = fault.seed.wrapping_add(1);
            break;
        }
        let (position, fault) = due?;
        if fault.times == Some(0) {
            listed.faults.remove(position);
        }
        Some(fault)
    }

    /// Waits until at least one request hangs.
    pub async fn stalled(&self) {
        let mut watcher = self.stalled.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = watcher.wait_for(|stalled| *stalled > 0).await;
    }

    /// Returns how many requests hang now.
    pub fn stalled_now(&self) -> u32 {
        *self.stalled.borrow()
    }

    /// Ends all requests that hang now: their connections are closed without an answer.
    pub fn release(&self) {
        self.released.send_modify(|generation| *generation += 1);
    }

    /// Hangs until the next [`Faults::release`]; counted as stalled until it returns or is dropped.
    pub(super) async fn stall(&self) {
        let mut watcher = self.released.subscribe();
        watcher.mark_unchanged();
        let _counted = Stalled::begin(&self.stalled);
        let _ = watcher.changed().await;
    }
}

/// Counts a hanging request for as long as it lives, however it ends.
struct Stalled<'a>(&'a watch::Sender<u32>);

impl<'a> Stalled<'a> {
    fn begin(counter: &'a watch::Sender<u32>) -> Self {
        counter.send_modify(|stalled| *stalled += 1);
        Self(counter)
    }
}

impl Drop for Stalled<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|stalled| *stalled = stalled.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: &[FaultKind] = &[FaultKind::TooManyRequests, FaultKind::Html];

    #[test]
    fn a_fault_waits_happens_and_ends() {
        let faults = Faults::new();
        faults.add(Fault::new(FaultKind::TooManyRequests).at("/Users").after(1).times(2));
        assert_eq!(faults.take(KINDS, "GET", "GET /sf/v3/Accounts"), None);
        assert_eq!(faults.take(KINDS, "GET", "GET /sf/v3/Users"), None);
        assert!(faults.take(KINDS, "GET", "GET /sf/v3/Users").is_some());
        assert!(faults.take(KINDS, "GET", "GET /sf/v3/Users").is_some());
        assert_eq!(faults.take(KINDS, "GET", "GET /sf/v3/Users"), None);
        assert!(faults.list().is_empty());
    }

    #[test]
    fn kind_and_method_must_match() {
        let faults = Faults::new();
        let id = faults.add(Fault::new(FaultKind::CutList).on("get"));
        assert_eq!(faults.take(KINDS, "GET", "GET /x"), None);
        assert_eq!(faults.take(&[FaultKind::CutList], "POST", "POST /x"), None);
        assert!(faults.take(&[FaultKind::CutList], "GET", "GET /x").is_some());
        assert_eq!(faults.list().len(), 1);
        assert!(faults.remove(id));
        assert!(!faults.remove(id));
    }

    #[test]
    fn a_fault_that_waits_lets_the_next_one_happen() {
        let faults = Faults::new();
        faults.add(Fault::new(FaultKind::TooManyRequests).after(1));
        faults.add(Fault::new(FaultKind::Html).times(1));
        assert_eq!(faults.take(KINDS, "GET", "x").map(|f| f.kind), Some(FaultKind::Html));
        assert_eq!(
            faults.take(KINDS, "GET", "x").map(|f| f.kind),
            Some(FaultKind::TooManyRequests)
        );
    }

    #[tokio::test]
    async fn release_ends_what_hangs_and_nothing_later() {
        let faults = std::sync::Arc::new(Faults::new());
        faults.release();
        let hanging = tokio::spawn({
            let faults = faults.clone();
            async move { faults.stall().await }
        });
        faults.stalled().await;
        assert_eq!(faults.stalled_now(), 1);
        faults.release();
        hanging.await.unwrap();
        assert_eq!(faults.stalled_now(), 0);
    }

    #[test]
    fn faults_read_from_json_with_their_defaults() {
        let fault: Fault = serde_json::from_str(r#"{"kind":"stall_after","after":3}"#).unwrap();
        assert_eq!(fault, Fault::new(FaultKind::StallAfter).after(3));
        assert!(serde_json::from_str::<Fault>(r#"{"kind":"html","tmies":3}"#).is_err());
    }
}
