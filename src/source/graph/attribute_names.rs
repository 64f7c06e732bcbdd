//! The attributes of people and groups that can be read, and what each name means.
//!
//! Names are those of Graph (Graph reference, sections 3 and 5), or the aliases that Entra's
//! provisioning schema uses for some of them. They are compared exactly, as Graph does. The child
//! of a structured property is named with a dot: `employeeOrgData.division`. `manager` is the id of
//! the manager, and `manager.mail` a value of theirs.
//!
//! Left out is what lives outside the directory store (`aboutMe`, `skills`: no change feed has it),
//! and what takes a permission of its own and never shows in a change feed (`signInActivity`,
//! `customSecurityAttributes`).

use super::attributes::AttributeSource;

/// The attributes of people that [`attribute_kind`] knows; sorted. Directory extensions come on
/// top.
pub const KNOWN_ATTRIBUTES: &[&str] = &[
    "accountEnabled",
    "ageGroup",
    "assignedLicenses",
    "assignedPlans",
    "authorizationInfo.certificateUserIds",
    "businessPhones",
    "city",
    "companyName",
    "consentProvidedForMinor",
    "country",
    "createdDateTime",
    "creationType",
    "deletedDateTime",
    "department",
    "deviceEnrollmentLimit",
    "displayName",
    "employeeHireDate",
    "employeeId",
    "employeeLeaveDateTime",
    "employeeOrgData.costCenter",
    "employeeOrgData.division",
    "employeeType",
    "extensionAttribute1",
    "extensionAttribute10",
    "extensionAttribute11",
    "extensionAttribute12",
    "extensionAttribute13",
    "extensionAttribute14",
    "extensionAttribute15",
    "extensionAttribute2",
    "extensionAttribute3",
    "extensionAttribute4",
    "extensionAttribute5",
    "extensionAttribute6",
    "extensionAttribute7",
    "extensionAttribute8",
    "extensionAttribute9",
    "externalUserState",
    "externalUserStateChangeDateTime",
    "facsimileTelephoneNumber",
    "faxNumber",
    "givenName",
    "id",
    "identities",
    "identityParentId",
    "imAddresses",
    "isManagementRestricted",
    "isResourceAccount",
    "jobTitle",
    "lastPasswordChangeDateTime",
    "legalAgeGroupClassification",
    "licenseAssignmentStates",
    "mail",
    "mailNickname",
    "manager",
    "manager.department",
    "manager.displayName",
    "manager.employeeId",
    "manager.givenName",
    "manager.mail",
    "manager.surname",
    "manager.userPrincipalName",
    "mobile",
    "mobilePhone",
    "objectId",
    "officeLocation",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesImmutableId",
    "onPremisesLastSyncDateTime",
    "onPremisesProvisioningErrors",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "onPremisesUserPrincipalName",
    "originalUserPrincipalName",
    "otherMails",
    "passwordPolicies",
    "physicalDeliveryOfficeName",
    "postalCode",
    "preferredDataLocation",
    "preferredLanguage",
    "provisionedPlans",
    "proxyAddresses",
    "securityIdentifier",
    "serviceProvisioningErrors",
    "showInAddressList",
    "signInSessionsValidFromDateTime",
    "state",
    "streetAddress",
    "surname",
    "telephoneNumber",
    "usageLocation",
    "userPrincipalName",
    "userType",
];

/// Those of people with many values; sorted.
const LISTS: &[&str] = &[
    "assignedLicenses",
    "assignedPlans",
    "authorizationInfo.certificateUserIds",
    "businessPhones",
    "identities",
    "imAddresses",
    "licenseAssignmentStates",
    "onPremisesProvisioningErrors",
    "otherMails",
    "provisionedPlans",
    "proxyAddresses",
    "serviceProvisioningErrors",
];

/// The attributes of groups that [`group_attribute_kind`] knows; sorted. Directory extensions come
/// on top.
pub const KNOWN_GROUP_ATTRIBUTES: &[&str] = &[
    "assignedLabels",
    "assignedLicenses",
    "classification",
    "createdDateTime",
    "deletedDateTime",
    "description",
    "displayName",
    "expirationDateTime",
    "extensionAttribute1",
    "extensionAttribute10",
    "extensionAttribute11",
    "extensionAttribute12",
    "extensionAttribute13",
    "extensionAttribute14",
    "extensionAttribute15",
    "extensionAttribute2",
    "extensionAttribute3",
    "extensionAttribute4",
    "extensionAttribute5",
    "extensionAttribute6",
    "extensionAttribute7",
    "extensionAttribute8",
    "extensionAttribute9",
    "groupTypes",
    "id",
    "infoCatalogs",
    "isAssignableToRole",
    "isManagementRestricted",
    "licenseProcessingState",
    "mail",
    "mailEnabled",
    "mailNickname",
    "membershipRule",
    "membershipRuleProcessingState",
    "objectId",
    "onPremisesDomainName",
    "onPremisesLastSyncDateTime",
    "onPremisesNetBiosName",
    "onPremisesProvisioningErrors",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "organizationId",
    "preferredDataLocation",
    "preferredLanguage",
    "proxyAddresses",
    "renewedDateTime",
    "resourceBehaviorOptions",
    "resourceProvisioningOptions",
    "securityEnabled",
    "securityIdentifier",
    "serviceProvisioningErrors",
    "theme",
    "uniqueName",
    "visibility",
];

