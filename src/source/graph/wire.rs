//! The JSON shapes of Graph (Graph reference, sections 1 to 6), and people decoded from them.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::model::group::SourceGroup;
use crate::model::identity::{Presence, SourceUser};
use crate::model::ids::SourceAnchor;
use crate::model::row::AttributeRow;
use crate::source::{GroupChange, UserChange};

use super::attributes::Selection;
use super::group_selection::GroupSelection;

/// One page of a collection or of a change feed.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    pub(super) next_link: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    pub(super) delta_link: Option<String>,
    #[serde(rename = "@odata.count")]
    pub(super) count: Option<u64>,
}

/// An enterprise application (section 2).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServicePrincipal {
    pub(super) id: Uuid,
    #[serde(default)]
    pub(super) display_name: Option<String>,
    #[serde(default)]
    pub(super) app_role_assignment_required: Option<bool>,
    #[serde(default)]
    pub(super) app_roles: Vec<WireRole>,
}

/// What a group says about who may see its members (section 5).
#[derive(Debug, Deserialize)]
pub(super) struct GroupVisibility {
    #[serde(default)]
    pub(super) visibility: Option<String>,
}

impl GroupVisibility {
    /// Returns whether members are shown only to those who may read hidden memberships.
    pub(super) fn hides_members(&self) -> bool {
        let text = self.visibility.as_deref().unwrap_or_default();
        text.eq_ignore_ascii_case("HiddenMembership")
    }
}

/// A role that an application declares.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireRole {
    pub(super) id: Uuid,
    #[serde(default)]
    pub(super) value: Option<String>,
    #[serde(default)]
    pub(super) display_name: Option<String>,
}

/// A row of `appRoleAssignedTo`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireAssignment {
    /// Opaque; tells rows that came twice.
    #[serde(default)]
    pub(super) id: String,
    pub(super) principal_id: Uuid,
    pub(super) principal_type: String,
    pub(super) app_role_id: Uuid,
}

/// A record of a person: an open type, so the properties stay a map.
pub(super) type Record = Map<String, Value>;

/// An object of `groups/delta`.
#[derive(Debug, Deserialize)]
pub(super) struct GroupDelta {
    pub(super) id: Uuid,
    #[serde(rename = "members@delta", default)]
    pub(super) members: Vec<MemberDelta>,
    /// `@removed`, and the selected properties.
    #[serde(flatten)]
    pub(super) rest: Record,
}

/// An element of `members@delta`.
#[derive(Debug, Deserialize)]
pub(super) struct MemberDelta {
    pub(super) id: Uuid,
    #[serde(rename = "@odata.type", default)]
    pub(super) odata_type: Option<String>,
    #[serde(rename = "@removed")]
    pub(super) removed: Option<IgnoredAny>,
}

impl MemberDelta {
    /// Returns whether the element may be a person. One without a type is taken for one: it is
    /// read by id before anything comes of it.
    pub(super) fn may_be_person(&self) -> bool {
        self.odata_type.as_deref().is_none_or(|name| {
            name.trim_start_matches('#').eq_ignore_ascii_case("microsoft.graph.user")
        })
    }

    /// Returns whether the element is a group.
    pub(super) fn is_group(&self) -> bool {
        self.odata_type.as_deref().is_some_and(|name| {
            name.trim_start_matches('#').eq_ignore_ascii_case("microsoft.graph.group")
        })
    }
}

/// A request within a `$batch`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct BatchRequest {
    pub(super) id: String,
    pub(super) method: &'static str,
    pub(super) url: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<&'static str, &'static str>,
}

/// The answers to a `$batch`.
#[derive(Debug, Deserialize)]
pub(super) struct BatchAnswers {
    pub(super) responses: Vec<BatchAnswer>,
}

/// An answer within a `$batch`.
#[derive(Debug, Deserialize)]
pub(super) struct BatchAnswer {
    pub(super) id: String,
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: Map<String, Value>,
    #[serde(default)]
    pub(super) body: Value,
}

/// The answer of the token endpoint (section 1.1).
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: String,
    pub(super) expires_in: f64,
}

/// A refusal of the token endpoint (section 1.5).
#[derive(Debug, Default, Deserialize)]
pub(super) struct TokenRefusal {
    #[serde(default)]
    pub(super) error: String,
    #[serde(default)]
    pub(super) error_description: String,
    #[serde(default)]
    pub(super) error_codes: Vec<i64>,
}

/// A refusal of Graph (section 8).
#[derive(Debug, Deserialize)]
pub(super) struct ErrorBody {
    pub(super) error: ErrorDetail,
}

