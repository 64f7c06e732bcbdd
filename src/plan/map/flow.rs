//! What goes into an expression and what comes out of it.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

/// The result of an expression for one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow<'a> {
    /// The target attribute should have this value.
    Value(Value<'a>),
    /// The attribute is left out of the change; the target keeps what it has.
    IgnoreAttribute,
    /// The whole object is left alone.
    IgnoreObject,
}

/// A value for a target attribute. Numbers, booleans and dates have become text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// One text, possibly empty.
    Text(Cow<'a, str>),
    /// The values of a multi-valued attribute, in their order.
    List(Vec<Cow<'a, str>>),
    /// Assigned roles, as the `Complex` functions give them.
    Roles(Vec<Role>),
}

/// An assigned role, as it is sent to a target with structured roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Role {
    /// Always false: no role is the main one.
    pub primary: bool,
    /// What kind of role it is: always `WindowsAzureActiveDirectoryRole`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The display name, as `AppRoleAssignmentsComplex` calls it.
    #[serde(rename = "displayName", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The display name, as `AssertiveAppRoleAssignmentsComplex` calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// The value of the role.
    pub value: String,
}

/// The value of a source attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute<'a> {
    /// The person has no value.
    Null,
    /// One text, possibly empty.
    Text(Cow<'a, str>),
    /// The values of a multi-valued attribute, in their order. None at all is the same as null.
    Texts(Vec<Cow<'a, str>>),
}

/// The source attributes of one person, by the places that were found when the expression was
/// bound.
pub trait Attributes {
    /// Returns the value at `place`. A place that there is not gives null.
    fn attribute(&self, place: usize) -> Attribute<'_>;

    /// Returns why the value at `place` cannot be told now, if that is so: it is not null then.
    fn unknown(&self, _place: usize) -> Option<String> {
        None
    }
}

/// What an expression cannot see in the person: time, chance, the directory and the target.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The time that `Now` gives.
    pub now: Option<Timestamp>,
    /// The default verified domain of the directory.
    pub default_domain: Option<&'a str>,
    /// Whether a value is taken in the target already, for `SelectUniqueValue`. Values are to be
    /// compared by their [`unique_key`].
    pub taken: &'a dyn Fn(&str) -> bool,
    /// What `Guid` and `RandomString` are drawn from: the same seed gives the same results. Who
    /// evaluates mixes a secret with the ids of the person and of the attribute.
    pub seed: Option<[u8; 32]>,
}

impl Default for Given<'_> {
    fn default() -> Self {
        Self { now: None, default_domain: None, taken: &|_| false, seed: None }
    }
}

impl std::fmt::Debug for Given<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { now, default_domain, taken: _, seed } = self;
        f.debug_struct("Given")
            .field("now", now)
            .field("default_domain", default_domain)
            .field("seed", &seed.map(|_| "…"))
            .finish_non_exhaustive()
    }
}

/// Returns the form in which values are compared when one has to be unique: letter case does not
/// make a difference, as in mail addresses.
pub fn unique_key(value: &str) -> String {
    value.to_lowercase()
}

/// One call of a function in an evaluation, in the order in which the calls ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// How deep the call is nested; the outermost is 0.
    pub depth: usize,
    /// Byte offset of the call in the source text.
    pub at: usize,
    /// The name of the function.
    pub function: &'static str,
    /// The arguments as they are written, with their values if they were evaluated.
    pub inputs: Vec<StepInput>,
    /// The result, or the message of the error.
    pub result: Result<String, String>,
}

/// One argument of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepInput {
    /// The argument as it is written.
    pub text: String,
    /// Its value; `None` if it was not evaluated, as the branch that was not taken.
    pub value: Option<String>,
}
