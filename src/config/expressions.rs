//! Expressions: what they may read and ask for, depending on what they are for.

use crate::model::account::TargetAttribute;
use crate::plan::map::{Expression, INPUTS, ParseError, Placed, render};
use crate::plan::rules::Apply;

use super::attributes::{Unreadable, known_group_attribute, known_source_attribute};
use super::layers::Node;
use super::problem::nearest;
use super::reader::{Reader, Section};

/// The objects whose attributes an expression reads.
pub(super) struct Objects {
    /// One of them, in words.
    pub(super) a: &'static str,
    /// An expression that is right.
    example: &'static str,
    /// Says whether an attribute can be read.
    pub(super) known: fn(&str) -> Result<(), Unreadable>,
    /// What can be read besides attributes.
    inputs: &'static [&'static str],
}

impl Objects {
    /// Returns whether they are groups.
    pub(super) fn of_groups(&self) -> bool {
        self.a == OF_GROUPS.a
    }

    /// Returns an attribute that is right.
    pub(super) fn attribute(&self) -> &'static str {
        if self.of_groups() { "displayName" } else { "department" }
    }
}

/// People.
pub(super) const OF_USERS: Objects =
    Objects { a: "a user", example: "[mail]", known: known_source_attribute, inputs: INPUTS };

/// Groups.
pub(super) const OF_GROUPS: Objects =
    Objects { a: "a group", example: "[displayName]", known: known_group_attribute, inputs: &[] };

/// What an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The value of an attribute of an account.
    Mapping(Apply, Option<TargetAttribute>),
    /// Whether a person may sign in.
    Activity,
    /// What an account is looked up by.
    Matching,
    /// What a group is called, or looked up by.
    Name,
    /// The type of an account.
    Type,
}

/// The attributes whose values nobody else needs to see.
const HIDEABLE: &[TargetAttribute] =
    &[TargetAttribute::FirstName, TargetAttribute::LastName, TargetAttribute::Company];

/// What gives another value each time, though nothing changed.
const UNSTEADY: &[&str] = &["Now", "RandomString", "Guid"];

/// What gives structured roles.
const STRUCTURED: &[&str] = &["AppRoleAssignmentsComplex", "AssertiveAppRoleAssignmentsComplex"];

/// What leaves an attribute or an object as it is.
const LEAVING: &[&str] = &["IgnoreFlowIfNullOrEmpty", "IgnoreAttributeFlow", "IgnoreObjectFlow"];

impl Purpose {
    /// Returns whether `Now` is the day, with which values can be compared.
    fn is_by_day(self) -> bool {
        matches!(self, Self::Mapping(Apply::Always, _) | Self::Activity | Self::Type)
    }

    /// Returns what of an expression cannot be done, with what to do instead.
    fn refuses(self, expression: &Expression) -> Vec<(ParseError, String)> {
        let object = |part: &str, why: &str, instead: &str| {
            let error = expression.object_to(part, format!("`{part}` {why}"))?;
            Some((error, instead.to_owned()))
        };
        let mut refused = Vec::new();
        let unsteady = match self {
            Self::Mapping(Apply::OnCreate, _) => None,
            Self::Mapping(Apply::Always, _) => Some((
                "gives another value each time, so that accounts would be rewritten in every cycle",
                "Write apply = \"on_create\", so that it counts for new accounts only.",
            )),
            Self::Activity => Some((
                "gives another value each time, so that people would lose their accounts by chance",
                "Let attributes of the person say it.",
            )),
            Self::Matching => Some((
                "gives another value each time, by which nothing can be found again",
                "Match by attributes that stay, as `[mail]`.",
            )),
            Self::Type => Some((
                "gives another value each time, so that accounts would change their type",
                "Decide by attributes or roles, as `[userType]`.",
            )),
            Self::Name => Some((
                "gives another value each time, so that groups would be renamed in every cycle",
                "Name groups by their attributes, as `[displayName]`.",
            )),
        };
        if let Some((why, instead)) = unsteady {
            let by_day = self.is_by_day();
            let unsteady = UNSTEADY.iter().filter(|part| !by_day || **part != "Now");
            refused.extend(unsteady.filter_map(|part| object(part, why, instead)));
        }
        if self.is_by_day() {
            let why = "`Now` gives another value each time: here it can only be compared with, and is \
                       the day";
            let compare = "Compare, as in `IIF(DateDiff(\"d\", Now(), CDate([employeeHireDate])) > 0, \
                           \"False\", \"True\")`.";
            let instead = match self {
                Self::Mapping(..) => format!("{compare} Or write apply = \"on_create\"."),
                _ => compare.to_owned(),
            };
            let error = expression.object_to_uncompared("Now", why);
            refused.extend(error.map(|error| (error, instead)));
        }
        let target = match self {
            Self::Mapping(_, target) => target,
            _ => None,
        };
        if !target.is_some_and(|target| HIDEABLE.contains(&target)) {
            let why = "hides the values of FirstName, LastName and Company; all others are what plans \
                       and the log are about";
            refused.extend(object("Redact", why, "Leave it out."));
        }
        if !target.is_some_and(TargetAttribute::is_set) {
            let instead = "Use `SingleAppRoleAssignment([appRoleAssignments])`, or `Join` the names \
                           that `AppRoleAssignments([appRoleAssignments])` gives.";
            refused.extend(STRUCTURED.iter().filter_map(|part| {
                let why = format!("`{part}` gives structured roles, and here a text is wanted");
                let error = expression.object_to_result_of(part, why)?;
                Some((error, instead.to_owned()))
            }));
        }
        let choosing = match self {
            Self::Mapping(Apply::OnCreate, _) => None,
            Self::Mapping(Apply::Always, _) => Some((
                "chooses for new accounts: later the account itself has the value",
                "Write apply = \"on_create\".",
            )),
            Self::Matching => Some((
                "gives a value that no account has, by which none can be found",
                "Match by what the account has, as `[mail]`.",
            )),
            Self::Activity => Some((
                "chooses values of new accounts alone",
                "Decide by attributes, as `[accountEnabled]`.",
            )),
            Self::Type => Some((
                "chooses values of new accounts alone",
                "Decide by attributes or roles, as `[userType]`.",
            )),
            Self::Name => Some((
                "chooses values of new accounts alone",
                "Name groups by their attributes, as `[displayName]`.",
            )),
        };
        if let Some((why, instead)) = choosing {
            refused.extend(object("SelectUniqueValue", why, instead));
        }
        if !matches!(self, Self::Mapping(..)) {
            let why = "leaves something as it is, which only a mapping of `users.attribute` can do";
            let instead = "Let the expression give a value, or null.";
            refused.extend(LEAVING.iter().filter_map(|part| object(part, why, instead)));
        }
        refused
    }
}

