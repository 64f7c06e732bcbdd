//! Groups by id, and how many people are in them by Graph's own count.

use std::collections::BTreeSet;

use graph_rs_sdk::ODataQuery;
use http::StatusCode;

use crate::model::group::SourceGroup;
use crate::model::identity::Presence;
use crate::model::ids::SourceAnchor;
use crate::source::SourceError;

use super::batch::{self, BATCH_SIZE, Inner};
use super::direct;
use super::error::Call;
use super::group_selection::GroupSelection;
use super::permission::Permission;
use super::request::Transport;
use super::users::decoded;
use super::wire::{self, Page, Record};

/// Returns one entry for each of `groups`, sorted: twenty in a request, and those that nobody finds
/// looked up in the recycle bin, twenty in another one.
pub(super) async fn read(
    transport: &Transport,
    selection: &GroupSelection,
    groups: &[SourceAnchor],
) -> Result<Vec<SourceGroup>, SourceError> {
    let wanted: BTreeSet<SourceAnchor> = groups.iter().copied().collect();
    let wanted: Vec<SourceAnchor> = wanted.into_iter().collect();
    let call = Call::new(format!("reading {} groups", wanted.len()), Permission::GroupMember);
    let mut found = Vec::with_capacity(wanted.len());
    let mut missing = Vec::new();
    let url = |id: &str| {
        let one = transport.sdk().group(id).get_group();
        transport.relative(&one.select(&selection.properties()))
    };
    for (anchor, answer) in direct::each(transport, &call, &wanted, url).await? {
        if answer.status.is_success() {
            let record: Record = decoded(&call, answer)?;
            let group = wire::group(&record, selection).map_err(|what| call.unexpected(what))?;
            found.push(group);
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
    for (anchor, answer) in direct::each(transport, &call, &missing, url).await? {
        let presence = match answer.status {
            StatusCode::NOT_FOUND => Presence::HardDeleted,
            // Deleted groups take a permission of their own, Group.Read.All. Without it the group is
            // known to be gone, and not whether it may come back.
            StatusCode::FORBIDDEN => Presence::SoftDeleted,
            status if status.is_success() => Presence::SoftDeleted,
            _ => return Err(answer.refused(&call)),
        };
        found.push(wire::group_without_attributes(anchor, presence));
    }
    found.sort_unstable_by_key(|group| group.anchor);
    Ok(found)
}

/// Returns how many people are in each of `groups` at any depth, sorted. The count comes with a page
/// of one, because Graph answers `$count` alone in plain text, for which a batch has no form. Groups
/// that cannot be counted are left out.
pub(super) async fn count(
    transport: &Transport,
    groups: &[SourceAnchor],
) -> Result<Vec<(SourceAnchor, u64)>, SourceError> {
    let wanted: BTreeSet<SourceAnchor> = groups.iter().copied().collect();
    let wanted: Vec<SourceAnchor> = wanted.into_iter().collect();
    let call = Call::new("counting the members of groups in groups", Permission::GroupMember);
    let mut counts = Vec::with_capacity(wanted.len());
    for some in wanted.chunks(BATCH_SIZE) {
        let inners: Vec<Inner> = some
            .iter()
            .map(|group| {
                let list = transport
                    .sdk()
                    .group(group.to_string())
                    .transitive_members()
                    .list_transitive_members()
                    .extend_path(&["microsoft.graph.user"])
                    .count("true")
                    .select(&["id"])
                    .top("1");
                Inner { url: transport.relative(&list), eventual: true }
            })
            .collect();
        let answers = batch::run(transport, &call, &inners).await?;
        for (&group, answer) in some.iter().zip(answers) {
            if answer.status.is_success() {
                let page: Page<Record> = decoded(&call, answer)?;
                counts.extend(page.count.map(|count| (group, count)));
            }
        }
    }
    Ok(counts)
}
