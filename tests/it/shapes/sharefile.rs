//! ShareFile: method, path, options, headers and body of a request; status, headers and body of an
//! answer.

use serde_json::{Map, Value, json};

use super::Report;
use super::message::{Answer, Content, Request};
use super::schema::reference;
use super::surface::{Endpoint, Surface, surface};

/// Judges an exchange with ShareFile. Without an answer only the request is judged.
pub(super) fn judge(request: &Request, answer: Option<Answer>, report: &mut Report) {
    let known = surface();
    if request.path.trim_end_matches('/').eq_ignore_ascii_case("/oauth/token") {
        return judge_sign_in(known, request, answer.as_ref(), report);
    }
    // The verb may be in a header (ShareFile reference, section 1.7).
    let method = match request.header("x-http-method-override") {
        Some(method) if request.method == "POST" => method.to_uppercase(),
        _ => request.method.clone(),
    };
    let endpoint = known.find(&method, &request.path);
    if request.ours {
        match endpoint {
            Some(endpoint) => judge_request(known, request, endpoint, report),
            None => report.wrong(request, "our client asks for what is not described"),
        }
    }
    let Some(answer) = answer else {
        return;
    };
    match (endpoint, answer.status) {
        (_, 400..) => judge_refusal(known, request, &answer, report),
        (None, status) => report.wrong(request, format!("{status} for what is not described")),
        (Some(endpoint), _) => judge_success(known, request, endpoint, &answer, report),
    }
}

/// Sections 1.2, 1.3 and 1.5.
fn judge_sign_in(known: &Surface, request: &Request, answer: Option<&Answer>, report: &mut Report) {
    if request.ours {
        judge_form(known, request, report);
    }
    let Some(answer) = answer else {
        return;
    };
    let kind = match answer.status {
        200 => "OAuthToken",
        400 | 401 => "OAuthError",
        // What a service says here that is busy, or not there, is not known.
        403..=405 | 429 | 500.. => return,
        other => return report.wrong(request, format!("the status {other}")),
    };
    report.seen.push(format!("{} /oauth/token {}", request.method, answer.status));
    let body = match &answer.content {
        Content::Json(body) => body,
        _ => return report.wrong(request, "no JSON"),
    };
    // A fault refuses a token request as it refuses any other; both forms are understood.
    let fits = known.types.check(kind, || reference(kind), body);
    let other = || known.types.check("ODataException", || reference("ODataException"), body);
    match fits {
        Some(wrong) if answer.status == 200 || other().is_some() => report.wrong(request, wrong),
        _ => {}
    }
}

fn judge_form(known: &Surface, request: &Request, report: &mut Report) {
    let Some(form) = request.form() else {
        return report.wrong(request, "no form");
    };
    let mut names: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
    names.retain(|name| *name != "requirev3");
    names.sort_unstable();
    let fits = known.endpoints.iter().filter(|one| one.path.ends_with("oauth/token")).any(|one| {
        let optional =
            |field: &&String| field.ends_with('?') && !names.contains(&field.trim_end_matches('?'));
        let mut wanted: Vec<&str> = one
            .fields
            .iter()
            .filter(|field| !optional(field))
            .map(|field| field.trim_end_matches('?'))
            .collect();
        wanted.sort_unstable();
        wanted == names
    });
    if !fits || request.method != "POST" {
        report.wrong(request, format!("no grant has the fields {names:?}"));
    }
}

