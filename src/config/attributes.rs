//! The source attributes that expressions may read.

use crate::source::graph::{
    AttributeSource, KNOWN_ATTRIBUTES, KNOWN_GROUP_ATTRIBUTES, attribute_kind, group_attribute_kind,
};

use super::problem::nearest;

/// Why an attribute cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// There is none of that name; with the nearest one, if one is near.
    Unknown(Option<&'static str>),
    /// It has many values.
    MultiValued,
}

/// Says whether the source can read an attribute.
///
/// # Errors
/// That it has many values is for those who want one.
pub(super) fn known_source_attribute(name: &str) -> Result<(), Unreadable> {
    known(attribute_kind(name), name, KNOWN_ATTRIBUTES)
}

/// Says whether the source can read an attribute of groups; errors are as those of
/// [`known_source_attribute`].
pub(super) fn known_group_attribute(name: &str) -> Result<(), Unreadable> {
    known(group_attribute_kind(name), name, KNOWN_GROUP_ATTRIBUTES)
}

fn known(
    found: Option<AttributeSource>,
    name: &str,
    names: &[&'static str],
) -> Result<(), Unreadable> {
    match found {
        Some(found) if found.is_multi_valued() => Err(Unreadable::MultiValued),
        Some(_) => Ok(()),
        None => Err(Unreadable::Unknown(nearest(name, names.iter().copied()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_exactly() {
        assert_eq!(known_source_attribute("mail"), Ok(()));
        assert_eq!(known_source_attribute("extensionAttribute15"), Ok(()));
        assert_eq!(
            known_source_attribute("extension_0123456789abcdef0123456789abcdef_badge"),
            Ok(())
        );
        let unknown = |name| known_source_attribute(name).expect_err(name);
        assert_eq!(unknown("Mail"), Unreadable::Unknown(Some("mail")));
        assert_eq!(unknown("givenname"), Unreadable::Unknown(Some("givenName")));
        assert_eq!(unknown("shoeSize"), Unreadable::Unknown(None));
        assert_eq!(unknown("extension_1_badge"), Unreadable::Unknown(None));
        assert_eq!(unknown("proxyAddresses"), Unreadable::MultiValued);
        assert_eq!(known_group_attribute("visibility"), Ok(()));
        assert_eq!(known_group_attribute("groupTypes"), Err(Unreadable::MultiValued));
    }
}
