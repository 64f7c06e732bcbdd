//! Compiled regular expressions, and what they find, within bounds.

use super::backtrack::Program;
use super::dotnet::{Groups, translate};

/// The most bytes of a text that a regular expression is applied to.
pub const MOST_SEARCHED: usize = 16 * 1024;

/// The most steps that all regular expressions of one evaluation take together: less than a tenth of
/// a second.
pub const MOST_STEPS: u64 = 8_000_000;

/// The most matches of a regular expression in one text.
const MOST_MATCHES: usize = 4096;

/// The most memory of a compiled regular expression.
const MOST_MEMORY: usize = 4 << 20;

/// The most memory of one that is compiled for a person.
const LESS_MEMORY: usize = 256 << 10;

/// What compiling a pattern for a person costs, in steps.
const COMPILING_STEPS: u64 = 200_000;

/// What each search costs, in steps.
const SEARCH_STEPS: u64 = 16;

/// Sizes of linear patterns, counted without what Unicode adds to classes, with the most that one
/// byte of text costs then, in eighths of a step. A small pattern is an automaton, and goes over a
/// byte in about a nanosecond; a larger one may fall back on following all its states.
const WEIGHTS: [(usize, u64); 6] = [
    (4 << 10, 1),
    (16 << 10, 1_000),
    (64 << 10, 4_000),
    (256 << 10, 16_000),
    (1 << 20, 64_000),
    (4 << 20, 256_000),
];

/// What one byte costs where not even the largest size is enough.
const HEAVIEST: u64 = 1_024_000;

/// The steps that regular expressions may still take in an evaluation.
#[derive(Clone, Debug)]
pub(in crate::plan) struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(MOST_STEPS)
    }
}

/// No steps are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) struct Exhausted;

impl Budget {
    /// Takes steps.
    ///
    /// # Errors
    /// There are not as many; then none are left.
    pub fn take(&mut self, steps: u64) -> Result<(), Exhausted> {
        let left = self.0.checked_sub(steps);
        self.0 = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Exhausted)
    }

    /// Returns how many are left.
    #[cfg(test)]
    pub fn left(&self) -> u64 {
        self.0
    }
}

impl From<Exhausted> for String {
    fn from(_: Exhausted) -> Self {
        format!(
            "the regular expressions take more than {MOST_STEPS} steps on this text: write them \
             without nested repetitions, or take a part of the text first, as with `Left`"
        )
    }
}

/// A regular expression of .NET, compiled.
#[derive(Clone, Debug)]
pub(in crate::plan) struct Pattern {
    engine: Engine,
    /// For texts that end with a line break, where that makes a difference.
    before_line_break: Option<Engine>,
    groups: Groups,
}

#[derive(Clone, Debug)]
enum Engine {
    /// Takes time in proportion to the text, and to its weight.
    Linear(regex::Regex, u64),
    /// Can look around and refer back, and counts its steps.
    Backtracking(Box<Program>),
}

/// A match: where the groups start and end; the first is the whole.
#[derive(Debug)]
pub(in crate::plan) struct Found(Vec<Option<(usize, usize)>>);

impl Found {
    /// Returns where the first of the groups that took part is.
    pub fn place(&self, groups: &[usize]) -> Option<(usize, usize)> {
        groups.iter().rev().find_map(|group| self.0.get(*group).copied().flatten())
    }

    /// Returns where the whole match is.
    pub fn whole(&self) -> (usize, usize) {
        self.place(&[0]).unwrap_or((0, 0))
    }

    /// Returns the places of the groups behind the whole.
    pub fn groups(&self) -> &[Option<(usize, usize)>] {
        self.0.get(1..).unwrap_or(&[])
    }
}

impl Pattern {
    /// Compiles a regular expression of .NET.
    ///
    /// # Errors
    /// Says why it is none, or why it is not supported.
    pub fn compile(pattern: &str) -> Result<Self, String> {
        Self::compile_within(pattern, MOST_MEMORY)
    }

    /// Compiles one for a person, at the cost of the evaluation.
    ///
    /// # Errors
    /// Says why it is none, why it is not supported, or that too much has been compiled.
    pub fn compile_for(pattern: &str, budget: &mut Budget) -> Result<Self, String> {
        budget.take(COMPILING_STEPS)?;
        let compiled = Self::compile_within(pattern, LESS_MEMORY)?;
        let engines = std::iter::once(&compiled.engine).chain(&compiled.before_line_break);
        for engine in engines {
            if let Engine::Backtracking(program) = engine {
                budget.take(program.cost())?;
            }
        }
        Ok(compiled)
    }

