//! What an expression gave, for people and for programs.

use serde_json::{Value as Json, json};

use crate::plan::map::{EvalError, Flow, ParseError, Placed, Step, Value, render};

/// What is wrong, drawn for people and as JSON.
pub struct Wrong {
    /// The expression with the place underlined, and what is wrong there.
    pub drawn: String,
    /// `{"error": {"message", "line", "column"}}`.
    pub json: Json,
}

/// Returns why a text is no expression.
pub fn ill_written(text: &str, error: &ParseError) -> Wrong {
    let head = "the expression cannot be read";
    wrong(head, text, error, (error.line, error.column))
}

/// Returns why an expression gave nothing.
pub fn failed(text: &str, error: &EvalError) -> Wrong {
    let head = "the expression cannot be evaluated on these values";
    wrong(head, text, error, (error.line, error.column))
}

/// Returns the JSON of an expression that was not evaluated for a reason outside of it, which has no
/// place in it.
pub fn unevaluated(why: &str) -> Json {
    json!({ "error": { "message": why, "line": null, "column": null } })
}

fn wrong(head: &str, text: &str, error: &impl Placed, (line, column): (usize, usize)) -> Wrong {
    let mut message = error.message().to_owned();
    let (expected, suggestion) = error.hints();
    if let Some(expected) = expected {
        message.push_str(&format!("; expected {expected}"));
    }
    if let Some(suggestion) = suggestion {
        message.push_str(&format!("; did you mean {suggestion}?"));
    }
    Wrong {
        drawn: format!("{head}\n{}", render(text, error)),
        json: json!({ "error": { "message": message, "line": line, "column": column } }),
    }
}

/// Returns one JSON object: `{"value": …}` with a text, a list of texts or null, or
/// `{"flow": "ignore-attribute" | "ignore-object"}`.
pub fn json(flow: &Flow<'_>) -> Json {
    match flow {
        Flow::Value(value) => json!({ "value": value }),
        Flow::IgnoreAttribute => json!({ "flow": "ignore-attribute" }),
        Flow::IgnoreObject => json!({ "flow": "ignore-object" }),
    }
}

/// Returns what came out as people read it: several values are several lines.
pub fn text(flow: &Flow<'_>) -> String {
    match flow {
        Flow::Value(Value::Null) => "(null)\n".to_owned(),
        Flow::Value(Value::Text(text)) => format!("{text}\n"),
        Flow::Value(Value::List(texts)) if texts.is_empty() => "(no values)\n".to_owned(),
        Flow::Value(Value::List(texts)) => texts.iter().map(|text| format!("{text}\n")).collect(),
        Flow::Value(Value::Roles(roles)) => {
            let line = |role| serde_json::to_string(role).unwrap_or_default() + "\n";
            roles.iter().map(line).collect()
        }
        Flow::IgnoreAttribute => "(the attribute is left as it is)\n".to_owned(),
        Flow::IgnoreObject => "(the person is left alone)\n".to_owned(),
    }
}

/// As much of an argument as written is shown before its value.
const SHOWN: usize = 40;

/// Returns the calls in the order in which they ended, a line each, innermost first.
pub fn trace(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let inputs: Vec<String> = step
            .inputs
            .iter()
            .map(|input| match &input.value {
                Some(value) if *value == input.text => value.clone(),
                Some(value) => format!("{} = {value}", short(&input.text)),
                None => format!("{} not evaluated", short(&input.text)),
            })
            .collect();
        let result = match &step.result {
            Ok(result) => format!("→ {result}"),
            Err(why) => format!("fails: {why}"),
        };
        let indent = "  ".repeat(step.depth);
        text.push_str(&format!("{indent}{}({}) {result}\n", step.function, inputs.join(", ")));
    }
    text
}

fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN {
        return line;
    }
    let head: String = line.chars().take(SHOWN - 1).collect();
    format!("{head}…")
}
