//! What the target holds, and what this job remembers of it.

use serde::{Deserialize, Serialize};

use super::ids::{SourceAnchor, TargetId, Timestamp};
use super::leaving::Leaving;
use super::row::AttributeRow;

pub use super::attribute::TargetAttribute;

/// The type of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A licensed employee.
    Employee,
    /// A client, who needs no licence.
    Client,
}

impl AccountKind {
    /// Returns the word that the configuration and people use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Employee => "employee",
            Self::Client => "client",
        }
    }
}

/// How much of an account has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// From a list: roles are not known.
    Listed,
    /// The full record.
    Full,
    /// A reduced record, as callers without rights get: not readable, never empty.
    Reduced,
}

/// An account at the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetUser {
    /// The immutable id.
    pub id: TargetId,
    /// The values in the order of [`TargetAttribute::ALL`].
    pub values: AttributeRow,
    /// Employee or client.
    pub kind: AccountKind,
    /// The account cannot sign in.
    pub disabled: bool,
    /// The record is kept, but the account is deleted.
    pub deleted: bool,
    /// The names of the roles; empty unless `detail` is `Full`.
    pub roles: Vec<String>,
    /// Other addresses of the account, known only when `detail` is `Full`.
    pub other_addresses: Vec<String>,
    /// The account is the billing contact of the tenant.
    pub billing_contact: bool,
    /// How much was read.
    pub detail: Detail,
}

impl TargetUser {
    /// Returns an enabled account, read in full, that holds no role and has one address.
    pub fn plain(id: TargetId, kind: AccountKind, values: AttributeRow) -> Self {
        Self {
            id,
            values,
            kind,
            disabled: false,
            deleted: false,
            roles: Vec::new(),
            other_addresses: Vec::new(),
            billing_contact: false,
            detail: Detail::Full,
        }
    }

    /// Returns the value of an attribute.
    pub fn value(&self, attribute: TargetAttribute) -> Option<&str> {
        self.values.get(attribute.index())
    }

    /// Returns the primary address, or the empty text if there is none.
    pub fn address(&self) -> &str {
        self.value(TargetAttribute::Email).unwrap_or("")
    }

    /// Returns whether a full record holds a role that administers the tenant: any `Admin…`
    /// role, `MasterAdmin` or `SuperUser`.
    pub fn administers(&self) -> bool {
        self.roles
            .iter()
            .any(|role| role.starts_with("Admin") || role == "MasterAdmin" || role == "SuperUser")
    }
}

/// Whether anybody ever got into an account, as far as a list tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// The account.
    pub target_id: TargetId,
    /// The primary address.
    pub address: String,
    /// Given and family name.
    pub name: String,
    /// Employee or client.
    pub kind: AccountKind,
    /// The account cannot sign in.
    pub disabled: bool,
    /// The person followed the link of the welcome mail. Who signs in through single sign-on need
    /// never do that, so a sign-in says as much.
    pub confirmed: Option<bool>,
    /// When somebody last signed in; `None` if never.
    pub last_sign_in: Option<Timestamp>,
    /// When the account was made, if the list says.
    pub created_at: Option<Timestamp>,
}

impl Activation {
    /// Returns whether the account could be used and never was. What the list leaves open is no
    /// reason to say so.
    pub fn is_awaited(&self) -> bool {
        self.confirmed == Some(false) && self.last_sign_in.is_none() && !self.disabled
    }
}

/// A person whose account waits for its first use, and whose link has run out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unactivated {
    /// The person.
    pub anchor: SourceAnchor,
    /// The account.
    pub target_id: TargetId,
    /// The primary address.
    pub address: String,
    /// Given and family name.
    pub name: String,
    /// Employee or client.
    pub kind: AccountKind,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When this job last sent the welcome mail again; `None` if it did not.
    pub mailed_at: Option<Timestamp>,
}

/// Compares addresses as ShareFile does not promise to: without regard to case.
pub fn address_key(address: &str) -> String {
    address.trim().to_lowercase()
}

/// Licences of the target tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats {
    /// How many employees the plan allows; `None` if the tenant does not say.
    pub employee_max: Option<u32>,
    /// How many employees there are, disabled ones included.
    pub employee_count: u32,
}

/// The target tenant, as read once a cycle at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetAccount {
    /// The id of the tenant, pinned with the store.
    pub account_id: String,
    /// The name that people know, such as the subdomain.
    pub name: String,
    /// The plan that the tenant is on, if it says.
    pub plan_name: Option<String>,
    /// The service user itself.
    pub service_user: TargetId,
    /// Roles of the service user, as ShareFile names them.
    pub service_roles: Vec<String>,
    /// The master administrator.
    pub master_admin: Option<TargetId>,
    /// The billing contact.
    pub billing_contact: Option<TargetId>,
    /// Members of the Super User Group.
    pub super_users: Vec<TargetId>,
    /// The Super User Group itself, which no group of the source may ever be linked to.
    #[serde(default)]
    pub super_group: Option<TargetId>,
    /// Licences.
    pub seats: Seats,
    /// The strict rule is on: an address in one of these domains must be an employee.
    pub employee_domains: Vec<String>,
    /// Everybody must sign in through single sign-on.
    pub force_sso: bool,
    /// Two-step verification is required.
    pub two_factor: bool,
    /// Policies govern what people may do, how much they store, and where.
    #[serde(default)]
    pub by_policies: bool,
}

/// How a link came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Origin {
    /// This job created the account.
    Created,
    /// The account existed and was matched.
    Adopted {
        /// The rule that matched, as people read it: `Email = [mail]`.
        rule: String,
    },
}

/// What this job last made of a linked account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// In use.
    Active,
    /// The person left, and this job disabled the account: it alone may enable it again.
    Disabled,
    /// The person left, and the account was already disabled by somebody else.
    Released,
    /// The person left, and this job made a client of the employee.
    Downgraded,
}

/// What the job knows of the values of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadow {
    /// The values that were last sent, which planning compares with what is desired.
    pub sent: AttributeRow,
    /// The values that were last read back, which tell normalised values from drift.
    pub read_back: AttributeRow,
    /// The kind as last read.
    pub kind: AccountKind,
    /// Whether the account was disabled as last read.
    pub disabled: bool,
}

/// The tie between a person and an account. At most one live link names a person or an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The person.
    pub anchor: SourceAnchor,
    /// The account.
    pub target_id: TargetId,
    /// How the link came to be.
    pub origin: Origin,
    /// What this job last made of it.
    pub state: LinkState,
    /// When it was made.
    pub linked_at: Timestamp,
    /// When the state last changed.
    pub state_since: Timestamp,
    /// The values of the account.
    pub shadow: Shadow,
    /// Of a person who left: why, since when, and what is to come. `None` also where nothing is to
    /// come and the person left before it was noted.
    pub leaving: Option<Box<Leaving>>,
}

impl Link {
    /// Returns whether the person left, as far as this job noted it.
    pub fn left(&self) -> bool {
        let noted = self.leaving.as_ref().is_some_and(|leaving| !leaving.back);
        self.state != LinkState::Active || noted
    }

    /// Returns whether this job disabled the account: it alone may enable it again.
    pub fn disabled_here(&self) -> bool {
        match self.state {
            LinkState::Disabled => true,
            LinkState::Downgraded => self.leaving.as_ref().is_some_and(|leaving| leaving.disabled),
            LinkState::Active | LinkState::Released => false,
        }
    }
}

/// What remains of a link after its account or its person is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The person who once had the account.
    pub anchor: SourceAnchor,
    /// The account.
    pub target_id: TargetId,
    /// When the link ended.
    pub ended_at: Timestamp,
}