    fn compile_within(pattern: &str, memory: usize) -> Result<Self, String> {
        let translated = translate(pattern)?;
        let engine = Engine::compile(&translated.pattern, memory)?;
        let before_line_break = translated.before_line_break.as_deref();
        let before_line_break =
            before_line_break.map(|pattern| Engine::compile(pattern, memory)).transpose()?;
        Ok(Self { engine, before_line_break, groups: translated.groups })
    }

    /// Returns the groups of that name or number; none if there is no such group.
    pub fn group(&self, name: &str) -> Option<Vec<usize>> {
        Some(self.groups.find(name)).filter(|groups| !groups.is_empty())
    }

    /// Calls `each` for every match. As in .NET, a match may be empty, also right behind another.
    ///
    /// # Errors
    /// Names the bound that was reached, or gives the error of `each`.
    pub fn find_all<E: From<String>>(
        &self,
        text: &str,
        budget: &mut Budget,
        mut each: impl FnMut(&Found) -> Result<(), E>,
    ) -> Result<(), E> {
        if text.len() > MOST_SEARCHED {
            return Err(E::from(format!(
                "the text has {} bytes, and a regular expression is applied to {MOST_SEARCHED} at \
                 most",
                text.len()
            )));
        }
        let engine = match &self.before_line_break {
            Some(engine) if text.ends_with('\n') => engine,
            _ => &self.engine,
        };
        let mut from = 0;
        for _ in 0..MOST_MATCHES {
            let found = engine.find(text, from, budget);
            let found = found.map_err(|exhausted| E::from(exhausted.into()))?;
            let Some(found) = found else { return Ok(()) };
            each(&found)?;
            let (start, end) = found.whole();
            from = end;
            if start == end {
                match text.get(end..).and_then(|rest| rest.chars().next()) {
                    Some(next) => from += next.len_utf8(),
                    None => return Ok(()),
                }
            }
        }
        Err(E::from(format!("the regular expression matches more than {MOST_MATCHES} times")))
    }

    /// Returns the first match.
    ///
    /// # Errors
    /// Names the bound that was reached.
    pub fn find_first(&self, text: &str, budget: &mut Budget) -> Result<Option<Found>, String> {
        let mut first = None;
        let stopped = self.find_all(text, budget, |found| {
            first = Some(Found(found.0.clone()));
            Err(Stop(None))
        });
        match stopped {
            Ok(()) | Err(Stop(None)) => Ok(first),
            Err(Stop(Some(bound))) => Err(bound),
        }
    }
}

/// Why a search ended early: a bound, or because enough was found.
struct Stop(Option<String>);

impl From<String> for Stop {
    fn from(bound: String) -> Self {
        Self(Some(bound))
    }
}

impl Engine {
    fn compile(pattern: &str, memory: usize) -> Result<Self, String> {
        let linear = regex::RegexBuilder::new(pattern)
            .size_limit(memory)
            .dfa_size_limit(MOST_MEMORY)
            .build();
        match linear {
            Ok(regex) => Ok(Self::Linear(regex, weight(pattern))),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err(format!("it takes more than {} KiB of memory", memory >> 10))
            }
            Err(_) => Ok(Self::Backtracking(Box::new(Program::compile(pattern)?))),
        }
    }

    fn find(
        &self,
        text: &str,
        from: usize,
        budget: &mut Budget,
    ) -> Result<Option<Found>, Exhausted> {
        budget.take(SEARCH_STEPS)?;
        match self {
            Self::Linear(regex, weight) => {
                let bytes = text.len().saturating_sub(from) as u64;
                budget.take(bytes.saturating_mul(*weight) / 8)?;
                let mut places = regex.capture_locations();
                let found = regex.captures_read_at(&mut places, text, from);
                Ok(found.map(|_| Found((0..places.len()).map(|group| places.get(group)).collect())))
            }
            Self::Backtracking(program) => Ok(program.find(text, from, budget)?.map(Found)),
        }
    }
}

