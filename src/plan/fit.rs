//! Whether a value fits the attribute of an account that it is for.
//!
//! | Attribute | Takes |
//! |---|---|
//! | `Email` | an address: one `@` with something on both sides, no white space |
//! | `FirstName`, `LastName` | any text; ShareFile documents no length |
//! | `Company` | at most 50 characters |
//!
//! No attribute takes control characters. What does not fit is never sent.

use std::borrow::Cow;

use crate::model::account::TargetAttribute;

/// The longest company, in characters.
pub const COMPANY_MOST: usize = 50;

/// Returns a value as the attribute spells it.
///
/// # Errors
/// Why the value does not fit, in words that follow the name of the attribute.
pub fn fit(target: TargetAttribute, value: Cow<'_, str>) -> Result<Cow<'_, str>, String> {
    if let Some(control) = value.chars().find(|one| one.is_control()) {
        return Err(format!("has the control character U+{:04X}", u32::from(control)));
    }
    match target {
        TargetAttribute::Email => address(value),
        TargetAttribute::FirstName | TargetAttribute::LastName => Ok(value),
        TargetAttribute::Company => at_most(value, COMPANY_MOST),
    }
}

/// Returns why a value cannot be sent as an attribute; `None` if it can.
pub fn fault(target: TargetAttribute, value: &str) -> Option<String> {
    fit(target, Cow::Borrowed(value)).err()
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
}
