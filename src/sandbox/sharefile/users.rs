//! `Users` and `Users/AccountUser`: read, create, change, delete (ShareFile API reference,
//! sections 3.1 to 3.7).

use http::StatusCode;
use secrecy::SecretString;
use serde_json::Value;

use super::call::{Call, Members, Refusal};
use super::record::{Account, AccountKind, COMMON_ROLES, Mail, Preferences};
use super::switches::{DuplicateAnswer, ExcessRoles, UnprivilegedRead};
use super::tenant::Tenant;
use super::wire;

/// The shortest password the tenant takes, in characters.
const PASSWORD_LENGTH: usize = 8;

/// Returns whether the caller may manage accounts of a type (section 1.6).
pub(super) fn may_manage(tenant: &Tenant, call: &Call<'_>, kind: AccountKind) -> bool {
    tenant.by_id(&call.caller_id).is_some_and(|caller| caller.has_role(kind.managed_by()))
}

fn require_rights(tenant: &Tenant, call: &Call<'_>, kind: AccountKind) -> Result<(), Refusal> {
    if may_manage(tenant, call, kind) {
        return Ok(());
    }
    let message = format!("The permission {} is required.", kind.managed_by());
    Err(Refusal::forbidden(&message))
}

/// `GET /Users`: the caller, or the one user that `id` or `emailaddress` names.
pub(super) fn look_up(tenant: &Tenant, call: &Call<'_>) -> Result<Value, Refusal> {
    if let Some(id) = call.parameter("id") {
        return read(tenant, call, id);
    }
    let Some(address) = call.parameter("emailaddress") else {
        return read(tenant, call, &call.caller_id);
    };
    let holder = tenant.holder_of(address).ok_or_else(Refusal::not_found)?;
    let primary = holder.email.trim().to_lowercase() == address.trim().to_lowercase();
    if !primary && !tenant.switches.secondary_address_found {
        return Err(Refusal::not_found());
    }
    shown(tenant, call, holder)
}

/// `GET /Users(id)`.
pub(super) fn read(tenant: &Tenant, call: &Call<'_>, id: &str) -> Result<Value, Refusal> {
    shown(tenant, call, readable(tenant, id)?)
}

fn readable<'t>(tenant: &'t Tenant, id: &str) -> Result<&'t Account, Refusal> {
    let account = tenant.by_id(id).ok_or_else(Refusal::not_found)?;
    if account.deleted && !tenant.switches.deleted_stay_readable {
        return Err(Refusal::not_found());
    }
    Ok(account)
}

/// Returns the record as far as the caller may see it; one's own is always whole.
fn shown(tenant: &Tenant, call: &Call<'_>, account: &Account) -> Result<Value, Refusal> {
    if account.id == call.caller_id || may_manage(tenant, call, account.kind) {
        return Ok(wire::user(tenant, call, account));
    }
    match tenant.switches.unprivileged_read {
        UnprivilegedRead::Reduced => Ok(wire::reduced_user(tenant, call, account)),
        UnprivilegedRead::Forbidden => Err(Refusal::forbidden("You may not read this user.")),
    }
}

/// `GET /Users(id)/Security` and `GET /Users(id)/Preferences`.
pub(super) fn read_part(
    tenant: &Tenant,
    call: &Call<'_>,
    id: &str,
    render: fn(&str, &Account) -> Value,
) -> Result<Value, Refusal> {
    let account = readable(tenant, id)?;
    if account.id != call.caller_id {
        require_rights(tenant, call, account.kind)?;
    }
    Ok(wire::select(call, render(&call.base, account)))
}

/// What a create asks for.
struct Wanted {
    email: String,
    first_name: String,
    last_name: String,
    company: String,
    password: Option<String>,
    storage_quota_gb: i64,
    default_zone: Option<String>,
    can_reset_password: Option<bool>,
    can_view_my_settings: Option<bool>,
    roles: Vec<String>,
}

