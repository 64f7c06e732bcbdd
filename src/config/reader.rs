//! Reads merged values as what each key takes, and collects every problem on the way.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::document::{Step, Way};
use super::duration;
use super::environment::Environment;
use super::layers::{Content, Layers, Node, Spot, typed};
use super::problem::{Problem, listed, nearest, suggest};

/// A reading in progress. Every method that returns `None` has reported why.
pub(super) struct Reader<'a> {
    pub(super) layers: &'a Layers,
    pub(super) environment: &'a Environment,
    /// The folder to which relative paths belong.
    pub(super) folder: PathBuf,
    /// Secrets are read; otherwise only where they are is checked.
    pub(super) secrets: bool,
    /// What `DefaultDomain` gives, if the configuration says it.
    pub(super) default_domain: Option<String>,
    pub(super) problems: Vec<Problem>,
}

/// A table whose keys are taken one by one.
pub(super) struct Section {
    way: Way,
    /// The layer that gave it; `None` if none did.
    layer: Option<usize>,
    fields: BTreeMap<String, Node>,
    /// The value is no table, which has been reported: its keys are not missed.
    broken: bool,
}

impl Section {
    /// Takes a key out.
    pub(super) fn take(&mut self, key: &str) -> Option<Node> {
        self.fields.remove(key)
    }

    /// Takes a key out whose value is a text.
    pub(super) fn take_text(&mut self, key: &str) -> Option<Node> {
        let is_text = |node: &Node| matches!(node.content, Content::Text(_));
        self.fields.get(key).is_some_and(is_text).then(|| self.fields.remove(key)).flatten()
    }

    /// Returns whether a key is given.
    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }

    /// Takes all keys out, sorted.
    pub(super) fn take_all(&mut self) -> Vec<(String, Node)> {
        std::mem::take(&mut self.fields).into_iter().collect()
    }
}

/// Which of several alternatives is given.
pub(super) enum Choice {
    /// None of them.
    None,
    /// This one.
    One(&'static str, Node),
    /// Several by one hand, or by a value that is no table: reported.
    Refused,
}

impl Reader<'_> {
    /// Reports a problem with a value.
    pub(super) fn wrong(&mut self, node: &Node, message: &str, suggestion: Option<String>) {
        let mut problem = self.layers.problem(node.layer, &node.way, Spot::Value, message);
        problem.suggestion = suggestion;
        self.problems.push(problem);
    }

    /// Reports a problem with a part of a value: `excerpt` shows the part.
    pub(super) fn wrong_at(
        &mut self,
        node: &Node,
        message: &str,
        suggestion: Option<String>,
        excerpt: String,
    ) {
        let mut problem = self.layers.problem(node.layer, &node.way, Spot::Value, message);
        problem.suggestion = suggestion;
        problem.excerpt = Some(excerpt);
        self.problems.push(problem);
    }

    /// Reports a key that has to be given.
    pub(super) fn missing(&mut self, section: &Section, key: &str, suggestion: &str) {
        if section.broken {
            return;
        }
        let mut problem = self.layers.missing(section.layer, &section.way, key);
        problem.suggestion = Some(suggestion.to_owned());
        self.problems.push(problem);
    }

