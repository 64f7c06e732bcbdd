//! The addresses of the API: which resource a path means, and the label it is counted under.

use http::Method;

/// Where signing in happens.
pub(super) const TOKEN_PATH: &str = "/oauth/token";

const API_PREFIX: &str = "/sf/v3/";

/// How much of an unknown path a label keeps, in characters.
const UNKNOWN_PATH_KEPT: usize = 80;

/// A resource of the API, with its id where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Users,
    User(&'a str),
    UserSecurity(&'a str),
    UserPreferences(&'a str),
    AccountUsers,
    AccountUser(&'a str),
    Account(Option<&'a str>),
    Employees,
    Clients,
    AccountPreferences,
    Group(&'a str),
    GroupContacts(&'a str),
    Sessions,
}

impl<'a> Route<'a> {
    /// Returns the resource of a path, or `None` if there is no such resource. Names compare
    /// without regard to case.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let (prefix, rest) = path.split_at_checked(API_PREFIX.len())?;
        if !prefix.eq_ignore_ascii_case(API_PREFIX) {
            return None;
        }
        let mut segments = rest.trim_end_matches('/').split('/');
        let (name, id) = segment(segments.next()?)?;
        let tail = segments.next().map(segment);
        if segments.next().is_some() {
            return None;
        }
        let tail = match tail {
            Some(None) => return None,
            Some(Some((name, id))) => Some((name.to_ascii_lowercase(), id)),
            None => None,
        };
        let tail = tail.as_ref().map(|(name, id)| (name.as_str(), *id));
        match (name.to_ascii_lowercase().as_str(), id, tail) {
            ("users", None, None) => Some(Self::Users),
            ("users", Some(id), None) => Some(Self::User(id)),
            ("users", Some(id), Some(("security", None))) => Some(Self::UserSecurity(id)),
            ("users", Some(id), Some(("preferences", None))) => Some(Self::UserPreferences(id)),
            ("users", None, Some(("accountuser", None))) => Some(Self::AccountUsers),
            ("users", None, Some(("accountuser", Some(id)))) => Some(Self::AccountUser(id)),
            ("accounts", id, None) => Some(Self::Account(id)),
            ("accounts", None, Some(("employees", None))) => Some(Self::Employees),
            ("accounts", None, Some(("clients", None))) => Some(Self::Clients),
            ("accounts", None, Some(("preferences", None))) => Some(Self::AccountPreferences),
            ("groups", Some(id), None) => Some(Self::Group(id)),
            ("groups", Some(id), Some(("contacts", None))) => Some(Self::GroupContacts(id)),
            ("sessions", None, None) => Some(Self::Sessions),
            _ => None,
        }
    }

    /// Returns the path with ids replaced.
    fn pattern(self) -> &'static str {
        match self {
            Self::Users => "/sf/v3/Users",
            Self::User(_) => "/sf/v3/Users(id)",
            Self::UserSecurity(_) => "/sf/v3/Users(id)/Security",
            Self::UserPreferences(_) => "/sf/v3/Users(id)/Preferences",
            Self::AccountUsers => "/sf/v3/Users/AccountUser",
            Self::AccountUser(_) => "/sf/v3/Users/AccountUser(id)",
            Self::Account(None) => "/sf/v3/Accounts",
            Self::Account(Some(_)) => "/sf/v3/Accounts(id)",
            Self::Employees => "/sf/v3/Accounts/Employees",
            Self::Clients => "/sf/v3/Accounts/Clients",
            Self::AccountPreferences => "/sf/v3/Accounts/Preferences",
            Self::Group(_) => "/sf/v3/Groups(id)",
            Self::GroupContacts(_) => "/sf/v3/Groups(id)/Contacts",
            Self::Sessions => "/sf/v3/Sessions",
        }
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

/// Returns whether a path is that of the token endpoint.
pub(super) fn is_token(path: &str) -> bool {
    path.trim_end_matches('/').eq_ignore_ascii_case(TOKEN_PATH)
}

/// Returns whether a path lies in the API, whether or not it exists there.
pub(super) fn is_api(path: &str) -> bool {
    path.get(..API_PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(API_PREFIX))
}

/// Returns the label under which a request is counted, such as `GET /sf/v3/Users(id)`.
pub(super) fn label(method: &Method, path: &str) -> String {
    if is_token(path) {
        return format!("{method} {TOKEN_PATH}");
    }
    match Route::parse(path) {
        Some(route) => format!("{method} {}", route.pattern()),
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

    #[test]
    fn paths_name_resources_without_regard_to_case() {
        assert_eq!(Route::parse("/sf/v3/Users"), Some(Route::Users));
        assert_eq!(Route::parse("/sf/v3/users(A-1)"), Some(Route::User("A-1")));
        assert_eq!(Route::parse("/sf/v3/Users(a)/Security"), Some(Route::UserSecurity("a")));
        assert_eq!(Route::parse("/SF/v3/Users/AccountUser(a)"), Some(Route::AccountUser("a")));
        assert_eq!(Route::parse("/sf/v3/Accounts(x)"), Some(Route::Account(Some("x"))));
        assert_eq!(Route::parse("/sf/v3/Groups(g)/Contacts/"), Some(Route::GroupContacts("g")));
    }

    #[test]
    fn what_does_not_exist_is_none() {
        let unknown = [
            "/",
            "/sf/v3/",
            "/sf/v3/Groups",
            "/sf/v3/Users()",
            "/sf/v3/Users(a",
            "/sf/v3/Users(a)/Groups",
            "/sf/v3/Groups(g)/Contacts(u)",
            "/sf/v3/Accounts/Employees(x)",
            "/sf/v3/Users(a)/Security/More",
            "/sf/v4/Users",
            "/sf/vé/Users",
        ];
        for path in unknown {
            assert_eq!(Route::parse(path), None, "{path}");
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