/// `POST /Users` (a client) and `POST /Users/AccountUser` (an employee).
pub(super) fn create(
    tenant: &mut Tenant,
    call: &Call<'_>,
    kind: AccountKind,
) -> Result<Value, Refusal> {
    let notify = call.flag("notify")?;
    let if_necessary = call.flag("ifnecessary")?;
    let push_defaults = call.flag("pushcreatordefaultsettings")?;
    require_rights(tenant, call, kind)?;
    let wanted = wanted(tenant, &call.body()?, kind)?;
    check_address(&wanted.email)?;
    if let Some(holder) = tenant.holder_of(&wanted.email) {
        return if if_necessary {
            Ok(wire::user(tenant, call, holder))
        } else {
            Err(duplicate(tenant))
        };
    }
    check_business_rules(tenant, kind, &wanted)?;
    let roles = granted_roles(tenant, call, kind, wanted.roles.clone(), push_defaults)?;
    let account = made(tenant, call, kind, wanted, roles, push_defaults);
    let id = account.id.clone();
    if notify {
        let to = account.email.clone();
        let occasion = "welcome".to_owned();
        tenant.send(Mail { at: call.now, to, occasion, account_id: id.clone() });
    }
    tenant.insert(account);
    let account = tenant.by_id(&id).ok_or_else(Refusal::not_found)?;
    Ok(wire::user(tenant, call, account))
}

fn wanted(tenant: &Tenant, body: &Members, kind: AccountKind) -> Result<Wanted, Refusal> {
    let text = |name: &str| -> Result<String, Refusal> {
        let given = body.text(name)?.filter(|_| !tenant.switches.ignores(name));
        Ok(tenant.switches.kept(given.unwrap_or_default()))
    };
    let preferences = body.object("preferences")?;
    let preference = |name: &str| match &preferences {
        Some(preferences) => preferences.boolean(name),
        None => Ok(None),
    };
    let mut wanted = Wanted {
        email: body.text("email")?.unwrap_or_default().trim().to_owned(),
        first_name: text("firstname")?,
        last_name: text("lastname")?,
        company: text("company")?,
        password: body.text("password")?.map(str::to_owned),
        storage_quota_gb: -1,
        default_zone: zone(body)?,
        can_reset_password: preference("canresetpassword")?,
        can_view_my_settings: preference("canviewmysettings")?,
        roles: Vec::new(),
    };
    for (member, value) in [("FirstName", &wanted.first_name), ("LastName", &wanted.last_name)] {
        required(member, value)?;
    }
    if tenant.options.require_company {
        required("Company", &wanted.company)?;
    }
    if kind == AccountKind::Employee {
        wanted.storage_quota_gb = body.integer("storagequotalimitgb")?.unwrap_or(-1);
        wanted.roles = body.texts("roles")?;
        for role in ["CanCreateFolders", "CanUseFileBox", "CanManageUsers"] {
            if body.boolean(&role.to_ascii_lowercase())? == Some(true) {
                if wanted.roles.is_empty() {
                    wanted.roles.extend(COMMON_ROLES.map(str::to_owned));
                }
                wanted.roles.push(role.to_owned());
            }
        }
    }
    Ok(wanted)
}

fn zone(body: &Members) -> Result<Option<String>, Refusal> {
    match body.object("defaultzone")? {
        Some(zone) => Ok(zone.text("id")?.map(str::to_owned)),
        None => Ok(None),
    }
}

fn required(member: &str, value: &str) -> Result<(), Refusal> {
    if value.trim().is_empty() {
        return Err(Refusal::bad_request(&format!("{member} is required.")));
    }
    Ok(())
}

fn check_address(address: &str) -> Result<(), Refusal> {
    required("Email", address)?;
    let well_formed = address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    if !well_formed || address.contains(char::is_whitespace) {
        return Err(Refusal::bad_request("Email is not a valid address."));
    }
    Ok(())
}

fn duplicate(tenant: &Tenant) -> Refusal {
    match tenant.switches.duplicates {
        DuplicateAnswer::Conflict => {
            let message = "The e-mail address is already in use on this account.";
            Refusal::new(StatusCode::CONFLICT, "Conflict", message)
        }
        DuplicateAnswer::NotFound => Refusal::not_found(),
    }
}

fn must_be_employee() -> Refusal {
    let message = "Addresses of this domain can only belong to employees.";
    Refusal::new(StatusCode::FORBIDDEN, "ClientMustBeCreatedAsEmployee", message)
}

