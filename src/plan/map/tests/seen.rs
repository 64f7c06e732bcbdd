//! What traces and messages show, and what they do not.

use super::super::testing::{IntoPerson, given, parsed};
use super::super::{Flow, Step, StepInput, Value};

fn traced(expression: &str, person: &[(&str, &str)]) -> (Result<String, String>, Vec<Step>) {
    let person = person.person();
    let bound = parsed(expression).bind(|name| person.0.keys().position(|one| one == name));
    let given = given();
    let (flow, steps) = bound.trace(&person, &given);
    let flow = flow.map_err(|error| error.message).map(|flow| match flow {
        Flow::Value(Value::Text(text)) => text.into_owned(),
        other => format!("{other:?}"),
    });
    (flow, steps)
}

fn input(text: &str, value: Option<&str>) -> StepInput {
    StepInput { text: text.to_owned(), value: value.map(str::to_owned) }
}

#[test]
fn calls_in_the_order_in_which_they_end() {
    let (flow, steps) = traced("IIF(Len([a])=2,ToUpper([a]),Left([a], 1))", &[("a", "xy")]);
    assert_eq!(flow.as_deref(), Ok("XY"));
    assert_eq!(
        steps,
        [
            Step {
                depth: 1,
                at: 4,
                function: "Len",
                inputs: vec![input("[a]", Some("\"xy\""))],
                result: Ok("2".to_owned()),
            },
            Step {
                depth: 1,
                at: 15,
                function: "ToUpper",
                inputs: vec![input("[a]", Some("\"xy\""))],
                result: Ok("\"XY\"".to_owned()),
            },
            Step {
                depth: 0,
                at: 0,
                function: "IIF",
                inputs: vec![
                    input("Len([a])=2", Some("True")),
                    input("ToUpper([a])", Some("\"XY\"")),
                    input("Left([a],1)", None),
                ],
                result: Ok("\"XY\"".to_owned()),
            },
        ]
    );
}

#[test]
fn failures_are_part_of_the_trace() {
    let (flow, steps) = traced("Append(\"x\", CDate([a]))", &[("a", "y")]);
    let message = "`CDate`: \"y\" is no date".to_owned();
    assert_eq!(flow, Err(message.clone()));
    let results: Vec<_> = steps.iter().map(|step| (step.function, step.result.clone())).collect();
    assert_eq!(results, [("CDate", Err(message.clone())), ("Append", Err(message))]);
}

#[test]
fn what_is_redacted_is_shown_nowhere() {
    for expression in [
        "Redact([a])",
        "Redact(Append([a], \"!\"))",
        "Append(Redact([a]), \"!\")",
        "Left(Append(\"x\", Redact([a])), 3)",
        "Join(\",\", \"x\", Redact([a]))",
        "IIF(Redact([a])=[b], \"x\", \"y\")",
        "Switch(Redact([a]), \"d\", \"k\", Redact([a]))",
        "CDate(Redact([a]))",
        "Redact(CDate([a]))",
        "Left(\"x\", Redact([a]))",
        "DateAdd(\"d\", 1, Redact([a]))",
        "FormatDateTime(Redact([a]), \"yyyy\", \"MM\")",
        "FormatDateTime(\"2020\", \"yyyy\", Redact(Append([a], \"'\")))",
        "ConvertFromBase64(Redact([a]), \"UTF8\")",
        "Replace(\"x\", , Redact(Append([a], \"(\")), , \"y\")",
        "Replace(\"x\", , \"(?<g>x)\", Redact([a]), \"y\")",
        "ToLower(\"x\", Redact([a]))",
        "Split(\"x\", Redact([a]))",
        "SelectUniqueValue(Redact([a]), CDate([no]))",
        "IIF(Redact([a]), 1, 2)",
    ] {
        let (flow, steps) = traced(expression, &[("a", "s3cret")]);
        let of_trace: Vec<&str> = steps
            .iter()
            .flat_map(|step| {
                let values = step.inputs.iter().filter_map(|input| input.value.as_deref());
                values.chain(match &step.result {
                    Ok(text) | Err(text) => [text.as_str()],
                })
            })
            .collect();
        for shown in of_trace {
            assert!(!shown.contains("s3cret"), "{expression}: {shown}");
            assert!(!shown.contains("s3c"), "{expression}: {shown}");
        }
        if let Err(message) = flow {
            assert!(!message.contains("s3cret"), "{expression}: {message}");
        }
    }
    let (flow, steps) = traced("Left(Redact([a]), 3)", &[("a", "s3cret")]);
    assert_eq!(flow.as_deref(), Ok("s3c"), "the value itself flows");
    assert_eq!(steps[0].result.as_deref(), Ok("[Redact]"));
    assert_eq!(steps[0].inputs[0].value.as_deref(), Some("[Redact]"));
    assert_eq!(steps[1].result.as_deref(), Ok("[Redact]"));
}

#[test]
fn constants_that_are_redacted_are_not_shown_either() {
    let (flow, steps) = traced("Append(Redact(Append(\"s3cret\", [a])), \"!\")", &[("a", "x")]);
    assert_eq!(flow.as_deref(), Ok("s3cretx!"));
    assert_eq!(steps[2].inputs[0].text, "Redact(…)");
    assert!(!format!("{steps:?}").contains("s3cret"), "{steps:?}");
}

#[test]
fn an_index_that_is_redacted_is_not_shown() {
    let (flow, _) = traced("Item([a], Redact([n]))", &[("a", "x"), ("n", "4711")]);
    let message = flow.expect_err("out of bounds");
    assert!(message.contains("[Redact]") && !message.contains("4711"), "{message}");
}
