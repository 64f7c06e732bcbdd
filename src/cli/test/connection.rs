//! How the connections to one end were: encrypted or not, through which proxy, by which clock.

use crate::http::Connection;
use crate::model::ids::Timestamp;

use super::super::exit::Exit;
use super::{Judged, day};

/// Clocks that differ by more are told.
const SKEW_WARNED_MS: u64 = 60_000;

/// Clocks that differ by more break signing in: Entra ID allows five minutes.
const SKEW_FAILED_MS: u64 = 300_000;

const CONNECTION: &str = "Names, passwords and people's data travel this way.";

const CLOCK: &str = "Tokens, certificates and signed statements count only within their time; the \
                     log and the schedule tell the time of this host.";

/// Judges the connections to `end`; none at all, where nothing answered, is no check.
pub(super) fn checks(end: &str, connections: &[Connection], exit: Exit) -> Vec<Judged> {
    if connections.is_empty() {
        return Vec::new();
    }
    let ways: Vec<String> = connections.iter().map(way).collect();
    let connection = Judged::ok(format!("{end}: connection"), ways.join("; ")).means(CONNECTION);
    let mut checks = vec![connection];
    let skews = connections.iter().filter_map(|connection| connection.skew_ms);
    checks.extend(
        skews
            .max_by_key(|skew_ms| skew_ms.unsigned_abs())
            .map(|skew_ms| clock(format!("{end}: clock"), skew_ms, exit).means(CLOCK)),
    );
    checks
}

fn way(connection: &Connection) -> String {
    let encrypted = match &connection.certificate {
        _ if !connection.encrypted => "plain HTTP, on this host".to_owned(),
        Some(shown) => {
            let end = Timestamp(shown.not_after_secs.saturating_mul(1000));
            format!("TLS, certificate of {} until {}", shown.issuer, day(end))
        }
        None => "TLS".to_owned(),
    };
    let proxy = connection.proxy.as_ref();
    let proxy = proxy.map_or_else(String::new, |proxy| format!(", through the proxy {proxy}"));
    format!("{}: {encrypted}{proxy}", connection.host)
}

fn clock(name: String, skew_ms: i64, exit: Exit) -> Judged {
    let apart_ms = skew_ms.unsigned_abs();
    let secs = apart_ms / 1000;
    let side = if skew_ms > 0 { "ahead of" } else { "behind" };
    let found = format!("this host is {secs} s {side} the service");
    let remedy = "Let this host keep time with a time server (timedatectl set-ntp true).";
    if apart_ms > SKEW_FAILED_MS {
        Judged::failed(name, exit, found).todo(remedy)
    } else if apart_ms > SKEW_WARNED_MS {
        Judged::warning(name, found).todo(remedy)
    } else if secs == 0 {
        Judged::ok(name, "the clocks agree")
    } else {
        Judged::ok(name, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::CertificateFacts;
    use crate::views::checks::CheckStatus;

    fn connection(skew_ms: Option<i64>) -> Connection {
        Connection {
            host: "graph.microsoft.com".to_owned(),
            encrypted: true,
            certificate: None,
            proxy: None,
            skew_ms,
        }
    }

    #[test]
    fn the_clock_that_differs_most_counts() {
        use CheckStatus::{Failed, Ok, Warning};
        for (skews, status, found) in [
            (vec![Some(0), None], Ok, "the clocks agree"),
            (vec![Some(59_999), Some(-60_000)], Ok, "60 s behind"),
            (vec![Some(2_000), Some(60_001)], Warning, "60 s ahead of"),
            (vec![Some(-300_000)], Warning, "300 s behind"),
            (vec![Some(300_001), Some(-70_000)], Failed, "300 s ahead of"),
        ] {
            let all: Vec<Connection> = skews.iter().map(|skew| connection(*skew)).collect();
            let checks = checks("Entra ID", &all, Exit::Source);
            let clock = &checks[1];
            assert_eq!(
                (clock.check.status, clock.check.name.as_str()),
                (status, "Entra ID: clock")
            );
            assert!(clock.check.found.contains(found), "{clock:?}");
            assert_eq!(clock.check.remedy.is_empty(), status == Ok);
            assert_eq!(clock.exit == Exit::Source, status == Failed);
        }
        assert_eq!(checks("ShareFile", &[connection(None)], Exit::Target).len(), 1);
        assert!(checks("ShareFile", &[], Exit::Target).is_empty());
    }

    #[test]
    fn the_way_is_told() {
        let certificate = CertificateFacts {
            subject: "CN=graph.microsoft.com".to_owned(),
            issuer: "CN=Contoso Inspection".to_owned(),
            not_before_secs: 0,
            not_after_secs: 1_800_000_000,
        };
        let proxy = Some("http://proxy:3128".to_owned());
        let shown = Connection { certificate: Some(certificate), proxy, ..connection(None) };
        assert_eq!(
            way(&shown),
            "graph.microsoft.com: TLS, certificate of CN=Contoso Inspection until 2027-01-15, \
             through the proxy http://proxy:3128"
        );
        let plain = Connection { encrypted: false, ..connection(None) };
        assert_eq!(way(&plain), "graph.microsoft.com: plain HTTP, on this host");
    }
}
