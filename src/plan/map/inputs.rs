//! What expressions for people may read besides the attributes of the source.

/// The names; sorted.
pub const INPUTS: &[&str] =
    &["IsSoftDeleted", "appRoleAssignments", "appRoleName", "appRoleValue", "assignedThrough"];

/// The input that is made of names of groups.
pub const ASSIGNED_THROUGH: &str = "assignedThrough";

/// Returns the place of an input, which is none of a row.
pub fn input_place(name: &str) -> Option<usize> {
    INPUTS.binary_search(&name).ok().map(|index| usize::MAX - index)
}

/// Returns the input that is at a place.
pub fn input_at(place: usize) -> Option<&'static str> {
    INPUTS.get(usize::MAX - place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_input_has_a_place_of_its_own() {
        assert!(INPUTS.is_sorted());
        for name in INPUTS {
            assert_eq!(input_place(name).and_then(input_at), Some(*name));
        }
        assert_eq!((input_place("mail"), input_at(0), input_at(1_000)), (None, None, None));
    }
}
