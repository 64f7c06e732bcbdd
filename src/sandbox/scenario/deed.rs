//! Deeds done.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::clock::Clock;
use crate::sandbox::faults::Faults;
use crate::sandbox::graph::Tenant;
use crate::sandbox::graph::attributes::Attributes;
use crate::sandbox::graph::views::{NewGroup, NewPerson};
use crate::sandbox::sharefile::Sharefile;

use super::{Deed, NewObject};

/// Where deeds are done.
#[derive(Clone)]
pub struct Stage {
    /// The tenant of Entra ID.
    pub entra: Arc<Tenant>,
    /// The tenant of ShareFile.
    pub sharefile: Arc<Sharefile>,
    /// What goes wrong.
    pub faults: Arc<Faults>,
    /// The time in the sandbox.
    pub clock: Arc<dyn Clock>,
}

/// Why a deed was not done, for people.
type Undone = Result<(), String>;

impl Stage {
    fn person(&self, who: &str) -> Result<Uuid, String> {
        let found = self.entra.person(who);
        found.map(|person| person.id).ok_or_else(|| format!("there is no person `{who}`"))
    }

    fn group(&self, which: &str) -> Result<Uuid, String> {
        let found = self.entra.group(which);
        found.map(|group| group.id).ok_or_else(|| format!("there is no group `{which}`"))
    }

    fn principal(&self, key: &str) -> Result<Uuid, String> {
        let found = self.person(key).or_else(|_| self.group(key));
        found.map_err(|_| format!("there is no person or group `{key}`"))
    }

    fn account(&self, address: &str) -> Result<String, String> {
        let found = self.sharefile.account_of(address).map(|account| account.id);
        found.ok_or_else(|| format!("there is no account `{address}` at ShareFile"))
    }

    fn assign(&self, principal: Uuid, role: &str) -> Undone {
        let role = said(self.entra.role(role))?;
        said(self.entra.assign(principal, role)).map(|_| ())
    }

    fn members(&self, group: &str, members: &[String], add: bool) -> Undone {
        let group = self.group(group)?;
        for member in members {
            let member = self.principal(member)?;
            said(match add {
                true => self.entra.add_member(group, member),
                false => self.entra.remove_member(group, member),
            })?;
        }
        Ok(())
    }

    /// Takes away everything that gives a person access.
    fn leave(&self, who: &str) -> Undone {
        let person = self.entra.person(who).ok_or_else(|| format!("there is no person `{who}`"))?;
        self.entra.unassign_principal(person.id);
        for group in person.groups {
            said(self.entra.remove_member(group, person.id))?;
        }
        Ok(())
    }

    fn set_entra(&self, settings: &Value) -> Undone {
        if let Some(changed) = settings.get("switches") {
            let switches = overlaid(&self.entra.switches(), changed)?;
            self.entra.set_switches(switches);
        }
        if let Some(permissions) = settings.get("permissions") {
            let permissions: Vec<String> = said(serde_json::from_value(permissions.clone()))?;
            self.entra.set_permissions(permissions);
        }
        Ok(())
    }

    fn set_sharefile(&self, settings: &Value) -> Undone {
        if let Some(changed) = settings.get("switches") {
            let switches = overlaid(&self.sharefile.switches(), changed)?;
            self.sharefile.set_switches(switches);
        }
        let licences = settings.get("licences").and_then(Value::as_u64);
        if let Some(licences) = licences.and_then(|licences| u32::try_from(licences).ok()) {
            self.sharefile.set_employee_max(licences);
        }
        if let Some(domains) = settings.get("employee_domains") {
            self.sharefile.set_employee_domains(said(serde_json::from_value(domains.clone()))?);
        }
        if let Some(roles) = settings.get("service_roles") {
            let roles: Vec<String> = said(serde_json::from_value(roles.clone()))?;
            self.sharefile.set_service_roles(&roles);
        }
        Ok(())
    }
}

