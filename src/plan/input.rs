//! What planning knows, and what it asks for.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::account::{Link, TargetAccount, TargetUser, address_key};
use crate::model::attribute::{Named, TargetAttribute};
use crate::model::group::{GroupEdge, GroupStanding, Placement, SourceGroup};
use crate::model::identity::{AppRole, Assignment, Membership, SourceUser};
use crate::model::ids::{ContentHash, SourceAnchor, TargetId, Timestamp};
use crate::model::plan::{CycleKind, HoldKind};
use crate::model::row::AttributeRow;

use super::groups::{GroupNeeds, GroupView};
use super::index::Index;
use super::rules::Rules;

/// Everything that a plan is made from. Slices are sorted as noted; rows are borrowed.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// What was read.
    pub kind: CycleKind,
    /// The time by the clock of this host.
    pub now: Timestamp,
    /// How many milliseconds that clock is ahead of the source's, by the source's last answer;
    /// `None` if no answer told the time.
    pub clock_ahead_ms: Option<i64>,
    /// The compiled rules.
    pub rules: &'a Rules,
    /// The roles of the application.
    pub roles: &'a [AppRole],
    /// Who is planned; sorted, unique.
    pub subjects: &'a [SourceAnchor],
    /// Those of them whose account has to be read by id first; sorted.
    pub verify: &'a [SourceAnchor],
    /// Read every account by id that a change concerns: for plans that are saved.
    pub verify_all: bool,
    /// People and groups whose interrupted write nobody could look up: nothing is planned for them.
    /// Sorted.
    pub unsettled: &'a [SourceAnchor],
    /// The subjects as the snapshot has them; sorted by anchor.
    pub users: &'a [SourceUser],
    /// Assignment rows of the subjects and of all assigned groups; sorted.
    pub assignments: &'a [Assignment],
    /// Memberships of the subjects; sorted by person.
    pub memberships: &'a [Membership],
    /// Which groups are in which; sorted. Empty unless nested groups count.
    pub edges: &'a [GroupEdge],
    /// Links of the subjects; sorted by anchor.
    pub links: &'a [Link],
    /// What is known of groups.
    pub groups: GroupFacts<'a>,
    /// What is known of the target.
    pub target: &'a TargetView,
    /// Others can be planned as well, if it depends on them what a subject gets.
    pub companions: bool,
    /// Active links of the whole job.
    pub active_links: u64,
    /// Whose account was taken back within the last day without a person's approval, as far as the
    /// store tells; sorted.
    pub removed_today: &'a [SourceAnchor],
    /// Links that were active a day ago.
    pub active_a_day_ago: u64,
    /// The whole assignment list lets anybody in at all.
    pub anybody_assigned: bool,
    /// No plan of this job was ever applied.
    pub first_plan: bool,
    /// What the first plan began was not carried out to its end yet.
    pub catching_up: bool,
    /// The rules differ from those of the last applied plan.
    pub rules_changed: bool,
    /// The values of accounts whose creation waits for a person, with whose they are to be; empty
    /// unless mappings choose values that are free.
    pub reserved: &'a [(SourceAnchor, AttributeRow)],
    /// Hashes of changes that a person approved; sorted.
    pub approved: &'a [ContentHash],
    /// Changes that wait for a person's answer, with the hold they are in; sorted by hash.
    pub waiting: &'a [(ContentHash, HoldKind)],
    /// Changes that a person rejected, with the hold they were in; sorted by hash.
    pub rejected: &'a [(ContentHash, HoldKind)],
}

