//! A plan, for people and for programs.

use serde_json::{Value, json};

use crate::model::group::GroupLinkState;
use crate::model::plan::{
    Drift, GroupCall, HeldItem, LinkAfter, ModifiedProperty, ObjectKind, Plan, PlannedChange,
    ProvisioningAction, Reason, Write,
};

use super::{Look, Tone, counted, trimmed};

/// Where the values of an attribute come from, as people read it: `[mail]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueRule {
    /// Of a person, or of a group.
    pub object: ObjectKind,
    /// The attribute, as changes name it.
    pub attribute: String,
    /// The expression, and what else decides.
    pub rule: String,
}

/// Returns a plan as text: what happens, by which rules, what waits, and the sum of it.
pub fn text(plan: &Plan, rules: &[ValueRule], look: Look) -> String {
    let mut text = String::new();
    if !plan.changes.is_empty() {
        let mut table = super::table(["ACTION", "WHO", "WHAT", "WHY"], look.width);
        for change in &plan.changes {
            let verb = look.paint(tone(change), verb(change));
            table.add_row([&verb, &change.label, &what(change, look), &why(change)]);
        }
        text.push_str(&trimmed(&table));
        text.push('\n');
        text.push_str(&values_from(plan, rules, look));
    }
    for hold in &plan.holds {
        let count = counted(hold.items.len() as u64, "object", "objects");
        let head = format!("Held, {} ({count}):", hold.kind.name());
        text.push_str(&format!("{} {}\n", look.paint(Tone::Waiting, &head), hold.message));
        let lines = super::held::lines(&hold.items, held);
        for line in lines.iter().take(20) {
            text.push_str(&format!("  {line}\n"));
        }
        if let Some(more) = lines.len().checked_sub(21) {
            text.push_str(&format!("  … and {} more\n", more + 1));
        }
        text.push('\n');
    }
    for drift in plan.drift.iter().take(20) {
        text.push_str(&format!("Changed by others: {}\n", drifted(drift)));
    }
    if let Some(more) = plan.drift.len().checked_sub(21) {
        text.push_str(&format!("  … and {} more\n", more + 1));
    }
    text.push_str(&summary(plan));
    text.push('\n');
    text
}

/// Returns the rule of each attribute that some change sets, a line each.
fn values_from(plan: &Plan, rules: &[ValueRule], look: Look) -> String {
    let sets = |rule: &&ValueRule| {
        let mut changes = plan.changes.iter().filter(|change| change.object == rule.object);
        changes.any(|change| change.modified.iter().any(|one| one.name == rule.attribute))
    };
    let used: Vec<&ValueRule> = rules.iter().filter(sets).collect();
    if used.is_empty() {
        return String::new();
    }
    let mut table = super::table(["VALUES OF", "COME FROM"], look.width);
    for rule in used {
        let of = match rule.object {
            ObjectKind::User => rule.attribute.clone(),
            ObjectKind::Group => format!("{} of groups", rule.attribute),
        };
        table.add_row([of, rule.rule.clone()]);
    }
    trimmed(&table) + "\n"
}

/// Returns the colour of a change.
fn tone(change: &PlannedChange) -> Tone {
    match verb(change) {
        "create" | "create group" | "add members" => Tone::New,
        "disable" | "downgrade" | "delete" | "delete group" | "remove members" => Tone::Old,
        _ => Tone::Changed,
    }
}

/// Returns what somebody else changed, as people read it.
fn drifted(drift: &Drift) -> String {
    let property = ModifiedProperty {
        name: drift.attribute.clone(),
        old: drift.expected.clone(),
        new: drift.found.clone(),
    };
    match (&drift.expected, &drift.found) {
        (Some(lost), None) if drift.attribute == "Member" => {
            format!("{}: {lost} is no longer a member", drift.label)
        }
        (None, Some(found)) if drift.attribute == "Member" => {
            format!("{}: {found} is a member", drift.label)
        }
        _ => format!("{}: {}", drift.label, modification(&property)),
    }
}

