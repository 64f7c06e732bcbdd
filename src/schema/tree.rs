//! From the source of an attribute mapping to an expression of this project's language.
//!
//! A source says the same twice: as a tree of functions whose parameters have names, and as text.
//! Either may be missing. The tree is preferred; where both are there they are compared (Graph
//! reference, section 10).

use crate::plan::map::{Expression, Function, MOST_DEPTH, Need};

use super::arguments::arguments;
use super::findings::{Findings, Kind};
use super::wire::{Source, SourceType};

/// An expression that was understood.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// How it is written into the configuration: as in the file if that has it as text.
    pub text: String,
    /// What it means.
    pub expression: Expression,
}

/// A source that gives no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// The text, as far as there is one.
    pub text: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

/// Returns the expression of a source. A disagreement between tree and text is reported.
///
/// # Errors
/// Says why neither the tree nor the text is an expression.
pub(super) fn express(
    source: &Source,
    subject: &str,
    findings: &mut Findings,
) -> Result<Written, Broken> {
    let from_tree = read_tree(source);
    let from_text = source.expression.as_deref().map(|text| (text, parse(text)));
    match (from_tree, from_text) {
        (Ok(tree), None) => Ok(tree),
        (Ok(tree), Some((text, Ok(expression)))) => {
            if plain(tree.expression.text()) == plain(expression.text()) {
                return Ok(Written { text: as_written(text, &expression), expression });
            }
            let reason = format!(
                "the tree of functions says `{}` and the text says `{}`; the tree counts",
                tree.expression.text(),
                expression.text()
            );
            let advice = "Look up in the portal which of them is right.";
            findings.add(Kind::Changed, &source.place, subject, reason, advice);
            Ok(tree)
        }
        (Ok(tree), Some((_, Err(why)))) => {
            let reason = format!("its text is no expression ({why}); the tree of functions counts");
            let advice = "Look up in the portal what it should be.";
            findings.add(Kind::Changed, &source.place, subject, reason, advice);
            Ok(tree)
        }
        (Err(why), Some((text, Ok(expression)))) => {
            if let Some(why) = why {
                let reason = format!("its tree of functions is not clear ({why}); the text counts");
                let advice = "Look up in the portal what it should be.";
                findings.add(Kind::Changed, &source.place, subject, reason, advice);
            }
            Ok(Written { text: as_written(text, &expression), expression })
        }
        (Err(_), Some((text, Err(reason)))) => Err(Broken { text: Some(text.to_owned()), reason }),
        (Err(why), None) => {
            let reason = why.unwrap_or_else(|| "it has neither a name nor a text".to_owned());
            Err(Broken { text: write(source, 0).ok(), reason })
        }
    }
}

/// Parses a text; an error says where.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    Expression::parse(text).map_err(|error| {
        let near = error.suggestion.as_deref().map(|near| format!("; did you mean {near}?"));
        let near = near.unwrap_or_default();
        if error.line > 1 {
            return format!(
                "line {}, column {}: {}{near}",
                error.line, error.column, error.message
            );
        }
        format!("column {}: {}{near}", error.column, error.message)
    })
}

/// Returns a text as it is written into the configuration: on one line.
fn as_written(text: &str, expression: &Expression) -> String {
    let text = text.trim();
    if text.contains(char::is_control) { expression.text().to_owned() } else { text.to_owned() }
}

/// Returns the expression of the tree. An error without a reason is a tree that is not there.
fn read_tree(source: &Source) -> Result<Written, Option<String>> {
    if source.damaged {
        return Err(Some("a part of it could not be read".to_owned()));
    }
    let call = source.kind == Some(SourceType::Function);
    if source.name.is_none() || (call && source.parameters.is_empty() && !takes_nothing(source)) {
        return Err(None);
    }
    let text = write(source, 0).map_err(Some)?;
    let expression = parse(&text).map_err(Some)?;
    Ok(Written { text, expression })
}

/// Returns whether the function takes no arguments, as `Now` does.
fn takes_nothing(source: &Source) -> bool {
    let function = source.name.as_deref().and_then(Function::named);
    function
        .is_some_and(|function| function.parameters.iter().all(|one| one.need == Need::Optional))
}

/// Writes a tree as text.
///
/// # Errors
/// Says what is not clear.
pub(super) fn write(source: &Source, depth: usize) -> Result<String, String> {
    if depth > MOST_DEPTH {
        return Err(format!("functions are nested more than {MOST_DEPTH} deep"));
    }
    let name = source.name.as_deref().map(str::trim);
    match (kind(source), name, &source.expression) {
        (SourceType::Attribute, Some(name), _) if !name.is_empty() => {
            let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
            let bare = bare.unwrap_or(name);
            if bare.contains(['[', ']']) {
                return Err(format!("`{bare}` is no name of an attribute"));
            }
            Ok(format!("[{bare}]"))
        }
        // White space in a constant counts.
        (SourceType::Constant, Some(_), _) => Ok(quote(source.name.as_deref().unwrap_or_default())),
        (SourceType::Function, Some(name), _) if !name.is_empty() => {
            if source.parameters.is_empty()
                && !takes_nothing(source)
                && let Some(text) = &source.expression
            {
                return Ok(text.clone());
            }
            let given = arguments(name, &source.parameters, depth)?;
            Ok(format!("{name}({given})"))
        }
        (_, _, Some(text)) => Ok(text.clone()),
        _ => Err("a part of it has neither a name nor a text".to_owned()),
    }
}

/// Returns what a source is; if it does not say so, what it looks like.
fn kind(source: &Source) -> SourceType {
    let text = source.expression.as_deref().map(str::trim_start).unwrap_or_default();
    match source.kind {
        Some(kind) => kind,
        None if !source.parameters.is_empty() => SourceType::Function,
        None if text.starts_with('"') => SourceType::Constant,
        None if text.is_empty() || text.starts_with('[') => SourceType::Attribute,
        None => SourceType::Function,
    }
}

/// Writes a constant in its quotes. A backslash stands for itself unless a quotation mark or
/// another backslash follows.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let ambiguous = matches!(chars.peek(), None | Some('"' | '\\'));
        if c == '"' || (c == '\\' && ambiguous) {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// Returns a canonical text with every number in quotes: a tree has no others.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut begins = true;
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push(c);
                while let Some(c) = chars.next() {
                    out.push(c);
                    if c == '\\' && matches!(chars.peek(), Some('"' | '\\')) {
                        out.extend(chars.next());
                    } else if c == '"' {
                        break;
                    }
                }
            }
            '[' => {
                out.push(c);
                out.extend(chars.by_ref().take_while(|c| *c != ']'));
                out.push(']');
            }
            '0'..='9' | '-' if begins => {
                out.push('"');
                out.push(c);
                while let Some(c) = chars.next_if(|c| c.is_ascii_digit() || *c == '.') {
                    out.push(c);
                }
                out.push('"');
            }
            _ => out.push(c),
        }
        begins = matches!(c, '(' | ',' | '=' | '<' | '>');
    }
    out
}

#[cfg(test)]
mod tests;
