//! Holds every exchange with the sandbox against what the vendors describe.
//!
//! A [`Judge`] watches a sandbox. Answers of both emulators are judged always, requests only if our
//! own client made them. What breaks a description is collected, and the test that looked on fails
//! when its [`Court`] closes: a shape that is wrong on the wire is never a matter of one test alone.

mod description;
mod graph;
mod login;
mod message;
mod schema;
mod sharefile;
mod surface;

#[cfg(test)]
mod every;
#[cfg(test)]
mod found;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sharefile_provisioner::sandbox::observe::{End, Exchange, Observe};

use message::{Answer, Request};

/// So many violations are kept; one is enough to fail.
const KEPT: usize = 10;

/// Judges what it is shown.
#[derive(Debug, Default)]
pub struct Judge(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    violations: Vec<String>,
    seen: BTreeMap<String, u64>,
    spoilt: Vec<String>,
}

impl Judge {
    /// Returns what broke a description, oldest first.
    pub fn violations(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).violations.clone()
    }

    /// Returns how often each operation was seen, as `GET /users/{id} 200`.
    pub fn seen(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).seen.clone()
    }
}

impl Judge {
    /// Returns the answers that a fault spoilt: request and the beginning of the body.
    pub fn spoilt(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).spoilt.clone()
    }
}

impl Observe for Judge {
    fn observe(&self, exchange: &Exchange) {
        let request = Request::of(exchange);
        let answer = exchange.answer.as_ref();
        let spoilt = answer.filter(|answer| answer.spoilt).map(|answer| {
            let body = String::from_utf8_lossy(&answer.body);
            let begin: String = body.chars().take(400).collect();
            format!("{} {}: {} {begin:?}", request.method, request.target(), answer.status)
        });
        let answer = answer.filter(|answer| !answer.spoilt).map(Answer::of);
        let mut report = Report::default();
        match exchange.end {
            End::Entra => graph::judge(&request, answer, &mut report),
            End::Sharefile => sharefile::judge(&request, answer, &mut report),
        }
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        record.spoilt.extend(spoilt);
        let room = KEPT.saturating_sub(record.violations.len());
        record.violations.extend(report.violations.into_iter().take(room));
        for name in report.seen {
            *record.seen.entry(name).or_default() += 1;
        }
    }
}

/// What an exchange, with all that is inside it, comes to.
#[derive(Debug, Default)]
struct Report {
    violations: Vec<String>,
    seen: Vec<String>,
}

impl Report {
    /// Notes a violation: where, and what is wrong.
    fn wrong(&mut self, request: &Request, what: impl std::fmt::Display) {
        let mut what = what.to_string();
        if let Some((at, _)) = what.char_indices().nth(400) {
            what.truncate(at);
            what.push('…');
        }
        self.violations.push(format!("{} {}: {what}", request.method, request.target()));
    }
}

/// Fails the test that it belongs to, when it is dropped, if anything broke a description.
#[derive(Debug)]
pub struct Court(Arc<Judge>);

impl Court {
    /// Opens a court over a fresh judge.
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// Returns the judge, for a sandbox to show its exchanges to.
    pub fn observer(&self) -> Arc<dyn Observe> {
        self.0.clone()
    }

    /// Returns the judge.
    pub fn judge(&self) -> &Judge {
        &self.0
    }

    /// Returns what broke a description so far, and forgets it.
    pub fn dismiss(&self) -> Vec<String> {
        std::mem::take(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner).violations)
    }
}

impl Drop for Court {
    fn drop(&mut self) {
        let violations = self.0.violations();
        if !violations.is_empty() && !std::thread::panicking() {
            panic!("what went over the wire is not as described:\n{}", violations.join("\n"));
        }
    }
}
