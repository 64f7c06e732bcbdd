//! The people in groups, and the groups in groups: twenty first pages in one request.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use graph_http::api_impl::RequestHandler;
use graph_rs_sdk::ODataQuery;
use http::StatusCode;

use crate::model::group::GroupEdge;
use crate::model::identity::{Membership, Presence, SourceUser};
use crate::model::ids::SourceAnchor;
use crate::model::outcome::ErrorCategory;
use crate::source::{GroupMembers, SourceError};

use super::attributes::Selection;
use super::batch::{self, BATCH_SIZE, Inner, InnerAnswer};
use super::direct::{self, Nature};
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

/// What is read of a group.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    selection: &'a Selection,
    /// The groups in it, besides the people.
    nested_groups: bool,
}

impl Wanted<'_> {
    /// Returns how many groups fit into one batch.
    fn at_once(self) -> usize {
        if self.nested_groups { BATCH_SIZE / 2 } else { BATCH_SIZE }
    }
}

/// What became of a group.
enum Members {
    /// Its people, and the groups in it.
    Of(Vec<SourceUser>, Vec<SourceAnchor>),
    /// There is no such group.
    Gone,
    /// It shows nobody, or refuses to: perhaps it hides them.
    Nobody(Option<Box<InnerAnswer>>),
}

