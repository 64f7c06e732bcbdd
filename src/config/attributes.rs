//! The source attributes that expressions may read.

use super::problem::nearest;

/// Attributes of a person that hold one value: the names of Graph (Graph reference, section 3),
/// and the aliases of Entra's provisioning schema; sorted.
const KNOWN: &[&str] = &[
    "accountEnabled",
    "ageGroup",
    "city",
    "companyName",
    "consentProvidedForMinor",
    "country",
    "createdDateTime",
    "creationType",
    "department",
    "displayName",
    "employeeHireDate",
    "employeeId",
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
    "isManagementRestricted",
    "isResourceAccount",
    "jobTitle",
    "lastPasswordChangeDateTime",
    "legalAgeGroupClassification",
    "mail",
    "mailNickname",
    "mobile",
    "mobilePhone",
    "objectId",
    "officeLocation",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesImmutableId",
    "onPremisesLastSyncDateTime",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "onPremisesUserPrincipalName",
    "originalUserPrincipalName",
    "passwordPolicies",
    "physicalDeliveryOfficeName",
    "postalCode",
    "preferredDataLocation",
    "preferredLanguage",
    "securityIdentifier",
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

/// Attributes with many values, which no expression can make one text of; sorted.
const MULTI_VALUED: &[&str] = &[
    "assignedLicenses",
    "assignedPlans",
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

/// Why an attribute cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// There is none of that name; with the nearest one, if one is near.
    Unknown(Option<&'static str>),
    /// It has many values.
    MultiValued,
}

/// Says whether the source can read an attribute as one text.
pub(super) fn known_source_attribute(name: &str) -> Result<(), Unreadable> {
    if KNOWN.binary_search(&name).is_ok() || is_directory_extension(name) {
        return Ok(());
    }
    if MULTI_VALUED.binary_search(&name).is_ok() {
        return Err(Unreadable::MultiValued);
    }
    Err(Unreadable::Unknown(nearest(name, KNOWN.iter().copied())))
}

/// Returns whether `name` has the form `extension_{32 hexadecimal digits}_{name}`.
fn is_directory_extension(name: &str) -> bool {
    let parts = name.strip_prefix("extension_").and_then(|rest| rest.split_once('_'));
    parts.is_some_and(|(application, own)| {
        application.len() == 32
            && application.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !own.is_empty()
            && own.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_exactly() {
        assert!(KNOWN.is_sorted() && MULTI_VALUED.is_sorted());
        assert_eq!(known_source_attribute("mail"), Ok(()));
        assert_eq!(known_source_attribute("extensionAttribute15"), Ok(()));
        assert_eq!(
            known_source_attribute("extension_0123456789abcdef0123456789abcdef_badge"),
            Ok(())
        );
        let unknown = |name| known_source_attribute(name).expect_err(name);
        assert_eq!(unknown("Mail"), Unreadable::Unknown(Some("mail")));
        assert_eq!(unknown("givenname"), Unreadable::Unknown(Some("givenName")));
        assert_eq!(unknown("shoeSize"), Unreadable::Unknown(None));
        assert_eq!(unknown("extension_1_badge"), Unreadable::Unknown(None));
        assert_eq!(unknown("proxyAddresses"), Unreadable::MultiValued);
    }
}
