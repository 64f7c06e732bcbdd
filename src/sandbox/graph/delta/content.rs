//! What a page of a delta round holds.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::call::Call;
use super::super::log::Summary;
use super::super::state::State;
use super::super::switches::{HiddenMembers, ManagerRemoval};
use super::super::{objects, page};
use super::{Feed, Round};

/// What of an object a round shows.
pub struct View {
    names: Vec<String>,
    members: bool,
    manager: bool,
    minimal: bool,
    /// Whether the caller may see hidden members.
    hidden: HiddenMembers,
}

impl View {
    /// Returns what a round shows to a caller.
    pub fn of(round: &Round, call: &Call, state: &State) -> Self {
        let minimal = call.header("prefer").is_some_and(|text| text.contains("return=minimal"));
        let selects = |name: &str| {
            round.select.as_ref().is_some_and(|names| names.iter().any(|known| known == name))
        };
        let manager = round.feed == Feed::Users && selects("manager");
        let hidden = match call.may(&["Member.Read.Hidden"]) {
            true => HiddenMembers::Shown,
            false => state.switches.hidden_members,
        };
        let (mut names, mut members) = match &round.select {
            None => (page::defaults(round.feed.table()), round.feed == Feed::Groups),
            Some(names) => (names.clone(), selects("members")),
        };
        members &= round.feed == Feed::Groups;
        names.retain(|name| !matches!(name.as_str(), "id" | "members" | "owners" | "manager"));
        Self { names, members, manager, minimal, hidden }
    }

    fn concerns(&self, summary: &Summary) -> bool {
        summary.existence
            || (self.members && !summary.members.is_empty())
            || (self.manager && summary.manager.is_some())
            || summary.properties.iter().any(|changed| self.names.iter().any(|n| n == changed))
    }
}

/// A page that is being filled.
pub struct Page<'a> {
    /// The directory.
    pub state: &'a State,
    /// What the caller asked for.
    pub view: View,
    /// How many objects fit.
    pub objects_left: usize,
    /// How many members fit.
    pub members_left: usize,
    /// The rows.
    pub values: Vec<Value>,
}

