//! What planning knows, and what it asks for.

use std::collections::{BTreeSet, HashMap};

use crate::model::account::{Link, TargetAccount, TargetUser, address_key};
use crate::model::identity::{AppRole, Assignment, Membership, SourceUser};
use crate::model::ids::{ContentHash, SourceAnchor, TargetId};
use crate::model::plan::{CycleKind, HoldKind};

use super::rules::Rules;

/// Everything that a plan is made from. Slices are sorted as noted; rows are borrowed.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// What was read.
    pub kind: CycleKind,
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
    /// The subjects as the snapshot has them; sorted by anchor.
    pub users: &'a [SourceUser],
    /// Assignment rows of the subjects and of all assigned groups; sorted.
    pub assignments: &'a [Assignment],
    /// Memberships of the subjects; sorted by person.
    pub memberships: &'a [Membership],
    /// Links of the subjects; sorted by anchor.
    pub links: &'a [Link],
    /// What is known of the target.
    pub target: &'a TargetView,
    /// Active links of the whole job.
    pub active_links: u64,
    /// The whole assignment list lets anybody in at all.
    pub anybody_assigned: bool,
    /// No plan of this job was ever applied.
    pub first_plan: bool,
    /// The rules differ from those of the last applied plan.
    pub rules_changed: bool,
    /// Hashes of changes that a person approved; sorted.
    pub approved: &'a [ContentHash],
    /// Changes that wait for a person's answer, with the hold they are in; sorted by hash.
    pub waiting: &'a [(ContentHash, HoldKind)],
    /// Changes that a person rejected, with the hold they were in; sorted by hash.
    pub rejected: &'a [(ContentHash, HoldKind)],
}

/// An account together with what the store knows about its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAccount {
    /// The account as read.
    pub account: TargetUser,
    /// The person whose live link names it.
    pub linked_to: Option<SourceAnchor>,
    /// People who once had it.
    pub before: Vec<SourceAnchor>,
}

/// What is known of the target in this cycle.
#[derive(Clone, Debug, Default)]
pub struct TargetView {
    accounts: Vec<KnownAccount>,
    by_id: HashMap<String, usize>,
    by_address: HashMap<String, Vec<usize>>,
    absent_addresses: BTreeSet<String>,
    gone: BTreeSet<String>,
    /// The lists were read to the end: what is not known by address does not exist.
    pub complete: bool,
    /// The tenant, as last read.
    pub tenant: Option<TargetAccount>,
    /// The licences of `tenant` were read in this cycle.
    pub seats_fresh: bool,
}

/// An answer to "who has this address?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// Not asked yet.
    Unknown,
    /// Nobody.
    Absent,
    /// These accounts.
    Found(Vec<&'a KnownAccount>),
}

impl TargetView {
    /// Adds an account, replacing what was known of it.
    pub fn add(&mut self, known: KnownAccount) {
        let id = known.account.id.key();
        self.gone.remove(&id);
        let mut addresses = vec![address_key(known.account.address())];
        addresses.extend(known.account.other_addresses.iter().map(|other| address_key(other)));
        addresses.sort();
        addresses.dedup();
        let index = match self.by_id.get(&id) {
            Some(&index) => {
                for holders in self.by_address.values_mut() {
                    holders.retain(|&holder| holder != index);
                }
                if let Some(slot) = self.accounts.get_mut(index) {
                    *slot = known;
                }
                index
            }
            None => {
                self.accounts.push(known);
                self.by_id.insert(id, self.accounts.len() - 1);
                self.accounts.len() - 1
            }
        };
        for address in addresses.into_iter().filter(|address| !address.is_empty()) {
            self.absent_addresses.remove(&address);
            self.by_address.entry(address).or_default().push(index);
        }
    }

    /// Notes that nobody has an address.
    pub fn note_absent(&mut self, address: &str) {
        self.absent_addresses.insert(address_key(address));
    }

    /// Notes that an account no longer exists: it was read by id, and is not there or deleted.
    pub fn note_gone(&mut self, target_id: &TargetId) {
        self.gone.insert(target_id.key());
    }

    /// Returns whether an account was read by id and does not exist.
    pub fn is_gone(&self, target_id: &TargetId) -> bool {
        self.gone.contains(&target_id.key())
    }

    /// Returns what is known of an account.
    pub fn by_id(&self, target_id: &TargetId) -> Option<&KnownAccount> {
        self.accounts.get(*self.by_id.get(&target_id.key())?)
    }

    /// Returns who has an address.
    pub fn by_address(&self, address: &str) -> Lookup<'_> {
        let key = address_key(address);
        let found: Vec<&KnownAccount> = self
            .by_address
            .get(&key)
            .into_iter()
            .flatten()
            .filter_map(|&index| self.accounts.get(index))
            .filter(|known| !self.is_gone(&known.account.id))
            .collect();
        if !found.is_empty() {
            Lookup::Found(found)
        } else if self.complete || self.absent_addresses.contains(&key) {
            Lookup::Absent
        } else {
            Lookup::Unknown
        }
    }

    /// Iterates over the accounts in the order in which they were added.
    pub fn accounts(&self) -> impl Iterator<Item = &KnownAccount> {
        self.accounts.iter()
    }
}

/// The look-ups that a plan is missing. The caller answers all of them and plans again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Accounts to look up by address, in the form of [`address_key`].
    pub addresses: BTreeSet<String>,
    /// Accounts to read in full by id.
    pub target_ids: BTreeSet<TargetId>,
    /// The tenant: it has not been read yet.
    pub tenant: bool,
    /// The licences: they have not been read in this cycle.
    pub seats: bool,
}

impl Needs {
    /// Returns whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.target_ids.is_empty() && !self.tenant && !self.seats
    }
}