/// The words that people read for changes, people first, in the order in which they are applied;
/// members are counted one by one.
const VERBS: [&str; 17] = [
    "disable",
    "downgrade",
    "delete",
    "schedule",
    "note",
    "update",
    "promote",
    "enable",
    "link",
    "unlink",
    "create",
    "delete group",
    "unlink group",
    "link group",
    "release group",
    "rename group",
    "create group",
];

/// Returns the sum of a plan in one line.
pub fn summary(plan: &Plan) -> String {
    let count = |wanted: &str| plan.changes.iter().filter(|change| verb(change) == wanted).count();
    let mut parts: Vec<String> = VERBS
        .into_iter()
        .map(|word| (count(word), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} to {word}"))
        .collect();
    for (words, does) in [("remove members", "remove"), ("add members", "add")] {
        let of = plan.changes.iter().filter(|change| verb(change) == words);
        let number: u64 = of.map(|change| change.modified.len() as u64).sum();
        if number > 0 {
            parts.push(format!("{} to {does}", counted(number, "member", "members")));
        }
    }
    let held: usize = plan.holds.iter().map(|hold| hold.items.len()).sum();
    let mut line = match parts.is_empty() {
        true => "Nothing to do.".to_owned(),
        false => format!("Plan: {}.", parts.join(", ")),
    };
    if held > 0 {
        line.push_str(&format!(" {} held.", counted(held as u64, "object", "objects")));
    }
    if plan.counts.unread > 0 {
        let unread = counted(plan.counts.unread, "person", "people");
        line.push_str(&format!(" {unread} could not be read and are left as they are."));
    }
    if plan.counts.left_out > 0 {
        let left_out = counted(plan.counts.left_out, "person is", "people are");
        line.push_str(&format!(" {left_out} not in `scope.only`."));
    }
    if plan.counts.default_access_only > 0 {
        let people = counted(plan.counts.default_access_only, "person has", "people have");
        line.push_str(&format!(" {people} nothing but Default Access."));
    }
    line
}

/// Returns a plan as JSON: changes with the rule of each value, holds and counts.
pub fn json(plan: &Plan, rules: &[ValueRule]) -> Value {
    let change_json = |change: &PlannedChange| change_json(change, rules);
    json!({
        "kind": plan.kind,
        "rulesHash": plan.rules_hash,
        "changes": plan.changes.iter().map(&change_json).collect::<Vec<_>>(),
        "holds": plan.holds.iter().map(|hold| json!({
            "kind": hold.kind.name(),
            "message": hold.message,
            "approvable": hold.kind.approvable(),
            "items": hold.items.iter().map(|item| json!({
                "sourceId": item.anchor,
                "displayName": item.label,
                "detail": item.detail,
                "change": item.change.as_ref().map(&change_json),
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "drift": plan.drift.iter().map(|drift| json!({
            "object": drift.object,
            "sourceId": drift.anchor,
            "displayName": drift.label,
            "targetId": drift.target_id,
            "attribute": drift.attribute,
            "expected": drift.expected,
            "found": drift.found,
        })).collect::<Vec<_>>(),
        "counts": plan.counts,
    })
}

fn change_json(change: &PlannedChange, rules: &[ValueRule]) -> Value {
    let rule = |attribute: &str| {
        let mut known = rules.iter().filter(|rule| rule.object == change.object);
        known.find(|rule| rule.attribute == attribute).map(|rule| &rule.rule)
    };
    json!({
        "object": change.object,
        "action": change.action,
        "sourceId": change.anchor,
        "displayName": change.label,
        "targetId": change.target_id,
        "reasons": change.reasons.iter().map(Reason::sentence).collect::<Vec<_>>(),
        "modifiedProperties": change.modified.iter().map(|property| json!({
            "displayName": property.name,
            "oldValue": property.old,
            "newValue": property.new,
            "rule": rule(&property.name),
        })).collect::<Vec<_>>(),
        "hash": change.hash,
    })
}

/// Returns the word that people read for a change.
pub(super) fn verb(change: &PlannedChange) -> &'static str {
    if change.object == ObjectKind::Group {
        return group_verb(change);
    }
    match (change.action, &change.write) {
        (ProvisioningAction::Update, Write::Update { promote: true, .. }) => "promote",
        (ProvisioningAction::Update, Write::Update { enable: true, .. }) => "enable",
        (ProvisioningAction::StagedDelete, _) => "downgrade",
        (ProvisioningAction::Other, _) if change.link == LinkAfter::End => "unlink",
        (ProvisioningAction::Other, _) if schedules(&change.link) => "schedule",
        (ProvisioningAction::Other, _) if notes(&change.link) => "note",
        (ProvisioningAction::Other, _) => "link",
        (action, _) => action.word(),
    }
}

/// Returns the word that people read for a change of a group.
fn group_verb(change: &PlannedChange) -> &'static str {
    match &change.write {
        Write::Group(write) => match write.call {
            GroupCall::Create { .. } => "create group",
            GroupCall::Rename { .. } => "rename group",
            GroupCall::Add { .. } => "add members",
            GroupCall::Remove { .. } => "remove members",
            GroupCall::Delete => "delete group",
        },
        _ if matches!(change.link, LinkAfter::EndGroup { .. }) => "unlink group",
        _ if releases(&change.link) => "release group",
        _ => "link group",
    }
}

/// Returns whether a group is left to itself from now on.
fn releases(link: &LinkAfter) -> bool {
    matches!(link, LinkAfter::Group { state: GroupLinkState::Released, .. })
}

/// Returns who joins or leaves a group: `2 members: ada@…, bob@…`.
fn members(change: &PlannedChange) -> Option<String> {
    let names: Vec<&str> = super::held::members(change).collect();
    let count = counted(names.len() as u64, "member", "members");
    (!names.is_empty()).then(|| format!("{count}: {}", super::held::named(&names)))
}

/// Returns whether a link is to remember what is to come for a person who left.
fn schedules(link: &LinkAfter) -> bool {
    let LinkAfter::Keep { leaving: Some(leaving), .. } = link else {
        return false;
    };
    !leaving.next.is_empty()
}

/// Returns whether a link is to remember what became of a person, and nothing is to come of it.
fn notes(link: &LinkAfter) -> bool {
    matches!(link, LinkAfter::Keep { leaving: Some(_), .. })
}

fn what(change: &PlannedChange, look: Look) -> String {
    let kind = match &change.write {
        Write::Create { kind, .. } => Some(kind.word().to_owned()),
        _ => None,
    };
    let said = |property: &&ModifiedProperty| {
        // The word for the change says these already.
        let state = property.name == "Disabled" && verb(change) != "promote";
        !state && property.name != "IsEmployee" && property.name != "Member"
    };
    let set = change.modified.iter().filter(said);
    let set = set.map(|property| painted(property, look));
    let said = kind.into_iter().chain(set).chain(members(change));
    said.collect::<Vec<_>>().join(", ")
}

/// Returns a modification as people read it: `LastName Byron → Lovelace`.
pub(super) fn modification(property: &ModifiedProperty) -> String {
    painted(property, Look::default())
}

fn painted(property: &ModifiedProperty, look: Look) -> String {
    let new = look.paint(Tone::New, property.new.as_deref().unwrap_or("(none)"));
    match property.old.as_deref() {
        None => format!("{} {new}", property.name),
        Some(old) => format!("{} {} → {new}", property.name, look.paint(Tone::Old, old)),
    }
}

fn why(change: &PlannedChange) -> String {
    change.reasons.iter().map(Reason::sentence).collect::<Vec<_>>().join("; ")
}

fn held(item: &HeldItem) -> String {
    match (&item.change, item.detail.is_empty()) {
        (Some(change), true) => format!("{}: {}", item.label, verb(change)),
        (None, true) => item.label.clone(),
        _ => format!("{}: {}", item.label, item.detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_values_have_colours_where_they_are_understood() {
        let property = ModifiedProperty {
            name: "LastName".to_owned(),
            old: Some("Byron".to_owned()),
            new: Some("Lovelace".to_owned()),
        };
        let painted = painted(&property, Look { color: true, width: None });
        assert_eq!(painted, "LastName \u{1b}[31mByron\u{1b}[0m → \u{1b}[32mLovelace\u{1b}[0m");
        assert_eq!(console::strip_ansi_codes(&painted), modification(&property));
    }
}
