//! Evaluates a checked expression for one person.

use std::borrow::Cow;

use jiff::civil::DateTime;

use super::datum::{Datum, Several, compare};
use super::error::{Failure, Fault};
use super::flow::{Attribute, Attributes, Given, Step, StepInput};
use super::pattern::Budget;
use super::random::Random;
use super::syntax::{Call, Comparison, Kind, Node, Ready, Word};
use super::{format_date, numbers, roles};
use crate::model::attribute::REDACTED;

/// The most bytes of text that a function may give, and a text may have that is worked on.
pub const MOST_BYTES: usize = 256 * 1024;

/// What a function gives.
pub(super) type Outcome<'a> = Result<Datum<'a>, Fault>;

/// A function of the language.
pub(super) type Run = for<'x, 'a> fn(&mut Scope<'x, 'a>) -> Outcome<'a>;

/// One evaluation.
pub(super) struct Evaluator<'a> {
    /// Where the source has the attributes of the expression.
    pub slots: &'a [Option<usize>],
    pub source: &'a dyn Attributes,
    pub given: &'a Given<'a>,
    pub random: Option<Random>,
    /// What the regular expressions of all its calls may still take.
    pub budget: Budget,
    /// The calls so far, if they are to be kept.
    pub steps: Option<Vec<Step>>,
    depth: usize,
    /// How many calls of `Redact` are around.
    hidden: usize,
}

impl<'a> Evaluator<'a> {
    /// Starts an evaluation.
    pub fn new(
        slots: &'a [Option<usize>],
        source: &'a dyn Attributes,
        given: &'a Given<'a>,
        traced: bool,
    ) -> Self {
        let random = given.seed.map(Random::new);
        let steps = traced.then(Vec::new);
        let budget = Budget::default();
        Self { slots, source, given, random, budget, steps, depth: 0, hidden: 0 }
    }

    /// Returns the value of a part, and whether logs may not show it.
    pub fn eval(&mut self, node: &'a Node) -> Result<(Datum<'a>, bool), Fault> {
        let datum = match &node.kind {
            Kind::Omitted => Datum::Null,
            Kind::Attribute { name, place } if name == roles::ASSIGNMENTS => {
                roles::each(self.attribute(*place))
            }
            Kind::Attribute { place, .. } => self.attribute(*place),
            Kind::Text(text) | Kind::Number(text) => Datum::Text(Cow::Borrowed(text)),
            Kind::Hex { value, .. } => Datum::Int(*value),
            Kind::Word(Word::IgnoreAttributeFlow) => Datum::IgnoreAttribute,
            Kind::Word(Word::IgnoreObjectFlow) => Datum::IgnoreObject,
            Kind::Word(word) => Datum::Text(Cow::Borrowed(word.name())),
            Kind::Compare(comparison) => return self.compare(node, comparison),
            Kind::Call(call) => return self.call(node, call),
        };
        Ok((datum, false))
    }

