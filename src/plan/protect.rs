//! Protection: accounts that are never touched, whatever the source says.

use crate::model::account::{TargetAccount, TargetUser, address_key};
use crate::model::ids::TargetId;

/// Who is protected, from the tenant as read and from the configuration.
pub struct Protection<'a> {
    tenant: Option<&'a TargetAccount>,
    addresses: &'a [String],
}

impl<'a> Protection<'a> {
    /// `addresses` is sorted, in the form of [`address_key`].
    pub fn new(tenant: Option<&'a TargetAccount>, addresses: &'a [String]) -> Self {
        Self { tenant, addresses }
    }

    /// Returns why an id is protected, if it is, by what the tenant says of it.
    pub fn of_id(&self, target_id: &TargetId) -> Option<&'static str> {
        let tenant = self.tenant?;
        if tenant.service_user == *target_id {
            return Some("it is the service user itself");
        }
        if tenant.master_admin.as_ref() == Some(target_id) {
            return Some("it is the master administrator");
        }
        if tenant.billing_contact.as_ref() == Some(target_id) {
            return Some("it is the billing contact");
        }
        if tenant.super_users.contains(target_id) {
            return Some("it is a member of the Super User Group");
        }
        None
    }

    /// Returns why an address is protected, if the configuration lists it.
    pub fn of_address(&self, address: &str) -> Option<&'static str> {
        if self.addresses.is_empty() {
            return None;
        }
        self.addresses
            .binary_search(&address_key(address))
            .is_ok()
            .then_some("`guard.protected` lists its address")
    }

    /// Returns why an account is protected, if it is.
    pub fn of_account(&self, account: &TargetUser) -> Option<&'static str> {
        let listed = || self.of_address(account.address());
        let other = || account.other_addresses.iter().find_map(|address| self.of_address(address));
        let contact = || account.billing_contact.then_some("it is the billing contact");
        let role = || account.administers().then_some("it holds an administrator role");
        self.of_id(&account.id).or_else(listed).or_else(other).or_else(contact).or_else(role)
    }

    /// Returns why an account cannot be taken away although it may be changed: `heirs`, sorted, are
    /// the addresses of those who take over what leavers leave behind.
    pub fn of_heir(account: &TargetUser, heirs: &[String]) -> Option<&'static str> {
        let others = account.other_addresses.iter().map(String::as_str);
        let mut addresses = std::iter::once(account.address()).chain(others);
        addresses
            .any(|address| heirs.binary_search(&address_key(address)).is_ok())
            .then_some("it takes over what leavers leave behind (`users.deprovision`)")
    }

    /// Returns the ids that the tenant names.
    pub fn ids(&self) -> Vec<TargetId> {
        let Some(tenant) = self.tenant else {
            return Vec::new();
        };
        let mut ids = vec![tenant.service_user.clone()];
        ids.extend(tenant.master_admin.clone());
        ids.extend(tenant.billing_contact.clone());
        ids.extend(tenant.super_users.iter().cloned());
        ids
    }
}
