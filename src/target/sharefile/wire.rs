//! The JSON shapes of ShareFile, as far as this connector reads and writes them.
//!
//! Live answers have more members than any published model, so unknown ones are ignored, and
//! nearly all are optional (ShareFile API reference, sections 2 and 7). Enumerations stay text:
//! new values must not fail (section 2).

use serde::{Deserialize, Deserializer, Serialize};

use crate::model::account::{AccountKind, Activation, Detail, TargetAttribute, TargetUser};
use crate::model::attribute::{is_marker, row_of, set_of};
use crate::model::group::TargetGroup;
use crate::model::ids::{TargetId, Timestamp};
use crate::model::row::AttributeRow;

/// The answer of `POST /oauth/token` (section 1.3).
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub access_token: String,
    pub refresh_token: Option<String>,
    #[serde(default, deserialize_with = "number")]
    pub expires_in: Option<i64>,
    pub apicp: Option<String>,
    pub subdomain: Option<String>,
    /// One of the six flags: whether key and user may manage people.
    #[serde(default, deserialize_with = "flag")]
    pub admin_users: bool,
}

/// The error of `POST /oauth/token` (section 1.5).
#[derive(Deserialize)]
pub(super) struct TokenRefusal {
    pub error: String,
    pub error_description: Option<String>,
}

/// `User` and `AccountUser` (sections 3.2 and 3.9).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct User {
    #[serde(rename = "odata.type")]
    pub odata_type: Option<String>,
    pub id: String,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
    pub emails: Option<Vec<String>>,
    pub is_deleted: Option<bool>,
    pub is_billing_contact: Option<bool>,
    /// A navigation property: absent unless expanded.
    pub security: Option<Security>,
    /// Names of `UserRole`; absent from the reduced record that callers without rights get.
    pub roles: Option<Vec<String>>,
    #[serde(rename = "StorageQuotaLimitGB", default, deserialize_with = "number")]
    pub storage_quota_limit_gb: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    pub bandwidth: Option<i64>,
    /// A navigation property.
    pub default_zone: Option<Entity>,
    /// A navigation property.
    pub preferences: Option<UserPreferences>,
    /// A navigation property.
    pub policies: Option<Vec<UserPolicy>>,
}

/// `UserSecurity` (section 3.9).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Security {
    pub is_disabled: Option<bool>,
}

impl User {
    /// Returns whether the account cannot sign in, if the answer says so.
    pub fn disabled(&self) -> Option<bool> {
        self.security.as_ref().and_then(|security| security.is_disabled)
    }

    /// Returns a value that lists do not show, as rows spell it; `None` if the answer does not show
    /// it either.
    pub fn value(&self, target: TargetAttribute) -> Option<String> {
        match target {
            TargetAttribute::StorageQuotaLimitGB => {
                self.storage_quota_limit_gb.map(|number| number.to_string())
            }
            TargetAttribute::Bandwidth => self.bandwidth.map(|number| number.to_string()),
            TargetAttribute::DefaultZone => self.default_zone.as_ref()?.name.clone(),
            TargetAttribute::CanResetPassword | TargetAttribute::CanViewMySettings => {
                self.preferences.as_ref()?.value(target)
            }
            TargetAttribute::Roles => {
                let roles = self.roles.as_ref()?.iter();
                Some(set_of(roles.filter(|role| !is_marker(role))))
            }
            TargetAttribute::Policies => self.policies.as_deref().map(policies),
            _ => None,
        }
    }

    /// Returns whether `address` is the primary or another address of the account.
    pub fn has_address(&self, address: &str) -> bool {
        let wanted = crate::model::account::address_key(address);
        self.addresses().any(|held| crate::model::account::address_key(held) == wanted)
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        let others = self.emails.iter().flatten();
        self.email.iter().chain(others).map(String::as_str)
    }

    /// Returns the type: `odata.type` decides, then the roles (section 2.1); `None` if neither
    /// says.
    fn kind(&self) -> Option<AccountKind> {
        let by_type = self.odata_type.as_deref().and_then(|full| match full.rsplit('.').next() {
            Some("AccountUser") => Some(AccountKind::Employee),
            Some("User") => Some(AccountKind::Client),
            _ => None,
        });
        let holds = |role: &str| self.roles.iter().flatten().any(|held| held == role);
        by_type
            .or_else(|| holds("Employee").then_some(AccountKind::Employee))
            .or_else(|| holds("Client").then_some(AccountKind::Client))
    }

