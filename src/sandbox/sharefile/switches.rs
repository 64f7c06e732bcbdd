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

/// Which roles the three verbs of `Users(id)/Roles` set (section 3.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettableRoles {
    /// All but the markers, as the official sample does.
    #[default]
    All,
    /// The eight that the SDK's text names; others are ignored.
    Named,
}

/// What an active policy for user access does to direct changes of roles (sections 3.6 and 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyOverRoles {
    /// Nothing: they are made.
    #[default]
    Made,
    /// They are accepted and have no effect.
    Ignored,
    /// They are refused with 403 and reason `FeatureDisabled`.
    Refused,
}

/// Who may remove accounts for good (section 1.6: two official pages differ).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletionRight {
    /// Who may manage accounts of that type.
    #[default]
    Manager,
    /// Only an account administrator: who holds `AdminAccountPolicies` as well.
    AccountAdministrator,
}

/// What becomes of a bulk call of which some ids cannot be served (section 6.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkFailure {
    /// It is refused, and nothing is done.
    #[default]
    Refuse,
    /// What can be done is done, and the answer is 204.
    Skip,
    /// It stops at the first that cannot be served: those before it are done, and it is refused.
    Stop,
}

/// Who sees the private groups of others (section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivateGroups {
    /// Nobody but the master administrator.
    #[default]
    Hidden,
    /// Who may edit the shared groups of others (`AdminSharedDistGroups`) as well.
    GroupAdministrators,
}

/// What an address in a member list does that belongs to no account (section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownMember {
    /// It becomes a client, as in the user interface.
    #[default]
    CreateClient,
    /// The request is refused with 404.
    Refuse,
}

/// What becomes of the body of `DELETE /Groups(id)/Contacts` on the way to the service (section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteBodies {
    /// It arrives.
    #[default]
    Kept,
    /// A proxy drops it: nobody is named, and the answer is the list as it was.
    Dropped,
    /// Such a request is refused with 405. A POST that says that it means DELETE arrives.
    Refused,
}

