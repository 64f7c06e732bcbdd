//! Faults as they are said: in JSON, and as `name=value` on a command line.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Fault, FaultKind};
use crate::sandbox::moment::Moment;

/// The longest delay, in milliseconds: ten minutes.
const LONGEST_MS: u64 = 600_000;

/// Why a fault cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// A name does not go with the kind.
    #[error("`{name}` says nothing about {kind}; it goes with {with}")]
    Misplaced {
        /// The name.
        name: &'static str,
        /// The kind.
        kind: String,
        /// The kinds that it goes with.
        with: String,
    },
    /// A name that the kind needs is missing.
    #[error("`{name}` is missing: {kind} needs it")]
    Missing {
        /// The name.
        name: &'static str,
        /// The kind.
        kind: String,
    },
    /// A value lies outside of what makes sense.
    #[error("`{name}` must be {must}")]
    Range {
        /// The name.
        name: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// A name or a value that is unknown; the text says what is known.
    #[error("{0}")]
    Unknown(String),
    /// A part of the text that is no `name=value`.
    #[error("`{0}` is no name=value; a fault is said as kind=slow,delay_ms=500,endpoint=/users")]
    Part(String),
    /// A name is given twice.
    #[error("`{0}` is given twice")]
    Twice(String),
}

/// A fault as JSON has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    kind: FaultKind,
    endpoint: Option<String>,
    method: Option<String>,
    #[serde(default)]
    after: u32,
    times: Option<u32>,
    probability: Option<f64>,
    from: Option<Moment>,
    until: Option<Moment>,
    retry_after: Option<String>,
    keep: Option<usize>,
    status: Option<u16>,
    reason: Option<String>,
    delay_ms: Option<u64>,
    lose: Option<usize>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    seed: u64,
}

const REFUSALS: &[FaultKind] = &[
    FaultKind::TooManyRequests,
    FaultKind::Unavailable,
    FaultKind::Unauthorized,
    FaultKind::Html,
    FaultKind::DuplicateAddress,
    FaultKind::NoLicence,
];

impl Said {
    /// Refuses what would be read and then ignored.
    fn check(&self) -> Result<(), FaultError> {
        use FaultKind as Kind;
        let mut stated = REFUSALS.to_vec();
        stated.push(Kind::ExpiredDelta);
        let reasoned = || REFUSALS.iter().copied().filter(|kind| *kind != Kind::Html).collect();
        let places: [(&'static str, bool, Vec<Kind>); 7] = [
            ("retry_after", self.retry_after.is_some(), REFUSALS.to_vec()),
            ("status", self.status.is_some(), stated),
            ("reason", self.reason.is_some(), reasoned()),
            ("keep", self.keep.is_some(), vec![Kind::CutList]),
            ("delay_ms", self.delay_ms.is_some(), vec![Kind::Slow, Kind::Trickle]),
            ("lose", self.lose.is_some(), vec![Kind::LostRows]),
            ("members", !self.members.is_empty(), vec![Kind::Ignored, Kind::Nulls]),
        ];
        for (name, given, with) in places {
            if given && !with.contains(&self.kind) {
                let with: Vec<String> = with.into_iter().map(name_of).collect();
                let (kind, with) = (name_of(self.kind), with.join(", "));
                return Err(FaultError::Misplaced { name, kind, with });
            }
        }
        if self.kind == Kind::Ignored && self.members.is_empty() {
            return Err(FaultError::Missing { name: "members", kind: name_of(self.kind) });
        }
        if self.kind == Kind::Slow && self.delay_ms.is_none() {
            return Err(FaultError::Missing { name: "delay_ms", kind: name_of(self.kind) });
        }
        self.check_ranges()
    }

    fn check_ranges(&self) -> Result<(), FaultError> {
        let range = |name, must| Err(FaultError::Range { name, must });
        if self.probability.is_some_and(|part| !(0.0..=1.0).contains(&part)) {
            return range("probability", "a number from 0 to 1");
        }
        if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return range("status", "an HTTP status from 200 to 599");
        }
        if self.delay_ms.is_some_and(|delay| delay > LONGEST_MS) {
            return range("delay_ms", "at most 600000, which is ten minutes");
        }
        if self.method.as_deref().is_some_and(|method| http::Method::from_str(method).is_err()) {
            return range("method", "an HTTP method");
        }
        let text = self.retry_after.as_deref();
        if text.is_some_and(|text| http::HeaderValue::from_str(text).is_err()) {
            return range("retry_after", "a text that fits into a header");
        }
        Ok(())
    }
}

