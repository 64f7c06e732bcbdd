//! What a change costs: as much in a large company as in a small one, and nothing at ShareFile if it
//! is none of the job's business.
//!
//! The cargo test lets the directory grow around a job of the same size, and a job a little;
//! `tests/simulate` lets everybody be in scope.

#[cfg(test)]
mod pages;

use std::collections::BTreeMap;

use serde_json::json;
use sharefile_provisioner::cycle::Engine;
use sharefile_provisioner::model::outcome::CycleState;
use sharefile_provisioner::model::plan::CycleKind;
use sharefile_provisioner::sandbox::SandboxOptions;
use sharefile_provisioner::sandbox::graph::views::{NewGroup, NewPerson};
use sharefile_provisioner::sandbox::sharefile::SharefileOptions;
use uuid::Uuid;

use crate::world::{World, asked};

/// Groups that are assigned; each has its part of the people in scope.
const GROUPS: usize = 3;

/// What a cycle asked of both ends, by endpoint.
pub type Requests = BTreeMap<String, u64>;

/// How large a company is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// How many people it has.
    pub people: usize,
    /// How many of them are in scope.
    pub in_scope: usize,
}

/// What happens, and what it costs above a cycle in which nothing does.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// What happens.
    pub change: &'static str,
    /// Accounts created, updated and disabled.
    did: (u64, u64, u64),
    /// Requests above three to Graph.
    requests: &'static [(&'static str, u64)],
}

const BATCH: &str = "POST /v1.0/$batch";
const READ: &str = "GET /sf/v3/Users(id)";
const CHANGE: &str = "PATCH /sf/v3/Users(id)";
const LOOK_UP: &str = "GET /sf/v3/Users";
const SEATS: &str = "GET /sf/v3/Accounts";
const CREATE: &str = "POST /sf/v3/Users/AccountUser";

/// What a cycle costs in which nothing changed.
const NOTHING: [(&str, u64); 3] = [
    ("GET /v1.0/servicePrincipals/{id}/appRoleAssignedTo", 1),
    ("GET /v1.0/users/delta", 1),
    ("GET /v1.0/groups/delta", 1),
];

/// The changes, in the order in which they happen.
pub const COSTS: [Cost; 7] = [
    Cost { change: "nothing", did: (0, 0, 0), requests: &[] },
    Cost { change: "a rename", did: (0, 1, 0), requests: &[(READ, 1), (CHANGE, 1)] },
    Cost {
        change: "somebody joins",
        did: (1, 0, 0),
        requests: &[(BATCH, 1), (LOOK_UP, 1), (SEATS, 1), (CREATE, 1)],
    },
    Cost { change: "somebody leaves", did: (0, 0, 1), requests: &[(READ, 1), (CHANGE, 1)] },
    Cost { change: "changes out of scope", did: (0, 0, 0), requests: &[] },
    Cost {
        change: "a group of two comes into a group",
        did: (2, 0, 0),
        // Its members come with it.
        requests: &[(BATCH, 1), (LOOK_UP, 2), (SEATS, 1), (CREATE, 2)],
    },
    Cost { change: "and leaves it", did: (0, 0, 2), requests: &[(READ, 2), (CHANGE, 2)] },
];

/// A company of which the job sees a part, and a process that goes on.
struct Company {
    world: World,
    engine: Engine,
    people: Vec<Uuid>,
    groups: Vec<Uuid>,
    foreign: Uuid,
    nested: Uuid,
}

