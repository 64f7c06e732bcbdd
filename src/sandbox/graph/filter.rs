//! The part of OData's `$filter` that the directory answers (Graph reference, section 3).

use std::cmp::Ordering;

use serde_json::Value;
use uuid::Uuid;

use super::call::Refusal;
use crate::sandbox::odata::{Token, tokens};

/// Values in one `in (…)`, and clauses joined with `or`, at most.
const MOST_CLAUSES: usize = 15;
/// Characters of a literal, at most.
const LONGEST_LITERAL: usize = 120;

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `eq`.
    Equals,
    /// `ne`: an advanced query.
    Differs,
    /// `gt`.
    Above,
    /// `ge`.
    AtLeast,
    /// `lt`.
    Below,
    /// `le`.
    AtMost,
}

/// A function of two arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `startswith`.
    StartsWith,
    /// `endswith`: an advanced query.
    EndsWith,
}

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Every part holds.
    And(Vec<Filter>),
    /// Some part holds.
    Or(Vec<Filter>),
    /// The part does not hold: an advanced query.
    Not(Box<Filter>),
    /// A property compared with a literal.
    Compare(String, Operator, Value),
    /// A property that is one of some literals.
    In(String, Vec<Value>),
    /// A function of a property and a text.
    Call(Function, String, String),
    /// Some element of a list fits: the list, what an element is called, and what must hold.
    Any(String, String, Box<Filter>),
}

impl Filter {
    /// Parses a filter.
    ///
    /// # Errors
    /// With Graph's refusal when it does not parse or has too many clauses.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let tokens = split(text).ok_or_else(|| invalid(text))?;
        let mut parser = Parser { tokens: &tokens, at: 0 };
        let filter = parser.any().ok_or_else(|| invalid(text))?;
        if parser.at != tokens.len() {
            return Err(invalid(text));
        }
        filter.check_size()?;
        Ok(filter)
    }

    /// Calls `visit` with each property and the operator that it is used with.
    pub fn properties(&self, visit: &mut dyn FnMut(&str, &Filter)) {
        match self {
            Self::And(parts) | Self::Or(parts) => {
                for part in parts {
                    part.properties(visit);
                }
            }
            Self::Not(part) => part.properties(visit),
            Self::Compare(name, ..)
            | Self::In(name, _)
            | Self::Call(_, name, _)
            | Self::Any(name, ..) => {
                visit(name, self);
            }
        }
    }

    /// Returns whether the filter needs `ConsistencyLevel: eventual` and `$count=true`.
    pub fn advanced(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::advanced),
            Self::Not(_) | Self::Compare(_, Operator::Differs, _) => true,
            Self::Call(Function::EndsWith, ..) => true,
            Self::Any(_, _, part) => part.advanced(),
            Self::Compare(..) | Self::In(..) | Self::Call(..) => false,
        }
    }

    /// Returns the ids that the filter names if it asks for nothing else, or `None`.
    pub fn ids(&self) -> Option<Vec<Uuid>> {
        let one = |value: &Value| value.as_str().map(|text| Uuid::try_parse(text).ok());
        match self {
            Self::Compare(name, Operator::Equals, value) if name == "id" => {
                Some(one(value)?.into_iter().collect())
            }
            Self::In(name, values) if name == "id" => {
                let ids: Option<Vec<Option<Uuid>>> = values.iter().map(one).collect();
                Some(ids?.into_iter().flatten().collect())
            }
            Self::Or(parts) => {
                let lists: Option<Vec<Vec<Uuid>>> = parts.iter().map(Self::ids).collect();
                Some(lists?.concat())
            }
            _ => None,
        }
    }

    /// Returns whether an object fits; `value` returns its properties, null if it has none.
    pub fn fits(&self, value: &dyn Fn(&str) -> Value) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.fits(value)),
            Self::Or(parts) => parts.iter().any(|part| part.fits(value)),
            Self::Not(part) => !part.fits(value),
            Self::Compare(name, operator, literal) => compared(&value(name), *operator, literal),
            Self::Any(name, variable, part) => {
                let held = value(name);
                held.as_array().into_iter().flatten().any(|element| {
                    part.fits(&|path| {
                        let rest = path.strip_prefix(variable.as_str()).unwrap_or(path);
                        rest.split('/')
                            .filter(|step| !step.is_empty())
                            .fold(element.clone(), |value, step| {
                                value.get(step).cloned().unwrap_or(Value::Null)
                            })
                    })
                })
            }
            Self::In(name, literals) => {
                let held = value(name);
                literals.iter().any(|literal| same(&held, literal))
            }
            Self::Call(function, name, text) => {
                let held = value(name);
                let held = held.as_str().unwrap_or_default().to_lowercase();
                let text = text.to_lowercase();
                match function {
                    Function::StartsWith => held.starts_with(&text),
                    Function::EndsWith => held.ends_with(&text),
                }
            }
        }
    }

    fn check_size(&self) -> Result<(), Refusal> {
        let clauses = match self {
            Self::Or(parts) => {
                parts.iter().try_for_each(Self::check_size)?;
                parts.len()
            }
            Self::And(parts) => {
                parts.iter().try_for_each(Self::check_size)?;
                0
            }
            Self::Not(part) | Self::Any(_, _, part) => {
                part.check_size()?;
                0
            }
            Self::In(_, values) => values.len(),
            Self::Compare(_, _, Value::String(text)) if text.chars().count() > LONGEST_LITERAL => {
                return Err(Refusal::unsupported(
                    "The value of a filter clause is longer than 120 characters.",
                ));
            }
            Self::Compare(..) | Self::Call(..) => 0,
        };
        if clauses > MOST_CLAUSES {
            return Err(Refusal::unsupported(format!(
                "Too many child clauses specified in search filter expression containing 'OR' operators: {clauses}. Max allowed: {MOST_CLAUSES}."
            )));
        }
        Ok(())
    }
}

