//! The addresses of the API: which resource a path means, what answers it, and the label it is
//! counted under.

use http::Method;

use super::call::{Call, Refusal};
use super::feed::Answer;
use super::tenant::Tenant;
use super::{
    accounts, change, devices, domains, groups, mails, members, policies, removal, reports,
    sessions, users, zones,
};
use Verb::{Delete, Get, Patch, Post, Put};

/// Where signing in happens.
pub(super) const TOKEN_PATH: &str = "/oauth/token";

/// Where people sign in in a browser.
pub(super) const AUTHORIZE_PATH: &str = "/oauth/authorize";

const API_PREFIX: &str = "/sf/v3/";

/// How much of an unknown path a label keeps, in characters.
const UNKNOWN_PATH_KEPT: usize = 80;

/// A method that some resource knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// Answers a call.
pub(super) type Handler = fn(&mut Tenant, &Call<'_>) -> Result<Answer, Refusal>;

/// A path with `(id)` where an id stands, and what answers its methods.
type Resource = (&'static str, &'static [(Verb, Handler)]);

/// Everything that the API has. What is not here is 404, or 405 for another method.
const RESOURCES: &[Resource] = &[
    ("Users", &[(Get, users::look_up), (Post, users::create_client)]),
    ("Users(id)", &[(Get, users::read), (Patch, change::change_user), (Delete, removal::delete)]),
    ("Users(id)/Security", &[(Get, users::security)]),
    ("Users(id)/Preferences", &[(Get, users::preferences), (Patch, change::change_preferences)]),
    ("Users(id)/Roles", &[(Patch, change::add_roles), (Put, change::replace_roles)]),
    ("Users(id)/RemoveRoles", &[(Post, change::remove_roles)]),
    ("Users(id)/ResetPassword", &[(Post, mails::reset_password)]),
    ("Users(id)/ResendWelcome", &[(Post, mails::resend_welcome)]),
    ("Users(id)/WelcomeNotification", &[(Post, mails::welcome_notification)]),
    ("Users(id)/Groups", &[(Get, groups::list_own)]),
    ("Users(id)/Devices", &[(Get, devices::list)]),
    ("Users(id)/Devices(id)", &[(Delete, devices::delete)]),
    (
        "Users(id)/Policies",
        &[(Put, policies::replace), (Post, policies::assign), (Delete, policies::clear)],
    ),
    ("Users(id)/Policies(id)", &[(Patch, policies::change), (Delete, policies::unassign)]),
    ("Users/AccountUser", &[(Post, users::create_employee)]),
    ("Users/AccountUser(id)", &[(Patch, change::change_employee)]),
    ("Users/Clients", &[(Delete, removal::delete_listed)]),
    ("Users/Clients/BulkDelete", &[(Post, removal::bulk_delete)]),
    ("Users/Employees/Downgrade", &[(Post, removal::downgrade)]),
    ("Users/ForgotPassword", &[(Post, mails::forgot_password)]),
    ("Users/MakePrimary", &[(Post, mails::make_primary)]),
    ("Users/DeleteEmailAddress", &[(Post, mails::delete_address)]),
    ("Users/SendConfirmationEmail", &[(Post, mails::send_confirmation)]),
    ("Users/SendEmailVerificationCode", &[(Post, mails::send_code)]),
    ("Users/VerifyEmailAddress", &[(Post, mails::verify_address)]),
    ("Users/Confirm", &[(Post, mails::confirm)]),
    ("Groups", &[(Get, groups::list), (Post, groups::create)]),
    ("Groups(id)", &[(Get, groups::read), (Patch, groups::change), (Delete, groups::delete)]),
    (
        "Groups(id)/Contacts",
        &[(Get, members::list), (Post, members::add), (Delete, members::remove)],
    ),
    ("Accounts", &[(Get, accounts::account)]),
    ("Accounts(id)", &[(Get, accounts::account)]),
    ("Accounts/Employees", &[(Get, accounts::employees)]),
    ("Accounts/Clients", &[(Get, accounts::clients)]),
    ("Accounts/AddressBook", &[(Get, groups::address_book)]),
    (
        "Accounts/Preferences",
        &[(Get, accounts::preferences), (Patch, accounts::change_preferences)],
    ),
    ("Accounts/ProductDefaults", &[(Get, accounts::product_defaults)]),
    ("Accounts/MobileSecuritySettings", &[(Get, accounts::mobile_settings)]),
    ("Accounts/Branding", &[(Get, accounts::branding)]),
    ("Accounts/Tenants", &[(Get, accounts::tenants)]),
    ("Accounts/RequireSubdomain", &[(Get, accounts::require_subdomain)]),
    ("Accounts/SSO", &[(Get, accounts::single_sign_on), (Patch, accounts::change_single_sign_on)]),
    ("Accounts/SSOInfo", &[(Get, accounts::sso_info)]),
    (
        "Accounts/LoginAccessControlDomains",
        &[
            (Get, domains::read_login),
            (Post, domains::replace_login),
            (Patch, domains::merge_login),
            (Delete, domains::take_out_login),
        ],
    ),
    (
        "Accounts/FolderAccessControlDomains",
        &[
            (Get, domains::read_folder),
            (Post, domains::replace_folder),
            (Patch, domains::merge_folder),
            (Delete, domains::take_out_folder),
        ],
    ),
    ("Zones", &[(Get, zones::list)]),
    ("Zones(id)", &[(Get, zones::read)]),
    ("Policies", &[(Get, policies::list)]),
    ("Policies(id)", &[(Get, policies::read)]),
    ("Sessions", &[(Get, sessions::read), (Delete, sessions::end)]),
    ("Sessions/Login", &[(Get, sessions::read)]),
    ("Capabilities", &[(Get, sessions::capabilities)]),
    ("Devices", &[(Get, devices::list_own)]),
    ("Devices(id)", &[(Get, devices::read)]),
    ("Devices(id)/Wipe", &[(Post, devices::wipe)]),
    ("Devices(id)/Lock", &[(Post, devices::lock)]),
    ("Devices(id)/Unlock", &[(Post, devices::unlock)]),
    ("Reports", &[(Get, reports::list), (Post, reports::create)]),
    ("Reports(id)", &[(Get, reports::read), (Delete, reports::delete)]),
    ("Reports(id)/Run", &[(Get, reports::run)]),
    ("Reports(id)/Records", &[(Get, reports::records)]),
    ("Reports/Record(id)", &[(Get, reports::record)]),
    ("Reports/Records(id)/JsonData", &[(Get, reports::json_data)]),
];

/// What is answered to anybody, signed in or not.
const OPEN: &[&str] = &[
    "Capabilities",
    "Accounts/Branding",
    "Accounts/SSOInfo",
    "Accounts/RequireSubdomain",
    "Users/ForgotPassword",
];

/// A resource of the API, with the ids in its path.
pub(super) struct Route<'a> {
    /// The path with ids replaced.
    pub pattern: &'static str,
    /// The ids, from left to right.
    pub ids: Vec<&'a str>,
    handlers: &'static [(Verb, Handler)],
}

