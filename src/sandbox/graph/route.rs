//! Which path means what, who may ask, and who answers.

use std::borrow::Cow;

use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde_json::json;
use url::form_urlencoded;
use uuid::Uuid;

use crate::model::ids::Timestamp;
use crate::sandbox::faults::{Fault, FaultKind};

use super::call::{Call, Refusal, Reply, RequestIds, respond};
use super::login::Door;
use super::members::Kind;
use super::synchronization::Part;
use super::throttle::Charge;
use super::{
    Tenant, applications, batch, deleted, delta, groups, members, provisioning, registrations,
    subscriptions, synchronization, throttle, token, users,
};

/// Permissions that let a caller read applications and who is assigned to them.
pub const APPLICATION_READERS: &[&str] =
    &["Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All"];
/// Permissions that let a caller read people.
pub const USER_READERS: &[&str] =
    &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
/// Permissions that let a caller read groups and their members.
pub const GROUP_READERS: &[&str] = &[
    "GroupMember.Read.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// Permissions that let a caller read devices.
pub const DEVICE_READERS: &[&str] =
    &["Device.Read.All", "Device.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
/// Permissions that let a caller read objects of any kind.
const DIRECTORY_READERS: &[&str] = &["Directory.Read.All", "Directory.ReadWrite.All"];
/// Permissions that let a caller read deleted groups.
pub const DELETED_GROUP_READERS: &[&str] =
    &["Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];

/// How a service principal is named in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplicationKey {
    /// By object id.
    Object(String),
    /// By `appId='…'`.
    AppId(String),
}

/// What a path below `/v1.0` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `servicePrincipals`
    Applications,
    /// `servicePrincipals/{id}`
    Application(ApplicationKey),
    /// `servicePrincipals/{id}/appRoleAssignedTo`
    Assignments(ApplicationKey),
    /// `users`
    Users,
    /// `users/$count`
    UsersCount,
    /// `users/delta`
    UsersDelta,
    /// `users/{id}`
    User(String),
    /// `groups`
    Groups,
    /// `groups/$count`
    GroupsCount,
    /// `groups/delta`
    GroupsDelta,
    /// `groups/{id}`
    Group(String),
    /// `groups/{id}/members`, or `transitiveMembers`
    Members {
        /// The group.
        group: String,
        /// With the members of nested groups.
        transitive: bool,
        /// Only objects of this kind.
        cast: Option<Kind>,
        /// Only how many there are.
        count: bool,
    },
    /// `users/{id}/memberOf`, `groups/{id}/transitiveMemberOf` and so on
    MemberOf {
        /// Whether it is about a person or a group.
        of: Kind,
        /// The person or the group.
        key: String,
        /// With the groups that contain those groups.
        transitive: bool,
    },
    /// `users/{id}/manager`
    Manager(String),
    /// `directoryObjects/getByIds`
    ByIds,
    /// `applications`
    Registrations,
    /// `applications/{id}`
    Registration(ApplicationKey),
    /// `applications/{id}/federatedIdentityCredentials`
    FederatedCredentials(ApplicationKey),
    /// `directory/deletedItems/microsoft.graph.user`
    DeletedUsers,
    /// `directory/deletedItems/microsoft.graph.group`
    DeletedGroups,
    /// `directory/deletedItems/{id}`
    Deleted(String),
    /// `$batch`
    Batch,
    /// `subscriptions`
    Subscriptions,
    /// `subscriptions/{id}`
    Subscription(String),
    /// `subscriptions/{id}/reauthorize`
    Reauthorize(String),
    /// `servicePrincipals/{id}/synchronization/…`
    Synchronization(ApplicationKey, Part),
    /// `auditLogs/provisioning`
    ProvisioningLog,
}

impl Endpoint {
    /// Returns what a path with its version means.
    ///
    /// # Errors
    /// The refusal of a path that means nothing.
    pub fn of(path: &str) -> Result<Self, Refusal> {
        let mut segments = path.trim_matches('/').split('/').map(percent_decode);
        match segments.next().as_deref() {
            Some("v1.0") => {}
            other => {
                let message = format!("Invalid version: {}", other.unwrap_or_default());
                return Err(Refusal::new(400, "BadRequest", message));
            }
        }
        let segments: Vec<String> = segments.flat_map(|segment| unfold(&segment)).collect();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        Self::matching(&parts).ok_or_else(|| unknown(&parts))
    }

    fn matching(parts: &[&str]) -> Option<Self> {
        Some(match parts {
            ["servicePrincipals"] => Self::Applications,
            ["servicePrincipals", key] => Self::Application(application_key(key)),
            ["servicePrincipals", key, "appRoleAssignedTo"] => {
                Self::Assignments(application_key(key))
            }
            ["users"] => Self::Users,
            ["users", "$count"] => Self::UsersCount,
            ["users", last] if is_delta(last) => Self::UsersDelta,
            ["users", id] => Self::User((*id).to_owned()),
            ["users", id, "manager"] => Self::Manager((*id).to_owned()),
            [set @ ("users" | "groups"), id, kind @ ("memberOf" | "transitiveMemberOf")] => {
                Self::MemberOf {
                    of: if *set == "users" { Kind::User } else { Kind::Group },
                    key: (*id).to_owned(),
                    transitive: *kind == "transitiveMemberOf",
                }
            }
            ["groups"] => Self::Groups,
            ["groups", "$count"] => Self::GroupsCount,
            ["groups", last] if is_delta(last) => Self::GroupsDelta,
            ["groups", id] => Self::Group((*id).to_owned()),
            ["groups", id, kind @ ("members" | "transitiveMembers"), rest @ ..] => {
                let (cast, count) = cast(rest)?;
                let (group, transitive) = ((*id).to_owned(), *kind == "transitiveMembers");
                Self::Members { group, transitive, cast, count }
            }
            ["directoryObjects", "getByIds" | "microsoft.graph.getByIds"] => Self::ByIds,
            ["applications"] => Self::Registrations,
            ["applications", key] => Self::Registration(application_key(key)),
            ["applications", key, "federatedIdentityCredentials"] => {
                Self::FederatedCredentials(application_key(key))
            }
            ["directory", "deletedItems", "microsoft.graph.user"] => Self::DeletedUsers,
            ["directory", "deletedItems", "microsoft.graph.group"] => Self::DeletedGroups,
            ["directory", "deletedItems", id] => Self::Deleted((*id).to_owned()),
            ["$batch"] => Self::Batch,
            ["subscriptions"] => Self::Subscriptions,
            ["subscriptions", id] => Self::Subscription((*id).to_owned()),
            ["subscriptions", id, "reauthorize"] => Self::Reauthorize((*id).to_owned()),
            ["servicePrincipals", key, "synchronization", rest @ ..] => {
                Self::Synchronization(application_key(key), Part::of(rest)?)
            }
            ["auditLogs", "provisioning"] => Self::ProvisioningLog,
            _ => return None,
        })
    }

    fn name(&self) -> Cow<'static, str> {
        let name = match self {
            Self::Applications => "servicePrincipals",
            Self::Application(ApplicationKey::Object(_)) => "servicePrincipals/{id}",
            Self::Application(ApplicationKey::AppId(_)) => "servicePrincipals(appId)",
            Self::Assignments(ApplicationKey::Object(_)) => {
                "servicePrincipals/{id}/appRoleAssignedTo"
            }
            Self::Assignments(ApplicationKey::AppId(_)) => {
                "servicePrincipals(appId)/appRoleAssignedTo"
            }
            Self::Users => "users",
            Self::UsersCount => "users/$count",
            Self::UsersDelta => "users/delta",
            Self::User(_) => "users/{id}",
            Self::Groups => "groups",
            Self::GroupsCount => "groups/$count",
            Self::GroupsDelta => "groups/delta",
            Self::Group(_) => "groups/{id}",
            Self::Members { transitive, cast, count, .. } => {
                return members_name(*transitive, *cast, *count);
            }
            Self::MemberOf { of: Kind::User, transitive: false, .. } => "users/{id}/memberOf",
            Self::MemberOf { of: Kind::User, .. } => "users/{id}/transitiveMemberOf",
            Self::MemberOf { transitive: false, .. } => "groups/{id}/memberOf",
            Self::MemberOf { .. } => "groups/{id}/transitiveMemberOf",
            Self::Manager(_) => "users/{id}/manager",
            Self::ByIds => "directoryObjects/getByIds",
            Self::Registrations => "applications",
            Self::Registration(ApplicationKey::Object(_)) => "applications/{id}",
            Self::Registration(ApplicationKey::AppId(_)) => "applications(appId)",
            Self::FederatedCredentials(_) => "applications/{id}/federatedIdentityCredentials",
            Self::DeletedUsers => "directory/deletedItems/microsoft.graph.user",
            Self::DeletedGroups => "directory/deletedItems/microsoft.graph.group",
            Self::Deleted(_) => "directory/deletedItems/{id}",
            Self::Batch => "$batch",
            Self::Subscriptions => "subscriptions",
            Self::Subscription(_) => "subscriptions/{id}",
            Self::Reauthorize(_) => "subscriptions/{id}/reauthorize",
            Self::Synchronization(_, part) => part.name(),
            Self::ProvisioningLog => "auditLogs/provisioning",
        };
        Cow::Borrowed(name)
    }

    /// Returns the permissions of which one is needed (Graph reference, section 1.7).
    fn readers(&self) -> &'static [&'static str] {
        match self {
            Self::Applications
            | Self::Application(_)
            | Self::Assignments(_)
            | Self::Registrations
            | Self::Registration(_)
            | Self::FederatedCredentials(_) => APPLICATION_READERS,
            Self::ByIds => DIRECTORY_READERS,
            Self::Users
            | Self::UsersCount
            | Self::UsersDelta
            | Self::User(_)
            | Self::Manager(_)
            | Self::DeletedUsers => USER_READERS,
            Self::Groups
            | Self::GroupsDelta
            | Self::Group(_)
            | Self::GroupsCount
            | Self::Members { .. }
            | Self::MemberOf { .. } => GROUP_READERS,
            Self::DeletedGroups => DELETED_GROUP_READERS,
            Self::Synchronization(_, part) => part.readers(),
            Self::ProvisioningLog => &["AuditLog.Read.All", "ProvisioningLog.Read.All"],
            // The type of the object decides; the handler knows it. What an application has
            // subscribed to it may always see.
            Self::Deleted(_)
            | Self::Batch
            | Self::Subscriptions
            | Self::Subscription(_)
            | Self::Reauthorize(_) => &[],
        }
    }
}