/// Strict employee domains, the licence pool and the password policy (section 3.4).
fn check_business_rules(
    tenant: &Tenant,
    kind: AccountKind,
    wanted: &Wanted,
) -> Result<(), Refusal> {
    match kind {
        AccountKind::Client if tenant.employees_only(&wanted.email) => {
            return Err(must_be_employee());
        }
        AccountKind::Employee if tenant.count(kind) >= tenant.options.employee_max => {
            let message = "All employee licenses are in use.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "EmployeeLicensesExceeded", message));
        }
        _ => {}
    }
    let short = wanted.password.as_ref().is_some_and(|p| p.chars().count() < PASSWORD_LENGTH);
    if short {
        let message = "The password does not meet the requirements.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidPassword", message));
    }
    Ok(())
}

/// Returns the roles of a new account: those asked for, as far as the caller holds them; with
/// pushed settings also the caller's own permissions to use the product.
fn granted_roles(
    tenant: &Tenant,
    call: &Call<'_>,
    kind: AccountKind,
    mut roles: Vec<String>,
    push_defaults: bool,
) -> Result<Vec<String>, Refusal> {
    let caller = tenant.by_id(&call.caller_id).ok_or_else(Refusal::unauthenticated)?;
    let asked = roles.len();
    roles.retain(|role| caller.has_role(role) || ["Employee", "Client"].contains(&role.as_str()));
    if roles.len() < asked && tenant.switches.excess_roles == ExcessRoles::Refuse {
        return Err(Refusal::forbidden("You may only grant permissions that you hold."));
    }
    if push_defaults && kind == AccountKind::Employee {
        roles.extend(caller.roles.iter().filter(|role| role.starts_with("Can")).cloned());
    }
    Ok(Account::roles_of(kind, &roles))
}

fn made(
    tenant: &mut Tenant,
    call: &Call<'_>,
    kind: AccountKind,
    wanted: Wanted,
    roles: Vec<String>,
    push_defaults: bool,
) -> Account {
    let creator = tenant.by_id(&call.caller_id).filter(|_| push_defaults);
    let mut preferences: Preferences =
        creator.map(|creator| creator.preferences.clone()).unwrap_or_default();
    if let Some(allowed) = wanted.can_reset_password {
        preferences.can_reset_password = allowed;
    }
    if let Some(allowed) = wanted.can_view_my_settings {
        preferences.can_view_my_settings = allowed;
    }
    Account {
        id: tenant.next_id(),
        email: wanted.email,
        other_addresses: Vec::new(),
        first_name: wanted.first_name,
        last_name: wanted.last_name,
        company: wanted.company,
        kind,
        roles,
        disabled: false,
        deleted: false,
        confirmed: false,
        created: call.now,
        last_login: None,
        referred_by: Some(call.caller_id.clone()),
        password: wanted.password.map(SecretString::from),
        storage_quota_gb: wanted.storage_quota_gb,
        default_zone: wanted.default_zone,
        preferences,
    }
}

/// What a PATCH asks for; `None` leaves a value alone.
#[derive(Default)]
struct Change {
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    company: Option<String>,
    disabled: Option<bool>,
    default_zone: Option<String>,
    storage_quota_gb: Option<i64>,
}

/// `PATCH /Users(id)` and, with `as_employee`, `PATCH /Users/AccountUser(id)` (section 3.5).
///
/// Members that are unknown or not writable are ignored. Promotion is not offered yet.
pub(super) fn change(
    tenant: &mut Tenant,
    call: &Call<'_>,
    id: &str,
    as_employee: bool,
) -> Result<Value, Refusal> {
    let account = tenant.living(id).ok_or_else(Refusal::not_found)?;
    require_rights(tenant, call, account.kind)?;
    let (id, kind) = (account.id.clone(), account.kind);
    let body = call.body()?;
    if as_employee && kind == AccountKind::Client {
        return Err(Refusal::method_not_allowed());
    }
    if as_employee && body.boolean("isemployee")? == Some(false) {
        return Err(Refusal::method_not_allowed());
    }
    let change = asked_change(tenant, &body, as_employee)?;
    check_change(tenant, call, &id, kind, &change)?;
    make_change(tenant, &id, change);
    let account = tenant.by_id(&id).ok_or_else(Refusal::not_found)?;
    Ok(wire::user(tenant, call, account))
}

