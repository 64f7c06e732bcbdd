//! The names that assigned groups are to have, and which of them are the same.

use std::collections::{BTreeMap, HashMap};

use crate::model::group::SourceGroup;
use crate::model::identity::Presence;
use crate::model::ids::SourceAnchor;

use crate::plan::input::PlanInput;
use crate::plan::map::{Given, Single};
use crate::plan::rules::GroupRules;

use super::parts::part_name;
use super::view::name_key;

/// Names of groups.
#[derive(Default)]
pub struct Names {
    of: BTreeMap<SourceAnchor, String>,
    wanted: HashMap<String, Vec<SourceAnchor>>,
    failed: BTreeMap<SourceAnchor, String>,
}

impl Names {
    /// Maps the names of all groups that could be read; `counts` says which of them are assigned.
    pub fn new(
        input: &PlanInput<'_>,
        rules: &GroupRules,
        counts: &dyn Fn(SourceAnchor) -> bool,
    ) -> Self {
        let mut names = Self::default();
        let (source, given) =
            (Single::new(&rules.name, &input.rules.group_attributes), Given::default());
        for group in input.groups.groups.iter().filter(|one| one.presence == Presence::Present) {
            let name = match source.eval(&group.attributes, &given) {
                Ok(said) => said.value(),
                Err(why) => {
                    names.failed.insert(group.anchor, why);
                    continue;
                }
            };
            let Some(name) = name else {
                continue;
            };
            if counts(group.anchor) {
                names.wanted.entry(name_key(&name)).or_default().push(group.anchor);
            }
            names.of.insert(group.anchor, name.into_owned());
        }
        // The further parts of a group have names of their own.
        for link in input.groups.links.iter().map(|standing| &standing.link) {
            if let Some(name) = names.of.get(&link.anchor).filter(|_| link.part > 1) {
                let key = name_key(&part_name(name, link.part));
                names.wanted.entry(key).or_default().push(link.anchor);
            }
        }
        names
    }

    /// Returns the name that a group is to have; `None` if it could not be read or has none.
    pub fn of(&self, group: &SourceGroup) -> Option<String> {
        self.of.get(&group.anchor).cloned()
    }

    /// Returns why the name that a group is to have cannot be told.
    pub fn failure(&self, group: &SourceGroup) -> Option<&str> {
        self.failed.get(&group.anchor).map(String::as_str)
    }

    /// Returns the name that a group is to have, by its anchor.
    pub fn of_anchor(&self, anchor: SourceAnchor) -> Option<&str> {
        self.of.get(&anchor).map(String::as_str)
    }

    /// Says that several groups want one name.
    pub fn clash(&self, others: &[SourceAnchor], name: &str) -> String {
        format!("{} in Entra ID want the name {name}", self.listed(others))
    }

    /// Returns groups in words: their names, and their ids.
    pub fn listed(&self, anchors: &[SourceAnchor]) -> String {
        let named = |anchor: &SourceAnchor| match self.of_anchor(*anchor) {
            Some(name) => format!("{name} ({anchor})"),
            None => format!("the group {anchor}"),
        };
        anchors.iter().map(named).collect::<Vec<_>>().join(" and ")
    }

    /// Returns all assigned groups that are to have a name, if another one than `anchor` is among
    /// them.
    pub fn others(&self, name: &str, anchor: SourceAnchor) -> Vec<SourceAnchor> {
        let all = self.wanted.get(&name_key(name)).map(Vec::as_slice).unwrap_or_default();
        if all.iter().all(|other| *other == anchor) {
            return Vec::new();
        }
        let mut all = all.to_vec();
        all.push(anchor);
        all.sort_unstable();
        all.dedup();
        all
    }
}
