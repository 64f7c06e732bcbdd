//! A saved plan: applied exactly as it was seen, or refused.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::model::attribute::Named;
use crate::model::ids::{ContentHash, SourceAnchor, Timestamp};
use crate::model::plan::{ModifiedProperty, ObjectKind, Plan, PlannedChange};

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
        // Groups have several changes in one plan, and so have two people who swap addresses. Nothing
        // of an object may be left out, and nothing may be added.
        let mut open: HashMap<SourceAnchor, Vec<&PlannedChange>> = HashMap::new();
        for change in &now.changes {
            open.entry(change.anchor).or_default().push(change);
        }
        let mut missing = Vec::new();
        for saved in &self.changes {
            let left = open.get_mut(&saved.anchor);
            let same = |change: &&PlannedChange| change.hash == saved.hash;
            match left.and_then(|left| Some(left.swap_remove(left.iter().position(same)?))) {
                Some(change) if change.seen == saved.seen => {}
                Some(_) => differences.push(edited(saved)),
                None => missing.push(saved),
            }
        }
        for saved in missing {
            let left = open.get_mut(&saved.anchor).filter(|left| !left.is_empty());
            differences.push(match left {
                Some(left) => difference(saved, left.remove(0)),
                None => absent(saved, now),
            });
        }
        let mut people: Vec<SourceAnchor> =
            self.changes.iter().map(|change| change.anchor).collect();
        people.sort_unstable();
        people.dedup();
        for anchor in &people {
            let more = open.remove(anchor).unwrap_or_default();
            differences.extend(more.into_iter().map(added));
        }
        if !differences.is_empty() {
            return Err(differences);
        }
        Ok(people)
    }
}

fn edited(saved: &PlannedChange) -> String {
    let what = match saved.object {
        ObjectKind::User => "account",
        ObjectKind::Group => "group",
    };
    format!("{}: the {what} in ShareFile was changed since", saved.label)
}

fn difference(saved: &PlannedChange, now: &PlannedChange) -> String {
    let renewed = now.ids.iter().filter(|(target, now)| {
        let mut before = saved.ids.iter().filter(|(of, _)| of == target);
        let alike = |named: &Named| target.agree(Some(&named.name), Some(&now.name));
        before.any(|(_, before)| alike(before) && before.id != now.id)
    });
    let renewed: Vec<&str> = renewed.map(|(_, now)| now.name.as_str()).collect();
    if !renewed.is_empty() {
        let renewed = renewed.join(", ");
        return format!("{}: {renewed} is not what the plan meant by that name", saved.label);
    }
    format!("{}: the plan said {}, now it would be {}", saved.label, describe(saved), describe(now))
}

fn added(now: &PlannedChange) -> String {
    format!("{}: now it would also be {}, of which the plan said nothing", now.label, describe(now))
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
    match (property.name.as_str(), &property.old, &property.new) {
        ("Member", None, Some(comes)) => format!("Member + {comes}"),
        ("Member", Some(goes), None) => format!("Member - {goes}"),
        (name, _, new) => format!("{name} = {}", new.as_deref().unwrap_or("(none)")),
    }
}
