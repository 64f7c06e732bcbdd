//! The sections `[entra]` and `[sharefile]`.

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};
use uuid::Uuid;

use crate::source::graph::settings::{AssertionAlgorithm, Cloud, Credential, GraphSettings};
use crate::target::sharefile::settings::SharefileSettings;

use super::layers::{Content, Node};
use super::problem::nearest;
use super::reader::{Choice, Reader, Section};

/// The national clouds: word, sign-in and Graph (Graph reference, section 1.6).
const CLOUDS: [(&str, &str, &str); 4] = [
    ("global", "https://login.microsoftonline.com", "https://graph.microsoft.com"),
    ("us-gov", "https://login.microsoftonline.us", "https://graph.microsoft.us"),
    ("us-dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    ("china", "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
];

/// The keys of `[entra]`.
const ENTRA: &[&str] = &["tenant", "client_id", "application", "cloud", "credential"];

/// The keys of `[sharefile]`.
const SHAREFILE: &[&str] = &[
    "subdomain",
    "domain",
    "admin_user",
    "admin_password",
    "client_id",
    "client_secret",
    "requests_per_minute",
    "in_flight",
];

impl Reader<'_> {
    /// Reads `[entra]`. The attributes to select follow from the rules.
    pub(super) fn entra(&mut self, root: &mut Section) -> Option<GraphSettings> {
        let mut section = self.section(root, "entra", ENTRA);
        let tenant = self.tenant(&mut section);
        let client_id = self.entra_client_id(&mut section);
        let application = self.required_text(
            &mut section,
            "application",
            "Give the name, the application id or the object id of the enterprise application \
             whose assignments count.",
        );
        let cloud = self.cloud(&mut section);
        let credential = self.credential(&mut section);
        Some(GraphSettings {
            tenant: tenant?,
            client_id: client_id?,
            application: application?.0,
            cloud: cloud?,
            credential: credential?,
            attributes: Vec::new(),
        })
    }

    fn tenant(&mut self, section: &mut Section) -> Option<String> {
        let hint = "Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.";
        let (tenant, node) = self.required_text(section, "tenant", hint)?;
        let several = ["common", "organizations", "consumers"];
        if several.contains(&tenant.to_ascii_lowercase().as_str()) {
            self.wrong(&node, "this names no single tenant", Some(hint.to_owned()));
            return None;
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if !tenant.chars().all(allowed) {
            let message = "expected the id of a tenant or one of its domains";
            self.wrong(&node, message, Some(hint.to_owned()));
            return None;
        }
        Some(tenant)
    }

    fn entra_client_id(&mut self, section: &mut Section) -> Option<String> {
        let hint = "Give the application (client) id of the app registration that reads.";
        let (client_id, node) = self.required_text(section, "client_id", hint)?;
        // The braced and URN forms are GUIDs as well, but Entra ID does not take them.
        if client_id.len() != 36 || Uuid::try_parse(&client_id).is_err() {
            // The value is not repeated: secrets get pasted here.
            let message = "expected a GUID, as `00000000-0000-0000-0000-000000000000`";
            self.wrong(&node, message, Some(hint.to_owned()));
            return None;
        }
        Some(client_id)
    }

    fn cloud(&mut self, section: &mut Section) -> Option<Cloud> {
        let words: Vec<&str> = CLOUDS.iter().map(|(word, ..)| *word).collect();
        let Some(node) = section.take("cloud") else {
            self.missing(section, "cloud", "Write \"global\".");
            return None;
        };
        if let Content::Text(text) = &node.content
            && !text.trim_start().starts_with('{')
        {
            let text = text.trim();
            let Some((_, login, graph)) = CLOUDS.iter().find(|(word, ..)| *word == text) else {
                let near = nearest(text, words.iter().copied());
                let message = "expected `global`, `us-gov`, `us-dod`, `china`, or a table with \
                               `login` and `graph`";
                self.wrong(&node, message, near.map(|near| format!("Did you mean `{near}`?")));
                return None;
            };
            return Some(Cloud { login: Url::parse(login).ok()?, graph: Url::parse(graph).ok()? });
        }
        let mut table = self.table(node, &["login", "graph"]);
        let login = self.endpoint(&mut table, "login");
        let graph = self.endpoint(&mut table, "graph");
        Some(Cloud { login: login?, graph: graph? })
    }

    fn endpoint(&mut self, section: &mut Section, key: &str) -> Option<Url> {
        let hint = "Give scheme and host, as `https://graph.microsoft.com`.";
        let (text, node) = self.required_text(section, key, hint)?;
        let url = match Url::parse(&text) {
            Ok(url) if url.has_host() => url,
            _ => {
                self.wrong(&node, "expected a URL", Some(hint.to_owned()));
                return None;
            }
        };
        let more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        if more || !url.username().is_empty() || url.password().is_some() {
            self.wrong(&node, "expected nothing but scheme and host", Some(hint.to_owned()));
            return None;
        }
        match url.scheme() {
            "https" => Some(url),
            "http" if loopback(&url) => Some(url),
            "http" => {
                let message = "secrets and people would travel without encryption: `http` is for \
                               loopback hosts only";
                self.wrong(&node, message, Some("Write `https`.".to_owned()));
                None
            }
            _ => {
                self.wrong(&node, "expected `https`", Some(hint.to_owned()));
                None
            }
        }
    }

    fn credential(&mut self, section: &mut Section) -> Option<Credential> {
        let hint = "Give { client_secret = … } or { certificate = … }, each with where it is.";
        let Some(node) = section.take("credential") else {
            self.missing(section, "credential", hint);
            return None;
        };
        if self.is_bare(&node) {
            let message = "a secret does not belong into the configuration itself";
            let hint = "Write { client_secret = { file = \"PATH\" } }, or `certificate` for it.";
            self.wrong(&node, message, Some(hint.to_owned()));
            return None;
        }
        let whole = node.clone();
        let mut table = self.table(node, &["client_secret", "certificate", "algorithm"]);
        let algorithm = table.take("algorithm");
        match self.choose(&mut table, &["client_secret", "certificate"]) {
            Choice::One("certificate", node) => self.certificate(node, algorithm),
            Choice::One(_, node) => {
                let rank = |node: &Node| self.layers.rank(node.layer);
                if let Some(algorithm) = algorithm.filter(|given| rank(given) >= rank(&node)) {
                    let message = "an algorithm belongs to a certificate, not to a client secret";
                    self.wrong(&algorithm, message, Some("Remove it.".to_owned()));
                }
                self.secret(node).map(Credential::ClientSecret)
            }
            Choice::None => {
                let message = "neither `client_secret` nor `certificate` is given";
                self.wrong(&whole, message, Some(hint.to_owned()));
                None
            }
            Choice::Refused => None,
        }
    }

    fn certificate(&mut self, node: Node, algorithm: Option<Node>) -> Option<Credential> {
        let words = [("PS256", AssertionAlgorithm::Ps256), ("RS256", AssertionAlgorithm::Rs256)];
        let algorithm = self.word(algorithm, AssertionAlgorithm::default(), &words);
        let pem: SecretString = self.secret(node.clone())?;
        for (part, mark) in
            [("certificate", "CERTIFICATE-----"), ("private key", "PRIVATE KEY-----")]
        {
            if self.secrets && !pem.expose_secret().contains(mark) {
                let message = format!("there is no {part} in it");
                let hint = "Expected PEM with both the certificate and its private key.";
                self.wrong(&node, &message, Some(hint.to_owned()));
                return None;
            }
        }
        Some(Credential::Certificate { pem, algorithm: algorithm? })
    }

    /// Reads `[sharefile]`.
    pub(super) fn sharefile(&mut self, root: &mut Section) -> Option<SharefileSettings> {
        let mut section = self.section(root, "sharefile", SHAREFILE);
        let subdomain = self.subdomain(&mut section);
        let domain = self.domain(&mut section);
        let admin_user = self.admin_user(&mut section);
        let admin_password = self.required_secret(
            &mut section,
            "admin_password",
            "Say where the service user's ShareFile password is, as { file = \"PATH\" }.",
        );
        let client_id = self.api_key(&mut section);
        let client_secret = self.required_secret(
            &mut section,
            "client_secret",
            "Say where the secret of the API key is, as { file = \"PATH\" }.",
        );
        let per_minute = section.take("requests_per_minute");
        let requests_per_minute = self.number(per_minute, 420, 1..=100_000);
        let in_flight = section.take("in_flight");
        let in_flight = self.number(in_flight, 8, 1..=64);
        Some(SharefileSettings {
            subdomain: subdomain?,
            domain: domain?,
            admin_user: admin_user?,
            admin_password: admin_password?,
            client_id: client_id?,
            client_secret: client_secret?,
            requests_per_minute: requests_per_minute?,
            in_flight: usize::try_from(in_flight?).ok()?,
        })
    }

    fn required_secret(
        &mut self,
        section: &mut Section,
        key: &str,
        suggestion: &str,
    ) -> Option<SecretString> {
        let Some(node) = section.take(key) else {
            self.missing(section, key, suggestion);
            return None;
        };
        self.secret(node)
    }

    fn subdomain(&mut self, section: &mut Section) -> Option<String> {
        let hint = "Give the first label of the address at which people sign in: `contoso` of \
                    `contoso.sharefile.com`.";
        let (text, node) = self.required_text(section, "subdomain", hint)?;
        if is_label(&text) {
            return Some(text.to_ascii_lowercase());
        }
        let host = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
        let first = host.split(['.', '/']).next().unwrap_or_default();
        let suggestion = match is_label(first) {
            true => format!("Did you mean `{first}`?"),
            false => hint.to_owned(),
        };
        let message = "expected one label of letters, digits and hyphens";
        self.wrong(&node, message, Some(suggestion));
        None
    }

    fn domain(&mut self, section: &mut Section) -> Option<String> {
        let hint = "Give the domain at which people sign in, as `sharefile.com` or `sharefile.eu`.";
        let (text, node) = self.required_text(section, "domain", hint)?;
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text.as_str(), None),
        };
        if text.contains("://") || text.contains('/') {
            let message = "expected a domain without scheme and path";
            self.wrong(&node, message, Some(hint.to_owned()));
            return None;
        }
        if host == "localhost" {
            let valid = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
            if !valid {
                self.wrong(&node, "expected a port from 1 to 65535", None);
            }
            return valid.then(|| text.clone());
        }
        if port.is_some() {
            self.wrong(&node, "only `localhost` takes a port", Some(hint.to_owned()));
            return None;
        }
        if host.split('.').count() < 2 || !host.split('.').all(is_label) {
            self.wrong(&node, "expected a domain", Some(hint.to_owned()));
            return None;
        }
        Some(text.to_ascii_lowercase())
    }

    fn admin_user(&mut self, section: &mut Section) -> Option<String> {
        let hint = "Give the address with which the service user signs in to ShareFile.";
        let (text, node) = self.required_text(section, "admin_user", hint)?;
        if !is_address(&text) {
            self.wrong(&node, "expected a mail address", Some(hint.to_owned()));
            return None;
        }
        Some(text)
    }

    fn api_key(&mut self, section: &mut Section) -> Option<String> {
        let hint =
            "Give the id of the API key that was made at `https://api.sharefile.com/apikeys`.";
        let (text, node) = self.required_text(section, "client_id", hint)?;
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            let message = "expected the id of an API key, without spaces";
            self.wrong(&node, message, Some(hint.to_owned()));
            return None;
        }
        Some(text)
    }
}

/// Returns whether the ShareFile that a domain names is the sandbox on this machine.
pub(super) fn is_sandbox(domain: &str) -> bool {
    domain.split(':').next() == Some("localhost")
}

/// Returns whether a text looks like one mail address.
pub(super) fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',');
    plain && parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

fn is_label(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let inside = !text.starts_with('-') && !text.ends_with('-');
    !text.is_empty() && text.len() <= 63 && inside && text.chars().all(allowed)
}

fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
