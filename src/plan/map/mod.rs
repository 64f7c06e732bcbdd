//! Mapping expressions: the language in which administrators write attribute mappings for Entra ID.
//!
//! An [`Expression`] is parsed, checked and prepared once, bound once to the places of its
//! attributes ([`Expression::bind`]), and then evaluated for any number of people
//! ([`Bound::eval`]). Time, randomness, the default domain and what is taken in the target are
//! arguments ([`Given`]); nothing else is asked. The functions are the table [`FUNCTIONS`].
//!
//! ```text
//! text ─ lex ─► words ─ parse, check ─► tree of nodes ─ eval ─► datum ─► Flow
//! ```
//!
//! # The language
//!
//! An attribute (`[mail]`), a constant (`"Contoso"`, `5`, `&HF7`), or a call of a function with
//! expressions as arguments. Positions may be left empty; empty ones at the end do not count.
//! `\"` and `""` are a quotation mark in a text, `\\` is a backslash, any other backslash stays.
//! Names of functions and words are case-sensitive. Comparisons (`=`, `<>`, `>`, `>=`, `<`, `<=`)
//! stand in the condition of `IIF`, in `CBool` and in `Not`. An expression has at most
//! [`MOST_CHARACTERS`] characters and [`MOST_DEPTH`] nested calls.
//!
//! # Inputs
//!
//! Attributes are those of Graph, or what the provisioning schema of Entra ID calls them. Those
//! with many values are lists; their order is that of the texts, as Graph promises none. `[manager]`
//! is the id of the manager, `[manager.mail]` a value of theirs. Further inputs, for people:
//!
//! | Input | Value |
//! |---|---|
//! | `[appRoleAssignments]` | the assigned roles, for the role functions: a JSON object each |
//! | `[appRoleName]`, `[appRoleValue]` | display names and values of the assigned roles, sorted |
//! | `[assignedThrough]` | the names of the assigned groups through which the person is in scope, sorted |
//! | `[IsSoftDeleted]` | `True` for whoever is in the recycle bin, gone or disabled, `False` for all others |
//!
//! A role that the application does not declare, and Default Access, are no roles.
//!
//! # Where the documentation of the language is silent or contradicts itself
//!
//! *Values.* A character is a Unicode scalar value (.NET counts UTF-16 units), so none is cut in
//! half. A number without quotes is the text of it; `&HF7` is its value. Null stays null in
//! functions on text, but for those that are said to give an empty text (`Left`, `Mid`, `Word`)
//! and `Join`, which leaves out what is null or empty. `Append` and `Prepend` with a null give
//! null, not half a value.
//!
//! *Several values.* Where one text is expected, a list of one is that text. The functions that
//! change a text (`Append` and `Prepend` in their source, `Left`, `Mid`, `Word`, `Replace`, `Trim`,
//! `StripSpaces`, letter case, diacritics, encodings) change each of several. Everything else says
//! how many there are and fails; nothing is joined in silence.
//!
//! *Comparisons.* Two texts that look like decimal numbers compare as numbers, of any size and
//! without rounding; a date compares with the text of a date; a truth value with its text in any
//! letter case. Everything else compares character by character. Null and an empty text are equal,
//! and neither is less or greater than anything. Conditions on missing values work, unlike in the
//! original. `IIF` takes truth values and numbers as conditions, too, and refuses other texts.
//!
//! *Choosing.* What is not chosen is not evaluated and fails nothing, but what is wrong in it
//! without a person (an unknown interval, a broken pattern) is refused with the expression.
//! `Coalesce` passes over empty sources as over null ones, and gives its last argument as it is.
//! `IsPresent` and its like may be the source of `Switch`: they are the texts `True` and `False`.
//! `IgnoreFlowIfNullOrEmpty` and `SelectUniqueValue` stand outermost; the words
//! `IgnoreAttributeFlow` and `IgnoreObjectFlow` stand where they are a result of the whole.
//!
//! *Parts of text.* `Mid` with a start outside the text or a negative length gives the source;
//! length 0 gives an empty text. `Word` has no words between neighbouring delimiters. `Split` trims
//! its elements and keeps empty ones, so that `Item` counts right; `Item` fails out of bounds, and
//! on null. `PCase` takes everything but letters, digits and combining marks as separators, the
//! apostrophe too; digits before the first letter do not use up its capital. Letters change their
//! case one by one, as in .NET: `ß` stays, and without a culture `İ` and `ı` stay.
//! `NormalizeDiacritics` takes marks from Latin and Greek letters only (`й` and `が` stay), replaces
//! `đ ð ħ ŧ þ` and other letters with a stroke besides the documented ones, and composes the rest.
//!
//! *Dates* are UTC, of the years 1 to 9999, to 100 nanoseconds. Without an offset a text is UTC.
//! `DateAdd` and `DateDiff` refuse constants that are not wrapped in `CDate`, and take attributes
//! and results that are the text of a date. A day that the month does not have becomes its last.
//! `FormatDateTime` writes a date that was not text without reading it; null gives null; a missing
//! part of the date is the first of January of the year 1, never today; the standard formats of one
//! letter and all names are those of `en-US`; eras are refused. An offset that is read brings the
//! date to UTC.
//!
//! *Regular expressions* are those of .NET: numbers and names of groups, `$` before a last line
//! break, subtraction of classes, empty matches also right behind others (so that `.*` matches
//! twice). Balancing groups `(?<a-b>…)`, `\G`, blocks `\p{Is…}` but for a few, a repeated look
//! around as `(?=a)*` and conditions `(?(…)…)` on anything but a group are refused. In `Replace` the
//! constant replacement of a pattern may refer to groups, an attribute as replacement is plain
//! text.
//!
//! *Roles.* `SingleAppRoleAssignment` gives the first of several by name, so that it is always the
//! same one; a role is called by its value, else by its display name.
//!
//! *Uniqueness.* `SelectUniqueValue` passes over rules without a value; letter case makes no
//! difference ([`unique_key`]).
//!
//! *Random texts* that are longer than their minimums are filled with the kinds that are asked for,
//! or with letters and digits if none is.
//!
//! # Bounds
//!
//! A function gives at most [`MOST_BYTES`] of text; a regular expression is applied to at most
//! [`MOST_SEARCHED`] bytes, with bounds on its matches and its memory, and all of one evaluation
//! take at most [`MOST_STEPS`] steps together. Reaching one is an error that names it.
//!
//! # What is hidden
//!
//! Nothing inside `Redact`, and nothing that was made from what it gives, appears in a trace or in
//! a message; the value itself flows.

