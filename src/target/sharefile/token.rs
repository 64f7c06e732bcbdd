//! Signing in: tokens, and where the API is (ShareFile API reference, section 1).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use url::form_urlencoded;

use super::error::{Attempt, verdict};
use super::settings::SharefileSettings;
use super::wire::TokenAnswer;
use crate::clock::Clock;
use crate::http::{
    Answer, Fetched, HttpError, PoliteClient, Repeat, TokenCache, Verdict, is_token,
};
use crate::model::outcome::ErrorCategory;
use crate::target::TargetError;

/// How long a token is trusted whose answer does not say.
const UNSAID_LIFE: Duration = Duration::from_secs(900);

/// A shorter life is taken for this one: a token for each request would eat the budget.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);

/// Access to the API.
#[derive(Clone)]
pub(super) struct Access {
    /// The `Authorization` header, marked as sensitive.
    pub bearer: HeaderValue,
    /// `https://{subdomain}.{apicp}/sf/v3/`, from the token's answer.
    pub base: Url,
    /// The tenant's own name for itself.
    pub subdomain: String,
}

/// Keeps access to the API; tokens live in memory only.
pub(super) struct SignIn {
    settings: SharefileSettings,
    endpoint: Url,
    tokens: TokenCache<Access>,
    refresh_token: Mutex<Option<SecretString>>,
}

impl SignIn {
    /// Prepares signing in.
    ///
    /// # Errors
    /// When subdomain or domain cannot be part of a host name.
    pub fn new(settings: SharefileSettings, clock: Arc<dyn Clock>) -> Result<Self, TargetError> {
        let endpoint = endpoint(&settings).ok_or_else(|| {
            attempt().error(
                ErrorCategory::Rejected,
                "WrongSubdomain",
                "sharefile.subdomain and sharefile.domain do not make a host name",
                "Give the first label of the tenant's address as sharefile.subdomain, as contoso, \
                 and the rest as sharefile.domain, as sharefile.com.",
            )
        })?;
        Ok(Self {
            settings,
            endpoint,
            tokens: TokenCache::new(clock),
            refresh_token: Mutex::new(None),
        })
    }

    /// Returns access and its generation, signing in if needed. Many callers cause one sign-in.
    pub async fn access(&self, client: &PoliteClient) -> Result<(Access, u64), TargetError> {
        self.tokens.get(|| self.fetch(client)).await
    }

    /// Drops the access of that generation, which the API refused.
    pub async fn forget(&self, generation: u64) {
        self.tokens.invalidate(generation).await;
    }

    async fn fetch(&self, client: &PoliteClient) -> Result<Fetched<Access>, TargetError> {
        // Taken out: whether a used refresh token is good for a second time is unknown (1.3).
        if let Some(refresh_token) = self.swap_refresh_token(None) {
            let form =
                [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
            match self.ask(client, &form, Repeat::Write).await {
                Ok(answer) if answer.status.is_success() => return self.accept(&answer),
                Ok(answer) if verdict(&answer) == Verdict::Wait => {
                    self.swap_refresh_token(Some(refresh_token));
                    return Err(attempt().sign_in_refused(&answer, &self.host()));
                }
                Err(error) if !error.maybe_delivered() => {
                    self.swap_refresh_token(Some(refresh_token));
                    return Err(attempt().no_answer(error));
                }
                // Refused, or nobody knows what became of it: the password settles it.
                Ok(_) | Err(_) => {
                    tracing::debug!("the refresh token was not accepted; signing in anew");
                }
            }
        }
        let form = [
            ("grant_type", "password"),
            ("username", self.settings.admin_user.as_str()),
            ("password", self.settings.admin_password.expose_secret()),
        ];
        let answer = self
            .ask(client, &form, Repeat::Read)
            .await
            .map_err(|error| attempt().no_answer(error))?;
        if answer.status.is_success() {
            return self.accept(&answer);
        }
        Err(attempt().sign_in_refused(&answer, &self.host()))
    }

    async fn ask(
        &self,
        client: &PoliteClient,
        form: &[(&str, &str)],
        repeat: Repeat,
    ) -> Result<Answer, HttpError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("client_secret", self.settings.client_secret.expose_secret())
            .finish();
        let request = client
            .inner()
            .post(self.endpoint.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .build()
            .map_err(HttpError::from_reqwest)?;
        client.execute(request, repeat).await
    }

    /// Reads a token's answer, keeps the newest refresh token, and checks what the token is good
    /// for.
    fn accept(&self, answer: &Answer) -> Result<Fetched<Access>, TargetError> {
        let attempt = attempt();
        if answer.looks_like_html() {
            return Err(attempt.sign_in_html(answer.status, &self.host()));
        }
        // The cause is left out on purpose: it could quote a part of the token.
        let token: TokenAnswer = answer
            .json()
            .map_err(|_| attempt.unreadable(answer, "the token's answer is not as documented"))?;
        if !is_token(&token.access_token) {
            return Err(attempt.unreadable(answer, "the answer holds no token"));
        }
        if !token.admin_users {
            return Err(attempt.error(
                ErrorCategory::Auth,
                "MissingFlag",
                "the token lacks the flag admin_users, so nobody could be managed with it",
                "Use an API key that may manage users, and give the service user the permissions \
                 to manage employees (AdminManageEmployees) and clients (CanManageUsers).",
            ));
        }
        let subdomain = token.subdomain.unwrap_or_else(|| self.settings.subdomain.clone());
        let apicp = token.apicp.unwrap_or_default();
        let base = api_base(&self.settings.domain, &subdomain, &apicp);
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.access_token));
        let (Some(base), Ok(mut bearer)) = (base, bearer) else {
            return Err(attempt.error(
                ErrorCategory::Bug,
                "WrongApiHost",
                "the token's answer names no usable API host, so the token is sent nowhere",
                "Check sharefile.subdomain and sharefile.domain. If they are right, report this.",
            ));
        };
        bearer.set_sensitive(true);
        self.swap_refresh_token(token.refresh_token.map(SecretString::from));
        let expires_in = token
            .expires_in
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(UNSAID_LIFE, Duration::from_secs)
            .max(SHORTEST_LIFE);
        Ok(Fetched { value: Access { bearer, base, subdomain }, expires_in })
    }

    fn swap_refresh_token(&self, token: Option<SecretString>) -> Option<SecretString> {
        let mut held = self.refresh_token.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        std::mem::replace(&mut *held, token)
    }

    fn host(&self) -> String {
        format!("{}.{}", self.settings.subdomain, self.settings.domain)
    }
}

