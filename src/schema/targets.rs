//! What the target attributes of an application in Entra ID are called here.
//!
//! ShareFile's application in the gallery names them as ShareFile's API does (ShareFile reference,
//! section 3.9). Applications that were made by hand for another protocol have its names, so the
//! usual ones of those are here as well.

use super::vocabulary::{Vocabulary, folded, nearest};

/// What an attribute of accounts at the target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UserTarget<'v> {
    /// An attribute that a configuration can set.
    Attribute(&'v str),
    /// Whether the account is active; `disabled` if the attribute says the opposite.
    Active { disabled: bool },
    /// Employee or client, as a word.
    Type,
    /// Employee or client, as a truth value.
    IsEmployee,
    /// None that can be set here, with the reason and the nearest one.
    None { reason: &'static str, nearest: Option<&'v str> },
}

/// What an attribute of groups at the target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GroupTarget<'v> {
    /// An attribute that a configuration can set.
    Attribute(&'v str),
    /// The members.
    Members,
    /// None that can be set here, with the reason and the nearest one.
    None { reason: &'static str, nearest: Option<&'v str> },
}

/// Other names of attributes, folded; of two for one attribute, the better one is first.
const SYNONYMS: &[(&str, &str)] = &[
    ("emailaddress", "Email"),
    ("mail", "Email"),
    ("emails[typeeq\"work\"]value", "Email"),
    ("username", "Email"),
    ("userprincipalname", "Email"),
    ("loginname", "Email"),
    ("givenname", "FirstName"),
    ("namegivenname", "FirstName"),
    ("surname", "LastName"),
    ("familyname", "LastName"),
    ("namefamilyname", "LastName"),
    ("companyname", "Company"),
    ("organization", "Company"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:20:user:organization", "Company"),
    ("role", "Roles"),
    ("zone", "DefaultZone"),
    ("defaultzoneid", "DefaultZone"),
    ("quota", "StorageQuotaLimitGB"),
    ("storagequota", "StorageQuotaLimitGB"),
    ("policy", "Policies"),
    ("preferencescanresetpassword", "CanResetPassword"),
    ("preferencescanviewmysettings", "CanViewMySettings"),
];

/// Attributes that say whether an account is active, folded, and whether they say the opposite.
const ACTIVE: &[(&str, bool)] = &[
    ("isactive", false),
    ("active", false),
    ("enabled", false),
    ("isenabled", false),
    ("accountenabled", false),
    ("isdisabled", true),
    ("disabled", true),
    ("securityisdisabled", true),
];

/// Attributes that have no counterpart, folded, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("id", "ShareFile gives every account its id, and takes none"),
    ("externalid", "ShareFile keeps no id of another directory; the link is kept in the store"),
    ("manager", "ShareFile knows no managers"),
    (
        "password",
        "accounts are made without a password: people sign in through Entra ID, or set one",
    ),
    (
        "isadministrator",
        "nobody is made an administrator: accounts of administrators are protected",
    ),
    ("displayname", "ShareFile makes it from the first and the last name"),
    ("fullname", "ShareFile makes it from the first and the last name"),
    ("nameformatted", "ShareFile makes it from the first and the last name"),
    ("name", "ShareFile makes it from the first and the last name"),
    ("title", "accounts have no job title"),
    ("jobtitle", "accounts have no job title"),
    ("department", "accounts have no department"),
    ("phone", "accounts have no telephone number"),
    ("telephonenumber", "accounts have no telephone number"),
    ("mobile", "accounts have no telephone number"),
    ("preferredlanguage", "accounts have no language that can be set"),
];

/// Attributes of ShareFile's that are names in the list of roles here, folded.
const ROLES: [&str; 3] = ["cancreatefolders", "canusefilebox", "canmanageusers"];

/// Returns what an attribute of accounts means.
pub(super) fn user_target<'v>(name: &str, vocabulary: &Vocabulary<'v>) -> UserTarget<'v> {
    let wanted = folded(name);
    if let Some((_, disabled)) = ACTIVE.iter().find(|(name, _)| *name == wanted) {
        return UserTarget::Active { disabled: *disabled };
    }
    match wanted.as_str() {
        "usertype" | "type" | "accounttype" => return UserTarget::Type,
        "isemployee" | "employee" => return UserTarget::IsEmployee,
        _ => {}
    }
    let synonym = SYNONYMS.iter().find(|(name, _)| *name == wanted).map(|(_, name)| folded(name));
    let same = |known: &&&str| folded(known) == wanted || Some(folded(known)) == synonym;
    if let Some(known) = vocabulary.user_targets.iter().find(same) {
        return UserTarget::Attribute(known);
    }
    if ROLES.contains(&wanted.as_str())
        && let Some(roles) = vocabulary.user_targets.iter().find(|known| **known == "Roles")
    {
        let reason = "it is a role here: one of the names that `Roles` gives";
        return UserTarget::None { reason, nearest: Some(roles) };
    }
    let reason = WITHOUT.iter().find(|(name, _)| *name == wanted).map(|(_, reason)| *reason);
    UserTarget::None {
        reason: reason.unwrap_or("accounts have no such attribute that can be set"),
        nearest: reason.is_none().then(|| nearest(name, vocabulary.user_targets)).flatten(),
    }
}

/// Returns how far the name of an attribute is from the one that ShareFile has for it; 0 is that
/// name itself.
pub(super) fn distance(name: &str, target: &str) -> usize {
    let wanted = folded(name);
    if wanted == folded(target) {
        return 0;
    }
    let found = SYNONYMS.iter().position(|(name, _)| *name == wanted);
    found.map_or(usize::MAX, |position| position + 1)
}

/// Returns what an attribute of groups means.
pub(super) fn group_target<'v>(name: &str, vocabulary: &Vocabulary<'v>) -> GroupTarget<'v> {
    let wanted = folded(name);
    match wanted.as_str() {
        "contacts" | "contact" | "members" | "member" | "users" => return GroupTarget::Members,
        _ => {}
    }
    if let Some(known) = vocabulary.group_targets.iter().find(|known| folded(known) == wanted) {
        return GroupTarget::Attribute(known);
    }
    let name_of_group = ["displayname", "groupname"].contains(&wanted.as_str());
    if let (true, Some(known)) = (name_of_group, vocabulary.group_targets.first()) {
        return GroupTarget::Attribute(known);
    }
    let reason = match wanted.as_str() {
        "id" => Some("ShareFile gives every group its id, and takes none"),
        "externalid" => Some("ShareFile keeps no id of another directory; the link is kept"),
        "isshared" => Some("groups of this job are always shared: nobody would see them else"),
        "owner" | "ownerid" => Some("the service user owns the groups that it makes"),
        "description" => Some("ShareFile's groups have no description"),
        _ => None,
    };
    GroupTarget::None {
        reason: reason.unwrap_or("groups have no such attribute that can be set"),
        nearest: reason.is_none().then(|| nearest(name, vocabulary.group_targets)).flatten(),
    }
}