/// Answers a signed-in request and says what it cost.
pub fn metered(tenant: &Tenant, call: &Call) -> (Charge, Reply) {
    let endpoint = match Endpoint::of(&call.path) {
        Ok(endpoint) => endpoint,
        Err(refusal) => return (Charge { units: 1, share: None }, Err(refusal)),
    };
    match throttle::charge(tenant, call, &endpoint) {
        (charge, Ok(())) => (charge, dispatch(tenant, call, &endpoint)),
        (charge, Err(refusal)) => (charge, Err(refusal)),
    }
}

fn dispatch(tenant: &Tenant, call: &Call, endpoint: &Endpoint) -> Reply {
    let allowed: &[Method] = match endpoint {
        Endpoint::Batch | Endpoint::ByIds | Endpoint::Reauthorize(_) => &[Method::POST],
        Endpoint::Subscriptions => &[Method::GET, Method::POST],
        Endpoint::Subscription(_) => &[Method::GET, Method::PATCH, Method::DELETE],
        _ => &[Method::GET],
    };
    if !allowed.contains(&call.method) {
        let message = "Specified HTTP method is not allowed for the request target.";
        return Err(Refusal::new(405, "Request_BadRequest", message));
    }
    if !endpoint.readers().is_empty() && !call.may(endpoint.readers()) {
        return Err(Refusal::denied());
    }
    match endpoint {
        Endpoint::Applications => applications::list(tenant, call),
        Endpoint::Application(key) => applications::one(tenant, call, key),
        Endpoint::Assignments(key) => applications::assignments(tenant, call, key),
        Endpoint::Users => users::list(tenant, call),
        Endpoint::UsersCount => users::count(tenant, call),
        Endpoint::UsersDelta => delta::delta(tenant, call, delta::Feed::Users),
        Endpoint::User(key) => users::one(tenant, call, key),
        Endpoint::Groups => groups::list(tenant, call),
        Endpoint::GroupsDelta => delta::delta(tenant, call, delta::Feed::Groups),
        Endpoint::Group(id) => groups::one(tenant, call, id),
        Endpoint::GroupsCount => groups::count(tenant, call),
        Endpoint::Members { group, transitive, cast, count: false } => {
            members::list(tenant, call, group, *transitive, *cast)
        }
        Endpoint::Members { group, transitive, cast, count: true } => {
            members::count(tenant, call, group, *transitive, *cast)
        }
        Endpoint::MemberOf { of, key, transitive } => {
            members::member_of(tenant, call, (*of, key), *transitive)
        }
        Endpoint::Manager(key) => users::manager(tenant, call, key),
        Endpoint::ByIds => members::by_ids(tenant, call),
        Endpoint::Registrations => registrations::list(tenant, call),
        Endpoint::Registration(key) => registrations::one(tenant, call, key),
        Endpoint::FederatedCredentials(key) => registrations::federated(tenant, call, key),
        Endpoint::DeletedUsers => deleted::users(tenant, call),
        Endpoint::DeletedGroups => deleted::groups(tenant, call),
        Endpoint::Deleted(id) => deleted::one(tenant, call, id),
        Endpoint::Batch => batch::batch(tenant, call),
        Endpoint::Subscriptions if call.method == Method::POST => {
            // On its own it is answered elsewhere, because its receiver must be asked first.
            Err(Refusal::new(400, "BadRequest", "A subscription cannot be made in a batch."))
        }
        Endpoint::Subscriptions => subscriptions::list(tenant, call),
        Endpoint::Subscription(id) => subscriptions::one(tenant, call, id),
        Endpoint::Reauthorize(id) => subscriptions::reauthorize(tenant, id),
        Endpoint::Synchronization(key, part) => synchronization::answer(tenant, call, key, part),
        Endpoint::ProvisioningLog => provisioning::list(tenant, call),
    }
}

