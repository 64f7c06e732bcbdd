//! From the synchronization schema of Entra ID's own provisioning to a configuration.
//!
//! The schema is what Graph answers with and what the portal lets people download (Graph
//! reference, section 10). Reading it is a function of its bytes: a tolerant reader of the shapes
//! ([`wire`]), the conversion of people, groups and filters, and a writer of commented TOML. What
//! cannot be carried over is a [`Finding`] with its place in the file; nothing is dropped in
//! silence.
//!
//! A schema that was read from the tenant is put below the key `schema` of its job, as Graph nests
//! them: then the limit of deletions is carried over, and a job that is active is reported.
//!
//! A filter that cannot be carried over as a whole would let in more people, or fewer. It gets a
//! clause with an operator that no configuration accepts, so that nothing is planned before a
//! person has decided; such findings are of [`Kind::Blocks`].

mod accounts;
mod arguments;
mod asked;
mod draft;
mod encoding;
mod fields;
mod filters;
mod findings;
mod groups;
mod json;
mod limits;
mod locate;
mod mapping;
mod page;
mod read;
mod targets;
#[cfg(test)]
mod tests;
mod tree;
mod users;
mod vocabulary;
pub mod wire;
mod write;

pub use asked::{Refusal, with_known};
pub use encoding::MOST_BYTES;
pub use findings::{Finding, Kind, Place, report};
pub use vocabulary::Vocabulary;

use draft::Draft;
use findings::Findings;
use groups::Groups;
use locate::locate;
use users::Users;
use wire::{ObjectMapping, Rule, Schema};

/// Names of directories that are Entra ID, without blanks and in small letters.
const ENTRA: [&str; 4] = ["azureactivedirectory", "microsoftentraid", "entraid", "azuread"];

/// What to do about a job that is active.
const STOP: &str = "Stop it before this configuration is used: in the portal, Enterprise \
                    applications, the application, Provisioning, Stop provisioning.";

/// Why a file gives no configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The file is larger than any schema.
    #[error("the file has more than {most} bytes, and no schema is so large")]
    TooLarge {
        /// How large it may be.
        most: usize,
    },
    /// There is nothing in the file.
    #[error("the file is empty")]
    Empty,
    /// The file is no text in UTF-8 or UTF-16.
    #[error("the file is no text: the byte at {at} belongs to no character")]
    NotText {
        /// The byte, from 0.
        at: usize,
    },
    /// The text is no JSON.
    #[error("the file is no JSON: line {line}, column {column}: {message}")]
    NotJson {
        /// The line, from 1.
        line: u32,
        /// The column, in characters from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// There is no schema in the document.
    #[error("there is no synchronization schema in the file: no key `synchronizationRules`")]
    NoSchema,
}

/// What a schema was made into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// A commented configuration in TOML. What it cannot know, `[entra]` and `[sharefile]`, is in
    /// it as comments to fill in.
    pub configuration: String,
    /// Everything that is different from what the schema says, the most important first.
    pub findings: Vec<Finding>,
    /// Whether the job that the schema belongs to was running: two services would write the same
    /// accounts. A schema alone does not say.
    pub active_job: bool,
}

impl Imported {
    /// Returns whether the configuration does not load before somebody has decided something.
    pub fn blocks(&self) -> bool {
        self.findings.iter().any(|finding| finding.kind == Kind::Blocks)
    }

    /// Returns how many findings leave something out that the schema says.
    pub fn left_out(&self) -> usize {
        self.findings.iter().filter(|finding| finding.kind.leaves_out()).count()
    }
}

/// Makes a configuration of the bytes of an exported schema. `origin` is what the comments call
/// it: the name of the file, or of the application.
///
/// # Errors
/// Says why the bytes hold no schema. A schema with mistakes in it is no error: they are findings.
pub fn import(
    bytes: &[u8],
    origin: &str,
    vocabulary: &Vocabulary,
) -> Result<Imported, SchemaError> {
    let text = encoding::decode(bytes)?;
    let document = json::read(&text).map_err(|json::NotJson { line, column, message }| {
        SchemaError::NotJson { line, column, message }
    })?;
    let mut findings = Findings::default();
    let found = locate(&document, &mut findings).ok_or(SchemaError::NoSchema)?;
    let mut draft = Draft::default();
    convert(&found.schema, vocabulary, &mut draft, &mut findings);
    if let Some(job) = &found.job {
        draft.removals = job.deletions;
        if job.active {
            let reason = "the job is active: two services would write the same accounts";
            findings.add(Kind::Decide, &job.place, "job", reason, STOP);
            draft.warnings.push(format!("WARNING: {reason}. {STOP}"));
        }
    }
    let place = &found.schema.place;
    let reason = "whether only assigned people are provisioned is not in a schema";
    let advice = "Look in the portal at Settings, Scope. Here only those who are assigned get an \
                  account.";
    findings.add(Kind::Decide, place, "scope", reason, advice);
    refused(&draft, place, vocabulary, &mut findings);
    let findings = findings.finish();
    let active_job = found.job.is_some_and(|job| job.active);
    let configuration = write::write(&draft, origin, &findings);
    Ok(Imported { configuration, findings, active_job })
}

