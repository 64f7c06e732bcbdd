//! Which properties the metadata declares (Graph reference, sections 2, 3 and 5; the names and
//! types are those of the v1.0 CSDL).

use serde_json::{Map, Value, json};

use super::attributes::Attributes;

/// How a property looks when it has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Null.
    Single,
    /// Null, or true or false.
    Flag,
    /// The smaller limit of devices that there is: a number that is never null.
    Limit,
    /// An empty list.
    List,
    /// The object with fifteen extension attributes, all null.
    Object,
}

/// One property of the metadata.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// Its name, with the case that the metadata has.
    pub name: &'static str,
    /// What it looks like without a value.
    pub shape: Shape,
    /// Whether it comes without `$select`.
    pub default: bool,
    /// Whether it lives in the directory store. Others answer 501 in collections and deltas.
    pub kept: bool,
}

const fn property(name: &'static str, shape: Shape, default: bool, kept: bool) -> Property {
    Property { name, shape, default, kept }
}

/// Returns the property called `name`, which is compared with its case, or `None`.
pub fn find(table: &'static [Property], name: &str) -> Option<&'static Property> {
    table.binary_search_by(|known| known.name.cmp(name)).ok().and_then(|at| table.get(at))
}

/// Returns whether `name` is that of a directory extension: the object types are open for those.
pub fn is_extension(name: &str) -> bool {
    let mut parts = name.splitn(3, '_');
    let (first, app, rest) = (parts.next(), parts.next(), parts.next());
    first == Some("extension")
        && app.is_some_and(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()))
        && rest.is_some_and(|name| !name.is_empty())
}

/// Returns what `name` looks like in a read: its value, or what stands for none.
pub fn shown(table: &'static [Property], attributes: &Attributes, name: &str) -> Value {
    let shape = find(table, name).map_or(Shape::Single, |property| property.shape);
    match (attributes.get(name), shape) {
        (value, Shape::Object) => whole_extension(value.as_ref()),
        (Some(value), _) => value,
        (None, Shape::List) => json!([]),
        (None, Shape::Limit) => json!(5),
        (None, Shape::Single | Shape::Flag) => Value::Null,
    }
}

/// Returns what a caller sees of a property that it may not read.
pub fn hidden(table: &'static [Property], name: &str) -> Value {
    match find(table, name).map(|property| property.shape) {
        Some(Shape::List) => json!([]),
        _ => Value::Null,
    }
}

fn whole_extension(value: Option<&Value>) -> Value {
    let mut whole = Map::new();
    for number in 1..=15 {
        let name = format!("extensionAttribute{number}");
        let held = value.and_then(|value| value.get(&name)).cloned().unwrap_or(Value::Null);
        whole.insert(name, held);
    }
    Value::Object(whole)
}

