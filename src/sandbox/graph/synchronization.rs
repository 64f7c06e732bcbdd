//! The synchronization API, read-only: jobs, schema, templates, operators, functions (Graph
//! reference, section 10). The control API puts other documents into it.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Tenant;
use super::call::{Answer, Call, Refusal, Reply};
use super::route::ApplicationKey;

mod usual;

/// What of the API is asked for, below `servicePrincipals/{id}/synchronization`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// `jobs`
    Jobs,
    /// `jobs/{id}`
    Job(String),
    /// `jobs/{id}/schema`
    JobSchema(String),
    /// `jobs/{id}/schema/filterOperators`
    Operators(String),
    /// `jobs/{id}/schema/functions`
    Functions(String),
    /// `templates`
    Templates,
    /// `templates/{id}`
    Template(String),
    /// `templates/{id}/schema`
    TemplateSchema(String),
    /// `secrets`
    Secrets,
}

impl Part {
    /// Returns what a path means, without what stands before `synchronization/`.
    pub fn of(parts: &[&str]) -> Option<Self> {
        Some(match parts {
            ["jobs"] => Self::Jobs,
            ["jobs", id] => Self::Job((*id).to_owned()),
            ["jobs", id, "schema"] => Self::JobSchema((*id).to_owned()),
            ["jobs", id, "schema", "filterOperators()" | "filterOperators"] => {
                Self::Operators((*id).to_owned())
            }
            ["jobs", id, "schema", "functions()" | "functions"] => {
                Self::Functions((*id).to_owned())
            }
            ["templates"] => Self::Templates,
            ["templates", id] => Self::Template((*id).to_owned()),
            ["templates", id, "schema"] => Self::TemplateSchema((*id).to_owned()),
            ["secrets"] => Self::Secrets,
            _ => return None,
        })
    }

    /// Returns the path with ids replaced.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Jobs => "servicePrincipals/{id}/synchronization/jobs",
            Self::Job(_) => "servicePrincipals/{id}/synchronization/jobs/{id}",
            Self::JobSchema(_) => "servicePrincipals/{id}/synchronization/jobs/{id}/schema",
            Self::Operators(_) => {
                "servicePrincipals/{id}/synchronization/jobs/{id}/schema/filterOperators"
            }
            Self::Functions(_) => {
                "servicePrincipals/{id}/synchronization/jobs/{id}/schema/functions"
            }
            Self::Templates => "servicePrincipals/{id}/synchronization/templates",
            Self::Template(_) => "servicePrincipals/{id}/synchronization/templates/{id}",
            Self::TemplateSchema(_) => {
                "servicePrincipals/{id}/synchronization/templates/{id}/schema"
            }
            Self::Secrets => "servicePrincipals/{id}/synchronization/secrets",
        }
    }

    /// Returns the permissions of which one is needed.
    pub fn readers(&self) -> &'static [&'static str] {
        match self {
            Self::JobSchema(_) | Self::TemplateSchema(_) => &[
                "Synchronization.Read.All",
                "Synchronization.ReadWrite.All",
                "CustomSecAttributeProvisioning.Read.All",
                "Application.ReadWrite.OwnedBy",
            ],
            _ => &[
                "Synchronization.Read.All",
                "Synchronization.ReadWrite.All",
                "Application.ReadWrite.OwnedBy",
            ],
        }
    }
}

/// The documents of the API.
#[derive(Clone, Debug)]
pub struct Synchronization {
    /// The job, or `None` if provisioning was never set up.
    pub job: Option<Value>,
    /// The schema of the job.
    pub schema: Value,
    /// The schema that the template comes with.
    pub template_schema: Value,
    /// Entries of `auditLogs/provisioning`, oldest first.
    pub log: Vec<Value>,
}

impl Synchronization {
    /// Returns what the portal makes for the application when provisioning is first set up.
    pub fn usual(tenant_id: Uuid, application: &str) -> Self {
        let schema = usual::schema(tenant_id, application);
        let job = usual::job(tenant_id);
        Self { job: Some(job), template_schema: schema.clone(), schema, log: Vec::new() }
    }
}

