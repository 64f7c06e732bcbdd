//! The functions of the language, in one table.

use super::check::{self, Check};
use super::eval::Run;
use super::{dates, encoding, letters, lists, logic, numbers, replace, roles, text, unique};

/// A function: its name, what it takes, and what it does.
pub struct Function {
    /// The name; letter case matters.
    pub name: &'static str,
    /// The parameters in order.
    pub parameters: &'static [Parameter],
    /// What the function gives, in a sentence.
    pub summary: &'static str,
    pub(super) run: Run,
    pub(super) check: Check,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// One parameter of a function.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The name, as the reference of the language calls it.
    pub name: &'static str,
    /// Whether it has to be given.
    pub need: Need,
    /// What may stand there.
    pub kind: Expects,
}

/// How often a parameter is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Once.
    Required,
    /// Once or not at all.
    Optional,
    /// Once or more often; it is the last.
    Repeated,
    /// Together with the parameter before it, once or more often; it is the last.
    Paired,
}

/// What may stand at a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expects {
    /// A value of any kind.
    Any,
    /// What the function gives, so also the words that leave an attribute or an object alone.
    Outcome,
    /// A comparison or a truth value.
    Condition,
    /// A text.
    Text,
    /// A whole number; quotes around it do not matter.
    Whole,
    /// A date: a call, or an attribute.
    Date,
    /// `vbBinaryCompare` or `vbTextCompare`.
    Compare,
    /// The attribute `[appRoleAssignments]`.
    Roles,
}

impl Function {
    /// Returns the function of that name.
    pub fn named(name: &str) -> Option<&'static Function> {
        let at = FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok()?;
        FUNCTIONS.get(at)
    }

    /// Returns the parameter that the argument at `index` is for.
    pub fn parameter(&self, index: usize) -> Option<&'static Parameter> {
        if let Some(parameter) = self.parameters.get(index) {
            return Some(parameter);
        }
        let count = self.parameters.len();
        let last = self.parameters.last()?;
        match last.need {
            Need::Repeated => Some(last),
            Need::Paired if (index - count).is_multiple_of(2) => self.parameters.get(count - 2),
            Need::Paired => Some(last),
            _ => None,
        }
    }

    /// Returns the fewest and the most arguments; no upper bound is `None`.
    pub fn arity(&self) -> (usize, Option<usize>) {
        let needed = |parameter: &&Parameter| parameter.need != Need::Optional;
        let least = match self.parameters.iter().rposition(|one| needed(&one)) {
            Some(last) => last + 1,
            None => 0,
        };
        let open = self.parameters.last();
        let open = open.is_some_and(|one| matches!(one.need, Need::Repeated | Need::Paired));
        (least, (!open).then_some(self.parameters.len()))
    }

    /// Returns the parameters as they would be written behind the name.
    pub fn signature(&self) -> String {
        let mut out = format!("{}(", self.name);
        for (index, parameter) in self.parameters.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            out.push_str(parameter.name);
            match parameter.need {
                Need::Required => {}
                // Only the form without the styles goes without the fourth.
                Need::Optional if parameter.name == "outputFormat" => {}
                Need::Optional => out.push('?'),
                Need::Repeated | Need::Paired => out.push_str(", …"),
            }
        }
        out.push(')');
        out
    }
}

const fn req(name: &'static str, kind: Expects) -> Parameter {
    Parameter { name, need: Need::Required, kind }
}

const fn opt(name: &'static str, kind: Expects) -> Parameter {
    Parameter { name, need: Need::Optional, kind }
}

const fn rep(name: &'static str, kind: Expects) -> Parameter {
    Parameter { name, need: Need::Repeated, kind }
}