/// Judges a request of our own client.
fn judge_request(known: &Surface, request: &Request, endpoint: &Endpoint, report: &mut Report) {
    for (name, value) in &request.query {
        let described = endpoint.options().find(|(option, _)| option.eq_ignore_ascii_case(name));
        // Where a list goes on is the service's own affair.
        let paging =
            ["$skip", "$top"].contains(&name.as_str()) && endpoint.answers.contains("Feed");
        match described {
            None if !paging => report.wrong(request, format!("the option {name}")),
            Some((_, true)) if !["true", "false"].contains(&value.as_str()) => {
                report.wrong(request, format!("the option {name} is no boolean"));
            }
            _ => {}
        }
        if name.eq_ignore_ascii_case("$expand") || name.eq_ignore_ascii_case("$select") {
            let entity = endpoint.entity();
            let wrong = value.split(',').find(|member| !known.types.declares(entity, member));
            if let Some(wrong) = wrong {
                report.wrong(request, format!("{name} of {wrong}, which {entity} does not have"));
            }
        }
    }
    if !request.header("authorization").is_some_and(|value| value.starts_with("Bearer ")) {
        report.wrong(request, "no bearer token");
    }
    if request.header("accept") != Some("application/json") {
        report.wrong(request, "another kind of answer than JSON is accepted");
    }
    match (&request.content, endpoint.fields.is_empty()) {
        (Content::Nothing, true) => {}
        (Content::Json(body), false) => {
            let key = format!("body of {} {}", endpoint.method, endpoint.path);
            let schema = || body_schema(known, endpoint);
            if let Some(wrong) = known.types.check(&key, schema, body) {
                report.wrong(request, wrong);
            }
            if !request
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("application/json"))
            {
                report.wrong(request, "a body that does not say that it is JSON");
            }
        }
        (_, true) => report.wrong(request, "a body where there should be none"),
        (_, false) => report.wrong(request, "no JSON in the body"),
    }
}

/// Returns the schema of a body from the members that are described.
fn body_schema(known: &Surface, endpoint: &Endpoint) -> Value {
    let first = endpoint.fields.first().map(String::as_str).unwrap_or_default();
    let text = json!({"type": "string", "minLength": 1});
    if first.contains("bare array") {
        let item = match first {
            _ if first.starts_with("[UserRole]") => reference("UserRole"),
            _ if first.starts_with("[{Id}|{Email}]") => json!({
                "type": "object", "properties": {"Id": text, "Email": text},
                "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
            }),
            _ if first.starts_with("[userId]") => text,
            _ => json!({"type": "object"}),
        };
        return json!({"type": "array", "items": item, "minItems": 1, "maxItems": 100});
    }
    if first.contains(" members") {
        return reference(first.split(' ').next().unwrap_or_default());
    }
    let mut schema = json!({
        "type": "object", "properties": {}, "additionalProperties": false, "minProperties": 1,
    });
    for field in &endpoint.fields {
        let name = field.split(' ').next().unwrap_or_default().trim_end_matches('?');
        put(known, &mut schema, endpoint.entity(), name);
    }
    schema
}

/// Puts a member such as `Security.IsDisabled`, `Roles[]` or `Contacts[].Email` into a schema, with
/// the type that the entity gives it.
fn put(known: &Surface, schema: &mut Value, entity: &str, name: &str) {
    let (first, rest) =
        name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let member = first.trim_end_matches("[]");
    let declared = known.types.get(entity).map(|entity| entity["properties"][member].clone());
    let declared = declared.unwrap_or_default();
    let place = &mut schema["properties"][member];
    let Some(rest) = rest else {
        *place = match (&declared, first.ends_with("[]")) {
            (Value::Null, true) => {
                json!({"type": "array", "items": {"type": "string"}, "maxItems": 100})
            }
            (Value::Null, false) => json!({}),
            _ => declared,
        };
        return;
    };
    let inner = json!({"type": "object", "properties": {}, "additionalProperties": false});
    let array = first.ends_with("[]");
    if place.is_null() {
        *place = if array { json!({"type": "array", "items": inner}) } else { inner };
    }
    let target = if array { &declared["items"]["$ref"] } else { &declared["$ref"] };
    let of = target.as_str().and_then(|target| target.rsplit('/').next()).unwrap_or_default();
    put(known, if array { &mut place["items"] } else { place }, of, rest);
}

