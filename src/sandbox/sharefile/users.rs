//! `Users` and `Users/AccountUser`: read and create (ShareFile API reference, sections 3.1 to 3.4).

use http::StatusCode;
use secrecy::SecretString;

use super::book::address_key;
use super::call::{Call, Members, Refusal};
use super::domains;
use super::feed::Answer;
use super::record::{Account, AccountKind, Mail, roles_of};
use super::rights;
use super::roles::{Role, RoleSet};
use super::switches::{DuplicateAnswer, ExcessRoles, UnprivilegedRead};
use super::tenant::Tenant;
use super::user_entity;

/// `GET /Users`: the caller, or the one user that `id` or `emailaddress` names.
pub(super) fn look_up(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    if let Some(id) = call.parameter("id") {
        return shown(tenant, call, readable(tenant, id)?);
    }
    let Some(address) = call.parameter("emailaddress") else {
        return shown(tenant, call, rights::caller(tenant, call)?);
    };
    let holder = tenant.book.holder_of(address).ok_or_else(Refusal::not_found)?;
    let primary = address_key(&holder.email) == address_key(address);
    if !primary && !tenant.switches.secondary_address_found {
        return Err(Refusal::not_found());
    }
    shown(tenant, call, holder)
}

/// `GET /Users(id)`.
pub(super) fn read(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    shown(tenant, call, readable(tenant, call.id(0))?)
}

fn readable<'t>(tenant: &'t Tenant, id: &str) -> Result<&'t Account, Refusal> {
    let account = tenant.by_id(id).ok_or_else(Refusal::not_found)?;
    if account.deleted && !tenant.switches.deleted_stay_readable {
        return Err(Refusal::not_found());
    }
    Ok(account)
}

/// Returns the record as far as the caller may see it; one's own is always whole.
fn shown(tenant: &Tenant, call: &Call<'_>, account: &Account) -> Result<Answer, Refusal> {
    if account.id == call.caller_id || rights::may_manage(tenant, call, account.kind) {
        return Ok(Answer::Json(user_entity::user(tenant, call, account)));
    }
    match tenant.switches.unprivileged_read {
        UnprivilegedRead::Reduced => {
            Ok(Answer::Json(user_entity::principal(tenant, call, account)))
        }
        UnprivilegedRead::Forbidden => Err(Refusal::forbidden("You may not read this user.")),
    }
}

/// `GET /Users(id)/Security`.
pub(super) fn security(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = readable(tenant, call.id(0))?;
    rights::require_self_or_manager(tenant, call, account)?;
    Ok(Answer::Json(user_entity::security(tenant, call, account)))
}

/// `GET /Users(id)/Preferences`.
pub(super) fn preferences(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = readable(tenant, call.id(0))?;
    rights::require_self_or_manager(tenant, call, account)?;
    Ok(Answer::Json(user_entity::preferences(tenant, call, account)))
}

/// What a create asks for.
struct Wanted {
    email: String,
    first_name: String,
    last_name: String,
    company: String,
    password: Option<String>,
    storage_quota_gb: i32,
    default_zone: Option<String>,
    can_reset_password: Option<bool>,
    can_view_my_settings: Option<bool>,
    roles: RoleSet,
}

/// `POST /Users`: creates a client.
pub(super) fn create_client(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    create(tenant, call, AccountKind::Client)
}

/// `POST /Users/AccountUser`: creates an employee.
pub(super) fn create_employee(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    create(tenant, call, AccountKind::Employee)
}

fn create(tenant: &mut Tenant, call: &Call<'_>, kind: AccountKind) -> Result<Answer, Refusal> {
    let notify = call.flag("notify")?;
    let if_necessary = call.flag("ifnecessary")?;
    let push_defaults = call.flag("pushcreatordefaultsettings")?;
    rights::require_manager(tenant, call, kind)?;
    let wanted = wanted(tenant, &call.body()?, kind)?;
    check_address(&wanted.email)?;
    if let Some(holder) = tenant.book.holder_of(&wanted.email) {
        let (id, held) = (holder.id, holder.kind);
        if !if_necessary {
            return Err(duplicate(tenant));
        }
        revive(tenant, call, id, held, kind)?;
        return shown_by_id(tenant, call, id);
    }
    check_new(tenant, kind, &wanted.email)?;
    if let Some(password) = &wanted.password {
        check_password(tenant, password)?;
    }
    check_zone(tenant, wanted.default_zone.as_deref())?;
    check_quota(tenant, wanted.storage_quota_gb)?;
    let roles = granted_roles(tenant, call, kind, wanted.roles, push_defaults)?;
    let account = made(tenant, call, kind, wanted, roles, push_defaults);
    let id = account.id;
    if notify {
        let to = account.email.to_string();
        send_welcome(tenant, call, to, &account, None);
    }
    tenant.book.insert(account);
    shown_by_id(tenant, call, id)
}

/// Returns the record of an account that was just made or changed.
pub(super) fn shown_by_id(
    tenant: &Tenant,
    call: &Call<'_>,
    id: uuid::Uuid,
) -> Result<Answer, Refusal> {
    let account = tenant.book.get(id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::Json(user_entity::user(tenant, call, account)))
}

