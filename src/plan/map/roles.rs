//! Functions on the roles that a person is assigned in the application.
//!
//! A role comes in as a value of `[appRoleAssignments]`: a JSON object with `value`, `displayName`
//! and `id`, or several of them in a JSON array. Any other text is the value of a role.

use std::borrow::Cow;

use serde::Deserialize;

use super::datum::Datum;
use super::error::Fault;
use super::eval::{Outcome, Scope};
use super::flow::Role;

/// What kind of role the `Complex` functions say it is.
const KIND: &str = "WindowsAzureActiveDirectoryRole";

/// The attribute that is made of roles.
pub(super) const ASSIGNMENTS: &str = "appRoleAssignments";

/// Returns the roles of [`ASSIGNMENTS`] one by one, where one text is an array of several.
pub(super) fn each(roles: Datum<'_>) -> Datum<'_> {
    let array = match &roles {
        Datum::Text(text) if text.trim_start().starts_with('[') => {
            serde_json::from_str::<Vec<serde_json::Value>>(text).ok()
        }
        _ => None,
    };
    match array {
        Some(array) => {
            let text = |role: serde_json::Value| match role {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            };
            Datum::list(array.into_iter().map(|role| Cow::Owned(text(role))).collect())
        }
        None => roles,
    }
}

/// A role of the application, as it is imported.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assigned {
    value: Option<String>,
    display_name: Option<String>,
}

/// One role, or several in one text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(Assigned),
    Several(Vec<Assigned>),
}

/// A role that has a name: its value, and what people call it.
struct Named {
    value: String,
    display_name: String,
}

/// Returns the assigned roles in the order of the source. The role without value and name, which
/// stands for an assignment without a role, is none.
fn assigned(scope: &mut Scope<'_, '_>) -> Result<Vec<Named>, Fault> {
    let texts = match scope.arg(0)? {
        Datum::List(texts) => texts,
        other => scope.one_text(0, other)?.into_iter().collect(),
    };
    let mut roles = Vec::new();
    for text in texts {
        if !text.trim_start().starts_with(['{', '[']) {
            let value = text.trim();
            if !value.is_empty() {
                roles.push(Named { value: value.to_owned(), display_name: value.to_owned() });
            }
            continue;
        }
        let parsed = serde_json::from_str(&text).map_err(|_| {
            let shown = scope.quote(&text);
            scope.fault(format!("{shown} is no role assignment"))
        })?;
        let several = match parsed {
            Texts::One(one) => vec![one],
            Texts::Several(several) => several,
        };
        roles.extend(several.into_iter().filter_map(named));
    }
    Ok(roles)
}

/// Returns the role with both its names; each stands in for the other.
fn named(role: Assigned) -> Option<Named> {
    let filled = |name: Option<String>| name.filter(|name| !name.is_empty());
    let (value, display_name) = (filled(role.value), filled(role.display_name));
    let either = value.clone().or_else(|| display_name.clone())?;
    Some(Named {
        value: value.unwrap_or_else(|| either.clone()),
        display_name: display_name.unwrap_or(either),
    })
}

/// `SingleAppRoleAssignment([appRoleAssignments])`
pub(super) fn single<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let first = assigned(scope)?.into_iter().map(|role| role.value).min();
    Ok(first.map_or(Datum::Null, Datum::text))
}

/// `AppRoleAssignments([appRoleAssignments])`
pub(super) fn values<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    let roles = assigned(scope)?;
    Ok(Datum::list(roles.into_iter().map(|role| Cow::Owned(role.value)).collect()))
}

/// `AppRoleAssignmentsComplex([appRoleAssignments])`
pub(super) fn complex<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    structured(scope, |role| Role {
        primary: false,
        kind: KIND,
        display_name: Some(role.display_name),
        display: None,
        value: role.value,
    })
}

/// `AssertiveAppRoleAssignmentsComplex([appRoleAssignments])`
pub(super) fn assertive<'a>(scope: &mut Scope<'_, 'a>) -> Outcome<'a> {
    structured(scope, |role| Role {
        primary: false,
        kind: KIND,
        display_name: None,
        display: Some(role.display_name),
        value: role.value,
    })
}

fn structured<'a>(scope: &mut Scope<'_, 'a>, shape: fn(Named) -> Role) -> Outcome<'a> {
    let roles: Vec<Role> = assigned(scope)?.into_iter().map(shape).collect();
    Ok(if roles.is_empty() { Datum::Null } else { Datum::Roles(roles) })
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::super::testing::{NOBODY, error, list, text, texts, value};

    const ADMIN: &str = r#"{"id":"1","value":"Admin","displayName":"Administrators"}"#;
    const USER: &str = r#"{"id":"2","value":"User","displayName":"User"}"#;
    const DEFAULT: &str = r#"{"id":"00000000-0000-0000-0000-000000000000"}"#;

    #[test]
    fn one_role_as_text() {
        let single = "SingleAppRoleAssignment([appRoleAssignments])";
        assert_eq!(text(single, &[("appRoleAssignments", ADMIN)]), "Admin");
        assert_eq!(text(single, &[("appRoleAssignments", "Plain")]), "Plain");
        assert_eq!(text(single, &texts("appRoleAssignments", &[USER, ADMIN, DEFAULT])), "Admin");
        let both = format!("[{USER},{ADMIN}]");
        assert_eq!(text(single, &[("appRoleAssignments", &both)]), "Admin");
        let both = [("appRoleAssignments", &*both)];
        assert_eq!(text("Count([appRoleAssignments])", &both), "2");
        assert!(text("Item([appRoleAssignments], 2)", &both).contains("Administrators"));
        assert_eq!(text("Count([appRoleAssignments])", &[("appRoleAssignments", "[]")]), "0");
        assert_eq!(text("[appRoleAssignments]", &[("appRoleAssignments", "[1")]), "[1");
        assert_eq!(value(single, &texts("appRoleAssignments", &[DEFAULT])), Value::Null);
        assert_eq!(value(single, &NOBODY), Value::Null);
        assert!(error(single, &[("appRoleAssignments", "{1}")]).contains("no role assignment"));
    }

    #[test]
    fn several_roles() {
        let roles = texts("appRoleAssignments", &[USER, ADMIN]);
        assert_eq!(list("AppRoleAssignments([appRoleAssignments])", &roles), ["User", "Admin"]);
        let json = |expression| serde_json::to_value(value(expression, &roles)).expect("JSON");
        let kind = "WindowsAzureActiveDirectoryRole";
        assert_eq!(
            json("AppRoleAssignmentsComplex([appRoleAssignments])"),
            serde_json::json!([
                {"primary": false, "type": kind, "displayName": "User", "value": "User"},
                {"primary": false, "type": kind, "displayName": "Administrators", "value": "Admin"},
            ])
        );
        assert_eq!(
            json("AssertiveAppRoleAssignmentsComplex([appRoleAssignments])")[1]["display"],
            "Administrators"
        );
        assert_eq!(text("Count([appRoleAssignments])", &roles), "2");
    }

    #[test]
    fn only_the_assigned_roles_are_roles() {
        for wrong in ["[roles]", "\"Admin\"", "Split([appRoleAssignments], \",\")"] {
            let message = error(&format!("SingleAppRoleAssignment({wrong})"), &NOBODY);
            assert!(message.contains("works on the assigned roles"), "{message}");
        }
    }
}