/// Returns the direct members of `groups` who are people and, with `nested_groups`, groups.
pub(super) async fn read(
    transport: &Transport,
    selection: &Selection,
    nested_groups: bool,
    groups: &[SourceAnchor],
) -> Result<GroupMembers, SourceError> {
    let groups: BTreeSet<SourceAnchor> = groups.iter().copied().collect();
    let groups: Vec<SourceAnchor> = groups.into_iter().collect();
    let wanted = Wanted { selection, nested_groups };
    let reads: Vec<_> =
        groups.chunks(wanted.at_once()).map(|chunk| some(transport, wanted, chunk)).collect();
    let mut done = stream::iter(reads).buffer_unordered(BATCHES_AT_ONCE);
    let mut found = GroupMembers::default();
    let mut people: BTreeMap<SourceAnchor, SourceUser> = BTreeMap::new();
    let mut doubtful = Vec::new();
    while let Some(groups) = done.try_next().await? {
        for (group, members) in groups {
            let (members, children) = match members {
                Members::Of(members, children) => (members, children),
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
            let edge = |child| GroupEdge { child, parent: group };
            found.edges.extend(children.into_iter().map(edge));
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
    found.edges.sort();
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
    let groups: Vec<SourceAnchor> = doubtful.iter().map(|(group, _)| *group).collect();
    let natures = direct::natures(transport, &groups).await?;
    for ((group, refusal), nature) in doubtful.into_iter().zip(natures) {
        match (nature, refusal) {
            (Nature::Gone, _) => found.gone.push(group),
            (Nature::Hides, _) => found.hidden.push(group),
            (Nature::Shows, Some(refusal)) => {
                let call = Call::new(
                    format!("reading the members of group {group}"),
                    Permission::GroupMember,
                );
                return Err(refusal.refused(&call));
            }
            (Nature::Shows, None) => found.read.push(group),
        }
    }
    Ok(())
}

/// Reads as many groups as fit into a batch: their first pages in it, the rest one by one.
async fn some(
    transport: &Transport,
    wanted: Wanted<'_>,
    groups: &[SourceAnchor],
) -> Result<Vec<(SourceAnchor, Members)>, SourceError> {
    let call = Call::new(
        format!("reading the members of {} groups", groups.len()),
        Permission::GroupMember,
    );
    let inner = |list: RequestHandler| Inner { url: transport.relative(&list), eventual: true };
    let people = |group| inner(people_of(transport, wanted.selection, group));
    let mut inners: Vec<Inner> = groups.iter().copied().map(people).collect();
    if wanted.nested_groups {
        inners.extend(groups.iter().map(|&group| inner(groups_of(transport, group))));
    }
    let mut answers = batch::run(transport, &call, &inners).await?;
    let mut of_groups = answers.split_off(groups.len()).into_iter();
    let mut members = Vec::with_capacity(groups.len());
    for (&group, answer) in groups.iter().zip(answers) {
        let children = of_groups.next();
        members.push((group, one(transport, wanted.selection, group, answer, children).await?));
    }
    Ok(members)
}

/// Reads the rest of a group, given its first pages.
async fn one(
    transport: &Transport,
    selection: &Selection,
    group: SourceAnchor,
    people: InnerAnswer,
    children: Option<InnerAnswer>,
) -> Result<Members, SourceError> {
    let call = Call::new(format!("reading the members of group {group}"), Permission::GroupMember);
    if people.status == StatusCode::NOT_FOUND {
        return Ok(Members::Gone);
    }
    if people.status == StatusCode::FORBIDDEN {
        return Ok(Members::Nobody(Some(Box::new(people))));
    }
    let again = || people_of(transport, selection, group);
    let people: Vec<SourceUser> = all(transport, &call, people, again)
        .await?
        .iter()
        .map(|record| wire::person(record, selection).map_err(|what| call.unexpected(what)))
        .collect::<Result<_, _>>()?;
    let children = match children {
        Some(children) if children.status == StatusCode::NOT_FOUND => return Ok(Members::Gone),
        Some(children) if children.status == StatusCode::FORBIDDEN => {
            return Ok(Members::Nobody(Some(Box::new(children))));
        }
        Some(children) => all(transport, &call, children, || groups_of(transport, group)).await?,
        None => Vec::new(),
    };
    let children: Vec<SourceAnchor> = children
        .iter()
        .map(|record| wire::anchor_of(record).map_err(|what| call.unexpected(what)))
        .collect::<Result<_, _>>()?;
    if people.is_empty() && children.is_empty() {
        return Ok(Members::Nobody(None));
    }
    Ok(Members::Of(people, children))
}

/// Returns all records of a list, each once, given its first page; `again` begins it anew.
async fn all(
    transport: &Transport,
    call: &Call,
    first: InnerAnswer,
    again: impl Fn() -> RequestHandler,
) -> Result<Vec<Record>, SourceError> {
    if !first.status.is_success() {
        return Err(first.refused(call));
    }
    if let Some(records) = rest(transport, call, decoded(call, first)?).await? {
        return Ok(records);
    }
    // Somebody may have left between the count and the last page: read once more before crying.
    let page = Pager::new(transport, call)
        .eventual()
        .fetch(again())
        .await
        .map_err(|error| error.into_error(call))?;
    rest(transport, call, page).await?.ok_or_else(|| {
        call.failed(
            ErrorCategory::Transient,
            "the list ended early: Graph counts more members than it listed",
            "Nothing was removed. The next cycle reads again; if it stays, report it to \
             Microsoft with the id of the group.",
        )
    })
}

/// Reads all pages from `page` on; `None` if they hold fewer members than Graph counted.
async fn rest(
    transport: &Transport,
    call: &Call,
    page: Page<Record>,
) -> Result<Option<Vec<Record>>, SourceError> {
    let counted = page.count;
    let mut listed = Vec::with_capacity(page.value.len());
    Pager::new(transport, call).eventual().collect(page, &mut listed).await?;
    let mut records: BTreeMap<SourceAnchor, Record> = BTreeMap::new();
    for record in listed {
        let anchor = wire::anchor_of(&record).map_err(|what| call.unexpected(what))?;
        records.entry(anchor).or_insert(record);
    }
    let short = counted.is_some_and(|counted| (records.len() as u64) < counted);
    Ok((!short).then(|| records.into_values().collect()))
}

/// Returns the request for the first page of the people in a group. A cast with options is an
/// advanced query: it needs `$count=true` and the consistency header (Graph reference, section 3).
fn people_of(transport: &Transport, selection: &Selection, group: SourceAnchor) -> RequestHandler {
    cast(transport, group, "microsoft.graph.user", &selection.properties())
}

/// Returns the request for the first page of the groups in a group.
fn groups_of(transport: &Transport, group: SourceAnchor) -> RequestHandler {
    cast(transport, group, "microsoft.graph.group", &["id"])
}

fn cast(transport: &Transport, group: SourceAnchor, kind: &str, select: &[&str]) -> RequestHandler {
    transport
        .sdk()
        .group(group.to_string())
        .list_members()
        .extend_path(&[kind])
        .count("true")
        .select(select)
        .top(PAGE_SIZE)
}
