//! What people do at ShareFile by hand between cycles.

use serde_json::json;
use sharefile_provisioner::model::account::{Link, LinkState};
use sharefile_provisioner::sandbox::Sandbox;
use sharefile_provisioner::sandbox::sharefile::{AccountKind, AccountView, NewAccount};

use super::dice::Dice;
use super::steps::Directory;
use super::truth::Hand;
use super::watch::Watch;

/// Lets somebody do something by hand, and says what. Accounts of which the job itself does not know
/// yet whether it made them are left alone.
pub fn step(
    sandbox: &Sandbox,
    dice: &mut Dice,
    directory: &mut Directory,
    links: &[Link],
    watch: &Watch,
    hand: &mut Hand,
) -> Option<String> {
    let open = watch.open();
    let mut accounts = sandbox.sharefile.accounts();
    accounts
        .retain(|account| !account.deleted && !account.service_user && !open.contains(&account.id));
    let link_of = |account: &AccountView| {
        links.iter().find(|link| link.target_id.as_str().eq_ignore_ascii_case(&account.id))
    };
    let (ours, others): (Vec<_>, Vec<_>) =
        accounts.into_iter().partition(|account| link_of(account).is_some());
    hand.unseen = true;
    match dice.below(10) {
        0..=3 => Some(appear(sandbox, dice, directory, watch, hand)),
        4..=6 => {
            let account = dice.pick(&others)?;
            edit_other(sandbox, dice, account, hand)
        }
        _ => {
            let account = dice.pick(&ours)?;
            let link = link_of(account)?;
            edit_ours(sandbox, dice, account, link, hand)
        }
    }
}

/// An account appears, perhaps with an address that somebody has or will have.
fn appear(
    sandbox: &Sandbox,
    dice: &mut Dice,
    directory: &mut Directory,
    watch: &Watch,
    hand: &mut Hand,
) -> String {
    let people = sandbox.entra.people();
    let someones = dice.pick(&people).and_then(|person| person.mail()).map(str::trim);
    let address = match (dice.below(10), someones) {
        (0..=3, Some(mail)) if mail.contains('@') => mail.to_uppercase(),
        (4..=6, _) => directory.coming_address(),
        (7, _) => "vip@contoso.example".to_owned(),
        _ => directory.fresh_address(),
    };
    if sandbox.sharefile.account_of(&address).is_some() {
        return format!("nobody could make an account for {address}: it is taken");
    }
    if watch.is_creating(&address) {
        return format!("nobody makes an account for {address} yet");
    }
    let disabled = dice.chance(20);
    let roles = if dice.chance(12) { vec!["AdminAccountPolicies".to_owned()] } else { Vec::new() };
    let kind = dice.weighed(&[(3, AccountKind::Employee), (1, AccountKind::Client)]);
    let said = format!("{kind:?} {address} appears by hand (disabled {disabled}, {roles:?})");
    let id = sandbox.sharefile.add_account(NewAccount {
        email: address,
        first_name: "Hand".to_owned(),
        last_name: "Made".to_owned(),
        company: "By hand".to_owned(),
        kind,
        disabled,
        roles,
        confirmed: true,
    });
    if disabled {
        hand.disabled.insert(id.clone());
    }
    if dice.chance(12) {
        let other = directory.coming_address();
        let patch = json!({ "other_addresses": [other] });
        if sandbox.sharefile.edit_account(&id, patch).is_ok() {
            return format!("{said}, with {other} as well");
        }
    }
    if dice.chance(8) {
        sandbox.sharefile.edit_account(&id, json!({ "super_user": true })).expect("an edit");
        return format!("{said}, a super user");
    }
    said
}

/// Somebody changes an account that is none of the job's business.
fn edit_other(
    sandbox: &Sandbox,
    dice: &mut Dice,
    account: &AccountView,
    hand: &mut Hand,
) -> Option<String> {
    let founder = account.master_admin || account.billing_contact || account.super_user;
    let who = &account.email;
    let edit = |patch| sandbox.sharefile.edit_account(&account.id, patch).expect("an edit");
    match dice.below(8) {
        0..=2 => {
            edit(json!({ "first_name": format!("Hand {}", dice.below(9)) }));
            Some(format!("{who} is renamed by hand"))
        }
        3 if !founder => {
            sandbox.sharefile.remove_account(&account.id);
            Some(format!("{who} is removed by hand"))
        }
        4 if !founder => {
            let kind = other_kind(account.kind);
            edit(json!({ "kind": kind }));
            Some(format!("{who} becomes {kind:?} by hand"))
        }
        5..=6 if !founder => Some(toggle(sandbox, account, hand)),
        7 if !founder => {
            edit(json!({ "super_user": true }));
            Some(format!("{who} becomes a super user by hand"))
        }
        _ => None,
    }
}

/// Somebody changes an account of the job.
fn edit_ours(
    sandbox: &Sandbox,
    dice: &mut Dice,
    account: &AccountView,
    link: &Link,
    hand: &mut Hand,
) -> Option<String> {
    let who = &account.email;
    let edit = |patch| sandbox.sharefile.edit_account(&account.id, patch).expect("an edit");
    match dice.below(8) {
        0..=2 if link.state == LinkState::Disabled && account.disabled => {
            edit(json!({ "disabled": false }));
            hand.enabled.insert(account.id.clone());
            Some(format!("{who}, whom the job disabled, is enabled by hand"))
        }
        0..=2 if link.state != LinkState::Disabled => Some(toggle(sandbox, account, hand)),
        3..=4 => {
            sandbox.sharefile.remove_account(&account.id);
            Some(format!("{who}, an account of the job, is removed by hand"))
        }
        5 => {
            let kind = other_kind(account.kind);
            edit(json!({ "kind": kind }));
            Some(format!("{who}, an account of the job, becomes {kind:?} by hand"))
        }
        6..=7 => {
            for name in ["FirstName", "Company"] {
                hand.drifted.insert((account.id.clone(), name));
            }
            edit(json!({ "first_name": "Drifted", "company": "Drifted" }));
            Some(format!("{who}, an account of the job, is renamed by hand"))
        }
        _ => None,
    }
}

fn toggle(sandbox: &Sandbox, account: &AccountView, hand: &mut Hand) -> String {
    let disabled = !account.disabled;
    let patch = json!({ "disabled": disabled });
    sandbox.sharefile.edit_account(&account.id, patch).expect("an edit");
    if disabled {
        hand.disabled.insert(account.id.clone());
        hand.enabled.remove(&account.id);
    } else {
        hand.disabled.remove(&account.id);
        hand.enabled.insert(account.id.clone());
    }
    format!("{} is {} by hand", account.email, if disabled { "disabled" } else { "enabled" })
}

fn other_kind(kind: AccountKind) -> AccountKind {
    match kind {
        AccountKind::Employee => AccountKind::Client,
        AccountKind::Client => AccountKind::Employee,
    }
}