/// Returns the endpoint label of a request, as `GET /v1.0/users/{id}`.
pub fn label(method: &Method, path: &str) -> String {
    if let Some(door) = Door::of(path) {
        return format!("{method} {}", door.name());
    }
    match Endpoint::of(path) {
        Ok(endpoint) => format!("{method} /v1.0/{}", endpoint.name()),
        Err(_) => format!("{method} (unknown)"),
    }
}

/// Returns the refusal of a caller that asked too much.
pub fn too_many() -> Refusal {
    let mut refusal = Refusal::new(429, "TooManyRequests", "Please retry again later.");
    refusal.inner.insert("code".into(), json!("429"));
    refusal.inner.insert("status".into(), json!("429"));
    refusal.inner.insert("message".into(), json!("Please retry after"));
    refusal
}

/// Returns the refusal of a fault (Graph reference, section 8).
pub fn refusal(kind: FaultKind, fault: &Fault) -> Refusal {
    match kind {
        FaultKind::TooManyRequests => too_many(),
        FaultKind::Unauthorized => Refusal::unauthenticated("Access token validation failure."),
        _ => Refusal::new(
            503,
            fault.reason.as_deref().unwrap_or("ServiceUnavailable"),
            "The service is temporarily unavailable.",
        ),
    }
}

