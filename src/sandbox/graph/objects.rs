//! How people, groups and applications look in answers.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::properties::{self, GROUP, SERVICE_PRINCIPAL, USER};
use super::state::{Application, Group, Person, State};

/// Returns a property of a person as a read shows it.
pub fn person_property(state: &State, id: Uuid, person: &Person, name: &str) -> Value {
    match (name, person.deleted) {
        ("id", _) => json!(id.to_string()),
        ("deletedDateTime", deleted) => deleted.map_or(Value::Null, |at| json!(at.to_string())),
        ("userPrincipalName", Some(_)) if state.switches.deleted_upn_prefixed => {
            let upn = person.attributes.text(name).unwrap_or_default();
            json!(format!("{}{upn}", id.simple()))
        }
        _ => properties::shown(USER, &person.attributes, name),
    }
}

/// Returns the selected properties of a person.
pub fn person(state: &State, id: Uuid, person: &Person, select: &[String]) -> Map<String, Value> {
    let show = |name: &String| (name.clone(), person_property(state, id, person, name));
    select.iter().map(show).collect()
}

/// Returns a property of a group as a read shows it.
pub fn group_property(id: Uuid, group: &Group, name: &str) -> Value {
    match name {
        "id" => json!(id.to_string()),
        "deletedDateTime" => group.deleted.map_or(Value::Null, |at| json!(at.to_string())),
        _ => properties::shown(GROUP, &group.attributes, name),
    }
}

/// Returns the selected properties of a group.
pub fn group(id: Uuid, group: &Group, select: &[String]) -> Map<String, Value> {
    select.iter().map(|name| (name.clone(), group_property(id, group, name))).collect()
}

/// Returns a property of a service principal as a read shows it.
pub fn application_property(id: Uuid, application: &Application, name: &str) -> Value {
    match name {
        "id" => json!(id.to_string()),
        "appRoles" => Value::Array(
            application
                .roles
                .iter()
                .map(|role| {
                    json!({
                        "allowedMemberTypes": ["User"],
                        "description": role.name,
                        "displayName": role.name,
                        "id": role.id.to_string(),
                        "isEnabled": true,
                        "origin": "Application",
                        "value": role.value,
                    })
                })
                .collect(),
        ),
        _ => properties::shown(SERVICE_PRINCIPAL, &application.attributes, name),
    }
}

/// Returns the selected properties of a service principal.
pub fn application(id: Uuid, held: &Application, select: &[String]) -> Map<String, Value> {
    select.iter().map(|name| (name.clone(), application_property(id, held, name))).collect()
}
