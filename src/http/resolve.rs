//! Names and proxies: how the client finds its way to a host.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{ClientBuilder, NoProxy, Proxy};

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

/// Uses the proxies that the environment names, but never towards this host: a proxy cannot know
/// what listens on our loopback address.
pub(super) fn with_proxies(mut builder: ClientBuilder) -> Result<ClientBuilder, reqwest::Error> {
    // Named here, so that reqwest does not add the environment's a second time.
    builder = builder.no_proxy();
    let mut exceptions = "localhost,.localhost,127.0.0.1,::1".to_owned();
    if let Some(more) = variable(&["NO_PROXY", "no_proxy"]) {
        exceptions.push(',');
        exceptions.push_str(&more);
    }
    let exceptions = NoProxy::from_string(&exceptions);
    if let Some(url) = variable(&["HTTPS_PROXY", "https_proxy"]) {
        builder = builder.proxy(Proxy::https(&url)?.no_proxy(exceptions.clone()));
    }
    // `HTTP_PROXY` in capitals can be forged by a web client where CGI is in use; curl ignores it.
    if let Some(url) = variable(&["http_proxy"]) {
        builder = builder.proxy(Proxy::http(&url)?.no_proxy(exceptions.clone()));
    }
    if let Some(url) = variable(&["ALL_PROXY", "all_proxy"]) {
        builder = builder.proxy(Proxy::all(&url)?.no_proxy(exceptions));
    }
    Ok(builder)
}

fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok()).filter(|value| !value.trim().is_empty())
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
}
