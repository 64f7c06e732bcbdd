//! The values of one directory object, packed: a million people must fit into memory.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::properties::{DEVICE, GROUP, SERVICE_PRINCIPAL, USER};

/// The name of a property; a constant for those of the metadata, owned for extensions.
pub type Name = Cow<'static, str>;

/// Every name of the metadata, sorted; its position stands for it in the packed form.
static KNOWN: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let tables = [USER, GROUP, SERVICE_PRINCIPAL, DEVICE];
    let mut names: Vec<&str> =
        tables.iter().flat_map(|table| table.iter()).map(|p| p.name).collect();
    names.sort_unstable();
    names.dedup();
    names
});

/// Stands for a name that is written out: that of an extension.
const WRITTEN_OUT: u8 = u8::MAX;

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const TEXT: u8 = 2;
const JSON: u8 = 3;

/// Properties that have a value, each once. Nulls and empty lists are not kept.
///
/// One block of bytes holds them: for each the position of its name (or the name itself), the kind
/// of the value and, for texts and JSON, length and bytes. Names rise, those written out come last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Box<[u8]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Known(u8),
    Written(&'a str),
}

impl<'a> Key<'a> {
    fn of(name: &'a str) -> Self {
        let position = KNOWN.binary_search(&name).ok().and_then(|at| u8::try_from(at).ok());
        match position {
            Some(position) if position != WRITTEN_OUT => Self::Known(position),
            _ => Self::Written(name),
        }
    }

    fn name(self) -> &'a str {
        match self {
            Self::Known(position) => KNOWN.get(usize::from(position)).copied().unwrap_or_default(),
            Self::Written(name) => name,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Held<'a> {
    Flag(bool),
    Text(&'a str),
    Json(&'a [u8]),
}

impl Held<'_> {
    fn value(self) -> Value {
        match self {
            Self::Flag(flag) => Value::Bool(flag),
            Self::Text(text) => Value::from(text),
            Self::Json(bytes) => serde_json::from_slice(bytes).unwrap_or(Value::Null),
        }
    }
}

/// Walks over the packed values.
struct Entries<'a>(&'a [u8]);

impl<'a> Entries<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn block(&mut self) -> Option<&'a [u8]> {
        let mut length = 0_usize;
        let mut shift = 0;
        loop {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (block, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(block)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Key<'a>, Held<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = match self.byte()? {
            WRITTEN_OUT => Key::Written(std::str::from_utf8(self.block()?).ok()?),
            position => Key::Known(position),
        };
        let held = match self.byte()? {
            FALSE => Held::Flag(false),
            TRUE => Held::Flag(true),
            TEXT => Held::Text(std::str::from_utf8(self.block()?).ok()?),
            _ => Held::Json(self.block()?),
        };
        Some((key, held))
    }
}

fn pack_block(bytes: &mut Vec<u8>, block: &[u8]) {
    let mut length = block.len();
    while length >= 0x80 {
        bytes.push(0x80 | u8::try_from(length & 0x7f).unwrap_or(0));
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap_or(0));
    bytes.extend_from_slice(block);
}

fn pack(bytes: &mut Vec<u8>, key: Key<'_>, held: Held<'_>) {
    match key {
        Key::Known(position) => bytes.push(position),
        Key::Written(name) => {
            bytes.push(WRITTEN_OUT);
            pack_block(bytes, name.as_bytes());
        }
    }
    match held {
        Held::Flag(flag) => bytes.push(if flag { TRUE } else { FALSE }),
        Held::Text(text) => {
            bytes.push(TEXT);
            pack_block(bytes, text.as_bytes());
        }
        Held::Json(json) => {
            bytes.push(JSON);
            pack_block(bytes, json);
        }
    }
}

/// Packs a value; nothing for null and an empty list.
fn pack_value(bytes: &mut Vec<u8>, key: Key<'_>, value: &Value) {
    match value {
        Value::Null => {}
        Value::Array(items) if items.is_empty() => {}
        Value::Bool(flag) => pack(bytes, key, Held::Flag(*flag)),
        Value::String(text) => pack(bytes, key, Held::Text(text)),
        other => pack(bytes, key, Held::Json(other.to_string().as_bytes())),
    }
}

impl Attributes {
    /// Takes values in any order; of two with one name the later one counts.
    pub fn from_list(values: Vec<(Name, Value)>) -> Self {
        let mut sorted: Vec<(Key<'_>, &Value)> =
            values.iter().rev().map(|(name, value)| (Key::of(name), value)).collect();
        sorted.sort_by_key(|(key, _)| *key);
        sorted.dedup_by_key(|(key, _)| *key);
        let mut bytes = Vec::with_capacity(512);
        for (key, value) in sorted {
            pack_value(&mut bytes, key, value);
        }
        Self(bytes.as_slice().into())
    }

    fn entries(&self) -> Entries<'_> {
        Entries(&self.0)
    }

