//! The welcome mail: sent again to one person, and who waits for their first sign-in.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::apply::explain;
use crate::model::account::{Activation, Detail, Link, Unactivated};
use crate::model::ids::{ChangeId, CycleId, SourceAnchor, TargetId, Timestamp};
use crate::model::outcome::{LogEntry, OutcomeStatus, ProvisioningError};
use crate::model::plan::{ModifiedProperty, ObjectKind, ProvisioningAction};
use crate::plan::protect::Protection;
use crate::store::{KnownPerson, LogFilter, StoreError};

use super::failure::CycleFailure;
use super::turn::Engine;
use super::worker::RequestAnswer;

/// How long the link in a welcome mail works, in milliseconds: 30 days (ShareFile reference,
/// section 3.3).
pub const LINK_LIVES_MS: i64 = 30 * 86_400_000;

/// Entries of the log that belong to no cycle carry this number.
const NO_CYCLE: CycleId = CycleId(0);

/// What such an entry says was modified.
const MAIL: &str = "WelcomeMail";

/// Attributes by whose values people are asked for, where the rules read them.
const NAMES: [&str; 4] = ["displayname", "mail", "mailnickname", "userprincipalname"];

/// Returns the payload of a request to send the welcome mail to `who`.
pub fn welcome_payload(who: &str) -> Value {
    json!({ "who": who })
}

/// Sends the welcome mail again to the person whom the payload names: one mail, or a refusal.
pub(super) async fn answer(engine: &Engine, payload: &Value) -> RequestAnswer {
    let who = payload.get("who").and_then(Value::as_str).unwrap_or_default();
    match welcome(engine, who).await {
        Ok(Ok(label)) => RequestAnswer::said(format!("the welcome mail went to {label}")),
        Ok(Err(refused)) => RequestAnswer::failed(refused),
        Err(failure) => {
            let error = failure.report();
            RequestAnswer { error: Some(error.clone()), ..RequestAnswer::failed(error.message) }
        }
    }
}

/// Returns whom the mail went to, or why it went to nobody.
async fn welcome(engine: &Engine, who: &str) -> Result<Result<String, String>, CycleFailure> {
    let rules = &engine.settings.rules;
    let attributes = rules.source_attributes.iter().enumerate();
    let named = |name: &String| NAMES.contains(&name.to_lowercase().as_str());
    let columns = attributes.filter(|(_, name)| named(name)).map(|(column, _)| column).collect();
    let known = engine.store.people_known_as(who.to_owned(), columns).await?;
    let (label, link) = match the_one(who, known) {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    let Some(account) = engine.target.read_user(&link.target_id).await? else {
        return Ok(Err(format!("the account of {label} is gone from ShareFile")));
    };
    let tenant = engine.store.job().await?.target_account.map(|(tenant, _)| tenant);
    let protection = Protection::new(tenant.as_ref(), &rules.guard.protected);
    if let Some(why) = protection.of_account(&account) {
        return Ok(Err(format!("the account of {label} is protected: {why}")));
    }
    if account.detail != Detail::Full {
        return Ok(Err(format!("ShareFile does not show the whole account of {label}")));
    }
    if account.disabled {
        return Ok(Err(format!("the account of {label} is disabled")));
    }
    let began = engine.clock.now();
    let sent = engine.target.welcome(&link.target_id).await;
    let error = sent.as_ref().err().map(explain);
    let now = engine.clock.now();
    let entry = log_entry(&link, &label, error, (began, now));
    engine.store.append_log(vec![entry]).await?;
    sent?;
    Ok(Ok(label))
}

/// Returns the one linked person whom a command means, or why there is none.
fn the_one(who: &str, mut known: Vec<KnownPerson>) -> Result<(String, Link), String> {
    if known.len() > 1 {
        let labels: Vec<String> =
            known.iter().map(|one| format!("{} ({})", one.label, one.anchor)).collect();
        return Err(format!("several people go by `{who}`: {}", labels.join(", ")));
    }
    let Some(KnownPerson { label, link, .. }) = known.pop() else {
        return Err(format!("this job knows nobody who goes by `{who}`"));
    };
    match link {
        None => Err(format!("{label} has no account of this job")),
        Some(link) if link.left() => Err(format!("{label} left, and gets no mail")),
        Some(link) => Ok((label, link)),
    }
}

fn log_entry(
    link: &Link,
    label: &str,
    error: Option<ProvisioningError>,
    (began, now): (Timestamp, Timestamp),
) -> LogEntry {
    let sent = error.is_none();
    LogEntry {
        cycle: NO_CYCLE,
        // Entries without a cycle are told apart by their second.
        change: ChangeId(u32::try_from(now.0 / 1000).unwrap_or(0)),
        at: now,
        duration_ms: now.ms_since(began),
        action: ProvisioningAction::Other,
        status: if sent { OutcomeStatus::Success } else { OutcomeStatus::Failure },
        object: ObjectKind::User,
        anchor: link.anchor,
        label: label.to_owned(),
        target_id: Some(link.target_id.clone()),
        reasons: vec!["a person asked for the welcome mail".to_owned()],
        modified: vec![ModifiedProperty {
            name: MAIL.to_owned(),
            old: None,
            new: Some("sent again".to_owned()),
        }],
        error,
        initiated_by: "welcome".to_owned(),
        approved: false,
    }
}

/// Returns the people of this job who never signed in although their link has run out, those who
/// wait longest first. Reads the lists of the target once, and changes nothing.
///
/// # Errors
/// The target's and the store's.
pub async fn unactivated(engine: &Engine) -> Result<Vec<Unactivated>, CycleFailure> {
    let mut linked: HashMap<TargetId, (SourceAnchor, Timestamp)> = HashMap::new();
    for link in engine.store.links().await? {
        if !link.left() {
            linked.insert(link.target_id, (link.anchor, link.linked_at));
        }
    }
    let mailed = mailed(engine).await?;
    let runs_out_before = engine.clock.now().plus_ms(-LINK_LIVES_MS);
    let mut found: Vec<Unactivated> = Vec::new();
    let mut each = |row: Activation| {
        let Some((anchor, linked_at)) = linked.get(&row.target_id) else { return };
        let created_at = row.created_at.unwrap_or(*linked_at);
        let mailed_at = mailed.get(&row.target_id).copied();
        let since = mailed_at.map_or(created_at, |mailed_at| mailed_at.max(created_at));
        if !row.is_awaited() || since > runs_out_before {
            return;
        }
        found.push(Unactivated {
            anchor: *anchor,
            target_id: row.target_id,
            address: row.address,
            name: row.name,
            kind: row.kind,
            created_at,
            mailed_at,
        });
    };
    engine.target.list_activations(&mut each).await?;
    found.sort_by(|a, b| (a.created_at, &a.target_id).cmp(&(b.created_at, &b.target_id)));
    // A list that broke off and was read again names some twice.
    found.dedup_by(|a, b| a.target_id == b.target_id);
    Ok(found)
}

/// Returns when the welcome mail was last sent again to whom.
async fn mailed(engine: &Engine) -> Result<HashMap<TargetId, Timestamp>, StoreError> {
    let filter = LogFilter {
        cycle: Some(NO_CYCLE),
        status: Some(OutcomeStatus::Success),
        ..LogFilter::default()
    };
    let mut mailed = HashMap::new();
    for entry in engine.store.log(filter).await? {
        let mail = entry.modified.iter().any(|property| property.name == MAIL);
        if let Some(target_id) = entry.target_id.filter(|_| mail) {
            // The newest entry comes first.
            mailed.entry(target_id).or_insert(entry.at);
        }
    }
    Ok(mailed)
}
