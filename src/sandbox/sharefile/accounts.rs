//! `Accounts`: the account itself, and the lists of its people (ShareFile API reference, sections
//! 3.1 and 5).

use http::StatusCode;
use serde_json::{Value, json};

use super::call::{Call, Refusal};
use super::feed::{self, Answer, Rows};
use super::record::AccountKind;
use super::rights;
use super::roles::Role;
use super::tenant::Tenant;
use super::values::Values;
use super::{domains, tables, token, user_entity, wire, zones};

/// How many users the plan includes before any are bought.
const BASE_USERS: u32 = 5;

/// `GET /Accounts` and `GET /Accounts(id)`.
pub(super) fn account(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_employee(tenant, call)?;
    let other = |id: &&str| !tenant.account_id.to_string().eq_ignore_ascii_case(id);
    if call.ids.first().is_some_and(other) {
        return Err(Refusal::not_found());
    }
    let options = &tenant.options;
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
    expand(&mut record, tenant, call);
    let entity = wire::entity(&call.base, "Accounts", "Account", tenant.account_id, record);
    Ok(Answer::Json(entity))
}

fn expand(record: &mut Value, tenant: &Tenant, call: &Call<'_>) {
    if call.expands("UserUsage") || !tenant.switches.usage_needs_expand {
        let usage = json!({
            "EmployeeMax": tenant.options.employee_max,
            "EmployeeCount": tenant.book.count(AccountKind::Employee),
            "ClientCount": tenant.book.count(AccountKind::Client),
        });
        let usage = wire::entity(&call.base, "UserUsage", "UserUsage", tenant.account_id, usage);
        wire::put(record, "UserUsage", usage);
    }
    let people = [
        ("MasterAdmin", tenant.master_admin_id),
        ("BillingContact", tenant.billing_contact_id),
        ("TechnicalContact", tenant.master_admin_id),
    ];
    for (member, id) in people {
        if let Some(person) = tenant.book.get(id).filter(|_| call.expands(member)) {
            wire::put(record, member, user_entity::principal(tenant, call, person));
        }
    }
    if call.expands("SSO") && rights::holds(tenant, call, Role::AdminSSO) {
        wire::put(record, "SSO", sso_entity(tenant, call));
    }
    type Part = fn(&Tenant, &Call<'_>) -> Value;
    let parts: [(&str, Part); 5] = [
        ("Preferences", preferences_entity),
        ("ProductDefaults", product_entity),
        ("MobileSecuritySettings", mobile_entity),
        ("LoginAccessControlDomains", |tenant, call| domains::entity(tenant, call, true)),
        ("FolderAccessControlDomains", |tenant, call| domains::entity(tenant, call, false)),
    ];
    for (member, part) in parts {
        if call.expands(member) {
            wire::put(record, member, part(tenant, call));
        }
    }
}

/// `GET /Accounts/Employees`.
pub(super) fn employees(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    list(tenant, call, AccountKind::Employee, "Accounts/Employees")
}

/// `GET /Accounts/Clients`.
pub(super) fn clients(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    list(tenant, call, AccountKind::Client, "Accounts/Clients")
}

fn list(
    tenant: &Tenant,
    call: &Call<'_>,
    kind: AccountKind,
    path: &str,
) -> Result<Answer, Refusal> {
    rights::require_manager(tenant, call, kind)?;
    feed::feed(tenant, call, "Contacts", path, Rows::Contacts(tenant.listed(kind)))
}

fn shown(
    tenant: &Tenant,
    call: &Call<'_>,
    entity: fn(&Tenant, &Call<'_>) -> Value,
) -> Result<Answer, Refusal> {
    rights::require_employee(tenant, call)?;
    Ok(Answer::Json(entity(tenant, call)))
}

/// `GET /Accounts/Preferences`.
pub(super) fn preferences(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    shown(tenant, call, preferences_entity)
}

/// `PATCH /Accounts/Preferences`: also the members of `PasswordPolicy`.
pub(super) fn change_preferences(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_account_role(tenant, call, Role::AdminAccountPolicies)?;
    let body = call.body()?;
    let mut changed = tenant.preferences.clone();
    changed.patch(&body, |_| true)?;
    if let Some(policy) = body.object("passwordpolicy")? {
        for (member, preference) in PASSWORD_NUMBERS {
            if let Some(number) = policy.integer(&member.to_ascii_lowercase())? {
                changed.set(preference, number);
            }
        }
        if let Some(text) = policy.text("allowedspecialcharacters")? {
            changed.set("AllowedSpecialCharacters", text);
        }
    }
    tenant.preferences = changed;
    let forced = tenant.preferences.flag("ForceSSO");
    tenant.single_sign_on.set("ForceSSO", forced);
    Ok(Answer::Json(preferences_entity(tenant, call)))
}

/// Members of `PasswordPolicy`, and the preferences that say the same.
const PASSWORD_NUMBERS: [(&str, &str); 5] = [
    ("MaxAgeDays", "PasswordMaxAgeDays"),
    ("HistoryCount", "PasswordHistoryCount"),
    ("MinimumLength", "MinimumLength"),
    ("MinimumSpecialCharacters", "MinimumSpecialCharacters"),
    ("MinimumNumeric", "MinimumNumeric"),
];

fn preferences_entity(tenant: &Tenant, call: &Call<'_>) -> Value {
    let preferences = &tenant.preferences;
    let mut members = Value::Object(preferences.members());
    wire::put(&mut members, "AccountID", tenant.account_id.to_string());
    wire::put(&mut members, "SuperGroupId", tenant.super_group_id.as_str());
    let mut policy = json!({});
    for (member, preference) in PASSWORD_NUMBERS {
        wire::put(&mut policy, member, preferences.get(preference));
    }
    wire::put(&mut policy, "AllowedSpecialCharacters", preferences.get("AllowedSpecialCharacters"));
    let set = "PasswordPolicy";
    let policy = wire::entity(&call.base, set, set, tenant.account_id, policy);
    wire::put(&mut members, set, policy);
    if let Some(zone) = zones::of(tenant, None).filter(|_| call.expands("DefaultZone")) {
        wire::put(&mut members, "DefaultZone", zones::entity(call, zone));
    }
    let set = "AccountPreferences";
    wire::entity(&call.base, set, set, tenant.account_id, members)
}

/// `GET /Accounts/ProductDefaults`.
pub(super) fn product_defaults(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    shown(tenant, call, product_entity)
}

fn product_entity(tenant: &Tenant, call: &Call<'_>) -> Value {
    let members = json!({
        "ProductName": "ShareFile",
        "DefaultWindowTitle": "ShareFile",
        "TopLevelDomain": call.site.domain,
        "APITopLevelDomain": call.site.domain,
        "DefaultApiVersion": "v3",
        "NoReplyUserName": "ShareFile Notifications",
        "NoReplyUserEmail": "noreply@sharefile.example",
        "SupportUserName": "ShareFile Support",
        "SupportUserEmail": "support@sharefile.example",
        "SystemType": "ShareFile",
    });
    let set = "ProductDefaults";
    wire::entity(&call.base, set, set, tenant.account_id, members)
}

/// `GET /Accounts/MobileSecuritySettings`.
pub(super) fn mobile_settings(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    shown(tenant, call, mobile_entity)
}

fn mobile_entity(tenant: &Tenant, call: &Call<'_>) -> Value {
    let members = Value::Object(Values::new(tables::MOBILE).members());
    let set = "MobileSecuritySettings";
    wire::entity(&call.base, set, set, tenant.account_id, members)
}

/// `GET /Accounts/Branding`: nobody need sign in.
pub(super) fn branding(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let record = json!({
        "CompanyName": tenant.options.company_name,
        "Subdomain": tenant.options.subdomain,
        "UseAdvancedCustomBranding": false,
        "BrandingStyles": {},
    });
    let entity = wire::entity(&call.base, "Accounts", "Account", tenant.account_id, record);
    Ok(Answer::Json(entity))
}

/// `GET /Accounts/Tenants`: the account is no partner's.
pub(super) fn tenants(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_employee(tenant, call)?;
    feed::feed(tenant, call, "Accounts", "Accounts/Tenants", Rows::Ready(Vec::new()))
}

/// `GET /Accounts/RequireSubdomain`: an address belongs to this one account or to none.
pub(super) fn require_subdomain(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    super::users::required("username", call.given("username").unwrap_or_default())?;
    let set = "RequireSubdomainResult";
    let members = json!({ "RequireSubdomain": false });
    Ok(Answer::Json(wire::entity(&call.base, set, set, tenant.account_id, members)))
}

fn require_saml(call: &Call<'_>) -> Result<(), Refusal> {
    match call.given("provider") {
        Some(provider) if !provider.eq_ignore_ascii_case("saml") => Err(Refusal::not_found()),
        _ => Ok(()),
    }
}

/// `GET /Accounts/SSO`.
pub(super) fn single_sign_on(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_account_role(tenant, call, Role::AdminSSO)?;
    require_saml(call)?;
    let known = tenant.single_sign_on.text("EntityID");
    if call.given("idpentityid").is_some_and(|wanted| wanted != known) {
        return Err(Refusal::not_found());
    }
    Ok(Answer::Json(sso_entity(tenant, call)))
}

/// `PATCH /Accounts/SSO`.
pub(super) fn change_single_sign_on(
    tenant: &mut Tenant,
    call: &Call<'_>,
) -> Result<Answer, Refusal> {
    rights::require_account_role(tenant, call, Role::AdminSSO)?;
    require_saml(call)?;
    let writable = |name: &str| tables::SINGLE_SIGN_ON_WRITABLE.contains(&name);
    tenant.single_sign_on.patch(&call.body()?, writable)?;
    let (active, forced) =
        (tenant.single_sign_on.flag("IsActive"), tenant.single_sign_on.flag("ForceSSO"));
    tenant.preferences.set("EnableSSO", active);
    tenant.preferences.set("ForceSSO", forced);
    Ok(Answer::Json(sso_entity(tenant, call)))
}

fn sso_entity(tenant: &Tenant, call: &Call<'_>) -> Value {
    let members = Value::Object(tenant.single_sign_on.members());
    let set = "SSOAccountProvider";
    wire::entity(&call.base, set, set, tenant.account_id, members)
}

/// `GET /Accounts/SSOInfo`: where signing in happens. Whether that takes a login is unknown.
pub(super) fn sso_info(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    if tenant.switches.sso_info_needs_login {
        token::require_login(tenant, call)?;
    }
    let subdomain = call.given("subdomain").unwrap_or(&tenant.options.subdomain);
    if !subdomain.eq_ignore_ascii_case(&tenant.options.subdomain) {
        let message = "There is no such subdomain.";
        return Err(Refusal::new(StatusCode::NOT_FOUND, "NotFound", message));
    }
    let mut pairs = vec![("Enabled", tenant.preferences.flag("EnableSSO").to_string())];
    if tenant.preferences.flag("EnableSSO") {
        pairs.push(("LoginUrl", tenant.single_sign_on.text("LoginUrl")));
        pairs.push(("EntityID", tenant.single_sign_on.text("EntityID")));
    }
    let entries = pairs.into_iter().map(|(key, value)| {
        let members = json!({ "Key": key, "Value": value });
        wire::entity(&call.base, "SSOInfoEntries", "SSOInfoEntry", key, members)
    });
    let members = json!({
        "Info": entries.collect::<Vec<_>>(),
        "AppControlPlane": call.site.domain,
        "ApiControlPlane": call.site.domain,
    });
    Ok(Answer::Json(wire::entity(&call.base, "SSOInfo", "SSOInfo", tenant.account_id, members)))
}
