//! `eval`: an expression on given values, or on a person of the directory.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::clock::{Clock, SystemClock};
use crate::config::Job;
use crate::model::identity::{Presence, SourceUser};
use crate::model::row::AttributeRow;
use crate::plan::map::{
    Attribute, Attributes, Expression, Flow, Given, INPUTS, Step, nearest, unique_key,
};
use crate::source::Source;
use crate::source::graph::{Graph, KNOWN_ATTRIBUTES, attribute_kind};
use crate::store::{Store, StoreError};
use crate::views;

use super::exit::{Exit, Failure};
use super::open::{Place, engine_with};
use super::output;

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArguments {
    /// The expression, as `Join(" ", [givenName], [surname])`; `-` reads it from standard input
    #[arg(allow_hyphen_values = true)]
    expression: String,

    // The same id as the global argument of this name, whose place it takes here.
    /// The value of an attribute; more than once for several values. Others are null
    #[arg(long = "set", value_name = "NAME=VALUE", id = "sets", global = false)]
    values: Vec<String>,

    /// Read the other attributes of this person from Entra ID: sign-in name, address, name or id
    #[arg(long = "for", value_name = "WHO")]
    who: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Show each call with its inputs and its result
    #[arg(long)]
    trace: bool,

    /// What `Now` gives, as 2026-11-22T04:00:00Z [default: the time]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,

    /// What `DefaultDomain` gives
    #[arg(long, value_name = "NAME")]
    default_domain: Option<String>,

    /// A value that is taken at ShareFile, for `SelectUniqueValue`; may be repeated
    #[arg(long, value_name = "VALUE")]
    taken: Vec<String>,
}

/// Evaluates an expression, and says what comes out. With `--json` that is one object, also where
/// the expression was not reached.
pub async fn eval(place: &Place, arguments: &EvalArguments) -> Result<Exit, Failure> {
    let ended = evaluate(place, arguments).await;
    if let (true, Err(failure)) = (arguments.json, &ended) {
        output::json(&views::eval::unevaluated(&failure.chain.join(": ")));
    }
    ended
}

async fn evaluate(place: &Place, arguments: &EvalArguments) -> Result<Exit, Failure> {
    let text = expression(&arguments.expression)?;
    let mut values = Values { set: sets(&arguments.values)?, ..Values::default() };
    let clock = SystemClock::new();
    let now = match &arguments.now {
        Some(text) => Some(time(text)?),
        None => Timestamp::from_millisecond(clock.now().0).ok(),
    };
    let parsed = match Expression::parse(&text) {
        Ok(parsed) => parsed,
        Err(error) => return wrong(arguments, views::eval::ill_written(&text, &error)),
    };
    note_unread(&parsed, &values.set);
    if let Some(who) = &arguments.who {
        let of_person = |name: &str| !values.set.contains_key(name) && !INPUTS.contains(&name);
        let known = |name: &str| !of_person(name) || attribute_kind(name).is_some();
        let names = KNOWN_ATTRIBUTES.iter().chain(INPUTS).copied();
        if let Some(error) = parsed.check_attributes(known, names).first() {
            return wrong(arguments, views::eval::ill_written(&text, error));
        }
        let asked = parsed.attributes().into_iter().filter(|name| of_person(name));
        let mut names: Vec<String> = asked.map(str::to_owned).collect();
        // What is read of managers needs to know who they are.
        if names.iter().any(|name| name.starts_with("manager.")) {
            names.push("manager".to_owned());
        }
        names.sort();
        names.dedup();
        let (person, inputs) = read(place, who, names.clone()).await?;
        values.inputs = inputs;
        values.person = Some((names, person.attributes));
    }
    let taken: BTreeSet<String> = arguments.taken.iter().map(|one| unique_key(one)).collect();
    let taken = |value: &str| taken.contains(&unique_key(value));
    let given = Given {
        now,
        default_domain: arguments.default_domain.as_deref(),
        taken: &taken,
        seed: Some(seed()),
    };
    let names = parsed.attributes();
    let bound = parsed.bind(|name| names.iter().position(|other| *other == name));
    let reader = Reader { names: &names, values: &values };
    let (result, steps) = bound.trace(&reader, &given);
    match result {
        Ok(flow) => {
            said(arguments, &flow, &steps);
            Ok(Exit::Done)
        }
        Err(error) => {
            let mut failed = views::eval::failed(&text, &error);
            if arguments.json {
                add_trace(arguments, &mut failed.json, &steps);
            } else if arguments.trace {
                output::text(&views::eval::trace(&steps));
            }
            wrong(arguments, failed)
        }
    }
}

