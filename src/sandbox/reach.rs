//! Under which names the sandbox is reached, and what a client needs to use it.

use std::net::{IpAddr, SocketAddr};

use secrecy::ExposeSecret;
use serde::Serialize;

use super::graph::Tenant;
use super::server::{CONTROL_PREFIX, Scheme};
use super::sharefile::Sharefile;

/// Scheme and names of both ends; known once they listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    scheme: Scheme,
    graph: String,
    login: String,
    sharefile_domain: String,
}

impl Reach {
    /// Puts together where both ends listen and what they are called. The first of `hosts` is
    /// Graph, the second the sign-in; the first is both if there is no second.
    pub fn new(
        scheme: Scheme,
        (graph, sharefile): (SocketAddr, SocketAddr),
        hosts: &[String],
        sharefile_domain: Option<&str>,
    ) -> Self {
        let usual = match graph.ip() {
            // Clients know certificates for names better than those for addresses.
            ip if scheme == Scheme::Https && (ip.is_loopback() || ip.is_unspecified()) => {
                "localhost".to_owned()
            }
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let first = hosts.first().unwrap_or(&usual);
        let at = |name: &str, port: u16| match (scheme, port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => name.to_owned(),
            _ => format!("{name}:{port}"),
        };
        Self {
            scheme,
            graph: at(first, graph.port()),
            login: at(hosts.get(1).unwrap_or(first), graph.port()),
            sharefile_domain: at(sharefile_domain.unwrap_or("localhost"), sharefile.port()),
        }
    }
}

/// What a client needs to use the sandbox. The secrets open nothing but the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Credentials {
    /// Scheme and host of the token endpoint.
    pub login_url: String,
    /// Scheme and host of Graph.
    pub graph_url: String,
    /// The id of the tenant.
    pub tenant_id: String,
    /// The initial domain of the tenant.
    pub tenant_domain: String,
    /// The app registration that reads.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// The name of the enterprise application.
    pub application: String,
    /// The object id of its service principal.
    pub application_id: String,
    /// The domain that the ShareFile tenant lives in, as `localhost:8081`.
    pub sharefile_domain: String,
    /// The first label of the ShareFile tenant.
    pub sharefile_subdomain: String,
    /// Scheme and host of the ShareFile tenant.
    pub sharefile_url: String,
    /// The id of the ShareFile API key.
    pub sharefile_client_id: String,
    /// The secret of the ShareFile API key.
    pub sharefile_client_secret: String,
    /// The ShareFile service user.
    pub admin_user: String,
    /// The password of the ShareFile service user.
    pub admin_password: String,
    /// Where the control API is.
    pub control_url: String,
}

impl Credentials {
    /// Collects them from both ends.
    pub fn of(entra: &Tenant, sharefile: &Sharefile, reach: &Reach) -> Self {
        let application = entra.application();
        let scheme = reach.scheme.name();
        let graph_url = format!("{scheme}://{}", reach.graph);
        let key = sharefile.credentials();
        Self {
            login_url: format!("{scheme}://{}", reach.login),
            control_url: format!("{graph_url}{CONTROL_PREFIX}"),
            graph_url,
            tenant_id: entra.tenant_id().to_string(),
            tenant_domain: entra.domain().to_owned(),
            client_id: entra.client_id().to_string(),
            client_secret: entra.client_secret().expose_secret().to_owned(),
            application: application.name,
            application_id: application.id.to_string(),
            sharefile_url: format!("{scheme}://{}.{}", key.subdomain, reach.sharefile_domain),
            sharefile_domain: reach.sharefile_domain.clone(),
            sharefile_subdomain: key.subdomain,
            sharefile_client_id: key.client_id,
            sharefile_client_secret: key.client_secret.expose_secret().to_owned(),
            admin_user: key.admin_user,
            admin_password: key.admin_password.expose_secret().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(scheme: Scheme, port: u16, hosts: &[&str], domain: Option<&str>) -> Reach {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Reach::new(scheme, (at(port), at(8429)), &hosts, domain)
    }

    #[test]
    fn names_replace_addresses_and_usual_ports_are_left_out() {
        let plain = reach(Scheme::Http, 8428, &[], None);
        assert_eq!((&*plain.graph, &*plain.login), ("127.0.0.1:8428", "127.0.0.1:8428"));
        assert_eq!(plain.sharefile_domain, "localhost:8429");
        assert_eq!(reach(Scheme::Https, 8428, &[], None).graph, "localhost:8428");
        let named = reach(Scheme::Https, 443, &["graph.test", "login.test"], Some("files.test"));
        assert_eq!((&*named.graph, &*named.login), ("graph.test", "login.test"));
        assert_eq!(named.sharefile_domain, "files.test:8429");
        assert_eq!(reach(Scheme::Http, 80, &["one.test"], None).login, "one.test");
    }
}
