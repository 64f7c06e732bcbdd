use super::*;

async fn world() -> World {
    let world = World::start().await;
    for (first, last, email) in [
        ("Ada", "Lovelace", "ada@partner.example"),
        ("Bob", "Babbage", "bob@other.example"),
        ("Cyd", "O'Hara", "cyd@partner.example"),
    ] {
        world.sharefile.add_account(NewAccount {
            email: email.to_owned(),
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            company: String::new(),
            kind: AccountKind::Client,
            disabled: first == "Bob",
            roles: Vec::new(),
            confirmed: false,
        });
    }
    world
}

async fn firsts(world: &World, query: &str) -> Vec<String> {
    let (status, feed) = world.get(&format!("Accounts/Clients?{query}")).await;
    assert_eq!(status, 200, "{feed}");
    let rows = feed["value"].as_array().unwrap().iter();
    rows.map(|row| row["FirstName"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn filters_and_orders_work_or_are_ignored() {
    let world = world().await;
    for (query, expected) in [
        ("$filter=LastName eq 'O''Hara'", &["Cyd"][..]),
        ("$filter=IsDisabled eq true", &["Bob"]),
        ("$filter=endswith(Email, 'partner.example') eq true", &["Ada", "Cyd"]),
        ("$orderby=FirstName desc", &["Cyd", "Bob", "Ada"]),
        ("$filter=isof('ShareFile.Api.Models.Contact')&$orderby=Email desc&$top=1", &["Cyd"]),
        ("$orderby=FirstName desc&$skip=1&$top=1", &["Bob"]),
    ] {
        assert_eq!(firsts(&world, query).await, expected, "{query}");
    }
    for query in ["$filter=LastName is 'x'", "$orderby=Name up", "$top=-1"] {
        let answer = world.get(&format!("Accounts/Clients?{query}")).await;
        assert_refused(&answer, 400, "BadRequest", "BadRequest");
    }
    world.switch(|switches| {
        switches.filter_and_order = false;
        switches.top_and_skip = false;
    });
    let ignored = "$filter=IsDisabled eq true&$orderby=FirstName desc&$top=1&$skip=2";
    assert_eq!(firsts(&world, ignored).await, ["Ada", "Bob", "Cyd"]);
}

#[tokio::test]
async fn pages_keep_the_query_and_spell_their_link_by_a_switch() {
    let world = world().await;
    world.switch(|switches| {
        switches.page_size = Some(1);
        switches.lower_case_next_link = true;
    });
    let query = "$filter=endswith(Email, '.example')&$orderby=FirstName desc&$select=FirstName";
    let mut next = Some(format!("{}/sf/v3/Accounts/Clients?{query}", world.base));
    let mut seen = Vec::new();
    while let Some(url) = next {
        let response = world.http.get(url).bearer_auth(&world.token).send().await.unwrap();
        let (_, feed) = read(response).await;
        assert_eq!(feed["odata.count"], 3);
        assert!(feed.get("odata.nextLink").is_none());
        assert!(feed["value"][0].get("Email").is_none());
        seen.push(feed["value"][0]["FirstName"].as_str().unwrap().to_owned());
        next = feed["odata.nextlink"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, ["Cyd", "Bob", "Ada"]);
}

#[tokio::test]
async fn every_entity_is_selected_from() {
    let world = world().await;
    world.sharefile.set_service_roles(&["AdminSSO", "AdminReporting", "AdminManageEmployees"]);
    let id = world.employee("ada@contoso.com");
    let report = json!({ "ReportType": "Activity", "Title": "T" });
    for (method, path, body, kept, gone) in [
        (Method::PATCH, "Accounts/SSO?", json!({}), "LoginUrl", "ForceSSO"),
        (Method::POST, "Reports?", report, "Title", "ReportType"),
        (Method::POST, "Groups?", json!({ "Name": "G" }), "Name", "IsShared"),
        (Method::PATCH, &format!("Users({id})?"), json!({}), "Email", "Roles"),
        (Method::GET, "Sessions?", json!({}), "Name", "Principal"),
    ] {
        let (status, made) = world.call(method, &format!("{path}$select={kept}"), Some(body)).await;
        assert_eq!(status, 200, "{made}");
        assert!(made.get(kept).is_some() && made.get("Id").is_some(), "{made}");
        assert!(made.get(gone).is_none(), "{made}");
    }
}

#[tokio::test]
async fn counts_are_of_the_list_or_of_the_page() {
    let world = world().await;
    assert_eq!(world.get("Accounts/Clients?$top=2").await.1["odata.count"], 3);
    world.switch(|switches| switches.count_is_of_page = true);
    assert_eq!(world.get("Accounts/Clients?$top=2").await.1["odata.count"], 2);
}

#[tokio::test]
async fn long_lists_are_written_while_they_are_sent() {
    let world = World::start().await;
    for number in 0..4_001 {
        world.client(&format!("c{number}@partner.example"));
    }
    for (query, select) in [("", false), ("?$select=Id,Email", true)] {
        let (status, feed) = world.get(&format!("Accounts/Clients{query}")).await;
        assert_eq!((status, &feed["odata.count"]), (200, &json!(4_001)));
        let rows = feed["value"].as_array().unwrap();
        assert_eq!(rows.len(), 4_001);
        for (number, row) in rows.iter().enumerate() {
            assert_eq!(row["Email"], format!("c{number}@partner.example"));
        }
        assert_eq!(rows[4_000].get("FirstName").is_none(), select);
        assert!(feed["odata.metadata"].as_str().unwrap().ends_with("#Contacts"));
    }
    let (_, tail) = world.get("Accounts/Clients?$skip=3999").await;
    assert_eq!(tail["value"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn errors_have_reasons_and_names_or_not() {
    let world = World::start().await;
    world.switch(|switches| {
        switches.error_reasons = false;
        switches.numeric_codes = true;
    });
    let (status, error) = world.get("Users(nope)").await;
    assert_eq!((status, &error["code"]), (404, &json!(404)));
    assert!(error.get("reason").is_none() && error["message"]["value"].is_string());
}

#[tokio::test]
async fn the_tenant_limits_requests() {
    let world = World::start().await;
    world.switch(|switches| switches.requests_per_minute = Some(2));
    assert_eq!(world.get("Users").await.0, 200);
    assert_eq!(world.ask_token(&world.password_form()).await.0, 200);
    assert_refused(&world.get("Users").await, 429, "TooManyRequests", "Throttled");
    assert_eq!(world.ask_token(&world.password_form()).await.0, 429);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.get("Users").await.0, 200);
    let body = json!({ "switches": {
        "requests_per_minute": 1, "throttle_status": 403, "throttle_hint": "seconds",
    } });
    assert_eq!(world.control(Method::PATCH, "sharefile", Some(body)).await.0, 200);
    let response = world.request(Method::GET, "Users", None).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "60");
    assert_refused(&read(response).await, 403, "Forbidden", "Throttled");
}