impl<'a> PlanInput<'a> {
    /// Returns an input with nobody in it, of a job that has applied a plan before, on a host whose
    /// clock is right. The caller adds what there is.
    pub fn of_nobody(rules: &'a Rules, target: &'a TargetView, now: Timestamp) -> Self {
        Self {
            kind: CycleKind::Full,
            now,
            clock_ahead_ms: Some(0),
            rules,
            roles: &[],
            subjects: &[],
            verify: &[],
            verify_all: false,
            unsettled: &[],
            users: &[],
            assignments: &[],
            memberships: &[],
            edges: &[],
            links: &[],
            groups: GroupFacts::default(),
            target,
            companions: false,
            active_links: 0,
            removed_today: &[],
            active_a_day_ago: 0,
            anybody_assigned: true,
            first_plan: false,
            catching_up: false,
            rules_changed: false,
            reserved: &[],
            approved: &[],
            waiting: &[],
            rejected: &[],
        }
    }
}

/// What planning knows of groups; empty unless the rules say what becomes of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct GroupFacts<'a> {
    /// Groups that are planned as a whole: all their members, and all who were put into them, are
    /// among the subjects. Sorted, unique.
    pub subjects: &'a [SourceAnchor],
    /// Those of them whose groups at the target have to be read by id first; sorted.
    pub verify: &'a [SourceAnchor],
    /// All groups of the snapshot; sorted by anchor.
    pub groups: &'a [SourceGroup],
    /// All live links of groups; sorted by anchor and part.
    pub links: &'a [GroupStanding],
    /// Which groups this job put the subjects into; sorted by person.
    pub placements: &'a [Placement],
    /// Groups that were deleted or emptied within the last day without a person's approval; sorted.
    pub retired_today: &'a [SourceAnchor],
}

/// An account together with what the store knows about its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAccount {
    /// The account as read.
    pub account: TargetUser,
    /// The person whose live link names it.
    pub linked_to: Option<SourceAnchor>,
    /// That person left: the account is kept, but not in use.
    pub owner_left: bool,
    /// People who once had it.
    pub before: Vec<SourceAnchor>,
}

/// What is known of the target in this cycle.
#[derive(Clone, Debug, Default)]
pub struct TargetView {
    accounts: Vec<KnownAccount>,
    by_id: Index,
    by_address: Index,
    absent_addresses: BTreeSet<String>,
    gone: BTreeSet<TargetId>,
    /// Accounts that a list shows without anything but their ids.
    there: BTreeSet<TargetId>,
    /// Accounts that could not be read, with the reason.
    unreadable: BTreeMap<TargetId, String>,
    /// Addresses that could not be looked up, with the reason.
    unanswered: BTreeMap<String, String>,
    /// What zones and policies are called, or why that could not be read; nothing of what was not
    /// asked for.
    pub names: BTreeMap<TargetAttribute, Result<Vec<Named>, String>>,
    /// What is known of the groups.
    pub groups: GroupView,
    /// The lists were read to the end: what is not known by address does not exist.
    pub complete: bool,
    /// The tenant, as last read.
    pub tenant: Option<TargetAccount>,
    /// Employees whom this job disabled, with their addresses; `None` if the store was not asked.
    pub idle_employees: Option<Vec<(TargetId, String)>>,
    /// The licences of `tenant` were read in this cycle.
    pub seats_fresh: bool,
    /// All of `tenant` was read in this cycle: who is protected is known as of now.
    pub tenant_fresh: bool,
}