/// Returns the response of a fault that the server acts out.
pub fn refuse(fault: &Fault, path: &str, asked: &HeaderMap, now: Timestamp) -> Response {
    if let Some(Door::Token(_)) = Door::of(path) {
        return token::refuse(fault.kind, asked, now);
    }
    let charge = Charge { units: 1, share: None };
    respond(Err(refusal(fault.kind, fault)), &RequestIds::of(asked), Some(now), charge)
}

/// Splits a query string into its decoded options.
pub fn query_pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn unknown(parts: &[&str]) -> Refusal {
    let known = [
        "servicePrincipals",
        "applications",
        "users",
        "groups",
        "directory",
        "deletedItems",
        "auditLogs",
        "subscriptions",
        "synchronization",
    ];
    let odd = parts.iter().find(|part| !known.contains(part) && Uuid::try_parse(part).is_err());
    Refusal::no_segment(odd.or(parts.last()).copied().unwrap_or_default())
}

fn is_delta(segment: &str) -> bool {
    let bare = segment.strip_suffix("()").unwrap_or(segment);
    bare == "delta" || bare == "microsoft.graph.delta"
}

/// Reads what stands behind `members`: a cast, `$count`, both or nothing.
fn cast(rest: &[&str]) -> Option<(Option<Kind>, bool)> {
    let (rest, count) = match rest.split_last() {
        Some((&"$count", rest)) => (rest, true),
        _ => (rest, false),
    };
    match rest {
        [] => Some((None, count)),
        [one] => {
            let bare = one.strip_prefix("microsoft.").unwrap_or(one).strip_prefix("graph.")?;
            Some((Some(Kind::named(bare)?), count))
        }
        _ => None,
    }
}