/// The inner part of a refusal; the code says what it is, the message is for people.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorDetail {
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
    #[serde(rename = "innerError", alias = "innererror", default)]
    pub(super) inner: Option<Value>,
}

impl ErrorDetail {
    /// Returns the code and all codes nested below it, outermost first.
    pub(super) fn codes(&self) -> Vec<String> {
        let mut codes = vec![self.code.clone()];
        let mut inner = self.inner.as_ref();
        while let Some(level) = inner {
            if let Some(code) = level.get("code").and_then(Value::as_str) {
                codes.push(code.to_owned());
            }
            inner = level.get("innerError").or_else(|| level.get("innererror"));
        }
        codes
    }
}

/// Returns the id of a record.
pub(super) fn anchor_of(record: &Record) -> Result<SourceAnchor, String> {
    let id = record.get("id").and_then(Value::as_str).unwrap_or_default();
    SourceAnchor::parse(id).ok_or_else(|| "an object without a GUID as its id".to_owned())
}

/// Returns a person who exists, from a record. Without `userPrincipalName` or `accountEnabled`
/// the record is one that the app registration may not read: "not readable", never empty (section
/// 1.7).
pub(super) fn person(record: &Record, selection: &Selection) -> Result<SourceUser, String> {
    let anchor = anchor_of(record)?;
    let named = record.get("userPrincipalName").and_then(Value::as_str).is_some();
    let enabled = record.get("accountEnabled").and_then(Value::as_bool);
    let (Some(enabled), true) = (enabled, named) else {
        return Ok(without_attributes(anchor, Presence::Unread));
    };
    let attributes = selection.read(record);
    Ok(SourceUser {
        anchor,
        presence: Presence::Present,
        enabled,
        guest: is_guest(record).unwrap_or(false),
        attributes: AttributeRow::pack_kept(
            attributes.iter().map(|value| value.as_ref().and_then(Option::as_deref)),
        ),
    })
}

/// Returns a person of whom nothing is known but what became of them.
pub(super) fn without_attributes(anchor: SourceAnchor, presence: Presence) -> SourceUser {
    SourceUser {
        anchor,
        presence,
        enabled: false,
        guest: false,
        attributes: AttributeRow::default(),
    }
}

/// Returns what an object of `users/delta` says. A record that shows null where everybody has a
/// value is one that may not be read: nothing is taken from it.
pub(super) fn user_change(
    record: &Record,
    selection: &Selection,
) -> Result<(SourceAnchor, UserChange), String> {
    let anchor = anchor_of(record)?;
    if let Some(for_good) = removed(record) {
        let change = if for_good { UserChange::HardDeleted } else { UserChange::SoftDeleted };
        return Ok((anchor, change));
    }
    let is_null = |name| matches!(record.get(name), Some(Value::Null));
    let change = if is_null("userPrincipalName") || is_null("accountEnabled") {
        UserChange::Unreadable
    } else {
        UserChange::Changed {
            enabled: record.get("accountEnabled").and_then(Value::as_bool),
            guest: is_guest(record),
            attributes: selection.read(record),
        }
    };
    Ok((anchor, change))
}

/// Returns what an object of `groups/delta` says of the group itself.
pub(super) fn group_change(record: &Record, selection: &GroupSelection) -> GroupChange {
    match removed(record) {
        Some(true) => GroupChange::HardDeleted,
        Some(false) => GroupChange::SoftDeleted,
        None if matches!(record.get("displayName"), Some(Value::Null)) => GroupChange::Unreadable,
        None => GroupChange::Changed { attributes: selection.read(record) },
    }
}

/// Returns a group that exists, from a record. Without a name, which every group has, the record is
/// one that the app registration may not read.
pub(super) fn group(record: &Record, selection: &GroupSelection) -> Result<SourceGroup, String> {
    let anchor = anchor_of(record)?;
    if record.get("displayName").and_then(Value::as_str).is_none() {
        return Ok(group_without_attributes(anchor, Presence::Unread));
    }
    let attributes = selection.read(record);
    let cells = attributes.iter().map(|value| value.as_ref().and_then(Option::as_deref));
    Ok(SourceGroup {
        anchor,
        presence: Presence::Present,
        attributes: AttributeRow::pack_kept(cells),
    })
}

/// Returns a group of which nothing is known but what became of it.
pub(super) fn group_without_attributes(anchor: SourceAnchor, presence: Presence) -> SourceGroup {
    SourceGroup { anchor, presence, attributes: AttributeRow::default() }
}

