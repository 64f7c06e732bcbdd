//! The layers of a configuration, merged by figment: defaults, the file, `config.d`, the
//! environment, the command line. Every value remembers its layer.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Num, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::document::{self, Positions, Step, Way, dotted};
use super::environment::Environment;
use super::problem::{Problem, why_unreadable};
use super::{CONFIG_VARIABLE, Overrides, VARIABLE_PREFIX};

/// The built-in defaults.
const DEFAULTS: &str = include_str!("defaults.toml");

/// Where a layer comes from.
enum Origin {
    Defaults,
    File(PathBuf),
    Variable(String),
    CommandLine,
}

/// One layer, as a figment provider of its own.
struct Layer {
    origin: Origin,
    /// Layers of one rank were written by one hand: of alternatives, the higher rank wins, and
    /// two of one rank are a contradiction.
    rank: usize,
    label: String,
    values: Dict,
    positions: Option<Positions>,
}

impl Provider for &Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.label.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// A merged value, with the layer that it came from.
#[derive(Clone)]
pub(super) struct Node {
    /// The way from the root.
    pub(super) way: Way,
    /// The layer; of a table, the latest one that gave a part of it.
    pub(super) layer: usize,
    /// The value.
    pub(super) content: Content,
}

/// What a value is. It has no `Debug`, as it may be a secret in the wrong place.
#[derive(Clone)]
pub(super) enum Content {
    Text(String),
    Flag(bool),
    Whole(i128),
    /// A number that is not whole; its value is never needed.
    Fraction,
    Table(BTreeMap<String, Node>),
    List(Vec<Node>),
    /// A value that was already reported.
    Refused,
}

/// Where in the text a problem points to.
#[derive(Clone, Copy)]
pub(super) enum Spot {
    Key,
    Value,
}

/// All layers, the weakest first.
pub(super) struct Layers {
    layers: Vec<Layer>,
    /// What kept a layer from being read, and dates, which no key takes.
    pub(super) problems: Vec<Problem>,
    /// A layer could not be read: what follows from its absence is not worth reporting.
    pub(super) broken: bool,
    main: PathBuf,
}

impl Layers {
    /// Starts with the built-in defaults. `main` is where missing keys belong.
    pub(super) fn new(main: &Path) -> Self {
        let mut layers =
            Self { layers: Vec::new(), problems: Vec::new(), broken: false, main: main.to_owned() };
        layers.add_text(Origin::Defaults, DEFAULTS);
        layers
    }

