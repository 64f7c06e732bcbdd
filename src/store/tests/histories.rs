//! A property: a full import and the deltas after it lead to the same snapshot as one full import
//! of the end state, and mark exactly those whose data changed.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::model::group::below;

const PEOPLE: u128 = 12;
const GROUPS: u128 = 5;

/// The whole tenant, of which the job sees a part.
#[derive(Clone)]
struct Tenant {
    users: Vec<SourceUser>,
    assignments: BTreeSet<Assignment>,
    memberships: BTreeSet<Membership>,
    edges: BTreeSet<GroupEdge>,
    names: BTreeMap<SourceAnchor, SourceGroup>,
}

impl Tenant {
    fn random(random: &mut StdRng) -> Self {
        let mut tenant = Self {
            users: (0..PEOPLE).map(|number| person(number, "v0")).collect(),
            assignments: BTreeSet::new(),
            memberships: BTreeSet::new(),
            edges: BTreeSet::new(),
            names: (0..GROUPS).map(|number| (group(number), named(number, "v0"))).collect(),
        };
        for _ in 0..30 {
            tenant.change(random);
        }
        tenant
    }

    fn change(&mut self, random: &mut StdRng) {
        let who = random.random_range(0..PEOPLE);
        let which = random.random_range(0..GROUPS);
        match random.random_range(0..12) {
            0 => {
                let name = format!("v{}", random.random_range(0..3));
                if let Some(user) = self.users.get_mut(who as usize) {
                    *user = person(who, &name);
                }
            }
            1 => {
                if let Some(user) = self.users.get_mut(who as usize) {
                    user.presence = Presence::SoftDeleted;
                }
            }
            2..=3 => toggle(&mut self.assignments, in_role(direct(who), which % 2)),
            4..=5 => toggle(&mut self.assignments, in_role(by_group(which), who % 2)),
            6 => {
                // Circles and groups that contain themselves are among them.
                let child = group(random.random_range(0..GROUPS));
                toggle(&mut self.edges, GroupEdge { child, parent: group(which) });
            }
            7 => {
                let name = format!("v{}", random.random_range(0..3));
                self.names.insert(group(which), named(which, &name));
            }
            _ => toggle(&mut self.memberships, member(who, which)),
        }
    }

    fn assigned(&self) -> BTreeSet<SourceAnchor> {
        self.assignments
            .iter()
            .filter(|row| row.kind == PrincipalKind::Group)
            .map(|row| row.principal)
            .collect()
    }

    /// Assigned groups, and those below them.
    fn groups(&self) -> BTreeSet<SourceAnchor> {
        below(self.assigned(), &self.edges)
    }

    /// What is handed over of a group: names are of no interest below assigned groups.
    fn group(&self, anchor: SourceAnchor) -> SourceGroup {
        let group = self.names[&anchor].clone();
        match self.assigned().contains(&anchor) {
            true => group,
            false => SourceGroup { attributes: AttributeRow::default(), ..group },
        }
    }

    /// Memberships in groups that count.
    fn effective(&self) -> BTreeSet<Membership> {
        let groups = self.groups();
        self.memberships.iter().copied().filter(|row| groups.contains(&row.group)).collect()
    }

    fn full(&self) -> SnapshotUpdate {
        SnapshotUpdate::Full {
            users: self.users.clone(),
            assignments: self.assignments.iter().copied().collect(),
            memberships: self.memberships.iter().copied().collect(),
            groups: self.groups().into_iter().map(|group| self.group(group)).collect(),
            edges: self.edges.iter().copied().collect(),
            plan_groups: true,
            watermark: Watermark("full".to_owned()),
            query_hash: "query".to_owned(),
        }
    }

