//! What accounts have besides themselves: preferences, roles and policies, and what zones and
//! policies are called (ShareFile API reference, sections 3.5, 3.6 and 5).

use http::Method;

use super::api::{Api, Call};
use super::bodies::{PolicyBody, PreferencesBody, RolesBody};
use super::error::{Attempt, AttemptKind};
use super::feed;
use super::users::{encode, path_of};
use super::wire::{Entity, User, UserPolicies, UserPreferences};
use crate::http::Answer;
use crate::model::attribute::{Endpoint, Named, TargetAttribute, names as names_of};
use crate::model::ids::TargetId;
use crate::target::TargetError;

/// Values, as they are set and as an answer shows them.
type Values = Vec<(TargetAttribute, Option<String>)>;

/// Sets values that one endpoint has, and returns what its answer shows.
pub(super) async fn set(
    api: &Api,
    target_id: &TargetId,
    endpoint: Endpoint,
    values: &[(TargetAttribute, Option<String>)],
) -> Result<Values, TargetError> {
    let part = match endpoint {
        Endpoint::Account | Endpoint::Preferences => "preferences",
        Endpoint::Roles => "roles",
        Endpoint::Policies => "policies",
    };
    let attempt = Attempt {
        what: format!("changing the {part} of the account {target_id}"),
        kind: AttemptKind::Change { address: false },
    };
    let path = path_of(&attempt, target_id)?;
    let set = |target: TargetAttribute| {
        let found = values.iter().find(|(known, _)| *known == target);
        found.and_then(|(_, value)| value.as_deref()).unwrap_or_default()
    };
    match endpoint {
        Endpoint::Account | Endpoint::Preferences => {
            let mut body = PreferencesBody::default();
            for (target, value) in values {
                body.set(*target, value.as_deref().unwrap_or_default());
            }
            let path = format!("{path}/Preferences");
            let call = Call::write(Method::PATCH, path, encode(&attempt, &body)?);
            let answer = api.call(&attempt, &call).await?;
            let shown: Option<UserPreferences> = decode(&attempt, &answer)?;
            Ok(shown.map(|shown| shown.values()).unwrap_or_default())
        }
        Endpoint::Roles => {
            let body = RolesBody { roles: names_of(set(TargetAttribute::Roles)).collect() };
            let call = Call::write(Method::PUT, format!("{path}/Roles"), encode(&attempt, &body)?);
            let answer = api.call(&attempt, &call).await?;
            let shown: Option<User> = decode(&attempt, &answer)?;
            let roles = shown.and_then(|user| user.value(TargetAttribute::Roles));
            Ok(roles.map(|roles| (TargetAttribute::Roles, Some(roles))).into_iter().collect())
        }
        Endpoint::Policies => {
            let ids = names_of(set(TargetAttribute::Policies));
            let body: Vec<PolicyBody<'_>> = ids.map(PolicyBody::of).collect();
            let call =
                Call::write(Method::PUT, format!("{path}/Policies"), encode(&attempt, &body)?);
            let answer = api.call(&attempt, &call).await?;
            let shown: Option<UserPolicies> = decode(&attempt, &answer)?;
            Ok(shown.map(|shown| vec![shown.into_value()]).unwrap_or_default())
        }
    }
}

/// Reads an answer that may have no body.
fn decode<T: serde::de::DeserializeOwned>(
    attempt: &Attempt,
    answer: &Answer,
) -> Result<Option<T>, TargetError> {
    if answer.body.trim_ascii().is_empty() {
        return Ok(None);
    }
    answer.json().map(Some).map_err(|error| attempt.unreadable(answer, error))
}

/// Reads the preferences of an account whose record does not show them.
pub(super) async fn preferences(
    api: &Api,
    target_id: &TargetId,
) -> Result<Option<UserPreferences>, TargetError> {
    let attempt = Attempt::read(format!("reading the preferences of the account {target_id}"));
    let call = Call::get(format!("{}/Preferences", path_of(&attempt, target_id)?));
    api.read(&attempt, &call).await
}

/// Reads what an attribute can name.
pub(super) async fn names(api: &Api, target: TargetAttribute) -> Result<Vec<Named>, TargetError> {
    let (what, path) = match target {
        TargetAttribute::Policies => ("reading the policies", "Policies"),
        _ => ("reading the zones", "Zones"),
    };
    let mut found = Vec::new();
    let mut each = |Entity { id, name }: Entity| {
        found.push(Named { name: name.unwrap_or_default(), id });
    };
    feed::read(api, &Attempt::read(what), &Call::get(path), &mut each).await?;
    found.retain(|one: &Named| !one.name.is_empty());
    found.sort_by(|left, right| (&left.name, &left.id).cmp(&(&right.name, &right.id)));
    found.dedup();
    Ok(found)
}
