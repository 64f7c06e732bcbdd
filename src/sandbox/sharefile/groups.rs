//! `Groups`: distribution groups (ShareFile API reference, section 4).

use serde_json::{Value, json};
use uuid::Uuid;

use super::call::{Call, Refusal};
use super::feed::{self, Answer, Rows};
use super::members::{self, Reference};
use super::record::AccountKind;
use super::rights;
use super::roles::Role;
use super::switches::PrivateGroups;
use super::tenant::Tenant;
use super::{user_entity, users, wire};

/// A distribution group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub id: String,
    pub name: String,
    pub owner_id: Uuid,
    /// Every employee sees it; otherwise only its owner does.
    pub shared: bool,
    /// In the order of their coming, nobody twice.
    pub members: Vec<Uuid>,
}

/// Returns whether the caller sees a group.
fn sees(tenant: &Tenant, call: &Call<'_>, group: &Group) -> bool {
    group.shared
        || group.owner_id == call.caller_id
        || rights::caller(tenant, call).is_ok_and(|caller| caller.roles.has(Role::MasterAdmin))
        || (tenant.switches.private_groups == PrivateGroups::GroupAdministrators
            && rights::holds(tenant, call, Role::AdminSharedDistGroups))
}

/// Returns the group that a path names, if the caller sees it.
pub(super) fn visible<'t>(tenant: &'t Tenant, call: &Call<'_>) -> Result<&'t Group, Refusal> {
    rights::require_employee(tenant, call)?;
    let group = tenant.group(call.id(0)).filter(|group| sees(tenant, call, group));
    group.ok_or_else(Refusal::not_found)
}

/// Refuses a caller who sees the group that a path names but may not change it, and returns its
/// id otherwise.
pub(super) fn changeable(tenant: &Tenant, call: &Call<'_>) -> Result<String, Refusal> {
    let group = visible(tenant, call)?;
    if group.id == tenant.super_group_id {
        rights::require_account_role(tenant, call, Role::AdminSuperGroup)?;
    } else if group.owner_id != call.caller_id {
        rights::require(tenant, call, Role::AdminSharedDistGroups)?;
    }
    Ok(group.id.clone())
}

/// Returns a group with what the call expands.
fn entity(tenant: &Tenant, call: &Call<'_>, group: &Group) -> Value {
    let mut record = json!({
        "Name": group.name,
        "IsShared": group.shared,
        "NumberOfContacts": group.members.len(),
    });
    if let Some(owner) = tenant.book.get(group.owner_id)
        && (call.expands("Owner") || !tenant.switches.owner_needs_expand)
    {
        wire::put(&mut record, "Owner", user_entity::principal(tenant, call, owner));
    }
    if call.expands("Contacts") {
        let members = group.members.iter().filter_map(|member| tenant.book.get(*member));
        let members = members.map(|member| feed::contact(&call.base, member));
        wire::put(&mut record, "Contacts", members.collect::<Vec<_>>());
    }
    wire::entity(&call.base, "Groups", "Group", &group.id, record)
}

/// Returns the groups of an account that it may see itself.
pub(super) fn of_account(tenant: &Tenant, call: &Call<'_>, account_id: Uuid) -> Vec<Value> {
    let groups = tenant.groups.iter().filter(|group| {
        group.members.contains(&account_id) && listed(tenant, group) && sees(tenant, call, group)
    });
    groups.map(|group| entity(tenant, call, group)).collect()
}

fn listed(tenant: &Tenant, group: &Group) -> bool {
    group.id != tenant.super_group_id || tenant.switches.super_group_listed
}

/// Returns the groups that the caller sees, as entries of an address book.
pub(super) fn contacts(tenant: &Tenant, call: &Call<'_>) -> Vec<Value> {
    let groups = tenant.groups.iter();
    let groups = groups.filter(|group| listed(tenant, group) && sees(tenant, call, group));
    let shown = groups.map(|group| {
        let members = json!({ "Name": group.name, "Count": group.members.len() });
        wire::entity(&call.base, "Contacts", "Contact", &group.id, members)
    });
    shown.collect()
}

/// `GET /Groups`: those that the caller may see.
pub(super) fn list(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_employee(tenant, call)?;
    let groups = tenant.groups.iter();
    let groups = groups.filter(|group| listed(tenant, group) && sees(tenant, call, group));
    let rows = groups.map(|group| entity(tenant, call, group)).collect();
    feed::feed(tenant, call, "Groups", "Groups", Rows::Ready(rows))
}

