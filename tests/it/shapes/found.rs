//! The judge itself: what is as described passes, and each thing that is not is found.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use sharefile_provisioner::sandbox::observe::{Answered, End, Exchange, Observe};

use super::Judge;

const ID: &str = "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        (name, HeaderValue::from_str(value).expect("a value"))
    };
    pairs.iter().map(pair).collect()
}

fn ours() -> HeaderMap {
    headers(&[
        ("user-agent", "sharefile-provisioner/0.1.0"),
        ("authorization", "Bearer x"),
        ("client-request-id", ID),
        ("accept", "application/json"),
        ("content-type", "application/json"),
    ])
}

fn exchange(end: End, request: &str, body: &Value, status: u16, answer: &Value) -> Exchange {
    let (method, path) = request.split_once(' ').expect("a method and a path");
    let bytes = |value: &Value| match value {
        Value::Null => Vec::new().into(),
        value => value.to_string().into_bytes().into(),
    };
    Exchange {
        end,
        method: Method::from_bytes(method.as_bytes()).expect("a method"),
        path_and_query: path.to_owned(),
        headers: ours(),
        body: bytes(body),
        answer: Some(Answered {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: headers(&[("request-id", ID), ("client-request-id", ID)]),
            body: bytes(answer),
            spoilt: false,
        }),
    }
}

fn verdict(exchange: &Exchange) -> String {
    let judge = Judge::default();
    judge.observe(exchange);
    judge.violations().join("\n")
}

#[track_caller]
fn finds(exchange: &Exchange, words: &str) {
    let verdict = verdict(exchange);
    assert!(verdict.contains(words), "no {words:?} in {verdict:?}");
}

fn graph(request: &str, status: u16, answer: &Value) -> Exchange {
    exchange(End::Entra, request, &Value::Null, status, answer)
}

fn sharefile(request: &str, body: &Value, status: u16, answer: &Value) -> Exchange {
    exchange(End::Sharefile, request, body, status, answer)
}

fn list(rows: &Value) -> Value {
    json!({"@odata.context": "https://x/v1.0/$metadata#users", "value": rows})
}

#[test]
fn answers_of_graph_are_held_to_the_metadata() {
    let users = "GET /v1.0/users?$select=id,mail,birthday,businessPhones";
    let user = |more: Value| {
        let mut user = json!({"id": ID});
        for (name, value) in more.as_object().expect("members") {
            user[name] = value.clone();
        }
        graph(users, 200, &list(&json!([user])))
    };
    assert_eq!(verdict(&user(json!({"mail": null, "businessPhones": []}))), "");
    finds(&user(json!({"mail": 7})), "7");
    finds(&user(json!({"birthday": null})), "null");
    finds(&user(json!({"businessPhones": null})), "null");
    finds(&user(json!({"Mail": "a"})), "'Mail' was unexpected");
    finds(&user(json!({"surname": "a"})), "surname of user was not selected");
    finds(&graph(users, 200, &json!({"value": []})), "@odata.context");
    finds(&graph(users, 201, &list(&json!([]))), "201 is no described success");
    finds(&graph(users, 200, &Value::Null), "no JSON");
    let mut counted = list(&json!([]));
    counted["@odata.count"] = json!(0);
    finds(&graph(users, 200, &counted), "counted without being asked");
    let mut nameless = user(json!({}));
    nameless.answer.as_mut().expect("an answer").headers.clear();
    finds(&nameless, "no request-id");
}