/// Those of groups with many values; sorted.
const GROUP_LISTS: &[&str] = &[
    "assignedLabels",
    "assignedLicenses",
    "groupTypes",
    "infoCatalogs",
    "onPremisesProvisioningErrors",
    "proxyAddresses",
    "resourceBehaviorOptions",
    "resourceProvisioningOptions",
    "serviceProvisioningErrors",
];

/// Returns what the name of an attribute of people means, or `None` if it means nothing.
pub fn attribute_kind(name: &str) -> Option<AttributeSource> {
    let (known, is_list) = match find(name, KNOWN_ATTRIBUTES, LISTS) {
        Found::Known(known, is_list) => (known, is_list),
        Found::Extension(extension) => return Some(extension),
        Found::Nothing => return None,
    };
    Some(match known {
        "mobile" => AttributeSource::Property("mobilePhone"),
        "telephoneNumber" => AttributeSource::First("businessPhones"),
        "physicalDeliveryOfficeName" => AttributeSource::Property("officeLocation"),
        "facsimileTelephoneNumber" => AttributeSource::Property("faxNumber"),
        "originalUserPrincipalName" => AttributeSource::Property("userPrincipalName"),
        "userPrincipalName" => AttributeSource::SignInName,
        "manager" => AttributeSource::Manager("id"),
        known => match known.strip_prefix("manager.") {
            Some(property) => AttributeSource::Manager(property),
            None => plain(known, is_list),
        },
    })
}

/// Returns what the name of an attribute of groups means, or `None` if it means nothing.
pub fn group_attribute_kind(name: &str) -> Option<AttributeSource> {
    match find(name, KNOWN_GROUP_ATTRIBUTES, GROUP_LISTS) {
        // The one child of the object that it is.
        Found::Known(parent @ "licenseProcessingState", _) => {
            Some(AttributeSource::Child { parent, child: "state", is_list: false })
        }
        Found::Known(known, is_list) => Some(plain(known, is_list)),
        Found::Extension(extension) => Some(extension),
        Found::Nothing => None,
    }
}

/// What a name turned out to be.
enum Found {
    /// A known name, and whether it has many values.
    Known(&'static str, bool),
    /// A directory extension.
    Extension(AttributeSource),
    Nothing,
}

fn find(name: &str, known: &[&'static str], lists: &[&'static str]) -> Found {
    if is_directory_extension(name) {
        return Found::Extension(AttributeSource::Extension(name.to_owned()));
    }
    match known.binary_search(&name).ok().and_then(|found| known.get(found)) {
        Some(known) => Found::Known(known, lists.binary_search(known).is_ok()),
        None => Found::Nothing,
    }
}

/// Returns what a name means that people and groups share.
fn plain(name: &'static str, is_list: bool) -> AttributeSource {
    if name == "objectId" {
        return AttributeSource::Property("id");
    }
    if name.starts_with("extensionAttribute") {
        let parent = "onPremisesExtensionAttributes";
        return AttributeSource::Child { parent, child: name, is_list };
    }
    match name.split_once('.') {
        Some((parent, child)) => AttributeSource::Child { parent, child, is_list },
        None if is_list => AttributeSource::MultiValued(name),
        None => AttributeSource::Property(name),
    }
}

/// Returns whether `name` has the form `extension_{32 hexadecimal digits}_{name}`.
fn is_directory_extension(name: &str) -> bool {
    let Some((application, rest)) =
        name.strip_prefix("extension_").and_then(|rest| rest.split_once('_'))
    else {
        return false;
    };
    application.len() == 32
        && application.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !rest.is_empty()
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_all_mean_something() {
        for names in [KNOWN_ATTRIBUTES, LISTS, KNOWN_GROUP_ATTRIBUTES, GROUP_LISTS] {
            assert!(names.is_sorted());
        }
        for name in KNOWN_ATTRIBUTES {
            let kind = attribute_kind(name).unwrap();
            assert_eq!(kind.is_multi_valued(), LISTS.contains(name), "{name}");
        }
        for name in KNOWN_GROUP_ATTRIBUTES {
            let kind = group_attribute_kind(name).unwrap();
            assert_eq!(kind.is_multi_valued(), GROUP_LISTS.contains(name), "{name}");
        }
    }

    #[test]
    fn unknown_names_mean_nothing() {
        for name in
            ["", "Mail", "aboutMe", "extensionAttribute16", "extension_12_x", "employeeOrgData"]
        {
            assert_eq!(attribute_kind(name), None, "{name}");
            assert_eq!(group_attribute_kind(name), None, "{name}");
        }
        let extension = "extension_0123456789abcdef0123456789ABCDEF_costCentre";
        let kind = Some(AttributeSource::Extension(extension.to_owned()));
        assert_eq!(attribute_kind(extension), kind);
        assert_eq!(group_attribute_kind(extension), kind);
    }
}