    fn attribute(&self, place: usize) -> Datum<'a> {
        let slot = self.slots.get(place).copied().flatten();
        match slot.map(|slot| self.source.attribute(slot)) {
            None | Some(Attribute::Null) => Datum::Null,
            Some(Attribute::Text(text)) => Datum::Text(text),
            Some(Attribute::Texts(texts)) => Datum::list(texts),
        }
    }

    fn compare(
        &mut self,
        node: &'a Node,
        comparison: &'a Comparison,
    ) -> Result<(Datum<'a>, bool), Fault> {
        let (left, left_hidden) = self.eval(&comparison.left)?;
        let (right, right_hidden) = self.eval(&comparison.right)?;
        match compare(comparison.operator, left, right) {
            Ok(holds) => Ok((Datum::Bool(holds), left_hidden || right_hidden)),
            Err(Several(count)) => Err(Fault {
                at: node.at,
                until: node.until,
                kind: Failure::Value,
                message: format!(
                    "a comparison works on one value, and this has {count}: use `Item` or `Join`"
                ),
            }),
        }
    }

    fn call(&mut self, node: &'a Node, call: &'a Call) -> Result<(Datum<'a>, bool), Fault> {
        self.depth += 1;
        let inputs = self.steps.is_some().then(|| {
            let hide = self.hidden > 0 || call.function.name == "Redact";
            let text = |arg: &Node| if hide { REDACTED.to_owned() } else { arg.seen() };
            let unseen = |arg: &Node| StepInput { text: text(arg), value: None };
            call.args.iter().map(unseen).collect()
        });
        let mut scope =
            Scope { evaluator: self, call, at: node.at, until: node.until, hidden: false, inputs };
        let result = (call.function.run)(&mut scope).and_then(|datum| scope.bounded(datum));
        let (hidden, inputs) = (scope.hidden, scope.inputs.take());
        self.depth -= 1;
        let hide = hidden || self.hidden > 0;
        if let (Some(steps), Some(inputs)) = (self.steps.as_mut(), inputs) {
            let result = match &result {
                Ok(_) if hide => Ok(REDACTED.to_owned()),
                Ok(datum) => Ok(datum.show()),
                Err(fault) => Err(fault.message.clone()),
            };
            let function = call.function.name;
            steps.push(Step { depth: self.depth, at: node.at, function, inputs, result });
        }
        result.map(|datum| (datum, hidden))
    }
}

/// A call while it runs: hands out its arguments, which are evaluated when they are asked for.
pub(super) struct Scope<'x, 'a> {
    pub evaluator: &'x mut Evaluator<'a>,
    pub call: &'a Call,
    at: usize,
    until: usize,
    /// Whether an argument so far is not to be seen.
    hidden: bool,
    inputs: Option<Vec<StepInput>>,
}

