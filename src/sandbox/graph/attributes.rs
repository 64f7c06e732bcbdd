//! The values of one directory object.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The name of a property; a constant for those of the metadata, owned for extensions.
pub type Name = Cow<'static, str>;

/// Properties that have a value, sorted by name, each once. Nulls and empty lists are not kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Vec<(Name, Value)>);

impl Attributes {
    /// Takes values in any order; of two with one name the later one counts.
    pub fn from_list(mut values: Vec<(Name, Value)>) -> Self {
        values.reverse();
        values.sort_by(|left, right| left.0.cmp(&right.0));
        values.dedup_by(|later, earlier| later.0 == earlier.0);
        values.retain(|(_, value)| !is_nothing(value));
        values.shrink_to_fit();
        Self(values)
    }

    /// Returns the value of `name`, or `None` if it has none.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let at = self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Returns the text of `name`, or `None` if it has none.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// Sets or, with null or an empty list, clears a value. Returns whether anything changed.
    pub fn set(&mut self, name: &str, value: Value) -> bool {
        match self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name)) {
            Ok(at) if is_nothing(&value) => {
                self.0.remove(at);
                true
            }
            Ok(at) => match self.0.get_mut(at) {
                Some((_, old)) if *old != value => {
                    *old = value;
                    true
                }
                _ => false,
            },
            Err(_) if is_nothing(&value) => false,
            Err(at) => {
                self.0.insert(at, (Cow::Owned(name.to_owned()), value));
                true
            }
        }
    }

    /// Returns all values as an object.
    pub fn to_map(&self) -> Map<String, Value> {
        self.0.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
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
        assert!(attributes.set("city", json!("Bern")));
        assert!(!attributes.set("city", json!("Bern")));
        assert!(attributes.set("city", json!(null)));
        assert!(!attributes.set("city", json!(null)));
    }
}
