//! What is in use at the target without anybody behind it at the source.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use crate::model::account::{AccountKind, LinkState, TargetUser, address_key};
use crate::model::group::{GroupLinkState, TargetGroup};
use crate::model::identity::Presence;
use crate::model::ids::{SourceAnchor, TargetId};
use crate::model::leaving::LeaveEvent;
use crate::model::orphan::{OrphanAccount, OrphanGroup, OrphanReason, Orphans};
use crate::plan::outside::{Everybody, Time, outside};
use crate::plan::protect::Protection;
use crate::store::{AccountTie, GroupTie, PlanData, StoreError, Subjects};

use super::failure::CycleFailure;
use super::turn::Engine;

/// Finds employees who can sign in, and groups, without anybody behind them. Reads the lists of the
/// target once and compares them with links and snapshot; the source is not asked.
///
/// Employees count whose address is in one of `domains`; where none is given, in one of those that
/// the tenant calls its own, or that employees of this job have addresses in.
///
/// # Errors
/// The target's and the store's; [`StoreError::Pinned`] if the store belongs to another tenant.
pub async fn orphans(engine: &Engine, domains: &[String]) -> Result<Orphans, CycleFailure> {
    let tenant = engine.target.account().await?;
    let pins = engine.store.job().await?.pins;
    if let Some(stored) = pins.and_then(|pins| pins.account_id)
        && !stored.eq_ignore_ascii_case(&tenant.account_id)
    {
        let found = tenant.account_id;
        return Err(StoreError::Pinned { what: "ShareFile account", stored, found }.into());
    }
    let ties = engine.store.account_ties().await?;
    let domains = match domains {
        [] => company_domains(&tenant.employee_domains, &ties),
        named => named.iter().map(|name| name.trim_start_matches('@').to_lowercase()).collect(),
    };
    let everybody = engine.store.plan_data(Subjects::All, engine.clock.now()).await?;
    let outside = outside(
        &engine.settings.rules,
        Everybody {
            users: &everybody.users,
            assignments: &everybody.assignments,
            memberships: &everybody.memberships,
            edges: &everybody.edges,
            groups: &everybody.groups,
            time: Time { now: engine.clock.now(), ahead_ms: engine.source.clock_ahead_ms() },
        },
    );
    let behind = Behind {
        ties: ties.into_iter().map(|tie| (tie.target_id.clone(), tie)).collect(),
        addresses: addresses(everybody, &outside),
        outside,
        protection: Protection::new(Some(&tenant), &engine.settings.rules.guard.protected),
    };
    // By id, because some rows come twice where a list broke off and was read again.
    let mut employees: HashSet<TargetId> = HashSet::new();
    let mut accounts: HashMap<TargetId, OrphanAccount> = HashMap::new();
    let mut each = |account: TargetUser| {
        let counts = account.kind == AccountKind::Employee && !account.disabled;
        if counts && account.id != tenant.service_user && domains.contains(&domain(&account)) {
            if let Some(orphan) = behind.of_account(&account) {
                accounts.insert(account.id.clone(), orphan);
            }
            employees.insert(account.id);
        }
    };
    engine.target.list_users(&mut each).await?;
    let mut groups = engine.target.list_groups().await?;
    groups.retain(|group| Some(&group.id) != tenant.super_group.as_ref());
    let ties = engine.store.group_ties().await?;
    let group_ties = ties.into_iter().map(|tie| (tie.target_id.clone(), tie)).collect();

    let mut accounts: Vec<OrphanAccount> = accounts.into_values().collect();
    accounts.sort_by_cached_key(|account| (address_key(&account.address), account.target_id.key()));
    let own = |group: &TargetGroup| group.owner.as_ref() == Some(&tenant.service_user);
    let mut found: Vec<OrphanGroup> =
        groups.iter().filter_map(|group| orphan_group(group, &group_ties, own(group))).collect();
    found.sort_by_cached_key(|group| (group.name.to_lowercase(), group.target_id.key()));
    Ok(Orphans {
        domains: domains.into_iter().collect(),
        employees: employees.len() as u64,
        accounts,
        groups_seen: groups.len() as u64,
        groups: found,
    })
}