    /// Adds the main file.
    pub(super) fn add_main(&mut self) {
        let path = self.main.clone();
        match std::fs::read(&path) {
            Ok(bytes) => self.add_bytes(&path, bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => self.refuse(
                &path,
                "there is no configuration file here".to_owned(),
                format!(
                    "Copy the annotated example `config/config.toml` there and fill it in, or \
                     name another file with `--config` or `{CONFIG_VARIABLE}`."
                ),
            ),
            Err(error) => self.refuse_unreadable(&path, &error),
        }
    }

    /// Adds the main file from a text that is already here.
    pub(super) fn add_main_text(&mut self, text: &str) {
        self.add_text(Origin::File(self.main.clone()), text);
    }

    /// Adds the files `config.d/*.toml` beside the main file, sorted by name.
    pub(super) fn add_folder(&mut self) {
        let folder = self.main.parent().unwrap_or(Path::new("")).join("config.d");
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => return self.refuse_unreadable(&folder, &error),
        };
        let mut paths = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => paths.push(entry.path()),
                Err(error) => self.refuse_unreadable(&folder, &error),
            }
        }
        paths.retain(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.ends_with(".toml") && !name.starts_with('.')
        });
        paths.sort();
        for path in paths {
            match std::fs::read(&path) {
                Ok(bytes) => self.add_bytes(&path, bytes),
                Err(error) => self.refuse_unreadable(&path, &error),
            }
        }
    }

    /// Adds the variables `SHAREFILE_PROVISIONER__SECTION__KEY`. Their values stay text: what a
    /// key takes decides how it is read.
    pub(super) fn add_environment(&mut self, environment: &Environment) {
        let rank = self.layers.len();
        for (name, rest, value) in environment.under(VARIABLE_PREFIX) {
            let mut keys: Vec<String> = Vec::new();
            for part in rest.split("__") {
                // The names of application roles are the customer's own, case included.
                let own = keys.iter().map(String::as_str).eq(["users", "type", "roles"]);
                keys.push(if own { part.to_owned() } else { part.to_ascii_lowercase() });
            }
            let origin = Origin::Variable(name.to_owned());
            self.push(origin, rank, nest(&keys, value.into()), None);
        }
    }

    /// Adds what the command line says. Values are text, as in the environment, but may be quoted
    /// as in TOML.
    pub(super) fn add_overrides(&mut self, overrides: &Overrides) {
        let rank = self.layers.len();
        for (key, value) in &overrides.sets {
            let keys: Vec<String> = key.split('.').map(|part| part.trim().to_owned()).collect();
            let quoted = value.trim_start().starts_with(['"', '\'']);
            let unquoted = quoted.then(|| document::parse_value(value)).flatten();
            let text = unquoted.and_then(Value::into_string).unwrap_or_else(|| value.clone());
            self.push(Origin::CommandLine, rank, nest(&keys, text.into()), None);
        }
    }

    /// Returns the merged values.
    pub(super) fn tree(&self) -> Node {
        let merged = self.layers.iter().fold(Figment::new(), |merged, layer| merged.merge(layer));
        let profiles = merged.data().unwrap_or_default();
        let values = profiles.get(&Profile::Default).cloned().unwrap_or_default();
        let layer = |value: &Value| {
            let metadata = merged.get_metadata(value.tag())?;
            self.layers.iter().position(|layer| layer.label == metadata.name)
        };
        convert(Vec::new(), &values.into(), &layer)
    }

    /// Returns the rank of a layer.
    pub(super) fn rank(&self, layer: usize) -> usize {
        self.layers.get(layer).map_or(0, |layer| layer.rank)
    }

    /// Returns whether values of a layer are text that is yet to be read.
    pub(super) fn untyped(&self, layer: usize) -> bool {
        let origin = self.layers.get(layer).map(|layer| &layer.origin);
        matches!(origin, Some(Origin::Variable(_) | Origin::CommandLine))
    }

    /// Returns a problem with a value of a layer.
    pub(super) fn problem(&self, layer: usize, way: &[Step], spot: Spot, message: &str) -> Problem {
        let mut problem = Problem {
            file: None,
            line: None,
            column: None,
            key: dotted(way),
            message: message.to_owned(),
            suggestion: None,
            excerpt: None,
        };
        let Some(layer) = self.layers.get(layer) else {
            return problem;
        };
        match &layer.origin {
            Origin::Defaults => problem.message.push_str(" (built-in default)"),
            Origin::File(path) => {
                problem.file = Some(path.clone());
                let positions = layer.positions.as_ref();
                let at = positions.and_then(|positions| match spot {
                    Spot::Key => positions.key(way),
                    Spot::Value => positions.value(way),
                });
                problem.line = at.map(|at| at.0);
                problem.column = at.map(|at| at.1);
            }
            Origin::Variable(name) => {
                problem.message.push_str(&format!(" (set by the environment variable `{name}`)"));
            }
            Origin::CommandLine => problem.message.push_str(" (set on the command line)"),
        }
        problem
    }

    /// Returns the problem that a table lacks a key. It points to the table: in the layer that
    /// gave it if it is an entry of a list, as lists are never merged; else in the latest file
    /// that has it.
    pub(super) fn missing(&self, layer: Option<usize>, table: &[Step], key: &str) -> Problem {
        let message = "this key is missing";
        let entry = table.iter().any(|step| matches!(step, Step::Index(_)));
        let holds = |layer: &Layer| {
            let positions = layer.positions.as_ref();
            let found = positions.and_then(|positions| positions.key(table)).is_some();
            found && matches!(layer.origin, Origin::File(_))
        };
        let place = if entry { layer } else { self.layers.iter().rposition(holds) };
        let mut way = table.to_vec();
        way.push(Step::Key(key.to_owned()));
        match place {
            Some(layer) => {
                let found = self.problem(layer, table, Spot::Key, message);
                Problem { key: dotted(&way), ..found }
            }
            None => Problem {
                file: Some(self.main.clone()),
                line: None,
                column: None,
                key: dotted(&way),
                message: message.to_owned(),
                suggestion: None,
                excerpt: None,
            },
        }
    }

    fn add_bytes(&mut self, path: &Path, bytes: Vec<u8>) {
        match String::from_utf8(bytes) {
            Ok(text) => self.add_text(Origin::File(path.to_owned()), &text),
            Err(_) => self.refuse(
                path,
                "the file is no UTF-8 text".to_owned(),
                "Save it as UTF-8.".to_owned(),
            ),
        }
    }

    fn add_text(&mut self, origin: Origin, text: &str) {
        let rank = self.layers.len();
        match document::parse(text) {
            Ok(parsed) => {
                let dates = parsed.dates;
                self.push(origin, rank, parsed.values, Some(parsed.positions));
                for way in dates {
                    let message = "a date was not expected here";
                    let mut problem =
                        self.problem(self.layers.len() - 1, &way, Spot::Value, message);
                    problem.suggestion = Some("If it is meant as text, write it in quotes.".into());
                    self.problems.push(problem);
                }
            }
            Err(refusal) => {
                let file = match origin {
                    Origin::File(path) => Some(path),
                    _ => None,
                };
                self.broken = true;
                self.problems.push(Problem {
                    file,
                    line: refusal.at.map(|at| at.0),
                    column: refusal.at.map(|at| at.1),
                    key: String::new(),
                    message: format!("this is no TOML: {}", refusal.message),
                    suggestion: None,
                    excerpt: None,
                });
            }
        }
    }

    fn push(&mut self, origin: Origin, rank: usize, values: Dict, positions: Option<Positions>) {
        let label = self.layers.len().to_string();
        self.layers.push(Layer { origin, rank, label, values, positions });
    }

    fn refuse_unreadable(&mut self, path: &Path, error: &std::io::Error) {
        let message = format!("this cannot be read: {}", why_unreadable(error));
        let remedy = match error.kind() {
            ErrorKind::IsADirectory => "Name the file in it.",
            _ => "Let the account that runs the daemon read it.",
        };
        self.refuse(path, message, remedy.to_owned());
    }

    fn refuse(&mut self, path: &Path, message: String, suggestion: String) {
        self.broken = true;
        self.problems.push(Problem {
            file: Some(path.to_owned()),
            line: None,
            column: None,
            key: String::new(),
            message,
            suggestion: Some(suggestion),
            excerpt: None,
        });
    }
}