impl TryFrom<Said> for Fault {
    type Error = FaultError;

    fn try_from(said: Said) -> Result<Self, FaultError> {
        said.check()?;
        Ok(Self {
            kind: said.kind,
            endpoint: said.endpoint,
            method: said.method,
            after: said.after,
            times: said.times,
            probability: said.probability,
            from: said.from,
            until: said.until,
            retry_after: said.retry_after,
            keep: said.keep,
            status: said.status,
            reason: said.reason,
            delay_ms: said.delay_ms,
            lose: said.lose,
            members: said.members,
            seed: said.seed,
        })
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    /// Reads `kind=too_many_requests,endpoint=/users,times=3`; members are separated by `+`.
    fn from_str(text: &str) -> Result<Self, FaultError> {
        const NUMBERS: [&str; 8] =
            ["after", "times", "probability", "keep", "status", "delay_ms", "lose", "seed"];
        let mut members = Map::new();
        let mut seen = BTreeSet::new();
        for part in text.split(',') {
            let (name, value) =
                part.split_once('=').ok_or_else(|| FaultError::Part(part.to_owned()))?;
            let (name, value) = (name.trim(), value.trim());
            if !seen.insert(name.to_owned()) {
                return Err(FaultError::Twice(name.to_owned()));
            }
            let value = match name {
                "members" => json!(value.split('+').collect::<Vec<_>>()),
                _ if NUMBERS.contains(&name) => {
                    serde_json::from_str(value).unwrap_or_else(|_| json!(value))
                }
                _ => json!(value),
            };
            members.insert(name.to_owned(), value);
        }
        serde_json::from_value(Value::Object(members))
            .map_err(|problem| FaultError::Unknown(problem.to_string()))
    }
}

fn name_of(kind: FaultKind) -> String {
    let name = serde_json::to_value(kind).ok();
    name.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Returns the seconds in `date+SECONDS` or `date-SECONDS`.
pub(super) fn seconds_after_the_date(text: &str) -> Option<i64> {
    let rest = text.strip_prefix("date")?;
    rest.starts_with(['+', '-']).then(|| rest.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_says_what_json_says() {
        let said: Fault =
            "kind=too_many_requests,endpoint=/users,method=GET,probability=0.1,times=3,retry_after=2.128"
                .parse()
                .unwrap();
        let wanted = Fault::new(FaultKind::TooManyRequests).at("/users").on("GET");
        assert_eq!(said, wanted.probability(0.1).times(3).retry_after("2.128"));
        let said: Fault = "kind=ignored,members=Company+LastName,from=5m".parse().unwrap();
        assert_eq!(said.members, ["Company", "LastName"]);
        assert_eq!(said.from, Some("5m".parse().unwrap()));
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_what_can() {
        let refused = |text: &str| text.parse::<Fault>().unwrap_err().to_string();
        for (text, part) in [
            ("kind=slow", "`delay_ms` is missing: slow needs it"),
            ("kind=ignored", "`members` is missing"),
            ("kind=sloow", "unknown variant `sloow`, expected one of `too_many_requests`"),
            ("kind=html,tmies=3", "unknown field `tmies`, expected one of `kind`, `endpoint`"),
            ("kind=html,keep=3", "`keep` says nothing about html; it goes with cut_list"),
            ("kind=html,reason=x", "`reason` says nothing about html; it goes with too_many"),
            ("kind=html,probability=1.5", "`probability` must be a number from 0 to 1"),
            ("kind=html,times=often", "invalid type: string \"often\""),
            ("kind=slow,delay_ms=600001", "`delay_ms` must be at most 600000"),
            ("kind=html,from=tomorrow", "`tomorrow` is neither a length of time"),
            ("kind=html,kind=slow", "`kind` is given twice"),
            ("html", "`html` is no name=value"),
            ("times=3", "missing field `kind`"),
            ("kind=html,status=42", "`status` must be an HTTP status"),
        ] {
            assert!(refused(text).contains(part), "{text}: {}", refused(text));
        }
    }
}
