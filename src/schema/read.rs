//! Reads the shapes of a synchronization schema.
//!
//! Reading is tolerant: enumerations in any letter case, flags with or without blanks, keys that
//! may be missing, single values in the place of lists. What is wrong is reported and left out.

use super::fields::{Fields, as_text, is_cut_off, wrong_kind};
use super::findings::{Findings, Kind, Place};
use super::json::{Content, Json};
use super::wire::{
    AttributeMapping, Clause, FilterGroup, FlowType, Flows, ObjectMapping, Rule, RuleLimit, Schema,
    Scope, Source, SourceType,
};

/// The keys of each type that have no meaning here.
const SCHEMA_KEYS: &[&str] = &["id", "version", "provisioningTaskIdentifier"];
const RULE_KEYS: &[&str] = &["id", "editable"];
const DIRECTORY_KEYS: &[&str] =
    &["id", "readOnly", "version", "discoverabilities", "discoveryDateTime"];
const OBJECT_KEYS: &[&str] = &["metadata", "supportedApis"];
const ATTRIBUTE_KEYS: &[&str] = &[
    "type",
    "anchor",
    "caseExact",
    "multivalued",
    "required",
    "mutability",
    "metadata",
    "referencedObjects",
    "apiExpressions",
];

/// Reads a schema.
pub(super) fn schema(json: &Json, place: Place, findings: &mut Findings) -> Option<Schema> {
    let mut fields = Fields::of(json, place.clone(), "schema", findings)?;
    let mut null_flows = Vec::new();
    for (json, place) in fields.list("directories", findings) {
        directory(json, place, &mut null_flows, findings);
    }
    let rules = fields.list("synchronizationRules", findings);
    let rules = rules.into_iter().filter_map(|(json, place)| rule(json, place, findings)).collect();
    fields.finish(SCHEMA_KEYS, findings);
    Some(Schema { place, rules, null_flows })
}

fn directory(
    json: &Json,
    place: Place,
    null_flows: &mut Vec<(String, String, String)>,
    findings: &mut Findings,
) {
    let Some(mut fields) = Fields::of(json, place, "directory", findings) else {
        return;
    };
    let directory = fields.text("name", findings).unwrap_or_default();
    for (json, place) in fields.list("objects", findings) {
        let Some(mut fields) = Fields::of(json, place, "object of a directory", findings) else {
            continue;
        };
        let object = fields.text("name", findings).unwrap_or_default();
        for (json, place) in fields.list("attributes", findings) {
            let what = "attribute of a directory";
            let Some(mut fields) = Fields::of(json, place, what, findings) else {
                continue;
            };
            let name = fields.text("name", findings).unwrap_or_default();
            if fields.flag("flowNullValues", findings) == Some(true) {
                null_flows.push((directory.clone(), object.clone(), name.clone()));
            }
            if fields.text("defaultValue", findings).is_some_and(|text| !text.is_empty()) {
                let reason = format!("the directory {directory} has a default of its own for it");
                let subject = format!("attribute `{name}` of {object}");
                let advice = "Write it as `default` of the attribute if it matters.";
                findings.add(Kind::Decide, &fields.place, subject, reason, advice);
            }
            fields.finish_description(ATTRIBUTE_KEYS, findings);
        }
        fields.finish_description(OBJECT_KEYS, findings);
    }
    fields.finish_description(DIRECTORY_KEYS, findings);
}

/// Reads a rule.
pub(super) fn rule(json: &Json, place: Place, findings: &mut Findings) -> Option<Rule> {
    let mut fields = Fields::of(json, place.clone(), "synchronization rule", findings)?;
    let mappings = fields.list("objectMappings", findings);
    let mappings =
        mappings.into_iter().filter_map(|(json, place)| object_mapping(json, place, findings));
    let mappings = mappings.collect();
    let rule = Rule {
        place,
        name: fields.text("name", findings).unwrap_or_default(),
        priority: fields.whole("priority", findings).unwrap_or(i64::MAX),
        source: fields.text("sourceDirectoryName", findings).unwrap_or_default(),
        target: fields.text("targetDirectoryName", findings).unwrap_or_default(),
        mappings,
        containers: included(&mut fields, "containerFilter", "includedContainers", findings),
        groups: included(&mut fields, "groupFilter", "includedGroups", findings),
    };
    metadata(&mut fields, findings);
    fields.finish(RULE_KEYS, findings);
    Some(rule)
}

