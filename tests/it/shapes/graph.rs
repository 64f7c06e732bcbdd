//! Microsoft Graph: method, path, options, headers and body of a request; status, headers and body
//! of an answer. What a batch holds is judged one by one.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use uuid::Uuid;

use super::description::{Description, Operation, Shape, description, schema_of};
use super::message::{Answer, Content, Request, split};
use super::schema::reference;
use super::{Report, login};

/// What the path of a request means.
struct Meaning<'a> {
    operation: &'a Operation,
    /// The type that a last segment such as `microsoft.graph.user` asks for.
    cast: Option<String>,
    /// Whether the path ends in `$count`.
    count: bool,
}

impl Meaning<'_> {
    fn delta(&self) -> bool {
        self.operation.answers.iter().any(|(_, shape)| matches!(shape, Shape::Delta(_)))
    }

    /// Returns the type of the objects in the answer.
    fn kind(&self) -> &str {
        let shape = self.operation.answers.first().map(|(_, shape)| shape);
        match (&self.cast, shape) {
            (Some(cast), _) => cast,
            (None, Some(Shape::One(name) | Shape::List(name) | Shape::Delta(name))) => name,
            (None, _) => "",
        }
    }
}

/// Judges an exchange with Entra ID or Graph. Without an answer only the request is judged.
pub(super) fn judge(request: &Request, answer: Option<Answer>, report: &mut Report) {
    let Some(path) = request.path.strip_prefix("/v1.0") else {
        return login::judge(request, answer.as_ref(), report);
    };
    if let Some(answer) = &answer {
        if answer.headers.get("request-id").is_none() {
            report.wrong(request, "the answer has no request-id");
        }
        let (sent, back) = (request.headers.get(CLIENT_ID), answer.headers.get(CLIENT_ID));
        if sent.is_some() && sent != back {
            report.wrong(request, "the answer does not repeat the client-request-id");
        }
    }
    if request.ours {
        judge_headers(request, report);
    }
    if path.eq_ignore_ascii_case("/$batch") {
        return judge_batch(request, answer, report);
    }
    judge_one(request, path, answer, report);
}

const CLIENT_ID: &str = "client-request-id";

/// Graph reference, section 8: who asks, with a fresh id, and with what right.
fn judge_headers(request: &Request, report: &mut Report) {
    let id = request.header(CLIENT_ID).and_then(|id| Uuid::try_parse(id).ok());
    if id.is_none() {
        report.wrong(request, "no client-request-id that is a GUID");
    }
    if !request.header("authorization").is_some_and(|value| value.starts_with("Bearer ")) {
        report.wrong(request, "no bearer token");
    }
}

/// Judges a request that stands alone or inside a batch.
fn judge_one(request: &Request, path: &str, answer: Option<Answer>, report: &mut Report) {
    let known = description();
    let meaning = meaning(known, &request.method, path);
    if request.ours {
        match &meaning {
            Some(meaning) => judge_request(known, request, meaning, report),
            None => report.wrong(request, "our client asks for what is not described"),
        }
    }
    let Some(answer) = answer else {
        return;
    };
    if !answer.succeeded() {
        return judge_refusal(known, request, &answer, report);
    }
    let Some(meaning) = meaning else {
        return report.wrong(request, format!("{} for what is not described", answer.status));
    };
    let name = format!("{} {}", request.method, meaning.operation.path);
    report.seen.push(format!("{name} {}", answer.status));
    let shape = shape_of(&meaning, answer.status);
    let Some(shape) = shape else {
        return report.wrong(request, format!("{} is no described success", answer.status));
    };
    judge_content(known, request, &shape, &answer.content, report);
    if let Content::Json(body) = &answer.content {
        judge_selection(request, &meaning, body, report);
    }
}

fn shape_of(meaning: &Meaning<'_>, status: u16) -> Option<Shape> {
    if meaning.count {
        return (status == 200).then_some(Shape::Count);
    }
    let (_, shape) = meaning.operation.answers.iter().find(|(known, _)| *known == status)?;
    Some(match (&meaning.cast, shape) {
        (Some(cast), Shape::List(_)) => Shape::List(cast.clone()),
        (Some(_), _) => return None,
        (None, shape) => shape.clone(),
    })
}

