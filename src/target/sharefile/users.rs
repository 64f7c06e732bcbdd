//! People: lists, look-ups, and the writes (ShareFile API reference, section 3).

use http::Method;
use serde::Serialize;

use super::api::{Api, Call};
use super::beside;
use super::bodies::{SecurityBody, UserBody};
use super::error::{Attempt, AttemptKind};
use super::feed;
use super::wire::{Contact, ContactActivation, User, WelcomeBody};
use crate::http::Answer;
use crate::model::account::{AccountKind, Activation, TargetAttribute, TargetUser};
use crate::model::attribute::Endpoint;
use crate::model::ids::TargetId;
use crate::model::outcome::ErrorCategory;
use crate::target::{NewUser, Refusal, TargetError, UserChange};

/// The lists of people, and what they are lists of (section 3.1).
const LISTS: [(&str, AccountKind); 2] =
    [("Accounts/Employees", AccountKind::Employee), ("Accounts/Clients", AccountKind::Client)];

/// Reads the lists of employees and of clients (section 3.1).
pub(super) async fn list(
    api: &Api,
    sink: &mut (dyn FnMut(TargetUser) + Send),
) -> Result<(), TargetError> {
    for (path, kind) in LISTS {
        let attempt = Attempt::read(format!("reading the list of {}s", kind.word()));
        let mut each = |contact: Contact| sink(contact.into_account(kind));
        feed::read(api, &attempt, &Call::get(path), &mut each).await?;
    }
    Ok(())
}

/// Reads the same lists for what they say of first sign-ins.
pub(super) async fn list_activations(
    api: &Api,
    sink: &mut (dyn FnMut(Activation) + Send),
) -> Result<(), TargetError> {
    for (path, kind) in LISTS {
        let attempt = Attempt::read(format!("reading the list of {}s", kind.word()));
        let mut each = |contact: ContactActivation| sink(contact.into_activation(kind));
        feed::read(api, &attempt, &Call::get(path), &mut each).await?;
    }
    Ok(())
}

/// Looks an account up by an address.
pub(super) async fn find_by_address(
    api: &Api,
    address: &str,
) -> Result<Option<TargetUser>, TargetError> {
    // Without an address the call would answer with the caller's own account (section 3.1).
    if address.trim().is_empty() {
        return Ok(None);
    }
    let attempt = Attempt::read("looking an account up by address");
    let call = Call::get("Users").with("emailaddress", address).with("$expand", expanded(api));
    let Some(user) = api.read::<User>(&attempt, &call).await? else {
        return Ok(None);
    };
    let knows_addresses = user.email.is_some() || user.emails.is_some();
    if knows_addresses && !user.has_address(address) {
        return Err(attempt.error(
            ErrorCategory::Bug,
            "OtherAccount",
            format!("ShareFile answered with the account {}, which has another address", user.id),
            "Look the address up in ShareFile and report this: no account was touched.",
        ));
    }
    let whole = user.disabled().is_some() && !lacks_preferences(api, &user);
    if !whole && is_id(&user.id) {
        // Expanding is proven for a look-up by id alone (section 2.4).
        return read_record(api, &TargetId::new(user.id)).await;
    }
    Ok(Some(user.into_account(None, api.attributes())))
}

/// Reads an account by id; deleted ones may still be fetched (section 3.1) and count as gone.
pub(super) async fn read(
    api: &Api,
    target_id: &TargetId,
) -> Result<Option<TargetUser>, TargetError> {
    Ok(read_record(api, target_id).await?.filter(|user| !user.deleted))
}

async fn read_record(api: &Api, target_id: &TargetId) -> Result<Option<TargetUser>, TargetError> {
    let attempt = Attempt::read(format!("reading the account {target_id}"));
    let call = Call::get(path_of(&attempt, target_id)?).with("$expand", expanded(api));
    let Some(mut user) = api.read::<User>(&attempt, &call).await? else {
        return Ok(None);
    };
    if lacks_preferences(api, &user) {
        user.preferences = beside::preferences(api, target_id).await?;
    }
    let account = user.into_account(None, api.attributes());
    same_account(&attempt, target_id, &account)?;
    Ok(Some(account))
}

