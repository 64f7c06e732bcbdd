//! `graph-openapi.json`: operations and types, and what the vendor's pages add to them.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::schema::{Types, reference};

/// What an operation answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// No body.
    Nothing,
    /// An object of a type.
    One(String),
    /// A list of objects of a type.
    List(String),
    /// A page of changes to objects of a type.
    Delta(String),
    /// A number as plain text.
    Count,
}

/// One method of one path.
#[derive(Debug)]
pub struct Operation {
    pub method: String,
    /// The path as described, with ids in braces.
    pub path: String,
    /// The query options that it takes, each with the schema of its value.
    pub options: Vec<(String, Value)>,
    /// The type of the body.
    pub body: Option<String>,
    /// Every success with what it answers.
    pub answers: Vec<(u16, Shape)>,
}

/// The whole description.
pub struct Description {
    pub operations: Vec<Operation>,
    pub types: Types,
}

/// Operations of the pages that the cut of the metadata leaves out: method, path, status, kind of
/// answer, type. (Graph reference, sections 1, 3, 6, 7 and 10.)
const MORE: [(&str, &str, u16, char, &str); 16] = [
    ("POST", "/directoryObjects/getByIds", 200, 'l', "directoryObject"),
    ("POST", "/directory/deletedItems/{id}/restore", 200, 'o', "directoryObject"),
    ("DELETE", "/directory/deletedItems/{id_1}", 204, 'n', ""),
    ("DELETE", "/users/{id}", 204, 'n', ""),
    ("POST", "/subscriptions/{id}/reauthorize", 204, 'n', ""),
    // The pages renew with 200 and the subscription, the metadata says 204.
    ("PATCH", "/subscriptions/{id}", 200, 'o', "subscription"),
    (
        "GET",
        "/servicePrincipals/{id}/synchronization/templates",
        200,
        'l',
        "synchronizationTemplate",
    ),
    (
        "GET",
        "/servicePrincipals/{id}/synchronization/templates/{id}",
        200,
        'o',
        "synchronizationTemplate",
    ),
    (
        "GET",
        "/servicePrincipals/{id}/synchronization/templates/{id}/schema",
        200,
        'o',
        "synchronizationSchema",
    ),
    ("GET", "/users/{id}/memberOf", 200, 'l', "directoryObject"),
    ("GET", "/users/{id}/transitiveMemberOf", 200, 'l', "directoryObject"),
    ("GET", "/groups/{id}/memberOf", 200, 'l', "directoryObject"),
    ("GET", "/groups/{id}/transitiveMemberOf", 200, 'l', "directoryObject"),
    ("GET", "/applications", 200, 'l', "application"),
    ("GET", "/applications/{id}", 200, 'o', "application"),
    (
        "GET",
        "/applications/{id}/federatedIdentityCredentials",
        200,
        'l',
        "federatedIdentityCredential",
    ),
];

/// Types that may have members which the metadata does not declare; directory extensions on the
/// first three (Graph reference, sections 3 and 9).
const EXTENSIBLE: [&str; 3] = ["user", "group", "servicePrincipal"];
const OPEN: [&str; 1] = ["initiator"];

const NAMESPACE: &str = "microsoft.graph.";

/// Returns the description; it is read once.
pub fn description() -> &'static Description {
    static READ: OnceLock<Description> = OnceLock::new();
    READ.get_or_init(|| {
        let text = include_str!("../../fixtures/graph-openapi.json");
        read(&serde_json::from_str(text).expect("JSON"))
    })
}

fn read(document: &Value) -> Description {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if method != "parameters" {
                operations.push(read_operation(document, method, path, operation));
            }
        }
    }
    for (method, path, status, kind, name) in MORE {
        let shape = match kind {
            'l' => Shape::List(name.to_owned()),
            'o' => Shape::One(name.to_owned()),
            _ => Shape::Nothing,
        };
        let known = operations.iter_mut().find(|one| one.method == method && one.path == path);
        match known {
            Some(operation) => operation.answers.push((status, shape)),
            None => operations.push(Operation {
                method: method.to_owned(),
                path: path.to_owned(),
                options: ["$select", "$top"].map(|name| (name.to_owned(), json!({}))).to_vec(),
                body: None,
                answers: vec![(status, shape)],
            }),
        }
    }
    // `/users/delta` before `/users/{id}`.
    operations.sort_by_key(|operation| operation.path.matches('{').count());
    Description { operations, types: Types::new(types(document)) }
}

