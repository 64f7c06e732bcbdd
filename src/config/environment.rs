//! The environment of the process, as a value: tests and the demo bring their own.

use std::collections::BTreeMap;
use std::fmt;

/// Environment variables, sorted by name. Their values may be secrets, so that `Debug` shows names
/// only.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Returns the variables of this process. Those whose name or value is no Unicode are left out,
    /// as no key or secret can be read from them.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { variables: std::env::vars_os().filter_map(text).collect() }
    }

    /// Returns an environment of these variables and no others; the last value of a name counts.
    pub fn of<Name: Into<String>, Value: Into<String>>(
        variables: impl IntoIterator<Item = (Name, Value)>,
    ) -> Self {
        let owned = |(name, value): (Name, Value)| (name.into(), value.into());
        Self { variables: variables.into_iter().map(owned).collect() }
    }

    /// Returns the environment with one variable set.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Returns the value of a variable, which may be empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Returns the variables whose names start with `prefix`, sorted, with the rest of their names.
    pub(super) fn under<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        self.variables.iter().filter_map(move |(name, value)| {
            let rest = name.strip_prefix(prefix)?;
            Some((name.as_str(), rest, value.as_str()))
        })
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