impl<'a> Route<'a> {
    /// Returns the resource of a path, or `None` if there is no such resource. Names compare
    /// without regard to case.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let (prefix, rest) = path.split_at_checked(API_PREFIX.len())?;
        if !prefix.eq_ignore_ascii_case(API_PREFIX) {
            return None;
        }
        let segments = rest.trim_end_matches('/').split('/').map(segment);
        let segments: Vec<_> = segments.collect::<Option<_>>()?;
        let (pattern, handlers) =
            RESOURCES.iter().find(|(pattern, _)| matches(pattern, &segments))?;
        let ids = segments.iter().filter_map(|(_, id)| *id).collect();
        Some(Self { pattern, ids, handlers })
    }

    /// Returns what answers a method.
    pub(super) fn handler(&self, method: &Method) -> Option<Handler> {
        let verb = match *method {
            Method::GET => Get,
            Method::POST => Post,
            Method::PUT => Put,
            Method::PATCH => Patch,
            Method::DELETE => Delete,
            _ => return None,
        };
        self.handlers.iter().find(|(known, _)| *known == verb).map(|(_, handler)| *handler)
    }

    /// Returns whether the resource is there for anybody.
    pub(super) fn is_open(&self) -> bool {
        OPEN.contains(&self.pattern)
    }
}

/// Splits `Name(id)` into name and id; `None` if the parentheses do not fit.
fn segment(text: &str) -> Option<(&str, Option<&str>)> {
    match text.split_once('(') {
        None => (!text.contains(')')).then_some((text, None)),
        Some((name, rest)) => {
            let id = rest.strip_suffix(')')?;
            (!id.is_empty() && !id.contains(['(', ')'])).then_some((name, Some(id)))
        }
    }
}

