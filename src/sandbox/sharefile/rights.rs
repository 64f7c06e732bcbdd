//! Who may call what (ShareFile API reference, section 1.6).

use http::StatusCode;

use super::call::{Call, Refusal};
use super::record::{Account, AccountKind};
use super::roles::Role;
use super::tenant::Tenant;

/// Returns the account that calls.
pub(super) fn caller<'t>(tenant: &'t Tenant, call: &Call<'_>) -> Result<&'t Account, Refusal> {
    tenant.book.get(call.caller_id).ok_or_else(Refusal::unauthenticated)
}

/// Returns whether the caller holds a role.
pub(super) fn holds(tenant: &Tenant, call: &Call<'_>, role: Role) -> bool {
    caller(tenant, call).is_ok_and(|caller| caller.has_role(role))
}

/// Refuses a caller without a role.
pub(super) fn require(tenant: &Tenant, call: &Call<'_>, role: Role) -> Result<(), Refusal> {
    if holds(tenant, call, role) {
        return Ok(());
    }
    Err(Refusal::forbidden(&format!("The permission {} is required.", role.name())))
}

/// Refuses a call that the API key does not allow.
fn require_flag(allowed: bool) -> Result<(), Refusal> {
    if allowed {
        return Ok(());
    }
    let message = "The API key does not allow this call.";
    Err(Refusal::new(StatusCode::FORBIDDEN, "NotAuthorized", message))
}

/// Returns whether the caller may manage accounts of a type.
pub(super) fn may_manage(tenant: &Tenant, call: &Call<'_>, kind: AccountKind) -> bool {
    tenant.switches.key_admin_users && holds(tenant, call, kind.managed_by())
}

/// Refuses a caller who may not manage accounts of a type.
pub(super) fn require_manager(
    tenant: &Tenant,
    call: &Call<'_>,
    kind: AccountKind,
) -> Result<(), Refusal> {
    require_flag(tenant.switches.key_admin_users)?;
    require(tenant, call, kind.managed_by())
}

/// Refuses a caller who may not manage accounts of either type.
pub(super) fn require_both(tenant: &Tenant, call: &Call<'_>) -> Result<(), Refusal> {
    require_manager(tenant, call, AccountKind::Employee)?;
    require_manager(tenant, call, AccountKind::Client)
}

/// Refuses a caller who may neither manage an account nor is it.
pub(super) fn require_self_or_manager(
    tenant: &Tenant,
    call: &Call<'_>,
    account: &Account,
) -> Result<(), Refusal> {
    if account.id == call.caller_id {
        return Ok(());
    }
    require_manager(tenant, call, account.kind)
}

/// Refuses to change one's own settings unless that is permitted.
pub(super) fn require_own_settings(tenant: &Tenant, call: &Call<'_>) -> Result<(), Refusal> {
    require_flag(tenant.switches.key_change_my_settings)?;
    require(tenant, call, Role::CanManageMySettings)
}

/// Refuses a caller without a role that concerns the whole account.
pub(super) fn require_account_role(
    tenant: &Tenant,
    call: &Call<'_>,
    role: Role,
) -> Result<(), Refusal> {
    require_flag(tenant.switches.key_admin_accounts)?;
    require(tenant, call, role)
}

/// Refuses clients: they do not see the account, its lists or its groups.
pub(super) fn require_employee(tenant: &Tenant, call: &Call<'_>) -> Result<(), Refusal> {
    match caller(tenant, call)?.kind {
        AccountKind::Employee => Ok(()),
        AccountKind::Client => Err(Refusal::forbidden("Only employees may read the account.")),
    }
}
