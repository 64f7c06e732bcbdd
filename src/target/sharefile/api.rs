//! Calls to the API: an address, a token, one repetition when the token is refused.

use std::sync::Arc;

use http::header::{ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;
use url::form_urlencoded;

use super::error::{Attempt, AttemptKind, dead_token_remedy, verdict};
use super::settings::SharefileSettings;
use super::token::{Access, SignIn};
use crate::clock::Clock;
use crate::http::{
    Answer, ClientSettings, Connection, Gate, GateLimits, HttpError, NetworkSettings, PoliteClient,
    Repeat, Streamed,
};
use crate::model::attribute::TargetAttribute;
use crate::model::outcome::ErrorCategory;
use crate::target::TargetError;

/// The API of one tenant.
pub(super) struct Api {
    client: PoliteClient,
    gate: Arc<Gate>,
    attributes: Vec<TargetAttribute>,
    sign_in: SignIn,
}

/// One call.
pub(super) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    /// The method that is meant where it is not the one that is sent.
    meant: Option<Method>,
}

impl Call {
    /// A read of a path below the API's base.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), None)
    }

    /// A write with a JSON body.
    pub fn write(method: Method, path: impl Into<String>, body: Vec<u8>) -> Self {
        Self::new(method, path.into(), Some(body))
    }

    /// A write without a body.
    pub fn bare(method: Method, path: impl Into<String>) -> Self {
        Self::new(method, path.into(), None)
    }

    fn new(method: Method, path: String, body: Option<Vec<u8>>) -> Self {
        Self { method, path, query: Vec::new(), body, meant: None }
    }

    /// Has the call sent as a POST that names its method in a header, for what lies in between and
    /// does not let the method pass (section 1.7).
    pub fn by_post(mut self) -> Self {
        self.meant = Some(std::mem::replace(&mut self.method, Method::POST));
        self
    }

    /// Adds a query option; the value is encoded.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Returns the address below `base`.
    fn url(&self, base: &Url) -> Option<Url> {
        let mut url = base.join(&self.path).ok()?;
        if !self.query.is_empty() {
            let pairs: Vec<String> = self
                .query
                .iter()
                .map(|(name, value)| {
                    let encoded: String =
                        form_urlencoded::byte_serialize(value.as_bytes()).collect();
                    // A plus for a space is a habit of forms, not of every reader of queries.
                    format!("{name}={}", encoded.replace('+', "%20"))
                })
                .collect();
            url.set_query(Some(&pairs.join("&")));
        }
        Some(url)
    }
}

impl Api {
    /// Prepares the API; nothing is sent yet.
    pub fn new(settings: SharefileSettings, clock: Arc<dyn Clock>) -> Result<Self, TargetError> {
        let limits = GateLimits {
            per_minute: Some(settings.requests_per_minute),
            in_flight: settings.in_flight,
        };
        let gate = Gate::new(Arc::clone(&clock), limits);
        let how = client_settings(settings.network.clone());
        let client = PoliteClient::new(Arc::clone(&gate), Arc::clone(&clock), how, verdict)
            .map_err(|error| Attempt::read("connecting to ShareFile").no_answer(error))?;
        let attributes = settings.attributes.clone();
        Ok(Self { client, gate, attributes, sign_in: SignIn::new(settings, clock)? })
    }

    /// Returns the attributes that only full records show and that are wanted of them.
    pub fn attributes(&self) -> &[TargetAttribute] {
        &self.attributes
    }

    /// Returns how many requests were sent, tokens included.
    pub fn sent(&self) -> u64 {
        self.client.sent()
    }

    /// Returns the gate that everything passes, tokens included.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Returns how the connections were over which answers came so far.
    pub fn connections(&self) -> Vec<Connection> {
        self.client.connections()
    }

    /// Returns the tenant's own name for itself.
    pub async fn subdomain(&self) -> Result<String, TargetError> {
        Ok(self.sign_in.access(&self.client).await?.0.subdomain)
    }

    /// Makes a call and returns its answer if it is a success. A web page is none, whatever its
    /// status.
    ///
    /// A refused token is replaced once and the call repeated: even a write, because a request
    /// without a valid token was not processed.
    pub async fn call(&self, attempt: &Attempt, call: &Call) -> Result<Answer, TargetError> {
        match self.answer(attempt, call).await? {
            answer if answer.succeeded() => Ok(answer),
            answer => Err(self.refused(attempt, &answer)),
        }
    }

    /// Makes a read and returns the object, or `None` for 404. A web page is never taken for "no
    /// such object".
    pub async fn read<T: DeserializeOwned>(
        &self,
        attempt: &Attempt,
        call: &Call,
    ) -> Result<Option<T>, TargetError> {
        let answer = self.answer(attempt, call).await?;
        if answer.status == StatusCode::NOT_FOUND && !answer.looks_like_html() {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(self.refused(attempt, &answer));
        }
        answer.json().map(Some).map_err(|error| attempt.unreadable(&answer, error))
    }

    /// Makes a call and returns its answer, whatever its status; a refused token is replaced once.
    pub async fn answer(&self, attempt: &Attempt, call: &Call) -> Result<Answer, TargetError> {
        let repeat = match attempt.kind {
            AttemptKind::Read => Repeat::Read,
            AttemptKind::Create
            | AttemptKind::Change { .. }
            | AttemptKind::Remove
            | AttemptKind::Mail
            | AttemptKind::Group => Repeat::Write,
        };
        let mut refreshed = false;
        loop {
            let (access, generation) = self.sign_in.access(&self.client).await?;
            let request = self.request(attempt, &access, call, call.url(&access.base))?;
            let answer = self
                .client
                .execute(request, repeat)
                .await
                .map_err(|error| attempt.no_answer(error))?;
            if answer.status != StatusCode::UNAUTHORIZED || refreshed {
                return Ok(answer);
            }
            self.sign_in.forget(generation).await;
            refreshed = true;
        }
    }

