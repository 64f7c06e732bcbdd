//! Turns regular expressions of .NET into those of the engines.
//!
//! All groups that capture become groups without a name; what .NET calls them, by name or by
//! number, is kept beside. .NET numbers the groups without a name first.

mod characters;
mod groups;

use std::fmt::Write;

use groups::Group;
pub(super) use groups::Groups;

/// The most bytes of a pattern.
const MOST_PATTERN: usize = 10_000;

/// The most groups of a pattern that capture.
const MOST_GROUPS: usize = 200;

/// The most bytes of a counted repetition.
const MOST_COUNT: usize = 24;

/// A pattern for the engines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translated {
    /// The pattern; an end of text is only the very end.
    pub pattern: String,
    /// The pattern for texts that end with a line break: an end of text is before it, too. None
    /// if that makes no difference.
    pub before_line_break: Option<String>,
    pub groups: Groups,
}

/// Translates a pattern.
///
/// # Errors
/// Says what .NET would not take either, or what is not supported.
pub(super) fn translate(pattern: &str) -> Result<Translated, String> {
    if pattern.len() > MOST_PATTERN {
        return Err(format!("it is longer than {MOST_PATTERN} bytes"));
    }
    // The first pass finds the groups, so that the second knows what a number refers to.
    let first = Translator::run(pattern, Groups::default(), true, false)?;
    let groups = Groups::new(&first.found);
    if groups.count > MOST_GROUPS {
        return Err(format!("it has more than {MOST_GROUPS} groups"));
    }
    let second = Translator::run(pattern, groups.clone(), false, false)?;
    let before_line_break = match second.ends {
        true => Some(Translator::run(pattern, groups.clone(), false, true)?.out),
        false => None,
    };
    Ok(Translated { pattern: second.out, before_line_break, groups })
}

/// The options that the translation has to know.
#[derive(Clone, Copy, Default)]
struct Options {
    multiline: bool,
    explicit: bool,
    blanks: bool,
}

struct Translator<'p> {
    rest: &'p str,
    out: String,
    /// The groups of the whole pattern, once they are known.
    known: Groups,
    found: Vec<Group>,
    /// Whether the groups are still being found.
    finding: bool,
    /// Whether an end of text is also before a line break at the end.
    lenient_end: bool,
    /// Whether there is an end of text.
    ends: bool,
    options: Options,
    outer: Vec<Options>,
}

impl<'p> Translator<'p> {
    fn run(
        pattern: &'p str,
        known: Groups,
        finding: bool,
        lenient_end: bool,
    ) -> Result<Self, String> {
        let mut this = Self {
            rest: pattern,
            out: String::new(),
            known,
            found: Vec::new(),
            finding,
            lenient_end,
            ends: false,
            options: Options::default(),
            outer: Vec::new(),
        };
        while let Some(c) = this.take() {
            this.one(c)?;
        }
        if this.outer.is_empty() { Ok(this) } else { Err("a `(` is not closed".to_owned()) }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or("");
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes everything up to `end`, and `end`.
    fn until(&mut self, end: char) -> Option<&'p str> {
        let (before, after) = self.rest.split_once(end)?;
        self.rest = after;
        Some(before)
    }

    fn one(&mut self, c: char) -> Result<(), String> {
        match c {
            '\\' => self.escape(),
            '[' => {
                let class = self.class(0)?;
                self.out.push_str(&class);
                self.quantifier()
            }
            '(' => self.open(),
            ')' => {
                self.options = self.outer.pop().ok_or("a `)` is too many")?;
                self.out.push(')');
                self.quantifier()
            }
            '$' if self.options.multiline => {
                self.out.push('$');
                Ok(())
            }
            '$' => {
                self.end_of_text();
                Ok(())
            }
            '^' | '|' => {
                self.out.push(c);
                Ok(())
            }
            '.' => {
                self.out.push('.');
                self.quantifier()
            }
            '*' | '+' | '?' => Err(format!("`{c}` has nothing before it to repeat")),
            c if self.options.blanks && c.is_whitespace() => Ok(()),
            '#' if self.options.blanks => {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.rest = self.rest.get(end..).unwrap_or("");
                Ok(())
            }
            c => {
                self.literal(c);
                self.quantifier()
            }
        }
    }

    /// Takes a quantifier behind something that can be repeated. `{` that starts none is a
    /// character.
    fn quantifier(&mut self) -> Result<(), String> {
        if !self.one_quantifier() {
            return Ok(());
        }
        if self.eat("?") {
            self.out.push('?');
        }
        match self.peek() {
            Some(c @ ('*' | '+' | '?')) => Err(format!("`{c}` repeats what is repeated already")),
            _ => Ok(()),
        }
    }