/// Returns whether an object of a change feed was removed for good; `None` if it was not removed.
fn removed(record: &Record) -> Option<bool> {
    let reason = record.get("@removed")?.get("reason").and_then(Value::as_str);
    Some(reason.is_some_and(|reason| reason.eq_ignore_ascii_case("deleted")))
}

fn is_guest(record: &Record) -> Option<bool> {
    record
        .get("userType")
        .map(|kind| kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("Guest")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "11111111-2222-4333-8444-555555555555";

    fn selection() -> Selection {
        Selection::new(&["mail".to_owned(), "surname".to_owned()]).unwrap()
    }

    fn record(value: Value) -> Record {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_full_record_is_a_person() {
        let wire = record(json!({"id": ID, "userPrincipalName": "a@x.org", "mail": "a@x.org",
            "accountEnabled": true, "userType": "Guest", "surname": null}));
        let user = person(&wire, &selection()).unwrap();
        assert_eq!(user.presence, Presence::Present);
        assert!(user.enabled && user.guest);
        assert_eq!(user.attributes, AttributeRow::pack([Some("a@x.org"), None]));
    }

    #[test]
    fn null_filled_records_are_not_readable() {
        for wire in [
            json!({"id": ID, "userPrincipalName": null, "accountEnabled": null}),
            json!({"id": ID, "accountEnabled": true}),
            json!({"id": ID, "userPrincipalName": "a@x.org", "accountEnabled": null}),
        ] {
            let user = person(&record(wire), &selection()).unwrap();
            assert_eq!(user.presence, Presence::Unread);
        }
        assert!(person(&record(json!({"id": "me"})), &selection()).is_err());
    }

    #[test]
    fn changes_tell_null_from_unmentioned() {
        let (_, change) =
            user_change(&record(json!({"id": ID, "mail": null})), &selection()).unwrap();
        assert_eq!(
            change,
            UserChange::Changed { enabled: None, guest: None, attributes: vec![Some(None), None] }
        );
        for unreadable in [
            json!({"id": ID, "userPrincipalName": null, "mail": null}),
            json!({"id": ID, "accountEnabled": null, "mail": null}),
        ] {
            let (_, change) = user_change(&record(unreadable), &selection()).unwrap();
            assert_eq!(change, UserChange::Unreadable);
        }
        for (reason, expected) in
            [("changed", UserChange::SoftDeleted), ("deleted", UserChange::HardDeleted)]
        {
            let removed = record(json!({"id": ID, "@removed": {"reason": reason}}));
            assert_eq!(user_change(&removed, &selection()).unwrap().1, expected);
        }
    }

    #[test]
    fn codes_are_found_at_any_depth() {
        let body: ErrorBody = serde_json::from_value(json!({"error": {"code": "a", "message": "m",
            "innererror": {"date": "x", "innerError": {"code": "b"}}}}))
        .unwrap();
        assert_eq!(body.error.codes(), ["a", "b"]);
    }

    #[test]
    fn only_people_are_members() {
        let member = |kind: Value| -> MemberDelta {
            serde_json::from_value(json!({"id": ID, "@odata.type": kind})).unwrap()
        };
        assert!(member(json!("#microsoft.graph.user")).may_be_person());
        assert!(!member(json!("#microsoft.graph.group")).may_be_person());
        assert!(member(json!("#microsoft.graph.group")).is_group());
        assert!(!member(json!("#microsoft.graph.device")).is_group());
        let untyped: MemberDelta = serde_json::from_value(json!({"id": ID})).unwrap();
        assert!(untyped.may_be_person() && !untyped.is_group());
    }

    #[test]
    fn groups_without_a_name_are_not_readable() {
        let selection =
            GroupSelection::new(&["displayName".to_owned(), "mail".to_owned()]).unwrap();
        let staff = group(&record(json!({"id": ID, "displayName": "Staff"})), &selection).unwrap();
        assert_eq!(staff.presence, Presence::Present);
        assert_eq!(staff.attributes, AttributeRow::pack([Some("Staff"), None]));
        let hidden = record(json!({"id": ID, "displayName": null, "mail": null}));
        assert_eq!(group(&hidden, &selection).unwrap().presence, Presence::Unread);
        assert_eq!(group_change(&hidden, &selection), GroupChange::Unreadable);
        let change = |value| group_change(&record(value), &selection);
        assert_eq!(
            change(json!({"id": ID, "mail": null})),
            GroupChange::Changed { attributes: vec![None, Some(None)] }
        );
        let removed = |reason: &str| change(json!({"id": ID, "@removed": {"reason": reason}}));
        assert_eq!(removed("deleted"), GroupChange::HardDeleted);
        assert_eq!(removed("changed"), GroupChange::SoftDeleted);
    }
}
