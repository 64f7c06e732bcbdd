//! Scenarios: a company, its accounts, what is odd about both services, and what happens when.
//!
//! A scenario is a TOML file; `config/scenario.toml` shows every key. It is read as a whole and all
//! its problems are told at once, each with its place. Changes become due on the sandbox's clock:
//! they are carried out, in their order, before the next request is looked at.
//!
//! | Table | Holds |
//! |---|---|
//! | `company` | sizes of a company made from a seed, nobody if absent: `users`, `groups`, `seed`, `existing_accounts` |
//! | `entra` | `permissions` that are granted, `switches` |
//! | `sharefile` | `licences`, `employee_domains`, `service_roles`, `switches` |
//! | `[[person]]` | properties by Graph's names, and `groups`, `role`, `id` |
//! | `[[group]]` | the same, and `members`: people and groups |
//! | `[[assignment]]` | `principal`, `role` |
//! | `[[account]]` | an account at ShareFile by the names of the control API |
//! | `[[fault]]` | what goes wrong, by the names of [`Fault`] |
//! | `[[change]]` | `after` so long, one verb, and what goes with it: see [`Deed`] |

mod deed;
mod read;
mod timeline;
mod verbs;

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

pub use deed::Stage;
pub use timeline::{Happened, Timeline};

use super::faults::Fault;

/// Something in a file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1 in characters.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub text: String,
}

/// Everything that is wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// What the file is called.
    pub file: String,
    /// Its problems in the order of their places; at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for Problem { line, column, text } in &self.problems {
            write!(f, "{separator}{}:{line}:{column}: {text}", self.file)?;
            separator = "\n";
        }
        Ok(())
    }
}

impl std::error::Error for ScenarioError {}

/// The company that a scenario begins with, besides the people that it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompanyPart {
    /// How many people.
    pub users: usize,
    /// How many groups.
    pub groups: usize,
    /// What they are made from.
    pub seed: Option<u64>,
    /// Whether some of them have an account already.
    pub existing_accounts: bool,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    line: usize,
    column: usize,
}

/// Something that is done to the world, at the beginning or later.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// `join = { … }`: somebody comes, with properties by Graph's names.
    Join(NewObject),
    /// `add_group = { … }`: a group comes into being.
    AddGroup(NewObject),
    /// `leave = WHO`: they lose what is assigned to them and their memberships.
    Leave(String),
    /// `rename = WHO, to = NAME`: given name, family name and display name change; with `mail` the
    /// address too.
    Rename(String, Map<String, Value>),
    /// `edit = WHO, set = { … }`: properties change by Graph's names.
    Edit(String, Map<String, Value>),
    /// `disable = WHO` and `enable = WHO`: they cannot sign in any more, or again.
    Enable(String, bool),
    /// `delete = WHO`: they go to the recycle bin.
    Delete(String),
    /// `purge = WHO`: they are deleted for good.
    Purge(String),
    /// `restore = WHO`: they come out of the recycle bin.
    Restore(String),
    /// `assign = WHO, role = ROLE`: a person or a group gets a role of the application.
    Assign(String, String),
    /// `unassign = WHO`: a person or a group loses every role.
    Unassign(String),
    /// `add_members = GROUP, members = [WHO…]`.
    AddMembers(String, Vec<String>),
    /// `remove_members = GROUP, members = [WHO…]`.
    RemoveMembers(String, Vec<String>),
    /// `edit_group = GROUP, set = { … }`.
    EditGroup(String, Map<String, Value>),
    /// `delete_group = GROUP`.
    DeleteGroup(String),
    /// `restore_group = GROUP`.
    RestoreGroup(String),
    /// `add_account = { … }`: somebody makes an account at ShareFile by hand.
    AddAccount(Value),
    /// `edit_account = ADDRESS, set = { … }`: somebody changes one by hand.
    EditAccount(String, Value),
    /// `remove_account = ADDRESS`.
    RemoveAccount(String),
    /// `fault = { … }`: from now on something goes wrong.
    Fault(Box<Fault>),
    /// `clear_faults = true`: nothing goes wrong any more.
    ClearFaults,
    /// `entra = { switches = { … }, permissions = [ … ] }`.
    Entra(Value),
    /// `sharefile = { switches = { … }, licences = … }`.
    Sharefile(Value),
    /// `end_deltas = true`: every delta link that was given out has ended.
    EndDeltas,
    /// `end_tokens = true`: every token of ShareFile has ended, refresh tokens included.
    EndTokens,
}

/// A person or a group to be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewObject {
    /// Properties by Graph's names.
    pub attributes: Map<String, Value>,
    /// The object id, if it is to be a certain one.
    pub id: Option<uuid::Uuid>,
    /// The role that they are assigned.
    pub role: Option<String>,
    /// For a person, groups to be in; for a group, its members.
    pub others: Vec<String>,
}

/// A deed and when it is due, from the start of the sandbox on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    after: Duration,
    place: Place,
    deed: Deed,
}

/// A scenario that was read.
#[derive(Clone, Debug)]
pub struct Scenario {
    file: String,
    company: CompanyPart,
    licences: Option<u32>,
    beginning: Vec<(Place, Deed)>,
    changes: Vec<Change>,
}

impl Scenario {
    /// Reads a scenario; `file` is what problems call it.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(file: &str, text: &str) -> Result<Self, ScenarioError> {
        read::scenario(file, text)
    }

    /// Returns the company that it begins with.
    pub fn company(&self) -> &CompanyPart {
        &self.company
    }

    /// Returns how many employee licences there are, if it says so.
    pub fn licences(&self) -> Option<u32> {
        self.licences
    }

    /// Puts what it begins with into the world, and returns what happens later.
    ///
    /// # Errors
    /// With everything that does not fit into the world, and every change that speaks of somebody
    /// who is not there.
    pub fn begin(&self, stage: Stage) -> Result<Timeline, ScenarioError> {
        let mut problems: Vec<(Place, String)> = Vec::new();
        // Members may be groups that come later in the file: objects first, then what links them.
        for (place, deed) in &self.beginning {
            problems.extend(deed.make(&stage).err().map(|text| (*place, text)));
        }
        for (place, deed) in &self.beginning {
            problems.extend(deed.link(&stage).err().map(|text| (*place, text)));
        }
        problems.extend(verbs::strangers(&self.changes, &stage));
        if problems.is_empty() {
            Ok(Timeline::new(self.changes.clone(), stage))
        } else {
            Err(error(&self.file, problems))
        }
    }
}

fn error(file: &str, mut problems: Vec<(Place, String)>) -> ScenarioError {
    problems.sort_by_key(|(place, _)| *place);
    let problems = problems
        .into_iter()
        .map(|(Place { line, column }, text)| Problem { line, column, text })
        .collect();
    ScenarioError { file: file.to_owned(), problems }
}
