//! Damage: an answer that was right, made wrong in one place.
//!
//! The damage concerns form, not plausible values: a member that is gone, a row that is lost, a
//! text where a number was, bytes that are no text. A value is never replaced by another one that
//! could be meant, since no client could tell; the one exception is the id of another object of
//! the same document, which a client can notice.

use serde_json::{Value, json};

use super::graph::dice::Dice;

/// A damaged body, and what was done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The body as it is sent.
    pub body: Vec<u8>,
    /// The damage in a few words, with the place as a JSON pointer.
    pub what: String,
}

/// Kinds of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The body ends too early.
    Truncated,
    /// There is no body.
    Empty,
    /// Bytes in the middle that are not UTF-8.
    NotText,
    /// Something follows the document.
    Trailing,
    /// A value is null.
    Null,
    /// A value has another type.
    OtherType,
    /// A value is a number beyond any range, or negative, or fractional.
    StrangeNumber,
    /// A value is nested too deeply to be read.
    Deep,
    /// A member occurs twice, the second time with another value.
    Twice,
    /// A member is missing.
    Missing,
    /// An id is that of another object.
    OtherId,
    /// A value is wrapped in an array or in an object.
    Wrapped,
    /// An object or an array is replaced by what it holds first.
    Unwrapped,
    /// A row is lost.
    LostRow,
    /// Rows are in reverse order and one comes twice.
    Shuffled,
    /// A text is very long, or holds what no text should.
    StrangeText,
}

const KINDS: [Kind; 16] = [
    Kind::Truncated,
    Kind::Empty,
    Kind::NotText,
    Kind::Trailing,
    Kind::Null,
    Kind::OtherType,
    Kind::StrangeNumber,
    Kind::Deep,
    Kind::Twice,
    Kind::Missing,
    Kind::OtherId,
    Kind::Wrapped,
    Kind::Unwrapped,
    Kind::LostRow,
    Kind::Shuffled,
    Kind::StrangeText,
];

/// Stands in a document where text is to go that no document can hold.
const MARK: &str = "\u{f8ff}";

/// Returns `body`, damaged in one place; the same seed does the same damage to the same body.
pub fn damage(body: &[u8], seed: u64) -> Damaged {
    let mut dice = Dice::new(seed);
    let whole: Option<Value> = serde_json::from_slice(body).ok();
    // Not every kind finds something to damage; cutting a body short always works.
    for _ in 0..8 {
        let kind = dice.pick(&KINDS).copied().unwrap_or(Kind::Truncated);
        let done = of_bytes(kind, body, &mut dice).or_else(|| {
            let mut surgery = Surgery { root: whole.clone()?, raw: None };
            let place = surgery.operate(kind, &mut dice)?;
            Some(Damaged { body: surgery.written(), what: format!("{kind:?} at {place}") })
        });
        match done {
            Some(done) if done.body != body => return done,
            _ => {}
        }
    }
    Damaged { body: Vec::new(), what: "Empty".to_owned() }
}

fn of_bytes(kind: Kind, body: &[u8], dice: &mut Dice) -> Option<Damaged> {
    let at = dice.below(body.len());
    let (before, after) = body.split_at_checked(at)?;
    let body = match kind {
        Kind::Empty => Vec::new(),
        Kind::Truncated => before.to_vec(),
        Kind::NotText => [before, &[0xff, 0xc0, 0x80], after].concat(),
        Kind::Trailing => {
            let tails: [&[u8]; 4] = [b"}", b"null", b"<!-- cached -->", body];
            [body, dice.pick(&tails).copied().unwrap_or_default()].concat()
        }
        _ => return None,
    };
    Some(Damaged { body, what: format!("{kind:?} at byte {at}") })
}

/// A document under the knife.
struct Surgery {
    root: Value,
    /// What replaces the mark.
    raw: Option<String>,
}

impl Surgery {
    /// Damages the document and returns where.
    fn operate(&mut self, kind: Kind, dice: &mut Dice) -> Option<String> {
        match kind {
            Kind::Missing | Kind::Twice => self.member(kind, dice),
            Kind::OtherId => self.other_id(dice),
            Kind::LostRow | Kind::Shuffled => self.rows(kind, dice),
            _ => {
                let path = self.place(dice, |value| fits(kind, value))?;
                let value = self.root.pointer_mut(&path)?;
                let (new, raw) = replacement(kind, value, dice)?;
                *value = new;
                self.raw = raw;
                Some(path)
            }
        }
    }

