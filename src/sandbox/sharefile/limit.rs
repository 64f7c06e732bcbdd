//! The tenant's own limit on requests (ShareFile API reference, section 6.3).

use std::collections::VecDeque;

use axum::response::Response;
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use super::switches::{RetryHint, Switches};
use super::wire;
use crate::model::ids::Timestamp;
use crate::sandbox::faults::http_date;

const MINUTE_MS: i64 = 60_000;

/// The requests of the last minute.
#[derive(Default)]
pub(super) struct Window {
    arrivals: VecDeque<Timestamp>,
}

impl Window {
    /// Returns the answer that turns a request away, or `None` if it is let in. Without a limit
    /// nothing is remembered.
    pub(super) fn turn_away(&mut self, switches: &Switches, now: Timestamp) -> Option<Response> {
        let Some(limit) = switches.requests_per_minute else {
            self.arrivals.clear();
            return None;
        };
        while self.arrivals.front().is_some_and(|first| first.plus_ms(MINUTE_MS) <= now) {
            self.arrivals.pop_front();
        }
        if self.arrivals.len() < limit {
            self.arrivals.push_back(now);
            return None;
        }
        // There is room again when all but `limit` less one of them have left the minute.
        let leaving = self.arrivals.get(self.arrivals.len().saturating_sub(limit.max(1)));
        let free = leaving.map_or(now, |first| first.plus_ms(MINUTE_MS));
        Some(throttled(switches, now, free))
    }
}

fn throttled(switches: &Switches, now: Timestamp, free: Timestamp) -> Response {
    let status = StatusCode::from_u16(switches.throttle_status);
    let status = status.unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    let error = wire::Error { reason: "Throttled", message: "Too many requests were sent." };
    // The reason is the only signal that is confirmed, so it is there whatever the switches say.
    let mut response = wire::error_response(status, error, true, switches.numeric_codes);
    let secs = free.ms_since(now).div_ceil(1_000);
    let hint = match switches.throttle_hint {
        RetryHint::None => return response,
        RetryHint::Seconds => secs.to_string(),
        // An HTTP date has whole seconds: too early would be told to wait once more.
        RetryHint::Date => http_date(free.plus_ms(999)),
    };
    if let Ok(hint) = HeaderValue::from_str(&hint) {
        response.headers_mut().insert(RETRY_AFTER, hint);
    }
    // A date counts from the answer's own, which is that of the tenant's clock.
    if let (RetryHint::Date, Ok(date)) =
        (switches.throttle_hint, HeaderValue::from_str(&http_date(now)))
    {
        response.headers_mut().insert(DATE, date);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switches(hint: RetryHint) -> Switches {
        Switches { requests_per_minute: Some(2), throttle_hint: hint, ..Switches::default() }
    }

    #[test]
    fn the_minute_slides() {
        let mut window = Window::default();
        let switches = switches(RetryHint::Seconds);
        for (at, admitted) in
            [(0, true), (10_000, true), (59_999, false), (60_000, true), (60_001, false)]
        {
            let answer = window.turn_away(&switches, Timestamp(at));
            assert_eq!(answer.is_none(), admitted, "{at}");
        }
        let refused = window.turn_away(&switches, Timestamp(60_500)).unwrap();
        assert_eq!(refused.headers()[RETRY_AFTER], "10");
        assert!(window.turn_away(&switches, Timestamp(70_000)).is_none());
    }

    #[test]
    fn the_hint_comes_in_three_forms_and_the_status_is_chosen() {
        let mut window = Window::default();
        let mut none = switches(RetryHint::None);
        none.throttle_status = 503;
        for _ in 0..2 {
            assert!(window.turn_away(&none, Timestamp(0)).is_none());
        }
        let refused = window.turn_away(&none, Timestamp(0)).unwrap();
        assert_eq!(refused.status(), 503);
        assert!(refused.headers().get(RETRY_AFTER).is_none());
        let refused = window.turn_away(&switches(RetryHint::Date), Timestamp(1)).unwrap();
        assert_eq!(refused.status(), 429);
        assert_eq!(refused.headers()[RETRY_AFTER], "Thu, 01 Jan 1970 00:01:00 GMT");
        assert_eq!(refused.headers()[DATE], "Thu, 01 Jan 1970 00:00:00 GMT");
        let off = Switches::default();
        assert!((0..99).all(|_| window.turn_away(&off, Timestamp(0)).is_none()));
    }
}
