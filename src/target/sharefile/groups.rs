//! Distribution groups and their members (ShareFile API reference, section 4).

use http::{Method, StatusCode};

use super::api::{Api, Call};
use super::error::{Attempt, AttemptKind};
use super::feed;
use super::removal::check_number;
use super::users::{checked_id, encode};
use super::wire::{ContactBody, Group, GroupBody, MemberFeed, Reference};
use crate::http::Answer;
use crate::model::group::TargetGroup;
use crate::model::ids::TargetId;
use crate::model::outcome::ErrorCategory;
use crate::target::{Refusal, TargetError};

/// Reads all groups that the service user sees.
pub(super) async fn list(api: &Api) -> Result<Vec<TargetGroup>, TargetError> {
    let attempt = Attempt::read("reading the list of groups");
    let mut groups = Vec::new();
    let mut each = |group: Group| groups.push(group.into_group(false));
    // Whether a group is the service user's own is told by the owner.
    feed::read(api, &attempt, &Call::get("Groups").with("$expand", "Owner"), &mut each).await?;
    groups.sort_by(|a, b| a.id.cmp(&b.id));
    groups.dedup_by(|a, b| a.id == b.id);
    Ok(groups)
}

/// Reads a group by id.
pub(super) async fn read(
    api: &Api,
    target_id: &TargetId,
) -> Result<Option<TargetGroup>, TargetError> {
    let attempt = Attempt::read(format!("reading the group {target_id}"));
    let call = Call::get(path_of(&attempt, target_id)?).with("$expand", "Owner");
    let Some(group) = api.read::<Group>(&attempt, &call).await? else {
        return Ok(None);
    };
    same_group(&attempt, target_id, group.into_group(false)).map(Some)
}

/// Reads who is in a group.
pub(super) async fn members(
    api: &Api,
    target_id: &TargetId,
) -> Result<Option<Vec<TargetId>>, TargetError> {
    let attempt = Attempt::read(format!("reading the members of the group {target_id}"));
    let call = Call::get(contacts_path(&attempt, target_id)?);
    let mut members = Vec::new();
    let mut each = |member: Reference| members.push(TargetId::new(member.id));
    match feed::read(api, &attempt, &call, &mut each).await {
        Ok(()) => Ok(Some(sorted(members))),
        // A list of which a part came is cut short, and not that of a group that never was.
        Err(error) if error.refusal == Refusal::NotFound && members.is_empty() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Creates a shared group: a private one no administrator would see.
pub(super) async fn create(
    api: &Api,
    name: &str,
    members: &[TargetId],
) -> Result<TargetGroup, TargetError> {
    let attempt = Attempt { what: "creating a group".to_owned(), kind: AttemptKind::Group };
    check_number(&attempt, members.len(), 0)?;
    let contacts = references(&attempt, members)?;
    let body = encode(&attempt, &GroupBody { name, is_shared: Some(true), contacts })?;
    let answer = api.call(&attempt, &Call::write(Method::POST, "Groups", body)).await?;
    let group = decode(&attempt, &answer)?;
    if checked_id(&attempt, &group.id).is_err() {
        // Nobody could ever name it.
        let mut error = attempt.error(
            ErrorCategory::Bug,
            "WrongId",
            "the answer gives the new group an id that is none",
            "Look for the group in ShareFile and report this.",
        );
        error.maybe_applied = true;
        return Err(error);
    }
    Ok(group)
}

/// Gives a group another name, and shares it: a private one no administrator would see.
pub(super) async fn rename(
    api: &Api,
    target_id: &TargetId,
    name: &str,
) -> Result<TargetGroup, TargetError> {
    let attempt =
        Attempt { what: format!("renaming the group {target_id}"), kind: AttemptKind::Group };
    let path = path_of(&attempt, target_id)?;
    let body = encode(&attempt, &GroupBody { name, is_shared: Some(true), contacts: Vec::new() })?;
    let answer = api.call(&attempt, &Call::write(Method::PATCH, path, body)).await?;
    if answer.body.trim_ascii().is_empty() {
        let found = read(api, target_id).await.map_err(written)?;
        return found.ok_or_else(|| written(gone(&attempt)));
    }
    same_group(&attempt, target_id, decode(&attempt, &answer)?)
}

/// Adds members by id. Who is in the group already stays in it once.
pub(super) async fn add(
    api: &Api,
    target_id: &TargetId,
    members: &[TargetId],
) -> Result<Vec<TargetId>, TargetError> {
    let attempt =
        Attempt { what: format!("adding to the group {target_id}"), kind: AttemptKind::Group };
    let call = change_of_members(&attempt, Method::POST, target_id, members)?;
    let answer = api.call(&attempt, &call).await?;
    members_after(api, &attempt, target_id, &answer).await
}

/// Removes members by id. Who is not in the group is ignored.
///
/// What lies in between may drop the body of a DELETE, or not let it pass: the list tells. Then the
/// rest is sent as a POST that says that it means DELETE. It names those alone who are members
/// still: should the header be dropped as well, the POST adds nobody who was not there.
pub(super) async fn remove(
    api: &Api,
    target_id: &TargetId,
    members: &[TargetId],
) -> Result<Vec<TargetId>, TargetError> {
    let attempt =
        Attempt { what: format!("removing from the group {target_id}"), kind: AttemptKind::Group };
    let call = change_of_members(&attempt, Method::DELETE, target_id, members)?;
    let answer = api.answer(&attempt, &call).await?;
    let present = if answer.status.is_success() {
        members_after(api, &attempt, target_id, &answer).await?
    } else if may_be_stopped(&answer) {
        members_now(api, &attempt, target_id).await?
    } else {
        return Err(api.refused(&attempt, &answer));
    };
    let rest: Vec<TargetId> =
        members.iter().filter(|member| present.binary_search(member).is_ok()).cloned().collect();
    if rest.is_empty() {
        return Ok(present);
    }
    let call = change_of_members(&attempt, Method::DELETE, target_id, &rest)?.by_post();
    let answer = api.call(&attempt, &call).await?;
    members_after(api, &attempt, target_id, &answer).await
}

/// Returns whether it may be the way of asking that was refused.
fn may_be_stopped(answer: &Answer) -> bool {
    let status = answer.status.as_u16();
    matches!(status, 400 | 405 | 411 | 413 | 415 | 501)
        || (answer.looks_like_html() && (400..500).contains(&status))
}

/// Deletes a group.
pub(super) async fn delete(api: &Api, target_id: &TargetId) -> Result<(), TargetError> {
    let attempt =
        Attempt { what: format!("deleting the group {target_id}"), kind: AttemptKind::Group };
    let call = Call::bare(Method::DELETE, path_of(&attempt, target_id)?);
    let answer = api.answer(&attempt, &call).await?;
    let gone = answer.status == StatusCode::NOT_FOUND && !answer.looks_like_html();
    if gone || answer.succeeded() {
        return Ok(());
    }
    Err(api.refused(&attempt, &answer))
}

fn change_of_members(
    attempt: &Attempt,
    method: Method,
    target_id: &TargetId,
    members: &[TargetId],
) -> Result<Call, TargetError> {
    check_number(attempt, members.len(), 1)?;
    let path = contacts_path(attempt, target_id)?;
    Ok(Call::write(method, path, encode(attempt, &references(attempt, members)?)?))
}

fn references<'a>(
    attempt: &Attempt,
    members: &'a [TargetId],
) -> Result<Vec<ContactBody<'a>>, TargetError> {
    members.iter().map(|id| Ok(ContactBody { id: checked_id(attempt, id)? })).collect()
}

