//! The parts that a change is made of, and how it is sealed with its hash.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_128;

use crate::model::account::{Link, LinkState, Origin, Shadow, TargetAttribute, TargetUser};
use crate::model::attribute::{Named, row_of};
use crate::model::group::TargetGroup;
use crate::model::ids::{ChangeId, ContentHash, SourceAnchor, TargetId};
use crate::model::leaving::LeaveEvent;
use crate::model::plan::{
    LinkAfter, ModifiedProperty, ObjectKind, PlannedChange, ProvisioningAction, Reason, Write,
};
use crate::model::row::AttributeRow;

use super::input::KnownAccount;
use super::map::REDACTED;

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
    /// Returns the change with the hash over its content. `seen` is the hash over the account or the
    /// group that a saved plan was made for; numbers are given once the whole plan is there.
    pub fn seal(self, seen: Option<ContentHash>) -> PlannedChange {
        let hash = content_hash(self.anchor, self.action, (&self.write, &[]), &self.link);
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
            more: false,
            ids: Vec::new(),
            counted: false,
            phase: 0,
            after: None,
            before: self.before,
            hash,
            seen,
        }
    }
}

/// Returns the hash that an approval covers.
fn content_hash(
    anchor: SourceAnchor,
    action: ProvisioningAction,
    (write, ids): (&Write, &[(TargetAttribute, Named)]),
    link: &LinkAfter,
) -> ContentHash {
    let link = lasting(write, link);
    let ids: Vec<_> = ids.iter().map(|(target, named)| (target, &named.id)).collect();
    let content = match ids.is_empty() {
        true => serde_json::to_vec(&(anchor, action, write, &*link)),
        false => serde_json::to_vec(&(anchor, action, write, &*link, ids)),
    };
    ContentHash(xxh3_128(&content.unwrap_or_default()))
}

/// Returns a change with the ids of what its values name: who approves it approves these.
pub fn naming(change: PlannedChange, ids: Vec<(TargetAttribute, Named)>) -> PlannedChange {
    rehashed(PlannedChange { ids, ..change })
}

/// Makes an answer to the end of a link one to the event that decides, and if rules ask for it, none
/// to what the source says besides. Where the link stays, that is in what it remembers.
pub fn tell_apart(change: &mut PlannedChange, events: &[LeaveEvent]) {
    let by_rules = events.first().is_some_and(|event| event.is_by_rules());
    let said: Vec<_> = events.iter().filter(|event| by_rules && !event.is_by_rules()).collect();
    if change.link == LinkAfter::End {
        let content = serde_json::to_vec(&(change.hash, events.first(), said));
        change.hash = ContentHash(xxh3_128(&content.unwrap_or_default()));
    }
}

fn rehashed(mut change: PlannedChange) -> PlannedChange {
    let writes = (&change.write, change.ids.as_slice());
    change.hash = content_hash(change.anchor, change.action, writes, &change.link);
    change
}

/// Returns a change of a linked account without the new address; `None` if nothing is left of it.
pub fn without_address(change: &PlannedChange, link: &Link) -> Option<PlannedChange> {
    let Write::Update { values, enable, promote, .. } = &change.write else { return None };
    let email = TargetAttribute::Email;
    let others = values.iter().filter(|(target, _)| *target != email).cloned().collect();
    let kept = link.shadow.sent.get(email.index());
    let label = label_of(&link.shadow.sent, link.anchor);
    let change = PlannedChange { label, ..change.clone() };
    reduced(change, link, others, *enable, *promote, |sent| sent.with(email.index(), kept))
}

/// Returns a change of a linked account that leaves it a client; `None` if nothing is left of it.
pub fn without_promotion(change: &PlannedChange, link: &Link) -> Option<PlannedChange> {
    let Write::Update { values, enable, .. } = &change.write else { return None };
    let lasts = |target: &TargetAttribute| !target.is_of_employees();
    let kept = values.iter().filter(|(target, _)| lasts(target)).cloned().collect();
    reduced(change.clone(), link, kept, *enable, false, |sent| {
        row_of(|target| {
            let row = if lasts(&target) { sent } else { &link.shadow.sent };
            row.get(target.index())
        })
    })
}

/// Returns a change of a linked account with a part of what it does.
fn reduced(
    mut change: PlannedChange,
    link: &Link,
    values: Vec<(TargetAttribute, Option<String>)>,
    enable: bool,
    promote: bool,
    sent_after: impl FnOnce(&AttributeRow) -> AttributeRow,
) -> Option<PlannedChange> {
    let names: Vec<&str> = values.iter().map(|(target, _)| target.name()).collect();
    let of_value = |name: &str| TargetAttribute::parse(name).is_some();
    change.modified.retain(|property| {
        let name = property.name.as_str();
        names.contains(&name) || !of_value(name) && (promote || name != KIND)
    });
    if values.is_empty() {
        change.reasons.retain(|reason| *reason != Reason::ValuesDiffer);
    }
    if !promote {
        change.reasons.retain(|reason| *reason != Reason::BecomesEmployee);
    }
    if values.is_empty() && !enable && !promote {
        if link.state == LinkState::Active && link.leaving.is_none() {
            return None;
        }
        let disabled = change.before.as_ref().is_some_and(|before| before.disabled);
        change.reasons = vec![if disabled { Reason::DisabledElsewhere } else { Reason::Returned }];
        change.action = ProvisioningAction::Other;
        change.write = Write::Nothing;
    } else {
        change.write = Write::Update { target_id: link.target_id.clone(), values, enable, promote };
    }
    if let LinkAfter::Keep { sent, .. } = &mut change.link {
        *sent = sent_after(sent);
    }
    (change.phase, change.after) = (0, None);
    change.ids.retain(|(target, _)| names.contains(&target.name()));
    Some(rehashed(change))
}