    /// Returns the account. `disabled` is what is known of it from elsewhere, should the answer
    /// not say. A record that leaves open what a full one has is `Reduced`.
    /// Of what the lists do not show, `attributes` are taken.
    pub fn into_account(
        self,
        disabled: Option<bool>,
        attributes: &[TargetAttribute],
    ) -> TargetUser {
        let kind = self.kind();
        let further: Vec<(TargetAttribute, String)> =
            attributes.iter().filter_map(|target| Some((*target, self.value(*target)?))).collect();
        let disabled = self.disabled().or(disabled);
        let full =
            self.email.is_some() && self.roles.is_some() && kind.is_some() && disabled.is_some();
        let primary = self.email.as_deref().map(crate::model::account::address_key);
        let other_addresses = self
            .emails
            .iter()
            .flatten()
            .filter(|held| Some(crate::model::account::address_key(held)) != primary)
            .cloned()
            .collect();
        TargetUser {
            values: values(
                [&self.email, &self.first_name, &self.last_name, &self.company],
                &further,
            ),
            id: TargetId::new(self.id),
            kind: kind.unwrap_or(AccountKind::Client),
            disabled: disabled.unwrap_or(false),
            deleted: self.is_deleted.unwrap_or(false),
            roles: if full { self.roles.unwrap_or_default() } else { Vec::new() },
            other_addresses: if full { other_addresses } else { Vec::new() },
            billing_contact: self.is_billing_contact.unwrap_or(false),
            detail: if full { Detail::Full } else { Detail::Reduced },
        }
    }
}

/// Packs values in the order of [`TargetAttribute::ALL`]. ShareFile does not tell the empty text
/// from no value.
fn values(listed: [&Option<String>; 4], further: &[(TargetAttribute, String)]) -> AttributeRow {
    row_of(|target| match listed.get(target.index()) {
        Some(cell) => cell.as_deref().filter(|text| !text.is_empty()),
        None => {
            let found = further.iter().find(|(known, _)| *known == target);
            found.map(|(_, value)| value.as_str())
        }
    })
}

/// `UserPreferences`, as far as it can be mapped (section 3.9).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserPreferences {
    pub can_reset_password: Option<bool>,
    pub can_view_my_settings: Option<bool>,
}

impl UserPreferences {
    fn value(&self, target: TargetAttribute) -> Option<String> {
        let flag = match target {
            TargetAttribute::CanResetPassword => self.can_reset_password,
            TargetAttribute::CanViewMySettings => self.can_view_my_settings,
            _ => None,
        };
        flag.map(|flag| if flag { "True" } else { "False" }.to_owned())
    }

    /// Returns what is shown, as rows spell it.
    pub fn values(&self) -> Vec<(TargetAttribute, Option<String>)> {
        let flags = [TargetAttribute::CanResetPassword, TargetAttribute::CanViewMySettings];
        let shown = flags.into_iter().map(|target| (target, self.value(target)));
        shown.filter(|(_, value)| value.is_some()).collect()
    }
}

/// `Zone` and `Policy`: something that has a name (sections 3.6 and 5).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Entity {
    pub id: String,
    pub name: Option<String>,
}

/// `UserPolicy` (section 3.6).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserPolicy {
    pub active: Option<bool>,
    pub policy: Option<Entity>,
}

/// The feed of `UserPolicy` that a change of them answers with.
#[derive(Debug, Deserialize)]
pub(super) struct UserPolicies {
    pub value: Vec<UserPolicy>,
}

impl UserPolicies {
    /// Returns the policies, as rows spell them.
    pub fn into_value(self) -> (TargetAttribute, Option<String>) {
        (TargetAttribute::Policies, Some(policies(&self.value)))
    }
}

/// Returns the names of the policies that count.
fn policies(of_account: &[UserPolicy]) -> String {
    let active = of_account.iter().filter(|one| one.active != Some(false));
    set_of(active.filter_map(|one| one.policy.as_ref()?.name.as_deref()))
}

