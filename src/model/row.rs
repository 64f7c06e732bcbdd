//! A row of optional texts in one allocation: how attributes are held in memory and in the store.
//!
//! A map per person would not fit a million people. A row is positional: who reads it must know
//! the list of names that it was built from (the selected attributes of the source, or the
//! attributes of the target).
//!
//! A cell may hold many values and says so itself. A list is kept as a mark (U+0001), followed by its
//! texts, each with its length in bytes before it: `␁3:abc5:hello`. A text that begins with the
//! mark is kept as the mark, `=` and the text. All other texts are kept as they are, so that rows
//! from before lists mean what they meant.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a cell begins with that is not kept as it is: a control character that no attribute has.
const MARK: char = '\u{1}';

/// The mark of a text that begins with [`MARK`].
const ESCAPE: &str = "\u{1}=";

/// What a cell holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// One text.
    Text(&'a str),
    /// The values of an attribute that may have many, in their order; at least one.
    Texts(Vec<&'a str>),
}

impl<'a> Cell<'a> {
    /// Returns what a cell holds that is kept as `kept`.
    pub fn of(kept: Option<&'a str>) -> Self {
        match kept {
            None => Self::Null,
            Some(kept) => match kept.strip_prefix(MARK) {
                None => Self::Text(kept),
                Some(rest) => match rest.strip_prefix('=') {
                    Some(text) => Self::Text(text),
                    None => Self::list(rest),
                },
            },
        }
    }

    fn list(mut rest: &'a str) -> Self {
        let mut texts = Vec::new();
        while let Some((length, after)) = rest.split_once(':')
            && let Ok(length) = length.parse()
            && let Some((text, after)) = after.split_at_checked(length)
        {
            texts.push(text);
            rest = after;
        }
        if texts.is_empty() { Self::Null } else { Self::Texts(texts) }
    }

    /// Returns the text where one is wanted: a list of one is that text, and one of several is
    /// none.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text),
            Self::Texts(texts) => match texts.as_slice() {
                [text] => Some(text),
                _ => None,
            },
        }
    }

    /// Returns all texts of the cell.
    pub fn texts(self) -> Vec<&'a str> {
        match self {
            Self::Null => Vec::new(),
            Self::Text(text) => vec![text],
            Self::Texts(texts) => texts,
        }
    }
}

/// Returns how a cell with one text is kept.
pub fn kept_text(text: String) -> String {
    if text.starts_with(MARK) { format!("{ESCAPE}{text}") } else { text }
}

/// Returns how a cell with many values is kept; `None`, which is null, if there are none.
pub fn kept_list<T: AsRef<str>>(texts: &[T]) -> Option<String> {
    if texts.is_empty() {
        return None;
    }
    let mut kept = String::from(MARK);
    for text in texts {
        let text = text.as_ref();
        kept.push_str(&text.len().to_string());
        kept.push(':');
        kept.push_str(text);
    }
    Some(kept)
}

/// Optional texts in a fixed order, packed into one allocation.
///
/// Each cell is a length (LEB128; 0 means null, otherwise the length plus one) followed by UTF-8.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct AttributeRow(Box<[u8]>);

impl AttributeRow {
    /// Packs texts in order.
    pub fn pack<'a, C>(texts: C) -> Self
    where
        C: IntoIterator<Item = Option<&'a str>, IntoIter: Clone>,
    {
        let prefix = |text: &str| if text.starts_with(MARK) { ESCAPE } else { "" };
        Self::packed(texts.into_iter().map(|text| text.map(|text| (prefix(text), text))))
    }

    /// Packs cells in order, each as [`kept_text`] or [`kept_list`] give it.
    pub fn pack_kept<'a, C>(cells: C) -> Self
    where
        C: IntoIterator<Item = Option<&'a str>, IntoIter: Clone>,
    {
        Self::packed(cells.into_iter().map(|cell| cell.map(|cell| ("", cell))))
    }

