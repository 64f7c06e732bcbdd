//! `Groups(id)/Contacts`: who is in a group (ShareFile API reference, section 4).

use http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use super::book::address_key;
use super::call::{Call, Members, Refusal};
use super::domains;
use super::feed::{self, Answer, Rows};
use super::groups;
use super::record::{Account, AccountKind};
use super::rights;
use super::switches::{DeleteBodies, UnknownMember};
use super::tenant::{Tenant, parse_id};
use super::users;

/// A person that a request names, by id, by address, or both.
pub(super) struct Reference {
    id: Option<String>,
    email: Option<String>,
    first_name: String,
    last_name: String,
    company: String,
}

impl Reference {
    /// Reads an array of references.
    pub(super) fn read_all(tenant: &Tenant, items: &[Value]) -> Result<Vec<Self>, Refusal> {
        let most = tenant.switches.contacts_per_request;
        if most.is_some_and(|most| items.len() > most) {
            return Err(Refusal::bad_request("Too many contacts in one request."));
        }
        items.iter().map(Self::read).collect()
    }

    fn read(item: &Value) -> Result<Self, Refusal> {
        if !item.is_object() {
            return Err(Refusal::bad_request("A contact is an object with Id or Email."));
        }
        let body = Members::of(item);
        let given = |name: &str| -> Result<Option<String>, Refusal> {
            Ok(body.text(name)?.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned))
        };
        let reference = Self {
            id: given("id")?,
            email: given("email")?,
            first_name: given("firstname")?.unwrap_or_default(),
            last_name: given("lastname")?.unwrap_or_default(),
            company: given("company")?.unwrap_or_default(),
        };
        if reference.id.is_none() && reference.email.is_none() {
            return Err(Refusal::bad_request("A contact needs Id or Email."));
        }
        Ok(reference)
    }

    /// Returns the account that is meant: by the id first, then by the address. The two are not
    /// held against each other.
    fn find<'t>(&self, tenant: &'t Tenant) -> Option<&'t Account> {
        let by_id = self.id.as_deref().and_then(|id| tenant.living(id));
        by_id.or_else(|| tenant.book.holder_of(self.email.as_deref()?))
    }
}

/// Who is to be in a group: accounts that are there, and addresses that become clients.
pub(super) struct Resolved {
    members: Vec<Uuid>,
    newcomers: Vec<Newcomer>,
}

struct Newcomer {
    email: String,
    first_name: String,
    last_name: String,
    company: String,
}

/// Finds out whom references mean, beside those who are `present`. Changes nothing.
pub(super) fn resolve(
    tenant: &Tenant,
    call: &Call<'_>,
    references: &[Reference],
    present: &[Uuid],
) -> Result<Resolved, Refusal> {
    let mut resolved = Resolved { members: present.to_vec(), newcomers: Vec::new() };
    for reference in references {
        if reference.id.as_deref().is_some_and(|id| tenant.group(id).is_some()) {
            return Err(Refusal::bad_request("A group cannot be a member of a group."));
        }
        match reference.find(tenant) {
            Some(account) => {
                check_domains(tenant, account)?;
                if !resolved.members.contains(&account.id) {
                    resolved.members.push(account.id);
                }
            }
            None => add_newcomer(tenant, call, reference, &mut resolved.newcomers)?,
        }
    }
    let limit = tenant.switches.group_limit;
    if resolved.members.len() + resolved.newcomers.len() > limit {
        let message = format!("A group has at most {limit} members.");
        let status = StatusCode::from_u16(tenant.switches.group_limit_status);
        let status = status.unwrap_or(StatusCode::BAD_REQUEST);
        return Err(Refusal::new(status, "BadRequest", &message));
    }
    Ok(resolved)
}

/// Refuses somebody who may not be given folders (section 5).
fn check_domains(tenant: &Tenant, account: &Account) -> Result<(), Refusal> {
    account
        .addresses()
        .try_for_each(|address| domains::check_address(tenant, &tenant.folder_domains, address))
}