/// Properties of `user`, sorted by name.
pub static USER: &[Property] = &[
    property("aboutMe", Shape::Single, false, false),
    property("accountEnabled", Shape::Flag, false, true),
    property("ageGroup", Shape::Single, false, true),
    property("assignedLicenses", Shape::List, false, true),
    property("assignedPlans", Shape::List, false, true),
    property("authorizationInfo", Shape::Single, false, true),
    property("birthday", Shape::Single, false, false),
    property("businessPhones", Shape::List, true, true),
    property("city", Shape::Single, false, true),
    property("companyName", Shape::Single, false, true),
    property("consentProvidedForMinor", Shape::Single, false, true),
    property("country", Shape::Single, false, true),
    property("createdDateTime", Shape::Single, false, true),
    property("creationType", Shape::Single, false, true),
    property("customSecurityAttributes", Shape::Single, false, true),
    property("deletedDateTime", Shape::Single, false, true),
    property("department", Shape::Single, false, true),
    property("deviceEnrollmentLimit", Shape::Limit, false, true),
    property("displayName", Shape::Single, true, true),
    property("employeeHireDate", Shape::Single, false, true),
    property("employeeId", Shape::Single, false, true),
    property("employeeLeaveDateTime", Shape::Single, false, true),
    property("employeeOrgData", Shape::Single, false, true),
    property("employeeType", Shape::Single, false, true),
    property("externalUserState", Shape::Single, false, true),
    property("externalUserStateChangeDateTime", Shape::Single, false, true),
    property("faxNumber", Shape::Single, false, true),
    property("givenName", Shape::Single, true, true),
    property("hireDate", Shape::Single, false, false),
    property("id", Shape::Single, true, true),
    property("identities", Shape::List, false, true),
    property("identityParentId", Shape::Single, false, true),
    property("imAddresses", Shape::List, false, true),
    property("interests", Shape::List, false, false),
    property("isManagementRestricted", Shape::Flag, false, true),
    property("isResourceAccount", Shape::Flag, false, true),
    property("jobTitle", Shape::Single, true, true),
    property("lastPasswordChangeDateTime", Shape::Single, false, true),
    property("legalAgeGroupClassification", Shape::Single, false, true),
    property("licenseAssignmentStates", Shape::List, false, true),
    property("mail", Shape::Single, true, true),
    property("mailNickname", Shape::Single, false, true),
    property("mailboxSettings", Shape::Single, false, false),
    property("mobilePhone", Shape::Single, true, true),
    property("mySite", Shape::Single, false, false),
    property("officeLocation", Shape::Single, true, true),
    property("onPremisesDistinguishedName", Shape::Single, false, true),
    property("onPremisesDomainName", Shape::Single, false, true),
    property("onPremisesExtensionAttributes", Shape::Object, false, true),
    property("onPremisesImmutableId", Shape::Single, false, true),
    property("onPremisesLastSyncDateTime", Shape::Single, false, true),
    property("onPremisesProvisioningErrors", Shape::List, false, true),
    property("onPremisesSamAccountName", Shape::Single, false, true),
    property("onPremisesSecurityIdentifier", Shape::Single, false, true),
    property("onPremisesSyncEnabled", Shape::Flag, false, true),
    property("onPremisesUserPrincipalName", Shape::Single, false, true),
    property("otherMails", Shape::List, false, true),
    property("passwordPolicies", Shape::Single, false, true),
    property("passwordProfile", Shape::Single, false, true),
    property("pastProjects", Shape::List, false, false),
    property("postalCode", Shape::Single, false, true),
    property("preferredDataLocation", Shape::Single, false, true),
    property("preferredLanguage", Shape::Single, true, true),
    property("preferredName", Shape::Single, false, false),
    property("print", Shape::Single, false, false),
    property("provisionedPlans", Shape::List, false, true),
    property("proxyAddresses", Shape::List, false, true),
    property("responsibilities", Shape::List, false, false),
    property("schools", Shape::List, false, false),
    property("securityIdentifier", Shape::Single, false, true),
    property("serviceProvisioningErrors", Shape::List, false, true),
    property("showInAddressList", Shape::Flag, false, true),
    property("signInActivity", Shape::Single, false, true),
    property("signInSessionsValidFromDateTime", Shape::Single, false, true),
    property("skills", Shape::List, false, false),
    property("state", Shape::Single, false, true),
    property("streetAddress", Shape::Single, false, true),
    property("surname", Shape::Single, true, true),
    property("usageLocation", Shape::Single, false, true),
    property("userPrincipalName", Shape::Single, true, true),
    property("userType", Shape::Single, false, true),
];

/// Properties of `group`, sorted by name.
pub static GROUP: &[Property] = &[
    property("accessType", Shape::Single, false, true),
    property("allowExternalSenders", Shape::Flag, false, true),
    property("assignedLabels", Shape::List, true, true),
    property("assignedLicenses", Shape::List, false, true),
    property("autoSubscribeNewMembers", Shape::Flag, false, true),
    property("classification", Shape::Single, true, true),
    property("createdDateTime", Shape::Single, true, true),
    property("deletedDateTime", Shape::Single, true, true),
    property("description", Shape::Single, true, true),
    property("displayName", Shape::Single, true, true),
    property("expirationDateTime", Shape::Single, true, true),
    property("groupTypes", Shape::List, true, true),
    property("hasMembersWithLicenseErrors", Shape::Flag, false, true),
    property("hideFromAddressLists", Shape::Flag, false, true),
    property("hideFromOutlookClients", Shape::Flag, false, true),
    property("id", Shape::Single, true, true),
    property("infoCatalogs", Shape::List, false, true),
    property("isArchived", Shape::Flag, false, true),
    property("isAssignableToRole", Shape::Flag, false, true),
    property("isFavorite", Shape::Flag, false, true),
    property("isManagementRestricted", Shape::Flag, false, true),
    property("isSubscribedByMail", Shape::Flag, false, true),
    property("licenseProcessingState", Shape::Single, false, true),
    property("mail", Shape::Single, true, true),
    property("mailEnabled", Shape::Flag, true, true),
    property("mailNickname", Shape::Single, true, true),
    property("membershipRule", Shape::Single, true, true),
    property("membershipRuleProcessingState", Shape::Single, true, true),
    property("onPremisesDomainName", Shape::Single, true, true),
    property("onPremisesExtensionAttributes", Shape::Object, true, true),
    property("onPremisesLastSyncDateTime", Shape::Single, true, true),
    property("onPremisesNetBiosName", Shape::Single, true, true),
    property("onPremisesProvisioningErrors", Shape::List, true, true),
    property("onPremisesSamAccountName", Shape::Single, true, true),
    property("onPremisesSecurityIdentifier", Shape::Single, true, true),
    property("onPremisesSyncEnabled", Shape::Flag, true, true),
    property("organizationId", Shape::Single, false, true),
    property("preferredDataLocation", Shape::Single, true, true),
    property("preferredLanguage", Shape::Single, true, true),
    property("proxyAddresses", Shape::List, true, true),
    property("renewedDateTime", Shape::Single, true, true),
    property("resourceBehaviorOptions", Shape::List, true, true),
    property("resourceProvisioningOptions", Shape::List, true, true),
    property("securityEnabled", Shape::Flag, true, true),
    property("securityIdentifier", Shape::Single, true, true),
    property("serviceProvisioningErrors", Shape::List, true, true),
    property("theme", Shape::Single, true, true),
    property("uniqueName", Shape::Single, true, true),
    property("unseenConversationsCount", Shape::Single, true, true),
    property("unseenCount", Shape::Single, false, true),
    property("unseenMessagesCount", Shape::Single, true, true),
    property("visibility", Shape::Single, true, true),
    property("welcomeMessageEnabled", Shape::Flag, false, true),
];

