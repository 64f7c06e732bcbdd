//! Which property of a person an attribute name means, and how its value becomes a text.
//!
//! Names are those of Graph (Graph reference, section 3), or the aliases that Entra's provisioning
//! schema uses for some of them. They are compared exactly, as Graph does.

use serde_json::{Map, Value};

/// Where the value of a named attribute is found in a person's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeSource {
    /// A property with one value: text, boolean, number or date.
    Property(&'static str),
    /// The first element of a property that Graph types as a list but fills with one at most.
    First(&'static str),
    /// One of the fifteen children of `onPremisesExtensionAttributes`.
    OnPremises(&'static str),
    /// `userPrincipalName` as Entra's provisioning service gives it: guests without `#EXT#`.
    SignInName,
    /// A directory extension, `extension_{application id without dashes}_{name}`.
    Extension(String),
    /// A property with many values, which cannot be mapped to one text.
    MultiValued(&'static str),
}

impl AttributeSource {
    /// Returns the property to ask Graph for.
    pub fn select(&self) -> &str {
        match self {
            Self::Property(name) | Self::First(name) | Self::MultiValued(name) => name,
            Self::OnPremises(_) => "onPremisesExtensionAttributes",
            Self::SignInName => "userPrincipalName",
            Self::Extension(name) => name,
        }
    }

    /// Returns whether the property has many values, so that a configuration must refuse it.
    pub fn is_multi_valued(&self) -> bool {
        matches!(self, Self::MultiValued(_))
    }

    /// Returns the value in a record: `None` if the record does not mention it, `Some(None)` if
    /// it is null.
    pub(super) fn read(&self, record: &Map<String, Value>) -> Option<Option<String>> {
        let value = record.get(self.select())?;
        Some(match self {
            Self::Property(_) => text(value),
            Self::First(_) | Self::Extension(_) => match value {
                Value::Array(values) => values.first().and_then(text),
                single => text(single),
            },
            Self::OnPremises(child) => value.get(child).and_then(text),
            Self::SignInName => text(value).map(|name| home_sign_in_name(&name)),
            Self::MultiValued(_) => None,
        })
    }
}

/// The names that [`attribute_kind`] knows and that have one value; sorted. Directory extensions
/// come on top.
pub const KNOWN_ATTRIBUTES: &[&str] = &[
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

/// Properties with many values, which are known and refused; sorted.
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

/// Returns what an attribute name means, or `None` if it means nothing.
pub fn attribute_kind(name: &str) -> Option<AttributeSource> {
    if is_directory_extension(name) {
        return Some(AttributeSource::Extension(name.to_owned()));
    }
    if let Ok(found) = MULTI_VALUED.binary_search(&name) {
        return MULTI_VALUED.get(found).copied().map(AttributeSource::MultiValued);
    }
    let known = KNOWN_ATTRIBUTES.binary_search(&name).ok()?;
    let known = KNOWN_ATTRIBUTES.get(known).copied()?;
    Some(match known {
        "objectId" => AttributeSource::Property("id"),
        "mobile" => AttributeSource::Property("mobilePhone"),
        "telephoneNumber" => AttributeSource::First("businessPhones"),
        "physicalDeliveryOfficeName" => AttributeSource::Property("officeLocation"),
        "facsimileTelephoneNumber" => AttributeSource::Property("faxNumber"),
        "originalUserPrincipalName" => AttributeSource::Property("userPrincipalName"),
        "userPrincipalName" => AttributeSource::SignInName,
        child if child.starts_with("extensionAttribute") => AttributeSource::OnPremises(child),
        property => AttributeSource::Property(property),
    })
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

/// Returns a value as a text: booleans as Entra writes them; `None` for null, lists and objects.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns the name under which a guest signs in at home: `alias_theirdomain#EXT#@ourdomain`
/// becomes `alias@theirdomain` (Entra, "How provisioning works", B2B guest users; Graph reference,
/// section 2). A domain holds no underscore, so the last one stands for the `@`. Other names stay
/// as they are.
fn home_sign_in_name(name: &str) -> String {
    let Some(at) = name.to_ascii_uppercase().find("#EXT#") else {
        return name.to_owned();
    };
    let home = name.get(..at).unwrap_or(name);
    match home.rsplit_once('_') {
        Some((alias, domain)) if !home.contains('@') && domain.contains('.') => {
            format!("{alias}@{domain}")
        }
        _ => home.to_owned(),
    }
}

/// The attributes that one job reads of each person, in the order of its rules.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    sources: Vec<AttributeSource>,
    select: Vec<String>,
}

/// What is read of every person, whatever the rules say.
const ALWAYS: &[&str] = &["id", "userPrincipalName", "mail", "accountEnabled", "userType"];

impl Selection {
    /// Compiles the names of a configuration.
    ///
    /// # Errors
    /// Returns the first name that is unknown or has many values.
    pub(super) fn new(names: &[String]) -> Result<Self, String> {
        let mut sources = Vec::with_capacity(names.len());
        for name in names {
            match attribute_kind(name) {
                Some(source) if !source.is_multi_valued() => sources.push(source),
                _ => return Err(name.clone()),
            }
        }
        let mut select: Vec<String> = ALWAYS.iter().map(|&name| name.to_owned()).collect();
        let mut more: Vec<String> = sources.iter().map(|one| one.select().to_owned()).collect();
        more.sort();
        more.dedup();
        more.retain(|name| !ALWAYS.contains(&name.as_str()));
        select.append(&mut more);
        Ok(Self { sources, select })
    }

    /// Returns the properties to select: unique, and in the same order for the same set of names.
    pub(super) fn properties(&self) -> Vec<&str> {
        self.select.iter().map(String::as_str).collect()
    }

    /// Returns the attributes of a record in the order of the rules; the outer `None` means that
    /// the record does not mention it.
    pub(super) fn read(&self, record: &Map<String, Value>) -> Vec<Option<Option<String>>> {
        self.sources.iter().map(|source| source.read(record)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(name: &str, record: Value) -> Option<Option<String>> {
        let record = record.as_object().cloned().unwrap();
        attribute_kind(name).unwrap().read(&record)
    }

    #[test]
    fn names_are_sorted_and_all_mean_something() {
        assert!(KNOWN_ATTRIBUTES.is_sorted());
        assert!(MULTI_VALUED.is_sorted());
        for name in KNOWN_ATTRIBUTES {
            assert!(!attribute_kind(name).unwrap().is_multi_valued(), "{name}");
        }
        for name in MULTI_VALUED {
            assert!(attribute_kind(name).unwrap().is_multi_valued(), "{name}");
        }
    }

    #[test]
    fn unknown_names_mean_nothing() {
        for name in ["", "Mail", "aboutMe", "extensionAttribute16", "manager", "extension_12_x"] {
            assert_eq!(attribute_kind(name), None, "{name}");
        }
        let extension = "extension_0123456789abcdef0123456789ABCDEF_costCentre";
        assert_eq!(
            attribute_kind(extension),
            Some(AttributeSource::Extension(extension.to_owned()))
        );
    }

    #[test]
    fn values_become_texts() {
        let some = |text: &str| Some(Some(text.to_owned()));
        assert_eq!(read("mail", json!({"mail": "a@x.org"})), some("a@x.org"));
        assert_eq!(read("mail", json!({"mail": null})), Some(None));
        assert_eq!(read("mail", json!({})), None);
        assert_eq!(read("accountEnabled", json!({"accountEnabled": true})), some("True"));
        assert_eq!(read("accountEnabled", json!({"accountEnabled": false})), some("False"));
        assert_eq!(read("telephoneNumber", json!({"businessPhones": ["1", "2"]})), some("1"));
        assert_eq!(read("telephoneNumber", json!({"businessPhones": []})), Some(None));
        assert_eq!(read("objectId", json!({"id": "x"})), some("x"));
        let extended = json!({"onPremisesExtensionAttributes": {"extensionAttribute3": "CC7"}});
        assert_eq!(read("extensionAttribute3", extended.clone()), some("CC7"));
        assert_eq!(read("extensionAttribute4", extended), Some(None));
        assert_eq!(
            read("extensionAttribute4", json!({"onPremisesExtensionAttributes": null})),
            Some(None)
        );
    }

    #[test]
    fn guests_keep_the_name_they_have_at_home() {
        let guest = json!({"userPrincipalName": "ada_l_fabrikam.co.uk#EXT#@contoso.com"});
        assert_eq!(
            read("userPrincipalName", guest.clone()),
            Some(Some("ada_l@fabrikam.co.uk".to_owned()))
        );
        assert_eq!(
            read("originalUserPrincipalName", guest),
            Some(Some("ada_l_fabrikam.co.uk#EXT#@contoso.com".to_owned()))
        );
        for (name, home) in [
            ("bo_b@contoso.com", "bo_b@contoso.com"),
            ("plain#EXT#@contoso.com", "plain"),
            ("a_x.org#ext#@contoso.com", "a@x.org"),
        ] {
            assert_eq!(home_sign_in_name(name), home);
        }
    }

    #[test]
    fn a_selection_asks_for_each_property_once() {
        let names = ["originalUserPrincipalName", "extensionAttribute1", "extensionAttribute2"]
            .map(str::to_owned);
        let selection = Selection::new(&names).unwrap();
        assert_eq!(
            selection.properties().join(","),
            "id,userPrincipalName,mail,accountEnabled,userType,onPremisesExtensionAttributes"
        );
        assert_eq!(Selection::new(&["otherMails".to_owned()]).unwrap_err(), "otherMails");
    }
}
