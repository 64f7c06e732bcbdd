//! Points in time as people write them: a date, or how long from now.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::ids::Timestamp;

/// What a text should have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// Not a length of time.
    #[error("`{0}` is no length of time: 90s, 5m, 2h and 1d are, and 250ms")]
    Length(String),
    /// Neither a length of time nor a date.
    #[error("`{0}` is neither a length of time, as 5m, nor a date, as 2026-12-01T08:00:00Z")]
    Moment(String),
}

/// Returns a length of time: a number with `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// With the text if it is none.
pub fn length(text: &str) -> Result<Duration, MomentError> {
    let split = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split).unwrap_or((text, ""));
    let factor: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => 0,
    };
    let total = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    match total {
        // A thousand years: beyond that, dates cannot be calculated with.
        Some(total) if factor > 0 && total < 31_536_000_000_000 => Ok(Duration::from_millis(total)),
        _ => Err(MomentError::Length(text.to_owned())),
    }
}

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Moment {
    /// A date.
    At(Timestamp),
    /// So long after it was said.
    In(Duration),
}

impl Moment {
    /// Returns the point in time, said at `now`.
    pub fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::In(wait) => now.plus_ms(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
        }
    }
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        if let Ok(wait) = length(text) {
            return Ok(Self::In(wait));
        }
        let date = jiff::Timestamp::from_str(text);
        date.map(|date| Self::At(Timestamp(date.as_millisecond())))
            .map_err(|_| MomentError::Moment(text.to_owned()))
    }
}

impl TryFrom<String> for Moment {
    type Error = MomentError;

    fn try_from(text: String) -> Result<Self, MomentError> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => write!(f, "{at}"),
            Self::In(wait) if wait.subsec_millis() == 0 => write!(f, "{}s", wait.as_secs()),
            Self::In(wait) => write!(f, "{}ms", wait.as_millis()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_a_number_and_a_unit() {
        for (text, ms) in [("250ms", 250), ("90s", 90_000), ("5m", 300_000), ("2h", 7_200_000)] {
            assert_eq!(length(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "5", "m", "5 m", "-5m", "1.5h", "5y", "99999999999999999999d", "400000d"] {
            assert!(length(text).is_err(), "{text}");
        }
    }

    #[test]
    fn moments_are_dates_or_lengths_and_can_be_read_again() {
        let now = Timestamp(1_000);
        let date: Moment = "1970-01-01T00:01:00Z".parse().unwrap();
        assert_eq!(date.from(now), Timestamp(60_000));
        let wait: Moment = "2m".parse().unwrap();
        assert_eq!(wait.from(now), Timestamp(121_000));
        for moment in [date, wait, "1500ms".parse().unwrap()] {
            assert_eq!(moment.to_string().parse(), Ok(moment));
        }
        assert!("tomorrow".parse::<Moment>().is_err());
    }
}
