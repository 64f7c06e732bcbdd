//! The documents that an application has when provisioning was set up in the portal and nothing
//! was changed. Names and shapes are those of the v1.0 metadata (Graph reference, section 10).

use serde_json::{Value, json};
use uuid::Uuid;

/// What the template is called.
const TEMPLATE: &str = "ShareFile";
/// What the schema calls Entra ID.
const ENTRA: &str = "Azure Active Directory";
/// A date that has not come yet, in .NET.
const NEVER: &str = "0001-01-01T00:00:00Z";

fn named(tenant_id: Uuid, name: &str) -> String {
    Uuid::new_v5(&tenant_id, name.as_bytes()).to_string()
}

/// Returns the job: set up, and stopped.
pub fn job(tenant_id: Uuid) -> Value {
    json!({
        "id": format!("{TEMPLATE}.{}.{}", tenant_id.simple(), named(tenant_id, "job")),
        "templateId": TEMPLATE,
        "schedule": {"expiration": Value::Null, "interval": "PT40M", "state": "Disabled"},
        "status": {
            "code": "Paused",
            "countSuccessiveCompleteFailures": 0,
            "escrowsPruned": false,
            "steadyStateFirstAchievedTime": NEVER,
            "steadyStateLastAchievedTime": NEVER,
            "troubleshootingUrl": "",
            "lastExecution": Value::Null,
            "lastSuccessfulExecution": Value::Null,
            "lastSuccessfulExecutionWithExports": Value::Null,
            "quarantine": Value::Null,
            "progress": [],
            "synchronizedEntryCountByType": [],
        },
        "synchronizationJobSettings": [
            {"name": "AzureIngestionAttributeOptimization", "value": "False"},
            {"name": "LookaheadQueryEnabled", "value": "False"},
        ],
    })
}

/// Returns the template of the application.
pub fn template(app_id: Uuid) -> Value {
    json!({
        "id": TEMPLATE,
        "applicationId": app_id,
        "default": true,
        "description": "Provisions users to ShareFile.",
        "discoverable": true,
        "factoryTag": TEMPLATE,
        "metadata": [{"key": "IsOAuthEnabled", "value": "False"}],
    })
}

fn attribute(name: &str, kind: &str, anchor: bool, multivalued: bool) -> Value {
    json!({
        "name": name,
        "type": kind,
        "anchor": anchor,
        "caseExact": false,
        "defaultValue": Value::Null,
        "flowNullValues": false,
        "multivalued": multivalued,
        "mutability": if anchor { "ReadOnly" } else { "ReadWrite" },
        "required": anchor,
        "metadata": [],
        "referencedObjects": [],
        "apiExpressions": [],
    })
}

fn directory(tenant_id: Uuid, name: &str, objects: Vec<(&str, Vec<Value>)>) -> Value {
    let objects: Vec<Value> = objects
        .into_iter()
        .map(|(name, attributes)| {
            json!({"name": name, "attributes": attributes, "metadata": [], "supportedApis": []})
        })
        .collect();
    json!({
        "id": named(tenant_id, name),
        "name": name,
        "objects": objects,
        "readOnly": name == ENTRA,
        "version": "1",
        "discoverabilities": "None",
        "discoveryDateTime": Value::Null,
    })
}

fn source(name: &str) -> Value {
    json!({
        "expression": format!("[{name}]"),
        "name": name,
        "type": "Attribute",
        "parameters": [],
    })
}

/// Returns `Not([IsSoftDeleted])`, as text and as tree.
fn living() -> Value {
    json!({
        "expression": "Not([IsSoftDeleted])",
        "name": "Not",
        "type": "Function",
        "parameters": [{"key": "source", "value": source("IsSoftDeleted")}],
    })
}

fn mapping(target: &str, source: Value, matching: u32, flow: &str) -> Value {
    json!({
        "targetAttributeName": target,
        "source": source,
        "defaultValue": Value::Null,
        "matchingPriority": matching,
        "flowBehavior": "FlowWhenChanged",
        "flowType": flow,
        "exportMissingReferences": false,
    })
}

fn object_mapping(source: &str, application: &str, mappings: Vec<Value>, enabled: bool) -> Value {
    json!({
        "name": format!("Synchronize {ENTRA} {source}s to {application}"),
        "enabled": enabled,
        "flowTypes": "Add, Update, Delete",
        "sourceObjectName": source,
        "targetObjectName": source,
        "scope": Value::Null,
        "attributeMappings": mappings,
        "metadata": [
            {"key": "EscrowBehavior", "value": "Default"},
            {"key": "DisableMonitoringForChanges", "value": "False"},
        ],
    })
}