    fn one_quantifier(&mut self) -> bool {
        if let Some(c @ ('*' | '+' | '?')) = self.peek() {
            self.take();
            self.out.push(c);
            return true;
        }
        // No count is longer; a pattern of nothing but braces is not searched to its end for each.
        let close = self.rest.bytes().take(MOST_COUNT).position(|b| b == b'}');
        let inside = close.and_then(|close| {
            let (inside, rest) = (self.rest.get(..close)?, self.rest.get(close + 1..)?);
            Some((inside.strip_prefix('{')?, rest))
        });
        let Some(inside) = inside else {
            return false;
        };
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let counts = match inside.0.split_once(',') {
            Some((least, most)) => number(least) && (most.is_empty() || number(most)),
            None => number(inside.0),
        };
        if counts {
            self.rest = inside.1;
            let _ = write!(self.out, "{{{}}}", inside.0);
        }
        counts
    }

    /// Writes a character that means itself.
    fn literal(&mut self, c: char) {
        match c {
            '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => {
                self.out.push('\\');
                self.out.push(c);
            }
            c if c.is_control() || c == '#' || c.is_whitespace() => {
                let _ = write!(self.out, "\\x{{{:X}}}", u32::from(c));
            }
            c => self.out.push(c),
        }
    }

    fn end_of_text(&mut self) {
        self.ends = true;
        self.out.push_str(if self.lenient_end { "(?=\\n?\\z)" } else { "\\z" });
    }

    fn escape(&mut self) -> Result<(), String> {
        let c = self.take().ok_or("the pattern ends with a backslash")?;
        match c {
            'b' | 'B' | 'A' | 'z' => {
                self.out.push('\\');
                self.out.push(c);
                return Ok(());
            }
            'Z' => {
                self.end_of_text();
                return Ok(());
            }
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => {
                self.out.push('\\');
                self.out.push(c);
            }
            'p' | 'P' => {
                let property = self.property(c)?;
                self.out.push_str(&property);
            }
            'k' => {
                let name = match self.take() {
                    Some('<') => self.until('>'),
                    Some('\'') => self.until('\''),
                    _ => None,
                };
                let name = name.ok_or("`\\k` is followed by the name of a group as `\\k<name>`")?;
                self.refer(name)?;
            }
            '1'..='9' => self.number(c)?,
            c => {
                let c = self.character(c)?;
                self.literal(c);
            }
        }
        self.quantifier()
    }

    /// Takes `\12`: a group of that number if there is one, else a character by its octal number.
    fn number(&mut self, first: char) -> Result<(), String> {
        let digits: String =
            self.rest.chars().take_while(char::is_ascii_digit).take(3).collect::<String>();
        let number = format!("{first}{digits}");
        let known = number.parse().is_ok_and(|number: usize| number <= self.known.highest());
        if digits.is_empty() || known {
            self.rest = self.rest.get(digits.len()..).unwrap_or("");
            return self.refer(&number);
        }
        let c = self.octal(first).ok_or_else(|| format!("there is no group {number}"))?;
        self.literal(c);
        Ok(())
    }

    /// Writes a reference back to a group.
    fn refer(&mut self, name: &str) -> Result<(), String> {
        if self.finding {
            return Ok(());
        }
        match self.known.find(name).first() {
            // The parentheses keep the number from running into a digit behind it.
            Some(place) if *place > 0 => {
                let _ = write!(self.out, "(?:\\{place})");
                Ok(())
            }
            _ => Err(format!("there is no group `{name}`")),
        }
    }

    /// Takes what is behind an opening parenthesis, up to its first part.
    fn open(&mut self) -> Result<(), String> {
        if self.eat("?#") {
            self.until(')').ok_or("a comment is not closed")?;
            return Ok(());
        }
        let outer = self.options;
        if !self.eat("?") {
            if outer.explicit {
                self.out.push_str("(?:");
            } else {
                self.found.push(Group::Unnamed);
                self.out.push('(');
            }
            self.outer.push(outer);
            return Ok(());
        }
        for plain in [":", "=", "!", ">", "<=", "<!"] {
            if self.eat(plain) {
                let _ = write!(self.out, "(?{plain}");
                self.outer.push(outer);
                return Ok(());
            }
        }
        let name = match self.peek() {
            Some('<') => {
                self.take();
                Some(self.until('>'))
            }
            Some('\'') => {
                self.take();
                Some(self.until('\''))
            }
            _ => None,
        };
        match name {
            Some(name) => {
                let name = name.ok_or("the name of a group is not closed")?;
                self.found.push(Group::named(name)?);
                self.out.push('(');
                self.outer.push(outer);
                Ok(())
            }
            None if self.peek() == Some('(') => {
                self.take();
                self.condition()?;
                self.outer.push(outer);
                Ok(())
            }
            None => self.inline_options(),
        }
    }

    /// Takes the condition of `(?(name)yes|no)`.
    fn condition(&mut self) -> Result<(), String> {
        let name = self.until(')').ok_or("a `(` is not closed")?;
        let place = self.known.find(name).first().copied().filter(|place| *place > 0);
        match place {
            Some(place) => {
                let _ = write!(self.out, "(?({place})");
                Ok(())
            }
            None if self.finding => Ok(()),
            None => Err(format!("there is no group `{name}` for the condition")),
        }
    }

    /// Takes `(?i)` or `(?i-s:`.
    fn inline_options(&mut self) -> Result<(), String> {
        let outer = self.options;
        let (mut on, mut off, mut set) = (String::new(), String::new(), true);
        loop {
            match self.take() {
                Some('-') if set => set = false,
                Some(c @ ('i' | 'm' | 's' | 'n' | 'x')) => {
                    match c {
                        'm' => self.options.multiline = set,
                        'n' => self.options.explicit = set,
                        'x' => self.options.blanks = set,
                        _ => {}
                    }
                    // What the translation does itself, the engines need not know.
                    if !matches!(c, 'n' | 'x') {
                        if set { on.push(c) } else { off.push(c) }
                    }
                }
                Some(end @ (')' | ':')) => {
                    let off = if off.is_empty() { off } else { format!("-{off}") };
                    let nothing = on.is_empty() && off.is_empty();
                    match end {
                        ':' => {
                            let _ = write!(self.out, "(?{on}{off}:");
                            self.outer.push(outer);
                        }
                        _ if nothing => {}
                        _ => {
                            let _ = write!(self.out, "(?{on}{off})");
                        }
                    }
                    return Ok(());
                }
                Some(c) => return Err(format!("`(?{c}` starts no group that .NET knows")),
                None => return Err("a `(` is not closed".to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_groups() {
        let groups = translate("(?<x>a)(b)(?<y>c)(?<x>d)(?<9>e)").expect("a pattern").groups;
        assert_eq!(groups.find("0"), [0]);
        assert_eq!(groups.find("x"), [1, 4]);
        assert_eq!(groups.find("1"), [2]);
        assert_eq!(groups.find("2"), [1, 4]);
        assert_eq!(groups.find("3"), [3]);
        assert_eq!(groups.find("9"), [5]);
        assert!(groups.find("4").is_empty() && groups.find("z").is_empty());
        let groups = translate("(?<2>a)(b)(c)(?<2>d)(?<1000>e)").expect("a pattern").groups;
        let found = ["1", "2", "3", "4", "1000"].map(|name| groups.find(name));
        assert_eq!(found, [&[2][..], &[1, 4], &[3], &[], &[5]]);
        assert_eq!(groups.highest(), 3);
    }

    #[test]
    fn what_the_engines_spell_differently() {
        for (pattern, expected) in [
            (r"(?'a'x)\k'a'", r"(x)(?:\1)"),
            (r"(?<a>x)(y)\1", r"(x)(y)(?:\2)"),
            (r"[[a-z-[aeiou]]", r"[\x{5B}a-z--[aeiou]]"),
            (
                r"[\\/\[\]<>&&~~-]",
                r"[\x{5C}\x{2F}\x{5B}\x{5D}\x{3C}\x{3E}\x{26}\x{26}\x{7E}\x{7E}\x{2D}]",
            ),
            (r"[+--z]", r"[\x{2B}-\x{2D}z]"),
            (r"[]a]", r"[\x{5D}a]"),
            (r"[^-a]", r"[^\x{2D}a]"),
            (r"a{2,}b{x}c{,3}}", r"a{2,}b\{x\}c\{,3\}\}"),
            (r"\/\:\@\<\>", "/:@<>"),
            (r"(?#note)a(?i-s:b)(?n)(c)", "a(?i-s:b)(?:c)"),
            (r"(?x) a b # c", "ab"),
            (r"\x41\u00e9\t\07\cA", r"Aé\x{9}\x{7}\x{1}"),
            (r"(?<1>x)(?(1)y|z)", r"(x)(?(1)y|z)"),
        ] {
            assert_eq!(translate(pattern).expect(pattern).pattern, expected, "{pattern}");
        }
    }

    #[test]
    fn ends_of_text() {
        let end = translate(r"a$").expect("a pattern");
        assert_eq!(end.pattern, r"a\z");
        assert_eq!(end.before_line_break.as_deref(), Some(r"a(?=\n?\z)"));
        assert_eq!(translate(r"(?m)a$").expect("a pattern").before_line_break, None);
        assert_eq!(translate(r"a\z[$]").expect("a pattern").before_line_break, None);
    }

    #[test]
    fn patterns_are_bounded() {
        assert!(translate(&"(a)".repeat(200)).is_ok());
        assert!(translate(&"(a)".repeat(201)).is_err());
        assert!(translate(&"{".repeat(10_000)).is_ok());
        assert!(translate(&"{".repeat(10_001)).is_err());
    }

    #[test]
    fn what_is_no_pattern() {
        for pattern in [
            "(",
            ")",
            "[a",
            "*",
            "a**",
            "a+?+",
            r"\",
            r"\q",
            r"\k",
            r"\k<x>",
            r"\x4",
            r"\p{Greek}",
            r"\p{IsKlingon}",
            "(?<a-b>x)",
            "(?<a b>x)",
            "(?<0>x)",
            "(?P<a>x)",
            "(?#",
            "[b-a]",
            r"[a-\d]",
            "(?(z)a|b)",
            r"\2(a)",
            "(?q)",
            "[a-[b]c]",
            r"\uD800",
        ] {
            assert!(translate(pattern).is_err(), "{pattern}");
        }
    }
}
