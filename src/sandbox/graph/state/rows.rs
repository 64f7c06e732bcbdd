//! Applications, and who is assigned to them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::ids::Timestamp;

use super::super::TenantError;
use super::super::views::PrincipalType;
use super::{Application, Row, State};

impl State {
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
        self.remember_row(self.next_row, now);
        self.rows.insert(self.next_row, row);
        self.held.insert((application, principal, role), self.next_row);
        Ok(id)
    }

    /// Takes one row away.
    pub fn unassign(&mut self, row_id: &str, now: Timestamp) -> Result<(), TenantError> {
        let found = self.rows.iter().find(|(_, row)| row.id == row_id).map(|(key, _)| *key);
        let key = found.ok_or_else(|| TenantError::NoRow(row_id.to_owned()))?;
        self.remember_row(key, now);
        let row = self.rows.remove(&key).ok_or_else(|| TenantError::NoRow(row_id.to_owned()))?;
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

    /// Returns whether a reader sees a row.
    pub fn row_shown(&self, row: &Row) -> bool {
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
}
