//! The attributes of an account that can be mapped, and how rows spell their values.
//!
//! A row holds texts: a number in decimal digits, `True` or `False`, the name of a zone, and a set of
//! names one a line, in the order of [`set_of`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::row::AttributeRow;

/// The attributes of an account that can be mapped, in the order in which every row of target
/// values holds them. A row of an earlier version is shorter: what it lacks is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum TargetAttribute {
    /// The primary address, which is the user name as well.
    Email = 0,
    /// The given name.
    FirstName = 1,
    /// The family name.
    LastName = 2,
    /// The company.
    Company = 3,
    /// How much an employee may store, in gigabytes; -1 is the tenant's default.
    StorageQuotaLimitGB = 4,
    /// How much an employee may transfer, in megabytes; -1 is no limit.
    Bandwidth = 5,
    /// The zone where files are stored, by name.
    DefaultZone = 6,
    /// Whether people may have their password sent to them anew.
    CanResetPassword = 7,
    /// Whether people may see their own settings.
    CanViewMySettings = 8,
    /// What an employee may do: a set.
    Roles = 9,
    /// The policies of an employee, by name: a set.
    Policies = 10,
}

/// What a value is written by: a call for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Endpoint {
    /// The account itself.
    Account,
    /// Its preferences.
    Preferences,
    /// Its roles.
    Roles,
    /// Its policies.
    Policies,
}

/// What stands in plans and logs instead of a value that is not to be seen.
pub const REDACTED: &str = "[Redact]";

/// What stands between the names of a set.
const BETWEEN: char = '\n';

impl TargetAttribute {
    /// All attributes, in row order.
    pub const ALL: [Self; 11] = [
        Self::Email,
        Self::FirstName,
        Self::LastName,
        Self::Company,
        Self::StorageQuotaLimitGB,
        Self::Bandwidth,
        Self::DefaultZone,
        Self::CanResetPassword,
        Self::CanViewMySettings,
        Self::Roles,
        Self::Policies,
    ];

    /// Returns the position in rows of target values.
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns the name, as the configuration and ShareFile spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "Email",
            Self::FirstName => "FirstName",
            Self::LastName => "LastName",
            Self::Company => "Company",
            Self::StorageQuotaLimitGB => "StorageQuotaLimitGB",
            Self::Bandwidth => "Bandwidth",
            Self::DefaultZone => "DefaultZone",
            Self::CanResetPassword => "CanResetPassword",
            Self::CanViewMySettings => "CanViewMySettings",
            Self::Roles => "Roles",
            Self::Policies => "Policies",
        }
    }

    /// Returns the attribute of that exact name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.name() == name)
    }

    /// Returns whether an account cannot be created without it (ShareFile API reference, 3.2).
    pub fn required(self) -> bool {
        matches!(self, Self::Email | Self::FirstName | Self::LastName)
    }

    /// Returns what the value is written by (ShareFile API reference, 3.5 and 3.6).
    pub fn endpoint(self) -> Endpoint {
        match self {
            Self::CanResetPassword | Self::CanViewMySettings => Endpoint::Preferences,
            Self::Roles => Endpoint::Roles,
            Self::Policies => Endpoint::Policies,
            _ => Endpoint::Account,
        }
    }

    /// Returns whether the lists of accounts show it. All else is in the full record alone, and may
    /// be missing there.
    pub fn is_listed(self) -> bool {
        self.index() < LISTED
    }

    /// Returns whether clients do not have it (ShareFile API reference, 3.5, 3.6 and 3.9).
    pub fn is_of_employees(self) -> bool {
        use TargetAttribute::{Bandwidth, Policies, Roles, StorageQuotaLimitGB};
        matches!(self, StorageQuotaLimitGB | Bandwidth | Roles | Policies)
    }

    /// Returns whether a new account takes it in the call that creates it (ShareFile API reference,
    /// 3.2 and 3.3).
    pub fn is_in_create(self, employee: bool) -> bool {
        match self {
            Self::Bandwidth | Self::Policies => false,
            Self::StorageQuotaLimitGB
            | Self::CanResetPassword
            | Self::CanViewMySettings
            | Self::Roles => employee,
            _ => true,
        }
    }

    /// Returns whether the value is a set of names.
    pub fn is_set(self) -> bool {
        matches!(self, Self::Roles | Self::Policies)
    }

    /// Returns whether the value is `True` or `False`.
    pub fn is_flag(self) -> bool {
        matches!(self, Self::CanResetPassword | Self::CanViewMySettings)
    }

    /// Returns whether the value names something of the tenant, which calls want the id of.
    pub fn names_object(self) -> bool {
        matches!(self, Self::DefaultZone | Self::Policies)
    }

    /// Returns the value of an account that is said to have none; `None` if there is no such thing.
    pub fn cleared(self) -> Option<&'static str> {
        match self {
            Self::Company | Self::Roles | Self::Policies => Some(""),
            Self::StorageQuotaLimitGB | Self::Bandwidth => Some("-1"),
            _ => None,
        }
    }

    /// Returns a value as people read it: the names of a set are separated by commas.
    pub fn shown(self, value: &str) -> Cow<'_, str> {
        if self.is_set() { Cow::Owned(value.replace(BETWEEN, ", ")) } else { Cow::Borrowed(value) }
    }

    /// Returns whether two values mean the same to the target: addresses and names are compared
    /// without regard to case, sets without regard to order, and roles without those that cannot
    /// be given.
    pub fn agree(self, left: Option<&str>, right: Option<&str>) -> bool {
        if self.is_listed() {
            let same = |left: &str, right: &str| match self {
                Self::Email => {
                    super::account::address_key(left) == super::account::address_key(right)
                }
                _ => left == right,
            };
            return same(left.unwrap_or(""), right.unwrap_or(""));
        }
        match (left, right) {
            (None, None) => true,
            (Some(left), Some(right)) if left == right => true,
            (Some(left), Some(right)) if self == Self::DefaultZone => key(left) == key(right),
            (Some(left), Some(right)) if self.is_set() => {
                self.compared(left) == self.compared(right)
            }
            _ => false,
        }
    }

    /// Returns the names of a set that count, in the form in which they compare; sorted, unique.
    fn compared(self, value: &str) -> Vec<String> {
        let counts = |name: &&str| self != Self::Roles || role(name).is_some();
        let mut keys: Vec<String> = names(value).filter(counts).map(key).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

/// So many attributes are in the lists of accounts, and were all there was once.
const LISTED: usize = 4;

/// Packs a row, asking for the value of each attribute. Nulls at the end are left out, so that a row
/// takes no more space than what is mapped.
pub fn row_of<'a>(value: impl Fn(TargetAttribute) -> Option<&'a str>) -> AttributeRow {
    let last = TargetAttribute::ALL.into_iter().rposition(|target| value(target).is_some());
    let cells = last.map_or(0, |last| last + 1).max(LISTED);
    AttributeRow::pack(TargetAttribute::ALL.into_iter().take(cells).map(&value))
}

