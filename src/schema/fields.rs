//! Reads the members of an object, and notices what nobody asked for.

use std::collections::HashMap;

use super::findings::{Findings, Kind, Place};
use super::json::{Content, Json};

/// Stands for a member that a later one of the same key replaced.
static GONE_VALUE: Json = Json { line: 0, content: Content::Null };
const GONE: (&str, &Json) = ("", &GONE_VALUE);

/// An object of the document whose members are taken one by one.
pub(super) struct Fields<'j> {
    /// Where it is.
    pub place: Place,
    /// What it is, for messages: "attribute mapping".
    pub what: &'static str,
    members: Vec<(&'j str, &'j Json)>,
    /// Whether a key was there twice.
    twice: bool,
}

/// What has no secrets in it: the values of its unknown keys are shown.
const SHOWN: [&str; 10] = [
    "synchronization rule",
    "object mapping",
    "attribute mapping",
    "source",
    "parameter",
    "filter",
    "filter group",
    "filter clause",
    "operand",
    "filter of a rule",
];

/// Parts of keys whose values are never shown, in small letters.
const SECRET: [&str; 5] = ["secret", "password", "token", "credential", "apikey"];

/// How many characters of the value of an unknown key are shown.
const MOST_SHOWN: usize = 200;

impl<'j> Fields<'j> {
    /// Begins to read an object. Null is no object, and nothing to report.
    pub fn of(
        json: &'j Json,
        place: Place,
        what: &'static str,
        findings: &mut Findings,
    ) -> Option<Self> {
        match &json.content {
            Content::Null => None,
            Content::Object(entries) => {
                let mut members: Vec<(&str, &Json)> = Vec::with_capacity(entries.len());
                let mut known: HashMap<String, usize> = HashMap::with_capacity(entries.len());
                for (key, value) in entries {
                    let twice = known.insert(key.to_ascii_lowercase(), members.len());
                    members.push((key, value));
                    let Some(first) = twice.and_then(|index| members.get_mut(index)) else {
                        continue;
                    };
                    *first = GONE;
                    let reason = "the key is there twice, and the last one counts";
                    let place = place.member(key, value.line);
                    findings.add(Kind::Unreadable, &place, subject(what, key), reason, "");
                }
                let count = members.len();
                members.retain(|member| !std::ptr::eq(member.1, GONE.1));
                let twice = members.len() < count;
                Some(Self { place, what, members, twice })
            }
            _ => {
                wrong_kind(json, &place, what, "an object", findings);
                None
            }
        }
    }

    /// Takes a member as it is; null is as if it were not there.
    pub fn take(&mut self, key: &str) -> Option<(&'j Json, Place)> {
        let (name, value) = self.grab(key)?;
        Some((value, self.place.member(name, value.line)))
    }

    fn grab(&mut self, key: &str) -> Option<(&'j str, &'j Json)> {
        let at = self.members.iter().position(|(name, _)| name.eq_ignore_ascii_case(key))?;
        let (name, value) = self.members.remove(at);
        (value.content != Content::Null).then_some((name, value))
    }

    /// Takes a value that `read` understands, and reports another.
    fn value<T>(
        &mut self,
        key: &str,
        expected: &str,
        findings: &mut Findings,
        read: impl Fn(&Content) -> Option<T>,
    ) -> Option<T> {
        let (name, json) = self.grab(key)?;
        let value = read(&json.content);
        if value.is_none() {
            let place = self.place.member(name, json.line);
            wrong_kind(json, &place, &subject(self.what, key), expected, findings);
        }
        value
    }

    /// Takes a text; numbers and truth values count as the text that they would be.
    pub fn text(&mut self, key: &str, findings: &mut Findings) -> Option<String> {
        self.value(key, "a text", findings, as_text)
    }

    /// Takes a member if it is a text, a number or a truth value.
    pub fn take_text(&mut self, key: &str) -> Option<(&'j Json, Place)> {
        let found = self.members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.filter(|(_, json)| as_text(&json.content).is_some())?;
        self.take(key)
    }

