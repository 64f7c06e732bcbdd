//! Pages: followed to the end, within bounds, and only at home.

use std::collections::HashSet;

use graph_http::api_impl::RequestHandler;
use http::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;

use crate::http::Answer;
use crate::model::outcome::ErrorCategory;
use crate::source::SourceError;

use super::error::{self, Call};
use super::request::{CONSISTENCY, Transport};
use super::wire::Page;

/// No list is longer: at the smallest pages seen, this is more than a million objects.
const MOST_PAGES: usize = 20_000;

/// A walk along the pages of one list.
pub(super) struct Pager<'a> {
    transport: &'a Transport,
    call: &'a Call,
    eventual: bool,
    seen: HashSet<String>,
}

/// Why a page could not be had.
pub(super) enum PageError {
    /// Graph answered, but with no success.
    Refused(Box<Answer>),
    /// Anything else.
    Failed(SourceError),
}

impl PageError {
    /// Returns the error that people see.
    pub(super) fn into_error(self, call: &Call) -> SourceError {
        match self {
            Self::Refused(answer) => error::refused(call, &answer),
            Self::Failed(error) => error,
        }
    }
}

impl<'a> Pager<'a> {
    pub(super) fn new(transport: &'a Transport, call: &'a Call) -> Self {
        Self { transport, call, eventual: false, seen: HashSet::new() }
    }

    /// Sends the header of advanced queries with every page.
    pub(super) fn eventual(self) -> Self {
        Self { eventual: true, ..self }
    }

    /// Reads the page that a built request asks for.
    pub(super) async fn fetch<T: DeserializeOwned>(
        &self,
        mut handler: RequestHandler,
    ) -> Result<Page<T>, PageError> {
        if self.eventual {
            handler = handler.header(
                HeaderName::from_static("consistencylevel"),
                HeaderValue::from_static(CONSISTENCY.1),
            );
        }
        let answer = self.transport.send(self.call, handler).await.map_err(PageError::Failed)?;
        if !answer.status.is_success() {
            return Err(PageError::Refused(Box::new(answer)));
        }
        answer.json().map_err(|error| {
            PageError::Failed(error::undecodable(&self.call.attempted, &answer, error))
        })
    }

    /// Reads the page behind a link.
    pub(super) async fn follow<T: DeserializeOwned>(
        &mut self,
        link: &str,
    ) -> Result<Page<T>, PageError> {
        let handler = self.transport.follow(self.call, link).map_err(PageError::Failed)?;
        if !self.seen.insert(link.to_owned()) || self.seen.len() > MOST_PAGES {
            return Err(PageError::Failed(self.call.failed(
                ErrorCategory::Transient,
                "Graph's pages have no end: a link came twice, or there are too many",
                "Nothing to do: the next cycle reads again. If it stays, report it to Microsoft.",
            )));
        }
        self.fetch(handler).await
    }

    /// Appends the values of `page` and of all pages after it.
    pub(super) async fn collect<T: DeserializeOwned>(
        &mut self,
        page: Page<T>,
        into: &mut Vec<T>,
    ) -> Result<(), SourceError> {
        let mut page = page;
        loop {
            into.append(&mut page.value);
            let Some(link) = page.next_link else {
                return Ok(());
            };
            page = self.follow(&link).await.map_err(|error| error.into_error(self.call))?;
        }
    }
}
