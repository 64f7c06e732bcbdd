//! The permissions of accounts (enumeration `UserRole`; ShareFile API reference, section 3.6).

/// Declares the enumeration and its names on the wire.
macro_rules! roles {
    ($($name:ident),* $(,)?) => {
        /// A permission, or the marker of a type.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Role { $($name),* }

        impl Role {
            /// Every role, in the order in which a set lists them.
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the name on the wire.
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

roles! {
    Client,
    Employee,
    MasterAdmin,
    SuperUser,
    CanChangePassword,
    CanManageMySettings,
    CanUseFileBox,
    CanManageUsers,
    CanCreateFolders,
    CanUseDropBox,
    CanSelectFolderZone,
    CreateNetworkShareConnectors,
    CreateSharePointConnectors,
    CreateSharePointOnlineConnectors,
    CreateOneDriveConnectors,
    CreateExchangeConnectors,
    CreateBoxConnectors,
    CreateDropboxConnectors,
    CreateGoogleDriveConnectors,
    CreateOneDriveBusinessConnectors,
    CanSendDocumentsForSignature,
    CanViewSignatureDocuments,
    CanManageSignatureTemplates,
    AdminAccountPolicies,
    AdminBilling,
    AdminBranding,
    AdminChangeFolderPay,
    AdminChangePlan,
    AdminFileBoxAccess,
    AdminManageEmployees,
    AdminRemoteUploadForms,
    AdminReporting,
    AdminSharedDistGroups,
    AdminSharedAddressBook,
    AdminViewVdrAnalytics,
    AdminViewReceipts,
    AdminDelegate,
    AdminManageDropBox,
    AdminManageFolderTemplates,
    AdminEmailMessages,
    AdminSSO,
    AdminSuperGroup,
    AdminZones,
    AdminCreateSharedGroups,
    AdminArchivedSearch,
    AdminConnectors,
    AdminEmailArchiver,
    AdminCanAdministerCustomerAccount,
    AdminPolicyDefinitions,
    AdminCustomWorkflow,
}

/// The roles that say what an account is; no call sets them (section 3.6).
const MARKERS: [Role; 4] = [Role::Client, Role::Employee, Role::MasterAdmin, Role::SuperUser];

/// The roles that the SDK's text names as settable (section 3.6).
const NAMED: [Role; 8] = [
    Role::CanCreateFolders,
    Role::CanSelectFolderZone,
    Role::CanUseFileBox,
    Role::CanManageUsers,
    Role::AdminSharedAddressBook,
    Role::CanChangePassword,
    Role::CanManageMySettings,
    Role::AdminManageDropBox,
];

impl Role {
    /// Returns the role of a name, compared without regard to case.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name().eq_ignore_ascii_case(name.trim()))
    }

    fn bit(self) -> u64 {
        1 << (self as u64)
    }
}

/// A set of roles in eight bytes: a tenant may have a million accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RoleSet(u64);

impl RoleSet {
    /// The set of given roles.
    pub(super) fn of(roles: &[Role]) -> Self {
        Self(roles.iter().fold(0, |bits, role| bits | role.bit()))
    }

    /// The roles that say what an account is.
    pub(super) fn markers() -> Self {
        Self::of(&MARKERS)
    }

    /// The roles that the SDK's text names as settable.
    pub(super) fn named() -> Self {
        Self::of(&NAMED)
    }

    /// Every role there is.
    pub(super) fn all() -> Self {
        Self::of(Role::ALL)
    }

    /// What every account may do unless its creation says otherwise (section 3.2).
    pub(super) fn common() -> Self {
        Self::of(&[Role::CanChangePassword, Role::CanManageMySettings])
    }

    /// The roles that let an account use the product, as against those that administer it.
    pub(super) fn using() -> Self {
        let using = Role::ALL.iter().filter(|role| role.name().starts_with("Can"));
        Self(using.fold(0, |bits, role| bits | role.bit()))
    }

    /// Reads names and leaves out what is none.
    pub(super) fn known<S: AsRef<str>>(names: &[S]) -> Self {
        let roles = names.iter().filter_map(|name| Role::parse(name.as_ref()));
        Self(roles.fold(0, |bits, role| bits | role.bit()))
    }

    /// Reads names.
    ///
    /// # Errors
    /// With the first name that is none of a role.
    pub(super) fn parse<S: AsRef<str>>(names: &[S]) -> Result<Self, String> {
        match names.iter().find(|name| Role::parse(name.as_ref()).is_none()) {
            Some(unknown) => Err(unknown.as_ref().to_owned()),
            None => Ok(Self::known(names)),
        }
    }

    /// Returns whether the set is empty.
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether a role is in the set.
    pub(super) fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Returns whether some role administers anything.
    pub(super) fn administers(self) -> bool {
        self.names().any(|name| name.contains("Admin"))
    }

    /// Returns the roles of either set.
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the roles of both sets.
    pub(super) fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the roles that the other set lacks.
    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the set with one more role.
    pub(super) fn with(self, role: Role) -> Self {
        Self(self.0 | role.bit())
    }

    /// Returns the names, markers first.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        Role::ALL.iter().filter(move |role| self.has(**role)).map(|role| role.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_knows_its_names_whatever_their_case() {
        let set = RoleSet::known(&["canmanageusers", "Client", "nonsense"]);
        assert_eq!(set.names().collect::<Vec<_>>(), ["Client", "CanManageUsers"]);
        assert_eq!(RoleSet::parse(&["Client", "nonsense"]), Err("nonsense".to_owned()));
        assert!(set.without(RoleSet::markers()).has(Role::CanManageUsers));
        assert!(!set.without(RoleSet::markers()).has(Role::Client));
        assert!(!set.administers() && set.with(Role::AdminSSO).administers());
    }

    #[test]
    fn every_role_has_a_bit_of_its_own() {
        assert_eq!(RoleSet::all().names().count(), Role::ALL.len());
        assert!(Role::ALL.len() < 64);
    }
}