fn add_newcomer(
    tenant: &Tenant,
    call: &Call<'_>,
    reference: &Reference,
    newcomers: &mut Vec<Newcomer>,
) -> Result<(), Refusal> {
    let Some(email) = &reference.email else { return Err(Refusal::not_found()) };
    if tenant.switches.unknown_member == UnknownMember::Refuse {
        return Err(Refusal::not_found());
    }
    users::check_address(email)?;
    rights::require_manager(tenant, call, AccountKind::Client)?;
    users::check_new(tenant, AccountKind::Client, email)?;
    domains::check_address(tenant, &tenant.folder_domains, email)?;
    if newcomers.iter().all(|known| address_key(&known.email) != address_key(email)) {
        newcomers.push(Newcomer {
            email: email.clone(),
            first_name: reference.first_name.clone(),
            last_name: reference.last_name.clone(),
            company: reference.company.clone(),
        });
    }
    Ok(())
}

/// Makes clients of the newcomers and returns everybody's id.
pub(super) fn settle(tenant: &mut Tenant, call: &Call<'_>, resolved: Resolved) -> Vec<Uuid> {
    let mut members = resolved.members;
    for newcomer in resolved.newcomers {
        let id = tenant.next_id();
        let mut account = Account::new(id, AccountKind::Client, &newcomer.email, call.now);
        account.first_name = newcomer.first_name.into();
        account.last_name = newcomer.last_name.into();
        account.company = tenant.book.company(&newcomer.company);
        account.referred_by = Some(call.caller_id);
        tenant.book.insert(account);
        members.push(id);
    }
    members
}

fn shown(tenant: &Tenant, call: &Call<'_>, group_id: &str) -> Result<Answer, Refusal> {
    let group = tenant.group(group_id).ok_or_else(Refusal::not_found)?;
    let rows = group.members.iter().filter_map(|member| tenant.book.position(*member)).collect();
    let path = format!("Groups({})/Contacts", group.id);
    feed::feed(tenant, call, "Contacts", &path, Rows::Contacts(rows))
}

/// `GET /Groups(id)/Contacts`.
pub(super) fn list(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = groups::visible(tenant, call)?.id.clone();
    shown(tenant, call, &id)
}

/// `POST /Groups(id)/Contacts` with a bare array: adds, and answers with the new list.
pub(super) fn add(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = groups::changeable(tenant, call)?;
    let references = Reference::read_all(tenant, &call.array()?)?;
    let present = tenant.group(&id).map(|group| group.members.clone()).unwrap_or_default();
    let resolved = resolve(tenant, call, &references, &present)?;
    let members = settle(tenant, call, resolved);
    if let Some(group) = tenant.group_mut(&id) {
        group.members = members;
    }
    shown(tenant, call, &id)
}

/// `DELETE /Groups(id)/Contacts` with the array in the body: whoever is not there is ignored.
pub(super) fn remove(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = groups::changeable(tenant, call)?;
    let references = match tenant.switches.delete_bodies {
        DeleteBodies::Dropped if !call.overridden => Vec::new(),
        DeleteBodies::Refused if !call.overridden => {
            let message = "A DELETE with a body is not let through.";
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "NotAllowed", message));
        }
        _ => Reference::read_all(tenant, &call.array()?)?,
    };
    let named = |reference: &Reference| {
        let by_id = reference.id.as_deref().and_then(parse_id);
        let group = tenant.group(&id)?;
        let by_id = by_id.filter(|member| group.members.contains(member));
        let by_address = || tenant.book.holder_of(reference.email.as_deref()?).map(|a| a.id);
        by_id.or_else(by_address)
    };
    let leaving: Vec<Uuid> = references.iter().filter_map(named).collect();
    if let Some(group) = tenant.group_mut(&id) {
        group.members.retain(|member| !leaving.contains(member));
    }
    shown(tenant, call, &id)
}