    /// Packs cells of two parts. They are gone through twice: once for the size of the allocation.
    fn packed<'a>(cells: impl Iterator<Item = Option<(&'a str, &'a str)>> + Clone) -> Self {
        let size = |cell: Option<(&str, &str)>| match cell {
            None => 1,
            Some((prefix, text)) => {
                let length = prefix.len() + text.len();
                length + length_size(length as u64 + 1)
            }
        };
        let mut bytes = Vec::with_capacity(cells.clone().map(size).sum());
        for cell in cells {
            match cell {
                None => bytes.push(0),
                Some((prefix, text)) => {
                    let mut length = (prefix.len() + text.len()) as u64 + 1;
                    while length >= 0x80 {
                        bytes.push((length as u8 & 0x7f) | 0x80);
                        length >>= 7;
                    }
                    bytes.push(length as u8);
                    bytes.extend_from_slice(prefix.as_bytes());
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

    /// Returns the one text at `index`; null, "no such cell" and several values are all `None`.
    pub fn get(&self, index: usize) -> Option<&str> {
        self.cell(index).text()
    }

    /// Returns what the cell at `index` holds; "no such cell" is null.
    pub fn cell(&self, index: usize) -> Cell<'_> {
        Cell::of(self.kept(index))
    }

    /// Returns how the cell at `index` is kept; null and "no such cell" are both `None`.
    pub fn kept(&self, index: usize) -> Option<&str> {
        let mut cells = Cells { rest: &self.0 };
        for _ in 0..index {
            cells.take_bytes()?;
        }
        cells.take().flatten()
    }

    /// Iterates over the texts of the cells in order, as [`AttributeRow::get`] gives them.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        self.iter_kept().map(|kept| Cell::of(kept).text())
    }

    /// Iterates over all texts of all cells in order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.iter_kept().flat_map(|kept| Cell::of(kept).texts())
    }

    /// Iterates over the cells in order, as they are kept.
    fn iter_kept(&self) -> impl Iterator<Item = Option<&str>> {
        let mut cells = Cells { rest: &self.0 };
        std::iter::from_fn(move || cells.take())
    }

    /// Returns a copy with the cell at `index` replaced by a text, padded with nulls as far as
    /// needed.
    pub fn with(&self, index: usize, value: Option<&str>) -> Self {
        let value = value.map(|text| kept_text(text.to_owned()));
        let mut cells: Vec<Option<&str>> = self.iter_kept().collect();
        if cells.len() <= index {
            cells.resize(index + 1, None);
        }
        if let Some(cell) = cells.get_mut(index) {
            *cell = value.as_deref();
        }
        Self::pack_kept(cells)
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
        f.debug_list().entries(self.iter_kept().map(Cell::of)).finish()
    }
}

impl Serialize for AttributeRow {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter_kept())
    }
}

impl<'de> Deserialize<'de> for AttributeRow {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cells = Vec::<Option<String>>::deserialize(deserializer)?;
        Ok(Self::pack_kept(cells.iter().map(Option::as_deref)))
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

    #[test]
    fn a_cell_with_many_values_says_so_and_a_text_never_looks_like_one() {
        let lists = [vec!["a"], vec!["", "1:x", "ж\u{1}=ж"], vec!["\u{1}1:a", "="]];
        for texts in lists {
            let kept = kept_list(&texts);
            let row = AttributeRow::pack_kept([Some("first"), kept.as_deref(), None]);
            assert_eq!(row.cell(1), Cell::Texts(texts.clone()));
            assert_eq!(row.get(1), (texts.len() == 1).then_some(texts[0]), "one of one counts");
            assert_eq!(row.kept(1), kept.as_deref());
            let all: Vec<&str> = ["first"].into_iter().chain(texts).collect();
            assert_eq!(row.texts().collect::<Vec<_>>(), all);
            let json = serde_json::to_string(&row).expect("JSON");
            assert_eq!(serde_json::from_str::<AttributeRow>(&json).expect("a row"), row);
            assert_eq!(row.with(2, Some("c")).kept(1), kept.as_deref(), "the others stay");
        }
        assert_eq!(kept_list::<&str>(&[]), None, "no values are null");
        for odd in ["\u{1}1:a", "\u{1}", "\u{1}=x", "\u{1}\u{1}"] {
            let row = AttributeRow::pack([Some(odd), Some("b")]);
            assert_eq!((row.get(0), row.get(1)), (Some(odd), Some("b")));
            assert_eq!(AttributeRow::pack([None, Some("b")]).with(0, Some(odd)), row);
            assert_eq!(AttributeRow::from_bytes(row.as_bytes()), Some(row));
            let kept = kept_text(odd.to_owned());
            assert_eq!(Cell::of(Some(&kept)), Cell::Text(odd));
        }
        for torn in ["\u{1}", "\u{1}9:a", "\u{1}x:a", "\u{1}1:ж"] {
            assert_eq!(Cell::of(Some(torn)), Cell::Null, "{torn:?}");
        }
    }
}