/// Returns what a full record has to expand so that it shows what is wanted (section 3.9).
fn expanded(api: &Api) -> String {
    let mut members = vec!["Security"];
    if api.attributes().iter().any(|target| target.endpoint() == Endpoint::Preferences) {
        members.push("Preferences");
    }
    let of_tenant = api.attributes().iter().filter(|target| target.names_object());
    members.extend(of_tenant.map(|target| target.name()));
    members.join(",")
}

/// Returns whether preferences are wanted that a record does not show.
fn lacks_preferences(api: &Api, user: &User) -> bool {
    let wanted = |target: &TargetAttribute| target.endpoint() == Endpoint::Preferences;
    user.preferences.is_none() && api.attributes().iter().any(wanted)
}

/// Creates an account (sections 3.2 and 3.3). No password is sent: people set their own, or sign
/// in through single sign-on.
pub(super) async fn create(api: &Api, user: &NewUser) -> Result<TargetUser, TargetError> {
    let (path, what) = match user.kind {
        AccountKind::Employee => ("Users/AccountUser", "creating an employee"),
        AccountKind::Client => ("Users", "creating a client"),
    };
    let attempt = Attempt { what: what.to_owned(), kind: AttemptKind::Create };
    let mut body = UserBody::default();
    for attribute in TargetAttribute::ALL {
        if let Some(value) = user.values.get(attribute.index()) {
            body.set(attribute, value);
        }
    }
    // An existing account must show as a conflict: it would not be ours. The service user's own
    // settings are nobody's defaults.
    let call = Call::write(Method::POST, path, encode(&attempt, &body)?)
        .with("pushCreatorDefaultSettings", "false")
        .with("ifNecessary", "false")
        .with("notify", if user.notify { "true" } else { "false" });
    let answer = api.call(&attempt, &call).await?;
    // The answer does not expand `Security` (section 3.2); a new account is not disabled.
    Ok(decode(&attempt, &answer)?.into_account(Some(false), api.attributes()))
}

/// Changes an account, all in one call (section 3.5).
pub(super) async fn change(
    api: &Api,
    target_id: &TargetId,
    change: &UserChange,
) -> Result<TargetUser, TargetError> {
    let address = change.values.iter().any(|(attribute, _)| *attribute == TargetAttribute::Email);
    let attempt = Attempt {
        what: format!("changing the account {target_id}"),
        kind: AttemptKind::Change { address },
    };
    let mut body = UserBody::default();
    for (attribute, value) in &change.values {
        // Likely: the empty text clears. Null members are left out by the official clients, and
        // what is left out is not changed (section 2).
        body.set(*attribute, value.as_deref().unwrap_or(""));
    }
    body.security = change.disabled.map(|is_disabled| SecurityBody { is_disabled });
    let mut path = path_of(&attempt, target_id)?;
    body.is_employee = change.promote.then_some(true);
    if change.promote || body.storage_quota_limit_gb.is_some() || body.bandwidth.is_some() {
        path = path.replacen("Users(", "Users/AccountUser(", 1);
    }
    let call = Call::write(Method::PATCH, path, encode(&attempt, &body)?);
    let answer = api.call(&attempt, &call).await?;
    if answer.body.trim_ascii().is_empty() {
        return read_back(api, &attempt, target_id).await;
    }
    // Where the answer does not expand `Security`, the state is the one that was sent. If none
    // was sent, the account is in use: nobody edits an account that is disabled and stays so.
    let disabled = change.disabled.unwrap_or(false);
    let user = decode(&attempt, &answer)?;
    // A navigation property, which no option of a write asks for.
    if body.default_zone.is_some() && user.default_zone.is_none() {
        return read_back(api, &attempt, target_id).await;
    }
    let account = user.into_account(Some(disabled), api.attributes());
    same_account(&attempt, target_id, &account)?;
    Ok(account)
}

