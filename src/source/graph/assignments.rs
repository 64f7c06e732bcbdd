//! Who is assigned to the application. There is no change feed for it: the list is read whole
//! (Graph reference, section 2).

use std::collections::HashSet;

use graph_http::api_impl::RequestHandler;
use graph_rs_sdk::ODataQuery;
use http::StatusCode;

use crate::model::identity::{Assignment, PrincipalKind};
use crate::model::ids::SourceAnchor;
use crate::source::{CountedAssignments, SourceError};

use super::error::Call;
use super::paging::{PageError, Pager};
use super::permission::Permission;
use super::request::Transport;
use super::wire::WireAssignment;

/// Rows in one page at most. It is always sent: without it rows go missing and no link says so.
const PAGE_SIZE: &str = "999";

/// Returns the assignments of people and groups, sorted and unique.
pub(super) async fn read(
    transport: &Transport,
    application: SourceAnchor,
) -> Result<Vec<Assignment>, SourceError> {
    let call = call(application);
    let mut pager = Pager::new(transport, &call);
    let first = pager.fetch(list(transport, application)).await;
    let first = first.map_err(|error| error.into_error(&call))?;
    let mut rows = Vec::new();
    pager.collect(first, &mut rows).await?;
    Ok(kept(rows))
}

/// Returns the same list with Graph's own count of it, which a list that was cut short or lost
/// rows does not reach. Where Graph does not count this list, it is read without.
pub(super) async fn counted(
    transport: &Transport,
    application: SourceAnchor,
) -> Result<CountedAssignments, SourceError> {
    let call = call(application);
    let mut pager = Pager::new(transport, &call).eventual();
    let first = match pager.fetch(list(transport, application).count("true")).await {
        Ok(first) => first,
        Err(PageError::Refused(answer)) if answer.status == StatusCode::BAD_REQUEST => {
            let rows = read(transport, application).await?;
            return Ok(CountedAssignments { rows, complete: None });
        }
        Err(error) => return Err(error.into_error(&call)),
    };
    let counted = first.count;
    let mut rows = Vec::new();
    pager.collect(first, &mut rows).await?;
    let distinct: HashSet<&str> = rows.iter().map(|row: &WireAssignment| row.id.as_str()).collect();
    let complete = counted.map(|counted| distinct.len() as u64 >= counted);
    Ok(CountedAssignments { rows: kept(rows), complete })
}

fn call(application: SourceAnchor) -> Call {
    Call::new(
        format!("reading the assignments of application {application}"),
        Permission::Application,
    )
}

fn list(transport: &Transport, application: SourceAnchor) -> RequestHandler {
    transport
        .sdk()
        .service_principal(application.to_string())
        .list_app_role_assigned_to()
        .top(PAGE_SIZE)
}

/// Drops what is no person and no group. An unknown kind is left out with a warning: it cannot
/// be a person or group that the application knew before.
fn kept(rows: Vec<WireAssignment>) -> Vec<Assignment> {
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        let kind = match row.principal_type.as_str() {
            "User" => PrincipalKind::User,
            "Group" => PrincipalKind::Group,
            "ServicePrincipal" => continue,
            other => {
                tracing::warn!(
                    source.id = %row.principal_id,
                    kind = other,
                    "an assignment of an unknown kind is ignored"
                );
                continue;
            }
        };
        let principal = SourceAnchor(row.principal_id);
        kept.push(Assignment { principal, kind, role: row.app_role_id });
    }
    kept.sort();
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    fn row(kind: &str, principal: u128, role: u128) -> WireAssignment {
        serde_json::from_value(json!({"id": "opaque", "principalId": Uuid::from_u128(principal),
            "principalType": kind, "appRoleId": Uuid::from_u128(role),
            "createdDateTime": null, "principalDisplayName": "x"}))
        .unwrap()
    }

    #[test]
    fn rows_are_sorted_unique_and_of_people_and_groups() {
        let rows = vec![
            row("User", 3, 1),
            row("ServicePrincipal", 1, 0),
            row("Group", 2, 0),
            row("User", 3, 0),
            row("Device", 9, 0),
            row("User", 3, 1),
        ];
        let found: Vec<(u128, PrincipalKind, u128)> = kept(rows)
            .into_iter()
            .map(|one| (one.principal.0.as_u128(), one.kind, one.role.as_u128()))
            .collect();
        assert_eq!(
            found,
            [
                (2, PrincipalKind::Group, 0),
                (3, PrincipalKind::User, 0),
                (3, PrincipalKind::User, 1)
            ]
        );
    }
}