/// Iterates over the names of a set.
pub fn names(set: &str) -> impl Iterator<Item = &str> {
    set.split(BETWEEN).filter(|name| !name.is_empty())
}

/// Spells a set: sorted without regard to case, each name once.
pub fn set_of<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let mut names: Vec<S> = names.into_iter().collect();
    names.sort_by_key(|name| key(name.as_ref()));
    names.dedup_by_key(|name| key(name.as_ref()));
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    names.join(&BETWEEN.to_string())
}

/// Returns a name in the form in which it compares.
pub fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The roles that can be given: none that says what an account is, and none that administers the
/// tenant (ShareFile API reference, 3.6).
pub const ROLES: [&str; 19] = [
    "CanChangePassword",
    "CanManageMySettings",
    "CanUseFileBox",
    "CanManageUsers",
    "CanCreateFolders",
    "CanUseDropBox",
    "CanSelectFolderZone",
    "CreateNetworkShareConnectors",
    "CreateSharePointConnectors",
    "CreateSharePointOnlineConnectors",
    "CreateOneDriveConnectors",
    "CreateExchangeConnectors",
    "CreateBoxConnectors",
    "CreateDropboxConnectors",
    "CreateGoogleDriveConnectors",
    "CreateOneDriveBusinessConnectors",
    "CanSendDocumentsForSignature",
    "CanViewSignatureDocuments",
    "CanManageSignatureTemplates",
];

/// The roles that say what an account is: no call sets them (ShareFile API reference, 3.6).
const MARKERS: [&str; 4] = ["Client", "Employee", "MasterAdmin", "SuperUser"];

/// Returns the role of a name, in ShareFile's spelling, if it can be given.
pub fn role(name: &str) -> Option<&'static str> {
    ROLES.into_iter().find(|role| role.eq_ignore_ascii_case(name.trim()))
}

/// Returns a set of roles together with those of an account that cannot be given: a call that sets
/// roles replaces them all (ShareFile API reference, 3.6).
pub fn roles_beside(wanted: &str, held: &str) -> String {
    set_of(names(wanted).chain(names(held).filter(|name| role(name).is_none())))
}

/// Returns whether a role says what an account is.
pub fn is_marker(name: &str) -> bool {
    MARKERS.iter().any(|marker| marker.eq_ignore_ascii_case(name.trim()))
}

/// Something of the tenant that has a name, as a zone or a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The id that calls want.
    pub id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_the_list() {
        for (place, target) in TargetAttribute::ALL.into_iter().enumerate() {
            assert_eq!(target.index(), place);
            assert_eq!(TargetAttribute::parse(target.name()), Some(target));
        }
    }

    #[test]
    fn rows_are_as_long_as_needed() {
        let quota = TargetAttribute::StorageQuotaLimitGB;
        let row = row_of(|target| (target == quota).then_some("5"));
        assert_eq!((row.iter().count(), row.get(quota.index())), (5, Some("5")));
        assert_eq!(row_of(|_| None), AttributeRow::pack([None; 4]));
    }

    #[test]
    fn sets_compare_as_sets_and_roles_without_what_cannot_be_given() {
        let agree = |target: TargetAttribute, left: &str, right: &str| {
            target.agree(Some(left), Some(right))
        };
        let held = set_of(["Employee", "CanUseFileBox", "canchangepassword", "ARoleOfTomorrow"]);
        assert_eq!(held, "ARoleOfTomorrow\ncanchangepassword\nCanUseFileBox\nEmployee");
        let roles = TargetAttribute::Roles;
        assert!(agree(roles, &held, "CanUseFileBox\nCanChangePassword"));
        assert!(!agree(roles, &held, "CanUseFileBox"));
        assert!(!roles.agree(None, Some("")) && agree(roles, "", "Employee"));
        assert!(agree(TargetAttribute::Policies, "A\nB", "b\na"));
        assert!(agree(TargetAttribute::DefaultZone, "Europe", "EUROPE"));
        assert!(!agree(TargetAttribute::CanResetPassword, "True", "False"));
        assert_eq!(roles.shown("A\nB"), "A, B");
        let email = TargetAttribute::Email;
        assert!(agree(email, "Ada@x.test", "ada@x.test ") && !email.agree(Some("a@b"), None));
        assert!(TargetAttribute::Company.agree(None, Some("")));
    }
}
