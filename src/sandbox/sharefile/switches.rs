//! Every behaviour of the tenant that the reference marks likely or unknown and that changes what
//! a client does, with its default. Section numbers are those of the ShareFile API reference.

use serde::{Deserialize, Serialize};

/// How a taken address is refused (section 3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateAnswer {
    /// 409 with reason `Conflict`.
    #[default]
    Conflict,
    /// 404 with reason `NotFound`, as the Java client warns.
    NotFound,
}

/// What a caller without rights gets when reading somebody else's record (section 1.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnprivilegedRead {
    /// A record with name and address, but neither roles nor security.
    #[default]
    Reduced,
    /// 403 with reason `Forbidden`.
    Forbidden,
}

/// What happens to roles that the caller asks for without holding them (section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExcessRoles {
    /// They are left out in silence.
    #[default]
    Trim,
    /// The whole request is refused with 403.
    Refuse,
}

/// The switches of the emulated tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// How a taken address is refused.
    pub duplicates: DuplicateAnswer,
    /// What a caller without rights gets when reading somebody else's record.
    pub unprivileged_read: UnprivilegedRead,
    /// What happens to roles that the caller does not hold.
    pub excess_roles: ExcessRoles,
    /// The API key allows managing people: the flag `admin_users` of tokens (section 1.3).
    pub key_admin_users: bool,
    /// A refresh token dies when it is used (section 1.3).
    pub refresh_rotation: bool,
    /// Disabling or deleting the master administrator or the billing contact is refused with 403
    /// (section 7). Deleting the billing contact is refused in any case.
    pub protect_owners: bool,
    /// The caller may disable or delete its own account (section 7).
    pub self_removal: bool,
    /// `GET /Users(id)` still answers for deleted accounts, with `IsDeleted` (section 3.1).
    pub deleted_stay_readable: bool,
    /// `GET /Users?emailaddress=` finds secondary addresses (section 3.1).
    pub secondary_address_found: bool,
    /// A changed primary address stays as a secondary one (section 3.5).
    pub keep_old_address: bool,
    /// Names and company are trimmed, and their inner white space is collapsed.
    pub normalise_names: bool,
    /// Members of a PATCH or POST that are ignored although they are documented, such as
    /// `Company`; names without regard to case.
    pub ignored_members: Vec<String>,
    /// A member that is null in a PATCH clears the value instead of being ignored (section 2).
    pub null_clears: bool,
    /// Lists come in pages of so many rows with `odata.nextLink`; `None` means one feed, as was
    /// observed (section 2.3).
    pub page_size: Option<usize>,
    /// `$top` and `$skip` work on lists (section 2.4).
    pub top_and_skip: bool,
    /// `UserUsage` of the account is absent unless expanded (section 5).
    pub usage_needs_expand: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            duplicates: DuplicateAnswer::default(),
            unprivileged_read: UnprivilegedRead::default(),
            excess_roles: ExcessRoles::default(),
            key_admin_users: true,
            refresh_rotation: true,
            protect_owners: true,
            self_removal: true,
            deleted_stay_readable: false,
            secondary_address_found: true,
            keep_old_address: false,
            normalise_names: false,
            ignored_members: Vec::new(),
            null_clears: false,
            page_size: None,
            top_and_skip: true,
            usage_needs_expand: true,
        }
    }
}

impl Switches {
    /// Returns whether a member of a request body is ignored.
    pub(super) fn ignores(&self, member: &str) -> bool {
        self.ignored_members.iter().any(|ignored| ignored.eq_ignore_ascii_case(member))
    }

    /// Returns a name or company as the tenant keeps it.
    pub(super) fn kept(&self, text: &str) -> String {
        if self.normalise_names {
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalising_collapses_white_space() {
        let mut switches = Switches::default();
        assert_eq!(switches.kept("  Ada  Mary "), "  Ada  Mary ");
        switches.normalise_names = true;
        assert_eq!(switches.kept("  Ada  Mary "), "Ada Mary");
    }
}
