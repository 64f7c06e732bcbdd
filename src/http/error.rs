//! Why there is no answer.

use std::error::Error;

type Cause = Box<dyn Error + Send + Sync>;

/// A request without a complete answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nothing was delivered: the name was not found, or nobody listens there.
    #[error("{}", unreached(host, proxy.as_deref()))]
    NotSent {
        /// The host.
        host: String,
        /// The proxy on the way: scheme, host and port.
        proxy: Option<String>,
        /// What failed.
        #[source]
        source: Cause,
    },
    /// The proxy on the way wants to know who asks; nothing was delivered.
    #[error(
        "the proxy {proxy} refuses to connect to {host}: it asks for a user name and password (407)"
    )]
    ProxyRefused {
        /// The host.
        host: String,
        /// The proxy: scheme, host and port.
        proxy: String,
        /// What failed, unless the proxy simply said so.
        #[source]
        source: Option<Cause>,
    },
    /// The host showed a certificate that is not trusted; nothing was delivered.
    #[error("the certificate of {host} is not trusted")]
    Certificate {
        /// The host.
        host: String,
        /// What is wrong with it.
        #[source]
        source: Cause,
    },
    /// The request was sent, but no complete answer came: it may have been processed.
    #[error("{host} gave no complete answer")]
    Lost {
        /// The host.
        host: String,
        /// What failed.
        #[source]
        source: Cause,
    },
    /// The request or the client could not be built.
    #[error("{what} failed")]
    Setup {
        /// What was attempted, as "building a request".
        what: String,
        /// What failed.
        #[source]
        source: Cause,
    },
}

impl HttpError {
    /// Sorts a failure of reqwest. Addresses with their queries are left out of the cause.
    pub fn from_reqwest(error: reqwest::Error) -> Self {
        let host = error.url().map_or_else(|| "the service".to_owned(), host_of);
        Self::sort(host, None, error)
    }

    pub(super) fn proxy_refused(
        host: String,
        proxy: Option<String>,
        source: Option<Cause>,
    ) -> Self {
        let proxy = proxy.unwrap_or_else(|| "on the way".to_owned());
        Self::ProxyRefused { host, proxy, source }
    }

    /// Sorts a failure while the body of an answer of `host` was read.
    pub fn interrupted(host: impl Into<String>, error: reqwest::Error) -> Self {
        Self::Lost { host: host.into(), source: error.without_url().into() }
    }

    pub(super) fn sort(host: String, proxy: Option<String>, error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_builder() {
            return Self::Setup { what: "building a request".to_owned(), source: error.into() };
        }
        if is_certificate_problem(&error) {
            return Self::Certificate { host, source: error.into() };
        }
        if error.is_connect() && wants_login(&error) {
            return Self::proxy_refused(host, proxy, Some(error.into()));
        }
        if error.is_connect() {
            return Self::NotSent { host, proxy, source: error.into() };
        }
        Self::Lost { host, source: error.into() }
    }

    /// Returns whether asking again later may succeed without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::NotSent { .. } | Self::Lost { .. })
    }

    /// Returns whether the service may have received, and processed, the request.
    pub fn maybe_delivered(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }

    /// Returns what a person can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::NotSent { host, proxy: Some(proxy), .. } => format!(
                "Check that the proxy {proxy} is right (network.proxy, or HTTPS_PROXY where that \
                 is not set), that it runs, and that it lets connections to {host} through; \
                 network.no_proxy names hosts that are reached without it."
            ),
            Self::ProxyRefused { proxy, .. } => format!(
                "Give network.proxy_user and network.proxy_password as the proxy {proxy} knows \
                 them, or let the proxy accept this host without."
            ),
            Self::NotSent { host, .. } => format!(
                "Check that the name {host} is right, that this host can resolve it, and that \
                 firewall and proxy let connections to it through."
            ),
            Self::Certificate { host, .. } => format!(
                "Check that {host} is the right host. If a proxy of your own opens TLS \
                 connections, name the file of its root certificate as network.ca_file, or add \
                 it to the certificates that this system trusts; check the system's date as well."
            ),
            Self::Lost { host, .. } => format!(
                "Usually this passes. If it stays, look for a proxy or firewall that cuts \
                 connections to {host}."
            ),
            Self::Setup { .. } => {
                "Check the addresses and names in the configuration, and the system's \
                 certificates."
                    .to_owned()
            }
        }
    }
}

fn unreached(host: &str, proxy: Option<&str>) -> String {
    match proxy {
        Some(proxy) => format!("{host} could not be reached through the proxy {proxy}"),
        None => format!("{host} could not be reached"),
    }
}

/// Returns whether a proxy answered 407 to `CONNECT`. The type of that error is private to the
/// library, so its text tells; what follows from it is what people are told to do.
fn wants_login(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.to_string().contains("proxy authorization required") {
            return true;
        }
        next = error.source();
    }
    false
}

/// Returns host and port of an address, without anything else of it.
pub(super) fn host_of(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or("the service");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Returns whether rustls refused a certificate somewhere down the chain. It hides inside an I/O
/// error, whose own `source` skips it.
fn is_certificate_problem(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if refuses_certificate(error) {
            return true;
        }
        let inner = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        if let Some(inner) = inner
            && is_certificate_problem(inner)
        {
            return true;
        }
        next = error.source();
    }
    false
}

fn refuses_certificate(error: &(dyn Error + 'static)) -> bool {
    matches!(
        error.downcast_ref::<rustls::Error>(),
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
    )
}