/// Says which of the given values change nothing, as the expression does not read them.
fn note_unread(parsed: &Expression, set: &BTreeMap<String, Vec<String>>) {
    let reads = parsed.attributes();
    for name in set.keys().filter(|name| !reads.contains(&name.as_str())) {
        let reads = match nearest(name, reads.iter().copied()) {
            Some(near) => format!("it has no [{name}]; did you mean `--set {near}=…`?"),
            None if reads.is_empty() => "it reads no attributes".to_owned(),
            None => {
                let names: Vec<String> = reads.iter().map(|name| format!("[{name}]")).collect();
                format!("it reads {}", names.join(", "))
            }
        };
        eprintln!("note: `--set {name}` changes nothing in the expression: {reads}");
    }
}

/// Adds each call to what `--json` prints, if that is asked for.
fn add_trace(arguments: &EvalArguments, json: &mut Json, steps: &[Step]) {
    if let (true, Some(json)) = (arguments.trace, json.as_object_mut()) {
        json.insert("trace".to_owned(), serde_json::to_value(steps).unwrap_or_default());
    }
}

/// Prints what came out.
fn said(arguments: &EvalArguments, flow: &Flow<'_>, steps: &[Step]) {
    if arguments.json {
        let mut json = views::eval::json(flow);
        add_trace(arguments, &mut json, steps);
        return output::json(&json);
    }
    if arguments.trace {
        output::text(&views::eval::trace(steps));
    }
    output::text(&views::eval::text(flow));
}

/// Says what is wrong with the expression, or with what it was evaluated on.
fn wrong(arguments: &EvalArguments, wrong: views::eval::Wrong) -> Result<Exit, Failure> {
    if arguments.json {
        output::json(&wrong.json);
        return Ok(Exit::Config);
    }
    Err(Failure::said(Exit::Config, wrong.drawn, ""))
}

/// Returns the expression, from standard input if that is what was asked for.
fn expression(argument: &str) -> Result<String, Failure> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|problem| {
        let what = format!("standard input cannot be read: {problem}");
        Failure::said(Exit::Usage, what, "Pipe the expression in as UTF-8 text.")
    })?;
    // The newline at the end is the pipe's.
    Ok(text.strip_suffix('\n').map(str::to_owned).unwrap_or(text))
}

/// Reads `NAME=VALUE` pairs.
fn sets(pairs: &[String]) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in pairs {
        let Some((name, value)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            let what = format!("`--set {pair}` names no attribute and value");
            let remedy =
                "Write --set NAME=VALUE, as --set givenName=Ada. A name that is not set is null.";
            return Err(Failure::said(Exit::Usage, what, remedy));
        };
        let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        values.entry(name.to_owned()).or_default().push(value.to_owned());
    }
    Ok(values)
}

/// Reads a time: with an offset, or as UTC, or a day.
fn time(text: &str) -> Result<Timestamp, Failure> {
    let civil = || {
        let day = || text.parse::<Date>().map(|day| day.to_datetime(jiff::civil::Time::midnight()));
        let civil = text.parse::<DateTime>().or_else(|_| day()).ok()?;
        civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    };
    text.parse().ok().or_else(civil).ok_or_else(|| {
        let what = format!("`--now {text}` is no time");
        Failure::said(Exit::Usage, what, "Write it as 2026-11-22T04:00:00Z.")
    })
}

/// Returns what chance is drawn from: another seed each time.
fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    let (first, second) = seed.split_at_mut(16);
    first.copy_from_slice(Uuid::new_v4().as_bytes());
    second.copy_from_slice(Uuid::new_v4().as_bytes());
    seed
}