mod backtrack;
mod check;
mod dates;
mod datum;
mod diacritics;
mod dotnet;
mod encoding;
mod error;
mod eval;
mod flow;
mod format_date;
mod inputs;
mod letters;
mod lex;
mod lists;
mod logic;
mod names;
mod numbers;
mod parse;
mod pattern;
mod random;
mod read_date;
mod replace;
mod roles;
mod single;
mod syntax;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod unique;
pub mod values;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use datum::Datum;
use error::Objection;
use eval::Evaluator;
use parse::Reading;
use syntax::{Kind, Node};

pub use crate::model::attribute::REDACTED;
pub use error::{EvalError, Failure, ParseError, Placed, nearest, render};
pub use eval::MOST_BYTES;
pub use flow::{Attribute, Attributes, Flow, Given, Role, Step, StepInput, Value, unique_key};
pub use inputs::{ASSIGNED_THROUGH, INPUTS, input_at, input_place};
pub use names::{Expects, FUNCTIONS, Function, Need, Parameter};
pub use parse::{MOST_CHARACTERS, MOST_DEPTH};
pub(in crate::plan) use pattern::{Budget, Pattern as NetPattern};
pub use pattern::{MOST_SEARCHED, MOST_STEPS};
pub use single::{Said, Single};

/// An expression that yields the value of a target attribute: parsed, checked and prepared.
///
/// Two expressions are equal if they are spelled the same apart from white space.
#[derive(Clone)]
pub struct Expression(Arc<Program>);

/// What is shared by the clones of an expression.
struct Program {
    /// The text as it was given; places in errors refer to it.
    source: String,
    /// The canonical text.
    text: String,
    root: Node,
    attributes: Vec<Reading>,
    uses: Uses,
}

/// What an expression asks for besides the attributes of the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// The time (`Now`): the value changes without the person.
    pub now: bool,
    /// Chance (`Guid`, `RandomString`): the value is another one every time.
    pub randomness: bool,
    /// The default domain of the directory.
    pub default_domain: bool,
    /// What is taken in the target (`SelectUniqueValue`).
    pub uniqueness: bool,
    /// The assigned roles: `[appRoleAssignments]`.
    pub roles: bool,
    /// `Redact`: logs may not show the value that comes out.
    pub redaction: bool,
    /// The words and functions that leave the attribute as it is.
    pub ignores_attribute: bool,
    /// The word that leaves the object alone.
    pub ignores_object: bool,
}

