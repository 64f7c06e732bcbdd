//! The demo's groups: one is renamed now and then, and in the end each is as it should be.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::{Value, json};

use super::{Company, list, text};

impl Company {
    /// Gives an assigned group another name; returns what happened.
    pub(super) async fn rename_a_group(&self) -> Result<Option<String>> {
        let groups = self.assigned().await?;
        let Some((id, name)) = groups.into_iter().nth(self.round % 2) else { return Ok(None) };
        let new = format!(
            "{} {}",
            name.trim_end_matches(|c: char| c.is_ascii_digit()).trim(),
            self.round + 1
        );
        let patch = json!({ "displayName": new });
        self.send(reqwest::Method::PATCH, &format!("groups/{id}"), Some(patch)).await?;
        Ok(Some(format!("the group {name} is now called {new}")))
    }

    /// Compares the groups of ShareFile with what should be there, and returns every difference.
    ///
    /// Each assigned group is a shared group of its name with the members who have an account.
    /// Whoever left is disabled and may still be in it: memberships of leavers are kept.
    pub(super) async fn group_differences(&self) -> Result<Vec<String>> {
        let people = self.wanted().await?;
        let owned =
            |person: &String| people.contains_key(person).then(|| self.owned.get(person))?;
        let accounts = self.accounts().await?;
        let is_disabled = |id: &str| accounts.get(id).is_some_and(|one| one["disabled"] == true);
        let members = self.members().await?;
        let groups = self.get("sharefile/groups").await?;
        let mut found: BTreeMap<String, &Value> = BTreeMap::new();
        let mut differences = Vec::new();
        for group in list(&groups).iter().filter(|group| group["super_group"] != true) {
            if found.insert(text(group, "name"), group).is_some() {
                differences.push(format!("the group {} is there twice", text(group, "name")));
            }
        }
        for (id, name) in self.assigned().await? {
            let Some(group) = found.remove(&name) else {
                differences.push(format!("the group {name} is not there"));
                continue;
            };
            let wanted: BTreeSet<&String> =
                members.get(&id).into_iter().flatten().filter_map(owned).collect();
            let there: BTreeSet<String> = group["members"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|member| member.as_str().map(str::to_owned))
                .collect();
            for missing in wanted.iter().filter(|member| !there.contains(**member)) {
                differences.push(format!("{missing} is not in the group {name}"));
            }
            for extra in there.iter().filter(|member| !wanted.contains(member)) {
                if !is_disabled(extra) {
                    differences.push(format!("{extra} is in the group {name}"));
                }
            }
        }
        differences.extend(found.into_keys().map(|name| format!("the group {name} is nobody's")));
        Ok(differences)
    }

    /// Who is in which group, by the group's id.
    async fn members(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for person in list(&self.get("people?limit=1000000").await?) {
            for group in person["groups"].as_array().into_iter().flatten() {
                let group = group.as_str().unwrap_or_default().to_owned();
                members.entry(group).or_default().push(text(person, "id"));
            }
        }
        Ok(members)
    }

    /// Assigned groups whose assignment counts, by id, with their names.
    async fn assigned(&self) -> Result<BTreeMap<String, String>> {
        let wanted: BTreeSet<String> =
            self.assigned_groups().await?.into_iter().map(|(id, _)| id).collect();
        let groups = self.get("groups?limit=1000000").await?;
        Ok(list(&groups)
            .iter()
            .map(|group| (text(group, "id"), text(group, "displayName")))
            .filter(|(id, _)| wanted.contains(id))
            .collect())
    }
}
