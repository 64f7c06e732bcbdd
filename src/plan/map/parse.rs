//! Parses mapping expressions, in the spelling that administrators know from Entra ID.

use super::Expression;

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What is wrong, and what would be right.
    pub message: String,
    /// Byte offset into the text.
    pub at: usize,
}

/// Parses `[attribute]` or `"constant"` (a double quote inside is written twice).
///
/// # Errors
/// Says where the text stops being an expression.
pub fn parse(text: &str) -> Result<Expression, ParseError> {
    let trimmed = text.trim();
    let offset = text.len() - text.trim_start().len();
    let fail =
        |at: usize, message: &str| Err(ParseError { message: message.to_owned(), at: offset + at });
    if let Some(rest) = trimmed.strip_prefix('[') {
        let Some(end) = rest.find(']') else {
            return fail(trimmed.len(), "the attribute is not closed: expected `]`");
        };
        let (name, after) = rest.split_at(end);
        if after.len() > 1 {
            return fail(end + 2, "expected nothing after `]`");
        }
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if name.is_empty() || !name.chars().all(valid) {
            return fail(1, "expected the name of a source attribute, as `[mail]`");
        }
        return Ok(Expression::Attribute(name.to_owned()));
    }
    if let Some(rest) = trimmed.strip_prefix('"') {
        let mut value = String::new();
        let mut chars = rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != '"' {
                value.push(c);
            } else if chars.next_if(|(_, next)| *next == '"').is_some() {
                value.push('"');
            } else if at + 1 == rest.len() {
                return Ok(Expression::Constant(value));
            } else {
                return fail(at + 2, "expected nothing after the closing quote");
            }
        }
        return fail(trimmed.len(), "the constant is not closed: expected `\"`");
    }
    fail(0, "expected an attribute as `[mail]`, or a constant as `\"Contoso\"` in its own quotes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_and_constants() {
        assert_eq!(parse("[mail]"), Ok(Expression::Attribute("mail".into())));
        assert_eq!(parse(" \"Con\"\"toso\" "), Ok(Expression::Constant("Con\"toso".into())));
        assert_eq!(parse("\"\""), Ok(Expression::Constant(String::new())));
    }

    #[test]
    fn texts_round_trip() {
        for text in ["[userPrincipalName]", "\"a \"\"b\"\"\""] {
            let parsed = parse(text).expect("valid");
            assert_eq!(parsed.text(), text);
        }
    }

    #[test]
    fn errors_say_where() {
        for (text, at) in [
            ("mail", 0),
            (" [mail", 6),
            ("[mail] x", 6),
            ("[]", 1),
            ("[a b]", 1),
            ("\"open", 5),
            ("\"a\" b", 3),
            ("", 0),
        ] {
            assert_eq!(parse(text).expect_err(text).at, at, "{text}");
        }
    }
}
