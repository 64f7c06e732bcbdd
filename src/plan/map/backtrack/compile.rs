//! From the text of a regular expression to a program.

use super::*;

/// The most instructions of a program.
const MOST_INSTRUCTIONS: usize = 20_000;

/// The most parts that are compiled, those without instructions too.
const MOST_PARTS: usize = 100_000;

/// What compiling a class costs, in steps of the machine.
const CLASS_STEPS: u64 = 20_000;

impl Program {
    /// Compiles a pattern in the spelling of the engines.
    ///
    /// # Errors
    /// Says why it is none, or too large.
    pub fn compile(pattern: &str) -> Result<Self, String> {
        let tree = Expr::parse_tree(pattern).map_err(|error| in_words(&error))?;
        let program = Self { code: Vec::new(), classes: Vec::new(), groups: 1, slots: 0 };
        let mut compiler = Compiler { program, parts: 0, loops: 0 };
        compiler.program.groups += groups(&tree.expr);
        compiler.program.slots = 2 * compiler.program.groups;
        compiler.part(&tree.expr, &mut 1)?;
        compiler.push(Instruction::Accept)?;
        compiler.program.slots += compiler.loops;
        Ok(compiler.program)
    }

    /// Returns what compiling it cost, in steps.
    pub fn cost(&self) -> u64 {
        self.classes.len() as u64 * CLASS_STEPS + self.code.len() as u64
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

/// Returns the parts of a part.
fn parts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Concat(parts) | Expr::Alt(parts) => parts.iter().collect(),
        Expr::Group(part) | Expr::LookAround(part, _) | Expr::AtomicGroup(part) => vec![part],
        Expr::Repeat { child, .. } => vec![child],
        Expr::Conditional { condition, true_branch, false_branch } => {
            vec![condition, true_branch, false_branch]
        }
        _ => Vec::new(),
    }
}

/// Returns how many groups capture.
fn groups(expr: &Expr) -> usize {
    let inside: usize = parts(expr).into_iter().map(groups).sum();
    inside + usize::from(matches!(expr, Expr::Group(_)))
}

/// Returns how many characters a part has at least, and at most if that is bounded.
fn width(expr: &Expr) -> (usize, Option<usize>) {
    let both = |one: Option<usize>, other: Option<usize>| Some(one?.saturating_add(other?));
    match expr {
        Expr::Any { .. } => (1, Some(1)),
        Expr::Delegate { size, .. } => (*size, Some(*size)),
        Expr::Literal { val, .. } => (val.chars().count(), Some(val.chars().count())),
        Expr::Concat(parts) => parts
            .iter()
            .map(width)
            .fold((0, Some(0)), |sum, one| (sum.0.saturating_add(one.0), both(sum.1, one.1))),
        Expr::Alt(_) => wider(parts(expr)),
        Expr::Conditional { true_branch, false_branch, .. } => {
            wider(vec![true_branch, false_branch])
        }
        Expr::Group(part) | Expr::AtomicGroup(part) => width(part),
        Expr::Repeat { child, lo, hi, .. } => {
            let (least, most) = width(child);
            let most = match (most, *hi) {
                (Some(0), _) => Some(0),
                (_, usize::MAX) => None,
                (most, times) => most.map(|most| most.saturating_mul(times)),
            };
            (least.saturating_mul(*lo), most)
        }
        Expr::Backref { .. } => (0, None),
        _ => (0, Some(0)),
    }
}

/// Returns the width of whatever of the parts is taken.
fn wider(parts: Vec<&Expr>) -> (usize, Option<usize>) {
    let widths: Vec<_> = parts.into_iter().map(width).collect();
    let least = widths.iter().map(|one| one.0).min().unwrap_or(0);
    let most = widths.iter().map(|one| one.1).try_fold(0, |most, one| Some(one?.max(most)));
    (least, most)
}

struct Compiler {
    program: Program,
    /// How many parts were compiled so far.
    parts: usize,
    /// How many loops remember a place.
    loops: usize,
}