fn attempt() -> Attempt {
    Attempt::read("signing in to ShareFile")
}

/// Returns the address of the token endpoint, or `None` if the settings make none.
fn endpoint(settings: &SharefileSettings) -> Option<Url> {
    let (subdomain, domain) = (&settings.subdomain, &settings.domain);
    if !is_label(subdomain) || !(is_host(domain) || is_local(domain)) {
        return None;
    }
    let scheme = if is_local(domain) { "http" } else { "https" };
    Url::parse(&format!("{scheme}://{subdomain}.{domain}/oauth/token")).ok()
}

/// Returns where the API is, from the token's answer (section 1.1), or `None` if what it says is
/// no host name: a bearer must not be sent to whatever a tampered answer spells. The loopback
/// host is believed, and spoken to without TLS, only if signing in happened there as well.
fn api_base(domain: &str, subdomain: &str, apicp: &str) -> Option<Url> {
    let local = is_local(apicp);
    if !is_label(subdomain) || (local && !is_local(domain)) || !(local || is_host(apicp)) {
        return None;
    }
    let scheme = if local { "http" } else { "https" };
    Url::parse(&format!("{scheme}://{subdomain}.{apicp}/sf/v3/")).ok()
}

/// Returns whether `host` is `localhost` or `localhost:PORT`.
fn is_local(host: &str) -> bool {
    match host.strip_prefix("localhost") {
        Some("") => true,
        Some(rest) => rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()),
        None => false,
    }
}

/// Returns whether `host` is a name of two labels or more, without a port.
fn is_host(host: &str) -> bool {
    host.len() <= 253 && host.contains('.') && host.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_where_the_token_says_if_that_is_a_host() {
        let base = |domain, subdomain, apicp| api_base(domain, subdomain, apicp).map(String::from);
        assert_eq!(
            base("sharefile.com", "acme", "sf-api.com").as_deref(),
            Some("https://acme.sf-api.com/sf/v3/")
        );
        assert_eq!(
            base("localhost:8080", "acme", "localhost:8081").as_deref(),
            Some("http://acme.localhost:8081/sf/v3/")
        );
        for (domain, subdomain, apicp) in [
            ("sharefile.com", "acme", "localhost"),
            ("sharefile.com", "acme", "localhost:80"),
            ("localhost", "acme", "localhost:99999"),
            ("sharefile.com", "acme", ""),
            ("sharefile.com", "acme", "com"),
            ("sharefile.com", "", "sf-api.com"),
            ("sharefile.com", "acme", "evil.example/x"),
            ("sharefile.com", "acme", "evil.example#"),
            ("sharefile.com", "acme", "sf-api.com:8443"),
            ("sharefile.com", "user@evil.example/", "sf-api.com"),
            ("sharefile.com", "evil.example", "sf-api.com"),
            ("sharefile.com", "acme", "sf api.com"),
            ("sharefile.com", "acme", ".sf-api.com"),
            ("sharefile.com", "acme", "-sf.com"),
        ] {
            assert_eq!(base(domain, subdomain, apicp), None, "{domain} {subdomain} {apicp}");
        }
    }
}
