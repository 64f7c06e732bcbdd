//! Signing in in a browser: `/oauth/authorize`, and the redirect with its check data (ShareFile
//! API reference, section 1.4).

use std::collections::HashMap;

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, LOCATION};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

use super::call::Refusal;
use super::host::Site;
use super::tenant::Tenant;
use super::token;
use super::wire::{self, json_response};
use crate::model::ids::Timestamp;
use crate::sandbox::server::html_page;

/// Answers `GET /oauth/authorize`, and the `POST` of the page that it may show.
pub(super) fn answer(
    tenant: &mut Tenant,
    parts: &Parts,
    body: &[u8],
    site: &Site,
    now: Timestamp,
) -> Response {
    let query = token::form(parts.uri.query().unwrap_or_default().as_bytes());
    let target = match redirect_target(tenant, &query) {
        Ok(target) => target,
        // Whoever does not name a registered address is not redirected anywhere.
        Err(problem) => return html_page(StatusCode::BAD_REQUEST, problem),
    };
    if query.get("response_type").is_none_or(|kind| kind != "code") {
        return deny(target, &query, "unsupported_response_type", "Only codes are offered.");
    }
    match parts.method {
        Method::GET if tenant.switches.browser_signed_in => {
            let service_id = tenant.service_id;
            allow(tenant, target, &query, site, service_id, now)
        }
        Method::GET => sign_in_page(StatusCode::OK),
        Method::POST => {
            let form = token::form(body);
            let field = |name: &str| form.get(name).map_or("", String::as_str);
            if !field("deny").is_empty() {
                return deny(target, &query, "access_denied", "The person refused.");
            }
            match token::sign_in(tenant, field("username"), field("password"), now) {
                Ok(id) => allow(tenant, target, &query, site, id, now),
                Err(_) => sign_in_page(StatusCode::UNAUTHORIZED),
            }
        }
        _ => Refusal::method_not_allowed().into_response(&tenant.switches),
    }
}

fn redirect_target(tenant: &Tenant, query: &HashMap<String, String>) -> Result<Url, &'static str> {
    let field = |name: &str| query.get(name).map_or("", String::as_str);
    if field("client_id") != tenant.options.client_id {
        return Err("The application is not known");
    }
    let wanted = field("redirect_uri");
    if !tenant.options.redirect_uris.iter().any(|known| known == wanted) {
        return Err("The redirect address is not registered");
    }
    let target = Url::parse(wanted).map_err(|_| "The redirect address is no address")?;
    if target.scheme() != "https" {
        return Err("The redirect address must begin with https");
    }
    Ok(target)
}

fn deny(
    mut target: Url,
    query: &HashMap<String, String>,
    error: &str,
    description: &str,
) -> Response {
    target
        .query_pairs_mut()
        .append_pair("error", error)
        .append_pair("error_description", description);
    append_state(&mut target, query);
    redirect(target.as_str())
}

fn append_state(target: &mut Url, query: &HashMap<String, String>) {
    if let Some(state) = query.get("state") {
        target.query_pairs_mut().append_pair("state", state);
    }
}

fn allow(
    tenant: &mut Tenant,
    mut target: Url,
    query: &HashMap<String, String>,
    site: &Site,
    account_id: Uuid,
    now: Timestamp,
) -> Response {
    let code = tenant.tokens.new_code(account_id, now);
    target
        .query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("subdomain", &tenant.options.subdomain)
        .append_pair("apicp", &site.domain)
        .append_pair("appcp", &site.domain)
        .append_pair("expires_in", &tenant.switches.access_token_secs.to_string());
    append_state(&mut target, query);
    let checked = format!("{}?{}", target.path(), target.query().unwrap_or_default());
    let check = check_data(tenant.options.client_secret.expose_secret(), &checked);
    target.query_pairs_mut().append_pair("h", &check);
    redirect(target.as_str())
}

/// Returns the check data of a path with its query: HMAC-SHA-256 under the client secret, in
/// base64.
fn check_data(secret: &str, checked: &str) -> String {
    STANDARD.encode(hmac_sha256(secret.as_bytes(), checked.as_bytes()))
}

/// HMAC (RFC 2104) with SHA-256.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let hashed: [u8; 32] = Sha256::digest(key).into();
    let key = if key.len() > BLOCK { &hashed[..] } else { key };
    let padded = |mask: u8| {
        let mut block = [mask; BLOCK];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

fn redirect(location: &str) -> Response {
    let mut response = wire::empty_response(StatusCode::FOUND);
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The page posts to its own address, query included.
fn sign_in_page(status: StatusCode) -> Response {
    let page = "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Sign in</title></head><body>\
        <h1>Sign in</h1><form method=\"post\">\
        <label>Email <input name=\"username\" type=\"email\"></label>\
        <label>Password <input name=\"password\" type=\"password\"></label>\
        <button>Sign in</button> <button name=\"deny\" value=\"1\">Refuse</button>\
        </form></body></html>\n";
    let mut response = json_response(status, &serde_json::Value::Null);
    *response.body_mut() = axum::body::Body::from(page);
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_rfc() {
        // RFC 4231, test cases 2 and 6: a short key, and one longer than a block.
        let hex = |bytes: [u8; 32]| bytes.map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(
            hex(hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(
            hex(hmac_sha256(&[0xaa; 131], message)),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
