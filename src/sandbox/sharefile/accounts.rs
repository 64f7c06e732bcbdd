//! `Accounts`, `Groups` and `Sessions` (ShareFile API reference, sections 1.7, 3.1, 4 and 5).

use serde_json::{Value, json};

use super::call::{Call, Refusal};
use super::record::{Account, AccountKind};
use super::tenant::Tenant;
use super::{users, wire};

/// How many users the plan includes before any are bought.
const BASE_USERS: u32 = 5;

/// Clients do not see the account, its lists or its groups.
fn require_employee(tenant: &Tenant, call: &Call<'_>) -> Result<(), Refusal> {
    let caller = tenant.by_id(&call.caller_id).ok_or_else(Refusal::unauthenticated)?;
    match caller.kind {
        AccountKind::Employee => Ok(()),
        AccountKind::Client => Err(Refusal::forbidden("Only employees may read the account.")),
    }
}

/// `GET /Accounts` and `GET /Accounts(id)`.
pub(super) fn account(
    tenant: &Tenant,
    call: &Call<'_>,
    id: Option<&str>,
) -> Result<Value, Refusal> {
    require_employee(tenant, call)?;
    if id.is_some_and(|id| !tenant.account_id.eq_ignore_ascii_case(id)) {
        return Err(Refusal::not_found());
    }
    let options = &tenant.options;
    let id = tenant.account_id.as_str();
    let mut record = json!({
        "CompanyName": options.company_name,
        "AccountType": "Standard",
        "PlanName": options.plan_name,
        "MasterAdminId": tenant.master_admin_id,
        "BillingContactId": tenant.billing_contact_id,
        "TechnicalContactId": tenant.master_admin_id,
        "UserMax": options.employee_max,
        "BaseUsers": BASE_USERS.min(options.employee_max),
        "AdditionalUsers": options.employee_max.saturating_sub(BASE_USERS),
        "StorageQuotaPerUser": -1,
        "Subdomain": options.subdomain,
        "Subdomains": [options.subdomain],
        "CreationDate": wire::date(tenant.created),
        "IsFreeTrial": false,
        "IsCancelled": false,
    });
    if call.expands("UserUsage") || !tenant.switches.usage_needs_expand {
        let usage = json!({
            "EmployeeMax": options.employee_max,
            "EmployeeCount": tenant.count(AccountKind::Employee),
            "ClientCount": tenant.count(AccountKind::Client),
        });
        wire::put(
            &mut record,
            "UserUsage",
            wire::entity(&call.base, "UserUsage", "UserUsage", id, usage),
        );
    }
    if call.expands("Preferences") {
        wire::put(&mut record, "Preferences", preferences_entity(tenant, call));
    }
    Ok(wire::select(call, wire::entity(&call.base, "Accounts", "Account", id, record)))
}

/// `GET /Accounts/Preferences`.
pub(super) fn preferences(tenant: &Tenant, call: &Call<'_>) -> Result<Value, Refusal> {
    require_employee(tenant, call)?;
    Ok(wire::select(call, preferences_entity(tenant, call)))
}

fn preferences_entity(tenant: &Tenant, call: &Call<'_>) -> Value {
    let options = &tenant.options;
    let members = json!({
        "AccountID": tenant.account_id,
        "UseStrictEmployeeDefinition": options.strict_employee_definition,
        "EmployeeEmailDomains": options.employee_domains.join(","),
        "EnableTwoFactorAuth": options.two_factor,
        "EnableSSO": options.single_sign_on,
        "ForceSSO": options.force_single_sign_on,
        "EnableOAuth": true,
        "SuperGroupId": tenant.super_group.id,
        "HideSuperGroup": false,
        "OAuth2RefreshTokenLifetimeMinutes": options.refresh_lifetime_mins,
        "LoginFailMaxAttempts": 5,
        "LoginFailLockoutSecs": 300,
        "IPRestrictions": "",
        "InactiveTimeoutMins": 60,
        "MinimumLength": 8,
        "EnableActivationLinks": true,
        "RequireCompanyNameWithUserInfo": options.require_company,
        "EnableQuotaLimit": false,
        "QuotaLimitInGB": 0,
        "EnableMultipleZones": false,
        "EnablePolicyBasedAdministration": false,
        "DisableSecondaryEmails": false,
    });
    let id = tenant.account_id.as_str();
    wire::entity(&call.base, "AccountPreferences", "AccountPreferences", id, members)
}

