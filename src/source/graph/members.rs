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
use super::wire::{self, GroupVisibility, Page, Record};

/// Members in one page at most (Graph reference, section 5).
const PAGE_SIZE: &str = "999";

/// Batches in flight at once. Each may bring twenty thousand people.
const BATCHES_AT_ONCE: usize = 2;

/// What became of a group.
enum Members {
    /// Its people.
    Of(Vec<SourceUser>),
    /// There is no such group.
    Gone,
    /// It shows nobody, or refuses to: perhaps it hides them.
    Nobody(Option<Box<InnerAnswer>>),
}

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
    let mut doubtful = Vec::new();
    while let Some(groups) = done.try_next().await? {
        for (group, members) in groups {
            let members = match members {
                Members::Of(members) => members,
                Members::Gone => {
                    found.gone.push(group);
                    continue;
                }
                Members::Nobody(refusal) => {
                    doubtful.push((group, refusal));
                    continue;
                }
            };
            found.read.push(group);
            for person in members {
                found.memberships.push(Membership { user: person.anchor, group });
                keep(&mut people, person);
            }
        }
    }
    look_closer(transport, doubtful, &mut found).await?;
    found.read.sort();
    found.gone.sort();
    found.hidden.sort();
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

/// Tells groups without members from those that hide them: nobody is absent because the list may
/// not be seen.
async fn look_closer(
    transport: &Transport,
    doubtful: Vec<(SourceAnchor, Option<Box<InnerAnswer>>)>,
    found: &mut GroupMembers,
) -> Result<(), SourceError> {
    let call = Call::new("reading which groups hide their members", Permission::GroupMember);
    for some in doubtful.chunks(BATCH_SIZE) {
        let inners: Vec<Inner> = some
            .iter()
            .map(|(group, _)| {
                let one = transport.sdk().group(group.to_string()).get_group();
                let url = transport.relative(&one.select(&["id", "visibility"]));
                Inner { url, eventual: false }
            })
            .collect();
        let answers = batch::run(transport, &call, &inners).await?;
        for ((group, refusal), answer) in some.iter().zip(answers) {
            if answer.status == StatusCode::NOT_FOUND {
                found.gone.push(*group);
                continue;
            }
            if !answer.status.is_success() {
                return Err(answer.refused(&call));
            }
            let visibility: GroupVisibility = decoded(&call, answer)?;
            match refusal {
                _ if visibility.hides_members() => found.hidden.push(*group),
                Some(refusal) => {
                    let call = Call::new(
                        format!("reading the members of group {group}"),
                        Permission::GroupMember,
                    );
                    return Err(refusal.refused(&call));
                }
                None => found.read.push(*group),
            }
        }
    }
    Ok(())
}

/// Reads up to twenty groups: their first pages in one batch, the rest one by one.
async fn some(
    transport: &Transport,
    selection: &Selection,
    groups: &[SourceAnchor],
) -> Result<Vec<(SourceAnchor, Members)>, SourceError> {
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
) -> Result<Members, SourceError> {
    let call = Call::new(format!("reading the members of group {group}"), Permission::GroupMember);
    if first.status == StatusCode::NOT_FOUND {
        return Ok(Members::Gone);
    }
    if first.status == StatusCode::FORBIDDEN {
        return Ok(Members::Nobody(Some(Box::new(first))));
    }
    if !first.status.is_success() {
        return Err(first.refused(&call));
    }
    let page: Page<Record> = decoded(&call, first)?;
    match rest(transport, &call, selection, page).await? {
        Some(people) if people.is_empty() => return Ok(Members::Nobody(None)),
        Some(people) => return Ok(Members::Of(people)),
        None => {}
    }
    // Somebody may have left between the count and the last page: read once more before crying.
    let page = Pager::new(transport, &call)
        .eventual()
        .fetch(first_page(transport, selection, group))
        .await
        .map_err(|error| error.into_error(&call))?;
    rest(transport, &call, selection, page).await?.map(Members::Of).ok_or_else(|| {
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
