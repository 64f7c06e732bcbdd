//! A TOML text as a tree of values, and where in the text each of them stands.

use std::collections::BTreeMap;
use std::ops::Range;

use figment::value::{Dict, Empty, Tag, Value};
use toml_edit::{Document, Item, Key, TableLike};

/// One step of the way to a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A key of a table.
    Key(String),
    /// An entry of a list, from 0.
    Index(usize),
}

/// The way to a value, from the root.
pub(super) type Way = Vec<Step>;

/// Returns the way as people write it: `users.attribute[2].source`, entries counted from 1.
pub(super) fn dotted(way: &[Step]) -> String {
    let mut text = String::new();
    for step in way {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Index(index) => text.push_str(&format!("[{}]", index + 1)),
        }
    }
    text
}

/// Where the key and the value of one way stand.
#[derive(Clone, Debug, Default)]
struct Span {
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
}

/// A parsed text.
pub(super) struct Parsed {
    /// The values.
    pub(super) values: Dict,
    /// Where they stand.
    pub(super) positions: Positions,
    /// Ways to dates, which no key takes; they are left out of the values.
    pub(super) dates: Vec<Way>,
}

/// Where the values of a text stand.
pub(super) struct Positions {
    text: String,
    spans: BTreeMap<Way, Span>,
}

/// Why a text is no TOML; neither part quotes the text, which may hold a secret.
pub(super) struct Refusal {
    /// The reason.
    pub(super) message: String,
    /// Line and column, from 1.
    pub(super) at: Option<(usize, usize)>,
}

impl Positions {
    /// Returns line and column of the key on a way.
    pub(super) fn key(&self, way: &[Step]) -> Option<(usize, usize)> {
        let span = self.spans.get(way)?;
        let range = span.key.as_ref().or(span.value.as_ref())?;
        Some(position(&self.text, range.start))
    }

    /// Returns line and column of the value on a way.
    pub(super) fn value(&self, way: &[Step]) -> Option<(usize, usize)> {
        let span = self.spans.get(way)?;
        let range = span.value.as_ref().or(span.key.as_ref())?;
        Some(position(&self.text, range.start))
    }
}

/// Parses a TOML text.
///
/// # Errors
/// Says where and why the text is no TOML.
pub(super) fn parse(text: &str) -> Result<Parsed, Refusal> {
    let document = Document::parse(text).map_err(|error| Refusal {
        message: error.message().trim().replace('\n', ", "),
        at: error.span().map(|span| position(text, span.start)),
    })?;
    let mut walk = Walk { way: Vec::new(), spans: BTreeMap::new(), dates: Vec::new() };
    let values = walk.table(document.as_table());
    let positions = Positions { text: text.to_owned(), spans: walk.spans };
    Ok(Parsed { values, positions, dates: walk.dates })
}

/// Parses the text of a single value, as `[1, 2]`, `true` or `{ env = "NAME" }`.
pub(super) fn parse_value(text: &str) -> Option<Value> {
    // One line only, so that the text cannot bring further keys.
    if text.contains(['\n', '\r']) {
        return None;
    }
    let parsed = parse(&format!("value = {text}")).ok()?;
    if !parsed.dates.is_empty() {
        return None;
    }
    parsed.values.get("value").cloned()
}

struct Walk {
    way: Way,
    spans: BTreeMap<Way, Span>,
    dates: Vec<Way>,
}

impl Walk {
    fn table(&mut self, table: &dyn TableLike) -> Dict {
        let mut dict = Dict::new();
        for (name, item) in table.iter() {
            self.way.push(Step::Key(name.to_owned()));
            let key = table.get_key_value(name).map(|(key, _)| key);
            self.note(key.and_then(Key::span), item.span());
            if let Some(value) = self.item(item) {
                dict.insert(name.to_owned(), value);
            }
            self.way.pop();
        }
        dict
    }