/// `GET /Users(id)/Groups`: for nobody but the caller, today.
pub(super) fn list_own(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = tenant.living(call.id(0)).ok_or_else(Refusal::not_found)?;
    if account.id != call.caller_id {
        return Err(Refusal::forbidden("Groups are listed for the authenticated user only."));
    }
    let path = format!("Users({})/Groups", account.id);
    let rows = of_account(tenant, call, account.id);
    feed::feed(tenant, call, "Groups", &path, Rows::Ready(rows))
}

fn shown(tenant: &Tenant, call: &Call<'_>, group: &Group) -> Answer {
    Answer::Json(entity(tenant, call, group))
}

/// `GET /Groups(id)`.
pub(super) fn read(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(shown(tenant, call, visible(tenant, call)?))
}

/// Refuses a name that says nothing, or that is taken where names are unique.
fn check_name(tenant: &Tenant, own_id: &str, name: &str) -> Result<(), Refusal> {
    users::required("Name", name)?;
    let same = |group: &Group| {
        group.id != own_id && group.name.trim().to_lowercase() == name.trim().to_lowercase()
    };
    if tenant.switches.unique_group_names && tenant.groups.iter().any(same) {
        return Err(Refusal::conflict("There is a group of that name already."));
    }
    Ok(())
}

/// `POST /Groups`: the caller becomes the owner; members may come along.
pub(super) fn create(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_employee(tenant, call)?;
    let body = call.body()?;
    let name = tenant.switches.kept(body.text("name")?.unwrap_or_default());
    check_name(tenant, "", &name)?;
    let shared = body.boolean("isshared")?.unwrap_or(false);
    if shared {
        rights::require(tenant, call, Role::AdminCreateSharedGroups)?;
    }
    let references = Reference::read_all(tenant, &body.items("contacts")?)?;
    let members = members::resolve(tenant, call, &references, &[])?;
    let members = members::settle(tenant, call, members);
    let id = tenant.next_group_id();
    let group = Group { id: id.clone(), name, owner_id: call.caller_id, shared, members };
    tenant.groups.push(group);
    let group = tenant.group(&id).ok_or_else(Refusal::not_found)?;
    Ok(shown(tenant, call, group))
}

/// `PATCH /Groups(id)`: name and visibility; members are ignored.
pub(super) fn change(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = changeable(tenant, call)?;
    let body = call.body()?;
    let name = body.text("name")?.map(|name| tenant.switches.kept(name));
    if let Some(name) = &name {
        check_name(tenant, &id, name)?;
    }
    let shared = body.boolean("isshared")?;
    let was_shared = tenant.group(&id).is_some_and(|group| group.shared);
    if shared == Some(true) && !was_shared {
        rights::require(tenant, call, Role::AdminCreateSharedGroups)?;
    }
    let group = tenant.group_mut(&id).ok_or_else(Refusal::not_found)?;
    group.name = name.unwrap_or_else(|| group.name.clone());
    group.shared = shared.unwrap_or(group.shared);
    let group = tenant.group(&id).ok_or_else(Refusal::not_found)?;
    Ok(shown(tenant, call, group))
}

/// `DELETE /Groups(id)`.
pub(super) fn delete(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = changeable(tenant, call)?;
    if id == tenant.super_group_id {
        return Err(Refusal::forbidden("The Super User Group cannot be deleted."));
    }
    tenant.groups.retain(|group| group.id != id);
    Ok(Answer::Nothing)
}

/// `GET /Accounts/AddressBook`: `type` is `personal`, `shared` or `group`.
pub(super) fn address_book(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    rights::require_employee(tenant, call)?;
    let term = call.given("searchterm").unwrap_or_default().to_lowercase();
    let own = call.caller_id;
    let found = |texts: &[&str]| texts.iter().any(|text| text.to_lowercase().contains(&term));
    let fits = |account: &super::record::Account| {
        let name = account.full_name();
        found(&[&account.email, &name, &account.company])
    };
    let rows = match call.given("type").unwrap_or("personal").to_ascii_lowercase().as_str() {
        // A person's own contacts are the clients that it brought in itself.
        "personal" => Rows::Contacts(tenant.positions(|account| {
            account.kind == AccountKind::Client && account.referred_by == Some(own) && fits(account)
        })),
        "shared" => Rows::Contacts(tenant.positions(fits)),
        "group" => {
            let mut rows = contacts(tenant, call);
            rows.retain(|row| found(&[row.get("Name").and_then(Value::as_str).unwrap_or("")]));
            Rows::Ready(rows)
        }
        _ => return Err(Refusal::bad_request("type must be personal, shared or group.")),
    };
    feed::feed(tenant, call, "Contacts", "Accounts/AddressBook", rows)
}
