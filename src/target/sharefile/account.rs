//! The tenant itself: licences, protected people, and what the service user may do (ShareFile API
//! reference, sections 1.6 and 5). Three reads, and one more where a Super User Group exists.

use super::api::{Api, Call};
use super::error::{Attempt, roles_remedy};
use super::feed;
use super::users::is_id;
use super::wire::{Account, Contact, Preferences, User, UserUsage};
use crate::model::account::{Seats, TargetAccount};
use crate::model::ids::TargetId;
use crate::model::outcome::ErrorCategory;
use crate::target::TargetError;

/// The roles without which nobody can be managed (section 1.6).
const NEEDED_ROLES: [&str; 2] = ["AdminManageEmployees", "CanManageUsers"];

const SERVICE_USER: &str = "reading the service user";

/// Reads the tenant, and refuses a service user who may not manage people.
pub(super) async fn read(api: &Api) -> Result<TargetAccount, TargetError> {
    let (service_user, service_roles) = read_service_user(api).await?;
    let missing = missing_roles(&service_roles);
    if !missing.is_empty() {
        return Err(Attempt::read(SERVICE_USER).error(
            ErrorCategory::Auth,
            "MissingRole",
            format!("the service user lacks {}", missing.join(" and ")),
            roles_remedy(),
        ));
    }
    read_rest(api, service_user, service_roles).await
}

/// What the service user needs and holds, and the tenant as far as it can be read without.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The roles without which nobody can be managed, and whether the service user holds each.
    pub roles: Vec<(&'static str, bool)>,
    /// What to do about one that is missing.
    pub remedy: String,
    /// The tenant.
    pub account: TargetAccount,
}

/// Reads the tenant as it is: a missing role is no error here.
pub(super) async fn survey(api: &Api) -> Result<Survey, TargetError> {
    let (service_user, service_roles) = read_service_user(api).await?;
    let missing = missing_roles(&service_roles);
    let roles = NEEDED_ROLES.into_iter().map(|role| (role, !missing.contains(&role))).collect();
    let account = read_rest(api, service_user, service_roles).await?;
    Ok(Survey { roles, remedy: roles_remedy().to_owned(), account })
}

fn missing_roles(held: &[String]) -> Vec<&'static str> {
    NEEDED_ROLES.into_iter().filter(|role| !held.iter().any(|one| one == role)).collect()
}

async fn read_rest(
    api: &Api,
    service_user: TargetId,
    service_roles: Vec<String>,
) -> Result<TargetAccount, TargetError> {
    let what = "reading the tenant's account";
    let call = Call::get("Accounts").with("$expand", "UserUsage,Preferences");
    let account: Account = must(api, what, call).await?;
    if account.master_admin_id.is_none() && account.billing_contact_id.is_none() {
        // A reduced record is not an empty one: every account has these two (section 5).
        return Err(Attempt::read(what).error(
            ErrorCategory::Rejected,
            "ReducedAccount",
            "the account names neither its master administrator nor its billing contact, so \
             nobody knows whom to protect",
            roles_remedy(),
        ));
    }
    let read: Preferences =
        must(api, "reading the tenant's preferences", Call::get("Accounts/Preferences")).await?;
    let preferences = merge(read, account.preferences.unwrap_or_default());
    let super_users = read_super_users(api, preferences.super_group_id.as_deref()).await?;
    let name = match account.subdomain {
        Some(subdomain) => subdomain,
        None => api.subdomain().await?,
    };
    let seats = seats_of(&account.user_usage);
    Ok(TargetAccount {
        account_id: account.id,
        name,
        plan_name: account.plan_name,
        service_user,
        service_roles,
        master_admin: account.master_admin_id.and_then(id),
        billing_contact: account.billing_contact_id.and_then(id),
        super_users,
        super_group: preferences.super_group_id.as_deref().and_then(|group| id(group.to_owned())),
        seats,
        employee_domains: employee_domains(&preferences),
        force_sso: preferences.force_sso.unwrap_or(false),
        two_factor: preferences.enable_two_factor_auth.unwrap_or(false),
        by_policies: preferences.enable_policy_based_administration.unwrap_or(false),
    })
}

/// Reads the licences: one request.
pub(super) async fn seats(api: &Api) -> Result<Seats, TargetError> {
    let call = Call::get("Accounts").with("$expand", "UserUsage");
    let account: Account = must(api, "reading the licences", call).await?;
    Ok(seats_of(&account.user_usage))
}