    /// Takes a whole number, also from a text.
    pub fn whole(&mut self, key: &str, findings: &mut Findings) -> Option<i64> {
        self.value(key, "a whole number", findings, |content| match content {
            Content::Text(text) => text.trim().parse().ok(),
            Content::Number(token) => token.parse().ok(),
            _ => None,
        })
    }

    /// Takes a truth value, also from a text.
    pub fn flag(&mut self, key: &str, findings: &mut Findings) -> Option<bool> {
        self.value(key, "true or false", findings, |content| match content {
            Content::Flag(flag) => Some(*flag),
            Content::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Content::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        })
    }

    /// Takes a list. A single value counts as a list of one: PowerShell writes it so.
    pub fn list(&mut self, key: &str, findings: &mut Findings) -> Vec<(&'j Json, Place)> {
        let Some((json, place)) = self.take(key) else {
            return Vec::new();
        };
        match &json.content {
            Content::List(values) => {
                let element =
                    |(index, json): (usize, &'j Json)| (json, place.element(index, json.line));
                values.iter().enumerate().map(element).collect()
            }
            Content::Object(_) => {
                let reason = "expected a list and found an object, which was read as a list of one";
                findings.add(Kind::Unreadable, &place, subject(self.what, key), reason, "");
                vec![(json, place)]
            }
            _ => {
                let what = subject(self.what, key);
                wrong_kind(json, &place, &what, "a list", findings);
                Vec::new()
            }
        }
    }

    /// Returns whether one of the members is of a kind that cannot be read: what is left then says
    /// less than the file.
    pub fn finds_wrong(&self, texts: &[&str], lists: &[&str]) -> bool {
        self.members.iter().any(|(key, json)| match &json.content {
            Content::Null | Content::List(_) | Content::Object(_)
                if lists.iter().any(|list| list.eq_ignore_ascii_case(key)) =>
            {
                false
            }
            Content::List(_) | Content::Object(_) => {
                texts.iter().any(|text| text.eq_ignore_ascii_case(key))
            }
            Content::TooDeep => texts.iter().chain(lists).any(|one| one.eq_ignore_ascii_case(key)),
            _ => lists.iter().any(|list| list.eq_ignore_ascii_case(key)),
        })
    }

    /// As [`Self::finish`], with one finding for all members that are known.
    pub fn finish_description(mut self, known: &[&str], findings: &mut Findings) {
        let count = self.members.len();
        self.members.retain(|(key, _)| !known.iter().any(|known| known.eq_ignore_ascii_case(key)));
        if self.members.len() < count {
            let reason = "it describes what the two ends have, which this project knows";
            findings.add(Kind::Meaningless, &self.place, self.what, reason, "");
        }
        self.finish(&[], findings);
    }

    /// Reports the members that nobody took. Those of `meaningless` are known. Returns whether the
    /// object says more than was read: a key that the format does not have, or one twice.
    pub fn finish(self, meaningless: &[&str], findings: &mut Findings) -> bool {
        let mut more = self.twice;
        for (key, json) in self.members {
            let place = self.place.member(key, json.line);
            let known = meaningless.iter().any(|known| known.eq_ignore_ascii_case(key));
            let annotation = key.starts_with('@') || key.contains("@odata.");
            let empty = is_empty(json);
            let additional = key.eq_ignore_ascii_case("additionalProperties") && empty;
            let what = subject(self.what, key);
            if known || annotation || additional {
                let reason = if annotation || additional {
                    "an annotation of the transport"
                } else {
                    "it names or describes things for Entra ID's own service"
                };
                findings.add(Kind::Meaningless, &place, what, reason, "");
            } else if empty {
                let reason = "the format has no such key, and there is nothing in it";
                findings.add(Kind::Meaningless, &place, what, reason, "");
            } else {
                more = true;
                let says = self::shown(self.what, key, json);
                let says = says.unwrap_or_else(|| "what it says".to_owned());
                let reason = format!("the format has no such key, and {says} is not carried over");
                let advice = "Compare with what the portal shows for it.";
                findings.add(Kind::Unknown, &place, what, reason, advice);
            }
        }
        more
    }
}

fn is_empty(json: &Json) -> bool {
    match &json.content {
        Content::List(values) => values.is_empty(),
        Content::Object(members) => members.is_empty(),
        Content::Null => true,
        _ => false,
    }
}

/// Returns the value of an unknown key for a person to read, where it can be no secret.
fn shown(what: &str, key: &str, json: &Json) -> Option<String> {
    let name = key.to_lowercase();
    if !SHOWN.contains(&what) || SECRET.iter().any(|part| name.contains(part)) {
        return None;
    }
    let text = as_text(&json.content)?;
    let short: String = text.chars().take(MOST_SHOWN).collect();
    let cut = if short.len() < text.len() { "…" } else { "" };
    Some(format!("its value `{short}{cut}`"))
}

/// Returns whether a text is what `ConvertTo-Json` puts in the place of everything below its depth.
pub(super) fn is_cut_off(text: &str) -> bool {
    text.starts_with("@{") || text.starts_with("System.Object") || text.starts_with("System.Coll")
}

/// Returns a scalar as text.
pub(super) fn as_text(content: &Content) -> Option<String> {
    match content {
        Content::Text(text) => Some(text.clone()),
        Content::Number(token) => Some(token.clone()),
        Content::Flag(flag) => Some(if *flag { "True" } else { "False" }.to_owned()),
        _ => None,
    }
}

/// Returns how a member is called in findings.
fn subject(what: &str, key: &str) -> String {
    format!("{what}, key `{key}`")
}

/// Reports a value of a kind that cannot be there.
pub(super) fn wrong_kind(
    json: &Json,
    place: &Place,
    subject: &str,
    expected: &str,
    findings: &mut Findings,
) {
    let reason = format!("expected {expected} and found {}, so it was left out", json.describe());
    let advice = match &json.content {
        Content::Text(text) if is_cut_off(text) => {
            "PowerShell cut the document off: export it again with `ConvertTo-Json -Depth 100`."
        }
        _ => "Correct the file, or export it again.",
    };
    findings.add(Kind::Unreadable, place, subject, reason, advice);
}

#[cfg(test)]
mod tests {
    use super::super::json::read;
    use super::*;

