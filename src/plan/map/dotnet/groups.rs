//! The names and numbers of groups.

/// The groups of a pattern, in the order of their opening parentheses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups(pub Vec<Group>);

/// What a group is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    Unnamed,
    Named(String),
    Numbered(usize),
}

impl Groups {
    /// Returns the groups of that name or number, as the engine numbers them. There are several
    /// if a name is used more than once. Number 0 is the whole match.
    pub fn find(&self, name: &str) -> Vec<usize> {
        let named = |group: &Group| matches!(group, Group::Named(other) if other == name);
        match name.parse() {
            Ok(0) => vec![0],
            Ok(number) => self.numbered(number),
            Err(_) => self.places(named),
        }
    }

    /// Returns the highest number that .NET gives.
    pub fn highest(&self) -> usize {
        (1..=self.0.len()).rev().find(|number| !self.numbered(*number).is_empty()).unwrap_or(0)
    }

    fn places(&self, wanted: impl Fn(&Group) -> bool) -> Vec<usize> {
        (1..).zip(&self.0).filter(|(_, group)| wanted(group)).map(|(place, _)| place).collect()
    }

    /// Returns the groups of that number: written so, or counted.
    fn numbered(&self, number: usize) -> Vec<usize> {
        let written = self.places(|group| *group == Group::Numbered(number));
        if !written.is_empty() {
            return written;
        }
        let taken: Vec<usize> = self
            .0
            .iter()
            .filter_map(|group| match group {
                Group::Numbered(number) => Some(*number),
                _ => None,
            })
            .collect();
        let mut free = (1..).filter(|number| !taken.contains(number));
        let mut names: Vec<&str> = Vec::new();
        for (place, group) in (1..).zip(&self.0) {
            if *group == Group::Unnamed && free.next() == Some(number) {
                return vec![place];
            }
        }
        for group in &self.0 {
            let Group::Named(name) = group else { continue };
            if names.contains(&name.as_str()) {
                continue;
            }
            names.push(name);
            if free.next() == Some(number) {
                return self.places(|other| other == group);
            }
        }
        Vec::new()
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