/// Returns the part of a change that is about nothing but the address, which `from` it is before.
pub fn address_only(change: &PlannedChange, from: &str, to: &str) -> Option<PlannedChange> {
    let Write::Update { target_id, enable, .. } = &change.write else { return None };
    let email = TargetAttribute::Email;
    let set = vec![(email, Some(to.to_owned()))];
    let mut step = change.clone();
    let before = step.before.as_mut()?;
    before.sent = before.sent.with(email.index(), Some(from));
    before.read_back = before.read_back.with(email.index(), Some(from));
    // What else the person needs is done before.
    before.disabled &= !enable;
    step.modified = modified(&before.sent, &set, |_| false);
    step.write =
        Write::Update { target_id: target_id.clone(), values: set, enable: false, promote: false };
    if let LinkAfter::Keep { sent, .. } = &mut step.link {
        *sent = sent.with(email.index(), Some(to));
    }
    step.ids.clear();
    Some(rehashed(step))
}

/// Returns what becomes of a link without times, and of that of a group whose members move without
/// the name: a change that waits is the same one tomorrow.
fn lasting<'l>(write: &Write, link: &'l LinkAfter) -> Cow<'l, LinkAfter> {
    let mut lasting = Cow::Borrowed(link);
    match link {
        LinkAfter::Keep { leaving: Some(_), .. } => {
            if let LinkAfter::Keep { leaving: Some(leaving), .. } = lasting.to_mut() {
                **leaving = leaving.timeless();
            }
        }
        LinkAfter::Group { .. } if write.moves_members() => {
            if let LinkAfter::Group { name, .. } = lasting.to_mut() {
                name.clear();
            }
        }
        _ => {}
    }
    lasting
}

/// Returns the hash over a group as it was read.
pub fn fingerprint_of_group(group: &TargetGroup) -> ContentHash {
    ContentHash(xxh3_128(&serde_json::to_vec(group).unwrap_or_default()))
}

/// Returns the hash over an account as it was read.
pub fn fingerprint(account: &TargetUser) -> ContentHash {
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
    LinkAfter::Keep { target_id, origin, state, sent, leaving: None }
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
            let same = target.agree(from.get(target.index()), new);
            (!same).then(|| (target, new.map(str::to_owned)))
        })
        .collect()
}

/// Returns old and new values, as the provisioning log shows them: those of the attributes that
/// `hides` names stay out of it.
pub fn modified(
    from: &AttributeRow,
    set: &[(TargetAttribute, Option<String>)],
    hides: impl Fn(TargetAttribute) -> bool,
) -> Vec<ModifiedProperty> {
    let shown = |target: TargetAttribute, value| match hides(target) {
        true => REDACTED.to_owned(),
        false => target.shown(value).into_owned(),
    };
    set.iter()
        .map(|(target, new)| ModifiedProperty {
            name: target.name().to_owned(),
            old: from.get(target.index()).map(|value| shown(*target, value)),
            new: new.as_deref().map(|value| shown(*target, value)),
        })
        .collect()
}

/// Booleans are spelled as Entra ID's log spells them.
pub fn disabled_property(old: bool, new: bool) -> ModifiedProperty {
    let word = |value| Some(if value { "True" } else { "False" }.to_owned());
    ModifiedProperty { name: "Disabled".to_owned(), old: word(old), new: word(new) }
}

/// What the log calls the type of an account.
const KIND: &str = "IsEmployee";

/// The one change of type that is ever made.
pub fn promoted_property() -> ModifiedProperty {
    let word = |word: &str| Some(word.to_owned());
    ModifiedProperty { name: KIND.to_owned(), old: word("False"), new: word("True") }
}

/// Returns what a person is called in plans: the address, or the anchor without one.
pub fn label_of(row: &AttributeRow, anchor: SourceAnchor) -> String {
    row.get(TargetAttribute::Email.index()).map_or_else(|| anchor.to_string(), str::to_owned)
}

/// Returns what the person is called whose account it is; names of attributes that `hides` names stay
/// out of it.
pub fn full_name(known: &KnownAccount, hides: impl Fn(TargetAttribute) -> bool) -> String {
    let names = [TargetAttribute::FirstName, TargetAttribute::LastName].into_iter();
    let names = names.filter_map(|target| {
        let name = known.account.value(target)?;
        Some(if hides(target) { REDACTED } else { name })
    });
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "somebody".to_owned() } else { names.join(" ") }
}

/// Returns an account in words, for the details of a hold.
pub fn describe(known: &KnownAccount) -> String {
    let account = &known.account;
    format!("{} {} ({})", account.kind.word(), account.address(), account.id)
}