/// Reads what limits a rule. What is wrong in it makes it damaged: a limit that says less than the
/// file would let in more people.
fn included(
    fields: &mut Fields,
    key: &str,
    list: &str,
    findings: &mut Findings,
) -> Option<RuleLimit> {
    let (json, place) = fields.take(key)?;
    let Some(mut filter) = Fields::of(json, place.clone(), "filter of a rule", findings) else {
        return Some(RuleLimit { place, names: Vec::new(), damaged: true });
    };
    let (names, mut damaged) = texts(&mut filter, list, findings);
    damaged |= names.iter().any(|name| name.trim().is_empty());
    damaged |= filter.finish(&[], findings);
    Some(RuleLimit { place, names, damaged })
}

/// Reads an object mapping.
pub(super) fn object_mapping(
    json: &Json,
    place: Place,
    findings: &mut Findings,
) -> Option<ObjectMapping> {
    let mut fields = Fields::of(json, place.clone(), "object mapping", findings)?;
    let attributes = fields.list("attributeMappings", findings);
    let attributes =
        attributes.into_iter().filter_map(|(json, place)| attribute_mapping(json, place, findings));
    let attributes = attributes.collect();
    let scope = fields.take("scope");
    let scope = scope.map(|(json, place)| filter(json, place, findings));
    let mapping = ObjectMapping {
        place,
        name: fields.text("name", findings).unwrap_or_default(),
        enabled: fields.flag("enabled", findings).unwrap_or(true),
        flows: flows(&mut fields, findings),
        source: fields.text("sourceObjectName", findings).unwrap_or_default(),
        target: fields.text("targetObjectName", findings).unwrap_or_default(),
        scope,
        attributes,
    };
    metadata(&mut fields, findings);
    fields.finish(&["id"], findings);
    Some(mapping)
}

/// Reads `flowTypes`: names with commas between them, or a list of names. Without it everything
/// flows.
fn flows(fields: &mut Fields, findings: &mut Findings) -> Flows {
    let all = Flows { add: true, update: true, delete: true };
    let Some((json, place)) = fields.take("flowTypes") else {
        return all;
    };
    let subject = "object mapping, key `flowTypes`";
    let mut names: Vec<&str> = Vec::new();
    match &json.content {
        Content::Text(text) => names.extend(text.split(',').map(str::trim)),
        Content::List(values) => {
            for (index, value) in values.iter().enumerate() {
                match &value.content {
                    Content::Text(text) => names.push(text.trim()),
                    _ => {
                        let place = place.element(index, value.line);
                        wrong_kind(value, &place, subject, "a text", findings);
                    }
                }
            }
        }
        _ => {
            wrong_kind(json, &place, subject, "a text", findings);
            return all;
        }
    }
    let mut flows = Flows { add: false, update: false, delete: false };
    for name in names {
        match name.to_ascii_lowercase().as_str() {
            "add" => flows.add = true,
            "update" => flows.update = true,
            "delete" => flows.delete = true,
            "none" | "" => {}
            _ => {
                let reason = format!("`{name}` is none of Add, Update, Delete and None");
                findings.add(Kind::Unreadable, &place, subject, reason, "Correct the file.");
            }
        }
    }
    flows
}