fn matches(pattern: &str, segments: &[(&str, Option<&str>)]) -> bool {
    let mut wanted = pattern.split('/');
    let all = segments.iter().all(|(name, id)| {
        wanted.next().is_some_and(|wanted| match wanted.strip_suffix("(id)") {
            Some(wanted) => id.is_some() && wanted.eq_ignore_ascii_case(name),
            None => id.is_none() && wanted.eq_ignore_ascii_case(name),
        })
    });
    all && wanted.next().is_none()
}

fn is(path: &str, known: &str) -> bool {
    path.trim_end_matches('/').eq_ignore_ascii_case(known)
}

/// Returns whether a path is that of the token endpoint.
pub(super) fn is_token(path: &str) -> bool {
    is(path, TOKEN_PATH)
}

/// Returns whether a path is where people sign in in a browser.
pub(super) fn is_authorize(path: &str) -> bool {
    is(path, AUTHORIZE_PATH)
}

/// Returns whether a path lies in the API, whether or not it exists there.
pub(super) fn is_api(path: &str) -> bool {
    path.get(..API_PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(API_PREFIX))
}

/// Returns the label under which a request is counted, such as `GET /sf/v3/Users(id)`.
pub(super) fn label(method: &Method, path: &str) -> String {
    if let Some(known) = [TOKEN_PATH, AUTHORIZE_PATH].iter().find(|known| is(path, known)) {
        return format!("{method} {known}");
    }
    match Route::parse(path) {
        Some(route) => format!("{method} {API_PREFIX}{}", route.pattern),
        None => {
            let kept: String = without_ids(path).chars().take(UNKNOWN_PATH_KEPT).collect();
            format!("{method} {kept}")
        }
    }
}

fn without_ids(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment.split_once('(') {
        Some((name, _)) => format!("{name}(id)"),
        None => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(path: &str) -> Option<(&'static str, Vec<&str>)> {
        Route::parse(path).map(|route| (route.pattern, route.ids))
    }

    #[test]
    fn paths_name_resources_without_regard_to_case() {
        assert_eq!(parsed("/sf/v3/Users"), Some(("Users", vec![])));
        assert_eq!(parsed("/sf/v3/users(A-1)"), Some(("Users(id)", vec!["A-1"])));
        assert_eq!(parsed("/sf/v3/Users(a)/Security"), Some(("Users(id)/Security", vec!["a"])));
        let employee = Some(("Users/AccountUser(id)", vec!["a"]));
        assert_eq!(parsed("/SF/v3/Users/AccountUser(a)"), employee);
        assert_eq!(parsed("/sf/v3/Accounts(x)"), Some(("Accounts(id)", vec!["x"])));
        let two = Some(("Users(id)/Policies(id)", vec!["a", "b"]));
        assert_eq!(parsed("/sf/v3/users(a)/policies(b)/"), two);
    }

    #[test]
    fn what_does_not_exist_is_none() {
        let unknown = [
            "/",
            "/sf/v3/",
            "/sf/v3/Users()",
            "/sf/v3/Users(a",
            "/sf/v3/Users(a)/HomeFolder",
            "/sf/v3/Groups(g)/Contacts(u)",
            "/sf/v3/Accounts/Employees(x)",
            "/sf/v3/Users(a)/Security/More",
            "/sf/v4/Users",
            "/sf/vé/Users",
        ];
        for path in unknown {
            assert_eq!(parsed(path), None, "{path}");
        }
    }

    #[test]
    fn every_pattern_finds_itself() {
        for (pattern, handlers) in RESOURCES {
            let path = format!("/sf/v3/{}", pattern.replace("(id)", "(x)"));
            assert_eq!(parsed(&path).map(|(found, _)| found), Some(*pattern));
            assert!(!handlers.is_empty());
        }
        for open in OPEN {
            assert!(RESOURCES.iter().any(|(pattern, _)| pattern == open), "{open}");
        }
    }

    #[test]
    fn labels_hold_no_ids() {
        assert_eq!(label(&Method::POST, "/oauth/token"), "POST /oauth/token");
        assert_eq!(label(&Method::PATCH, "/sf/v3/users(77)"), "PATCH /sf/v3/Users(id)");
        let unknown = label(&Method::GET, "/sf/v3/Items(77)/Children(8)");
        assert_eq!(unknown, "GET /sf/v3/Items(id)/Children(id)");
    }
}
