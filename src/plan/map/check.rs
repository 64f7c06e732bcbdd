//! What can be said about a call without a person: how many arguments, of which kind, and
//! whether the constant ones mean anything. What is constant is prepared here, once.

use super::error::Objection;
use super::format_date::{self, DateFormat};
use super::letters::Culture;
use super::names::{Expects, Need, Parameter};
use super::numbers::parse_whole;
use super::replace::Replacing;
use super::syntax::{Call, Kind, Node, Ready, Word};
use super::{dates, encoding, unique};

/// Checks a call beyond number and kind of its arguments, and prepares it.
pub(super) type Check = fn(&mut Call) -> Result<(), Objection>;

/// Checks a call whose closing parenthesis is at `close`.
pub(super) fn call(call: &mut Call, at: usize, close: usize) -> Result<(), Objection> {
    drop_omitted_tail(call);
    count(call, at, close)?;
    for (index, arg) in call.args.iter().enumerate() {
        if let Some(parameter) = call.function.parameter(index) {
            let needed = match parameter.need {
                Need::Required => true,
                // One of them at least.
                Need::Repeated => index == 0,
                Need::Optional | Need::Paired => false,
            };
            argument(call, arg, parameter, needed, close)?;
        }
    }
    (call.function.check)(call)
}

/// Drops empty positions at the end, as in `Mid([x], 1, 2, )`.
fn drop_omitted_tail(call: &mut Call) {
    let (least, _) = call.function.arity();
    let paired = call.function.parameters.last().is_some_and(|last| last.need == Need::Paired);
    while call.args.len() > least
        && call.args.last().is_some_and(|last| matches!(last.kind, Kind::Omitted))
        && (!paired || !call.args.len().is_multiple_of(2))
    {
        call.args.pop();
    }
}

/// Checks how many arguments there are.
fn count(call: &Call, at: usize, close: usize) -> Result<(), Objection> {
    let function = call.function;
    let (least, most) = function.arity();
    let given = call.args.len();
    let signature = function.signature();
    let paired = function.parameters.last().is_some_and(|last| last.need == Need::Paired);
    if paired && !given.is_multiple_of(2) {
        let message = format!(
            "`{}` takes an even number of arguments, as keys and values come in pairs; this has \
             {given}",
            function.name
        );
        let at = call.args.last().map_or(at, |last| last.at);
        return Err(Objection::new(at, close, message).expected(format!("`{signature}`")));
    }
    if given < least || most.is_some_and(|most| given > most) {
        let wanted = match (least, most) {
            (0, Some(0)) => "no argument".to_owned(),
            (1, Some(1)) => "1 argument".to_owned(),
            (least, Some(most)) if least == most => format!("{least} arguments"),
            (least, Some(most)) => format!("{least} to {most} arguments"),
            (1, None) => "at least 1 argument".to_owned(),
            (least, None) => format!("at least {least} arguments"),
        };
        // Too many: the first that is too many. Too few: where the next would stand.
        let extra = most.and_then(|most| call.args.get(most));
        let (from, until) = match extra {
            Some(extra) => (extra.at, call.args.last().map_or(extra.until, |last| last.until)),
            None => (close, close + 1),
        };
        let message = format!("`{}` takes {wanted}, this has {given}", function.name);
        return Err(Objection::new(from, until, message).expected(format!("`{signature}`")));
    }
    Ok(())
}

/// Checks one argument against its parameter.
fn argument(
    call: &Call,
    arg: &Node,
    parameter: &Parameter,
    needed: bool,
    close: usize,
) -> Result<(), Objection> {
    let function = call.function.name;
    let name = parameter.name;
    let object = |message: String| Err(Objection::new(arg.at, arg.until, message));
    match (&arg.kind, parameter.kind) {
        (Kind::Omitted, _) if needed => {
            let message = format!("`{function}` needs its {name}");
            let until = if arg.at < close { arg.at + 1 } else { close };
            Err(Objection::new(arg.at, until.max(arg.until), message))
        }
        (Kind::Omitted, _) => Ok(()),
        (_, Expects::Whole) => match arg.constant() {
            Some(text) if parse_whole(text).is_none() => {
                object(format!("{name} of `{function}` is a whole number, and `{text}` is none"))
            }
            _ => Ok(()),
        },
        (Kind::Text(_) | Kind::Number(_) | Kind::Hex { .. }, Expects::Date) => Err(Objection::new(
            arg.at,
            arg.until,
            format!("{name} of `{function}` is a date, and this is a text"),
        )
        .expected(format!("the text wrapped in `CDate`: `CDate({})`", arg.text()))),
        // `CBool` says of every text what it is worth.
        (Kind::Text(text), Expects::Condition)
            if function != "CBool" && super::logic::truth_of(text).is_none() =>
        {
            Err(Objection::new(arg.at, arg.until, "a text is no condition")
                .expected("a comparison as `[country] = \"US\"`, or a test as `IsPresent([mail])`"))
        }
        (_, Expects::Roles) => match &arg.kind {
            Kind::Attribute { name, .. } if name == super::roles::ASSIGNMENTS => Ok(()),
            _ => object(format!("`{function}` works on the assigned roles"))
                .map_err(|error| error.expected("`[appRoleAssignments]`")),
        },
        (_, Expects::Compare) => match (&arg.kind, arg.constant()) {
            (Kind::Word(Word::BinaryCompare | Word::TextCompare), _) => Ok(()),
            (_, Some("vbBinaryCompare" | "vbTextCompare" | "0" | "1")) => Ok(()),
            _ => object(format!("{name} of `{function}` is a word"))
                .map_err(|error| error.expected("`vbBinaryCompare` or `vbTextCompare`")),
        },
        _ => Ok(()),
    }
}

