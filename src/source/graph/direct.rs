//! People and members as the directory has them now. Filters, casts and advanced queries read from
//! an index that lags (Graph reference, section 3); what is asked for by id, and a list without a
//! cast, does not.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use graph_rs_sdk::ODataQuery;
use http::StatusCode;

use crate::model::group::GroupEdge;
use crate::model::identity::{Membership, Presence, SourceUser};
use crate::model::ids::SourceAnchor;
use crate::source::{MembersNow, SourceError};

use super::attributes::Selection;
use super::batch::{self, BATCH_SIZE, Inner, InnerAnswer};
use super::error::Call;
use super::paging::Pager;
use super::permission::Permission;
use super::request::Transport;
use super::users::decoded;
use super::wire::{self, GroupVisibility, MemberDelta, Page, Record};

/// Members in one page at most (Graph reference, section 5).
const PAGE_SIZE: &str = "999";

/// Batches in flight at once.
const BATCHES_AT_ONCE: usize = 4;

/// Returns one entry for each of `anchors`, sorted: twenty in a request, and those whom nobody
/// finds looked up in the recycle bin, twenty in another one. Only somebody whom neither knows is
/// gone for good.
pub(super) async fn people(
    transport: &Transport,
    selection: &Selection,
    anchors: &[SourceAnchor],
) -> Result<Vec<SourceUser>, SourceError> {
    let wanted: BTreeSet<SourceAnchor> = anchors.iter().copied().collect();
    let wanted: Vec<SourceAnchor> = wanted.into_iter().collect();
    let call = Call::new(format!("reading {} people", wanted.len()), Permission::User);
    let mut people = Vec::with_capacity(wanted.len());
    let mut missing = Vec::new();
    let url = |id: &str| {
        transport.relative(&transport.sdk().user(id).get_user().select(&selection.properties()))
    };
    for (anchor, answer) in each(transport, &call, &wanted, url).await? {
        if answer.status.is_success() {
            let record: Record = decoded(&call, answer)?;
            let person = wire::person(&record, selection).map_err(|what| call.unexpected(what))?;
            people.push(person);
        } else if answer.status == StatusCode::NOT_FOUND {
            missing.push(anchor);
        } else {
            return Err(answer.refused(&call));
        }
    }
    let url = |id: &str| {
        let deleted = transport.sdk().directory().deleted_item(id).get_deleted_items();
        transport.relative(&deleted.select(&["id"]))
    };
    for (anchor, answer) in each(transport, &call, &missing, url).await? {
        let presence = match answer.status {
            StatusCode::NOT_FOUND => Presence::HardDeleted,
            status if status.is_success() => Presence::SoftDeleted,
            _ => return Err(answer.refused(&call)),
        };
        people.push(wire::without_attributes(anchor, presence));
    }
    people.sort_unstable_by_key(|person| person.anchor);
    Ok(people)
}

/// Returns who is in `groups` now. Graph does not count here; what this list lacks is believed only
/// together with another one.
pub(super) async fn members(
    transport: &Transport,
    nested_groups: bool,
    groups: &[SourceAnchor],
) -> Result<MembersNow, SourceError> {
    let wanted: BTreeSet<SourceAnchor> = groups.iter().copied().collect();
    let wanted: Vec<SourceAnchor> = wanted.into_iter().collect();
    let call = Call::new(
        format!("reading who is in {} groups now", wanted.len()),
        Permission::GroupMember,
    );
    let url = |id: &str| {
        let list = transport.sdk().group(id).list_members().select(&["id"]).top(PAGE_SIZE);
        transport.relative(&list)
    };
    let mut found = MembersNow::default();
    let mut refused = Vec::new();
    for (group, answer) in each(transport, &call, &wanted, url).await? {
        if answer.status == StatusCode::NOT_FOUND {
            found.gone.push(group);
            continue;
        }
        if answer.status == StatusCode::FORBIDDEN {
            refused.push((group, answer));
            continue;
        }
        if !answer.status.is_success() {
            return Err(answer.refused(&call));
        }
        let page: Page<MemberDelta> = decoded(&call, answer)?;
        let mut members = Vec::with_capacity(page.value.len());
        Pager::new(transport, &call).collect(page, &mut members).await?;
        let people = members.iter().filter(|member| member.may_be_person());
        found
            .memberships
            .extend(people.map(|member| Membership { user: SourceAnchor(member.id), group }));
        let children = members.iter().filter(|member| nested_groups && member.is_group());
        let edge = |child: &MemberDelta| GroupEdge { child: SourceAnchor(child.id), parent: group };
        found.edges.extend(children.map(edge));
        found.read.push(group);
    }
    let groups: Vec<SourceAnchor> = refused.iter().map(|(group, _)| *group).collect();
    for ((group, answer), nature) in refused.iter().zip(natures(transport, &groups).await?) {
        match nature {
            Nature::Gone => found.gone.push(*group),
            // Nothing is known of who is in it, and of who is not.
            Nature::Hides => {}
            Nature::Shows => return Err(answer.refused(&call)),
        }
    }
    found.gone.sort_unstable();
    found.memberships.sort_unstable();
    found.memberships.dedup();
    found.edges.sort_unstable();
    found.edges.dedup();
    Ok(found)
}

/// How a group that shows no members, or refuses to, deals with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// There is no such group.
    Gone,
    /// It hides them.
    Hides,
    /// It shows them to everybody who may see groups.
    Shows,
}

/// Tells groups that hide their members from others, in the order in which they are asked for.
pub(super) async fn natures(
    transport: &Transport,
    groups: &[SourceAnchor],
) -> Result<Vec<Nature>, SourceError> {
    let call = Call::new("reading which groups hide their members", Permission::GroupMember);
    let url = |id: &str| {
        let one = transport.sdk().group(id).get_group();
        transport.relative(&one.select(&["id", "visibility"]))
    };
    let mut natures = Vec::with_capacity(groups.len());
    for (_, answer) in each(transport, &call, groups, url).await? {
        if answer.status == StatusCode::NOT_FOUND {
            natures.push(Nature::Gone);
            continue;
        }
        if !answer.status.is_success() {
            return Err(answer.refused(&call));
        }
        let visibility: GroupVisibility = decoded(&call, answer)?;
        natures.push(if visibility.hides_members() { Nature::Hides } else { Nature::Shows });
    }
    Ok(natures)
}

/// Asks one question about each of `anchors`, twenty in a request; the answers come in their order.
pub(super) async fn each(
    transport: &Transport,
    call: &Call,
    anchors: &[SourceAnchor],
    url: impl Fn(&str) -> String,
) -> Result<Vec<(SourceAnchor, InnerAnswer)>, SourceError> {
    let inners: Vec<Inner> = anchors
        .iter()
        .map(|anchor| Inner { url: url(&anchor.to_string()), eventual: false })
        .collect();
    let reads: Vec<_> =
        inners.chunks(BATCH_SIZE).map(|some| batch::run(transport, call, some)).collect();
    let answers: Vec<Vec<InnerAnswer>> =
        stream::iter(reads).buffered(BATCHES_AT_ONCE).try_collect().await?;
    Ok(anchors.iter().copied().zip(answers.into_iter().flatten()).collect())
}
