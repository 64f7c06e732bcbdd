//! What changes are called, and whom they speak of.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::{Change, Deed, NewObject, Place, Stage};

/// The verbs of a change, and what goes with each.
pub(super) const VERBS: &[(&str, &[&str])] = &[
    ("join", &[]),
    ("leave", &[]),
    ("rename", &["to", "mail"]),
    ("edit", &["set"]),
    ("disable", &[]),
    ("enable", &[]),
    ("delete", &[]),
    ("purge", &[]),
    ("restore", &[]),
    ("assign", &["role"]),
    ("unassign", &[]),
    ("add_group", &[]),
    ("edit_group", &["set"]),
    ("delete_group", &[]),
    ("restore_group", &[]),
    ("add_members", &["members"]),
    ("remove_members", &["members"]),
    ("add_account", &[]),
    ("edit_account", &["set"]),
    ("remove_account", &[]),
    ("fault", &[]),
    ("clear_faults", &[]),
    ("entra", &[]),
    ("sharefile", &[]),
    ("end_deltas", &[]),
    ("end_tokens", &[]),
];

impl fmt::Display for Deed {
    /// Writes what is done, without details, as `rename ada@contoso.com`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Join(new) => write!(f, "join {}", new.name("userPrincipalName")),
            Self::AddGroup(new) => write!(f, "add_group {}", new.name("displayName")),
            Self::Leave(who) => write!(f, "leave {who}"),
            Self::Rename(who, set) => {
                let name = set.get("displayName").and_then(Value::as_str).unwrap_or_default();
                write!(f, "rename {who} to {name}")
            }
            Self::Edit(who, _) => write!(f, "edit {who}"),
            Self::Enable(who, true) => write!(f, "enable {who}"),
            Self::Enable(who, false) => write!(f, "disable {who}"),
            Self::Delete(who) => write!(f, "delete {who}"),
            Self::Purge(who) => write!(f, "purge {who}"),
            Self::Restore(who) => write!(f, "restore {who}"),
            Self::Assign(who, role) => write!(f, "assign {who} as {role}"),
            Self::Unassign(who) => write!(f, "unassign {who}"),
            Self::AddMembers(group, members) => {
                write!(f, "add_members {group}: {}", members.join(", "))
            }
            Self::RemoveMembers(group, members) => {
                write!(f, "remove_members {group}: {}", members.join(", "))
            }
            Self::EditGroup(group, _) => write!(f, "edit_group {group}"),
            Self::DeleteGroup(group) => write!(f, "delete_group {group}"),
            Self::RestoreGroup(group) => write!(f, "restore_group {group}"),
            Self::AddAccount(new) => {
                write!(f, "add_account {}", new.get("email").and_then(Value::as_str).unwrap_or(""))
            }
            Self::EditAccount(address, _) => write!(f, "edit_account {address}"),
            Self::RemoveAccount(address) => write!(f, "remove_account {address}"),
            Self::Fault(fault) => {
                let kind = serde_json::to_value(fault.kind).unwrap_or_default();
                write!(f, "fault {}", kind.as_str().unwrap_or_default())
            }
            Self::ClearFaults => write!(f, "clear_faults"),
            Self::Entra(_) => write!(f, "entra"),
            Self::Sharefile(_) => write!(f, "sharefile"),
            Self::EndDeltas => write!(f, "end_deltas"),
            Self::EndTokens => write!(f, "end_tokens"),
        }
    }
}

/// Who is known at some point of a story, besides those who are there at its beginning.
#[derive(Default)]
struct Known {
    people: BTreeSet<String>,
    groups: BTreeSet<String>,
    accounts: BTreeSet<String>,
}

impl Known {
    fn learn(&mut self, deed: &Deed) {
        let mut person = |attributes: &Map<String, Value>| {
            let names = ["userPrincipalName", "mail", "id"].iter();
            let texts = names.filter_map(|name| attributes.get(*name)).filter_map(Value::as_str);
            self.people.extend(texts.map(str::to_lowercase));
        };
        let id = |new: &NewObject| new.id.map(|id| id.to_string());
        match deed {
            Deed::Join(new) => {
                person(&new.attributes);
                self.people.extend(id(new));
            }
            Deed::Rename(_, set) | Deed::Edit(_, set) => person(set),
            Deed::AddGroup(new) => {
                self.groups.insert(new.name("displayName").to_lowercase());
                self.groups.extend(id(new));
            }
            Deed::EditGroup(_, set) => {
                let name = set.get("displayName").and_then(Value::as_str);
                self.groups.extend(name.map(str::to_lowercase));
            }
            Deed::AddAccount(value) | Deed::EditAccount(_, value) => {
                let email = value.get("email").and_then(Value::as_str);
                self.accounts.extend(email.map(str::to_lowercase));
            }
            _ => {}
        }
    }
}

/// Returns a problem for every change that speaks of somebody whom nobody knows by then.
///
/// Accounts may be made by the client that is tried out: those are not asked for.
pub(super) fn strangers(changes: &[Change], stage: &Stage) -> Vec<(Place, String)> {
    let mut sorted: Vec<&Change> = changes.iter().collect();
    sorted.sort_by_key(|change| change.after);
    let mut known = Known::default();
    let mut problems = Vec::new();
    for Change { place, deed, .. } in sorted {
        let person = |who: &str| {
            known.people.contains(&who.to_lowercase()) || stage.entra.person(who).is_some()
        };
        let group = |which: &str| {
            known.groups.contains(&which.to_lowercase()) || stage.entra.group(which).is_some()
        };
        let mut miss = |found: bool, what: &str, key: &str| {
            if !found {
                problems.push((*place, format!("there is no {what} `{key}` by then")));
            }
        };
        match deed {
            Deed::Leave(who)
            | Deed::Rename(who, _)
            | Deed::Edit(who, _)
            | Deed::Enable(who, _)
            | Deed::Delete(who)
            | Deed::Purge(who)
            | Deed::Restore(who) => miss(person(who), "person", who),
            Deed::Assign(who, _) | Deed::Unassign(who) => {
                miss(person(who) || group(who), "person or group", who);
            }
            Deed::EditGroup(which, _) | Deed::DeleteGroup(which) | Deed::RestoreGroup(which) => {
                miss(group(which), "group", which);
            }
            Deed::AddMembers(which, members) | Deed::RemoveMembers(which, members) => {
                miss(group(which), "group", which);
                for member in members {
                    miss(person(member) || group(member), "person or group", member);
                }
            }
            Deed::Join(new) => {
                for which in &new.others {
                    miss(group(which), "group", which);
                }
            }
            Deed::AddGroup(new) => {
                for member in &new.others {
                    miss(person(member) || group(member), "person or group", member);
                }
            }
            _ => {}
        }
        if let Deed::Assign(_, role) = deed {
            miss(stage.entra.role(role).is_ok(), "role", role);
        }
        if let Deed::Join(NewObject { role: Some(role), .. })
        | Deed::AddGroup(NewObject { role: Some(role), .. }) = deed
        {
            miss(stage.entra.role(role).is_ok(), "role", role);
        }
        known.learn(deed);
    }
    problems
}
