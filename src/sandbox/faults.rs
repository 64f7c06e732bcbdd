//! Faults: what goes wrong on purpose, until it has happened often enough.
//!
//! The middleware of [`super::server`] acts out the faults that concern the transport; the
//! emulators ask for those that concern their own state.

mod said;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::graph::dice::Dice;
use super::moment::Moment;
use crate::clock::{Clock, SystemClock};
use crate::model::ids::Timestamp;

pub use said::FaultError;
use said::Said;

/// Of how many cases a probability is counted.
const CASES: u32 = 1_000_000;

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
    /// The request is processed, and answered [`Fault::delay_ms`] later on the sandbox's clock.
    Slow,
    /// The request is processed, and the connection ends in the middle of the answer's body.
    CutBody,
    /// The request is processed, and its answer comes one byte at a time, [`Fault::delay_ms`]
    /// apart.
    Trickle,
    /// An empty page of a list, whose link leads to the page that was asked for.
    EmptyPage,
    /// A page of a list that comes twice: its link leads to itself, and from there on.
    RepeatedPage,
    /// A page of a list whose rows are in another order.
    ReorderedPage,
    /// A page of a list that lacks [`Fault::lose`] of its rows and says nothing of it.
    LostRows,
    /// Everything but ids and types is null, as for a caller without the permission.
    Nulls,
    /// A write without the members [`Fault::members`] of its body, as if they were ignored.
    Ignored,
    /// A write whose texts are trimmed, with single spaces and addresses in lower case.
    Normalised,
    /// At ShareFile, 404 to whoever sends an address, as if it were taken.
    DuplicateAddress,
    /// At ShareFile, a refusal to whoever creates somebody, as if no licence were left.
    NoLicence,
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
    /// The faults that the middleware acts out for every request.
    pub const TRANSPORT: [Self; 12] = [
        Self::TooManyRequests,
        Self::Unavailable,
        Self::DropBefore,
        Self::DropAfter,
        Self::StallBefore,
        Self::StallAfter,
        Self::Unauthorized,
        Self::Html,
        Self::Malformed,
        Self::Slow,
        Self::CutBody,
        Self::Trickle,
    ];

    /// The faults that the middleware does to an answer that is a page of a list.
    pub const PAGE: [Self; 5] =
        [Self::EmptyPage, Self::RepeatedPage, Self::ReorderedPage, Self::LostRows, Self::Nulls];

    /// Whether an answer is left without what every such answer has: a page with neither link, or
    /// with null where nothing may be null.
    const fn is_shapeless(self) -> bool {
        matches!(self, Self::CutList | Self::Nulls)
    }

    /// The faults that the middleware does to the body of a write.
    pub const BODY: [Self; 2] = [Self::Ignored, Self::Normalised];
}

