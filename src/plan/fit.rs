//! Whether a value fits the attribute of an account that it is for, and which attributes an account
//! takes at all.
//!
//! | Attribute | Takes |
//! |---|---|
//! | `Email` | an address: one `@` with something on both sides, no white space |
//! | `FirstName`, `LastName` | any text; ShareFile documents no length |
//! | `Company` | at most 50 characters |
//! | `StorageQuotaLimitGB`, `Bandwidth` | a whole number from -1, which is the default, or no limit |
//! | `CanResetPassword`, `CanViewMySettings` | `True` or `False`, in any letter case |
//! | `DefaultZone` | the name of a zone of the tenant |
//! | `Roles` | names of roles; none that administers the tenant. What says no more than whether somebody is an employee or a client is left out |
//! | `Policies` | names of policies of the tenant, one of each of the three categories at most |
//!
//! No attribute takes control characters. What does not fit is never sent.

use std::borrow::Cow;

use crate::model::account::{AccountKind, TargetAttribute};
use crate::model::attribute::{ROLES, is_marker, names, role, set_of};

use super::map::nearest;

/// The longest company, in characters.
pub const COMPANY_MOST: usize = 50;

/// So many categories of policies there are.
const CATEGORIES: usize = 3;

/// Returns a value as the attribute spells it. The names of a set are one a line, or separated by
/// commas.
///
/// # Errors
/// Why the value does not fit, in words that follow the name of the attribute.
pub fn fit(target: TargetAttribute, value: Cow<'_, str>) -> Result<Cow<'_, str>, String> {
    if target.is_set() {
        let between = if value.contains('\n') { '\n' } else { ',' };
        let given = value.split(between).map(str::trim).filter(|name| !name.is_empty());
        let given: Vec<&str> = given.collect();
        given.iter().try_for_each(|name| plain(name))?;
        return match target {
            TargetAttribute::Roles => roles(&given),
            _ => policies(&given),
        }
        .map(Cow::Owned);
    }
    plain(&value)?;
    match target {
        TargetAttribute::Email => address(value),
        TargetAttribute::Company => at_most(value, COMPANY_MOST),
        TargetAttribute::StorageQuotaLimitGB => number(value, "the tenant's default"),
        TargetAttribute::Bandwidth => number(value, "no limit"),
        TargetAttribute::CanResetPassword | TargetAttribute::CanViewMySettings => {
            match flag(&value) {
                Some(flag) => Ok(Cow::Borrowed(word(flag))),
                None => Err(format!("is `{value}`, which is neither True nor False")),
            }
        }
        _ => Ok(value),
    }
}

/// Returns why a value cannot be sent as an attribute; `None` if it can.
pub fn fault(target: TargetAttribute, value: &str) -> Option<String> {
    fit(target, Cow::Borrowed(value)).err()
}

/// Reads `True` or `False`.
pub fn flag(value: &str) -> Option<bool> {
    match value.trim() {
        word if word.eq_ignore_ascii_case("true") => Some(true),
        word if word.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Spells a truth value.
fn word(flag: bool) -> &'static str {
    if flag { "True" } else { "False" }
}

fn plain(value: &str) -> Result<(), String> {
    match value.chars().find(|one| one.is_control()) {
        Some(control) => Err(format!("has the control character U+{:04X}", u32::from(control))),
        None => Ok(()),
    }
}

fn at_most(value: Cow<'_, str>, most: usize) -> Result<Cow<'_, str>, String> {
    let length = value.chars().count();
    if length > most {
        return Err(format!("has {length} characters where ShareFile takes {most}"));
    }
    Ok(value)
}

fn address(value: Cow<'_, str>) -> Result<Cow<'_, str>, String> {
    let parts = value.split_once('@');
    let formed = parts.is_some_and(|(name, domain)| {
        !name.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    if !formed || value.contains(char::is_whitespace) {
        return Err(format!("is `{value}`, which is no address"));
    }
    Ok(value)
}

fn number<'v>(value: Cow<'v, str>, least: &str) -> Result<Cow<'v, str>, String> {
    match value.trim().parse::<i32>() {
        Ok(number) if number >= -1 => Ok(Cow::Owned(number.to_string())),
        _ => {
            Err(format!("is `{value}`, which is no whole number from -1 ({least}) to {}", i32::MAX))
        }
    }
}

fn roles(given: &[&str]) -> Result<String, String> {
    let mut found = Vec::new();
    for name in given.iter().filter(|name| !is_marker(name)) {
        match role(name) {
            Some(role) => found.push(role),
            None if name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("admin")) => {
                return Err(format!(
                    "has {name}, which administers the tenant: give that by hand, since accounts \
                     with such a role are protected"
                ));
            }
            None => {
                let near = nearest(name, ROLES.iter().copied());
                let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                return Err(format!("has {name}, which is no role{near}"));
            }
        }
    }
    if found.is_empty() && !given.is_empty() {
        let given = given.join(", ");
        return Err(format!("has no more than {given}, which ShareFile gives by itself"));
    }
    Ok(set_of(found))
}

fn policies(given: &[&str]) -> Result<String, String> {
    let set = set_of(given);
    match names(&set).count() {
        count if count > CATEGORIES => Err(format!(
            "has {count} policies where there can be {CATEGORIES}, one of each category"
        )),
        _ => Ok(set),
    }
}

/// What an account takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takes {
    /// Employee or client.
    pub kind: AccountKind,
    /// Whether policies govern what people may do, how much they store, and where; `None` if the
    /// tenant was not read yet.
    pub by_policies: Option<bool>,
}

impl Takes {
    /// Returns whether the account takes an attribute. Before the tenant was read all are taken:
    /// nothing is written without it.
    pub fn takes(&self, target: TargetAttribute) -> bool {
        let of_kind = self.kind == AccountKind::Employee || !target.is_of_employees();
        of_kind && self.by_policies.is_none_or(|by_policies| governed(target) != Some(!by_policies))
    }
}

/// Returns for which tenants an attribute is: those that policies govern, the others, or `None` for
/// all (ShareFile API reference, 3.6).
pub fn governed(target: TargetAttribute) -> Option<bool> {
    match target {
        TargetAttribute::Policies => Some(true),
        TargetAttribute::Roles
        | TargetAttribute::StorageQuotaLimitGB
        | TargetAttribute::DefaultZone => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_counted_in_characters_and_named() {
        let company = TargetAttribute::Company;
        assert_eq!(fault(company, &"ä".repeat(50)), None);
        let why = fault(company, &"ä".repeat(51)).unwrap();
        assert_eq!(why, "has 51 characters where ShareFile takes 50");
        assert_eq!(fault(TargetAttribute::LastName, &"x".repeat(5_000)), None);
    }

    #[test]
    fn no_attribute_takes_control_characters() {
        for target in TargetAttribute::ALL {
            let why = fault(target, "a@x.test\u{7}").unwrap();
            assert!(why.contains("U+0007"), "{target:?}: {why}");
        }
    }

    #[test]
    fn an_address_is_one() {
        for right in ["a@b", "O'Neil+x@x.test", "jörg@bücher.example"] {
            assert_eq!(fault(TargetAttribute::Email, right), None, "{right}");
        }
        for wrong in ["ada", "@x.test", "ada@", "a@b@c", "a b@x.test"] {
            let why = fault(TargetAttribute::Email, wrong).unwrap();
            assert!(why.contains(wrong), "{why}");
        }
    }

    fn fitted(target: TargetAttribute, value: &str) -> Result<String, String> {
        fit(target, Cow::Borrowed(value)).map(Cow::into_owned)
    }

    #[test]
    fn numbers_and_flags_have_one_spelling() {
        use TargetAttribute::{Bandwidth, CanResetPassword, StorageQuotaLimitGB};
        assert_eq!(fitted(StorageQuotaLimitGB, "050").as_deref(), Ok("50"));
        assert_eq!(fitted(Bandwidth, "-1").as_deref(), Ok("-1"));
        assert_eq!(fitted(CanResetPassword, "tRuE").as_deref(), Ok("True"));
        for wrong in ["-2", "2.5", "many", "2147483648"] {
            let why = fault(StorageQuotaLimitGB, wrong).unwrap();
            assert!(why.contains(wrong) && why.contains("-1"), "{why}");
        }
        assert!(fault(CanResetPassword, "1").unwrap().contains("neither True nor False"));
    }

    #[test]
    fn roles_are_those_that_can_be_given() {
        let roles = TargetAttribute::Roles;
        let given = "canusefilebox, Employee ,CanChangePassword,, CanUseFileBox";
        assert_eq!(fitted(roles, given).as_deref(), Ok("CanChangePassword\nCanUseFileBox"));
        // To take all roles away is not what somebody means who names the type.
        assert!(fitted(roles, "Client").is_err());
        let why = fault(roles, "CanUseFilebox\nCanUseFileBoks").unwrap();
        assert_eq!(why, "has CanUseFileBoks, which is no role; did you mean CanUseFileBox?");
        assert!(fault(roles, "AdminSSO").unwrap().contains("by hand"));
    }

    #[test]
    fn policies_are_three_at_most() {
        let policies = TargetAttribute::Policies;
        assert_eq!(fitted(policies, "Big, Fast\nEurope").as_deref(), Ok("Big, Fast\nEurope"));
        assert_eq!(fitted(policies, "b,a,A,c").as_deref(), Ok("a\nb\nc"));
        assert!(fault(policies, "a,b,c,d").unwrap().contains("4 policies"));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        use TargetAttribute::*;
        let told = [
            (Email, "ada"),
            (FirstName, "Ada\u{7}"),
            (Company, "a company whose name is longer than what ShareFile takes"),
            (StorageQuotaLimitGB, "many"),
            (Bandwidth, "-2"),
            (CanResetPassword, "yes"),
            (Roles, "AdminSSO"),
            (Roles, "CanUseFileBoks"),
            (Roles, "Employee, Client"),
            (Policies, "a, b, c, d"),
        ]
        .map(|(target, value)| format!("{} {}", target.name(), fault(target, value).unwrap()));
        insta::assert_snapshot!(told.join("\n"), @r###"
    Email is `ada`, which is no address
    FirstName has the control character U+0007
    Company has 56 characters where ShareFile takes 50
    StorageQuotaLimitGB is `many`, which is no whole number from -1 (the tenant's default) to 2147483647
    Bandwidth is `-2`, which is no whole number from -1 (no limit) to 2147483647
    CanResetPassword is `yes`, which is neither True nor False
    Roles has AdminSSO, which administers the tenant: give that by hand, since accounts with such a role are protected
    Roles has CanUseFileBoks, which is no role; did you mean CanUseFileBox?
    Roles has no more than Employee, Client, which ShareFile gives by itself
    Policies has 4 policies where there can be 3, one of each category
    "###);
    }

    #[test]
    fn clients_and_tenants_take_what_is_for_them() {
        use AccountKind::{Client, Employee};
        let taken = |kind, by_policies| -> Vec<&str> {
            let takes = Takes { kind, by_policies };
            let further = TargetAttribute::ALL.into_iter().filter(|target| !target.is_listed());
            further.filter(|target| takes.takes(*target)).map(TargetAttribute::name).collect()
        };
        let flags = ["CanResetPassword", "CanViewMySettings"];
        let client = [&["DefaultZone"][..], &flags].concat();
        assert_eq!(taken(Client, Some(false)), client);
        assert_eq!(taken(Client, Some(true)), flags);
        let employee = [&["StorageQuotaLimitGB", "Bandwidth"][..], &client, &["Roles"]].concat();
        assert_eq!(taken(Employee, Some(false)), employee);
        assert_eq!(
            taken(Employee, Some(true)),
            [&["Bandwidth"][..], &flags, &["Policies"]].concat()
        );
        assert_eq!(taken(Employee, None).len(), 7);
    }
}
