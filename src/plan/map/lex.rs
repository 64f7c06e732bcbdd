//! The words of the language, read one after the other.

use super::error::Objection;
use super::syntax::Operator;

/// A word, and where it starts and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub at: usize,
    pub until: usize,
    pub kind: Lexeme,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lexeme {
    Name(String),
    Attribute(String),
    Text(String),
    Number(String),
    Hex(String, i64),
    Operator(Operator),
    Open,
    Close,
    Comma,
    End,
}

/// Reads the word at or behind `from`.
///
/// # Errors
/// Objects to what is no word, or does not end.
pub(super) fn token(text: &str, from: usize) -> Result<Token, Objection> {
    let blank = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}');
    let behind = text.get(from..).unwrap_or("");
    let rest = behind.trim_start_matches(blank);
    let at = text.len() - rest.len();
    let Some(first) = rest.chars().next() else {
        return Ok(Token { at, until: at, kind: Lexeme::End });
    };
    let done = |length: usize, kind: Lexeme| Ok(Token { at, until: at + length, kind });
    match first {
        '(' => done(1, Lexeme::Open),
        ')' => done(1, Lexeme::Close),
        ',' => done(1, Lexeme::Comma),
        '[' => attribute(rest, at),
        '"' => constant(rest, at),
        '&' => hexadecimal(rest, at),
        c if c.is_ascii_digit() => number(rest, at),
        '+' | '-' if rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit()) => number(rest, at),
        c if c.is_alphabetic() || c == '_' => {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest);
            done(name.len(), Lexeme::Name(name.to_owned()))
        }
        c => match Operator::ALL.into_iter().find(|one| rest.starts_with(one.sign())) {
            Some(Operator::Equal) if rest.starts_with("==") => {
                Err(Objection::new(at, at + 2, "there is no `==`").expected("`=`"))
            }
            Some(operator) => done(operator.sign().len(), Lexeme::Operator(operator)),
            None => Err(stranger(rest, c, at)),
        },
    }
}

/// Says what to write instead of a character that starts no word.
fn stranger(rest: &str, c: char, at: usize) -> Objection {
    let until = at + c.len_utf8();
    match c {
        '\'' | '`' => Objection::new(at, until, format!("a text stands in `\"`, not in `{c}`"))
            .expected("a text as `\"Contoso\"`"),
        '“' | '”' | '„' | '‟' | '‘' | '’' | '«' | '»' | '″' | '＂' => {
            Objection::new(
                at,
                until,
                format!("`{c}` is no quotation mark of the language; some editor has changed it"),
            )
            .expected("a straight `\"`")
        }
        '!' if rest.starts_with("!=") => {
            Objection::new(at, at + 2, "there is no `!=`").expected("`<>`")
        }
        ';' => Objection::new(at, until, "arguments are separated by `,`").expected("`,`"),
        '.' => Objection::new(at, until, "a number starts with a digit").expected("as `0.5`"),
        '+' | '-' => Objection::new(at, until, format!("`{c}` stands only before a number"))
            .expected("`Append` or `Join` for texts, `DateAdd` for dates"),
        ']' | '}' | '{' => Objection::new(at, until, format!("`{c}` does not belong here")),
        c => Objection::new(at, until, format!("`{c}` means nothing here")),
    }
}

/// Reads `[name]`. Blanks around the name do not belong to it.
fn attribute(rest: &str, at: usize) -> Result<Token, Objection> {
    let inside = rest.get(1..).unwrap_or("");
    let stop = |c: char| matches!(c, ']' | '[' | '"' | '(' | ')' | ',' | '\n');
    let end = inside.find(stop).unwrap_or(inside.len());
    let (name, after) = inside.split_at_checked(end).unwrap_or((inside, ""));
    if !after.starts_with(']') {
        return Err(Objection::new(
            at,
            at + 1 + name.trim_end().len(),
            "the attribute is not closed",
        )
        .expected("`]`"));
    }
    let trimmed = name.trim();
    let until = at + end + 2;
    if trimmed.is_empty() || trimmed.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Objection::new(at + 1, until - 1, "this is not the name of an attribute")
            .expected("the name of a source attribute, as `[mail]`"));
    }
    Ok(Token { at, until, kind: Lexeme::Attribute(trimmed.to_owned()) })
}

/// Reads `"text"`: `\"`, `""` and `\\` are a quotation mark and a backslash; any other backslash
/// stays as it stands.
fn constant(rest: &str, at: usize) -> Result<Token, Objection> {
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((place, c)) = chars.next() {
        match c {
            '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            '"' if chars.next_if(|(_, next)| *next == '"').is_some() => value.push('"'),
            '"' => return Ok(Token { at, until: at + place + 1, kind: Lexeme::Text(value) }),
            c => value.push(c),
        }
    }
    let message = match rest.trim_end().ends_with("\\\"") {
        true => {
            "the text is not closed: `\\\"` is a quotation mark in it; a backslash is written `\\\\`"
        }
        false => "the text is not closed",
    };
    Err(Objection::new(at, at + rest.trim_end().len(), message).expected("a closing `\"`"))
}

/// Reads a decimal number. It stays as it is written.
fn number(rest: &str, at: usize) -> Result<Token, Objection> {
    let signed = usize::from(rest.starts_with(['+', '-']));
    let digits = |from: usize| {
        let behind = rest.get(from..).unwrap_or("");
        from + behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len())
    };
    let mut end = digits(signed);
    if rest.get(end..).is_some_and(|behind| behind.starts_with('.')) {
        let fraction = digits(end + 1);
        if fraction == end + 1 {
            return Err(Objection::new(at, at + fraction, "there is no digit behind the point"));
        }
        end = fraction;
    }
    let spelling = rest.get(..end).unwrap_or("");
    let joined = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    if rest.get(end..).is_some_and(|behind| behind.starts_with(joined)) {
        return Err(Objection::new(at + end, at + end + 1, "a number ends with its last digit")
            .expected("`,` or `)`, or quotes around a text"));
    }
    Ok(Token { at, until: at + end, kind: Lexeme::Number(spelling.to_owned()) })
}

/// Reads `&HF7`.
fn hexadecimal(rest: &str, at: usize) -> Result<Token, Objection> {
    let spelled = |rest: &str| -> Option<(String, i64)> {
        let digits = rest.strip_prefix("&H").or_else(|| rest.strip_prefix("&h"))?;
        let end = digits.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(digits.len());
        let digits = digits.get(..end)?;
        let value = i64::from_str_radix(digits, 16).ok()?;
        Some((format!("&H{digits}"), value))
    };
    match spelled(rest) {
        Some((spelling, value)) => {
            let until = at + spelling.len();
            Ok(Token { at, until, kind: Lexeme::Hex(spelling, value) })
        }
        None => Err(Objection::new(at, at + 1, "`&` starts only a hexadecimal number")
            .expected("a number as `&HF7`; texts are put together by `Append` or `Join`")),
    }
}
