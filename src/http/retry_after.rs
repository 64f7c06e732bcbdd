//! `Retry-After`, in every form that services use.
//!
//! RFC 9110 knows whole seconds and an HTTP date; fractional seconds have been seen (dependencies
//! reference, "Rate limiting and retry") and are rounded up.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

/// The longest wait that is obeyed; more is cut to it, and the service can say so again then.
pub const CAP: Duration = Duration::from_secs(3_600);

/// Returns how long the service asks to wait, or `None` if it does not say or says nonsense.
///
/// An HTTP date counts from the answer's own `Date`, because the two clocks may differ; without
/// one from `now_ms`, milliseconds since the Unix epoch. A date in the past is a wait of zero.
pub fn retry_after(headers: &HeaderMap, now_ms: i64) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match seconds(text) {
        Some(wait) => wait,
        None => {
            let until_ms = date_ms(text)?;
            let from_ms = headers
                .get(DATE)
                .and_then(|value| value.to_str().ok())
                .and_then(date_ms)
                .unwrap_or(now_ms);
            Duration::from_millis(u64::try_from(until_ms.saturating_sub(from_ms)).unwrap_or(0))
        }
    };
    Some(wait.min(CAP))
}

/// Reads whole or fractional seconds, rounded up.
fn seconds(text: &str) -> Option<Duration> {
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !numeric || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    // The cap first: a number of any length must not overflow.
    Some(Duration::from_secs(value.ceil().min(CAP.as_secs_f64()) as u64))
}

/// Reads an HTTP date, in milliseconds since the Unix epoch.
pub(super) fn date_ms(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const NOW_MS: i64 = 1_445_412_480_000; // Wed, 21 Oct 2015 07:28:00 GMT

    fn read(text: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        retry_after(&headers, NOW_MS).map(|wait| wait.as_secs())
    }

    #[test]
    fn reads_every_form() {
        assert_eq!(retry_after(&HeaderMap::new(), NOW_MS), None);
        for (text, expected) in [
            ("0", Some(0)),
            ("2", Some(2)),
            (" 17 ", Some(17)),
            ("0.2", Some(1)),
            ("1.0", Some(1)),
            ("1.5", Some(2)),
            ("600", Some(600)),
            ("86400", Some(3_600)),
            ("99999999999999999999999999999999", Some(3_600)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", Some(30)),
            ("Wed, 21 Oct 2015 07:27:00 GMT", Some(0)),
            ("Wed, 21 Oct 2065 07:28:30 GMT", Some(3_600)),
            ("", None),
            ("-5", None),
            ("soon", None),
            (".", None),
            ("1.2.3", None),
            ("1e9", None),
            ("NaN", None),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_date_counts_from_the_date_of_the_answer() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("Wed, 21 Oct 2015 09:00:10 GMT"));
        headers.insert(DATE, HeaderValue::from_static("Wed, 21 Oct 2015 09:00:00 GMT"));
        assert_eq!(retry_after(&headers, NOW_MS), Some(Duration::from_secs(10)));
    }
}
