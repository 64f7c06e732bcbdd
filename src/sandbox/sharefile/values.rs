//! Settings by name, with types: a table of defaults, and what was changed.

use serde_json::{Map, Value};

use super::call::{Members, Refusal};

/// The type of a setting, and the value it begins with.
#[derive(Clone, Copy, Debug)]
enum Initial {
    Flag(bool),
    Number(i64),
    Text(&'static str),
    OneOf(&'static [&'static str], &'static str),
}

/// A setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    name: &'static str,
    initial: Initial,
}

/// A flag that begins as true.
pub(super) const fn on(name: &'static str) -> Setting {
    Setting { name, initial: Initial::Flag(true) }
}

/// A flag that begins as false.
pub(super) const fn off(name: &'static str) -> Setting {
    Setting { name, initial: Initial::Flag(false) }
}

/// A whole number.
pub(super) const fn int(name: &'static str, initial: i64) -> Setting {
    Setting { name, initial: Initial::Number(initial) }
}

/// A text.
pub(super) const fn text(name: &'static str, initial: &'static str) -> Setting {
    Setting { name, initial: Initial::Text(initial) }
}

/// One of some words.
pub(super) const fn one_of(
    name: &'static str,
    words: &'static [&'static str],
    initial: &'static str,
) -> Setting {
    Setting { name, initial: Initial::OneOf(words, initial) }
}

impl Setting {
    fn initial(self) -> Value {
        match self.initial {
            Initial::Flag(flag) => flag.into(),
            Initial::Number(number) => number.into(),
            Initial::Text(text) | Initial::OneOf(_, text) => text.into(),
        }
    }

    /// Returns the value in the spelling of the table, or `None` if it has the wrong type.
    fn fit(self, value: &Value) -> Option<Value> {
        match (self.initial, value) {
            (Initial::Flag(_), Value::Bool(_)) | (Initial::Text(_), Value::String(_)) => {
                Some(value.clone())
            }
            (Initial::Number(_), Value::Number(number)) => number.as_i64().map(Value::from),
            (Initial::OneOf(words, _), Value::String(word)) => {
                let known = words.iter().find(|known| known.eq_ignore_ascii_case(word))?;
                Some(Value::from(*known))
            }
            _ => None,
        }
    }
}

/// The values of a table's settings.
#[derive(Clone, Debug)]
pub(super) struct Values {
    table: &'static [Setting],
    changed: Vec<(&'static str, Value)>,
}

impl Values {
    /// Begins with the values of the table.
    pub(super) const fn new(table: &'static [Setting]) -> Self {
        Self { table, changed: Vec::new() }
    }

    /// Returns the value of a setting; null if there is none of that name.
    pub(super) fn get(&self, name: &str) -> Value {
        if let Some((_, value)) = self.changed.iter().find(|(changed, _)| *changed == name) {
            return value.clone();
        }
        let setting = self.table.iter().find(|setting| setting.name == name);
        setting.map_or(Value::Null, |setting| setting.initial())
    }

    /// Returns a flag.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).as_bool().unwrap_or(false)
    }

    /// Returns a number.
    pub(super) fn number(&self, name: &str) -> i64 {
        self.get(name).as_i64().unwrap_or(0)
    }

    /// Returns a text.
    pub(super) fn text(&self, name: &str) -> String {
        self.get(name).as_str().unwrap_or_default().to_owned()
    }

    /// Sets a value. Names and types that the table does not have are left alone.
    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        let setting = self.table.iter().find(|setting| setting.name == name);
        let fit = setting.and_then(|setting| Some((setting.name, setting.fit(&value.into())?)));
        if let Some((name, value)) = fit {
            self.changed.retain(|(changed, _)| *changed != name);
            self.changed.push((name, value));
        }
    }

    /// Sets what a body names. Unknown members, and those that `writable` leaves out, are ignored
    /// (section 2); a null counts as absent.
    ///
    /// # Errors
    /// When a member has a value of the wrong type; nothing is changed then.
    pub(super) fn patch(
        &mut self,
        body: &Members,
        writable: impl Fn(&str) -> bool,
    ) -> Result<(), Refusal> {
        let mut wanted = Vec::new();
        for setting in self.table.iter().filter(|setting| writable(setting.name)) {
            let given = body.get(&setting.name.to_ascii_lowercase());
            if let Some(value) = given.filter(|value| !value.is_null()) {
                let fit = setting.fit(value).ok_or_else(|| Refusal::wrong_type(setting.name))?;
                wanted.push((setting.name, fit));
            }
        }
        for (name, value) in wanted {
            self.set(name, value);
        }
        Ok(())
    }

    /// Returns every setting with its value.
    pub(super) fn members(&self) -> Map<String, Value> {
        self.table.iter().map(|setting| (setting.name.to_owned(), self.get(setting.name))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Setting] =
        &[on("A"), int("B", 3), text("C", ""), one_of("D", &["One", "Two"], "One")];

    #[test]
    fn values_keep_their_types() {
        let mut values = Values::new(TABLE);
        values.set("A", false);
        values.set("B", "three");
        values.set("D", "two");
        values.set("D", "three");
        values.set("E", 1);
        assert!(!values.flag("A"));
        assert_eq!((values.number("B"), values.text("D").as_str()), (3, "Two"));
        assert_eq!(values.members().len(), 4);
    }

    #[test]
    fn a_patch_is_all_or_nothing() {
        let mut values = Values::new(TABLE);
        let body = serde_json::json!({ "b": 7, "a": "yes" });
        assert!(values.patch(&Members::of(&body), |_| true).is_err());
        assert_eq!(values.number("B"), 3);
        let body = serde_json::json!({ "B": 7, "a": null, "Z": 1, "C": "x" });
        assert!(values.patch(&Members::of(&body), |name| name != "C").is_ok());
        assert_eq!((values.number("B"), values.text("C").as_str()), (7, ""));
    }
}
