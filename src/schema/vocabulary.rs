//! What a configuration can say, for the importer to keep to.

use std::fmt;

use super::asked::Refusal;

/// The names that a configuration knows, and what it can express.
#[derive(Clone, Copy)]
pub struct Vocabulary<'a> {
    /// The attributes of accounts that can be set.
    pub user_targets: &'a [&'a str],
    /// Those without which no account can be created, with the source they have by themselves.
    pub required: &'a [(&'a str, &'a str)],
    /// The attributes that accounts are found by.
    pub matchable: &'a [&'a str],
    /// The attributes of groups that can be set, the name first.
    pub group_targets: &'a [&'a str],
    /// Whether people have an attribute.
    pub is_user_attribute: &'a dyn Fn(&str) -> bool,
    /// The attributes of people, to name the nearest one.
    pub user_attributes: &'a [&'a str],
    /// Whether groups have an attribute.
    pub is_group_attribute: &'a dyn Fn(&str) -> bool,
    /// The attributes of groups, to name the nearest one.
    pub group_attributes: &'a [&'a str],
    /// The operators of scoping filters, as they are spelled.
    pub operators: &'a [&'a str],
    /// Whether leaving the scope can be made to mean nothing: `on_leave = "ignore"`.
    pub on_leave: bool,
    /// Whether groups have scoping filters: `[[groups.filter]]`.
    pub group_filters: bool,
    /// Whether the type of an account may be an expression: `users.type = "…"`.
    pub type_expression: bool,
    /// Says why a configuration with the entry in a text does not load.
    pub refuses: &'a dyn Fn(&str) -> Option<String>,
    /// Says everything that is wrong with the rules in a text.
    pub read: &'a dyn Fn(&str) -> Vec<Refusal>,
}

impl fmt::Debug for Vocabulary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vocabulary")
            .field("user_targets", &self.user_targets)
            .field("group_targets", &self.group_targets)
            .finish_non_exhaustive()
    }
}

impl Vocabulary<'_> {
    /// Returns the operator as the configuration spells it, whatever separates its words.
    pub fn operator(&self, name: &str) -> Option<&str> {
        let wanted = folded(name);
        self.operators.iter().copied().find(|operator| folded(operator) == wanted)
    }
}

/// Returns the letters, digits and signs of a name in small letters: "Greater_Than" and
/// "GREATER THAN" are one operator, "Security.IsDisabled" and "SecurityIsDisabled" one attribute.
pub(super) fn folded(name: &str) -> String {
    let kept = |c: &char| !c.is_whitespace() && !matches!(c, '_' | '-' | '.');
    name.chars().filter(kept).flat_map(char::to_lowercase).collect()
}

/// Returns the name that is nearest, if one is near.
pub(super) fn nearest<'n>(wanted: &str, names: &[&'n str]) -> Option<&'n str> {
    // Longer names are cut, so that no name from a file makes this slow.
    let short = |name: &str| folded(name).chars().take(64).collect::<String>();
    let wanted = short(wanted);
    let rated = names.iter().map(|name| (strsim::jaro_winkler(&wanted, &short(name)), *name));
    let best = rated.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(rate, _)| *rate > 0.82).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_and_the_nearest_is_found() {
        assert_eq!(folded("Greater_Than OR-equals"), folded("GREATER THAN_OR_EQUALS"));
        assert_ne!(folded("&"), folded("!&"));
        assert_eq!(nearest("givenname1", &["surname", "givenName", "mail"]), Some("givenName"));
        assert_eq!(nearest("zzz", &["surname", "givenName", "mail"]), None);
        let long = "a".repeat(1_000_000);
        assert_eq!(nearest(&long, &["surname"]), None);
    }
}