#[test]
fn pages_of_a_delta_may_say_what_is_gone_and_must_go_on() {
    let delta = |path: &str, rows: Value, link: Option<&str>| {
        let mut page = list(&rows);
        if let Some(link) = link {
            page[link] = json!("https://x/v1.0/users/delta?$skiptoken=a");
        }
        graph(&format!("GET /v1.0/{path}/delta?$select=displayName"), 200, &page)
    };
    let next = Some("@odata.nextLink");
    let gone = json!([{"id": ID, "@removed": {"reason": "deleted"}}]);
    assert_eq!(verdict(&delta("users", gone.clone(), next)), "");
    finds(&delta("users", gone.clone(), None), "oneOf");
    finds(&delta("users", json!([{"id": ID, "@removed": {"reason": "moved"}}]), next), "moved");
    finds(&delta("users", json!([{"displayName": "A"}]), next), "\"id\" is a required property");
    finds(&graph("GET /v1.0/users", 200, &list(&gone)), "@removed");
    let member = json!({"@odata.type": "#microsoft.graph.user", "id": ID});
    let group = |members: Value| json!([{"id": ID, "displayName": "G", "members@delta": members}]);
    let page = |members: Value| {
        let mut page = delta("groups", group(members), next);
        page.path_and_query = "/v1.0/groups/delta?$select=displayName,members".to_owned();
        page
    };
    assert_eq!(verdict(&page(json!([member]))), "");
    finds(&page(json!([{"id": ID}])), "@odata.type");
}

#[test]
fn errors_have_their_shape() {
    let error = |inner: &Value| json!({"error": {"code": "BadRequest", "message": "No.", "innerError": inner}});
    let inner = json!({"date": "2026-01-01T00:00:00", "request-id": ID, "client-request-id": ID});
    assert_eq!(verdict(&graph("GET /v1.0/users", 400, &error(&inner))), "");
    let zoned = json!({"date": "2026-01-01T00:00:00Z", "request-id": ID, "client-request-id": ID});
    finds(&graph("GET /v1.0/users", 400, &error(&zoned)), "2026");
    finds(&graph("GET /v1.0/users", 503, &json!({"error": "busy"})), "503");
    finds(&graph("GET /v1.0/users", 302, &Value::Null), "302");
    let text = json!({"code": "NotFound", "message": "No."});
    finds(&sharefile("GET /sf/v3/Users(a)", &Value::Null, 404, &text), "No.");
    let found = json!({"code": "Unauthorized", "message": {"lang": "en-US", "value": "No."}});
    finds(&sharefile("GET /sf/v3/Users(a)", &Value::Null, 401, &found), "WWW-Authenticate");
}

#[test]
fn requests_of_our_client_are_held_to_the_operations() {
    let asks = |request: &str| {
        let mut asked = graph(request, 200, &Value::Null);
        asked.answer = None;
        asked
    };
    for good in [
        "GET /v1.0/users?$select=id,extension_0123456789abcdef0123456789abcdef_cost&$top=999",
        "GET /v1.0/users?$filter=id in ('a','b')&$select=id",
        "GET /v1.0/servicePrincipals(appId='a')?$select=id,appRoles",
        "GET /v1.0/groups/delta?$deltatoken=latest&$select=id,members",
        "GET /v1.0/directory/deletedItems/a?$select=id,deletedDateTime",
    ] {
        assert_eq!(verdict(&asks(good)), "", "{good}");
    }
    for (bad, words) in [
        ("GET /v1.0/people", "not described"),
        ("DELETE /v1.0/groups/a", "not described"),
        ("GET /beta/users", "not described"),
        ("GET /v1.0/users?$select=nickname", "nickname is not described"),
        ("GET /v1.0/users?$top=1000", "not between"),
        ("GET /v1.0/users?$format=json", "not among those"),
        ("GET /v1.0/users/delta?$top=5", "not among those"),
        ("GET /v1.0/users/delta?$deltatoken=a&$select=id", "options beside the token"),
        ("GET /v1.0/users/delta?$filter=mail eq 'a'", "at most 50 ids"),
        ("GET /v1.0/users?$count=true", "ConsistencyLevel"),
        ("GET /v1.0/groups/a/members/microsoft.graph.user?$top=5", "ConsistencyLevel"),
        ("GET /v1.0/users?$orderby=shoeSize", "shoeSize"),
        ("GET /v1.0/users?$top=1&$top=2", "twice"),
    ] {
        finds(&asks(bad), words);
    }
    let sixteen = vec!["'a'"; 16].join(",");
    finds(&asks(&format!("GET /v1.0/users?$filter=id in ({sixteen})")), "16 values");
    let mut stranger = asks("GET /v1.0/people?$top=5000");
    stranger.headers.clear();
    assert_eq!(verdict(&stranger), "", "only our own client is held to it");
    let mut bare = asks("GET /v1.0/users");
    bare.headers = headers(&[("user-agent", "sharefile-provisioner/0.1.0")]);
    finds(&bare, "no bearer token");
    finds(&bare, "no client-request-id");
}

