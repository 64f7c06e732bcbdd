//! `Policies` and `Users(id)/Policies` (ShareFile API reference, section 3.6).

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::call::{Call, Members, Refusal};
use super::feed::{self, Answer, Rows};
use super::record::{Account, AccountKind, Assigned};
use super::rights;
use super::tenant::{Tenant, parse_id};
use super::{user_entity, wire};
use crate::model::ids::Timestamp;

/// What a policy is about. An account has one of each at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// What people can and cannot do.
    UserAccess,
    /// Where their files lie.
    Storage,
    /// Settings of files and folders, quotas too.
    FileAndFolder,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// The id.
    pub id: Uuid,
    /// The name.
    pub name: String,
    /// What it is about.
    pub category: Category,
    /// The one that its category begins with.
    pub is_default: bool,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created: Timestamp,
}

/// Refuses where the account has no policies.
fn require_policies(tenant: &Tenant) -> Result<(), Refusal> {
    if tenant.preferences.flag("EnablePolicyBasedAdministration") {
        return Ok(());
    }
    let message = "The account has no policy based administration.";
    Err(Refusal::new(StatusCode::FORBIDDEN, "FeatureDisabled", message))
}

fn entity(tenant: &Tenant, call: &Call<'_>, policy: &Policy) -> Value {
    let created = wire::date(policy.created);
    let mut members = json!({
        "Name": policy.name,
        "IsDefault": policy.is_default,
        "CreationDate": created,
        "UpdatedDate": created,
    });
    if let Some(author) = tenant.book.get(tenant.master_admin_id) {
        for member in ["CreatedBy", "UpdatedBy"] {
            if call.expands(member) {
                let author = user_entity::principal(tenant, call, author);
                wire::put(&mut members, member, author);
            }
        }
    }
    wire::entity(&call.base, "Policies", "Policy", policy.id, members)
}

fn assigned_entity(
    tenant: &Tenant,
    call: &Call<'_>,
    account_id: Uuid,
    assigned: &Assigned,
) -> Option<Value> {
    let policy = tenant.policies.iter().find(|policy| policy.id == assigned.policy_id)?;
    let members = json!({
        "UserId": account_id,
        "Active": assigned.active,
        "Policy": entity(tenant, call, policy),
    });
    Some(wire::entity(&call.base, "UserPolicies", "UserPolicy", policy.id, members))
}

/// Returns the policies of an account.
pub(super) fn of_account(tenant: &Tenant, call: &Call<'_>, account: &Account) -> Vec<Value> {
    let assigned = account.more().policies.iter();
    assigned.filter_map(|one| assigned_entity(tenant, call, account.id, one)).collect()
}

/// `GET /Policies`.
pub(super) fn list(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_employee(tenant, call)?;
    require_policies(tenant)?;
    let rows = tenant.policies.iter().map(|policy| entity(tenant, call, policy)).collect();
    feed::feed(tenant, call, "Policies", "Policies", Rows::Ready(rows))
}

/// `GET /Policies(id)`.
pub(super) fn read(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_employee(tenant, call)?;
    require_policies(tenant)?;
    let policy = known(tenant, call.id(0))?;
    Ok(Answer::Json(entity(tenant, call, policy)))
}

fn known<'t>(tenant: &'t Tenant, id: &str) -> Result<&'t Policy, Refusal> {
    let id = parse_id(id).ok_or_else(Refusal::not_found)?;
    tenant.policies.iter().find(|policy| policy.id == id).ok_or_else(Refusal::not_found)
}

/// Returns the employee that a path names, if the caller may set its policies.
fn employee(tenant: &Tenant, call: &Call<'_>) -> Result<Uuid, Refusal> {
    require_policies(tenant)?;
    let account = tenant.living(call.id(0)).ok_or_else(Refusal::not_found)?;
    rights::require_manager(tenant, call, AccountKind::Employee)?;
    if account.kind != AccountKind::Employee {
        return Err(Refusal::bad_request("Policies are for employees."));
    }
    Ok(account.id)
}

/// Reads `{"Active": …, "Policy": {"Id": …}}`.
fn asked(tenant: &Tenant, body: &Members) -> Result<(Assigned, Category), Refusal> {
    let policy = body.object("policy")?;
    let required = || Refusal::bad_request("Policy.Id is required.");
    let id = policy.as_ref().ok_or_else(required)?.text("id")?.ok_or_else(required)?;
    let policy = known(tenant, id)?;
    let active = body.boolean("active")?.unwrap_or(true);
    Ok((Assigned { policy_id: policy.id, active }, policy.category))
}