    /// Reads a table, reporting keys that it does not know. A table that is not there is empty.
    pub(super) fn section(
        &mut self,
        parent: &mut Section,
        key: &str,
        known: &[&'static str],
    ) -> Section {
        match parent.take(key) {
            Some(node) => self.table(node, known),
            None => {
                let mut way = parent.way.clone();
                way.push(Step::Key(key.to_owned()));
                Section { way, layer: None, fields: BTreeMap::new(), broken: parent.broken }
            }
        }
    }

    /// Reads a value as a table, reporting keys that it does not know.
    pub(super) fn table(&mut self, node: Node, known: &[&'static str]) -> Section {
        let mut section = self.free_table(node);
        let unknown = |key: &&String| !known.contains(&key.as_str());
        let keys: Vec<String> = section.fields.keys().filter(unknown).cloned().collect();
        for key in keys {
            let Some(node) = section.take(&key) else {
                continue;
            };
            let mut problem = self.layers.problem(node.layer, &node.way, Spot::Key, "unknown key");
            problem.suggestion = Some(suggest(&key, known));
            self.problems.push(problem);
        }
        section
    }

    /// Reads a value as a table whose keys are free.
    pub(super) fn free_table(&mut self, node: Node) -> Section {
        let node = self.typed(node);
        match node.content {
            Content::Table(fields) => {
                Section { way: node.way, layer: Some(node.layer), fields, broken: false }
            }
            _ => {
                self.unexpected(&node, "a table");
                Section {
                    way: node.way,
                    layer: Some(node.layer),
                    fields: BTreeMap::new(),
                    broken: true,
                }
            }
        }
    }

    /// Returns which of the alternatives is given; what a stronger layer says replaces what a
    /// weaker one says.
    pub(super) fn choose(&mut self, section: &mut Section, keys: &[&'static str]) -> Choice {
        let mut given: Vec<(&'static str, Node)> =
            keys.iter().filter_map(|key| Some((*key, section.take(key)?))).collect();
        let rank = |node: &Node| self.layers.rank(node.layer);
        let Some(highest) = given.iter().map(|(_, node)| rank(node)).max() else {
            return if section.broken { Choice::Refused } else { Choice::None };
        };
        given.retain(|(_, node)| rank(node) == highest);
        if given.len() > 1 {
            let words: Vec<&str> = given.iter().map(|(key, _)| *key).collect();
            let message = format!("only one of {} can be given", listed(&words, "and"));
            if let Some((_, node)) = given.last() {
                let mut problem = self.layers.problem(node.layer, &node.way, Spot::Key, &message);
                problem.suggestion = Some("Remove the others.".to_owned());
                self.problems.push(problem);
            }
            return Choice::Refused;
        }
        given.pop().map_or(Choice::None, |(key, node)| Choice::One(key, node))
    }

    /// Reads a text that is not blank; surrounding white space is dropped.
    pub(super) fn text(&mut self, node: &Node) -> Option<String> {
        let Content::Text(text) = &node.content else {
            let number = matches!(node.content, Content::Whole(_) | Content::Fraction);
            let hint = number.then(|| "Write it in quotes.".to_owned());
            self.unexpected_with(node, "text", hint);
            return None;
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            self.wrong(node, "the text is empty", None);
            return None;
        }
        Some(trimmed.to_owned())
    }

    /// Reads a key that has to be given as text.
    pub(super) fn required_text(
        &mut self,
        section: &mut Section,
        key: &str,
        suggestion: &str,
    ) -> Option<(String, Node)> {
        let Some(node) = section.take(key) else {
            self.missing(section, key, suggestion);
            return None;
        };
        let text = self.text(&node)?;
        Some((text, node))
    }

    /// Reads `true` or `false`; without the key it is `absent`.
    pub(super) fn flag(&mut self, node: Option<Node>, absent: bool) -> Option<bool> {
        let Some(node) = node else {
            return Some(absent);
        };
        let node = self.typed(node);
        match node.content {
            Content::Flag(flag) => Some(flag),
            _ => {
                self.unexpected(&node, "`true` or `false`");
                None
            }
        }
    }

    /// Reads a whole number within limits; without the key it is `absent`.
    pub(super) fn number(
        &mut self,
        node: Option<Node>,
        absent: u32,
        limits: RangeInclusive<u32>,
    ) -> Option<u32> {
        let Some(node) = node else {
            return Some(absent);
        };
        let node = self.typed(node);
        let expected = format!("a whole number from {} to {}", limits.start(), limits.end());
        let Content::Whole(number) = node.content else {
            self.unexpected(&node, &expected);
            return None;
        };
        let number = u32::try_from(number).ok().filter(|number| limits.contains(number));
        if number.is_none() {
            self.wrong(&node, &format!("expected {expected}"), None);
        }
        number
    }

    /// Reads one of some words; without the key it is `absent`.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: Option<Node>,
        absent: T,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let Some(node) = node else {
            return Some(absent);
        };
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let expected = listed(&known, "or");
        let Content::Text(text) = &node.content else {
            self.unexpected(&node, &expected);
            return None;
        };
        let text = text.trim();
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let message = format!("expected {expected}");
        let near = nearest(text, known.iter().copied());
        self.wrong(&node, &message, near.map(|near| format!("Did you mean `{near}`?")));
        None
    }

    /// Reads a duration.
    pub(super) fn duration(&mut self, node: &Node) -> Option<Duration> {
        let text = match &node.content {
            Content::Whole(number) => number.to_string(),
            _ => self.text(node)?,
        };
        match duration::parse(&text) {
            Ok(duration) => Some(duration),
            Err(why) => {
                self.wrong(node, &why, None);
                None
            }
        }
    }

    /// Reads a list; in the environment and on the command line, commas may stand for it.
    pub(super) fn list(&mut self, node: Node) -> Option<Vec<Node>> {
        let node = self.typed(node);
        let untyped = self.layers.untyped(node.layer);
        match node.content {
            Content::List(entries) => Some(entries),
            Content::Text(text) if untyped && !text.trim_start().starts_with(['[', '{']) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                let entry = |(index, part): (usize, &str)| {
                    let mut way = node.way.clone();
                    way.push(Step::Index(index));
                    Node { way, layer: node.layer, content: Content::Text(part.to_owned()) }
                };
                Some(parts.enumerate().map(entry).collect())
            }
            _ => {
                self.unexpected(&node, "a list");
                None
            }
        }
    }

    /// Reads a text of an untyped layer as TOML, for keys that do not take text.
    pub(super) fn typed(&self, node: Node) -> Node {
        match &node.content {
            Content::Text(text) if self.layers.untyped(node.layer) => {
                typed(&node, text).unwrap_or(node)
            }
            _ => node,
        }
    }

    pub(super) fn unexpected(&mut self, node: &Node, expected: &str) {
        self.unexpected_with(node, expected, None);
    }

    fn unexpected_with(&mut self, node: &Node, expected: &str, suggestion: Option<String>) {
        let found = match &node.content {
            Content::Text(_) => "text",
            Content::Flag(_) => "`true` or `false`",
            Content::Whole(_) | Content::Fraction => "a number",
            Content::Table(_) => "a table",
            Content::List(_) => "a list",
            Content::Refused => return,
        };
        self.wrong(node, &format!("expected {expected}, found {found}"), suggestion);
    }
}
