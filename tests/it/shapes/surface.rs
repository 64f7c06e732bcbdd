//! `sharefile-surface.json`: endpoints, entities and enumerations.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::schema::{Types, reference};

/// One method of one path.
#[derive(Debug)]
pub struct Endpoint {
    pub method: String,
    /// As described, as `/sf/v3/Users({id})/Roles`.
    pub path: String,
    /// Query options, as described.
    pub query: Vec<String>,
    /// Members of the body, as described.
    pub fields: Vec<String>,
    /// What it answers, as described.
    pub answers: String,
    pub statuses: Vec<u16>,
}

/// The whole description.
pub struct Surface {
    pub endpoints: Vec<Endpoint>,
    pub types: Types,
}

/// Members that the reference confirms (sections 1.3 and 1.7) and the compiled surface lacks.
const MORE: [(&str, &str, &str); 2] = [
    ("AccountPreferences", "OAuth2RefreshTokenLifetimeMinutes", "int32"),
    ("Session", "OAuth2ClientName", "string"),
];

/// Lists that the reference has (sections 1.7 and 5) and the compiled surface lacks.
const MORE_LISTS: [(&str, &str); 2] =
    [("/sf/v3/Capabilities", "ODataFeed<Capability>"), ("/sf/v3/Devices", "ODataFeed<DeviceUser>")];

/// Returns the description; it is read once.
pub fn surface() -> &'static Surface {
    static READ: OnceLock<Surface> = OnceLock::new();
    READ.get_or_init(|| {
        let text = include_str!("../../fixtures/sharefile-surface.json");
        read(&serde_json::from_str(text).expect("JSON"))
    })
}

impl Surface {
    /// Returns the endpoint of a request, or `None` if it is not described.
    pub fn find(&self, method: &str, path: &str) -> Option<&Endpoint> {
        let asked = outline(path);
        let fits =
            |endpoint: &&Endpoint| endpoint.method == method && outline(&endpoint.path) == asked;
        self.endpoints.iter().find(fits)
    }
}

impl Endpoint {
    /// Returns the names of the query options, with whether the value is a boolean.
    pub fn options(&self) -> impl Iterator<Item = (&str, bool)> {
        self.query.iter().map(|text| {
            let text = text.split(' ').next().unwrap_or_default();
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            (name, ["true", "false"].contains(&value))
        })
    }

    /// Returns the type of the object that it answers with or that its body is like.
    pub fn entity(&self) -> &str {
        let plain = self.answers.trim_start_matches("ODataFeed<").trim_end_matches('>');
        plain.rsplit('|').next().unwrap_or_default()
    }
}

/// Segments without regard to case, each with whether it names an id.
fn outline(path: &str) -> Vec<(String, bool)> {
    let segments = path.trim_matches('/').split('/');
    segments
        .map(|segment| match segment.split_once('(') {
            Some((name, _)) => (name.to_lowercase(), true),
            None => (segment.to_lowercase(), false),
        })
        .collect()
}

fn read(document: &Value) -> Surface {
    let texts = |value: &Value| -> Vec<String> {
        let items = value.as_array().into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let endpoints = document["endpoints"].as_array().expect("endpoints").iter().map(|endpoint| {
        let text = |name: &str| endpoint[name].as_str().unwrap_or_default().to_owned();
        let statuses = match &endpoint["success_status"] {
            Value::String(several) => {
                several.split('|').filter_map(|one| one.parse().ok()).collect()
            }
            one => one.as_u64().and_then(|one| u16::try_from(one).ok()).into_iter().collect(),
        };
        let address = text("path");
        // Those of the sign-in are given with their host.
        let path = match address.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or(rest, |(_, path)| path).to_owned(),
            None => address,
        };
        Endpoint {
            method: text("method"),
            path,
            query: texts(&endpoint["query"]),
            fields: texts(&endpoint["request_fields"]),
            answers: text("response_type"),
            statuses,
        }
    });
    let mut endpoints: Vec<Endpoint> = endpoints.collect();
    endpoints.extend(MORE_LISTS.map(|(path, answers)| Endpoint {
        method: "GET".to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        fields: Vec::new(),
        answers: answers.to_owned(),
        statuses: vec![200],
    }));
    let mut types = Map::new();
    let enums = document["enums"].as_object().expect("enumerations");
    for (name, values) in enums {
        types.insert(name.clone(), json!({"enum": values}));
    }
    let entities = document["entities"].as_object().expect("entities");
    for (name, members) in entities {
        types.insert(name.clone(), entity(name, members, document));
    }
    for (entity, member, kind) in MORE {
        types[entity]["properties"][member] = typed(kind, document);
    }
    types["ODataException"]["required"] = json!(["code", "message"]);
    types["OAuthError"]["required"] = json!(["error", "error_description"]);
    let all: Vec<String> = types["OAuthToken"]["properties"]
        .as_object()
        .map(|members| members.keys().cloned().collect())
        .unwrap_or_default();
    types["OAuthToken"]["required"] = json!(all);
    Surface { endpoints, types: Types::new(types) }
}

fn entity(name: &str, members: &Value, document: &Value) -> Value {
    let members = members.as_object().expect("members").iter();
    let typed = |text: &Value| typed(text.as_str().expect("a type"), document);
    let mut properties: Map<String, Value> =
        members.map(|(name, text)| (name.clone(), typed(text))).collect();
    if properties.contains_key("odata.type") {
        let own = match name {
            // An employee is a user as well.
            "User" => json!(["ShareFile.Api.Models.User", "ShareFile.Api.Models.AccountUser"]),
            "Principal" => json!([
                "ShareFile.Api.Models.Principal",
                "ShareFile.Api.Models.User",
                "ShareFile.Api.Models.AccountUser",
                "ShareFile.Api.Models.Group",
            ]),
            _ => json!([format!("ShareFile.Api.Models.{name}")]),
        };
        properties.insert("odata.type".into(), json!({"enum": own}));
    }
    let closed = json!({
        "type": "object", "properties": properties, "additionalProperties": false,
    });
    if name == "User" {
        // Where a user may stand, an employee may.
        let employee = json!({"properties": {"odata.type": {"const": "ShareFile.Api.Models.AccountUser"}},
            "required": ["odata.type"]});
        return json!({"if": employee, "then": reference("AccountUser"), "else": closed,
            "properties": properties});
    }
    closed
}

/// Turns a type of the description into a schema.
fn typed(text: &str, document: &Value) -> Value {
    let plain = text.split(' ').next().unwrap_or_default();
    if let Some(item) = plain.strip_suffix("[]").or_else(|| plain.strip_suffix("[]?")) {
        return json!({"type": "array", "items": typed(item, document)});
    }
    let known = |room: &str, name: &str| document[room].get(name).is_some();
    match plain {
        "string" => json!({"type": "string"}),
        "int32" | "int64" => json!({"type": "integer"}),
        "double" | "decimal" => json!({"type": "number"}),
        "bool" => json!({"type": "boolean"}),
        "datetime" => json!({"type": "string", "format": "date-time"}),
        "uri" => json!({"type": "string", "format": "uri"}),
        "map<string,string>" => {
            json!({"type": "object", "additionalProperties": {"type": "string"}})
        }
        _ => match plain.strip_prefix("enum:") {
            Some(name) if known("enums", name) => reference(name),
            Some(_) => json!({"type": "string"}),
            None if known("entities", plain) => reference(plain),
            None => json!({"type": "object"}),
        },
    }
}
