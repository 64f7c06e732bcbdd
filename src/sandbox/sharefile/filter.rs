//! `$filter` and `$orderby` as far as official clients write them (ShareFile API reference,
//! section 2.4).

use std::cmp::Ordering;

use serde_json::Value;

use crate::sandbox::odata::{Token, tokens};

/// How deep parentheses may stand in each other.
const DEEPEST: usize = 32;

/// A condition on a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare(Operand, Comparison, Operand),
    /// The row is of a type, or of one made from it.
    IsOf(String),
    StartsWith(Operand, Operand),
    EndsWith(Operand, Operand),
    Contains(Operand, Operand),
}

/// What is compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Member(String),
    Literal(Value),
    /// A condition stands for its truth: `startswith(Name, 'A') eq true`.
    Truth(Box<Filter>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Greater,
    Less,
    AtLeast,
    AtMost,
}

impl Filter {
    /// Reads a filter, or returns `None` if it does not follow the grammar.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser { tokens: split(text)?, at: 0, depth: 0 };
        let filter = parser.either()?;
        (parser.at == parser.tokens.len()).then_some(filter)
    }

    /// Returns whether a row meets the condition.
    pub(super) fn holds(&self, row: &Value) -> bool {
        match self {
            Self::And(left, right) => left.holds(row) && right.holds(row),
            Self::Or(left, right) => left.holds(row) || right.holds(row),
            Self::Not(inner) => !inner.holds(row),
            Self::Compare(left, comparison, right) => {
                compare(&left.value(row), *comparison, &right.value(row))
            }
            Self::IsOf(kind) => is_of(row, kind),
            Self::StartsWith(text, part) => text.text(row).starts_with(&part.text(row)),
            Self::EndsWith(text, part) => text.text(row).ends_with(&part.text(row)),
            Self::Contains(text, part) => text.text(row).contains(&part.text(row)),
        }
    }
}

impl Operand {
    fn value(&self, row: &Value) -> Value {
        match self {
            Self::Member(path) => member(row, path).clone(),
            Self::Literal(value) => value.clone(),
            Self::Truth(filter) => filter.holds(row).into(),
        }
    }

    fn text(&self, row: &Value) -> String {
        self.value(row).as_str().unwrap_or_default().to_lowercase()
    }
}

/// Returns a member by name without regard to case; `A/B` goes into `A`.
fn member<'a>(row: &'a Value, path: &str) -> &'a Value {
    path.split('/').fold(row, |value, name| {
        let members = value.as_object().into_iter().flatten();
        let mut found = members.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map_or(&Value::Null, |(_, value)| value)
    })
}

/// Users and groups are principals, employees are users as well.
fn is_of(row: &Value, kind: &str) -> bool {
    let own = member(row, "odata.type").as_str().unwrap_or_default();
    let name = |full: &str| full.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let above: &[&str] = match name(own).as_str() {
        "accountuser" => &["user", "principal"],
        "user" | "group" | "contact" | "zone" => &["principal"],
        _ => &[],
    };
    name(own) == name(kind) || above.contains(&name(kind).as_str())
}

fn compare(left: &Value, comparison: Comparison, right: &Value) -> bool {
    let order = order(left, right);
    match comparison {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::Unequal => order != Some(Ordering::Equal),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Comparison::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
    }
}

/// Orders two values: dates by time, texts without regard to case.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => {
            let time = |text: &String| text.parse::<jiff::Timestamp>().ok();
            match (time(left), time(right)) {
                (Some(left), Some(right)) => Some(left.cmp(&right)),
                _ => Some(left.to_lowercase().cmp(&right.to_lowercase())),
            }
        }
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        _ => None,
    }
}

