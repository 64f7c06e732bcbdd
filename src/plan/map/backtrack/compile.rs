//! From the text of a regular expression to a program.

use regex_syntax::hir::{Class as Set, HirKind};

use super::super::pattern::Budget;
use super::*;

/// The most instructions of a program.
const MOST_INSTRUCTIONS: usize = 20_000;

/// The most parts that are compiled, those without instructions too.
const MOST_PARTS: usize = 100_000;

/// The most classes of a program.
const MOST_CLASSES: usize = 200;

/// What compiling a class costs, in steps of the machine, for each backslash in it and one more: an
/// escape may stand for hundreds of ranges.
const CLASS_STEPS: u64 = 10_000;

impl Program {
    /// Compiles a pattern in the spelling of the engines.
    ///
    /// # Errors
    /// Says why it is none, too large, or that the budget is used up.
    pub fn compile(pattern: &str, budget: &mut Budget) -> Result<Self, String> {
        let tree = Expr::parse_tree(pattern).map_err(|error| in_words(&error))?;
        let program = Self { code: Vec::new(), classes: Vec::new(), groups: 1, slots: 0 };
        let whole = Part::new(&tree.expr);
        let mut compiler = Compiler { program, parts: 0, loops: 0, backward: false, budget };
        compiler.program.groups += whole.groups;
        compiler.program.slots = 2 * compiler.program.groups;
        compiler.part(&whole, &mut 1)?;
        compiler.push(Instruction::Accept)?;
        compiler.program.slots += compiler.loops;
        Ok(compiler.program)
    }
}

/// Says in own words what the parser says of a pattern.
fn in_words(error: &fancy_regex::Error) -> String {
    use fancy_regex::ParseError::{InvalidBackref, RecursionExceeded, TargetNotRepeatable};
    match error {
        fancy_regex::Error::ParseError(_, RecursionExceeded) => {
            "its parentheses are nested too deep".to_owned()
        }
        fancy_regex::Error::ParseError(_, TargetNotRepeatable) => {
            "what only looks at a place, as `^` or `(?=a)`, cannot be repeated here".to_owned()
        }
        fancy_regex::Error::ParseError(_, InvalidBackref) => {
            "it refers to a group that there is not".to_owned()
        }
        other => {
            let message = other.to_string();
            let last = message.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    }
}

/// A part with what is in it, counted once.
struct Part<'e> {
    expr: &'e Expr,
    parts: Vec<Part<'e>>,
    /// How many groups capture.
    groups: usize,
}

impl<'e> Part<'e> {
    fn new(expr: &'e Expr) -> Self {
        let parts: Vec<Self> = match expr {
            Expr::Concat(parts) | Expr::Alt(parts) => parts.iter().map(Self::new).collect(),
            Expr::Group(part) | Expr::LookAround(part, _) | Expr::AtomicGroup(part) => {
                vec![Self::new(part)]
            }
            Expr::Repeat { child, .. } => vec![Self::new(child)],
            Expr::Conditional { condition, true_branch, false_branch } => {
                [condition, true_branch, false_branch].map(|part| Self::new(part)).into()
            }
            _ => Vec::new(),
        };
        let inside: usize = parts.iter().map(|part| part.groups).sum();
        Self { expr, parts, groups: inside + usize::from(matches!(expr, Expr::Group(_))) }
    }
}

struct Compiler<'b> {
    program: Program,
    /// How many parts were compiled so far.
    parts: usize,
    /// How many loops remember a place.
    loops: usize,
    /// Whether the last comes first, as in what looks behind.
    backward: bool,
    /// What pays for the classes.
    budget: &'b mut Budget,
}

