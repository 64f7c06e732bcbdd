//! Entra's identity platform and the places where a host gets a token (Graph reference, section 1).
//! The metadata of Graph does not describe them; the shapes here are small and written by hand.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::Report;
use super::message::{Answer, Content, Request};
use super::schema::Types;

/// Fields that a token request has, by what it proves itself with: those it must have, and those it
/// may have.
const FORMS: [(&str, &[&str]); 2] = [
    ("client_secret", &["grant_type", "client_id", "scope", "client_secret"]),
    (
        "client_assertion",
        &["grant_type", "client_id", "scope", "client_assertion_type", "client_assertion"],
    ),
];

type Make = fn() -> Value;

fn types() -> &'static Types {
    static NONE: OnceLock<Types> = OnceLock::new();
    NONE.get_or_init(|| Types::new(Map::new()))
}

/// Judges an exchange outside Graph.
pub(super) fn judge(request: &Request, answer: Option<&Answer>, report: &mut Report) {
    let segments: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let (name, good, bad): (&str, Make, Make) = match segments.as_slice() {
        [_, "oauth2", "v2.0", "token"] => {
            if request.ours {
                judge_token_request(request, report);
            }
            ("/{tenant}/oauth2/v2.0/token", token, refusal)
        }
        [_, "v2.0", ".well-known", "openid-configuration"] => {
            ("/{tenant}/v2.0/.well-known/openid-configuration", configuration, refusal)
        }
        [_, "discovery", "v2.0", "keys"] => ("/{tenant}/discovery/v2.0/keys", keys, refusal),
        [_, "discovery", "instance"] => ("/common/discovery/instance", instance, refusal),
        ["metadata", "identity", "oauth2", "token"] => {
            if request.ours {
                judge_machine(request, "metadata", &["2018-02-01", "2019-08-01"], report);
            }
            ("/metadata/identity/oauth2/token", machine, machine_refusal)
        }
        [msi, "token"] if msi.eq_ignore_ascii_case("msi") => {
            if request.ours {
                judge_machine(request, "x-identity-header", &["2019-08-01"], report);
            }
            ("/msi/token", machine, service_refusal)
        }
        _ => {
            if request.ours {
                report.wrong(request, "our client asks for what is not described");
            }
            return;
        }
    };
    let Some(answer) = answer else {
        return;
    };
    let (kind, schema) = match answer.status {
        200 => ("answer", good),
        // A service that is busy does not say how it says so here (section 1.5).
        429 | 500.. => return,
        // Any path refuses the wrong method.
        405 => return,
        400..=499 => ("refusal", bad),
        other => return report.wrong(request, format!("the status {other}")),
    };
    report.seen.push(format!("{} {name} {}", request.method, answer.status));
    let wrong = match &answer.content {
        Content::Json(body) => types().check(&format!("{kind} of {name}"), schema, body),
        _ => Some("no JSON".to_owned()),
    };
    if let Some(wrong) = wrong {
        report.wrong(request, format!("{}: {wrong}", answer.status));
    }
}

/// Sections 1.1 to 1.3.
fn judge_token_request(request: &Request, report: &mut Report) {
    let Some(form) = request.form() else {
        return report.wrong(request, "no form");
    };
    let has = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let Some((_, wanted)) = FORMS.iter().find(|(proof, _)| has(proof).is_some()) else {
        return report.wrong(request, "neither a secret nor an assertion");
    };
    if request.method != "POST" || !request.query.is_empty() {
        report.wrong(request, "not a POST without a query");
    }
    let mut names: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
    let mut wanted = wanted.to_vec();
    names.sort_unstable();
    wanted.sort_unstable();
    if names != wanted {
        report.wrong(request, format!("the fields {names:?}"));
    }
    if has("grant_type").is_none_or(|grant| grant != "client_credentials") {
        report.wrong(request, "another grant than that of an application");
    }
    let scope = has("scope").cloned().unwrap_or_default();
    if !scope.ends_with("/.default") || scope.contains(' ') {
        report.wrong(request, "a scope that is not all that one resource grants");
    }
    let bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    if has("client_assertion_type").is_some_and(|kind| kind != bearer) {
        report.wrong(request, "another type of assertion");
    }
}

