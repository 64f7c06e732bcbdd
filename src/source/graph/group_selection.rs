//! Which attributes are read of groups.

use serde_json::{Map, Value};

use super::attribute_names::group_attribute_kind;
use super::attributes::AttributeSource;

/// What is read of every group, whatever the rules say: every group has a name.
const ALWAYS: &[&str] = &["id", "displayName"];

/// The attributes that one job reads of each group, in the order of its rules.
#[derive(Clone, Debug)]
pub(super) struct GroupSelection {
    sources: Vec<AttributeSource>,
    select: Vec<String>,
}

impl GroupSelection {
    /// Compiles the names of a configuration.
    ///
    /// # Errors
    /// Returns the first name that is unknown.
    pub(super) fn new(names: &[String]) -> Result<Self, String> {
        let known = |name: &String| group_attribute_kind(name).ok_or_else(|| name.clone());
        let sources: Vec<AttributeSource> = names.iter().map(known).collect::<Result<_, _>>()?;
        let mut more: Vec<String> = sources.iter().map(|one| one.select().to_owned()).collect();
        more.sort();
        more.dedup();
        more.retain(|name| !ALWAYS.contains(&name.as_str()));
        let select = ALWAYS.iter().map(|&name| name.to_owned()).chain(more).collect();
        Ok(Self { sources, select })
    }

    /// Returns the properties to select of a group.
    pub(super) fn properties(&self) -> Vec<&str> {
        self.select.iter().map(String::as_str).collect()
    }

    /// Returns the properties to select in the change feed, where members are one of them.
    pub(super) fn of_feed(&self) -> Vec<&str> {
        self.select.iter().map(String::as_str).chain(["members"]).collect()
    }

    /// Returns whether the rules need any attribute of groups.
    pub(super) fn selects_more(&self) -> bool {
        !self.sources.is_empty()
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

    #[test]
    fn a_selection_asks_for_each_property_once() {
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

    #[test]
    fn flags_lists_and_children_are_read() {
        let names =
            ["extensionAttribute1", "extensionAttribute2", "groupTypes", "licenseProcessingState"]
                .into_iter()
                .chain(["mailEnabled"])
                .map(str::to_owned)
                .collect::<Vec<_>>();
        let selection = GroupSelection::new(&names).unwrap();
        let select = selection.properties();
        let parents = ["groupTypes", "licenseProcessingState", "mailEnabled"];
        assert_eq!(select[2..5], parents);
        assert_eq!(select[5..], ["onPremisesExtensionAttributes"]);
        let record = json!({"id": "x", "mailEnabled": true, "licenseProcessingState": {"state": "Q"},
            "groupTypes": ["Unified", "DynamicMembership"],
            "onPremisesExtensionAttributes": {"extensionAttribute1": "A"}});
        let read = selection.read(record.as_object().unwrap());
        let cells: Vec<Cell<'_>> =
            read.iter().map(|one| Cell::of(one.as_ref().unwrap().as_deref())).collect();
        assert_eq!(
            cells,
            [
                Cell::Text("A"),
                Cell::Null,
                Cell::Texts(vec!["DynamicMembership", "Unified"]),
                Cell::Text("Q"),
                Cell::Text("True"),
            ]
        );
    }
}
