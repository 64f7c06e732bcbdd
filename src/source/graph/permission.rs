//! The application permissions that reading needs (Graph reference, section 1.7).

/// A permission, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    /// The enterprise application and who is assigned to it.
    Application,
    /// People, their attributes, their changes, and the recycle bin.
    User,
    /// The members of groups, and their changes.
    GroupMember,
    /// How Entra ID's own provisioning is set up. No cycle needs it, so it is not in [`Self::ALL`].
    Synchronization,
}

impl Permission {
    pub(super) const ALL: [Self; 3] = [Self::Application, Self::User, Self::GroupMember];

    /// Returns the least permission that suffices.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Application => "Application.Read.All",
            Self::User => "User.Read.All",
            Self::GroupMember => "GroupMember.Read.All",
            Self::Synchronization => "Synchronization.Read.All",
        }
    }

    /// Returns what it is for, to follow "needed to read".
    pub(super) fn purpose(self) -> &'static str {
        match self {
            Self::Application => "the enterprise application and its assignments",
            Self::User => "people, their attributes and what changes about them",
            Self::GroupMember => "the members of assigned groups and what changes about them",
            Self::Synchronization => "how Entra ID's own provisioning is set up",
        }
    }

    /// Returns the names that grant it: the least one first, then broader ones.
    fn granted_by(self) -> &'static [&'static str] {
        match self {
            Self::Application => &[
                "Application.Read.All",
                "Application.ReadWrite.All",
                "Directory.Read.All",
                "Directory.ReadWrite.All",
            ],
            Self::User => &[
                "User.Read.All",
                "User.ReadWrite.All",
                "Directory.Read.All",
                "Directory.ReadWrite.All",
            ],
            Self::GroupMember => &[
                "GroupMember.Read.All",
                "GroupMember.ReadWrite.All",
                "Group.Read.All",
                "Group.ReadWrite.All",
                "Directory.Read.All",
                "Directory.ReadWrite.All",
            ],
            Self::Synchronization => &["Synchronization.Read.All", "Synchronization.ReadWrite.All"],
        }
    }

    /// Returns what to do if it is missing.
    pub(super) fn remedy(self) -> String {
        remedy(&[self])
    }
}

/// Returns the permissions that `roles`, the claim of a token, does not grant.
pub(super) fn missing(roles: &[String]) -> Vec<Permission> {
    let granted = |permission: &Permission| {
        permission
            .granted_by()
            .iter()
            .any(|name| roles.iter().any(|role| role.eq_ignore_ascii_case(name)))
    };
    Permission::ALL.into_iter().filter(|permission| !granted(permission)).collect()
}

/// Returns one sentence that names missing permissions with what each is for.
pub(super) fn message(missing: &[Permission]) -> String {
    let list: Vec<String> = missing
        .iter()
        .map(|one| format!("{} (needed to read {})", one.name(), one.purpose()))
        .collect();
    format!("the app registration lacks {}", list.join(" and "))
}

/// Returns what to do about missing permissions.
pub(super) fn remedy(missing: &[Permission]) -> String {
    let names: Vec<&str> = missing.iter().map(|one| one.name()).collect();
    format!(
        "In Entra ID, under App registrations, API permissions, add {} as an application \
         permission of Microsoft Graph (not a delegated one) and grant admin consent. It can take \
         some minutes to work.",
        names.join(" and ")
    )
}

/// Returns what to do about missing permissions of a managed identity, which no portal page grants.
pub(super) fn remedy_of_identity(missing: &[Permission]) -> String {
    let names: Vec<&str> = missing.iter().map(|one| one.name()).collect();
    format!(
        "Assign {} of Microsoft Graph to the managed identity as app roles, with \
         New-MgServicePrincipalAppRoleAssignment of Graph PowerShell or a POST to \
         /servicePrincipals/{{id}}/appRoleAssignments. It can take hours to work, because hosts \
         keep the identity's tokens.",
        names.join(" and ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn broader_permissions_count() {
        for (granted, expected) in [
            (&["Application.Read.All", "User.Read.All", "GroupMember.Read.All"][..], vec![]),
            (&["Directory.Read.All"][..], vec![]),
            (&["Application.ReadWrite.All", "User.ReadWrite.All", "Group.Read.All"][..], vec![]),
            (&["Application.Read.All", "User.Read.All"][..], vec![Permission::GroupMember]),
            (&["User.Read"][..], Permission::ALL.to_vec()),
            (&[][..], Permission::ALL.to_vec()),
        ] {
            assert_eq!(missing(&roles(granted)), expected, "{granted:?}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_its_purpose() {
        let text = message(&[Permission::User, Permission::GroupMember]);
        assert!(text.contains("User.Read.All (needed to read people"), "{text}");
        assert!(text.contains("GroupMember.Read.All"), "{text}");
        assert!(Permission::Application.remedy().contains("Application.Read.All"));
    }
}
