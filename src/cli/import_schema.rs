//! `import-schema`: from what Entra ID's own provisioning was set up with to a configuration.

mod origin;

use std::fs::OpenOptions;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use serde::Serialize;

use crate::config;
use crate::schema::{self, Finding, Imported, Kind, Refusal, SchemaError};

use super::exit::{Exit, Failure};
use super::open::Place;
use super::output;

/// Arguments of `import-schema`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("origin").required(true).args(["file", "from_graph"]))]
pub struct ImportSchemaArguments {
    /// The schema, as the portal or Graph gave it; `-` for standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Read the schema of the configured application from the tenant; needs `[entra]` only, and the
    /// permission Synchronization.Read.All
    #[arg(long)]
    from_graph: bool,

    /// The provisioning job to read, if the application has several
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    job: Option<String>,

    /// Save what was read from the tenant, so that the lines in comments can be looked up
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    save_schema: Option<PathBuf>,

    /// Write the configuration into a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Replace files that exist
    #[arg(long)]
    overwrite: bool,

    /// Print configuration and findings as one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    configuration: &'a str,
    /// Whether it loads once `[entra]` and `[sharefile]` are filled in.
    loads: bool,
    active_job: bool,
    left_out: usize,
    findings: &'a [Finding],
}

/// Reads a schema, and writes a configuration and what is different from the schema.
pub async fn import_schema(
    place: &Place,
    arguments: &ImportSchemaArguments,
) -> Result<Exit, Failure> {
    // Before anything is asked of the tenant.
    for file in [&arguments.out, &arguments.save_schema].into_iter().flatten() {
        if file.is_dir() {
            return Err(unwritable(file, "it is a folder"));
        }
        if !arguments.overwrite && file.exists() {
            return Err(exists(file));
        }
    }
    let read = match &arguments.file {
        Some(file) => origin::file(file)?,
        None => origin::graph(place, arguments.job.as_deref()).await?,
    };
    let imported =
        schema::with_known(&refusals, |known| schema::import(&read.bytes, &read.name, known));
    let imported = imported.map_err(|problem| no_schema(&read.name, &problem))?;
    if let Some(file) = &arguments.save_schema {
        write(file, &read.bytes, arguments.overwrite)?;
    }
    if let Some(file) = &arguments.out {
        write(file, imported.configuration.as_bytes(), arguments.overwrite)?;
    }
    if arguments.json {
        output::json(&Report {
            configuration: &imported.configuration,
            loads: !imported.blocks(),
            active_job: imported.active_job,
            left_out: imported.left_out(),
            findings: &imported.findings,
        });
    } else if arguments.out.is_none() {
        output::text(&imported.configuration);
    }
    tell(&imported, arguments);
    Ok(if imported.left_out() > 0 { Exit::SomeFailed } else { Exit::Done })
}

/// Returns what the reader of configurations says about a text.
fn refusals(text: &str) -> Vec<Refusal> {
    let problems = config::problems_of_rules(text).into_iter();
    problems.map(|problem| Refusal { key: problem.key, message: problem.message }).collect()
}

fn no_schema(name: &str, problem: &SchemaError) -> Failure {
    let remedy = "Give the file that the portal downloads (Provisioning, Attribute mapping, Show \
                  advanced options, Review your schema here), or what Graph answers to GET \
                  …/synchronization/jobs/{id}/schema.";
    let mut failure = Failure::new(Exit::Config, problem, remedy);
    failure.chain.insert(0, format!("{name} cannot be imported"));
    failure
}

fn exists(file: &Path) -> Failure {
    let what = format!("{} exists, and was left as it is", file.display());
    Failure::said(Exit::Refused, what, "Name another file, or replace it with --overwrite.")
}

