//! Feeds: filtered, put in order, paged, and sent in pieces where they are long (ShareFile API
//! reference, sections 2.3 and 2.4).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::StatusCode;
use hyper::body::Frame;
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Sharefile;
use super::call::{Call, Refusal};
use super::filter::{Filter, OrderBy};
use super::record::Account;
use super::tenant::Tenant;
use super::wire::{self, date, date_or_never};

/// Longer feeds of accounts are sent in pieces of so many rows.
const PIECE: usize = 2_000;

/// What a call is answered with.
pub(super) enum Answer {
    /// An entity or a feed.
    Json(Value),
    /// A long feed of contacts, written while it is sent.
    Long(LongFeed),
    /// 204.
    Nothing,
    /// 204, or 200 where the reference leaves it open.
    Done,
}

impl Answer {
    /// Returns the response.
    pub(super) fn into_response(self, sharefile: &Arc<Sharefile>, empty_is_200: bool) -> Response {
        match self {
            Self::Json(body) => wire::json_response(StatusCode::OK, &body),
            Self::Long(feed) => {
                let body = Pieces { sharefile: sharefile.clone(), feed, sent: 0, closed: false };
                wire::json_body(StatusCode::OK, Body::new(body))
            }
            Self::Done if empty_is_200 => wire::empty_response(StatusCode::OK),
            Self::Nothing | Self::Done => wire::empty_response(StatusCode::NO_CONTENT),
        }
    }
}

/// A row of a list of accounts: neither roles nor secondary addresses (section 3.1).
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContactRow<'a> {
    first_name: &'a str,
    last_name: &'a str,
    company: &'a str,
    is_confirmed: bool,
    is_disabled: bool,
    last_any_login: String,
    created_date: String,
    name: String,
    email: &'a str,
    #[serde(rename = "odata.metadata")]
    metadata: String,
    #[serde(rename = "odata.type")]
    kind: &'static str,
    id: Uuid,
    #[serde(rename = "url")]
    url: String,
}

fn contact_row<'a>(base: &str, account: &'a Account) -> ContactRow<'a> {
    ContactRow {
        first_name: &account.first_name,
        last_name: &account.last_name,
        company: &account.company,
        is_confirmed: account.confirmed,
        is_disabled: account.disabled,
        last_any_login: date_or_never(account.last_login),
        created_date: date(account.created),
        name: format!("{}, {}", account.last_name, account.first_name),
        email: &account.email,
        metadata: format!("{base}/$metadata#Contacts/ShareFile.Api.Models.Contact@Element"),
        kind: "ShareFile.Api.Models.Contact",
        id: account.id,
        url: format!("{base}/Contacts({})", account.id),
    }
}

/// Returns an account as an entry of a list.
pub(super) fn contact(base: &str, account: &Account) -> Value {
    serde_json::to_value(contact_row(base, account)).unwrap_or_default()
}

/// The rows of a feed before they are filtered.
pub(super) enum Rows {
    /// Entities.
    Ready(Vec<Value>),
    /// Accounts by their position in the book, to be shown as contacts.
    Contacts(Vec<u32>),
}

impl Rows {
    fn len(&self) -> usize {
        match self {
            Self::Ready(rows) => rows.len(),
            Self::Contacts(rows) => rows.len(),
        }
    }

    /// Keeps the rows from `skip` on, `take` of them at most.
    fn cut(self, skip: usize, take: usize) -> Self {
        match self {
            Self::Ready(rows) => Self::Ready(rows.into_iter().skip(skip).take(take).collect()),
            Self::Contacts(rows) => {
                Self::Contacts(rows.into_iter().skip(skip).take(take).collect())
            }
        }
    }

    fn filter(&mut self, tenant: &Tenant, base: &str, filter: &Filter) {
        match self {
            Self::Ready(rows) => rows.retain(|row| filter.holds(row)),
            Self::Contacts(rows) => rows.retain(|row| {
                tenant.book.at(*row).is_some_and(|row| filter.holds(&contact(base, row)))
            }),
        }
    }

    fn sort(&mut self, tenant: &Tenant, base: &str, by: &OrderBy) {
        match self {
            Self::Ready(rows) => rows.sort_by(|left, right| by.compare(left, right)),
            Self::Contacts(rows) => {
                let shown = |row: &u32| tenant.book.at(*row).map(|row| contact(base, row));
                let mut keyed: Vec<(Value, u32)> =
                    rows.iter().map(|row| (shown(row).unwrap_or_default(), *row)).collect();
                keyed.sort_by(|(left, _), (right, _)| by.compare(left, right));
                *rows = keyed.into_iter().map(|(_, row)| row).collect();
            }
        }
    }
}