fn judge_content(
    known: &Description,
    request: &Request,
    shape: &Shape,
    content: &Content,
    report: &mut Report,
) {
    let wrong = match (shape, content) {
        (Shape::Nothing, Content::Nothing) => None,
        (Shape::Nothing, _) => Some("a body where there should be none".to_owned()),
        (Shape::Count, Content::Json(Value::Number(number))) if number.is_u64() => None,
        (Shape::Count, _) => Some("no number".to_owned()),
        (shape, Content::Json(body)) => {
            known.types.check(&format!("{shape:?}"), || schema_of(shape), body)
        }
        (_, _) => Some("a body that is no JSON".to_owned()),
    };
    if let Some(wrong) = wrong {
        report.wrong(request, wrong);
    }
}

/// An answer has no more members than were asked for, and counts only if asked to.
fn judge_selection(request: &Request, meaning: &Meaning<'_>, body: &Value, report: &mut Report) {
    if body.get("@odata.count").is_some() && request.option("$count") != Some("true") {
        report.wrong(request, "counted without being asked");
    }
    // The links of a delta remember their selection; what it was is in the token.
    let Some(select) = request.option("$select") else {
        return;
    };
    let names: Vec<&str> = select.split(',').map(str::trim).collect();
    let expanded = request.option("$expand").unwrap_or_default();
    let rows = match body.get("value") {
        Some(Value::Array(rows)) => rows.as_slice(),
        _ => std::slice::from_ref(body),
    };
    for row in rows.iter().filter_map(Value::as_object) {
        let extra = row.keys().find(|member| {
            let plain = member.split('@').next().unwrap_or_default();
            !plain.is_empty()
                && plain != "id"
                && !names.contains(&plain)
                && !expanded.contains(plain)
        });
        if let Some(extra) = extra {
            let kind = meaning.kind();
            return report.wrong(request, format!("{extra} of {kind} was not selected"));
        }
    }
}

fn judge_refusal(known: &Description, request: &Request, answer: &Answer, report: &mut Report) {
    if !(400..600).contains(&answer.status) {
        return report.wrong(request, format!("the status {}", answer.status));
    }
    let wrong = match &answer.content {
        Content::Json(body) => known.types.check("error", || reference("error"), body),
        _ => Some("an error without a body of JSON".to_owned()),
    };
    if let Some(wrong) = wrong {
        report.wrong(request, format!("{}: {wrong}", answer.status));
    }
}

/// Finds the operation of a path.
fn meaning<'a>(known: &'a Description, method: &str, path: &str) -> Option<Meaning<'a>> {
    // `servicePrincipals(appId='…')` names the same as `servicePrincipals/…`, `delta()` as `delta`.
    let plain = path.replace("/microsoft.graph.delta", "/delta").replace("delta()", "delta");
    let plain = plain.replace("(appId='", "/").replace("')", "");
    let mut segments: Vec<&str> = plain.trim_matches('/').split('/').collect();
    let count = segments.last() == Some(&"$count");
    if count {
        segments.pop();
    }
    let cast = segments.last().and_then(|last| last.strip_prefix("microsoft.graph."));
    let cast = cast.map(str::to_owned);
    if cast.is_some() {
        segments.pop();
    }
    let fits = |operation: &&Operation| {
        let described = operation.path.trim_matches('/').split('/');
        operation.method == method
            && described.clone().count() == segments.len()
            && described.zip(&segments).all(|(one, other)| one.starts_with('{') || one == *other)
    };
    let operation = known.operations.iter().find(fits)?;
    let lists = matches!(operation.answers.first(), Some((_, Shape::List(_))));
    ((cast.is_none() && !count) || lists).then_some(Meaning { operation, cast, count })
}