fn write(file: &Path, bytes: &[u8], overwrite: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if overwrite {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options.open(file).and_then(|mut file| file.write_all(bytes));
    written.map_err(|problem| match problem.kind() {
        ErrorKind::AlreadyExists => exists(file),
        ErrorKind::NotFound => unwritable(file, "its folder does not exist"),
        ErrorKind::PermissionDenied => unwritable(file, "this account may not write there"),
        _ => unwritable(file, &problem.to_string()),
    })
}

fn unwritable(file: &Path, why: &str) -> Failure {
    let what = format!("{} cannot be written: {why}", file.display());
    Failure::said(Exit::Usage, what, "Name a file in a folder that you may write to.")
}

/// Says on standard error what is different. Programs read the JSON; only what must not be missed
/// is said to them as well.
fn tell(imported: &Imported, arguments: &ImportSchemaArguments) {
    let mut text = String::new();
    if imported.active_job {
        text.push_str(ACTIVE);
    }
    if !arguments.json {
        text.push_str(&schema::report(&imported.findings));
        text.push('\n');
        text.push_str(&summary(imported));
        if let Some(file) = &arguments.out {
            text.push_str(&format!(
                "Written to {}. Fill in [entra] and [sharefile], then run `check` and `plan`.\n",
                file.display()
            ));
        }
    }
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if colours && let Some(rest) = text.strip_prefix(ACTIVE) {
        eprint!("{}{rest}", console::style(ACTIVE).red().bold().force_styling(true));
    } else {
        eprint!("{text}");
    }
}

/// What is said first of a job that is active.
const ACTIVE: &str = "\
WARNING: this provisioning job is ACTIVE in Entra ID. Two services would write the same accounts.
Stop it before this configuration is used: in the portal, Enterprise applications, the application,
Provisioning, Stop provisioning; or by Graph, POST …/synchronization/jobs/{id}/pause.

";

/// Counts the findings, what leaves something out first.
fn summary(imported: &Imported) -> String {
    let count = |wanted: &dyn Fn(Kind) -> bool| {
        imported.findings.iter().filter(|finding| wanted(finding.kind)).count()
    };
    let left_out = imported.left_out();
    let remarks = count(&|kind| matches!(kind, Kind::Changed | Kind::Decide));
    let mut text = match left_out {
        0 => "Nothing was left out".to_owned(),
        1 => "1 thing was NOT carried over".to_owned(),
        many => format!("{many} things were NOT carried over"),
    };
    text.push_str(&format!(
        ", {remarks} {} to look at.\n",
        if remarks == 1 { "remark" } else { "remarks" }
    ));
    let blocks = count(&|kind| kind == Kind::Blocks);
    if blocks > 0 {
        text.push_str(&format!(
            "The configuration does not load before {blocks} of them {} decided, on purpose: it \
             would do something else than the schema.\n",
            if blocks == 1 { "is" } else { "are" }
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_counted() {
        let finding = |kind| Finding {
            kind,
            subject: "x".to_owned(),
            reason: "y".to_owned(),
            advice: String::new(),
            places: Vec::new(),
        };
        let imported = |kinds: &[Kind]| Imported {
            configuration: String::new(),
            findings: kinds.iter().copied().map(finding).collect(),
            active_job: false,
        };
        let none = summary(&imported(&[Kind::Meaningless]));
        assert_eq!(none, "Nothing was left out, 0 remarks to look at.\n");
        let some = summary(&imported(&[Kind::Blocks, Kind::Lost, Kind::Changed, Kind::Unknown]));
        assert_eq!(
            some,
            "3 things were NOT carried over, 1 remark to look at.\nThe configuration does not \
             load before 1 of them is decided, on purpose: it would do something else than the \
             schema.\n"
        );
    }

    #[test]
    fn what_the_reader_says_is_asked() {
        assert_eq!(refusals("[scope]\nusers = \"assigned\"\n"), []);
        let refused = refusals("[scope]\nuser = \"assigned\"\n");
        assert_eq!(refused.len(), 1);
        assert_eq!(
            (refused[0].key.as_str(), refused[0].message.as_str()),
            ("scope.user", "unknown key")
        );
    }
}