impl Tenant {
    /// Returns the documents of the synchronization API.
    pub fn synchronization(&self) -> Synchronization {
        self.documents().clone()
    }

    /// Replaces the job; `None` for none.
    pub fn set_synchronization_job(&self, job: Option<Value>) {
        self.documents().job = job;
    }

    /// Replaces the schema of the job.
    pub fn set_synchronization_schema(&self, schema: Value) {
        self.documents().schema = schema;
    }

    /// Adds entries to `auditLogs/provisioning`.
    pub fn add_provisioning_entries(&self, entries: Vec<Value>) {
        self.documents().log.extend(entries);
    }
}

/// Answers the synchronization API of a service principal. Those that are not provisioned have no
/// job and no template.
pub fn answer(tenant: &Tenant, call: &Call, key: &ApplicationKey, part: &Part) -> Reply {
    call.only(&["$select", "$top", "$expand"])?;
    let application = tenant.application();
    let ours = match key {
        ApplicationKey::Object(text) => Uuid::try_parse(text).ok() == Some(application.id),
        ApplicationKey::AppId(text) => Uuid::try_parse(text).ok() == Some(application.app_id),
    };
    let documents = tenant.synchronization();
    let job = documents.job.filter(|_| ours);
    let set = format!("servicePrincipals('{}')/synchronization", application.id);
    let job_named = |id: &str| {
        let found = job.as_ref().filter(|job| job.get("id").and_then(Value::as_str) == Some(id));
        found.ok_or_else(|| Refusal::new(404, "NotFound", format!("There is no job '{id}'.")))
    };
    let template = usual::template(application.app_id);
    let template_named = |id: &str| {
        let known = ours && template.get("id").and_then(Value::as_str) == Some(id);
        let missing = || Refusal::new(404, "NotFound", format!("There is no template '{id}'."));
        if known { Ok(&template) } else { Err(missing()) }
    };
    match part {
        Part::Jobs => list(call, &format!("{set}/jobs"), job.into_iter().collect()),
        Part::Job(id) => entity(call, &format!("{set}/jobs/$entity"), job_named(id)?),
        Part::JobSchema(id) => {
            job_named(id)?;
            entity(call, &format!("{set}/jobs('{id}')/schema/$entity"), &documents.schema)
        }
        Part::Operators(id) => {
            job_named(id)?;
            list(call, "Collection(microsoft.graph.filterOperatorSchema)", usual::operators())
        }
        Part::Functions(id) => {
            job_named(id)?;
            let kind = "Collection(microsoft.graph.attributeMappingFunctionSchema)";
            list(call, kind, usual::functions())
        }
        Part::Templates if ours => list(call, &format!("{set}/templates"), vec![template]),
        Part::Templates => list(call, &format!("{set}/templates"), Vec::new()),
        Part::Template(id) => {
            entity(call, &format!("{set}/templates/$entity"), template_named(id)?)
        }
        Part::TemplateSchema(id) => {
            template_named(id)?;
            let context = format!("{set}/templates('{id}')/schema/$entity");
            entity(call, &context, &documents.template_schema)
        }
        Part::Secrets => {
            // Which secrets there are is told, what they are is not.
            let keys = ["BaseAddress", "SecretToken", "SyncAll", "SyncNotificationSettings"];
            let rows = keys.map(|key| json!({"key": key, "value": Value::Null})).to_vec();
            list(call, "Collection(microsoft.graph.synchronizationSecretKeyStringValuePair)", rows)
        }
    }
}

fn list(call: &Call, context: &str, rows: Vec<Value>) -> Reply {
    let context = format!("{}/v1.0/$metadata#{context}", call.base);
    Ok(Answer::json(json!({"@odata.context": context, "value": rows})))
}

fn entity(call: &Call, context: &str, document: &Value) -> Reply {
    let mut body: Map<String, Value> = document.as_object().cloned().unwrap_or_default();
    let context = format!("{}/v1.0/$metadata#{context}", call.base);
    body.insert("@odata.context".into(), context.into());
    Ok(Answer::json(Value::Object(body)))
}
