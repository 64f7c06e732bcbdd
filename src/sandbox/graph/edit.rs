//! Changing and reading the tenant from the outside: what tests and the control API use.

use std::sync::atomic::Ordering;

use secrecy::SecretString;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::model::ids::Timestamp;

use super::registration::{Certificate, Secret};
use super::state::{Group, Person, State};
use super::switches::Switches;
use super::views::{
    ApplicationView, AssignmentView, GroupView, NewGroup, NewPerson, PersonView, PrincipalType,
    RoleView, Totals,
};
use super::{Tenant, TenantError, new_application};

impl Tenant {
    /// Adds a person. Without further properties they are an enabled member.
    ///
    /// # Errors
    /// When the name is taken, or a property is missing or unknown.
    pub fn add_person(&self, new: NewPerson) -> Result<Uuid, TenantError> {
        self.state().add_person(new, self.clock.now())
    }

    /// Changes properties of a person; null clears one.
    ///
    /// # Errors
    /// When there is no such person, the new name is taken, or a property is unknown.
    pub fn edit_person(&self, id: Uuid, patch: &Map<String, Value>) -> Result<(), TenantError> {
        self.state().edit_person(id, patch, self.clock.now())
    }

    /// Sets one property of a person; null clears it.
    ///
    /// # Errors
    /// As [`Tenant::edit_person`].
    pub fn set_person(
        &self,
        id: Uuid,
        name: &str,
        value: impl Into<Value>,
    ) -> Result<(), TenantError> {
        let patch = Map::from_iter([(name.to_owned(), value.into())]);
        self.edit_person(id, &patch)
    }

    /// Lets a person sign in, or not.
    ///
    /// # Errors
    /// When there is no such person.
    pub fn set_enabled(&self, id: Uuid, enabled: bool) -> Result<(), TenantError> {
        self.set_person(id, "accountEnabled", enabled)
    }

    /// Puts a person into the recycle bin; memberships and assignments wait there with them.
    ///
    /// # Errors
    /// When there is no such person.
    pub fn soft_delete_person(&self, id: Uuid) -> Result<(), TenantError> {
        self.state().soft_delete_person(id, self.clock.now())
    }

    /// Takes a person out of the recycle bin.
    ///
    /// # Errors
    /// When there is no such person, or somebody else took the name meanwhile.
    pub fn restore_person(&self, id: Uuid) -> Result<(), TenantError> {
        self.state().restore_person(id, self.clock.now())
    }

    /// Removes a person for good.
    ///
    /// # Errors
    /// When there is no such person.
    pub fn hard_delete_person(&self, id: Uuid) -> Result<(), TenantError> {
        self.state().hard_delete_person(id, self.clock.now())
    }

    /// Says who leads a person; `None` for nobody.
    ///
    /// # Errors
    /// When there is no such person or manager.
    pub fn set_manager(&self, id: Uuid, manager: Option<Uuid>) -> Result<(), TenantError> {
        self.state().set_manager(id, manager, self.clock.now())
    }

    /// Adds a device, which can be a member of groups. Returns its object id.
    pub fn add_device(&self, name: &str) -> Uuid {
        self.state().add_device(name)
    }

    /// Adds a group without members.
    ///
    /// # Errors
    /// When a property is missing or unknown.
    pub fn add_group(&self, new: NewGroup) -> Result<Uuid, TenantError> {
        self.state().add_group(new, self.clock.now())
    }

    /// Changes properties of a group; null clears one.
    ///
    /// # Errors
    /// When there is no such group, or a property is unknown.
    pub fn edit_group(&self, id: Uuid, patch: &Map<String, Value>) -> Result<(), TenantError> {
        self.state().edit_group(id, patch, self.clock.now())
    }

