//! Finds the schema in a document.
//!
//! Graph answers with the schema itself, a collection of jobs has it below `value`, and a job below
//! `schema`; the portal's download may be wrapped or not (Graph reference, section 10). A single
//! rule or object mapping, as the documentation prints them, is accepted too.

use super::fields::Fields;
use super::findings::{Findings, Kind, Place};
use super::json::{Content, Json};
use super::read;
use super::wire::{ObjectMapping, Rule, Schema};

/// Keys that a schema may stand below.
const WRAPPERS: [&str; 6] =
    ["value", "schema", "synchronizationSchema", "jobs", "templates", "synchronization"];

/// How many wrappers there are around each other at most.
const MOST_WRAPPERS: usize = 8;

/// The keys of a job that say nothing about a configuration.
const JOB_KEYS: &[&str] = &["id", "templateId", "applicationId", "factoryTag", "description"];

/// What a document holds.
#[derive(Debug)]
pub(super) struct Found {
    /// The schema.
    pub schema: Schema,
    /// What the job around it says, if there is one.
    pub job: Option<Job>,
}

/// A `synchronizationJob`.
#[derive(Debug)]
pub(super) struct Job {
    /// Where it is.
    pub place: Place,
    /// Whether it is on.
    pub active: bool,
    /// `QuarantineTooManyDeletesThreshold`
    pub deletions: Option<u32>,
}

/// Finds and reads the schema; of several the first one.
pub(super) fn locate(document: &Json, findings: &mut Findings) -> Option<Found> {
    let root = Place { path: String::new(), line: document.line };
    let mut candidates = Vec::new();
    search(document, &root, None, 0, &mut candidates);
    let Some((json, place, job)) = candidates.first().cloned() else {
        let schema = part(document, root, findings)?;
        return Some(Found { schema, job: None });
    };
    for (_, place, _) in candidates.iter().skip(1) {
        let reason = "the document has several schemas, and only the first one was read";
        let advice = "Cut out the one that is meant, if it is another.";
        findings.add(Kind::Lost, place, "schema", reason, advice);
    }
    wrappers(document, root, json, findings);
    let job = job.and_then(|(json, place)| self::job(json, place, findings));
    Some(Found { schema: read::schema(json, place, findings)?, job })
}

type Candidate<'j> = (&'j Json, Place, Option<(&'j Json, Place)>);

fn search<'j>(
    json: &'j Json,
    place: &Place,
    job: Option<(&'j Json, Place)>,
    depth: usize,
    found: &mut Vec<Candidate<'j>>,
) {
    if depth > MOST_WRAPPERS {
        return;
    }
    if json.member("synchronizationRules").is_some() {
        found.push((json, place.clone(), job));
        return;
    }
    match &json.content {
        Content::List(values) => {
            for (index, value) in values.iter().enumerate() {
                search(value, &place.element(index, value.line), job.clone(), depth + 1, found);
            }
        }
        Content::Object(members) => {
            let job = if is_job(json) { Some((json, place.clone())) } else { job };
            for (key, value) in members {
                if WRAPPERS.iter().any(|wrapper| wrapper.eq_ignore_ascii_case(key)) {
                    let place = place.member(key, value.line);
                    search(value, &place, job.clone(), depth + 1, found);
                }
            }
        }
        _ => {}
    }
}

/// Reports what stands around the schema and is no wrapper.
fn wrappers(json: &Json, place: Place, schema: &Json, findings: &mut Findings) {
    if std::ptr::eq(json, schema) {
        return;
    }
    match &json.content {
        Content::List(values) => {
            for (index, value) in values.iter().enumerate() {
                wrappers(value, place.element(index, value.line), schema, findings);
            }
        }
        Content::Object(_) => {
            // Of another schema, or of a job, which is read by itself.
            if json.member("synchronizationRules").is_some() || is_job(json) {
                return;
            }
            let mut quiet = Findings::default();
            let Some(mut fields) = Fields::of(json, place, "wrapper", &mut quiet) else {
                return;
            };
            for key in WRAPPERS {
                if let Some((value, place)) = fields.take(key) {
                    wrappers(value, place, schema, findings);
                }
            }
            fields.finish(JOB_KEYS, findings);
        }
        _ => {}
    }
}

fn is_job(json: &Json) -> bool {
    json.member("schedule").is_some() || json.member("status").is_some()
}

fn job(json: &Json, place: Place, findings: &mut Findings) -> Option<Job> {
    let mut fields = Fields::of(json, place.clone(), "job", findings)?;
    fields.take("schema");
    let mut word = |part: &str, key: &str, active: &[&str]| {
        let (json, place) = fields.take(part)?;
        let reason = "it says when and how Entra ID's own service ran";
        let advice = "How often this project does is `every` in [schedule].";
        findings.add(Kind::Meaningless, &place, format!("job, key `{part}`"), reason, advice);
        let text = json.member(key);
        Some(matches!(text.map(|json| &json.content),
            Some(Content::Text(text)) if active.iter().any(|one| text.eq_ignore_ascii_case(one))))
    };
    let scheduled = word("schedule", "state", &["Active"]) == Some(true);
    // A job in quarantine goes on, less often.
    let running = word("status", "code", &["Active", "Quarantine"]) == Some(true);
    let mut deletions = None;
    for (json, place) in fields.list("synchronizationJobSettings", findings) {
        let Some(mut setting) = Fields::of(json, place.clone(), "setting", findings) else {
            continue;
        };
        let name = setting.text("name", findings).unwrap_or_default();
        if name.eq_ignore_ascii_case("QuarantineTooManyDeletesThreshold") {
            let count = setting.whole("value", findings);
            deletions = count.and_then(|count| u32::try_from(count).ok());
            if deletions.is_none() {
                let reason = "the limit of deletions is no count, and the usual limits apply";
                findings.add(Kind::Lost, &place, "setting", reason, "See [guard].");
            }
        } else {
            setting.take("value");
            let reason = "a setting of Entra ID's own service";
            findings.add(Kind::Meaningless, &place, format!("setting `{name}`"), reason, "");
        }
        setting.finish(&[], findings);
    }
    fields.finish(JOB_KEYS, findings);
    Some(Job { place, active: scheduled || running, deletions })
}

/// Reads a document that is a part of a schema only.
fn part(document: &Json, root: Place, findings: &mut Findings) -> Option<Schema> {
    let lone = |mappings: Vec<ObjectMapping>, place: &Place| Rule {
        place: place.clone(),
        name: String::new(),
        priority: 0,
        source: String::new(),
        target: String::new(),
        mappings,
        containers: None,
        groups: None,
    };
    let rule = if document.member("objectMappings").is_some() {
        read::rule(document, root.clone(), findings)?
    } else if document.member("attributeMappings").is_some() {
        lone(vec![read::object_mapping(document, root.clone(), findings)?], &root)
    } else {
        return None;
    };
    let reason = "the document is a part of a schema only";
    findings.add(
        Kind::Decide,
        &root,
        "document",
        reason,
        "Export the whole schema if there is one.",
    );
    Some(Schema { place: root, rules: vec![rule], null_flows: Vec::new() })
}
