//! Finds people by what they are called.

use graph_rs_sdk::ODataQuery;
use uuid::Uuid;

use crate::model::ids::SourceAnchor;
use crate::source::SourceError;

use super::error::Call;
use super::paging::Pager;
use super::permission::Permission;
use super::request::Transport;
use super::wire::{Record, anchor_of};

/// The longest literal that a filter takes (Graph reference, section 3).
const LONGEST: usize = 120;

/// Returns everybody whose sign-in name, address or display name is `who`, with the sign-in name;
/// whoever has this id need not exist. Compared as Graph does: without regard to case.
pub(super) async fn people(
    transport: &Transport,
    who: &str,
) -> Result<Vec<(SourceAnchor, String)>, SourceError> {
    let who = who.trim();
    if let Ok(id) = Uuid::try_parse(who) {
        return Ok(vec![(SourceAnchor(id), who.to_owned())]);
    }
    if who.is_empty() || who.chars().count() > LONGEST {
        return Ok(Vec::new());
    }
    let call = Call::new(format!("finding {who}"), Permission::User);
    let literal = who.replace('\'', "''");
    let filter = format!(
        "userPrincipalName eq '{literal}' or mail eq '{literal}' or displayName eq '{literal}'"
    );
    let handler = transport
        .sdk()
        .users()
        .list_user()
        .filter(&[filter.as_str()])
        .select(&["id", "userPrincipalName"]);
    let mut pager = Pager::new(transport, &call);
    let first = pager.fetch(handler).await.map_err(|error| error.into_error(&call))?;
    let mut records: Vec<Record> = Vec::new();
    pager.collect(first, &mut records).await?;
    let mut found = Vec::with_capacity(records.len());
    for record in &records {
        let anchor = anchor_of(record).map_err(|what| call.unexpected(what))?;
        let name = record.get("userPrincipalName").and_then(serde_json::Value::as_str);
        found.push((anchor, name.unwrap_or("without a sign-in name").to_owned()));
    }
    // Pages may come twice.
    found.sort();
    found.dedup();
    Ok(found)
}
