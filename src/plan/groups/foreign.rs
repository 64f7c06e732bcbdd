//! Groups of the target that this job did not make: which have a name that a group wants, and which
//! of them several groups would take over.

use std::collections::HashMap;

use super::*;

/// The groups of the target that no link names, by their names.
pub(super) struct Foreign<'a> {
    by_name: HashMap<String, Vec<&'a TargetGroup>>,
}

impl<'a> Foreign<'a> {
    /// Sorts the groups that were read. The Super User Group is nobody's, as far as it is known.
    pub(super) fn new(input: &PlanInput<'a>) -> Self {
        let links = input.groups.links.iter();
        let owned: BTreeSet<&TargetId> = links.map(|standing| &standing.link.target_id).collect();
        let tenant = input.target.tenant.as_ref();
        let super_group = tenant.and_then(|tenant| tenant.super_group.as_ref());
        let foreign = input
            .target
            .groups
            .iter()
            .filter(|group| !owned.contains(&group.id) && super_group != Some(&group.id));
        let mut by_name: HashMap<String, Vec<&TargetGroup>> = HashMap::new();
        for group in foreign {
            by_name.entry(name_key(&group.name)).or_default().push(group);
        }
        Self { by_name }
    }

    fn of_name(&self, name: &str) -> Vec<&'a TargetGroup> {
        self.by_name.get(&name_key(name)).cloned().unwrap_or_default()
    }
}

impl<'a> Planner<'a> {
    /// Returns the groups of others that have a name; `None` if something has to be asked first: the
    /// list, or which of them is the Super User Group.
    pub(super) fn of_name(
        &mut self,
        name: &str,
        draft: &mut Draft<'a>,
    ) -> Option<Vec<&'a TargetGroup>> {
        self.needs.list |= !self.input.target.groups.listed;
        let found = self.foreign.of_name(name);
        self.told(found, draft)
    }

    /// Returns what was found, if nothing has to be asked first.
    pub(super) fn told<T>(&mut self, found: Vec<T>, draft: &mut Draft<'a>) -> Option<Vec<T>> {
        let listed = self.input.target.groups.listed;
        let blind = !found.is_empty() && self.input.target.tenant.is_none();
        self.needs.list |= !listed;
        self.needs.tenant |= blind;
        draft.open |= !listed || blind;
        (listed && !blind).then_some(found)
    }

    /// Returns the groups of the target that match, and the rule that found them.
    ///
    /// # Errors
    /// A rule that cannot be evaluated, and why.
    pub(super) fn matching(
        &self,
        group: &SourceGroup,
        name: &str,
    ) -> Result<(String, Vec<&'a TargetGroup>), String> {
        let given = Given::default();
        for (rule, source) in &self.sources {
            let text = || format!("Name = {}", rule.text());
            let said = source
                .eval(&group.attributes, &given)
                .map_err(|why| format!("`{}`: {why}", text()))?;
            let found = said.value().map(|value| self.foreign.of_name(&value)).unwrap_or_default();
            if !found.is_empty() {
                return Ok((text(), found));
            }
        }
        Ok((format!("Name = {}", self.rules.name.text()), self.foreign.of_name(name)))
    }

    /// Notes which group of the target is matched by which groups that have none yet: one that
    /// several match is taken over by none of them.
    pub(super) fn claim(&mut self) {
        if self.rules.adopt != Adopt::Always || !self.input.target.groups.listed {
            return;
        }
        let mut claims: BTreeMap<&TargetId, BTreeSet<SourceAnchor>> = BTreeMap::new();
        for group in self.input.groups.groups {
            let begins = (self.counts)(group.anchor) && self.parts(group.anchor).0.is_empty();
            let name = self.names.of(group).filter(|_| begins);
            let found = name.and_then(|name| self.matching(group, &name).ok());
            for found in found.into_iter().flat_map(|(_, found)| found) {
                claims.entry(&found.id).or_default().insert(group.anchor);
            }
        }
        self.claims = claims;
    }

    /// Returns the groups that match a group of the target, if there are others than `anchor`.
    pub(super) fn rivals(&self, found: &TargetGroup, anchor: SourceAnchor) -> Vec<SourceAnchor> {
        let claims = self.claims.get(&found.id).into_iter().flatten().copied();
        claims.filter(|other| *other != anchor).collect()
    }
}