/// `Contact`, a row of the lists of employees and clients (section 3.1). Its id is the id of the
/// account (section 2.2).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Contact {
    pub id: String,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
    pub is_disabled: Option<bool>,
}

impl Contact {
    /// Returns the account; the list it came from decides the type. A row without an address, which
    /// every account has, says nothing but that the account is there.
    pub fn into_account(self, kind: AccountKind) -> TargetUser {
        let empty = self.email.as_deref().is_none_or(str::is_empty);
        TargetUser {
            values: values([&self.email, &self.first_name, &self.last_name, &self.company], &[]),
            id: TargetId::new(self.id),
            kind,
            disabled: self.is_disabled.unwrap_or(false),
            deleted: false,
            roles: Vec::new(),
            other_addresses: Vec::new(),
            billing_contact: false,
            detail: if empty { Detail::Reduced } else { Detail::Listed },
        }
    }
}

/// The members of `Contact` that tell of first sign-ins (section 3.1). A shape of its own, so that
/// the usual reading of the lists does not carry dates along.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContactActivation {
    pub id: String,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub is_disabled: Option<bool>,
    pub is_confirmed: Option<bool>,
    pub last_any_login: Option<String>,
    pub created_date: Option<String>,
}

impl ContactActivation {
    /// Returns what is known; the list it came from decides the type.
    pub fn into_activation(self, kind: AccountKind) -> Activation {
        let names = [self.first_name, self.last_name].into_iter().flatten();
        Activation {
            target_id: TargetId::new(self.id),
            address: self.email.unwrap_or_default(),
            name: names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" "),
            kind,
            disabled: self.is_disabled.unwrap_or(false),
            confirmed: self.is_confirmed,
            last_sign_in: self.last_any_login.as_deref().and_then(date),
            created_at: self.created_date.as_deref().and_then(date),
        }
    }
}

/// Reads a date with any number of fraction digits; 1900 and before means never (section 2).
fn date(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.trim().parse().ok()?;
    let year = time.to_zoned(jiff::tz::TimeZone::UTC).year();
    (year > 1900).then(|| Timestamp(time.as_millisecond()))
}

/// `Group` (section 4).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Group {
    pub id: String,
    pub name: Option<String>,
    pub is_shared: Option<bool>,
    #[serde(default, deserialize_with = "number")]
    pub number_of_contacts: Option<i64>,
    /// A navigation property: absent unless expanded.
    pub owner: Option<Reference>,
}

impl Group {
    /// Returns the group. `shared` is what is known of it from elsewhere, should the answer not
    /// say.
    pub fn into_group(self, shared: bool) -> TargetGroup {
        TargetGroup {
            id: TargetId::new(self.id),
            name: self.name.unwrap_or_default(),
            shared: self.is_shared.unwrap_or(shared),
            owner: self.owner.map(|owner| TargetId::new(owner.id)),
            members: self.number_of_contacts.and_then(|number| u32::try_from(number).ok()),
        }
    }
}

/// An object of which the id alone counts: an owner, or a member of a group. A member is a
/// `Contact`, whose id is the id of the account (section 2.2).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Reference {
    pub id: String,
}

/// The feed of `Contact` that changes of members answer with (section 4).
#[derive(Debug, Deserialize)]
pub(super) struct MemberFeed {
    pub value: Vec<Reference>,
    #[serde(rename = "odata.count", default, deserialize_with = "number")]
    pub count: Option<i64>,
    #[serde(rename = "odata.nextLink", alias = "odata.nextlink")]
    pub next_link: Option<String>,
}

/// `Account` with `UserUsage` and `Preferences` expanded (section 5).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Account {
    pub id: String,
    pub subdomain: Option<String>,
    pub plan_name: Option<String>,
    pub master_admin_id: Option<String>,
    pub billing_contact_id: Option<String>,
    pub user_usage: Option<UserUsage>,
    pub preferences: Option<Preferences>,
}

/// `UserUsage`: the licence counters (section 5).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserUsage {
    #[serde(default, deserialize_with = "number")]
    pub employee_max: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    pub employee_count: Option<i64>,
}

