//! The directory: people, groups, applications and assignments, and how they change.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::ids::Timestamp;

use super::TenantError;
use super::attributes::{Attributes, Name};
use super::dice::Dice;
use super::log::{Change, Log};
use super::properties::{self, Property};
use super::switches::Switches;
use super::views::{NewGroup, NewPerson, PrincipalType, RoleView};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// A person.
#[derive(Clone, Debug)]
pub struct Person {
    /// Properties with a value.
    pub attributes: Attributes,
    /// Properties that had a value once and have none now; deltas show them as null.
    pub cleared: Vec<Name>,
    /// Since when in the recycle bin.
    pub deleted: Option<Timestamp>,
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Properties with a value.
    pub attributes: Attributes,
    /// Properties that had a value once and have none now.
    pub cleared: Vec<Name>,
    /// Direct members: people and groups. Those in the recycle bin keep their membership.
    pub members: BTreeSet<Uuid>,
    /// Since when in the recycle bin.
    pub deleted: Option<Timestamp>,
}

impl Group {
    /// Returns whether it is a Microsoft 365 group.
    pub fn unified(&self) -> bool {
        let types = self.attributes.get("groupTypes").and_then(Value::as_array);
        types.is_some_and(|types| types.iter().any(|kind| kind == "Unified"))
    }
}

/// A service principal.
#[derive(Clone, Debug)]
pub struct Application {
    /// Properties with a value, without `appRoles`.
    pub attributes: Attributes,
    /// The roles that it declares.
    pub roles: Vec<RoleView>,
}

/// A row of `appRoleAssignedTo`.
#[derive(Clone, Debug)]
pub struct Row {
    /// The opaque id.
    pub id: String,
    /// Who is assigned.
    pub principal: Uuid,
    /// What kind of principal that is.
    pub principal_type: PrincipalType,
    /// The role; nil is Default Access.
    pub role: Uuid,
    /// The service principal that the row belongs to.
    pub application: Uuid,
    /// When it was made.
    pub created: Timestamp,
}

/// Everything that the emulator holds of the directory.
#[derive(Clone, Debug)]
pub struct State {
    /// People by object id, the recycle bin included.
    pub people: BTreeMap<Uuid, Person>,
    /// Groups by object id, the recycle bin included.
    pub groups: BTreeMap<Uuid, Group>,
    /// Service principals by object id.
    pub applications: BTreeMap<Uuid, Application>,
    /// Assignment rows in the order in which they were made.
    pub rows: BTreeMap<u64, Row>,
    /// Changes of people.
    pub people_log: Log,
    /// Changes of groups and memberships.
    pub groups_log: Log,
    /// The number of the last change.
    pub sequence: u64,
    /// The choices.
    pub switches: Switches,
    by_upn: HashMap<String, Uuid>,
    held: BTreeMap<(Uuid, Uuid, Uuid), u64>,
    bin: BTreeSet<(Timestamp, Uuid)>,
    next_row: u64,
    dice: Dice,
}

impl State {
    /// Returns an empty directory that mints its ids from `dice`.
    pub fn new(dice: Dice) -> Self {
        Self {
            people: BTreeMap::new(),
            groups: BTreeMap::new(),
            applications: BTreeMap::new(),
            rows: BTreeMap::new(),
            people_log: Log::default(),
            groups_log: Log::default(),
            sequence: 0,
            switches: Switches::default(),
            by_upn: HashMap::new(),
            held: BTreeMap::new(),
            bin: BTreeSet::new(),
            next_row: 0,
            dice,
        }
    }

    /// Does what time does: empties the recycle bin of what is too old.
    pub fn settle(&mut self, now: Timestamp) {
        let keep = i64::from(self.switches.recycle_bin_days) * DAY_MS;
        while let Some((since, id)) = self.bin.first().copied() {
            if since.plus_ms(keep) > now {
                break;
            }
            self.bin.pop_first();
            if self.people.contains_key(&id) {
                self.hard_delete_person(id, now).unwrap_or_default();
            } else {
                self.hard_delete_group(id, now).unwrap_or_default();
            }
        }
        let life = i64::try_from(self.switches.delta_token_secs).unwrap_or(i64::MAX / 1000) * 1000;
        let horizon = now.plus_ms(-life - DAY_MS);
        self.people_log.forget_before(horizon);
        self.groups_log.forget_before(horizon);
    }

    fn note_person(&mut self, id: Uuid, now: Timestamp, change: Change) {
        self.sequence += 1;
        self.people_log.note(self.sequence, now, id, change);
    }

    fn note_group(&mut self, id: Uuid, now: Timestamp, change: Change) {
        self.sequence += 1;
        self.groups_log.note(self.sequence, now, id, change);
    }

