//! Escapes and classes of characters.

use std::fmt::Write;

use super::Translator;

impl Translator<'_> {
    /// Returns the character of an escape.
    pub(super) fn character(&mut self, c: char) -> Result<char, String> {
        let code = |this: &mut Self, digits: usize| -> Result<char, String> {
            let hex =
                this.rest.get(..digits).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
            let value = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
            let found = value.and_then(char::from_u32);
            this.rest = this.rest.get(digits..).unwrap_or("");
            found.ok_or_else(|| format!("`\\{c}` is followed by {digits} hexadecimal digits"))
        };
        Ok(match c {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'a' => '\u{7}',
            'e' => '\u{1b}',
            '0' => self.octal('0').unwrap_or('\0'),
            'x' => code(self, 2)?,
            'u' => code(self, 4)?,
            'c' => match self.take() {
                Some(letter) if letter.is_ascii_alphabetic() => {
                    char::from(letter.to_ascii_uppercase() as u8 - b'@')
                }
                _ => return Err("`\\c` is followed by a letter".to_owned()),
            },
            c if c.is_alphanumeric() => return Err(format!("there is no escape `\\{c}`")),
            c => c,
        })
    }

    /// Takes up to two more octal digits.
    pub(super) fn octal(&mut self, first: char) -> Option<char> {
        let more: String =
            self.rest.chars().take_while(|c| ('0'..='7').contains(c)).take(2).collect();
        let value = u32::from_str_radix(&format!("{first}{more}"), 8).ok()?;
        self.rest = self.rest.get(more.len()..).unwrap_or("");
        char::from_u32(value & 0xff)
    }

    /// Returns a Unicode category as it is written.
    pub(super) fn property(&mut self, p: char) -> Result<String, String> {
        let name = self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let (name, rest) =
            name.ok_or_else(|| format!("`\\{p}` is followed by a name in braces"))?;
        self.rest = rest;
        let plain =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let script = match name.strip_prefix("Is") {
            Some("BasicLatin") => return Ok(block(p, "\\x00-\\x7F")),
            Some("Latin-1Supplement") => return Ok(block(p, "\\x80-\\xFF")),
            Some("LatinExtended-A") => return Ok(block(p, "\\x{100}-\\x{17F}")),
            Some("LatinExtended-B") => return Ok(block(p, "\\x{180}-\\x{24F}")),
            Some("Greek" | "GreekandCoptic") => return Ok(block(p, "\\x{370}-\\x{3FF}")),
            Some("Cyrillic") => return Ok(block(p, "\\x{400}-\\x{4FF}")),
            Some("Hebrew") => return Ok(block(p, "\\x{590}-\\x{5FF}")),
            Some("Arabic") => return Ok(block(p, "\\x{600}-\\x{6FF}")),
            Some(other) => return Err(format!("the block `Is{other}` is not supported")),
            None => name,
        };
        // .NET knows categories only, of one letter or two.
        if !plain || script.len() > 2 {
            return Err(format!("there is no Unicode category `{name}`"));
        }
        Ok(format!("\\{p}{{{script}}}"))
    }

    /// Returns a class as the engines write it. Its `[` has been taken.
    pub(super) fn class(&mut self, depth: usize) -> Result<String, String> {
        let open = || "a `[` is not closed".to_owned();
        if depth > 20 {
            return Err("classes are nested too deep".to_owned());
        }
        let mut out = String::from("[");
        if self.eat("^") {
            out.push('^');
        }
        let mut first = true;
        loop {
            let c = self.take().ok_or_else(open)?;
            match c {
                ']' if !first => {
                    out.push(']');
                    return Ok(out);
                }
                '-' if !first && self.eat("[") => {
                    let without = self.class(depth + 1)?;
                    if !self.eat("]") {
                        return Err("nothing follows what is taken out of a class".to_owned());
                    }
                    return Ok(format!("{out}--{without}]"));
                }
                _ => {}
            }
            first = false;
            let low = match c {
                '\\' => match self.class_escape()? {
                    Ok(c) => c,
                    Err(several) => {
                        out.push_str(&several);
                        continue;
                    }
                },
                c => c,
            };
            push_in_class(&mut out, low);
            let ranged = self.rest.strip_prefix('-').is_some_and(|behind| {
                !behind.is_empty() && !behind.starts_with(']') && !behind.starts_with('[')
            });
            if ranged {
                self.eat("-");
                let high = match self.take().ok_or_else(open)? {
                    '\\' => self.class_escape()?.map_err(|_| "a range ends with one character")?,
                    c => c,
                };
                if high < low {
                    return Err(format!("the range `{low}-{high}` runs backwards"));
                }
                out.push('-');
                push_in_class(&mut out, high);
            }
        }
    }

    /// Returns the character of an escape in a class, or the several that it stands for.
    fn class_escape(&mut self) -> Result<Result<char, String>, String> {
        let c = self.take().ok_or("the pattern ends with a backslash")?;
        Ok(match c {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => Err(format!("\\{c}")),
            'p' | 'P' => Err(self.property(c)?),
            'b' => Ok('\u{8}'),
            '1'..='7' => Ok(self.octal(c).unwrap_or(c)),
            c => Ok(self.character(c)?),
        })
    }
}

/// Returns a range of characters, or all but it.
fn block(p: char, range: &str) -> String {
    if p == 'p' { format!("[{range}]") } else { format!("[^{range}]") }
}

/// Writes a character into a class; whatever could mean something there by its number.
fn push_in_class(out: &mut String, c: char) {
    if c.is_ascii_alphanumeric() || (!c.is_ascii() && !c.is_whitespace() && !c.is_control()) {
        out.push(c);
    } else {
        let _ = write!(out, "\\x{{{:X}}}", u32::from(c));
    }
}