/// Returns the schema: one rule from Entra ID to the application.
pub fn schema(tenant_id: Uuid, application: &str) -> Value {
    let entra = [
        "userPrincipalName",
        "mail",
        "displayName",
        "givenName",
        "surname",
        "jobTitle",
        "department",
        "companyName",
        "telephoneNumber",
        "mobile",
        "employeeId",
        "extensionAttribute1",
        "originalUserPrincipalName",
        "preferredLanguage",
    ];
    let mut user = vec![attribute("objectId", "String", true, false)];
    user.extend(entra.map(|name| attribute(name, "String", false, false)));
    user.push(attribute("accountEnabled", "Boolean", false, false));
    user.push(attribute("IsSoftDeleted", "Boolean", false, false));
    user.push(attribute("manager", "Reference", false, false));
    let group = vec![
        attribute("objectId", "String", true, false),
        attribute("displayName", "String", false, false),
        attribute("members", "Reference", false, true),
    ];
    let mut target = vec![attribute("Id", "String", true, false)];
    target.extend(
        ["Email", "FirstName", "LastName", "Company"]
            .map(|name| attribute(name, "String", false, false)),
    );
    target.push(attribute("IsActive", "Boolean", false, false));
    let target_group = vec![
        attribute("Id", "String", true, false),
        attribute("Name", "String", false, false),
        attribute("Contacts", "Reference", false, true),
    ];
    let users = vec![
        mapping("Email", source("mail"), 1, "Always"),
        mapping("FirstName", source("givenName"), 0, "Always"),
        mapping("LastName", source("surname"), 0, "Always"),
        mapping("Company", source("companyName"), 0, "ObjectAddOnly"),
        mapping("IsActive", living(), 0, "Always"),
    ];
    let groups = vec![
        mapping("Name", source("displayName"), 1, "Always"),
        mapping("Contacts", source("members"), 0, "Always"),
    ];
    json!({
        "id": named(tenant_id, "schema"),
        "version": "v1.1",
        "directories": [
            directory(tenant_id, ENTRA, vec![("User", user), ("Group", group)]),
            directory(tenant_id, application, vec![("User", target), ("Group", target_group)]),
        ],
        "synchronizationRules": [{
            "id": named(tenant_id, "rule"),
            "name": format!("{ENTRA} to {application}"),
            "priority": 1,
            "editable": true,
            "sourceDirectoryName": ENTRA,
            "targetDirectoryName": application,
            "objectMappings": [
                object_mapping("User", application, users, true),
                object_mapping("Group", application, groups, false),
            ],
            "metadata": [{"key": "IterativeImportEnabled", "value": "True"}],
            "containerFilter": Value::Null,
            "groupFilter": Value::Null,
        }],
    })
}

/// Returns the operators of scoping filters.
pub fn operators() -> Vec<Value> {
    let texts: &[&str] = &["String", "Integer"];
    [
        ("EQUALS", "Binary", texts),
        ("NOT EQUALS", "Binary", texts),
        ("IS TRUE", "Unary", &["Boolean"]),
        ("IS FALSE", "Unary", &["Boolean"]),
        ("IS NULL", "Unary", &["String", "Integer", "Reference"]),
        ("IS NOT NULL", "Unary", &["String", "Integer", "Reference"]),
        ("REGEX MATCH", "Binary", &["String"]),
        ("NOT REGEX MATCH", "Binary", &["String"]),
    ]
    .map(|(name, arity, types): (_, _, &[&str])| {
        json!({
            "id": name,
            "name": name,
            "arity": arity,
            "multivaluedComparisonType": if name.starts_with("NOT") { "All" } else { "Any" },
            "supportedAttributeTypes": types,
        })
    })
    .to_vec()
}

/// Returns the functions of expressions, those whose parameters are documented.
pub fn functions() -> Vec<Value> {
    // Name, type, whether required, whether repeated.
    type Parameter = (&'static str, &'static str, bool, bool);
    let known: &[(&str, &[Parameter])] = &[
        ("Append", &[("source", "String", true, false), ("suffix", "String", true, false)]),
        (
            "FormatDateTime",
            &[
                ("source", "String", true, false),
                ("inputFormat", "String", true, false),
                ("outputFormat", "String", true, false),
            ],
        ),
        ("Join", &[("separator", "String", true, false), ("source", "String", true, true)]),
        (
            "Mid",
            &[
                ("source", "String", true, false),
                ("start", "Integer", true, false),
                ("length", "Integer", true, false),
            ],
        ),
        ("Not", &[("source", "Boolean", true, false)]),
        (
            "Replace",
            &[
                ("source", "String", true, false),
                ("Find", "String", false, false),
                ("RegularExpression", "String", false, false),
                ("RegularExpressionGroupName", "String", false, false),
                ("Replacement", "String", false, false),
                ("ReplacementPropertyName", "String", false, false),
                ("Template", "String", false, false),
            ],
        ),
        ("SingleAppRoleAssignment", &[("source", "String", true, false)]),
        ("Split", &[("source", "String", true, false), ("delimiter", "String", false, false)]),
        ("StripSpaces", &[("source", "String", true, false)]),
        (
            "Switch",
            &[
                ("source", "String", true, false),
                ("defaultValue", "String", false, false),
                ("switchValue", "String", false, true),
            ],
        ),
    ];
    known
        .iter()
        .map(|(name, parameters)| {
            let parameters: Vec<Value> = parameters
                .iter()
                .map(|(name, kind, required, repeated)| {
                    json!({
                        "name": name,
                        "type": kind,
                        "required": required,
                        "allowMultipleOccurrences": repeated,
                    })
                })
                .collect();
            json!({"id": name, "name": name, "parameters": parameters})
        })
        .collect()
}
