//! What is wrong with an expression, where, and how to show it.

use std::fmt::Write;

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What is wrong, and what would be right.
    pub message: String,
    /// Byte offset into the text.
    pub at: usize,
    /// Byte offset behind the offending part; equal to `at` if a part is missing.
    pub until: usize,
    /// Line of the place, from 1.
    pub line: usize,
    /// Column of the place in its line, in characters from 1.
    pub column: usize,
    /// What would have been right at this place, if that can be said in a few words.
    pub expected: Option<String>,
    /// The nearest name that exists, as it would be written.
    pub suggestion: Option<String>,
}

/// Why an expression gave no value for a person. It never shows what `Redact` hides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// Which function failed, on which value, and why.
    pub message: String,
    /// What kind of failure it is.
    pub kind: Failure,
    /// Byte offset into the source text of the expression.
    pub at: usize,
    /// Byte offset behind the part that failed.
    pub until: usize,
    /// Line of the place, from 1.
    pub line: usize,
    /// Column of the place in its line, in characters from 1.
    pub column: usize,
}

/// The kinds of failures that callers treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A function cannot work on this value.
    Value,
    /// `SelectUniqueValue` found no value that is still free: the entry is escrowed.
    NoneUnique,
    /// The caller did not say what the expression asks for: the time, the default domain or
    /// randomness.
    NotGiven,
    /// A limit on the size of a text, or on the steps of a regular expression, was reached.
    Limit,
}

/// A place in a text, for [`render`].
pub trait Placed {
    /// Returns the message to print below the place.
    fn message(&self) -> &str;
    /// Returns the byte offsets of the offending part.
    fn place(&self) -> (usize, usize);
    /// Returns what was expected, and the nearest name.
    fn hints(&self) -> (Option<&str>, Option<&str>);
}

impl Placed for ParseError {
    fn message(&self) -> &str {
        &self.message
    }

    fn place(&self) -> (usize, usize) {
        (self.at, self.until)
    }

    fn hints(&self) -> (Option<&str>, Option<&str>) {
        (self.expected.as_deref(), self.suggestion.as_deref())
    }
}

impl Placed for EvalError {
    fn message(&self) -> &str {
        &self.message
    }

    fn place(&self) -> (usize, usize) {
        (self.at, self.until)
    }

    fn hints(&self) -> (Option<&str>, Option<&str>) {
        (None, None)
    }
}

/// How wide the drawn line may be, in columns of a terminal.
const WIDTH: usize = 76;

/// Draws the line of the expression in which the place is, underlines the place, and says what is
/// wrong, what was expected and which name is nearest.
///
/// A tab becomes a blank; wide characters count two columns; a long line is cut on both sides of
/// the place. The result ends without a line break.
pub fn render(text: &str, error: &impl Placed) -> String {
    let (at, until) = error.place();
    let at = boundary(text, at);
    let before = text.get(..at).unwrap_or("");
    let start = before.rfind('\n').map_or(0, |place| place + 1);
    let line = text.get(start..).unwrap_or("").split('\n').next().unwrap_or("");
    let number = before.matches('\n').count() + 1;
    let until = boundary(text, until.max(at)).min(start + line.len());
    let head: Vec<char> = text.get(start..at).unwrap_or("").chars().map(drawn).collect();
    let marked: Vec<char> =
        text.get(at..until).unwrap_or("").trim_end().chars().map(drawn).collect();
    let tail: Vec<char> =
        line.get(at - start..).unwrap_or("").chars().skip(marked.len()).map(drawn).collect();

    let (head, cut) = last_columns(&head, WIDTH / 2);
    let room = WIDTH.saturating_sub(columns(&head));
    let (shown, cut_in) = first_columns(&marked, room);
    let (tail, cut_after) = first_columns(&tail, room.saturating_sub(columns(&shown)));

    let mut out = String::new();
    let label = format!("{number} | ");
    let pad = " ".repeat(label.chars().count() - 2);
    let dots = if cut { "…" } else { "" };
    let more = if cut_in || cut_after { "…" } else { "" };
    let _ = writeln!(
        out,
        "{label}{dots}{}{}{}{more}",
        head.iter().collect::<String>(),
        shown.iter().collect::<String>(),
        tail.iter().collect::<String>()
    );
    let indent = " ".repeat(columns(&head) + usize::from(cut));
    let _ = write!(out, "{pad}| {indent}{} ", "^".repeat(columns(&shown).max(1)));
    out.push_str(error.message());
    let (expected, suggestion) = error.hints();
    if let Some(expected) = expected {
        let _ = write!(out, "\n{pad}= expected {expected}");
    }
    if let Some(suggestion) = suggestion {
        let _ = write!(out, "\n{pad}= did you mean {suggestion}?");
    }
    out
}

/// Returns line and column, both from 1, of a byte offset; the column counts characters.
pub(super) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..boundary(text, at)).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// Something wrong while a text is parsed or checked, before line and column are known. It is
/// small, as it is part of every result on the way down into a nested expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Objection(Box<ParseError>);

impl Objection {
    /// Objects to the part from `at` up to `until`.
    pub fn new(at: usize, until: usize, message: impl Into<String>) -> Self {
        let message = message.into();
        let (line, column) = (1, 1);
        let error =
            ParseError { message, at, until, line, column, expected: None, suggestion: None };
        Self(Box::new(error))
    }