impl Page<'_> {
    /// Fills the page and moves the round's position. Returns whether something is left.
    pub fn fill(&mut self, round: &mut Round) -> bool {
        match round.from {
            None => {
                let start = round.position.map_or(Uuid::nil(), |(id, _)| id);
                let state = self.state;
                // Only what is there; but removals may still appear (section 4, "First round").
                let removals = state.switches.delta_initial_removals;
                let ids: Box<dyn Iterator<Item = Uuid>> = match round.feed {
                    Feed::Users => Box::new(
                        state
                            .people
                            .range(start..)
                            .filter(move |(_, person)| removals || person.deleted.is_none())
                            .map(|(id, _)| *id),
                    ),
                    Feed::Groups => Box::new(
                        state
                            .groups
                            .range(start..)
                            .filter(move |(_, group)| removals || group.deleted.is_none())
                            .map(|(id, _)| *id),
                    ),
                };
                self.take(round, ids.map(|id| (id, None)))
            }
            Some(from) => {
                let log = match round.feed {
                    Feed::Users => &self.state.people_log,
                    Feed::Groups => &self.state.groups_log,
                };
                let changed = log.between(from, round.to).into_iter();
                self.take(round, changed.map(|(id, summary)| (id, Some(summary))))
            }
        }
    }

    fn take(
        &mut self,
        round: &mut Round,
        objects: impl Iterator<Item = (Uuid, Option<Summary>)>,
    ) -> bool {
        let began_at = round.position;
        let only = round.only.clone();
        for (id, summary) in objects {
            let resume = match began_at {
                Some((last, None)) if id <= last => continue,
                Some((last, Some(_))) if id < last => continue,
                Some((last, Some(member))) if id == last => Some(member),
                _ => None,
            };
            let meant = only.is_empty() || only.contains(&id);
            if !meant || summary.as_ref().is_some_and(|summary| !self.view.concerns(summary)) {
                continue;
            }
            if self.objects_left == 0 || self.members_left == 0 {
                return true;
            }
            let unfinished_at = self.put(round.feed, id, summary.as_ref(), resume);
            round.position = Some((id, unfinished_at));
            self.objects_left -= 1;
            if unfinished_at.is_some() {
                return true;
            }
        }
        false
    }

    /// Puts one object onto the page. Returns the last member if others are left.
    fn put(
        &mut self,
        feed: Feed,
        id: Uuid,
        summary: Option<&Summary>,
        resume: Option<Uuid>,
    ) -> Option<Uuid> {
        let mut shown = Map::new();
        shown.insert("id".into(), json!(id.to_string()));
        let deleted = match feed {
            Feed::Users => self.state.people.get(&id).map(|held| held.deleted.is_some()),
            Feed::Groups => self.state.groups.get(&id).map(|held| held.deleted.is_some()),
        };
        let reason = match deleted {
            None => Some("deleted"),
            Some(true) => Some("changed"),
            Some(false) => None,
        };
        let mut left = None;
        if let Some(reason) = reason {
            shown.insert("@removed".into(), json!({ "reason": reason }));
        } else {
            self.put_properties(feed, id, summary, &mut shown);
            if self.view.manager {
                self.put_manager(id, summary, &mut shown);
            }
            if feed == Feed::Groups && self.view.members {
                left = self.put_members(id, summary, resume, &mut shown);
            }
        }
        self.values.push(Value::Object(shown));
        left
    }

    /// Puts the selected properties that ever had a value; with `return=minimal` only changed ones.
    fn put_properties(
        &self,
        feed: Feed,
        id: Uuid,
        summary: Option<&Summary>,
        shown: &mut Map<String, Value>,
    ) {
        for name in &self.view.names {
            let skipped = self.view.minimal
                && summary.is_some_and(|summary| {
                    !summary.appeared && !summary.properties.iter().any(|known| known == name)
                });
            if skipped {
                continue;
            }
            let (attributes, cleared, value) = match feed {
                Feed::Users => match self.state.people.get(&id) {
                    None => continue,
                    Some(held) => (
                        &held.attributes,
                        &held.cleared,
                        objects::person_property(self.state, id, held, name),
                    ),
                },
                Feed::Groups => match self.state.groups.get(&id) {
                    None => continue,
                    Some(held) => {
                        (&held.attributes, &held.cleared, objects::group_property(id, held, name))
                    }
                },
            };
            let had = attributes.has(name) || cleared.iter().any(|known| known == name);
            if had {
                shown.insert(name.clone(), value);
            }
        }
    }

    /// Puts the manager, and the former one if they went: ids and nothing else (section 3).
    fn put_manager(&self, id: Uuid, summary: Option<&Summary>, shown: &mut Map<String, Value>) {
        let Some(person) = self.state.people.get(&id) else {
            return;
        };
        let changed = summary.and_then(|summary| summary.manager);
        let appeared = summary.is_none_or(|summary| summary.appeared);
        if self.view.minimal && changed.is_none() && !appeared {
            return;
        }
        let element = self.state.switches.manager_removal == ManagerRemoval::Element;
        let former = changed.flatten().filter(|former| element && Some(*former) != person.manager);
        let elements: Vec<Value> = former
            .map(|former| self.member(former, false))
            .into_iter()
            .chain(self.state.manager(person).map(|(manager, _)| self.member(manager, true)))
            .collect();
        if !elements.is_empty() || changed.is_some() {
            shown.insert("manager@delta".into(), Value::Array(elements));
        }
    }

    /// Puts as many members as fit. Members in the recycle bin are not mentioned.
    fn put_members(
        &mut self,
        id: Uuid,
        summary: Option<&Summary>,
        resume: Option<Uuid>,
        shown: &mut Map<String, Value>,
    ) -> Option<Uuid> {
        let group = self.state.groups.get(&id)?;
        if group.hides_members() && self.view.hidden != HiddenMembers::Shown {
            return None;
        }
        let mut changes: BTreeMap<Uuid, bool> = match summary {
            Some(summary) => summary.members.clone(),
            None => BTreeMap::new(),
        };
        if summary.is_none_or(|summary| summary.appeared) {
            changes.extend(group.members.iter().map(|member| (*member, true)));
        }
        let mut elements = Vec::new();
        let mut last = None;
        let mut left = false;
        for (member, added) in changes {
            if resume.is_some_and(|resume| member <= resume) || (added && !self.shown(member)) {
                continue;
            }
            if self.members_left == 0 {
                left = true;
                break;
            }
            self.members_left -= 1;
            elements.push(self.member(member, added));
            last = Some(member);
        }
        if !elements.is_empty() {
            shown.insert("members@delta".into(), Value::Array(elements));
        }
        last.filter(|_| left)
    }

    fn shown(&self, member: Uuid) -> bool {
        let person = self.state.people.get(&member).map(|held| held.deleted.is_none());
        let group = self.state.groups.get(&member).map(|held| held.deleted.is_none());
        person.or(group).unwrap_or_else(|| {
            self.state.devices.contains_key(&member)
                || self.state.applications.contains_key(&member)
        })
    }

    fn member(&self, member: Uuid, added: bool) -> Value {
        let kind = if self.state.groups.contains_key(&member) {
            "group"
        } else if self.state.devices.contains_key(&member) {
            "device"
        } else if self.state.applications.contains_key(&member) {
            "servicePrincipal"
        } else {
            "user"
        };
        let mut element = Map::new();
        element.insert("@odata.type".into(), json!(format!("#microsoft.graph.{kind}")));
        element.insert("id".into(), json!(member.to_string()));
        if !added {
            element.insert("@removed".into(), json!({"reason": "deleted"}));
        }
        Value::Object(element)
    }
}