/// An answer to "who has this address?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// Not asked yet.
    Unknown,
    /// Nobody.
    Absent,
    /// Asked, and there was no answer, for this reason.
    Failed(&'a str),
    /// These accounts.
    Found(Vec<&'a KnownAccount>),
}

impl TargetView {
    /// Adds an account, replacing what was known of it.
    pub fn add(&mut self, known: KnownAccount) {
        let id = known.account.id.clone();
        self.gone.remove(&id);
        self.unreadable.remove(&id);
        let addresses = addresses_of(&known.account);
        let position = match self.position(&id) {
            Some(position) => {
                if let Some(slot) = self.accounts.get_mut(position) {
                    for address in addresses_of(&slot.account) {
                        self.by_address.remove(&address, position);
                    }
                    *slot = known;
                }
                position
            }
            None => {
                self.by_id.insert(&id.key(), self.accounts.len());
                self.accounts.push(known);
                self.accounts.len() - 1
            }
        };
        for address in addresses {
            self.absent_addresses.remove(&address);
            self.unanswered.remove(&address);
            self.by_address.insert(&address, position);
        }
    }

    fn position(&self, target_id: &TargetId) -> Option<usize> {
        if self.accounts.is_empty() {
            return None;
        }
        let is = |position: &usize| {
            self.accounts.get(*position).is_some_and(|known| known.account.id == *target_id)
        };
        self.by_id.positions(&target_id.key()).find(is)
    }

    /// Notes that nobody has an address.
    pub fn note_absent(&mut self, address: &str) {
        self.absent_addresses.insert(address_key(address));
    }

    /// Notes that an account no longer exists: it was read by id, and is not there or deleted.
    pub fn note_gone(&mut self, target_id: &TargetId) {
        self.gone.insert(target_id.clone());
    }

    /// Notes that an account exists, of which nothing else is known.
    pub fn note_there(&mut self, target_id: &TargetId) {
        self.there.insert(target_id.clone());
    }

    /// Returns whether the lists were read to the end and do not show an account: it may be gone.
    pub fn misses(&self, target_id: &TargetId) -> bool {
        self.complete && self.by_id(target_id).is_none() && !self.there.contains(target_id)
    }

    /// Notes that an account could not be read by id: nothing is known of it, its absence least.
    pub fn note_unreadable(&mut self, target_id: &TargetId, why: String) {
        self.unreadable.insert(target_id.clone(), why);
    }

    /// Notes that nobody knows who has an address.
    pub fn note_unanswered(&mut self, address: &str, why: String) {
        self.unanswered.insert(address_key(address), why);
    }

    /// Returns why an account could not be read by id in this cycle, if that was tried.
    pub fn unreadable(&self, target_id: &TargetId) -> Option<&str> {
        self.unreadable.get(target_id).map(String::as_str)
    }

    /// Returns whether an account was read by id and does not exist.
    pub fn is_gone(&self, target_id: &TargetId) -> bool {
        self.gone.contains(target_id)
    }

    /// Returns what is known of an account.
    pub fn by_id(&self, target_id: &TargetId) -> Option<&KnownAccount> {
        self.accounts.get(self.position(target_id)?)
    }

    /// Returns who has an address.
    pub fn by_address(&self, address: &str) -> Lookup<'_> {
        let key = address_key(address);
        let has = |account: &TargetUser| addresses_of(account).contains(&key);
        let mut positions: Vec<usize> = self.by_address.positions(&key).collect();
        positions.sort_unstable();
        let found: Vec<&KnownAccount> = positions
            .into_iter()
            .filter_map(|position| self.accounts.get(position))
            .filter(|known| has(&known.account) && !self.is_gone(&known.account.id))
            .collect();
        if !found.is_empty() {
            Lookup::Found(found)
        } else if let Some(why) = self.unanswered.get(&key) {
            Lookup::Failed(why)
        } else if self.complete || self.absent_addresses.contains(&key) {
            Lookup::Absent
        } else {
            Lookup::Unknown
        }
    }

    /// Returns the account at a place in the order in which they were added.
    pub fn account_at(&self, place: usize) -> Option<&KnownAccount> {
        self.accounts.get(place)
    }

    /// Iterates over the accounts in the order in which they were added.
    pub fn accounts(&self) -> impl Iterator<Item = &KnownAccount> {
        self.accounts.iter()
    }
}

/// Returns all addresses of an account in the form of [`address_key`]; sorted, unique, none empty.
fn addresses_of(account: &TargetUser) -> Vec<String> {
    let others = account.other_addresses.iter().map(String::as_str);
    let mut addresses: Vec<String> =
        std::iter::once(account.address()).chain(others).map(address_key).collect();
    addresses.retain(|address| !address.is_empty());
    addresses.sort();
    addresses.dedup();
    addresses
}

