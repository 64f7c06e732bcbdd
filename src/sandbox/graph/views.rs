//! What tests and the control API see of the tenant, and what they put into it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::attributes::{Attributes, Name};

/// A person to be added.
#[derive(Clone, Debug, Default)]
pub struct NewPerson {
    /// The object id; `None` lets the tenant choose one.
    pub id: Option<Uuid>,
    /// The properties, by the names of the metadata; packed, because a company can be large.
    pub attributes: Attributes,
    /// Who leads them.
    pub manager: Option<Uuid>,
}

impl NewPerson {
    /// Describes somebody with a name and an address, which is also the user principal name.
    pub fn named(given_name: &str, surname: &str, mail: &str) -> Self {
        Self::default()
            .with("givenName", given_name)
            .with("surname", surname)
            .with("displayName", format!("{given_name} {surname}"))
            .with("mail", mail)
            .with("userPrincipalName", mail)
    }

    /// Adds a property; a later one replaces an earlier one of the same name.
    #[must_use]
    pub fn with(mut self, name: impl Into<Name>, value: impl Into<Value>) -> Self {
        self.attributes.set(&name.into(), &value.into());
        self
    }
}

/// A group to be added.
#[derive(Clone, Debug, Default)]
pub struct NewGroup {
    /// The object id; `None` lets the tenant choose one.
    pub id: Option<Uuid>,
    /// The properties, by the names of the metadata.
    pub attributes: Vec<(Name, Value)>,
}

impl NewGroup {
    /// Describes a security group.
    pub fn named(display_name: &str) -> Self {
        Self::default().with("displayName", display_name)
    }

    /// Adds a property; a later one replaces an earlier one of the same name.
    #[must_use]
    pub fn with(mut self, name: impl Into<Name>, value: impl Into<Value>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }
}

/// A person as the tenant holds them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PersonView {
    /// The object id.
    pub id: Uuid,
    /// When they were put into the recycle bin, as RFC 3339, or `None` if they were not.
    pub deleted: Option<String>,
    /// Who leads them.
    pub manager: Option<Uuid>,
    /// Direct memberships, sorted by group id.
    pub groups: Vec<Uuid>,
    /// The properties that have a value.
    #[serde(flatten)]
    pub attributes: Map<String, Value>,
}

impl PersonView {
    /// Returns the text of a property, or `None` if it has none.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).and_then(Value::as_str)
    }

    /// Returns the address, or `None`.
    pub fn mail(&self) -> Option<&str> {
        self.text("mail")
    }

    /// Returns whether the person may sign in.
    pub fn enabled(&self) -> bool {
        self.attributes.get("accountEnabled").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Returns whether the person is a guest.
    pub fn guest(&self) -> bool {
        self.text("userType") == Some("Guest")
    }
}

/// A group as the tenant holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupView {
    /// The object id.
    pub id: Uuid,
    /// When it was put into the recycle bin, as RFC 3339, or `None` if it was not.
    pub deleted: Option<String>,
    /// Direct members, sorted by id: people and groups, those in the recycle bin included.
    pub members: Vec<Uuid>,
    /// The properties that have a value.
    #[serde(flatten)]
    pub attributes: Map<String, Value>,
}

/// What kind of principal an assignment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrincipalType {
    /// A person.
    User,
    /// A group.
    Group,
    /// An application: its row is an application permission.
    ServicePrincipal,
}

impl PrincipalType {
    /// Returns the name that Graph uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ServicePrincipal => "ServicePrincipal",
        }
    }
}

/// One row of `appRoleAssignedTo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssignmentView {
    /// The opaque id of the row.
    pub id: String,
    /// Who is assigned.
    pub principal: Uuid,
    /// What kind of principal that is.
    pub principal_type: PrincipalType,
    /// The role; nil is Default Access.
    pub role: Uuid,
    /// The value of the role, if it has one.
    pub role_value: Option<String>,
    /// The service principal that the row belongs to.
    pub application: Uuid,
}

/// A role that an application declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleView {
    /// The id of the role.
    pub id: Uuid,
    /// What administrators see.
    pub name: String,
    /// The value; gallery roles often have none.
    pub value: Option<String>,
}

/// An enterprise application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApplicationView {
    /// The object id of the service principal.
    pub id: Uuid,
    /// The application id.
    pub app_id: Uuid,
    /// What administrators see.
    pub name: String,
    /// The roles that it declares.
    pub roles: Vec<RoleView>,
}

/// A federated credential of the app registration: a token of another issuer that signs it in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FederatedCredential {
    /// What administrators see.
    pub name: String,
    /// The `iss` of the token, exactly.
    pub issuer: String,
    /// The `sub` of the token, exactly.
    pub subject: String,
    /// Each `aud` that is accepted.
    pub audiences: Vec<String>,
}

/// How many objects there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// People, without the recycle bin.
    pub people: usize,
    /// Of those, guests.
    pub guests: usize,
    /// Of those, disabled ones.
    pub disabled: usize,
    /// People in the recycle bin.
    pub deleted: usize,
    /// Groups, without the recycle bin.
    pub groups: usize,
    /// Direct memberships.
    pub memberships: usize,
    /// Assignment rows of the application.
    pub assignments: usize,
}
