//! The JSON bodies of changes of people (ShareFile API reference, sections 3.2 to 3.6). Absent members
//! are left alone; there never is a password.

use serde::Serialize;

use crate::model::account::TargetAttribute;

/// The body of `POST /Users`, `POST /Users/AccountUser`, `PATCH /Users(id)` and `PATCH
/// /Users/AccountUser(id)` (sections 3.2, 3.3 and 3.5).
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserBody<'a> {
    /// Makes an employee of a client; nothing makes a client of an employee this way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_employee: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<SecurityBody>,
    #[serde(rename = "StorageQuotaLimitGB", skip_serializing_if = "Option::is_none")]
    pub storage_quota_limit_gb: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_zone: Option<IdBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferences: Option<PreferencesBody>,
    /// Names of roles, where an employee is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<&'a str>>,
}

/// The one writable member of `UserSecurity` (section 3.5).
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SecurityBody {
    pub is_disabled: bool,
}

/// An object that is named by its id.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct IdBody<'a> {
    pub id: &'a str,
}

/// The body of `PATCH /Users(id)/Preferences`, and a member of that of an employee who is created.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PreferencesBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_reset_password: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_view_my_settings: Option<bool>,
}

impl PreferencesBody {
    /// Sets one attribute.
    pub fn set(&mut self, attribute: TargetAttribute, value: &str) {
        let member = match attribute {
            TargetAttribute::CanResetPassword => &mut self.can_reset_password,
            TargetAttribute::CanViewMySettings => &mut self.can_view_my_settings,
            _ => return,
        };
        *member = Some(value.eq_ignore_ascii_case("true"));
    }
}

impl<'a> UserBody<'a> {
    /// Sets one attribute; policies are none of the account itself.
    pub fn set(&mut self, attribute: TargetAttribute, value: &'a str) {
        match attribute {
            TargetAttribute::Email => self.email = Some(value),
            TargetAttribute::FirstName => self.first_name = Some(value),
            TargetAttribute::LastName => self.last_name = Some(value),
            TargetAttribute::Company => self.company = Some(value),
            TargetAttribute::StorageQuotaLimitGB => {
                self.storage_quota_limit_gb = value.parse().ok();
            }
            TargetAttribute::Bandwidth => self.bandwidth = value.parse().ok(),
            TargetAttribute::DefaultZone => self.default_zone = Some(IdBody { id: value }),
            TargetAttribute::CanResetPassword | TargetAttribute::CanViewMySettings => {
                self.preferences.get_or_insert_default().set(attribute, value);
            }
            TargetAttribute::Roles => {
                self.roles = Some(crate::model::attribute::names(value).collect());
            }
            TargetAttribute::Policies => {}
        }
    }
}

/// The body of `PUT /Users(id)/Roles` (section 3.6).
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RolesBody<'a> {
    pub roles: Vec<&'a str>,
}

/// An element of the body of `PUT /Users(id)/Policies` (section 3.6).
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicyBody<'a> {
    pub active: bool,
    pub policy: IdBody<'a>,
}

impl<'a> PolicyBody<'a> {
    /// Names a policy that is to count.
    pub fn of(id: &'a str) -> Self {
        Self { active: true, policy: IdBody { id } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_holds_only_what_changes() {
        let mut body = UserBody::default();
        body.set(TargetAttribute::Company, "");
        body.security = Some(SecurityBody { is_disabled: true });
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"Company":"","Security":{"IsDisabled":true}}"#
        );
    }

    #[test]
    fn members_are_spelled_as_sharefile_spells_them() {
        let mut body = UserBody::default();
        for (attribute, value) in [
            (TargetAttribute::StorageQuotaLimitGB, "-1"),
            (TargetAttribute::Bandwidth, "5"),
            (TargetAttribute::DefaultZone, "zp1"),
            (TargetAttribute::CanResetPassword, "True"),
            (TargetAttribute::CanViewMySettings, "False"),
            (TargetAttribute::Roles, "CanChangePassword\nCanUseFileBox"),
            (TargetAttribute::Policies, "p1"),
        ] {
            body.set(attribute, value);
        }
        let expected = r#"{"StorageQuotaLimitGB":-1,"Bandwidth":5,"DefaultZone":{"Id":"zp1"},"Preferences":{"CanResetPassword":true,"CanViewMySettings":false},"Roles":["CanChangePassword","CanUseFileBox"]}"#;
        assert_eq!(serde_json::to_string(&body).unwrap(), expected);
        let policies: Vec<_> = ["a"].into_iter().map(PolicyBody::of).collect();
        let expected = r#"[{"Active":true,"Policy":{"Id":"a"}}]"#;
        assert_eq!(serde_json::to_string(&policies).unwrap(), expected);
    }
}