fn seats_of(usage: &Option<UserUsage>) -> Seats {
    let counter = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
    let usage = usage.as_ref();
    Seats {
        employee_max: counter(usage.and_then(|usage| usage.employee_max)),
        employee_count: counter(usage.and_then(|usage| usage.employee_count)).unwrap_or(0),
    }
}

/// Reads the service user. `GET /Users` without parameters is the caller (section 3.1).
async fn read_service_user(api: &Api) -> Result<(TargetId, Vec<String>), TargetError> {
    let user: User = must(api, SERVICE_USER, Call::get("Users")).await?;
    Ok((TargetId::new(user.id), user.roles.unwrap_or_default()))
}

/// Reads who is in the Super User Group. A group that is named but cannot be read is an error:
/// its members are protected, and nobody would know whom to protect.
async fn read_super_users(api: &Api, group: Option<&str>) -> Result<Vec<TargetId>, TargetError> {
    let Some(group) = group.filter(|group| !group.is_empty()) else {
        return Ok(Vec::new());
    };
    let attempt = Attempt::read("reading the Super User Group");
    if !is_id(group) {
        return Err(attempt.error(
            ErrorCategory::Bug,
            "WrongId",
            "the preferences name a group whose id is none that ShareFile gives",
            "Report this: the members of that group are protected, so they must be known.",
        ));
    }
    let mut members = Vec::new();
    let mut each = |contact: Contact| members.push(TargetId::new(contact.id));
    let call = Call::get(format!("Groups({group})/Contacts"));
    feed::read(api, &attempt, &call, &mut each).await.map_err(|mut error| {
        if error.category == ErrorCategory::Rejected {
            error.remedy = "Its members are protected, so they must be known: let the service \
                            user see the group (permission AdminSuperGroup)."
                .to_owned();
        }
        error
    })?;
    members.sort();
    members.dedup();
    Ok(members)
}

async fn must<T: serde::de::DeserializeOwned>(
    api: &Api,
    what: &str,
    call: Call,
) -> Result<T, TargetError> {
    let attempt = Attempt::read(what);
    let answer = api.call(&attempt, &call).await?;
    answer.json().map_err(|error| attempt.unreadable(&answer, error))
}

/// Fills gaps of the preferences as read with those that came with the account.
fn merge(read: Preferences, expanded: Preferences) -> Preferences {
    Preferences {
        use_strict_employee_definition: read
            .use_strict_employee_definition
            .or(expanded.use_strict_employee_definition),
        employee_email_domains: read.employee_email_domains.or(expanded.employee_email_domains),
        enable_two_factor_auth: read.enable_two_factor_auth.or(expanded.enable_two_factor_auth),
        force_sso: read.force_sso.or(expanded.force_sso),
        super_group_id: read.super_group_id.or(expanded.super_group_id),
        enable_policy_based_administration: read
            .enable_policy_based_administration
            .or(expanded.enable_policy_based_administration),
    }
}

/// Returns the domains whose addresses must be employees, in lower case; none unless the strict
/// rule is on (section 0, fact 8). How the text separates them is not documented.
fn employee_domains(preferences: &Preferences) -> Vec<String> {
    if preferences.use_strict_employee_definition != Some(true) {
        return Vec::new();
    }
    let text = preferences.employee_email_domains.as_deref().unwrap_or("");
    let mut domains: Vec<String> = text
        .split(|c: char| c == ',' || c == ';' || c == '|' || c.is_whitespace())
        .map(|domain| domain.trim_start_matches('@').to_lowercase())
        .filter(|domain| !domain.is_empty())
        .collect();
    domains.sort();
    domains.dedup();
    domains
}

fn id(text: String) -> Option<TargetId> {
    (!text.is_empty()).then(|| TargetId::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn employee_domains_count_only_under_the_strict_rule() {
        let mut preferences = Preferences {
            employee_email_domains: Some("Contoso.com; @fabrikam.com,contoso.com\n".to_owned()),
            ..Preferences::default()
        };
        assert!(employee_domains(&preferences).is_empty());
        preferences.use_strict_employee_definition = Some(true);
        assert_eq!(employee_domains(&preferences), ["contoso.com", "fabrikam.com"]);
    }
}