impl Deed {
    /// Does what concerns one object alone.
    pub(super) fn make(&self, on: &Stage) -> Undone {
        match self {
            Self::Join(new) => {
                let person = NewPerson {
                    id: new.id,
                    attributes: Attributes::from_list(listed(&new.attributes)),
                    manager: None,
                };
                said(on.entra.add_person(person)).map(|_| ())
            }
            Self::AddGroup(new) => {
                let group = NewGroup { id: new.id, attributes: listed(&new.attributes) };
                said(on.entra.add_group(group)).map(|_| ())
            }
            Self::AddAccount(new) => {
                let new: crate::sandbox::sharefile::NewAccount =
                    said(serde_json::from_value(new.clone()))?;
                if on.sharefile.account_of(&new.email).is_some() {
                    return Err(format!("the address `{}` belongs to another account", new.email));
                }
                on.sharefile.add_account(new);
                Ok(())
            }
            Self::Fault(fault) => {
                on.faults.add((**fault).clone());
                Ok(())
            }
            Self::Entra(settings) => on.set_entra(settings),
            Self::Sharefile(settings) => on.set_sharefile(settings),
            _ => Ok(()),
        }
    }

    /// Does what concerns several objects.
    pub(super) fn link(&self, on: &Stage) -> Undone {
        match self {
            Self::Join(new) => {
                let who = new.name("userPrincipalName");
                let groups = new.others.iter();
                groups.clone().try_for_each(|group| on.members(group, &[who.to_owned()], true))?;
                new.role.as_deref().map_or(Ok(()), |role| on.assign(on.person(who)?, role))
            }
            Self::AddGroup(new) => {
                let which = new.name("displayName");
                on.members(which, &new.others, true)?;
                new.role.as_deref().map_or(Ok(()), |role| on.assign(on.group(which)?, role))
            }
            Self::Assign(who, role) => on.assign(on.principal(who)?, role),
            _ => Ok(()),
        }
    }

    /// Does all of it.
    pub(super) fn perform(&self, on: &Stage) -> Undone {
        match self {
            Self::Join(_) | Self::AddGroup(_) | Self::Assign(..) | Self::AddAccount(_) => {
                self.make(on)?;
                self.link(on)
            }
            Self::Fault(_) | Self::Entra(_) | Self::Sharefile(_) => self.make(on),
            Self::Leave(who) => on.leave(who),
            Self::Rename(who, set) | Self::Edit(who, set) => {
                said(on.entra.edit_person(on.person(who)?, set))
            }
            Self::Enable(who, enabled) => said(on.entra.set_enabled(on.person(who)?, *enabled)),
            Self::Delete(who) => said(on.entra.soft_delete_person(on.person(who)?)),
            Self::Purge(who) => said(on.entra.hard_delete_person(on.person(who)?)),
            Self::Restore(who) => said(on.entra.restore_person(on.person(who)?)),
            Self::Unassign(who) => match on.entra.unassign_principal(on.principal(who)?) {
                0 => Err(format!("nothing is assigned to `{who}`")),
                _ => Ok(()),
            },
            Self::AddMembers(group, members) => on.members(group, members, true),
            Self::RemoveMembers(group, members) => on.members(group, members, false),
            Self::EditGroup(group, set) => said(on.entra.edit_group(on.group(group)?, set)),
            Self::DeleteGroup(group) => said(on.entra.delete_group(on.group(group)?)),
            Self::RestoreGroup(group) => said(on.entra.restore_group(on.group(group)?)),
            Self::EditAccount(address, set) => {
                let id = on.account(address)?;
                said(on.sharefile.edit_account(&id, set.clone())).map(|_| ())
            }
            Self::RemoveAccount(address) => {
                on.sharefile.remove_account(&on.account(address)?);
                Ok(())
            }
            Self::ClearFaults => {
                on.faults.clear();
                Ok(())
            }
            Self::EndDeltas => {
                on.entra.reset_deltas();
                Ok(())
            }
            Self::EndTokens => {
                on.sharefile.revoke_tokens(true);
                Ok(())
            }
        }
    }
}

impl NewObject {
    /// Returns a text among its properties, empty if there is none.
    pub(super) fn name(&self, property: &str) -> &str {
        self.attributes.get(property).and_then(Value::as_str).unwrap_or_default()
    }
}

fn listed(
    attributes: &Map<String, Value>,
) -> Vec<(crate::sandbox::graph::attributes::Name, Value)> {
    attributes.iter().map(|(name, value)| (name.clone().into(), value.clone())).collect()
}

/// Returns switches with some of them changed.
pub(super) fn overlaid<T>(switches: &T, changed: &Value) -> Result<T, String>
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let mut all = json!(switches);
    if let (Some(all), Some(changed)) = (all.as_object_mut(), changed.as_object()) {
        all.extend(changed.clone());
    }
    said(serde_json::from_value(all))
}

fn said<T>(outcome: Result<T, impl std::error::Error>) -> Result<T, String> {
    outcome.map_err(|error| error.to_string())
}