impl<'a> Scope<'_, 'a> {
    /// Returns how many arguments there are.
    pub fn count(&self) -> usize {
        self.call.args.len()
    }

    /// Returns what was prepared.
    pub fn ready(&self) -> &'a Ready {
        &self.call.ready
    }

    /// Returns the value of an argument; null if it is not given.
    pub fn arg(&mut self, index: usize) -> Outcome<'a> {
        let Some(node) = self.call.args.get(index) else { return Ok(Datum::Null) };
        let (datum, hidden) = self.evaluator.eval(node)?;
        self.hidden |= hidden;
        let hide = hidden || self.evaluator.hidden > 0;
        if let Some(input) = self.inputs.as_mut().and_then(|inputs| inputs.get_mut(index))
            && !matches!(node.kind, Kind::Omitted)
        {
            input.value = Some(if hide { REDACTED.to_owned() } else { datum.show() });
        }
        Ok(datum)
    }

    /// Returns the value of an argument that logs may not show; nor may they show the result.
    pub fn hidden_arg(&mut self, index: usize) -> Outcome<'a> {
        self.evaluator.hidden += 1;
        let result = self.arg(index);
        self.evaluator.hidden -= 1;
        self.hidden = true;
        result
    }

    /// Returns the text of an argument; null is `None`.
    pub fn text(&mut self, index: usize) -> Result<Option<Cow<'a, str>>, Fault> {
        let datum = self.arg(index)?;
        self.one_text(index, datum)
    }

    /// Returns the text of an argument; null counts as empty.
    pub fn text_or_empty(&mut self, index: usize) -> Result<Cow<'a, str>, Fault> {
        Ok(self.text(index)?.unwrap_or_default())
    }

    /// Returns the one text of a value that was the argument at `index`; null is `None`.
    pub fn one_text(&self, index: usize, datum: Datum<'a>) -> Result<Option<Cow<'a, str>>, Fault> {
        datum.into_text().map_err(|several| self.several(index, &several))
    }

    /// Checks that a result of so many bytes is within the limit.
    pub fn check_size(&self, bytes: usize) -> Result<(), Fault> {
        if bytes > MOST_BYTES { Err(self.too_long()) } else { Ok(()) }
    }

    /// Returns the whole number of an argument.
    pub fn whole(&mut self, index: usize) -> Result<i64, Fault> {
        let datum = self.arg(index)?;
        match &datum {
            Datum::Int(value) => return Ok(*value),
            Datum::Text(text) if let Some(value) = numbers::parse_whole(text) => return Ok(value),
            _ => {}
        }
        let shown = self.show(&datum);
        let text = self.one_text(index, datum)?;
        text.as_deref().and_then(numbers::parse_whole).ok_or_else(|| {
            let name = self.call.function.parameter(index).map_or("it", |one| one.name);
            self.fault(format!("{name} is a whole number, and {shown} is none"))
        })
    }

    /// Returns the whole number of an argument, or `default` if it is not given.
    pub fn whole_or(&mut self, index: usize, default: i64) -> Result<i64, Fault> {
        if self.call.given(index).is_some() { self.whole(index) } else { Ok(default) }
    }

    /// Returns the date of an argument: a date, or the text of one.
    pub fn date(&mut self, index: usize) -> Result<DateTime, Fault> {
        let datum = self.arg(index)?;
        match &datum {
            Datum::Date(date) => return Ok(*date),
            Datum::Text(text) if let Some(date) = format_date::parse_any(text) => return Ok(date),
            _ => {}
        }
        let shown = self.show(&datum);
        let text = self.one_text(index, datum)?;
        let date = text.as_deref().and_then(format_date::parse_any);
        date.ok_or_else(|| self.fault(format!("{shown} is no date")))
    }

    /// Returns how a message shows a value of this call.
    pub fn show(&self, datum: &Datum<'_>) -> String {
        if self.hidden || self.evaluator.hidden > 0 {
            return REDACTED.to_owned();
        }
        datum.show()
    }

    /// Returns how a message shows a text of this call.
    pub fn quote(&self, text: &str) -> String {
        self.show(&Datum::Text(Cow::Borrowed(text)))
    }

    /// Returns a part of a message that quotes what it was made from, unless that may not be seen.
    pub fn detail(&self, message: String) -> String {
        if self.hidden || self.evaluator.hidden > 0 { REDACTED.to_owned() } else { message }
    }

    /// Returns the fault of this call; the message gets the name of the function.
    pub fn fault(&self, message: impl AsRef<str>) -> Fault {
        self.fault_of(Failure::Value, message)
    }

    /// Returns the fault of this call, of a certain kind.
    pub fn fault_of(&self, kind: Failure, message: impl AsRef<str>) -> Fault {
        let message = format!("`{}`: {}", self.call.function.name, message.as_ref());
        Fault { at: self.at, until: self.until, kind, message }
    }

    /// Returns the fault of a text that grew over the limit.
    pub fn too_long(&self) -> Fault {
        let most = MOST_BYTES / 1024;
        self.fault_of(Failure::Limit, format!("the result is longer than {most} KiB"))
    }

    fn several(&self, index: usize, several: &Several) -> Fault {
        let name = self.call.function.parameter(index).map_or("it", |one| one.name);
        let count = several.0;
        self.fault(format!("{name} is one value, and this has {count}: use `Item` or `Join`"))
    }

    fn bounded(&self, datum: Datum<'a>) -> Outcome<'a> {
        if datum.size() > MOST_BYTES { Err(self.too_long()) } else { Ok(datum) }
    }
}

/// A text that does not grow over the limit.
#[derive(Default)]
pub(super) struct Bounded(String);

impl Bounded {
    /// Adds a text; `None` if it would be too long.
    pub fn push(&mut self, text: &str) -> Option<()> {
        if self.0.len() + text.len() > MOST_BYTES {
            return None;
        }
        self.0.push_str(text);
        Some(())
    }

    /// Returns the text.
    pub fn finish(self) -> String {
        self.0
    }
}