/// Judges a request of our own client.
fn judge_request(
    known: &Description,
    request: &Request,
    meaning: &Meaning<'_>,
    report: &mut Report,
) {
    let mut names: Vec<String> =
        request.query.iter().map(|(name, _)| name.to_lowercase()).collect();
    names.sort();
    names.dedup();
    if names.len() < request.query.len() {
        report.wrong(request, "an option twice");
    }
    for (name, value) in &request.query {
        if let Some(wrong) = wrong_option(known, meaning, name, value) {
            report.wrong(request, format!("the option {name}: {wrong}"));
        }
    }
    let token = ["$skiptoken", "$deltatoken"].iter().find_map(|name| request.option(name));
    if meaning.delta() && token.is_some_and(|token| token != "latest") && request.query.len() > 1 {
        report.wrong(request, "options beside the token of a delta, which remembers them");
    }
    if is_advanced(request, meaning) && request.header("consistencylevel") != Some("eventual") {
        report.wrong(request, "an advanced query without ConsistencyLevel: eventual");
    }
    match (&meaning.operation.body, &request.content) {
        (None, Content::Nothing) => {}
        (None, _) => report.wrong(request, "a body where there should be none"),
        (Some(name), Content::Json(body)) => {
            if let Some(wrong) = known.types.check(name, || reference(name), body) {
                report.wrong(request, wrong);
            }
        }
        (Some(_), _) => report.wrong(request, "no JSON in the body"),
    }
}

/// Graph reference, sections 3 and 5.
fn is_advanced(request: &Request, meaning: &Meaning<'_>) -> bool {
    let filter = request.option("$filter").unwrap_or_default();
    let words: Vec<&str> = filter.split(' ').collect();
    meaning.count
        || request.option("$count") == Some("true")
        || request.option("$search").is_some()
        || ["ne", "not"].iter().any(|word| words.contains(word))
        || filter.contains("endsWith(")
        || (!filter.is_empty() && request.option("$orderby").is_some())
        || (meaning.cast.is_some() && !request.query.is_empty())
}

/// Says what is wrong with an option of our own client.
fn wrong_option(
    known: &Description,
    meaning: &Meaning<'_>,
    name: &str,
    value: &str,
) -> Option<String> {
    let described = meaning.operation.options.iter().find(|(option, _)| option == name);
    let allowed = if meaning.delta() {
        ["$select", "$filter", "$deltatoken", "$skiptoken"].contains(&name)
    } else {
        described.is_some() || name == "$skiptoken"
    };
    if !allowed {
        return Some("is not among those of the operation".to_owned());
    }
    match name {
        "$select" => value.split(',').find_map(|member| wrong_member(known, meaning, member)),
        "$top" => match value.parse() {
            Ok(1..=999) => None,
            _ => Some("is not between 1 and 999".to_owned()),
        },
        "$filter" | "$skiptoken" | "$deltatoken" | "$search" if value.is_empty() => {
            Some("is empty".to_owned())
        }
        "$filter" => wrong_filter(meaning, value),
        "$count" => (!["true", "false"].contains(&value)).then(|| "is no boolean".to_owned()),
        "$orderby" | "$expand" => {
            let names = &described?.1["items"]["enum"];
            let plain = value.split('(').next().unwrap_or_default();
            let all = names.as_array()?;
            (!all.contains(&json!(plain))).then(|| format!("{plain} is not described"))
        }
        _ => None,
    }
}

fn wrong_member(known: &Description, meaning: &Meaning<'_>, member: &str) -> Option<String> {
    let delta = meaning.delta();
    let kinds: Vec<&str> = match meaning.kind() {
        // Members may be of any kind.
        "directoryObject" => vec!["user", "group", "servicePrincipal"],
        kind => vec![kind],
    };
    let relation = ["manager", "members", "owners", "memberOf", "appRoleAssignedTo"];
    let declared = kinds.iter().any(|kind| known.types.declares(kind, member));
    let fits = declared && (delta || !relation.contains(&member));
    let changed = kinds
        .iter()
        .any(|kind| known.types.declares(&format!("{kind}-changed"), &format!("{member}@delta")));
    let extension = member.starts_with("extension_") && member.splitn(3, '_').count() == 3;
    (!(fits || extension || delta && changed)).then(|| format!("{member} is not described"))
}

/// Graph reference, section 3: so many values at most; section 4: ids of a delta.
fn wrong_filter(meaning: &Meaning<'_>, filter: &str) -> Option<String> {
    let clauses: Vec<&str> = filter.split(" or ").collect();
    if meaning.delta() {
        let ids = clauses.iter().all(|clause| clause.trim().starts_with("id eq "));
        return (!ids || clauses.len() > 50).then(|| "is not of at most 50 ids".to_owned());
    }
    let values = filter.split_once(" in (").map_or(0, |(_, list)| list.split(',').count());
    (values > 15).then(|| format!("has {values} values"))
}