/// `GET /Accounts/Employees` and `GET /Accounts/Clients`.
pub(super) fn list(tenant: &Tenant, call: &Call<'_>, kind: AccountKind) -> Result<Value, Refusal> {
    if !users::may_manage(tenant, call, kind) {
        let message = format!("The permission {} is required.", kind.managed_by());
        return Err(Refusal::forbidden(&message));
    }
    let accounts: Vec<&Account> = tenant.living_of(kind).collect();
    let path = match kind {
        AccountKind::Employee => "Accounts/Employees",
        AccountKind::Client => "Accounts/Clients",
    };
    wire::contacts(tenant, call, path, &accounts)
}

fn members(tenant: &Tenant) -> Vec<&Account> {
    tenant.super_group.members.iter().filter_map(|id| tenant.living(id)).collect()
}

fn require_group(tenant: &Tenant, call: &Call<'_>, id: &str) -> Result<(), Refusal> {
    require_employee(tenant, call)?;
    if tenant.super_group.id.eq_ignore_ascii_case(id) { Ok(()) } else { Err(Refusal::not_found()) }
}

/// `GET /Groups(id)`: the Super User Group is the only one there is.
pub(super) fn group(tenant: &Tenant, call: &Call<'_>, id: &str) -> Result<Value, Refusal> {
    require_group(tenant, call, id)?;
    let members = members(tenant);
    let mut record = json!({
        "Name": tenant.super_group.name,
        "IsShared": true,
        "NumberOfContacts": members.len(),
    });
    if call.expands("Contacts") {
        wire::put(
            &mut record,
            "Contacts",
            members.iter().map(|member| wire::contact(call, member)).collect::<Vec<_>>(),
        );
    }
    let id = tenant.super_group.id.as_str();
    Ok(wire::select(call, wire::entity(&call.base, "Groups", "Group", id, record)))
}

/// `GET /Groups(id)/Contacts`.
pub(super) fn group_contacts(tenant: &Tenant, call: &Call<'_>, id: &str) -> Result<Value, Refusal> {
    require_group(tenant, call, id)?;
    let path = format!("Groups({id})/Contacts");
    wire::contacts(tenant, call, &path, &members(tenant))
}

/// `GET /Sessions`.
pub(super) fn session(tenant: &Tenant, call: &Call<'_>) -> Result<Value, Refusal> {
    let caller = tenant.by_id(&call.caller_id).ok_or_else(Refusal::unauthenticated)?;
    let header = |name: &str| call.headers.get(name).and_then(|value| value.to_str().ok());
    let principal = json!({
        "Name": format!("{} {}", caller.first_name, caller.last_name),
        "Email": caller.email,
        "Username": caller.email,
        "Domain": tenant.options.subdomain,
    });
    let record = json!({
        "Principal": wire::entity(&call.base, "Principals", "Principal", &caller.id, principal),
        "AuthenticationType": "OAuth2",
        "OAuth2ClientName": tenant.options.client_id,
        "Tool": header("x-sfapi-tool").unwrap_or_default(),
        "Version": header("x-sfapi-toolversion").unwrap_or_default(),
        "ClientIPAddress": "127.0.0.1",
        "IsAuthenticated": true,
        "Name": caller.email,
    });
    Ok(wire::entity(&call.base, "Sessions", "Session", &caller.id, record))
}
