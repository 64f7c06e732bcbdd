//! What must hold after every cycle, whatever went wrong in it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sharefile_provisioner::model::account::{Link, Origin};
use sharefile_provisioner::model::group::GroupLink;
use sharefile_provisioner::model::outcome::{LogEntry, OutcomeStatus};
use sharefile_provisioner::model::plan::{ObjectKind, PlannedChange, ProvisioningAction};
use sharefile_provisioner::sandbox::Sandbox;
use sharefile_provisioner::sandbox::counts::WriteRecord;
use sharefile_provisioner::sandbox::sharefile::AccountView;
use sharefile_provisioner::store::{LogFilter, Store};
use uuid::Uuid;

use super::announced::{Known, announces};
use super::groups::{Sides, Ties, group_of};
use super::truth::{Complaints, Hand, Truth, addresses};
use super::ways::Ways;

/// Remembers, from cycle to cycle, what has to be explained.
#[derive(Default)]
pub struct Watch {
    /// The number of the last write that was looked at.
    seen: u64,
    /// Writes that no entry of the log explains yet.
    unexplained: Vec<WriteRecord>,
    /// Writes that took effect since anything else changed: none of them is made twice.
    made: BTreeSet<(String, String)>,
    /// Accounts and groups that the job made, and does not know of yet.
    pub orphans: BTreeSet<String>,
    /// Accounts and groups that the job was about to change when it was killed, and for whom.
    pub pending: BTreeMap<String, Uuid>,
    /// Addresses and names, in lower case, that the job was about to create something for.
    creating: BTreeSet<String>,
    /// How many writes took effect.
    pub writes: u64,
}

/// Both ends before a cycle.
pub struct Before {
    pub truth: Truth,
    pub links: Vec<Link>,
    pub groups: Vec<GroupLink>,
}

/// What is known of a cycle besides what it did.
pub struct Course<'a> {
    pub ways: &'a Ways,
    /// What its plans announced.
    pub announced: &'a [PlannedChange],
    /// A web page may have come with a success, in the place of an answer: the write shows as made.
    pub veiled: bool,
}

impl Watch {
    /// Notes that something changed that is not the job's doing.
    pub fn something_else_changed(&mut self) {
        self.made.clear();
    }

    /// Returns the accounts of which the job itself does not know yet what became of them.
    pub fn open(&self) -> BTreeSet<String> {
        self.orphans.iter().chain(self.pending.keys()).cloned().collect()
    }

    /// Returns whether the job itself does not know yet whether something of this address or name is
    /// its own: what somebody made meanwhile could not be told from it.
    pub fn is_creating(&self, name: &str) -> bool {
        self.creating.contains(&name.trim().to_lowercase())
    }

    /// Looks at what a cycle did. Entra ID does not change during a cycle.
    pub async fn look(
        &mut self,
        sandbox: &Sandbox,
        store: &Store,
        before: &Before,
        now: &Truth,
        hand: &mut Hand,
        course: &Course<'_>,
    ) -> Result<Complaints, String> {
        let links = store.links().await.map_err(|error| error.to_string())?;
        let groups = store.group_links().await.map_err(|error| error.to_string())?;
        let mut found = Complaints::new();
        let open = store.open_intents().await.map_err(|error| error.to_string())?;
        let creates = open.iter().filter(|(_, intent)| intent.change.target_id.is_none());
        self.creating =
            creates.map(|(_, intent)| intent.change.label.trim().to_lowercase()).collect();
        let about = open.into_iter().filter_map(|(_, intent)| {
            Some((intent.change.target_id?.as_str().to_owned(), intent.change.anchor.0))
        });
        self.pending = about.collect();
        self.accounts(before, now, &links, &mut found);
        let sides = Sides {
            truth: &before.truth,
            before: Ties { links: &before.links, groups: &before.groups },
            after: Ties { links: &links, groups: &groups },
        };
        let known = Known {
            links: [&before.links, &links],
            groups: [&before.groups, &groups],
            now: &now.groups,
        };
        let new: Vec<WriteRecord> = sandbox.counts.writes();
        let new: Vec<_> = new.into_iter().filter(|write| write.seq > self.seen).collect();
        for write in new {
            self.seen = write.seq;
            if !announces(course.announced, &write, &known) {
                let WriteRecord { method, path, body, status, .. } = &write;
                found.push(format!("no plan announced {method} {path} {body} ({status})"));
            }
            if (200..300).contains(&write.status) {
                self.write(&write, before, &links, hand, &mut found);
                sides.judge(&write, &self.pending, course.ways, &mut hand.groups, &mut found);
                let (path, body) = (&write.path, write.body.to_string());
                // Of the calls to groups only a create does something else when it is repeated.
                let repeatable = group_of(&write).is_some_and(|group| group.id.is_some());
                let again = !self.made.insert((path.clone(), body));
                if again && !repeatable && !course.veiled {
                    found.push(format!("{} {path} was made twice: {}", write.method, write.body));
                }
            }
            self.unexplained.push(write);
        }
        sides.kept(now, &self.pending, course.ways, &mut hand.groups, &mut found);
        let unknown = now.groups.shared.values().filter(|group| group.owner == now.groups.service);
        let unknown = unknown.filter(|group| sides.after.group(&group.id).is_none());
        self.orphans.extend(unknown.map(|group| group.id.clone()));
        self.explain(store, &mut found).await?;
        if let Some(mail) = sandbox.sharefile.mails().first() {
            found.push(format!("{} got mail: {}", mail.to, mail.occasion));
        }
        Ok(found)
    }

