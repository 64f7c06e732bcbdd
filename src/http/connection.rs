//! How answers came: over TLS or not, through which proxy, and by which clock.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::header::DATE;
use url::Url;

use super::certificate::CertificateFacts;
use super::error::host_of;
use super::retry_after::date_ms;

/// What is known of the connections to one host, by the last answer of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The host, with its port if it is not the usual one.
    pub host: String,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
    /// The certificate that the host showed.
    pub certificate: Option<CertificateFacts>,
    /// The proxy on the way: scheme, host and port.
    pub proxy: Option<String>,
    /// How many milliseconds our clock is ahead of the host's, negative if it is behind; `None`
    /// if the answer has no date. The host's is told in whole seconds.
    pub skew_ms: Option<i64>,
}

/// The connections of one client, by host.
#[derive(Debug, Default)]
pub(super) struct Connections {
    by_host: Mutex<BTreeMap<String, Connection>>,
}

impl Connections {
    /// Notes how an answer came. `sent_ms` and `now_ms` are the wall-clock times between which it
    /// was made: whatever its date says within them is no difference of clocks.
    pub fn note(
        &self,
        url: &Url,
        proxy: Option<String>,
        response: &reqwest::Response,
        (sent_ms, now_ms): (i64, i64),
    ) {
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        let skew_ms = date.and_then(date_ms).map(|date_ms| skew(date_ms, sent_ms, now_ms));
        let host = host_of(url);
        let mut by_host = self.by_host.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = by_host.get_mut(&host) {
            known.skew_ms = skew_ms;
            return;
        }
        let tls = response.extensions().get::<reqwest::tls::TlsInfo>();
        let certificate = tls.and_then(|tls| tls.peer_certificate());
        let connection = Connection {
            host: host.clone(),
            encrypted: url.scheme() == "https",
            certificate: certificate.and_then(CertificateFacts::read),
            proxy,
            skew_ms,
        };
        by_host.insert(host, connection);
    }

    /// Returns all of them, sorted by host.
    pub fn all(&self) -> Vec<Connection> {
        let by_host = self.by_host.lock().unwrap_or_else(PoisonError::into_inner);
        by_host.values().cloned().collect()
    }
}

/// Returns how far our clock is ahead. The date stands for the whole second that it begins.
fn skew(date_ms: i64, sent_ms: i64, now_ms: i64) -> i64 {
    let date_ends_ms = date_ms.saturating_add(999);
    if sent_ms > date_ends_ms {
        sent_ms.saturating_sub(date_ends_ms)
    } else {
        now_ms.saturating_sub(date_ms).min(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_way_and_the_second_explain_is_no_skew() {
        for (date, sent, now, expected) in [
            (10_000, 10_500, 10_600, 0),
            (10_000, 9_000, 12_000, 0),
            (10_000, 10_999, 11_200, 0),
            (10_000, 11_999, 12_000, 1_000),
            (10_000, 8_000, 9_000, -1_000),
            (10_000, 310_999, 311_000, 300_000),
        ] {
            assert_eq!(skew(date, sent, now), expected, "{date} {sent} {now}");
        }
    }
}