    /// What a cycle would hand over: changed people, newcomers, and the members of new groups.
    async fn delta_from(&self, before: &Self, store: &Store, random: &mut StdRng) -> Delta {
        let everybody = self.users.iter().map(|user| user.anchor).collect();
        let known = store.source_users(everybody).await.unwrap();
        let users = self.users.iter().filter(|user| !known.contains(user)).cloned().collect();
        let changed = self.assignments != before.assignments;
        let assignments = (changed || random.random_bool(0.5))
            .then(|| self.assignments.iter().copied().collect());
        let (now, was) = (self.groups(), before.groups());
        let fresh: BTreeSet<SourceAnchor> = now.difference(&was).copied().collect();
        let edges_added = self.edges.iter().filter(|edge| {
            now.contains(&edge.parent)
                && (!before.edges.contains(edge) || fresh.contains(&edge.parent))
        });
        let changed_group = |anchor: &&SourceAnchor| {
            fresh.contains(*anchor) || before.group(**anchor) != self.group(**anchor)
        };
        let added = self
            .memberships
            .iter()
            .filter(|row| !before.memberships.contains(row) || fresh.contains(&row.group));
        Delta {
            users,
            assignments,
            added: added.copied().collect(),
            removed: before.memberships.difference(&self.memberships).copied().collect(),
            groups: now.iter().filter(changed_group).map(|group| self.group(*group)).collect(),
            edges_added: edges_added.copied().collect(),
            edges_removed: before.edges.difference(&self.edges).copied().collect(),
            groups_gone: Vec::new(),
            plan_groups: true,
        }
    }

    /// Everything that planning sees of a person.
    fn view(
        &self,
        who: SourceAnchor,
        linked: bool,
    ) -> Option<(SourceUser, Vec<Assignment>, Vec<Membership>)> {
        let memberships: Vec<Membership> =
            self.effective().into_iter().filter(|row| row.user == who).collect();
        let above = |row: &&Assignment| {
            let below = below([row.principal], &self.edges);
            memberships.iter().any(|known| below.contains(&known.group))
        };
        let ties = |row: &&Assignment| row.principal == who || above(row);
        let assignments: Vec<Assignment> = self.assignments.iter().filter(ties).copied().collect();
        if assignments.is_empty() && !linked {
            return None;
        }
        let user = self.users.iter().find(|user| user.anchor == who)?;
        Some((user.clone(), assignments, memberships))
    }
}

fn named(number: u128, name: &str) -> SourceGroup {
    SourceGroup {
        anchor: group(number),
        presence: Presence::Present,
        attributes: AttributeRow::pack([Some(name)]),
    }
}

fn toggle<T: Ord>(rows: &mut BTreeSet<T>, row: T) {
    if !rows.remove(&row) {
        rows.insert(row);
    }
}

#[tokio::test]
async fn deltas_after_a_full_import_equal_a_full_import_of_the_end() {
    for seed in 0..60 {
        let mut random = StdRng::seed_from_u64(seed);
        let home = Home::new();
        let store = Store::preview(&home.path()).unwrap();
        put(&store, link(1, "one")).await;
        put(&store, link(2, "two")).await;
        let mut tenant = Tenant::random(&mut random);
        store.commit_import(tenant.full()).await.unwrap();
        for step in 0..8 {
            settle_all(&store).await;
            let before = tenant.clone();
            for _ in 0..random.random_range(0..6) {
                tenant.change(&mut random);
            }
            let update = if random.random_bool(0.2) {
                tenant.full()
            } else {
                tenant.delta_from(&before, &store, &mut random).await.into()
            };
            store.commit_import(update).await.unwrap();

            let other = Store::preview(&home.path()).unwrap();
            put(&other, link(1, "one")).await;
            put(&other, link(2, "two")).await;
            other.commit_import(tenant.full()).await.unwrap();
            settle_all(&other).await;
            let told = format!("seed {seed}, step {step}");
            let mut here = store.plan_data(Subjects::All, at(0)).await.unwrap();
            let there = other.plan_data(Subjects::All, at(0)).await.unwrap();
            // Those who were dropped still have to be planned once.
            here.subjects.retain(|subject| there.subjects.contains(subject));
            assert_eq!(here, there, "{told}");

            let marked: BTreeSet<SourceAnchor> =
                waiting(&store).await.into_iter().map(|subject| subject.anchor).collect();
            for number in 0..PEOPLE {
                let (who, linked) = (anchor(number), (1..=2).contains(&number));
                if before.view(who, linked) != tenant.view(who, linked) {
                    assert!(marked.contains(&who), "{told}: {who} changed");
                }
            }
            for number in 0..GROUPS {
                let seen = |tenant: &Tenant| {
                    let assigned = tenant.assigned().contains(&group(number));
                    assigned.then(|| tenant.group(group(number)))
                };
                let (was, is) = (seen(&before), seen(&tenant));
                assert_eq!(was != is, marked.contains(&group(number)), "{told}: group {number}");
            }
        }
    }
}
