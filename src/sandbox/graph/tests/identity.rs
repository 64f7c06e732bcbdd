//! What the identity platform publishes, federated assertions, managed identity.

use reqwest::Method;
use serde_json::{Value, json};

use super::{World, decoded};
use crate::sandbox::graph::federation::{AUDIENCE, FederatedToken, ISSUER};
use crate::sandbox::graph::switches::{ManagedIdentity, Switches};
use crate::sandbox::graph::views::FederatedCredential;

async fn plain(world: &World, path: &str) -> (u16, Value) {
    let answer = world.http.get(format!("{}{path}", world.base())).send().await.expect("answers");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn clients_find_the_token_endpoint() {
    let world = World::empty().await;
    let (base, key) = (world.base(), world.credentials());
    for tenant in [&key.tenant_id, &key.tenant_domain] {
        let (status, found) =
            plain(&world, &format!("/{tenant}/v2.0/.well-known/openid-configuration")).await;
        assert_eq!(status, 200);
        assert_eq!(found["token_endpoint"], world.token_url());
        assert_eq!(found["issuer"], format!("{base}/{}/v2.0", key.tenant_id));
        let keys = found["jwks_uri"].as_str().expect("a link").strip_prefix(&base).expect("here");
        assert_eq!(plain(&world, keys).await.1["keys"][0]["kty"], "RSA");
    }
    let (_, common) = plain(&world, "/common/v2.0/.well-known/openid-configuration").await;
    assert_eq!(common["issuer"], format!("{base}/{{tenantid}}/v2.0"));
    let (status, other) =
        plain(&world, "/fabrikam.com/v2.0/.well-known/openid-configuration").await;
    assert_eq!((status, &other["error_codes"]), (400, &json!([90_002])));
    let endpoint = format!("{base}/{}/oauth2/v2.0/authorize", key.tenant_id);
    let instance =
        format!("/common/discovery/instance?api-version=1.1&authorization_endpoint={endpoint}");
    let (_, instance) = plain(&world, &instance).await;
    assert_eq!(
        instance["tenant_discovery_endpoint"],
        format!("{base}/{}/v2.0/.well-known/openid-configuration", key.tenant_id)
    );
}

#[tokio::test]
async fn links_are_made_from_the_host_that_was_asked() {
    let world = World::empty().await;
    let path = format!("{}/common/v2.0/.well-known/openid-configuration", world.base());
    let request = world.http.get(path).header("Host", "sandbox.contoso.example:8428");
    let found: Value = request.send().await.expect("answers").json().await.expect("JSON");
    assert_eq!(
        found["token_endpoint"],
        "http://sandbox.contoso.example:8428/common/oauth2/v2.0/token"
    );
}

async fn exchanged(world: &World, assertion: &str) -> (u16, u64) {
    let mut form = world.secret_form();
    form.retain(|(name, _)| *name != "client_secret");
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    form.push(("client_assertion_type", kind.to_owned()));
    form.push(("client_assertion", assertion.to_owned()));
    let answer = world.ask_token(&form).await;
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.expect("JSON");
    (status, body["error_codes"][0].as_u64().unwrap_or_default())
}

#[tokio::test]
async fn a_token_of_another_issuer_signs_in_when_it_is_registered_exactly() {
    let world = World::empty().await;
    let mint = |wanted: FederatedToken| world.entra().federated_token(wanted).expect("mints");
    let some = |text: &str| Some(text.to_owned());
    let usual = mint(FederatedToken::default());
    assert_eq!(exchanged(&world, &usual).await, (200, 0));
    for (wanted, code) in [
        (
            FederatedToken { issuer: some("https://oidc.sandbox.example"), ..Default::default() },
            700_211,
        ),
        (FederatedToken { subject: some("SYSTEM:x"), ..Default::default() }, 700_213),
        (FederatedToken { audience: some("api://other"), ..Default::default() }, 700_212),
        (FederatedToken { lifetime_secs: Some(-301), ..Default::default() }, 700_024),
        (
            FederatedToken {
                issuer: Some(format!("https://sts.windows.net/{}/", world.entra().tenant_id())),
                ..Default::default()
            },
            700_229,
        ),
    ] {
        let token = mint(wanted.clone());
        assert_eq!(exchanged(&world, &token).await, (401, code), "{wanted:?}");
    }
    let (head, signature) = usual.rsplit_once('.').expect("three parts");
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    assert_eq!(exchanged(&world, &forged).await, (401, 50_012));
    let other = FederatedCredential {
        name: "other".to_owned(),
        issuer: ISSUER.to_owned(),
        subject: "repo:contoso/x".to_owned(),
        audiences: vec![AUDIENCE.to_owned()],
    };
    world.entra().set_federated_credentials(vec![other]);
    assert_eq!(exchanged(&world, &usual).await, (401, 700_213));
    let minted = world
        .http
        .post(format!("{}/entra/federated-token", world.credentials().control_url))
        .json(&json!({"subject": "repo:contoso/x"}))
        .send()
        .await
        .expect("answers");
    let minted: Value = minted.json().await.expect("JSON");
    assert_eq!(exchanged(&world, minted["token"].as_str().expect("a token")).await, (200, 0));
}

async fn machine(world: &World, query: &str, metadata: Option<&str>) -> (u16, Value) {
    let address = format!("{}/metadata/identity/oauth2/token?{query}", world.base());
    let mut request = world.http.get(address);
    if let Some(value) = metadata {
        request = request.header("Metadata", value);
    }
    let answer = request.send().await.expect("answers");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

const QUERY: &str = "api-version=2018-02-01&resource=https://graph.microsoft.com";

#[tokio::test]
async fn a_virtual_machine_has_an_identity_whose_numbers_are_texts() {
    let mut world = World::empty().await;
    let (status, body) = machine(&world, QUERY, Some("true")).await;
    assert_eq!(status, 200);
    assert_eq!(body["expires_in"], "3599");
    assert_eq!(body["expires_on"], "1800003599");
    assert_eq!(body["not_before"], "1800000000");
    let token = body["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(decoded(&token)["appid"], body["client_id"]);
    world.token = token;
    world.get("/users?$top=1").await;
    let client = format!("{QUERY}&client_id={}", body["client_id"].as_str().expect("an id"));
    assert_eq!(machine(&world, &client, Some("true")).await.0, 200);
    for (query, metadata) in [
        (QUERY, None),
        (QUERY, Some("false")),
        ("api-version=2018-02-01", Some("true")),
        ("resource=https://graph.microsoft.com", Some("true")),
        ("api-version=2018-02-01&resource=https://a.example", Some("true")),
        (&format!("{QUERY}&client_id=00000000-0000-4000-8000-000000000000"), Some("true")),
    ] {
        let (status, body) = machine(&world, query, metadata).await;
        assert_eq!(status, 400, "{query}");
        assert!(body["error"].is_string() && body["error_description"].is_string());
    }
    let post = world
        .http
        .request(Method::POST, format!("{}/metadata/identity/oauth2/token", world.base()));
    assert_eq!(post.send().await.expect("answers").status(), 405);
    for (managed_identity, status) in
        [(ManagedIdentity::Missing, 400), (ManagedIdentity::Updating, 410)]
    {
        world.entra().set_switches(Switches { managed_identity, ..Switches::default() });
        assert_eq!(machine(&world, QUERY, Some("true")).await.0, status);
    }
}

#[tokio::test]
async fn app_service_wants_its_header_and_says_when_the_token_ends() {
    let world = World::empty().await;
    let control = world.credentials().control_url;
    let known = world.http.get(format!("{control}/entra")).send().await.expect("answers");
    let known: Value = known.json().await.expect("JSON");
    let known = &known["managed_identity"];
    let path = known["identity_endpoint_path"].as_str().expect("a path");
    let header = known["identity_header"].as_str().expect("a header");
    let ask = |query: &str, header: &str| {
        let request = world.http.get(format!("{}{path}?{query}", world.base()));
        let request = request.header("X-IDENTITY-HEADER", header.to_owned());
        async move {
            let answer = request.send().await.expect("answers");
            (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
        }
    };
    let query = QUERY.replace("2018-02-01", "2019-08-01");
    let (status, body) = ask(&query, header).await;
    assert_eq!((status, &body["expires_on"]), (200, &json!("1800003599")));
    assert!(body.get("expires_in").is_none());
    let (status, body) = ask(&query, "wrong").await;
    assert_eq!((status, &body["statusCode"]), (401, &json!(401)));
    assert!(body["message"].is_string());
    assert_eq!(ask(QUERY, header).await.0, 400);
    world.entra().set_switches(Switches {
        managed_identity: ManagedIdentity::Missing,
        ..Switches::default()
    });
    let (status, body) = ask(&query, header).await;
    assert_eq!((status, &body["message"]), (400, &json!("Identity not found")));
}
