//! Regular expressions that look around, refer back, or are atomic: compiled to a small program for
//! a machine that goes back, and counts every instruction.
//!
//! An engine that counts only how often it goes back cannot be bounded: one look ahead may read the
//! whole text, and so may the next.

mod compile;
mod run;

use fancy_regex::{Assertion, Expr, LookAround};

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub(super) struct Program {
    code: Vec<Instruction>,
    classes: Vec<Class>,
    /// How many groups there are, with the whole.
    groups: usize,
    /// How many places are remembered: two of each group, and those of the loops.
    slots: usize,
}

#[derive(Clone, Debug)]
enum Instruction {
    /// This character comes next.
    Char(char),
    /// A character of the class comes next.
    Class(usize),
    /// Any character comes next, but a line break only if that is said.
    Any { line_break: bool },
    /// The place is of a kind; word characters are of the class.
    Assert(Assertion, usize),
    /// Goes on elsewhere.
    Jump(usize),
    /// Goes on at the first, and if that fails, at the second.
    Split(usize, usize),
    /// Remembers the place.
    Save(usize),
    /// Leaves the loop if nothing came since the place was remembered.
    Progress { slot: usize, end: usize },
    /// The text of a group comes again.
    Refer { group: usize, fold: bool },
    /// Goes on elsewhere unless the group took part.
    Unless { group: usize, otherwise: usize },
    /// What follows, up to its [`Instruction::Accept`], is searched for itself; then it goes on at
    /// `end`.
    Inner { kind: Inner, end: usize },
    /// Found.
    Accept,
}

/// A part that is searched for itself.
#[derive(Clone, Copy, Debug)]
enum Inner {
    /// What it found is not gone back into.
    Atomic,
    Ahead {
        negated: bool,
    },
    /// As in .NET it is searched from its end to its start, so that its groups hold what they hold
    /// there.
    Behind {
        negated: bool,
    },
}

/// A set of characters.
#[derive(Clone, Debug)]
struct Class {
    pattern: String,
    /// The first 128 characters, a bit each.
    ascii: u128,
    /// From the first character to the last of each range, sorted.
    ranges: Vec<(char, char)>,
}

impl Class {
    fn contains(&self, c: char) -> bool {
        match u32::from(c) {
            code @ 0..128 => self.ascii >> code & 1 == 1,
            _ => {
                let next = self.ranges.partition_point(|(_, last)| *last < c);
                self.ranges.get(next).is_some_and(|(first, _)| *first <= c)
            }
        }
    }
}