/// `AccountPreferences` (section 5, "Preferences worth reading").
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Preferences {
    pub use_strict_employee_definition: Option<bool>,
    pub employee_email_domains: Option<String>,
    pub enable_two_factor_auth: Option<bool>,
    #[serde(rename = "ForceSSO")]
    pub force_sso: Option<bool>,
    pub super_group_id: Option<String>,
    pub enable_policy_based_administration: Option<bool>,
}

/// The error body (section 6.1). Every member may be absent or of another type.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default)]
    message: serde_json::Value,
    #[serde(default)]
    reason: serde_json::Value,
}

impl ErrorBody {
    /// Returns the `reason`, the only part besides the status that decisions rest on.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_str().filter(|reason| !reason.is_empty())
    }

    /// Returns the `code` if it is a name; a number repeats the status.
    pub fn code(&self) -> Option<&str> {
        self.code.as_str().filter(|code| !code.is_empty())
    }

    /// Returns the text for people, whose language and wording may change.
    pub fn text(&self) -> Option<&str> {
        let value = self.message.get("value").unwrap_or(&self.message);
        value.as_str().map(str::trim).filter(|text| !text.is_empty())
    }
}

/// The body of `POST /Users/Employees/Downgrade` (section 3.5).
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DowngradeBody<'a> {
    pub user_ids: Vec<&'a str>,
    pub reassign_items_to_id: &'a str,
    pub reassign_groups_to_id: &'a str,
}

/// The body of `POST /Users(id)/WelcomeNotification` (section 3.5).
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WelcomeBody {
    pub notify_sender: bool,
}

/// The body of `POST /Groups` and `PATCH /Groups(id)` (section 4). Absent members are left alone.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupBody<'a> {
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_shared: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<ContactBody<'a>>,
}

/// Who is to be added or removed (section 4): by id alone, because an address that is unknown may
/// become a client.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContactBody<'a> {
    pub id: &'a str,
}

/// Reads a whole number that may be written as a number, as text, or not at all.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(match &value {
        serde_json::Value::String(text) => text.trim().parse().ok(),
        // Seen nowhere, but harmless: a counter with a decimal point.
        other => other.as_i64().or_else(|| other.as_f64().map(|float| float as i64)),
    })
}