/// Puts a welcome mail into the outbox.
pub(super) fn send_welcome(
    tenant: &mut Tenant,
    call: &Call<'_>,
    to: String,
    account: &Account,
    message: Option<String>,
) {
    let (occasion, account_id) = ("welcome".to_owned(), account.id.to_string());
    tenant.send(Mail { at: call.now, to, occasion, account_id, message });
}

/// What `ifNecessary` does to an account that is there already, where the switches say so.
fn revive(
    tenant: &mut Tenant,
    call: &Call<'_>,
    id: uuid::Uuid,
    held: AccountKind,
    kind: AccountKind,
) -> Result<(), Refusal> {
    if tenant.switches.if_necessary_enables
        && let Some(account) = tenant.book.get_mut(id)
    {
        account.disabled = false;
        account.soft_deleted = false;
    }
    let promoted = held == AccountKind::Client && kind == AccountKind::Employee;
    if promoted && tenant.switches.if_necessary_promotes {
        rights::require_both(tenant, call)?;
        check_seat(tenant)?;
        tenant.book.set_kind(id, AccountKind::Employee);
    }
    Ok(())
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
        roles: RoleSet::default(),
    };
    for (member, value) in [("FirstName", &wanted.first_name), ("LastName", &wanted.last_name)] {
        required(member, value)?;
    }
    if tenant.preferences.flag("RequireCompanyNameWithUserInfo") {
        required("Company", &wanted.company)?;
    }
    if kind == AccountKind::Employee {
        wanted.storage_quota_gb = quota(body)?.unwrap_or(-1);
        wanted.roles = asked_roles(&body.texts("roles")?)?;
        let flags = flagged_roles(body)?;
        if !tenant.switches.creation_takes_roles {
            wanted.roles = RoleSet::default();
        } else if !flags.is_empty() {
            let given = if wanted.roles.is_empty() { RoleSet::common() } else { wanted.roles };
            wanted.roles = given.and(flags);
        }
    }
    Ok(wanted)
}

/// Reads role names.
pub(super) fn asked_roles(names: &[String]) -> Result<RoleSet, Refusal> {
    let unknown = |name: String| Refusal::bad_request(&format!("There is no role {name}."));
    RoleSet::parse(names).map_err(unknown)
}

/// Returns the roles that members of `AccountUser` ask for by a flag.
pub(super) fn flagged_roles(body: &Members) -> Result<RoleSet, Refusal> {
    let flags = [
        ("cancreatefolders", Role::CanCreateFolders),
        ("canusefilebox", Role::CanUseFileBox),
        ("canmanageusers", Role::CanManageUsers),
        ("isadministrator", Role::AdminAccountPolicies),
    ];
    let mut roles = RoleSet::default();
    for (member, role) in flags {
        if body.boolean(member)? == Some(true) {
            roles = roles.with(role);
        }
    }
    Ok(roles)
}

/// Returns the storage quota that a body asks for, in gigabytes.
pub(super) fn quota(body: &Members) -> Result<Option<i32>, Refusal> {
    let quota = body.integer("storagequotalimitgb")?;
    let wrong = |_| Refusal::wrong_type("StorageQuotaLimitGB");
    quota.map(|quota| i32::try_from(quota).map_err(wrong)).transpose()
}

/// Returns the zone that a body asks for.
pub(super) fn zone(body: &Members) -> Result<Option<String>, Refusal> {
    match body.object("defaultzone")? {
        Some(zone) => Ok(zone.text("id")?.map(str::to_owned)),
        None => Ok(None),
    }
}

/// Refuses a value that says nothing.
pub(super) fn required(member: &str, value: &str) -> Result<(), Refusal> {
    if value.trim().is_empty() {
        return Err(Refusal::bad_request(&format!("{member} is required.")));
    }
    Ok(())
}

/// Refuses what is no address.
pub(super) fn check_address(address: &str) -> Result<(), Refusal> {
    required("Email", address)?;
    let well_formed = address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    if !well_formed || address.contains(char::is_whitespace) {
        return Err(Refusal::bad_request("Email is not a valid address."));
    }
    Ok(())
}

/// Returns the refusal of an address that belongs to another account.
pub(super) fn duplicate(tenant: &Tenant) -> Refusal {
    match tenant.switches.duplicates {
        DuplicateAnswer::Conflict => {
            Refusal::conflict("The e-mail address is already in use on this account.")
        }
        DuplicateAnswer::NotFound => Refusal::not_found(),
    }
}

fn licence_refusal(tenant: &Tenant, reason: &'static str, message: &str) -> Refusal {
    let status = StatusCode::from_u16(tenant.switches.licence_status);
    Refusal::new(status.unwrap_or(StatusCode::FORBIDDEN), reason, message)
}

fn rule_refusal(tenant: &Tenant, reason: &'static str, message: &str) -> Refusal {
    let status = StatusCode::from_u16(tenant.switches.rule_status);
    Refusal::new(status.unwrap_or(StatusCode::BAD_REQUEST), reason, message)
}