fn asked_change(tenant: &Tenant, body: &Members, as_employee: bool) -> Result<Change, Refusal> {
    let text = |name: &str| -> Result<Option<String>, Refusal> {
        if tenant.switches.ignores(name) {
            return Ok(None);
        }
        if tenant.switches.null_clears && body.get(name).is_some_and(Value::is_null) {
            return Ok(Some(String::new()));
        }
        Ok(body.text(name)?.map(|text| tenant.switches.kept(text)))
    };
    let security = body.object("security")?.filter(|_| !tenant.switches.ignores("security"));
    let disabled = match security {
        Some(security) => security.boolean("isdisabled")?,
        None => None,
    };
    let storage_quota_gb = if as_employee { body.integer("storagequotalimitgb")? } else { None };
    Ok(Change {
        email: text("email")?.map(|address| address.trim().to_owned()),
        first_name: text("firstname")?,
        last_name: text("lastname")?,
        company: text("company")?,
        disabled,
        default_zone: zone(body)?,
        storage_quota_gb,
    })
}

fn check_change(
    tenant: &Tenant,
    call: &Call<'_>,
    id: &str,
    kind: AccountKind,
    change: &Change,
) -> Result<(), Refusal> {
    for (member, value) in [("FirstName", &change.first_name), ("LastName", &change.last_name)] {
        if let Some(value) = value {
            required(member, value)?;
        }
    }
    if let Some(company) = change.company.as_ref().filter(|_| tenant.options.require_company) {
        required("Company", company)?;
    }
    if let Some(address) = &change.email {
        check_address(address)?;
        if tenant.holder_of(address).is_some_and(|holder| holder.id != id) {
            return Err(duplicate(tenant));
        }
        if kind == AccountKind::Client && tenant.employees_only(address) {
            return Err(must_be_employee());
        }
    }
    if change.disabled == Some(true) {
        check_removal(tenant, call, id)?;
    }
    Ok(())
}

/// Refuses to disable or delete those without whom the tenant has no head (section 7).
fn check_removal(tenant: &Tenant, call: &Call<'_>, id: &str) -> Result<(), Refusal> {
    if tenant.switches.protect_owners && tenant.is_owner(id) {
        return Err(Refusal::forbidden(
            "The master administrator and the billing contact cannot be disabled or deleted.",
        ));
    }
    if !tenant.switches.self_removal && call.caller_id == id {
        return Err(Refusal::forbidden("You cannot disable or delete yourself."));
    }
    Ok(())
}

fn make_change(tenant: &mut Tenant, id: &str, change: Change) {
    if let Some(address) = change.email {
        let keep_old = tenant.switches.keep_old_address;
        let Some(account) = tenant.by_id(id) else { return };
        let key = |address: &str| address.trim().to_lowercase();
        let mut others = account.other_addresses.clone();
        if keep_old {
            others.push(account.email.clone());
        }
        others.retain(|other| key(other) != key(&address));
        tenant.set_addresses(id, address, others);
    }
    let Some(account) = tenant.by_id_mut(id) else { return };
    if let Some(first_name) = change.first_name {
        account.first_name = first_name;
    }
    if let Some(last_name) = change.last_name {
        account.last_name = last_name;
    }
    if let Some(company) = change.company {
        account.company = company;
    }
    if let Some(disabled) = change.disabled {
        account.disabled = disabled;
    }
    if let Some(zone) = change.default_zone {
        account.default_zone = Some(zone);
    }
    if let Some(quota) = change.storage_quota_gb {
        account.storage_quota_gb = quota;
    }
}

/// `DELETE /Users(id)`: only disables, unless `completely=true` (section 3.7).
pub(super) fn delete(tenant: &mut Tenant, call: &Call<'_>, id: &str) -> Result<(), Refusal> {
    let completely = call.flag("completely")?;
    let account = tenant.living(id).ok_or_else(Refusal::not_found)?;
    require_rights(tenant, call, account.kind)?;
    let id = account.id.clone();
    check_removal(tenant, call, &id)?;
    if !completely {
        if let Some(account) = tenant.by_id_mut(&id) {
            account.disabled = true;
        }
        return Ok(());
    }
    if tenant.billing_contact_id == id {
        return Err(Refusal::forbidden("The billing contact must be replaced first."));
    }
    for heir in ["itemsreassignto", "groupsreassignto"] {
        let heir = call.parameter(heir).filter(|heir| !heir.is_empty());
        if heir.is_some_and(|heir| tenant.living(heir).is_none()) {
            return Err(Refusal::not_found());
        }
    }
    tenant.remove(&id);
    Ok(())
}
