//! The token endpoint, and what an access token is good for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{PEM, World, decoded};
use crate::sandbox::faults::{Fault, FaultKind};
use crate::sandbox::graph::registration::Certificate;

const KEY: &str = include_str!("../../../../tests/fixtures/certificate/key.pem");

async fn refusal(world: &World, change: &[(&'static str, &str)]) -> (u16, u64, String) {
    let mut form = world.secret_form();
    for (name, value) in change {
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name, (*value).to_owned()));
        }
    }
    let response = world.ask_token(&form).await;
    let status = response.status().as_u16();
    let body: Value = response.json().await.expect("JSON");
    let code = body["error_codes"][0].as_u64().unwrap_or_default();
    let text = body["error_description"].as_str().unwrap_or_default();
    assert!(text.starts_with(&format!("AADSTS{code}: ")), "{text}");
    assert!(text.contains("\r\nTrace ID: "));
    assert!(body["correlation_id"].is_string() && body["timestamp"].is_string());
    (status, code, body["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_secret_gives_a_token_in_the_form_and_as_basic() {
    let world = World::empty().await;
    let body: Value = world.ask_token(&world.secret_form()).await.json().await.expect("JSON");
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 3599);
    let token = body["access_token"].as_str().expect("a token");
    let claims = decoded(token);
    assert_eq!(claims["aud"], "https://graph.microsoft.com");
    assert_eq!(claims["tid"], world.credentials().tenant_id);
    assert_eq!(claims["appid"], world.credentials().client_id);
    assert!(
        claims["roles"].as_array().is_some_and(|roles| roles.contains(&json!("User.Read.All")))
    );

    let key = world.credentials();
    let secret: String =
        url::form_urlencoded::byte_serialize(key.client_secret.as_bytes()).collect();
    let basic = STANDARD.encode(format!("{}:{secret}", key.client_id));
    let local = format!("{}/.default", world.base());
    let answer = world
        .http
        .post(format!("{}/{}/oauth2/v2.0/token", key.login_url, key.tenant_domain))
        .header("Authorization", format!("Basic {basic}"))
        .form(&[("grant_type", "client_credentials"), ("scope", &local)])
        .send()
        .await
        .expect("answers");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn refusals_have_the_documented_codes() {
    let world = World::empty().await;
    type Change = &'static [(&'static str, &'static str)];
    let cases: &[(Change, u16, u64, &str)] = &[
        (&[("client_secret", "nonsense")], 401, 7_000_215, "invalid_client"),
        (&[("client_secret", "")], 401, 7_000_218, "invalid_client"),
        (&[("grant_type", "")], 400, 900_144, "invalid_request"),
        (&[("scope", "")], 400, 900_144, "invalid_request"),
        (&[("grant_type", "password")], 400, 70_003, "unsupported_grant_type"),
        (&[("scope", "User.Read")], 400, 70_011, "invalid_scope"),
        (&[("scope", "https://a.example/.default")], 400, 500_011, "invalid_resource"),
        (
            &[("scope", "https://graph.microsoft.com/.default b/.default")],
            400,
            28_002,
            "invalid_request",
        ),
        (
            &[("client_id", "00000000-0000-4000-8000-000000000000")],
            400,
            700_016,
            "unauthorized_client",
        ),
    ];
    for (change, status, code, error) in cases {
        let wanted = (*status, *code, (*error).to_owned());
        assert_eq!(refusal(&world, change).await, wanted, "{change:?}");
    }
    world.entra().expire_secrets();
    assert_eq!(refusal(&world, &[]).await.1, 7_000_222);
    world.entra().set_secret(SecretString::from("another"), None);
    assert_eq!(refusal(&world, &[("client_secret", "x")]).await.1, 7_000_215);
    world.entra().set_registration_enabled(false);
    assert_eq!(refusal(&world, &[]).await.1, 7_000_112);
    for (tenant, code) in [("fabrikam.onmicrosoft.com", 90_002), ("common", 9_001_023)] {
        let address = format!("{}/{tenant}/oauth2/v2.0/token", world.base());
        let answer = world.http.post(address).form(&world.secret_form()).send().await;
        let answer = answer.expect("answers");
        assert_eq!(answer.status(), 400);
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body["error_codes"][0], code);
    }
}

fn assertion(world: &World, algorithm: Algorithm, change: &[(&str, Value)]) -> String {
    assertion_with(world, algorithm, change, "")
}

fn assertion_with(
    world: &World,
    algorithm: Algorithm,
    change: &[(&str, Value)],
    padding: &str,
) -> String {
    let certificate = Certificate::from_pem(PEM).expect("parses");
    let mut header = Header::new(algorithm);
    // The chain may come along, as for trust by subject name and issuer.
    let (_, body) = PEM.split_once("-----BEGIN CERTIFICATE-----").expect("a certificate");
    let (body, _) = body.split_once("-----END").expect("an end");
    header.x5c = Some(vec![body.split_whitespace().collect()]);
    match algorithm {
        Algorithm::RS256 => header.x5t = Some(certificate.sha1 + padding),
        _ => header.x5t_s256 = Some(certificate.sha256 + padding),
    }
    let client = world.credentials().client_id;
    let mut claims = json!({
        "aud": world.token_url(),
        "iss": client,
        "sub": client,
        "jti": "one",
        "nbf": 1_799_999_990.25,
        "iat": 1_799_999_990.25,
        "exp": 1_800_000_590.75,
    });
    for (name, value) in change {
        claims[*name] = value.clone();
    }
    let key = EncodingKey::from_rsa_pem(KEY.as_bytes()).expect("a key");
    jsonwebtoken::encode(&header, &claims, &key).expect("signs")
}