    /// Picks a value that fits. Half of the time it lies near the root, where there are few and
    /// where it matters most.
    fn place(&self, dice: &mut Dice, fits: impl Fn(&Value) -> bool) -> Option<String> {
        let mut all = Vec::new();
        walk(&self.root, &mut String::new(), &mut |path, value| {
            if fits(value) {
                all.push(path.to_owned());
            }
        });
        if dice.chance(500) {
            let near = all.iter().filter(|path| path.matches('/').count() <= 2);
            let near: Vec<String> = near.cloned().collect();
            if let Some(path) = dice.pick(&near) {
                return Some(path.clone());
            }
        }
        dice.pick(&all).cloned()
    }

    fn member(&mut self, kind: Kind, dice: &mut Dice) -> Option<String> {
        let full = |value: &Value| value.as_object().is_some_and(|members| !members.is_empty());
        let path = self.place(dice, full)?;
        let members = self.root.pointer_mut(&path)?.as_object_mut()?;
        let names: Vec<String> = members.keys().cloned().collect();
        let name = dice.pick(&names)?.clone();
        if kind == Kind::Missing {
            members.remove(&name);
        } else {
            let value = members.insert(name.clone(), json!(MARK))?;
            let again = replacement(Kind::OtherType, &value, dice)?.0;
            self.raw = Some(format!("{value},{}:{again}", json!(name)));
        }
        Some(format!("{path}/{name}"))
    }

    /// Gives an object the id of another one. Removals are left alone: they would name somebody
    /// else, which is a lie and no damage.
    fn other_id(&mut self, dice: &mut Dice) -> Option<String> {
        let mut ids = Vec::new();
        walk(&self.root, &mut String::new(), &mut |path, value| {
            for (name, id) in value.as_object().into_iter().flatten() {
                let named = ["id", "Id", "principalId"].contains(&name.as_str());
                if let (true, None, Some(id)) = (named, value.get("@removed"), id.as_str()) {
                    ids.push((format!("{path}/{name}"), name.clone(), id.to_owned()));
                }
            }
        });
        let (path, name, own) = dice.pick(&ids)?.clone();
        let others: Vec<_> = ids.into_iter().filter(|id| id.1 == name && id.2 != own).collect();
        let other = dice.pick(&others).map(|other| other.2.clone());
        *self.root.pointer_mut(&path)? = json!(other.unwrap_or_else(|| dice.uuid().to_string()));
        Some(path)
    }

    fn rows(&mut self, kind: Kind, dice: &mut Dice) -> Option<String> {
        let path =
            self.place(dice, |value| value.as_array().is_some_and(|rows| !rows.is_empty()))?;
        let rows = self.root.pointer_mut(&path)?.as_array_mut()?;
        let at = dice.below(rows.len());
        if kind == Kind::LostRow {
            rows.remove(at);
        } else {
            rows.reverse();
            rows.push(rows.get(at)?.clone());
        }
        Some(format!("{path}/{at}"))
    }

    fn written(&self) -> Vec<u8> {
        let text = self.root.to_string();
        match &self.raw {
            Some(raw) => text.replacen(&format!("\"{MARK}\""), raw, 1).into_bytes(),
            None => text.into_bytes(),
        }
    }
}

fn fits(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::Null => !value.is_null(),
        Kind::StrangeNumber => !value.is_object() && !value.is_array(),
        Kind::StrangeText => value.is_string(),
        Kind::Unwrapped => {
            value.as_array().is_some_and(|rows| !rows.is_empty())
                || value.as_object().is_some_and(|members| !members.is_empty())
        }
        _ => true,
    }
}

/// Returns what takes the place of a value, and the text that takes the place of the mark in it.
fn replacement(kind: Kind, old: &Value, dice: &mut Dice) -> Option<(Value, Option<String>)> {
    const NUMBERS: [&str; 6] =
        ["1e400", "-1", "99999999999999999999999999", "0.5", "1E+2147483648", "-0"];
    let marked = |raw: String| (json!(MARK), Some(raw));
    Some(match kind {
        Kind::Null => (Value::Null, None),
        Kind::OtherType => {
            let types =
                [json!(7), json!("seven"), json!(true), json!([]), json!({}), json!([null])];
            let same = std::mem::discriminant(old);
            let types: Vec<_> =
                types.into_iter().filter(|new| std::mem::discriminant(new) != same).collect();
            (dice.pick(&types)?.clone(), None)
        }
        Kind::StrangeNumber => marked((*dice.pick(&NUMBERS)?).to_owned()),
        Kind::Deep => {
            let depth = *dice.pick(&[150, 20_000])?;
            marked(if dice.chance(500) {
                format!("{}{}", "[".repeat(depth), "]".repeat(depth))
            } else {
                format!("{}1{}", "{\"value\":".repeat(depth), "}".repeat(depth))
            })
        }
        Kind::Wrapped if dice.chance(500) => (json!([old]), None),
        Kind::Wrapped => (json!({"d": old}), None),
        Kind::Unwrapped => (first(old)?, None),
        Kind::StrangeText => {
            let old = old.as_str()?;
            let lone = format!("\"{}\\ud800\"", old.replace(['"', '\\'], "").replace('\n', ""));
            let texts = [
                json!("x".repeat(100_000)),
                json!(""),
                json!(format!(" \u{0}\r\n\u{7}{old}")),
                json!(format!("{old}\u{202e}")),
            ];
            if dice.chance(250) { marked(lone) } else { (dice.pick(&texts)?.clone(), None) }
        }
        _ => return None,
    })
}

