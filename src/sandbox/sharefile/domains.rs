//! Lists of domains that are allowed or not: who may sign in, and who may be given folders (entity
//! `AccessControlDomains`; ShareFile API reference, section 5).

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::call::{Call, Refusal};
use super::feed::Answer;
use super::rights;
use super::roles::Role;
use super::tenant::Tenant;
use super::wire;

/// A list of domains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainList {
    /// Only these are allowed, instead of all but these. An empty list allows everybody.
    pub allow: bool,
    /// The domains.
    pub domains: Vec<String>,
}

/// How a list turns an address away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    NotAllowed,
    Blocked,
}

impl DomainList {
    /// Returns how an address violates the list, if it does.
    pub(super) fn violation(&self, address: &str) -> Option<Violation> {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain).trim();
        let listed = self.domains.iter().any(|known| known.eq_ignore_ascii_case(domain));
        match (self.allow, listed) {
            (true, false) if !self.domains.is_empty() => Some(Violation::NotAllowed),
            (false, true) => Some(Violation::Blocked),
            _ => None,
        }
    }
}

/// Refuses an address that a list turns away, as one that cannot be used (section 3.4).
pub(super) fn check_address(
    tenant: &Tenant,
    list: &DomainList,
    address: &str,
) -> Result<(), Refusal> {
    let reason = match list.violation(address) {
        None => return Ok(()),
        Some(Violation::NotAllowed) => "EmailWhitelistViolation",
        Some(Violation::Blocked) => "EmailBlacklistViolation",
    };
    let status = tenant.switches.rule_status;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    Err(Refusal::new(status, reason, "Addresses of this domain cannot be used."))
}

/// Which of the two lists a path means.
fn list(tenant: &mut Tenant, login: bool) -> &mut DomainList {
    if login { &mut tenant.login_domains } else { &mut tenant.folder_domains }
}

fn shown(tenant: &Tenant, call: &Call<'_>, login: bool) -> Answer {
    Answer::Json(entity(tenant, call, login))
}

/// Returns the entity.
pub(super) fn entity(tenant: &Tenant, call: &Call<'_>, login: bool) -> serde_json::Value {
    let list = if login { &tenant.login_domains } else { &tenant.folder_domains };
    let members = json!({
        "AccessControlType": if list.allow { "AllowDomains" } else { "DisallowDomains" },
        "Domains": list.domains,
    });
    let set = "AccessControlDomains";
    wire::entity(&call.base, set, set, tenant.account_id, members)
}

fn read(tenant: &Tenant, call: &Call<'_>, login: bool) -> Result<Answer, Refusal> {
    rights::require_employee(tenant, call)?;
    Ok(shown(tenant, call, login))
}

/// What a body asks for; official examples print `AllowedDomains` for `AllowDomains`.
fn asked(call: &Call<'_>) -> Result<(Option<bool>, Option<Vec<String>>), Refusal> {
    let body = call.body()?;
    let allow = match body.text("accesscontroltype")?.map(str::to_ascii_lowercase).as_deref() {
        None => None,
        Some("allowdomains" | "alloweddomains") => Some(true),
        Some("disallowdomains" | "disalloweddomains") => Some(false),
        Some(_) => return Err(Refusal::bad_request("AccessControlType is not known.")),
    };
    let domains = match body.get("domains") {
        None => None,
        Some(_) => Some(body.texts("domains")?),
    };
    Ok((allow, domains))
}

fn require_right(tenant: &Tenant, call: &Call<'_>) -> Result<(), Refusal> {
    rights::require_account_role(tenant, call, Role::AdminAccountPolicies)
}

fn replace(tenant: &mut Tenant, call: &Call<'_>, login: bool) -> Result<Answer, Refusal> {
    require_right(tenant, call)?;
    let (allow, domains) = asked(call)?;
    let (Some(allow), Some(domains)) = (allow, domains) else {
        return Err(Refusal::bad_request("AccessControlType and Domains are required."));
    };
    *list(tenant, login) = DomainList { allow, domains };
    Ok(shown(tenant, call, login))
}

fn merge(tenant: &mut Tenant, call: &Call<'_>, login: bool) -> Result<Answer, Refusal> {
    require_right(tenant, call)?;
    let (allow, domains) = asked(call)?;
    if allow.is_none() && domains.is_none() {
        return Err(Refusal::bad_request("AccessControlType or Domains is required."));
    }
    let list = list(tenant, login);
    list.allow = allow.unwrap_or(list.allow);
    for domain in domains.unwrap_or_default() {
        if !list.domains.iter().any(|known| known.eq_ignore_ascii_case(&domain)) {
            list.domains.push(domain);
        }
    }
    Ok(shown(tenant, call, login))
}

fn take_out(tenant: &mut Tenant, call: &Call<'_>, login: bool) -> Result<Answer, Refusal> {
    require_right(tenant, call)?;
    let (_, domains) = asked(call)?;
    let gone = domains.unwrap_or_default();
    let list = list(tenant, login);
    list.domains.retain(|known| !gone.iter().any(|domain| domain.eq_ignore_ascii_case(known)));
    Ok(Answer::Nothing)
}

/// `GET /Accounts/LoginAccessControlDomains`.
pub(super) fn read_login(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    read(tenant, call, true)
}

/// `POST /Accounts/LoginAccessControlDomains`: creates or replaces.
pub(super) fn replace_login(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    replace(tenant, call, true)
}

/// `PATCH /Accounts/LoginAccessControlDomains`: merges.
pub(super) fn merge_login(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    merge(tenant, call, true)
}

/// `DELETE /Accounts/LoginAccessControlDomains`: takes domains out.
pub(super) fn take_out_login(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    take_out(tenant, call, true)
}

/// `GET /Accounts/FolderAccessControlDomains`.
pub(super) fn read_folder(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    read(tenant, call, false)
}

/// `POST /Accounts/FolderAccessControlDomains`: creates or replaces.
pub(super) fn replace_folder(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    replace(tenant, call, false)
}

/// `PATCH /Accounts/FolderAccessControlDomains`: merges.
pub(super) fn merge_folder(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    merge(tenant, call, false)
}

/// `DELETE /Accounts/FolderAccessControlDomains`: takes domains out.
pub(super) fn take_out_folder(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    take_out(tenant, call, false)
}