    /// Opens a page of a list: `call`, or the page that `next_link` names. Returns the response
    /// with its body unread.
    pub async fn open(
        &self,
        attempt: &Attempt,
        call: &Call,
        next_link: Option<&str>,
    ) -> Result<reqwest::Response, TargetError> {
        let mut refreshed = false;
        loop {
            let (access, generation) = self.sign_in.access(&self.client).await?;
            let url = match next_link {
                None => call.url(&access.base),
                Some(link) => Some(next_page(&access.base, link).ok_or_else(|| {
                    attempt.error(
                        ErrorCategory::Bug,
                        "WrongNextLink",
                        "the list goes on at another host, which is not followed",
                        "Report this: the token must not be sent to another host.",
                    )
                })?),
            };
            let request = self.request(attempt, &access, call, url)?;
            let opened =
                self.client.open(request).await.map_err(|error| attempt.no_answer(error))?;
            match opened {
                Streamed::Body(response) => return Ok(response),
                Streamed::Refused(answer)
                    if answer.status == StatusCode::UNAUTHORIZED && !refreshed =>
                {
                    self.sign_in.forget(generation).await;
                    refreshed = true;
                }
                Streamed::Refused(answer) => return Err(self.refused(attempt, &answer)),
            }
        }
    }

    /// Waits after `failed` failed attempts at reading a page, and returns whether there is another
    /// one.
    pub async fn back_off(&self, failed: u32) -> bool {
        self.client.back_off(failed).await
    }

    fn request(
        &self,
        attempt: &Attempt,
        access: &Access,
        call: &Call,
        url: Option<Url>,
    ) -> Result<reqwest::Request, TargetError> {
        let url = url.ok_or_else(|| {
            attempt.error(
                ErrorCategory::Bug,
                "Setup",
                "the address of the call could not be built",
                "Report this.",
            )
        })?;
        let mut builder = self
            .client
            .inner()
            .request(call.method.clone(), url)
            .header(AUTHORIZATION, access.bearer.clone());
        if let Some(meant) = &call.meant {
            builder = builder.header("x-http-method-override", meant.as_str());
        }
        match &call.body {
            Some(body) => {
                builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
            }
            // Some servers refuse a POST that does not say that it has no body.
            None if call.method == Method::POST => builder = builder.header(CONTENT_LENGTH, 0),
            None => {}
        }
        builder.build().map_err(|error| attempt.no_answer(HttpError::from_reqwest(error)))
    }

    /// Returns the error that an answer other than a success stands for.
    pub fn refused(&self, attempt: &Attempt, answer: &Answer) -> TargetError {
        let mut error = attempt.refused(answer);
        if answer.status == StatusCode::UNAUTHORIZED {
            error.remedy = dead_token_remedy().to_owned();
        }
        error
    }
}

/// Headers of every call (section 1.7): tool and version are recorded with ShareFile's session,
/// and the language keeps messages readable for support.
fn client_settings(network: NetworkSettings) -> ClientSettings {
    let header = |name, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
    ClientSettings {
        extra_headers: vec![
            header("x-sfapi-tool", env!("CARGO_PKG_NAME")),
            header("x-sfapi-toolversion", env!("CARGO_PKG_VERSION")),
            (ACCEPT, HeaderValue::from_static("application/json")),
            (ACCEPT_LANGUAGE, HeaderValue::from_static("en-US")),
        ],
        network,
        ..ClientSettings::default()
    }
}

/// Returns the address of the next page, or `None` if it is not below the same API.
fn next_page(base: &Url, link: &str) -> Option<Url> {
    let url = base.join(link).ok()?;
    let same = url.origin() == base.origin()
        && url.username().is_empty()
        && url.password().is_none()
        && url.path().starts_with(base.path());
    same.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url::parse("https://acme.sf-api.com/sf/v3/").unwrap()
    }

    #[test]
    fn addresses_are_encoded_and_options_keep_their_dollar() {
        let call = Call::get("Users")
            .with("emailaddress", "o'neil+test & co@x.example")
            .with("$expand", "Security");
        assert_eq!(
            call.url(&base()).unwrap().as_str(),
            "https://acme.sf-api.com/sf/v3/Users?emailaddress=\
             o%27neil%2Btest%20%26%20co%40x.example&$expand=Security"
        );
        let call = Call::get("Users(1f2e)");
        assert_eq!(call.url(&base()).unwrap().path(), "/sf/v3/Users(1f2e)");
    }

    #[test]
    fn pages_stay_with_the_api() {
        let base = base();
        for good in [
            "https://acme.sf-api.com/sf/v3/Accounts/Employees?$skip=100",
            "/sf/v3/Accounts/Employees?$skip=100",
            "Accounts/Employees?$skip=100",
        ] {
            assert!(next_page(&base, good).is_some(), "{good}");
        }
        for bad in [
            "https://evil.example/sf/v3/Accounts/Employees",
            "http://acme.sf-api.com/sf/v3/Accounts/Employees",
            "https://acme.sf-api.com:444/sf/v3/x",
            "https://user@acme.sf-api.com/sf/v3/x",
            "//evil.example/sf/v3/x",
            "../../elsewhere",
        ] {
            assert!(next_page(&base, bad).is_none(), "{bad}");
        }
    }
}