fn attribute_mapping(
    json: &Json,
    place: Place,
    findings: &mut Findings,
) -> Option<AttributeMapping> {
    let mut fields = Fields::of(json, place.clone(), "attribute mapping", findings)?;
    let source = fields.take("source");
    let mapping = AttributeMapping {
        place: place.clone(),
        target: fields.text("targetAttributeName", findings).unwrap_or_default(),
        source: source.and_then(|(json, place)| self::source(json, place, findings)),
        // Exports write an empty text where there is none.
        default: fields.text("defaultValue", findings).filter(|text| !text.is_empty()),
        matching_priority: fields.whole("matchingPriority", findings).unwrap_or(0),
        flow: word(&mut fields, "flowType", &FlowType::ALL, findings).unwrap_or(FlowType::Always),
        flow_always: word(&mut fields, "flowBehavior", &BEHAVIOURS, findings).unwrap_or(false),
        missing_references: fields.flag("exportMissingReferences", findings).unwrap_or(false),
    };
    fields.finish(&["id"], findings);
    if mapping.matching_priority < 0 {
        let reason = format!(
            "its matchingPriority is {}: taken as 0, so that nobody is found by it",
            mapping.matching_priority
        );
        let subject = format!("attribute mapping `{}`", mapping.target);
        let advice = "Write a matching rule if somebody is to be.";
        findings.add(Kind::Changed, &place, subject, reason, advice);
    }
    if mapping.target.trim().is_empty() {
        let reason = "it names no target attribute, so it was left out";
        findings.add(Kind::Unreadable, &place, "attribute mapping", reason, "Correct the file.");
        return None;
    }
    Some(mapping)
}

const BEHAVIOURS: [(&str, bool); 2] = [("FlowWhenChanged", false), ("FlowAlways", true)];

const SOURCE_TYPES: [(&str, SourceType); 3] = [
    ("Attribute", SourceType::Attribute),
    ("Constant", SourceType::Constant),
    ("Function", SourceType::Function),
];

/// Takes one of a few words, in any letter case.
fn word<T: Copy>(
    fields: &mut Fields,
    key: &str,
    words: &[(&str, T)],
    findings: &mut Findings,
) -> Option<T> {
    let text = fields.text(key, findings)?;
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.trim()));
    if found.is_none() {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let reason = format!("`{text}` is none of {}", names.join(", "));
        let subject = format!("{}, key `{key}`", fields.what);
        findings.add(Kind::Unreadable, &fields.place, subject, reason, "Correct the file.");
    }
    found.map(|(_, value)| *value)
}

/// Reads a source. What is wrong in it makes it damaged, so that it is never taken for less than
/// it is; null is no source.
fn source(json: &Json, place: Place, findings: &mut Findings) -> Option<Source> {
    if json.content == Content::Null {
        return None;
    }
    let mut source = Source {
        place: place.clone(),
        kind: None,
        name: None,
        expression: None,
        parameters: Vec::new(),
        damaged: true,
    };
    let Some(mut fields) = Fields::of(json, place, "source", findings) else {
        return Some(source);
    };
    source.damaged = fields.finds_wrong(&["name", "expression"], &["parameters"]);
    source.kind = word(&mut fields, "type", &SOURCE_TYPES, findings);
    source.name = fields.text("name", findings);
    source.expression = fields.text("expression", findings).filter(|text| !text.trim().is_empty());
    for (json, place) in fields.list("parameters", findings) {
        let Some(mut fields) = Fields::of(json, place, "parameter", findings) else {
            source.damaged = true;
            continue;
        };
        let key = fields.text("key", findings).unwrap_or_default();
        let value = fields.take("value");
        let value = value.and_then(|(json, place)| self::source(json, place, findings));
        source.damaged |= value.as_ref().is_some_and(|value| value.damaged);
        source.parameters.push((key, value));
        fields.finish(&[], findings);
    }
    fields.finish(&[], findings);
    Some(source)
}

/// Reads a filter. What cannot be read in it makes it, or a group of it, damaged: a filter that
/// says less than the file would let in more people, or fewer.
fn filter(json: &Json, place: Place, findings: &mut Findings) -> Scope {
    let Some(mut fields) = Fields::of(json, place.clone(), "filter", findings) else {
        let (groups, input, category) = (Vec::new(), Vec::new(), Vec::new());
        return Scope { place, groups, input, category, damaged: true };
    };
    let mut scope = Scope {
        place,
        groups: filter_groups(&mut fields, "groups", findings),
        input: filter_groups(&mut fields, "inputFilterGroups", findings),
        category: filter_groups(&mut fields, "categoryFilterGroups", findings),
        damaged: false,
    };
    scope.damaged = fields.finish(&[], findings);
    scope
}

