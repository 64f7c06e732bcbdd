//! A person as expressions see them: the attributes of the source, and what the assignments give.

use std::borrow::Cow;
use std::ops::Deref;

use serde::Serialize;
use uuid::Uuid;

use crate::model::group::SourceGroup;
use crate::model::identity::{AppRole, Presence, SourceUser};
use crate::model::ids::SourceAnchor;

use super::map::{ASSIGNED_THROUGH, Attribute, Attributes, input_at};
use super::rules::Rules;

/// What is known of roles and groups.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The roles of the application.
    roles: &'a [AppRole],
    /// Groups with their attributes; sorted by anchor.
    groups: &'a [SourceGroup],
    /// Where in their rows the name is.
    name: Option<usize>,
}

impl<'a> Facts<'a> {
    /// Prepares what is known; `groups` are sorted by anchor.
    pub fn new(rules: &Rules, roles: &'a [AppRole], groups: &'a [SourceGroup]) -> Self {
        let name =
            rules.group_attributes.binary_search_by(|known| known.as_str().cmp("displayName"));
        Self { roles, groups, name: name.ok() }
    }

    /// Returns the name of a group; `None` if it was not read.
    fn group_name(&self, group: SourceAnchor) -> Option<&'a str> {
        let index = self.groups.binary_search_by_key(&group, |known| known.anchor).ok()?;
        let known = self.groups.get(index).filter(|known| known.presence != Presence::Unread)?;
        known.attributes.get(self.name?)
    }
}

/// A person of the source, with the roles and groups through which they are assigned.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    source_user: &'a SourceUser,
    /// The assigned roles.
    roles: &'a [Uuid],
    /// The assigned groups that the person is in, by a row that counts.
    through: &'a [SourceAnchor],
    facts: Facts<'a>,
}

impl Deref for Person<'_> {
    type Target = SourceUser;

    fn deref(&self) -> &SourceUser {
        self.source_user
    }
}

/// A role in the form of a value of `[appRoleAssignments]`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Assigned<'a> {
    id: Uuid,
    value: Option<&'a str>,
    display_name: Option<&'a str>,
}

impl<'a> Person<'a> {
    /// Returns a person with what the assignments give.
    pub fn new(
        source_user: &'a SourceUser,
        (roles, through): (&'a [Uuid], &'a [SourceAnchor]),
        facts: Facts<'a>,
    ) -> Self {
        Self { source_user, roles, through, facts }
    }

    fn input(&self, input: &str) -> Vec<Cow<'_, str>> {
        let of_roles = |text: fn(&AppRole) -> Option<String>| {
            let declared = self.facts.roles.iter().filter(|role| self.roles.contains(&role.id));
            declared.filter_map(text).map(Cow::Owned).collect()
        };
        let mut texts: Vec<Cow<'_, str>> = match input {
            "appRoleAssignments" => of_roles(|role| {
                let AppRole { id, value, display_name } = role;
                let (value, display_name) = (value.as_deref(), display_name.as_deref());
                serde_json::to_string(&Assigned { id: *id, value, display_name }).ok()
            }),
            "appRoleName" => of_roles(|role| role.display_name.clone()),
            "appRoleValue" => of_roles(|role| role.value.clone()),
            ASSIGNED_THROUGH => {
                let names = self.through.iter().filter_map(|group| self.facts.group_name(*group));
                names.map(Cow::Borrowed).collect()
            }
            "IsSoftDeleted" => {
                // As Entra says it of whoever is to be disabled, in the bin or not.
                let gone = matches!(
                    self.source_user.presence,
                    Presence::SoftDeleted | Presence::HardDeleted
                );
                let is = gone || !self.source_user.enabled;
                vec![Cow::Borrowed(if is { "True" } else { "False" })]
            }
            _ => Vec::new(),
        };
        texts.retain(|text| !text.is_empty());
        texts.sort_unstable();
        texts.dedup();
        texts
    }
}

