//! `users.match`: how the account of a person who has one already is found.

use crate::model::account::TargetAttribute;
use crate::plan::rules::{Adopt, MatchPart, MatchRule};

use super::expressions::{OF_USERS, Purpose};
use super::layers::Node;
use super::reader::{Reader, Section};

/// The attributes of accounts that rules compare.
const MATCHED: [TargetAttribute; 4] = [
    TargetAttribute::Email,
    TargetAttribute::FirstName,
    TargetAttribute::LastName,
    TargetAttribute::Company,
];

const ADOPT: [(&str, Adopt); 3] =
    [("always", Adopt::Always), ("report", Adopt::Report), ("never", Adopt::Never)];

/// The keys of a rule.
const RULE: &[&str] = &["target", "source", "all", "adopt", "required"];

impl Reader<'_> {
    /// Reads the matching rules; at least one.
    pub(super) fn matching(&mut self, users: &mut Section) -> Option<Vec<MatchRule>> {
        let hint = "Give at least one rule, as { target = \"Email\", source = \"[mail]\" }.";
        let Some(node) = users.take("match") else {
            self.missing(users, "match", hint);
            return None;
        };
        let entries = self.list(node.clone())?;
        if entries.is_empty() {
            let message = "without a matching rule, people who have an account could not be found";
            self.wrong(&node, message, Some(hint.to_owned()));
            return None;
        }
        let count = entries.len();
        let rules: Vec<MatchRule> =
            entries.into_iter().filter_map(|entry| self.match_rule(entry)).collect();
        (rules.len() == count).then_some(rules)
    }

    fn match_rule(&mut self, entry: Node) -> Option<MatchRule> {
        let mut section = self.table(entry.clone(), RULE);
        let adopt = section.take("adopt");
        let required = section.take("required");
        let required = self.flag(required, false);
        let parts = match section.take("all") {
            None => {
                let (part, node) = self.match_part(&mut section)?;
                self.not_constant(&[&part], &node)?;
                vec![part]
            }
            Some(all) => {
                for key in ["target", "source"] {
                    if let Some(node) = section.take(key) {
                        let message = format!("a rule has either `all` or `{key}`");
                        let hint = "Put it into the list.".to_owned();
                        self.wrong(&node, &message, Some(hint));
                    }
                }
                self.match_parts(all)?
            }
        };
        // A name is no proof that it is the same person.
        let by_address = parts.iter().any(|part| part.target == TargetAttribute::Email);
        let absent = if by_address { Adopt::Always } else { Adopt::Report };
        let given = adopt.clone();
        let adopt = self.word(adopt, absent, &ADOPT);
        if let (Some(node), Some(Adopt::Always), false, [part]) =
            (&given, adopt, by_address, parts.as_slice())
        {
            let name = part.target.name();
            let message = format!(
                "{name} alone says nothing of who somebody is: accounts of others would be taken over"
            );
            let hint = "Compare more with `all`, or write \"report\", so that a person is asked.";
            self.wrong(node, &message, Some(hint.to_owned()));
            return None;
        }
        Some(MatchRule { parts, adopt: adopt?, required: required? })
    }

    fn match_parts(&mut self, all: Node) -> Option<Vec<MatchPart>> {
        let entries = self.list(all.clone())?;
        let count = entries.len();
        let mut parts: Vec<MatchPart> = Vec::new();
        for entry in entries {
            let mut section = self.table(entry.clone(), &["target", "source"]);
            let Some((part, _)) = self.match_part(&mut section) else { continue };
            if parts.iter().any(|known| known.target == part.target) {
                let message = format!("{} is compared a second time", part.target.name());
                self.wrong(&entry, &message, Some("Keep one of the entries.".to_owned()));
                continue;
            }
            parts.push(part);
        }
        if count == 0 {
            let message = "without anything to compare, everybody would match every account";
            let hint = "Give at least one, as { target = \"Email\", source = \"[mail]\" }.";
            self.wrong(&all, message, Some(hint.to_owned()));
            return None;
        }
        if parts.len() != count {
            return None;
        }
        self.not_constant(&parts.iter().collect::<Vec<_>>(), &all)?;
        Some(parts)
    }

    fn match_part(&mut self, section: &mut Section) -> Option<(MatchPart, Node)> {
        let target = self.target(section, &MATCHED);
        let (source, node) = self.expression(section, &OF_USERS, Purpose::Matching)?;
        Some((MatchPart { target: target?, source }, node))
    }

    /// Refuses a rule that is the same for everybody.
    fn not_constant(&mut self, parts: &[&MatchPart], node: &Node) -> Option<()> {
        if parts.iter().all(|part| part.source.attributes().is_empty()) {
            let message = "a constant would match everybody with one and the same account";
            self.wrong(node, message, Some("Give an attribute, as `[mail]`.".to_owned()));
            return None;
        }
        Some(())
    }
}
