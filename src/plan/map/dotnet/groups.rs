//! The names and numbers of groups.

use std::collections::{BTreeMap, BTreeSet};

/// The groups of a pattern, by what they are called. There are several places if a name or a number
/// is used more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// How many there are.
    pub count: usize,
    numbers: BTreeMap<usize, Vec<usize>>,
    names: BTreeMap<String, Vec<usize>>,
}

/// What a group is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    Unnamed,
    Named(String),
    Numbered(usize),
}

impl Groups {
    /// Numbers groups, given in the order of their opening parentheses, as .NET does: those that are
    /// not numbered by hand are counted, the unnamed first, then the named.
    pub fn new(groups: &[Group]) -> Self {
        let (mut numbers, mut names) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        let mut order = Vec::new();
        for (place, group) in (1..).zip(groups) {
            match group {
                Group::Unnamed => {}
                Group::Numbered(number) => numbers.entry(*number).or_default().push(place),
                Group::Named(name) => {
                    let places = names.entry(name.clone()).or_default();
                    if places.is_empty() {
                        order.push(name);
                    }
                    places.push(place);
                }
            }
        }
        let taken: BTreeSet<usize> = numbers.keys().copied().collect();
        let free = (1..).filter(|number| !taken.contains(number));
        let unnamed = (1..).zip(groups).filter(|(_, group)| **group == Group::Unnamed);
        let named = order.into_iter().filter_map(|name| names.get(name).cloned());
        let counted = unnamed.map(|(place, _)| vec![place]).chain(named);
        numbers.extend(free.zip(counted));
        Self { count: groups.len(), numbers, names }
    }

    /// Returns the groups of that name or number, as the engine numbers them. Number 0 is the whole
    /// match.
    pub fn find(&self, name: &str) -> &[usize] {
        let known = match name.parse() {
            Ok(0) => return &[0],
            Ok(number) => self.numbers.get(&number),
            Err(_) => self.names.get(name),
        };
        known.map_or(&[], Vec::as_slice)
    }

    /// Returns the highest number that .NET counts.
    pub fn highest(&self) -> usize {
        self.numbers.range(..=self.count).next_back().map_or(0, |(number, _)| *number)
    }
}

impl Group {
    /// Returns the group of a name or a number.
    pub fn named(name: &str) -> Result<Self, String> {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        if name.contains('-') {
            return Err(format!("the balancing group `{name}` is not supported"));
        }
        if name.is_empty() || !name.chars().all(word) {
            return Err(format!("`{name}` is not the name of a group"));
        }
        match name.starts_with(|c: char| c.is_ascii_digit()) {
            false => Ok(Self::Named(name.to_owned())),
            true => match name.parse() {
                Ok(0) | Err(_) => Err(format!("`{name}` is not the number of a group")),
                Ok(number) => Ok(Self::Numbered(number)),
            },
        }
    }
}
