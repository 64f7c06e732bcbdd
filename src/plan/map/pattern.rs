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

/// What compiling each category of Unicode costs besides, in steps.
const CATEGORY_STEPS: u64 = 20_000;

/// The bytes behind a match that a search of a linear pattern is charged at least.
const LEAST_AHEAD: usize = 8;

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

/// Why a search ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) enum Exhausted {
    /// No steps are left.
    Steps,
    /// There are too many places to go back to.
    Places,
}

impl Budget {
    /// Takes steps.
    ///
    /// # Errors
    /// There are not as many; then none are left.
    pub fn take(&mut self, steps: u64) -> Result<(), Exhausted> {
        let left = self.0.checked_sub(steps);
        self.0 = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Exhausted::Steps)
    }

    /// Gives back steps that were taken, but were not needed.
    fn give_back(&mut self, steps: u64) {
        self.0 = self.0.saturating_add(steps);
    }

    /// Returns how many are left.
    #[cfg(test)]
    pub fn left(&self) -> u64 {
        self.0
    }
}

impl From<Exhausted> for String {
    fn from(exhausted: Exhausted) -> Self {
        let why = match exhausted {
            Exhausted::Steps => {
                format!("the regular expressions take more than {MOST_STEPS} steps on this text")
            }
            Exhausted::Places => {
                "the regular expression can go on in too many ways on this text".to_owned()
            }
        };
        format!(
            "{why}: write them shorter and without nested repetitions, or take a part of the text \
             first, as with `Left`"
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
    /// Takes time in proportion to the text that it goes over, and to its weight.
    Linear {
        regex: regex::Regex,
        weight: u64,
        /// The most bytes of a match, if that is bounded: a search that finds one ends no farther
        /// behind it.
        longest: Option<usize>,
    },
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
        Self::compile_within(pattern, MOST_MEMORY, &mut Budget::default())
    }

    /// Compiles one for a person, at the cost of the evaluation.
    ///
    /// # Errors
    /// Says why it is none, why it is not supported, or that too much has been compiled.
    pub fn compile_for(pattern: &str, budget: &mut Budget) -> Result<Self, String> {
        let categories = pattern.matches("\\p").count() + pattern.matches("\\P").count();
        budget.take(COMPILING_STEPS + categories as u64 * CATEGORY_STEPS)?;
        Self::compile_within(pattern, LESS_MEMORY, budget)
    }

    fn compile_within(pattern: &str, memory: usize, budget: &mut Budget) -> Result<Self, String> {
        let translated = translate(pattern)?;
        let engine = Engine::compile(&translated.pattern, memory, budget)?;
        let before_line_break = match &translated.before_line_break {
            Some(pattern) => Some(Engine::compile(pattern, memory, budget)?),
            None => None,
        };
        Ok(Self { engine, before_line_break, groups: translated.groups })
    }

    /// Returns the groups of that name or number; none if there is no such group.
    pub fn group(&self, name: &str) -> Option<Vec<usize>> {
        Some(self.groups.find(name).to_vec()).filter(|groups| !groups.is_empty())
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
        for times in 0..=MOST_MATCHES {
            let found = engine.find(text, from, budget);
            let found = found.map_err(|exhausted| E::from(exhausted.into()))?;
            let Some(found) = found else { return Ok(()) };
            if times == MOST_MATCHES {
                break;
            }
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
    fn compile(pattern: &str, memory: usize, budget: &mut Budget) -> Result<Self, String> {
        let linear = regex::RegexBuilder::new(pattern)
            .size_limit(memory)
            .dfa_size_limit(MOST_MEMORY)
            .build();
        match linear {
            Ok(regex) => {
                let hir = regex_syntax::parse(pattern).ok();
                let longest = hir.and_then(|hir| hir.properties().maximum_len());
                Ok(Self::Linear { regex, weight: weight(pattern), longest })
            }
            Err(regex::Error::CompiledTooBig(_)) => {
                Err(format!("it takes more than {} KiB of memory", memory >> 10))
            }
            Err(_) => Ok(Self::Backtracking(Box::new(Program::compile(pattern, budget)?))),
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
            Self::Linear { regex, weight, longest } => {
                let cost = |bytes: usize| (bytes as u64).saturating_mul(*weight) / 8;
                let rest = text.len().saturating_sub(from);
                budget.take(cost(rest))?;
                let mut places = regex.capture_locations();
                let found = regex.captures_read_at(&mut places, text, from);
                if let (Some(found), Some(longest)) = (&found, longest) {
                    let ahead = (*longest).max(LEAST_AHEAD);
                    let gone = found.end().saturating_sub(from).saturating_add(ahead);
                    budget.give_back(cost(rest) - cost(gone.min(rest)));
                }
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
            r"(?=(?:a(?:|b){0}){90})(a|aa)*\1c",
        ] {
            let (found, steps) = first(pattern, &text);
            let why = found.expect_err(pattern);
            let steps_ran_out = why.contains("take more than 8000000 steps");
            assert!(steps_ran_out || why.contains("in too many ways"), "{why}");
            assert_eq!(steps_ran_out, steps == MOST_STEPS, "{pattern}");
        }
        // These are hostile to engines that go back; the linear one takes them.
        for pattern in [r"^(a+)+$", r"(a|a)*b", r"(.*)*x", r"^(?:\w+\s?)*$"] {
            let (found, steps) = first(pattern, &text);
            assert!(found.is_ok() && steps < MOST_STEPS / 100, "{pattern}: {steps}");
        }
    }

    #[test]
    fn what_looks_behind_is_read_from_its_end() {
        let groups = |pattern: &str, text: &str| {
            let pattern = Pattern::compile(pattern).expect("a pattern");
            let found =
                pattern.find_first(text, &mut Budget::default()).expect("within the bounds");
            found.map(|found| found.groups().to_vec())
        };
        assert_eq!(groups(r"(?<=(\w+))-", "abc-def"), Some(vec![Some((0, 3))]));
        assert_eq!(groups(r"(?<=(\w+?))-", "abc-def"), Some(vec![Some((2, 3))]));
        let both = Some(vec![Some((0, 1)), Some((1, 4))]);
        assert_eq!(groups(r"(?<=(\d+)(\d+))!", "1234!"), both);
        assert_eq!(groups(r"(?<=\1(.))!", "aa!"), Some(vec![Some((1, 2))]));
        assert_eq!(groups(r"(?<=(.)\1)!", "aa!"), None);
        assert_eq!(groups(r"(?<=(?=(\w+))é\w)b", "xéab"), Some(vec![Some((1, 5))]));
        assert_eq!(groups(r"(?i)(?<=\1(é+)(?>-*))!", "ÉÉé--!"), Some(vec![Some((4, 6))]));
    }

    #[test]
    fn compiling_is_bounded() {
        // To walk through what comes never, once for each time, would take minutes.
        let never = "a|".repeat(4_900);
        assert!(Pattern::compile(&format!("(?=x)(?:(?:{never}){{0}}){{90000}}$")).is_ok());
        assert!(Pattern::compile(&format!("(?:(?<=(?:{never}){{0}}x)y){{6000}}")).is_err());
        let classes = |count: u32| {
            let class = |code| char::from_u32(code).map(|c| format!("[a{c}]")).unwrap_or_default();
            format!("(?=x){}", (0x4e00..0x4e00 + count).map(class).collect::<String>())
        };
        assert!(Pattern::compile(&classes(200)).is_ok());
        let error = Pattern::compile(&classes(201)).expect_err("too many classes");
        assert!(error.contains("more than 200 classes"), "{error}");
        for pattern in [classes(100), r"\p{L}".repeat(50), format!(r"(?=x)[{}]", r"\w".repeat(100))]
        {
            let mut budget = Budget(COMPILING_STEPS + 900_000);
            let error = Pattern::compile_for(&pattern, &mut budget).expect_err("too many steps");
            assert!(error.contains("steps") && budget.left() == 0, "{error}");
        }
    }

    #[test]
    fn a_step_costs_the_same_for_every_character() {
        let (found, steps) = first(r"(?=(\w|\w\w)+$)c", &"é".repeat(8_000));
        assert!(found.is_err() && steps == MOST_STEPS);
        let one = first(r"(?=\W)\W", &format!("{}-", "a".repeat(999))).1;
        assert_eq!(first(r"(?=\W)\W", &format!("{}-", "é".repeat(999))).1, one);
        for (pattern, text, expected) in [
            (r"(?=[^ø-ž])[^\x00-\x7f]", "aøžſ", Some((5, 7))),
            (r"(?i)(?=[é])\w", "eÉ", Some((1, 3))),
            (r"(?=.)[^\s\S]", "a", None),
        ] {
            assert_eq!(first(pattern, text).0, Ok(expected), "{pattern}");
        }
    }

    #[test]
    fn many_words_in_an_address() {
        let words = ["street", "avenue", "boulevard", "road", "lane", "drive", "court", "place"];
        let many: Vec<String> = ["", "north", "south"]
            .iter()
            .flat_map(|side| words.map(|word| format!("{side}{word}")))
            .collect();
        let text = "12 saint james's square, near big street; ".repeat(24);
        let pattern = Pattern::compile(&format!("{}|[^a-z]", many.join("|"))).expect("a pattern");
        let mut times = 0;
        let done = pattern.find_all(&text, &mut Budget::default(), |_| -> Result<(), String> {
            times += 1;
            Ok(())
        });
        assert!(done.is_ok() && times > 200, "{times}: {done:?}");
    }

    #[test]
    fn as_many_matches_as_are_said() {
        let times = |count| {
            let pattern = Pattern::compile("a").expect("a pattern");
            let text = "a".repeat(count);
            pattern.find_all(&text, &mut Budget::default(), |_| Ok::<_, String>(()))
        };
        assert_eq!(times(MOST_MATCHES), Ok(()));
        assert!(times(MOST_MATCHES + 1).is_err_and(|why| why.contains("more than 4096 times")));
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
