//! The section `[network]`.

use std::io::Read;
use std::ops::RangeInclusive;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::http::{NetworkSettings, ProxySettings, certificates};

use super::problem::why_unreadable;
use super::reader::{Reader, Section};

/// The keys of `[network]`.
const NETWORK: &[&str] =
    &["proxy", "proxy_user", "proxy_password", "no_proxy", "ca_file", "timeout"];

/// The shortest and the longest silence, in seconds: a service takes its time for a large list,
/// and a cycle must come to an end.
const TIMEOUT_SECS: RangeInclusive<u64> = 1..=600;

/// The longest file of certificates: all that a system trusts is a quarter of it.
const LONGEST: u64 = 1 << 20;

impl Reader<'_> {
    /// Reads `[network]`.
    pub(super) fn network(&mut self, root: &mut Section) -> Option<NetworkSettings> {
        let mut section = self.section(root, "network", NETWORK);
        let proxy = self.proxy(&mut section);
        let no_proxy = self.no_proxy(&mut section);
        let trusted = self.ca_file(&mut section);
        let timeout = self.timeout(&mut section);
        Some(NetworkSettings {
            proxy: proxy?,
            no_proxy: no_proxy?,
            trusted: trusted?,
            timeout: timeout?,
        })
    }

    fn timeout(&mut self, section: &mut Section) -> Option<Option<Duration>> {
        let Some(node) = section.take("timeout") else {
            return Some(None);
        };
        let timeout = self.duration(&node)?;
        if !TIMEOUT_SECS.contains(&timeout.as_secs()) {
            let hint = "Give at least `1s` and at most `10m`; without it, it is `2m`.";
            self.wrong(&node, "nobody waits so long or so short", Some(hint.to_owned()));
            return None;
        }
        Some(Some(timeout))
    }

    fn proxy(&mut self, section: &mut Section) -> Option<Option<ProxySettings>> {
        let login = self.proxy_login(section);
        let Some(node) = section.take("proxy") else {
            if login.as_ref().is_some_and(Option::is_some) {
                self.missing(section, "proxy", "Give its address, as `http://proxy:3128`.");
                return None;
            }
            return login.map(|_| None);
        };
        let text = self.text(&node)?;
        let hint = "Give scheme, host and port, as `http://proxy.contoso.com:3128`.";
        // The value is not repeated: people write passwords into it.
        let url = match Url::parse(&text) {
            Ok(url) if url.has_host() && ["http", "https"].contains(&url.scheme()) => url,
            _ => {
                let message = "expected the address of an HTTP proxy";
                self.wrong(&node, message, Some(hint.to_owned()));
                return None;
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            let message = "a secret does not belong into the configuration itself";
            let hint = "Write `proxy_user`, and `proxy_password` with where the password is.";
            self.wrong(&node, message, Some(hint.to_owned()));
            return None;
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            let message = "expected nothing but scheme, host and port";
            self.wrong(&node, message, Some(hint.to_owned()));
            return None;
        }
        Some(Some(ProxySettings { url, login: login? }))
    }

    fn proxy_login(&mut self, section: &mut Section) -> Option<Option<(String, SecretString)>> {
        let user = section.take("proxy_user");
        let password = section.take("proxy_password");
        match (user, password) {
            (None, None) => Some(None),
            (Some(user), Some(password)) => {
                let user = self.text(&user);
                let password = self.secret(password);
                Some(Some((user?, password?)))
            }
            (Some(_), None) => {
                self.missing(section, "proxy_password", "Say where it is, as { file = \"PATH\" }.");
                None
            }
            (None, Some(_)) => {
                self.missing(section, "proxy_user", "Give the name that the proxy knows.");
                None
            }
        }
    }

    fn no_proxy(&mut self, section: &mut Section) -> Option<Option<Vec<String>>> {
        let Some(node) = section.take("no_proxy") else {
            return Some(None);
        };
        let mut hosts = Some(Vec::new());
        for entry in self.list(node)? {
            let host = self.text(&entry).filter(|host| {
                let odd = |c: char| c.is_whitespace() || c == ',';
                let plain = !host.contains("://") && !host.contains(odd);
                if !plain {
                    let message = "expected a host, a domain or a network";
                    let hint = "Write `intranet.example`, `10.0.0.0/8`, or `*` for every host.";
                    self.wrong(&entry, message, Some(hint.to_owned()));
                }
                plain
            });
            match (host, &mut hosts) {
                (Some(host), Some(hosts)) => hosts.push(host),
                (None, _) => hosts = None,
                (Some(_), None) => {}
            }
        }
        hosts.map(Some)
    }

    fn ca_file(&mut self, section: &mut Section) -> Option<Vec<Vec<u8>>> {
        let Some(node) = section.take("ca_file") else {
            return Some(Vec::new());
        };
        let text = self.text(&node)?;
        let path = self.folder.join(text);
        let what = format!("the file {}", path.display());
        let hint = "Name a PEM file with the certificates of your own authorities, readable by \
                    the account that runs the daemon. Relative paths start at the folder of the \
                    configuration.";
        let mut pem = Vec::new();
        let read = std::fs::File::open(&path)
            .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut pem));
        let message = match read {
            Err(error) => format!("{what} cannot be read: {}", why_unreadable(&error)),
            Ok(_) if pem.len() as u64 > LONGEST => format!("{what} is too long"),
            Ok(_) => match certificates(&pem) {
                Ok(trusted) => return Some(trusted),
                Err(why) => format!("{what} cannot be used: {why}"),
            },
        };
        self.wrong(&node, &message, Some(hint.to_owned()));
        None
    }
}
