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

fn form_of(
    world: &World,
    grant: &str,
    rest: &[(&'static str, &str)],
) -> Vec<(&'static str, String)> {
    let mut form = world.password_form();
    form.retain(|(name, _)| name.starts_with("client"));
    form.push(("grant_type", grant.to_owned()));
    form.extend(rest.iter().map(|(name, value)| (*name, (*value).to_owned())));
    form
}

/// A client that does not follow redirects.
fn browser(world: &World) -> reqwest::Client {
    let address = world.serving.address;
    reqwest::Client::builder()
        .tls_built_in_root_certs(false)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .resolve("secure.localhost", address)
        .resolve("contoso.localhost", address)
        .build()
        .unwrap()
}

fn authorize_url(world: &World, host: &str, redirect: &str, kind: &str) -> String {
    let port = world.serving.address.port();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", kind)
        .append_pair("client_id", "sandbox-key")
        .append_pair("redirect_uri", redirect)
        .append_pair("state", "a b&c")
        .finish();
    format!("http://{host}.localhost:{port}/oauth/authorize?{query}")
}

const BACK: &str = "https://localhost/callback";

fn location(response: &Response) -> url::Url {
    assert_eq!(response.status(), 302);
    url::Url::parse(response.headers()["location"].to_str().unwrap()).unwrap()
}

fn parameter(url: &url::Url, name: &str) -> String {
    url.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned()
}

#[tokio::test]
async fn a_code_comes_with_check_data_and_is_good_once() {
    use sha2::{Digest, Sha256};
    let world = World::start().await;
    let browser = browser(&world);
    let url = authorize_url(&world, "secure", BACK, "code");
    let target = location(&browser.get(url).send().await.unwrap());
    assert_eq!(target.as_str().split('?').next(), Some(BACK));
    assert_eq!(
        (parameter(&target, "state"), parameter(&target, "subdomain")),
        ("a b&c".to_owned(), "contoso".to_owned())
    );
    // The check as the documentation describes it: drop `h`, digest the rest as received.
    let raw = target.query().unwrap();
    let (rest, check) = raw.split_once("&h=").unwrap();
    let message = format!("/callback?{rest}");
    let secret = world.sharefile.credentials().client_secret;
    let mut key = secret.expose_secret().as_bytes().to_vec();
    key.resize(64, 0);
    let pad = |mask: u8| key.iter().map(|byte| byte ^ mask).collect::<Vec<_>>();
    let inner = Sha256::digest([pad(0x36), message.into_bytes()].concat());
    let digest = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
    let expected = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest);
    let expected: String = url::form_urlencoded::byte_serialize(expected.as_bytes()).collect();
    assert_eq!(check, expected);

    let code = parameter(&target, "code");
    let form = form_of(&world, "authorization_code", &[("code", code.as_str())]);
    let (status, token) = world.ask_token(&form).await;
    assert_eq!((status, &token["expires_in"]), (200, &json!(28_800)));
    assert_eq!(world.ask_token(&form).await.1["error"], "invalid_grant");
    let url = authorize_url(&world, "contoso", BACK, "code");
    let late = location(&browser.get(url).send().await.unwrap());
    world.clock.advance(Duration::from_secs(300));
    let late = parameter(&late, "code");
    let form = form_of(&world, "authorization_code", &[("code", late.as_str())]);
    assert_eq!(world.ask_token(&form).await.0, 400);
}

#[tokio::test]
async fn a_browser_may_have_to_sign_in_and_is_sent_nowhere_else() {
    let world = World::start().await;
    let browser = browser(&world);
    world.switch(|switches| switches.browser_signed_in = false);
    let url = authorize_url(&world, "secure", BACK, "code");
    let page = browser.get(&url).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("name=\"password\""));
    let credentials = world.sharefile.credentials();
    let post = async |password: &str, deny: &str| {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("username", &credentials.admin_user)
            .append_pair("password", password)
            .append_pair("deny", deny)
            .finish();
        browser.post(&url).body(form).send().await.unwrap()
    };
    assert_eq!(post("wrong", "").await.status(), 401);
    let right = credentials.admin_password.expose_secret();
    assert!(!parameter(&location(&post(right, "").await), "code").is_empty());
    assert_eq!(parameter(&location(&post("", "1").await), "error"), "access_denied");
    let token = authorize_url(&world, "secure", BACK, "token");
    let refused = location(&browser.get(token).send().await.unwrap());
    assert_eq!(parameter(&refused, "error"), "unsupported_response_type");
    assert_eq!(parameter(&refused, "state"), "a b&c");
    for redirect in ["https://evil.example/", "http://localhost/callback", ""] {
        let url = authorize_url(&world, "secure", redirect, "code");
        let response = browser.get(url).send().await.unwrap();
        assert_eq!(response.status(), 400, "{redirect}");
    }
    let plain = vec!["http://localhost/callback".to_owned()];
    world.sharefile.set_redirect_uris(plain.clone());
    let url = authorize_url(&world, "secure", &plain[0], "code");
    assert_eq!(browser.get(url).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn an_assertion_buys_a_token_where_single_sign_on_is_on() {
    let options = SharefileOptions { single_sign_on: true, ..SharefileOptions::default() };
    let world = World::with(options).await;
    world.employee("ada@contoso.com");
    let encode = |issuer: &str, subject: &str, until: &str| {
        let xml = format!(
            "<a:Assertion><a:Issuer>{issuer}</a:Issuer><a:NameID>{subject}</a:NameID>\
             <a:Conditions NotOnOrAfter=\"{until}\"/></a:Assertion>"
        );
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, xml)
    };
    let issuer = "https://login.contoso.com/saml/info";
    let (later, earlier) = ("2026-11-22T05:00:00Z", "2026-11-22T04:00:00Z");
    let good = encode(issuer, "ADA@contoso.com", later);
    let grant = "urn:ietf:params:oauth:grant-type:saml2-bearer";
    let ask = async |assertion: &str, provider: &str| {
        let rest = [("assertion", assertion), ("idpentityid", provider)];
        world.ask_token(&form_of(&world, grant, &rest)).await.0
    };
    assert_eq!(ask(&good, "").await, 200);
    assert_eq!(ask(&good, issuer).await, 200);
    assert_eq!(ask(&good, "https://other").await, 400);
    assert_eq!(ask(&encode("https://other", "ada@contoso.com", later), "").await, 400);
    assert_eq!(ask(&encode(issuer, "nobody@contoso.com", later), "").await, 400);
    assert_eq!(ask(&encode(issuer, "ada@contoso.com", earlier), "").await, 400);
    assert_eq!(ask("not an assertion", "").await, 400);
    world.sharefile.set_preference("EnableSSO", false);
    assert_eq!(ask(&good, "").await, 400);
}

#[tokio::test]
async fn two_steps_need_an_application_specific_password() {
    let world = World::start().await;
    world.sharefile.set_preference("EnableTwoFactorAuth", true);
    assert_eq!(world.ask_token(&world.password_form()).await.0, 400);
    let body = json!({ "account": "provisioner@contoso.com", "password": "app specific" });
    assert_eq!(world.control(Method::POST, "sharefile/app-passwords", Some(body)).await.0, 200);
    let mut form = world.password_form();
    form[4].1 = "app specific".to_owned();
    assert_eq!(world.ask_token(&form).await.0, 200);
    // Where an account begins with two steps, the password of the options is such a one.
    let options = SharefileOptions { two_factor: true, ..SharefileOptions::default() };
    World::with(options).await;
}

#[tokio::test]
async fn forced_single_sign_on_may_bar_passwords_of_others() {
    let world = World::start().await;
    let id = world.employee("ada@contoso.com");
    let path = format!("Users({id})/ResetPassword");
    world.post(&path, json!({ "NewPassword": "long enough" })).await;
    let mut form = world.password_form();
    form[3].1 = "ada@contoso.com".to_owned();
    form[4].1 = "long enough".to_owned();
    world.sharefile.set_preference("ForceSSO", true);
    assert_eq!(world.ask_token(&form).await.0, 200);
    world.switch(|switches| switches.forced_sign_on_bars_passwords = true);
    assert_eq!(world.ask_token(&form).await.0, 400);
    assert_eq!(world.ask_token(&world.password_form()).await.0, 200);
}

#[tokio::test]
async fn wrong_passwords_may_lock_an_account_for_a_while() {
    let world = World::start().await;
    let mut wrong = world.password_form();
    wrong[4].1 = "wrong".to_owned();
    for locks in [false, true] {
        world.switch(|switches| switches.wrong_passwords_lock = locks);
        for _ in 0..5 {
            world.ask_token(&wrong).await;
        }
        let right = world.ask_token(&world.password_form()).await.0;
        assert_eq!(right, if locks { 400 } else { 200 });
    }
    let (_, me) = world.get("Users?$expand=Security").await;
    assert_eq!(me["Security"]["IsLocked"], true);
    assert_eq!(me["Security"]["FailedLoginCount"], 5);
    world.clock.advance(Duration::from_secs(300));
    assert_eq!(world.ask_token(&world.password_form()).await.0, 200);
    let (_, me) = world.get("Users?$expand=Security").await;
    assert_eq!(me["Security"]["IsLocked"], false);
}

#[tokio::test]
async fn tokens_say_what_the_switches_say() {
    let world = World::start().await;
    world.switch(|switches| {
        switches.access_token_secs = 60;
        switches.key_web_app_login = false;
        switches.key_access_files_folders = false;
        switches.key_modify_files_folders = false;
        switches.key_admin_accounts = false;
        switches.key_change_my_settings = false;
        switches.invalid_grant_status = 401;
    });
    let token = world.sign_in().await;
    assert_eq!(token["expires_in"], 60);
    for flag in ["web_app_login", "access_files_folders", "modify_files_folders"] {
        assert_eq!(token[flag], false, "{flag}");
    }
    assert_eq!(
        (&token["admin_accounts"], &token["change_my_settings"]),
        (&json!(false), &json!(false))
    );
    let mut form = world.password_form();
    form[4].1 = "wrong".to_owned();
    let (status, body) = world.ask_token(&form).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_grant")));
}
