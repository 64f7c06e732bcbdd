//! What the program itself knows: its tables of names, and what its reader of configurations says.
//!
//! The reader is asked about every entry before it is written, so that the importer never falls
//! behind it: an attribute, an operator or a key that the program learns is carried over from then
//! on, and what it refuses is reported with the reader's own reason.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::model::account::TargetAttribute;
use crate::source::graph::{KNOWN_ATTRIBUTES, KNOWN_GROUP_ATTRIBUTES};

use super::accounts::ACTIVE;
use super::draft::{ClauseDraft, Entry, FilterDraft, Rule};
use super::mapping::Of;
use super::page::quoted;
use super::vocabulary::Vocabulary;
use super::write;

/// One thing that the reader of configurations refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The dotted key.
    pub key: String,
    /// Why, without a full stop.
    pub message: String,
}

/// The source of an attribute that no account is without, if the schema gives none.
const USUAL: [(&str, &str); 3] =
    [("Email", "[mail]"), ("FirstName", "[givenName]"), ("LastName", "[surname]")];

/// The attributes of groups; they are found by their name and have no other that could be set.
const GROUP_TARGETS: [&str; 1] = ["Name"];

/// The operators of Entra ID's scoping filters, as the portal spells them, each with a value that it
/// compares with (Graph reference, section 10).
const OPERATORS: [(&str, Option<&str>); 14] = [
    ("EQUALS", Some("1")),
    ("NOT EQUALS", Some("1")),
    ("IS TRUE", None),
    ("IS FALSE", None),
    ("IS NULL", None),
    ("IS NOT NULL", None),
    ("REGEX MATCH", Some("1")),
    ("NOT REGEX MATCH", Some("1")),
    ("&", Some("1")),
    ("!&", Some("1")),
    ("ENDS_WITH", Some("1")),
    ("Greater_Than", Some("1")),
    ("Greater_Than_OR_EQUALS", Some("1")),
    ("Includes", Some("1")),
];

/// How many entries the reader is asked about: no schema that people made has more. What comes
/// after them is still read with the configuration as a whole.
const MOST_ASKED: usize = 2_000;

/// What `[appRoleAssignments]` is: the roles of a person, which only functions take.
const ROLES: &str = "appRoleAssignments";

/// Calls `import` with what the program knows. `read` is its reader of configurations: it says
/// what is wrong with the rules in a text.
pub fn with_known<R>(
    read: &dyn Fn(&str) -> Vec<Refusal>,
    import: impl FnOnce(&Vocabulary) -> R,
) -> R {
    let asked = Cell::new(0_usize);
    let refuses = |fragment: &str| -> Option<String> {
        asked.set(asked.get() + 1);
        if asked.get() > MOST_ASKED {
            return None;
        }
        read(fragment).into_iter().next().map(|refusal| refusal.message)
    };
    let required: Vec<(&str, &str)> = USUAL
        .into_iter()
        .filter(|(name, _)| TargetAttribute::parse(name).is_some_and(TargetAttribute::required))
        .collect();
    let mut user_targets: Vec<&str> =
        TargetAttribute::ALL.into_iter().map(|one| one.name()).collect();
    let active = entries("users.attribute", &required, ACTIVE, "[accountEnabled]");
    if !user_targets.contains(&ACTIVE) && refuses(&active).is_none() {
        user_targets.push(ACTIVE);
    }
    let operators: Vec<&str> = OPERATORS
        .into_iter()
        .filter(|(operator, value)| {
            let value = value.map(str::to_owned);
            let (attribute, operator) = ("employeeId".to_owned(), (*operator).to_owned());
            refuses(&filter(Of::Users, &[ClauseDraft { attribute, operator, value }])).is_none()
        })
        .map(|(operator, _)| operator)
        .collect();
    let found_by = |target: &str| refuses(&match_rule(Of::Users, target, "[mail]")).is_none();
    let matchable: Vec<&str> =
        user_targets.iter().copied().filter(|target| found_by(target)).collect();
    let known = RefCell::new(BTreeMap::<String, bool>::new());
    let is_user_attribute = |name: &str| {
        let asked = known.borrow().get(name).copied();
        asked.unwrap_or_else(|| {
            let plain = format!("[{name}]");
            let present = format!("IIF(IsPresent([{name}]), \"a\", \"b\")");
            let read = |source: &str| {
                let fragment = entries("users.attribute", &required, "Company", source);
                refuses(&fragment).is_none()
            };
            let clause = filter(Of::Users, &[unary(name)]);
            // Roles are known; the reader says itself where they may stand.
            let found =
                name == ROLES || read(&plain) || read(&present) || refuses(&clause).is_none();
            known.borrow_mut().insert(name.to_owned(), found);
            found
        })
    };
    let is_group_attribute =
        |name: &str| refuses(&match_rule(Of::Groups, "Name", &format!("[{name}]"))).is_none();
    let group_clause = [unary("displayName")];
    let vocabulary = Vocabulary {
        user_targets: &user_targets,
        required: &required,
        matchable: &matchable,
        group_targets: &GROUP_TARGETS,
        is_user_attribute: &is_user_attribute,
        user_attributes: KNOWN_ATTRIBUTES,
        is_group_attribute: &is_group_attribute,
        group_attributes: KNOWN_GROUP_ATTRIBUTES,
        operators: &operators,
        on_leave: refuses("[scope]\non_leave = \"ignore\"\n").is_none(),
        group_filters: refuses(&filter(Of::Groups, &group_clause)).is_none(),
        type_expression: refuses(&account_type("\"client\"")).is_none(),
        refuses: &refuses,
        read,
    };
    import(&vocabulary)
}

