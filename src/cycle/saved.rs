//! A saved plan: applied exactly as it was seen, or refused.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::model::ids::{ContentHash, SourceAnchor, Timestamp};
use crate::model::plan::{ModifiedProperty, Plan, PlannedChange};

/// The version of the file format.
const FORMAT: u32 = 1;

/// The name that the file carries, so that another JSON file is not mistaken for a plan.
const KIND: &str = "sharefile-provisioner plan";

/// A plan as `plan --out` writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPlan {
    /// What the file is.
    pub kind: String,
    /// The version of its format.
    pub format: u32,
    /// When the plan was made.
    pub made_at: Timestamp,
    /// It was made from a full read, and needs one to be made again: the change feeds do not show
    /// what happened at the target.
    pub full: bool,
    /// The rules that it was made with.
    pub rules_hash: ContentHash,
    /// The changes, in order.
    pub changes: Vec<PlannedChange>,
}

/// Why a file is no saved plan.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// It is no JSON, or another shape.
    #[error("the file is not a plan that `plan --out` wrote")]
    NotAPlan(#[source] serde_json::Error),
    /// It was written by another version.
    #[error("the plan has format {found}, this program reads format {FORMAT}: make a new plan")]
    OtherFormat {
        /// The format of the file.
        found: u32,
    },
}

impl SavedPlan {
    /// Saves the changes of a plan; what the guard holds is not part of it.
    pub fn new(plan: &Plan, made_at: Timestamp) -> Self {
        Self {
            kind: KIND.to_owned(),
            format: FORMAT,
            made_at,
            full: plan.kind.reads_target(),
            rules_hash: plan.rules_hash,
            changes: plan.changes.clone(),
        }
    }

    /// Reads a plan from the text of its file.
    ///
    /// # Errors
    /// Says that the text is no plan, or one of another version.
    pub fn parse(text: &str) -> Result<Self, SavedPlanError> {
        let saved: Self = serde_json::from_str(text).map_err(SavedPlanError::NotAPlan)?;
        if saved.kind != KIND || saved.format != FORMAT {
            return Err(SavedPlanError::OtherFormat { found: saved.format });
        }
        Ok(saved)
    }

    /// Returns whom the saved plan is about, sorted, if `now` says the same of each of them.
    ///
    /// # Errors
    /// How `now` differs from what was saved, one sentence for each object; never empty.
    pub fn compare(&self, now: &Plan) -> Result<Vec<SourceAnchor>, Vec<String>> {
        let mut differences = Vec::new();
        if self.rules_hash != now.rules_hash {
            differences.push("the rules changed since the plan was made".to_owned());
        }
        // Few people have several changes in one plan: those who swap addresses.
        let mut changes: HashMap<SourceAnchor, Vec<&PlannedChange>> = HashMap::new();
        for change in &now.changes {
            changes.entry(change.anchor).or_default().push(change);
        }
        for saved in &self.changes {
            let now_planned = changes.get(&saved.anchor).map(Vec::as_slice).unwrap_or_default();
            let same = now_planned.iter().find(|change| change.hash == saved.hash);
            match same.or(now_planned.first()) {
                Some(change) if change.hash == saved.hash && change.seen == saved.seen => {}
                Some(change) => differences.push(difference(saved, change)),
                None => differences.push(absent(saved, now)),
            }
        }
        if !differences.is_empty() {
            return Err(differences);
        }
        let mut people: Vec<SourceAnchor> =
            self.changes.iter().map(|change| change.anchor).collect();
        people.sort_unstable();
        people.dedup();
        Ok(people)
    }
}

fn difference(saved: &PlannedChange, now: &PlannedChange) -> String {
    if saved.hash == now.hash {
        return format!("{}: the account in ShareFile was changed since", saved.label);
    }
    format!("{}: the plan said {}, now it would be {}", saved.label, describe(saved), describe(now))
}

fn absent(saved: &PlannedChange, now: &Plan) -> String {
    let hold =
        now.holds.iter().find(|hold| hold.items.iter().any(|item| item.anchor == saved.anchor));
    match hold {
        Some(hold) => format!(
            "{}: the plan said {}, now it is held ({})",
            saved.label,
            describe(saved),
            hold.kind.name()
        ),
        None => {
            format!("{}: the plan said {}, now nothing is to be done", saved.label, describe(saved))
        }
    }
}

fn describe(change: &PlannedChange) -> String {
    let set: Vec<String> = change.modified.iter().map(property).collect();
    if set.is_empty() {
        change.action.word().to_owned()
    } else {
        format!("{} ({})", change.action.word(), set.join(", "))
    }
}

fn property(property: &ModifiedProperty) -> String {
    format!("{} = {}", property.name, property.new.as_deref().unwrap_or("(none)"))
}
