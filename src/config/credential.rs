//! `entra.credential`: how the reader of Entra ID proves who it is.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};
use uuid::Uuid;

use crate::source::graph::settings::{AssertionAlgorithm, Credential, Identity, IdentityHost};

use super::layers::{Content, Node};
use super::reader::{Choice, Reader, Section};

/// The ways to sign in.
const WAYS: [&str; 4] = ["client_secret", "certificate", "federated", "managed_identity"];

/// All keys of `credential`.
const KEYS: &[&str] =
    &["client_secret", "certificate", "federated", "managed_identity", "algorithm"];

const HINT: &str = "Give { client_secret = … }, { certificate = … } or { federated = … }, each \
                    with where it is, or { managed_identity = \"system\" }.";

/// The metadata service of a virtual machine (Graph reference, section 1.4).
const METADATA: &str = "http://169.254.169.254";

/// Names it where it is elsewhere; Microsoft's libraries read the same.
const METADATA_VARIABLE: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";

/// Whom a credential is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signer {
    /// An app registration.
    Registration,
    /// An app registration, whose ids the environment may name.
    Workload,
    /// A managed identity.
    Managed,
}

impl Reader<'_> {
    /// Reads the credential, and says of whom one of that kind is.
    pub(super) fn credential(&mut self, section: &mut Section) -> (Signer, Option<Credential>) {
        let Some(node) = section.take("credential") else {
            self.missing(section, "credential", HINT);
            return (Signer::Registration, None);
        };
        if self.is_bare(&node) {
            let message = "a secret does not belong into the configuration itself";
            let hint = "Write { client_secret = { file = \"PATH\" } }, or `certificate` for it.";
            self.wrong(&node, message, Some(hint.to_owned()));
            return (Signer::Registration, None);
        }
        let whole = node.clone();
        let mut table = self.table(node, KEYS);
        let algorithm = table.take("algorithm");
        match self.choose(&mut table, &WAYS) {
            Choice::One("certificate", node) => {
                (Signer::Registration, self.certificate(node, algorithm))
            }
            Choice::One(way, node) => {
                let rank = |node: &Node| self.layers.rank(node.layer);
                if let Some(algorithm) = algorithm.filter(|given| rank(given) >= rank(&node)) {
                    let message = "an algorithm belongs to a certificate alone";
                    self.wrong(&algorithm, message, Some("Remove it.".to_owned()));
                }
                match way {
                    "federated" => (Signer::Workload, self.federated(node)),
                    "managed_identity" => (Signer::Managed, self.managed_identity(node)),
                    _ => {
                        let secret = self.secret(node).map(Credential::ClientSecret);
                        (Signer::Registration, secret)
                    }
                }
            }
            Choice::None => {
                let message = "it does not say how to sign in";
                self.wrong(&whole, message, Some(HINT.to_owned()));
                (Signer::Registration, None)
            }
            Choice::Refused => (Signer::Registration, None),
        }
    }

    fn certificate(&mut self, node: Node, algorithm: Option<Node>) -> Option<Credential> {
        let words = [("PS256", AssertionAlgorithm::Ps256), ("RS256", AssertionAlgorithm::Rs256)];
        let algorithm = self.word(algorithm, AssertionAlgorithm::default(), &words);
        let (pem, file): (SecretString, _) = self.secret_and_file(node.clone())?;
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
        Some(Credential::Certificate { pem, algorithm: algorithm?, file })
    }

    /// Reads where a token of another issuer is kept.
    fn federated(&mut self, node: Node) -> Option<Credential> {
        let hint = "Write { file = \"PATH\" }; an empty { } takes the path from \
                    AZURE_FEDERATED_TOKEN_FILE.";
        if self.is_bare(&node) {
            let message = "expected where the token is, which somebody else renews";
            self.wrong(&node, message, Some(hint.to_owned()));
            return None;
        }
        let whole = node.clone();
        let mut table = self.table(node, &["file"]);
        let (file, node) = match table.take("file") {
            Some(node) => {
                let text = self.text(&node)?;
                (self.folder.join(text), node)
            }
            None => match self.variable_text("AZURE_FEDERATED_TOKEN_FILE") {
                Some(path) => (PathBuf::from(path), whole),
                None => {
                    let message = "it does not say where the token is, and \
                                   AZURE_FEDERATED_TOKEN_FILE is not set";
                    self.wrong(&whole, message, Some(hint.to_owned()));
                    return None;
                }
            },
        };
        let unreadable = self.file(&file).err().map(|(message, _)| message);
        if let Some(message) = unreadable {
            let hint = "The workload identity of the cluster, or whoever else issues the token, \
                        has to keep it there, readable by the account that runs the daemon.";
            self.wrong(&node, &message, Some(hint.to_owned()));
            return None;
        }
        Some(Credential::Federated { file })
    }

    fn managed_identity(&mut self, node: Node) -> Option<Credential> {
        let hint = "Write \"system\", or { client_id = \"…\" }, { object_id = \"…\" } or \
                    { resource_id = \"…\" } of a user-assigned identity.";
        if let Content::Text(text) = &node.content
            && !text.trim_start().starts_with('{')
        {
            if text.trim() != "system" {
                self.wrong(&node, "expected `system` or a table", Some(hint.to_owned()));
                return None;
            }
            let host = self.identity_host(&node, None)?;
            return Some(Credential::ManagedIdentity { host, identity: Identity::System });
        }
        let whole = node.clone();
        let ids = ["client_id", "object_id", "resource_id"];
        let mut table = self.table(node, &["client_id", "object_id", "resource_id", "endpoint"]);
        let endpoint = table.take("endpoint");
        let identity = match self.choose(&mut table, &ids) {
            Choice::None => Some(Identity::System),
            Choice::One("resource_id", node) => self.resource_id(&node),
            Choice::One(which, node) => self.guid(&node).map(|id| match which {
                "client_id" => Identity::ClientId(id),
                _ => Identity::ObjectId(id),
            }),
            Choice::Refused => None,
        };
        let host = self.identity_host(&whole, endpoint);
        Some(Credential::ManagedIdentity { host: host?, identity: identity? })
    }

    /// Returns what kind of host this is: what the configuration says comes first, then what App
    /// Service sets for its processes, then the metadata service of a virtual machine.
    fn identity_host(&mut self, whole: &Node, endpoint: Option<Node>) -> Option<IdentityHost> {
        if let Some(node) = endpoint {
            let text = self.text(&node)?;
            return self.metadata(&node, &text);
        }
        let address = self.variable_text("IDENTITY_ENDPOINT");
        let header = self.variable_text("IDENTITY_HEADER");
        match (address, header) {
            (Some(address), Some(header)) => match Url::parse(&address) {
                Ok(endpoint) if endpoint.has_host() => {
                    Some(IdentityHost::AppService { endpoint, header: header.into() })
                }
                _ => {
                    let message = "the environment variable `IDENTITY_ENDPOINT` is no URL";
                    self.wrong(whole, message, None);
                    None
                }
            },
            (Some(_), None) => {
                let message = "`IDENTITY_ENDPOINT` is set and `IDENTITY_HEADER` is not: this is \
                               neither App Service nor a virtual machine in Azure";
                let hint = "Azure Arc is not supported: use a certificate there. On a virtual \
                            machine, unset the variable.";
                self.wrong(whole, message, Some(hint.to_owned()));
                None
            }
            (None, _) => match self.variable_text(METADATA_VARIABLE) {
                Some(address) => self.metadata(whole, &address),
                None => self.metadata(whole, METADATA),
            },
        }
    }

    /// Reads the address of a metadata service. Tokens travel over it without encryption, so it
    /// has to be on this host or on its own link.
    fn metadata(&mut self, node: &Node, text: &str) -> Option<IdentityHost> {
        let hint = "Give scheme, host and port, as `http://169.254.169.254`.";
        let url = Url::parse(text).ok().filter(|url| {
            let near = match url.host() {
                Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
                Some(Host::Ipv4(address)) => address.is_loopback() || address.is_link_local(),
                Some(Host::Ipv6(address)) => address.is_loopback(),
                None => false,
            };
            let plain = url.path() == "/" && url.query().is_none() && url.username().is_empty();
            plain && (url.scheme() == "https" || (url.scheme() == "http" && near))
        });
        if url.is_none() {
            let message = "expected the address of a metadata service on this host or its link";
            self.wrong(node, message, Some(hint.to_owned()));
        }
        url.map(|endpoint| IdentityHost::VirtualMachine { endpoint })
    }

    fn guid(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        if text.len() != 36 || Uuid::try_parse(&text).is_err() {
            let message = "expected a GUID, as `00000000-0000-0000-0000-000000000000`";
            self.wrong(node, message, None);
            return None;
        }
        Some(text)
    }

    fn resource_id(&mut self, node: &Node) -> Option<Identity> {
        let text = self.text(node)?;
        if !text.to_ascii_lowercase().starts_with("/subscriptions/") {
            let message = "expected an Azure resource id, as `/subscriptions/…/resourceGroups/…/\
                           providers/Microsoft.ManagedIdentity/userAssignedIdentities/…`";
            self.wrong(node, message, None);
            return None;
        }
        Some(Identity::ResourceId(text))
    }

    /// Returns an environment variable that is set and not blank.
    pub(super) fn variable_text(&self, name: &str) -> Option<String> {
        let value = self.environment.get(name).map(str::trim);
        value.filter(|value| !value.is_empty()).map(str::to_owned)
    }
}
