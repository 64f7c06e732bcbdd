//! The source attributes that expressions may read.

use super::problem::nearest;

/// Attributes of a user that hold one text (Graph reference, section 3); sorted.
const KNOWN: &[&str] = &[
    "ageGroup",
    "city",
    "companyName",
    "country",
    "creationType",
    "department",
    "displayName",
    "employeeId",
    "employeeType",
    "externalUserState",
    "faxNumber",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mailNickname",
    "mobilePhone",
    "officeLocation",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesImmutableId",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesUserPrincipalName",
    "postalCode",
    "preferredLanguage",
    "state",
    "streetAddress",
    "surname",
    "usageLocation",
    "userPrincipalName",
    "userType",
];

/// Says whether the source can read an attribute.
///
/// # Errors
/// Returns the nearest known name, if one is near.
pub(super) fn known_source_attribute(name: &str) -> Result<(), Option<&'static str>> {
    if KNOWN.binary_search(&name).is_ok() {
        return Ok(());
    }
    Err(nearest(name, KNOWN.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_exactly() {
        assert!(KNOWN.is_sorted());
        assert_eq!(known_source_attribute("mail"), Ok(()));
        assert_eq!(known_source_attribute("Mail"), Err(Some("mail")));
        assert_eq!(known_source_attribute("givenname"), Err(Some("givenName")));
        assert_eq!(known_source_attribute("shoeSize"), Err(None));
    }
}
