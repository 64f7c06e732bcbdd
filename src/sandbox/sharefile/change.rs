//! Changes of people: PATCH, promotion, preferences, roles (ShareFile API reference, sections 3.5
//! and 3.6).

use http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use super::call::{Call, Members, Refusal};
use super::feed::Answer;
use super::policies::Category;
use super::record::{Account, AccountKind, Mail, roles_of};
use super::rights;
use super::roles::RoleSet;
use super::switches::{ExcessRoles, PolicyOverRoles, SettableRoles};
use super::tenant::Tenant;
use super::users;

/// What a PATCH asks for; `None` leaves a value alone.
#[derive(Default)]
struct Change {
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    company: Option<String>,
    disabled: Option<bool>,
    default_zone: Option<String>,
    storage_quota_gb: Option<i32>,
    bandwidth: Option<i64>,
    promotion: Option<RoleSet>,
}

/// `PATCH /Users(id)`. Members that are unknown or not writable are ignored.
pub(super) fn change_user(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    change(tenant, call, false)
}

/// `PATCH /Users/AccountUser(id)`: also quota, bandwidth and promotion.
pub(super) fn change_employee(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    change(tenant, call, true)
}

fn change(tenant: &mut Tenant, call: &Call<'_>, as_employee: bool) -> Result<Answer, Refusal> {
    let account = tenant.living(call.id(0)).ok_or_else(Refusal::not_found)?;
    rights::require_manager(tenant, call, account.kind)?;
    let (id, kind) = (account.id, account.kind);
    let body = call.body()?;
    let promoted = as_employee && promotes(&body, kind)?;
    let mut change = asked_change(tenant, &body, as_employee)?;
    if promoted {
        rights::require_both(tenant, call)?;
        users::check_seat(tenant)?;
        change.promotion = Some(users::flagged_roles(&body)?);
    }
    check_change(tenant, call, id, if promoted { AccountKind::Employee } else { kind }, &change)?;
    make_change(tenant, call, id, change)?;
    users::shown_by_id(tenant, call, id)
}

/// Returns whether a PATCH makes an employee of a client. The reverse is the business of the
/// downgrade, and a client has nothing else that an employee has.
fn promotes(body: &Members, kind: AccountKind) -> Result<bool, Refusal> {
    match (body.boolean("isemployee")?, kind) {
        (Some(true), AccountKind::Client) => Ok(true),
        (Some(false), AccountKind::Employee) => {
            Err(Refusal::bad_request("Employees are turned into clients by a downgrade."))
        }
        (_, AccountKind::Client) => {
            Err(Refusal::bad_request("The user is a client and no AccountUser."))
        }
        (_, AccountKind::Employee) => Ok(false),
    }
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
    let takes = |name: &str| !tenant.switches.ignores(name);
    Ok(Change {
        email: text("email")?.map(|address| address.trim().to_owned()),
        first_name: text("firstname")?,
        last_name: text("lastname")?,
        company: text("company")?,
        disabled,
        default_zone: users::zone(body)?.filter(|_| takes("defaultzone")),
        storage_quota_gb: users::quota(body)?
            .filter(|_| as_employee && takes("storagequotalimitgb")),
        bandwidth: body.integer("bandwidth")?.filter(|_| as_employee && takes("bandwidth")),
        promotion: None,
    })
}

fn check_change(
    tenant: &Tenant,
    call: &Call<'_>,
    id: Uuid,
    kind: AccountKind,
    change: &Change,
) -> Result<(), Refusal> {
    for (member, value) in [("FirstName", &change.first_name), ("LastName", &change.last_name)] {
        if let Some(value) = value {
            users::required(member, value)?;
        }
    }
    let company_required = tenant.preferences.flag("RequireCompanyNameWithUserInfo");
    if let Some(company) = change.company.as_ref().filter(|_| company_required) {
        users::required("Company", company)?;
    }
    if let Some(address) = &change.email {
        users::check_address(address)?;
        if tenant.book.holder_of(address).is_some_and(|holder| holder.id != id) {
            return Err(users::duplicate(tenant));
        }
        if kind == AccountKind::Client {
            users::check_client_domain(tenant, address)?;
        }
    }
    users::check_zone(tenant, change.default_zone.as_deref())?;
    users::check_quota(tenant, change.storage_quota_gb.unwrap_or(-1))?;
    if change.disabled == Some(true) {
        check_removal(tenant, call, id)?;
    }
    Ok(())
}