fn category_of(tenant: &Tenant, assigned: &Assigned) -> Option<Category> {
    let policy = tenant.policies.iter().find(|policy| policy.id == assigned.policy_id);
    policy.map(|policy| policy.category)
}

fn set(tenant: &mut Tenant, id: Uuid, policies: Vec<Assigned>) {
    if let Some(account) = tenant.book.get_mut(id) {
        account.more_mut().policies = policies;
    }
}

/// `PUT /Users(id)/Policies` with a bare array: replaces them all.
pub(super) fn replace(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = employee(tenant, call)?;
    let mut wanted: Vec<(Assigned, Category)> = Vec::new();
    for item in call.array()? {
        let (assigned, category) = asked(tenant, &Members::of(&item))?;
        if wanted.iter().any(|(_, known)| *known == category) {
            return Err(Refusal::bad_request("At most one policy of a category is allowed."));
        }
        wanted.push((assigned, category));
    }
    set(tenant, id, wanted.into_iter().map(|(assigned, _)| assigned).collect());
    let account = tenant.book.get(id).ok_or_else(Refusal::not_found)?;
    let rows = of_account(tenant, call, account);
    let path = format!("Users({id})/Policies");
    feed::feed(tenant, call, "UserPolicies", &path, Rows::Ready(rows))
}

/// `POST /Users(id)/Policies`: assigns one; a second of its category is refused.
pub(super) fn assign(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = employee(tenant, call)?;
    let (assigned, category) = asked(tenant, &call.body()?)?;
    let mut policies = tenant.book.get(id).map(|a| a.more().policies.clone()).unwrap_or_default();
    if policies.iter().any(|known| category_of(tenant, known) == Some(category)) {
        return Err(Refusal::conflict("The user has a policy of that category already."));
    }
    let policy_id = assigned.policy_id;
    policies.push(assigned);
    set(tenant, id, policies);
    shown(tenant, call, id, policy_id)
}

fn shown(tenant: &Tenant, call: &Call<'_>, id: Uuid, policy_id: Uuid) -> Result<Answer, Refusal> {
    let account = tenant.book.get(id).ok_or_else(Refusal::not_found)?;
    let assigned = account.more().policies.iter().find(|one| one.policy_id == policy_id);
    let entity = assigned.and_then(|one| assigned_entity(tenant, call, id, one));
    Ok(Answer::Json(entity.ok_or_else(Refusal::not_found)?))
}

/// `PATCH /Users(id)/Policies(id)`: whether it is active.
pub(super) fn change(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = employee(tenant, call)?;
    let policy_id = assigned_id(tenant, call, id)?;
    let active = call.body()?.boolean("active")?;
    if let (Some(active), Some(account)) = (active, tenant.book.get_mut(id)) {
        let policies = &mut account.more_mut().policies;
        for assigned in policies.iter_mut().filter(|one| one.policy_id == policy_id) {
            assigned.active = active;
        }
    }
    shown(tenant, call, id, policy_id)
}

fn assigned_id(tenant: &Tenant, call: &Call<'_>, id: Uuid) -> Result<Uuid, Refusal> {
    let policy_id = parse_id(call.id(1)).ok_or_else(Refusal::not_found)?;
    let account = tenant.book.get(id).ok_or_else(Refusal::not_found)?;
    let there = account.more().policies.iter().any(|one| one.policy_id == policy_id);
    there.then_some(policy_id).ok_or_else(Refusal::not_found)
}

/// `DELETE /Users(id)/Policies`: no policy governs the account any more.
pub(super) fn clear(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = employee(tenant, call)?;
    set(tenant, id, Vec::new());
    Ok(Answer::Nothing)
}

/// `DELETE /Users(id)/Policies(id)`.
pub(super) fn unassign(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = employee(tenant, call)?;
    let policy_id = assigned_id(tenant, call, id)?;
    let mut policies = tenant.book.get(id).map(|a| a.more().policies.clone()).unwrap_or_default();
    policies.retain(|one| one.policy_id != policy_id);
    set(tenant, id, policies);
    Ok(Answer::Nothing)
}
