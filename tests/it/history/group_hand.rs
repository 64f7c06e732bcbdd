//! What people do to ShareFile's groups by hand between cycles.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sharefile_provisioner::model::group::GroupLink;
use sharefile_provisioner::sandbox::Sandbox;
use sharefile_provisioner::sandbox::sharefile::{GroupView, NewGroup};
use uuid::Uuid;

use super::dice::Dice;
use super::steps::{Directory, recased};
use super::truth::Hand;

/// Lets somebody do something to a group by hand, and says what. `open` are groups of which the job
/// itself does not know yet whether it made them.
pub fn step(
    sandbox: &Sandbox,
    dice: &mut Dice,
    directory: &Directory,
    links: &[GroupLink],
    open: &BTreeSet<String>,
    hand: &mut Hand,
) -> Option<String> {
    let mut groups = sandbox.sharefile.groups();
    groups.retain(|group| !group.super_group && !open.contains(&group.id));
    let link_of = |group: &GroupView| links.iter().find(|link| link.target_id.as_str() == group.id);
    let (ours, others): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|group| link_of(group).is_some());
    hand.unseen = true;
    match dice.below(10) {
        0..=2 => Some(appear(sandbox, dice, directory)),
        3 => {
            let group = dice.pick(&others)?;
            edit_other(sandbox, dice, group)
        }
        _ => {
            let group = dice.pick(&ours)?;
            let anchor = link_of(group)?.anchor.0;
            edit_ours(sandbox, dice, group, anchor, open, hand)
        }
    }
}

/// A group appears, perhaps with a name that another one has or will have.
fn appear(sandbox: &Sandbox, dice: &mut Dice, directory: &Directory) -> String {
    let teams = sandbox.entra.groups();
    let name_of = |group: &sharefile_provisioner::sandbox::graph::views::GroupView| {
        group.attributes.get("displayName").and_then(Value::as_str).map(str::to_owned)
    };
    let name = match dice.below(3) {
        0 => dice.pick(&teams).and_then(name_of),
        1 => Some(directory.coming_group()),
        _ => None,
    };
    let name = name.unwrap_or_else(|| format!("By hand {}", dice.below(5)));
    let name = recased(dice, name.trim());
    let members = accounts(sandbox, dice, 3, &[]);
    let said = format!("the group {name} appears by hand, with {}", members.len());
    let group = NewGroup { name, owner: None, shared: true, members };
    sandbox.sharefile.add_group(&group).expect("a group");
    said
}

/// Somebody changes a group that is none of the job's business.
fn edit_other(sandbox: &Sandbox, dice: &mut Dice, group: &GroupView) -> Option<String> {
    let edit = |patch| sandbox.sharefile.edit_group(&group.id, patch).expect("an edit");
    match dice.below(4) {
        0 => {
            let name = format!("By hand {}", dice.below(5));
            edit(json!({ "name": name }));
            Some(format!("the group {}, of others, becomes {name}", group.name))
        }
        1 => {
            let mut members = group.members.clone();
            members.extend(accounts(sandbox, dice, 2, &group.members));
            edit(json!({ "members": members }));
            Some(format!("somebody is put into the group {}, of others", group.name))
        }
        _ => {
            sandbox.sharefile.remove_group(&group.id);
            Some(format!("the group {}, of others, is deleted", group.name))
        }
    }
}

/// Somebody changes a group of the job.
fn edit_ours(
    sandbox: &Sandbox,
    dice: &mut Dice,
    group: &GroupView,
    anchor: Uuid,
    open: &BTreeSet<String>,
    hand: &mut Hand,
) -> Option<String> {
    let edit = |patch| sandbox.sharefile.edit_group(&group.id, patch).expect("an edit");
    let pair = |account: &str| (group.id.clone(), account.to_owned());
    let name = &group.name;
    match dice.below(7) {
        0..=1 => {
            let mut new = accounts(sandbox, dice, 1, &group.members);
            new.retain(|account| !open.contains(account));
            let account = new.pop()?;
            let mut members = group.members.clone();
            members.push(account.clone());
            edit(json!({ "members": members }));
            if !hand.groups.removed.remove(&pair(&account)) {
                hand.groups.added.insert(pair(&account));
            }
            Some(format!("{account} is put into {name}, a group of the job, by hand"))
        }
        2..=3 => {
            let account = dice.pick(&group.members)?;
            let rest: Vec<&String> = group.members.iter().filter(|one| *one != account).collect();
            edit(json!({ "members": rest }));
            if !hand.groups.added.remove(&pair(account)) {
                hand.groups.removed.insert(pair(account));
            }
            Some(format!("{account} is taken out of {name}, a group of the job, by hand"))
        }
        4..=5 => {
            let new = format!("By hand {}", dice.below(5));
            edit(json!({ "name": new }));
            hand.groups.renamed.insert(group.id.clone());
            Some(format!("{name}, a group of the job, becomes {new} by hand"))
        }
        _ => {
            sandbox.sharefile.remove_group(&group.id);
            hand.lost.insert(anchor);
            Some(format!("{name}, a group of the job, is deleted by hand"))
        }
    }
}

/// Returns up to `most` accounts, without `but`.
fn accounts(sandbox: &Sandbox, dice: &mut Dice, most: usize, but: &[String]) -> Vec<String> {
    let mut all = sandbox.sharefile.accounts();
    all.retain(|account| !account.deleted && !account.service_user && !but.contains(&account.id));
    let mut some = BTreeSet::new();
    for _ in 0..most {
        some.extend(dice.pick(&all).map(|account| account.id.clone()));
    }
    some.into_iter().collect()
}
