//! What the mapping of people and the mapping of groups have in common.

use super::draft::Entry;
use super::findings::{Findings, Kind};
use super::tree::{Broken, Written, express, parse, quote};
use super::vocabulary::{Vocabulary, nearest};
use super::wire::{AttributeMapping, FlowType};

/// Whose attributes an expression reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// People's.
    Users,
    /// Groups'.
    Groups,
}

/// Returns how a mapping is called in findings.
pub(super) fn subject(mapping: &AttributeMapping) -> String {
    format!("attribute mapping `{}`", mapping.target)
}

/// Where the value of a mapping comes from.
pub(super) enum Value {
    /// An expression.
    Expression(Written),
    /// The default, which is a constant: there is no source.
    Constant(Written),
    /// Nothing at all.
    Nothing,
    /// A source that is no expression of this project.
    Broken(Broken),
}

/// Reads the value of a mapping, and checks the attributes in it.
pub(super) fn value(
    mapping: &AttributeMapping,
    of: Of,
    vocabulary: &Vocabulary,
    findings: &mut Findings,
) -> Value {
    let Some(source) = &mapping.source else {
        let constant = mapping.default.as_deref().map(quote);
        let constant = constant.map(|text| (parse(&text), text));
        return match constant {
            None => Value::Nothing,
            Some((Ok(expression), text)) => Value::Constant(Written { text, expression }),
            Some((Err(reason), text)) => Value::Broken(Broken { text: Some(text), reason }),
        };
    };
    let written = match express(source, &subject(mapping), findings) {
        Ok(written) => written,
        Err(broken) => return Value::Broken(broken),
    };
    match unknown_attribute(&written, of, vocabulary) {
        None => Value::Expression(written),
        Some(reason) => Value::Broken(Broken { text: Some(written.text), reason }),
    }
}

/// Says which attribute of an expression cannot be read.
pub(super) fn unknown_attribute(
    written: &Written,
    of: Of,
    vocabulary: &Vocabulary,
) -> Option<String> {
    let names = written.expression.attributes();
    names.into_iter().find_map(|name| unknown(name, of, vocabulary))
}

/// Says why an attribute cannot be read, with the nearest one.
pub(super) fn unknown(name: &str, of: Of, vocabulary: &Vocabulary) -> Option<String> {
    let (is_known, known, whose) = match of {
        Of::Users => (vocabulary.is_user_attribute, vocabulary.user_attributes, "a person"),
        Of::Groups => (vocabulary.is_group_attribute, vocabulary.group_attributes, "a group"),
    };
    if is_known(name) {
        return None;
    }
    let near = nearest(name, known).map(|near| format!("; the nearest is `{near}`"));
    let near = near.unwrap_or_default();
    Some(format!("`{name}` is no attribute of {whose} that can be read{near}"))
}

/// Makes an entry of a mapping: when it is applied, its default, and what a null value does.
pub(super) fn entry(
    mapping: &AttributeMapping,
    target: &str,
    (written, constant): (Written, bool),
    clear: bool,
    findings: &mut Findings,
) -> Entry {
    let mut comments = vec![origin(mapping)];
    let mut on_create = match mapping.flow {
        FlowType::Always => false,
        FlowType::ObjectAddOnly => true,
        flow @ (FlowType::MultiValueAddOnly | FlowType::ValueAddOnly) => {
            let reason = format!("its flow is {}: values are added and never removed", flow.name());
            let advice = "Here values that Entra ID no longer has are taken away. If that is not \
                          wanted, write apply = \"on_create\".";
            findings.add(Kind::Changed, &mapping.place, subject(mapping), reason, advice);
            comments
                .push(format!("Changed: {} only added values; this also removes.", flow.name()));
            false
        }
        flow @ FlowType::AttributeAddOnly => {
            let reason = format!("its flow is {}: only where there is no value yet", flow.name());
            let advice = "It became apply = \"on_create\": accounts that exist keep what they \
                          have, also if that is nothing.";
            findings.add(Kind::Changed, &mapping.place, subject(mapping), reason, advice);
            comments.push(format!("Changed: {} has no exact counterpart.", flow.name()));
            true
        }
    };
    if constant && !on_create {
        comments.push("A default without a source: Entra ID sets it when it creates.".to_owned());
        on_create = true;
    }
    on_create |= changes_by_itself(mapping, &written, on_create, &mut comments, findings);
    if mapping.flow_always {
        let reason = "its behaviour is FlowAlways: it is written even if nothing changed";
        let advice = format!(
            "Here a value is written when it differs. To put back what others changed, write \
             [drift] attributes = {{ {target} = \"repair\" }}."
        );
        findings.add(Kind::Changed, &mapping.place, subject(mapping), reason, advice);
        comments.push("Changed: FlowAlways has no counterpart but [drift].".to_owned());
    }
    if mapping.missing_references {
        let reason = "exportMissingReferences: references to objects that do not exist are written";
        let advice = "Here they wait until both ends exist.";
        findings.add(Kind::Changed, &mapping.place, subject(mapping), reason, advice);
    }
    let default = if constant { None } else { mapping.default.clone() };
    Entry {
        target: target.to_owned(),
        source: Ok(written),
        on_create,
        default,
        clear,
        comments,
        commented: false,
    }
}

/// What comes of a value that is another one each time.
const WRITES: &str = "so that it would be written at every cycle";

/// Returns whether an expression may only be applied on creation: its value is another one each
/// time, or has to be free at the target.
fn changes_by_itself(
    mapping: &AttributeMapping,
    written: &Written,
    already: bool,
    comments: &mut Vec<String>,
    findings: &mut Findings,
) -> bool {
    let uses = written.expression.uses();
    let (why, reason) = match uses {
        _ if already => return false,
        _ if uses.now => ("the time changes it", WRITES),
        _ if uses.randomness => ("chance changes it", WRITES),
        _ if uses.uniqueness => ("it chooses a value that is free", "which is done once"),
        _ => return false,
    };
    let reason = format!("{why}, {reason}");
    let advice = "It became apply = \"on_create\".";
    findings.add(Kind::Changed, &mapping.place, subject(mapping), reason, advice);
    comments.push(format!("Changed: on creation only, because {why}."));
    true
}

/// Makes an entry that is written as a comment, and says why.
pub(super) fn lost_entry(mapping: &AttributeMapping, target: &str, broken: &Broken) -> Entry {
    Entry {
        target: target.to_owned(),
        source: Err(broken.text.clone().unwrap_or_default()),
        on_create: mapping.flow == FlowType::ObjectAddOnly,
        default: mapping.default.clone(),
        clear: false,
        comments: vec![origin(mapping), format!("Not carried over: {}.", broken.reason)],
        commented: true,
    }
}

/// Returns the comment that says where an entry comes from.
pub(super) fn origin(mapping: &AttributeMapping) -> String {
    format!("From the mapping of {} (line {}).", mapping.target, mapping.place.line)
}