/// The one parameter of a function that takes a text.
const SOURCE: &[Parameter] = &[req("source", Expects::Text)];
/// The one parameter of a test.
const EXPRESSION: &[Parameter] = &[req("expression", Expects::Any)];
/// The one parameter of the functions on multi-valued attributes.
const ATTRIBUTE: &[Parameter] = &[req("attribute", Expects::Any)];
/// The one parameter of the functions on roles.
const ROLES: &[Parameter] = &[req("[appRoleAssignments]", Expects::Roles)];
/// The parameters of the functions on letter case.
const CASED: &[Parameter] = &[req("source", Expects::Text), opt("culture", Expects::Text)];

/// Makes the rows of the table short: name, parameters, function, check, summary.
const fn row(
    name: &'static str,
    parameters: &'static [Parameter],
    run: Run,
    check: Check,
    summary: &'static str,
) -> Function {
    Function { name, parameters, summary, run, check }
}

/// Every function, sorted by name.
pub static FUNCTIONS: &[Function] = &[
    row("AppRoleAssignments", ROLES, roles::values, check::nothing, "The values of the roles."),
    row(
        "AppRoleAssignmentsComplex",
        ROLES,
        roles::complex,
        check::nothing,
        "The assigned roles as objects, to be added to those of the target.",
    ),
    row(
        "Append",
        &[req("source", Expects::Text), req("suffix", Expects::Text)],
        text::append,
        check::nothing,
        "The source followed by the suffix; null if either is null.",
    ),
    row(
        "AssertiveAppRoleAssignmentsComplex",
        ROLES,
        roles::assertive,
        check::nothing,
        "The assigned roles as objects, to replace those of the target.",
    ),
    row(
        "BitAnd",
        &[req("value1", Expects::Whole), req("value2", Expects::Whole)],
        numbers::bit_and,
        check::nothing,
        "The bits that are set in both numbers.",
    ),
    row(
        "CBool",
        &[req("expression", Expects::Condition)],
        logic::to_boolean,
        check::nothing,
        "True if the comparison holds or the value is a number other than zero.",
    ),
    row("CDate", EXPRESSION, dates::to_date, check::nothing, "The date that a text says, in UTC."),
    row(
        "CStr",
        &[req("value", Expects::Any)],
        text::to_text,
        check::nothing,
        "The text of a value.",
    ),
    row(
        "Coalesce",
        &[rep("source", Expects::Outcome)],
        logic::coalesce,
        check::nothing,
        "The first source that has a value, else the last.",
    ),
    row(
        "ConvertFromBase64",
        &[req("source", Expects::Text), opt("encoding", Expects::Text)],
        encoding::from_base64,
        check::encoding,
        "The text that Base64 stands for.",
    ),
    row(
        "ConvertToBase64",
        SOURCE,
        encoding::to_base64,
        check::nothing,
        "The UTF-16 bytes of a text in Base64.",
    ),
    row(
        "ConvertToUTF8Hex",
        SOURCE,
        encoding::to_hex,
        check::nothing,
        "The UTF-8 bytes of a text in hexadecimal.",
    ),
    row("Count", ATTRIBUTE, lists::count, check::nothing, "How many values an attribute has."),
    row(
        "DateAdd",
        &[
            req("interval", Expects::Text),
            req("value", Expects::Whole),
            req("dateTime", Expects::Date),
        ],
        dates::add,
        check::interval,
        "The date so many intervals later.",
    ),
    row(
        "DateDiff",
        &[req("interval", Expects::Text), req("date1", Expects::Date), req("date2", Expects::Date)],
        dates::difference,
        check::interval,
        "How many intervals the second date is later than the first.",
    ),
    row(
        "DateFromNum",
        &[req("value", Expects::Whole)],
        dates::from_number,
        check::nothing,
        "The date of a file time.",
    ),
    row("DefaultDomain", &[], unique::default_domain, check::nothing, "The default domain."),
    row(
        "FormatDateTime",
        &[
            req("source", Expects::Any),
            opt("dateTimeStyles", Expects::Text),
            req("inputFormat", Expects::Text),
            opt("outputFormat", Expects::Text),
        ],
        dates::format,
        check::formats,
        "A date read by one format and written by another.",
    ),
    row("Guid", &[], unique::guid, check::nothing, "A new random GUID."),
    row(
        "IIF",
        &[
            req("condition", Expects::Condition),
            req("valueIfTrue", Expects::Outcome),
            req("valueIfFalse", Expects::Outcome),
        ],
        logic::either,
        check::nothing,
        "One of two values.",
    ),
    row(
        "IgnoreFlowIfNullOrEmpty",
        &[req("expression", Expects::Outcome)],
        logic::ignore_if_empty,
        check::nothing,
        "The value; without one the target attribute is left alone.",
    ),
    row(
        "InStr",
        &[
            req("value1", Expects::Text),
            req("value2", Expects::Text),
            opt("start", Expects::Whole),
            opt("compareType", Expects::Compare),
        ],
        text::position,
        check::from_one,
        "Where the second text starts in the first; 0 if nowhere.",
    ),
    row(
        "IsNothing",
        &[req("source", Expects::Any)],
        logic::is_null,
        check::nothing,
        "As `IsNull`.",
    ),
    row("IsNull", EXPRESSION, logic::is_null, check::nothing, "True without a value."),
    row(
        "IsNullOrEmpty",
        EXPRESSION,
        logic::is_null_or_empty,
        check::nothing,
        "True without a value, or with an empty one.",
    ),
    row("IsPresent", EXPRESSION, logic::is_present, check::nothing, "True with a value."),
    row("IsString", EXPRESSION, logic::is_string, check::nothing, "True if it can be a text."),
    row(
        "Item",
        &[req("attribute", Expects::Any), req("index", Expects::Whole)],
        lists::item,
        check::from_one,
        "One value of a multi-valued attribute, from 1.",
    ),
    row(
        "Join",
        &[req("separator", Expects::Text), rep("source", Expects::Any)],
        lists::join,
        check::nothing,
        "The sources that are not empty, with the separator between them.",
    ),
    row(
        "Left",
        &[req("string", Expects::Text), req("numChars", Expects::Whole)],
        text::left,
        check::nothing,
        "The first characters.",
    ),
    row(
        "Len",
        &[req("string", Expects::Any)],
        text::length,
        check::nothing,
        "How many characters.",
    ),
    row(
        "Mid",
        &[
            req("source", Expects::Text),
            req("start", Expects::Whole),
            req("length", Expects::Whole),
        ],
        text::middle,
        check::nothing,
        "Characters from a place, counted from 1.",
    ),
    row(
        "NormalizeDiacritics",
        SOURCE,
        letters::without_diacritics,
        check::nothing,
        "The text with base letters instead of letters with diacritics.",
    ),
    row(
        "Not",
        &[req("source", Expects::Condition)],
        logic::not,
        check::nothing,
        "False for True, True for everything else.",
    ),
    row("Now", &[], dates::now, check::nothing, "The time, in UTC."),
    row(
        "NumFromDate",
        &[req("value", Expects::Any)],
        dates::to_number,
        check::nothing,
        "The file time of a date.",
    ),
    row(
        "PCase",
        &[req("source", Expects::Text), opt("wordSeparators", Expects::Text)],
        letters::proper_case,
        check::nothing,
        "The first letter of every word as a capital, the others small.",
    ),
    row(
        "Prepend",
        &[req("prefix", Expects::Text), req("source", Expects::Text)],
        text::prepend,
        check::nothing,
        "The prefix followed by the source; null if either is null.",
    ),
    row(
        "RandomString",
        &[
            req("length", Expects::Whole),
            req("minNumbers", Expects::Whole),
            req("minSpecial", Expects::Whole),
            req("minCapital", Expects::Whole),
            req("minLower", Expects::Whole),
            opt("avoid", Expects::Text),
        ],
        unique::random_text,
        check::random_text,
        "A random text with so many characters of each kind.",
    ),
    row(
        "Redact",
        &[req("value", Expects::Outcome)],
        logic::redact,
        check::nothing,
        "The value, which logs do not show.",
    ),
    row(
        "RemoveDuplicates",
        ATTRIBUTE,
        lists::distinct,
        check::nothing,
        "Every value once, where it is first.",
    ),
    row(
        "Replace",
        &[
            req("source", Expects::Text),
            opt("oldValue", Expects::Text),
            opt("regexPattern", Expects::Text),
            opt("regexGroupName", Expects::Text),
            opt("replacementValue", Expects::Text),
            opt("replacementAttributeName", Expects::Text),
            opt("template", Expects::Text),
        ],
        replace::replace,
        check::replacing,
        "The source with parts of it replaced.",
    ),
    row(
        "SelectUniqueValue",
        &[req("rule", Expects::Any), rep("rule", Expects::Any)],
        unique::select,
        check::nothing,
        "The first value that is not taken in the target.",
    ),
    row(
        "SingleAppRoleAssignment",
        ROLES,
        roles::single,
        check::nothing,
        "The value of the assigned role; of several the first by name.",
    ),
    row(
        "Split",
        &[req("source", Expects::Text), req("delimiter", Expects::Text)],
        lists::split,
        check::delimiter,
        "The parts of a text between the delimiters.",
    ),
    row("StripSpaces", SOURCE, text::strip_spaces, check::nothing, "The text without blanks."),
    row(
        "Switch",
        &[
            req("source", Expects::Any),
            opt("defaultValue", Expects::Outcome),
            opt("key", Expects::Any),
            Parameter { name: "value", need: Need::Paired, kind: Expects::Outcome },
        ],
        logic::switch,
        check::nothing,
        "The value of the key that equals the source, else the default.",
    ),
    row("ToLower", CASED, letters::to_lower, check::culture, "The text in small letters."),
    row("ToUpper", CASED, letters::to_upper, check::culture, "The text in capitals."),
    row(
        "Trim",
        &[req("value", Expects::Text)],
        text::trim,
        check::nothing,
        "The text without white space at both ends.",
    ),
    row(
        "Word",
        &[
            req("string", Expects::Text),
            req("number", Expects::Whole),
            req("delimiters", Expects::Text),
        ],
        text::word,
        check::nothing,
        "One word of a text, from 1.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a.name < b.name));
        assert_eq!(FUNCTIONS.len(), 51);
        for function in FUNCTIONS {
            assert!(Function::named(function.name).is_some_and(|one| one.name == function.name));
            assert!(function.summary.ends_with('.'), "{}", function.name);
        }
        assert!(Function::named("join").is_none());
    }

    #[test]
    fn arity_and_parameters_follow_the_table() {
        let of = |name: &str| Function::named(name).expect("a function");
        assert_eq!(of("Now").arity(), (0, Some(0)));
        assert_eq!(of("Left").arity(), (2, Some(2)));
        assert_eq!(of("Join").arity(), (2, None));
        assert_eq!(of("Switch").arity(), (4, None));
        assert_eq!(of("SelectUniqueValue").arity(), (2, None));
        assert_eq!(of("Replace").arity(), (1, Some(7)));
        let named = |index| of("Switch").parameter(index).expect("a parameter").name;
        assert_eq!([2, 3, 4, 5, 6].map(named), ["key", "value", "key", "value", "key"]);
        assert_eq!(of("Left").parameter(2).map(|one| one.name), None);
        assert_eq!(of("Word").signature(), "Word(string, number, delimiters)");
        assert_eq!(of("ToLower").signature(), "ToLower(source, culture?)");
        let signature = "FormatDateTime(source, dateTimeStyles?, inputFormat, outputFormat)";
        assert_eq!(of("FormatDateTime").signature(), signature);
    }
}