    /// Returns the person with that user principal name, in any case, or `None`.
    pub fn person_by_upn(&self, upn: &str) -> Option<Uuid> {
        self.by_upn.get(&upn.to_lowercase()).copied()
    }

    /// Adds a person.
    pub fn add_person(&mut self, new: NewPerson, now: Timestamp) -> Result<Uuid, TenantError> {
        let id = new.id.unwrap_or_else(|| self.dice.uuid());
        let mut given = Attributes::from_list(new.attributes);
        check_names(properties::USER, given.to_map().keys())?;
        let upn =
            given.text("userPrincipalName").ok_or(TenantError::Missing("userPrincipalName"))?;
        let key = upn.to_lowercase();
        if self.by_upn.contains_key(&key) || self.people.contains_key(&id) {
            return Err(TenantError::Taken(upn.to_owned()));
        }
        let local = upn.split('@').next().unwrap_or_default().to_owned();
        let mail = given.text("mail").map(|mail| format!("SMTP:{mail}"));
        let defaults = [
            ("accountEnabled", json!(true)),
            ("userType", json!("Member")),
            ("createdDateTime", json!(now.to_string())),
            ("displayName", json!(upn)),
            ("mailNickname", json!(local)),
            ("proxyAddresses", mail.map_or(Value::Null, |mail| json!([mail]))),
        ];
        fill(&mut given, defaults);
        self.people.insert(id, Person { attributes: given, cleared: Vec::new(), deleted: None });
        self.by_upn.insert(key, id);
        self.note_person(id, now, Change::Created);
        Ok(id)
    }

