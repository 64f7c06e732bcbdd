//! Managers of people, with some of their values.
//!
//! A manager is an object of their own, which a read of a person does not bring. For a list of
//! people, managers come with filters of fifteen ids, twenty filters in a batch; where Graph does
//! not expand them there, and for records as they are now, each person is asked for, twenty in a
//! batch (Graph reference, section 3).

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use graph_rs_sdk::ODataQuery;
use http::StatusCode;
use serde_json::Value;

use crate::model::identity::{Presence, SourceUser};
use crate::model::ids::SourceAnchor;
use crate::source::SourceError;

use super::attributes::Selection;
use super::batch::{self, BATCH_SIZE, Inner};
use super::direct;
use super::error::Call;
use super::paging::Pager;
use super::permission::Permission;
use super::request::Transport;
use super::users::{FILTER_SIZE, decoded};
use super::wire::{self, Page, Record};

/// Batches in flight at once.
const BATCHES_AT_ONCE: usize = 4;

/// Whose managers are known, and their records; `None` for whoever has none.
type Found = BTreeMap<SourceAnchor, Option<Record>>;

/// Where managers are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// The index that lists come from, which lags.
    Listed,
    /// The directory itself.
    Now,
}

/// Puts the managers of `people` into their attributes, if the rules read any. Whoever has a manager
/// who may not be read is unread: nothing of theirs is taken for empty.
pub(super) async fn fill(
    transport: &Transport,
    selection: &Selection,
    people: &mut [SourceUser],
    freshness: Freshness,
) -> Result<(), SourceError> {
    if selection.of_manager().is_empty() {
        return Ok(());
    }
    let present = people.iter().filter(|person| person.presence == Presence::Present);
    let wanted: Vec<SourceAnchor> = present.map(|person| person.anchor).collect();
    let mut found = match freshness {
        Freshness::Listed => listed(transport, selection, &wanted).await?,
        Freshness::Now => Found::new(),
    };
    let missing: Vec<SourceAnchor> =
        wanted.iter().copied().filter(|anchor| !found.contains_key(anchor)).collect();
    found.extend(now(transport, selection, &missing).await?);
    for person in people.iter_mut().filter(|person| person.presence == Presence::Present) {
        let manager = found.get(&person.anchor).and_then(Option::as_ref);
        if manager.is_some_and(hides) {
            *person = wire::without_attributes(person.anchor, Presence::Unread);
        } else {
            person.attributes = selection.with_manager(&person.attributes, manager);
        }
    }
    Ok(())
}

/// Returns whether a manager is a person whose values are not shown (section 1.7). A contact has no
/// sign-in name.
fn hides(record: &Record) -> bool {
    let kind = record.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
    let contact = kind.to_ascii_lowercase().ends_with("orgcontact");
    !contact && record.get("userPrincipalName").and_then(Value::as_str).is_none()
}

/// Returns the managers of those whom the filters find. Whoever is left out is to be asked for.
async fn listed(
    transport: &Transport,
    selection: &Selection,
    anchors: &[SourceAnchor],
) -> Result<Found, SourceError> {
    let reads: Vec<_> = anchors
        .chunks(FILTER_SIZE * BATCH_SIZE)
        .map(|some| filtered(transport, selection, some))
        .collect();
    let found: Vec<Found> =
        stream::iter(reads).buffer_unordered(BATCHES_AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn filtered(
    transport: &Transport,
    selection: &Selection,
    anchors: &[SourceAnchor],
) -> Result<Found, SourceError> {
    let call = call(anchors.len());
    let expand = format!("manager($select={})", selection.of_manager().join(","));
    let filter = |some: &[SourceAnchor]| {
        let ids: Vec<String> = some.iter().map(|anchor| format!("'{anchor}'")).collect();
        format!("id in ({})", ids.join(","))
    };
    let inners: Vec<Inner> = anchors
        .chunks(FILTER_SIZE)
        .map(|some| {
            let list = transport.sdk().users().list_user().filter(&[filter(some).as_str()]);
            // A selection within an expansion makes it an advanced query.
            let list = list.count("true").select(&["id"]).expand(&[expand.as_str()]);
            Inner { url: transport.relative(&list), eventual: true }
        })
        .collect();
    let mut records: Vec<Record> = Vec::with_capacity(anchors.len());
    for answer in batch::run(transport, &call, &inners).await? {
        if matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::NOT_IMPLEMENTED) {
            continue;
        }
        if !answer.status.is_success() {
            return Err(answer.refused(&call));
        }
        let page: Page<Record> = decoded(&call, answer)?;
        Pager::new(transport, &call).eventual().collect(page, &mut records).await?;
    }
    let mut found = Found::new();
    for mut record in records {
        let anchor = wire::anchor_of(&record).map_err(|what| call.unexpected(what))?;
        let manager = match record.remove("manager") {
            Some(Value::Object(manager)) => Some(manager),
            _ => None,
        };
        found.insert(anchor, manager);
    }
    Ok(found)
}

/// Asks for the manager of each person.
async fn now(
    transport: &Transport,
    selection: &Selection,
    anchors: &[SourceAnchor],
) -> Result<Found, SourceError> {
    let call = call(anchors.len());
    let url = |id: &str| {
        let person = transport.sdk().user(id).get_user().extend_path(&["manager"]);
        transport.relative(&person.select(selection.of_manager()))
    };
    let mut found = Found::new();
    for (anchor, answer) in direct::each(transport, &call, anchors, url).await? {
        let manager = match answer.status {
            StatusCode::NOT_FOUND => None,
            status if status.is_success() => Some(decoded(&call, answer)?),
            _ => return Err(answer.refused(&call)),
        };
        found.insert(anchor, manager);
    }
    Ok(found)
}

fn call(people: usize) -> Call {
    Call::new(format!("reading the managers of {people} people"), Permission::User)
}
