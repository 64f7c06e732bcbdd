//! Finds the enterprise application: by object id, by app id, or by a name that only one has.

use graph_http::api_impl::RequestHandler;
use graph_rs_sdk::ODataQuery;
use http::{Method, StatusCode};
use url::Url;
use uuid::Uuid;

use crate::http::Answer;
use crate::model::identity::AppRole;
use crate::model::ids::SourceAnchor;
use crate::model::outcome::ErrorCategory;
use crate::source::{SourceApplication, SourceError};

use super::error::{self, Call};
use super::paging::Pager;
use super::permission::Permission;
use super::request::Transport;
use super::wire::ServicePrincipal;

const SELECT: &[&str] = &["id", "appId", "displayName", "appRoleAssignmentRequired", "appRoles"];

/// Returns the application that `wanted` names.
///
/// # Errors
/// When none or several fit; the message lists the candidates.
pub(super) async fn find(
    transport: &Transport,
    wanted: &str,
    tenant: &str,
) -> Result<SourceApplication, SourceError> {
    let wanted = wanted.trim();
    let call = Call::new(
        format!("finding the enterprise application '{wanted}'"),
        Permission::Application,
    );
    let found = match Uuid::try_parse(wanted) {
        Ok(id) => by_id(transport, &call, id).await?,
        Err(_) => by_name(transport, &call, wanted).await?,
    };
    let (bearer, _) = transport.tokens().bearer().await?;
    Ok(SourceApplication {
        tenant_id: bearer.tenant_id.unwrap_or_else(|| tenant.to_owned()),
        application_id: SourceAnchor(found.id),
        display_name: found.display_name.unwrap_or_else(|| wanted.to_owned()),
        roles: found
            .app_roles
            .into_iter()
            .map(|role| AppRole {
                id: role.id,
                value: role.value.filter(|value| !value.is_empty()),
                display_name: role.display_name,
            })
            .collect(),
        assignment_required: found.app_role_assignment_required.unwrap_or(false),
    })
}

/// Tries `id` as an object id, and then as an app id: people copy either from the portal.
async fn by_id(
    transport: &Transport,
    call: &Call,
    id: Uuid,
) -> Result<ServicePrincipal, SourceError> {
    let object = transport.sdk().service_principal(id.to_string()).get_service_principal();
    let answer = transport.send(call, object.select(SELECT)).await?;
    if answer.status != StatusCode::NOT_FOUND {
        return decoded(call, &answer);
    }
    let answer = transport.send(call, by_app_id(transport, id).select(SELECT)).await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Err(call.failed(
            ErrorCategory::Rejected,
            "no enterprise application of the tenant has this object id or app id",
            "Copy Object ID or Application ID from Enterprise applications, Overview; the ids of \
             an app registration's own page are others.",
        ));
    }
    decoded(call, &answer)
}

/// Returns a request by alternate key, which the SDK has no builder for.
fn by_app_id(transport: &Transport, id: Uuid) -> RequestHandler {
    let mut handler = transport.sdk().custom(Method::GET, None);
    let url: &mut Url = handler.as_mut();
    url.set_path(&format!("/v1.0/servicePrincipals(appId='{id}')"));
    handler
}

async fn by_name(
    transport: &Transport,
    call: &Call,
    name: &str,
) -> Result<ServicePrincipal, SourceError> {
    let filter = format!("displayName eq '{}'", name.replace('\'', "''"));
    let handler = transport
        .sdk()
        .service_principals()
        .list_service_principal()
        .filter(&[filter.as_str()])
        .select(SELECT);
    let mut pager = Pager::new(transport, call);
    let first = pager.fetch(handler).await.map_err(|error| error.into_error(call))?;
    let mut found: Vec<ServicePrincipal> = Vec::new();
    pager.collect(first, &mut found).await?;
    // Pages may come twice, and no application is two for it.
    found.sort_by_key(|one| one.id);
    found.dedup_by_key(|one| one.id);
    let several = found.len() > 1;
    match found.pop() {
        Some(only) if !several => Ok(only),
        None => Err(call.failed(
            ErrorCategory::Rejected,
            "the tenant has no enterprise application of this name",
            "Check the spelling under Enterprise applications, or give the Object ID from its \
             Overview.",
        )),
        Some(last) => {
            found.push(last);
            let ids: Vec<String> = found.iter().map(|one| one.id.to_string()).collect();
            Err(call.failed(
                ErrorCategory::Rejected,
                format!("several enterprise applications have this name: {}", ids.join(", ")),
                "Give the object id of the right one instead of the name.",
            ))
        }
    }
}

fn decoded<T: serde::de::DeserializeOwned>(call: &Call, answer: &Answer) -> Result<T, SourceError> {
    if !answer.status.is_success() {
        return Err(error::refused(call, answer));
    }
    answer.json().map_err(|error| error::undecodable(&call.attempted, answer, error))
}