    /// Changes properties of a person; null clears one.
    pub fn edit_person(
        &mut self,
        id: Uuid,
        patch: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<(), TenantError> {
        check_names(properties::USER, patch.keys())?;
        let person = self.people.get_mut(&id).ok_or(TenantError::NoPerson(id))?;
        if let Some(upn) = patch.get("userPrincipalName") {
            let upn = upn.as_str().ok_or(TenantError::Missing("userPrincipalName"))?;
            let key = upn.to_lowercase();
            if self.by_upn.get(&key).is_some_and(|holder| *holder != id) {
                return Err(TenantError::Taken(upn.to_owned()));
            }
            if let Some(old) = person.attributes.text("userPrincipalName") {
                self.by_upn.remove(&old.to_lowercase());
            }
            self.by_upn.insert(key, id);
        }
        for name in edit(&mut person.attributes, &mut person.cleared, patch) {
            self.note_person(id, now, Change::Property(name));
        }
        Ok(())
    }

    /// Puts a person into the recycle bin. Memberships and assignments stay with them.
    pub fn soft_delete_person(&mut self, id: Uuid, now: Timestamp) -> Result<(), TenantError> {
        let person = self.people.get_mut(&id).ok_or(TenantError::NoPerson(id))?;
        if person.deleted.is_some() {
            return Ok(());
        }
        person.deleted = Some(now);
        if let Some(upn) = person.attributes.text("userPrincipalName") {
            self.by_upn.remove(&upn.to_lowercase());
        }
        self.bin.insert((now, id));
        self.note_person(id, now, Change::SoftDeleted);
        Ok(())
    }

    /// Takes a person out of the recycle bin, with the same id.
    pub fn restore_person(&mut self, id: Uuid, now: Timestamp) -> Result<(), TenantError> {
        let person = self.people.get_mut(&id).ok_or(TenantError::NoPerson(id))?;
        let Some(since) = person.deleted else {
            return Ok(());
        };
        if let Some(upn) = person.attributes.text("userPrincipalName") {
            let key = upn.to_lowercase();
            if self.by_upn.contains_key(&key) {
                return Err(TenantError::Taken(upn.to_owned()));
            }
            self.by_upn.insert(key, id);
        }
        person.deleted = None;
        self.bin.remove(&(since, id));
        self.note_person(id, now, Change::Restored);
        Ok(())
    }

    /// Removes a person for good, with their memberships and assignments.
    pub fn hard_delete_person(&mut self, id: Uuid, now: Timestamp) -> Result<(), TenantError> {
        let person = self.people.remove(&id).ok_or(TenantError::NoPerson(id))?;
        match (person.deleted, person.attributes.text("userPrincipalName")) {
            (Some(since), _) => {
                self.bin.remove(&(since, id));
            }
            (None, Some(upn)) => {
                self.by_upn.remove(&upn.to_lowercase());
            }
            (None, None) => {}
        }
        self.leave_everything(id, now);
        self.note_person(id, now, Change::HardDeleted);
        Ok(())
    }

    fn leave_everything(&mut self, id: Uuid, now: Timestamp) {
        let left: Vec<Uuid> = self
            .groups
            .iter_mut()
            .filter_map(|(group, held)| held.members.remove(&id).then_some(*group))
            .collect();
        for group in left {
            self.note_group(group, now, Change::MemberRemoved(id));
        }
        self.rows.retain(|_, row| row.principal != id);
        self.held.retain(|(_, principal, _), _| *principal != id);
    }

    /// Adds a group without members.
    pub fn add_group(&mut self, new: NewGroup, now: Timestamp) -> Result<Uuid, TenantError> {
        let id = new.id.unwrap_or_else(|| self.dice.uuid());
        let mut given = Attributes::from_list(new.attributes);
        check_names(properties::GROUP, given.to_map().keys())?;
        let name = given.text("displayName").ok_or(TenantError::Missing("displayName"))?;
        let nickname: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let defaults = [
            ("createdDateTime", json!(now.to_string())),
            ("mailEnabled", json!(false)),
            ("securityEnabled", json!(true)),
            ("mailNickname", json!(nickname)),
        ];
        fill(&mut given, defaults);
        let group = Group {
            attributes: given,
            cleared: Vec::new(),
            members: BTreeSet::new(),
            deleted: None,
        };
        if self.groups.contains_key(&id) {
            return Err(TenantError::Taken(id.to_string()));
        }
        self.groups.insert(id, group);
        self.note_group(id, now, Change::Created);
        Ok(id)
    }

    /// Changes properties of a group; null clears one.
    pub fn edit_group(
        &mut self,
        id: Uuid,
        patch: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<(), TenantError> {
        check_names(properties::GROUP, patch.keys())?;
        let group = self.groups.get_mut(&id).ok_or(TenantError::NoGroup(id))?;
        for name in edit(&mut group.attributes, &mut group.cleared, patch) {
            self.note_group(id, now, Change::Property(name));
        }
        Ok(())
    }

    /// Deletes a group: Microsoft 365 groups go to the recycle bin, others are gone at once.
    pub fn delete_group(&mut self, id: Uuid, now: Timestamp) -> Result<(), TenantError> {
        let recycled = self.switches.security_groups_recycled;
        let group = self.groups.get_mut(&id).ok_or(TenantError::NoGroup(id))?;
        if group.deleted.is_some() || !(group.unified() || recycled) {
            return self.hard_delete_group(id, now);
        }
        group.deleted = Some(now);
        self.bin.insert((now, id));
        self.note_group(id, now, Change::SoftDeleted);
        Ok(())
    }

    /// Takes a group out of the recycle bin.
    pub fn restore_group(&mut self, id: Uuid, now: Timestamp) -> Result<(), TenantError> {
        let group = self.groups.get_mut(&id).ok_or(TenantError::NoGroup(id))?;
        if let Some(since) = group.deleted.take() {
            self.bin.remove(&(since, id));
            self.note_group(id, now, Change::Restored);
        }
        Ok(())
    }

    fn hard_delete_group(&mut self, id: Uuid, now: Timestamp) -> Result<(), TenantError> {
        let group = self.groups.remove(&id).ok_or(TenantError::NoGroup(id))?;
        if let Some(since) = group.deleted {
            self.bin.remove(&(since, id));
        }
        self.leave_everything(id, now);
        self.note_group(id, now, Change::HardDeleted);
        Ok(())
    }

    /// Makes a person or a group a direct member. Repeating it changes nothing.
    pub fn add_member(
        &mut self,
        group: Uuid,
        member: Uuid,
        now: Timestamp,
    ) -> Result<(), TenantError> {
        if !self.people.contains_key(&member) && !self.groups.contains_key(&member) {
            return Err(TenantError::NoPerson(member));
        }
        let held = self.groups.get_mut(&group).ok_or(TenantError::NoGroup(group))?;
        if held.members.insert(member) {
            self.note_group(group, now, Change::MemberAdded(member));
        }
        Ok(())
    }

    /// Ends a direct membership. Repeating it changes nothing.
    pub fn remove_member(
        &mut self,
        group: Uuid,
        member: Uuid,
        now: Timestamp,
    ) -> Result<(), TenantError> {
        let held = self.groups.get_mut(&group).ok_or(TenantError::NoGroup(group))?;
        if held.members.remove(&member) {
            self.note_group(group, now, Change::MemberRemoved(member));
        }
        Ok(())
    }

    /// Returns the direct memberships of everybody who has one, sorted by group.
    pub fn memberships(&self) -> HashMap<Uuid, Vec<Uuid>> {
        let mut of: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for (group, held) in &self.groups {
            for member in &held.members {
                of.entry(*member).or_default().push(*group);
            }
        }
        of
    }

    /// Adds a service principal.
    pub fn add_application(&mut self, application: Application) -> Uuid {
        let id = self.dice.uuid();
        self.applications.insert(id, application);
        id
    }

    /// Returns an id that no object has yet.
    pub fn mint(&mut self) -> Uuid {
        self.dice.uuid()
    }

    /// Gives a principal a role of an application; nil is Default Access.
    pub fn assign(
        &mut self,
        application: Uuid,
        principal: Uuid,
        role: Uuid,
        now: Timestamp,
    ) -> Result<String, TenantError> {
        let held =
            self.applications.get(&application).ok_or(TenantError::NoPrincipal(application))?;
        if !role.is_nil() && !held.roles.iter().any(|known| known.id == role) {
            return Err(TenantError::NoRole(role.to_string()));
        }
        let principal_type = if self.people.contains_key(&principal) {
            PrincipalType::User
        } else if self.groups.contains_key(&principal) {
            PrincipalType::Group
        } else if self.applications.contains_key(&principal) {
            PrincipalType::ServicePrincipal
        } else {
            return Err(TenantError::NoPrincipal(principal));
        };
        if self.held.contains_key(&(application, principal, role)) {
            return Err(TenantError::Taken(principal.to_string()));
        }
        self.next_row += 1;
        let digest = Sha256::new()
            .chain_update(principal.as_bytes())
            .chain_update(self.next_row.to_be_bytes())
            .finalize();
        let id = URL_SAFE_NO_PAD.encode(digest);
        let row =
            Row { id: id.clone(), principal, principal_type, role, application, created: now };
        self.rows.insert(self.next_row, row);
        self.held.insert((application, principal, role), self.next_row);
        Ok(id)
    }

    /// Takes one row away.
    pub fn unassign(&mut self, row_id: &str) -> Result<(), TenantError> {
        let found = self.rows.iter().find(|(_, row)| row.id == row_id).map(|(key, _)| *key);
        let row = found
            .and_then(|key| self.rows.remove(&key))
            .ok_or_else(|| TenantError::NoRow(row_id.to_owned()))?;
        self.held.remove(&(row.application, row.principal, row.role));
        Ok(())
    }

    /// Returns the rows of an application that a reader sees, with their keys.
    pub fn rows_of(&self, application: Uuid) -> impl Iterator<Item = (u64, &Row)> {
        self.rows
            .iter()
            .filter(move |(_, row)| row.application == application && self.row_shown(row))
            .map(|(key, row)| (*key, row))
    }

    fn row_shown(&self, row: &Row) -> bool {
        if self.switches.assignments_of_deleted {
            return true;
        }
        match row.principal_type {
            PrincipalType::User => {
                self.people.get(&row.principal).is_some_and(|held| held.deleted.is_none())
            }
            PrincipalType::Group => {
                self.groups.get(&row.principal).is_some_and(|held| held.deleted.is_none())
            }
            PrincipalType::ServicePrincipal => true,
        }
    }

    /// Returns what a principal is called, or `None` if there is none.
    pub fn display_name(&self, principal: Uuid) -> Option<&str> {
        let attributes = match (self.people.get(&principal), self.groups.get(&principal)) {
            (Some(person), _) => &person.attributes,
            (None, Some(group)) => &group.attributes,
            (None, None) => &self.applications.get(&principal)?.attributes,
        };
        attributes.text("displayName")
    }
}

fn fill<const N: usize>(attributes: &mut Attributes, defaults: [(&'static str, Value); N]) {
    for (name, value) in defaults {
        if attributes.get(name).is_none() {
            attributes.set(name, value);
        }
    }
}

/// Applies a patch and returns the names of what changed, sorted.
fn edit(
    attributes: &mut Attributes,
    cleared: &mut Vec<Name>,
    patch: &Map<String, Value>,
) -> Vec<Name> {
    let mut changed = Vec::new();
    for (name, value) in patch {
        if !attributes.set(name, value.clone()) {
            continue;
        }
        let name: Name = Cow::Owned(name.clone());
        cleared.retain(|known| *known != name);
        if attributes.get(&name).is_none() {
            cleared.push(name.clone());
        }
        changed.push(name);
    }
    changed.sort_unstable();
    changed
}

fn check_names<'a>(
    table: &'static [Property],
    names: impl Iterator<Item = &'a String>,
) -> Result<(), TenantError> {
    for name in names {
        let fixed = name == "id" || name == "deletedDateTime";
        if fixed || !(properties::find(table, name).is_some() || properties::is_extension(name)) {
            return Err(TenantError::NoProperty(name.clone()));
        }
    }
    Ok(())
}
