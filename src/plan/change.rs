//! The parts that a change is made of, and how it is sealed with its hash.

use xxhash_rust::xxh3::xxh3_128;

use crate::model::account::{LinkState, Origin, Shadow, TargetAttribute, TargetUser};
use crate::model::ids::{ChangeId, ContentHash, SourceAnchor, TargetId};
use crate::model::plan::{
    LinkAfter, ModifiedProperty, ObjectKind, PlannedChange, ProvisioningAction, Reason, Write,
};
use crate::model::row::AttributeRow;

use super::input::KnownAccount;
use super::map::values;

/// A change before it is hashed and numbered.
pub struct Parts {
    /// A person, or a group.
    pub object: ObjectKind,
    /// Who.
    pub anchor: SourceAnchor,
    /// What the person is called.
    pub label: String,
    /// The account, if there is one.
    pub target_id: Option<TargetId>,
    /// What kind of change.
    pub action: ProvisioningAction,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Old and new values.
    pub modified: Vec<ModifiedProperty>,
    /// What is sent.
    pub write: Write,
    /// What becomes of the link.
    pub link: LinkAfter,
    /// What was known of the account.
    pub before: Option<Shadow>,
}

impl Parts {
    /// Returns the change with the hash over its content. `seen` is the account that a saved plan
    /// was made for; numbers are given once the whole plan is there.
    pub fn seal(self, seen: Option<&TargetUser>) -> PlannedChange {
        let content = serde_json::to_vec(&(self.anchor, self.action, &self.write, &self.link));
        PlannedChange {
            id: ChangeId::default(),
            object: self.object,
            anchor: self.anchor,
            label: self.label,
            target_id: self.target_id,
            action: self.action,
            reasons: self.reasons,
            modified: self.modified,
            write: self.write,
            link: self.link,
            unfinished: false,
            before: self.before,
            hash: ContentHash(xxh3_128(&content.unwrap_or_default())),
            seen: seen.map(fingerprint),
        }
    }
}

/// Returns the hash over an account as it was read.
fn fingerprint(account: &TargetUser) -> ContentHash {
    let parts = (&account.id, &account.values, account.kind, account.disabled, &account.roles);
    ContentHash(xxh3_128(&serde_json::to_vec(&parts).unwrap_or_default()))
}

/// Returns the shadow of an account as it was read, with what was sent to it.
pub fn shadow_of(account: &TargetUser, sent: AttributeRow) -> Shadow {
    let read_back = account.values.clone();
    Shadow { sent, read_back, kind: account.kind, disabled: account.disabled }
}

/// Returns a link that stays or comes about.
pub fn keep(
    target_id: Option<TargetId>,
    origin: Origin,
    state: LinkState,
    sent: AttributeRow,
) -> LinkAfter {
    LinkAfter::Keep { target_id, origin, state, sent }
}

/// Returns the attributes that differ, with their new values; equal addresses may differ in case.
pub fn differences(
    from: &AttributeRow,
    to: &AttributeRow,
) -> Vec<(TargetAttribute, Option<String>)> {
    if from == to {
        return Vec::new();
    }
    TargetAttribute::ALL
        .into_iter()
        .filter_map(|target| {
            let new = to.get(target.index());
            let same = values::agree(target, from.get(target.index()), new);
            (!same).then(|| (target, new.map(str::to_owned)))
        })
        .collect()
}

/// Returns old and new values, as the provisioning log shows them.
pub fn modified(
    from: &AttributeRow,
    set: &[(TargetAttribute, Option<String>)],
) -> Vec<ModifiedProperty> {
    set.iter()
        .map(|(target, new)| ModifiedProperty {
            name: target.name().to_owned(),
            old: from.get(target.index()).map(str::to_owned),
            new: new.clone(),
        })
        .collect()
}

/// Booleans are spelled as Entra ID's log spells them.
pub fn disabled_property(old: bool, new: bool) -> ModifiedProperty {
    let word = |value| Some(if value { "True" } else { "False" }.to_owned());
    ModifiedProperty { name: "Disabled".to_owned(), old: word(old), new: word(new) }
}

/// Returns what a person is called in plans: the address, or the anchor without one.
pub fn label_of(row: &AttributeRow, anchor: SourceAnchor) -> String {
    row.get(TargetAttribute::Email.index()).map_or_else(|| anchor.to_string(), str::to_owned)
}

/// Returns an account in words, for the details of a hold.
pub fn describe(known: &KnownAccount) -> String {
    let account = &known.account;
    format!("{} {} ({})", account.kind.word(), account.address(), account.id)
}
