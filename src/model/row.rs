//! A row of optional texts in one allocation: how attributes are held in memory and in the store.
//!
//! A map per person would not fit a million people. A row is positional: who reads it must know
//! the list of names that it was built from (the selected attributes of the source, or the
//! attributes of the target).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Optional texts in a fixed order, packed into one allocation.
///
/// Each cell is a length (LEB128; 0 means null, otherwise the length plus one) followed by UTF-8.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct AttributeRow(Box<[u8]>);

impl AttributeRow {
    /// Packs `cells` in order. They are gone through twice: once for the size of the allocation.
    pub fn pack<'a, C>(cells: C) -> Self
    where
        C: IntoIterator<Item = Option<&'a str>, IntoIter: Clone>,
    {
        let cells = cells.into_iter();
        let size = |cell: Option<&str>| match cell {
            None => 1,
            Some(text) => text.len() + length_size(text.len() as u64 + 1),
        };
        let mut bytes = Vec::with_capacity(cells.clone().map(size).sum());
        for cell in cells {
            match cell {
                None => bytes.push(0),
                Some(text) => {
                    let mut length = text.len() as u64 + 1;
                    while length >= 0x80 {
                        bytes.push((length as u8 & 0x7f) | 0x80);
                        length >>= 7;
                    }
                    bytes.push(length as u8);
                    bytes.extend_from_slice(text.as_bytes());
                }
            }
        }
        Self(bytes.into_boxed_slice())
    }

    /// Returns the row that `bytes` hold, or `None` if they are not a well-formed row.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut cells = Cells { rest: bytes };
        while !cells.rest.is_empty() {
            cells.take()?;
        }
        Some(Self(bytes.into()))
    }

    /// Returns the packed form, as the store keeps it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the cell at `index`; null and "no such cell" are both `None`.
    pub fn get(&self, index: usize) -> Option<&str> {
        let mut cells = Cells { rest: &self.0 };
        for _ in 0..index {
            cells.take_bytes()?;
        }
        cells.take().flatten()
    }

    /// Iterates over the cells in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let mut cells = Cells { rest: &self.0 };
        std::iter::from_fn(move || cells.take())
    }

    /// Returns a copy with the cell at `index` replaced, padded with nulls as far as needed.
    pub fn with(&self, index: usize, value: Option<&str>) -> Self {
        let mut cells: Vec<Option<&str>> = self.iter().collect();
        if cells.len() <= index {
            cells.resize(index + 1, None);
        }
        if let Some(cell) = cells.get_mut(index) {
            *cell = value;
        }
        Self::pack(cells)
    }
}

/// Returns how many bytes a length takes.
fn length_size(length: u64) -> usize {
    let bits = u64::BITS - length.leading_zeros();
    bits.div_ceil(7).max(1) as usize
}

struct Cells<'a> {
    rest: &'a [u8],
}

impl<'a> Cells<'a> {
    fn take(&mut self) -> Option<Option<&'a str>> {
        match self.take_bytes()? {
            Some(text) => std::str::from_utf8(text).ok().map(Some),
            None => Some(None),
        }
    }

    fn take_bytes(&mut self) -> Option<Option<&'a [u8]>> {
        let mut length: u64 = 0;
        let mut shift = 0;
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            length |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
            if shift > 56 {
                self.rest = &[];
                return None;
            }
        }
        let Some(length) = length.checked_sub(1) else {
            return Some(None);
        };
        let length = usize::try_from(length).ok()?;
        if length > self.rest.len() {
            self.rest = &[];
            return None;
        }
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(Some(text))
    }
}

impl fmt::Debug for AttributeRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for AttributeRow {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for AttributeRow {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cells = Vec::<Option<String>>::deserialize(deserializer)?;
        Ok(Self::pack(cells.iter().map(Option::as_deref)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_and_reads_back() {
        for length in [0, 1, 126, 127, 16_382, 16_383, 2_097_150, 2_097_151] {
            let text = "x".repeat(length);
            let row = AttributeRow::pack([Some(text.as_str())]);
            assert_eq!(row.as_bytes().len(), length + length_size(length as u64 + 1));
            assert_eq!(row.get(0), Some(text.as_str()));
        }
        let long = "ж".repeat(100);
        let row = AttributeRow::pack([Some("Ada"), None, Some(""), Some(&long)]);
        assert_eq!(row.get(0), Some("Ada"));
        assert_eq!(row.get(1), None);
        assert_eq!(row.get(2), Some(""));
        assert_eq!(row.get(3), Some(long.as_str()));
        assert_eq!(row.get(4), None);
        assert_eq!(row.iter().count(), 4);
        assert_eq!(AttributeRow::from_bytes(row.as_bytes()), Some(row));
    }

    #[test]
    fn refuses_bytes_that_are_no_row() {
        for bad in [&[5u8, b'a'][..], &[0xff; 12], &[2, 0xff], &[0x80]] {
            assert_eq!(AttributeRow::from_bytes(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn replaces_one_cell() {
        let row = AttributeRow::pack([Some("a")]).with(2, Some("c"));
        assert_eq!(row, AttributeRow::pack([Some("a"), None, Some("c")]));
    }
}
