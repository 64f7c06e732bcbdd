//! An index over accounts by what they are known by: ids and addresses.
//!
//! It holds nine bytes for each name and not the name itself, which the account has anyway: with a
//! million accounts, maps with texts as keys would take a third of the memory of a cycle.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// Finds the positions of accounts by a name. Different names may lead to one entry: who asks
/// compares the name of what was found.
#[derive(Clone, Debug, Default)]
pub struct Index {
    entries: HashTable<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// A part of the name's hash, enough to move the entry when the table grows.
    hash: u32,
    position: u32,
}

impl Index {
    /// Adds a name of the account at `position`.
    pub fn insert(&mut self, name: &str, position: usize) {
        let entry = Entry { hash: short(name), position: narrow(position) };
        self.entries.insert_unique(spread(entry.hash), entry, |entry| spread(entry.hash));
    }

    /// Removes a name of the account at `position`.
    pub fn remove(&mut self, name: &str, position: usize) {
        let (hash, position) = (short(name), narrow(position));
        let same = |entry: &Entry| entry.hash == hash && entry.position == position;
        if let Ok(entry) = self.entries.find_entry(spread(hash), same) {
            entry.remove();
        }
    }

    /// Iterates over the positions at which the name may be, in no particular order.
    pub fn positions(&self, name: &str) -> impl Iterator<Item = usize> {
        let hash = short(name);
        self.entries
            .iter_hash(spread(hash))
            .filter(move |entry| entry.hash == hash)
            .filter_map(|entry| usize::try_from(entry.position).ok())
    }
}

fn short(name: &str) -> u32 {
    // The lower half is as good a hash as the whole.
    (xxh3_64(name.as_bytes()) & u64::from(u32::MAX)) as u32
}

/// The table takes the place from the lower bits of a hash and a tag from the highest ones.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Four thousand million accounts do not fit into memory anyway.
fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_until_they_are_removed() {
        let mut index = Index::default();
        let positions = |index: &Index, name: &str| {
            let mut positions: Vec<usize> = index.positions(name).collect();
            positions.sort_unstable();
            positions
        };
        assert!(positions(&index, "n1").is_empty());
        for position in 0..10_000 {
            index.insert(&format!("n{position}"), position);
        }
        index.insert("n7", 3);
        assert_eq!(positions(&index, "n7"), [3, 7]);
        index.remove("n7", 7);
        index.remove("n7", 9_999);
        assert_eq!(positions(&index, "n7"), [3]);
        for position in (0..10_000).filter(|position| *position != 7) {
            assert!(positions(&index, &format!("n{position}")).contains(&position));
        }
    }
}
