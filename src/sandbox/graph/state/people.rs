//! How people change.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::model::ids::Timestamp;

use super::super::TenantError;
use super::super::log::Change;
use super::super::properties;
use super::super::views::NewPerson;
use super::{Person, State, check_names, edit, fill};

impl State {
    /// Adds a person.
    pub fn add_person(&mut self, new: NewPerson, now: Timestamp) -> Result<Uuid, TenantError> {
        let id = new.id.unwrap_or_else(|| self.dice.uuid());
        let manager = new.manager;
        let mut given = new.attributes;
        check_names(properties::USER, given.names())?;
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
        self.remember_person(id, now);
        let person = Person { attributes: given, cleared: Vec::new(), deleted: None, manager };
        self.people.insert(id, person);
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
        check_names(properties::USER, patch.keys().map(String::as_str))?;
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
        self.remember_person(id, now);
        let person = self.people.get_mut(&id).ok_or(TenantError::NoPerson(id))?;
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
        self.remember_person(id, now);
        let person = self.people.get_mut(&id).ok_or(TenantError::NoPerson(id))?;
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
        self.remember_person(id, now);
        let person = self.people.get_mut(&id).ok_or(TenantError::NoPerson(id))?;
        person.deleted = None;
        self.bin.remove(&(since, id));
        self.note_person(id, now, Change::Restored);
        Ok(())
    }

    /// Removes a person for good, with their memberships and assignments.
    pub fn hard_delete_person(&mut self, id: Uuid, now: Timestamp) -> Result<(), TenantError> {
        self.remember_person(id, now);
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
        let led: Vec<Uuid> = self
            .people
            .iter()
            .filter_map(|(led, person)| (person.manager == Some(id)).then_some(*led))
            .collect();
        for led in led {
            self.set_manager(led, None, now)?;
        }
        self.note_person(id, now, Change::HardDeleted);
        Ok(())
    }

    /// Says who leads a person. Repeating it changes nothing.
    pub fn set_manager(
        &mut self,
        id: Uuid,
        manager: Option<Uuid>,
        now: Timestamp,
    ) -> Result<(), TenantError> {
        if let Some(manager) = manager.filter(|manager| !self.people.contains_key(manager)) {
            return Err(TenantError::NoPerson(manager));
        }
        let held = self.people.get(&id).ok_or(TenantError::NoPerson(id))?.manager;
        if held == manager {
            return Ok(());
        }
        self.remember_person(id, now);
        let person = self.people.get_mut(&id).ok_or(TenantError::NoPerson(id))?;
        person.manager = manager;
        self.note_person(id, now, Change::Manager(held));
        Ok(())
    }

    /// Returns the manager of a person, if there is one outside the recycle bin.
    pub fn manager(&self, person: &Person) -> Option<(Uuid, &Person)> {
        let id = person.manager?;
        let held = self.people.get(&id).filter(|held| held.deleted.is_none())?;
        Some((id, held))
    }

    pub(super) fn leave_everything(&mut self, id: Uuid, now: Timestamp) {
        let left: Vec<Uuid> = self
            .groups
            .iter()
            .filter_map(|(group, held)| held.members.contains(&id).then_some(*group))
            .collect();
        for group in left {
            self.remember_group(group, now);
            if let Some(held) = self.groups.get_mut(&group) {
                held.members.remove(&id);
            }
            self.note_group(group, now, Change::MemberRemoved(id));
        }
        let rows: Vec<u64> = self
            .rows
            .iter()
            .filter_map(|(key, row)| (row.principal == id).then_some(*key))
            .collect();
        for key in rows {
            self.remember_row(key, now);
            self.rows.remove(&key);
        }
        self.held.retain(|(_, principal, _), _| *principal != id);
    }
}