fn read_operation(document: &Value, method: &str, path: &str, operation: &Value) -> Operation {
    let resolve = |value: &Value| -> Value {
        match value["$ref"].as_str() {
            Some(reference) => document.pointer(&reference[1..]).expect("a target").clone(),
            None => value.clone(),
        }
    };
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(resolve);
    let options = parameters
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| {
            let name = parameter["name"].as_str().expect("a name").to_owned();
            (name, parameter["schema"].clone())
        })
        .collect();
    let content = |value: &Value| value["content"]["application/json"]["schema"].clone();
    let named = |schema: &Value| Some(type_name(schema["$ref"].as_str()?));
    let answers = operation["responses"].as_object().expect("responses");
    let answers = answers.iter().filter_map(|(status, answer)| {
        let schema = content(answer);
        let rows = &schema["properties"]["value"]["items"];
        let shape = match (named(rows), named(&schema)) {
            (Some(name), _) if path.ends_with("/delta") => Shape::Delta(name),
            (Some(name), _) => Shape::List(name),
            (None, Some(name)) => Shape::One(name),
            (None, None) => Shape::Nothing,
        };
        Some((status.parse().ok()?, shape))
    });
    Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        options,
        body: named(&content(&operation["requestBody"])),
        answers: answers.collect(),
    }
}

fn type_name(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or_default();
    name.strip_prefix(NAMESPACE).unwrap_or(name).to_owned()
}

/// Turns the types from OpenAPI 3.0 into JSON Schema, closed but for what is open in Graph.
fn types(document: &Value) -> Map<String, Value> {
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let mut types = Map::new();
    for (name, schema) in schemas {
        let name = type_name(name);
        let mut schema = converted(schema);
        if EXTENSIBLE.contains(&name.as_str()) {
            schema["patternProperties"]["^extension_[0-9a-f]{32}_\\w+$"] = json!({});
        }
        if OPEN.contains(&name.as_str()) {
            schema["additionalProperties"] = json!(true);
        }
        types.insert(name, schema);
    }
    amend(&mut types);
    types
}

fn converted(schema: &Value) -> Value {
    let Some(members) = schema.as_object() else {
        return schema.clone();
    };
    let mut made = Map::new();
    for (name, value) in members {
        match name.as_str() {
            "title" | "description" | "example" | "nullable" => {}
            // .NET writes durations that the format does not know (Graph reference, section 10).
            "format" if value == "duration" => {}
            "$ref" => {
                let target = type_name(value.as_str().expect("a reference"));
                made.insert("$ref".into(), json!(format!("#/$defs/{target}")));
            }
            "properties" => {
                let each = value.as_object().expect("properties").iter();
                let properties = each.map(|(name, schema)| (name.clone(), converted(schema)));
                made.insert("properties".into(), properties.collect());
                let notes = r"^([A-Za-z]+)?@odata\.[A-Za-z.]+$";
                made.insert("patternProperties".into(), json!({notes: {}}));
                made.insert("additionalProperties".into(), json!(false));
            }
            "items" => {
                made.insert("items".into(), converted(value));
            }
            "allOf" | "anyOf" => {
                let each = value.as_array().expect("schemas").iter().map(converted);
                made.insert(name.clone(), each.collect());
            }
            _ => {
                made.insert(name.clone(), value.clone());
            }
        }
    }
    if members.get("nullable") == Some(&json!(true)) {
        return json!({"anyOf": [made, {"type": "null"}]});
    }
    Value::Object(made)
}

