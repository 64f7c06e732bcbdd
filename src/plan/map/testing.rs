//! Short ways to evaluate an expression in tests.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Attribute, Attributes, EvalError, Expression, Flow, Given, Value};

/// A person of a test: names with values.
#[derive(Clone, Debug, Default)]
pub(super) struct Person(pub BTreeMap<String, Vec<String>>);

impl Attributes for Person {
    fn attribute(&self, place: usize) -> Attribute<'_> {
        match self.0.values().nth(place).map(Vec::as_slice) {
            None => Attribute::Null,
            Some([one]) => Attribute::Text(Cow::Borrowed(one)),
            Some(several) => {
                Attribute::Texts(several.iter().map(|text| Cow::Borrowed(&**text)).collect())
            }
        }
    }
}

/// A person without attributes.
pub(super) const NOBODY: [(&str, &str); 0] = [];

/// The attributes of a person.
pub(super) trait IntoPerson {
    fn person(&self) -> Person;
}

impl<T: AsRef<str>> IntoPerson for [(&str, T)] {
    fn person(&self) -> Person {
        let one = |(name, text): &(&str, T)| ((*name).to_owned(), vec![text.as_ref().to_owned()]);
        Person(self.iter().map(one).collect())
    }
}

impl<T: AsRef<str>, const N: usize> IntoPerson for [(&str, T); N] {
    fn person(&self) -> Person {
        self.as_slice().person()
    }
}

impl IntoPerson for Person {
    fn person(&self) -> Person {
        self.clone()
    }
}

/// Returns a person with one multi-valued attribute.
pub(super) fn texts(name: &str, values: &[&str]) -> Person {
    Person([(name.to_owned(), values.iter().map(|text| (*text).to_owned()).collect())].into())
}

/// Parses an expression that is right.
pub(super) fn parsed(expression: &str) -> Expression {
    Expression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

/// Evaluates an expression.
pub(super) fn run(
    expression: &Expression,
    person: &(impl IntoPerson + ?Sized),
    given: &Given<'_>,
) -> Result<Flow<'static>, EvalError> {
    let person = person.person();
    let bound = expression.bind(|name| person.0.keys().position(|other| other == name));
    bound.eval(&person, given).map(owned)
}

fn owned(flow: Flow<'_>) -> Flow<'static> {
    match flow {
        Flow::IgnoreAttribute => Flow::IgnoreAttribute,
        Flow::IgnoreObject => Flow::IgnoreObject,
        Flow::Value(value) => Flow::Value(match value {
            Value::Null => Value::Null,
            Value::Roles(roles) => Value::Roles(roles),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::List(values) => Value::List(
                values.into_iter().map(|value| Cow::Owned(value.into_owned())).collect(),
            ),
        }),
    }
}

/// What the tests give: a time, a domain, a seed; nothing is taken.
pub(super) fn given() -> Given<'static> {
    Given {
        now: Some("2025-07-30T00:00:00Z".parse().expect("a time")),
        default_domain: Some("contoso.com"),
        seed: Some([1; 32]),
        ..Given::default()
    }
}

/// Evaluates an expression that gives something.
pub(super) fn flow(expression: &str, person: &(impl IntoPerson + ?Sized)) -> Flow<'static> {
    run(&parsed(expression), person, &given())
        .unwrap_or_else(|error| panic!("{expression}: {error}"))
}

/// Evaluates an expression that gives a value.
pub(super) fn value(expression: &str, person: &(impl IntoPerson + ?Sized)) -> Value<'static> {
    match flow(expression, person) {
        Flow::Value(value) => value,
        other => panic!("{expression}: {other:?}"),
    }
}

/// Evaluates an expression that gives a text.
pub(super) fn text(expression: &str, person: &(impl IntoPerson + ?Sized)) -> String {
    match value(expression, person) {
        Value::Text(text) => text.into_owned(),
        other => panic!("{expression}: {other:?}"),
    }
}

/// Evaluates an expression that gives several texts.
pub(super) fn list(expression: &str, person: &(impl IntoPerson + ?Sized)) -> Vec<String> {
    match value(expression, person) {
        Value::List(values) => values.into_iter().map(Cow::into_owned).collect(),
        other => panic!("{expression}: {other:?}"),
    }
}

/// Returns the message of an expression that does not parse, or gives nothing; with what was
/// expected.
pub(super) fn error(expression: &str, person: &(impl IntoPerson + ?Sized)) -> String {
    match Expression::parse(expression) {
        Err(error) => format!("{} {}", error.message, error.expected.unwrap_or_default()),
        Ok(parsed) => match run(&parsed, person, &given()) {
            Err(error) => error.message,
            Ok(flow) => panic!("{expression}: {flow:?}"),
        },
    }
}
