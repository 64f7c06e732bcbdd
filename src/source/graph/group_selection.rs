//! Which attributes are read of groups.

use serde_json::{Map, Value};

/// The attributes of groups that are one text (Graph reference, section 5); sorted.
pub const KNOWN_GROUP_ATTRIBUTES: &[&str] = &[
    "description",
    "displayName",
    "mail",
    "mailNickname",
    "onPremisesDomainName",
    "onPremisesSamAccountName",
    "uniqueName",
];

/// What is read of every group, whatever the rules say: every group has a name.
const ALWAYS: &[&str] = &["id", "displayName"];

/// The attributes that one job reads of each group, in the order of its rules.
#[derive(Clone, Debug)]
pub(super) struct GroupSelection {
    names: Vec<&'static str>,
    select: Vec<&'static str>,
}

impl GroupSelection {
    /// Compiles the names of a configuration.
    ///
    /// # Errors
    /// Returns the first name that is unknown.
    pub(super) fn new(names: &[String]) -> Result<Self, String> {
        let known = |name: &String| {
            let known = KNOWN_GROUP_ATTRIBUTES.iter().find(|known| *known == name);
            known.copied().ok_or_else(|| name.clone())
        };
        let names: Vec<&'static str> = names.iter().map(known).collect::<Result<_, _>>()?;
        let more = names.iter().filter(|name| !ALWAYS.contains(name));
        let select = ALWAYS.iter().chain(more).copied().collect();
        Ok(Self { names, select })
    }

    /// Returns the properties to select of a group.
    pub(super) fn properties(&self) -> &[&'static str] {
        &self.select
    }

    /// Returns the properties to select in the change feed, where members are one of them.
    pub(super) fn of_feed(&self) -> Vec<&'static str> {
        self.select.iter().copied().chain(["members"]).collect()
    }

    /// Returns whether the rules need any attribute of groups.
    pub(super) fn selects_more(&self) -> bool {
        !self.names.is_empty()
    }

    /// Returns the attributes of a record in the order of the rules; the outer `None` means that
    /// the record does not mention it.
    pub(super) fn read(&self, record: &Map<String, Value>) -> Vec<Option<Option<String>>> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        self.names.iter().map(|name| record.get(*name).map(text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_selection_asks_for_each_property_once() {
        assert!(KNOWN_GROUP_ATTRIBUTES.is_sorted());
        let names = ["description", "displayName", "mail"].map(str::to_owned);
        let selection = GroupSelection::new(&names).unwrap();
        assert_eq!(selection.properties(), ["id", "displayName", "description", "mail"]);
        assert_eq!(selection.of_feed().join(","), "id,displayName,description,mail,members");
        let off = GroupSelection::new(&[]).unwrap();
        assert_eq!(off.of_feed().join(","), "id,displayName,members");
        assert_eq!(GroupSelection::new(&["Mail".to_owned()]).unwrap_err(), "Mail");
        let record = json!({"id": "x", "displayName": "Staff", "mail": null});
        assert_eq!(
            selection.read(record.as_object().unwrap()),
            [None, Some(Some("Staff".to_owned())), Some(None)]
        );
    }
}