    fn root() -> Place {
        Place { path: String::new(), line: 1 }
    }

    #[test]
    fn values_are_taken_by_kind_and_the_rest_is_reported() {
        let text = r#"{"Name": "a", "count": "3", "on": "TRUE", "list": "System.Object[]",
            "one": {"x": 1}, "odd": 1, "@odata.type": "t", "id": "i", "Flag": 4, "name": "b"}"#;
        let json = read(text).unwrap();
        let mut findings = Findings::default();
        let mut fields = Fields::of(&json, root(), "thing", &mut findings).unwrap();
        assert_eq!(fields.text("name", &mut findings).as_deref(), Some("b"));
        assert_eq!(fields.whole("Count", &mut findings), Some(3));
        assert_eq!(fields.flag("on", &mut findings), Some(true));
        assert_eq!(fields.flag("flag", &mut findings), None);
        assert!(fields.list("list", &mut findings).is_empty());
        assert_eq!(fields.list("one", &mut findings).len(), 1);
        fields.finish(&["id"], &mut findings);
        let findings = findings.finish();
        let said: Vec<_> = findings.iter().map(|one| (one.kind, one.subject.as_str())).collect();
        assert_eq!(
            said,
            [
                (Kind::Unreadable, "thing, key `list`"),
                (Kind::Unreadable, "thing, key `name`"),
                (Kind::Unreadable, "thing, key `flag`"),
                (Kind::Unreadable, "thing, key `one`"),
                (Kind::Unknown, "thing, key `odd`"),
                (Kind::Meaningless, "thing, key `@odata.type`"),
                (Kind::Meaningless, "thing, key `id`"),
            ]
        );
        assert!(findings[0].advice.contains("-Depth 100"));
    }
}
