//! The sections `[entra]` and `[sharefile]`.

use secrecy::SecretString;
use url::{Host, Url};
use uuid::Uuid;

use crate::http::NetworkSettings;
use crate::source::graph::settings::{Cloud, GraphSettings};
use crate::target::sharefile::settings::SharefileSettings;

use super::credential::Signer;
use super::layers::Content;
use super::problem::nearest;
use super::reader::{Reader, Section};

/// The national clouds: word, sign-in and Graph (Graph reference, section 1.6).
const CLOUDS: [(&str, &str, &str); 4] = [
    ("global", "https://login.microsoftonline.com", "https://graph.microsoft.com"),
    ("us-gov", "https://login.microsoftonline.us", "https://graph.microsoft.us"),
    ("us-dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    ("china", "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
];

/// The keys of `[entra]`.
const ENTRA: &[&str] =
    &["tenant", "client_id", "application", "cloud", "credential", "default_domain"];

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
        let (signer, credential) = self.credential(&mut section);
        let tenant = self.tenant(&mut section, signer);
        let client_id = self.entra_client_id(&mut section, signer);
        let application = self.required_text(
            &mut section,
            "application",
            "Give the name, the application id or the object id of the enterprise application \
             whose assignments count.",
        );
        let cloud = self.cloud(&mut section);
        self.default_domain(&mut section)?;
        Some(GraphSettings {
            tenant: tenant?,
            client_id: client_id?,
            application: application?.0,
            cloud: cloud?,
            credential: credential?,
            attributes: Vec::new(),
            group_attributes: Vec::new(),
            nested_groups: false,
            network: NetworkSettings::default(),
        })
    }

    /// Reads what `DefaultDomain` gives to expressions, which are read later; `None` if it is wrong.
    fn default_domain(&mut self, section: &mut Section) -> Option<()> {
        let Some(node) = section.take("default_domain") else { return Some(()) };
        let domain = self.text(&node)?;
        let allowed = |c: char| c.is_alphanumeric() || c == '.' || c == '-';
        let inside = domain.trim_matches('.').contains('.');
        if !inside || !domain.chars().all(allowed) {
            let hint = "Give the domain as Entra ID has it, as `contoso.com`.";
            self.wrong(&node, "this is no domain", Some(hint.to_owned()));
            return None;
        }
        self.default_domain = Some(domain);
        Some(())
    }

    fn tenant(&mut self, section: &mut Section, signer: Signer) -> Option<String> {
        let hint = "Give the tenant's id or one of its domains, as `contoso.onmicrosoft.com`.";
        if let Some(named) = self.of_workload(section, signer, "tenant", "AZURE_TENANT_ID") {
            return named;
        }
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

    fn entra_client_id(&mut self, section: &mut Section, signer: Signer) -> Option<String> {
        let hint = "Give the application (client) id of the app registration that reads.";
        if let Some(named) = self.of_workload(section, signer, "client_id", "AZURE_CLIENT_ID") {
            return named;
        }
        if signer == Signer::Managed && !section.has("client_id") {
            return Some(String::new());
        }
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

    /// Returns what the environment of a workload identity says instead of a key that is not
    /// given; `None` if the key is to be read.
    fn of_workload(
        &mut self,
        section: &Section,
        signer: Signer,
        key: &str,
        variable: &str,
    ) -> Option<Option<String>> {
        if signer != Signer::Workload || section.has(key) {
            return None;
        }
        let value = self.variable_text(variable)?;
        if Uuid::try_parse(&value).is_err() {
            let message = format!("Give it: `{variable}` of the environment is no GUID.");
            self.missing(section, key, &message);
            return Some(None);
        }
        Some(Some(value))
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
            attributes: Vec::new(),
            network: NetworkSettings::default(),
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
