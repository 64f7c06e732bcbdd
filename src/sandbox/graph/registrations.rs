//! App registrations: `applications`, where the ends of secrets and certificates can be read, and
//! their federated credentials.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::model::ids::Timestamp;

use super::Tenant;
use super::call::{Answer, Call, Refusal, Reply};
use super::page;
use super::route::ApplicationKey;

/// What a secret without an end shows, as those that the command line tools make "for ever".
const NEVER: &str = "2299-12-31T00:00:00Z";

const NAMES: &[&str] = &[
    "id",
    "deletedDateTime",
    "appId",
    "displayName",
    "signInAudience",
    "identifierUris",
    "publisherDomain",
    "tags",
    "passwordCredentials",
    "keyCredentials",
];

fn object_id(tenant: &Tenant) -> Uuid {
    Uuid::new_v5(&tenant.tenant_id, tenant.client_id().as_bytes())
}

/// Answers `GET /applications`, whose one filter is `appId eq '…'`.
pub fn list(tenant: &Tenant, call: &Call) -> Reply {
    call.only(&["$select", "$filter", "$top"])?;
    let wanted = match call.option("$filter") {
        None => true,
        Some(text) => {
            let odd = || {
                Refusal::unsupported(
                    "Unsupported or invalid query filter clause specified for resource 'Application'.",
                )
            };
            let literal = text.strip_prefix("appId eq '").and_then(|rest| rest.strip_suffix('\''));
            let client_id = tenant.client_id().to_string();
            literal.ok_or_else(odd)?.eq_ignore_ascii_case(&client_id)
        }
    };
    let rows = if wanted { vec![Value::Object(shown(tenant, call)?)] } else { Vec::new() };
    let context = format!("{}/v1.0/$metadata#applications", call.base);
    Ok(Answer::json(json!({"@odata.context": context, "value": rows})))
}

/// Answers `GET /applications/{id}` and `applications(appId='…')`.
pub fn one(tenant: &Tenant, call: &Call, key: &ApplicationKey) -> Reply {
    call.only(&["$select"])?;
    check_key(tenant, key)?;
    let mut body = shown(tenant, call)?;
    let context = format!("{}/v1.0/$metadata#applications/$entity", call.base);
    body.insert("@odata.context".into(), context.into());
    Ok(Answer::json(Value::Object(body)))
}

/// Answers `GET /applications/{id}/federatedIdentityCredentials`.
pub fn federated(tenant: &Tenant, call: &Call, key: &ApplicationKey) -> Reply {
    call.only(&[])?;
    check_key(tenant, key)?;
    let rows: Vec<Value> = tenant
        .federated_credentials()
        .into_iter()
        .map(|held| {
            json!({
                "id": Uuid::new_v5(&tenant.tenant_id, held.name.as_bytes()).to_string(),
                "name": held.name,
                "issuer": held.issuer,
                "subject": held.subject,
                "description": Value::Null,
                "audiences": held.audiences,
            })
        })
        .collect();
    let context = format!(
        "{}/v1.0/$metadata#applications('{}')/federatedIdentityCredentials",
        call.base,
        object_id(tenant)
    );
    Ok(Answer::json(json!({"@odata.context": context, "value": rows})))
}

/// Returns the selected properties of the service principal that the registration has in its
/// tenant; `None` if `key` is not its app id. It repeats the credentials of the registration, which
/// the reference leaves open (the type has both lists).
pub fn principal(
    tenant: &Tenant,
    key: &ApplicationKey,
    select: &[String],
) -> Option<Map<String, Value>> {
    let ApplicationKey::AppId(text) = key else { return None };
    let client_id = tenant.client_id();
    if Uuid::try_parse(text).ok() != Some(client_id) {
        return None;
    }
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, client_id.to_string().as_bytes());
    let shown = |name: &String| match name.as_str() {
        "id" => json!(id.to_string()),
        "accountEnabled" => json!(tenant.registration().enabled),
        "servicePrincipalType" => json!("Application"),
        "appRoles" => json!([]),
        "appId" | "displayName" | "passwordCredentials" | "keyCredentials" => {
            property(tenant, name)
        }
        _ => Value::Null,
    };
    Some(select.iter().map(|name| (name.clone(), shown(name))).collect())
}

fn check_key(tenant: &Tenant, key: &ApplicationKey) -> Result<(), Refusal> {
    let (text, held) = match key {
        ApplicationKey::Object(text) => (text, object_id(tenant)),
        ApplicationKey::AppId(text) => (text, tenant.client_id()),
    };
    match Uuid::try_parse(text) {
        Ok(id) if id == held => Ok(()),
        Ok(_) => Err(Refusal::missing(text)),
        Err(_) => Err(Refusal::bad(format!("Invalid object identifier '{text}'."))),
    }
}

fn shown(tenant: &Tenant, call: &Call) -> Result<Map<String, Value>, Refusal> {
    let names: Vec<String> = match call.option("$select") {
        None => NAMES.iter().map(|&name| name.to_owned()).collect(),
        Some(text) => page::split(text),
    };
    if let Some(odd) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        let message = format!(
            "Parsing OData Select and Expand failed: Could not find a property named '{odd}' on type 'microsoft.graph.application'."
        );
        return Err(Refusal::new(400, "BadRequest", message));
    }
    Ok(names.iter().map(|name| (name.clone(), property(tenant, name))).collect())
}

fn property(tenant: &Tenant, name: &str) -> Value {
    let registration = tenant.registration();
    let key_id = |text: &str| Uuid::new_v5(&tenant.tenant_id, text.as_bytes()).to_string();
    let end = |at: Option<Timestamp>| at.map_or(NEVER.to_owned(), |at| at.to_string());
    match name {
        "id" => json!(Uuid::new_v5(&tenant.tenant_id, registration.client_id.as_bytes())),
        "appId" => json!(registration.client_id),
        "displayName" => json!(registration.name),
        "signInAudience" => json!("AzureADMyOrg"),
        "publisherDomain" => json!(tenant.domain),
        "identifierUris" | "tags" => json!([]),
        "passwordCredentials" => registration
            .secrets
            .iter()
            .enumerate()
            .map(|(number, secret)| {
                json!({
                    "customKeyIdentifier": null,
                    "displayName": format!("secret {}", number + 1),
                    "startDateTime": Timestamp(0).to_string(),
                    "endDateTime": end(secret.expires),
                    "hint": secret.hint(),
                    "keyId": key_id(&format!("secret {number}")),
                    "secretText": null,
                })
            })
            .collect(),
        "keyCredentials" => registration
            .certificates
            .iter()
            .map(|certificate| {
                json!({
                    "customKeyIdentifier": certificate.sha1_hex(),
                    "displayName": "CN=sharefile-provisioner",
                    "startDateTime": certificate.not_before.to_string(),
                    "endDateTime": certificate.not_after.to_string(),
                    "key": null,
                    "keyId": key_id(&certificate.sha256),
                    "type": "AsymmetricX509Cert",
                    "usage": "Verify",
                })
            })
            .collect(),
        _ => Value::Null,
    }
}
