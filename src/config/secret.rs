//! Secrets: named by the configuration, never part of it.

use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::layers::{Content, Node};
use super::problem::why_unreadable;
use super::reader::{Choice, Reader};

/// The longest secret: a certificate with its chain fits many times over.
const LONGEST: u64 = 1 << 20;

/// Where `LoadCredential=` without a path takes credentials from (systemd.exec(5), "Credentials").
/// systemd hands them to the service in a folder of its own; a person at a prompt has no such
/// folder, and reads the same here.
const CREDENTIAL_STORES: [&str; 2] = ["/run/credstore", "/etc/credstore"];

/// What may stand where a secret belongs.
const WAYS: &str =
    "Write { file = \"PATH\" }, { env = \"VARIABLE\" } or { credential = \"NAME\" }.";

impl Reader<'_> {
    /// Reads the secret that a value names. It is text as it stands, whatever it looks like, with
    /// one newline at its end dropped.
    pub(super) fn secret(&mut self, node: Node) -> Option<SecretString> {
        self.secret_and_file(node).map(|(secret, _)| secret)
    }

    /// Reads the secret that a value names, and returns the file that it is in, if it is in one.
    pub(super) fn secret_and_file(
        &mut self,
        node: Node,
    ) -> Option<(SecretString, Option<PathBuf>)> {
        if self.is_bare(&node) {
            let message = "a secret does not belong into the configuration itself";
            self.wrong(&node, message, Some(WAYS.to_owned()));
            return None;
        }
        let whole = node.clone();
        let mut section = self.table(node, &["env", "file", "credential"]);
        let (how, node) = match self.choose(&mut section, &["env", "file", "credential"]) {
            Choice::One(how, node) => (how, node),
            Choice::None => {
                let message = "it does not say where the secret is";
                self.wrong(&whole, message, Some(WAYS.to_owned()));
                return None;
            }
            Choice::Refused => return None,
        };
        let name = self.text(&node)?;
        let answer = match how {
            "env" => self.variable(&name).map(|secret| (secret, None)),
            "file" => {
                let path = self.folder.join(&name);
                self.file(&path).map(|secret| (secret, Some(path)))
            }
            _ => self.systemd_credential(&name),
        };
        match answer {
            Ok(secret) => Some(secret),
            Err((message, suggestion)) => {
                self.wrong(&node, &message, Some(suggestion.to_owned()));
                None
            }
        }
    }

    /// Returns whether a value stands for itself where a table is expected, which is what people
    /// write who put a secret into the file.
    pub(super) fn is_bare(&self, node: &Node) -> bool {
        match &node.content {
            Content::Text(text) => {
                !(self.layers.untyped(node.layer) && text.trim_start().starts_with('{'))
            }
            Content::Flag(_) | Content::Whole(_) | Content::Fraction => true,
            Content::Table(_) | Content::List(_) | Content::Refused => false,
        }
    }

    fn variable(&self, name: &str) -> Result<SecretString, (String, &'static str)> {
        match self.environment.get(name) {
            _ if !self.secrets => Ok(SecretString::default()),
            Some(value) => tidy(value, &format!("the environment variable `{name}`")),
            None => Err((
                format!("the environment variable `{name}` is not set"),
                "Set it for the daemon, or name a file instead.",
            )),
        }
    }

    fn systemd_credential(
        &self,
        name: &str,
    ) -> Result<(SecretString, Option<PathBuf>), (String, &'static str)> {
        if name.contains(['/', '\\']) || name == "." || name == ".." {
            let message = "expected the name of a systemd credential, not a path";
            return Err((message.to_owned(), "For a path, write { file = \"PATH\" }."));
        }
        if !self.secrets {
            return Ok((SecretString::default(), None));
        }
        if let Some(folder) = self.environment.get("CREDENTIALS_DIRECTORY") {
            let path = Path::new(folder).join(name);
            return self.file(&path).map(|secret| (secret, Some(path)));
        }
        // What is there but cannot be read counts as found: `file` says why it cannot.
        let stored = CREDENTIAL_STORES.iter().map(|folder| Path::new(folder).join(name));
        let Some(path) = stored.into_iter().find(|path| path.try_exists().unwrap_or(true)) else {
            let message = format!(
                "the systemd credential `{name}` is not here: `CREDENTIALS_DIRECTORY` is not set, \
                 and there is no such file in {}",
                CREDENTIAL_STORES.join(" or ")
            );
            return Err((
                message,
                "Put it there for `LoadCredential=` in the unit to find, or start the daemon \
                 through systemd.",
            ));
        };
        self.file(&path).map(|secret| (secret, Some(path)))
    }

    /// Reads a file as a secret.
    pub(super) fn file(&self, path: &Path) -> Result<SecretString, (String, &'static str)> {
        if !self.secrets {
            return Ok(SecretString::default());
        }
        let what = format!("the file {}", path.display());
        let mut text = String::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
        match read {
            Ok(_) if text.len() as u64 > LONGEST => {
                Err((format!("{what} is too long for a secret"), "Name the file of the secret."))
            }
            Ok(_) => tidy(&text, &what),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                Err((format!("{what} is no UTF-8 text"), "Save it as UTF-8, or PEM."))
            }
            Err(error) => Err((
                format!("{what} cannot be read: {}", why_unreadable(&error)),
                "Put the secret there, readable by the account that runs the daemon and by \
                 nobody else. Relative paths start at the folder of the configuration.",
            )),
        }
    }
}

/// Drops what editors add: a byte order mark, and one newline at the end.
fn tidy(text: &str, what: &str) -> Result<SecretString, (String, &'static str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.trim().is_empty() {
        return Err((format!("{what} is empty"), "Put the secret there."));
    }
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn only_the_last_newline_is_dropped() {
        for (written, kept) in [
            ("0012345\n", "0012345"),
            ("pass word \r\n", "pass word "),
            ("a\nb\n\n", "a\nb\n"),
            ("\u{feff}x", "x"),
        ] {
            let Ok(secret) = tidy(written, "it") else { panic!("{written:?}") };
            assert_eq!(secret.expose_secret(), kept);
        }
        let Err((message, _)) = tidy("\r\n", "the file x") else { panic!("empty") };
        assert_eq!(message, "the file x is empty");
    }
}