fn same(held: &Value, literal: &Value) -> bool {
    match (held, literal) {
        (Value::String(held), Value::String(literal)) => {
            held == literal || held.to_lowercase() == literal.to_lowercase()
        }
        _ => held == literal,
    }
}

fn compared(held: &Value, operator: Operator, literal: &Value) -> bool {
    let order = || match (held, literal) {
        (Value::String(held), Value::String(literal)) => {
            // Dates are compared as what they mean, other texts without regard to case.
            let instant = |text: &str| text.parse::<jiff::Timestamp>().ok();
            match (instant(held), instant(literal)) {
                (Some(held), Some(literal)) => Some(held.cmp(&literal)),
                _ => Some(held.to_lowercase().cmp(&literal.to_lowercase())),
            }
        }
        (Value::Number(held), Value::Number(literal)) => Some(held.as_i64().cmp(&literal.as_i64())),
        _ => None,
    };
    match operator {
        Operator::Equals => same(held, literal) || order().is_some_and(Ordering::is_eq),
        Operator::Differs => !same(held, literal),
        Operator::Above => order().is_some_and(Ordering::is_gt),
        Operator::AtLeast => order().is_some_and(Ordering::is_ge),
        Operator::Below => order().is_some_and(Ordering::is_lt),
        Operator::AtMost => order().is_some_and(Ordering::is_le),
    }
}

fn invalid(text: &str) -> Refusal {
    Refusal::bad(format!("Invalid filter clause: {text}"))
}