    /// Accounts outside the job stay as they are, protected ones above all, and no two accounts
    /// have one address.
    fn accounts(&mut self, before: &Before, now: &Truth, links: &[Link], found: &mut Complaints) {
        let was_ours = by_account(&before.links);
        let ours = by_account(links);
        let mut holders: BTreeMap<String, &str> = BTreeMap::new();
        for (id, account) in &now.accounts {
            let known = before.truth.accounts.get(id);
            match known {
                Some(known) => {
                    let change = (was_ours.get(id.as_str()), ours.get(id.as_str()));
                    let pending = self.pending.get(id).copied();
                    kept(&before.truth, known, account, change, pending, found);
                }
                None if !ours.contains_key(id.as_str()) => {
                    self.orphans.insert(id.clone());
                }
                None => {}
            }
            if account.deleted {
                continue;
            }
            for address in addresses(account) {
                if let Some(other) = holders.insert(address, id)
                    && other != id
                {
                    found.push(format!("{other} and {id} have one address, {}", account.email));
                }
            }
        }
        self.orphans.retain(|id| {
            let living = now.accounts.get(id).is_some_and(|account| !account.deleted);
            living && !ours.contains_key(id.as_str())
        });
    }

    /// Nobody who is inside is disabled, nobody who is outside is enabled or changed, and nobody's
    /// account is written to.
    fn write(
        &mut self,
        write: &WriteRecord,
        before: &Before,
        links: &[Link],
        hand: &mut Hand,
        found: &mut Complaints,
    ) {
        self.writes += 1;
        let Some(id) = account_of(write) else { return };
        let owner = by_account(&before.links).get(id).or(by_account(links).get(id)).copied();
        let owner = owner.map(|link| link.anchor.0).or(self.pending.get(id).copied());
        let Some(owner) = owner else {
            return found.push(format!("{} of nobody's account: {}", write.path, write.body));
        };
        let inside = before.truth.inside(owner).is_some();
        let removed = write.method == "DELETE";
        match disables(write).or(removed.then_some(true)) {
            Some(true) if inside => {
                found.push(format!("{id} was disabled or deleted, and {owner} is inside"));
            }
            Some(false) if !inside => {
                found.push(format!("{id} was enabled, and {owner} is not inside"));
            }
            None if !inside => {
                found.push(format!("{id} was changed, and {owner} is not inside"));
            }
            Some(true) => {
                hand.enabled.remove(id);
            }
            _ => {}
        }
    }

    /// Every write has its entry in the provisioning log, or an open intent.
    async fn explain(&mut self, store: &Store, found: &mut Complaints) -> Result<(), String> {
        let Some(since) = self.unexplained.iter().map(|write| write.at).min() else {
            return Ok(());
        };
        let filter = LogFilter { since: Some(since), ..LogFilter::default() };
        let log = store.log(filter).await.map_err(|error| error.to_string())?;
        let open = store.open_intents().await.map_err(|error| error.to_string())?;
        self.unexplained.retain(|write| !log.iter().any(|entry| explains(entry, write)));
        for write in &self.unexplained {
            let waits = open.iter().any(|(_, intent)| {
                let change = &intent.change;
                let target_id = change.target_id.as_ref().map(|target_id| target_id.key());
                if let Some(group) = group_of(write) {
                    return change.object == ObjectKind::Group
                        && (target_id.is_none() || target_id.as_deref() == group.id);
                }
                match account_of(write) {
                    Some(id) => target_id.as_deref() == Some(id),
                    None => Some(change.label.as_str()) == write.body["Email"].as_str(),
                }
            });
            if !waits {
                found.push(format!(
                    "no entry explains {} {} {}",
                    write.method, write.path, write.body
                ));
            }
        }
        Ok(())
    }
}