/// Properties of `device` that come without `$select`, sorted by name.
pub static DEVICE: &[Property] = &[
    property("accountEnabled", Shape::Flag, true, true),
    property("deletedDateTime", Shape::Single, true, true),
    property("deviceId", Shape::Single, true, true),
    property("displayName", Shape::Single, true, true),
    property("id", Shape::Single, true, true),
    property("isCompliant", Shape::Flag, true, true),
    property("isManaged", Shape::Flag, true, true),
    property("operatingSystem", Shape::Single, true, true),
    property("operatingSystemVersion", Shape::Single, true, true),
    property("trustType", Shape::Single, true, true),
];

/// Properties of `servicePrincipal`, sorted by name.
pub static SERVICE_PRINCIPAL: &[Property] = &[
    property("accountEnabled", Shape::Flag, true, true),
    property("addIns", Shape::List, true, true),
    property("alternativeNames", Shape::List, true, true),
    property("appDescription", Shape::Single, true, true),
    property("appDisplayName", Shape::Single, true, true),
    property("appId", Shape::Single, true, true),
    property("appOwnerOrganizationId", Shape::Single, true, true),
    property("appRoleAssignmentRequired", Shape::Flag, true, true),
    property("appRoles", Shape::List, true, true),
    property("applicationTemplateId", Shape::Single, true, true),
    property("createdByAppId", Shape::Single, true, true),
    property("customSecurityAttributes", Shape::Single, true, true),
    property("deletedDateTime", Shape::Single, true, true),
    property("description", Shape::Single, true, true),
    property("disabledByMicrosoftStatus", Shape::Single, true, true),
    property("displayName", Shape::Single, true, true),
    property("homepage", Shape::Single, true, true),
    property("id", Shape::Single, true, true),
    property("info", Shape::Single, true, true),
    property("isDisabled", Shape::Flag, true, true),
    property("keyCredentials", Shape::List, true, true),
    property("loginUrl", Shape::Single, true, true),
    property("logoutUrl", Shape::Single, true, true),
    property("notes", Shape::Single, true, true),
    property("notificationEmailAddresses", Shape::List, true, true),
    property("oauth2PermissionScopes", Shape::List, true, true),
    property("passwordCredentials", Shape::List, true, true),
    property("preferredSingleSignOnMode", Shape::Single, true, true),
    property("preferredTokenSigningKeyThumbprint", Shape::Single, true, true),
    property("replyUrls", Shape::List, true, true),
    property("resourceSpecificApplicationPermissions", Shape::List, true, true),
    property("samlSingleSignOnSettings", Shape::Single, true, true),
    property("servicePrincipalNames", Shape::List, true, true),
    property("servicePrincipalType", Shape::Single, true, true),
    property("signInAudience", Shape::Single, true, true),
    property("tags", Shape::List, true, true),
    property("tokenEncryptionKeyId", Shape::Single, true, true),
    property("verifiedPublisher", Shape::Single, true, true),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        for table in [USER, GROUP, DEVICE, SERVICE_PRINCIPAL] {
            assert!(table.is_sorted_by(|left, right| left.name < right.name));
        }
        assert!(find(USER, "mail").is_some_and(|property| property.default));
        assert!(find(USER, "Mail").is_none());
        assert!(find(USER, "accountEnabled").is_some_and(|property| !property.default));
        assert!(find(USER, "skills").is_some_and(|property| !property.kept));
    }

    #[test]
    fn extensions_are_told_by_their_name() {
        assert!(is_extension("extension_0123456789abcdef0123456789abcdef_badge"));
        assert!(!is_extension("extension_badge"));
    }
}
