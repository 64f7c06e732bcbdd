//! The directory: people, groups, applications and assignments, and how they change.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::model::ids::Timestamp;

use super::TenantError;
use super::attributes::{Attributes, Name};
use super::dice::Dice;
use super::history::History;
use super::log::{Change, Log};
use super::properties::{self, Property};
use super::switches::Switches;
use super::views::{PrincipalType, RoleView};

mod groups;
mod people;
mod rows;

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
    /// Who leads them.
    pub manager: Option<Uuid>,
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Properties with a value.
    pub attributes: Attributes,
    /// Properties that had a value once and have none now.
    pub cleared: Vec<Name>,
    /// Direct members: people, groups, devices and applications. Those in the recycle bin keep their membership.
    pub members: BTreeSet<Uuid>,
    /// Since when in the recycle bin.
    pub deleted: Option<Timestamp>,
}

impl Group {
    /// Returns whether it is a Microsoft 365 group.
    pub fn unified(&self) -> bool {
        let types = self.attributes.get("groupTypes");
        let types = types.as_ref().and_then(Value::as_array);
        types.is_some_and(|types| types.iter().any(|kind| kind == "Unified"))
    }

    /// Returns whether only a caller with a permission of its own may see the members.
    pub fn hides_members(&self) -> bool {
        self.attributes.text("visibility") == Some("HiddenMembership")
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
    /// Devices by object id.
    pub devices: BTreeMap<Uuid, Attributes>,
    /// Service principals by object id.
    pub applications: BTreeMap<Uuid, Application>,
    /// Assignment rows in the order in which they were made.
    pub rows: BTreeMap<u64, Row>,
    /// Changes of people.
    pub people_log: Log,
    /// Changes of groups and memberships.
    pub groups_log: Log,
    /// Earlier states of people, for the index that lags.
    pub past_people: History<Uuid, Person>,
    /// Earlier states of groups.
    pub past_groups: History<Uuid, Group>,
    /// Earlier states of assignment rows.
    pub past_rows: History<u64, Row>,
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
            devices: BTreeMap::new(),
            applications: BTreeMap::new(),
            rows: BTreeMap::new(),
            people_log: Log::default(),
            groups_log: Log::default(),
            past_people: History::default(),
            past_groups: History::default(),
            past_rows: History::default(),
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
        let horizon = now.plus_ms(-lag_ms(self.switches.index_lag_secs));
        self.past_people.forget_before(horizon);
        self.past_groups.forget_before(horizon);
        let horizon = now.plus_ms(-lag_ms(self.switches.assignment_lag_secs));
        self.past_rows.forget_before(horizon);
    }

    /// Keeps what a person is before a change, if the index lags.
    fn remember_person(&mut self, id: Uuid, now: Timestamp) {
        if self.switches.index_lag_secs > 0 {
            self.past_people.note(now, id, self.people.get(&id).cloned());
        }
    }

    /// Keeps what a group is before a change, if the index lags.
    fn remember_group(&mut self, id: Uuid, now: Timestamp) {
        if self.switches.index_lag_secs > 0 {
            self.past_groups.note(now, id, self.groups.get(&id).cloned());
        }
    }

    /// Keeps what a row is before a change, if assignments lag.
    fn remember_row(&mut self, key: u64, now: Timestamp) {
        if self.switches.assignment_lag_secs > 0 {
            self.past_rows.note(now, key, self.rows.get(&key).cloned());
        }
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

    /// Returns what a principal is called, or `None` if there is none.
    pub fn display_name(&self, principal: Uuid) -> Option<&str> {
        let attributes = match (self.people.get(&principal), self.groups.get(&principal)) {
            (Some(person), _) => &person.attributes,
            (None, Some(group)) => &group.attributes,
            (None, None) => match self.devices.get(&principal) {
                Some(device) => device,
                None => &self.applications.get(&principal)?.attributes,
            },
        };
        attributes.text("displayName")
    }
}

fn lag_ms(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}

fn fill<const N: usize>(attributes: &mut Attributes, defaults: [(&'static str, Value); N]) {
    for (name, value) in defaults {
        if !attributes.has(name) {
            attributes.set(name, &value);
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
        if !attributes.set(name, value) {
            continue;
        }
        let name: Name = Cow::Owned(name.clone());
        cleared.retain(|known| *known != name);
        if !attributes.has(&name) {
            cleared.push(name.clone());
        }
        changed.push(name);
    }
    changed.sort_unstable();
    changed
}

fn check_names<'a>(
    table: &'static [Property],
    names: impl Iterator<Item = &'a str>,
) -> Result<(), TenantError> {
    for name in names {
        let fixed = name == "id" || name == "deletedDateTime";
        if fixed || !(properties::find(table, name).is_some() || properties::is_extension(name)) {
            return Err(TenantError::NoProperty(name.to_owned()));
        }
    }
    Ok(())
}
