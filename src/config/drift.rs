//! The section `[drift]`, compiled into rules.

use crate::model::account::TargetAttribute;
use crate::plan::rules::{DriftRules, DriftWord};

use super::problem::suggest;
use super::reader::{Reader, Section};

const WORDS: [(&str, DriftWord); 3] =
    [("report", DriftWord::Report), ("repair", DriftWord::Repair), ("ignore", DriftWord::Ignore)];

impl Reader<'_> {
    /// Reads what becomes of what others changed at the target.
    pub(super) fn drift(&mut self, root: &mut Section) -> Option<DriftRules> {
        let known = ["users", "attributes", "groups", "members"];
        let mut section = self.section(root, "drift", &known);
        let [users, groups, members] = ["users", "groups", "members"].map(|key| {
            let node = section.take(key);
            self.word(node, DriftWord::Report, &WORDS)
        });
        let mut attributes = Vec::new();
        let mut complete = true;
        if let Some(node) = section.take("attributes") {
            for (name, node) in self.free_table(node).take_all() {
                let target = TargetAttribute::parse(&name);
                if target.is_none() {
                    let names = TargetAttribute::ALL.map(TargetAttribute::name);
                    let message = format!("`{name}` is no attribute of an account");
                    self.wrong(&node, &message, Some(suggest(&name, &names)));
                }
                match target.zip(self.word(Some(node), DriftWord::Report, &WORDS)) {
                    Some(own) => attributes.push(own),
                    None => complete = false,
                }
            }
        }
        attributes.sort();
        let rules = DriftRules { users: users?, attributes, groups: groups?, members: members? };
        complete.then_some(rules)
    }
}
