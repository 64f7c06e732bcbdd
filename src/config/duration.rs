//! Durations as people write them: `90s`, `20m`, `1h 30m`, `7d`.

use std::time::Duration;

/// The units, the longest first within a first letter, with their length in milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// Returns the duration that `text` spells: whole numbers with units `ms`, `s`, `m`, `h`, `d` or
/// `w`, one after the other.
///
/// # Errors
/// Says what is wrong, without the text itself.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("expected a duration as `20m`, found nothing".to_owned());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        if number.is_empty() {
            return Err("expected a whole number with a unit, as `20m` or `1h 30m`".to_owned());
        }
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        if unit.is_empty() {
            return Err(format!("the number {number} has no unit: expected `s`, `m`, `h` or `d`"));
        }
        let Some((_, length)) = UNITS.iter().find(|(known, _)| *known == unit) else {
            return Err(format!("`{unit}` is no unit: expected `s`, `m`, `h` or `d`"));
        };
        let millis = number.parse::<u64>().ok().and_then(|count| count.checked_mul(*length));
        let sum = millis.and_then(|millis| total.checked_add(millis));
        total = sum.ok_or_else(|| "the duration is too long".to_owned())?;
        rest = next.trim_start();
    }
    Ok(Duration::from_millis(total))
}

/// Returns the shortest text that [`parse`] reads as the same duration.
pub(super) fn text(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    for (unit, length) in
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
    {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        for (written, seconds) in
            [("20m", 1_200), ("90s", 90), ("1h30m", 5_400), (" 1 h 30 m ", 5_400), ("7d", 604_800)]
        {
            assert_eq!(parse(written), Ok(Duration::from_secs(seconds)), "{written}");
        }
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("2w"), parse("14d"));
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (written, why) in [
            ("", "expected a duration as `20m`, found nothing"),
            ("20", "the number 20 has no unit: expected `s`, `m`, `h` or `d`"),
            ("20 minutes", "`minutes` is no unit: expected `s`, `m`, `h` or `d`"),
            ("-5m", "expected a whole number with a unit, as `20m` or `1h 30m`"),
            ("1.5h", "the number 1 has no unit: expected `s`, `m`, `h` or `d`"),
            ("99999999999999999999d", "the duration is too long"),
            ("999999999999999w", "the duration is too long"),
        ] {
            assert_eq!(parse(written).expect_err(written), why);
        }
    }

    #[test]
    fn durations_print_short() {
        assert_eq!(text(Duration::from_secs(5_400)), "1h 30m");
        assert_eq!(text(Duration::from_secs(31 * 86_400)), "31d");
        assert_eq!(text(Duration::from_millis(1_250)), "1s 250ms");
        assert_eq!(text(Duration::ZERO), "0s");
    }
}