/// How a throttled caller is told when to come back (section 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryHint {
    /// Not at all.
    #[default]
    None,
    /// `Retry-After` in seconds.
    Seconds,
    /// `Retry-After` as an HTTP date.
    Date,
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
    /// Which roles the verbs of `Users(id)/Roles` set.
    pub settable_roles: SettableRoles,
    /// What an active policy for user access does to direct changes of roles.
    pub policy_over_roles: PolicyOverRoles,
    /// Who may remove accounts for good.
    pub deletion_right: DeletionRight,
    /// What becomes of a downgrade or bulk delete of which some ids cannot be served.
    pub bulk_failure: BulkFailure,
    /// Who sees the private groups of others.
    pub private_groups: PrivateGroups,
    /// What an unknown address in a member list does.
    pub unknown_member: UnknownMember,
    /// What becomes of the body of a DELETE of members on the way.
    pub delete_bodies: DeleteBodies,

    /// The API key allows managing people: the flag `admin_users` of tokens (section 1.3). Without
    /// it calls that manage people are refused with 403.
    pub key_admin_users: bool,
    /// The flag `admin_accounts` of tokens, for what concerns the whole account.
    pub key_admin_accounts: bool,
    /// The flag `change_my_settings` of tokens, for one's own settings.
    pub key_change_my_settings: bool,
    /// The flag `access_files_folders` of tokens; no call of the emulator needs it.
    pub key_access_files_folders: bool,
    /// The flag `modify_files_folders` of tokens; no call of the emulator needs it.
    pub key_modify_files_folders: bool,
    /// The flag `web_app_login` of tokens; no call of the emulator needs it.
    pub key_web_app_login: bool,
    /// How long access tokens live, in seconds (section 1.3: 28,800 was observed).
    pub access_token_secs: u32,
    /// A refresh token dies when it is used (section 1.3).
    pub refresh_rotation: bool,
    /// The status of `invalid_grant` (section 1.5).
    pub invalid_grant_status: u16,
    /// Employees cannot sign in with a password where single sign-on is forced; the service user
    /// can in any case (section 1.6).
    pub forced_sign_on_bars_passwords: bool,
    /// Too many wrong passwords lock an account for a while, as `LoginFailMaxAttempts` and
    /// `LoginFailLockoutSecs` say; whether that holds for tokens is unknown (section 5).
    pub wrong_passwords_lock: bool,
    /// `GET /oauth/authorize` redirects at once, as in a browser in which the service user is
    /// signed in; without it there is a page that asks for a name and a password (section 1.4).
    pub browser_signed_in: bool,
    /// `GET /Accounts/SSOInfo` asks for a token (section 1.1).
    pub sso_info_needs_login: bool,

    /// Disabling or deleting the master administrator or the billing contact is refused with 403
    /// (section 7). Deleting the billing contact is refused in any case.
    pub protect_owners: bool,
    /// The caller may disable or delete its own account (section 7).
    pub self_removal: bool,
    /// `GET /Users(id)` still answers for deleted accounts, with `IsDeleted` (section 3.1).
    pub deleted_stay_readable: bool,
    /// An account disabled by a plain DELETE shows `IsDeleted` (section 9, question 7).
    pub soft_delete_marks: bool,
    /// An account disabled by a plain DELETE stays in the lists (section 9, question 7).
    pub soft_deleted_listed: bool,
    /// `GET /Users?emailaddress=` finds secondary addresses (section 3.1).
    pub secondary_address_found: bool,
    /// A changed primary address stays as a secondary one, unless the account has switched those
    /// off (section 3.5).
    pub keep_old_address: bool,
    /// A changed primary address only counts once it is confirmed: the PATCH answers 200 with the
    /// old one, and a mail goes to the new one (section 9, question 3).
    pub address_change_waits: bool,
    /// `ifNecessary=true` on `AccountUser` makes an employee of a client (section 9, question 2).
    pub if_necessary_promotes: bool,
    /// `ifNecessary=true` enables a disabled account (section 9, question 2).
    pub if_necessary_enables: bool,
    /// The roles in the body of a new employee stick (section 3.3); without it there are only the
    /// common ones.
    pub creation_takes_roles: bool,
    /// A client who becomes an employee keeps its roles; without it there are only the common ones
    /// and those of the request (section 3.5 names id, folders and groups as kept, and no roles).
    pub promotion_keeps_roles: bool,
    /// The status of the reasons `EmployeeLicensesExceeded` and `ClientMustBeCreatedAsEmployee`
    /// (section 3.4).
    pub licence_status: u16,
    /// The status of blocked domains, passwords and quotas (section 3.4).
    pub rule_status: u16,
    /// The list of domains that may sign in also decides whose accounts can be made (section 3.4).
    pub creation_checks_domains: bool,
    /// Names and company are trimmed, and their inner white space is collapsed.
    pub normalise_names: bool,
    /// Members of a PATCH or POST that are ignored although they are documented, such as
    /// `Company`; names without regard to case.
    pub ignored_members: Vec<String>,
    /// A member that is null in a PATCH clears the value instead of being ignored (section 2).
    pub null_clears: bool,

    /// `POST /Users(id)/ResendWelcome` is still there; without it there is only its successor
    /// `WelcomeNotification` (section 3.5).
    pub resend_welcome: bool,

    /// Two groups cannot have the same name (section 4).
    pub unique_group_names: bool,
    /// How many members a group takes (section 4: 2,000).
    pub group_limit: usize,
    /// The status of a group that would be too large, with reason `BadRequest` (section 4).
    pub group_limit_status: u16,
    /// How many members one request may name; `None` is no limit (section 4).
    pub contacts_per_request: Option<usize>,
    /// The Super User Group is listed in `GET /Groups` (section 4).
    pub super_group_listed: bool,
    /// The owner of a group is absent unless expanded (section 2.1: a navigation property).
    pub owner_needs_expand: bool,

    /// Lists come in pages of so many rows with `odata.nextLink`; `None` means one feed, as was
    /// observed (section 2.3).
    pub page_size: Option<usize>,
    /// `$top` and `$skip` work on lists (section 2.4).
    pub top_and_skip: bool,
    /// `$filter` and `$orderby` work on lists; without it they are accepted without effect
    /// (section 2.4).
    pub filter_and_order: bool,
    /// `odata.count` counts the page instead of the whole list (section 2.3).
    pub count_is_of_page: bool,
    /// The next link is spelled `odata.nextlink` (section 2.3).
    pub lower_case_next_link: bool,
    /// `UserUsage` of the account is absent unless expanded (section 5).
    pub usage_needs_expand: bool,
    /// Errors carry a `reason` (section 6.1).
    pub error_reasons: bool,
    /// `code` of an error is the number of the status instead of its name (section 6.1).
    pub numeric_codes: bool,
    /// Calls of which the reference does not say whether they answer 200 or 204 answer 200, with
    /// an empty body.
    pub empty_is_200: bool,

    /// How long a report runs, in seconds: half of it pending, half of it running (section 5.1).
    pub report_secs: u32,

    /// More requests than these in any minute are throttled, tokens included; `None` is no limit
    /// (section 6.3). Throttled requests do not count.
    pub requests_per_minute: Option<usize>,
    /// The status of throttling, with reason `Throttled`: 429, 403 or 503 (section 6.3).
    pub throttle_status: u16,
    /// How a throttled caller is told when to come back.
    pub throttle_hint: RetryHint,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            duplicates: DuplicateAnswer::default(),
            unprivileged_read: UnprivilegedRead::default(),
            excess_roles: ExcessRoles::default(),
            settable_roles: SettableRoles::default(),
            policy_over_roles: PolicyOverRoles::default(),
            deletion_right: DeletionRight::default(),
            bulk_failure: BulkFailure::default(),
            private_groups: PrivateGroups::default(),
            unknown_member: UnknownMember::default(),
            delete_bodies: DeleteBodies::default(),
            key_admin_users: true,
            key_admin_accounts: true,
            key_change_my_settings: true,
            key_access_files_folders: true,
            key_modify_files_folders: true,
            key_web_app_login: true,
            access_token_secs: 28_800,
            refresh_rotation: true,
            invalid_grant_status: 400,
            forced_sign_on_bars_passwords: false,
            wrong_passwords_lock: false,
            browser_signed_in: true,
            sso_info_needs_login: false,
            protect_owners: true,
            self_removal: true,
            deleted_stay_readable: false,
            soft_delete_marks: false,
            soft_deleted_listed: true,
            secondary_address_found: true,
            keep_old_address: false,
            address_change_waits: false,
            if_necessary_promotes: false,
            if_necessary_enables: false,
            creation_takes_roles: true,
            promotion_keeps_roles: true,
            licence_status: 403,
            rule_status: 400,
            creation_checks_domains: true,
            normalise_names: false,
            ignored_members: Vec::new(),
            null_clears: false,
            resend_welcome: true,
            unique_group_names: false,
            group_limit: 2_000,
            group_limit_status: 400,
            contacts_per_request: None,
            super_group_listed: false,
            owner_needs_expand: true,
            page_size: None,
            top_and_skip: true,
            filter_and_order: true,
            count_is_of_page: false,
            lower_case_next_link: false,
            usage_needs_expand: true,
            error_reasons: true,
            numeric_codes: false,
            empty_is_200: false,
            report_secs: 2,
            requests_per_minute: None,
            throttle_status: 429,
            throttle_hint: RetryHint::default(),
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
