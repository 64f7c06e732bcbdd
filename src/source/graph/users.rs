//! People by id: fifteen in a filter, twenty filters in a batch, and a second look at those who
//! are missing.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use graph_rs_sdk::ODataQuery;
use serde_json::Value;

use crate::http::unquoted;
use crate::model::identity::SourceUser;
use crate::model::ids::SourceAnchor;
use crate::source::SourceError;

use super::attributes::Selection;
use super::batch::{self, BATCH_SIZE, Inner, InnerAnswer};
use super::direct;
use super::error::Call;
use super::paging::Pager;
use super::permission::Permission;
use super::request::Transport;
use super::wire::{self, Page, Record};

/// Values of an `in` filter at most (Graph reference, section 3).
pub(super) const FILTER_SIZE: usize = 15;

/// Batches in flight at once.
const BATCHES_AT_ONCE: usize = 4;

/// Characters of the address of a filter at most: some less than the 2,048 that advanced queries
/// allow.
const LONGEST_ADDRESS: usize = 1_900;

/// Characters that one id takes in a filter, its encoded quotes and the comma included.
const ID_LENGTH: usize = 45;

type Found = BTreeMap<SourceAnchor, SourceUser>;

/// Returns one entry for each of `anchors`, sorted, whatever became of the person.
///
/// A filter reads from an index that lags. Who is missing from its answer is therefore asked for
/// by id and in the recycle bin, and only somebody whom neither knows is gone for good.
pub(super) async fn read(
    transport: &Transport,
    selection: &Selection,
    anchors: &[SourceAnchor],
) -> Result<Vec<SourceUser>, SourceError> {
    let wanted: BTreeSet<SourceAnchor> = anchors.iter().copied().collect();
    let call = Call::new(format!("reading {} people", wanted.len()), Permission::User);
    let all: Vec<SourceAnchor> = wanted.iter().copied().collect();
    let mut found = Found::new();
    let reads: Vec<_> = all
        .chunks(filter_size(selection) * BATCH_SIZE)
        .map(|chunk| filtered(transport, &call, selection, chunk))
        .collect();
    merge(reads, &mut found).await?;
    found.retain(|anchor, _| wanted.contains(anchor));
    let missing: Vec<SourceAnchor> =
        all.iter().copied().filter(|anchor| !found.contains_key(anchor)).collect();
    let missing = direct::people(transport, selection, &missing).await?;
    found.extend(missing.into_iter().map(|person| (person.anchor, person)));
    Ok(found.into_values().collect())
}

async fn merge<F>(reads: Vec<F>, into: &mut Found) -> Result<(), SourceError>
where
    F: Future<Output = Result<Vec<SourceUser>, SourceError>>,
{
    let mut done = stream::iter(reads).buffer_unordered(BATCHES_AT_ONCE);
    while let Some(people) = done.try_next().await? {
        into.extend(people.into_iter().map(|person| (person.anchor, person)));
    }
    Ok(())
}

/// Reads those of `anchors` whom the filter finds.
async fn filtered(
    transport: &Transport,
    call: &Call,
    selection: &Selection,
    anchors: &[SourceAnchor],
) -> Result<Vec<SourceUser>, SourceError> {
    let inners: Vec<Inner> = anchors
        .chunks(filter_size(selection))
        .map(|some| {
            let ids: Vec<String> = some.iter().map(|anchor| format!("'{anchor}'")).collect();
            let filter = format!("id in ({})", ids.join(","));
            let handler = transport
                .sdk()
                .users()
                .list_user()
                .filter(&[filter.as_str()])
                .select(&selection.properties());
            Inner { url: transport.relative(&handler), eventual: false }
        })
        .collect();
    let mut records: Vec<Record> = Vec::with_capacity(anchors.len());
    for answer in batch::run(transport, call, &inners).await? {
        if !answer.status.is_success() {
            return Err(answer.refused(call));
        }
        let page: Page<Record> = decoded(call, answer)?;
        Pager::new(transport, call).collect(page, &mut records).await?;
    }
    records
        .iter()
        .map(|record| wire::person(record, selection).map_err(|what| call.unexpected(what)))
        .collect()
}

/// Returns how many ids go into one filter: fewer than allowed only if very many attributes are
/// selected.
fn filter_size(selection: &Selection) -> usize {
    let select: usize = selection.properties().iter().map(|name| name.len() + 1).sum();
    (LONGEST_ADDRESS.saturating_sub(select) / ID_LENGTH).clamp(1, FILTER_SIZE)
}

/// Returns the body of a success within a batch.
pub(super) fn decoded<T: serde::de::DeserializeOwned>(
    call: &Call,
    answer: InnerAnswer,
) -> Result<T, SourceError> {
    let body: Value = answer.body;
    serde_json::from_value(body).map_err(|error| {
        let mut failed = call.unexpected("an answer of another shape in a batch");
        failed.cause = Some(Box::new(unquoted(error)));
        failed
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::graph::KNOWN_ATTRIBUTES;

    #[test]
    fn filters_hold_fifteen_ids_unless_very_much_is_selected() {
        let mut names: Vec<String> =
            KNOWN_ATTRIBUTES.iter().step_by(2).map(|&name| name.into()).collect();
        assert_eq!(filter_size(&Selection::new(&names).unwrap()), FILTER_SIZE);
        names.extend((0..40).map(|at| format!("extension_{}_a{at}", "0".repeat(32))));
        assert_eq!(filter_size(&Selection::new(&names).unwrap()), 1);
    }
}
