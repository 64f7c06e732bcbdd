//! Whether a write is one that a plan announced: the call, the object, and nothing that the plan
//! does not name.

use std::collections::BTreeSet;

use serde_json::Value;
use sharefile_provisioner::model::account::{AccountKind, Link, TargetAttribute};
use sharefile_provisioner::model::group::GroupLink;
use sharefile_provisioner::model::ids::TargetId;
use sharefile_provisioner::model::plan::{GroupCall, GroupWrite, Member, PlannedChange, Write};
use sharefile_provisioner::sandbox::counts::WriteRecord;

use super::groups::{Groups, group_of, named_members};

/// What the plans of a cycle name only by what comes of them.
pub struct Known<'a> {
    /// Links of people, before and after the cycle.
    pub links: [&'a [Link]; 2],
    /// Links of groups, before and after the cycle.
    pub groups: [&'a [GroupLink]; 2],
    /// All groups after the cycle.
    pub now: &'a Groups,
}

impl Known<'_> {
    /// Returns the accounts that a member may have.
    fn accounts<'b>(&'b self, member: &'b Member) -> impl Iterator<Item = String> + 'b {
        let linked = self
            .links
            .into_iter()
            .flatten()
            .filter(|link| member.target_id.is_none() && Some(link.anchor) == member.person);
        let ids = linked.map(|link| &link.target_id).chain(&member.target_id);
        ids.map(|id| id.as_str().to_owned())
    }

    /// Returns whether a group is the one that a change is about.
    fn is_of(&self, id: &str, change: &PlannedChange, write: &GroupWrite) -> bool {
        if let Some(target_id) = &write.target_id {
            return is(target_id, id);
        }
        let mut links = self.groups.into_iter().flatten();
        let linked = links.any(|link| {
            is(&link.target_id, id) && (link.anchor, link.part) == (change.anchor, write.part)
        });
        // Made in this very cycle, and not linked before the end came.
        let made = |name: &str| {
            self.now
                .shared
                .get(id)
                .is_some_and(|group| group.name == name && group.owner == self.now.service)
        };
        linked || matches!(&write.call, GroupCall::Create { name, .. } if made(name))
    }
}

fn is(target_id: &TargetId, id: &str) -> bool {
    target_id.as_str().eq_ignore_ascii_case(id)
}

/// Returns whether one of the changes announces a write.
pub fn announces(changes: &[PlannedChange], write: &WriteRecord, known: &Known<'_>) -> bool {
    if write.path.starts_with("/sf/v3/Users/Employees/Downgrade") {
        return downgrades(changes, write);
    }
    changes.iter().any(|change| match &change.write {
        Write::Group(planned) => of_group(change, planned, write, known),
        planned => of_person(planned, write),
    })
}

/// Several are downgraded in one call, each of them announced.
fn downgrades(changes: &[PlannedChange], write: &WriteRecord) -> bool {
    let announced = |id: &Value| {
        changes.iter().any(|change| match &change.write {
            Write::Downgrade { target_id, .. } => id.as_str().is_some_and(|id| is(target_id, id)),
            _ => false,
        })
    };
    write.body["UserIds"].as_array().is_some_and(|ids| ids.iter().all(announced))
}

fn of_group(
    change: &PlannedChange,
    planned: &GroupWrite,
    write: &WriteRecord,
    known: &Known<'_>,
) -> bool {
    let Some(path) = group_of(write) else { return false };
    let within = |members: &[Member]| {
        let all: BTreeSet<String> =
            members.iter().flat_map(|member| known.accounts(member)).collect();
        named_members(write).is_subset(&all)
    };
    let named = |name: &str| write.body["Name"].as_str() == Some(name);
    match (write.method.as_str(), path.id, path.contacts, &planned.call) {
        ("POST", None, false, GroupCall::Create { name, members, .. }) => {
            named(name) && within(members)
        }
        // Whoever is refused within the create comes by a call of their own, or not at all.
        (
            "POST",
            Some(id),
            true,
            GroupCall::Create { members, .. } | GroupCall::Add { members },
        ) => known.is_of(id, change, planned) && within(members),
        ("DELETE" | "POST", Some(id), true, GroupCall::Remove { members }) => {
            known.is_of(id, change, planned) && within(members)
        }
        ("PATCH", Some(id), false, GroupCall::Rename { name }) => {
            known.is_of(id, change, planned) && named(name)
        }
        ("DELETE", Some(id), false, GroupCall::Delete) => known.is_of(id, change, planned),
        _ => false,
    }
}

fn of_person(planned: &Write, write: &WriteRecord) -> bool {
    let path = write.path.split('?').next().unwrap_or_default();
    let path = path.strip_prefix("/sf/v3/").unwrap_or_default();
    let whose = path.strip_prefix("Users/AccountUser(").or_else(|| path.strip_prefix("Users("));
    let id = whose.and_then(|rest| rest.strip_suffix(')'));
    match (write.method.as_str(), id, planned) {
        ("POST", None, Write::Create { kind, values }) => {
            let at = match kind {
                AccountKind::Employee => "Users/AccountUser",
                AccountKind::Client => "Users",
            };
            let said = |attribute: TargetAttribute| values.get(attribute.index());
            path == at && only(&write.body, &|attribute| said(attribute).map(Some))
        }
        ("PATCH", Some(id), Write::Update { target_id, values, enable, promote }) => {
            let security = write.body["Security"]["IsDisabled"].as_bool();
            let said = |attribute: TargetAttribute| {
                let value = values.iter().find(|(name, _)| *name == attribute);
                value.map(|(_, value)| value.as_deref())
            };
            is(target_id, id)
                && security == enable.then_some(false)
                && write.body["IsEmployee"].as_bool() == promote.then_some(true)
                && only(&write.body, &said)
        }
        ("PATCH", Some(id), Write::Disable { target_id }) => {
            is(target_id, id)
                && write.body["Security"]["IsDisabled"].as_bool() == Some(true)
                && only(&write.body, &|_| None)
        }
        ("DELETE", Some(id), Write::Delete { target_id, .. }) => is(target_id, id),
        _ => false,
    }
}

/// Returns whether a body has no attribute but those that are said, with these values.
fn only<'a>(body: &Value, said: &dyn Fn(TargetAttribute) -> Option<Option<&'a str>>) -> bool {
    let members = body.as_object().into_iter().flatten();
    members.filter(|(name, _)| *name != "Security" && *name != "IsEmployee").all(|(name, value)| {
        let attribute = TargetAttribute::parse(name);
        let value = value.as_str();
        attribute.and_then(said).is_some_and(|said| Some(said.unwrap_or_default()) == value)
    })
}