fn filter_groups(fields: &mut Fields, key: &str, findings: &mut Findings) -> Vec<FilterGroup> {
    let mut groups = Vec::new();
    if fields.finds_wrong(&[], &[key]) {
        groups.push(FilterGroup::damaged(fields.place.clone()));
    }
    for (json, place) in fields.list(key, findings) {
        let Some(mut fields) = Fields::of(json, place.clone(), "filter group", findings) else {
            groups.push(FilterGroup::damaged(place));
            continue;
        };
        let name = fields.text("name", findings).filter(|name| !name.trim().is_empty());
        let mut damaged = fields.finds_wrong(&[], &["clauses"]);
        let mut clauses = Vec::new();
        for (json, place) in fields.list("clauses", findings) {
            let (clause, whole) = clause(json, place, findings);
            damaged |= !whole;
            clauses.extend(clause);
        }
        damaged |= fields.finish(&[], findings);
        groups.push(FilterGroup { place, name, clauses, damaged });
    }
    groups
}

/// Reads a clause. Returns also whether all of it could be read.
fn clause(json: &Json, place: Place, findings: &mut Findings) -> (Option<Clause>, bool) {
    let Some(mut fields) = Fields::of(json, place.clone(), "filter clause", findings) else {
        return (None, false);
    };
    let attribute = fields.text("sourceOperandName", findings);
    let operator = fields.text("operatorName", findings);
    let (values, mut damaged) = match fields.take("targetOperand") {
        Some((json, place)) => operand(json, place, findings),
        None => (Vec::new(), false),
    };
    damaged |= fields.finish(&["id"], findings);
    let (Some(attribute), Some(operator)) = (attribute, operator) else {
        let reason = "it names no attribute or no operator";
        findings.add(Kind::Unreadable, &place, "filter clause", reason, "Correct the file.");
        return (None, false);
    };
    (Some(Clause { place, attribute, operator, values }), !damaged)
}

fn operand(json: &Json, place: Place, findings: &mut Findings) -> (Vec<String>, bool) {
    let Some(mut operand) = Fields::of(json, place, "operand", findings) else {
        return (Vec::new(), true);
    };
    let (values, damaged) = texts(&mut operand, "values", findings);
    let unknown = operand.finish(&[], findings);
    (values, damaged || unknown)
}

/// Takes a list of texts; numbers and truth values count as texts. Returns also whether something
/// in it could not be read.
fn texts(fields: &mut Fields, key: &str, findings: &mut Findings) -> (Vec<String>, bool) {
    if let Some((json, place)) = fields.take_text(key) {
        let subject = format!("{}, key `{key}`", fields.what);
        let Some(text) = as_text(&json.content).filter(|text| !is_cut_off(text)) else {
            wrong_kind(json, &place, &subject, "a list", findings);
            return (Vec::new(), true);
        };
        if text.trim().contains(char::is_whitespace) {
            let reason = "a text stands in the place of a list, and was taken as one value";
            let advice = "PowerShell makes one text of several values where it cuts a document \
                          off. If it was several, export it again with `ConvertTo-Json -Depth 100`.";
            findings.add(Kind::Decide, &place, subject, reason, advice);
        }
        return (vec![text], false);
    }
    let mut texts = Vec::new();
    let mut damaged = fields.finds_wrong(&[], &[key]);
    for (json, place) in fields.list(key, findings) {
        match as_text(&json.content).filter(|text| !is_cut_off(text)) {
            Some(text) => texts.push(text),
            None => {
                damaged = true;
                wrong_kind(json, &place, fields.what, "a text", findings);
            }
        }
    }
    (texts, damaged)
}

/// Reports the settings of a rule or an object mapping, one by one: their names say what they are.
fn metadata(fields: &mut Fields, findings: &mut Findings) {
    for (json, place) in fields.list("metadata", findings) {
        let Some(mut fields) = Fields::of(json, place.clone(), "metadata", findings) else {
            continue;
        };
        let key = fields.text("key", findings).unwrap_or_default();
        fields.take("value");
        fields.finish(&[], findings);
        let reason = "a setting of Entra ID's own service";
        findings.add(Kind::Meaningless, &place, format!("metadata `{key}`"), reason, "");
    }
}
