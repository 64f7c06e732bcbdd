//! The nouns of the tenant: accounts as it keeps them, and as the control API shows them.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

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
    pub(super) fn marker(self) -> &'static str {
        match self {
            Self::Employee => "Employee",
            Self::Client => "Client",
        }
    }

    /// Returns the role that a caller needs to manage accounts of this type (section 1.6).
    pub(super) fn managed_by(self) -> &'static str {
        match self {
            Self::Employee => "AdminManageEmployees",
            Self::Client => "CanManageUsers",
        }
    }
}

/// What every account may do unless its creation says otherwise (section 3.2).
pub(super) const COMMON_ROLES: [&str; 2] = ["CanChangePassword", "CanManageMySettings"];

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
    /// The roles; the one that marks the type is added. Empty means the common ones.
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
    /// The roles, the marker of the type among them.
    pub roles: Vec<String>,
    /// Is the account that the daemon signs in with.
    pub service_user: bool,
    /// Is the master administrator.
    pub master_admin: bool,
    /// Is the billing contact.
    pub billing_contact: bool,
    /// Is a member of the Super User Group.
    pub super_user: bool,
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
    /// The occasion, such as `welcome`.
    pub occasion: String,
    /// The account it is about.
    pub account_id: String,
}

/// The personal preferences that the emulator keeps (entity `UserPreferences`).
#[derive(Clone, Debug)]
pub(super) struct Preferences {
    pub can_reset_password: bool,
    pub can_view_my_settings: bool,
    pub time_zone: String,
    /// In minutes; 0 is at once.
    pub notification_interval: i64,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            can_reset_password: true,
            can_view_my_settings: true,
            time_zone: "Eastern Standard Time".to_owned(),
            notification_interval: 0,
        }
    }
}

/// An account as the tenant keeps it (entities `User` and `AccountUser`).
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub id: String,
    pub email: String,
    pub other_addresses: Vec<String>,
    pub first_name: String,
    pub last_name: String,
    pub company: String,
    pub kind: AccountKind,
    pub roles: Vec<String>,
    pub disabled: bool,
    pub deleted: bool,
    pub confirmed: bool,
    pub created: Timestamp,
    pub last_login: Option<Timestamp>,
    pub referred_by: Option<String>,
    pub password: Option<SecretString>,
    /// In gigabytes; -1 is the account's default.
    pub storage_quota_gb: i64,
    pub default_zone: Option<String>,
    pub preferences: Preferences,
}

impl Account {
    pub(super) fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held.eq_ignore_ascii_case(role))
    }

    /// Returns the roles with the marker of the type in front, and with the common ones if none
    /// are given.
    pub(super) fn roles_of(kind: AccountKind, roles: &[String]) -> Vec<String> {
        let mut all = vec![kind.marker().to_owned()];
        if roles.is_empty() {
            all.extend(COMMON_ROLES.map(str::to_owned));
        }
        for role in roles {
            let marks = ["Employee", "Client"].contains(&role.as_str());
            if !marks && !all.contains(role) {
                all.push(role.clone());
            }
        }
        all
    }
}
