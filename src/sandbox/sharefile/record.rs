//! The nouns of the tenant: accounts as it keeps them, and as the control API shows them.

use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::roles::{Role, RoleSet};
use super::tables;
use super::values::Values;
use crate::model::ids::Timestamp;

/// The type of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// Holds an employee licence.
    #[default]
    Employee,
    /// Needs no licence.
    Client,
}

impl AccountKind {
    /// Returns the role that marks the type (ShareFile API reference, section 2.1).
    pub(super) fn marker(self) -> Role {
        match self {
            Self::Employee => Role::Employee,
            Self::Client => Role::Client,
        }
    }

    /// Returns the role that a caller needs to manage accounts of this type (section 1.6).
    pub(super) fn managed_by(self) -> Role {
        match self {
            Self::Employee => Role::AdminManageEmployees,
            Self::Client => Role::CanManageUsers,
        }
    }

    /// Returns the name of the entity.
    pub(super) fn model(self) -> &'static str {
        match self {
            Self::Employee => "AccountUser",
            Self::Client => "User",
        }
    }
}

/// An account to put into the tenant through the control API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// The primary address.
    pub email: String,
    /// The given name.
    #[serde(default)]
    pub first_name: String,
    /// The family name.
    #[serde(default)]
    pub last_name: String,
    /// The company.
    #[serde(default)]
    pub company: String,
    /// Employee or client.
    #[serde(default)]
    pub kind: AccountKind,
    /// The account cannot sign in.
    #[serde(default)]
    pub disabled: bool,
    /// The roles by their names in the API; the one that marks the type is added, and what is no
    /// role is left out. Empty means the common ones.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The person has signed in at least once.
    #[serde(default)]
    pub confirmed: bool,
}

/// An account as the control API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountView {
    /// The id.
    pub id: String,
    /// The primary address as it was entered.
    pub email: String,
    /// Further addresses.
    pub other_addresses: Vec<String>,
    /// The given name.
    pub first_name: String,
    /// The family name.
    pub last_name: String,
    /// The company.
    pub company: String,
    /// Employee or client.
    pub kind: AccountKind,
    /// The account cannot sign in.
    pub disabled: bool,
    /// The account is removed for good.
    pub deleted: bool,
    /// The person has signed in at least once.
    pub confirmed: bool,
    /// The roles, the marker of the type first.
    pub roles: Vec<String>,
    /// Is the account that the daemon signs in with.
    pub service_user: bool,
    /// Is the master administrator.
    pub master_admin: bool,
    /// Is the billing contact.
    pub billing_contact: bool,
    /// Is a member of the Super User Group.
    pub super_user: bool,
    /// In gigabytes; -1 is the tenant's default.
    pub storage_quota_gb: i32,
    /// In megabytes; -1 is no limit.
    pub bandwidth: i64,
    /// The name of its own zone; none if it has everybody's.
    pub zone: Option<String>,
    /// The preference of that name.
    pub can_reset_password: bool,
    /// The preference of that name.
    pub can_view_my_settings: bool,
    /// The names of its active policies.
    pub policies: Vec<String>,
    /// How many files it owns; they go to the heir when the account is deleted or downgraded.
    pub files: u32,
    /// When it was created, in milliseconds since the Unix epoch.
    pub created: Timestamp,
}

/// A mail that the tenant would have sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mail {
    /// When, in milliseconds since the Unix epoch.
    pub at: Timestamp,
    /// To which address.
    pub to: String,
    /// The occasion: `welcome`, `welcome_copy`, `password_reset`, `forgotten_password`,
    /// `confirm_address` or
    /// `verification_code`, whose message is the code.
    pub occasion: String,
    /// The account it is about.
    pub account_id: String,
    /// What the caller added in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A policy as it is assigned to an account (entity `UserPolicy`).
#[derive(Clone, Debug)]
pub(super) struct Assigned {
    pub policy_id: Uuid,
    pub active: bool,
}

