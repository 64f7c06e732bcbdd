//! The state of the tenant, and the rules that hold whoever asks.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

use super::SharefileOptions;
use super::record::{Account, AccountKind, AccountView, Mail, NewAccount, Preferences};
use super::switches::Switches;
use super::token::Tokens;
use crate::model::ids::Timestamp;

/// How many mails the outbox holds before it drops the oldest.
const MAILS_KEPT: usize = 10_000;

/// The space in which ids are derived from seed and number.
const ID_SPACE: Uuid = Uuid::from_u128(0x5f0c_9d1e_7b3a_4c52_8a6d_2e91_47b0_c3f8);

/// The Super User Group (ShareFile API reference, section 4).
pub(super) struct SuperGroup {
    pub id: String,
    pub name: String,
    pub members: Vec<String>,
}

/// The tenant.
pub(super) struct Tenant {
    pub options: SharefileOptions,
    pub switches: Switches,
    pub account_id: String,
    pub created: Timestamp,
    pub service_id: String,
    pub master_admin_id: String,
    pub billing_contact_id: String,
    pub super_group: SuperGroup,
    pub tokens: Tokens,
    pub mails: VecDeque<Mail>,
    accounts: Vec<Account>,
    by_id: HashMap<String, usize>,
    by_address: HashMap<String, usize>,
    employees: u32,
    clients: u32,
    last_number: u64,
}

impl Tenant {
    /// Founds a tenant with its owner, billing contact, a super user and the service user.
    pub(super) fn found(options: SharefileOptions, now: Timestamp) -> Self {
        let mut tenant = Self {
            switches: options.switches.clone(),
            account_id: String::new(),
            created: now,
            service_id: String::new(),
            master_admin_id: String::new(),
            billing_contact_id: String::new(),
            super_group: SuperGroup {
                id: String::new(),
                name: "Super User Group".to_owned(),
                members: Vec::new(),
            },
            tokens: Tokens::default(),
            mails: VecDeque::new(),
            accounts: Vec::new(),
            by_id: HashMap::new(),
            by_address: HashMap::new(),
            employees: 0,
            clients: 0,
            last_number: 0,
            options,
        };
        tenant.account_id = tenant.next_id();
        // Group ids look like GUIDs that begin with `g` (section 2.2).
        let group_id = tenant.next_id();
        tenant.super_group.id = format!("g{}", group_id.get(1..).unwrap_or_default());
        tenant.seat_the_first_four(now);
        tenant
    }

    fn seat_the_first_four(&mut self, now: Timestamp) {
        let domain = self.options.mail_domain.clone();
        let owner = ["MasterAdmin", "AdminManageEmployees", "CanManageUsers", "AdminBilling"];
        let owner = self.staff(&format!("owner@{domain}"), "Olivia", "Owner", &owner);
        self.master_admin_id = self.add(owner, now);
        let billing = self.staff(&format!("billing@{domain}"), "Bill", "Payer", &["AdminBilling"]);
        self.billing_contact_id = self.add(billing, now);
        let power = self.staff(&format!("super@{domain}"), "Sue", "Power", &["SuperUser"]);
        let super_user = self.add(power, now);
        self.super_group.members.push(super_user);
        let roles =
            ["CanChangePassword", "CanManageMySettings", "AdminManageEmployees", "CanManageUsers"];
        let address = self.options.admin_user.clone();
        let service = self.staff(&address, "ShareFile", "Provisioner", &roles);
        self.service_id = self.add(service, now);
        let (id, password) = (self.service_id.clone(), self.options.admin_password.clone());
        if let Some(service) = self.by_id_mut(&id) {
            service.password = Some(password);
            // Unlike anybody else's, so that copying the creator's settings shows.
            service.preferences.time_zone = "W. Europe Standard Time".to_owned();
            service.preferences.notification_interval = 60;
        }
    }

    fn staff(&self, email: &str, first: &str, last: &str, roles: &[&str]) -> NewAccount {
        NewAccount {
            email: email.to_owned(),
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            company: self.options.company_name.clone(),
            kind: AccountKind::Employee,
            disabled: false,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            confirmed: true,
        }
    }

    /// Returns an id that no object of this tenant has had.
    pub(super) fn next_id(&mut self) -> String {
        self.last_number += 1;
        let name = format!("{}:{}", self.options.seed, self.last_number);
        Uuid::new_v5(&ID_SPACE, name.as_bytes()).to_string()
    }

    /// Puts an account in without asking about rights or licences, and returns its id: that of the
    /// account that has the address already, if there is one.
    pub(super) fn add(&mut self, new: NewAccount, now: Timestamp) -> String {
        if let Some(holder) = self.holder_of(&new.email) {
            return holder.id.clone();
        }
        let account = Account {
            id: self.next_id(),
            other_addresses: Vec::new(),
            roles: Account::roles_of(new.kind, &new.roles),
            email: new.email,
            first_name: new.first_name,
            last_name: new.last_name,
            company: new.company,
            kind: new.kind,
            disabled: new.disabled,
            deleted: false,
            confirmed: new.confirmed,
            created: now,
            last_login: new.confirmed.then_some(now),
            referred_by: None,
            password: None,
            storage_quota_gb: -1,
            default_zone: None,
            preferences: Preferences::default(),
        };
        let id = account.id.clone();
        self.insert(account);
        id
    }