/// Returns a feed, whole or the page that the call asks for. `set` is the entity set of the rows;
/// `path` is where the feed lies.
///
/// `odata.count` is the true number of entries, also of a page and of a list that a fault cuts.
pub(super) fn feed(
    tenant: &Tenant,
    call: &Call<'_>,
    set: &str,
    path: &str,
    mut rows: Rows,
) -> Result<Answer, Refusal> {
    let switches = &tenant.switches;
    if switches.filter_and_order {
        if let Some(text) = call.given("$filter") {
            let wrong = || Refusal::bad_request("$filter cannot be understood.");
            rows.filter(tenant, &call.base, &Filter::parse(text).ok_or_else(wrong)?);
        }
        if let Some(text) = call.given("$orderby") {
            let wrong = || Refusal::bad_request("$orderby cannot be understood.");
            rows.sort(tenant, &call.base, &OrderBy::parse(text).ok_or_else(wrong)?);
        }
    }
    let by_query = switches.top_and_skip || switches.page_size.is_some();
    let skip = call.number("$skip")?.filter(|_| by_query).unwrap_or(0);
    let top = call.number("$top")?.filter(|_| by_query).unwrap_or(usize::MAX);
    let page = switches.page_size.unwrap_or(usize::MAX).max(1);
    let cut = call.list_cut().map(|fault| fault.keep.unwrap_or(0));
    let total = rows.len();
    let rest = total.saturating_sub(skip);
    let rows = rows.cut(skip, top.min(page).min(cut.unwrap_or(usize::MAX)));
    let count = if switches.count_is_of_page { rows.len() } else { total };
    let mut feed = json!({
        "odata.metadata": format!("{}/$metadata#{set}", call.base),
        "odata.count": count,
        "url": format!("{}/{set}", call.base),
    });
    if cut.is_none() && page < top && rest > page {
        let mut next = format!("{}/{path}?$skip={}", call.base, skip.saturating_add(page));
        if top != usize::MAX {
            next.push_str(&format!("&$top={}", top - page));
        }
        next.push_str(&call.query_without(&["$skip", "$top"]));
        let lower = switches.lower_case_next_link;
        wire::put(&mut feed, if lower { "odata.nextlink" } else { "odata.nextLink" }, next);
    }
    Ok(written(tenant, call, feed, rows))
}

fn written(tenant: &Tenant, call: &Call<'_>, mut feed: Value, rows: Rows) -> Answer {
    let select = call.selected();
    let rows: Vec<Value> = match rows {
        Rows::Contacts(rows) if rows.len() > PIECE => {
            let members = match feed {
                Value::Object(members) => members,
                _ => Map::new(),
            };
            let select = select.map(|names| names.into_iter().map(str::to_owned).collect());
            return Answer::Long(LongFeed { members, rows, base: call.base.clone(), select });
        }
        Rows::Contacts(rows) => rows
            .iter()
            .filter_map(|row| tenant.book.at(*row))
            .map(|row| contact(&call.base, row))
            .collect(),
        Rows::Ready(rows) => rows,
    };
    let rows = rows.into_iter().map(|row| wire::select(call, row)).collect::<Vec<_>>();
    wire::put(&mut feed, "value", rows);
    Answer::Json(feed)
}

/// A feed that is too long to be built at once: a million contacts are half a gigabyte of text.
pub(super) struct LongFeed {
    members: Map<String, Value>,
    rows: Vec<u32>,
    base: String,
    select: Option<Vec<String>>,
}

impl LongFeed {
    fn head(&self) -> String {
        let members = Value::Object(self.members.clone()).to_string();
        let open = members.strip_suffix('}').unwrap_or(&members);
        format!("{open},\"value\":[")
    }

    /// Writes the rows from `from` on, as many as a piece has.
    fn piece(&self, tenant: &Tenant, from: usize) -> String {
        let mut text = String::new();
        let rows = self.rows.iter().skip(from).take(PIECE).enumerate();
        for (number, row) in rows {
            // Rows are never taken out of the book, so that the count stays true.
            let Some(account) = tenant.book.at(*row) else { continue };
            if from + number > 0 {
                text.push(',');
            }
            let row = contact_row(&self.base, account);
            let written = match &self.select {
                None => serde_json::to_string(&row),
                Some(names) => serde_json::to_value(&row).map(|mut row| {
                    wire::keep_members(&mut row, names);
                    row.to_string()
                }),
            };
            text.push_str(&written.unwrap_or_default());
        }
        text
    }
}

/// The body of a long feed. The tenant is only locked while a piece is written.
struct Pieces {
    sharefile: Arc<Sharefile>,
    feed: LongFeed,
    sent: usize,
    closed: bool,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let pieces = self.get_mut();
        if pieces.closed {
            return Poll::Ready(None);
        }
        let mut text = if pieces.sent == 0 { pieces.feed.head() } else { String::new() };
        text.push_str(&pieces.feed.piece(&pieces.sharefile.tenant(), pieces.sent));
        pieces.sent += PIECE;
        if pieces.sent >= pieces.feed.rows.len() {
            text.push_str("]}");
            pieces.closed = true;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(text)))))
    }
}