impl Expression {
    /// Parses and checks a text.
    ///
    /// # Errors
    /// Says what is wrong, where, and what would be right.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let parsed = parse::parse(text).map_err(|objection| objection.place(text))?;
        Ok(Self::new(text.to_owned(), parsed.root, parsed.attributes))
    }

    /// Returns the expression that is the value of an attribute. The name has to be one that could
    /// stand in brackets.
    pub fn attribute(name: &str) -> Self {
        let source = format!("[{name}]");
        let (at, until, name) = (0, source.len(), name.to_owned());
        let attributes = vec![Reading { name: name.clone(), at, until }];
        let kind = Kind::Attribute { name, place: 0 };
        Self::new(source, Node { at, until, kind }, attributes)
    }

    /// Returns the expression that is a constant text.
    pub fn constant(text: &str) -> Self {
        let mut root = Node { at: 0, until: 0, kind: Kind::Text(text.to_owned()) };
        let source = root.text();
        root.until = source.len();
        Self::new(source, root, Vec::new())
    }

    fn new(source: String, root: Node, attributes: Vec<Reading>) -> Self {
        let mut uses = Uses::default();
        uses.add(&root);
        Self(Arc::new(Program { source, text: root.text(), root, attributes, uses }))
    }

    /// Returns the same with a constant in place of `DefaultDomain()`.
    ///
    /// # Errors
    /// Where a constant is checked that could not be checked before, as a regular expression is.
    pub fn in_domain(&self, domain: &str) -> Result<Self, ParseError> {
        let mut root = self.0.root.clone();
        root.settle_domain(domain);
        Self::parse(&root.text())
    }

    /// Returns the canonical text: without white space between the words and with one spelling of
    /// each constant. Parsing it gives an equal expression.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Returns the canonical text without what `Redact` hides.
    pub fn shown(&self) -> String {
        self.0.root.seen()
    }

    /// Returns the text as it was given. Places in errors refer to it.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Returns the names of the source attributes that the expression reads, sorted, each once.
    pub fn attributes(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.attributes.iter().map(|one| one.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// Returns what the expression asks for besides attributes.
    pub fn uses(&self) -> Uses {
        self.0.uses
    }

    /// Returns the attribute whose value the expression is, if it is nothing else: `[mail]`.
    pub fn as_attribute(&self) -> Option<&str> {
        match &self.0.root.kind {
            Kind::Attribute { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Returns the constant that the expression is, if it is nothing else: `"Contoso"`.
    pub fn as_constant(&self) -> Option<&str> {
        self.0.root.constant()
    }

    /// Returns an error for every attribute that is not known, at its first place, with the nearest
    /// of `names`.
    pub fn check_attributes<'n, N>(&self, known: impl Fn(&str) -> bool, names: N) -> Vec<ParseError>
    where
        N: IntoIterator<Item = &'n str> + Clone,
    {
        let unknown = self.0.attributes.iter().filter(|one| !known(&one.name));
        let object = |one: &Reading| {
            let near = nearest(&one.name, names.clone());
            Objection::new(one.at, one.until, format!("there is no attribute `{}`", one.name))
                .suggest(near.map(|near| format!("`[{near}]`")))
                .place(&self.0.source)
        };
        unknown.map(object).collect()
    }

    /// Returns an objection to the first part that is written so: `[mail]` for an attribute, or the
    /// name of a function or a word. `None` if the expression has no such part.
    pub fn object_to(&self, part: &str, message: impl Into<String>) -> Option<ParseError> {
        let (at, until) = self.0.root.find(part)?;
        Some(Objection::new(at, until, message).place(&self.0.source))
    }

    /// Returns an objection to the first call of a function whose result may be that of the
    /// expression.
    pub fn object_to_result_of(
        &self,
        function: &str,
        message: impl Into<String>,
    ) -> Option<ParseError> {
        let (at, until) = self.0.root.find_outcome(function)?;
        Some(Objection::new(at, until, message).place(&self.0.source))
    }

    /// Returns an objection to the first call of a function that is not part of a comparison: what
    /// is compared gives no other values but True and False.
    pub fn object_to_uncompared(
        &self,
        function: &str,
        message: impl Into<String>,
    ) -> Option<ParseError> {
        let (at, until) = self.0.root.find_uncompared(function)?;
        Some(Objection::new(at, until, message).place(&self.0.source))
    }

    /// Looks up once where a source has the attributes: `place` gives the place of a name. An
    /// attribute without a place is null for everybody.
    pub fn bind(&self, place: impl Fn(&str) -> Option<usize>) -> Bound {
        let slots = self.0.attributes.iter().map(|one| place(&one.name)).collect();
        Bound { expression: self.clone(), slots }
    }
}

impl Uses {
    /// Adds what a part of an expression asks for.
    fn add(&mut self, node: &Node) {
        match &node.kind {
            Kind::Word(syntax::Word::IgnoreAttributeFlow) => self.ignores_attribute = true,
            Kind::Word(syntax::Word::IgnoreObjectFlow) => self.ignores_object = true,
            Kind::Compare(comparison) => {
                self.add(&comparison.left);
                self.add(&comparison.right);
            }
            Kind::Call(call) => {
                match call.function.name {
                    "Now" => self.now = true,
                    "Guid" | "RandomString" => self.randomness = true,
                    "DefaultDomain" => self.default_domain = true,
                    "SelectUniqueValue" => self.uniqueness = true,
                    "Redact" => self.redaction = true,
                    "IgnoreFlowIfNullOrEmpty" => self.ignores_attribute = true,
                    _ => {}
                }
                call.args.iter().for_each(|arg| self.add(arg));
            }
            Kind::Attribute { name, .. } if name == "appRoleAssignments" => self.roles = true,
            _ => {}
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.text).finish()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Expression {}

impl Hash for Expression {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text)
    }
}

/// Returns the date that a text names, as `CDate` reads it, in UTC.
pub fn read_date(text: &str) -> Option<jiff::civil::DateTime> {
    read_date::parse_any(text)
}

/// An expression that knows where its attributes are.
#[derive(Clone, Debug)]
pub struct Bound {
    expression: Expression,
    slots: Box<[Option<usize>]>,
}

impl Bound {
    /// Returns the expression.
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Evaluates the expression for the person whose attributes are `source`. The value of a plain
    /// attribute is borrowed from there.
    ///
    /// # Errors
    /// Says which function failed, where, and on which value.
    pub fn eval<'a>(
        &'a self,
        source: &'a dyn Attributes,
        given: &'a Given<'a>,
    ) -> Result<Flow<'a>, EvalError> {
        self.run(source, given, false).0
    }

    /// As [`Bound::eval`], and returns the calls that were made besides.
    pub fn trace<'a>(
        &'a self,
        source: &'a dyn Attributes,
        given: &'a Given<'a>,
    ) -> (Result<Flow<'a>, EvalError>, Vec<Step>) {
        self.run(source, given, true)
    }

    /// Returns the values that `SelectUniqueValue` would choose from, in order, up to the first
    /// rule that fails. Nothing is asked about what is taken. Other expressions have none.
    pub fn candidates(&self, source: &dyn Attributes, given: &Given<'_>) -> Vec<String> {
        let seen = std::cell::RefCell::new(Vec::new());
        let note = |value: &str| {
            seen.borrow_mut().push(value.to_owned());
            true
        };
        let given = Given { taken: &note, ..*given };
        // That all are taken is what this is for, and a rule that fails ends the list.
        let _ = self.eval(source, &given);
        seen.take()
    }

    fn run<'a>(
        &'a self,
        source: &'a dyn Attributes,
        given: &'a Given<'a>,
        traced: bool,
    ) -> (Result<Flow<'a>, EvalError>, Vec<Step>) {
        let program = &*self.expression.0;
        let mut evaluator = Evaluator::new(&self.slots, source, given, traced);
        let result = evaluator.eval(&program.root);
        let flow = result.map_err(|fault| fault.place(&program.source)).map(|(datum, _)| {
            Flow::Value(match datum {
                Datum::IgnoreAttribute => return Flow::IgnoreAttribute,
                Datum::IgnoreObject => return Flow::IgnoreObject,
                Datum::Null => Value::Null,
                Datum::List(values) => Value::List(values),
                Datum::Roles(roles) => Value::Roles(roles),
                other => other.into_text().ok().flatten().map_or(Value::Null, Value::Text),
            })
        });
        (flow, evaluator.steps.unwrap_or_default())
    }
}