/// A fault that waits for its requests.
///
/// In JSON every name but `kind` may be absent, and a name that does not go with the kind is
/// refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Said")]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only for endpoints whose label contains this text; `None` means any endpoint.
    pub endpoint: Option<String>,
    /// Only for this HTTP method; `None` means any method.
    pub method: Option<String>,
    /// How many matching requests go through first.
    pub after: u32,
    /// How often it happens; `None` means until it is cleared.
    pub times: Option<u32>,
    /// In how many cases of those that match it happens, from 0 to 1; `None` means in all.
    pub probability: Option<f64>,
    /// From when on it happens, on the sandbox's clock.
    pub from: Option<Moment>,
    /// Until when it happens.
    pub until: Option<Moment>,
    /// The text of the `Retry-After` header, verbatim, or `date+SECONDS` for an HTTP date so long
    /// after the answer's own date; `None` means no such header.
    pub retry_after: Option<String>,
    /// For [`FaultKind::CutList`]: how many rows are kept; `None` keeps none.
    pub keep: Option<usize>,
    /// Another HTTP status than the usual one of the kind.
    pub status: Option<u16>,
    /// Another machine-readable reason than the usual one of the kind.
    pub reason: Option<String>,
    /// For [`FaultKind::Slow`] and [`FaultKind::Trickle`]: milliseconds.
    pub delay_ms: Option<u64>,
    /// For [`FaultKind::LostRows`]: how many rows; `None` means one.
    pub lose: Option<usize>,
    /// For [`FaultKind::Ignored`]: names of members; for [`FaultKind::Nulls`]: the properties that
    /// are null, all of them if it is empty.
    pub members: Vec<String>,
    /// What chance is drawn from: which cases, which damage, which rows. The next answer that the
    /// fault befalls is drawn from the next number.
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
            probability: None,
            from: None,
            until: None,
            retry_after: None,
            keep: None,
            status: None,
            reason: None,
            delay_ms: None,
            lose: None,
            members: Vec::new(),
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

    /// Returns the fault, happening in a part of the cases that match, from 0 to 1.
    pub fn probability(mut self, part: f64) -> Self {
        self.probability = Some(part);
        self
    }

    /// Returns the fault, happening only from one point in time until another.
    pub fn between(mut self, from: Moment, until: Moment) -> Self {
        self.from = Some(from);
        self.until = Some(until);
        self
    }

    /// Returns the fault with a delay.
    pub fn delay_ms(mut self, millis: u64) -> Self {
        self.delay_ms = Some(millis);
        self
    }

    /// Returns the fault, losing `rows` rows.
    pub fn lose(mut self, rows: usize) -> Self {
        self.lose = Some(rows);
        self
    }

    /// Returns the fault, concerning these members.
    pub fn members(mut self, names: &[&str]) -> Self {
        self.members = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// Returns the text of `Retry-After` at `now`, and whether it counts from the answer's date.
    pub fn wait(&self, now: Timestamp) -> Option<(String, bool)> {
        let text = self.retry_after.as_deref()?;
        match said::seconds_after_the_date(text) {
            Some(secs) => {
                let at = now.plus_ms(secs.saturating_mul(1000));
                Some((http_date(at), true))
            }
            None => Some((text.to_owned(), false)),
        }
    }

    /// Returns the fault, damaging answers by the numbers from `seed` on.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    fn leaves_something_to_chance(&self) -> bool {
        self.probability.is_some()
            || [FaultKind::ReorderedPage, FaultKind::LostRows].contains(&self.kind)
    }

    fn matches(&self, kinds: &[FaultKind], method: &str, endpoint: &str, now: Timestamp) -> bool {
        kinds.contains(&self.kind)
            && self.from.is_none_or(|from| from.from(now) <= now)
            && self.until.is_none_or(|until| now < until.from(now))
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.endpoint.as_deref().is_none_or(|wanted| endpoint.contains(wanted))
    }
}