#[test]
fn what_a_batch_holds_is_judged_one_by_one() {
    let ask = |url: &str| json!({"requests": [{"id": "1", "method": "GET", "url": url}]});
    let tell = |id: &str, body: &Value| {
        let headers = json!({"Content-Type": "application/json"});
        json!({"responses": [{"id": id, "status": 200, "headers": headers, "body": body}]})
    };
    let batch =
        |asked: &Value, told: &Value| exchange(End::Entra, "POST /v1.0/$batch", asked, 200, told);
    let good = list(&json!([{"id": ID}]));
    assert_eq!(verdict(&batch(&ask("/users?$select=id"), &tell("1", &good))), "");
    finds(&batch(&ask("/users?$select=size"), &tell("1", &good)), "size is not described");
    finds(&batch(&ask("/users"), &tell("1", &list(&json!([{"id": 1}])))), "1");
    finds(&batch(&ask("/users"), &tell("2", &good)), "no answer in the batch");
    finds(&batch(&ask("/users"), &tell("2", &good)), "which was not asked");
    finds(&batch(&ask("users"), &tell("1", &good)), "as batch");
    let many = json!({"requests": vec![ask("/users")["requests"][0].clone(); 21]});
    finds(&batch(&many, &json!({"responses": []})), "as batch");
}

#[test]
fn answers_of_sharefile_are_held_to_the_entities() {
    let contact = |more: Value| {
        let mut contact = json!({
            "odata.metadata": "https://x/sf/v3/$metadata#Contacts/ShareFile.Api.Models.Contact@Element",
            "odata.type": "ShareFile.Api.Models.Contact", "Id": ID,
            "url": format!("https://x/sf/v3/Contacts({ID})"),
        });
        for (name, value) in more.as_object().expect("members") {
            contact[name] = value.clone();
        }
        let feed = json!({
            "odata.metadata": "https://x/sf/v3/$metadata#Contacts", "odata.count": 1,
            "value": [contact],
        });
        sharefile("GET /sf/v3/Accounts/Employees", &Value::Null, 200, &feed)
    };
    assert_eq!(
        verdict(&contact(json!({"IsDisabled": true, "LastAnyLogin": "1900-01-01T00:00:00Z"}))),
        ""
    );
    finds(&contact(json!({"IsDisabled": "true"})), "true");
    finds(&contact(json!({"LastAnyLogin": "yesterday"})), "yesterday");
    finds(&contact(json!({"Roles": []})), "'Roles' was unexpected");
    finds(&contact(json!({"odata.type": "ShareFile.Api.Models.User"})), "Models.User");
    finds(&contact(json!({"url": null})), "null");
    let user = |kind: &str, more: Value| {
        let mut user = json!({
            "odata.metadata": "https://x/sf/v3/$metadata#Users/x@Element", "Id": ID,
            "odata.type": format!("ShareFile.Api.Models.{kind}"), "url": "https://x/sf/v3/Users(a)",
        });
        for (name, value) in more.as_object().expect("members") {
            user[name] = value.clone();
        }
        sharefile("GET /sf/v3/Users(a)", &Value::Null, 200, &user)
    };
    assert_eq!(
        verdict(&user("AccountUser", json!({"IsAdministrator": true, "Roles": ["Employee"]}))),
        ""
    );
    finds(&user("User", json!({"IsAdministrator": true})), "IsAdministrator");
    finds(&user("User", json!({"Roles": ["Boss"]})), "Boss");
    finds(&user("Robot", json!({})), "Robot");
}

