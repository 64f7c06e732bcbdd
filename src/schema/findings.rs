//! What could not be carried over, and where it stands in the file.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

/// How many places of a finding are printed.
const PLACES_SHOWN: usize = 3;

/// What a finding means for the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The configuration does not load before a person has decided.
    Blocks,
    /// The file is wrong at this place, which was left out. The rest was read.
    Unreadable,
    /// Entra ID does it, and this configuration does not.
    Lost,
    /// It was carried over, and means something else than before.
    Changed,
    /// The schema does not say it, or it is better looked at.
    Decide,
    /// The key is in no documentation of the format.
    Unknown,
    /// The format has it; it steers Entra ID's own service and has no meaning here.
    Meaningless,
}

impl Kind {
    /// Every kind, the most important first.
    pub const ALL: [Self; 7] = [
        Self::Blocks,
        Self::Unreadable,
        Self::Lost,
        Self::Changed,
        Self::Decide,
        Self::Unknown,
        Self::Meaningless,
    ];

    /// Returns whether such a finding means that something is missing from the configuration.
    pub fn leaves_out(self) -> bool {
        matches!(self, Self::Blocks | Self::Unreadable | Self::Lost | Self::Unknown)
    }

    /// Returns the heading for the findings of the kind.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Blocks => "To decide before the configuration loads",
            Self::Unreadable => "Not readable",
            Self::Lost => "Not carried over",
            Self::Changed => "Carried over with another meaning",
            Self::Decide => "To look at",
            Self::Unknown => "Unknown keys",
            Self::Meaningless => "Known, without meaning here",
        }
    }
}

/// A place in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Where it is in the document, as `synchronizationRules[0].objectMappings[1].scope`; empty for
    /// the document as a whole.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
}

impl Place {
    /// Returns the place of a member.
    pub(super) fn member(&self, key: &str, line: u32) -> Self {
        let simple = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let path = match (self.path.is_empty(), simple) {
            (true, true) => key.to_owned(),
            (false, true) => format!("{}.{key}", self.path),
            // Also keeps control characters out of a terminal.
            (_, false) => format!("{}[{key:?}]", self.path),
        };
        Self { path, line }
    }

    /// Returns the place of an element, counted from 0.
    pub(super) fn element(&self, index: usize, line: u32) -> Self {
        Self { path: format!("{}[{index}]", self.path), line }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "line {}", self.line),
            path => write!(f, "line {}, {path}", self.line),
        }
    }
}

/// One thing that is different from what the schema says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it means for the configuration.
    pub kind: Kind,
    /// What it is about, as "attribute mapping `Company`".
    pub subject: String,
    /// Why, in a sentence without a full stop.
    pub reason: String,
    /// What to do; empty if nothing needs to be done.
    pub advice: String,
    /// Every place that it applies to, in the order of the file; never empty.
    pub places: Vec<Place>,
}

impl fmt::Display for Finding {
    /// Writes one line for what it is, one for what to do, and one for the places.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.reason)?;
        if !self.advice.is_empty() {
            write!(f, "\n  {}", self.advice)?;
        }
        f.write_str("\n  at ")?;
        for (index, place) in self.places.iter().take(PLACES_SHOWN).enumerate() {
            let comma = if index == 0 { "" } else { "; " };
            write!(f, "{comma}{place}")?;
        }
        match self.places.len().saturating_sub(PLACES_SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and at {more} more"),
        }
    }
}

/// The findings so far. What is said twice is one finding with two places.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    known: HashMap<(Kind, String, String, String), usize>,
}

impl Findings {
    /// Adds a finding.
    pub fn add(
        &mut self,
        kind: Kind,
        place: &Place,
        subject: impl Into<String>,
        reason: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let (subject, reason, advice) =
            (printable(subject.into()), printable(reason.into()), printable(advice.into()));
        let key = (kind, subject.clone(), reason.clone(), advice.clone());
        let known = self.known.get(&key).and_then(|index| self.list.get_mut(*index));
        if let Some(finding) = known {
            finding.places.push(place.clone());
            return;
        }
        self.known.insert(key, self.list.len());
        self.list.push(Finding { kind, subject, reason, advice, places: vec![place.clone()] });
    }

    /// Returns them, the most important kind first, in the order of the file otherwise.
    pub fn finish(mut self) -> Vec<Finding> {
        let line = |finding: &Finding| finding.places.first().map_or(0, |place| place.line);
        self.list.sort_by_key(|finding| (finding.kind, line(finding)));
        self.list
    }
}

/// Replaces what a terminal would act on: the texts hold names from the file.
fn printable(text: String) -> String {
    if text.chars().any(|c| c.is_control()) {
        return text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    }
    text
}

/// Writes all findings under their headings, for a terminal. Returns an empty text for none.
pub fn report(findings: &[Finding]) -> String {
    let mut out = String::new();
    for kind in Kind::ALL {
        let mut of_kind = findings.iter().filter(|finding| finding.kind == kind).peekable();
        if of_kind.peek().is_none() {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(kind.heading());
        out.push_str(":\n");
        for finding in of_kind {
            out.push_str(&format!("- {}\n", finding.to_string().replace('\n', "\n  ")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_twice_is_one_finding_with_two_places() {
        let root = Place { path: String::new(), line: 1 };
        let mut findings = Findings::default();
        findings.add(Kind::Meaningless, &root.member("id", 2), "key `id`", "only a name", "");
        findings.add(Kind::Lost, &root, "x", "gone", "do it");
        for line in 3..7 {
            findings.add(
                Kind::Meaningless,
                &root.member("id", line),
                "key `id`",
                "only a name",
                "",
            );
        }
        let findings = findings.finish();
        assert_eq!(findings.len(), 2);
        assert_eq!(findings[0].kind, Kind::Lost);
        assert_eq!(findings[0].to_string(), "x: gone\n  do it\n  at line 1");
        assert_eq!(
            findings[1].to_string(),
            "key `id`: only a name\n  at line 2, id; line 3, id; line 4, id; and at 2 more"
        );
    }

    #[test]
    fn odd_keys_are_quoted_in_paths() {
        let root = Place { path: String::new(), line: 1 };
        let odd = root.member("@odata.context", 1).member("a\u{1b}", 2).element(0, 3);
        assert_eq!(odd.path, "[\"@odata.context\"][\"a\\u{1b}\"][0]");
    }
}
