//! How a caller addresses the tenant. Every absolute address in an answer is made here, from the
//! scheme and the `Host` of the request.

use std::net::IpAddr;

use http::header::HOST;
use http::request::Parts;

use crate::sandbox::server::Scheme;

/// The label of the control plane's own host, where people sign in in their browser (section 1.1
/// of the ShareFile API reference).
const SECURE: &str = "secure";

/// The tenant as a request addresses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    scheme: &'static str,
    host: String,
    /// The control plane: the host without the tenant's label, with the port.
    pub domain: String,
    /// The host is that of the control plane itself, not of a tenant.
    pub secure: bool,
}

impl Site {
    /// Returns what a request addresses, or `None` if that is another tenant.
    pub(super) fn of(parts: &Parts, subdomain: &str) -> Option<Self> {
        let scheme = Scheme::of(&parts.extensions).name();
        let named = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = named.or(parts.uri.authority().map(|a| a.as_str())).unwrap_or("localhost");
        let own = domain_of(host, subdomain);
        let secure = own.is_none();
        let domain = own.or_else(|| domain_of(host, SECURE))?;
        Some(Self { scheme, host: host.to_owned(), domain, secure })
    }

    /// Returns the root of the API, as `http://acme.localhost:4000/sf/v3`.
    pub(super) fn api(&self) -> String {
        format!("{}://{}/sf/v3", self.scheme, self.host)
    }
}

/// Returns the control plane of a host, without the tenant's label; `None` if another tenant is
/// meant. An IP address or a single label cannot carry a tenant's label: it means this one.
fn domain_of(host: &str, subdomain: &str) -> Option<String> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, format!(":{port}")),
        _ => (host, String::new()),
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    match name.split_once('.') {
        _ if address.parse::<IpAddr>().is_ok() => Some(format!("localhost{port}")),
        None => Some(format!("{name}{port}")),
        Some((label, rest)) if label.eq_ignore_ascii_case(subdomain) => {
            Some(format!("{rest}{port}"))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(host: &str, scheme: Option<Scheme>) -> Option<Site> {
        let mut request = http::Request::builder().uri("/").header("Host", host);
        if let Some(scheme) = scheme {
            request = request.extension(scheme);
        }
        Site::of(&request.body(()).unwrap().into_parts().0, "acme")
    }

    #[test]
    fn addresses_follow_scheme_and_host() {
        let plain = site("acme.localhost:81", None).unwrap();
        assert_eq!(plain.api(), "http://acme.localhost:81/sf/v3");
        assert_eq!((plain.domain.as_str(), plain.secure), ("localhost:81", false));
        let tls = site("Acme.files.example", Some(Scheme::Https)).unwrap();
        assert_eq!(tls.api(), "https://Acme.files.example/sf/v3");
        assert_eq!(tls.domain, "files.example");
        assert_eq!(site("127.0.0.1:81", None).unwrap().domain, "localhost:81");
        assert_eq!(site("[::1]:81", None).unwrap().domain, "localhost:81");
    }

    #[test]
    fn another_tenant_is_none_and_secure_is_the_control_plane() {
        assert_eq!(site("other.localhost:81", None), None);
        let secure = site("secure.localhost:81", None).unwrap();
        assert_eq!((secure.domain.as_str(), secure.secure), ("localhost:81", true));
    }
}
