//! How connections leave this host: which proxy, if any, and whose certificates are trusted.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{ClientBuilder, NoProxy, Proxy};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// How connections are made, the same for everything that a job speaks to.
#[derive(Clone, Debug, Default)]
pub struct NetworkSettings {
    /// The proxy of every connection; without one, what the environment names.
    pub proxy: Option<ProxySettings>,
    /// Hosts that are reached without a proxy, as `NO_PROXY` spells them; `None` leaves it to
    /// `NO_PROXY`.
    pub no_proxy: Option<Vec<String>>,
    /// Certificates that are trusted besides those of the system, in DER.
    pub trusted: Vec<Vec<u8>>,
    /// How long a service may be silent before a request counts as lost; `None` leaves it to who
    /// asks.
    pub timeout: Option<Duration>,
}

/// A proxy.
#[derive(Clone, Debug)]
pub struct ProxySettings {
    /// Scheme, host and port, as `http://proxy.contoso.com:3128`, and nothing else.
    pub url: Url,
    /// User name and password, if the proxy asks for them.
    pub login: Option<(String, SecretString)>,
}

/// Returns the certificates in a PEM text, in DER.
///
/// # Errors
/// Says what is wrong with the text, quoting none of it.
pub fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let mut found = Vec::new();
    for section in CertificateDer::pem_slice_iter(pem) {
        let certificate = section.map_err(|_| "it is no PEM")?;
        if RootCertStore::empty().add(certificate.clone()).is_err() {
            return Err("one of its certificates makes no sense");
        }
        found.push(certificate.to_vec());
    }
    if found.is_empty() { Err("there is no certificate in it") } else { Ok(found) }
}

/// Which way a request takes.
#[derive(Debug)]
pub(super) struct Routes {
    matcher: Option<Matcher>,
}

impl Routes {
    /// Returns the proxy that a request to `url` goes through: scheme, host and port, without what
    /// one signs in to it with.
    pub fn proxy_of(&self, url: &Url) -> Option<String> {
        let destination = url.as_str().parse().ok()?;
        let taken = self.matcher.as_ref()?.intercept(&destination)?;
        let uri = taken.uri();
        let authority = uri.authority()?.as_str();
        let bare = authority.rsplit_once('@').map_or(authority, |(_, bare)| bare);
        Some(format!("{}://{bare}", uri.scheme_str().unwrap_or("http")))
    }
}

/// The addresses of proxies, by what they are for.
struct Named {
    https: Option<String>,
    http: Option<String>,
    all: Option<String>,
    exceptions: String,
}

impl Named {
    /// What is configured comes before what the environment names. What the environment names is
    /// never used towards this host: its proxies cannot know what listens on our loopback address.
    /// A proxy that is configured for this job is meant for every connection of it.
    fn of(network: &NetworkSettings) -> Self {
        let configured = network.no_proxy.as_ref().map(|hosts| hosts.join(","));
        if let Some(proxy) = &network.proxy {
            let exceptions = configured.unwrap_or_default();
            return Self { https: None, http: None, all: Some(proxy.url.to_string()), exceptions };
        }
        let more = configured.or_else(|| variable(&["NO_PROXY", "no_proxy"]));
        let mut exceptions = "localhost,.localhost,127.0.0.1,::1".to_owned();
        if let Some(more) = more {
            exceptions.push(',');
            exceptions.push_str(&more);
        }
        Self {
            https: variable(&["HTTPS_PROXY", "https_proxy"]),
            // `HTTP_PROXY` in capitals can be forged by a web client where CGI is in use; curl
            // ignores it.
            http: variable(&["http_proxy"]),
            all: variable(&["ALL_PROXY", "all_proxy"]),
            exceptions,
        }
    }

    fn matcher(&self) -> Matcher {
        let text = |url: &Option<String>| url.clone().unwrap_or_default();
        Matcher::builder()
            .https(text(&self.https))
            .http(text(&self.http))
            .all(text(&self.all))
            .no(self.exceptions.clone())
            .build()
    }