/// Writes a time as HTTP headers do.
pub(super) fn http_date(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[derive(Debug)]
struct Entry {
    id: u64,
    fault: Fault,
    /// Decides in which cases it happens.
    dice: Dice,
}

#[derive(Debug, Default)]
struct Listed {
    faults: Vec<Entry>,
    last_id: u64,
    shapeless: u64,
}

/// The faults of a sandbox, and the requests that hang in it.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    clock: Arc<dyn Clock>,
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
    /// Starts without faults, on the clock of the machine.
    pub fn new() -> Self {
        Self::with(1, Arc::new(SystemClock::new()))
    }

    /// Starts without faults. Those that leave something to chance and bring no seed of their own
    /// get one that follows from `seed` and their number.
    pub fn with(seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            seed,
            clock,
            listed: Mutex::default(),
            stalled: watch::Sender::new(0),
            released: watch::Sender::new(0),
        }
    }

    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault and returns its number. Its times are counted from now.
    pub fn add(&self, mut fault: Fault) -> u64 {
        let now = self.clock.now();
        let mut listed = self.listed();
        listed.last_id += 1;
        let id = listed.last_id;
        fault.from = fault.from.map(|from| Moment::At(from.from(now)));
        fault.until = fault.until.map(|until| Moment::At(until.from(now)));
        if fault.seed == 0 && fault.leaves_something_to_chance() {
            fault.seed = Dice::new(self.seed.rotate_left(20) ^ id).bits() >> 32;
        }
        let dice = Dice::new(fault.seed.rotate_left(40) ^ 0xfa17);
        if fault.times != Some(0) {
            listed.faults.push(Entry { id, fault, dice });
        }
        id
    }

    /// Takes one fault back; returns whether it was still there.
    pub fn remove(&self, id: u64) -> bool {
        let mut listed = self.listed();
        let before = listed.faults.len();
        listed.faults.retain(|entry| entry.id != id);
        listed.faults.len() < before
    }

    /// Takes all faults back. Requests that hang stay hanging until [`Faults::release`].
    pub fn clear(&self) {
        self.listed().faults.clear();
    }

    /// Returns what is still to come, in the order in which it was added.
    pub fn list(&self) -> Vec<Fault> {
        self.listed().faults.iter().map(|entry| entry.fault.clone()).collect()
    }

    /// Returns whether a fault of one of these kinds is still to come.
    pub(super) fn await_some(&self, kinds: &[FaultKind]) -> bool {
        self.listed().faults.iter().any(|entry| kinds.contains(&entry.fault.kind))
    }

    /// Returns the fault that befalls a request, and counts it as happened.
    ///
    /// The first fault in order of addition whose turn has come is taken. Those before it that
    /// still let requests pass count this one; those behind it do not see it. Chance is asked last.
    pub fn take(&self, kinds: &[FaultKind], method: &str, endpoint: &str) -> Option<Fault> {
        let now = self.clock.now();
        let mut listed = self.listed();
        let mut due = None;
        for (position, entry) in listed.faults.iter_mut().enumerate() {
            let fault = &mut entry.fault;
            if !fault.matches(kinds, method, endpoint, now) {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            if fault.probability.is_some_and(|part| !happens(&mut entry.dice, part)) {
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
        listed.shapeless += u64::from(fault.kind.is_shapeless());
        if fault.times == Some(0) {
            listed.faults.remove(position);
        }
        Some(fault)
    }

    /// Returns how many answers lost their shape so far.
    pub(super) fn shapeless(&self) -> u64 {
        self.listed().shapeless
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

/// Returns whether a case is among the part in which something happens.
fn happens(dice: &mut Dice, part: f64) -> bool {
    let case = dice.below(CASES as usize);
    (case as f64) < part * f64::from(CASES)
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
    fn chance_follows_from_the_seed_and_comes_near_to_its_part() {
        let run = |seed| -> Vec<bool> {
            let faults = Faults::with(seed, Arc::new(SystemClock::new()));
            faults.add(Fault::new(FaultKind::Html).probability(0.3));
            (0..1_000).map(|_| faults.take(KINDS, "GET", "x").is_some()).collect()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let hits = run(7).into_iter().filter(|hit| *hit).count();
        assert!((240..360).contains(&hits), "{hits}");
        let never = Faults::new();
        never.add(Fault::new(FaultKind::Html).probability(0.0));
        assert!((0..100).all(|_| never.take(KINDS, "GET", "x").is_none()));
        assert_ne!(never.list()[0].seed, 0, "the seed can be read, to do it again");
    }

    #[test]
    fn times_are_those_of_the_clock_of_the_sandbox() {
        let clock = Arc::new(crate::clock::JumpClock::new(Timestamp(1_000_000)));
        let faults = Faults::with(1, clock.clone());
        let (from, until) = ("60s".parse().unwrap(), "2m".parse().unwrap());
        faults.add(Fault::new(FaultKind::Html).between(from, until));
        let seen: Vec<bool> = (0..4)
            .map(|_| {
                let due = faults.take(KINDS, "GET", "x").is_some();
                clock.advance(std::time::Duration::from_secs(45));
                due
            })
            .collect();
        assert_eq!(seen, [false, false, true, false]);
    }

    #[test]
    fn waits_can_be_dates_counted_from_the_answer() {
        let now = Timestamp(784_111_777_000);
        let wait = |text: &str| Fault::new(FaultKind::Html).retry_after(text).wait(now);
        let date = |text: &str| Some((text.to_owned(), true));
        assert_eq!(wait("date+40"), date("Sun, 06 Nov 1994 08:50:17 GMT"));
        assert_eq!(wait("date-37"), date("Sun, 06 Nov 1994 08:49:00 GMT"));
        for verbatim in ["2.128", "120", "soon", "date", "-5"] {
            assert_eq!(wait(verbatim), Some((verbatim.to_owned(), false)));
        }
        assert_eq!(Fault::new(FaultKind::Html).wait(now), None);
    }

    #[test]
    fn faults_read_from_json_with_their_defaults() {
        let fault: Fault = serde_json::from_str(r#"{"kind":"stall_after","after":3}"#).unwrap();
        assert_eq!(fault, Fault::new(FaultKind::StallAfter).after(3));
        assert!(serde_json::from_str::<Fault>(r#"{"kind":"html","tmies":3}"#).is_err());
    }
}
