//! `scope.filter`, `groups.filter` and `scope.only`: which of the assigned people and groups are let
//! in.

use crate::plan::rules::{Clause, Filter, MEMBER_OF, Many, OPERATORS, Operand, Operator, Test};

use super::attributes::Unreadable;
use super::expressions::Objects;
use super::layers::{Content, Node};
use super::problem::suggest;
use super::reader::{Reader, Section};

/// The keys of a clause.
const CLAUSE: &[&str] = &["attribute", "operator", "value", "values", "match"];

const MANY: [(&str, Many); 2] = [("any", Many::Any), ("all", Many::All)];

/// Returns what an operator compares with, in words.
fn right(operand: Operand) -> &'static str {
    match operand {
        Operand::Texts => "a list of values",
        Operand::Date => "`now`, a distance from it as `now-30d`, or a date",
        Operand::Group => "an assigned group, by its name or its id",
        Operand::None | Operand::Text | Operand::Pattern | Operand::Number => "a value",
    }
}

impl Reader<'_> {
    /// Reads the entries of `[[scope.filter]]` or `[[groups.filter]]`.
    pub(super) fn filters(&mut self, section: &mut Section, of: &Objects) -> Option<Vec<Filter>> {
        let Some(node) = section.take("filter") else {
            return Some(Vec::new());
        };
        let entries = self.list(node)?;
        let count = entries.len();
        let filters: Vec<Filter> =
            entries.into_iter().filter_map(|entry| self.filter(entry, of)).collect();
        (filters.len() == count).then_some(filters)
    }

    fn filter(&mut self, entry: Node, of: &Objects) -> Option<Filter> {
        let mut section = self.table(entry.clone(), &["name", "clauses"]);
        let name = section.take("name").map(|node| self.text(&node));
        let hint = "Give clauses, as [ { attribute = \"department\", operator = \"EQUALS\", \
                    value = \"Sales\" } ].";
        let Some(node) = section.take("clauses") else {
            self.missing(&section, "clauses", hint);
            return None;
        };
        let entries = self.list(node.clone())?;
        if entries.is_empty() {
            let message = "a filter without clauses would let everybody in";
            self.wrong(&node, message, Some(hint.to_owned()));
            return None;
        }
        let count = entries.len();
        let clauses: Vec<Clause> =
            entries.into_iter().filter_map(|entry| self.clause(entry, of)).collect();
        let name = match name {
            Some(name) => Some(name?),
            None => None,
        };
        (clauses.len() == count).then_some(Filter { name, clauses })
    }

    fn clause(&mut self, entry: Node, of: &Objects) -> Option<Clause> {
        let mut section = self.table(entry, CLAUSE);
        let attribute = section.take("attribute");
        let hint = "Name an operator, as \"EQUALS\".";
        let operator = self.required_text(&mut section, "operator", hint);
        let (value, values) = (section.take("value"), section.take("values"));
        let many = section.take("match");
        let known = operator.as_ref().and_then(|(text, _)| Operator::find(text));
        // Whoever writes NOT means that no value may be so.
        let absent = if known.is_some_and(Operator::is_negative) { Many::All } else { Many::Any };
        let many_of = self.word(many.clone(), absent, &MANY);
        let asks_group = known.is_some_and(|known| known.operand == Operand::Group);
        let attribute = match asks_group {
            true => self.group_clause(attribute, many),
            false => self.attribute(&section, attribute, of),
        };
        let (text, node) = operator?;
        let Some(known) = known else {
            let names: Vec<&str> = OPERATORS.iter().map(|known| known.name).collect();
            let near = suggest(&text.to_uppercase(), &names);
            self.wrong(&node, &format!("`{text}` is no operator"), Some(near));
            return None;
        };
        if asks_group && of.of_groups() {
            let message = "a group comes through no other group";
            self.wrong(&node, message, Some("Let a filter of [scope] ask this.".to_owned()));
            return None;
        }
        let test = self.test(&section, known, (value, values));
        Some(Clause { attribute: attribute?, test: test?, many: many_of? })
    }

    /// Reads what a clause that asks for a group says besides: nothing, or what is true anyway.
    fn group_clause(&mut self, attribute: Option<Node>, many: Option<Node>) -> Option<String> {
        if let Some(node) = &many {
            let message = "a person comes through a group, or does not: there are no values";
            self.wrong(node, message, Some("Remove it.".to_owned()));
        }
        if let Some(node) = &attribute {
            let text = self.text(node)?;
            if text != MEMBER_OF {
                let message = "a clause that asks for a group takes no attribute";
                self.wrong(node, message, Some("Remove it.".to_owned()));
                return None;
            }
        }
        Some(MEMBER_OF.to_owned())
    }

    fn attribute(&mut self, section: &Section, node: Option<Node>, of: &Objects) -> Option<String> {
        let Some(node) = node else {
            let hint = format!("Name an attribute of {}, as \"{}\".", of.a, of.attribute());
            self.missing(section, "attribute", &hint);
            return None;
        };
        let name = self.text(&node)?;
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let (message, hint) = match ((of.known)(&name), bare) {
            (Ok(()) | Err(Unreadable::MultiValued), _) => return Some(name),
            (_, Some(bare)) => {
                let message = "a clause names an attribute, and takes no expression".to_owned();
                (message, Some(format!("Write \"{bare}\".")))
            }
            (Err(Unreadable::Unknown(near)), None) => {
                let message = format!("`{name}` is no attribute of {} that can be read", of.a);
                (message, near.map(|near| format!("Did you mean `{near}`?")))
            }
        };
        self.wrong(&node, &message, hint);
        None
    }

    fn test(
        &mut self,
        section: &Section,
        operator: &Operator,
        (value, values): (Option<Node>, Option<Node>),
    ) -> Option<Test> {
        let Operator { name, operand } = operator;
        let (key, node, other) = match operand {
            Operand::Texts => ("values", values, value),
            _ => ("value", value, values),
        };
        if let Some(other) = other {
            let (message, hint) = match operand {
                Operand::None => (format!("`{name}` takes no value"), "Remove it.".to_owned()),
                Operand::Texts => {
                    let hint = "Write values = [\"…\", \"…\"].".to_owned();
                    (format!("`{name}` compares with a list"), hint)
                }
                _ => {
                    let hint = "Write value = \"…\"; a list is for `IN` and `NOT IN`.".to_owned();
                    (format!("`{name}` compares with one value"), hint)
                }
            };
            self.wrong(&other, &message, Some(hint));
            return None;
        }
        let Some(node) = node else {
            if *operand == Operand::None {
                return Test::new(operator, &[]).ok();
            }
            self.missing(section, key, &format!("`{name}` compares with {}.", right(*operand)));
            return None;
        };
        if *operand == Operand::None {
            let message = format!("`{name}` takes no value");
            self.wrong(&node, &message, Some("Remove it.".to_owned()));
            return None;
        }
        let texts = match operand {
            Operand::Texts => self.texts(node.clone())?,
            _ => vec![self.operand(&node, *operand)?],
        };
        match Test::new(operator, &texts) {
            Ok(test) => Some(test),
            Err(why) => {
                self.wrong(&node, &why, None);
                None
            }
        }
    }

    fn operand(&mut self, node: &Node, operand: Operand) -> Option<String> {
        match (&node.content, operand) {
            (Content::Whole(number), Operand::Number) => Some(number.to_string()),
            (Content::Flag(flag), _) => {
                let operator = if *flag { "IS TRUE" } else { "IS FALSE" };
                let hint = format!("Write the operator \"{operator}\", without a value.");
                self.wrong(node, "values are texts", Some(hint));
                None
            }
            _ => self.text(node),
        }
    }

    fn texts(&mut self, node: Node) -> Option<Vec<String>> {
        let entries = self.list(node.clone())?;
        if entries.is_empty() {
            let message = "an empty list is the same for everybody";
            self.wrong(&node, message, Some("Name at least one value.".to_owned()));
            return None;
        }
        let count = entries.len();
        let texts: Vec<String> =
            entries.iter().filter_map(|entry| self.operand(entry, Operand::Texts)).collect();
        (texts.len() == count).then_some(texts)
    }

    /// Reads `scope.only`: names in lower case, sorted, unique.
    pub(super) fn only(&mut self, scope: &mut Section) -> Option<Vec<String>> {
        let Some(node) = scope.take("only") else {
            return Some(Vec::new());
        };
        let entries = self.list(node.clone())?;
        if entries.is_empty() {
            let message = "an empty list would let nobody in";
            self.wrong(&node, message, Some("Remove the key to let everybody in.".to_owned()));
            return None;
        }
        let count = entries.len();
        let mut names: Vec<String> = Vec::new();
        for entry in entries {
            names.extend(self.text(&entry).map(|name| name.to_lowercase()));
        }
        if names.len() != count {
            return None;
        }
        names.sort();
        names.dedup();
        Some(names)
    }
}