/// The look-ups that a plan is missing. The caller answers all of them and plans again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Accounts to look up by address, in the form of [`address_key`].
    pub addresses: BTreeSet<String>,
    /// Accounts to read in full by id.
    pub target_ids: BTreeSet<TargetId>,
    /// Attributes of which it has to be known what they can name.
    pub names: BTreeSet<TargetAttribute>,
    /// The lists of all accounts.
    pub lists: bool,
    /// The tenant: it has not been read yet.
    pub tenant: bool,
    /// The licences: they have not been read in this cycle.
    pub seats: bool,
    /// Employees whom this job disabled: they hold licences.
    pub idle_employees: bool,
    /// People who have what a subject needs: to be planned as well.
    pub people: BTreeSet<SourceAnchor>,
    /// What is missing of groups.
    pub groups: GroupNeeds,
}

impl Needs {
    /// Returns whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        let of_accounts = !self.addresses.is_empty() || !self.target_ids.is_empty();
        let look_ups = of_accounts || !self.names.is_empty();
        let reads = self.lists || self.tenant || self.seats || self.idle_employees;
        !look_ups && !reads && self.people.is_empty() && self.groups.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::account::{AccountKind, Detail};

    fn known(id: &str, address: &str, others: &[&str]) -> KnownAccount {
        let account = TargetUser {
            id: TargetId::new(id),
            values: AttributeRow::pack([Some(address)]),
            kind: AccountKind::Client,
            disabled: false,
            deleted: false,
            roles: Vec::new(),
            other_addresses: others.iter().map(|other| (*other).to_owned()).collect(),
            billing_contact: false,
            detail: Detail::Full,
        };
        let anchor = SourceAnchor(Uuid::nil());
        KnownAccount { account, linked_to: Some(anchor), owner_left: false, before: Vec::new() }
    }

    fn found(view: &TargetView, address: &str) -> Vec<String> {
        match view.by_address(address) {
            Lookup::Found(found) => {
                found.into_iter().map(|known| known.account.id.to_string()).collect()
            }
            Lookup::Absent => vec!["absent".to_owned()],
            Lookup::Failed(why) => vec![why.to_owned()],
            Lookup::Unknown => Vec::new(),
        }
    }

    #[test]
    fn what_was_read_last_counts() {
        let mut view = TargetView::default();
        view.add(known("A", "Ada@x.test", &["countess@x.test", "ADA@x.test"]));
        view.add(known("B", "bob@x.test", &["countess@X.test"]));
        assert_eq!(found(&view, "ada@X.test"), ["A"]);
        assert_eq!(found(&view, "Countess@x.test"), ["A", "B"]);
        assert!(found(&view, "byron@x.test").is_empty());

        view.add(known("a", "byron@x.test", &[]));
        assert_eq!(view.accounts().count(), 2, "ids compare without case");
        assert_eq!(found(&view, "byron@x.test"), ["a"]);
        assert_eq!(found(&view, "countess@x.test"), ["B"]);
        assert!(found(&view, "ada@x.test").is_empty());

        view.note_absent("Ada@x.test");
        view.note_gone(&TargetId::new("b"));
        assert_eq!(found(&view, "ada@x.test"), ["absent"]);
        assert!(view.is_gone(&TargetId::new("B")) && found(&view, "bob@x.test").is_empty());
        view.add(known("B", "ada@x.test", &[]));
        assert_eq!(found(&view, "ada@x.test"), ["B"], "it is there after all");

        view.note_unanswered("Cy@x.test", "HTTP 500".to_owned());
        view.note_unreadable(&TargetId::new("C"), "HTTP 500".to_owned());
        assert_eq!(found(&view, "cy@x.test"), ["HTTP 500"]);
        assert_eq!(view.unreadable(&TargetId::new("c")), Some("HTTP 500"));
        view.add(known("C", "cy@x.test", &[]));
        assert_eq!(found(&view, "cy@x.test"), ["C"]);
        assert_eq!(view.unreadable(&TargetId::new("C")), None);
    }
}