impl Compiler {
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
    fn part(&mut self, expr: &Expr, group: &mut usize) -> Result<(), String> {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            return Err("it repeats too much: it takes too much memory".to_owned());
        }
        match expr {
            Expr::Empty => Ok(()),
            Expr::Any { newline } => self.one(Instruction::Any { line_break: *newline }),
            Expr::Assertion(assertion) => {
                let word = self.class(r"\w", false)?;
                self.one(Instruction::Assert(*assertion, word))
            }
            Expr::Literal { val, casei } => {
                for c in val.chars() {
                    self.character(c, *casei)?;
                }
                Ok(())
            }
            Expr::Delegate { inner, size: 1, casei } => {
                let class = self.class(inner, *casei)?;
                self.one(Instruction::Class(class))
            }
            Expr::Concat(parts) => parts.iter().try_for_each(|part| self.part(part, group)),
            Expr::Alt(branches) => self.alternatives(branches, group),
            Expr::Group(part) => {
                let number = *group;
                *group += 1;
                self.push(Instruction::Save(2 * number))?;
                self.part(part, group)?;
                self.one(Instruction::Save(2 * number + 1))
            }
            Expr::LookAround(part, kind) => {
                let (least, most) = width(part);
                let kind = match kind {
                    LookAround::LookAhead => Inner::Ahead { negated: false },
                    LookAround::LookAheadNeg => Inner::Ahead { negated: true },
                    LookAround::LookBehind => Inner::Behind { negated: false, least, most },
                    LookAround::LookBehindNeg => Inner::Behind { negated: true, least, most },
                };
                self.inner(part, kind, group)
            }
            Expr::AtomicGroup(part) => self.inner(part, Inner::Atomic, group),
            Expr::Repeat { child, lo, hi, greedy } => {
                self.repeat(child, (*lo, *hi), *greedy, group)
            }
            Expr::Backref { group, casei } => {
                self.one(Instruction::Refer { group: *group, fold: *casei })
            }
            Expr::Conditional { condition, true_branch, false_branch } => {
                self.condition(condition, [true_branch, false_branch], group)
            }
            _ => Err("it has a part that is not supported".to_owned()),
        }
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
        let pattern = format!(r"\A(?s{}:{inner})\z", if fold { "i" } else { "" });
        if let Some(known) = self.program.classes.iter().position(|one| one.pattern == pattern) {
            return Ok(known);
        }
        let others = regex::Regex::new(&pattern)
            .map_err(|_| format!("`{inner}` is no class of characters"))?;
        let has = |code: u8| others.is_match(char::from(code).encode_utf8(&mut [0; 4]));
        let ascii = (0..128).filter(|code| has(*code)).fold(0, |set, code| set | 1 << code);
        self.program.classes.push(Class { pattern, ascii, others });
        Ok(self.program.classes.len() - 1)
    }

    fn alternatives(&mut self, branches: &[Expr], group: &mut usize) -> Result<(), String> {
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

    fn inner(&mut self, part: &Expr, kind: Inner, group: &mut usize) -> Result<(), String> {
        let start = self.push(Instruction::Accept)?;
        self.part(part, group)?;
        self.push(Instruction::Accept)?;
        let end = self.here();
        self.set(start, Instruction::Inner { kind, end });
        Ok(())
    }

    /// Compiles copies of a part. Groups have the same number in each.
    fn repeat(
        &mut self,
        child: &Expr,
        (least, most): (usize, usize),
        greedy: bool,
        group: &mut usize,
    ) -> Result<(), String> {
        let first = *group;
        for _ in 0..least {
            *group = first;
            self.part(child, group)?;
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
            self.part(child, group)?;
            let end = self.here() + 2;
            self.push(Instruction::Progress { slot, end })?;
            self.push(Instruction::Jump(start))?;
            splits.push(start);
        } else {
            for _ in least..most {
                *group = first;
                splits.push(self.push(Instruction::Accept)?);
                self.part(child, group)?;
            }
        }
        *group = first + groups(child);
        let end = self.here();
        splits.into_iter().for_each(|at| self.set(at, split(at + 1, end)));
        Ok(())
    }

    /// Compiles `(?(1)yes|no)`.
    fn condition(
        &mut self,
        condition: &Expr,
        [yes, no]: [&Expr; 2],
        group: &mut usize,
    ) -> Result<(), String> {
        let Expr::BackrefExistsCondition(asked) = condition else {
            return Err("the condition of `(?(…)…)` is the name of a group".to_owned());
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