/// Reads a flag that may be written as a boolean or as text; anything else is "no".
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(match &value {
        serde_json::Value::String(text) => text.eq_ignore_ascii_case("true"),
        other => other.as_bool().unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The captured answer to a create (ShareFile API reference, section 3.2).
    fn captured() -> serde_json::Value {
        json!({ "Email":"billy@x.example", "Username":"billy@x.example", "TotalSharedFiles":0,
            "Id":"1f2e", "Contacted":0, "FirstName":"Billy", "ReferredBy":"…",
            "IsConfirmed":false, "LastName":"Bobby", "Company":"", "FullNameShort":"B. Bobby",
            "DateCreated":"2017-02-13T22:19:07.92Z", "Domain":"acme", "FullName":"Billy Bobby",
            "Roles":["Client","CanChangePassword","ARoleOfTomorrow"],
            "Emails":["Billy@X.example","bb@x.example"],
            "odata.metadata":"…", "odata.type":"ShareFile.Api.Models.User", "url":"…/Users(…)" })
    }

    fn user(value: serde_json::Value) -> User {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn reads_a_captured_user() {
        let account = user(captured()).into_account(Some(false), &[]);
        assert_eq!(account.detail, Detail::Full);
        assert_eq!(account.kind, AccountKind::Client);
        assert_eq!(account.address(), "billy@x.example");
        assert_eq!(account.value(TargetAttribute::Company), None);
        assert_eq!(account.other_addresses, ["bb@x.example"]);
        assert!(account.roles.contains(&"ARoleOfTomorrow".to_owned()));
        assert!(user(captured()).has_address("BB@x.example"));
        assert!(!user(captured()).has_address("b@x.example"));
    }

    #[test]
    fn what_is_left_open_makes_a_record_reduced() {
        assert_eq!(user(captured()).into_account(None, &[]).detail, Detail::Reduced);
        for member in ["Email", "Roles"] {
            let mut value = captured();
            value[member] = serde_json::Value::Null;
            let account = user(value).into_account(Some(true), &[]);
            assert_eq!(account.detail, Detail::Reduced, "{member}");
            assert!(account.roles.is_empty() && account.other_addresses.is_empty());
        }
        let mut value = captured();
        value["Security"] = json!({ "IsDisabled": true, "IsLocked": false });
        assert!(user(value).into_account(None, &[]).disabled);
    }

    #[test]
    fn type_decides_the_kind_then_roles() {
        for (odata_type, roles, expected) in [
            ("ShareFile.Api.Models.AccountUser", json!(["Client"]), AccountKind::Employee),
            ("ShareFile.Api.Models.User", json!(["Employee"]), AccountKind::Client),
            ("ShareFile.Api.Models.Somebody", json!(["X", "Employee"]), AccountKind::Employee),
        ] {
            let value =
                json!({ "Id": "1", "Email": "a@b", "Roles": roles, "odata.type": odata_type });
            let account = user(value).into_account(Some(false), &[]);
            assert_eq!((account.kind, account.detail), (expected, Detail::Full), "{odata_type}");
        }
        let nobody_knows = user(json!({ "Id": "1", "Email": "a@b", "Roles": [] }));
        assert_eq!(nobody_knows.into_account(Some(false), &[]).detail, Detail::Reduced);
    }

    #[test]
    fn who_never_got_in_is_told_by_the_list() {
        let read = |change: serde_json::Value| {
            // The captured row (section 3.1).
            let mut row = json!({ "FirstName":"bob", "LastName":"Smith", "Company":"Acme",
                "IsConfirmed":true, "IsDisabled":false, "LastAnyLogin":"2021-02-09T13:18:39.487Z",
                "CreatedDate":"2016-09-12T19:06:31.667Z", "Name":"Smith, Bob",
                "Email":"Bob.Smith@acme.example", "Id":"1f2e" });
            let members = change.as_object().unwrap().clone();
            row.as_object_mut().unwrap().extend(members);
            let row: ContactActivation = serde_json::from_value(row).unwrap();
            row.into_activation(AccountKind::Employee)
        };
        let bob = read(json!({}));
        assert_eq!(bob.created_at.unwrap().to_string(), "2016-09-12T19:06:31Z");
        assert_eq!((bob.name.as_str(), bob.is_awaited()), ("bob Smith", false));
        let never = json!({ "IsConfirmed": false, "LastAnyLogin": "1900-01-01T00:00:00Z" });
        assert!(read(never.clone()).is_awaited());
        for known in [
            // Through single sign-on, without ever confirming.
            json!({ "IsConfirmed": false }),
            json!({ "IsConfirmed": null, "LastAnyLogin": null }),
            json!({ "IsConfirmed": false, "LastAnyLogin": null, "IsDisabled": true }),
        ] {
            assert!(!read(known.clone()).is_awaited(), "{known}");
        }
        assert_eq!(read(json!({ "CreatedDate": "soon" })).created_at, None);
    }

    #[test]
    fn error_bodies_are_read_leniently() {
        for (body, reason, code, text) in [
            (
                json!({ "code": "NotFound", "message": { "lang": "en-US", "value": " gone " },
                        "reason": "NotFound", "errorLog": [] }),
                Some("NotFound"),
                Some("NotFound"),
                Some("gone"),
            ),
            (json!({ "code": 404, "message": "gone" }), None, None, Some("gone")),
            (json!({ "reason": 7, "message": null }), None, None, None),
            (json!({}), None, None, None),
        ] {
            let read: ErrorBody = serde_json::from_value(body).unwrap();
            assert_eq!((read.reason(), read.code(), read.text()), (reason, code, text));
        }
    }

    #[test]
    fn tokens_are_read_leniently() {
        let token: TokenAnswer = serde_json::from_value(json!({
            "access_token": "a", "expires_in": "28800", "admin_users": "True" }))
        .unwrap();
        assert_eq!((token.expires_in, token.admin_users), (Some(28_800), true));
        let token: TokenAnswer = serde_json::from_value(json!({ "access_token": "a" })).unwrap();
        assert_eq!((token.expires_in, token.admin_users), (None, false));
    }
}