/// Adds what the metadata cannot say.
fn amend(types: &mut Map<String, Value>) {
    // Flags, written as one text.
    let flag = "(Add|Update|Delete)";
    types.insert(
        "objectFlowTypes".into(),
        json!({"type": "string", "pattern": format!("^(None|{flag}(, ?{flag})*)$")}),
    );
    // Which type an object of a mixed list has, it says itself.
    let is = |name: &str| {
        json!({
            "if": {"properties": {"@odata.type": {"const": format!("#{NAMESPACE}{name}")}}},
            "then": reference(name),
        })
    };
    types.insert(
        "directoryObject".into(),
        json!({
            "type": "object",
            "required": ["id", "@odata.type"],
            "properties": {"@odata.type": {"type": "string", "pattern": "^#microsoft\\.graph\\."}},
            "allOf": [is("user"), is("group"), is("servicePrincipal")],
        }),
    );
    types.insert("error".into(), error());
    // Of the registration only what concerns signing in, and whatever else there is.
    let list = |name: &str| json!({"type": "array", "items": reference(name)});
    let text = json!({"type": ["string", "null"]});
    types.insert(
        "application".into(),
        json!({
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "appId": text,
                "displayName": text,
                "passwordCredentials": list("passwordCredential"),
                "keyCredentials": list("keyCredential"),
            },
        }),
    );
    types.insert(
        "federatedIdentityCredential".into(),
        json!({
            "type": "object",
            "required": ["id", "issuer", "subject", "audiences"],
            "properties": {
                "name": text, "issuer": {"type": "string"}, "subject": text,
                "audiences": {"type": "array", "items": {"type": "string"}},
            },
        }),
    );
    let ends = json!({"type": "array", "items": reference("end")});
    types.insert("end".into(), removable(&["@odata.type"]));
    types.insert("gone".into(), removable(&["@removed"]));
    for (name, relations) in
        [("user", ["manager", "directReports"]), ("group", ["members", "owners"])]
    {
        let mut changed = types[name].clone();
        for relation in relations {
            changed["properties"][format!("{relation}@delta")] = ends.clone();
        }
        changed["required"] = json!(["id"]);
        types.insert(format!("{name}-changed"), changed);
        types.insert(
            format!("{name}-delta"),
            json!({
                "if": {"required": ["@removed"]},
                "then": reference("gone"),
                "else": reference(&format!("{name}-changed")),
            }),
        );
    }
}

/// An object of which only the id is known, and perhaps that it was removed (Graph reference,
/// section 4).
fn removable(more: &[&str]) -> Value {
    let required: Vec<&str> = ["id"].iter().chain(more).copied().collect();
    json!({
        "type": "object",
        "required": required,
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "@odata.type": {"type": "string", "pattern": "^#microsoft\\.graph\\."},
            "@removed": {
                "type": "object",
                "required": ["reason"],
                "properties": {"reason": {"enum": ["changed", "deleted"]}},
                "additionalProperties": false,
            },
        },
        "additionalProperties": false,
    })
}

/// Graph reference, section 8, "Error body": with a date that has no zone, and under either
/// spelling of the inner error.
fn error() -> Value {
    let inner = json!({
        "type": "object",
        "required": ["date", "request-id", "client-request-id"],
        "properties": {
            "date": {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?$"},
            "request-id": {"type": "string", "minLength": 1},
            "client-request-id": {"type": "string", "minLength": 1},
        },
    });
    json!({
        "type": "object",
        "required": ["error"],
        "additionalProperties": false,
        "properties": {"error": {
            "type": "object",
            "required": ["code", "message"],
            "anyOf": [{"required": ["innerError"]}, {"required": ["innererror"]}],
            "additionalProperties": false,
            "properties": {
                "code": {"type": "string", "minLength": 1},
                "message": {"type": "string"},
                "target": {"type": "string"},
                "details": {"type": "array", "items": {
                    "type": "object", "required": ["code", "message"],
                }},
                "innerError": inner,
                "innererror": inner,
            },
        }},
    })
}

/// Returns the schema of an answer.
pub fn schema_of(shape: &Shape) -> Value {
    let link = json!({"type": "string", "format": "uri"});
    let envelope = |rows: Value| {
        json!({
            "type": "object",
            "required": ["@odata.context", "value"],
            "additionalProperties": false,
            "properties": {
                "@odata.context": link,
                "@odata.count": {"type": "integer", "minimum": 0},
                "@odata.nextLink": link,
                "value": {"type": "array", "items": rows},
            },
        })
    };
    match shape {
        Shape::One(name) => json!({"allOf": [reference(name), {"required": ["@odata.context"]}]}),
        Shape::List(name) => envelope(reference(name)),
        Shape::Delta(name) => {
            let mut page = envelope(reference(&format!("{name}-delta")));
            page["properties"]["@odata.deltaLink"] = link.clone();
            page["oneOf"] =
                json!([{"required": ["@odata.nextLink"]}, {"required": ["@odata.deltaLink"]}]);
            page
        }
        Shape::Nothing | Shape::Count => json!(true),
    }
}