/// Section 1.4.
fn judge_machine(request: &Request, header: &str, versions: &[&str], report: &mut Report) {
    if request.method != "GET" || request.header(header).is_none() {
        report.wrong(request, format!("not a GET with {header}"));
    }
    if !request.option("api-version").is_some_and(|version| versions.contains(&version)) {
        report.wrong(request, "another version of the interface");
    }
    if request.option("resource").is_none_or(|resource| resource.ends_with("/.default")) {
        report.wrong(request, "no resource, or one with a scope");
    }
    let known = ["api-version", "resource", "client_id", "object_id", "msi_res_id", "mi_res_id"];
    if let Some((name, _)) = request.query.iter().find(|(name, _)| !known.contains(&name.as_str()))
    {
        report.wrong(request, format!("the option {name}"));
    }
}

/// An object with text in all that must be there, whatever else there is.
fn texts(names: &[&str]) -> Value {
    let members: Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({"type": "string", "minLength": 1})))
        .collect();
    json!({"type": "object", "required": names, "properties": members})
}

/// Section 1.1: the lifetime is a number here.
fn token() -> Value {
    let number = json!({"type": "integer", "minimum": 1});
    json!({
        "type": "object",
        "required": ["token_type", "expires_in", "access_token"],
        "additionalProperties": false,
        "properties": {
            "token_type": {"const": "Bearer"},
            "expires_in": number,
            "ext_expires_in": number,
            "refresh_in": number,
            "access_token": {"type": "string", "minLength": 1},
        },
    })
}

/// Section 1.5.
fn refusal() -> Value {
    json!({
        "type": "object",
        "required": [
            "error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id",
        ],
        "additionalProperties": false,
        "properties": {
            "error": {"type": "string", "pattern": "^[a-z_]+$"},
            "error_description": {
                "type": "string",
                "pattern": "^AADSTS\\d+: [\\s\\S]*\\r\\n[\\s\\S]*Trace ID: [\\s\\S]*Correlation ID: [\\s\\S]*Timestamp: ",
            },
            "error_codes": {"type": "array", "minItems": 1, "items": {"type": "integer"}},
            "timestamp": {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ$"},
            "trace_id": {"type": "string", "format": "uuid"},
            "correlation_id": {"type": "string", "minLength": 1},
            "error_uri": {"type": "string", "format": "uri"},
        },
    })
}

/// Section 1.4: numbers are texts here.
fn machine() -> Value {
    let number = json!({"type": "string", "pattern": "^\\d+$"});
    json!({
        "type": "object",
        "required": ["access_token", "expires_on", "resource", "token_type"],
        "properties": {
            "access_token": {"type": "string", "minLength": 1},
            "expires_in": number,
            "expires_on": number,
            "ext_expires_in": number,
            "not_before": number,
            "resource": {"type": "string"},
            "token_type": {"const": "Bearer"},
        },
    })
}

fn machine_refusal() -> Value {
    texts(&["error", "error_description"])
}

fn service_refusal() -> Value {
    json!({
        "type": "object", "required": ["statusCode", "message"],
        "properties": {"statusCode": {"type": "integer"}, "message": {"type": "string"}},
    })
}

/// OpenID Connect Discovery 1.0, section 3.
fn configuration() -> Value {
    let mut schema = texts(&["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"]);
    for name in [
        "response_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
    ] {
        schema["properties"][name] =
            json!({"type": "array", "minItems": 1, "items": {"type": "string"}});
        schema["required"].as_array_mut().expect("a list").push(json!(name));
    }
    schema
}

/// RFC 7517, for keys of RSA.
fn keys() -> Value {
    json!({
        "type": "object", "required": ["keys"],
        "properties": {"keys": {"type": "array", "items": texts(&["kty", "kid", "n", "e"])}},
    })
}

fn instance() -> Value {
    let mut schema = texts(&["tenant_discovery_endpoint", "api-version"]);
    schema["properties"]["metadata"] = json!({"type": "array", "minItems": 1, "items": {
        "type": "object", "required": ["preferred_network", "preferred_cache", "aliases"],
        "properties": {"aliases": {"type": "array", "items": {"type": "string"}}},
    }});
    schema
}
