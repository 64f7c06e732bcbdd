//! Filters of OData, in tokens. Both services read them; what they make of them is their own.

/// A part of a filter that stands for itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `,`.
    Comma,
    /// Whatever stands without quotes: a name, an operator, a number.
    Word(String),
    /// A text in single quotes, as it is meant.
    Text(String),
}

/// Returns the tokens of a filter, with anything that is `blank` between them, or `None` if a text
/// has no end. A quote is written twice inside a text.
pub(super) fn tokens(filter: &str, blank: fn(char) -> bool) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = filter.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            next if blank(next) => {}
            '(' => found.push(Token::Open),
            ')' => found.push(Token::Close),
            ',' => found.push(Token::Comma),
            '\'' => {
                let mut text = String::new();
                loop {
                    match rest.next()? {
                        '\'' if rest.next_if_eq(&'\'').is_some() => text.push('\''),
                        '\'' => break,
                        other => text.push(other),
                    }
                }
                found.push(Token::Text(text));
            }
            first => {
                let mut word = String::from(first);
                while let Some(more) = rest.next_if(|&c| !blank(c) && !"(),'".contains(c)) {
                    word.push(more);
                }
                found.push(Token::Word(word));
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(word: &str) -> Token {
        Token::Word(word.to_owned())
    }

    fn text(text: &str) -> Token {
        Token::Text(text.to_owned())
    }

    #[test]
    fn filters_fall_into_tokens() {
        use Token::{Close, Comma, Open};
        for (filter, expected) in [
            ("", vec![]),
            ("  ", vec![]),
            (" Email  eq 'a b' ", vec![word("Email"), word("eq"), text("a b")]),
            ("not(a/b eq 1)", vec![word("not"), Open, word("a/b"), word("eq"), word("1"), Close]),
            ("f(A,'(,)')", vec![word("f"), Open, word("A"), Comma, text("(,)"), Close]),
            ("datetime'2017'", vec![word("datetime"), text("2017")]),
            ("any(x:x", vec![word("any"), Open, word("x:x")]),
            ("'O''Hara' ''''", vec![text("O'Hara"), text("'")]),
            ("'' 'é'é", vec![text(""), text("é"), word("é")]),
            ("a\tb", vec![word("a\tb")]),
        ] {
            assert_eq!(tokens(filter, |c| c == ' '), Some(expected), "{filter}");
        }
        let two = vec![word("a"), word("b")];
        assert_eq!(tokens("a\tb\n", char::is_whitespace), Some(two));
    }

    #[test]
    fn a_text_without_an_end_is_none() {
        for filter in ["'", "a eq 'x", "'x''", "'a' 'b"] {
            assert_eq!(tokens(filter, char::is_whitespace), None, "{filter}");
        }
    }
}