/// What the assignments give expressions to read, by name.
type Inputs = BTreeMap<&'static str, Vec<String>>;

/// Reads attributes of the one person whom `who` names, and what the last cycle knew of the person's
/// assignments.
async fn read(
    place: &Place,
    who: &str,
    names: Vec<String>,
) -> Result<(SourceUser, Inputs), Failure> {
    let job: Job = place.job()?;
    let mut settings = job.graph.clone();
    settings.attributes = names;
    let graph = Graph::new(settings, Arc::new(SystemClock::new()))?;
    let found = graph.find_people(who).await?;
    let anchor = match found.as_slice() {
        [(anchor, _)] => *anchor,
        [] => {
            let what = format!("nobody in Entra ID is called `{who}`");
            let remedy = "Give a sign-in name, an address, a display name or an object id.";
            return Err(Failure::said(Exit::Usage, what, remedy));
        }
        several => {
            let names: Vec<String> =
                several.iter().map(|(anchor, name)| format!("{name} ({anchor})")).collect();
            let what = format!("`{who}` is the name of several people: {}", names.join(", "));
            return Err(Failure::said(Exit::Usage, what, "Give the id of one of them."));
        }
    };
    let mut people = graph.users_now(&[anchor]).await?;
    let person = people.pop().filter(|person| person.presence == Presence::Present);
    let person = person.ok_or_else(|| {
        let what = format!("{who} cannot be read in Entra ID");
        Failure::said(Exit::Source, what, "Look whether the person is in the recycle bin there.")
    })?;
    let store = match Store::read_only(&job.store) {
        Err(StoreError::Missing { .. }) => return Ok((person, Inputs::new())),
        store => store?,
    };
    let engine = engine_with(&job, store, Arc::new(SystemClock::new()))?;
    let inputs = engine.inputs_of(&person).await?;
    Ok((person, inputs))
}

/// Where the attributes of an expression come from.
#[derive(Default)]
struct Values {
    set: BTreeMap<String, Vec<String>>,
    inputs: Inputs,
    person: Option<(Vec<String>, AttributeRow)>,
}

/// The values at the places of the names.
struct Reader<'v> {
    names: &'v [&'v str],
    values: &'v Values,
}

impl Attributes for Reader<'_> {
    fn attribute(&self, place: usize) -> Attribute<'_> {
        let Some(name) = self.names.get(place) else {
            return Attribute::Null;
        };
        let set = self.values.set.get(*name).or_else(|| self.values.inputs.get(name));
        match set.map(Vec::as_slice) {
            Some([]) => Attribute::Null,
            Some([one]) => Attribute::Text(Cow::Borrowed(one)),
            Some(several) => {
                Attribute::Texts(several.iter().map(|one| Cow::Borrowed(one.as_str())).collect())
            }
            None => {
                let person = self.values.person.as_ref();
                let found = person.and_then(|(names, row)| {
                    Some(row.attribute(names.iter().position(|one| one == name)?))
                });
                found.unwrap_or(Attribute::Null)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_given_once_or_more_often() {
        let pairs = ["a=1", "b=", "c=x=y", "a=2", "[d]=3"].map(str::to_owned);
        let expected: BTreeMap<String, Vec<String>> =
            [("a", vec!["1", "2"]), ("b", vec![""]), ("c", vec!["x=y"]), ("d", vec!["3"])]
                .into_iter()
                .map(|(name, values)| {
                    (name.to_owned(), values.into_iter().map(str::to_owned).collect())
                })
                .collect();
        assert_eq!(sets(&pairs).expect("values"), expected);
        assert!(sets(&["a".to_owned()]).is_err());
        assert!(sets(&["=a".to_owned()]).is_err());
    }

    #[test]
    fn a_time_may_be_a_day() {
        let day = "2026-11-22T00:00:00Z".parse::<Timestamp>().expect("a time");
        for text in ["2026-11-22", "2026-11-22T00:00:00", "2026-11-22T01:00:00+01:00"] {
            assert_eq!(time(text).expect(text), day);
        }
        assert!(time("today").is_err());
    }
}