    /// Puts a finished account in. Its id and addresses must be free.
    pub(super) fn insert(&mut self, account: Account) {
        let position = self.accounts.len();
        self.by_id.insert(account.id.clone(), position);
        for address in std::iter::once(&account.email).chain(&account.other_addresses) {
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

    /// Returns the account of an id, a deleted one too.
    pub(super) fn by_id(&self, id: &str) -> Option<&Account> {
        self.accounts.get(*self.by_id.get(&id.to_ascii_lowercase())?)
    }

    /// Returns the account of an id for changes of anything but type and addresses.
    pub(super) fn by_id_mut(&mut self, id: &str) -> Option<&mut Account> {
        self.accounts.get_mut(*self.by_id.get(&id.to_ascii_lowercase())?)
    }

    /// Returns the account of an id unless it is deleted.
    pub(super) fn living(&self, id: &str) -> Option<&Account> {
        self.by_id(id).filter(|account| !account.deleted)
    }

    /// Returns the account that an address belongs to, as primary or secondary one.
    pub(super) fn holder_of(&self, address: &str) -> Option<&Account> {
        self.accounts.get(*self.by_address.get(&address_key(address))?)
    }

    /// Returns the accounts of a type in the order of their creation, without deleted ones.
    pub(super) fn living_of(&self, kind: AccountKind) -> impl Iterator<Item = &Account> {
        self.accounts.iter().filter(move |account| account.kind == kind && !account.deleted)
    }

    /// Gives an account another set of addresses. They must be free or its own.
    pub(super) fn set_addresses(&mut self, id: &str, email: String, others: Vec<String>) {
        let Some(&position) = self.by_id.get(&id.to_ascii_lowercase()) else { return };
        self.forget_addresses(position);
        for address in std::iter::once(&email).chain(&others) {
            self.by_address.insert(address_key(address), position);
        }
        if let Some(account) = self.accounts.get_mut(position) {
            account.email = email;
            account.other_addresses = others;
        }
    }

    fn forget_addresses(&mut self, position: usize) {
        if let Some(account) = self.accounts.get(position) {
            for address in std::iter::once(&account.email).chain(&account.other_addresses) {
                self.by_address.remove(&address_key(address));
            }
        }
    }

    /// Turns an employee into a client or the reverse.
    pub(super) fn set_kind(&mut self, id: &str, kind: AccountKind) {
        let Some(account) = self.by_id_mut(id) else { return };
        let before = std::mem::replace(&mut account.kind, kind);
        account.roles = Account::roles_of(kind, &account.roles);
        let deleted = account.deleted;
        if !deleted && before != kind {
            *self.counter(before) -= 1;
            *self.counter(kind) += 1;
        }
    }

    /// Removes an account for good: its address and licence are free again.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let Some(&position) = self.by_id.get(&id.to_ascii_lowercase()) else { return false };
        let Some(account) = self.accounts.get_mut(position).filter(|account| !account.deleted)
        else {
            return false;
        };
        account.deleted = true;
        let (kind, removed_id) = (account.kind, account.id.clone());
        self.forget_addresses(position);
        *self.counter(kind) -= 1;
        self.super_group.members.retain(|member| *member != removed_id);
        true
    }

    /// Returns whether an address lies in one of the domains reserved for employees.
    pub(super) fn employees_only(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain).trim();
        self.options.strict_employee_definition
            && self.options.employee_domains.iter().any(|own| own.eq_ignore_ascii_case(domain))
    }

    /// Returns whether disabling or deleting the account is refused.
    pub(super) fn is_owner(&self, id: &str) -> bool {
        self.master_admin_id.eq_ignore_ascii_case(id)
            || self.billing_contact_id.eq_ignore_ascii_case(id)
    }

    /// Puts a mail into the outbox.
    pub(super) fn send(&mut self, mail: Mail) {
        if self.mails.len() >= MAILS_KEPT {
            self.mails.pop_front();
        }
        self.mails.push_back(mail);
    }

    /// Returns an account as the control API shows it.
    pub(super) fn view(&self, account: &Account) -> AccountView {
        AccountView {
            id: account.id.clone(),
            email: account.email.clone(),
            other_addresses: account.other_addresses.clone(),
            first_name: account.first_name.clone(),
            last_name: account.last_name.clone(),
            company: account.company.clone(),
            kind: account.kind,
            disabled: account.disabled,
            deleted: account.deleted,
            confirmed: account.confirmed,
            roles: account.roles.clone(),
            service_user: account.id == self.service_id,
            master_admin: account.id == self.master_admin_id,
            billing_contact: account.id == self.billing_contact_id,
            super_user: self.super_group.members.contains(&account.id),
            created: account.created,
        }
    }

    /// Returns all accounts, deleted ones too, sorted by address and then by id.
    pub(super) fn views(&self) -> Vec<AccountView> {
        let mut views: Vec<_> = self.accounts.iter().map(|account| self.view(account)).collect();
        views.sort_by_cached_key(|view| (address_key(&view.email), view.id.clone()));
        views
    }
}

/// Returns the form by which addresses are compared.
pub(super) fn address_key(address: &str) -> String {
    address.trim().to_lowercase()
}
