//! How Entra ID's own provisioning of an application is set up: its jobs and their schemas (Graph
//! reference, section 10). Reads only.

use graph_http::api_impl::RequestHandler;
use http::Method;
use serde_json::Value;
use url::Url;

use crate::model::ids::SourceAnchor;
use crate::model::outcome::ErrorCategory;
use crate::source::SourceError;

use super::Graph;
use super::error::{self, Call};
use super::paging::Pager;
use super::permission::Permission;
use super::request::Transport;

/// A job of Entra ID's provisioning service.
#[derive(Clone, Debug, PartialEq)]
pub struct SynchronizationJob {
    /// Its id, which is no GUID.
    pub id: String,
    /// What it was made from, as `ShareFile`; empty if Graph does not say.
    pub template: String,
    /// `NotConfigured`, `NotRun`, `Active`, `Paused` or `Quarantine`; empty if Graph does not say.
    pub status: String,
    /// `Active`, `Disabled` or `Paused`; empty if Graph does not say.
    pub schedule: String,
    /// The whole job, as Graph gave it.
    pub document: Value,
}

impl SynchronizationJob {
    fn of(document: Value) -> Option<Self> {
        let text = |pointer: &str| {
            document.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let id = text("/id");
        let (template, status) = (text("/templateId"), text("/status/code"));
        let schedule = text("/schedule/state");
        (!id.is_empty()).then_some(Self { id, template, status, schedule, document })
    }
}

impl Graph {
    /// Returns the jobs that provision an application, in the order of Graph: none if provisioning
    /// was never set up.
    ///
    /// # Errors
    /// When they cannot be read; the message names the permission that is missing.
    pub async fn synchronization_jobs(
        &self,
        application: SourceAnchor,
    ) -> Result<Vec<SynchronizationJob>, SourceError> {
        let call = Call::new("reading the provisioning jobs", Permission::Synchronization);
        let mut pager = Pager::new(&self.transport, &call);
        let request = request(&self.transport, application, &["jobs"]);
        let first = pager.fetch(request).await.map_err(|error| error.into_error(&call))?;
        let mut found: Vec<Value> = Vec::new();
        pager.collect(first, &mut found).await?;
        let count = found.len();
        let mut jobs: Vec<SynchronizationJob> = Vec::with_capacity(count);
        for job in found.into_iter().filter_map(SynchronizationJob::of) {
            // Pages may come twice.
            if jobs.iter().all(|known| known.id != job.id) {
                jobs.push(job);
            }
        }
        if jobs.is_empty() && count > 0 {
            return Err(call.unexpected("jobs that have no id"));
        }
        Ok(jobs)
    }

    /// Returns a job with its schema below the key `schema`, as Graph nests them.
    ///
    /// # Errors
    /// When the schema cannot be read.
    pub async fn synchronization_schema(
        &self,
        application: SourceAnchor,
        job: SynchronizationJob,
    ) -> Result<Value, SourceError> {
        let attempted = format!("reading the schema of the provisioning job {}", job.id);
        let call = Call::new(attempted, Permission::Synchronization);
        let request = request(&self.transport, application, &["jobs", &job.id, "schema"]);
        let answer = self.transport.send(&call, request).await?;
        if !answer.status.is_success() {
            return Err(error::refused(&call, &answer));
        }
        let schema: Value = answer
            .json()
            .map_err(|problem| error::undecodable(&call.attempted, &answer, problem))?;
        let mut document = job.document;
        let Some(members) = document.as_object_mut() else {
            return Err(call.failed(
                ErrorCategory::Bug,
                "the job is no object",
                "Report this with the log.",
            ));
        };
        members.insert("schema".to_owned(), schema);
        Ok(document)
    }
}

/// Returns a request below `servicePrincipals/{id}/synchronization`, for which the SDK has no
/// builder that takes ids as they are.
fn request(transport: &Transport, application: SourceAnchor, parts: &[&str]) -> RequestHandler {
    let mut handler = transport.sdk().custom(Method::GET, None);
    let url: &mut Url = handler.as_mut();
    url.set_path("/v1.0/servicePrincipals");
    if let Ok(mut path) = url.path_segments_mut() {
        path.push(&application.0.to_string()).push("synchronization").extend(parts);
    }
    handler
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_job_says_what_it_is() {
        let job = SynchronizationJob::of(json!({
            "id": "ShareFile.1.2",
            "templateId": "ShareFile",
            "schedule": {"interval": "PT40M", "state": "Active"},
            "status": {"code": "Quarantine"},
        }));
        let job = job.unwrap();
        assert_eq!((job.id.as_str(), job.template.as_str()), ("ShareFile.1.2", "ShareFile"));
        assert_eq!((job.status.as_str(), job.schedule.as_str()), ("Quarantine", "Active"));
        let bare = SynchronizationJob::of(json!({"id": "x", "status": null})).unwrap();
        assert_eq!((bare.status.as_str(), bare.schedule.as_str()), ("", ""));
        assert_eq!(SynchronizationJob::of(json!({"id": null})), None);
        assert_eq!(SynchronizationJob::of(json!("x")), None);
    }
}
