//! Where a schema is read from: a file, standard input, or the tenant.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::clock::SystemClock;
use crate::config;
use crate::schema::MOST_BYTES;
use crate::source::Source;
use crate::source::graph::{Graph, SynchronizationJob};

use super::super::exit::{Exit, Failure};
use super::super::open::Place;

/// A schema that was read, as bytes, and what comments call it.
pub struct Origin {
    /// The document.
    pub bytes: Vec<u8>,
    /// The name of the file, or of the application.
    pub name: String,
}

/// Reads a file, or standard input if it is called `-`. What is longer than any schema is cut, so
/// that the importer refuses it.
pub fn file(file: &Path) -> Result<Origin, Failure> {
    let mut bytes = Vec::new();
    let most = MOST_BYTES as u64 + 1;
    let input = file.as_os_str() == "-";
    let read = if input {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    let name = match file.file_name() {
        Some(name) if !input => name.to_string_lossy().into_owned(),
        _ => "standard input".to_owned(),
    };
    read.map_err(|problem| {
        let why = config::why_unreadable(&problem);
        let what = format!("{} cannot be read: {why}", file.display());
        Failure::said(Exit::Usage, what, "Name the file with the schema, or `-`.")
    })?;
    Ok(Origin { bytes, name })
}

/// Reads the schema of the configured application from the tenant.
pub async fn graph(place: &Place, wanted: Option<&str>) -> Result<Origin, Failure> {
    let graph = Graph::new(place.source()?, Arc::new(SystemClock::new()))?;
    let application = graph.describe().await?;
    let jobs = graph.synchronization_jobs(application.application_id).await?;
    let job = choose(jobs, wanted, &application.display_name)?;
    let name = format!("of the job {} of {}", job.id, application.display_name);
    let document = graph.synchronization_schema(application.application_id, job).await?;
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    Ok(Origin { bytes: (text + "\n").into_bytes(), name })
}

/// Returns the job that is wanted, or the only one.
fn choose(
    jobs: Vec<SynchronizationJob>,
    wanted: Option<&str>,
    application: &str,
) -> Result<SynchronizationJob, Failure> {
    let list: Vec<String> = jobs.iter().map(described).collect();
    let several = jobs.len() > 1;
    let found = jobs.into_iter().find(|job| wanted.is_none_or(|wanted| job.id == wanted));
    match (found, wanted) {
        (Some(_), None) if several => {
            let what = format!(
                "the application {application} has several provisioning jobs:\n{}",
                list.join("\n")
            );
            Err(Failure::said(Exit::Usage, what, "Choose one with --job ID."))
        }
        (Some(job), _) => Ok(job),
        (None, Some(wanted)) if !list.is_empty() => {
            let what = format!(
                "the application {application} has no provisioning job {wanted}, but\n{}",
                list.join("\n")
            );
            Err(Failure::said(Exit::Usage, what, "Choose one of these with --job ID."))
        }
        (None, _) => {
            let what = format!("the application {application} has no provisioning job");
            let remedy = "Provisioning was never set up for it. Check `entra.application`, and \
                          whether another enterprise application was provisioned.";
            Err(Failure::said(Exit::Source, what, remedy))
        }
    }
}

fn described(job: &SynchronizationJob) -> String {
    let or = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
    format!(
        "  {} (template {}, status {}, schedule {})",
        job.id,
        or(&job.template),
        or(&job.status),
        or(&job.schedule)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str) -> SynchronizationJob {
        SynchronizationJob {
            id: id.to_owned(),
            template: "ShareFile".to_owned(),
            status: "Active".to_owned(),
            schedule: String::new(),
            document: serde_json::Value::Null,
        }
    }

    #[test]
    fn the_only_job_is_taken_and_several_are_listed() {
        let chosen = |ids: &[&str], wanted| {
            let jobs = ids.iter().map(|id| job(id)).collect();
            choose(jobs, wanted, "ShareFile")
                .map(|job| job.id)
                .map_err(|failure| (failure.exit, failure.chain.concat()))
        };
        assert_eq!(chosen(&["a"], None), Ok("a".to_owned()));
        assert_eq!(chosen(&["a", "b"], Some("b")), Ok("b".to_owned()));
        let (exit, said) = chosen(&["a", "b"], None).unwrap_err();
        assert_eq!(exit, Exit::Usage);
        assert!(
            said.contains("\n  a (template ShareFile, status Active, schedule unknown)\n  b (")
        );
        let (exit, said) = chosen(&["a"], Some("x")).unwrap_err();
        assert!(
            exit == Exit::Usage && said.contains("no provisioning job x, but\n  a ("),
            "{said}"
        );
        assert_eq!(chosen(&[], None).unwrap_err().0, Exit::Source);
        assert_eq!(chosen(&[], Some("a")).unwrap_err().0, Exit::Source);
    }
}