    /// Deletes a group: a Microsoft 365 group goes to the recycle bin, and from there away; a
    /// security group is gone at once.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn delete_group(&self, id: Uuid) -> Result<(), TenantError> {
        self.state().delete_group(id, self.clock.now())
    }

    /// Takes a group out of the recycle bin.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn restore_group(&self, id: Uuid) -> Result<(), TenantError> {
        self.state().restore_group(id, self.clock.now())
    }

    /// Makes a person, a group, a device or an application a direct member; repeating it changes nothing.
    ///
    /// # Errors
    /// When there is no such group or member.
    pub fn add_member(&self, group: Uuid, member: Uuid) -> Result<(), TenantError> {
        self.state().add_member(group, member, self.clock.now())
    }

    /// Ends a direct membership; repeating it changes nothing.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn remove_member(&self, group: Uuid, member: Uuid) -> Result<(), TenantError> {
        self.state().remove_member(group, member, self.clock.now())
    }

    /// Adds another enterprise application; names need not be unique. Returns its object id.
    pub fn add_application(&self, name: &str) -> Uuid {
        let mut state = self.state();
        let app_id = state.mint();
        new_application(&mut state, name, app_id, &[])
    }

    /// Gives a principal a role of the application; nil is Default Access. Returns the row's id.
    ///
    /// # Errors
    /// When there is no such principal or role, or it is assigned already.
    pub fn assign(&self, principal: Uuid, role: Uuid) -> Result<String, TenantError> {
        self.state().assign(self.application, principal, role, self.clock.now())
    }

    /// Takes one row away.
    ///
    /// # Errors
    /// When there is no such row.
    pub fn unassign(&self, row_id: &str) -> Result<(), TenantError> {
        self.state().unassign(row_id, self.clock.now())
    }

    /// Takes all rows of a principal away and returns how many there were.
    pub fn unassign_principal(&self, principal: Uuid) -> usize {
        let mut state = self.state();
        let rows: Vec<String> = state
            .rows
            .values()
            .filter(|row| row.principal == principal)
            .map(|row| row.id.clone())
            .collect();
        let now = self.clock.now();
        rows.iter().filter(|row| state.unassign(row, now).is_ok()).count()
    }

    /// Returns everybody, sorted by id, the recycle bin included.
    pub fn people(&self) -> Vec<PersonView> {
        let state = self.state();
        let mut memberships = state.memberships();
        let people = state.people.iter();
        people
            .map(|(id, person)| {
                view_person(*id, person, memberships.remove(id).unwrap_or_default())
            })
            .collect()
    }

    /// Returns a person by object id, user principal name or address, or `None`.
    pub fn person(&self, key: &str) -> Option<PersonView> {
        let state = self.state();
        let by_mail = || {
            let wanted = key.to_lowercase();
            let mut people = state.people.iter();
            let held = |person: &Person| {
                person.attributes.text("mail").is_some_and(|mail| mail.to_lowercase() == wanted)
            };
            people.find(|(_, person)| held(person)).map(|(id, _)| *id)
        };
        let id = Uuid::try_parse(key).ok().or_else(|| state.person_by_upn(key)).or_else(by_mail)?;
        let person = state.people.get(&id)?;
        let groups = state.groups.iter().filter(|(_, group)| group.members.contains(&id));
        let groups = groups.map(|(group, _)| *group).collect();
        Some(view_person(id, person, groups))
    }

    /// Returns all groups, sorted by id, the recycle bin included.
    pub fn groups(&self) -> Vec<GroupView> {
        self.state().groups.iter().map(|(id, group)| view_group(*id, group)).collect()
    }

    /// Returns a group by object id or, in any case, by name, or `None`.
    pub fn group(&self, key: &str) -> Option<GroupView> {
        let state = self.state();
        let wanted = key.to_lowercase();
        let named = || {
            let mut groups = state.groups.iter();
            let held = |group: &Group| {
                let name = group.attributes.text("displayName");
                name.is_some_and(|name| name.to_lowercase() == wanted)
            };
            groups.find(|(_, group)| held(group)).map(|(id, _)| *id)
        };
        let id = Uuid::try_parse(key).ok().or_else(named)?;
        state.groups.get(&id).map(|group| view_group(id, group))
    }

    /// Returns the rows of the application as a reader would see them, oldest first.
    pub fn assignments(&self) -> Vec<AssignmentView> {
        let state = self.state();
        let roles = roles_of(&state, self.application);
        state
            .rows_of(self.application)
            .map(|(_, row)| AssignmentView {
                id: row.id.clone(),
                principal: row.principal,
                principal_type: row.principal_type,
                role: row.role,
                role_value: roles
                    .iter()
                    .find(|role| role.id == row.role)
                    .and_then(|role| role.value.clone()),
                application: row.application,
            })
            .collect()
    }

    /// Returns the people whom the application would provision: outside the recycle bin, with a
    /// row that is no Default Access, of their own or of a group that they are a direct member of.
    pub fn entitled(&self) -> Vec<PersonView> {
        let state = self.state();
        let mut memberships = state.memberships();
        let assigned: std::collections::BTreeSet<Uuid> = state
            .rows_of(self.application)
            .filter(|(_, row)| {
                !row.role.is_nil() && row.principal_type != PrincipalType::ServicePrincipal
            })
            .map(|(_, row)| row.principal)
            .collect();
        state
            .people
            .iter()
            .filter(|(_, person)| person.deleted.is_none())
            .filter_map(|(id, person)| {
                let groups = memberships.remove(id).unwrap_or_default();
                let through = groups.iter().any(|group| assigned.contains(group));
                (through || assigned.contains(id)).then(|| view_person(*id, person, groups))
            })
            .collect()
    }

    /// Returns the application.
    pub fn application(&self) -> ApplicationView {
        let state = self.state();
        let held = state.applications.get(&self.application);
        let text = |name: &str| held.and_then(|held| held.attributes.text(name));
        ApplicationView {
            id: self.application,
            app_id: text("appId").and_then(|id| Uuid::try_parse(id).ok()).unwrap_or_default(),
            name: text("displayName").unwrap_or_default().to_owned(),
            roles: roles_of(&state, self.application),
        }
    }

    /// Returns a role of the application by its id, its value or its name; `default` and
    /// `Default Access` are nil.
    ///
    /// # Errors
    /// When there is no such role.
    pub fn role(&self, key: &str) -> Result<Uuid, TenantError> {
        if ["default", "default access"].contains(&key.to_lowercase().as_str()) {
            return Ok(Uuid::nil());
        }
        let state = self.state();
        let fits = |role: &RoleView| {
            role.value.as_deref() == Some(key)
                || role.name == key
                || Uuid::try_parse(key).ok() == Some(role.id)
        };
        let found = roles_of(&state, self.application).into_iter().find(fits);
        match (found, Uuid::try_parse(key)) {
            (Some(role), _) => Ok(role.id),
            (None, Ok(id)) if id.is_nil() => Ok(id),
            (None, _) => Err(TenantError::NoRole(key.to_owned())),
        }
    }

    /// Replaces the roles that the application declares.
    pub fn set_roles(&self, roles: Vec<RoleView>) {
        let mut state = self.state();
        if let Some(held) = state.applications.get_mut(&self.application) {
            held.roles = roles;
        }
    }

    /// Returns how many objects there are.
    pub fn totals(&self) -> Totals {
        let state = self.state();
        let living = || state.people.values().filter(|person| person.deleted.is_none());
        let disabled = |person: &&Person| person.attributes.flag("accountEnabled") == Some(false);
        let guest = |person: &&Person| person.attributes.text("userType") == Some("Guest");
        let people = living().count();
        Totals {
            people,
            guests: living().filter(guest).count(),
            disabled: living().filter(disabled).count(),
            deleted: state.people.len() - people,
            groups: state.groups.values().filter(|group| group.deleted.is_none()).count(),
            memberships: state.groups.values().map(|group| group.members.len()).sum(),
            assignments: state.rows_of(self.application).count(),
        }
    }

    /// Returns the client id of the registration.
    pub fn client_id(&self) -> Uuid {
        self.registration().client_id
    }

    /// Returns the permissions that are granted, sorted.
    pub fn permissions(&self) -> Vec<String> {
        self.registration().permissions.iter().cloned().collect()
    }

    /// Replaces the permissions. Tokens that were issued keep theirs.
    pub fn set_permissions(&self, permissions: impl IntoIterator<Item = String>) {
        self.registration().permissions = permissions.into_iter().collect();
    }

    /// Takes one permission away; tokens that were issued keep it. Returns whether it was there.
    pub fn revoke_permission(&self, permission: &str) -> bool {
        self.registration().permissions.remove(permission)
    }

    /// Replaces all secrets by one, which ends at `expires`.
    pub fn set_secret(&self, secret: SecretString, expires: Option<Timestamp>) {
        self.registration().secrets = vec![Secret { value: secret, expires }];
    }

    /// Lets all secrets end now.
    pub fn expire_secrets(&self) {
        let now = self.clock.now();
        for secret in &mut self.registration().secrets {
            secret.expires = Some(now);
        }
    }

    /// Registers a certificate; keys in the PEM are not read.
    ///
    /// # Errors
    /// When the PEM holds no certificate with an RSA key.
    pub fn add_certificate(&self, pem: &str) -> Result<(), TenantError> {
        let certificate = Certificate::from_pem(pem)?;
        let mut registration = self.registration();
        registration.certificates.retain(|held| held.sha256 != certificate.sha256);
        registration.certificates.push(certificate);
        Ok(())
    }

    /// Removes all certificates.
    pub fn remove_certificates(&self) {
        self.registration().certificates.clear();
    }

    /// Lets the registration sign in, or not.
    pub fn set_registration_enabled(&self, enabled: bool) {
        self.registration().enabled = enabled;
    }

    /// Replaces the choices.
    pub fn set_switches(&self, switches: Switches) {
        self.state().switches = switches;
    }

    /// Forgets how the directory came to be what it is. Only for a tenant that nobody has read yet:
    /// who holds a delta token would miss what is forgotten.
    pub fn forget_changes(&self) {
        let mut state = self.state();
        state.people_log.clear();
        state.groups_log.clear();
    }

    /// Ends every delta token that was issued so far.
    pub fn reset_deltas(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }
}

fn roles_of(state: &State, application: Uuid) -> Vec<RoleView> {
    state.applications.get(&application).map(|held| held.roles.clone()).unwrap_or_default()
}

fn view_person(id: Uuid, person: &Person, groups: Vec<Uuid>) -> PersonView {
    PersonView {
        id,
        deleted: person.deleted.map(|at| at.to_string()),
        manager: person.manager,
        groups,
        attributes: person.attributes.to_map(),
    }
}

fn view_group(id: Uuid, group: &Group) -> GroupView {
    GroupView {
        id,
        deleted: group.deleted.map(|at| at.to_string()),
        members: group.members.iter().copied().collect(),
        attributes: group.attributes.to_map(),
    }
}