/// Splits a filter into tokens; `list/any(x:x eq …` names the element before a colon.
fn split(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    for token in tokens(text, |c| c == ' ')? {
        let lambda = matches!(
            found.as_slice(),
            [.., Token::Word(list), Token::Open] if list.ends_with("/any")
        );
        match token {
            Token::Word(word) if lambda => {
                let (variable, rest) = word.split_once(':').unwrap_or((&word, ""));
                found.push(Token::Word(variable.to_owned()));
                if !rest.is_empty() {
                    found.push(Token::Word(rest.to_owned()));
                }
            }
            token => found.push(token),
        }
    }
    Some(found)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn takes(&mut self, wanted: &Token) -> bool {
        let found = self.tokens.get(self.at) == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(word)) if word == wanted);
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Option<Filter> {
        let mut parts = vec![self.all()?];
        while self.takes_word("or") {
            parts.push(self.all()?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Filter::Or(parts)) }
    }

    fn all(&mut self) -> Option<Filter> {
        let mut parts = vec![self.one()?];
        while self.takes_word("and") {
            parts.push(self.one()?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Filter::And(parts)) }
    }

    fn one(&mut self) -> Option<Filter> {
        if self.takes_word("not") {
            return Some(Filter::Not(Box::new(self.one()?)));
        }
        if self.takes(&Token::Open) {
            let inner = self.any()?;
            return self.takes(&Token::Close).then_some(inner);
        }
        let Some(Token::Word(word)) = self.next() else {
            return None;
        };
        if self.takes(&Token::Open) {
            return match word.strip_suffix("/any") {
                Some(list) => self.lambda(list),
                None => self.function(&word),
            };
        }
        if self.takes_word("in") {
            return self.list(word);
        }
        let operator = match self.next()? {
            Token::Word(operator) => match operator.as_str() {
                "eq" => Operator::Equals,
                "ne" => Operator::Differs,
                "gt" => Operator::Above,
                "ge" => Operator::AtLeast,
                "lt" => Operator::Below,
                "le" => Operator::AtMost,
                _ => return None,
            },
            _ => return None,
        };
        Some(Filter::Compare(word, operator, self.literal()?))
    }

    fn function(&mut self, name: &str) -> Option<Filter> {
        let function = match name.to_ascii_lowercase().as_str() {
            "startswith" => Function::StartsWith,
            "endswith" => Function::EndsWith,
            _ => return None,
        };
        let (Token::Word(property), Token::Comma) = (self.next()?, self.next()?) else {
            return None;
        };
        let (Token::Text(text), Token::Close) = (self.next()?, self.next()?) else {
            return None;
        };
        Some(Filter::Call(function, property, text))
    }

    fn lambda(&mut self, list: &str) -> Option<Filter> {
        let Token::Word(variable) = self.next()? else {
            return None;
        };
        let part = self.any()?;
        let filter = Filter::Any(list.to_owned(), variable, Box::new(part));
        self.takes(&Token::Close).then_some(filter)
    }

    fn list(&mut self, property: String) -> Option<Filter> {
        if !self.takes(&Token::Open) {
            return None;
        }
        let mut values = vec![self.literal()?];
        while self.takes(&Token::Comma) {
            values.push(self.literal()?);
        }
        self.takes(&Token::Close).then_some(Filter::In(property, values))
    }

    fn literal(&mut self) -> Option<Value> {
        match self.next()? {
            Token::Text(text) => Some(Value::String(text)),
            Token::Word(word) => match word.as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                "null" => Some(Value::Null),
                // GUIDs and dates stand without quotes, and so do numbers.
                _ => match word.parse::<i64>() {
                    Ok(number) => Some(Value::from(number)),
                    Err(_) => {
                        let known = Uuid::try_parse(&word).is_ok()
                            || word.parse::<jiff::Timestamp>().is_ok();
                        known.then_some(Value::String(word))
                    }
                },
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filters_parse_and_decide() {
        let value = |name: &str| match name {
            "displayName" => json!("Seán O'Brien"),
            "accountEnabled" => json!(true),
            "createdDateTime" => json!("2026-03-01T10:00:00Z"),
            "proxyAddresses" => json!(["SMTP:a@b.c", "smtp:d@e.f"]),
            "identities" => json!([{"issuer": "contoso.com"}]),
            "duration" => json!(12),
            _ => Value::Null,
        };
        for (text, holds) in [
            ("displayName eq 'SEÁN O''BRIEN'", true),
            ("displayName eq 'x' or accountEnabled eq true", true),
            ("displayName eq 'x' and accountEnabled eq true", false),
            ("startswith(displayName,'seán') and not(mail eq 'a')", true),
            ("mail eq null", true),
            ("displayName in ('a', 'Seán O''Brien')", true),
            ("accountEnabled ne true", false),
            ("createdDateTime ge 2026-03-01T11:00:00+01:00", true),
            ("createdDateTime lt 2026-03-01T10:00:00Z", false),
            ("duration gt 11 and duration le 12", true),
            ("proxyAddresses/any(x:x eq 'smtp:A@B.C')", true),
            ("proxyAddresses/any(p: startsWith(p,'smtp:d'))", true),
            (
                "proxyAddresses/any(x:x eq 'smtp:x') or identities/any(i:i/issuer eq 'contoso.com')",
                true,
            ),
            ("mail gt 'a'", false),
        ] {
            let filter = Filter::parse(text).expect(text);
            assert_eq!(filter.fits(&value), holds, "{text}");
        }
        for text in ["displayName eq", "displayName eq 'x", "contains(a,'b')", "a eq 'b')"] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ids_are_found_and_limited() {
        let id = Uuid::from_u128(5);
        let filter = Filter::parse(&format!("id eq '{id}' or id in ('{id}')")).expect("parses");
        assert_eq!(filter.ids(), Some(vec![id, id]));
        let many = vec![format!("'{id}'"); 16].join(",");
        assert!(Filter::parse(&format!("id in ({many})")).is_err());
        assert!(Filter::parse("id ne null").expect("parses").advanced());
    }
}