fn first(value: &Value) -> Option<Value> {
    match value {
        Value::Array(rows) => rows.first().cloned(),
        Value::Object(members) => members.values().next().cloned(),
        _ => None,
    }
}

/// Shows every value of a document with its JSON pointer, the root first.
fn walk(value: &Value, path: &mut String, see: &mut impl FnMut(&str, &Value)) {
    see(path, value);
    let length = path.len();
    let mut enter = |name: &str, child: &Value| {
        path.push('/');
        path.push_str(&name.replace('~', "~0").replace('/', "~1"));
        walk(child, path, see);
        path.truncate(length);
    };
    match value {
        Value::Array(rows) => {
            rows.iter().enumerate().for_each(|(at, row)| enter(&at.to_string(), row));
        }
        Value::Object(members) => members.iter().for_each(|(name, child)| enter(name, child)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn sample() -> Value {
        json!({"@odata.nextLink": "http://x/v1.0/users?$skiptoken=1", "value": [
            {"id": "a", "mail": "a@x", "accountEnabled": true, "roles": [{"id": "r"}]},
            {"id": "b", "mail": null, "accountEnabled": false, "roles": []},
            {"id": "c", "@removed": {"reason": "deleted"}},
        ]})
    }

    #[test]
    fn damage_is_repeatable_and_always_there() {
        let body = sample().to_string().into_bytes();
        for seed in 0..2_000 {
            let damaged = damage(&body, seed);
            assert_eq!(damaged, damage(&body, seed), "seed {seed}");
            assert_ne!(damaged.body, body, "seed {seed}: {}", damaged.what);
        }
    }

    #[test]
    fn every_kind_of_damage_is_done() {
        let body = sample().to_string().into_bytes();
        let mut seen: BTreeMap<String, (u32, u32)> = BTreeMap::new();
        for seed in 0..4_000 {
            let damaged = damage(&body, seed);
            let kind = damaged.what.split(' ').next().unwrap_or_default().to_owned();
            let (read, broken) = seen.entry(kind).or_default();
            match serde_json::from_slice::<Value>(&damaged.body) {
                Ok(_) => *read += 1,
                Err(_) => *broken += 1,
            }
        }
        let names: BTreeSet<String> = KINDS.iter().map(|kind| format!("{kind:?}")).collect();
        assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), names);
        for kind in ["Truncated", "Empty", "NotText", "Trailing", "Deep"] {
            assert_eq!(seen[kind].0, 0, "{kind} leaves no document");
        }
        for kind in ["Null", "OtherType", "Missing", "OtherId", "LostRow", "Twice", "Unwrapped"] {
            assert_eq!(seen[kind].1, 0, "{kind} leaves a document");
        }
    }

    #[test]
    fn nobody_is_declared_removed_or_disabled_by_damage() {
        let body = sample().to_string().into_bytes();
        for seed in 0..4_000 {
            let damaged = damage(&body, seed);
            let Ok(value) = serde_json::from_slice::<Value>(&damaged.body) else {
                continue;
            };
            walk(&value, &mut String::new(), &mut |path, value| {
                let id = value.get("id").and_then(Value::as_str);
                if value.get("@removed").is_some() {
                    assert!(!matches!(id, Some("a" | "b")), "seed {seed}: {}", damaged.what);
                }
                if value.get("accountEnabled") == Some(&json!(false)) {
                    assert!(id != Some("a") || damaged.what.contains("/id"), "seed {seed}: {path}");
                }
            });
        }
    }

    #[test]
    fn what_is_no_document_is_damaged_too() {
        for (seed, body) in (0..100).zip(["", "plain text", "<html>", "7"].iter().cycle()) {
            let damaged = damage(body.as_bytes(), seed);
            assert!(body.is_empty() || damaged.body != body.as_bytes(), "{seed}");
        }
    }
}
