//! Compiled regular expressions, and what they find, within bounds.

use super::dotnet::{Groups, translate};

/// The most bytes of a text that a regular expression is applied to.
pub const MOST_SEARCHED: usize = 16 * 1024;

/// The most matches of a regular expression in one text.
const MOST_MATCHES: usize = 4096;

/// The most steps back that the search for one match takes.
const MOST_STEPS: usize = 50_000;

/// The most matches of a regular expression that has to go back.
const MOST_SLOW_MATCHES: usize = 512;

/// The most memory of a compiled regular expression.
const MOST_MEMORY: usize = 4 << 20;

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
    /// Takes time in proportion to the text.
    Linear(regex::Regex),
    /// Can look around and refer back, and counts its steps.
    Backtracking(Box<fancy_regex::Regex>),
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
        let translated = translate(pattern)?;
        let engine = Engine::compile(&translated.pattern)?;
        let before_line_break =
            translated.before_line_break.as_deref().map(Engine::compile).transpose()?;
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
        let most = match engine {
            Engine::Linear(_) => MOST_MATCHES,
            Engine::Backtracking(_) => MOST_SLOW_MATCHES,
        };
        let mut from = 0;
        for _ in 0..most {
            let Some(found) = engine.find(text, from).map_err(E::from)? else { return Ok(()) };
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
        Err(E::from(format!("the regular expression matches more than {most} times")))
    }

    /// Returns the first match.
    ///
    /// # Errors
    /// Names the bound that was reached.
    pub fn find_first(&self, text: &str) -> Result<Option<Found>, String> {
        let mut first = None;
        let stopped = self.find_all(text, |found| {
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
    fn compile(pattern: &str) -> Result<Self, String> {
        let linear = regex::RegexBuilder::new(pattern)
            .size_limit(MOST_MEMORY)
            .dfa_size_limit(MOST_MEMORY)
            .build();
        match linear {
            Ok(regex) => return Ok(Self::Linear(regex)),
            Err(regex::Error::CompiledTooBig(_)) => {
                return Err(format!("it takes more than {} MiB of memory", MOST_MEMORY >> 20));
            }
            Err(_) => {}
        }
        let slow = fancy_regex::RegexBuilder::new(pattern)
            .backtrack_limit(MOST_STEPS)
            .delegate_size_limit(MOST_MEMORY)
            .delegate_dfa_size_limit(MOST_MEMORY)
            .build();
        slow.map(|regex| Self::Backtracking(Box::new(regex))).map_err(|error| {
            let message = error.to_string();
            let last = message.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        })
    }

    fn find(&self, text: &str, from: usize) -> Result<Option<Found>, String> {
        match self {
            Self::Linear(regex) => {
                let mut places = regex.capture_locations();
                let found = regex.captures_read_at(&mut places, text, from);
                Ok(found.map(|_| Found((0..places.len()).map(|group| places.get(group)).collect())))
            }
            Self::Backtracking(regex) => match regex.captures_from_pos(text, from) {
                Ok(captures) => Ok(captures.map(|captures| {
                    let place = |group: Option<fancy_regex::Match<'_>>| {
                        group.map(|group| (group.start(), group.end()))
                    };
                    Found(captures.iter().map(place).collect())
                })),
                Err(_) => Err(format!(
                    "the regular expression takes more than {MOST_STEPS} steps on this text"
                )),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pattern: &str, text: &str) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        let pattern = Pattern::compile(pattern).expect("a pattern");
        let done: Result<(), String> = pattern.find_all(text, |found| {
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
        ] {
            assert_eq!(all(pattern, text), expected, "{pattern}");
        }
    }

    #[test]
    fn hostile_patterns_end_by_the_bound() {
        let text = "a".repeat(5000);
        for pattern in [r"(?=(a+)+$)(a+)+\1b", r"^(?:(a|aa)+)\1$b", r"(a*)*\1(?!a)b"] {
            let pattern = Pattern::compile(pattern).expect("a pattern");
            let error = pattern.find_first(&text).expect_err("too many steps");
            assert!(error.contains("50000 steps"), "{error}");
        }
        // These are hostile to engines that go back; the linear one takes them.
        for pattern in [r"^(a+)+$", r"(a|a)*b", r"(.*)*x"] {
            let pattern = Pattern::compile(pattern).expect("a pattern");
            assert!(pattern.find_first(&text).is_ok());
        }
        let slow = Pattern::compile("(?=a)").expect("a pattern");
        let error = slow.find_all(&text, |_| Ok::<(), String>(())).expect_err("too many");
        assert!(error.contains("more than 512 times"), "{error}");
        let error = slow.find_first(&"a".repeat(20_000)).expect_err("too long");
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
