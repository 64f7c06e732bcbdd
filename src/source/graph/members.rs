//! The people in groups: the first pages of twenty groups in one request.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use graph_http::api_impl::RequestHandler;
use graph_rs_sdk::ODataQuery;
use http::StatusCode;

use crate::model::identity::{Membership, Presence, SourceUser};
use crate::model::ids::SourceAnchor;
use crate::model::outcome::ErrorCategory;
use crate::source::{GroupMembers, SourceError};

use super::attributes::Selection;
use super::batch::{self, BATCH_SIZE, Inner, InnerAnswer};
use super::error::Call;
use super::paging::Pager;
use super::permission::Permission;
use super::request::Transport;
use super::users::decoded;
use super::wire::{self, Page, Record};

/// Members in one page at most (Graph reference, section 5).
const PAGE_SIZE: &str = "999";

/// Batches in flight at once. Each may bring twenty thousand people.
const BATCHES_AT_ONCE: usize = 2;

/// What became of a group: its people, or `None` if there is no such group.
type Members = (SourceAnchor, Option<Vec<SourceUser>>);

/// Returns the direct members of `groups` who are people.
pub(super) async fn read(
    transport: &Transport,
    selection: &Selection,
    groups: &[SourceAnchor],
) -> Result<GroupMembers, SourceError> {
    let wanted: BTreeSet<SourceAnchor> = groups.iter().copied().collect();
    let wanted: Vec<SourceAnchor> = wanted.into_iter().collect();
    let reads: Vec<_> =
        wanted.chunks(BATCH_SIZE).map(|chunk| some(transport, selection, chunk)).collect();
    let mut done = stream::iter(reads).buffer_unordered(BATCHES_AT_ONCE);
    let mut found = GroupMembers::default();
    let mut people: BTreeMap<SourceAnchor, SourceUser> = BTreeMap::new();
    while let Some(groups) = done.try_next().await? {
        for (group, members) in groups {
            let Some(members) = members else {
                found.gone.push(group);
                continue;
            };
            found.read.push(group);
            for person in members {
                found.memberships.push(Membership { user: person.anchor, group });
                keep(&mut people, person);
            }
        }
    }
    found.read.sort();
    found.gone.sort();
    found.memberships.sort();
    found.memberships.dedup();
    found.users = people.into_values().collect();
    Ok(found)
}

/// Keeps one record of each person, and one that could be read before one that could not.
fn keep(people: &mut BTreeMap<SourceAnchor, SourceUser>, person: SourceUser) {
    let better = people.get(&person.anchor).is_none_or(|known| {
        known.presence != Presence::Present && person.presence == Presence::Present
    });
    if better {
        people.insert(person.anchor, person);
    }
}

/// Reads up to twenty groups: their first pages in one batch, the rest one by one.
async fn some(
    transport: &Transport,
    selection: &Selection,
    groups: &[SourceAnchor],
) -> Result<Vec<Members>, SourceError> {
    let call = Call::new(
        format!("reading the members of {} groups", groups.len()),
        Permission::GroupMember,
    );
    let inners: Vec<Inner> = groups
        .iter()
        .map(|&group| {
            let url = transport.relative(&first_page(transport, selection, group));
            Inner { url, eventual: true }
        })
        .collect();
    let answers = batch::run(transport, &call, &inners).await?;
    let mut members = Vec::with_capacity(groups.len());
    for (&group, answer) in groups.iter().zip(answers) {
        members.push((group, one(transport, selection, group, answer).await?));
    }
    Ok(members)
}

/// Reads the rest of a group, given its first page.
async fn one(
    transport: &Transport,
    selection: &Selection,
    group: SourceAnchor,
    first: InnerAnswer,
) -> Result<Option<Vec<SourceUser>>, SourceError> {
    let call = Call::new(format!("reading the members of group {group}"), Permission::GroupMember);
    if first.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    if !first.status.is_success() {
        return Err(first.refused(&call));
    }
    let page: Page<Record> = decoded(&call, first)?;
    if let Some(people) = rest(transport, &call, selection, page).await? {
        return Ok(Some(people));
    }
    // Somebody may have left between the count and the last page: read once more before crying.
    let page = Pager::new(transport, &call)
        .eventual()
        .fetch(first_page(transport, selection, group))
        .await
        .map_err(|error| error.into_error(&call))?;
    rest(transport, &call, selection, page).await?.map(Some).ok_or_else(|| {
        call.failed(
            ErrorCategory::Transient,
            "the list ended early: Graph counts more members than it listed",
            "Nothing was removed. The next cycle reads again; if it stays, report it to \
             Microsoft with the id of the group.",
        )
    })
}

/// Reads all pages from `page` on; `None` if they hold fewer people than Graph counted.
async fn rest(
    transport: &Transport,
    call: &Call,
    selection: &Selection,
    page: Page<Record>,
) -> Result<Option<Vec<SourceUser>>, SourceError> {
    let counted = page.count;
    let mut records = Vec::with_capacity(page.value.len());
    Pager::new(transport, call).eventual().collect(page, &mut records).await?;
    let mut people: Vec<SourceUser> = records
        .iter()
        .map(|record| wire::person(record, selection).map_err(|what| call.unexpected(what)))
        .collect::<Result<_, _>>()?;
    people.sort_by_key(|person| person.anchor);
    people.dedup_by_key(|person| person.anchor);
    let short = counted.is_some_and(|counted| (people.len() as u64) < counted);
    Ok((!short).then_some(people))
}

/// Returns the request for the first page of a group. A cast with options is an advanced query:
/// it needs `$count=true` and the consistency header (Graph reference, section 3).
fn first_page(transport: &Transport, selection: &Selection, group: SourceAnchor) -> RequestHandler {
    transport
        .sdk()
        .group(group.to_string())
        .list_members()
        .extend_path(&["microsoft.graph.user"])
        .count("true")
        .select(&selection.properties())
        .top(PAGE_SIZE)
}
