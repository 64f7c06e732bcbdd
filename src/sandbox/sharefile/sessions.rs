//! `Sessions` and `Capabilities` (ShareFile API reference, section 1.7).

use serde_json::json;

use super::call::{Call, Refusal};
use super::feed::{self, Answer, Rows};
use super::rights;
use super::tenant::Tenant;
use super::{token, wire};

/// What the tenant says that it can do: what concerns people, as far as the emulator has it.
const CAPABILITIES: [(&str, &str); 4] =
    [("BulkDelete", "1.0"), ("VersionMin", "3"), ("VersionMax", "3"), ("ItemOperations", "1.0")];

/// `GET /Sessions` and `GET /Sessions/Login`.
pub(super) fn read(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let caller = rights::caller(tenant, call)?;
    let principal = json!({
        "Name": caller.full_name(),
        "Email": caller.email,
        "Username": caller.email,
        "Domain": tenant.options.subdomain,
    });
    let principal = wire::entity(&call.base, "Principals", "Principal", caller.id, principal);
    let record = json!({
        "Principal": principal,
        "AuthenticationType": "OAuth2",
        "OAuth2ClientName": tenant.options.client_id,
        "Tool": call.header("x-sfapi-tool"),
        "Version": call.header("x-sfapi-toolversion"),
        "ClientIPAddress": "127.0.0.1",
        "IsAuthenticated": true,
        "Name": caller.email,
    });
    let entity = wire::entity(&call.base, "Sessions", "Session", caller.id, record);
    Ok(Answer::Json(entity))
}

/// `DELETE /Sessions`: ends the access token.
pub(super) fn end(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    tenant.tokens.revoke(token::bearer(call).unwrap_or_default());
    Ok(Answer::Nothing)
}

/// `GET /Capabilities`: official clients ask before they sign in.
pub(super) fn capabilities(tenant: &mut Tenant, call: &Call<'_>) -> Result<Answer, Refusal> {
    let rows = CAPABILITIES.iter().map(|(name, version)| {
        let members = json!({ "Name": name, "Version": version });
        wire::entity(&call.base, "Capabilities", "Capability", name, members)
    });
    let rows = Rows::Ready(rows.collect());
    feed::feed(tenant, call, "Capabilities", "Capabilities", rows)
}