/// Objects to the argument at `index`.
fn object(call: &Call, index: usize, message: String) -> Objection {
    let (at, until) = call.args.get(index).map_or((0, 0), |node| (node.at, node.until));
    Objection::new(at, until, message)
}

/// Returns the whole number of a constant argument.
fn whole(call: &Call, index: usize) -> Option<i64> {
    match &call.args.get(index)?.kind {
        Kind::Hex { value, .. } => Some(*value),
        _ => call.constant(index).and_then(parse_whole),
    }
}

/// There is nothing else to check.
pub(super) fn nothing(_: &mut Call) -> Result<(), Objection> {
    Ok(())
}

/// Positions count from one.
pub(super) fn from_one(call: &mut Call) -> Result<(), Objection> {
    for (index, parameter) in call.function.parameters.iter().enumerate() {
        if parameter.kind == Expects::Whole && whole(call, index).is_some_and(|value| value < 1) {
            let name = call.function.name;
            let message = format!("{} of `{name}` counts from 1", parameter.name);
            return Err(object(call, index, message));
        }
    }
    Ok(())
}

/// A constant interval has to be one.
pub(super) fn interval(call: &mut Call) -> Result<(), Objection> {
    match call.constant(0) {
        Some(text) if dates::Interval::named(text).is_none() => {
            let folded = text.to_ascii_lowercase();
            let meant = match folded.as_str() {
                "y" | "yy" | "year" | "years" => Some("yyyy"),
                "mm" | "month" | "months" => Some("m"),
                "dd" | "day" | "days" => Some("d"),
                "w" | "week" | "weeks" => Some("ww"),
                "hh" | "hour" | "hours" => Some("h"),
                "mi" | "min" | "minute" | "minutes" => Some("n"),
                "ss" | "second" | "seconds" => Some("s"),
                other => dates::Interval::named(other).map(dates::Interval::name),
            };
            Err(object(call, 0, format!("there is no interval `{text}`"))
                .expected(dates::Interval::LIST)
                .suggest(meant.map(|name| format!("`\"{name}\"`"))))
        }
        _ => Ok(()),
    }
}

/// Brings the three-argument form into the order of the other, and compiles constant formats.
pub(super) fn formats(call: &mut Call) -> Result<(), Objection> {
    if call.args.len() == 3 {
        let here = call.args.get(1).map_or(0, |node| node.at);
        if call.given(1).is_none() {
            let message = "`FormatDateTime` needs its outputFormat".to_owned();
            return Err(
                object(call, 2, message).expected(format!("`{}`", call.function.signature()))
            );
        }
        call.args.insert(1, Node { at: here, until: here, kind: Kind::Omitted });
    }
    if let Some(text) = call.constant(1)
        && let Err(message) = format_date::Styles::parse(text)
    {
        return Err(object(call, 1, message));
    }
    let compiled = |index: usize, reads: bool| match call.constant(index) {
        None => Ok(None),
        Some(text) => {
            DateFormat::parse(text, reads).map(Some).map_err(|message| object(call, index, message))
        }
    };
    let formats = (compiled(2, true)?, compiled(3, false)?);
    call.ready = Ready::Formats(Box::new(formats));
    Ok(())
}

/// Sorts out which form of `Replace` it is, and compiles a constant pattern.
pub(super) fn replacing(call: &mut Call) -> Result<(), Objection> {
    let replacing =
        Replacing::new(call).map_err(|(index, message)| object(call, index, message))?;
    call.ready = Ready::Replacing(Box::new(replacing));
    Ok(())
}

/// A delimiter is one character.
pub(super) fn delimiter(call: &mut Call) -> Result<(), Objection> {
    match call.constant(1) {
        Some(text) if text.chars().count() != 1 => {
            Err(object(call, 1, "the delimiter of `Split` is one character".to_owned()))
        }
        _ => Ok(()),
    }
}

/// A constant culture has to have a name that can be one.
pub(super) fn culture(call: &mut Call) -> Result<(), Objection> {
    let culture = match (call.given(1), call.constant(1)) {
        (None, _) => Culture::Invariant,
        (_, None) => return Ok(()),
        (_, Some(name)) => Culture::named(name).ok_or_else(|| {
            object(call, 1, format!("there is no culture `{name}`"))
                .expected("a name as `en-US` or `tr`, or nothing")
        })?,
    };
    call.ready = Ready::Culture(culture);
    Ok(())
}

/// A constant encoding has to be one of three.
pub(super) fn encoding(call: &mut Call) -> Result<(), Objection> {
    match call.constant(1) {
        Some(name) if encoding::Encoding::named(name).is_none() => {
            Err(object(call, 1, format!("there is no encoding `{name}`"))
                .expected(encoding::Encoding::LIST))
        }
        _ => Ok(()),
    }
}

/// The minimums have to fit into the length, as far as they are constant.
pub(super) fn random_text(call: &mut Call) -> Result<(), Objection> {
    let numbers: Option<Vec<i64>> = (0..5).map(|index| whole(call, index)).collect();
    let avoid = match call.given(5) {
        None => Some(""),
        Some(_) => call.constant(5),
    };
    match (numbers.as_deref(), avoid) {
        (Some(&[length, digits, special, capital, lower]), Some(avoid)) => {
            unique::Recipe::new(length, [digits, special, capital, lower], avoid)
                .map(|_| ())
                .map_err(|message| object(call, 0, message))
        }
        _ => Ok(()),
    }
}
