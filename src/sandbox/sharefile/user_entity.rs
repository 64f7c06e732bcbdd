//! How the tenant shows people: `User`, `AccountUser`, `UserSecurity`, `UserPreferences` (ShareFile
//! API reference, sections 3.2 and 3.9).

use serde_json::{Value, json};

use super::call::Call;
use super::record::{Account, AccountKind};
use super::roles::Role;
use super::tenant::Tenant;
use super::wire::{NEVER, date, date_or_never, entity, put};
use super::{devices, groups, policies, token, zones};

fn short_name(account: &Account) -> String {
    match account.first_name.chars().next() {
        Some(initial) => format!("{initial}. {}", account.last_name),
        None => account.last_name.to_string(),
    }
}

/// Returns the full record, with what the call expands.
pub(super) fn user(tenant: &Tenant, call: &Call<'_>, account: &Account) -> Value {
    let mut record = json!({
        "Name": account.full_name(),
        "Email": account.email,
        "Username": account.email,
        "FirstName": account.first_name,
        "LastName": account.last_name,
        "Company": &*account.company,
        "FullName": account.full_name(),
        "FullNameShort": short_name(account),
        "Domain": tenant.options.subdomain,
        "AccountId": tenant.account_id,
        "TotalSharedFiles": account.more().files,
        "Contacted": 0,
        "IsConfirmed": account.confirmed,
        "DateCreated": date(account.created),
        "Roles": account.roles.names().collect::<Vec<_>>(),
        "Emails": account.addresses().collect::<Vec<_>>(),
        "IsBillingContact": account.id == tenant.billing_contact_id,
    });
    if let Some(creator) = account.referred_by {
        put(&mut record, "ReferredBy", creator.to_string());
    }
    if account.deleted || (account.soft_deleted && tenant.switches.soft_delete_marks) {
        put(&mut record, "IsDeleted", true);
    }
    if account.kind == AccountKind::Employee {
        add_employee_members(&mut record, account);
    }
    expand(&mut record, tenant, call, account);
    entity(&call.base, "Users", account.kind.model(), account.id, record)
}

fn add_employee_members(record: &mut Value, account: &Account) {
    put(record, "IsAdministrator", account.roles.administers());
    for role in [Role::CanCreateFolders, Role::CanUseFileBox, Role::CanManageUsers] {
        put(record, role.name(), account.roles.has(role));
    }
    put(record, "IsVirtualClient", false);
    put(record, "DiskSpace", 0);
    put(record, "Bandwidth", account.more().bandwidth);
    put(record, "StorageQuotaLimitGB", account.storage_quota_gb);
}

/// Adds the navigation properties that the call expands; they are absent otherwise.
fn expand(record: &mut Value, tenant: &Tenant, call: &Call<'_>, account: &Account) {
    if call.expands("Security") {
        put(record, "Security", security(tenant, call, account));
    }
    if call.expands("Preferences") {
        put(record, "Preferences", preferences(tenant, call, account));
    }
    if call.expands("DefaultZone")
        && let Some(zone) = zones::of(tenant, account.more().default_zone.as_deref())
    {
        put(record, "DefaultZone", zones::entity(call, zone));
    }
    if call.expands("EmailAddresses") {
        put(record, "EmailAddresses", addresses(call, account));
    }
    if call.expands("Devices") {
        put(record, "Devices", devices::of_account(tenant, call, account.id));
    }
    if call.expands("Groups") && account.id == call.caller_id {
        put(record, "Groups", groups::of_account(tenant, call, account.id));
    }
    if call.expands("Policies") && account.kind == AccountKind::Employee {
        put(record, "Policies", policies::of_account(tenant, call, account));
    }
}

fn addresses(call: &Call<'_>, account: &Account) -> Vec<Value> {
    let shown = account.addresses().enumerate().map(|(place, address)| {
        let primary = place == 0;
        let confirmed = account.confirmed || !primary;
        let members = json!({ "Email": address, "IsConfirmed": confirmed, "IsPrimary": primary });
        entity(&call.base, "EmailAddresses", "EmailAddress", address, members)
    });
    shown.collect()
}

/// Returns the entity `UserSecurity`.
pub(super) fn security(tenant: &Tenant, call: &Call<'_>, account: &Account) -> Value {
    let last_login = date_or_never(account.last_login);
    let locked = token::locked_until(tenant, account, call.now);
    let more = account.more();
    let members = json!({
        "IsDisabled": account.disabled,
        "IsLocked": locked.is_some(),
        "LockExpires": date_or_never(locked),
        "LastWebAppLogin": last_login,
        "LastAnyLogin": last_login,
        "FirstAnyLogin": date_or_never(account.last_login.map(|_| account.created)),
        "UserIPRestrictions": "",
        "ForcePasswordChange": false,
        "PasswordNeverExpires": true,
        "LastPasswordChange": date_or_never(account.confirmed.then_some(account.created)),
        "UsernameShort": account.email.chars().take(20).collect::<String>(),
        "LastFailedLogin": date_or_never(more.last_failed_login),
        "LastFailedLoginIP": if more.last_failed_login.is_some() { "127.0.0.1" } else { "" },
        "FailedLoginCount": more.failed_logins,
        "DisableLoginBefore": NEVER,
        "DisableLoginAfter": NEVER,
        "UserAuthenticationType": "Basic",
    });
    entity(&call.base, "UserSecurity", "UserSecurity", account.id, members)
}

/// Returns the entity `UserPreferences`.
pub(super) fn preferences(_: &Tenant, call: &Call<'_>, account: &Account) -> Value {
    let members = Value::Object(account.more().preferences.members());
    entity(&call.base, "UserPreferences", "UserPreferences", account.id, members)
}

/// Returns what a caller without rights sees of somebody else, and what other entities hold of
/// people: who it is, nothing more.
pub(super) fn principal(tenant: &Tenant, call: &Call<'_>, account: &Account) -> Value {
    let record = json!({
        "Email": account.email,
        "FirstName": account.first_name,
        "LastName": account.last_name,
        "Company": &*account.company,
        "FullName": account.full_name(),
        "FullNameShort": short_name(account),
        "Domain": tenant.options.subdomain,
    });
    entity(&call.base, "Users", account.kind.model(), account.id, record)
}
