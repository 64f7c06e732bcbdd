use super::*;

#[tokio::test]
async fn a_password_buys_eight_hours_and_the_six_flags() {
    let world = World::start().await;
    let token = world.sign_in().await;
    assert_eq!(token["expires_in"], 28_800);
    assert_eq!(token["token_type"], "bearer");
    assert_eq!(token["subdomain"], "contoso");
    let plane = format!("localhost:{}", world.serving.address.port());
    assert_eq!(token["appcp"], plane.as_str());
    assert_eq!(token["apicp"], plane.as_str());
    let flags = [
        "access_files_folders",
        "modify_files_folders",
        "admin_users",
        "admin_accounts",
        "change_my_settings",
        "web_app_login",
    ];
    for flag in flags {
        assert_eq!(token[flag], true, "{flag}");
    }
    world.switch(|switches| switches.key_admin_users = false);
    assert_eq!(world.sign_in().await["admin_users"], false);
}

#[tokio::test]
async fn what_is_wrong_is_told_apart() {
    let world = World::start().await;
    for (field, wrong, status, error) in [
        ("password", "wrong", 400, "invalid_grant"),
        ("username", "nobody@contoso.com", 400, "invalid_grant"),
        ("client_secret", "wrong", 401, "invalid_client"),
        ("client_id", "wrong", 401, "invalid_client"),
        ("grant_type", "client_credentials", 400, "unsupported_grant_type"),
    ] {
        let mut form = world.password_form();
        for (name, value) in &mut form {
            if *name == field {
                *value = wrong.to_owned();
            }
        }
        let (got, body) = world.ask_token(&form).await;
        assert_eq!((got, body["error"].as_str()), (status, Some(error)), "{field}");
        assert!(body["error_description"].is_string());
    }
    let (status, _) =
        read(world.http.get(format!("{}/oauth/token", world.base)).send().await.unwrap()).await;
    assert_eq!(status, 405);
}

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let world = World::start().await;
    let refresh = |token: &Value| {
        let mut form = world.password_form();
        form.retain(|(name, _)| name.starts_with("client"));
        form.push(("grant_type", "refresh_token".to_owned()));
        form.push(("refresh_token", token["refresh_token"].as_str().unwrap().to_owned()));
        form
    };
    let first = world.sign_in().await;
    let (status, second) = world.ask_token(&refresh(&first)).await;
    assert_eq!(status, 200);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let (status, body) = world.ask_token(&refresh(&first)).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
    assert_eq!(world.ask_token(&refresh(&second)).await.0, 200);

    world.switch(|switches| switches.refresh_rotation = false);
    let lasting = world.sign_in().await;
    assert_eq!(world.ask_token(&refresh(&lasting)).await.0, 200);
    assert_eq!(world.ask_token(&refresh(&lasting)).await.0, 200);
    world.clock.advance(Duration::from_secs(31 * 24 * 3600));
    assert_eq!(world.ask_token(&refresh(&lasting)).await.0, 400);
}

#[tokio::test]
async fn access_tokens_expire_on_the_clock_with_a_challenge() {
    let world = World::start().await;
    world.clock.advance(Duration::from_secs(28_799));
    assert_eq!(world.get("Users").await.0, 200);
    world.clock.advance(Duration::from_secs(1));
    let response = world.request(Method::GET, "Users", None).send().await.unwrap();
    assert!(response.headers()["www-authenticate"].to_str().unwrap().contains("Bearer"));
    assert_refused(&read(response).await, 401, "Unauthorized", "NotAuthenticated");
    let without = world.http.get(format!("{}/sf/v3/Users", world.base)).send().await.unwrap();
    assert_eq!(without.status(), 401);
}

#[tokio::test]
async fn a_disabled_caller_is_out_at_once() {
    let world = World::start().await;
    let id = world.sharefile.service_id();
    world.sharefile.edit_account(&id, json!({ "disabled": true })).unwrap();
    assert_eq!(world.get("Users").await.0, 401);
    assert_eq!(world.ask_token(&world.password_form()).await.0, 400);
}

#[tokio::test]
async fn another_tenants_name_is_a_page_that_does_not_exist() {
    let world = World::start().await;
    let port = world.serving.address.port();
    for path in ["oauth/token", "sf/v3/Users"] {
        let url = format!("http://fabrikam.localhost:{port}/{path}");
        let response = world.http.post(url).send().await.unwrap();
        assert_eq!(response.status(), 404);
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    }
    let bare = format!("http://127.0.0.1:{port}/sf/v3/Users");
    let response = world.http.get(bare).bearer_auth(&world.token).send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn sessions_tell_and_end() {
    let world = World::start().await;
    let request = world.request(Method::GET, "Sessions", None).header("X-SFAPI-Tool", "prov");
    let (status, session) = read(request.send().await.unwrap()).await;
    assert_eq!((status, &session["Tool"]), (200, &json!("prov")));
    assert_eq!(session["IsAuthenticated"], true);
    assert_eq!(world.call(Method::DELETE, "Sessions", None).await.0, 204);
    assert_eq!(world.get("Sessions").await.0, 401);
}