    /// Adds what would have been right.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = Some(expected.into());
        self
    }

    /// Adds the nearest name, if there is one.
    pub fn suggest(mut self, suggestion: Option<String>) -> Self {
        self.0.suggestion = suggestion;
        self
    }

    /// Returns the error with its line and column in `text`.
    pub fn place(self, text: &str) -> ParseError {
        let (line, column) = line_and_column(text, self.0.at);
        ParseError { line, column, ..*self.0 }
    }
}

/// Something wrong while an expression is evaluated, before line and column are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub at: usize,
    pub until: usize,
    pub kind: Failure,
    pub message: String,
}

impl Fault {
    /// Returns the error with its line and column in `text`.
    pub fn place(self, text: &str) -> EvalError {
        let (line, column) = line_and_column(text, self.at);
        let Self { at, until, kind, message } = self;
        EvalError { message, kind, at, until, line, column }
    }
}

/// Returns the name nearest to `wanted`, if one is near enough to be meant.
///
/// Another letter case is nearest of all.
pub fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let folded = wanted.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&folded, &name.to_lowercase()), name))
        .min_by_key(|(distance, name)| {
            let same = name.chars().zip(wanted.chars());
            let start = same.take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
            (*distance, std::cmp::Reverse(start))
        })
        .filter(|(distance, name)| *distance <= name.chars().count().max(3) / 3)
        .map(|(_, name)| name)
}

/// Returns the nearest boundary between characters at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Returns the character as it is drawn: control characters would break the line.
fn drawn(c: char) -> char {
    match c {
        '\t' | '\r' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// Returns how many columns the characters take on a terminal.
fn columns(chars: &[char]) -> usize {
    chars.iter().map(|c| width(*c)).sum()
}

/// Returns the columns of one character: none for combining marks and joiners, two for the wide
/// blocks of East Asia and for emoji.
fn width(c: char) -> usize {
    match c {
        '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => 0,
        c if unicode_normalization::char::is_combining_mark(c) => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Returns the first characters that fit into `room` columns, and whether some were left out.
fn first_columns(chars: &[char], room: usize) -> (Vec<char>, bool) {
    let mut used = 0;
    let fits = |c: &&char| {
        used += width(**c);
        used <= room
    };
    let kept: Vec<char> = chars.iter().take_while(fits).copied().collect();
    let cut = kept.len() < chars.len();
    (kept, cut)
}

/// Returns the last characters that fit into `room` columns, and whether some were left out.
fn last_columns(chars: &[char], room: usize) -> (Vec<char>, bool) {
    let turned: Vec<char> = chars.iter().rev().copied().collect();
    let (mut kept, cut) = first_columns(&turned, room);
    kept.reverse();
    (kept, cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing(text: &str, at: usize, until: usize) -> String {
        render(text, &Objection::new(at, until, "here").place(text))
    }

    #[test]
    fn the_place_is_underlined() {
        assert_eq!(drawing("Left([a], x)", 10, 11), "1 | Left([a], x)\n  |           ^ here");
        assert_eq!(drawing("ab\ncd\nef", 3, 5), "2 | cd\n  | ^^ here");
        assert_eq!(drawing("", 0, 0), "1 | \n  | ^ here");
    }

    #[test]
    fn wide_characters_count_two_columns_and_tabs_one() {
        assert_eq!(drawing("\t\"日本\" x", 10, 11), "1 |  \"日本\" x\n  |         ^ here");
    }

    #[test]
    fn combining_marks_take_no_column() {
        let text = "e\u{301}x";
        assert_eq!(drawing(text, 3, 4), "1 | e\u{301}x\n  |  ^ here");
    }

    #[test]
    fn long_lines_are_cut_on_both_sides() {
        let text = format!("{}X{}", "a".repeat(200), "b".repeat(200));
        let drawn = drawing(&text, 200, 201);
        let mut lines = drawn.lines();
        let first = lines.next().expect("a line");
        assert!(first.starts_with("1 | …aaa") && first.ends_with("bbb…"), "{first}");
        assert!(first.chars().count() < 90);
        let place = first.chars().position(|c| c == 'X');
        assert_eq!(lines.next().expect("another").chars().position(|c| c == '^'), place);
    }

    #[test]
    fn places_that_are_none_do_not_panic() {
        for at in 0..9 {
            for until in 0..12 {
                drawing("é\nü", at, until);
                line_and_column("é\nü", at);
            }
        }
    }

    #[test]
    fn hints_follow_the_message() {
        let error = Objection::new(0, 1, "m").expected("e").suggest(Some("s".into())).place("x");
        assert_eq!(render("x", &error), "1 | x\n  | ^ m\n  = expected e\n  = did you mean s?");
    }

    #[test]
    fn nearest_names() {
        let names = ["Join", "Left", "NormalizeDiacritics", "ToLower"];
        assert_eq!(nearest("join", names), Some("Join"));
        assert_eq!(nearest("Jion", names), Some("Join"));
        assert_eq!(nearest("Lef", ["Len", "Left"]), Some("Left"));
        assert_eq!(nearest("NormaliseDiacritic", names), Some("NormalizeDiacritics"));
        assert_eq!(nearest("Frobnicate", names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(line_and_column("ab\nüé!", 7), (2, 3));
        assert_eq!(line_and_column("", 0), (1, 1));
    }
}
