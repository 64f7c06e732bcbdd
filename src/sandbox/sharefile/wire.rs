//! How the tenant spells its answers: entities, feeds, dates and errors (ShareFile API reference,
//! sections 2, 3.1, 3.2 and 6.1).

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::call::{Call, Refusal};
use super::record::{Account, AccountKind, Preferences};
use super::tenant::Tenant;
use crate::model::ids::Timestamp;
use crate::sandbox::faults::{Fault, FaultKind};

/// How the tenant spells "never" (section 2).
const NEVER: &str = "1900-01-01T00:00:00Z";

/// Returns a JSON answer.
pub(super) fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Returns an error: `code` is the name of the status; a 401 challenges.
pub(super) fn error_response(status: StatusCode, reason: &str, message: &str) -> Response {
    let code = status.canonical_reason().unwrap_or("Unspecified").replace(' ', "");
    let body = json!({
        "code": code,
        "message": { "lang": "en-US", "value": message },
        "reason": reason,
    });
    let mut response = json_response(status, &body);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Returns the answer of a transport fault.
pub(super) fn refuse(kind: FaultKind, fault: &Fault) -> Response {
    let (status, reason, message) = match kind {
        FaultKind::TooManyRequests => {
            (StatusCode::TOO_MANY_REQUESTS, "Throttled", "Too many requests were sent.")
        }
        FaultKind::Unauthorized => {
            (StatusCode::UNAUTHORIZED, "NotAuthenticated", "The access token has expired.")
        }
        FaultKind::DuplicateAddress => {
            (StatusCode::NOT_FOUND, "NotFound", "The item could not be found in the system.")
        }
        FaultKind::NoLicence => {
            (StatusCode::FORBIDDEN, "EmployeeLicensesExceeded", "All employee licenses are in use.")
        }
        _ => (StatusCode::SERVICE_UNAVAILABLE, "Throttled", "The service is busy."),
    };
    let status =
        fault.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(status);
    error_response(status, fault.reason.as_deref().unwrap_or(reason), message)
}

/// Writes a time as ISO 8601 in UTC with as many fraction digits as it needs.
pub(super) fn date(time: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(time.0) {
        Ok(time) => time.to_string(),
        Err(_) => NEVER.to_owned(),
    }
}

fn date_or_never(time: Option<Timestamp>) -> String {
    time.map_or_else(|| NEVER.to_owned(), date)
}

/// Sets a member of a JSON object.
pub(super) fn put(record: &mut Value, member: &str, value: impl Into<Value>) {
    if let Some(members) = record.as_object_mut() {
        members.insert(member.to_owned(), value.into());
    }
}

/// Adds what every entity carries: type, metadata, id and url (section 2.1).
pub(super) fn entity(base: &str, set: &str, kind: &str, id: &str, members: Value) -> Value {
    let mut entity = match members {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let metadata = format!("{base}/$metadata#{set}/ShareFile.Api.Models.{kind}@Element");
    entity.insert("odata.metadata".to_owned(), metadata.into());
    entity.insert("odata.type".to_owned(), format!("ShareFile.Api.Models.{kind}").into());
    entity.insert("Id".to_owned(), id.into());
    entity.insert("url".to_owned(), format!("{base}/{set}({id})").into());
    Value::Object(entity)
}

/// Keeps the members that `$select` names, and those that every entity carries.
pub(super) fn select(call: &Call<'_>, mut entity: Value) -> Value {
    if let (Some(names), Some(members)) = (call.selected(), entity.as_object_mut()) {
        members.retain(|member, _| {
            member.starts_with("odata.")
                || ["Id", "url"].contains(&member.as_str())
                || names.iter().any(|name| name.eq_ignore_ascii_case(member))
        });
    }
    entity
}

fn model(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Employee => "AccountUser",
        AccountKind::Client => "User",
    }
}

fn full_name(account: &Account) -> String {
    format!("{} {}", account.first_name, account.last_name).trim().to_owned()
}

fn short_name(account: &Account) -> String {
    match account.first_name.chars().next() {
        Some(initial) => format!("{initial}. {}", account.last_name),
        None => account.last_name.clone(),
    }
}

/// Returns the full record, with what the call expands (sections 3.2 and 3.9).
pub(super) fn user(tenant: &Tenant, call: &Call<'_>, account: &Account) -> Value {
    let addresses: Vec<_> =
        std::iter::once(&account.email).chain(&account.other_addresses).collect();
    let mut record = json!({
        "Email": account.email,
        "Username": account.email,
        "FirstName": account.first_name,
        "LastName": account.last_name,
        "Company": account.company,
        "FullName": full_name(account),
        "FullNameShort": short_name(account),
        "Domain": tenant.options.subdomain,
        "TotalSharedFiles": 0,
        "Contacted": 0,
        "IsConfirmed": account.confirmed,
        "DateCreated": date(account.created),
        "Roles": account.roles,
        "Emails": addresses,
        "IsBillingContact": account.id == tenant.billing_contact_id,
    });
    if let Some(creator) = &account.referred_by {
        put(&mut record, "ReferredBy", creator.as_str());
    }
    if account.deleted {
        put(&mut record, "IsDeleted", true);
    }
    if account.kind == AccountKind::Employee {
        add_employee_members(&mut record, account);
    }
    expand(&mut record, call, account);
    select(call, entity(&call.base, "Users", model(account.kind), &account.id, record))
}

fn add_employee_members(record: &mut Value, account: &Account) {
    put(record, "IsAdministrator", account.roles.iter().any(|role| role.contains("Admin")));
    for role in ["CanCreateFolders", "CanUseFileBox", "CanManageUsers"] {
        put(record, role, account.has_role(role));
    }
    put(record, "IsVirtualClient", false);
    put(record, "DiskSpace", 0);
    put(record, "Bandwidth", -1);
    put(record, "StorageQuotaLimitGB", account.storage_quota_gb);
}

/// Adds the navigation properties that the call expands; they are absent otherwise.
fn expand(record: &mut Value, call: &Call<'_>, account: &Account) {
    let base = &call.base;
    if call.expands("Security") {
        put(record, "Security", security(base, account));
    }
    if call.expands("Preferences") {
        put(record, "Preferences", preferences(base, &account.id, &account.preferences));
    }
    if let Some(zone) = account.default_zone.as_ref().filter(|_| call.expands("DefaultZone")) {
        put(record, "DefaultZone", entity(base, "Zones", "Zone", zone, json!({})));
    }
    if call.expands("EmailAddresses") {
        let primary = json!({
            "Email": account.email, "IsConfirmed": account.confirmed, "IsPrimary": true,
        });
        let others = account
            .other_addresses
            .iter()
            .map(|address| json!({ "Email": address, "IsConfirmed": true, "IsPrimary": false }));
        put(record, "EmailAddresses", std::iter::once(primary).chain(others).collect::<Vec<_>>());
    }
}

/// Returns the entity `UserSecurity`.
pub(super) fn security(base: &str, account: &Account) -> Value {
    let last_login = date_or_never(account.last_login);
    let members = json!({
        "IsDisabled": account.disabled,
        "IsLocked": false,
        "LockExpires": NEVER,
        "LastWebAppLogin": last_login,
        "LastAnyLogin": last_login,
        "FirstAnyLogin": date_or_never(account.last_login.map(|_| account.created)),
        "UserIPRestrictions": "",
        "ForcePasswordChange": false,
        "PasswordNeverExpires": true,
        "LastPasswordChange": date_or_never(account.confirmed.then_some(account.created)),
        "UsernameShort": account.email.chars().take(20).collect::<String>(),
        "LastFailedLogin": NEVER,
        "FailedLoginCount": 0,
        "UserAuthenticationType": "Basic",
    });
    entity(base, "UserSecurity", "UserSecurity", &account.id, members)
}

/// Returns the entity `UserPreferences`.
pub(super) fn preferences(base: &str, id: &str, preferences: &Preferences) -> Value {
    let members = json!({
        "CanResetPassword": preferences.can_reset_password,
        "CanViewMySettings": preferences.can_view_my_settings,
        "TimeZone": preferences.time_zone,
        "NotificationInterval": preferences.notification_interval,
        "IsSharedUserAccount": false,
        "UserNotificationLocale": "en",
    });
    entity(base, "UserPreferences", "UserPreferences", id, members)
}

/// Returns what a caller without rights sees of somebody else: who it is, nothing more.
pub(super) fn reduced_user(tenant: &Tenant, call: &Call<'_>, account: &Account) -> Value {
    let record = json!({
        "Email": account.email,
        "FirstName": account.first_name,
        "LastName": account.last_name,
        "Company": account.company,
        "FullName": full_name(account),
        "FullNameShort": short_name(account),
        "Domain": tenant.options.subdomain,
    });
    select(call, entity(&call.base, "Users", model(account.kind), &account.id, record))
}

/// Returns an entry of a list: neither roles nor secondary addresses (section 3.1).
pub(super) fn contact(call: &Call<'_>, account: &Account) -> Value {
    let record = json!({
        "FirstName": account.first_name,
        "LastName": account.last_name,
        "Company": account.company,
        "IsConfirmed": account.confirmed,
        "IsDisabled": account.disabled,
        "LastAnyLogin": date_or_never(account.last_login),
        "CreatedDate": date(account.created),
        "Name": format!("{}, {}", account.last_name, account.first_name),
        "Email": account.email,
    });
    select(call, entity(&call.base, "Contacts", "Contact", &account.id, record))
}

/// Returns a feed of contacts (section 2.3): whole, or the page that the call asks for.
///
/// `odata.count` is the true number of entries, also of a page and of a list that a fault cuts.
pub(super) fn contacts(
    tenant: &Tenant,
    call: &Call<'_>,
    path: &str,
    accounts: &[&Account],
) -> Result<Value, Refusal> {
    let switches = &tenant.switches;
    let by_query = switches.top_and_skip || switches.page_size.is_some();
    let skip = call.number("$skip")?.filter(|_| by_query).unwrap_or(0);
    let top = call.number("$top")?.filter(|_| by_query).unwrap_or(usize::MAX);
    let page = switches.page_size.unwrap_or(usize::MAX).max(1);
    let rest = accounts.get(skip..).unwrap_or_default();
    let cut = call.list_cut().map(|fault| fault.keep.unwrap_or(0));
    let rows = rest.iter().take(top.min(page).min(cut.unwrap_or(usize::MAX)));
    let value: Vec<_> = rows.map(|account| contact(call, account)).collect();
    let mut feed = json!({
        "odata.metadata": format!("{}/$metadata#Contacts", call.base),
        "odata.count": accounts.len(),
        "value": value,
        "url": format!("{}/Contacts", call.base),
    });
    if cut.is_none() && page < top && rest.len() > page {
        let mut next = format!("{}/{path}?$skip={}", call.base, skip + page);
        if top != usize::MAX {
            next.push_str(&format!("&$top={}", top - page));
        }
        if let Some(selected) = call.parameter("$select") {
            next.push_str("&$select=");
            next.extend(url::form_urlencoded::byte_serialize(selected.as_bytes()));
        }
        put(&mut feed, "odata.nextLink", next);
    }
    Ok(feed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_as_many_fraction_digits_as_they_need() {
        assert_eq!(date(Timestamp(0)), "1970-01-01T00:00:00Z");
        assert_eq!(date(Timestamp(920)), "1970-01-01T00:00:00.92Z");
        assert_eq!(date(Timestamp(1_487)), "1970-01-01T00:00:01.487Z");
    }
}