/// What few accounts have. An account without any of it keeps none of the space.
#[derive(Clone, Debug)]
pub(super) struct More {
    pub other_addresses: Vec<String>,
    pub password: Option<SecretString>,
    /// Application-specific passwords (section 1.6).
    pub app_passwords: Vec<SecretString>,
    pub preferences: Values,
    pub default_zone: Option<String>,
    pub policies: Vec<Assigned>,
    /// In megabytes; -1 is no limit.
    pub bandwidth: i64,
    pub files: u32,
    /// An address that waits for the code that was mailed to it.
    pub unverified: Option<(String, SecretString)>,
    pub failed_logins: u32,
    pub last_failed_login: Option<Timestamp>,
}

static NOTHING_MORE: More = More {
    other_addresses: Vec::new(),
    password: None,
    app_passwords: Vec::new(),
    preferences: Values::new(tables::PERSONAL),
    default_zone: None,
    policies: Vec::new(),
    bandwidth: -1,
    files: 0,
    unverified: None,
    failed_logins: 0,
    last_failed_login: None,
};

/// An account as the tenant keeps it (entities `User` and `AccountUser`).
///
/// Small on purpose, since a tenant may have a million: ids are 16 bytes, roles 8, companies are
/// shared, and what few accounts have stands apart.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub id: Uuid,
    pub email: Box<str>,
    pub first_name: Box<str>,
    pub last_name: Box<str>,
    pub company: Arc<str>,
    pub roles: RoleSet,
    pub created: Timestamp,
    pub last_login: Option<Timestamp>,
    pub referred_by: Option<Uuid>,
    /// In gigabytes; -1 is the account's default.
    pub storage_quota_gb: i32,
    pub kind: AccountKind,
    pub disabled: bool,
    /// Disabled by a DELETE that was not complete.
    pub soft_deleted: bool,
    pub deleted: bool,
    pub confirmed: bool,
    more: Option<Box<More>>,
}

impl Account {
    /// Returns an account with the common roles and nothing set.
    pub(super) fn new(id: Uuid, kind: AccountKind, email: &str, created: Timestamp) -> Self {
        Self {
            id,
            email: email.into(),
            first_name: Box::default(),
            last_name: Box::default(),
            company: Arc::from(""),
            roles: roles_of(kind, RoleSet::default()),
            created,
            last_login: None,
            referred_by: None,
            storage_quota_gb: -1,
            kind,
            disabled: false,
            soft_deleted: false,
            deleted: false,
            confirmed: false,
            more: None,
        }
    }

    /// Returns what few accounts have.
    pub(super) fn more(&self) -> &More {
        self.more.as_deref().unwrap_or(&NOTHING_MORE)
    }

    /// Returns what few accounts have, to change it.
    pub(super) fn more_mut(&mut self) -> &mut More {
        self.more.get_or_insert_with(|| Box::new(NOTHING_MORE.clone()))
    }

    /// Returns whether the account holds a role; the master administrator holds all.
    pub(super) fn has_role(&self, role: Role) -> bool {
        self.roles.has(role) || self.roles.has(Role::MasterAdmin)
    }

    /// Returns the roles that the account may grant and revoke.
    pub(super) fn grantable(&self) -> RoleSet {
        if self.roles.has(Role::MasterAdmin) { RoleSet::all() } else { self.roles }
    }

    /// Returns all addresses, the primary one first.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.email).chain(self.more().other_addresses.iter().map(String::as_str))
    }

    /// Returns the given and the family name.
    pub(super) fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name).trim().to_owned()
    }
}

/// Returns the roles with the marker of the type, and the common ones if none are given.
pub(super) fn roles_of(kind: AccountKind, roles: RoleSet) -> RoleSet {
    let types = RoleSet::of(&[Role::Client, Role::Employee]);
    let given = if roles.is_empty() { RoleSet::common() } else { roles.without(types) };
    given.with(kind.marker())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_small() {
        assert!(size_of::<Account>() <= 168, "{}", size_of::<Account>());
    }
}