impl Company {
    async fn of(size: Size) -> Self {
        let sharefile = SharefileOptions { employee_max: 1_000_000, ..SharefileOptions::default() };
        let options = SandboxOptions {
            users: 0,
            groups: 0,
            existing_accounts: false,
            sharefile,
            ..SandboxOptions::default()
        };
        let mut world = World::light(options).await;
        world.set("scope.nested_groups", "true");
        let entra = world.sandbox.entra.clone();
        let group = |name: &str| entra.add_group(NewGroup::named(name)).expect("a group");
        let person = |number: usize| {
            let mail = format!("person{number}@contoso.example");
            let new = NewPerson::named("Person", &format!("Number{number}"), &mail);
            entra.add_person(new).expect("a person")
        };
        let people: Vec<Uuid> = (0..size.people).map(person).collect();
        let groups: Vec<Uuid> = (0..GROUPS).map(|n| group(&format!("Group {n}"))).collect();
        let (foreign, nested) = (group("Foreign"), group("Nested"));
        for (number, person) in people.iter().enumerate() {
            let of = if number < size.in_scope { groups[number % GROUPS] } else { foreign };
            entra.add_member(of, *person).expect("a member");
        }
        for name in ["Two", "Three"] {
            entra.add_member(nested, world.person(name)).expect("a member");
        }
        for group in &groups {
            world.assign(*group, "User");
        }
        let engine = world.engine();
        Self { world, engine, people, groups, foreign, nested }
    }

    async fn turn(&self) -> (CycleKind, (u64, u64, u64), Requests) {
        self.world.sandbox.counts.reset();
        let report = self.engine.turn(asked()).await.expect("a recorded cycle").report;
        assert_eq!(report.state, CycleState::Complete, "{:?}", report.error);
        let did = (report.counts.created, report.counts.updated, report.counts.disabled);
        (report.kind, did, self.world.sandbox.counts.by_endpoint())
    }

    fn change(&self, change: &str) {
        let entra = &self.world.sandbox.entra;
        let [first, second, ..] = self.people.as_slice() else { panic!("nobody is in scope") };
        let stranger = self.people.last().expect("somebody");
        match change {
            "nothing" => Ok(()),
            "a rename" => entra.set_person(*first, "surname", "Married"),
            "somebody joins" => entra.add_member(self.groups[0], self.world.person("Newcomer")),
            "somebody leaves" => entra.remove_member(self.groups[1], *second),
            "changes out of scope" => self.out_of_scope(*stranger),
            "a group of two comes into a group" => entra.add_member(self.groups[2], self.nested),
            "and leaves it" => entra.remove_member(self.groups[2], self.nested),
            other => panic!("{other}"),
        }
        .expect("a change");
    }

    /// People and groups that are not in scope change in every way.
    fn out_of_scope(
        &self,
        stranger: Uuid,
    ) -> Result<(), sharefile_provisioner::sandbox::graph::TenantError> {
        let entra = &self.world.sandbox.entra;
        entra.set_person(stranger, "surname", "Else")?;
        let (new, leaver) = (self.world.person("Nobody"), self.world.person("Leaver"));
        entra.add_member(self.foreign, new)?;
        entra.remove_member(self.foreign, stranger)?;
        entra.soft_delete_person(leaver)?;
        let patch = json!({ "displayName": "More foreign" });
        entra.edit_group(self.foreign, patch.as_object().expect("an object"))?;
        let other = entra.add_group(NewGroup::named("Other"))?;
        entra.add_member(other, self.foreign)?;
        entra.delete_group(other)
    }
}

/// Lets everything happen in a company of a size. Panics where it costs something else.
pub async fn pay(size: Size) {
    let company = Company::of(size).await;
    let (kind, did, _) = company.turn().await;
    let everybody = size.in_scope as u64;
    assert_eq!((kind, did), (CycleKind::Initial, (everybody, 0, 0)), "{size:?}");
    for cost in COSTS {
        company.change(cost.change);
        let (kind, did, requests) = company.turn().await;
        let told = format!("{}, {size:?}", cost.change);
        assert_eq!((kind, did), (CycleKind::Incremental, cost.did), "{told}");
        let both = NOTHING.iter().chain(cost.requests);
        let expected: Requests = both.map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(requests, expected, "{told}");
    }
    company.engine.store.close().await.expect("a closed store");
}

#[cfg(test)]
#[tokio::test]
async fn a_change_costs_the_same_however_large_the_directory_is() {
    for people in [100, 10_000, 100_000] {
        pay(Size { people, in_scope: 60 }).await;
    }
}

#[cfg(test)]
#[tokio::test]
async fn a_change_costs_the_same_however_many_are_in_scope() {
    for people in [100, 1_500] {
        pay(Size { people, in_scope: people - 10 }).await;
    }
}
