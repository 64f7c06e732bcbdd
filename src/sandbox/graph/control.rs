//! The control API of the Entra ID and Graph emulator; [`crate::sandbox::control`] says how it is
//! used.
//!
//! | Route | Does |
//! |---|---|
//! | `POST /_sandbox/devices` | adds a device, which can be a member: `{"displayName"}` |
//! | `GET /_sandbox/entra` | federated credentials, managed identity and where their endpoints are |
//! | `PUT /_sandbox/entra/federated-credentials` | replaces them: `[{"name", "issuer", "subject", "audiences": []}]` |
//! | `POST /_sandbox/entra/federated-token` | mints a token of another issuer for `client_assertion`: `{"issuer", "subject", "audience", "lifetime_secs"}`, each as registered if left out |
//! | `GET /_sandbox/entra/synchronization` | the job and the schema that the synchronization API shows |
//! | `PUT /_sandbox/entra/synchronization/job` | another job, or null for none |
//! | `PUT /_sandbox/entra/synchronization/schema` | another schema |
//! | `GET`, `POST /_sandbox/entra/provisioning-log` | entries of `auditLogs/provisioning`; adds some, as a list; what an entry leaves out is filled in |
//! | `POST /_sandbox/entra/lifecycle` | `{"event": "missed"}`, `"subscriptionRemoved"` or `"reauthorizationRequired"` to every subscription |
//! | `GET`, `PUT /_sandbox/entra/roles` | the roles that the application declares, as a list |
//! | `GET`, `PUT /_sandbox/permissions` | the permissions that are granted, as a list |
//! | `GET`, `PATCH /_sandbox/switches` | the choices of the Graph emulator |
//! | `DELETE /_sandbox/deltas` | ends every delta token that was issued so far |

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{delete, get, post, put};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::sandbox::control::{Body, Problem, Reply, made, read, shown};

use super::Tenant;
use super::federation::FederatedToken;
use super::provisioning::completed;
use super::subscriptions::Lifecycle;
use super::switches::Switches;
use super::views::{FederatedCredential, RoleView};

type On = State<Arc<Tenant>>;

/// Returns the routes.
pub fn routes(tenant: Arc<Tenant>) -> Router {
    Router::new()
        .route("/_sandbox/devices", post(add_device))
        .route("/_sandbox/entra", get(read_entra))
        .route("/_sandbox/entra/roles", get(read_roles).put(set_roles))
        .route("/_sandbox/entra/federated-credentials", put(set_federated_credentials))
        .route("/_sandbox/entra/federated-token", post(mint_federated_token))
        .route("/_sandbox/entra/synchronization", get(read_synchronization))
        .route("/_sandbox/entra/synchronization/job", put(set_job))
        .route("/_sandbox/entra/synchronization/schema", put(set_schema))
        .route("/_sandbox/entra/provisioning-log", get(read_log).post(add_to_log))
        .route("/_sandbox/entra/lifecycle", post(send_lifecycle))
        .route("/_sandbox/permissions", get(read_permissions).put(set_permissions))
        .route("/_sandbox/switches", get(read_switches).patch(change_switches))
        .route("/_sandbox/deltas", delete(reset_deltas))
        .with_state(tenant)
}

async fn add_device(State(on): On, body: Body<Map<String, Value>>) -> Reply {
    let body = read(body)?;
    let name = body.get("displayName").and_then(Value::as_str);
    let name = name.ok_or_else(|| Problem::Malformed("`displayName` is missing".to_owned()))?;
    made(&json!({ "id": on.add_device(name), "displayName": name }))
}

async fn read_entra(State(on): On) -> Reply {
    let identity = on.host_identity();
    shown(&json!({
        "federated_credentials": on.federated_credentials(),
        "managed_identity": {
            "client_id": identity.client_id,
            "object_id": identity.object_id,
            "metadata_path": "/metadata/identity/oauth2/token",
            "identity_endpoint_path": "/msi/token",
            "identity_header": identity.header.expose_secret(),
        },
    }))
}

async fn read_roles(State(on): On) -> Reply {
    shown(&on.application().roles)
}

async fn set_roles(State(on): On, body: Body<Vec<RoleView>>) -> Reply {
    on.set_roles(read(body)?);
    shown(&on.application().roles)
}

async fn set_federated_credentials(State(on): On, body: Body<Vec<FederatedCredential>>) -> Reply {
    on.set_federated_credentials(read(body)?);
    read_entra(State(on)).await
}

async fn mint_federated_token(State(on): On, body: Body<FederatedToken>) -> Reply {
    let token = on.federated_token(read(body)?)?;
    made(&json!({ "token": token }))
}

async fn read_synchronization(State(on): On) -> Reply {
    let documents = on.synchronization();
    shown(&json!({ "job": documents.job, "schema": documents.schema }))
}

fn has_id(document: &Value) -> bool {
    document.get("id").is_some_and(Value::is_string)
}

async fn set_job(State(on): On, body: Body<Value>) -> Reply {
    let job = read(body)?;
    if !job.is_null() && !has_id(&job) {
        return Err(Problem::Malformed("the job must be an object with an `id`".to_owned()));
    }
    on.set_synchronization_job(Some(job).filter(|job| !job.is_null()));
    read_synchronization(State(on)).await
}

async fn set_schema(State(on): On, body: Body<Value>) -> Reply {
    let schema = read(body)?;
    if !schema.is_object() {
        return Err(Problem::Malformed("the schema must be an object".to_owned()));
    }
    on.set_synchronization_schema(schema);
    read_synchronization(State(on)).await
}

async fn read_log(State(on): On) -> Reply {
    shown(&on.synchronization().log)
}

async fn add_to_log(State(on): On, body: Body<Vec<Value>>) -> Reply {
    let entries: Option<Vec<Value>> =
        read(body)?.into_iter().map(|entry| completed(&on, entry)).collect();
    let entries =
        entries.ok_or_else(|| Problem::Malformed("every entry must be an object".to_owned()))?;
    on.add_provisioning_entries(entries);
    read_log(State(on)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LifecycleOrder {
    event: Lifecycle,
}

async fn send_lifecycle(State(on): On, body: Body<LifecycleOrder>) -> Reply {
    let told = on.send_lifecycle(read(body)?.event);
    shown(&json!({ "subscriptions": told }))
}

async fn read_permissions(State(on): On) -> Reply {
    shown(&on.permissions())
}

async fn set_permissions(State(on): On, body: Body<Vec<String>>) -> Reply {
    on.set_permissions(read(body)?);
    read_permissions(State(on)).await
}

async fn read_switches(State(on): On) -> Reply {
    shown(&on.switches())
}

async fn change_switches(State(on): On, body: Body<Map<String, Value>>) -> Reply {
    let patch = read(body)?;
    let switches: Map<String, Value> = match json!(on.switches()) {
        Value::Object(switches) => switches.into_iter().chain(patch).collect(),
        _ => patch,
    };
    let switches: Switches = serde_json::from_value(Value::Object(switches))
        .map_err(|error| Problem::Malformed(error.to_string()))?;
    on.set_switches(switches);
    read_switches(State(on)).await
}

async fn reset_deltas(State(on): On) -> Reply {
    on.reset_deltas();
    Ok(StatusCode::NO_CONTENT.into_response())
}