#[test]
fn requests_to_sharefile_are_held_to_the_endpoints() {
    let asks = |request: &str, body: &Value| {
        let mut asked = sharefile(request, body, 200, &Value::Null);
        asked.answer = None;
        asked
    };
    let good = json!({"Email": "a@x", "FirstName": "A", "LastName": "B"});
    let create = "POST /sf/v3/Users/AccountUser?notify=false&ifNecessary=false";
    assert_eq!(verdict(&asks(create, &good)), "");
    let disable = json!({"Security": {"IsDisabled": true}});
    assert_eq!(verdict(&asks("PATCH /sf/v3/Users(a)", &disable)), "");
    assert_eq!(verdict(&asks("GET /sf/v3/users(a)?$expand=Security", &Value::Null)), "");
    let contacts = json!([{"Id": "a"}, {"Id": "b"}]);
    assert_eq!(verdict(&asks("DELETE /sf/v3/Groups(g)/Contacts", &contacts)), "");
    for (bad, body, words) in [
        ("PATCH /sf/v3/Users(a)/Security", json!({"IsDisabled": true}), "not described"),
        ("GET /sf/v3/Users(a)?$expand=Shoes", Value::Null, "Shoes"),
        ("GET /sf/v3/Users(a)?deep=true", Value::Null, "the option deep"),
        ("GET /sf/v3/Users(a)", json!({}), "a body where there should be none"),
        ("PATCH /sf/v3/Users(a)", json!({"IsDisabled": true}), "'IsDisabled' was unexpected"),
        ("PATCH /sf/v3/Users(a)", json!({"FirstName": null}), "null"),
        ("PATCH /sf/v3/Users(a)", json!({"Security": {"IsDisabled": "yes"}}), "yes"),
        ("PATCH /sf/v3/Users(a)", Value::Null, "no JSON in the body"),
        ("POST /sf/v3/Users?notify=0", json!({"Email": "a@x"}), "no boolean"),
        ("POST /sf/v3/Users(a)/RemoveRoles", json!(["Boss"]), "Boss"),
    ] {
        finds(&asks(bad, &body), words);
    }
    let many = vec![json!({"Id": "a"}); 101];
    finds(&asks("POST /sf/v3/Groups(g)/Contacts", &json!(many)), "more than 100 items");
}

#[test]
fn signing_in_is_judged_by_hand_written_shapes() {
    let token = |answer: &Value| {
        let form = "grant_type=client_credentials&client_id=a&client_secret=b&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default";
        let mut asked =
            exchange(End::Entra, "POST /t/oauth2/v2.0/token", &Value::Null, 200, answer);
        asked.body = form.into();
        asked
            .headers
            .insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        asked
    };
    let good = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": "x"});
    assert_eq!(verdict(&token(&good)), "");
    let text = json!({"token_type": "Bearer", "expires_in": "3599", "access_token": "x"});
    finds(&token(&text), "3599");
    let mut more = token(&good);
    more.body = "grant_type=client_credentials&client_id=a&client_secret=b&scope=https%3A%2F%2Fx%2F.default&resource=y".into();
    finds(&more, "the fields");
    let refused = json!({"error": "invalid_client", "error_description": "no"});
    let mut asked = token(&refused);
    asked.answer.as_mut().expect("an answer").status = StatusCode::UNAUTHORIZED;
    finds(&asked, "401");
    let mut asked = exchange(End::Sharefile, "POST /oauth/token", &Value::Null, 200, &good);
    asked.body = "grant_type=password&client_id=a&client_secret=b&username=c".into();
    asked
        .headers
        .insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    finds(&asked, "no grant has the fields");
    finds(&asked, "required property");
}