/// Section 6.1.
fn judge_refusal(known: &Surface, request: &Request, answer: &Answer, report: &mut Report) {
    let wrong = match &answer.content {
        Content::Json(body) => {
            known.types.check("ODataException", || reference("ODataException"), body)
        }
        _ => Some("an error without a body of JSON".to_owned()),
    };
    if let Some(wrong) = wrong {
        report.wrong(request, format!("{}: {wrong}", answer.status));
    }
    let schemes = answer.headers.get("www-authenticate").and_then(|value| value.to_str().ok());
    if answer.status == 401 && !schemes.is_some_and(|schemes| schemes.contains("Bearer")) {
        report.wrong(request, "401 without WWW-Authenticate: Bearer");
    }
}

fn judge_success(
    known: &Surface,
    request: &Request,
    endpoint: &Endpoint,
    answer: &Answer,
    report: &mut Report,
) {
    report.seen.push(format!("{} {} {}", endpoint.method, endpoint.path, answer.status));
    let empty = answer.content == Content::Nothing;
    // 204 stands for an empty answer wherever 200 would have a body.
    if !endpoint.statuses.contains(&answer.status) && (answer.status, empty) != (204, true) {
        return report.wrong(request, format!("{} is no described success", answer.status));
    }
    let mut kinds = endpoint.answers.split('|');
    if empty {
        if !kinds.any(|kind| kind == "none") {
            report.wrong(request, format!("no body where {} should be", endpoint.answers));
        }
        return;
    }
    let kinds: Vec<&str> = kinds.filter(|kind| *kind != "none").collect();
    let Some(kind) = kinds.first() else {
        return report.wrong(request, "a body where there should be none");
    };
    let feed = kind.strip_prefix("ODataFeed<").and_then(|name| name.strip_suffix('>'));
    let name = feed.unwrap_or(kind);
    // Files, redirections and what nobody knows are what they are.
    if name.contains(' ') || *kind == "file" {
        return;
    }
    let Content::Json(body) = &answer.content else {
        if known.types.get(name).is_some() || feed.is_some() {
            report.wrong(request, "a body that is no JSON");
        }
        return;
    };
    let key = format!("{}{}", if feed.is_some() { "feed of " } else { "" }, name);
    let wrong = known.types.check(&key, || answer_schema(known, name, feed.is_some()), body);
    if let Some(wrong) = wrong {
        return report.wrong(request, wrong);
    }
    judge_selection(request, body, report);
}

/// What every object carries (section 2.1), as the answer to a request and as a row of a list.
fn answer_schema(known: &Surface, name: &str, feed: bool) -> Value {
    let carried = json!({"required": ["odata.metadata", "odata.type", "Id", "url"]});
    let one = match known.types.get(name) {
        Some(_) => json!({"allOf": [reference(name), carried]}),
        None => carried,
    };
    if !feed {
        return one;
    }
    let text = json!({"type": "string", "format": "uri"});
    json!({
        "type": "object",
        "required": ["odata.metadata", "odata.count", "value"],
        "additionalProperties": false,
        "properties": {
            "odata.metadata": text, "odata.count": {"type": "integer", "minimum": 0},
            "odata.nextLink": text, "url": text, "value": {"type": "array", "items": one},
        },
    })
}

/// An answer has no more members than were selected.
fn judge_selection(request: &Request, body: &Value, report: &mut Report) {
    let Some(select) = request.option("$select") else {
        return;
    };
    let expand = request.option("$expand").unwrap_or_default();
    let named: Vec<&str> = select.split(',').chain(expand.split(',')).map(str::trim).collect();
    let rows = match body.get("value") {
        Some(Value::Array(rows)) => rows.as_slice(),
        _ => std::slice::from_ref(body),
    };
    let members = rows.iter().filter_map(Value::as_object).flat_map(Map::keys);
    let mut extra = members.filter(|member| {
        !member.starts_with("odata.")
            && !["Id", "url"].contains(&member.as_str())
            && !named.iter().any(|name| name.eq_ignore_ascii_case(member))
    });
    if let Some(extra) = extra.next() {
        report.wrong(request, format!("{extra} was not selected"));
    }
}