    fn item(&mut self, item: &Item) -> Option<Value> {
        match item {
            Item::None => None,
            Item::Value(value) => self.value(value),
            Item::Table(table) => Some(self.table(table).into()),
            Item::ArrayOfTables(tables) => {
                let mut entries = Vec::new();
                for (index, table) in tables.iter().enumerate() {
                    self.way.push(Step::Index(index));
                    self.note(None, table.span());
                    entries.push(Value::from(self.table(table)));
                    self.way.pop();
                }
                Some(entries.into())
            }
        }
    }

    fn value(&mut self, value: &toml_edit::Value) -> Option<Value> {
        Some(match value {
            toml_edit::Value::String(text) => text.value().as_str().into(),
            toml_edit::Value::Integer(number) => (*number.value()).into(),
            toml_edit::Value::Float(number) => (*number.value()).into(),
            toml_edit::Value::Boolean(flag) => (*flag.value()).into(),
            toml_edit::Value::Datetime(_) => {
                self.dates.push(self.way.clone());
                return None;
            }
            toml_edit::Value::InlineTable(table) => self.table(table).into(),
            toml_edit::Value::Array(array) => {
                let mut entries = Vec::new();
                for (index, entry) in array.iter().enumerate() {
                    self.way.push(Step::Index(index));
                    self.note(None, entry.span());
                    // A date leaves a gap, so that the entries behind it keep their places.
                    let gap = Value::Empty(Tag::Default, Empty::None);
                    entries.push(self.value(entry).unwrap_or(gap));
                    self.way.pop();
                }
                entries.into()
            }
        })
    }

    fn note(&mut self, key: Option<Range<usize>>, value: Option<Range<usize>>) {
        self.spans.insert(self.way.clone(), Span { key, value });
    }
}

/// Returns line and column, both from 1, of a byte offset; columns count characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(keys: &[&str]) -> Way {
        keys.iter().map(|key| Step::Key((*key).to_owned())).collect()
    }

    #[test]
    fn values_know_their_places() {
        let text =
            "[a]\n  b = 1\n[c.d]\ne = \"ü\" # x\nf = { g = [1, 2] }\n[[h]]\ni = 1\n[[h]]\ni = 2\n";
        let Ok(parsed) = parse(text) else { panic!("valid") };
        let positions = parsed.positions;
        assert_eq!(positions.key(&way(&["a"])), Some((1, 2)));
        assert_eq!(positions.key(&way(&["a", "b"])), Some((2, 3)));
        assert_eq!(positions.value(&way(&["a", "b"])), Some((2, 7)));
        assert_eq!(positions.value(&way(&["c", "d", "e"])), Some((4, 5)));
        assert_eq!(positions.value(&way(&["c", "d", "f", "g"])), Some((5, 11)));
        let second = vec![
            Step::Key("c".into()),
            Step::Key("d".into()),
            Step::Key("f".into()),
            Step::Key("g".into()),
            Step::Index(1),
        ];
        assert_eq!(positions.value(&second), Some((5, 15)));
        assert_eq!(dotted(&second), "c.d.f.g[2]");
        let entry = vec![Step::Key("h".into()), Step::Index(1), Step::Key("i".into())];
        assert_eq!(positions.value(&entry), Some((9, 5)));
        assert_eq!(positions.value(&entry[..2]), Some((8, 1)));
    }

    #[test]
    fn what_is_no_toml_says_where_and_quotes_nothing() {
        for (text, line) in [
            ("[a]\nsecret = hunter2\n", 2),
            ("secret = \"hunter2\nb = 1", 1),
            ("a = 1\na = 2\n", 2),
            ("[a\n", 1),
        ] {
            let Err(refusal) = parse(text) else { panic!("{text}") };
            assert_eq!(refusal.at.map(|at| at.0), Some(line), "{text}");
            assert!(!refusal.message.contains("hunter2"), "{}", refusal.message);
        }
    }

    #[test]
    fn single_values() {
        assert_eq!(parse_value("true").and_then(|value| value.to_bool()), Some(true));
        assert!(parse_value("[1, 2]").is_some_and(|value| value.as_array().is_some()));
        assert!(parse_value("1\nother = 2").is_none());
        assert!(parse_value("bare").is_none());
        assert!(parse_value("1979-05-27").is_none());
    }
}
