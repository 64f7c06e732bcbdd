//! The accounts of the tenant, with what finds them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::record::{Account, AccountKind, roles_of};

/// Every account there is or was.
#[derive(Default)]
pub(super) struct Book {
    accounts: Vec<Account>,
    by_id: HashMap<Uuid, u32>,
    by_address: HashMap<Box<str>, u32>,
    companies: HashSet<Arc<str>>,
    employees: u32,
    clients: u32,
}

impl Book {
    /// Returns one shared copy of a company's name.
    pub(super) fn company(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.companies.get(name) {
            return known.clone();
        }
        let company: Arc<str> = Arc::from(name);
        self.companies.insert(company.clone());
        company
    }

    /// Puts a finished account in. Its id and addresses must be free.
    pub(super) fn insert(&mut self, account: Account) {
        let Ok(position) = u32::try_from(self.accounts.len()) else { return };
        self.by_id.insert(account.id, position);
        for address in account.addresses() {
            self.by_address.insert(address_key(address), position);
        }
        *self.counter(account.kind) += 1;
        self.accounts.push(account);
    }

    fn counter(&mut self, kind: AccountKind) -> &mut u32 {
        match kind {
            AccountKind::Employee => &mut self.employees,
            AccountKind::Client => &mut self.clients,
        }
    }

    /// Returns how many accounts of a type exist, disabled ones included: they keep their licence.
    pub(super) fn count(&self, kind: AccountKind) -> u32 {
        match kind {
            AccountKind::Employee => self.employees,
            AccountKind::Client => self.clients,
        }
    }

    /// Returns every account, removed ones too, in the order of their creation.
    pub(super) fn all(&self) -> &[Account] {
        &self.accounts
    }

    /// Returns the account at a position of [`Book::all`].
    pub(super) fn at(&self, position: u32) -> Option<&Account> {
        self.accounts.get(position as usize)
    }

    /// Returns the position of an account.
    pub(super) fn position(&self, id: Uuid) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    /// Returns the account of an id, a removed one too.
    pub(super) fn get(&self, id: Uuid) -> Option<&Account> {
        self.at(self.position(id)?)
    }

    /// Returns the account of an id for changes of anything but type and addresses.
    pub(super) fn get_mut(&mut self, id: Uuid) -> Option<&mut Account> {
        let position = self.position(id)?;
        self.accounts.get_mut(position as usize)
    }

    /// Returns the account that an address belongs to, as primary or secondary one.
    pub(super) fn holder_of(&self, address: &str) -> Option<&Account> {
        self.at(*self.by_address.get(&address_key(address))?)
    }

    /// Gives an account another set of addresses. They must be free or its own.
    pub(super) fn set_addresses(&mut self, id: Uuid, email: &str, mut others: Vec<String>) {
        let Some(position) = self.position(id) else { return };
        self.forget_addresses(position);
        others.retain(|other| address_key(other) != address_key(email));
        let Some(account) = self.accounts.get_mut(position as usize) else { return };
        account.email = email.into();
        if account.more().other_addresses != others {
            account.more_mut().other_addresses = others;
        }
        for address in account.addresses() {
            self.by_address.insert(address_key(address), position);
        }
    }

    fn forget_addresses(&mut self, position: u32) {
        let Some(account) = self.accounts.get(position as usize) else { return };
        for address in account.addresses() {
            self.by_address.remove(&address_key(address));
        }
    }

    /// Turns an employee into a client or the reverse.
    pub(super) fn set_kind(&mut self, id: Uuid, kind: AccountKind) {
        let Some(account) = self.get_mut(id) else { return };
        let before = std::mem::replace(&mut account.kind, kind);
        account.roles = roles_of(kind, account.roles);
        let deleted = account.deleted;
        if !deleted && before != kind {
            *self.counter(before) -= 1;
            *self.counter(kind) += 1;
        }
    }

    /// Removes an account for good: its addresses and its licence are free again. Returns whether
    /// it was there.
    pub(super) fn remove(&mut self, id: Uuid) -> bool {
        let Some(account) = self.get_mut(id).filter(|account| !account.deleted) else {
            return false;
        };
        account.deleted = true;
        let kind = account.kind;
        if let Some(position) = self.position(id) {
            self.forget_addresses(position);
        }
        *self.counter(kind) -= 1;
        true
    }
}

/// Returns the form by which addresses are compared.
pub(super) fn address_key(address: &str) -> Box<str> {
    address.trim().to_lowercase().into_boxed_str()
}