/// Judges a batch: its envelope, and each request with its answer.
fn judge_batch(request: &Request, answer: Option<Answer>, report: &mut Report) {
    let known = description();
    let Content::Json(asked) = &request.content else {
        return report.wrong(request, "a batch that is no JSON");
    };
    let wrong = known.types.check("batch", batch, asked).filter(|_| request.ours);
    if let Some(wrong) = wrong {
        report.wrong(request, wrong);
    }
    let mut answers = match answer {
        Some(answer) if !answer.succeeded() => {
            judge_refusal(known, request, &answer, report);
            None
        }
        Some(answer) => answers_of(known, request, answer, report),
        None => None,
    };
    for item in asked["requests"].as_array().into_iter().flatten() {
        let (path, query) = split(item["url"].as_str().unwrap_or_default());
        let inner = Request {
            method: item["method"].as_str().unwrap_or_default().to_uppercase(),
            path: format!("/{}", path.trim_start_matches('/')),
            query,
            headers: headers_of(&item["headers"]),
            content: item.get("body").cloned().map_or(Content::Nothing, Content::Json),
            ours: request.ours,
        };
        let of_it = answers.as_mut().and_then(|answers| {
            let at = answers.iter().position(|(id, _)| *id == item["id"])?;
            Some(answers.swap_remove(at).1)
        });
        if answers.is_some() && of_it.is_none() {
            report.wrong(&inner, "no answer in the batch");
        }
        judge_one(&inner, &inner.path, of_it, report);
    }
    for (id, _) in answers.into_iter().flatten() {
        report.wrong(request, format!("an answer to {id}, which was not asked"));
    }
}

/// Graph reference, section 3: the answers of a batch by their ids.
fn answers_of(
    known: &Description,
    request: &Request,
    answer: Answer,
    report: &mut Report,
) -> Option<Vec<(Value, Answer)>> {
    let Content::Json(mut body) = answer.content else {
        report.wrong(request, "an answer that is no JSON");
        return None;
    };
    if let Some(wrong) = known.types.check("batch answer", batch_answer, &body) {
        report.wrong(request, wrong);
        return None;
    }
    report.seen.push("POST /$batch 200".to_owned());
    let responses = body["responses"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let each = responses.into_iter().map(|mut response| {
        let status = response["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let content = match response.get_mut("body").map(Value::take) {
            None => Content::Nothing,
            // Text stays text.
            Some(Value::String(text)) => Content::of(text.as_bytes()),
            Some(body) => Content::Json(body),
        };
        let headers = headers_of(&response["headers"]);
        (response["id"].take(), Answer { status: status.unwrap_or(0), headers, content })
    });
    Some(each.collect())
}

fn batch() -> Value {
    json!({
        "type": "object", "required": ["requests"], "additionalProperties": false,
        "properties": {"requests": {"type": "array", "minItems": 1, "maxItems": 20, "items": {
            "type": "object", "required": ["id", "method", "url"], "additionalProperties": false,
            "properties": {
                "id": {"type": "string", "minLength": 1},
                "method": {"enum": ["GET", "POST", "PATCH", "PUT", "DELETE"]},
                "url": {"type": "string", "pattern": "^/[A-Za-z]"},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                "body": {},
                "dependsOn": {"type": "array", "items": {"type": "string"}},
            },
        }}},
    })
}

fn batch_answer() -> Value {
    json!({
        "type": "object", "required": ["responses"],
        "properties": {"responses": {"type": "array", "items": {
            "type": "object", "required": ["id", "status"], "additionalProperties": false,
            "properties": {
                "id": {"type": "string", "minLength": 1},
                "status": {"type": "integer", "minimum": 100, "maximum": 599},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                "body": {},
            },
        }}},
    })
}

fn headers_of(headers: &Value) -> HeaderMap {
    let pairs = headers.as_object().into_iter().flatten();
    pairs
        .filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
        })
        .collect()
}
