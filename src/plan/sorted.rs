//! A walk along sorted rows beside a walk along sorted people.

use std::cmp::Ordering;

use crate::model::ids::SourceAnchor;

/// Finds rows by anchor in a sorted slice, for anchors that are asked in rising order. A million
/// people are found in one walk, where a search for each would miss the cache at every step.
pub struct Sorted<'a, T> {
    rest: &'a [T],
    key: fn(&T) -> SourceAnchor,
}

impl<'a, T> Sorted<'a, T> {
    /// Begins at the first row; `rows` are sorted by `key`.
    pub fn new(rows: &'a [T], key: fn(&T) -> SourceAnchor) -> Self {
        Self { rest: rows, key }
    }

    /// Returns the first row of an anchor.
    pub fn find(&mut self, anchor: SourceAnchor) -> Option<&'a T> {
        self.run(anchor).first()
    }

    /// Returns all rows of an anchor.
    pub fn run(&mut self, anchor: SourceAnchor) -> &'a [T] {
        let mut length = 0;
        while let Some(row) = self.rest.get(length) {
            match (self.key)(row).cmp(&anchor) {
                Ordering::Less => self.rest = self.rest.get(1..).unwrap_or_default(),
                Ordering::Equal => length += 1,
                Ordering::Greater => break,
            }
        }
        self.rest.get(..length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn rows_are_found_in_one_walk() {
        let anchor = |n| SourceAnchor(Uuid::from_u128(n));
        let rows = [1, 1, 3, 5, 5, 5, 9].map(anchor);
        let mut walk = Sorted::new(&rows, |row| *row);
        let found: Vec<usize> = (0..=9).map(|n| walk.run(anchor(n)).len()).collect();
        assert_eq!(found, [0, 2, 0, 1, 0, 3, 0, 0, 0, 1]);
        let mut walk = Sorted::new(&rows, |row| *row);
        assert_eq!(walk.find(anchor(5)), Some(&anchor(5)));
        assert_eq!(walk.find(anchor(5)), Some(&anchor(5)), "asked again");
        assert_eq!(walk.find(anchor(8)), None);
    }
}