impl Compiler<'_> {
    /// Adds an instruction, and returns where it is.
    fn push(&mut self, instruction: Instruction) -> Result<usize, String> {
        let at = self.program.code.len();
        if at >= MOST_INSTRUCTIONS {
            return Err("it repeats too much: it takes too much memory".to_owned());
        }
        self.program.code.push(instruction);
        Ok(at)
    }

    /// Puts an instruction where one was added before its targets were known.
    fn set(&mut self, at: usize, instruction: Instruction) {
        if let Some(place) = self.program.code.get_mut(at) {
            *place = instruction;
        }
    }

    fn here(&self) -> usize {
        self.program.code.len()
    }

    /// Compiles a part; `group` is the number of the next group in it.
    fn part(&mut self, part: &Part<'_>, group: &mut usize) -> Result<(), String> {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            return Err("it repeats too much: it takes too much memory".to_owned());
        }
        match part.expr {
            Expr::Empty => Ok(()),
            Expr::Any { newline } => self.one(Instruction::Any { line_break: *newline }),
            Expr::Assertion(assertion) => {
                let word = self.class(r"\w", false)?;
                self.one(Instruction::Assert(*assertion, word))
            }
            Expr::Literal { val, casei } => {
                let mut chars = val.chars();
                let backward = self.backward;
                let mut next = || if backward { chars.next_back() } else { chars.next() };
                while let Some(c) = next() {
                    self.character(c, *casei)?;
                }
                Ok(())
            }
            Expr::Delegate { inner, size: 1, casei } => {
                let class = self.class(inner, *casei)?;
                self.one(Instruction::Class(class))
            }
            Expr::Concat(_) => self.sequence(&part.parts, group),
            Expr::Alt(_) => self.alternatives(&part.parts, group),
            Expr::Group(_) => {
                let (start, end) = (2 * *group, 2 * *group + 1);
                let (first, last) = if self.backward { (end, start) } else { (start, end) };
                *group += 1;
                self.push(Instruction::Save(first))?;
                self.sequence(&part.parts, group)?;
                self.one(Instruction::Save(last))
            }
            Expr::LookAround(_, kind) => {
                let (kind, backward) = match kind {
                    LookAround::LookAhead => (Inner::Ahead { negated: false }, false),
                    LookAround::LookAheadNeg => (Inner::Ahead { negated: true }, false),
                    LookAround::LookBehind => (Inner::Behind { negated: false }, true),
                    LookAround::LookBehindNeg => (Inner::Behind { negated: true }, true),
                };
                let outer = std::mem::replace(&mut self.backward, backward);
                self.inner(&part.parts, kind, group)?;
                self.backward = outer;
                Ok(())
            }
            Expr::AtomicGroup(_) => self.inner(&part.parts, Inner::Atomic, group),
            Expr::Repeat { lo, hi, greedy, .. } => self.repeat(part, (*lo, *hi), *greedy, group),
            Expr::Backref { group, casei } => {
                self.one(Instruction::Refer { group: *group, fold: *casei })
            }
            Expr::Conditional { condition, .. } => self.condition(condition, &part.parts, group),
            _ => Err("it has a part that is not supported".to_owned()),
        }
    }

    /// Compiles parts that come one behind the other; their groups are numbered as they are written.
    fn sequence(&mut self, parts: &[Part<'_>], group: &mut usize) -> Result<(), String> {
        if !self.backward {
            return parts.iter().try_for_each(|part| self.part(part, group));
        }
        let first = *group;
        *group += parts.iter().map(|part| part.groups).sum::<usize>();
        let mut next = *group;
        for part in parts.iter().rev() {
            next -= part.groups.min(next);
            self.part(part, &mut { next })?;
        }
        debug_assert_eq!(next, first);
        Ok(())
    }

    fn one(&mut self, instruction: Instruction) -> Result<(), String> {
        self.push(instruction).map(|_| ())
    }

    fn character(&mut self, c: char, fold: bool) -> Result<(), String> {
        if !fold || (c.is_ascii() && !c.is_ascii_alphabetic()) {
            return self.one(Instruction::Char(c));
        }
        let class = self.class(&regex::escape(c.encode_utf8(&mut [0; 4])), true)?;
        self.one(Instruction::Class(class))
    }

    /// Returns the number of a class.
    fn class(&mut self, inner: &str, fold: bool) -> Result<usize, String> {
        let pattern = format!("(?s{}:{inner})", if fold { "i" } else { "" });
        if let Some(known) = self.program.classes.iter().position(|one| one.pattern == pattern) {
            return Ok(known);
        }
        if self.program.classes.len() >= MOST_CLASSES {
            return Err(format!("it has more than {MOST_CLASSES} classes of characters"));
        }
        let escapes = inner.bytes().filter(|byte| *byte == b'\\').count() as u64;
        self.budget.take((escapes + 1) * CLASS_STEPS)?;
        let ranges =
            ranges(&pattern).ok_or_else(|| format!("`{inner}` is no class of characters"))?;
        let has = |code: u8| {
            ranges.iter().any(|(first, last)| (*first..=*last).contains(&char::from(code)))
        };
        let ascii = (0..128).filter(|code| has(*code)).fold(0, |set, code| set | 1 << code);
        self.program.classes.push(Class { pattern, ascii, ranges });
        Ok(self.program.classes.len() - 1)
    }

    fn alternatives(&mut self, branches: &[Part<'_>], group: &mut usize) -> Result<(), String> {
        let mut ends = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            if index + 1 == branches.len() {
                self.part(branch, group)?;
                break;
            }
            let split = self.push(Instruction::Accept)?;
            self.part(branch, group)?;
            ends.push(self.push(Instruction::Accept)?);
            let next = self.here();
            self.set(split, Instruction::Split(split + 1, next));
        }
        let end = self.here();
        ends.into_iter().for_each(|jump| self.set(jump, Instruction::Jump(end)));
        Ok(())
    }

    fn inner(&mut self, parts: &[Part<'_>], kind: Inner, group: &mut usize) -> Result<(), String> {
        let start = self.push(Instruction::Accept)?;
        self.sequence(parts, group)?;
        self.push(Instruction::Accept)?;
        let end = self.here();
        self.set(start, Instruction::Inner { kind, end });
        Ok(())
    }

    /// Compiles copies of a part. Groups have the same number in each.
    fn repeat(
        &mut self,
        repeated: &Part<'_>,
        (least, most): (usize, usize),
        greedy: bool,
        group: &mut usize,
    ) -> Result<(), String> {
        let first = *group;
        // What comes never is not walked through either.
        for _ in 0..least {
            *group = first;
            self.sequence(&repeated.parts, group)?;
        }
        let split = |enter, leave| match greedy {
            true => Instruction::Split(enter, leave),
            false => Instruction::Split(leave, enter),
        };
        let mut splits = Vec::new();
        if most == usize::MAX {
            let slot = self.program.slots + self.loops;
            self.loops += 1;
            *group = first;
            let start = self.push(Instruction::Accept)?;
            self.push(Instruction::Save(slot))?;
            self.sequence(&repeated.parts, group)?;
            let end = self.here() + 2;
            self.push(Instruction::Progress { slot, end })?;
            self.push(Instruction::Jump(start))?;
            splits.push(start);
        } else {
            for _ in least..most {
                *group = first;
                splits.push(self.push(Instruction::Accept)?);
                self.sequence(&repeated.parts, group)?;
            }
        }
        *group = first + repeated.groups;
        let end = self.here();
        splits.into_iter().for_each(|at| self.set(at, split(at + 1, end)));
        Ok(())
    }

    /// Compiles `(?(1)yes|no)`.
    fn condition(
        &mut self,
        condition: &Expr,
        parts: &[Part<'_>],
        group: &mut usize,
    ) -> Result<(), String> {
        let Expr::BackrefExistsCondition(asked) = condition else {
            return Err("the condition of `(?(…)…)` is the name of a group".to_owned());
        };
        let [_, yes, no] = parts else {
            return Err("it has a part that is not supported".to_owned());
        };
        let start = self.push(Instruction::Accept)?;
        self.part(yes, group)?;
        let jump = self.push(Instruction::Accept)?;
        let otherwise = self.here();
        self.set(start, Instruction::Unless { group: *asked, otherwise });
        self.part(no, group)?;
        let end = self.here();
        self.set(jump, Instruction::Jump(end));
        Ok(())
    }
}

/// Returns the characters of a pattern that is one class, from the first to the last of each range.
fn ranges(pattern: &str) -> Option<Vec<(char, char)>> {
    let hir = regex_syntax::parse(pattern).ok()?;
    match hir.kind() {
        HirKind::Class(Set::Unicode(set)) => {
            Some(set.iter().map(|range| (range.start(), range.end())).collect())
        }
        HirKind::Class(Set::Bytes(set)) => {
            let ascii = set.iter().all(|range| range.end().is_ascii());
            let range = |range: &regex_syntax::hir::ClassBytesRange| {
                (char::from(range.start()), char::from(range.end()))
            };
            ascii.then(|| set.iter().map(range).collect())
        }
        HirKind::Literal(literal) => {
            let mut chars = std::str::from_utf8(&literal.0).ok()?.chars();
            let c = chars.next()?;
            chars.next().is_none().then(|| vec![(c, c)])
        }
        _ => None,
    }
}