/// Returns the members that a change answers with, and reads them where the answer does not hold
/// them all.
async fn members_after(
    api: &Api,
    attempt: &Attempt,
    target_id: &TargetId,
    answer: &Answer,
) -> Result<Vec<TargetId>, TargetError> {
    if answer.body.trim_ascii().is_empty() {
        return members_now(api, attempt, target_id).await;
    }
    let feed: MemberFeed = answer.json().map_err(|error| attempt.unreadable(answer, error))?;
    let rows = i64::try_from(feed.value.len()).unwrap_or(i64::MAX);
    if feed.next_link.is_some() || feed.count.is_some_and(|count| rows < count) {
        return members_now(api, attempt, target_id).await;
    }
    Ok(sorted(feed.value.into_iter().map(|member| TargetId::new(member.id)).collect()))
}

async fn members_now(
    api: &Api,
    attempt: &Attempt,
    target_id: &TargetId,
) -> Result<Vec<TargetId>, TargetError> {
    let found = members(api, target_id).await.map_err(written)?;
    found.ok_or_else(|| written(gone(attempt)))
}

fn sorted(mut members: Vec<TargetId>) -> Vec<TargetId> {
    members.sort();
    members.dedup();
    members
}

/// Returns the error of a read that follows a write.
fn written(mut error: TargetError) -> TargetError {
    error.maybe_applied = true;
    error
}

fn gone(attempt: &Attempt) -> TargetError {
    let mut error = attempt.error(
        ErrorCategory::Rejected,
        "NotFound",
        "the group is gone",
        "The group was deleted in ShareFile; the next cycle deals with it.",
    );
    error.refusal = Refusal::NotFound;
    error
}

fn decode(attempt: &Attempt, answer: &Answer) -> Result<TargetGroup, TargetError> {
    let group: Group = answer.json().map_err(|error| attempt.unreadable(answer, error))?;
    Ok(group.into_group(true))
}

/// Makes sure that an answer is about the group that was asked for.
fn same_group(
    attempt: &Attempt,
    target_id: &TargetId,
    group: TargetGroup,
) -> Result<TargetGroup, TargetError> {
    if group.id == *target_id {
        return Ok(group);
    }
    let mut error = attempt.error(
        ErrorCategory::Bug,
        "OtherGroup",
        format!("ShareFile answered with another group, {}", group.id),
        "Look at both groups in ShareFile and report this.",
    );
    error.maybe_applied = attempt.writes();
    Err(error)
}

/// Returns `Groups(id)`.
fn path_of(attempt: &Attempt, target_id: &TargetId) -> Result<String, TargetError> {
    Ok(format!("Groups({})", checked_id(attempt, target_id)?))
}

fn contacts_path(attempt: &Attempt, target_id: &TargetId) -> Result<String, TargetError> {
    Ok(format!("{}/Contacts", path_of(attempt, target_id)?))
}