/// Reports what the reader of configurations refuses in the whole, but for what was written so that
/// it is refused.
fn refused(draft: &Draft, place: &Place, vocabulary: &Vocabulary, findings: &mut Findings) {
    for refusal in (vocabulary.read)(&write::write(draft, "", &[])) {
        if refusal.message.contains(filters::UNDECIDED) {
            continue;
        }
        let subject = format!("the configuration, `{}`", refusal.key);
        let advice = "Correct it in the configuration; `sharefile-provisioner check` shows it.";
        findings.add(Kind::Blocks, place, subject, refusal.message, advice);
    }
}

/// Converts the first mapping of people and the first of groups, those that are enabled before the
/// others.
fn convert(schema: &Schema, vocabulary: &Vocabulary, draft: &mut Draft, findings: &mut Findings) {
    let (people, groups) = select(schema, findings);
    match people {
        Some((rule, mapping)) => {
            about(rule, mapping, draft, findings);
            Users { schema, rule, mapping, vocabulary, findings }.convert(draft);
        }
        None => {
            let reason = "it maps no people from Entra ID to an application that could be read";
            let advice = "What people are mapped to by themselves was written. Say who is in scope, \
                          and take out the clause with the operator \"NOT CARRIED OVER\".";
            findings.add(Kind::Blocks, &schema.place, "schema", reason, advice);
            let comment = format!("NOT CARRIED OVER: {reason}.");
            draft.scope.filters.push(filters::undecided(mapping::Of::Users, comment));
        }
    }
    let place = people.map_or(&schema.place, |(_, mapping)| &mapping.place);
    users::complete(draft, place, vocabulary, findings);
    match groups {
        Some((rule, mapping)) => Groups { rule, mapping, vocabulary, findings }.convert(draft),
        None => draft.groups.comments.push("The schema maps no groups.".to_owned()),
    }
}

type Chosen<'s> = Option<(&'s Rule, &'s ObjectMapping)>;

/// Chooses what is converted, and reports what is not.
fn select<'s>(schema: &'s Schema, findings: &mut Findings) -> (Chosen<'s>, Chosen<'s>) {
    let mut rules: Vec<&Rule> = schema.rules.iter().collect();
    rules.sort_by_key(|rule| rule.priority);
    let (mut people, mut groups) = (Vec::new(), Vec::new());
    for rule in rules {
        if !rule.source.is_empty() && !is_entra(&rule.source) {
            let reason =
                format!("it reads from {}, and this project reads from Entra ID", rule.source);
            let subject = format!("synchronization rule `{}`", rule.name);
            findings.add(Kind::Lost, &rule.place, subject, reason, "");
            continue;
        }
        for mapping in &rule.mappings {
            match mapping.source.to_ascii_lowercase().as_str() {
                "user" | "users" | "" => people.push((rule, mapping)),
                "group" | "groups" => groups.push((rule, mapping)),
                _ => {
                    let subject = format!("object mapping `{}`", mapping.name);
                    let reason = format!("objects of type {} are not provisioned", mapping.source);
                    let advice = "Only users and groups are.";
                    findings.add(Kind::Lost, &mapping.place, subject, reason, advice);
                }
            }
        }
    }
    (first(people, "people", findings), first(groups, "groups", findings))
}

fn first<'s>(
    mut found: Vec<(&'s Rule, &'s ObjectMapping)>,
    whom: &str,
    findings: &mut Findings,
) -> Chosen<'s> {
    found.sort_by_key(|(_, mapping)| !mapping.enabled);
    let mut found = found.into_iter();
    let chosen = found.next();
    for (_, mapping) in found {
        let subject = format!("object mapping `{}`", mapping.name);
        let reason = format!("another mapping of {whom} comes first, and a configuration has one");
        let advice = "Keep a configuration of its own for what it maps.";
        findings.add(Kind::Lost, &mapping.place, subject, reason, advice);
    }
    chosen
}

fn is_entra(directory: &str) -> bool {
    let name: String = directory.chars().filter(|c| c.is_alphanumeric()).collect();
    let name = name.to_lowercase();
    ENTRA.iter().any(|known| name.contains(known))
}

/// Says what the schema is of.
fn about(rule: &Rule, mapping: &ObjectMapping, draft: &mut Draft, findings: &mut Findings) {
    if !rule.name.is_empty() {
        draft.about.push(format!("Rule: {} (line {}).", rule.name, rule.place.line));
    }
    if !mapping.name.is_empty() {
        draft.about.push(format!("People: {} (line {}).", mapping.name, mapping.place.line));
    }
    if !mapping.enabled {
        let reason = "the mapping of people is not enabled, and here people are always provisioned";
        let advice = "Try it on a few first: scope.only in [scope].";
        findings.add(Kind::Decide, &mapping.place, "object mapping of people", reason, advice);
    }
    let name = rule.target.to_lowercase();
    if !name.contains("sharefile") && !name.contains("citrix") {
        let reason = format!("its target is `{}`, which is not ShareFile by its name", rule.target);
        let advice = "Attributes of the target were taken by their names: look at each of them.";
        findings.add(Kind::Decide, &rule.place, "synchronization rule", reason, advice);
    }
}