    fn proxies(&self, network: &NetworkSettings) -> Result<Vec<Proxy>, reqwest::Error> {
        let mut proxies = Vec::new();
        if let Some(url) = &self.https {
            proxies.push(Proxy::https(url)?);
        }
        if let Some(url) = &self.http {
            proxies.push(Proxy::http(url)?);
        }
        if let Some(url) = &self.all {
            let proxy = Proxy::all(url)?;
            let login = network.proxy.as_ref().and_then(|proxy| proxy.login.as_ref());
            proxies.push(match login {
                Some((user, password)) => proxy.basic_auth(user, password.expose_secret()),
                None => proxy,
            });
        }
        let exceptions = NoProxy::from_string(&self.exceptions);
        Ok(proxies.into_iter().map(|proxy| proxy.no_proxy(exceptions.clone())).collect())
    }
}

/// Sends a client's connections the way that the settings and the environment name.
pub(super) fn with_proxies(
    mut builder: ClientBuilder,
    network: &NetworkSettings,
) -> Result<(ClientBuilder, Routes), reqwest::Error> {
    let named = Named::of(network);
    // Named here, so that reqwest does not add the environment's a second time.
    builder = builder.no_proxy();
    for proxy in named.proxies(network)? {
        builder = builder.proxy(proxy);
    }
    Ok((builder, Routes { matcher: Some(named.matcher()) }))
}

/// Lets a client connect to its hosts themselves, whatever the settings and the environment name.
pub(super) fn directly(builder: ClientBuilder) -> (ClientBuilder, Routes) {
    (builder.no_proxy(), Routes { matcher: None })
}

fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok()).filter(|value| !value.trim().is_empty())
}

/// Resolves `localhost` and names below it to the loopback address, as RFC 6761 asks, and all
/// others by the system. Not every system resolver knows `tenant.localhost`.
#[derive(Debug)]
pub(super) struct LoopbackAware;

impl Resolve for LoopbackAware {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            if is_loopback_name(name.as_str()) {
                let address = SocketAddr::from((IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
                return Ok(Box::new(std::iter::once(address)) as Addrs);
            }
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn is_loopback_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_names_of_this_host() {
        for name in ["localhost", "acme.localhost", "ACME.LocalHost", "a.b.localhost."] {
            assert!(is_loopback_name(name), "{name}");
        }
        for name in ["localhost.example", "notlocalhost", "sharefile.com", ""] {
            assert!(!is_loopback_name(name), "{name}");
        }
    }

    #[test]
    fn a_configured_proxy_is_for_everything_but_its_exceptions() {
        let network = NetworkSettings {
            proxy: Some(ProxySettings {
                url: Url::parse("http://proxy.contoso.com:3128").unwrap(),
                login: Some(("ada".to_owned(), SecretString::from("hunter2"))),
            }),
            no_proxy: Some(vec!["inside.example".to_owned(), "10.0.0.0/8".to_owned()]),
            trusted: Vec::new(),
            timeout: None,
        };
        let (_, routes) = with_proxies(ClientBuilder::new(), &network).unwrap();
        let of = |url: &str| routes.proxy_of(&Url::parse(url).unwrap());
        for through in
            ["https://graph.microsoft.com/v1.0", "http://localhost:1/", "http://11.0.0.1"]
        {
            assert_eq!(of(through).as_deref(), Some("http://proxy.contoso.com:3128"), "{through}");
        }
        for direct in ["https://a.inside.example/", "https://inside.example", "http://10.1.2.3/"] {
            assert_eq!(of(direct), None, "{direct}");
        }
        assert!(!format!("{network:?}").contains("hunter2"));
        let (_, routes) = directly(ClientBuilder::new());
        assert_eq!(routes.proxy_of(&Url::parse("https://graph.microsoft.com").unwrap()), None);
    }

    #[test]
    fn what_is_no_certificate_is_said() {
        for (text, why) in [
            ("", "no certificate"),
            ("hello", "no certificate"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no sense"),
            ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", "no PEM"),
        ] {
            assert!(certificates(text.as_bytes()).unwrap_err().contains(why), "{text}");
        }
    }
}
