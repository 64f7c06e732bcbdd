//! How the value of an attribute is found in a record, and how it becomes what a row keeps.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::model::row::{AttributeRow, kept_list, kept_text};

use super::attribute_names::attribute_kind;

/// Where the value of a named attribute is found in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeSource {
    /// A property with one value: text, boolean, number or date.
    Property(&'static str),
    /// The first element of a property that Graph types as a list but fills with one at most.
    First(&'static str),
    /// A child of a structured property.
    Child {
        /// The property, which is what can be asked for.
        parent: &'static str,
        /// The child.
        child: &'static str,
        /// Whether the child has many values.
        is_list: bool,
    },
    /// `userPrincipalName` as Entra's provisioning service gives it: guests without `#EXT#`.
    SignInName,
    /// A directory extension, `extension_{application id without dashes}_{name}`, which has one
    /// value or many.
    Extension(String),
    /// A property of the manager, who is an object of their own: asked for apart from the person,
    /// and told by the change feed only by id.
    Manager(&'static str),
    /// A property with many values: texts, or objects of which one text each counts (see
    /// `element`).
    MultiValued(&'static str),
}

impl AttributeSource {
    /// Returns the property to ask Graph for.
    pub fn select(&self) -> &str {
        match self {
            Self::Property(name)
            | Self::First(name)
            | Self::MultiValued(name)
            // That somebody's manager changed shows only in what is asked of everybody.
            | Self::Manager(name) => name,
            Self::Child { parent, .. } => parent,
            Self::SignInName => "userPrincipalName",
            Self::Extension(name) => name,
        }
    }

    /// Returns whether the property always has many values.
    pub fn is_multi_valued(&self) -> bool {
        matches!(self, Self::MultiValued(_) | Self::Child { is_list: true, .. })
    }

    /// Returns the value in a record as a row keeps it: `None` if the record does not mention it,
    /// `Some(None)` if it is null.
    pub(super) fn read(&self, record: &Map<String, Value>) -> Option<Option<String>> {
        if let Self::Manager(property) = self {
            return of_feed(record.get("manager@delta")?, property);
        }
        let value = record.get(self.select())?;
        Some(match self {
            Self::Property(_) | Self::Manager(_) => kept(value),
            Self::First(_) => match value {
                Value::Array(values) => values.first().and_then(kept),
                single => kept(single),
            },
            Self::Extension(name) => match value {
                Value::Array(values) => list(name, values),
                single => kept(single),
            },
            Self::Child { child, .. } => match value.get(child) {
                Some(Value::Array(values)) => list(child, values),
                Some(single) => kept(single),
                None => None,
            },
            Self::SignInName => text(value).map(|name| kept_text(home_sign_in_name(&name))),
            Self::MultiValued(name) => match value {
                Value::Array(values) => list(name, values),
                _ => None,
            },
        })
    }
}

/// Returns what the change feed says of a property of the manager: their id, null if they went, and
/// nothing about other properties of one who is there. The form is not confirmed (Graph reference,
/// section 12): an element that is not marked as removed is the manager, and without one there is
/// none.
fn of_feed(elements: &Value, property: &str) -> Option<Option<String>> {
    let elements = elements.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut there = elements.iter().filter(|element| element.get("@removed").is_none());
    match there.next_back() {
        None => Some(None),
        Some(manager) if property == "id" => manager.get("id").map(kept),
        Some(_) => None,
    }
}

/// Returns one value as a row keeps it.
fn kept(value: &Value) -> Option<String> {
    text(value).map(kept_text)
}

/// Returns many values as a row keeps them: sorted and each once, as Graph promises no order. The
/// primary one of `proxyAddresses`, which begins with `SMTP:`, comes before others (`smtp:`).
fn list(property: &str, values: &[Value]) -> Option<String> {
    let mut texts: Vec<String> = values
        .iter()
        .filter_map(|value| element(property, value))
        .filter(|text| !text.is_empty())
        .collect();
    texts.sort_unstable();
    texts.dedup();
    kept_list(&texts)
}

/// Returns the text that stands for one of many values. Of objects it is what identifies them:
/// the `skuId` of a licence, the `service` of a plan that is enabled, the `issuerAssignedId` of an
/// identity, the `displayName` of a label, the property or service that an error is about. What is
/// not in effect (a plan that is off, a licence that could not be assigned, an error that is
/// resolved) is left out.
fn element(property: &str, value: &Value) -> Option<String> {
    let Value::Object(object) = value else { return text(value) };
    let says = |name: &str, wanted: &str| {
        object
            .get(name)
            .and_then(Value::as_str)
            .is_some_and(|said| said.eq_ignore_ascii_case(wanted))
    };
    let name = match property {
        "assignedLicenses" => "skuId",
        "licenseAssignmentStates" if says("state", "Active") => "skuId",
        "assignedPlans" | "provisionedPlans" if says("capabilityStatus", "Enabled") => "service",
        "identities" => "issuerAssignedId",
        "assignedLabels" => "displayName",
        "onPremisesProvisioningErrors" => "propertyCausingError",
        "serviceProvisioningErrors" if object.get("isResolved") != Some(&Value::Bool(true)) => {
            "serviceInstance"
        }
        _ => return None,
    };
    object.get(name).and_then(text)
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

fn manager(source: &AttributeSource) -> Option<&'static str> {
    match source {
        AttributeSource::Manager(property) => Some(property),
        _ => None,
    }
}

/// The attributes that one job reads of each person, in the order of its rules.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    sources: Vec<AttributeSource>,
    select: Vec<String>,
    /// What is read of managers; empty if nothing is.
    of_manager: Vec<&'static str>,
}

/// What is read of every person, whatever the rules say.
const ALWAYS: &[&str] = &["id", "userPrincipalName", "mail", "accountEnabled", "userType"];

impl Selection {
    /// Compiles the names of a configuration.
    ///
    /// # Errors
    /// Returns the first name that is unknown.
    pub(super) fn new(names: &[String]) -> Result<Self, String> {
        let mut sources = Vec::with_capacity(names.len());
        for name in names {
            sources.push(attribute_kind(name).ok_or_else(|| name.clone())?);
        }
        let mut select: Vec<String> = ALWAYS.iter().map(|&name| name.to_owned()).collect();
        let mut more: Vec<String> = sources.iter().map(|one| one.select().to_owned()).collect();
        more.sort();
        more.dedup();
        more.retain(|name| !ALWAYS.contains(&name.as_str()));
        select.append(&mut more);
        let of_manager: BTreeSet<&'static str> = sources.iter().filter_map(manager).collect();
        // A manager without a sign-in name is one who may not be read.
        let always = ["id", "userPrincipalName"].into_iter().filter(|_| !of_manager.is_empty());
        let of_manager: BTreeSet<_> = of_manager.iter().copied().chain(always).collect();
        Ok(Self { sources, select, of_manager: of_manager.into_iter().collect() })
    }

    /// Returns the properties to select of managers; none if nothing is read of them.
    pub(super) fn of_manager(&self) -> &[&'static str] {
        &self.of_manager
    }

    /// Returns the properties to select in the change feed, where the manager may be one of them.
    pub(super) fn of_feed(&self) -> Vec<&str> {
        let manager = (!self.of_manager.is_empty()).then_some("manager");
        self.select.iter().map(String::as_str).chain(manager).collect()
    }

    /// Returns the attributes of a person with those of the manager as the record of the manager has
    /// them, or null without one.
    pub(super) fn with_manager(
        &self,
        attributes: &AttributeRow,
        record: Option<&Map<String, Value>>,
    ) -> AttributeRow {
        let cells = self.sources.iter().enumerate().map(|(index, source)| match source {
            AttributeSource::Manager("userPrincipalName") => {
                AttributeSource::SignInName.read(record?).flatten()
            }
            AttributeSource::Manager(property) => record?.get(*property).and_then(kept),
            _ => attributes.kept(index).map(str::to_owned),
        });
        let cells: Vec<Option<String>> = cells.collect();
        AttributeRow::pack_kept(cells.iter().map(Option::as_deref))
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
    use crate::model::row::Cell;
    use serde_json::json;

    fn read(name: &str, record: Value) -> Option<Option<String>> {
        let record = record.as_object().cloned().unwrap();
        attribute_kind(name).unwrap().read(&record)
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
    fn many_values_become_a_list_whatever_their_order() {
        let texts = |name: &str, value: Value| {
            let property = attribute_kind(name).unwrap().select().to_owned();
            let kept = read(name, json!({ property: value })).expect("mentioned");
            let found = Cell::of(kept.as_deref()).texts();
            found.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let addresses = json!(["smtp:b@x.org", "x500:/o=x", "SMTP:a@x.org", "smtp:b@x.org"]);
        let sorted = ["SMTP:a@x.org", "smtp:b@x.org", "x500:/o=x"];
        assert_eq!(texts("proxyAddresses", addresses), sorted);
        assert_eq!(texts("otherMails", json!(["b@x.org", "", "a@x.org"])), ["a@x.org", "b@x.org"]);
        assert_eq!(read("otherMails", json!({"otherMails": []})), Some(None));
        assert_eq!(read("otherMails", json!({})), None, "not mentioned");
        let extension = "extension_0123456789abcdef0123456789abcdef_sites";
        assert_eq!(texts(extension, json!(["Oslo", "Bern"])), ["Bern", "Oslo"]);
        assert_eq!(texts(extension, json!("Bern")), ["Bern"]);
        assert_eq!(texts(extension, json!(7)), ["7"]);
        let certificates = json!({"certificateUserIds": ["X509:b", "X509:a"]});
        let certificates = texts("authorizationInfo.certificateUserIds", certificates);
        assert_eq!(certificates, ["X509:a", "X509:b"]);
    }

    #[test]
    fn of_objects_one_text_each_counts_unless_they_are_not_in_effect() {
        let cases = [
            ("assignedLicenses", json!([{"skuId": "s1", "disabledPlans": []}]), "s1"),
            (
                "assignedPlans",
                json!([{"service": "exchange", "capabilityStatus": "Enabled"},
                    {"service": "exchange", "capabilityStatus": "Enabled"},
                    {"service": "sway", "capabilityStatus": "Deleted"}]),
                "exchange",
            ),
            (
                "identities",
                json!([{"signInType": "federated", "issuer": "x", "issuerAssignedId": "ada"}]),
                "ada",
            ),
            (
                "licenseAssignmentStates",
                json!([{"skuId": "s1", "state": "Active"}, {"skuId": "s2", "state": "Error"}]),
                "s1",
            ),
            (
                "onPremisesProvisioningErrors",
                json!([{"category": "PropertyConflict", "propertyCausingError": "mail"}]),
                "mail",
            ),
            (
                "serviceProvisioningErrors",
                json!([{"serviceInstance": "a", "isResolved": false},
                    {"serviceInstance": "b", "isResolved": true}]),
                "a",
            ),
        ];
        for (name, value, expected) in cases {
            let kept = read(name, json!({ name: value })).expect("mentioned");
            assert_eq!(Cell::of(kept.as_deref()), Cell::Texts(vec![expected]), "{name}");
        }
    }

    #[test]
    fn children_are_read_from_their_parent() {
        let wire = json!({"employeeOrgData": {"division": "Sales", "costCenter": null}});
        let sales = Some(Some("Sales".to_owned()));
        assert_eq!(read("employeeOrgData.division", wire.clone()), sales);
        assert_eq!(read("employeeOrgData.costCenter", wire), Some(None));
        assert_eq!(read("employeeOrgData.division", json!({"employeeOrgData": null})), Some(None));
        assert_eq!(read("employeeOrgData.division", json!({})), None);
    }

    #[test]
    fn the_feed_tells_who_the_manager_is_and_nothing_else_of_them() {
        let read = |name: &str, elements: Value| {
            super::tests::read(name, json!({ "manager@delta": elements }))
        };
        let (old, new) =
            (json!({"id": "a", "@removed": {"reason": "deleted"}}), json!({"id": "b"}));
        let is_b = Some(Some("b".to_owned()));
        for elements in [json!([new]), json!([old, new]), json!([new, old])] {
            assert_eq!(read("manager", elements.clone()), is_b, "{elements}");
            assert_eq!(read("manager.mail", elements), None, "not mentioned");
        }
        for elements in [json!([old]), json!([]), json!(null)] {
            assert_eq!(read("manager", elements.clone()), Some(None), "{elements}");
            assert_eq!(read("manager.mail", elements), Some(None));
        }
        assert_eq!(super::tests::read("manager", json!({"mail": "x"})), None);
    }

    #[test]
    fn values_of_the_manager_come_from_their_own_record() {
        let names =
            ["mail", "manager", "manager.mail", "manager.userPrincipalName"].map(str::to_owned);
        let selection = Selection::new(&names).unwrap();
        assert_eq!(
            selection.of_feed().join(","),
            "id,userPrincipalName,mail,accountEnabled,userType,manager"
        );
        assert_eq!(selection.properties().len(), 5, "no read can select it");
        assert_eq!(selection.of_manager(), ["id", "mail", "userPrincipalName"]);
        let row = AttributeRow::pack([Some("ada@x.org"), Some("old"), Some("old@x.org"), None]);
        let record = json!({"id": "b", "mail": null,
            "userPrincipalName": "b_y.org#EXT#@x.org"});
        assert_eq!(
            selection.with_manager(&row, record.as_object()),
            AttributeRow::pack([Some("ada@x.org"), Some("b"), None, Some("b@y.org")])
        );
        let alone = AttributeRow::pack([Some("ada@x.org"), None, None, None]);
        assert_eq!(selection.with_manager(&row, None), alone);
        assert!(Selection::new(&["mail".to_owned()]).unwrap().of_manager().is_empty());
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
        assert_eq!(Selection::new(&["OtherMails".to_owned()]).unwrap_err(), "OtherMails");
    }
}
