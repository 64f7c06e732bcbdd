//! Dates in filters: what they compare with, and when what they say changes by itself.

use std::fmt;

use serde::Serialize;

use crate::model::ids::Timestamp;
use crate::plan::map::read_date;

/// Units of a distance from now, the longest first, with their length in milliseconds.
const UNITS: [(char, i64); 5] =
    [('w', 604_800_000), ('d', 86_400_000), ('h', 3_600_000), ('m', 60_000), ('s', 1_000)];

/// What a date is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// So many milliseconds from now; negative ones are past.
    Now(i64),
    /// This instant.
    At(Timestamp),
}

/// Which side of it a date has to be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Earlier.
    Before,
    /// Then, or earlier.
    OnOrBefore,
    /// Later.
    After,
    /// Then, or later.
    OnOrAfter,
}

impl When {
    /// Reads `now`, `now-30d`, `now+2w`, or a date; a date without an offset is UTC, and one without
    /// a time is the midnight with which it begins.
    ///
    /// # Errors
    /// Says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let right = || {
            "expected `now`, a distance from it as `now-30d` or `now+2w`, or a date as `2026-01-31`"
                .to_owned()
        };
        let start = text.get(..3).filter(|start| start.eq_ignore_ascii_case("now"));
        let Some(distance) = start.and_then(|_| text.get(3..)) else {
            return instant(text).map(Self::At).ok_or_else(right);
        };
        let distance = distance.trim();
        if distance.is_empty() {
            return Ok(Self::Now(0));
        }
        let (sign, number) = match distance.split_at_checked(1) {
            Some(("-", rest)) => (-1, rest.trim()),
            Some(("+", rest)) => (1, rest.trim()),
            _ => return Err(right()),
        };
        let mut total: i64 = 0;
        let mut rest = number;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(right)?;
            let (count, after) = rest.split_at(digits);
            let mut letters = after.trim_start().chars();
            let unit = letters.next().map(|letter| letter.to_ascii_lowercase());
            let unit = UNITS.iter().find(|(known, _)| Some(*known) == unit).ok_or_else(|| {
                "a distance has the units `s`, `m` (minutes), `h`, `d` and `w`".to_owned()
            })?;
            let length = count.parse::<i64>().ok().and_then(|count| count.checked_mul(unit.1));
            let sum = length.and_then(|length| total.checked_add(length));
            total = sum.filter(|sum| *sum <= MOST_MS).ok_or("the distance is too long")?;
            rest = letters.as_str().trim_start();
        }
        if number.is_empty() { Err(right()) } else { Ok(Self::Now(sign * total)) }
    }

    /// Returns the instant.
    fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Now(distance) => now.plus_ms(distance),
            Self::At(at) => at,
        }
    }
}

/// The longest distance: a thousand years.
const MOST_MS: i64 = 1_000 * 366 * 86_400_000;

/// Returns the instant that a text names, to the millisecond.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let date = read_date(text)?;
    let at = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(Timestamp(at.as_millisecond()))
}

impl Side {
    /// Returns whether a date is on this side.
    pub(super) fn holds(self, date: Timestamp, when: When, now: Timestamp) -> bool {
        let limit = when.at(now);
        match self {
            Self::Before => date < limit,
            Self::OnOrBefore => date <= limit,
            Self::After => date > limit,
            Self::OnOrAfter => date >= limit,
        }
    }

    /// Returns the first instant after `now` at which the answer for a date is another one.
    pub(super) fn changes(self, date: Timestamp, when: When, now: Timestamp) -> Option<Timestamp> {
        let When::Now(distance) = when else {
            return None;
        };
        let reached = date.plus_ms(distance.saturating_neg());
        let at = match self {
            Self::OnOrBefore | Self::After => reached,
            Self::Before | Self::OnOrAfter => reached.plus_ms(1),
        };
        (at > now).then_some(at)
    }

    /// Returns the operator.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Before => "BEFORE",
            Self::OnOrBefore => "ON_OR_BEFORE",
            Self::After => "AFTER",
            Self::OnOrAfter => "ON_OR_AFTER",
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Now(0) => f.write_str("now"),
            Self::Now(distance) => {
                let mut rest = distance.abs();
                f.write_str(if distance < 0 { "now-" } else { "now+" })?;
                for (unit, length) in UNITS {
                    let count = rest / length;
                    rest %= length;
                    if count > 0 {
                        write!(f, "{count}{unit}")?;
                    }
                }
                Ok(())
            }
            Self::At(at) => match jiff::Timestamp::from_millisecond(at.0) {
                Ok(at) => write!(f, "{at}"),
                Err(_) => write!(f, "{}", at.0),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    #[test]
    fn instants_and_distances_are_read_and_written() {
        for (text, distance, again) in [
            ("now", 0, "now"),
            ("NOW", 0, "now"),
            ("now-30d", -30 * DAY, "now-4w2d"),
            ("now + 2w", 14 * DAY, "now+2w"),
            ("now+1d12h30m5s", DAY + 45_005_000, "now+1d12h30m5s"),
        ] {
            assert_eq!(When::parse(text), Ok(When::Now(distance)), "{text}");
            assert_eq!(When::Now(distance).to_string(), again);
            assert_eq!(When::parse(again), Ok(When::Now(distance)));
        }
        let day = Timestamp(1_769_817_600_000);
        for text in ["2026-01-31", "2026-01-31T00:00:00Z", "2026-01-31T02:00:00+02:00"] {
            assert_eq!(When::parse(text), Ok(When::At(day)), "{text}");
        }
        assert_eq!(When::At(day).to_string(), "2026-01-31T00:00:00Z");
        for wrong in ["", "soon", "now-", "now30d", "now-d", "now-3", "now-3y", "2026-02-30"] {
            assert!(When::parse(wrong).is_err(), "{wrong}");
        }
        assert!(When::parse("now-99999999999999w").is_err() && When::parse("nöw").is_err());
    }

    #[test]
    fn what_a_date_says_changes_exactly_when_it_is_said_to() {
        let now = Timestamp(1_000 * DAY);
        let sides = [Side::Before, Side::OnOrBefore, Side::After, Side::OnOrAfter];
        let whens = [When::Now(0), When::Now(-30 * DAY), When::Now(7 * DAY), When::At(now)];
        for side in sides {
            for when in whens {
                for days in [900, 969, 970, 971, 999, 1_000, 1_001, 1_007, 1_008, 1_100] {
                    let date = Timestamp(days * DAY);
                    let before = side.holds(date, when, now);
                    match side.changes(date, when, now) {
                        Some(at) => {
                            let last = at.plus_ms(-1);
                            assert_eq!(side.holds(date, when, last), before, "{side:?} {when}");
                            assert_ne!(side.holds(date, when, at), before, "{side:?} {when}");
                        }
                        None => {
                            let late = now.plus_ms(1_000 * DAY);
                            assert_eq!(side.holds(date, when, late), before, "{side:?} {when}");
                        }
                    }
                }
            }
        }
    }
}
