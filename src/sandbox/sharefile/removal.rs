//! People who leave: delete both ways, downgrade, bulk delete (ShareFile API reference, sections
//! 3.5, 3.7 and 6.4).

use uuid::Uuid;

use super::call::{Call, Refusal};
use super::change::check_removal;
use super::feed::Answer;
use super::record::AccountKind;
use super::rights;
use super::roles::Role;
use super::switches::{BulkFailure, DeletionRight};
use super::tenant::Tenant;
use super::users;

/// How many ids one bulk call takes.
const BULK_LIMIT: usize = 100;

/// `DELETE /Users(id)`: only disables, unless `completely=true`.
pub(super) fn delete(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let completely = call.flag("completely")?;
    let account = tenant.living(call.id(0)).ok_or_else(Refusal::not_found)?;
    rights::require_manager(tenant, call, account.kind)?;
    let id = account.id;
    check_removal(tenant, call, id)?;
    if !completely {
        if let Some(account) = tenant.book.get_mut(id) {
            account.disabled = true;
            account.soft_deleted = true;
        }
        return Ok(Answer::Nothing);
    }
    check_deletion(tenant, call, id)?;
    let files_to = heir(tenant, id, call.given("itemsreassignto"))?;
    let groups_to = heir(tenant, id, call.given("groupsreassignto"))?;
    tenant.remove(id, files_to, groups_to);
    Ok(Answer::Nothing)
}

fn check_deletion(tenant: &Tenant, call: &Call<'_>, id: Uuid) -> Result<(), Refusal> {
    if tenant.switches.deletion_right == DeletionRight::AccountAdministrator {
        rights::require_account_role(tenant, call, Role::AdminAccountPolicies)?;
    }
    if tenant.billing_contact_id == id {
        return Err(Refusal::forbidden("The billing contact must be replaced first."));
    }
    Ok(())
}

/// Returns who takes over: a living employee other than the one who leaves.
fn heir(tenant: &Tenant, leaver: Uuid, id: Option<&str>) -> Result<Option<Uuid>, Refusal> {
    let Some(id) = id else { return Ok(None) };
    let heir = tenant.living(id).ok_or_else(Refusal::not_found)?;
    if heir.id == leaver || heir.kind != AccountKind::Employee {
        return Err(Refusal::bad_request("Only another employee can take over."));
    }
    Ok(Some(heir.id))
}

/// Reads `UserIds`.
fn bulk_ids(call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let ids = call.body()?.texts("userids")?;
    check_bulk(&ids)?;
    Ok(ids)
}

fn check_bulk(ids: &[String]) -> Result<(), Refusal> {
    match ids.len() {
        0 => Err(Refusal::bad_request("At least one user is required.")),
        1..=BULK_LIMIT => Ok(()),
        _ => Err(Refusal::bad_request(&format!("At most {BULK_LIMIT} users at once."))),
    }
}

/// Does something to each of several accounts, as the switch for failures says.
fn each(
    tenant: &mut Tenant,
    ids: &[String],
    check: impl Fn(&Tenant, &str) -> Result<Uuid, Refusal>,
    mut act: impl FnMut(&mut Tenant, Uuid),
) -> Result<Answer, Refusal> {
    if tenant.switches.bulk_failure == BulkFailure::Refuse {
        for id in ids {
            check(tenant, id)?;
        }
    }
    for id in ids {
        match check(tenant, id) {
            Ok(id) => act(tenant, id),
            Err(refusal) if tenant.switches.bulk_failure == BulkFailure::Stop => {
                return Err(refusal);
            }
            // Only an id that is named twice fails here where failures are refused beforehand.
            Err(_) => {}
        }
    }
    Ok(Answer::Nothing)
}

/// `POST /Users/Employees/Downgrade`: turns employees into clients.
pub(super) fn downgrade(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_manager(tenant, call, AccountKind::Employee)?;
    let ids = bulk_ids(call)?;
    let body = call.body()?;
    let named = |name| body.text(name).map(|id| id.filter(|id| !id.is_empty()));
    let files_to = heir(tenant, Uuid::nil(), named("reassignitemstoid")?)?;
    let groups_to = heir(tenant, Uuid::nil(), named("reassigngroupstoid")?)?;
    let check = |tenant: &Tenant, id: &str| {
        let account = tenant.living(id).ok_or_else(Refusal::not_found)?;
        if account.kind != AccountKind::Employee {
            return Err(Refusal::bad_request("Only employees can be downgraded."));
        }
        if [files_to, groups_to].contains(&Some(account.id)) {
            return Err(Refusal::bad_request("Only another employee can take over."));
        }
        check_removal(tenant, call, account.id)?;
        for address in account.addresses() {
            users::check_client_domain(tenant, address)?;
        }
        Ok(account.id)
    };
    each(tenant, &ids, check, |tenant, id| {
        tenant.hand_over(id, files_to, groups_to);
        if let Some(account) = tenant.book.get_mut(id) {
            // A client administers nothing, and no policy governs it.
            let using = super::roles::RoleSet::common();
            account.roles = account.roles.within(using);
            account.storage_quota_gb = -1;
            if !account.more().policies.is_empty() {
                account.more_mut().policies.clear();
            }
        }
        tenant.book.set_kind(id, AccountKind::Client);
    })
}

/// `POST /Users/Clients/BulkDelete`.
pub(super) fn bulk_delete(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = bulk_ids(call)?;
    delete_clients(tenant, call, &ids)
}

/// `DELETE /Users/Clients` with a bare array.
pub(super) fn delete_listed(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = call.texts()?;
    check_bulk(&ids)?;
    delete_clients(tenant, call, &ids)
}

fn delete_clients(tenant: &mut Tenant, call: &Call<'_>, ids: &[String]) -> Result<Answer, Refusal> {
    rights::require_manager(tenant, call, AccountKind::Client)?;
    let check = |tenant: &Tenant, id: &str| {
        let account = tenant.living(id).ok_or_else(Refusal::not_found)?;
        if account.kind != AccountKind::Client {
            return Err(Refusal::bad_request("Only clients can be deleted in bulk."));
        }
        check_deletion(tenant, call, account.id)?;
        Ok(account.id)
    };
    each(tenant, ids, check, |tenant, id| tenant.remove(id, None, None))
}