/// How somebody is out of scope.
type Left = (SourceAnchor, LeaveEvent);

/// Returns every value in the snapshot that can be an address, in the form of [`address_key`], with
/// who left if nobody has it who is in scope.
fn addresses(
    everybody: PlanData,
    outside: &HashMap<SourceAnchor, LeaveEvent>,
) -> HashMap<String, Option<Left>> {
    let mut addresses: HashMap<String, Option<Left>> = HashMap::new();
    for person in everybody.users {
        let left = outside.get(&person.anchor).map(|event| (person.anchor, *event));
        for value in person.attributes.texts().filter(|value| value.contains('@')) {
            match addresses.entry(address_key(value)) {
                Entry::Vacant(free) => {
                    free.insert(left);
                }
                Entry::Occupied(mut known) if left.is_none() => {
                    known.insert(None);
                }
                Entry::Occupied(_) => {}
            }
        }
    }
    addresses
}

/// Who is behind accounts.
struct Behind<'a> {
    ties: HashMap<TargetId, AccountTie>,
    addresses: HashMap<String, Option<Left>>,
    outside: HashMap<SourceAnchor, LeaveEvent>,
    protection: Protection<'a>,
}

impl Behind<'_> {
    /// Returns what is wrong with an employee who can sign in, if nobody is behind the account.
    fn of_account(&self, account: &TargetUser) -> Option<OrphanAccount> {
        let (why, left) = match self.ties.get(&account.id) {
            // Who cannot be read is there.
            Some(tie) if stands(tie.presence) => {
                // An account that was not taken back is as the policy wants it, or waits.
                let event =
                    self.outside.get(&tie.anchor).filter(|_| tie.state != LinkState::Active);
                (OrphanReason::OutOfScope, Some((tie.anchor, Some(*event?))))
            }
            Some(tie) => (OrphanReason::Gone, Some((tie.anchor, None))),
            None => match self.addresses.get(&address_key(account.address())) {
                // Held, perhaps, but somebody.
                Some(None) => return None,
                Some(Some((anchor, event))) => {
                    (OrphanReason::OutOfScope, Some((*anchor, Some(*event))))
                }
                None => (OrphanReason::Unlinked, None),
            },
        };
        let names = [1, 2].into_iter().filter_map(|place| account.values.get(place));
        Some(OrphanAccount {
            target_id: account.id.clone(),
            address: account.address().to_owned(),
            name: names.collect::<Vec<_>>().join(" "),
            why,
            event: left.and_then(|(_, event)| event),
            anchor: left.map(|(anchor, _)| anchor),
            protected: self.protection.of_account(account),
        })
    }
}

/// Returns the domain of an account's address, in lower case.
fn domain(account: &TargetUser) -> String {
    let domain = account.address().rsplit_once('@').map(|(_, domain)| domain);
    domain.unwrap_or_default().to_lowercase()
}

fn orphan_group(
    group: &TargetGroup,
    ties: &HashMap<TargetId, GroupTie>,
    own: bool,
) -> Option<OrphanGroup> {
    let (why, anchor) = match ties.get(&group.id) {
        Some(tie) if tie.state == GroupLinkState::Active && stands(tie.presence) => return None,
        Some(tie) => (OrphanReason::Gone, Some(tie.anchor)),
        None => (OrphanReason::Unlinked, None),
    };
    Some(OrphanGroup {
        target_id: group.id.clone(),
        name: group.name.clone(),
        why,
        anchor,
        own,
        members: group.members,
    })
}

fn stands(presence: Option<Presence>) -> bool {
    matches!(presence, Some(Presence::Present | Presence::Unread))
}

/// Returns the domains of the company: those that the tenant names, and those in which employees of
/// this job have addresses. Those of clients are their own.
fn company_domains(named: &[String], ties: &[AccountTie]) -> BTreeSet<String> {
    let employs =
        |tie: &&AccountTie| tie.state == LinkState::Active && tie.kind == AccountKind::Employee;
    let used = ties.iter().filter(employs);
    let used = used.filter_map(|tie| tie.address.rsplit_once('@'));
    named.iter().cloned().chain(used.map(|(_, domain)| domain.to_lowercase())).collect()
}