/// Splits a filter into tokens; `datetime'…'` is a text that knows it is a date.
fn split(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    for token in tokens(text, char::is_whitespace)? {
        let literal = matches!(token, Token::Text(_));
        found.pop_if(|before| literal && matches!(before, Token::Word(word) if word == "datetime"));
        found.push(token);
    }
    Some(found)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned()?;
        self.at += 1;
        Some(token)
    }

    fn take(&mut self, token: &Token) -> bool {
        let there = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(there);
        there
    }

    fn take_word(&mut self, word: &str) -> bool {
        let there = matches!(self.tokens.get(self.at),
            Some(Token::Word(known)) if known.eq_ignore_ascii_case(word));
        self.at += usize::from(there);
        there
    }

    fn either(&mut self) -> Option<Filter> {
        let mut left = self.both()?;
        while self.take_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.both()?));
        }
        Some(left)
    }

    fn both(&mut self) -> Option<Filter> {
        let mut left = self.one()?;
        while self.take_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Some(left)
    }

    fn one(&mut self) -> Option<Filter> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let filter = if self.take_word("not") {
            Filter::Not(Box::new(self.one()?))
        } else if self.take(&Token::Open) {
            let inner = self.either()?;
            if !self.take(&Token::Close) {
                return None;
            }
            inner
        } else {
            let left = self.operand()?;
            match self.comparison() {
                Some(comparison) => Filter::Compare(left, comparison, self.operand()?),
                None => match left {
                    Operand::Truth(filter) => *filter,
                    Operand::Member(_) => {
                        Filter::Compare(left, Comparison::Equal, Operand::Literal(true.into()))
                    }
                    Operand::Literal(_) => return None,
                },
            }
        };
        self.depth -= 1;
        Some(filter)
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let known = [
            ("eq", Comparison::Equal),
            ("ne", Comparison::Unequal),
            ("gt", Comparison::Greater),
            ("lt", Comparison::Less),
            ("ge", Comparison::AtLeast),
            ("le", Comparison::AtMost),
        ];
        known.into_iter().find(|(word, _)| self.take_word(word)).map(|(_, comparison)| comparison)
    }

    fn operand(&mut self) -> Option<Operand> {
        match self.next()? {
            Token::Text(text) => Some(Operand::Literal(text.into())),
            Token::Word(word) if self.take(&Token::Open) => self.function(&word),
            Token::Word(word) => Some(match word.to_ascii_lowercase().as_str() {
                "true" => Operand::Literal(true.into()),
                "false" => Operand::Literal(false.into()),
                "null" => Operand::Literal(Value::Null),
                lower => match lower.parse::<f64>() {
                    Ok(number) => Operand::Literal(number.into()),
                    Err(_) => Operand::Member(word),
                },
            }),
            Token::Open | Token::Close | Token::Comma => None,
        }
    }

    fn function(&mut self, name: &str) -> Option<Operand> {
        let first = self.operand()?;
        let filter = if name.eq_ignore_ascii_case("isof") {
            let Operand::Literal(Value::String(kind)) = first else { return None };
            Filter::IsOf(kind)
        } else {
            if !self.take(&Token::Comma) {
                return None;
            }
            let second = self.operand()?;
            match name.to_ascii_lowercase().as_str() {
                "startswith" => Filter::StartsWith(first, second),
                "endswith" => Filter::EndsWith(first, second),
                "substringof" => Filter::Contains(second, first),
                _ => return None,
            }
        };
        self.take(&Token::Close).then(|| Operand::Truth(Box::new(filter)))
    }
}

/// An order of rows: members, and whether the greatest comes first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OrderBy(Vec<(String, bool)>);

impl OrderBy {
    /// Reads `Name desc, Email`, or returns `None` if it does not follow the grammar.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let keys = text.split(',').map(|key| {
            let mut words = key.split_whitespace();
            let name = words.next()?.to_owned();
            let descending = match words.next().map(str::to_ascii_lowercase).as_deref() {
                None | Some("asc") => false,
                Some("desc") => true,
                Some(_) => return None,
            };
            words.next().is_none().then_some((name, descending))
        });
        keys.collect::<Option<_>>().map(Self)
    }

    /// Orders two rows; what cannot be compared counts as equal.
    pub(super) fn compare(&self, left: &Value, right: &Value) -> Ordering {
        let orders = self.0.iter().map(|(name, descending)| {
            let order = order(member(left, name), member(right, name));
            let order = order.unwrap_or(Ordering::Equal);
            if *descending { order.reverse() } else { order }
        });
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(filter: &str) -> bool {
        let row = json!({
            "odata.type": "ShareFile.Api.Models.AccountUser", "Email": "O'Hara@acme.example",
            "IsDisabled": false, "Count": 3, "CreatedDate": "2017-02-13T22:19:07.92Z",
            "Owner": { "Email": "o@acme.example" },
        });
        Filter::parse(filter).unwrap_or_else(|| panic!("{filter}")).holds(&row)
    }

    #[test]
    fn the_grammar_of_official_clients_is_understood() {
        for filter in [
            "Email eq 'o''hara@ACME.example'",
            "email ne 'x' and IsDisabled eq False",
            "startswith(Email, 'o''h') eq true",
            "endswith(Email, '.EXAMPLE') eq true and not endswith(Email, 'x')",
            "substringof('hara', Email) eq true",
            "isof('ShareFile.Api.Models.User') and isof('ShareFile.Api.Models.Principal')",
            "Count gt 2 and Count lt 4 and Count ge 3",
            "(Count eq 1 or Count eq 3) and Owner/Email eq 'o@acme.example'",
            "CreatedDate gt datetime'2017-02-13T22:19:07Z'",
            "Nothing eq null",
        ] {
            assert!(holds(filter), "{filter}");
        }
        for filter in ["Count eq '3'", "isof('ShareFile.Api.Models.Group')", "IsDisabled"] {
            assert!(!holds(filter), "{filter}");
        }
    }

    #[test]
    fn what_does_not_follow_it_is_refused() {
        let deep = format!("{}a eq 1{}", "(".repeat(40), ")".repeat(40));
        for filter in ["", "Email eq", "Email eq 'x", "a eq 1 b", "f(a, b)", "(a eq 1", "'x'"] {
            assert_eq!(Filter::parse(filter), None, "{filter}");
        }
        assert_eq!(Filter::parse(&deep), None);
    }

    #[test]
    fn rows_are_put_in_order() {
        let mut rows = vec![json!({"N": "b", "C": 1}), json!({"N": "A", "C": 1}), json!({"C": 2})];
        let by = OrderBy::parse("C desc, n").unwrap();
        rows.sort_by(|left, right| by.compare(left, right));
        assert_eq!(rows, [json!({"C": 2}), json!({"N": "A", "C": 1}), json!({"N": "b", "C": 1})]);
        assert_eq!(OrderBy::parse("N sideways"), None);
    }
}
