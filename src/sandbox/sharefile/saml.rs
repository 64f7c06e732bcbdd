//! Assertions of an identity provider, as far as the tenant looks at them: issuer, subject and
//! validity (ShareFile API reference, section 1.2). Signatures are not verified: whoever reaches
//! the sandbox may sign in as anybody.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::model::ids::Timestamp;

/// What an assertion says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assertion {
    pub issuer: String,
    /// The address of the person.
    pub subject: String,
    not_before: Option<Timestamp>,
    not_on_or_after: Option<Timestamp>,
}

impl Assertion {
    /// Reads a base64-encoded assertion; `None` if it says neither who made it nor whom it is
    /// about.
    pub(super) fn read(encoded: &str) -> Option<Self> {
        let bytes = STANDARD.decode(encoded.trim()).ok()?;
        let xml = String::from_utf8(bytes).ok()?;
        let time = |name: &str| -> Option<Option<Timestamp>> {
            match attribute(&xml, "Conditions", name) {
                None => Some(None),
                Some(text) => {
                    let time = text.parse::<jiff::Timestamp>().ok()?;
                    Some(Some(Timestamp(time.as_millisecond())))
                }
            }
        };
        Some(Self {
            issuer: text_of(&xml, "Issuer")?,
            subject: text_of(&xml, "NameID")?,
            not_before: time("NotBefore")?,
            not_on_or_after: time("NotOnOrAfter")?,
        })
    }

    /// Returns whether the assertion is valid at a time.
    pub(super) fn holds_at(&self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|start| start <= now)
            && self.not_on_or_after.is_none_or(|end| now < end)
    }
}

/// Returns what stands behind the opening of an element, whatever its prefix.
fn opening<'x>(xml: &'x str, name: &str) -> Option<&'x str> {
    xml.split('<').skip(1).find_map(|tag| {
        let end = tag.find(|c: char| c.is_whitespace() || c == '>' || c == '/')?;
        let (full, rest) = tag.split_at(end);
        (full.rsplit(':').next() == Some(name)).then_some(rest)
    })
}

fn text_of(xml: &str, name: &str) -> Option<String> {
    let (_, text) = opening(xml, name)?.split_once('>')?;
    let text = text.trim();
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    (!text.is_empty()).then_some(text)
}

fn attribute(xml: &str, element: &str, name: &str) -> Option<String> {
    let (inside, _) = opening(xml, element)?.split_once('>')?;
    let mut words = inside.split_whitespace();
    let value = words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
    let quoted = value.trim_end_matches('/');
    Some(quoted.trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(xml: &str) -> String {
        STANDARD.encode(xml)
    }

    #[test]
    fn issuer_subject_and_validity_are_read() {
        let xml = "<saml:Assertion xmlns:saml=\"x\"><saml:Issuer>https://idp</saml:Issuer>\
                   <saml:Subject><saml:NameID Format=\"f\">a&amp;b@acme.example</saml:NameID>\
                   </saml:Subject><saml:Conditions NotBefore=\"1970-01-01T00:00:01Z\" \
                   NotOnOrAfter=\"1970-01-01T00:00:02Z\"/></saml:Assertion>";
        let assertion = Assertion::read(&encoded(xml)).unwrap();
        assert_eq!(assertion.issuer, "https://idp");
        assert_eq!(assertion.subject, "a&b@acme.example");
        let times = [999, 1_000, 1_999, 2_000].map(|at| assertion.holds_at(Timestamp(at)));
        assert_eq!(times, [false, true, true, false]);
    }

    #[test]
    fn what_says_too_little_is_none() {
        assert_eq!(Assertion::read("not base64!"), None);
        assert_eq!(Assertion::read(&encoded("<Issuer>x</Issuer>")), None);
        let broken = "<Issuer>x</Issuer><NameID>y</NameID><Conditions NotBefore=\"soon\">";
        assert_eq!(Assertion::read(&encoded(broken)), None);
    }
}
