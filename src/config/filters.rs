//! `scope.filter` and `scope.only`: who of the assigned people is let in.

use crate::plan::rules::{Clause, Filter, OPERATORS, Operand, Test, operand};

use super::attributes::{Unreadable, known_source_attribute};
use super::layers::{Content, Node};
use super::problem::suggest;
use super::reader::{Reader, Section};

impl Reader<'_> {
    /// Reads the entries of `[[scope.filter]]`.
    pub(super) fn filters(&mut self, scope: &mut Section) -> Option<Vec<Filter>> {
        let Some(node) = scope.take("filter") else {
            return Some(Vec::new());
        };
        let entries = self.list(node)?;
        let count = entries.len();
        let filters: Vec<Filter> =
            entries.into_iter().filter_map(|entry| self.filter(entry)).collect();
        (filters.len() == count).then_some(filters)
    }

    fn filter(&mut self, entry: Node) -> Option<Filter> {
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
            entries.into_iter().filter_map(|entry| self.clause(entry)).collect();
        let name = match name {
            Some(name) => Some(name?),
            None => None,
        };
        (clauses.len() == count).then_some(Filter { name, clauses })
    }

    fn clause(&mut self, entry: Node) -> Option<Clause> {
        let mut section = self.table(entry, &["attribute", "operator", "value"]);
        let attribute = self.attribute(&mut section);
        let hint = "Name an operator, as \"EQUALS\".";
        let operator = self.required_text(&mut section, "operator", hint);
        let value = section.take("value");
        let (operator, node) = operator?;
        let Some(operand) = operand(&operator) else {
            let message = format!("`{operator}` is no operator");
            self.wrong(&node, &message, Some(suggest(&operator, &OPERATORS)));
            return None;
        };
        let test = self.test(&section, (&operator, operand), value);
        Some(Clause { attribute: attribute?, test: test? })
    }

    fn attribute(&mut self, section: &mut Section) -> Option<String> {
        let hint = "Name an attribute of the user, as \"department\".";
        let (name, node) = self.required_text(section, "attribute", hint)?;
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let (message, hint) = match (known_source_attribute(&name), bare) {
            (Ok(()), _) => return Some(name),
            (_, Some(bare)) => {
                let message = "a clause names an attribute, and takes no expression".to_owned();
                (message, Some(format!("Write \"{bare}\".")))
            }
            (Err(Unreadable::Unknown(near)), None) => {
                let message = format!("`{name}` is no attribute of a user that can be read");
                (message, near.map(|near| format!("Did you mean `{near}`?")))
            }
            (Err(Unreadable::MultiValued), None) => {
                (format!("`{name}` has many values, and no clause compares them"), None)
            }
        };
        self.wrong(&node, &message, hint);
        None
    }

    fn test(
        &mut self,
        section: &Section,
        (operator, operand): (&str, Operand),
        value: Option<Node>,
    ) -> Option<Test> {
        let Some(node) = value else {
            if operand == Operand::None {
                return Test::new(operator, "").ok();
            }
            self.missing(section, "value", &format!("`{operator}` compares with a value."));
            return None;
        };
        if operand == Operand::None {
            let message = format!("`{operator}` takes no value");
            self.wrong(&node, &message, Some("Remove it.".to_owned()));
            return None;
        }
        let text = match (&node.content, operand) {
            (Content::Whole(number), Operand::Number) => number.to_string(),
            (Content::Flag(flag), _) => {
                let operator = if *flag { "IS TRUE" } else { "IS FALSE" };
                let hint = format!("Write the operator \"{operator}\", without a value.");
                self.wrong(&node, "values are texts", Some(hint));
                return None;
            }
            _ => self.text(&node)?,
        };
        match Test::new(operator, &text) {
            Ok(test) => Some(test),
            Err(why) => {
                self.wrong(&node, &why, None);
                None
            }
        }
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