/// Returns what one byte of text costs a linear pattern at most.
fn weight(pattern: &str) -> u64 {
    let plain = plain(pattern);
    let fits = |pattern: &str, unicode: bool, size: usize| {
        let mut builder = regex::bytes::RegexBuilder::new(pattern);
        builder.unicode(unicode).size_limit(size).build()
    };
    // Where the pattern cannot be read without Unicode, it counts as what it is.
    let unicode = matches!(fits(&plain, false, MOST_MEMORY), Err(regex::Error::Syntax(_)));
    let pattern = if unicode { pattern } else { &plain };
    let mut weights = WEIGHTS.into_iter();
    let known = weights.find(|(size, _)| fits(pattern, unicode, *size).is_ok());
    known.map_or(HEAVIEST, |(_, weight)| weight)
}

/// Returns a pattern of as many parts in which no character is behind the first 128.
fn plain(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or("");
        if c != '\\' {
            out.push(if c.is_ascii() { c } else { 'e' });
            continue;
        }
        let braced = |kinds: &[char]| {
            let inside = rest.strip_prefix(kinds)?.strip_prefix('{')?;
            inside.split_once('}')
        };
        if let Some((_, behind)) = braced(&['p', 'P']) {
            out.push_str("\\w");
            rest = behind;
        } else if let Some((code, behind)) = braced(&['x'])
            && u32::from_str_radix(code, 16).is_ok_and(|code| code > 0x7f)
        {
            out.push('e');
            rest = behind;
        } else if let Some(escaped) = rest.chars().next() {
            out.push('\\');
            out.push(escaped);
            rest = rest.get(escaped.len_utf8()..).unwrap_or("");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pattern: &str, text: &str) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        let pattern = Pattern::compile(pattern).expect("a pattern");
        let done: Result<(), String> = pattern.find_all(text, &mut Budget::default(), |found| {
            places.push(found.whole());
            Ok(())
        });
        done.expect("within the bounds");
        places
    }

    #[test]
    fn empty_matches_also_behind_others() {
        assert_eq!(all("b*", "abc"), [(0, 0), (1, 2), (2, 2), (3, 3)]);
        assert_eq!(all(".*", "abc"), [(0, 3), (3, 3)]);
        assert_eq!(all("", "é"), [(0, 0), (2, 2)]);
        assert_eq!(all("^a", "aa"), [(0, 1)]);
    }

    #[test]
    fn what_dotnet_knows() {
        for (pattern, text, expected) in [
            (r"(?<=a)b", "ab b", vec![(1, 2)]),
            (r"(?<!a)b(?!c)", "ab bc b", vec![(6, 7)]),
            (r"(\w)\1", "hello", vec![(2, 4)]),
            (r"(?i)ß|É", "é", vec![(0, 2)]),
            (r"\d", "٣a", vec![(0, 2)]),
            (r"a$", "a\n", vec![(0, 1)]),
            (r"a\z", "a\n", vec![]),
            (r"(?m)^b$", "a\nb\nc", vec![(2, 3)]),
            (r"[a-z-[aeiou]]", "abe", vec![(1, 2)]),
            (r"(?>a+)b", "aab", vec![(0, 3)]),
            (r"a.c", "a\nc", vec![]),
            (r"(?s)a.c", "a\nc", vec![(0, 3)]),
            (r"\p{Lu}\P{Lu}", "aBc", vec![(1, 3)]),
            (r"(a)|b(?(1)c|d)", "bd", vec![(0, 2)]),
            (r"x{2}", "xxx", vec![(0, 2)]),
            (r"\<b\>", "<b>", vec![(0, 3)]),
            (r"(?<=a\s*)b", "a  b b", vec![(3, 4)]),
            (r"(?<!^\w+)b", "ab b", vec![(3, 4)]),
            (r"(?<=(a)(b))\2\1", "abba", vec![(2, 4)]),
            (r"(?i)(a)\1", "aA", vec![(0, 2)]),
            (r"(?=(\w+))\1:", "ab:", vec![(0, 3)]),
            (r"(?>a|ab)c", "abc", vec![]),
            (r"(?!(a))\1|b", "ab", vec![(1, 2)]),
            (r"(a?)*(?=b)", "aab", vec![(0, 2), (2, 2)]),
            (r"(a??)+?(?=b)", "aab", vec![(0, 2), (2, 2)]),
            (r"(?=a)a{2,3}", "aaaaa", vec![(0, 3), (3, 5)]),
            (r"(?m)^(?=b).$", "a\nb\nc", vec![(2, 3)]),
            (r"\b(?=\w)é", "é aé", vec![(0, 2)]),
        ] {
            assert_eq!(all(pattern, text), expected, "{pattern}");
        }
    }

    fn first(pattern: &str, text: &str) -> (Result<Option<(usize, usize)>, String>, u64) {
        let pattern = Pattern::compile(pattern).expect("a pattern");
        let mut budget = Budget::default();
        let found = pattern.find_first(text, &mut budget);
        (found.map(|found| found.map(|found| found.whole())), MOST_STEPS - budget.left())
    }

    #[test]
    fn hostile_patterns_end_by_the_bound() {
        let text = "a".repeat(MOST_SEARCHED);
        for pattern in [
            r"(?=(a|aa)+$)c",
            r"(?=(a+)+$)(a+)+\1b",
            r"^(?:(a|aa)+)\1$b",
            r"(a*)*\1(?!a)b",
            r"(?<=a*)b",
            r"(?:(?=(?:(?=a*)a)*)a)*b",
            r"(?>(?:a(?=a*))*)b",
            r"(?i)(a*)\1*\1b",
            "((a?){80}){40}b",
        ] {
            let (found, steps) = first(pattern, &text);
            let why = found.expect_err(pattern);
            assert!(why.contains("take more than 8000000 steps"), "{why}");
            assert_eq!(steps, MOST_STEPS, "{pattern}");
        }
        // These are hostile to engines that go back; the linear one takes them.
        for pattern in [r"^(a+)+$", r"(a|a)*b", r"(.*)*x", r"^(?:\w+\s?)*$"] {
            let (found, steps) = first(pattern, &text);
            assert!(found.is_ok() && steps < MOST_STEPS / 100, "{pattern}: {steps}");
        }
    }

    #[test]
    fn what_is_usual_takes_few_steps() {
        let text = "Ms. Ada Lovelace-King (née Byron), 12 Saint James's Square, London";
        for pattern in [
            r"(?<=\s)\w",
            r"(?<first>\w+)\s+(?!King)(\w+)",
            r"\b(\w)\w*\1\b",
            r"[^\p{L}\d -]+",
            r"(?i)[éè]+|\s{2,}",
            r"^(?:Mr|Ms|Dr)\.?\s+",
            r"\([^)]*\)|,.*$",
        ] {
            let mut budget = Budget::default();
            let compiled = Pattern::compile(pattern).expect("a pattern");
            let done = compiled.find_all(text, &mut budget, |_| Ok::<(), String>(()));
            let steps = MOST_STEPS - budget.left();
            assert!(done.is_ok() && steps < MOST_STEPS / 50, "{pattern}: {steps}");
        }
    }

    #[test]
    fn what_is_usual_takes_steps_in_proportion_on_a_long_text() {
        let text = "Ada, née Byron; ".repeat(250);
        for pattern in [r"\s+", r"(?<=,)\s", r"\w+", "[;,] *", r"(?<!\w)n\w+"] {
            let mut budget = Budget::default();
            let compiled = Pattern::compile(pattern).expect("a pattern");
            let mut times = 0;
            let count = |_: &Found| -> Result<(), String> {
                times += 1;
                Ok(())
            };
            compiled.find_all(&text, &mut budget, count).expect(pattern);
            assert!(times >= 250, "{pattern}: {times}");
        }
    }

    #[test]
    fn a_budget_is_for_all_searches_together() {
        let pattern = Pattern::compile("(?=a)").expect("a pattern");
        let mut budget = Budget(MOST_STEPS);
        pattern.find_first("ba", &mut budget).expect("found");
        let one = MOST_STEPS - budget.left();
        let mut budget = Budget(2 * one + 1);
        assert!(pattern.find_first("ba", &mut budget).is_ok());
        assert!(pattern.find_first("ba", &mut budget).is_ok());
        assert!(pattern.find_first("ba", &mut budget).is_err() && budget.left() == 0);
        let mut budget = Budget(3 * COMPILING_STEPS + 1);
        for _ in 0..3 {
            assert!(Pattern::compile_for("a", &mut budget).is_ok());
        }
        assert!(Pattern::compile_for("a", &mut budget).is_err());
        let error = pattern.find_first(&"a".repeat(20_000), &mut Budget::default());
        let error = error.expect_err("too long");
        assert!(error.contains("16384"), "{error}");
    }

    #[test]
    fn patterns_that_take_too_much_memory() {
        for pattern in [r"(\w{500}){500}", r"(?=a)(\w{500}){500}", r"x{100000000}"] {
            assert!(Pattern::compile(pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::compile(&"(?:".repeat(3000)).is_err());
        assert!(Pattern::compile(&format!("{}{}", "(?:".repeat(3000), ")".repeat(3000))).is_err());
    }
}