impl Attributes for Person<'_> {
    fn attribute(&self, place: usize) -> Attribute<'_> {
        let Some(input) = input_at(place) else {
            return self.source_user.attributes.attribute(place);
        };
        let mut texts = self.input(input);
        match (texts.pop(), texts.is_empty()) {
            (None, _) => Attribute::Null,
            (Some(text), true) => Attribute::Text(text),
            (Some(text), false) => {
                texts.push(text);
                Attribute::Texts(texts)
            }
        }
    }

    fn unknown(&self, place: usize) -> Option<String> {
        if input_at(place) != Some(ASSIGNED_THROUGH) {
            return None;
        }
        let mut groups = self.through.iter();
        let unnamed = groups.find(|group| self.facts.group_name(**group).is_none())?;
        Some(format!("the name of the assigned group {unnamed} could not be read"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::row::AttributeRow;
    use crate::plan::map::{Expression, Given, Said, Single};

    const ADMIN: u128 = 1;
    const STAFF: u128 = 2;
    const PLAIN: u128 = 3;
    /// No role: who has it is disabled.
    const DISABLED: u128 = 4;

    fn anchor(n: u128) -> SourceAnchor {
        SourceAnchor(Uuid::from_u128(n))
    }

    /// What an expression says of a person with these roles, in these groups, of which the one with
    /// the number 12 has no name.
    fn said(expression: &str, roles: &[u128], through: &[u128]) -> Result<String, String> {
        let role = |id, value: Option<&str>, name: &str| AppRole {
            id: Uuid::from_u128(id),
            value: value.map(str::to_owned),
            display_name: Some(name.to_owned()),
        };
        let app = [
            role(STAFF, Some("staff"), "Staff"),
            role(ADMIN, Some("admin"), "Administrators"),
            role(PLAIN, None, "Plain"),
        ];
        let group = |n, presence, name| SourceGroup {
            anchor: anchor(n),
            presence,
            attributes: AttributeRow::pack([Some("all of it"), name]),
        };
        let groups = [
            group(10, Presence::Present, Some("Sales")),
            group(11, Presence::SoftDeleted, Some("Board")),
            group(12, Presence::Unread, Some("of before")),
        ];
        let facts = Facts { roles: &app, groups: &groups, name: Some(1) };
        let user = SourceUser {
            anchor: anchor(100),
            presence: Presence::Present,
            enabled: !roles.contains(&DISABLED),
            guest: false,
            attributes: AttributeRow::pack([Some("ada@x.test")]),
        };
        let roles: Vec<Uuid> = roles.iter().map(|id| Uuid::from_u128(*id)).collect();
        let through: Vec<SourceAnchor> = through.iter().map(|n| anchor(*n)).collect();
        let person = Person::new(&user, (&roles, &through), facts);
        let single = Single::new(&Expression::parse(expression).unwrap(), &["mail".to_owned()]);
        let given = Given::default();
        single.eval(&person, &given).map(|said| match said {
            Said::Value(value) => value.as_deref().unwrap_or("null").to_owned(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn roles_are_named_by_value_and_by_name() {
        let says = |expression, roles: &[u128]| said(expression, roles, &[]).unwrap();
        assert_eq!(says("[appRoleValue]", &[ADMIN]), "admin");
        assert_eq!(says("[appRoleName]", &[ADMIN]), "Administrators");
        assert_eq!(says("Join(\",\", [appRoleValue])", &[STAFF, ADMIN, PLAIN]), "admin,staff");
        assert_eq!(
            says("Join(\",\", [appRoleName])", &[STAFF, ADMIN, PLAIN]),
            "Administrators,Plain,Staff"
        );
        assert_eq!(says("SingleAppRoleAssignment([appRoleAssignments])", &[STAFF]), "staff");
        assert_eq!(says("SingleAppRoleAssignment([appRoleAssignments])", &[PLAIN]), "Plain");
        let joined = "Join(\",\", AppRoleAssignments([appRoleAssignments]))";
        assert_eq!(says(joined, &[STAFF, ADMIN]), "admin,staff");
        for none in [&[][..], &[0], &[99]] {
            assert_eq!(says("[appRoleValue]", none), "null", "{none:?}");
            assert_eq!(says("SingleAppRoleAssignment([appRoleAssignments])", none), "null");
        }
        assert_eq!(says("Append([mail], [IsSoftDeleted])", &[]), "ada@x.testFalse");
        assert_eq!(says("[IsSoftDeleted]", &[ADMIN, DISABLED]), "True");
    }

    #[test]
    fn groups_are_named_and_one_without_a_name_is_not_left_out() {
        let joined = "Join(\", \", [assignedThrough])";
        assert_eq!(said(joined, &[], &[10, 11]).unwrap(), "Board, Sales");
        assert_eq!(said(joined, &[], &[]).unwrap(), "null");
        for group in [12, 13] {
            let why = said(joined, &[], &[10, group]).unwrap_err();
            assert!(why.contains(&anchor(group).to_string()), "{why}");
            assert_eq!(said("[mail]", &[], &[10, group]).unwrap(), "ada@x.test");
        }
    }
}