fn assertion_form(world: &World, assertion: &str) -> Vec<(&'static str, String)> {
    let mut form = world.secret_form();
    form.retain(|(name, _)| *name != "client_secret");
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    form.push(("client_assertion_type", kind.to_owned()));
    form.push(("client_assertion", assertion.to_owned()));
    form
}

async fn assertion_code(world: &World, assertion: &str) -> (u16, u64) {
    let answer = world.ask_token(&assertion_form(world, assertion)).await;
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.expect("JSON");
    (status, body["error_codes"][0].as_u64().unwrap_or_default())
}

#[tokio::test]
async fn a_certificate_signs_in_both_ways_and_again_with_the_same_assertion() {
    let world = World::empty().await;
    for algorithm in [Algorithm::RS256, Algorithm::PS256] {
        let assertion = assertion(&world, algorithm, &[]);
        for _ in 0..2 {
            assert_eq!(assertion_code(&world, &assertion).await, (200, 0), "{algorithm:?}");
        }
    }
}

#[tokio::test]
async fn thumbprints_may_have_the_padding_that_msal_writes() {
    let world = World::empty().await;
    for algorithm in [Algorithm::RS256, Algorithm::PS256] {
        let plain = assertion(&world, algorithm, &[]);
        let header = jsonwebtoken::decode_header(&plain).expect("a header");
        assert!(!header.x5t.or(header.x5t_s256).expect("a thumbprint").ends_with('='));
        let padded = assertion_with(&world, algorithm, &[], "=");
        assert_eq!(assertion_code(&world, &padded).await, (200, 0), "{algorithm:?}");
    }
}

#[tokio::test]
async fn assertions_are_checked() {
    let world = World::empty().await;
    let other = json!("00000000-0000-4000-8000-000000000000");
    let elsewhere = json!("https://login.microsoftonline.com/fabrikam.com/oauth2/v2.0/token");
    for (change, code) in [
        (("iss", other.clone()), 700_021),
        (("sub", other), 700_021),
        (("aud", elsewhere), 700_023),
        (("exp", json!(1_799_999_000)), 700_024),
        (("nbf", json!(1_800_009_000)), 700_024),
        (("exp", Value::Null), 50_027),
    ] {
        let assertion = assertion(&world, Algorithm::PS256, std::slice::from_ref(&change));
        assert_eq!(assertion_code(&world, &assertion).await, (401, code), "{change:?}");
    }
    let good = assertion(&world, Algorithm::PS256, &[]);
    let (head, signature) = good.rsplit_once('.').expect("three parts");
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    assert_eq!(assertion_code(&world, &forged).await, (401, 50_012));
    assert_eq!(assertion_code(&world, "no.jwt").await, (401, 50_027));
    world.entra().remove_certificates();
    assert_eq!(assertion_code(&world, &good).await, (401, 700_027));
}

#[tokio::test]
async fn graph_refuses_what_is_no_living_token() {
    let mut world = World::empty().await;
    let path = "/users?$top=1";
    let good = world.token.clone();
    world.get(path).await;
    for token in ["", "nonsense", "a.b.c"] {
        world.token = token.to_owned();
        let answer = world.request(path).send().await.expect("answers");
        assert_eq!(answer.status(), 401);
        let challenge = answer.headers().get("www-authenticate").expect("a challenge");
        assert!(challenge.to_str().is_ok_and(|text| text.starts_with("Bearer ")));
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body["error"]["code"], "InvalidAuthenticationToken");
    }
    world.token = good;
    world.sandbox.faults.add(Fault::new(FaultKind::ExpiredToken).times(1));
    assert_eq!(world.refused(path).await.0, 401);
    // The fault is over, but the token that it ended stays ended.
    assert_eq!(world.refused(path).await.0, 401);
    world.sign_in().await;
    world.get(path).await;
    world.advance(3600);
    assert_eq!(world.refused(path).await, (401, "InvalidAuthenticationToken".to_owned()));
}

#[tokio::test]
async fn missing_permissions_are_refused_or_blank_the_members() {
    let mut world = World::empty().await;
    let ada = world.person("Ada");
    let group = world.group("Readers", &[ada]);
    let application = world.application();
    let paths = [
        ("Application.Read.All", format!("/servicePrincipals/{application}")),
        ("User.Read.All", format!("/users/{ada}")),
        ("User.Read.All", "/users/delta".to_owned()),
        ("GroupMember.Read.All", format!("/groups/{group}")),
        ("GroupMember.Read.All", format!("/groups/{group}/members")),
    ];
    let all = world.entra().permissions();
    for (permission, path) in &paths {
        world.get(path).await;
        world.entra().revoke_permission(permission);
        // The token keeps what it was given.
        world.get(path).await;
        world.sign_in().await;
        let wanted = (403, "Authorization_RequestDenied".to_owned());
        assert_eq!(world.refused(path).await, wanted, "{path}");
        world.entra().set_permissions(all.clone());
        world.sign_in().await;
    }
    world.entra().revoke_permission("User.Read.All");
    world.sign_in().await;
    let members = world.get(&format!("/groups/{group}/members?$select=id,mail")).await;
    let row = &members["value"][0];
    assert_eq!(row["id"], ada.to_string());
    assert_eq!(row["mail"], Value::Null);
    assert_eq!(row["@odata.type"], "#microsoft.graph.user");
}