/// Complains if an account is not as it was, unless the job had or took it.
fn kept(
    truth: &Truth,
    was: &AccountView,
    is: &AccountView,
    (before, after): (Option<&&Link>, Option<&&Link>),
    pending: Option<Uuid>,
    found: &mut Complaints,
) {
    match (before, after) {
        _ if was == is && before.is_some() == after.is_some() => {}
        // Killed right after it was written to: the next cycle settles the adoption.
        (None, None) if let Some(owner) = pending => {
            adopted(truth, was, is, owner, found);
        }
        (None, None) => {
            found.push(format!("{}, which is outside the job, was changed: {is:?}", was.email));
        }
        (Some(_), None) if !is.deleted => {
            found.push(format!("{} is no longer linked, and exists", was.email));
        }
        (None, Some(link)) if matches!(link.origin, Origin::Adopted { .. }) => {
            adopted(truth, was, is, link.anchor.0, found);
        }
        _ => {}
    }
    if was != is && truth.is_protected(was) {
        found.push(format!("{}, which is protected, was changed: {is:?}", was.email));
    }
}

/// Complains if an account was adopted that nobody may adopt, or by the wrong person.
fn adopted(
    truth: &Truth,
    was: &AccountView,
    is: &AccountView,
    owner: Uuid,
    found: &mut Complaints,
) {
    let mail = truth.inside(owner).and_then(|person| person.mail.as_deref());
    let fits = mail.is_some_and(|mail| {
        let mail = mail.to_lowercase();
        addresses(was).any(|address| address == mail)
    });
    if !fits {
        found.push(format!("{} was adopted without a match for {mail:?}", was.email));
    }
    if truth.is_protected(was) {
        found.push(format!("{} was adopted, and is protected", was.email));
    }
    if was.disabled != is.disabled {
        found.push(format!("{} was adopted, and changed its state", was.email));
    }
}

fn by_account(links: &[Link]) -> BTreeMap<&str, &Link> {
    links.iter().map(|link| (link.target_id.as_str(), link)).collect()
}

/// Returns the account that a write is about; `None` for a create.
fn account_of(write: &WriteRecord) -> Option<&str> {
    let path = write.path.replace("Users/AccountUser(", "Users(");
    let start = path.find("Users(")? + "Users(".len() + write.path.len() - path.len();
    let rest = write.path.get(start..)?;
    rest.split_once(')').map(|(id, _)| id)
}

/// Returns whether a write disables or enables; `None` if it does neither.
fn disables(write: &WriteRecord) -> Option<bool> {
    write.body["Security"]["IsDisabled"].as_bool()
}

fn explains(entry: &LogEntry, write: &WriteRecord) -> bool {
    let began = entry.at.plus_ms(-i64::try_from(entry.duration_ms).unwrap_or(i64::MAX));
    // An interrupted write of which nothing is to be seen was not made.
    let skipped = entry.status == OutcomeStatus::Skipped && write.status < 300;
    if write.at < began || write.at > entry.at || skipped {
        return false;
    }
    if let Some(group) = group_of(write) {
        let of_group = match group.id {
            Some(id) => entry.target_id.as_ref().is_some_and(|target_id| target_id.key() == id),
            None => Some(entry.label.as_str()) == write.body["Name"].as_str(),
        };
        let deletes = write.method == "DELETE" && !group.contacts;
        return entry.object == ObjectKind::Group
            && of_group
            && deletes == (entry.action == ProvisioningAction::Delete);
    }
    let Some(id) = account_of(write) else {
        return entry.action == ProvisioningAction::Create
            && Some(entry.label.as_str()) == write.body["Email"].as_str();
    };
    let of_account =
        entry.target_id.as_ref().is_some_and(|target_id| target_id.key() == id.to_lowercase());
    let action = match disables(write) {
        _ if write.method == "DELETE" => ProvisioningAction::Delete,
        Some(true) => ProvisioningAction::Disable,
        _ => ProvisioningAction::Update,
    };
    of_account && entry.action == action && names_values(entry, &write.body)
}

/// Returns whether an entry names every value that was written.
fn names_values(entry: &LogEntry, body: &Value) -> bool {
    let members = body.as_object().into_iter().flatten();
    members.filter(|(name, _)| *name != "Security").all(|(name, value)| {
        let value = if *value == Value::Bool(true) { &Value::from("True") } else { value };
        entry.modified.iter().any(|modified| {
            modified.name == *name && modified.new.as_deref().unwrap_or("") == value
        })
    })
}
