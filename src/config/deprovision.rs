//! The section `[users.deprovision]`: what becomes of the accounts of people who left.

use crate::model::leaving::Stage;
use crate::plan::rules::{Deprovision, Heirs, Later, Policy};

use super::connectors::is_address;
use super::layers::{Content, Node};
use super::problem::listed;
use super::reader::{Reader, Section};

/// The keys of a policy that is given as a table.
const POLICY: &[&str] = &["then", "after", "next", "reassign_items_to", "reassign_groups_to"];

/// What to write where somebody has to take over.
const TAKES_OVER: &str = "Give reassign_items_to and reassign_groups_to, as { then = \"disable\", \
     after = \"30d\", next = \"delete\", reassign_items_to = \"archive@contoso.com\", \
     reassign_groups_to = \"archive@contoso.com\" }.";

/// How long after the event a later stage may follow.
const AFTER_SECS: std::ops::RangeInclusive<u64> = 60..=3_650 * 86_400;

impl Reader<'_> {
    pub(super) fn deprovision(&mut self, users: &mut Section) -> Option<Deprovision> {
        let known = ["unassigned", "filtered", "disabled", "soft_deleted", "hard_deleted"];
        let mut section = self.section(users, "deprovision", &known);
        let [unassigned, filtered, disabled, soft_deleted, hard_deleted] = known.map(|event| {
            let node = section.take(event);
            node.map_or(Some(Policy::default()), |node| self.policy(node))
        });
        Some(Deprovision {
            unassigned: unassigned?,
            filtered: filtered?,
            disabled: disabled?,
            soft_deleted: soft_deleted?,
            hard_deleted: hard_deleted?,
        })
    }

    /// Reads a policy: a word, or a table with what happens at once and what happens later.
    fn policy(&mut self, node: Node) -> Option<Policy> {
        let node = self.typed(node);
        if !matches!(node.content, Content::Table(_)) {
            let stage = self.stage(&node)?;
            return self.with_heirs(&node, Policy::of(stage), None);
        }
        let mut section = self.table(node.clone(), POLICY);
        let then = section.take("then");
        let then = then.map_or(Some(Stage::default()), |node| self.stage(&node));
        let next = self.later(&node, &mut section, then);
        let heirs = self.heirs(&node, &mut section);
        let (then, later, heirs) = (then?, next?, heirs?);
        self.with_heirs(&node, Policy { then, later, heirs: None }, heirs)
    }

    fn stage(&mut self, node: &Node) -> Option<Stage> {
        let words = Stage::ALL.map(|stage| (stage.word(), stage));
        self.word(Some(node.clone()), Stage::default(), &words)
    }

    /// Reads what happens later: `after` and `next`, both or neither.
    fn later(
        &mut self,
        node: &Node,
        section: &mut Section,
        then: Option<Stage>,
    ) -> Option<Option<Later>> {
        let (after, next) = match (section.take("after"), section.take("next")) {
            (None, None) => return Some(None),
            (Some(after), Some(next)) => (after, next),
            (after, next) => {
                let (given, missing, hint) = match after {
                    Some(_) => ("after", "next", "Say what happens then, as next = \"delete\"."),
                    None => ("next", "after", "Say when, as after = \"30d\"."),
                };
                let message = format!("`{given}` without `{missing}`");
                let place = after.or(next).unwrap_or_else(|| node.clone());
                self.wrong(&place, &message, Some(hint.to_owned()));
                return None;
            }
        };
        let duration = self.duration(&after);
        let stage = self.stage(&next);
        let (duration, stage, then) = (duration?, stage?, then?);
        let after_ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        if !AFTER_SECS.contains(&duration.as_secs()) {
            self.wrong(&after, "expected a duration from 1 minute to 10 years", None);
            return None;
        }
        if stage <= then {
            let stricter: Vec<&str> =
                Stage::ALL.into_iter().filter(|stage| *stage > then).map(Stage::word).collect();
            let message =
                format!("\"{}\" does not go further than \"{}\"", stage.word(), then.word());
            let hint = match stricter.as_slice() {
                [] => "Remove `after` and `next`: nothing is left of the account.".to_owned(),
                words => format!("Write {}.", listed(words, "or")),
            };
            self.wrong(&next, &message, Some(hint));
            return None;
        }
        Some(Some(Later { after_ms, stage }))
    }

    /// Reads who takes over: both or neither.
    fn heirs(&mut self, node: &Node, section: &mut Section) -> Option<Option<Heirs>> {
        let keys = ["reassign_items_to", "reassign_groups_to"];
        let [items, groups] = keys.map(|key| section.take(key));
        match (items, groups) {
            (None, None) => Some(None),
            (Some(items), Some(groups)) => {
                let (items_to, groups_to) = (self.address(&items), self.address(&groups));
                Some(Some(Heirs { items_to: items_to?, groups_to: groups_to? }))
            }
            (items, groups) => {
                let (given, missing) = if items.is_some() {
                    ("reassign_items_to", "reassign_groups_to")
                } else {
                    ("reassign_groups_to", "reassign_items_to")
                };
                let place = items.or(groups).unwrap_or_else(|| node.clone());
                let message = format!("`{given}` without `{missing}`");
                let hint = format!("Add {missing} = \"archive@contoso.com\": it may be the same.");
                self.wrong(&place, &message, Some(hint));
                None
            }
        }
    }

    fn address(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        if is_address(&text) {
            return Some(text);
        }
        let hint = "Give the address of an employee in ShareFile.";
        self.wrong(node, "expected a mail address", Some(hint.to_owned()));
        None
    }

    /// Puts a policy together with those who take over: whoever is downgraded or deleted needs
    /// some, and nobody else has any.
    fn with_heirs(&mut self, node: &Node, policy: Policy, heirs: Option<Heirs>) -> Option<Policy> {
        let strict =
            [Stage::Delete, Stage::Downgrade].into_iter().find(|stage| policy.names(*stage));
        match (strict, &heirs) {
            (Some(stage), None) => {
                let message = format!(
                    "\"{}\" needs somebody who takes over: what nobody takes over is lost for good",
                    stage.word()
                );
                self.wrong(node, &message, Some(TAKES_OVER.to_owned()));
                None
            }
            (None, Some(_)) => {
                let message = "nobody is downgraded or deleted here, so nobody takes over";
                let hint =
                    "Remove reassign_items_to and reassign_groups_to, or add `after` and `next`.";
                self.wrong(node, message, Some(hint.to_owned()));
                None
            }
            _ => Some(Policy { heirs, ..policy }),
        }
    }
}
