//! Parts: one group of the target takes a limited number of members.

use crate::plan::rules::Overflow;

/// So many members one group of the target takes (ShareFile API reference, section 4).
pub const CAPACITY: usize = 2_000;

/// Parts are merged when their members would fill the others no further than this: otherwise a few
/// who come and go would make and merge a part again and again.
const MERGED: usize = 1_800;

/// Which part takes how many of those who join.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seating {
    /// Part and number, in the order of those who join; parts that do not exist yet are new ones.
    pub parts: Vec<(u16, usize)>,
    /// How many find no place.
    pub waiting: usize,
}

/// Distributes `joining` people over the parts of a group: `members` of each that exists, in order.
/// Whoever is in a part stays there; the first part with room takes the next. There is always a part
/// 1, also if somebody deleted it, and new parts have the first numbers that are free.
pub fn seat(joining: usize, members: &[(u16, usize)], overflow: Overflow) -> Seating {
    let mut seating = Seating::default();
    let mut left = joining;
    let mut take = |part: u16, taken: usize, left: &mut usize| {
        let seats = CAPACITY.saturating_sub(taken).min(*left);
        if seats > 0 {
            seating.parts.push((part, seats));
            *left -= seats;
        }
    };
    if members.first().is_none_or(|(part, _)| *part > 1) {
        take(1, 0, &mut left);
    }
    for (part, taken) in members {
        take(*part, *taken, &mut left);
    }
    let exists = |part: u16| members.iter().any(|(known, _)| *known == part);
    for part in (2..=u16::MAX).filter(|part| !exists(*part)) {
        if overflow != Overflow::Split || left == 0 {
            break;
        }
        take(part, 0, &mut left);
    }
    seating.waiting = left;
    seating
}

/// Returns whether the last of these parts is to be merged into those before it.
pub fn mergeable(members: &[(u16, usize)]) -> bool {
    let Some((_, before)) = members.split_last() else {
        return false;
    };
    let all: usize = members.iter().map(|(_, taken)| taken).sum();
    !before.is_empty() && all <= before.len() * MERGED
}

/// Returns the name of a part: the first one has the name of the group.
pub fn part_name(name: &str, part: u16) -> String {
    if part == 1 { name.to_owned() } else { format!("{name} ({part})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_beyond_the_capacity_wait_or_come_into_further_parts() {
        let held = |joining, members: &[(u16, usize)]| seat(joining, members, Overflow::Hold);
        assert_eq!(held(3, &[]), Seating { parts: vec![(1, 3)], waiting: 0 });
        assert_eq!(held(3, &[(1, 1_999)]), Seating { parts: vec![(1, 1)], waiting: 2 });
        assert_eq!(held(2, &[(1, 2_001)]), Seating { parts: vec![], waiting: 2 });
        let split = |joining, members: &[(u16, usize)]| seat(joining, members, Overflow::Split);
        assert_eq!(split(4_500, &[]).parts, [(1, 2_000), (2, 2_000), (3, 500)]);
        assert_eq!(split(3, &[(1, 1_999), (2, 10)]).parts, [(1, 1), (2, 2)]);
        assert_eq!(split(3, &[(1, 2_000), (2, 1_999)]).parts, [(2, 1), (3, 2)]);
        assert_eq!(split(0, &[(1, 5)]), Seating::default());
        // Parts that somebody deleted come back before there are more.
        assert_eq!(split(2_003, &[(2, 1_999), (4, 2_000)]).parts, [(1, 2_000), (2, 1), (3, 2)]);
        assert_eq!(held(3, &[(2, 10)]).parts, [(1, 3)]);
    }

    #[test]
    fn parts_are_merged_when_there_is_ample_room() {
        assert!(!mergeable(&[(1, 10)]) && !mergeable(&[]));
        assert!(!mergeable(&[(1, 1_900), (2, 1)]));
        assert!(mergeable(&[(1, 1_800), (2, 0)]) && mergeable(&[(1, 900), (2, 900)]));
        assert!(mergeable(&[(1, 1_800), (2, 1_000), (3, 800)]));
        assert_eq!(
            (part_name("Sales", 1), part_name("Sales", 3)),
            ("Sales".into(), "Sales (3)".into())
        );
    }
}