    fn held(&self, name: &str) -> Option<Held<'_>> {
        let wanted = Key::of(name);
        self.entries().find(|(key, _)| *key == wanted).map(|(_, held)| held)
    }

    /// Returns the value of `name`, or `None` if it has none.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.held(name).map(Held::value)
    }

    /// Returns whether `name` has a value.
    pub fn has(&self, name: &str) -> bool {
        self.held(name).is_some()
    }

    /// Returns the text of `name`, or `None` if it has none.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.held(name) {
            Some(Held::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns the flag of `name`, or `None` if it has none.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.held(name) {
            Some(Held::Flag(flag)) => Some(flag),
            _ => None,
        }
    }

    /// Sets or, with null or an empty list, clears a value. Returns whether anything changed.
    pub fn set(&mut self, name: &str, value: &Value) -> bool {
        let wanted = Key::of(name);
        let mut bytes = Vec::with_capacity(self.0.len() + 64);
        let mut new = Some(value);
        for (key, held) in self.entries() {
            if key >= wanted
                && let Some(value) = new.take()
            {
                pack_value(&mut bytes, wanted, value);
            }
            if key != wanted {
                pack(&mut bytes, key, held);
            }
        }
        if let Some(value) = new {
            pack_value(&mut bytes, wanted, value);
        }
        let changed = bytes.as_slice() != &*self.0;
        if changed {
            self.0 = bytes.as_slice().into();
        }
        changed
    }

    /// Returns the names that have a value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries().map(|(key, _)| key.name())
    }

    /// Returns all values as an object.
    pub fn to_map(&self) -> Map<String, Value> {
        self.entries().map(|(key, held)| (key.name().to_owned(), held.value())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_later_of_two_values_counts_and_nulls_are_not_kept() {
        let mut attributes = Attributes::from_list(vec![
            ("mail".into(), json!("old")),
            ("city".into(), json!(null)),
            ("mail".into(), json!("new")),
        ]);
        assert_eq!(attributes.text("mail"), Some("new"));
        assert_eq!(attributes.get("city"), None);
        assert!(attributes.set("city", &json!("Bern")));
        assert!(!attributes.set("city", &json!("Bern")));
        assert!(attributes.set("city", &json!(null)));
        assert!(!attributes.set("city", &json!(null)));
    }

    #[test]
    fn every_kind_of_value_comes_back() {
        let long = "ü".repeat(20_000);
        let values = json!({
            "accountEnabled": false,
            "displayName": long,
            "employeeOrgData": {"division": "A", "costCenter": null},
            "extension_0123456789abcdef0123456789abcdef_a": 7,
            "extension_0123456789abcdef0123456789abcdef_b": "B",
            "otherMails": ["a@b.c", "d@e.f"],
        });
        let list = values.as_object().expect("an object").clone();
        let list = list.into_iter().map(|(name, value)| (Name::from(name), value));
        let mut attributes = Attributes::from_list(list.rev().collect());
        assert_eq!(Value::Object(attributes.to_map()), values);
        assert!(attributes.set("extension_0123456789abcdef0123456789abcdef_a", &json!(true)));
        assert_eq!(attributes.flag("extension_0123456789abcdef0123456789abcdef_a"), Some(true));
        assert!(attributes.set("displayName", &json!("short")));
        assert!(attributes.set("zip", &json!("8000")), "unknown names are written out");
        assert_eq!(attributes.names().count(), 7);
        assert_eq!(attributes.flag("accountEnabled"), Some(false));
    }
}