/// Returns the tables that hold `value` under the keys.
fn nest(keys: &[String], value: Value) -> Dict {
    match keys.split_first() {
        Some((key, [])) => Dict::from([(key.clone(), value)]),
        Some((key, rest)) => Dict::from([(key.clone(), nest(rest, value).into())]),
        None => Dict::new(),
    }
}

fn whole(number: &Num) -> Content {
    let signed = number.to_i128();
    let unsigned = || number.to_u128().and_then(|number| i128::try_from(number).ok());
    signed.or_else(unsigned).map_or(Content::Fraction, Content::Whole)
}

/// Returns what a text of an untyped layer means to a key that does not take text: the value as
/// TOML spells it, under the same way.
pub(super) fn typed(node: &Node, text: &str) -> Option<Node> {
    let value = document::parse_value(text.trim())?;
    Some(convert(node.way.clone(), &value, &|_| Some(node.layer)))
}

/// Turns a figment value into a node; `layer` finds the layer of a value.
fn convert(way: Way, value: &Value, layer: &dyn Fn(&Value) -> Option<usize>) -> Node {
    let child = |step: Step, value: &Value| {
        let mut way = way.clone();
        way.push(step);
        convert(way, value, layer)
    };
    let content = match value {
        Value::String(_, text) => Content::Text(text.clone()),
        Value::Char(_, text) => Content::Text(text.to_string()),
        Value::Bool(_, flag) => Content::Flag(*flag),
        Value::Num(_, Num::F32(_) | Num::F64(_)) => Content::Fraction,
        Value::Num(_, number) => whole(number),
        Value::Empty(..) => Content::Refused,
        Value::Dict(_, dict) => {
            let field = |(key, value): (&String, &Value)| {
                (key.clone(), child(Step::Key(key.clone()), value))
            };
            Content::Table(dict.iter().map(field).collect())
        }
        Value::Array(_, entries) => {
            let entry = |(index, value): (usize, &Value)| child(Step::Index(index), value);
            Content::List(entries.iter().enumerate().map(entry).collect())
        }
    };
    let latest = match &content {
        Content::Table(fields) => fields.values().map(|node| node.layer).max(),
        _ => None,
    };
    Node { layer: latest.or_else(|| layer(value)).unwrap_or(0), way, content }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_said_with_what_to_do() {
        let mut layers = Layers::new(Path::new("config.toml"));
        for kind in [ErrorKind::IsADirectory, ErrorKind::PermissionDenied] {
            layers.refuse_unreadable(Path::new("config.d/10-site.toml"), &kind.into());
        }
        let told: Vec<String> = layers.problems.iter().map(Problem::to_string).collect();
        insta::assert_snapshot!(told.join("\n"), @r###"
    config.d/10-site.toml: this cannot be read: it is a folder. Name the file in it.
    config.d/10-site.toml: this cannot be read: this account may not read it. Let the account that runs the daemon read it.
    "###);
    }
}
