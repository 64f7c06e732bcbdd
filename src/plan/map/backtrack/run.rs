//! The machine.

use super::super::pattern::{Budget, Exhausted};
use super::*;

/// The most places that the machine may still go back to.
const MOST_BEHIND: usize = 250_000;

/// A place that was not reached.
const NOWHERE: usize = usize::MAX;

/// Where the groups of a match are; the whole is the first.
type Places = Vec<Option<(usize, usize)>>;

impl Program {
    /// Returns the first match at or behind `from`.
    ///
    /// # Errors
    /// The budget is used up.
    pub fn find(
        &self,
        text: &str,
        from: usize,
        budget: &mut Budget,
    ) -> Result<Option<Places>, Exhausted> {
        let slots = vec![NOWHERE; self.slots];
        let mut machine = Machine { program: self, text, slots, back: Vec::new(), budget };
        let mut at = from;
        loop {
            if let Some(end) = machine.run(0, at, false)? {
                let mut places = vec![Some((at, end))];
                places.extend((1..self.groups).map(|group| machine.group(group)));
                return Ok(Some(places));
            }
            match text.get(at..).and_then(|rest| rest.chars().next()) {
                Some(next) => at += next.len_utf8(),
                None => return Ok(None),
            }
        }
    }
}

/// What is done when the machine goes back.
enum Back {
    /// It goes on at an instruction and a place.
    To(usize, usize),
    /// A slot gets the place that it had.
    Slot(usize, usize),
}

struct Machine<'m> {
    program: &'m Program,
    text: &'m str,
    slots: Vec<usize>,
    back: Vec<Back>,
    budget: &'m mut Budget,
}