/// Refuses to disable or delete those without whom the tenant has no head (section 7).
pub(super) fn check_removal(tenant: &Tenant, call: &Call<'_>, id: Uuid) -> Result<(), Refusal> {
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

fn make_change(
    tenant: &mut Tenant,
    call: &Call<'_>,
    id: Uuid,
    change: Change,
) -> Result<(), Refusal> {
    if let Some(roles) = change.promotion {
        let grantable = rights::caller(tenant, call)?.grantable();
        tenant.book.set_kind(id, AccountKind::Employee);
        let keeps = tenant.switches.promotion_keeps_roles;
        if let Some(account) = tenant.book.get_mut(id) {
            if !keeps {
                account.roles = roles_of(AccountKind::Employee, RoleSet::of(&[]));
            }
            account.roles = account.roles.and(roles.within(grantable));
        }
    }
    if let Some(address) = change.email {
        change_address(tenant, call, id, &address);
    }
    let company = change.company.map(|company| tenant.book.company(&company));
    let account = tenant.book.get_mut(id).ok_or_else(Refusal::not_found)?;
    if let Some(first_name) = change.first_name {
        account.first_name = first_name.into();
    }
    if let Some(last_name) = change.last_name {
        account.last_name = last_name.into();
    }
    if let Some(company) = company {
        account.company = company;
    }
    if let Some(disabled) = change.disabled {
        account.disabled = disabled;
        account.soft_deleted &= disabled;
    }
    if let Some(zone) = change.default_zone {
        account.more_mut().default_zone = Some(zone);
    }
    if let Some(quota) = change.storage_quota_gb {
        account.storage_quota_gb = quota;
    }
    if let Some(bandwidth) = change.bandwidth {
        account.more_mut().bandwidth = bandwidth;
    }
    Ok(())
}

/// Moves the primary address, unless it has to be confirmed first.
fn change_address(tenant: &mut Tenant, call: &Call<'_>, id: Uuid, address: &str) {
    let Some(account) = tenant.book.get(id) else { return };
    if tenant.switches.address_change_waits && !account.addresses().any(|known| known == address) {
        let (to, account_id) = (address.to_owned(), id.to_string());
        let occasion = "confirm_address".to_owned();
        tenant.send(Mail { at: call.now, to, occasion, account_id, message: None });
        return;
    }
    let mut others = account.more().other_addresses.clone();
    let secondary = !tenant.preferences.flag("DisableSecondaryEmails");
    if tenant.switches.keep_old_address && secondary {
        others.push(account.email.to_string());
    }
    tenant.book.set_addresses(id, address, others);
}

/// `PATCH /Users(id)/Preferences`.
pub(super) fn change_preferences(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = tenant.living(call.id(0)).ok_or_else(Refusal::not_found)?;
    if account.id == call.caller_id {
        rights::require_own_settings(tenant, call)?;
    } else {
        rights::require_manager(tenant, call, account.kind)?;
    }
    let (id, body, switches) = (account.id, call.body()?, tenant.switches.clone());
    let account = tenant.book.get_mut(id).ok_or_else(Refusal::not_found)?;
    account.more_mut().preferences.patch(&body, |name| !switches.ignores(name))?;
    let account = tenant.book.get(id).ok_or_else(Refusal::not_found)?;
    let shown = super::user_entity::preferences(tenant, call, account);
    Ok(Answer::Json(shown))
}

/// What becomes of the roles of an account.
#[derive(Clone, Copy)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// `PATCH /Users(id)/Roles`: adds.
pub(super) fn add_roles(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let asked = body_roles(call)?;
    change_roles(tenant, call, Verb::Add, asked)
}

/// `PUT /Users(id)/Roles`: replaces.
pub(super) fn replace_roles(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let asked = body_roles(call)?;
    change_roles(tenant, call, Verb::Replace, asked)
}

/// `POST /Users(id)/RemoveRoles` with a bare array: removes.
pub(super) fn remove_roles(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let asked = users::asked_roles(&call.texts()?)?;
    change_roles(tenant, call, Verb::Remove, asked)?;
    Ok(Answer::Done)
}

fn body_roles(call: &Call<'_>) -> Result<RoleSet, Refusal> {
    let body = call.body()?;
    if body.get("roles").is_none() {
        return Err(Refusal::bad_request("Roles is required."));
    }
    users::asked_roles(&body.texts("roles")?)
}

fn change_roles(
    tenant: &mut Tenant,
    call: &Call<'_>,
    verb: Verb,
    asked: RoleSet,
) -> Result<Answer, Refusal> {
    let account = tenant.living(call.id(0)).ok_or_else(Refusal::not_found)?;
    rights::require_manager(tenant, call, account.kind)?;
    let id = account.id;
    if let Some(answer) = governed(tenant, account) {
        answer?;
        return users::shown_by_id(tenant, call, id);
    }
    let settable = match tenant.switches.settable_roles {
        SettableRoles::All => RoleSet::all().without(RoleSet::markers()),
        SettableRoles::Named => RoleSet::named(),
    };
    let held = account.roles;
    let asked = asked.within(settable);
    let wanted = match verb {
        Verb::Add => held.and(asked),
        Verb::Replace => held.without(settable).and(asked),
        Verb::Remove => held.without(asked),
    };
    // What is gained and what is lost: the caller may only give and take what it holds itself.
    let changed = wanted.without(held).and(held.without(wanted));
    let grantable = rights::caller(tenant, call)?.grantable();
    let allowed = changed.within(grantable);
    if allowed != changed && tenant.switches.excess_roles == ExcessRoles::Refuse {
        let message = "You may only grant and revoke permissions that you hold.";
        return Err(Refusal::forbidden(message));
    }
    let account = tenant.book.get_mut(id).ok_or_else(Refusal::not_found)?;
    account.roles = held.without(allowed).and(wanted.within(allowed));
    users::shown_by_id(tenant, call, id)
}

/// Returns what a change of roles meets where a policy governs them, or `None` if it can be made.
fn governed(tenant: &Tenant, account: &Account) -> Option<Result<(), Refusal>> {
    let by_policy = tenant.preferences.flag("EnablePolicyBasedAdministration")
        && account.more().policies.iter().any(|assigned| {
            let policy = tenant.policies.iter().find(|policy| policy.id == assigned.policy_id);
            assigned.active && policy.is_some_and(|p| p.category == Category::UserAccess)
        });
    match tenant.switches.policy_over_roles {
        PolicyOverRoles::Ignored if by_policy => Some(Ok(())),
        PolicyOverRoles::Refused if by_policy => {
            let message = "The permissions of this user are governed by a policy.";
            Some(Err(Refusal::new(StatusCode::FORBIDDEN, "FeatureDisabled", message)))
        }
        _ => None,
    }
}