impl Reader<'_> {
    /// Reads the expression of a key `source`.
    pub(super) fn expression(
        &mut self,
        section: &mut Section,
        of: &Objects,
        purpose: Purpose,
    ) -> Option<(Expression, Node)> {
        let hint = format!("Give an expression, as \"{}\".", of.example);
        let (text, node) = self.required_text(section, "source", &hint)?;
        let expression = self.expression_in(&text, &node, of, purpose)?;
        Some((expression, node))
    }

    /// Reads an expression from a text at a place.
    pub(super) fn expression_in(
        &mut self,
        text: &str,
        node: &Node,
        of: &Objects,
        purpose: Purpose,
    ) -> Option<Expression> {
        let expression = match Expression::parse(text) {
            Ok(expression) => expression,
            Err(error) => {
                // A bare name is the usual slip.
                let slip = match (of.known)(text.trim()) {
                    Ok(()) | Err(Unreadable::MultiValued) => Some(text.trim()),
                    Err(Unreadable::Unknown(near)) => near,
                };
                let suggestion = match (slip, &error.suggestion, &error.expected) {
                    (Some(slip), _, _) => Some(format!("Did you mean `[{slip}]`?")),
                    (None, Some(near), _) => Some(format!("Did you mean {near}?")),
                    (None, None, right) => right.as_ref().map(|right| format!("Expected {right}.")),
                };
                self.object(node, text, &error, suggestion);
                return None;
            }
        };
        let domain = self.default_domain.clone();
        let mut right = true;
        let mut object = |error: &ParseError, suggestion| {
            self.object(node, text, error, suggestion);
            right = false;
        };
        for (error, instead) in purpose.refuses(&expression) {
            object(&error, Some(instead));
        }
        if domain.is_none() {
            let why =
                "`DefaultDomain` asks for the default domain of the directory, which is not given";
            let instead = "Write `entra.default_domain = \"contoso.com\"`.".to_owned();
            let error = expression.object_to("DefaultDomain", why);
            error.iter().for_each(|error| object(error, Some(instead.clone())));
        }
        for name in expression.attributes() {
            let (message, near) = match (of.known)(name) {
                _ if of.inputs.contains(&name) => continue,
                // Many values are a list.
                Ok(()) | Err(Unreadable::MultiValued) => continue,
                Err(Unreadable::Unknown(near)) => {
                    let near = near.or_else(|| nearest(name, of.inputs.iter().copied()));
                    let message = match is_schema_extension(name) {
                        true => format!("`{name}` would be a schema extension, which is not read"),
                        false => format!("`{name}` is no attribute of {} that can be read", of.a),
                    };
                    (message, near)
                }
            };
            let suggestion = near.map(|near| format!("Did you mean `[{near}]`?"));
            if let Some(error) = expression.object_to(&format!("[{name}]"), message) {
                object(&error, suggestion);
            }
        }
        let uses_domain = expression.uses().default_domain;
        let Some(domain) = domain.filter(|_| right && uses_domain) else {
            return right.then_some(expression);
        };
        match expression.in_domain(&domain) {
            Ok(expression) => Some(expression),
            Err(error) => {
                let message = format!("with `{domain}` as the default domain, {}", error.message);
                self.wrong(node, &message, None);
                None
            }
        }
    }

    /// Reports what is wrong with a part of an expression, and shows the part.
    fn object(&mut self, node: &Node, text: &str, error: &ParseError, suggestion: Option<String>) {
        let drawn = render(text, &Mark(error.at, error.until));
        let lines: Vec<&str> = drawn.lines().map(str::trim_end).collect();
        self.wrong_at(node, &error.message, suggestion, lines.join("\n"));
    }
}

/// Returns whether a name is built like those of schema extensions, whose values may be structured:
/// `extkvbmkofy_course` or `contoso_course.level`.
fn is_schema_extension(name: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let (whole, child) = name.split_once('.').unwrap_or((name, "x"));
    plain(child) && whole.split_once('_').is_some_and(|(space, name)| plain(space) && plain(name))
}

/// A place that is marked without words.
struct Mark(usize, usize);

impl Placed for Mark {
    fn message(&self) -> &str {
        ""
    }

    fn place(&self) -> (usize, usize) {
        (self.0, self.1)
    }

    fn hints(&self) -> (Option<&str>, Option<&str>) {
        (None, None)
    }
}