fn members_name(transitive: bool, cast: Option<Kind>, count: bool) -> Cow<'static, str> {
    let mut name = String::from(match transitive {
        true => "groups/{id}/transitiveMembers",
        false => "groups/{id}/members",
    });
    if let Some(kind) = cast {
        name.push_str("/microsoft.graph.");
        name.push_str(kind.name());
    }
    if count {
        name.push_str("/$count");
    }
    Cow::Owned(name)
}

fn application_key(key: &str) -> ApplicationKey {
    match key.strip_prefix("appId='").and_then(|rest| rest.strip_suffix('\'')) {
        Some(app_id) => ApplicationKey::AppId(app_id.to_owned()),
        None => ApplicationKey::Object(key.to_owned()),
    }
}

/// Splits `users('x')` into `users` and `x`, and `servicePrincipals(appId='x')` into
/// `servicePrincipals` and `appId='x'`.
fn unfold(segment: &str) -> Vec<String> {
    let Some((set, key)) = segment.strip_suffix(')').and_then(|rest| rest.split_once('(')) else {
        return vec![segment.to_owned()];
    };
    if key.is_empty() {
        return vec![segment.to_owned()];
    }
    let bare = key.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(key);
    vec![set.to_owned(), bare.to_owned()]
}

fn percent_decode(segment: &str) -> String {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if first == b'%' => {
                decoded.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_replace_ids() {
        for (path, wanted) in [
            ("/v1.0/users/delta()", "GET /v1.0/users/delta"),
            ("/v1.0/users/a%23EXT%23%40b.c", "GET /v1.0/users/{id}"),
            ("/v1.0/users('x')", "GET /v1.0/users/{id}"),
            ("/v1.0/servicePrincipals(appId='x')", "GET /v1.0/servicePrincipals(appId)"),
            (
                "/v1.0/groups/x/members/microsoft.graph.user",
                "GET /v1.0/groups/{id}/members/microsoft.graph.user",
            ),
            ("/contoso/oauth2/v2.0/token", "GET /{tenant}/oauth2/v2.0/token"),
            ("/v1.0/me", "GET (unknown)"),
        ] {
            assert_eq!(label(&Method::GET, path), wanted);
        }
        let endpoint = Endpoint::of("/v1.0/users/a%23EXT%23@b.c").expect("is an endpoint");
        assert_eq!(endpoint, Endpoint::User("a#EXT#@b.c".to_owned()));
    }
}
