//! How groups and memberships change.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::model::ids::Timestamp;

use super::super::TenantError;
use super::super::attributes::Attributes;
use super::super::log::Change;
use super::super::properties;
use super::super::views::NewGroup;
use super::{Group, State, check_names, edit, fill};

impl State {
    /// Adds a group without members.
    pub fn add_group(&mut self, new: NewGroup, now: Timestamp) -> Result<Uuid, TenantError> {
        let id = new.id.unwrap_or_else(|| self.dice.uuid());
        let mut given = Attributes::from_list(new.attributes);
        check_names(properties::GROUP, given.names())?;
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
        self.remember_group(id, now);
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
        check_names(properties::GROUP, patch.keys().map(String::as_str))?;
        self.remember_group(id, now);
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
        self.remember_group(id, now);
        let group = self.groups.get_mut(&id).ok_or(TenantError::NoGroup(id))?;
        group.deleted = Some(now);
        self.bin.insert((now, id));
        self.note_group(id, now, Change::SoftDeleted);
        Ok(())
    }

    /// Takes a group out of the recycle bin.
    pub fn restore_group(&mut self, id: Uuid, now: Timestamp) -> Result<(), TenantError> {
        self.remember_group(id, now);
        let group = self.groups.get_mut(&id).ok_or(TenantError::NoGroup(id))?;
        if let Some(since) = group.deleted.take() {
            self.bin.remove(&(since, id));
            self.note_group(id, now, Change::Restored);
        }
        Ok(())
    }

    pub(super) fn hard_delete_group(
        &mut self,
        id: Uuid,
        now: Timestamp,
    ) -> Result<(), TenantError> {
        self.remember_group(id, now);
        let group = self.groups.remove(&id).ok_or(TenantError::NoGroup(id))?;
        if let Some(since) = group.deleted {
            self.bin.remove(&(since, id));
        }
        self.leave_everything(id, now);
        self.note_group(id, now, Change::HardDeleted);
        Ok(())
    }

    /// Makes a person, a group, a device or an application a direct member. Repeating it changes nothing.
    pub fn add_member(
        &mut self,
        group: Uuid,
        member: Uuid,
        now: Timestamp,
    ) -> Result<(), TenantError> {
        let known = self.people.contains_key(&member)
            || self.groups.contains_key(&member)
            || self.devices.contains_key(&member)
            || self.applications.contains_key(&member);
        if !known {
            return Err(TenantError::NoPerson(member));
        }
        self.remember_group(group, now);
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
        self.remember_group(group, now);
        let held = self.groups.get_mut(&group).ok_or(TenantError::NoGroup(group))?;
        if held.members.remove(&member) {
            self.note_group(group, now, Change::MemberRemoved(member));
        }
        Ok(())
    }

    /// Adds a device.
    pub fn add_device(&mut self, name: &str) -> Uuid {
        let id = self.dice.uuid();
        let device = Attributes::from_list(vec![
            ("displayName".into(), json!(name)),
            ("deviceId".into(), json!(self.dice.uuid().to_string())),
            ("accountEnabled".into(), json!(true)),
            ("operatingSystem".into(), json!("Windows")),
            ("operatingSystemVersion".into(), json!("10.0.22631.2861")),
        ]);
        self.devices.insert(id, device);
        id
    }
}