/// Refuses a client in a domain that is reserved for employees (section 3.4).
pub(super) fn check_client_domain(tenant: &Tenant, address: &str) -> Result<(), Refusal> {
    if tenant.employees_only(address) {
        let message = "Addresses of this domain can only belong to employees.";
        return Err(licence_refusal(tenant, "ClientMustBeCreatedAsEmployee", message));
    }
    Ok(())
}

/// Refuses an employee for whom there is no licence.
pub(super) fn check_seat(tenant: &Tenant) -> Result<(), Refusal> {
    if tenant.book.count(AccountKind::Employee) >= tenant.options.employee_max {
        let message = "All employee licenses are in use.";
        return Err(licence_refusal(tenant, "EmployeeLicensesExceeded", message));
    }
    Ok(())
}

/// Refuses a new account that breaks the rules of the tenant (section 3.4).
pub(super) fn check_new(tenant: &Tenant, kind: AccountKind, address: &str) -> Result<(), Refusal> {
    if tenant.switches.creation_checks_domains {
        domains::check_address(tenant, &tenant.login_domains, address)?;
    }
    match kind {
        AccountKind::Client => check_client_domain(tenant, address),
        AccountKind::Employee => check_seat(tenant),
    }
}

/// Refuses a password that the policy of the account does not allow (section 3.3).
pub(super) fn check_password(tenant: &Tenant, password: &str) -> Result<(), Refusal> {
    let rules = &tenant.preferences;
    let at_least = |count: usize, rule: &str| {
        i64::try_from(count).is_ok_and(|count| count >= rules.number(rule))
    };
    let numeric = password.chars().filter(char::is_ascii_digit).count();
    let special = password.chars().filter(|c| !c.is_alphanumeric()).count();
    if at_least(password.chars().count(), "MinimumLength")
        && at_least(numeric, "MinimumNumeric")
        && at_least(special, "MinimumSpecialCharacters")
    {
        return Ok(());
    }
    let message = "The password does not meet the requirements.";
    Err(rule_refusal(tenant, "InvalidPassword", message))
}

/// Refuses a zone that does not exist.
pub(super) fn check_zone(tenant: &Tenant, zone_id: Option<&str>) -> Result<(), Refusal> {
    let known = |id: &str| tenant.zones.iter().any(|zone| zone.id.eq_ignore_ascii_case(id));
    if zone_id.is_some_and(|id| !known(id)) {
        return Err(rule_refusal(tenant, "ZoneUnavailable", "There is no such zone."));
    }
    Ok(())
}

/// Refuses a quota where the plan has none (section 3.4).
pub(super) fn check_quota(tenant: &Tenant, quota_gb: i32) -> Result<(), Refusal> {
    if quota_gb >= 0 && !tenant.preferences.flag("IsQuotaLimitAvailable") {
        let message = "The plan does not offer quotas.";
        return Err(rule_refusal(tenant, "FeatureDisabled", message));
    }
    Ok(())
}

/// Returns the roles of a new account: those asked for, as far as the caller holds them; with
/// pushed settings also the caller's own permissions to use the product.
fn granted_roles(
    tenant: &Tenant,
    call: &Call<'_>,
    kind: AccountKind,
    asked: RoleSet,
    push_defaults: bool,
) -> Result<RoleSet, Refusal> {
    let caller = rights::caller(tenant, call)?;
    let asked = asked.without(RoleSet::markers());
    let mut roles = asked.within(caller.grantable());
    if roles != asked && tenant.switches.excess_roles == ExcessRoles::Refuse {
        return Err(Refusal::forbidden("You may only grant permissions that you hold."));
    }
    if push_defaults && kind == AccountKind::Employee {
        roles = roles.and(caller.roles.within(RoleSet::using()));
    }
    Ok(roles_of(kind, roles))
}

fn made(
    tenant: &mut Tenant,
    call: &Call<'_>,
    kind: AccountKind,
    wanted: Wanted,
    roles: RoleSet,
    push_defaults: bool,
) -> Account {
    let mut account = Account::new(tenant.next_id(), kind, &wanted.email, call.now);
    account.first_name = wanted.first_name.into();
    account.last_name = wanted.last_name.into();
    account.company = tenant.book.company(&wanted.company);
    account.roles = roles;
    account.referred_by = Some(call.caller_id);
    account.storage_quota_gb = wanted.storage_quota_gb;
    if push_defaults && let Some(creator) = tenant.book.get(call.caller_id) {
        account.more_mut().preferences = creator.more().preferences.clone();
    }
    let flags = [
        ("CanResetPassword", wanted.can_reset_password),
        ("CanViewMySettings", wanted.can_view_my_settings),
    ];
    for (name, wanted) in flags {
        if let Some(allowed) = wanted {
            account.more_mut().preferences.set(name, allowed);
        }
    }
    if wanted.password.is_some() {
        account.more_mut().password = wanted.password.map(SecretString::from);
    }
    if wanted.default_zone.is_some() {
        account.more_mut().default_zone = wanted.default_zone;
    }
    account
}