impl Machine<'_> {
    /// Runs from an instruction at a place up to [`Instruction::Accept`], towards the start of the
    /// text if it looks behind. Returns where it ended; nothing has changed if it found nothing.
    fn run(
        &mut self,
        mut next: usize,
        mut at: usize,
        backward: bool,
    ) -> Result<Option<usize>, Exhausted> {
        let base = self.back.len();
        loop {
            self.budget.take(1)?;
            if self.back.len() > MOST_BEHIND {
                return Err(Exhausted::Places);
            }
            let program = self.program;
            let instruction = program.code.get(next).unwrap_or(&Instruction::Accept);
            let went = match instruction {
                Instruction::Accept => return Ok(Some(at)),
                Instruction::Jump(target) => Some((*target, at)),
                Instruction::Split(first, second) => {
                    self.back.push(Back::To(*second, at));
                    Some((*first, at))
                }
                Instruction::Save(slot) => {
                    self.save(*slot, at);
                    Some((next + 1, at))
                }
                Instruction::Progress { slot, end } => {
                    let idle = self.slots.get(*slot) == Some(&at);
                    Some((if idle { *end } else { next + 1 }, at))
                }
                Instruction::Unless { group, otherwise } => {
                    let took_part = self.group(*group).is_some();
                    Some((if took_part { next + 1 } else { *otherwise }, at))
                }
                Instruction::Inner { kind, end } => {
                    self.inner(*kind, next + 1, at, backward)?.map(|at| (*end, at))
                }
                Instruction::Assert(assertion, word) => {
                    self.holds(*assertion, *word, at).then_some((next + 1, at))
                }
                Instruction::Refer { group, fold } => {
                    self.again(*group, *fold, at, backward)?.map(|at| (next + 1, at))
                }
                one => self.character(one, at, backward).map(|at| (next + 1, at)),
            };
            (next, at) = match went.or_else(|| self.go_back(base)) {
                Some(place) => place,
                None => return Ok(None),
            };
        }
    }

    /// Undoes what was done up to the last place to go on at, among those from `base`.
    fn go_back(&mut self, base: usize) -> Option<(usize, usize)> {
        while self.back.len() > base {
            match self.back.pop()? {
                Back::To(next, at) => return Some((next, at)),
                Back::Slot(slot, place) => {
                    if let Some(known) = self.slots.get_mut(slot) {
                        *known = place;
                    }
                }
            }
        }
        None
    }

    fn save(&mut self, slot: usize, at: usize) {
        if let Some(known) = self.slots.get_mut(slot) {
            self.back.push(Back::Slot(slot, *known));
            *known = at;
        }
    }

    fn group(&self, group: usize) -> Option<(usize, usize)> {
        let place = |slot: usize| self.slots.get(slot).copied().filter(|place| *place != NOWHERE);
        place(2 * group).zip(place(2 * group + 1))
    }

    /// Returns the character at a place.
    fn at(&self, at: usize) -> Option<char> {
        self.text.get(at..).and_then(|rest| rest.chars().next())
    }

    fn before(&self, at: usize) -> Option<char> {
        self.text.get(..at).and_then(|head| head.chars().next_back())
    }

    /// Goes over one character; returns the place at its other side.
    fn character(&self, instruction: &Instruction, at: usize, backward: bool) -> Option<usize> {
        let c = if backward { self.before(at)? } else { self.at(at)? };
        let fits = match instruction {
            Instruction::Char(wanted) => c == *wanted,
            Instruction::Any { line_break } => *line_break || c != '\n',
            Instruction::Class(class) => self.is_in(*class, c),
            _ => false,
        };
        let length = c.len_utf8();
        fits.then_some(if backward { at - length } else { at + length })
    }

    fn is_in(&self, class: usize, c: char) -> bool {
        self.program.classes.get(class).is_some_and(|class| class.contains(c))
    }

    fn holds(&self, assertion: Assertion, word: usize, at: usize) -> bool {
        let is_word = |c: Option<char>| c.is_some_and(|c| self.is_in(word, c));
        let (before, behind) = (self.before(at), self.at(at));
        match assertion {
            Assertion::StartText => before.is_none(),
            Assertion::EndText => behind.is_none(),
            Assertion::StartLine { .. } => before.is_none_or(|c| c == '\n'),
            Assertion::EndLine { .. } => behind.is_none_or(|c| c == '\n'),
            Assertion::LeftWordBoundary => !is_word(before) && is_word(behind),
            Assertion::RightWordBoundary => is_word(before) && !is_word(behind),
            Assertion::WordBoundary => is_word(before) != is_word(behind),
            Assertion::NotWordBoundary => is_word(before) == is_word(behind),
        }
    }

    /// Goes over the text of a group if it comes again. A group that took no part is nowhere.
    fn again(
        &mut self,
        group: usize,
        fold: bool,
        at: usize,
        backward: bool,
    ) -> Result<Option<usize>, Exhausted> {
        let places = self.group(group);
        let wanted = places.and_then(|(start, end)| self.text.get(start..end));
        let Some(wanted) = wanted else { return Ok(None) };
        self.budget.take(wanted.len() as u64 / 8)?;
        let (head, rest) = self.text.split_at_checked(at).unwrap_or(("", ""));
        if !fold {
            return Ok(match backward {
                true => head.ends_with(wanted).then(|| at - wanted.len()),
                false => rest.starts_with(wanted).then(|| at + wanted.len()),
            });
        }
        self.budget.take(wanted.len() as u64)?;
        let equal =
            |one: char, other: char| one == other || one.to_lowercase().eq(other.to_lowercase());
        let mut length = 0;
        let (mut wanted, mut head, mut rest) = (wanted.chars(), head.chars(), rest.chars());
        loop {
            let (c, other) = match backward {
                true => (wanted.next_back(), head.next_back()),
                false => (wanted.next(), rest.next()),
            };
            match (c, other) {
                (None, _) => break,
                (Some(c), Some(other)) if equal(c, other) => length += other.len_utf8(),
                _ => return Ok(None),
            }
        }
        Ok(Some(if backward { at - length } else { at + length }))
    }

    /// Searches a part for itself; returns where it goes on if that says so.
    fn inner(
        &mut self,
        kind: Inner,
        body: usize,
        at: usize,
        backward: bool,
    ) -> Result<Option<usize>, Exhausted> {
        let base = self.back.len();
        let (found, negated) = match kind {
            Inner::Atomic => (self.run(body, at, backward)?, false),
            Inner::Ahead { negated } => (self.run(body, at, false)?.map(|_| at), negated),
            Inner::Behind { negated } => (self.run(body, at, true)?.map(|_| at), negated),
        };
        if negated {
            // What was found is forgotten.
            while self.go_back(base).is_some() {}
            return Ok(found.is_none().then_some(at));
        }
        // What is inside stays as it was found, but may be undone as a whole.
        let undo: Vec<Back> =
            self.back.drain(base..).filter(|back| matches!(back, Back::Slot(..))).collect();
        self.back.extend(undo);
        Ok(found)
    }
}