impl Vocabulary<'_> {
    /// Says why the reader refuses an entry of `[[users.attribute]]` or `[[groups.attribute]]`.
    pub(super) fn refuses_entry(&self, of: Of, entry: &Entry) -> Option<String> {
        let others: Vec<(&str, &str)> =
            self.required.iter().copied().filter(|(name, _)| *name != entry.target).collect();
        let (table, others) = match of {
            Of::Users => ("users.attribute", others.as_slice()),
            Of::Groups => ("groups.attribute", &[][..]),
        };
        let mut fragment = String::new();
        others.iter().for_each(|(target, source)| fragment += &one_entry(table, target, source));
        (self.refuses)(&(fragment + &write::one_attribute(table, entry)))
    }

    /// Says why the reader refuses a matching rule.
    pub(super) fn refuses_match(&self, of: Of, rule: &Rule) -> Option<String> {
        (self.refuses)(&match_rule(of, &rule.target, &rule.source.text))
    }

    /// Says why the reader refuses a clause of a filter.
    pub(super) fn refuses_clause(&self, of: Of, clause: &ClauseDraft) -> Option<String> {
        (self.refuses)(&filter(of, std::slice::from_ref(clause)))
    }

    /// Says why the reader refuses an expression for the type of accounts.
    pub(super) fn refuses_type(&self, source: &str) -> Option<String> {
        (self.refuses)(&account_type(source))
    }
}

fn account_type(source: &str) -> String {
    format!("[users]\ntype = {}\n", quoted(source))
}

fn match_rule(of: Of, target: &str, source: &str) -> String {
    let section = if of == Of::Users { "users" } else { "groups" };
    let (target, source) = (quoted(target), quoted(source));
    format!("[{section}]\nmatch = [{{ target = {target}, source = {source} }}]\n")
}

fn entries(table: &str, others: &[(&str, &str)], target: &str, source: &str) -> String {
    let others = others.iter().filter(|(name, _)| *name != target);
    let mut text: String = others.map(|(name, usual)| one_entry(table, name, usual)).collect();
    text += &one_entry(table, target, source);
    text
}

fn one_entry(table: &str, target: &str, source: &str) -> String {
    format!("[[{table}]]\ntarget = {}\nsource = {}\n", quoted(target), quoted(source))
}

fn filter(of: Of, clauses: &[ClauseDraft]) -> String {
    let table = if of == Of::Users { "scope.filter" } else { "groups.filter" };
    let filter =
        FilterDraft { name: "asked".to_owned(), clauses: clauses.to_vec(), comments: Vec::new() };
    write::one_filter(table, &filter)
}

fn unary(attribute: &str) -> ClauseDraft {
    let (attribute, operator) = (attribute.to_owned(), "IS NOT NULL".to_owned());
    ClauseDraft { attribute, operator, value: None }
}