/// Reads an account whose change was answered without a body, or without what was changed.
async fn read_back(
    api: &Api,
    attempt: &Attempt,
    target_id: &TargetId,
) -> Result<TargetUser, TargetError> {
    let found = read(api, target_id).await.map_err(|mut error| {
        error.maybe_applied = true;
        error
    })?;
    found.ok_or_else(|| {
        let mut error = attempt.error(
            ErrorCategory::Rejected,
            "NotFound",
            "the account is gone although it was just changed",
            "The account was deleted in ShareFile; the next cycle deals with it.",
        );
        error.refusal = Refusal::NotFound;
        error.maybe_applied = true;
        error
    })
}

/// Sends the welcome mail again (section 3.5): by the call that is confirmed, and where that is no
/// more, by its likely successor.
pub(super) async fn welcome(api: &Api, target_id: &TargetId) -> Result<(), TargetError> {
    let what = format!("sending the welcome mail to the account {target_id}");
    let attempt = Attempt { what, kind: AttemptKind::Mail };
    let path = path_of(&attempt, target_id)?;
    let call = Call::bare(Method::POST, format!("{path}/ResendWelcome"));
    let answer = api.answer(&attempt, &call).await?;
    if answer.succeeded() {
        return Ok(());
    }
    // Whether the call or the account is missing is told by the other call.
    if !matches!(answer.status.as_u16(), 404 | 405 | 410 | 501) {
        return Err(api.refused(&attempt, &answer));
    }
    let body = encode(&attempt, &WelcomeBody { notify_sender: false })?;
    let call = Call::write(Method::POST, format!("{path}/WelcomeNotification"), body);
    api.call(&attempt, &call).await.map(|_| ())
}

/// Writes a body as JSON.
pub(super) fn encode(attempt: &Attempt, body: &impl Serialize) -> Result<Vec<u8>, TargetError> {
    serde_json::to_vec(body).map_err(|error| {
        let mut made = attempt.error(
            ErrorCategory::Bug,
            "Setup",
            "the body could not be written as JSON",
            "Report this.",
        );
        made.cause = Some(error.into());
        made
    })
}

fn decode(attempt: &Attempt, answer: &Answer) -> Result<User, TargetError> {
    answer.json().map_err(|error| attempt.unreadable(answer, error))
}

/// Makes sure that an answer is about the account that was asked for.
fn same_account(
    attempt: &Attempt,
    target_id: &TargetId,
    account: &TargetUser,
) -> Result<(), TargetError> {
    if account.id == *target_id {
        return Ok(());
    }
    let mut error = attempt.error(
        ErrorCategory::Bug,
        "OtherAccount",
        format!("ShareFile answered with another account, {}", account.id),
        "Look at both accounts in ShareFile and report this.",
    );
    error.maybe_applied = attempt.writes();
    Err(error)
}

/// Returns `Users(id)`. Ids come from a store and from the network, and must not change the path.
pub(super) fn path_of(attempt: &Attempt, target_id: &TargetId) -> Result<String, TargetError> {
    Ok(format!("Users({})", checked_id(attempt, target_id)?))
}

/// Returns the text of an id that can stand in a path, a query or a body.
pub(super) fn checked_id<'a>(
    attempt: &Attempt,
    target_id: &'a TargetId,
) -> Result<&'a str, TargetError> {
    if is_id(target_id.as_str()) {
        return Ok(target_id.as_str());
    }
    Err(attempt.error(
        ErrorCategory::Bug,
        "WrongId",
        "the id is none that ShareFile gives",
        "Report this: an id consists of letters, digits and hyphens.",
    ))
}

/// Returns whether `text` can be an id: GUID-shaped, with a prefix perhaps (section 2.2).
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_change_the_path() {
        assert!(is_id("g1f2e3d4-0000-4000-8000-00000000000a"));
        for bad in ["", "a/b", "..", "a)b", "a b", "ä", "a?b", "a%2f", &"x".repeat(65)] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
